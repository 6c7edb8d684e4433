/* fields.c: see fields.h. */
#define _GNU_SOURCE
#include "fields.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "instance.h"
#include "values.h"

typedef struct Row {
  const char *id, *name, *display;
  int flags;
  Gen gen;
  int miss;
} Row;

/* [recorded] from the instance schema; which have values is made up */
static const Row PERSON_FIELDS[] = {
    {"a", "Archived", "time", RO | STATE, gen_archived, 0},
    {"bol::gdpr", "GDPR", "bool", 0, gen_rarely_true, 10},
    {"bol::hb", "Hard bounced", "bool", RO | HID, NULL, 0},
    {"bol::p", "Email permission", "bool", FIXED, gen_permission, 0},
    {"bol::sp", "SMS permission", "bool", 0, gen_bool, 0},
    {"c", "Created", "time", RO | STATE, gen_created, 0},
    {"dtz::b", "Birthday", "date", 0, gen_birthday, 18},
    {"e", "Edited", "time", RO | STATE, gen_edited, 0},
    {"f", "First seen", "time", RO, gen_seen, 10},
    {"geo::city", "City", "geo", 0, gen_city, 15},
    {"geo::country", "Country", "geo", 0, gen_country, 12},
    {"geo::ll", "Last location", "geo", RO, gen_place, 40},
    {"geo::ll-cnt", "Last country", "geo", RO, gen_country, 40},
    {"geo::ll-cty", "Last city", "geo", RO, gen_city, 40},
    {"geo::ll-r", "Last region", "geo", RO, gen_region, 40},
    {"geo::region", "Region", "geo", 0, gen_region, 20},
    {"idt::o", "Account", "id", RO | STATE, gen_account, 0},
    {"idt::pe_", "Last sticky field", "id", RO | HID, NULL, 0},
    {"int::e", "Engagement", "engagement", RO, gen_engagement, 12},
    {"int::ta", "Total attributed", "currency", RO, gen_money, 30},
    {"int::v", "Total spent", "currency", RO, gen_money, 15},
    {"l", "Last seen", "time", RO, gen_seen, 10},
    {"o", "SMS subscribe date", "time", RO, gen_seen, 60},
    {"phn::phone", "Phone number", "phone", 0, gen_phone, 20},
    {"proximity::loc", "Proximity", "proximity", RO, NULL, 0},
    {"r", "Restored", "time", RO | STATE, gen_restored, 0},
    {"s", "Email subscribe date", "time", RO, gen_seen, 15},
    {"str::as", "Archive source", "text", RO | STATE, gen_archive_source, 0},
    {"str::ei", "External ID", "text", FIXED, gen_external, 0},
    {"str::email", "Email", "email", FIXED | NOAC, gen_email, 0},
    {"str::first", "First name", "text", NOAC, gen_first, 8},
    {"str::is", "Initial source", "text", RO, gen_source, 10},
    {"str::iu", "Initial URL", "text", RO, gen_url, 50},
    {"str::iuc", "Initial UTM campaign content", "text", 0, gen_utm, 60},
    {"str::ium", "Initial UTM campaign medium", "text", 0, gen_utm, 60},
    {"str::iun", "Initial UTM campaign name", "text", 0, gen_utm, 60},
    {"str::ius", "Initial UTM campaign source", "text", 0, gen_utm, 60},
    {"str::iut", "Initial UTM campaign term", "text", 0, gen_utm, 60},
    {"str::language", "Language", "single_select", 0, gen_language, 15},
    {"str::last", "Last name", "text", NOAC, gen_last, 10},
    {"str::lb", "Last browser", "text", RO, gen_browser, 40},
    {"str::lt", "Last timezone", "single_select", 0, gen_zone, 20},
    {"str::name", "Name", "text", 0, gen_name, 12},
    {"str::postal", "Postal code", "text", 0, gen_postal, 18},
    {"str::s-ctx", "Email subscribe context", "text", 0, gen_context, 30},
    {"str::soi-ctx", "SMS subscribe context", "text", 0, gen_context, 70},
    {"str::soo-ctx", "SMS unsubscribe context", "text", RO, NULL, 0},
    {"str::su", "Subscribed via URL", "url", RO, gen_url, 60},
    {"str::u-ctx", "Email unsubscribe context", "text", RO, NULL, 0},
    {"tme::c_", "Is in campaign", "campaign_member", HID, NULL, 0},
    {"tme::ct", "Current time", "text", RO, NULL, 0},
    {"tme::ds_", "Data source", "text_dictionary", HID, NULL, 0},
    {"tme::hnlc_", "Has not left campaign", "campaign_member", HID, NULL, 0},
    {"tme::hnsc_", "Has not started campaign", "campaign_member", HID, NULL, 0},
    {"tme::l_", "Left audience", "audience_member", HID, NULL, 0},
    {"tme::lj_", "Last journey", "campaign_member", HID, NULL, 0},
    {"tme::llc_", "Has left campaign", "campaign_member", HID, NULL, 0},
    {"tme::lp_", "Last playbook", "campaign_member", HID, NULL, 0},
    {"tme::m_", "Member of audience", "audience_member", HID, NULL, 0},
    {"tme::oo_", "Subscriber of SMS audience", "audience_member", HID, NULL, 0},
    {"tme::s_", "Subscriber of audience", "audience_subscriber", HID, NULL, 0},
    {"tme::sa", "Suppressed at", "time", RO, gen_time, 95},
    {"tme::sc_", "Has started campaign", "campaign_member", HID, NULL, 0},
    {"tme::soo", "SMS unsubscribe date", "time", RO, gen_time, 90},
    {"tme::u_", "Unsubscriber of audiences", "audience_subscriber", HID, NULL, 0},
    {"tme::ua", "Unsuppressed at", "time", RO, gen_time, 97},
    {"u", "Email unsubscribe date", "time", RO, gen_time, 85},
    {"u4s::t", "Tag", "tags", RO | STATE, gen_tag_ids, 0},
    {"int:sh:orders", "Orders", "integer", RO, gen_integer, 30},
    {"int:sh:total", "Store total", "currency", RO, gen_money, 30},
    {"str:sh:last-order", "Last order name", "text", RO, gen_text, 40},
    {"tme:sh:last-order-date", "Last order date", "time", RO, gen_time, 40},
    {"bol:sh:accepts", "Accepts marketing", "bool", RO, gen_bool, 20},
    {"str:sh:unused", "Never filled", "text", RO, NULL, 0}};

/* [recorded] */
static const Row ACCOUNT_FIELDS[] = {
    {"geo:o:city", "City", "geo", 0, gen_city, 15},
    {"geo:o:country", "Country", "geo", 0, gen_country, 10},
    {"geo:o:ll", "Last location", "geo", RO, gen_place, 50},
    {"geo:o:ll-cnt", "Last country", "geo", RO, gen_country, 50},
    {"geo:o:ll-cty", "Last city", "geo", RO, gen_city, 50},
    {"geo:o:ll-r", "Last region", "geo", RO, gen_region, 50},
    {"geo:o:region", "Region", "geo", 0, gen_region, 25},
    {"ids:o:p", "People", "people", RO | STATE, gen_people, 0},
    {"int:o:e", "Engagement", "engagement", RO, gen_engagement, 15},
    {"int:o:employees", "Employees", "integer", 0, gen_employees, 15},
    {"oc", "Created", "time", RO | STATE, gen_created, 0},
    {"oe", "Edited", "time", RO | STATE, gen_edited, 0},
    {"of", "First seen", "time", RO, gen_seen, 15},
    {"ol", "Last seen", "time", RO, gen_seen, 15},
    {"str:o:address", "Address", "text", 0, gen_address, 20},
    {"str:o:as", "Archive source", "text", HID | STATE, gen_archive_source, 0},
    {"str:o:industry", "Industry", "text", 0, gen_industry, 15},
    {"str:o:lt", "Last timezone", "single_select", 0, gen_zone, 25},
    {"str:o:name", "Name", "text", FIXED | NOAC, gen_account_name, 0},
    {"str:o:owner", "Owner", "text", 0, gen_name, 30},
    {"str:o:postal", "Postal code", "text", 0, gen_postal, 20},
    {"str:o:source", "Initial source", "text", 0, gen_source, 15},
    {"str:o:website", "Website", "link", 0, gen_website, 20},
    {"tme:o:ds_", "Datasource prefix", "time", HID, NULL, 0},
    {"u4s:o:t", "Tag", "tags", STATE, gen_tag_ids, 0}};

/* What custom-field/create takes [client]: text and single_select [recorded], the prefixes of sst, bol, dtz,
** phn, txt, obj, tme [documented], int of price [guessed]. The first thirteen are also
** the order of --custom. */
static const CustomType CUSTOM[] = {
    {"text", "str", "text", "Job Title", gen_text},
    {"large_text", "txt", "large_text", "Notes", gen_large},
    {"integer", "int", "integer", "Seats", gen_integer},
    {"decimal", "int", "decimal", "Rating", gen_decimal},
    {"currency", "int", "currency", "Plan Value", gen_money},
    {"date", "dtz", "date", "Renewal Date", gen_date},
    {"time", "tme", "time", "Last Demo", gen_time},
    {"bool", "bol", "bool", "Is VIP", gen_bool},
    {"phone", "phn", "phone", "Work Phone", gen_phone},
    {"single_select", "str", "single_select", "Plan", gen_select},
    {"multi_select", "sst", "multi_select", "Interests", gen_multi},
    {"link", "str", "link", "Profile Page", gen_url},
    {"object", "obj", "object", "Preferences", gen_object},
    {"price", "int", "currency", "Price", gen_money},
    {"email", "str", "email", "Second Email", gen_text},
    {"text_list", "sst", "text_list", "Words", gen_multi}};   /* of activity attributes only */

#define CUSTOM_CYCLE 13

static const char *const CHOICES[] = {"Free", "Basic", "Pro", "Business \\ \"Plus\"", "Caf\xc3\xa9"};

static int kind_of(const char *id) {
  static const struct {
    const char *prefix;
    int kind;
  } map[] = {{"str:", K_STR}, {"txt:", K_TXT}, {"int:", K_INT}, {"bol:", K_BOL}, {"dtz:", K_DTZ},
             {"tme:", K_TME}, {"geo:", K_GEO}, {"phn:", K_PHN}, {"sst:", K_SST}, {"obj:", K_OBJ},
             {"idt:", K_IDT}, {"ids:", K_IDS}, {"u4s:", K_TAGS}};
  if (!strcmp(id, "tags")) return K_TAGS;
  if (!strchr(id, ':')) return K_TME;
  for (size_t k = 0; k < COUNT(map); k++)
    if (!strncmp(id, map[k].prefix, 4)) return map[k].kind;
  return K_NONE;
}

char *kebab(const char *name) {
  Buf b = {0};
  for (const char *s = name; *s; s++) {
    unsigned char c = (unsigned char)*s;
    if (c >= 'A' && c <= 'Z') c = (unsigned char)(c + 32);
    bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c >= 0x80;
    if (word) putc_to(&b, (char)c);
    else if (b.n && b.p[b.n - 1] != '-') putc_to(&b, '-');
  }
  while (b.n && b.p[b.n - 1] == '-') b.n--;
  return ended(&b);
}

char *joined(const char *a, const char *b, const char *c) {
  Buf t = {0};
  puts_to(&t, a);
  puts_to(&t, b);
  puts_to(&t, c);
  return ended(&t);
}

void index_fields(Entity *en) {
  free(en->slot);
  en->nSlot = 64;
  while (en->nSlot < en->nField * 3) en->nSlot *= 2;
  en->slot = zeroed((size_t)en->nSlot, sizeof *en->slot);
  for (int k = 0; k < en->nField; k++) {
    if (en->field[k]->removed) continue;
    uint64_t at = hash_text(en->field[k]->id);
    while (en->slot[at & (uint64_t)(en->nSlot - 1)]) at++;
    en->slot[at & (uint64_t)(en->nSlot - 1)] = k + 1;
  }
}

Field *field_n(const Entity *en, const char *id, size_t n) {
  for (uint64_t at = hash_bytes(id, n);; at++) {
    int k = en->slot[at & (uint64_t)(en->nSlot - 1)];
    if (!k) return NULL;
    Field *f = en->field[k - 1];
    if (strlen(f->id) == n && !memcmp(f->id, id, n)) return f;
  }
}

Field *field_by(const Entity *en, const char *id) { return field_n(en, id, strlen(id)); }

Field *add_field(Entity *en, const char *id, const char *name, const char *display) {
  Field *f = zeroed(1, sizeof *f);
  const char *colon = strrchr(id, ':');
  f->custom = strstr(id, en->type ? ":oc:" : ":cm:") != NULL;
  char *tail = f->custom ? copy(colon + 1) : kebab(name);
  f->id = copy(id);
  f->name = copy(name);
  f->display = copy(display);
  f->liquid = joined(en->type ? "account." : "people.", f->custom ? "custom." : "", tail);
  free(tail);
  f->kind = kind_of(id);
  f->salt = hash_text(id);
  f->tracked = strcmp(display, "multi_select") && strcmp(display, "single_select");
  GROW(en->field, en->nField, en->capField);
  en->field[en->nField++] = f;
  index_fields(en);
  return f;
}

void set_items(Field *f, const char *const *items, int n) {
  for (int k = 0; k < f->nItems; k++) free(f->items[k]);
  f->items = resize(f->items, (size_t)n, sizeof *f->items);
  f->nItems = n;
  for (int k = 0; k < n; k++) f->items[k] = copy(items[k]);
}

void free_field(Field *f) {
  for (int k = 0; k < f->nItems; k++) free(f->items[k]);
  free(f->items);
  free(f->id);
  free(f->name);
  free(f->display);
  free(f->liquid);
  free(f);
}

static void add_rows(Entity *en, const Row *row, size_t n) {
  for (size_t k = 0; k < n; k++) {
    Field *f = add_field(en, row[k].id, row[k].name, row[k].display);
    f->flags = row[k].flags;
    f->gen = row[k].gen;
    f->miss = S.sparse >= 0 ? S.sparse : row[k].miss;
  }
}

void add_builtin_fields(Entity *en) {
  if (en->type) add_rows(en, ACCOUNT_FIELDS, COUNT(ACCOUNT_FIELDS));
  else add_rows(en, PERSON_FIELDS, COUNT(PERSON_FIELDS));
}

const CustomType *custom_type(const char *type) {
  for (size_t k = 0; k < COUNT(CUSTOM); k++)
    if (!strcmp(CUSTOM[k].type, type)) return &CUSTOM[k];
  return NULL;
}

Field *add_custom(Entity *en, const CustomType *t, const char *name, bool filled) {
  char *tail = kebab(name);
  char *space = joined(t->prefix, en->type ? ":oc:" : ":cm:", tail);
  Field *f = add_field(en, space, name, t->display);
  free(tail);
  free(space);
  if (filled) {
    f->gen = t->gen;
    f->miss = S.sparse >= 0 ? S.sparse : 14;
  }
  return f;
}

void add_customs(Entity *en, int n) {
  char name[64];
  for (int k = 0; k < n; k++) {
    const CustomType *t = &CUSTOM[k % CUSTOM_CYCLE];
    if (k < CUSTOM_CYCLE) snprintf(name, sizeof name, "%s", t->name);
    else snprintf(name, sizeof name, "%s %d", t->name, k / CUSTOM_CYCLE + 1);
    Field *f = add_custom(en, t, name, true);
    if (strstr(t->type, "select")) set_items(f, CHOICES, COUNT(CHOICES));
  }
}

void add_hostile_fields(Entity *en) {
  static const char *const person[][2] = {
      {"str:cm:select", "select"},
      {"str:cm:order", "order"},
      {"str:cm:id", "id"},
      {"str:cm:email", "email"},
      {"int:cm:filter", "filter"},
      {"str:cm:sort", "Sort"},
      {"str:cm:it's \"x\"", "it's \"x\""},
      {"str:cm:\xf0\x9f\x99\x82", "\xf0\x9f\x99\x82"},
      {"str:cm:---", "---"},
      {"str:cm:!!!", "!!!"},
      {"str:cm:score", "Score"},
      {"int:cm:score", "score"},
      {"str:cm:\xd0\xb3\xd0\xbe\xd1\x80\xd0\xbe\xd0\xb4", "\xd0\x93\xd0\xbe\xd1\x80\xd0\xbe\xd0\xb4"},
      {"bol:cm:tags", "tags"},
      {"dtz:cm:birthday", "Birthday"},
      {"str:cm:First-Name", "First  Name"}};
  static const char *const account[][2] = {{"str:oc:name", "name"},
                                           {"str:oc:select", "select"},
                                           {"str:oc:score", "Score"},
                                           {"int:oc:score", "score"},
                                           {"str:oc:id", "id"}};
  size_t n = en->type ? COUNT(account) : COUNT(person);
  for (size_t k = 0; k < n; k++) {
    const char *const *row = en->type ? account[k] : person[k];
    int kind = kind_of(row[0]);
    Field *f = add_field(en, row[0], row[1],
                         kind == K_INT   ? "integer"
                         : kind == K_BOL ? "bool"
                         : kind == K_DTZ ? "date"
                                         : "text");
    f->gen = kind == K_INT ? gen_integer : kind == K_BOL ? gen_bool : kind == K_DTZ ? gen_date : gen_text;
    f->miss = S.sparse >= 0 ? S.sparse : 10;
  }
}

int by_field_id(const void *a, const void *b) {
  return strcmp((*(const Field *const *)a)->id, (*(const Field *const *)b)->id);
}
