/*
** read_scan.c - see read_scan.h.
*/
#include "read_scan.h"

#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "schema.h"
#include "filter.h"
#include "read_ids.h"

#define PAGE_MAX 500               /* a larger limit is treated as 50 by the server [documented] */
#define TOTAL_MAX 1000000000000    /* a total above this is no total */
#define STEP_BACKS_MAX 20
#define AGAIN_MAX 20               /* pages that are read a second time, in one read */

typedef struct scan {
  /* what is asked for */
  field_chunks fields;
  const char *type, *sort_order;   /* constants, or NULL */
  char *q, *sort;                  /* or NULL */
  char **filter;                   /* one after the other: more than OR_MAX values need several. NULL: none */
  char **audience;                 /* the same for each of these. NULL: none */
  int filters, lists, list_at;     /* lists: as many as filters for each audience */
  int64_t limit;                   /* no more rows than this will be read; 0 unknown */
  int one_by_one;                  /* never ask ahead */
  /* the present list */
  char cursor[25];                 /* "" none */
  int begun, done;                 /* its first page came; so did its last */
  int parallel;                    /* pages are asked for ahead */
  int64_t next_offset;             /* where the page after the last one taken begins */
  int64_t ask_offset;              /* where the next one to be asked for ahead begins */
  int64_t total;                   /* as the last page said, -1 unknown */
  int64_t everybody;               /* the same, of all records whatever was asked; -1 unsaid */
  int64_t overlap;                 /* rows that may come a second time after a step back */
  int64_t passed_over;             /* places that no page had a row for */
  int64_t least;                   /* the least total that a page said, -1 unknown */
  int64_t unsaid_at;               /* offset of the first page since then that said none; -1 none */
  int64_t short_at;                /* offset of a page that lacks rows, and is read again; -1 none */
  int64_t came;                    /* rows, each once */
  int64_t ever;                    /* the same of both readings, if it is read a second time */
  int moves;                       /* its total was seen to change */
  int second;                      /* it is read a second time: rows were missing at its end */
  seen_ids seen_here;              /* in this list, or this reading of it; unused where that is all */
  /* the whole read */
  seen_ids seen;
  int resumed;                     /* it was to go on under a cursor */
  const char *anew;                /* why it could not, or lacks rows: the caller is to begin anew; or NULL */
  int step_backs, again;           /* pages that were read a second time */
  const char *fell_back;           /* why pages are asked for one at a time, or NULL */
  char server_time[21];
} scan;

/* What a page's answer says beside its rows. */
typedef struct answer {
  js records;
  int has_more;
  int64_t next_offset, total, everybody;   /* -1 unsaid */
  char cursor[25];                 /* "" none */
} answer;

/* ---- what is asked for ----------------------------------------------------------------------- */

static int open_filters(ortto_reader *r, scan *s, const ortto_query *q){
  int split = -1;
  for(int i=q->condition_count-1; i>=0; i--)
    if( q->conditions[i].test==ORTTO_IS && q->conditions[i].count>OR_MAX ) split = i;
  s->filters = split>=0 ? (q->conditions[split].count + OR_MAX - 1)/OR_MAX : 1;
  s->filter = reader_alloc(r, (size_t)s->filters * sizeof *s->filter);
  int ok = s->filter!=NULL;
  for(int i=0; ok && i<s->filters; i++){
    char *text;
    ok = filter_text(q, split, i*OR_MAX, &text) && reader_text(r, text, &s->filter[i]);
    free(text);
  }
  return ok ? ORTTO_OK : no_memory(r->endpoint->context);
}

static int open_audiences(ortto_reader *r, scan *s, const ortto_query *q){
  int ok = 1, count = q->audience_count;
  s->lists = count ? s->filters*count : s->filters;
  s->seen.keep_all = s->lists>1;
  if( count==0 ) return ORTTO_OK;
  s->audience = reader_alloc(r, (size_t)count * sizeof *s->audience);
  for(int i=0; s->audience && ok && i<count; i++) ok = reader_text(r, q->audiences[i], &s->audience[i]);
  return s->audience && ok ? ORTTO_OK : ORTTO_NOMEM;
}

static int scan_open(ortto_reader *r, const ortto_query *q){
  scan *s = reader_alloc(r, sizeof *s);
  if( s==NULL ) return ORTTO_NOMEM;
  r->own = s;
  s->limit = q->limit;
  s->one_by_one = q->one_by_one;
  s->total = s->everybody = s->least = s->unsaid_at = s->short_at = -1;
  s->next_offset = q->offset>0 && q->offset<=INT64_MAX/2 ? q->offset : 0;
  if( q->cursor_id && ortto_is_id(q->cursor_id, strlen(q->cursor_id)) ){
    memcpy(s->cursor, q->cursor_id, sizeof s->cursor);
    s->resumed = 1;
    s->came = s->next_offset;
  }
  if( q->archived )                /* accounts: documented, never recorded */
    s->type = r->table==ORTTO_PEOPLE ? "archived" : "archived_organization";
  if( q->sort ) s->sort_order = q->descending ? "desc" : "asc";
  if( !reader_text(r, q->q, &s->q) || !reader_text(r, q->sort ? q->sort->id : NULL, &s->sort) )
    return ORTTO_NOMEM;
  int rc = fields_split(r, &s->fields);
  if( rc==ORTTO_OK ) rc = open_filters(r, s, q);
  return rc==ORTTO_OK ? open_audiences(r, s, q) : rc;
}

static int add_text(cJSON *o, const char *name, const char *value){
  return value==NULL || json_add(o, name, cJSON_CreateStringReference(value));
}

static http_request *rows_request(ortto_reader *r, int64_t limit, int64_t offset, const char *cursor){
  const scan *s = r->own;
  const char *filter = s->filter[s->list_at % s->filters];
  const char *audience = s->audience ? s->audience[s->list_at / s->filters] : NULL;
  cJSON *body = cJSON_CreateObject();
  int ok = json_add(body, "fields", cJSON_CreateRaw(s->fields.json[0]))
        && json_add(body, "limit", json_integer(limit)) && json_add(body, "offset", json_integer(offset))
        && add_text(body, "q", s->q) && add_text(body, "type", s->type)
        && add_text(body, "audience_id", audience) && add_text(body, "sort_by_field_id", s->sort)
        && add_text(body, "sort_order", s->sort_order);
  if( ok && cursor[0] ) ok = add_text(body, "cursor_id", cursor);
  if( ok && filter ) ok = json_add(body, "filter", cJSON_CreateRaw(filter));
  return reader_request(r, r->table==ORTTO_PEOPLE ? "/v1/person/get" : "/v1/accounts/get", body, ok, 0);
}

/* As few pages of one size as hold the rows that will be read. */
static int64_t page_limit(const scan *s, int64_t offset){
  if( s->limit<=0 || offset>=s->limit ) return PAGE_MAX;
  int64_t pages = (s->limit + PAGE_MAX - 1) / PAGE_MAX;
  return (s->limit + pages - 1) / pages;
}

static int ask(ortto_reader *r, int64_t offset){
  scan *s = r->own;
  page *p = page_new(r);
  if( p==NULL ) return ORTTO_NOMEM;
  p->list = s->list_at / s->filters;
  p->offset = offset;
  p->limit = page_limit(s, offset);
  p->request = rows_request(r, p->limit, offset, s->cursor);
  s->ask_offset = offset + p->limit;
  if( p->request==NULL ) return ORTTO_NOMEM;
  request_expect(p->request, r->answer_bytes);
  return ORTTO_OK;
}

/* Ask ahead under the cursor. The total only plans; has_more decides. */
static int ask_ahead(ortto_reader *r){
  scan *s = r->own;
  int rc = ORTTO_OK;
  while( rc==ORTTO_OK && s->parallel && s->ask_offset<s->total && (s->limit<=0 || s->ask_offset<s->limit)
      && requests_have_room(r->endpoint, r->queued, r->answer_bytes) ) rc = ask(r, s->ask_offset);
  return rc;
}

/* ---- what an answer says --------------------------------------------------------------------- */

/* -1: unsaid, or no total. */
static int64_t total_in(js meta, const char *name){
  int64_t i;
  return js_integer(js_get(meta, name), &i) && i>=0 && i<=TOTAL_MAX ? i : -1;
}

static int answer_read(const ortto_reader *r, http_request *c, answer *a){
  const char *member = record_member(r->table);
  js whole, name, v;
  int64_t i;
  int says_more = 0, rc = answer_json(c, &whole);
  if( rc!=ORTTO_OK ) return rc;
  if( js_type(whole)!='{' ) return bad_answer(c, "is no object");
  *a = (answer){ .next_offset = -1, .total = -1, .everybody = -1 };
  js_iter it = js_in(whole);
  while( js_next(&it, &name, &v) ){
    if( js_is(name, member) || (r->table==ORTTO_ACCOUNTS && js_is(name, "organizations")) ) a->records = v;
    else if( js_is(name, "has_more") && (js_type(v)=='t' || js_type(v)=='f') ){
      says_more = 1;
      a->has_more = js_true(v);
    }else if( js_is(name, "next_offset") && js_integer(v, &i) && i>=0 && i<=INT64_MAX/2 ) a->next_offset = i;
    else if( js_is(name, "cursor_id") && js_type(v)=='"' && ortto_is_id(v.p+1, v.n-2) ){
      memcpy(a->cursor, v.p+1, 24);
      a->cursor[24] = 0;
      if( is_zero_id(a->cursor) ) a->cursor[0] = 0;
    }else if( js_is(name, "meta") ){
      a->total = total_in(v, "total_matches");
      a->everybody = total_in(v, r->table==ORTTO_PEOPLE ? "total_contacts" : "total_organizations");
    }
  }
  if( a->records.p==NULL ) return bad_answer(c, "has no \"%s\"", member);
  if( js_type(a->records)!='[' && js_type(a->records)!='n' )
    return bad_answer(c, "has a \"%s\" that is no list", member);
  if( !says_more ) return bad_answer(c, "does not say whether more rows follow (\"has_more\")");
  return ORTTO_OK;
}

static int rows_read(ortto_reader *r, page *p, js records){
  js record, id;
  if( js_type(records)!='[' ) return ORTTO_OK;
  js_iter it = js_in(records);
  while( js_next(&it, NULL, &record) ){
    js_prefetch(it);
    int rc = page_room(r, p, p->rows + 1);
    if( rc==ORTTO_OK ) rc = record_read(p->request, record, &id, page_part(r, p, p->rows));
    if( rc!=ORTTO_OK ) return rc;
    if( !id_plain(r, &r->memory, id, &p->id[p->rows]) ) return ORTTO_NOMEM;
    p->rows++;
  }
  return ORTTO_OK;
}

/* ---- the server's moods -------------------------------------------------------------------------
**
** Nobody has recorded a second page under a cursor, so a scan rests on guesses (ortto-api.md, 3 and 9). Each
** function here watches one of them, and does what is right where it fails. The rule for all: no row is left
** out in silence, none comes twice, and every scan ends.
**
**                    the guess, and its standing                   where it fails
**
**   may_ask_ahead    a cursor names a list, and a page's offset    one page at a time, also where the first
**                    is a place in it: 3 [inferred]                page does not look like that
**   cursor_changed   the cursor stays during a scan: 3 [guess]     one page at a time, under the new one
**   page_fell_short  while rows follow, next_offset is offset and  one page at a time, from next_offset
**                    limit: 3 [recorded, of first pages]
**   rows_added       the list under a cursor is frozen; if not,    one page at a time
**                    total_matches tells: 3, 9 [guess]
**   rows_removed     the same; or the page is behind the end,      a step back by as many rows: unread ones
**                    where rows are null: 2.1 [recorded]           may have moved in front of our place
**   rows_missing     a page has a row for each place up to         it is read again; then, at the end, all of
**                    next_offset, and the last one ends where the  the list, under a new cursor; then an
**                    total says: 2.1, 3 [recorded]                 error, and anew where it was read once
**   rows_repeated    no row comes twice: 9 [guess]                 left out; a page of such alone is an
**                                                                  error
**   rows_hidden      the same; or as many others are missing       as where rows are missing
**   is_endless       has_more comes with rows, and next_offset     an error
**                    grows, by no more than a page: 3 [documented]
**   cursor_replaced  a cursor outlives an interrupted sync: 3      an error, and anew: the caller
**                    [guess]                                       begins the list anew
**   cursor_refused   a cursor lives as long as a scan: 3 [guess]   an error that says so; at the beginning
**                                                                  of a resumed scan anew
**
** What an answer must have to be read at all stands in answer_read and rows_read, where a total that cannot
** be is taken for unsaid.
*/

/* From here on one page at a time, each from where the server says the last one ended. */
static void fall_back(ortto_reader *r, const char *why){
  scan *s = r->own;
  if( s->parallel || s->fell_back==NULL ) s->fell_back = why;
  s->parallel = 0;
  pages_drop(r);
}

static int may_ask_ahead(const scan *s, const page *p, const answer *a, int received){
  return !s->one_by_one && a->has_more && a->cursor[0] && received==p->limit
      && a->next_offset==p->offset+p->limit && a->total>=0;
}

static void cursor_changed(ortto_reader *r, const answer *a){
  scan *s = r->own;
  if( strcmp(s->cursor, a->cursor)==0 || !a->has_more ) return;
  memcpy(s->cursor, a->cursor, sizeof s->cursor);
  fall_back(r, "the server changed the cursor");
}

static void page_fell_short(ortto_reader *r, const page *p, const answer *a){
  const scan *s = r->own;
  if( s->parallel && a->has_more && a->next_offset!=p->offset+p->limit )
    fall_back(r, "a page was shorter than asked");
}

static void rows_added(ortto_reader *r, const answer *a){
  const scan *s = r->own;
  if( s->total>=0 && a->total>s->total ) fall_back(r, "rows were added during the read");
}

static int step_back(ortto_reader *r, const page *p, int64_t by){
  scan *s = r->own;
  if( ++s->step_backs>STEP_BACKS_MAX )
    return fail(r->endpoint->context, "ortto: %s: the list shrinks faster than it can be read. Try again "
                "later, or ask for less at a time", r->doing);
  s->next_offset = p->offset>by ? p->offset - by : 0;
  s->overlap = p->offset - s->next_offset;
  fall_back(r, "rows were removed during the read");
  return ORTTO_OK;
}

/* *again: the page is not safe to use; what it should have held is read anew. */
static int rows_removed(ortto_reader *r, const page *p, const answer *a, int *again){
  scan *s = r->own;
  int behind = r->pages>0 && p->rows==0 && !a->has_more && p->offset>0 && p->offset>s->overlap;
  int64_t removed = s->total>=0 && a->total>=0 ? s->total - a->total : 0;
  *again = s->begun && (behind || removed>0);
  if( !*again ) return ORTTO_OK;
  if( behind ) return step_back(r, p, p->limit + s->overlap);
  s->total = a->total;
  s->moves = 1;
  if( s->unsaid_at>=0 ) removed += p->offset - s->unsaid_at;   /* they may have gone before that page */
  s->unsaid_at = -1;
  return step_back(r, p, removed);
}

/* Whether the total is that of the list which the page ends. That of an only page may be another's (of people
** who are archived, or in an audience) where it is as large as that of all: it makes the page be read again,
** and is not believed. */
static int is_total_of_list(const scan *s, const page *p, const answer *a){
  int may_be_others = p->offset==0 && s->short_at==0 && (s->type || s->audience);
  return a->total>=0 && (!may_be_others || (a->everybody>=0 && a->total<a->everybody));
}

/* Can the list be read a second time? What was missing comes behind the rest, and nothing comes twice. */
static int may_read_second(const scan *s){
  return !s->second && !s->resumed && s->sort==NULL && !s->seen.forgot;
}

/* How many rows are not there: of a page before the last by its next_offset, which counts places; of all up
** to the last by the total, if there is one. Where that has grown, it may count who came since the list was
** made: then it makes the page be read again, and the list, but is no reason to fail. */
static int64_t rows_lacking(const scan *s, const page *p, const answer *a, int was_again){
  int64_t end = p->offset + p->rows, total = a->total, lacking = 0;
  if( a->next_offset>end && a->next_offset<p->offset + p->limit + a->has_more )
    lacking = a->next_offset - end;
  if( a->has_more ) return lacking;
  if( !is_total_of_list(s, p, a) ) return lacking + s->passed_over;
  int fails = was_again && !may_read_second(s);
  if( fails && s->passed_over==0 && s->least>=0 && s->least<total ) total = s->least;
  return total - (end - s->passed_over);
}

static void list_begin(scan *s){
  s->begun = s->done = s->parallel = s->moves = 0;
  s->next_offset = s->ask_offset = 0;
  s->cursor[0] = 0;
  s->total = s->least = s->unsaid_at = s->short_at = -1;
  s->overlap = s->passed_over = s->came = 0;
}

/* The whole list is read a second time; else there is an error. */
static int read_second(ortto_reader *r, const page *p, int64_t lacking, int64_t total){
  scan *s = r->own;
  if( may_read_second(s) ){
    s->ever = s->came;
    list_begin(s);
    seen_free(&s->seen_here);
    s->second = s->seen.keep_all = 1;
    fall_back(r, "rows were missing at the end, and the list was read again");
    return ORTTO_OK;
  }
  if( !s->second ) s->anew = "rows were missing at the end";
  if( total<lacking ) return bad_answer(p->request, "ends the list with fewer rows than it has counted");
  return bad_answer(p->request, "ends the list at row %lld of the %lld that it says it has",
                    (long long)(total - lacking), (long long)total);
}

/* The page is read a second time, or all; else there is an error. */
static int rows_missing(ortto_reader *r, const page *p, const answer *a, int *again){
  scan *s = r->own;
  int was_again = s->short_at==p->offset || s->again>=AGAIN_MAX;
  int64_t lacking = rows_lacking(s, p, a, was_again);
  if( lacking<=0 || (was_again && a->has_more) ) return ORTTO_OK;
  *again = 1;
  if( was_again ) return read_second(r, p, lacking, a->total);
  s->again++;
  s->short_at = s->next_offset = p->offset;
  fall_back(r, "a page lacked rows");
  return ORTTO_OK;
}

/* After a step back, under another filter and in another audience, rows may come again. */
static int rows_repeated(ortto_reader *r, page *p){
  scan *s = r->own;
  int received = p->rows, fresh = 0, unseen = 0, here = s->lists>1 || s->second, rc = ORTTO_OK;
  if( here ) rc = page_unseen(r, &s->seen_here, p, &fresh);
  if( rc==ORTTO_OK ) rc = page_unseen(r, &s->seen, p, here ? &unseen : &fresh);
  if( rc!=ORTTO_OK ) return rc;
  if( received>0 && fresh==0 && s->overlap<=0 )
    return bad_answer(p->request, "has only rows that came before");
  s->overlap -= received;
  s->came += fresh;
  s->ever += unseen;
  return ORTTO_OK;
}

/* Rows that came twice have hidden that others did not come: of those that were there all the time. Or one
** came in front of our place as another went behind it. Where that goes on all the time it would be so in
** every reading, but not twice with the same rows: both readings together have them. Nor is it an error in a
** list too long for a second one, which moves. */
static int rows_hidden(ortto_reader *r, const page *p, const answer *a){
  const scan *s = r->own;
  int is_its_total = p->offset>0 || is_total_of_list(s, p, a);
  int64_t came = s->second && s->ever>s->came ? s->ever : s->came;
  if( !s->done || !is_its_total || came>=s->least || (s->seen.forgot && s->moves) ) return ORTTO_OK;
  return read_second(r, p, s->least - s->came, s->least);
}

static int is_endless(const page *p, const answer *a, int received){
  int64_t most = received>p->limit ? received : p->limit;
  if( received==0 ) set_bad_answer(p->request, "has no rows, but says that more follow");
  else if( a->next_offset<=p->offset )
    set_bad_answer(p->request, "says that more rows follow, but next_offset does not grow");
  else if( a->next_offset>p->offset + most )
    set_bad_answer(p->request, "says that more rows follow, but next_offset passes some over");
  else return 0;
  return 1;
}

static const char forgotten[] = "the server does not know the cursor of the earlier run any more";

/* Another list than the one that was begun. */
static int cursor_replaced(scan *s, const page *p, const answer *a){
  if( s->begun || !s->resumed || a->cursor[0]==0 || strcmp(a->cursor, s->cursor)==0 ) return 0;
  s->anew = forgotten;
  set_bad_answer(p->request, "is under another cursor than the one asked for");
  return 1;
}

/* A cursor that is refused in the middle cannot be replaced: a new one would be another list. */
static int cursor_refused(ortto_reader *r, const page *p){
  scan *s = r->own;
  int status = p->request->status;
  if( s->cursor[0]==0 || (status!=400 && status!=404 && status!=410) ) return ORTTO_ERROR;
  if( !s->begun && s->resumed ){
    s->anew = forgotten;
    return ORTTO_ERROR;
  }
  context *c = r->endpoint->context;
  char said[sizeof c->error];
  memcpy(said, c->error, sizeof said);
  return fail(c, "%.700s. This was not the first page, so the server may have forgotten the cursor under "
              "which the scan began; run the statement again", said);
}

/* ---- page after page ------------------------------------------------------------------------- */

static void total_said(scan *s, const page *p, int64_t total){
  if( total<0 && s->unsaid_at<0 ) s->unsaid_at = p->offset;
  if( total<0 ) return;
  s->moves |= s->total>=0 && total!=s->total;
  s->total = total;
  s->unsaid_at = -1;
  if( s->least<0 || total<s->least ) s->least = total;
}

/* What the page says about those that follow. The page's rows are sound. */
static int follow(ortto_reader *r, const page *p, const answer *a, int received){
  scan *s = r->own;
  if( s->begun ) cursor_changed(r, a);
  else{
    s->begun = 1;
    memcpy(s->cursor, a->cursor, sizeof s->cursor);
    s->parallel = may_ask_ahead(s, p, a, received);
  }
  page_fell_short(r, p, a);
  rows_added(r, a);
  total_said(s, p, a->total);
  if( !a->has_more ){
    s->done = 1;
    pages_drop(r);
    return ORTTO_OK;
  }
  if( is_endless(p, a, received) ) return ORTTO_ERROR;
  if( a->next_offset>p->offset + received ) s->passed_over += a->next_offset - p->offset - received;
  s->next_offset = a->next_offset;
  return ORTTO_OK;
}

/* Takes a page, whose answer is there. *again: it is not to be used; something else is to be asked for. */
static int take_page(ortto_reader *r, page *p, int *again){
  scan *s = r->own;
  answer a;
  int rc = answer_read(r, p->request, &a);
  if( rc==ORTTO_OK ) rc = rows_read(r, p, a.records);
  if( rc!=ORTTO_OK ) return rc;
  int received = p->rows;
  s->everybody = a.everybody;
  log_rows(p->request, received);
  r->answer_bytes = request_read(p->request);
  if( s->server_time[0]==0 ) memcpy(s->server_time, p->request->transfer.date, sizeof s->server_time);
  if( cursor_replaced(s, p, &a) ) return ORTTO_ERROR;
  rc = rows_removed(r, p, &a, again);
  if( rc==ORTTO_OK && !*again ) rc = rows_missing(r, p, &a, again);
  if( rc!=ORTTO_OK || *again ) return rc;
  rc = rows_repeated(r, p);
  if( rc==ORTTO_OK ) rc = follow(r, p, &a, received);
  return rc==ORTTO_OK ? rows_hidden(r, p, &a) : rc;
}

static void next_list(scan *s){
  s->list_at++;
  list_begin(s);
  s->second = 0;
  seen_free(&s->seen_here);
}

/* *out stays NULL where the page had nothing new. */
static int load_page(ortto_reader *r, page **out){
  scan *s = r->own;
  int rc = ORTTO_OK, again = 0;
  if( r->head==NULL ) rc = ask(r, s->next_offset);
  if( rc==ORTTO_OK ) rc = ask_ahead(r);
  if( rc!=ORTTO_OK ) return rc;
  rc = request_wait(r->head->request);
  if( rc==ORTTO_ERROR ) return cursor_refused(r, r->head);
  if( rc!=ORTTO_OK ) return rc;
  page *p = page_pop(r);
  int first = !s->begun;
  rc = take_page(r, p, &again);
  if( rc==ORTTO_OK && !again ) rc = page_extras(r, p, &s->fields);
  if( rc==ORTTO_OK && !again && !first ) rc = ask_ahead(r);
  if( rc==ORTTO_OK && !again && p->rows ) *out = p;
  else page_free(r, p);
  return rc;
}

static int scan_arrived(ortto_reader *r, page **out){
  const scan *s = r->own;
  return s->fields.count==1 ? load_page(r, out) : ORTTO_OK;
}

static int scan_load(ortto_reader *r, page **out){
  scan *s = r->own;
  int rc = ORTTO_OK;
  while( rc==ORTTO_OK && *out==NULL ){
    if( s->done && r->head==NULL ){
      if( s->list_at+1>=s->lists ) return ORTTO_DONE;
      next_list(s);
    }
    rc = load_page(r, out);
  }
  return rc;
}

static int scan_count(ortto_reader *r, int64_t *count){
  const scan *s = r->own;
  answer a;
  if( s->lists!=1 ) return ORTTO_OK;
  page *p = page_new(r);
  if( p==NULL ) return ORTTO_NOMEM;
  p->request = rows_request(r, 1, 0, "");
  int rc = p->request ? request_wait(p->request) : ORTTO_NOMEM;
  if( rc==ORTTO_OK ) rc = answer_read(r, p->request, &a);
  if( rc==ORTTO_OK ){
    int rows = js_type(a.records)=='[' ? count_elements(a.records) : 0;
    log_rows(p->request, rows);
    if( !a.has_more && a.total<=rows ) *count = rows;
    else if( a.has_more && a.total>rows ) *count = a.total;   /* else they contradict each other: read on */
  }
  page_free(r, page_pop(r));
  return rc;
}

static void scan_progress(const ortto_reader *r, ortto_progress *out){
  const scan *s = r->own;
  out->total = s->total;
  out->everybody = s->type==NULL ? s->everybody : -1;
  out->at_hand = s->done && r->head==NULL && s->list_at+1>=s->lists;
  int has_gaps = s->second || (s->passed_over && s->step_backs);   /* rows that are gone may hide them */
  int first = s->lists==1 && r->pages==1 && r->current && !s->done;
  if( first && s->total>r->current->rows ) out->count = s->total;
  out->cursor_id = s->cursor[0] && !has_gaps ? s->cursor : NULL;
  out->next_offset = s->next_offset;
  out->fell_back = s->fell_back;
  out->unsure = s->passed_over || s->unsaid_at>0;
  out->anew = s->anew;
  out->server_time = s->server_time;
}

static void scan_close(ortto_reader *r){
  scan *s = r->own;
  seen_free(&s->seen);
  seen_free(&s->seen_here);
}

const way scan_way = { .open = scan_open, .load = scan_load, .arrived = scan_arrived, .count = scan_count,
                       .progress = scan_progress, .close = scan_close };
