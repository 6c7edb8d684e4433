/* store.c: see store.h. */
#define _GNU_SOURCE
#include "store.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "json.h"
#include "instance.h"
#include "values.h"

static size_t rune_count(const Buf *b) {
  size_t n = 0;
  for (size_t k = 0; k < b->n; k++) n += ((unsigned char)b->p[k] & 0xc0) != 0x80;
  return n;
}

/* Reads as the pattern says: a letter a..i begins that many digits of the next number. */
static bool take_numbers(const char **s, const char *pattern, int *number) {
  for (; *pattern; pattern++) {
    int digits = *pattern >= 'a' && *pattern <= 'i' ? *pattern - 'a' + 1 : 0;
    if (!digits && *(*s)++ != *pattern) return false;
    if (!digits) continue;
    for (*number = 0; digits > 0; digits--, (*s)++) {
      if (**s < '0' || **s > '9') return false;
      *number = *number * 10 + (**s - '0');
    }
    number++;
  }
  return true;
}

bool read_time(const char *s, int64_t *t) {
  int n[6], zone[2] = {0, 0};
  if (!take_numbers(&s, "d-b-bTb:b:b", n)) return false;
  if (n[1] < 1 || n[1] > 12 || n[2] < 1 || n[2] > 31 || n[3] > 23 || n[4] > 59 || n[5] > 60) return false;
  if (*s == '.') {
    size_t digits = strspn(s + 1, "0123456789");
    if (!digits) return false;
    s += 1 + digits;
  }
  char sign = *s++;
  if (sign == '+' || sign == '-') {
    if (!take_numbers(&s, "b:b", zone)) return false;
  } else if (sign != 'Z') {
    return false;
  }
  int east = (zone[0] * 3600 + zone[1] * 60) * (sign == '-' ? -1 : 1);
  *t = days_of(n[0], n[1], n[2]) * 86400 + n[3] * 3600 + n[4] * 60 + n[5] - east;
  return *s == 0;
}

/* 255 characters, 4000 of a large text [documented]; longer ones are refused, not cut [guessed]. */
static bool store_text(const Field *f, const Json *v, Buf *out) {
  if (v->type != J_STRING) return false;
  Buf text = {0};
  put_decoded(&text, v->raw, v->len);
  bool ok = rune_count(&text) <= (f->kind == K_TXT ? 4000 : 255);
  if (ok && !strcmp(f->display, "email")) ok = text.n > 2 && memchr(text.p, '@', text.n) != NULL;
  drop(&text);
  put(out, v->raw, v->len);
  return ok;
}

/* The shape [documented]; read back as written [guess: shapes]. */
static bool store_date(const Json *v, Buf *out) {
  int64_t y = integer_of(given(v, "year"), 0), m = integer_of(given(v, "month"), 0),
          d = integer_of(given(v, "day"), 0);
  const Json *zone = given(v, "timezone");
  if (v->type != J_OBJECT || y < 1 || y > 9999 || m < 1 || m > 12 || d < 1 || d > 31) return false;
  if (zone && zone->type != J_STRING) return false;
  char *name = zone ? text_of(zone) : copy("UTC");
  put_date(out, (int)y, (int)m, (int)d, name);
  free(name);
  return true;
}

/* RFC 3339 [documented]; kept as written [guessed]. */
static bool store_time(const Json *v, Buf *out) {
  int64_t t;
  if (v->type != J_STRING) return false;
  char *text = text_of(v);
  bool ok = read_time(text, &t);
  free(text);
  put(out, v->raw, v->len);
  return ok;
}

/* The server knows places and gives them ids [documented]; a name it does not know too [guessed]. */
static bool store_place(const Json *v, Buf *out) {
  const Json *name = given(v, "name");
  if (v->type != J_OBJECT || !name || name->type != J_STRING) return false;
  char *text = text_of(name);
  uint64_t id = place_id(text);
  free(text);
  put_format(out, "{\"id\":%" PRIu64 ",\"name\":%.*s}", id, (int)name->len, name->raw);
  return true;
}

static bool all_digits(const char *s) { return *s && s[strspn(s, "0123456789")] == 0; }

/* Both forms [documented]; with a plus before the code [client]. */
static bool store_phone(const Json *v, Buf *out) {
  const Json *c = given(v, "c"), *n = given(v, "n"), *whole_ = given(v, "phone");
  char code[8] = "", *text = text_of(whole_ ? whole_ : c), *number = whole_ ? NULL : text_of(n);
  const char *s = text + (*text == '+'), *rest = whole_ ? s : number;
  bool ok = v->type == J_OBJECT &&
            (whole_ ? whole_->type == J_STRING : c && n && c->type == J_STRING && n->type == J_STRING);
  if (!whole_) snprintf(code, sizeof code, "%s", s);
  if (whole_) {
    snprintf(code, sizeof code, "%s", country_code(s));
    rest = s + strlen(code);
  }
  ok = ok && (all_digits(code) || (whole_ && !*code)) && all_digits(rest) && strlen(rest) < 20;
  if (ok) put_format(out, "{\"c\":\"%s\",\"n\":\"%s\"}", code, rest);
  free(text);
  free(number);
  return ok;
}

bool is_text_list(const Json *v) {
  if (v->type != J_ARRAY) return false;
  for (const Json *k = v->child; k; k = k->next)
    if (k->type != J_STRING) return false;
  return true;
}

static bool fits_int64(const Json *v) { return integer_of(v, 0) == integer_of(v, 1); }

/* int64 without a fraction, objects up to 15,000 bytes [documented]; wrong types are refused [recorded]. */
bool store(const Field *f, const Json *v, Buf *out) {
  switch (f->kind) {
    case K_STR: case K_TXT: return store_text(f, v, out);
    case K_DTZ: return store_date(v, out);
    case K_TME: return store_time(v, out);
    case K_GEO: return store_place(v, out);
    case K_PHN: return store_phone(v, out);
    default: break;
  }
  put(out, v->raw, v->len);
  if (f->kind == K_INT) return fits_int64(v);
  if (f->kind == K_BOL) return v->type == J_BOOL;
  if (f->kind == K_SST) return is_text_list(v);
  return f->kind == K_OBJ && v->type == J_OBJECT && v->len <= 15000;
}
