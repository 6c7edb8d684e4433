/*
** test_transactions.c - INSERT, UPDATE and DELETE inside transactions: what is sent when, in which order,
** and what is left when something fails.
*/
#define _GNU_SOURCE
#include "harness.h"

#include <pthread.h>
#include <sys/resource.h>

/* ---- helpers ------------------------------------------------------------- */

static sqlite3 *quick_open(const server *s){
  sqlite3 *db = db_open(s);
  sql_must(db, "SELECT ortto_config('retries', 0)");
  return db;
}

/* With a database file, named by $TMPDIR. */
static sqlite3 *file_open(const server *s, const char *name, char *path, size_t size){
  sqlite3 *db = quick_open(s);
  const char *dir = getenv("TMPDIR");
  snprintf(path, size, "%s/%s", dir ? dir : "/tmp", name);
  unlink(path);
  char *sql = sqlite3_mprintf("ATTACH %Q AS f", path);
  sql_must(db, sql);
  sqlite3_free(sql);
  return db;
}

static long writes(const server *s){
  return server_count(s, "/v1/person/merge") + server_count(s, "/v1/person/archive")
       + server_count(s, "/v1/accounts/merge") + server_count(s, "/v1/accounts/archive");
}

/* Whom the server has of those that the tests write, in order. */
#define ARRIVED \
  "SELECT coalesce(group_concat(email, ' '), '') FROM " \
  "(SELECT email FROM ortto_people WHERE email LIKE '%@t.example' ORDER BY email)"

#define assert_code(db, sql, code) do{ \
  int rc_ = sql_run(db, sql); \
  if( rc_!=(code) ) fail_msg("%s\n  returned %d (%s), expected %d", sql, rc_, sqlite3_errmsg(db), code); \
}while(0)

static void assert_in(const char *text, const char *part){
  if( strstr(text, part)==NULL ) fail_msg("'%s' is not in: %s", part, text);
}

static void seed_series(sqlite3 *db, int n){
  char *sql = sqlite3_mprintf(
      "CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n LIMIT %d) SELECT "
      "i FROM n", n);
  sql_must(db, sql);
  sqlite3_free(sql);
}

/* ---- before COMMIT, and at ROLLBACK --------------------------------------- */

/* Nothing leaves the machine before COMMIT; ROLLBACK discards; reads see Ortto as it is. */
static void test_nothing_before_commit(void **state){
  (void)state;
  server s;
  server_start(&s, "--people 20");
  sqlite3 *db = quick_open(&s);
  sql_must(db, "CREATE TABLE log(t)");
  sql_must(db,
      "BEGIN; INSERT INTO ortto_people(email) VALUES('a@t.example'); UPDATE ortto_people SET city='Oslo' "
      "WHERE email LIKE '%'; "
               "DELETE FROM ortto_people WHERE id=(SELECT max(id) FROM ortto_people); INSERT INTO "
                   "ortto_accounts(name) VALUES('t')");
  assert_int_equal(writes(&s), 0);
  assert_sql(db, ARRIVED, "");
  sql_must(db, "ROLLBACK");
  assert_int_equal(writes(&s), 0);
  sql_must(db, "BEGIN; INSERT INTO log VALUES(1); COMMIT");
  assert_int_equal(writes(&s), 0);
  sql_must(db, "BEGIN; INSERT INTO ortto_people(email) VALUES('b@t.example')");
  assert_int_equal(writes(&s), 0);
  sql_must(db, "COMMIT");
  assert_int_equal(writes(&s), 1);
  assert_sql(db, ARRIVED, "b@t.example");
  /* An empty change is no request. */
  sql_must(db,
      "UPDATE ortto_people SET city='Oslo' WHERE id='none'; DELETE FROM ortto_people WHERE id='none'");
  assert_int_equal(writes(&s), 1);
  db_close(db);
  server_stop(&s);
}

/* For a table that a transaction makes SQLite does not call xBegin: it takes part in it all the same. */
static void test_table_made_in_it(void **state){
  (void)state;
#define MAKE "BEGIN; CREATE VIRTUAL TABLE temp.made USING ortto(table=people, fields='str::email,geo::city');"
#define ROW(x) "INSERT INTO made(email) VALUES('" x "@t.example');"
  static const struct { const char *sql, *arrived; int rc; } cases[] = {
    { MAKE ROW("a") "COMMIT", "a@t.example", SQLITE_OK },
    { MAKE "SAVEPOINT s;" ROW("b") "ROLLBACK TO s;" ROW("c") "COMMIT", "c@t.example", SQLITE_OK },
    { MAKE ROW("d") "SAVEPOINT s;" ROW("e") "ROLLBACK TO s; COMMIT", "d@t.example", SQLITE_OK },
    { MAKE ROW("f") "ROLLBACK", "", SQLITE_OK },
    { MAKE "INSERT INTO made(email) VALUES('g@t.example'),('h@t.example'),('')", "", SQLITE_CONSTRAINT },
    { MAKE ROW("i") "COMMIT; BEGIN;" ROW("j") "SAVEPOINT s;" ROW("k") "ROLLBACK TO s; COMMIT",
      "i@t.example j@t.example", SQLITE_OK },
  };
  server s;
  server_start(&s, "--people 5");
  for(size_t i=0; i<sizeof cases/sizeof *cases; i++){
    sqlite3 *db = quick_open(&s);
    assert_code(db, cases[i].sql, cases[i].rc);
    if( !sqlite3_get_autocommit(db) ) sql_must(db, "COMMIT");
    char *got = sql_text(db, ARRIVED);
    if( strcmp(got, cases[i].arrived)!=0 ) fail_msg("%s\n  sent '%s'", cases[i].sql, got);
    sqlite3_free(got);
    sql_must(db, "DELETE FROM ortto_people WHERE email LIKE '%@t.example'");
    db_close(db);
  }
  /* What an UPDATE sets alone, by the id and by anything. */
  sqlite3 *db = quick_open(&s);
  sql_must(db, MAKE "UPDATE made SET city='Oslo' WHERE id=(SELECT min(id) FROM made);"
                    "UPDATE made SET city='Bergen' WHERE email IS NOT NULL");
  assert_sql(db, "SELECT count(*) - sum(changes->>'city' IS NOT NULL AND changes->>'email' IS NULL) FROM "
                 "ortto_pending", "0");
  sql_must(db, "ROLLBACK");
  db_close(db);
  server_stop(&s);
#undef ROW
#undef MAKE
}

/* Savepoints, as SQLite numbers and announces them: what was rolled back is not sent, what was not is. */
static void test_savepoints(void **state){
  (void)state;
#define ROW(x) "INSERT INTO ortto_people(email) VALUES('" x "@t.example');"
  static const struct { const char *sql, *arrived; } cases[] = {
    { "BEGIN;" ROW("a") "SAVEPOINT s;" ROW("b") "ROLLBACK TO s;" ROW("c") "COMMIT", "a c" },
    { "BEGIN;" ROW("a") "SAVEPOINT s;" ROW("b") "RELEASE s;" ROW("c") "COMMIT", "a b c" },
    { "BEGIN;" ROW("a") "SAVEPOINT s;" ROW("b") "SAVEPOINT t;" ROW("c") "RELEASE t;" ROW(
        "d") "ROLLBACK TO s;" ROW("e") "COMMIT", "a e" },
    { "BEGIN;" ROW("a") "SAVEPOINT s;" ROW("b") "SAVEPOINT t;" ROW("c") "ROLLBACK TO t;" ROW("d") "RELEASE s;"
        "COMMIT", "a b d" },
    /* The savepoint that opened the transaction. */
    { "SAVEPOINT s;" ROW("a") "ROLLBACK TO s;" ROW("b") "RELEASE s", "b" },
    { "SAVEPOINT s;" ROW("a") "SAVEPOINT t;" ROW("b") "ROLLBACK TO s;"
        "SAVEPOINT u;" ROW("c") "ROLLBACK TO u;" ROW("d") "RELEASE s", "d" },
    { "SAVEPOINT s;" ROW("a") "SAVEPOINT t;" ROW("b") "ROLLBACK TO t;" "RELEASE s", "a" },
    { "SAVEPOINT s;" ROW("a") "RELEASE s", "a" },
    { "SAVEPOINT s;" ROW("a") "ROLLBACK TO s; RELEASE s", "" },
    /* Savepoints older than the first write. */
    { "BEGIN; SAVEPOINT s; SAVEPOINT t; SAVEPOINT u;" ROW("a") "ROLLBACK TO s;" ROW("b") "COMMIT", "b" },
    { "BEGIN; SAVEPOINT s; SAVEPOINT t;" ROW("a") "ROLLBACK TO t;" ROW("b") "RELEASE t;" ROW("c") "COMMIT",
        "b c" },
    { "BEGIN; SAVEPOINT s; SAVEPOINT t;" ROW("a") "RELEASE t; ROLLBACK TO s; COMMIT", "" },
    { "SAVEPOINT s; SAVEPOINT t;" ROW("a") "ROLLBACK TO s;" ROW("b") "SAVEPOINT t;" ROW(
        "c") "ROLLBACK TO t; RELEASE s", "b" },
    /* A savepoint that is made after others were rolled back. */
    { "BEGIN;" ROW("a") "SAVEPOINT s;" ROW("b") ROW("c") "ROLLBACK TO s; SAVEPOINT t;" ROW(
        "d") "ROLLBACK TO t; COMMIT", "a" },
    { "BEGIN;" ROW("a") "SAVEPOINT s;" ROW("b") ROW("c") "ROLLBACK TO s; RELEASE s; SAVEPOINT t;" ROW(
        "d") "ROLLBACK TO t;" ROW("e") "COMMIT", "a e" },
    { "BEGIN; SAVEPOINT s;" ROW("b") ROW("c") "ROLLBACK TO s; SAVEPOINT t;" ROW("d") "ROLLBACK TO t; COMMIT",
        "" },
    { "BEGIN;" ROW("a") "SAVEPOINT s;" ROW("b") "ROLLBACK TO s;" ROW("c") "ROLLBACK TO s;" ROW(
        "d") "ROLLBACK TO s; COMMIT", "a" },
    /* The same name twice: the newer one is meant. */
    { "BEGIN;" ROW("a") "SAVEPOINT s;" ROW("b") "SAVEPOINT s;" ROW("c") "ROLLBACK TO s; RELEASE s; COMMIT",
        "a b" },
    { "BEGIN;" ROW("a") "ROLLBACK; BEGIN;" ROW("b") "COMMIT", "b" },
    { "BEGIN;" ROW("a") "SAVEPOINT s;" ROW("b") "ROLLBACK", "" },
  };
  for(size_t i=0; i<sizeof cases/sizeof *cases; i++){
    server s;
    char expected[200] = "";
    server_start(&s, "--people 5");
    sqlite3 *db = quick_open(&s);
    sql_must(db, cases[i].sql);
    assert_true(sqlite3_get_autocommit(db));
    for(const char *p=cases[i].arrived; *p; p++){
      if( *p==' ' ) strcat(expected, " ");
      else snprintf(expected + strlen(expected), 20, "%c@t.example", *p);
    }
    char *got = sql_text(db, ARRIVED);
    if( strcmp(got, expected)!=0 ) fail_msg("%s\n  sent '%s', expected '%s'", cases[i].sql, got, expected);
    sqlite3_free(got);
    db_close(db);
    server_stop(&s);
  }
#undef ROW
}

static unsigned next_random(unsigned *seed){
  *seed = *seed*1103515245u + 12345u;
  return *seed >> 16;
}

/* Random transactions over two tables, savepoints and failing statements; a local table is written along
** with them, and in the end holds exactly what arrived. SEED in the environment repeats one. */
static void test_random_savepoints(void **state){
  (void)state;
  server s;
  const char *given = getenv("SEED");
  unsigned first = given ? (unsigned)strtoul(given, NULL, 10) : 1, seed;
  server_start(&s, "--people 5 --accounts 3");
  sqlite3 *db = quick_open(&s);
  sql_must(db, "CREATE TABLE mirror(kind, name)");
  int number = 0;
  for(int round=0; round<60; round++){
    seed = first + (unsigned)round;
    int depth = 0, by_savepoint = next_random(&seed)%2!=0;
    sql_must(db, by_savepoint ? "SAVEPOINT s0" : "BEGIN");
    for(int step=0; step<25; step++){
      char *sql = NULL;
      unsigned what = next_random(&seed)%10;
      if( what<4 ){
        int people = next_random(&seed)%3!=0;
        number++;
        sql = people
            ? sqlite3_mprintf(
            "INSERT INTO ortto_people(email) VALUES('r%d@t.example'); INSERT INTO mirror VALUES('p', "
            "'r%d@t.example')", number, number)
                     : sqlite3_mprintf(
                         "INSERT INTO ortto_accounts(name) VALUES('t%d'); INSERT INTO mirror VALUES('a', "
                         "'t%d')", number, number);
      }else if( what==4 ){                       /* fails at its second row, so that its first must go too */
        sql = sqlite3_mprintf(
            "INSERT INTO ortto_people(email, birthday) VALUES('bad%d@t.example', NULL), ('x@t.example', "
            "'never')", ++number);
        assert_int_equal(sql_run(db, sql), SQLITE_CONSTRAINT);
        sqlite3_free(sql);
        continue;
      }else if( what<7 ) sql = sqlite3_mprintf("SAVEPOINT s%d", ++depth);
      else if( by_savepoint && what==7 && next_random(&seed)%3==0 ){
        sql = sqlite3_mprintf("ROLLBACK TO s0");
        depth = 0;
      }else if( depth ){
        int to = 1 + (int)(next_random(&seed)%(unsigned)depth);
        int back = what<9;
        sql = sqlite3_mprintf(back ? "ROLLBACK TO s%d" : "RELEASE s%d", to);
        depth = back ? to : to-1;
      }
      if( sql ) sql_must(db, sql);
      sqlite3_free(sql);
    }
    sql_must(db, next_random(&seed)%5 ? "COMMIT" : "ROLLBACK");
    char *lost = sql_text(db,
        "SELECT group_concat(name) FROM (SELECT name FROM mirror WHERE kind='p' EXCEPT SELECT email FROM "
        "ortto_people)");
    char *extra = sql_text(db,
        "SELECT group_concat(email) FROM (SELECT email FROM ortto_people WHERE email LIKE '%@t.example' "
        "EXCEPT SELECT name FROM mirror)");
    char *accounts = sql_text(db,
        "SELECT group_concat(name) FROM (SELECT name FROM mirror WHERE kind='a' EXCEPT SELECT name FROM "
        "ortto_accounts UNION ALL "
                                  "SELECT name FROM ortto_accounts WHERE name GLOB 't[0-9]*' EXCEPT SELECT "
                                      "name FROM mirror)");
    if( strcmp(lost, "NULL")!=0 || strcmp(extra, "NULL")!=0 || strcmp(accounts, "NULL")!=0 )
      fail_msg("SEED=%u: not sent: %s; sent though rolled back: %s; accounts: %s", first + (unsigned)round,
          lost, extra, accounts);
    sqlite3_free(lost);
    sqlite3_free(extra);
    sqlite3_free(accounts);
  }
  db_close(db);
  server_stop(&s);
}

/* A statement that fails in its middle takes back its own rows only; OR FAIL keeps them, OR IGNORE skips
** the bad one, OR ROLLBACK ends the transaction. */
static void test_statement_fails(void **state){
  (void)state;
#define ROWS "(email, birthday) VALUES('b@t.example', NULL), ('c@t.example', 'never'), ('d@t.example', NULL)"
  static const struct { const char *word; int code; const char *arrived; } cases[] = {
    { "", SQLITE_CONSTRAINT, "a@t.example e@t.example" },
    { "OR ABORT", SQLITE_CONSTRAINT, "a@t.example e@t.example" },
    { "OR FAIL", SQLITE_CONSTRAINT, "a@t.example b@t.example e@t.example" },
    { "OR IGNORE", SQLITE_OK, "a@t.example b@t.example d@t.example e@t.example" },
    { "OR REPLACE", SQLITE_CONSTRAINT, "a@t.example e@t.example" },
    { "OR ROLLBACK", SQLITE_CONSTRAINT, "e@t.example" },
  };
  for(size_t i=0; i<sizeof cases/sizeof *cases; i++){
    server s;
    server_start(&s, "--people 5");
    sqlite3 *db = quick_open(&s);
    char *sql = sqlite3_mprintf("INSERT %s INTO ortto_people" ROWS, cases[i].word);
    sql_must(db, "BEGIN; INSERT INTO ortto_people(email) VALUES('a@t.example')");
    assert_code(db, sql, cases[i].code);
    if( cases[i].code ) assert_in(sqlite3_errmsg(db), "birthday cannot be 'never'");
    assert_int_equal(sqlite3_get_autocommit(db), strcmp(cases[i].word, "OR ROLLBACK")==0);
    sql_must(db, "INSERT INTO ortto_people(email) VALUES('e@t.example')");
    if( !sqlite3_get_autocommit(db) ) sql_must(db, "COMMIT");
    assert_sql(db, ARRIVED, cases[i].arrived);
    assert_sql(db, "SELECT count(*) FROM ortto_failures", "0");
    /* Without BEGIN: OR FAIL commits, and so sends, the earlier rows. */
    server_do(&s, "/sandbox/reset", NULL);
    assert_code(db, sql, cases[i].code);
    assert_sql(db, ARRIVED, strcmp(cases[i].word, "OR FAIL")==0 ? "b@t.example" : strcmp(cases[i].word,
        "OR IGNORE")==0 ? "b@t.example d@t.example" : "");
    sqlite3_free(sql);
    db_close(db);
    server_stop(&s);
  }
#undef ROWS
}

/* max_deletes and max_updates count at COMMIT what the whole transaction would archive and change, over
** tables, less what savepoints took back. Whom they stop has sent nothing, and leaves no failures. */
static void test_brakes(void **state){
  (void)state;
  server s;
  server_start(&s, "--people 200 --accounts 60 --no-archived");
  sqlite3 *db = quick_open(&s);
  sql_must(db, "SELECT ortto_config('max_deletes', 10); SELECT ortto_config('max_updates', 20)");
  sql_must(db, "CREATE TABLE log(t); "
               "CREATE TEMP TABLE p AS SELECT id, row_number() OVER (ORDER BY id) AS i FROM ortto_people; "
               "CREATE TEMP TABLE a AS SELECT id, row_number() OVER (ORDER BY id) AS i FROM ortto_accounts");
  assert_code(db, "DELETE FROM ortto_people", SQLITE_ERROR);
  assert_in(sqlite3_errmsg(db), "would archive 200 rows");
  assert_in(sqlite3_errmsg(db), "max_deletes allows 10");
  assert_in(sqlite3_errmsg(db), "before anything was sent");
  assert_code(db, "UPDATE ortto_people SET city='Oslo'", SQLITE_ERROR);
  assert_in(sqlite3_errmsg(db), "would change 200 rows");
  assert_in(sqlite3_errmsg(db), "max_updates allows 20");
  assert_int_equal(writes(&s), 0);
  assert_sql(db, "SELECT count(*) FROM ortto_failures", "0");
  /* In a transaction the statement works; COMMIT fails, with all that was done, of other tables too. */
  sql_must(db, "BEGIN; INSERT INTO log VALUES(1); INSERT INTO ortto_accounts(name) VALUES('New'); "
               "UPDATE ortto_people SET city='Oslo' WHERE id IN (SELECT id FROM p WHERE i<=21)");
  assert_code(db, "COMMIT", SQLITE_ERROR);
  assert_in(sqlite3_errmsg(db), "would change 21 rows");
  assert_int_equal(sqlite3_get_autocommit(db), 1);
  assert_sql(db, "SELECT count(*) FROM log", "0");
  assert_sql(db, "SELECT count(*) FROM ortto_failures", "0");
  assert_int_equal(writes(&s), 0);
  /* Exactly as many are allowed, across tables; a row that is changed twice counts once. */
  sql_must(db, "BEGIN; DELETE FROM ortto_people WHERE id IN (SELECT id FROM p WHERE i<=6); "
               "DELETE FROM ortto_accounts WHERE id IN (SELECT id FROM a WHERE i<=4); "
               "UPDATE ortto_people SET city='Oslo' WHERE id IN (SELECT id FROM p WHERE i>=101 AND i<=115); "
               "UPDATE ortto_people SET city='Rome' WHERE id IN (SELECT id FROM p WHERE i>=101 AND i<=115); "
               "UPDATE ortto_accounts SET city='Oslo' WHERE id IN (SELECT id FROM a WHERE i>=11 AND i<=15); "
               "INSERT INTO ortto_people(email) VALUES('a@t.example'); COMMIT");
  assert_sql(db, "SELECT count(*) FROM ortto_people", "195");
  assert_sql(db, "SELECT count(*) FROM ortto_accounts", "56");
  assert_sql(db, "SELECT count(*) FROM ortto_people WHERE city='Rome' AND id IN (SELECT id FROM p WHERE "
                 "i BETWEEN 101 AND 115)", "15");
  /* Savepoints give room back, and so does a new transaction. */
  sql_must(db, "BEGIN; SAVEPOINT s; DELETE FROM ortto_people WHERE id IN (SELECT id FROM p WHERE i BETWEEN "
               "11 AND 21); ROLLBACK TO s; "
               "DELETE FROM ortto_people WHERE id IN (SELECT id FROM p WHERE i BETWEEN 31 AND 40); COMMIT");
  assert_sql(db, "SELECT count(*) FROM ortto_people", "185");
  /* 0 forbids both. */
  sql_must(db, "SELECT ortto_config('max_deletes', 0); SELECT ortto_config('max_updates', 0)");
  assert_code(db, "DELETE FROM ortto_people WHERE id=(SELECT id FROM p WHERE i=50)", SQLITE_ERROR);
  assert_code(db, "UPDATE ortto_people SET city='Kiel' WHERE id=(SELECT id FROM p WHERE i=50)", SQLITE_ERROR);
  /* A contact that is archived already: success. */
  sql_must(db, "SELECT ortto_config('max_deletes', 1)");
  sql_must(db, "BEGIN; DELETE FROM ortto_people WHERE id=(SELECT id FROM p WHERE i=60); DELETE FROM "
               "ortto_people WHERE id=(SELECT id FROM p WHERE i=60); COMMIT");
  assert_sql(db, "SELECT count(*) FROM ortto_failures", "0");
  assert_sql(db, "SELECT count(*) FROM ortto_people", "184");
  db_close(db);
  server_stop(&s);
}

/* ---- with local tables ------------------------------------------------------ */

/* A foreign key that is checked at COMMIT fails before anything is sent, and the transaction goes on. */
static void test_deferred_foreign_key(void **state){
  (void)state;
  server s;
  server_start(&s, "--people 5");
  sqlite3 *db = quick_open(&s);
  sql_must(db, "PRAGMA foreign_keys=on; CREATE TABLE parent(id INTEGER PRIMARY KEY); "
               "CREATE TABLE child(id REFERENCES parent DEFERRABLE INITIALLY DEFERRED)");
  sql_must(db, "BEGIN; INSERT INTO ortto_people(email) VALUES('a@t.example'); INSERT INTO child VALUES(1)");
  assert_code(db, "COMMIT", SQLITE_CONSTRAINT);
  assert_int_equal(writes(&s), 0);
  assert_int_equal(sqlite3_get_autocommit(db), 0);
  sql_must(db, "INSERT INTO parent VALUES(1); COMMIT");
  assert_int_equal(writes(&s), 1);
  assert_sql(db, ARRIVED, "a@t.example");
  db_close(db);
  server_stop(&s);
}

static int refuse(void *ctx){
  (void)ctx;
  return 1;
}

/* What SQLite asks only after the delivery: the rows were sent, the local ones are rolled back, and
** nothing failed at Ortto. */
static void test_commit_hook(void **state){
  (void)state;
  server s;
  server_start(&s, "--people 5");
  sqlite3 *db = quick_open(&s);
  sql_must(db, "CREATE TABLE log(t)");
  sqlite3_commit_hook(db, refuse, NULL);
  sql_must(db, "BEGIN; INSERT INTO log VALUES(1); INSERT INTO ortto_people(email) VALUES('a@t.example')");
  assert_code(db, "COMMIT", SQLITE_CONSTRAINT);
  assert_true(sqlite3_get_autocommit(db));
  sqlite3_commit_hook(db, NULL, NULL);
  assert_sql(db, ARRIVED, "a@t.example");
  assert_sql(db, "SELECT count(*) FROM log", "0");
  assert_sql(db, "SELECT count(*) FROM ortto_failures", "0");
  /* The next transaction begins anew: it sends its own row only. */
  server_do(&s, "/sandbox/forget", NULL);
  sql_must(db,
      "BEGIN; INSERT INTO log VALUES(2); INSERT INTO ortto_people(email) VALUES('b@t.example'); COMMIT");
  char *log = server_ask(&s, "/sandbox/requests?full", NULL);
  assert_in(log, "b@t.example");
  assert_null(strstr(log, "a@t.example"));
  free(log);
  db_close(db);
  server_stop(&s);
}

/* A reader that keeps SQLite from committing: the rows were sent, the transaction stays open, and a second
** COMMIT does not send them again. */
static void test_busy_commit(void **state){
  (void)state;
  server s;
  char path[512];
  server_start(&s, "--people 5");
  sqlite3 *db = file_open(&s, "busy.db", path, sizeof path), *other;
  sql_must(db, "CREATE TABLE f.log(t); INSERT INTO f.log VALUES(0)");
  assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
  sql_must(other, "BEGIN; SELECT * FROM log");
  sql_must(db, "BEGIN; INSERT INTO f.log VALUES(1); INSERT INTO ortto_people(email) VALUES('a@t.example')");
  assert_code(db, "COMMIT", SQLITE_BUSY);
  assert_int_equal(sqlite3_get_autocommit(db), 0);
  char *read = server_ask(&s, "/sandbox/person?email=a@t.example", NULL);
  assert_in(read, "a@t.example");
  free(read);
  sql_must(other, "COMMIT");
  assert_int_equal(writes(&s), 1);
  sql_must(db, "COMMIT");
  assert_int_equal(writes(&s), 1);
  assert_sql(db, ARRIVED, "a@t.example");
  assert_sql(db, "SELECT count(*) FROM ortto_failures", "0");
  assert_sql(other, "SELECT count(*) FROM log", "2");
  /* The same, given up with ROLLBACK: nothing is sent once more. */
  sql_must(other, "BEGIN; SELECT * FROM log");
  sql_must(db, "BEGIN; INSERT INTO f.log VALUES(2); INSERT INTO ortto_people(email) VALUES('b@t.example')");
  assert_code(db, "COMMIT", SQLITE_BUSY);
  long before = writes(&s);
  sql_must(db, "ROLLBACK");
  sql_must(other, "COMMIT");
  sql_must(db, "BEGIN; INSERT INTO f.log VALUES(3); COMMIT");
  assert_int_equal(writes(&s), before);
  assert_sql(other, "SELECT group_concat(t) FROM log", "0,1,3");
  sqlite3_close(other);
  db_close(db);
  server_stop(&s);
}

/* A file that cannot grow any more when SQLite writes it, after the delivery. */
static void test_disk_full(void **state){
  (void)state;
  server s;
  char path[512];
  struct rlimit was, small;
  server_start(&s, "--people 5");
  sqlite3 *db = file_open(&s, "full.db", path, sizeof path);
  sql_must(db, "CREATE TABLE f.log(t); INSERT INTO f.log VALUES(zeroblob(10000))");
  sql_must(db,
      "BEGIN; INSERT INTO f.log VALUES(zeroblob(200000)); INSERT INTO ortto_people(email) "
      "VALUES('a@t.example')");
  signal(SIGXFSZ, SIG_IGN);
  getrlimit(RLIMIT_FSIZE, &was);
  small = was;
  small.rlim_cur = 40000;
  setrlimit(RLIMIT_FSIZE, &small);
  int rc = sql_run(db, "COMMIT");
  setrlimit(RLIMIT_FSIZE, &was);
  assert_true(rc==SQLITE_FULL || rc==SQLITE_IOERR);
  if( !sqlite3_get_autocommit(db) ) sql_must(db, "ROLLBACK");
  assert_sql(db, ARRIVED, "a@t.example");
  assert_sql(db, "SELECT count(*) FROM f.log", "1");
  assert_sql(db, "SELECT count(*) FROM ortto_failures", "0");
  /* Once there is room the same transaction goes through. */
  sql_must(db,
      "BEGIN; INSERT INTO f.log VALUES(zeroblob(200000)); INSERT INTO ortto_people(email) "
      "VALUES('a@t.example'); COMMIT");
  assert_sql(db, ARRIVED, "a@t.example");
  db_close(db);
  server_stop(&s);
}

/* Tables are sent one after another, in the order of their first write. */
static void test_two_tables(void **state){
  (void)state;
  server s;
  server_start(&s, "--people 5 --accounts 5");
  sqlite3 *db = quick_open(&s);
  for(int turn=0; turn<2; turn++){
    server_do(&s, "/sandbox/forget", NULL);
    sql_must(db, "BEGIN");
    for(int i=0; i<2; i++)
      sql_must(db, i==turn ? "INSERT INTO ortto_people(email) VALUES('a@t.example')"
          : "INSERT INTO ortto_accounts(name) VALUES('t')");
    sql_must(db, turn ? "INSERT INTO ortto_accounts(name) VALUES('t2')"
        : "INSERT INTO ortto_people(email) VALUES('b@t.example')");
    sql_must(db, "COMMIT");
    char *log = server_ask(&s, "/sandbox/requests?brief", NULL), *people = strstr(log, "/v1/person/merge"),
        *accounts = strstr(log, "/v1/accounts/merge");
    assert_non_null(people);
    assert_non_null(accounts);
    assert_int_equal(people<accounts, turn==0);
    assert_int_equal(writes(&s), 2);
    free(log);
  }
  db_close(db);
  server_stop(&s);
}

/* The first table fails: the second is not sent, and every record of both stands in ortto_failures; also
** after a second table's failure only what was not taken. */
static void test_two_tables_fail(void **state){
  (void)state;
  server s;
  server_start(&s, "--people 5 --accounts 5");
  sqlite3 *db = quick_open(&s);
  sql_must(db, "CREATE TABLE log(t)");
  server_do(&s, "/sandbox/fault",
      "{\"kind\":\"status\",\"status\":503,\"path\":\"/v1/person/merge\",\"times\":-1}");
  sql_must(db,
      "BEGIN; INSERT INTO log VALUES(1); INSERT INTO ortto_people(email) VALUES('a@t.example'); INSERT INTO "
      "ortto_accounts(name) VALUES('t1'), ('t2'); "
               "DELETE FROM ortto_accounts WHERE id=(SELECT max(id) FROM ortto_accounts)");
  assert_code(db, "COMMIT", SQLITE_ERROR);
  assert_true(sqlite3_get_autocommit(db));
  assert_int_equal(server_count(&s, "/v1/accounts/merge"), 0);
  assert_int_equal(server_count(&s, "/v1/accounts/archive"), 0);
  assert_sql(db, "SELECT count(*) FROM log", "0");
  assert_sql(db,
      "SELECT group_concat(x, ' ') FROM (SELECT table_name || ':' || operation || ':' || status AS x FROM "
      "ortto_failures)",
             "ortto_people:insert:503 ortto_accounts:insert:0 ortto_accounts:insert:0 "
                 "ortto_accounts:delete:0");
  sql_must(db, "DELETE FROM ortto_failures");
  server_do(&s, "/sandbox/clear", NULL);
  server_do(&s, "/sandbox/fault",
      "{\"kind\":\"status\",\"status\":503,\"path\":\"/v1/accounts/merge\",\"times\":-1}");
  sql_must(db,
      "BEGIN; INSERT INTO ortto_people(email) VALUES('a@t.example'); INSERT INTO ortto_accounts(name) "
      "VALUES('t1')");
  assert_code(db, "COMMIT", SQLITE_ERROR);
  assert_sql(db, "SELECT group_concat(table_name || ':' || status) FROM ortto_failures",
      "ortto_accounts:503");
  assert_sql(db, ARRIVED, "a@t.example");
  db_close(db);
  server_stop(&s);
}

/* ---- a server that fails ------------------------------------------------------- */

#define BATCHES 6

/* A transaction of 600 contacts and a local row, with a fault at batch k. What arrived and what stands in
** ortto_failures together are all 600, and nothing is in both unless the answer was lost. The next run is
** harmless and completes it. */
static void fail_at(const char *fault, int k, int times, int concurrency, int perhaps, const char *said){
  server s;
  char *call = sqlite3_mprintf("{%s,\"path\":\"/v1/person/merge\",\"after\":%d,\"times\":%d}", fault, k,
      times), *sql, *got;
  server_start(&s, "--people 20");
  sqlite3 *db = quick_open(&s), *later;
  seed_series(db, 100*BATCHES);
  sql_must(db, "CREATE TABLE outbox AS SELECT 'k' || i || '@t.example' AS email FROM n; CREATE TABLE log(t)");
  sql = sqlite3_mprintf("SELECT ortto_config('concurrency', %d)", concurrency);
  sql_must(db, sql);
  sqlite3_free(sql);
  server_do(&s, "/sandbox/fault", call);
  sql_must(db,
      "BEGIN; INSERT INTO log VALUES(1); INSERT INTO ortto_people(email) SELECT email FROM outbox; DELETE "
      "FROM outbox");
  int rc = sql_run(db, "COMMIT");
  if( rc!=SQLITE_ERROR ) fail_msg("%s: COMMIT returned %d", call, rc);
  assert_true(sqlite3_get_autocommit(db));
  const char *message = sqlite3_errmsg(db);
  if( strncmp(message, "ortto: ", 7)!=0 || strstr(message, said)==NULL )
    fail_msg("%s: the message is: %s", call, message);
  long long taken = -1, missed = -1;
  const char *counts = strstr(message, "ortto_people: ");
  if( counts==NULL || sscanf(counts, "ortto_people: %lld records were taken, %lld were not", &taken,
      &missed)!=2 ) fail_msg("no counts: %s", message);
  assert_int_equal(taken+missed, 100*BATCHES);
  assert_sql(db, "SELECT (SELECT count(*) FROM outbox) || ' ' || (SELECT count(*) FROM log)", "600 0");
  server_do(&s, "/sandbox/clear", NULL);
  later = quick_open(&s);                        /* a connection that has not been refused */
  sql_must(later,
      "CREATE TEMP TABLE arrived AS SELECT email FROM ortto_people WHERE email LIKE 'k%@t.example'");
  got = sql_text(later, "SELECT count(*) FROM arrived");
  if( perhaps ? atoll(got)<taken : atoll(got)!=taken )
    fail_msg("%s: %s arrived, the message says %lld", call, got, taken);
  sqlite3_free(got);
  sql = sqlite3_mprintf(
      "SELECT count(*) || ' ' || count(DISTINCT email) FROM ortto_failures WHERE operation='insert' AND "
      "table_name='ortto_people' AND message<>'' AND sent->>'$.fields' LIKE '%%' || email || '%%'");
  char expected[80];
  snprintf(expected, sizeof expected, "%lld %lld", missed, missed);
  assert_sql(db, sql, expected);
  sqlite3_free(sql);
  /* Move the failures over, to compare. */
  sqlite3_stmt *from, *to;
  sql_must(later, "CREATE TEMP TABLE failed(email, status)");
  sqlite3_prepare_v2(db, "SELECT email, status FROM ortto_failures", -1, &from, NULL);
  sqlite3_prepare_v2(later, "INSERT INTO failed VALUES(?, ?)", -1, &to, NULL);
  while( sqlite3_step(from)==SQLITE_ROW ){
    sqlite3_bind_value(to, 1, sqlite3_column_value(from, 0));
    sqlite3_bind_value(to, 2, sqlite3_column_value(from, 1));
    sqlite3_step(to);
    sqlite3_reset(to);
  }
  sqlite3_finalize(from);
  sqlite3_finalize(to);
  assert_sql(later, "SELECT count(*) FROM (SELECT email FROM arrived UNION SELECT email FROM failed)", "600");
  if( !perhaps )
    assert_sql(later, "SELECT count(*) FROM arrived WHERE email IN (SELECT email FROM failed)", "0");
  /* It stands there after more transactions, too, until it is deleted. */
  sql_must(db, "BEGIN; ROLLBACK; BEGIN; INSERT INTO log VALUES(2); COMMIT");
  snprintf(expected, sizeof expected, "%lld", missed);
  assert_sql(db, "SELECT count(*) FROM ortto_failures", expected);
  sql_must(db, "DELETE FROM ortto_failures WHERE email='k599@t.example'; DELETE FROM ortto_failures");
  assert_sql(db, "SELECT count(*) FROM ortto_failures", "0");
  /* Once more. */
  sql_must(later,
      "CREATE TABLE outbox AS WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n LIMIT 600) SELECT "
      "'k' || i || '@t.example' AS email FROM n");
  sql_must(later,
      "BEGIN; INSERT INTO ortto_people(email) SELECT email FROM outbox; DELETE FROM outbox; COMMIT");
  assert_sql(later,
      "SELECT count(*) || ' ' || count(DISTINCT email) FROM ortto_people WHERE email LIKE 'k%@t.example'",
      "600 600");
  sqlite3_free(call);
  db_close(later);
  db_close(db);
  server_stop(&s);
}

static void test_503(void **state){
  (void)state;
  for(int k=0; k<BATCHES; k++) fail_at("\"kind\":\"status\",\"status\":503", k, 1, 1 + k%2*3, 0, "503");
}

static void test_401(void **state){
  (void)state;
  for(int k=0; k<BATCHES; k++) fail_at("\"kind\":\"status\",\"status\":401", k, 1, 1 + k%2*3, 0, "401");
}

static void test_400(void **state){
  (void)state;
  for(int k=0; k<BATCHES; k++)
    fail_at("\"kind\":\"status\",\"status\":400,"
        "\"body\":\"{\\\"code\\\":400,\\\"error\\\":\\\"no good\\\"}\"", k, 1, 1 + k%2*3, 0, "no good");
}

/* For ever: a connection that dies while it is reused is tried once more by libcurl itself. */
static void test_reset(void **state){
  (void)state;
  for(int k=0; k<BATCHES; k++) fail_at("\"kind\":\"reset\"", k, -1, 1 + k%2*3, 1, "ortto: ");
}

/* The batch took effect, but its answer was lost, cut or does not tell. */
static void test_answer_lost(void **state){
  (void)state;
  for(int k=0; k<BATCHES; k+=2) fail_at("\"kind\":\"reset_after\"", k, -1, 1, 1, "ortto: ");
  for(int k=1; k<BATCHES; k+=2) fail_at("\"kind\":\"cut_json\"", k, 1, 4, 1, "ortto: ");
  fail_at("\"kind\":\"empty\"", 2, 1, 4, 1, "ortto: ");
  fail_at("\"kind\":\"replace\",\"body\":\"{\\\"people\\\":[]}\"", 3, 1, 1, 1, "does not say which");
}

/* After a 400 the other batches are sent; after 401 and 503 no new one is begun. */
static void test_when_to_stop(void **state){
  (void)state;
  static const struct { int status; long requests; } cases[] = { { 400, BATCHES }, { 401, 1 }, { 403, 1 },
      { 503, 1 }, { 507, 1 } };
  for(size_t i=0; i<sizeof cases/sizeof *cases; i++){
    server s;
    char fault[200];
    server_start(&s, "--people 20");
    sqlite3 *db = quick_open(&s);
    seed_series(db, 100*BATCHES);
    sql_must(db, "SELECT ortto_config('concurrency', 1)");
    sql_must(db, "SELECT email FROM ortto_people LIMIT 1");
    snprintf(fault, sizeof fault,
        "{\"kind\":\"status\",\"status\":%d,\"path\":\"/v1/person/merge\",\"times\":1}", cases[i].status);
    server_do(&s, "/sandbox/fault", fault);
    assert_code(db, "INSERT INTO ortto_people(email) SELECT 'k' || i || '@t.example' FROM n", SQLITE_ERROR);
    /* One more may be in the pipe when the first answer comes. */
    long sent = server_count(&s, "/v1/person/merge");
    if( cases[i].requests==BATCHES ? sent!=BATCHES : sent>2 )
      fail_msg("after %d there were %ld requests", cases[i].status, sent);
    db_close(db);
    server_stop(&s);
  }
}

/* A passing failure is tried again, and COMMIT succeeds. */
static void test_retries(void **state){
  (void)state;
  static const char *const faults[] = { "\"kind\":\"status\",\"status\":503", "\"kind\":\"reset\"",
      "\"kind\":\"reset_after\"", "\"kind\":\"429\",\"seconds\":0" };
  for(size_t i=0; i<sizeof faults/sizeof *faults; i++){
    server s;
    char fault[200];
    server_start(&s, "--people 5 --no-archived");
    sqlite3 *db = quick_open(&s);
    sql_must(db, "SELECT ortto_config('retries', 2)");
    snprintf(fault, sizeof fault, "{%s,\"path\":\"/v1/person/merge\",\"times\":1}", faults[i]);
    server_do(&s, "/sandbox/fault", fault);
    sql_must(db, "INSERT INTO ortto_people(email) VALUES('a@t.example'), ('b@t.example')");
    assert_sql(db, ARRIVED, "a@t.example b@t.example");
    assert_sql(db, "SELECT count(*) FROM ortto_people", "7");
    assert_sql(db, "SELECT count(*) FROM ortto_failures", "0");
    db_close(db);
    server_stop(&s);
  }
}

/* Ortto takes some records of a batch and refuses others: those stand in ortto_failures, each with its
** reason. */
static void test_partial_rows(void **state){
  (void)state;
  server s;
  server_start(&s, "--people 20 --no-archived");
  sqlite3 *db = quick_open(&s);
  sql_must(db, "CREATE TABLE log(t)");
  sql_must(db,
      "BEGIN; INSERT INTO log VALUES(1); INSERT INTO ortto_people(email, city) VALUES('a@t.example', 'Oslo');"
               "INSERT INTO ortto_people(id, city) VALUES('00690000000000000000ab00', 'Oslo'), ((SELECT "
                   "max(id) FROM ortto_people), 'Oslo');"
               "INSERT INTO ortto_people(email, city) VALUES('b@t.example', 'Oslo')");
  assert_code(db, "COMMIT", SQLITE_ERROR);
  assert_in(sqlite3_errmsg(db), "3 records were taken, 1 was not");
  assert_sql(db, ARRIVED, "a@t.example b@t.example");
  assert_sql(db, "SELECT count(*) FROM log", "0");
  assert_sql(db,
      "SELECT table_name || '|' || operation || '|' || id || '|' || coalesce(email, 'NULL') || '|' || status "
      "|| '|' || message || '|' || sent FROM ortto_failures",
             "ortto_people|insert|00690000000000000000ab00|NULL|400|person: Object not found|"
             "{\"fields\":{\"str::person_id\":\"00690000000000000000ab00\","
                 "\"geo::city\":{\"name\":\"Oslo\"}}}");
  assert_sql(db,
      "SELECT count(*) FROM ortto_failures WHERE at BETWEEN strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-60 "
      "seconds') AND strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '60 seconds')", "1");
  assert_code(db, "UPDATE ortto_failures SET status=200", SQLITE_ERROR);
  assert_code(db, "INSERT INTO ortto_failures(id) VALUES('x')", SQLITE_ERROR);
  db_close(db);
  server_stop(&s);
}

/* Every way of committing fails alike: COMMIT, a statement without BEGIN, RELEASE of the outermost
** savepoint. */
static void test_every_commit_fails(void **state){
  (void)state;
  static const char *const ways[][2] = {
    { "BEGIN; INSERT INTO log VALUES(1); INSERT INTO ortto_people(email) VALUES('a@t.example')", "COMMIT" },
    { "SAVEPOINT s; INSERT INTO log VALUES(1); SAVEPOINT t; INSERT INTO ortto_people(email) "
        "VALUES('a@t.example'); RELEASE t", "RELEASE s" },
    { "SELECT 1", "INSERT INTO ortto_people(email) VALUES('a@t.example')" },
    { "SELECT 1", "UPDATE ortto_people SET city='Oslo' WHERE id=(SELECT max(id) FROM ortto_people)" },
  };
  server s;
  server_start(&s, "--people 5 --no-archived");
  sqlite3 *db = quick_open(&s);
  sql_must(db, "CREATE TABLE log(t)");
  server_do(&s, "/sandbox/fault",
      "{\"kind\":\"status\",\"status\":503,\"path\":\"/v1/person/merge\",\"times\":-1}");
  for(size_t i=0; i<sizeof ways/sizeof *ways; i++){
    sql_must(db, ways[i][0]);
    assert_code(db, ways[i][1], SQLITE_ERROR);
    assert_in(sqlite3_errmsg(db), "0 records were taken, 1 was not");
    /* SQLite itself leaves an empty transaction open where RELEASE failed. */
    assert_sql(db, "SELECT (SELECT count(*) FROM log) || ' ' || count(*) FROM ortto_failures", "0 1");
    assert_int_equal(sqlite3_get_autocommit(db), strncmp(ways[i][1], "RELEASE", 7)!=0);
    if( !sqlite3_get_autocommit(db) ) sql_must(db, "ROLLBACK");
    sql_must(db, "DELETE FROM ortto_failures");
  }
  /* What is left of a failed transaction does not travel with the next one. */
  server_do(&s, "/sandbox/clear", NULL);
  sql_must(db, "INSERT INTO ortto_people(email) VALUES('b@t.example')");
  assert_sql(db, ARRIVED, "b@t.example");
  db_close(db);
  server_stop(&s);
}

/* Nothing can be sent at all: the key is gone, the fields or the tags cannot be read. Every record is a
** failure. */
static void test_not_sent_at_all(void **state){
  (void)state;
  server s;
  server_start(&s, "--people 20 --no-archived");
  sqlite3 *db = quick_open(&s);
  setenv("ORTTO_API_KEY", "sandbox-key", 1);
  sql_must(db, "SELECT ortto_config('key', NULL); CREATE TABLE log(t)");
  sql_must(db,
      "BEGIN; INSERT INTO log VALUES(1); INSERT INTO ortto_people(email) VALUES('a@t.example'), "
      "('b@t.example')");
  /* The account cannot be changed under rows that wait for COMMIT. */
  assert_code(db, "SELECT ortto_config('key', 'another')", SQLITE_ERROR);
  unsetenv("ORTTO_API_KEY");
  assert_code(db, "COMMIT", SQLITE_ERROR);
  assert_in(sqlite3_errmsg(db), "key");
  assert_int_equal(writes(&s), 0);
  assert_sql(db, "SELECT count(*) FROM log", "0");
  assert_sql(db, "SELECT group_concat(email || ' ' || status) FROM ortto_failures",
      "a@t.example 0,b@t.example 0");
  sql_must(db, "DELETE FROM ortto_failures; SELECT ortto_config('key', 'sandbox-key')");
  /* The tags that somebody has are read before they are set. */
  sql_must(db,
      "BEGIN; INSERT INTO log VALUES(1); INSERT INTO ortto_people(email) VALUES('c@t.example'); UPDATE "
      "ortto_people SET tags='[\"new\"]' WHERE id=(SELECT max(id) FROM ortto_people)");
  server_do(&s, "/sandbox/fault",
      "{\"kind\":\"status\",\"status\":503,\"path\":\"/v1/person/get\",\"times\":-1}");
  assert_code(db, "COMMIT", SQLITE_ERROR);
  server_do(&s, "/sandbox/clear", NULL);
  assert_in(sqlite3_errmsg(db), "503");
  assert_sql(db, "SELECT count(*) FROM log", "0");
  assert_sql(db,
      "SELECT (SELECT count(*) FROM ortto_failures WHERE operation='update' AND status=0) || ' ' || "
                 "((SELECT count(*) FROM ortto_people WHERE email='c@t.example') + (SELECT count(*) FROM "
                     "ortto_failures WHERE email='c@t.example'))", "1 1");
  db_close(db);
  server_stop(&s);
}

/* The tags that somebody has cannot be read in the middle of a delivery: what was sent before is no
** failure. */
static void test_tags_unreadable(void **state){
  (void)state;
  server s;
  server_start(&s, "--people 20 --no-archived");
  sqlite3 *db = quick_open(&s);
  sql_must(db, "CREATE TEMP TABLE i AS SELECT min(id) AS a, max(id) AS b FROM ortto_people");
  sql_must(db,
      "BEGIN; INSERT INTO ortto_people(email) VALUES('c@t.example'); DELETE FROM ortto_people WHERE "
      "id=(SELECT a FROM i)");
  sql_must(db,
      "UPDATE ortto_people SET tags='[\"new\"]' WHERE id=(SELECT b FROM i); INSERT INTO ortto_people(email) "
      "VALUES('d@t.example')");
  server_do(&s, "/sandbox/fault",
      "{\"kind\":\"status\",\"status\":503,\"path\":\"/v1/person/get-by-ids\",\"times\":-1}");
  assert_code(db, "COMMIT", SQLITE_ERROR);
  assert_in(sqlite3_errmsg(db), "503");
  assert_in(sqlite3_errmsg(db), "2 records were taken, 2 were not");
  server_do(&s, "/sandbox/clear", NULL);
  assert_sql(db, ARRIVED, "c@t.example");
  assert_sql(db, "SELECT count(*) FROM ortto_people", "20");
  assert_sql(db, "SELECT group_concat(operation || ' ' || status) FROM ortto_failures", "update 0,insert 0");
  db_close(db);
  server_stop(&s);
}

/* ---- order ------------------------------------------------------------------------ */

/* Many writes of few contacts, by email, external id and id, under latency and in parallel: the last one
** wins. */
static void test_order(void **state){
  (void)state;
  server s;
  server_start(&s, "--people 60 --no-archived --latency 3");
  sqlite3 *db = quick_open(&s);
  unsigned seed = 7;
  sql_must(db,
      "CREATE TEMP TABLE who AS SELECT id, email, external_id AS ei, row_number() OVER (ORDER BY id) - 1 AS "
      "i FROM ortto_people WHERE email IS NOT NULL AND external_id IS NOT NULL LIMIT 20;"
               "CREATE TEMP TABLE expected(i PRIMARY KEY, name)");
  char *have = sql_text(db, "SELECT count(*) FROM who");
  int count = atoi(have);
  sqlite3_free(have);
  assert_true(count>5);
  sql_must(db, "BEGIN");
  for(int n=0; n<400; n++){
    int i = (int)(next_random(&seed)%(unsigned)count);
    /* Runs of one kind, so that batches are large. */
    static const char *const by[] =
        { "INSERT INTO ortto_people(email, first_name) SELECT email, 'v%d' FROM who WHERE i=%d",
                                      "INSERT INTO ortto_people(external_id, first_name) SELECT ei, 'v%d' "
                                          "FROM who WHERE i=%d",
                                      "INSERT INTO ortto_people(id, first_name) SELECT id, 'v%d' FROM who "
                                          "WHERE i=%d" };
    char *sql = sqlite3_mprintf(by[n/25%3], n, i);
    sql_must(db, sql);
    sqlite3_free(sql);
    sql = sqlite3_mprintf("INSERT OR REPLACE INTO expected VALUES(%d, 'v%d')", i, n);
    sql_must(db, sql);
    sqlite3_free(sql);
  }
  sql_must(db, "COMMIT");
  assert_sql(db,
      "SELECT count(*) FROM expected e JOIN who w USING(i) JOIN ortto_people p ON p.id=w.id WHERE "
      "p.first_name IS NOT e.name", "0");
  /* INSERT, UPDATE and DELETE of one contact. */
  sql_must(db, "CREATE TEMP TABLE one AS SELECT id, email FROM who WHERE i=0");
  server_do(&s, "/sandbox/forget", NULL);
  sql_must(db,
      "BEGIN; INSERT INTO ortto_people(email, first_name) SELECT email, 'first' FROM one; UPDATE "
      "ortto_people SET first_name='second', city='Oslo' WHERE id=(SELECT id FROM one);"
               "INSERT INTO ortto_people(email, first_name) SELECT email, 'third' FROM one; DELETE FROM "
                   "ortto_people WHERE id=(SELECT id FROM one); COMMIT");
  assert_sql(db, "SELECT count(*) FROM ortto_people WHERE id=(SELECT id FROM one)", "0");
  assert_sql(db,
      "SELECT first_name || ' ' || city FROM ortto_people WHERE scope='archived' AND id=(SELECT id FROM one)",
      "third Oslo");
  char *log = server_ask(&s, "/sandbox/requests?full", NULL);
  const char *p1 = strstr(log, "\"first\""), *p2 = strstr(log, "\"second\""), *p3 = strstr(log, "\"third\""),
      *p4 = strstr(log, "/v1/person/archive");
  assert_true(p1 && p2 && p3 && p4 && p1<p2 && p2<p3 && p3<p4);
  free(log);
  db_close(db);
  server_stop(&s);
}

/* The two writes of a case are never in flight together, so that they take effect in their order. */
static void never_together(const char *const *cases, int count){
  for(int i=0; i<count; i++){
    server s;
    server_start(&s, "--people 20");
    sqlite3 *db = quick_open(&s);
    sql_must(db,
        "INSERT INTO ortto_people(email, external_id, city) VALUES('old@t.example', 'old', 'Rome'); INSERT "
        "INTO ortto_accounts(name) VALUES('Old');"
                 "CREATE TEMP TABLE somebody AS SELECT id FROM ortto_people WHERE external_id='old'");
    server_do(&s, "/sandbox/set", "{\"latency_ms\":60}");
    server_do(&s, "/sandbox/forget", NULL);
    sql_must(db, "BEGIN");
    sql_must(db, cases[i]);
    sql_must(db, "COMMIT");
    char *stats = server_ask(&s, "/sandbox/stats", NULL);
    if( number_in(stats, "max_in_flight")>1 ) fail_msg("in flight together: %s", cases[i]);
    free(stats);
    if( strstr(cases[i], "people") )
      assert_sql(db, "SELECT group_concat(city) FROM ortto_people WHERE id=(SELECT id FROM somebody)",
          "Rome");
    db_close(db);
    server_stop(&s);
  }
}

/* An UPDATE that changes the email, external id or name of somebody takes effect before a later row that
** names somebody by the old. */
static void test_order_of_changed_keys(void **state){
  (void)state;
  static const char *const cases[] = {
    "UPDATE ortto_people SET email='new@t.example' WHERE id=(SELECT id FROM somebody); INSERT INTO "
        "ortto_people(email, city) VALUES('old@t.example', 'Oslo')",
    "UPDATE ortto_people SET external_id='new' WHERE id=(SELECT id FROM somebody); INSERT INTO "
        "ortto_people(external_id, city) VALUES('old', 'Oslo')",
    "UPDATE ortto_accounts SET name='New' WHERE name='Old'; INSERT INTO ortto_accounts(name, website) "
        "VALUES('Old', 'https://t.example')",
  };
  never_together(cases, sizeof cases/sizeof *cases);
}

/* So does a row with an email that sets a new external id. */
static void test_order_of_set_external_id(void **state){
  (void)state;
  skip();                                        /* not promised: see "What order is kept" in the README */
  static const char *const cases[] = {
    "INSERT INTO ortto_people(email, external_id) VALUES('old@t.example', 'new'); INSERT INTO "
        "ortto_people(external_id, city) VALUES('old', 'Oslo')",
  };
  never_together(cases, 1);
}

/* ---- interrupts ---------------------------------------------------------------------- */

/* Ctrl-C during COMMIT: it ends within 100 ms, the local rows are rolled back, and what was not taken is
** listed. */
static void test_interrupt(void **state){
  (void)state;
  server s;
  server_start(&s, "--people 5");
  sqlite3 *db = quick_open(&s), *other = quick_open(&s);
  pthread_t thread;
  seed_series(db, 1000);
  sql_must(db,
      "SELECT ortto_config('concurrency', 2); CREATE TABLE outbox AS SELECT 'k' || i || '@t.example' AS "
      "email FROM n; SELECT * FROM ortto_people LIMIT 1");
  server_do(&s, "/sandbox/set", "{\"latency_ms\":150}");
  interruption i = { db, 400, 0 };
  sql_must(db, "BEGIN; INSERT INTO ortto_people(email) SELECT email FROM outbox; DELETE FROM outbox");
  pthread_create(&thread, NULL, interrupt_later, &i);
  int rc = sql_run(db, "COMMIT");
  double took = now_ms() - i.at;
  assert_in(sqlite3_errmsg(db), "The first reason: ortto: interrupted.");
  pthread_join(thread, NULL);
  server_do(&s, "/sandbox/set", "{\"latency_ms\":0}");
  assert_int_equal(rc, SQLITE_INTERRUPT);
  assert_sql(db, "SELECT count(*) FROM ortto_failures WHERE message NOT LIKE '%interrupted%'", "0");
  if( took>200 ) fail_msg("the interrupt took %.0f ms", took);
  assert_true(sqlite3_get_autocommit(db));
  assert_sql(db, "SELECT count(*) FROM outbox", "1000");
  sleep_ms(200);                                 /* for what was on the wire */
  char *failed = sql_text(db, "SELECT count(*) FROM ortto_failures WHERE status=0"),
      *arrived = sql_text(other, "SELECT count(*) FROM ortto_people WHERE email LIKE 'k%@t.example'");
  int f = atoi(failed), a = atoi(arrived);
  /* Those that were on the wire may be in both. */
  if( f+a<1000 || f+a>1000+300 || f==0 || f==1000 ) fail_msg("%d failed, %d arrived", f, a);
  sqlite3_free(failed);
  sqlite3_free(arrived);
  /* Afterwards the connection is as good as before. */
  sql_must(db,
      "DELETE FROM ortto_failures; BEGIN; INSERT INTO ortto_people(email) SELECT email FROM outbox; DELETE "
      "FROM outbox; COMMIT");
  assert_sql(db, "SELECT count(*) FROM ortto_people WHERE email LIKE 'k%@t.example'", "1000");
  db_close(other);
  db_close(db);
  server_stop(&s);
}

/* ---- tables that come and go ------------------------------------------------------------ */

/* Rows that are held back are not lost when their table is dropped in the same transaction: it is refused,
** or they are sent. */
static void test_drop_in_transaction(void **state){
  (void)state;
  server s;
  server_start(&s, "--people 5");
  sqlite3 *db = quick_open(&s);
  sql_must(db, "CREATE VIRTUAL TABLE p USING ortto(table=people, write=on)");
  sql_must(db, "BEGIN; INSERT INTO p(email) VALUES('a@t.example')");
  sql_run(db, "DROP TABLE p");
  if( sql_run(db, "COMMIT")!=SQLITE_OK ) sql_run(db, "ROLLBACK");
  char *got = sql_text(db,
      "SELECT (SELECT count(*) FROM ortto_people WHERE email='a@t.example') + (SELECT count(*) FROM "
      "ortto_failures WHERE email='a@t.example')");
  assert_string_equal(got, "1");
  sqlite3_free(got);
  /* Without rows held back it goes. */
  sql_must(db,
      "CREATE VIRTUAL TABLE IF NOT EXISTS p USING ortto(table=people, write=on); BEGIN; "
      "SELECT count(*) FROM p; DROP "
      "TABLE p; COMMIT");
  /* Made, written and committed in one transaction. */
  sql_must(db,
      "BEGIN; CREATE VIRTUAL TABLE p USING ortto(table=people, write=on); "
      "INSERT INTO p(email) VALUES('b@t.example'); "
      "COMMIT");
  /* Made, written and rolled back. */
  sql_must(db,
      "BEGIN; CREATE VIRTUAL TABLE q USING ortto(table=people, write=on); "
      "INSERT INTO q(email) VALUES('c@t.example'); "
      "ROLLBACK");
  assert_sql(db, "SELECT count(*) FROM ortto_people WHERE email IN ('b@t.example', 'c@t.example')", "1");
  /* A schema that was rolled back makes SQLite connect the table anew: the rows before and after are both
  ** sent, in order. */
  sql_must(db,
      "BEGIN; INSERT INTO p(email, city) VALUES('d@t.example', 'Oslo'); SAVEPOINT s; CREATE TABLE x(a); "
      "ROLLBACK TO s;"
               "INSERT INTO p(email, city) VALUES('d@t.example', 'Rome'), ('e@t.example', 'Rome'); COMMIT");
  assert_sql(db,
      "SELECT group_concat(city) FROM (SELECT city FROM ortto_people WHERE email IN ('d@t.example', "
      "'e@t.example') ORDER BY email)", "Rome,Rome");
  db_close(db);
  server_stop(&s);
}

/* A connection that is closed in the middle of a transaction, or after failed ones, sends nothing and
** leaks nothing. */
static void test_close(void **state){
  (void)state;
  server s;
  server_start(&s, "--people 5");
  sqlite3 *db = quick_open(&s);
  sql_must(db,
      "BEGIN; INSERT INTO ortto_people(email) VALUES('a@t.example'); SAVEPOINT s; INSERT INTO "
      "ortto_accounts(name) VALUES('t')");
  db_close(db);
  assert_int_equal(writes(&s), 0);
  db = quick_open(&s);
  server_do(&s, "/sandbox/fault", "{\"kind\":\"reset\",\"path\":\"/v1/person/merge\",\"times\":-1}");
  for(int i=0; i<3; i++)
    assert_code(db, "INSERT INTO ortto_people(email) VALUES('a@t.example')", SQLITE_ERROR);
  assert_sql(db, "SELECT count(*) FROM ortto_failures", "3");
  sql_must(db, "BEGIN; INSERT INTO ortto_people(email) VALUES('a@t.example')");
  db_close(db);
  server_stop(&s);
}

/* ---- threads and size ---------------------------------------------------------------------- */

typedef struct worker {
  const server *server;
  int number;
  const char *failed;
} worker;

static void *work(void *ctx){
  worker *w = ctx;
  sqlite3 *db = quick_open(w->server);
  for(int i=0; i<8 && w->failed==NULL; i++){
    char *sql = sqlite3_mprintf(
        "BEGIN; INSERT INTO ortto_people(email, city) WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i+1 "
        "FROM n LIMIT 150) "
                                "SELECT 'w%d-%d-' || i || '@t.example', 'Oslo' FROM n; %s", w->number, i,
                                    i%4==3 ? "ROLLBACK" : "COMMIT");
    if( sql_run(db, sql)!=SQLITE_OK ) w->failed = "a transaction failed";
    sqlite3_free(sql);
  }
  if( sqlite3_close(db)!=SQLITE_OK ) w->failed = "close";
  return NULL;
}

/* Two connections in two threads. */
static void test_two_threads(void **state){
  (void)state;
  server s;
  pthread_t thread[2];
  server_start(&s, "--people 5");
  worker w[2] = { { &s, 0, NULL }, { &s, 1, NULL } };
  for(int i=0; i<2; i++) pthread_create(&thread[i], NULL, work, &w[i]);
  for(int i=0; i<2; i++) pthread_join(thread[i], NULL);
  for(int i=0; i<2; i++) assert_null(w[i].failed);
  sqlite3 *db = quick_open(&s);
  assert_sql(db,
      "SELECT count(*) || ' ' || count(DISTINCT email) FROM ortto_people WHERE email LIKE 'w%@t.example'",
      "1800 1800");
  db_close(db);
  server_stop(&s);
}

/* One DELETE costs no more when much is held back. */
static void test_delete_is_quick(void **state){
  (void)state;
  server s;
  server_start(&s, "--people 3000 --no-archived");
  sqlite3 *db = quick_open(&s);
  seed_series(db, 100000);
  sql_must(db,
      "SELECT ortto_config('max_deletes', 10000); BEGIN; INSERT INTO ortto_people(email) SELECT 'k' || i || "
      "'@t.example' FROM n");
  double begin = now_ms();
  sql_must(db, "DELETE FROM ortto_people");
  double took = now_ms() - begin;
  sql_must(db, "ROLLBACK");
  if( took>4000 ) fail_msg("3,000 rows took %.0f ms to be noted", took);
  db_close(db);
  server_stop(&s);
}

/* SQLite says from 3.44 on which columns an UPDATE ... FROM changes; before, it is refused. */
static void test_update_from(void **state){
  (void)state;
  server s;
  server_start(&s, "--people 5 --no-archived");
  sqlite3 *db = quick_open(&s);
  sql_must(db, "CREATE TEMP TABLE moves AS SELECT id, 'Oslo' AS city FROM ortto_people LIMIT 2; BEGIN");
  int rc = sql_run(db, "UPDATE ortto_people SET city = moves.city FROM moves "
                       "WHERE ortto_people.id = moves.id");
  if( sqlite3_libversion_number()>=3044000 ){
    assert_int_equal(rc, SQLITE_OK);
    assert_sql(db, "SELECT group_concat(operation || changes) FROM ortto_pending",
        "update{\"city\":\"Oslo\"},update{\"city\":\"Oslo\"}");
    sql_must(db, "COMMIT");
    assert_sql(db, "SELECT count(*) FROM ortto_people "
                   "WHERE city = 'Oslo' AND id IN (SELECT id FROM moves)", "2");
  }else{
    assert_int_equal(rc, SQLITE_ERROR);
    assert_in(sqlite3_errmsg(db), "UPDATE ... FROM is not possible here");
    assert_in(sqlite3_errmsg(db), "UPDATE ortto_people SET city = (SELECT ... ) WHERE id IN (SELECT ...)");
    sql_must(db, "COMMIT");
    assert_int_equal(server_count(&s, "/v1/person/merge"), 0);
  }
  db_close(db);
  server_stop(&s);
}

int main(void){
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_nothing_before_commit),
    cmocka_unit_test(test_table_made_in_it),
    cmocka_unit_test(test_savepoints),
    cmocka_unit_test(test_random_savepoints),
    cmocka_unit_test(test_statement_fails),
    cmocka_unit_test(test_brakes),
    cmocka_unit_test(test_deferred_foreign_key),
    cmocka_unit_test(test_commit_hook),
    cmocka_unit_test(test_busy_commit),
    cmocka_unit_test(test_disk_full),
    cmocka_unit_test(test_two_tables),
    cmocka_unit_test(test_two_tables_fail),
    cmocka_unit_test(test_503),
    cmocka_unit_test(test_401),
    cmocka_unit_test(test_400),
    cmocka_unit_test(test_reset),
    cmocka_unit_test(test_answer_lost),
    cmocka_unit_test(test_when_to_stop),
    cmocka_unit_test(test_retries),
    cmocka_unit_test(test_partial_rows),
    cmocka_unit_test(test_every_commit_fails),
    cmocka_unit_test(test_not_sent_at_all),
    cmocka_unit_test(test_tags_unreadable),
    cmocka_unit_test(test_order),
    cmocka_unit_test(test_order_of_changed_keys),
    cmocka_unit_test(test_order_of_set_external_id),
    cmocka_unit_test(test_interrupt),
    cmocka_unit_test(test_drop_in_transaction),
    cmocka_unit_test(test_close),
    cmocka_unit_test(test_two_threads),
    cmocka_unit_test(test_delete_is_quick),
    cmocka_unit_test(test_update_from),
  };
  curl_global_init(CURL_GLOBAL_ALL);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
