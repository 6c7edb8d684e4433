/*
** sync_log.h - what a sync changes, on record in the table TARGET_log.
**
** Its columns: `at` (when the change was made, as in the state table), those of the target's key, `action`
** (inserted, updated, deleted), `column_name`, `before`, `after`: a row for each column of an update, one
** with NULLs for a row that came or went. `before` and `after` have no type, so that they keep the values as
** the target's column holds them.
**
** All of it is found by comparing the staging table with the target before the merge, by a few statements
** over whole tables, and from what sync_compare says is gone, in the merge's own transaction; merge_check
** sees to it that what was to change has changed. A first copy is not logged, nor is the filling of a
** column that is new in the target.
**
** May use: sql, os, sync_target, sync_compare, the struct of a run. Must not know: pages. All runs in a
** transaction of the run's, after target_check; where the run is to leave no log all of it does nothing.
*/
#ifndef ORTTO_VTAB_SYNC_LOG_H
#define ORTTO_VTAB_SYNC_LOG_H

#include "sqlite.h"
#include "sync_run.h"

/* A TARGET_log that is another table, or would hide one of ortto's, is an error. */
int log_check(const sync_run *s, char **error);

/* Makes TARGET_log where there is none, and writes what the merge is about to change. */
int log_write(const sync_run *s);

#endif
