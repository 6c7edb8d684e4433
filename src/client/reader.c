/*
** reader.c - see reader.h.
*/
#include "reader.h"

#include <stdlib.h>
#include <string.h>

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
#include "read_types.h"
#include "read_members.h"

#define ROWS_BETWEEN_PUMPS 8       /* the network is served while the caller works, if it is time */
#define PLACES_TRIED 16            /* fields that a record may leave out one behind the other */

/* ---- opening --------------------------------------------------------------------------------- */

static const char *const reading[ORTTO_TABLES] = {
  "reading people", "reading accounts", "reading audiences", "reading tags", "reading person custom fields",
  "reading account custom fields", "reading activities", "reading fields",
  "reading audience members", "reading activity types",
};

static const way *way_of(const ortto_query *q){
  switch( q->table ){
    case ORTTO_PEOPLE: case ORTTO_ACCOUNTS: return q->by_ids ? &ids_way : &scan_way;
    case ORTTO_ACTIVITIES: return &feed_way;
    case ORTTO_FIELDS: return &fields_way;
    case ORTTO_AUDIENCE_MEMBERS: return &members_way;
    case ORTTO_ACTIVITY_TYPES: return &types_way;
    default: return &list_way;
  }
}

static int open_fields(ortto_reader *r, const ortto_query *q){
  size_t room = (size_t)q->field_count + FIELDS_MORE;
  int is_contact = q->table==ORTTO_PEOPLE || q->table==ORTTO_ACCOUNTS;
  r->field = reader_alloc(r, room * sizeof *r->field);
  r->value = reader_alloc(r, room * sizeof *r->value);
  r->place = reader_alloc(r, room * sizeof *r->place);
  if( r->field==NULL || r->value==NULL || r->place==NULL ) return ORTTO_NOMEM;
  r->first_place = -1;
  for(int i=0; i<q->field_count; i++){
    const ortto_field *f = q->fields[i];
    const char *id = f->id;
    r->field[r->fields] = f;
    r->place[r->fields++] = (place){ id, strlen(id), f->type, -1 };
    if( is_contact && strcmp(id, "id")==0 ) r->id_at = i;
    else if( !map_put(&r->by_id, id, strlen(id), i) ) return no_memory(r->endpoint->context);
  }
  return ORTTO_OK;
}

int ortto_reader_open(ortto_endpoint *e, const ortto_query *q, ortto_reader **out){
  ortto_reader *r = calloc(1, sizeof *r);
  *out = NULL;
  if( r==NULL ) return no_memory(e->context);
  r->endpoint = endpoint_keep(e);
  r->table = q->table;
  r->doing = reading[q->table];
  r->note = q->note;
  r->way = way_of(q);
  r->tail = &r->head;
  r->parts = 1;
  r->id_at = -1;
  int rc = open_fields(r, q);
  if( rc==ORTTO_OK ) rc = r->way->open(r, q);
  if( rc==ORTTO_OK ) *out = r;
  else ortto_reader_close(r);
  return rc;
}

void ortto_reader_close(ortto_reader *r){
  if( r==NULL ) return;
  pages_drop(r);
  page_free(r, r->current);
  if( r->own && r->way->close ) r->way->close(r);
  map_free(&r->by_id);
  arena_free(&r->scratch);
  arena_free(&r->memory);
  ortto_endpoint_close(r->endpoint);
  free(r);
}

/* ---- row by row ------------------------------------------------------------------------------ */

static int named_place(ortto_reader *r, js name){
  int at = map_get(&r->by_id, name.p, name.n);
  if( at<0 && memchr(name.p, '\\', name.n) ){
    size_t n;
    const char *text = text_clean(&r->scratch, name.p, name.n, 1, &n);
    if( text ) at = map_get(&r->by_id, text, n);
  }
  return at;
}

/* The place that belongs to the name, found behind *link or else by the name; then it comes behind *link from
** now on. */
static int place_of(ortto_reader *r, int *link, js name){
  int at = *link;
  for(int tries=0; at>=0 && tries<PLACES_TRIED; tries++, at=r->place[at].next)
    if( r->place[at].id_n==name.n && same_bytes(r->place[at].id, name.p, name.n) ) return at;
  at = named_place(r, name);
  if( at<0 || link==&r->place[at].next ) return at;
  if( r->place[at].next<0 ) r->place[at].next = *link;
  *link = at;
  return at;
}

static int part_decode(ortto_reader *r, js object){
  if( js_type(object)!='{' ) return ORTTO_OK;
  js_iter it = js_in(object);
  js name, v;
  int *link = &r->first_place;
  while( js_next(&it, &name, &v) ){
    int at = place_of(r, link, name);
    if( at<0 ) continue;
    link = &r->place[at].next;
    if( !decode(&r->scratch, r->place[at].type, v, &r->value[at]) )
      return no_memory(r->endpoint->context);
  }
  return ORTTO_OK;
}

static int row_decode(ortto_reader *r, const page *p, int i){
  int rc = ORTTO_OK;
  const js *part = page_part(r, p, i);
  arena_reset(&r->scratch);
  memset(r->value, 0, (size_t)r->fields * sizeof *r->value);
  for(int k=0; rc==ORTTO_OK && k<r->parts; k++) rc = part_decode(r, part[k]);
  if( r->id_at>=0 && p->id[i].p ) value_text(&r->value[r->id_at], ORTTO_VALUE_TEXT, p->id[i].p, p->id[i].n);
  return rc;
}

static int page_ends(const ortto_reader *r){
  return r->current==NULL || r->current->at==r->current->rows;
}

static void leave_page(ortto_reader *r){
  page_free(r, r->current);
  r->current = NULL;
}

int ortto_reader_enter(ortto_reader *r){
  const http_request *next = r->head ? r->head->request : NULL;
  if( !page_ends(r) || r->way->arrived==NULL || next==NULL || next->state!=REQUEST_DONE ) return 0;
  leave_page(r);
  r->broken = r->way->arrived(r, &r->current);
  if( r->broken!=ORTTO_OK && !reader_text(r, r->endpoint->context->error, &r->why) ) r->broken = ORTTO_NOMEM;
  r->pages += r->current!=NULL;
  return r->current!=NULL;
}

/* What went wrong when a page was entered; other calls have had errors since. */
static int broken(const ortto_reader *r){
  if( r->broken==ORTTO_NOMEM ) return no_memory(r->endpoint->context);
  set_error(r->endpoint->context, "%s", r->why);
  return r->broken;
}

int ortto_reader_next(ortto_reader *r, const ortto_value **values){
  if( r->broken!=ORTTO_OK ) return broken(r);
  for(;;){
    page *p = r->current;
    if( page_ends(r) ){
      leave_page(r);
      int rc = r->way->load(r, &r->current);
      if( rc!=ORTTO_OK ) return rc;
      r->pages++;
      continue;
    }
    if( p->at%ROWS_BETWEEN_PUMPS==0 ) requests_serve(r->endpoint->queue);
    int rc = row_decode(r, p, p->at++);
    if( rc!=ORTTO_OK ) return rc;
    if( r->way->row && !r->way->row(r, p) ) continue;
    *values = r->value;
    return ORTTO_ROW;
  }
}

int ortto_reader_audience(const ortto_reader *r){
  return r->current ? r->current->list : 0;
}

int ortto_reader_count(ortto_reader *r, int64_t *count){
  *count = -1;
  return r->way->count ? r->way->count(r, count) : ORTTO_OK;
}

void ortto_reader_progress(const ortto_reader *r, ortto_progress *progress){
  const page *p = r->current;
  *progress = (ortto_progress){ .page = r->pages, .requests = r->requests,
                                .retries = r->retries, .total = -1, .everybody = -1, .count = -1 };
  progress->page_ends = page_ends(r);
  progress->server_time = "";
  if( p ) page_requests(p, &progress->requests, &progress->retries);
  if( r->way->progress ) r->way->progress(r, progress);
}
