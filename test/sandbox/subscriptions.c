/* subscriptions.c: see subscriptions.h. */
#define _GNU_SOURCE
#include "subscriptions.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "json.h"
#include "instance.h"
#include "records.h"
#include "values.h"
#include "fields.h"
#include "call.h"
#include "merge.h"

/* The person that an object names by id, email or external id; -1 for none. */
static int64_t named_person(const Json *v, const char **how) {
  static const char *const names[][2] = {{"email", "str::email"}, {"external_id", "str::ei"}};
  *how = "by-id";
  if (given(v, "person_id")) return record_of(PEOPLE, given(v, "person_id"));
  *how = "merged";
  for (int k = 0; k < 2; k++) {
    if (!given(v, names[k][0])) continue;
    char *text = text_of(given(v, names[k][0]));
    Buf b = {text, strlen(text), 0};
    Merge m = {.en = PEOPLE};
    Entrant e = {0};
    int64_t i = find_by(&m, &e, 0, field_by(PEOPLE, names[k][1]), &b);
    free(text);
    return i;
  }
  *how = NULL;
  return -1;
}

/* Somebody must be named [documented]. */
static int check_people(Call *c, const Json *list) {
  if (!list || list->type != J_ARRAY || !list->child || count_of(list) > 100) return invalid(c);
  for (const Json *v = list->child; v; v = v->next) {
    const Json *id = given(v, "person_id");
    int bad = id ? check_id(c, id) : 0;
    if (bad) return bad;
    if (!id && !given(v, "email") && !given(v, "external_id")) return invalid(c);
  }
  return 0;
}

static void set_opt_in(int audience, uint32_t i, const Json *v) {
  bool sms, subscribed = opted_in(audience, i, &sms);
  if (given(v, "subscribed")) subscribed = is_true(given(v, "subscribed"));
  if (given(v, "sms_opted_in")) sms = is_true(given(v, "sms_opted_in"));
  GROW(S.optIn, S.nOptIn, S.capOptIn);
  S.optIn[S.nOptIn++] = (OptIn){i, audience, subscribed, sms};
}

/* The answer [recorded]; of one who is not found [guessed]. */
int api_subscribe(Call *c) {
  const Json *list = given(c->in, "people"), *id = given(c->in, "audience_id");
  int bad = id ? check_id(c, id) : invalid(c);
  if (!bad) bad = check_people(c, list);
  if (bad) return bad;
  char *text = text_of(id);
  int audience = audience_by(text);
  if (audience < 0) {
    free(text);
    return fail(c, 400, "sandbox: audience: Object not found");
  }
  put_format(&c->out, "{\"audience_id\":\"%s\",\"people\":[", text);
  free(text);
  for (const Json *v = list->child; v; v = v->next) {
    const char *how;
    char pid[25];
    int64_t i = named_person(v, &how);
    if (i >= 0) set_opt_in(audience, (uint32_t)i, v);
    put_format(&c->out, "%s{\"person_status\":\"%s\",", v == list->child ? "" : ",",
               i < 0 ? "not-found" : how);
    if (i >= 0 && strcmp(how, "by-id")) {
      id_of(PEOPLE, (uint32_t)i, pid);
      put_format(&c->out, "\"person_id\":\"%s\",", pid);
    }
    const Json *on = given(v, "subscribed");
    put_format(&c->out, "\"status\":\"%s\"}",
               i < 0                ? "invalid"
               : on && !is_true(on) ? "unsubscribed"
                                    : "subscribed");
  }
  LIT(&c->out, "]}");
  return 200;
}

static void put_subscriptions(Buf *b, uint32_t i) {
  bool any = false;
  LIT(b, "[");
  for (int k = 0; k < S.nAudience; k++) {
    bool sms, in = opted_in(k, i, &sms);
    if (S.audience[k].archived || !is_member(&S.audience[k], i)) continue;
    put_format(b, "%s{\"audience_id\":\"%s\",\"audience_name\":", any ? "," : "", S.audience[k].id);
    any = true;
    put_text(b, S.audience[k].name);
    LIT(b, ",\"member_from\":");
    put_time(b, S.audience[k].created + 60);
    put_format(b, ",\"subscribed\":%s,\"subscribed_from\":", in ? "true" : "false");
    put_time(b, S.audience[k].created + 60);
    put_format(b,
               ",\"sms_opted_in\":%s,\"whatsapp_opted_in\":false,\"ios_opted_in\":false,\"android_opted_in\":"
               "false,\"web_opted_in\":false}",
               sms ? "true" : "false");
  }
  putc_to(b, ']');
}

static void put_permission(Buf *b, uint32_t i, const char *id) {
  Buf v = {0};
  bool on = value(&v, PEOPLE, i, field_by(PEOPLE, id)) && v.n == 4 && !memcmp(v.p, "true", 4);
  puts_to(b, on ? "true" : "false");
  drop(&v);
}

/* The answer [recorded]; of one who is not found, who is not made then [guessed]. */
int api_subscriptions(Call *c) {
  const Json *list = given(c->in, "people");
  int bad = check_people(c, list);
  if (bad) return bad;
  LIT(&c->out, "{\"people\":[");
  for (const Json *v = list->child; v; v = v->next) {
    const char *how;
    char id[25];
    int64_t i = named_person(v, &how);
    if (v != list->child) putc_to(&c->out, ',');
    if (i < 0) {
      LIT(&c->out, "{\"person_status\":\"not-found\",\"subscriptions\":null}");
      continue;
    }
    id_of(PEOPLE, (uint32_t)i, id);
    put_format(&c->out, "{\"person_status\":\"%s\",\"person_id\":\"%s\"", how, id);
    if (given(v, "email") && strcmp(how, "by-id"))
      put_format(&c->out, ",\"email\":%.*s", (int)given(v, "email")->len, given(v, "email")->raw);
    LIT(&c->out, ",\"subscriptions\":");
    put_subscriptions(&c->out, (uint32_t)i);
    LIT(&c->out, ",\"email_permissions\":");
    put_permission(&c->out, (uint32_t)i, "bol::p");
    LIT(&c->out, ",\"sms_permissions\":");
    put_permission(&c->out, (uint32_t)i, "bol::sp");
    LIT(&c->out, ",\"ios_permissions\":false,\"android_permissions\":false,\"web_permissions\":false}");
  }
  LIT(&c->out, "]}");
  return 200;
}
