/*
** lookup.c - see lookup.h.
*/
#include "lookup.h"

#include <string.h>

#include "connection.h"

#define KEYS_A_REQUEST 100
#define ROWS_A_PAGE 500
#define FIELDS_A_REQUEST 150
#define COMPARED_MAX 10000000      /* hints in a run, a fraction of a second */
#define COUNT_PAYS 4               /* from so many requests by id on, the number of all rows is worth one */

list *lookup_list(memory *m, const scan_setup *q){
  return memory_list(m, q->list_asked);
}

/* ---- what it costs ---- */

/* Requests for so many rows. More fields than one request takes are fetched by id. */
static sqlite3_int64 pages_cost(const memory *m, sqlite3_int64 rows){
  sqlite3_int64 pages = rows>0 ? (rows + ROWS_A_PAGE - 1)/ROWS_A_PAGE : 1;
  int further = (m->fields + FIELDS_A_REQUEST - 1)/FIELDS_A_REQUEST - 1;
  return pages*(1 + (further>0 ? further : 0)*(ROWS_A_PAGE/KEYS_A_REQUEST));
}

/* -1: unknown. */
static sqlite3_int64 list_cost(const memory *m, const list *l){
  question everything = question_new();
  sqlite3_int64 total = l->total;
  int64_t known = is_contact_table(m->t) ? m->t->conn->total[m->t->kind] : 0;
  if( total<0 && known>0 && l->asked.high==everything.high && l->asked.low==everything.low ) total = known;
  return total<0 ? -1 : pages_cost(m, total);
}

/* ---- reading the list ---- */

static int list_begin(memory *m, scan_setup *q, list *l, int one_by_one, int limited){
  ortto_query query;
  int rc = setup_ask(q);
  if( rc==SQLITE_OK ) rc = setup_query(q, 1, &query);
  if( rc!=SQLITE_OK ) return rc;
  query.fields = m->field;
  query.field_count = m->fields;
  query.one_by_one = one_by_one;
  if( !limited ) query.limit = 0;
  return fetch_begin(m, l, q->endpoint, &query, l->asked, &l->fetch);
}

/* All of it is in the store. */
static int list_read(memory *m, scan_setup *q, list *l){
  int rc = SQLITE_OK;
  if( l->answer ) return SQLITE_OK;
  if( l->fetch==NULL ) rc = list_begin(m, q, l, 0, 0);
  if( rc==SQLITE_OK ) rc = fetch_finish(m, l->fetch);
  if( rc==SQLITE_OK && l->fetch->users==0 ){
    fetch_use(l->fetch);
    rc = fetch_leave(m, l->fetch);
  }
  return rc;
}

/* How long is it? Its first page tells, and may be all of it; else it is too old when the rest is wanted. A
** server that does not say is asked for everything. */
static int list_measure(memory *m, scan_setup *q, list *l){
  ortto_progress p = { 0 };
  int rc = list_begin(m, q, l, 1, 0);
  fetch *f = l->fetch;
  while( rc==SQLITE_OK && !p.page_ends ){
    int step = fetch_next(m, f);
    if( step==SQLITE_DONE ) break;
    if( step!=SQLITE_ROW ) return step;
    ortto_reader_progress(f->reader, &p);
  }
  if( rc!=SQLITE_OK ) return rc;
  if( f->reader==NULL || p.at_hand || p.total<0 ) return list_read(m, q, l);
  return fetch_drop(m, f);
}

/* The first value by which rows can be found here; NULL: none. */
static const probe *probe_of(const memory *m, const scan_setup *q){
  for(int i=0; i<q->probes; i++){
    int place = m->place[q->probe[i].column];
    int is_text = place>=0 && strcmp(ortto_type_sql(m->field[place]->type), "TEXT")==0;
    if( place>=0 && !(is_text && m->odd) ) return &q->probe[i];
  }
  return NULL;
}

/* An answer that has more rows than were asked for: those that may match. */
static int answer_matches(memory *m, const scan_setup *q, sqlite3_int64 answer, found *out){
  const probe *p = probe_of(m, q);
  if( p==NULL ) return memory_store_fail(m, store_rows(&m->store, answer, &out->rows));
  return memory_store_fail(m, store_matches(&m->store, answer, m->place[p->column], p->value, &out->rows));
}

static int list_rows(memory *m, scan_setup *q, list *l, found *out){
  int rc = list_read(m, q, l);
  return rc==SQLITE_OK ? answer_matches(m, q, l->answer, out) : rc;
}

static int whole_rows(memory *m, scan_setup *q, list *l, found *out){
  int again = l->whole_asked, rc = SQLITE_OK;
  l->whole_asked = 1;
  if( again && probe_of(m, q) ) return list_rows(m, q, l, out);
  if( !again && !q->dependent && l->fetch==NULL ){
    out->stream = 1;
    return SQLITE_OK;
  }
  if( l->fetch==NULL ) rc = list_begin(m, q, l, 0, !again);
  if( rc!=SQLITE_OK ) return rc;
  out->fetch = l->fetch;
  fetch_use(out->fetch);
  return SQLITE_OK;
}

/* ---- looking up ---- */

/* Requests that a look-up takes at least. */
static sqlite3_int64 least_cost(const memory *m, const scan_setup *q){
  sqlite3_int64 most = q->query.by_ids ? q->listed : 1;
  for(int i=0; i<q->conditions; i++) if( q->condition[i].count>most ) most = q->condition[i].count;
  sqlite3_int64 requests = (most + KEYS_A_REQUEST - 1)/KEYS_A_REQUEST;
  return q->query.by_ids ? requests*pages_cost(m, 1) : requests;
}

/* Is it time to read the list? */
static int list_is_due(memory *m, scan_setup *q, list *l, int *due){
  int rc = SQLITE_OK;
  *due = 0;
  int always = m->t->kind==ORTTO_ACTIVITIES || m->t->kind==ORTTO_AUDIENCE_MEMBERS;
  if( always || l->spent==0 ) return SQLITE_OK;   /* once for each person, or audience */
  if( l->fetch==NULL && list_cost(m, l)<0 ) rc = list_measure(m, q, l);
  *due = l->answer || l->fetch || l->spent + least_cost(m, q)>list_cost(m, l);
  return rc;
}

/* That hint goes into the request too, unless it was asked for. */
static int hint_add(memory *m, scan_setup *q, sqlite3_value *hint, int *count){
  sqlite3_int64 answer;
  int column;
  const char *text = (const char *)sqlite3_value_text(hint);
  if( text==NULL ) return SQLITE_NOMEM;
  question key = setup_key(q, text, strlen(text));
  if( key.high==q->asked.high && key.low==q->asked.low ) return SQLITE_OK;
  int rc = memory_store_fail(m, store_find(&m->store, key, &answer, &column));
  if( rc!=SQLITE_OK || answer ) return rc;
  ++*count;
  return setup_add_key(q, text);
}

/* Fills the request with the next keys of the list that the query names. */
static int keys_add(memory *m, scan_setup *q, list *l){
  sqlite3_int64 at = 0;
  sqlite3_value *hint;
  int rc = SQLITE_OK;
  for(int count=1; rc==SQLITE_OK && count<KEYS_A_REQUEST; ){
    rc = setup_hint(q, &at, &hint);
    if( rc!=SQLITE_OK || hint==NULL ) break;
    if( at>l->hints && setup_can_be_key(q, hint) ) rc = hint_add(m, q, hint, &count);
  }
  if( at>l->hints ) l->hints = at;
  return rc;
}

/* A key that the query does not name among others matches nothing. The list may be another one for the next
** row outside, so it is looked through for each key; not for ever, as a request does not cost more. */
static int key_is_named(const scan_setup *q, list *l, int *named){
  sqlite3_int64 at = 0;
  sqlite3_value *hint;
  int rc = SQLITE_OK;
  *named = q->hints==NULL || q->keys!=1 || l->compared>COMPARED_MAX;
  while( rc==SQLITE_OK && !*named ){
    rc = setup_hint(q, &at, &hint);
    if( rc!=SQLITE_OK || hint==NULL ) break;
    *named = setup_may_be_key(q, hint);
  }
  l->compared += at;
  return rc;
}

/* An answer without rows, which is not remembered: the same key may be named for another row outside. */
static int nothing_found(memory *m, found *out){
  return memory_store_fail(m, store_rows(&m->store, ++m->store.answers, &out->rows));
}

/* Every key of a request for many has its rows by its column. */
static int keys_keep(memory *m, scan_setup *q, const ortto_query *asked, sqlite3_int64 answer){
  const char *const *key = asked->ids;
  int count = asked->id_count, rc = SQLITE_OK, place = m->place[q->hints_column];
  for(int i=0; i<asked->condition_count; i++){
    if( asked->conditions[i].count<2 ) continue;
    key = asked->conditions[i].values;
    count = asked->conditions[i].count;
  }
  for(int i=0; rc==SQLITE_OK && i<count; i++)
    rc = store_keep(&m->store, setup_key(q, key[i], strlen(key[i])), answer, place);
  return memory_store_fail(m, rc);
}

static int many_rows(memory *m, scan_setup *q, const ortto_query *asked, fetch *f, found *out){
  sqlite3_int64 answer = f->answer;
  int rc = fetch_finish(m, f);
  if( rc==SQLITE_OK ) rc = keys_keep(m, q, asked, answer);
  fetch_use(f);
  if( rc==SQLITE_OK ) rc = fetch_leave(m, f);
  return rc==SQLITE_OK ? answer_matches(m, q, answer, out) : rc;
}

/* Does its first answer say that it has more pages than pays? A first look-up is never dearer. */
static int is_too_dear(memory *m, list *l, fetch *f, sqlite3_int64 spent, int *dear){
  ortto_progress p;
  int rc = fetch_next(m, f);
  *dear = 0;
  if( rc!=SQLITE_ROW ) return rc==SQLITE_DONE ? SQLITE_OK : rc;
  ortto_reader_progress(f->reader, &p);
  sqlite3_int64 cost = list_cost(m, l);
  *dear = cost>=0 && !p.at_hand && spent + pages_cost(m, p.total)>cost;
  return SQLITE_OK;
}

static int key_ask(memory *m, scan_setup *q, list *l, found *out){
  ortto_query query;
  fetch *f;
  int dear = 0, many = q->hints && q->keys==1;
  sqlite3_int64 spent = l->spent;
  int rc = setup_ask(q);
  if( rc==SQLITE_OK && many ) rc = keys_add(m, q, l);
  if( rc==SQLITE_OK ) rc = setup_query(q, 0, &query);
  if( rc!=SQLITE_OK ) return rc;
  query.fields = m->field;
  query.field_count = m->fields;
  if( query.by_ids && m->cache==NULL && is_contact_table(m->t) ) m->cache = ortto_cache_new();
  query.cache = m->cache;
  rc = fetch_begin(m, l, q->endpoint, &query, q->asked, &f);
  if( rc==SQLITE_OK && spent ) rc = is_too_dear(m, l, f, spent, &dear);
  if( rc!=SQLITE_OK ) return rc;
  if( dear ){
    rc = fetch_drop(m, f);
    return rc==SQLITE_OK ? list_rows(m, q, l, out) : rc;
  }
  if( many && (query.id_count>1 || query.condition_count) ) return many_rows(m, q, &query, f, out);
  out->fetch = f;
  fetch_use(f);
  return SQLITE_OK;
}

static int key_rows(memory *m, scan_setup *q, list *l, found *out){
  sqlite3_int64 answer;
  int column, named, due = 0;
  int rc = memory_store_fail(m, store_find(&m->store, q->asked, &answer, &column));
  if( rc!=SQLITE_OK ) return rc;
  if( answer && column>=0 ) return answer_matches(m, q, answer, out);
  if( answer ) return memory_store_fail(m, store_rows(&m->store, answer, &out->rows));
  out->fetch = fetch_find(m, q->asked);
  if( out->fetch ){
    fetch_use(out->fetch);
    return SQLITE_OK;
  }
  rc = key_is_named(q, l, &named);
  if( rc==SQLITE_OK && !named ) return nothing_found(m, out);
  if( rc==SQLITE_OK ) rc = list_is_due(m, q, l, &due);
  if( rc!=SQLITE_OK ) return rc;
  return due ? list_rows(m, q, l, out) : key_ask(m, q, l, out);
}

int lookup(memory *m, scan_setup *q, found *out){
  list *l = lookup_list(m, q);
  *out = (found){ 0 };
  if( l==NULL ) return SQLITE_NOMEM;
  if( l->answer ) return answer_matches(m, q, l->answer, out);
  return q->keys ? key_rows(m, q, l, out) : whole_rows(m, q, l, out);
}

/* ---- many ids ---- */

/* The number of all rows, 0 unknown. */
static int total_rows(scan_setup *q, int64_t *total){
  int64_t count;
  ortto_reader *reader = NULL;
  ortto_query all = { .table = q->t->kind };
  int rc = vt_fail(q->t, ortto_reader_open(q->endpoint, &all, &reader));
  if( rc==SQLITE_OK ) rc = vt_fail(q->t, ortto_reader_count(reader, &count));
  if( rc==SQLITE_OK && count>0 ) *total = q->t->conn->total[q->t->kind] = count;
  ortto_reader_close(reader);
  return rc;
}

int lookup_widen(scan_setup *q){
  sqlite3_int64 by_ids = (q->listed + KEYS_A_REQUEST - 1)/KEYS_A_REQUEST;
  int rc = SQLITE_OK;
  if( !is_contact_table(q->t) || !q->query.by_ids || by_ids<2 ) return SQLITE_OK;
  int64_t total = q->t->conn->total[q->t->kind];
  if( total==0 && by_ids>=COUNT_PAYS ){
    rc = setup_ask(q);
    if( rc==SQLITE_OK ) rc = total_rows(q, &total);
  }
  if( rc==SQLITE_OK && total>0 && (total + ROWS_A_PAGE - 1)/ROWS_A_PAGE<by_ids ) setup_widen(q);
  return rc;
}
