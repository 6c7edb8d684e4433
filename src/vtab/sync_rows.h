/*
** sync_rows.h - what a sync shows: JSON, rows, a line on the terminal.
*/
#ifndef ORTTO_VTAB_SYNC_ROWS_H
#define ORTTO_VTAB_SYNC_ROWS_H

#include "sqlite.h"

extern const sqlite3_module sync_module;

/* The everyday form: the `done` row of each source, as JSON. */
void fn_sync(sqlite3_context *ctx, int argc, sqlite3_value **argv);

#endif
