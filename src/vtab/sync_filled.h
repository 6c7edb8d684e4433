/*
** sync_filled.h - which columns of the target syncs have filled, and as what: what else is there is the
** user's own.
**
** Every finished run keeps them in its row of the state table, column `filled`: a JSON object from name to
** the type that the field had when the column was made or last fitted it. Runs of before that column was
** there say nothing.
**
** May use: sql, convert, text, sync_target, the struct of a run. Must not know: pages or merging. All runs in
** a transaction of the run's, after target_check; it reads, nothing is written here.
*/
#ifndef ORTTO_VTAB_SYNC_FILLED_H
#define ORTTO_VTAB_SYNC_FILLED_H

#include "sqlite.h"
#include "sync_run.h"

/* A column of the user's own, in a table that a sync has filled before, must not be taken by a new field:
** that is an error that names both. */
int filled_check(const sync_run *s, char **error);

/* To be called when a run is done, before the target gets new columns: the message names columns whose field
** has another type by now, and *filled_text becomes what the row is to keep, by sqlite3_malloc. */
int filled_renew(sync_run *s, char **filled_text);

#endif
