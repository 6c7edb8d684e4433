/*
** keys.h: finding records by a value
**
** One table per field that was ever a merge key: record numbers by the hash of the lower-
** cased text. Stale entries stay; every hit is checked. Only under the lock for writing.
**
** It uses text, instance and lists.
*/
#ifndef SANDBOX_KEYS_H
#define SANDBOX_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "text.h"
#include "instance.h"

/* One table per field that was ever a merge key: record numbers by the hash of
** the lower-cased text. Stale entries stay; every hit is checked. */
typedef struct Keys {
  const Field *field;
  uint32_t *slot; /* record + 1 */
  uint32_t n, cap;
} Keys;

void forget_keys(void);
uint64_t key_hash(const char *s, size_t n);
Keys *keys_of(const Entity *en, const Field *f);

/* To be called after a record's value has changed. */
void keys_add(const Entity *en, uint32_t i, const Field *f);

/* Whether the record's value is that text, but for the case of A to Z. */
bool value_is(const Entity *en, uint32_t i, const Field *f, const Buf *text);

bool has_value(const Entity *en, uint32_t i, const Field *f);

#endif
