/*
** reader.c - see reader.h.
*/
#include "reader.h"

#include <stdlib.h>
#include <string.h>

#ifdef ORTTO_CJSON
#include "cJSON.h"
#else
#include <cjson/cJSON.h>
#endif

#include "../text.h"
#include "../json.h"
#include "context.h"
#include "endpoint.h"
#include "request.h"
#include "schema.h"
#include "value.h"
#include "page.h"
#include "read_ids.h"
#include "read_scan.h"
#include "read_list.h"
#include "read_feed.h"
#include "read_fields.h"

static const char *const reading[ORTTO_TABLES] = {
  "reading people", "reading accounts", "reading audiences", "reading tags", "reading person custom fields",
  "reading account custom fields", "reading activities", "reading fields",
};

static int field_place(ortto_reader *r, js name){
  int at = r->expected_slot;
  if( at>=0 && strncmp(r->field[at]->id, name.p, name.n)==0 && r->field[at]->id[name.n]==0 ) return at;
  at = map_get(&r->by_id, name.p, name.n);
  if( at<0 && memchr(name.p, '\\', name.n) ){
    size_t n;
    const char *text = text_clean(&r->scratch, name.p, name.n, 1, &n);
    if( text ) at = map_get(&r->by_id, text, n);
  }
  return at;
}

static int part_decode(ortto_reader *r, js object){
  if( js_type(object)!='{' ) return ORTTO_OK;
  js_iter it = js_in(object);
  js name, v;
  int last = -1;
  r->expected_slot = r->fields ? r->next_slot[r->fields] : -1;
  while( js_next(&it, &name, &v) ){
    int at = field_place(r, name);
    if( at<0 ) continue;
    r->next_slot[last<0 ? r->fields : last] = at;
    last = at;
    r->expected_slot = r->next_slot[at];
    if( !decode(&r->scratch, r->field[at]->type, v, &r->value[at]) ) return no_memory(r->endpoint->client);
  }
  return ORTTO_OK;
}

static int row_decode(ortto_reader *r, const page *p, int i){
  int rc = ORTTO_OK;
  arena_reset(&r->scratch);
  for(int k=0; k<r->fields; k++) r->value[k] = (ortto_value){ 0 };
  for(int k=0; rc==ORTTO_OK && k<r->parts; k++) rc = part_decode(r, p->part[(size_t)i*(size_t)r->parts + (size_t)k]);
  if( r->id_at>=0 && p->id[i].p ) value_text(&r->value[r->id_at], ORTTO_VALUE_TEXT, p->id[i].p, p->id[i].n);
  if( r->person_at>=0 ) value_text(&r->value[r->person_at], ORTTO_VALUE_TEXT, p->ids[0], strlen(p->ids[0]));
  if( r->tag_type_at>=0 && r->value[r->tag_type_at].kind==ORTTO_VALUE_NULL )
    value_text(&r->value[r->tag_type_at], ORTTO_VALUE_TEXT, "person", 6);
  return rc;
}

static int is_unset_time(const ortto_value *v){
  return v->kind!=ORTTO_VALUE_TEXT || (v->length>=4 && memcmp(v->text, "0001", 4)==0);
}

/* get-by-ids also finds archived people, which a scan does not. */
static int is_archived(const ortto_reader *r){
  if( r->archived_at<0 ) return 0;
  const ortto_value *a = &r->value[r->archived_at], *b = &r->value[r->restored_at];
  if( is_unset_time(a) ) return 0;
  return is_unset_time(b) || ortto_time_compare(a->text, a->length, b->text, b->length)>0;
}

/* The field ids in requests of FIELDS_MAX each. With no field at all one small one is asked for: what the server does
** with an empty list is not known. */
static int reader_chunks(ortto_reader *r){
  int wanted = 0, at = 0;
  for(int i=0; i<r->fields; i++) wanted += i!=r->id_at;
  r->chunks = wanted ? (wanted + FIELDS_MAX - 1)/FIELDS_MAX : 1;
  r->chunk = calloc((size_t)r->chunks, sizeof *r->chunk);
  if( r->chunk==NULL ) return no_memory(r->endpoint->client);
  for(int k=0; k<r->chunks; k++){
    cJSON *array = cJSON_CreateArray();
    int ok = array!=NULL;
    for(int n=0; ok && n<FIELDS_MAX && at<r->fields; at++) if( at!=r->id_at ){
      cJSON *id = cJSON_CreateString(r->field[at]->id);
      ok = id && cJSON_AddItemToArray(array, id);
      n++;
    }
    if( ok && wanted==0 ) ok = cJSON_AddItemToArray(array, cJSON_CreateString(r->table==ORTTO_PEOPLE ? "str::email" : "str:o:name"));
    char *text = ok ? cJSON_PrintUnformatted(array) : NULL;
    if( text ) r->chunk[k] = arena_text(&r->memory, text, strlen(text));
    cJSON_free(text);
    cJSON_Delete(array);
    if( r->chunk[k]==NULL ) return no_memory(r->endpoint->client);
  }
  return ORTTO_OK;
}

/* Archived and Restored decide whether a person found by id is a row. */
static const ortto_field archived_field = { "a", "Archived", "archived", "time", NULL, ORTTO_TIME, 1, 0, 0, 1, 0 };
static const ortto_field restored_field = { "r", "Restored", "restored", "time", NULL, ORTTO_TIME, 1, 0, 0, 1, 0 };

static int reader_fields(ortto_reader *r, const ortto_query *q){
  r->fields = q->field_count;
  r->field = calloc((size_t)q->field_count + 3, sizeof *r->field);
  r->value = calloc((size_t)q->field_count + 3, sizeof *r->value);
  r->next_slot = malloc(((size_t)q->field_count + 3) * sizeof *r->next_slot);
  if( r->field==NULL || r->value==NULL || r->next_slot==NULL ) return no_memory(r->endpoint->client);
  r->id_at = r->archived_at = r->restored_at = r->person_at = r->tag_type_at = -1;
  if( q->field_count ) memcpy(r->field, q->fields, (size_t)q->field_count * sizeof *r->field);
  if( r->table==ORTTO_PEOPLE && q->by_ids ){
    for(int i=0; i<q->field_count; i++){
      if( strcmp(r->field[i]->id, "a")==0 ) r->archived_at = i;
      if( strcmp(r->field[i]->id, "r")==0 ) r->restored_at = i;
    }
    if( r->archived_at<0 ){ r->archived_at = r->fields; r->field[r->fields++] = &archived_field; }
    if( r->restored_at<0 ){ r->restored_at = r->fields; r->field[r->fields++] = &restored_field; }
  }
  for(int i=0; i<r->fields; i++){
    const char *id = r->field[i]->id;
    if( is_contacts(r) && strcmp(id, "id")==0 ) r->id_at = i;
    else if( !map_put(&r->by_id, id, strlen(id), i) ) return no_memory(r->endpoint->client);
    if( r->table==ORTTO_ACTIVITIES && strcmp(id, "person_id")==0 ) r->person_at = i;
    if( r->table==ORTTO_TAGS && strcmp(id, "type")==0 ) r->tag_type_at = i;
    if( r->table==ORTTO_AUDIENCES && strcmp(id, "filter")==0 ) r->with_filter = 1;
  }
  for(int i=0; i<=r->fields; i++) r->next_slot[i] = -1;
  return ORTTO_OK;
}

/* What is no id cannot be found, and the server calls it a bad request: left out here. */
static int reader_ids(ortto_reader *r, const ortto_query *q){
  text_map once = { 0 };
  int ok = 1;
  r->ids = calloc((size_t)q->id_count + 1, sizeof *r->ids);
  ok = r->ids!=NULL;
  for(int i=0; ok && i<q->id_count; i++){
    size_t n = strlen(q->ids[i]);
    if( !ortto_is_id(q->ids[i], n) || is_zero_id(q->ids[i]) || map_get(&once, q->ids[i], n)>=0 ) continue;
    char *id = arena_text(&r->memory, q->ids[i], n);
    ok = id && map_put(&once, id, n, i);
    if( ok ) r->ids[r->id_count++] = id;
  }
  map_free(&once);
  return ok ? ORTTO_OK : no_memory(r->endpoint->client);
}

static void reader_kind(ortto_reader *r, const ortto_query *q){
  r->parts = 1;
  if( r->table==ORTTO_ACTIVITIES ) r->load = feed_load;
  else if( r->table==ORTTO_FIELDS ) r->load = fields_load;
  else if( !is_contacts(r) ){
    r->load = list_load;
    if( r->table==ORTTO_PERSON_CUSTOM_FIELDS ) r->parts = 2;
  }else r->load = q->by_ids ? ids_load : scan_load;
}

int ortto_reader_open(ortto_endpoint *e, const ortto_query *q, ortto_reader **out){
  ortto_reader *r = calloc(1, sizeof *r);
  *out = NULL;
  if( r==NULL ) return no_memory(e->client);
  r->endpoint = e;
  e->references++;
  r->table = q->table;
  r->doing = reading[q->table];
  r->tail = &r->head;
  r->limit = q->limit;
  r->total = -1;
  r->next_offset = q->offset>0 && q->offset<=INT64_MAX/2 ? q->offset : 0;
  r->one_by_one = q->one_by_one;
  if( q->cursor_id && ortto_is_id(q->cursor_id, strlen(q->cursor_id)) ){
    memcpy(r->cursor, q->cursor_id, 25);
    r->resumed = 1;
  }
  r->cache = q->cache;
  if( r->cache && r->cache->bytes>CACHE_MAX ) cache_clear(r->cache);
  reader_kind(r, q);
  int rc = reader_fields(r, q);
  if( rc==ORTTO_OK ) rc = reader_ids(r, q);
  if( rc==ORTTO_OK && is_contacts(r) ) rc = reader_chunks(r);
  if( rc==ORTTO_OK && is_contacts(r) ) r->parts = r->chunks;
  if( rc==ORTTO_OK && r->load==scan_load ) rc = reader_filters(r, q);
  if( rc==ORTTO_OK && r->load==scan_load ) rc = reader_common(r, q);
  if( rc!=ORTTO_OK ){
    ortto_reader_close(r);
    return rc;
  }
  *out = r;
  return ORTTO_OK;
}

void ortto_reader_close(ortto_reader *r){
  if( r==NULL ) return;
  pages_drop(r);
  page_free(r, r->current);
  seen_free(&r->seen);
  map_free(&r->by_id);
  arena_free(&r->scratch);
  arena_free(&r->memory);
  free(r->field);
  free(r->value);
  free(r->next_slot);
  free(r->chunk);
  free(r->ids);
  free(r->filter);
  free(r->common);
  ortto_endpoint_close(r->endpoint);
  free(r);
}

#define ROWS_BETWEEN_PUMPS 32      /* the network is served while the caller works */

int ortto_reader_next(ortto_reader *r, const ortto_value **values){
  for(;;){
    page *p = r->current;
    if( p==NULL || p->at==p->rows ){
      page_free(r, p);
      r->current = NULL;
      int rc = r->load(r, &r->current);
      if( rc!=ORTTO_OK ) return rc;
      r->pages++;
      continue;
    }
    if( r->endpoint->client->in_flight && p->at%ROWS_BETWEEN_PUMPS==0 ) pump(r->endpoint->client, 0);
    int rc = row_decode(r, p, p->at++);
    if( rc!=ORTTO_OK ) return rc;
    if( is_archived(r) ) continue;
    *values = r->value;
    return ORTTO_ROW;
  }
}

void ortto_reader_progress(const ortto_reader *reader, ortto_progress *progress){
  const ortto_reader *r = reader;
  ortto_progress *out = progress;
  const page *p = r->current;
  memset(out, 0, sizeof *out);
  out->page = r->pages;
  out->page_ends = p==NULL || p->at==p->rows;
  out->total = r->total;
  out->cursor_id = r->cursor[0] ? r->cursor : NULL;
  out->next_offset = p && p->has_more ? p->next_offset : r->next_offset;
  out->requests = r->requests;
  out->retries = r->retries;
  if( p ) count_page_requests(p, &out->requests, &out->retries);
  out->fell_back = r->fell_back;
  out->cursor_lost = r->cursor_lost;
  out->server_time = r->server_time;
}

int ortto_reader_count(ortto_reader *r, int64_t *count){
  js records;
  *count = -1;
  if( r->load!=scan_load || r->filters!=1 ) return ORTTO_OK;
  page *p = page_new(r);
  if( p==NULL ) return no_memory(r->endpoint->client);
  p->limit = 1;
  p->request = request_new(r->endpoint, "POST", scan_path(r->table), scan_body(r, 1, 0, "", r->chunk[0]), REQUEST_READ, r->doing);
  int rc = p->request ? request_wait(p->request) : ORTTO_NOMEM;
  if( rc==ORTTO_OK ) rc = page_members(r, p, &records);
  if( rc==ORTTO_OK ){
    int rows = js_type(records)=='[' ? count_elements(records) : 0;
    log_rows(p->request, rows);
    if( !p->has_more ) *count = rows;
    else if( p->total>rows ) *count = p->total;
  }
  page_free(r, page_pop(r));
  return rc;
}
