/*
** json.h: a strict reader of JSON
**
** It keeps the raw text of every value, because the tests must see numbers and escapes
** exactly as they were sent. The nodes point into the text that was read and live until
** reader_free().
**
** It uses text.
*/
#ifndef SANDBOX_JSON_H
#define SANDBOX_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "text.h"

enum { J_NULL, J_BOOL, J_NUMBER, J_STRING, J_ARRAY, J_OBJECT };
typedef struct Json Json;

struct Json {
  int type;         /* J_... */
  const char *raw;  /* the value as sent, quotes included */
  size_t len;       /* bytes of raw */
  const char *key;  /* decoded member name; "" for what has none */
  size_t keyLen;    /* bytes of key */
  Json *child;      /* first member or element */
  Json *next;       /* next sibling */
};

typedef struct Chunk Chunk;

typedef struct Reader {
  const char *s;   /* next byte */
  const char *end; /* past the last byte */
  Chunk *chunks;   /* all nodes and keys live here */
  int depth;
} Reader;

void reader_free(Reader *r);
int hex_digit(char c);

/* Appends the text of the JSON string raw..raw+len; half surrogates become U+FFFD. */
void put_decoded(Buf *b, const char *raw, size_t len);

/* The whole text as one value, or NULL. The nodes point into the text. */
Json *read_json(Reader *r, const char *s, size_t n);

/* The last member of that name, as most readers of JSON take it. */
Json *member(const Json *object, const char *name);

/* Like member(), but a null counts as absent. */
Json *given(const Json *object, const char *name);

bool is_true(const Json *v);
char *text_of(const Json *v);
bool text_is(const Json *v, const char *s);
size_t count_of(const Json *v);
bool is_integer(const Json *v);

/* The integer, or the default when v is absent or no int64. */
int64_t integer_of(const Json *v, int64_t otherwise);

#endif
