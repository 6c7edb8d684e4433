/*
** memory.c - see memory.h.
*/
#include "memory.h"

#include <string.h>

#include "connection.h"
#include "convert.h"

#define WAITING_MAX 4              /* look-ups that are kept although they are not complete */
#define ROWS_BETWEEN_STOPS 2048
#define BYTES_HELD 8000000         /* of rows, */
#define ENTRIES_HELD 1000000       /* and of indexes: 8 MB */

/* -- the columns wanted -- */

static void want(memory *m, int field, int column){
  m->field[m->fields] = &m->t->fields->field[field];
  if( column>=0 ) m->place[column] = m->fields;
  m->fields++;
}

/* Those in use, and the key. more_fields takes all the fields that have no column. */
static int memory_columns(memory *m){
  const table *t = m->t;
  m->field = sqlite3_malloc64(((sqlite3_uint64)t->fields->count + 1) * sizeof *m->field);
  m->place = sqlite3_malloc64(((sqlite3_uint64)t->columns + 1) * sizeof *m->place);
  if( m->field==NULL || m->place==NULL ) return SQLITE_NOMEM;
  m->more_from = -1;
  for(int i=0; i<t->columns; i++){
    m->place[i] = -1;
    int field = column_field(t, i);
    int used = (int)(m->used >> (i<63 ? i : 63) & 1);
    if( field>=0 && (used || t->fields->field[field].key) ) want(m, field, i);
    if( i==t->rowid_column ) m->place[i] = m->place[0];   /* the id is first wherever it is the key */
    if( field>=0 || !used || (i>=1 && i<=t->hidden_columns) || i==t->rowid_column ) continue;
    m->more_from = m->fields;
    for(int k=t->overflow; k<t->fields->count; k++) want(m, k, -1);
  }
  return SQLITE_OK;
}

memory *memory_new(table *t, unsigned long long used){
  memory *m = sqlite3_malloc(sizeof *m);
  if( m==NULL ) return NULL;
  memset(m, 0, sizeof *m);
  m->t = t;
  m->used = used;
  m->changes = t->conn->changes;
  if( memory_columns(m)!=SQLITE_OK ){
    memory_free(m);
    return NULL;
  }
  m->store = (row_store){ .columns = m->more_from<0 ? m->fields : m->more_from + 1,
                          .most = ENTRIES_HELD, .pages = { .most = BYTES_HELD },
                          .stop = conn_interrupted, .ctx = t->conn };
  return m;
}

static void fetch_free(fetch *f){
  ortto_reader_close(f->reader);
  if( f->list->fetch==f ) f->list->fetch = NULL;
  sqlite3_free(f);
}

void memory_free(memory *m){
  while( m->fetches ){
    fetch *f = m->fetches;
    m->fetches = f->next;
    fetch_free(f);
  }
  while( m->lists ){
    list *l = m->lists;
    m->lists = l->next;
    sqlite3_free(l);
  }
  store_close(&m->store);
  ortto_cache_free(m->cache);
  sqlite3_free(m->field);
  sqlite3_free(m->place);
  sqlite3_free(m);
}

list *memory_list(memory *m, question asked){
  list *l = m->lists;
  while( l && (l->asked.high!=asked.high || l->asked.low!=asked.low) ) l = l->next;
  if( l ) return l;
  l = sqlite3_malloc(sizeof *l);
  if( l==NULL ) return NULL;
  *l = (list){ .next = m->lists, .asked = asked, .total = -1, .count = -1 };
  return m->lists = l;
}

int memory_store_fail(memory *m, int rc){
  if( rc==SQLITE_OK || rc==SQLITE_NOMEM || rc==SQLITE_INTERRUPT ) return rc;
  return vt_error(m->t, "ortto: rows of %s that a join needs again cannot be kept in a temporary file: %s. "
                  "Nothing was changed; make room, or say in SQLITE_TMPDIR where there is some", m->t->name,
                  store_error(&m->store));
}

/* -- how many there are -- */

static int is_narrowed(const ortto_query *q){
  return q->condition_count || q->by_ids || q->filter || q->q || q->archived || q->audience_count;
}

static void learn_total(table *t, int narrowed, int of_audience, const ortto_progress *p){
  int64_t total = narrowed ? -1 : p->total;
  if( total<0 && !of_audience && p->everybody>0 ) total = p->everybody;
  if( is_contact_table(t) && total>=0 ) t->conn->total[t->kind] = total;
}

void memory_learn_total(table *t, const ortto_query *query, const ortto_progress *progress){
  learn_total(t, is_narrowed(query), query->audience_count>0, progress);
}

/* What a fetch has told so far. */
static void fetch_learn(memory *m, fetch *f){
  ortto_progress p;
  ortto_reader_progress(f->reader, &p);
  learn_total(m->t, f->narrowed, f->of_audience, &p);
  if( f->list->fetch==f ){
    if( p.total>=0 ) f->list->total = p.total;
    progress_rows(&m->t->conn->line, m->t, m->t->name, f->rows, p.total);
    return;
  }
  f->list->spent += p.requests - f->requests;
  f->requests = p.requests;
}

/* -- answers -- */

int fetch_begin(memory *m, list *l, ortto_endpoint *endpoint, const ortto_query *query, question asked,
                fetch **out){
  fetch *f = sqlite3_malloc(sizeof *f);
  *out = NULL;
  if( f==NULL ) return SQLITE_NOMEM;
  *f = (fetch){ .list = l, .asked = asked, .narrowed = is_narrowed(query),
                .of_audience = query->audience_count>0 };
  int rc = vt_fail(m->t, ortto_reader_open(endpoint, query, &f->reader));
  if( rc!=SQLITE_OK ){
    sqlite3_free(f);
    return rc;
  }
  f->answer = ++m->store.answers;
  f->next = m->fetches;
  *out = m->fetches = f;
  return SQLITE_OK;
}

fetch *fetch_find(const memory *m, question asked){
  fetch *f = m->fetches;
  while( f && (f->asked.high!=asked.high || f->asked.low!=asked.low || f->reader==NULL) ) f = f->next;
  return f;
}

static int fetch_complete(memory *m, fetch *f){
  fetch_learn(m, f);
  ortto_reader_close(f->reader);
  f->reader = NULL;
  if( f->list->fetch==f ) f->list->answer = f->answer;
  int rc = store_keep(&m->store, f->asked, f->answer, -1);
  return rc==SQLITE_OK ? SQLITE_DONE : memory_store_fail(m, rc);
}

static int is_odd(const ortto_field *f, const ortto_value *v){
  return v->kind==ORTTO_VALUE_REAL && f->type!=ORTTO_REAL && strcmp(ortto_type_sql(f->type), "TEXT")==0;
}

static int fetch_store(memory *m, fetch *f){
  char *more = NULL;
  if( m->more_from>=0 ){
    more = more_text(m->field, f->value, m->more_from, m->fields);
    if( more==NULL ) return SQLITE_NOMEM;
  }
  for(int i=0; i<m->fields; i++) m->odd |= is_odd(m->field[i], &f->value[i]);
  int rc = store_add(&m->store, f->answer, ++f->rows, f->found_in, f->value, more);
  sqlite3_free(more);
  return memory_store_fail(m, rc);
}

int fetch_next(memory *m, fetch *f){
  if( f->reader==NULL ) return SQLITE_DONE;
  f->value = NULL;
  const ortto_value *value;
  int rc = ortto_reader_next(f->reader, &value);
  if( rc==ORTTO_DONE ) return fetch_complete(m, f);
  if( rc!=ORTTO_ROW ) return vt_fail(m->t, rc);
  progress_row(&m->t->conn->line, m->t, m->t->name);
  f->value = value;
  f->found_in = ortto_reader_audience(f->reader);
  rc = fetch_store(m, f);
  if( rc==SQLITE_OK && f->rows==1 ) fetch_learn(m, f);
  if( rc==SQLITE_OK && f->rows%ROWS_BETWEEN_STOPS==0 && conn_interrupted(m->t->conn) ) rc = SQLITE_INTERRUPT;
  return rc==SQLITE_OK ? SQLITE_ROW : rc;
}

int fetch_finish(memory *m, fetch *f){
  int rc = SQLITE_ROW;
  while( rc==SQLITE_ROW ) rc = fetch_next(m, f);
  return rc==SQLITE_DONE ? SQLITE_OK : rc;
}

static void fetch_unlink(memory *m, fetch *f){
  fetch **at = &m->fetches;
  while( *at!=f ) at = &(*at)->next;
  *at = f->next;
  fetch_free(f);
}

int fetch_drop(memory *m, fetch *f){
  int rc = store_drop(&m->store, f->answer);
  fetch_unlink(m, f);
  return memory_store_fail(m, rc);
}

void fetch_use(fetch *f){
  f->users++;
}

/* Of those that wait, the one that was begun first. */
static int waiting_trim(memory *m){
  int waiting = 0;
  fetch *last = NULL;
  for(fetch *f=m->fetches; f; f=f->next){
    if( f->users || f->list->fetch==f ) continue;
    waiting++;
    last = f;
  }
  return waiting>WAITING_MAX ? fetch_drop(m, last) : SQLITE_OK;
}

int fetch_leave(memory *m, fetch *f){
  ortto_progress p;
  int rc = SQLITE_OK;
  if( --f->users>0 ) return SQLITE_OK;
  if( f->reader ){
    fetch_learn(m, f);
    ortto_reader_progress(f->reader, &p);
    if( p.at_hand ) rc = fetch_finish(m, f);
  }
  if( rc!=SQLITE_OK ) fetch_drop(m, f);
  else if( f->reader==NULL ) fetch_unlink(m, f);
  return rc==SQLITE_OK ? waiting_trim(m) : rc;
}
