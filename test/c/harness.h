/*
** harness.h - for the C tests: a sandbox server as a child process, and SQLite connections with the
** extension loaded.
**
** The server and the extension are found through the environment variables SANDBOX and EXT, which
** test/run.sh sets; else they are .build/ortto_sandbox and ./ortto.so. Failures of what is here end the
** test by cmocka's fail_msg.
*/
#ifndef HARNESS_H
#define HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <curl/curl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))

UNUSED static double now_ms(void){
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec*1000.0 + (double)t.tv_nsec/1e6;
}

UNUSED static void sleep_ms(int ms){
  struct timespec t = { ms/1000, (long)(ms%1000)*1000000L };
  nanosleep(&t, NULL);
}

/* ---- the server ---------------------------------------------------------- */

typedef struct server {
  pid_t pid;
  int input;               /* writing end of its standard input: it ends when this is closed */
  char url[64];
} server;

/* Starts it with these options, words separated by one blank. */
UNUSED static void server_start(server *s, const char *options){
  char text[512], *word[64] = { "ortto_sandbox", "--until-eof", "--port", "0" };
  const char *program = getenv("SANDBOX");
  int in[2], out[2], n = 4;
  snprintf(text, sizeof text, "%s", options);
  for(char *p=strtok(text, " "); p && n<63; p=strtok(NULL, " ")) word[n++] = p;
  if( pipe(in)!=0 || pipe(out)!=0 ) fail_msg("no pipe");
  fflush(NULL);
  s->pid = fork();
  if( s->pid==0 ){
    dup2(in[0], 0);
    dup2(out[1], 1);
    close(in[0]); close(in[1]); close(out[0]); close(out[1]);
    execv(program ? program : ".build/ortto_sandbox", word);
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  s->input = in[1];
  FILE *said = fdopen(out[0], "r");
  if( said==NULL || fgets(s->url, sizeof s->url, said)==NULL )
    fail_msg("the sandbox did not start: %s", options);
  fclose(said);
  s->url[strcspn(s->url, "\n")] = 0;
}

UNUSED static void server_stop(server *s){
  int status;
  close(s->input);
  kill(s->pid, SIGTERM);
  waitpid(s->pid, &status, 0);
}

/* The server of most tests: the group's setup starts it, and this is its teardown. */
UNUSED static server sandbox;

UNUSED static int sandbox_stop(void **state){
  (void)state;
  server_stop(&sandbox);
  return 0;
}

typedef struct text {
  char *p;
  size_t n, cap;
} text;

static size_t text_add(char *data, size_t size, size_t n, void *ctx){
  text *t = ctx;
  if( t->n + size*n + 1>t->cap ){                /* twofold: a sanitizer's realloc always copies */
    t->cap = 2*(t->n + size*n + 1);
    t->p = realloc(t->p, t->cap);
    if( t->p==NULL ) return 0;
  }
  memcpy(t->p + t->n, data, size*n);
  t->n += size*n;
  t->p[t->n] = 0;
  return size*n;
}

/* A control call: POST with that body, GET if it is NULL. The answer is freed by the caller. */
static char *server_ask(const server *s, const char *path, const char *body){
  char url[512];
  text answer = { calloc(1, 1), 0, 1 };
  CURL *easy = curl_easy_init();
  snprintf(url, sizeof url, "%s%s", s->url, path);
  curl_easy_setopt(easy, CURLOPT_URL, url);
  curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, text_add);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &answer);
  if( body ) curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
  CURLcode code = curl_easy_perform(easy);
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_cleanup(easy);
  if( code!=CURLE_OK || status!=200 )
    fail_msg("%s: %s, status %ld: %s", path, curl_easy_strerror(code), status, answer.p);
  return answer.p;
}

UNUSED static void server_do(const server *s, const char *path, const char *body){
  free(server_ask(s, path, body ? body : ""));
}

/* How many requests came to this path (all if NULL) since the last /sandbox/forget. */
UNUSED static long server_count(const server *s, const char *path){
  char call[256];
  snprintf(call, sizeof call, "/sandbox/count%s%s", path ? "?path=" : "", path ? path : "");
  char *said = server_ask(s, call, NULL);
  long n = strtol(said, NULL, 10);
  free(said);
  return n;
}

/* The number behind "name": in a JSON text. */
UNUSED static double number_in(const char *json, const char *name){
  char quoted[64];
  snprintf(quoted, sizeof quoted, "\"%s\":", name);
  const char *p = strstr(json, quoted);
  if( p==NULL ) fail_msg("no %s in %s", name, json);
  return strtod(p + strlen(quoted), NULL);
}

/* ---- SQLite -------------------------------------------------------------- */

/* Runs SQL that returns nothing of interest. Returns SQLite's code; the message is sqlite3_errmsg. */
/* A database, and what SQLite leaves beside it. */
UNUSED static void database_remove(const char *path){
  static const char *const parts[] = { "", "-journal", "-wal", "-shm" };
  for(int i=0; i<4; i++){
    char name[400];
    snprintf(name, sizeof name, "%s%s", path, parts[i]);
    unlink(name);
  }
}

UNUSED static int sql_run(sqlite3 *db, const char *sql){
  return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

/* The first column of the first row as text, "" if there is none, or the error's message behind "error N:
** ". Freed by sqlite3_free. */
UNUSED static char *sql_text(sqlite3 *db, const char *sql){
  sqlite3_stmt *stmt = NULL;
  char *out = NULL;
  int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
  if( rc==SQLITE_OK && (rc = sqlite3_step(stmt))==SQLITE_ROW ){
    const char *got = (const char *)sqlite3_column_text(stmt, 0);
    out = sqlite3_mprintf("%s", got ? got : "NULL");
    while( rc==SQLITE_ROW ) rc = sqlite3_step(stmt);
  }
  if( rc!=SQLITE_OK && rc!=SQLITE_DONE ){
    sqlite3_free(out);
    out = sqlite3_mprintf("error %d: %s", rc, sqlite3_errmsg(db));
  }
  sqlite3_finalize(stmt);
  return out ? out : sqlite3_mprintf("");
}

#define assert_sql(db, sql, expected) do{ \
  char *got_ = sql_text(db, sql); \
  if( strcmp(got_, expected)!=0 ) fail_msg("%s\n  gave     %s\n  expected %s", sql, got_, expected); \
  sqlite3_free(got_); \
}while(0)

UNUSED static void sql_must(sqlite3 *db, const char *sql){
  if( sql_run(db, sql)!=SQLITE_OK ) fail_msg("%s: %s", sql, sqlite3_errmsg(db));
}

/* A connection of its own with the extension loaded, to this server. Sends nothing. */
UNUSED static sqlite3 *db_open(const server *s){
  sqlite3 *db = NULL;
  char *why = NULL;
  const char *ext = getenv("EXT");
  if( sqlite3_open(":memory:", &db)!=SQLITE_OK ) fail_msg("sqlite3_open");
  sqlite3_enable_load_extension(db, 1);
  if( sqlite3_load_extension(db, ext ? ext : "./ortto.so", "sqlite3_ortto_init", &why)!=SQLITE_OK )
    fail_msg("%s", why);
  char *sql = sqlite3_mprintf(
      "SELECT ortto_config('api_url', %Q), ortto_config('key', 'sandbox-key'), ortto_config('rate', 0)",
      s->url);
  sql_must(db, sql);
  sqlite3_free(sql);
  return db;
}

/* sqlite3_close refuses where a statement is left open: so this also proves that none is. */
UNUSED static void db_close(sqlite3 *db){
  if( sqlite3_close(db)!=SQLITE_OK ) fail_msg("sqlite3_close: %s", sqlite3_errmsg(db));
}

/* A thread that interrupts a connection later. */
typedef struct interruption {
  sqlite3 *db;
  int after_ms;
  double at;               /* when it did */
} interruption;

UNUSED static void *interrupt_later(void *ctx){
  interruption *it = ctx;
  sleep_ms(it->after_ms);
  it->at = now_ms();
  sqlite3_interrupt(it->db);
  return NULL;
}

#endif
