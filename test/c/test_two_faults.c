/*
** test_two_faults.c - two things go wrong at once: every pair of what the server may do to a list that is
** read page by page, during every kind of reading. What comes of it is all who were there all the time,
** nobody twice, nobody who never was; or an error that says "ortto: ", an unchanged target, and at the next
** call, when all is well again, the right rows.
** env: ORTTO_RATE=0 ORTTO_RETRIES=1
**
** Settings, from the environment:
**   PAIRS=all       every pair during every reading (some minutes); else a share of them
**   SEED=n          which share (printed; default: a fixed one)
**   PAIR="a, b"     those whose name holds this text, e.g. PAIR="a sync: a lost row, "
**   VERBOSE=1       print what came of each
*/
#define _GNU_SOURCE
#include "lies.h"
#include "rows.h"

/* ---- what may go wrong ------------------------------------------------------------------------------- */

typedef struct trouble {
  const char *name;
  const char *fault;             /* JSON without its braces and without the path; NULL: a guess */
  const char *guess, *reading, *usual;   /* or both */
  int changes;                   /* records come or go */
  int mild;                      /* with another such there is no reason for an error */
} trouble;

#define FAULT(name, text) { name, text, NULL, NULL, NULL, 0, 0 }
#define MILD(name, text) { name, text, NULL, NULL, NULL, 0, 1 }
#define CHANGE(name, text) { name, "\"kind\":\"change\"," text, NULL, NULL, NULL, 1, 1 }
#define LIVE(name, text) { name, "\"kind\":\"change\"," text, "cursor", "live", "snapshot", 1, 1 }
#define GUESS(name, reading, usual, mild) { name "=" reading, NULL, name, reading, usual, 0, mild }

#define SWAPS "one comes to a living list and one goes before each page"

static const trouble troubles[] = {
  MILD("nothing", NULL),
  MILD("the first page lacks a row", "\"kind\":\"lost_row\""),
  MILD("the second page lacks a row", "\"kind\":\"lost_row\",\"after\":1"),
  MILD("the third page lacks a row", "\"kind\":\"lost_row\",\"after\":2"),
  FAULT("two pages lack a row", "\"kind\":\"lost_row\",\"after\":1,\"times\":2"),
  FAULT("every page lacks a row", "\"kind\":\"lost_row\",\"times\":-1"),
  FAULT("pages lack a row from the third on", "\"kind\":\"lost_row\",\"after\":2,\"times\":-1"),
  MILD("a short page", "\"kind\":\"short_page\",\"rows\":333,\"after\":1"),
  MILD("short pages", "\"kind\":\"short_page\",\"rows\":400,\"times\":-1"),
  MILD("a new cursor", "\"kind\":\"fresh_cursor\",\"after\":1"),
  MILD("a new cursor on every page", "\"kind\":\"fresh_cursor\",\"times\":-1"),
  MILD("no cursor", "\"kind\":\"zero_cursor\",\"times\":-1"),
  MILD("no cursor on the second page", "\"kind\":\"zero_cursor\",\"after\":1"),
  FAULT("the cursor is forgotten", "\"kind\":\"forget_cursor\",\"after\":1"),
  MILD("a row twice", "\"kind\":\"repeat_id\",\"times\":-1"),
  MILD("the list moves by one", "\"kind\":\"repeat_id\",\"shift\":true,\"after\":1"),
  FAULT("the page before again", "\"kind\":\"same_page\",\"after\":1"),
  FAULT("an offset that does not grow", "\"kind\":\"stuck_offset\",\"after\":1"),
  MILD("no meta", "\"kind\":\"no_meta\",\"times\":-1"),
  MILD("no meta on the second page", "\"kind\":\"no_meta\",\"after\":1"),
  FAULT("no next_offset", "\"kind\":\"missing\",\"member\":\"next_offset\",\"after\":1"),
  MILD("a reset", "\"kind\":\"reset\",\"after\":1"),
  MILD("a late page", "\"kind\":\"latency\",\"ms\":40,\"after\":1"),
  CHANGE("one comes", "\"add\":1,\"after\":1"),
  CHANGE("one comes before each page", "\"add\":1,\"after\":1,\"times\":-1"),
  CHANGE("one goes", "\"remove\":1,\"newest\":true,\"after\":1"),
  CHANGE("ten in the middle go", "\"remove\":10,\"after\":1"),
  CHANGE("one goes before each page", "\"remove\":1,\"newest\":true,\"after\":1,\"times\":3"),
  LIVE("one comes to a living list", "\"add\":1,\"after\":1"),
  LIVE("one comes to a living list before each page", "\"add\":1,\"after\":1,\"times\":-1"),
  LIVE("one goes from a living list", "\"remove\":1,\"newest\":true,\"after\":1"),
  LIVE("ten in the middle of a living list go", "\"remove\":10,\"after\":1"),
  LIVE("one comes to a living list and one goes", "\"add\":1,\"remove\":1,\"after\":1"),
  LIVE(SWAPS, "\"add\":1,\"remove\":1,\"after\":1,\"times\":-1"),
  GUESS("cursor", "live", "snapshot", 1),
  GUESS("last-cursor", "zero", "id", 1),
  GUESS("last-offset", "zero", "sum", 1),
  GUESS("last-offset", "absent", "sum", 1),
  GUESS("last-more", "absent", "false", 0),
  GUESS("row-order", "oldest", "newest", 1),
  GUESS("matches", "absent", "sent", 1),
  GUESS("total-name", "total_accounts", "total_organizations", 1),
};

/* ---- what is read ------------------------------------------------------------------------------------ */

typedef struct reading {
  const char *name;
  const char *path;
  const char *truth;             /* its rows, of a read where all is well */
  const char *before;            /* SQL, where all is well; "1" and a statement: its first row only */
  const char *act;               /* a sync; NULL: what is read is the truth's own statement */
  const char *result;            /* then this is what it must give; count: a number of rows */
  int edits;                     /* people are edited behind `before` */
} reading;

#define PEOPLE_GET "/v1/person/get"
#define PEOPLE "SELECT id||' '||ifnull(first_name,'-') FROM ortto_people"
#define COPIED "SELECT id||' '||ifnull(first_name,'-') FROM p"
#define NAMES "CREATE VIRTUAL TABLE temp.few USING ortto(table=people, fields='str::first,e')"

static const reading readings[] = {
  { "a scan", PEOPLE_GET, PEOPLE, NULL, NULL, NULL, 0 },
  { "a scan of accounts", "/v1/accounts/get", "SELECT id||' '||ifnull(name,'-') FROM ortto_accounts", NULL,
    NULL, NULL, 0 },
  { "a scan by a filter", PEOPLE_GET, PEOPLE " WHERE email IS NOT NULL", NULL, NULL, NULL, 0 },
  { "a scan in an order", PEOPLE_GET, PEOPLE " WHERE sort='email asc'", NULL, NULL, NULL, 0 },
  { "a scan of the archived", PEOPLE_GET, PEOPLE " WHERE scope='archived'", NULL, NULL, NULL, 0 },
  { "an audience", PEOPLE_GET, PEOPLE " WHERE audience=(SELECT id FROM ortto_audiences ORDER BY members "
    "DESC LIMIT 1)", NULL, NULL, NULL, 0 },
  { "two audiences", PEOPLE_GET, PEOPLE " WHERE audience IN (SELECT id FROM ortto_audiences ORDER BY "
    "members DESC LIMIT 2)", NULL, NULL, NULL, 0 },
  { "members", PEOPLE_GET, "SELECT audience_id||person_id FROM ortto_audience_members", NULL, NULL, NULL, 0 },
  { "a count", PEOPLE_GET, "SELECT id FROM ortto_people", NULL, NULL, "SELECT count(*) FROM ortto_people",
    0 },
  { "a count of accounts", "/v1/accounts/get", "SELECT id FROM ortto_accounts", NULL, NULL,
    "SELECT count(*) FROM ortto_accounts", 0 },
  { "a look-up of many", PEOPLE_GET, PEOPLE " WHERE email<'b'",
    "CREATE TEMP TABLE keys AS SELECT email FROM ortto_people WHERE email<'b'", NULL,
    PEOPLE " WHERE email IN (SELECT email FROM keys)", 0 },
  { "a list that is read once", PEOPLE_GET, "SELECT id FROM ortto_people WHERE first_name IS NOT NULL",
    "CREATE TEMP TABLE two AS SELECT NULL AS x UNION ALL SELECT 'x'", NULL,
    "SELECT p.id FROM two CROSS JOIN ortto_people p ON p.first_name<>x OR x IS NULL AND p.first_name='No'",
    0 },
  { "a first sync", PEOPLE_GET, PEOPLE, NAMES, "SELECT ortto_sync('few','main.p')", COPIED, 0 },
  { "a first sync of accounts", "/v1/accounts/get", "SELECT id||' '||ifnull(name,'-') FROM ortto_accounts",
    NULL, "SELECT ortto_sync('ortto_accounts','main.p')", "SELECT id||' '||ifnull(name,'-') FROM p", 0 },
  { "a sync, row by row", PEOPLE_GET, PEOPLE, NAMES, "SELECT * FROM ortto_sync('few','main.p')", COPIED, 0 },
  { "a second sync", PEOPLE_GET, PEOPLE, NAMES "; SELECT ortto_sync('few','main.p')",
    "SELECT ortto_sync('few','main.p')", COPIED, 1 },
  { "a second sync on record", PEOPLE_GET, PEOPLE, NAMES "; SELECT ortto_sync('few','main.p')",
    "SELECT ortto_sync('few','main.p','{\"log\":true}')", COPIED, 1 },
  { "a sync in a transaction", PEOPLE_GET, PEOPLE, NAMES "; SELECT ortto_sync('few','main.p'); BEGIN",
    "SELECT ortto_sync('few','main.p')", COPIED, 1 },
  { "a sync that goes on", PEOPLE_GET, PEOPLE, NAMES ";1SELECT * FROM ortto_sync('few','main.p')",
    "SELECT ortto_sync('few','main.p')", COPIED, 0 },
  { "a second sync that goes on", PEOPLE_GET, PEOPLE, NAMES "; SELECT ortto_sync('few','main.p');"
    "1SELECT * FROM ortto_sync('few','main.p')", "SELECT ortto_sync('few','main.p')", COPIED, 0 },
  { "a sync of changes", PEOPLE_GET, PEOPLE, NAMES "; SELECT ortto_sync('few','main.p')",
    "SELECT ortto_sync('few','main.p','changes')", COPIED, 700 },
  { "a sync of members", PEOPLE_GET, "SELECT audience_id||person_id FROM ortto_audience_members", NULL,
    "SELECT ortto_sync('ortto_audience_members','main.p')", "SELECT audience_id||person_id FROM p", 0 },
};

/* ---- rows -------------------------------------------------------------------------------------------- */

static int rows_have(const rows *r, char *const *row){
  return r->n && bsearch(row, r->row, (size_t)r->n, sizeof *row, by_text)!=NULL;
}

static int rows_equal(const rows *a, const rows *b){
  int same = a->n==b->n;
  for(int i=0; same && i<a->n; i++) same = strcmp(a->row[i], b->row[i])==0;
  return same;
}

/* What is wrong with these rows, of those that were there in the beginning and at the end; NULL: nothing. A
** count is of them; in the mode of changes who is gone stays, as the target had them before. By
** sqlite3_mprintf. */
static char *wrong_rows(const reading *r, const rows *got, const rows *begin, const rows *end,
                        const rows *before){
  int always = 0, ever = begin->n;
  int counts = strstr(r->result ? r->result : "", "count(*)")!=NULL;
  for(int i=0; i<end->n; i++){
    int was = rows_have(begin, &end->row[i]);
    always += was;
    ever += !was;
    if( was && !counts && !rows_have(got, &end->row[i]) )
      return sqlite3_mprintf("%d rows of %d, without %s", got->n, end->n, end->row[i]);
  }
  if( counts ){
    int n = got->n==1 ? atoi(got->row[0]) : -1;
    return n>=always && n<=ever ? NULL : sqlite3_mprintf("a count of %d, not %d to %d", n, always, ever);
  }
  for(int i=0; i<got->n; i++){
    if( i && strcmp(got->row[i], got->row[i-1])==0 ) return sqlite3_mprintf("twice: %s", got->row[i]);
    int stayed = r->edits>1 && rows_have(before, &got->row[i]);
    if( !stayed && !rows_have(begin, &got->row[i]) && !rows_have(end, &got->row[i]) )
      return sqlite3_mprintf("there never was: %s", got->row[i]);
  }
  return NULL;
}

/* ---- one pair during one reading --------------------------------------------------------------------- */

static sqlite3 *clean;           /* a connection that reads where all is well */
static rows untouched[COUNT(readings)];   /* the truth, as long as nobody comes or goes or is edited */
static int told, right;

static void guess_set(const trouble *t, const char *reading){
  char *body = t->guess ? sqlite3_mprintf("{\"guess\":{\"%s\":\"%s\"}}", t->guess, reading) : NULL;
  if( body ) server_do(&sandbox, "/sandbox/set", body);
  sqlite3_free(body);
}

static void trouble_set(const trouble *t, const char *path){
  char *body = t->fault ? sqlite3_mprintf("{\"path\":\"%s\",%s}", path, t->fault) : NULL;
  guess_set(t, t->reading);
  if( body ) server_do(&sandbox, "/sandbox/fault", body);
  sqlite3_free(body);
}

/* What comes first, statement by statement; of one behind a 1 the first row. */
static void prepare(sqlite3 *db, const reading *r){
  const char *sql = r->before;
  sqlite3_stmt *stmt;
  while( sql && *sql ){
    int first = *sql=='1';
    if( sqlite3_prepare_v2(db, sql + first, -1, &stmt, &sql)!=SQLITE_OK ) fail_msg("%s", sqlite3_errmsg(db));
    int rc = sqlite3_step(stmt);
    while( !first && rc==SQLITE_ROW ) rc = sqlite3_step(stmt);
    if( rc!=SQLITE_ROW && rc!=SQLITE_DONE ) fail_msg("%s: %s", r->before, sqlite3_errmsg(db));
    sqlite3_finalize(stmt);
  }
  if( r->edits ){
    char body[100];
    snprintf(body, sizeof body, "{\"edit\":%d}", r->edits);
    server_do(&sandbox, "/sandbox/people", body);
  }
}

/* The sync's target, where there is one. */
static rows target_of(sqlite3 *db, const reading *r){
  rows none = { .rc = SQLITE_DONE };
  char *there = sql_text(db, "SELECT count(*) FROM main.sqlite_schema WHERE name='p'");
  int is_there = *there=='1';
  sqlite3_free(there);
  return r->act && is_there ? rows_of(db, r->result, 0, NULL) : none;
}

static char *judge(sqlite3 *db, const reading *r, rows *did, const rows *begin, const rows *end,
                   const rows *before){
  if( did->rc==SQLITE_DONE ){
    rows got = r->act ? rows_of(db, r->result, 0, NULL) : *did;
    char *wrong = got.rc==SQLITE_DONE ? wrong_rows(r, &got, begin, end, before)
                                      : sqlite3_mprintf("%s", got.message);
    if( r->act ) rows_free(&got);
    return wrong;
  }
  if( strncmp(did->message, "ortto: ", 7)!=0 ) return sqlite3_mprintf("says %s", did->message);
  rows now = target_of(db, r);
  int same = rows_equal(before, &now);
  rows_free(&now);
  return same ? NULL : sqlite3_mprintf("the target has changed under: %s", did->message);
}

/* All is well again. A sync that goes on has the list as it was, or as it is now. */
static char *once_more(sqlite3 *db, const reading *r, const rows *begin, const rows *end,
                       const rows *before){
  if( r->act && !sqlite3_get_autocommit(db) ) return NULL;
  rows did = rows_of(db, r->act ? r->act : r->result ? r->result : r->truth, 0, NULL);
  char *wrong = judge(db, r, &did, begin, end, before);
  if( wrong==NULL && did.rc!=SQLITE_DONE && strstr(did.message, "answered 400")==NULL )
    wrong = sqlite3_mprintf("%s", did.message);
  if( wrong ) wrong = sqlite3_mprintf("at the next call: %z", wrong);
  rows_free(&did);
  return wrong;
}

static int fault_is(const trouble *t, const char *part){ return t->fault && strstr(t->fault, part)!=NULL; }
static int guess_is(const trouble *t, const char *name){ return t->guess && strcmp(t->guess, name)==0; }

/* There a list cannot be read a second time: what is missing would come too late. */
static int is_in_order(const reading *r){ return strstr(r->truth, "sort=")!=NULL; }

static void told_what(const char *name, const char *wrong, const rows *did, long requests, double took){
  told += did->rc!=SQLITE_DONE;
  right += did->rc==SQLITE_DONE && wrong==NULL;
  if( wrong ) print_error("%s: %s\n", name, wrong);
  else if( getenv("VERBOSE") )
    print_message("# %s: %ld requests, %.0f ms: %s\n", name, requests, took,
                  *did->message ? did->message : "right");
}

/* Returns 1 where something is wrong. */
static int run(const reading *r, const trouble *a, const trouble *b, const char *name){
  sqlite3 *db = db_open(&sandbox);
  int moves = a->changes || b->changes || r->edits;
  prepare(db, r);
  sqlite3_free(sql_text(db, "SELECT count(*) FROM pragma_table_info('ortto_people'), "
                            "pragma_table_info('ortto_accounts')"));   /* asks for the fields */
  rows *same = &untouched[r - readings], begin, end, before = target_of(db, r);
  if( !moves && same->n==0 ) *same = rows_of(clean, r->truth, 0, NULL);
  begin = end = moves ? rows_of(clean, r->truth, 0, NULL) : *same;
  trouble_set(a, r->path);
  trouble_set(b, r->path);
  server_do(&sandbox, "/sandbox/forget", NULL);
  double began = now_ms();
  rows did = rows_of(db, r->act ? r->act : r->result ? r->result : r->truth, 0, NULL);
  double took = now_ms() - began;
  long requests = server_count(&sandbox, r->path);
  server_do(&sandbox, "/sandbox/clear", NULL);
  guess_set(a, a->usual);
  guess_set(b, b->usual);
  if( moves ) end = rows_of(clean, r->truth, 0, NULL);
  char *wrong = judge(db, r, &did, &begin, &end, &before);
  if( wrong==NULL && did.rc!=SQLITE_DONE ) wrong = once_more(db, r, &begin, &end, &before);
  if( wrong==NULL && did.rc!=SQLITE_DONE && a->mild && b->mild && !is_in_order(r) )
    wrong = sqlite3_mprintf("needlessly: %s", did.message);
  if( wrong==NULL && took>9000 ) wrong = sqlite3_mprintf("it took %.0f ms", took);
  if( wrong==NULL && requests>150 ) wrong = sqlite3_mprintf("it took %ld requests", requests);
  told_what(name, wrong, &did, requests, took);
  int bad = wrong!=NULL;
  sqlite3_free(wrong);
  if( moves ){
    rows_free(&begin);
    rows_free(&end);
    server_do(&sandbox, "/sandbox/reset", NULL);
  }
  rows_free(&before);
  rows_free(&did);
  if( !sqlite3_get_autocommit(db) ) sql_run(db, "ROLLBACK");
  db_close(db);
  return bad;
}

/* Nobody says where the page ends, and the total of an only page of the archived may be another list's. */
static int hides_the_end(const reading *r, const trouble *a, const trouble *b){
  int unsaid = guess_is(b, "last-offset") || fault_is(b, "stuck_offset") || fault_is(b, "next_offset");
  return unsaid && strcmp(r->name, "a scan of the archived")==0
      && strcmp(a->name, "every page lacks a row")==0;
}

/* Somebody leaves a list that is read as it is, and nobody says how long it is. */
static int hides_who_goes(const trouble *a, const trouble *b){
  return guess_is(a, "cursor") && fault_is(a, "remove")
      && (strcmp(b->name, "no meta")==0 || guess_is(b, "matches"));
}

/* Somebody leaves the part that was read, and who comes stands behind it: as many as there were. */
static int hides_a_swap(const reading *r, const trouble *a, const trouble *b){
  return strcmp(a->name, SWAPS)==0 && (is_in_order(r) || guess_is(b, "row-order"));
}

/* In an order nothing is read a second time: of totals that grow while it is read only the least one counts,
** and who comes stands in for who is not there. */
static int hides_who_came(const reading *r, const trouble *a, const trouble *b){
  return is_in_order(r) && fault_is(a, "lost_row")
      && strcmp(b->name, "one comes to a living list before each page")==0;
}

/* Nothing in the answers tells. */
static int cannot_be_known(const reading *r, const trouble *a, const trouble *b){
  return hides_the_end(r, a, b) || hides_who_goes(a, b) || hides_who_goes(b, a)
      || hides_a_swap(r, a, b) || hides_a_swap(r, b, a) || hides_who_came(r, a, b);
}

/* The cheapest reading stands for the others, of which a few are asked. */
static int is_asked(const char *name, int share){
  const char *all = getenv("PAIRS"), *only = getenv("PAIR");
  if( only ) return strstr(name, only)!=NULL;
  return (all && strcmp(all, "all")==0) || below(1000)<share;
}

static void test_pairs(void **state){
  int failures = 0, runs = 0;
  (void)state;
  for(int i=0; i<COUNT(readings); i++)
    for(int a=0; a<COUNT(troubles); a++) for(int b=a; b<COUNT(troubles); b++){
      char name[300];
      const char *guess = troubles[a].guess;
      if( (a==b && a>0) || (guess && guess_is(&troubles[b], guess)) ) continue;
      snprintf(name, sizeof name, "%s: %s, %s", readings[i].name, troubles[a].name, troubles[b].name);
      if( cannot_be_known(&readings[i], &troubles[a], &troubles[b]) ) continue;
      if( !is_asked(name, i==0 ? 100 : 6) ) continue;
      failures += run(&readings[i], &troubles[a], &troubles[b], name);
      runs++;
    }
  print_message("# %d of %d were read rightly, %d ended with an error\n", right, runs, told);
  assert_int_equal(failures, 0);
}

static int set_up(void **state){
  (void)state;
  seed_take();
  server_start(&sandbox, "--people 1300 --accounts 1100 --custom 0 --account-custom 0 --audiences 3");
  clean = db_open(&sandbox);
  return 0;
}

static int tear_down(void **state){
  (void)state;
  for(int i=0; i<COUNT(readings); i++) rows_free(&untouched[i]);
  db_close(clean);
  server_stop(&sandbox);
  return 0;
}

int main(void){
  const struct CMUnitTest tests[] = { cmocka_unit_test(test_pairs) };
  curl_global_init(CURL_GLOBAL_DEFAULT);
  return cmocka_run_group_tests_name("two faults", tests, set_up, tear_down);
}
