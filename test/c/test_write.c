/*
** test_write.c - ortto_upsert and ortto_track of many records: an interrupt in the middle says how many
** were delivered and which was the first that was not; 100,000 records in one call stay within time and
** memory; a connection is usable afterwards.
*/
#define _GNU_SOURCE
#include "harness.h"
#include <pthread.h>

/* of the 100 ms that an interrupt may take, since other things run on the machine */
#define LATEST 250.0

static int set_up(void **state){
  (void)state;
  server_start(&sandbox, "--people 20 --no-archived --custom 14");
  return 0;
}

static int fresh(void **state){
  (void)state;
  server_do(&sandbox, "/sandbox/reset", NULL);
  return 0;
}

static sqlite3 *db_new(void){
  sqlite3 *db = db_open(&sandbox);
  sql_must(db, "SELECT ortto_config('segment_key', 'psb-sandbox-segment-key'), ortto_config('retries', 0)");
  sql_must(db,
      "CREATE TABLE n(value); WITH RECURSIVE c(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM c LIMIT "
      "100000) INSERT INTO n SELECT value FROM c");
  return db;
}

/* ---- interrupting --------------------------------------------------------- */

typedef struct interrupter {
  sqlite3 *db;
  const char *path;              /* interrupts as soon as so many requests have come here */
  long requests;
  double at;
} interrupter;

static void *interrupt_there(void *ctx){
  interrupter *it = ctx;
  for(int i=0; i<2000 && server_count(&sandbox, it->path)<it->requests; i++) sleep_ms(5);
  sleep_ms(60);                  /* what was answered has arrived by now */
  it->at = now_ms();
  sqlite3_interrupt(it->db);
  return NULL;
}

/* The call is interrupted at that request, fails at once with SQLITE_INTERRUPT and this message. */
static void must_interrupt(const char *sql, const char *path, long requests, const char *expected){
  sqlite3 *db = db_new();
  sql_must(db, "SELECT ortto_config('concurrency', 1)");
  interrupter it = { db, path, requests, 0 };
  pthread_t thread;
  if( pthread_create(&thread, NULL, interrupt_there, &it)!=0 ) fail_msg("no thread");
  char *got = sql_text(db, sql);
  double ms = now_ms() - it.at;
  pthread_join(thread, NULL);
  assert_string_equal(got, expected);
  if( ms>LATEST ) fail_msg("%s: interrupted only after %.0f ms", sql, ms);
  sqlite3_free(got);
  server_do(&sandbox, "/sandbox/clear", NULL);
  assert_sql(db, "SELECT ortto_upsert('{\"user_id\":\"afterwards\"}')->>'status'", "200");
  db_close(db);
}

#define FAULT(kind, path, after) "{\"kind\":\"" kind "\",\"path\":\"" path "\",\"after\":" #after "}"
#define CONTACTS(count) \
  "(SELECT json_group_array(json_object('user_id', 'u' || value)) FROM n WHERE value <= " #count ")"

static void interrupted_in_the_middle(void **state){
  (void)state;
  server_do(&sandbox, "/sandbox/fault", FAULT("hang", "/v1/person/merge", 2));
  must_interrupt("SELECT ortto_upsert(" CONTACTS(450) ", '{\"to\":\"api\"}')", "/v1/person/merge", 3,
    "error 9: ortto: interrupted: 200 of 450 records were delivered; the first that was not is number 200 "
        "(counted from 0)");
}

static void interrupted_behind_refusals(void **state){
  (void)state;
  server_do(&sandbox, "/sandbox/fault", FAULT("hang", "/v1/identify", 1));
  must_interrupt(
      "SELECT ortto_upsert((SELECT json_group_array(iif(value = 4, json_object('fields', 1), "
      "json_object('user_id', 'u' || value))) FROM n WHERE value <= 1100), '{\"to\":\"segment\"}')",
    "/v1/identify", 2,
        "error 9: ortto: interrupted: 500 of 1100 records were delivered; the first that was not is number 3 "
        "(counted from 0)");
}

static void interrupted_before_the_first(void **state){
  (void)state;
  server_do(&sandbox, "/sandbox/fault", FAULT("hang", "/v1/activities/create", 0));
  must_interrupt(
      "SELECT ortto_track((SELECT json_group_array(json_object('user_id', 'u' || value, 'event', 'Song "
      "Played')) FROM n WHERE value <= 50))",
    "/v1/activities/create", 1,
        "error 9: ortto: interrupted: 0 of 50 records were delivered; the first that was not is number 0 "
        "(counted from 0)");
}

/* While the definitions or an audience are being asked for, too. */
static void interrupted_while_preparing(void **state){
  (void)state;
  server_do(&sandbox, "/sandbox/fault", FAULT("hang", "/v1/audiences/create", 0));
  must_interrupt(
      "SELECT ortto_upsert('[{\"user_id\":\"a\"},{\"user_id\":\"b\","
      "\"audience_name\":\"VIPs\"}]', '{\"to\":\"segment\"}')",
    "/v1/audiences/create", 1,
        "error 9: ortto: interrupted: 0 of 2 records were delivered; the first that was not is number 0 "
        "(counted from 0)");
  server_do(&sandbox, "/sandbox/reset", NULL);
  server_do(&sandbox, "/sandbox/fault", FAULT("hang", "/v1/instance-schema/get", 0));
  must_interrupt("SELECT ortto_track('[{\"user_id\":\"a\",\"event\":\"Song Played\"},{\"user_id\":\"b\","
      "\"event\":\"Song Played\"}]')",
    "/v1/instance-schema/get", 1,
        "error 9: ortto: interrupted: 0 of 2 records were delivered; the first that was not is number 0 "
        "(counted from 0)");
}

/* A single object that is interrupted raises SQLITE_INTERRUPT as well, and not what it would say of a
** record. */
static void interrupted_single(void **state){
  (void)state;
  server_do(&sandbox, "/sandbox/fault", FAULT("hang", "/v1/person/merge", 0));
  must_interrupt("SELECT ortto_upsert('{\"user_id\":\"a\"}')", "/v1/person/merge", 1,
    "error 9: ortto: interrupted: 0 of 1 records were delivered; the first that was not is number 0 (counted "
        "from 0)");
}

/* ---- many ------------------------------------------------------------------ */

static long memory_kb(const char *line){
  char text[256];
  long kb = -1;
  FILE *f = fopen("/proc/self/status", "r");
  while( f && fgets(text, sizeof text, f) )
    if( strncmp(text, line, strlen(line))==0 ) kb = strtol(text + strlen(line), NULL, 10);
  if( f ) fclose(f);
  return kb;
}

/* 100,000 records, every 1,000th of them bad: each has its outcome at its place. One
** takes about a kilobyte of memory: itself, what is sent, its outcome, SQLite's copies. */
static void must_send_many(const char *name, const char *records, const char *call, const char *path,
    long requests){
  sqlite3 *db = db_new();
  char *sql = sqlite3_mprintf("CREATE TEMP TABLE given AS SELECT json_group_array(%s) AS json FROM n",
      records);
  sql_must(db, sql);
  sqlite3_free(sql);
  sql = sqlite3_mprintf("CREATE TEMP TABLE got AS SELECT %s AS json FROM given", call);
  server_do(&sandbox, "/sandbox/forget", "");
  long before = memory_kb("VmRSS:");
  double begin = now_ms();
  sql_must(db, sql);
  double seconds = (now_ms() - begin)/1000.0;
  long used = memory_kb("VmHWM:") - before;
  sqlite3_free(sql);
  print_message("# %s: 100,000 records in %.1f s, at most %ld MB\n", name, seconds, used/1024);
  assert_int_equal(server_count(&sandbox, path), requests);
  assert_sql(db, "SELECT count(*) FROM got, json_each(got.json) WHERE value->>'index' = key", "100000");
  assert_sql(db,
      "SELECT group_concat(status || 'x' || n) FROM (SELECT value->>'status' AS status, count(*) AS n FROM "
      "got, json_each(got.json) GROUP BY 1 ORDER BY 1)", "200x99900,400x100");
  assert_sql(db,
      "SELECT count(*) FROM got, json_each(got.json) WHERE value->>'status' = 400 AND key % 1000 = 999",
      "100");
#ifndef __SANITIZE_ADDRESS__     /* which has numbers of its own */
  if( used>400*1024 ) fail_msg("%s: %ld MB", name, used/1024);
  if( seconds>30 ) fail_msg("%s: %.1f s", name, seconds);
#endif
  db_close(db);
}

static void many_upserts(void **state){
  (void)state;
  must_send_many("ortto_upsert, API",
      "json_object('fields', json_object(iif(value % 1000, 'email', 'emial'), 'e' || value || "
      "'@example.com', 'first_name', 'n' || value))",
    "ortto_upsert(json)", "/v1/person/merge", 999);
}

static void many_activities(void **state){
  (void)state;
  must_send_many("ortto_track, API",
      "json_object('event', iif(value % 1000, 'song played', 'Song Plaid'), 'user_id', 'u' || value, "
      "'properties', json_object('TITLE', 'n' || value))",
    "ortto_track(json)", "/v1/activities/create", 999);
}

static void many_to_segment(void **state){
  (void)state;
  must_send_many("ortto_upsert, Segment",
      "json_object(iif(value % 1000, 'user_id', 'fields'), 'u' || value, 'traits', json_object('email', 'e' "
      "|| value || '@example.com'))",
    "ortto_upsert(json, '{\"to\":\"segment\"}')", "/v1/identify", 200);
}

int main(void){
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup(interrupted_in_the_middle, fresh),
    cmocka_unit_test_setup(interrupted_behind_refusals, fresh),
    cmocka_unit_test_setup(interrupted_before_the_first, fresh),
    cmocka_unit_test_setup(interrupted_while_preparing, fresh),
    cmocka_unit_test_setup(interrupted_single, fresh),
    cmocka_unit_test_setup(many_upserts, fresh),
    cmocka_unit_test_setup(many_activities, fresh),
    cmocka_unit_test_setup(many_to_segment, fresh),
  };
  return cmocka_run_group_tests(tests, set_up, sandbox_stop);
}
