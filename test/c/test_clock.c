/*
** test_clock.c - what takes long: locks of 15 seconds, waits of an hour, growing pauses between retries.
** The client is compiled in with a clock that this test can put forward; the server and the requests are
** real.
*/
#define _GNU_SOURCE
#include <time.h>

static double ahead;             /* seconds that the client's clock is ahead */

static int clock_ahead(clockid_t id, struct timespec *t){
  int rc = clock_gettime(id, t);
  long ns = t->tv_nsec + (long)((ahead - (double)(long)ahead) * 1e9);
  t->tv_sec += (time_t)ahead + ns/1000000000L;
  t->tv_nsec = ns%1000000000L;
  return rc;
}

#define clock_gettime clock_ahead
#include "../../src/os.c"   /* NOLINT(bugprone-suspicious-include) */
#undef clock_gettime

#include "ortto_client.h"
#include "harness.h"

static ortto_client *client;
/* seconds by which the clock goes forward whenever the client asks if it is to stop */
static double step;
static double stop_at;           /* then it is to stop; 0: never */
static int asked;

static int tick(void *ctx){
  (void)ctx;
  asked++;
  ahead += step;
  return stop_at>0 && ahead>=stop_at;
}

static int set_up(void **state){
  (void)state;
  server_start(&sandbox, "--people 600 --no-archived --accounts 0 --custom 0 --account-custom 0");
  return 0;
}

/* A fresh client for every test, which points to the server. */
static int fresh(void **state){
  ortto_host host = { tick, NULL };
  (void)state;
  ahead = step = stop_at = 0;
  asked = 0;
  server_do(&sandbox, "/sandbox/reset", NULL);
  client = ortto_client_new(&host);
  assert_non_null(client);
  assert_int_equal(ortto_config_set(client, ORTTO_API_URL, sandbox.url), ORTTO_OK);
  assert_int_equal(ortto_config_set(client, ORTTO_KEY, "sandbox-key"), ORTTO_OK);
  assert_int_equal(ortto_config_set(client, ORTTO_RATE, "0"), ORTTO_OK);
  return 0;
}

static int done(void **state){
  (void)state;
  ortto_client_free(client);
  return 0;
}

/* Now, by the client's clock. */
static double seconds(void){
  struct timespec t;
  clock_ahead(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec/1e9;
}

/* Seconds between the starts of two requests, from the log. */
static double pause_before(int64_t n){
  const ortto_log_entry *a = ortto_log_at(client, n-1), *b = ortto_log_at(client, n);
  double from = strtod(a->at+14, NULL)*60 + strtod(a->at+17, NULL),
      to = strtod(b->at+14, NULL)*60 + strtod(b->at+17, NULL);
  return to<from ? to + 3600 - from : to - from;
}

static int check_once(void){
  ortto_endpoint *e = NULL;
  int rc = ortto_endpoint_open(client, NULL, ORTTO_API, &e);
  if( rc==ORTTO_OK ) rc = ortto_check(e);
  ortto_endpoint_close(e);
  return rc;
}

/* Reads all rows of people that q finds; returns the last code. */
static int read_people(const char *q){
  ortto_endpoint *e = NULL;
  ortto_reader *r = NULL;
  const ortto_value *values;
  ortto_query query = { .table = ORTTO_PEOPLE, .q = q };
  int rc = ortto_endpoint_open(client, NULL, ORTTO_API, &e);
  if( rc==ORTTO_OK ) rc = ortto_reader_open(e, &query, &r);
  while( rc==ORTTO_OK || rc==ORTTO_ROW ) rc = ortto_reader_next(r, &values);
  ortto_reader_close(r);
  ortto_endpoint_close(e);
  return rc;
}

/* A refused key makes requests with it fail here for 15 seconds, then it is tried again. */
static void test_refused_key(void **state){
  (void)state;
  server_do(&sandbox, "/sandbox/fault", "{\"kind\":\"status\",\"status\":401,\"times\":1}");
  assert_int_equal(check_once(), ORTTO_ERROR);
  char why[1024];
  snprintf(why, sizeof why, "%s", ortto_error(client));
  ahead = 14.0;
  assert_int_equal(check_once(), ORTTO_ERROR);
  assert_string_equal(ortto_error(client), why);
  assert_int_equal(server_count(&sandbox, NULL), 1);
  ahead = 15.5;
  assert_int_equal(check_once(), ORTTO_OK);
  assert_int_equal(server_count(&sandbox, NULL), 2);
}

/* A reading request that was called bad fails here for 15 seconds, then it is sent again; others are sent
** at once. */
static void test_bad_read(void **state){
  (void)state;
  server_do(&sandbox, "/sandbox/fault", "{\"kind\":\"status\",\"status\":400,\"times\":1}");
  assert_int_equal(read_people("one"), ORTTO_ERROR);
  ahead = 14.0;
  assert_int_equal(read_people("one"), ORTTO_ERROR);
  assert_int_equal(server_count(&sandbox, NULL), 1);
  assert_int_equal(read_people("two"), ORTTO_DONE);
  assert_int_equal(server_count(&sandbox, NULL), 2);
  ahead = 15.5;
  assert_int_equal(read_people("one"), ORTTO_DONE);
  assert_int_equal(server_count(&sandbox, NULL), 3);
}

/* After ten bad answers within 15 seconds the next request waits until the first of them is 15 seconds
** old. */
static void test_ten_bad_answers(void **state){
  (void)state;
  char q[20];
  server_do(&sandbox, "/sandbox/fault", "{\"kind\":\"status\",\"status\":400,\"times\":10}");
  for(int i=0; i<10; i++){
    snprintf(q, sizeof q, "bad %d", i);
    ahead = 0.5*i;
    assert_int_equal(read_people(q), ORTTO_ERROR);
  }
  assert_int_equal(server_count(&sandbox, NULL), 10);
  step = 0.5;
  assert_int_equal(read_people("good"), ORTTO_DONE);
  if( ahead<14.5 || ahead>17 ) fail_msg("it was sent after %.1f seconds", ahead);
  assert_int_equal(server_count(&sandbox, NULL), 11);
}

/* Bad answers that are further apart hinder nobody. */
static void test_bad_answers_apart(void **state){
  (void)state;
  char q[20];
  server_do(&sandbox, "/sandbox/fault", "{\"kind\":\"status\",\"status\":400,\"times\":12}");
  for(int i=0; i<12; i++){
    snprintf(q, sizeof q, "bad %d", i);
    ahead = 2.0*i;
    assert_int_equal(read_people(q), ORTTO_ERROR);
  }
  asked = 0;
  assert_int_equal(read_people("good"), ORTTO_DONE);
  if( asked>10 ) fail_msg("it waited");
}

/* 429 with an hour's wait: it waits for that hour, no less, where timeout_ms permits it. */
static void test_long_wait(void **state){
  (void)state;
  assert_int_equal(ortto_config_set(client, ORTTO_TIMEOUT_MS, "86400000"), ORTTO_OK);
  server_do(&sandbox, "/sandbox/fault", "{\"kind\":\"429\",\"seconds\":3600,\"times\":1}");
  step = 100;
  assert_int_equal(check_once(), ORTTO_OK);
  if( ahead<3500 || ahead>3900 ) fail_msg("waited %.0f seconds", ahead);
  assert_int_equal(server_count(&sandbox, NULL), 2);
}

/* A wait longer than timeout_ms is not waited: the error names it, also for the next request with the key. */
static void test_wait_too_long(void **state){
  (void)state;
  server_do(&sandbox, "/sandbox/fault", "{\"kind\":\"429\",\"seconds\":3600,\"times\":1}");
  assert_int_equal(check_once(), ORTTO_ERROR);
  if( strstr(ortto_error(client), "asks to wait 3600 seconds")==NULL ) fail_msg("%s", ortto_error(client));
  assert_int_equal(check_once(), ORTTO_ERROR);
  if( strstr(ortto_error(client), "asks to wait")==NULL ) fail_msg("%s", ortto_error(client));
  assert_int_equal(server_count(&sandbox, NULL), 1);
  ahead += 3601;
  assert_int_equal(check_once(), ORTTO_OK);
}

/* "try-in-seconds": 0 does not make all attempts at once. */
static void test_no_wait_asked(void **state){
  (void)state;
  server_do(&sandbox, "/sandbox/fault", "{\"kind\":\"429\",\"seconds\":0,\"times\":3}");
  step = 0.05;
  assert_int_equal(check_once(), ORTTO_OK);
  assert_int_equal(server_count(&sandbox, NULL), 4);
  if( ahead<0.8 ) fail_msg("four attempts within %.2f seconds", ahead);
}

/* Retry-After may be a date. */
static void test_retry_after_date(void **state){
  (void)state;
  assert_int_equal(ortto_config_set(client, ORTTO_TIMEOUT_MS, "86400000"), ORTTO_OK);
  char date[64], fault[256];
  time_t then = time(NULL) + 100;
  struct tm utc;
  gmtime_r(&then, &utc);
  strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &utc);
  snprintf(fault, sizeof fault,
      "{\"kind\":\"status\",\"status\":429,\"body\":\"{}\",\"headers\":{\"Retry-After\":\"%s\"}}", date);
  server_do(&sandbox, "/sandbox/fault", fault);
  step = 2;
  assert_int_equal(check_once(), ORTTO_OK);
  if( ahead<90 || ahead>110 ) fail_msg("waited %.0f seconds instead of 100", ahead);
}

/* After a 429 everything with this key waits, not only the request that got it (which is interrupted
** here). */
static void test_wait_is_for_the_key(void **state){
  (void)state;
  server_do(&sandbox, "/sandbox/fault", "{\"kind\":\"429\",\"seconds\":60,\"times\":1}");
  step = 2;
  stop_at = 10;
  assert_int_equal(read_people("x"), ORTTO_INTERRUPT);
  stop_at = 0;
  assert_int_equal(check_once(), ORTTO_OK);
  if( ahead<55 ) fail_msg("waited only %.0f seconds", ahead);
  assert_int_equal(server_count(&sandbox, NULL), 2);
}

/* Where the server says no time the pauses grow, with jitter: each from half of its length to the whole. */
static void test_backoff_grows(void **state){
  (void)state;
  server_do(&sandbox, "/sandbox/fault", "{\"kind\":\"status\",\"status\":503,\"times\":-1}");
  assert_int_equal(ortto_config_set(client, ORTTO_RETRIES, "6"), ORTTO_OK);
  step = 0.25;
  assert_int_equal(check_once(), ORTTO_ERROR);
  assert_int_equal(server_count(&sandbox, NULL), 7);
  for(int64_t n=2; n<=7; n++){
    double whole = 0.25 * (double)(1<<(n-2));
    double pause = pause_before(n);
    if( pause<whole/2 - 0.01 || pause>whole + 0.5 )
      fail_msg("pause %d is %.2f seconds instead of %.2f to %.2f", (int)n-1, pause, whole/2, whole);
    assert_int_equal(ortto_log_at(client, n)->attempt, n);
  }
}

/* The pauses are not all the same: that is the jitter. */
static void test_jitter(void **state){
  (void)state;
  double least = 1, most = 0;
  for(int i=0; i<6; i++){
    done(NULL);
    fresh(NULL);
    server_do(&sandbox, "/sandbox/fault", "{\"kind\":\"status\",\"status\":503,\"times\":1}");
    assert_int_equal(check_once(), ORTTO_OK);
    double pause = pause_before(2);
    if( pause<least ) least = pause;
    if( pause>most ) most = pause;
  }
  if( most-least<0.01 ) fail_msg("six times the same pause: %.3f to %.3f", least, most);
}

/* The activity feed: one request a second, however fast the rest may be. */
static void test_feed(void **state){
  (void)state;
  static const char *const ids[] = { "000000000000000000000001", "000000000000000000000002",
      "000000000000000000000003", "000000000000000000000004" };
  ortto_endpoint *e = NULL;
  ortto_reader *r = NULL;
  const ortto_value *values;
  ortto_query query = { .table = ORTTO_ACTIVITIES, .ids = ids, .id_count = 4, .by_ids = 1 };
  assert_int_equal(ortto_endpoint_open(client, NULL, ORTTO_API, &e), ORTTO_OK);
  step = 0.2;
  double begun = seconds();
  assert_int_equal(ortto_reader_open(e, &query, &r), ORTTO_OK);
  int rc;
  while( (rc = ortto_reader_next(r, &values))==ORTTO_ROW );
  assert_int_equal(rc, ORTTO_DONE);
  ortto_reader_close(r);
  ortto_endpoint_close(e);
  assert_int_equal(server_count(&sandbox, "/v1/person/get/activities"), 4);
  if( seconds()-begun<3.0 ) fail_msg("four requests within %.2f seconds", seconds()-begun);
  for(int64_t n=2; n<=4; n++)
    if( pause_before(n)<0.999 ) fail_msg("only %.3f seconds between two requests", pause_before(n));
}

int main(void){
#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh, done)
  const struct CMUnitTest tests[] = {
    TEST(test_refused_key), TEST(test_bad_read), TEST(test_ten_bad_answers), TEST(test_bad_answers_apart),
        TEST(test_long_wait), TEST(test_wait_too_long), TEST(test_no_wait_asked),
    TEST(test_retry_after_date),
    TEST(test_wait_is_for_the_key), TEST(test_backoff_grows), TEST(test_jitter), TEST(test_feed),
  };
  curl_global_init(CURL_GLOBAL_DEFAULT);
  return cmocka_run_group_tests_name("clock", tests, set_up, sandbox_stop);
}
