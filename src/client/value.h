/*
** value.h - values between Ortto's JSON and ours, decoding and encoding side by side.
**
** The law: what was read can be written. Shapes are as documented or guessed (ortto-api.md, section 4) and never trusted:
** a value of an unexpected shape is never an error when it is read, and never lost.
** May use: text, json, schema. Must not know: requests.
*/
#ifndef ORTTO_CLIENT_VALUE_H
#define ORTTO_CLIENT_VALUE_H

#include "../../ortto_client.h"
#include "../text.h"
#include "../json.h"

#define TEXT_MAX 255               /* characters of a str value [documented] */

typedef struct encoder {
  arena *memory;
  buf *out;
  char why[200];                   /* what is wrong, if something is */
} encoder;

void value_text(ortto_value *out, ortto_kind kind, const char *text, size_t n);

/* One value; 0 when out of memory. Shapes are as documented or guessed, and never trusted. */
int decode(arena *a, ortto_type type, js v, ortto_value *out);

/* A text that holds JSON: what a JSON column of SQL gives when it was not marked as JSON. */
js inner_json(encoder *e, js v, char kind);

/* YYYY-MM-DD at the beginning of a text. */
int date_read(const char *p, size_t n, int *year, int *month, int *day);

/* RFC 3339, or what SQLite writes (a blank for the T, no zone: UTC), or a date alone. The text to send, NULL if it is none. */
const char *time_read(arena *a, const char *p, size_t n);

/* The value in Ortto's shape. 0: it does not fit, and e->why says so; or e->out->failed. */
int encode(encoder *e, const ortto_field *f, js v);
int tags_check(encoder *e, js v);

#endif
