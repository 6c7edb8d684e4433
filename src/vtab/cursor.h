/*
** cursor.h - xFilter to xColumn: a plan becomes a query of the client, its records become rows.
*/
#ifndef ORTTO_VTAB_CURSOR_H
#define ORTTO_VTAB_CURSOR_H

#include "sqlite.h"
#include "connection.h"
#include "table.h"

int vt_open(sqlite3_vtab *base, sqlite3_vtab_cursor **out);
int vt_close(sqlite3_vtab_cursor *base);
int vt_filter(sqlite3_vtab_cursor *base, int number, const char *plan, int argc, sqlite3_value **argv);
int vt_eof(sqlite3_vtab_cursor *base);
int vt_next(sqlite3_vtab_cursor *base);
int vt_column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int column);

/* Tags and fields only: their keys have two columns, which a table WITHOUT ROWID of a writable module cannot have. */
int vt_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *rowid);

#endif
