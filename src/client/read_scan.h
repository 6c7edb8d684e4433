/*
** read_scan.h - people and accounts from the first to the last, page by page under one cursor.
**
** The first page is asked for alone, then up to `concurrency` of them side by side, taken in their order.
** What is done where the server does not keep to what is guessed of it stands in one place of read_scan.c,
** with a list.
** May use: page, filter, read_ids (further fields of a page's rows). Must not know: what its rows are for.
** Errors: a scan that cannot be complete fails; it never ends early without one. Blocks: load and count.
*/
#ifndef ORTTO_CLIENT_READ_SCAN_H
#define ORTTO_CLIENT_READ_SCAN_H

#include "page.h"

extern const way scan_way;

#endif
