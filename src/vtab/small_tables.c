/*
** small_tables.c - see small_tables.h.
*/
#include "small_tables.h"

#include <string.h>

static const char log_columns[] =
  "CREATE TABLE x(at DATETIME, method TEXT, path TEXT, status INTEGER, attempt INTEGER, ms INTEGER, sent_bytes INTEGER, "
  "received_bytes INTEGER, rows INTEGER, request_id TEXT, error TEXT)";

typedef struct log_cursor {
  sqlite3_vtab_cursor base;
  ortto_log_entry entry;           /* a copy: the log moves on while it is read */
  int64_t last;                    /* where the log ended when the reading began */
  int eof;
} log_cursor;

int fixed_connect(sqlite3 *db, const registration *reg, sqlite3_vtab **out, const char *columns){
  int rc = sqlite3_declare_vtab(db, columns);
  if( rc==SQLITE_OK ) rc = sqlite3_vtab_config(db, SQLITE_VTAB_DIRECTONLY);
  fixed_table *t = rc==SQLITE_OK ? sqlite3_malloc(sizeof *t) : NULL;
  if( t==NULL ) return rc==SQLITE_OK ? SQLITE_NOMEM : rc;
  memset(t, 0, sizeof *t);
  t->conn = reg->conn;
  t->conn->references++;
  *out = &t->base;
  return SQLITE_OK;
}

static int log_connect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out, char **error){
  (void)argc; (void)argv; (void)error;
  return fixed_connect(db, aux, out, log_columns);
}

int fixed_disconnect(sqlite3_vtab *base){
  conn_release(((fixed_table *)base)->conn);
  sqlite3_free(base);
  return SQLITE_OK;
}

static int log_best_index(sqlite3_vtab *base, sqlite3_index_info *info){
  (void)base;
  info->estimatedCost = 1000;
  info->estimatedRows = 1000;
  return SQLITE_OK;
}

static int log_open(sqlite3_vtab *base, sqlite3_vtab_cursor **out){
  (void)base;
  log_cursor *cur = sqlite3_malloc(sizeof *cur);
  if( cur==NULL ) return SQLITE_NOMEM;
  memset(cur, 0, sizeof *cur);
  *out = &cur->base;
  return SQLITE_OK;
}

static int log_close(sqlite3_vtab_cursor *base){
  sqlite3_free(base);
  return SQLITE_OK;
}

static int log_move(log_cursor *cur, int64_t number){
  const fixed_table *t = (const fixed_table *)cur->base.pVtab;
  const ortto_log_entry *entry = ortto_log_at(t->conn->client, number);
  cur->eof = entry==NULL || entry->number>cur->last;
  if( !cur->eof ) cur->entry = *entry;
  return SQLITE_OK;
}

static int log_filter(sqlite3_vtab_cursor *base, int number, const char *plan, int argc, sqlite3_value **argv){
  log_cursor *cur = (log_cursor *)base;
  const fixed_table *t = (const fixed_table *)base->pVtab;
  (void)number; (void)plan; (void)argc; (void)argv;
  cur->last = ortto_log_last(t->conn->client);
  return log_move(cur, 1);
}

static int log_next(sqlite3_vtab_cursor *base){
  log_cursor *cur = (log_cursor *)base;
  return log_move(cur, cur->entry.number + 1);
}

static int log_eof(sqlite3_vtab_cursor *base){
  return ((log_cursor *)base)->eof;
}

static void result_text_or_null(sqlite3_context *ctx, const char *text){
  if( text[0] ) sqlite3_result_text(ctx, text, -1, SQLITE_TRANSIENT);
}

static int log_column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int column){
  const ortto_log_entry *e = &((log_cursor *)base)->entry;
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
  return SQLITE_OK;
}

static int log_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *rowid){
  *rowid = ((log_cursor *)base)->entry.number;
  return SQLITE_OK;
}

typedef struct failures_cursor {
  sqlite3_vtab_cursor base;
  sqlite3_stmt *rows;
  int eof;
} failures_cursor;

static int failures_connect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out, char **error){
  (void)argc; (void)argv; (void)error;
  return fixed_connect(db, aux, out, "CREATE TABLE x(at DATETIME, table_name TEXT, operation TEXT, id TEXT, email TEXT, status INTEGER, message TEXT, sent JSON)");
}

static int failures_open(sqlite3_vtab *base, sqlite3_vtab_cursor **out){
  (void)base;
  failures_cursor *cur = sqlite3_malloc(sizeof *cur);
  if( cur==NULL ) return SQLITE_NOMEM;
  memset(cur, 0, sizeof *cur);
  *out = &cur->base;
  return SQLITE_OK;
}

static int failures_close(sqlite3_vtab_cursor *base){
  sqlite3_finalize(((failures_cursor *)base)->rows);
  sqlite3_free(base);
  return SQLITE_OK;
}

static int failures_next(sqlite3_vtab_cursor *base){
  failures_cursor *cur = (failures_cursor *)base;
  int rc = sqlite3_step(cur->rows);
  cur->eof = rc!=SQLITE_ROW;
  return rc==SQLITE_ROW || rc==SQLITE_DONE ? SQLITE_OK : rc;
}

static int failures_filter(sqlite3_vtab_cursor *base, int number, const char *plan, int argc, sqlite3_value **argv){
  failures_cursor *cur = (failures_cursor *)base;
  conn *c = ((fixed_table *)base->pVtab)->conn;
  (void)number; (void)plan; (void)argc; (void)argv;
  sqlite3_finalize(cur->rows);
  cur->rows = NULL;
  cur->eof = 1;
  if( c->spool==NULL ) return SQLITE_OK;
  int rc = sqlite3_prepare_v2(c->spool, "SELECT number, at, table_name, operation, id, email, status, message, sent FROM failures ORDER BY number", -1, &cur->rows, NULL);
  return rc==SQLITE_OK ? failures_next(base) : rc;
}

static int failures_eof(sqlite3_vtab_cursor *base){
  return ((failures_cursor *)base)->eof;
}

static int failures_column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int column){
  sqlite3_result_value(ctx, sqlite3_column_value(((failures_cursor *)base)->rows, column+1));
  return SQLITE_OK;
}

static int failures_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *rowid){
  *rowid = sqlite3_column_int64(((failures_cursor *)base)->rows, 0);
  return SQLITE_OK;
}

/* Rows can be deleted, when they have been seen to. */
static int failures_update(sqlite3_vtab *base, int argc, sqlite3_value **argv, sqlite3_int64 *rowid){
  conn *c = ((fixed_table *)base)->conn;
  *rowid = 0;
  if( argc==1 ) return spool_run(c, "DELETE FROM failures WHERE number=%lld", sqlite3_value_int64(argv[0]));
  sqlite3_free(base->zErrMsg);
  base->zErrMsg = sqlite3_mprintf("ortto: rows of ortto_failures can be deleted, not written");
  return SQLITE_ERROR;
}

const sqlite3_module failures_module = {
  .iVersion = 1,
  .xConnect = failures_connect,
  .xBestIndex = log_best_index,
  .xDisconnect = fixed_disconnect,
  .xOpen = failures_open,
  .xClose = failures_close,
  .xFilter = failures_filter,
  .xNext = failures_next,
  .xEof = failures_eof,
  .xColumn = failures_column,
  .xRowid = failures_rowid,
  .xUpdate = failures_update,
};

const sqlite3_module log_module = {
  .iVersion = 1,
  .xConnect = log_connect,
  .xBestIndex = log_best_index,
  .xDisconnect = fixed_disconnect,
  .xOpen = log_open,
  .xClose = log_close,
  .xFilter = log_filter,
  .xNext = log_next,
  .xEof = log_eof,
  .xColumn = log_column,
  .xRowid = log_rowid,
};
