/*
** spool.h - a database without a name, private to one connection: rows that are held back until COMMIT, rows
** that could not be delivered, and tags as they were before a delivery.
**
** SQLite keeps it in memory and moves it into a file of its own, which has no name, when it grows; nobody
** else can open it, and it is gone with the connection.
** May use: sql. Must not know: tables (an owner is a number, a table's name a text to be shown), Ortto, the
** user's database.
** Codes are SQLite's; sqlite3_errstr says them in words.
** A statement that is returned is the caller's to finalize, before spool_close. Blocks for a disk at most.
**
** Rows are in order by their place, which counts from 1 and is never given twice, not even after a rollback.
** They are written in one transaction here. When memory or the disk runs out SQLite takes such a transaction
** back by itself: then the spool is `damaged` until the user's transaction ends: nothing of it may be sent.
*/
#ifndef ORTTO_VTAB_SPOOL_H
#define ORTTO_VTAB_SPOOL_H

#include <stddef.h>

#include "sqlite.h"

typedef struct spool {             /* all zero: closed, and empty */
  sqlite3 *db;                     /* opened when first needed */
  sqlite3_stmt *insert_row, *insert_failure;
  sqlite3_int64 place;             /* the last one given */
  sqlite3_int64 since;             /* places up to this one are of transactions that are over */
  int users;                       /* tables that take part in the user's transaction */
  int waiting;                     /* rows are held back */
  int open;                        /* a transaction was begun here, and not ended */
  int damaged;                     /* rows are lost, or could not be deleted: send nothing from here */
} spool;

void spool_close(spool *s);

/* ---- the user's transaction ---- */

typedef struct savepoint {
  int number;                      /* SQLite's */
  sqlite3_int64 place;             /* the last one given when it was made */
} savepoint;

typedef struct writes {            /* of one table in a transaction; all zero: not in one */
  int open;                        /* between xBegin and xCommit or xRollback */
  savepoint *savepoints;           /* by sqlite3_malloc */
  int count, cap;
} writes;

/* A table takes part in it, and no longer does. With the last one goes what is held back; what failed
** stays. */
int writes_begin(writes *w, spool *s);
void writes_end(writes *w, spool *s);

/* Also where this fails, the savepoint is there to be rolled back to. */
int writes_savepoint(writes *w, const spool *s, int number);
void writes_release(writes *w, int number);

/* ROLLBACK TO: after which place is everything taken back? A savepoint that was never announced is older than
** this table's first write: then nothing of it stays. -1 is the one that opened the transaction. */
sqlite3_int64 writes_rollback(writes *w, int number);

/* Is all that was held back still here? Rows lost are noticed here too. */
int spool_sound(spool *s);

/* To be called before anything is sent: what is held back outlives now what fails later. */
int spool_keep(spool *s);

/* ---- rows held back ---- */

enum { SPOOL_INSERT = 'I', SPOOL_UPDATE = 'U', SPOOL_UPDATE_TAGS = 'T', SPOOL_DELETE = 'D' };

/* The columns of spool_rows, and of the row that spool_fail is given. */
enum { SPOOL_PLACE, SPOOL_KIND, SPOOL_ID, SPOOL_EMAIL, SPOOL_RECORD, SPOOL_OWNER };

/* Opens the database if need be. id and email may be NULL. SQLITE_ABORT: the spool is damaged. */
int spool_insert(spool *s, sqlite3_int64 owner, char kind, const char *id, const char *email,
                 const char *record);

/* Rows of this owner at places above `after` go; 0: all. What cannot be deleted makes the spool damaged. */
void spool_delete(spool *s, sqlite3_int64 owner, sqlite3_int64 after);

/* How many rows has this owner? */
int spool_count(const spool *s, sqlite3_int64 owner, sqlite3_int64 *rows);

/* How many records the updates and the deletes of all owners concern. */
int spool_changes(const spool *s, sqlite3_int64 *updates, sqlite3_int64 *deletes);

/* Rows of this owner from place `from` on, at most `limit` of them (-1: all). The spool is open. */
int spool_rows(const spool *s, sqlite3_stmt **rows, sqlite3_int64 owner, sqlite3_int64 from, int limit);

/* Rows of all owners. *rows is NULL if nothing ever was held back. */
int spool_pending(const spool *s, sqlite3_stmt **rows);

/* The members of a record's fields: name, value as JSON. To be stepped and finalized. */
int spool_members(const spool *s, sqlite3_stmt **members, sqlite3_value *record);

/* ---- rows that could not be delivered ---- */

typedef struct spool_failure {
  const char *table, *operation, *message;
  int status;
  const char *sent;                /* JSON */
  size_t sent_length;
} spool_failure;

/* Puts a row on record; `row` stands on one of spool_rows, for its id and email. */
int spool_fail(spool *s, const spool_failure *failure, sqlite3_stmt *row);

/* number, at, table_name, operation, id, email, status, message, sent, in their order. *rows is NULL if
** nothing ever was held back. */
int spool_failures(const spool *s, sqlite3_stmt **rows);

/* Hidden now, gone when the user's transaction commits, here again if it does not. */
int spool_failure_delete(spool *s, sqlite3_int64 number);

/* What was hidden at places above `after` is here again. */
void spool_failures_restore(spool *s, sqlite3_int64 after);

/* The user's transaction has committed. What cannot be deleted is here again, which does no harm. */
void spool_failures_commit(spool *s);

/* ---- tags before a delivery ---- */

int spool_tags_clear(spool *s);

#define SPOOL_TAGS_MAX 1000

/* Ids of this owner's rows of SPOOL_UPDATE_TAGS whose tags are not here yet, up to SPOOL_TAGS_MAX. The first
** step of the statement lists them all, as people whose tags nobody knows until they are given some. */
int spool_tags_begin(spool *s, sqlite3_stmt **ids, sqlite3_int64 owner);

/* Gives tags, a JSON array, to an id that is here; others are passed over. */
int spool_tags_set(spool *s, const char *id, size_t id_n, const char *tags, size_t n);

/* *listed: was this id asked for? *known: are its tags here? */
int spool_tags_known(const spool *s, const char *id, int *listed, int *known);

/* A record sets tags: those of its id that it does not name go to *gone, a JSON array by sqlite3_malloc,
** which is there only if this succeeds or the last step fails. From now on the id has the tags of the
** record. */
int spool_tags_replace(spool *s, const char *id, const char *record, char **gone);

#endif
