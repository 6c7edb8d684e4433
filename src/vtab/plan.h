/*
** plan.h - xBestIndex: what is pushed, in words and in code.
**
** May use: table, connection, the client for facts about fields. Must not know: cursors; it asks nobody, so
** nothing blocks.
**
** The law behind every read: a query returns what it would return had the table been copied first, or it
** fails. So SQLite checks every constraint again that goes to the server, but for hidden columns; LIMIT only
** sizes pages, and no order is claimed.
**
** idxStr is words for EXPLAIN QUERY PLAN, and behind them in braces the same for xFilter: the columns used,
** then one token for each argument that xFilter gets, in their order, and for the conditions that need none
** (scan_setup reads it):
**
**     u<hex>    columns used, as SQLite counts them       z         no constraint is left for SQLite to check
**     h<col>    a hidden column is given                  H<col>    a list for one (audience)
**     t<col>    a hidden column has two values            l, o      LIMIT, OFFSET
**     k, K      the id, a list of ids                     p, P      the person's id, a list
**     e<col>    text equals     i<col>  text in a list    s<col>    text IS
**     n<col>    is null         v<col>  is not null       x<col>    equals: only to see if nothing can match
*/
#ifndef ORTTO_VTAB_PLAN_H
#define ORTTO_VTAB_PLAN_H

#include "sqlite.h"

/* SQLite offers LIMIT and OFFSET as constraints without a column: their iColumn means nothing. */
int is_limit(unsigned char op);

/* Called several times for a statement. A plan under which a hidden column would have no value costs more
** than any other, so that the order of a join does not decide; a hidden column that is used as no plan can is
** an error. */
int vt_best_index(sqlite3_vtab *base, sqlite3_index_info *info);

#endif
