/* keys.c: see keys.h. */
#define _GNU_SOURCE
#include "keys.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "text.h"
#include "instance.h"
#include "lists.h"

static Keys keys[16];

void forget_keys(void) {
  for (size_t k = 0; k < COUNT(keys); k++) {
    free(keys[k].slot);
    keys[k] = (Keys){0};
  }
}

uint64_t key_hash(const char *s, size_t n) {
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

Keys *keys_of(const Entity *en, const Field *f) {
  size_t k = 0;
  while (k < COUNT(keys) - 1 && keys[k].field && keys[k].field != f) k++;
  if (keys[k].field == f) return &keys[k];
  free(keys[k].slot);
  keys[k] = (Keys){.field = f};
  keys_fill(&keys[k], en);
  return &keys[k];
}

void keys_add(const Entity *en, uint32_t i, const Field *f) {
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

bool value_is(const Entity *en, uint32_t i, const Field *f, const Buf *text) {
  Cell c = {.record = -1};
  cell_read(&c, en, i, f);
  bool same = c.has && c.text.n == text->n;
  for (size_t k = 0; same && k < text->n; k++) same = lower(c.text.p[k]) == lower(text->p[k]);
  cell_free(&c);
  return same;
}

bool has_value(const Entity *en, uint32_t i, const Field *f) {
  Cell c = {.record = -1};
  cell_read(&c, en, i, f);
  bool has = c.has && c.text.n;
  cell_free(&c);
  return has;
}
