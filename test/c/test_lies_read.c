/*
** test_lies_read.c - answers to reading that lie: each kind of answer with one of its members missing, null,
** of another type, doubled or huge, its numbers wrong, its ids somebody else's. What is read must be what is
** there, but for the one value that was changed, or an error.
**
** A sandbox server gives the true answer. It is changed here, byte by byte, and given in place of the next
** one.
**
** Settings, from the environment:
**   LIES=all    every lie at every place (some minutes); else a share of them
**   SEED=n      which share (printed; default: a fixed one)
**   QUESTION=text   those whose name holds it
**   VERBOSE=1   print every lie and what came of it
*/
#define _GNU_SOURCE
#include "lies.h"

#define CELLS 60000

/* ---- questions --------------------------------------------------------------------------------------- */

/* What may come of a lie at a place: the same as without it, or an error; else, by `may`:
** v one value changes, f a record has no values, n there are no rows, e an object is empty, m a row less,
** that nobody could know of, r the same, also where it changed, a anything. */
typedef struct place {
  const char *pattern;           /* of paths, a star for one member; what lies below is meant too */
  char may;
} place;

typedef struct question {
  const char *name;
  const char *ask;               /* its rows are what is read, or the number of outcomes with status 200 */
  const char *before;            /* what comes first on the connection, with the truth; or NULL */
  const char *path;
  int nth;                       /* which request for the path it is, from 0 */
  int big;                       /* of the server with more than one page */
  int unsorted;                  /* the answer is never the same: it is replaced as a whole */
  place places[8];
} question;

static server small, large;

#define TWO_PEOPLE "(SELECT id FROM temp.known)"

static const question questions[] = {
  { "people", "SELECT id, email, first_name, birthday, phone_number, city, tags, account_id FROM "
      "ortto_people", NULL,
    "/v1/person/get", 0, 0, 0, { {"contacts/*/fields/*", 'v'}, {"contacts/*/fields", 'f'},
      {"contacts/*/id", 'v'} } },
  { "people, first page of two", "SELECT id, email FROM ortto_people", NULL,
    "/v1/person/get", 0, 1, 0, { {"contacts/*/fields/*", 'v'}, {"contacts/*/fields", 'f'},
      {"contacts/*/id", 'v'} } },
  { "people, second page", "SELECT id, email FROM ortto_people", NULL,
    "/v1/person/get", 1, 1, 0, { {"contacts/*/fields/*", 'v'}, {"contacts/*/fields", 'f'},
      {"contacts/*/id", 'v'} } },
  { "people by id", "SELECT id, email, city FROM ortto_people WHERE id IN " TWO_PEOPLE,
    "CREATE TEMP TABLE known AS SELECT id FROM ortto_people ORDER BY id LIMIT 2",
    "/v1/person/get-by-ids", 0, 0, 0, { {"contacts/*/fields/*", 'v'}, {"contacts/*/fields", 'f'},
                                        {"contacts/*/id", 'r'}, {"contacts/*", 'r'}, {"contacts", 'n'} } },
  { "people, counted", "SELECT count(*) FROM ortto_people", NULL,
    "/v1/person/get", 0, 0, 0, { {"meta", 'a'}, {"meta/total_matches", 'a'}, {"contacts/*/fields", 'a'} } },
  { "accounts", "SELECT id, name, industry FROM ortto_accounts", NULL,
    "/v1/accounts/get", 0, 0, 0, { {"accounts/*/fields/*", 'v'}, {"accounts/*/fields", 'f'},
                                   {"accounts/*/id", 'v'} } },
  { "accounts by id", "SELECT id, name FROM ortto_accounts WHERE id IN " TWO_PEOPLE,
    "CREATE TEMP TABLE known AS SELECT id FROM ortto_accounts ORDER BY id LIMIT 2",
    "/v1/accounts/get-by-ids", 0, 0, 0, { {"accounts/*/fields/*", 'v'}, {"accounts/*/fields", 'f'},
                                          {"accounts/*/id", 'r'}, {"accounts/*", 'r'}, {"accounts", 'n'} } },
  { "audiences", "SELECT * FROM ortto_audiences", NULL,
    "/v1/audiences/get", 0, 0, 0, { {"*/*", 'v'}, {"*/archived_at", 'r'}, {"", 'n'}, {"*", 'm'} } },
  { "tags", "SELECT * FROM ortto_tags", NULL,
    "/v1/tags/get", 0, 0, 0, { {"*/*", 'v'}, {"", 'n'}, {"*", 'm'} } },
  { "definitions of people", "SELECT * FROM ortto_person_custom_fields", NULL,
    "/v1/person/custom-field/get", 0, 0, 1, { {"fields/*/field/*", 'v'}, {"fields/*/tracked_value", 'v'},
                                              {"fields/*", 'm'}, {"fields", 'n'} } },
  { "definitions of accounts", "SELECT * FROM ortto_account_custom_fields", NULL,
    "/v1/accounts/custom-field/get", 0, 0, 1, { {"fields/*/*", 'v'}, {"fields/*", 'm'}, {"fields", 'n'} } },
  { "definitions as columns", "SELECT id, email, tags FROM ortto_people", NULL,
    "/v1/person/custom-field/get", 0, 0, 1, { {"", 0} } },
  { "activities", "SELECT a.id, a.person_id, activity_id, created_at, attributes, text FROM temp.known k, "
    "ortto_activities a WHERE a.person_id = k.id",
    "CREATE TEMP TABLE known AS SELECT id FROM ortto_people ORDER BY id LIMIT 1",
    "/v1/person/get/activities", 0, 0, 0, { {"activities/*/*", 'v'}, {"activities/*", 'm'},
      {"activities", 'n'} } },
  { "fields", "SELECT * FROM ortto_fields", NULL,
    "/v1/instance-schema/get", 0, 0, 0, { {"namespaces/*", 'a'}, {"namespaces", 'e'} } },
  { "an audience by its name", "SELECT id, email FROM ortto_people WHERE audience = (SELECT name FROM "
      "temp.known)",
    "CREATE TEMP TABLE known AS SELECT name FROM ortto_audiences GROUP BY name HAVING count(*) = 1",
    "/v1/audiences/get", 0, 0, 0, { {"*/id", 'a'}, {"*/name", 'a'} } },
  { "a sync", "SELECT id, email, city FROM p",
    "!SELECT ortto_sync('ortto_people', 'p')",
    "/v1/person/get", 0, 0, 0, { {"contacts/*/fields/*", 'v'}, {"contacts/*/fields", 'f'},
      {"contacts/*/id", 'v'} } },
  { "a sync's second page", "SELECT id, email FROM p",
    "!SELECT ortto_sync('ortto_people', 'p')",
    "/v1/person/get", 1, 1, 0, { {"contacts/*/fields/*", 'v'}, {"contacts/*/fields", 'f'},
      {"contacts/*/id", 'v'} } },
};

/* ---- asking ------------------------------------------------------------------------------------------ */

typedef struct rows {
  char *cell[CELLS];
  int count, width;
  char *error;                   /* or NULL */
} rows;

static void rows_free(rows *r){
  for(int i=0; i<r->count; i++) free(r->cell[i]);
  free(r->error);
  memset(r, 0, sizeof *r);
}

static int rows_read(sqlite3 *db, const char *sql, rows *out){
  sqlite3_stmt *stmt = NULL;
  int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
  out->width = stmt ? sqlite3_column_count(stmt) : 0;
  while( rc==SQLITE_OK && (rc = sqlite3_step(stmt))==SQLITE_ROW ){
    for(int i=0; i<out->width && out->count<CELLS; i++){
      const char *text = (const char *)sqlite3_column_text(stmt, i);
      char *cell = NULL;
      if( asprintf(&cell, "%d %s", sqlite3_column_type(stmt, i), text ? text : "")<0 ) fail_msg("no memory");
      out->cell[out->count++] = cell;
    }
    rc = SQLITE_OK;
  }
  if( rc!=SQLITE_DONE ) out->error = strdup(sqlite3_errmsg(db));
  sqlite3_finalize(stmt);
  return rc;
}

/* The question on a connection of its own; the lie, if any, stands in for the nth answer from `before` on. */
static void ask(const question *q, const char *truth, const char *lied_answer, rows *out){
  const server *s = q->big ? &large : &small;
  sqlite3 *db = db_open(s);
  const char *before = q->before;
  memset(out, 0, sizeof *out);
  sql_must(db, "SELECT ortto_config('retries', 0), ortto_config('timeout_ms', 20000)");
  if( before && *before!='!' ) sql_must(db, before);
  if( lied_answer ){
    sqlite3_stmt *stmt = NULL;
    size_t head, tail, n = strlen(truth), m = strlen(lied_answer);
    middle_of(truth, lied_answer, &head, &tail);
    sqlite3_prepare_v2(db, "SELECT json_object('kind', ?1, 'path', ?2, 'after', ?3, 'body', ?4, 'from', ?5, "
        "'to', ?6)",
                       -1, &stmt, NULL);
    sqlite3_bind_text(stmt, 1, q->unsorted ? "replace" : "splice", -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, q->path, -1, SQLITE_STATIC);
    sqlite3_bind_int(stmt, 3, q->nth);
    if( q->unsorted ) sqlite3_bind_text(stmt, 4, lied_answer, -1, SQLITE_STATIC);
    else sqlite3_bind_text(stmt, 4, lied_answer + head, (int)(m - tail - head), SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 5, (sqlite3_int64)head);
    sqlite3_bind_int64(stmt, 6, (sqlite3_int64)(n - tail));
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    server_do(s, "/sandbox/fault", (const char *)sqlite3_column_text(stmt, 0));
    sqlite3_finalize(stmt);
  }
  if( before && *before=='!' && sql_run(db, before+1)!=SQLITE_OK ) out->error = strdup(sqlite3_errmsg(db));
  else rows_read(db, q->ask, out);
  server_do(s, "/sandbox/clear", NULL);
  db_close(db);
}

static char *true_answer(const question *q){
  const server *s = q->big ? &large : &small;
  rows r;
  server_do(s, "/sandbox/forget", NULL);
  ask(q, NULL, NULL, &r);
  if( r.error ) fail_msg("%s: %s", q->name, r.error);
  rows_free(&r);
  return answer_of(s, q->path, q->nth);
}

/* ---- judging ----------------------------------------------------------------------------------------- */

static int pattern_fits(const char *pattern, const char *path){
  return fnmatch(pattern, path, FNM_PATHNAME)==0;
}

/* What may come of a lie here: of the longest pattern that fits the place itself or one above it. */
static char may_of(const question *q, const char *path, int *itself){
  char above[200];
  snprintf(above, sizeof above, "%s", path);
  for(*itself=1;; *itself=0){
    for(int i=0; i<COUNT(q->places) && q->places[i].pattern; i++)
      if( pattern_fits(q->places[i].pattern, above) ) return q->places[i].may;
    char *slash = strrchr(above, '/');
    if( slash ) *slash = 0;
    else if( *above ) *above = 0;
    else return 0;
  }
}

static int rows_in(const rows *r){ return r->width ? r->count/r->width : 0; }

static int cells_differ(const rows *a, int row, const rows *b, int other){
  int n = 0;
  for(int i=0; i<a->width; i++) n += strcmp(a->cell[row*a->width + i], b->cell[other*a->width + i])!=0;
  return n;
}

typedef struct difference {
  int lost, gained;              /* rows that only the truth, that only the other has */
  int cells;                     /* where it is one row: how many of its values differ */
  int lost_row, gained_row;
} difference;

/* As multisets: a key that changed changes the order too. */
static difference differences(const rows *a, const rows *b){
  difference d = { 0 };
  char *taken = calloc((size_t)rows_in(b) + 1, 1);
  for(int i=0; i<rows_in(a); i++){
    int at = i<rows_in(b) && !taken[i] && cells_differ(a, i, b, i)==0 ? i : -1;
    for(int k=0; at<0 && k<rows_in(b); k++) if( !taken[k] && cells_differ(a, i, b, k)==0 ) at = k;
    if( at>=0 ) taken[at] = 1;
    else d.lost++, d.lost_row = i;
  }
  for(int k=0; k<rows_in(b); k++) if( !taken[k] ) d.gained++, d.gained_row = k;
  if( d.lost==1 && d.gained==1 ) d.cells = cells_differ(a, d.lost_row, b, d.gained_row);
  free(taken);
  return d;
}

/* NULL: it may be so. */
static const char *verdict(const question *q, const node *n, lie what, const rows *truth, const rows *got){
  int itself;
  char may = may_of(q, n->path, &itself);
  if( got->error ){
    if( strncmp(got->error, "ortto: ", 7)!=0 ) return "an error of another kind";
    for(const char *p=got->error; *p; p++) if( (unsigned char)*p<0x20 ) return "a control character in an "
        "error";
    return strlen(got->error)>2500 ? "an error without end" : NULL;
  }
  difference d = differences(truth, got);
  if( (d.lost==0 && d.gained==0) || may=='a' ) return NULL;
  switch( may ){
    case 'v':                                    /* a key that is another's now is one that comes twice */
      if( d.lost<=2 && d.gained==d.lost-1 && (what==MORE || what==FEWER) ) return NULL;
      return d.cells==1 ? NULL : "more than the one value changed";
    case 'f':                                    /* none, null, empty: the row has no values */
      return d.cells>0 && (what==MISSING || what==NIL || what==NO_OBJECT
          || what==IN_OBJECT) ? NULL : "values are gone";
    case 'n':                                    /* null, empty, or others: none of those */
      if( rows_in(got)==0 && (what==NIL || what==NO_LIST || what==NO_OBJECT || what==IN_OBJECT) ) return NULL;
      return "a list is not read as it is";
    case 'e': return what==NO_OBJECT || what==IN_OBJECT ? NULL : "an object is not read as it is";
    case 'm':                                    /* an element less cannot be known */
      return what==MISSING && d.lost==1 && d.gained==0 ? NULL : "a row is not as it was sent";
    case 'r': return d.lost==1 && d.gained==0 ? NULL : "more than the one row changed";
    default: return "not what is there, and no error";
  }
}

static int lies_told, lies_failed;

static void report(const question *q, const node *n, lie what, const rows *truth, const rows *got,
    const char *why){
  lies_failed++;
  printf("# %s: %s of '%s' (%.*s): %s\n", q->name, lie_names[what], n->path,
         (int)(n->to - n->from < 60 ? n->to - n->from : 60), n->from, why);
  if( got->error ) printf("#   error %.300s\n", got->error);
  else printf("#   %d rows for %d\n", rows_in(got), rows_in(truth));
  if( got->error ) return;
  difference d = differences(truth, got);
  printf("#   %d rows gone, %d more\n", d.lost, d.gained);
  for(int i=0; d.cells && i<truth->width; i++){
    const char *a = truth->cell[d.lost_row*truth->width + i], *b = got->cell[d.gained_row*truth->width + i];
    if( strcmp(a, b)!=0 ) printf("#   value %d: %.80s <> %.80s\n", i, a, b);
  }
}

static void lie_about(const question *q, const char *answer, const rows *truth, const node *n, lie what){
  rows got;
  char *body = lied(answer, n, what);
  if( body==NULL ) return;
  lies_told++;
  ask(q, answer, body, &got);
  const char *why = verdict(q, n, what, truth, &got);
  if( why ) report(q, n, what, truth, &got, why);
  else if( getenv("VERBOSE") )
    printf("# %s: %s of '%s': %.120s\n", q->name, lie_names[what], n->path, got.error ? got.error : "read");
  rows_free(&got);
  free(body);
}

static void test_question(void **state){
  const question *q = *state;
  if( getenv("QUESTION") && strstr(q->name, getenv("QUESTION"))==NULL ) return;
  tree *t = calloc(1, sizeof *t);
  static rows truth;
  char *answer = true_answer(q);
  double began = now_ms();
  ask(q, NULL, NULL, &truth);
  lies_told = lies_failed = 0;
  walk(t, answer, NULL, "", -1);
  for(int i=0; i<t->count; i++) for(int k=0; k<LIES; k++)
    if( is_chosen(t, q->big ? 40 : 100) ) lie_about(q, answer, &truth, &t->list[i], (lie)k);
  printf("# %s: %d lies at %d places, %.1f s\n", q->name, lies_told, t->count, (now_ms() - began)/1000);
  rows_free(&truth);
  free(answer);
  free(t);
  if( lies_failed ) fail_msg("%s: %d lies were believed", q->name, lies_failed);
}

static int set_up(void **state){
  (void)state;
  server_start(&small, "--people 4 --accounts 3 --audiences 3 --tags 3 --custom 4 --account-custom 3 "
      "--no-archived");
  server_start(&large, "--people 503 --accounts 0 --audiences 0 --tags 0 --custom 0 --account-custom 0 "
      "--no-archived");
  return 0;
}

static int tear_down(void **state){
  (void)state;
  server_stop(&small);
  server_stop(&large);
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
  return _cmocka_run_group_tests("lies_read", tests, COUNT(questions), set_up, tear_down);
}
