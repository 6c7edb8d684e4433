/*
** sync_target.h - the local table of a sync, and the staging table beside it.
*/
#ifndef ORTTO_VTAB_SYNC_TARGET_H
#define ORTTO_VTAB_SYNC_TARGET_H

#include "sqlite.h"
#include "connection.h"
#include "table.h"
#include "sync_run.h"

const char *column_name(const syncing *s, int i);
const char *column_type(const syncing *s, int i);
int column_is_key(const syncing *s, int i);

/* Declared type of the target's column of that name, into *type; "" if it has none, NULL if there is no such column. */
int local_type(const syncing *s, const char *table, const char *column, char **type);
int table_exists(const syncing *s, const char *name, sqlite3_int64 *exists);

/* "a","b",... of all columns, with something in front of each name. */
char *name_list(const syncing *s, const char *before, int keys_only);

/* The key of a staged row against that of a local one. */
char *key_match(const syncing *s);

/* An empty staging table. One that is there from before is dropped; while a SELECT of the user's runs SQLite refuses that,
** and it is emptied if it is the same, or left for another name. The trigger tells the next run of changes by others. */
int staging_create(syncing *s);

/* schema.table, if such a schema is attached; else the whole text is the name. */
int target_parse(syncing *s, const char *text);

/* Is the target a table that can be written, with the key of the source? */
int target_check(const syncing *s, char **error);

#endif
