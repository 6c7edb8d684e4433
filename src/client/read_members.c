/*
** read_members.c - see read_members.h.
*/
#include "read_members.h"

#include <string.h>

#include "../text.h"
#include "../json.h"
#include "context.h"
#include "read_list.h"

typedef struct member_audience {
  struct member_audience *next;
  char *id, *name;
} member_audience;

typedef struct members_reading {
  char **id, **name;               /* asked for; NULL: not by this */
  int ids, names, by_ids;
  int listed;                      /* the audiences are known */
  member_audience *first, *at;     /* those to be read; the present one */
  ortto_reader *inner;             /* of it; NULL: not begun */
  int64_t limit;                   /* rows that will be read at most, 0 unknown */
  int64_t rows;
  int one_by_one;
} members_reading;

static int texts_copy(ortto_reader *r, const char *const *from, int count, char ***to){
  *to = reader_alloc(r, ((size_t)count + 1) * sizeof **to);
  int ok = *to!=NULL;
  for(int i=0; ok && i<count; i++) ok = reader_text(r, from[i], &(*to)[i]);
  return ok;
}

static int members_open(ortto_reader *r, const ortto_query *q){
  members_reading *s = reader_alloc(r, sizeof *s);
  if( s==NULL ) return ORTTO_NOMEM;
  r->own = s;
  s->limit = q->limit;
  s->one_by_one = q->one_by_one;
  s->by_ids = q->by_ids;
  s->ids = q->id_count;
  s->names = q->audience_count;
  s->listed = s->by_ids && s->ids==0;              /* nothing that could be one */
  int ok = texts_copy(r, q->ids, s->ids, &s->id) && texts_copy(r, q->audiences, s->names, &s->name);
  return ok ? ORTTO_OK : ORTTO_NOMEM;
}

/* ---- reading through another reader ---- */

static int inner_open(ortto_reader *r, const ortto_query *q){
  members_reading *s = r->own;
  int rc = ortto_reader_open(r->endpoint, q, &s->inner);
  if( rc!=ORTTO_OK ) return rc;
  s->inner->doing = r->doing;
  s->inner->answered = r->answered;
  return ORTTO_OK;
}

static void inner_close(ortto_reader *r){
  members_reading *s = r->own;
  ortto_progress done;
  if( s->inner==NULL ) return;
  ortto_reader_progress(s->inner, &done);
  r->requests += done.requests;
  r->retries += done.retries;
  r->answered |= s->inner->answered;
  ortto_reader_close(s->inner);
  s->inner = NULL;
}

static int is_one_of(const ortto_value *v, char *const *texts, int count){
  for(int i=0; i<count; i++)
    if( strlen(texts[i])==v->length && memcmp(texts[i], v->text, v->length)==0 ) return 1;
  return 0;
}

/* v: id, name. */
static int audience_take(ortto_reader *r, const ortto_value *v, member_audience ***end){
  const members_reading *s = r->own;
  if( s->by_ids && !is_one_of(&v[0], s->id, s->ids) ) return 1;
  if( s->names && !is_one_of(&v[1], s->name, s->names) ) return 1;
  member_audience *a = reader_alloc(r, sizeof *a);
  if( a==NULL ) return 0;
  a->id = arena_text(&r->memory, v[0].text ? v[0].text : "", v[0].length);
  a->name = arena_text(&r->memory, v[1].text ? v[1].text : "", v[1].length);
  **end = a;
  *end = &a->next;
  return a->id && a->name;
}

static int audiences_list(ortto_reader *r){
  members_reading *s = r->own;
  const ortto_field_list *all = ortto_table_fields(ORTTO_AUDIENCES);
  const ortto_field *fields[] = { &all->field[0], &all->field[1] };       /* id, name */
  const ortto_query q = { .table = ORTTO_AUDIENCES, .fields = fields, .field_count = 2 };
  const ortto_value *v;
  member_audience **end = &s->first;
  int rc = inner_open(r, &q);
  if( rc==ORTTO_OK ) rc = ORTTO_ROW;
  while( rc==ORTTO_ROW ){
    rc = ortto_reader_next(s->inner, &v);
    if( rc==ORTTO_ROW && !audience_take(r, v, &end) ) rc = no_memory(r->endpoint->context);
  }
  inner_close(r);
  s->at = s->first;
  s->listed = rc==ORTTO_DONE;
  return rc==ORTTO_DONE ? ORTTO_OK : rc;
}

static int people_open(ortto_reader *r){
  static const ortto_field id = { .id = "id", .name = "id", .column = "id", .display_type = "id" };
  static const ortto_field *const fields[] = { &id };
  members_reading *s = r->own;
  const char *audience = s->at->id;
  ortto_query q = { .table = ORTTO_PEOPLE, .fields = fields, .field_count = 1, .audiences = &audience,
                    .audience_count = 1, .one_by_one = s->one_by_one };
  if( s->limit>s->rows ) q.limit = s->limit - s->rows;
  return inner_open(r, &q);
}

/* One row of a page in the making. */
static void row_text(ortto_reader *r, buf *b, const char *head, const ortto_value *id){
  const char *plain = arena_text(&r->scratch, id->text, id->length);
  buf_puts(b, b->n>1 ? "," : "");
  buf_puts(b, head);
  if( plain ) buf_json(b, plain);
  else b->failed = 1;
  buf_puts(b, "}");
}

/* A page of the present audience's people becomes ours; *b stays empty where there is none left. */
static int rows_take(ortto_reader *r, const char *head, buf *b){
  members_reading *s = r->own;
  const ortto_value *v;
  ortto_progress now = { 0 };
  int rc = ORTTO_ROW;
  while( rc==ORTTO_ROW && !now.page_ends ){
    rc = ortto_reader_next(s->inner, &v);
    if( rc!=ORTTO_ROW ) break;
    if( b->n==0 ) buf_puts(b, "[");
    row_text(r, b, head, &v[0]);
    s->rows++;
    ortto_reader_progress(s->inner, &now);
  }
  if( b->n ) buf_puts(b, "]");
  if( b->failed ) return no_memory(r->endpoint->context);
  return rc==ORTTO_ROW ? ORTTO_OK : rc;
}

static int audience_load(ortto_reader *r, page **out){
  members_reading *s = r->own;
  buf head = { 0 }, rows = { 0 };
  int rc = s->inner ? ORTTO_OK : people_open(r);
  buf_puts(&head, "{\"audience_id\":");
  buf_json(&head, s->at->id);
  buf_puts(&head, ",\"audience_name\":");
  buf_json(&head, s->at->name);
  buf_puts(&head, ",\"person_id\":");
  if( rc==ORTTO_OK ) rc = head.failed ? no_memory(r->endpoint->context) : rows_take(r, head.p, &rows);
  if( rc==ORTTO_DONE ){
    inner_close(r);
    s->at = s->at->next;
    rc = ORTTO_OK;
  }
  buf_free(&head);
  if( rc==ORTTO_OK && rows.n ) return list_made(r, rows.p, out);
  buf_free(&rows);
  return rc;
}

static int members_load(ortto_reader *r, page **out){
  members_reading *s = r->own;
  int rc = s->listed ? ORTTO_OK : audiences_list(r);
  while( rc==ORTTO_OK && *out==NULL ){
    if( s->at==NULL ) return ORTTO_DONE;
    rc = audience_load(r, out);
  }
  return rc;
}

static void members_progress(const ortto_reader *r, ortto_progress *out){
  const members_reading *s = r->own;
  ortto_progress inner;
  if( s->inner==NULL ) return;
  ortto_reader_progress(s->inner, &inner);
  out->requests += inner.requests;
  out->retries += inner.retries;
  out->fell_back = inner.fell_back;
}

static void members_close(ortto_reader *r){
  inner_close(r);
}

const way members_way = { .open = members_open, .load = members_load, .progress = members_progress,
                          .close = members_close };
