/*
** row_pages.h - pages of bytes, found by number: in memory, and what is too much for that in a database
** without a name.
**
** SQLite keeps a few MB of that in memory too, and moves the rest into a file that has no name and is gone
** with it. A page is written once, and a reader stands on one. It is found by any of its numbers; no number
** is that of two pages.
** May use: sqlite, sql. Must not know: what is in a page.
** Codes are SQLite's; pages_error says in words what failed. What failed once fails for ever, for SQLite may
** have taken back what was written. Blocks for a disk at most.
*/
#ifndef ORTTO_VTAB_ROW_PAGES_H
#define ORTTO_VTAB_ROW_PAGES_H

#include <stddef.h>
#include <stdint.h>

#include "sqlite.h"

/* What fits into a page of SQLite's. More takes several: it may be, but is slower. */
#define PAGE_BYTES 16300

typedef struct held_page {         /* in memory */
  sqlite3_int64 first, last;
  unsigned char *bytes;
  size_t n;
} held_page;

typedef struct row_pages {         /* all zero but for the first: closed */
  size_t most;                     /* bytes in memory, beside SQLite's */
  size_t bytes;                    /* so many are */
  held_page *held;                 /* by number */
  size_t count, room;
  int spilled;                     /* and there are more pages in the database */
  sqlite3 *db;
  sqlite3_stmt *insert;
  sqlite3_int64 below;             /* the last number below zero that was given */
  int failed;                      /* a code; 0: sound */
} row_pages;

int pages_open(row_pages *p);      /* nothing to do where it is */
void pages_close(row_pages *p);
const char *pages_error(const row_pages *p);

/* The code of something in this database: from now on, where it is an error, that of everything. */
int pages_result(row_pages *p, int rc);

int pages_put(row_pages *p, sqlite3_int64 first, sqlite3_int64 last, const void *bytes, size_t n);
sqlite3_int64 pages_new(row_pages *p);         /* a number below zero */

/* Those whose first number is among these: nobody stands on one. */
int pages_delete(row_pages *p, sqlite3_int64 from, sqlite3_int64 to);

typedef struct page_reader {       /* all zero: on none */
  sqlite3_stmt *stmt;
  const unsigned char *bytes;      /* until it stands on another; NULL: on none */
  size_t n;
  sqlite3_int64 first;
} page_reader;

/* On the page of that number; on some page or none where there is no such. */
int page_read(page_reader *r, row_pages *p, sqlite3_int64 number);
void page_leave(page_reader *r);   /* before pages_close */

#endif
