/*
** test_progress_handler.c - a program that gives its statements so much time and no more, by a progress
** handler (as Datasette does, and Python programs): it is asked in each wait too, however many steps it
** counts up to some 1,500. Whichever step it ends a statement at, that is said, and
** nothing stays of it.
*/
#define _GNU_SOURCE
#include "harness.h"

#define LATEST 250.0             /* ms after the time is up; other things run on the machine */

static int set_up(void **state){
  (void)state;
  server_start(&sandbox, "--people 600 --no-archived --tags 5 --custom 2 --account-custom 1 --date fake");
  return 0;
}

static int fresh(void **state){
  (void)state;
  server_do(&sandbox, "/sandbox/reset", NULL);
  server_do(&sandbox, "/sandbox/set", "{\"latency_ms\":0,\"rate\":0}");
  return 0;
}

static int time_is_up(void *until){
  return now_ms()>*(const double *)until;
}

static int refuse_recursion(void *ctx, int what, const char *a, const char *b, const char *c, const char *d){
  (void)ctx; (void)a; (void)b; (void)c; (void)d;
  return what==SQLITE_RECURSIVE ? SQLITE_DENY : SQLITE_OK;
}

static void stops_in_time(sqlite3 *db, const char *what, const char *sql, int steps){
  double until = now_ms() + 500;
  sqlite3_progress_handler(db, steps, time_is_up, &until);
  char *got = sql_text(db, sql);
  double late = now_ms() - until;
  sqlite3_progress_handler(db, 0, NULL, NULL);
  if( strstr(got, "interrupted")==NULL ) fail_msg("%s, %d steps: %s", what, steps, got);
  print_message("# %s, %d steps: %.0f ms late\n", what, steps, late);
  if( late>LATEST ) fail_msg("%s, %d steps: %.0f ms late", what, steps, late);
  sqlite3_free(got);
}

static void test_waits(void **state){
  static const int steps[] = { 1, 100, 1000, 1500 };
  (void)state;
  for(int i=0; i<4; i++){
    sqlite3 *db = db_open(&sandbox);
    assert_sql(db, "SELECT count(*) FROM ortto_people", "600");
    server_do(&sandbox, "/sandbox/fault", "{\"kind\":\"hang\",\"path\":\"/v1/tags/get\",\"times\":-1}");
    stops_in_time(db, "a request", "SELECT count(*) FROM ortto_tags", steps[i]);
    stops_in_time(db, "a sync", "SELECT ortto_sync('ortto_tags','tags')", steps[i]);
    stops_in_time(db, "a sync's table", "SELECT count(*) FROM ortto_sync('ortto_tags','tags')", steps[i]);
    server_do(&sandbox, "/sandbox/clear", NULL);
    server_do(&sandbox, "/sandbox/fault",
        "{\"kind\":\"status\",\"status\":503,\"path\":\"/v1/tags/get\",\"times\":-1}");
    sql_must(db, "SELECT ortto_config('retries', 100)");
    stops_in_time(db, "a wait before a retry", "SELECT count(*) FROM ortto_tags", steps[i]);
    server_do(&sandbox, "/sandbox/clear", NULL);
    assert_sql(db, "SELECT count(*) FROM ortto_tags", "6");
    db_close(db);
  }
}

/* One that does not end it changes nothing. */
static int never(void *asked){
  ++*(int *)asked;
  return 0;
}

static void test_goes_on(void **state){
  (void)state;
  int asked = 0;
  sqlite3 *db = db_open(&sandbox);
  assert_sql(db, "SELECT count(*) FROM ortto_people", "600");
  server_do(&sandbox, "/sandbox/set", "{\"latency_ms\":400}");
  sqlite3_progress_handler(db, 1000, never, &asked);
  assert_sql(db, "SELECT ortto_sync('ortto_tags','tags') ->> 'rows'", "6");
  assert_true(asked>5);
  db_close(db);
}

/* An interrupt is seen where the program's authorizer refuses what asks the handler. */
static void test_authorizer(void **state){
  (void)state;
  sqlite3 *db = db_open(&sandbox);
  sqlite3_set_authorizer(db, refuse_recursion, NULL);
  server_do(&sandbox, "/sandbox/fault", "{\"kind\":\"hang\",\"path\":\"/v1/tags/get\",\"times\":-1}");
  stops_in_time(db, "with an authorizer", "SELECT count(*) FROM ortto_tags", 1);
  db_close(db);
}

/* ---- at each step --------------------------------------------------------- */

#define STEPS 120                  /* what asks who asks is among the first */

typedef struct ending {
  long left;                       /* the step that brings this to 0 is the last */
  int for_good;                    /* and each that is tried after it */
} ending;

static int ends(void *ctx){
  ending *e = ctx;
  e->left--;
  return e->left==0 || (e->for_good && e->left<0);
}

static void ended_once(const char *setup, const char *sql, ending e, const char *expected){
  sqlite3 *db = db_open(&sandbox);
  sql_must(db, setup);
  sqlite3_progress_handler(db, 1, ends, &e);
  char *got = sql_text(db, sql);
  sqlite3_progress_handler(db, 0, NULL, NULL);
  if( strcmp(got, expected)!=0 && strstr(got, "interrupted")==NULL )
    fail_msg("%s, ended%s, gave %s", sql, e.for_good ? " for good" : "", got);
  assert_sql(db, sql, expected);
  sqlite3_free(got);
  db_close(db);
}

static void ended_anywhere(const char *setup, const char *sql){
  sqlite3 *db = db_open(&sandbox);
  sql_must(db, setup);
  char *expected = sql_text(db, sql);
  if( strncmp(expected, "error", 5)==0 ) fail_msg("%s: %s", sql, expected);
  db_close(db);
  for(int n=1; n<=STEPS; n++)
    for(int for_good=0; for_good<2; for_good++) ended_once(setup, sql, (ending){ n, for_good }, expected);
  sqlite3_free(expected);
}

/* A table is not taken for one that a file asks for, which would leave its custom columns out for good. */
static void test_columns(void **state){
  (void)state;
  ended_anywhere("", "SELECT count(*) FROM pragma_table_xinfo('ortto_people')");
  ended_anywhere("", "SELECT count(*) FROM ortto_people");
  ended_anywhere("CREATE VIRTUAL TABLE temp.p USING ortto(table=people)", "SELECT count(*) FROM p");
}

/* Nor is a call through what is TEMP taken for one of the file's. */
static void test_temp(void **state){
  (void)state;
  ended_anywhere("CREATE TABLE t(a); CREATE TEMP TRIGGER called AFTER INSERT ON main.t BEGIN "
                 "SELECT ortto_track('[]'); END", "INSERT INTO t VALUES(1) RETURNING 'done'");
  ended_anywhere("CREATE TEMP VIEW v AS SELECT * FROM ortto_people", "SELECT count(*) FROM v");
}

/* ---- at each step of a statement that the extension runs itself ------------ */

typedef struct inner {
  const char *word;                /* how the statement begins */
  int runs;                        /* it runs now */
  long left, more;                 /* the step of it that brings left to 0 ends it, and so many after it */
} inner;

static int inner_begins(unsigned what, void *ctx, void *stmt, void *text){
  inner *in = ctx;
  (void)what; (void)text;
  in->runs = strncmp(sqlite3_sql(stmt), in->word, strlen(in->word))==0;
  return 0;
}

static int inner_ends(void *ctx){
  inner *in = ctx;
  if( in->left<=0 ) return in->more-->0;
  in->left -= in->runs;
  return in->left==0;
}

/* Two tags stand with each other's name, which is unique: the merge has both give it up first. */
static const char exchange[] = "SELECT ortto_sync('ortto_tags','tags'); "
  "CREATE TEMP TABLE whole AS SELECT group_concat(id || name) FROM tags; "
  "CREATE UNIQUE INDEX u ON tags(type, name); "
  "CREATE TEMP TABLE two AS SELECT rowid AS r, name FROM tags WHERE type='person' LIMIT 2; "
  "UPDATE tags SET name=rowid WHERE rowid IN (SELECT r FROM two); "
  "UPDATE tags SET name=(SELECT name FROM two WHERE r<>tags.rowid) WHERE rowid IN (SELECT r FROM two)";

#define TAGS "SELECT group_concat(id || name) FROM tags NOT INDEXED"
#define SYNC "SELECT ortto_sync('ortto_tags','tags') ->> 'rows'"

static char *inner_ended(sqlite3 *db, inner *in, const char *sql){
  sqlite3_trace_v2(db, SQLITE_TRACE_STMT, inner_begins, in);
  sqlite3_progress_handler(db, 1, inner_ends, in);
  char *got = sql_text(db, sql);
  sqlite3_progress_handler(db, 0, NULL, NULL);
  sqlite3_trace_v2(db, 0, NULL, NULL);
  return got;
}

/* Returns 0 where the sync has not so many such steps. */
static int sync_ended(const char *word, long step, long more){
  sqlite3 *db = db_open(&sandbox);
  sql_must(db, exchange);
  inner in = { word, 0, step, more };
  char *before = sql_text(db, TAGS), *whole = sql_text(db, "SELECT * FROM whole");
  char *got = inner_ended(db, &in, SYNC), *tags = sql_text(db, TAGS);
  if( strcmp(got, "6")!=0 && strstr(got, "interrupted")==NULL ) fail_msg("%s, step %ld: %s", word, step, got);
  if( !sqlite3_get_autocommit(db) ) fail_msg("%s, step %ld leaves a transaction: %s", word, step, got);
  if( strcmp(tags, before)!=0 && strcmp(tags, whole)!=0 ) fail_msg("%s, step %ld: %s", word, step, tags);
  assert_sql(db, SYNC, "6");
  assert_sql(db, TAGS, whole);
  assert_sql(db, "SELECT count(*) FROM ortto_sync_state WHERE message LIKE '%touched%'", "0");
  sqlite3_free(before);
  sqlite3_free(whole);
  sqlite3_free(tags);
  sqlite3_free(got);
  db_close(db);
  return in.left<=0;
}

/* SQLite asks at a statement's end too, and then calls it interrupted although it is done: a BEGIN, a COMMIT,
** a DROP TABLE. What is told once need not be told again when the transaction is rolled back. */
static void test_sync(void **state){
  static const struct { const char *word; int stride; } at[] = {
    { "BEGIN", 1 }, { "COMMIT", 1 }, { "SAVEPOINT", 1 }, { "DROP TABLE \"", 3 }, { "UPDATE OR", 60 },
    { "SELECT count(*) FROM \"main\".sqlite_schema m", 3 }, { "SELECT c.name", 3 } };
  (void)state;
  for(size_t i=0; i<sizeof at/sizeof *at; i++){
    long step = 1, tried = 0;
    for(; sync_ended(at[i].word, step, tried%5); step+=at[i].stride) tried++;
    print_message("# %s: %ld\n", at[i].word, tried);
    assert_true(tried>1);
  }
}

#define TEST(f) cmocka_unit_test_setup(f, fresh)

int main(void){
  const struct CMUnitTest tests[] = { TEST(test_waits), TEST(test_goes_on), TEST(test_authorizer),
                                      TEST(test_columns), TEST(test_temp),
                                      TEST(test_sync) };
  return cmocka_run_group_tests(tests, set_up, sandbox_stop);
}
