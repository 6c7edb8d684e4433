/*
** test_locale.c - a host whose locale writes numbers with a comma: what is sent and read is the same.
** Debian's `locales` has the source of the German locale; it is compiled into a folder of this test's own.
*/
#define _GNU_SOURCE
#include <locale.h>

#include "harness.h"

/* glibc keeps the list that it makes of LOCPATH. */
const char *__lsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void){
  return "leak:__argz_add_sep\n";
}

static char folder[] = "/tmp/ortto-locale-XXXXXX";

static int locale_make(void **state){
  char command[256];
  (void)state;
  if( mkdtemp(folder)==NULL ) return -1;
  snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 >/dev/null 2>&1", folder);
  if( system(command)!=0 ) fprintf(stderr, "no German locale: install locales\n"); /* NOLINT */
  return 0;
}

static int locale_remove(void **state){
  char command[256];
  (void)state;
  snprintf(command, sizeof command, "rm -rf %s", folder);
  return system(command)!=0; /* NOLINT */
}

static const char *const asked[] = {
  "SELECT json_extract(ortto_upsert(json_object('fields',json_object('email','l@example.com',"
    "'first_name',0.1,'rating',12.5,'postal_code',0.25,'birthday','1990-02-03'))),'$.sent')",
  "SELECT json_extract(ortto_upsert('{\"fields\":{\"email\":\"l@example.com\",\"rating\":\"2.25\"}}'),"
    "'$.sent')",
  "SELECT json_extract(ortto_track('{\"event\":\"Locale tried\",\"fields\":{\"email\":\"l@example.com\"},"
    "\"properties\":{\"share\":0.1,\"sum\":1234.5},"
    "\"timestamp\":\"2026-01-02T03:04:05Z\",\"message_id\":\"m\"}', '{\"create\":true}'),'$.sent')",
  "INSERT INTO ortto_people(email, first_name, postal_code) VALUES('m@example.com', 0.1, 1e-7)",
  "SELECT first_name || ' ' || postal_code FROM ortto_people WHERE email = 'm@example.com'",
  "SELECT group_concat(rating) FROM (SELECT rating FROM ortto_people WHERE rating IS NOT NULL"
    " ORDER BY id LIMIT 20)",
  "SELECT count(*) FROM ortto_people WHERE rating = 2.25",
  "SELECT typeof(rating) || rating FROM ortto_people WHERE email = 'l@example.com'",
};

#define ASKED (int)(sizeof asked/sizeof asked[0])

/* What the questions give in this locale, each on a server of its own. */
static void ask(const char *name, char *answer[ASKED]){
  server s;
  setenv("LOCPATH", folder, 1);
  const char *found = setlocale(LC_ALL, name);
  unsetenv("LOCPATH");                           /* not for the server */
  if( found==NULL ) skip();
  if( strcmp(name, "C")!=0 ) assert_string_equal(localeconv()->decimal_point, ",");
  server_start(&s, "--people 50 --accounts 2");
  sqlite3 *db = db_open(&s);
  for(int i=0; i<ASKED; i++) answer[i] = sql_text(db, asked[i]);
  db_close(db);
  server_stop(&s);
}

static void numbers_are_the_same(void **state){
  char *c[ASKED], *german[ASKED];
  (void)state;
  ask("C", c);
  ask("de_DE.UTF-8", german);
  setlocale(LC_ALL, "C");
  for(int i=0; i<ASKED; i++){
    if( strncmp(c[i], "error", 5)==0 ) fail_msg("%s: %s", asked[i], c[i]);
    if( strcmp(c[i], german[i])!=0 ) fail_msg("%s\n  C       %s\n  German  %s", asked[i], c[i], german[i]);
    sqlite3_free(c[i]);
    sqlite3_free(german[i]);
  }
}

int main(void){
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(numbers_are_the_same),
  };
  return cmocka_run_group_tests(tests, locale_make, locale_remove);
}
