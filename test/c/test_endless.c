/*
** test_endless.c - answers without an end: headers, trailers, interim answers, chunks, one long line, a byte
** now and then, compression that unfolds a thousandfold and again. Each ends with an error, in time, in
** bounded memory; and an answer that echoes the key shows it nowhere.
**
** The server is a thread here that sends one piece over and over to whoever asks.
*/
#define _GNU_SOURCE
#include "harness.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <zlib.h>

#define COUNT(array) ((int)(sizeof(array)/sizeof(*(array))))
#define MOST (120<<20)             /* bytes that one answer sends at most */
#ifdef __SANITIZE_ADDRESS__        /* it keeps what was freed */
#define MEMORY_KB (2000<<10)
#else
#define MEMORY_KB (200<<10)        /* 64 MB of an answer, twice, and what is around it */
#endif

typedef struct endless {
  const char *name;
  const char *head, *piece;        /* the piece again and again */
  int pause_ms;                    /* before each */
  const char *expected;            /* a part of the error */
} endless;

#define OK "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
static char line[16385];           /* of one letter */

static const endless cases[] = {
  { "headers", OK, "X-Next: and another\r\n", 0, "ortto: " },
  { "headers, all cookies", OK, "Set-Cookie: a=bbbbbbbbbbbbbbbbbbbb\r\n", 0, "ortto: " },
  { "one header", OK "X-Long: ", line, 0, "too long" },
  { "a continued header", OK "X-Long: a\r\n", " and on\r\n", 0, "ortto: " },
  { "the status line", "HTTP/1.1 200 ", line, 0, "too long" },
  { "no HTTP", line, line, 0, "ortto: " },
  { "interim answers", "", "HTTP/1.1 102 Processing\r\n\r\n", 0, "ortto: " },
  { "trailers", OK "Transfer-Encoding: chunked\r\n\r\n1\r\n[\r\n0\r\n", "X-Next: and another\r\n", 0,
      "ortto: " },
  { "one trailer", OK "Transfer-Encoding: chunked\r\n\r\n1\r\n[\r\n0\r\nX-Long: ", line, 0, "ortto: " },
  { "chunks of a byte", OK "Transfer-Encoding: chunked\r\n\r\n1\r\n[\r\n", "1\r\n \r\n", 0, "ortto: " },
  { "a chunk's extension", OK "Transfer-Encoding: chunked\r\n\r\n1;", line, 0, "ortto: " },
  { "a body without a length", OK "\r\n[", line, 0, "64 MB" },
  { "a byte of the body now and then", OK "\r\n[", " ", 40, "timeout_ms" },
  { "a byte of a header now and then", OK "X-Slow: ", "a", 40, "timeout_ms" },
  { "a byte of the status line now and then", "HTTP/1.1 200 ", "a", 40, "timeout_ms" },
  { "a trailer now and then", OK "Transfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n", "X: y\r\n", 40,
      "timeout_ms" },
  { "an interim answer now and then", "", "HTTP/1.1 102 Processing\r\n\r\n", 40, "timeout_ms" },
};

typedef struct talker {
  int fd;
  pthread_t thread;
  atomic_int stop, requests;
  const char *head, *piece;
  size_t head_n, piece_n;
  int pause_ms, once;
} talker;

static int say(talker *t, int fd, const char *p, size_t n){
  while( n && !t->stop ){
    struct pollfd w = { fd, POLLOUT, 0 };
    if( poll(&w, 1, 20)==0 ) continue;
    ssize_t sent = send(fd, p, n, MSG_NOSIGNAL|MSG_DONTWAIT);
    if( sent<=0 ) return 0;
    p += sent;
    n -= (size_t)sent;
  }
  return !t->stop;
}

static void answer(talker *t, int fd){
  char request[65536];
  size_t all = 0;
  if( recv(fd, request, sizeof request, 0)<=0 ) return;
  t->requests++;
  if( !say(t, fd, t->head, t->head_n) || t->once ) return;
  while( all<MOST && say(t, fd, t->piece, t->piece_n) ){
    all += t->piece_n;
    if( t->pause_ms ) sleep_ms(t->pause_ms);
  }
}

static void *talk(void *ctx){
  talker *t = ctx;
  while( !t->stop ){
    struct pollfd p = { t->fd, POLLIN, 0 };
    if( poll(&p, 1, 20)<=0 ) continue;
    int fd = accept(t->fd, NULL, NULL);
    if( fd<0 ) continue;
    answer(t, fd);
    shutdown(fd, SHUT_RDWR);
    close(fd);
  }
  return NULL;
}

static sqlite3 *talker_start(talker *t){
  struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
  socklen_t size = sizeof at;
  server s;
  t->fd = socket(AF_INET, SOCK_STREAM, 0);
  if( t->fd<0 || bind(t->fd, (struct sockaddr *)&at, size)!=0 || listen(t->fd, 8)!=0
      || getsockname(t->fd, (struct sockaddr *)&at, &size)!=0
   || pthread_create(&t->thread, NULL, talk, t)!=0 ) fail_msg("no server");
  snprintf(s.url, sizeof s.url, "http://127.0.0.1:%d", ntohs(at.sin_port));
  sqlite3 *db = db_open(&s);
  sql_must(db, "SELECT ortto_config('retries', 0), ortto_config('timeout_ms', 1500)");
  return db;
}

static void talker_stop(talker *t, sqlite3 *db){
  t->stop = 1;
  db_close(db);
  pthread_join(t->thread, NULL);
  close(t->fd);
}

static long peak_kb(void){
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return u.ru_maxrss;
}

/* The first statement fails in time; the connection goes on, and so does the next statement. */
static void must_end(talker *t, const char *name, const char *expected){
  sqlite3 *db = talker_start(t);
  long before = peak_kb();
  double began = now_ms();
  char *said = sql_text(db, "SELECT count(*) FROM ortto_tags");
  double took = now_ms() - began;
  if( strncmp(said, "error 1: ortto: ", 16)!=0 || strstr(said, expected)==NULL ) fail_msg("%s: %.500s",
      name, said);
  if( strlen(said)>2000 ) fail_msg("%s: a message of %zu bytes", name, strlen(said));
  if( took>15000 ) fail_msg("%s: %.0f ms", name, took);
  if( peak_kb() - before>MEMORY_KB ) fail_msg("%s: %ld kB more", name, peak_kb() - before);
  if( getenv("VERBOSE") ) printf("# %s: %.0f ms, %ld kB more, %.150s\n", name, took, peak_kb() - before,
      said);
  sqlite3_free(said);
  assert_sql(db, "SELECT count(*) FROM ortto_log", "1");
  talker_stop(t, db);
}

static void test_endless(void **state){
  const endless *e = *state;
  talker t = { .head = e->head, .piece = e->piece, .head_n = strlen(e->head), .piece_n = strlen(e->piece),
               .pause_ms = e->pause_ms };
  must_end(&t, e->name, e->expected);
}

/* ---- compression ------------------------------------------------------------------------------------- */

static unsigned char *zipped(const unsigned char *p, size_t n, size_t *out_n){
  z_stream z = { 0 };
  size_t room = n/100 + 100000;
  unsigned char *out = malloc(room);
  if( out==NULL || deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY)!=Z_OK ) fail_msg("zlib");
  z.next_in = (unsigned char *)(uintptr_t)p;
  z.avail_in = (uInt)n;
  z.next_out = out;
  z.avail_out = (uInt)room;
  if( deflate(&z, Z_FINISH)!=Z_STREAM_END ) fail_msg("zlib");
  *out_n = room - z.avail_out;
  deflateEnd(&z);
  return out;
}

/* 200 MB of blanks, once and twice compressed. */
static void test_bomb(void **state){
  static const char *const codings[] = { "gzip", "gzip, gzip", "gzip, gzip, gzip, gzip, gzip, gzip, gzip" };
  size_t n = 200u<<20, once_n, twice_n;
  unsigned char *blanks = malloc(n);
  (void)state;
  memset(blanks, ' ', n);
  unsigned char *once = zipped(blanks, n, &once_n), *twice = zipped(once, once_n, &twice_n);
  free(blanks);
  for(int i=0; i<COUNT(codings); i++){
    char head[300], *whole = malloc(400 + once_n);
    const unsigned char *body = i ? twice : once;
    size_t body_n = i ? twice_n : once_n;
    int head_n = snprintf(head, sizeof head, OK "Content-Encoding: %s\r\nContent-Length: %zu\r\n\r\n",
        codings[i], body_n);
    memcpy(whole, head, (size_t)head_n);
    memcpy(whole + head_n, body, body_n);
    talker t = { .head = whole, .head_n = (size_t)head_n + body_n, .once = 1 };
    must_end(&t, codings[i], i ? "ortto: " : "64 MB");
    free(whole);
  }
  free(once);
  free(twice);
}

/* ---- an answer that echoes the key ------------------------------------------------------------------- */

static void test_echo(void **state){
  static const char *const answers[] = {
    "HTTP/1.1 401 Unauthorized\r\nContent-Length: %d\r\n\r\n{\"error\":\"no such key: KEY\"}",
    "HTTP/1.1 401 Unauthorized\r\nContent-Length: "
        "%d\r\n\r\n{\"error\":{\"message\":\"KEY\",\"code\":\"KEY\"},\"request_id\":\"KEY\"}",
    "HTTP/1.1 401 KEY\r\nX-Request-Id: KEY\r\nWWW-Authenticate: KEY\r\nContent-Length: %d\r\n\r\nKEY is "
        "unknown, KEY",
    "HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\n\r\n{\"error\":\"\\u0073ecret-key-42 and "
        "secret\\u002dkey-42\"}",
    "HTTP/1.1 500 KEY\r\nContent-Length: %d\r\n\r\n<html>KEY</html>",
    "HTTP/1.1 302 KEY\r\nLocation: http://KEY@127.0.0.1/KEY\r\nContent-Length: %d\r\n\r\nKEY",
    "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n{\"KEY\":\"KEY\",\"error\":\"KEY\"}",
    "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n{\"KEY\":1,\"KEY\":2}",
    "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nContent-Encoding: KEY\r\n\r\nKEY",
    "HTTP/9.9 KEY\r\n\r\n%d",
    "KEY\r\nKEY: KEY\r\n\r\n%d",
  };
  static const char *const statements[] = {
    "SELECT count(*) FROM ortto_tags", "SELECT * FROM ortto_people", "SELECT ortto_check()",
    "SELECT ortto_upsert('{\"user_id\":\"u\"}')",
    "SELECT group_concat(error||' '||request_id||path) FROM ortto_log",
  };
  (void)state;
  for(int i=0; i<COUNT(answers); i++){
    char with_key[1000] = "", whole[1200];
    const char *from = answers[i], *body = strstr(from, "\r\n\r\n");
    for(const char *p; (p = strstr(from, "KEY"))!=NULL; from = p+3)
      sprintf(with_key + strlen(with_key), "%.*ssecret-key-42", (int)(p-from), from);
    strcat(with_key, from);
    body = strstr(with_key, "\r\n\r\n");
    snprintf(whole, sizeof whole, with_key, (int)strlen(body+4));
    talker t = { .head = whole, .head_n = strlen(whole), .once = 1 };
    sqlite3 *db = talker_start(&t);
    sql_must(db, "SELECT ortto_config('key', 'secret-key-42')");
    for(int k=0; k<COUNT(statements); k++){
      char *said = sql_text(db, statements[k]);
      if( strstr(said, "secret-key-42") || strstr(said, "ecret-key-42") )
        fail_msg("%s\n  after %s\n  says %s", statements[k], whole, said);
      if( k<4 && strncmp(said, "error ", 6)!=0 && strstr(said, "\"status\":2") )
        fail_msg("%s\n  after %s\n  says %s", statements[k], whole, said);
      sqlite3_free(said);
    }
    talker_stop(&t, db);
  }
}

int main(void){
  struct CMUnitTest tests[COUNT(cases) + 2];
  size_t n = 0;
  memset(line, 'x', sizeof line - 1);
  memset(tests, 0, sizeof tests);
  for(int i=0; i<COUNT(cases); i++)
    tests[n++] = (struct CMUnitTest){ cases[i].name, test_endless, NULL, NULL, (void *)(uintptr_t)&cases[i] };
  tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_bomb);
  tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_echo);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  return _cmocka_run_group_tests("endless", tests, n, NULL, NULL);
}
