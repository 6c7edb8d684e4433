/*
** test_sync_locks.c - a sync and the transactions and locks of its program: after an interrupt at any
** statement no transaction is left open; files that have nothing to do with it are not locked; a neighbour
** that stays is named; two syncs in the table form do not wait for one another. In a cache that connections
** share a SELECT that is not read to its end is waited for.
*/
#define _GNU_SOURCE
#include "harness.h"
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#define FILE_NAME "locks.db"
#define SCALAR "SELECT ortto_sync('ortto_accounts','accounts')"
#define ROWS   "SELECT count(*) FROM ortto_sync('ortto_accounts','accounts')"

static int set_up(void **state){
  (void)state;
  server_start(&sandbox, "--people 30 --no-archived --accounts 40 --custom 1 --account-custom 1 --date fake");
  return 0;
}

static int fresh(void **state){
  (void)state;
  server_do(&sandbox, "/sandbox/reset", NULL);
  database_remove(FILE_NAME);
  database_remove("other.db");
  return 0;
}

static sqlite3 *open_at(const char *file){
  sqlite3 *db = NULL;
  const char *ext = getenv("EXT");
  char *why = NULL;
  if( sqlite3_open(file, &db)!=SQLITE_OK ) fail_msg("sqlite3_open");
  sqlite3_enable_load_extension(db, 1);
  if( sqlite3_load_extension(db, ext ? ext : "./ortto.so", "sqlite3_ortto_init", &why)!=SQLITE_OK )
    fail_msg("%s", why);
  char *sql = sqlite3_mprintf("SELECT ortto_config('api_url', %Q), ortto_config('key', 'sandbox-key'), "
                              "ortto_config('rate', 0), ortto_config('retries', 0)", sandbox.url);
  sql_must(db, sql);
  sqlite3_free(sql);
  return db;
}

static sqlite3 *plain_open(const char *file){
  sqlite3 *db;
  if( sqlite3_open(file, &db)!=SQLITE_OK ) fail_msg("sqlite3_open");
  return db;
}

static void assert_like(char *got, const char *pattern, const char *what){
  if( sqlite3_strlike(pattern, got, 0)!=0 ) fail_msg("%s\n  gave     %s\n  expected %s", what, got, pattern);
  sqlite3_free(got);
}

/* ---- interrupts ------------------------------------------------------------- */

typedef struct interrupter {
  sqlite3 *db;
  int at, seen;
} interrupter;

/* At that statement that SQLite begins, of ours or of the user's: sqlite3_interrupt(). */
static int on_statement(unsigned what, void *ctx, void *stmt, void *text){
  interrupter *i = ctx;
  (void)what; (void)stmt; (void)text;
  if( i->seen++==i->at ) sqlite3_interrupt(i->db);
  return 0;
}

/* Interrupted at its first statement, at its second, and so on: no transaction is left open, and what the
** user writes then is there for others. */
static void interrupted_everywhere(const char *file, const char *mode, const char *schema, const char *sql){
  interrupter i = { NULL, 0, 0 };
  int over = 0;
  for(int tries=0; !over && tries<400; tries++){
    sqlite3 *db = open_at(file);
    char *setup = sqlite3_mprintf("PRAGMA journal_mode=%s; CREATE TABLE IF NOT EXISTS \"%w\".mine(x)",
                                  mode, schema);
    sql_must(db, setup);
    sqlite3_free(setup);
    i = (interrupter){ db, tries, 0 };
    sqlite3_trace_v2(db, SQLITE_TRACE_STMT, on_statement, &i);
    char *got = sql_text(db, sql);
    sqlite3_trace_v2(db, 0, NULL, NULL);
    if( !sqlite3_get_autocommit(db) )
      fail_msg("%s, %s: a transaction is open after statement %d: %s", sql, mode, tries, got);
    over = strncmp(got, "error", 5)!=0;
    if( !over && strstr(got, "interrupted")==NULL ) fail_msg("%s: interrupted at %d: %s", sql, tries, got);
    sqlite3_free(got);
    sql_must(db, "INSERT INTO mine VALUES(1)");
    if( strcmp(schema, "main")==0 && file[0]!=':' ){
      sqlite3 *other = plain_open(file);
      char *want = sqlite3_mprintf("%d", tries+1);
      assert_sql(other, "SELECT count(*) FROM mine", want);
      sqlite3_free(want);
      db_close(other);
    }
    db_close(db);
  }
  assert_true(over);
  assert_true(i.at>10);
}

static void test_interrupted(void **state){
  (void)state;
  interrupted_everywhere(FILE_NAME, "delete", "main", SCALAR);
}

static void test_interrupted_wal(void **state){
  (void)state;
  interrupted_everywhere(FILE_NAME, "wal", "main", SCALAR);
}

static void test_interrupted_rows(void **state){
  (void)state;
  interrupted_everywhere(FILE_NAME, "delete", "main", ROWS);
}

static void test_interrupted_memory(void **state){
  (void)state;
  interrupted_everywhere(":memory:", "memory", "main", SCALAR);
}

static void test_interrupted_temp(void **state){
  (void)state;
  interrupted_everywhere(FILE_NAME, "delete", "temp", "SELECT ortto_sync('ortto_accounts','temp.accounts')");
}

/* In a transaction of the user's: either it is as it was, or SQLite has rolled all of it back; never is half
** a sync left in it. */
static void test_interrupted_nested(void **state){
  (void)state;
  int over = 0;
  for(int tries=0; !over && tries<400; tries++){
    sqlite3 *db = open_at(":memory:");
    sql_must(db, "CREATE TABLE mine(x); BEGIN; INSERT INTO mine VALUES(1)");
    interrupter i = { db, tries, 0 };
    sqlite3_trace_v2(db, SQLITE_TRACE_STMT, on_statement, &i);
    char *got = sql_text(db, SCALAR);
    sqlite3_trace_v2(db, 0, NULL, NULL);
    over = strncmp(got, "error", 5)!=0;
    int gone = sqlite3_get_autocommit(db);
    if( gone && strstr(got, "rolled your whole transaction back")==NULL )
      fail_msg("after statement %d the transaction is gone, without a word: %s", tries, got);
    if( !gone ) sql_must(db, "COMMIT");
    if( !over ) assert_sql(db, "SELECT count(*) FROM sqlite_schema WHERE name='accounts'", "0");
    assert_sql(db, "SELECT count(*) FROM mine", gone ? "0" : "1");
    sqlite3_free(got);
    db_close(db);
  }
  assert_true(over);
}

/* ---- locks of others -------------------------------------------------------- */

/* A neighbour that stays in its transaction: waited for as long as the busy timeout says, at least five
** seconds, then named. */
static void test_stays_locked(void **state){
  (void)state;
  sqlite3 *db = open_at(FILE_NAME), *other = plain_open(FILE_NAME);
  sql_must(other, "CREATE TABLE mine(x); BEGIN IMMEDIATE");
  double begin = now_ms();
  assert_like(sql_text(db, SCALAR),
      "error 5: ortto: syncing % was locked for 5 s by another connection that writes%", SCALAR);
  double took = now_ms() - begin;
  if( took<4900 || took>7500 ) fail_msg("that took %.0f ms", took);
  sql_must(other, "COMMIT");
  sqlite3_free(sql_text(db, SCALAR));
  assert_sql(db, "SELECT count(*) FROM accounts", "40");
  db_close(other);
  db_close(db);
}

/* The same of one that has not read its SELECT to the end. */
static void test_stays_read(void **state){
  (void)state;
  sqlite3_stmt *reading;
  sqlite3 *db = open_at(FILE_NAME), *other = plain_open(FILE_NAME);
  sql_must(other, "CREATE TABLE mine(x); INSERT INTO mine VALUES(1),(2)");
  assert_int_equal(sqlite3_prepare_v2(other, "SELECT x FROM mine", -1, &reading, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_step(reading), SQLITE_ROW);
  sqlite3_busy_timeout(db, 6000);
  double begin = now_ms();
  assert_like(sql_text(db, SCALAR),
      "error 5: ortto: syncing % was locked for 6 s by a SELECT of another%", SCALAR);
  double took = now_ms() - begin;
  if( took<5900 || took>8500 ) fail_msg("that took %.0f ms", took);
  assert_int_equal(sqlite3_get_autocommit(db), 1);
  sqlite3_finalize(reading);
  sqlite3_free(sql_text(db, SCALAR));
  assert_sql(db, "SELECT count(*) FROM accounts", "40");
  db_close(other);
  db_close(db);
}

static void *sync_rows(void *target){
  sqlite3 *db = open_at(FILE_NAME);
  char *sql = sqlite3_mprintf("SELECT count(*) FROM ortto_sync('ortto_people,ortto_accounts', %Q)", target);
  char *got = sql_text(db, sql);
  sqlite3_free(sql);
  db_close(db);
  return got;
}

/* Two in the table form that meet in a file without WAL: one at least goes through, and none stands for
** long. */
static void test_two_tables(void **state){
  (void)state;
  pthread_t a, b;
  void *said[2];
  sqlite3 *db = plain_open(FILE_NAME);
  sql_must(db, "CREATE TABLE mine(x)");
  server_do(&sandbox, "/sandbox/set", "{\"latency_ms\":60}");
  double begin = now_ms();
  if( pthread_create(&a, NULL, sync_rows, "a_")!=0 ) fail_msg("no thread");
  if( pthread_create(&b, NULL, sync_rows, "b_")!=0 ) fail_msg("no thread");
  pthread_join(a, &said[0]);
  pthread_join(b, &said[1]);
  double took = now_ms() - begin;
  server_do(&sandbox, "/sandbox/set", "{\"latency_ms\":0}");
  if( took>20000 ) fail_msg("that took %.0f ms", took);
  int well = 0;
  for(int i=0; i<2; i++){
    char *text = said[i];
    well += strncmp(text, "error", 5)!=0;
    if( strncmp(text, "error", 5)==0 && strstr(text, "was locked for")==NULL ) fail_msg("%s", text);
  }
  if( !well ) fail_msg("neither: %s, %s", (char *)said[0], (char *)said[1]);
  sqlite3_free(said[0]);
  sqlite3_free(said[1]);
  db_close(db);
}

/* A lock on an attached file that has nothing to do with it. */
static void test_other_files(void **state){
  (void)state;
  sqlite3 *other = plain_open("other.db"), *db = open_at(FILE_NAME);
  sql_must(other, "CREATE TABLE mine(x)");
  sql_must(db, "ATTACH 'other.db' AS other; SELECT * FROM other.mine");
  sql_must(other, "BEGIN IMMEDIATE");
  assert_sql(db, "SELECT ortto_sync('ortto_accounts','accounts') ->> 'state'", "done");
  sql_must(other, "ROLLBACK");
  db_close(other);
  db_close(db);
}

/* What a name means is asked of no file: one that others have locked holds nothing up, and in a transaction
** no lock on it stays. */
static void test_names_lock_nothing(void **state){
  static const char *const sources[] = {
    "ortto_tags", "tags", "main.ortto_tags", "mine", "MINE", "main.mine", "o.ortto_tags",
  };
  (void)state;
  sqlite3 *other = plain_open("other.db"), *db = open_at(FILE_NAME);
  sql_must(other, "CREATE TABLE x(a)");
  sqlite3_busy_timeout(db, 5000);
  sql_must(db, "ATTACH 'other.db' AS o; SELECT * FROM o.x; "
               "CREATE VIRTUAL TABLE mine USING ortto(table=tags)");
  sql_must(other, "BEGIN EXCLUSIVE");
  for(int i=0; i<(int)(sizeof sources/sizeof *sources); i++){
    char *sync = sqlite3_mprintf("SELECT ortto_sync('%s','temp.copy') ->> 'state'", sources[i]);
    char *check = sqlite3_mprintf("SELECT ortto_check('%s')", sources[i]);
    double begun = now_ms();
    assert_sql(db, sync, "done");
    if( strcmp(sources[i], "tags")!=0 ) assert_sql(db, check, "ok");
    if( now_ms() - begun>4000 ) fail_msg("%s: waited for a lock", sources[i]);
    sqlite3_free(sync);
    sqlite3_free(check);
  }
  sql_must(other, "ROLLBACK");
  sql_must(db, "BEGIN");
  assert_sql(db, "SELECT ortto_sync('tags','temp.copy') ->> 'state'", "done");
  assert_sql(db, "SELECT ortto_check('mine')", "ok");
  sql_must(other, "BEGIN EXCLUSIVE; ROLLBACK");
  db_close(other);
  db_close(db);
}

/* The other way round: main is locked altogether, and the target is in another file. */
static void test_other_main(void **state){
  (void)state;
  sqlite3 *other = plain_open(FILE_NAME), *db = open_at(FILE_NAME);
  sql_must(other, "CREATE TABLE mine(x)");
  sql_must(db, "ATTACH 'other.db' AS other; SELECT * FROM main.mine");
  sqlite3_free(sql_text(db, "SELECT ortto_sync('ortto_tags','other.tags')"));
  sql_must(other, "BEGIN EXCLUSIVE");
  assert_sql(db, "SELECT ortto_sync('ortto_accounts','other.accounts') ->> 'state'", "done");
  assert_sql(db, "SELECT ortto_sync('ortto_accounts','other.accounts') ->> 'unchanged'", "40");
  sql_must(other, "ROLLBACK");
  db_close(other);
  db_close(db);
}

static void test_last_rowid(void **state){
  (void)state;
  sqlite3 *db = open_at(FILE_NAME);
  sql_must(db, "CREATE TABLE mine(x INTEGER PRIMARY KEY); INSERT INTO mine VALUES(701)");
  sqlite3_free(sql_text(db, SCALAR));
  assert_sql(db, "SELECT last_insert_rowid()", "701");
  sqlite3_free(sql_text(db, ROWS));
  assert_sql(db, "SELECT last_insert_rowid()", "701");
  sql_must(db, "BEGIN");
  sqlite3_free(sql_text(db, SCALAR));
  assert_sql(db, "SELECT last_insert_rowid()", "701");
  sql_must(db, "COMMIT");
  assert_sql(db, "SELECT count(*) FROM accounts", "40");
  db_close(db);
}

/* ---- interrupts while the server is silent ----------------------------------- */

static void *interrupt_soon(void *ctx){
  double *at = ctx;
  for(int i=0; i<500 && server_count(&sandbox, "/v1/accounts/get")<1; i++) sleep_ms(10);
  sleep_ms(200);
  at[0] = now_ms();
  sqlite3_interrupt(*(sqlite3 **)&at[1]);
  return NULL;
}

/* The table form holds the lock that its last word would need: it does not wait for itself. */
static void test_interrupt_is_quick(void **state){
  (void)state;
  pthread_t thread;
  double at[2] = { 0, 0 };
  sqlite3 *db = open_at(FILE_NAME);
  memcpy(&at[1], &db, sizeof db);
  server_do(&sandbox, "/sandbox/forget", NULL);
  server_do(&sandbox, "/sandbox/fault", "{\"kind\":\"hang\",\"path\":\"/v1/accounts/get\",\"times\":-1}");
  if( pthread_create(&thread, NULL, interrupt_soon, at)!=0 ) fail_msg("no thread");
  assert_like(sql_text(db, ROWS), "error 9: ortto: %interrupted%", ROWS);
  double end = now_ms();
  pthread_join(thread, NULL);
  double took = end - at[0];
  server_do(&sandbox, "/sandbox/clear", NULL);
  if( took>400 ) fail_msg("that took %.0f ms", took);
  db_close(db);
}

/* ---- a shared cache ------------------------------------------------------------ */

typedef struct reader {
  sqlite3 *db;                   /* in the cache of the sync's connection */
  sqlite3_stmt *select;          /* not read to its end */
  pthread_t thread;
} reader;

static sqlite3 *shared_begin(reader *r){
  sqlite3_enable_shared_cache(1);
  sqlite3 *db = open_at(FILE_NAME);
  sql_must(db, "PRAGMA busy_timeout = 0");
  sqlite3_free(sql_text(db, SCALAR));
  r->db = plain_open(FILE_NAME);
  sqlite3_enable_shared_cache(0);
  server_do(&sandbox, "/sandbox/accounts", "{\"edit\":3}");
  server_do(&sandbox, "/sandbox/forget", NULL);
  return db;
}

static int half_read(reader *r){
  return sqlite3_prepare_v2(r->db, "SELECT * FROM accounts", -1, &r->select, NULL)==SQLITE_OK
      && sqlite3_step(r->select)==SQLITE_ROW;
}

static void *read_to_the_end(void *ctx){
  reader *r = ctx;
  sleep_ms(300);
  sqlite3_finalize(r->select);
  return NULL;
}

/* While the pages come. */
static void *read_later(void *ctx){
  reader *r = ctx;
  for(int i=0; i<500 && server_count(&sandbox, "/v1/accounts/get")<1; i++) sleep_ms(5);
  while( !half_read(r) ) sqlite3_finalize(r->select);
  return read_to_the_end(r);
}

static void *interrupt_then(void *ctx){
  sleep_ms(200);
  sqlite3_interrupt(ctx);
  return NULL;
}

/* Where the sync begins, and where it changes the table. */
static void shared_is_waited_for(void *(*read)(void *)){
  reader r = { 0 };
  sqlite3 *db = shared_begin(&r);
  if( read==read_to_the_end ) assert_true(half_read(&r));
  server_do(&sandbox, "/sandbox/fault", "{\"kind\":\"latency\",\"ms\":100,\"path\":\"/v1/accounts/get\"}");
  double began = now_ms();
  if( pthread_create(&r.thread, NULL, read, &r)!=0 ) fail_msg("no thread");
  assert_sql(db, "SELECT ortto_sync('ortto_accounts','accounts') ->> 'updated'", "3");
  if( now_ms() - began<300 ) fail_msg("it has not waited");
  pthread_join(r.thread, NULL);
  assert_sql(db, "SELECT count(*) FROM accounts WHERE industry LIKE 'Edited%'", "3");
  db_close(r.db);
  db_close(db);
}

static void test_shared_begin(void **state){ (void)state; shared_is_waited_for(read_to_the_end); }
static void test_shared_merge(void **state){ (void)state; shared_is_waited_for(read_later); }

/* A neighbour in this very thread cannot go on: an interrupt ends the wait, as the busy timeout would. */
static void test_shared_interrupt(void **state){
  (void)state;
  reader r = { 0 };
  sqlite3 *db = shared_begin(&r);
  assert_true(half_read(&r));
  double began = now_ms();
  if( pthread_create(&r.thread, NULL, interrupt_then, db)!=0 ) fail_msg("no thread");
  assert_like(sql_text(db, SCALAR), "error 9: ortto: %interrupted%", SCALAR);
  if( now_ms() - began>2000 ) fail_msg("that took %.0f ms", now_ms() - began);
  pthread_join(r.thread, NULL);
  sqlite3_finalize(r.select);
  assert_sql(db, "SELECT ortto_sync('ortto_accounts','accounts') ->> 'updated'", "3");
  db_close(r.db);
  db_close(db);
}

#define TEST(f) cmocka_unit_test_setup(f, fresh)

int main(void){
  const struct CMUnitTest tests[] = {
    TEST(test_interrupted), TEST(test_interrupted_wal), TEST(test_interrupted_rows),
    TEST(test_interrupted_memory), TEST(test_interrupted_temp), TEST(test_interrupted_nested),
    TEST(test_stays_locked), TEST(test_stays_read), TEST(test_two_tables), TEST(test_other_files),
    TEST(test_names_lock_nothing), TEST(test_other_main),
    TEST(test_last_rowid), TEST(test_interrupt_is_quick),
    TEST(test_shared_begin), TEST(test_shared_merge), TEST(test_shared_interrupt),
  };
  return cmocka_run_group_tests(tests, set_up, sandbox_stop);
}
