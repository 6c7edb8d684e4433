/*
** time_text.h - dates and times as text: which of them exist, what of them can be sent, which of two is later
** (ortto_time_compare, which the other half uses too).
**
** May use: text, json (its digits). Must not know: fields, requests. Nothing here allocates but from the
** arena given, reads a clock or blocks.
*/
#ifndef ORTTO_CLIENT_TIME_TEXT_H
#define ORTTO_CLIENT_TIME_TEXT_H

#include "../../ortto_client.h"
#include "../text.h"

/* Of a month from 1 to 12. */
int days_in(int64_t year, int64_t month);

/* YYYY-MM-DD at the beginning of a text, and a day that exists? The year may be 0, as in a birthday that has
** none. */
int date_read(const char *p, size_t n, int *year, int *month, int *day);

/* A birthday without a year, as text: 05-17 or --05-17, a day that exists. */
int yearless_date(const char *p, size_t n);

/* RFC 3339, or what SQLite writes (a blank for the T, no zone: UTC), also with ISO 8601's other zones (+0200,
** +02), or a date alone? Then *sent is the text to send, NULL when out of memory. */
int time_read(arena *a, const char *p, size_t n, const char **sent);

#endif
