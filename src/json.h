/*
** json.h - reading JSON strictly, over the text's own bytes; building it, through cJSON.
**
** Why one of our own: cJSON keeps every number as a double, ends strings at \u0000, refuses lone surrogates and accepts what is
** not JSON. So a text is checked and sliced in place, with no tree and no copy, which is also what makes a page cheap.
** May use: os (numbers in text), text. Must not know: SQLite, Ortto.
**
** A js points into the text it was read from and lives as long as that does. Only json_check takes text that was not
** checked yet; all the others want slices of a text that it has accepted, which is terminated.
*/
#ifndef ORTTO_JSON_H
#define ORTTO_JSON_H

#include <stddef.h>
#include <stdint.h>
#ifdef ORTTO_CJSON                 /* a copy compiled in: make CJSON=DIR */
#include "cJSON.h"
#else
#include <cjson/cJSON.h>
#endif

#include "text.h"

/* A value inside a text that json_check has accepted, as the bytes of the answer itself. */
typedef struct js {
  const char *p;
  size_t n;
} js;

typedef struct js_iter {           /* stands before the next member or element */
  const char *p;
} js_iter;

/* A JSON string. */
void buf_json(buf *b, const char *text);
const char *digits(const char *p, const char *end);
const char *number_check(const char *p, const char *end);

/* The one value of a text; 0 if the text is not JSON. */
int json_check(const char *text, size_t n, js *value);
const char *blanks_skip(const char *p);
char js_type(js v);
js_iter js_in(js container);

/* The next element of an array, or member of an object (then name is not NULL). The name is without its quotes. */
int js_next(js_iter *it, js *name, js *value);
int js_is(js name, const char *text);

/* The member of that name; {NULL,0} if there is none or the container is no object. */
js js_get(js object, const char *name);
int js_true(js v);

/* 1 if this is an integer that int64 holds. */
int js_integer(js v, int64_t *out);

/* 1 if this is a number that a double can show, whatever the process's locale. */
int js_double(js v, double *out);

/* Sound UTF-8 from text that may have escapes (if so told) and broken bytes. NULL when out of memory; the text
** itself where nothing is to be changed. */
const char *text_clean(arena *a, const char *text, size_t n, int escapes, size_t *length);

/* The text of a JSON string. */
const char *js_text(arena *a, js v, size_t *length);

/* A string as a C string that lives as long as the arena: "" if it is no string, NULL when out of memory. A NUL in it,
** which no id or name of Ortto's has, becomes a question mark. */
char *js_cstring(arena *a, js v);
int count_elements(js array);
js unquoted(js string);
const char *js_kind(js v);
int is_present(js v);
js js_path(js v, const char *a, const char *b, const char *c);

/* ---- building: with cJSON's functions; its parser is never used, since that writes a variable that threads share ---- */

/* The tree as text, by malloc, and the tree is gone; NULL when out of memory, or for a tree that is NULL. */
char *json_print(cJSON *tree);

/* JSON as it was given, byte for byte: numbers keep their digits, strings their escapes. NULL when out of
** memory. */
cJSON *json_raw(js v);

/* cJSON's own numbers are doubles: this one keeps all digits. NULL when out of memory. */
cJSON *json_integer(int64_t i);

/* Both take the item, whatever happens; 0 when out of memory, also for an item that is NULL. A member's name
** is not copied: it must live as long as the object. */
int json_add(cJSON *object, const char *name, cJSON *item);
int json_append(cJSON *array, cJSON *item);

#endif
