/*
** sync_lock.c - see sync_lock.h.
*/
#define _GNU_SOURCE
#include "sync_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

void sync_lock_acquire(syncing *s){
  const char *folder = getenv("TMPDIR");
  char *path = sqlite3_mprintf("%s/ortto-sync-XXXXXX", folder && folder[0] ? folder : "/tmp");
  s->lock = path ? mkstemp(path) : -1;
  if( s->lock>=0 ){
    fcntl(s->lock, F_SETFD, FD_CLOEXEC);
    flock(s->lock, LOCK_EX|LOCK_NB);
    s->lock_path = path;
  }else sqlite3_free(path);
}

void sync_lock_drop(syncing *s){
  if( s->lock_path ) unlink(s->lock_path);
  if( s->lock>=0 ) close(s->lock);
  sqlite3_free(s->lock_path);
  s->lock_path = NULL;
  s->lock = -1;
}

char *owner_text(const syncing *s){
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  return sqlite3_mprintf("%s %s", host, s->lock_path ? s->lock_path : "");
}

int owner_lives(const char *owner, sqlite3_int64 silent_seconds){
  char here[256] = "";
  if( owner==NULL || owner[0]==0 ) return 0;
  gethostname(here, sizeof here - 1);
  const char *path = strchr(owner, ' '), *name = path ? strrchr(path, '/') : NULL;
  size_t n = strlen(here);
  int same = strncmp(owner, here, n)==0 && owner[n]==' ';
  if( !same || name==NULL || strncmp(name, "/ortto-sync-", 12)!=0 ) return silent_seconds<OWNER_SECONDS;
  int fd = open(path+1, O_RDONLY|O_NONBLOCK|O_NOFOLLOW|O_CLOEXEC);
  if( fd<0 ) return errno!=ENOENT && silent_seconds<OWNER_SECONDS;
  int free_now = flock(fd, LOCK_EX|LOCK_NB)==0;
  close(fd);
  if( free_now ) unlink(path+1);                 /* left by a process that was killed */
  return !free_now;
}
