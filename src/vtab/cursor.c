/*
** cursor.c - see cursor.h.
*/
#include "cursor.h"

#include <stdlib.h>
#include <string.h>

#include "convert.h"
#include "arguments.h"

typedef struct cursor {
  sqlite3_vtab_cursor base;
  ortto_reader *reader;
  const ortto_value *value;        /* the record, by place in field[] */
  const ortto_field **field;       /* asked of the reader */
  int fields;
  int *place;                      /* SQL column to place in field[], -1 not asked for */
  int more_from;                   /* first place of the fields of more_fields, -1 none */
  sqlite3_value *given[HIDDEN_MAX];
  sqlite3_int64 counted, passed;   /* of a count: rows left, rows passed. The reader has sent nothing yet */
  int counting, eof;
  sqlite3_int64 rowid;
  ortto_cache *cache;              /* of records by id, as long as the statement runs */
} cursor;

/* What a cursor is to do, read from idxStr and the arguments. */
typedef struct scan_setup {
  cursor *cur;
  table *t;
  ortto_endpoint *endpoint;
  ortto_query query;
  unsigned long long used;
  int exact;                       /* SQLite checks nothing more */
  int nothing;                     /* no row can match */
  char **list;                     /* texts by sqlite3_malloc: ids or values */
  int listed, list_cap;
  ortto_condition *condition;
  int conditions;
  int *condition_from;             /* place of a condition's values in list */
  char *audience, *sort;
  sqlite3_int64 limit, offset;
} scan_setup;

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
  cur->counting = 0;
  cur->eof = 1;
}

int vt_close(sqlite3_vtab_cursor *base){
  cursor *cur = (cursor *)base;
  cursor_reset(cur);
  ortto_cache_free(cur->cache);
  sqlite3_free(cur);
  return SQLITE_OK;
}

/* -- arguments of xFilter -- */

static int list_add(scan_setup *q, const char *text){
  if( q->listed==q->list_cap ){
    int cap = q->list_cap ? q->list_cap*2 : 32;
    char **grown = sqlite3_realloc64(q->list, (sqlite3_uint64)cap * sizeof *grown);
    if( grown==NULL ) return SQLITE_NOMEM;
    q->list = grown;
    q->list_cap = cap;
  }
  if( (q->list[q->listed] = sqlite3_mprintf("%s", text))==NULL ) return SQLITE_NOMEM;
  q->listed++;
  return SQLITE_OK;
}

/* An id that is no text cannot be one: no row. */
static int id_add(scan_setup *q, sqlite3_value *v){
  if( sqlite3_value_type(v)!=SQLITE_TEXT ) return SQLITE_OK;
  const char *text = (const char *)sqlite3_value_text(v);
  if( text==NULL ) return SQLITE_NOMEM;
  return ortto_is_id(text, (size_t)sqlite3_value_bytes(v)) ? list_add(q, text) : SQLITE_OK;
}

static int ids_add(scan_setup *q, sqlite3_value *list){
  sqlite3_value *v;
  int rc = SQLITE_OK, step;
  for(step=sqlite3_vtab_in_first(list, &v); rc==SQLITE_OK && step==SQLITE_OK; step=sqlite3_vtab_in_next(list, &v)) rc = id_add(q, v);
  return rc!=SQLITE_OK || step==SQLITE_DONE ? rc : step;
}

static ortto_condition *condition_new(scan_setup *q, int column, ortto_test test){
  ortto_condition *c = &q->condition[q->conditions];
  memset(c, 0, sizeof *c);
  c->field = &q->t->fields->field[column_field(q->t, column)];
  c->test = test;
  q->condition_from[q->conditions++] = q->listed;
  return c;
}

/* IS NULL and IS NOT NULL, where the instance has the field. */
static int presence_add(scan_setup *q, int column, ortto_test test){
  int listed;
  const ortto_field *f = &q->t->fields->field[column_field(q->t, column)];
  int rc = ortto_field_is_listed(q->endpoint, f, &listed);
  if( rc!=ORTTO_OK ) return vt_fail(q->t, rc);
  if( listed ) condition_new(q, column, test);
  return SQLITE_OK;
}

static int is_exact_text(sqlite3_value *v){
  if( sqlite3_value_type(v)!=SQLITE_TEXT ) return 0;
  const char *text = (const char *)sqlite3_value_text(v);
  return text && ortto_text_is_exact(text, (size_t)sqlite3_value_bytes(v));
}

/* NULL equals nothing, and no column holds a BLOB. */
static int matches_nothing(sqlite3_value *v){
  return sqlite3_value_type(v)==SQLITE_NULL || sqlite3_value_type(v)==SQLITE_BLOB;
}

static int equals_add(scan_setup *q, int column, char token, sqlite3_value *v){
  if( token=='s' && sqlite3_value_type(v)==SQLITE_NULL ) return presence_add(q, column, ORTTO_HAS_NO_VALUE);
  if( matches_nothing(v) ) q->nothing = 1;
  else if( is_exact_text(v) ){
    condition_new(q, column, ORTTO_IS)->count = 1;
    return list_add(q, (const char *)sqlite3_value_text(v));
  }
  return SQLITE_OK;
}

#define LIST_MAX 2000              /* values of a condition; more are cheaper to find in the whole list */

/* A list of texts is pushed whole or not at all. */
static int values_add(scan_setup *q, int column, sqlite3_value *list){
  sqlite3_value *v;
  int rc = SQLITE_OK, step, from = q->listed, whole = 1;
  for(step=sqlite3_vtab_in_first(list, &v); rc==SQLITE_OK && step==SQLITE_OK; step=sqlite3_vtab_in_next(list, &v)){
    if( matches_nothing(v) || !whole ) continue;
    whole = is_exact_text(v) && q->listed-from<LIST_MAX;
    if( whole ) rc = list_add(q, (const char *)sqlite3_value_text(v));
  }
  if( rc!=SQLITE_OK ) return rc;
  if( step!=SQLITE_DONE ) return step;
  int count = q->listed - from;
  int64_t total = q->t->conn->total[q->t->kind];
  if( whole && count==0 ) q->nothing = 1;
  if( whole && count>0 && (count<=100 || total==0 || count/100 < total/500) ){
    condition_new(q, column, ORTTO_IS)->count = count;
    q->condition_from[q->conditions-1] = from;
  }
  return SQLITE_OK;
}

/* 'column', 'column asc' or 'column desc': the column wins where a name ends like that. */
static const ortto_field *sort_field(const table *t, const char *text, int *descending){
  static const char *const ends[] = { "", " asc", " desc" };
  size_t n = strlen(text);
  for(int k=0; k<3; k++){
    size_t end = strlen(ends[k]);
    if( n<end || sqlite3_strnicmp(text+n-end, ends[k], (int)end)!=0 ) continue;
    size_t left = n - end;
    while( left && is_blank(text[left-1]) ) left--;
    for(int i=1; i<t->fields->count; i++){
      const char *name = t->fields->field[i].column;
      if( strlen(name)==left && sqlite3_strnicmp(name, text, (int)left)==0 ){
        *descending = k==2;
        return &t->fields->field[i];
      }
    }
  }
  return NULL;
}

static int set_hidden(scan_setup *q, int which, sqlite3_value *v){
  table *t = q->t;
  const char *name = ortto_hidden_column(t->kind, which);
  q->cur->given[which] = sqlite3_value_dup(v);
  if( q->cur->given[which]==NULL ) return SQLITE_NOMEM;
  if( sqlite3_value_type(v)==SQLITE_NULL ){
    q->nothing = 1;
    return SQLITE_OK;
  }
  const char *text = (const char *)sqlite3_value_text(q->cur->given[which]);
  size_t n = (size_t)sqlite3_value_bytes(q->cur->given[which]);
  if( text==NULL ) return SQLITE_NOMEM;
  if( strlen(text)!=n ) return vt_error(t, "ortto: %s cannot hold a NUL character", name);
  if( strcmp(name, "filter")==0 ){
    if( !ortto_json_is_object(text, n) )
      return vt_error(t, "ortto: filter takes a JSON object of Ortto's, such as {\"$str::is\":{\"field_id\":\"str::first\",\"value\":\"Ann\"}}");
    q->query.filter = text;
  }else if( strcmp(name, "q")==0 ) q->query.q = text;
  else if( strcmp(name, "audience")==0 ) q->query.audience = text;
  else if( strcmp(name, "scope")==0 ){
    if( sqlite3_stricmp(text, "archived")!=0 ) return vt_error(t, "ortto: scope cannot be '%.40s'; it takes 'archived'", text);
    q->query.archived = 1;
  }else{
    q->query.sort = sort_field(t, text, &q->query.descending);
    if( q->query.sort==NULL )
      return vt_error(t, "ortto: sort cannot be '%.60s'; it takes a column of this table other than id, optionally with asc or desc behind it", text);
  }
  return SQLITE_OK;
}

/* One token of the plan; those of column 'h' and after take an argument. */
static int setup_token(scan_setup *q, char token, int column, sqlite3_value **argv, int *arg){
  switch( token ){
    case 'z': q->exact = 1; return SQLITE_OK;
    case 'n': return presence_add(q, column, ORTTO_HAS_NO_VALUE);
    case 'v': return presence_add(q, column, ORTTO_HAS_VALUE);
    default: break;
  }
  sqlite3_value *v = argv[(*arg)++];
  switch( token ){
    case 'h': return set_hidden(q, column-1, v);
    case 'k': case 'p': q->query.by_ids = 1; return id_add(q, v);
    case 'K': case 'P': q->query.by_ids = 1; return ids_add(q, v);
    case 'e': case 's': return equals_add(q, column, token, v);
    case 'i': return values_add(q, column, v);
    case 'x': if( matches_nothing(v) ) q->nothing = 1; return SQLITE_OK;
    case 'l': if( sqlite3_value_type(v)==SQLITE_INTEGER ) q->limit = sqlite3_value_int64(v); return SQLITE_OK;
    case 'o': if( sqlite3_value_type(v)==SQLITE_INTEGER ) q->offset = sqlite3_value_int64(v); return SQLITE_OK;
    default: return SQLITE_INTERNAL;
  }
}

static int setup_read(scan_setup *q, const char *plan, int argc, sqlite3_value **argv){
  const char *p = strrchr(plan, '{');
  char *end;
  int arg = 0, rc = SQLITE_OK;
  if( p==NULL || p[1]!='u' ) return SQLITE_INTERNAL;
  q->used = strtoull(p+2, &end, 16);
  q->condition = sqlite3_malloc64((strlen(p) + 1) * sizeof *q->condition);   /* no more than tokens */
  q->condition_from = sqlite3_malloc64((strlen(p) + 1) * sizeof *q->condition_from);
  if( q->condition==NULL || q->condition_from==NULL ) return SQLITE_NOMEM;
  for(p=end; rc==SQLITE_OK && *p==' '; p=end){
    char token = p[1];
    long column = strtol(p+2, &end, 10);
    rc = setup_token(q, token, (int)column, argv, &arg);
  }
  return rc==SQLITE_OK && arg!=argc ? SQLITE_INTERNAL : rc;
}

/* -- columns of the request -- */

static void want(scan_setup *q, int field, int column){
  cursor *cur = q->cur;
  cur->field[cur->fields] = &q->t->fields->field[field];
  if( column>=0 ) cur->place[column] = cur->fields;
  cur->fields++;
}

static int setup_fields(scan_setup *q){
  cursor *cur = q->cur;
  const table *t = q->t;
  cur->field = sqlite3_malloc64(((sqlite3_uint64)t->fields->count + 1) * sizeof *cur->field);
  cur->place = sqlite3_malloc64(((sqlite3_uint64)t->columns + 1) * sizeof *cur->place);
  if( cur->field==NULL || cur->place==NULL ) return SQLITE_NOMEM;
  cur->more_from = -1;
  for(int i=0; i<t->columns; i++){
    cur->place[i] = -1;
    int field = column_field(t, i);
    int used = (int)(q->used >> (i<63 ? i : 63) & 1);
    if( field>=0 && (used || t->fields->field[field].key) ) want(q, field, i);
    if( field>=0 || !used || (i>=1 && i<=t->hidden_columns) ) continue;
    cur->more_from = cur->fields;
    for(int k=t->overflow; k<t->fields->count; k++) want(q, k, -1);
  }
  q->query.fields = cur->field;
  q->query.field_count = cur->fields;
  return SQLITE_OK;
}

/* Are no values wanted, so that the number of rows is enough? */
static int is_count(const scan_setup *q){
  unsigned long long hidden = ((1ull << q->t->hidden_columns) - 1) << 1;
  return is_contact_table(q->t) && q->exact && !q->query.by_ids && (q->used & ~hidden)==0;
}

/* -- starting -- */

/* The account that this table's columns came from is not the one in the settings. Registering its module again makes
** SQLite ask for the columns anew, and SQLITE_SCHEMA makes it prepare the statement again: unless it runs since before
** the change, when it may have returned rows already. */
static int table_is_stale(table *t){
  conn *c = t->conn;
  for(sqlite3_stmt *s=sqlite3_next_stmt(c->db, NULL); s; s=sqlite3_next_stmt(c->db, s))
    for(int i=0; i<c->at_changes; i++)
      if( c->at_change[i].statement==s && sqlite3_stmt_busy(s) && sqlite3_stmt_status(s, SQLITE_STMTSTATUS_RUN, 0)==c->at_change[i].run )
        return vt_error(t, "ortto: the settings were changed to another account while this statement ran; run it again");
  int rc = c->register_eponymous(c, t->kind);
  return rc==SQLITE_OK ? SQLITE_SCHEMA : rc;
}

static int setup_begin(scan_setup *q){
  table *t = q->t;
  if( t->broken ) return vt_error(t, "%s", t->broken);
  int rc = vt_fail(t, endpoint_of(t, &q->endpoint));
  if( rc==SQLITE_OK && is_contact_table(t) && !t->created && ortto_endpoint_identity(q->endpoint)!=t->identity ) rc = table_is_stale(t);
  return rc;
}

static int setup_check(scan_setup *q){
  table *t = q->t;
  if( q->query.archived && (q->query.filter || q->query.audience) )
    return vt_error(t, "ortto: scope = 'archived' cannot be combined with %s: the server filters no archived records. Use a WHERE on the columns",
                    q->query.filter ? "filter" : "audience");
  if( t->kind==ORTTO_ACTIVITIES && !q->query.by_ids )
    return vt_error(t, "ortto: the activity feed belongs to a person: say WHERE person_id = '...' or person_id IN (...), joined by AND to the rest");
  if( q->query.audience==NULL || q->nothing ) return SQLITE_OK;
  int rc = vt_fail(t, ortto_audience_find(q->endpoint, q->query.audience, &q->audience));
  q->query.audience = q->audience;
  return rc;
}

static void setup_lists(scan_setup *q){
  q->query.table = q->t->kind;
  q->query.conditions = q->condition;
  q->query.condition_count = q->conditions;
  for(int i=0; i<q->conditions; i++) q->condition[i].values = (const char *const *)q->list + q->condition_from[i];
  if( q->query.by_ids ){
    q->query.ids = (const char *const *)q->list;
    q->query.id_count = q->listed;
  }
  if( q->limit>0 && q->limit<1000000000 && q->offset<1000000000 ) q->query.limit = q->limit + (q->offset>0 ? q->offset : 0);
}

static void remember_total(const scan_setup *q, int64_t total){
  if( is_contact_table(q->t) && total>=0 && q->conditions==0 && !q->query.by_ids && !q->query.filter && !q->query.q
   && !q->query.archived && !q->query.audience ) q->t->conn->total[q->t->kind] = total;
}

static int cursor_step(cursor *cur){
  table *t = (table *)cur->base.pVtab;
  int rc = ortto_reader_next(cur->reader, &cur->value);
  cur->eof = rc!=ORTTO_ROW;
  return vt_fail(t, rc);
}

static int setup_count(scan_setup *q, int *known){
  cursor *cur = q->cur;
  int64_t count;
  int rc = vt_fail(q->t, ortto_reader_open(q->endpoint, &q->query, &cur->reader));
  if( rc==SQLITE_OK ) rc = vt_fail(q->t, ortto_reader_count(cur->reader, &count));
  if( rc!=SQLITE_OK ) return rc;
  *known = count>=0;
  cur->counting = *known;
  cur->counted = count;
  cur->passed = 0;
  cur->eof = count==0;
  if( *known ) remember_total(q, count);
  return SQLITE_OK;
}

static int setup_run(scan_setup *q){
  cursor *cur = q->cur;
  int known = 0, rc = SQLITE_OK;
  setup_lists(q);
  if( is_count(q) ) rc = setup_count(q, &known);
  ortto_reader_close(cur->reader);
  cur->reader = NULL;
  if( rc!=SQLITE_OK ) return rc;
  if( known ) return vt_fail(q->t, ortto_reader_open(q->endpoint, &q->query, &cur->reader));
  if( q->query.by_ids && is_contact_table(q->t) && cur->cache==NULL ) cur->cache = ortto_cache_new();
  q->query.cache = cur->cache;
  rc = vt_fail(q->t, ortto_reader_open(q->endpoint, &q->query, &cur->reader));
  if( rc==SQLITE_OK ) rc = cursor_step(cur);
  if( rc==SQLITE_OK ){
    ortto_progress progress;
    ortto_reader_progress(cur->reader, &progress);
    remember_total(q, progress.total);
  }
  return rc;
}

static void setup_free(scan_setup *q){
  for(int i=0; i<q->listed; i++) sqlite3_free(q->list[i]);
  sqlite3_free(q->list);
  sqlite3_free(q->condition);
  sqlite3_free(q->condition_from);
  free(q->audience);
  ortto_endpoint_close(q->endpoint);
}

int vt_filter(sqlite3_vtab_cursor *base, int number, const char *plan, int argc, sqlite3_value **argv){
  cursor *cur = (cursor *)base;
  scan_setup q = { .cur = cur, .t = (table *)base->pVtab };
  (void)number;
  cursor_reset(cur);
  cur->rowid = -1;
  int rc = setup_begin(&q);
  if( rc==SQLITE_OK ) rc = setup_read(&q, plan, argc, argv);
  if( rc==SQLITE_OK ) rc = setup_check(&q);
  if( rc==SQLITE_OK && !q.nothing ) rc = setup_fields(&q);
  if( rc==SQLITE_OK && !q.nothing ) rc = setup_run(&q);
  setup_free(&q);
  return rc;
}

/* -- rows -- */

int vt_eof(sqlite3_vtab_cursor *base){
  return ((cursor *)base)->eof;
}

int vt_next(sqlite3_vtab_cursor *base){
  cursor *cur = (cursor *)base;
  if( !cur->counting ) return cursor_step(cur);
  cur->passed++;
  cur->eof = --cur->counted<=0;
  return SQLITE_OK;
}

/* A DELETE without a WHERE announces no column, and asks for the id all the same: then the rows are needed. */
static int cursor_uncount(cursor *cur){
  int rc = SQLITE_OK;
  cur->counting = 0;
  for(sqlite3_int64 i=0; rc==SQLITE_OK && i<=cur->passed; i++) rc = cursor_step(cur);
  if( rc==SQLITE_OK && cur->eof ) rc = vt_error((table *)cur->base.pVtab, "ortto: the list became shorter while it was read; run the statement again");
  return rc;
}

static void result_more(sqlite3_context *ctx, const cursor *cur){
  char *text = more_text(cur->field, cur->value, cur->more_from, cur->fields);
  if( text ) sqlite3_result_text(ctx, text, -1, sqlite3_free);
  else sqlite3_result_error_nomem(ctx);
  sqlite3_result_subtype(ctx, 'J');
}

int vt_column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int column){
  cursor *cur = (cursor *)base;
  table *t = (table *)base->pVtab;
  if( column>0 && sqlite3_vtab_nochange(ctx) ) return SQLITE_OK;   /* an UPDATE that does not set this column */
  if( is_contact_table(t) && column>=1 && column<=t->hidden_columns ){
    if( cur->given[column-1] ) sqlite3_result_value(ctx, cur->given[column-1]);
    return SQLITE_OK;
  }
  if( cur->counting && column==0 ){
    int rc = cursor_uncount(cur);
    if( rc!=SQLITE_OK ) return rc;
  }
  if( cur->counting || cur->place==NULL )
    return vt_error(t, "ortto: SQLite asks for a column that it did not announce; please report the statement");
  if( cur->place[column]>=0 ) result_value(ctx, &cur->value[cur->place[column]]);
  else if( column_field(t, column)<0 && cur->more_from>=0 ) result_more(ctx, cur);
  else return vt_error(t, "ortto: SQLite asks for the column %d that it did not announce; please report the statement", column);
  return SQLITE_OK;
}

int vt_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *rowid){
  cursor *cur = (cursor *)base;
  table *t = (table *)base->pVtab;
  const ortto_value *a = &cur->value[0], *b = &cur->value[1];   /* the key: its columns are always asked for, and first */
  char *key = b->kind==ORTTO_VALUE_INTEGER
    ? sqlite3_mprintf("%d %.*s %lld", t->kind, (int)a->length, a->text, (long long)b->integer)
    : sqlite3_mprintf("%d %.*s %.*s", t->kind, (int)a->length, a->text, b->kind==ORTTO_VALUE_TEXT ? (int)b->length : 0, b->text);
  if( key==NULL ) return SQLITE_NOMEM;
  int rc = conn_rowid(t->conn, key, &cur->rowid, rowid);
  sqlite3_free(key);
  return rc;
}
