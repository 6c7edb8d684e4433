/*
** json.h - reading JSON strictly, over the text's own bytes; building it, through cJSON.
**
** Why one of our own: cJSON keeps every number as a double, ends strings at \u0000, refuses lone surrogates
** and accepts what is not JSON. So a text is checked and sliced in place, with no tree and no copy, which is
** also what makes a page cheap; json_check.h says what a js is, how long it lives, and how to step over it.
** May use: os (numbers in text), text, json_check. Must not know: SQLite, Ortto.
*/
#ifndef ORTTO_JSON_H
#define ORTTO_JSON_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef ORTTO_CJSON                 /* a copy compiled in: make CJSON=DIR */
#include "cJSON.h"
#else
#include <cjson/cJSON.h>
#endif

#include "text.h"
#include "json_check.h"

/* ---- reading ------------------------------------------------------------------------------------------- */

/* '{', '[', '"', 't' (true), 'f' (false), 'n' (null, or no value), or 0 for a number. */
static inline char js_type(js v){
  char c = v.n && v.p ? *v.p : 'n';
  return c=='-' || (c>='0' && c<='9') ? 0 : c;
}
const char *js_kind(js v);         /* the same as words: "an object", "text", ... */
int is_present(js v);              /* a value, and not null */
int js_true(js v);

/* The text of a string that needs no care, a name or a word: is it this one? */
static inline int js_is(js name, const char *text){
  size_t n = strlen(text);
  return name.n==n && memcmp(name.p, text, n)==0;
}
js unquoted(js string);            /* the same without its quotes, escapes as they are */

int count_elements(js array);

/* The member of that name (the last, if there are several); {NULL, 0} if there is none or this is no
** object. */
js js_get(js object, const char *name);
/* Does the object say a member twice? Then *name is it. Not for long objects. */
int js_repeats(js object, js *name);
js js_path(js v, const char *a, const char *b, const char *c);   /* b and c may be NULL */

/* 1 if this is an integer that int64 holds: of a number's text, and of a value. */
int integer_read(const char *p, size_t n, int64_t *out);
static inline int js_integer(js v, int64_t *out){
  return v.n!=0 && js_type(v)==0 && integer_read(v.p, v.n, out);
}

/* 1 if this is a number that a double can show, whatever the process's locale. */
int js_double(js v, double *out);

/* The text of a JSON string, in sound UTF-8: what was not is U+FFFD. It may hold NUL. NULL when out of
** memory; it points into the answer where nothing was to be changed, else into the arena. */
const char *js_text(arena *a, js v, size_t *length);

/* The same of any text, which has escapes (if so told). */
const char *text_clean(arena *a, const char *text, size_t n, int escapes, size_t *length);

/* A string as a C string that lives as long as the arena: "" if it is no string, NULL when out of memory.
** A NUL in it, which no id or name of Ortto's has, becomes a question mark. */
char *js_cstring(arena *a, js v);

/* A JSON string. */
void buf_json(buf *b, const char *text);

/* ---- building, with cJSON's functions ------------------------------------------------------------------
**
** cJSON's parser is never used: it writes a variable that threads share, and takes what is no JSON. */

/* An integer with all its digits: a number of cJSON's own is a double. NULL when out of memory. */
cJSON *json_integer(int64_t i);

/* The tree as text, by malloc, and the tree is gone; NULL when out of memory, or for a tree that is NULL. */
char *json_print(cJSON *tree);

/* JSON as it was given, byte for byte: numbers keep their digits, strings their escapes. NULL when out of
** memory. */
cJSON *json_raw(js v);

/* Both take the item, whatever happens; 0 when out of memory, also for an item that is NULL. A member's name
** is not copied: it must live as long as the object. */
int json_add(cJSON *object, const char *name, cJSON *item);
int json_append(cJSON *array, cJSON *item);

#endif
