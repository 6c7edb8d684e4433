/*
** test_held.c - rows that are held back, and what is left of them when memory or the disk runs out.
*/
#define _GNU_SOURCE
#include "harness.h"

#include <sys/resource.h>

/* ---- helpers ------------------------------------------------------------- */

static sqlite3_mem_methods real;
static long allocations, fail_at, fail_times;   /* fail_at 0: none fails */

static int is_failing(void){
  allocations++;
  return fail_at && allocations>=fail_at && allocations<fail_at+fail_times;
}

static void *failing_malloc(int n){
  return is_failing() ? NULL : real.xMalloc(n);
}

static void *failing_realloc(void *p, int n){
  return is_failing() ? NULL : real.xRealloc(p, n);
}

static void fail_from(long at, long times){
  allocations = 0;
  fail_at = at;
  fail_times = times;
}

static sqlite3 *quick_open(const server *s){
  sqlite3 *db = db_open(s);
  sql_must(db, "SELECT ortto_config('retries', 0)");
  return db;
}

/* No file may grow beyond that size; 0: as it was. */
static void disk_limit(rlim_t most){
  static struct rlimit was;
  static int known;
  signal(SIGXFSZ, SIG_IGN);
  if( !known ) getrlimit(RLIMIT_FSIZE, &was);
  known = 1;
  struct rlimit now = was;
  if( most ) now.rlim_cur = most;
  setrlimit(RLIMIT_FSIZE, &now);
}

static long sends(const server *s){
  return server_count(s, "/v1/person/merge") + server_count(s, "/v1/person/archive");
}

static long number(sqlite3 *db, const char *sql){
  char *got = sql_text(db, sql);
  long n = strtol(got, NULL, 10);
  if( strncmp(got, "error", 5)==0 ) fail_msg("%s: %s", sql, got);
  sqlite3_free(got);
  return n;
}

static void assert_in(const char *text, const char *part){
  if( strstr(text, part)==NULL ) fail_msg("'%s' is not in: %s", part, text);
}

#define ARRIVED "SELECT count(*) FROM ortto_people WHERE email LIKE '%@t.example'"
#define LARGE "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT 6000) " \
  "INSERT INTO ortto_people(email, notes) SELECT 'l' || i || '@t.example', printf('%.3000c', 'x') FROM n"
#define OUTBOX "CREATE TABLE outbox(email); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n " \
  "LIMIT 500) INSERT INTO outbox SELECT 'o' || i || '@t.example' FROM n"

/* ---- a full disk ----------------------------------------------------------- */

/* A large statement fails, and takes the rows of those before it along: COMMIT does not succeed. */
static void test_full_statement(void **state){
  (void)state;
  server s;
  server_start(&s, "--people 5");
  sqlite3 *db = quick_open(&s);
  sql_must(db, OUTBOX);
  for(int savepoint=0; savepoint<2; savepoint++){
    sql_must(db, "BEGIN; INSERT INTO ortto_people(email) SELECT email FROM outbox");
    if( savepoint ) sql_must(db, "SAVEPOINT s");
    disk_limit(5000000);
    int rc = sql_run(db, LARGE);
    disk_limit(0);
    assert_int_not_equal(rc, SQLITE_OK);
    assert_in(sqlite3_errmsg(db), "cannot hold the row back");
    assert_in(sqlite3_errmsg(db), "SQLITE_TMPDIR");
    if( savepoint ) sql_must(db, "ROLLBACK TO s");
    sql_must(db, "DELETE FROM outbox");
    assert_int_equal(sql_run(db, "INSERT INTO ortto_people(email) VALUES('late@t.example')"), SQLITE_ERROR);
    assert_in(sqlite3_errmsg(db), "lost");
    assert_int_equal(sql_run(db, "COMMIT"), SQLITE_ERROR);
    assert_in(sqlite3_errmsg(db), "lost");
    assert_true(sqlite3_get_autocommit(db));
    assert_int_equal(sends(&s), 0);
    assert_sql(db, "SELECT count(*) FROM outbox", "500");
  }
  /* A table that is dropped does not take the loss along. */
  sql_must(db, "CREATE VIRTUAL TABLE temp.p USING ortto(table=people); BEGIN; INSERT INTO p(email) SELECT "
               "email FROM outbox");
  disk_limit(5000000);
  assert_int_not_equal(sql_run(db, "INSERT INTO p(email, notes) SELECT a.email, printf('%.3000c', 'x') FROM "
                                   "outbox a, (SELECT 1 FROM outbox LIMIT 20)"), SQLITE_OK);
  disk_limit(0);
  sql_must(db, "DELETE FROM outbox");
  assert_int_not_equal(sql_run(db, "DROP TABLE p"), SQLITE_OK);
  assert_int_equal(sql_run(db, "COMMIT"), SQLITE_ERROR);
  assert_sql(db, "SELECT count(*) FROM outbox", "500");
  /* With room for all the same goes through. */
  sql_must(db, "BEGIN; INSERT INTO ortto_people(email) SELECT email FROM outbox; DELETE FROM outbox; COMMIT");
  assert_sql(db, ARRIVED, "500");
  db_close(db);
  server_stop(&s);
}

/* Row by row, by a program that looks at COMMIT only. */
static void test_full_rows(void **state){
  (void)state;
  server s;
  int failed = 0;
  server_start(&s, "--people 5");
  sqlite3 *db = quick_open(&s);
  sql_must(db, "BEGIN");
  disk_limit(5000000);
  for(int i=0; i<4000; i++){
    char *sql = sqlite3_mprintf("INSERT INTO ortto_people(email, notes) VALUES('r%d@t.example', "
                                "printf('%%.3000c', 'x'))", i);
    failed += sql_run(db, sql)!=SQLITE_OK;
    sqlite3_free(sql);
  }
  disk_limit(0);
  assert_true(failed>0);
  assert_int_equal(sql_run(db, "COMMIT"), SQLITE_ERROR);
  assert_int_equal(sends(&s), 0);
  assert_sql(db, "SELECT count(*) FROM ortto_failures", "0");
  /* What is left of it does not travel with the next transaction. */
  sql_must(db, "INSERT INTO ortto_people(email) VALUES('next@t.example')");
  assert_sql(db, ARRIVED, "1");
  db_close(db);
  server_stop(&s);
}

/* Failures that cannot be listed: the message says so, and sending stops. */
static void test_full_failures(void **state){
  (void)state;
  server s;
  server_start(&s, "--people 5");
  sqlite3 *db = quick_open(&s);
  sql_must(db, "BEGIN; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT 3000) "
               "INSERT INTO ortto_people(email, notes) SELECT 'f' || i || '@t.example', "
               "printf('%.3000c', 'x') FROM n");
  server_do(&s, "/sandbox/fault",
            "{\"kind\":\"status\",\"status\":503,\"path\":\"/v1/person/merge\",\"times\":-1}");
  disk_limit(14000000);
  int rc = sql_run(db, "COMMIT");
  disk_limit(0);
  assert_int_equal(rc, SQLITE_ERROR);
  assert_in(sqlite3_errmsg(db), "but for some");
  assert_in(sqlite3_errmsg(db), "0 records were taken, 3000 were not");
  assert_true(number(db, "SELECT count(*) FROM ortto_failures")<3000);
  db_close(db);
  server_stop(&s);
}

/* ---- a failed allocation --------------------------------------------------- */

/* Any one of a COMMIT: it succeeds and all arrived, or it fails, the local rows are back, and each row
** arrived or is listed, or the message says that some are not. */
static void test_nomem_commit(void **state){
  (void)state;
  server s;
  long n = 1, failures = 0;
  server_start(&s, "--people 20 --no-archived");
  sqlite3 *db = quick_open(&s);
  sql_must(db, "CREATE TABLE outbox(email); INSERT INTO outbox VALUES('a@t.example'), ('b@t.example'), "
               "('c@t.example'); CREATE TEMP TABLE one AS SELECT max(id) AS id FROM ortto_people");
  for(int done=0; !done && n<6000; n += n<600 ? 1 : 7){
    server_do(&s, "/sandbox/reset", NULL);
    sql_must(db, "BEGIN; INSERT INTO ortto_people(email) SELECT email FROM outbox; "
                 "UPDATE ortto_people SET tags='[\"new\"]' WHERE id=(SELECT id FROM one); "
                 "DELETE FROM outbox");
    fail_from(n, 1);
    int rc = sql_run(db, "COMMIT");
    done = allocations<n;
    fail_from(0, 0);
    char *said = sqlite3_mprintf("%s", sqlite3_errmsg(db));
    long arrived = number(db, ARRIVED);
    long listed = number(db, "SELECT count(*) FROM ortto_failures WHERE email LIKE '%@t.example' AND email "
                             "NOT IN (SELECT email FROM ortto_people WHERE email LIKE '%@t.example')");
    if( rc==SQLITE_OK ){
      if( arrived!=3 || number(db, "SELECT count(*) FROM ortto_people WHERE tags='[\"new\"]'")!=1 )
        fail_msg("allocation %ld: COMMIT succeeded, and %ld of 3 arrived", n, arrived);
      sql_must(db, "INSERT INTO outbox VALUES('a@t.example'), ('b@t.example'), ('c@t.example')");
    }else{
      failures++;
      if( !sqlite3_get_autocommit(db) ) sql_must(db, "ROLLBACK");
      int open = rc==SQLITE_NOMEM || strstr(said, "but for some") || strstr(said, "before anything");
      if( number(db, "SELECT count(*) FROM outbox")!=3 ){       /* SQLite had committed before */
        if( arrived!=3 ) fail_msg("allocation %ld: the outbox is empty, %ld arrived: %s", n, arrived, said);
        sql_must(db, "INSERT INTO outbox VALUES('a@t.example'), ('b@t.example'), ('c@t.example')");
      }
      if( arrived+listed!=3 && !open )
        fail_msg("allocation %ld: %ld arrived, %ld are listed, of 3: %s", n, arrived, listed, said);
    }
    sqlite3_free(said);
    sql_must(db, "DELETE FROM ortto_failures");
  }
  assert_true(failures>20);
  /* Nothing of all that stays. */
  server_do(&s, "/sandbox/reset", NULL);
  sql_must(db, "INSERT INTO ortto_people(email) VALUES('last@t.example')");
  assert_sql(db, ARRIVED, "1");
  db_close(db);
  server_stop(&s);
}

/* A savepoint, or a statement's own, that cannot be made takes nothing along that was held back before. */
static void test_nomem_savepoint(void **state){
  (void)state;
  static const char *const words[] = {
    "SAVEPOINT x", "INSERT INTO ortto_people(email) VALUES('b@t.example'), ('c@t.example')",
    "UPDATE ortto_people SET city='Oslo' WHERE id IN (SELECT id FROM few)",
  };
  server s;
  server_start(&s, "--people 5 --no-archived");
  sqlite3 *db = quick_open(&s);
  sql_must(db, "CREATE TEMP TABLE few AS SELECT id FROM ortto_people");
  int commits = 0;
  for(size_t word=0; word<3; word++) for(int depth=5; depth<10; depth++) for(long n=1; n<40; n++){
    if( word==2 && n>12 && depth!=8 ) continue;
    sqlite3_stmt *stmt = NULL;
    sql_must(db, "BEGIN; INSERT INTO ortto_people(email) VALUES('a@t.example')");
    for(int i=0; i<depth; i++) sql_must(db, "SAVEPOINT s");
    assert_int_equal(sqlite3_prepare_v2(db, words[word], -1, &stmt, NULL), SQLITE_OK);
    fail_from(n, 1);
    int rc = sqlite3_step(stmt);
    fail_from(0, 0);
    sqlite3_finalize(stmt);
    if( sqlite3_get_autocommit(db) ) continue;
    if( sql_run(db, "COMMIT")!=SQLITE_OK ) continue;
    commits++;
    long more = number(db, "SELECT count(*) FROM ortto_people WHERE email IN ('b@t.example', 'c@t.example')");
    if( word==1 && (more==1 || (rc==SQLITE_DONE && more!=2)) ) fail_msg("allocation %ld: %ld rows", n, more);
    assert_int_equal(number(db, "SELECT count(*) FROM ortto_people WHERE email='a@t.example'"), 1);
    server_do(&s, "/sandbox/reset", NULL);
  }
  assert_true(commits>50);
  db_close(db);
  server_stop(&s);
}

/* Without memory for a text in another encoding the row fails: nothing of it is taken for NULL. */
static void test_nomem_text(void **state){
  (void)state;
  server s;
  int done = 0;
  server_start(&s, "--people 5 --no-archived");
  sqlite3 *db = NULL;
  sqlite3 *first = quick_open(&s);
  char *id = sql_text(first, "SELECT max(id) FROM ortto_people");
  db_close(first);
  db = quick_open(&s);
  sql_must(db, "PRAGMA encoding='UTF-16le'; CREATE TABLE t(id, email, tags)");
  char *sql = sqlite3_mprintf("INSERT INTO t VALUES(%Q, 'a@t.example', '[\"x\"]')", id);
  sql_must(db, sql);
  sqlite3_free(sql);
  sqlite3_free(id);
  for(long n=1; n<200; n++){
    static const char *const words[] = {
      "INSERT INTO ortto_people(id, email, tags) SELECT id, email, tags FROM t",
      "UPDATE ortto_people SET email=(SELECT email FROM t), tags=(SELECT tags FROM t) "
      "WHERE id=(SELECT id FROM t)",
    };
    for(int word=0; word<2; word++){
      sqlite3_stmt *stmt = NULL;
      sql_must(db, "BEGIN");
      assert_int_equal(sqlite3_prepare_v2(db, words[word], -1, &stmt, NULL), SQLITE_OK);
      fail_from(n, 1);
      int rc = sqlite3_step(stmt);
      fail_from(0, 0);
      sqlite3_finalize(stmt);
      if( rc==SQLITE_CONSTRAINT ) fail_msg("allocation %ld: called a refusal: %s", n, sqlite3_errmsg(db));
      if( rc==SQLITE_DONE ){
        done++;
        assert_sql(db, "SELECT count(*) FROM ortto_pending, t WHERE ortto_pending.id=t.id AND changes LIKE "
                       "'%a@t.example%[\"x\"]%'", "1");
      }
      if( !sqlite3_get_autocommit(db) ) sql_must(db, "ROLLBACK");
    }
  }
  assert_true(done>2);
  db_close(db);
  server_stop(&s);
}

/* ---- ortto_failures in a transaction ---------------------------------------- */

static void test_failures_deleted(void **state){
  (void)state;
  server s;
  server_start(&s, "--people 5");
  sqlite3 *db = quick_open(&s);
#define FAIL "INSERT INTO ortto_people(id, city) VALUES('00690000000000000000ab00', 'Oslo')"
#define LEFT "SELECT count(*) FROM ortto_failures"
  assert_int_equal(sql_run(db, FAIL), SQLITE_ERROR);
  assert_int_equal(sql_run(db, FAIL), SQLITE_ERROR);
  sql_must(db, "BEGIN; DELETE FROM ortto_failures");
  assert_sql(db, LEFT, "0");
  sql_must(db, "ROLLBACK");
  assert_sql(db, LEFT, "2");
  /* Savepoints, older than the first deletion and younger. */
  sql_must(db, "BEGIN; SAVEPOINT s; DELETE FROM ortto_failures WHERE rowid=1; SAVEPOINT t; "
               "DELETE FROM ortto_failures");
  assert_sql(db, LEFT, "0");
  sql_must(db, "ROLLBACK TO t");
  assert_sql(db, LEFT, "1");
  sql_must(db, "ROLLBACK TO s");
  assert_sql(db, LEFT, "2");
  sql_must(db, "COMMIT");
  assert_sql(db, LEFT, "2");
  /* With rows held back, which are not taken. */
  sql_must(db, "BEGIN; DELETE FROM ortto_failures;" FAIL);
  assert_int_equal(sql_run(db, "COMMIT"), SQLITE_ERROR);
  assert_sql(db, LEFT, "3");
  sql_must(db, "BEGIN;" FAIL "; DELETE FROM ortto_failures; ROLLBACK");
  assert_sql(db, LEFT, "3");
  /* A statement that fails in its middle. */
  sql_must(db, "CREATE TABLE once(a UNIQUE); INSERT INTO once VALUES(1)");
  sql_must(db, "BEGIN; SAVEPOINT s; DELETE FROM ortto_failures WHERE rowid<3; RELEASE s; "
               "INSERT INTO ortto_people(email) VALUES('a@t.example'); COMMIT");
  assert_sql(db, LEFT, "1");
  sql_must(db, "DELETE FROM ortto_failures");
  assert_sql(db, LEFT, "0");
  assert_int_equal(sql_run(db, FAIL), SQLITE_ERROR);
  assert_sql(db, LEFT, "1");
  db_close(db);
  server_stop(&s);
}

/* A deletion that SQLite took back by itself does not commit. */
static void test_failures_full(void **state){
  (void)state;
  server s;
  server_start(&s, "--people 5");
  sqlite3 *db = quick_open(&s);
  assert_int_equal(sql_run(db, FAIL), SQLITE_ERROR);
  sql_must(db, "CREATE TABLE t(a); BEGIN; INSERT INTO t VALUES(1); DELETE FROM ortto_failures");
  disk_limit(5000000);
  assert_int_not_equal(sql_run(db, LARGE), SQLITE_OK);
  disk_limit(0);
  assert_int_equal(sql_run(db, "COMMIT"), SQLITE_ERROR);
  assert_sql(db, LEFT, "1");
  assert_sql(db, "SELECT count(*) FROM t", "0");
  db_close(db);
  server_stop(&s);
}

int main(void){
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_full_statement),
    cmocka_unit_test(test_full_rows),
    cmocka_unit_test(test_full_failures),
    cmocka_unit_test(test_nomem_commit),
    cmocka_unit_test(test_nomem_savepoint),
    cmocka_unit_test(test_nomem_text),
    cmocka_unit_test(test_failures_deleted),
    cmocka_unit_test(test_failures_full),
  };
  sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real);
  sqlite3_mem_methods failing = real;
  failing.xMalloc = failing_malloc;
  failing.xRealloc = failing_realloc;
  sqlite3_config(SQLITE_CONFIG_MALLOC, &failing);
  sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);    /* small ones too go through failing_malloc */
  return cmocka_run_group_tests(tests, NULL, NULL);
}
