/*
** scan_setup.h - what a scan is to ask for: the plan that xBestIndex wrote and the values that xFilter gets
** become a query of the client.
**
** May use: plan (for the words of idxStr), table, arguments, the client. Must not know: cursors, rows.
** Codes are SQLite's; what failed stands in the table's zErrMsg. setup_read may ask the server which
** audience is meant and which fields the account has: it blocks.
*/
#ifndef ORTTO_VTAB_SCAN_SETUP_H
#define ORTTO_VTAB_SCAN_SETUP_H

#include "sqlite.h"
#include "../../ortto_client.h"
#include "table.h"

typedef struct scan_setup {        /* zero but for t, given, endpoint; the query is good until setup_free */
  table *t;
  sqlite3_value **given;           /* the cursor's values of hidden columns, HIDDEN_MAX; it frees them */
  ortto_endpoint *endpoint;        /* freed here */
  ortto_query query;               /* but for the fields wanted */
  unsigned long long used;         /* columns, as SQLite counts them */
  int exact;                       /* SQLite checks nothing more */
  int nothing;                     /* no row can match: nothing is to be asked */
  char **list;                     /* texts by sqlite3_malloc: ids or values */
  int listed, list_cap;
  ortto_condition *condition;
  int conditions;
  int *condition_from;             /* place of a condition's values in list */
  sqlite3_value **several;         /* audiences by a list, as given: the cursor's, if it takes them */
  int several_count;
  const char **named;              /* audiences, as given: texts of given or several */
  char **audience;                 /* their ids, by malloc */
  int audiences;
  int by_names;                    /* of audience members: named are the audiences, in list */
  sqlite3_int64 limit, offset;
} scan_setup;

int setup_read(scan_setup *q, const char *plan, int argc, sqlite3_value **argv);
void setup_free(scan_setup *q);

#endif
