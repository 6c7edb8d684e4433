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

static void conn_anew_forget(conn *c){
  sqlite3_free(c->anew);
  c->anew = NULL;
  if( c->kept ) c->kept_free(c->kept);
  c->kept = NULL;
}

void conn_gone_forget(conn *c){
  while( c->gone ){
    gone *g = c->gone;
    c->gone = g->next;
    sqlite3_free(g);
  }
}

void conn_release(conn *c){
  if( c==NULL || --c->references>0 ) return;
  spool_close(&c->spool);
  ortto_client_free(c->client);
  for(int i=0; i<c->keys; i++) sqlite3_free(c->key[i]);
  sqlite3_free(c->key);
  map_free(&c->key_places);
  sqlite3_free(c->at_change);
  sqlite3_free(c->idle);
  conn_anew_forget(c);
  conn_gone_forget(c);
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

/* Some 1,600 steps of SQLite's, in 0.1 ms, without a table. An authorizer may refuse them. */
static const char steps[] =
  "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT 100) SELECT count(*) FROM n";

int conn_interrupted(void *ctx){
  conn *c = ctx;
  progress_draw(&c->line, c->client);
#if SQLITE_VERSION_NUMBER >= 3041000
  if( sqlite3_libversion_number()>=3041000 && sqlite3_is_interrupted(c->db) ) return 1;
#endif
  int rc = sql_run(c->db, steps);
  return rc==SQLITE_INTERRUPT || (rc!=SQLITE_OK && sql_run(c->db, "SELECT 1")==SQLITE_INTERRUPT);
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

static running running_of(sqlite3_stmt *s){
  return (running){ s, sqlite3_stmt_status(s, SQLITE_STMTSTATUS_RUN, 0),
                    sqlite3_stmt_status(s, SQLITE_STMTSTATUS_REPREPARE, 0),
                    sqlite3_stmt_status(s, SQLITE_STMTSTATUS_VM_STEP, 0) };
}

/* All statements in progress, or all others; *count of them. NULL when out of memory. */
static running *statements(const conn *c, int in_progress, int *count){
  int n = 0;
  for(sqlite3_stmt *s=sqlite3_next_stmt(c->db, NULL); s; s=sqlite3_next_stmt(c->db, s)) n++;
  running *list = sqlite3_malloc64(((sqlite3_uint64)n + 1) * sizeof *list);
  if( list==NULL ) return NULL;
  n = 0;
  for(sqlite3_stmt *s=sqlite3_next_stmt(c->db, NULL); s; s=sqlite3_next_stmt(c->db, s))
    if( (sqlite3_stmt_busy(s)!=0)==in_progress ) list[n++] = running_of(s);
  *count = n;
  return list;
}

static running *running_now(const conn *c, int *count){
  return statements(c, 1, count);
}

/* What a statement that runs now was when it was at rest before: NULL where that is not known. */
static const running *idle_before(const conn *c, const running *now){
  for(int i=0; i<c->idles; i++)
    if( c->idle[i].statement==now->statement && c->idle[i].run + 1==now->run ) return &c->idle[i];
  return NULL;
}

/* Of those that have run before, so that it can be told whether they have gone on since; of one that runs
** now, what it was before. */
static void idle_note(conn *c){
  int n = 0, busy = 0, kept = 0;
  running *list = statements(c, 0, &n), *now = list ? running_now(c, &busy) : NULL;
  running *both = now ? sqlite3_realloc64(list, ((sqlite3_uint64)n + busy + 1) * sizeof *list) : NULL;
  if( both ) list = both;
  for(int i=0; list && i<n; i++) if( list[i].run ) list[kept++] = list[i];
  for(int i=0; both && i<busy; i++){
    const running *then = idle_before(c, &now[i]);
    if( then ) list[kept++] = *then;
  }
  sqlite3_free(now);
  sqlite3_free(c->idle);
  c->idle = list;
  c->idles = kept;
}

/* Is it in progress, begun and prepared again so many times since? The statement may be gone: so it is looked
** for first. */
static int runs_since(const conn *c, const running *r, int begun, int prepared){
  sqlite3_stmt *s = sqlite3_next_stmt(c->db, NULL);
  while( s && s!=r->statement ) s = sqlite3_next_stmt(c->db, s);
  if( s==NULL || !sqlite3_stmt_busy(s) ) return 0;
  if( sqlite3_stmt_status(s, SQLITE_STMTSTATUS_RUN, 0)!=r->run + begun ) return 0;
  return prepared==0 || sqlite3_stmt_status(s, SQLITE_STMTSTATUS_REPREPARE, 0)==r->prepared + prepared;
}

static int still_runs(const conn *c, const running *r){
  return runs_since(c, r, 0, 0);
}

int conn_account_changed(conn *c){
  int n;
  running *list = running_now(c, &n);
  if( list==NULL ) return SQLITE_NOMEM;
  sqlite3_free(c->at_change);
  c->at_change = list;
  c->at_changes = n;
  idle_note(c);
  c->changes++;
  c->total[0] = c->total[1] = 0;
  int rc = c->register_eponymous(c, ORTTO_PEOPLE);
  return rc==SQLITE_OK ? c->register_eponymous(c, ORTTO_ACCOUNTS) : rc;
}

int conn_runs_since_change(const conn *c, const char *table, int *runs){
  int rc = SQLITE_OK;
  *runs = 0;
  for(int i=0; i<c->at_changes && rc==SQLITE_OK && !*runs; i++){
    const running *r = &c->at_change[i];
    if( still_runs(c, r) ) rc = statement_names(c->db, r->statement, table, runs);
  }
  return rc;
}

void conn_prune(conn *c){
  int kept = 0;
  for(int i=0; i<c->at_changes; i++)
    if( still_runs(c, &c->at_change[i]) ) c->at_change[kept++] = c->at_change[i];
  c->at_changes = kept;
  idle_note(c);
}

/* -- a statement that SQLite begins anew -- */

/* SQLite adds a statement's steps up when it hands out a row: in its first run there are none before. In a
** later one there are as many as when it was at rest, where that is known. */
static int has_no_rows_yet(const conn *c, sqlite3_stmt *s){
  running now = running_of(s);
  if( now.run<=1 ) return now.steps==0;
  const running *then = idle_before(c, &now);
  return then && then->steps==now.steps;
}

int conn_has_no_rows_yet(const conn *c){
  for(sqlite3_stmt *s=sqlite3_next_stmt(c->db, NULL); s; s=sqlite3_next_stmt(c->db, s))
    if( sqlite3_stmt_busy(s) && has_no_rows_yet(c, s) ) return 1;
  return 0;
}

int conn_begin_anew(conn *c){
  conn_anew_forget(c);
  c->anew = running_now(c, &c->anews);
  return c->anew ? SQLITE_SCHEMA : SQLITE_NOMEM;
}

/* What a trigger remembers ends before what its statement does. */
int conn_keep(conn *c, void *p, void (*free)(void *p)){
  if( c->anew==NULL ) return 0;
  if( c->kept ) c->kept_free(c->kept);
  c->kept = p;
  c->kept_free = free;
  return 1;
}

void *conn_kept_take(conn *c){
  void *kept = NULL;
  for(int i=0; c->anew && kept==NULL && i<c->anews; i++)
    if( runs_since(c, &c->anew[i], 1, 1) ) kept = c->kept;
  if( kept ) c->kept = NULL;
  conn_anew_forget(c);
  return kept;
}

/* -- tables without their fields -- */

void conn_gone(conn *c, const char *schema, const char *name, int for_column){
  size_t n = strlen(schema) + strlen(name) + 2;
  gone *g = sqlite3_malloc64(sizeof *g + n);
  if( g==NULL ) return;
  sqlite3_snprintf((int)n, g->name, "%s.%s", schema, name);
  g->for_column = for_column;
  g->next = c->gone;
  c->gone = g;
}

gone *conn_gone_take(conn *c, const char *schema, const char *name){
  char *full = sqlite3_mprintf("%s.%s", schema, name);
  gone **at = &c->gone;
  while( full && *at && sqlite3_stricmp((*at)->name, full)!=0 ) at = &(*at)->next;
  gone *found = full ? *at : NULL;
  if( found ) *at = found->next;
  sqlite3_free(full);
  return found;
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
  if( !map_put(&c->key_places, c->key[c->keys], strlen(key), c->keys) ){
    sqlite3_free(c->key[c->keys]);
    return SQLITE_NOMEM;
  }
  c->keys++;
  return SQLITE_OK;
}

int conn_rowid(conn *c, const char *key, sqlite3_int64 *guess, sqlite3_int64 *rowid){
  sqlite3_int64 at = *guess + 1;
  if( at>=c->keys || strcmp(c->key[at], key)!=0 ) at = map_get(&c->key_places, key, strlen(key));
  if( at<0 ){
    at = c->keys;
    if( key_add(c, key)!=SQLITE_OK ) return SQLITE_NOMEM;
  }
  *guess = *rowid = at;
  return SQLITE_OK;
}

static int nobody_asked(const char *function, char **error){
  return error_set(error, "ortto: %s was called by something in the database file (a constraint, a generated "
                   "column, an index), not by a statement that names it: nothing was done", function);
}

int function_may_act(const conn *c, const char *function, char **error){
  int found, rc = guard_calls(c->db, function, &found);
  return rc!=SQLITE_OK || found ? rc : nobody_asked(function, error);
}

int table_form_may_act(const conn *c, const char *function, char **error){
  int found, rc = guard_names_table_form(c->db, function, &found);
  return rc!=SQLITE_OK || found ? rc : nobody_asked(function, error);
}
