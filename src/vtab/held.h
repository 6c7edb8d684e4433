/*
** held.h - INSERT, UPDATE and DELETE on people and accounts: checked at their statement, held back until
** COMMIT.
**
** May use: table, connection and its spool, convert, the client for checking values. Must not know: how what
** is held back is sent.
** Codes are SQLite's; what failed stands in the table's zErrMsg, and a refused row is SQLITE_CONSTRAINT.
** Sends nothing; nothing in here blocks for more than a disk.
*/
#ifndef ORTTO_VTAB_HELD_H
#define ORTTO_VTAB_HELD_H

#include "sqlite.h"
#include "connection.h"
#include "table.h"

/* The table as an owner of rows in the spool. */
sqlite3_int64 held_owner(const table *t);

/* "insert", "update" or "delete", of the row that a statement of the spool stands on; NULL when out of
** memory. */
const char *held_operation(sqlite3_stmt *row);

/* Its table; NULL if it is gone. */
const table *held_table(const conn *c, sqlite3_stmt *row);

/* What it changes: an object from column name to what it becomes, by sqlite3_malloc. */
int held_changes(const table *t, sqlite3_stmt *row, char **changes);

/* Which statement this is: DELETE has one argument, INSERT no old key. */
int vt_update(sqlite3_vtab *base, int argc, sqlite3_value **argv, sqlite3_int64 *rowid);

/* DROP TABLE. Rows that wait for COMMIT must not vanish with the table, nor must it that rows are lost.
** (SQLite takes no message from here.) */
int vt_destroy(sqlite3_vtab *base);

/* ---- transactions ---- */

int vt_begin(sqlite3_vtab *base);

/* COMMIT, after it was delivered, and ROLLBACK: nothing is held back any more. */
int vt_end(sqlite3_vtab *base);

int vt_savepoint(sqlite3_vtab *base, int number);
int vt_release(sqlite3_vtab *base, int number);

int vt_rollback_to(sqlite3_vtab *base, int number);

#endif
