/*
** guard.h - who asks? A database file from a stranger must not spend the user's key, send, or set anything.
**
** SQLite's own rules (DIRECTONLY) hold back views and triggers, but not everything that a file can hide an
** expression in: CHECK constraints under PRAGMA integrity_check, generated columns, indexes on expressions
** where the schema was read before this was loaded, FTS tables whose content is a table of ours. So what
** sends, sets or writes works only where a statement that the program itself runs names it in its own text,
** or a TEMP view or trigger that this statement uses does.
**
** "Names" means an identifier, bare or in "", [] or ``; of a function, that is called: a file may give its
** name to a table or column, which programs then name. A 'text' never names a function. It names a table only
** while no other statement runs, since FTS writes names so in statements of its own, and SQLite takes
** FROM 'name', too. A statement that has a schema in '' is such a one of FTS's, and names no function.
**
** A table is connected before any of this can be seen: while a statement is prepared none runs, and its text
** cannot be had. So whoever would have to ask the server for a table's columns asks guard_file_connects
** first: may it be a file that wants them? That is so where a view, a trigger, a virtual table or a foreign
** key in an open file names the table; and for a PRAGMA, unless it is one that describes this very table, in
** the program's own words. (A PRAGMA that is being prepared has columns and no text.)
**
** May use: sqlite, sql. Must not know: Ortto. Asks nobody outside the connection; allocates little.
*/
#ifndef ORTTO_VTAB_GUARD_H
#define ORTTO_VTAB_GUARD_H

#include "sqlite.h"

/* What has a code returns SQLITE_OK, or why it cannot be seen: memory, an interrupt, an authorizer. */

/* *found: does a statement of this connection that runs now name this function or table, in its own text or
** through TEMP views and triggers? */
int guard_names_table(sqlite3 *db, const char *name, int *found);
int guard_calls(sqlite3 *db, const char *function, int *found);

/* The table form of a function may be named without being called: its arguments are columns. */
int guard_names_table_form(sqlite3 *db, const char *function, int *found);

/* The same of a table, of one statement; a 'text' counts as a name, too. */
int statement_names(sqlite3 *db, sqlite3_stmt *s, const char *name, int *found);

/* *file: may it be something in a database file that has this table connected now? 0 also where the file is
** locked, or was changed meanwhile by another program and SQLite does not know it yet. */
int guard_file_connects(sqlite3 *db, const char *name, int *file);

/* Is a PRAGMA being prepared that gives rows? */
int guard_pragma(sqlite3 *db);
/* The table that an UPDATE ... FROM changes, as it is named there ("schema.name", without quotes), by
** sqlite3_malloc; NULL: the statement is none, or out of memory. */
char *statement_updates_from(sqlite3_stmt *s);

#endif
