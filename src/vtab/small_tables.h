/*
** small_tables.h - ortto_log, ortto_failures: tables of fixed columns that need nothing but the connection.
*/
#ifndef ORTTO_VTAB_SMALL_TABLES_H
#define ORTTO_VTAB_SMALL_TABLES_H

#include "sqlite.h"
#include "../../ortto_client.h"
#include "connection.h"

extern const sqlite3_module log_module, failures_module;

typedef struct fixed_table {    /* of ortto_log and ortto_sync */
  sqlite3_vtab base;
  conn *conn;
} fixed_table;

/* A table of fixed columns that needs nothing but the connection. */
int fixed_connect(sqlite3 *db, const registration *reg, sqlite3_vtab **out, const char *columns);
int fixed_disconnect(sqlite3_vtab *base);

#endif
