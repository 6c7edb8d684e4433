/*
** ortto_sandbox.c: a server on this machine that imitates Ortto, for tests.
**
**   ortto_sandbox [options]      prints http://127.0.0.1:PORT and serves until
**                                SIGTERM, SIGINT or, with --until-eof, the end
**                                of its standard input
**
** It speaks Ortto's HTTP API (header X-Api-Key) and the protocol of Segment's
** Ortto destination (header Authorization: Bearer) over one instance of made-up
** people and accounts. The same seed and sizes always give the same data: a
** value is computed from (seed, record, field) when it is asked for, so that a
** million people cost little memory; only what writes change is kept.
** It knows nothing of SQLite and needs libmicrohttpd, zlib and threads.
**
** Options
**   --port N             (0: any)       --seed N            (1)
**   --people N           (1200)         --accounts N        (60)
**   --audiences N        (45)           --tags N            (30; a third for accounts)
**   --custom N           (14)           custom fields of people: one of every
**                                       type first, then around again
**   --account-custom N   (5)            --sparse PCT        share of missing values
**   --hostile            names and values that hurt
**   --no-archived        nobody is archived at the start
**   --key K              (sandbox-key)  --segment-key K     (psb-sandbox-segment-key)
**   --latency MS         (0)            pause before every answer
**   --rate N             (0: off)       429 beyond N requests in one second, at most 1000
**   --feed-limit         429 beyond one request a second to person/get/activities
**   --region-error       401 for everything, as in the wrong region
**   --gzip               compresses answers for clients that accept it
**   --date TEXT          the Date header; the word fake makes it the instance's clock
**   --until-eof          ends with the standard input
**
** The instance's clock starts at 2025-10-01T00:00:00Z and advances one second
** with every write request; no real time gets into the data. Cursors and request
** ids alone differ from run to run.
**
** Control calls (no key)
**   GET  /sandbox/requests[?brief][?full]   the log: JSON, or METHOD PATH STATUS lines
**   GET  /sandbox/count[?path=P]            number of requests since the last forget
**   POST /sandbox/forget                    empties the log
**   GET  /sandbox/stats                     requests, max_in_flight, max_per_second, bytes_out
**   POST /sandbox/fault                     {"kind":K, "path":prefix, "after":N, "times":M (-1 for ever), ...}
**   POST /sandbox/clear                     removes all faults
**   POST /sandbox/set                       {"latency_ms", "rate", "region_error", "snapshot"}
**   POST /sandbox/people, /sandbox/accounts {"add":n} {"remove":n,"from":"newest"}
**                                           {"edit":n,"step":k}
**                                           {"person"|"account":{"id"|"nth", "fields":{raw JSON}}}
**   POST /sandbox/field                     {"entity","id","name","display_type","values"} {"entity","remove":id}
**   GET  /sandbox/person?id=|email=|ei=     one person, whole; null if there is none
**   GET  /sandbox/account?id=|name=         one account
**   GET  /sandbox/people/count, /sandbox/accounts/count
**   GET  /sandbox/activities                activities created by requests
**   GET  /sandbox/segment[?lines]           items received by Segment's protocol, as sent
**   POST /sandbox/segment/forget            drops them
**   POST /sandbox/reset                     back to the start, log and faults too
**
** Kinds of faults, with their own members
**   status (status, body, headers, content_type)      429 (seconds, shape: number text header top)
**   reset            no answer, the connection is reset
**   reset_after      the same after the request took effect
**   truncate (chunked)   half the body, then the end of the connection
**   cut_json         a whole answer with half the JSON
**   not_json         a page of HTML            empty          no body
**   hang             no answer until the client goes or faults are cleared
**   drip (ms, bytes)     so many bytes at a time   latency (ms)
**   short_page (rows)    fewer rows than asked
**   forget_cursor    all cursors are dropped   fresh_cursor   every page names a new one
**   zero_cursor      cursor_id is all zeros    stuck_offset   next_offset does not grow
**   same_page        the rows of the page before
**   repeat_id (shift)    the last row of the page before comes once more, in front;
**                        with shift in place of the page's last row, and next_offset says so
**   missing (member)     no_meta               a member of the answer is left out
**   replace (body)   that text, status 200     redirect (location)
**   huge (mb, gzip)  so many megabytes of white space inside the JSON
**
** Contents: memory and text; chance; reading JSON; the instance; records;
** generated values; fields; activities, audiences, the initial state; calls;
** lists of records; faults; reading people and accounts; definitions; tags and
** audiences; the activity feed; finding records by value; checking what is
** written; merge; archive and the like; activities; custom fields;
** subscriptions; Segment's protocol; the log; control calls; routes; one
** request; the server; options.
*/
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <microhttpd.h>
#include <zlib.h>

/* ===== memory and text ================================================== */

#if defined(__GNUC__)
#define PRINTF_LIKE(a, b) __attribute__((format(printf, a, b)))
#define NO_RETURN __attribute__((noreturn))
#else
#define PRINTF_LIKE(a, b)
#define NO_RETURN
#endif

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static NO_RETURN PRINTF_LIKE(1, 2) void die(const char *format, ...) {
  va_list ap;
  va_start(ap, format);
  fputs("ortto_sandbox: ", stderr);
  vfprintf(stderr, format, ap);
  fputc('\n', stderr);
  va_end(ap);
  exit(2);
}

/* A sandbox without memory proves nothing, so it stops. */
static void *resize(void *p, size_t count, size_t size) {
  if (size && count > SIZE_MAX / size) die("out of memory");
  size_t n = count * size;
  void *q = realloc(p, n ? n : 1);
  if (!q) die("out of memory");
  return q;
}

static void *zeroed(size_t count, size_t size) {
  void *p = calloc(count ? count : 1, size);
  if (!p) die("out of memory");
  return p;
}

static char *copy_n(const char *s, size_t n) {
  char *p = resize(NULL, n + 1, 1);
  if (n) memcpy(p, s, n);
  p[n] = 0;
  return p;
}

static char *copy(const char *s) { return copy_n(s, strlen(s)); }

/* Makes room for one more element of an array; doubles, so appending is cheap. */
#define GROW(array, n, cap)                                                   \
  do {                                                                        \
    if ((n) == (cap)) {                                                       \
      (cap) = (cap) ? (cap) * 2 : 8;                                          \
      (array) = resize((array), (size_t)(cap), sizeof *(array));              \
    }                                                                         \
  } while (0)

typedef struct Buf {
  char *p;    /* not ended by a zero byte unless end() was called */
  size_t n;   /* bytes used */
  size_t cap; /* bytes there */
} Buf;

static void room(Buf *b, size_t more) {
  if (b->cap - b->n >= more) return;
  size_t cap = b->cap ? b->cap : 256;
  while (cap - b->n < more) {
    if (cap > SIZE_MAX / 2) die("out of memory");
    cap *= 2;
  }
  b->p = resize(b->p, cap, 1);
  b->cap = cap;
}

static void put(Buf *b, const char *s, size_t n) {
  if (!n) return;
  room(b, n);
  memcpy(b->p + b->n, s, n);
  b->n += n;
}

#define LIT(b, s) put((b), (s), sizeof(s) - 1)

static void puts_to(Buf *b, const char *s) { put(b, s, strlen(s)); }

static void putc_to(Buf *b, char c) {
  room(b, 1);
  b->p[b->n++] = c;
}

static char *end(Buf *b) {
  room(b, 1);
  b->p[b->n] = 0;
  return b->p;
}

static void drop(Buf *b) {
  free(b->p);
  *b = (Buf){0};
}

static void put_format_v(Buf *b, const char *format, va_list ap) {
  va_list again;
  va_copy(again, ap);
  int n = vsnprintf(NULL, 0, format, ap);
  if (n < 0) die("cannot format");
  room(b, (size_t)n + 1);
  vsnprintf(b->p + b->n, (size_t)n + 1, format, again);
  va_end(again);
  b->n += (size_t)n;
}

static PRINTF_LIKE(2, 3) void put_format(Buf *b, const char *format, ...) {
  va_list ap;
  va_start(ap, format);
  put_format_v(b, format, ap);
  va_end(ap);
}

static void put_u64(Buf *b, uint64_t v) {
  char t[20];
  size_t i = sizeof t;
  do {
    t[--i] = (char)('0' + v % 10);
    v /= 10;
  } while (v);
  put(b, t + i, sizeof t - i);
}

static void put_i64(Buf *b, int64_t v) {
  if (v < 0) putc_to(b, '-');
  put_u64(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

static void put_2(Buf *b, int v) {
  char t[2] = {(char)('0' + v / 10 % 10), (char)('0' + v % 10)};
  put(b, t, 2);
}

/* Days since 1970 to year, month, day; the year starts in March inside. */
static void civil(int64_t days, int *y, int *m, int *d) {
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

static int64_t days_of(int y, int m, int d) {
  int64_t yy = m <= 2 ? y - 1 : y;
  int64_t era = (yy >= 0 ? yy : yy - 399) / 400;
  int64_t yoe = yy - era * 400;
  int64_t doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
  int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
  return era * 146097 + doe - 719468;
}

/* 2025-10-01T00:00:00 without quotes and zone. */
static void put_stamp(Buf *b, int64_t t) {
  int y, m, d;
  int64_t days = t / 86400, rest = t % 86400;
  if (rest < 0) {
    rest += 86400;
    days--;
  }
  civil(days, &y, &m, &d);
  put_2(b, y / 100);
  put_2(b, y);
  putc_to(b, '-');
  put_2(b, m);
  putc_to(b, '-');
  put_2(b, d);
  putc_to(b, 'T');
  put_2(b, (int)(rest / 3600));
  putc_to(b, ':');
  put_2(b, (int)(rest / 60 % 60));
  putc_to(b, ':');
  put_2(b, (int)(rest % 60));
}

static void put_time(Buf *b, int64_t t) {
  putc_to(b, '"');
  put_stamp(b, t);
  LIT(b, "Z\"");
}

static void put_time_ms(Buf *b, int64_t t, int ms) {
  putc_to(b, '"');
  put_stamp(b, t);
  put_format(b, ".%03dZ\"", ms);
}

static void put_string(Buf *b, const char *s, size_t n) {
  putc_to(b, '"');
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)s[i];
    if (c == '"' || c == '\\') {
      putc_to(b, '\\');
      putc_to(b, (char)c);
    } else if (c == '\n') {
      LIT(b, "\\n");
    } else if (c < 0x20) {
      put_format(b, "\\u%04x", c);
    } else {
      putc_to(b, (char)c);
    }
  }
  putc_to(b, '"');
}

static void put_text(Buf *b, const char *s) { put_string(b, s, strlen(s)); }

/* ===== chance =========================================================== */

static uint64_t mix(uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9u;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

static uint64_t hash_bytes(const char *s, size_t n) {
  uint64_t h = 0xcbf29ce484222325u;
  for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)s[i]) * 0x100000001b3u;
  return mix(h);
}

static uint64_t hash_text(const char *s) { return hash_bytes(s, strlen(s)); }

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ===== reading JSON ===================================================== */

/* A strict reader that keeps the raw text of every value, because the tests
** must see numbers and escapes exactly as they were sent. */

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
struct Chunk {
  Chunk *next;
  size_t used;
  size_t size;
};

typedef struct Reader {
  const char *s;   /* next byte */
  const char *end; /* past the last byte */
  Chunk *chunks;   /* all nodes and keys live here */
  int depth;
} Reader;

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

static void reader_free(Reader *r) {
  while (r->chunks) {
    Chunk *c = r->chunks;
    r->chunks = c->next;
    free(c);
  }
}

static void skip_space(Reader *r) {
  while (r->s < r->end && (*r->s == ' ' || *r->s == '\t' || *r->s == '\n' || *r->s == '\r')) r->s++;
}

static int hex_digit(char c) {
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

/* Appends the text of the JSON string raw..raw+len; half surrogates become U+FFFD. */
static void put_decoded(Buf *b, const char *raw, size_t len) {
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

/* The whole text as one value, or NULL. The nodes point into the text. */
static Json *read_json(Reader *r, const char *s, size_t n) {
  *r = (Reader){s, s + n, NULL, 0};
  Json *v = read_value(r);
  skip_space(r);
  if (v && r->s == r->end) return v;
  reader_free(r);
  return NULL;
}

/* The last member of that name, as most readers of JSON take it. */
static Json *member(const Json *object, const char *name) {
  Json *found = NULL;
  size_t n = strlen(name);
  if (!object || object->type != J_OBJECT) return NULL;
  for (Json *v = object->child; v; v = v->next)
    if (v->keyLen == n && !memcmp(v->key, name, n)) found = v;
  return found;
}

/* Like member(), but a null counts as absent. */
static Json *given(const Json *object, const char *name) {
  Json *v = member(object, name);
  return v && v->type != J_NULL ? v : NULL;
}

static bool is_true(const Json *v) { return v && v->type == J_BOOL && v->raw[0] == 't'; }

static char *text_of(const Json *v) {
  Buf b = {0};
  if (v && v->type == J_STRING) put_decoded(&b, v->raw, v->len);
  else if (v) put(&b, v->raw, v->len);
  return end(&b);
}

static bool text_is(const Json *v, const char *s) {
  if (!v || v->type != J_STRING) return false;
  char *t = text_of(v);
  bool same = !strcmp(t, s);
  free(t);
  return same;
}

static size_t count_of(const Json *v) {
  size_t n = 0;
  for (const Json *c = v ? v->child : NULL; c; c = c->next) n++;
  return n;
}

static bool is_integer(const Json *v) {
  if (!v || v->type != J_NUMBER) return false;
  for (size_t i = 0; i < v->len; i++)
    if (v->raw[i] == '.' || v->raw[i] == 'e' || v->raw[i] == 'E') return false;
  return true;
}

/* The integer, or the default when v is absent or no int64. */
static int64_t integer_of(const Json *v, int64_t otherwise) {
  char t[24];
  if (!is_integer(v) || v->len >= sizeof t) return otherwise;
  memcpy(t, v->raw, v->len);
  t[v->len] = 0;
  errno = 0;
  long long n = strtoll(t, NULL, 10);
  return errno ? otherwise : n;
}

/* ===== the instance ===================================================== */

#define BASE_TIME 1759276800 /* 2025-10-01T00:00:00Z: the newest time in fresh data */
#define SPREAD (2 * 365 * 86400) /* the oldest record is two years older */
#define ZERO_ID "000000000000000000000000"

typedef struct Field Field;
typedef struct Entity Entity;

/* Appends the JSON value of field f of record i, or returns false for none. */
typedef bool (*Gen)(Buf *b, const Entity *en, uint32_t i, uint64_t h, const Field *f);

enum { K_NONE, K_STR, K_TXT, K_INT, K_BOL, K_DTZ, K_TME, K_GEO, K_PHN, K_SST, K_OBJ, K_IDT, K_IDS, K_TAGS };

enum {
  RO = 1,     /* read_only */
  HID = 2,    /* hidden */
  STATE = 4,  /* derived from the record's state, also for records made by writes */
  FIXED = 8,  /* never missing by chance, never hurtful */
  NOAC = 16   /* no_autocomplete */
};

struct Field {
  char *id;
  char *name;
  char *display;   /* display_type */
  char *liquid;    /* liquid_name */
  char **items;    /* choices of a select field */
  int nItems;
  int kind;        /* K_..., from the id's prefix */
  int flags;       /* RO and the others */
  bool custom;
  bool tracked;    /* tracked_value */
  bool removed;
  bool phantom;    /* made by a raw value, in no list */
  uint64_t salt;   /* from the id, so that values do not depend on other fields */
  Gen gen;         /* NULL: no value but what was written */
  int miss;        /* per cent of records without a value */
  int aux;         /* of the generator */
};

typedef struct Entry {
  const Field *field;
  char *raw; /* NULL: cleared */
  size_t len;
} Entry;

/* What is known of a record beyond what its index gives. */
typedef struct Overlay {
  Entry *entry;
  int nEntry, capEntry;
  char *customId;      /* a given id, or NULL */
  int64_t created;     /* 0: by index */
  int64_t edited;
  int64_t archived;
  int64_t restored;
  uint32_t *tags;      /* ids, ascending; only if hasTags */
  int nTags;
  int account;         /* index or -1; only if hasAccount */
  bool generated;      /* unset fields have generated values */
  bool hasTags;
  bool hasAccount;
} Overlay;

typedef struct Tag {
  char *name;
  const char *source; /* NULL for none */
  int64_t created;
} Tag;

enum { DELETED = 1, ARCHIVED = 2, UNLINKED = 4 };

struct Entity {
  const char *word;     /* people, accounts */
  int type;             /* 0 people, 1 accounts */
  uint64_t seed;
  uint32_t n, cap, n0;  /* records, room, records at the start */
  uint8_t *status;      /* DELETED | ARCHIVED | UNLINKED */
  Overlay **ov;
  Field **field;
  int nField, capField;
  int *slot;            /* hash table of field numbers + 1 by id */
  int nSlot;
  Tag *tag;             /* ids are 1, 2, ... */
  int nTag, capTag;
  int nTag0;            /* tags at the start */
  uint32_t active, archived;
  Field *created, *tagIds, *account;
};

typedef struct Audience {
  char id[25];
  char *name;
  int64_t created;
  int share;      /* one of so many people is a member; 0 nobody */
  bool archived;
  uint64_t salt;
} Audience;

/* One opt-in that a write changed. */
typedef struct OptIn {
  uint32_t person;
  int audience;
  bool subscribed, sms;
} OptIn;

typedef struct Act {
  char *id;
  char *name;
  char *json;      /* attributes as in the schema, or NULL */
} Act;

typedef struct Event {
  bool ofAccount;
  uint32_t record;
  bool known;         /* record is set */
  char *activity;
  char *attributes;   /* raw JSON */
  char *created;      /* as in the answer */
  char *key;          /* NULL if none */
  char *raw;          /* the activity as sent */
  int64_t at;
} Event;

typedef struct Item {
  char *path;
  char *raw;
} Item;

static struct {
  /* options */
  uint64_t seed;
  int port, people, accounts, audiences, tags, custom, accountCustom, sparse;
  bool hostile, untilEof, noArchived, gzip, feedLimit;
  const char *key, *segmentKey, *date;
  atomic_int latency, rate;
  atomic_bool regionError, snapshots, stop;
  /* data, under lock */
  pthread_rwlock_t lock;
  Entity people_, accounts_;
  Audience *audience;
  int nAudience, capAudience;
  OptIn *optIn;
  int nOptIn, capOptIn;
  Act *act;
  int nAct, capAct;
  Event *event;
  int nEvent, capEvent;
  Item *item;
  int nItem, capItem;
  int64_t clock;          /* advances one second per write */
  uint64_t version;       /* changes with every write */
} S = {.seed = 1, .people = 1200, .accounts = 60, .audiences = 45, .tags = 30, .custom = 14,
       .accountCustom = 5, .sparse = -1, .key = "sandbox-key",
       .segmentKey = "psb-sandbox-segment-key", .snapshots = true,
       .lock = PTHREAD_RWLOCK_INITIALIZER};

#define PEOPLE (&S.people_)
#define ACCOUNTS (&S.accounts_)

static uint64_t draw(const Entity *en, uint32_t i, uint64_t salt) {
  return mix(mix(en->seed + i * 0x9e3779b97f4a7c15u) ^ salt);
}

/* ===== records ========================================================== */

static int64_t created_of(const Entity *en, uint32_t i) {
  if (en->ov[i] && en->ov[i]->created) return en->ov[i]->created;
  uint64_t back = (uint64_t)(en->n0 - i) * SPREAD / (en->n0 ? en->n0 : 1);
  return BASE_TIME - (int64_t)back;
}

static int64_t edited_of(const Entity *en, uint32_t i) {
  if (en->ov[i] && en->ov[i]->edited) return en->ov[i]->edited;
  int64_t from = created_of(en, i);
  if (from >= BASE_TIME) return from;
  return from + (int64_t)(draw(en, i, 77) % (uint64_t)(BASE_TIME - from + 1));
}

/* Archived (or once archived and restored) from the start: 0 for never. */
static int64_t base_archived(const Entity *en, uint32_t i) {
  if (S.noArchived || i >= en->n0 || i % (en->type ? 20 : 40) != 7) return 0;
  return BASE_TIME - 86400 - (int64_t)(draw(en, i, 92) % (30 * 86400));
}

static bool base_restored(const Entity *en, uint32_t i) { return i / (en->type ? 20 : 40) % 3 == 2; }

static int64_t archived_of(const Entity *en, uint32_t i) {
  return en->ov[i] && en->ov[i]->archived ? en->ov[i]->archived : base_archived(en, i);
}

static int64_t restored_of(const Entity *en, uint32_t i) {
  if (en->ov[i] && en->ov[i]->restored) return en->ov[i]->restored;
  int64_t t = base_archived(en, i);
  return t && base_restored(en, i) ? t + 3600 : 0;
}

static bool is_active(const Entity *en, uint32_t i) { return !(en->status[i] & (DELETED | ARCHIVED)); }

static void set_status(Entity *en, uint32_t i, uint8_t bits) {
  bool was = is_active(en, i), wasArchived = (en->status[i] & (DELETED | ARCHIVED)) == ARCHIVED;
  en->status[i] = bits;
  bool now = is_active(en, i), nowArchived = (bits & (DELETED | ARCHIVED)) == ARCHIVED;
  en->active += (uint32_t)now - (uint32_t)was;
  en->archived += (uint32_t)nowArchived - (uint32_t)wasArchived;
}

/* An id is the type, the time of creation, and a serial number that can be read back. */
static void id_of(const Entity *en, uint32_t i, char id[25]) {
  if (en->ov[i] && en->ov[i]->customId) {
    memcpy(id, en->ov[i]->customId, 25);
    return;
  }
  static const char digit[] = "0123456789abcdef";
  uint64_t high = (uint64_t)(en->type ? 0x10 : 0) << 32 | (uint32_t)created_of(en, i);
  uint64_t low = (uint64_t)(en->seed >> 48) << 40 | ((uint64_t)i * 3 + 0x1100) << 8;
  for (int k = 9; k >= 0; k--, high >>= 4) id[k] = digit[high & 15];
  for (int k = 23; k >= 10; k--, low >>= 4) id[k] = digit[low & 15];
  id[24] = 0;
}

/* The index of a record by id (24 hex digits), or -1; deleted ones are not found. */
static int64_t find_id(const Entity *en, const char *given_) {
  char id[25], real[25];
  for (int k = 0; k < 24; k++) id[k] = (char)(given_[k] >= 'A' && given_[k] <= 'F' ? given_[k] + 32 : given_[k]);
  id[24] = 0;
  uint64_t serial = 0;
  for (int k = 14; k < 22; k++) serial = serial * 16 + (uint64_t)hex_digit(id[k]);
  uint64_t i = (serial - 0x1100) / 3;
  if (serial >= 0x1100 && i < en->n) {
    id_of(en, (uint32_t)i, real);
    if (!strcmp(id, real)) return en->status[i] & DELETED ? -1 : (int64_t)i;
  }
  for (uint32_t k = en->n0; k < en->n; k++)
    if (en->ov[k] && en->ov[k]->customId && !strcmp(en->ov[k]->customId, id) && !(en->status[k] & DELETED)) return k;
  return -1;
}

static Overlay *overlay(Entity *en, uint32_t i) {
  if (!en->ov[i]) {
    en->ov[i] = zeroed(1, sizeof(Overlay));
    en->ov[i]->generated = true;
  }
  return en->ov[i];
}

static void overlay_free(Overlay *ov) {
  if (!ov) return;
  for (int k = 0; k < ov->nEntry; k++) free(ov->entry[k].raw);
  free(ov->entry);
  free(ov->tags);
  free(ov->customId);
  free(ov);
}

static const Entry *entry_of(const Overlay *ov, const Field *f) {
  for (int k = 0; ov && k < ov->nEntry; k++)
    if (ov->entry[k].field == f) return &ov->entry[k];
  return NULL;
}

/* raw NULL clears the field. */
static void set_value(Entity *en, uint32_t i, const Field *f, const char *raw, size_t len) {
  Overlay *ov = overlay(en, i);
  char *text = raw ? copy_n(raw, len) : NULL;
  Entry *e = (Entry *)entry_of(ov, f);
  if (!e) {
    GROW(ov->entry, ov->nEntry, ov->capEntry);
    e = &ov->entry[ov->nEntry++];
    *e = (Entry){f, NULL, 0};
  }
  free(e->raw);
  e->raw = text;
  e->len = len;
}

/* A new record: generated values, or none but what is written to it. */
static uint32_t new_record(Entity *en, bool generated) {
  if (en->n == en->cap) {
    en->cap = en->cap ? en->cap * 2 : 1024;
    en->status = resize(en->status, en->cap, 1);
    en->ov = resize(en->ov, en->cap, sizeof *en->ov);
  }
  uint32_t i = en->n++;
  en->status[i] = 0;
  en->ov[i] = NULL;
  Overlay *ov = overlay(en, i);
  ov->generated = generated;
  ov->created = ov->edited = S.clock;
  en->active++;
  return i;
}

static int account_of(uint32_t i) {
  const Overlay *ov = PEOPLE->ov[i];
  int a = -1;
  if (ov && ov->hasAccount) {
    a = ov->account;
  } else if ((!ov || ov->generated) && ACCOUNTS->n0) {
    uint64_t h = draw(PEOPLE, i, 55);
    if (h % 10 < 7) a = (int)((h >> 8) % ACCOUNTS->n0);
    if (a >= 0 && ACCOUNTS->status[a] & UNLINKED) a = -1;
  }
  return a >= 0 && is_active(ACCOUNTS, (uint32_t)a) ? a : -1;
}

/* Writes up to three ids that belong to a fresh record, ascending. */
static int base_tags(const Entity *en, uint32_t i, uint32_t out[3]) {
  uint64_t h = draw(en, i, 66);
  int n = 0, want = en->nTag0 ? (int)(h % 4) : 0;
  for (int k = 0; k < want; k++) {
    uint32_t id = (uint32_t)((h >> (8 + 12 * k) & 0xfff) % (uint64_t)en->nTag0) + 1;
    int at = 0;
    while (at < n && out[at] < id) at++;
    if (at < n && out[at] == id) continue;
    for (int m = n; m > at; m--) out[m] = out[m - 1];
    out[at] = id;
    n++;
  }
  return n;
}

/* The record's tag ids: its own array, or spare filled. */
static const uint32_t *tags_of(const Entity *en, uint32_t i, uint32_t spare[3], int *n) {
  const Overlay *ov = en->ov[i];
  if (ov && ov->hasTags) {
    *n = ov->nTags;
    return ov->tags;
  }
  *n = ov && !ov->generated ? 0 : base_tags(en, i, spare);
  return spare;
}

/* ===== generated values ================================================= */

typedef struct Word {
  const char *text; /* as a person would have typed it, safe in JSON */
  const char *slug; /* for addresses */
} Word;

static const Word FIRST[] = {
    {"Anna", "anna"},     {"Zo\xc3\xab", "zoe"},   {"Jos\xc3\xa9", "jose"}, {"MARIA", "maria"},
    {"Liam", "liam"},     {"olivia", "olivia"},    {"Noah", "noah"},        {"Emma", "emma"},
    {" Tom", "tom"},      {"Ida ", "ida"},         {"Bj\xc3\xb8rn", "bjorn"}, {"\xc5\x81ukasz", "lukasz"},
    {"Chlo\xc3\xa9", "chloe"}, {"Ana Mar\xc3\xad" "a", "ana-maria"}, {"Jean-Luc", "jean-luc"}, {"Priya", "priya"},
    {"Mei", "mei"},       {"\xe6\x9d\x8e", "li"},  {"\xd0\x90\xd0\xbd\xd0\xbd\xd0\xb0", "anna-k"}, {"Omar", "omar"},
    {"Fatima", "fatima"}, {"George", "george"},    {"grace", "grace"},      {"Henry", "henry"},
    {"Isla", "isla"},     {"Jack", "jack"},        {"Kofi", "kofi"},        {"Leila", "leila"},
    {"Mateo", "mateo"},   {"Nina", "nina"},        {"Oscar", "oscar"},      {"Paula", "paula"},
    {"Quentin", "quentin"}, {"Ruth", "ruth"},      {"Sam", "sam"},          {"Tara", "tara"},
    {"Uma", "uma"},       {"Victor", "victor"},    {"Wendy", "wendy"},      {"Yusuf", "yusuf"}};

static const Word LAST[] = {
    {"Smith", "smith"},   {"Nguyen", "nguyen"},    {"O'Brien", "obrien"},   {"van der Berg", "vanderberg"},
    {"Garc\xc3\xad" "a", "garcia"}, {"M\xc3\xbcller", "muller"}, {"Jones", "jones"}, {"DUBOIS", "dubois"},
    {"Rossi", "rossi"},   {"Kowalski", "kowalski"}, {"Ivanova", "ivanova"}, {"Tanaka", "tanaka"},
    {"Singh", "singh"},   {"brown", "brown"},      {"Haugen", "haugen"},    {"Lindstr\xc3\xb6m", "lindstrom"},
    {"Okafor", "okafor"}, {"Silva", "silva"},      {"Novak", "novak"},      {"Taylor", "taylor"},
    {"Wilson ", "wilson"}, {"Martin", "martin"},   {"Lee", "lee"},          {"Murphy", "murphy"},
    {"Evans", "evans"},   {"Papadopoulos", "papadopoulos"}, {"S\xc3\xb8rensen", "sorensen"}, {"Costa", "costa"}};

typedef struct Place {
  const char *city, *region, *country;
  int cityId, regionId, countryId;
  const char *zone;   /* IANA */
  const char *code;   /* of the telephone */
  const char *postal; /* first digits */
} Place;

static const Place PLACE[] = {
    {"Melbourne", "Victoria", "Australia", 2158177, 2145234, 2077456, "Australia/Melbourne", "61", "30"},
    {"Sydney", "New South Wales", "Australia", 2147714, 2155400, 2077456, "Australia/Sydney", "61", "20"},
    {"Brisbane", "Queensland", "Australia", 2174003, 2152274, 2077456, "Australia/Brisbane", "61", "40"},
    {"Auckland", "Auckland", "New Zealand", 2193733, 2193734, 2186224, "Pacific/Auckland", "64", "10"},
    {"Oslo", "Oslo", "Norway", 3143244, 3143242, 3144096, "Europe/Oslo", "47", "01"},
    {"Troms\xc3\xb8", "Troms", "Norway", 3133895, 3133897, 3144096, "Europe/Oslo", "47", "90"},
    {"London", "England", "United Kingdom", 2643743, 6269131, 2635167, "Europe/London", "44", "SW"},
    {"Paris", "\xc3\x8ele-de-France", "France", 2988507, 3012874, 3017382, "Europe/Paris", "33", "75"},
    {"Lisbon", "Lisboa", "Portugal", 2267057, 2267056, 2264397, "Europe/Lisbon", "351", "10"},
    {"S\xc3\xa3o Paulo", "S\xc3\xa3o Paulo", "Brazil", 3448439, 3448433, 3469034, "America/Sao_Paulo", "55", "01"},
    {"Z\xc3\xbcrich", "Zurich", "Switzerland", 2657896, 2657895, 2658434, "Europe/Zurich", "41", "80"},
    {"New York", "New York", "United States", 5128581, 5128638, 6252001, "America/New_York", "1", "10"},
    {"Austin", "Texas", "United States", 4671654, 4736286, 6252001, "America/Chicago", "1", "78"},
    {"Toronto", "Ontario", "Canada", 6167865, 6093943, 6251999, "America/Toronto", "1", "M5"},
    {"Tokyo", "Tokyo", "Japan", 1850147, 1850144, 1861060, "Asia/Tokyo", "81", "10"},
    {"Nairobi", "Nairobi", "Kenya", 184745, 184742, 192950, "Africa/Nairobi", "254", "00"}};

static const char *const LANGUAGE[] = {"en", "en-AU", "de", "fr", "pt-BR", "no", "ja"};
static const char *const SOURCE[] = {"API", "CSV import", "Website", "Manual", "Widget"};
static const char *const UTM[] = {"newsletter", "spring-sale", "Brand", "retargeting", "partner_7"};
static const char *const BROWSER[] = {"Chrome", "Safari", "Firefox", "Edge"};
static const char *const INDUSTRY[] = {"Software", "Retail", "Health care", "Education", "Finance & banking", "retail"};
static const char *const VOCABULARY[] = {"blue", "Harbour", "quick", "north", "caf\xc3\xa9", "Window", "seven", "garden",
                                         "paper", "River", "stone", "OK", "light", "copper", "na\xc3\xafve", "summer"};

#define PICK(table, h) ((table)[(h) % COUNT(table)])

static const char *utm_of(uint64_t h) { return PICK(UTM, h); }
static const char *browser_of(uint64_t h) { return PICK(BROWSER, h); }
static const char *word_of(uint64_t h) { return PICK(VOCABULARY, h); }

/* The number of a place by its name: a known one's, else one made from the name. */
static uint64_t place_id(const char *name) {
  uint64_t id = hash_text(name) % 9000000 + 1000000;
  for (size_t k = 0; k < COUNT(PLACE); k++) {
    if (!strcmp(PLACE[k].city, name)) id = (uint64_t)PLACE[k].cityId;
    if (!strcmp(PLACE[k].country, name)) id = (uint64_t)PLACE[k].countryId;
  }
  return id;
}

/* The longest country code that a number begins with, or "". */
static const char *country_code(const char *number) {
  const char *code = "";
  for (size_t k = 0; k < COUNT(PLACE); k++) {
    size_t len = strlen(PLACE[k].code);
    if (!strncmp(number, PLACE[k].code, len) && len >= strlen(code)) code = PLACE[k].code;
  }
  return code;
}

static void put_quoted(Buf *b, const char *safe) {
  putc_to(b, '"');
  puts_to(b, safe);
  putc_to(b, '"');
}

static const Place *place_of(const Entity *en, uint32_t i) { return &PICK(PLACE, draw(en, i, 11)); }
static const Word *first_of(const Entity *en, uint32_t i) { return &PICK(FIRST, draw(en, i, 12)); }
static const Word *last_of(const Entity *en, uint32_t i) { return &PICK(LAST, draw(en, i, 13)); }

#define GEN(name) static bool name(Buf *b, const Entity *en, uint32_t i, uint64_t h, const Field *f)
#define UNUSED_GEN ((void)en, (void)i, (void)h, (void)f)

GEN(gen_first) { UNUSED_GEN; put_quoted(b, first_of(en, i)->text); return true; }
GEN(gen_last) { UNUSED_GEN; put_quoted(b, last_of(en, i)->text); return true; }

GEN(gen_name) {
  UNUSED_GEN;
  put_format(b, "\"%s %s\"", first_of(en, i)->text, last_of(en, i)->text);
  return true;
}

/* Nobody lacks both the address and the external id. */
static bool has_email(const Entity *en, uint32_t i) { return draw(en, i, 14) % 33 != 0; }

GEN(gen_email) {
  UNUSED_GEN;
  if (!has_email(en, i)) return false;
  size_t from = b->n + 1;
  putc_to(b, '"');
  puts_to(b, first_of(en, i)->slug);
  putc_to(b, '.');
  puts_to(b, last_of(en, i)->slug);
  putc_to(b, '.');
  put_u64(b, (uint64_t)i + 1);
  LIT(b, "@example.com\"");
  if (draw(en, i, 15) % 50 == 0) b->p[from] = (char)(b->p[from] - 32);
  return true;
}

GEN(gen_external) {
  UNUSED_GEN;
  if (has_email(en, i) && h % 100 < 30) return false;
  LIT(b, "\"ext-");
  put_u64(b, (uint64_t)i + 100001);
  putc_to(b, '"');
  return true;
}

GEN(gen_created) { UNUSED_GEN; put_time(b, created_of(en, i)); return true; }
GEN(gen_edited) { UNUSED_GEN; put_time(b, edited_of(en, i)); return true; }

GEN(gen_archived) {
  UNUSED_GEN;
  int64_t t = archived_of(en, i);
  if (t) put_time(b, t);
  return t != 0;
}

GEN(gen_restored) {
  UNUSED_GEN;
  int64_t t = restored_of(en, i);
  if (t) put_time(b, t);
  return t != 0;
}

GEN(gen_archive_source) {
  UNUSED_GEN;
  if (!archived_of(en, i)) return false;
  put_quoted(b, en->ov[i] && en->ov[i]->archived ? "API" : "Manual");
  return true;
}

/* A time between the record's creation and the base time; some with fractions. */
GEN(gen_seen) {
  UNUSED_GEN;
  int64_t from = created_of(en, i);
  if (from < BASE_TIME) from += (int64_t)((h >> 8) % (uint64_t)(BASE_TIME - from));
  if (h % 10 == 0) put_time_ms(b, from, (int)(h >> 5 & 511));
  else put_time(b, from);
  return true;
}

GEN(gen_time_first) { UNUSED_GEN; put_time(b, created_of(en, i) + (int64_t)(draw(en, i, (uint64_t)f->aux) % 86400)); return true; }

GEN(gen_time_last) {
  UNUSED_GEN;
  put_time(b, created_of(en, i) + (int64_t)(draw(en, i, (uint64_t)f->aux) % 86400) + (int64_t)(h >> 8) % 8640000);
  return true;
}

GEN(gen_time) { UNUSED_GEN; put_time(b, BASE_TIME - (int64_t)(h % (400 * 86400))); return true; }
GEN(gen_bool) { UNUSED_GEN; puts_to(b, h >> 7 & 1 ? "true" : "false"); return true; }
GEN(gen_rarely_true) { UNUSED_GEN; puts_to(b, (h >> 7) % 20 ? "false" : "true"); return true; }

static bool subscribed_base(const Entity *en, uint32_t i) { return draw(en, i, 16) % 5 != 0; }
GEN(gen_permission) { UNUSED_GEN; puts_to(b, subscribed_base(en, i) ? "true" : "false"); return true; }

static void put_place(Buf *b, int id, const char *name) {
  LIT(b, "{\"id\":");
  put_i64(b, id);
  LIT(b, ",\"name\":\"");
  puts_to(b, name);
  LIT(b, "\"}");
}

GEN(gen_city) { UNUSED_GEN; const Place *p = place_of(en, i); put_place(b, p->cityId, p->city); return true; }
GEN(gen_region) { UNUSED_GEN; const Place *p = place_of(en, i); put_place(b, p->regionId, p->region); return true; }
GEN(gen_country) { UNUSED_GEN; const Place *p = place_of(en, i); put_place(b, p->countryId, p->country); return true; }
GEN(gen_zone) { UNUSED_GEN; put_quoted(b, place_of(en, i)->zone); return true; }

GEN(gen_place) {
  UNUSED_GEN;
  const Place *p = place_of(en, i);
  put_format(b, "{\"id\":%d,\"name\":\"%s, %s, %s\"}", p->cityId, p->city, p->region, p->country);
  return true;
}

GEN(gen_postal) {
  UNUSED_GEN;
  putc_to(b, '"');
  puts_to(b, place_of(en, i)->postal);
  put_u64(b, 10 + h % 90);
  putc_to(b, '"');
  return true;
}

GEN(gen_phone) {
  UNUSED_GEN;
  LIT(b, "{\"c\":\"");
  puts_to(b, place_of(en, i)->code);
  LIT(b, "\",\"n\":\"");
  put_u64(b, 400000000 + h % 99999999);
  LIT(b, "\"}");
  return true;
}

static void put_date(Buf *b, int y, int m, int d, const char *zone) {
  LIT(b, "{\"year\":");
  put_i64(b, y);
  LIT(b, ",\"month\":");
  put_i64(b, m);
  LIT(b, ",\"day\":");
  put_i64(b, d);
  LIT(b, ",\"timezone\":\"");
  puts_to(b, zone);
  LIT(b, "\"}");
}

GEN(gen_birthday) {
  UNUSED_GEN;
  int y, m, d;
  civil(-9131 + (int64_t)(h % 22000), &y, &m, &d);
  put_date(b, y, m, d, place_of(en, i)->zone);
  return true;
}

GEN(gen_date) {
  UNUSED_GEN;
  int y, m, d;
  civil(19000 + (int64_t)(h % 3000), &y, &m, &d);
  put_date(b, y, m, d, h >> 40 & 1 ? "UTC" : "Australia/Sydney");
  return true;
}

GEN(gen_engagement) { UNUSED_GEN; put_i64(b, (int64_t)(h % 6) * 10); return true; }

/* Cents, as thousandths; some zero, some equal, few below zero. */
GEN(gen_money) {
  UNUSED_GEN;
  int64_t v = (int64_t)(h >> 8) % 5000000 * 10;
  if (h % 8 == 0) v = 0;
  if (h % 8 == 1) v = 49000;
  if (h % 64 == 2) v = -v;
  put_i64(b, v);
  return true;
}

GEN(gen_decimal) {
  UNUSED_GEN;
  int64_t v = (int64_t)(h >> 8) % 100000;
  put_i64(b, h % 4 == 0 ? v / 500 * 500 : h % 64 == 1 ? -v : v);
  return true;
}

GEN(gen_integer) {
  UNUSED_GEN;
  int64_t v = (int64_t)(h >> 8) % 500;
  if (h % 100 == 0) v = INT64_C(9007199254740993) + (int64_t)(h >> 8 & 0xff);
  if (h % 100 == 1) v = -v;
  put_i64(b, v);
  return true;
}

GEN(gen_employees) { UNUSED_GEN; put_i64(b, 1 + (int64_t)(h % 12) * (int64_t)(h % 12) * 7); return true; }
GEN(gen_language) { UNUSED_GEN; put_quoted(b, PICK(LANGUAGE, h)); return true; }
GEN(gen_source) { UNUSED_GEN; put_quoted(b, PICK(SOURCE, h)); return true; }
GEN(gen_utm) { UNUSED_GEN; put_quoted(b, PICK(UTM, h)); return true; }
GEN(gen_browser) { UNUSED_GEN; put_quoted(b, PICK(BROWSER, h)); return true; }
GEN(gen_industry) { UNUSED_GEN; put_quoted(b, PICK(INDUSTRY, h)); return true; }
GEN(gen_context) { UNUSED_GEN; put_quoted(b, h & 1 ? "Subscribed via API" : "Subscribed via form"); return true; }
GEN(gen_url) { UNUSED_GEN; put_format(b, "\"https://www.example.com/%s?utm_source=%s\"", PICK(UTM, h >> 8), PICK(UTM, h)); return true; }

GEN(gen_text) {
  UNUSED_GEN;
  putc_to(b, '"');
  for (uint64_t k = 0, n = 1 + h % 3; k < n; k++) {
    if (k) putc_to(b, ' ');
    puts_to(b, PICK(VOCABULARY, h >> (8 + 8 * k)));
  }
  putc_to(b, '"');
  return true;
}

GEN(gen_large) {
  UNUSED_GEN;
  putc_to(b, '"');
  for (uint64_t k = 0, n = 10 + h % 60; k < n; k++) {
    puts_to(b, PICK(VOCABULARY, mix(h + k)));
    puts_to(b, k % 12 == 11 ? ".\\n" : " ");
  }
  LIT(b, "end.\"");
  return true;
}

GEN(gen_select) {
  UNUSED_GEN;
  if (!f->nItems) return false;
  put_text(b, f->items[h % (uint64_t)f->nItems]);
  return true;
}

GEN(gen_multi) {
  UNUSED_GEN;
  if (!f->nItems) return false;
  uint64_t set = h % ((UINT64_C(1) << (f->nItems > 20 ? 20 : f->nItems)) - 1) + 1;
  char glue = '[';
  for (int k = 0; k < f->nItems && k < 20; k++) {
    if (!(set >> k & 1)) continue;
    putc_to(b, glue);
    put_text(b, f->items[k]);
    glue = ',';
  }
  putc_to(b, ']');
  return true;
}

GEN(gen_object) {
  UNUSED_GEN;
  put_format(b, "{\"plan\":\"%s\",\"seats\":%u,\"nested\":{\"list\":[1,2.5,null,true],\"note\":\"%s\"}}", PICK(UTM, h),
             (unsigned)(h >> 8) % 50, PICK(VOCABULARY, h >> 16));
  return true;
}

GEN(gen_account) {
  UNUSED_GEN;
  char id[25];
  int a = account_of(i);
  if (a < 0) return false;
  id_of(ACCOUNTS, (uint32_t)a, id);
  put_quoted(b, id);
  return true;
}

GEN(gen_tag_ids) {
  UNUSED_GEN;
  uint32_t spare[3];
  int n;
  const uint32_t *tag = tags_of(en, i, spare, &n);
  for (int k = 0; k < n; k++) {
    putc_to(b, k ? ',' : '[');
    put_u64(b, tag[k]);
  }
  if (n) putc_to(b, ']');
  return n > 0;
}

GEN(gen_tag_names) {
  UNUSED_GEN;
  uint32_t spare[3];
  int n;
  const uint32_t *tag = tags_of(en, i, spare, &n);
  for (int k = 0; k < n; k++) {
    putc_to(b, k ? ',' : '[');
    put_text(b, en->tag[tag[k] - 1].name);
  }
  if (n) putc_to(b, ']');
  return n > 0;
}

GEN(gen_account_name) {
  UNUSED_GEN;
  static const char *const form[] = {"Ltd", "GmbH", "Inc.", "AS", "& Sons", "Pty Ltd"};
  put_format(b, "\"%s %s %u\"", PICK(VOCABULARY, h), PICK(form, h >> 8), (unsigned)i + 1);
  return true;
}

GEN(gen_website) { UNUSED_GEN; put_format(b, "\"https://company%u.example.com\"", (unsigned)i + 1); return true; }
GEN(gen_address) { UNUSED_GEN; put_format(b, "\"%u %s Street\"", (unsigned)(h % 200) + 1, PICK(VOCABULARY, h >> 8)); return true; }

/* The people of all accounts, for ids:o:p: rebuilt after a write, under cacheLock. */
static pthread_mutex_t cacheLock = PTHREAD_MUTEX_INITIALIZER;
static struct {
  uint64_t version;
  uint32_t *start;  /* per account, one more at the end */
  uint32_t *person;
} links;

static void forget_links(void) {
  free(links.start);
  free(links.person);
  links.start = links.person = NULL;
}

static void build_links(void) {
  if (links.start && links.version == S.version) return;
  uint32_t *start = zeroed(ACCOUNTS->n + 2, sizeof *start);
  for (uint32_t i = 0; i < PEOPLE->n; i++) {
    int a = is_active(PEOPLE, i) ? account_of(i) : -1;
    if (a >= 0) start[a + 2]++;
  }
  for (uint32_t a = 2; a < ACCOUNTS->n + 2; a++) start[a] += start[a - 1];
  uint32_t *person = resize(NULL, PEOPLE->n, sizeof *person);
  for (uint32_t i = 0; i < PEOPLE->n; i++) {
    int a = is_active(PEOPLE, i) ? account_of(i) : -1;
    if (a >= 0) person[start[a + 1]++] = i;
  }
  free(links.start);
  free(links.person);
  links.start = start;
  links.person = person;
  links.version = S.version;
}

GEN(gen_people) {
  UNUSED_GEN;
  char id[25];
  pthread_mutex_lock(&cacheLock);
  build_links();
  uint32_t from = links.start[i], to = links.start[i + 1];
  if (to - from > 3000) to = from + 3000;
  for (uint32_t k = from; k < to; k++) {
    id_of(PEOPLE, links.person[k], id);
    putc_to(b, k == from ? '[' : ',');
    put_quoted(b, id);
  }
  pthread_mutex_unlock(&cacheLock);
  if (to > from) putc_to(b, ']');
  return to > from;
}

/* ----- values that hurt ----- */

static const char *const BAD_STR[] = {
    "\"a\\u0000b\"", "\"\"", "\"\\ud800\"", "\"x\\udc00y\"", "\"{\\\"a\\\":1}\"", "\"[1,2]\"", "\"<b>bold</b> &amp; <script>\"",
    "12", "-0.5", "true", "null", "[\"x\"]", "{\"k\":\"v\"}", "\"'; DROP TABLE people; --\"", "\"\\ud83d\\ude00 \xf0\x9f\x98\x80\"",
    "\" leading and trailing \"", "\"line\\nbreak\\ttab\\u0001\"", "\"null\"", "\"0012\"", "\"1e5\"", "\"\xe2\x80\xae right\""};
static const char *const BAD_INT[] = {"9007199254740993", "9223372036854775807", "-9223372036854775808", "0", "-1", "-0", "12500", "\"12\"",
    "\"abc\"", "\"\"", "12.5", "0.001", "1e3", "1E400", "18446744073709551616", "true", "null", "[]", "{}", "9007199254740991999"};
static const char *const BAD_BOL[] = {"\"true\"", "\"no\"", "0", "1", "2", "{}", "[true]", "null", "\"\""};
static const char *const BAD_DTZ[] = {"{\"year\":2025,\"month\":13,\"day\":45,\"timezone\":\"UTC\"}", "[1990,5,17]", "\"1990-05-17\"",
    "{\"year\":99999,\"month\":1,\"day\":1}", "{\"day\":1}", "{\"year\":\"1990\",\"month\":\"05\",\"day\":\"17\"}", "19900517", "null", "\"\"",
    "{\"year\":-5,\"month\":2,\"day\":30,\"timezone\":null}", "{\"year\":0,\"month\":0,\"day\":0,\"timezone\":\"\"}", "{}",
    "{\"year\":1990.5,\"month\":5,\"day\":17}", "{\"year\":1990,\"month\":5,\"day\":17,\"timezone\":\"Mars/Base\",\"extra\":1}"};
static const char *const BAD_TME[] = {"\"0001-01-01T00:00:00Z\"", "\"2025-11-04T19:10:31.123456789Z\"", "\"2025-11-04T19:10:31+02:00\"",
    "\"9999-12-31T23:59:59Z\"", "1762283431", "\"not a time\"", "{}", "\"\"", "null", "\"2025-11-04\"", "true"};
static const char *const BAD_PHN[] = {"\"+61401234567\"", "{\"c\":61,\"n\":401234567}", "{\"n\":\"401234567\"}", "{\"c\":\"61\"}", "{}", "\"\"",
    "{\"c\":\"+61\",\"n\":\"0401 234 567\"}", "61401234567", "null", "[]", "{\"c\":\"61\",\"n\":\"401234567\",\"iso\":\"AU\"}"};
static const char *const BAD_GEO[] = {"\"Melbourne\"", "{\"id\":\"abc\",\"name\":null}", "{\"name\":\"X\\u0000Y\"}", "{\"id\":1}", "5", "[]", "{}",
    "{\"id\":9007199254740993,\"name\":\"\"}", "null", "{\"name\":7}", "{\"id\":2,\"name\":\"Troms\xc3\xb8\",\"lat\":69.6}"};
static const char *const BAD_SST[] = {"\"one\"", "[1,2,null]", "{}", "[\"a\",\"a\"]", "[]", "[\"\",\"\\u0000\",\"\\ud800\"]", "null", "7",
    "[[\"nested\"]]", "[\"a,b\",\"c\\\"d\"]"};
static const char *const BAD_OBJ[] = {"\"text\"", "true", "[]", "{\"\":1,\"a\":{\"b\":[[[]]]}}", "{}", "null", "12345678901234567890",
    "{\"k\":1,\"k\":2}", "{\"u\":\"\\ud800\"}"};

static void put_bad(Buf *b, int kind, uint64_t h) {
  const char *s;
  switch (kind) {
    case K_INT: s = PICK(BAD_INT, h); break;
    case K_BOL: s = PICK(BAD_BOL, h); break;
    case K_DTZ: s = PICK(BAD_DTZ, h); break;
    case K_TME: s = PICK(BAD_TME, h); break;
    case K_PHN: s = PICK(BAD_PHN, h); break;
    case K_GEO: s = PICK(BAD_GEO, h); break;
    case K_SST: case K_TAGS: case K_IDS: s = PICK(BAD_SST, h); break;
    case K_OBJ: s = PICK(BAD_OBJ, h); break;
    default: s = PICK(BAD_STR, h);
  }
  if ((kind == K_STR || kind == K_TXT) && h % 23 == 0) {
    putc_to(b, '"');
    for (int k = 0; k < 4000; k++) putc_to(b, (char)('a' + k % 26));
    putc_to(b, '"');
    return;
  }
  puts_to(b, s);
}

/* Appends the value of f of record i as JSON; false if it has none. */
static bool value(Buf *b, const Entity *en, uint32_t i, const Field *f) {
  const Overlay *ov = en->ov[i];
  const Entry *e = entry_of(ov, f);
  if (e) {
    if (e->raw) put(b, e->raw, e->len);
    return e->raw != NULL;
  }
  if (!f->gen) return false;
  uint64_t h = draw(en, i, f->salt);
  if (f->flags & STATE) return f->gen(b, en, i, h, f);
  if (ov && !ov->generated) return false;
  if (!(f->flags & FIXED)) {
    if ((int)(h >> 56) * 100 / 256 < f->miss) return false;
    if (S.hostile && (h >> 32) % 23 == 0) {
      put_bad(b, f->kind, mix(h));
      return true;
    }
  }
  return f->gen(b, en, i, h >> 3, f);
}

/* ===== fields =========================================================== */

typedef struct Row {
  const char *id, *name, *display;
  int flags;
  Gen gen;
  int miss;
} Row;

static const Row PERSON_FIELDS[] = {
    {"a", "Archived", "time", RO | STATE, gen_archived, 0},
    {"bol::gdpr", "GDPR", "bool", 0, gen_rarely_true, 10},
    {"bol::hb", "Hard bounced", "bool", RO | HID, NULL, 0},
    {"bol::p", "Email permission", "bool", FIXED, gen_permission, 0},
    {"bol::sp", "SMS permission", "bool", 0, gen_bool, 0},
    {"c", "Created", "time", RO | STATE, gen_created, 0},
    {"dtz::b", "Birthday", "date", 0, gen_birthday, 18},
    {"e", "Edited", "time", RO | STATE, gen_edited, 0},
    {"f", "First seen", "time", RO, gen_seen, 10},
    {"geo::city", "City", "geo", 0, gen_city, 15},
    {"geo::country", "Country", "geo", 0, gen_country, 12},
    {"geo::ll", "Last location", "geo", RO, gen_place, 40},
    {"geo::ll-cnt", "Last country", "geo", RO, gen_country, 40},
    {"geo::ll-cty", "Last city", "geo", RO, gen_city, 40},
    {"geo::ll-r", "Last region", "geo", RO, gen_region, 40},
    {"geo::region", "Region", "geo", 0, gen_region, 20},
    {"idt::o", "Account", "id", RO | STATE, gen_account, 0},
    {"idt::pe_", "Last sticky field", "id", RO | HID, NULL, 0},
    {"int::e", "Engagement", "engagement", RO, gen_engagement, 12},
    {"int::ta", "Total attributed", "currency", RO, gen_money, 30},
    {"int::v", "Total spent", "currency", RO, gen_money, 15},
    {"l", "Last seen", "time", RO, gen_seen, 10},
    {"o", "SMS subscribe date", "time", RO, gen_seen, 60},
    {"phn::phone", "Phone number", "phone", 0, gen_phone, 20},
    {"proximity::loc", "Proximity", "proximity", RO, NULL, 0},
    {"r", "Restored", "time", RO | STATE, gen_restored, 0},
    {"s", "Email subscribe date", "time", RO, gen_seen, 15},
    {"str::as", "Archive source", "text", RO | STATE, gen_archive_source, 0},
    {"str::ei", "External ID", "text", FIXED, gen_external, 0},
    {"str::email", "Email", "email", FIXED | NOAC, gen_email, 0},
    {"str::first", "First name", "text", NOAC, gen_first, 8},
    {"str::is", "Initial source", "text", RO, gen_source, 10},
    {"str::iu", "Initial URL", "text", RO, gen_url, 50},
    {"str::iuc", "Initial UTM campaign content", "text", 0, gen_utm, 60},
    {"str::ium", "Initial UTM campaign medium", "text", 0, gen_utm, 60},
    {"str::iun", "Initial UTM campaign name", "text", 0, gen_utm, 60},
    {"str::ius", "Initial UTM campaign source", "text", 0, gen_utm, 60},
    {"str::iut", "Initial UTM campaign term", "text", 0, gen_utm, 60},
    {"str::language", "Language", "single_select", 0, gen_language, 15},
    {"str::last", "Last name", "text", NOAC, gen_last, 10},
    {"str::lb", "Last browser", "text", RO, gen_browser, 40},
    {"str::lt", "Last timezone", "single_select", 0, gen_zone, 20},
    {"str::name", "Name", "text", 0, gen_name, 12},
    {"str::postal", "Postal code", "text", 0, gen_postal, 18},
    {"str::s-ctx", "Email subscribe context", "text", 0, gen_context, 30},
    {"str::soi-ctx", "SMS subscribe context", "text", 0, gen_context, 70},
    {"str::soo-ctx", "SMS unsubscribe context", "text", RO, NULL, 0},
    {"str::su", "Subscribed via URL", "url", RO, gen_url, 60},
    {"str::u-ctx", "Email unsubscribe context", "text", RO, NULL, 0},
    {"tme::c_", "Is in campaign", "campaign_member", HID, NULL, 0},
    {"tme::ct", "Current time", "text", RO, NULL, 0},
    {"tme::ds_", "Data source", "text_dictionary", HID, NULL, 0},
    {"tme::hnlc_", "Has not left campaign", "campaign_member", HID, NULL, 0},
    {"tme::hnsc_", "Has not started campaign", "campaign_member", HID, NULL, 0},
    {"tme::l_", "Left audience", "audience_member", HID, NULL, 0},
    {"tme::lj_", "Last journey", "campaign_member", HID, NULL, 0},
    {"tme::llc_", "Has left campaign", "campaign_member", HID, NULL, 0},
    {"tme::lp_", "Last playbook", "campaign_member", HID, NULL, 0},
    {"tme::m_", "Member of audience", "audience_member", HID, NULL, 0},
    {"tme::oo_", "Subscriber of SMS audience", "audience_member", HID, NULL, 0},
    {"tme::s_", "Subscriber of audience", "audience_subscriber", HID, NULL, 0},
    {"tme::sa", "Suppressed at", "time", RO, gen_time, 95},
    {"tme::sc_", "Has started campaign", "campaign_member", HID, NULL, 0},
    {"tme::soo", "SMS unsubscribe date", "time", RO, gen_time, 90},
    {"tme::u_", "Unsubscriber of audiences", "audience_subscriber", HID, NULL, 0},
    {"tme::ua", "Unsuppressed at", "time", RO, gen_time, 97},
    {"u", "Email unsubscribe date", "time", RO, gen_time, 85},
    {"u4s::t", "Tag", "tags", RO | STATE, gen_tag_ids, 0},
    {"int:sh:orders", "Orders", "integer", RO, gen_integer, 30},
    {"int:sh:total", "Store total", "currency", RO, gen_money, 30},
    {"str:sh:last-order", "Last order name", "text", RO, gen_text, 40},
    {"tme:sh:last-order-date", "Last order date", "time", RO, gen_time, 40},
    {"bol:sh:accepts", "Accepts marketing", "bool", RO, gen_bool, 20},
    {"str:sh:unused", "Never filled", "text", RO, NULL, 0}};

static const Row ACCOUNT_FIELDS[] = {
    {"geo:o:city", "City", "geo", 0, gen_city, 15},
    {"geo:o:country", "Country", "geo", 0, gen_country, 10},
    {"geo:o:ll", "Last location", "geo", RO, gen_place, 50},
    {"geo:o:ll-cnt", "Last country", "geo", RO, gen_country, 50},
    {"geo:o:ll-cty", "Last city", "geo", RO, gen_city, 50},
    {"geo:o:ll-r", "Last region", "geo", RO, gen_region, 50},
    {"geo:o:region", "Region", "geo", 0, gen_region, 25},
    {"ids:o:p", "People", "people", RO | STATE, gen_people, 0},
    {"int:o:e", "Engagement", "engagement", RO, gen_engagement, 15},
    {"int:o:employees", "Employees", "integer", 0, gen_employees, 15},
    {"oc", "Created", "time", RO | STATE, gen_created, 0},
    {"oe", "Edited", "time", RO | STATE, gen_edited, 0},
    {"of", "First seen", "time", RO, gen_seen, 15},
    {"ol", "Last seen", "time", RO, gen_seen, 15},
    {"str:o:address", "Address", "text", 0, gen_address, 20},
    {"str:o:as", "Archive source", "text", HID | STATE, gen_archive_source, 0},
    {"str:o:industry", "Industry", "text", 0, gen_industry, 15},
    {"str:o:lt", "Last timezone", "single_select", 0, gen_zone, 25},
    {"str:o:name", "Name", "text", FIXED | NOAC, gen_account_name, 0},
    {"str:o:owner", "Owner", "text", 0, gen_name, 30},
    {"str:o:postal", "Postal code", "text", 0, gen_postal, 20},
    {"str:o:source", "Initial source", "text", 0, gen_source, 15},
    {"str:o:website", "Website", "link", 0, gen_website, 20},
    {"tme:o:ds_", "Datasource prefix", "time", HID, NULL, 0},
    {"u4s:o:t", "Tag", "tags", STATE, gen_tag_ids, 0}};

typedef struct CustomType {
  const char *type, *prefix, *display, *name;
  Gen gen;
} CustomType;

/* What custom-field/create takes; the first thirteen are also the order of --custom. */
static const CustomType CUSTOM[] = {
    {"text", "str", "text", "Job Title", gen_text},
    {"large_text", "txt", "large_text", "Notes", gen_large},
    {"integer", "int", "integer", "Seats", gen_integer},
    {"decimal", "int", "decimal", "Rating", gen_decimal},
    {"currency", "int", "currency", "Plan Value", gen_money},
    {"date", "dtz", "date", "Renewal Date", gen_date},
    {"time", "tme", "time", "Last Demo", gen_time},
    {"bool", "bol", "bool", "Is VIP", gen_bool},
    {"phone", "phn", "phone", "Work Phone", gen_phone},
    {"single_select", "str", "single_select", "Plan", gen_select},
    {"multi_select", "sst", "multi_select", "Interests", gen_multi},
    {"link", "str", "link", "Profile Page", gen_url},
    {"object", "obj", "object", "Preferences", gen_object},
    {"price", "int", "currency", "Price", gen_money},
    {"email", "str", "email", "Second Email", gen_text},
    {"text_list", "sst", "text_list", "Words", gen_multi}};   /* of activity attributes only */

#define CUSTOM_CYCLE 13

static const char *const CHOICES[] = {"Free", "Basic", "Pro", "Business \\ \"Plus\"", "Caf\xc3\xa9"};

static int kind_of(const char *id) {
  static const struct { const char *prefix; int kind; } map[] = {
      {"str:", K_STR}, {"txt:", K_TXT}, {"int:", K_INT}, {"bol:", K_BOL}, {"dtz:", K_DTZ}, {"tme:", K_TME}, {"geo:", K_GEO},
      {"phn:", K_PHN}, {"sst:", K_SST}, {"obj:", K_OBJ}, {"idt:", K_IDT}, {"ids:", K_IDS}, {"u4s:", K_TAGS}};
  if (!strcmp(id, "tags")) return K_TAGS;
  if (!strchr(id, ':')) return K_TME;
  for (size_t k = 0; k < COUNT(map); k++)
    if (!strncmp(id, map[k].prefix, 4)) return map[k].kind;
  return K_NONE;
}

/* Lower case, every run of other characters a dash: the name part of a new id. */
static char *kebab(const char *name) {
  Buf b = {0};
  for (const char *s = name; *s; s++) {
    unsigned char c = (unsigned char)*s;
    if (c >= 'A' && c <= 'Z') c = (unsigned char)(c + 32);
    bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c >= 0x80;
    if (word) putc_to(&b, (char)c);
    else if (b.n && b.p[b.n - 1] != '-') putc_to(&b, '-');
  }
  while (b.n && b.p[b.n - 1] == '-') b.n--;
  return end(&b);
}

static char *joined(const char *a, const char *b, const char *c) {
  Buf t = {0};
  puts_to(&t, a);
  puts_to(&t, b);
  puts_to(&t, c);
  return end(&t);
}

static void index_fields(Entity *en) {
  free(en->slot);
  en->nSlot = 64;
  while (en->nSlot < en->nField * 3) en->nSlot *= 2;
  en->slot = zeroed((size_t)en->nSlot, sizeof *en->slot);
  for (int k = 0; k < en->nField; k++) {
    if (en->field[k]->removed) continue;
    uint64_t at = hash_text(en->field[k]->id);
    while (en->slot[at & (uint64_t)(en->nSlot - 1)]) at++;
    en->slot[at & (uint64_t)(en->nSlot - 1)] = k + 1;
  }
}

static Field *field_n(const Entity *en, const char *id, size_t n) {
  for (uint64_t at = hash_bytes(id, n);; at++) {
    int k = en->slot[at & (uint64_t)(en->nSlot - 1)];
    if (!k) return NULL;
    Field *f = en->field[k - 1];
    if (strlen(f->id) == n && !memcmp(f->id, id, n)) return f;
  }
}

static Field *field_by(const Entity *en, const char *id) { return field_n(en, id, strlen(id)); }

static Field *add_field(Entity *en, const char *id, const char *name, const char *display) {
  Field *f = zeroed(1, sizeof *f);
  const char *colon = strrchr(id, ':');
  f->custom = strstr(id, en->type ? ":oc:" : ":cm:") != NULL;
  char *tail = f->custom ? copy(colon + 1) : kebab(name);
  f->id = copy(id);
  f->name = copy(name);
  f->display = copy(display);
  f->liquid = joined(en->type ? "account." : "people.", f->custom ? "custom." : "", tail);
  free(tail);
  f->kind = kind_of(id);
  f->salt = hash_text(id);
  f->tracked = strcmp(display, "multi_select") && strcmp(display, "single_select");
  GROW(en->field, en->nField, en->capField);
  en->field[en->nField++] = f;
  index_fields(en);
  return f;
}

static void set_items(Field *f, const char *const *items, int n) {
  for (int k = 0; k < f->nItems; k++) free(f->items[k]);
  f->items = resize(f->items, (size_t)n, sizeof *f->items);
  f->nItems = n;
  for (int k = 0; k < n; k++) f->items[k] = copy(items[k]);
}

static void free_field(Field *f) {
  for (int k = 0; k < f->nItems; k++) free(f->items[k]);
  free(f->items);
  free(f->id);
  free(f->name);
  free(f->display);
  free(f->liquid);
  free(f);
}

static void add_rows(Entity *en, const Row *row, size_t n) {
  for (size_t k = 0; k < n; k++) {
    Field *f = add_field(en, row[k].id, row[k].name, row[k].display);
    f->flags = row[k].flags;
    f->gen = row[k].gen;
    f->miss = S.sparse >= 0 ? S.sparse : row[k].miss;
  }
}

static void add_builtin_fields(Entity *en) {
  if (en->type) add_rows(en, ACCOUNT_FIELDS, COUNT(ACCOUNT_FIELDS));
  else add_rows(en, PERSON_FIELDS, COUNT(PERSON_FIELDS));
}

static const CustomType *custom_type(const char *type) {
  for (size_t k = 0; k < COUNT(CUSTOM); k++)
    if (!strcmp(CUSTOM[k].type, type)) return &CUSTOM[k];
  return NULL;
}

static Field *add_custom(Entity *en, const CustomType *t, const char *name, bool filled) {
  char *tail = kebab(name);
  char *space = joined(t->prefix, en->type ? ":oc:" : ":cm:", tail);
  Field *f = add_field(en, space, name, t->display);
  free(tail);
  free(space);
  if (filled) {
    f->gen = t->gen;
    f->miss = S.sparse >= 0 ? S.sparse : 14;
  }
  return f;
}

static void add_customs(Entity *en, int n) {
  char name[64];
  for (int k = 0; k < n; k++) {
    const CustomType *t = &CUSTOM[k % CUSTOM_CYCLE];
    if (k < CUSTOM_CYCLE) snprintf(name, sizeof name, "%s", t->name);
    else snprintf(name, sizeof name, "%s %d", t->name, k / CUSTOM_CYCLE + 1);
    Field *f = add_custom(en, t, name, true);
    if (strstr(t->type, "select")) set_items(f, CHOICES, COUNT(CHOICES));
  }
}

static void add_hostile_fields(Entity *en) {
  static const char *const person[][2] = {
      {"str:cm:select", "select"}, {"str:cm:order", "order"}, {"str:cm:id", "id"}, {"str:cm:email", "email"},
      {"int:cm:filter", "filter"}, {"str:cm:sort", "Sort"}, {"str:cm:it's \"x\"", "it's \"x\""}, {"str:cm:\xf0\x9f\x99\x82", "\xf0\x9f\x99\x82"},
      {"str:cm:---", "---"}, {"str:cm:!!!", "!!!"}, {"str:cm:score", "Score"}, {"int:cm:score", "score"},
      {"str:cm:\xd0\xb3\xd0\xbe\xd1\x80\xd0\xbe\xd0\xb4", "\xd0\x93\xd0\xbe\xd1\x80\xd0\xbe\xd0\xb4"}, {"bol:cm:tags", "tags"},
      {"dtz:cm:birthday", "Birthday"}, {"str:cm:First-Name", "First  Name"}};
  static const char *const account[][2] = {
      {"str:oc:name", "name"}, {"str:oc:select", "select"}, {"str:oc:score", "Score"}, {"int:oc:score", "score"}, {"str:oc:id", "id"}};
  size_t n = en->type ? COUNT(account) : COUNT(person);
  for (size_t k = 0; k < n; k++) {
    const char *const *row = en->type ? account[k] : person[k];
    int kind = kind_of(row[0]);
    Field *f = add_field(en, row[0], row[1], kind == K_INT ? "integer" : kind == K_BOL ? "bool" : kind == K_DTZ ? "date" : "text");
    f->gen = kind == K_INT ? gen_integer : kind == K_BOL ? gen_bool : kind == K_DTZ ? gen_date : gen_text;
    f->miss = S.sparse >= 0 ? S.sparse : 10;
  }
}

/* ===== activities, audiences, the initial state ========================= */

static const char *const ACTS[][2] = {
    {"act::a", "Attributed"}, {"act::aclk", "Ad clicked"}, {"act::afs", "Article feedback submitted"},
    {"act::aid", "AI decision"}, {"act::apa", "Attempted playbook action"}, {"act::as", "App session"},
    {"act::aus", "App user session"}, {"act::b", "Bounced email"}, {"act::bs", "Bounced SMS"},
    {"act::c", "Clicked email"}, {"act::cos", "Confirmed SMS"}, {"act::cs", "Clicked SMS"},
    {"act::cw", "Clicked widget"}, {"act::d", "Deferred email"}, {"act::des", "Deferred SMS"},
    {"act::ds", "Delivered SMS"}, {"act::dw", "Dismissed widget"}, {"act::ej", "Started journey"},
    {"act::enter-audience", "Entered audience"}, {"act::ep", "Entered playbook"}, {"act::es", "Email suppressed"},
    {"act::eu", "Email unsuppressed"}, {"act::f", "Forwarded email"}, {"act::fja", "Failed journey action"},
    {"act::fpa", "Failed playbook action"}, {"act::i", "Invalid email"}, {"act::is", "Invalid SMS"},
    {"act::iw", "Invalid widget"}, {"act::leave-audience", "Left audience"}, {"act::lj", "Left journey"},
    {"act::lp", "Left playbook"}, {"act::lpc", "Landing page clicked"}, {"act::lpsf", "Landing page form submitted"},
    {"act::lpv", "Landing page viewed"}, {"act::o", "Opened email"}, {"act::ois-a", "Subscribed to SMS audience"},
    {"act::oos-a", "Unsubscribed from SMS audience"}, {"act::oos-all", "Unsubscribed from SMS"},
    {"act::qw", "Qualified for widget"}, {"act::r", "Received email"}, {"act::ras", "Rated SMS"},
    {"act::rdc", "Redeemed discount"}, {"act::re", "Replied to email"}, {"act::res", "Reacted to SMS"},
    {"act::ros-all", "Subscribed to SMS"}, {"act::rs", "Replied to SMS"}, {"act::rt", "Reacted to email"},
    {"act::rtns", "Responded to SMS NPS"}, {"act::rtss", "Responded to SMS survey"}, {"act::rw", "Reacted to widget"},
    {"act::rws", "Responded to widget survey"}, {"act::s", "Sent email"}, {"act::s-a", "Subscribed to email audience"},
    {"act::s-ab", "Abuse reported"}, {"act::s-all", "Subscribed to email"}, {"act::scf", "SMS consent failed"},
    {"act::scr", "SMS consent requested"}, {"act::sf", "Submitted SMS form"}, {"act::sja", "Successful journey action"},
    {"act::spa", "Successful playbook action"}, {"act::ss", "Sent SMS"}, {"act::ss-ab", "SMS abuse reported"},
    {"act::sw", "Shown widget"}, {"act::swf", "Submitted widget form"}, {"act::swnps", "Submitted NPS"},
    {"act::sww", "Spun widget wheel"}, {"act::ta", "Tag added"}, {"act::tr", "Tag removed"},
    {"act::u-a", "Unsubscribed from email audience"}, {"act::u-all", "Unsubscribed from email"},
    {"act::uaclk", "User Ad clicked"}, {"act::us", "User session"}, {"act::v", "Viewed email online"},
    {"act::ws", "Website session"}, {"act::wwv", "Watched widget video"}
};

/* The activities whose first and last times are fields with values. */
static const char *const TIMED[] = {"act::c", "act::o", "act::r", "act::s", "act::ws", "act::enter-audience",
                                    "act::s-all", "act::u-all", "act::b", "act::ta", "act::as", "act::lpv"};

typedef struct Attribute {
  const char *act, *id, *name, *display;
  bool hidden;
} Attribute;

static const Attribute ATTRIBUTES[] = {
    {"act::c", "idt::oi", "Object ID", "id", true},
    {"act::c", "idt::c", "Campaign ID", "text", false},
    {"act::c", "str::cn", "Campaign name", "text_dictionary", false},
    {"act::c", "str::c", "URL clicked", "url", false},
    {"act::c", "str::b", "Browser", "text", false},
    {"act::o", "idt::oi", "Object ID", "id", true},
    {"act::o", "str::cn", "Campaign name", "text_dictionary", false},
    {"act::o", "str::s", "Subject", "text_dictionary", false},
    {"act::o", "geo::country", "Country", "geo", false},
    {"act::enter-audience", "idt::a", "Id", "text", true},
    {"act::enter-audience", "str::name", "Name", "text_dictionary", false},
    {"act::enter-audience", "str::icon-id", "Icon-id", "text", true},
    {"act::ws", "str::pu", "Page URL", "url", false},
    {"act::ws", "int::dm", "Duration in minutes", "decimal", false},
    {"act::ta", "str::tn", "Tag name", "text", false},
    {"act:cm:flight-booked", "int::v", "Value", "currency", false},
    {"act:cm:flight-booked", "str:cm:carrier", "Carrier", "text", false},
    {"act:cm:flight-booked", "int:cm:bags", "Bags", "integer", false},
    {"act:cm:flight-booked", "int:cm:distance", "Distance", "decimal", false},
    {"act:cm:flight-booked", "dtz:cm:departure", "Departure", "date", false},
    {"act:cm:flight-booked", "tme:cm:boarding", "Boarding", "time", false},
    {"act:cm:flight-booked", "bol:cm:window-seat", "Window seat", "bool", false},
    {"act:cm:flight-booked", "obj:cm:extras", "Extras", "object", false},
    {"act:cm:song-played", "str:cm:title", "Title", "text", false},
    {"act:oc:contract-signed", "int:oc:amount", "Amount", "currency", false},
    {"act:oc:contract-signed", "str:oc:kind", "Kind", "text", false},
    {"act:sh:order-placed", "str:sh:number", "Order number", "text", false},
    {"act:sh:order-placed", "int:sh:amount", "Amount", "currency", false}};

static char *attributes_of(const char *act, const char *name) {
  Buf b = {0};
  char *slug = kebab(name);
  bool custom = strstr(act, ":cm:") || strstr(act, ":oc:");
  for (size_t k = 0; k < COUNT(ATTRIBUTES); k++) {
    const Attribute *a = &ATTRIBUTES[k];
    if (strcmp(a->act, act)) continue;
    char *tail = kebab(a->name);
    put_format(&b, "%s{\"id\":\"%s\",\"name\":\"%s\",\"display_type\":\"%s\"%s,\"liquid_name\":\"activity.%s%s.%s\"}", b.n ? "," : "[",
               a->id, a->name, a->display, a->hidden ? ",\"hidden\":true" : "", custom ? "custom." : "", slug, tail);
    free(tail);
  }
  free(slug);
  if (!b.n) return NULL;
  putc_to(&b, ']');
  return end(&b);
}

/* Takes over json. */
static void add_act(const char *id, const char *name, char *json) {
  GROW(S.act, S.nAct, S.capAct);
  Act *a = &S.act[S.nAct++];
  a->id = copy(id);
  a->name = copy(name);
  a->json = json;
}

static Act *act_by(const char *id) {
  for (int k = 0; k < S.nAct; k++)
    if (!strcmp(S.act[k].id, id)) return &S.act[k];
  return NULL;
}

/* tme::x!f and tme::x!l of one activity. */
static void add_timed(const char *act) {
  static const char *const suffix[] = {"!f", "!l"}, *const word[] = {" first occurred", " last occurred"};
  const Act *a = act_by(act);
  for (int k = 0; k < 2; k++) {
    char *id = joined("tme", act + 3, suffix[k]), *name = joined(a->name, word[k], "");
    Field *f = add_field(PEOPLE, id, name, "time");
    f->flags = RO;
    f->gen = k ? gen_time_last : gen_time_first;
    f->miss = S.sparse >= 0 ? S.sparse : 40;
    f->aux = (int)(hash_text(act) & 0xffffff);
    f->salt = hash_text(act);
    free(id);
    free(name);
  }
}

static void add_acts(void) {
  for (size_t k = 0; k < COUNT(ACTS); k++) add_act(ACTS[k][0], ACTS[k][1], attributes_of(ACTS[k][0], ACTS[k][1]));
  for (size_t k = 0; k < COUNT(TIMED); k++) add_timed(TIMED[k]);
  add_act("act:cm:flight-booked", "Flight Booked", attributes_of("act:cm:flight-booked", "Flight Booked"));
  add_act("act:cm:song-played", "Song Played", attributes_of("act:cm:song-played", "Song Played"));
  add_act("act:oc:contract-signed", "Contract Signed", attributes_of("act:oc:contract-signed", "Contract Signed"));
  add_act("act:sh:order-placed", "Order Placed", attributes_of("act:sh:order-placed", "Order Placed"));
}

static int add_audience(const char *name, int64_t created, int share, bool archived) {
  GROW(S.audience, S.nAudience, S.capAudience);
  Audience *a = &S.audience[S.nAudience];
  *a = (Audience){.name = copy(name), .created = created, .share = share, .archived = archived};
  a->salt = mix(S.seed + (uint64_t)S.nAudience * 31 + 7);
  snprintf(a->id, sizeof a->id, "%08x%016" PRIx64, (unsigned)created, mix(a->salt) | 1);
  return S.nAudience++;
}

/* Newest first; the last two of the list have the same name. */
static void add_audiences(void) {
  static const char *const word[] = {"Subscribers", "Engaged", "Trial", "Lapsed", "VIP & friends", "Nordics", "caf\xc3\xa9 lovers"};
  char name[64];
  for (int k = 0; k < S.audiences; k++) {
    if (k >= S.audiences - 2 && S.audiences > 2) snprintf(name, sizeof name, "Twins");
    else if (k < (int)COUNT(word)) snprintf(name, sizeof name, "%s", word[k]);
    else snprintf(name, sizeof name, "%s %d", word[k % (int)COUNT(word)], k / (int)COUNT(word) + 1);
    add_audience(name, BASE_TIME - 3600 - (int64_t)k * 7200, k + 2, false);
  }
  for (int k = 0; k < 3 && S.audiences; k++) {
    snprintf(name, sizeof name, "Old audience %d", k + 1);
    add_audience(name, BASE_TIME - 90 * 86400 - k, 50 + k, true);
  }
}

static int add_tag(Entity *en, const char *name, const char *source, int64_t created) {
  GROW(en->tag, en->nTag, en->capTag);
  en->tag[en->nTag++] = (Tag){copy(name), source, created};
  return en->nTag;
}

static int tag_by(const Entity *en, const char *name) {
  for (int k = 0; k < en->nTag; k++)
    if (!strcmp(en->tag[k].name, name)) return k + 1;
  return 0;
}

static void add_tags(Entity *en, int n) {
  static const char *const word[] = {"My team", "customer", "Newsletter", "vip", "churn risk", "Event 2025"};
  static const char *const source[] = {NULL, "csv", "api", "manual", "zapier"};
  char name[400];
  for (int k = 0; k < n; k++) {
    if (k < (int)COUNT(word)) snprintf(name, sizeof name, "%s%s", word[k], en->type ? " (account)" : "");
    else snprintf(name, sizeof name, "%s %d", word[k % (int)COUNT(word)], k / (int)COUNT(word) + 1);
    if (S.hostile && k == 2) snprintf(name, sizeof name, "quote \" and \\ and 'x', comma");
    if (S.hostile && k == 3) snprintf(name, sizeof name, "%0300d", 7);
    if (S.hostile && k == 4) snprintf(name, sizeof name, "\xf0\x9f\x8f\xb7 \xd1\x82\xd0\xb5\xd0\xb3");
    add_tag(en, name, source[k % 5], BASE_TIME - 86400 * (int64_t)(k + 1));
  }
  en->nTag0 = en->nTag;
}

static void fill_entity(Entity *en, int type, int n) {
  en->word = type ? "accounts" : "people";
  en->type = type;
  en->seed = mix(S.seed * 2 + (uint64_t)type + 0x5eed);
  en->n = en->n0 = en->cap = (uint32_t)n;
  en->status = zeroed((size_t)n, 1);
  en->ov = zeroed((size_t)n, sizeof *en->ov);
  add_builtin_fields(en);
  add_customs(en, type ? S.accountCustom : S.custom);
  if (S.hostile) add_hostile_fields(en);
  if (!type) {
    Field *f = add_field(en, "tags", "Tags", "tags");
    f->flags = STATE | HID;
    f->phantom = true;
    f->gen = gen_tag_names;
  }
  en->account = type ? NULL : field_by(en, "idt::o");
  add_tags(en, type ? S.tags / 3 : S.tags);
  en->active = en->n;
  for (uint32_t i = 0; i < en->n; i++)
    if (base_archived(en, i) && !base_restored(en, i)) set_status(en, i, ARCHIVED);
}

static void free_entity(Entity *en) {
  for (uint32_t i = 0; i < en->n; i++) overlay_free(en->ov[i]);
  for (int k = 0; k < en->nField; k++) free_field(en->field[k]);
  for (int k = 0; k < en->nTag; k++) free(en->tag[k].name);
  free(en->ov);
  free(en->status);
  free(en->field);
  free(en->slot);
  free(en->tag);
  *en = (Entity){0};
}

static void free_event(Event *e) {
  free(e->activity);
  free(e->attributes);
  free(e->created);
  free(e->key);
  free(e->raw);
}

static void free_state(void) {
  free_entity(PEOPLE);
  free_entity(ACCOUNTS);
  for (int k = 0; k < S.nAudience; k++) free(S.audience[k].name);
  for (int k = 0; k < S.nAct; k++) {
    free(S.act[k].id);
    free(S.act[k].name);
    free(S.act[k].json);
  }
  for (int k = 0; k < S.nEvent; k++) free_event(&S.event[k]);
  for (int k = 0; k < S.nItem; k++) {
    free(S.item[k].path);
    free(S.item[k].raw);
  }
  S.nAudience = S.nAct = S.nEvent = S.nItem = S.nOptIn = 0;
}

static void end_state(void) {
  free_state();
  free(S.audience);
  free(S.optIn);
  free(S.act);
  free(S.event);
  free(S.item);
}

static void fill_state(void) {
  S.clock = BASE_TIME;
  S.version++;
  fill_entity(ACCOUNTS, 1, S.accounts);
  fill_entity(PEOPLE, 0, S.people);
  add_acts();
  add_audiences();
}

/* ===== calls ============================================================ */

typedef struct Fault Fault;

typedef struct Call {
  const char *method;
  const char *path;
  struct MHD_Connection *connection;
  Json *in;          /* the request's body, or NULL */
  Reader reader;
  char *body;        /* as sent */
  size_t nBody;
  Entity *en;        /* of the route */
  bool old;          /* /v1/organizations/ spelling */
  Buf out;           /* the answer's body */
  int status;
  int retryAfter;    /* seconds for the header, or 0 */
  Fault *fault[16];  /* those that hit this call */
  int nFault;
  uint64_t n;        /* number in the log */
} Call;

static atomic_uint_fast64_t serial;

static void put_request_id(Buf *b) {
  uint64_t a = mix((uint64_t)now_ns() ^ mix(serial++)), c = mix(a);
  put_format(b, "{\"request_id\":\"%08x-%04x-4%03x-a%03x-%012" PRIx64 "\"", (unsigned)(a >> 32), (unsigned)(a >> 16 & 0xffff),
             (unsigned)(a & 0xfff), (unsigned)(c >> 52), c & UINT64_C(0xffffffffffff));
}

/* Ends the call with Ortto's body for an error; returns the status. */
static PRINTF_LIKE(3, 4) int fail(Call *c, int status, const char *format, ...) {
  Buf text = {0};
  va_list ap;
  va_start(ap, format);
  put_format_v(&text, format, ap);
  va_end(ap);
  c->out.n = 0;
  put_request_id(&c->out);
  put_format(&c->out, ",\"code\":%d,\"error\":", status);
  put_string(&c->out, text.p, text.n);
  LIT(&c->out, "}\n");
  drop(&text);
  return status;
}

static int invalid(Call *c) { return fail(c, 400, "One or more attributes is invalid"); }

/* 0, or the 400 that an ill-formed id gets. */
static int check_id(Call *c, const Json *v) {
  if (v->type != J_STRING) return fail(c, 400, "sandbox: Failed to parse request cannot unmarshal into an ID: Object not found");
  char *id = text_of(v);
  size_t n = strlen(id);
  bool hex = true;
  for (size_t k = 0; k < n; k++) hex = hex && hex_digit(id[k]) >= 0;
  free(id);
  if (n != 12 && n != 24)
    return fail(c, 400,
                "sandbox: Failed to parse request cannot unmarshal into an ID, the length must be 12 or 24 + 2 for hex but it is %zu: "
                "Object not found",
                n + 2);
  if (n == 24 && !hex) return fail(c, 400, "sandbox: Failed to parse request encoding/hex: invalid byte: Object not found");
  return 0;
}

/* The record of a checked id, or -1. */
static int64_t record_of(const Entity *en, const Json *v) {
  char *id = text_of(v);
  int64_t i = strlen(id) == 24 ? find_id(en, id) : -1;
  free(id);
  return i;
}

/* Members of the wrong JSON type fail to parse, as in any typed server. */
static int check_type(Call *c, const char *name, int type) {
  const Json *v = given(c->in, name);
  if (!v || v->type == type) return 0;
  return fail(c, 400, "sandbox: Failed to parse request json: cannot unmarshal value into member %s: Invalid value", name);
}

static int check_types(Call *c, const char *const *names, const int *types, int n) {
  for (int k = 0; k < n; k++) {
    int bad = check_type(c, names[k], types[k]);
    if (bad) return bad;
  }
  return 0;
}

/* ===== lists of records ================================================= */

typedef struct List {
  atomic_int refs;
  uint32_t n;
  uint32_t *index;
} List;

static List *list_new(uint32_t room_) {
  List *l = zeroed(1, sizeof *l);
  l->refs = 1;
  l->index = resize(NULL, room_, sizeof *l->index);
  return l;
}

static List *list_ref(List *l) {
  l->refs++;
  return l;
}

static void list_unref(List *l) {
  if (!l || --l->refs) return;
  free(l->index);
  free(l);
}

/* Newest first: all active or all archived records. Shared until the next write. */
static struct {
  uint64_t version;
  List *list;
} whole[2][2];

static List *whole_list(const Entity *en, bool archived) {
  pthread_mutex_lock(&cacheLock);
  List *l = whole[en->type][archived].list;
  if (!l || whole[en->type][archived].version != S.version) {
    list_unref(l);
    l = list_new(archived ? en->archived : en->active);
    for (uint32_t i = en->n; i-- > 0;)
      if ((en->status[i] & (DELETED | ARCHIVED)) == (archived ? ARCHIVED : 0)) l->index[l->n++] = i;
    whole[en->type][archived].list = l;
    whole[en->type][archived].version = S.version;
  }
  list_ref(l);
  pthread_mutex_unlock(&cacheLock);
  return l;
}

static void forget_lists(void) {
  for (int k = 0; k < 4; k++) {
    list_unref(whole[k / 2][k % 2].list);
    whole[k / 2][k % 2].list = NULL;
  }
}

/* ----- values as text, for filters, search and sorting ----- */

/* The decoded text of one field of one record, remembered: an $or of a hundred
** conditions on one field reads its value once. */
typedef struct Cell {
  const Field *field;
  int64_t record;
  bool has;
  Buf raw, text;
} Cell;

static void cell_read(Cell *c, const Entity *en, uint32_t i, const Field *f) {
  if (c->field == f && c->record == i) return;
  c->field = f;
  c->record = i;
  c->raw.n = c->text.n = 0;
  c->has = value(&c->raw, en, i, f) && !(c->raw.n == 4 && !memcmp(c->raw.p, "null", 4));
  if (!c->has) return;
  if (f->kind == K_GEO && c->raw.p[0] == '{') {
    Reader r;
    Json *v = read_json(&r, c->raw.p, c->raw.n);
    char *name = text_of(member(v, "name"));
    puts_to(&c->text, name);
    free(name);
    reader_free(&r);
  } else if (c->raw.p[0] == '"') {
    put_decoded(&c->text, c->raw.p, c->raw.n);
  } else {
    put(&c->text, c->raw.p, c->raw.n);
  }
}

static void cell_free(Cell *c) {
  drop(&c->raw);
  drop(&c->text);
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

static bool contains(const char *s, size_t n, const char *part, size_t k) {
  for (size_t at = 0; at + k <= n; at++) {
    size_t m = 0;
    while (m < k && lower(s[at + m]) == lower(part[m])) m++;
    if (m == k) return true;
  }
  return false;
}

/* ----- filters ----- */

typedef enum { OP_AND, OP_OR, OP_STR_IS, OP_CONTAINS, OP_ANY, OP_NONE, OP_TAG_IS, OP_BOOL_IS, OP_INT_GREATER } Op;

typedef struct Filter Filter;
struct Filter {
  Op op;
  const Field *field;
  char *text;
  size_t n;
  double number;
  Filter *child, *next;
};

static const struct {
  const char *name;
  Op op;
} OPS[] = {{"$and", OP_AND}, {"$or", OP_OR}, {"$str::is", OP_STR_IS}, {"$str::contains", OP_CONTAINS},
           {"$has_any_value", OP_ANY}, {"$has_no_value", OP_NONE}, {"$u4s::is", OP_TAG_IS}, {"$bol::is", OP_BOOL_IS},
           {"$int::greater_than", OP_INT_GREATER}};

static void filter_free(Filter *f) {
  while (f) {
    Filter *next = f->next;
    filter_free(f->child);
    free(f->text);
    free(f);
    f = next;
  }
}

/* Appends why the filter cannot be decoded; deeper reasons come first, as recorded. */
static bool decode_filter(const Entity *en, const Json *v, Filter **out, Buf *why);

static bool decode_group(const Entity *en, const Json *op, Filter *f, Buf *why) {
  Filter **tail = &f->child;
  if (op->type != J_ARRAY) return put_format(why, "%s: Invalid value", op->key), false;
  for (const Json *v = op->child; v; v = v->next) {
    if (!decode_filter(en, v, tail, why)) {
      Buf inner = *why;
      *why = (Buf){0};
      put_format(why, "Failed to decode filter %s body %.*s: ", op->key, (int)op->len, op->raw);
      put(why, inner.p, inner.n);
      LIT(why, " (Invalid value)");
      drop(&inner);
      return false;
    }
    tail = &(*tail)->next;
  }
  return true;
}

/* Text conditions on what is not text, presence of what cannot be filtered: refused. */
static bool suits(Op op, const Field *f) {
  switch (op) {
    case OP_STR_IS: return f->kind == K_STR || f->kind == K_GEO;
    case OP_CONTAINS: return f->kind == K_STR;
    case OP_TAG_IS: return f->kind == K_TAGS && strcmp(f->id, "tags");
    case OP_BOOL_IS: return f->kind == K_BOL;
    case OP_INT_GREATER: return f->kind == K_INT;
    default: return f->kind != K_TXT && f->kind != K_OBJ && !f->phantom;
  }
}

static bool decode_condition(const Entity *en, const Json *op, Filter *f, Buf *why) {
  const Json *id = given(op, "field_id"), *v = member(op, "value");
  char *name = text_of(id);
  f->field = id && id->type == J_STRING ? field_by(en, name) : NULL;
  if (!f->field) {
    put_format(why, "Failed to decode filter %s: %s: Object not found", op->key, name);
  } else if (!suits(f->op, f->field)) {
    put_format(why, "Failed to decode filter %s: %s cannot be filtered so (Invalid value)", op->key, name);
    f->field = NULL;
  }
  free(name);
  if (!f->field) return false;
  if (f->op == OP_ANY || f->op == OP_NONE) return true;
  bool text = f->op == OP_STR_IS || f->op == OP_CONTAINS;
  int want = text ? J_STRING : f->op == OP_BOOL_IS ? J_BOOL : J_NUMBER;
  if (!v || v->type != want) return put_format(why, "Failed to decode filter %s body %.*s (Invalid value)", op->key, (int)op->len, op->raw), false;
  Buf b = {0};
  if (text) put_decoded(&b, v->raw, v->len);
  else put(&b, v->raw, v->len);
  f->n = b.n;
  f->text = end(&b);
  f->number = strtod(f->text, NULL);
  return true;
}

static bool decode_filter(const Entity *en, const Json *v, Filter **out, Buf *why) {
  if (v->type != J_OBJECT || count_of(v) != 1) return put_format(why, "filter must be an object with one operation (Invalid value)"), false;
  const Json *op = v->child;
  for (size_t k = 0; k < COUNT(OPS); k++) {
    if (strcmp(op->key, OPS[k].name)) continue;
    Filter *f = *out = zeroed(1, sizeof *f);
    f->op = OPS[k].op;
    return f->op <= OP_OR ? decode_group(en, op, f, why) : decode_condition(en, op, f, why);
  }
  put_format(why, "Unknown operation %s: %.*s (Invalid value)", op->key, (int)op->len, op->raw);
  return false;
}

static bool has_tag(const Entity *en, uint32_t i, uint32_t id) {
  uint32_t spare[3];
  int n;
  const uint32_t *tag = tags_of(en, i, spare, &n);
  for (int k = 0; k < n; k++)
    if (tag[k] == id) return true;
  return false;
}

static bool passes(const Filter *f, const Entity *en, uint32_t i, Cell *c) {
  if (f->op <= OP_OR) {
    for (const Filter *k = f->child; k; k = k->next)
      if (passes(k, en, i, c) != (f->op == OP_AND)) return f->op == OP_OR;
    return f->op == OP_AND;
  }
  if (f->op == OP_TAG_IS) return has_tag(en, i, (uint32_t)f->number);
  cell_read(c, en, i, f->field);
  switch (f->op) {
    case OP_ANY: return c->has;
    case OP_NONE: return !c->has;
    case OP_CONTAINS: return c->has && contains(c->text.p, c->text.n, f->text, f->n);
    case OP_INT_GREATER: return c->has && strtod(end(&c->text), NULL) > f->number;
    default: return c->has && c->text.n == f->n && (!f->n || !memcmp(c->text.p, f->text, f->n));
  }
}

/* ----- sorting ----- */

typedef struct Key {
  uint32_t record;
  uint32_t n;
  size_t at;      /* of the text, in the arena */
  double number;
  bool has, isNumber;
} Key;

typedef struct Sorting {
  const char *text;
  bool descending;
} Sorting;

static Sorting sorting; /* qsort takes no context; guarded by sortLock */
static pthread_mutex_t sortLock = PTHREAD_MUTEX_INITIALIZER;

static int compare_text(const Key *a, const Key *b) {
  const char *s = sorting.text + a->at, *t = sorting.text + b->at;
  uint32_t n = a->n < b->n ? a->n : b->n;
  for (uint32_t k = 0; k < n; k++) {
    unsigned char x = (unsigned char)lower(s[k]), y = (unsigned char)lower(t[k]);
    if (x != y) return x < y ? -1 : 1;
  }
  return a->n < b->n ? -1 : a->n > b->n;
}

/* Numbers before texts, missing values last, ties by age in the chosen direction. */
static int compare_keys(const void *x, const void *y) {
  const Key *a = x, *b = y;
  if (a->has != b->has) return a->has ? -1 : 1;
  int d = 0;
  if (a->has && a->isNumber != b->isNumber) return a->isNumber ? -1 : 1;
  if (a->has && a->isNumber) d = a->number < b->number ? -1 : a->number > b->number;
  else if (a->has) d = compare_text(a, b);
  if (!d) d = a->record < b->record ? -1 : 1;
  return sorting.descending ? -d : d;
}

/* A date as one number that sorts by the day; false if it is not shaped as one. */
static bool day_number(const Buf *raw, double *number) {
  Reader r;
  const Json *v = read_json(&r, raw->p, raw->n);
  if (!v) return false;
  bool ok = is_integer(member(v, "year")) && is_integer(member(v, "month")) && is_integer(member(v, "day"));
  *number = (double)integer_of(member(v, "year"), 0) * 10000 + (double)integer_of(member(v, "month"), 0) * 100 +
            (double)integer_of(member(v, "day"), 0);
  reader_free(&r);
  return ok;
}

static void sort_list(const Entity *en, List *l, const Field *f, bool descending) {
  Key *key = resize(NULL, l->n, sizeof *key);
  Buf arena = {0};
  Cell c = {.record = -1};
  for (uint32_t k = 0; k < l->n; k++) {
    cell_read(&c, en, l->index[k], f);
    key[k] = (Key){.record = l->index[k], .at = arena.n, .has = c.has};
    if (!c.has) continue;
    if (f->kind == K_DTZ && day_number(&c.raw, &key[k].number)) {
      key[k].isNumber = true;
    } else if (c.raw.p[0] == '-' || (c.raw.p[0] >= '0' && c.raw.p[0] <= '9')) {
      key[k].isNumber = true;
      key[k].number = strtod(end(&c.text), NULL);
    }
    key[k].n = (uint32_t)c.text.n;
    put(&arena, c.text.p, c.text.n);
  }
  pthread_mutex_lock(&sortLock);
  sorting = (Sorting){end(&arena), descending};
  if (l->n) qsort(key, l->n, sizeof *key, compare_keys);
  pthread_mutex_unlock(&sortLock);
  for (uint32_t k = 0; k < l->n; k++) l->index[k] = key[k].record;
  free(key);
  drop(&arena);
  cell_free(&c);
}

/* ----- audiences ----- */

static bool is_member(const Audience *a, uint32_t i) {
  return a->share && draw(PEOPLE, i, a->salt) % (uint64_t)a->share == 0;
}

static bool opted_in(int audience, uint32_t i, bool *sms) {
  for (int k = S.nOptIn - 1; k >= 0; k--) {
    if (S.optIn[k].person != i || S.optIn[k].audience != audience) continue;
    *sms = S.optIn[k].sms;
    return S.optIn[k].subscribed;
  }
  uint64_t h = draw(PEOPLE, i, S.audience[audience].salt + 1);
  *sms = h >> 8 & 1;
  return h % 4 != 0;
}

static int audience_by(const char *id) {
  for (int k = 0; k < S.nAudience; k++)
    if (!strcmp(S.audience[k].id, id)) return k;
  return -1;
}

/* ----- one request's list ----- */

typedef struct Query {
  bool archived;
  Filter *filter;
  char *q;
  int audience;            /* or -1 */
  char *audienceFilter;
  const Field *sort;
  bool descending;
  const Json *include, *exclude; /* arrays of ids, or NULL */
  bool narrowed;           /* anything but the whole list */
} Query;

static void query_free(Query *q) {
  filter_free(q->filter);
  free(q->q);
  free(q->audienceFilter);
}

static bool found_by_q(const Entity *en, uint32_t i, const char *q, Cell *c) {
  static const char *const person[] = {"str::name", "str::first", "str::last", "str::email"};
  static const char *const account[] = {"str:o:name"};
  for (size_t k = 0; k < (en->type ? 1 : 4); k++) {
    cell_read(c, en, i, field_by(en, en->type ? account[k] : person[k]));
    if (c->has && contains(c->text.p, c->text.n, q, strlen(q))) return true;
  }
  return false;
}

static bool in_audience(const Query *q, uint32_t i) {
  bool sms, in;
  if (!is_member(&S.audience[q->audience], i)) return false;
  if (!q->audienceFilter || !*q->audienceFilter) return true;
  in = opted_in(q->audience, i, &sms);
  if (!strcmp(q->audienceFilter, "sms-subscribers")) return sms;
  return strncmp(q->audienceFilter, "un", 2) ? in : !in;
}

static bool listed(const Entity *en, uint32_t i, const Json *ids) {
  char id[25];
  id_of(en, i, id);
  for (const Json *v = ids->child; v; v = v->next)
    if (v->len == 26 && !strncasecmp(v->raw + 1, id, 24)) return true;
  return false;
}

static bool wanted(const Query *q, const Entity *en, uint32_t i, Cell *c) {
  if (q->audience >= 0 && !in_audience(q, i)) return false;
  if (q->include && !listed(en, i, q->include)) return false;
  if (q->exclude && listed(en, i, q->exclude)) return false;
  if (q->q && !found_by_q(en, i, q->q, c)) return false;
  return !q->filter || passes(q->filter, en, i, c);
}

static List *run_query(const Query *q, const Entity *en) {
  List *all = whole_list(en, q->archived);
  if (!q->narrowed && !q->sort) return all;
  List *l = list_new(all->n);
  Cell c = {.record = -1};
  for (uint32_t k = 0; k < all->n; k++)
    if (!q->narrowed || wanted(q, en, all->index[k], &c)) l->index[l->n++] = all->index[k];
  cell_free(&c);
  list_unref(all);
  if (q->sort) sort_list(en, l, q->sort, q->descending);
  return l;
}

/* ----- snapshots under cursors ----- */

typedef struct Snapshot {
  char id[25];      /* empty: free */
  uint64_t used;
  const Entity *en;
  List *list;
  bool whole;       /* no filter, q or audience: past its end means null */
  bool archived;
  uint32_t total;   /* of the list it was taken from */
} Snapshot;

static Snapshot snapshot[64];
static uint64_t snapshotTick;
static pthread_mutex_t snapshotLock = PTHREAD_MUTEX_INITIALIZER;

static void new_cursor(const Entity *en, char id[25]) {
  static atomic_uint_fast64_t count;
  uint64_t h = mix((uint64_t)now_ns() ^ mix((uint64_t)getpid()) ^ mix(count++));
  snprintf(id, 25, "%s%08x%014" PRIx64, en->type ? "10" : "00", (unsigned)S.clock, h >> 8);
}

static void keep_snapshot(const Snapshot *s) {
  pthread_mutex_lock(&snapshotLock);
  Snapshot *slot = &snapshot[0];
  for (size_t k = 0; k < COUNT(snapshot); k++)
    if (snapshot[k].used < slot->used) slot = &snapshot[k];
  list_unref(slot->list);
  *slot = *s;
  list_ref(slot->list);
  slot->used = ++snapshotTick;
  pthread_mutex_unlock(&snapshotLock);
}

/* Fills s with a reference to the list that the cursor names. */
static bool find_snapshot(const Entity *en, const char *id, Snapshot *s) {
  bool found = false;
  pthread_mutex_lock(&snapshotLock);
  for (size_t k = 0; k < COUNT(snapshot) && !found; k++) {
    if (snapshot[k].en != en || strcasecmp(snapshot[k].id, id)) continue;
    snapshot[k].used = ++snapshotTick;
    *s = snapshot[k];
    list_ref(s->list);
    found = true;
  }
  pthread_mutex_unlock(&snapshotLock);
  return found;
}

static void forget_snapshots(void) {
  pthread_mutex_lock(&snapshotLock);
  for (size_t k = 0; k < COUNT(snapshot); k++) {
    list_unref(snapshot[k].list);
    snapshot[k] = (Snapshot){0};
  }
  pthread_mutex_unlock(&snapshotLock);
}

/* ===== faults =========================================================== */

typedef enum {
  F_STATUS, F_429, F_RESET, F_RESET_AFTER, F_TRUNCATE, F_CUT_JSON, F_NOT_JSON, F_EMPTY, F_HANG, F_DRIP, F_SHORT_PAGE,
  F_FORGET_CURSOR, F_FRESH_CURSOR, F_SAME_PAGE, F_REPEAT_ID, F_STUCK_OFFSET, F_HUGE, F_LATENCY, F_MISSING, F_REPLACE,
  F_REDIRECT, F_ZERO_CURSOR, F_NO_META
} FaultKind;

static const char *const FAULTS[] = {
    "status", "429", "reset", "reset_after", "truncate", "cut_json", "not_json", "empty", "hang", "drip", "short_page",
    "forget_cursor", "fresh_cursor", "same_page", "repeat_id", "stuck_offset", "huge", "latency", "missing", "replace",
    "redirect", "zero_cursor", "no_meta"};

struct Fault {
  Fault *next;
  atomic_int refs;
  FaultKind kind;
  char *path;         /* prefix, or NULL for every path */
  int64_t after;      /* matching requests to let through */
  int64_t times;      /* then how many to hit; -1 for ever */
  int64_t status, seconds, ms, bytes, rows, mb;
  char *body;         /* or NULL */
  char *contentType, *shape, *member, *location;
  char **header;      /* name, value, name, value, ..., NULL */
  bool chunked, gzip, shift;
};

static const Fault *fault(const Call *c, FaultKind kind) {
  for (int k = 0; k < c->nFault; k++)
    if (c->fault[k]->kind == kind) return c->fault[k];
  return NULL;
}

/* ===== reading people and accounts ====================================== */

#define MOST_FIELDS 150

typedef struct Wish {
  const Field *field[MOST_FIELDS + 1]; /* sorted by id, as the answers are */
  int n;
} Wish;

static int by_field_id(const void *a, const void *b) {
  return strcmp((*(const Field *const *)a)->id, (*(const Field *const *)b)->id);
}

static void wish_add(Wish *w, const Field *f) {
  for (int k = 0; k < w->n; k++)
    if (w->field[k] == f) return;
  w->field[w->n++] = f;
}

/* Unknown ids are ignored, as recorded. */
static int read_wish(Call *c, Wish *w) {
  const Json *list = given(c->in, "fields");
  w->n = 0;
  if (count_of(list) > MOST_FIELDS) return fail(c, 400, "sandbox: too many fields, the maximum is %d: Invalid value", MOST_FIELDS);
  for (const Json *v = list ? list->child : NULL; v; v = v->next) {
    if (v->type != J_STRING) return fail(c, 400, "sandbox: Failed to parse request fields: Invalid value");
    char *id = text_of(v);
    const Field *f = field_by(c->en, id);
    free(id);
    if (f) wish_add(w, f);
  }
  if (c->en->account) wish_add(w, c->en->account);
  qsort(w->field, (size_t)w->n, sizeof *w->field, by_field_id);
  return 0;
}

static void put_record(Buf *b, const Entity *en, uint32_t i, const Wish *w) {
  char id[25];
  id_of(en, i, id);
  LIT(b, "{\"id\":\"");
  put(b, id, 24);
  LIT(b, "\",\"fields\":{");
  bool any = false;
  for (int k = 0; k < w->n; k++) {
    size_t mark = b->n;
    if (any) putc_to(b, ',');
    put_text(b, w->field[k]->id);
    putc_to(b, ':');
    if (value(b, en, i, w->field[k])) any = true;
    else b->n = mark;
  }
  LIT(b, "}}");
}

static int read_filter(Call *c, Query *q) {
  const Json *v = given(c->in, "filter");
  Buf why = {0};
  if (!v || !count_of(v)) return 0;
  if (q->archived) return fail(c, 400, "sandbox: filter is not supported for archived records: Invalid value");
  if (!decode_filter(c->en, v, &q->filter, &why)) {
    fail(c, 400, "sandbox: %.*s", (int)why.n, why.p);
    drop(&why);
    return 400;
  }
  return 0;
}

static int read_audience(Call *c, Query *q) {
  const Json *v = given(c->in, "audience_id");
  q->audience = -1;
  if (!v || c->en->type) return 0;
  int bad = check_id(c, v);
  if (bad) return bad;
  char *id = text_of(v);
  q->audience = audience_by(id);
  free(id);
  if (q->audience < 0) return fail(c, 400, "sandbox: audience: Object not found");
  v = given(c->in, "audience_filter");
  if (v) q->audienceFilter = text_of(v);
  return 0;
}

static int read_sort(Call *c, Query *q) {
  const Json *v = given(c->in, "sort_by_field_id"), *order = given(c->in, "sort_order");
  q->descending = !text_is(order, "asc");
  if (order && q->descending && !text_is(order, "desc") && !text_is(order, "")) return invalid(c);
  if (!v || text_is(v, "")) return 0;
  char *id = text_of(v);
  q->sort = field_by(c->en, id);
  free(id);
  return q->sort ? 0 : invalid(c);
}

static int read_id_list(Call *c, const char *name, const Json **list) {
  *list = given(c->in, name);
  for (const Json *v = *list ? (*list)->child : NULL; v; v = v->next) {
    int bad = check_id(c, v);
    if (bad) return bad;
  }
  return 0;
}

static int read_scope(Call *c, Query *q) {
  const Json *v = given(c->in, "type");
  if (!v || text_is(v, "")) return 0;
  if (c->en->type && text_is(v, "organization")) return 0;
  if (!text_is(v, c->en->type ? "archived_organization" : "archived")) return invalid(c);
  q->archived = true;
  return 0;
}

static int read_query(Call *c, Query *q) {
  int bad = read_scope(c, q);
  const Json *v = given(c->in, "q");
  q->audience = -1;
  if (v && !text_is(v, "")) q->q = text_of(v);
  if (!bad) bad = read_filter(c, q);
  if (!bad) bad = read_audience(c, q);
  if (!bad) bad = read_sort(c, q);
  if (!bad && c->en->type) bad = read_id_list(c, "inclusion_ids", &q->include);
  if (!bad && c->en->type) bad = read_id_list(c, "exclusion_ids", &q->exclude);
  q->narrowed = q->filter || q->q || q->audience >= 0 || q->include || q->exclude;
  return bad;
}

/* The list to read from: the cursor's, or a new one. */
static int read_snapshot(Call *c, Snapshot *s) {
  const Json *cursor = given(c->in, "cursor_id");
  Query q = {0};
  int bad = 0;
  if (cursor && !text_is(cursor, "")) {
    if ((bad = check_id(c, cursor))) return bad;
    char *id = text_of(cursor);
    bool known = S.snapshots ? find_snapshot(c->en, id, s) : strlen(id) == 24;
    if (!S.snapshots && known) memcpy(s->id, id, 25);
    free(id);
    if (!known) return fail(c, 400, "sandbox: Failed to parse request unknown cursor: Object not found");
    if (S.snapshots) return 0;
  }
  bad = read_query(c, &q);
  if (!bad) {
    s->en = c->en;
    s->list = run_query(&q, c->en);
    s->whole = !q.narrowed;
    s->archived = q.archived;
    s->total = q.archived ? c->en->archived : c->en->active;
    if (!s->id[0]) {
      new_cursor(c->en, s->id);
      keep_snapshot(s);
    }
  }
  query_free(&q);
  return bad;
}

/* Active people with email permission; counted once per state. */
static uint32_t subscribers(void) {
  static uint64_t version;
  static uint32_t n;
  pthread_mutex_lock(&cacheLock);
  if (version != S.version) {
    const Field *f = field_by(PEOPLE, "bol::p");
    Buf b = {0};
    n = 0;
    for (uint32_t i = 0; i < PEOPLE->n; i++) {
      b.n = 0;
      n += is_active(PEOPLE, i) && value(&b, PEOPLE, i, f) && b.n == 4 && b.p[0] == 't';
    }
    drop(&b);
    version = S.version;
  }
  uint32_t answer = n;
  pthread_mutex_unlock(&cacheLock);
  return answer;
}

typedef struct Page {
  uint32_t offset, limit, next; /* next: next_offset */
  uint32_t from, to;            /* rows of the list */
  bool repeat;                  /* row from-1 comes first, once more */
  bool pastEnd, more;
  char cursor[25];
} Page;

static void bend_page(const Call *c, const Snapshot *s, Page *p) {
  const Fault *f = fault(c, F_REPEAT_ID);
  if (f && p->offset > 0 && f->shift) {
    p->from--;
    if (p->to > p->from + p->limit) p->to--;
    p->next = p->to;
    p->more = p->to < s->list->n;
  } else if (f && p->offset > 0) {
    p->repeat = true;
  }
  if (fault(c, F_SAME_PAGE) && p->offset > 0) {
    uint32_t n = p->to - p->from;
    p->from = p->offset > p->limit ? p->offset - p->limit : 0;
    p->to = p->from + n;
  }
  if (fault(c, F_STUCK_OFFSET)) p->next = p->offset;
  if (fault(c, F_FRESH_CURSOR)) {
    Snapshot alias = *s;
    new_cursor(s->en, alias.id);
    keep_snapshot(&alias);
    memcpy(p->cursor, alias.id, sizeof alias.id);
  }
  if (fault(c, F_ZERO_CURSOR)) memcpy(p->cursor, ZERO_ID, 25);
}

static void plan_page(const Call *c, const Snapshot *s, Page *p) {
  int64_t limit = integer_of(given(c->in, "limit"), 50), offset = integer_of(given(c->in, "offset"), 0);
  const Fault *f = fault(c, F_SHORT_PAGE);
  if (limit < 1 || limit > 500) limit = 50;
  if (f && f->rows < limit) limit = f->rows;
  if (offset < 0) offset = 0;
  p->limit = (uint32_t)limit;
  p->pastEnd = offset >= s->list->n && (offset > 0 || s->whole);
  if (p->pastEnd) {
    memcpy(p->cursor, ZERO_ID, 25);
    return;
  }
  p->offset = p->from = (uint32_t)offset;
  p->to = s->list->n - p->from < p->limit ? s->list->n : p->from + p->limit;
  p->next = p->to;
  p->more = p->to < s->list->n;
  memcpy(p->cursor, s->id, 25);
  bend_page(c, s, p);
}

static void put_meta(Buf *b, const Entity *en, const Snapshot *s, const Page *p) {
  uint32_t total = s->total, matches = s->list->n, subs = 0;
  if (!en->type && p->pastEnd) total = matches = 0;
  else if (!en->type && s->whole && !s->archived) subs = subscribers();
  put_format(b, ",\"meta\":{\"total_contacts\":%u,\"total_organizations\":%u,\"total_matches\":%u,\"total_subscribers\":%u}",
             en->type ? 0 : total, en->type ? total : 0, matches, subs);
}

static int api_get(Call *c) {
  static const char *const names[] = {"fields", "limit", "offset", "cursor_id", "sort_by_field_id", "sort_order", "q", "type",
                                      "filter", "audience_id", "audience_filter", "inclusion_ids", "exclusion_ids"};
  static const int types[] = {J_ARRAY, J_NUMBER, J_NUMBER, J_STRING, J_STRING, J_STRING, J_STRING, J_STRING,
                              J_OBJECT, J_STRING, J_STRING, J_ARRAY, J_ARRAY};
  Wish w;
  Snapshot s = {0};
  Page p = {0};
  int bad = check_types(c, names, types, COUNT(names));
  if (!bad) bad = read_wish(c, &w);
  if (fault(c, F_FORGET_CURSOR)) forget_snapshots();
  if (!bad) bad = read_snapshot(c, &s);
  if (bad) return bad;
  assert(s.list);
  plan_page(c, &s, &p);
  Buf *b = &c->out;
  puts_to(b, c->en->type ? (c->old ? "{\"organizations\":" : "{\"accounts\":") : "{\"contacts\":");
  if (p.pastEnd) LIT(b, "null");
  else putc_to(b, '[');
  size_t mark = b->n;
  if (p.repeat) put_record(b, c->en, s.list->index[p.from - 1], &w);
  for (uint32_t k = p.from; k < p.to; k++) {
    if (b->n != mark) putc_to(b, ',');
    put_record(b, c->en, s.list->index[k], &w);
  }
  if (!p.pastEnd) putc_to(b, ']');
  put_meta(b, c->en, &s, &p);
  put_format(b, ",\"offset\":%u,\"next_offset\":%u,\"cursor_id\":\"%s\",\"has_more\":%s}", p.offset, p.next, p.cursor,
             p.more ? "true" : "false");
  list_unref(s.list);
  return 200;
}

static int by_number(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

/* Archived records come back too; unknown ids do not. */
static int api_get_by_ids(Call *c) {
  const char *name = c->en->type ? (c->old ? "organization_ids" : "account_ids") : "contact_ids";
  const Json *ids;
  uint32_t found[100];
  size_t n = 0;
  Wish w;
  int bad = check_type(c, name, J_ARRAY);
  if (!bad) bad = check_type(c, "fields", J_ARRAY);
  if (!bad) bad = read_wish(c, &w);
  if (!bad && count_of(given(c->in, name)) > 100) bad = fail(c, 400, "sandbox: too many ids, the maximum is 100: Invalid value");
  if (!bad) bad = read_id_list(c, name, &ids);
  if (bad) return bad;
  for (const Json *v = ids ? ids->child : NULL; v; v = v->next) {
    int64_t i = record_of(c->en, v);
    if (i >= 0) found[n++] = (uint32_t)i;
  }
  qsort(found, n, sizeof *found, by_number);
  Buf *b = &c->out;
  puts_to(b, c->en->type ? (c->old ? "{\"organizations\":{" : "{\"accounts\":{") : "{\"contacts\":{");
  for (size_t k = 0; k < n; k++) {
    char id[25];
    if (k && found[k] == found[k - 1]) continue;
    id_of(c->en, found[k], id);
    put_format(b, "%s\"%s\":", k ? "," : "", id);
    put_record(b, c->en, found[k], &w);
  }
  LIT(b, "}}");
  return 200;
}

/* ===== definitions ====================================================== */

static void put_definition(Buf *b, const Field *f) {
  LIT(b, "{\"id\":");
  put_text(b, f->id);
  LIT(b, ",\"name\":");
  put_text(b, f->name);
  LIT(b, ",\"display_type\":");
  put_text(b, f->display);
  LIT(b, ",\"liquid_name\":");
  put_text(b, f->liquid);
  for (int k = 0; k < f->nItems; k++) {
    puts_to(b, k ? "," : ",\"dic_items\":[");
    put_text(b, f->items[k]);
  }
  puts_to(b, f->nItems ? "]}" : "}");
}

/* In another order each time: the server promises none. */
static int api_custom_fields(Call *c) {
  const Entity *en = c->en;
  int *order = resize(NULL, (size_t)en->nField, sizeof *order), n = 0;
  for (int k = 0; k < en->nField; k++)
    if (en->field[k]->custom && !en->field[k]->removed && !en->field[k]->phantom) order[n++] = k;
  for (int k = n - 1; k > 0; k--) {
    int other = (int)(mix(c->n * 64 + (uint64_t)k) % (uint64_t)(k + 1)), t = order[k];
    order[k] = order[other];
    order[other] = t;
  }
  puts_to(&c->out, n ? "{\"fields\":[" : "{\"fields\":null");
  for (int k = 0; k < n; k++) {
    const Field *f = en->field[order[k]];
    if (k) putc_to(&c->out, ',');
    if (!en->type) LIT(&c->out, "{\"field\":");
    put_definition(&c->out, f);
    if (!en->type) put_format(&c->out, ",\"tracked_value\":%s}", f->tracked ? "true" : "false");
  }
  puts_to(&c->out, n ? "]}" : "}");
  free(order);
  return 200;
}

static void put_schema_field(Buf *b, const Field *f) {
  put_text(b, f->id);
  LIT(b, ":{\"id\":");
  put_text(b, f->id);
  LIT(b, ",\"name\":");
  put_text(b, f->name);
  if (f->flags & RO) LIT(b, ",\"read_only\":true");
  LIT(b, ",\"display_type\":");
  put_text(b, f->display);
  if (f->flags & HID) LIT(b, ",\"hidden\":true");
  if (f->flags & NOAC) LIT(b, ",\"no_autocomplete\":true");
  LIT(b, ",\"liquid_name\":");
  put_text(b, f->liquid);
  putc_to(b, '}');
}

static void put_schema_act(Buf *b, const Act *a) {
  put_text(b, a->id);
  LIT(b, ":{\"id\":");
  put_text(b, a->id);
  LIT(b, ",\"name\":");
  put_text(b, a->name);
  LIT(b, ",\"display_type\":\"activity\"");
  if (!strcmp(a->id, "act::c")) LIT(b, ",\"last_geo_time\":\"2026-11-04T21:44:49.862158812Z\"");
  if (a->json) put_format(b, ",\"attributes\":%s", a->json);
  putc_to(b, '}');
}

/* The namespace part of an id: "" for system and bare person ids, "o" for bare account ids. */
static bool in_namespace(const Entity *en, const char *id, const char *ns) {
  const char *colon = strchr(id, ':');
  if (!colon) return !strcmp(ns, en->type ? "o" : "");
  size_t n = strlen(ns);
  return !strncmp(colon + 1, ns, n) && colon[1 + n] == ':';
}

static void put_namespace(Buf *b, const Entity *en, const char *ns, bool *any) {
  size_t start = b->n;
  put_format(b, "%s\"%s\":{\"id\":\"%s\",\"fields\":{", *any ? "," : "", ns, ns);
  size_t mark = b->n;
  const Field **sorted = resize(NULL, (size_t)en->nField, sizeof *sorted);
  size_t n = 0;
  for (int k = 0; k < en->nField; k++) {
    const Field *f = en->field[k];
    if (!f->removed && !f->phantom && in_namespace(en, f->id, ns)) sorted[n++] = f;
  }
  qsort(sorted, n, sizeof *sorted, by_field_id);
  bool acts = false;
  for (size_t k = 0; k <= n; k++) {
    /* activities sort between a and bol:, as everywhere else */
    if (!acts && (k == n || strcmp(sorted[k]->id, "act:") > 0)) {
      acts = true;
      for (int m = 0; m < S.nAct; m++) {
        if (!in_namespace(en, S.act[m].id, ns)) continue;
        if (b->n != mark) putc_to(b, ',');
        put_schema_act(b, &S.act[m]);
      }
    }
    if (k == n) break;
    if (b->n != mark) putc_to(b, ',');
    put_schema_field(b, sorted[k]);
  }
  free(sorted);
  if (b->n == mark) {
    b->n = start;
    return;
  }
  putc_to(b, '}');
  if (en->type) LIT(b, ",\"org\":true");
  putc_to(b, '}');
  *any = true;
}

static bool asked_for(const Json *list, const char *ns) {
  if (!list || !list->child) return true;
  for (const Json *v = list->child; v; v = v->next)
    if (text_is(v, ns)) return true;
  return false;
}

static int api_schema(Call *c) {
  const Json *list = given(c->in, "namespaces");
  bool any = false;
  int bad = check_type(c, "namespaces", J_ARRAY);
  if (bad) return bad;
  LIT(&c->out, "{\"namespaces\":{");
  if (asked_for(list, "")) put_namespace(&c->out, PEOPLE, "", &any);
  if (asked_for(list, "cm")) put_namespace(&c->out, PEOPLE, "cm", &any);
  if (asked_for(list, "o")) put_namespace(&c->out, ACCOUNTS, "o", &any);
  if (asked_for(list, "oc")) put_namespace(&c->out, ACCOUNTS, "oc", &any);
  if (asked_for(list, "sh")) put_namespace(&c->out, PEOPLE, "sh", &any);
  LIT(&c->out, "}}");
  return 200;
}

/* ===== tags and audiences =============================================== */

static void put_tag(Buf *b, const Entity *en, int k, uint32_t n, uint32_t subs) {
  const Tag *t = &en->tag[k];
  put_format(b, "{\"id\":%d,\"instance_id\":\"sandbox\",\"name\":", k + 1);
  put_text(b, t->name);
  if (t->source) put_format(b, ",\"source\":\"%s\"", t->source);
  LIT(b, ",\"created_by_id\":\"" ZERO_ID "\",\"created_by_name\":\"\",\"created_by_email\":\"\",\"created_at\":");
  put_time_ms(b, t->created, 503);
  LIT(b, ",\"last_used\":");
  put_time_ms(b, t->created + 3600, 382);
  put_format(b, ",\"count\":%u", n);
  if (!en->type && subs / 3) put_format(b, ",\"sms_opted_in\":%u", subs / 3);
  if (!en->type && subs) put_format(b, ",\"subscribers\":%u", subs);
  put_format(b, ",\"type\":\"%s\"}", en->type ? "organization" : "");
}

static void put_tags(Buf *b, const Entity *en, const char *q) {
  uint32_t *n = zeroed((size_t)en->nTag, sizeof *n), *subs = zeroed((size_t)en->nTag, sizeof *subs);
  for (uint32_t i = 0; i < en->n; i++) {
    uint32_t spare[3];
    int have;
    if (!is_active(en, i)) continue;
    const uint32_t *tag = tags_of(en, i, spare, &have);
    for (int k = 0; k < have; k++) {
      n[tag[k] - 1]++;
      subs[tag[k] - 1] += subscribed_base(en, i);
    }
  }
  for (int k = 0; k < en->nTag; k++) {
    if (q && !contains(en->tag[k].name, strlen(en->tag[k].name), q, strlen(q))) continue;
    if (b->p[b->n - 1] != '[') putc_to(b, ',');
    put_tag(b, en, k, n[k], subs[k]);
  }
  free(n);
  free(subs);
}

static int api_tags(Call *c) {
  int bad = check_type(c, "q", J_STRING);
  if (bad) return bad;
  const Json *v = given(c->in, "q");
  char *q = v ? text_of(v) : NULL;
  putc_to(&c->out, '[');
  put_tags(&c->out, PEOPLE, q);
  put_tags(&c->out, ACCOUNTS, q);
  putc_to(&c->out, ']');
  free(q);
  return 200;
}

typedef struct Size {
  uint64_t version;
  uint32_t members, subscribers, sms;
} Size;

static Size *sizes; /* under cacheLock */
static int nSizes;

static void forget_sizes(void) {
  free(sizes);
  sizes = NULL;
  nSizes = 0;
}

/* How many people an audience has; counted once per state. */
static Size audience_size(int k) {
  pthread_mutex_lock(&cacheLock);
  if (k >= nSizes) {
    sizes = resize(sizes, (size_t)k + 64, sizeof *sizes);
    memset(sizes + nSizes, 0, (size_t)(k + 64 - nSizes) * sizeof *sizes);
    nSizes = k + 64;
  }
  Size *s = &sizes[k];
  if (s->version != S.version) {
    *s = (Size){.version = S.version};
    for (uint32_t i = 0; i < PEOPLE->n; i++) {
      bool sms;
      if (!is_active(PEOPLE, i) || !is_member(&S.audience[k], i)) continue;
      s->members++;
      s->subscribers += opted_in(k, i, &sms);
      s->sms += sms;
    }
  }
  Size answer = *s;
  pthread_mutex_unlock(&cacheLock);
  return answer;
}

static void put_audience(Buf *b, int k, bool withFilter) {
  const Audience *a = &S.audience[k];
  Size size = audience_size(k);
  put_format(b, "{\"id\":\"%s\",\"instance_id\":\"sandbox\",\"folder_id\":null,\"data_source_id\":\"" ZERO_ID "\"", a->id);
  LIT(b, ",\"icon_id\":\"audiences-illustration-icon\",\"type\":\"permanent\",\"building\":false,\"ready\":true");
  put_format(b, ",\"is_public\":%s,\"sms_is_public\":false,\"sms_public_name\":\"\",\"sms_public_description\":\"\",\"filter\":", k ? "false" : "true");
  if (withFilter)
    put_format(b, "{\"$and\":[{\"$and\":[{\"$u4s::is\":{\"label\":\"Tag is My team\",\"field_id\":\"u4s::t\",\"timezone\":\"Europe/Lisbon\",\"value\":%d}}]}]}", k + 1);
  else
    LIT(b, "null");
  put_format(b, ",\"filter_sha\":\"%016" PRIx64 "%016" PRIx64 "%08x\",\"last_built_at\":", mix(a->salt + 1), mix(a->salt + 2), (unsigned)k);
  put_time_ms(b, a->created + 1, 625);
  LIT(b, ",\"new_filter\":null,\"new_filter_sha\":\"\",\"last_used\":");
  put_time_ms(b, a->created, 777);
  LIT(b, ",\"created\":");
  put_time_ms(b, a->created, 777);
  LIT(b, ",\"created_by_id\":\"\",\"created_by_name\":\"\",\"edited_at\":");
  put_time_ms(b, a->created, 777);
  if (a->archived) {
    LIT(b, ",\"archived_at\":");
    put_time_ms(b, a->created + 86400, 5);
  }
  LIT(b, ",\"name\":");
  put_text(b, a->name);
  LIT(b, ",\"public_name\":\"\",\"public_description\":\"\"");
  if (k < 5) put_format(b, ",\"template_id\":\"000000000a00000000000%d00\"", k + 1);
  LIT(b, ",\"exit_selection\":\"\",\"new_exit_criteria_filter\":null,\"ds_destinations\":null");
  put_format(b, ",\"sms_opted_in\":%u,\"subscribers\":%u,\"members\":%u,\"added_last_30_days\":%u", size.sms, size.subscribers,
             size.members, size.members / 20);
  LIT(b, ",\"engagement\":0,\"revenue\":0,\"is_cold\":false}");
}

static bool audience_wanted(const Audience *a, bool archived, const char *term) {
  if (a->archived != archived) return false;
  return !term || contains(a->name, strlen(a->name), term, strlen(term));
}

static int newer_audience(const void *x, const void *y) {
  const Audience *a = &S.audience[*(const int *)x], *b = &S.audience[*(const int *)y];
  if (a->created != b->created) return a->created > b->created ? -1 : 1;
  return *(const int *)x < *(const int *)y ? -1 : 1;
}

static int api_audiences(Call *c) {
  static const char *const names[] = {"search_term", "with_filter", "limit", "offset", "archived", "retention"};
  static const int types[] = {J_STRING, J_BOOL, J_NUMBER, J_NUMBER, J_BOOL, J_BOOL};
  int bad = check_types(c, names, types, COUNT(names));
  if (bad) return bad;
  int64_t limit = integer_of(given(c->in, "limit"), 40), offset = integer_of(given(c->in, "offset"), 0), at = 0, n = 0;
  if (limit < 1 || limit > 40) limit = 40;
  const Json *v = given(c->in, "search_term");
  char *term = v ? text_of(v) : NULL;
  int *order = resize(NULL, (size_t)S.nAudience, sizeof *order);
  for (int k = 0; k < S.nAudience; k++) order[k] = k;
  if (S.nAudience) qsort(order, (size_t)S.nAudience, sizeof *order, newer_audience);
  for (int k = 0; k < S.nAudience && n < limit && !is_true(given(c->in, "retention")); k++) {
    if (!audience_wanted(&S.audience[order[k]], is_true(given(c->in, "archived")), term)) continue;
    if (at++ < offset) continue;
    putc_to(&c->out, n++ ? ',' : '[');
    put_audience(&c->out, order[k], is_true(given(c->in, "with_filter")));
  }
  puts_to(&c->out, n ? "]" : "null");
  free(order);
  free(term);
  return 200;
}

/* ===== the activity feed ================================================ */

typedef struct Seen {
  int64_t at;
  int number;          /* of the generated ones, or -1 */
  const Event *event;  /* or NULL */
} Seen;

static int base_events(uint32_t i) {
  if (i >= PEOPLE->n0) return 0;
  if (i == PEOPLE->n0 - 1) return 95;
  uint64_t h = draw(PEOPLE, i, 201);
  return h % 4 ? 0 : 1 + (int)(h >> 8) % 6;
}

static const char *const EVENT_OF[] = {"act::s-all", "act::enter-audience", "act::o", "act::c", "act::ws", "act:cm:flight-booked"};

static uint64_t event_hash(uint32_t i, int k) { return draw(PEOPLE, i, 300 + (uint64_t)k); }
static int64_t event_time(uint32_t i, int k) { return BASE_TIME - 3600 - 60000 * (int64_t)k - (int64_t)(event_hash(i, k) % 50000); }
static const char *event_kind(uint32_t i, int k) { return PICK(EVENT_OF, event_hash(i, k) >> 16); }

static void put_base_event(Buf *b, uint32_t i, int k) {
  uint64_t h = event_hash(i, k);
  const char *kind = event_kind(i, k);
  const char *name = act_by(kind)->name;
  const Audience *a = S.nAudience ? &S.audience[h % (uint64_t)S.nAudience] : NULL;
  put_format(b, "{\"id\":\"00%08x%012" PRIx64 "%02x\",\"attr\":", (unsigned)event_time(i, k), h >> 16, (unsigned)k & 255);
  if (!strcmp(kind, "act::enter-audience") && a) {
    put_format(b, "{\"idt::a\":\"%s\",\"str::name\":", a->id);
    put_text(b, a->name);
    putc_to(b, '}');
  } else if (!strcmp(kind, "act::s-all")) {
    LIT(b, "{\"str::is\":\"API\",\"str::s-ctx\":\"Subscribed via API\"}");
  } else if (!strcmp(kind, "act:cm:flight-booked")) {
    put_format(b, "{\"int::v\":%u,\"int:cm:bags\":%u,\"str:cm:carrier\":\"%s\"}", (unsigned)(h % 900) * 1000, (unsigned)(h % 4), word_of(h >> 20));
  } else if (!strcmp(kind, "act::c")) {
    put_format(b, "{\"str::b\":\"%s\",\"str::c\":\"https://www.example.com/%s\"}", browser_of(h), utm_of(h >> 9));
  } else {
    LIT(b, "{}");
  }
  LIT(b, ",\"created_at\":");
  put_time(b, event_time(i, k));
  put_format(b, ",\"field_id\":\"%s\",\"render_cmds\":[{\"content\":\"%s\"},", kind, name);
  if (!strcmp(kind, "act::enter-audience") && a) {
    LIT(b, "{\"content\":\" \"},{\"content\":");
    put_text(b, a->name);
    put_format(b, ",\"link\":\"/audiences/%s/performance\"},", a->id);
  }
  LIT(b, "{\"content\":\".\"}]}");
}

static void put_event(Buf *b, const Event *e, int k) {
  const Act *a = act_by(e->activity);
  put_format(b, "{\"id\":\"00%08x%012" PRIx64 "%02x\",\"attr\":%s,\"created_at\":", (unsigned)e->at, mix((uint64_t)k + 9) >> 16,
             (unsigned)k & 255, e->attributes);
  put_text(b, e->created);
  LIT(b, ",\"field_id\":");
  put_text(b, e->activity);
  LIT(b, ",\"render_cmds\":[{\"content\":");
  put_text(b, a ? a->name : e->activity);
  LIT(b, "},{\"content\":\".\"}]}");
}

static int newer_seen(const void *x, const void *y) {
  const Seen *a = x, *b = y;
  if (a->at != b->at) return a->at > b->at ? -1 : 1;
  return a->number < b->number ? -1 : a->number > b->number;
}

/* The span of a named time frame; false if the name is unknown. */
static bool timeframe(const char *type, int64_t *from, int64_t *to) {
  static const struct { const char *name; int days; } last[] = {
      {"last-24-hours", 1}, {"last-7-days", 7}, {"last-14-days", 14}, {"last-30-days", 30}, {"all", 36500}};
  int64_t today = S.clock / 86400 * 86400;
  int y, m, d;
  civil(today / 86400, &y, &m, &d);
  int64_t month = days_of(y, m, 1) * 86400, quarter = days_of(y, (m - 1) / 3 * 3 + 1, 1) * 86400;
  *to = INT64_MAX;
  for (size_t k = 0; k < COUNT(last); k++)
    if (!strcmp(type, last[k].name)) return *from = S.clock - last[k].days * (int64_t)86400, true;
  if (!strcmp(type, "today")) return *from = today, true;
  if (!strcmp(type, "yesterday")) return *from = today - 86400, *to = today, true;
  if (!strcmp(type, "this-week")) return *from = today - (today / 86400 + 3) % 7 * 86400, true;
  if (!strcmp(type, "this-month")) return *from = month, true;
  if (!strcmp(type, "this-quarter")) return *from = quarter, true;
  if (!strcmp(type, "this-year")) return *from = days_of(y, 1, 1) * 86400, true;
  if (!strcmp(type, "last-month")) return *from = month - 30 * 86400, *to = month, true;
  if (!strcmp(type, "last-quarter")) return *from = quarter - 91 * 86400, *to = quarter, true;
  return false;
}

/* Everything in the span of the wanted kinds, newest first; the caller frees it. */
static Seen *events_of(uint32_t i, const Json *kinds, int64_t from, int64_t to, int *count) {
  Seen *seen = NULL;
  int n = 0, cap = 0, base = base_events(i);
  for (int k = 0; k < base + S.nEvent; k++) {
    const Event *e = k < base ? NULL : &S.event[k - base];
    if (e && (e->ofAccount || !e->known || e->record != i)) continue;
    int64_t at = e ? e->at : event_time(i, k);
    bool wantedKind = !kinds || !kinds->child;
    for (const Json *v = kinds ? kinds->child : NULL; v; v = v->next)
      if (text_is(v, e ? e->activity : event_kind(i, k))) wantedKind = true;
    if (!wantedKind || at < from || at >= to || at < S.clock - 90 * 86400) continue;
    GROW(seen, n, cap);
    seen[n++] = (Seen){at, k, e};
  }
  if (n) qsort(seen, (size_t)n, sizeof *seen, newer_seen);
  *count = n;
  return seen;
}

static int read_timeframe(Call *c, int64_t *from, int64_t *to) {
  const Json *v = given(c->in, "timeframe");
  if (v && v->type == J_OBJECT) v = given(v, "type");
  *from = INT64_MIN;
  *to = INT64_MAX;
  if (!v) return 0;
  char *type = text_of(v);
  bool ok = timeframe(type, from, to);
  free(type);
  return ok ? 0 : invalid(c);
}

static int api_feed(Call *c) {
  const Json *id = given(c->in, "person_id"), *kinds = given(c->in, "activities");
  int64_t limit = integer_of(given(c->in, "limit"), 40), offset = integer_of(given(c->in, "offset"), 0), from, to;
  int n = 0, put_ = 0, bad = check_type(c, "activities", J_ARRAY);
  if (!bad && !id) bad = fail(c, 400, "sandbox: person_id is required: Invalid value");
  if (!bad) bad = check_id(c, id);
  if (!bad) bad = read_timeframe(c, &from, &to);
  if (bad) return bad;
  if (limit < 1 || limit > 40) limit = 40;
  int64_t i = record_of(PEOPLE, id);
  Seen *seen = i < 0 ? NULL : events_of((uint32_t)i, kinds, from, to, &n);
  LIT(&c->out, "{\"activities\":");
  for (int64_t k = offset < 0 ? 0 : offset; k < n && put_ < limit; k++) {
    putc_to(&c->out, put_++ ? ',' : '[');
    if (seen[k].event) put_event(&c->out, seen[k].event, seen[k].number);
    else put_base_event(&c->out, (uint32_t)i, seen[k].number);
  }
  bool past = !put_;
  puts_to(&c->out, past ? "null" : "]");
  put_format(&c->out, ",\"meta\":{\"total_activities\":%d,\"field_ids\":", n);
  if (kinds && kinds->child) put(&c->out, kinds->raw, kinds->len);
  else LIT(&c->out, "null");
  put_format(&c->out, ",\"has_more\":%s,\"retention\":{\"type\":\"time\",\"max_value\":90}},\"offset\":%" PRId64 ",\"next_offset\":%" PRId64 "}",
             !past && offset + put_ < n ? "true" : "false", past ? 0 : offset, past ? 0 : offset + put_);
  free(seen);
  return 200;
}

/* ===== finding records by value ========================================= */

/* One table per field that was ever a merge key: record numbers by the hash of
** the lower-cased text. Stale entries stay; every hit is checked. */
typedef struct Keys {
  const Field *field;
  uint32_t *slot; /* record + 1 */
  uint32_t n, cap;
} Keys;

static Keys keys[16];

static void forget_keys(void) {
  for (size_t k = 0; k < COUNT(keys); k++) {
    free(keys[k].slot);
    keys[k] = (Keys){0};
  }
}

static uint64_t key_hash(const char *s, size_t n) {
  uint64_t h = 0xcbf29ce484222325u;
  for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)lower(s[i])) * 0x100000001b3u;
  return mix(h);
}

static void keys_put(Keys *t, uint64_t h, uint32_t i) {
  while (t->slot[h & (t->cap - 1)]) h++;
  t->slot[h & (t->cap - 1)] = i + 1;
  t->n++;
}

static void keys_fill(Keys *t, const Entity *en) {
  Cell c = {.record = -1};
  uint32_t cap = 1024;
  while (cap < en->n * 4) cap *= 2;
  free(t->slot);
  t->slot = zeroed(cap, sizeof *t->slot);
  t->cap = cap;
  t->n = 0;
  for (uint32_t i = 0; i < en->n; i++) {
    cell_read(&c, en, i, t->field);
    if (c.has && !(en->status[i] & DELETED)) keys_put(t, key_hash(c.text.p, c.text.n), i);
  }
  cell_free(&c);
}

static Keys *keys_of(const Entity *en, const Field *f) {
  size_t k = 0;
  while (k < COUNT(keys) - 1 && keys[k].field && keys[k].field != f) k++;
  if (keys[k].field == f) return &keys[k];
  free(keys[k].slot);
  keys[k] = (Keys){.field = f};
  keys_fill(&keys[k], en);
  return &keys[k];
}

/* To be called after a record's value has changed. */
static void keys_add(const Entity *en, uint32_t i, const Field *f) {
  for (size_t k = 0; k < COUNT(keys); k++) {
    if (keys[k].field != f) continue;
    if (keys[k].n * 2 > keys[k].cap) {
      keys_fill(&keys[k], en);
      return;
    }
    Cell c = {.record = -1};
    cell_read(&c, en, i, f);
    if (c.has) keys_put(&keys[k], key_hash(c.text.p, c.text.n), i);
    cell_free(&c);
  }
}

/* Whether the record's value is that text, but for the case of A to Z. */
static bool value_is(const Entity *en, uint32_t i, const Field *f, const Buf *text) {
  Cell c = {.record = -1};
  cell_read(&c, en, i, f);
  bool same = c.has && c.text.n == text->n;
  for (size_t k = 0; same && k < text->n; k++) same = lower(c.text.p[k]) == lower(text->p[k]);
  cell_free(&c);
  return same;
}

static bool has_value(const Entity *en, uint32_t i, const Field *f) {
  Cell c = {.record = -1};
  cell_read(&c, en, i, f);
  bool has = c.has && c.text.n;
  cell_free(&c);
  return has;
}

/* ===== checking what is written ========================================= */

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

/* RFC 3339 to seconds since 1970. */
static bool read_time(const char *s, int64_t *t) {
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

static bool store_date(const Json *v, Buf *out) {
  int64_t y = integer_of(given(v, "year"), 0), m = integer_of(given(v, "month"), 0), d = integer_of(given(v, "day"), 0);
  const Json *zone = given(v, "timezone");
  if (v->type != J_OBJECT || y < 1 || y > 9999 || m < 1 || m > 12 || d < 1 || d > 31) return false;
  if (zone && zone->type != J_STRING) return false;
  char *name = zone ? text_of(zone) : copy("UTC");
  put_date(out, (int)y, (int)m, (int)d, name);
  free(name);
  return true;
}

static bool store_time(const Json *v, Buf *out) {
  int64_t t;
  if (v->type != J_STRING) return false;
  char *text = text_of(v);
  bool ok = read_time(text, &t);
  free(text);
  put(out, v->raw, v->len);
  return ok;
}

/* The server knows places and gives them ids. */
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

static bool store_phone(const Json *v, Buf *out) {
  const Json *c = given(v, "c"), *n = given(v, "n"), *whole_ = given(v, "phone");
  char code[8] = "", *text = text_of(whole_ ? whole_ : c), *number = whole_ ? NULL : text_of(n);
  const char *s = text + (*text == '+'), *rest = whole_ ? s : number;
  bool ok = v->type == J_OBJECT && (whole_ ? whole_->type == J_STRING : c && n && c->type == J_STRING && n->type == J_STRING);
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

static bool is_text_list(const Json *v) {
  if (v->type != J_ARRAY) return false;
  for (const Json *k = v->child; k; k = k->next)
    if (k->type != J_STRING) return false;
  return true;
}

static bool fits_int64(const Json *v) { return integer_of(v, 0) == integer_of(v, 1); }

/* Appends the value as the server keeps it; false if it does not suit the field. */
static bool store(const Field *f, const Json *v, Buf *out) {
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

/* ===== merge ============================================================ */

typedef struct Change {
  const Field *field;
  Buf raw;
  bool clear; /* null was given */
} Change;

typedef struct Outcome {
  const char *status;
  char id[25];   /* empty for none */
  char *error;   /* of a failure, or NULL */
} Outcome;

typedef struct Merge {
  Entity *en;
  const Field *key[3];
  int nKey;
  bool byId;
  const char *idName[2]; /* pseudo fields that hold the record's id */
  int64_t strategy, find;
  bool async, skip;
  const Field *suppression;
  const Json *alternatives; /* merge_by_alt_fields */
} Merge;

/* One record on its way: its checked fields. */
typedef struct Entrant {
  const Json *json;
  Change *change;
  int n, cap;
  const Json *id; /* value of the pseudo field */
} Entrant;

static PRINTF_LIKE(3, 4) bool reject(Outcome *o, const char *status, const char *format, ...) {
  Buf text = {0};
  va_list ap;
  va_start(ap, format);
  put_format_v(&text, format, ap);
  va_end(ap);
  o->status = status;
  o->error = end(&text);
  return false;
}

static void entrant_free(Entrant *e) {
  for (int k = 0; k < e->n; k++) drop(&e->change[k].raw);
  free(e->change);
}

static bool is_id_name(const Merge *m, const Json *v) {
  return !strcmp(v->key, m->idName[0]) || (m->idName[1] && !strcmp(v->key, m->idName[1]));
}

static bool read_fields(const Merge *m, Entrant *e, Outcome *o) {
  const Json *fields = given(e->json, "fields");
  for (const Json *v = fields ? fields->child : NULL; v; v = v->next) {
    if (is_id_name(m, v)) {
      e->id = v;
      continue;
    }
    Field *f = field_n(m->en, v->key, v->keyLen);
    if (!f || f->phantom) return reject(o, "invalid", "failed to validate field %s in schema: %s: Object not found", v->key, v->key);
    if (f->flags & RO || f->kind == K_TAGS) return reject(o, "invalid", "can not apply mutation for %s", f->id);
    GROW(e->change, e->n, e->cap);
    Change *change = &e->change[e->n++];
    *change = (Change){.field = f, .clear = v->type == J_NULL};
    if (!change->clear && !store(f, v, &change->raw))
      return reject(o, "invalid", "failed to validate field %s in schema: %s: Invalid value", f->id, f->id);
  }
  return true;
}

static bool check_extras(const Entrant *e, Outcome *o) {
  static const char *const lists[] = {"tags", "unset_tags"};
  for (int k = 0; k < 2; k++) {
    const Json *v = given(e->json, lists[k]);
    if (v && !is_text_list(v)) return reject(o, "invalid", "%s: Invalid value", lists[k]);
  }
  const Json *where = given(e->json, "location");
  if (where && where->type != J_OBJECT) return reject(o, "invalid", "location: Invalid value");
  return true;
}

static const Change *change_of(const Entrant *e, const Field *f) {
  for (int k = e->n - 1; k >= 0; k--)
    if (e->change[k].field == f) return e->change[k].clear ? NULL : &e->change[k];
  return NULL;
}

/* The text that the change would make the field's value to have. */
static void change_text(const Change *change, Buf *text) {
  text->n = 0;
  if (change->raw.p[0] == '"') put_decoded(text, change->raw.p, change->raw.n);
  else put(text, change->raw.p, change->raw.n);
}

/* Whether the candidate, found by key number k, suits the find strategy. */
static bool acceptable(const Merge *m, const Entrant *e, uint32_t i, int k) {
  Buf text = {0};
  bool ok = true;
  for (int j = 0; j < m->nKey && ok; j++) {
    const Change *change = change_of(e, m->key[j]);
    if (j == k) continue;
    if (m->find == 1 && j < k) ok = !has_value(m->en, i, m->key[j]);
    if (m->find != 2 || !change) continue;
    change_text(change, &text);
    ok = value_is(m->en, i, m->key[j], &text);
  }
  drop(&text);
  return ok;
}

static int64_t find_by(const Merge *m, const Entrant *e, int k, const Field *f, const Buf *text) {
  const Keys *t = keys_of(m->en, f);
  int64_t best = -1;
  for (uint64_t h = key_hash(text->p, text->n);; h++) {
    uint32_t i = t->slot[h & (t->cap - 1)];
    if (!i) return best;
    i--;
    if ((best >= 0 && i >= best) || m->en->status[i] & DELETED) continue;
    if (value_is(m->en, i, f, text) && acceptable(m, e, i, k)) best = i;
  }
}

static int64_t find_by_alternatives(const Merge *m, const Entrant *e, int k, const Buf *text) {
  const Json *list = m->alternatives ? given(m->alternatives, m->key[k]->id) : NULL;
  for (const Json *v = list ? list->child : NULL; v; v = v->next) {
    char *id = text_of(v);
    const Field *f = field_by(m->en, id);
    free(id);
    int64_t i = f ? find_by(m, e, k, f, text) : -1;
    if (i >= 0) return i;
  }
  return -1;
}

static int64_t find_record(const Merge *m, const Entrant *e) {
  Buf text = {0};
  int64_t found = -1;
  if (m->byId) return e->id ? record_of(m->en, e->id) : -1;
  for (int k = 0; k < m->nKey && found < 0; k++) {
    const Change *change = change_of(e, m->key[k]);
    if (!change) continue;
    change_text(change, &text);
    if (!text.n) continue;
    found = find_by(m, e, k, m->key[k], &text);
    if (found < 0) found = find_by_alternatives(m, e, k, &text);
    if (m->find == 2) break;
  }
  drop(&text);
  return found;
}

static bool is_suppressed(const Merge *m, const Entrant *e) {
  static const char ending[] = "@suppressed.example.com";
  Buf text = {0};
  const Change *change = m->suppression ? change_of(e, m->suppression) : NULL;
  if (!change) return false;
  change_text(change, &text);
  size_t n = sizeof ending - 1;
  bool yes = text.n >= n && !memcmp(text.p + text.n - n, ending, n);
  drop(&text);
  return yes;
}

/* ----- taking effect ----- */

static void put_union(Buf *b, const char *raw, size_t n) {
  Reader r;
  Json *list = read_json(&r, raw, n);
  if (!list) return;
  for (const Json *v = list->child; v; v = v->next) {
    Reader have;
    bool found = false;
    putc_to(b, ']');
    Json *so_far = read_json(&have, b->p, b->n);
    for (const Json *k = so_far ? so_far->child : NULL; k; k = k->next) {
      char *x = text_of(k), *y = text_of(v);
      found = found || !strcmp(x, y);
      free(x);
      free(y);
    }
    if (so_far) reader_free(&have);
    b->n--;
    if (found) continue;
    if (b->n > 1) putc_to(b, ',');
    put(b, v->raw, v->len);
  }
  reader_free(&r);
}

/* A set grows; only clear_fields makes it smaller. */
static void add_to_set(Entity *en, uint32_t i, const Change *change) {
  Buf old = {0}, all = {0};
  putc_to(&all, '[');
  if (value(&old, en, i, change->field)) put_union(&all, old.p, old.n);
  put_union(&all, change->raw.p, change->raw.n);
  putc_to(&all, ']');
  set_value(en, i, change->field, all.p, all.n);
  drop(&old);
  drop(&all);
}

static void apply_changes(const Merge *m, const Entrant *e, uint32_t i) {
  const Json *clear = given(e->json, "clear_fields");
  for (const Json *v = clear ? clear->child : NULL; v; v = v->next) {
    const Field *f = field_n(m->en, v->key, v->keyLen);
    if (f && is_true(v) && !(f->flags & RO)) set_value(m->en, i, f, NULL, 0);
  }
  for (int k = 0; k < e->n; k++) {
    const Change *change = &e->change[k];
    if (change->clear) {
      if (m->strategy == 2) set_value(m->en, i, change->field, NULL, 0);
      continue;
    }
    if (change->field->kind == K_SST) {
      add_to_set(m->en, i, change);
      continue;
    }
    if (m->strategy == 1 && has_value(m->en, i, change->field)) continue;
    set_value(m->en, i, change->field, change->raw.p, change->raw.n);
    keys_add(m->en, i, change->field);
  }
}

static void set_tag(Entity *en, uint32_t i, uint32_t id, bool on) {
  uint32_t spare[3], *now;
  int n, at = 0;
  const uint32_t *old = tags_of(en, i, spare, &n);
  now = resize(NULL, (size_t)n + 1, sizeof *now);
  for (int k = 0; k < n; k++) {
    if (on && old[k] > id && (at == 0 || now[at - 1] < id)) now[at++] = id;
    if (old[k] != id || on) now[at++] = old[k];
  }
  if (on && (at == 0 || now[at - 1] < id)) now[at++] = id;
  Overlay *ov = overlay(en, i);
  if (ov->hasTags) free(ov->tags);
  ov->tags = now;
  ov->nTags = at;
  ov->hasTags = true;
}

static void apply_tags(Entity *en, uint32_t i, const Json *json) {
  const Json *unset = given(json, "unset_tags"), *set = given(json, "tags");
  for (const Json *v = unset ? unset->child : NULL; v; v = v->next) {
    char *name = text_of(v);
    int id = tag_by(en, name);
    if (id) set_tag(en, i, (uint32_t)id, false);
    free(name);
  }
  for (const Json *v = set ? set->child : NULL; v; v = v->next) {
    char *name = text_of(v);
    int id = tag_by(en, name);
    if (!id) id = add_tag(en, name, "api", S.clock);
    set_tag(en, i, (uint32_t)id, true);
    free(name);
  }
}

/* Where the person was seen last. */
static void apply_location(Entity *en, uint32_t i, const Json *json) {
  static const char *const part[][2] = {{"city", "geo::ll-cty"}, {"region", "geo::ll-r"}, {"country", "geo::ll-cnt"}};
  const Json *where = given(json, "location"), *named = given(where, "custom");
  if (!named) named = given(where, "address");
  for (size_t k = 0; named && !en->type && k < COUNT(part); k++) {
    const Json *v = given(named, part[k][0]);
    Buf b = {0};
    if (!v || v->type != J_STRING) continue;
    put_format(&b, "{\"id\":%u,\"name\":%.*s}", (unsigned)(hash_bytes(v->raw, v->len) % 9000000) + 1000000, (int)v->len, v->raw);
    set_value(en, i, field_by(en, part[k][1]), b.p, b.n);
    drop(&b);
  }
}

static void set_default(Entity *en, uint32_t i, const char *id, const char *raw) {
  const Field *f = field_by(en, id);
  if (!entry_of(en->ov[i], f)) set_value(en, i, f, raw, strlen(raw));
}

static void set_defaults(Entity *en, uint32_t i) {
  Buf b = {0};
  if (en->type) return;
  put_time(&b, S.clock);
  set_default(en, i, "bol::p", "true");
  set_default(en, i, "bol::sp", "false");
  set_default(en, i, "str::is", "\"API\"");
  set_default(en, i, "s", end(&b));
  drop(&b);
}

static bool has_identity(const Merge *m, const Entrant *e) {
  if (m->en->type) return change_of(e, field_by(m->en, "str:o:name")) != NULL;
  return change_of(e, field_by(m->en, "str::email")) || change_of(e, field_by(m->en, "str::ei"));
}

static bool create_record(const Merge *m, const Entrant *e, Outcome *o, uint32_t *i) {
  if (m->byId) return reject(o, "invalid", "%s: Object not found", m->en->type ? "account" : "person");
  if (is_suppressed(m, e)) return reject(o, "suppressed", "Email is suppressed");
  if (!has_identity(m, e)) return reject(o, "invalid", m->en->type ? "str:o:name is required" : "str::email or str::ei is required");
  *i = new_record(m->en, false);
  o->status = "created";
  return true;
}

static bool merge_entrant(const Merge *m, Entrant *e, Outcome *o, uint32_t *i) {
  if (e->json->type != J_OBJECT) return reject(o, "invalid", "an object is expected");
  if (!read_fields(m, e, o) || !check_extras(e, o)) return false;
  int64_t found = find_record(m, e);
  if (found < 0 && m->skip) {
    o->status = "skipped";
    return false;
  }
  if (found >= 0) {
    *i = (uint32_t)found;
    o->status = "merged";
  } else if (!create_record(m, e, o, i)) {
    return false;
  }
  bool fresh = found < 0;
  if (fresh || m->strategy != 3) {
    apply_changes(m, e, *i);
    apply_tags(m->en, *i, e->json);
    apply_location(m->en, *i, e->json);
    if (fresh) set_defaults(m->en, *i);
    overlay(m->en, *i)->edited = S.clock;
  }
  id_of(m->en, *i, o->id);
  return true;
}

static bool merge_one(const Merge *m, const Json *json, Outcome *o, uint32_t *i) {
  Entrant e = {.json = json};
  *o = (Outcome){0};
  bool ok = merge_entrant(m, &e, o, i);
  entrant_free(&e);
  return ok;
}

/* ----- the request ----- */

static int read_merge_by(Call *c, Merge *m) {
  static const char *const usual[] = {"str::email", "str::ei"};
  const Json *list = given(c->in, "merge_by");
  if (!list && m->en->type) return fail(c, 400, "sandbox: merge_by is required: Invalid value");
  if (!list) {
    for (int k = 0; k < 2; k++) m->key[m->nKey++] = field_by(m->en, usual[k]);
    return 0;
  }
  if (list->type != J_ARRAY || count_of(list) < 1 || count_of(list) > 3) return invalid(c);
  for (const Json *v = list->child; v; v = v->next) {
    if (text_is(v, m->idName[0]) || (m->idName[1] && text_is(v, m->idName[1]))) {
      if (count_of(list) != 1) return invalid(c);
      m->byId = true;
      return 0;
    }
    char *id = text_of(v);
    const Field *f = v->type == J_STRING ? field_by(m->en, id) : NULL;
    free(id);
    if (!f || f->phantom || (f->kind != K_STR && f->kind != K_PHN)) return invalid(c);
    m->key[m->nKey++] = f;
  }
  return 0;
}

static int read_merge(Call *c, Merge *m) {
  static const char *const names[] = {"merge_strategy", "find_strategy", "async", "skip_non_existing", "suppression_list_field_id", "merge_by_alt_fields"};
  static const int types[] = {J_NUMBER, J_NUMBER, J_BOOL, J_BOOL, J_STRING, J_OBJECT};
  int bad = check_types(c, names, types, COUNT(names));
  if (bad) return bad;
  *m = (Merge){.en = c->en};
  m->idName[0] = c->en->type ? "str:o:account_id" : "str::person_id";
  m->idName[1] = c->en->type ? "str:o:organization_id" : NULL;
  m->strategy = integer_of(given(c->in, "merge_strategy"), 2);
  m->find = integer_of(given(c->in, "find_strategy"), 0);
  m->async = is_true(given(c->in, "async"));
  m->skip = is_true(given(c->in, "skip_non_existing"));
  m->alternatives = given(c->in, "merge_by_alt_fields");
  if (m->strategy < 1 || m->strategy > 3 || m->find < 0 || m->find > 2) return invalid(c);
  const Json *v = given(c->in, "suppression_list_field_id");
  if (v && !text_is(v, "")) {
    char *id = text_of(v);
    m->suppression = field_by(c->en, id);
    free(id);
    if (!m->suppression) return invalid(c);
  }
  return read_merge_by(c, m);
}

/* The 400 for a request of which nothing could be done. */
static int fail_all(Call *c, const char *what, const Outcome *o, size_t n) {
  fail(c, 400, "No valid %s provided (%s)", what, o[0].error ? o[0].error : "none given");
  while (c->out.n && (c->out.p[c->out.n - 1] == '\n' || c->out.p[c->out.n - 1] == '}')) c->out.n--;
  LIT(&c->out, ",\"details\":[");
  for (size_t k = 0; k < n; k++) {
    put_format(&c->out, "%s{\"status\":\"%s\",\"error\":", k ? "," : "", o[k].status);
    put_text(&c->out, o[k].error ? o[k].error : "");
    putc_to(&c->out, '}');
  }
  LIT(&c->out, "]}\n");
  return 400;
}

static void put_outcome(Call *c, const Merge *m, const Outcome *o, const char *idName) {
  putc_to(&c->out, '{');
  if (o->id[0] && !m->async) put_format(&c->out, "\"%s\":\"%s\",", idName, o->id);
  put_format(&c->out, "\"status\":\"%s\"", m->async && !o->error ? "queued" : o->status);
  if (o->error) {
    LIT(&c->out, ",\"error\":");
    put_text(&c->out, o->error);
  }
  putc_to(&c->out, '}');
}

static bool clears_wrongly(const Json *list, const Merge *m) {
  for (const Json *v = list->child; v; v = v->next)
    if (count_of(given(v, "clear_fields")) && m->strategy != 2) return true;
  return false;
}

static int api_merge(Call *c) {
  const char *what = !c->en->type ? "people" : c->old ? "organizations" : "accounts";
  const char *idName = !c->en->type ? "person_id" : c->old ? "organization_id" : "account_id";
  const Json *list = given(c->in, what);
  Merge m;
  int bad = read_merge(c, &m);
  if (bad) return bad;
  size_t n = count_of(list), done_ = 0, k = 0;
  if (!list || list->type != J_ARRAY || !n) return fail_all(c, c->en->type ? "accounts" : "contacts", &(Outcome){0}, 0);
  if (n > 100) return fail(c, 400, "sandbox: too many %s, the maximum is 100: Invalid value", what);
  if (clears_wrongly(list, &m)) return fail(c, 400, "sandbox: clear_fields needs merge_strategy 2: Invalid value");
  Outcome *o = zeroed(n, sizeof *o);
  for (const Json *v = list->child; v; v = v->next, k++) {
    uint32_t i = 0;
    merge_one(&m, v, &o[k], &i);
    done_ += !o[k].error;
  }
  int status = 200;
  if (!done_) {
    status = fail_all(c, c->en->type ? "accounts" : "contacts", o, n);
  } else {
    put_format(&c->out, "{\"%s\":[", what);
    for (k = 0; k < n; k++) {
      if (k) putc_to(&c->out, ',');
      put_outcome(c, &m, &o[k], idName);
    }
    LIT(&c->out, "]}");
  }
  for (k = 0; k < n; k++) free(o[k].error);
  free(o);
  return status;
}

/* ===== archive, restore, delete, link =================================== */

/* People lose an archived account for good. */
static void unlink_people(uint32_t account) {
  ACCOUNTS->status[account] |= UNLINKED;
  for (uint32_t i = 0; i < PEOPLE->n; i++) {
    Overlay *ov = PEOPLE->ov[i];
    if (ov && ov->hasAccount && ov->account == (int)account) ov->account = -1;
  }
}

enum { DO_ARCHIVE, DO_RESTORE, DO_DELETE };

static bool move_record(Entity *en, uint32_t i, int what) {
  bool wasArchived = en->status[i] & ARCHIVED;
  if (en->status[i] & DELETED || wasArchived == (what == DO_ARCHIVE)) return false;
  uint8_t rest = en->status[i] & UNLINKED;
  Overlay *ov = overlay(en, i);
  if (what == DO_ARCHIVE) ov->archived = S.clock;
  if (what == DO_RESTORE) ov->restored = S.clock;
  ov->edited = S.clock;
  set_status(en, i, (uint8_t)(rest | (what == DO_ARCHIVE ? ARCHIVED : what == DO_DELETE ? DELETED : 0)));
  if (en->type && what == DO_ARCHIVE) unlink_people(i);
  return true;
}

static int move_records(Call *c, int what, const char *verb) {
  const Json *include, *exclude;
  Entity *en = c->en;
  uint32_t n = 0;
  int bad = read_id_list(c, "inclusion_ids", &include);
  if (!bad) bad = read_id_list(c, "exclusion_ids", &exclude);
  if (bad) return bad;
  bool all = is_true(given(c->in, "all_rows_selected"));
  if (!all && !include) return invalid(c);
  if (en->type && count_of(include) > 100) return fail(c, 400, "sandbox: too many ids, the maximum is 100: Invalid value");
  if (all) {
    List *l = whole_list(en, what != DO_ARCHIVE);
    for (uint32_t k = 0; k < l->n; k++)
      if (!exclude || !listed(en, l->index[k], exclude)) n += move_record(en, l->index[k], what);
    list_unref(l);
  } else {
    for (const Json *v = include->child; v; v = v->next) {
      int64_t i = record_of(en, v);
      if (i >= 0) n += move_record(en, (uint32_t)i, what);
    }
  }
  const char *noun = !en->type ? "contacts" : what == DO_DELETE ? "accounts" : "organizations";
  put_format(&c->out, "{\"scheduled_%s\":0,\"%s_%s\":%u}", noun, verb, noun, n);
  return 200;
}

static int api_archive(Call *c) { return move_records(c, DO_ARCHIVE, "archived"); }
static int api_restore(Call *c) { return move_records(c, DO_RESTORE, "restored"); }
static int api_delete(Call *c) { return move_records(c, DO_DELETE, "deleted"); }

static int64_t linked_account(const Json *in) {
  static const char *const names[] = {"organization_id", "accounts_id", "account_id"};
  for (size_t k = 0; k < COUNT(names); k++)
    if (given(in, names[k])) return record_of(ACCOUNTS, given(in, names[k]));
  return -1;
}

/* person_ids, as in the recordings, is answered and has no effect. */
static int set_links(Call *c, bool on) {
  const Json *ids;
  int bad = read_id_list(c, "inclusion_ids", &ids);
  if (bad) return bad;
  int64_t account = linked_account(c->in);
  if (account < 0) return fail(c, 400, "sandbox: account: Object not found");
  for (const Json *v = ids ? ids->child : NULL; v; v = v->next) {
    int64_t i = record_of(PEOPLE, v);
    if (i < 0 || (!on && account_of((uint32_t)i) != account)) continue;
    Overlay *ov = overlay(PEOPLE, (uint32_t)i);
    ov->hasAccount = true;
    ov->account = on ? (int)account : -1;
    ov->edited = S.clock;
  }
  LIT(&c->out, "{}");
  return 200;
}

static int api_link(Call *c) { return set_links(c, true); }
static int api_unlink(Call *c) { return set_links(c, false); }

/* ===== activities ======================================================= */

static bool good_activity(const Entity *en, const Json *v) {
  const Json *id = given(v, "activity_id"), *attributes = given(v, "attributes"), *created = given(v, "created"), *key = given(v, "key");
  int64_t t;
  if (v->type != J_OBJECT || !id || id->type != J_STRING || v->len > 16384 + 4096) return false;
  char *name = text_of(id);
  bool known = act_by(name) && (!strncmp(name, "act:oc:", 7)) == (en->type == 1);
  free(name);
  if (!known) return false;
  if (attributes && (attributes->type != J_OBJECT || count_of(attributes) > 15 || attributes->len > 16384)) return false;
  if (key && key->type != J_STRING) return false;
  if (!created) return true;
  char *text = text_of(created);
  bool ok = created->type == J_STRING && read_time(text, &t);
  free(text);
  return ok;
}

static Event *same_event(const Event *e) {
  for (int k = 0; e->key && k < S.nEvent; k++) {
    Event *old = &S.event[k];
    if (old->ofAccount != e->ofAccount || old->known != e->known || old->record != e->record) continue;
    if (old->key && !strcmp(old->key, e->key) && old->at == e->at && !strcmp(old->activity, e->activity)) return old;
  }
  return NULL;
}

/* The pair of key and created makes a second delivery the same event. */
static void keep_event(const Entity *en, const Json *v, bool known, uint32_t i) {
  const Json *attributes = given(v, "attributes"), *created = given(v, "created"), *key = given(v, "key");
  Event e = {.ofAccount = en->type == 1, .record = known ? i : 0, .known = known, .at = S.clock};
  Buf when = {0};
  if (created) {
    char *text = text_of(created);
    read_time(text, &e.at);
    free(text);
  }
  put_stamp(&when, e.at);
  putc_to(&when, 'Z');
  e.created = end(&when);
  e.activity = text_of(given(v, "activity_id"));
  e.attributes = attributes ? copy_n(attributes->raw, attributes->len) : copy("{}");
  e.key = key && created ? text_of(key) : NULL;
  e.raw = copy_n(v->raw, v->len);
  Event *old = same_event(&e);
  if (old) {
    free_event(old);
    *old = e;
    return;
  }
  GROW(S.event, S.nEvent, S.capEvent);
  S.event[S.nEvent++] = e;
}

/* Who did it: by id, or merged by the keys of the request. */
static bool actor(const Merge *m, const Json *v, Outcome *o, uint32_t *i, bool *byId) {
  const Json *fields = given(v, "fields"), *id = given(v, "person_id");
  *byId = true;
  if (m->en->type) {
    id = given(fields, "str:o:organization_id");
    if (!id) id = given(fields, "str:o:account_id");
  }
  if (!id) {
    *byId = false;
    return merge_one(m, v, o, i);
  }
  *o = (Outcome){0};
  int64_t found = record_of(m->en, id);
  if (found < 0) return reject(o, "invalid", "%s: Object not found", m->en->type ? "account" : "person");
  *i = (uint32_t)found;
  id_of(m->en, *i, o->id);
  return true;
}

static void put_queued(Call *c, const Outcome *o, bool byId) {
  const char *word = c->en->type ? "account" : "person";
  if (o->error) {
    put_format(&c->out, "{\"status\":\"%s\",\"error\":", o->status);
    put_text(&c->out, o->error);
    putc_to(&c->out, '}');
    return;
  }
  putc_to(&c->out, '{');
  if (byId) put_format(&c->out, "\"%s_id\":\"%s\",", word, o->id);
  put_format(&c->out, "\"status\":\"queued\",\"%s_status\":\"queued\"}", word);
}

static int check_activities(Call *c, const Json *list) {
  size_t n = count_of(list);
  if (!list || list->type != J_ARRAY || n < 1 || n > 100) return invalid(c);
  for (const Json *v = list->child; v; v = v->next) {
    if (!good_activity(c->en, v)) return invalid(c);
    const Json *id = given(v, "person_id");
    int bad = id && !c->en->type ? check_id(c, id) : 0;
    if (bad) return bad;
  }
  return 0;
}

static bool needs_keys(const Call *c) { return given(c->in, "merge_by") || !c->en->type; }

static int api_activities(Call *c) {
  const Json *list = given(c->in, "activities");
  Merge m = {.en = c->en, .byId = true, .idName = {"str:o:account_id", "str:o:organization_id"}, .strategy = 2};
  int bad = check_activities(c, list);
  if (!bad && needs_keys(c)) bad = read_merge(c, &m);
  if (bad) return bad;
  size_t n = count_of(list), good = 0, k = 0;
  Outcome *o = zeroed(n, sizeof *o);
  LIT(&c->out, "{\"activities\":[");
  for (const Json *v = list->child; v; v = v->next, k++) {
    uint32_t i = 0;
    bool byId = false;
    if (actor(&m, v, &o[k], &i, &byId)) keep_event(c->en, v, true, i);
    good += !o[k].error;
    if (k) putc_to(&c->out, ',');
    put_queued(c, &o[k], byId);
  }
  LIT(&c->out, "]}");
  int status = good ? 200 : fail_all(c, "activities", o, n);
  for (k = 0; k < n; k++) free(o[k].error);
  free(o);
  return status;
}

/* ----- definitions of activities ----- */

static void put_attribute(Buf *b, const char *name, const char *id, const char *display, const char *act, bool schema) {
  char *tail = kebab(name);
  put_format(b, "{\"%s\":", schema ? "id" : "name");
  put_text(b, schema ? id : name);
  put_format(b, ",\"%s\":", schema ? "name" : "field_id");
  put_text(b, schema ? name : id);
  put_format(b, ",\"display_type\":\"%s\",\"liquid_name\":\"activity.custom.%s.%s\"}", display, act, tail);
  free(tail);
}

/* Appends the attributes in both shapes; false if one is wrong. */
static bool read_attributes(const Json *list, const char *act, Buf *answer, Buf *schema) {
  putc_to(answer, '[');
  putc_to(schema, '[');
  for (const Json *v = list ? list->child : NULL; v; v = v->next) {
    const Json *name = given(v, "name");
    char *display = text_of(given(v, "display_type")), *text = text_of(name), *tail = kebab(text);
    const CustomType *t = custom_type(display);
    bool ok = t && name && name->type == J_STRING && *tail;
    if (ok) {
      char *id = joined(t->prefix, ":cm:", tail);
      if (v != list->child) putc_to(answer, ','), putc_to(schema, ',');
      put_attribute(answer, text, id, t->display, act, false);
      put_attribute(schema, text, id, t->display, act, true);
      free(id);
    }
    free(display);
    free(text);
    free(tail);
    if (!ok) return false;
  }
  putc_to(answer, ']');
  putc_to(schema, ']');
  return true;
}

static void put_display_mode(Buf *b, const Json *style, const Json *attributes) {
  char *type = text_of(given(style, "type"));
  LIT(b, "{\"type\":");
  put_text(b, *type ? type : "activity");
  for (const Json *v = attributes ? attributes->child : NULL; v && !strcmp(type, "activity_attribute"); v = v->next) {
    char *name = text_of(given(v, "name")), *display = text_of(given(v, "display_type")), *tail = kebab(name);
    const CustomType *t = custom_type(display);
    if (t && text_is(given(style, "attribute_name"), name)) {
      char *id = joined(t->prefix, ":cm:", tail);
      LIT(b, ",\"attribute_field_id\":");
      put_text(b, id);
      free(id);
    }
    free(name);
    free(display);
    free(tail);
  }
  putc_to(b, '}');
  free(type);
}

static void put_custom_activity(Buf *b, const Json *in, const char *name, const char *id, const Buf *attributes) {
  static const char *const flags[] = {"track_conversion_value", "touch", "filterable", "visible_in_feeds"};
  char *icon = text_of(given(in, "icon_id"));
  LIT(b, "{\"custom_activity\":{\"name\":");
  put_text(b, name);
  LIT(b, ",\"activity_field_id\":");
  put_text(b, id);
  LIT(b, ",\"state\":\"awaiting_implementation\",\"display_mode\":");
  put_display_mode(b, given(in, "display_style"), given(in, "attributes"));
  LIT(b, ",\"attributes\":");
  put(b, attributes->p, attributes->n);
  LIT(b, ",\"icon_id\":");
  put_text(b, icon);
  for (size_t k = 0; k < COUNT(flags); k++) put_format(b, ",\"%s\":%s", flags[k], is_true(given(in, flags[k])) ? "true" : "false");
  LIT(b, ",\"created_by\":\"Public API\",\"created_at\":");
  put_time_ms(b, S.clock, 326);
  LIT(b, ",\"edited_at\":");
  put_time_ms(b, S.clock, 326);
  LIT(b, "}}");
  free(icon);
}

static int api_define_activity(Call *c) {
  static const char *const names[] = {"name", "icon_id", "display_style", "attributes"};
  static const int types[] = {J_STRING, J_STRING, J_OBJECT, J_ARRAY};
  int bad = check_types(c, names, types, COUNT(names));
  if (bad) return bad;
  char *name = text_of(given(c->in, "name")), *slug = kebab(name), *id = joined("act", ":cm:", slug);
  Buf answer = {0}, schema = {0};
  int status = 200;
  if (!*slug || !read_attributes(given(c->in, "attributes"), slug, &answer, &schema)) {
    status = invalid(c);
  } else if (act_by(id)) {
    status = fail(c, 409, "sandbox: %s: Object already exists", id);
  } else {
    add_act(id, name, copy_n(schema.p, schema.n));
    put_custom_activity(&c->out, c->in, name, id, &answer);
  }
  drop(&answer);
  drop(&schema);
  free(name);
  free(slug);
  free(id);
  return status;
}

/* ===== custom fields ==================================================== */

static void put_items(Buf *b, const Field *f) {
  putc_to(b, '[');
  for (int k = 0; k < f->nItems; k++) {
    if (k) putc_to(b, ',');
    put_text(b, f->items[k]);
  }
  putc_to(b, ']');
}

static void take_items(Field *f, const Json *list) {
  char **item = zeroed(count_of(list), sizeof *item);
  int n = 0;
  for (const Json *v = list ? list->child : NULL; v; v = v->next) item[n++] = text_of(v);
  set_items(f, (const char *const *)item, n);
  while (n) free(item[--n]);
  free(item);
}

static bool is_select(const char *display) { return !strcmp(display, "single_select") || !strcmp(display, "multi_select"); }

static bool name_taken(const Entity *en, const char *name) {
  char *tail = kebab(name);
  bool taken = false;
  for (int k = 0; k < en->nField; k++) {
    const Field *f = en->field[k];
    if (!f->custom || f->removed || f->phantom) continue;
    taken = taken || !strcasecmp(f->name, name) || !strcmp(strrchr(f->id, ':') + 1, tail);
  }
  free(tail);
  return taken;
}

static int api_create_field(Call *c) {
  const Json *values = given(c->in, "values"), *name = given(c->in, "name");
  char *type = text_of(given(c->in, "type")), *text = text_of(name), *slug = kebab(text);
  const CustomType *t = custom_type(type);
  int status = 200;
  bool good = t && strcmp(type, "text_list") && name && name->type == J_STRING && *slug && strlen(text) <= 255;
  good = good && is_select(t->display) == (count_of(values) > 0) && (!values || is_text_list(values));
  if (!good) {
    status = invalid(c);
  } else if (name_taken(c->en, text)) {
    status = fail(c, 409, "sandbox: field %s: Object already exists", text);
  } else {
    Field *f = add_custom(c->en, t, text, false);
    take_items(f, values);
    if (given(c->in, "track_changes")) f->tracked = is_true(given(c->in, "track_changes"));
    LIT(&c->out, "{\"name\":");
    put_text(&c->out, f->name);
    LIT(&c->out, ",\"field_id\":");
    put_text(&c->out, f->id);
    put_format(&c->out, ",\"display_type\":\"%s\"", f->display);
    if (f->nItems) {
      LIT(&c->out, ",\"values\":");
      put_items(&c->out, f);
    }
    putc_to(&c->out, '}');
  }
  free(type);
  free(text);
  free(slug);
  return status;
}

static int item_number(const Field *f, const char *text) {
  for (int k = 0; k < f->nItems; k++)
    if (!strcmp(f->items[k], text)) return k;
  return -1;
}

static void change_items(Field *f, const Json *list, bool add) {
  for (const Json *v = list->child; v; v = v->next) {
    char *text = text_of(v);
    int at = item_number(f, text);
    if (add && at < 0) {
      f->items = resize(f->items, (size_t)f->nItems + 1, sizeof *f->items);
      f->items[f->nItems++] = copy(text);
    } else if (!add && at >= 0) {
      free(f->items[at]);
      f->nItems--;
      memmove(f->items + at, f->items + at + 1, (size_t)(f->nItems - at) * sizeof *f->items);
    }
    free(text);
  }
}

/* Replace wins over add, add over remove. */
static int api_update_field(Call *c) {
  const Json *replace = given(c->in, "replace_values"), *add = given(c->in, "add_values"), *remove_ = given(c->in, "remove_values");
  char *id = text_of(given(c->in, "field_id"));
  Field *f = field_by(c->en, id);
  free(id);
  const Json *list = replace ? replace : add ? add : remove_;
  if (!f || !f->custom || (list && (!is_select(f->display) || !is_text_list(list)))) return invalid(c);
  if (replace) take_items(f, replace);
  else if (list) change_items(f, list, list == add);
  if (given(c->in, "track_changes")) f->tracked = is_true(given(c->in, "track_changes"));
  LIT(&c->out, "{\"field_id\":");
  put_text(&c->out, f->id);
  LIT(&c->out, ",\"values\":");
  if (is_select(f->display)) put_items(&c->out, f);
  else LIT(&c->out, "null");
  put_format(&c->out, ",\"track_changes\":%s}", f->tracked ? "true" : "false");
  return 200;
}

/* ===== subscriptions ==================================================== */

/* The person that an object names by id, email or external id; -1 for none. */
static int64_t named_person(const Json *v, const char **how) {
  static const char *const names[][2] = {{"email", "str::email"}, {"external_id", "str::ei"}};
  *how = "by-id";
  if (given(v, "person_id")) return record_of(PEOPLE, given(v, "person_id"));
  *how = "merged";
  for (int k = 0; k < 2; k++) {
    if (!given(v, names[k][0])) continue;
    char *text = text_of(given(v, names[k][0]));
    Buf b = {text, strlen(text), 0};
    Merge m = {.en = PEOPLE};
    Entrant e = {0};
    int64_t i = find_by(&m, &e, 0, field_by(PEOPLE, names[k][1]), &b);
    free(text);
    return i;
  }
  *how = NULL;
  return -1;
}

static int check_people(Call *c, const Json *list) {
  if (!list || list->type != J_ARRAY || !list->child || count_of(list) > 100) return invalid(c);
  for (const Json *v = list->child; v; v = v->next) {
    const Json *id = given(v, "person_id");
    int bad = id ? check_id(c, id) : 0;
    if (bad) return bad;
    if (!id && !given(v, "email") && !given(v, "external_id")) return invalid(c);
  }
  return 0;
}

static void set_opt_in(int audience, uint32_t i, const Json *v) {
  bool sms, subscribed = opted_in(audience, i, &sms);
  if (given(v, "subscribed")) subscribed = is_true(given(v, "subscribed"));
  if (given(v, "sms_opted_in")) sms = is_true(given(v, "sms_opted_in"));
  GROW(S.optIn, S.nOptIn, S.capOptIn);
  S.optIn[S.nOptIn++] = (OptIn){i, audience, subscribed, sms};
}

static int api_subscribe(Call *c) {
  const Json *list = given(c->in, "people"), *id = given(c->in, "audience_id");
  int bad = id ? check_id(c, id) : invalid(c);
  if (!bad) bad = check_people(c, list);
  if (bad) return bad;
  char *text = text_of(id);
  int audience = audience_by(text);
  if (audience < 0) {
    free(text);
    return fail(c, 400, "sandbox: audience: Object not found");
  }
  put_format(&c->out, "{\"audience_id\":\"%s\",\"people\":[", text);
  free(text);
  for (const Json *v = list->child; v; v = v->next) {
    const char *how;
    char pid[25];
    int64_t i = named_person(v, &how);
    if (i >= 0) set_opt_in(audience, (uint32_t)i, v);
    put_format(&c->out, "%s{\"person_status\":\"%s\",", v == list->child ? "" : ",", i < 0 ? "not-found" : how);
    if (i >= 0 && strcmp(how, "by-id")) {
      id_of(PEOPLE, (uint32_t)i, pid);
      put_format(&c->out, "\"person_id\":\"%s\",", pid);
    }
    const Json *on = given(v, "subscribed");
    put_format(&c->out, "\"status\":\"%s\"}", i < 0 ? "invalid" : on && !is_true(on) ? "unsubscribed" : "subscribed");
  }
  LIT(&c->out, "]}");
  return 200;
}

static void put_subscriptions(Buf *b, uint32_t i) {
  bool any = false;
  LIT(b, "[");
  for (int k = 0; k < S.nAudience; k++) {
    bool sms, in = opted_in(k, i, &sms);
    if (S.audience[k].archived || !is_member(&S.audience[k], i)) continue;
    put_format(b, "%s{\"audience_id\":\"%s\",\"audience_name\":", any ? "," : "", S.audience[k].id);
    any = true;
    put_text(b, S.audience[k].name);
    LIT(b, ",\"member_from\":");
    put_time(b, S.audience[k].created + 60);
    put_format(b, ",\"subscribed\":%s,\"subscribed_from\":", in ? "true" : "false");
    put_time(b, S.audience[k].created + 60);
    put_format(b, ",\"sms_opted_in\":%s,\"whatsapp_opted_in\":false,\"ios_opted_in\":false,\"android_opted_in\":false,\"web_opted_in\":false}",
               sms ? "true" : "false");
  }
  putc_to(b, ']');
}

static void put_permission(Buf *b, uint32_t i, const char *id) {
  Buf v = {0};
  bool on = value(&v, PEOPLE, i, field_by(PEOPLE, id)) && v.n == 4 && !memcmp(v.p, "true", 4);
  puts_to(b, on ? "true" : "false");
  drop(&v);
}

static int api_subscriptions(Call *c) {
  const Json *list = given(c->in, "people");
  int bad = check_people(c, list);
  if (bad) return bad;
  LIT(&c->out, "{\"people\":[");
  for (const Json *v = list->child; v; v = v->next) {
    const char *how;
    char id[25];
    int64_t i = named_person(v, &how);
    if (v != list->child) putc_to(&c->out, ',');
    if (i < 0) {
      LIT(&c->out, "{\"person_status\":\"not-found\",\"subscriptions\":null}");
      continue;
    }
    id_of(PEOPLE, (uint32_t)i, id);
    put_format(&c->out, "{\"person_status\":\"%s\",\"person_id\":\"%s\"", how, id);
    if (given(v, "email") && strcmp(how, "by-id")) put_format(&c->out, ",\"email\":%.*s", (int)given(v, "email")->len, given(v, "email")->raw);
    LIT(&c->out, ",\"subscriptions\":");
    put_subscriptions(&c->out, (uint32_t)i);
    LIT(&c->out, ",\"email_permissions\":");
    put_permission(&c->out, (uint32_t)i, "bol::p");
    LIT(&c->out, ",\"sms_permissions\":");
    put_permission(&c->out, (uint32_t)i, "bol::sp");
    LIT(&c->out, ",\"ios_permissions\":false,\"android_permissions\":false,\"web_permissions\":false}");
  }
  LIT(&c->out, "]}");
  return 200;
}

/* ===== Segment's protocol =============================================== */

static int segment_me(Call *c) {
  LIT(&c->out, "{}");
  return 200;
}

static bool is_filled(const Json *v) { return v && v->type == J_STRING && v->len > 2; }

/* Why an item is refused, or NULL. */
static const char *item_fault(const char *path, const Json *v) {
  const Json *traits = given(v, "traits"), *audience = given(v, "audience"), *id = given(audience, "id");
  if (v->type != J_OBJECT) return "The item is not an object";
  if (!is_filled(given(v, "user_id")) && !is_filled(given(v, "anonymous_id"))) return "Either user_id or anonymous_id is required";
  if (traits && traits->type != J_OBJECT) return "traits must be an object";
  if (strstr(path, "track") && !is_filled(given(v, "event"))) return "Missing event name";
  if (strstr(path, "members") && !is_filled(id)) return "Missing audience Id";
  if (!audience) return NULL;
  char *text = text_of(id);
  bool known = audience_by(text) >= 0;
  free(text);
  if (!known) return "Audience not found";
  return text_is(given(audience, "mode"), "add") || text_is(given(audience, "mode"), "remove") ? NULL : "Unknown audience mode";
}

/* Every item is kept as it came, also a refused one; the answer is 200 all the same. */
static int segment_items(Call *c) {
  bool any = false;
  int index = 0;
  if (!c->in || c->in->type != J_ARRAY || count_of(c->in) > 500) return fail(c, 400, "an array of at most 500 items is expected");
  putc_to(&c->out, '{');
  for (const Json *v = c->in->child; v; v = v->next, index++) {
    GROW(S.item, S.nItem, S.capItem);
    S.item[S.nItem++] = (Item){copy(c->path), copy_n(v->raw, v->len)};
    const char *why = item_fault(c->path, v);
    if (!why) continue;
    put_format(&c->out, "%s{\"status\":400,\"message\":\"%s\",\"index\":%d}", any ? "," : "\"errors\":[", why, index);
    any = true;
  }
  puts_to(&c->out, any ? "]}" : "}");
  return 200;
}

static void put_segment_audience(Buf *b, int k) {
  put_format(b, "{\"id\":\"%s\",\"name\":", S.audience[k].id);
  put_text(b, S.audience[k].name);
  putc_to(b, '}');
}

static int segment_create(Call *c) {
  char *name = text_of(given(c->in, "name")), *s = name;
  while (*s == ' ' || *s == '\t' || *s == '\n') s++;
  for (size_t n = strlen(s); n && strchr(" \t\n", s[n - 1]); n--) s[n - 1] = 0;
  int k = 0;
  while (k < S.nAudience && (S.audience[k].archived || strcmp(S.audience[k].name, s))) k++;
  if (*s && k == S.nAudience) k = add_audience(s, S.clock, 0, false);
  int status = *s ? 200 : fail(c, 400, "the audience needs a name");
  if (status == 200) put_segment_audience(&c->out, k);
  free(name);
  return status;
}

static int segment_get(Call *c) {
  char *id = text_of(given(c->in, "id"));
  int k = audience_by(id);
  free(id);
  if (k < 0) return fail(c, 404, "Audience not found");
  put_segment_audience(&c->out, k);
  return 200;
}

/* ===== the log of requests ============================================== */

#define LOG_ENTRIES 20000
#define LOG_BYTES (64u << 20)

typedef struct Logged {
  uint64_t n;       /* 1, 2, ...; 0: unused */
  char *method, *path, *query;
  int status;       /* 0: no answer (yet) */
  int64_t at;       /* ns since the start */
  int inFlight;
  size_t in, out;
  char *body;
  size_t nBody;
} Logged;

static pthread_mutex_t logLock = PTHREAD_MUTEX_INITIALIZER;
static struct {
  Logged *entry;         /* a ring of LOG_ENTRIES */
  uint64_t n;            /* entries since the reset */
  uint64_t first;        /* number of the first since the reset, less 1 */
  size_t bytes;          /* of bodies kept */
  uint64_t keptFrom;     /* entries before it have lost their bodies */
  int inFlight, maxInFlight;
  int64_t *window;       /* arrivals of the last second, a ring */
  size_t windowCap, windowAt, windowN, maxPerSecond;
  uint64_t bytesOut;
  int64_t start;
} L;

static Logged *log_at(uint64_t n) { return &L.entry[n % LOG_ENTRIES]; }

static void logged_free(Logged *e) {
  L.bytes -= e->nBody;
  free(e->method);
  free(e->path);
  free(e->query);
  free(e->body);
  *e = (Logged){0};
}

static void count_arrival(int64_t t) {
  while (L.windowN && L.window[L.windowAt] <= t - 1000000000) {
    L.windowAt = (L.windowAt + 1) % L.windowCap;
    L.windowN--;
  }
  if (L.windowN == L.windowCap) {
    size_t cap = L.windowCap ? L.windowCap * 2 : 256;
    int64_t *w = resize(NULL, cap, sizeof *w);
    for (size_t k = 0; k < L.windowN; k++) w[k] = L.window[(L.windowAt + k) % L.windowCap];
    free(L.window);
    L.window = w;
    L.windowCap = cap;
    L.windowAt = 0;
  }
  L.window[(L.windowAt + L.windowN++) % L.windowCap] = t;
  if (L.windowN > L.maxPerSecond) L.maxPerSecond = L.windowN;
}

static uint64_t log_arrival(const char *method, const char *path, const char *query) {
  pthread_mutex_lock(&logLock);
  uint64_t n = L.first + ++L.n;
  Logged *e = log_at(n);
  if (e->n) logged_free(e);
  if (++L.inFlight > L.maxInFlight) L.maxInFlight = L.inFlight;
  *e = (Logged){n, copy(method), copy(path), copy(query), 0, now_ns() - L.start, L.inFlight, 0, 0, NULL, 0};
  count_arrival(e->at);
  pthread_mutex_unlock(&logLock);
  return n;
}

static void log_body(uint64_t n, const char *body, size_t size) {
  pthread_mutex_lock(&logLock);
  Logged *e = log_at(n);
  if (e->n == n) {
    e->in = e->nBody = size;
    e->body = copy_n(body ? body : "", size);
    L.bytes += size;
    if (L.keptFrom <= L.first) L.keptFrom = L.first + 1;
    while (L.bytes > LOG_BYTES && L.keptFrom < n) {
      Logged *old = log_at(L.keptFrom++);
      L.bytes -= old->nBody;
      free(old->body);
      old->body = NULL;
      old->nBody = 0;
    }
  }
  pthread_mutex_unlock(&logLock);
}

static void log_answer(uint64_t n, int status, size_t size) {
  pthread_mutex_lock(&logLock);
  Logged *e = log_at(n);
  if (e->n == n) {
    e->status = status;
    e->out = size;
  }
  L.bytesOut += size;
  pthread_mutex_unlock(&logLock);
}

static void log_leave(void) {
  pthread_mutex_lock(&logLock);
  L.inFlight--;
  pthread_mutex_unlock(&logLock);
}

static void log_forget(void) {
  pthread_mutex_lock(&logLock);
  for (size_t k = 0; k < LOG_ENTRIES; k++)
    if (L.entry[k].n) logged_free(&L.entry[k]);
  L.first += L.n;
  L.n = 0;
  L.bytes = 0;
  L.maxInFlight = L.inFlight;
  L.windowN = L.maxPerSecond = 0;
  L.bytesOut = 0;
  pthread_mutex_unlock(&logLock);
}

static void log_open(void) {
  L.start = now_ns();
  L.entry = zeroed(LOG_ENTRIES, sizeof *L.entry);
}

static void log_close(void) {
  log_forget();
  free(L.entry);
  free(L.window);
}

/* How many requests, or with a path how many of those that are kept. */
static uint64_t log_count(const char *path) {
  uint64_t n = 0;
  pthread_mutex_lock(&logLock);
  uint64_t from = L.first + (L.n > LOG_ENTRIES ? L.n - LOG_ENTRIES : 0) + 1;
  for (uint64_t k = from; path && k <= L.first + L.n; k++) n += !strcmp(log_at(k)->path, path);
  if (!path) n = L.n;
  pthread_mutex_unlock(&logLock);
  return n;
}

static void put_stats(Buf *b) {
  pthread_mutex_lock(&logLock);
  put_format(b, "{\"requests\":%" PRIu64 ",\"max_in_flight\":%d,\"max_per_second\":%zu,\"bytes_out\":%" PRIu64 "}\n", L.n,
             L.maxInFlight, L.maxPerSecond, L.bytesOut);
  pthread_mutex_unlock(&logLock);
}

static void put_body(Buf *b, const Logged *e, bool full) {
  Reader r;
  bool cut = e->nBody > 4096 && !full;
  Json *v = cut || !e->body ? NULL : read_json(&r, e->body, e->nBody);
  if (v) {
    put(b, v->raw, v->len);
    reader_free(&r);
    return;
  }
  if (!e->body) {
    LIT(b, "null");
    return;
  }
  char *text = copy_n(e->body, cut ? 4096 : e->nBody);
  for (char *s = text; *s; s++)
    if ((unsigned char)*s >= 0x80) *s = '?';
  put_text(b, text);
  free(text);
}

static void put_logged(Buf *b, const Logged *e, bool full) {
  put_format(b, "{\"n\":%" PRIu64 ",\"method\":\"%s\",\"path\":", e->n - L.first, e->method);
  put_text(b, e->path);
  if (*e->query) {
    LIT(b, ",\"query\":");
    put_text(b, e->query);
  }
  put_format(b, ",\"status\":%d,\"t_ms\":%.3f,\"in_flight\":%d,\"bytes_in\":%zu,\"bytes_out\":%zu,\"body\":", e->status,
             (double)e->at / 1e6, e->inFlight, e->in, e->out);
  put_body(b, e, full);
  putc_to(b, '}');
}

static void put_log(Buf *b, bool brief, bool full) {
  pthread_mutex_lock(&logLock);
  uint64_t from = L.first + (L.n > LOG_ENTRIES ? L.n - LOG_ENTRIES : 0) + 1;
  if (!brief) putc_to(b, '[');
  for (uint64_t n = from; n <= L.first + L.n; n++) {
    const Logged *e = log_at(n);
    if (brief) {
      put_format(b, "%s %s %d\n", e->method, e->path, e->status);
      continue;
    }
    if (n > from) LIT(b, ",\n");
    put_logged(b, e, full);
  }
  if (!brief) LIT(b, "]\n");
  pthread_mutex_unlock(&logLock);
}

/* ----- faults waiting for requests ----- */

static pthread_mutex_t faultLock = PTHREAD_MUTEX_INITIALIZER;
static Fault *faults;
static atomic_uint_fast64_t faultEra; /* changes when all are cleared: ends hangs */

static void fault_unref(Fault *f) {
  if (!f || --f->refs) return;
  for (char **h = f->header; h && *h; h++) free(*h);
  free(f->header);
  free(f->path);
  free(f->body);
  free(f->contentType);
  free(f->shape);
  free(f->member);
  free(f->location);
  free(f);
}

static void match_faults(Call *c) {
  pthread_mutex_lock(&faultLock);
  for (Fault *f = faults; f && c->nFault < (int)COUNT(c->fault); f = f->next) {
    if (f->path && strncmp(c->path, f->path, strlen(f->path))) continue;
    if (f->after > 0) {
      f->after--;
      continue;
    }
    if (!f->times) continue;
    if (f->times > 0) f->times--;
    f->refs++;
    c->fault[c->nFault++] = f;
  }
  pthread_mutex_unlock(&faultLock);
}

/* Gives back the faults of a call that is over. */
static void release_faults(Call *c) {
  pthread_mutex_lock(&faultLock);
  for (int k = 0; k < c->nFault; k++) fault_unref(c->fault[k]);
  pthread_mutex_unlock(&faultLock);
}

static uint64_t fault_era(void) { return faultEra; }

static void clear_faults(void) {
  pthread_mutex_lock(&faultLock);
  while (faults) {
    Fault *f = faults;
    faults = f->next;
    fault_unref(f);
  }
  faultEra++;
  pthread_mutex_unlock(&faultLock);
}

static char *text_or_null(const Json *v) { return v && v->type != J_NULL ? text_of(v) : NULL; }

static char **read_headers(const Json *object) {
  char **header = zeroed(count_of(object) * 2 + 1, sizeof *header);
  size_t n = 0;
  for (const Json *v = object ? object->child : NULL; v; v = v->next) {
    header[n++] = copy(v->key);
    header[n++] = text_of(v);
  }
  return header;
}

static bool add_fault(const Json *in) {
  char *kind = text_of(given(in, "kind"));
  size_t k = 0;
  while (k < COUNT(FAULTS) && strcmp(FAULTS[k], kind)) k++;
  free(kind);
  if (k == COUNT(FAULTS)) return false;
  Fault *f = zeroed(1, sizeof *f);
  f->refs = 1;
  f->kind = (FaultKind)k;
  f->path = text_or_null(member(in, "path"));
  f->after = integer_of(member(in, "after"), 0);
  f->times = integer_of(member(in, "times"), 1);
  f->status = integer_of(member(in, "status"), 500);
  f->seconds = integer_of(member(in, "seconds"), 1);
  f->ms = integer_of(member(in, "ms"), 100);
  f->bytes = integer_of(member(in, "bytes"), 64);
  f->rows = integer_of(member(in, "rows"), 1);
  f->mb = integer_of(member(in, "mb"), 65);
  f->body = text_or_null(member(in, "body"));
  f->contentType = text_or_null(member(in, "content_type"));
  f->shape = text_or_null(member(in, "shape"));
  f->member = text_or_null(member(in, "member"));
  f->location = text_or_null(member(in, "location"));
  f->header = read_headers(given(in, "headers"));
  f->chunked = is_true(member(in, "chunked"));
  f->gzip = is_true(member(in, "gzip"));
  f->shift = is_true(member(in, "shift"));
  pthread_mutex_lock(&faultLock);
  Fault **tail = &faults;
  while (*tail) tail = &(*tail)->next;
  *tail = f;
  pthread_mutex_unlock(&faultLock);
  return true;
}

/* ===== control calls ==================================================== */

static const char *argument(const Call *c, const char *name) {
  return MHD_lookup_connection_value(c->connection, MHD_GET_ARGUMENT_KIND, name);
}

static bool has_argument(const Call *c, const char *name) {
  const char *v = NULL;
  size_t n = 0;
  return MHD_lookup_connection_value_n(c->connection, MHD_GET_ARGUMENT_KIND, name, strlen(name), &v, &n) == MHD_YES;
}

static int refuse(Call *c, const char *why) {
  c->out.n = 0;
  LIT(&c->out, "{\"error\":");
  put_text(&c->out, why);
  LIT(&c->out, "}\n");
  return 400;
}

static int done(Call *c) {
  LIT(&c->out, "{}\n");
  return 200;
}

static int control_requests(Call *c) {
  put_log(&c->out, has_argument(c, "brief"), has_argument(c, "full"));
  return 200;
}

static int control_count(Call *c) {
  put_format(&c->out, "%" PRIu64 "\n", log_count(argument(c, "path")));
  return 200;
}

static int control_forget(Call *c) {
  log_forget();
  return done(c);
}

static int control_stats(Call *c) {
  put_stats(&c->out);
  return 200;
}

static int control_fault(Call *c) { return add_fault(c->in) ? done(c) : refuse(c, "unknown kind of fault"); }

static int control_clear(Call *c) {
  clear_faults();
  return done(c);
}

static int control_set(Call *c) {
  const Json *v;
  if ((v = given(c->in, "latency_ms"))) S.latency = (int)integer_of(v, 0);
  if ((v = given(c->in, "rate"))) S.rate = (int)integer_of(v, 0);
  if ((v = given(c->in, "region_error"))) S.regionError = is_true(v);
  if ((v = given(c->in, "snapshot"))) S.snapshots = is_true(v);
  return done(c);
}

static int control_reset(Call *c) {
  free_state();
  fill_state();
  forget_keys();
  forget_snapshots();
  clear_faults();
  log_forget();
  return done(c);
}

/* ----- changing records behind the client's back ----- */

static void remove_records(Entity *en, int64_t n, bool newest) {
  List *l = whole_list(en, false);
  if (n > l->n) n = l->n;
  uint32_t from = newest ? 0 : (l->n - (uint32_t)n) / 2;
  for (uint32_t k = from; k < from + (uint32_t)n; k++) set_status(en, l->index[k], DELETED);
  list_unref(l);
}

static void edit_records(Entity *en, int64_t n, int64_t step) {
  const Field *f = field_by(en, en->type ? "str:o:industry" : "str::first");
  List *l = whole_list(en, false);
  if (step < 1) step = 1;
  for (int64_t k = 0; k < n && k * step < l->n; k++) {
    uint32_t i = l->index[k * step];
    Buf b = {0};
    put_format(&b, "\"Edited %" PRId64 " %" PRId64 "\"", S.clock - BASE_TIME, k);
    set_value(en, i, f, b.p, b.n);
    en->ov[i]->edited = S.clock;
    drop(&b);
  }
  list_unref(l);
}

/* The record that the call names, by id or by place in the list, or a new one. */
static int64_t named_record(Entity *en, const Json *who) {
  const Json *id = given(who, "id"), *nth = given(who, "nth");
  int64_t i = -1;
  if (nth) {
    List *l = whole_list(en, false);
    int64_t at = integer_of(nth, -1);
    if (at >= 0 && at < l->n) i = l->index[at];
    list_unref(l);
    return i;
  }
  if (id) {
    if (id->len != 26) return -1;
    if ((i = record_of(en, id)) >= 0) return i;
  }
  i = new_record(en, false);
  if (id) en->ov[i]->customId = text_of(id);
  return i;
}

static int put_raw_record(Call *c, const Json *who) {
  Entity *en = c->en;
  char id[25];
  int64_t i = named_record(en, who);
  if (i < 0) return refuse(c, "no such record");
  const Json *fields = given(who, "fields");
  for (const Json *v = fields ? fields->child : NULL; v; v = v->next) {
    Field *f = field_n(en, v->key, v->keyLen);
    if (!f) {
      f = add_field(en, v->key, v->key, "text");
      f->phantom = true;
    }
    set_value(en, (uint32_t)i, f, v->raw, v->len);
  }
  overlay(en, (uint32_t)i)->edited = S.clock;
  id_of(en, (uint32_t)i, id);
  put_format(&c->out, "{\"id\":\"%s\"}\n", id);
  return 200;
}

static int control_records(Call *c) {
  const Json *v, *who = given(c->in, c->en->type ? "account" : "person");
  int64_t from = integer_of(given(c->in, "add"), 0);
  for (int64_t k = 0; k < from; k++) new_record(c->en, true);
  if ((v = given(c->in, "remove"))) remove_records(c->en, integer_of(v, 0), text_is(given(c->in, "from"), "newest"));
  if ((v = given(c->in, "edit"))) edit_records(c->en, integer_of(v, 0), integer_of(given(c->in, "step"), 1));
  forget_keys();
  return who ? put_raw_record(c, who) : done(c);
}

static int control_field(Call *c) {
  Entity *en = text_is(given(c->in, "entity"), "accounts") ? ACCOUNTS : PEOPLE;
  char *id = text_of(given(c->in, given(c->in, "remove") ? "remove" : "id"));
  Field *f = field_by(en, id);
  if (given(c->in, "remove")) {
    free(id);
    if (!f) return refuse(c, "no such field");
    f->removed = true;
    index_fields(en);
    return done(c);
  }
  if (!f || f->phantom) {
    char *name = text_of(given(c->in, "name")), *display = text_of(given(c->in, "display_type"));
    if (!f) f = add_field(en, id, name, *display ? display : "text");
    f->phantom = false;
    free(name);
    free(display);
  }
  free(id);
  take_items(f, given(c->in, "values"));
  return done(c);
}

/* ----- looking at the state ----- */

static void put_state(Buf *b, const Entity *en, uint32_t i) {
  char id[25];
  uint32_t spare[3];
  int n;
  bool any = false;
  id_of(en, i, id);
  put_format(b, "{\"id\":\"%s\",\"archived\":%s,\"fields\":{", id, en->status[i] & ARCHIVED ? "true" : "false");
  for (int k = 0; k < en->nField; k++) {
    size_t mark = b->n;
    if (en->field[k]->removed || !strcmp(en->field[k]->id, "tags")) continue;
    if (any) putc_to(b, ',');
    put_text(b, en->field[k]->id);
    putc_to(b, ':');
    if (value(b, en, i, en->field[k])) any = true;
    else b->n = mark;
  }
  LIT(b, "},\"tags\":[");
  const uint32_t *tag = tags_of(en, i, spare, &n);
  for (int k = 0; k < n; k++) {
    if (k) putc_to(b, ',');
    put_text(b, en->tag[tag[k] - 1].name);
  }
  LIT(b, "]}\n");
}

static int64_t scan_for(const Entity *en, const char *fieldId, const char *text) {
  const Field *f = field_by(en, fieldId);
  Cell c = {.record = -1};
  int64_t found = -1;
  for (uint32_t i = 0; i < en->n && found < 0; i++) {
    if (en->status[i] & DELETED) continue;
    cell_read(&c, en, i, f);
    if (c.has && c.text.n == strlen(text) && !memcmp(c.text.p, text, c.text.n)) found = i;
  }
  cell_free(&c);
  return found;
}

static int control_record(Call *c) {
  const char *id = argument(c, "id"), *email = argument(c, "email"), *ei = argument(c, "ei"), *name = argument(c, "name");
  int64_t i = -1;
  if (id) i = strlen(id) == 24 ? find_id(c->en, id) : -1;
  else if (c->en->type) i = name ? scan_for(c->en, "str:o:name", name) : -1;
  else if (email) i = scan_for(c->en, "str::email", email);
  else if (ei) i = scan_for(c->en, "str::ei", ei);
  if (i < 0) LIT(&c->out, "null\n");
  else put_state(&c->out, c->en, (uint32_t)i);
  return 200;
}

static int control_population(Call *c) {
  put_format(&c->out, "{\"active\":%u,\"archived\":%u}\n", c->en->active, c->en->archived);
  return 200;
}

static int control_activities(Call *c) {
  char id[25];
  putc_to(&c->out, '[');
  for (int k = 0; k < S.nEvent; k++) {
    const Event *e = &S.event[k];
    if (k) LIT(&c->out, ",\n");
    LIT(&c->out, "{\"activity_id\":");
    put_text(&c->out, e->activity);
    if (e->known) {
      id_of(e->ofAccount ? ACCOUNTS : PEOPLE, e->record, id);
      put_format(&c->out, ",\"%s\":\"%s\"", e->ofAccount ? "account_id" : "person_id", id);
    }
    LIT(&c->out, ",\"created\":");
    put_text(&c->out, e->created);
    LIT(&c->out, ",\"key\":");
    if (e->key) put_text(&c->out, e->key);
    else LIT(&c->out, "null");
    put_format(&c->out, ",\"attributes\":%s,\"raw\":%s}", e->attributes, e->raw);
  }
  LIT(&c->out, "]\n");
  return 200;
}

static int control_segment(Call *c) {
  bool lines = has_argument(c, "lines");
  if (!lines) putc_to(&c->out, '[');
  for (int k = 0; k < S.nItem; k++) {
    if (lines) put_format(&c->out, "%s\t%s\n", S.item[k].path, S.item[k].raw);
    else put_format(&c->out, "%s{\"path\":\"%s\",\"item\":%s}", k ? ",\n" : "", S.item[k].path, S.item[k].raw);
  }
  if (!lines) LIT(&c->out, "]\n");
  return 200;
}

static int control_forget_segment(Call *c) {
  while (S.nItem) {
    free(S.item[--S.nItem].path);
    free(S.item[S.nItem].raw);
  }
  return done(c);
}

/* ===== routes =========================================================== */

enum { READS, WRITES, CHANGES, ALONE }; /* ALONE: takes no lock on the data */

typedef struct Route {
  const char *method, *path;
  int (*run)(Call *c);
  Entity *en;
  int mode;
} Route;

/* What the API answers, with X-Api-Key; PATH/organizations stands for PATH/accounts. */
static const Route API[] = {
    {"POST", "/v1/person/get", api_get, PEOPLE, READS},
    {"POST", "/v1/person/get-by-ids", api_get_by_ids, PEOPLE, READS},
    {"POST", "/v1/person/get/activities", api_feed, PEOPLE, READS},
    {"POST", "/v1/person/custom-field/get", api_custom_fields, PEOPLE, READS},
    {"POST", "/v1/accounts/get", api_get, ACCOUNTS, READS},
    {"POST", "/v1/accounts/get-by-ids", api_get_by_ids, ACCOUNTS, READS},
    {"POST", "/v1/accounts/custom-field/get", api_custom_fields, ACCOUNTS, READS},
    {"POST", "/v1/instance-schema/get", api_schema, PEOPLE, READS},
    {"POST", "/v1/tags/get", api_tags, PEOPLE, READS},
    {"POST", "/v1/audiences/get", api_audiences, PEOPLE, READS},
    {"POST", "/v1/person/merge", api_merge, PEOPLE, WRITES},
    {"PUT", "/v1/person/archive", api_archive, PEOPLE, WRITES},
    {"PUT", "/v1/person/restore", api_restore, PEOPLE, WRITES},
    {"DELETE", "/v1/person/delete", api_delete, PEOPLE, WRITES},
    {"POST", "/v1/person/subscriptions", api_subscriptions, PEOPLE, CHANGES},
    {"POST", "/v1/person/custom-field/create", api_create_field, PEOPLE, WRITES},
    {"PUT", "/v1/person/custom-field/update", api_update_field, PEOPLE, WRITES},
    {"POST", "/v1/accounts/merge", api_merge, ACCOUNTS, WRITES},
    {"PUT", "/v1/accounts/archive", api_archive, ACCOUNTS, WRITES},
    {"PUT", "/v1/accounts/restore", api_restore, ACCOUNTS, WRITES},
    {"DELETE", "/v1/accounts/delete", api_delete, ACCOUNTS, WRITES},
    {"PUT", "/v1/accounts/contacts/add", api_link, ACCOUNTS, WRITES},
    {"PUT", "/v1/accounts/contacts/remove", api_unlink, ACCOUNTS, WRITES},
    {"POST", "/v1/accounts/custom-field/create", api_create_field, ACCOUNTS, WRITES},
    {"PUT", "/v1/accounts/custom-field/update", api_update_field, ACCOUNTS, WRITES},
    {"POST", "/v1/activities/create", api_activities, PEOPLE, WRITES},
    {"POST", "/v1/accounts/activities/create", api_activities, ACCOUNTS, WRITES},
    {"POST", "/v1/definitions/activity/create", api_define_activity, PEOPLE, WRITES},
    {"PUT", "/v1/audience/subscribe", api_subscribe, PEOPLE, WRITES}};

/* The same address with a Bearer key: the destination that Segment writes to. */
static const Route SEGMENT[] = {
    {"GET", "/v1/me", segment_me, NULL, READS},
    {"POST", "/v1/identify", segment_items, NULL, WRITES},
    {"POST", "/v1/track", segment_items, NULL, WRITES},
    {"PUT", "/v1/audiences/members", segment_items, NULL, WRITES},
    {"POST", "/v1/audiences/create", segment_create, NULL, WRITES},
    {"POST", "/v1/audiences/get", segment_get, NULL, READS}};

static const Route CONTROL[] = {
    {"GET", "/sandbox/requests", control_requests, NULL, ALONE},
    {"GET", "/sandbox/count", control_count, NULL, ALONE},
    {"POST", "/sandbox/forget", control_forget, NULL, ALONE},
    {"GET", "/sandbox/stats", control_stats, NULL, ALONE},
    {"POST", "/sandbox/fault", control_fault, NULL, ALONE},
    {"POST", "/sandbox/clear", control_clear, NULL, ALONE},
    {"POST", "/sandbox/set", control_set, NULL, ALONE},
    {"POST", "/sandbox/reset", control_reset, NULL, CHANGES},
    {"POST", "/sandbox/people", control_records, PEOPLE, WRITES},
    {"POST", "/sandbox/accounts", control_records, ACCOUNTS, WRITES},
    {"POST", "/sandbox/field", control_field, NULL, WRITES},
    {"GET", "/sandbox/person", control_record, PEOPLE, READS},
    {"GET", "/sandbox/account", control_record, ACCOUNTS, READS},
    {"GET", "/sandbox/people/count", control_population, PEOPLE, READS},
    {"GET", "/sandbox/accounts/count", control_population, ACCOUNTS, READS},
    {"GET", "/sandbox/activities", control_activities, NULL, READS},
    {"GET", "/sandbox/segment", control_segment, NULL, READS},
    {"POST", "/sandbox/segment/forget", control_forget_segment, NULL, CHANGES}};

static const Route *route(const Route *table, size_t n, const char *method, const char *path) {
  for (size_t k = 0; k < n; k++)
    if (!strcmp(table[k].path, path) && !strcmp(table[k].method, method)) return &table[k];
  return NULL;
}

static const Route *api_route(const char *method, const char *path) { return route(API, COUNT(API), method, path); }
static const Route *segment_route(const char *method, const char *path) { return route(SEGMENT, COUNT(SEGMENT), method, path); }
static const Route *control_route(const char *method, const char *path) { return route(CONTROL, COUNT(CONTROL), method, path); }

/* A write is also a tick of the clock. It makes two versions, for the lists that it
** uses itself are out of date at its end. */
static int run_route(Call *c, const Route *r) {
  c->en = r->en;
  if (r->mode == ALONE) return r->run(c);
  if (r->mode == READS) {
    pthread_rwlock_rdlock(&S.lock);
  } else {
    pthread_rwlock_wrlock(&S.lock);
    S.version++;
    S.clock += r->mode == WRITES;
  }
  int status = r->run(c);
  if (r->mode != READS) S.version++;
  pthread_rwlock_unlock(&S.lock);
  return status;
}

/* ===== one request ====================================================== */

#define MOST_API (2u << 20)
#define MOST_CONTROL (256u << 20)

typedef struct Request {
  Call call;
  char *uri;       /* as asked, with the query */
  Buf body;
  bool started, tooBig, control, left;
  Buf header;      /* name, 0, value, 0, ... to add to the answer */
  const char *contentType;
} Request;

static void nap(int64_t ms) {
  int64_t until = now_ns() + ms * 1000000;
  for (int64_t left; !S.stop && (left = until - now_ns()) > 0;) {
    if (left > 50000000) left = 50000000;
    struct timespec t = {0, (long)left};
    nanosleep(&t, NULL);
  }
}

static void add_header(Request *r, const char *name, const char *text) {
  put(&r->header, name, strlen(name) + 1);
  put(&r->header, text, strlen(text) + 1);
}

static int too_fast(Request *r, int64_t seconds, const char *shape) {
  Call *c = &r->call;
  bool number = !shape || !strcmp(shape, "number"), top = shape && !strcmp(shape, "top");
  char text[24];
  snprintf(text, sizeof text, "%" PRId64, seconds);
  c->out.n = 0;
  LIT(&c->out, "{\"error\":{\"code\":\"rate-limit\",\"message\":\"rate limit\"");
  if (number) put_format(&c->out, ",\"try-in-seconds\":%s", text);
  else if (!strcmp(shape, "text")) put_format(&c->out, ",\"try-in-seconds\":\"%s\"", text);
  else if (!strcmp(shape, "header")) add_header(r, "Retry-After", text);
  putc_to(&c->out, '}');
  if (top) put_format(&c->out, ",\"try-in-seconds\":%s", text);
  putc_to(&c->out, '}');
  return 429;
}

/* True if this request is one too many within a second. */
static bool over_rate(int rate, int64_t *window, size_t *n) {
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  bool over = false;
  int64_t t = now_ns();
  pthread_mutex_lock(&lock);
  size_t keep = 0;
  for (size_t k = 0; k < *n; k++)
    if (window[k] > t - 1000000000) window[keep++] = window[k];
  *n = keep;
  over = *n >= (size_t)rate;
  if (!over) window[(*n)++] = t;
  pthread_mutex_unlock(&lock);
  return over;
}

#define MOST_RATE 1000

static bool limited(const Call *c) {
  static int64_t all[MOST_RATE], feed[1];
  static size_t nAll, nFeed;
  int rate = S.rate;
  if (rate > 0 && over_rate(rate < MOST_RATE ? rate : MOST_RATE, all, &nAll)) return true;
  return S.feedLimit && !strcmp(c->path, "/v1/person/get/activities") && over_rate(1, feed, &nFeed);
}

/* ----- before the request takes effect ----- */

static int fault_status(Request *r, const Fault *f) {
  Call *c = &r->call;
  for (char **h = f->header; h && h[0]; h += 2) add_header(r, h[0], h[1]);
  if (f->contentType) r->contentType = f->contentType;
  if (!f->body) return fail(c, (int)f->status, "sandbox: a fault was asked for");
  puts_to(&c->out, f->body);
  return (int)f->status;
}

/* The status of an answer that a fault gives instead of the API, or 0. */
static int early_fault(Request *r) {
  Call *c = &r->call;
  const Fault *f;
  if ((f = fault(c, F_STATUS))) return fault_status(r, f);
  if ((f = fault(c, F_429))) return too_fast(r, f->seconds, f->shape);
  if ((f = fault(c, F_REPLACE))) {
    puts_to(&c->out, f->body ? f->body : "");
    return 200;
  }
  if ((f = fault(c, F_REDIRECT))) {
    add_header(r, "Location", f->location ? f->location : "http://127.0.0.1:9/");
    return 302;
  }
  if (fault(c, F_EMPTY)) return 200;
  if (fault(c, F_NOT_JSON)) {
    r->contentType = "text/html";
    LIT(&c->out, "<!DOCTYPE html><html><body><h1>Welcome to the proxy</h1></body></html>\n");
    return 200;
  }
  return 0;
}

static void hang(Call *c) {
  uint64_t era = fault_era();
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(c->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  char byte;
  while (!S.stop && era == fault_era() && info) {
    struct pollfd p = {info->connect_fd, POLLIN, 0};
    if (poll(&p, 1, 50) > 0 && recv(info->connect_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0) return;
    if (p.revents) nap(20);
  }
}

/* Ends the connection with a reset. The descriptor stays open, on nothing, for its owner to close. */
static void cut(Call *c) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(c->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  struct linger hard = {1, 0};
  int other = socket(AF_INET, SOCK_STREAM, 0);
  if (!info || other < 0) return;
  setsockopt(info->connect_fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  dup2(other, info->connect_fd);
  close(other);
}

/* ----- after it ----- */

static void drop_member(Buf *b, const char *name) {
  Reader r;
  Json *v = read_json(&r, b->p ? b->p : "", b->n);
  if (!v) return;
  Buf out = {0};
  for (const Json *m = v->type == J_OBJECT ? v->child : NULL; m; m = m->next) {
    if (!strcmp(m->key, name)) continue;
    putc_to(&out, out.n ? ',' : '{');
    put_string(&out, m->key, m->keyLen);
    putc_to(&out, ':');
    put(&out, m->raw, m->len);
  }
  if (v->type == J_OBJECT) {
    puts_to(&out, out.n ? "}" : "{}");
    b->n = 0;
    put(b, out.p, out.n);
  }
  drop(&out);
  reader_free(&r);
}

static void late_fault(Call *c) {
  const Fault *f;
  if ((f = fault(c, F_MISSING)) && f->member) drop_member(&c->out, f->member);
  if (fault(c, F_NO_META)) drop_member(&c->out, "meta");
  if (fault(c, F_CUT_JSON)) c->out.n /= 2;
}

/* ----- the answer ----- */

/* A body sent in pieces: slowly, not to its end, or with much white space put in. */
typedef struct Stream {
  char *data;
  uint64_t n;
  uint64_t pad;   /* spaces after the first byte */
  uint64_t stop;  /* where the connection breaks, or UINT64_MAX */
  int64_t ms;     /* pause before each piece */
  uint64_t piece; /* bytes */
} Stream;

static ssize_t stream_read(void *cls, uint64_t pos, char *to, size_t max) {
  Stream *s = cls;
  uint64_t total = s->n + s->pad, n = max < s->piece ? max : s->piece;
  if (pos >= s->stop) return MHD_CONTENT_READER_END_WITH_ERROR;
  if (pos >= total) return MHD_CONTENT_READER_END_OF_STREAM;
  if (s->ms) nap(s->ms);
  if (S.stop) return MHD_CONTENT_READER_END_WITH_ERROR;
  if (n > total - pos) n = total - pos;
  if (n > s->stop - pos) n = s->stop - pos;
  for (uint64_t k = 0; k < n;) {
    uint64_t at = pos + k, run = n - k;
    if (at == 0) {
      to[k++] = s->data[0];
    } else if (at <= s->pad) {
      if (run > s->pad + 1 - at) run = s->pad + 1 - at;
      memset(to + k, ' ', run);
      k += run;
    } else {
      memcpy(to + k, s->data + (at - s->pad), run);
      k += run;
    }
  }
  return (ssize_t)n;
}

static void stream_free(void *cls) {
  Stream *s = cls;
  free(s->data);
  free(s);
}

/* Compresses the body, with pad spaces after its first byte. */
static void zip(Buf *b, uint64_t pad) {
  char spaces[4096];
  Buf out = {0};
  memset(spaces, ' ', sizeof spaces);
  z_stream z = {0};
  if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) != Z_OK) die("zlib fails");
  for (uint64_t at = 0, total = b->n + pad;;) {
    uint64_t n;
    if (at > 0 && at <= pad) {
      n = pad + 1 - at < sizeof spaces ? pad + 1 - at : sizeof spaces;
      z.next_in = (Bytef *)spaces;
    } else {
      n = at == 0 && pad ? 1 : total - at;
      z.next_in = (Bytef *)(at ? b->p + (at - pad) : b->p);
    }
    z.avail_in = (uInt)n;
    at += n;
    int rc;
    do {
      room(&out, 65536);
      z.next_out = (Bytef *)out.p + out.n;
      z.avail_out = 65536;
      rc = deflate(&z, at == total ? Z_FINISH : Z_NO_FLUSH);
      out.n += 65536 - z.avail_out;
    } while (z.avail_out == 0);
    if (rc == Z_STREAM_END || rc == Z_STREAM_ERROR) break;
  }
  deflateEnd(&z);
  drop(b);
  *b = out;
}

static bool takes_gzip(const Call *c) {
  const char *v = MHD_lookup_connection_value(c->connection, MHD_HEADER_KIND, "Accept-Encoding");
  return v && strstr(v, "gzip");
}

static struct MHD_Response *make_response(Request *r) {
  Call *c = &r->call;
  const Fault *truncate_ = fault(c, F_TRUNCATE), *drip = fault(c, F_DRIP), *huge = fault(c, F_HUGE);
  uint64_t pad = huge ? (uint64_t)huge->mb << 20 : 0;
  bool zipped = (huge && huge->gzip) || (S.gzip && !r->control && c->out.n > 200 && takes_gzip(c));
  if (!c->out.n) pad = 0;
  if (zipped) {
    zip(&c->out, pad);
    add_header(r, "Content-Encoding", "gzip");
    pad = 0;
  }
  size_t n = c->out.n;
  char *data = end(&c->out);
  c->out = (Buf){0};
  if (!truncate_ && !drip && !pad) return MHD_create_response_from_buffer(n, data, MHD_RESPMEM_MUST_FREE);
  Stream *s = zeroed(1, sizeof *s);
  *s = (Stream){data, n, pad, truncate_ ? (n + pad) / 2 : UINT64_MAX, drip ? drip->ms : 0, drip && drip->bytes > 0 ? (uint64_t)drip->bytes : 65536};
  return MHD_create_response_from_callback(truncate_ && truncate_->chunked ? MHD_SIZE_UNKNOWN : n + pad, 65536, stream_read, s, stream_free);
}

static void put_http_date(Buf *b, int64_t t) {
  static const char *const day[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
  static const char *const month[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  int y, m, d;
  civil(t / 86400, &y, &m, &d);
  put_format(b, "%s, %02d %s %d %02d:%02d:%02d GMT", day[t / 86400 % 7], d, month[m - 1], y, (int)(t / 3600 % 24), (int)(t / 60 % 60), (int)(t % 60));
}

static void leave(Request *r) {
  if (r->started && !r->control && !r->left) log_leave();
  r->left = true;
}

static enum MHD_Result respond(Request *r) {
  Call *c = &r->call;
  size_t size = c->out.n;
  struct MHD_Response *response = make_response(r);
  if (!response) die("cannot make a response");
  const char *type = r->contentType ? r->contentType : "application/json";
  MHD_add_response_header(response, "Content-Type", type);
  if (!r->control) MHD_add_response_header(response, "X-Version", "sandbox-1");
  if (S.date) {
    Buf date = {0};
    pthread_rwlock_rdlock(&S.lock);
    int64_t clock = S.clock;
    pthread_rwlock_unlock(&S.lock);
    if (!strcmp(S.date, "fake")) put_http_date(&date, clock);
    else puts_to(&date, S.date);
    MHD_add_response_header(response, "Date", end(&date));
    drop(&date);
  }
  for (size_t at = 0; at < r->header.n;) {
    const char *name = r->header.p + at, *text = name + strlen(name) + 1;
    MHD_add_response_header(response, name, text);
    at = (size_t)(text + strlen(text) + 1 - r->header.p);
  }
  if (!r->control) log_answer(c->n, c->status, size);
  if (!fault(c, F_DRIP) && !fault(c, F_HUGE)) leave(r);
  enum MHD_Result ok = MHD_queue_response(c->connection, (unsigned)c->status, response);
  MHD_destroy_response(response);
  return ok;
}

static const char *header_of(const Call *c, const char *name) {
  const char *v = MHD_lookup_connection_value(c->connection, MHD_HEADER_KIND, name);
  return v ? v : "";
}

/* Most calls want an object; custom-field/get also takes no body at all. */
static int parse_body(Call *c, bool segment) {
  if (!c->nBody && (segment || strstr(c->path, "custom-field/get"))) return 0;
  c->in = read_json(&c->reader, c->body, c->nBody);
  if (!c->in) return fail(c, 400, "sandbox: Failed to parse request: invalid JSON");
  if (!segment && c->in->type != J_OBJECT) return fail(c, 400, "sandbox: Failed to parse request: an object is expected");
  return 0;
}

static int run_api(Request *r) {
  Call *c = &r->call;
  const char *bearer = header_of(c, "Authorization");
  bool segment = !strncmp(bearer, "Bearer ", 7);
  if (S.regionError) return fail(c, 401, "Unauthorized");
  if (limited(c)) return too_fast(r, 1, NULL);
  int status = early_fault(r);
  if (status) return status;
  if (segment ? strcmp(bearer + 7, S.segmentKey) : strcmp(header_of(c, "X-Api-Key"), S.key)) return fail(c, 401, "Unauthorized");
  char *path = copy(c->path);
  c->old = !strncmp(path, "/v1/organizations/", 18);
  if (c->old) memmove(path + 4, "accounts", 8), memmove(path + 12, path + 17, strlen(path + 17) + 1);
  const Route *found = segment ? segment_route(c->method, path) : api_route(c->method, path);
  free(path);
  if (!found) return fail(c, 404, "Unknown endpoint or method");
  if (r->tooBig) return fail(c, 413, "Request entity too large");
  if ((status = parse_body(c, segment))) return status;
  return run_route(c, found);
}

static int run_control(Request *r) {
  Call *c = &r->call;
  const Route *found = control_route(c->method, c->path);
  r->contentType = "application/json";
  if (!found) return refuse(c, "no such control call");
  if (c->nBody) {
    c->in = read_json(&c->reader, c->body, c->nBody);
    if (!c->in) return refuse(c, "the body is not JSON");
  }
  return run_route(c, found);
}

static enum MHD_Result serve(Request *r) {
  Call *c = &r->call;
  c->nBody = r->body.n;
  c->body = end(&r->body);
  if (r->control) {
    c->status = run_control(r);
    return respond(r);
  }
  log_body(c->n, c->body, c->nBody);
  match_faults(c);
  nap(S.latency);
  if (fault(c, F_LATENCY)) nap(fault(c, F_LATENCY)->ms);
  if (fault(c, F_HANG)) return hang(c), MHD_NO;
  if (fault(c, F_RESET)) return cut(c), MHD_NO;
  c->status = run_api(r);
  if (fault(c, F_RESET_AFTER)) return cut(c), MHD_NO;
  late_fault(c);
  return respond(r);
}

/* ===== the server ======================================================= */

static void *on_uri(void *cls, const char *uri, struct MHD_Connection *connection) {
  (void)cls;
  (void)connection;
  Request *r = zeroed(1, sizeof *r);
  r->uri = copy(uri);
  return r;
}

static void on_done(void *cls, struct MHD_Connection *connection, void **con, enum MHD_RequestTerminationCode why) {
  Request *r = *con;
  (void)cls;
  (void)connection;
  (void)why;
  if (!r) return;
  leave(r);
  release_faults(&r->call);
  if (r->call.in) reader_free(&r->call.reader);
  drop(&r->call.out);
  drop(&r->body);
  drop(&r->header);
  free(r->uri);
  free(r);
  *con = NULL;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *data, size_t *size, void **con) {
  Request *r = *con;
  (void)cls;
  (void)version;
  if (!r->started) {
    const char *query = strchr(r->uri, '?');
    r->started = true;
    r->control = !strncmp(url, "/sandbox/", 9);
    r->call.method = method;
    r->call.path = url;
    r->call.connection = connection;
    if (!r->control) r->call.n = log_arrival(method, url, query ? query + 1 : "");
    return MHD_YES;
  }
  if (*size) {
    size_t most = r->control ? MOST_CONTROL : MOST_API;
    if (r->tooBig || r->body.n + *size > most) r->tooBig = true;
    else put(&r->body, data, *size);
    *size = 0;
    return MHD_YES;
  }
  return serve(r);
}

static struct MHD_Daemon *start_server(void) {
  struct sockaddr_in at = {0};
  at.sin_family = AF_INET;
  at.sin_port = htons((uint16_t)S.port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL;
  if (S.date) flags |= MHD_USE_SUPPRESS_DATE_NO_CLOCK;
  return MHD_start_daemon(flags, 0, NULL, NULL, on_request, NULL, MHD_OPTION_SOCK_ADDR, &at, MHD_OPTION_URI_LOG_CALLBACK, on_uri, NULL,
                          MHD_OPTION_NOTIFY_COMPLETED, on_done, NULL, MHD_OPTION_CONNECTION_LIMIT, 512u,
                          MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)(256 << 10), MHD_OPTION_THREAD_STACK_SIZE, (size_t)(4 << 20), MHD_OPTION_END);
}

static int wake[2]; /* a signal writes to it */

static void on_signal(int number) {
  char byte = (char)number;
  if (write(wake[1], &byte, 1) < 0) _exit(1);
}

static void wait_for_end(void) {
  struct pollfd p[2] = {{wake[0], POLLIN, 0}, {S.untilEof ? STDIN_FILENO : -1, POLLIN, 0}};
  char bytes[256];
  for (;;) {
    if (poll(p, 2, -1) < 0 && errno != EINTR) return;
    if (p[0].revents) return;
    if (p[1].revents && read(STDIN_FILENO, bytes, sizeof bytes) <= 0) return;
  }
}

/* ===== options ========================================================== */

typedef struct Option {
  const char *name;
  int *number;
  const char **text;
  bool *flag;
} Option;

static int latencyOption, rateOption;
static bool regionOption;
static const char *seedOption;

static const Option OPTIONS[] = {
    {"--port", &S.port, NULL, NULL},
    {"--seed", NULL, &seedOption, NULL},
    {"--people", &S.people, NULL, NULL},
    {"--accounts", &S.accounts, NULL, NULL},
    {"--audiences", &S.audiences, NULL, NULL},
    {"--tags", &S.tags, NULL, NULL},
    {"--custom", &S.custom, NULL, NULL},
    {"--account-custom", &S.accountCustom, NULL, NULL},
    {"--sparse", &S.sparse, NULL, NULL},
    {"--latency", &latencyOption, NULL, NULL},
    {"--rate", &rateOption, NULL, NULL},
    {"--key", NULL, &S.key, NULL},
    {"--segment-key", NULL, &S.segmentKey, NULL},
    {"--date", NULL, &S.date, NULL},
    {"--hostile", NULL, NULL, &S.hostile},
    {"--until-eof", NULL, NULL, &S.untilEof},
    {"--no-archived", NULL, NULL, &S.noArchived},
    {"--gzip", NULL, NULL, &S.gzip},
    {"--feed-limit", NULL, NULL, &S.feedLimit},
    {"--region-error", NULL, NULL, &regionOption}};

static void read_options(int argc, char **argv) {
  for (int k = 1; k < argc; k++) {
    const Option *o = NULL;
    for (size_t m = 0; m < COUNT(OPTIONS); m++)
      if (!strcmp(argv[k], OPTIONS[m].name)) o = &OPTIONS[m];
    if (!o) die("unknown option %s", argv[k]);
    if (o->flag) {
      *o->flag = true;
      continue;
    }
    if (++k == argc) die("%s wants a value", o->name);
    if (o->text) {
      *o->text = argv[k];
      continue;
    }
    char *rest;
    long v = strtol(argv[k], &rest, 10);
    if (*rest || rest == argv[k] || v < 0 || v > 100000000) die("%s wants a number, not %s", o->name, argv[k]);
    *o->number = (int)v;
  }
  if (seedOption) S.seed = strtoull(seedOption, NULL, 10);
  S.latency = latencyOption;
  S.rate = rateOption;
  S.regionError = regionOption;
}

static void free_all(void) {
  end_state();
  forget_snapshots();
  clear_faults();
  log_close();
  forget_keys();
  forget_lists();
  forget_links();
  forget_sizes();
}

int main(int argc, char **argv) {
  read_options(argc, argv);
  log_open();
  if (pipe(wake)) die("cannot make a pipe");
  signal(SIGPIPE, SIG_IGN);
  signal(SIGTERM, on_signal);
  signal(SIGINT, on_signal);
  fill_state();
  struct MHD_Daemon *daemon_ = start_server();
  if (!daemon_) die("cannot listen on 127.0.0.1 port %d", S.port);
  const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_BIND_PORT);
  printf("http://127.0.0.1:%u\n", info ? (unsigned)info->port : 0u);
  fflush(stdout);
  wait_for_end();
  S.stop = true;
  MHD_stop_daemon(daemon_);
  free_all();
  return 0;
}
