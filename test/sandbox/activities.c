/* activities.c: see activities.h. */
#define _GNU_SOURCE
#include "activities.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "json.h"
#include "guesses.h"
#include "instance.h"
#include "records.h"
#include "fields.h"
#include "start.h"
#include "call.h"
#include "store.h"
#include "merge.h"

/* 15 attributes, 16 kB, created as ISO 8601 [documented]; the refusal [recorded]. */
static bool good_activity(const Entity *en, const Json *v) {
  const Json *id = given(v, "activity_id"), *attributes = given(v, "attributes"),
             *created = given(v, "created"), *key = given(v, "key");
  int64_t t;
  if (v->type != J_OBJECT || !id || id->type != J_STRING || v->len > 16384 + 4096) return false;
  char *name = text_of(id);
  /* Built-in types are recorded although the schema does not list them [recorded]. */
  bool known = (act_by(name) && (!strncmp(name, "act:oc:", 7)) == (en->type == 1)) ||
               (!strncmp(name, "act::", 5) && name[5] && !en->type);
  free(name);
  if (!known) return false;
  if (attributes && (attributes->type != J_OBJECT || count_of(attributes) > 15 || attributes->len > 16384))
    return false;
  if (key && key->type != J_STRING) return false;
  if (!created) return true;
  char *text = text_of(created);
  bool ok = created->type == J_STRING && read_time(text, &t);
  free(text);
  return ok;
}

static bool is_same(const Event *a, const Event *b) {
  return a->ofAccount == b->ofAccount && a->known == b->known && a->record == b->record && a->key && b->key &&
         !strcmp(a->key, b->key) && a->at == b->at && !strcmp(a->activity, b->activity);
}

/* Places of events with a key, plus one, by hash; made anew where there were events before (a reset). */
static struct {
  int *place;
  size_t size;
  int known; /* so many events stand in it */
} byKey;

static size_t key_slot(const Event *e) {
  size_t at = (size_t)mix(hash_text(e->key) + (uint64_t)e->at * 31 + e->record) & (byKey.size - 1);
  while (byKey.place[at] && !is_same(&S.event[byKey.place[at] - 1], e)) at = (at + 1) & (byKey.size - 1);
  return at;
}

static void index_events(void) {
  if (S.nEvent < byKey.known || (size_t)S.nEvent * 2 >= byKey.size) {
    size_t size = 1024;
    while (size < (size_t)S.nEvent * 4) size *= 2;
    free(byKey.place);
    byKey.place = zeroed(size, sizeof *byKey.place);
    byKey.size = size;
    byKey.known = 0;
  }
  for (; byKey.known < S.nEvent; byKey.known++)
    if (S.event[byKey.known].key) byKey.place[key_slot(&S.event[byKey.known])] = byKey.known + 1;
}

static Event *same_event(const Event *e) {
  index_events();
  if (!e->key) return NULL;
  int place = byKey.place[key_slot(e)];
  return place ? &S.event[place - 1] : NULL;
}

/* The pair of key and created makes a second delivery the same event [documented]. */
static void keep_event(const Entity *en, const Json *v, bool known, uint32_t i) {
  const Json *attributes = given(v, "attributes"), *created = given(v, "created"), *key = given(v, "key");
  Event e = {.ofAccount = en->type == 1, .record = known ? i : 0, .known = known, .at = S.clock};
  Buf when = {0};
  if (created) {
    char *text = text_of(created);
    read_time(text, &e.at);
    free(text);
  }
  put_stamp(&when, e.at);
  putc_to(&when, 'Z');
  e.created = ended(&when);
  e.activity = text_of(given(v, "activity_id"));
  e.attributes = attributes ? copy_n(attributes->raw, attributes->len) : copy("{}");
  e.key = key && created ? text_of(key) : NULL;
  e.raw = copy_n(v->raw, v->len);
  Event *old = same_event(&e);
  if (old) {
    free_event(old);
    *old = e;
    return;
  }
  GROW(S.event, S.nEvent, S.capEvent);
  S.event[S.nEvent++] = e;
}

/* Who did it: by id, then its fields do not matter; or merged by the keys of the request [documented].
** [guess: account-key] */
static bool actor(const Merge *m, const Json *v, Outcome *o, uint32_t *i, bool *byId) {
  const Json *fields = given(v, "fields"), *id = given(v, "person_id");
  *byId = true;
  if (m->en->type) {
    if (guess(G_ACCOUNT_KEY) != 1) id = given(fields, "str:o:organization_id");
    if (!id && guess(G_ACCOUNT_KEY) != 2) id = given(fields, "str:o:account_id");
  }
  if (!id) {
    *byId = false;
    return merge_one(m, v, o, i);
  }
  *o = (Outcome){0};
  int64_t found = record_of(m->en, id);
  if (found < 0) return reject(o, "invalid", "%s: Object not found", m->en->type ? "account" : "person");
  *i = (uint32_t)found;
  id_of(m->en, *i, o->id);
  return true;
}

/* queued, and an id only if it was given [recorded]. [guess: activity-answer] */
static void put_queued(Call *c, const Outcome *o, bool byId) {
  const char *word = c->en->type ? "account" : "person";
  if (o->error) {
    put_format(&c->out, "{\"status\":\"%s\",\"error\":", o->status);
    put_text(&c->out, o->error);
    putc_to(&c->out, '}');
    return;
  }
  putc_to(&c->out, '{');
  if (byId) put_format(&c->out, "\"%s_id\":\"%s\",", word, o->id);
  if (guess(G_ACTIVITY_ANSWER) && !is_true(given(c->in, "async"))) {
    put_format(&c->out, "\"status\":\"ingested\",\"%s_status\":\"%s\",\"activity_id\":\"00%022" PRIx64 "\"}",
               word, o->status ? o->status : "merged", mix((uint64_t)S.nEvent) >> 16);
    return;
  }
  put_format(&c->out, "\"status\":\"queued\",\"%s_status\":\"queued\"}", word);
}

static int check_activities(Call *c, const Json *list) {
  size_t n = count_of(list);
  if (!list || list->type != J_ARRAY || n < 1 || n > 100) return invalid(c);
  for (const Json *v = list->child; v; v = v->next) {
    if (!good_activity(c->en, v)) return invalid(c);
    const Json *id = given(v, "person_id");
    int bad = id && !c->en->type ? check_id(c, id) : 0;
    if (bad) return bad;
  }
  return 0;
}

static bool needs_keys(const Call *c) { return given(c->in, "merge_by") || !c->en->type; }

int api_activities(Call *c) {
  const Json *list = given(c->in, "activities");
  Merge m = {
      .en = c->en, .byId = true, .idName = {"str:o:account_id", "str:o:organization_id"}, .strategy = 2};
  int bad = check_activities(c, list);
  if (!bad && needs_keys(c)) bad = read_merge(c, &m);
  if (bad) return bad;
  size_t n = count_of(list), good = 0, k = 0;
  Outcome *o = zeroed(n, sizeof *o);
  LIT(&c->out, "{\"activities\":[");
  for (const Json *v = list->child; v; v = v->next, k++) {
    uint32_t i = 0;
    bool byId = false;
    if (actor(&m, v, &o[k], &i, &byId)) keep_event(c->en, v, true, i);
    good += !o[k].error;
    if (k) putc_to(&c->out, ',');
    put_queued(c, &o[k], byId);
  }
  LIT(&c->out, "]}");
  int status = good ? 200 : fail_all(c, "activities", o, n);
  for (k = 0; k < n; k++) free(o[k].error);
  free(o);
  return status;
}

static void put_attribute(Buf *b, const char *name, const char *id, const char *display, const char *act,
                          bool schema) {
  char *tail = kebab(name);
  put_format(b, "{\"%s\":", schema ? "id" : "name");
  put_text(b, schema ? id : name);
  put_format(b, ",\"%s\":", schema ? "name" : "field_id");
  put_text(b, schema ? name : id);
  put_format(b, ",\"display_type\":\"%s\",\"liquid_name\":\"activity.custom.%s.%s\"}", display, act, tail);
  free(tail);
}

/* Appends the attributes in both shapes; false if one is wrong. */
static bool read_attributes(const Json *list, const char *act, Buf *answer, Buf *schema) {
  putc_to(answer, '[');
  putc_to(schema, '[');
  for (const Json *v = list ? list->child : NULL; v; v = v->next) {
    const Json *name = given(v, "name");
    char *display = text_of(given(v, "display_type")), *text = text_of(name), *tail = kebab(text);
    const CustomType *t = custom_type(display);
    bool ok = t && name && name->type == J_STRING && *tail;
    if (ok) {
      char *id = joined(t->prefix, ":cm:", tail);
      if (v != list->child) putc_to(answer, ','), putc_to(schema, ',');
      put_attribute(answer, text, id, t->display, act, false);
      put_attribute(schema, text, id, t->display, act, true);
      free(id);
    }
    free(display);
    free(text);
    free(tail);
    if (!ok) return false;
  }
  putc_to(answer, ']');
  putc_to(schema, ']');
  return true;
}

static void put_display_mode(Buf *b, const Json *style, const Json *attributes) {
  char *type = text_of(given(style, "type"));
  LIT(b, "{\"type\":");
  put_text(b, *type ? type : "activity");
  for (const Json *v = attributes ? attributes->child : NULL; v && !strcmp(type, "activity_attribute");
       v = v->next) {
    char *name = text_of(given(v, "name")), *display = text_of(given(v, "display_type")), *tail = kebab(name);
    const CustomType *t = custom_type(display);
    if (t && text_is(given(style, "attribute_name"), name)) {
      char *id = joined(t->prefix, ":cm:", tail);
      LIT(b, ",\"attribute_field_id\":");
      put_text(b, id);
      free(id);
    }
    free(name);
    free(display);
    free(tail);
  }
  putc_to(b, '}');
  free(type);
}

static void put_custom_activity(Buf *b, const Json *in, const char *name, const char *id,
                                const Buf *attributes) {
  static const char *const flags[] = {"track_conversion_value", "touch", "filterable", "visible_in_feeds"};
  char *icon = text_of(given(in, "icon_id"));
  LIT(b, "{\"custom_activity\":{\"name\":");
  put_text(b, name);
  LIT(b, ",\"activity_field_id\":");
  put_text(b, id);
  LIT(b, ",\"state\":\"awaiting_implementation\",\"display_mode\":");
  put_display_mode(b, given(in, "display_style"), given(in, "attributes"));
  LIT(b, ",\"attributes\":");
  put(b, attributes->p, attributes->n);
  LIT(b, ",\"icon_id\":");
  put_text(b, icon);
  for (size_t k = 0; k < COUNT(flags); k++)
    put_format(b, ",\"%s\":%s", flags[k], is_true(given(in, flags[k])) ? "true" : "false");
  LIT(b, ",\"created_by\":\"Public API\",\"created_at\":");
  put_time_ms(b, S.clock, 326);
  LIT(b, ",\"edited_at\":");
  put_time_ms(b, S.clock, 326);
  LIT(b, "}}");
  free(icon);
}

/* The answer [recorded]; a name that is taken: 409 [guessed]. */
int api_define_activity(Call *c) {
  static const char *const names[] = {"name", "icon_id", "display_style", "attributes"};
  static const int types[] = {J_STRING, J_STRING, J_OBJECT, J_ARRAY};
  int bad = check_types(c, names, types, COUNT(names));
  if (bad) return bad;
  char *name = text_of(given(c->in, "name")), *slug = kebab(name), *id = joined("act", ":cm:", slug);
  Buf answer = {0}, schema = {0};
  int status = 200;
  if (!*slug || !read_attributes(given(c->in, "attributes"), slug, &answer, &schema)) {
    status = invalid(c);
  } else if (act_by(id)) {
    status = fail(c, 409, "sandbox: %s: Object already exists", id);
  } else {
    add_act(id, name, copy_n(schema.p, schema.n));
    put_custom_activity(&c->out, c->in, name, id, &answer);
  }
  drop(&answer);
  drop(&schema);
  free(name);
  free(slug);
  free(id);
  return status;
}
