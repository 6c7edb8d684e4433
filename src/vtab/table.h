/*
** table.h - a table of Ortto's: its columns, connecting, describing without a network.
*/
#ifndef ORTTO_VTAB_TABLE_H
#define ORTTO_VTAB_TABLE_H

#include "sqlite.h"
#include "../../ortto_client.h"
#include "connection.h"
#include "arguments.h"

#define HIDDEN_MAX 5

typedef struct savepoint {              /* a savepoint: what was held back when it was made */
  int number;
  sqlite3_int64 place;
} savepoint;

typedef struct writes {            /* of one table in a transaction */
  int open;                        /* between xBegin and xCommit or xRollback */
  savepoint *savepoints;
  int count, cap;
} writes;

struct table {
  sqlite3_vtab base;
  conn *conn;                      /* a reference */
  table *next;                     /* in conn->tables */
  char *schema, *name;
  ortto_table kind;
  arguments args;
  int created;                     /* by CREATE VIRTUAL TABLE */
  const ortto_field_list *fields;
  ortto_field_list *owned_fields;    /* the same, if it is ours to free */
  int hidden_columns;                    /* number of hidden columns: columns 1..hidden */
  int columns;                     /* SQL columns */
  int overflow;                    /* first field that has no column and goes to more_fields; fields->count if none */
  uint64_t identity;               /* of the endpoint that listed the fields */
  char *broken;                    /* why the fields could not be listed: what every query says */
  int refused;                     /* its arguments are not allowed: nothing may be sent on its behalf */
  writes *writes;                  /* savepoints of a transaction that writes; NULL before the first */
};

int is_contact_table(const table *t);

/* The field shown by an SQL column, -1 for a hidden column and for more_fields. */
int column_field(const table *t, int column);
void table_free(table *t);

/* How many fields find a column, if the hidden ones and perhaps more_fields have one too. */
int columns_fit(sqlite3 *db, ortto_table kind, int fields);
int endpoint_of(table *t, ortto_endpoint **endpoint);
int vt_create(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out, char **error);
int vt_connect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out, char **error);

/* A table that exists without a CREATE. */
int vt_connect_eponymous(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out, char **error);
int vt_disconnect(sqlite3_vtab *base);
int vt_fail(table *t, int rc);
int vt_error(table *t, const char *format, ...);

/* A created table that this connection has not used yet is connected by being named in a statement. */
table *table_connected(const conn *c, const char *name);

#endif
