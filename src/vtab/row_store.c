/*
** row_store.c - see row_store.h.
*/
#include "row_store.h"

#include <string.h>

#include "../text.h"
#include "match_key.h"
#include "sql.h"

#define ROW_BITS 32                /* of a page's number, the lower ones: its first row in the answer */
#define LONG_TEXT 255              /* a length in one byte is less */

struct column_index {
  column_index *next;
  sqlite3_int64 answer;
  int column;
  size_t held;                     /* entries in memory */
  row_index rows;
};

struct row_reading {               /* lent to one cursor */
  row_reading *next;
  row_store *store;
  int lent;
  sqlite3_int64 answer;
  sqlite3_int64 row, last;         /* those that come next, one after another */
  const column_index *index;       /* or those that it has */
  index_place place;
  page_reader page;                /* with the row that it stands on */
  sqlite3_int64 page_answer, page_first;
  uint32_t page_rows;
  const unsigned char *at;         /* in it, the first value that is not in value[] */
  int list, known;
  ortto_value *value;
};

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

static int store_open(row_store *s){
  if( s->pages.failed || s->key ) return s->pages.failed;
  int rc = pages_open(&s->pages);
  if( rc==SQLITE_OK ) rc = sql_run(s->pages.db, "CREATE TABLE asked(high INTEGER, low INTEGER, "
                                   "answer INTEGER, by INTEGER, PRIMARY KEY(high, low)) WITHOUT ROWID");
  if( rc==SQLITE_OK )
    rc = sql_prepare(s->pages.db, &s->find, "SELECT answer, by FROM asked WHERE high=? AND low=?");
  if( rc==SQLITE_OK )
    rc = sql_prepare(s->pages.db, &s->keep, "INSERT OR REPLACE INTO asked VALUES(?,?,?,?)");
  if( rc==SQLITE_OK ) rc = match_key_prepare(s->pages.db, &s->key);
  return pages_result(&s->pages, rc);
}

static void index_close(row_store *s, column_index *x){
  s->held -= x->held;
  index_free(&x->rows);
  sqlite3_free(x);
}

void store_close(row_store *s){
  while( s->indexes ){
    column_index *x = s->indexes;
    s->indexes = x->next;
    index_close(s, x);
  }
  while( s->readings ){
    row_reading *r = s->readings;
    s->readings = r->next;
    page_leave(&r->page);
    page_leave(&r->place.page);
    sqlite3_free(r->value);
    sqlite3_free(r);
  }
  sqlite3_finalize(s->find);
  sqlite3_finalize(s->keep);
  sqlite3_finalize(s->key);
  sqlite3_free(s->block);
  pages_close(&s->pages);
}

const char *store_error(const row_store *s){
  return pages_error(&s->pages);
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
  return pages_result(&s->pages, sqlite3_reset(s->find));
}

int store_keep(row_store *s, question q, sqlite3_int64 answer, int column){
  int rc = store_open(s);
  if( rc!=SQLITE_OK ) return rc;
  bind_question(s->keep, q);
  sqlite3_bind_int64(s->keep, 3, answer);
  sqlite3_bind_int(s->keep, 4, column);
  sqlite3_step(s->keep);
  return pages_result(&s->pages, sqlite3_reset(s->keep));
}

/* ---- a row as bytes ----
**
** The list; then of each value its kind and, unless it is NULL, eight bytes, or the length and a text. A page
** has rows, then where each of them ends, then their number. */

static unsigned char *put(unsigned char *at, const void *bytes, size_t n){
  if( n ) memcpy(at, bytes, n);
  return at + n;
}

static unsigned char *put_text(unsigned char *at, const char *text, size_t n){
  uint64_t length = n;
  *at++ = n<LONG_TEXT ? (unsigned char)n : LONG_TEXT;
  if( n>=LONG_TEXT ) at = put(at, &length, sizeof length);
  return put(at, text, n);
}

static unsigned char *put_value(unsigned char *at, const ortto_value *v){
  *at++ = (unsigned char)v->kind;
  switch( v->kind ){
    case ORTTO_VALUE_NULL: return at;
    case ORTTO_VALUE_INTEGER: return put(at, &v->integer, sizeof v->integer);
    case ORTTO_VALUE_REAL: return put(at, &v->real, sizeof v->real);
    default: return put_text(at, v->text, v->length);
  }
}

/* At most so many bytes. */
static size_t value_size(const ortto_value *v){
  int is_text = v->kind==ORTTO_VALUE_TEXT || v->kind==ORTTO_VALUE_JSON;
  return 2 + sizeof(uint64_t) + (is_text ? v->length : 0);
}

static const unsigned char *take(const unsigned char *at, void *to, size_t n){
  memcpy(to, at, n);
  return at + n;
}

static const unsigned char *take_text(const unsigned char *at, ortto_value *v){
  uint64_t length = *at++;
  if( length==LONG_TEXT ) at = take(at, &length, sizeof length);
  v->text = (const char *)at;
  v->length = (size_t)length;
  return at + length;
}

static const unsigned char *take_value(const unsigned char *at, ortto_value *v){
  *v = (ortto_value){ .kind = (ortto_kind)*at++ };
  switch( v->kind ){
    case ORTTO_VALUE_NULL: return at;
    case ORTTO_VALUE_INTEGER: return take(at, &v->integer, sizeof v->integer);
    case ORTTO_VALUE_REAL: return take(at, &v->real, sizeof v->real);
    default: return take_text(at, v);
  }
}

/* ---- adding rows ---- */

static sqlite3_int64 page_number(sqlite3_int64 answer, sqlite3_int64 row){
  return (sqlite3_int64)((uint64_t)answer << ROW_BITS) + row;
}

static void block_clear(row_store *s){
  s->block_n = 0;
  s->block_rows = 0;
}

/* Room for a row of that size, and for what stands behind the rows. */
static int block_reserve(row_store *s, size_t size){
  size_t need = s->block_n + size + sizeof s->row_end + sizeof s->block_rows;
  if( need<=s->block_room ) return SQLITE_OK;
  unsigned char *grown = need<=INT32_MAX ? sqlite3_realloc64(s->block, need + PAGE_BYTES) : NULL;
  if( grown==NULL ) return pages_result(&s->pages, SQLITE_NOMEM);
  s->block = grown;
  s->block_room = need + PAGE_BYTES;
  return SQLITE_OK;
}

static int block_end(row_store *s){
  if( s->block_rows==0 ) return s->pages.failed;
  unsigned char *end = put(s->block + s->block_n, s->row_end, s->block_rows * sizeof *s->row_end);
  end = put(end, &s->block_rows, sizeof s->block_rows);
  sqlite3_int64 first = page_number(s->block_answer, s->block_first);
  int rc = pages_put(&s->pages, first, first + s->block_rows - 1, s->block, (size_t)(end - s->block));
  block_clear(s);
  return rc;
}

static int block_is_full(const row_store *s){
  size_t row = s->block_n/s->block_rows;
  return s->block_rows==ROWS_A_BLOCK
      || s->block_n + row + (s->block_rows + 2)*sizeof *s->row_end>PAGE_BYTES;
}

/* A block has rows of one answer. */
static int block_begin(row_store *s, sqlite3_int64 answer, sqlite3_int64 row){
  int rc = store_open(s);
  if( rc==SQLITE_OK && s->block_rows && s->block_answer!=answer ) rc = block_end(s);
  if( rc==SQLITE_OK && s->block_rows==0 ){
    s->block_answer = answer;
    s->block_first = row;
  }
  return rc;
}

int store_add(row_store *s, sqlite3_int64 answer, sqlite3_int64 row, int list, const ortto_value *value,
              const char *extra){
  ortto_value last = { .kind = ORTTO_VALUE_TEXT, .text = extra, .length = extra ? strlen(extra) : 0 };
  int plain = s->columns - (extra!=NULL);
  size_t size = sizeof list + value_size(&last);
  for(int i=0; i<plain; i++) size += value_size(&value[i]);
  int rc = block_begin(s, answer, row);
  if( rc==SQLITE_OK ) rc = block_reserve(s, size);
  if( rc!=SQLITE_OK ) return rc;
  unsigned char *at = put(s->block + s->block_n, &list, sizeof list);
  for(int i=0; i<plain; i++) at = put_value(at, &value[i]);
  if( extra ) at = put_value(at, &last);
  s->block_n = (size_t)(at - s->block);
  s->row_end[s->block_rows++] = (uint32_t)s->block_n;
  return block_is_full(s) ? block_end(s) : SQLITE_OK;
}

int store_drop(row_store *s, sqlite3_int64 answer){
  if( s->block_answer==answer ) block_clear(s);
  for(column_index **x=&s->indexes; *x; ){
    column_index *dropped = *x;
    if( dropped->answer==answer ){
      *x = dropped->next;
      index_close(s, dropped);
    }else x = &dropped->next;
  }
  return pages_delete(&s->pages, page_number(answer, 0), page_number(answer + 1, 0) - 1);
}

/* ---- reading rows ---- */

/* One that stands near the row, if there is such a one. */
static row_reading *reading_free(const row_store *s, sqlite3_int64 answer, sqlite3_int64 row){
  row_reading *any = NULL;
  for(row_reading *r=s->readings; r; r=r->next){
    if( r->lent ) continue;
    any = r;
    if( r->page_answer==answer && row>=r->page_first && row-r->page_first<r->page_rows ) break;
  }
  return any;
}

static row_reading *reading_new(row_store *s){
  row_reading *r = sqlite3_malloc(sizeof *r);
  if( r==NULL ) return NULL;
  *r = (row_reading){ .store = s };
  r->value = sqlite3_malloc64((sqlite3_uint64)s->columns * sizeof *r->value);
  if( r->value==NULL ){
    sqlite3_free(r);
    return NULL;
  }
  r->next = s->readings;
  return s->readings = r;
}

static int reading_lend(row_store *s, sqlite3_int64 answer, sqlite3_int64 row, sqlite3_int64 last,
                        row_reading **out){
  int rc = store_open(s);
  *out = NULL;
  if( rc==SQLITE_OK && s->block_answer==answer && last>=s->block_first ) rc = block_end(s);
  if( rc!=SQLITE_OK ) return rc;
  row_reading *r = reading_free(s, answer, row);
  if( r==NULL ) r = reading_new(s);
  if( r==NULL ) return SQLITE_NOMEM;
  r->lent = 1;
  r->answer = answer;
  r->row = row;
  r->last = last;
  r->index = NULL;
  *out = r;
  return SQLITE_OK;
}

int store_rows(row_store *s, sqlite3_int64 answer, row_reading **out){
  return reading_lend(s, answer, 1, UINT32_MAX, out);
}

int store_row(row_store *s, sqlite3_int64 answer, sqlite3_int64 row, row_reading **out){
  return reading_lend(s, answer, row, row, out);
}

void store_return(row_reading *r){
  if( r ) r->lent = 0;
}

/* The page with that row; *there: there is one. */
static int page_of(row_reading *r, sqlite3_int64 row, int *there){
  *there = r->page_answer==r->answer && row>=r->page_first && row-r->page_first<r->page_rows;
  if( *there ) return SQLITE_OK;
  r->page_answer = 0;
  int rc = page_read(&r->page, &r->store->pages, page_number(r->answer, row));
  if( rc!=SQLITE_OK || r->page.bytes==NULL || r->page.first>>ROW_BITS!=r->answer ) return rc;
  memcpy(&r->page_rows, r->page.bytes + r->page.n - sizeof r->page_rows, sizeof r->page_rows);
  r->page_answer = r->answer;
  r->page_first = r->page.first & UINT32_MAX;
  *there = row - r->page_first<r->page_rows;
  return SQLITE_OK;
}

/* Onto that row. */
static int reading_stand(row_reading *r, sqlite3_int64 row){
  int there;
  int rc = page_of(r, row, &there);
  if( rc!=SQLITE_OK || !there ) return rc==SQLITE_OK ? SQLITE_DONE : rc;
  uint32_t at = (uint32_t)(row - r->page_first), begin = 0;
  const unsigned char *row_end = r->page.bytes + r->page.n - (r->page_rows + 1)*sizeof begin;
  if( at ) memcpy(&begin, row_end + (at - 1)*sizeof begin, sizeof begin);
  r->at = take(r->page.bytes + begin, &r->list, sizeof r->list);
  r->known = 0;
  return SQLITE_ROW;
}

int reading_step(row_reading *r){
  if( r->index==NULL ) return r->row>r->last ? SQLITE_DONE : reading_stand(r, r->row++);
  uint32_t row;
  int rc = index_next(&r->place, &r->index->rows, &row);
  if( rc!=SQLITE_ROW ) return rc;
  rc = reading_stand(r, row);
  return rc==SQLITE_DONE ? SQLITE_CORRUPT : rc;
}

int reading_list(const row_reading *r){
  return r->list;
}

const ortto_value *reading_value(row_reading *r, int column){
  while( r->known<=column ) r->at = take_value(r->at, &r->value[r->known++]);
  return &r->value[column];
}

/* ---- rows by what they have in a column ---- */

static int index_fill(row_store *s, column_index *x, row_reading *r){
  int rc;
  uint64_t key;
  for(uint32_t row=1; (rc = reading_step(r))==SQLITE_ROW; row++){
    rc = match_key_ortto(s->key, reading_value(r, x->column), &key);
    if( rc==SQLITE_OK ) rc = index_add(&x->rows, key, row);
    if( rc==SQLITE_OK && row%ROWS_A_BLOCK==0 && s->stop(s->ctx) ) rc = SQLITE_INTERRUPT;
    if( rc!=SQLITE_OK ) return rc;
  }
  if( rc==SQLITE_DONE ) rc = index_end(&x->rows, s->most - s->held, &x->held);
  s->held += x->held;
  return rc;
}

static int index_new(row_store *s, sqlite3_int64 answer, int column, column_index **out){
  row_reading *r;
  column_index *x = sqlite3_malloc(sizeof *x);
  if( x==NULL ) return SQLITE_NOMEM;
  *x = (column_index){ .answer = answer, .column = column };
  x->rows = (row_index){ .pages = &s->pages, .most = s->most/2 };
  int rc = store_rows(s, answer, &r);
  if( rc==SQLITE_OK ) rc = index_fill(s, x, r);
  store_return(r);
  if( rc!=SQLITE_OK ){
    index_close(s, x);
    return rc;
  }
  x->next = s->indexes;
  *out = s->indexes = x;
  return SQLITE_OK;
}

static int index_of(row_store *s, sqlite3_int64 answer, int column, column_index **out){
  column_index **at = &s->indexes;
  while( *at && ((*at)->answer!=answer || (*at)->column!=column) ) at = &(*at)->next;
  column_index *x = *at;
  if( x==NULL ) return index_new(s, answer, column, out);
  *at = x->next;
  x->next = s->indexes;
  *out = s->indexes = x;
  return SQLITE_OK;
}

int store_matches(row_store *s, sqlite3_int64 answer, int column, sqlite3_value *v, row_reading **out){
  column_index *x = NULL;
  uint64_t key = 0;
  *out = NULL;
  int rc = store_open(s);
  if( rc==SQLITE_OK ) rc = index_of(s, answer, column, &x);
  if( rc==SQLITE_OK ) rc = match_key_sqlite(s->key, v, &key);
  if( rc==SQLITE_OK ) rc = reading_lend(s, answer, 0, 0, out);
  if( rc!=SQLITE_OK ) return rc;
  (*out)->index = x;
  index_seek(&(*out)->place, key);
  return SQLITE_OK;
}
