/*
** sync_lock.h - who is at work on a target.
**
** A run at work holds a lock of the system's, in a file beside the target's database, one for each target:
** DATABASE-ortto-sync-NUMBER. The lock ends with the process, however that dies, so what a killed sync leaves
** does not stand in the way. Where there can be none (a database in memory, a folder that cannot be written)
** a run is known by its connection, and others see only its beat. What a run writes into its state as its
** owner is its host, which of the two it is, the connection's number and one of its own; no path is ever
** taken from there.
**
** May use: os, text, the struct of a run. Must not know: what the state of runs looks like. Nothing in here
** waits.
*/
#ifndef ORTTO_VTAB_SYNC_LOCK_H
#define ORTTO_VTAB_SYNC_LOCK_H

#include "sqlite.h"
#include "sync_run.h"

/* Takes the lock, if it can be had, and sets the run's owner. */
int sync_lock_acquire(sync_run *s);
void sync_lock_release(sync_run *s);

/* Is the run of that owner still going on? After sync_lock_acquire. Whom no lock tells of counts as dead when
** he was silent for five minutes: silent_seconds is since he last wrote his state, below 0 if his clock is
** ahead of ours. */
int owner_lives(const sync_run *s, const char *owner, sqlite3_int64 silent_seconds);

#endif
