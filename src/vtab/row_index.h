/*
** row_index.h - which rows have a key: numbers in order, in memory up to a bound, and beyond it in pages.
**
** An entry is one number: the upper half of a key, and the number of a row. Entries come in the order of
** their rows, and are put in order by their keys part by part; so a key's rows come in order, and whoever
** reads them goes through their pages once. Different keys may share their upper half: what is found may be
** more than what was meant, never less.
** May use: sqlite, row_pages. Must not know: rows, values, tables. Codes are SQLite's. Blocks for a disk.
*/
#ifndef ORTTO_VTAB_ROW_INDEX_H
#define ORTTO_VTAB_ROW_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "row_pages.h"
#include "sqlite.h"

typedef struct index_part {
  uint64_t *entry;                 /* in memory, in order; or NULL */
  uint64_t *first;                 /* else of each page: its first entry */
  sqlite3_int64 top;               /* and the number of the first page; each next one is one less */
  size_t count;
} index_part;

typedef struct row_index {         /* all zero but for the first two: empty */
  row_pages *pages;
  size_t most;                     /* entries in a part */
  index_part *part;
  int parts;
  uint64_t *entry;                 /* of the part that is being made */
  size_t count, room;
} row_index;

int index_add(row_index *x, uint64_t key, uint32_t row);

/* All are there. The last part, which may be the only one, stays in memory if it has `keep` entries at most;
** *kept: so many did. */
int index_end(row_index *x, size_t keep, size_t *kept);
void index_free(row_index *x);

typedef struct index_place {       /* all zero: on none */
  uint64_t from, to;               /* the entries of a key */
  int part;
  size_t at;                       /* the entry that comes next */
  int begun;                       /* in this part */
  page_reader page;
} index_place;

void index_seek(index_place *p, uint64_t key);

/* SQLITE_ROW and a row, SQLITE_DONE, or what failed. */
int index_next(index_place *p, const row_index *x, uint32_t *row);

#endif
