/*
** read_scan.h - people and accounts from the first to the last, page by page under one cursor.
*/
#ifndef ORTTO_CLIENT_READ_SCAN_H
#define ORTTO_CLIENT_READ_SCAN_H

#include "../../ortto_client.h"
#include "../json.h"
#include "page.h"

const char *scan_path(ortto_table table);
char *scan_body(const ortto_reader *r, int64_t limit, int64_t offset, const char *cursor, const char *fields);

/* The members of a page's answer. */
int page_members(ortto_reader *r, page *p, js *records);

/* Drops the rows that came before; *fresh is how many did not. */
int page_unseen(ortto_reader *r, page *p, int *fresh);
int scan_load(ortto_reader *r, page **out);
int reader_filters(ortto_reader *r, const ortto_query *q);

/* Everything of a page's request that stays the same from page to page: ,"member":value ... */
int reader_common(ortto_reader *r, const ortto_query *q);

#endif
