/*
** value.h - values between Ortto's JSON and ours, decoding and encoding side by side.
**
** The law: what was read can be written. A value of an unexpected shape is never an error when it is read,
** and never lost: it is what was sent, as JSON text, and goes back as it came. Shapes are as documented or
** guessed (each says so where it is read) and never trusted.
** May use: text, json, time_text. Must not know: requests, records, tables. Nothing here blocks.
**
** What decode puts out lives as long as the slice it was read from and the arena that it was given. What
** encode gives belongs to the caller, who adds it to a tree (json_add) or deletes it.
*/
#ifndef ORTTO_CLIENT_VALUE_H
#define ORTTO_CLIENT_VALUE_H

#include "../../ortto_client.h"
#include "../text.h"
#include "../json.h"
#include "time_text.h"

#define TEXT_MAX 255               /* characters of a str value [documented] */

typedef struct encoder {           /* the one owner of what is wrong with a value */
  arena *memory;
  char why[200];                   /* behind "the column x ": set with each NULL or 0; "": out of memory */
  int no_memory;                   /* set by inner_json, which then gives its text as it is */
} encoder;

static inline void value_text(ortto_value *out, ortto_kind kind, const char *text, size_t n){
  out->kind = kind;
  out->text = text;
  out->length = n;
}

/* One value of that type; 0 when out of memory. Text is text, whatever was expected, and most values are. The
** parts of a js go to decode_by_type as they stand in registers: copied whole it would have to wait until
** they are written. */
int decode_by_type(arena *a, ortto_type type, const char *p, size_t n, const js_node *node, ortto_value *out);
static inline int decode(arena *a, ortto_type type, js v, ortto_value *out){
  if( !js_is_plain(v) || type==ORTTO_TAG_TYPE ) return decode_by_type(a, type, v.p, v.n, v.node, out);
  value_text(out, ORTTO_VALUE_TEXT, v.p + 1, v.n - 2);
  return 1;
}

/* The value in Ortto's shape. NULL: it does not fit, and e->why says so. */
cJSON *encode(encoder *e, const ortto_field *f, js v);

/* Would this do as a contact's tags? 0: no, and e->why says so. */
int tags_check(encoder *e, js v);

/* What is in a list that takes texts alone, in words: "a number", "an empty one" (if empty ones do not do
** either). NULL: nothing but texts. */
const char *list_stranger(js list, int may_be_empty);

/* A text that holds JSON of that kind ('{' or '['), as a JSON column of SQL gives it when it was not marked
** as JSON: the JSON inside. Anything else as it is, and when out of memory (e->no_memory). */
js inner_json(encoder *e, js v, char kind);

#endif
