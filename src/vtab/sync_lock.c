/*
** sync_lock.c - see sync_lock.h.
*/
#include "sync_lock.h"

#include <string.h>

#include "../os.h"

#define LOCK_PREFIX "ortto-sync-"
#define SILENT_SECONDS 1800        /* a run that cannot be asked counts as dead after that */

void sync_lock_acquire(sync_run *s){
  os_lock_create(&s->lock, NULL, LOCK_PREFIX);
}

void sync_lock_release(sync_run *s){
  os_lock_release(&s->lock);
}

char *owner_text(const sync_run *s){
  char host[256];
  os_host_name(host, sizeof host);
  return sqlite3_mprintf("%s %s", host, s->lock.path ? s->lock.path : "");
}

/* The path in an owner's text if it is of this machine and a lock of ours; else NULL. */
static const char *path_of_lock(const char *owner){
  char here[256];
  os_host_name(here, sizeof here);
  size_t n = strlen(here);
  if( strncmp(owner, here, n)!=0 || owner[n]!=' ' ) return NULL;
  const char *path = owner + n + 1, *name = os_file_name(path);
  return name>path && strncmp(name, LOCK_PREFIX, strlen(LOCK_PREFIX))==0 ? path : NULL;
}

int owner_lives(const char *owner, sqlite3_int64 silent_seconds){
  if( owner==NULL || owner[0]==0 ) return 0;
  const char *path = path_of_lock(owner);
  int held = path ? os_lock_ask(path) : OS_LOCK_UNKNOWN;
  return held==OS_LOCK_UNKNOWN ? silent_seconds<SILENT_SECONDS : held==OS_LOCK_HELD;
}
