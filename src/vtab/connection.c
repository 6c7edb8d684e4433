/*
** connection.c - see connection.h.
*/
#include "connection.h"

#include <string.h>

#include "sql.h"
#include "guard.h"

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

void conn_release(conn *c){
  if( c==NULL || --c->references>0 ) return;
  spool_close(&c->spool);
  ortto_client_free(c->client);
  for(int i=0; i<c->keys; i++) sqlite3_free(c->key[i]);
  sqlite3_free(c->key);
  sqlite3_free(c->at_change);
  sqlite3_free(c);
}

int to_sqlite(const conn *c, int rc, char **message){
  switch( rc ){
    case ORTTO_OK: case ORTTO_ROW: case ORTTO_DONE: return SQLITE_OK;
    case ORTTO_NOMEM: return SQLITE_NOMEM;
    default: break;
  }
  int said = error_set(message, "%s", ortto_error(c->client));
  return rc==ORTTO_INTERRUPT ? SQLITE_INTERRUPT : said;
}

/* -- what runs -- */

int conn_interrupted(void *ctx){
  const conn *c = ctx;
#if SQLITE_VERSION_NUMBER >= 3041000
  if( sqlite3_libversion_number()>=3041000 ) return sqlite3_is_interrupted(c->db);
#endif
  return sql_run(c->db, "SELECT 1")==SQLITE_INTERRUPT;
}

sqlite3_stmt *waiting_begin(const conn *c){
  sqlite3_stmt *waiting;
  if( sql_prepare(c->db, &waiting, "SELECT 1 UNION ALL SELECT 2")==SQLITE_OK ) sqlite3_step(waiting);
  return waiting;
}

void waiting_end(sqlite3_stmt *waiting){
  sqlite3_finalize(waiting);
}

int statement_writes(const conn *c){
  for(sqlite3_stmt *s=sqlite3_next_stmt(c->db, NULL); s; s=sqlite3_next_stmt(c->db, s))
    if( sqlite3_stmt_busy(s) && !sqlite3_stmt_readonly(s) ) return 1;
  return 0;
}

/* -- another account -- */

/* All statements in progress; *count of them. NULL when out of memory. */
static running *running_now(const conn *c, int *count){
  int n = 0;
  for(sqlite3_stmt *s=sqlite3_next_stmt(c->db, NULL); s; s=sqlite3_next_stmt(c->db, s))
    n += sqlite3_stmt_busy(s)!=0;
  running *list = sqlite3_malloc64(((sqlite3_uint64)n + 1) * sizeof *list);
  if( list==NULL ) return NULL;
  n = 0;
  for(sqlite3_stmt *s=sqlite3_next_stmt(c->db, NULL); s; s=sqlite3_next_stmt(c->db, s))
    if( sqlite3_stmt_busy(s) ) list[n++] = (running){ s, sqlite3_stmt_status(s, SQLITE_STMTSTATUS_RUN, 0) };
  *count = n;
  return list;
}

/* Is it in progress, in the same run? The statement may be gone: so it is looked for first. */
static int still_runs(const conn *c, const running *r){
  sqlite3_stmt *s = sqlite3_next_stmt(c->db, NULL);
  while( s && s!=r->statement ) s = sqlite3_next_stmt(c->db, s);
  return s && sqlite3_stmt_busy(s) && sqlite3_stmt_status(s, SQLITE_STMTSTATUS_RUN, 0)==r->run;
}

int conn_account_changed(conn *c){
  int n;
  running *list = running_now(c, &n);
  if( list==NULL ) return SQLITE_NOMEM;
  sqlite3_free(c->at_change);
  c->at_change = list;
  c->at_changes = n;
  c->changes++;
  c->total[0] = c->total[1] = 0;
  int rc = c->register_eponymous(c, ORTTO_PEOPLE);
  return rc==SQLITE_OK ? c->register_eponymous(c, ORTTO_ACCOUNTS) : rc;
}

int conn_runs_since_change(const conn *c, const char *table){
  for(int i=0; i<c->at_changes; i++){
    const running *r = &c->at_change[i];
    if( still_runs(c, r) && statement_names(c->db, r->statement, table, 1) ) return 1;
  }
  return 0;
}

void conn_prune(conn *c){
  int kept = 0;
  for(int i=0; i<c->at_changes; i++)
    if( still_runs(c, &c->at_change[i]) ) c->at_change[kept++] = c->at_change[i];
  c->at_changes = kept;
}

/* -- rowids -- */

static int key_add(conn *c, const char *key){
  if( c->keys==c->keys_cap ){
    int cap = c->keys_cap ? c->keys_cap*2 : 64;
    char **grown = sqlite3_realloc64(c->key, (sqlite3_uint64)cap * sizeof *grown);
    if( grown==NULL ) return SQLITE_NOMEM;
    c->key = grown;
    c->keys_cap = cap;
  }
  c->key[c->keys] = sqlite3_mprintf("%s", key);
  if( c->key[c->keys]==NULL ) return SQLITE_NOMEM;
  c->keys++;
  return SQLITE_OK;
}

int conn_rowid(conn *c, const char *key, sqlite3_int64 *guess, sqlite3_int64 *rowid){
  sqlite3_int64 at = *guess + 1;
  if( at>=c->keys || strcmp(c->key[at], key)!=0 ) for(at=0; at<c->keys && strcmp(c->key[at], key)!=0; at++);
  if( at==c->keys && key_add(c, key)!=SQLITE_OK ) return SQLITE_NOMEM;
  *guess = *rowid = at;
  return SQLITE_OK;
}

int function_may_act(const conn *c, const char *function, char **error){
  if( guard_names_function(c->db, function) ) return SQLITE_OK;
  return error_set(error, "ortto: %s was called by something in the database file (a constraint, a generated "
                   "column, an index), not by a statement that names it: nothing was done", function);
}
