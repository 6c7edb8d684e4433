/*
** read_ids.c - see read_ids.h.
*/
#include "read_ids.h"

#include <stdlib.h>
#include <string.h>

#include "../text.h"
#include "../json.h"
#include "client.h"
#include "context.h"
#include "request.h"

static const char *by_ids_path(ortto_table table){
  return table==ORTTO_PEOPLE ? "/v1/person/get-by-ids" : "/v1/accounts/get-by-ids";
}

const char *record_member(ortto_table table){
  return table==ORTTO_PEOPLE ? "contacts" : "accounts";
}

static char *by_ids_body(const ortto_reader *r, const js *ids, int count, const char *fields){
  buf b = { 0 };
  buf_printf(&b, "{\"%s\":[", r->table==ORTTO_PEOPLE ? "contact_ids" : "account_ids");
  for(int i=0; i<count; i++) buf_printf(&b, "%s\"%.*s\"", i ? "," : "", (int)ids[i].n, ids[i].p);
  buf_printf(&b, "],\"fields\":%s}", fields);
  if( b.failed ) buf_free(&b);
  return b.p;
}

/* The object of records, keyed by id; *records.p is NULL where there are none. */
static int by_ids_records(ortto_reader *r, http_request *c, js *records){
  js answer;
  int rc = answer_json(c, &answer);
  if( rc!=ORTTO_OK ) return rc;
  *records = js_get(answer, record_member(r->table));
  if( records->p==NULL && r->table==ORTTO_ACCOUNTS ) *records = js_get(answer, "organizations");
  if( records->p==NULL ) return bad_answer(c, "has no \"%s\"", record_member(r->table));
  if( js_type(*records)=='n' || (js_type(*records)=='[' && count_elements(*records)==0) ){
    records->p = NULL;
    return ORTTO_OK;
  }
  if( js_type(*records)!='{' ) return bad_answer(c, "has a \"%s\" that is no object", record_member(r->table));
  return ORTTO_OK;
}

static int row_of(const page *p, int first, int count, js id, int guess){
  if( guess<first+count && p->id[guess].n==id.n && memcmp(p->id[guess].p, id.p, id.n)==0 ) return guess;
  for(int i=first; i<first+count; i++) if( p->id[i].n==id.n && memcmp(p->id[i].p, id.p, id.n)==0 ) return i;
  return -1;
}

/* One answer with chunk `part` of the rows first..first+count-1. */
static int parse_extra(ortto_reader *r, page *p, http_request *c, int part, int first, int count){
  js records, id, record;
  int rc = request_wait(c);
  if( rc==ORTTO_OK ) rc = by_ids_records(r, c, &records);
  if( rc!=ORTTO_OK ) return rc;
  int found = 0, guess = first;
  js_iter it = js_in(records);
  while( records.p && js_next(&it, &id, &record) ){
    int i = row_of(p, first, count, id, guess);
    if( i<0 ) continue;
    js *at = &p->part[(size_t)i*(size_t)r->parts + (size_t)part];
    if( at->p==NULL ) found++;
    *at = js_get(record, "fields");
    if( at->p==NULL ) *at = (js){ "{}", 2 };
    guess = i + 1;
  }
  log_rows(c, found);
  if( found<count )
    return fail(r->endpoint->client, "ortto: %s: %d of %d records vanished between two requests, so that their further fields could "
                "not be read. Run the statement again", r->doing, count - found, count);
  return ORTTO_OK;
}

int page_extras(ortto_reader *r, page *p){
  int batches = (p->rows + IDS_MAX - 1) / IDS_MAX, rc = ORTTO_OK;
  if( r->chunks<2 || p->rows==0 ) return ORTTO_OK;
  p->extra = calloc((size_t)batches * (size_t)(r->chunks - 1), sizeof *p->extra);
  if( p->extra==NULL ) return no_memory(r->endpoint->client);
  for(int part=1; part<r->chunks; part++) for(int b=0; b<batches; b++){
    int first = b*IDS_MAX, count = p->rows-first<IDS_MAX ? p->rows-first : IDS_MAX;
    http_request *c = request_new(r->endpoint, "POST", by_ids_path(r->table), by_ids_body(r, p->id + first, count, r->chunk[part]),
                       REQUEST_READ|REQUEST_URGENT, r->doing);
    if( c==NULL ) return ORTTO_NOMEM;
    p->extra[p->extras++] = c;
  }
  for(int i=0; rc==ORTTO_OK && i<p->extras; i++){
    int first = (i % batches)*IDS_MAX, count = p->rows-first<IDS_MAX ? p->rows-first : IDS_MAX;
    rc = parse_extra(r, p, p->extra[i], 1 + i/batches, first, count);
  }
  return rc;
}

static int ids_request(ortto_reader *r){
  page *p = page_new(r);
  js ids[IDS_MAX];
  if( p==NULL ) return no_memory(r->endpoint->client);
  p->ids = r->ids + r->id_next;
  for(; p->id_count<IDS_MAX && r->id_next<r->id_count; r->id_next++)
    ids[p->id_count++] = (js){ r->ids[r->id_next], 24 };
  p->request = request_new(r->endpoint, "POST", by_ids_path(r->table), by_ids_body(r, ids, p->id_count, r->chunk[0]), REQUEST_READ, r->doing);
  return p->request ? ORTTO_OK : ORTTO_NOMEM;
}

static int is_wanted(const page *p, js id){
  for(int i=0; i<p->id_count; i++) if( id.n==24 && memcmp(p->ids[i], id.p, 24)==0 ) return 1;
  return 0;
}

static void page_cache(ortto_reader *r, const page *p){
  if( r->cache==NULL || r->chunks>1 ) return;
  for(int i=0; i<p->id_count; i++){
    int row = row_of(p, 0, p->rows, (js){ p->ids[i], 24 }, i<p->rows ? i : 0);
    cache_put(r->cache, p->ids[i], row<0 ? (js){ NULL, 0 } : p->part[(size_t)row*(size_t)r->parts]);
  }
}

static int parse_ids_page(ortto_reader *r, page *p){
  js records, id, record;
  int rc = request_wait(p->request);
  if( rc==ORTTO_OK ) rc = by_ids_records(r, p->request, &records);
  if( rc==ORTTO_OK ) rc = page_room(r, p, p->id_count);
  if( rc!=ORTTO_OK ) return rc;
  js_iter it = js_in(records);
  while( records.p && js_next(&it, &id, &record) ){
    if( p->rows==p->id_count || !is_wanted(p, id) || row_of(p, 0, p->rows, id, 0)>=0 ) continue;
    p->id[p->rows] = id;
    js fields = js_get(record, "fields");
    if( js_type(record)!='{' ) return bad_answer(p->request, "has a record that is no object");
    p->part[(size_t)p->rows++*(size_t)r->parts] = fields.p ? fields : (js){ "{}", 2 };
  }
  log_rows(p->request, p->rows);
  page_cache(r, p);
  return page_extras(r, p);
}

/* Those that were fetched before: the first page of a read, without a request. Removes them from the ids. */
static int cached_page(ortto_reader *r, page **out){
  int left = 0, found = 0;
  page *p = page_new(r);
  if( p==NULL || page_room(r, p, r->id_count)!=ORTTO_OK ) return no_memory(r->endpoint->client);
  for(int i=0; i<r->id_count; i++){
    const cached *c = cache_get(r->cache, r->ids[i]);
    if( c==NULL ) r->ids[left++] = r->ids[i];
    else if( ++found && c->fields ){
      p->id[p->rows] = (js){ c->id, 24 };
      p->part[(size_t)p->rows++*(size_t)r->parts] = (js){ c->fields, c->n };
    }
  }
  r->id_count = left;
  *out = page_pop(r);
  if( (*out)->rows ) return ORTTO_OK;
  page_free(r, *out);
  *out = NULL;
  return ORTTO_OK;
}

int ids_load(ortto_reader *r, page **out){
  int rc = ORTTO_OK;
  *out = NULL;
  if( !r->begun && r->cache && r->chunks<2 ){
    r->begun = 1;
    rc = cached_page(r, out);
    if( rc!=ORTTO_OK || *out ) return rc;
  }
  int window = r->pages ? (int)r->endpoint->concurrency : 1;
  while( rc==ORTTO_OK && r->queued<window && r->id_next<r->id_count ) rc = ids_request(r);
  if( rc!=ORTTO_OK ) return rc;
  if( r->head==NULL ) return ORTTO_DONE;
  rc = parse_ids_page(r, r->head);
  if( rc==ORTTO_OK ) *out = page_pop(r);
  return rc;
}
