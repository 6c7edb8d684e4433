/*
** read_feed.c - see read_feed.h.
*/
#include "read_feed.h"

#include "../text.h"
#include "../json.h"
#include "context.h"
#include "request.h"
#include "read_scan.h"
#include "read_list.h"

static char *feed_body(const ortto_reader *r){
  buf b = { 0 };
  buf_printf(&b, "{\"person_id\":\"%s\",\"limit\":%d,\"offset\":%lld}", r->ids[r->id_next], LIST_PAGE, (long long)r->next_offset);
  if( b.failed ) buf_free(&b);
  return b.p;
}

/* meta.has_more says whether more follow here [recorded]. */
static int feed_follow(ortto_reader *r, page *p, js answer){
  js more = js_get(js_get(answer, "meta"), "has_more"), next = js_get(answer, "next_offset");
  int64_t offset;
  if( js_type(more)!='t' && js_type(more)!='f' ) return bad_answer(p->request, "does not say whether more rows follow (\"meta.has_more\")");
  if( js_true(more) ){
    if( !js_integer(next, &offset) || offset<=r->next_offset ) return bad_answer(p->request, "says that more rows follow, but next_offset does not grow");
    if( p->rows==0 ) return bad_answer(p->request, "has no rows, but says that more follow");
    r->next_offset = offset;
  }else{
    r->id_next++;
    r->next_offset = 0;
  }
  return ORTTO_OK;
}

int feed_load(ortto_reader *r, page **out){
  js answer;
  int fresh = 0;
  if( r->id_next>=r->id_count ) return ORTTO_DONE;
  page *p = page_new(r);
  if( p==NULL ) return no_memory(r->endpoint->client);
  p->ids = r->ids + r->id_next;
  p->request = request_new(r->endpoint, "POST", "/v1/person/get/activities", feed_body(r), REQUEST_READ|REQUEST_FEED, r->doing);
  int rc = p->request ? request_wait(p->request) : ORTTO_NOMEM;
  if( rc==ORTTO_OK ) rc = answer_json(p->request, &answer);
  if( rc!=ORTTO_OK ) return rc;
  js list = js_get(answer, "activities");
  if( list.p==NULL || (js_type(list)!='[' && js_type(list)!='n') ) return bad_answer(p->request, "has no list \"activities\"");
  rc = list_rows(r, p, list);
  log_rows(p->request, p->rows);
  if( rc==ORTTO_OK ) rc = feed_follow(r, p, answer);
  if( rc==ORTTO_OK && p->rows ){
    rc = page_unseen(r, p, &fresh);
    if( rc==ORTTO_OK && fresh==0 ) rc = bad_answer(p->request, "has only rows that came before");
  }
  if( rc==ORTTO_OK ) *out = page_pop(r);
  return rc;
}
