/*
** sync_target.h - the local table of a sync, and the staging table beside it: what they are called, their
** columns, and whether a sync may write there.
**
** May use: sql, table_names, local_table, the struct of a run. Must not know: reading from Ortto, or the
** state of runs beyond the name of its table. All but target_parse runs in a transaction of the run's; texts
** returned are by sqlite3_malloc, and NULL when out of memory or when there would be nothing in them.
*/
#ifndef ORTTO_VTAB_SYNC_TARGET_H
#define ORTTO_VTAB_SYNC_TARGET_H

#include "sqlite.h"
#include "sync_run.h"

/* Column i of those that the sync writes, 0 <= i < s->columns; the texts are constant or the run's. */
const char *column_name(const sync_run *s, int i);
const char *column_type(const sync_run *s, int i);
int column_is_key(const sync_run *s, int i);

/* The type that it has in the target, or is to have there. After target_check. */
const char *target_type(const sync_run *s, int i);

/* The columns, or some of them, one after the other: each printed by a format of sqlite3_mprintf's that may
** take its name once or twice. */
typedef enum { COLUMNS_ALL, COLUMNS_KEY, COLUMNS_OTHER } column_set;
char *column_list(const sync_run *s, column_set which, const char *between, const char *format);

#define QUOTED "\"%w\""            /* the format of a plain list: "a","b" */
#define MATCHED "s.\"%w\"=t.\"%w\""   /* a staged row s and a local one t have the same key */

/* Appends the condition that such rows differ in a column, compared exactly (the staged one stands on the
** left: it has no collation of its own). After target_check. */
void column_differs(const sync_run *s, sqlite3_str *out, int i);

/* Does SQLite compare columns of that type as text? Those of other types as numbers where they look so. */
int type_is_text(const char *type);

/* Whatever may change or drop rows of the target behind the back of a statement, counted: triggers, and
** foreign keys to itself. */
int target_has_rules(const sync_run *s, sqlite3_int64 *rules);

/* Is the name one that ortto or SQLite has taken for itself? */
int name_is_reserved(const char *name);

/* Is there a view, an index or a virtual table of that name? */
int name_is_other(const sync_run *s, const char *name, sqlite3_int64 *other);

int table_exists(const sync_run *s, const char *name, sqlite3_int64 *exists);

/* The name by which SQL reaches the rowid of a staging table; NULL where columns have all three. */
const char *rowid_name(const sync_run *s);

/* An empty staging table. One that is there from before is dropped; while a SELECT of the user's runs SQLite
** refuses that, and it is emptied if it is the same, or left for another name. The trigger tells the next run
** of changes by others. */
int staging_create(sync_run *s);

/* Is the staging table exactly what staging_create made, with its trigger and none of anybody else's? */
int staging_is_ours(const sync_run *s, int *ours);

/* A private table that is of no use any more: dropped, or emptied where SQLite refuses that. */
int table_drop(const sync_run *s, const char *name);

/* schema.table, or a bare name: a dot with no known schema before it is an error. */
int target_text_check(sqlite3 *db, const char *text, char **error);

/* Sets schema, target and staging from such a text. A bare name is the table that it means to SQLite, but for
** one of ortto's in temp; a new one stands in main. */
int target_parse(sync_run *s, const char *text);

/* Is the target a table that can be written, with the key of the source? Reads s->local; its count is 0 if
** there is no such table yet. */
int target_check(sync_run *s, char **error);

#endif
