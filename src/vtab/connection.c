/*
** connection.c - see connection.h.
*/
#include "connection.h"

#include <stdarg.h>
#include <string.h>

int spool_open(conn *c){
  if( c->spool ) return SQLITE_OK;
  int rc = sqlite3_open_v2("", &c->spool, SQLITE_OPEN_READWRITE|SQLITE_OPEN_CREATE, NULL);
  if( rc==SQLITE_OK ) rc = sqlite3_exec(c->spool,
    "PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF; PRAGMA cache_size=-4000;"
    "CREATE TABLE held(place INTEGER PRIMARY KEY, owner INTEGER, kind TEXT, id TEXT, email TEXT, record TEXT);"
    "CREATE TABLE failures(number INTEGER PRIMARY KEY, at TEXT, table_name TEXT, operation TEXT, id TEXT, email TEXT, status INTEGER, message TEXT, sent TEXT);"
    "CREATE TABLE tags(id TEXT PRIMARY KEY, names TEXT);", NULL, NULL, NULL);
  if( rc!=SQLITE_OK ){
    sqlite3_close(c->spool);
    c->spool = NULL;
  }
  return rc;
}

static void spool_close(conn *c){
  sqlite3_finalize(c->insert_held);
  sqlite3_finalize(c->insert_failure);
  sqlite3_close(c->spool);
}

int spool_run(conn *c, const char *format, ...){
  va_list args;
  va_start(args, format);
  char *sql = sqlite3_vmprintf(format, args);
  va_end(args);
  int rc = sql ? sqlite3_exec(c->spool, sql, NULL, NULL, NULL) : SQLITE_NOMEM;
  sqlite3_free(sql);
  return rc;
}

int spool_number(const conn *c, sqlite3_int64 *number, const char *format, ...){
  va_list args;
  sqlite3_stmt *stmt = NULL;
  *number = 0;
  if( c->spool==NULL ) return SQLITE_OK;
  va_start(args, format);
  char *sql = sqlite3_vmprintf(format, args);
  va_end(args);
  int rc = sql ? sqlite3_prepare_v2(c->spool, sql, -1, &stmt, NULL) : SQLITE_NOMEM;
  sqlite3_free(sql);
  if( rc!=SQLITE_OK ) return rc;
  rc = sqlite3_step(stmt);
  if( rc==SQLITE_ROW ) *number = sqlite3_column_int64(stmt, 0);
  int finished = sqlite3_finalize(stmt);
  return rc==SQLITE_ROW ? SQLITE_OK : finished ? finished : SQLITE_CORRUPT;
}

void conn_release(conn *c){
  if( c==NULL || --c->references>0 ) return;
  spool_close(c);
  ortto_client_free(c->client);
  for(int i=0; i<c->keys; i++) sqlite3_free(c->key[i]);
  sqlite3_free(c->key);
  sqlite3_free(c->at_change);
  sqlite3_free(c);
}

int conn_interrupted(void *ctx){
  const conn *c = ctx;
#if SQLITE_VERSION_NUMBER >= 3041000
  if( sqlite3_libversion_number()>=3041000 ) return sqlite3_is_interrupted(c->db);
#endif
  sqlite3_stmt *probe = NULL;
  int rc = sqlite3_prepare_v2(c->db, "SELECT 1", -1, &probe, NULL);
  if( rc==SQLITE_OK ) rc = sqlite3_step(probe);
  sqlite3_finalize(probe);
  return rc==SQLITE_INTERRUPT;
}

sqlite3_stmt *waiting_begin(const conn *c){
  sqlite3_stmt *held = NULL;
  if( sqlite3_prepare_v2(c->db, "SELECT 1 UNION ALL SELECT 2", -1, &held, NULL)==SQLITE_OK ) sqlite3_step(held);
  return held;
}

void waiting_end(sqlite3_stmt *held){
  sqlite3_finalize(held);
}

conn *conn_new(sqlite3 *db){
  conn *c = sqlite3_malloc(sizeof *c);
  if( c==NULL ) return NULL;
  memset(c, 0, sizeof *c);
  c->db = db;
  c->references = 1;
  ortto_host host = { conn_interrupted, c };
  c->client = ortto_client_new(&host);
  if( c->client ) return c;
  sqlite3_free(c);
  return NULL;
}

int statement_writes(const conn *c){
  for(sqlite3_stmt *s=sqlite3_next_stmt(c->db, NULL); s; s=sqlite3_next_stmt(c->db, s))
    if( sqlite3_stmt_busy(s) && !sqlite3_stmt_readonly(s) ) return 1;
  return 0;
}

void conn_prune(conn *c){
  int kept = 0;
  for(int i=0; i<c->at_changes; i++)
    for(sqlite3_stmt *s=sqlite3_next_stmt(c->db, NULL); s; s=sqlite3_next_stmt(c->db, s))
      if( s==c->at_change[i].statement && sqlite3_stmt_busy(s) && sqlite3_stmt_status(s, SQLITE_STMTSTATUS_RUN, 0)==c->at_change[i].run ){
        c->at_change[kept++] = c->at_change[i];
        break;
      }
  c->at_changes = kept;
}

int to_sqlite(const conn *c, int rc, char **message){
  switch( rc ){
    case ORTTO_OK: case ORTTO_ROW: case ORTTO_DONE: return SQLITE_OK;
    case ORTTO_NOMEM: return SQLITE_NOMEM;
    default: break;
  }
  sqlite3_free(*message);
  *message = sqlite3_mprintf("%s", ortto_error(c->client));
  return rc==ORTTO_INTERRUPT ? SQLITE_INTERRUPT : SQLITE_ERROR;
}

int conn_rowid(conn *c, const char *key, sqlite3_int64 *guess, sqlite3_int64 *rowid){
  sqlite3_int64 next = *guess + 1;
  if( next<c->keys && strcmp(c->key[next], key)==0 ) *rowid = next;
  else{
    for(next=0; next<c->keys && strcmp(c->key[next], key)!=0; next++);
    if( next==c->keys ){
      if( c->keys==c->keys_cap ){
        int cap = c->keys_cap ? c->keys_cap*2 : 64;
        char **grown = sqlite3_realloc64(c->key, (sqlite3_uint64)cap * sizeof *grown);
        if( grown==NULL ) return SQLITE_NOMEM;
        c->key = grown;
        c->keys_cap = cap;
      }
      if( (c->key[c->keys] = sqlite3_mprintf("%s", key))==NULL ) return SQLITE_NOMEM;
      c->keys++;
    }
    *rowid = next;
  }
  *guess = *rowid;
  return SQLITE_OK;
}
