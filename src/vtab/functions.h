/*
** functions.h - the scalar functions, but for ortto_sync, which sync_rows has.
**
** May use: connection, table (to find one by name), sql, convert, the client. Must not know: plans, cursors,
** what is held back.
** Each has a registration as its user data. A failure is an error of the statement; all but fn_version and
** fn_config ask the server and block.
*/
#ifndef ORTTO_VTAB_FUNCTIONS_H
#define ORTTO_VTAB_FUNCTIONS_H

#include "sqlite.h"

/* ortto_version() */
void fn_version(sqlite3_context *ctx, int argc, sqlite3_value **argv);

/* ortto_config(name [, value]): what is in force, after setting it. */
void fn_config(sqlite3_context *ctx, int argc, sqlite3_value **argv);

/* ortto_check(['segment' or a table's name]): 'ok', or why not. */
void fn_check(sqlite3_context *ctx, int argc, sqlite3_value **argv);

/* ortto_upsert(json [, options]), ortto_track(json [, options]): the outcome, or a list of them. */
void fn_upsert(sqlite3_context *ctx, int argc, sqlite3_value **argv);
void fn_track(sqlite3_context *ctx, int argc, sqlite3_value **argv);

#endif
