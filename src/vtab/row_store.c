/*
** row_store.c - see row_store.h.
*/
#include "row_store.h"

#include <string.h>

#include "../text.h"
#include "convert.h"
#include "match_key.h"
#include "sql.h"

#define READ_ALL (-1)
#define STEPS_BETWEEN_STOPS 100000
#define ROW_BITS 32                /* of an id, the lower ones: the row's number in its answer */

/* ---- what was asked ---- */

question question_new(void){
  return (question){ HASH_START, ~HASH_START };
}

void question_add(question *q, const void *bytes, size_t n){
  q->high = mix64(hash_bytes(q->high, bytes, n));
  q->low = hash_bytes(q->low, bytes, n);
}

void question_text(question *q, const char *text, size_t n){
  question_add(q, &n, sizeof n);
  question_add(q, text, n);
}

/* ---- opening ---- */

static char *column_names(int columns){
  sqlite3_str *s = sqlite3_str_new(NULL);
  for(int i=0; i<columns; i++) sqlite3_str_appendf(s, ",v%d", i);
  return sqlite3_str_finish(s);
}

static int store_prepare(row_store *s, const char *columns){
  char *marks = sqlite3_mprintf("%.*c", 2*s->columns, ',');
  if( marks==NULL ) return SQLITE_NOMEM;
  for(int i=1; i<2*s->columns; i+=2) marks[i] = '?';
  int rc = sql_run(s->db, "CREATE TABLE row(id INTEGER PRIMARY KEY, list%s)", columns);
  if( rc==SQLITE_OK ) rc = sql_run(s->db, "CREATE TABLE asked(high INTEGER, low INTEGER, answer INTEGER, "
                                   "by INTEGER, PRIMARY KEY(high, low)) WITHOUT ROWID");
  if( rc==SQLITE_OK ) rc = sql_prepare(s->db, &s->insert, "INSERT INTO row VALUES(?,?%s)", marks);
  if( rc==SQLITE_OK )
    rc = sql_prepare(s->db, &s->find, "SELECT answer, by FROM asked WHERE high=? AND low=?");
  if( rc==SQLITE_OK ) rc = sql_prepare(s->db, &s->keep, "INSERT OR REPLACE INTO asked VALUES(?,?,?,?)");
  sqlite3_free(marks);
  return rc;
}

/* One transaction for ever: nothing of it is to outlive the connection. */
int store_open(row_store *s){
  if( s->failed ) return s->failed;
  if( s->db ) return SQLITE_OK;
  char *columns = column_names(s->columns);
  s->indexed = sqlite3_malloc64((sqlite3_uint64)s->columns + 1);
  int rc = columns && s->indexed ? SQLITE_OK : SQLITE_NOMEM;
  if( rc==SQLITE_OK ){
    memset(s->indexed, 0, (size_t)s->columns + 1);
    rc = sqlite3_open_v2("", &s->db, SQLITE_OPEN_READWRITE|SQLITE_OPEN_CREATE|SQLITE_OPEN_NOMUTEX, NULL);
  }
  if( rc==SQLITE_OK ) rc = match_key_register(s->db);
  if( rc==SQLITE_OK ) sqlite3_progress_handler(s->db, STEPS_BETWEEN_STOPS, s->stop, s->ctx);
  if( rc==SQLITE_OK )
    rc = sqlite3_exec(s->db, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-4000; "
                      "BEGIN", NULL, NULL, NULL);
  if( rc==SQLITE_OK ) rc = store_prepare(s, columns);
  sqlite3_free(columns);
  return s->failed = rc;
}

void store_close(row_store *s){
  sqlite3_finalize(s->insert);
  sqlite3_finalize(s->find);
  sqlite3_finalize(s->keep);
  for(int i=0; i<s->reading_count; i++) sqlite3_finalize(s->readings[i].stmt);
  sqlite3_free(s->readings);
  sqlite3_free(s->indexed);
  sqlite3_close(s->db);
}

const char *store_error(const row_store *s){
  return s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(s->failed);
}

/* ---- questions ---- */

static void bind_question(sqlite3_stmt *stmt, question q){
  sqlite3_bind_int64(stmt, 1, (sqlite3_int64)q.high);
  sqlite3_bind_int64(stmt, 2, (sqlite3_int64)q.low);
}

int store_find(row_store *s, question q, sqlite3_int64 *answer, int *column){
  *answer = 0;
  *column = -1;
  int rc = store_open(s);
  if( rc!=SQLITE_OK ) return rc;
  bind_question(s->find, q);
  if( sqlite3_step(s->find)==SQLITE_ROW ){
    *answer = sqlite3_column_int64(s->find, 0);
    *column = sqlite3_column_int(s->find, 1);
  }
  return sqlite3_reset(s->find);
}

/* Runs a statement that is kept prepared. */
static int kept_run(sqlite3_stmt *stmt){
  sqlite3_step(stmt);
  return sqlite3_reset(stmt);
}

int store_keep(row_store *s, question q, sqlite3_int64 answer, int column){
  int rc = store_open(s);
  if( rc!=SQLITE_OK ) return rc;
  bind_question(s->keep, q);
  sqlite3_bind_int64(s->keep, 3, answer);
  sqlite3_bind_int(s->keep, 4, column);
  return kept_run(s->keep);
}

/* ---- rows ---- */

/* The rows of an answer stand together, in their order: so they are added at the end, which SQLite does
** fastest, and an index entry is two numbers, compared as such. */
static sqlite3_int64 row_id(sqlite3_int64 answer, sqlite3_int64 row){
  return (sqlite3_int64)((uint64_t)answer << ROW_BITS) + row;
}

int store_add(row_store *s, sqlite3_int64 answer, sqlite3_int64 row, int list, const ortto_value *value,
              const char *extra){
  int rc = store_open(s), plain = s->columns - (extra!=NULL);
  if( rc!=SQLITE_OK ) return rc;
  sqlite3_bind_int64(s->insert, 1, row_id(answer, row));
  sqlite3_bind_int(s->insert, 2, list);
  for(int i=0; rc==SQLITE_OK && i<plain; i++) rc = bind_value(s->insert, 3+i, &value[i]);
  if( rc==SQLITE_OK && extra ) rc = sqlite3_bind_text(s->insert, 3+plain, extra, -1, SQLITE_STATIC);
  return rc==SQLITE_OK ? kept_run(s->insert) : rc;
}

int store_drop(row_store *s, sqlite3_int64 answer){
  return s->db ? sql_run(s->db, "DELETE FROM row WHERE id BETWEEN %lld AND %lld", row_id(answer, 0),
                         row_id(answer + 1, 0) - 1) : SQLITE_OK;
}

static int reading_prepare(row_store *s, int column, sqlite3_stmt **out){
  char *columns = column_names(s->columns);
  if( columns==NULL ) return SQLITE_NOMEM;
  int rc;
  if( column==READ_ALL )
    rc = sql_prepare(s->db, out, "SELECT list%s FROM row WHERE id BETWEEN ?1 AND ?2 ORDER BY id", columns);
  else
    rc = sql_prepare(s->db, out, "SELECT list%s FROM row INDEXED BY by%d WHERE match_key(v%d)=match_key(?3) "
                     "AND id BETWEEN ?1 AND ?2", columns, column, column);
  sqlite3_free(columns);
  return rc;
}

static int reading_new(row_store *s, int column, sqlite3_stmt **out){
  sqlite3_uint64 count = (sqlite3_uint64)s->reading_count + 1;
  row_reading *grown = sqlite3_realloc64(s->readings, count * sizeof *grown);
  if( grown==NULL ) return SQLITE_NOMEM;
  s->readings = grown;
  int rc = reading_prepare(s, column, out);
  if( rc==SQLITE_OK ) grown[s->reading_count++] = (row_reading){ *out, column, 1 };
  return rc;
}

/* A statement over the rows from one id to another. */
static int reading_lend(row_store *s, int column, sqlite3_int64 from, sqlite3_int64 to, sqlite3_stmt **out){
  int rc = store_open(s);
  *out = NULL;
  for(int i=0; rc==SQLITE_OK && *out==NULL && i<s->reading_count; i++){
    row_reading *r = &s->readings[i];
    if( r->column!=column || r->lent ) continue;
    r->lent = 1;
    *out = r->stmt;
  }
  if( rc==SQLITE_OK && *out==NULL ) rc = reading_new(s, column, out);
  if( rc==SQLITE_OK ) rc = sqlite3_bind_int64(*out, 1, from);
  return rc==SQLITE_OK ? sqlite3_bind_int64(*out, 2, to) : rc;
}

int store_rows(row_store *s, sqlite3_int64 answer, sqlite3_stmt **out){
  return reading_lend(s, READ_ALL, row_id(answer, 0), row_id(answer + 1, 0) - 1, out);
}

static int index_make(row_store *s, int column){
  if( s->indexed[column] ) return SQLITE_OK;
  int rc = sql_run(s->db, "CREATE INDEX by%d ON row(match_key(v%d))", column, column);
  s->indexed[column] = rc==SQLITE_OK;
  return rc;
}

int store_matches(row_store *s, sqlite3_int64 answer, int column, sqlite3_value *v, sqlite3_stmt **out){
  *out = NULL;
  int rc = store_open(s);
  if( rc==SQLITE_OK ) rc = index_make(s, column);
  if( rc==SQLITE_OK ) rc = reading_lend(s, column, row_id(answer, 0), row_id(answer + 1, 0) - 1, out);
  return rc==SQLITE_OK ? sqlite3_bind_value(*out, 3, v) : rc;
}

int store_row(row_store *s, sqlite3_int64 answer, sqlite3_int64 row, sqlite3_stmt **out){
  sqlite3_int64 id = row_id(answer, row);
  return reading_lend(s, READ_ALL, id, id, out);
}

void store_return(row_store *s, sqlite3_stmt *stmt){
  if( stmt==NULL ) return;
  sqlite3_reset(stmt);
  sqlite3_clear_bindings(stmt);
  for(int i=0; i<s->reading_count; i++) if( s->readings[i].stmt==stmt ) s->readings[i].lent = 0;
}
