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
**     SELECT * FROM ortto_log;
**     CREATE VIRTUAL TABLE eu_people USING ortto(eu, 'PRIVATE-KEY', people);
**     CREATE VIRTUAL TABLE temp.t USING ortto(region=eu, key=env:ORTTO_EU_KEY, table=tags);
**
** Arguments of USING ortto(...): region, key, table (by position or name), then by name segment_key, api_url,
** timeout_ms, retries, rate, concurrency, fields (standard, all, or a list of field ids), columns (names or
** ids), write (on: INSERT, UPDATE and DELETE outside the schema temp too).
**
** Hidden columns of people and accounts, each for one `=`: filter (a filter object of Ortto's own), q (text
** search), scope ('archived'), sort ('column' or 'column desc'), audience (people: a name or id).
**
** This is the extension: its entry point, and what it registers. The work is done in the rooms of src/vtab,
** which know SQLite and nothing of HTTP; what they want of Ortto they ask through ortto_client.h.
*/

#include "src/text.h"
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

/* USING ortto(...) */
static const sqlite3_module created_module = {
  READING_METHODS,
  WRITING_METHODS,
  .xCreate = vt_create,
  .xConnect = vt_connect,
  .xDestroy = vt_destroy,
};

/* There without a CREATE, as it has no xCreate: ortto_tags and its like, ... */
static const sqlite3_module eponymous_module = {
  READING_METHODS,
  .xConnect = vt_connect_eponymous,
};

/* ... and ortto_people, ortto_accounts. */
static const sqlite3_module eponymous_writable_module = {
  READING_METHODS,
  WRITING_METHODS,
  .xConnect = vt_connect_eponymous,
};

/* Not deterministic, or SQLite calls them once for many rows; not in a view or a trigger, where a stranger's
** database file would spend the user's key. */
#define ACTS SQLITE_DIRECTONLY

/* Its result bears a subtype: what SQLite has from 3.45 on, and shells built with SQLITE_STRICT_SUBTYPE
** insist on. Older ones ignore it. */
#ifndef SQLITE_RESULT_SUBTYPE
#define SQLITE_RESULT_SUBTYPE 0x001000000
#endif
#define GIVES_JSON (ACTS|SQLITE_RESULT_SUBTYPE)

static const struct {
  const char *name;
  int args, flags;
  void (*fn)(sqlite3_context *ctx, int argc, sqlite3_value **argv);
} functions[] = {
  { "ortto_version", 0, SQLITE_DETERMINISTIC|SQLITE_INNOCUOUS, fn_version },
  { "ortto_config", 1, ACTS, fn_config },
  { "ortto_config", 2, ACTS, fn_config },
  { "ortto_check",  0, ACTS, fn_check },
  { "ortto_check",  1, ACTS, fn_check },
  { "ortto_sync",   2, GIVES_JSON, fn_sync },
  { "ortto_sync",   3, GIVES_JSON, fn_sync },
  { "ortto_upsert", 1, GIVES_JSON, fn_upsert },
  { "ortto_upsert", 2, GIVES_JSON, fn_upsert },
  { "ortto_track",  1, GIVES_JSON, fn_track },
  { "ortto_track",  2, GIVES_JSON, fn_track },
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
  if( reg==NULL ) return SQLITE_NOMEM;
  return sqlite3_create_module_v2(c->db, name, module, reg, registration_free);
}

static int register_eponymous(conn *c, ortto_table kind){
  char name[64];
  int writable = kind==ORTTO_PEOPLE || kind==ORTTO_ACCOUNTS;
  sqlite3_snprintf(sizeof name, name, "ortto_%s", ortto_table_name(kind));
  return register_module(c, name, writable ? &eponymous_writable_module : &eponymous_module, kind);
}

static int register_modules(conn *c){
  const char *name = NULL;
  int rc = register_module(c, "ortto", &created_module, ORTTO_PEOPLE);
  if( rc==SQLITE_OK ) rc = register_module(c, "ortto_sync", &sync_module, ORTTO_PEOPLE);
  for(int i=0; rc==SQLITE_OK && i<ORTTO_TABLES; i++) rc = register_eponymous(c, (ortto_table)i);
  for(int i=0; rc==SQLITE_OK; i++){
    const sqlite3_module *small = small_module(i, &name);
    if( small==NULL ) break;
    rc = register_module(c, name, small, ORTTO_PEOPLE);
  }
  return rc;
}

static int register_functions(conn *c){
  int rc = SQLITE_OK;
  for(int i=0; rc==SQLITE_OK && i<COUNT(functions); i++){
    registration *reg = registration_new(c, ORTTO_PEOPLE);
    if( reg==NULL ) return SQLITE_NOMEM;
    int flags = SQLITE_UTF8 | functions[i].flags;
    rc = sqlite3_create_function_v2(c->db, functions[i].name, functions[i].args, flags, reg, functions[i].fn,
                                    NULL, NULL, registration_free);
  }
  return rc;
}

#ifdef _WIN32
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

EXPORT int sqlite3_ortto_init(sqlite3 *db, char **error, const sqlite3_api_routines *api);

#ifdef SQLITE_CORE
#define LOADED SQLITE_OK
#else
#define LOADED SQLITE_OK_LOAD_PERMANENTLY
#endif

/* Pools load an extension into a connection that has it, perhaps from another file: then nothing changes.
** While a statement runs (SELECT load_extension(...) is one) SQLite would replace the modules, but not the
** functions. */
static int is_loaded(sqlite3 *db){
  sqlite3_stmt *stmt = NULL;
  int rc = sqlite3_prepare_v2(db, "SELECT ortto_version()", -1, &stmt, NULL);
  sqlite3_finalize(stmt);
  if( rc==SQLITE_OK ) return 1;
  /* An extension that is compiled in starts inside sqlite3_open(), which fails if an error is left behind. */
  sqlite3_prepare_v2(db, "SELECT 1", -1, &stmt, NULL);
  sqlite3_finalize(stmt);
  return 0;
}

/* SQLITE_EXTENSION_INIT2 writes at every load what another thread may be reading: it is written once. */
static void take_api(const sqlite3_api_routines *api){
#ifdef SQLITE_CORE
  (void)api;
#else
  if( __atomic_load_n(&sqlite3_api, __ATOMIC_ACQUIRE)!=api )
    __atomic_store_n(&sqlite3_api, api, __ATOMIC_RELEASE);
#endif
}

/* Out of memory: SQLite passes on the text alone, not the code. */
static int init_failed(char **error, int rc){
  if( error ) *error = sqlite3_mprintf("ortto: %s", sqlite3_errstr(rc));
  return rc;
}

int sqlite3_ortto_init(sqlite3 *db, char **error, const sqlite3_api_routines *api){
  take_api(api);
  if( sqlite3_libversion_number()<3040000 ){
    const char *version = sqlite3_libversion();
    if( error ) *error = sqlite3_mprintf("ortto: this is SQLite %s; ortto needs 3.40 or newer", version);
    return SQLITE_ERROR;
  }
  if( is_loaded(db) ) return LOADED;
  conn *c = conn_new(db);
  if( c==NULL ) return init_failed(error, SQLITE_NOMEM);
  c->register_eponymous = register_eponymous;
  int rc = register_modules(c);
  if( rc==SQLITE_OK ) rc = register_functions(c);
  conn_release(c);
  return rc==SQLITE_OK ? LOADED : init_failed(error, rc);
}
