/*
** sync.h - the story of a sync, and of a call with several.
*/
#ifndef ORTTO_VTAB_SYNC_H
#define ORTTO_VTAB_SYNC_H

#include "sqlite.h"
#include "connection.h"
#include "sync_run.h"

typedef struct sync_job {
  char *source, *target;
} sync_job;

typedef struct sync_call {
  conn *conn;
  sync_job *job;
  int jobs, at, changes, list, reading;
  syncing *sync;                   /* of job[at] */
} sync_call;

void sync_call_free(sync_call *call);
int call_begin(sync_call *call, conn *c, sqlite3_value *sources, sqlite3_value *target, sqlite3_value *mode, char **error);

/* On to the next row. *more is 0 when all sources are done. */
int call_step(sync_call *call, int *more, char **error);

#endif
