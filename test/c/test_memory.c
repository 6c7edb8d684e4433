/*
** test_memory.c - each allocation of a call fails once: what reaches the server is the record as it is meant,
** or nothing, and what is said is that memory ran out, never that the record is wrong.
*/
#define _GNU_SOURCE
#include "harness.h"
#include "failing.h"

#define BLOCK 4024                 /* so large are the blocks of the client's arenas, which hold texts */

static int set_up(void **state){
  (void)state;
  server_start(&sandbox, "--people 20 --no-archived --custom 14");
  return 0;
}

/* The body of the request to that path; NULL: there was none. libcurl may have sent it again on a new
** connection. */
static char *arrived(const char *path){
  char wanted[100];
  char *all = server_ask(&sandbox, "/sandbox/requests?full", NULL), *body = NULL;
  snprintf(wanted, sizeof wanted, "\"path\":\"%s\"", path);
  for(char *p=strstr(all, wanted); p; p=strstr(p+1, wanted)){
    size_t n = strcspn(p, "\n");
    char *line = strndup(p, n - (p[n-1]==',' || p[n-1]==']')), *at = strstr(line, "\"body\":");
    char *one = at ? plain_body(at) : NULL;
    if( body && (one==NULL || strcmp(one, body)!=0) ) fail_msg("sent again as something else: %s", all);
    free(line);
    if( body==NULL ) body = one;
    else free(one);
  }
  free(all);
  return body;
}

/* Runs it with allocation n failing (0: none does); what it gave, or its error. *reached: there were so
** many. */
static char *call(sqlite3 *db, const char *sql, long n, int *reached){
  sqlite3_stmt *stmt = NULL;
  char *out;
  if( sqlite3_prepare_v2(db, sql, -1, &stmt, NULL)!=SQLITE_OK ) fail_msg("%s", sqlite3_errmsg(db));
  fail_allocation(n, 0);
  int rc = sqlite3_step(stmt);
  allocator.armed = 0;
  *reached = allocator.left<=0;
  if( rc==SQLITE_ROW ) out = sqlite3_mprintf("%s", sqlite3_column_text(stmt, 0));
  else out = sqlite3_mprintf("error %d: %s", rc, sqlite3_errmsg(db));
  sqlite3_finalize(stmt);
  return out;
}

/* The record was taken, or it is told that memory ran out, or the connection broke for want of it. */
static void must_be_told(const char *got, int sent, long n){
  if( strncmp(got, "200|", 4)==0 ){
    if( !sent ) fail_msg("allocation %ld: nothing arrived, and yet: %s", n, got);
    return;
  }
  if( strncmp(got, "error 7:", 8)==0 || strstr(got, "memory") ) return;
  if( strstr(got, "api_url cannot be") ) return; /* libcurl calls an address bad that it has no memory for */
  if( strncmp(got, "0|UNKNOWN_OUTCOME", 17)==0 || strncmp(got, "0|NOT_SENT", 10)==0 ) return;
  fail_msg("allocation %ld: %s", n, got);
}

static sqlite3 *db_for_sweeping(void){
  sqlite3 *db = db_open(&sandbox);
  sql_must(db, "SELECT ortto_config('segment_key', 'psb-sandbox-segment-key'), ortto_config('retries', 0), "
               "ortto_config('timeout_ms', 300)");
  return db;
}

/* The call with allocation n failing; 0: there were not so many. */
static int fails_well(sqlite3 *db, const char *sql, const char *path, const char *expected, long n){
  int reached;
  server_do(&sandbox, "/sandbox/forget", NULL);
  char *got = call(db, sql, n, &reached), *body = arrived(path);
  if( body && strcmp(body, expected)!=0 )
    fail_msg("allocation %ld: sent %s\nfor %s\nby %s", n, body, expected, sql);
  if( reached ) must_be_told(got, body!=NULL, n);
  free(body);
  sqlite3_free(got);
  return reached;
}

/* What arrives when nothing fails. */
static char *arrives(sqlite3 *db, const char *sql, const char *path){
  int reached;
  server_do(&sandbox, "/sandbox/forget", NULL);
  char *got = call(db, sql, 0, &reached), *body = arrived(path);
  if( strncmp(got, "200|", 4)!=0 || body==NULL ) fail_msg("%s gave %s", sql, got);
  sqlite3_free(got);
  return body;
}

/* The call of that function, with one record behind another that is refused for a long text: so the ends of
** the arenas' blocks fall upon each text in turn. */
static char *call_sql(const char *function, const char *record, const char *options, int pad){
  int event = strcmp(function, "ortto_track")==0;
  return sqlite3_mprintf("WITH c AS MATERIALIZED (SELECT (%s(json_array(json_object(%Q, printf('%%.*c', %d, "
      "%Q)), json(%Q)), %Q))->1 AS o) SELECT (o->>'status') || '|' || coalesce(o->>'errortype', '') || "
      "'|' || coalesce(o->>'errormessage', '') FROM c", function, event ? "event" : "user_id", pad,
      event ? " " : "x", record, options);
}

static void sweep(const char *function, const char *record, const char *options, const char *path){
  if( !CAN_FAIL ){
    print_message("# skipped: %s: the allocator is not ours here\n", path);
    skip();
  }
  sqlite3 *db = db_for_sweeping();
  char *sql = call_sql(function, record, options, 300);
  free(arrives(db, sql, path));                  /* what is asked once is known from here on */
  char *expected = arrives(db, sql, path);
  long n = 0, all;
  allocator.size = 0;
  while( fails_well(db, sql, path, expected, ++n) ) {}
  all = n - 1;
  sqlite3_free(sql);
  allocator.size = BLOCK;
  for(int pad=300; pad<4300; pad+=24){
    sql = call_sql(function, record, options, pad);
    for(n=1; fails_well(db, sql, path, expected, n); n++) all++;
    sqlite3_free(sql);
  }
  allocator.size = 0;
  print_message("# %s: %ld allocations\n", path, all);
  free(expected);
  db_close(db);
}

static void an_upsert(void **state){
  (void)state;
  sweep("ortto_upsert", "{\"user_id\":\"u\\u0031\",\"tags\":\"[\\\"VIP\\\"]\","
        "\"ip\":\"203.0.113.9\",\"traits\":{\"firstName\":\"\\u0041nn\",\"Is VIP\":true,\"planValue\":12.5,"
        "\"birthday\":\"1990-05-17\",\"phone\":\"+61401234567\",\"city\":\"{\\\"name\\\":\\\"Oslo\\\"}\"}}",
        "{}", "/v1/person/merge");
}

static void an_activity(void **state){
  (void)state;
  sweep("ortto_track", "{\"user_id\":\"u1\",\"event\":\"flight_\\u0062ooked\","
        "\"traits\":{\"email\":\"ann@example.com\"},\"properties\":{\"carrier\":\"X\",\"Bags\":2,"
        "\"departure\":\"2025-10-01\",\"extras\":\"{\\\"a\\\":1}\"}}", "{}", "/v1/activities/create");
}

static void given_time(void **state){
  (void)state;
  sweep("ortto_track", "{\"user_id\":\"u1\",\"event\":\"Song Played\","
        "\"timestamp\":\"2025-09-01 10:00:00.123\",\"message_id\":\"12345678-1234-1234-1234-1234567890ab\"}",
        "{}", "/v1/activities/create");
}

static void to_segment(void **state){
  (void)state;
  sweep("ortto_track", "{\"type\":\"track\",\"userId\":\"u1\",\"event\":\"\\u0042\","
        "\"properties\":{\"\":1,\"a\":1},\"audience_name\":\"VIPs\"}", "{\"to\":\"segment\"}", "/v1/track");
}

/* What a join remembers: the answer is the right one, or an error (libcurl has words of its own for want
** of memory). */
static void a_join(const char *sql){
  sqlite3 *db = db_for_sweeping();
  int reached = 1;
  long n = 0;
  sql_must(db, "CREATE TEMP TABLE l AS SELECT email, city FROM ortto_people LIMIT 4");
  sqlite3_free(call(db, sql, 0, &reached));      /* what is asked once is known from here on */
  char *expected = call(db, sql, 0, &reached);
  do{
    char *got = call(db, sql, ++n, &reached);
    if( strncmp(got, "error", 5)!=0 && strcmp(got, expected)!=0 )
      fail_msg("allocation %ld: %s gave %s, not %s", n, sql, got, expected);
    sqlite3_free(got);
  }while( reached );
  print_message("# %s: %ld allocations\n", expected, n - 1);
  sqlite3_free(expected);
  db_close(db);
}

static void joins(void **state){
  (void)state;
  if( !CAN_FAIL ) skip();
  a_join("SELECT 'city ' || count(p.id) || max(p.email) FROM l LEFT JOIN ortto_people p ON p.city = l.city");
  a_join("SELECT 'email ' || count(p.id) || max(p.id) FROM l LEFT JOIN ortto_people p ON p.email = l.email");
  a_join("SELECT 'many ' || count(p.id) || max(p.id) FROM l LEFT JOIN ortto_people p ON p.email = l.email "
         "AND p.email IN (SELECT email FROM l)");
  a_join("SELECT 'correlated ' || sum((SELECT length(p.id) FROM ortto_people p WHERE p.email = l.email)) "
         "FROM l");
}

int main(void){
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(an_upsert),
    cmocka_unit_test(an_activity),
    cmocka_unit_test(given_time),
    cmocka_unit_test(to_segment),
    cmocka_unit_test(joins),
  };
  return cmocka_run_group_tests(tests, set_up, sandbox_stop);
}
