/*
** test_faults.c - what a scan does when the server fails, lies or falls silent: the right rows, all of them
** and once, or an error that begins with "ortto: "; never an incomplete result without an error; and the
** connection works afterwards.
*/
#define _GNU_SOURCE
#include "rows.h"

#define COUNT(array) ((int)(sizeof(array)/sizeof(*(array))))
#define PEOPLE_GET "/v1/person/get"

static char **good;              /* the right rows, sorted */
static int good_count;

/* ---- rows ---------------------------------------------------------------- */

static const char all_people[] = "SELECT id || ' ' || ifnull(email, '-') FROM ortto_people";

/* No row twice, and none that is not among the right ones. */
static void rows_sound(const rows *r, const char *name){
  for(int i=0; i<r->n; i++){
    if( i && strcmp(r->row[i], r->row[i-1])==0 ) fail_msg("%s: twice: %s", name, r->row[i]);
    if( !bsearch(&r->row[i], good, (size_t)good_count, sizeof *good, by_text) )
      fail_msg("%s: no such row: %s", name, r->row[i]);
  }
}

static int set_up(void **state){
  (void)state;
  server_start(&sandbox, "--people 3000 --accounts 5 --custom 0 --account-custom 0");
  sqlite3 *db = db_open(&sandbox);
  rows r = rows_of(db, all_people, 0, NULL);
  assert_int_equal(r.rc, SQLITE_DONE);
  good = r.row;
  good_count = r.n;
  db_close(db);
  return good_count>2900 ? 0 : -1;
}

static int tear_down(void **state){
  (void)state;
  for(int i=0; i<good_count; i++) free(good[i]);
  free(good);
  server_stop(&sandbox);
  return 0;
}

/* ---- one fault during a scan --------------------------------------------- */

enum { RIGHT, FAILS, EITHER };

typedef struct fault_case {
  const char *name;
  const char *fault;             /* JSON; the path is added. More than one are separated by | */
  int expect;
  const char *says;              /* a part of the error's message, or NULL */
  int requests;                  /* to person/get, 0: not looked at */
  const char *settings;          /* SQL, or NULL */
  int refused;                   /* the key is refused for 15 seconds: no second read */
} fault_case;

#define RETRY_ONCE "SELECT ortto_config('retries', 1)"
#define NO_RETRY "SELECT ortto_config('retries', 0)"
#define SHORT_TIME "SELECT ortto_config('retries', 0), ortto_config('timeout_ms', 300)"
#define SHORT_TIME_RETRY "SELECT ortto_config('retries', 1), ortto_config('timeout_ms', 300)"
#define ONE_AT_A_TIME "SELECT ortto_config('retries', 0), ortto_config('concurrency', 1)"

/* The scan takes six pages of 500. "after":2 lets two of them through. */
static const fault_case cases[] = {
  { "no fault", "", RIGHT, NULL, 6, NULL, 0 },

  /* Statuses that pass are tried again: as often as `retries` says. */
  { "408 once", "{\"kind\":\"status\",\"status\":408,\"after\":2}", RIGHT, NULL, 7, NULL, 0 },
  { "429 once", "{\"kind\":\"429\",\"seconds\":0,\"after\":2}", RIGHT, NULL, 7, NULL, 0 },
  { "500 once", "{\"kind\":\"status\",\"status\":500,\"after\":2}", RIGHT, NULL, 7, NULL, 0 },
  { "502 once", "{\"kind\":\"status\",\"status\":502,\"after\":2}", RIGHT, NULL, 7, NULL, 0 },
  { "503 once", "{\"kind\":\"status\",\"status\":503,\"after\":2}", RIGHT, NULL, 7, NULL, 0 },
  { "504 once", "{\"kind\":\"status\",\"status\":504,\"after\":2}", RIGHT, NULL, 7, NULL, 0 },
  { "500 on the first page", "{\"kind\":\"status\",\"status\":500}", RIGHT, NULL, 7, NULL, 0 },
  { "500 for ever", "{\"kind\":\"status\",\"status\":500,\"times\":-1}", FAILS, "answered 500", 2, RETRY_ONCE,
    0 },
  { "500 for ever, no retries", "{\"kind\":\"status\",\"status\":500,\"times\":-1}", FAILS, "answered 500", 1,
    NO_RETRY, 0 },
  { "408 for ever", "{\"kind\":\"status\",\"status\":408,\"times\":-1}", FAILS, "answered 408", 2, RETRY_ONCE,
    0 },
  { "503 for ever on a later page", "{\"kind\":\"status\",\"status\":503,\"after\":2,\"times\":-1}", FAILS,
    "answered 503", 0, RETRY_ONCE, 0 },
  { "429 for ever", "{\"kind\":\"429\",\"seconds\":0,\"times\":-1}", FAILS, "answered 429: rate limit", 2,
    RETRY_ONCE, 0 },
  /* All others are not. */
  { "400", "{\"kind\":\"status\",\"status\":400,\"times\":-1}", FAILS, "answered 400", 1, NULL, 1 },
  { "400 on a later page", "{\"kind\":\"status\",\"status\":400,\"after\":2}", FAILS, "ortto: ", 0,
    ONE_AT_A_TIME, 0 },
  { "401", "{\"kind\":\"status\",\"status\":401,\"times\":-1}", FAILS, "key", 1, NULL, 1 },
  { "403", "{\"kind\":\"status\",\"status\":403,\"times\":-1}", FAILS, "key", 1, NULL, 1 },
  { "404", "{\"kind\":\"status\",\"status\":404,\"times\":-1}", FAILS, "answered 404", 1, NULL, 0 },
  { "405", "{\"kind\":\"status\",\"status\":405,\"times\":-1}", FAILS, "answered 405", 1, NULL, 0 },
  { "406", "{\"kind\":\"status\",\"status\":406,\"times\":-1}", FAILS, "answered 406", 1, NULL, 0 },
  { "410", "{\"kind\":\"status\",\"status\":410,\"times\":-1}", FAILS, "answered 410", 1, NULL, 0 },
  { "413", "{\"kind\":\"status\",\"status\":413,\"times\":-1}", FAILS, "answered 413", 1, NULL, 0 },
  { "501", "{\"kind\":\"status\",\"status\":501,\"times\":-1}", FAILS, "answered 501", 1, NULL, 0 },
  { "507", "{\"kind\":\"status\",\"status\":507,\"times\":-1}", FAILS, "answered 507", 1, NULL, 0 },
  { "204 without a body", "{\"kind\":\"status\",\"status\":204,\"body\":\"\",\"times\":-1}", FAILS, "ortto: ",
    1, NO_RETRY, 0 },
  /* Bodies of errors: text, an object, a top-level message, nothing, a page of HTML. */
  { "error with request_id",
    "{\"kind\":\"status\",\"status\":500,\"times\":-1,"
    "\"body\":\"{\\\"request_id\\\":\\\"abc-1\\\",\\\"code\\\":500,\\\"error\\\":\\\"it broke\\\"}\"}",
    FAILS, "it broke (request_id abc-1)", 1, NO_RETRY, 0 },
  { "error as an object",
    "{\"kind\":\"status\",\"status\":500,\"times\":-1,"
    "\"body\":\"{\\\"error\\\":{\\\"code\\\":\\\"x\\\",\\\"message\\\":\\\"inner words\\\"}}\"}", FAILS,
    "inner words", 1, NO_RETRY, 0 },
  { "top-level message",
    "{\"kind\":\"status\",\"status\":500,\"times\":-1,\"body\":\"{\\\"message\\\":\\\"outer words\\\"}\"}",
    FAILS, "outer words", 1, NO_RETRY, 0 },
  { "error without a body", "{\"kind\":\"status\",\"status\":500,\"times\":-1,\"body\":\"\"}", FAILS,
    "answered 500", 1, NO_RETRY, 0 },
  { "error as HTML",
    "{\"kind\":\"status\",\"status\":502,\"times\":-1,\"body\":\"<html>Bad gateway</html>\","
    "\"content_type\":\"text/html\"}", FAILS, "proxy", 1, NO_RETRY, 0 },
  { "error of a wrong type",
    "{\"kind\":\"status\",\"status\":500,\"times\":-1,\"body\":\"{\\\"error\\\":[1,"
    "{\\\"a\\\":2}],\\\"request_id\\\":7}\"}", FAILS, "answered 500", 1, NO_RETRY, 0 },

  /* The connection. */
  { "reset once", "{\"kind\":\"reset\",\"after\":2}", RIGHT, NULL, 0, NULL, 0 },
  { "reset for ever", "{\"kind\":\"reset\",\"times\":-1}", FAILS, "ortto: ", 0, RETRY_ONCE, 0 },
  { "truncated once", "{\"kind\":\"truncate\",\"after\":2}", RIGHT, NULL, 0, NULL, 0 },
  { "truncated for ever", "{\"kind\":\"truncate\",\"times\":-1}", FAILS, "ortto: ", 2, RETRY_ONCE, 0 },
  { "truncated once, chunked", "{\"kind\":\"truncate\",\"chunked\":true,\"after\":2}", RIGHT, NULL, 0, NULL,
    0 },
  { "truncated for ever, chunked", "{\"kind\":\"truncate\",\"chunked\":true,\"after\":2,\"times\":-1}", FAILS,
    "ortto: ", 0, NO_RETRY, 0 },              /* with retries it would be waited out for a minute */
  { "hangs", "{\"kind\":\"hang\",\"times\":-1}", FAILS, "timeout_ms", 1, SHORT_TIME, 0 },
  { "hangs once", "{\"kind\":\"hang\",\"after\":3}", RIGHT, NULL, 7, SHORT_TIME_RETRY, 0 },
  { "drips too slowly", "{\"kind\":\"drip\",\"ms\":50,\"bytes\":10,\"times\":-1}", FAILS, "timeout_ms", 1,
    SHORT_TIME, 0 },
  { "drips", "{\"kind\":\"drip\",\"ms\":1,\"bytes\":8000,\"times\":-1}", RIGHT, NULL, 6, NULL, 0 },
  { "late", "{\"kind\":\"latency\",\"ms\":40,\"times\":-1}", RIGHT, NULL, 6, NULL, 0 },
  { "late by turns", "{\"kind\":\"latency\",\"ms\":80,\"after\":1,\"times\":1}", RIGHT, NULL, 6, NULL, 0 },

  /* Answers that are whole and no good: an error, never an empty table. */
  { "empty", "{\"kind\":\"empty\",\"times\":-1}", FAILS, "is empty", 1, NO_RETRY, 0 },
  { "empty on a later page", "{\"kind\":\"empty\",\"after\":2}", FAILS, "is empty", 0, NULL, 0 },
  { "HTML", "{\"kind\":\"not_json\",\"times\":-1}", FAILS, "proxy", 1, NO_RETRY, 0 },
  { "HTML on a later page", "{\"kind\":\"not_json\",\"after\":2}", FAILS, "proxy", 0, NULL, 0 },
  { "half the JSON", "{\"kind\":\"cut_json\",\"times\":-1}", FAILS, "cut off", 1, NO_RETRY, 0 },
  { "half the JSON on a later page", "{\"kind\":\"cut_json\",\"after\":2}", FAILS, "cut off", 0, NULL, 0 },
  { "an array", "{\"kind\":\"replace\",\"body\":\"[]\",\"times\":-1}", FAILS, "ortto: ", 1, NULL, 0 },
  { "an object without members", "{\"kind\":\"replace\",\"body\":\"{}\",\"times\":-1}", FAILS, "ortto: ", 1,
    NULL, 0 },
  { "null", "{\"kind\":\"replace\",\"body\":\"null\",\"times\":-1}", FAILS, "ortto: ", 1, NULL, 0 },
  { "an error with status 200", "{\"kind\":\"replace\",\"body\":\"{\\\"error\\\":\\\"no\\\"}\",\"times\":-1}",
    FAILS, "ortto: ", 1, NULL, 0 },
  { "rows of a wrong type",
    "{\"kind\":\"replace\",\"body\":\"{\\\"contacts\\\":[1,2],\\\"has_more\\\":false,"
    "\\\"offset\\\":0,\\\"next_offset\\\":2,\\\"cursor_id\\\":\\\"x\\\"}\",\"times\":-1}",
    FAILS, "ortto: ", 1, NULL, 0 },
  { "a row without id",
    "{\"kind\":\"replace\",\"body\":\"{\\\"contacts\\\":[{\\\"fields\\\":{}}],\\\"has_more\\\":false,"
    "\\\"offset\\\":0,\\\"next_offset\\\":1,\\\"cursor_id\\\":\\\"x\\\"}\",\"times\":-1}",
    FAILS, "ortto: ", 1, NULL, 0 },
  { "something behind the JSON",
    "{\"kind\":\"replace\",\"body\":\"{\\\"contacts\\\":[],\\\"has_more\\\":false,\\\"next_offset\\\":0} x\","
    "\"times\":-1}", FAILS, "ortto: ", 1, NULL, 0 },
  { "no contacts", "{\"kind\":\"missing\",\"member\":\"contacts\",\"times\":-1}", FAILS, "ortto: ", 1, NULL,
    0 },
  { "no contacts on a later page", "{\"kind\":\"missing\",\"member\":\"contacts\",\"after\":2}", FAILS,
    "ortto: ", 0, NULL, 0 },
  { "no has_more", "{\"kind\":\"missing\",\"member\":\"has_more\",\"times\":-1}", FAILS, "ortto: ", 1, NULL,
    0 },
  { "no next_offset", "{\"kind\":\"missing\",\"member\":\"next_offset\",\"times\":-1}", EITHER, NULL, 0, NULL,
    0 },
  { "no cursor_id", "{\"kind\":\"missing\",\"member\":\"cursor_id\",\"times\":-1}", EITHER, NULL, 0, NULL,
    0 },
  { "no offset", "{\"kind\":\"missing\",\"member\":\"offset\",\"times\":-1}", RIGHT, NULL, 6, NULL, 0 },
  { "no meta", "{\"kind\":\"no_meta\",\"times\":-1}", RIGHT, NULL, 0, NULL, 0 },
  { "65 MB", "{\"kind\":\"huge\",\"mb\":65,\"times\":-1}", FAILS, "64 MB", 1, NO_RETRY, 0 },
  { "65 MB in a few kB", "{\"kind\":\"huge\",\"mb\":65,\"gzip\":true,\"times\":-1}", FAILS, "64 MB", 1,
    NO_RETRY, 0 },
  { "redirect", "{\"kind\":\"redirect\",\"times\":-1}", FAILS, "Redirects are not followed", 1, NULL, 0 },

  /* Paging that is not what was promised. */
  { "short pages", "{\"kind\":\"short_page\",\"rows\":100,\"times\":-1}", RIGHT, NULL, 0, NULL, 0 },
  { "one short page", "{\"kind\":\"short_page\",\"rows\":7,\"after\":3}", RIGHT, NULL, 0, NULL, 0 },
  { "a first page of one row", "{\"kind\":\"short_page\",\"rows\":1}", RIGHT, NULL, 0, NULL, 0 },
  { "a short page among several in flight",
    "{\"kind\":\"short_page\",\"rows\":499,\"after\":2}|{\"kind\":\"latency\",\"ms\":30,\"after\":2}", RIGHT,
    NULL, 0, NULL, 0 },
  { "no rows while more follow", "{\"kind\":\"short_page\",\"rows\":0,\"after\":2}", EITHER, NULL, 0, NULL,
    0 },
  { "the cursor is forgotten at once", "{\"kind\":\"forget_cursor\",\"after\":1}", EITHER, NULL, 0, NULL, 0 },
  { "the cursor is forgotten", "{\"kind\":\"forget_cursor\",\"after\":3}", EITHER, NULL, 0, NULL, 0 },
  { "the cursor is forgotten, one page at a time", "{\"kind\":\"forget_cursor\",\"after\":3}", FAILS,
    "ortto: ", 0, ONE_AT_A_TIME, 0 },
  { "every page names a new cursor", "{\"kind\":\"fresh_cursor\",\"times\":-1}", RIGHT, NULL, 0, NULL, 0 },
  { "no cursor", "{\"kind\":\"zero_cursor\",\"times\":-1}", EITHER, NULL, 0, NULL, 0 },
  { "the offset does not grow", "{\"kind\":\"stuck_offset\",\"times\":-1}", EITHER, NULL, 0, NULL, 0 },
  { "the offset does not grow once", "{\"kind\":\"stuck_offset\",\"after\":2}", EITHER, NULL, 0, NULL, 0 },
  { "the page before again", "{\"kind\":\"same_page\",\"after\":2}", FAILS, "ortto: ", 0, NULL, 0 },
  { "always the page before", "{\"kind\":\"same_page\",\"times\":-1}", FAILS, "ortto: ", 0, NULL, 0 },
  { "one id comes again", "{\"kind\":\"repeat_id\",\"after\":2}", RIGHT, NULL, 0, NULL, 0 },
  { "one id comes again on every page", "{\"kind\":\"repeat_id\",\"times\":-1}", RIGHT, NULL, 0, NULL, 0 },
  { "the list moves by one", "{\"kind\":\"repeat_id\",\"shift\":true,\"after\":2}", RIGHT, NULL, 0, NULL, 0 },
  { "the list moves by one on every page", "{\"kind\":\"repeat_id\",\"shift\":true,\"times\":-1}", RIGHT,
    NULL, 0, NULL, 0 },
};

static void faults_set(const char *list){
  char copy[1024], body[1200], *more;
  snprintf(copy, sizeof copy, "%s", list);
  for(char *one=copy; one && *one; one=more){
    if( (more = strchr(one, '|'))!=NULL ) *more++ = 0;
    snprintf(body, sizeof body, "{\"path\":\"" PEOPLE_GET "\",%s", one+1);
    server_do(&sandbox, "/sandbox/fault", body);
  }
}

static void test_fault(void **state){
  const fault_case *c = *state;
  sqlite3 *db = db_open(&sandbox);
  server_do(&sandbox, "/sandbox/clear", NULL);
  /* lists the fields before the fault */
  assert_sql(db, "SELECT count(*)>0 FROM pragma_table_info('ortto_people')", "1");
  if( c->settings ) sql_must(db, c->settings);
  faults_set(c->fault);
  server_do(&sandbox, "/sandbox/forget", NULL);
  double began = now_ms();
  rows r = rows_of(db, all_people, 0, NULL);
  double took = now_ms() - began;
  long requests = server_count(&sandbox, PEOPLE_GET);
  server_do(&sandbox, "/sandbox/clear", NULL);

  rows_sound(&r, c->name);
  if( took>15000 ) fail_msg("%s: took %.0f ms", c->name, took);
  if( r.rc==SQLITE_DONE ){
    if( c->expect==FAILS ) fail_msg("%s: %d rows and no error", c->name, r.n);
    if( r.n!=good_count ) fail_msg("%s: %d rows instead of %d, and no error", c->name, r.n, good_count);
  }else{
    if( c->expect==RIGHT ) fail_msg("%s: %s", c->name, r.message);
    if( r.rc!=SQLITE_ERROR ) fail_msg("%s: code %d: %s", c->name, r.rc, r.message);
    if( strncmp(r.message, "ortto: ", 7)!=0 )
      fail_msg("%s: the message does not begin with 'ortto: ': %s", c->name, r.message);
    if( c->says && strstr(r.message, c->says)==NULL )
      fail_msg("%s: no '%s' in: %s", c->name, c->says, r.message);
  }
  if( c->requests && requests!=c->requests )
    fail_msg("%s: %ld requests instead of %d", c->name, requests, c->requests);
  rows_free(&r);
  if( !c->refused ){                 /* the connection works afterwards */
    r = rows_of(db, all_people, 0, NULL);
    if( r.rc!=SQLITE_DONE || r.n!=good_count )
      fail_msg("%s: afterwards %d rows: %s", c->name, r.n, r.message);
    rows_free(&r);
  }
  db_close(db);
}

/* ---- 429: waits as long as the server says -------------------------------- */

typedef struct wait_case {
  const char *name, *fault;
  double least, most;              /* ms between the attempts */
} wait_case;

static const wait_case waits[] = {
  { "try-in-seconds as a number",
    "{\"kind\":\"status\",\"status\":429,"
    "\"body\":\"{\\\"error\\\":{\\\"code\\\":\\\"rate-limit\\\",\\\"try-in-seconds\\\":0.3}}\"}", 300,
    500 },
  { "try-in-seconds as text",
    "{\"kind\":\"status\",\"status\":429,\"body\":\"{\\\"error\\\":{\\\"try-in-seconds\\\":\\\"0.3\\\"}}\"}",
    300, 500 },
  { "try-in-seconds at the top",
    "{\"kind\":\"status\",\"status\":429,"
    "\"body\":\"{\\\"error\\\":{\\\"code\\\":\\\"rate-limit\\\"},\\\"try-in-seconds\\\":0.3}\"}", 300,
    500 },
  { "Retry-After", "{\"kind\":\"429\",\"shape\":\"header\",\"seconds\":1}", 1000, 1200 },
  { "try-in-seconds as documented", "{\"kind\":\"429\",\"shape\":\"number\",\"seconds\":1}", 1000, 1200 },
  { "no time: backs off", "{\"kind\":\"status\",\"status\":429,\"body\":\"{}\"}", 50, 800 },
  { "a time that is none: backs off",
    "{\"kind\":\"status\",\"status\":429,\"body\":\"{\\\"error\\\":{\\\"try-in-seconds\\\":\\\"soon\\\"}}\"}",
    50, 800 },
  { "a negative time: backs off",
    "{\"kind\":\"status\",\"status\":429,\"body\":\"{\\\"error\\\":{\\\"try-in-seconds\\\":-5}}\"}",
    50, 800 },
};

static void test_wait(void **state){
  const wait_case *w = *state;
  sqlite3 *db = db_open(&sandbox);
  server_do(&sandbox, "/sandbox/clear", NULL);
  assert_sql(db, "SELECT ortto_config('retries', 1)", "1");
  faults_set(w->fault);
  assert_sql(db, "SELECT ortto_check()", "ok");
  char *ms = sql_text(db, "SELECT (julianday(max(at)) - julianday(min(at))) * 86400000 FROM ortto_log");
  double waited = strtod(ms, NULL);
  sqlite3_free(ms);
  assert_sql(db, "SELECT group_concat(status || ' ' || attempt) FROM ortto_log", "429 1,200 2");
  if( waited<w->least-2 || waited>w->most ) fail_msg("%s: waited %.0f ms", w->name, waited);
  server_do(&sandbox, "/sandbox/clear", NULL);
  db_close(db);
}

/* ---- people come and go between the pages --------------------------------- */

static const char *change;

static void do_change(void){
  server_do(&sandbox, "/sandbox/people", change);
}

/* Everybody who was there from the beginning to the end is a row once, or the scan fails; with a server
** that keeps the list of a cursor, the rows are those of the beginning. */
static void changed_scan(const char *what, int snapshot, int concurrency){
  char name[200], sql[100];
  server_do(&sandbox, "/sandbox/reset", NULL);
  server_do(&sandbox, "/sandbox/set", snapshot ? "{\"snapshot\":true}" : "{\"snapshot\":false}");
  sqlite3 *db = db_open(&sandbox);
  snprintf(sql, sizeof sql, "SELECT ortto_config('concurrency', %d)", concurrency);
  sql_must(db, sql);
  change = what;
  snprintf(name, sizeof name, "%s, snapshot %d, concurrency %d", what, snapshot, concurrency);
  rows r = rows_of(db, all_people, 501, do_change);
  server_do(&sandbox, "/sandbox/set", "{\"snapshot\":true}");
  rows now = rows_of(db, all_people, 0, NULL);
  for(int i=1; i<r.n; i++) if( strcmp(r.row[i], r.row[i-1])==0 ) fail_msg("%s: twice: %s", name, r.row[i]);
  if( r.rc==SQLITE_DONE ){
    int missing = 0;
    for(int i=0; i<good_count; i++)
      missing += bsearch(&good[i], now.row, (size_t)now.n, sizeof *good, by_text)
          && !bsearch(&good[i], r.row, (size_t)r.n, sizeof *good, by_text);
    if( missing )
      fail_msg("%s: %d people who were there all the time are missing, and no error", name, missing);
    if( snapshot && r.n!=good_count ) fail_msg("%s: %d rows instead of %d", name, r.n, good_count);
  }else if( strncmp(r.message, "ortto: ", 7)!=0 ) fail_msg("%s: %s", name, r.message);
  else if( snapshot ) fail_msg("%s: %s", name, r.message);
  rows_free(&r);
  rows_free(&now);
  db_close(db);
}

static void each_change(int snapshot){
  static const char *const changes[] = {
    "{\"add\":1}", "{\"add\":600}", "{\"remove\":1,\"from\":\"newest\"}", "{\"remove\":10}",
        "{\"remove\":700,\"from\":\"newest\"}", "{\"remove\":2900}",
    "{\"add\":5,\"remove\":5,\"from\":\"newest\"}",
  };
  for(int i=0; i<COUNT(changes); i++){
    changed_scan(changes[i], snapshot, 1);
    changed_scan(changes[i], snapshot, 2);
    changed_scan(changes[i], snapshot, 8);
  }
  server_do(&sandbox, "/sandbox/reset", NULL);
  server_do(&sandbox, "/sandbox/set", "{\"snapshot\":true}");
}

static void test_changes_under_a_snapshot(void **state){ (void)state; each_change(1); }
static void test_changes_without_a_snapshot(void **state){ (void)state; each_change(0); }

/* ---- the other requests --------------------------------------------------- */

/* Each table's own request: an answer that is no good is an error, and afterwards the table can be read. */
static sqlite3 *connected(void){
  sqlite3 *db = db_open(&sandbox);
  sql_must(db, "CREATE TABLE one AS SELECT id FROM ortto_people LIMIT 1");
  sql_must(db, "SELECT count(*) FROM pragma_table_info('ortto_accounts')");
  sql_must(db, NO_RETRY);
  return db;
}

/* A connection for each fault: what one knows of its account it does not ask again. */
static void test_every_request(void **state){
  static const struct { const char *path, *sql; } reads[] = {
    { "/v1/person/get-by-ids", "SELECT count(email) FROM ortto_people WHERE id = (SELECT id FROM one)" },
    { "/v1/accounts/get", "SELECT count(name) FROM ortto_accounts WHERE name <> ''" },
    { "/v1/audiences/get", "SELECT count(*) FROM ortto_audiences" },
    { "/v1/tags/get", "SELECT count(*) FROM ortto_tags" },
    { "/v1/person/custom-field/get", "SELECT count(*) FROM ortto_person_custom_fields" },
    { "/v1/accounts/custom-field/get", "SELECT count(*) FROM ortto_account_custom_fields" },
    { "/v1/instance-schema/get", "SELECT count(*) FROM ortto_fields" },
    { "/v1/person/get", "SELECT count(*) FROM ortto_people" },
    { "/v1/person/get", "SELECT ortto_check()" },
  };
  static const char *const faults[] = {
    "\"kind\":\"status\",\"status\":500", "\"kind\":\"reset\"", "\"kind\":\"truncate\"", "\"kind\":\"empty\"",
        "\"kind\":\"not_json\"", "\"kind\":\"cut_json\"",
    "\"kind\":\"replace\",\"body\":\"7\"", "\"kind\":\"replace\",\"body\":\"{}\"",
        "\"kind\":\"replace\",\"body\":\"\\\"text\\\"\"",
  };
  (void)state;
  server_do(&sandbox, "/sandbox/reset", NULL);
  for(int i=0; i<COUNT(reads); i++){
    sqlite3 *db = connected();
    char *right = sql_text(db, reads[i].sql);
    if( strncmp(right, "error", 5)==0 ) fail_msg("%s: %s", reads[i].sql, right);
    db_close(db);
    for(int k=0; k<COUNT(faults); k++){
      char body[300];
      db = connected();
      snprintf(body, sizeof body, "{\"path\":\"%s\",\"times\":-1,%s}", reads[i].path, faults[k]);
      server_do(&sandbox, "/sandbox/fault", body);
      char *got = sql_text(db, reads[i].sql);
      server_do(&sandbox, "/sandbox/clear", NULL);
      if( strncmp(got, "error 1: ortto: ", 16)!=0 ) fail_msg("%s under %s: %s", reads[i].sql, faults[k], got);
      sqlite3_free(got);
      assert_sql(db, reads[i].sql, right);
      db_close(db);
    }
    sqlite3_free(right);
  }
}

/* A table whose fields cannot be listed at the first use is tried anew at the next. */
static void test_listing_fails_once(void **state){
  (void)state;
  server_do(&sandbox, "/sandbox/reset", NULL);
  sqlite3 *db = db_open(&sandbox);
  sql_must(db, NO_RETRY);
  server_do(&sandbox, "/sandbox/fault",
      "{\"kind\":\"status\",\"status\":503,\"path\":\"/v1/person/custom-field/get\"}");
  char *got = sql_text(db, "SELECT count(*) FROM ortto_people");
  if( strstr(got, "ortto: ")==NULL || strstr(got, "503")==NULL ) fail_msg("%s", got);
  sqlite3_free(got);
  char *count = sql_text(db, "SELECT count(*)>0 FROM ortto_people");
  assert_string_equal(count, "1");
  sqlite3_free(count);
  db_close(db);
}

int main(void){
  struct CMUnitTest tests[COUNT(cases) + COUNT(waits) + 4];
  size_t n = 0;
  memset(tests, 0, sizeof tests);
  for(int i=0; i<COUNT(cases); i++)
    tests[n++] = (struct CMUnitTest){ cases[i].name, test_fault, NULL, NULL, (void *)(uintptr_t)&cases[i] };
  for(int i=0; i<COUNT(waits); i++)
    tests[n++] = (struct CMUnitTest){ waits[i].name, test_wait, NULL, NULL, (void *)(uintptr_t)&waits[i] };
  tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_changes_under_a_snapshot);
  tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_changes_without_a_snapshot);
  tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_every_request);
  tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_listing_fails_once);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  return _cmocka_run_group_tests("faults", tests, n, set_up, tear_down);
}
