/*
** cursor.h - xOpen to xRowid: a query goes out, its records become rows.
**
** May use: scan_setup, table, connection, convert, the client for reading. Must not know: what is held back
** until COMMIT; nothing is written from here. vt_filter and vt_next ask the server and block; so does
** vt_column, once, in a DELETE without a WHERE.
** Codes are SQLite's; what failed stands in the table's zErrMsg.
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

/* Tags and fields only: their keys have two columns, which a table WITHOUT ROWID of a writable module cannot
** have. */
int vt_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *rowid);

#endif
