/*
** sql.h - running SQL of our own, and saying what failed: one way of each.
**
** May use: SQLite. Must not know: tables, Ortto, whose database it is.
** Formats are those of sqlite3_mprintf: %Q for a value, "%w" for a name.
** Codes are SQLite's. A message is one sentence for the user, made by sqlite3_malloc. Blocks as long as
** SQLite does.
*/
#ifndef ORTTO_VTAB_SQL_H
#define ORTTO_VTAB_SQL_H

#include <stdarg.h>
#include <stddef.h>

#include "sqlite.h"

/* ---- one statement ---- */

/* *out is the caller's to finalize; NULL where this fails. */
int sql_prepare(sqlite3 *db, sqlite3_stmt **out, const char *format, ...);

/* Runs a statement that is bound, and finalizes it. */
int sql_finish(sqlite3_stmt *stmt);

/* Prepares, runs and finalizes. */
int sql_run(sqlite3 *db, const char *format, ...);

/* The first column of the first row; 0 where there is no row or this fails. */
int sql_integer(sqlite3 *db, sqlite3_int64 *out, const char *format, ...);

/* ---- what failed ---- */

/* *error becomes that sentence; what it was is freed. Returns SQLITE_ERROR, or SQLITE_NOMEM and *error is
** NULL. */
int error_set(char **error, const char *format, ...);
int error_vset(char **error, const char *format, va_list args);

/* The message becomes the table's, which SQLite frees. With NULL the table keeps what it has. */
void error_to_table(sqlite3_vtab *table, char *error);

/* A function fails with that code and message, which is freed here; without one, in SQLite's words for the
** code. */
void result_code(sqlite3_context *ctx, int rc, char *error);

#endif
