/*
** scan_setup.c - see scan_setup.h.
*/
#include "scan_setup.h"

#include <stdlib.h>
#include <string.h>

#include "arguments.h"

#define LIST_MAX 2000              /* values of a condition; more are cheaper to find in the whole list */
#define LIMIT_MAX 1000000000       /* a greater LIMIT or OFFSET sizes no pages */

static int list_add(scan_setup *q, const char *text){
  if( q->listed==q->list_cap ){
    int cap = q->list_cap ? q->list_cap*2 : 32;
    char **grown = sqlite3_realloc64(q->list, (sqlite3_uint64)cap * sizeof *grown);
    if( grown==NULL ) return SQLITE_NOMEM;
    q->list = grown;
    q->list_cap = cap;
  }
  q->list[q->listed] = sqlite3_mprintf("%s", text);
  if( q->list[q->listed]==NULL ) return SQLITE_NOMEM;
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
  int rc = SQLITE_OK;
  int step = sqlite3_vtab_in_first(list, &v);
  while( rc==SQLITE_OK && step==SQLITE_OK ){
    rc = id_add(q, v);
    step = sqlite3_vtab_in_next(list, &v);
  }
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

/* Is asking for that many values cheaper than the whole list? A request takes 100 values; a page, 500. */
static int few_values(const scan_setup *q, int count){
  int64_t total = q->t->conn->total[q->t->kind];
  return count<=100 || total==0 || count/100 < total/500;
}

/* A list of texts is pushed whole or not at all. */
static int values_add(scan_setup *q, int column, sqlite3_value *list){
  sqlite3_value *v;
  int rc = SQLITE_OK, from = q->listed, whole = 1;
  int step = sqlite3_vtab_in_first(list, &v);
  for(; rc==SQLITE_OK && step==SQLITE_OK; step=sqlite3_vtab_in_next(list, &v)){
    if( matches_nothing(v) || !whole ) continue;
    whole = is_exact_text(v) && q->listed-from<LIST_MAX;
    if( whole ) rc = list_add(q, (const char *)sqlite3_value_text(v));
  }
  if( rc!=SQLITE_OK ) return rc;
  if( step!=SQLITE_DONE ) return step;
  int count = q->listed - from;
  if( whole && count==0 ) q->nothing = 1;
  if( whole && count>0 && few_values(q, count) ){
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

static int audience_add(scan_setup *q, const char *text){
  const char **grown = sqlite3_realloc64(q->named, ((sqlite3_uint64)q->audiences + 1) * sizeof *grown);
  if( grown==NULL ) return SQLITE_NOMEM;
  q->named = grown;
  q->named[q->audiences++] = text;
  return SQLITE_OK;
}

/* The name of an audience whose members are wanted. */
static int name_add(scan_setup *q, sqlite3_value *v){
  if( matches_nothing(v) ) return SQLITE_OK;
  const char *text = (const char *)sqlite3_value_text(v);
  if( text==NULL ) return SQLITE_NOMEM;
  int rc = list_add(q, text);
  return rc==SQLITE_OK ? audience_add(q, q->list[q->listed-1]) : rc;
}

static int names_add(scan_setup *q, sqlite3_value *list){
  sqlite3_value *v;
  int rc = SQLITE_OK;
  int step = sqlite3_vtab_in_first(list, &v);
  for(; rc==SQLITE_OK && step==SQLITE_OK; step=sqlite3_vtab_in_next(list, &v)) rc = name_add(q, v);
  return rc!=SQLITE_OK || step==SQLITE_DONE ? rc : step;
}

/* The hidden column of that name gets a text, which lives as long as the cursor. */
static int hidden_set(scan_setup *q, const char *name, const char *text, size_t n){
  table *t = q->t;
  if( strcmp(name, "filter")==0 ){
    if( !ortto_json_is_object(text, n) )
      return vt_error(t, "ortto: filter takes a JSON object of Ortto's, such as "
                      "{\"$str::is\":{\"field_id\":\"str::first\",\"value\":\"Ann\"}}");
    q->query.filter = text;
  }else if( strcmp(name, "q")==0 ) q->query.q = text;
  else if( strcmp(name, "audience")==0 ) return audience_add(q, text);
  else if( strcmp(name, "scope")==0 ){
    if( strcmp(text, "archived")!=0 )
      return vt_error(t, "ortto: scope cannot be '%.40s'; it takes 'archived'", text);
    q->query.archived = 1;
  }else{
    q->query.sort = sort_field(t, text, &q->query.descending);
    if( q->query.sort==NULL )
      return vt_error(t, "ortto: sort cannot be '%.60s'; it takes a column of this table other than id, "
                      "optionally with asc or desc behind it", text);
  }
  return SQLITE_OK;
}

/* The text of a value that is ours. */
static int hidden_text(scan_setup *q, const char *name, sqlite3_value *ours){
  const char *text = (const char *)sqlite3_value_text(ours);
  size_t n = (size_t)sqlite3_value_bytes(ours);
  if( text==NULL ) return SQLITE_NOMEM;
  if( strlen(text)!=n ) return vt_error(q->t, "ortto: %s cannot hold a NUL character", name);
  return hidden_set(q, name, text, n);
}

static int hidden_add(scan_setup *q, int which, sqlite3_value *v){
  sqlite3_value *copy = sqlite3_value_dup(v);
  const char *name = ortto_hidden_column(q->t->kind, which);
  q->given[which] = copy;
  if( copy==NULL ) return SQLITE_NOMEM;
  if( sqlite3_value_type(v)!=SQLITE_NULL ) return hidden_text(q, name, copy);
  q->nothing = 1;
  return SQLITE_OK;
}

static int several_add(scan_setup *q, int which, sqlite3_value *v){
  if( sqlite3_value_type(v)==SQLITE_NULL ) return SQLITE_OK;
  sqlite3_uint64 count = (sqlite3_uint64)q->several_count + 1;
  sqlite3_value **grown = sqlite3_realloc64(q->several, count * sizeof *grown);
  if( grown==NULL ) return SQLITE_NOMEM;
  q->several = grown;
  grown[q->several_count] = sqlite3_value_dup(v);
  if( grown[q->several_count]==NULL ) return SQLITE_NOMEM;
  return hidden_text(q, ortto_hidden_column(q->t->kind, which), grown[q->several_count++]);
}

static int hidden_list_add(scan_setup *q, int which, sqlite3_value *list){
  sqlite3_value *v;
  int rc = SQLITE_OK;
  int step = sqlite3_vtab_in_first(list, &v);
  while( rc==SQLITE_OK && step==SQLITE_OK ){
    rc = several_add(q, which, v);
    step = sqlite3_vtab_in_next(list, &v);
  }
  if( q->several_count==0 ) q->nothing = 1;
  return rc!=SQLITE_OK || step==SQLITE_DONE ? rc : step;
}

static sqlite3_int64 integer_or_0(sqlite3_value *v){
  return sqlite3_value_type(v)==SQLITE_INTEGER ? sqlite3_value_int64(v) : 0;
}

/* One token of the plan; all but z, t, n and v take an argument. */
static int setup_token(scan_setup *q, char token, int column, sqlite3_value **argv, int *arg){
  switch( token ){
    case 'z': q->exact = 1; return SQLITE_OK;
    case 't': return hidden_twice(q->t, column);
    case 'n': return presence_add(q, column, ORTTO_HAS_NO_VALUE);
    case 'v': return presence_add(q, column, ORTTO_HAS_VALUE);
    default: break;
  }
  sqlite3_value *v = argv[(*arg)++];
  switch( token ){
    case 'h': return hidden_add(q, column-1, v);
    case 'H': return hidden_list_add(q, column-1, v);
    case 'k': case 'p': q->query.by_ids = 1; return id_add(q, v);
    case 'K': case 'P': q->query.by_ids = 1; return ids_add(q, v);
    case 'm': case 'M': q->by_names = 1; return token=='m' ? name_add(q, v) : names_add(q, v);
    case 'e': case 's': return equals_add(q, column, token, v);
    case 'i': return values_add(q, column, v);
    case 'x': if( matches_nothing(v) ) q->nothing = 1; return SQLITE_OK;
    case 'l': q->limit = integer_or_0(v); return SQLITE_OK;
    case 'o': q->offset = integer_or_0(v); return SQLITE_OK;
    default: return SQLITE_INTERNAL;
  }
}

static int tokens_read(scan_setup *q, const char *plan, int argc, sqlite3_value **argv){
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

/* What cannot be asked for together; and the audiences by their ids. */
static int setup_check(scan_setup *q){
  table *t = q->t;
  if( q->query.archived && (q->query.filter || q->audiences) )
    return vt_error(t, "ortto: scope = 'archived' cannot be combined with %s: the server filters no archived "
                    "records. Use a WHERE on the columns", q->query.filter ? "filter" : "audience");
  if( t->kind==ORTTO_ACTIVITIES && !q->query.by_ids )
    return vt_error(t, "ortto: the activity feed belongs to a person: say WHERE person_id = '...' or "
                    "person_id IN (...), joined by AND to the rest");
  if( q->by_names ){
    q->nothing = q->audiences==0;
    q->query.audiences = q->named;
    q->query.audience_count = q->audiences;
    return SQLITE_OK;
  }
  if( q->audiences==0 || q->nothing ) return SQLITE_OK;
  q->audience = calloc((size_t)q->audiences, sizeof *q->audience);
  if( q->audience==NULL ) return SQLITE_NOMEM;
  q->query.audiences = (const char *const *)q->audience;
  q->query.audience_count = q->audiences;
  return vt_fail(t, ortto_audiences_find(q->endpoint, q->named, q->audiences, q->audience));
}

/* The list is complete, and moves no more. */
static void setup_lists(scan_setup *q){
  q->query.table = q->t->kind;
  q->query.conditions = q->condition;
  q->query.condition_count = q->conditions;
  for(int i=0; q->list && i<q->conditions; i++)   /* a condition without values comes without a list too */
    q->condition[i].values = (const char *const *)q->list + q->condition_from[i];
  if( q->query.by_ids ){
    q->query.ids = (const char *const *)q->list;
    q->query.id_count = q->listed;
  }
  if( q->limit>0 && q->limit<LIMIT_MAX && q->offset<LIMIT_MAX )
    q->query.limit = q->limit + (q->offset>0 ? q->offset : 0);
}

/* What the table's own arguments ask for. */
static int steering_read(scan_setup *q){
  int rc = SQLITE_OK;
  for(int i=1; rc==SQLITE_OK && i<=q->t->hidden_columns; i++){
    const char *text = table_steered(q->t, i);
    if( text ) rc = hidden_set(q, ortto_hidden_column(q->t->kind, i-1), text, strlen(text));
  }
  return rc;
}

int setup_read(scan_setup *q, const char *plan, int argc, sqlite3_value **argv){
  int rc = steering_read(q);
  if( rc==SQLITE_OK ) rc = tokens_read(q, plan, argc, argv);
  if( rc==SQLITE_OK ) rc = setup_check(q);
  if( rc==SQLITE_OK ) setup_lists(q);
  return rc;
}

void setup_free(scan_setup *q){
  for(int i=0; i<q->listed; i++) sqlite3_free(q->list[i]);
  sqlite3_free(q->list);
  sqlite3_free(q->condition);
  sqlite3_free(q->condition_from);
  for(int i=0; i<q->several_count; i++) sqlite3_value_free(q->several[i]);
  sqlite3_free(q->several);
  sqlite3_free(q->named);
  for(int i=0; q->audience && i<q->audiences; i++) free(q->audience[i]);
  free(q->audience);
  ortto_endpoint_close(q->endpoint);
}
