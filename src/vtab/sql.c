/*
** sql.c - see sql.h.
*/
#include "sql.h"

static int sql_vprepare(sqlite3 *db, sqlite3_stmt **out, const char *format, va_list args){
  *out = NULL;
  char *sql = sqlite3_vmprintf(format, args);
  if( sql==NULL ) return SQLITE_NOMEM;
  int rc = sqlite3_prepare_v2(db, sql, -1, out, NULL);
  sqlite3_free(sql);
  return rc;
}

int sql_prepare(sqlite3 *db, sqlite3_stmt **out, const char *format, ...){
  va_list args;
  va_start(args, format);
  int rc = sql_vprepare(db, out, format, args);
  va_end(args);
  return rc;
}

/* Only finalizing tells the whole code of what a step failed with. */
static int step_finish(sqlite3_stmt *stmt, int step){
  int rc = sqlite3_finalize(stmt);
  if( step==SQLITE_DONE || step==SQLITE_ROW ) return SQLITE_OK;
  return rc!=SQLITE_OK ? rc : step;
}

int sql_finish(sqlite3_stmt *stmt){
  return step_finish(stmt, sqlite3_step(stmt));
}

int sql_run(sqlite3 *db, const char *format, ...){
  sqlite3_stmt *stmt;
  va_list args;
  va_start(args, format);
  int rc = sql_vprepare(db, &stmt, format, args);
  va_end(args);
  return rc==SQLITE_OK ? sql_finish(stmt) : rc;
}

int sql_integer(sqlite3 *db, sqlite3_int64 *out, const char *format, ...){
  sqlite3_stmt *stmt;
  va_list args;
  va_start(args, format);
  int rc = sql_vprepare(db, &stmt, format, args);
  va_end(args);
  *out = 0;
  if( rc!=SQLITE_OK ) return rc;
  int step = sqlite3_step(stmt);
  if( step==SQLITE_ROW ) *out = sqlite3_column_int64(stmt, 0);
  return step_finish(stmt, step);
}

int error_vset(char **error, const char *format, va_list args){
  char *message = sqlite3_vmprintf(format, args);   /* first, as the old message may be among the arguments */
  sqlite3_free(*error);
  *error = message;
  return message ? SQLITE_ERROR : SQLITE_NOMEM;
}

int error_set(char **error, const char *format, ...){
  va_list args;
  va_start(args, format);
  int rc = error_vset(error, format, args);
  va_end(args);
  return rc;
}

void error_to_table(sqlite3_vtab *table, char *error){
  if( error==NULL ) return;
  sqlite3_free(table->zErrMsg);
  table->zErrMsg = error;
}

void result_code(sqlite3_context *ctx, int rc, char *error){
  if( rc==SQLITE_NOMEM ) sqlite3_result_error_nomem(ctx);
  else{
    if( error ) sqlite3_result_error(ctx, error, -1);
    sqlite3_result_error_code(ctx, rc);             /* keeps the sentence */
  }
  sqlite3_free(error);
}
