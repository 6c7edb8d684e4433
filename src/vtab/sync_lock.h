/*
** sync_lock.h - who is at work on a target: a lock that the system takes away when its process dies.
*/
#ifndef ORTTO_VTAB_SYNC_LOCK_H
#define ORTTO_VTAB_SYNC_LOCK_H

#include "sqlite.h"
#include "connection.h"
#include "sync_run.h"

/* A run at work holds the lock of a file of its own, whose name stands in its state as owner. The system takes the lock
** away when the process dies, however it does. */
void sync_lock_acquire(syncing *s);
void sync_lock_drop(syncing *s);
char *owner_text(const syncing *s);

/* Is the run of that owner still going on? Of one on another machine only its silence tells. */
int owner_lives(const char *owner, sqlite3_int64 silent_seconds);

#endif
