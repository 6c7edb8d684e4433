/*
** sync_rows.c - see sync_rows.h.
*/
#include "sync_rows.h"

#include <stdio.h>
#include <string.h>

#include "../os.h"
#include "../text.h"
#include "sql.h"
#include "once.h"
#include "convert.h"
#include "connection.h"
#include "plan.h"
#include "small_tables.h"
#include "sync_run.h"
#include "sync.h"

enum { SHOW_SOURCE, SHOW_TARGET, SHOW_STATE, SHOW_PAGE, SHOW_ROWS, SHOW_TOTAL, SHOW_INSERTED, SHOW_UPDATED,
       SHOW_DELETED, SHOW_UNCHANGED, SHOW_REQUESTS, SHOW_RETRIES, SHOW_ELAPSED, SHOW_MESSAGE, SHOW_COLUMNS };

static const char *const show_names[SHOW_COLUMNS] = {
  "source", "target", "state", "page", "rows", "total", "inserted", "updated", "deleted",
  "unchanged", "requests", "retries", "elapsed_ms", "message"
};

#define ARGUMENTS 3                /* hidden columns, behind those that are shown */

static const char table_columns[] =
  "CREATE TABLE x(source TEXT, target TEXT, state TEXT, page INTEGER, rows INTEGER, total INTEGER, "
  "inserted INTEGER, updated INTEGER, deleted INTEGER, unchanged INTEGER, "
  "requests INTEGER, retries INTEGER, elapsed_ms INTEGER, message TEXT, "
  "\"from\" HIDDEN, \"into\" HIDDEN, mode HIDDEN)";

/* The text of a column, or NULL and the number; *null where there is neither. */
static const char *show(const sync_batch *batch, int column, sqlite3_int64 *number, int *null){
  const sync_run *s = batch->run;
  *null = 0;
  *number = 0;
  switch( column ){
    case SHOW_SOURCE: return s->source;
    case SHOW_TARGET: return batch->job[batch->at].target;
    case SHOW_STATE: return s->state;
    case SHOW_PAGE: *number = s->page; break;
    case SHOW_ROWS: *number = s->rows; break;
    case SHOW_TOTAL: *number = s->total; *null = s->total<0; break;
    case SHOW_INSERTED: *number = s->inserted; break;
    case SHOW_UPDATED: *number = s->updated; break;
    case SHOW_DELETED: *number = s->deleted; break;
    case SHOW_UNCHANGED: *number = s->unchanged; break;
    case SHOW_REQUESTS: *number = s->requests; break;
    case SHOW_RETRIES: *number = s->retries; break;
    case SHOW_ELAPSED: *number = sync_elapsed(s); break;
    default: *null = s->message[0]==0; return *null ? NULL : s->message;
  }
  return NULL;
}

static void show_json(const sync_batch *batch, sqlite3_str *out){
  for(int i=0; i<SHOW_COLUMNS; i++){
    sqlite3_int64 number;
    int null;
    const char *text = show(batch, i, &number, &null);
    sqlite3_str_appendf(out, "%s\"%s\":", i ? "," : "{", show_names[i]);
    if( text ) json_string(out, text, strlen(text));
    else if( null ) sqlite3_str_appendall(out, "null");
    else sqlite3_str_appendf(out, "%lld", number);
  }
  sqlite3_str_appendall(out, "}");
}

/* All of a call; the `done` rows go into out. */
static int sync_whole(sync_batch *batch, sqlite3_str *out, char **error){
  int more = 1, rc = SQLITE_OK;
  while( rc==SQLITE_OK && more ){
    rc = sync_batch_step(batch, &more, error);
    if( rc!=SQLITE_OK || !more || batch->run->phase!=SYNC_DONE ) continue;
    if( batch->at ) sqlite3_str_appendall(out, ",");
    show_json(batch, out);
  }
  return rc;
}

void fn_sync(sqlite3_context *ctx, int argc, sqlite3_value **argv){
  conn *c = ((registration *)sqlite3_user_data(ctx))->conn;
  sync_batch batch;
  char *error = NULL;
  int found, rc = function_may_act(c, "ortto_sync", &error);
  if( rc==SQLITE_OK ) rc = once_result(ctx, "ortto_sync", argc, argv, &found);
  if( rc!=SQLITE_OK ){
    result_code(ctx, rc, error);
    return;
  }
  if( found ){
    sqlite3_result_subtype(ctx, 'J');
    return;
  }
  sqlite3_str *out = sqlite3_str_new(NULL);
  rc = sync_batch_begin(&batch, c, argv[0], argv[1], argc>2 ? argv[2] : NULL, &error);
  batch.shows_line = 1;
  if( batch.list ) sqlite3_str_appendall(out, "[");
  if( rc==SQLITE_OK ) rc = sync_whole(&batch, out, &error);
  if( batch.list ) sqlite3_str_appendall(out, "]");
  sync_batch_free(&batch);
  char *text = sqlite3_str_finish(out);
  if( rc==SQLITE_OK && text ){
    once_keep(ctx, "ortto_sync", argc, argv, text, (sqlite3_int64)strlen(text));
    sqlite3_result_text(ctx, text, -1, sqlite3_free);
    sqlite3_result_subtype(ctx, 'J');
    return;
  }
  sqlite3_free(text);
  result_code(ctx, rc==SQLITE_OK ? SQLITE_NOMEM : rc, error);
}

/* ---- the table -------------------------------------------------------------------- */

typedef struct sync_cursor {
  sqlite3_vtab_cursor base;
  sync_batch batch;
  sqlite3_value *argument[ARGUMENTS];
  sqlite3_int64 row;
  int eof;
} sync_cursor;

static int sync_connect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out,
                        char **error){
  (void)argc; (void)argv; (void)error;
  return fixed_connect(db, aux, out, table_columns);
}

static int sync_best_index(sqlite3_vtab *base, sqlite3_index_info *info){
  int at[ARGUMENTS] = { -1, -1, -1 }, args = 0;
  (void)base;
  for(int i=0; i<info->nConstraint; i++){
    const struct sqlite3_index_constraint *c = &info->aConstraint[i];
    int which = c->iColumn - SHOW_COLUMNS;
    if( is_limit(c->op) || c->op!=SQLITE_INDEX_CONSTRAINT_EQ || which<0 || which>=ARGUMENTS ) continue;
    if( !c->usable ) return SQLITE_CONSTRAINT;
    if( at[which]<0 ) at[which] = i;
  }
  for(int k=0; k<ARGUMENTS; k++) if( at[k]>=0 ){
    info->aConstraintUsage[at[k]].argvIndex = ++args;
    info->aConstraintUsage[at[k]].omit = 1;
    info->idxNum |= 1<<k;
  }
  info->estimatedCost = 1e6;
  info->estimatedRows = 100;
  return SQLITE_OK;
}

static int sync_open(sqlite3_vtab *base, sqlite3_vtab_cursor **out){
  (void)base;
  sync_cursor *cur = sqlite3_malloc(sizeof *cur);
  if( cur==NULL ) return SQLITE_NOMEM;
  memset(cur, 0, sizeof *cur);
  cur->eof = 1;
  *out = &cur->base;
  return SQLITE_OK;
}

static void sync_cursor_reset(sync_cursor *cur){
  sync_batch_free(&cur->batch);
  for(int i=0; i<ARGUMENTS; i++){
    sqlite3_value_free(cur->argument[i]);
    cur->argument[i] = NULL;
  }
  cur->eof = 1;
}

static int sync_close(sqlite3_vtab_cursor *base){
  sync_cursor_reset((sync_cursor *)base);
  sqlite3_free(base);
  return SQLITE_OK;
}

static int sync_next(sqlite3_vtab_cursor *base){
  sync_cursor *cur = (sync_cursor *)base;
  char *error = NULL;
  int more;
  int rc = sync_batch_step(&cur->batch, &more, &error);
  cur->eof = rc!=SQLITE_OK || !more;
  cur->row++;
  if( error ){
    sqlite3_free(base->pVtab->zErrMsg);
    base->pVtab->zErrMsg = error;
  }
  return rc;
}

/* argv holds those of the arguments whose bit is set in given. */
static int arguments_keep(sync_cursor *cur, int given, sqlite3_value **argv){
  for(int k=0; k<ARGUMENTS; k++) if( given & 1<<k ){
    cur->argument[k] = sqlite3_value_dup(*argv++);
    if( cur->argument[k]==NULL ) return SQLITE_NOMEM;
  }
  return SQLITE_OK;
}

static int sync_filter(sqlite3_vtab_cursor *base, int given, const char *plan, int argc,
                       sqlite3_value **argv){
  sync_cursor *cur = (sync_cursor *)base;
  const fixed_table *t = (const fixed_table *)base->pVtab;
  char *error = NULL;
  (void)plan; (void)argc;
  sync_cursor_reset(cur);
  int rc = table_form_may_act(t->conn, "ortto_sync", &error);
  if( rc!=SQLITE_OK ){
    error_to_table(base->pVtab, error);
    return rc;
  }
  rc = arguments_keep(cur, given, argv);
  if( rc!=SQLITE_OK ) return rc;
  if( (given & 3)==3 )
    rc = sync_batch_begin(&cur->batch, t->conn, cur->argument[0], cur->argument[1], cur->argument[2], &error);
  else rc = error_set(&error, "ortto: ortto_sync needs a source and a local table: "
                       "SELECT * FROM ortto_sync('ortto_people', 'people')");
  cur->row = 0;
  cur->batch.reading = 1;
  cur->batch.shows_line = !os_output_is_terminal();   /* there the rows themselves are shown */
  if( rc==SQLITE_OK ) return sync_next(base);
  error_to_table(base->pVtab, error);
  return rc;
}

static int sync_eof(sqlite3_vtab_cursor *base){
  return ((sync_cursor *)base)->eof;
}

static int sync_column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int column){
  const sync_cursor *cur = (const sync_cursor *)base;
  if( column>=SHOW_COLUMNS ){
    if( cur->argument[column-SHOW_COLUMNS] ) sqlite3_result_value(ctx, cur->argument[column-SHOW_COLUMNS]);
    return SQLITE_OK;
  }
  sqlite3_int64 number;
  int null;
  const char *text = show(&cur->batch, column, &number, &null);
  if( text ) sqlite3_result_text(ctx, text, -1, SQLITE_TRANSIENT);
  else if( !null ) sqlite3_result_int64(ctx, number);
  return SQLITE_OK;
}

static int sync_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *rowid){
  *rowid = ((sync_cursor *)base)->row;
  return SQLITE_OK;
}

const sqlite3_module sync_module = {
  .iVersion = 1,
  .xConnect = sync_connect,
  .xBestIndex = sync_best_index,
  .xDisconnect = fixed_disconnect,
  .xOpen = sync_open,
  .xClose = sync_close,
  .xFilter = sync_filter,
  .xNext = sync_next,
  .xEof = sync_eof,
  .xColumn = sync_column,
  .xRowid = sync_rowid,
};
