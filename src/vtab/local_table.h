/*
** local_table.h - the columns of an ordinary table in a database of the user's, asked once.
**
** A table may have thousands of columns, and is looked at while its file is locked: so one query tells of all
** of them. What is kept holds as long as the transaction it was read in, and as long as nothing of ours
** alters the table.
**
** May use: sql, text. Must not know: Ortto, or what a sync is. It runs SQL, and so may meet a lock of
** somebody else's.
*/
#ifndef ORTTO_VTAB_LOCAL_TABLE_H
#define ORTTO_VTAB_LOCAL_TABLE_H

#include "../text.h"
#include "sqlite.h"

typedef struct local_column {
  const char *name;
  const char *type;                /* as declared; "" none, and for ANY of a STRICT table: no affinity */
  int key;                         /* part of the PRIMARY KEY */
  int generated;
} local_column;

typedef struct local_table {       /* all zero: nothing was read */
  arena memory;
  local_column *column;            /* in the order of their names */
  int count, cap;                  /* count 0: there is no such table */
  int keys;                        /* columns of the PRIMARY KEY */
  int strict;
} local_table;

/* SQLite's code; whatever it is, local_table_free frees what is there. What t held before is freed. */
int local_table_read(sqlite3 *db, const char *schema, const char *name, local_table *t);
void local_table_free(local_table *t);

/* The column of that name, but for the case of ASCII letters; NULL if there is none. It is t's. */
const local_column *local_table_column(const local_table *t, const char *name);

#endif
