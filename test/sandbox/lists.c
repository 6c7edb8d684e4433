/* lists.c: see lists.h. */
#define _GNU_SOURCE
#include "lists.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "json.h"
#include "guesses.h"
#include "instance.h"
#include "values.h"

List *list_new(uint32_t room_) {
  List *l = zeroed(1, sizeof *l);
  l->refs = 1;
  l->index = resize(NULL, room_, sizeof *l->index);
  return l;
}

List *list_ref(List *l) {
  l->refs++;
  return l;
}

void list_unref(List *l) {
  if (!l || --l->refs) return;
  free(l->index);
  free(l);
}

/* Newest first: all active or all archived records. Shared until the next write. */
static struct {
  uint64_t version;
  List *list;
} whole[2][2];

List *whole_list(const Entity *en, bool archived) {
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

void forget_lists(void) {
  for (int k = 0; k < 4; k++) {
    list_unref(whole[k / 2][k % 2].list);
    whole[k / 2][k % 2].list = NULL;
  }
}

void cell_read(Cell *c, const Entity *en, uint32_t i, const Field *f) {
  if (!f || (c->field == f && c->record == i)) return;
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

void cell_free(Cell *c) {
  drop(&c->raw);
  drop(&c->text);
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

bool contains(const char *s, size_t n, const char *part, size_t k) {
  for (size_t at = 0; at + k <= n; at++) {
    size_t m = 0;
    while (m < k && lower(s[at + m]) == lower(part[m])) m++;
    if (m == k) return true;
  }
  return false;
}

typedef struct Key {
  uint32_t record;
  uint32_t n;
  size_t at;      /* of the text, in the arena */
  double number;
  bool has, isNumber;
} Key;

typedef struct Sorting {
  const char *text;
  bool descending, missingFirst;
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

/* Numbers before texts, ties by age in the chosen direction [guessed]; the case of A to Z does not matter
** [guessed]. [guess: missing-sorts] */
static int compare_keys(const void *x, const void *y) {
  const Key *a = x, *b = y;
  if (a->has != b->has) return a->has == sorting.missingFirst ? 1 : -1;
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
  *number = (double)integer_of(member(v, "year"), 0) * 10000 +
            (double)integer_of(member(v, "month"), 0) * 100 + (double)integer_of(member(v, "day"), 0);
  reader_free(&r);
  return ok;
}

void sort_list(const Entity *en, List *l, const Field *f, bool descending) {
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
      key[k].number = strtod(ended(&c.text), NULL);
    }
    key[k].n = (uint32_t)c.text.n;
    put(&arena, c.text.p, c.text.n);
  }
  pthread_mutex_lock(&sortLock);
  sorting = (Sorting){ended(&arena), descending, guess(G_MISSING_SORTS)};
  if (l->n) qsort(key, l->n, sizeof *key, compare_keys);
  pthread_mutex_unlock(&sortLock);
  for (uint32_t k = 0; k < l->n; k++) l->index[k] = key[k].record;
  free(key);
  drop(&arena);
  cell_free(&c);
}
