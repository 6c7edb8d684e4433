/*
** os.c - see os.h: Linux, macOS and their like.
*/
#define _GNU_SOURCE
#include "os.h"

#ifndef _WIN32
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
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

void os_sleep(int ms){
  struct timespec t = { ms/1000, (long)(ms%1000)*1000000L };
  nanosleep(&t, NULL);
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

char *os_environment(const char *name, int *failed){
  const char *value = getenv(name);
  char *copy = value ? strdup(value) : NULL;
  *failed = value && copy==NULL;
  return copy;
}

FILE *os_open_to_read(const char *path){
  return fopen(path, "rb");
}

int os_is_file(const char *path){
  struct stat is;
  return stat(path, &is)==0 && !S_ISDIR(is.st_mode);
}

void os_host_name(char *name, size_t size){
  memset(name, 0, size);                         /* a name that is cut need not be terminated */
  gethostname(name, size - 1);
}

int os_error_is_terminal(void){
  return isatty(STDERR_FILENO);
}

int os_output_is_terminal(void){
  return isatty(STDOUT_FILENO);
}

int os_error_columns(void){
  struct winsize size;
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size)==0 ? size.ws_col : 0;
}

/* A file that may be there already, of another user's too: to lock it, reading is enough. */
static int lock_open(const char *path){
  const int how = O_NOFOLLOW|O_NONBLOCK|O_NOCTTY|O_CLOEXEC;
  int fd = open(path, O_RDWR|O_CREAT|how, 0644);
  return fd<0 && errno==EACCES ? open(path, O_RDONLY|how) : fd;
}

/* Is what is open still the file of that path? Its last holder may have removed it meanwhile. */
static int lock_is_at(int fd, const char *path, struct stat *opened){
  struct stat there;
  return fstat(fd, opened)==0 && lstat(path, &there)==0
    && opened->st_dev==there.st_dev && opened->st_ino==there.st_ino;
}

int os_lock_take(os_lock *lock, const char *path){
  *lock = (os_lock){ 0 };
  for(int tries=0; tries<100; tries++){
    struct stat opened;
    int fd = lock_open(path);
    if( fd<0 ) return OS_LOCK_NONE;
    int refused = flock(fd, LOCK_EX|LOCK_NB)!=0, why = errno;
    int same = lock_is_at(fd, path, &opened);
    if( !refused && same && S_ISREG(opened.st_mode) ) lock->path = strdup(path);
    if( lock->path ){
      lock->handle = fd;
      return OS_LOCK_TAKEN;
    }
    close(fd);
    if( refused ) return why==EWOULDBLOCK ? OS_LOCK_HELD : OS_LOCK_NONE;
    if( same ) return OS_LOCK_NONE;
  }
  return OS_LOCK_NONE;
}

void os_lock_release(os_lock *lock){
  struct stat opened;
  if( lock->path==NULL ) return;
  int ours = lock_is_at((int)lock->handle, lock->path, &opened);
  if( ours && opened.st_size==0 ) unlink(lock->path);
  close((int)lock->handle);
  free(lock->path);
  *lock = (os_lock){ 0 };
}
#endif
