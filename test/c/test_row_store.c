/*
** test_row_store.c - rows that are kept for a join: they come back as they went in, and whatever SQLite would
** call equal is found, with indexes in memory and beyond it; what goes wrong is an error, and stays one.
*/
#define _GNU_SOURCE
#include "harness.h"
#include "failing.h"
#include "../../src/text.h"
#include "../../src/vtab/row_store.h"

#define COLUMNS 3                  /* a number, some value, a text that may be long */

static sqlite3 *plain;             /* says what is equal */
static int equals[100][100];       /* two of some_values */
static int stopped;

static int set_up(void **state){
  (void)state;
  assert_int_equal(sqlite3_open(":memory:", &plain), SQLITE_OK);
  return 0;
}

static int over(void **state){
  (void)state;
  sqlite3_close(plain);
  return 0;
}

static int stop(void *ctx){
  (void)ctx;
  return stopped;
}

/* So many entries of indexes in memory, and ten times as many bytes of rows. */
static row_store store_new(size_t most){
  return (row_store){ .columns = COLUMNS, .most = most, .pages = { .most = 10*most }, .stop = stop };
}

static ortto_value text_value(const char *s, size_t n){
  return (ortto_value){ .kind = ORTTO_VALUE_TEXT, .text = s, .length = n };
}

static ortto_value whole_value(int64_t i){
  return (ortto_value){ .kind = ORTTO_VALUE_INTEGER, .integer = i };
}

static ortto_value real_value(double r){
  return (ortto_value){ .kind = ORTTO_VALUE_REAL, .real = r };
}

#define TEXT(s) text_value((s), sizeof (s) - 1)

/* Many of these are equal under one affinity or collation or another. */
static int some_values(ortto_value *v){
  const ortto_value all[] = {
    { .kind = ORTTO_VALUE_NULL }, whole_value(5), real_value(5), TEXT("5"), TEXT(" 5 "), TEXT("5.0"),
    TEXT("+5"), TEXT("5e0"), TEXT("\t5\n"), TEXT("5 x"), TEXT("5\0x"), TEXT("5\0y"), whole_value(0),
    real_value(-0.0), TEXT("-0"), TEXT("0.0"), TEXT(""), TEXT(" "), TEXT("abc"), TEXT("ABC"),
    TEXT("abc  "), TEXT("aBc "), TEXT("abc\0d"), TEXT("abc\0e"), TEXT("\xc3\xa4"), TEXT("\xc3\x84"),
    real_value(0.1), TEXT("0.1"), TEXT("1e-1"), TEXT(".1"), real_value(1e300), TEXT("1e300"),
    whole_value(INT64_MAX), TEXT("9223372036854775807"), real_value(9223372036854775807.0),
    whole_value(999999999999999), TEXT("999999999999999"), TEXT("999999999999999.0"), real_value(1e15),
    TEXT("1000000000000000"), whole_value(-7), TEXT("-7"), TEXT("-7."), TEXT("2024-01-01"),
    TEXT("+61401234567"), whole_value(61401234567), TEXT("0x10"), whole_value(16), TEXT("inf"),
    TEXT("1_000"), whole_value(1000), TEXT("e"), TEXT("-"), TEXT("."), real_value(4.9999999999999991),
    real_value(5.0000000000000009), TEXT("4.9999999999999999"),
  };
  if( v ) memcpy(v, all, sizeof all);
  return COUNT(all);
}

static void bind_to(sqlite3_stmt *stmt, int at, const ortto_value *v){
  switch( v->kind ){
    case ORTTO_VALUE_NULL: sqlite3_bind_null(stmt, at); break;
    case ORTTO_VALUE_INTEGER: sqlite3_bind_int64(stmt, at, v->integer); break;
    case ORTTO_VALUE_REAL: sqlite3_bind_double(stmt, at, v->real); break;
    default: sqlite3_bind_text(stmt, at, v->text, (int)v->length, SQLITE_STATIC);
  }
}

/* Does any comparison call them equal? Not covered, by match_key.h: a real number beside a text column. */
static int may_be_equal(const ortto_value *a, const ortto_value *b){
  static const char *const compared[] = { "x IS y", "x IS y COLLATE NOCASE", "x IS y COLLATE RTRIM", "n IS y",
    "x IS m", "n IS m", "n IS m COLLATE NOCASE", "t IS y", "x IS u", "t IS u", "t IS u COLLATE NOCASE",
    "n IS u", "t IS m" };
  sqlite3_stmt *stmt;
  int equal = 0, reals = a->kind==ORTTO_VALUE_REAL || b->kind==ORTTO_VALUE_REAL;
  sql_must(plain, "CREATE TABLE IF NOT EXISTS c(x, n NUMERIC, t TEXT, y, m NUMERIC, u TEXT)");
  sql_must(plain, "DELETE FROM c");
  sqlite3_prepare_v2(plain, "INSERT INTO c VALUES(?1,?1,?1,?2,?2,?2)", -1, &stmt, NULL);
  bind_to(stmt, 1, a);
  bind_to(stmt, 2, b);
  assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
  sqlite3_finalize(stmt);
  for(int i=0; i<COUNT(compared); i++){
    if( reals && strpbrk(compared[i], "tu") ) continue;
    char *sql = sqlite3_mprintf("SELECT %s FROM c", compared[i]), *is = sql_text(plain, sql);
    equal |= strcmp(is, "1")==0;
    sqlite3_free(sql);
    sqlite3_free(is);
  }
  return equal;
}

/* So many rows of an answer: number, one of those values, a text that may be longer than a page. */
static void fill(row_store *s, sqlite3_int64 answer, const ortto_value *some, int count, int rows){
  char *x = malloc(40000);
  memset(x, 'x', 40000);
  for(int i=1; i<=rows; i++){
    size_t n = i%97==0 ? 20000 : (size_t)(i*7%300);
    ortto_value v[COLUMNS] = { whole_value(i*answer), some[i%count], text_value(x, n) };
    assert_int_equal(store_add(s, answer, i, i%5, v, NULL), SQLITE_OK);
  }
  free(x);
}

static int same(const ortto_value *a, const ortto_value *b){
  if( a->kind!=b->kind ) return 0;
  if( a->kind==ORTTO_VALUE_INTEGER ) return a->integer==b->integer;
  if( a->kind==ORTTO_VALUE_REAL ) return a->real==b->real;
  return a->length==b->length && (a->length==0 || memcmp(a->text, b->text, a->length)==0);
}

/* It stands on row i of what fill put there. */
static void must_be_row(row_reading *r, sqlite3_int64 answer, const ortto_value *some, int count, int i){
  assert_int_equal(reading_list(r), i%5);
  assert_int_equal(reading_value(r, 2)->length, i%97==0 ? 20000 : i*7%300);
  assert_int_equal(reading_value(r, 0)->integer, i*answer);
  assert_true(same(reading_value(r, 1), &some[i%count]));
}

static void rows_come_back(void **state){
  (void)state;
  ortto_value some[100];
  int count = some_values(some), rows = 5000;
  row_store s = store_new(1000);
  row_reading *r, *one;
  fill(&s, 1, some, count, rows);
  fill(&s, 2, some, count, 3);
  fill(&s, 3, some, count, 700);
  for(int answer=1; answer<=3; answer++){
    int i = 0, n = answer==1 ? rows : answer==2 ? 3 : 700;
    assert_int_equal(store_rows(&s, answer, &r), SQLITE_OK);
    while( reading_step(r)==SQLITE_ROW ){
      must_be_row(r, answer, some, count, ++i);
      int other = i*31%n + 1;                      /* and another one, while that one stands */
      assert_int_equal(store_row(&s, answer, other, &one), SQLITE_OK);
      assert_int_equal(reading_step(one), SQLITE_ROW);
      must_be_row(one, answer, some, count, other);
      assert_int_equal(reading_step(one), SQLITE_DONE);
      store_return(one);
      must_be_row(r, answer, some, count, i);
    }
    assert_int_equal(i, n);
    store_return(r);
  }
  assert_int_equal(store_rows(&s, 4, &r), SQLITE_OK);
  assert_int_equal(reading_step(r), SQLITE_DONE);
  store_return(r);
  store_close(&s);
}

/* Row by row from two answers in turn, and read while they come. */
static void answers_take_turns(void **state){
  (void)state;
  ortto_value some[100];
  int count = some_values(some);
  row_store s = store_new(1000);
  row_reading *r;
  for(int i=1; i<=300; i++) for(int answer=1; answer<=2; answer++){
    ortto_value v[COLUMNS] = { whole_value(i*answer), some[i%count], text_value("", 0) };
    assert_int_equal(store_add(&s, answer, i, 0, v, i%2 ? "extra" : NULL), SQLITE_OK);
    assert_int_equal(store_row(&s, answer, i%3 ? i : i/2 + 1, &r), SQLITE_OK);
    assert_int_equal(reading_step(r), SQLITE_ROW);
    int at = i%3 ? i : i/2 + 1;
    assert_int_equal(reading_value(r, 0)->integer, at*answer);
    assert_int_equal(reading_value(r, 2)->length, at%2 ? 5 : 0);
    store_return(r);
  }
  assert_int_equal(store_drop(&s, 1), SQLITE_OK);
  for(int answer=1; answer<=2; answer++){
    int n = 0;
    assert_int_equal(store_rows(&s, answer, &r), SQLITE_OK);
    while( reading_step(r)==SQLITE_ROW ) n++;
    assert_int_equal(n, answer==1 ? 0 : 300);
    store_return(r);
  }
  store_close(&s);
}

/* The rows that a look-up gives, each once and in order; *found has a mark for each. */
static int found_by(row_store *s, const ortto_value *probe, char *found, int rows){
  sqlite3_stmt *stmt;
  row_reading *r;
  int n = 0, last = 0, rc;
  memset(found, 0, (size_t)rows + 1);
  assert_int_equal(sqlite3_prepare_v2(plain, "SELECT ?1", -1, &stmt, NULL), SQLITE_OK);
  bind_to(stmt, 1, probe);
  assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
  sqlite3_value *v = sqlite3_column_value(stmt, 0);
  int type = sqlite3_value_type(v);
  assert_int_equal(store_matches(s, 1, 1, v, &r), SQLITE_OK);
  assert_int_equal(sqlite3_value_type(v), type);   /* it is the caller's */
  while( (rc = reading_step(r))==SQLITE_ROW ){
    int row = (int)reading_value(r, 0)->integer;
    if( row<=last || row>rows ) fail_msg("row %d after row %d", row, last);
    last = row;
    found[row] = 1;
    n++;
  }
  assert_int_equal(rc, SQLITE_DONE);
  store_return(r);
  sqlite3_finalize(stmt);
  return n;
}

/* With an index that is in memory, or in so many parts; and not much more than those. */
static void matches_with(size_t most, int rows){
  ortto_value some[100];
  int count = some_values(some);
  row_store s = store_new(most);
  char *found = malloc((size_t)rows + 1);
  fill(&s, 1, some, count, rows);
  for(int i=0; i<count; i++){
    int n = found_by(&s, &some[i], found, rows), others = 0;
    for(int k=0; k<count; k++){
      int equal = equals[k][i], found_one = 0;
      for(int row=k ? k : count; row<=rows; row+=count){
        if( equal && !found[row] ) fail_msg("value %d does not find row %d, value %d", i, row, k);
        found_one |= found[row];
      }
      others += found_one && !equal;
    }
    if( others>12 || n==0 ) fail_msg("value %d finds %d others, %d rows", i, others, n);
  }
  ortto_value never = TEXT("nobody has this");
  assert_int_equal(found_by(&s, &never, found, rows), 0);
  assert_true(s.held<=most);
  free(found);
  store_close(&s);
}

static void what_may_be_equal_is_found(void **state){
  (void)state;
  ortto_value some[100];
  int count = some_values(some);
  for(int i=0; i<count; i++) for(int k=0; k<count; k++) equals[i][k] = may_be_equal(&some[i], &some[k]);
  matches_with(1000000, 1000);
  matches_with(1000000, 57);
  matches_with(200, 5000);         /* 50 parts of 100 */
  matches_with(9000, 20000);       /* parts of more pages than one */
  matches_with(2, 300);
}

/* One key that all rows have, across parts and pages. */
static void all_have_one_key(void **state){
  (void)state;
  char *found = malloc(30001);
  for(size_t most=100; most<=1000000; most*=100){
    row_store s = store_new(most);
    ortto_value one = whole_value(5), other = whole_value(6);
    fill(&s, 1, &one, 1, 30000);
    assert_int_equal(found_by(&s, &one, found, 30000), 30000);
    assert_int_equal(found_by(&s, &other, found, 30000), 0);
    store_close(&s);
  }
  free(found);
}

/* Indexes of many answers stay within what is given. */
static void indexes_share_their_memory(void **state){
  (void)state;
  row_store s = store_new(1000);
  ortto_value some[100];
  int count = some_values(some);
  sqlite3_stmt *stmt;
  row_reading *r;
  assert_int_equal(sqlite3_prepare_v2(plain, "SELECT 20", -1, &stmt, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
  for(int answer=1; answer<=20; answer++) fill(&s, answer, some, count, 100);
  for(int turn=0; turn<2; turn++) for(int answer=1; answer<=20; answer++){
    assert_int_equal(store_matches(&s, answer, 0, sqlite3_column_value(stmt, 0), &r), SQLITE_OK);
    assert_int_equal(reading_step(r), 20%answer==0 ? SQLITE_ROW : SQLITE_DONE);
    store_return(r);
    assert_true(s.held<=1000);
  }
  assert_int_equal(store_drop(&s, 1), SQLITE_OK);
  assert_int_equal(s.held, 900);
  sqlite3_finalize(stmt);
  store_close(&s);
}

static void questions_are_found(void **state){
  (void)state;
  row_store s = store_new(1000);
  sqlite3_int64 answer;
  int column;
  for(int i=0; i<3000; i++){
    question q = question_new();
    question_add(&q, &i, sizeof i);
    assert_int_equal(store_find(&s, q, &answer, &column), SQLITE_OK);
    assert_int_equal(answer, 0);
    assert_int_equal(store_keep(&s, q, i + 1, i%3 - 1), SQLITE_OK);
    assert_int_equal(store_find(&s, q, &answer, &column), SQLITE_OK);
    assert_int_equal(answer, i + 1);
    assert_int_equal(column, i%3 - 1);
  }
  store_close(&s);
}

/* ---- what goes wrong ---- */

/* All of it: rows, an index, a look-up; its number of rows, or minus the code. */
static int work(row_store *s, const ortto_value *some, int count, int rows){
  sqlite3_value *v;
  sqlite3_stmt *stmt = NULL;
  row_reading *r = NULL;
  int n = 0, rc = SQLITE_OK, armed = allocator.armed;
  allocator.armed = 0;
  assert_int_equal(sqlite3_prepare_v2(plain, "SELECT 5", -1, &stmt, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
  v = sqlite3_column_value(stmt, 0);
  allocator.armed = armed;
  for(int i=1; rc==SQLITE_OK && i<=rows; i++){
    ortto_value value[COLUMNS] = { whole_value(i), some[i%count], text_value("abc", 3) };
    rc = store_add(s, 1, i, 0, value, NULL);
  }
  if( rc==SQLITE_OK ) rc = store_matches(s, 1, 1, v, &r);
  while( rc==SQLITE_OK && (rc = reading_step(r))==SQLITE_ROW ){
    rc = reading_value(r, 0)->integer>0 ? SQLITE_OK : SQLITE_CORRUPT;
    n++;
  }
  store_return(r);
  sqlite3_finalize(stmt);
  return rc==SQLITE_DONE ? n : -rc;
}

/* Is the allocator ours? (valgrind has its own.) */
static int can_fail(void){
  fail_allocation(1, 0);
  void *p = sqlite3_malloc(100);
  allocator.armed = 0;
  sqlite3_free(p);
  return CAN_FAIL && p==NULL;
}

static void memory_runs_out(void **state){
  (void)state;
  if( !can_fail() ) skip();
  ortto_value some[100];
  int count = some_values(some), right = -1, failed = 0;
  for(size_t most=20; most<=2000; most*=100) for(int for_good=0; for_good<2; for_good++) for(long n=0; ; n++){
    row_store s = store_new(most);
    fail_allocation(n, n && for_good);
    int got = work(&s, some, count, 700);
    allocator.armed = 0;
    int reached = n==0 || allocator.left<=0;
    if( n==0 ) right = got;
    if( got>=0 && got!=right ) fail_msg("allocation %ld: %d rows, not %d", n, got, right);
    if( got<0 && got!=-SQLITE_NOMEM ) fail_msg("allocation %ld: %d", n, got);
    failed += got<0;
    store_close(&s);
    if( !reached ) break;
  }
  assert_true(right>0 && failed>100);
}

/* No room for pages: an error, and from then on nothing else. */
static void the_disk_is_full(void **state){
  (void)state;
  ortto_value some[100];
  int count = some_values(some), failed = 0, column;
  sqlite3_int64 answer;
  for(int pages=3; pages<12; pages++){
    row_store s = store_new(20);
    assert_int_equal(store_find(&s, question_new(), &answer, &column), SQLITE_OK);
    char *limit = sqlite3_mprintf("PRAGMA max_page_count=%d", pages);
    sql_must(s.pages.db, limit);
    sqlite3_free(limit);
    int got = work(&s, some, count, 3000);
    if( got<0 ){
      failed++;
      assert_int_equal(got, -SQLITE_FULL);
      assert_non_null(strstr(store_error(&s), "full"));
      assert_int_equal(store_find(&s, question_new(), &answer, &column), SQLITE_FULL);
      row_reading *r;
      assert_int_equal(store_rows(&s, 1, &r), SQLITE_FULL);
    }
    store_close(&s);
  }
  assert_true(failed>3);
}

/* An index is not finished; the next look-up makes it. */
static void making_an_index_is_stopped(void **state){
  (void)state;
  ortto_value some[100];
  int count = some_values(some);
  row_store s = store_new(100);
  stopped = 1;
  assert_int_equal(work(&s, some, count, 5000), -SQLITE_INTERRUPT);
  stopped = 0;
  char *found = malloc(5001);
  assert_true(found_by(&s, &some[1], found, 5000)>500);
  free(found);
  store_close(&s);
}

int main(void){
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(rows_come_back),
    cmocka_unit_test(answers_take_turns),
    cmocka_unit_test(what_may_be_equal_is_found),
    cmocka_unit_test(all_have_one_key),
    cmocka_unit_test(indexes_share_their_memory),
    cmocka_unit_test(questions_are_found),
    cmocka_unit_test(memory_runs_out),
    cmocka_unit_test(the_disk_is_full),
    cmocka_unit_test(making_an_index_is_stopped),
  };
  return cmocka_run_group_tests(tests, set_up, over);
}
