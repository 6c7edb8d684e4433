/*
** sync_lock.h - who is at work on a target.
**
** A run at work holds a lock of the system's, in a file of its own whose name stands in the run's state as
** its owner: HOST PATH. The lock ends with the process, however that dies, so what a killed sync leaves does
** not stand in the way.
**
** May use: os, the struct of a run. Must not know: the database. Nothing in here waits.
*/
#ifndef ORTTO_VTAB_SYNC_LOCK_H
#define ORTTO_VTAB_SYNC_LOCK_H

#include "sqlite.h"
#include "sync_run.h"

/* Where no lock can be had (no folder for temporary files), the run goes on without, and only its beat tells
** of it. */
void sync_lock_acquire(sync_run *s);
void sync_lock_release(sync_run *s);

/* The owner of this run, by sqlite3_malloc; NULL when out of memory. */
char *owner_text(const sync_run *s);

/* Is the run of that owner still going on? Of one that cannot be asked (another machine's) only its silence
** tells: the seconds since it last wrote its state. */
int owner_lives(const char *owner, sqlite3_int64 silent_seconds);

#endif
