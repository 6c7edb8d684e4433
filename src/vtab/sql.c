/*
** sql.c - see sql.h.
*/
#include "sql.h"

#include <stdarg.h>

int sync_error(char **error, const char *format, ...){
  va_list args;
  va_start(args, format);
  sqlite3_free(*error);
  *error = sqlite3_vmprintf(format, args);
  va_end(args);
  return *error ? SQLITE_ERROR : SQLITE_NOMEM;
}

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

int sql_finish(sqlite3_stmt *stmt){
  int rc = sqlite3_step(stmt);
  int finished = sqlite3_finalize(stmt);
  return rc==SQLITE_DONE || rc==SQLITE_ROW ? SQLITE_OK : finished ? finished : rc;
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
  rc = sqlite3_step(stmt);
  if( rc==SQLITE_ROW ) *out = sqlite3_column_int64(stmt, 0);
  int finished = sqlite3_finalize(stmt);
  return rc==SQLITE_ROW || rc==SQLITE_DONE ? SQLITE_OK : finished;
}
