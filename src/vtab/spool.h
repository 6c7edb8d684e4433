/*
** spool.h - a database without a name, private to one connection: rows that are held back until COMMIT, rows
** that could not be delivered, and tags as they were before a delivery.
**
** SQLite keeps it in memory and moves it into a file of its own, which has no name, when it grows; nobody
** else can open it, and it is gone with the connection.
** May use: sql. Must not know: tables (an owner is a number, a table's name a text to be shown), Ortto, the
** user's database.
** Codes are SQLite's; spool_error says them in words.
** A statement that is returned is the caller's to finalize, before spool_close. Blocks for a disk at most.
**
** Rows are in order by their place, which counts from 1 and is never given twice, not even after a rollback.
*/
#ifndef ORTTO_VTAB_SPOOL_H
#define ORTTO_VTAB_SPOOL_H

#include <stddef.h>

#include "sqlite.h"

typedef struct spool {             /* all zero: closed, and empty */
  sqlite3 *db;                     /* opened when first needed */
  sqlite3_stmt *insert_row, *insert_failure;
  sqlite3_int64 place;             /* the last one given */
  int waiting;                     /* rows are held back, in a transaction of its own */
  int damaged;                     /* rows that were to go could not be deleted: send nothing from here */
  sqlite3_int64 deletes;           /* how many rows held back are of SPOOL_DELETE */
} spool;

void spool_close(spool *s);

/* SQLite's words for what failed last. */
const char *spool_error(const spool *s);

/* ---- rows held back ---- */

enum { SPOOL_INSERT = 'I', SPOOL_UPDATE = 'U', SPOOL_UPDATE_TAGS = 'T', SPOOL_DELETE = 'D' };

/* The columns of spool_rows, and of the row that spool_fail is given. */
enum { SPOOL_PLACE, SPOOL_KIND, SPOOL_ID, SPOOL_EMAIL, SPOOL_RECORD };

/* Opens the database if need be. id and email may be NULL. */
int spool_insert(spool *s, sqlite3_int64 owner, char kind, const char *id, const char *email,
                 const char *record);

/* Rows of this owner at places above `after` go; 0: all. What could not be deleted makes the spool damaged
** until it is empty. */
void spool_delete(spool *s, sqlite3_int64 owner, sqlite3_int64 after);

/* Has this owner any row? */
int spool_any(const spool *s, sqlite3_int64 owner, int *any);

/* Rows of this owner from place `from` on, at most `limit` of them (-1: all). The spool is open. */
int spool_rows(const spool *s, sqlite3_stmt **rows, sqlite3_int64 owner, sqlite3_int64 from, int limit);

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
int spool_failure_delete(spool *s, sqlite3_int64 number);

/* ---- tags before a delivery ---- */

int spool_tags_clear(spool *s);

#define SPOOL_TAGS_MAX 1000

/* Ids of this owner's rows of SPOOL_UPDATE_TAGS whose tags are not here yet, up to SPOOL_TAGS_MAX. The first
** step of the statement lists them all as without tags, until they are given some. */
int spool_tags_begin(spool *s, sqlite3_stmt **ids, sqlite3_int64 owner);

/* Gives tags, a JSON array, to an id that is here; others are passed over. */
int spool_tags_set(spool *s, const char *id, size_t id_n, const char *tags, size_t n);

/* *known: are the tags of this id here? */
int spool_tags_known(const spool *s, const char *id, int *known);

/* A record sets tags: those of its id that it does not name go to *gone, a JSON array by sqlite3_malloc,
** which is there only if this succeeds or the last step fails. From now on the id has the tags of the
** record. */
int spool_tags_replace(spool *s, const char *id, const char *record, char **gone);

#endif
