/* reading.c: see reading.h. */
#define _GNU_SOURCE
#include "reading.h"

#include <assert.h>
#include <pthread.h>
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
#include "call.h"
#include "faults.h"
#include "lists.h"
#include "filters.h"
#include "query.h"

#define MOST_FIELDS 150 /* [documented] for get-by-ids, [guess: fields-most] */

typedef struct Wish {
  const Field *field[MOST_FIELDS + 1]; /* sorted by id, as the answers are */
  Buf names;                           /* "id": of each, one behind the other; empty until one is needed */
  size_t end[MOST_FIELDS + 1];         /* where each ends in them */
  int n;
} Wish;

static void wish_add(Wish *w, const Field *f) {
  for (int k = 0; k < w->n; k++)
    if (w->field[k] == f) return;
  w->field[w->n++] = f;
}

/* Unknown ids are ignored [recorded, for people]; idt::o comes unasked [documented, recorded]. */
static int read_wish(Call *c, Wish *w) {
  const Json *list = given(c->in, "fields");
  w->n = 0;
  w->names = (Buf){0};
  /* [guess: fields-most] */
  unsigned most = guess(G_FIELDS_MOST) ? 20 : MOST_FIELDS;
  if (count_of(list) > most)
    return fail(c, 400, "sandbox: too many fields, the maximum is %u: Invalid value", most);
  for (const Json *v = list ? list->child : NULL; v; v = v->next) {
    if (v->type != J_STRING) return fail(c, 400, "sandbox: Failed to parse request fields: Invalid value");
    char *id = text_of(v);
    const Field *f = field_by(c->en, id);
    free(id);
    if (f) wish_add(w, f);
  }
  if (c->en->account) wish_add(w, c->en->account);
  qsort(w->field, (size_t)w->n, sizeof *w->field, by_field_id);
  return 0;
}

/* A date, phone or place as the text that a person would write. */
static void put_plain(Buf *b, const Json *v, int kind) {
  Buf t = {0};
  char *a = text_of(member(v, kind == K_GEO ? "name" : kind == K_PHN ? "c" : "year"));
  char *n = kind == K_PHN ? text_of(member(v, "n")) : NULL;
  if (kind == K_DTZ) put_format(&t, "%04d-%02d-%02d", (int)integer_of(member(v, "year"), 0),
                                (int)integer_of(member(v, "month"), 0), (int)integer_of(member(v, "day"), 0));
  else if (kind == K_PHN) put_format(&t, "+%s%s", a, n);
  else puts_to(&t, a);
  put_string(b, t.p, t.n);
  drop(&t);
  free(a);
  free(n);
}

/* A value as it is answered; false if the field is left out. [guess: no-value, numbers, booleans, shapes] */
static bool put_value(Buf *b, const Entity *en, uint32_t i, const Field *f) {
  size_t mark = b->n;
  Reader r;
  if (!value(b, en, i, f)) {
    b->n = mark;
    if (guess(G_NO_VALUE)) LIT(b, "null");
    return guess(G_NO_VALUE);
  }
  bool number = f->kind == K_INT && guess(G_NUMBERS), truth = f->kind == K_BOL && guess(G_BOOLEANS);
  bool shaped = (f->kind == K_DTZ || f->kind == K_PHN || f->kind == K_GEO) && guess(G_SHAPES);
  if (!number && !truth && !shaped) return true;
  char *raw = copy_n(b->p + mark, b->n - mark);
  const Json *v = read_json(&r, raw, b->n - mark);
  if (v && ((number && v->type == J_NUMBER) || (truth && v->type == J_BOOL))) {
    b->n = mark;
    if (truth && guess(G_BOOLEANS) == 2) putc_to(b, raw[0] == 't' ? '1' : '0');
    else put_text(b, raw);
  } else if (v && shaped && v->type == J_OBJECT) {
    b->n = mark;
    put_plain(b, v, f->kind);
  }
  if (v) reader_free(&r);
  free(raw);
  return true;
}

static void put_names(Wish *w) {
  for (int k = 0; k < w->n; k++) {
    put_text(&w->names, w->field[k]->id);
    putc_to(&w->names, ':');
    w->end[k] = w->names.n;
  }
}

static void put_record(Buf *b, const Entity *en, uint32_t i, Wish *w) {
  char id[25];
  if (!w->names.n) put_names(w);
  id_of(en, i, id);
  LIT(b, "{\"id\":\"");
  put(b, id, 24);
  LIT(b, "\",\"fields\":{");
  bool any = false;
  for (int k = 0; k < w->n; k++) {
    size_t mark = b->n;
    if (any) putc_to(b, ',');
    size_t from = k ? w->end[k - 1] : 0;
    put(b, w->names.p + from, w->end[k] - from);
    if (put_value(b, en, i, w->field[k])) any = true;
    else b->n = mark;
  }
  LIT(b, "}}");
}

static int read_filter(Call *c, Query *q) {
  const Json *v = given(c->in, "filter");
  Buf why = {0};
  if (!v || !count_of(v)) return 0;
  /* [documented] */
  if (q->archived)
    return fail(c, 400, "sandbox: filter is not supported for archived records: Invalid value");
  if (!decode_filter(c->en, v, &q->filter, &why)) {
    fail(c, 400, "sandbox: %.*s", (int)why.n, why.p);
    drop(&why);
    return 400;
  }
  return 0;
}

/* [documented]; an unknown audience is refused [guessed]. */
static int read_audience(Call *c, Query *q) {
  const Json *v = given(c->in, "audience_id");
  q->audience = -1;
  if (!v || c->en->type) return 0;
  int bad = check_id(c, v);
  if (bad) return bad;
  char *id = text_of(v);
  q->audience = audience_by(id);
  free(id);
  if (q->audience < 0) return fail(c, 400, "sandbox: audience: Object not found");
  v = given(c->in, "audience_filter");
  if (v) q->audienceFilter = text_of(v);
  return 0;
}

/* Descending without an order [documented]; by an unknown field: refused [guessed]. [guess: time-sort] */
static int read_sort(Call *c, Query *q) {
  const Json *v = given(c->in, "sort_by_field_id"), *order = given(c->in, "sort_order");
  q->descending = !text_is(order, "asc");
  if (order && q->descending && !text_is(order, "desc") && !text_is(order, "")) return invalid(c);
  if (!v || text_is(v, "")) return 0;
  char *id = text_of(v);
  q->sort = field_by(c->en, id);
  free(id);
  if (q->sort && q->sort->kind == K_TME && guess(G_TIME_SORT)) {
    q->sort = NULL;
    return guess(G_TIME_SORT) == 1 ? 0 : invalid(c);
  }
  return q->sort ? 0 : invalid(c);
}

/* archived_organization [documented]; archived_account and others refused [recorded]; organization
** [client] */
static int read_scope(Call *c, Query *q) {
  const Json *v = given(c->in, "type");
  if (!v || text_is(v, "")) return 0;
  if (c->en->type && text_is(v, "organization")) return 0;
  if (!text_is(v, c->en->type ? "archived_organization" : "archived")) return invalid(c);
  q->archived = true;
  return 0;
}

static int read_query(Call *c, Query *q) {
  int bad = read_scope(c, q);
  const Json *v = given(c->in, "q");
  q->audience = -1;
  if (v && !text_is(v, "")) q->q = text_of(v);
  if (!bad) bad = read_filter(c, q);
  if (!bad) bad = read_audience(c, q);
  if (!bad) bad = read_sort(c, q);
  if (!bad && c->en->type) bad = read_id_list(c, "inclusion_ids", &q->include);
  if (!bad && c->en->type) bad = read_id_list(c, "exclusion_ids", &q->exclude);
  q->narrowed = q->filter || q->q || q->audience >= 0 || q->include || q->exclude;
  return bad;
}

/* The list to read from: the cursor's, or a new one. [guess: cursor] An unknown cursor is refused
** [guessed]. */
static int read_snapshot(Call *c, Snapshot *s) {
  const Json *cursor = given(c->in, "cursor_id");
  bool live = guess(G_CURSOR);
  Query q = {0};
  int bad = 0;
  if (cursor && !text_is(cursor, "")) {
    if ((bad = check_id(c, cursor))) return bad;
    char *id = text_of(cursor);
    bool known = live ? strlen(id) == 24 : find_snapshot(c->en, id, s);
    if (live && known) memcpy(s->id, id, 25);
    free(id);
    if (!known) return fail(c, 400, "sandbox: Failed to parse request unknown cursor: Object not found");
    if (!live) return 0;
  }
  bad = read_query(c, &q);
  if (!bad) {
    s->en = c->en;
    s->list = run_query(&q, c->en);
    s->whole = !q.narrowed;
    s->archived = q.archived;
    s->total = q.archived ? c->en->archived : c->en->active;
    if (!s->id[0]) {
      new_cursor(c->en, s->id);
      keep_snapshot(s);
    }
  }
  query_free(&q);
  return bad;
}

uint32_t subscribers(void) {
  static uint64_t version;
  static uint32_t n;
  pthread_mutex_lock(&cacheLock);
  if (version != S.version) {
    const Field *f = field_by(PEOPLE, "bol::p");
    Buf b = {0};
    n = 0;
    for (uint32_t i = 0; i < PEOPLE->n; i++) {
      b.n = 0;
      n += is_active(PEOPLE, i) && value(&b, PEOPLE, i, f) && b.n == 4 && b.p[0] == 't';
    }
    drop(&b);
    version = S.version;
  }
  uint32_t answer = n;
  pthread_mutex_unlock(&cacheLock);
  return answer;
}

typedef struct Page {
  uint32_t offset, limit, next; /* next: next_offset */
  uint32_t from, to;            /* rows of the list */
  bool repeat;                  /* row from-1 comes first, once more */
  bool pastEnd, more;
  char cursor[25];
} Page;

static void bend_page(const Call *c, const Snapshot *s, Page *p) {
  const Fault *f = fault(c, F_REPEAT_ID);
  if (f && p->offset > 0 && f->shift) {
    p->from--;
    if (p->to > p->from + p->limit) p->to--;
    p->next = p->to;
    p->more = p->to < s->list->n;
  } else if (f && p->offset > 0) {
    p->repeat = true;
  }
  if (fault(c, F_SAME_PAGE) && p->offset > 0) {
    uint32_t n = p->to - p->from;
    p->from = p->offset > p->limit ? p->offset - p->limit : 0;
    p->to = p->from + n;
  }
  if (fault(c, F_LOST_ROW) && p->to > p->from) p->to--;
  if (fault(c, F_STUCK_OFFSET)) p->next = p->offset;
  if (fault(c, F_FRESH_CURSOR)) {
    Snapshot alias = *s;
    new_cursor(s->en, alias.id);
    keep_snapshot(&alias);
    memcpy(p->cursor, alias.id, sizeof alias.id);
  }
  if (fault(c, F_ZERO_CURSOR)) memcpy(p->cursor, ZERO_ID, 25);
}

static void plan_page(const Call *c, const Snapshot *s, Page *p) {
  int64_t limit = integer_of(given(c->in, "limit"), 50), offset = integer_of(given(c->in, "offset"), 0);
  const Fault *f = fault(c, F_SHORT_PAGE);
  if (limit < 1 || limit > 500) limit = 50; /* above 500 is 50 [documented] */
  if (f && f->rows < limit) limit = f->rows;
  if (offset < 0) offset = 0;
  p->limit = (uint32_t)limit;
  p->pastEnd = offset >= s->list->n && (offset > 0 || s->whole);
  /* Past the end: null, zero cursor, offset 0 [recorded]. */
  if (p->pastEnd) {
    memcpy(p->cursor, ZERO_ID, 25);
    return;
  }
  p->offset = p->from = (uint32_t)offset;
  p->to = s->list->n - p->from < p->limit ? s->list->n : p->from + p->limit;
  p->next = p->to;
  p->more = p->to < s->list->n;
  memcpy(p->cursor, s->id, 25);
  /* [guess: last-cursor, last-offset] */
  if (!p->more && guess(G_LAST_CURSOR)) memcpy(p->cursor, ZERO_ID, 25);
  if (!p->more && guess(G_LAST_OFFSET)) p->next = 0;
  bend_page(c, s, p);
}

/* Past the end people count 0, accounts do not [recorded]; subscribers only of the whole list [recorded].
** [guess: matches, total-name] */
static void put_meta(Buf *b, const Entity *en, const Snapshot *s, const Page *p) {
  uint32_t total = s->total, matches = s->list->n, subs = 0;
  if (!en->type && p->pastEnd) total = matches = 0;
  else if (!en->type && s->whole && !s->archived) subs = subscribers();
  const char *name = guess(G_TOTAL_NAME) ? "accounts" : "organizations";
  put_format(b, ",\"meta\":{\"total_contacts\":%u,\"total_%s\":%u", en->type ? 0 : total, name,
             en->type ? total : 0);
  if (!guess(G_MATCHES)) put_format(b, ",\"total_matches\":%u", matches);
  put_format(b, ",\"total_subscribers\":%u}", subs);
}

/* Where the page stands. [guess: last-offset, last-more] */
static void put_place_in_list(Buf *b, const Page *p) {
  put_format(b, ",\"offset\":%u", p->offset);
  if (p->more || guess(G_LAST_OFFSET) != 2) put_format(b, ",\"next_offset\":%u", p->next);
  put_format(b, ",\"cursor_id\":\"%s\"", p->cursor);
  if (p->more) LIT(b, ",\"has_more\":true");
  else if (!guess(G_LAST_MORE)) LIT(b, ",\"has_more\":false");
  putc_to(b, '}');
}

int api_get(Call *c) {
  static const char *const names[] = {
      "fields", "limit",  "offset",      "cursor_id",       "sort_by_field_id", "sort_order",   "q",
      "type",   "filter", "audience_id", "audience_filter", "inclusion_ids",    "exclusion_ids"};
  static const int types[] = {J_ARRAY, J_NUMBER, J_NUMBER, J_STRING, J_STRING, J_STRING, J_STRING, J_STRING,
                              J_OBJECT, J_STRING, J_STRING, J_ARRAY, J_ARRAY};
  Wish w;
  Snapshot s = {0};
  Page p = {0};
  int bad = check_types(c, names, types, COUNT(names));
  if (!bad) bad = read_wish(c, &w);
  if (fault(c, F_FORGET_CURSOR)) forget_snapshots();
  if (!bad) bad = read_snapshot(c, &s);
  if (bad) return bad;
  assert(s.list);
  plan_page(c, &s, &p);
  Buf *b = &c->out;
  puts_to(b, c->en->type ? (c->old ? "{\"organizations\":" : "{\"accounts\":") : "{\"contacts\":");
  if (p.pastEnd) LIT(b, "null");
  else putc_to(b, '[');
  size_t mark = b->n;
  if (p.repeat && p.from) put_record(b, c->en, s.list->index[p.from - 1], &w);
  for (uint32_t k = p.from; k < p.to; k++) {
    if (b->n != mark) putc_to(b, ',');
    put_record(b, c->en, s.list->index[k], &w);
  }
  drop(&w.names);
  if (!p.pastEnd) putc_to(b, ']');
  put_meta(b, c->en, &s, &p);
  put_place_in_list(b, &p);
  list_unref(s.list);
  return 200;
}

static int by_number(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

/* An object by id [recorded]. [guess: ids-most, archived-ids, unknown-ids] */
int api_get_by_ids(Call *c) {
  const char *name = c->en->type ? (c->old ? "organization_ids" : "account_ids") : "contact_ids";
  const Json *ids;
  uint32_t found[100];
  size_t n = 0;
  Buf nobody = {0};
  Wish w;
  int bad = check_type(c, name, J_ARRAY);
  if (!bad) bad = check_type(c, "fields", J_ARRAY);
  if (!bad) bad = read_wish(c, &w);
  unsigned most = guess(G_IDS_MOST) ? 20 : 100;
  if (!bad && count_of(given(c->in, name)) > most)
    bad = fail(c, 400, "sandbox: too many ids, the maximum is %u: Invalid value", most);
  if (!bad) bad = read_id_list(c, name, &ids);
  if (bad) return bad;
  for (const Json *v = ids ? ids->child : NULL; v; v = v->next) {
    int64_t i = record_of(c->en, v);
    if (i >= 0 && c->en->status[i] & ARCHIVED && guess(G_ARCHIVED_IDS)) i = -1;
    if (i >= 0) found[n++] = (uint32_t)i;
    else if (guess(G_UNKNOWN_IDS) == 1)
      put_format(&nobody, "%s%.*s:null", nobody.n ? "," : "", (int)v->len, v->raw);
    else if (guess(G_UNKNOWN_IDS) == 2)
      return fail(c, 400, "sandbox: %.*s: Object not found", (int)v->len, v->raw);
  }
  qsort(found, n, sizeof *found, by_number); /* in an order of its own [guessed] */
  Buf *b = &c->out;
  puts_to(b, c->en->type ? (c->old ? "{\"organizations\":{" : "{\"accounts\":{") : "{\"contacts\":{");
  for (size_t k = 0; k < n; k++) {
    char id[25];
    if (k && found[k] == found[k - 1]) continue;
    id_of(c->en, found[k], id);
    put_format(b, "%s\"%s\":", k ? "," : "", id);
    put_record(b, c->en, found[k], &w);
  }
  drop(&w.names);
  if (n && nobody.n) putc_to(b, ',');
  put(b, nobody.p, nobody.n);
  drop(&nobody);
  LIT(b, "}}");
  return 200;
}
