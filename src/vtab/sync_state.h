/*
** sync_state.h - the state of runs in the database: claimed, taken up again, given free.
*/
#ifndef ORTTO_VTAB_SYNC_STATE_H
#define ORTTO_VTAB_SYNC_STATE_H

#include "sqlite.h"
#include "connection.h"
#include "sync_run.h"

/* The row of this run. finished: the run is over, well or not. Once the run is ours, only as long as it is. */
int state_write(const syncing *s, const char *state, int finished, const char *error);
int sync_claim(syncing *s, char **error);

/* What was staged is of no use: the same run, from the beginning. */
int sync_start_over(syncing *s, const char *why, char **error);

#endif
