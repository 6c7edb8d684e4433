/* query.c: see query.h. */
#define _GNU_SOURCE
#include "query.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "text.h"
#include "json.h"
#include "guesses.h"
#include "instance.h"
#include "records.h"
#include "fields.h"
#include "lists.h"
#include "filters.h"

void query_free(Query *q) {
  filter_free(q->filter);
  free(q->q);
  free(q->audienceFilter);
}

/* A part of a name or address, whatever the case [inferred from one recording]. */
static bool found_by_q(const Entity *en, uint32_t i, const char *q, Cell *c) {
  static const char *const person[] = {"str::name", "str::first", "str::last", "str::email"};
  static const char *const account[] = {"str:o:name"};
  for (size_t k = 0; k < (en->type ? 1 : 4); k++) {
    cell_read(c, en, i, field_by(en, en->type ? account[k] : person[k]));
    if (c->has && contains(c->text.p, c->text.n, q, strlen(q))) return true;
  }
  return false;
}

/* The names of audience_filter [documented]. */
static bool in_audience(const Query *q, uint32_t i) {
  bool sms, in;
  if (!is_member(&S.audience[q->audience], i)) return false;
  if (!q->audienceFilter || !*q->audienceFilter) return true;
  in = opted_in(q->audience, i, &sms);
  if (!strcmp(q->audienceFilter, "sms-subscribers")) return sms;
  return strncmp(q->audienceFilter, "un", 2) ? in : !in;
}

bool listed(const Entity *en, uint32_t i, const Json *ids) {
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

List *run_query(const Query *q, const Entity *en) {
  List *all = whole_list(en, q->archived);
  /* newest first [recorded]; [guess: row-order] */
  bool oldestFirst = !q->sort && guess(G_ROW_ORDER);
  if (!q->narrowed && !q->sort && !oldestFirst) return all;
  List *l = list_new(all->n);
  Cell c = {.record = -1};
  for (uint32_t k = 0; k < all->n; k++)
    if (!q->narrowed || wanted(q, en, all->index[k], &c)) l->index[l->n++] = all->index[k];
  cell_free(&c);
  list_unref(all);
  for (uint32_t k = 0; oldestFirst && k < l->n / 2; k++) {
    uint32_t other = l->n - 1 - k, i = l->index[k];
    l->index[k] = l->index[other];
    l->index[other] = i;
  }
  if (q->sort) sort_list(en, l, q->sort, q->descending);
  return l;
}

static Snapshot snapshot[64];
static uint64_t snapshotTick;
static pthread_mutex_t snapshotLock = PTHREAD_MUTEX_INITIALIZER;

/* The type, the time of the request, chance [recorded]. */
void new_cursor(const Entity *en, char id[25]) {
  static atomic_uint_fast64_t count;
  uint64_t h = mix((uint64_t)now_ns() ^ mix((uint64_t)getpid()) ^ mix(count++));
  snprintf(id, 25, "%s%08x%014" PRIx64, en->type ? "10" : "00", (unsigned)S.clock, h >> 8);
}

void keep_snapshot(const Snapshot *s) {
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

bool find_snapshot(const Entity *en, const char *id, Snapshot *s) {
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

void forget_snapshots(void) {
  pthread_mutex_lock(&snapshotLock);
  for (size_t k = 0; k < COUNT(snapshot); k++) {
    list_unref(snapshot[k].list);
    snapshot[k] = (Snapshot){0};
  }
  pthread_mutex_unlock(&snapshotLock);
}
