/*
** text.h - growing text, memory that is freed together, hashing, a map from text to number, UTF-8, searching
** eight bytes at a time, the closest name.
**
** May use: os. Must not know: SQLite, Ortto, JSON, the network. Nothing here depends on the
** process's locale.
*/
#ifndef ORTTO_TEXT_H
#define ORTTO_TEXT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "os.h"

/* ---- growing text -------------------------------------------------------------------------------------- */

typedef struct buf {               /* all zero at first; terminated whenever p is set */
  char *p;                         /* by malloc: buf_free, or free(p) by whoever takes it */
  size_t n, cap;
  int failed;                      /* an allocation failed: all that follows is ignored */
} buf;

void buf_add(buf *b, const char *text, size_t n);
void buf_puts(buf *b, const char *text);
void buf_vprintf(buf *b, const char *format, va_list args);
OS_PRINTF(2, 3)
void buf_printf(buf *b, const char *format, ...);
void buf_free(buf *b);

/* ---- memory that is freed together --------------------------------------------------------------------- */

typedef struct block block;
typedef struct arena {             /* all zero at first */
  block *first;
} arena;

/* These give NULL when out of memory. What they give lives until arena_reset or arena_free. */
void *arena_alloc(arena *a, size_t n);
char *arena_text(arena *a, const char *text, size_t n);     /* a terminated copy */
OS_PRINTF(2, 3)
char *arena_printf(arena *a, const char *format, ...);
void arena_free(arena *a);

/* Ready for the next record: one block stays. */
void arena_reset(arena *a);

/* ---- words --------------------------------------------------------------------------------------------- */

#define COUNT(array) ((int)(sizeof(array)/sizeof(*(array))))

/* A copy by malloc; NULL when out of memory, or of NULL. */
char *text_copy(const char *text);

/* Equal but for the case of ASCII letters, whatever the locale. */
int same_word(const char *a, const char *b);

/* Do the first n bytes of text equal word, which is in lower case, but for the case of ASCII letters? */
int same_start(const char *text, const char *word, size_t n);

/* Control characters, DEL among them. */
int has_controls(const char *text);

/* ASCII letters in lower case, and every run of blanks, _ and -, or change to a capital, as one _: firstName,
** first_name and "First name" are one; "level 1-2" and "level 12", "C#" and "C++" are not. NULL when out of
** memory. */
char *folded(arena *a, const char *text, size_t n);

/* Letters to be changed, put in or left out; CLOSEST_MAX + 1 for texts longer than CLOSEST_MAX. */
size_t edit_distance(const char *a, const char *b);

/* ---- hashing, and a map from text to number ------------------------------------------------------------ */

#define HASH_START 14695981039346656037u

/* FNV-1a, going on from h (HASH_START at first). The same on every machine: it is kept in databases. */
uint64_t hash_bytes(uint64_t h, const void *data, size_t n);

/* Spreads every bit of x over all bits of the result (the finalizer of splitmix64). */
uint64_t mix64(uint64_t x);

typedef struct map_entry {
  const char *key;
  size_t n;
  int value;
} map_entry;

typedef struct text_map {          /* all zero at first. The keys belong to somebody else; case counts */
  map_entry *entry;                /* open addressing */
  size_t size, used;               /* size is a power of two */
} text_map;

/* The value, or -1. */
int map_get(const text_map *m, const char *key, size_t n);

/* 0 when out of memory. An entry that is there gets the new value. */
int map_put(text_map *m, const char *key, size_t n, int value);
void map_free(text_map *m);

/* ---- UTF-8 --------------------------------------------------------------------------------------------- */

/* Length of the UTF-8 character at text, 0 if it is none (surrogates and overlong forms are none). */
size_t utf8_length(const char *text, const char *end);
size_t utf8_write(char *out, unsigned c);        /* up to 4 bytes; returns how many */
int utf8_is_sound(const char *p, size_t n);

/* A text that was cut may end in the middle of a character: what is none becomes a question mark. */
void utf8_mend(char *text);

/* Characters in sound UTF-8. */
size_t characters(const char *text, size_t n);

/* A copy of n bytes, by malloc; NULL when out of memory. */
char *text_copy_n(const char *text, size_t n);

/* ---- eight bytes at a time -----------------------------------------------------------------------------
**
** For a search over long texts, without anything that only some processors have. */

#define EACH_BYTE(b) (0x0101010101010101u * (uint64_t)(b))

/* The eight bytes at p, the first one lowest. */
static inline uint64_t eight_bytes(const char *p){
  uint64_t w;
  memcpy(&w, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  w = __builtin_bswap64(w);
#endif
  return w;
}

/* Are n bytes the same? For names, which are too short for a call; n is the same for both. */
static inline int same_bytes(const char *a, const char *b, size_t n){
  uint64_t v, w;
  uint32_t x, y;
  if( n<4 ){
    while( n>0 && a[n-1]==b[n-1] ) n--;
    return n==0;
  }
  if( n<8 ){
    memcpy(&x, a, 4);
    memcpy(&y, b, 4);
    if( x!=y ) return 0;
    memcpy(&x, a+n-4, 4);
    memcpy(&y, b+n-4, 4);
    return x==y;
  }
  for(size_t i=0; i+8<n; i+=8){
    memcpy(&v, a+i, 8);
    memcpy(&w, b+i, 8);
    if( v!=w ) return 0;
  }
  memcpy(&v, a+n-8, 8);
  memcpy(&w, b+n-8, 8);
  return v==w;
}

/* Marks (by their highest bit) the bytes below `limit`, which is 128 at most; right up to the first of them,
** behind which one may be marked in error. */
static inline uint64_t bytes_below(uint64_t w, unsigned limit){
  return (w - EACH_BYTE(limit)) & ~w & EACH_BYTE(0x80);
}

static inline uint64_t bytes_equal(uint64_t w, char c){
  return bytes_below(w ^ EACH_BYTE((unsigned char)c), 1);
}

/* Which byte is marked first; one must be. */
static inline unsigned first_marked(uint64_t marks){
  return (unsigned)__builtin_ctzll(marks)>>3;
}

/* ---- the closest name ---------------------------------------------------------------------------------- */

/* The closest of several names to one that was not found: begin with closest_to, offer each, and found is
** it. */
typedef struct closest {
  const char *wanted;
  const char *found;               /* what was offered as `shown` with the closest name; "" before any */
  size_t distance;                 /* above CLOSEST_MAX: none was short enough to be measured */
} closest;
#define CLOSEST_MAX 64

closest closest_to(const char *wanted);
void closest_offer(closest *c, const char *name, const char *shown);

/* How much of a text of n bytes a message shows: for "%.*s". */
int up_to(int most, size_t n);

/* The same, and no character of UTF-8 is cut. */
int cut_to(int most, const char *text, size_t n);

#endif
