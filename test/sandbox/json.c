/* json.c: see json.h. */
#define _GNU_SOURCE
#include "json.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

/* A strict reader that keeps the raw text of every value, because the tests
** must see numbers and escapes exactly as they were sent. */

struct Chunk {
  Chunk *next;
  size_t used;
  size_t size;
};

static void *reader_take(Reader *r, size_t n) {
  n = (n + 15) & ~(size_t)15;
  if (!r->chunks || r->chunks->size - r->chunks->used < n) {
    size_t size = n > 16384 ? n : 16384;
    Chunk *c = resize(NULL, 1, sizeof(Chunk) + 16 + size);
    *c = (Chunk){r->chunks, 0, size};
    r->chunks = c;
  }
  size_t head = (sizeof(Chunk) + 15) & ~(size_t)15;
  void *p = (char *)r->chunks + head + r->chunks->used;
  r->chunks->used += n;
  return p;
}

void reader_free(Reader *r) {
  while (r->chunks) {
    Chunk *c = r->chunks;
    r->chunks = c->next;
    free(c);
  }
}

static void skip_space(Reader *r) {
  while (r->s < r->end && (*r->s == ' ' || *r->s == '\t' || *r->s == '\n' || *r->s == '\r')) r->s++;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/* Length of the UTF-8 sequence at s, or 0 if it is not one. */
static size_t utf8_length(const unsigned char *s, size_t n) {
  if (s[0] < 0x80) return 1;
  size_t k = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
  if (s[0] < 0xc2 || s[0] > 0xf4 || k > n) return 0;
  for (size_t i = 1; i < k; i++)
    if ((s[i] & 0xc0) != 0x80) return 0;
  if (s[0] == 0xe0 && s[1] < 0xa0) return 0;
  if (s[0] == 0xed && s[1] > 0x9f) return 0;
  if (s[0] == 0xf0 && s[1] < 0x90) return 0;
  if (s[0] == 0xf4 && s[1] > 0x8f) return 0;
  return k;
}

static bool read_escape(Reader *r) {
  if (r->end - r->s < 2) return false;
  char c = r->s[1];
  if (c != 'u') {
    r->s += 2;
    return c != 0 && strchr("\"\\/bfnrt", c) != NULL;
  }
  if (r->end - r->s < 6) return false;
  for (int i = 2; i < 6; i++)
    if (hex_digit(r->s[i]) < 0) return false;
  r->s += 6;
  return true;
}

static bool read_string(Reader *r) {
  r->s++;
  while (r->s < r->end) {
    unsigned char c = (unsigned char)*r->s;
    if (c == '"') {
      r->s++;
      return true;
    }
    if (c < 0x20) return false;
    if (c == '\\') {
      if (!read_escape(r)) return false;
      continue;
    }
    size_t k = utf8_length((const unsigned char *)r->s, (size_t)(r->end - r->s));
    if (!k) return false;
    r->s += k;
  }
  return false;
}

static size_t read_digits(Reader *r) {
  const char *from = r->s;
  while (r->s < r->end && *r->s >= '0' && *r->s <= '9') r->s++;
  return (size_t)(r->s - from);
}

static bool read_number(Reader *r) {
  if (*r->s == '-') r->s++;
  const char *from = r->s;
  size_t n = read_digits(r);
  if (!n || (n > 1 && *from == '0')) return false;
  if (r->s < r->end && *r->s == '.') {
    r->s++;
    if (!read_digits(r)) return false;
  }
  if (r->s < r->end && (*r->s == 'e' || *r->s == 'E')) {
    r->s++;
    if (r->s < r->end && (*r->s == '+' || *r->s == '-')) r->s++;
    if (!read_digits(r)) return false;
  }
  return true;
}

static unsigned read_u16(const char *s) {
  unsigned v = 0;
  for (int i = 0; i < 4; i++) v = v * 16 + (unsigned)hex_digit(s[i]);
  return v;
}

static void put_rune(Buf *b, unsigned c) {
  if (c < 0x80) {
    putc_to(b, (char)c);
  } else if (c < 0x800) {
    putc_to(b, (char)(0xc0 | c >> 6));
    putc_to(b, (char)(0x80 | (c & 63)));
  } else if (c < 0x10000) {
    putc_to(b, (char)(0xe0 | c >> 12));
    putc_to(b, (char)(0x80 | (c >> 6 & 63)));
    putc_to(b, (char)(0x80 | (c & 63)));
  } else {
    putc_to(b, (char)(0xf0 | c >> 18));
    putc_to(b, (char)(0x80 | (c >> 12 & 63)));
    putc_to(b, (char)(0x80 | (c >> 6 & 63)));
    putc_to(b, (char)(0x80 | (c & 63)));
  }
}

/* Appends the \uXXXX at s (and its other half); returns the bytes it took. */
static size_t put_unescaped(Buf *b, const char *s, const char *stop) {
  unsigned c = read_u16(s + 2);
  if (c >= 0xd800 && c < 0xdc00 && stop - s >= 12 && s[6] == '\\' && s[7] == 'u') {
    unsigned low = read_u16(s + 8);
    if (low >= 0xdc00 && low < 0xe000) {
      put_rune(b, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
      return 12;
    }
  }
  put_rune(b, c >= 0xd800 && c < 0xe000 ? 0xfffd : c);
  return 6;
}

void put_decoded(Buf *b, const char *raw, size_t len) {
  const char *s = raw + 1, *stop = raw + len - 1;
  while (s < stop) {
    const char *slash = memchr(s, '\\', (size_t)(stop - s));
    put(b, s, (size_t)((slash ? slash : stop) - s));
    if (!slash) return;
    s = slash;
    if (s[1] == 'u') {
      s += put_unescaped(b, s, stop);
      continue;
    }
    const char *from = "bfnrt", *to = "\b\f\n\r\t";
    const char *at = strchr(from, s[1]);
    putc_to(b, at ? to[at - from] : s[1]);
    s += 2;
  }
}

static Json *read_value(Reader *r);

static bool read_key(Reader *r, Json *into) {
  const char *from = r->s;
  if (r->s >= r->end || *r->s != '"' || !read_string(r)) return false;
  Buf b = {0};
  put_decoded(&b, from, (size_t)(r->s - from));
  char *key = reader_take(r, b.n + 1);
  if (b.n) memcpy(key, b.p, b.n);
  key[b.n] = 0;
  into->key = key;
  into->keyLen = b.n;
  drop(&b);
  skip_space(r);
  if (r->s >= r->end || *r->s != ':') return false;
  r->s++;
  return true;
}

static bool read_members(Reader *r, Json *into, char closer) {
  Json **tail = &into->child;
  r->s++;
  skip_space(r);
  if (r->s < r->end && *r->s == closer) {
    r->s++;
    return true;
  }
  for (;;) {
    Json name = {.key = ""};
    skip_space(r);
    if (closer == '}' && !read_key(r, &name)) return false;
    Json *v = read_value(r);
    if (!v) return false;
    v->key = name.key;
    v->keyLen = name.keyLen;
    *tail = v;
    tail = &v->next;
    skip_space(r);
    if (r->s >= r->end) return false;
    char c = *r->s++;
    if (c == closer) return true;
    if (c != ',') return false;
  }
}

static bool read_word(Reader *r, const char *word) {
  size_t n = strlen(word);
  if ((size_t)(r->end - r->s) < n || memcmp(r->s, word, n)) return false;
  r->s += n;
  return true;
}

static bool read_by_type(Reader *r, Json *v) {
  switch (*r->s) {
    case '{': v->type = J_OBJECT; return read_members(r, v, '}');
    case '[': v->type = J_ARRAY; return read_members(r, v, ']');
    case '"': v->type = J_STRING; return read_string(r);
    case 't': v->type = J_BOOL; return read_word(r, "true");
    case 'f': v->type = J_BOOL; return read_word(r, "false");
    case 'n': v->type = J_NULL; return read_word(r, "null");
    default: v->type = J_NUMBER; return read_number(r);
  }
}

static Json *read_value(Reader *r) {
  skip_space(r);
  if (r->s >= r->end || r->depth > 500) return NULL;
  Json *v = reader_take(r, sizeof *v);
  memset(v, 0, sizeof *v);
  v->raw = r->s;
  v->key = "";
  r->depth++;
  bool ok = read_by_type(r, v);
  r->depth--;
  v->len = (size_t)(r->s - v->raw);
  return ok ? v : NULL;
}

Json *read_json(Reader *r, const char *s, size_t n) {
  *r = (Reader){s, s + n, NULL, 0};
  Json *v = read_value(r);
  skip_space(r);
  if (v && r->s == r->end) return v;
  reader_free(r);
  return NULL;
}

Json *member(const Json *object, const char *name) {
  Json *found = NULL;
  size_t n = strlen(name);
  if (!object || object->type != J_OBJECT) return NULL;
  for (Json *v = object->child; v; v = v->next)
    if (v->keyLen == n && !memcmp(v->key, name, n)) found = v;
  return found;
}

Json *given(const Json *object, const char *name) {
  Json *v = member(object, name);
  return v && v->type != J_NULL ? v : NULL;
}

bool is_true(const Json *v) { return v && v->type == J_BOOL && v->raw[0] == 't'; }

char *text_of(const Json *v) {
  Buf b = {0};
  if (v && v->type == J_STRING) put_decoded(&b, v->raw, v->len);
  else if (v) put(&b, v->raw, v->len);
  return ended(&b);
}

bool text_is(const Json *v, const char *s) {
  if (!v || v->type != J_STRING) return false;
  char *t = text_of(v);
  bool same = !strcmp(t, s);
  free(t);
  return same;
}

size_t count_of(const Json *v) {
  size_t n = 0;
  for (const Json *c = v ? v->child : NULL; c; c = c->next) n++;
  return n;
}

bool is_integer(const Json *v) {
  if (!v || v->type != J_NUMBER) return false;
  for (size_t i = 0; i < v->len; i++)
    if (v->raw[i] == '.' || v->raw[i] == 'e' || v->raw[i] == 'E') return false;
  return true;
}

int64_t integer_of(const Json *v, int64_t otherwise) {
  char t[24];
  if (!is_integer(v) || v->len >= sizeof t) return otherwise;
  memcpy(t, v->raw, v->len);
  t[v->len] = 0;
  errno = 0;
  long long n = strtoll(t, NULL, 10);
  return errno ? otherwise : n;
}
