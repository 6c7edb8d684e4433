/*
** sync_lock.c - see sync_lock.h.
*/
#include "sync_lock.h"

#include <ctype.h>
#include <string.h>

#include "../os.h"
#include "../text.h"

#define SILENT_SECONDS 300         /* a run that cannot be asked counts as dead after that */

static const char with_lock[] = "lock", without_lock[] = "none";

/* Can no other connection reach the target's database? One in memory of its own, and temp. */
static int is_private(const sync_run *s){
  const char *file = sqlite3_db_filename(s->conn->db, s->schema);
  return file==NULL || file[0]==0;
}

/* The target's file; NULL where the database has none. */
static const char *database_file(const sync_run *s){
  const char *file = sqlite3_db_filename(s->conn->db, s->schema);
  char *vfs = NULL;
  if( is_private(s) ) return NULL;
  sqlite3_file_control(s->conn->db, s->schema, SQLITE_FCNTL_VFSNAME, &vfs);
  int in_memory = vfs && strstr(vfs, "memdb")!=NULL;
  sqlite3_free(vfs);
  return in_memory ? NULL : file;
}

/* Targets that differ only in the case of ASCII letters are one. */
static char *lock_path(const sync_run *s, const char *file){
  char *name = sqlite3_mprintf("%s", s->target), *path = NULL;
  if( name==NULL ) return NULL;
  for(char *p=name; *p; p++) if( (unsigned char)*p<128 ) *p = (char)tolower((unsigned char)*p);
  unsigned long long hash = hash_bytes(HASH_START, name, strlen(name));
  path = sqlite3_mprintf("%s-ortto-sync-%016llx", file, hash);
  sqlite3_free(name);
  return path;
}

static unsigned some_number(void){
  unsigned number = 0;
  if( !os_random(&number, sizeof number) ) number = (unsigned)((uint64_t)now_us() ^ os_process_id()<<16);
  return number ? number : 1;
}

static char *owner_text(const sync_run *s){
  char host[256];
  conn *c = s->conn;
  os_host_name(host, sizeof host);
  if( c->owner_number==0 ) c->owner_number = some_number();
  return sqlite3_mprintf("%s %s %08x%08x", host, s->lock.path ? with_lock : without_lock, c->owner_number,
                         some_number());
}

int sync_lock_acquire(sync_run *s){
  const char *file = database_file(s);
  if( file ){
    char *path = lock_path(s, file);
    if( path==NULL ) return SQLITE_NOMEM;
    s->lock_is_held = os_lock_take(&s->lock, path)==OS_LOCK_HELD;
    sqlite3_free(path);
  }
  s->owner = owner_text(s);
  if( s->owner==NULL ) return SQLITE_NOMEM;
  s->at_work = (syncing){ s->conn->syncs, s->owner };
  s->conn->syncs = &s->at_work;
  return SQLITE_OK;
}

void sync_lock_release(sync_run *s){
  syncing **at = &s->conn->syncs;
  while( *at && *at!=&s->at_work ) at = &(*at)->next;
  if( *at ) *at = s->at_work.next;
  os_lock_release(&s->lock);
  sqlite3_free(s->owner);
  s->owner = NULL;
}

/* Did the run of that owner hold a lock? */
static int owner_had_lock(const char *owner){
  const char *number = strrchr(owner, ' ');
  size_t n = strlen(with_lock);
  return number && (size_t)(number-owner)>n && number[-(int)n-1]==' ' && memcmp(number-n, with_lock, n)==0;
}

/* Is it a run of this connection? */
static int owner_is_ours(const sync_run *s, const char *owner){
  char number[10];
  const char *last = strrchr(owner, ' ');
  sqlite3_snprintf(sizeof number, number, "%08x", s->conn->owner_number);
  return last && strncmp(last+1, number, 8)==0;
}

int owner_lives(const sync_run *s, const char *owner, sqlite3_int64 silent_seconds){
  if( owner==NULL || owner[0]==0 ) return 0;
  for(const syncing *other=s->conn->syncs; other; other=other->next)
    if( other!=&s->at_work && strcmp(other->owner, owner)==0 ) return 1;
  if( owner_is_ours(s, owner) ) return 0;                 /* an interrupt kept it from saying its end */
  if( owner_had_lock(owner) && s->lock.path ) return 0;   /* it would hold what we hold */
  if( owner_had_lock(owner) && s->lock_is_held ) return 1;
  return !is_private(s) && silent_seconds<SILENT_SECONDS && silent_seconds>-SILENT_SECONDS;
}
