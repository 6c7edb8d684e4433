/*
** sync_run.c - see sync_run.h.
*/
#include "sync_run.h"

#include <stdio.h>
#include <string.h>

#include "sql.h"

#define LOCK_SECONDS 600           /* how long a database locked by others is waited for */
#define READING_SECONDS 60         /* the same where a SELECT of our own may be what the others wait for */

sqlite3_int64 sync_elapsed(const sync_run *s){
  return s->elapsed_before + now_us()/1000 - s->started;
}

void sync_note(sync_run *s, const char *text){
  size_t n = strlen(s->message);
  snprintf(s->message + n, sizeof s->message - n, "%s%s", n ? "; " : "", text);
}

int sync_local(const sync_run *s, int rc, char **error){
  if( rc==SQLITE_OK || rc==SQLITE_NOMEM ) return rc;
  if( rc==TAKEN_OVER )
    return error_set(error, "ortto: syncing %s into %s: another sync has taken this run over; "
                      "it goes on there, and nothing was changed here", s->source, s->target);
  if( rc==SQLITE_INTERRUPT ){
    error_set(error, "ortto: syncing %s into %s: interrupted; the next call goes on from here",
               s->source, s->target);
    return SQLITE_INTERRUPT;
  }
  const char *kept = s->claimed
    ? "The local table is unchanged; what was fetched is kept, and the next call goes on"
    : "Nothing was changed or fetched";
  error_set(error, "ortto: syncing %s into %s: %s. %s", s->source, s->target, sqlite3_errmsg(s->db), kept);
  return rc & 0xff;
}

int sync_remote(const sync_run *s, int rc, char **error){
  return to_sqlite(s->conn, rc, error);
}

/* Shims in front of a VFS are written before a slash. */
static const char *plain_vfs(const char *vfs){
  const char *slash = vfs ? strrchr(vfs, '/') : NULL;
  return slash ? slash+1 : vfs;
}

int side_open(sync_run *s){
  const char *file = sqlite3_db_filename(s->conn->db, s->schema);
  sqlite3_int64 keys = 0, recursive = 0;
  char *vfs = NULL;
  if( s->side || file==NULL || file[0]==0 ) return SQLITE_BUSY;
  sqlite3_file_control(s->conn->db, s->schema, SQLITE_FCNTL_VFSNAME, &vfs);
  sql_integer(s->db, &keys, "PRAGMA foreign_keys");
  sql_integer(s->db, &recursive, "PRAGMA recursive_triggers");
  int rc = sqlite3_open_v2(file, &s->side, SQLITE_OPEN_READWRITE, plain_vfs(vfs));
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
static int wait_for_locks(sync_run *s, const char *sql){
  int64_t until = now_us() + (s->reading ? READING_SECONDS : LOCK_SECONDS)*SECOND;
  for(;;){
    int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
    if( (rc & 0xff)!=SQLITE_BUSY && (rc & 0xff)!=SQLITE_LOCKED ) return rc;
    if( sqlite3_extended_errcode(s->db)==SQLITE_BUSY_SNAPSHOT && side_open(s)==SQLITE_OK ) continue;
    if( conn_interrupted(s->conn) ) return SQLITE_INTERRUPT;
    if( now_us()>until ) return rc;
    sqlite3_sleep(20);
  }
}

/* SQLite's own waiting, where the user has set a busy timeout, would not notice an interrupt: ours stands in
** for it. */
static int run_patiently(sync_run *s, const char *sql){
  sqlite3_int64 timeout = 0;
  sqlite3 *db = s->db;                           /* which side_open changes */
  if( s->ending && s->side ) return sqlite3_exec(db, sql, NULL, NULL, NULL);
  sql_integer(db, &timeout, "PRAGMA busy_timeout");
  if( timeout>0 ) sqlite3_busy_timeout(db, 0);
  int rc = wait_for_locks(s, sql);
  if( timeout>0 ) sqlite3_busy_timeout(db, (int)timeout);
  return rc;
}

/* A statement that needs no lock of the file's, or has it. */
static int run_now(const sync_run *s, const char *sql){
  return sqlite3_exec(s->db, sql, NULL, NULL, NULL);
}

int sync_begin(sync_run *s, char **error){
  int rc = s->nested ? run_now(s, "SAVEPOINT ortto_sync") : run_patiently(s, "BEGIN IMMEDIATE");
  return sync_local(s, rc, error);
}

static int sync_commit(sync_run *s){
  return s->nested ? run_now(s, "RELEASE ortto_sync") : run_patiently(s, "COMMIT");
}

static void sync_undo(const sync_run *s){
  if( s->nested ) run_now(s, "ROLLBACK TO ortto_sync; RELEASE ortto_sync");
  else if( !sqlite3_get_autocommit(s->db) ) run_now(s, "ROLLBACK");
}

int sync_end(sync_run *s, int rc, char **error){
  local_table_free(&s->local);                   /* others may alter the table from here on */
  if( rc==SQLITE_OK ) rc = sync_commit(s);
  if( rc==SQLITE_OK ) return rc;
  if( *error==NULL ) rc = sync_local(s, rc, error);
  sync_undo(s);
  return rc;
}
