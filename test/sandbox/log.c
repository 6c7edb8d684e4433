/* log.c: see log.h. */
#define _GNU_SOURCE
#include "log.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "json.h"

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
  while (L.windowN && L.window[L.windowAt] <= t - RATE_WINDOW) {
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

uint64_t log_arrival(const char *method, const char *path, const char *query) {
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

void log_body(uint64_t n, const char *body, size_t size) {
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

void log_answer(uint64_t n, int status, size_t size) {
  pthread_mutex_lock(&logLock);
  Logged *e = log_at(n);
  if (e->n == n) {
    e->status = status;
    e->out = size;
  }
  L.bytesOut += size;
  pthread_mutex_unlock(&logLock);
}

void log_leave(void) {
  pthread_mutex_lock(&logLock);
  L.inFlight--;
  pthread_mutex_unlock(&logLock);
}

void log_forget(void) {
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

void log_open(void) {
  L.start = now_ns();
  L.entry = zeroed(LOG_ENTRIES, sizeof *L.entry);
}

void log_close(void) {
  log_forget();
  free(L.entry);
  free(L.window);
}

uint64_t log_count(const char *path) {
  uint64_t n = 0;
  pthread_mutex_lock(&logLock);
  uint64_t from = L.first + (L.n > LOG_ENTRIES ? L.n - LOG_ENTRIES : 0) + 1;
  for (uint64_t k = from; path && k <= L.first + L.n; k++) n += !strcmp(log_at(k)->path, path);
  if (!path) n = L.n;
  pthread_mutex_unlock(&logLock);
  return n;
}

void put_stats(Buf *b) {
  pthread_mutex_lock(&logLock);
  put_format(
      b, "{\"requests\":%" PRIu64 ",\"max_in_flight\":%d,\"max_per_second\":%zu,\"bytes_out\":%" PRIu64 "}\n",
      L.n, L.maxInFlight, L.maxPerSecond, L.bytesOut);
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
  put_format(b, ",\"status\":%d,\"t_ms\":%.3f,\"in_flight\":%d,\"bytes_in\":%zu,\"bytes_out\":%zu,\"body\":",
             e->status, (double)e->at / 1e6, e->inFlight, e->in, e->out);
  put_body(b, e, full);
  putc_to(b, '}');
}

void put_log(Buf *b, bool brief, bool full) {
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
