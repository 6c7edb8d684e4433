/*
** test_loading.c - how the extension gets into SQLite: it refuses a SQLite that is too old, stays loaded
** when the connection that loaded it is gone, and can be loaded as often as one likes.
*/
#define _GNU_SOURCE
#include "harness.h"
#include <dlfcn.h>
#include <sqlite3ext.h>
#include <sys/wait.h>

typedef struct sqlite3_api_routines api_table;
typedef int init_function(sqlite3 *db, char **error, const api_table *api);

static const api_table *real_api;
static int told_version;

static int catch_api(sqlite3 *db, char **error, const api_table *api){
  (void)db; (void)error;
  real_api = api;
  return SQLITE_OK;
}

static int old_number(void){ return told_version; }
static const char *old_text(void){ return "3.37.2"; }

static init_function *entry_point(void){
  const char *ext = getenv("EXT");
  void *library = dlopen(ext ? ext : "./ortto.so", RTLD_NOW);
  if( library==NULL ) fail_msg("%s", dlerror());
  init_function *f;
  *(void **)&f = dlsym(library, "sqlite3_ortto_init");
  if( f==NULL ) fail_msg("%s", dlerror());
  return f;
}

/* The entry point, called with the version that a SQLite would tell. */
static int init_with_version(int version, char **error, sqlite3 **db){
  typedef void plain(void);
  assert_int_equal(sqlite3_auto_extension((plain *)catch_api), SQLITE_OK);
  assert_int_equal(sqlite3_open(":memory:", db), SQLITE_OK);
  sqlite3_cancel_auto_extension((plain *)catch_api);
  assert_non_null(real_api);
  static api_table api;          /* the extension keeps the pointer */
  api = *real_api;
  told_version = version;
  if( version ){
    api.libversion_number = old_number;
    api.libversion = old_text;
  }
  return entry_point()(*db, error, &api);
}

/* Older than 3.40: a message that says what is needed, and nothing is registered. */
static void test_too_old(void **state){
  (void)state;
  static const int versions[] = { 3039004, 3038005, 3007017, 3036000 };
  for(size_t i=0; i<sizeof versions/sizeof *versions; i++){
    char *error = NULL;
    sqlite3 *db;
    int rc = init_with_version(versions[i], &error, &db);
    assert_int_equal(rc, SQLITE_ERROR);
    assert_non_null(error);
    if( strncmp(error, "ortto: ", 7)!=0 || !strstr(error, "3.40 or newer") ) fail_msg("%s", error);
    sqlite3_free(error);
    assert_sql(db, "SELECT count(*) FROM pragma_module_list WHERE name LIKE 'ortto%'", "0");
    assert_sql(db, "SELECT count(*) FROM pragma_function_list WHERE name LIKE 'ortto%'", "0");
    db_close(db);
  }
}

static void test_new_enough(void **state){
  (void)state;
  char *error = NULL;
  sqlite3 *db;
  int rc = init_with_version(0, &error, &db);
  if( rc!=SQLITE_OK && rc!=SQLITE_OK_LOAD_PERMANENTLY ) fail_msg("code %d: %s", rc, error);
  assert_sql(db, "SELECT count(*)>=9 FROM pragma_module_list WHERE name LIKE 'ortto%'", "1");
  db_close(db);
}

/* SQLITE_OK_LOAD_PERMANENTLY: a connection that is closed takes nothing away from the others. */
static void test_stays_loaded(void **state){
  (void)state;
  server s;
  server_start(&s, "--people 3");
  sqlite3 *first = db_open(&s), *second = db_open(&s);
  db_close(first);
  assert_sql(second, "SELECT ortto_check()", "ok");
  db_close(second);
  const char *ext = getenv("EXT");
  void *library = dlopen(ext ? ext : "./ortto.so", RTLD_NOW | RTLD_NOLOAD);
  assert_non_null(library);
  dlclose(library);
  server_stop(&s);
}

/* Loaded twice into one connection, in the midst of use. */
static void test_twice(void **state){
  (void)state;
  server s;
  server_start(&s, "--people 30");
  sqlite3 *db = db_open(&s);
  sqlite3_stmt *stmt = NULL;
  assert_int_equal(sqlite3_prepare_v2(db, "SELECT email FROM ortto_people", -1, &stmt, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
  char *why = NULL;
  const char *ext = getenv("EXT");
  int rc = sqlite3_load_extension(db, ext ? ext : "./ortto.so", "sqlite3_ortto_init", &why);
  sqlite3_free(why);
  int step = sqlite3_step(stmt);
  if( rc==SQLITE_OK && step!=SQLITE_ROW )
    fail_msg("the statement that ran gave %d: %s", step, sqlite3_errmsg(db));
  sqlite3_finalize(stmt);
  db_close(db);
  server_stop(&s);
}

/* Attached databases and temp have the same tables; another thread's connection needs its own load. */
static void test_every_schema(void **state){
  (void)state;
  server s;
  server_start(&s, "--people 3 --no-archived");
  sqlite3 *db = db_open(&s);
  sql_must(db, "ATTACH ':memory:' AS other");
  sql_must(db, "CREATE VIRTUAL TABLE other.p USING ortto(table=people)");
  assert_sql(db, "SELECT count(*) FROM other.p", "3");
  assert_sql(db, "SELECT ortto_check('other.p')", "ok");
  sql_must(db, "DETACH other");
  assert_sql(db, "SELECT count(*) FROM ortto_people", "3");
  db_close(db);
  server_stop(&s);
}

/* A connection from before a fork sends nothing in the child, which would get the parent's answers; one that
** the child opens is as good as any. */
static void test_fork(void **state){
  (void)state;
  server s;
  server_start(&s, "--people 30 --no-archived");
  sqlite3 *db = db_open(&s);
  assert_sql(db, "SELECT count(*) FROM ortto_people", "30");
  fflush(NULL);
  long before = server_count(&s, "/v1/person/get");
  pid_t child = fork();
  if( child==0 ){
    int bad = 0;
    char *said = NULL;
    if( sqlite3_exec(db, "SELECT count(*) FROM ortto_people", NULL, NULL, &said)==SQLITE_OK ) bad = 1;
    else if( said==NULL || !strstr(said, "ortto: ") || !strstr(said, "fork") ) bad = 2;
    sqlite3 *own = db_open(&s);
    if( !bad && sqlite3_exec(own, "SELECT count(*) FROM ortto_people", NULL, NULL, NULL)!=SQLITE_OK ) bad = 3;
    _exit(bad);
  }
  int status = 0;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
  assert_sql(db, "SELECT count(*) FROM ortto_people", "30");
  assert_int_equal(server_count(&s, "/v1/person/get") - before, 2);
  db_close(db);
  server_stop(&s);
}

int main(void){
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_too_old), cmocka_unit_test(test_new_enough), cmocka_unit_test(test_stays_loaded),
        cmocka_unit_test(test_twice),
    cmocka_unit_test(test_every_schema), cmocka_unit_test(test_fork),
  };
  curl_global_init(CURL_GLOBAL_DEFAULT);
  return cmocka_run_group_tests_name("loading", tests, NULL, NULL);
}
