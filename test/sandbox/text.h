/*
** text.h: memory, growing text, times, hashing
**
** What every room needs and what knows nothing of Ortto. There is no way to fail: without
** memory the program ends, for a sandbox without memory proves nothing. A Buf owns its
** bytes until drop().
**
** It uses nothing of the sandbox.
*/
#ifndef SANDBOX_TEXT_H
#define SANDBOX_TEXT_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#if defined(__GNUC__)
#define PRINTF_LIKE(a, b) __attribute__((format(printf, a, b)))
#define NO_RETURN __attribute__((noreturn))
#else
#define PRINTF_LIKE(a, b)
#define NO_RETURN
#endif

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Makes room for one more element of an array; doubles, so appending is cheap. */
#define GROW(array, n, cap)                                                   \
  do {                                                                        \
    if (!(array) || (n) == (cap)) {                                           \
      (cap) = (cap) ? (cap) * 2 : 8;                                          \
      (array) = resize((array), (size_t)(cap), sizeof *(array));              \
    }                                                                         \
  } while (0)

typedef struct Buf {
  char *p;    /* not ended by a zero byte unless ended() was called */
  size_t n;   /* bytes used */
  size_t cap; /* bytes there */
} Buf;

#define LIT(b, s) put((b), (s), sizeof(s) - 1)

NO_RETURN PRINTF_LIKE(1, 2) void die(const char *format, ...);

/* A sandbox without memory proves nothing, so it stops. */
void *resize(void *p, size_t count, size_t size);

void *zeroed(size_t count, size_t size);
char *copy_n(const char *s, size_t n);
char *copy(const char *s);
void room_made(Buf *b, size_t more);

/* What answers are put together with, a few bytes at a time; inline, since what is measured shares the
** machine with the sandbox. */
static inline void room(Buf *b, size_t more) {
  if (!b->p || b->cap - b->n < more) room_made(b, more);
}

static inline void put(Buf *b, const char *s, size_t n) {
  if (!n) return;
  room(b, n);
  memcpy(b->p + b->n, s, n);
  b->n += n;
}

static inline void puts_to(Buf *b, const char *s) { put(b, s, strlen(s)); }

static inline void putc_to(Buf *b, char c) {
  room(b, 1);
  b->p[b->n++] = c;
}

char *ended(Buf *b);
void drop(Buf *b);
void put_format_v(Buf *b, const char *format, va_list ap);
PRINTF_LIKE(2, 3) void put_format(Buf *b, const char *format, ...);
void put_u64(Buf *b, uint64_t v);
void put_i64(Buf *b, int64_t v);

/* Days since 1970 to year, month, day; the year starts in March inside. */
void civil(int64_t days, int *y, int *m, int *d);

int64_t days_of(int y, int m, int d);

/* 2025-10-01T00:00:00 without quotes and zone. */
void put_stamp(Buf *b, int64_t t);

void put_time(Buf *b, int64_t t);
void put_time_ms(Buf *b, int64_t t, int ms);
void put_string(Buf *b, const char *s, size_t n);
void put_text(Buf *b, const char *s);
uint64_t mix(uint64_t x);
uint64_t hash_bytes(const char *s, size_t n);
uint64_t hash_text(const char *s);
int64_t now_ns(void);

#endif
