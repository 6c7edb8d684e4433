/* merge.c: see merge.h. */
#define _GNU_SOURCE
#include "merge.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "json.h"
#include "guesses.h"
#include "instance.h"
#include "records.h"
#include "values.h"
#include "fields.h"
#include "start.h"
#include "call.h"
#include "keys.h"
#include "store.h"

bool reject(Outcome *o, const char *status, const char *format, ...) {
  Buf text = {0};
  va_list ap;
  va_start(ap, format);
  put_format_v(&text, format, ap);
  va_end(ap);
  o->status = status;
  o->error = ended(&text);
  return false;
}

static void entrant_free(Entrant *e) {
  for (int k = 0; k < e->n; k++) drop(&e->change[k].raw);
  free(e->change);
}

static bool is_id_name(const Merge *m, const Json *v) {
  return !strcmp(v->key, m->idName[0]) || (m->idName[1] && !strcmp(v->key, m->idName[1]));
}

/* The texts for unknown fields [recorded] and for read-only ones [client]. */
static bool read_fields(const Merge *m, Entrant *e, Outcome *o) {
  const Json *fields = given(e->json, "fields");
  for (const Json *v = fields ? fields->child : NULL; v; v = v->next) {
    if (is_id_name(m, v)) {
      e->id = v;
      continue;
    }
    Field *f = field_n(m->en, v->key, v->keyLen);
    if (!f || f->phantom)
      return reject(o, "invalid", "failed to validate field %s in schema: %s: Object not found", v->key,
                    v->key);
    if (f->flags & RO || f->kind == K_TAGS)
      return reject(o, "invalid", "can not apply mutation for %s", f->id);
    GROW(e->change, e->n, e->cap);
    Change *change = &e->change[e->n++];
    *change = (Change){.field = f, .clear = v->type == J_NULL};
    if (!change->clear && !store(f, v, &change->raw))
      return reject(o, "invalid", "failed to validate field %s in schema: %s: Invalid value", f->id, f->id);
  }
  return true;
}

/* [guessed] */
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

int64_t find_by(const Merge *m, const Entrant *e, int k, const Field *f, const Buf *text) {
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

/* That it is asked for by a field [documented, recorded]; who is suppressed is the sandbox's own. */
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

/* A set grows; only clear_fields makes it smaller [documented]. */
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
    if (change->clear) { /* null clears with strategy 2 [documented] */
      if (m->strategy == 2) set_value(m->en, i, change->field, NULL, 0);
      continue;
    }
    if (change->field->kind == K_SST) {
      add_to_set(m->en, i, change);
      continue;
    }
    if (m->strategy == 1 && has_value(m->en, i, change->field)) continue; /* append only [documented] */
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

/* By name, new ones are made [documented]; unset before set [guessed: both is "unpredictable"]. */
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

/* Where the person was seen last [guessed]; the members [documented]. */
static void apply_location(Entity *en, uint32_t i, const Json *json) {
  static const char *const part[][2] = {
      {"city", "geo::ll-cty"}, {"region", "geo::ll-r"}, {"country", "geo::ll-cnt"}};
  const Json *where = given(json, "location"), *named = given(where, "custom");
  if (!named) named = given(where, "address");
  for (size_t k = 0; named && !en->type && k < COUNT(part); k++) {
    const Json *v = given(named, part[k][0]);
    Buf b = {0};
    if (!v || v->type != J_STRING) continue;
    put_format(&b, "{\"id\":%u,\"name\":%.*s}", (unsigned)(hash_bytes(v->raw, v->len) % 9000000) + 1000000,
               (int)v->len, v->raw);
    set_value(en, i, field_by(en, part[k][1]), b.p, b.n);
    drop(&b);
  }
}

static void set_default(Entity *en, uint32_t i, const char *id, const char *raw) {
  const Field *f = field_by(en, id);
  if (!entry_of(en->ov[i], f)) set_value(en, i, f, raw, strlen(raw));
}

/* bol::p true, bol::sp false [documented]; the others [guessed]. */
static void set_defaults(Entity *en, uint32_t i) {
  Buf b = {0};
  if (en->type) return;
  put_time(&b, S.clock);
  set_default(en, i, "bol::p", "true");
  set_default(en, i, "bol::sp", "false");
  set_default(en, i, "str::is", "\"API\"");
  set_default(en, i, "s", ended(&b));
  drop(&b);
}

/* [documented] */
static bool has_identity(const Merge *m, const Entrant *e) {
  if (m->en->type) return change_of(e, field_by(m->en, "str:o:name")) != NULL;
  return change_of(e, field_by(m->en, "str::email")) || change_of(e, field_by(m->en, "str::ei"));
}

/* suppressed, invalid and their texts [recorded]. */
static bool create_record(const Merge *m, const Entrant *e, Outcome *o, uint32_t *i) {
  if (m->byId) return reject(o, "invalid", "%s: Object not found", m->en->type ? "account" : "person");
  if (is_suppressed(m, e)) return reject(o, "suppressed", "Email is suppressed");
  if (!has_identity(m, e))
    return reject(o, "invalid", m->en->type ? "str:o:name is required" : "str::email or str::ei is required");
  *i = new_record(m->en, false);
  o->status = "created";
  return true;
}

/* created, merged [recorded]; skipped [guessed]; strategy 3 leaves those that are there [documented]. */
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

bool merge_one(const Merge *m, const Json *json, Outcome *o, uint32_t *i) {
  Entrant e = {.json = json};
  *o = (Outcome){0};
  bool ok = merge_entrant(m, &e, o, i);
  entrant_free(&e);
  return ok;
}

/* At most three, texts and phones; an id alone; without them email and external id for people [documented].
** [guess: account-key] */
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

int read_merge(Call *c, Merge *m) {
  static const char *const names[] = {
      "merge_strategy",     "find_strategy", "async", "skip_non_existing", "suppression_list_field_id",
      "merge_by_alt_fields"};
  static const int types[] = {J_NUMBER, J_NUMBER, J_BOOL, J_BOOL, J_STRING, J_OBJECT};
  int bad = check_types(c, names, types, COUNT(names));
  if (bad) return bad;
  *m = (Merge){.en = c->en};
  m->idName[0] = c->en->type ? "str:o:account_id" : "str::person_id";
  m->idName[1] = c->en->type && guess(G_ACCOUNT_KEY) != 1 ? "str:o:organization_id" : NULL;
  if (c->en->type && guess(G_ACCOUNT_KEY) == 2) m->idName[0] = m->idName[1];
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

/* [recorded, for people] */
int fail_all(Call *c, const char *what, const Outcome *o, size_t n) {
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

/* queued for async [documented]; which members a row has [recorded]. [guess: queued-id] */
static void put_outcome(Call *c, const Merge *m, const Outcome *o, const char *idName) {
  putc_to(&c->out, '{');
  if (o->id[0] && (!m->async || guess(G_QUEUED_ID))) put_format(&c->out, "\"%s\":\"%s\",", idName, o->id);
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

/* At most 100 [documented]; row i answers record i [client]. [guess: merge-rows, account-answer] */
int api_merge(Call *c) {
  const char *what = !c->en->type ? "people" : c->old ? "organizations" : "accounts";
  bool organizations = c->old || guess(G_ACCOUNT_ANSWER);
  const char *idName = !c->en->type ? "person_id" : organizations ? "organization_id" : "account_id";
  const Json *list = given(c->in, what);
  Merge m;
  int bad = read_merge(c, &m);
  if (bad) return bad;
  size_t n = count_of(list), done_ = 0, k = 0;
  if (!list || list->type != J_ARRAY || !n)
    return fail_all(c, c->en->type ? "accounts" : "contacts", &(Outcome){0}, 0);
  if (n > 100) return fail(c, 400, "sandbox: too many %s, the maximum is 100: Invalid value", what);
  if (clears_wrongly(list, &m))
    return fail(c, 400, "sandbox: clear_fields needs merge_strategy 2: Invalid value");
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
    put_format(&c->out, "{\"%s\":[", c->en->type && organizations ? "organizations" : what);
    size_t mark = c->out.n;
    for (k = 0; k < n; k++) {
      if (o[k].error && guess(G_MERGE_ROWS)) continue;
      if (c->out.n != mark) putc_to(&c->out, ',');
      put_outcome(c, &m, &o[k], idName);
    }
    LIT(&c->out, "]}");
  }
  for (k = 0; k < n; k++) free(o[k].error);
  free(o);
  return status;
}
