/*
** test_pace.c - how many requests are sent, when, and how many at once, in a time and over a network that
** exist in this file alone: so a minute takes no time, and a rate can be told exactly.
**
** The client is compiled in over a clock that stands still unless somebody waits, and over a room http that
** answers after `latency_ms` with a page of people, and with 429 beyond `server_rate` requests a second.
*/
#define _GNU_SOURCE
#include <time.h>

static long long virtual_us = 1000000000;

static int clock_virtual(clockid_t id, struct timespec *t){
  (void)id;
  t->tv_sec = (time_t)(virtual_us/1000000);
  t->tv_nsec = (long)(virtual_us%1000000)*1000;
  return 0;
}

#define clock_gettime clock_virtual
#include "../../src/os.c"   /* NOLINT(bugprone-suspicious-include) */
#undef clock_gettime

#include "ortto_client.h"
#include "src/client/http.h"
#include "src/client/pace.h"
#include "harness.h"

#define ROWS 500
#define SENT_MAX 4000

/* ---- a network ---------------------------------------------------------------------------- */

struct http { int in_flight; };

typedef struct on_way {
  http_transfer *transfer;
  long long arrives;
  int status, offset;
} on_way;

static int latency_ms, page_bytes, pages, server_rate;
static int uneven;                 /* some answers take up to a third longer */
static long try_in;                /* seconds that a 429 asks to wait */
static int one_429_at;             /* the request with this number is refused; -1: none */
static int perform_to_arrive;      /* an answer comes with this call of http_perform; 0: after latency_ms */
static on_way flying[64];
static int flights, most_in_flight;
static long long sent_at[SENT_MAX];
static int sent, refused, waits, needless_waits, performs;
static http_transfer *arrived[64];
static int arrivals;

http *http_new(void){
  return calloc(1, sizeof(http));
}

void http_free(http *h){
  free(h);
}

void http_transfer_free(http_transfer *t){
  buf_free(&t->answer);
}

int http_in_flight(const http *h){
  (void)h;
  return flights;
}

int64_t http_on_wire_after(const http_transfer *t){
  (void)t;
  return 1;
}

/* Requests within the last second, those refused left out, as the sandbox counts. */
static int over_rate(void){
  int n = 0;
  for(int i=sent-1; i>=0 && sent_at[i]>virtual_us - 1000000; i--) n++;
  return server_rate>0 && n>server_rate;
}

int http_start(http *h, http_transfer *t, const http_ask *ask){
  (void)h;
  const char *offset = ask->body ? strstr(ask->body, "\"offset\":") : NULL;
  assert_true(sent<SENT_MAX && flights<64);
  t->answer.n = 0;
  t->too_large = NULL;
  t->headers_n = 0;
  t->retry_after = 0;
  t->date[0] = 0;
  sent_at[sent++] = virtual_us;
  int status = over_rate() || sent-1==one_429_at ? 429 : 200;
  refused += status==429;
  if( status==429 ) sent_at[sent-1] -= server_rate>0 ? 1000000 : 0;
  long long takes = latency_ms*1000LL + (uneven ? (sent*7919LL)%(latency_ms*300LL) : 0);
  flying[flights++] = (on_way){ t, virtual_us + takes, status, offset ? atoi(offset + 9) : -1 };
  if( flights>most_in_flight ) most_in_flight = flights;
  return 1;
}

static void put(buf *b, const char *format, ...){
  va_list args;
  va_start(args, format);
  buf_vprintf(b, format, args);
  va_end(args);
}

static void answer(const on_way *w){
  buf *b = &w->transfer->answer;
  int last = w->offset>=0 && w->offset/ROWS==pages-1;
  w->transfer->status = w->status;
  w->transfer->end = HTTP_ANSWERED;
  if( w->status==429 ){
    put(b, "{\"error\":{\"message\":\"rate limit\",\"try-in-seconds\":%ld}}", try_in);
    return;
  }
  put(b, "{\"contacts\":[");
  for(int i=0; w->offset>=0 && i<ROWS; i++)
    put(b, "%s{\"id\":\"%024x\",\"fields\":{}}", i ? "," : "", w->offset + i + 1);
  put(b, "],\"has_more\":%s,\"next_offset\":%d,\"cursor_id\":\"%024x\",\"meta\":{\"total_matches\":%d}",
      last ? "false" : "true", w->offset + ROWS, 99, pages*ROWS);
  buf_puts(b, ",\"more\":\"");
  static char blanks[10000];
  memset(blanks, ' ', sizeof blanks);
  while( b->n<(size_t)page_bytes ) buf_add(b, blanks, sizeof blanks);
  buf_puts(b, "\"}");
}

static void land(int at){
  answer(&flying[at]);
  arrived[arrivals++] = flying[at].transfer;
  flying[at] = flying[--flights];
}

int http_perform(http *h){
  (void)h;
  performs++;
  for(int i=flights-1; i>=0; i--)
    if( perform_to_arrive ? performs>=perform_to_arrive : flying[i].arrives<=virtual_us ) land(i);
  return flights;
}

http_transfer *http_finished(http *h){
  (void)h;
  return arrivals ? arrived[--arrivals] : NULL;
}

void http_cancel(http *h, http_transfer *t){
  (void)h;
  for(int i=0; i<flights; i++) if( flying[i].transfer==t ){
    flying[i] = flying[--flights];
    return;
  }
}

/* Until the next answer comes, at most so long. */
void http_wait(http *h, int ms){
  (void)h;
  long long until = virtual_us + ms*1000LL;
  for(int i=0; i<flights; i++) if( flying[i].arrives<until ) until = flying[i].arrives;
  waits++;
  needless_waits += perform_to_arrive && flights==0;
  if( until>virtual_us ) virtual_us = until;
}

/* ---- a client over it --------------------------------------------------------------------- */

static ortto_client *client;
static int asked_for[ORTTO_FOR_REFUSAL+1];       /* how often it waited for what */
static int64_t longest_ms;

static int tick(void *ctx){
  int64_t ms;
  (void)ctx;
  if( client==NULL ) return 0;
  asked_for[ortto_waits_for(client, &ms)]++;
  if( ms>longest_ms ) longest_ms = ms;
  return 0;
}

static int fresh(void **state){
  ortto_host host = { tick, NULL };
  (void)state;
  latency_ms = 200;
  page_bytes = 100000;
  pages = 1;
  server_rate = uneven = perform_to_arrive = 0;
  try_in = 1;
  one_429_at = -1;
  sent = refused = waits = needless_waits = performs = flights = most_in_flight = arrivals = 0;
  memset(asked_for, 0, sizeof asked_for);
  longest_ms = 0;
  client = NULL;
  client = ortto_client_new(&host);
  assert_non_null(client);
  assert_int_equal(ortto_config_set(client, ORTTO_API_URL, "http://127.0.0.1:1"), ORTTO_OK);
  assert_int_equal(ortto_config_set(client, ORTTO_KEY, "key"), ORTTO_OK);
  return 0;
}

static int done(void **state){
  (void)state;
  ortto_client_free(client);
  return 0;
}

static void set(ortto_setting setting, int value){
  char text[24];
  snprintf(text, sizeof text, "%d", value);
  assert_int_equal(ortto_config_set(client, setting, text), ORTTO_OK);
}

/* Reads all pages, or so many rows; a row takes so long to be used. Returns the last code. */
static int read_rows(int rows, int each_us){
  ortto_endpoint *e = NULL;
  ortto_reader *r = NULL;
  const ortto_value *values;
  ortto_query query = { .table = ORTTO_PEOPLE };
  assert_int_equal(ortto_endpoint_open(client, NULL, ORTTO_API, &e), ORTTO_OK);
  assert_int_equal(ortto_reader_open(e, &query, &r), ORTTO_OK);
  int rc = ORTTO_ROW, n = 0;
  while( rc==ORTTO_ROW && n<rows ){
    rc = ortto_reader_next(r, &values);
    if( rc==ORTTO_ROW ) n++;
    virtual_us += each_us;
  }
  ortto_reader_close(r);
  ortto_endpoint_close(e);
  return rc==ORTTO_ROW ? ORTTO_OK : rc;
}

static int read_all(void){
  return read_rows(pages*ROWS + 1, 20);
}

/* The share of the rate that is used after the first page; a part of a second at the end does not count. */
static double share_of(int rate){
  int n = (sent - 2)/rate*rate;
  assert_true(n>=6*rate);
  return 100.0*n/rate / ((double)(sent_at[1+n] - sent_at[1])/1e6);
}

/* The most requests in any second. */
static int most_a_second(void){
  int most = 0, first = 0;
  for(int i=0; i<sent; i++){
    while( sent_at[first]<=sent_at[i] - 1000000 ) first++;
    if( i - first + 1>most ) most = i - first + 1;
  }
  return most;
}

/* ---- auto --------------------------------------------------------------------------------- */

/* With the default settings the whole rate is used, whatever the latency, and never more than that. */
static void test_whole_rate(void **state){
  (void)state;
  static const struct { int rate, latency_ms, page_bytes, uneven; } c[] = {
    { 10, 50, 80000, 0 }, { 10, 200, 80000, 1 }, { 10, 1000, 80000, 1 }, { 10, 2000, 780000, 0 },
    { 30, 50, 80000, 1 }, { 30, 200, 80000, 1 }, { 30, 1000, 780000, 0 }, { 30, 2000, 390000, 0 },
  };
  for(size_t i=0; i<sizeof c/sizeof *c; i++){
    done(NULL);
    fresh(NULL);
    if( c[i].rate!=10 ) set(ORTTO_RATE, c[i].rate);
    latency_ms = c[i].latency_ms;
    page_bytes = c[i].page_bytes;
    uneven = c[i].uneven;
    pages = 8*c[i].rate;
    assert_int_equal(read_all(), ORTTO_DONE);
    double share = share_of(c[i].rate);
    printf("    rate %d, %d ms%s: %.1f %% of the rate, %d in flight\n", c[i].rate, latency_ms,
           uneven ? " and more" : "", share, most_in_flight);
    if( share<95 ) fail_msg("%.1f %% of rate %d at %d ms", share, c[i].rate, latency_ms);
    if( most_a_second()>c[i].rate ) fail_msg("%d requests in a second", most_a_second());
    assert_int_equal(sent, pages);
  }
}

/* The window follows the latency, with the rate 64 at most, without it 16; a number is a number. */
static void test_window(void **state){
  (void)state;
  static const struct { int rate, latency_ms, concurrency, least, most; } c[] = {
    { 10, 20, 0, 1, 8 }, { 10, 2000, 0, 20, 40 }, { 1000, 2000, 0, 64, 64 }, { 0, 20, 0, 16, 16 },
    { 0, 2000, 0, 16, 16 }, { 0, 200, 5, 5, 5 }, { 10, 2000, 3, 3, 3 }, { 10, 10000, 0, 64, 64 },
  };
  for(size_t i=0; i<sizeof c/sizeof *c; i++){
    done(NULL);
    fresh(NULL);
    set(ORTTO_RATE, c[i].rate);
    if( c[i].concurrency ) set(ORTTO_CONCURRENCY, c[i].concurrency);
    latency_ms = c[i].latency_ms;
    pages = 90;
    assert_int_equal(read_all(), ORTTO_DONE);
    if( most_in_flight<c[i].least || most_in_flight>c[i].most )
      fail_msg("rate %d, %d ms: %d in flight", c[i].rate, c[i].latency_ms, most_in_flight);
  }
}

/* No more than 24 MB of answers are asked for at once, however large a page is; a number is not bound. */
static void test_memory_bound(void **state){
  (void)state;
  latency_ms = 2000;
  page_bytes = 3000000;
  pages = 24;
  set(ORTTO_RATE, 30);
  assert_int_equal(read_all(), ORTTO_DONE);
  assert_int_equal(most_in_flight, 8);
  done(NULL);
  fresh(NULL);
  latency_ms = 200;
  page_bytes = 30 << 20;
  pages = 3;
  assert_int_equal(read_all(), ORTTO_DONE);
  assert_int_equal(most_in_flight, 1);
}

/* Without a rate forty pages come at least eight times as fast as one by one. */
static void test_without_rate(void **state){
  (void)state;
  long long took[2];
  for(int i=0; i<2; i++){
    done(NULL);
    fresh(NULL);
    set(ORTTO_RATE, 0);
    if( i==0 ) set(ORTTO_CONCURRENCY, 1);
    pages = 40;
    long long begun = virtual_us;
    assert_int_equal(read_all(), ORTTO_DONE);
    took[i] = virtual_us - begun;
  }
  if( took[0]<8*took[1] ) fail_msg("%.1f times as fast", (double)took[0]/(double)took[1]);
}

/* What ends in the first page asks for no other; what stops asks for no more than is in flight. */
static void test_stops(void **state){
  (void)state;
  pages = 100;
  assert_int_equal(read_rows(10, 20), ORTTO_OK);
  assert_int_equal(sent, 1);
  assert_int_equal(read_rows(ROWS + 10, 20), ORTTO_OK);
  int before = sent;
  virtual_us += 30000000;
  assert_int_equal(ortto_config_set(client, ORTTO_KEY, "other"), ORTTO_OK);
  assert_int_equal(read_rows(10, 20), ORTTO_OK);
  assert_int_equal(sent, before + 1);
  assert_true(before<=2 + 10);
}

/* ---- after a 429 -------------------------------------------------------------------------- */

/* Half once for a burst, one more every ten seconds, and the rate again in the end. */
static void test_half_and_up(void **state){
  (void)state;
  key_limits limits = { 0 };
  assert_int_equal(pace_now(&limits, 30, 0), 30);
  int64_t now = 100*SECOND;
  hold_key(&limits, 30, now - 2*SECOND/10, 0, now + SECOND, now);
  assert_int_equal(pace_now(&limits, 30, now), 15);
  hold_key(&limits, 30, now - SECOND/10, 0, now + SECOND + SECOND/2, now + SECOND/10);   /* the same burst */
  now += SECOND + SECOND/2;
  assert_int_equal(pace_now(&limits, 30, now), 15);
  assert_int_equal(pace_now(&limits, 30, now + 9*SECOND), 15);
  assert_int_equal(pace_now(&limits, 30, now + 10*SECOND), 16);
  assert_int_equal(pace_now(&limits, 30, now + 140*SECOND), 29);
  assert_int_equal(pace_now(&limits, 30, now + 150*SECOND), 30);
  assert_int_equal(pace_now(&limits, 30, now + 1000*SECOND), 30);
  now += 20*SECOND;
  hold_key(&limits, 30, now - SECOND/10, 0, now + SECOND/2, now);                        /* another one */
  assert_int_equal(pace_now(&limits, 30, now), 8);
  for(int i=0; i<5; i++){
    now += SECOND;
    hold_key(&limits, 30, now - SECOND/10, 0, now, now);
  }
  assert_int_equal(pace_now(&limits, 30, now), 1);
  key_limits free_limits = { 0 };
  for(int i=0; i<40; i++) sent_stamp(&free_limits, reserve_sent(&free_limits, 0, now), now + i);
  hold_key(&free_limits, 0, now, 0, now + SECOND, now + SECOND/2);
  assert_int_equal(pace_now(&free_limits, 0, now + SECOND), 20);
  assert_int_equal(pace_now(&free_limits, 0, now + 12*SECOND), 21);
}

/* The same, as the server sees it: one refusal in the middle of a read. */
static void test_pace_seen(void **state){
  (void)state;
  pages = 300;
  one_429_at = 40;
  assert_int_equal(read_all(), ORTTO_DONE);
  assert_int_equal(sent, 301);
  for(int k=0; k<3; k++){          /* from second to second after the pause, ten seconds each */
    long long from = sent_at[46] + k*10000000LL + 1500000, to = from + 8000000;
    int n = 0;
    for(int i=0; i<sent; i++) n += sent_at[i]>=from && sent_at[i]<to;
    if( n<8*(5 + k) - 3 || n>8*(5 + k) + 3 ) fail_msg("%d requests in 8 seconds, %d", n, k);
  }
  assert_true(most_a_second()<=10);
}

/* A server that allows a third of the rate, and one that allows much less: all comes, with few refusals. */
static void test_server_allows_less(void **state){
  (void)state;
  static const struct { int rate, allowed, refused; } c[] = {
    { 30, 10, 40 }, { 0, 10, 40 }, { 1000, 5, 100 },
  };
  for(size_t i=0; i<sizeof c/sizeof *c; i++){
    done(NULL);
    fresh(NULL);
    set(ORTTO_RATE, c[i].rate);
    server_rate = c[i].allowed;
    pages = 100;
    assert_int_equal(read_all(), ORTTO_DONE);
    if( refused>c[i].refused )
      fail_msg("rate %d, allowed %d: %d refused", c[i].rate, c[i].allowed, refused);
  }
}

/* Only what the server asks for is named as such: our own pauses may be longer than timeout_ms. */
static void test_own_pause(void **state){
  (void)state;
  set(ORTTO_TIMEOUT_MS, 100);
  latency_ms = 10;
  one_429_at = 0;
  try_in = 0;
  assert_int_equal(read_all(), ORTTO_DONE);
  assert_int_equal(sent, 2);
  one_429_at = 2;
  try_in = 1;
  assert_int_equal(read_all(), ORTTO_ERROR);
  if( strstr(ortto_error(client), "asks to wait 1 seconds, which is longer than timeout_ms (100)")==NULL )
    fail_msg("%s", ortto_error(client));
}

/* What is waited for can be shown meanwhile. */
static void test_what_is_waited_for(void **state){
  (void)state;
  pages = 25;
  assert_int_equal(read_all(), ORTTO_DONE);
  assert_true(asked_for[ORTTO_FOR_RATE]>asked_for[ORTTO_FOR_ANSWER]);
  assert_int_equal(asked_for[ORTTO_FOR_RETRY] + asked_for[ORTTO_FOR_REFUSAL], 0);
  done(NULL);
  fresh(NULL);
  set(ORTTO_RATE, 0);
  pages = 25;
  assert_int_equal(read_all(), ORTTO_DONE);
  assert_int_equal(asked_for[ORTTO_FOR_RATE], 0);
  assert_true(asked_for[ORTTO_FOR_ANSWER]>0);
  assert_int_equal(longest_ms, 0);
  done(NULL);
  fresh(NULL);
  one_429_at = 0;
  try_in = 3;
  assert_int_equal(read_all(), ORTTO_DONE);
  assert_true(asked_for[ORTTO_FOR_REFUSAL]>50 && longest_ms>2900 && longest_ms<=3000);
}

/* ---- waiting ------------------------------------------------------------------------------ */

/* What comes while the network is served is taken at once: nothing is slept for that is there. */
static void test_no_needless_wait(void **state){
  (void)state;
  for(int k=1; k<5; k++){
    performs = 0;
    perform_to_arrive = k;
    assert_int_equal(read_all(), ORTTO_DONE);
    assert_int_equal(needless_waits, 0);
  }
}

int main(void){
#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh, done)
  const struct CMUnitTest tests[] = {
    TEST(test_whole_rate), TEST(test_window), TEST(test_memory_bound), TEST(test_without_rate),
    TEST(test_stops), TEST(test_half_and_up), TEST(test_pace_seen), TEST(test_server_allows_less),
    TEST(test_own_pause),
    TEST(test_what_is_waited_for), TEST(test_no_needless_wait),
  };
  return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
