/*
** small_tables.h - tables of fixed columns that need nothing but the connection: ortto_log, ortto_failures,
** ortto_pending, ortto_settings.
**
** One module serves them all; each is a row of functions in small_tables.c. They are read from the first row
** to the last, without a plan.
** May use: connection, spool, held, sql, the client's log and settings. Must not know: Ortto's columns,
** plans. Nothing in here blocks.
*/
#ifndef ORTTO_VTAB_SMALL_TABLES_H
#define ORTTO_VTAB_SMALL_TABLES_H

#include "sqlite.h"
#include "connection.h"

/* The module of table i (0, 1, ...), to be registered with a registration under *name; NULL past the last. */
const sqlite3_module *small_module(int i, const char **name);

/* ---- for another module with fixed columns ---- */

typedef struct fixed_table {
  sqlite3_vtab base;
  conn *conn;                      /* a reference */
} fixed_table;

/* xConnect and xDisconnect; `columns` is the CREATE TABLE. */
int fixed_connect(sqlite3 *db, const registration *reg, sqlite3_vtab **out, const char *columns);
int fixed_disconnect(sqlite3_vtab *base);

#endif
