/*
** test_lies_write.c - answers to writing that lie: each kind of answer with one thing in it changed, with
** another status, and with a word of failure beside its words of success. A record counts as delivered only
** where the answer says so of it; else it is a failure that names it, and nothing is lost in silence.
**
** The sandbox server's own answer is changed here and given in its place. Settings: as in test_lies_read.c.
*/
#define _GNU_SOURCE
#include "lies.h"

/* What may be said of the records after a lie at a place: z none was taken, s not all of them, a anything
** that is no more than the records; else as the truth. */
typedef struct place {
  const char *pattern;
  char may;
} place;

typedef struct question {
  const char *name;
  const char *write;             /* gives the number of records that count as delivered, or is an error */
  const char *before;            /* or NULL */
  const char *path;
  const char *answer;            /* NULL: the server's own */
  int records, taken;            /* that are sent, and that the truth says were taken */
  int commits;                   /* the second kind: write is a transaction, of which all or none count */
  place places[6];
} question;

#define COUNTED(call) "SELECT sum(value->>'status' BETWEEN 200 AND 299) FROM json_each(" call ")"
#define THREE "'[{\"user_id\":\"a\"},{\"user_id\":\"b\"},{\"user_id\":\"c\"}]'"
#define THREE_EVENTS "'[{\"user_id\":\"a\",\"event\":\"Flight Booked\"}," \
  "{\"user_id\":\"b\",\"event\":\"Flight Booked\"}," \
  "{\"user_id\":\"c\",\"event\":\"Flight Booked\"}]'"
#define ROW_PLACES { {"people/*/person_id", 'a'}, {"people/*/status", 's'}, {"people/*", 's'}, \
  {"people", 'z'}, {"", 'z'} }

static const question questions[] = {
  { "people merged", COUNTED("ortto_upsert(" THREE ")"), NULL, "/v1/person/merge", NULL, 3, 3, 0,
      ROW_PLACES },
  { "activities", COUNTED("ortto_track(" THREE_EVENTS ")"), NULL, "/v1/activities/create", NULL, 3, 3, 0,
    { {"activities/*/status", 's'}, {"activities/*/person_id", 'a'}, {"activities/*/person_status", 'a'},
      {"activities/*", 's'}, {"activities", 'z'}, {"", 'z'} } },
  { "people inserted", "INSERT INTO ortto_people(email) VALUES('a@example.com'), ('b@example.com')", NULL,
    "/v1/person/merge", NULL, 2, 2, 1, ROW_PLACES },
  { "people changed", "UPDATE ortto_people SET first_name = 'X' WHERE id IN (SELECT id FROM temp.known)",
    "CREATE TEMP TABLE known AS SELECT id FROM ortto_people ORDER BY id LIMIT 2",
    "/v1/person/merge", NULL, 2, 2, 1, ROW_PLACES },
  { "accounts inserted", "INSERT INTO ortto_accounts(name) VALUES('One'), ('Two')", NULL,
    "/v1/accounts/merge", NULL, 2, 2, 1,
    { {"accounts/*/status", 's'}, {"accounts/*/*", 'a'}, {"accounts/*", 's'}, {"accounts", 'z'}, 
      {"", 'z'} } },
  { "people archived", "DELETE FROM ortto_people WHERE id IN (SELECT id FROM temp.known)",
    "CREATE TEMP TABLE known AS SELECT id FROM ortto_people ORDER BY id LIMIT 2",
    "/v1/person/archive", NULL, 2, 2, 1, { {"scheduled_contacts", 'a'}, {"archived_contacts", 'a'}, 
      {"", 'z'} } },
  { "Segment, an object", COUNTED("ortto_upsert(" THREE ", '{\"to\":\"segment\"}')"), NULL,
    "/v1/identify", "{}", 3, 3, 0, { {"", 'z'} } },
  { "Segment, an error", COUNTED("ortto_upsert(" THREE ", '{\"to\":\"segment\"}')"), NULL,
    "/v1/identify", "{\"errors\":[{\"status\":400,\"message\":\"no\",\"index\":1}]}", 3, 2, 0,
    { {"errors/*/*", 's'}, {"errors/*", 'a'}, {"errors", 'a'}, {"", 'a'} } },
};

static sqlite3 *db_new(void){
  sqlite3 *db = db_open(&sandbox);
  sql_must(db, "SELECT ortto_config('retries', 0), ortto_config('segment_key', 'psb-sandbox-segment-key')");
  return db;
}

/* Gives this body, with this status, in place of the path's answers. */
static void fault(sqlite3 *db, const char *path, int status, const char *body){
  sqlite3_stmt *stmt = NULL;
  sqlite3_prepare_v2(db, "SELECT json_object('kind', 'status', 'path', ?1, 'status', ?2, 'times', -1, "
      "'body', ?3)", -1, &stmt, NULL);
  sqlite3_bind_text(stmt, 1, path, -1, SQLITE_STATIC);
  sqlite3_bind_int(stmt, 2, status);
  sqlite3_bind_text(stmt, 3, body, -1, SQLITE_STATIC);
  assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
  server_do(&sandbox, "/sandbox/fault", (const char *)sqlite3_column_text(stmt, 0));
  sqlite3_finalize(stmt);
}

/* How many records count as delivered. Where it is an error, that is in *why, to be freed by sqlite3_free. */
static int deliver(const question *q, int status, const char *body, char **why){
  sqlite3 *db = db_new();
  *why = NULL;
  if( q->before ) sql_must(db, q->before);
  if( body ) fault(db, q->path, status, body);
  char *said = sql_text(db, q->write);
  int failed = strncmp(said, "error ", 6)==0, n = failed ? 0 : q->commits ? q->records : atoi(said);
  if( failed && strstr(said, ": ortto: ")==NULL ) fail_msg("%s: %s", q->name, said);
  if( q->commits ){
    char *kept = sql_text(db, "SELECT count(*) FROM ortto_failures");
    if( failed && atoi(kept)==0 ) fail_msg("%s: failed, and no record is named: %s", q->name, said);
    if( !failed && atoi(kept)>0 ) fail_msg("%s: no error, but failures", q->name);
    sqlite3_free(kept);
  }
  server_do(&sandbox, "/sandbox/clear", NULL);
  if( failed ) *why = said;
  else sqlite3_free(said);
  db_close(db);
  return n;
}

static char may_of(const question *q, const char *path){
  char above[200];
  snprintf(above, sizeof above, "%s", path);
  for(;;){
    for(int i=0; i<COUNT(q->places) && q->places[i].pattern; i++)
      if( fnmatch(q->places[i].pattern, above, FNM_PATHNAME)==0 ) return q->places[i].may;
    char *slash = strrchr(above, '/');
    if( slash ) *slash = 0;
    else if( *above ) *above = 0;
    else return 0;
  }
}

/* Is too much believed? A row that has an id alone says that there is a contact, which is word enough; and
** an object of Segment's may have any member. */
static int is_believed(const question *q, const node *n, lie what, int n_taken){
  if( what==MISSING && strstr(n->path, "/status") ) return 0;
  if( q->answer && n->parent<0 && (what==IN_OBJECT || what==NO_OBJECT || what==MISSING) ) return 0;
  switch( may_of(q, n->path) ){
    case 'z': return n_taken>0;
    case 's': return n_taken>(q->taken<q->records ? q->taken : q->records-1);
    case 'a': return n_taken>q->records;
    default: return n_taken>q->taken;
  }
}

static int lies_told, lies_believed;

static void lie_about(const question *q, const char *answer, const node *n, lie what){
  char *body = lied(answer, n, what), *why;
  if( body==NULL ) return;
  int taken = deliver(q, 200, body, &why);
  lies_told++;
  if( is_believed(q, n, what, taken) ){
    lies_believed++;
    printf("# %s: %s of '%s': %d of %d taken, by %.300s\n", q->name, lie_names[what], n->path, taken,
        q->records, body);
  }else if( getenv("VERBOSE") ) printf("# %s: %s of '%s': %d taken. %.200s\n", q->name, lie_names[what],
      n->path, taken,
                                       why ? why : "");
  sqlite3_free(why);
  free(body);
}

/* An error that says it succeeded. */
static void error_with_success(const question *q, const char *answer){
  static const int statuses[] = { 300, 302, 304, 400, 404, 405, 409, 410, 413, 418, 422, 451, 500, 501, 503,
      507, 599 };
  for(int i=0; i<COUNT(statuses); i++){
    char *why;
    int taken = deliver(q, statuses[i], answer, &why);
    lies_told++;
    if( taken==0 ){
      sqlite3_free(why);
      continue;
    }
    lies_believed++;
    printf("# %s: %d taken by an answer of status %d\n", q->name, taken, statuses[i]);
  }
}

/* A success that says it failed, beside all that a success has. */
static void success_with_error(const question *q, const char *answer){
  static const char *const words[] = {
    "\"error\":\"it failed\"", "\"error\":{\"message\":\"it failed\"}", "\"errors\":[\"it failed\"]",
    "\"errors\":{\"a\":\"it failed\"}", "\"success\":false", "\"code\":500", "\"status\":400",
        "\"success\":\"false\"",
  };
  for(int i=0; i<COUNT(words); i++) for(int behind=0; behind<2; behind++){
    char *body = NULL, *why;
    int empty = strcmp(answer, "{}")==0, n = (int)strlen(answer);
    while( answer[n-1]!='}' ) n--;
    if( strstr(answer, "\"errors\"") ) continue;
    if( behind ) n = asprintf(&body, "%.*s%s%s}", n-1, answer, empty ? "" : ",", words[i]);
    else n = asprintf(&body, "{%s%s%s", words[i], empty ? "" : ",", answer+1);
    if( n<0 ) fail_msg("no memory");
    int taken = deliver(q, 200, body, &why);
    lies_told++;
    if( taken>0 ){
      lies_believed++;
      printf("# %s: %d taken by %.300s\n", q->name, taken, body);
    }
    sqlite3_free(why);
    free(body);
  }
}

static void test_question(void **state){
  const question *q = *state;
  char *why;
  if( getenv("QUESTION") && strstr(q->name, getenv("QUESTION"))==NULL ) return;
  tree *t = calloc(1, sizeof *t);
  double began = now_ms();
  server_do(&sandbox, "/sandbox/forget", NULL);
  int taken = deliver(q, 200, q->answer, &why);
  if( why || taken!=q->taken ) fail_msg("%s: %d taken, %s", q->name, taken, why ? why : "");
  char *answer = q->answer ? strdup(q->answer) : answer_of(&sandbox, q->path, 0);
  lies_told = lies_believed = 0;
  walk(t, answer, NULL, "", -1);
  for(int i=0; i<t->count; i++) for(int k=0; k<LIES; k++)
    if( is_chosen(t, 60) ) lie_about(q, answer, &t->list[i], (lie)k);
  error_with_success(q, answer);
  success_with_error(q, answer);
  printf("# %s: %d lies at %d places, %.1f s\n", q->name, lies_told, t->count, (now_ms() - began)/1000);
  free(answer);
  free(t);
  if( lies_believed ) fail_msg("%s: %d lies were believed", q->name, lies_believed);
}

static int set_up(void **state){
  (void)state;
  server_start(&sandbox, "--people 8 --accounts 3 --no-archived --custom 0 --account-custom 0");
  return 0;
}

int main(void){
  struct CMUnitTest tests[COUNT(questions)];
  memset(tests, 0, sizeof tests);
  seed_take();
  for(int i=0; i<COUNT(questions); i++)
    tests[i] = (struct CMUnitTest){ questions[i].name, test_question, NULL, NULL,
        (void *)(uintptr_t)&questions[i] };
  curl_global_init(CURL_GLOBAL_DEFAULT);
  return _cmocka_run_group_tests("lies_write", tests, COUNT(questions), set_up, sandbox_stop);
}
