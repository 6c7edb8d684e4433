/*
** sql.h - running SQL of our own, one way of each.
*/
#ifndef ORTTO_VTAB_SQL_H
#define ORTTO_VTAB_SQL_H

#include <stdarg.h>
#include <stddef.h>

#include "sqlite.h"

int sync_error(char **error, const char *format, ...);
int sql_prepare(sqlite3 *db, sqlite3_stmt **out, const char *format, ...);
int sql_finish(sqlite3_stmt *stmt);

/* Runs one statement. */
int sql_run(sqlite3 *db, const char *format, ...);
int sql_integer(sqlite3 *db, sqlite3_int64 *out, const char *format, ...);

#endif
