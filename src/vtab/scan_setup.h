/*
** scan_setup.h - what a scan is to ask for: the plan that xBestIndex wrote and the values that xFilter gets
** become a query of the client.
**
** Two steps. setup_read takes plan and values apart, and asks nobody: then it is known what question this is,
** so that one that was asked before need not be asked again. setup_ask makes the query complete; it may ask
** the server which audience is meant and which fields the account has, and blocks.
**
** What is asked has three parts. What is the same for each row outside (hidden columns, conditions with a
** value in the statement itself) says which list is meant. Keys, which come from outside, say what of it is
** looked up. And any column that equals something can serve to find rows in a list that is here.
**
** May use: plan (for the words of idxStr), table, account_check, arguments, row_store (for what a question
** is), the client. Must not know: cursors, rows. Codes are SQLite's; what failed stands in the table's
** zErrMsg.
*/
#ifndef ORTTO_VTAB_SCAN_SETUP_H
#define ORTTO_VTAB_SCAN_SETUP_H

#include "sqlite.h"
#include "../../ortto_client.h"
#include "row_store.h"
#include "table.h"

#define PROBES_MAX 4

typedef struct probe {             /* a column that equals a value, as SQLite compares them */
  int column;
  sqlite3_value *value;            /* xFilter's, until it returns */
} probe;

typedef struct presence {          /* IS NULL, IS NOT NULL */
  int column;
  ortto_test test;
  int key;                         /* as for placed */
} presence;

typedef struct placed {            /* beside each condition */
  int from;                        /* place of its values in list */
  int key;                         /* it is one of the keys, and no part of which list is meant */
} placed;

/* All zero at first but for t, given, endpoint, known_audiences; the query is good until setup_free. */
typedef struct scan_setup {
  table *t;
  sqlite3_value **given;           /* the cursor's values of hidden columns, HIDDEN_MAX; it frees them */
  ortto_endpoint *endpoint;        /* freed here */
  ortto_audiences **known_audiences;  /* of the run, listed once; or NULL */
  ortto_query query;               /* but for the fields wanted, conditions and ids */
  unsigned long long used;         /* columns, as SQLite counts them */
  int exact;                       /* SQLite checks nothing more */
  int nothing;                     /* no row can match: nothing is to be asked */
  int dependent;                   /* a column is compared with what may come from a row outside */
  question list_asked;             /* which list */
  question asked;                  /* and what of it: the same where keys is 0 */
  int keys;                        /* how many are looked up */
  probe probe[PROBES_MAX];
  int probes;
  presence *presence;              /* becomes conditions in setup_ask */
  int presences;
  sqlite3_value *hints;            /* keys that will be asked for too: a list, xFilter's; or NULL */
  int hints_column;                /* of that column; 0: ids */
  char **list;                     /* texts by sqlite3_malloc: ids or values */
  int listed, list_cap;
  ortto_condition *condition, *chosen;
  int conditions;
  placed *placed;
  sqlite3_value **several;         /* audiences by a list, as given: the cursor's, if it takes them */
  int several_count;
  const char **named;              /* audiences, as given: texts of given or several */
  char **audience;                 /* their ids, by malloc */
  int audiences;
  int by_names;                    /* of audience members: named are the audiences, in list */
  sqlite3_int64 limit, offset;
} scan_setup;

int setup_read(scan_setup *q, const char *plan, int argc, sqlite3_value **argv);

/* Finds out what the server alone knows. Opens q->endpoint. */
int setup_ask(scan_setup *q);

/* The query, or without its keys: the whole list. It is good until the next one. After setup_ask. */
int setup_query(scan_setup *q, int whole, ortto_query *out);

/* From now on it is the whole list that is asked for. */
void setup_widen(scan_setup *q);

/* The question that has this key alone, in place of q's one. */
question setup_key(const scan_setup *q, const char *text, size_t n);

/* The next of the hints, which are numbered from 1; begin with *at = 0. NULL: none is left. */
int setup_hint(const scan_setup *q, sqlite3_int64 *at, sqlite3_value **hint);

/* Can it be asked for? */
int setup_can_be_key(const scan_setup *q, sqlite3_value *hint);

/* May it equal the one key that is looked up? */
int setup_may_be_key(const scan_setup *q, sqlite3_value *hint);

/* The text becomes another key of the same column. */
int setup_add_key(scan_setup *q, const char *text);

void setup_free(scan_setup *q);

#endif
