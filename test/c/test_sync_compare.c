/*
** test_sync_compare.c - a refresh that compares as it reads: whatever is done to the local table between two
** pages, by the program itself or by another connection, it ends as a copy of the source, and with the right
** counts; what is done elsewhere in the file costs no second reading.
*/
#define _GNU_SOURCE
#include "harness.h"

#define FILE_NAME "compare.db"
#define FIELDS "str::email str::first str::last geo::city e"
#define NAMES "id, email, first_name, last_name, city, edited"
#define EXCEPT(a, b) "(SELECT count(*) FROM (SELECT " NAMES " FROM " a " EXCEPT SELECT " NAMES " FROM " b "))"
#define DIFFERENCE "SELECT " EXCEPT("people", "source") "||' '||" EXCEPT("source", "people")
#define STATE(what) "SELECT " what " FROM ortto_sync_state ORDER BY run DESC LIMIT 1"
#define SYNC "SELECT ortto_sync('source','people','{\"log\":true}')"

static server sandbox;

static int set_up(void **state){
  (void)state;
  server_start(&sandbox, "--people 2600 --no-archived --custom 1 --account-custom 1 --date fake");
  return 0;
}

static int tear_down(void **state){
  (void)state;
  server_stop(&sandbox);
  return 0;
}

static sqlite3 *file_open(int source){
  sqlite3 *db = NULL;
  const char *ext = getenv("EXT");
  char *why = NULL;
  if( sqlite3_open(FILE_NAME, &db)!=SQLITE_OK ) fail_msg("sqlite3_open");
  sqlite3_busy_timeout(db, 5000);
  if( !source ) return db;
  sqlite3_enable_load_extension(db, 1);
  if( sqlite3_load_extension(db, ext ? ext : "./ortto.so", "sqlite3_ortto_init", &why)!=SQLITE_OK )
    fail_msg("%s", why);
  char *sql = sqlite3_mprintf(
    "SELECT ortto_config('api_url', %Q), ortto_config('key', 'sandbox-key'), ortto_config('rate', 0), "
    "ortto_config('retries', 0), ortto_config('concurrency', 1);"
    "CREATE VIRTUAL TABLE temp.source USING ortto(table=people, fields='" FIELDS "')", sandbox.url);
  sql_must(db, sql);
  sqlite3_free(sql);
  return db;
}

/* Every test begins with a whole copy. */
static int fresh(void **state){
  (void)state;
  server_do(&sandbox, "/sandbox/reset", NULL);
  database_remove(FILE_NAME);
  sqlite3 *db = file_open(1);
  assert_sql(db, "PRAGMA journal_mode=wal", "wal");
  sql_must(db, "CREATE TABLE mine(x)");
  assert_sql(db, SYNC " ->> 'inserted'", "2600");
  db_close(db);
  return 0;
}

/* Rows of the copy that stands on page 1 of the source, and on its last. */
#define EARLY "(SELECT id FROM people ORDER BY rowid LIMIT 1 OFFSET 7)"
#define LATE "(SELECT id FROM people ORDER BY rowid DESC LIMIT 1 OFFSET 7)"

static void copy_is_right(sqlite3 *db, const char *what){
  char *got = sql_text(db, DIFFERENCE);
  if( strcmp(got, "0 0")!=0 ) fail_msg("%s: the copy differs: %s", what, got);
  sqlite3_free(got);
  got = sql_text(db, STATE("rows=(SELECT count(*) FROM people) AND rows=total "
                           "AND inserted+updated+unchanged=rows AND state='done'"));
  if( strcmp(got, "1")!=0 ) fail_msg("%s: the counts are wrong", what);
  sqlite3_free(got);
}

/* Nothing has changed: nothing is staged. */
static void test_unchanged(void **state){
  (void)state;
  sqlite3 *db = file_open(1);
  assert_sql(db, SYNC " ->> 'unchanged'", "2600");
  assert_sql(db, "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'ortto_s%' AND name<>'ortto_sync_state'",
             "0");
  assert_sql(db, "SELECT count(*) FROM people_log", "0");
  db_close(db);
}

static void test_changed(void **state){
  (void)state;
  sqlite3 *db = file_open(1);
  server_do(&sandbox, "/sandbox/people", "{\"edit\":300,\"step\":5}");
  server_do(&sandbox, "/sandbox/people", "{\"remove\":40}");
  server_do(&sandbox, "/sandbox/people", "{\"add\":30}");
  char *got = sql_text(db, SYNC);
  if( strstr(got, "\"inserted\":30,")==NULL || strstr(got, "\"deleted\":40,")==NULL ) fail_msg("%s", got);
  if( strstr(got, "\"message\":null")==NULL ) fail_msg("%s", got);
  sqlite3_free(got);
  copy_is_right(db, "changed");
  assert_sql(db, "SELECT count(DISTINCT id)||action FROM people_log WHERE action='deleted'", "40deleted");
  assert_sql(db, "SELECT count(DISTINCT id)=(" STATE("updated") ") FROM people_log WHERE action='updated'",
             "1");
  db_close(db);
}

/* One row has gone, and one has come: as many as before. */
static void test_same_count(void **state){
  (void)state;
  sqlite3 *db = file_open(1);
  sql_must(db, "UPDATE people SET id='somebody' WHERE id=" EARLY);
  char *got = sql_text(db, SYNC);
  if( strstr(got, "\"inserted\":1,\"updated\":0,\"deleted\":1,\"unchanged\":2599")==NULL )
    fail_msg("%s", got);
  sqlite3_free(got);
  copy_is_right(db, "one for another");
  db_close(db);
}

/* Runs SQL, or writes a byte into a text of the row of that id past all statements. */
static void edit(sqlite3 *db, const char *sql){
  sqlite3_blob *blob;
  if( strncmp(sql, "BLOB ", 5)!=0 ){
    sql_must(db, sql);
    return;
  }
  char *ask = sqlite3_mprintf("SELECT rowid FROM people WHERE id=%s", sql+5), *rowid = sql_text(db, ask);
  if( sqlite3_blob_open(db, "main", "people", "email", atoll(rowid), 1, &blob)!=SQLITE_OK )
    fail_msg("%s: %s", sql, sqlite3_errmsg(db));
  if( sqlite3_blob_write(blob, "~", 1, 2)!=SQLITE_OK ) fail_msg("%s: %s", sql, sqlite3_errmsg(db));
  if( sqlite3_blob_close(blob)!=SQLITE_OK ) fail_msg("%s: %s", sql, sqlite3_errmsg(db));
  sqlite3_free(rowid);
  sqlite3_free(ask);
}

/* The table form; behind the row of that number SQL is run, by another connection or the sync's own. message:
** what the last row's is to hold, NULL none. */
static void with_edit(int page, const char *sql, int by_another, const char *message){
  sqlite3_stmt *stmt;
  char name[300], *said = NULL;
  int rc, seen = 0;
  sqlite3 *db = file_open(1), *other = file_open(0);
  snprintf(name, sizeof name, "page %d, %s: %s", page, by_another ? "another" : "own", sql);
  const char *call = "SELECT state, message FROM ortto_sync('source','people','{\"log\":true}')";
  assert_int_equal(sqlite3_prepare_v2(db, call, -1, &stmt, NULL), SQLITE_OK);
  while( (rc = sqlite3_step(stmt))==SQLITE_ROW ){
    if( ++seen==page ) edit(by_another ? other : db, sql);
    sqlite3_free(said);
    said = sqlite3_mprintf("%s %s", sqlite3_column_text(stmt, 0), sqlite3_column_text(stmt, 1));
  }
  if( rc!=SQLITE_DONE ) fail_msg("%s: %s", name, sqlite3_errmsg(db));
  sqlite3_finalize(stmt);
  if( message==NULL && strcmp(said, "done ")!=0 ) fail_msg("%s: %s", name, said);
  if( message && strstr(said, message)==NULL ) fail_msg("%s: %s", name, said);
  sqlite3_free(said);
  sql_must(other, "DROP TRIGGER IF EXISTS t; DROP INDEX IF EXISTS i");
  copy_is_right(db, name);
  db_close(other);
  db_close(db);
}

#define ANEW "changed after it was compared"

static void test_edits(void **state){
  static const struct { const char *sql, *message; int page; } edits[] = {
    { "UPDATE people SET city='x' WHERE id=" EARLY, ANEW, 2 },
    { "UPDATE people SET city='x' WHERE id=" EARLY, ANEW, 6 },
    { "UPDATE people SET city='x' WHERE id=" LATE, NULL, 2 },
    { "BLOB " EARLY, ANEW, 2 },
    { "BLOB " EARLY, ANEW, 6 },
    { "BLOB " LATE, NULL, 2 },
    { "DELETE FROM people WHERE id=" EARLY, ANEW, 3 },
    { "DELETE FROM people", ANEW, 3 },
    { "UPDATE people SET id='x' WHERE id=" EARLY, ANEW, 3 },
    { "UPDATE people SET last_name=first_name, first_name=last_name WHERE id=" EARLY, ANEW, 3 },
    { "UPDATE people SET city=CAST(city AS BLOB)", ANEW, 3 },
    { "INSERT INTO people(id) VALUES('somebody')", NULL, 3 },
    { "INSERT INTO people(id) VALUES('somebody'); DELETE FROM people WHERE id=" EARLY, ANEW, 6 },
    { "INSERT INTO mine VALUES(1)", NULL, 3 },
    { "BEGIN; UPDATE people SET city='x'; ROLLBACK", NULL, 3 },
    { "CREATE TRIGGER t AFTER UPDATE ON people BEGIN SELECT 1; END", ANEW, 3 },
    { "CREATE INDEX i ON people(city)", NULL, 3 },
    { "UPDATE ortto_seen_people SET notes=zeroblob(length(notes))", ANEW, 3 },
    { "DELETE FROM ortto_seen_people WHERE page=1", ANEW, 6 },
    { "UPDATE ortto_seen_people SET notes=(SELECT notes FROM ortto_seen_people WHERE page=1)", ANEW, 3 },
    { "ALTER TABLE people DROP COLUMN city", ANEW, 3 },
  };
  (void)state;
  for(int i=0; i<(int)(sizeof edits/sizeof *edits); i++)
    for(int by_another=0; by_another<2; by_another++){
      /* An own CREATE or ALTER, or one in the middle of an own transaction, SQLite refuses under a SELECT. */
      int refused = strchr("CA", edits[i].sql[0]) || strncmp(edits[i].sql, "BEGIN", 5)==0;
      if( refused && !by_another ) continue;
      fresh(NULL);
      with_edit(edits[i].page, edits[i].sql, by_another, edits[i].message);
    }
}

/* A hook that SQLite calls behind each commit may write too: here behind that of the third page. */
typedef struct hook {
  int calls;
  int inside;
} hook;

static int edit_behind_commit(void *ctx, sqlite3 *db, const char *name, int pages){
  hook *h = ctx;
  (void)name;
  (void)pages;
  if( h->inside || ++h->calls!=4 ) return SQLITE_OK;
  h->inside = 1;
  sql_must(db, "UPDATE people SET city='x' WHERE id=" EARLY);
  h->inside = 0;
  return SQLITE_OK;
}

static void test_hook(void **state){
  (void)state;
  hook h = { 0, 0 };
  sqlite3 *db = file_open(1);
  sqlite3_wal_hook(db, edit_behind_commit, &h);
  char *got = sql_text(db, SYNC);
  if( h.calls<6 || strstr(got, ANEW)==NULL ) fail_msg("%d: %s", h.calls, got);
  sqlite3_free(got);
  copy_is_right(db, "a hook");
  db_close(db);
}

/* ---- pages that are here are written together --------------------------------------------------------- */

/* A disk that is slow: pages arrive while a commit waits for it. */
static int slow_commit(void *ctx, sqlite3 *db, const char *name, int pages){
  (void)db;
  (void)name;
  (void)pages;
  ++*(int *)ctx;
  usleep(60000);
  return SQLITE_OK;
}

static int commits_of(sqlite3 *db, const char *sql){
  int commits = 0;
  sqlite3_wal_hook(db, slow_commit, &commits);
  assert_sql(db, sql, "2600");
  sqlite3_wal_hook(db, NULL, NULL);
  return commits;
}

/* The table form shows each page, and so commits each. */
static void test_together(void **state){
  (void)state;
  sqlite3 *db = file_open(1);
  sql_must(db, "SELECT ortto_config('concurrency', 8)");
  int alone = commits_of(db, "SELECT max(unchanged) FROM ortto_sync('source','people')");
  int together = commits_of(db, "SELECT ortto_sync('source','people') ->> 'unchanged'");
  if( alone<6 || together>alone-2 ) fail_msg("%d commits, %d where each page is shown", together, alone);
  copy_is_right(db, "together");
  db_close(db);
}

/* What is wrong with the last page keeps those from nothing that were here before it. */
static void test_together_until(void **state){
  static const struct { const char *fault, *said; } wrong[] = {
    { "\"kind\":\"status\",\"status\":500", "answered 500" },
    { "\"kind\":\"cut_json\"", "is not JSON" },
    { "\"kind\":\"same_page\"", "came before" },
  };
  int commits = 0;
  char fault[200];
  (void)state;
  for(int i=0; i<(int)(sizeof wrong/sizeof *wrong); i++){
    fresh(NULL);
    sqlite3 *db = file_open(1);
    snprintf(fault, sizeof fault, "{%s,\"path\":\"/v1/person/get\",\"after\":5,\"times\":1}", wrong[i].fault);
    server_do(&sandbox, "/sandbox/fault", fault);
    sqlite3_wal_hook(db, slow_commit, &commits);
    char *got = sql_text(db, SYNC);
    sqlite3_wal_hook(db, NULL, NULL);
    if( strstr(got, wrong[i].said)==NULL ) fail_msg("%s: %s", fault, got);
    sqlite3_free(got);
    assert_sql(db, STATE("page||' '||rows||' '||state"), "5 2500 failed");
    long asked = server_count(&sandbox, "/v1/person/get");
    assert_sql(db, SYNC " ->> 'unchanged'", "2600");
    assert_int_equal(server_count(&sandbox, "/v1/person/get"), asked + 1);
    copy_is_right(db, fault);
    db_close(db);
  }
}

/* ---- where it may compare --------------------------------------------------------------------------- */

/* The rows of a sync up to its third page: how many bytes of notes are there by then? -1: no such table. */
static int notes_of(sqlite3 *db){
  sqlite3_stmt *stmt;
  int notes = -1;
  const char *call = "SELECT 1 FROM ortto_sync('source','people')";
  assert_int_equal(sqlite3_prepare_v2(db, call, -1, &stmt, NULL), SQLITE_OK);
  for(int i=0; i<3; i++)
    if( sqlite3_step(stmt)!=SQLITE_ROW ) fail_msg("%s", sqlite3_errmsg(db));
  char *there = sql_text(db, "SELECT count(*) FROM sqlite_schema WHERE name='ortto_seen_people'");
  if( strcmp(there, "1")==0 ){
    char *bytes = sql_text(db, "SELECT ifnull(sum(length(notes)),0) FROM ortto_seen_people");
    notes = atoi(bytes);
    sqlite3_free(bytes);
  }
  sqlite3_free(there);
  sqlite3_finalize(stmt);
  return notes;
}

/* Makes the copy anew, with what the table is to be like before its rows come. */
static void made_anew(sqlite3 *db, const char *table, const char *rule){
  sql_must(db, "ALTER TABLE people RENAME TO old_people");
  sql_must(db, table);
  sql_must(db, "INSERT INTO people SELECT * FROM old_people; DROP TABLE old_people");
  sql_must(db, rule);
}

#define COLUMNS "email TEXT, first_name TEXT, last_name TEXT, city TEXT, edited DATETIME"

/* Rows that can be none of Ortto's: without an id, and with one that is no text. */
static void test_odd_ids(void **state){
  (void)state;
  sqlite3 *db = file_open(1);
  made_anew(db, "CREATE TABLE people(id TEXT PRIMARY KEY, " COLUMNS ")", "INSERT INTO people(id,email) "
            "VALUES(NULL,'a'),(NULL,'b'),(x'41','c'),('','d'),(7,'e'),('é','f')");
  assert_sql(db, SYNC " ->> 'deleted'", "6");
  copy_is_right(db, "odd ids");
  db_close(db);
}

/* Rules of the user's may refuse a change, and other keys do not find a row exactly: there all is staged. */
static void test_where(void **state){
  static const struct { const char *table, *rule; int compares; } as[] = {
    { "CREATE TABLE people(id TEXT NOT NULL, " COLUMNS ", PRIMARY KEY(id))", "", 1 },
    { "CREATE TABLE people(id TEXT PRIMARY KEY, " COLUMNS ") WITHOUT ROWID", "", 1 },
    { "CREATE TABLE people(id TEXT COLLATE NOCASE, " COLUMNS ")",
      "CREATE UNIQUE INDEX u ON people(id COLLATE BINARY)", 1 },
    { "CREATE TABLE people(id TEXT PRIMARY KEY, " COLUMNS ")", "CREATE INDEX i ON people(city)", 1 },
    { "CREATE TABLE people(id TEXT PRIMARY KEY, " COLUMNS ")",
      "CREATE TABLE c(p REFERENCES people(id)); INSERT INTO c SELECT id FROM people LIMIT 9", 1 },
    { "CREATE TABLE people(id TEXT COLLATE NOCASE PRIMARY KEY, " COLUMNS ")", "", 0 },
    { "CREATE TABLE people(id TEXT, " COLUMNS ", PRIMARY KEY(id COLLATE NOCASE))", "", 0 },
    { "CREATE TABLE people(id BLOB PRIMARY KEY, " COLUMNS ")", "", 0 },
    { "CREATE TABLE people(id INTEXT PRIMARY KEY, " COLUMNS ")", "", 0 },   /* whose affinity is INTEGER */
    { "CREATE TABLE people(id TEXT PRIMARY KEY, " COLUMNS ")",
      "CREATE UNIQUE INDEX u ON people(id, email)", 0 },
    { "CREATE TABLE people(id TEXT PRIMARY KEY, " COLUMNS ")",
      "CREATE UNIQUE INDEX u ON people(email, id)", 0 },
    { "CREATE TABLE people(id TEXT PRIMARY KEY, " COLUMNS ")",
      "CREATE UNIQUE INDEX u ON people(email) WHERE city='none'", 0 },
    { "CREATE TABLE people(id TEXT PRIMARY KEY, " COLUMNS ")",
      "CREATE TRIGGER t AFTER UPDATE ON people BEGIN SELECT 1; END", 0 },
    { "CREATE TABLE people(id TEXT PRIMARY KEY, " COLUMNS ")",
      "CREATE TEMP TRIGGER t AFTER DELETE ON main.people BEGIN SELECT 1; END", 0 },
    { "CREATE TABLE towns(name PRIMARY KEY); CREATE TABLE people(id TEXT PRIMARY KEY, " COLUMNS
      ", FOREIGN KEY(city) REFERENCES towns(name))", "", 0 },
    { "CREATE TABLE people(id TEXT PRIMARY KEY, email TEXT, first_name TEXT, last_name TEXT, city TEXT, "
      "edited DATETIME, up TEXT AS (upper(city)))", "", 1 },
  };
  (void)state;
  for(int i=0; i<(int)(sizeof as/sizeof *as); i++){
    fresh(NULL);
    sqlite3 *db = file_open(1);
    if( strstr(as[i].table, "upper") ){
      sql_must(db, "ALTER TABLE people ADD COLUMN up TEXT AS (upper(city))");
    }else made_anew(db, as[i].table, as[i].rule);
    server_do(&sandbox, "/sandbox/people", "{\"edit\":30,\"step\":50}");
    server_do(&sandbox, "/sandbox/people", "{\"remove\":2}");
    int notes = notes_of(db);
    if( (notes>0)!=as[i].compares ) fail_msg("%s; %s: %d", as[i].table, as[i].rule, notes);
    assert_sql(db, SYNC " ->> 'deleted'", "2");
    if( strstr(as[i].table, "upper") ) sql_must(db, "ALTER TABLE people DROP COLUMN up");
    copy_is_right(db, as[i].table);
    db_close(db);
  }
}

/* A file in UTF-16: all is staged. */
static void test_utf16(void **state){
  (void)state;
  unlink(FILE_NAME);
  sqlite3 *db = file_open(0);
  sql_must(db, "PRAGMA encoding='UTF-16le'; CREATE TABLE mine(x)");
  db_close(db);
  db = file_open(1);
  assert_sql(db, "PRAGMA encoding", "UTF-16le");
  assert_sql(db, SYNC " ->> 'inserted'", "2600");
  server_do(&sandbox, "/sandbox/people", "{\"remove\":2}");
  assert_int_equal(notes_of(db)>0, 0);
  assert_sql(db, SYNC " ->> 'deleted'", "2");
  copy_is_right(db, "UTF-16");
  db_close(db);
}

/* In a transaction of the user's, in a run of changes. What another call has noted holds there too. */
static void test_inside(void **state){
  (void)state;
  sqlite3 *db = file_open(1);
  sql_must(db, "BEGIN");
  assert_int_equal(notes_of(db), -1);
  sql_must(db, "ROLLBACK");
  assert_true(notes_of(db)>0);
  server_do(&sandbox, "/sandbox/people", "{\"edit\":1,\"step\":1}");
  sql_must(db, "BEGIN");
  assert_sql(db, SYNC " ->> 'state'", "done");
  assert_sql(db, STATE("coalesce(message,'')"), "in your transaction: it stands once that is committed");
  sql_must(db, "COMMIT");
  assert_true(notes_of(db)>0);
  sql_must(db, "UPDATE people SET city='x' WHERE id=" EARLY);
  assert_sql(db, "SELECT ortto_sync('source','people','changes') ->> 'state'", "done");
  sql_must(db, "UPDATE people SET city='x'");
  assert_sql(db, SYNC " ->> 'state'", "done");
  copy_is_right(db, "after changes");
  db_close(db);
}

/* What has the name of the notes but is none of ours stays as it is. */
static void test_stranger(void **state){
  static const struct { const char *sql, *look, *is; } strangers[] = {
    { "CREATE TABLE ortto_seen_people(page INTEGER PRIMARY KEY, notes BLOB, mine); "
      "INSERT INTO ortto_seen_people VALUES(1,2,3)",
      "SELECT page||notes||mine FROM ortto_seen_people", "123" },
    { "CREATE TABLE ortto_seen_people(page INTEGER PRIMARY KEY, notes TEXT); "
      "INSERT INTO ortto_seen_people VALUES(1,2)", "SELECT page||notes FROM ortto_seen_people", "12" },
    { "CREATE VIEW ortto_seen_people AS SELECT 7 AS a", "SELECT a FROM ortto_seen_people", "7" },
    { "CREATE INDEX ortto_seen_people ON mine(x)",
      "SELECT count(*) FROM mine INDEXED BY ortto_seen_people", "0" },
    { "CREATE TABLE \"ortto_seen_people\"(page INTEGER PRIMARY KEY, notes BLOB); INSERT INTO mine VALUES(5); "
      "CREATE TRIGGER t AFTER DELETE ON ortto_seen_people BEGIN DELETE FROM mine; END",
      "SELECT x FROM mine", "5" },
  };
  (void)state;
  for(int i=0; i<(int)(sizeof strangers/sizeof *strangers); i++){
    fresh(NULL);
    sqlite3 *db = file_open(1);
    sql_must(db, strangers[i].sql);
    server_do(&sandbox, "/sandbox/people", "{\"remove\":2}");
    char *got = sql_text(db, SYNC);
    if( strstr(got, "\"deleted\":2,\"unchanged\":2598,")==NULL ) fail_msg("%s: %s", strangers[i].sql, got);
    sqlite3_free(got);
    assert_sql(db, strangers[i].look, strangers[i].is);
    copy_is_right(db, strangers[i].sql);
    db_close(db);
  }
}

/* ---- the log ---------------------------------------------------------------------------------------- */

/* Every difference between what was there and what is, and nothing else, is on record. */
static void test_log(void **state){
  static const char *const column[] = { "email", "first_name", "last_name", "city", "edited" };
  (void)state;
  sqlite3 *db = file_open(1);
  sql_must(db, "UPDATE people SET city='x', last_name=NULL WHERE rowid%41=3; "
               "DELETE FROM people WHERE rowid%59=5; INSERT INTO people(id,email) VALUES('a','b')");
  server_do(&sandbox, "/sandbox/people", "{\"edit\":200,\"step\":7}");
  server_do(&sandbox, "/sandbox/people", "{\"remove\":20}");
  server_do(&sandbox, "/sandbox/people", "{\"add\":10}");
  sql_must(db, "CREATE TABLE was AS SELECT * FROM people");
  assert_sql(db, SYNC " ->> 'message'", "NULL");
  copy_is_right(db, "log");
  sql_must(db, "CREATE TABLE expected AS "
    "SELECT id, 'deleted' AS action, NULL AS c, NULL AS b, NULL AS a FROM was "
    "WHERE id NOT IN (SELECT id FROM people) UNION ALL SELECT id, 'inserted', NULL, NULL, NULL FROM people "
    "WHERE id NOT IN (SELECT id FROM was)");
  for(int i=0; i<5; i++){
    char *sql = sqlite3_mprintf("INSERT INTO expected "
      "SELECT id,'updated',%Q,w.%s,p.%s FROM was w JOIN people p USING(id) WHERE w.%s IS NOT p.%s",
      column[i], column[i], column[i], column[i], column[i]);
    sql_must(db, sql);
    sqlite3_free(sql);
  }
  assert_sql(db, "SELECT (SELECT count(*) FROM expected)>300 AND (SELECT count(*) FROM expected)="
    "(SELECT count(*) FROM people_log)", "1");
  assert_sql(db, "SELECT count(*) FROM (SELECT * FROM expected EXCEPT "
    "SELECT id, action, column_name, \"before\", \"after\" FROM people_log)", "0");
  assert_sql(db, STATE("deleted=(SELECT count(*) FROM people_log WHERE action='deleted') AND "
    "inserted=(SELECT count(*) FROM people_log WHERE action='inserted') AND "
    "updated=(SELECT count(DISTINCT id) FROM people_log WHERE action='updated')"), "1");
  db_close(db);
}

/* ---- what fails ------------------------------------------------------------------------------------- */

/* Another table refuses that a row goes: nothing is fetched again when that is mended. */
static void test_refused(void **state){
  (void)state;
  sqlite3 *db = file_open(1);
  sql_must(db, "PRAGMA foreign_keys=ON; CREATE TABLE child(p REFERENCES people(id)); "
               "INSERT INTO child SELECT id FROM people");
  server_do(&sandbox, "/sandbox/people", "{\"remove\":3}");
  server_do(&sandbox, "/sandbox/people", "{\"edit\":30,\"step\":7}");
  char *got = sql_text(db, SYNC);
  if( strstr(got, "FOREIGN KEY")==NULL ) fail_msg("%s", got);
  sqlite3_free(got);
  assert_sql(db, "SELECT count(*) FROM people", "2600");
  long asked = server_count(&sandbox, "/v1/person/get");
  sql_must(db, "DELETE FROM child");
  assert_sql(db, SYNC " ->> 'deleted'", "3");
  assert_int_equal(server_count(&sandbox, "/v1/person/get"), asked);
  copy_is_right(db, "refused");
  db_close(db);
}

/* The disk is full, ever a little later: the local table is as it was, and the next call ends well. */
static void test_full(void **state){
  (void)state;
  int failed = 0;
  for(int room=1; room<120; room += room<12 ? 1 : 9){
    fresh(NULL);
    sqlite3 *db = file_open(1);
    sql_must(db, "CREATE TABLE was AS SELECT * FROM people");
    server_do(&sandbox, "/sandbox/people", "{\"edit\":200,\"step\":7}");
    server_do(&sandbox, "/sandbox/people", "{\"remove\":20}");
    server_do(&sandbox, "/sandbox/people", "{\"add\":30}");
    char *pages = sql_text(db, "PRAGMA page_count");
    char *limit = sqlite3_mprintf("PRAGMA max_page_count=%d", atoi(pages)+room);
    sql_must(db, limit);
    char *got = sql_text(db, SYNC);
    if( strstr(got, "\"done\"")==NULL ){
      failed++;
      if( strstr(got, "full")==NULL ) fail_msg("%s: %s", limit, got);
      assert_sql(db, "SELECT count(*) FROM (SELECT * FROM was EXCEPT SELECT * FROM people)", "0");
      assert_sql(db, "SELECT count(*) FROM people", "2600");
    }
    sql_must(db, "PRAGMA max_page_count=1000000");
    assert_sql(db, SYNC " ->> 'state'", "done");
    copy_is_right(db, limit);
    sqlite3_free(pages);
    sqlite3_free(limit);
    sqlite3_free(got);
    db_close(db);
  }
  assert_true(failed>5);
}

/* ---- by chance -------------------------------------------------------------------------------------- */

/* Any edits at any page, with changes in Ortto before. */
static void test_chance(void **state){
  static const char *const sql[] = {
    "UPDATE people SET city='x' WHERE rowid%97=3", "DELETE FROM people WHERE rowid%89=5",
    "INSERT INTO mine VALUES(2)", "INSERT OR IGNORE INTO people(id,email) VALUES('a','b')",
    "UPDATE people SET edited=NULL WHERE rowid>2590", "DELETE FROM people WHERE rowid<3",
  };
  unsigned seed = 20261127;
  (void)state;
  fresh(NULL);
  for(int round=0; round<30; round++){
    sqlite3_stmt *stmt;
    sqlite3 *db = file_open(1), *other = file_open(0);
    seed = seed*1664525u + 1013904223u;
    if( seed>>28 & 1 ) server_do(&sandbox, "/sandbox/people", "{\"edit\":20,\"step\":31}");
    if( seed>>27 & 1 ) server_do(&sandbox, "/sandbox/people", "{\"remove\":3}");
    if( seed>>26 & 1 ) server_do(&sandbox, "/sandbox/people", "{\"add\":2}");
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT 1 FROM ortto_sync('source','people')", -1, &stmt, NULL),
                     SQLITE_OK);
    int rc;
    while( (rc = sqlite3_step(stmt))==SQLITE_ROW ){
      seed = seed*1664525u + 1013904223u;
      if( seed>>29==0 ) sql_run(seed>>20 & 1 ? db : other, sql[(seed>>12)%6]);   /* or refused: locked */
      if( seed>>28==15 ) break;                  /* interrupted: taken up below */
    }
    if( rc!=SQLITE_ROW && rc!=SQLITE_DONE ) fail_msg("round %d: %s", round, sqlite3_errmsg(db));
    sqlite3_finalize(stmt);
    if( seed>>11 & 1 ) sql_must(other, sql[(seed>>7)%6]);
    assert_sql(db, "SELECT ortto_sync('source','people') ->> 'state'", "done");
    copy_is_right(db, "by chance");
    db_close(other);
    db_close(db);
  }
}

#define TEST(f) cmocka_unit_test_setup(f, fresh)

int main(void){
  const struct CMUnitTest tests[] = {
    TEST(test_unchanged), TEST(test_changed), TEST(test_same_count), TEST(test_odd_ids), TEST(test_edits),
    TEST(test_hook), TEST(test_together), TEST(test_together_until), TEST(test_where), TEST(test_utf16),
    TEST(test_inside), TEST(test_stranger), TEST(test_log), TEST(test_refused), TEST(test_full),
    TEST(test_chance),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
