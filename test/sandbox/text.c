/* text.c: see text.h. */
#define _GNU_SOURCE
#include "text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void die(const char *format, ...) {
  va_list ap;
  va_start(ap, format);
  fputs("ortto_sandbox: ", stderr);
  vfprintf(stderr, format, ap);
  fputc('\n', stderr);
  va_end(ap);
  exit(2);
}

void *resize(void *p, size_t count, size_t size) {
  if (size && count > SIZE_MAX / size) die("out of memory");
  size_t n = count * size;
  void *q = realloc(p, n ? n : 1);
  if (!q) die("out of memory");
  return q;
}

void *zeroed(size_t count, size_t size) {
  void *p = calloc(count ? count : 1, size);
  if (!p) die("out of memory");
  return p;
}

char *copy_n(const char *s, size_t n) {
  char *p = resize(NULL, n + 1, 1);
  if (n) memcpy(p, s, n);
  p[n] = 0;
  return p;
}

char *copy(const char *s) { return copy_n(s, strlen(s)); }

void room_made(Buf *b, size_t more) {
  size_t cap = b->cap ? b->cap : 256;
  while (cap - b->n < more) {
    if (cap > SIZE_MAX / 2) die("out of memory");
    cap *= 2;
  }
  b->p = resize(b->p, cap, 1);
  b->cap = cap;
}

char *ended(Buf *b) {
  room(b, 1);
  b->p[b->n] = 0;
  return b->p;
}

void drop(Buf *b) {
  free(b->p);
  *b = (Buf){0};
}

void put_format_v(Buf *b, const char *format, va_list ap) {
  va_list again;
  va_copy(again, ap);
  room(b, 256); /* most are shorter */
  int n = vsnprintf(b->p + b->n, b->cap - b->n, format, ap);
  if (n < 0) die("cannot format");
  if ((size_t)n >= b->cap - b->n) {
    room(b, (size_t)n + 1);
    vsnprintf(b->p + b->n, (size_t)n + 1, format, again);
  }
  va_end(again);
  b->n += (size_t)n;
}

void put_format(Buf *b, const char *format, ...) {
  va_list ap;
  va_start(ap, format);
  put_format_v(b, format, ap);
  va_end(ap);
}

void put_u64(Buf *b, uint64_t v) {
  char t[20];
  size_t i = sizeof t;
  do {
    t[--i] = (char)('0' + v % 10);
    v /= 10;
  } while (v);
  put(b, t + i, sizeof t - i);
}

void put_i64(Buf *b, int64_t v) {
  if (v < 0) putc_to(b, '-');
  put_u64(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

/* The last two digits. */
static void two(char *t, int v) {
  t[0] = (char)('0' + v / 10 % 10);
  t[1] = (char)('0' + v % 10);
}

void civil(int64_t days, int *y, int *m, int *d) {
  int64_t z = days + 719468;
  int64_t era = (z >= 0 ? z : z - 146096) / 146097;
  int64_t doe = z - era * 146097;
  int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  int64_t mp = (5 * doy + 2) / 153;
  *d = (int)(doy - (153 * mp + 2) / 5 + 1);
  *m = (int)(mp < 10 ? mp + 3 : mp - 9);
  *y = (int)(yoe + era * 400 + (*m <= 2));
}

int64_t days_of(int y, int m, int d) {
  int64_t yy = m <= 2 ? y - 1 : y;
  int64_t era = (yy >= 0 ? yy : yy - 399) / 400;
  int64_t yoe = yy - era * 400;
  int64_t doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
  int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
  return era * 146097 + doe - 719468;
}

void put_stamp(Buf *b, int64_t t) {
  int y, m, d;
  int64_t days = t / 86400, rest = t % 86400;
  if (rest < 0) {
    rest += 86400;
    days--;
  }
  civil(days, &y, &m, &d);
  char text[] = "0000-00-00T00:00:00";
  int seconds = (int)rest;
  two(text, y / 100);
  two(text + 2, y);
  two(text + 5, m);
  two(text + 8, d);
  two(text + 11, seconds / 3600);
  two(text + 14, seconds / 60 % 60);
  two(text + 17, seconds % 60);
  put(b, text, sizeof text - 1);
}

void put_time(Buf *b, int64_t t) {
  putc_to(b, '"');
  put_stamp(b, t);
  LIT(b, "Z\"");
}

void put_time_ms(Buf *b, int64_t t, int ms) {
  putc_to(b, '"');
  put_stamp(b, t);
  put_format(b, ".%03dZ\"", ms);
}

void put_string(Buf *b, const char *s, size_t n) {
  size_t plain = 0;
  putc_to(b, '"');
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)s[i];
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    put(b, s + plain, i - plain);
    plain = i + 1;
    if (c >= 0x20) {
      putc_to(b, '\\');
      putc_to(b, (char)c);
    } else if (c == '\n') {
      LIT(b, "\\n");
    } else {
      put_format(b, "\\u%04x", c);
    }
  }
  put(b, s + plain, n - plain);
  putc_to(b, '"');
}

void put_text(Buf *b, const char *s) { put_string(b, s, strlen(s)); }

uint64_t mix(uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9u;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

uint64_t hash_bytes(const char *s, size_t n) {
  uint64_t h = 0xcbf29ce484222325u;
  for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)s[i]) * 0x100000001b3u;
  return mix(h);
}

uint64_t hash_text(const char *s) { return hash_bytes(s, strlen(s)); }

int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}
