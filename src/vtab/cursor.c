/*
** cursor.c - see cursor.h.
*/
#include "cursor.h"

#include <string.h>

#include "account_check.h"
#include "convert.h"
#include "guard.h"
#include "lookup.h"
#include "run.h"
#include "scan_setup.h"
#include "table_names.h"

typedef struct cursor {
  sqlite3_vtab_cursor base;
  run *run;
  memory *memory;                  /* NULL: not filtered yet, or nothing can match */
  list *list;                      /* that it reads from */
  /* rows come from one of these three */
  ortto_reader *reader;            /* as they are read, and not remembered */
  const ortto_value *value;        /* then: the record, by place in memory->field[] */
  const ortto_value *plain;        /* the same, where a column can only be of it; NULL: it depends */
  fetch *fetch;                    /* being read, and remembered */
  sqlite3_int64 at;                /* then: number of the row */
  row_reading *one;                /* and that row, where it is not the last one read */
  row_reading *rows;               /* remembered */
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
} cursor;

/* Does a statement in progress change this table by UPDATE ... FROM? */
static int is_updated_from(const table *t){
  int found = 0;
  sqlite3 *db = t->conn->db;
  for(sqlite3_stmt *s=sqlite3_next_stmt(db, NULL); s && !found; s=sqlite3_next_stmt(db, s)){
    if( !sqlite3_stmt_busy(s) || sqlite3_stmt_readonly(s) ) continue;
    char *name = statement_updates_from(s);
    found = name && table_connected(t->conn, name)==t;
    sqlite3_free(name);
  }
  return found;
}

/* From 3.44 on SQLite says which columns an UPDATE ... FROM changes. */
#define SAYS_CHANGES 3044000

/* Before, UPDATE ... FROM is refused, and before anything is asked. */
int vt_open(sqlite3_vtab *base, sqlite3_vtab_cursor **out){
  table *t = (table *)base;
  if( sqlite3_libversion_number()<SAYS_CHANGES && is_updated_from(t) ) return update_from_refused(t);
  cursor *cur = sqlite3_malloc(sizeof *cur);
  if( cur==NULL ) return SQLITE_NOMEM;
  memset(cur, 0, sizeof *cur);
  cur->eof = 1;
  cur->run = run_join(t);
  if( cur->run==NULL ){
    sqlite3_free(cur);
    return SQLITE_NOMEM;
  }
  *out = &cur->base;
  return SQLITE_OK;
}

/* Ready for another xFilter: what is remembered stays. */
static int cursor_reset(cursor *cur){
  int rc = SQLITE_OK;
  ortto_reader_close(cur->reader);
  cur->reader = NULL;
  cur->value = cur->plain = NULL;
  store_return(cur->one);
  store_return(cur->rows);
  cur->one = cur->rows = NULL;
  /* What nobody will read on is not worth finishing when all of the run ends. */
  if( cur->fetch ) rc = fetch_leave(cur->memory, cur->fetch);
  cur->fetch = NULL;
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
  cur->memory = NULL;
  cur->list = NULL;
  return rc;
}

/* What is not complete when the last cursor goes need not be finished. */
int vt_close(sqlite3_vtab_cursor *base){
  cursor *cur = (cursor *)base;
  if( cur->run->cursors==1 ){
    cur->fetch = NULL;
    progress_end(&cur->run->t->conn->line, cur->run);
  }
  cursor_reset(cur);
  run_leave(cur->run);
  sqlite3_free(cur);
  return SQLITE_OK;
}

/* -- the next row -- */

static int stream_step(cursor *cur){
  int rc = ortto_reader_next(cur->reader, &cur->value);
  cur->eof = rc!=ORTTO_ROW;
  cur->plain = cur->value;
  cur->delivered++;
  if( rc==ORTTO_ROW ) progress_row(&cur->run->t->conn->line, cur->run->t, cur->run->t->name);
  return vt_fail((table *)cur->base.pVtab, rc);
}

static int fetch_step(cursor *cur){
  int rc = SQLITE_ROW;
  cur->at++;
  if( cur->at>cur->fetch->rows ) rc = fetch_next(cur->memory, cur->fetch);
  store_return(cur->one);
  cur->one = NULL;
  cur->eof = rc!=SQLITE_ROW;
  return rc==SQLITE_ROW || rc==SQLITE_DONE ? SQLITE_OK : rc;
}

static int rows_step(cursor *cur){
  int rc = reading_step(cur->rows);
  cur->eof = rc!=SQLITE_ROW;
  return rc==SQLITE_ROW || rc==SQLITE_DONE ? SQLITE_OK : memory_store_fail(cur->memory, rc);
}

static int cursor_step(cursor *cur){
  if( cur->rows ) return rows_step(cur);
  return cur->fetch ? fetch_step(cur) : stream_step(cur);
}

/* The row stands in *value, or in *row. */
static int row_here(cursor *cur, const ortto_value **value, row_reading **row){
  fetch *f = cur->fetch;
  *value = cur->value;
  *row = cur->rows;
  if( f==NULL ) return SQLITE_OK;
  *value = f->rows==cur->at ? f->value : NULL;
  if( *value ) return SQLITE_OK;
  int rc = SQLITE_OK;
  if( cur->one==NULL ){
    rc = store_row(&cur->memory->store, f->answer, cur->at, &cur->one);
    if( rc==SQLITE_OK ) rc = reading_step(cur->one);
    if( rc==SQLITE_DONE ) rc = SQLITE_CORRUPT;
    if( rc==SQLITE_ROW ) rc = SQLITE_OK;
  }
  *row = cur->one;
  return memory_store_fail(cur->memory, rc);
}

/* -- starting -- */

static int cursor_reopen(cursor *cur, scan_setup *q){
  ortto_query query;
  ortto_reader_close(cur->reader);
  cur->reader = NULL;
  cur->delivered = 0;
  int rc = setup_ask(q);
  if( rc==SQLITE_OK ) rc = setup_query(q, 0, &query);
  if( rc!=SQLITE_OK ) return rc;
  query.fields = cur->memory->field;
  query.field_count = cur->memory->fields;
  return vt_fail(q->t, ortto_reader_open(q->endpoint, &query, &cur->reader));
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

static void count_begin(cursor *cur, sqlite3_int64 count){
  cur->counting = 1;
  cur->plain = NULL;
  cur->counted = count;
  cur->passed = 0;
  cur->eof = count==0;
}

/* Asks for the number of rows, once in a run. The server may not say it: then counting is 0. Another reader
** stands ready, for rows. */
static int cursor_count(cursor *cur, scan_setup *q){
  int64_t count;
  int rc = cursor_reopen(cur, q);
  if( rc!=SQLITE_OK ) return rc;
  if( cur->list->count<0 ){
    rc = vt_fail(q->t, ortto_reader_count(cur->reader, &count));
    if( rc!=SQLITE_OK || count<0 ) return rc;
    ortto_progress p = { .total = count, .everybody = -1 };
    memory_learn_total(q->t, &q->query, &p);
    cur->list->count = count;
    rc = cursor_reopen(cur, q);
  }
  if( rc==SQLITE_OK ) count_begin(cur, cur->list->count);
  return rc;
}

static int cursor_stream(cursor *cur, scan_setup *q){
  ortto_progress progress;
  ortto_query query;
  int rc = cursor_reopen(cur, q);
  if( rc==SQLITE_OK ) rc = stream_step(cur);
  if( rc==SQLITE_OK ) rc = setup_query(q, 0, &query);
  if( rc!=SQLITE_OK ) return rc;
  ortto_reader_progress(cur->reader, &progress);
  memory_learn_total(q->t, &query, &progress);
  progress_part *part = progress_part_of(&q->t->conn->line, q->t, q->t->name);
  if( part && part->rows<=1 ) part->total = progress.total;
  if( progress.count>0 && may_be_count(q) ){
    cur->unsure = 1;
    cur->plain = NULL;
    cur->counted = progress.count;
    cur->passed = 0;
  }
  return SQLITE_OK;
}

static int cursor_scan(cursor *cur, scan_setup *q){
  found f;
  int rc = lookup(cur->memory, q, &f);
  cur->rows = f.rows;
  cur->fetch = f.fetch;
  cur->at = 0;
  if( rc!=SQLITE_OK ) return rc;
  return f.stream ? cursor_stream(cur, q) : cursor_step(cur);
}

/* May this run read at all, and from which account? Asked when it begins, and where the account was changed
** in the middle. */
static int run_check(run *r, scan_setup *q){
  table *t = r->t;
  if( r->checked && r->changes==t->conn->changes ) return SQLITE_OK;
  int rc = table_may_act(t);
  ortto_audiences_free(r->audiences);
  r->audiences = NULL;
  if( rc==SQLITE_OK ) rc = account_connect(t, &q->endpoint);
  r->checked = rc==SQLITE_OK;
  r->changes = t->conn->changes;
  return rc;
}

static int cursor_begin(cursor *cur, scan_setup *q){
  cur->used = q->used;
  cur->memory = run_memory(cur->run, q->used);
  if( cur->memory==NULL ) return SQLITE_NOMEM;
  int rc = lookup_widen(q);
  cur->list = lookup_list(cur->memory, q);
  if( cur->list==NULL ) return SQLITE_NOMEM;
  int counts = is_count(q) || (may_be_count(q) && cur->list->count>=0);
  if( rc==SQLITE_OK && counts ) rc = cursor_count(cur, q);
  if( rc==SQLITE_OK && !cur->counting ) rc = cursor_scan(cur, q);
  return rc;
}

int vt_filter(sqlite3_vtab_cursor *base, int number, const char *plan, int argc, sqlite3_value **argv){
  cursor *cur = (cursor *)base;
  scan_setup q = { .t = (table *)base->pVtab, .given = cur->given,
                   .known_audiences = &cur->run->audiences };
  (void)number;
  int rc = cursor_reset(cur);
  cur->rowid = -1;
  cur->changes = q.t->conn->changes;
  progress_begin(&q.t->conn->line, cur->run, q.t->name);
  if( rc==SQLITE_OK ) rc = run_check(cur->run, &q);
  if( rc==SQLITE_OK ) rc = setup_read(&q, plan, argc, argv);
  if( rc==SQLITE_OK && !q.nothing ){
    rc = cursor_begin(cur, &q);
    cur->several = q.several;
    cur->several_count = q.several_count;
    q.several = NULL;
    q.several_count = 0;
  }
  setup_free(&q);
  progress_yield(&q.t->conn->line);
  return rc;
}

/* -- rows -- */

int vt_eof(sqlite3_vtab_cursor *base){
  return ((cursor *)base)->eof;
}

int vt_next(sqlite3_vtab_cursor *base){
  cursor *cur = (cursor *)base;
  table *t = (table *)base->pVtab;
  if( !t->created && cur->changes!=t->conn->changes ) return account_changed_meanwhile(t);
  if( cur->unsure ){
    cur->counting = 1;
    cur->list->count = cur->counted;
  }
  cur->unsure = 0;
  if( !cur->counting ){
    int rc = cursor_step(cur);
    progress_yield(&t->conn->line);
    return rc;
  }
  cur->passed++;
  cur->eof = --cur->counted<=0;
  return SQLITE_OK;
}

/* A DELETE without a WHERE announces no column, and asks for the id all the same; OFFSET passes over rows,
** and asks for those behind them. Then the rows are needed, up to the one the cursor stands on. */
static int cursor_uncount(cursor *cur){
  int rc = SQLITE_OK;
  cur->counting = cur->eof = 0;
  while( rc==SQLITE_OK && !cur->eof && cur->delivered<=cur->passed ) rc = stream_step(cur);
  if( rc!=SQLITE_OK || !cur->eof ) return rc;
  return vt_error((table *)cur->base.pVtab, "ortto: the list became shorter while it was read; "
                  "run the statement again");
}

static void result_more(sqlite3_context *ctx, const memory *m, const ortto_value *value){
  char *text = more_text(m->field, value, m->more_from, m->fields);
  if( text ) sqlite3_result_text(ctx, text, -1, sqlite3_free);
  else sqlite3_result_error_nomem(ctx);
}

/* Which of several audiences the row was found in. */
static int found_in(cursor *cur, int *which){
  const ortto_value *value;
  row_reading *row;
  int rc = row_here(cur, &value, &row);
  if( rc!=SQLITE_OK ) return rc;
  if( value==NULL ) *which = reading_list(row);
  else *which = cur->fetch ? cur->fetch->found_in : ortto_reader_audience(cur->reader);
  return SQLITE_OK;
}

/* It reads as what was given, or as the one of several that found the row. */
static int hidden_column(cursor *cur, sqlite3_context *ctx, int column){
  table *t = (table *)cur->base.pVtab;
  const sqlite3_value *v = cur->given[column-1];
  const char *steered = table_steered(t, column);
  if( steered ){
    sqlite3_result_text(ctx, steered, -1, SQLITE_TRANSIENT);
    return SQLITE_OK;
  }
  if( v==NULL && cur->several && strcmp(ortto_hidden_column(t->kind, column-1), "audience")==0 ){
    int which;
    int rc = found_in(cur, &which);
    if( rc!=SQLITE_OK ) return rc;
    v = cur->several[which];
  }
  unsigned long long hidden = ((1ull << t->hidden_columns) - 1) << 1;
  if( v==NULL && (cur->used & hidden)==hidden && statement_writes(t->conn) ) return update_from_refused(t);
  if( v==NULL ) return hidden_misused(t, column);
  sqlite3_result_value(ctx, (sqlite3_value *)v);
  return SQLITE_OK;
}

static int value_column(cursor *cur, sqlite3_context *ctx, int column){
  table *t = (table *)cur->base.pVtab;
  const memory *m = cur->memory;
  const ortto_value *value;
  row_reading *row;
  int place = m->place[column], is_more = place<0 && column_field(t, column)<0 && m->more_from>=0;
  if( place<0 && !is_more )
    return vt_error(t, "ortto: SQLite asks for the column %d that it did not announce; "
                    "please report the statement", column);
  int rc = row_here(cur, &value, &row);
  if( rc!=SQLITE_OK ) return rc;
  if( row ) result_value(ctx, reading_value(row, is_more ? m->more_from : place));
  else if( is_more ) result_more(ctx, m, value);
  else result_value(ctx, &value[place]);
  return SQLITE_OK;
}

/* The columns of which more must be known than where they stand. Not inlined: the others need no register of
** its. */
__attribute__((noinline))
static int other_column(cursor *cur, sqlite3_context *ctx, int column){
  table *t = (table *)cur->base.pVtab;
  if( is_contact_table(t) && column>=1 && column<=t->hidden_columns ) return hidden_column(cur, ctx, column);
  cur->unsure = 0;
  if( cur->counting && column==0 ){
    int rc = cursor_uncount(cur);
    if( rc!=SQLITE_OK ) return rc;
  }
  if( cur->counting || cur->memory==NULL )
    return vt_error(t, "ortto: SQLite asks for a column that it did not announce; "
                    "please report the statement");
  return value_column(cur, ctx, column);
}

int vt_column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int column){
  cursor *cur = (cursor *)base;
  const table *t = (const table *)base->pVtab;
  const ortto_value *v = NULL;
  if( cur->plain && cur->memory->place[column]>=0 ){             /* nearly always */
    v = &cur->plain[cur->memory->place[column]];
    if( v->kind==ORTTO_VALUE_NULL ) return SQLITE_OK;
  }
  /* An UPDATE that does not set it. Before SQLite scans for one it has called xBegin. */
  if( t->writes && column>0 && sqlite3_vtab_nochange(ctx) ) return SQLITE_OK;
  if( v==NULL ) return other_column(cur, ctx, column);
  result_value(ctx, v);
  return SQLITE_OK;
}

/* A value of the key, behind a blank. */
static void key_add(sqlite3_str *s, const ortto_value *v){
  if( v->kind==ORTTO_VALUE_INTEGER ) sqlite3_str_appendf(s, " %lld", (long long)v->integer);
  else if( v->kind==ORTTO_VALUE_TEXT ) sqlite3_str_appendf(s, " %.*s", (int)v->length, v->text);
}

/* Tags, fields and members: their keys have two columns, which are always asked for. */
int vt_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *rowid){
  cursor *cur = (cursor *)base;
  table *t = (table *)base->pVtab;
  const memory *m = cur->memory;
  const ortto_value *value;
  row_reading *row;
  int rc = row_here(cur, &value, &row);
  if( rc!=SQLITE_OK ) return rc;
  sqlite3_str *s = sqlite3_str_new(NULL);
  sqlite3_str_appendf(s, "%d", t->kind);
  for(int i=0; i<m->fields; i++) if( m->field[i]->key ) key_add(s, value ? &value[i] : reading_value(row, i));
  char *key = sqlite3_str_finish(s);
  rc = key ? conn_rowid(t->conn, key, &cur->rowid, rowid) : SQLITE_NOMEM;
  sqlite3_free(key);
  return rc;
}
