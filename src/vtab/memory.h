/*
** memory.h - what is remembered of a table's rows: answers, each of which is read as far as somebody wanted.
**
** A fetch is an answer on its way: its rows go into the store as they are asked for, and whoever wants the
** answer again finds there what was read, and reads on from there. Complete, it is only rows in the store. A
** look-up that nobody reads on is finished where that costs no request; of those that would cost some the
** latest few wait, and the others are forgotten: they are asked again if they are wanted again.
**
** May use: table, connection, row_store, convert, the client for reading. Must not know: plans, when it pays
** to read what. Codes are SQLite's; what failed stands in the table's zErrMsg. fetch_next and fetch_finish
** block.
*/
#ifndef ORTTO_VTAB_MEMORY_H
#define ORTTO_VTAB_MEMORY_H

#include "sqlite.h"
#include "../../ortto_client.h"
#include "row_store.h"
#include "table.h"

typedef struct fetch fetch;

typedef struct list {              /* all rows, or those that hidden columns and constant conditions leave */
  struct list *next;
  question asked;
  int whole_asked;                 /* so often without a key */
  sqlite3_int64 spent;             /* requests of look-ups in it */
  sqlite3_int64 total;             /* its rows, -1 unknown */
  sqlite3_int64 count;             /* as a request for their number said, -1 not asked */
  fetch *fetch;                    /* being read; NULL: not, or not any more */
  sqlite3_int64 answer;            /* read: its rows in the store; 0: not */
  sqlite3_int64 hints;             /* of a list of keys so many were looked at, to be asked for */
  sqlite3_int64 compared;          /* so many were compared with a key */
} list;

typedef struct memory {
  struct memory *next;
  table *t;
  unsigned long long used;         /* columns, as SQLite counts them */
  int changes;                     /* of the account, when it began */
  const ortto_field **field;       /* asked of readers, the key first */
  int fields;
  int *place;                      /* SQL column to place in field[], -1 not asked for */
  int more_from;                   /* first place of the fields of more_fields, -1 none */
  int odd;                         /* a column of type TEXT holds a real number (match_key.h) */
  row_store store;                 /* values up to more_from, and then the text of more_fields */
  ortto_cache *cache;              /* of records by id */
  list *lists;
  fetch *fetches;
} memory;

struct fetch {
  fetch *next;
  ortto_reader *reader;            /* NULL: complete */
  list *list;                      /* that it reads from */
  question asked;
  sqlite3_int64 answer, rows;      /* in the store: so many */
  const ortto_value *value;        /* the last one as it came, until another is read; or NULL */
  int found_in;                    /* of several audiences, the last row */
  sqlite3_int64 requests;          /* counted in list->spent */
  int users;                       /* cursors that read it */
  int narrowed, of_audience;
};

memory *memory_new(table *t, unsigned long long used);   /* NULL when out of memory */
void memory_free(memory *m);

/* The list of that question, made where it is new; NULL when out of memory. */
list *memory_list(memory *m, question asked);

/* SQLite's code for what the store said; its words are the table's. */
int memory_store_fail(memory *m, int rc);

/* The number of rows, where this answer tells it, is what plans are priced by. */
void memory_learn_total(table *t, const ortto_query *query, const ortto_progress *progress);

/* Begins an answer; sends nothing. *out belongs to the memory. A list's own fetch stands in l->fetch. */
int fetch_begin(memory *m, list *l, ortto_endpoint *endpoint, const ortto_query *query, question asked,
                fetch **out);
/* The one that answers this question and is not complete yet; or NULL. */
fetch *fetch_find(const memory *m, question asked);

/* One row more into the store: SQLITE_ROW, or SQLITE_DONE at the end. */
int fetch_next(memory *m, fetch *f);
int fetch_finish(memory *m, fetch *f);         /* all that are left */
void fetch_use(fetch *f);                      /* a cursor begins to read it */
int fetch_leave(memory *m, fetch *f);          /* and ends */
int fetch_drop(memory *m, fetch *f);           /* forgets it: nobody reads it */

#endif
