/*
** A call acts once in a run of its statement, also where SQLite begins that anew in the middle: a statement
** that a host keeps prepared reads another account than it was prepared for.
*/
#define _GNU_SOURCE
#include "harness.h"
#include <sys/resource.h>

static server first, second;

static int set_up(void **state){
  (void)state;
  server_start(&first, "--people 20 --accounts 3");
  server_start(&second, "--people 30 --accounts 3 --custom 5");
  return 0;
}

static int tear_down(void **state){
  (void)state;
  server_stop(&first);
  server_stop(&second);
  return 0;
}

static void move(sqlite3 *db, const server *to){
  char *sql = sqlite3_mprintf("SELECT ortto_config('api_url', %Q)", to->url);
  sql_must(db, sql);
  sqlite3_free(sql);
  server_do(to, "/sandbox/forget", NULL);
}

/* Runs it once more; the text in column 0. */
static char *run(sqlite3 *db, sqlite3_stmt *stmt){
  int rc = sqlite3_step(stmt);
  if( rc!=SQLITE_ROW ) fail_msg("step: %d %s", rc, sqlite3_errmsg(db));
  char *got = sqlite3_mprintf("%s", sqlite3_column_text(stmt, 0));
  while( rc==SQLITE_ROW ) rc = sqlite3_step(stmt);
  assert_int_equal(rc, SQLITE_DONE);
  sqlite3_reset(stmt);
  return got;
}

static sqlite3_stmt *prepared(sqlite3 *db, const char *sql){
  sqlite3_stmt *stmt;
  if( sqlite3_prepare_v2(db, sql, -1, &stmt, NULL)!=SQLITE_OK ) fail_msg("%s: %s", sql, sqlite3_errmsg(db));
  return stmt;
}

#define TRACK "ortto_track('{\"user_id\":\"a\",\"event\":\"Song Played\"}')"
#define TRACKED "/v1/activities/create"

static void test_another_account(void **state){
  (void)state;
  sqlite3 *db = db_open(&first);
  sqlite3_stmt *stmt = prepared(db, "SELECT " TRACK "->>'repeated', (SELECT count(*) FROM ortto_people)");
  sqlite3_free(run(db, stmt));
  for(int i=0; i<2; i++){
    const server *to = i%2 ? &first : &second;
    move(db, to);
    sleep_ms(2100);                  /* or it is a repetition indeed */
    char *got = run(db, stmt);
    assert_string_equal(got, "");    /* NULL */
    sqlite3_free(got);
    assert_int_equal(server_count(to, TRACKED), 1);
  }
  sqlite3_finalize(stmt);
  db_close(db);
}

/* Rows that it has returned it does not return again: then it is an error, and the next run is right. */
static void test_behind_rows(void **state){
  (void)state;
  sqlite3 *db = db_open(&first);
  sqlite3_stmt *stmt = prepared(db,
    "SELECT 'mine' UNION ALL SELECT * FROM (SELECT count(email) FROM ortto_people)");
  sqlite3_free(run(db, stmt));
  move(db, &second);
  assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
  assert_int_equal(sqlite3_step(stmt), SQLITE_ERROR);
  if( strstr(sqlite3_errmsg(db), "run it again")==NULL ) fail_msg("%s", sqlite3_errmsg(db));
  sqlite3_reset(stmt);
  char *got = run(db, stmt);
  assert_string_equal(got, "mine");
  sqlite3_free(got);
  sqlite3_finalize(stmt);
  db_close(db);
}

/* Another run is another call; so is another statement's. */
static void test_each_run(void **state){
  (void)state;
  sqlite3 *db = db_open(&first);
  sqlite3_stmt *stmt = prepared(db, "SELECT " TRACK ", (SELECT count(*) FROM ortto_people)");
  sqlite3_free(run(db, stmt));
  move(db, &second);
  sqlite3_free(run(db, stmt));
  sqlite3_free(run(db, stmt));
  sql_must(db, "SELECT " TRACK);
  assert_int_equal(server_count(&second, TRACKED), 3);
  sqlite3_finalize(stmt);
  db_close(db);
}

/* It could not be begun anew: what it did is not what the next run does. */
static void test_not_begun_anew(void **state){
  (void)state;
  sqlite3 *db = db_open(&first);
  sql_must(db, "SELECT ortto_config('retries', 0)");
  sqlite3_stmt *stmt = prepared(db, "SELECT " TRACK ", (SELECT count(*) FROM ortto_accounts)");
  sqlite3_free(run(db, stmt));
  move(db, &second);
  server_do(&second, "/sandbox/fault",
            "{\"kind\":\"status\",\"status\":503,\"times\":-1,\"path\":\"/v1/accounts/custom-field/get\"}");
  assert_int_equal(sqlite3_step(stmt), SQLITE_ERROR);
  sqlite3_reset(stmt);
  server_do(&second, "/sandbox/clear", NULL);
  sql_must(db, "SELECT " TRACK);
  assert_int_equal(server_count(&second, TRACKED), 2);
  sqlite3_free(run(db, stmt));
  assert_int_equal(server_count(&second, TRACKED), 3);
  move(db, &first);
  sqlite3_finalize(stmt);
  db_close(db);
}

/* Rows that one statement acts for, all of them before it reads. */
static void test_many_rows(void **state){
  (void)state;
  sqlite3 *db = db_open(&first);
  sqlite3_stmt *stmt = prepared(db,
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<5),"
    " t AS MATERIALIZED (SELECT i,"
    "   ortto_upsert(json_object('fields', json_object('email', i||'@example.com'))) AS r FROM n ORDER BY i)"
    " SELECT group_concat(r->>'status', ' '), (SELECT count(email) FROM ortto_people) FROM t");
  sqlite3_free(run(db, stmt));
  move(db, &second);
  char *got = run(db, stmt);
  assert_string_equal(got, "200 200 200 200 200");
  sqlite3_free(got);
  assert_int_equal(server_count(&second, "/v1/person/merge"), 5);
  sqlite3_finalize(stmt);
  db_close(db);
}

/* SQLite evaluates it twice a row, and what it gave is too much for memory while no file may grow: that is
** said, and nothing acts twice. */
static void test_not_remembered(void **state){
  (void)state;
  struct rlimit before, none;
  sqlite3 *db = db_open(&first);
  sql_must(db, "CREATE TABLE t AS "
               "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<20000) "
               "SELECT json_group_array(json_object('user_id', i, 'event', 'Song Played')) AS called FROM n "
               "GROUP BY i/100");
  sqlite3_stmt *stmt = prepared(db, "SELECT r, r FROM (SELECT ortto_track(called) AS r FROM t)");
  server_do(&first, "/sandbox/forget", NULL);
  signal(SIGXFSZ, SIG_IGN);
  getrlimit(RLIMIT_FSIZE, &before);
  none = before;
  none.rlim_cur = 0;
  setrlimit(RLIMIT_FSIZE, &none);
  long rows = 0;
  int rc;
  while( (rc = sqlite3_step(stmt))==SQLITE_ROW ) rows++;
  setrlimit(RLIMIT_FSIZE, &before);
  if( rc!=SQLITE_IOERR && rc!=SQLITE_FULL ) fail_msg("after %ld rows %d: %s", rows, rc, sqlite3_errmsg(db));
  assert_int_equal(server_count(&first, TRACKED), rows + 1);
  sqlite3_finalize(stmt);
  db_close(db);
}

int main(void){
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_another_account), cmocka_unit_test(test_behind_rows),
    cmocka_unit_test(test_each_run),
    cmocka_unit_test(test_not_begun_anew), cmocka_unit_test(test_many_rows),
    cmocka_unit_test(test_not_remembered),
  };
  curl_global_init(CURL_GLOBAL_DEFAULT);
  return cmocka_run_group_tests_name("once", tests, set_up, tear_down);
}
