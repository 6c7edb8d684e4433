/*
** read_list.c - see read_list.h.
*/
#include "read_list.h"

#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "schema.h"
#include "value.h"

typedef struct list_reading {
  int64_t offset;
  int with_filter;                 /* audiences: ask for their filters */
  int done;
  seen_ids seen;
  int type_at;                     /* tags: place of their type */
} list_reading;

/* The list is a member of an object [recorded]. */
static int is_wrapped(ortto_table table){
  return table==ORTTO_PERSON_CUSTOM_FIELDS || table==ORTTO_ACCOUNT_CUSTOM_FIELDS;
}

static int list_open(ortto_reader *r, const ortto_query *q){
  list_reading *s = reader_alloc(r, sizeof *s);
  if( s==NULL ) return ORTTO_NOMEM;
  r->own = s;
  s->offset = q->offset>0 && q->offset<=INT64_MAX/2 ? q->offset : 0;
  s->with_filter = r->table==ORTTO_AUDIENCES && field_place(r, "filter")>=0;
  s->type_at = r->table==ORTTO_TAGS ? field_place(r, "type") : -1;
  if( r->table==ORTTO_PERSON_CUSTOM_FIELDS ) r->parts = 2;   /* the field, and beside it tracked_value */
  return ORTTO_OK;
}

static http_request *list_request(ortto_reader *r, const list_reading *s){
  cJSON *body = cJSON_CreateObject();
  if( r->table==ORTTO_TAGS ) return reader_request(r, "/v1/tags/get", body, 1, 0);
  if( r->table!=ORTTO_AUDIENCES ) return reader_request(r, definitions_path(r->table), body, 1, 0);
  int ok = json_add(body, "limit", json_integer(LIST_PAGE))
        && json_add(body, "offset", json_integer(s->offset));
  if( ok && s->with_filter ) ok = json_add(body, "with_filter", cJSON_CreateTrue());
  return reader_request(r, "/v1/audiences/get", body, ok, 0);
}

/* Some rows bear a zero time instead of none. */
static int is_archived_audience(js record){
  js at = js_get(record, "archived_at");
  return js_type(at)=='"' && at.n>5 && memcmp(at.p+1, "0001", 4)!=0;
}

/* Text, or a tag's number, which is one only together with its type; n is 0 where there is none. */
static int row_id(ortto_reader *r, js record, js *out){
  js id = js_get(record, "id"), type = js_get(record, "type");
  *out = js_slice("", 0);
  if( r->table!=ORTTO_TAGS ){
    return js_type(id)!='"' || id_plain(r, &r->memory, unquoted(id), out);
  }
  if( !is_present(id) || id.n==0 ) return 1;
  const char *text = arena_printf(&r->memory, "%.*s %.*s", (int)id.n, id.p, cut_to(40, type.p, type.n),
                                  type.p ? type.p : "");
  if( text ) *out = js_slice(text, strlen(text));
  return text!=NULL;
}

int list_rows(ortto_reader *r, page *p, js list){
  js record;
  if( js_type(list)!='[' ) return ORTTO_OK;
  js_iter it = js_in(list);
  while( js_next(&it, NULL, &record) ){
    if( js_type(record)!='{' ) return bad_answer(p->request, "has a record that is no object");
    if( r->table==ORTTO_AUDIENCES && is_archived_audience(record) ) continue;
    int rc = page_room(r, p, p->rows + 1);
    if( rc!=ORTTO_OK ) return rc;
    js *part = page_part(r, p, p->rows);
    part[0] = record;
    if( r->parts>1 ) part[1] = js_get(record, "field");
    if( !row_id(r, r->parts>1 ? part[1] : record, &p->id[p->rows]) ) return no_memory(r->endpoint->context);
    if( p->id[p->rows].n==0 && p->request ) return bad_answer(p->request, "has a record without an id");
    p->rows++;
  }
  return ORTTO_OK;
}

int list_made(ortto_reader *r, char *text, page **out){
  js array;
  page *p = text ? page_new(r) : NULL;
  if( p==NULL ){
    free(text);
    return no_memory(r->endpoint->context);
  }
  p->text = text;
  if( !json_check(text, strlen(text), &array) ) return no_memory(r->endpoint->context);
  int rc = list_rows(r, p, array);
  if( rc==ORTTO_OK ) *out = page_pop(r);
  return rc;
}

static int list_load(ortto_reader *r, page **out){
  list_reading *s = r->own;
  int fresh = 0;
  js answer;
  if( s->done ) return ORTTO_DONE;
  page *p = page_new(r);
  if( p==NULL ) return ORTTO_NOMEM;
  p->request = list_request(r, s);
  int rc = p->request ? request_wait(p->request) : ORTTO_NOMEM;
  if( rc==ORTTO_OK ) rc = answer_json(p->request, &answer);
  if( rc!=ORTTO_OK ) return rc;
  js list = is_wrapped(r->table) ? js_get(answer, "fields") : answer;
  if( list.p==NULL || (js_type(list)!='[' && js_type(list)!='n') )
    return bad_answer(p->request, is_wrapped(r->table) ? "has no list \"fields\"" : "is no list");
  int received = js_type(list)=='[' ? count_elements(list) : 0;
  rc = list_rows(r, p, list);
  log_rows(p->request, received);
  s->done = r->table!=ORTTO_AUDIENCES || received<LIST_PAGE;   /* audiences: a short page ends [recorded] */
  s->offset += received;
  if( rc==ORTTO_OK && p->rows ){
    rc = page_unseen(r, &s->seen, p, &fresh);
    if( rc==ORTTO_OK && fresh==0 ) rc = bad_answer(p->request, "has only rows that came before");
  }
  if( rc==ORTTO_OK ) *out = page_pop(r);
  return rc;
}

static int list_row(ortto_reader *r, const page *p){
  const list_reading *s = r->own;
  (void)p;
  if( s->type_at<0 ) return 1;
  ortto_value *type = &r->value[s->type_at];
  if( type->kind==ORTTO_VALUE_NULL ) value_text(type, ORTTO_VALUE_TEXT, "person", 6);
  return 1;
}

static void list_progress(const ortto_reader *r, ortto_progress *out){
  const list_reading *s = r->own;
  out->next_offset = s->offset;
  out->at_hand = s->done;
}

static void list_close(ortto_reader *r){
  list_reading *s = r->own;
  seen_free(&s->seen);
}

const way list_way = { .open = list_open, .load = list_load, .row = list_row, .progress = list_progress,
                       .close = list_close };
