/*
** sync_state.h - the state of runs in the database, one row each: claimed, written with every page, given
** free.
**
** May use: sql, sync_lock, sync_target, sync_compare, the struct of a run. Must not know: pages or merging.
** The table is in the schema of the target, so that what it tells and what it tells of change in one
** transaction, and another connection can watch, or go on. Databases exist: its columns keep their names.
*/
#ifndef ORTTO_VTAB_SYNC_STATE_H
#define ORTTO_VTAB_SYNC_STATE_H

#include "sqlite.h"
#include "sync_run.h"

/* The row of this run, in a transaction. finished: the run is over, well or not. Once the run is ours, only
** as long as it is; then TAKEN_OVER. */
int state_write(const sync_run *s, const char *state, int finished, const char *error);

/* An error if another run is at work on the target; after sync_lock_acquire, before Ortto is asked for
** anything. Nothing is waited for: that run may be waiting for a lock that our SELECT holds. */
int sync_others_check(sync_run *s, char **error);

/* Makes the target ours, in a transaction of its own: an unfinished run that can be taken up, or a new one.
** Sets phase. An error if another run is at work there; else waits for the file's lock as sync_begin does. */
int sync_claim(sync_run *s, char **error);

/* What was staged is of no use: the same run, from the beginning, in a transaction of its own. The reader is
** closed. */
int sync_start_over(sync_run *s, const char *why, char **error);

#endif
