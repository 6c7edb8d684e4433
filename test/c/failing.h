/*
** failing.h - an allocator that fails when it is told to: for the tests that ask what is left when memory
** runs out.
**
** It takes the place of the C library's, so it reaches SQLite, libcurl, cJSON and the extension alike. Where
** somebody else has the allocator (a sanitizer, another C library) CAN_FAIL is 0, and nothing ever fails.
** Include it in one source file of a program.
*/
#ifndef FAILING_H
#define FAILING_H

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define CAN_FAIL 1
#else
#define CAN_FAIL 0
#endif

typedef struct failing {
  int armed;                       /* allocations of `thread` are counted */
  int for_good;                    /* all after the one that failed fail too */
  size_t size;                     /* 0, or only blocks of that size are counted */
  long left;                       /* the one that brings this to 0 fails */
  pthread_t thread;
} failing;

static failing allocator;
static long live_blocks UNUSED;    /* allocated and not freed, of all threads */

/* From here on allocation n of this thread fails; 0: none does. */
UNUSED static void fail_allocation(long n, int for_good){
  allocator.thread = pthread_self();
  allocator.left = n;
  allocator.for_good = for_good;
  allocator.armed = 1;
}

#if CAN_FAIL
#define VISIBLE __attribute__((visibility("default")))
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t count, size_t n);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

static int allocation_fails(size_t n){
  if( !allocator.armed || (allocator.size && n!=allocator.size) ) return 0;
  if( !pthread_equal(allocator.thread, pthread_self()) ) return 0;
  allocator.left--;
  if( allocator.left!=0 && !(allocator.for_good && allocator.left<0) ) return 0;
  errno = ENOMEM;
  return 1;
}

static void *counted(void *p, long change){
  if( p ) __atomic_add_fetch(&live_blocks, change, __ATOMIC_RELAXED);
  return p;
}

VISIBLE void *malloc(size_t n){
  return allocation_fails(n) ? NULL : counted(__libc_malloc(n), 1);
}

VISIBLE void *calloc(size_t count, size_t n){
  return allocation_fails(count*n) ? NULL : counted(__libc_calloc(count, n), 1);
}

VISIBLE void *realloc(void *p, size_t n){
  if( allocation_fails(n) ) return NULL;
  void *now = __libc_realloc(p, n);
  if( p==NULL ) counted(now, 1);
  else if( n==0 && now==NULL ) counted(p, -1);
  return now;
}

VISIBLE void free(void *p){
  counted(p, -1);
  __libc_free(p);
}
#endif

/* ---- bodies of requests -------------------------------------------------------------------------------- */

/* The text behind a member's name becomes blanks, wherever it stands: what we make for each call. Its length
** must be that. */
static void blank_out(char *body, const char *member, size_t length){
  for(char *p=strstr(body, member); p; p=strstr(p, member)){
    p += strlen(member);
    if( strcspn(p, "\"")!=length ) fail_msg("%s of another length in %s", member, body);
    memset(p, ' ', length);
  }
}

/* A body without what changes from call to call. */
UNUSED static char *plain_body(const char *from){
  char *body = strdup(from);
  body[strcspn(body, "\n")] = 0;
  blank_out(body, "\"created\":\"", 24);
  blank_out(body, "\"key\":\"", 36);
  blank_out(body, "\"timestamp\":\"", 24);
  blank_out(body, "\"message_id\":\"", 36);
  return body;
}

#endif
