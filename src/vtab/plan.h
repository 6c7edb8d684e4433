/*
** plan.h - xBestIndex: what is pushed, in words and in code.
**
** idxStr is words for EXPLAIN QUERY PLAN, and behind them in braces the same for xFilter: the columns used, then one
** token for each argument that xFilter gets, in their order, and for the conditions that need none:
**
**     u<hex>    columns used, as SQLite counts them       z         no constraint is left for SQLite to check
**     h<col>    a hidden column is given                  l, o      LIMIT, OFFSET
**     k, K      the id, a list of ids                     p, P      the person's id, a list
**     e<col>    text equals     i<col>  text in a list    s<col>    text IS
**     n<col>    is null         v<col>  is not null       x<col>    equals: only to see that nothing can match
*/
#ifndef ORTTO_VTAB_PLAN_H
#define ORTTO_VTAB_PLAN_H

#include "sqlite.h"

int is_limit(unsigned char op);

/* Called several times for a statement; asks nobody. */
int vt_best_index(sqlite3_vtab *base, sqlite3_index_info *info);

#endif
