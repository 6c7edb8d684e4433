/* records.c: see records.h. */
#define _GNU_SOURCE
#include "records.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "json.h"
#include "instance.h"

int64_t created_of(const Entity *en, uint32_t i) {
  if (en->ov[i] && en->ov[i]->created) return en->ov[i]->created;
  uint64_t back = (uint64_t)(en->n0 - i) * SPREAD / (en->n0 ? en->n0 : 1);
  return BASE_TIME - (int64_t)back;
}

int64_t edited_of(const Entity *en, uint32_t i) {
  if (en->ov[i] && en->ov[i]->edited) return en->ov[i]->edited;
  int64_t from = created_of(en, i);
  if (from >= BASE_TIME) return from;
  return from + (int64_t)(draw(en, i, 77) % (uint64_t)(BASE_TIME - from + 1));
}

int64_t base_archived(const Entity *en, uint32_t i) {
  if (S.noArchived || i >= en->n0 || i % (en->type ? 20 : 40) != 7) return 0;
  return BASE_TIME - 86400 - (int64_t)(draw(en, i, 92) % (30 * 86400));
}

bool base_restored(const Entity *en, uint32_t i) { return i / (en->type ? 20 : 40) % 3 == 2; }

int64_t archived_of(const Entity *en, uint32_t i) {
  return en->ov[i] && en->ov[i]->archived ? en->ov[i]->archived : base_archived(en, i);
}

int64_t restored_of(const Entity *en, uint32_t i) {
  if (en->ov[i] && en->ov[i]->restored) return en->ov[i]->restored;
  int64_t t = base_archived(en, i);
  return t && base_restored(en, i) ? t + 3600 : 0;
}

bool is_active(const Entity *en, uint32_t i) { return !(en->status[i] & (DELETED | ARCHIVED)); }

void set_status(Entity *en, uint32_t i, uint8_t bits) {
  bool was = is_active(en, i), wasArchived = (en->status[i] & (DELETED | ARCHIVED)) == ARCHIVED;
  en->status[i] = bits;
  bool now = is_active(en, i), nowArchived = (bits & (DELETED | ARCHIVED)) == ARCHIVED;
  en->active += (uint32_t)now - (uint32_t)was;
  en->archived += (uint32_t)nowArchived - (uint32_t)wasArchived;
}

void id_of(const Entity *en, uint32_t i, char id[25]) {
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

int64_t find_id(const Entity *en, const char *given_) {
  char id[25], real[25];
  for (int k = 0; k < 24; k++)
    id[k] = (char)(given_[k] >= 'A' && given_[k] <= 'F' ? given_[k] + 32 : given_[k]);
  id[24] = 0;
  uint64_t serial = 0;
  for (int k = 14; k < 22; k++) serial = serial * 16 + (uint64_t)hex_digit(id[k]);
  uint64_t i = (serial - 0x1100) / 3;
  if (serial >= 0x1100 && i < en->n) {
    id_of(en, (uint32_t)i, real);
    if (!strcmp(id, real)) return en->status[i] & DELETED ? -1 : (int64_t)i;
  }
  for (uint32_t k = en->n0; k < en->n; k++)
    if (en->ov[k] && en->ov[k]->customId && !strcmp(en->ov[k]->customId, id) && !(en->status[k] & DELETED))
      return k;
  return -1;
}

Overlay *overlay(Entity *en, uint32_t i) {
  if (!en->ov[i]) {
    en->ov[i] = zeroed(1, sizeof(Overlay));
    en->ov[i]->generated = true;
  }
  return en->ov[i];
}

void overlay_free(Overlay *ov) {
  if (!ov) return;
  for (int k = 0; k < ov->nEntry; k++) free(ov->entry[k].raw);
  free(ov->entry);
  free(ov->tags);
  free(ov->customId);
  free(ov);
}

const Entry *entry_of(const Overlay *ov, const Field *f) {
  for (int k = 0; ov && k < ov->nEntry; k++)
    if (ov->entry[k].field == f) return &ov->entry[k];
  return NULL;
}

void set_value(Entity *en, uint32_t i, const Field *f, const char *raw, size_t len) {
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

uint32_t new_record(Entity *en, bool generated) {
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

int account_of(uint32_t i) {
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

const uint32_t *tags_of(const Entity *en, uint32_t i, uint32_t spare[3], int *n) {
  const Overlay *ov = en->ov[i];
  if (ov && ov->hasTags) {
    *n = ov->nTags;
    return ov->tags;
  }
  *n = ov && !ov->generated ? 0 : base_tags(en, i, spare);
  return spare;
}

bool is_member(const Audience *a, uint32_t i) {
  return a->share && draw(PEOPLE, i, a->salt) % (uint64_t)a->share == 0;
}

bool opted_in(int audience, uint32_t i, bool *sms) {
  for (int k = S.nOptIn - 1; k >= 0; k--) {
    if (S.optIn[k].person != i || S.optIn[k].audience != audience) continue;
    *sms = S.optIn[k].sms;
    return S.optIn[k].subscribed;
  }
  uint64_t h = draw(PEOPLE, i, S.audience[audience].salt + 1);
  *sms = h >> 8 & 1;
  return h % 4 != 0;
}

int audience_by(const char *id) {
  for (int k = 0; k < S.nAudience; k++)
    if (!strcmp(S.audience[k].id, id)) return k;
  return -1;
}
