/*
** test_interrupt.c - sqlite3_interrupt() ends any wait and any transfer within 100 ms; limits on requests
** are kept; two connections in two threads do not disturb each other; a connection can be closed right
** after use.
**
** Of the 100 ms the tests print what they measured; they fail above LATEST, since other things run on the
** machine.
*/
#define _GNU_SOURCE
#include "harness.h"
#include <pthread.h>

#define LATEST 250.0

static int set_up(void **state){
  (void)state;
  server_start(&sandbox, "--people 3000 --accounts 40 --custom 2 --account-custom 1");
  return 0;
}

/* Every test starts with a server as it was at first. */
static int fresh(void **state){
  (void)state;
  server_do(&sandbox, "/sandbox/reset", NULL);
  server_do(&sandbox, "/sandbox/set", "{\"latency_ms\":0,\"rate\":0}");
  return 0;
}

/* ---- interrupting --------------------------------------------------------- */

/* Runs SQL to its end while another thread interrupts it: the answer must be SQLITE_INTERRUPT, and soon. */
static void must_interrupt(sqlite3 *db, const char *what, const char *sql, int after_ms){
  interruption it = { db, after_ms, 0 };
  pthread_t thread;
  sqlite3_stmt *stmt = NULL;
  if( pthread_create(&thread, NULL, interrupt_later, &it)!=0 ) fail_msg("no thread");
  int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
  while( rc==SQLITE_OK || rc==SQLITE_ROW ) rc = sqlite3_step(stmt);
  double over = now_ms();
  pthread_join(thread, NULL);
  char *message = sqlite3_mprintf("%s", sqlite3_errmsg(db));
  sqlite3_finalize(stmt);
  /* Where a table without a CREATE cannot connect, SQLite 3.40 makes SQLITE_ERROR of any code; the message
  ** is ours. */
  if( rc==SQLITE_ERROR && stmt==NULL && strcmp(message, "ortto: interrupted")==0 ) rc = SQLITE_INTERRUPT;
  if( rc!=SQLITE_INTERRUPT ) fail_msg("%s: code %d (%s) instead of SQLITE_INTERRUPT", what, rc, message);
  sqlite3_free(message);
  print_message("# %s: %.0f ms after sqlite3_interrupt()\n", what, over - it.at);
  if( over - it.at > LATEST ) fail_msg("%s: took %.0f ms", what, over - it.at);
}

/* Whatever was interrupted, the connection can be used, also at once, and closed. */
static void must_work(sqlite3 *db){
  server_do(&sandbox, "/sandbox/clear", NULL);
  sql_must(db, "SELECT ortto_config('rate', 0)");
  assert_sql(db, "SELECT count(*)>2900 FROM (SELECT email FROM ortto_people)", "1");
  assert_sql(db, "SELECT count(*)>0 FROM ortto_tags", "1");
  db_close(db);
}

static void test_hanging_request(void **state){
  (void)state;
  sqlite3 *db = db_open(&sandbox);
  server_do(&sandbox, "/sandbox/fault", "{\"kind\":\"hang\",\"path\":\"/v1/tags/get\",\"times\":-1}");
  must_interrupt(db, "a request that gets no answer", "SELECT count(*) FROM ortto_tags", 100);
  must_work(db);
}

static void test_dripping_answer(void **state){
  (void)state;
  sqlite3 *db = db_open(&sandbox);
  server_do(&sandbox, "/sandbox/fault",
      "{\"kind\":\"drip\",\"ms\":20,\"bytes\":1,\"path\":\"/v1/tags/get\",\"times\":-1}");
  must_interrupt(db, "an answer that drips", "SELECT count(*) FROM ortto_tags", 100);
  must_work(db);
}

static void test_hanging_page(void **state){
  (void)state;
  sqlite3 *db = db_open(&sandbox);
  server_do(&sandbox, "/sandbox/fault",
      "{\"kind\":\"hang\",\"path\":\"/v1/person/get\",\"after\":3,\"times\":-1}");
  must_interrupt(db, "a scan in which a page hangs", "SELECT email FROM ortto_people", 100);
  must_work(db);
}

static void test_function(void **state){
  (void)state;
  sqlite3 *db = db_open(&sandbox);
  server_do(&sandbox, "/sandbox/fault", "{\"kind\":\"hang\",\"times\":-1}");
  must_interrupt(db, "ortto_check()", "SELECT ortto_check()", 100);
  must_work(db);
}

/* The key is used up: one request a second. */
static void test_rate_wait(void **state){
  (void)state;
  sqlite3 *db = db_open(&sandbox);
  sql_must(db, "SELECT count(*) FROM pragma_table_info('ortto_people')");
  sql_must(db, "SELECT ortto_config('rate', 1)");
  must_interrupt(db, "a wait for the rate", "SELECT email FROM ortto_people", 300);
  must_work(db);
}

static void test_feed_wait(void **state){
  (void)state;
  sqlite3 *db = db_open(&sandbox);
  must_interrupt(db, "a wait for the activity feed",
    "SELECT count(*) FROM ortto_activities WHERE person_id IN (SELECT id FROM ortto_people LIMIT 20)", 300);
  must_work(db);
}

/* A server that says: come back in an hour. */
static void test_429_wait(void **state){
  (void)state;
  sqlite3 *db = db_open(&sandbox);
  server_do(&sandbox, "/sandbox/fault",
      "{\"kind\":\"429\",\"seconds\":3600,\"path\":\"/v1/tags/get\",\"times\":-1}");
  sql_must(db, "SELECT ortto_config('timeout_ms', 86400000)");
  must_interrupt(db, "a wait after 429", "SELECT count(*) FROM ortto_tags", 100);
  server_do(&sandbox, "/sandbox/clear", NULL);
  db_close(db);                  /* requests with this key wait for that hour */
}

static void test_backoff(void **state){
  (void)state;
  sqlite3 *db = db_open(&sandbox);
  sql_must(db, "SELECT ortto_config('retries', 100)");
  server_do(&sandbox, "/sandbox/fault",
      "{\"kind\":\"status\",\"status\":503,\"path\":\"/v1/tags/get\",\"times\":-1}");
  must_interrupt(db, "a wait before a retry", "SELECT count(*) FROM ortto_tags", 1000);
  must_work(db);
}

static void test_discovery(void **state){
  (void)state;
  sqlite3 *db = db_open(&sandbox);
  server_do(&sandbox, "/sandbox/fault",
      "{\"kind\":\"hang\",\"path\":\"/v1/person/custom-field/get\",\"times\":-1}");
  must_interrupt(db, "listing the fields, at the first prepare", "SELECT count(*) FROM ortto_people", 100);
  must_work(db);
}

static void test_discovery_at_create(void **state){
  (void)state;
  sqlite3 *db = db_open(&sandbox);
  server_do(&sandbox, "/sandbox/fault",
      "{\"kind\":\"hang\",\"path\":\"/v1/person/custom-field/get\",\"times\":-1}");
  must_interrupt(db, "listing the fields, at CREATE", "CREATE VIRTUAL TABLE p USING ortto(table=people)",
      100);
  assert_sql(db, "SELECT count(*) FROM sqlite_schema", "0");
  must_work(db);
}

/* The answers come, but the whole would take long. */
static void test_long_scan(void **state){
  (void)state;
  sqlite3 *db = db_open(&sandbox);
  sql_must(db, "SELECT ortto_config('concurrency', 1)");
  sql_must(db, "SELECT count(*) FROM pragma_table_info('ortto_people')");
  server_do(&sandbox, "/sandbox/set", "{\"latency_ms\":200}");
  must_interrupt(db, "a long scan", "SELECT email FROM ortto_people", 350);
  server_do(&sandbox, "/sandbox/set", "{\"latency_ms\":0}");
  must_work(db);
}

/* Inside a transaction: what was written before stays, and can be committed. */
static void test_in_a_transaction(void **state){
  (void)state;
  sqlite3 *db = db_open(&sandbox);
  sql_must(db, "CREATE TABLE t(a); BEGIN; INSERT INTO t VALUES(1)");
  server_do(&sandbox, "/sandbox/fault", "{\"kind\":\"hang\",\"path\":\"/v1/tags/get\",\"times\":-1}");
  must_interrupt(db, "a reading statement in a transaction", "SELECT count(*) FROM ortto_tags", 100);
  sql_must(db, "COMMIT");
  assert_sql(db, "SELECT count(*) FROM t", "1");
  must_work(db);
}

/* An interrupt that comes while nothing runs disturbs nothing. */
static void test_interrupt_while_idle(void **state){
  (void)state;
  sqlite3 *db = db_open(&sandbox);
  sqlite3_interrupt(db);
  assert_sql(db, "SELECT ortto_check()", "ok");
  must_work(db);
}

/* ---- closing -------------------------------------------------------------- */

/* No statement and no request is left behind, wherever a reading stops. */
static void test_close_at_once(void **state){
  (void)state;
  static const char *const sql[] = {
    "SELECT email FROM ortto_people LIMIT 1",
        "SELECT email FROM ortto_people WHERE id IN (SELECT id FROM ortto_people LIMIT 3)",
    "SELECT count(*) FROM ortto_people", "SELECT * FROM ortto_fields", "SELECT ortto_check()",
        "SELECT * FROM ortto_log",
    "SELECT * FROM ortto_no_such", "SELECT * FROM ortto_activities",
        "CREATE VIRTUAL TABLE x USING ortto(table=nothing)",
  };
  for(size_t i=0; i<sizeof sql/sizeof *sql; i++){
    sqlite3 *db = db_open(&sandbox);
    sql_run(db, sql[i]);
    db_close(db);
  }
  /* In the middle of a scan, with pages in flight. */
  server_do(&sandbox, "/sandbox/set", "{\"latency_ms\":100}");
  sqlite3 *db = db_open(&sandbox);
  sqlite3_stmt *stmt = NULL;
  assert_int_equal(sqlite3_prepare_v2(db, "SELECT email FROM ortto_people", -1, &stmt, NULL), SQLITE_OK);
  for(int i=0; i<501; i++) assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
  double began = now_ms();
  sqlite3_finalize(stmt);
  db_close(db);
  if( now_ms() - began > LATEST ) fail_msg("closing took %.0f ms", now_ms() - began);
  server_do(&sandbox, "/sandbox/set", "{\"latency_ms\":0}");
}

/* sqlite3_close_v2 leaves the connection to the statements that are open: a scan goes on to its end. */
static void test_close_v2(void **state){
  (void)state;
  sqlite3 *db = db_open(&sandbox);
  sqlite3_stmt *scan = NULL, *log = NULL;
  sql_must(db, "CREATE VIRTUAL TABLE p USING ortto(table=people)");
  assert_int_equal(sqlite3_prepare_v2(db, "SELECT email FROM p", -1, &scan, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_prepare_v2(db, "SELECT * FROM ortto_log", -1, &log, NULL), SQLITE_OK);
  for(int i=0; i<10; i++) assert_int_equal(sqlite3_step(scan), SQLITE_ROW);
  assert_int_equal(sqlite3_step(log), SQLITE_ROW);
  assert_int_equal(sqlite3_close_v2(db), SQLITE_OK);
  int rows = 10, rc;
  while( (rc = sqlite3_step(scan))==SQLITE_ROW ) rows++;
  assert_int_equal(rc, SQLITE_DONE);
  assert_in_range(rows, 2900, 3000);
  assert_int_equal(sqlite3_step(log), SQLITE_ROW);
  sqlite3_finalize(scan);
  sqlite3_finalize(log);
}

/* ---- limits --------------------------------------------------------------- */

static void stats_at_most(const char *name, double most, double least){
  char *stats = server_ask(&sandbox, "/sandbox/stats", NULL);
  double n = number_in(stats, name);
  free(stats);
  print_message("# %s: %.0f\n", name, n);
  if( n>most || n<least ) fail_msg("%s is %.0f, not from %.0f to %.0f", name, n, least, most);
}

/* `rate` counts over all tables and functions of a connection: 30 requests at 20 a second. */
static void test_rate(void **state){
  (void)state;
  sqlite3 *db = db_open(&sandbox);
  sql_must(db, "SELECT count(*) FROM pragma_table_info('ortto_people')");
  server_do(&sandbox, "/sandbox/forget", NULL);
  sql_must(db, "SELECT ortto_config('rate', 20)");
  double began = now_ms();
  sql_must(db, "SELECT email FROM ortto_people");                       /* 6 requests */
  sql_must(db, "CREATE TABLE ids AS SELECT id FROM ortto_people");      /* 6 */
  /* 15 */
  for(int i=0; i<3; i++)         /* 500 a statement: for more the whole list would be read */
    sql_must(db, "SELECT count(email) FROM ortto_people WHERE id IN (SELECT id FROM ids LIMIT 500)");
  sql_must(db, "SELECT count(*) FROM ortto_tags");
  sql_must(db, "SELECT ortto_check()");
  sql_must(db, "SELECT count(*) FROM ortto_accounts");
  double took = now_ms() - began;
  stats_at_most("max_per_second", 20, 10);
  if( server_count(&sandbox, NULL)<30 ) fail_msg("only %ld requests", server_count(&sandbox, NULL));
  if( took<500 ) fail_msg("30 requests at 20 a second took %.0f ms", took);
  db_close(db);
}

/* Never more in flight than `concurrency` says; and that many where it helps. */
static void test_concurrency(void **state){
  (void)state;
  static const int settings[] = { 1, 3, 8 };
  for(size_t i=0; i<sizeof settings/sizeof *settings; i++){
    char sql[100];
    sqlite3 *db = db_open(&sandbox);
    snprintf(sql, sizeof sql, "SELECT ortto_config('concurrency', %d)", settings[i]);
    sql_must(db, sql);
    sql_must(db, "SELECT count(*) FROM pragma_table_info('ortto_people')");
    server_do(&sandbox, "/sandbox/set", "{\"latency_ms\":25}");
    server_do(&sandbox, "/sandbox/forget", NULL);
    sql_must(db, "SELECT email FROM ortto_people");
    stats_at_most("max_in_flight", settings[i], settings[i]==1 ? 1 : 2);
    server_do(&sandbox, "/sandbox/set", "{\"latency_ms\":0}");
    db_close(db);
  }
}

/* The activity feed gets one request a second at most, whatever rate says; the server here would answer
** 429. */
static void test_feed_rate(void **state){
  (void)state;
  sqlite3 *db = db_open(&sandbox);
  sql_must(db, "CREATE TABLE ids AS SELECT id FROM ortto_people LIMIT 3");
  server_do(&sandbox, "/sandbox/forget", NULL);
  sql_must(db,
      "SELECT count(*) FROM ortto_activities WHERE person_id IN (SELECT id FROM ids LIMIT 2 OFFSET 1)");
  stats_at_most("max_per_second", 1, 1);
  db_close(db);
}

/* A server that allows less than `rate`: its 429 are waited for, and every row comes. */
static void test_server_limits(void **state){
  (void)state;
  sqlite3 *db = db_open(&sandbox);
  sql_must(db, "CREATE TABLE n AS SELECT count(*) AS n FROM (SELECT id FROM ortto_people)");
  sleep_ms(1000);                /* its window of one second is empty then */
  server_do(&sandbox, "/sandbox/set", "{\"rate\":4}");
  assert_sql(db,
      "SELECT count(*) = (SELECT n FROM n), count(DISTINCT email)>0 FROM (SELECT email FROM ortto_people)",
      "1");
  assert_sql(db, "SELECT count(*)>0 FROM ortto_log WHERE status = 429", "1");
  server_do(&sandbox, "/sandbox/set", "{\"rate\":0}");
  db_close(db);
}

/* ---- threads -------------------------------------------------------------- */

static void *work(void *ctx){
  int *rounds = ctx;
  for(int i=0; i<*rounds; i++){
    sqlite3 *db = db_open(&sandbox);
    assert_sql(db, "SELECT count(*)>2900 FROM (SELECT email FROM ortto_people)", "1");
    assert_sql(db, "SELECT count(*)>0 FROM ortto_accounts a JOIN ortto_people p ON p.account_id = a.id", "1");
    assert_sql(db, "SELECT ortto_check()", "ok");
    sql_run(db, "SELECT * FROM ortto_activities");
    db_close(db);
  }
  return NULL;
}

/* Each thread has its own connection; they share nothing, not even where both use the same key. */
static void test_two_threads(void **state){
  (void)state;
  pthread_t one, two;
  int rounds = 8;
  assert_int_equal(pthread_create(&one, NULL, work, &rounds), 0);
  assert_int_equal(pthread_create(&two, NULL, work, &rounds), 0);
  pthread_join(one, NULL);
  pthread_join(two, NULL);
}

/* An interrupt stops its own connection, not the neighbour's. */
static void test_interrupt_is_for_one(void **state){
  (void)state;
  sqlite3 *mine = db_open(&sandbox), *other = db_open(&sandbox);
  sql_must(mine, "SELECT count(*) FROM pragma_table_info('ortto_people')");
  server_do(&sandbox, "/sandbox/set", "{\"latency_ms\":50}");
  interruption it = { other, 60, 0 };
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, interrupt_later, &it), 0);
  assert_sql(mine, "SELECT count(*)>2900 FROM (SELECT email FROM ortto_people)", "1");
  pthread_join(thread, NULL);
  server_do(&sandbox, "/sandbox/set", "{\"latency_ms\":0}");
  db_close(mine);
  db_close(other);
}

int main(void){
#define TEST(f) cmocka_unit_test_setup(f, fresh)
  const struct CMUnitTest tests[] = {
    TEST(test_hanging_request), TEST(test_dripping_answer), TEST(test_hanging_page), TEST(test_function),
        TEST(test_rate_wait),
    TEST(test_feed_wait), TEST(test_429_wait), TEST(test_backoff), TEST(test_discovery),
        TEST(test_discovery_at_create),
    TEST(test_long_scan), TEST(test_in_a_transaction), TEST(test_interrupt_while_idle),
        TEST(test_close_at_once), TEST(test_close_v2), TEST(test_rate),
    TEST(test_concurrency), TEST(test_feed_rate), TEST(test_server_limits), TEST(test_two_threads),
        TEST(test_interrupt_is_for_one),
  };
  curl_global_init(CURL_GLOBAL_DEFAULT);
  return cmocka_run_group_tests_name("interrupt", tests, set_up, sandbox_stop);
}
