/*
** read_ids.c - see read_ids.h.
*/
#include "read_ids.h"

#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "schema.h"

#define IDS_MAX 100                /* ids in one get-by-ids; the server's own limit is unknown [guess] */
#define FIELDS_MAX 150             /* field ids in one request [documented for get-by-ids] */
#define CACHE_MAX (8u << 20)       /* bytes of a cache that may get a further reader */

typedef struct id_reading {
  id_list ids;
  field_chunks fields;
  ortto_cache *cache;              /* NULL: nothing is remembered */
  int looked;                      /* into the cache */
  int archived_at, restored_at;    /* people: places of these two fields; accounts: -1 */
} id_reading;

/* ---- what was fetched before ----------------------------------------------------------------- */

typedef struct cached {
  const char *id;
  const char *fields;              /* JSON text, NULL: there is no such record */
  size_t n;
} cached;

struct ortto_cache {
  arena memory;
  size_t bytes;
  cached *record;
  int count, cap;
  text_map by_id;
};

ortto_cache *ortto_cache_new(void){
  return calloc(1, sizeof(ortto_cache));
}

static void cache_clear(ortto_cache *c){
  arena_free(&c->memory);
  free(c->record);
  map_free(&c->by_id);
  memset(c, 0, sizeof *c);
}

void ortto_cache_free(ortto_cache *cache){
  if( cache==NULL ) return;
  cache_clear(cache);
  free(cache);
}

static void cache_put(ortto_cache *c, const char *id, js fields){
  if( c->count==c->cap ){
    int cap = c->cap ? c->cap*2 : 64;
    cached *record = realloc(c->record, (size_t)cap * sizeof *record);
    if( record==NULL ) return;
    c->record = record;
    c->cap = cap;
  }
  char *key = arena_text(&c->memory, id, 24);
  char *text = fields.p ? arena_text(&c->memory, fields.p, fields.n) : NULL;
  if( key==NULL || (fields.p && text==NULL) || !map_put(&c->by_id, key, 24, c->count) ) return;
  c->record[c->count++] = (cached){ key, text, fields.n };
  c->bytes += 64 + fields.n;
}

static const cached *cache_get(const ortto_cache *c, const char *id){
  int at = map_get(&c->by_id, id, 24);
  return at<0 ? NULL : &c->record[at];
}

/* ---- what is asked for ----------------------------------------------------------------------- */

int ids_given(ortto_reader *r, const ortto_query *q, id_list *out){
  text_map once = { 0 };
  out->id = reader_alloc(r, ((size_t)q->id_count + 1) * sizeof *out->id);
  int ok = out->id!=NULL;
  for(int i=0; ok && i<q->id_count; i++){
    size_t n = strlen(q->ids[i]);
    if( !ortto_is_id(q->ids[i], n) || is_zero_id(q->ids[i]) || map_get(&once, q->ids[i], n)>=0 ) continue;
    char *id = arena_text(&r->memory, q->ids[i], n);
    ok = id && map_put(&once, id, n, i);
    if( ok ) out->id[out->count++] = id;
  }
  map_free(&once);
  return ok ? ORTTO_OK : no_memory(r->endpoint->context);
}

/* The next of r->field from *at on, as many as one request takes. */
static cJSON *next_chunk(const ortto_reader *r, int *at){
  cJSON *ids = cJSON_CreateArray();
  int ok = ids!=NULL;
  for(int n=0; ok && n<FIELDS_MAX && *at<r->fields; ++*at){
    if( *at==r->id_at ) continue;
    ok = json_append(ids, cJSON_CreateString(r->field[*at]->id));
    n++;
  }
  if( ok ) return ids;
  cJSON_Delete(ids);
  return NULL;
}

/* With no field at all one small one is asked for: what the server does with an empty list is not known. */
static const char *small_field(ortto_table table){
  return table==ORTTO_PEOPLE ? "str::email" : "str:o:name";
}

int fields_split(ortto_reader *r, field_chunks *out){
  int wanted = r->fields - (r->id_at>=0), at = 0;
  out->count = wanted ? (wanted + FIELDS_MAX - 1)/FIELDS_MAX : 1;
  out->json = reader_alloc(r, (size_t)out->count * sizeof *out->json);
  if( out->json==NULL ) return ORTTO_NOMEM;
  for(int k=0; k<out->count; k++){
    cJSON *ids = next_chunk(r, &at);
    if( ids && wanted==0 && !json_append(ids, cJSON_CreateString(small_field(r->table))) ){
      cJSON_Delete(ids);
      ids = NULL;
    }
    char *text = json_print(ids);
    int ok = reader_text(r, text, &out->json[k]);
    free(text);
    if( text==NULL || !ok ) return no_memory(r->endpoint->context);
  }
  r->parts = out->count;
  return ORTTO_OK;
}

/* Takes the list of ids over. */
static http_request *by_ids(ortto_reader *r, cJSON *ids, const char *fields, int flags){
  int people = r->table==ORTTO_PEOPLE;
  cJSON *body = cJSON_CreateObject();
  int ok = json_add(body, people ? "contact_ids" : "account_ids", ids);
  ok = ok && json_add(body, "fields", cJSON_CreateRaw(fields));
  return reader_request(r, people ? "/v1/person/get-by-ids" : "/v1/accounts/get-by-ids", body, ok, flags);
}

/* The ids of rows. NULL when out of memory. */
static cJSON *row_ids(ortto_reader *r, const page *p, int first, int count){
  cJSON *list = cJSON_CreateArray();
  int ok = list!=NULL;
  for(int i=first; ok && i<first+count; i++){
    const char *id = arena_text(&r->scratch, p->id[i].p, p->id[i].n);
    ok = id && json_append(list, cJSON_CreateString(id));
  }
  if( ok ) return list;
  cJSON_Delete(list);
  return NULL;
}

/* ---- what an answer says --------------------------------------------------------------------- */

const char *record_member(ortto_table table){
  return table==ORTTO_PEOPLE ? "contacts" : "accounts";
}

int record_read(http_request *c, js record, js *id, js *fields){
  js name, v;
  int ids = 0, others = 0;
  *fields = (js){ 0 };
  if( js_type(record)!='{' ) return bad_answer(c, "has a record that is no object");
  js_iter it = js_in(record);
  while( js_next(&it, &name, &v) ){
    if( js_is(name, "id") && js_type(v)=='"' && v.n>2 ){
      *id = unquoted(v);
      ids++;
    }else if( js_is(name, "fields") ){
      *fields = v;
      others++;
    }
  }
  if( ids==0 ) return bad_answer(c, "has a record without an id");
  if( ids>1 || others>1 ) return bad_answer(c, "has a record with two ids or two \"fields\"");
  if( others && js_type(*fields)!='n' && js_type(*fields)!='{' )
    return bad_answer(c, "has a record whose \"fields\" is no object");
  return ORTTO_OK;
}

/* The object of records, keyed by id; *records.p is NULL where there are none. */
static int by_ids_records(const ortto_reader *r, http_request *c, js *records){
  const char *member = record_member(r->table);
  js answer;
  int rc = answer_json(c, &answer);
  if( rc!=ORTTO_OK ) return rc;
  *records = js_get(answer, member);
  if( records->p==NULL && r->table==ORTTO_ACCOUNTS ) *records = js_get(answer, "organizations");
  if( records->p==NULL ) return bad_answer(c, "has no \"%s\"", member);
  if( js_type(*records)=='n' || (js_type(*records)=='[' && count_elements(*records)==0) ){
    *records = (js){ 0 };
    return ORTTO_OK;
  }
  if( js_type(*records)!='{' ) return bad_answer(c, "has a \"%s\" that is no object", member);
  return ORTTO_OK;
}

static int is_same(js a, js b){
  return a.n==b.n && memcmp(a.p, b.p, b.n)==0;
}

/* The next record that is what its key says. Under the id of a contact that was merged away there may come
** the one that it was merged into, with an id of its own: that is not the record that was asked for. */
static int record_next(ortto_reader *r, http_request *c, js_iter *it, js *id, js *fields, int *rc){
  js name, record, said, own;
  while( *rc==ORTTO_OK && js_next(it, &name, &record) ){
    *rc = record_read(c, record, &said, fields);
    if( *rc!=ORTTO_OK ) return 0;
    if( !id_plain(r, &r->scratch, name, id) || !id_plain(r, &r->scratch, said, &own) ) *rc = ORTTO_NOMEM;
    else if( is_same(own, *id) ) return 1;
  }
  return 0;
}

/* Which of the rows first..first+count-1 this is, -1 none. */
static int row_of(const page *p, int first, int count, js id, int guess){
  if( guess<first+count && is_same(p->id[guess], id) ) return guess;
  for(int i=first; i<first+count; i++) if( is_same(p->id[i], id) ) return i;
  return -1;
}

/* ---- further fields of a page's rows --------------------------------------------------------- */

static int batch_size(const page *p, int first){
  return p->rows-first<IDS_MAX ? p->rows-first : IDS_MAX;
}

/* One answer with chunk `part` of the rows from `first` on. */
static int parse_extra(ortto_reader *r, page *p, http_request *c, int part, int first){
  js records, id, fields;
  int rc = request_wait(c);
  if( rc==ORTTO_OK ) rc = by_ids_records(r, c, &records);
  if( rc!=ORTTO_OK ) return rc;
  int count = batch_size(p, first), found = 0, guess = first;
  js_iter it = js_in(records);
  while( records.p && record_next(r, c, &it, &id, &fields, &rc) ){
    int i = row_of(p, first, count, id, guess);
    if( i<0 ) continue;
    js *at = page_part(r, p, i) + part;
    if( at->p==NULL ) found++;
    *at = fields.p ? fields : js_slice("{}", 2);
    guess = i + 1;
  }
  log_rows(c, found);
  if( rc!=ORTTO_OK ) return rc;
  if( found<count )
    return fail(r->endpoint->context, "ortto: %s: %d of %d records vanished between two requests, so that "
                "their further fields could not be read. Run the statement again",
                r->doing, count - found, count);
  return ORTTO_OK;
}

int page_extras(ortto_reader *r, page *p, const field_chunks *fields){
  int batches = (p->rows + IDS_MAX - 1) / IDS_MAX, rc = ORTTO_OK;
  if( fields->count<2 || p->rows==0 ) return ORTTO_OK;
  p->extra = calloc((size_t)batches * (size_t)(fields->count - 1), sizeof *p->extra);
  if( p->extra==NULL ) return no_memory(r->endpoint->context);
  for(int part=1; part<fields->count; part++) for(int first=0; first<p->rows; first+=IDS_MAX){
    cJSON *ids = row_ids(r, p, first, batch_size(p, first));
    http_request *c = by_ids(r, ids, fields->json[part], REQUEST_URGENT);
    if( c==NULL ) return ORTTO_NOMEM;
    p->extra[p->extras++] = c;
  }
  for(int i=0; rc==ORTTO_OK && i<p->extras; i++)
    rc = parse_extra(r, p, p->extra[i], 1 + i/batches, (i % batches)*IDS_MAX);
  return rc;
}

/* ---- reading by id --------------------------------------------------------------------------- */

/* Archived and Restored decide whether a person found by id is a row. */
static const ortto_field archived_field = { .id = "a", .type = ORTTO_TIME };
static const ortto_field restored_field = { .id = "r", .type = ORTTO_TIME };

static int ids_open(ortto_reader *r, const ortto_query *q){
  id_reading *s = reader_alloc(r, sizeof *s);
  if( s==NULL ) return ORTTO_NOMEM;
  r->own = s;
  s->archived_at = s->restored_at = -1;
  if( r->table==ORTTO_PEOPLE ){
    s->archived_at = field_want(r, &archived_field);
    s->restored_at = field_want(r, &restored_field);
    if( s->archived_at<0 || s->restored_at<0 ) return ORTTO_NOMEM;
  }
  int rc = ids_given(r, q, &s->ids);
  if( rc==ORTTO_OK ) rc = fields_split(r, &s->fields);
  if( rc!=ORTTO_OK ) return rc;
  if( q->cache && q->cache->bytes>CACHE_MAX ) cache_clear(q->cache);
  if( s->fields.count<2 ) s->cache = q->cache;
  return ORTTO_OK;
}

static int ask_next(ortto_reader *r, id_reading *s){
  page *p = page_new(r);
  if( p==NULL ) return ORTTO_NOMEM;
  int left = s->ids.count - s->ids.next;
  p->ids = s->ids.id + s->ids.next;
  p->id_count = left<IDS_MAX ? left : IDS_MAX;
  s->ids.next += p->id_count;
  cJSON *ids = cJSON_CreateStringArray((const char *const *)p->ids, p->id_count);
  p->request = by_ids(r, ids, s->fields.json[0], 0);
  if( p->request==NULL ) return ORTTO_NOMEM;
  request_expect(p->request, r->answer_bytes);
  return ORTTO_OK;
}

/* The id as it was asked for, or NULL. */
static const char *wanted_id(const page *p, js id){
  for(int i=0; i<p->id_count; i++) if( id.n==24 && memcmp(p->ids[i], id.p, 24)==0 ) return p->ids[i];
  return NULL;
}

static void page_remember(const ortto_reader *r, ortto_cache *cache, const page *p){
  for(int i=0; cache && i<p->id_count; i++){
    int row = row_of(p, 0, p->rows, js_slice(p->ids[i], 24), i<p->rows ? i : 0);
    cache_put(cache, p->ids[i], row<0 ? js_slice(NULL, 0) : *page_part(r, p, row));
  }
}

static int parse_page(ortto_reader *r, const id_reading *s, page *p){
  js records, id, fields;
  int rc = request_wait(p->request);
  if( rc==ORTTO_OK ) rc = by_ids_records(r, p->request, &records);
  if( rc==ORTTO_OK ) rc = page_room(r, p, p->id_count);
  if( rc!=ORTTO_OK ) return rc;
  js_iter it = js_in(records);
  while( records.p && record_next(r, p->request, &it, &id, &fields, &rc) ){
    const char *wanted = wanted_id(p, id);
    if( wanted==NULL ) continue;
    if( row_of(p, 0, p->rows, id, 0)>=0 ) return bad_answer(p->request, "has a record twice");
    p->id[p->rows] = js_slice(wanted, 24);
    *page_part(r, p, p->rows++) = fields.p ? fields : js_slice("{}", 2);
  }
  log_rows(p->request, p->rows);
  if( rc!=ORTTO_OK ) return rc;
  r->answer_bytes = request_read(p->request);
  page_remember(r, s->cache, p);
  return page_extras(r, p, &s->fields);
}

/* Those that were fetched before: the first page of a read, without a request. Removes them from the ids. */
static int cached_page(ortto_reader *r, id_reading *s, page **out){
  int left = 0;
  page *p = page_new(r);
  if( p==NULL || page_room(r, p, s->ids.count)!=ORTTO_OK ) return ORTTO_NOMEM;
  for(int i=0; i<s->ids.count; i++){
    const cached *c = cache_get(s->cache, s->ids.id[i]);
    if( c==NULL ) s->ids.id[left++] = s->ids.id[i];
    else if( c->fields ){
      p->id[p->rows] = js_slice(c->id, 24);
      *page_part(r, p, p->rows++) = js_slice(c->fields, c->n);
    }
  }
  s->ids.count = left;
  p = page_pop(r);
  if( p->rows ) *out = p;
  else page_free(r, p);
  return ORTTO_OK;
}

static int ids_load(ortto_reader *r, page **out){
  id_reading *s = r->own;
  int rc = ORTTO_OK;
  if( s->cache && !s->looked ){
    s->looked = 1;
    rc = cached_page(r, s, out);
    if( rc!=ORTTO_OK || *out ) return rc;
  }
  while( rc==ORTTO_OK && s->ids.next<s->ids.count
      && (r->queued==0 || (r->pages && requests_have_room(r->endpoint, r->queued, r->answer_bytes))) )
    rc = ask_next(r, s);
  if( rc!=ORTTO_OK ) return rc;
  if( r->head==NULL ) return ORTTO_DONE;
  rc = parse_page(r, s, r->head);
  if( rc==ORTTO_OK ) *out = page_pop(r);
  return rc;
}

static int is_unset_time(const ortto_value *v){
  return v->kind!=ORTTO_VALUE_TEXT || (v->length>=4 && memcmp(v->text, "0001", 4)==0);
}

/* get-by-ids also finds archived people, which a scan does not. */
static int ids_row(ortto_reader *r, const page *p){
  const id_reading *s = r->own;
  (void)p;
  if( s->archived_at<0 ) return 1;
  const ortto_value *archived = &r->value[s->archived_at], *restored = &r->value[s->restored_at];
  if( is_unset_time(archived) ) return 1;
  if( is_unset_time(restored) ) return 0;
  return ortto_time_compare(archived->text, archived->length, restored->text, restored->length)<=0;
}

static void ids_progress(const ortto_reader *r, ortto_progress *out){
  const id_reading *s = r->own;
  out->at_hand = s->ids.next>=s->ids.count && r->head==NULL;
}

const way ids_way = { .open = ids_open, .load = ids_load, .row = ids_row, .progress = ids_progress };
