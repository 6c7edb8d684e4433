/*
** os.c - see os.h.
*/
#define _GNU_SOURCE
#include "os.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#ifdef __APPLE__
#include <xlocale.h>
#endif

int64_t now_us(void){
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * SECOND + t.tv_nsec / 1000;
}

int64_t os_wall_ms(void){
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return (int64_t)t.tv_sec*1000 + t.tv_nsec/1000000;
}

void os_utc_text(int64_t wall_ms, char text[25]){
  time_t seconds = (time_t)(wall_ms / 1000);
  struct tm utc;
  char at[40];
  gmtime_r(&seconds, &utc);
  size_t n = strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%S", &utc);
  snprintf(at + n, sizeof at - n, ".%03dZ", (int)(wall_ms % 1000));
  snprintf(text, 25, "%.24s", at);
}

uint64_t os_process_id(void){
  return (uint64_t)getpid();
}

int os_random(void *bytes, size_t n){
  return getentropy(bytes, n)==0;
}

int os_ip_parse(const char *text, unsigned char bytes[16]){
  if( inet_pton(AF_INET, text, bytes)==1 ) return 4;
  return inet_pton(AF_INET6, text, bytes)==1 ? 6 : 0;
}

double os_parse_double(const char *text, char **end){
  locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);   /* glibc and others keep this one ready */
  if( c==(locale_t)0 ) return strtod(text, end);
  double value = strtod_l(text, end, c);
  freelocale(c);
  return value;
}

void os_once(void (*fn)(void)){
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, fn);
}

const char *os_env(const char *name){
  const char *value = getenv(name);
  return value && value[0] ? value : NULL;
}

void os_host_name(char *name, size_t size){
  memset(name, 0, size);                         /* a name that is cut need not be terminated */
  gethostname(name, size - 1);
}

const char *os_file_name(const char *path){
  const char *slash = strrchr(path, '/');
  return slash ? slash+1 : path;
}

int os_error_is_terminal(void){
  return isatty(STDERR_FILENO);
}

int os_lock_create(os_lock *lock, const char *folder, const char *prefix){
  if( folder==NULL ) folder = os_env("TMPDIR");
  if( folder==NULL ) folder = "/tmp";
  size_t size = strlen(folder) + strlen(prefix) + sizeof "/XXXXXX";
  char *path = malloc(size);
  *lock = (os_lock){ 0 };
  if( path==NULL ) return 0;
  snprintf(path, size, "%s/%sXXXXXX", folder, prefix);
  int fd = mkstemp(path);
  if( fd<0 ){
    free(path);
    return 0;
  }
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  flock(fd, LOCK_EX|LOCK_NB);
  *lock = (os_lock){ path, fd };
  return 1;
}

void os_lock_release(os_lock *lock){
  if( lock->path==NULL ) return;
  unlink(lock->path);
  close((int)lock->handle);
  free(lock->path);
  *lock = (os_lock){ 0 };
}

int os_lock_ask(const char *path){
  int fd = open(path, O_RDONLY|O_NONBLOCK|O_NOFOLLOW|O_CLOEXEC);
  if( fd<0 ) return errno==ENOENT ? OS_LOCK_FREE : OS_LOCK_UNKNOWN;
  int held = flock(fd, LOCK_EX|LOCK_NB)!=0;
  close(fd);
  if( !held ) unlink(path);
  return held ? OS_LOCK_HELD : OS_LOCK_FREE;
}
