/*
** test_answers.c - answers byte by byte, as a broken server or something in between may give them: HTTP
** that is odd but right is read, everything else is an error, and bytes that are no UTF-8 do not get into
** SQLite.
**
** The server is a thread here that answers every request with the same bytes and closes the connection.
*/
#define _GNU_SOURCE
#include "harness.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#define COUNT(array) ((int)(sizeof(array)/sizeof(*(array))))

typedef struct canned {
  int fd;
  pthread_t thread;
  atomic_int stop, requests;
  const char *answer;
  size_t n;
  char request[8192];            /* the last one */
} canned;

/* Reads one request with its body, as far as it says how long it is. */
static void take_request(canned *c, int fd){
  size_t n = 0;
  for(;;){
    ssize_t got = recv(fd, c->request + n, sizeof c->request - 1 - n, 0);
    if( got<=0 ) return;
    n += (size_t)got;
    c->request[n] = 0;
    const char *body = strstr(c->request, "\r\n\r\n"), *length = strcasestr(c->request, "content-length:");
    if( body && (!length || strlen(body+4)>=strtoul(length+15, NULL, 10)) ) return;
  }
}

static void *serve(void *ctx){
  canned *c = ctx;
  while( !c->stop ){
    struct pollfd p = { c->fd, POLLIN, 0 };
    if( poll(&p, 1, 20)<=0 ) continue;
    int fd = accept(c->fd, NULL, NULL);
    if( fd<0 ) continue;
    take_request(c, fd);
    c->requests++;
    for(size_t sent=0; sent<c->n; ){
      ssize_t n = send(fd, c->answer + sent, c->n - sent, MSG_NOSIGNAL);
      if( n<=0 ) break;
      sent += (size_t)n;
    }
    shutdown(fd, SHUT_WR);
    char rest[256];
    while( recv(fd, rest, sizeof rest, 0)>0 );
    close(fd);
  }
  return NULL;
}

static sqlite3 *canned_start(canned *c, const char *answer, size_t n){
  struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
  socklen_t size = sizeof at;
  server s;
  memset(c, 0, sizeof *c);
  c->answer = answer;
  c->n = n;
  c->fd = socket(AF_INET, SOCK_STREAM, 0);
  if( c->fd<0 || bind(c->fd, (struct sockaddr *)&at, size)!=0 || listen(c->fd, 8)!=0
      || getsockname(c->fd, (struct sockaddr *)&at, &size)!=0
   || pthread_create(&c->thread, NULL, serve, c)!=0 ) fail_msg("no server");
  snprintf(s.url, sizeof s.url, "http://127.0.0.1:%d", ntohs(at.sin_port));
  sqlite3 *db = db_open(&s);
  sql_must(db, "SELECT ortto_config('retries', 0), ortto_config('timeout_ms', 2000)");
  return db;
}

static void canned_stop(canned *c, sqlite3 *db){
  db_close(db);
  c->stop = 1;
  pthread_join(c->thread, NULL);
  close(c->fd);
}

#define TAG "[{\"id\":1,\"type\":\"\",\"name\":\"x\"}]"                   /* 31 bytes */
#define TEXT(s) s, sizeof(s)-1

typedef struct answer_case {
  const char *name;
  const char *answer;
  size_t n;
  const char *expected;          /* of the query, or a part of the error */
} answer_case;

/* What `SELECT hex(name) FROM ortto_tags` gives. */
static const answer_case cases[] = {
  { "as it should be", TEXT("HTTP/1.1 200 OK\r\nContent-Length: 31\r\n\r\n" TAG), "78" },
  { "no length: until the end", TEXT("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" TAG), "78" },
  { "HTTP/1.0", TEXT("HTTP/1.0 200 OK\r\n\r\n" TAG), "78" },
  { "chunks", TEXT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n[{\"id\":1,"
    "\"type\":\r\nf\r\n\"\",\"name\":\"x\"}]\r\n0\r\n\r\n"), "78" },
  { "an interim answer before it",
    TEXT("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 "
    "OK\r\nContent-Length: 31\r\n\r\n" TAG), "78" },
  { "another content type",
    TEXT("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 31\r\n\r\n" TAG), "78" },
  { "status 201", TEXT("HTTP/1.1 201 Created\r\nContent-Length: 31\r\n\r\n" TAG), "78" },
  { "a line end and blanks behind", TEXT("HTTP/1.1 200 OK\r\n\r\n" TAG " \r\n\t"), "78" },
  /* Cut off, or not what was announced. */
  { "fewer bytes than announced", TEXT("HTTP/1.1 200 OK\r\nContent-Length: 32\r\n\r\n" TAG),
    "error 1: ortto: " },
  { "more bytes than announced: the rest is not read",
    TEXT("HTTP/1.1 200 OK\r\nContent-Length: 31\r\nConnection: close\r\n\r\n" TAG "xxxx"), "78" },
  { "no length and cut", TEXT("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n[{\"id\":1,\"type\":\"\""),
    "error 1: ortto: " },
  { "no length and cut between rows",
    TEXT("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n[{\"id\":1,\"type\":\"\"}"), "error 1: ortto: " },
  { "no last chunk", TEXT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1f\r\n" TAG "\r\n"),
    "error 1: ortto: " },
  { "a chunk of a wrong length",
    TEXT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" TAG "\r\n0\r\n\r\n"),
    "error 1: ortto: " },
  { "nothing at all", TEXT(""), "error 1: ortto: " },
  { "no HTTP", TEXT("SSH-2.0-OpenSSH_9.2\r\n"), "error 1: ortto: " },
  { "only a status line", TEXT("HTTP/1.1 200 OK\r\n"), "error 1: ortto: " },
  { "only a header", TEXT("HTTP/1.1 200 OK\r\n\r\n"), "is empty" },
  { "a status that is none", TEXT("HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n"), "error 1: ortto: " },
  { "compressed, but it is not",
    TEXT("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 31\r\n\r\n" TAG), "error 1: ortto: " },
  { "compressed in a way nobody asked for",
    TEXT("HTTP/1.1 200 OK\r\nContent-Encoding: zstd-not\r\nContent-Length: 4\r\n\r\nabcd"),
    "error 1: ortto: " },
  { "a redirect without an address", TEXT("HTTP/1.1 301 Moved\r\nContent-Length: 0\r\n\r\n"),
    "Redirects are not followed" },
  { "304", TEXT("HTTP/1.1 304 Not Modified\r\n\r\n"), "error 1: ortto: " },
  { "a page that asks for a password",
    TEXT("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: "
    "0\r\n\r\n"), "answered 407" },
  /* Bytes. */
  { "no UTF-8", TEXT("HTTP/1.1 200 OK\r\n\r\n[{\"id\":1,\"name\":\"a\xff" "b\"}]"), "61EFBFBD62" },
  { "half a character at the end", TEXT("HTTP/1.1 200 OK\r\n\r\n[{\"id\":1,\"name\":\"a\xc3\"}]"),
    "61EFBFBD" },
  { "a surrogate in UTF-8", TEXT("HTTP/1.1 200 OK\r\n\r\n[{\"id\":1,\"name\":\"\xed\xa0\x80\"}]"),
    "EFBFBDEFBFBDEFBFBD" },
  { "too long a form", TEXT("HTTP/1.1 200 OK\r\n\r\n[{\"id\":1,\"name\":\"\xc0\x80\"}]"), "EFBFBDEFBFBD" },
  { "beyond Unicode", TEXT("HTTP/1.1 200 OK\r\n\r\n[{\"id\":1,\"name\":\"\xf4\x90\x80\x80\"}]"),
    "EFBFBDEFBFBDEFBFBDEFBFBD" },
  { "a NUL byte in a string", TEXT("HTTP/1.1 200 OK\r\n\r\n[{\"id\":1,\"name\":\"a\0b\"}]"),
    "error 1: ortto: " },
  { "a NUL byte behind the JSON", TEXT("HTTP/1.1 200 OK\r\n\r\n" TAG "\0"), "error 1: ortto: " },
  { "a byte order mark", TEXT("HTTP/1.1 200 OK\r\n\r\n\xef\xbb\xbf" TAG), NULL },
  { "a line end inside a string", TEXT("HTTP/1.1 200 OK\r\n\r\n[{\"id\":1,\"name\":\"a\nb\"}]"), NULL },
  /* JSON that is none. */
  { "single quotes", TEXT("HTTP/1.1 200 OK\r\n\r\n[{'id':1}]"), "error 1: ortto: " },
  { "a comma too many", TEXT("HTTP/1.1 200 OK\r\n\r\n[{\"id\":1},]"), "error 1: ortto: " },
  { "NaN", TEXT("HTTP/1.1 200 OK\r\n\r\n[{\"id\":NaN}]"), "error 1: ortto: " },
  { "a leading zero", TEXT("HTTP/1.1 200 OK\r\n\r\n[{\"id\":01}]"), "error 1: ortto: " },
  { "a bad escape", TEXT("HTTP/1.1 200 OK\r\n\r\n[{\"id\":1,\"name\":\"\\x\"}]"), "error 1: ortto: " },
  { "a short escape", TEXT("HTTP/1.1 200 OK\r\n\r\n[{\"id\":1,\"name\":\"\\u12\"}]"), "error 1: ortto: " },
  { "two values", TEXT("HTTP/1.1 200 OK\r\n\r\n[][]"), "error 1: ortto: " },
  { "an error in HTML", TEXT("HTTP/1.1 503 No\r\nContent-Type: text/html\r\n\r\n<html>down</html>"),
    "web page" },
  { "an error with bytes that are no UTF-8", TEXT("HTTP/1.1 500 No\r\n\r\n{\"error\":\"a\xff\xfe\"}"),
    "answered 500" },
  { "an error with control characters",
    TEXT("HTTP/1.1 500 No\r\n\r\n{\"error\":\"a\\u001b[31mred\\u0000 \\n\"}"), "answered 500" },
};

static void test_answer(void **state){
  const answer_case *a = *state;
  canned c;
  sqlite3 *db = canned_start(&c, a->answer, a->n);
  char *got = sql_text(db, "SELECT hex(name) FROM ortto_tags");
  int failed = strncmp(got, "error ", 6)==0;
  if( failed && strncmp(got, "error 1: ortto: ", 16)!=0 ) fail_msg("%s: %s", a->name, got);
  if( failed ) for(const char *p=got; *p; p++)
    if( (unsigned char)*p<0x20 || *p==0x7f )
      fail_msg("%s: a control character in the message: %s", a->name, got);
  if( a->expected && strstr(got, a->expected)==NULL )
    fail_msg("%s: gave %s, expected %s", a->name, got, a->expected);
  sqlite3_free(got);
  canned_stop(&c, db);
}

/* JSON nested deeper than anyone means it: an error or the value, but no crash; not for an error's body
** either. */
static void test_deep(void **state){
  (void)state;
  static const int depths[] = { 500, 1000, 2000, 100000 };
  for(int error=0; error<2; error++) for(int i=0; i<COUNT(depths); i++){
    size_t n = (size_t)depths[i];
    const char *head = error ? "HTTP/1.1 500 No\r\n\r\n{\"error\":"
        : "HTTP/1.1 200 OK\r\n\r\n[{\"id\":1,\"name\":", *tail = error ? "}" : "}]";
    char *answer = malloc(2*n + 200);
    size_t at = (size_t)sprintf(answer, "%s", head);
    memset(answer + at, '[', n);
    memset(answer + at + n, ']', n);
    strcpy(answer + at + 2*n, tail);
    canned c;
    sqlite3 *db = canned_start(&c, answer, strlen(answer));
    char *got = sql_text(db, "SELECT length(name) FROM ortto_tags");
    char right[20];
    snprintf(right, sizeof right, "%d", 2*depths[i]);
    if( strcmp(got, right)!=0 && strncmp(got, "error 1: ortto: ", 16)!=0 )
      fail_msg("depth %d: %s", depths[i], got);
    if( !error && depths[i]<=500 ) assert_string_equal(got, right);
    sqlite3_free(got);
    canned_stop(&c, db);
    free(answer);
  }
}

/* What a request looks like: method, path, the key in its header, JSON, and nothing that tells about the
** user. */
static void test_request(void **state){
  (void)state;
  canned c;
  sqlite3 *db = canned_start(&c, TEXT("HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\n\r\n" TAG));
  assert_sql(db, "SELECT count(*) FROM ortto_tags", "1");
  assert_sql(db, "SELECT count(*) FROM ortto_tags", "1");
  static const char *const present[] = { "POST /v1/tags/get HTTP/1.1\r\n", "X-Api-Key: sandbox-key\r\n",
      "Content-Type: application/json\r\n", "\r\n\r\n{}" };
  for(int i=0; i<COUNT(present); i++)
    if( strcasestr(c.request, present[i])==NULL ) fail_msg("no '%s' in\n%s", present[i], c.request);
  static const char *const absent[] = { "\r\nCookie:", "\r\nAuthorization:", "\r\nExpect:", "\r\nReferer:" };
  for(int i=0; i<COUNT(absent); i++)
    if( strcasestr(c.request, absent[i]) ) fail_msg("'%s' in\n%s", absent[i]+2, c.request);
  assert_int_equal(c.requests, 2);
  canned_stop(&c, db);
}

/* ---- members in any order ------------------------------------------------ */

static const char *const members[] = {
  "name", "instance_id", "folder_id", "data_source_id", "icon_id", "sms_public_name",
  "sms_public_description",
  "filter_sha", "new_filter_sha", "created_by_id", "created_by_name", "public_name", "public_description",
  "template_id", "exit_selection", "last_used",
};
#define ORDERED 39               /* audiences: less than a page, which ends the list */

static unsigned order_seed;

static int order_chance(int below){
  order_seed = order_seed*1103515245u + 12345u;
  return (int)((order_seed>>16) % (unsigned)below);
}

/* One more member of a record; what it says holds, unless another one of that name follows. */
static void member_add(sqlite3_str *s, int which, int row, int turn, char value[COUNT(members)][40]){
  if( which==COUNT(members) ){
    sqlite3_str_appendf(s, ",\"nobody_asked_%d\":{\"name\":[1,\"}\"]}", order_chance(3));
    return;
  }
  snprintf(value[which], sizeof value[which], "%d.%d.%d", row, which, turn);
  if( order_chance(9)==0 )
    sqlite3_str_appendf(s, ",\"\\u%04x%s\": \"%s\"", members[which][0], members[which]+1, value[which]);
  else sqlite3_str_appendf(s, ",\"%s\":\"%s\"", members[which], value[which]);
}

/* One record, behind its id: some in order and with gaps, some in no order, some members twice. */
static void record_add(sqlite3_str *s, sqlite3_str *expected, int row){
  char value[COUNT(members)][40] = { "" };
  int wild = order_chance(3)==0, few = order_chance(4)==0;
  sqlite3_str_appendf(s, "%s{\"id\":\"%024x\"", row ? "," : "", row);
  for(int i=0; i<COUNT(members)+2; i++){
    int which = wild ? order_chance(COUNT(members)+1) : i<COUNT(members) ? i : COUNT(members);
    if( order_chance(few ? 8 : 2)==0 ) member_add(s, which, row, i, value);
  }
  sqlite3_str_appendall(s, "}");
  sqlite3_str_appendf(expected, "%024x", row);
  for(int i=0; i<COUNT(members); i++) sqlite3_str_appendf(expected, ",%s", value[i]);
  sqlite3_str_appendall(expected, "\n");
}

/* However the server orders the members of its records, and whatever it leaves out: each value is in its own
** column. */
static void test_order(void **state){
  (void)state;
  for(unsigned round=1; round<=20; round++){
    canned c;
    sqlite3_str *answer = sqlite3_str_new(NULL), *expected = sqlite3_str_new(NULL);
    sqlite3_str *sql = sqlite3_str_new(NULL);
    order_seed = round;
    sqlite3_str_appendall(answer, "HTTP/1.1 200 OK\r\n\r\n[");
    for(int row=0; row<ORDERED; row++) record_add(answer, expected, row);
    sqlite3_str_appendall(answer, "]");
    sqlite3_str_appendall(sql, "SELECT group_concat(line, '') FROM (SELECT id");
    for(int i=0; i<COUNT(members); i++) sqlite3_str_appendf(sql, "||','||ifnull(%s, '')", members[i]);
    sqlite3_str_appendall(sql, "||char(10) AS line FROM ortto_audiences)");
    sqlite3 *db = canned_start(&c, sqlite3_str_value(answer), (size_t)sqlite3_str_length(answer));
    char *got = sql_text(db, sqlite3_str_value(sql)), *right = sqlite3_str_finish(expected);
    size_t same = 0;
    while( got[same] && got[same]==right[same] ) same++;
    if( strcmp(got, right)!=0 )
      fail_msg("round %u: gave ...%.200s\nin place of ...%.200s", round, got + same, right + same);
    sqlite3_free(got);
    sqlite3_free(right);
    canned_stop(&c, db);
    sqlite3_free(sqlite3_str_finish(answer));
    sqlite3_free(sqlite3_str_finish(sql));
  }
}

int main(void){
  struct CMUnitTest tests[COUNT(cases) + 3];
  size_t n = 0;
  memset(tests, 0, sizeof tests);
  for(int i=0; i<COUNT(cases); i++)
    tests[n++] = (struct CMUnitTest){ cases[i].name, test_answer, NULL, NULL, (void *)(uintptr_t)&cases[i] };
  tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_deep);
  tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_request);
  tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_order);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  return _cmocka_run_group_tests("answers", tests, n, NULL, NULL);
}
