/* feed.c: see feed.h. */
#define _GNU_SOURCE
#include "feed.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "json.h"
#include "instance.h"
#include "values.h"
#include "start.h"
#include "call.h"

typedef struct Seen {
  int64_t at;
  int number;          /* of the generated ones, or -1 */
  const Event *event;  /* or NULL */
} Seen;

static int base_events(uint32_t i) {
  if (i >= PEOPLE->n0) return 0;
  if (i == PEOPLE->n0 - 1) return 95;
  uint64_t h = draw(PEOPLE, i, 201);
  return h % 4 ? 0 : 1 + (int)(h >> 8) % 6;
}

static const char *const EVENT_OF[] = {"act::s-all", "act::enter-audience", "act::o", "act::c",
                                       "act::ws",    "act:cm:flight-booked"};

static uint64_t event_hash(uint32_t i, int k) { return draw(PEOPLE, i, 300 + (uint64_t)k); }
static int64_t event_time(uint32_t i, int k) {
  return BASE_TIME - 3600 - 60000 * (int64_t)k - (int64_t)(event_hash(i, k) % 50000);
}
static const char *event_kind(uint32_t i, int k) { return PICK(EVENT_OF, event_hash(i, k) >> 16); }

static void put_base_event(Buf *b, uint32_t i, int k) {
  uint64_t h = event_hash(i, k);
  const char *kind = event_kind(i, k);
  const char *name = act_by(kind)->name;
  const Audience *a = S.nAudience ? &S.audience[h % (uint64_t)S.nAudience] : NULL;
  put_format(b, "{\"id\":\"00%08x%012" PRIx64 "%02x\",\"attr\":", (unsigned)event_time(i, k), h >> 16,
             (unsigned)k & 255);
  if (!strcmp(kind, "act::enter-audience") && a) {
    put_format(b, "{\"idt::a\":\"%s\",\"str::name\":", a->id);
    put_text(b, a->name);
    putc_to(b, '}');
  } else if (!strcmp(kind, "act::s-all")) {
    LIT(b, "{\"str::is\":\"API\",\"str::s-ctx\":\"Subscribed via API\"}");
  } else if (!strcmp(kind, "act:cm:flight-booked")) {
    put_format(b, "{\"int::v\":%u,\"int:cm:bags\":%u,\"str:cm:carrier\":\"%s\"}", (unsigned)(h % 900) * 1000,
               (unsigned)(h % 4), word_of(h >> 20));
  } else if (!strcmp(kind, "act::c")) {
    put_format(b, "{\"str::b\":\"%s\",\"str::c\":\"https://www.example.com/%s\"}", browser_of(h),
               utm_of(h >> 9));
  } else {
    LIT(b, "{}");
  }
  LIT(b, ",\"created_at\":");
  put_time(b, event_time(i, k));
  put_format(b, ",\"field_id\":\"%s\",\"render_cmds\":[{\"content\":\"%s\"},", kind, name);
  if (!strcmp(kind, "act::enter-audience") && a) {
    LIT(b, "{\"content\":\" \"},{\"content\":");
    put_text(b, a->name);
    put_format(b, ",\"link\":\"/audiences/%s/performance\"},", a->id);
  }
  LIT(b, "{\"content\":\".\"}]}");
}

static void put_event(Buf *b, const Event *e, int k) {
  const Act *a = act_by(e->activity);
  put_format(b, "{\"id\":\"00%08x%012" PRIx64 "%02x\",\"attr\":%s,\"created_at\":", (unsigned)e->at,
             mix((uint64_t)k + 9) >> 16, (unsigned)k & 255, e->attributes);
  put_text(b, e->created);
  LIT(b, ",\"field_id\":");
  put_text(b, e->activity);
  LIT(b, ",\"render_cmds\":[{\"content\":");
  put_text(b, a ? a->name : e->activity);
  LIT(b, "},{\"content\":\".\"}]}");
}

static int newer_seen(const void *x, const void *y) {
  const Seen *a = x, *b = y;
  if (a->at != b->at) return a->at > b->at ? -1 : 1;
  return a->number < b->number ? -1 : a->number > b->number;
}

/* The span of a named time frame; false if the name is unknown. last-7-days, last-30-days, today [recorded];
** the others [client], what they span [guessed]. */
static bool timeframe(const char *type, int64_t *from, int64_t *to) {
  static const struct { const char *name; int days; } last[] = {
      {"last-24-hours", 1}, {"last-7-days", 7}, {"last-14-days", 14}, {"last-30-days", 30}, {"all", 36500}};
  int64_t today = S.clock / 86400 * 86400;
  int y, m, d;
  civil(today / 86400, &y, &m, &d);
  int64_t month = days_of(y, m, 1) * 86400, quarter = days_of(y, (m - 1) / 3 * 3 + 1, 1) * 86400;
  *to = INT64_MAX;
  for (size_t k = 0; k < COUNT(last); k++)
    if (!strcmp(type, last[k].name)) return *from = S.clock - last[k].days * (int64_t)86400, true;
  if (!strcmp(type, "today")) return *from = today, true;
  if (!strcmp(type, "yesterday")) return *from = today - 86400, *to = today, true;
  if (!strcmp(type, "this-week")) return *from = today - (today / 86400 + 3) % 7 * 86400, true;
  if (!strcmp(type, "this-month")) return *from = month, true;
  if (!strcmp(type, "this-quarter")) return *from = quarter, true;
  if (!strcmp(type, "this-year")) return *from = days_of(y, 1, 1) * 86400, true;
  if (!strcmp(type, "last-month")) return *from = month - 30 * 86400, *to = month, true;
  if (!strcmp(type, "last-quarter")) return *from = quarter - 91 * 86400, *to = quarter, true;
  return false;
}

/* Everything in the span of the wanted kinds, newest first; the caller frees it. */
static Seen *events_of(uint32_t i, const Json *kinds, int64_t from, int64_t to, int *count) {
  Seen *seen = NULL;
  int n = 0, cap = 0, base = base_events(i);
  for (int k = 0; k < base + S.nEvent; k++) {
    const Event *e = k < base ? NULL : &S.event[k - base];
    if (e && (e->ofAccount || !e->known || e->record != i)) continue;
    int64_t at = e ? e->at : event_time(i, k);
    bool wantedKind = !kinds || !kinds->child;
    for (const Json *v = kinds ? kinds->child : NULL; v; v = v->next)
      if (text_is(v, e ? e->activity : event_kind(i, k))) wantedKind = true;
    if (!wantedKind || at < from || at >= to || at < S.clock - 90 * 86400) continue;
    GROW(seen, n, cap);
    seen[n++] = (Seen){at, k, e};
  }
  if (n) qsort(seen, (size_t)n, sizeof *seen, newer_seen);
  *count = n;
  return seen;
}

static int read_timeframe(Call *c, int64_t *from, int64_t *to) {
  const Json *v = given(c->in, "timeframe");
  if (v && v->type == J_OBJECT) v = given(v, "type");
  *from = INT64_MIN;
  *to = INT64_MAX;
  if (!v) return 0;
  char *type = text_of(v);
  bool ok = timeframe(type, from, to);
  free(type);
  return ok ? 0 : invalid(c);
}

/* has_more within meta, null for none [recorded]; 40 a page, kept for 90 days [documented]. */
int api_feed(Call *c) {
  const Json *id = given(c->in, "person_id"), *kinds = given(c->in, "activities");
  int64_t limit = integer_of(given(c->in, "limit"), 40), offset = integer_of(given(c->in, "offset"), 0), from,
          to;
  int n = 0, put_ = 0, bad = check_type(c, "activities", J_ARRAY);
  if (!bad && !id) bad = fail(c, 400, "sandbox: person_id is required: Invalid value");
  if (!bad) bad = check_id(c, id);
  if (!bad) bad = read_timeframe(c, &from, &to);
  if (bad) return bad;
  if (limit < 1 || limit > 40) limit = 40;
  int64_t i = record_of(PEOPLE, id);
  Seen *seen = i < 0 ? NULL : events_of((uint32_t)i, kinds, from, to, &n);
  LIT(&c->out, "{\"activities\":");
  for (int64_t k = offset < 0 ? 0 : offset; k < n && put_ < limit; k++) {
    putc_to(&c->out, put_++ ? ',' : '[');
    if (seen[k].event) put_event(&c->out, seen[k].event, seen[k].number);
    else put_base_event(&c->out, (uint32_t)i, seen[k].number);
  }
  bool past = !put_;
  puts_to(&c->out, past ? "null" : "]");
  put_format(&c->out, ",\"meta\":{\"total_activities\":%d,\"field_ids\":", n);
  if (kinds && kinds->child) put(&c->out, kinds->raw, kinds->len);
  else LIT(&c->out, "null");
  put_format(&c->out,
             ",\"has_more\":%s,\"retention\":{\"type\":\"time\",\"max_value\":90}},\"offset\":%" PRId64
             ",\"next_offset\":%" PRId64 "}",
             !past && offset + put_ < n ? "true" : "false", past ? 0 : offset, past ? 0 : offset + put_);
  free(seen);
  return 200;
}
