/*
** held.h - INSERT, UPDATE and DELETE on people and accounts: checked at their statement, held back until COMMIT.
*/
#ifndef ORTTO_VTAB_HELD_H
#define ORTTO_VTAB_HELD_H

#include "sqlite.h"
#include "connection.h"
#include "table.h"

/* Which statement this is: DELETE has one argument, INSERT no old key. */
int vt_update(sqlite3_vtab *base, int argc, sqlite3_value **argv, sqlite3_int64 *rowid);
int vt_begin(sqlite3_vtab *base);

/* What was held back after that place is no longer. If that cannot be done, the list is not to be trusted: no COMMIT may
** send from it. */
void held_drop(table *t, sqlite3_int64 after);
int held_any(const table *t, sqlite3_int64 *any);

/* DROP TABLE. Rows that wait for COMMIT must not vanish with the table. (SQLite takes no message from here.) */
int vt_destroy(sqlite3_vtab *base);
int vt_savepoint(sqlite3_vtab *base, int number);
int vt_release(sqlite3_vtab *base, int number);

/* A savepoint that was never announced is older than this table's first write: then nothing of it stays. -1 is the one
** that opened the transaction. */
int vt_rollback_to(sqlite3_vtab *base, int number);
int vt_end(sqlite3_vtab *base);

#endif
