/* filters.c: see filters.h. */
#define _GNU_SOURCE
#include "filters.h"

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
#include "lists.h"

typedef enum {
  OP_AND,
  OP_OR,
  OP_STR_IS,
  OP_CONTAINS,
  OP_ANY,
  OP_NONE,
  OP_TAG_IS,
  OP_BOOL_IS,
  OP_INT_GREATER
} Op;

struct Filter {
  Op op;
  const Field *field;
  char *text;
  size_t n;
  double number;
  Filter *child, *next;
};

static const struct {
  const char *name;
  Op op;
} OPS[] = {{"$and", OP_AND},
           {"$or", OP_OR},
           {"$str::is", OP_STR_IS},
           {"$str::contains", OP_CONTAINS},
           {"$has_any_value", OP_ANY},
           {"$has_no_value", OP_NONE},
           {"$u4s::is", OP_TAG_IS},
           {"$bol::is", OP_BOOL_IS},
           {"$int::greater_than", OP_INT_GREATER}};

void filter_free(Filter *f) {
  while (f) {
    Filter *next = f->next;
    filter_free(f->child);
    free(f->text);
    free(f);
    f = next;
  }
}

static bool decode_group(const Entity *en, const Json *op, Filter *f, Buf *why) {
  Filter **tail = &f->child;
  if (op->type != J_ARRAY) return put_format(why, "%s: Invalid value", op->key), false;
  for (const Json *v = op->child; v; v = v->next) {
    if (!decode_filter(en, v, tail, why)) {
      Buf inner = *why;
      *why = (Buf){0};
      put_format(why, "Failed to decode filter %s body %.*s: ", op->key, (int)op->len, op->raw);
      put(why, inner.p, inner.n);
      LIT(why, " (Invalid value)");
      drop(&inner);
      return false;
    }
    tail = &(*tail)->next;
  }
  return true;
}

/* Text conditions on what is not text, presence of what cannot be filtered: refused [guessed]; txt and obj
** cannot be filtered [documented]. */
static bool suits(Op op, const Field *f) {
  switch (op) {
    case OP_STR_IS: return f->kind == K_STR || f->kind == K_GEO;
    case OP_CONTAINS: return f->kind == K_STR;
    case OP_TAG_IS: return f->kind == K_TAGS && strcmp(f->id, "tags");
    case OP_BOOL_IS: return f->kind == K_BOL;
    case OP_INT_GREATER: return f->kind == K_INT;
    default: return f->kind != K_TXT && f->kind != K_OBJ && !f->phantom;
  }
}

static bool decode_condition(const Entity *en, const Json *op, Filter *f, Buf *why) {
  const Json *id = given(op, "field_id"), *v = member(op, "value");
  char *name = text_of(id);
  f->field = id && id->type == J_STRING ? field_by(en, name) : NULL;
  if (!f->field) {
    put_format(why, "Failed to decode filter %s: %s: Object not found", op->key, name);
  } else if (!suits(f->op, f->field)) {
    put_format(why, "Failed to decode filter %s: %s cannot be filtered so (Invalid value)", op->key, name);
    f->field = NULL;
  }
  free(name);
  if (!f->field) return false;
  if (f->op == OP_ANY || f->op == OP_NONE) return true;
  bool text = f->op == OP_STR_IS || f->op == OP_CONTAINS;
  int want = text ? J_STRING : f->op == OP_BOOL_IS ? J_BOOL : J_NUMBER;
  if (!v || v->type != want)
    return put_format(why, "Failed to decode filter %s body %.*s (Invalid value)", op->key, (int)op->len,
                      op->raw),
           false;
  Buf b = {0};
  if (text) put_decoded(&b, v->raw, v->len);
  else put(&b, v->raw, v->len);
  f->n = b.n;
  f->text = ended(&b);
  f->number = strtod(f->text, NULL);
  return true;
}

bool decode_filter(const Entity *en, const Json *v, Filter **out, Buf *why) {
  if (v->type != J_OBJECT || count_of(v) != 1)
    return put_format(why, "filter must be an object with one operation (Invalid value)"), false;
  const Json *op = v->child;
  for (size_t k = 0; k < COUNT(OPS); k++) {
    if (strcmp(op->key, OPS[k].name)) continue;
    Filter *f = *out = zeroed(1, sizeof *f);
    f->op = OPS[k].op;
    return f->op <= OP_OR ? decode_group(en, op, f, why) : decode_condition(en, op, f, why);
  }
  /* [recorded] */
  put_format(why, "Unknown operation %s: %.*s (Invalid value)", op->key, (int)op->len, op->raw);
  return false;
}

static bool has_tag(const Entity *en, uint32_t i, uint32_t id) {
  uint32_t spare[3];
  int n;
  const uint32_t *tag = tags_of(en, i, spare, &n);
  for (int k = 0; k < n; k++)
    if (tag[k] == id) return true;
  return false;
}

static bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* Without blanks around. */
static void trim(const char **s, size_t *n) {
  while (*n && is_blank(**s)) ++*s, --*n;
  while (*n && is_blank((*s)[*n - 1])) --*n;
}

/* [guess: str-is] */
static bool is_text(const Cell *c, const Filter *f) {
  const char *s = c->text.p, *t = f->text;
  size_t n = c->text.n, m = f->n;
  if (!guess(G_STR_IS)) return n == m && (!n || !memcmp(s, t, n));
  trim(&s, &n);
  trim(&t, &m);
  for (size_t k = 0; n == m && k < n; k++)
    if (lower(s[k]) != lower(t[k])) return false;
  return n == m;
}

bool passes(const Filter *f, const Entity *en, uint32_t i, Cell *c) {
  if (f->op <= OP_OR) {
    for (const Filter *k = f->child; k; k = k->next)
      if (passes(k, en, i, c) != (f->op == OP_AND)) return f->op == OP_OR;
    return f->op == OP_AND;
  }
  if (f->op == OP_TAG_IS) return has_tag(en, i, (uint32_t)f->number);
  cell_read(c, en, i, f->field);
  switch (f->op) {
    case OP_ANY: return c->has; /* an empty text is a value [documented] */
    case OP_NONE: return !c->has;
    case OP_CONTAINS: return c->has && contains(c->text.p, c->text.n, f->text, f->n); /* no case [guessed] */
    case OP_INT_GREATER: return c->has && strtod(ended(&c->text), NULL) > f->number;
    default: return c->has && is_text(c, f);
  }
}
