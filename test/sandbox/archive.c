/* archive.c: see archive.h. */
#define _GNU_SOURCE
#include "archive.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "text.h"
#include "json.h"
#include "instance.h"
#include "records.h"
#include "call.h"
#include "lists.h"
#include "query.h"

/* People lose an archived account [documented], for good [guessed]. */
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

/* Only archived ones are restored or deleted [documented]; others are not counted [recorded]. Nouns
** [recorded]. */
static int move_records(Call *c, int what, const char *verb) {
  const Json *include, *exclude;
  Entity *en = c->en;
  uint32_t n = 0;
  int bad = read_id_list(c, "inclusion_ids", &include);
  if (!bad) bad = read_id_list(c, "exclusion_ids", &exclude);
  if (bad) return bad;
  bool all = is_true(given(c->in, "all_rows_selected"));
  if (!all && !include) return invalid(c);
  if (en->type && count_of(include) > 100)
    return fail(c, 400, "sandbox: too many ids, the maximum is 100: Invalid value");
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

int api_archive(Call *c) { return move_records(c, DO_ARCHIVE, "archived"); }
int api_restore(Call *c) { return move_records(c, DO_RESTORE, "restored"); }
int api_delete(Call *c) { return move_records(c, DO_DELETE, "deleted"); }

static int64_t linked_account(const Json *in) {
  static const char *const names[] = {"organization_id", "accounts_id", "account_id"};
  for (size_t k = 0; k < COUNT(names); k++)
    if (given(in, names[k])) return record_of(ACCOUNTS, given(in, names[k]));
  return -1;
}

/* inclusion_ids and accounts_id [documented], organization_id [client]; the answer {} [recorded]. person_ids
** is answered [recorded] and has no effect [guessed]. */
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

int api_link(Call *c) { return set_links(c, true); }
int api_unlink(Call *c) { return set_links(c, false); }
