/* custom_fields.c: see custom_fields.h. */
#define _GNU_SOURCE
#include "custom_fields.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "text.h"
#include "json.h"
#include "instance.h"
#include "fields.h"
#include "call.h"
#include "store.h"

static void put_items(Buf *b, const Field *f) {
  putc_to(b, '[');
  for (int k = 0; k < f->nItems; k++) {
    if (k) putc_to(b, ',');
    put_text(b, f->items[k]);
  }
  putc_to(b, ']');
}

void take_items(Field *f, const Json *list) {
  char **item = zeroed(count_of(list), sizeof *item);
  int n = 0;
  for (const Json *v = list ? list->child : NULL; v; v = v->next) item[n++] = text_of(v);
  set_items(f, (const char *const *)item, n);
  while (n) free(item[--n]);
  free(item);
}

static bool is_select(const char *display) {
  return !strcmp(display, "single_select") || !strcmp(display, "multi_select");
}

static bool name_taken(const Entity *en, const char *name) {
  char *tail = kebab(name);
  bool taken = false;
  for (int k = 0; k < en->nField; k++) {
    const Field *f = en->field[k];
    if (!f->custom || f->removed || f->phantom) continue;
    taken = taken || !strcasecmp(f->name, name) || !strcmp(strrchr(f->id, ':') + 1, tail);
  }
  free(tail);
  return taken;
}

/* The answer [recorded]; a name that is taken: 409 [documented], 423 [client]. */
int api_create_field(Call *c) {
  const Json *values = given(c->in, "values"), *name = given(c->in, "name");
  char *type = text_of(given(c->in, "type")), *text = text_of(name), *slug = kebab(text);
  const CustomType *t = custom_type(type);
  int status = 200;
  bool good = t && strcmp(type, "text_list") && name && name->type == J_STRING && *slug &&
              strlen(text) <= 255;
  good = good && is_select(t->display) == (count_of(values) > 0) && (!values || is_text_list(values));
  if (!good) {
    status = invalid(c);
  } else if (name_taken(c->en, text)) {
    status = fail(c, 409, "sandbox: field %s: Object already exists", text);
  } else {
    Field *f = add_custom(c->en, t, text, false);
    take_items(f, values);
    if (given(c->in, "track_changes")) f->tracked = is_true(given(c->in, "track_changes"));
    LIT(&c->out, "{\"name\":");
    put_text(&c->out, f->name);
    LIT(&c->out, ",\"field_id\":");
    put_text(&c->out, f->id);
    put_format(&c->out, ",\"display_type\":\"%s\"", f->display);
    if (f->nItems) {
      LIT(&c->out, ",\"values\":");
      put_items(&c->out, f);
    }
    putc_to(&c->out, '}');
  }
  free(type);
  free(text);
  free(slug);
  return status;
}

static int item_number(const Field *f, const char *text) {
  for (int k = 0; k < f->nItems; k++)
    if (!strcmp(f->items[k], text)) return k;
  return -1;
}

static void change_items(Field *f, const Json *list, bool add) {
  for (const Json *v = list->child; v; v = v->next) {
    char *text = text_of(v);
    int at = item_number(f, text);
    if (add && at < 0) {
      f->items = resize(f->items, (size_t)f->nItems + 1, sizeof *f->items);
      f->items[f->nItems++] = copy(text);
    } else if (!add && at >= 0) {
      free(f->items[at]);
      f->nItems--;
      memmove(f->items + at, f->items + at + 1, (size_t)(f->nItems - at) * sizeof *f->items);
    }
    free(text);
  }
}

/* replace before add before remove [documented]; the answer [recorded]. */
int api_update_field(Call *c) {
  const Json *replace = given(c->in, "replace_values"), *add = given(c->in, "add_values"),
             *remove_ = given(c->in, "remove_values");
  char *id = text_of(given(c->in, "field_id"));
  Field *f = field_by(c->en, id);
  free(id);
  const Json *list = replace ? replace : add ? add : remove_;
  if (!f || !f->custom || (list && (!is_select(f->display) || !is_text_list(list)))) return invalid(c);
  if (replace) take_items(f, replace);
  else if (list) change_items(f, list, list == add);
  if (given(c->in, "track_changes")) f->tracked = is_true(given(c->in, "track_changes"));
  LIT(&c->out, "{\"field_id\":");
  put_text(&c->out, f->id);
  LIT(&c->out, ",\"values\":");
  if (is_select(f->display)) put_items(&c->out, f);
  else LIT(&c->out, "null");
  put_format(&c->out, ",\"track_changes\":%s}", f->tracked ? "true" : "false");
  return 200;
}
