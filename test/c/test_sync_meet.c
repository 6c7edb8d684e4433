/*
** test_sync_meet.c - syncs that meet one another in one file, and a sync that is interrupted wherever it may
** wait: of several into one table exactly one goes on, the others say so at once, and none stands for ever;
** an interrupt ends each wait within 100 ms. And a program that runs the statement in a savepoint of its own.
*/
#define _GNU_SOURCE
#include "harness.h"
#include <pthread.h>

#define FILE_NAME "meet.db"
#define LATEST 250               /* ms after sqlite3_interrupt(): 100, and what a busy machine adds */

static int set_up(void **state){
  (void)state;
  server_start(&sandbox,
      "--people 1200 --no-archived --accounts 40 --custom 1 --account-custom 1 --date fake");
  return 0;
}

static int fresh(void **state){
  (void)state;
  server_do(&sandbox, "/sandbox/reset", NULL);
  server_do(&sandbox, "/sandbox/set", "{\"latency_ms\":0}");
  database_remove(FILE_NAME);
  return 0;
}

static sqlite3 *open_with(int timeout_ms){
  sqlite3 *db = NULL, *memory = db_open(&sandbox);
  const char *ext = getenv("EXT");
  char *why = NULL;
  db_close(memory);
  if( sqlite3_open(FILE_NAME, &db)!=SQLITE_OK ) fail_msg("sqlite3_open");
  sqlite3_enable_load_extension(db, 1);
  if( sqlite3_load_extension(db, ext ? ext : "./ortto.so", "sqlite3_ortto_init", &why)!=SQLITE_OK )
    fail_msg("%s", why);
  char *sql = sqlite3_mprintf("SELECT ortto_config('api_url', %Q), ortto_config('key', 'sandbox-key'), "
                              "ortto_config('rate', 0), ortto_config('retries', 0)", sandbox.url);
  sql_must(db, sql);
  sqlite3_free(sql);
  sqlite3_busy_timeout(db, timeout_ms);
  return db;
}

static sqlite3 *plain_open(void){
  sqlite3 *db;
  if( sqlite3_open(FILE_NAME, &db)!=SQLITE_OK ) fail_msg("sqlite3_open");
  return db;
}

static void journal_mode(const char *mode){
  sqlite3 *db = plain_open();
  char *sql = sqlite3_mprintf("PRAGMA journal_mode=%s", mode);
  assert_sql(db, sql, mode);
  sqlite3_free(sql);
  sql_must(db, "CREATE TABLE mine(x); INSERT INTO mine VALUES(1),(2)");
  db_close(db);
}

/* ---- syncs that meet -------------------------------------------------------------- */

typedef struct caller {
  const char *sql;
  int after_ms;
  char *said;
  double took;
} caller;

static void *call(void *ctx){
  caller *c = ctx;
  sqlite3 *db = open_with(5000);           /* for the lock of SQLite's own SELECT */
  sleep_ms(c->after_ms);
  double begin = now_ms();
  c->said = sql_text(db, c->sql);
  c->took = now_ms() - begin;
  db_close(db);
  return NULL;
}

/* All at work at the same time. How many went through. */
static int meet(caller *callers, int n){
  pthread_t thread[8];
  int well = 0;
  for(int i=0; i<n; i++)
    if( pthread_create(&thread[i], NULL, call, &callers[i])!=0 ) fail_msg("no thread");
  for(int i=0; i<n; i++) pthread_join(thread[i], NULL);
  for(int i=0; i<n; i++) well += strncmp(callers[i].said, "error", 5)!=0;
  return well;
}

static void callers_free(caller *callers, int n){
  for(int i=0; i<n; i++) sqlite3_free(callers[i].said);
}

#define ROWS(source, target) "SELECT group_concat(state) FROM ortto_sync('" source "','" target "')"
#define SCALAR(source, target) "SELECT ortto_sync('" source "','" target "') ->> 'state'"

/* Into one table: one goes on, and the others say at once that it does. */
static void into_one(const char *first, const char *second, const char *third, int apart_ms){
  caller c[] = { { first, 0, NULL, 0 }, { second, apart_ms, NULL, 0 }, { third, 2*apart_ms, NULL, 0 } };
  int well = meet(c, 3);
  for(int i=0; i<3; i++){
    if( strncmp(c[i].said, "error", 5)!=0 ) continue;
    if( strstr(c[i].said, "another sync into 'people' is at work")==NULL ) fail_msg("%d: %s", i, c[i].said);
    if( c[i].took>3000 ) fail_msg("%d: that took %.0f ms", i, c[i].took);
  }
  if( well!=1 ) fail_msg("%d went through: %s, %s, %s", well, c[0].said, c[1].said, c[2].said);
  callers_free(c, 3);
  sqlite3 *db = open_with(1000);
  assert_sql(db, "SELECT count(*) FROM people", "1200");
  assert_sql(db, SCALAR("ortto_people", "people"), "done");
  db_close(db);
}

static void all_into_one(const char *mode){
  static const char rows[] = ROWS("ortto_people", "people"), scalar[] = SCALAR("ortto_people", "people");
  for(int apart=0; apart<=120; apart+=40){
    fresh(NULL);
    journal_mode(mode);
    server_do(&sandbox, "/sandbox/set", "{\"latency_ms\":150}");
    into_one(rows, rows, rows, apart);
  }
  server_do(&sandbox, "/sandbox/set", "{\"latency_ms\":150}");
  into_one(scalar, rows, scalar, 30);
  into_one(rows, scalar, rows, 30);
}

static void test_one_table(void **state){
  (void)state;
  all_into_one("delete");
}

static void test_one_table_wal(void **state){
  (void)state;
  all_into_one("wal");
}

/* Into two tables of one file without WAL: the table form's read lock is in the way of the other's commit.
** One at least goes through, the other says what held it, and none stands for long. */
static void into_two(const char *first, const char *second, int apart_ms){
  caller c[] = { { first, 0, NULL, 0 }, { second, apart_ms, NULL, 0 } };
  fresh(NULL);
  journal_mode("delete");
  server_do(&sandbox, "/sandbox/set", "{\"latency_ms\":60}");
  int well = meet(c, 2);
  for(int i=0; i<2; i++){
    int failed = strncmp(c[i].said, "error", 5)==0;
    if( failed && strstr(c[i].said, "was locked for 5 s by")==NULL ) fail_msg("%s", c[i].said);
    if( c[i].took>12000 ) fail_msg("%s: that took %.0f ms", c[i].sql, c[i].took);
  }
  if( well<1 ) fail_msg("neither: %s, %s", c[0].said, c[1].said);
  callers_free(c, 2);
  sqlite3 *db = open_with(1000);
  sqlite3_free(sql_text(db, SCALAR("ortto_people", "a")));
  sqlite3_free(sql_text(db, SCALAR("ortto_accounts", "b")));
  assert_sql(db, "SELECT (SELECT count(*) FROM a)||' '||(SELECT count(*) FROM b)", "1200 40");
  db_close(db);
}

static void test_two_tables(void **state){
  (void)state;
  into_two(ROWS("ortto_people", "a"), ROWS("ortto_accounts", "b"), 0);
  into_two(ROWS("ortto_people", "a"), ROWS("ortto_accounts", "b"), 100);
}

static void test_two_tables_mixed(void **state){
  (void)state;
  into_two(SCALAR("ortto_people", "a"), ROWS("ortto_accounts", "b"), 20);
  into_two(ROWS("ortto_people", "a"), SCALAR("ortto_accounts", "b"), 20);
}

/* Who is done keeps nobody out, though his SELECT has not been read to its end. */
static void test_done_is_over(void **state){
  (void)state;
  sqlite3_stmt *stmt;
  journal_mode("wal");
  sqlite3 *a = open_with(1000), *b = open_with(1000);
  const char *sql = "SELECT state FROM ortto_sync('ortto_accounts','accounts')";
  assert_int_equal(sqlite3_prepare_v2(a, sql, -1, &stmt, NULL), SQLITE_OK);
  int rc, done = 0;
  while( !done && (rc = sqlite3_step(stmt))==SQLITE_ROW )
    done = strcmp((const char *)sqlite3_column_text(stmt, 0), "done")==0;
  assert_true(done);
  assert_sql(b, SCALAR("ortto_accounts", "accounts"), "done");
  sqlite3_finalize(stmt);
  db_close(b);
  db_close(a);
}

/* ---- a lock that goes ---------------------------------------------------------------- */

static void *commit_later(void *db){
  sleep_ms(1500);
  sql_must(db, "COMMIT");
  return NULL;
}

/* Without a busy timeout, too, a neighbour that writes is waited for: in a transaction of the user's, and
** where the schema could not be read yet. */
static void neighbour_leaves(const char *begin, const char *before, const char *sql, const char *wanted){
  pthread_t thread;
  fresh(NULL);
  journal_mode("delete");
  sqlite3 *db = open_with(0), *other = plain_open();
  sql_must(db, before);
  sql_must(other, begin);
  if( pthread_create(&thread, NULL, commit_later, other)!=0 ) fail_msg("no thread");
  assert_sql(db, sql, wanted);
  pthread_join(thread, NULL);
  if( !sqlite3_get_autocommit(db) ) sql_must(db, "COMMIT");
  assert_sql(db, "SELECT count(*) FROM accounts", "40");
  db_close(other);
  db_close(db);
}

static void test_neighbour_leaves(void **state){
  (void)state;
  neighbour_leaves("BEGIN IMMEDIATE", "BEGIN", SCALAR("ortto_accounts", "accounts"), "done");
  neighbour_leaves("BEGIN EXCLUSIVE", "BEGIN", SCALAR("ortto_accounts", "accounts"), "done");
  neighbour_leaves("BEGIN EXCLUSIVE", "SELECT 1", SCALAR("ortto_accounts", "accounts"), "done");
  neighbour_leaves("BEGIN EXCLUSIVE", "SELECT * FROM mine", SCALAR("ortto_accounts", "accounts"), "done");
  neighbour_leaves("BEGIN EXCLUSIVE", "SELECT 1", SCALAR("accounts", "accounts"), "done");
}

/* ---- interrupts ---------------------------------------------------------------------- */

static void must_interrupt(const char *what, sqlite3 *db, const char *sql, int after_ms){
  interruption it = { db, after_ms, 0 };
  pthread_t thread;
  if( pthread_create(&thread, NULL, interrupt_later, &it)!=0 ) fail_msg("no thread");
  char *got = sql_text(db, sql);
  double over = now_ms();
  pthread_join(thread, NULL);
  if( strncmp(got, "error 9: ", 9)!=0 || strstr(got, "interrupted")==NULL ) fail_msg("%s: %s", what, got);
  print_message("# %s: %.0f ms after sqlite3_interrupt()\n", what, over - it.at);
  if( over - it.at > LATEST ) fail_msg("%s: took %.0f ms", what, over - it.at);
  sqlite3_free(got);
  if( !sqlite3_get_autocommit(db) ) fail_msg("%s: a transaction is open", what);
}

static const char *const forms[] = { SCALAR("ortto_accounts", "accounts"),
                                     ROWS("ortto_accounts", "accounts") };
static const char *const modes[] = { "delete", "wal" };

/* In each form and mode; begin: what a neighbour has under way, NULL nothing. */
static void interrupted_in(const char *what, const char *fault, const char *begin){
  for(int i=0; i<4; i++){
    char name[100];
    fresh(NULL);
    journal_mode(modes[i/2]);
    sqlite3 *db = open_with(60000), *other = plain_open();
    sqlite3_stmt *reading = NULL;
    sql_must(db, "SELECT * FROM mine");
    snprintf(name, sizeof name, "%s, %s, %s", what, modes[i/2], i%2 ? "table" : "function");
    if( fault ) server_do(&sandbox, "/sandbox/fault", fault);
    if( begin && strncmp(begin, "SELECT", 6)==0 ){
      assert_int_equal(sqlite3_prepare_v2(other, begin, -1, &reading, NULL), SQLITE_OK);
      assert_int_equal(sqlite3_step(reading), SQLITE_ROW);
    }else if( begin ) sql_must(other, begin);
    /* In WAL mode a reader is in nobody's way. */
    if( reading==NULL || i/2==0 ) must_interrupt(name, db, forms[i%2], 600);
    sqlite3_finalize(reading);
    if( begin && reading==NULL ) sql_must(other, "ROLLBACK");
    server_do(&sandbox, "/sandbox/clear", NULL);
    assert_sql(db, forms[0], "done");
    db_close(other);
    db_close(db);
  }
}

static void test_interrupt_request(void **state){
  (void)state;
  interrupted_in("the request of a page",
                 "{\"kind\":\"hang\",\"path\":\"/v1/accounts/get\",\"times\":-1}", NULL);
}

static void test_interrupt_writer(void **state){
  (void)state;
  interrupted_in("a neighbour that writes", NULL, "BEGIN IMMEDIATE; INSERT INTO mine VALUES(3)");
}

static void test_interrupt_reader(void **state){
  (void)state;
  interrupted_in("a neighbour that reads", NULL, "SELECT x FROM mine");
}

/* SQLite writes pages of a large transaction before its end, and waits for readers to do so. */
static void test_interrupt_spill(void **state){
  (void)state;
  sqlite3_stmt *reading;
  journal_mode("delete");
  sqlite3 *db = open_with(60000), *other = plain_open();
  assert_sql(db, SCALAR("ortto_people", "people"), "done");
  sql_must(db, "PRAGMA cache_size=5; UPDATE people SET email='x'||email");
  server_do(&sandbox, "/sandbox/people", "{\"edit\":1000,\"step\":1}");
  assert_int_equal(sqlite3_prepare_v2(other, "SELECT x FROM mine", -1, &reading, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_step(reading), SQLITE_ROW);
  must_interrupt("a page that spills", db, SCALAR("ortto_people", "people"), 1500);
  sqlite3_finalize(reading);
  assert_sql(db, SCALAR("ortto_people", "people"), "done");
  db_close(other);
  db_close(db);
}

/* ---- a program with a savepoint of its own --------------------------------------------- */

/* As DB Browser for SQLite does it: a savepoint, the statement stepped up to four times, and at the end
** nothing is kept. Each result says so, as those who read it must not take `done` for more than it is. */
static void as_a_browser(const char *sql, const char *message){
  sqlite3_stmt *stmt;
  journal_mode("wal");
  sqlite3 *db = open_with(1000), *other = plain_open();
  sql_must(db, "SAVEPOINT \"RESTOREPOINT\"");
  for(int run=0; run<4; run++){
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    for(int again=0; again<4; again++){
      const char *said = "", *text;
      int rc;
      while( (rc = sqlite3_step(stmt))==SQLITE_ROW ){
        text = (const char *)sqlite3_column_text(stmt, 0);
        said = text ? text : "NULL";
        if( strstr(said, message) ) break;
      }
      if( rc!=SQLITE_ROW ) fail_msg("run %d, %d: %d %s: %s", run, again, rc, sqlite3_errmsg(db), said);
      sqlite3_reset(stmt);
    }
    sqlite3_finalize(stmt);
  }
  assert_sql(db, "SELECT count(*) FROM accounts", "40");
  assert_sql(other, "SELECT count(*) FROM sqlite_schema WHERE name='accounts'", "0");
  sql_must(db, "ROLLBACK TO \"RESTOREPOINT\"; RELEASE \"RESTOREPOINT\"");
  assert_sql(db, "SELECT count(*) FROM sqlite_schema WHERE name='accounts'", "0");
  db_close(other);
  db_close(db);
}

#define NOT_COMMITTED "in your transaction: it stands once that is committed"

static void test_browser(void **state){
  (void)state;
  as_a_browser("SELECT ortto_sync('ortto_accounts','accounts')", "\"state\":\"done\"");
  fresh(NULL);
  as_a_browser("SELECT ortto_sync('ortto_accounts','accounts')", "\"message\":\"" NOT_COMMITTED);
}

static void test_browser_rows(void **state){
  (void)state;
  as_a_browser("SELECT state||': '||coalesce(message,'') FROM ortto_sync('ortto_accounts','accounts')",
               "done: " NOT_COMMITTED);
}

#define TEST(f) cmocka_unit_test_setup(f, fresh)

int main(void){
  const struct CMUnitTest tests[] = {
    TEST(test_one_table), TEST(test_one_table_wal), TEST(test_two_tables), TEST(test_two_tables_mixed),
    TEST(test_done_is_over), TEST(test_neighbour_leaves),
    TEST(test_interrupt_request), TEST(test_interrupt_writer), TEST(test_interrupt_reader),
    TEST(test_interrupt_spill),
    TEST(test_browser), TEST(test_browser_rows),
  };
  return cmocka_run_group_tests(tests, set_up, sandbox_stop);
}
