/*
** run.h - which cursors are of one run of a statement, and so share what they remember.
**
** SQLite filters the inner cursor of a join again and again: that is one run for certain. But SQLite 3.40
** opens the cursor of a correlated subquery, and of the arms of an OR, anew for each row outside, and
** nothing tells a cursor which statement it belongs to. What holds in every version: an open cursor belongs
** to a statement in progress, and a statement that ends closes its cursors. So while exactly one statement
** is in progress all open cursors are of its present run: a new one takes part in what those remember. (It
** is opened before the one whose place it takes is closed.) While several are in progress a new cursor
** remembers for itself alone. What is remembered goes with the last of its cursors, hence never outlives its
** run.
**
** A run has a memory for each set of columns that is read: that is one table of the statement's FROM, or
** several that read the same. Another account has a memory of its own.
** May use: table, memory. Must not know: plans, what is asked. Never blocks.
*/
#ifndef ORTTO_VTAB_RUN_H
#define ORTTO_VTAB_RUN_H

#include "sqlite.h"
#include "memory.h"
#include "table.h"

typedef struct run {
  table *t;
  int cursors;
  int checked;                     /* it may read, and from the account of that number of changes */
  int changes;
  memory *memories;
  ortto_audiences *audiences;      /* all of that account's, once one was named */
} run;

/* For a new cursor. NULL when out of memory. */
run *run_join(table *t);
void run_leave(run *r);

/* The memory for these columns. NULL when out of memory. */
memory *run_memory(run *r, unsigned long long used);

#endif
