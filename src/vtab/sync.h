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

typedef struct sync_batch {
  conn *conn;
  sync_job *job;
  int jobs, at, changes, list, reading;
  syncing *sync;                   /* of job[at] */
  int64_t begun;                   /* now_us */
} sync_batch;

void sync_batch_free(sync_batch *batch);
int sync_batch_begin(sync_batch *batch, conn *c, sqlite3_value *sources, sqlite3_value *target, sqlite3_value *mode, char **error);

/* On to the next row. *more is 0 when all sources are done. */
int sync_batch_step(sync_batch *batch, int *more, char **error);

#endif
