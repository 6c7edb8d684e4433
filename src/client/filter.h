/*
** filter.h - conditions in Ortto's filter language, and which texts may travel in one.
**
** May use: text, json (building). Must not know: readers, pages.
*/
#ifndef ORTTO_CLIENT_FILTER_H
#define ORTTO_CLIENT_FILTER_H

#include "../../ortto_client.h"

#define OR_MAX 100                 /* $str::is in one $or [seen in a client] */

/* The conditions, of which `split` (-1: none) takes only the values from..from+OR_MAX-1, and the user's own filter,
** joined by $and. *text is NULL where there is nothing to ask. 0 when out of memory. */
int filter_text(const ortto_query *q, int split, int from, char **text);

#endif
