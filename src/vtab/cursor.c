/*
** cursor.c - see cursor.h.
*/
#include "cursor.h"

#include <string.h>

#include "convert.h"
#include "scan_setup.h"

typedef struct cursor {
  sqlite3_vtab_cursor base;
  ortto_reader *reader;
  const ortto_value *value;        /* the record, by place in field[] */
  const ortto_field **field;       /* asked of the reader */
  int fields;
  int *place;                      /* SQL column to place in field[], -1 not asked for */
  int more_from;                   /* first place of the fields of more_fields, -1 none */
  sqlite3_value *given[HIDDEN_MAX];   /* to the hidden columns */
  sqlite3_value **several;         /* audiences by a list: then instead of the one given */
  int several_count;
  unsigned long long used;         /* columns, as SQLite counts them */
  int counting;                    /* only the number of rows was asked for, as far as one can see */
  sqlite3_int64 counted, passed;   /* then: rows left, rows passed */
  int unsure;                      /* the first row: if nothing is asked of it, rows are only counted */
  sqlite3_int64 delivered;         /* rows that the reader gave */
  int eof;
  sqlite3_int64 rowid;             /* the last one given, -1 none */
  int changes;                     /* of the account, when the scan began */
  ortto_cache *cache;              /* of records by id, as long as the statement runs */
} cursor;

int vt_open(sqlite3_vtab *base, sqlite3_vtab_cursor **out){
  (void)base;
  cursor *cur = sqlite3_malloc(sizeof *cur);
  if( cur==NULL ) return SQLITE_NOMEM;
  memset(cur, 0, sizeof *cur);
  cur->eof = 1;
  *out = &cur->base;
  return SQLITE_OK;
}

/* Ready for another xFilter: what was fetched by id stays. */
static void cursor_reset(cursor *cur){
  ortto_reader_close(cur->reader);
  cur->reader = NULL;
  cur->value = NULL;
  sqlite3_free(cur->field);
  cur->field = NULL;
  cur->fields = 0;
  sqlite3_free(cur->place);
  cur->place = NULL;
  for(int i=0; i<HIDDEN_MAX; i++){
    sqlite3_value_free(cur->given[i]);
    cur->given[i] = NULL;
  }
  for(int i=0; i<cur->several_count; i++) sqlite3_value_free(cur->several[i]);
  sqlite3_free(cur->several);
  cur->several = NULL;
  cur->several_count = 0;
  cur->counting = cur->unsure = 0;
  cur->eof = 1;
}

int vt_close(sqlite3_vtab_cursor *base){
  cursor *cur = (cursor *)base;
  cursor_reset(cur);
  ortto_cache_free(cur->cache);
  sqlite3_free(cur);
  return SQLITE_OK;
}

/* -- the columns wanted -- */

static void want(cursor *cur, int field, int column){
  const table *t = (const table *)cur->base.pVtab;
  cur->field[cur->fields] = &t->fields->field[field];
  if( column>=0 ) cur->place[column] = cur->fields;
  cur->fields++;
}

/* Those in use, and the key. more_fields takes all the fields that have no column. */
static int cursor_columns(cursor *cur, scan_setup *q){
  const table *t = q->t;
  cur->field = sqlite3_malloc64(((sqlite3_uint64)t->fields->count + 1) * sizeof *cur->field);
  cur->place = sqlite3_malloc64(((sqlite3_uint64)t->columns + 1) * sizeof *cur->place);
  if( cur->field==NULL || cur->place==NULL ) return SQLITE_NOMEM;
  cur->more_from = -1;
  for(int i=0; i<t->columns; i++){
    cur->place[i] = -1;
    int field = column_field(t, i);
    int used = (int)(q->used >> (i<63 ? i : 63) & 1);
    if( field>=0 && (used || t->fields->field[field].key) ) want(cur, field, i);
    if( i==t->rowid_column ) cur->place[i] = cur->place[0];   /* the id is first wherever it is the key */
    if( field>=0 || !used || (i>=1 && i<=t->hidden_columns) || i==t->rowid_column ) continue;
    cur->more_from = cur->fields;
    for(int k=t->overflow; k<t->fields->count; k++) want(cur, k, -1);
  }
  q->query.fields = cur->field;
  q->query.field_count = cur->fields;
  return SQLITE_OK;
}

/* -- starting -- */

static int changed_meanwhile(table *t){
  return vt_error(t, "ortto: the settings were changed to another account while this statement, or another "
                  "one that reads %s, ran; end that one, and run it again", t->name);
}

/* The account that this table's columns came from is not the one in the settings. Registering its module
** again makes SQLite ask for the columns anew, and SQLITE_SCHEMA makes it prepare the statement again:
** unless it runs since before the change, when it may have returned rows already. */
static int table_is_stale(table *t){
  if( conn_runs_since_change(t->conn, t->name) ) return changed_meanwhile(t);
  return table_anew(t);
}

static int scan_begin(scan_setup *q){
  table *t = q->t;
  int rc = table_ready(t);
  if( rc==SQLITE_OK ) rc = vt_fail(t, endpoint_of(t, &q->endpoint));
  if( rc!=SQLITE_OK || t->created || !is_contact_table(t) ) return rc;
  return ortto_endpoint_identity(q->endpoint)==t->identity ? SQLITE_OK : table_is_stale(t);
}

/* Plans are priced by the number of all rows. */
static void remember_total(const scan_setup *q, int64_t total){
  const ortto_query *query = &q->query;
  int narrowed = q->conditions || query->by_ids || query->filter || query->q || query->archived
              || query->audience_count;
  if( is_contact_table(q->t) && total>=0 && !narrowed ) q->t->conn->total[q->t->kind] = total;
}

static int cursor_step(cursor *cur){
  int rc = ortto_reader_next(cur->reader, &cur->value);
  cur->eof = rc!=ORTTO_ROW;
  cur->delivered++;
  return vt_fail((table *)cur->base.pVtab, rc);
}

static int cursor_reopen(cursor *cur, const scan_setup *q){
  ortto_reader_close(cur->reader);
  cur->reader = NULL;
  cur->delivered = 0;
  return vt_fail(q->t, ortto_reader_open(q->endpoint, &q->query, &cur->reader));
}

/* The columns used that are read from records. */
static unsigned long long used_values(const scan_setup *q){
  unsigned long long hidden = ((1ull << q->t->hidden_columns) - 1) << 1;
  return q->used & ~hidden;
}

/* Are no values wanted, so that the number of rows is enough? */
static int is_count(const scan_setup *q){
  return is_contact_table(q->t) && q->exact && !q->query.by_ids && used_values(q)==0;
}

/* From 3.47 on SQLite announces the key for count(*) too. Only what it does with the first row tells. */
static int may_be_count(const scan_setup *q){
  return is_contact_table(q->t) && q->exact && !q->query.by_ids && used_values(q)==1;
}

/* Asks for the number of rows. The server may not say it: then counting is 0. Another reader stands ready,
** for rows. */
static int cursor_count(cursor *cur, const scan_setup *q){
  int64_t count;
  int rc = cursor_reopen(cur, q);
  if( rc==SQLITE_OK ) rc = vt_fail(q->t, ortto_reader_count(cur->reader, &count));
  if( rc!=SQLITE_OK ) return rc;
  if( count>=0 ){
    cur->counting = 1;
    cur->counted = count;
    cur->passed = 0;
    cur->eof = count==0;
    remember_total(q, count);
  }
  return cursor_reopen(cur, q);
}

#define IDS_A_REQUEST 100
#define ROWS_A_PAGE 500
#define COUNT_PAYS 4               /* from so many requests by id on, the number of all rows is worth one */

/* The number of all rows, 0 unknown. */
static int total_rows(cursor *cur, const scan_setup *q, int64_t *total){
  int64_t count;
  ortto_query all = { .table = q->t->kind };
  int rc = vt_fail(q->t, ortto_reader_open(q->endpoint, &all, &cur->reader));
  if( rc==SQLITE_OK ) rc = vt_fail(q->t, ortto_reader_count(cur->reader, &count));
  if( rc==SQLITE_OK && count>0 ) *total = q->t->conn->total[q->t->kind] = count;
  return rc;
}

/* So many ids that the whole list takes fewer requests: then that is read. SQLite picks out the rows. */
static int cursor_widen(cursor *cur, scan_setup *q){
  int by_ids = (q->listed + IDS_A_REQUEST - 1) / IDS_A_REQUEST, rc = SQLITE_OK;
  if( !is_contact_table(q->t) || !q->query.by_ids || by_ids<2 ) return SQLITE_OK;
  int64_t total = q->t->conn->total[q->t->kind];
  if( total==0 && by_ids>=COUNT_PAYS ) rc = total_rows(cur, q, &total);
  if( total==0 || (total + ROWS_A_PAGE - 1)/ROWS_A_PAGE>=by_ids ) return rc;
  q->query.by_ids = q->query.id_count = 0;
  return rc;
}

static int cursor_scan(cursor *cur, scan_setup *q){
  ortto_progress progress;
  if( q->query.by_ids && is_contact_table(q->t) && cur->cache==NULL ) cur->cache = ortto_cache_new();
  q->query.cache = cur->cache;
  int rc = cursor_reopen(cur, q);
  if( rc==SQLITE_OK ) rc = cursor_step(cur);
  if( rc!=SQLITE_OK ) return rc;
  ortto_reader_progress(cur->reader, &progress);
  remember_total(q, progress.total);
  if( progress.count>0 && may_be_count(q) ){
    cur->unsure = 1;
    cur->counted = progress.count;
    cur->passed = 0;
  }
  return SQLITE_OK;
}

int vt_filter(sqlite3_vtab_cursor *base, int number, const char *plan, int argc, sqlite3_value **argv){
  cursor *cur = (cursor *)base;
  scan_setup q = { .t = (table *)base->pVtab, .given = cur->given };
  (void)number;
  cursor_reset(cur);
  cur->rowid = -1;
  cur->changes = q.t->conn->changes;
  int rc = table_may_act(q.t);
  if( rc==SQLITE_OK ) rc = scan_begin(&q);
  if( rc==SQLITE_OK ) rc = setup_read(&q, plan, argc, argv);
  if( rc==SQLITE_OK && !q.nothing ){
    cur->used = q.used;
    rc = cursor_widen(cur, &q);
    if( rc==SQLITE_OK ) rc = cursor_columns(cur, &q);
    if( rc==SQLITE_OK && is_count(&q) ) rc = cursor_count(cur, &q);
    if( rc==SQLITE_OK && !cur->counting ) rc = cursor_scan(cur, &q);
    cur->several = q.several;
    cur->several_count = q.several_count;
    q.several = NULL;
    q.several_count = 0;
  }
  setup_free(&q);
  return rc;
}

/* -- rows -- */

int vt_eof(sqlite3_vtab_cursor *base){
  return ((cursor *)base)->eof;
}

int vt_next(sqlite3_vtab_cursor *base){
  cursor *cur = (cursor *)base;
  table *t = (table *)base->pVtab;
  if( !t->created && cur->changes!=t->conn->changes ) return changed_meanwhile(t);
  if( cur->unsure ) cur->counting = 1;
  cur->unsure = 0;
  if( !cur->counting ) return cursor_step(cur);
  cur->passed++;
  cur->eof = --cur->counted<=0;
  return SQLITE_OK;
}

/* A DELETE without a WHERE announces no column, and asks for the id all the same; OFFSET passes over rows,
** and asks for those behind them. Then the rows are needed, up to the one the cursor stands on. */
static int cursor_uncount(cursor *cur){
  int rc = SQLITE_OK;
  cur->counting = cur->eof = 0;
  while( rc==SQLITE_OK && !cur->eof && cur->delivered<=cur->passed ) rc = cursor_step(cur);
  if( rc!=SQLITE_OK || !cur->eof ) return rc;
  return vt_error((table *)cur->base.pVtab, "ortto: the list became shorter while it was read; "
                  "run the statement again");
}

static void result_more(sqlite3_context *ctx, const cursor *cur){
  char *text = more_text(cur->field, cur->value, cur->more_from, cur->fields);
  if( text ) sqlite3_result_text(ctx, text, -1, sqlite3_free);
  else sqlite3_result_error_nomem(ctx);
}

/* It reads as what was given, or as the one of several that found the row. */
static int hidden_column(const cursor *cur, sqlite3_context *ctx, int column){
  table *t = (table *)cur->base.pVtab;
  const sqlite3_value *v = cur->given[column-1];
  const char *steered = table_steered(t, column);
  if( steered ){
    sqlite3_result_text(ctx, steered, -1, SQLITE_TRANSIENT);
    return SQLITE_OK;
  }
  if( v==NULL && cur->several && strcmp(ortto_hidden_column(t->kind, column-1), "audience")==0 )
    v = cur->several[ortto_reader_audience(cur->reader)];
  unsigned long long hidden = ((1ull << t->hidden_columns) - 1) << 1;
  if( v==NULL && (cur->used & hidden)==hidden && statement_writes(t->conn) ) return update_from_refused(t);
  if( v==NULL ) return hidden_misused(t, column);
  sqlite3_result_value(ctx, (sqlite3_value *)v);
  return SQLITE_OK;
}

int vt_column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int column){
  cursor *cur = (cursor *)base;
  table *t = (table *)base->pVtab;
  if( column>0 && sqlite3_vtab_nochange(ctx) ) return SQLITE_OK;   /* an UPDATE that does not set it */
  if( !cur->counting && !cur->unsure && cur->place && cur->place[column]>=0 ){   /* nearly always */
    result_value(ctx, &cur->value[cur->place[column]]);
    return SQLITE_OK;
  }
  if( is_contact_table(t) && column>=1 && column<=t->hidden_columns ) return hidden_column(cur, ctx, column);
  cur->unsure = 0;
  if( cur->counting && column==0 ){
    int rc = cursor_uncount(cur);
    if( rc!=SQLITE_OK ) return rc;
  }
  if( cur->counting || cur->place==NULL )
    return vt_error(t, "ortto: SQLite asks for a column that it did not announce; "
                    "please report the statement");
  if( cur->place[column]>=0 ) result_value(ctx, &cur->value[cur->place[column]]);
  else if( column_field(t, column)<0 && cur->more_from>=0 ) result_more(ctx, cur);
  else
    return vt_error(t, "ortto: SQLite asks for the column %d that it did not announce; "
                    "please report the statement", column);
  return SQLITE_OK;
}

int vt_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *rowid){
  cursor *cur = (cursor *)base;
  table *t = (table *)base->pVtab;
  sqlite3_str *s = sqlite3_str_new(NULL);
  sqlite3_str_appendf(s, "%d", t->kind);
  for(int i=0; i<cur->fields; i++){
    const ortto_value *v = &cur->value[i];
    if( !cur->field[i]->key ) continue;
    if( v->kind==ORTTO_VALUE_INTEGER ) sqlite3_str_appendf(s, " %lld", (long long)v->integer);
    else if( v->kind==ORTTO_VALUE_TEXT ) sqlite3_str_appendf(s, " %.*s", (int)v->length, v->text);
  }
  char *key = sqlite3_str_finish(s);
  if( key==NULL ) return SQLITE_NOMEM;
  int rc = conn_rowid(t->conn, key, &cur->rowid, rowid);
  sqlite3_free(key);
  return rc;
}
