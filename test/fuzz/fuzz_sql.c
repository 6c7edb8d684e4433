/*
** fuzz_sql.c - SQL text over all tables and functions, under the sandbox's answers: what is prepared runs,
** and the connection closes afterwards. Nothing of it leaves the connection: no file is opened.
*/
#define _POSIX_C_SOURCE 200809L
#include "network.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

int sqlite3_ortto_init(sqlite3 *db, char **error, const void *api);

static int denied(void *ctx, int action, const char *a, const char *b, const char *schema,
    const char *trigger){
  (void)ctx;
  (void)schema;
  (void)trigger;
  if( action==SQLITE_ATTACH || action==SQLITE_DETACH ) return SQLITE_DENY;
  if( action==SQLITE_PRAGMA ) return a && strncmp(a, "table_", 6)==0 ? SQLITE_OK : SQLITE_DENY;
  if( action==SQLITE_FUNCTION && b && (strstr(b, "load_ext") || strstr(b, "randomblob") || strstr(b,
      "zeroblob")) )
    return SQLITE_DENY;
  return SQLITE_OK;
}

static int enough(void *ctx){
  return --*(int *)ctx<0;
}

static void run(sqlite3 *db, const char *sql){
  while( sql && sql[0] ){
    sqlite3_stmt *stmt = NULL;
    int budget = 20;
    sqlite3_progress_handler(db, 2000, enough, &budget);
    if( sqlite3_prepare_v2(db, sql, -1, &stmt, &sql)!=SQLITE_OK ) break;
    for(int i=0; i<200 && stmt && sqlite3_step(stmt)==SQLITE_ROW; i++)
      for(int c=0; c<sqlite3_column_count(stmt); c++){
        const void *text = sqlite3_column_text(stmt, c);
        fuzz_touch(text, (size_t)sqlite3_column_bytes(stmt, c));
      }
    sqlite3_finalize(stmt);
  }
  fuzz_touch_text(sqlite3_errmsg(db));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n){
  sqlite3 *db = NULL;
  char *sql = strndup((const char *)data, n);
  fuzz_input(data, n);
  network_begin((const uint8_t *)"{}", 2, "/v1/");
  FUZZ_MUST(sqlite3_open(":memory:", &db)==SQLITE_OK);
  sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 1000000);
  sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, 20000);
  FUZZ_MUST(sqlite3_ortto_init(db, NULL, NULL)==SQLITE_OK);
  run(db, "SELECT ortto_config('api_url', 'http://127.0.0.1:1'), ortto_config('key', "
      "'psb-SECRET-KEY-that-must-not-show'), "
          "ortto_config('segment_key', 'psb-SECRET-KEY-that-must-not-show'), ortto_config('rate', 0), "
          "ortto_config('retries', 0)");
  sqlite3_set_authorizer(db, denied, NULL);
  run(db, sql);
  if( !sqlite3_get_autocommit(db) ) run(db, "ROLLBACK");
  FUZZ_MUST(sqlite3_close(db)==SQLITE_OK);
  free(sql);
  return 0;
}
