/*
** field_names.c - see field_names.h.
*/
#include "field_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../text.h"
#include "../json.h"
#include "client.h"
#include "context.h"
#include "endpoint.h"
#include "request.h"
#include "schema.h"
#include "account.h"

/* Lower-cased, every run of what is neither a-z nor 0-9 one underscore. */
static char *snake(arena *a, const char *text){
  char *out = arena_text(a, text, strlen(text));
  size_t n = 0;
  for(const char *p=text; out && *p; p++){
    char c = *p>='A' && *p<='Z' ? (char)(*p + 32) : *p;
    if( (c>='a' && c<='z') || (c>='0' && c<='9') ) out[n++] = c;
    else if( n==0 || out[n-1]!='_' ) out[n++] = '_';
  }
  if( out ) out[n] = 0;
  return out;
}

static int taken(const text_map *names, const char *name){
  return map_get(names, name, strlen(name))!=-1;   /* -2: a name that is reserved */
}

/* How many fields of this group bear each name: in *counts, name to number. */
static int names_count(const listing *l, enum group group, text_map *counts){
  for(int i=0; i<l->count; i++) if( l->group[i]==group && l->field[i].column ){
    const char *name = l->field[i].column;
    int before = map_get(counts, name, strlen(name));
    if( !map_put(counts, name, strlen(name), before<0 ? 1 : before+1) ) return 0;
  }
  return 1;
}

static int is_shared(const text_map *taken_names, const text_map *counts, const char *name){
  return taken(taken_names, name) || map_get(counts, name, strlen(name))>1;
}

/* Those of the group whose names are shared or empty: type added (custom fields), else the id. */
static int names_part(listing *l, enum group group, const text_map *taken_names, int by_type){
  text_map counts = { 0 };
  int ok = names_count(l, group, &counts);
  for(int i=0; ok && i<l->count; i++){
    ortto_field *f = &l->field[i];
    if( l->group[i]!=group || !(is_shared(taken_names, &counts, f->column) || (!by_type && f->column[0]==0)) ) continue;
    size_t type = strcspn(f->id, ":");
    f->column = by_type ? arena_printf(l->memory, "%s_%.*s", f->column, (int)type, f->id) : f->id;
    if( f->column==NULL ) ok = 0;
  }
  map_free(&counts);
  return ok;
}

static int reserve_names(const listing *l, enum group group, text_map *taken_names){
  int ok = 1;
  for(int i=0; ok && i<l->count; i++)
    if( l->group[i]==group ) ok = map_put(taken_names, l->field[i].column, strlen(l->field[i].column), i);
  return ok;
}

static const char *name_first(listing *l, const ortto_field *f, enum group group, const text_map *taken_names){
  if( group!=CUSTOM ){
    if( schema_column(f->id) ) return schema_column(f->id);
    return snake(l->memory, f->name);
  }
  const char *last = strrchr(f->id, ':');
  char *name = snake(l->memory, last ? last+1 : f->id);
  return name && taken(taken_names, name) ? arena_printf(l->memory, "custom_%s", name) : name;
}

static int by_field_id(const void *a, const void *b){
  return strcmp((*(ortto_field *const *)a)->id, (*(ortto_field *const *)b)->id);
}

/* The fields of a group, sorted by id: pointers into the listing, to be freed. NULL when out of memory. */
static ortto_field **group_sorted(const listing *l, enum group group, int *count){
  ortto_field **sorted = malloc(((size_t)l->count + 1) * sizeof *sorted);
  *count = 0;
  if( sorted==NULL ) return NULL;
  for(int i=0; i<l->count; i++) if( l->group[i]==group ) sorted[(*count)++] = &l->field[i];
  qsort(sorted, (size_t)*count, sizeof *sorted, by_field_id);
  return sorted;
}

/* Names that no field's column may have. */
static int reserve_fixed_names(text_map *names, ortto_table table){
  int ok = map_put(names, "id", 2, -2) && map_put(names, "more_fields", 11, -2);
  const char *steering;
  for(int i=0; ok && (steering = ortto_hidden_column(table, i))!=NULL; i++) ok = map_put(names, steering, strlen(steering), -2);
  return ok;
}

/* Names that differ only in the case of letters would be one to SQLite: the later one gets underscores. */
static int names_unique(listing *l, ortto_table table){
  text_map names = { 0 };
  int ok = reserve_fixed_names(&names, table), n;
  for(int group=BUILT_IN; ok && group<=OTHER; group++){
    ortto_field **sorted = group_sorted(l, (enum group)group, &n);
    ok = sorted!=NULL;
    for(int i=0; ok && i<n; i++){
      ortto_field *f = sorted[i];
      char *fold = arena_text(l->memory, f->column, strlen(f->column));
      for(char *p=fold; p && *p; p++) if( *p>='A' && *p<='Z' ) *p = (char)(*p + 32);
      while( fold && f->column && taken(&names, fold) ){
        f->column = arena_printf(l->memory, "%s_", f->column);
        fold = arena_printf(l->memory, "%s_", fold);
      }
      ok = fold && f->column && map_put(&names, fold, strlen(fold), i);
    }
    free(sorted);
  }
  map_free(&names);
  return ok;
}

/* Names are given to built-in fields first, then to custom ones, then to the rest, so that none depends on what comes
** later: they are the same whatever is selected, and whatever order the server lists fields in. */
static int names_give(listing *l, ortto_table table, int by_ids){
  text_map names = { 0 };
  int ok = reserve_fixed_names(&names, table);
  for(int i=0; ok && i<l->count; i++) l->field[i].column = l->field[i].id;
  for(int group=BUILT_IN; ok && !by_ids && group<=OTHER; group++){
    for(int i=0; ok && i<l->count; i++) if( l->group[i]==group )
      ok = (l->field[i].column = name_first(l, &l->field[i], (enum group)group, &names))!=NULL;
    if( ok && group==CUSTOM ) ok = names_part(l, CUSTOM, &names, 1);
    if( ok && group!=BUILT_IN ) ok = names_part(l, (enum group)group, &names, 0);
    if( ok ) ok = reserve_names(l, (enum group)group, &names);
  }
  map_free(&names);
  return ok && names_unique(l, table);
}

typedef struct chosen {            /* indexes into a listing, in the order of the columns */
  int *at;
  int count;
} chosen;

static void chosen_add(chosen *c, int i){
  c->at[c->count++] = i;
}

/* The fields of a group that satisfy, sorted by id. 0 when out of memory. */
static int choose_sorted(const listing *l, enum group group, chosen *c){
  int n;
  ortto_field **sorted = group_sorted(l, group, &n);
  for(int i=0; i<n; i++) if( group==CUSTOM || has_value(sorted[i]) ) chosen_add(c, (int)(sorted[i] - l->field));
  free(sorted);
  return sorted!=NULL;
}

static int unknown_field(ortto_client *client, const listing *l, ortto_table table, const char *id){
  buf b = { 0 };
  size_t best = 65;
  const char *closest = "";
  chosen c = { calloc((size_t)l->count + 1, sizeof(int)), 0 };
  for(int i=0; i<l->count; i++){
    size_t d = edit_distance(id, l->field[i].id);
    if( strcmp(id, l->field[i].column)==0 ) d = 0;
    if( d<best ){ best = d; closest = l->field[i].id; }
  }
  if( c.at && choose_sorted(l, CUSTOM, &c) && choose_sorted(l, BUILT_IN, &c) )
    for(int i=0; i<c.count && b.n<600; i++) buf_printf(&b, "%s%s", i ? ", " : "", l->field[c.at[i]].id);
  set_error(client, "ortto: %s have no field '%.60s'; the closest is '%s'. The fields are %s%s (SELECT id FROM ortto_fields lists all)",
       ortto_table_name(table), id, closest, b.p ? b.p : "", b.n>=600 ? ", ..." : "");
  buf_free(&b);
  free(c.at);
  return ORTTO_ERROR;
}

static int choose_named(ortto_client *client, const listing *l, ortto_table table, const char *selection, chosen *c){
  static const char separators[] = " ,\t\r\n";
  int rc = ORTTO_OK;
  char *seen = calloc((size_t)l->count + 1, 1);
  for(const char *p=selection; seen && rc==ORTTO_OK; ){
    p += strspn(p, separators);
    size_t n = strcspn(p, separators);
    if( n==0 ) break;
    int i = map_get(&l->by_id, p, n);
    if( i<0 && !(n==2 && memcmp(p, "id", 2)==0) ){
      char id[80];
      snprintf(id, sizeof id, "%.*s", (int)(n<79 ? n : 79), p);
      rc = unknown_field(client, l, table, id);
    }else if( i>=0 && !seen[i] ){
      seen[i] = 1;
      chosen_add(c, i);
    }
    p += n;
  }
  if( seen==NULL ) rc = no_memory(client);
  free(seen);
  return rc;
}

enum selection { SELECT_STANDARD, SELECT_ALL, SELECT_EVERY, SELECT_NAMED };

static enum selection selection_of(const char *text){
  if( text==NULL || text[0]==0 || same_word(text, "standard") ) return SELECT_STANDARD;
  if( same_word(text, "all") ) return SELECT_ALL;
  return strcmp(text, "*")==0 ? SELECT_EVERY : SELECT_NAMED;   /* "*": what the table of fields shows */
}

static int choose(ortto_client *client, const listing *l, ortto_table table, const char *text, chosen *c){
  enum selection what = selection_of(text);
  if( what==SELECT_NAMED ) return choose_named(client, l, table, text, c);
  for(int i=0; i<l->count; i++) if( what==SELECT_EVERY || (l->group[i]==BUILT_IN && (what==SELECT_ALL || !l->field[i].hidden)) )
    chosen_add(c, i);
  if( what!=SELECT_EVERY && !choose_sorted(l, CUSTOM, c) ) return no_memory(client);
  if( what==SELECT_ALL && !choose_sorted(l, OTHER, c) ) return no_memory(client);
  return ORTTO_OK;
}

/* The listing becomes a list of columns, the id first. Takes the listing and its memory over. */
static int listing_finish(ortto_client *client, listing *l, ortto_table table, const char *selection, int by_ids,
                          ortto_field_list **out){
  int rc = ORTTO_OK;
  ortto_field_list *list = calloc(1, sizeof *list);
  ortto_field *field = calloc((size_t)l->count + 1, sizeof *field);
  chosen c = { calloc((size_t)l->count + 1, sizeof(int)), 0 };
  if( list==NULL || field==NULL || c.at==NULL || l->failed || !names_give(l, table, by_ids) ) rc = no_memory(client);
  if( rc==ORTTO_OK ) rc = choose(client, l, table, selection, &c);
  if( rc==ORTTO_OK ){
    field[0] = (ortto_field){ "id", "Id", "id", "id", NULL, ORTTO_TEXT, 1, 0, 0, 1, 1 };
    for(int i=0; i<c.count; i++) field[i+1] = l->field[c.at[i]];
  }
  free(c.at);
  listing_free(l);
  if( rc!=ORTTO_OK ){
    arena_free(l->memory);
    free(l->memory);
    free(field);
    free(list);
    return rc;
  }
  list->field = field;
  list->count = c.count + 1;
  list->memory = l->memory;
  *out = list;
  return ORTTO_OK;
}

void ortto_fields_free(ortto_field_list *list){
  if( list==NULL ) return;
  arena_free(list->memory);
  free(list->memory);
  free((void *)list->field);
  free(list);
}

uint64_t ortto_fields_identity(const ortto_field_list *list){
  uint64_t h = HASH_START;
  for(int i=0; i<list->count; i++){
    const ortto_field *f = &list->field[i];
    h = hash_bytes(h, f->id, strlen(f->id) + 1);
    h = hash_bytes(h, f->column, strlen(f->column) + 1);
    h = hash_bytes(h, ortto_type_sql(f->type), strlen(ortto_type_sql(f->type)) + 1);
  }
  return h;
}

int ortto_fields_builtin(ortto_client *client, ortto_table table, int by_ids, ortto_field_list **out){
  listing l;
  int rc = listing_begin(client, &l, table);
  return rc==ORTTO_OK ? listing_finish(client, &l, table, NULL, by_ids, out) : rc;
}

int ortto_fields_list(ortto_endpoint *e, ortto_table table, const char *selection, int by_ids, ortto_field_list **out){
  listing l;
  js answer;
  http_request *schema = NULL;
  *out = NULL;
  int rc = listing_begin(e->client, &l, table);
  if( rc!=ORTTO_OK ) return rc;
  http_request *custom = request_new(e, "POST", definitions_path(table), text_copy("{}"), REQUEST_READ,
                          table==ORTTO_PEOPLE ? "listing the fields of people" : "listing the fields of accounts");
  if( selection_of(selection)!=SELECT_STANDARD )
    schema = request_new(e, "POST", "/v1/instance-schema/get", text_copy("{\"namespaces\":[]}"), REQUEST_READ, "reading the instance schema");
  if( custom==NULL || (schema==NULL && selection_of(selection)!=SELECT_STANDARD) ) rc = ORTTO_NOMEM;
  if( rc==ORTTO_OK ) rc = request_wait(custom);
  if( rc==ORTTO_OK ) rc = answer_json(custom, &answer);
  if( rc==ORTTO_OK ) rc = listing_custom(&l, custom, answer);
  if( rc==ORTTO_OK && schema ) rc = parse_schema(e, table, schema, &l);
  request_drop(custom);
  request_drop(schema);
  if( rc==ORTTO_OK ) return listing_finish(e->client, &l, table, selection, by_ids, out);
  listing_free(&l);
  arena_free(l.memory);
  free(l.memory);
  return rc;
}
