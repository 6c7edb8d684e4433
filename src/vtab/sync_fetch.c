/*
** sync_fetch.c - see sync_fetch.h.
*/
#include "sync_fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql.h"
#include "convert.h"
#include "table.h"
#include "sync_target.h"
#include "sync_compare.h"
#include "sync_state.h"

#define TOGETHER_MS 50             /* how long pages that are here already are written together, no longer */
#define STAGED_TOGETHER 500        /* rows; a page of others' makes a transaction of its own */

int sync_fields(sync_run *s, char **error){
  int rc = ortto_endpoint_open(s->conn->client, &s->args.settings, ORTTO_API, &s->endpoint);
  if( rc==ORTTO_OK && s->kind<=ORTTO_ACCOUNTS ){
    rc = ortto_fields_list(s->endpoint, s->kind, s->args.fields, s->args.by_ids, s->known_since,
                           &s->owned_fields);
    s->fields = s->owned_fields;
  }else s->fields = ortto_table_fields(s->kind);
  if( rc==ORTTO_OK ) rc = ortto_known_renew(s->endpoint, s->kind, s->known_since);
  if( rc!=ORTTO_OK ) return sync_remote(s, rc, error);
  s->overflow = columns_fit(s->conn->db, s->kind, s->fields->count);
  s->columns = s->overflow + (s->overflow<s->fields->count);
  s->edited = -1;
  s->field = sqlite3_malloc64((sqlite3_uint64)s->fields->count * sizeof *s->field);
  if( s->field==NULL ) return SQLITE_NOMEM;
  for(int i=0; i<s->fields->count; i++){
    s->field[i] = &s->fields->field[i];
    const char *edited = s->kind==ORTTO_PEOPLE ? "e" : "oe";
    if( s->kind<=ORTTO_ACCOUNTS && strcmp(s->field[i]->id, edited)==0 ) s->edited = i;
  }
  return SQLITE_OK;
}

static int reader_open(sync_run *s){
  ortto_query q = { .table = s->kind, .fields = s->field, .field_count = s->fields->count };
  if( s->cursor[0] ) q.cursor_id = s->cursor;
  q.offset = s->next_offset;
  if( s->changes ){
    q.sort = s->field[s->edited];
    q.descending = q.one_by_one = 1;
  }
  const char *name = s->args.audience;
  char *audience = NULL;
  int rc = name ? ortto_audiences_find(s->endpoint, &name, 1, &audience, NULL) : ORTTO_OK;
  q.audiences = (const char *const *)&audience;
  q.audience_count = audience!=NULL;
  q.filter = s->args.filter;
  if( rc==ORTTO_OK ) rc = ortto_reader_open(s->endpoint, &q, &s->reader);
  free(audience);
  return rc;
}

static int row_stage(sync_run *s, sqlite3_stmt *insert, const ortto_value *v){
  int rc = SQLITE_OK;
  for(int i=0; rc==SQLITE_OK && i<s->overflow; i++) rc = bind_value(insert, i+1, &v[i]);
  if( rc==SQLITE_OK && s->columns>s->overflow ){
    char *more = more_text(s->field, v, s->overflow, s->fields->count);
    rc = more ? sqlite3_bind_text(insert, s->columns, more, -1, sqlite3_free) : SQLITE_NOMEM;
  }
  if( rc!=SQLITE_OK ) return rc;
  sqlite3_step(insert);
  rc = sqlite3_reset(insert);
  if( rc==SQLITE_OK ) s->rows += sqlite3_changes(s->db);
  return rc;
}

/* A row that stands in the target so is noted, any other staged. */
static int row_take(sync_run *s, sqlite3_stmt *insert, const ortto_value *v, int *staged){
  int same;
  int rc = compare_row(s, v, &same);
  if( rc!=SQLITE_OK ) return rc;
  s->rows += same;
  *staged += !same;
  return same ? SQLITE_OK : row_stage(s, insert, v);
}

/* Is that time after this one? Both as Ortto sends them. */
static int is_later(const ortto_value *v, const char *than){
  return ortto_time_compare(v->text, v->length, than, strlen(than))>0;
}

static void time_copy(char *to, size_t size, const ortto_value *v){
  snprintf(to, size, "%.*s", (int)v->length, v->text);
}

typedef enum { EDIT_GOOD, EDIT_OLD, EDIT_BAD, EDIT_LACKING } edit_verdict;

/* Keeps the newest time of a change; in a run of changes, says whether this row is older than the watermark,
** or out of order. */
static edit_verdict edit_check(sync_run *s, const ortto_value *row){
  if( s->edited<0 ) return EDIT_GOOD;
  const ortto_value *v = &row[s->edited];
  int good = v->kind==ORTTO_VALUE_TEXT && v->length>=20 && v->length<sizeof s->last;
  if( !good ) return s->changes ? EDIT_BAD : EDIT_GOOD;
  if( s->newest[0]==0 || is_later(v, s->newest) ) time_copy(s->newest, sizeof s->newest, v);
  if( !s->changes ) return EDIT_GOOD;
  if( s->last[0] && is_later(v, s->last) ) return EDIT_BAD;
  time_copy(s->last, sizeof s->last, v);
  return ortto_time_compare(v->text, v->length, s->watermark, strlen(s->watermark))<0 ? EDIT_OLD : EDIT_GOOD;
}

/* Also of pages with nothing new, of which no row tells. */
static void requests_keep(sync_run *s, const ortto_progress *p){
  s->requests = s->requests_before + p->requests;
  s->retries = s->retries_before + p->retries;
}

static void progress_keep(sync_run *s, const ortto_progress *p){
  requests_keep(s, p);
  s->total = p->total;
  s->next_offset = p->next_offset;
  snprintf(s->cursor, sizeof s->cursor, "%s", p->cursor_id ? p->cursor_id : "");
  if( s->server_time[0]==0 ) snprintf(s->server_time, sizeof s->server_time, "%s", p->server_time);
  if( p->fell_back && strstr(s->message, p->fell_back)==NULL ){
    sync_note(s, "read one page at a time: ");
    snprintf(s->message + strlen(s->message), sizeof s->message - strlen(s->message), "%s", p->fell_back);
  }
}

static int insert_prepare(const sync_run *s, sqlite3_stmt **insert){
  char *names = column_list(s, COLUMNS_ALL, ",", QUOTED);
  char *values = column_list(s, COLUMNS_ALL, ",", "?");
  char *keys = column_list(s, COLUMNS_KEY, ",", QUOTED);
  int rc = SQLITE_NOMEM;
  if( names && values && keys )
    rc = sql_prepare(s->db, insert, "INSERT INTO \"%w\".\"%w\"(%s) VALUES(%s) ON CONFLICT(%s) DO NOTHING",
                     s->schema, s->staging, names, values, keys);
  sqlite3_free(names);
  sqlite3_free(values);
  sqlite3_free(keys);
  return rc;
}

/* The page whose first row is there, into the staging table. No waiting in here: the page has arrived whole.
** Behind the watermark the order is checked on, to the page's end. */
static int page_stage(sync_run *s, sqlite3_stmt *insert, const ortto_value *v, int *staged,
                      edit_verdict *verdict){
  ortto_progress p;
  int rc = compare_page_begin(s);
  while( rc==SQLITE_OK ){
    edit_verdict row = edit_check(s, v);
    if( row!=EDIT_GOOD ) *verdict = row;
    if( row==EDIT_BAD ) break;
    if( *verdict==EDIT_GOOD ) rc = row_take(s, insert, v, staged);
    ortto_reader_progress(s->reader, &p);
    if( rc!=SQLITE_OK || p.page_ends ) break;
    int got = ortto_reader_next(s->reader, &v);
    if( got!=ORTTO_ROW ) rc = SQLITE_NOMEM;      /* rows of a page that is here can fail only so */
  }
  int noted = compare_page_end(s, rc);
  if( rc!=SQLITE_OK ) return rc;
  if( noted!=SQLITE_OK || *verdict==EDIT_BAD ) return noted;
  if( s->changes && p.unsure ) *verdict = EDIT_LACKING;   /* the end, which would tell, is not read */
  progress_keep(s, &p);
  s->page++;
  return SQLITE_OK;
}

/* Is the next page to be written in this transaction too? A commit waits for the disk, which a page with
** nothing new is not worth. Not under a SELECT that shows each page, and not for long: others may wait. */
static int goes_on(const sync_run *s, int64_t until, int staged){
  return s->compares && !s->reading && staged<STAGED_TOGETHER && now_us()<until && !conn_interrupted(s->conn);
}

/* That page, and those behind it that are here already and go with it. */
static int pages_stage(sync_run *s, const ortto_value *v, edit_verdict *verdict){
  sqlite3_stmt *insert = NULL;
  int64_t until = now_us() + TOGETHER_MS*1000;
  int staged = 0, rc = insert_prepare(s, &insert);
  *verdict = EDIT_GOOD;
  while( rc==SQLITE_OK ){
    rc = page_stage(s, insert, v, &staged, verdict);
    if( rc!=SQLITE_OK || !goes_on(s, until, staged) || !ortto_reader_enter(s->reader) ) break;
    if( ortto_reader_next(s->reader, &v)!=ORTTO_ROW ) rc = SQLITE_NOMEM;
  }
  sqlite3_finalize(insert);
  return rc==SQLITE_OK && *verdict<EDIT_BAD ? state_write(s, "fetching", 0, NULL) : rc;
}

/* All rows are in the staging table. */
static int fetch_end(sync_run *s, char **error){
  int rc = sync_begin(s, error);
  if( rc!=SQLITE_OK ) return rc;
  rc = sync_end(s, state_write(s, "fetched", 0, NULL), error);
  ortto_reader_close(s->reader);
  s->reader = NULL;
  s->phase = SYNC_MERGE;
  return rc;
}

/* The list as it was when the run began, or another? Without a snapshot a changed total tells. */
static int is_other_list(sqlite3_int64 total_before, const ortto_progress *p){
  return total_before>=0 && p->total>=0 && p->total!=total_before;
}

/* The pages were not stored after all: what it moved on is as before. */
static void page_undo(sync_run *s, const sync_run *before){
  memcpy(s->cursor, before->cursor, sizeof s->cursor);
  memcpy(s->newest, before->newest, sizeof s->newest);
  memcpy(s->last, before->last, sizeof s->last);
  memcpy(s->server_time, before->server_time, sizeof s->server_time);
  s->next_offset = before->next_offset;
  s->page = before->page;
  s->rows = before->rows;
  s->alike = before->alike;
  s->total = before->total;
}

/* Not by the changes alone. */
static int all_anew(sync_run *s, const char *why, char **error){
  s->changes = 0;
  s->watermark[0] = 0;
  return sync_start_over(s, why, error);
}

/* The next pages; v is the first row. */
static int fetch_page(sync_run *s, const ortto_value *v, int *landed, char **error){
  edit_verdict verdict;
  sync_run before = *s;
  int rc = sync_begin(s, error);
  if( rc==SQLITE_OK ) rc = sync_end(s, pages_stage(s, v, &verdict), error);
  if( rc!=SQLITE_OK ) page_undo(s, &before);
  if( rc!=SQLITE_OK ) return rc;
  if( verdict==EDIT_BAD )
    return all_anew(s, "the server's order by time of change could not be relied upon: everything is fetched",
                    error);
  if( verdict==EDIT_LACKING )
    return all_anew(s, "a page lacked rows, or did not say how many there are: everything is fetched", error);
  *landed = 1;
  s->state = s->opening ? s->opening : "fetching";
  s->opening = NULL;
  return verdict==EDIT_OLD ? fetch_end(s, error) : SQLITE_OK;
}

/* What an earlier call got and what this one read may be the same rows: a reader knows its own. */
static int lacks_rows(const sync_run *s){
  return s->went_on && !s->changes && !s->began_anew && s->rows<s->total;
}

int sync_fetch_step(sync_run *s, int *landed, char **error){
  const ortto_value *v;
  ortto_progress p;
  int taken_up = s->reader==NULL && s->cursor[0]!=0;
  s->went_on |= taken_up;
  sqlite3_int64 total_before = s->total;
  if( s->reader==NULL ){
    int rc = reader_open(s);
    if( rc!=ORTTO_OK ) return sync_remote(s, rc, error);
  }
  int got = ortto_reader_next(s->reader, &v);
  ortto_reader_progress(s->reader, &p);
  requests_keep(s, &p);
  if( got==ORTTO_ERROR && p.anew && !s->began_anew ){
    s->began_anew = 1;
    return s->changes && !taken_up ? all_anew(s, p.anew, error) : sync_start_over(s, p.anew, error);
  }
  if( got==ORTTO_DONE && lacks_rows(s) ){
    s->began_anew = 1;
    return sync_start_over(s, "rows were missing at the end", error);
  }
  if( got==ORTTO_DONE ) return fetch_end(s, error);
  if( got!=ORTTO_ROW ) return sync_remote(s, got, error);
  if( taken_up && is_other_list(total_before, &p) )
    return sync_start_over(s, "the list has another length than when the earlier run began", error);
  return fetch_page(s, v, landed, error);
}
