/*
** read_scan.h - people and accounts from the first to the last, page by page under one cursor.
**
** The first page is asked for alone, then several side by side (see requests_window), taken in their order.
** What is done where the server does not keep to what is guessed of it stands in one place of read_scan.c,
** with a list.
** What is unproven, and what guards it. What a reused cursor stands for, and for how long: cursor and offset
** are both sent; a repeated id is dropped; after a short page, a changed cursor or a changed total it goes on
** one page at a time from the server's own next_offset, or steps back; where that is not safe, it fails.
** Rows are counted against next_offset and total_matches: where some are missing, the page is read again,
** then the list, if all its ids are known still and no order is asked for; then it fails. What neither tells
** is not known: that somebody left a list that no cursor holds, while it was read, and no total counts it, or
** another came behind our place.
** Promised is only that who exists throughout is there exactly once. Whether total_matches is exact: count
** takes it where the whole list is not in one page. Ortto's default order, and its order of accents and
** missing values: relied upon nowhere. The ids seen are kept, the last half a million at least, in 32 MB; of
** a list that is read a second time, which has a million at most, all, and those of that reading beside.
** May use: page, filter, read_ids (further fields of a page's rows). Must not know: what its rows are for.
** Errors: a scan that cannot be complete fails; it never ends early without one. Blocks: load and count.
*/
#ifndef ORTTO_CLIENT_READ_SCAN_H
#define ORTTO_CLIENT_READ_SCAN_H

#include "page.h"

extern const way scan_way;

#endif
