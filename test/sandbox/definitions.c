/* definitions.c: see definitions.h. */
#define _GNU_SOURCE
#include "definitions.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "json.h"
#include "instance.h"
#include "fields.h"
#include "call.h"

static void put_definition(Buf *b, const Field *f) {
  LIT(b, "{\"id\":");
  put_text(b, f->id);
  LIT(b, ",\"name\":");
  put_text(b, f->name);
  LIT(b, ",\"display_type\":");
  put_text(b, f->display);
  LIT(b, ",\"liquid_name\":");
  put_text(b, f->liquid);
  for (int k = 0; k < f->nItems; k++) {
    puts_to(b, k ? "," : ",\"dic_items\":[");
    put_text(b, f->items[k]);
  }
  puts_to(b, f->nItems ? "]}" : "}");
}

int api_custom_fields(Call *c) {
  const Entity *en = c->en;
  int *order = resize(NULL, (size_t)en->nField, sizeof *order), n = 0;
  for (int k = 0; k < en->nField; k++)
    if (en->field[k]->custom && !en->field[k]->removed && !en->field[k]->phantom) order[n++] = k;
  for (int k = n - 1; k > 0; k--) {
    int other = (int)(mix(c->n * 64 + (uint64_t)k) % (uint64_t)(k + 1)), t = order[k];
    order[k] = order[other];
    order[other] = t;
  }
  puts_to(&c->out, n ? "{\"fields\":[" : "{\"fields\":null");
  for (int k = 0; k < n; k++) {
    const Field *f = en->field[order[k]];
    if (k) putc_to(&c->out, ',');
    if (!en->type) LIT(&c->out, "{\"field\":");
    put_definition(&c->out, f);
    if (!en->type) put_format(&c->out, ",\"tracked_value\":%s}", f->tracked ? "true" : "false");
  }
  puts_to(&c->out, n ? "]}" : "}");
  free(order);
  return 200;
}

static void put_schema_field(Buf *b, const Field *f) {
  put_text(b, f->id);
  LIT(b, ":{\"id\":");
  put_text(b, f->id);
  LIT(b, ",\"name\":");
  put_text(b, f->name);
  if (f->flags & RO) LIT(b, ",\"read_only\":true");
  LIT(b, ",\"display_type\":");
  put_text(b, f->display);
  if (f->flags & HID) LIT(b, ",\"hidden\":true");
  if (f->flags & NOAC) LIT(b, ",\"no_autocomplete\":true");
  LIT(b, ",\"liquid_name\":");
  put_text(b, f->liquid);
  putc_to(b, '}');
}

static void put_schema_act(Buf *b, const Act *a) {
  put_text(b, a->id);
  LIT(b, ":{\"id\":");
  put_text(b, a->id);
  LIT(b, ",\"name\":");
  put_text(b, a->name);
  LIT(b, ",\"display_type\":\"activity\"");
  if (!strcmp(a->id, "act::c")) LIT(b, ",\"last_geo_time\":\"2026-11-04T21:44:49.862158812Z\"");
  if (a->json) put_format(b, ",\"attributes\":%s", a->json);
  putc_to(b, '}');
}

/* The namespace part of an id: "" for system and bare person ids, "o" for bare account ids. */
static bool in_namespace(const Entity *en, const char *id, const char *ns) {
  const char *colon = strchr(id, ':');
  if (!colon) return !strcmp(ns, en->type ? "o" : "");
  size_t n = strlen(ns);
  return !strncmp(colon + 1, ns, n) && colon[1 + n] == ':';
}

/* One without fields is left out [recorded]. */
static void put_namespace(Buf *b, const Entity *en, const char *ns, bool *any) {
  size_t start = b->n;
  put_format(b, "%s\"%s\":{\"id\":\"%s\",\"fields\":{", *any ? "," : "", ns, ns);
  size_t mark = b->n;
  const Field **sorted = resize(NULL, (size_t)en->nField, sizeof *sorted);
  size_t n = 0;
  for (int k = 0; k < en->nField; k++) {
    const Field *f = en->field[k];
    if (!f->removed && !f->phantom && in_namespace(en, f->id, ns)) sorted[n++] = f;
  }
  qsort(sorted, n, sizeof *sorted, by_field_id);
  bool acts = false;
  for (size_t k = 0; k <= n; k++) {
    /* activities sort between a and bol:, as everywhere else */
    if (!acts && (k == n || strcmp(sorted[k]->id, "act:") > 0)) {
      acts = true;
      for (int m = 0; m < S.nAct; m++) {
        if (!in_namespace(en, S.act[m].id, ns)) continue;
        if (b->n != mark) putc_to(b, ',');
        put_schema_act(b, &S.act[m]);
      }
    }
    if (k == n) break;
    if (b->n != mark) putc_to(b, ',');
    put_schema_field(b, sorted[k]);
  }
  free(sorted);
  if (b->n == mark) {
    b->n = start;
    return;
  }
  putc_to(b, '}');
  if (en->type) LIT(b, ",\"org\":true");
  putc_to(b, '}');
  *any = true;
}

static bool asked_for(const Json *list, const char *ns) {
  if (!list || !list->child) return true;
  for (const Json *v = list->child; v; v = v->next)
    if (text_is(v, ns)) return true;
  return false;
}

int api_schema(Call *c) {
  const Json *list = given(c->in, "namespaces");
  bool any = false;
  int bad = check_type(c, "namespaces", J_ARRAY);
  if (bad) return bad;
  LIT(&c->out, "{\"namespaces\":{");
  if (asked_for(list, "")) put_namespace(&c->out, PEOPLE, "", &any);
  if (asked_for(list, "cm")) put_namespace(&c->out, PEOPLE, "cm", &any);
  if (asked_for(list, "o")) put_namespace(&c->out, ACCOUNTS, "o", &any);
  if (asked_for(list, "oc")) put_namespace(&c->out, ACCOUNTS, "oc", &any);
  if (asked_for(list, "sh")) put_namespace(&c->out, PEOPLE, "sh", &any);
  LIT(&c->out, "}}");
  return 200;
}
