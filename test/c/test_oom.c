/*
** test_oom.c - memory runs out in each kind of statement: allocation N fails, once, or that and all after it.
** Ours, libcurl's, SQLite's: whosever it is.
**
** Then: no crash; what succeeds gives what it gives otherwise, and what does not says that memory ran out; no
** row that is given before the error is wrong; what reached the server is what is meant, or nothing; where
** all is said to have been sent, it was; the connection goes on, and gives what it always gives; and once it
** is closed nothing is left of it.
**
** Without OOM in the environment each kind tries SAMPLE allocations at random; OOM=200 so many, OOM=all every
** one (make oom), OOM=40-60 these; of those OOM_PART=2/6 the second sixth. OOM_SEED=N chooses them as a run
** did that printed that seed; OOM_KIND=WORD only kinds whose names have the word.
*/
#define _GNU_SOURCE
#include "harness.h"
#include "failing.h"
#include <limits.h>

#define SAMPLE 12
#define FILE_NAME "oom.db"
#define TEXT_MAX 200000

typedef struct kind {
  const char *name;
  const char *setup;               /* before; nothing fails in it */
  const char *run[8];              /* here it does; the first error ends it */
  const char *again[5];            /* afterwards on the same connection; where there is none, `run` again */
  int file;                        /* in a database file of its own */
  int load;                        /* opening the connection is part of the run */
  int slow;                        /* a request a second: fewer allocations make a sample */
  int down;                        /* no server answers the run itself, which fails */
  int writes;                      /* the server is as new for each run, and its requests are looked at */
  int outcomes;                    /* a row for each record, which says of itself that it was not sent */
} kind;

typedef struct said {              /* what statements gave: a line for each row */
  size_t n;
  int rc;                          /* of the first that failed */
  char text[TEXT_MAX], message[2000];
} said;

static unsigned long long seed;
static long problems;

static int set_up(void **state){
  (void)state;
  const char *given = getenv("OOM_SEED");
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  seed = given ? strtoull(given, NULL, 10) : (unsigned long long)t.tv_nsec ^ (unsigned long long)t.tv_sec;
  print_message("# OOM_SEED=%llu\n", seed);
  server_start(&sandbox, "--people 12 --no-archived --accounts 4 --audiences 3 --tags 4 --custom 14 "
                         "--account-custom 2");
  return 0;
}

/* ---- one run ------------------------------------------------------------------------------------------- */

static void say(said *s, const char *text){
  size_t n = strlen(text);
  if( s->n + n + 2>TEXT_MAX ) fail_msg("a kind gives more than %d bytes", TEXT_MAX);
  memcpy(s->text + s->n, text, n + 1);
  s->n += n;
}

static void say_row(said *s, sqlite3_stmt *stmt){
  int armed = allocator.armed;
  allocator.armed = 0;             /* what this test needs for itself does not fail */
  for(int i=0; i<sqlite3_column_count(stmt); i++){
    const char *text = (const char *)sqlite3_column_text(stmt, i);
    say(s, text ? text : "NULL");
    say(s, "|");
  }
  say(s, "\n");
  allocator.armed = armed;
}

static int failed(said *s, int rc, const char *message){
  int armed = allocator.armed;
  allocator.armed = 0;
  s->rc = rc;
  snprintf(s->message, sizeof s->message, "%s", message ? message : "");
  allocator.armed = armed;
  return rc;
}

static int run_one(sqlite3 *db, const char *sql, said *s){
  sqlite3_stmt *stmt = NULL;
  int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
  while( rc==SQLITE_OK && (rc = sqlite3_step(stmt))==SQLITE_ROW ){
    say_row(s, stmt);
    rc = SQLITE_OK;
  }
  if( rc!=SQLITE_OK && rc!=SQLITE_DONE ) failed(s, rc, sqlite3_errmsg(db));
  sqlite3_finalize(stmt);
  return s->rc;
}

static void run_all(sqlite3 *db, const char *const *sql, int most, said *s){
  s->n = 0;
  s->rc = SQLITE_OK;
  s->text[0] = s->message[0] = 0;
  for(int i=0; i<most && sql[i] && s->rc==SQLITE_OK; i++) run_one(db, sql[i], s);
}

/* In pieces that can fail each. NULL: it was said why. */
static sqlite3 *connection_open(const kind *k, said *s){
  sqlite3 *db = NULL;
  char *why = NULL, config[300];
  const char *ext = getenv("EXT");
  s->rc = SQLITE_OK;
  int rc = sqlite3_open(k->file ? FILE_NAME : ":memory:", &db);
  if( rc!=SQLITE_OK ) failed(s, rc, sqlite3_errmsg(db));
  if( rc==SQLITE_OK ){
    sqlite3_db_config(db, SQLITE_DBCONFIG_LOOKASIDE, NULL, 0, 0);
    sqlite3_enable_load_extension(db, 1);
    rc = sqlite3_load_extension(db, ext ? ext : "./ortto.so", "sqlite3_ortto_init", &why);
    if( rc!=SQLITE_OK ) failed(s, rc==SQLITE_ERROR && why==NULL ? SQLITE_NOMEM : rc, why);
    sqlite3_free(why);
  }
  snprintf(config, sizeof config, "SELECT ortto_config('api_url', '%s'), ortto_config('key', 'sandbox-key'), "
           "ortto_config('rate', 0), ortto_config('retries', 0), ortto_config('timeout_ms', 1500), "
           "ortto_config('segment_key', 'psb-sandbox-segment-key')", sandbox.url);
  if( rc==SQLITE_OK ) rc = run_one(db, config, s);
  if( rc==SQLITE_OK ) return db;
  sqlite3_close(db);
  return NULL;
}

/* ---- what reached the server --------------------------------------------------------------------------- */

#define BODIES 40

typedef struct bodies {
  int n;
  char *body[BODIES];
} bodies;

static void bodies_free(bodies *b){
  for(int i=0; i<b->n; i++) free(b->body[i]);
  b->n = 0;
}

/* Is it, but for records that are left out since there was no memory for them, one of these? */
static int body_is_part(const bodies *b, const char *body){
  const char *from = strchr(body, '['), *to = from ? strstr(body, "],\"merge_by\"") : NULL;
  if( from && to==NULL ) to = strrchr(body, ']');
  char *records = from && to>from ? strndup(from + 1, (size_t)(to - from) - 1) : NULL, *next = records;
  int all = records!=NULL;
  for(char *record=records; record && all; record=next){
    next = strstr(record, "},{\"");
    if( next ) *next = 0;
    if( next ) next += 2;
    int found = 0;
    for(int i=0; i<b->n; i++) found |= strstr(b->body[i], record)!=NULL;
    all &= found;
  }
  free(records);
  return all;
}

static int body_is_in(const bodies *b, const char *body){
  for(int i=0; i<b->n; i++) if( strcmp(b->body[i], body)==0 ) return 1;
  return 0;
}

static int is_write(const char *line){
  static const char *const paths[] = { "/merge\"", "/archive\"", "/activities/create\"", "/v1/track\"",
                                       "/v1/identify\"", "/v1/batch\"", "/create\"", NULL };
  for(int i=0; paths[i]; i++) if( strstr(line, paths[i]) ) return 1;
  return 0;
}

/* Each once: libcurl may send again on a new connection. */
static void bodies_get(bodies *b){
  char *all = server_ask(&sandbox, "/sandbox/requests?full", NULL), *rest;
  b->n = 0;
  for(char *line=strtok_r(all, "\n", &rest); line && b->n<BODIES; line=strtok_r(NULL, "\n", &rest)){
    char *at = strstr(line, "\"body\":");
    size_t n = strlen(line);
    if( at==NULL || !is_write(line) ) continue;
    while( n && strchr("],", line[n-1]) ) line[--n] = 0;
    b->body[b->n] = plain_body(at);
    if( body_is_in(b, b->body[b->n]) ) free(b->body[b->n]);
    else b->n++;
  }
  free(all);
}

/* ---- the sweep ----------------------------------------------------------------------------------------- */

static said got, after, expected, expected_after;
static bodies meant;

static void problem(const kind *k, long n, int for_good, const char *what, const char *detail){
  if( ++problems<=20 )
    print_message("# %s, allocation %ld%s: %s: %.500s\n", k->name, n, for_good ? " and all after it" :
        "", what,
                  detail);
}

/* From a little before the place where they part. */
static const char *parting(const char *text, const char *from){
  size_t i = 0;
  while( text[i] && text[i]==from[i] ) i++;
  return text + (i<40 ? 0 : i - 40);
}

static int is_told(const said *s){
  static const char *const words[] = {
    "memory",
    "api_url cannot be",           /* libcurl calls an address bad that it has no memory for */
    "no whole answer",             /* libcurl is told of nothing, or of a broken connection */
    NULL };
  if( (s->rc & 0xff)==SQLITE_NOMEM || s->rc==SQLITE_IOERR_NOMEM ) return 1;
  for(int i=0; words[i]; i++) if( strstr(s->message, words[i]) ) return 1;
  return 0;
}

/* The first half: the run itself. Returns 0 where the connection could not be had. */
static sqlite3 *run_failing(const kind *k, long n, int for_good, said *s, long *left){
  sqlite3 *db = NULL;
  if( !k->load && (db = connection_open(k, s))==NULL ) fail_msg("%s: %s", k->name, s->message);
  if( k->setup && sql_run(db, k->setup)!=SQLITE_OK && strcmp(k->name, "failures")!=0 ) fail_msg("%s: %s",
      k->name, sqlite3_errmsg(db));
  if( k->writes ) server_do(&sandbox, "/sandbox/forget", NULL);
  if( k->down ) server_do(&sandbox, "/sandbox/fault", "{\"kind\":\"status\",\"status\":503,\"times\":100}");
  s->rc = SQLITE_OK;
  fail_allocation(n, for_good);
  if( k->load ) db = connection_open(k, s);
  if( s->rc==SQLITE_OK ) run_all(db, k->run, 8, s);
  allocator.armed = 0;
  *left = allocator.left;
  return db;
}

static void run_after(const kind *k, sqlite3 *db, said *s){
  if( !sqlite3_get_autocommit(db) && sql_run(db, "ROLLBACK")!=SQLITE_OK )
    fail_msg("%s: ROLLBACK: %s", k->name, sqlite3_errmsg(db));
  if( k->writes ) server_do(&sandbox, "/sandbox/reset", NULL);
  if( k->again[0] ) run_all(db, k->again, 5, s);
  else run_all(db, k->run, 8, s);
}

/* Takes away the rows that say of themselves that they were not sent, or perhaps not; the others must stand
** in what is expected. */
static int rows_are_told(const char *text){
  char *copy = strdup(text), *rest;
  int told = 0, other = 0;
  for(char *line=strtok_r(copy, "\n", &rest); line; line=strtok_r(NULL, "\n", &rest)){
    int is = strstr(line, "NOT_SENT") || strstr(line, "UNKNOWN_OUTCOME");
    told += is;
    other += !is && strstr(expected.text, line)==NULL;
  }
  free(copy);
  return told && !other;
}

static void compare(const kind *k, long n, int for_good){
  if( k->outcomes && got.rc==SQLITE_OK && rows_are_told(got.text) ) got.rc = SQLITE_NOMEM;
  if( got.rc==SQLITE_OK && (k->down || strcmp(got.text, expected.text)!=0) )
    problem(k, n, for_good, "succeeds with another result", parting(got.text, expected.text));
  if( got.rc!=SQLITE_OK && !k->outcomes && strncmp(got.text, expected.text, got.n)!=0 )
    problem(k, n, for_good, "gives wrong rows before it fails", parting(got.text, expected.text));
  if( got.rc!=SQLITE_OK && !k->down && !is_told(&got) ) problem(k, n, for_good, "says", got.message);
}

static void compare_bodies(const kind *k, long n, int for_good){
  bodies sent;
  bodies_get(&sent);
  for(int i=0; i<sent.n; i++)
    if( !body_is_in(&meant, sent.body[i]) && !body_is_part(&meant, sent.body[i]) )
      problem(k, n, for_good, "sends", parting(sent.body[i], meant.n ? meant.body[0] : ""));
  for(int i=0; got.rc==SQLITE_OK && i<meant.n; i++)
    if( !body_is_in(&sent, meant.body[i]) )
      problem(k, n, for_good, "succeeds and has not sent", meant.body[i]);
  bodies_free(&sent);
}

/* Allocation n fails. Returns 0 where there were not so many. */
static int try_one(const kind *k, long n, int for_good, long *leak){
  long left, before;
  database_remove(FILE_NAME);
  if( k->writes ) server_do(&sandbox, "/sandbox/reset", NULL);
  before = live_blocks;
  sqlite3 *db = run_failing(k, n, for_good, &got, &left);
  if( n>0 ) compare(k, n, for_good);
  if( n>0 && k->writes ) compare_bodies(k, n, for_good);
  if( n==0 && got.rc!=SQLITE_OK && !k->down ) fail_msg("%s: %s", k->name, got.message);
  if( db ){
    run_after(k, db, &after);
    if( n>0 && (after.rc!=expected_after.rc || strcmp(after.text, expected_after.text)!=0) )
      problem(k, n, for_good, "then gives", after.rc ? after.message : parting(after.text,
      expected_after.text));
    if( sqlite3_close(db)!=SQLITE_OK ) problem(k, n, for_good, "is not closed", sqlite3_errmsg(db));
  }
  *leak = live_blocks - before;
  return left<=0;
}

/* Blocks that stay for good, such as a buffer of libcurl's, are no leak: one leaks again and again. */
static int try_allocation(const kind *k, long n, int for_good){
  long leak = 0, times = 0;
  int reached = try_one(k, n, for_good, &leak);
  while( leak>0 && times++<2 ) try_one(k, n, for_good, &leak);
  if( leak>0 ){
    char text[40];
    snprintf(text, sizeof text, "%ld blocks", leak);
    problem(k, n, for_good, "leaks", text);
  }
  return reached;
}

/* What it gives, and how many allocations it takes, when nothing fails. */
static long reference(const kind *k){
  long leak;
  for(int i=0; i<3; i++) try_one(k, 0, 0, &leak);    /* what is made once is there from here on */
  if( leak>0 ) fail_msg("%s: %ld blocks are left when nothing fails", k->name, leak);
  memcpy(&expected, &got, sizeof got);
  memcpy(&expected_after, &after, sizeof after);
  long count = -allocator.left;
  if( k->writes ){
    server_do(&sandbox, "/sandbox/reset", NULL);
    sqlite3 *db = run_failing(k, 0, 0, &got, &leak);
    bodies_free(&meant);
    bodies_get(&meant);
    sqlite3_close(db);
  }
  return count;
}

static unsigned long long next_random(void){
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return seed;
}

static void sweep_all(const kind *k, int for_good, long from, long to, long *tried){
  const char *given = getenv("OOM_PART");
  long part = 1, parts = 1;
  if( given && (sscanf(given, "%ld/%ld", &part, &parts)!=2 || part<1 || parts<part) )
    fail_msg("OOM_PART=%s", given);
  for(long n=from+part-1; n<=to && try_allocation(k, n, for_good); n+=parts) ++*tried;
}

static void sweep_sample(const kind *k, int for_good, long all, long sample, long *tried){
  for(long i=0; i<sample; i++){
    try_allocation(k, 1 + (long)(next_random() % (unsigned long long)all), for_good);
    ++*tried;
  }
}

static void sweep(void **state){
  const kind *k = *state;
  const char *how = getenv("OOM"), *only = getenv("OOM_KIND");
  if( !CAN_FAIL || (only && !strstr(k->name, only)) ) skip();
  long all = reference(k), tried = 0;
  long sample = (how ? atol(how) : SAMPLE)/(k->slow ? 6 : 1);
  double begin = now_ms();
  problems = 0;
  if( seed==0 ) seed = 1;
  for(int for_good=0; for_good<2; for_good++){
    const char *to = how ? strchr(how, '-') : NULL;
    if( how && strcmp(how, "all")==0 ) sweep_all(k, for_good, 1, LONG_MAX, &tried);
    else if( to ) sweep_all(k, for_good, atol(how), atol(to+1), &tried);
    else sweep_sample(k, for_good, all, sample, &tried);
  }
  print_message("# %s: %ld allocations, %ld tried, %.0f s\n", k->name, all, tried, (now_ms() - begin)/1000);
  database_remove(FILE_NAME);
  if( problems ) fail_msg("%s: %ld problems", k->name, problems);
}

/* ---- the kinds ----------------------------------------------------------------------------------------- */

#define IDS "CREATE TEMP TABLE ids AS SELECT id FROM ortto_people LIMIT 3;"
#define SUM(table) "SELECT count(*), sum(length(id)), sum(length(email)), sum(length(tags)), " \
    "sum(length(created)) FROM " \
  table
#define OUTCOMES(call) "SELECT value->>'status', value->>'result', value->>'errortype', " \
    "value->>'errormessage' " \
  "FROM json_each(" call ")"
/* The outcomes are looked at as they are: a call that succeeds has to say of each record what became of it.
** */
#define CONTACTS "json_array(json_object('user_id', 'u1', 'tags', json_array('VIP'), 'traits', json_object(" \
  "'firstName', 'Ann', 'email', 'ann@t.example', 'birthday', '1990-05-17', 'phone', '+61401234567')), " \
  "json_object('user_id', 'u2', 'traits', json_object('nobody', 1)), json_object('user_id', 'u3', " \
      "'fields', " \
  "json_object('city', 'Oslo')))"
#define EVENTS "json_array(json_object('user_id', 'u1', 'event', 'flight_booked', 'traits', " \
    "json_object('email', " \
  "'ann@t.example'), 'properties', json_object('carrier', 'X', 'Bags', 2)), json_object('user_id', 'u2', " \
  "'event', 'no such thing'))"

/* NOLINTBEGIN(bugprone-suspicious-missing-comma): statements are longer than lines */
static const kind kinds[] = {
  { .name = "load", .load = 1, .run = { "SELECT ortto_version() > ''", "SELECT ortto_config('retries')" } },
  { .name = "settings", .run = { "SELECT ortto_config('region', 'eu'), ortto_config('api_url', NULL), "
      "ortto_config('key'), ortto_config('api_url')", "SELECT ortto_config('region', NULL)" } },
  { .name = "check", .run = { "SELECT ortto_check()", "SELECT ortto_check('segment')" } },
  { .name = "describe", .run = { "SELECT cid, name, type FROM pragma_table_xinfo('ortto_people')",
      "SELECT cid, name, type FROM pragma_table_xinfo('ortto_accounts')" } },
  { .name = "create", .run = { "DROP TABLE IF EXISTS temp.p", "CREATE VIRTUAL TABLE temp.p USING ortto(table="
      "people, columns=ids, fields='str::first str::email', rate=5)", "SELECT * FROM p" } },
  { .name = "created, and renamed", .file = 1, .run = { "CREATE VIRTUAL TABLE IF NOT EXISTS p USING ortto("
      "table=people)", "ALTER TABLE p RENAME TO q", "SELECT email FROM q", "DROP TABLE q" },
    .again = { "DROP TABLE IF EXISTS q", "CREATE VIRTUAL TABLE IF NOT EXISTS p USING "
        "ortto(table=people)", "SELECT "
      "email FROM p" } },
  { .name = "scan", .run = { "SELECT * FROM ortto_people" } },
  { .name = "scan of accounts", .run = { "SELECT * FROM ortto_accounts" } },
  { .name = "scan of lists", .run = { "SELECT * FROM ortto_audiences", "SELECT * FROM ortto_tags",
      "SELECT * FROM ortto_person_custom_fields ORDER BY id",
      "SELECT entity, id, choices FROM ortto_fields ORDER "
      "BY id" } },
  { .name = "count", .run = { "SELECT count(*) FROM ortto_people", "SELECT EXISTS (SELECT 1 FROM "
      "ortto_accounts)" } },
  { .name = "filter", .run = { "SELECT id, email FROM ortto_people WHERE first_name IN ('Emma', 'Tom', "
      "'Ann') AND "
      "email IS NOT NULL", "SELECT id FROM ortto_people WHERE city = 'Oslo' OR last_name = 'Ivanova'" } },
  { .name = "steering", .run = { "SELECT email, q FROM ortto_people WHERE q = 'a' AND filter = "
      "'{\"$has_any_value\":{\"field_id\":\"str::email\"}}' AND sort = 'email desc'",
      "SELECT email, audience FROM "
      "ortto_people WHERE audience IN (SELECT id FROM ortto_audiences)", "SELECT count(*) FROM ortto_people "
      "WHERE scope = 'archived'" } },
  { .name = "ids", .setup = IDS, .run = { "SELECT id, email, tags FROM ortto_people WHERE id IN (SELECT "
      "id FROM "
      "ids)", "SELECT email FROM ids JOIN ortto_people USING(id)" } },
  { .name = "join", .run = { "SELECT p.email, a.name FROM ortto_people p JOIN ortto_accounts a ON a.id = "
      "p.account_id ORDER BY 1", "SELECT d.name, (SELECT count(*) FROM ortto_people p WHERE p.city IS NOT "
      "d.name) FROM ortto_audiences d" } },
  { .name = "feed", .slow = 1, .setup = IDS, .run = { "SELECT id, attributes, text FROM ortto_activities "
      "WHERE person_id IN (SELECT id FROM ids LIMIT 1)" },
    .again = { "SELECT count(*) FROM ortto_tags" } },       /* another feed would be a second more */
  { .name = "through a view", .setup = "CREATE TEMP VIEW people AS SELECT email, audience FROM ortto_people",
      .run = { "SELECT email FROM people", "SELECT count(*) FROM people WHERE email IS NOT NULL" } },
  { .name = "plan", .run = { "EXPLAIN QUERY PLAN SELECT * FROM ortto_people WHERE email IN ('a', 'b') AND "
      "city IS "
      "NULL LIMIT 3" } },
  { .name = "log", .setup = "SELECT count(*) FROM ortto_people; SELECT id FROM ortto_tags", .run = { "SELECT "
      "method, path, status, attempt, rows FROM ortto_log" } },
  { .name = "first sync", .file = 1, .run = { "SELECT ortto_sync('ortto_people', 'people') ->> 'rows'",
      SUM("people"), "SELECT state FROM ortto_sync_state ORDER BY run DESC LIMIT 1" } },
  { .name = "second sync", .file = 1, .setup = "SELECT ortto_sync('ortto_people', 'people'); UPDATE "
      "people SET email = 'x' WHERE rowid < 3; DELETE FROM people WHERE rowid > 9; INSERT INTO people(id) "
      "VALUES('gone')", .run = { "SELECT ortto_sync('ortto_people', 'people') ->> 'rows'", SUM("people") } },
  { .name = "sync resumed", .file = 1, .setup = "SELECT state FROM ortto_sync('ortto_people', 'people') "
      "LIMIT 1",
    .run = { "SELECT ortto_sync('ortto_people', 'people') ->> 'rows'", SUM("people") } },
  { .name = "compared sync resumed", .file = 1, .setup = "SELECT ortto_sync('ortto_people', 'people'); "
      "UPDATE people SET email = 'x' WHERE rowid < 3; DELETE FROM people WHERE rowid > 9; "
      "SELECT state FROM ortto_sync('ortto_people', 'people') LIMIT 1",
    .run = { "SELECT ortto_sync('ortto_people', 'people') ->> 'rows'", SUM("people") } },
  { .name = "compared sync outdated", .file = 1, .setup = "SELECT ortto_sync('ortto_people', 'people'); "
      "SELECT state FROM ortto_sync('ortto_people', 'people') LIMIT 1; "
      "UPDATE people SET email = 'x' WHERE rowid < 3; INSERT INTO people(id) VALUES('gone')",
    .run = { "SELECT ortto_sync('ortto_people', 'people') ->> 'rows'", SUM("people") } },
  { .name = "sync of changes", .file = 1, .setup = "SELECT ortto_sync('ortto_people', 'people')",
      .run = { "SELECT "
      "ortto_sync('ortto_people', 'people', 'changes') ->> 'state'", SUM("people") } },
  { .name = "sync as rows", .file = 1, .run = { "SELECT max(rows), max(message) FROM "
      "ortto_sync('ortto_accounts', "
      "'accounts')", "SELECT count(*), sum(length(id)), sum(length(name)) FROM accounts" } },
  { .name = "sync of all", .file = 1, .run = { "SELECT value->>'rows' FROM json_each(ortto_sync('ortto_tags,"
      "ortto_audiences,ortto_fields', 'crm_'))", "SELECT count(*), sum(length(id)) FROM crm_fields",
      "SELECT count(*), "
      "sum(length(id)) FROM crm_tags" } },
  { .name = "sync in a transaction", .file = 1, .run = { "BEGIN", "CREATE TABLE mine AS SELECT 1 AS a",
      "SELECT "
      "ortto_sync('ortto_accounts', 'accounts') ->> 'rows'", "COMMIT",
      "SELECT count(*) FROM accounts, mine" },
    .again = { "DROP TABLE IF EXISTS mine", "SELECT ortto_sync('ortto_accounts', 'accounts') ->> 'rows'" } },
  { .name = "upsert", .writes = 1, .outcomes = 1, .run = { OUTCOMES("ortto_upsert(" CONTACTS ")") } },
  { .name = "upsert that creates", .writes = 1, .outcomes = 1, .run = {
      OUTCOMES("ortto_upsert(json_array(json_object('user_id', "
      "'u1', 'traits', json_object('Shoe Size', 42))), '{\"create\":true}')") },
    .again = { "SELECT count(*) FROM ortto_tags" } },
  { .name = "track", .writes = 1, .outcomes = 1, .run = { OUTCOMES("ortto_track(" EVENTS ")") },
    .again = { "SELECT count(*) FROM ortto_tags" } },
  { .name = "track by a trigger", .writes = 1, .outcomes = 1, .setup = "CREATE TABLE booking(event); CREATE "
      "TABLE said(status, result, errortype, message); CREATE TEMP TRIGGER booked AFTER INSERT ON "
      "main.booking BEGIN INSERT INTO said " OUTCOMES("ortto_track(json_array(json(NEW.event)))") "; END",
    .run = { "INSERT INTO booking SELECT value FROM json_each(" EVENTS ")", "SELECT * FROM said" },
    .again = { "SELECT count(*) FROM ortto_tags" } },
  { .name = "track to segment", .writes = 1, .outcomes = 1, .run = {
      OUTCOMES("ortto_track(" EVENTS ", '{\"to\":\"segment\"}')") },
    .again = { "SELECT count(*) FROM ortto_tags" } },
  { .name = "upsert to segment", .writes = 1, .outcomes = 1, .run = {
      OUTCOMES("ortto_upsert(json_array(json_object('user_id', "
      "'u1', 'traits', json_object('a', 1), 'audience_name', 'VIPs')), '{\"to\":\"segment\"}')") },
    .again = { "SELECT count(*) FROM ortto_tags" } },
  { .name = "one contact", .writes = 1, .run = { "SELECT "
      "ortto_upsert('{\"user_id\":\"u1\",\"traits\":{\"email\":"
      "\"u@t.example\"}}') ->> 'status'" } },
  { .name = "insert", .writes = 1, .run = { "INSERT INTO ortto_people(email, first_name, tags, birthday) "
      "VALUES("
      "'new@t.example', 'New', '[\"VIP\"]', '1990-05-17'), ('two@t.example', 'Two', NULL, NULL)" } },
  { .name = "update", .writes = 1, .run = { "UPDATE ortto_people SET first_name = 'Changed', tags = "
      "'[\"VIP\"]' "
      "WHERE email IS NOT NULL" } },
  { .name = "delete", .writes = 1, .setup = IDS, .run = { "DELETE FROM ortto_people WHERE id IN (SELECT "
      "id FROM "
      "ids)" } },
  { .name = "transaction", .writes = 1, .setup = IDS "CREATE TABLE outbox(email); INSERT INTO outbox "
      "VALUES('a@t.example'), "
      "('b@t.example')", .run = { "BEGIN", "INSERT INTO ortto_people(email) SELECT email FROM outbox",
      "DELETE FROM "
      "outbox", "UPDATE ortto_people SET city = 'Oslo' WHERE id = (SELECT min(id) FROM ids)",
      "INSERT INTO ortto_accounts(name) VALUES('Firm')", "COMMIT", "SELECT count(*) FROM outbox" },
    .again = { "SELECT count(*) FROM ortto_pending", "INSERT INTO ortto_people(email) "
        "VALUES('late@t.example')" } },
  { .name = "savepoints", .writes = 1, .run = { "BEGIN", "INSERT INTO ortto_people(email) "
      "VALUES('a@t.example')",
      "SAVEPOINT s", "INSERT INTO ortto_people(email) VALUES('b@t.example')", "ROLLBACK TO s", "INSERT INTO "
      "ortto_people(email) VALUES('c@t.example')", "RELEASE s", "COMMIT" } },
  { .name = "rolled back", .writes = 1, .run = { "BEGIN", "INSERT INTO ortto_people(email) "
      "VALUES('a@t.example')",
      "UPDATE ortto_people SET city = 'Oslo' WHERE email IS NOT NULL",
      "SELECT operation, email, changes FROM "
      "ortto_pending", "ROLLBACK" } },
  { .name = "commit that fails", .writes = 1, .down = 1, .setup = "BEGIN; INSERT INTO ortto_people(email) "
      "VALUES("
      "'a@t.example'), ('b@t.example')", .run = { "COMMIT" }, .again = { "SELECT count(*) FROM ortto_pending",
      "SELECT email, status FROM ortto_failures WHERE email NOT IN ('a@t.example', 'b@t.example')" } },
  { .name = "failures", .writes = 1, .setup = "INSERT INTO ortto_people(email, first_name) VALUES('bad', "
      "'x')",
    .run = { "SELECT operation, email, status, message FROM ortto_failures", "DELETE FROM ortto_failures" },
    .again = { "DELETE FROM ortto_failures", "SELECT count(*) FROM ortto_failures" } },
  { .name = "pending", .writes = 1, .setup = "SELECT ortto_config('max_updates', 1); BEGIN; UPDATE "
      "ortto_people SET city = 'Oslo', birthday = '1990-05-17', phone_number = '+61 401 234 567', tags = "
      "'[\"VIP\"]'",
    .run = { "SELECT operation, changes FROM ortto_pending ORDER BY id" }, .again = { "SELECT count(*) FROM "
      "ortto_pending" } },
};
/* NOLINTEND(bugprone-suspicious-missing-comma) */

int main(void){
  enum { KINDS = sizeof kinds/sizeof kinds[0] };
  struct CMUnitTest tests[KINDS];
  for(int i=0; i<KINDS; i++)
    tests[i] = (struct CMUnitTest){ kinds[i].name, sweep, NULL, NULL, (void *)(uintptr_t)&kinds[i] };
  return _cmocka_run_group_tests("oom", tests, KINDS, set_up, sandbox_stop);
}
