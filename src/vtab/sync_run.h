/*
** sync_run.h - one run of ortto_sync, from one source into one local table: its state in memory, its
** transactions, what it says.
**
** May use: sql, the connection, a table's arguments, local_table. Must not know: how the story goes on
** (sync), or who looks at it (sync_rows).
** A run belongs to `sync`, which makes and frees it; texts in it are by sqlite3_malloc and the run's. Errors
** are codes of SQLite's with a sentence in *error, by sqlite3_malloc, the caller's. What begins and commits
** waits for neighbours.
*/
#ifndef ORTTO_VTAB_SYNC_RUN_H
#define ORTTO_VTAB_SYNC_RUN_H

#include "sqlite.h"
#include "../../ortto_client.h"
#include "../os.h"
#include "../text.h"
#include "connection.h"
#include "arguments.h"
#include "local_table.h"

#define STATE_TABLE "ortto_sync_state"
#define TAKEN_OVER 10001           /* no code of SQLite's: the run is not ours any more */

typedef struct sync_run sync_run;

struct syncing {                   /* a run in the list of its connection */
  syncing *next;
  const char *owner;
};

struct sync_run {
  /* Who writes, and where. */
  conn *conn;                      /* a reference */
  sqlite3 *db;                     /* what is written with: the user's connection, or side */
  sqlite3 *side;                   /* a connection of our own to the target's file; NULL: none was needed */
  int nested;                      /* inside a transaction of the user's: neither begun nor committed here */
  int reading;                     /* inside a SELECT that reads: the table-valued form */
  int may_drop;                    /* tables, in this transaction: no SELECT of the user's is in the way */
  int begun;                       /* a transaction of ours, or a savepoint, is open */
  int ending;                      /* on its way out: an interrupt does not end its waiting */
  int64_t patience;                /* how long a lock of others is waited for; microseconds */
  const char *locked;              /* what kept us out for so long; NULL: nothing did. A constant text */
  sqlite3_int64 timeout;           /* the program's busy timeout, while ours stands in for it; ms, 0 none */
  sqlite3_stmt *undo;              /* what ends the transaction if ROLLBACK cannot: see sync_run.c */
  sqlite3_int64 last_rowid;        /* the program's last_insert_rowid() before the transaction */
  char *source, *schema, *target, *staging;
  local_table local;               /* the target's columns; from target_check to the transaction's end */
  sqlite3_int64 run;               /* its row in the state table; 0: none yet */
  int claimed;                     /* the run is ours: its row may be written */
  os_lock lock;                    /* what others see of it while it lives */
  int lock_is_held;                /* by another run, when this one asked for it */
  char *owner;                     /* as its row names it, while it works */
  syncing at_work;

  /* What is read. */
  ortto_table kind;
  arguments args;
  ortto_endpoint *endpoint;
  ortto_field_list *owned_fields;  /* fields, if they are the run's to free */
  int64_t known_since;             /* what was asked of fields before that does not count; microseconds */
  const ortto_field_list *fields;
  const ortto_field **field;       /* the same, as the reader takes them */
  int edited;                      /* field of the time of the last change, -1 none */
  ortto_reader *reader;            /* NULL before the first page, and after the last */
  int went_on;                     /* where an earlier call had stopped */
  int began_anew;                  /* the reader could not go on, or rows were missing: once is enough */

  /* What is written. */
  int columns;                     /* fields before overflow, and more_fields if there is one */
  int overflow;                    /* first field that goes to more_fields; fields->count if none */
  int changes;                     /* only what was edited since the watermark */
  int log;                         /* what is changed goes on record: sync_log.h */

  /* Where it compares as it reads: sync_compare.h. */
  int compares;                    /* rows that stand in the target as they came are noted, not staged */
  sqlite3_int64 alike;             /* how many were */
  sqlite3_stmt *find;              /* during a page: a row of the target */
  buf notes;                       /* the page's */
  int doubt;                       /* somebody may have written into the target's file since */
  sqlite3 *watched;                /* the connection that the version was read from, NULL none yet */
  unsigned version;                /* of the file, as the run's last transaction left it */
  int may_be_gone;                 /* at the merge: rows of the target may be gone from Ortto */

  /* How far it is: what its row keeps, so that another process can go on. Times are texts as Ortto sends
  ** them, "" none. */
  enum { SYNC_BEGIN, SYNC_FETCH, SYNC_MERGE, SYNC_DONE, SYNC_FAILED } phase;
  char cursor[25];                 /* of the snapshot that is read, "" none */
  sqlite3_int64 next_offset;
  char watermark[40];              /* edited by then: there already. Column `mark` of the state table */
  char newest[40];                 /* latest time of a change that this run has seen */
  char last[40];                   /* of the row before, in a run of changes: the order is checked with it */
  char server_time[24];            /* the server's clock when the run began */

  /* Counts: rows and pages are of this source so far, total -1 unknown; the four kinds of changes 0 until
  ** done. */
  sqlite3_int64 page, rows, total;
  sqlite3_int64 kept;              /* rows when the transaction began, which a ROLLBACK leaves */
  sqlite3_int64 inserted, updated, deleted, unchanged;
  sqlite3_int64 requests, retries;               /* with those of earlier calls, which are */
  sqlite3_int64 requests_before, retries_before;
  sqlite3_int64 started, elapsed_before;         /* ms, of the monotonic clock; ms that earlier calls took */

  /* What is shown. */
  const char *state;               /* of the row to show; constant texts both */
  const char *opening;             /* of the first row: resumed or restarted; NULL: nothing special */
  char message[1000];              /* why something started over or fell back */
  int shows_line;                  /* a progress line may be drawn */
};

/* Milliseconds that the run has taken so far, in all calls that worked at it. */
sqlite3_int64 sync_elapsed(const sync_run *s);

/* Adds to the message. */
void sync_note(sync_run *s, const char *text);

/* Tells what failed in the local database, in SQLite's own words: rc is its code, or TAKEN_OVER. Returns
** SQLite's code; tells nothing if there is no error, or no memory. */
int sync_local(const sync_run *s, int rc, char **error);

/* The same of what failed in Ortto: rc is the client's code. */
int sync_remote(const sync_run *s, int rc, char **error);

/* From here on a connection of our own to the target's file writes, with the program's rules on triggers and
** foreign keys. SQLITE_BUSY where there can be none: there is one already, or the database is in memory. */
int side_open(sync_run *s);

/* Sets the run's patience from the busy timeout of the program's connection. */
void sync_patience(sync_run *s);

/* Between these two SQLite waits for no lock by itself: it would not notice an interrupt, and whether to wait
** is the run's to say. sync_begin and sync_end do so themselves. */
void sync_waits_begin(sync_run *s);
void sync_waits_end(sync_run *s);

/* The one way to a transaction:
**   int rc = sync_begin(s, error);
**   if( rc==SQLITE_OK ) rc = sync_end(s, work(s, error), error);
** It locks the target's file alone, and makes the state table if there is none. Waits while others hold the
** file, as long as the connection's busy timeout says, at least five seconds. sync_end commits if the work's
** code is SQLITE_OK; else, or if that fails, the error is told and all is undone, interrupted or not. Inside
** a transaction of the user's both do so by a savepoint; only SQLite itself ends that whole transaction where
** a statement that writes is interrupted. */
int sync_begin(sync_run *s, char **error);
int sync_end(sync_run *s, int rc, char **error);

/* The same around work that can be done anew after it has failed. Where connections of one process share a
** cache, a SELECT that a neighbour has not read to its end keeps what it reads, and the schema, from being
** written, and SQLite asks no busy handler: then the work is undone and begun anew, as long as others are
** waited for. A neighbour in this very thread cannot go on meanwhile: the error says what to do. */
typedef int (*sync_work)(sync_run *s, void *ctx, char **error);
int sync_transact(sync_run *s, sync_work work, void *ctx, char **error);

#endif
