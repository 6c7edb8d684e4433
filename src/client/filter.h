/*
** filter.h - conditions in Ortto's filter language, and which texts may travel in one.
**
** Of Ortto's operators only $str::is, $has_any_value and $has_no_value travel, joined by $and and $or.
** Whether $str::is minds letter case, blanks or Unicode forms is not known: only texts are sent for which a
** looser comparison would still find all, and SQLite compares again. archived_organization, for archived
** accounts, is documented and was never recorded. May use: text, json (building). Must not know: readers,
** pages.
*/
#ifndef ORTTO_CLIENT_FILTER_H
#define ORTTO_CLIENT_FILTER_H

#include "../../ortto_client.h"

#define OR_MAX 100                 /* $str::is in one $or [seen in a client] */

/* The user's own filter and the conditions, joined by $and; of condition `split` (-1: none) only the values
** from `from` on, OR_MAX of them at most. *text is NULL where there is nothing to ask, else to be freed with
** free. 0 when out of memory. */
int filter_text(const ortto_query *q, int split, int from, char **text);

#endif
