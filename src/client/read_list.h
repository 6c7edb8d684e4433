/*
** read_list.h - lists in one answer, or by offset: audiences, tags, definitions.
**
** May use: page, value. Must not know: scans, cursors.
** Blocks: the way's load, until its one request is answered.
*/
#ifndef ORTTO_CLIENT_READ_LIST_H
#define ORTTO_CLIENT_READ_LIST_H

#include "page.h"

#define LIST_PAGE 40               /* audiences, activity feed: default and largest limit [documented] */

extern const way list_way;

/* The objects of a list become the page's rows; null is an empty list. */
int list_rows(ortto_reader *r, page *p, js list);

/* A page with the objects of a list that was made here, a text by malloc, which is taken over; NULL: out of
** memory. */
int list_made(ortto_reader *r, char *text, page **out);

#endif
