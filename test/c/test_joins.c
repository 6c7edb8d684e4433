/*
** test_joins.c - tables that a statement asks again: how many requests that takes, that nothing is remembered
** beyond one run, and that whatever goes wrong in the middle is an error, never a shorter answer.
**
** 3,000 people are 6 pages: so a look-up per key pays up to 6 times, and a table costs 13 requests at most.
*/
#define _GNU_SOURCE
#include "harness.h"
#include <pthread.h>

static sqlite3 *db;

static int set_up(void **state){
  (void)state;
  server_start(&sandbox, "--people 3000 --accounts 40 --no-archived");
  return 0;
}

/* l has a row for every tenth of the first 2,000 people, and some that are nobody's. */
static int fresh(void **state){
  (void)state;
  server_do(&sandbox, "/sandbox/reset", NULL);
  server_do(&sandbox, "/sandbox/set", "{\"latency_ms\":0,\"rate\":0}");
  server_do(&sandbox, "/sandbox/clear", NULL);
  db = db_open(&sandbox);
  sql_must(db, "SELECT ortto_config('retries', 0)");
  sql_must(db, "CREATE TABLE people AS SELECT id, email, city, seats, first_name FROM ortto_people");
  sql_must(db, "CREATE TABLE l AS SELECT id, email, city, seats FROM (SELECT row_number() OVER (ORDER BY "
               "id) AS n, "
               "* FROM people) WHERE n <= 2000 AND n % 10 = 0");
  sql_must(db, "INSERT INTO l VALUES('nobody', 'nobody@example.com', 'nowhere', -1), (NULL, NULL, NULL, "
               "NULL), "
               "('', '', '', ''), (5, 5, 5, '5')");
  sql_must(db, "CREATE TABLE few AS SELECT * FROM l WHERE email IS NOT NULL LIMIT 4");
  server_do(&sandbox, "/sandbox/forget", NULL);
  return 0;
}

static int over(void **state){
  (void)state;
  db_close(db);
  return 0;
}

/* The statement gives on ortto_people what it gives on the copy, in so many requests at most. */
static void costs(const char *sql, long most){
  char *local = sqlite3_mprintf("%s", sql), *p;
  while( (p = strstr(local, "ortto_people"))!=NULL ) memmove(p, p + 6, strlen(p + 6) + 1);
  char *expected = sql_text(db, local);
  server_do(&sandbox, "/sandbox/forget", NULL);
  char *got = sql_text(db, sql);
  long n = server_count(&sandbox, NULL);
  if( strcmp(got, expected)!=0 ) fail_msg("%s\n  gave     %s\n  expected %s", sql, got, expected);
  if( n>most ) fail_msg("%s\n  took %ld requests, not %ld", sql, n, most);
  sqlite3_free(got);
  sqlite3_free(expected);
  sqlite3_free(local);
}

/* ---- what it costs ---------------------------------------------------------------------------- */

static void few_keys_are_looked_up(void **state){
  (void)state;
  costs("SELECT count(p.id), count(*) FROM few l LEFT JOIN ortto_people p ON p.email = l.email", 4);
  costs("SELECT count(p.id), count(*) FROM few l LEFT JOIN ortto_people p ON p.id = l.id", 4);
  costs("SELECT count(p.id), count(*) FROM few l JOIN ortto_people p ON p.email = l.email", 4);
  costs("SELECT count((SELECT p.city FROM ortto_people p WHERE p.email = l.email)) FROM few l", 4);
}

/* Each key once, however often it comes, found or not. */
static void keys_are_remembered(void **state){
  (void)state;
  sql_must(db, "CREATE TABLE often AS SELECT few.* FROM few, people LIMIT 400");
  sql_must(db, "INSERT INTO often SELECT 'nobody', 'nobody@example.com', 'x', 1 FROM people LIMIT 100");
  costs("SELECT count(p.id), count(*) FROM often l LEFT JOIN ortto_people p ON p.email = l.email", 5);
  costs("SELECT count(p.id), count(*) FROM often l LEFT JOIN ortto_people p ON p.id = l.id", 5);
  costs("SELECT count((SELECT p.city FROM ortto_people p WHERE p.email = l.email)) FROM often l", 5);
}

static void then_the_list_is_read(void **state){
  (void)state;
  costs("SELECT count(p.id), count(*) FROM l LEFT JOIN ortto_people p ON p.email = l.email", 13);
  costs("SELECT count(p.id), count(*) FROM l LEFT JOIN ortto_people p ON p.id = l.id", 13);
  costs("SELECT count(p.id), count(*) FROM l LEFT JOIN ortto_people p ON p.id = l.id OR p.email = "
        "l.email", 26);
  costs("SELECT count((SELECT p.city FROM ortto_people p WHERE p.email = l.email)) FROM l", 13);
  costs("SELECT count(*) FROM l WHERE NOT EXISTS (SELECT 1 FROM ortto_people p WHERE p.email = l.email)", 13);
}

static void what_cannot_be_asked_is_read_once(void **state){
  (void)state;
  costs("SELECT count(p.id), count(*) FROM l LEFT JOIN ortto_people p ON p.city = l.city", 6);
  costs("SELECT count(p.id), count(*) FROM l LEFT JOIN ortto_people p ON p.city = l.city COLLATE NOCASE", 6);
  costs("SELECT count(p.id), count(*) FROM l LEFT JOIN ortto_people p ON p.seats = l.seats", 6);
  costs("SELECT count(p.id), count(*) FROM l LEFT JOIN ortto_people p ON p.seats IS l.seats", 6);
  costs("SELECT count(*) FROM l WHERE EXISTS (SELECT 1 FROM ortto_people p WHERE p.city = l.city)", 6);
  costs("SELECT count(p.id), count(*) FROM few l LEFT JOIN ortto_people p ON p.seats > l.seats", 12);
  costs("SELECT count(*) FROM few, ortto_people", 6);
}

/* All rows are needed for it, and the log says why; not where every value was asked for. */
static void one_value_cannot_be_asked(void **state){
  (void)state;
  static const char said[] = "SELECT count(*) FROM ortto_log WHERE error LIKE '%for an empty text'";
  static const char other[] = "SELECT count(*) FROM ortto_log WHERE error LIKE '%for one of the values%'";
  costs("SELECT count(*) FROM ortto_people WHERE email IN (SELECT email FROM few)", 1);
  costs("SELECT count(*) FROM ortto_people WHERE email = (SELECT email FROM few)", 1);
  assert_sql(db, "SELECT count(*) FROM ortto_log WHERE error LIKE '%cannot be%'", "0");
  costs("SELECT count(*) FROM ortto_people WHERE email IN (SELECT email FROM l)", 6);
  assert_sql(db, said, "6");
  costs("SELECT count(*) FROM ortto_people WHERE email = ''", 6);
  assert_sql(db, said, "12");
  assert_sql(db, other, "0");
  costs("SELECT count(*) FROM ortto_people WHERE first_name IN ('a', 'a ')", 6);
  assert_sql(db, other, "6");
}

/* One that looks at the first byte alone. */
static int first_byte(void *ctx, int n, const void *a, int m, const void *b){
  (void)ctx;
  int x = n ? *(const unsigned char *)a : -1, y = m ? *(const unsigned char *)b : -1;
  return x - y;
}

/* Fewer rows than the program's own NOCASE finds would be wrong. */
static void the_programs_own_nocase(void **state){
  (void)state;
  static const char sql[] = "SELECT count(p.id), count(*) FROM few l LEFT JOIN ortto_people p "
                            "ON p.city = l.city COLLATE NOCASE";
  costs(sql, 6);
  assert_int_equal(sqlite3_create_collation(db, "NOCASE", SQLITE_UTF8, NULL, first_byte), SQLITE_OK);
  costs(sql, 12);
}

/* Those that the query names come 100 at a time. */
static void named_keys_come_together(void **state){
  (void)state;
  costs("SELECT count(p.id), count(*) FROM l LEFT JOIN ortto_people p ON p.email = l.email AND p.email IN "
        "(SELECT email FROM l) WHERE l.email <> ''", 3);
  costs("SELECT count(p.id), count(*) FROM l LEFT JOIN ortto_people p ON p.id = l.id AND p.id IN (SELECT "
        "id FROM l)", 3);
}

/* One that is not among them matches nothing, and costs nothing. */
static void other_keys_match_nothing(void **state){
  (void)state;
  sql_must(db, "CREATE TABLE more AS SELECT email, id FROM (SELECT email, id FROM l WHERE email <> '' "
               "UNION ALL SELECT email, id FROM people) LIMIT 900");
  costs("SELECT count(p.id), count(*) FROM more m LEFT JOIN ortto_people p ON p.email = m.email AND "
        "p.email IN (SELECT email FROM few)", 1);
  costs("SELECT count(p.id), count(*) FROM more m LEFT JOIN ortto_people p ON p.id = m.id AND p.id IN "
        "(SELECT id FROM few)", 1);
  costs("SELECT count(p.id), count(*) FROM more m LEFT JOIN ortto_people p ON p.email = m.email AND "
        "p.email IN ('nobody@example.com', NULL)", 1);
  costs("SELECT count(*) FROM more m JOIN ortto_people p ON p.email = m.email AND p.email IN ('x', 5, NULL)",
        1);
  costs("SELECT count(p.id), count(*) FROM l LEFT JOIN ortto_people p ON p.email = l.email AND "
        "p.email IN (SELECT email FROM more UNION ALL SELECT 'no' || email FROM more)", 13);
}

/* Each row outside may name others: what the one does not name the next one may. */
static void the_names_may_change(void **state){
  (void)state;
  sql_must(db, "CREATE TABLE pairs AS SELECT a.email, b.email AS other, a.id, b.id AS other_id "
               "FROM few a, few b");
  costs("SELECT count(p.id), count(*) FROM pairs l LEFT JOIN ortto_people p ON p.email = l.email AND "
        "p.email IN (SELECT email FROM few WHERE email <> l.other)", 13);
  costs("SELECT count(p.id), count(*) FROM pairs l LEFT JOIN ortto_people p ON p.id = l.id AND p.id IN "
        "(SELECT id FROM few WHERE id = l.other_id)", 13);
  costs("SELECT count(*) FROM pairs l WHERE EXISTS (SELECT 1 FROM ortto_people p WHERE p.email = l.email AND "
        "p.email IN (SELECT email FROM few WHERE email <= l.other))", 13);
}

/* A key that many have: its pages would cost more than the list. */
static void a_dear_key_is_given_up(void **state){
  (void)state;
  sql_must(db, "CREATE TABLE names AS SELECT first_name FROM people GROUP BY 1 ORDER BY count(*) DESC "
               "LIMIT 40");
  costs("SELECT count(p.id), count(*) FROM names l LEFT JOIN ortto_people p ON p.first_name = "
        "l.first_name", 13);
}

/* Audiences, accounts and the feed: one list each, and no person's feed twice. */
static void small_tables_are_read_once(void **state){
  (void)state;
  sql_must(db, "CREATE TABLE who AS SELECT f.id FROM (SELECT id FROM few LIMIT 2) f, few");
  assert_sql(db, "SELECT count(*)>=0 FROM ortto_accounts WHERE name = ''", "1");
  server_do(&sandbox, "/sandbox/forget", NULL);
  assert_sql(db, "SELECT count(*)>30 FROM ortto_people p JOIN ortto_accounts a ON a.id = p.account_id", "1");
  assert_true(server_count(&sandbox, NULL)<=6 + 2);
  server_do(&sandbox, "/sandbox/forget", NULL);
  assert_sql(db, "SELECT count(a.id) FROM l LEFT JOIN ortto_audiences a ON a.name = l.city", "0");
  assert_true(server_count(&sandbox, NULL)<=2);
  server_do(&sandbox, "/sandbox/forget", NULL);
  assert_sql(db, "SELECT count(*)>=4 FROM who w LEFT JOIN ortto_activities a ON a.person_id = w.id", "1");
  assert_int_equal(server_count(&sandbox, "/v1/person/get/activities"), 2);
}

/* One list of the audiences, and one read for each of them. */
static void audiences_are_listed_once(void **state){
  (void)state;
  sql_must(db, "CREATE TABLE a AS SELECT id FROM ortto_audiences LIMIT 10");
  server_do(&sandbox, "/sandbox/forget", NULL);
  assert_sql(db, "SELECT count(*)>10 FROM a JOIN ortto_people p ON p.audience = a.id", "1");
  assert_int_equal(server_count(&sandbox, "/v1/audiences/get"), 2);
  char *said = sql_text(db, "SELECT count(*) FROM (SELECT id FROM a UNION ALL SELECT 'nobody') a "
                        "JOIN ortto_people p ON p.audience = a.id");
  assert_non_null(strstr(said, "there is no audience 'nobody'"));
  sqlite3_free(said);
}

/* Refused before anything is asked, where SQLite does not say which columns change. */
static void update_from_asks_nothing(void **state){
  (void)state;
  static const char *const sql[] = {
    "UPDATE ortto_people SET city = l.city FROM few l WHERE l.email = ortto_people.email",
    "UPDATE OR IGNORE \"ortto_people\" AS t SET city = (SELECT 'x' FROM l) FROM few l WHERE l.email = "
      "t.email",
    "WITH x AS (SELECT email, 'y' AS city FROM few) UPDATE ortto_people /* from */ SET city = x.city FROM "
      "x WHERE x.email = ortto_people.email",
  };
  for(int i=0; i<3 && sqlite3_libversion_number()<3044000; i++){
    server_do(&sandbox, "/sandbox/forget", NULL);
    char *got = sql_text(db, sql[i]);
    if( strstr(got, "UPDATE ... FROM is not possible here")==NULL ) fail_msg("%s gave %s", sql[i], got);
    sqlite3_free(got);
    assert_int_equal(server_count(&sandbox, NULL), 0);
  }
  sql_must(db, "BEGIN");
  sql_must(db, "UPDATE few SET city = 'x ' || p.city FROM ortto_people p WHERE p.email = few.email");
  sql_must(db, "UPDATE ortto_people SET city = 'x' WHERE email IS NOT DISTINCT FROM (SELECT max(email) FROM "
               "few)");
  assert_sql(db, "SELECT count(*) FROM ortto_pending", "1");
  sql_must(db, "ROLLBACK");
}

/* ---- not beyond one run ---------------------------------------------------------------------- */

/* Somebody else gives those in few another name. */
static void rename_them(const char *name){
  sqlite3 *other = db_open(&sandbox);
  sqlite3_stmt *few;
  assert_int_equal(sqlite3_prepare_v2(db, "SELECT email FROM few", -1, &few, NULL), SQLITE_OK);
  while( sqlite3_step(few)==SQLITE_ROW ){
    char *sql = sqlite3_mprintf("SELECT ortto_upsert(json_object('fields', json_object('email', %Q, "
                                "'first_name', %Q)))",
                                sqlite3_column_text(few, 0), name);
    sql_must(other, sql);
    sqlite3_free(sql);
  }
  sqlite3_finalize(few);
  db_close(other);
}

static void finds(sqlite3_stmt *stmt, const char *name){
  int rows = 0;
  while( sqlite3_step(stmt)==SQLITE_ROW ){
    const char *got = (const char *)sqlite3_column_text(stmt, 0);
    if( got==NULL || strcmp(got, name)!=0 )
      fail_msg("%s found %s, and not %s", sqlite3_sql(stmt), got ? got : "none", name);
    rows++;
  }
  if( sqlite3_reset(stmt)!=SQLITE_OK ) fail_msg("%s", sqlite3_errmsg(db));
  assert_int_equal(rows, 4);
}

static const char *const reading[] = {
  "SELECT (SELECT p.first_name FROM ortto_people p WHERE p.email = l.email) FROM few l",
  "SELECT p.first_name FROM few l LEFT JOIN ortto_people p ON p.email = l.email",
  "SELECT (SELECT max(p.first_name) FROM ortto_people p WHERE p.seats IS NOT 'x' AND p.id = l.id) FROM few l",
};

/* Also where the counter that tells runs apart was set back, and where the next statement has the address
** of the
** last one. */
static void a_run_remembers_for_itself(void **state){
  (void)state;
  for(int i=0; i<3; i++){
    sqlite3_stmt *stmt;
    for(int k=0; k<2; k++){
      assert_int_equal(sqlite3_prepare_v2(db, reading[i], -1, &stmt, NULL), SQLITE_OK);
      rename_them("Ann");
      finds(stmt, "Ann");
      sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_RUN, 1);
      rename_them("Bea");
      finds(stmt, "Bea");
      sqlite3_finalize(stmt);
    }
  }
}

/* While another statement is in progress a run cannot always be told: nothing of the other's is
** remembered. */
static void others_in_progress(void **state){
  (void)state;
  for(int i=0; i<3; i++) for(int k=0; k<3; k++){
    sqlite3_stmt *other, *stmt;
    assert_int_equal(sqlite3_prepare_v2(db, reading[i], -1, &other, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, reading[k], -1, &stmt, NULL), SQLITE_OK);
    rename_them("Ann");
    for(int n=0; n<3; n++) assert_int_equal(sqlite3_step(other), SQLITE_ROW);
    rename_them("Bea");
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(stmt, 0), "Bea");
    sqlite3_finalize(other);
    rename_them("Cid");
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(stmt, 0), "Cid");
    sqlite3_reset(stmt);
    finds(stmt, "Cid");
    sqlite3_finalize(stmt);
  }
}

/* ---- what goes wrong in the middle ------------------------------------------------------------- */

/* With all below failing at its request number `after`: the statement's error has this in it. */
static void must_fail(const char *sql, const char *fault, const char *words){
  server_do(&sandbox, "/sandbox/fault", fault);
  char *got = sql_text(db, sql);
  if( strncmp(got, "error ", 6)!=0 || strstr(got, words)==NULL ) fail_msg("%s gave %s", sql, got);
  sqlite3_free(got);
  server_do(&sandbox, "/sandbox/clear", NULL);
}

static const char *const shapes[] = {
  "SELECT count(p.id) FROM l LEFT JOIN ortto_people p ON p.city = l.city",
  "SELECT count(p.id) FROM l LEFT JOIN ortto_people p ON p.email = l.email",
  "SELECT count(*) FROM l WHERE EXISTS (SELECT 1 FROM ortto_people p WHERE p.city = l.city)",
  "SELECT count((SELECT max(p.city) FROM ortto_people p WHERE p.email = l.email)) FROM l",
};

static void an_error_in_the_middle(void **state){
  (void)state;
  for(int i=0; i<4; i++) for(int after=0; after<6; after++){
    char fault[100];
    snprintf(fault, sizeof fault, "{\"kind\":\"status\",\"status\":503,\"after\":%d,\"times\":-1}", after);
    must_fail(shapes[i], fault, "503");
    costs(shapes[i], 13);
  }
}

static void *interrupt_soon(void *ctx){
  sleep_ms(*(int *)ctx);
  sqlite3_interrupt(db);
  return NULL;
}

static void an_interrupt_in_the_middle(void **state){
  (void)state;
  server_do(&sandbox, "/sandbox/set", "{\"latency_ms\":40}");
  for(int i=0; i<4; i++) for(int ms=20; ms<=60; ms+=20){
    pthread_t thread;
    if( pthread_create(&thread, NULL, interrupt_soon, &ms)!=0 ) fail_msg("no thread");
    char *got = sql_text(db, shapes[i]);
    pthread_join(thread, NULL);
    if( strncmp(got, "error 9:", 8)!=0 ) fail_msg("%s gave %s", shapes[i], got);
    sqlite3_free(got);
  }
  server_do(&sandbox, "/sandbox/set", "{\"latency_ms\":0}");
  for(int i=0; i<4; i++) costs(shapes[i], 13);
}

/* To another account after the first row: the statement reads no more, from whichever it could remember. */
static void another_account_in_the_middle(void **state){
  (void)state;
  sqlite3_stmt *stmt;
  assert_int_equal(sqlite3_prepare_v2(db, "SELECT l.email, (SELECT p.city FROM ortto_people p WHERE "
                                          "p.email = l.email) "
                                      "FROM few l, few m", -1, &stmt, NULL), SQLITE_OK);
  for(int i=0; i<6; i++) assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
  sql_must(db, "SELECT ortto_config('key', 'other-key')");
  int rc = SQLITE_ROW;
  while( rc==SQLITE_ROW ) rc = sqlite3_step(stmt);
  assert_int_equal(rc, SQLITE_ERROR);
  assert_non_null(strstr(sqlite3_errmsg(db), "another account"));
  sqlite3_finalize(stmt);
}

/* ---- a full disk --------------------------------------------------------------------------------
**
** The default VFS becomes one whose files without a name cannot grow beyond some pages. */

static sqlite3_vfs full_vfs;
static sqlite3_io_methods full_methods;
static const sqlite3_io_methods *real_methods;
static sqlite3_int64 room;

static int full_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at){
  return at + n>room ? SQLITE_FULL : real_methods->xWrite(f, p, n, at);
}

static int full_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out){
  const sqlite3_vfs *real = vfs->pAppData;
  int rc = real->xOpen((sqlite3_vfs *)real, name, f, flags, out);
  if( rc!=SQLITE_OK || name || f->pMethods==NULL ) return rc;
  real_methods = f->pMethods;
  full_methods = *real_methods;
  full_methods.xWrite = full_write;
  f->pMethods = &full_methods;
  return rc;
}

/* Its rows are more than a join may hold in memory. */
static void must_need_a_file(sqlite3 *other, const char *format, const char *all){
  char *sql = sqlite3_mprintf(format, all);
  for(room=0; room<3000000; room+=700000){
    char *got = sql_text(other, sql);
    if( strstr(got, "disk is full")==NULL ) fail_msg("room %lld: %s", (long long)room, got);
    sqlite3_free(got);
  }
  room = INT64_MAX;
  char *got = sql_text(other, sql);
  if( strncmp(got, "error", 5)==0 ) fail_msg("%s", got);
  sqlite3_free(got);
  sqlite3_free(sql);
}

static void the_disk_is_full(void **state){
  (void)state;
  sqlite3_vfs *real = sqlite3_vfs_find(NULL);
  server many;
  server_start(&many, "--people 20000 --no-archived");
  sqlite3 *other = db_open(&many);
  sql_must(other, "CREATE TABLE l AS SELECT 'Oslo' AS city UNION ALL SELECT 'nowhere'");
  char *all = sql_text(other, "SELECT group_concat('ifnull(p.\"' || name || '\", 0)', ' || ') FROM "
                       "pragma_table_info('ortto_people') WHERE name <> 'city'");
  full_vfs = *real;
  full_vfs.pAppData = real;
  full_vfs.zName = "full";
  full_vfs.xOpen = full_open;
  sqlite3_vfs_register(&full_vfs, 1);
  must_need_a_file(other, "SELECT sum(length(%s)) FROM l LEFT JOIN ortto_people p ON p.city = l.city", all);
  must_need_a_file(other, "SELECT count(*) FROM l WHERE EXISTS (SELECT 1 FROM ortto_people p WHERE p.city = "
                   "l.city AND %s = '')", all);
  sqlite3_vfs_register(real, 1);
  sqlite3_vfs_unregister(&full_vfs);
  sqlite3_free(all);
  db_close(other);
  server_stop(&many);
}

int main(void){
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(few_keys_are_looked_up, fresh, over),
    cmocka_unit_test_setup_teardown(keys_are_remembered, fresh, over),
    cmocka_unit_test_setup_teardown(then_the_list_is_read, fresh, over),
    cmocka_unit_test_setup_teardown(what_cannot_be_asked_is_read_once, fresh, over),
    cmocka_unit_test_setup_teardown(one_value_cannot_be_asked, fresh, over),
    cmocka_unit_test_setup_teardown(the_programs_own_nocase, fresh, over),
    cmocka_unit_test_setup_teardown(named_keys_come_together, fresh, over),
    cmocka_unit_test_setup_teardown(other_keys_match_nothing, fresh, over),
    cmocka_unit_test_setup_teardown(the_names_may_change, fresh, over),
    cmocka_unit_test_setup_teardown(a_dear_key_is_given_up, fresh, over),
    cmocka_unit_test_setup_teardown(small_tables_are_read_once, fresh, over),
    cmocka_unit_test_setup_teardown(audiences_are_listed_once, fresh, over),
    cmocka_unit_test_setup_teardown(update_from_asks_nothing, fresh, over),
    cmocka_unit_test_setup_teardown(a_run_remembers_for_itself, fresh, over),
    cmocka_unit_test_setup_teardown(others_in_progress, fresh, over),
    cmocka_unit_test_setup_teardown(an_error_in_the_middle, fresh, over),
    cmocka_unit_test_setup_teardown(an_interrupt_in_the_middle, fresh, over),
    cmocka_unit_test_setup_teardown(another_account_in_the_middle, fresh, over),
    cmocka_unit_test_setup_teardown(the_disk_is_full, fresh, over),
  };
  return cmocka_run_group_tests(tests, set_up, sandbox_stop);
}
