/*
** sync_run.h - a run of ortto_sync: its state in memory, its transactions, its messages.
*/
#ifndef ORTTO_VTAB_SYNC_RUN_H
#define ORTTO_VTAB_SYNC_RUN_H

#include "sqlite.h"
#include "../../ortto_client.h"
#include "connection.h"
#include "arguments.h"
#include "table.h"

#define STATE_TABLE "ortto_sync_state"
#define RESUME_SECONDS (24*3600)
#define READING_SECONDS 60         /* the same where a SELECT of our own may be what the others wait for */
#define LOCK_SECONDS 600           /* how long a database locked by others is waited for */
#define TAKEN_OVER 10001           /* no code of SQLite's: the run is not ours any more */
#define OWNER_SECONDS 1800         /* silence after which a run that cannot be asked about counts as dead */

struct syncing {
  conn *conn;
  struct syncing *next;               /* in conn->syncs */
  sqlite3 *db, *side;              /* where is written; side: our own connection */
  int nested;                      /* inside a transaction of the user's */
  int reading;                     /* inside a SELECT that reads: the table-valued form */
  char *source, *schema, *target, *staging;
  ortto_table kind;
  arguments args;
  int changes;                     /* only what was edited since the mark */
  ortto_endpoint *endpoint;
  int64_t known_since;             /* what was asked of fields before the call does not count */
  ortto_field_list *owned_fields;
  const ortto_field_list *fields;
  const ortto_field **field;       /* as the reader takes them */
  int overflow, columns;           /* columns: fields before overflow, and more_fields if there is one */
  int edited;                      /* field of the time of the last change, -1 none */
  ortto_reader *reader;
  enum { SYNC_BEGIN, SYNC_FETCH, SYNC_MERGE, SYNC_DONE, SYNC_FAILED } phase;
  const char *state;               /* of the row to show */
  const char *opening;             /* state of the first row: fetching, resumed or restarted */
  char message[400];
  sqlite3_int64 run, page, rows, total, inserted, updated, deleted, unchanged, requests, retries, elapsed_before;
  sqlite3_int64 requests_before, retries_before, started;
  char cursor[25], newest[40], watermark[40], server_time[24], last[40];
  sqlite3_int64 next_offset;
  int claimed;                     /* the run is ours: its state row may be written */
  int lock;                        /* file descriptor, -1 none */
  char *lock_path;
};

sqlite3_int64 sync_elapsed(const syncing *s);
void sync_note(syncing *s, const char *text);

/* SQLite's own words about what failed in the local database. */
int sync_local(const syncing *s, int rc, char **error);
int sync_remote(const syncing *s, int rc, char **error);

/* A connection of our own to the file that holds the target; none for databases in memory. */
int side_open(syncing *s);
int sync_begin(syncing *s);
void sync_undo(syncing *s);
int sync_commit(syncing *s);

/* Ends a transaction that began well: the error, if any, is told before it is undone. */
int sync_end(syncing *s, int rc, char **error);

#endif
