/*
** test_sync.c - ortto_sync among other connections, threads and processes: readers see the old content or
** the new, those who write neither end a sync nor lose anything; a full disk, triggers, foreign keys and
** unique indexes; a source that changes during the scan; mode 'changes'.
*/
#define _GNU_SOURCE
#include "harness.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>

#define FILE_NAME "sync.db"
#define PEOPLE "SELECT ortto_sync('ortto_people','people')"
#define STATE(what) "SELECT " what " FROM ortto_sync_state ORDER BY run DESC LIMIT 1"
#define DONE(what) "SELECT group_concat(" what ") FROM ortto_sync('ortto_people','people') WHERE state='done'"
/* Rows that the local table and the source do not have in common. */
#define DIFFERENCE "SELECT (SELECT count(*) FROM (SELECT * FROM people EXCEPT SELECT * FROM ortto_people))" \
  "||' '||(SELECT count(*) FROM (SELECT * FROM ortto_people EXCEPT SELECT * FROM people))"

static int set_up(void **state){
  (void)state;
  server_start(&sandbox,
      "--people 2000 --no-archived --accounts 40 --custom 4 --account-custom 1 --date fake");
  return 0;
}

/* Every test starts with a server as it was at first, and without a file. */
static int fresh(void **state){
  (void)state;
  server_do(&sandbox, "/sandbox/reset", NULL);
  server_do(&sandbox, "/sandbox/set", "{\"latency_ms\":0,\"snapshot\":true}");
  database_remove(FILE_NAME);
  return 0;
}

static sqlite3 *plain_open(int patience_ms){
  sqlite3 *db;
  if( sqlite3_open(FILE_NAME, &db)!=SQLITE_OK ) fail_msg("sqlite3_open");
  sqlite3_busy_timeout(db, patience_ms);
  return db;
}

/* The file with the extension loaded. It lists six fields, so that the tests are quick under a sanitizer
** too. */
static sqlite3 *file_open(void){
  sqlite3 *db = db_open(&sandbox), *file = NULL;
  const char *ext = getenv("EXT");
  char *why = NULL;
  db_close(db);
  if( sqlite3_open(FILE_NAME, &file)!=SQLITE_OK ) fail_msg("sqlite3_open");
  sqlite3_enable_load_extension(file, 1);
  if( sqlite3_load_extension(file, ext ? ext : "./ortto.so", "sqlite3_ortto_init", &why)!=SQLITE_OK )
    fail_msg("%s", why);
  char *sql = sqlite3_mprintf(
      "SELECT ortto_config('api_url', %Q), ortto_config('key', 'sandbox-key'), ortto_config('rate', 0), "
                              "ortto_config('retries', 0)", sandbox.url);
  sql_must(file, sql);
  sqlite3_free(sql);
  sqlite3_busy_timeout(file, 5000);    /* for SQLite's own reading of the schema */
  return file;
}

static void journal_mode(const char *mode){
  sqlite3 *db = plain_open(1000);
  char *sql = sqlite3_mprintf("PRAGMA journal_mode=%s", mode);
  assert_sql(db, sql, mode);
  sqlite3_free(sql);
  db_close(db);
}

static void assert_like(const char *got, const char *pattern, const char *what){
  if( sqlite3_strlike(pattern, got, 0)!=0 ) fail_msg("%s\n  gave     %s\n  expected %s", what, got, pattern);
}

/* The statement must fail, with a message like this. */
static void must_fail(sqlite3 *db, const char *sql, const char *pattern){
  char *got = sql_text(db, sql);
  assert_like(got, pattern, sql);
  sqlite3_free(got);
}

/* The content of a table as one number; changes with any value in it. 0 if it cannot be read. */
static uint64_t digest(sqlite3 *db, const char *sql){
  sqlite3_stmt *stmt = NULL;
  uint64_t h = 1469598103934665603u;
  if( sqlite3_prepare_v2(db, sql, -1, &stmt, NULL)!=SQLITE_OK ) return 0;
  int rc;
  while( (rc = sqlite3_step(stmt))==SQLITE_ROW )
    for(int i=0; i<sqlite3_column_count(stmt); i++){
      const char *text = (const char *)sqlite3_column_text(stmt, i);
      for(const char *p = text ? text : "\1"; *p; p++) h = (h ^ (unsigned char)*p) * 1099511628211u;
      h = (h ^ 2) * 1099511628211u;
    }
  sqlite3_finalize(stmt);
  return rc==SQLITE_DONE ? h : 0;
}

#define CONTENT "SELECT id, email, first_name, edited FROM people ORDER BY id"
#define SOURCE  "SELECT id, email, first_name, edited FROM ortto_people ORDER BY id"

/* ---- readers --------------------------------------------------------------- */

/* Another process that reads the table all the time, and notes each new content; what it saw comes out of
** the pipe. */
static pid_t reader_start(int *out, int *stop){
  int result[2] = { -1, -1 }, until[2] = { -1, -1 };
  if( pipe(result)!=0 || pipe(until)!=0 ) fail_msg("no pipe");
  fflush(NULL);
  pid_t pid = fork();
  if( pid==0 ){
    sqlite3 *db = NULL;
    uint64_t last = 0;
    long n = 0;
    char end;
    close(until[1]);
    fcntl(until[0], F_SETFL, O_NONBLOCK);
    if( sqlite3_open(FILE_NAME, &db)!=SQLITE_OK ) _exit(1);
    sqlite3_busy_timeout(db, 10000);
    for(; read(until[0], &end, 1)!=0; n++){
      uint64_t now = digest(db, CONTENT);
      if( now!=last && write(result[1], &now, sizeof now)!=sizeof now ) _exit(1);
      last = now;
      usleep(500);
    }
    sqlite3_close(db);
    _exit(n>3 ? 0 : 2);
  }
  close(result[1]);
  close(until[0]);
  *out = result[0];
  *stop = until[1];
  return pid;
}

/* A reader that polls all the time sees the old content, then the new, and nothing else, however large the
** change. */
static void reader_sees_old_or_new(const char *mode, const char *sql){
  uint64_t seen;
  int out, stop, status, contents = 0;
  journal_mode(mode);
  sqlite3 *db = file_open();
  char *text = sql_text(db, PEOPLE);
  assert_like(text, "%\"inserted\":2000,%", PEOPLE);
  sqlite3_free(text);
  uint64_t before = digest(db, CONTENT);
  server_do(&sandbox, "/sandbox/people", "{\"remove\":300}");
  server_do(&sandbox, "/sandbox/people", "{\"add\":200}");
  server_do(&sandbox, "/sandbox/people", "{\"edit\":900,\"step\":2}");
  server_do(&sandbox, "/sandbox/set", "{\"latency_ms\":20}");
  uint64_t after = digest(db, SOURCE);
  pid_t reader = reader_start(&out, &stop);
  sleep_ms(50);
  text = sql_text(db, sql);
  assert_like(text, "%done%", sql);
  sqlite3_free(text);
  sleep_ms(50);
  close(stop);
  waitpid(reader, &status, 0);
  if( status!=0 ) fail_msg("the reader ended with status %d", status);
  while( read(out, &seen, sizeof seen)==sizeof seen ){
    contents++;
    if( seen!=before && seen!=after )
      fail_msg("%s: content %d is neither the old one nor the new one", mode, contents);
  }
  close(out);
  assert_int_equal(contents, 2);
  assert_true(digest(db, CONTENT)==after);
  db_close(db);
}

static void test_reader_wal(void **state){
  (void)state;
  reader_sees_old_or_new("wal", PEOPLE);
}

static void test_reader_wal_rows(void **state){
  (void)state;
  reader_sees_old_or_new("wal", "SELECT group_concat(state) FROM ortto_sync('ortto_people','people')");
}

static void test_reader_rollback(void **state){
  (void)state;
  reader_sees_old_or_new("delete", PEOPLE);
}

/* ---- neighbours that write -------------------------------------------------- */

typedef struct neighbour {
  atomic_int stop;
  long written, refused;
} neighbour;

/* Writes one row per transaction; one that is refused because the database is locked is given up, as a
** program would. */
static void *neighbour_run(void *ctx){
  neighbour *n = ctx;
  sqlite3 *db = NULL;
  sqlite3_open(FILE_NAME, &db);
  sqlite3_busy_timeout(db, 50);
  while( !n->stop ){
    int rc = sqlite3_exec(db, "BEGIN IMMEDIATE; INSERT INTO notes VALUES('note'); COMMIT", NULL, NULL, NULL);
    if( rc==SQLITE_OK ) n->written++;
    else{
      n->refused++;
      sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    }
    sleep_ms(3);
  }
  sqlite3_close(db);
  return NULL;
}

/* Neither does the neighbour end the sync, nor is anything of either lost. */
static void neighbour_writes(const char *mode, const char *sql, int may_write){
  neighbour n = { 0, 0, 0 };
  pthread_t thread;
  journal_mode(mode);
  sqlite3 *db = file_open();
  sql_must(db, "CREATE TABLE notes(x)");
  sql_must(db, "CREATE TABLE people(id TEXT PRIMARY KEY, email TEXT)");
  server_do(&sandbox, "/sandbox/set", "{\"latency_ms\":15}");
  sql_must(db, "SELECT ortto_config('concurrency', 1)");
  if( pthread_create(&thread, NULL, neighbour_run, &n)!=0 ) fail_msg("no thread");
  sleep_ms(20);
  long before = n.written;
  char *text = sql_text(db, sql);
  long during = n.written - before;
  assert_like(text, "%done%", sql);
  sqlite3_free(text);
  n.stop = 1;
  pthread_join(thread, NULL);
  print_message("# %s, %s: the neighbour wrote %ld rows meanwhile, %ld times it was refused\n", mode, sql,
      during, n.refused);
  if( may_write ) assert_true(during>0);
  text = sqlite3_mprintf("%ld", n.written);
  assert_sql(db, "SELECT count(*) FROM notes", text);
  sqlite3_free(text);
  server_do(&sandbox, "/sandbox/set", "{\"latency_ms\":0}");
  assert_sql(db, DIFFERENCE, "0 0");
  assert_sql(db, "PRAGMA integrity_check", "ok");
  db_close(db);
}

static void test_neighbour_wal(void **state){
  (void)state;
  neighbour_writes("wal", PEOPLE, 1);
}

static void test_neighbour_rollback(void **state){
  (void)state;
  neighbour_writes("delete", PEOPLE, 1);
}

static void test_neighbour_wal_rows(void **state){
  (void)state;
  neighbour_writes("wal", "SELECT group_concat(state) FROM ortto_sync('ortto_people','people')", 1);
}

/* Here the neighbour has to wait, says the contract, and so may be refused; but the sync ends well. */
static void test_neighbour_rollback_rows(void **state){
  (void)state;
  neighbour_writes("delete", "SELECT group_concat(state) FROM ortto_sync('ortto_people','people')", 0);
}

/* Between two pages the scalar form holds no lock: while the server does not answer, anyone can write. */
static void *sync_in_thread(void *ctx){
  return sql_text(ctx, PEOPLE);
}

static void test_no_lock_while_waiting(void **state){
  (void)state;
  pthread_t thread;
  void *answer;
  sqlite3 *db = file_open(), *other = plain_open(0);
  sql_must(db, "SELECT ortto_config('concurrency', 1)");
  server_do(&sandbox, "/sandbox/fault",
      "{\"kind\":\"hang\",\"path\":\"/v1/person/get\",\"after\":2,\"times\":-1}");
  if( pthread_create(&thread, NULL, sync_in_thread, db)!=0 ) fail_msg("no thread");
  for(int i=0; i<500 && server_count(&sandbox, "/v1/person/get")<3; i++) sleep_ms(10);
  /* Exclusive: no reader may be there either. The page that came last may still be on its way to the file. */
  int rc = SQLITE_BUSY;
  for(int i=0; i<500 && rc==SQLITE_BUSY; i++){
    sleep_ms(10);
    rc = sql_run(other, "BEGIN EXCLUSIVE; CREATE TABLE mine(x); COMMIT");
    if( rc==SQLITE_BUSY ) sql_run(other, "ROLLBACK");
  }
  server_do(&sandbox, "/sandbox/clear", NULL);
  pthread_join(thread, &answer);
  sqlite3_free(answer);
  assert_int_equal(rc, SQLITE_OK);
  db_close(other);
  char *text = sql_text(db, PEOPLE);
  assert_like(text, "%\"state\":\"done\"%", PEOPLE);
  sqlite3_free(text);
  assert_sql(db, DIFFERENCE, "0 0");
  db_close(db);
}

/* A writer that keeps the lock for a while is waited for. */
static void *lock_for_a_while(void *ctx){
  sqlite3 *db = ctx;
  sleep_ms(300);
  sql_run(db, "COMMIT");
  return NULL;
}

static void test_waits_for_a_writer(void **state){
  (void)state;
  pthread_t thread;
  sqlite3 *db = file_open(), *other = plain_open(0);
  sql_must(other, "CREATE TABLE notes(x); BEGIN IMMEDIATE; INSERT INTO notes VALUES(1)");
  if( pthread_create(&thread, NULL, lock_for_a_while, other)!=0 ) fail_msg("no thread");
  char *text = sql_text(db, PEOPLE);
  assert_like(text, "%\"state\":\"done\"%", PEOPLE);
  sqlite3_free(text);
  pthread_join(thread, NULL);
  assert_sql(db, "SELECT count(*) FROM notes", "1");
  db_close(other);
  db_close(db);
}

/* ---- two at once, and going on ------------------------------------------------ */

static sqlite3_stmt *rows_start(sqlite3 *db, int pages){
  sqlite3_stmt *stmt = NULL;
  sql_must(db, "SELECT ortto_config('concurrency', 1)");
  if( sqlite3_prepare_v2(db, "SELECT state FROM ortto_sync('ortto_people','people')", -1, &stmt,
      NULL)!=SQLITE_OK )
    fail_msg("%s", sqlite3_errmsg(db));
  for(int i=0; i<pages; i++)
    if( sqlite3_step(stmt)!=SQLITE_ROW ) fail_msg("page %d: %s", i, sqlite3_errmsg(db));
  return stmt;
}

/* From two connections of one process, and twice from one connection: the second fails clearly, the first
** goes on. */
static void test_two_at_once(void **state){
  (void)state;
  journal_mode("wal");
  sqlite3 *a = file_open(), *b = file_open();
  sqlite3_stmt *first = rows_start(a, 2);
  must_fail(b, PEOPLE, "error 1: ortto: another sync into 'people' is at work%");
  must_fail(b, "SELECT ortto_sync('ortto_accounts','PEOPLE')",
      "error 1: ortto: another sync into 'people' is at work%");
  must_fail(a, PEOPLE, "error 1: ortto: another sync into 'people' is at work%");
  char *text = sql_text(b, "SELECT ortto_sync('ortto_people','others')");
  assert_like(text, "%\"state\":\"done\"%", "another target");
  sqlite3_free(text);
  int rc, rows = 2;
  while( (rc = sqlite3_step(first))==SQLITE_ROW ) rows++;
  assert_int_equal(rc, SQLITE_DONE);
  assert_int_equal(rows, 5);               /* four pages and the end */
  sqlite3_finalize(first);
  assert_sql(a, DIFFERENCE, "0 0");
  db_close(a);
  db_close(b);
}

/* Where a neighbour's writing makes the table form go on by a connection of its own, that has the program's
** rules for rows which depend on others. */
static void test_neighbour_rules(void **state){
  (void)state;
  journal_mode("wal");
  sqlite3 *db = file_open(), *neighbour = plain_open(1000);
  sql_must(db, "CREATE TABLE notes(x); CREATE TABLE seen(id); CREATE TABLE people(id TEXT PRIMARY KEY, email "
               "TEXT); CREATE TABLE friends(id TEXT REFERENCES people(id) ON DELETE CASCADE)");
  sql_must(db, "SELECT ortto_sync('ortto_people','people'); INSERT INTO friends SELECT id FROM people; "
               "INSERT INTO people(id) VALUES('gone'); INSERT INTO friends VALUES('gone')");
  sql_must(db, "CREATE TRIGGER see AFTER DELETE ON people BEGIN INSERT INTO seen VALUES(OLD.id); END; "
               "PRAGMA foreign_keys=ON");
  sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
  sqlite3_stmt *rows = rows_start(db, 2);
  sql_must(neighbour, "INSERT INTO notes VALUES('note')");
  while( sqlite3_step(rows)==SQLITE_ROW ) {}
  assert_int_equal(sqlite3_finalize(rows), SQLITE_OK);
  assert_sql(db, DIFFERENCE, "0 0");
  assert_sql(db, "SELECT count(*) FROM friends WHERE id = 'gone'", "0");
  assert_sql(db, "SELECT count(*) FROM seen", "0");
  db_close(neighbour);
  db_close(db);
}

/* A statement that is not read to its end is an interrupted sync; another connection goes on, while the
** first lives. */
static void test_not_read_to_its_end(void **state){
  (void)state;
  sqlite3 *a = file_open(), *b = file_open();
  sqlite3_finalize(rows_start(a, 2));
  assert_sql(b, STATE("state||' '||rows"), "interrupted 1000");
  assert_sql(b, "SELECT count(*) FROM sqlite_schema WHERE name='people'", "0");
  server_do(&sandbox, "/sandbox/forget", NULL);
  assert_sql(b, "SELECT group_concat(state||page) FROM ortto_sync('ortto_people','people')",
      "resumed3,fetching4,done4");
  assert_int_equal(server_count(&sandbox, "/v1/person/get"), 2);
  assert_sql(b, DIFFERENCE, "0 0");
  db_close(a);
  db_close(b);
}

/* A page that lacks a row, again and again: it makes the run fail at the list's end, and is not built upon by
** another, whether that end was reached or not. */
static void test_row_lost_before(void **state){
  static const char sync[] = "SELECT state||rows FROM ortto_sync('ortto_people','people') LIMIT 1 OFFSET ";
  (void)state;
  sqlite3 *db = file_open();
  sql_must(db, "SELECT ortto_config('concurrency', 1)");
  for(int to_its_end=0; to_its_end<2; to_its_end++){
    char *sql = sqlite3_mprintf("%s%d", sync, to_its_end ? 4 : 2);
    server_do(&sandbox, "/sandbox/fault",
        "{\"kind\":\"lost_row\",\"path\":\"/v1/person/get\",\"after\":1,\"times\":-1}");
    char *got = sql_text(db, sql);
    assert_like(got, to_its_end ? "%ends the list at row 1996 of the 2000%" : "fetching1498", sql);
    server_do(&sandbox, "/sandbox/clear", NULL);
    sqlite3_free(got);
    sqlite3_free(sql);
    assert_sql(db, "SELECT ortto_sync('ortto_people','people') ->> 'rows'", "2000");
    assert_sql(db, "SELECT message LIKE '%fewer rows%' FROM ortto_sync_state ORDER BY run DESC LIMIT 1", "1");
  }
  db_close(db);
}

/* Requests are counted, whatever became of their pages: a run that begins anew had those before, and of pages
** with nothing new no row tells. */
static void test_requests_are_counted(void **state){
  static const char *const syncs[] = {
    "SELECT ortto_sync('ortto_people','people') ->> 'requests'",
    "SELECT ortto_sync('ortto_people','people','changes') ->> 'requests'",
  };
  static const char *const faults[] = {
    "{\"kind\":\"repeat_id\",\"shift\":true,\"path\":\"/v1/person/get\",\"after\":1}",
    "{\"kind\":\"lost_row\",\"path\":\"/v1/person/get\",\"after\":1,\"times\":2}",
  };
  (void)state;
  sqlite3 *db = file_open();
  sql_must(db, "SELECT count(*) FROM pragma_table_info('ortto_people')");
  for(int changes=0; changes<2; changes++){
    server_do(&sandbox, "/sandbox/people", "{\"edit\":1500}");
    server_do(&sandbox, "/sandbox/fault", faults[changes]);
    server_do(&sandbox, "/sandbox/forget", NULL);
    char *told = sql_text(db, syncs[changes]);
    long sent = server_count(&sandbox, "/v1/person/get");
    if( sent<6 || atol(told)!=sent ) fail_msg("%s, of %ld", told, sent);
    sqlite3_free(told);
    assert_sql(db, "SELECT count(*) FROM people", "2000");
    server_do(&sandbox, "/sandbox/clear", NULL);
  }
  db_close(db);
}

/* A statement reset and stepped again is a new call. */
static void test_reset_and_again(void **state){
  (void)state;
  sqlite3 *db = file_open();
  sqlite3_stmt *stmt = rows_start(db, 2);
  sqlite3_reset(stmt);
  assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
  assert_string_equal((const char *)sqlite3_column_text(stmt, 0), "resumed");
  sqlite3_finalize(stmt);
  db_close(db);
}

static void *interrupt_soon(void *ctx){
  for(int i=0; i<500 && server_count(&sandbox, "/v1/person/get")<3; i++) sleep_ms(10);
  sleep_ms(50);
  sqlite3_interrupt(ctx);
  return NULL;
}

/* sqlite3_interrupt() ends a sync; another connection goes on, though the interrupted one stays open. */
static void interrupted_goes_on(const char *sql, const char *state){
  pthread_t thread;
  sqlite3 *a = file_open(), *b = file_open();
  sql_must(a, "SELECT ortto_config('concurrency', 1)");
  server_do(&sandbox, "/sandbox/fault",
      "{\"kind\":\"hang\",\"path\":\"/v1/person/get\",\"after\":2,\"times\":-1}");
  if( pthread_create(&thread, NULL, interrupt_soon, a)!=0 ) fail_msg("no thread");
  must_fail(a, sql, "error 9: %interrupted%");
  pthread_join(thread, NULL);
  server_do(&sandbox, "/sandbox/clear", NULL);
  assert_sql(b, STATE("state||' '||rows||' '||(finished IS NOT NULL)"), state);
  assert_sql(b, "SELECT group_concat(state||page) FROM ortto_sync('ortto_people','people')",
      "resumed3,fetching4,done4");
  assert_sql(a, DIFFERENCE, "0 0");
  db_close(a);
  db_close(b);
}

static void test_interrupt(void **state){
  (void)state;
  interrupted_goes_on(PEOPLE, "interrupted 1000 1");
}

static void test_interrupt_rows(void **state){
  (void)state;
  journal_mode("wal");
  interrupted_goes_on("SELECT count(*) FROM ortto_sync('ortto_people','people')", "interrupted 1000 1");
}

/* Here nobody can write as long as the interrupted SELECT holds its read lock: the state is not put on
** record. */
static void test_interrupt_rows_rollback(void **state){
  (void)state;
  interrupted_goes_on("SELECT count(*) FROM ortto_sync('ortto_people','people')", "fetching 1000 0");
}

/* ---- a full disk ---------------------------------------------------------------- */

/* The database may grow by a little more each time. Whatever write fails, the local table is unchanged, the
** message says what failed, and the next call goes on, until at last all fits. */
static void disk_full(const char *mode){
  int failed_staging = 0, failed_merging = 0;
  journal_mode(mode);
  sqlite3 *db = file_open();
  sql_must(db, "CREATE TABLE people(id TEXT PRIMARY KEY, email TEXT, mine TEXT)");
  sql_must(db, "INSERT INTO people VALUES('old', 'old@example.com', 'kept')");
  for(int pages=12; ; pages+=23){
    char *sql = sqlite3_mprintf("PRAGMA max_page_count=%d", pages), *limit = sql_text(db, sql);
    sqlite3_free(sql);
    sqlite3_free(limit);
    server_do(&sandbox, "/sandbox/forget", NULL);
    char *was = sql_text(db,
        "SELECT coalesce((SELECT state FROM ortto_sync_state ORDER BY run DESC LIMIT 1), '')");
    int merging = strcmp(was, "fetched")==0;
    sqlite3_free(was);
    char *got = sql_text(db, PEOPLE);
    long fetched = server_count(&sandbox, "/v1/person/get");
    if( merging && fetched!=0 ) fail_msg("all was fetched, but %ld pages were asked for again", fetched);
    int over = strncmp(got, "error", 5)!=0;
    if( !over ) assert_like(got, "error 13: ortto: %full%", PEOPLE);
    /* What the message calls kept is kept: rows are counted as they are there. */
    assert_sql(db, STATE("coalesce(message, 'resumed')"), "resumed");
    sqlite3_free(got);
    if( over ) break;
    if( merging ) failed_merging++; else failed_staging++;
    assert_sql(db, "SELECT group_concat(id||email||mine) FROM people", "oldold@example.comkept");
    assert_sql(db, "SELECT count(*) FROM pragma_table_info('people')", "3");
    if( pages>20000 ) fail_msg("it never fits");
  }
  print_message("# %s: failed %d times in staging, %d times in the merge\n", mode, failed_staging,
      failed_merging);
  assert_true(failed_staging>1);
  assert_true(failed_merging>0);
  assert_sql(db, "SELECT count(*) FROM people WHERE id='old'", "0");
  assert_sql(db,
      "SELECT count(*) FROM (SELECT id, email, edited FROM people EXCEPT SELECT id, email, edited FROM "
      "ortto_people)", "0");
  assert_sql(db, "SELECT count(*) FROM people", "2000");
  assert_sql(db, "PRAGMA integrity_check", "ok");
  db_close(db);
}

static void test_disk_full_rollback(void **state){
  (void)state;
  disk_full("delete");
}

static void test_disk_full_wal(void **state){
  (void)state;
  disk_full("wal");
}

/* ---- the user's own rules --------------------------------------------------------- */

/* The rule refuses the merge: it fails with the rule's message, the table is unchanged; when the rule is
** gone, the next call merges without fetching. */
static void refused(const char *rule, const char *message, const char *unrule){
  sqlite3 *db = file_open();
  char *text = sql_text(db, PEOPLE);
  assert_like(text, "%\"inserted\":2000,%", PEOPLE);
  sqlite3_free(text);
  sql_must(db, rule);
  server_do(&sandbox, "/sandbox/people", "{\"edit\":20,\"step\":3}");
  server_do(&sandbox, "/sandbox/people", "{\"remove\":1}");
  server_do(&sandbox, "/sandbox/people", "{\"add\":1}");
  uint64_t before = digest(db, CONTENT);
  must_fail(db, PEOPLE, message);
  assert_true(digest(db, CONTENT)==before);
  assert_int_equal(sqlite3_get_autocommit(db), 1);
  assert_sql(db, STATE("state<>'done' AND error LIKE 'ortto: %'"), "1");
  server_do(&sandbox, "/sandbox/forget", NULL);
  /* as long as the rule is there, and still nothing is fetched */
  must_fail(db, PEOPLE, message);
  sql_must(db, unrule);
  text = sql_text(db, PEOPLE);
  assert_like(text, "%\"state\":\"done\"%\"inserted\":1,\"updated\":20,\"deleted\":1,\"unchanged\":1979,%",
      PEOPLE);
  sqlite3_free(text);
  assert_int_equal(server_count(&sandbox, "/v1/person/get"), 0);
  assert_sql(db, DIFFERENCE, "0 0");
  db_close(db);
}

static void test_refused_by_trigger(void **state){
  (void)state;
  refused("CREATE TRIGGER t BEFORE INSERT ON people BEGIN SELECT RAISE(ABORT, 'not on Fridays'); END",
      "error%: ortto: %not on Fridays%",
          "DROP TRIGGER t");
}

static void test_refused_by_rollback_trigger(void **state){
  (void)state;
  refused("CREATE TRIGGER t BEFORE DELETE ON people BEGIN SELECT RAISE(ROLLBACK, 'never'); END",
      "error%: ortto: %never%", "DROP TRIGGER t");
}

static void test_refused_by_fail_trigger(void **state){
  (void)state;
  refused("CREATE TRIGGER t AFTER UPDATE ON people BEGIN SELECT RAISE(FAIL, 'stop here'); END",
      "error%: ortto: %stop here%", "DROP TRIGGER t");
}

static void test_refused_by_foreign_key(void **state){
  (void)state;
  refused("PRAGMA foreign_keys=on; CREATE TABLE orders(person TEXT REFERENCES people(id)); INSERT INTO "
      "orders SELECT id FROM people",
          "error%: ortto: %FOREIGN KEY constraint failed%", "DELETE FROM orders");
}

static void test_refused_by_deferred_foreign_key(void **state){
  (void)state;
  refused("PRAGMA foreign_keys=on; CREATE TABLE orders(person TEXT REFERENCES people(id) DEFERRABLE "
      "INITIALLY DEFERRED);"
          "INSERT INTO orders SELECT id FROM people", "error%: ortto: %FOREIGN KEY constraint failed%",
              "DELETE FROM orders");
}

/* An index that the edited rows violate: all get the same constant value. */
static void test_refused_by_unique_index(void **state){
  (void)state;
  refused("CREATE UNIQUE INDEX u ON people(CASE WHEN edited>'2025-10-01T00:00:00Z' THEN 1 END)",
      "error%: ortto: %UNIQUE constraint failed%",
          "DROP INDEX u");
}

/* Two people of the source exchange their external ids. */
static void swap_external_ids(sqlite3 *db){
  sqlite3_stmt *stmt;
  char id[2][64], value[2][64];
  sql_must(db, PEOPLE);
  sql_must(db, "CREATE UNIQUE INDEX u ON people(external_id)");
  sqlite3_prepare_v2(db,
      "SELECT id, external_id FROM people WHERE external_id IS NOT NULL ORDER BY id LIMIT 2", -1, &stmt,
      NULL);
  for(int i=0; i<2; i++){
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    snprintf(id[i], sizeof id[i], "%s", (const char *)sqlite3_column_text(stmt, 0));
    snprintf(value[i], sizeof value[i], "%s", (const char *)sqlite3_column_text(stmt, 1));
  }
  sqlite3_finalize(stmt);
  for(int i=0; i<2; i++){
    char *body = sqlite3_mprintf("{\"person\":{\"id\":\"%s\",\"fields\":{\"str::ei\":\"%s\"}}}", id[i],
        value[1-i]);
    server_do(&sandbox, "/sandbox/people", body);
    sqlite3_free(body);
  }
}

/* Unique values that two people swap are a legal state of the table, though not when one row is changed
** before the other. */
static void test_unique_values_swapped(void **state){
  (void)state;
  sqlite3 *db = file_open();
  swap_external_ids(db);
  char *got = sql_text(db, PEOPLE);
  assert_like(got, "%\"state\":\"done\"%\"updated\":2,%", PEOPLE);
  sqlite3_free(got);
  assert_sql(db, DIFFERENCE, "0 0");
  db_close(db);
}

/* The same of an index on an expression. */
static void test_unique_expressions_swapped(void **state){
  (void)state;
  sqlite3 *db = file_open();
  sqlite3_free(sql_text(db, PEOPLE));
  sql_must(db, "CREATE TEMP TABLE two AS SELECT id, email FROM people WHERE email IS NOT NULL LIMIT 2");
  sql_must(db, "UPDATE people SET email=(SELECT email FROM two WHERE two.id<>people.id) "
               "WHERE id IN (SELECT id FROM two)");
  sql_must(db, "CREATE UNIQUE INDEX no_case ON people(lower(email))");
  char *got = sql_text(db, PEOPLE);
  assert_like(got, "%\"state\":\"done\"%\"updated\":2,%", PEOPLE);
  sqlite3_free(got);
  assert_sql(db, DIFFERENCE, "0 0");
  db_close(db);
}

/* The rows of the user's that refer to such values either follow, or the change is refused; they are not
** cut off. */
static void test_unique_values_swapped_with_children(void **state){
  (void)state;
  sqlite3 *db = file_open();
  sql_must(db, "PRAGMA foreign_keys=on");
  swap_external_ids(db);
  sql_must(db, "CREATE TABLE orders(person TEXT REFERENCES people(external_id) ON UPDATE CASCADE)");
  sql_must(db, "INSERT INTO orders SELECT external_id FROM people WHERE external_id IS NOT NULL");
  sqlite3_free(sql_text(db, PEOPLE));
  assert_sql(db, "SELECT count(*) FROM orders WHERE person IS NULL", "0");
  assert_sql(db, "PRAGMA foreign_key_check", "");
  db_close(db);
}

/* Interrupted in the merge, by a trigger that takes for ever: the next call merges without fetching. */
static void *interrupt_the_merge(void *ctx){
  sqlite3 *watch = plain_open(1000);
  for(int i=0; i<1000; i++){
    char *now = sql_text(watch, STATE("state"));
    int merging = strcmp(now, "fetched")==0;
    sqlite3_free(now);
    if( merging ) break;
    sleep_ms(5);
  }
  sleep_ms(50);
  sqlite3_interrupt(ctx);
  sqlite3_close(watch);
  return NULL;
}

static void test_interrupt_in_the_merge(void **state){
  (void)state;
  pthread_t thread;
  sqlite3 *db = file_open(), *other = file_open();
  sql_must(db,
      "CREATE TABLE people(id TEXT PRIMARY KEY, email TEXT); INSERT INTO people VALUES('old', 'row')");
  sql_must(db, "CREATE TRIGGER slow AFTER INSERT ON people BEGIN SELECT max(x) FROM (WITH RECURSIVE n(x) AS "
               "(SELECT 1 UNION ALL SELECT x+1 FROM n LIMIT 1000000000) SELECT x FROM n); END");
  if( pthread_create(&thread, NULL, interrupt_the_merge, db)!=0 ) fail_msg("no thread");
  must_fail(db, PEOPLE, "error 9: %interrupted%");
  pthread_join(thread, NULL);
  assert_sql(other, "SELECT group_concat(id||email) FROM people", "oldrow");
  assert_int_equal(sqlite3_get_autocommit(db), 1);
  server_do(&sandbox, "/sandbox/forget", NULL);
  sql_must(other, "DROP TRIGGER slow");
  assert_sql(other, "SELECT group_concat(state) FROM ortto_sync('ortto_people','people')", "resumed,done");
  assert_int_equal(server_count(&sandbox, "/v1/person/get"), 0);
  assert_sql(other,
      "SELECT count(*) FROM (SELECT id, email FROM people EXCEPT SELECT id, email FROM ortto_people)", "0");
  db_close(db);
  db_close(other);
}

/* ---- progress --------------------------------------------------------------------- */

/* What a sync with this setting of progress writes to standard error: a terminal (so many columns wide, if
** more than 1), or a pipe. */
static char *progress_of(const char *setting, int terminal){
  int fd[2] = { -1, -1 };
  if( terminal ){
    fd[0] = posix_openpt(O_RDWR|O_NOCTTY);
    if( fd[0]<0 || grantpt(fd[0])!=0 || unlockpt(fd[0])!=0
        || (fd[1] = open(ptsname(fd[0]), O_RDWR|O_NOCTTY))<0 ){
      print_message("# no pseudo-terminals here (/dev/pts is not mounted)\n");
      skip();
    }
    struct winsize size = { .ws_row = 25, .ws_col = (unsigned short)terminal };
    if( terminal>1 ) ioctl(fd[1], TIOCSWINSZ, &size);
  }else if( pipe(fd)!=0 ) fail_msg("no pipe");
  fflush(NULL);
  pid_t pid = fork();
  if( pid==0 ){
    dup2(fd[1], 2);
    sqlite3 *db = file_open();
    char *sql = sqlite3_mprintf("SELECT ortto_config('progress', %Q), ortto_config('rate', %d)", setting,
                                terminal ? 1 : 0);   /* where a line is due, long enough for it */
    int rc = sql_run(db, sql);
    sqlite3_free(sql);
    sqlite3_free(sql_text(db, PEOPLE));
    _exit(rc!=SQLITE_OK);
  }
  int status;
  waitpid(pid, &status, 0);
  assert_int_equal(status, 0);
  char *out = calloc(1, 20001);
  size_t used = 0;
  fcntl(fd[0], F_SETFL, O_NONBLOCK);
  for(ssize_t n; used<20000 && (n = read(fd[0], out+used, 20000-used))>0; ) used += (size_t)n;
  close(fd[0]);
  close(fd[1]);
  return out;
}

/* What stands on the terminal in the end: each line over the one before. */
static void assert_screen(const char *written){
  char screen[300] = "";
  size_t at = 0;
  for(const char *p=written; *p && *p!='\n' && at<sizeof screen - 1; p++){
    if( *p=='\r' ) at = 0;
    else screen[at++] = *p;
  }
  if( strstr(screen, "left") || strstr(screen, "rows/s") || strstr(screen, "waiting") )
    fail_msg("a line's tail stands there still: %s", screen);
}

/* A line with rows of how many, rows per second, the time left and what is waited for, and at the end what
** was done; only if it is asked for, and only on a terminal. Other waits: progress.test.sh. */
static void test_progress(void **state){
  (void)state;
  char *got = progress_of("on", 1);
  assert_like(got, "%ortto_people: 1_00 of 2000 rows, % rows/s, % s left, waiting for the rate%"
              "ortto_people: 2000 rows in % s%\n", "progress=on on a terminal");
  assert_screen(got);
  free(got);
  got = progress_of("on", 40);
  for(char *p=strtok(got, "\r\n"); p; p=strtok(NULL, "\r\n"))
    if( strlen(p)>39 ) fail_msg("longer than the terminal is wide: %s", p);
  free(got);
  got = progress_of("off", 1);
  assert_string_equal(got, "");
  free(got);
  got = progress_of("on", 0);
  assert_string_equal(got, "");
  free(got);
}

/* ---- the source changes during the scan ----------------------------------------------- */

/* What is true of every result: who was in the source all the time is in the copy, once and as it was; who
** was never in it is not. */
static void assert_nobody_lost(sqlite3 *db, const char *what){
  char *got = sql_text(db,
      "SELECT (SELECT count(*) FROM (SELECT id, email, first_name, edited FROM moments GROUP BY 1, 2, 3, 4 "
    "HAVING count(*)=(SELECT max(n)+1 FROM moments) EXCEPT SELECT id, email, first_name, edited FROM "
        "people))||' '||"
    "(SELECT count(*) FROM people WHERE id NOT IN (SELECT id FROM moments))||' '||(SELECT "
        "count(*)-count(DISTINCT id) FROM people)");
  if( strcmp(got, "0 0 0")!=0 ) fail_msg("%s: lost, from nowhere, doubled: %s", what, got);
  sqlite3_free(got);
}

/* The source as it is now, as moment n. */
static uint64_t moment_keep(sqlite3 *db, int n){
  char *sql = sqlite3_mprintf("CREATE TEMP TABLE IF NOT EXISTS moments(n, id, email, first_name, edited);"
    "INSERT INTO moments SELECT %d, id, email, first_name, edited FROM ortto_people", n);
  sql_must(db, sql);
  sqlite3_free(sql);
  return digest(db, SOURCE);
}

/* Steps through a sync; after page `at` the first call changes the source, one page later the second. With
** a snapshot, or if there is but one change, the result is the source as it was at one of its moments, or
** an error, and then there is no table. Without, who came or went meanwhile may or may not be in it, but
** nobody else is missing or doubled. */
static void source_changes(int snapshot, int at, int interrupt, const char *first, const char *second){
  uint64_t moment[3];
  int moments = 0;
  char what[300];
  snprintf(what, sizeof what, "snapshot %d, after page %d, %s, %s", snapshot, at, first,
      second ? second : "no second change");
  server_do(&sandbox, "/sandbox/reset", NULL);
  server_do(&sandbox, "/sandbox/set", snapshot ? "{\"snapshot\":true}" : "{\"snapshot\":false}");
  database_remove(FILE_NAME);
  sqlite3 *watcher = db_open(&sandbox), *db = file_open();
  moment[moments] = moment_keep(watcher, moments); moments++;
  sqlite3_stmt *stmt = rows_start(db, at);
  server_do(&sandbox, "/sandbox/people", first);
  moment[moments] = moment_keep(watcher, moments); moments++;
  int rc = SQLITE_ROW;
  if( second && (rc = sqlite3_step(stmt))==SQLITE_ROW ){
    server_do(&sandbox, "/sandbox/people", second);
    moment[moments] = moment_keep(watcher, moments); moments++;
  }
  if( rc==SQLITE_ROW && interrupt ){
    sqlite3_finalize(stmt);
    stmt = rows_start(db, 0);
  }
  while( rc==SQLITE_ROW ) rc = sqlite3_step(stmt);
  rc = sqlite3_finalize(stmt);
  if( rc!=SQLITE_OK ){
    print_message("# %s: %s\n", what, sqlite3_errmsg(db));
    assert_like(sqlite3_errmsg(db), "ortto: %", what);
    assert_sql(db, "SELECT count(*) FROM sqlite_schema WHERE name='people'", "0");
  }else{
    uint64_t now = digest(db, CONTENT);
    int found = -1;
    for(int i=0; i<moments; i++) if( now==moment[i] ) found = i;
    if( found<0 && (snapshot || second==NULL) ) fail_msg("%s: the copy is the source of no moment", what);
    sql_must(watcher, "ATTACH '" FILE_NAME "' AS copy; CREATE TEMP VIEW people AS SELECT * FROM copy.people");
    assert_nobody_lost(watcher, what);
  }
  db_close(db);
  db_close(watcher);
}

static const char *const changes[][2] = {
  { "{\"remove\":7,\"from\":\"newest\"}", NULL },
  { "{\"remove\":7}", NULL },
  { "{\"add\":7}", NULL },
  { "{\"remove\":7,\"from\":\"newest\"}", "{\"add\":7}" },     /* the total is as before in the end */
  { "{\"add\":7}", "{\"remove\":7,\"from\":\"newest\"}" },
  { "{\"add\":7}", "{\"remove\":7}" },
  { "{\"remove\":7}", "{\"add\":7}" },
};

static void test_source_changes_snapshot(void **state){
  (void)state;
  for(size_t i=0; i<sizeof changes/sizeof *changes; i++)
    source_changes(1, 2, 0, changes[i][0], changes[i][1]);
}

static void test_source_changes_no_snapshot(void **state){
  (void)state;
  for(size_t i=0; i<sizeof changes/sizeof *changes; i++)
    for(int at=1; at<=3; at+=2) source_changes(0, at, 0, changes[i][0], changes[i][1]);
}

/* The same while the sync lies interrupted. */
static void test_source_changes_interrupted(void **state){
  (void)state;
  for(size_t i=0; i<sizeof changes/sizeof *changes; i++)
    for(int snapshot=0; snapshot<2; snapshot++) source_changes(snapshot, 1, 1, changes[i][0], changes[i][1]);
}

/* With a snapshot the result is the source as it was when the sync began. */
static void test_snapshot_is_the_beginning(void **state){
  (void)state;
  sqlite3 *db = file_open();
  uint64_t before = digest(db, SOURCE);
  sqlite3_stmt *stmt = rows_start(db, 2);
  server_do(&sandbox, "/sandbox/people", "{\"remove\":9,\"from\":\"newest\"}");
  while( sqlite3_step(stmt)==SQLITE_ROW ){}
  assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
  assert_true(digest(db, CONTENT)==before);
  db_close(db);
}

/* ---- mode 'changes' ------------------------------------------------------------------------ */

#define CHANGES_ROW "SELECT rows||' '||inserted||' '||updated||' '||deleted||' '||coalesce(message,'') " \
  "FROM ortto_sync('ortto_people','people','changes') WHERE state='done'"

/* A file that is in step with the source; its mark is the server's time 00:00:01, of the one who was
** edited then. */
static sqlite3 *synced(void){
  sqlite3 *db = file_open();
  server_do(&sandbox, "/sandbox/people", "{\"edit\":1,\"step\":1}");
  sql_must(db, PEOPLE);
  server_do(&sandbox, "/sandbox/forget", NULL);
  return db;
}

/* Sets fields of the n-th person, as sent. */
static void person_set(int nth, const char *fields){
  char *body = sqlite3_mprintf("{\"person\":{\"nth\":%d,\"fields\":{%s}}}", nth, fields);
  server_do(&sandbox, "/sandbox/people", body);
  sqlite3_free(body);
}

/* Only what was edited is fetched: one page; it updates and inserts. The one at the mark comes once more
** (inclusive). */
static void test_changes(void **state){
  (void)state;
  sqlite3 *db = synced();
  server_do(&sandbox, "/sandbox/people", "{\"edit\":20,\"step\":50}");
  server_do(&sandbox, "/sandbox/people", "{\"add\":3}");
  server_do(&sandbox, "/sandbox/forget", NULL);
  char *got = sql_text(db, CHANGES_ROW);
  /* The person at the mark may be among the twenty. */
  if( strcmp(got, "24 3 20 0 ")!=0 && strcmp(got, "23 3 20 0 ")!=0 ) fail_msg("%s", got);
  sqlite3_free(got);
  assert_int_equal(server_count(&sandbox, "/v1/person/get"), 1);
  assert_sql(db, DIFFERENCE, "0 0");
  db_close(db);
}

/* The mark counts inclusively: what was edited in the same second as the newest that was seen is fetched. */
static void test_changes_inclusive(void **state){
  (void)state;
  sqlite3 *db = synced();
  person_set(700, "\"str::first\":\"Late\",\"e\":\"2025-10-01T00:00:01Z\"");
  assert_sql(db, CHANGES_ROW, "2 0 1 0 ");
  assert_sql(db, DIFFERENCE, "0 0");
  assert_sql(db, CHANGES_ROW, "2 0 0 0 ");
  db_close(db);
}

/* It never deletes. */
static void test_changes_never_deletes(void **state){
  (void)state;
  sqlite3 *db = synced();
  server_do(&sandbox, "/sandbox/people", "{\"remove\":5,\"from\":\"newest\"}");
  server_do(&sandbox, "/sandbox/people", "{\"edit\":2,\"step\":9}");
  char *got = sql_text(db, CHANGES_ROW);
  assert_like(got, "_ 0 2 0 ", CHANGES_ROW);
  sqlite3_free(got);
  assert_sql(db, "SELECT count(*) FROM people", "2000");
  db_close(db);
}

/* A time far ahead does not hide what is edited later: the mark is not later than the server's clock. */
static void test_changes_clock(void **state){
  (void)state;
  sqlite3 *db = file_open();
  person_set(5, "\"e\":\"2031-01-01T00:00:00Z\"");
  sql_must(db, PEOPLE);
  person_set(6, "\"str::first\":\"Later\",\"e\":\"2025-10-02T00:00:00Z\"");
  assert_sql(db, CHANGES_ROW, "2 0 1 0 ");
  assert_sql(db, "SELECT count(*) FROM people WHERE first_name='Later'", "1");
  db_close(db);
}

/* What was edited while the finished sync ran, behind its back, is found by the next one. */
static void test_changes_during_the_scan(void **state){
  (void)state;
  sqlite3 *db = file_open();
  server_do(&sandbox, "/sandbox/people", "{\"edit\":1,\"step\":1}");
  sqlite3_stmt *stmt = rows_start(db, 2);
  server_do(&sandbox, "/sandbox/people", "{\"edit\":10,\"step\":11}");   /* on pages that were read */
  while( sqlite3_step(stmt)==SQLITE_ROW ){}
  assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
  sql_must(db, "SELECT ortto_sync('ortto_people','people','changes')");
  assert_sql(db, DIFFERENCE, "0 0");
  db_close(db);
}

/* Interrupted, it goes on as a sync of changes. */
static void test_changes_interrupted(void **state){
  (void)state;
  sqlite3 *db = synced();
  server_do(&sandbox, "/sandbox/people", "{\"edit\":1800,\"step\":1}");
  server_do(&sandbox, "/sandbox/forget", NULL);
  assert_sql(db,
      "SELECT group_concat(state) FROM (SELECT state FROM ortto_sync('ortto_people','people','changes') "
      "LIMIT 2)", "fetching,fetching");
  assert_sql(db, "SELECT group_concat(state) FROM ortto_sync('ortto_people','people','changes')",
      "resumed,fetching,done");
  assert_int_equal(server_count(&sandbox, "/v1/person/get"), 4);
  assert_sql(db, DIFFERENCE, "0 0");
  /* A full refresh does not build upon what a sync of changes left. */
  server_do(&sandbox, "/sandbox/people", "{\"edit\":1800,\"step\":1}");
  assert_sql(db,
      "SELECT group_concat(state) FROM (SELECT state FROM ortto_sync('ortto_people','people','changes') "
      "LIMIT 2)", "fetching,fetching");
  assert_sql(db, "SELECT max(rows) FROM ortto_sync('ortto_people','people')", "2000");
  assert_sql(db, DIFFERENCE, "0 0");
  db_close(db);
}

/* Falls back to the full refresh, and says why. */
static void falls_back(sqlite3 *db, const char *why){
  char *got = sql_text(db, CHANGES_ROW);
  assert_like(got, "2000 % % % %_", why);
  sqlite3_free(got);
  assert_sql(db, DIFFERENCE, "0 0");
}

static void test_changes_first_time(void **state){
  (void)state;
  sqlite3 *db = file_open();
  falls_back(db, "there is no finished sync");
  db_close(db);
}

static void test_changes_new_field(void **state){
  (void)state;
  sqlite3 *db = synced();
  server_do(&sandbox, "/sandbox/field",
      "{\"entity\":\"person\",\"id\":\"str:cm:shoe-size\",\"name\":\"Shoe size\",\"display_type\":\"text\"}");
  person_set(9, "\"str:cm:shoe-size\":\"42\"");
  char *got = sql_text(db, CHANGES_ROW);
  assert_like(got, "2000 % % % %_", "a new field");
  sqlite3_free(got);
  assert_sql(db, "SELECT count(*) FROM people WHERE shoe_size='42'", "1");
  db_close(db);
}

static void test_changes_without_edited(void **state){
  (void)state;
  sqlite3 *db = synced();
  server_do(&sandbox, "/sandbox/people", "{\"edit\":1999,\"step\":1}");   /* so that every page is read */
  person_set(3, "\"e\":null");
  falls_back(db, "a row without a time of its last change");
  db_close(db);
}

/* A page of three, of which the one in the middle is older than the mark. The first page of a sync of
** changes. */
static void answer_with(const char *a, const char *b, const char *c){
  char *body =
      sqlite3_mprintf(
      "{\"kind\":\"replace\",\"path\":\"/v1/person/get\",\"times\":1,\"body\":\"{\\\"contacts\\\":["
    "{\\\"id\\\":\\\"0068d98be0d2d000001caf01\\\",\\\"fields\\\":{\\\"e\\\":%s}},"
    "{\\\"id\\\":\\\"0068d98be0d2d000001caf02\\\",\\\"fields\\\":{\\\"e\\\":%s}},"
    "{\\\"id\\\":\\\"0068d98be0d2d000001caf03\\\",\\\"fields\\\":{\\\"e\\\":%s}}],"
    "\\\"meta\\\":{\\\"total_contacts\\\":3,\\\"total_matches\\\":3},\\\"offset\\\":0,\\\"next_offset\\\":3,"
    "\\\"cursor_id\\\":\\\"0068dc6f007d42ad50d7e3da\\\",\\\"has_more\\\":false}\"}", a, b, c);
  server_do(&sandbox, "/sandbox/fault", body);
  sqlite3_free(body);
}

#define NEWER "\\\"2025-10-01T00:00:09Z\\\""
#define NEW   "\\\"2025-10-01T00:00:05Z\\\""
#define OLD   "\\\"2024-01-01T00:00:00Z\\\""

/* Every row of the page is checked, also those behind the mark: a page out of order cannot be relied upon. */
static void test_changes_out_of_order(void **state){
  (void)state;
  sqlite3 *db = synced();
  answer_with(NEW, NEWER, OLD);
  falls_back(db, "a newer row behind an older one");
  answer_with(NEWER, OLD, NEW);
  falls_back(db, "a newer row behind one that is behind the mark");
  answer_with(NEWER, OLD, "null");
  falls_back(db, "a row without a time behind the mark");
  answer_with(NEWER, NEW, "\\\"yesterday\\\"");
  falls_back(db, "a time that is none");
  assert_sql(db, "SELECT count(*) FROM people WHERE id LIKE '0068d98be0d2d000001caf0_'", "0");
  db_close(db);
}

/* Accounts have a time of their last change too; lists have none. */
static void test_changes_other_sources(void **state){
  (void)state;
  sqlite3 *db = file_open();
  sql_must(db, "SELECT ortto_sync('ortto_accounts,ortto_tags','x_')");
  server_do(&sandbox, "/sandbox/accounts", "{\"edit\":4,\"step\":3}");
  assert_sql(db,
      "SELECT updated||' '||coalesce(message,'') FROM ortto_sync('ortto_accounts','x_accounts','changes') "
      "WHERE state='done'", "4 ");
  char *got = sql_text(db,
      "SELECT message FROM ortto_sync('ortto_tags','x_tags','changes') WHERE state='done'");
  assert_like(got, "%_%", "a list without times");
  if( strcmp(got, "NULL")==0 ) fail_msg("no message");
  sqlite3_free(got);
  assert_sql(db, "SELECT (SELECT count(*) FROM x_tags)=(SELECT count(*) FROM ortto_tags)", "1");
  db_close(db);
}

#define TEST(f) cmocka_unit_test_setup(f, fresh)

int main(void){
  const struct CMUnitTest tests[] = {
    TEST(test_reader_wal), TEST(test_reader_wal_rows), TEST(test_reader_rollback),
    TEST(test_neighbour_wal), TEST(test_neighbour_rollback), TEST(test_neighbour_wal_rows),
    TEST(test_neighbour_rules),
        TEST(test_neighbour_rollback_rows),
    TEST(test_no_lock_while_waiting), TEST(test_waits_for_a_writer),
    TEST(test_two_at_once), TEST(test_not_read_to_its_end), TEST(test_row_lost_before),
    TEST(test_requests_are_counted),
    TEST(test_reset_and_again), TEST(test_interrupt),
        TEST(test_interrupt_rows), TEST(test_interrupt_rows_rollback),
    TEST(test_disk_full_rollback), TEST(test_disk_full_wal),
    TEST(test_refused_by_trigger), TEST(test_refused_by_rollback_trigger), TEST(test_refused_by_fail_trigger),
    TEST(test_refused_by_foreign_key), TEST(test_refused_by_deferred_foreign_key),
        TEST(test_refused_by_unique_index),
    TEST(test_unique_values_swapped), TEST(test_unique_expressions_swapped),
    TEST(test_unique_values_swapped_with_children),
        TEST(test_interrupt_in_the_merge), TEST(test_progress),
    TEST(test_source_changes_snapshot), TEST(test_source_changes_no_snapshot),
        TEST(test_source_changes_interrupted),
    TEST(test_snapshot_is_the_beginning),
    TEST(test_changes), TEST(test_changes_inclusive), TEST(test_changes_never_deletes),
        TEST(test_changes_clock),
    TEST(test_changes_during_the_scan), TEST(test_changes_interrupted), TEST(test_changes_first_time),
        TEST(test_changes_new_field),
    TEST(test_changes_without_edited), TEST(test_changes_out_of_order), TEST(test_changes_other_sources),
  };
  return cmocka_run_group_tests(tests, set_up, sandbox_stop);
}
