/*
** table.h - a table of Ortto's: its columns, connecting, describing without a network.
**
** May use: connection, arguments, sql, the client for fields. Must not know: plans, cursors, what is held
** back. A table holds a reference to its connection and stands in its list while it is connected. Codes are
** SQLite's; what failed stands in the table's zErrMsg or, while it is being connected, in *error. vt_create,
** vt_connect and vt_connect_eponymous ask the server and block.
**
** Whose fields are not known, and may not be asked for on a file's word (guard.h) or cannot be had, gets the
** columns that are known without asking. A query asks then (table_ready). A statement that names one of the
** missing columns never gets so far; but where SQLite misses a column it looks whether its schema is old, and
** begins once more if it is. So it is made old, for the schema temp (no file is written), and the table is
** connected a second time, when we know that it is a query: then the fields are asked for with all patience,
** and if that fails, so does the statement, with the reason.
*/
#ifndef ORTTO_VTAB_TABLE_H
#define ORTTO_VTAB_TABLE_H

#include "sqlite.h"
#include "../../ortto_client.h"
#include "connection.h"
#include "arguments.h"

#define HIDDEN_MAX 5
#define ROWID_COLUMN "_rowid_"

struct table {
  sqlite3_vtab base;
  conn *conn;                      /* a reference */
  table *next;                     /* in conn->tables */
  char *schema, *name;
  ortto_table kind;
  arguments args;
  int created;                     /* by CREATE VIRTUAL TABLE */
  const ortto_field_list *fields;
  ortto_field_list *owned_fields;  /* the same, if it is ours to free */
  int hidden_columns;              /* how many: they are the columns 1..hidden_columns */
  int rowid_column;                /* the hidden one that is the id; -1: the key is not one column */
  int columns;                     /* SQL columns */
  int overflow;                    /* first field without a column, for more_fields; fields->count if none */
  uint64_t identity;               /* of the endpoint that listed the fields */
  char *broken;                    /* why the fields could not be listed: every query tries again */
  int refused;                     /* its arguments are not allowed: nothing may be sent on its behalf */
  writes *writes;                  /* its part of a transaction; NULL before the first */
  struct run *run;                 /* what reads it now (run_memory.h); NULL: nothing */
};

/* People and accounts: the server says which columns they have; hidden ones too; they can be written. */
int is_contact_table(const table *t);

/* The field shown by an SQL column, -1 for a hidden column, _rowid_ too, and for more_fields. */
int column_field(const table *t, int column);

/* How many fields find a column, if the hidden ones and perhaps more_fields have one too. */
int columns_fit(sqlite3 *db, ortto_table kind, int fields);

/* Host, key and limits of this table. The code is the client's. To be closed. */
int endpoint_of(table *t, ortto_endpoint **endpoint);

/* For whoever reads or writes: where the fields could not be listed when the table was connected, tries
** again, and blocks. SQLITE_SCHEMA: it has other columns than it seemed; SQLite is to prepare the statement
** anew. */
int table_ready(table *t);

/* The table is to be connected anew, as its columns are others: SQLITE_SCHEMA, for SQLite to prepare the
** running statement again, or an error. */
int table_anew(table *t);

/* The table takes part in the transaction: what it is to do with savepoints is kept from here on. */
int table_take_part(table *t);

/* ---- methods of the modules ---- */

int vt_create(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out, char **error);
int vt_connect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out, char **error);

/* A table that exists without a CREATE. */
int vt_connect_eponymous(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out,
                         char **error);
int vt_disconnect(sqlite3_vtab *base);
void table_free(table *t);

/* ---- for the other methods ---- */

/* The client's code and sentence become SQLite's and the table's. */
int vt_fail(table *t, int rc);

/* The table says that sentence. Returns SQLITE_ERROR, or SQLITE_NOMEM. */
int vt_error(table *t, const char *format, ...);

/* What the table's own arguments say for a hidden column (audience, filter); NULL: nothing. */
const char *table_steered(const table *t, int column);

/* The same column is given in a statement. Returns SQLITE_ERROR, or SQLITE_NOMEM. */
int steered_twice(table *t, int column);

/* What every wrong use of a hidden column says: how it is used. Returns SQLITE_ERROR, or SQLITE_NOMEM. */
int hidden_misused(table *t, int column);
int hidden_twice(table *t, int column);

/* For versions of SQLite that ask for all columns as if they were set. The same codes. */
int update_from_refused(table *t);

/* Nothing is read or written for the sake of a file's schema: SQLITE_OK where a running statement of the
** program's own names the table (guard.h). */
int table_may_act(table *t);

#endif
