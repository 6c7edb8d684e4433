/*
** row_store.h - rows that were read, in a database without a name, until the run of their statement is over.
**
** An answer is a number, and has rows, counted from 1: the list, or what one look-up found. A question, known
** by a hash of 128 bits, has an answer; or it is a part of one: then it says by which column its rows are
** found among those of a look-up for many keys.
**
** SQLite keeps the database in a few MB of memory and moves what does not fit into a file that has no name
** and is gone with the store. Rows are found by match_key, with an index for each column that is compared,
** made when it is first needed.
** May use: sqlite, sql, match_key, convert. Must not know: tables, Ortto's requests.
** Codes are SQLite's; store_error says in words what failed. Blocks for a disk at most; making an index asks
** `stop` now and then, and gives SQLITE_INTERRUPT.
*/
#ifndef ORTTO_VTAB_ROW_STORE_H
#define ORTTO_VTAB_ROW_STORE_H

#include <stdint.h>

#include "sqlite.h"
#include "../../ortto_client.h"

typedef struct question {          /* a hash of what was asked */
  uint64_t high, low;
} question;

question question_new(void);
void question_add(question *q, const void *bytes, size_t n);
/* With its length in front, so that "ab", "c" is not "a", "bc". */
void question_text(question *q, const char *text, size_t n);

typedef struct row_reading {       /* a statement over rows, lent to one cursor */
  sqlite3_stmt *stmt;
  int column;                      /* by which they are found, or READ_ALL */
  int lent;
} row_reading;

typedef struct row_store {         /* all zero but for the first four: closed */
  int columns;                     /* values of a row */
  int (*stop)(void *ctx);
  void *ctx;
  int failed;                      /* a code; 0: sound */
  sqlite3 *db;
  sqlite3_stmt *insert, *find, *keep;
  sqlite3_int64 answers;           /* the last number given */
  char *indexed;                   /* for each column: it has an index */
  row_reading *readings;
  int reading_count;
} row_store;

int store_open(row_store *s);      /* nothing to do where it is */
void store_close(row_store *s);
const char *store_error(const row_store *s);

/* ---- questions ---- */

/* *answer is 0 where it was not asked. *column: by which its rows are found, -1: all rows are its own. */
int store_find(row_store *s, question q, sqlite3_int64 *answer, int *column);
int store_keep(row_store *s, question q, sqlite3_int64 answer, int column);

/* ---- rows ---- */

/* list: which of several lists the row was found in. The last of `columns` values may be a text of the
** caller's (extra) instead. */
int store_add(row_store *s, sqlite3_int64 answer, sqlite3_int64 row, int list, const ortto_value *value,
              const char *extra);
int store_drop(row_store *s, sqlite3_int64 answer);

/* *out is a statement to be stepped, whose first column is `list`, and then the values; given back with
** store_return. All rows, those that may equal a value in a column, or one row by its number. */
int store_rows(row_store *s, sqlite3_int64 answer, sqlite3_stmt **out);
int store_matches(row_store *s, sqlite3_int64 answer, int column, sqlite3_value *v, sqlite3_stmt **out);
int store_row(row_store *s, sqlite3_int64 answer, sqlite3_int64 row, sqlite3_stmt **out);
void store_return(row_store *s, sqlite3_stmt *stmt);

#endif
