/*
** scan_setup.c - see scan_setup.h.
*/
#include "scan_setup.h"

#include <stdlib.h>
#include <string.h>

#include "account_check.h"
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

static ortto_condition *condition_new(scan_setup *q, int column, ortto_test test, int key){
  ortto_condition *c = &q->condition[q->conditions];
  memset(c, 0, sizeof *c);
  c->field = &q->t->fields->field[column_field(q->t, column)];
  c->test = test;
  q->placed[q->conditions++] = (placed){ q->listed, key };
  return c;
}

/* ---- what question this is ---- */

/* To which of the two the next part belongs. */
static question *part_of(scan_setup *q, int key, char kind, int column){
  question *at = key ? &q->asked : &q->list_asked;
  q->keys += key;
  question_add(at, &kind, 1);
  question_add(at, &column, sizeof column);
  return at;
}

static void presence_add(scan_setup *q, int column, ortto_test test, int key){
  part_of(q, key, test==ORTTO_HAS_VALUE ? 'v' : 'n', column);
  q->presence[q->presences++] = (presence){ column, test, key };
}

static int is_exact_text(sqlite3_value *v){
  if( sqlite3_value_type(v)!=SQLITE_TEXT ) return 0;
  const char *text = (const char *)sqlite3_value_text(v);
  return text && ortto_text_is_exact(text, (size_t)sqlite3_value_bytes(v));
}

/* For the log: why more rows are asked for than match. */
static const char unasked_empty[] =
  "ortto: more rows were asked for than match, since Ortto cannot be asked for an empty text";
static const char unasked_other[] =
  "ortto: more rows were asked for than match, since Ortto cannot be asked for one of the values: a number, "
  "or a text that it may read in another way";

static void unasked_note(scan_setup *q, sqlite3_value *v){
  int empty = sqlite3_value_type(v)==SQLITE_TEXT && sqlite3_value_bytes(v)==0;
  q->query.note = empty ? unasked_empty : unasked_other;
}

/* NULL equals nothing, and no column holds a BLOB. */
static int matches_nothing(sqlite3_value *v){
  return sqlite3_value_type(v)==SQLITE_NULL || sqlite3_value_type(v)==SQLITE_BLOB;
}

/* The column equals the value: not used for a real number beside TEXT (match_key.h). */
static void probe_add(scan_setup *q, int column, sqlite3_value *v){
  int field = column_field(q->t, column);
  if( q->probes==PROBES_MAX || field<0 ) return;
  int is_text = strcmp(ortto_type_sql(q->t->fields->field[field].type), "TEXT")==0;
  if( is_text && sqlite3_value_type(v)==SQLITE_FLOAT ) return;
  q->probe[q->probes++] = (probe){ column, v };
}

static int local_equals_add(scan_setup *q, int column, char token, sqlite3_value *v){
  int is_null = sqlite3_value_type(v)==SQLITE_NULL;
  if( matches_nothing(v) && !(is_null && token=='y') ) q->nothing = 1;
  else if( token!='X' ) probe_add(q, column, v);
  return SQLITE_OK;
}

/* What the plan calls e and s comes from a row outside, E and S from the statement itself. */
static int equals_add(scan_setup *q, int column, char token, sqlite3_value *v){
  int is_null = sqlite3_value_type(v)==SQLITE_NULL, may_be_null = token=='s' || token=='S';
  int key = token=='e' || token=='s';
  if( matches_nothing(v) && !(is_null && may_be_null) ){
    q->nothing = 1;
    return SQLITE_OK;
  }
  probe_add(q, column, v);
  if( is_null ) presence_add(q, column, ORTTO_HAS_NO_VALUE, key);
  if( is_null ) return SQLITE_OK;
  if( !is_exact_text(v) ){
    unasked_note(q, v);
    return SQLITE_OK;
  }
  const char *text = (const char *)sqlite3_value_text(v);
  condition_new(q, column, ORTTO_IS, key)->count = 1;
  question_text(part_of(q, key, 'e', column), text, (size_t)sqlite3_value_bytes(v));
  return list_add(q, text);
}

/* Is asking for that many values cheaper than the whole list? A request takes 100 values; a page, 500. */
static int few_values(const scan_setup *q, int count){
  int64_t total = q->t->conn->total[q->t->kind];
  return count<=100 || total==0 || count/100 < total/500;
}

/* A list of texts is pushed whole or not at all: for one that cannot be asked for all rows are needed. */
static int values_add(scan_setup *q, int column, sqlite3_value *list){
  sqlite3_value *v;
  int rc = SQLITE_OK, from = q->listed, whole = 1;
  int step = sqlite3_vtab_in_first(list, &v);
  for(; rc==SQLITE_OK && step==SQLITE_OK; step=sqlite3_vtab_in_next(list, &v)){
    if( matches_nothing(v) || !whole ) continue;
    whole = is_exact_text(v) && q->listed-from<LIST_MAX;
    if( !is_exact_text(v) ) unasked_note(q, v);
    if( whole ) rc = list_add(q, (const char *)sqlite3_value_text(v));
  }
  if( rc!=SQLITE_OK ) return rc;
  if( step!=SQLITE_DONE ) return step;
  int count = q->listed - from;
  if( whole && count==0 ) q->nothing = 1;
  if( whole && count>0 && few_values(q, count) ){
    condition_new(q, column, ORTTO_IS, 1)->count = count;
    q->placed[q->conditions-1].from = from;
    question *at = part_of(q, 1, 'i', column);
    for(int i=from; i<q->listed; i++) question_text(at, q->list[i], strlen(q->list[i]));
  }
  return SQLITE_OK;
}

static int ids_given(scan_setup *q, int rc){
  question *at = part_of(q, 1, 'k', 0);
  for(int i=0; i<q->listed; i++) question_text(at, q->list[i], strlen(q->list[i]));
  q->query.by_ids = 1;
  q->nothing |= q->listed==0;
  return rc;
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

static int names_given(scan_setup *q, int rc){
  question *at = part_of(q, 1, 'm', 0);
  for(int i=0; i<q->audiences; i++) question_text(at, q->named[i], strlen(q->named[i]));
  q->by_names = 1;
  q->nothing |= q->audiences==0;
  return rc;
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
static int hidden_text(scan_setup *q, int which, sqlite3_value *ours){
  const char *name = ortto_hidden_column(q->t->kind, which);
  const char *text = (const char *)sqlite3_value_text(ours);
  size_t n = (size_t)sqlite3_value_bytes(ours);
  if( text==NULL ) return SQLITE_NOMEM;
  question_text(part_of(q, 0, 'h', which), text, n);
  if( strlen(text)!=n ) return vt_error(q->t, "ortto: %s cannot hold a NUL character", name);
  return hidden_set(q, name, text, n);
}

static int hidden_add(scan_setup *q, int which, sqlite3_value *v){
  sqlite3_value *copy = sqlite3_value_dup(v);
  q->given[which] = copy;
  if( copy==NULL ) return SQLITE_NOMEM;
  if( sqlite3_value_type(v)!=SQLITE_NULL ) return hidden_text(q, which, copy);
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
  return hidden_text(q, which, grown[q->several_count++]);
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

static void hints_set(scan_setup *q, int column, sqlite3_value *list){
  q->hints = list;
  q->hints_column = column;
}

/* One token of the plan; all but z, d, t, n and v take an argument. */
static int setup_token(scan_setup *q, char token, int column, sqlite3_value **argv, int *arg){
  switch( token ){
    case 'z': q->exact = 1; return SQLITE_OK;
    case 't': return hidden_twice(q->t, column);
    case 'd': q->dependent = 1; return SQLITE_OK;
    case 'n': presence_add(q, column, ORTTO_HAS_NO_VALUE, 0); return SQLITE_OK;
    case 'v': presence_add(q, column, ORTTO_HAS_VALUE, 0); return SQLITE_OK;
    default: break;
  }
  sqlite3_value *v = argv[(*arg)++];
  switch( token ){
    case 'h': return hidden_add(q, column-1, v);
    case 'H': return hidden_list_add(q, column-1, v);
    case 'k': probe_add(q, 0, v); return ids_given(q, id_add(q, v));
    case 'p': return ids_given(q, id_add(q, v));
    case 'K': case 'P': return ids_given(q, ids_add(q, v));
    case 'm': return names_given(q, name_add(q, v));
    case 'M': return names_given(q, names_add(q, v));
    case 'e': case 's': case 'E': case 'S': return equals_add(q, column, token, v);
    case 'i': return values_add(q, column, v);
    case 'b': hints_set(q, column, v); return SQLITE_OK;
    case 'x': case 'y': case 'X': return local_equals_add(q, column, token, v);
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
  q->placed = sqlite3_malloc64((strlen(p) + 1) * sizeof *q->placed);
  q->presence = sqlite3_malloc64((strlen(p) + 1) * sizeof *q->presence);
  if( q->condition==NULL || q->placed==NULL || q->presence==NULL ) return SQLITE_NOMEM;
  for(p=end; rc==SQLITE_OK && *p==' '; p=end){
    char token = p[1];
    long column = strtol(p+2, &end, 10);
    rc = setup_token(q, token, (int)column, argv, &arg);
  }
  return rc==SQLITE_OK && arg!=argc ? SQLITE_INTERNAL : rc;
}

/* What cannot be asked for together. */
static int setup_check(const scan_setup *q){
  table *t = q->t;
  if( q->query.archived && (q->query.filter || q->audiences) )
    return vt_error(t, "ortto: scope = 'archived' cannot be combined with %s: the server filters no archived "
                    "records. Use a WHERE on the columns", q->query.filter ? "filter" : "audience");
  if( t->kind==ORTTO_ACTIVITIES && !q->query.by_ids )
    return vt_error(t, "ortto: the activity feed belongs to a person: say WHERE person_id = '...' or "
                    "person_id IN (...), joined by AND to the rest");
  return SQLITE_OK;
}

/* Where the instance has the field. */
static int presences_ask(scan_setup *q){
  int rc = ORTTO_OK, listed;
  for(int i=0; rc==ORTTO_OK && i<q->presences; i++){
    const presence *p = &q->presence[i];
    rc = ortto_field_is_listed(q->endpoint, &q->t->fields->field[column_field(q->t, p->column)], &listed);
    if( rc==ORTTO_OK && listed ) condition_new(q, p->column, p->test, p->key);
  }
  q->presences = 0;
  return vt_fail(q->t, rc);
}

/* The audiences by their ids. */
static int audiences_ask(scan_setup *q){
  if( q->audiences==0 || q->audience || q->by_names ) return SQLITE_OK;
  q->audience = calloc((size_t)q->audiences, sizeof *q->audience);
  if( q->audience==NULL ) return SQLITE_NOMEM;
  q->query.audiences = (const char *const *)q->audience;
  q->query.audience_count = q->audiences;
  return vt_fail(q->t, ortto_audiences_find(q->endpoint, q->named, q->audiences, q->audience,
                                            q->known_audiences));
}

static void setup_limit(scan_setup *q){
  if( q->limit>0 && q->limit<LIMIT_MAX && q->offset<LIMIT_MAX )
    q->query.limit = q->limit + (q->offset>0 ? q->offset : 0);
}

/* What the table's own arguments ask for. */
static int steering_read(scan_setup *q){
  int rc = SQLITE_OK;
  for(int i=1; rc==SQLITE_OK && i<=q->t->hidden_columns; i++){
    const char *text = table_steered(q->t, i);
    if( text==NULL ) continue;
    question_text(part_of(q, 0, 'h', i-1), text, strlen(text));
    rc = hidden_set(q, ortto_hidden_column(q->t->kind, i-1), text, strlen(text));
  }
  return rc;
}

int setup_read(scan_setup *q, const char *plan, int argc, sqlite3_value **argv){
  q->list_asked = q->asked = question_new();
  q->query.table = q->t->kind;
  int rc = steering_read(q);
  if( rc==SQLITE_OK ) rc = tokens_read(q, plan, argc, argv);
  if( rc==SQLITE_OK ) rc = setup_check(q);
  question_add(&q->asked, &q->list_asked, sizeof q->list_asked);
  if( q->keys==0 ) q->asked = q->list_asked;
  setup_limit(q);
  return rc;
}

int setup_ask(scan_setup *q){
  int rc = account_connect(q->t, &q->endpoint);
  if( rc==SQLITE_OK ) rc = presences_ask(q);
  return rc==SQLITE_OK ? audiences_ask(q) : rc;
}

int setup_query(scan_setup *q, int whole, ortto_query *out){
  int ids = q->query.by_ids && !whole, count = 0;
  sqlite3_free(q->chosen);
  q->chosen = sqlite3_malloc64(((sqlite3_uint64)q->conditions + 1) * sizeof *q->chosen);
  if( q->chosen==NULL ) return SQLITE_NOMEM;
  for(int i=0; i<q->conditions; i++){
    if( whole && q->placed[i].key ) continue;
    q->chosen[count] = q->condition[i];
    q->chosen[count++].values = q->list ? (const char *const *)q->list + q->placed[i].from : NULL;
  }
  *out = q->query;
  out->conditions = q->chosen;
  out->condition_count = count;
  if( q->by_names ){
    out->audiences = whole ? NULL : q->named;
    out->audience_count = whole ? 0 : q->audiences;
  }
  out->by_ids = ids;
  out->ids = ids ? (const char *const *)q->list : NULL;
  out->id_count = ids ? q->listed : 0;
  return SQLITE_OK;
}

/* A plan by ids has no conditions. */
void setup_widen(scan_setup *q){
  q->keys = q->query.by_ids = 0;
  q->hints = NULL;
  q->asked = q->list_asked;
}

/* ---- several keys at once ---- */

question setup_key(const scan_setup *q, const char *text, size_t n){
  scan_setup one = { .asked = question_new() };
  question *at = part_of(&one, 1, q->query.by_ids ? 'k' : 'e', q->hints_column);
  question_text(at, text, n);
  question_add(at, &q->list_asked, sizeof q->list_asked);
  return *at;
}

int setup_hint(const scan_setup *q, sqlite3_int64 *at, sqlite3_value **hint){
  int step = *at ? sqlite3_vtab_in_next(q->hints, hint) : sqlite3_vtab_in_first(q->hints, hint);
  if( step==SQLITE_OK ) (*at)++;
  else *hint = NULL;
  return step==SQLITE_DONE ? SQLITE_OK : step;
}

int setup_can_be_key(const scan_setup *q, sqlite3_value *hint){
  if( !q->query.by_ids ) return is_exact_text(hint);
  const char *text = sqlite3_value_type(hint)==SQLITE_TEXT ? (const char *)sqlite3_value_text(hint) : NULL;
  return text && ortto_is_id(text, (size_t)sqlite3_value_bytes(hint));
}

/* The condition that is the key. */
static int key_condition(const scan_setup *q){
  int key = 0;
  while( !q->placed[key].key ) key++;
  return key;
}

int setup_may_be_key(const scan_setup *q, sqlite3_value *hint){
  int type = sqlite3_value_type(hint);
  if( type!=SQLITE_TEXT ) return type!=SQLITE_NULL;
  const char *key = q->list[q->query.by_ids ? 0 : q->placed[key_condition(q)].from];
  const char *text = (const char *)sqlite3_value_text(hint);
  size_t n = strlen(key);
  return text==NULL || ((size_t)sqlite3_value_bytes(hint)==n && memcmp(text, key, n)==0);
}

/* The values of one condition stand together: so its first key moves to the end. */
static int key_to_end(scan_setup *q, int condition){
  placed *at = &q->placed[condition];
  if( at->from + q->condition[condition].count==q->listed ) return SQLITE_OK;
  int rc = list_add(q, q->list[at->from]);
  if( rc==SQLITE_OK ) at->from = q->listed - 1;
  return rc;
}

int setup_add_key(scan_setup *q, const char *text){
  if( q->query.by_ids ) return list_add(q, text);
  int key = key_condition(q);
  int rc = key_to_end(q, key);
  if( rc==SQLITE_OK ) rc = list_add(q, text);
  if( rc==SQLITE_OK ) q->condition[key].count++;
  return rc;
}

void setup_free(scan_setup *q){
  for(int i=0; i<q->listed; i++) sqlite3_free(q->list[i]);
  sqlite3_free(q->list);
  sqlite3_free(q->condition);
  sqlite3_free(q->chosen);
  sqlite3_free(q->placed);
  sqlite3_free(q->presence);
  for(int i=0; i<q->several_count; i++) sqlite3_value_free(q->several[i]);
  sqlite3_free(q->several);
  sqlite3_free(q->named);
  for(int i=0; q->audience && i<q->audiences; i++) free(q->audience[i]);
  free(q->audience);
  ortto_endpoint_close(q->endpoint);
}
