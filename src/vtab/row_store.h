/*
** row_store.h - rows that were read, in a database without a name, until the run of their statement is over.
**
** An answer is a number, and has rows, counted from 1: the list, or what one look-up found. A question, known
** by a hash of 128 bits, has an answer; or it is a part of one: then it says by which column its rows are
** found among those of a look-up for many keys.
**
** Many rows of an answer are one page (row_pages.h), which holds what is too much for memory in a file. Rows
** are found by match_key, with an index for each column of an answer that is compared, made when it is first
** needed (row_index.h).
** May use: sqlite, sql, match_key, row_pages, row_index. Must not know: tables, Ortto's requests.
** Codes are SQLite's; store_error says in words what failed. Blocks for a disk at most; making an index asks
** `stop` now and then, and gives SQLITE_INTERRUPT.
*/
#ifndef ORTTO_VTAB_ROW_STORE_H
#define ORTTO_VTAB_ROW_STORE_H

#include <stdint.h>

#include "row_index.h"
#include "row_pages.h"
#include "sqlite.h"
#include "../../ortto_client.h"

typedef struct question {          /* a hash of what was asked */
  uint64_t high, low;
} question;

question question_new(void);
void question_add(question *q, const void *bytes, size_t n);
/* With its length in front, so that "ab", "c" is not "a", "bc". */
void question_text(question *q, const char *text, size_t n);

#define ROWS_A_BLOCK 1024

typedef struct row_reading row_reading;
typedef struct column_index column_index;

typedef struct row_store {         /* all zero but for the first four and pages.most: closed */
  int columns;                     /* values of a row */
  size_t most;                     /* entries of indexes in memory, of 8 bytes; as many while one is made */
  int (*stop)(void *ctx);
  void *ctx;
  size_t held;                     /* of those entries */
  row_pages pages;
  sqlite3_stmt *find, *keep, *key;
  sqlite3_int64 answers;           /* the last number given */
  column_index *indexes;           /* the one used last is the first */
  row_reading *readings;
  /* rows that are not in a page yet: those of one answer */
  unsigned char *block;
  size_t block_n, block_room;
  sqlite3_int64 block_answer, block_first;
  uint32_t block_rows, row_end[ROWS_A_BLOCK];
} row_store;

void store_close(row_store *s);
const char *store_error(const row_store *s);

/* ---- questions ---- */

/* *answer is 0 where it was not asked. *column: by which its rows are found, -1: all rows are its own. */
int store_find(row_store *s, question q, sqlite3_int64 *answer, int *column);
int store_keep(row_store *s, question q, sqlite3_int64 answer, int column);

/* ---- rows ---- */

/* The next row of the answer, from 1 on. list: which of several lists it was found in. The last of `columns`
** values may be a text of the caller's (extra) instead. */
int store_add(row_store *s, sqlite3_int64 answer, sqlite3_int64 row, int list, const ortto_value *value,
              const char *extra);
int store_drop(row_store *s, sqlite3_int64 answer);

/* All rows of an answer that is complete, those of it that may equal a value in a column, or one row by its
** number. *out is to be stepped, and given back with store_return (which may be given NULL). */
int store_rows(row_store *s, sqlite3_int64 answer, row_reading **out);
int store_matches(row_store *s, sqlite3_int64 answer, int column, sqlite3_value *v, row_reading **out);
int store_row(row_store *s, sqlite3_int64 answer, sqlite3_int64 row, row_reading **out);
void store_return(row_reading *r);

/* SQLITE_ROW, SQLITE_DONE, or what failed. */
int reading_step(row_reading *r);

/* Of the row that it stands on. The value's text is there until the next step. */
int reading_list(const row_reading *r);
const ortto_value *reading_value(row_reading *r, int column);

#endif
