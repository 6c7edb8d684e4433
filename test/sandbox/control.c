/* control.c: see control.h. */
#define _GNU_SOURCE
#include "control.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <microhttpd.h>

#include "text.h"
#include "json.h"
#include "guesses.h"
#include "instance.h"
#include "records.h"
#include "values.h"
#include "fields.h"
#include "start.h"
#include "call.h"
#include "faults.h"
#include "lists.h"
#include "query.h"
#include "keys.h"
#include "custom_fields.h"
#include "log.h"

static const char *argument(const Call *c, const char *name) {
  return MHD_lookup_connection_value(c->connection, MHD_GET_ARGUMENT_KIND, name);
}

static bool has_argument(const Call *c, const char *name) {
  const char *v = NULL;
  size_t n = 0;
  return MHD_lookup_connection_value_n(c->connection, MHD_GET_ARGUMENT_KIND, name, strlen(name), &v, &n) ==
         MHD_YES;
}

int refuse(Call *c, const char *why) {
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

int control_requests(Call *c) {
  put_log(&c->out, has_argument(c, "brief"), has_argument(c, "full"));
  return 200;
}

int control_count(Call *c) {
  put_format(&c->out, "%" PRIu64 "\n", log_count(argument(c, "path")));
  return 200;
}

int control_forget(Call *c) {
  log_forget();
  return done(c);
}

int control_stats(Call *c) {
  put_stats(&c->out);
  return 200;
}

int control_fault(Call *c) { return add_fault(c->in) ? done(c) : refuse(c, "unknown kind of fault"); }

int control_clear(Call *c) {
  clear_faults();
  return done(c);
}

int control_set(Call *c) {
  const Json *v;
  if ((v = given(c->in, "latency_ms"))) S.latency = (int)integer_of(v, 0);
  if ((v = given(c->in, "rate"))) S.rate = (int)integer_of(v, 0);
  if ((v = given(c->in, "region_error"))) S.regionError = is_true(v);
  if ((v = given(c->in, "snapshot"))) guess_set("cursor", is_true(v) ? "snapshot" : "live");
  v = given(c->in, "guess");
  for (v = v ? v->child : NULL; v; v = v->next) {
    char *reading = text_of(v);
    bool known = guess_set(v->key, reading);
    free(reading);
    if (!known) return refuse(c, "no such guess or reading: GET /sandbox/guesses lists them");
  }
  return done(c);
}

int control_guesses(Call *c) {
  put_guesses(&c->out);
  return 200;
}

int control_reset(Call *c) {
  free_state();
  fill_state();
  forget_keys();
  forget_snapshots();
  clear_faults();
  log_forget();
  return done(c);
}

static void remove_records(Entity *en, int64_t n, bool newest) {
  List *l = whole_list(en, false);
  if (n > l->n) n = l->n;
  uint32_t from = newest ? 0 : (l->n - (uint32_t)n) / 2;
  for (uint32_t k = from; k < from + (uint32_t)n; k++) set_status(en, l->index[k], DELETED);
  list_unref(l);
}

void change_records(Entity *en, int64_t add, int64_t remove, bool newest) {
  for (int64_t k = 0; k < add; k++) new_record(en, true);
  if (remove) remove_records(en, remove, newest);
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

int control_records(Call *c) {
  const Json *v, *who = given(c->in, c->en->type ? "account" : "person");
  change_records(c->en, integer_of(given(c->in, "add"), 0), integer_of(given(c->in, "remove"), 0),
                 text_is(given(c->in, "from"), "newest"));
  if ((v = given(c->in, "edit"))) edit_records(c->en, integer_of(v, 0), integer_of(given(c->in, "step"), 1));
  forget_keys();
  return who ? put_raw_record(c, who) : done(c);
}

int control_field(Call *c) {
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

static void put_state(Buf *b, const Entity *en, uint32_t i) {
  char id[25];
  uint32_t spare[3];
  int n;
  bool any = false;
  id_of(en, i, id);
  put_format(b, "{\"id\":\"%s\",\"archived\":%s,\"fields\":{", id,
             en->status[i] & ARCHIVED ? "true" : "false");
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

int control_record(Call *c) {
  const char *id = argument(c, "id"), *email = argument(c, "email"), *ei = argument(c, "ei"),
             *name = argument(c, "name");
  int64_t i = -1;
  if (id) i = strlen(id) == 24 ? find_id(c->en, id) : -1;
  else if (c->en->type) i = name ? scan_for(c->en, "str:o:name", name) : -1;
  else if (email) i = scan_for(c->en, "str::email", email);
  else if (ei) i = scan_for(c->en, "str::ei", ei);
  if (i < 0) LIT(&c->out, "null\n");
  else put_state(&c->out, c->en, (uint32_t)i);
  return 200;
}

int control_population(Call *c) {
  put_format(&c->out, "{\"active\":%u,\"archived\":%u}\n", c->en->active, c->en->archived);
  return 200;
}

int control_activities(Call *c) {
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

int control_segment(Call *c) {
  bool lines = has_argument(c, "lines");
  if (!lines) putc_to(&c->out, '[');
  for (int k = 0; k < S.nItem; k++) {
    if (lines) put_format(&c->out, "%s\t%s\n", S.item[k].path, S.item[k].raw);
    else
      put_format(&c->out, "%s{\"path\":\"%s\",\"item\":%s}", k ? ",\n" : "", S.item[k].path, S.item[k].raw);
  }
  if (!lines) LIT(&c->out, "]\n");
  return 200;
}

int control_forget_segment(Call *c) {
  while (S.nItem) {
    free(S.item[--S.nItem].path);
    free(S.item[S.nItem].raw);
  }
  return done(c);
}
