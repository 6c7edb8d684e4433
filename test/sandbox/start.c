/* start.c: see start.h. */
#define _GNU_SOURCE
#include "start.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "instance.h"
#include "records.h"
#include "values.h"
#include "fields.h"

static const char *const ACTS[][2] = {{"act::a", "Attributed"},
                                      {"act::aclk", "Ad clicked"},
                                      {"act::afs", "Article feedback submitted"},
                                      {"act::aid", "AI decision"},
                                      {"act::apa", "Attempted playbook action"},
                                      {"act::as", "App session"},
                                      {"act::aus", "App user session"},
                                      {"act::b", "Bounced email"},
                                      {"act::bs", "Bounced SMS"},
                                      {"act::c", "Clicked email"},
                                      {"act::cos", "Confirmed SMS"},
                                      {"act::cs", "Clicked SMS"},
                                      {"act::cw", "Clicked widget"},
                                      {"act::d", "Deferred email"},
                                      {"act::des", "Deferred SMS"},
                                      {"act::ds", "Delivered SMS"},
                                      {"act::dw", "Dismissed widget"},
                                      {"act::ej", "Started journey"},
                                      {"act::enter-audience", "Entered audience"},
                                      {"act::ep", "Entered playbook"},
                                      {"act::es", "Email suppressed"},
                                      {"act::eu", "Email unsuppressed"},
                                      {"act::f", "Forwarded email"},
                                      {"act::fja", "Failed journey action"},
                                      {"act::fpa", "Failed playbook action"},
                                      {"act::i", "Invalid email"},
                                      {"act::is", "Invalid SMS"},
                                      {"act::iw", "Invalid widget"},
                                      {"act::leave-audience", "Left audience"},
                                      {"act::lj", "Left journey"},
                                      {"act::lp", "Left playbook"},
                                      {"act::lpc", "Landing page clicked"},
                                      {"act::lpsf", "Landing page form submitted"},
                                      {"act::lpv", "Landing page viewed"},
                                      {"act::o", "Opened email"},
                                      {"act::ois-a", "Subscribed to SMS audience"},
                                      {"act::oos-a", "Unsubscribed from SMS audience"},
                                      {"act::oos-all", "Unsubscribed from SMS"},
                                      {"act::qw", "Qualified for widget"},
                                      {"act::r", "Received email"},
                                      {"act::ras", "Rated SMS"},
                                      {"act::rdc", "Redeemed discount"},
                                      {"act::re", "Replied to email"},
                                      {"act::res", "Reacted to SMS"},
                                      {"act::ros-all", "Subscribed to SMS"},
                                      {"act::rs", "Replied to SMS"},
                                      {"act::rt", "Reacted to email"},
                                      {"act::rtns", "Responded to SMS NPS"},
                                      {"act::rtss", "Responded to SMS survey"},
                                      {"act::rw", "Reacted to widget"},
                                      {"act::rws", "Responded to widget survey"},
                                      {"act::s", "Sent email"},
                                      {"act::s-a", "Subscribed to email audience"},
                                      {"act::s-ab", "Abuse reported"},
                                      {"act::s-all", "Subscribed to email"},
                                      {"act::scf", "SMS consent failed"},
                                      {"act::scr", "SMS consent requested"},
                                      {"act::sf", "Submitted SMS form"},
                                      {"act::sja", "Successful journey action"},
                                      {"act::spa", "Successful playbook action"},
                                      {"act::ss", "Sent SMS"},
                                      {"act::ss-ab", "SMS abuse reported"},
                                      {"act::sw", "Shown widget"},
                                      {"act::swf", "Submitted widget form"},
                                      {"act::swnps", "Submitted NPS"},
                                      {"act::sww", "Spun widget wheel"},
                                      {"act::ta", "Tag added"},
                                      {"act::tr", "Tag removed"},
                                      {"act::u-a", "Unsubscribed from email audience"},
                                      {"act::u-all", "Unsubscribed from email"},
                                      {"act::uaclk", "User Ad clicked"},
                                      {"act::us", "User session"},
                                      {"act::v", "Viewed email online"},
                                      {"act::ws", "Website session"},
                                      {"act::wwv", "Watched widget video"}};

/* The activities whose first and last times are fields with values. */
static const char *const TIMED[] = {"act::c", "act::o", "act::r", "act::s", "act::ws", "act::enter-audience",
                                    "act::s-all", "act::u-all", "act::b", "act::ta", "act::as", "act::lpv"};

typedef struct Attribute {
  const char *act, *id, *name, *display;
  bool hidden;
} Attribute;

static const Attribute ATTRIBUTES[] = {
    {"act::c", "idt::oi", "Object ID", "id", true},
    {"act::c", "idt::c", "Campaign ID", "text", false},
    {"act::c", "str::cn", "Campaign name", "text_dictionary", false},
    {"act::c", "str::c", "URL clicked", "url", false},
    {"act::c", "str::b", "Browser", "text", false},
    {"act::o", "idt::oi", "Object ID", "id", true},
    {"act::o", "str::cn", "Campaign name", "text_dictionary", false},
    {"act::o", "str::s", "Subject", "text_dictionary", false},
    {"act::o", "geo::country", "Country", "geo", false},
    {"act::enter-audience", "idt::a", "Id", "text", true},
    {"act::enter-audience", "str::name", "Name", "text_dictionary", false},
    {"act::enter-audience", "str::icon-id", "Icon-id", "text", true},
    {"act::ws", "str::pu", "Page URL", "url", false},
    {"act::ws", "int::dm", "Duration in minutes", "decimal", false},
    {"act::ta", "str::tn", "Tag name", "text", false},
    {"act:cm:flight-booked", "int::v", "Value", "currency", false},
    {"act:cm:flight-booked", "str:cm:carrier", "Carrier", "text", false},
    {"act:cm:flight-booked", "int:cm:bags", "Bags", "integer", false},
    {"act:cm:flight-booked", "int:cm:distance", "Distance", "decimal", false},
    {"act:cm:flight-booked", "dtz:cm:departure", "Departure", "date", false},
    {"act:cm:flight-booked", "tme:cm:boarding", "Boarding", "time", false},
    {"act:cm:flight-booked", "bol:cm:window-seat", "Window seat", "bool", false},
    {"act:cm:flight-booked", "obj:cm:extras", "Extras", "object", false},
    {"act:cm:song-played", "str:cm:title", "Title", "text", false},
    {"act:oc:contract-signed", "int:oc:amount", "Amount", "currency", false},
    {"act:oc:contract-signed", "str:oc:kind", "Kind", "text", false},
    {"act:sh:order-placed", "str:sh:number", "Order number", "text", false},
    {"act:sh:order-placed", "int:sh:amount", "Amount", "currency", false}};

static char *attributes_of(const char *act, const char *name) {
  Buf b = {0};
  char *slug = kebab(name);
  bool custom = strstr(act, ":cm:") || strstr(act, ":oc:");
  for (size_t k = 0; k < COUNT(ATTRIBUTES); k++) {
    const Attribute *a = &ATTRIBUTES[k];
    if (strcmp(a->act, act)) continue;
    char *tail = kebab(a->name);
    put_format(
        &b,
        "%s{\"id\":\"%s\",\"name\":\"%s\",\"display_type\":\"%s\"%s,\"liquid_name\":\"activity.%s%s.%s\"}",
        b.n ? "," : "[", a->id, a->name, a->display, a->hidden ? ",\"hidden\":true" : "",
        custom ? "custom." : "", slug, tail);
    free(tail);
  }
  free(slug);
  if (!b.n) return NULL;
  putc_to(&b, ']');
  return ended(&b);
}

void add_act(const char *id, const char *name, char *json) {
  GROW(S.act, S.nAct, S.capAct);
  Act *a = &S.act[S.nAct++];
  a->id = copy(id);
  a->name = copy(name);
  a->json = json;
}

Act *act_by(const char *id) {
  for (int k = 0; k < S.nAct; k++)
    if (!strcmp(S.act[k].id, id)) return &S.act[k];
  return NULL;
}

/* tme::x!f and tme::x!l of one activity. */
static void add_timed(const char *act) {
  static const char *const suffix[] = {"!f", "!l"}, *const word[] = {" first occurred", " last occurred"};
  const Act *a = act_by(act);
  for (int k = 0; k < 2; k++) {
    char *id = joined("tme", act + 3, suffix[k]), *name = joined(a->name, word[k], "");
    Field *f = add_field(PEOPLE, id, name, "time");
    f->flags = RO;
    f->gen = k ? gen_time_last : gen_time_first;
    f->miss = S.sparse >= 0 ? S.sparse : 40;
    f->aux = (int)(hash_text(act) & 0xffffff);
    f->salt = hash_text(act);
    free(id);
    free(name);
  }
}

static void add_acts(void) {
  for (size_t k = 0; k < COUNT(ACTS); k++)
    add_act(ACTS[k][0], ACTS[k][1], attributes_of(ACTS[k][0], ACTS[k][1]));
  for (size_t k = 0; k < COUNT(TIMED); k++) add_timed(TIMED[k]);
  add_act("act:cm:flight-booked", "Flight Booked", attributes_of("act:cm:flight-booked", "Flight Booked"));
  add_act("act:cm:song-played", "Song Played", attributes_of("act:cm:song-played", "Song Played"));
  add_act("act:oc:contract-signed", "Contract Signed",
          attributes_of("act:oc:contract-signed", "Contract Signed"));
  add_act("act:sh:order-placed", "Order Placed", attributes_of("act:sh:order-placed", "Order Placed"));
}

int add_audience(const char *name, int64_t created, int share, bool archived) {
  GROW(S.audience, S.nAudience, S.capAudience);
  Audience *a = &S.audience[S.nAudience];
  *a = (Audience){.name = copy(name), .created = created, .share = share, .archived = archived};
  a->salt = mix(S.seed + (uint64_t)S.nAudience * 31 + 7);
  snprintf(a->id, sizeof a->id, "%08x%016" PRIx64, (unsigned)created, mix(a->salt) | 1);
  return S.nAudience++;
}

/* Newest first; the last two of the list have the same name. */
static void add_audiences(void) {
  static const char *const word[] = {"Subscribers", "Engaged",           "Trial", "Lapsed", "VIP & friends",
                                     "Nordics",     "caf\xc3\xa9 lovers"};
  char name[64];
  for (int k = 0; k < S.audiences; k++) {
    if (k >= S.audiences - 2 && S.audiences > 2) snprintf(name, sizeof name, "Twins");
    else if (k < (int)COUNT(word)) snprintf(name, sizeof name, "%s", word[k]);
    else snprintf(name, sizeof name, "%s %d", word[k % (int)COUNT(word)], k / (int)COUNT(word) + 1);
    add_audience(name, BASE_TIME - 3600 - (int64_t)k * 7200, k + 2, false);
  }
  for (int k = 0; k < 3 && S.audiences; k++) {
    snprintf(name, sizeof name, "Old audience %d", k + 1);
    add_audience(name, BASE_TIME - 90 * 86400 - k, 50 + k, true);
  }
}

int add_tag(Entity *en, const char *name, const char *source, int64_t created) {
  GROW(en->tag, en->nTag, en->capTag);
  en->tag[en->nTag++] = (Tag){copy(name), source, created};
  return en->nTag;
}

int tag_by(const Entity *en, const char *name) {
  for (int k = 0; k < en->nTag; k++)
    if (!strcmp(en->tag[k].name, name)) return k + 1;
  return 0;
}

static void add_tags(Entity *en, int n) {
  static const char *const word[] = {"My team", "customer", "Newsletter", "vip", "churn risk", "Event 2025"};
  static const char *const source[] = {NULL, "csv", "api", "manual", "zapier"};
  char name[400];
  for (int k = 0; k < n; k++) {
    if (k < (int)COUNT(word)) snprintf(name, sizeof name, "%s%s", word[k], en->type ? " (account)" : "");
    else snprintf(name, sizeof name, "%s %d", word[k % (int)COUNT(word)], k / (int)COUNT(word) + 1);
    if (S.hostile && k == 2) snprintf(name, sizeof name, "quote \" and \\ and 'x', comma");
    if (S.hostile && k == 3) snprintf(name, sizeof name, "%0300d", 7);
    if (S.hostile && k == 4) snprintf(name, sizeof name, "\xf0\x9f\x8f\xb7 \xd1\x82\xd0\xb5\xd0\xb3");
    add_tag(en, name, source[k % 5], BASE_TIME - 86400 * (int64_t)(k + 1));
  }
  en->nTag0 = en->nTag;
}

static void fill_entity(Entity *en, int type, int n) {
  en->word = type ? "accounts" : "people";
  en->type = type;
  en->seed = mix(S.seed * 2 + (uint64_t)type + 0x5eed);
  en->n = en->n0 = en->cap = (uint32_t)n;
  en->status = zeroed((size_t)n, 1);
  en->ov = zeroed((size_t)n, sizeof *en->ov);
  add_builtin_fields(en);
  add_customs(en, type ? S.accountCustom : S.custom);
  if (S.hostile) add_hostile_fields(en);
  if (!type) {
    Field *f = add_field(en, "tags", "Tags", "tags");
    f->flags = STATE | HID;
    f->phantom = true;
    f->gen = gen_tag_names;
  }
  en->account = type ? NULL : field_by(en, "idt::o");
  add_tags(en, type ? S.tags / 3 : S.tags);
  en->active = en->n;
  for (uint32_t i = 0; i < en->n; i++)
    if (base_archived(en, i) && !base_restored(en, i)) set_status(en, i, ARCHIVED);
}

static void free_entity(Entity *en) {
  for (uint32_t i = 0; i < en->n; i++) overlay_free(en->ov[i]);
  for (int k = 0; k < en->nField; k++) free_field(en->field[k]);
  for (int k = 0; k < en->nTag; k++) free(en->tag[k].name);
  free(en->ov);
  free(en->status);
  free(en->field);
  free(en->slot);
  free(en->tag);
  *en = (Entity){0};
}

void free_event(Event *e) {
  free(e->activity);
  free(e->attributes);
  free(e->created);
  free(e->key);
  free(e->raw);
}

void free_state(void) {
  free_entity(PEOPLE);
  free_entity(ACCOUNTS);
  for (int k = 0; k < S.nAudience; k++) free(S.audience[k].name);
  for (int k = 0; k < S.nAct; k++) {
    free(S.act[k].id);
    free(S.act[k].name);
    free(S.act[k].json);
  }
  for (int k = 0; k < S.nEvent; k++) free_event(&S.event[k]);
  for (int k = 0; k < S.nItem; k++) {
    free(S.item[k].path);
    free(S.item[k].raw);
  }
  S.nAudience = S.nAct = S.nEvent = S.nItem = S.nOptIn = 0;
}

void end_state(void) {
  free_state();
  free(S.audience);
  free(S.optIn);
  free(S.act);
  free(S.event);
  free(S.item);
}

void fill_state(void) {
  S.clock = BASE_TIME;
  S.version++;
  fill_entity(ACCOUNTS, 1, S.accounts);
  fill_entity(PEOPLE, 0, S.people);
  add_acts();
  add_audiences();
}
