/*
** test_threads.c - threads with a connection each, side by side, that do everything at once; one connection
** that goes from thread to thread; connections that are made and closed while others work. Right under any
** build; make tsan looks for what two threads touch without saying so.
*/
#define _GNU_SOURCE
#include "harness.h"
#include <pthread.h>

#define THREADS 4
#define ROUNDS 3
#define FILE_NAME "threads.db"

static int set_up(void **state){
  (void)state;
  server_start(&sandbox, "--people 40 --no-archived --accounts 6 --custom 4 --account-custom 1 "
      "--audiences 3");
  /* The first load writes where SQLite is to be found; two first ones at the same time write the same. */
  db_close(db_open(&sandbox));
  return 0;
}

/* cmocka's failures are for the main thread: what went wrong is kept as text, the first of it. */
typedef struct worker {
  pthread_t thread;
  int number;
  sqlite3 *db;
  char wrong[600];
} worker;

static int is_wrong(worker *w){
  return w->wrong[0]!=0;
}

static void run(worker *w, const char *sql){
  if( is_wrong(w) || sql_run(w->db, sql)==SQLITE_OK ) return;
  snprintf(w->wrong, sizeof w->wrong, "%s: %s", sql, sqlite3_errmsg(w->db));
}

static void gives(worker *w, const char *sql, const char *expected){
  if( is_wrong(w) ) return;
  char *got = sql_text(w->db, sql);
  if( strcmp(got, expected)!=0 ) snprintf(w->wrong, sizeof w->wrong, "%s gave %s", sql, got);
  sqlite3_free(got);
}

/* As db_open, with nothing of cmocka's. */
static void connect_to(worker *w, const char *file){
  const char *ext = getenv("EXT");
  char *why = NULL, sql[400];
  w->db = NULL;
  if( sqlite3_open(file, &w->db)!=SQLITE_OK ) snprintf(w->wrong, sizeof w->wrong, "not opened");
  sqlite3_busy_timeout(w->db, 60000);
  sqlite3_enable_load_extension(w->db, 1);
  if( sqlite3_load_extension(w->db, ext ? ext : "./ortto.so", "sqlite3_ortto_init", &why)!=SQLITE_OK )
    snprintf(w->wrong, sizeof w->wrong, "%s", why);
  snprintf(sql, sizeof sql, "SELECT ortto_config('api_url', '%s'), ortto_config('key', 'sandbox-key'), "
           "ortto_config('rate', 0), ortto_config('segment_key', 'psb-sandbox-segment-key')", sandbox.url);
  run(w, sql);
}

static void disconnect(worker *w){
  if( sqlite3_close(w->db)!=SQLITE_OK && !is_wrong(w) ) snprintf(w->wrong, sizeof w->wrong, "not closed");
}

static void all_work(void *(*work)(void *), worker *w, int n){
  memset(w, 0, sizeof *w * (size_t)n);
  for(int i=0; i<n; i++){
    w[i].number = i;
    if( pthread_create(&w[i].thread, NULL, work, &w[i])!=0 ) fail_msg("no thread");
  }
  for(int i=0; i<n; i++) pthread_join(w[i].thread, NULL);
  for(int i=0; i<n; i++) if( is_wrong(&w[i]) ) fail_msg("thread %d: %s", i, w[i].wrong);
}

/* ---- each with a connection of its own ----------------------------------------------------------------- */

static void *everything(void *arg){
  worker *w = arg;
  char sql[300];
  for(int round=0; round<ROUNDS && !is_wrong(w); round++){
    connect_to(w, ":memory:");
    gives(w, "SELECT count(*) FROM (SELECT id FROM ortto_accounts WHERE name IS NOT NULL)", "6");
    run(w, "CREATE VIRTUAL TABLE temp.p USING ortto(table=people, fields=all)");
    run(w, "SELECT * FROM temp.p");
    run(w, "SELECT p.email, a.name FROM ortto_people p JOIN ortto_accounts a ON a.id = p.account_id");
    snprintf(sql, sizeof sql, "SELECT "
        "ortto_upsert('{\"user_id\":\"t%d\",\"traits\":{\"email\":\"t%d@t.example\"}}') "
             "->> 'status'", w->number, w->number);
    gives(w, sql, "200");
    snprintf(sql, sizeof sql, "BEGIN; INSERT INTO ortto_people(email) VALUES('i%d-%d@t.example'); SELECT "
        "* FROM "
             "ortto_pending; COMMIT", w->number, round);
    run(w, sql);
    gives(w, "SELECT ortto_sync('ortto_accounts', 'accounts') ->> 'rows'", "6");
    gives(w, "SELECT count(*) FROM accounts", "6");
    run(w, "SELECT * FROM ortto_log");
    gives(w, "SELECT ortto_check()", "ok");
    disconnect(w);
  }
  return NULL;
}

static void test_side_by_side(void **state){
  (void)state;
  worker w[THREADS];
  all_work(everything, w, THREADS);
}

/* ---- one database file --------------------------------------------------------------------------------- */

static void *into_one_file(void *arg){
  worker *w = arg;
  char sql[200];
  connect_to(w, FILE_NAME);
  for(int round=0; round<ROUNDS; round++){
    snprintf(sql, sizeof sql, "SELECT ortto_sync('ortto_accounts', 'accounts%d') ->> 'rows'", w->number);
    gives(w, sql, "6");
    snprintf(sql, sizeof sql, "SELECT count(*) FROM accounts%d", w->number);
    gives(w, sql, "6");
  }
  disconnect(w);
  return NULL;
}

static void test_one_file(void **state){
  (void)state;
  worker w[THREADS];
  unlink(FILE_NAME);
  all_work(into_one_file, w, THREADS);
}

/* ---- one connection ------------------------------------------------------------------------------------ */

static sqlite3 *shared;

/* SQLite lets one thread in at a time: what the extension keeps for the connection goes along. */
static void *with_one_connection(void *arg){
  worker *w = arg;
  w->db = shared;
  for(int round=0; round<ROUNDS; round++){
    run(w, "SELECT email FROM ortto_people WHERE email IS NOT NULL");
    run(w, "SELECT count(*) FROM ortto_accounts");
    run(w, "SELECT ortto_config('rate'), ortto_config('rate', 0)");
    run(w, "SELECT * FROM ortto_log");
    run(w, "SELECT ortto_upsert('{\"user_id\":\"one\"}')");
  }
  return NULL;
}

static void test_one_connection(void **state){
  (void)state;
  worker own = { 0 }, w[THREADS];
  connect_to(&own, ":memory:");
  if( is_wrong(&own) ) fail_msg("%s", own.wrong);
  shared = own.db;
  all_work(with_one_connection, w, THREADS);
  disconnect(&own);
  if( is_wrong(&own) ) fail_msg("%s", own.wrong);
}

/* ---- an interrupt from outside ------------------------------------------------------------------------- */

static volatile int working;

static void *interrupts(void *arg){
  worker *w = arg;
  while( __atomic_load_n(&working, __ATOMIC_ACQUIRE) ){
    sleep_ms(3);
    sqlite3_interrupt(w->db);
  }
  return NULL;
}

static void test_interrupted(void **state){
  (void)state;
  worker own = { 0 };
  pthread_t thread;
  connect_to(&own, ":memory:");
  if( is_wrong(&own) ) fail_msg("%s", own.wrong);
  __atomic_store_n(&working, 1, __ATOMIC_RELEASE);
  if( pthread_create(&thread, NULL, interrupts, &own)!=0 ) fail_msg("no thread");
  for(int i=0; i<30; i++){
    sql_run(own.db, "SELECT email FROM ortto_people");
    sql_run(own.db, "SELECT ortto_sync('ortto_accounts', 'accounts')");
    sql_run(own.db, "SELECT ortto_upsert('{\"user_id\":\"one\"}')");
  }
  __atomic_store_n(&working, 0, __ATOMIC_RELEASE);
  pthread_join(thread, NULL);
  gives(&own, "SELECT ortto_sync('ortto_accounts', 'accounts') ->> 'rows'", "6");
  disconnect(&own);
  if( is_wrong(&own) ) fail_msg("%s", own.wrong);
}

int main(void){
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_side_by_side),
    cmocka_unit_test(test_one_file),
    cmocka_unit_test(test_one_connection),
    cmocka_unit_test(test_interrupted),
  };
  return cmocka_run_group_tests(tests, set_up, sandbox_stop);
}
