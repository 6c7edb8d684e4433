/*
** small_tables.c - see small_tables.h.
*/
#include "small_tables.h"

#include <stdlib.h>
#include <string.h>

#include "../text.h"
#include "sql.h"
#include "held.h"

typedef struct small_cursor {      /* the first member of each table's own */
  sqlite3_vtab_cursor base;
  conn *conn;
  sqlite3_int64 rowid;
  int eof;
} small_cursor;

typedef struct small_table {
  const char *name, *columns;
  size_t size;                     /* of its cursor, which is all zero at first */
  int (*open)(small_cursor *cur);  /* before the first row; perhaps again, on the same cursor */
  int (*next)(small_cursor *cur);  /* to the first row, and the next: sets eof, or rowid */
  void (*column)(const small_cursor *cur, sqlite3_context *ctx, int column);
  void (*close)(small_cursor *cur);                    /* or NULL */
  int (*remove)(conn *c, sqlite3_int64 rowid);         /* DELETE; NULL: nothing can be written */
  void (*restore)(conn *c, sqlite3_int64 after);       /* what was deleted after that place of the spool */
  void (*commit)(conn *c);                             /* it is gone for good */
} small_table;

/* -- ortto_log -- */

typedef struct log_cursor {
  small_cursor row;
  ortto_log_entry entry;           /* a copy: the log moves on while it is read */
  int64_t last;                    /* where the log ended when the reading began */
} log_cursor;

static int log_open(small_cursor *row){
  log_cursor *cur = (log_cursor *)row;
  cur->entry.number = 0;
  cur->last = ortto_log_last(row->conn->client);
  return SQLITE_OK;
}

static int log_next(small_cursor *row){
  log_cursor *cur = (log_cursor *)row;
  const ortto_log_entry *entry = ortto_log_at(row->conn->client, cur->entry.number + 1);
  row->eof = entry==NULL || entry->number>cur->last;
  if( row->eof ) return SQLITE_OK;
  cur->entry = *entry;
  row->rowid = entry->number;
  return SQLITE_OK;
}

static void result_text_or_null(sqlite3_context *ctx, const char *text){
  if( text[0] ) sqlite3_result_text(ctx, text, -1, SQLITE_TRANSIENT);
}

static void log_column(const small_cursor *row, sqlite3_context *ctx, int column){
  const ortto_log_entry *e = &((const log_cursor *)row)->entry;
  switch( column ){
    case 0: result_text_or_null(ctx, e->at); break;
    case 1: result_text_or_null(ctx, e->method); break;
    case 2: result_text_or_null(ctx, e->path); break;
    case 3: if( e->status ) sqlite3_result_int(ctx, e->status); break;
    case 4: sqlite3_result_int(ctx, e->attempt); break;
    case 5: sqlite3_result_int64(ctx, e->ms); break;
    case 6: sqlite3_result_int64(ctx, e->sent_bytes); break;
    case 7: sqlite3_result_int64(ctx, e->received_bytes); break;
    case 8: if( e->rows>=0 ) sqlite3_result_int64(ctx, e->rows); break;
    case 9: result_text_or_null(ctx, e->request_id); break;
    default: result_text_or_null(ctx, e->error);
  }
}

/* -- ortto_failures -- */

typedef struct failures_cursor {
  small_cursor row;
  sqlite3_stmt *rows;              /* NULL: there are none */
} failures_cursor;

static void failures_close(small_cursor *row){
  failures_cursor *cur = (failures_cursor *)row;
  sqlite3_finalize(cur->rows);
  cur->rows = NULL;
}

static int failures_open(small_cursor *row){
  failures_close(row);
  return spool_failures(&row->conn->spool, &((failures_cursor *)row)->rows);
}

static int failures_next(small_cursor *row){
  failures_cursor *cur = (failures_cursor *)row;
  int rc = cur->rows ? sqlite3_step(cur->rows) : SQLITE_DONE;
  row->eof = rc!=SQLITE_ROW;
  if( rc==SQLITE_ROW ) row->rowid = sqlite3_column_int64(cur->rows, 0);
  return rc==SQLITE_ROW || rc==SQLITE_DONE ? SQLITE_OK : rc;
}

static void failures_column(const small_cursor *row, sqlite3_context *ctx, int column){
  sqlite3_result_value(ctx, sqlite3_column_value(((const failures_cursor *)row)->rows, column+1));
}

/* When a row has been seen to. */
static int failures_remove(conn *c, sqlite3_int64 rowid){
  return spool_failure_delete(&c->spool, rowid);
}

static void failures_restore(conn *c, sqlite3_int64 after){
  spool_failures_restore(&c->spool, after);
}

static void failures_commit(conn *c){
  spool_failures_commit(&c->spool);
}

/* -- ortto_pending -- */

typedef struct pending_cursor {
  small_cursor row;
  sqlite3_stmt *rows;              /* NULL: there are none */
} pending_cursor;

static void pending_close(small_cursor *row){
  pending_cursor *cur = (pending_cursor *)row;
  sqlite3_finalize(cur->rows);
  cur->rows = NULL;
}

static int pending_open(small_cursor *row){
  pending_close(row);
  return spool_pending(&row->conn->spool, &((pending_cursor *)row)->rows);
}

static int pending_next(small_cursor *row){
  pending_cursor *cur = (pending_cursor *)row;
  int rc = cur->rows ? sqlite3_step(cur->rows) : SQLITE_DONE;
  row->eof = rc!=SQLITE_ROW;
  if( rc==SQLITE_ROW ) row->rowid = sqlite3_column_int64(cur->rows, SPOOL_PLACE);
  return rc==SQLITE_ROW || rc==SQLITE_DONE ? SQLITE_OK : rc;
}

static void pending_column(const small_cursor *row, sqlite3_context *ctx, int column){
  sqlite3_stmt *rows = ((const pending_cursor *)row)->rows;
  const table *t = held_table(row->conn, rows);
  char *changes = NULL;
  int rc;
  if( t==NULL ) return;
  switch( column ){
    case 0: sqlite3_result_text(ctx, t->name, -1, SQLITE_TRANSIENT); break;
    case 1: sqlite3_result_text(ctx, held_operation(rows), -1, SQLITE_STATIC); break;
    case 2: sqlite3_result_value(ctx, sqlite3_column_value(rows, SPOOL_ID)); break;
    case 3: sqlite3_result_value(ctx, sqlite3_column_value(rows, SPOOL_EMAIL)); break;
    default:
      rc = held_changes(t, rows, &changes);
      if( rc==SQLITE_OK ) sqlite3_result_text(ctx, changes, -1, SQLITE_TRANSIENT);
      else sqlite3_result_error_code(ctx, rc);
      sqlite3_free(changes);
  }
}

/* -- ortto_settings -- */

typedef struct settings_cursor {
  small_cursor row;                /* its rowid is the setting and 1 */
  char *value;                     /* malloc; NULL: none */
  char *fault;                     /* why what is set is no good; NULL: it is */
} settings_cursor;

static void settings_close(small_cursor *row){
  settings_cursor *cur = (settings_cursor *)row;
  free(cur->value);
  sqlite3_free(cur->fault);
  cur->value = cur->fault = NULL;
}

static int settings_open(small_cursor *row){
  settings_close(row);
  row->rowid = 0;
  return SQLITE_OK;
}

static int settings_next(small_cursor *row){
  settings_cursor *cur = (settings_cursor *)row;
  settings_close(row);
  row->eof = row->rowid==ORTTO_SETTINGS;
  if( row->eof ) return SQLITE_OK;
  int rc = ortto_config_get(row->conn->client, (ortto_setting)row->rowid++, &cur->value);
  rc = to_sqlite(row->conn, rc, &cur->fault);
  return rc==SQLITE_ERROR && cur->fault ? SQLITE_OK : rc;
}

static void settings_column(const small_cursor *row, sqlite3_context *ctx, int column){
  const settings_cursor *cur = (const settings_cursor *)row;
  ortto_setting setting = (ortto_setting)(row->rowid - 1);
  const char *text = cur->value;
  if( column==0 ) text = ortto_setting_name(setting);
  if( column==2 ) text = ortto_config_origin(row->conn->client, setting);
  if( column==3 ) text = cur->fault ? cur->fault : ortto_setting_meaning(setting);
  if( text ) sqlite3_result_text(ctx, text, -1, SQLITE_TRANSIENT);
}

/* -- all of them -- */

static const small_table small_tables[] = {
  { "ortto_log",
    "CREATE TABLE x(at DATETIME, method TEXT, path TEXT, status INTEGER, attempt INTEGER, ms INTEGER, "
    "sent_bytes INTEGER, received_bytes INTEGER, rows INTEGER, request_id TEXT, error TEXT)",
    sizeof(log_cursor), log_open, log_next, log_column, NULL, NULL, NULL, NULL },
  { "ortto_failures",
    "CREATE TABLE x(at DATETIME, table_name TEXT, operation TEXT, id TEXT, email TEXT, status INTEGER, "
    "message TEXT, sent JSON)",
    sizeof(failures_cursor), failures_open, failures_next, failures_column, failures_close, failures_remove,
    failures_restore, failures_commit },
  { "ortto_pending",
    "CREATE TABLE x(table_name TEXT, operation TEXT, id TEXT, email TEXT, changes JSON)",
    sizeof(pending_cursor), pending_open, pending_next, pending_column, pending_close, NULL, NULL, NULL },
  { "ortto_settings",
    "CREATE TABLE x(name TEXT, value TEXT, origin TEXT, meaning TEXT)",
    sizeof(settings_cursor), settings_open, settings_next, settings_column, settings_close, NULL, NULL,
    NULL },
};

#define SMALL_TABLES COUNT(small_tables)

/* -- the module -- */

typedef struct small_vtab {
  fixed_table fixed;
  const small_table *table;
  writes writes;
} small_vtab;

static const small_table *table_of(const sqlite3_vtab_cursor *base){
  return ((const small_vtab *)base->pVtab)->table;
}

static int connect_sized(sqlite3 *db, const registration *reg, sqlite3_vtab **out, const char *columns,
                         size_t size){
  int rc = sqlite3_declare_vtab(db, columns);
  if( rc==SQLITE_OK ) rc = sqlite3_vtab_config(db, SQLITE_VTAB_DIRECTONLY);
  if( rc!=SQLITE_OK ) return rc;
  fixed_table *t = sqlite3_malloc64(size);
  if( t==NULL ) return SQLITE_NOMEM;
  memset(t, 0, size);
  t->conn = reg->conn;
  t->conn->references++;
  *out = &t->base;
  return SQLITE_OK;
}

int fixed_connect(sqlite3 *db, const registration *reg, sqlite3_vtab **out, const char *columns){
  return connect_sized(db, reg, out, columns, sizeof(fixed_table));
}

int fixed_disconnect(sqlite3_vtab *base){
  conn_release(((fixed_table *)base)->conn);
  sqlite3_free(base);
  return SQLITE_OK;
}

/* argv[0] is the name that the module was registered under. */
static int small_connect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out,
                         char **error){
  int i = 0;
  (void)argc; (void)error;
  while( i<SMALL_TABLES-1 && sqlite3_stricmp(small_tables[i].name, argv[0])!=0 ) i++;
  int rc = connect_sized(db, aux, out, small_tables[i].columns, sizeof(small_vtab));
  if( rc==SQLITE_OK ) ((small_vtab *)*out)->table = &small_tables[i];
  return rc;
}

static int small_disconnect(sqlite3_vtab *base){
  sqlite3_free(((small_vtab *)base)->writes.savepoints);
  return fixed_disconnect(base);
}

static int small_best_index(sqlite3_vtab *base, sqlite3_index_info *info){
  (void)base;
  info->estimatedCost = 1000;
  info->estimatedRows = 1000;
  return SQLITE_OK;
}

static int small_open(sqlite3_vtab *base, sqlite3_vtab_cursor **out){
  const small_vtab *t = (const small_vtab *)base;
  small_cursor *cur = sqlite3_malloc64(t->table->size);
  if( cur==NULL ) return SQLITE_NOMEM;
  memset(cur, 0, t->table->size);
  cur->conn = t->fixed.conn;
  *out = &cur->base;
  return SQLITE_OK;
}

static int small_close(sqlite3_vtab_cursor *base){
  const small_table *t = table_of(base);
  if( t->close ) t->close((small_cursor *)base);
  sqlite3_free(base);
  return SQLITE_OK;
}

static int small_next(sqlite3_vtab_cursor *base){
  return table_of(base)->next((small_cursor *)base);
}

static int small_filter(sqlite3_vtab_cursor *base, int number, const char *plan, int argc,
                        sqlite3_value **argv){
  small_cursor *cur = (small_cursor *)base;
  (void)number; (void)plan; (void)argc; (void)argv;
  cur->eof = 1;
  int rc = table_of(base)->open(cur);
  return rc==SQLITE_OK ? small_next(base) : rc;
}

static int small_eof(sqlite3_vtab_cursor *base){
  return ((small_cursor *)base)->eof;
}

static int small_column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int column){
  table_of(base)->column((small_cursor *)base, ctx, column);
  return SQLITE_OK;
}

static int small_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *rowid){
  *rowid = ((small_cursor *)base)->rowid;
  return SQLITE_OK;
}

static int small_update(sqlite3_vtab *base, int argc, sqlite3_value **argv, sqlite3_int64 *rowid){
  const small_vtab *t = (const small_vtab *)base;
  *rowid = 0;
  if( argc==1 ){
    int rc = t->table->remove(t->fixed.conn, sqlite3_value_int64(argv[0]));
    if( rc==SQLITE_OK || rc==SQLITE_NOMEM ) return rc;
    return error_set(&base->zErrMsg, "ortto: cannot delete from %s: %s", t->table->name, sqlite3_errstr(rc));
  }
  return error_set(&base->zErrMsg, "ortto: rows of %s can be deleted, not written", t->table->name);
}

/* -- their part of a transaction -- */

static int small_begin(sqlite3_vtab *base){
  small_vtab *t = (small_vtab *)base;
  return writes_begin(&t->writes, &t->fixed.conn->spool);
}

static int small_sync(sqlite3_vtab *base){
  const small_vtab *t = (const small_vtab *)base;
  if( spool_sound(&t->fixed.conn->spool) ) return SQLITE_OK;
  return error_set(&base->zErrMsg, "ortto: COMMIT failed: what was deleted from %s, or held back, could not "
                   "be kept (out of memory, or the disk is full). The transaction was rolled back",
                   t->table->name);
}

static int small_rollback(sqlite3_vtab *base){
  small_vtab *t = (small_vtab *)base;
  writes_end(&t->writes, &t->fixed.conn->spool);
  return SQLITE_OK;
}

static int small_commit(sqlite3_vtab *base){
  small_vtab *t = (small_vtab *)base;
  t->table->commit(t->fixed.conn);
  return small_rollback(base);
}

static int small_savepoint(sqlite3_vtab *base, int number){
  small_vtab *t = (small_vtab *)base;
  return writes_savepoint(&t->writes, &t->fixed.conn->spool, number);
}

static int small_release(sqlite3_vtab *base, int number){
  writes_release(&((small_vtab *)base)->writes, number);
  return SQLITE_OK;
}

static int small_rollback_to(sqlite3_vtab *base, int number){
  small_vtab *t = (small_vtab *)base;
  if( t->writes.open ) t->table->restore(t->fixed.conn, writes_rollback(&t->writes, number));
  return SQLITE_OK;
}

#define SMALL_METHODS \
  .iVersion = 2, \
  .xConnect = small_connect, \
  .xBestIndex = small_best_index, \
  .xDisconnect = small_disconnect, \
  .xOpen = small_open, \
  .xClose = small_close, \
  .xFilter = small_filter, \
  .xNext = small_next, \
  .xEof = small_eof, \
  .xColumn = small_column, \
  .xRowid = small_rowid

static const sqlite3_module read_module = { SMALL_METHODS };
static const sqlite3_module remove_module = {
  SMALL_METHODS,
  .xUpdate = small_update,
  .xBegin = small_begin,
  .xSync = small_sync,
  .xCommit = small_commit,
  .xRollback = small_rollback,
  .xSavepoint = small_savepoint,
  .xRelease = small_release,
  .xRollbackTo = small_rollback_to,
};

const sqlite3_module *small_module(int i, const char **name){
  if( i>=SMALL_TABLES ) return NULL;
  *name = small_tables[i].name;
  return small_tables[i].remove ? &remove_module : &read_module;
}
