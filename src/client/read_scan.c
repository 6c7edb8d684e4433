/*
** read_scan.c - see read_scan.h.
*/
#include "read_scan.h"

#include <stdlib.h>
#include <string.h>

#ifdef ORTTO_CJSON
#include "cJSON.h"
#else
#include <cjson/cJSON.h>
#endif

#include "../text.h"
#include "client.h"
#include "context.h"
#include "request.h"
#include "schema.h"
#include "filter.h"
#include "read_ids.h"

#define TOTAL_MAX 1000000000000    /* a total above this is no total */

const char *scan_path(ortto_table table){
  return table==ORTTO_PEOPLE ? "/v1/person/get" : "/v1/accounts/get";
}

char *scan_body(const ortto_reader *r, int64_t limit, int64_t offset, const char *cursor, const char *fields){
  buf b = { 0 };
  buf_printf(&b, "{\"fields\":%s,\"limit\":%lld,\"offset\":%lld%s", fields, (long long)limit, (long long)offset, r->common);
  if( cursor[0] ) buf_printf(&b, ",\"cursor_id\":\"%s\"", cursor);
  if( r->filter[r->filter_next] ) buf_printf(&b, ",\"filter\":%s", r->filter[r->filter_next]);
  buf_puts(&b, "}");
  if( b.failed ) buf_free(&b);
  return b.p;
}

/* As few pages of one size as hold the rows that will be read. */
static int64_t page_limit(const ortto_reader *r, int64_t offset){
  if( r->limit<=0 || offset>=r->limit ) return PAGE_MAX;
  int64_t pages = (r->limit + PAGE_MAX - 1) / PAGE_MAX;
  return (r->limit + pages - 1) / pages;
}

static int scan_request(ortto_reader *r, int64_t offset){
  page *p = page_new(r);
  if( p==NULL ) return no_memory(r->endpoint->client);
  p->offset = offset;
  p->limit = page_limit(r, offset);
  p->request = request_new(r->endpoint, "POST", scan_path(r->table), scan_body(r, p->limit, offset, r->cursor, r->chunk[0]), REQUEST_READ, r->doing);
  r->ask_offset = offset + p->limit;
  return p->request ? ORTTO_OK : ORTTO_NOMEM;
}

/* Ask ahead under the cursor. The total only plans; has_more decides. */
static int scan_widen(ortto_reader *r){
  int rc = ORTTO_OK;
  while( rc==ORTTO_OK && r->parallel && r->queued<r->endpoint->concurrency && r->ask_offset<r->total
      && (r->limit<=0 || r->ask_offset<r->limit) ) rc = scan_request(r, r->ask_offset);
  return rc;
}

int page_members(ortto_reader *r, page *p, js *records){
  http_request *c = p->request;
  js answer, name, v;
  int rc = answer_json(c, &answer);
  int64_t i;
  int says_more = 0;
  if( rc!=ORTTO_OK ) return rc;
  if( js_type(answer)!='{' ) return bad_answer(c, "is no object");
  records->p = NULL;
  p->next_offset = -1;
  js_iter it = js_in(answer);
  while( js_next(&it, &name, &v) ){
    if( js_is(name, record_member(r->table)) || (r->table==ORTTO_ACCOUNTS && js_is(name, "organizations")) ) *records = v;
    else if( js_is(name, "has_more") && (js_type(v)=='t' || js_type(v)=='f') ){ says_more = 1; p->has_more = js_true(v); }
    else if( js_is(name, "next_offset") && js_integer(v, &i) && i>=0 && i<=INT64_MAX/2 ) p->next_offset = i;
    else if( js_is(name, "cursor_id") && js_type(v)=='"' && ortto_is_id(v.p+1, v.n-2) ){
      memcpy(p->cursor, v.p+1, 24);
      p->cursor[24] = 0;
      if( is_zero_id(p->cursor) ) p->cursor[0] = 0;
    }else if( js_is(name, "meta") && js_integer(js_get(v, "total_matches"), &i) && i>=0 && i<=TOTAL_MAX ) p->total = i;
  }
  if( records->p==NULL ) return bad_answer(c, "has no \"%s\"", record_member(r->table));
  if( js_type(*records)!='[' && js_type(*records)!='n' ) return bad_answer(c, "has a \"%s\" that is no list", record_member(r->table));
  if( !says_more ) return bad_answer(c, "does not say whether more rows follow (\"has_more\")");
  return ORTTO_OK;
}

static int page_rows(ortto_reader *r, page *p, js records){
  js record, name, v;
  int rc = page_room(r, p, js_type(records)=='[' ? count_elements(records) : 0);
  if( rc!=ORTTO_OK || js_type(records)!='[' ) return rc;
  js_iter it = js_in(records);
  while( js_next(&it, NULL, &record) ){
    if( js_type(record)!='{' ) return bad_answer(p->request, "has a record that is no object");
    js *id = &p->id[p->rows], *part = &p->part[(size_t)p->rows*(size_t)r->parts];
    js_iter in = js_in(record);
    while( js_next(&in, &name, &v) ){
      if( js_is(name, "id") && js_type(v)=='"' ) *id = unquoted(v);
      else if( js_is(name, "fields") ) *part = v;
    }
    if( id->p==NULL || id->n==0 ) return bad_answer(p->request, "has a record without an id");
    p->rows++;
  }
  return ORTTO_OK;
}

int page_unseen(ortto_reader *r, page *p, int *fresh){
  int kept = 0;
  for(int i=0; i<p->rows; i++){
    int is_new = seen_add(&r->seen, p->id[i]);
    if( is_new<0 ) return no_memory(r->endpoint->client);
    if( !is_new ) continue;
    p->id[kept] = p->id[i];
    p->part[(size_t)kept*(size_t)r->parts] = p->part[(size_t)i*(size_t)r->parts];
    kept++;
  }
  *fresh = kept;
  p->rows = kept;
  return ORTTO_OK;
}

/* From here on one page at a time, each from where the server says the last one ended. */
static void fall_back(ortto_reader *r, const char *why){
  if( r->parallel || r->fell_back==NULL ) r->fell_back = why;
  r->parallel = 0;
  pages_drop(r);
}

/* Rows left the list before our place in it, so that some unread ones may have moved in front of that place (a cursor
** that is a snapshot prevents this; whether it is one is not documented). Read again from that much earlier. */
static int step_back(ortto_reader *r, const page *p, int64_t by){
  if( ++r->step_backs>20 )
    return fail(r->endpoint->client, "ortto: %s: the list shrinks faster than it can be read. Try again later, or ask for less at a time",
                r->doing);
  r->next_offset = p->offset>by ? p->offset - by : 0;
  r->overlap = p->offset - r->next_offset;
  fall_back(r, "rows were removed during the read");
  return ORTTO_OK;
}

/* What the page says about those that follow. The page's rows are sound. */
static int scan_follow(ortto_reader *r, page *p, int received){
  int64_t limit = p->limit;
  if( !r->begun ){
    r->begun = 1;
    memcpy(r->cursor, p->cursor, sizeof r->cursor);
    r->parallel = !r->one_by_one && p->has_more && p->cursor[0] && received==limit && p->next_offset==p->offset+limit && p->total>=0;
  }else if( strcmp(r->cursor, p->cursor)!=0 && p->has_more ){
    memcpy(r->cursor, p->cursor, sizeof r->cursor);
    fall_back(r, "the server changed the cursor");
  }
  if( r->parallel && p->has_more && p->next_offset!=p->offset+limit ) fall_back(r, "a page was shorter than asked");
  if( r->total>=0 && p->total>r->total ) fall_back(r, "rows were added during the read");
  if( p->total>=0 ) r->total = p->total;
  if( !p->has_more ){
    r->done = 1;
    pages_drop(r);
    return ORTTO_OK;
  }
  if( received==0 ) return bad_answer(p->request, "has no rows, but says that more follow");
  if( p->next_offset<=p->offset ) return bad_answer(p->request, "says that more rows follow, but next_offset does not grow");
  r->next_offset = p->next_offset;
  return ORTTO_OK;
}

/* Takes the oldest page, whose answer is there. *discarded: it was not safe to use, and is gone. */
static int parse_scan_page(ortto_reader *r, page *p, int *discarded){
  js records;
  int fresh = 0;
  int rc = page_members(r, p, &records);
  if( rc==ORTTO_OK ) rc = page_rows(r, p, records);
  if( rc!=ORTTO_OK ) return rc;
  int received = p->rows;
  log_rows(p->request, received);
  if( r->server_time[0]==0 ) memcpy(r->server_time, p->request->date, sizeof r->server_time);
  if( !r->begun && r->resumed && p->cursor[0] && strcmp(p->cursor, r->cursor)!=0 ){
    r->cursor_lost = 1;            /* another list than the one that was begun */
    return bad_answer(p->request, "is under another cursor than the one asked for");
  }
  *discarded = 1;
  if( r->begun && r->pages>0 && received==0 && !p->has_more && p->offset>0 && p->offset>r->overlap )
    return step_back(r, p, p->limit + r->overlap);
  if( r->begun && r->total>=0 && p->total>=0 && p->total<r->total ){
    int64_t by = r->total - p->total;
    r->total = p->total;
    return step_back(r, p, by);
  }
  *discarded = 0;
  rc = page_unseen(r, p, &fresh);
  if( rc!=ORTTO_OK ) return rc;
  if( received>0 && fresh==0 && r->filters==1 && r->overlap<=0 ) return bad_answer(p->request, "has only rows that came before");
  r->overlap -= received;
  return scan_follow(r, p, received);
}

/* A cursor that is refused in the middle cannot be replaced: a new one would be another list. */
static int scan_refused(ortto_reader *r, const page *p, int rc){
  if( rc!=ORTTO_ERROR || r->cursor[0]==0 || p->request->status<400 || p->request->status>499 ) return rc;
  if( p->request->status!=400 && p->request->status!=404 && p->request->status!=410 ) return rc;
  if( !r->begun && r->resumed ){
    r->cursor_lost = 1;
    return rc;
  }
  char said[sizeof r->endpoint->client->error];
  memcpy(said, r->endpoint->client->error, sizeof said);
  return fail(r->endpoint->client, "%.700s. This was not the first page, so the server may have forgotten the cursor under which the scan began; "
              "run the statement again", said);
}

static void scan_restart(ortto_reader *r){       /* under the next filter */
  r->begun = r->done = r->parallel = 0;
  r->next_offset = r->ask_offset = 0;
  r->cursor[0] = 0;
  r->total = -1;
  r->overlap = 0;
}

int scan_load(ortto_reader *r, page **out){
  for(;;){
    int rc = ORTTO_OK, discarded = 0;
    if( r->done && r->head==NULL ){
      if( r->filter_next+1>=r->filters ) return ORTTO_DONE;
      r->filter_next++;
      scan_restart(r);
    }
    if( r->head==NULL ) rc = scan_request(r, r->next_offset);
    if( rc==ORTTO_OK ) rc = scan_widen(r);
    if( rc!=ORTTO_OK || r->head==NULL ) return rc;
    rc = request_wait(r->head->request);
    if( rc!=ORTTO_OK ) return scan_refused(r, r->head, rc);
    page *p = page_pop(r);
    int first = !r->begun;
    rc = parse_scan_page(r, p, &discarded);
    if( rc==ORTTO_OK && !discarded ) rc = page_extras(r, p);
    if( rc==ORTTO_OK && !discarded && !first ) rc = scan_widen(r);
    if( rc!=ORTTO_OK || discarded || p->rows==0 ){
      page_free(r, p);
      if( rc!=ORTTO_OK ) return rc;
      continue;
    }
    *out = p;
    return ORTTO_OK;
  }
}

int reader_filters(ortto_reader *r, const ortto_query *q){
  int split = -1, total = 0;
  for(int i=0; i<q->condition_count; i++)
    if( q->conditions[i].test==ORTTO_IS && q->conditions[i].count>OR_MAX && split<0 ) split = i;
  if( split>=0 ) total = q->conditions[split].count;
  r->filters = total>0 ? (total + OR_MAX - 1)/OR_MAX : 1;
  r->filter = calloc((size_t)r->filters, sizeof *r->filter);
  int ok = r->filter!=NULL;
  for(int i=0; ok && i<r->filters; i++){
    char *text;
    ok = filter_text(q, split, i*OR_MAX, &text);
    if( ok && text ) ok = (r->filter[i] = arena_text(&r->memory, text, strlen(text)))!=NULL;
    cJSON_free(text);
  }
  return ok ? ORTTO_OK : no_memory(r->endpoint->client);
}

int reader_common(ortto_reader *r, const ortto_query *q){
  cJSON *o = cJSON_CreateObject();
  int ok = o!=NULL;
  if( ok && q->q ) ok = cJSON_AddStringToObject(o, "q", q->q)!=NULL;
  if( ok && q->archived )                        /* accounts: documented, never recorded */
    ok = cJSON_AddStringToObject(o, "type", r->table==ORTTO_PEOPLE ? "archived" : "archived_organization")!=NULL;
  if( ok && q->audience ) ok = cJSON_AddStringToObject(o, "audience_id", q->audience)!=NULL;
  if( ok && q->sort ) ok = cJSON_AddStringToObject(o, "sort_by_field_id", q->sort->id)
                        && cJSON_AddStringToObject(o, "sort_order", q->descending ? "desc" : "asc");
  char *text = ok ? cJSON_PrintUnformatted(o) : NULL;
  cJSON_Delete(o);
  if( text==NULL ) return no_memory(r->endpoint->client);
  size_t n = strlen(text);
  r->common = calloc(n + 1, 1);
  if( r->common && n>2 ){
    memcpy(r->common, text, n - 1);              /* without the closing brace; the opening one becomes a comma */
    r->common[0] = ',';
  }
  cJSON_free(text);
  return r->common ? ORTTO_OK : no_memory(r->endpoint->client);
}
