/*
** read_list.c - see read_list.h.
*/
#include "read_list.h"

#include <string.h>

#include "../text.h"
#include "context.h"
#include "request.h"
#include "schema.h"
#include "read_scan.h"

static const char *list_path(ortto_table table){
  switch( table ){
    case ORTTO_AUDIENCES: return "/v1/audiences/get";
    case ORTTO_TAGS: return "/v1/tags/get";
    default: return definitions_path(table);
  }
}

static char *list_body(const ortto_reader *r){
  buf b = { 0 };
  if( r->table!=ORTTO_AUDIENCES ) buf_puts(&b, "{}");
  else buf_printf(&b, "{\"limit\":%d,\"offset\":%lld%s}", LIST_PAGE, (long long)r->next_offset, r->with_filter ? ",\"with_filter\":true" : "");
  if( b.failed ) buf_free(&b);
  return b.p;
}

int list_rows(ortto_reader *r, page *p, js list){
  js record;
  int rc = page_room(r, p, js_type(list)=='[' ? count_elements(list) : 0);
  if( rc!=ORTTO_OK || js_type(list)!='[' ) return rc;
  js_iter it = js_in(list);
  while( js_next(&it, NULL, &record) ){
    if( js_type(record)!='{' ) return bad_answer(p->request, "has a record that is no object");
    js *part = &p->part[(size_t)p->rows*(size_t)r->parts];
    js archived = r->table==ORTTO_AUDIENCES ? js_get(record, "archived_at") : (js){ NULL, 0 };
    if( js_type(archived)=='"' && archived.n>5 && memcmp(archived.p+1, "0001", 4)!=0 ) continue;
    part[0] = record;
    if( r->parts>1 ) part[1] = js_get(record, "field");
    js id = js_get(record, "id");
    if( js_type(id)=='"' ) p->id[p->rows] = unquoted(id);
    else if( r->table==ORTTO_AUDIENCES || r->table==ORTTO_ACTIVITIES ) return bad_answer(p->request, "has a record without an id");
    p->rows++;
  }
  return ORTTO_OK;
}

int list_load(ortto_reader *r, page **out){
  js answer;
  if( r->done ) return ORTTO_DONE;
  page *p = page_new(r);
  if( p==NULL ) return no_memory(r->endpoint->client);
  p->request = request_new(r->endpoint, "POST", list_path(r->table), list_body(r), REQUEST_READ, r->doing);
  int rc = p->request ? request_wait(p->request) : ORTTO_NOMEM;
  if( rc==ORTTO_OK ) rc = answer_json(p->request, &answer);
  if( rc!=ORTTO_OK ) return rc;
  int wrapped = r->table==ORTTO_PERSON_CUSTOM_FIELDS || r->table==ORTTO_ACCOUNT_CUSTOM_FIELDS;
  js list = wrapped ? js_get(answer, "fields") : answer;
  if( list.p==NULL || (js_type(list)!='[' && js_type(list)!='n') ) return bad_answer(p->request, wrapped ? "has no list \"fields\"" : "is no list");
  int received = js_type(list)=='[' ? count_elements(list) : 0, fresh = 0;
  rc = list_rows(r, p, list);
  log_rows(p->request, received);
  r->done = r->table!=ORTTO_AUDIENCES || received<LIST_PAGE;   /* audiences: a short page ends [recorded] */
  r->next_offset += received;
  if( rc==ORTTO_OK && r->table==ORTTO_AUDIENCES && p->rows ){
    rc = page_unseen(r, p, &fresh);
    if( rc==ORTTO_OK && fresh==0 ) rc = bad_answer(p->request, "has only rows that came before");
  }
  if( rc==ORTTO_OK ) *out = page_pop(r);
  return rc;
}
