/*
** sync_run.c - see sync_run.h.
*/
#define _GNU_SOURCE
#include "sync_run.h"

#include "../os.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "sql.h"

sqlite3_int64 sync_elapsed(const syncing *s){
  return s->elapsed_before + (now_us()/1000) - s->started;
}

void sync_note(syncing *s, const char *text){
  size_t n = strlen(s->message);
  snprintf(s->message + n, sizeof s->message - n, "%s%s", n ? "; " : "", text);
}

int sync_local(const syncing *s, int rc, char **error){
  if( rc==SQLITE_OK || rc==SQLITE_NOMEM ) return rc;
  if( rc==TAKEN_OVER ) return sync_error(error, "ortto: syncing %s into %s: another sync has taken this run over; it goes on there, and nothing was changed here", s->source, s->target);
  if( rc==SQLITE_INTERRUPT ){
    sync_error(error, "ortto: syncing %s into %s: interrupted; the next call goes on from here", s->source, s->target);
    return SQLITE_INTERRUPT;
  }
  sync_error(error, "ortto: syncing %s into %s: %s. %s", s->source, s->target, sqlite3_errmsg(s->db),
             s->claimed ? "The local table is unchanged; what was fetched is kept, and the next call goes on" : "Nothing was changed or fetched");
  return rc & 0xff;
}

int sync_remote(const syncing *s, int rc, char **error){
  return to_sqlite(s->conn, rc, error);
}

int side_open(syncing *s){
  const char *file = sqlite3_db_filename(s->conn->db, s->schema);
  sqlite3_int64 keys = 0, recursive = 0;
  char *vfs = NULL;
  if( s->side || file==NULL || file[0]==0 ) return SQLITE_BUSY;
  sqlite3_file_control(s->conn->db, s->schema, SQLITE_FCNTL_VFSNAME, &vfs);
  sql_integer(s->db, &keys, "PRAGMA foreign_keys");
  sql_integer(s->db, &recursive, "PRAGMA recursive_triggers");
  char *plain = vfs ? strrchr(vfs, '/') : NULL;    /* shims in front of the VFS are written before a slash */
  int rc = sqlite3_open_v2(file, &s->side, SQLITE_OPEN_READWRITE, plain ? plain+1 : vfs);
  sqlite3_free(vfs);
  if( rc!=SQLITE_OK ){
    sqlite3_close(s->side);
    s->side = NULL;
    return SQLITE_BUSY;
  }
  s->db = s->side;
  sqlite3_free(s->schema);
  s->schema = sqlite3_mprintf("main");
  sql_run(s->db, "PRAGMA foreign_keys=%d", (int)keys);
  sql_run(s->db, "PRAGMA recursive_triggers=%d", (int)recursive);
  return s->schema ? SQLITE_OK : SQLITE_NOMEM;
}

/* Others that write are waited for: they must not end a sync. */
static int wait_for_locks(syncing *s, const char *sql){
  sqlite3_int64 until = (now_us()/1000) + (s->reading ? READING_SECONDS : LOCK_SECONDS)*1000;
  for(;;){
    int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
    if( (rc & 0xff)!=SQLITE_BUSY && (rc & 0xff)!=SQLITE_LOCKED ) return rc;
    if( sqlite3_extended_errcode(s->db)==SQLITE_BUSY_SNAPSHOT && side_open(s)==SQLITE_OK ) continue;
    if( conn_interrupted(s->conn) ) return SQLITE_INTERRUPT;
    if( (now_us()/1000)>until ) return rc;
    sqlite3_sleep(20);
  }
}

/* SQLite's own waiting, where the user has set a busy timeout, would not notice an interrupt: ours stands in for it. */
static int run_patiently(syncing *s, const char *sql){
  sqlite3_int64 timeout = 0;
  sqlite3 *db = s->db;
  sql_integer(s->db, &timeout, "PRAGMA busy_timeout");
  if( timeout>0 ) sqlite3_busy_timeout(db, 0);
  int rc = wait_for_locks(s, sql);
  if( timeout>0 ) sqlite3_busy_timeout(db, (int)timeout);
  return rc;
}

int sync_begin(syncing *s){
  return s->nested ? sqlite3_exec(s->db, "SAVEPOINT ortto_sync", NULL, NULL, NULL) : run_patiently(s, "BEGIN IMMEDIATE");
}

void sync_undo(syncing *s){
  if( s->nested ) sqlite3_exec(s->db, "ROLLBACK TO ortto_sync; RELEASE ortto_sync", NULL, NULL, NULL);
  else if( !sqlite3_get_autocommit(s->db) ) sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

int sync_commit(syncing *s){
  return s->nested ? sqlite3_exec(s->db, "RELEASE ortto_sync", NULL, NULL, NULL) : run_patiently(s, "COMMIT");
}

int sync_end(syncing *s, int rc, char **error){
  if( rc==SQLITE_OK ) rc = sync_commit(s);
  if( rc!=SQLITE_OK ){
    if( *error==NULL ) rc = sync_local(s, rc, error);
    sync_undo(s);
  }
  return rc;
}
