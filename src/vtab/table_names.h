/*
** table_names.h - which table a name means: what SQLite would take, temp, main, then the attached files.
**
** For what names a table in a text: the option via, ortto_sync, ortto_check.
** May use: connection, sql, table. Must not know: what a table is wanted for. table_connected may connect a
** table, and so block.
*/
#ifndef ORTTO_VTAB_TABLE_NAMES_H
#define ORTTO_VTAB_TABLE_NAMES_H

#include "connection.h"
#include "table.h"

/* The connected table of that name, perhaps with a schema in front; NULL if there is none. A created one
** that this connection has not used yet is connected by being named in a statement, which may block. */
table *table_connected(const conn *c, const char *name);

/* The same of created ones alone: one that is there without a CREATE is not connected for it. *bare is the
** name without the schema. */
table *table_created(const conn *c, const char *name, const char **bare);

/* The name, without ortto_, of one of ortto's own tables, which are there without a CREATE: 0 and up; NULL
** behind the last. */
const char *table_own_name(int i);

/* The schema in which SQLite finds a bare name first, of a table or view that is in a file or in temp;
** NULL: in none. By sqlite3_malloc. Codes are SQLite's. */
int table_schema(const conn *c, const char *name, char **found);

/* A local table or view that hides one of ortto's own by its name, as schema.name (sqlite3_malloc); NULL:
** none. */
char *table_that_hides(const conn *c);

#endif
