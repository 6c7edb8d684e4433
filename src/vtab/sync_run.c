/*
** sync_run.c - see sync_run.h.
*/
#include "sync_run.h"

#include <stdio.h>
#include <string.h>

#include "../text.h"
#include "sql.h"

#define PATIENCE_MS 5000           /* how long a file that others have locked is waited for, at least */
#define COMMIT_MORE_MS 2000        /* see sync_commit */
#define UNDO_TRIES 8               /* see sync_undo */

static int is_locked(int rc){
  return (rc & 0xff)==SQLITE_BUSY || (rc & 0xff)==SQLITE_LOCKED;
}

sqlite3_int64 sync_elapsed(const sync_run *s){
  return s->elapsed_before + now_us()/1000 - s->started;
}

void sync_note(sync_run *s, const char *text){
  size_t n = strlen(s->message);
  snprintf(s->message + n, sizeof s->message - n, "%s%s", n ? "; " : "", text);
  utf8_mend(s->message);
}

static const char *what_is_kept(const sync_run *s){
  if( !s->claimed ) return "Nothing was changed or fetched";
  if( s->kept==0 ) return "The local table is unchanged, and nothing that was fetched is kept";
  return "The local table is unchanged; what was fetched is kept, and the next call goes on";
}

/* SQLite's words for what failed, if they are still there. */
static const char *local_reason(const sync_run *s, int rc){
  return sqlite3_errcode(s->db)==SQLITE_OK ? sqlite3_errstr(rc) : sqlite3_errmsg(s->db);
}

int sync_local(const sync_run *s, int rc, char **error){
  if( rc==SQLITE_OK || rc==SQLITE_NOMEM ) return rc;
  if( rc==TAKEN_OVER )
    return error_set(error, "ortto: syncing %s into %s: another sync has taken this run over; "
                      "it goes on there, and nothing was changed here", s->source, s->target);
  if( rc==SQLITE_INTERRUPT )
    error_set(error, "ortto: syncing %s into %s: interrupted; the next call goes on from here",
               s->source, s->target);
  else if( is_locked(rc) && s->locked )
    error_set(error, "ortto: syncing %s into %s: the database was locked for %lld s by %s. %s",
               s->source, s->target, s->patience/SECOND, s->locked, what_is_kept(s));
  else
    error_set(error, "ortto: syncing %s into %s: %s. %s", s->source, s->target, local_reason(s, rc),
               what_is_kept(s));
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

/* What decides which rows of the user's change with the target's. */
static int rules_copy(sqlite3 *from, sqlite3 *to, int recursive){
  static const int rules[] = { SQLITE_DBCONFIG_ENABLE_FKEY, SQLITE_DBCONFIG_ENABLE_TRIGGER };
  for(int i=0; i<2; i++){
    int on = 0;
    int rc = sqlite3_db_config(from, rules[i], -1, &on);
    if( rc==SQLITE_OK ) rc = sqlite3_db_config(to, rules[i], on, NULL);
    if( rc!=SQLITE_OK ) return rc;
  }
  return sql_run(to, "PRAGMA recursive_triggers=%d", recursive);
}

int side_open(sync_run *s){
  const char *file = sqlite3_db_filename(s->conn->db, s->schema);
  sqlite3_int64 recursive;
  char *vfs = NULL;
  if( s->side || file==NULL || file[0]==0 ) return SQLITE_BUSY;
  int rc = sql_integer(s->db, &recursive, "PRAGMA recursive_triggers");
  if( rc!=SQLITE_OK && !s->ending ) return rc;     /* at its end it writes nothing but its own record */
  sqlite3_file_control(s->conn->db, s->schema, SQLITE_FCNTL_VFSNAME, &vfs);
  rc = sqlite3_open_v2(file, &s->side, SQLITE_OPEN_READWRITE, plain_vfs(vfs));
  sqlite3_free(vfs);
  if( rc==SQLITE_OK ) rc = rules_copy(s->db, s->side, (int)recursive);
  char *schema = rc==SQLITE_OK ? sqlite3_mprintf("main") : NULL;
  if( schema==NULL ){
    sqlite3_close(s->side);
    s->side = NULL;
    return SQLITE_BUSY;
  }
  s->db = s->side;
  sqlite3_free(s->schema);
  s->schema = schema;
  return SQLITE_OK;
}

/* A statement that needs no lock of the file's, or has it. */
static int run_now(const sync_run *s, const char *sql){
  return sqlite3_exec(s->db, sql, NULL, NULL, NULL);
}

static int state_create(const sync_run *s){
  return sql_run(s->db,
    "CREATE TABLE IF NOT EXISTS \"%w\"." STATE_TABLE "("
    "run INTEGER PRIMARY KEY, source TEXT, target TEXT, mode TEXT, started TEXT, finished TEXT, state TEXT, "
    "rows INTEGER, total INTEGER, page INTEGER, "
    "inserted INTEGER, updated INTEGER, deleted INTEGER, unchanged INTEGER, "
    "requests INTEGER, retries INTEGER, elapsed_ms INTEGER, "
    "cursor_id TEXT, next_offset INTEGER, error TEXT, message TEXT, "
    "newest TEXT, mark TEXT, server_time TEXT, "
    "identity TEXT, columns TEXT, staging TEXT, owner TEXT, beat INTEGER, filled TEXT)", s->schema);
}

/* Of all files that are attached the target's alone is locked: BEGIN IMMEDIATE would lock every one. SQLite
** asks a progress handler at a statement's end too: one that is done can be called interrupted. */
static int begin_once(sync_run *s){
  int rc = run_now(s, s->nested ? "SAVEPOINT ortto_sync" : "BEGIN");
  s->begun = rc==SQLITE_OK || (!s->nested && !sqlite3_get_autocommit(s->db));
  if( s->nested && rc==SQLITE_INTERRUPT ) run_now(s, "RELEASE ortto_sync");
  if( rc!=SQLITE_OK ) return rc;
  rc = sql_run(s->db, "UPDATE \"%w\"." STATE_TABLE " SET run=run WHERE 0", s->schema);
  return (rc & 0xff)==SQLITE_ERROR ? state_create(s) : rc;
}

static int commit_once(sync_run *s){
  int rc = run_now(s, s->nested ? "RELEASE ortto_sync" : "COMMIT");
  return rc==SQLITE_INTERRUPT && !s->nested && sqlite3_get_autocommit(s->db) ? SQLITE_OK : rc;
}

/* An interrupted connection runs no statement any more until all are over, ROLLBACK neither. But SQLite
** itself rolls back where one that writes is interrupted, and that is what this one becomes: BEGIN IMMEDIATE,
** prepared in time. If a change of the schema has made it useless: without a blank between the words SQLite
** prepares a statement even then. */
static void undo_by_force(const sync_run *s){
  if( s->undo ) sqlite3_step(s->undo);
  if( sqlite3_get_autocommit(s->db) || !conn_interrupted(s->conn) ) return;
  sql_run(s->db, "UPDATE\"%w\".\"" STATE_TABLE "\"SET\"run\"=\"run\"WHERE(0);", s->schema);
}

/* A progress handler may end a ROLLBACK and say nothing against the next, or against what is to force it. */
static void sync_undo(sync_run *s){
  int rc = SQLITE_INTERRUPT;
  if( !s->begun ) return;
  s->begun = 0;
  for(int i=0; i<UNDO_TRIES && rc==SQLITE_INTERRUPT && !sqlite3_get_autocommit(s->db); i++){
    rc = run_now(s, s->nested ? "ROLLBACK TO ortto_sync; RELEASE ortto_sync" : "ROLLBACK");
    if( i>0 && rc==SQLITE_INTERRUPT && !sqlite3_get_autocommit(s->db) ) undo_by_force(s);
  }
}

static const char sharing[] =
  "a connection that shares its cache, and writes, or has a SELECT that is not read to its end: let it "
  "commit, and finalize or reset that SELECT, or open it without a shared cache";

/* SQLite asks no busy handler there. */
static int is_locked_in_cache(const sync_run *s){
  return sqlite3_extended_errcode(s->db)==SQLITE_LOCKED_SHAREDCACHE;
}

/* Others that write are waited for: they must not end a sync. */
static int wait_for_locks(sync_run *s, int (*once)(sync_run *s), int64_t patience){
  int64_t until = now_us() + patience;
  for(;;){
    int rc = once(s);
    if( !is_locked(rc) ) return rc;
    int outdated = sqlite3_extended_errcode(s->db)==SQLITE_BUSY_SNAPSHOT;
    s->locked = is_locked_in_cache(s) ? sharing : NULL;
    if( once!=commit_once ) sync_undo(s);
    if( outdated && s->nested ) return rc;         /* what the user has read there is old: no wait helps */
    if( outdated && side_open(s)==SQLITE_OK ) continue;
    if( !s->ending && conn_interrupted(s->conn) ) return SQLITE_INTERRUPT;
    if( now_us()>until ) return rc;
    os_sleep(s->ending ? 5 : 20);                /* sqlite3_sleep may know whole seconds only */
  }
}

void sync_waits_begin(sync_run *s){
  sql_integer(s->conn->db, &s->timeout, "PRAGMA busy_timeout");
  if( s->timeout>0 ) sqlite3_busy_timeout(s->conn->db, 0);
}

void sync_waits_end(sync_run *s){
  if( s->timeout>0 ) sqlite3_busy_timeout(s->conn->db, (int)s->timeout);
  s->timeout = 0;
}

static int run_patiently(sync_run *s, int (*once)(sync_run *s), int64_t patience, const char *locked){
  s->locked = NULL;
  int rc = wait_for_locks(s, once, patience);
  if( !is_locked(rc) ) s->locked = NULL;
  else if( s->locked==NULL ) s->locked = locked;
  return rc;
}

void sync_patience(sync_run *s){
  sqlite3_int64 timeout = 0;
  sql_integer(s->conn->db, &timeout, "PRAGMA busy_timeout");
  s->patience = (timeout>PATIENCE_MS ? timeout : PATIENCE_MS) * 1000;
}

/* A number that every commit to the target's file changes: others' at the next transaction's begin; ours, and
** any of the program's own on this connection, at once and by one, those of sqlite3_blob_write among them. */
static int file_version(const sync_run *s, unsigned *version){
  return sqlite3_file_control(s->db, s->schema, SQLITE_FCNTL_DATA_VERSION, version)==SQLITE_OK;
}

/* Has anybody else written into the file since the run's last transaction? When this one has its lock. */
static void watch_check(sync_run *s){
  unsigned version = 0;
  int known = file_version(s, &version);
  if( s->watched && !(known && s->watched==s->db && version==s->version) ) s->doubt = 1;
  s->watched = s->db;
  s->version = version + 1;                      /* as our commit is to leave it */
}

/* After a commit. A hook of the program's that SQLite calls behind it may have written already. */
static void watch_renew(sync_run *s){
  unsigned version;
  if( !file_version(s, &version) || version!=s->version ) s->doubt = 1;
}

int sync_begin(sync_run *s, char **error){
  sync_waits_begin(s);
  s->kept = s->rows;
  s->last_rowid = sqlite3_last_insert_rowid(s->conn->db);
  /* Under a SELECT that reads, DROP TABLE fails, and takes that SELECT with it. */
  s->may_drop = s->nested ? !s->reading : sqlite3_txn_state(s->db, NULL)==SQLITE_TXN_NONE;
  if( !s->nested && !sqlite3_get_autocommit(s->db) ){
    error_set(error, "ortto: syncing %s into %s: a transaction was begun on this connection while the sync "
              "was half read. %s", s->source, s->target, what_is_kept(s));
    return sync_end(s, SQLITE_ERROR, error);
  }
  int rc = sql_prepare(s->db, &s->undo, "BEGIN IMMEDIATE");
  if( rc==SQLITE_OK )
    rc = run_patiently(s, begin_once, s->patience, "another connection that writes to it");
  if( rc==SQLITE_OK ) watch_check(s);
  return rc==SQLITE_OK ? rc : sync_end(s, rc, error);
}

int sync_transact(sync_run *s, sync_work work, void *ctx, char **error){
  int64_t until = now_us() + s->patience;
  for(;;){
    char *unsaid = NULL;
    int rc = sync_begin(s, error);
    if( rc!=SQLITE_OK ) return rc;
    rc = work(s, ctx, error);
    int locked = (rc & 0xff)==SQLITE_LOCKED && *error==NULL && is_locked_in_cache(s);
    if( locked && conn_interrupted(s->conn) ) rc = SQLITE_INTERRUPT;
    s->locked = locked ? sharing : NULL;
    if( !locked || rc==SQLITE_INTERRUPT || now_us()>until ) return sync_end(s, rc, error);
    sync_end(s, rc, &unsaid);
    sqlite3_free(unsaid);
    os_sleep(20);
  }
}

/* Of two syncs in the table form that meet in a file without WAL the one that has begun waits for the end of
** the other's SELECT, and that one for the end of this transaction: so this one waits longer. */
static int sync_commit(sync_run *s){
  int64_t patience = s->patience + (s->reading && !s->ending ? COMMIT_MORE_MS*1000 : 0);
  return run_patiently(s, commit_once, patience, "a SELECT of another connection, not read to its end");
}

int sync_end(sync_run *s, int rc, char **error){
  local_table_free(&s->local);                   /* others may alter the table from here on */
  if( rc==SQLITE_OK ) rc = sync_commit(s);
  if( rc==SQLITE_OK ) watch_renew(s);
  else{
    s->doubt = 1;
    if( *error==NULL ) rc = sync_local(s, rc, error);
    sync_undo(s);
  }
  if( s->nested && rc!=SQLITE_OK && *error && sqlite3_get_autocommit(s->db) )
    error_set(error, "%s. SQLite has rolled your whole transaction back", *error);
  sqlite3_finalize(s->undo);
  s->undo = NULL;
  s->begun = 0;
  sync_waits_end(s);
  sqlite3_set_last_insert_rowid(s->conn->db, s->last_rowid);
  return rc;
}
