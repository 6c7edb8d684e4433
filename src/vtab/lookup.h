/*
** lookup.h - what a table that is asked again costs: look-ups key by key, or the whole list once.
**
** The rule is that of whoever goes skiing and does not know how often: rent until it has cost as much as
** buying, then buy. Renting is a look-up: a request for one key, or for a hundred where the query names them.
** Buying is to read the list once into the store, and to find everything in it from then on. Whatever the
** data are, that costs at most twice what somebody would have paid who knew them before, and one request
** more, which asks how long the list is where no answer has told.
**
**   keyed, and remembered           from the store
**   keyed, and it has paid enough   the list is read; from the store
**   keyed, else                     asked for; given up for the list where the first answer says that the
**                                   rest would make it dearer than that
**   no key, the first time          read as SQLite asks for rows; into the store too where the plan is one of
**                                   an inner table
**   no key, again                   what is left of the list is read; from the store
**
** May use: scan_setup, memory, row_store, table. Must not know: cursors. Codes are SQLite's; what failed
** stands in the table's zErrMsg. lookup blocks.
*/
#ifndef ORTTO_VTAB_LOOKUP_H
#define ORTTO_VTAB_LOOKUP_H

#include "sqlite.h"
#include "memory.h"
#include "scan_setup.h"

typedef struct found {             /* one of these */
  row_reading *rows;               /* lent by the store: to be stepped, and given back */
  fetch *fetch;                    /* read from its first row on; in use */
  int stream;                      /* nothing to be remembered: read it as it comes */
} found;

int lookup(memory *m, scan_setup *q, found *out);

/* The list that the question is about; NULL when out of memory. */
list *lookup_list(memory *m, const scan_setup *q);

/* A list of ids takes more requests than all rows: then these are asked for. May ask how many there are. */
int lookup_widen(scan_setup *q);

#endif
