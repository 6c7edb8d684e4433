/*
** read_feed.c - see read_feed.h.
*/
#include "read_feed.h"

#include <string.h>

#include "value.h"
#include "read_ids.h"
#include "read_list.h"

typedef struct feed {
  id_list people;                  /* .next: the one that is being read */
  int64_t offset;                  /* in that person's feed */
  seen_ids seen;
  int person_at;                   /* place of person_id, which the records do not have */
} feed;

static int feed_open(ortto_reader *r, const ortto_query *q){
  feed *s = reader_alloc(r, sizeof *s);
  if( s==NULL ) return ORTTO_NOMEM;
  r->own = s;
  s->person_at = field_place(r, "person_id");
  return ids_given(r, q, &s->people);
}

static http_request *feed_request(ortto_reader *r, const feed *s){
  cJSON *body = cJSON_CreateObject();
  int ok = json_add(body, "person_id", cJSON_CreateString(s->people.id[s->people.next]))
        && json_add(body, "limit", json_integer(LIST_PAGE))
        && json_add(body, "offset", json_integer(s->offset));
  return reader_request(r, "/v1/person/get/activities", body, ok, REQUEST_FEED);
}

/* meta.has_more says whether more follow here [recorded]. */
static int feed_follow(feed *s, const page *p, js answer){
  js more = js_get(js_get(answer, "meta"), "has_more"), next = js_get(answer, "next_offset");
  int64_t offset;
  if( js_type(more)!='t' && js_type(more)!='f' )
    return bad_answer(p->request, "does not say whether more rows follow (\"meta.has_more\")");
  if( !js_true(more) ){
    s->people.next++;
    s->offset = 0;
    return ORTTO_OK;
  }
  if( !js_integer(next, &offset) || offset<=s->offset )
    return bad_answer(p->request, "says that more rows follow, but next_offset does not grow");
  if( p->rows==0 ) return bad_answer(p->request, "has no rows, but says that more follow");
  s->offset = offset;
  return ORTTO_OK;
}

static int feed_load(ortto_reader *r, page **out){
  feed *s = r->own;
  int fresh = 0;
  js answer;
  if( s->people.next>=s->people.count ) return ORTTO_DONE;
  page *p = page_new(r);
  if( p==NULL ) return ORTTO_NOMEM;
  p->ids = s->people.id + s->people.next;
  p->id_count = 1;
  p->request = feed_request(r, s);
  int rc = p->request ? request_wait(p->request) : ORTTO_NOMEM;
  if( rc==ORTTO_OK ) rc = answer_json(p->request, &answer);
  if( rc!=ORTTO_OK ) return rc;
  js list = js_get(answer, "activities");
  if( list.p==NULL || (js_type(list)!='[' && js_type(list)!='n') )
    return bad_answer(p->request, "has no list \"activities\"");
  rc = list_rows(r, p, list);
  log_rows(p->request, p->rows);
  if( rc==ORTTO_OK ) rc = feed_follow(s, p, answer);
  if( rc==ORTTO_OK && p->rows ){
    rc = page_unseen(r, &s->seen, p, &fresh);
    if( rc==ORTTO_OK && fresh==0 ) rc = bad_answer(p->request, "has only rows that came before");
  }
  if( rc==ORTTO_OK ) *out = page_pop(r);
  return rc;
}

static int feed_row(ortto_reader *r, const page *p){
  const feed *s = r->own;
  if( s->person_at>=0 ) value_text(&r->value[s->person_at], ORTTO_VALUE_TEXT, p->ids[0], strlen(p->ids[0]));
  return 1;
}

static void feed_progress(const ortto_reader *r, ortto_progress *out){
  const feed *s = r->own;
  out->at_hand = s->people.next>=s->people.count;
}

static void feed_close(ortto_reader *r){
  feed *s = r->own;
  seen_free(&s->seen);
}

const way feed_way = { .open = feed_open, .load = feed_load, .row = feed_row, .progress = feed_progress,
                       .close = feed_close };
