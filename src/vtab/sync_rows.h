/*
** sync_rows.h - what is shown of a sync: JSON by the function, rows by the table, a line on the terminal by
** both.
**
** May use: sync, and what other tables of fixed columns are made of. Must not know: how a sync does its work.
*/
#ifndef ORTTO_VTAB_SYNC_ROWS_H
#define ORTTO_VTAB_SYNC_ROWS_H

#include "sqlite.h"

/* ortto_sync as a table, whose arguments are hidden columns: a row for each page as it lands, and one when
** all is done. SQLite holds a read transaction as long as its SELECT runs. */
extern const sqlite3_module sync_module;

/* ortto_sync(source, target [, mode]), the everyday form: the `done` row of each source, as JSON; an array
** for a list. Blocks until all is done; holds no lock between pages. */
void fn_sync(sqlite3_context *ctx, int argc, sqlite3_value **argv);

#endif
