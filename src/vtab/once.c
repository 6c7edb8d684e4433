/*
** once.c - see once.h.
*/
#include "once.h"

#include <string.h>

#include "../text.h"
#include "sql.h"
#include "connection.h"

#define SLOT (-0x6F7274)           /* a number of our own; SQLite's json.c has another */

typedef struct call_key {
  uint64_t high, low;
} call_key;

typedef struct done_in_run {      /* of one run of one statement */
  conn *conn;
  sqlite3 *db;                     /* without a name */
  sqlite3_stmt *find, *keep;
  int lost;                        /* why a call could not be remembered; 0: all are */
} done_in_run;

static void memory_free(void *p){
  done_in_run *m = p;
  sqlite3_finalize(m->find);
  sqlite3_finalize(m->keep);
  sqlite3_close(m->db);
  sqlite3_free(m);
}

/* The run is over. */
static void memory_end(void *p){
  done_in_run *m = p;
  if( !conn_keep(m->conn, m, memory_free) ) memory_free(m);
}

static done_in_run *memory_new(conn *c){
  done_in_run *m = sqlite3_malloc(sizeof *m);
  if( m==NULL ) return NULL;
  memset(m, 0, sizeof *m);
  m->conn = c;
  int rc = sqlite3_open_v2("", &m->db, SQLITE_OPEN_READWRITE|SQLITE_OPEN_CREATE, NULL);
  if( rc==SQLITE_OK ) rc = sql_run(m->db, "PRAGMA journal_mode=OFF");
  if( rc==SQLITE_OK ) rc = sql_run(m->db, "PRAGMA synchronous=OFF");
  if( rc==SQLITE_OK )
    rc = sql_run(m->db, "CREATE TABLE call(high INTEGER, low INTEGER, result TEXT, PRIMARY KEY(high, low)) "
                 "WITHOUT ROWID");
  if( rc==SQLITE_OK ) rc = sql_prepare(m->db, &m->find, "SELECT result FROM call WHERE high=?1 AND low=?2");
  if( rc==SQLITE_OK ) rc = sql_prepare(m->db, &m->keep, "INSERT OR IGNORE INTO call VALUES(?1,?2,?3)");
  if( rc==SQLITE_OK ) return m;
  memory_free(m);
  return NULL;
}

static void hash_add(call_key *k, const void *bytes, size_t n){
  k->high = mix64(hash_bytes(k->high, bytes, n));
  k->low = hash_bytes(k->low, bytes, n);
}

/* Types count: NULL is not ''. */
static call_key key_of(const char *function, int argc, sqlite3_value **argv){
  call_key k = { HASH_START, ~HASH_START };
  hash_add(&k, function, strlen(function) + 1);
  for(int i=0; i<argc; i++){
    unsigned char type = (unsigned char)sqlite3_value_type(argv[i]);
    const unsigned char *text = sqlite3_value_text(argv[i]);
    int n = sqlite3_value_bytes(argv[i]);
    hash_add(&k, &type, 1);
    hash_add(&k, &n, sizeof n);
    if( text ) hash_add(&k, text, (size_t)n);
  }
  return k;
}

static void bind_key(sqlite3_stmt *stmt, call_key k){
  sqlite3_bind_int64(stmt, 1, (sqlite3_int64)k.high);
  sqlite3_bind_int64(stmt, 2, (sqlite3_int64)k.low);
}

static done_in_run *memory_of(sqlite3_context *ctx){
  done_in_run *m = sqlite3_get_auxdata(ctx, SLOT);
  if( m ) return m;
  conn *c = ((const registration *)sqlite3_user_data(ctx))->conn;
  conn_prune(c);
  m = conn_kept_take(c);
  if( m==NULL ) m = memory_new(c);
  if( m ) sqlite3_set_auxdata(ctx, SLOT, m, memory_end);
  return sqlite3_get_auxdata(ctx, SLOT);         /* freed at once where there is no memory for the slot */
}

int once_result(sqlite3_context *ctx, const char *function, int argc, sqlite3_value **argv, int *found){
  done_in_run *m = memory_of(ctx);
  *found = 0;
  if( m==NULL ) return SQLITE_NOMEM;
  if( m->lost ) return m->lost;
  bind_key(m->find, key_of(function, argc, argv));
  *found = sqlite3_step(m->find)==SQLITE_ROW;
  if( *found ) sqlite3_result_value(ctx, sqlite3_column_value(m->find, 0));
  return sqlite3_reset(m->find);
}

void once_keep(sqlite3_context *ctx, const char *function, int argc, sqlite3_value **argv, const char *text,
               sqlite3_int64 n){
  done_in_run *m = memory_of(ctx);
  if( m==NULL ) return;
  bind_key(m->keep, key_of(function, argc, argv));
  sqlite3_bind_text64(m->keep, 3, text, (sqlite3_uint64)n, SQLITE_STATIC, SQLITE_UTF8);
  sqlite3_step(m->keep);
  m->lost = sqlite3_reset(m->keep);
  sqlite3_clear_bindings(m->keep);
}
