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
** An inner table, which SQLite asks anew for each row outside, costs at most two reads of its list and a
** request (lookup.h). SQLite multiplies the cost of one look-up by the rows outside, of which it takes a
** million where nobody ran ANALYZE: then a look-up is priced so that it does not read all the people for the
** sake of five leads. Whether a table is an inner one no call tells; but a value that does not stand in the
** statement may come from a row outside: such a condition is called dependent here.
**
** idxStr is words for EXPLAIN QUERY PLAN, and behind them in braces the same for xFilter: the columns used,
** then one token for each argument that xFilter gets, in their order, and for the conditions that need none
** (scan_setup reads it):
**
**     u<hex>    columns used, as SQLite counts them       z         no constraint is left for SQLite to check
**     h<col>    a hidden column is given                  H<col>    a list for one (audience)
**     t<col>    a hidden column has two values            l, o      LIMIT, OFFSET
**     k, K      the id, a list of ids                     p, P      the person's id, a list
**     e<col>    text equals     s<col>  text IS           E, S      the same, with a value of the statement's
**     i<col>    text in a list                            b<col>    keys that will be asked for (b0: ids)
**     n<col>    is null         v<col>  is not null       d         something is dependent
**     x<col>    equals          y<col>  IS: found by it in what is here
**     X<col>    equals: only to see if nothing can match
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
