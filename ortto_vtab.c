/*
** ortto_vtab.c - Ortto's tables in SQLite: people, accounts, audiences, tags, custom fields, activities.
**
**     .load ./ortto
**     SELECT ortto_config('key', 'env:MY_ORTTO_KEY');
**     SELECT email, city FROM ortto_people WHERE city = 'Oslo';
**     CREATE TABLE local AS SELECT * FROM ortto_people;
**     SELECT ortto_sync('ortto_people', 'people');
**     SELECT ortto_upsert('{"fields":{"email":"ann@example.com","city":"Oslo"}}');
**     INSERT INTO ortto_people(email, city) VALUES('ann@example.com', 'Oslo');
**     CREATE VIRTUAL TABLE eu_people USING ortto(eu, 'PRIVATE-KEY', people);
**     CREATE VIRTUAL TABLE temp.t USING ortto(region=eu, key=env:ORTTO_EU_KEY, table=tags);
**
** Arguments of USING ortto(...): region, key, table (by position or name), then by name segment_key, api_url,
** timeout_ms, retries, rate, concurrency, fields (standard, all, or a list of field ids), columns (names or ids).
**
** Hidden columns of people and accounts, each for one `=`: filter (a filter object of Ortto's own), q (text search),
** scope ('archived'), sort ('column' or 'column desc'), audience (people: a name or id).
**
** This file knows SQLite and nothing of HTTP; what it wants of Ortto it asks through ortto_client.h.
**
** The law behind every read: a query returns what it would return had the table been copied first, or it fails. So
** every constraint that goes to the server is checked by SQLite again, LIMIT only sizes pages, and no order is claimed.
**
*/

#include "src/vtab/connection.h"
#include "src/vtab/table.h"
#include "src/vtab/plan.h"
#include "src/vtab/cursor.h"
#include "src/vtab/small_tables.h"
#include "src/vtab/held.h"
#include "src/vtab/deliver.h"
#include "src/vtab/sync_rows.h"
#include "src/vtab/functions.h"

SQLITE_EXTENSION_INIT1

#define READING_METHODS \
  .iVersion = 2, \
  .xBestIndex = vt_best_index, \
  .xDisconnect = vt_disconnect, \
  .xOpen = vt_open, \
  .xClose = vt_close, \
  .xFilter = vt_filter, \
  .xNext = vt_next, \
  .xEof = vt_eof, \
  .xColumn = vt_column, \
  .xRowid = vt_rowid

#define WRITING_METHODS \
  .xUpdate = vt_update, \
  .xBegin = vt_begin, \
  .xSync = vt_sync, \
  .xCommit = vt_end, \
  .xRollback = vt_end, \
  .xSavepoint = vt_savepoint, \
  .xRelease = vt_release, \
  .xRollbackTo = vt_rollback_to

static const sqlite3_module created_module = {   /* USING ortto(...) */
  READING_METHODS,
  WRITING_METHODS,
  .xCreate = vt_create,
  .xConnect = vt_connect,
  .xDestroy = vt_destroy,
};

static const sqlite3_module eponymous_module = {       /* ortto_tags and its like: there without a CREATE */
  READING_METHODS,
  .xConnect = vt_connect_eponymous,
};

static const sqlite3_module eponymous_writable_module = {   /* ortto_people, ortto_accounts */
  READING_METHODS,
  WRITING_METHODS,
  .xConnect = vt_connect_eponymous,
};

static registration *registration_new(conn *c, ortto_table kind){
  registration *reg = sqlite3_malloc(sizeof *reg);
  if( reg==NULL ) return NULL;
  reg->conn = c;
  reg->kind = kind;
  c->references++;
  return reg;
}

static void registration_free(void *p){
  registration *reg = p;
  conn_release(reg->conn);
  sqlite3_free(reg);
}

/* SQLite calls registration_free itself where it refuses. */
static int register_module(conn *c, const char *name, const sqlite3_module *module, ortto_table kind){
  registration *reg = registration_new(c, kind);
  return reg ? sqlite3_create_module_v2(c->db, name, module, reg, registration_free) : SQLITE_NOMEM;
}

static int register_eponymous(conn *c, ortto_table kind){
  char name[64];
  sqlite3_snprintf(sizeof name, name, "ortto_%s", ortto_table_name(kind));
  return register_module(c, name, kind<=ORTTO_ACCOUNTS ? &eponymous_writable_module : &eponymous_module, kind);
}

static int register_function(conn *c, const char *name, int args, int flags, void (*fn)(sqlite3_context *, int, sqlite3_value **)){
  registration *reg = registration_new(c, ORTTO_PEOPLE);
  return reg ? sqlite3_create_function_v2(c->db, name, args, SQLITE_UTF8|flags, reg, fn, NULL, NULL, registration_free) : SQLITE_NOMEM;
}

static int register_all(conn *c){
  int rc = register_module(c, "ortto", &created_module, ORTTO_PEOPLE);
  for(int i=0; rc==SQLITE_OK && i<ORTTO_TABLES; i++) rc = register_eponymous(c, (ortto_table)i);
  if( rc==SQLITE_OK ) rc = register_module(c, "ortto_log", &log_module, ORTTO_PEOPLE);
  if( rc==SQLITE_OK ) rc = register_module(c, "ortto_sync", &sync_module, ORTTO_PEOPLE);
  if( rc==SQLITE_OK ) rc = register_module(c, "ortto_failures", &failures_module, ORTTO_PEOPLE);
  if( rc==SQLITE_OK ) rc = register_function(c, "ortto_sync", 2, SQLITE_DIRECTONLY, fn_sync);
  if( rc==SQLITE_OK ) rc = register_function(c, "ortto_sync", 3, SQLITE_DIRECTONLY, fn_sync);
  if( rc==SQLITE_OK ) rc = register_function(c, "ortto_version", 0, SQLITE_DETERMINISTIC|SQLITE_INNOCUOUS, fn_version);
  if( rc==SQLITE_OK ) rc = register_function(c, "ortto_config", 1, SQLITE_DIRECTONLY, fn_config);
  if( rc==SQLITE_OK ) rc = register_function(c, "ortto_config", 2, SQLITE_DIRECTONLY, fn_config);
  if( rc==SQLITE_OK ) rc = register_function(c, "ortto_check", 0, SQLITE_DIRECTONLY, fn_check);
  if( rc==SQLITE_OK ) rc = register_function(c, "ortto_check", 1, SQLITE_DIRECTONLY, fn_check);
  for(int args=1; rc==SQLITE_OK && args<=2; args++){
    rc = register_function(c, "ortto_upsert", args, SQLITE_DIRECTONLY, fn_upsert);
    if( rc==SQLITE_OK ) rc = register_function(c, "ortto_track", args, SQLITE_DIRECTONLY, fn_track);
  }
  return rc;
}

#ifdef _WIN32
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

EXPORT int sqlite3_ortto_init(sqlite3 *db, char **error, const sqlite3_api_routines *api);

int sqlite3_ortto_init(sqlite3 *db, char **error, const sqlite3_api_routines *api){
  SQLITE_EXTENSION_INIT2(api);
  (void)api;
  if( sqlite3_libversion_number()<3038000 ){
    if( error ) *error = sqlite3_mprintf("ortto: this is SQLite %s; ortto needs 3.38 or newer", sqlite3_libversion());
    return SQLITE_ERROR;
  }
  conn *c = conn_new(db);
  if( c==NULL ) return SQLITE_NOMEM;
  c->register_eponymous = register_eponymous;
  int rc = register_all(c);
  conn_release(c);
#ifdef SQLITE_CORE
  return rc;
#else
  return rc==SQLITE_OK ? SQLITE_OK_LOAD_PERMANENTLY : rc;
#endif
}
