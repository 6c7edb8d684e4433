/* faults.c: see faults.h. */
#define _GNU_SOURCE
#include "faults.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "json.h"
#include "call.h"

static const char *const FAULTS[] = {
    "status", "429", "reset", "reset_after", "truncate", "cut_json", "not_json", "empty", "hang", "drip",
    "short_page", "forget_cursor", "fresh_cursor", "same_page", "repeat_id", "stuck_offset", "huge",
    "latency", "missing", "replace", "redirect", "zero_cursor", "no_meta", "lost_row",
    "splice", "change"};

const Fault *fault(const Call *c, FaultKind kind) {
  for (int k = 0; k < c->nFault; k++)
    if (c->fault[k]->kind == kind) return c->fault[k];
  return NULL;
}

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

void match_faults(Call *c) {
  pthread_mutex_lock(&faultLock);
  c->era = faultEra;
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

void release_faults(Call *c) {
  pthread_mutex_lock(&faultLock);
  for (int k = 0; k < c->nFault; k++) fault_unref(c->fault[k]);
  pthread_mutex_unlock(&faultLock);
}

uint64_t fault_era(void) { return faultEra; }

void clear_faults(void) {
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

bool add_fault(const Json *in) {
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
  f->from = integer_of(member(in, "from"), 0);
  f->to = integer_of(member(in, "to"), 0);
  f->add = integer_of(member(in, "add"), 0);
  f->remove = integer_of(member(in, "remove"), 0);
  f->body = text_or_null(member(in, "body"));
  f->contentType = text_or_null(member(in, "content_type"));
  f->shape = text_or_null(member(in, "shape"));
  f->member = text_or_null(member(in, "member"));
  f->location = text_or_null(member(in, "location"));
  f->header = read_headers(given(in, "headers"));
  f->chunked = is_true(member(in, "chunked"));
  f->gzip = is_true(member(in, "gzip"));
  f->shift = is_true(member(in, "shift"));
  f->newest = is_true(member(in, "newest"));
  pthread_mutex_lock(&faultLock);
  Fault **tail = &faults;
  while (*tail) tail = &(*tail)->next;
  *tail = f;
  pthread_mutex_unlock(&faultLock);
  return true;
}
