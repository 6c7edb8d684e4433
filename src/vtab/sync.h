/*
** sync.h - the story of a sync, and of a call with several.
**
** May use: the other rooms of a sync, tables and their arguments. Must not know: who looks at it. What is
** shown of a run is in its struct; a line that moves on is the connection's (progress).
*/
#ifndef ORTTO_VTAB_SYNC_H
#define ORTTO_VTAB_SYNC_H

#include "sqlite.h"
#include "connection.h"
#include "sync_run.h"

typedef struct sync_job {          /* both by sqlite3_malloc */
  char *source, *target;
} sync_job;

/* One call of ortto_sync: for one source, a list, or all. All zero after it is freed. */
typedef struct sync_batch {
  conn *conn;                      /* no reference: lives as long as the statement that calls */
  sync_job *job;
  int jobs;
  int at;                          /* job that is at work */
  int list;                        /* a list or all: what was given as the target is a prefix */
  int joined;                      /* that prefix ends in a letter, which is worth a word */
  int changes;                     /* mode: only what was edited since the last one */
  int log;                         /* what changes goes into TARGET_log */
  int64_t begun;                   /* microseconds: fields listed before do not count */

  /* For the caller to set, after sync_batch_begin. */
  int reading;                     /* inside a SELECT that reads: the table-valued form */
  int shows_line;                  /* a progress line may be drawn */

  sync_run *run;                   /* of job[at], NULL between two; after a step it is what to show */
} sync_batch;

/* Reads the arguments (options: a mode, a JSON object, or NULL). A mistake in any of them is told before
** anything is done. Whatever it returns, the batch is to be freed. Nothing is sent. */
int sync_batch_begin(sync_batch *batch, conn *c, sqlite3_value *sources, sqlite3_value *target,
                     sqlite3_value *options, char **error);

/* On to the next row: waits for Ortto, and for neighbours' locks. *more is 0 when all sources are done. After
** an error the run is on record as failed, and the batch can only be freed. */
int sync_batch_step(sync_batch *batch, int *more, char **error);

/* A run that is not done is on record as interrupted; the next call goes on. */
void sync_batch_free(sync_batch *batch);

#endif
