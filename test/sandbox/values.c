/* values.c: see values.h. */
#define _GNU_SOURCE
#include "values.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "instance.h"
#include "records.h"

typedef struct Word {
  const char *text; /* as a person would have typed it, safe in JSON */
  const char *slug; /* for addresses */
} Word;

static const Word FIRST[] = {{"Anna", "anna"},
                             {"Zo\xc3\xab", "zoe"},
                             {"Jos\xc3\xa9", "jose"},
                             {"MARIA", "maria"},
                             {"Liam", "liam"},
                             {"olivia", "olivia"},
                             {"Noah", "noah"},
                             {"Emma", "emma"},
                             {" Tom", "tom"},
                             {"Ida ", "ida"},
                             {"Bj\xc3\xb8rn", "bjorn"},
                             {"\xc5\x81ukasz", "lukasz"},
                             {"Chlo\xc3\xa9", "chloe"},
                             {"Ana Mar\xc3\xad"
                              "a",
                              "ana-maria"},
                             {"Jean-Luc", "jean-luc"},
                             {"Priya", "priya"},
                             {"Mei", "mei"},
                             {"\xe6\x9d\x8e", "li"},
                             {"\xd0\x90\xd0\xbd\xd0\xbd\xd0\xb0", "anna-k"},
                             {"Omar", "omar"},
                             {"Fatima", "fatima"},
                             {"George", "george"},
                             {"grace", "grace"},
                             {"Henry", "henry"},
                             {"Isla", "isla"},
                             {"Jack", "jack"},
                             {"Kofi", "kofi"},
                             {"Leila", "leila"},
                             {"Mateo", "mateo"},
                             {"Nina", "nina"},
                             {"Oscar", "oscar"},
                             {"Paula", "paula"},
                             {"Quentin", "quentin"},
                             {"Ruth", "ruth"},
                             {"Sam", "sam"},
                             {"Tara", "tara"},
                             {"Uma", "uma"},
                             {"Victor", "victor"},
                             {"Wendy", "wendy"},
                             {"Yusuf", "yusuf"}};

static const Word LAST[] = {{"Smith", "smith"},
                            {"Nguyen", "nguyen"},
                            {"O'Brien", "obrien"},
                            {"van der Berg", "vanderberg"},
                            {"Garc\xc3\xad"
                             "a",
                             "garcia"},
                            {"M\xc3\xbcller", "muller"},
                            {"Jones", "jones"},
                            {"DUBOIS", "dubois"},
                            {"Rossi", "rossi"},
                            {"Kowalski", "kowalski"},
                            {"Ivanova", "ivanova"},
                            {"Tanaka", "tanaka"},
                            {"Singh", "singh"},
                            {"brown", "brown"},
                            {"Haugen", "haugen"},
                            {"Lindstr\xc3\xb6m", "lindstrom"},
                            {"Okafor", "okafor"},
                            {"Silva", "silva"},
                            {"Novak", "novak"},
                            {"Taylor", "taylor"},
                            {"Wilson ", "wilson"},
                            {"Martin", "martin"},
                            {"Lee", "lee"},
                            {"Murphy", "murphy"},
                            {"Evans", "evans"},
                            {"Papadopoulos", "papadopoulos"},
                            {"S\xc3\xb8rensen", "sorensen"},
                            {"Costa", "costa"}};

typedef struct Place {
  const char *city, *region, *country;
  int cityId, regionId, countryId;
  const char *zone;   /* IANA */
  const char *code;   /* of the telephone */
  const char *postal; /* first digits */
} Place;

static const Place PLACE[] = {
    {"Melbourne", "Victoria", "Australia", 2158177, 2145234, 2077456, "Australia/Melbourne", "61", "30"},
    {"Sydney", "New South Wales", "Australia", 2147714, 2155400, 2077456, "Australia/Sydney", "61", "20"},
    {"Brisbane", "Queensland", "Australia", 2174003, 2152274, 2077456, "Australia/Brisbane", "61", "40"},
    {"Auckland", "Auckland", "New Zealand", 2193733, 2193734, 2186224, "Pacific/Auckland", "64", "10"},
    {"Oslo", "Oslo", "Norway", 3143244, 3143242, 3144096, "Europe/Oslo", "47", "01"},
    {"Troms\xc3\xb8", "Troms", "Norway", 3133895, 3133897, 3144096, "Europe/Oslo", "47", "90"},
    {"London", "England", "United Kingdom", 2643743, 6269131, 2635167, "Europe/London", "44", "SW"},
    {"Paris", "\xc3\x8ele-de-France", "France", 2988507, 3012874, 3017382, "Europe/Paris", "33", "75"},
    {"Lisbon", "Lisboa", "Portugal", 2267057, 2267056, 2264397, "Europe/Lisbon", "351", "10"},
    {"S\xc3\xa3o Paulo", "S\xc3\xa3o Paulo", "Brazil", 3448439, 3448433, 3469034, "America/Sao_Paulo", "55",
     "01"},
    {"Z\xc3\xbcrich", "Zurich", "Switzerland", 2657896, 2657895, 2658434, "Europe/Zurich", "41", "80"},
    {"New York", "New York", "United States", 5128581, 5128638, 6252001, "America/New_York", "1", "10"},
    {"Austin", "Texas", "United States", 4671654, 4736286, 6252001, "America/Chicago", "1", "78"},
    {"Toronto", "Ontario", "Canada", 6167865, 6093943, 6251999, "America/Toronto", "1", "M5"},
    {"Tokyo", "Tokyo", "Japan", 1850147, 1850144, 1861060, "Asia/Tokyo", "81", "10"},
    {"Nairobi", "Nairobi", "Kenya", 184745, 184742, 192950, "Africa/Nairobi", "254", "00"}};

static const char *const LANGUAGE[] = {"en", "en-AU", "de", "fr", "pt-BR", "no", "ja"};
static const char *const SOURCE[] = {"API", "CSV import", "Website", "Manual", "Widget"};
static const char *const UTM[] = {"newsletter", "spring-sale", "Brand", "retargeting", "partner_7"};
static const char *const BROWSER[] = {"Chrome", "Safari", "Firefox", "Edge"};
static const char *const INDUSTRY[] = {"Software",          "Retail", "Health care", "Education",
                                       "Finance & banking", "retail"};

static const char *const VOCABULARY[] = {"blue",  "Harbour", "quick",        "north", "caf\xc3\xa9", "Window",
                                         "seven", "garden",  "paper",        "River", "stone",       "OK",
                                         "light", "copper",  "na\xc3\xafve", "summer"};

const char *utm_of(uint64_t h) { return PICK(UTM, h); }
const char *browser_of(uint64_t h) { return PICK(BROWSER, h); }
const char *word_of(uint64_t h) { return PICK(VOCABULARY, h); }

uint64_t place_id(const char *name) {
  uint64_t id = hash_text(name) % 9000000 + 1000000;
  for (size_t k = 0; k < COUNT(PLACE); k++) {
    if (!strcmp(PLACE[k].city, name)) id = (uint64_t)PLACE[k].cityId;
    if (!strcmp(PLACE[k].country, name)) id = (uint64_t)PLACE[k].countryId;
  }
  return id;
}

const char *country_code(const char *number) {
  const char *code = "";
  for (size_t k = 0; k < COUNT(PLACE); k++) {
    size_t len = strlen(PLACE[k].code);
    if (!strncmp(number, PLACE[k].code, len) && len >= strlen(code)) code = PLACE[k].code;
  }
  return code;
}

static void put_quoted(Buf *b, const char *safe) {
  putc_to(b, '"');
  puts_to(b, safe);
  putc_to(b, '"');
}

static const Place *place_of(const Entity *en, uint32_t i) { return &PICK(PLACE, draw(en, i, 11)); }
static const Word *first_of(const Entity *en, uint32_t i) { return &PICK(FIRST, draw(en, i, 12)); }
static const Word *last_of(const Entity *en, uint32_t i) { return &PICK(LAST, draw(en, i, 13)); }

#define UNUSED_GEN ((void)en, (void)i, (void)h, (void)f)

GEN(gen_first) { UNUSED_GEN; put_quoted(b, first_of(en, i)->text); return true; }
GEN(gen_last) { UNUSED_GEN; put_quoted(b, last_of(en, i)->text); return true; }

GEN(gen_name) {
  UNUSED_GEN;
  put_format(b, "\"%s %s\"", first_of(en, i)->text, last_of(en, i)->text);
  return true;
}

/* Nobody lacks both the address and the external id. */
static bool has_email(const Entity *en, uint32_t i) { return draw(en, i, 14) % 33 != 0; }

GEN(gen_email) {
  UNUSED_GEN;
  if (!has_email(en, i)) return false;
  size_t from = b->n + 1;
  putc_to(b, '"');
  puts_to(b, first_of(en, i)->slug);
  putc_to(b, '.');
  puts_to(b, last_of(en, i)->slug);
  putc_to(b, '.');
  put_u64(b, (uint64_t)i + 1);
  LIT(b, "@example.com\"");
  if (draw(en, i, 15) % 50 == 0) b->p[from] = (char)(b->p[from] - 32);
  return true;
}

GEN(gen_external) {
  UNUSED_GEN;
  if (has_email(en, i) && h % 100 < 30) return false;
  LIT(b, "\"ext-");
  put_u64(b, (uint64_t)i + 100001);
  putc_to(b, '"');
  return true;
}

GEN(gen_created) { UNUSED_GEN; put_time(b, created_of(en, i)); return true; }
GEN(gen_edited) { UNUSED_GEN; put_time(b, edited_of(en, i)); return true; }

GEN(gen_archived) {
  UNUSED_GEN;
  int64_t t = archived_of(en, i);
  if (t) put_time(b, t);
  return t != 0;
}

GEN(gen_restored) {
  UNUSED_GEN;
  int64_t t = restored_of(en, i);
  if (t) put_time(b, t);
  return t != 0;
}

GEN(gen_archive_source) {
  UNUSED_GEN;
  if (!archived_of(en, i)) return false;
  put_quoted(b, en->ov[i] && en->ov[i]->archived ? "API" : "Manual");
  return true;
}

/* A time between the record's creation and the base time; some with fractions. */
GEN(gen_seen) {
  UNUSED_GEN;
  int64_t from = created_of(en, i);
  if (from < BASE_TIME) from += (int64_t)((h >> 8) % (uint64_t)(BASE_TIME - from));
  if (h % 10 == 0) put_time_ms(b, from, (int)(h >> 5 & 511));
  else put_time(b, from);
  return true;
}

GEN(gen_time_first) {
  UNUSED_GEN;
  put_time(b, created_of(en, i) + (int64_t)(draw(en, i, (uint64_t)f->aux) % 86400));
  return true;
}

GEN(gen_time_last) {
  UNUSED_GEN;
  put_time(
      b, created_of(en, i) + (int64_t)(draw(en, i, (uint64_t)f->aux) % 86400) + (int64_t)(h >> 8) % 8640000);
  return true;
}

GEN(gen_time) { UNUSED_GEN; put_time(b, BASE_TIME - (int64_t)(h % (400 * 86400))); return true; }
GEN(gen_bool) { UNUSED_GEN; puts_to(b, h >> 7 & 1 ? "true" : "false"); return true; }
GEN(gen_rarely_true) { UNUSED_GEN; puts_to(b, (h >> 7) % 20 ? "false" : "true"); return true; }

bool subscribed_base(const Entity *en, uint32_t i) { return draw(en, i, 16) % 5 != 0; }

GEN(gen_permission) { UNUSED_GEN; puts_to(b, subscribed_base(en, i) ? "true" : "false"); return true; }

static void put_place(Buf *b, int id, const char *name) {
  LIT(b, "{\"id\":");
  put_i64(b, id);
  LIT(b, ",\"name\":\"");
  puts_to(b, name);
  LIT(b, "\"}");
}

GEN(gen_city) { UNUSED_GEN; const Place *p = place_of(en, i); put_place(b, p->cityId, p->city); return true; }
GEN(gen_region) {
  UNUSED_GEN;
  const Place *p = place_of(en, i);
  put_place(b, p->regionId, p->region);
  return true;
}
GEN(gen_country) {
  UNUSED_GEN;
  const Place *p = place_of(en, i);
  put_place(b, p->countryId, p->country);
  return true;
}
GEN(gen_zone) { UNUSED_GEN; put_quoted(b, place_of(en, i)->zone); return true; }

GEN(gen_place) {
  UNUSED_GEN;
  const Place *p = place_of(en, i);
  put_format(b, "{\"id\":%d,\"name\":\"%s, %s, %s\"}", p->cityId, p->city, p->region, p->country);
  return true;
}

GEN(gen_postal) {
  UNUSED_GEN;
  putc_to(b, '"');
  puts_to(b, place_of(en, i)->postal);
  put_u64(b, 10 + h % 90);
  putc_to(b, '"');
  return true;
}

GEN(gen_phone) {
  UNUSED_GEN;
  LIT(b, "{\"c\":\"");
  puts_to(b, place_of(en, i)->code);
  LIT(b, "\",\"n\":\"");
  put_u64(b, 400000000 + h % 99999999);
  LIT(b, "\"}");
  return true;
}

void put_date(Buf *b, int y, int m, int d, const char *zone) {
  LIT(b, "{\"year\":");
  put_i64(b, y);
  LIT(b, ",\"month\":");
  put_i64(b, m);
  LIT(b, ",\"day\":");
  put_i64(b, d);
  LIT(b, ",\"timezone\":\"");
  puts_to(b, zone);
  LIT(b, "\"}");
}

GEN(gen_birthday) {
  UNUSED_GEN;
  int y, m, d;
  civil(-9131 + (int64_t)(h % 22000), &y, &m, &d);
  put_date(b, y, m, d, place_of(en, i)->zone);
  return true;
}

GEN(gen_date) {
  UNUSED_GEN;
  int y, m, d;
  civil(19000 + (int64_t)(h % 3000), &y, &m, &d);
  put_date(b, y, m, d, h >> 40 & 1 ? "UTC" : "Australia/Sydney");
  return true;
}

GEN(gen_engagement) { UNUSED_GEN; put_i64(b, (int64_t)(h % 6) * 10); return true; }

/* Cents, as thousandths; some zero, some equal, few below zero. */
GEN(gen_money) {
  UNUSED_GEN;
  int64_t v = (int64_t)(h >> 8) % 5000000 * 10;
  if (h % 8 == 0) v = 0;
  if (h % 8 == 1) v = 49000;
  if (h % 64 == 2) v = -v;
  put_i64(b, v);
  return true;
}

GEN(gen_decimal) {
  UNUSED_GEN;
  int64_t v = (int64_t)(h >> 8) % 100000;
  put_i64(b, h % 4 == 0 ? v / 500 * 500 : h % 64 == 1 ? -v : v);
  return true;
}

GEN(gen_integer) {
  UNUSED_GEN;
  int64_t v = (int64_t)(h >> 8) % 500;
  if (h % 100 == 0) v = INT64_C(9007199254740993) + (int64_t)(h >> 8 & 0xff);
  if (h % 100 == 1) v = -v;
  put_i64(b, v);
  return true;
}

GEN(gen_employees) { UNUSED_GEN; put_i64(b, 1 + (int64_t)(h % 12) * (int64_t)(h % 12) * 7); return true; }
GEN(gen_language) { UNUSED_GEN; put_quoted(b, PICK(LANGUAGE, h)); return true; }
GEN(gen_source) { UNUSED_GEN; put_quoted(b, PICK(SOURCE, h)); return true; }
GEN(gen_utm) { UNUSED_GEN; put_quoted(b, PICK(UTM, h)); return true; }
GEN(gen_browser) { UNUSED_GEN; put_quoted(b, PICK(BROWSER, h)); return true; }
GEN(gen_industry) { UNUSED_GEN; put_quoted(b, PICK(INDUSTRY, h)); return true; }
GEN(gen_context) {
  UNUSED_GEN;
  put_quoted(b, h & 1 ? "Subscribed via API" : "Subscribed via form");
  return true;
}
GEN(gen_url) {
  UNUSED_GEN;
  put_format(b, "\"https://www.example.com/%s?utm_source=%s\"", PICK(UTM, h >> 8), PICK(UTM, h));
  return true;
}

GEN(gen_text) {
  UNUSED_GEN;
  putc_to(b, '"');
  for (uint64_t k = 0, n = 1 + h % 3; k < n; k++) {
    if (k) putc_to(b, ' ');
    puts_to(b, PICK(VOCABULARY, h >> (8 + 8 * k)));
  }
  putc_to(b, '"');
  return true;
}

GEN(gen_large) {
  UNUSED_GEN;
  putc_to(b, '"');
  for (uint64_t k = 0, n = 10 + h % 60; k < n; k++) {
    puts_to(b, PICK(VOCABULARY, mix(h + k)));
    puts_to(b, k % 12 == 11 ? ".\\n" : " ");
  }
  LIT(b, "end.\"");
  return true;
}

GEN(gen_select) {
  UNUSED_GEN;
  if (!f->nItems) return false;
  put_text(b, f->items[h % (uint64_t)f->nItems]);
  return true;
}

GEN(gen_multi) {
  UNUSED_GEN;
  if (!f->nItems) return false;
  uint64_t set = h % ((UINT64_C(1) << (f->nItems > 20 ? 20 : f->nItems)) - 1) + 1;
  char glue = '[';
  for (int k = 0; k < f->nItems && k < 20; k++) {
    if (!(set >> k & 1)) continue;
    putc_to(b, glue);
    put_text(b, f->items[k]);
    glue = ',';
  }
  putc_to(b, ']');
  return true;
}

GEN(gen_object) {
  UNUSED_GEN;
  put_format(b, "{\"plan\":\"%s\",\"seats\":%u,\"nested\":{\"list\":[1,2.5,null,true],\"note\":\"%s\"}}",
             PICK(UTM, h), (unsigned)(h >> 8) % 50, PICK(VOCABULARY, h >> 16));
  return true;
}

GEN(gen_account) {
  UNUSED_GEN;
  char id[25];
  int a = account_of(i);
  if (a < 0) return false;
  id_of(ACCOUNTS, (uint32_t)a, id);
  put_quoted(b, id);
  return true;
}

GEN(gen_tag_ids) {
  UNUSED_GEN;
  uint32_t spare[3];
  int n;
  const uint32_t *tag = tags_of(en, i, spare, &n);
  for (int k = 0; k < n; k++) {
    putc_to(b, k ? ',' : '[');
    put_u64(b, tag[k]);
  }
  if (n) putc_to(b, ']');
  return n > 0;
}

GEN(gen_tag_names) {
  UNUSED_GEN;
  uint32_t spare[3];
  int n;
  const uint32_t *tag = tags_of(en, i, spare, &n);
  for (int k = 0; k < n; k++) {
    putc_to(b, k ? ',' : '[');
    put_text(b, en->tag[tag[k] - 1].name);
  }
  if (n) putc_to(b, ']');
  return n > 0;
}

GEN(gen_account_name) {
  UNUSED_GEN;
  static const char *const form[] = {"Ltd", "GmbH", "Inc.", "AS", "& Sons", "Pty Ltd"};
  put_format(b, "\"%s %s %u\"", PICK(VOCABULARY, h), PICK(form, h >> 8), (unsigned)i + 1);
  return true;
}

GEN(gen_website) {
  UNUSED_GEN;
  put_format(b, "\"https://company%u.example.com\"", (unsigned)i + 1);
  return true;
}
GEN(gen_address) {
  UNUSED_GEN;
  put_format(b, "\"%u %s Street\"", (unsigned)(h % 200) + 1, PICK(VOCABULARY, h >> 8));
  return true;
}

static struct {
  uint64_t version;
  uint32_t *start;  /* per account, one more at the end */
  uint32_t *person;
} links;

void forget_links(void) {
  free(links.start);
  free(links.person);
  links.start = links.person = NULL;
}

static void build_links(void) {
  if (links.start && links.version == S.version) return;
  uint32_t *start = zeroed(ACCOUNTS->n + 2, sizeof *start);
  for (uint32_t i = 0; i < PEOPLE->n; i++) {
    int a = is_active(PEOPLE, i) ? account_of(i) : -1;
    if (a >= 0) start[a + 2]++;
  }
  for (uint32_t a = 2; a < ACCOUNTS->n + 2; a++) start[a] += start[a - 1];
  uint32_t *person = resize(NULL, PEOPLE->n, sizeof *person);
  for (uint32_t i = 0; i < PEOPLE->n; i++) {
    int a = is_active(PEOPLE, i) ? account_of(i) : -1;
    if (a >= 0) person[start[a + 1]++] = i;
  }
  free(links.start);
  free(links.person);
  links.start = start;
  links.person = person;
  links.version = S.version;
}

GEN(gen_people) {
  UNUSED_GEN;
  char id[25];
  pthread_mutex_lock(&cacheLock);
  build_links();
  uint32_t from = links.start[i], to = links.start[i + 1];
  if (to - from > 3000) to = from + 3000;
  for (uint32_t k = from; k < to; k++) {
    id_of(PEOPLE, links.person[k], id);
    putc_to(b, k == from ? '[' : ',');
    put_quoted(b, id);
  }
  pthread_mutex_unlock(&cacheLock);
  if (to > from) putc_to(b, ']');
  return to > from;
}

static const char *const BAD_STR[] = {"\"a\\u0000b\"",
                                      "\"\"",
                                      "\"\\ud800\"",
                                      "\"x\\udc00y\"",
                                      "\"{\\\"a\\\":1}\"",
                                      "\"[1,2]\"",
                                      "\"<b>bold</b> &amp; <script>\"",
                                      "12",
                                      "-0.5",
                                      "true",
                                      "null",
                                      "[\"x\"]",
                                      "{\"k\":\"v\"}",
                                      "\"'; DROP TABLE people; --\"",
                                      "\"\\ud83d\\ude00 \xf0\x9f\x98\x80\"",
                                      "\" leading and trailing \"",
                                      "\"line\\nbreak\\ttab\\u0001\"",
                                      "\"null\"",
                                      "\"0012\"",
                                      "\"1e5\"",
                                      "\"\xe2\x80\xae right\""};

static const char *const BAD_INT[] = {"9007199254740993",
                                      "9223372036854775807",
                                      "-9223372036854775808",
                                      "0",
                                      "-1",
                                      "-0",
                                      "12500",
                                      "\"12\"",
                                      "\"abc\"",
                                      "\"\"",
                                      "12.5",
                                      "0.001",
                                      "1e3",
                                      "1E400",
                                      "18446744073709551616",
                                      "true",
                                      "null",
                                      "[]",
                                      "{}",
                                      "9007199254740991999"};

static const char *const BAD_BOL[] = {"\"true\"", "\"no\"", "0", "1", "2", "{}", "[true]", "null", "\"\""};

static const char *const BAD_DTZ[] = {
    "{\"year\":2025,\"month\":13,\"day\":45,\"timezone\":\"UTC\"}",
    "[1990,5,17]",
    "\"1990-05-17\"",
    "{\"year\":99999,\"month\":1,\"day\":1}",
    "{\"day\":1}",
    "{\"year\":\"1990\",\"month\":\"05\",\"day\":\"17\"}",
    "19900517",
    "null",
    "\"\"",
    "{\"year\":-5,\"month\":2,\"day\":30,\"timezone\":null}",
    "{\"year\":0,\"month\":0,\"day\":0,\"timezone\":\"\"}",
    "{}",
    "{\"year\":1990.5,\"month\":5,\"day\":17}",
    "{\"year\":1990,\"month\":5,\"day\":17,\"timezone\":\"Mars/Base\",\"extra\":1}"};

static const char *const BAD_TME[] = {"\"0001-01-01T00:00:00Z\"",
                                      "\"2025-11-04T19:10:31.123456789Z\"",
                                      "\"2025-11-04T19:10:31+02:00\"",
                                      "\"9999-12-31T23:59:59Z\"",
                                      "1762283431",
                                      "\"not a time\"",
                                      "{}",
                                      "\"\"",
                                      "null",
                                      "\"2025-11-04\"",
                                      "true"};

static const char *const BAD_PHN[] = {"\"+61401234567\"",
                                      "{\"c\":61,\"n\":401234567}",
                                      "{\"n\":\"401234567\"}",
                                      "{\"c\":\"61\"}",
                                      "{}",
                                      "\"\"",
                                      "{\"c\":\"+61\",\"n\":\"0401 234 567\"}",
                                      "61401234567",
                                      "null",
                                      "[]",
                                      "{\"c\":\"61\",\"n\":\"401234567\",\"iso\":\"AU\"}"};

static const char *const BAD_GEO[] = {"\"Melbourne\"",
                                      "{\"id\":\"abc\",\"name\":null}",
                                      "{\"name\":\"X\\u0000Y\"}",
                                      "{\"id\":1}",
                                      "5",
                                      "[]",
                                      "{}",
                                      "{\"id\":9007199254740993,\"name\":\"\"}",
                                      "null",
                                      "{\"name\":7}",
                                      "{\"id\":2,\"name\":\"Troms\xc3\xb8\",\"lat\":69.6}"};

static const char *const BAD_SST[] = {"\"one\"",
                                      "[1,2,null]",
                                      "{}",
                                      "[\"a\",\"a\"]",
                                      "[]",
                                      "[\"\",\"\\u0000\",\"\\ud800\"]",
                                      "null",
                                      "7",
                                      "[[\"nested\"]]",
                                      "[\"a,b\",\"c\\\"d\"]"};

static const char *const BAD_OBJ[] = {"\"text\"",
                                      "true",
                                      "[]",
                                      "{\"\":1,\"a\":{\"b\":[[[]]]}}",
                                      "{}",
                                      "null",
                                      "12345678901234567890",
                                      "{\"k\":1,\"k\":2}",
                                      "{\"u\":\"\\ud800\"}"};

static void put_bad(Buf *b, int kind, uint64_t h) {
  const char *s;
  switch (kind) {
    case K_INT: s = PICK(BAD_INT, h); break;
    case K_BOL: s = PICK(BAD_BOL, h); break;
    case K_DTZ: s = PICK(BAD_DTZ, h); break;
    case K_TME: s = PICK(BAD_TME, h); break;
    case K_PHN: s = PICK(BAD_PHN, h); break;
    case K_GEO: s = PICK(BAD_GEO, h); break;
    case K_SST: case K_TAGS: case K_IDS: s = PICK(BAD_SST, h); break;
    case K_OBJ: s = PICK(BAD_OBJ, h); break;
    default: s = PICK(BAD_STR, h);
  }
  if ((kind == K_STR || kind == K_TXT) && h % 23 == 0) {
    putc_to(b, '"');
    for (int k = 0; k < 4000; k++) putc_to(b, (char)('a' + k % 26));
    putc_to(b, '"');
    return;
  }
  puts_to(b, s);
}

bool value(Buf *b, const Entity *en, uint32_t i, const Field *f) {
  const Overlay *ov = en->ov[i];
  const Entry *e = entry_of(ov, f);
  if (e) {
    if (e->raw) put(b, e->raw, e->len);
    return e->raw != NULL;
  }
  if (!f->gen) return false;
  uint64_t h = draw(en, i, f->salt);
  if (f->flags & STATE) return f->gen(b, en, i, h, f);
  if (ov && !ov->generated) return false;
  if (!(f->flags & FIXED)) {
    if ((int)(h >> 56) * 100 / 256 < f->miss) return false;
    if (S.hostile && (h >> 32) % 23 == 0) {
      put_bad(b, f->kind, mix(h));
      return true;
    }
  }
  return f->gen(b, en, i, h >> 3, f);
}
