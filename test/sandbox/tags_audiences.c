/* tags_audiences.c: see tags_audiences.h. */
#define _GNU_SOURCE
#include "tags_audiences.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "json.h"
#include "instance.h"
#include "records.h"
#include "values.h"
#include "call.h"
#include "lists.h"
#include "reading.h"

static void put_tag(Buf *b, const Entity *en, int k, uint32_t n, uint32_t subs) {
  const Tag *t = &en->tag[k];
  put_format(b, "{\"id\":%d,\"instance_id\":\"sandbox\",\"name\":", k + 1);
  put_text(b, t->name);
  if (t->source) put_format(b, ",\"source\":\"%s\"", t->source);
  LIT(b, ",\"created_by_id\":\"" ZERO_ID
         "\",\"created_by_name\":\"\",\"created_by_email\":\"\",\"created_at\":");
  put_time_ms(b, t->created, 503);
  LIT(b, ",\"last_used\":");
  put_time_ms(b, t->created + 3600, 382);
  put_format(b, ",\"count\":%u", n);
  if (!en->type && subs / 3) put_format(b, ",\"sms_opted_in\":%u", subs / 3);
  if (!en->type && subs) put_format(b, ",\"subscribers\":%u", subs);
  put_format(b, ",\"type\":\"%s\"}", en->type ? "organization" : "");
}

static void put_tags(Buf *b, const Entity *en, const char *q) {
  uint32_t *n = zeroed((size_t)en->nTag, sizeof *n), *subs = zeroed((size_t)en->nTag, sizeof *subs);
  for (uint32_t i = 0; i < en->n; i++) {
    uint32_t spare[3];
    int have;
    if (!is_active(en, i)) continue;
    const uint32_t *tag = tags_of(en, i, spare, &have);
    for (int k = 0; k < have; k++) {
      n[tag[k] - 1]++;
      subs[tag[k] - 1] += subscribed_base(en, i);
    }
  }
  for (int k = 0; k < en->nTag; k++) {
    if (q && !contains(en->tag[k].name, strlen(en->tag[k].name), q, strlen(q))) continue;
    if (b->p[b->n - 1] != '[') putc_to(b, ',');
    put_tag(b, en, k, n[k], subs[k]);
  }
  free(n);
  free(subs);
}

/* A bare array without pages; q is a part of the name [recorded]. */
int api_tags(Call *c) {
  int bad = check_type(c, "q", J_STRING);
  if (bad) return bad;
  const Json *v = given(c->in, "q");
  char *q = v ? text_of(v) : NULL;
  putc_to(&c->out, '[');
  put_tags(&c->out, PEOPLE, q);
  put_tags(&c->out, ACCOUNTS, q);
  putc_to(&c->out, ']');
  free(q);
  return 200;
}

typedef struct Size {
  uint64_t version;
  uint32_t members, subscribers, sms;
} Size;

static Size *sizes; /* under cacheLock */
static int nSizes;

void forget_sizes(void) {
  free(sizes);
  sizes = NULL;
  nSizes = 0;
}

/* How many people an audience has; counted once per state. */
static Size audience_size(int k) {
  pthread_mutex_lock(&cacheLock);
  if (k >= nSizes) {
    sizes = resize(sizes, (size_t)k + 64, sizeof *sizes);
    memset(sizes + nSizes, 0, (size_t)(k + 64 - nSizes) * sizeof *sizes);
    nSizes = k + 64;
  }
  Size *s = &sizes[k];
  if (s->version != S.version) {
    *s = (Size){.version = S.version};
    for (uint32_t i = 0; i < PEOPLE->n; i++) {
      bool sms;
      if (!is_active(PEOPLE, i) || !is_member(&S.audience[k], i)) continue;
      s->members++;
      s->subscribers += opted_in(k, i, &sms);
      s->sms += sms;
    }
  }
  Size answer = *s;
  pthread_mutex_unlock(&cacheLock);
  return answer;
}

/* Members and times with fractions [recorded]. */
static void put_audience(Buf *b, int k, bool withFilter) {
  const Audience *a = &S.audience[k];
  Size size = audience_size(k);
  put_format(
      b, "{\"id\":\"%s\",\"instance_id\":\"sandbox\",\"folder_id\":null,\"data_source_id\":\"" ZERO_ID "\"",
      a->id);
  LIT(b,
      ",\"icon_id\":\"audiences-illustration-icon\",\"type\":\"permanent\",\"building\":false,\"ready\":"
      "true");
  put_format(b,
             ",\"is_public\":%s,\"sms_is_public\":false,\"sms_public_name\":\"\",\"sms_public_description\":"
             "\"\",\"filter\":",
             k ? "false" : "true");
  if (withFilter)
    put_format(b,
               "{\"$and\":[{\"$and\":[{\"$u4s::is\":{\"label\":\"Tag is My "
               "team\",\"field_id\":\"u4s::t\",\"timezone\":\"Europe/Lisbon\",\"value\":%d}}]}]}",
               k + 1);
  else
    LIT(b, "null");
  put_format(b, ",\"filter_sha\":\"%016" PRIx64 "%016" PRIx64 "%08x\",\"last_built_at\":", mix(a->salt + 1),
             mix(a->salt + 2), (unsigned)k);
  put_time_ms(b, a->created + 1, 625);
  LIT(b, ",\"new_filter\":null,\"new_filter_sha\":\"\",\"last_used\":");
  put_time_ms(b, a->created, 777);
  LIT(b, ",\"created\":");
  put_time_ms(b, a->created, 777);
  LIT(b, ",\"created_by_id\":\"\",\"created_by_name\":\"\",\"edited_at\":");
  put_time_ms(b, a->created, 777);
  if (a->archived) {
    LIT(b, ",\"archived_at\":");
    put_time_ms(b, a->created + 86400, 5);
  }
  LIT(b, ",\"name\":");
  put_text(b, a->name);
  LIT(b, ",\"public_name\":\"\",\"public_description\":\"\"");
  if (k < 5) put_format(b, ",\"template_id\":\"000000000a00000000000%d00\"", k + 1);
  LIT(b, ",\"exit_selection\":\"\",\"new_exit_criteria_filter\":null,\"ds_destinations\":null");
  put_format(b, ",\"sms_opted_in\":%u,\"subscribers\":%u,\"members\":%u,\"added_last_30_days\":%u", size.sms,
             size.subscribers, size.members, size.members / 20);
  LIT(b, ",\"engagement\":0,\"revenue\":0,\"is_cold\":false}");
}

static bool audience_wanted(const Audience *a, bool archived, const char *term) {
  if (a->archived != archived) return false;
  return !term || contains(a->name, strlen(a->name), term, strlen(term));
}

static int newer_audience(const void *x, const void *y) {
  const Audience *a = &S.audience[*(const int *)x], *b = &S.audience[*(const int *)y];
  if (a->created != b->created) return a->created > b->created ? -1 : 1;
  return *(const int *)x < *(const int *)y ? -1 : 1;
}

/* A bare array, or null [recorded]; 40 a page [documented]; newest first [recorded]. */
int api_audiences(Call *c) {
  static const char *const names[] = {"search_term", "with_filter", "limit",
                                      "offset",      "archived",    "retention"};
  static const int types[] = {J_STRING, J_BOOL, J_NUMBER, J_NUMBER, J_BOOL, J_BOOL};
  int bad = check_types(c, names, types, COUNT(names));
  if (bad) return bad;
  int64_t limit = integer_of(given(c->in, "limit"), 40), offset = integer_of(given(c->in, "offset"), 0),
          at = 0, n = 0;
  if (limit < 1 || limit > 40) limit = 40;
  const Json *v = given(c->in, "search_term");
  char *term = v ? text_of(v) : NULL;
  int *order = resize(NULL, (size_t)S.nAudience, sizeof *order);
  for (int k = 0; k < S.nAudience; k++) order[k] = k;
  if (S.nAudience) qsort(order, (size_t)S.nAudience, sizeof *order, newer_audience);
  for (int k = 0; k < S.nAudience && n < limit && !is_true(given(c->in, "retention")); k++) {
    if (!audience_wanted(&S.audience[order[k]], is_true(given(c->in, "archived")), term)) continue;
    if (at++ < offset) continue;
    putc_to(&c->out, n++ ? ',' : '[');
    put_audience(&c->out, order[k], is_true(given(c->in, "with_filter")));
  }
  puts_to(&c->out, n ? "]" : "null");
  free(order);
  free(term);
  return 200;
}
