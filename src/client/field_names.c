/*
** field_names.c - see field_names.h.
*/
#include "field_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../text.h"
#include "account.h"
#include "schema.h"

enum group { BUILT_IN, CUSTOM, OTHER };   /* the order in which column names are given away */

/* The fields of a table on their way to a list. The strings of what the account knows are copied, since it
** may be asked anew while the list lives. */
typedef struct listing {
  ortto_field *field;
  unsigned char *group;
  int count, cap, failed;          /* failed: out of memory */
  arena *memory;
  text_map by_id;
} listing;

static int listing_room(listing *l){
  if( l->count<l->cap ) return 1;
  int cap = l->cap ? l->cap*2 : 128;
  ortto_field *field = realloc(l->field, (size_t)cap * sizeof *field);
  if( field ) l->field = field;
  unsigned char *group = field ? realloc(l->group, (size_t)cap) : NULL;
  if( group ){
    l->group = group;
    l->cap = cap;
  }
  return group!=NULL;
}

/* The field of that id in the list: this one, or the one that is there. NULL when out of memory. */
static ortto_field *listing_add(listing *l, ortto_field f, enum group group){
  int at = map_get(&l->by_id, f.id, strlen(f.id));
  if( at>=0 ) return &l->field[at];
  if( !listing_room(l) || !map_put(&l->by_id, f.id, strlen(f.id), l->count) ){
    l->failed = 1;
    return NULL;
  }
  l->field[l->count] = f;
  l->group[l->count] = (unsigned char)group;
  return &l->field[l->count++];
}

static void listing_add_built_in(listing *l, const built_in *b){
  ortto_field f = {
    .id = b->id, .name = b->name, .display_type = b->display_type, .type = type_of(b->id, b->display_type),
    .read_only = b->read_only!=0 || schema_column(b->id)!=NULL,   /* all three of those are */
    .hidden = b->hidden!=0,
  };
  listing_add(l, f, has_value(&f) ? BUILT_IN : OTHER);
}

static void listing_built_in(listing *l, ortto_table table){
  int n;
  const built_in *b = schema_built_in(table, &n);
  for(int i=0; i<schema_leading_count(); i++)
    for(int k=0; k<n; k++) if( strcmp(b[k].id, schema_leading(i))==0 ) listing_add_built_in(l, &b[k]);
  for(int i=0; i<n; i++) listing_add_built_in(l, &b[i]);
  if( table!=ORTTO_PEOPLE ) return;               /* tags: names; not in the schema, but answered */
  ortto_field tags = { .id = "tags", .name = "Tags", .display_type = "tags", .type = ORTTO_JSON };
  listing_add(l, tags, BUILT_IN);
}

static const char *copied(listing *l, const char *text){
  return text ? arena_text(l->memory, text, strlen(text)) : NULL;
}

/* What the account knows beyond that; of fields that are there already only that the server lists them. */
static void listing_definitions(listing *l, const definitions *d){
  for(int i=0; i<d->count && !l->failed; i++){
    ortto_field f = d->field[i];
    int at = map_get(&l->by_id, f.id, strlen(f.id));
    if( at>=0 && l->field ){
      l->field[at].listed = 1;
      continue;
    }
    f.id = copied(l, f.id);
    f.name = copied(l, f.name);
    f.display_type = copied(l, f.display_type);
    f.choices = copied(l, f.choices);
    l->failed = f.id==NULL || f.name==NULL || f.display_type==NULL
             || (f.choices==NULL && d->field[i].choices);
    if( !l->failed ) listing_add(l, f, f.custom ? CUSTOM : OTHER);
  }
}

static int listing_begin(context *ctx, listing *l, ortto_table table){
  memset(l, 0, sizeof *l);
  l->memory = calloc(1, sizeof *l->memory);
  if( l->memory==NULL ) return no_memory(ctx);
  listing_built_in(l, table);
  return ORTTO_OK;
}

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
    int nameless = !by_type && f->column[0]==0;
    if( l->group[i]!=group || !(nameless || is_shared(taken_names, &counts, f->column)) ) continue;
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

static const char *name_first(const listing *l, const ortto_field *f, enum group group,
                              const text_map *taken_names){
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
  int ok = map_put(names, "id", 2, -2) && map_put(names, "more_fields", 11, -2)
        && map_put(names, "_rowid_", 7, -2), i = 0;
  const char *hidden = ortto_hidden_column(table, i);
  for(; ok && hidden; hidden = ortto_hidden_column(table, ++i))
    ok = map_put(names, hidden, strlen(hidden), -2);
  return ok;
}

#define UNDERSCORES_MAX 8

/* A name that differs from all before it: with an underscore for each try, from the ninth on with a number,
** so that thousands stay short. NULL when out of memory. */
static const char *name_apart(listing *l, const char *name, int tries){
  static const char underscores[] = "________";
  if( tries<=UNDERSCORES_MAX ) return arena_printf(l->memory, "%s%.*s", name, tries, underscores);
  return arena_printf(l->memory, "%s_%d", name, tries);
}

static char *lower_case(arena *a, const char *text){
  char *fold = text ? arena_text(a, text, strlen(text)) : NULL;
  for(char *p=fold; p && *p; p++) if( *p>='A' && *p<='Z' ) *p = (char)(*p + 32);
  return fold;
}

/* The name that the field gets, and *fold, its lower case. tried: how many of a fold were given away, so that
** the next does not try these again. 0 when out of memory. */
static int name_separate(listing *l, ortto_field *f, text_map *names, text_map *tried, const char **fold){
  const char *name = f->column, *base = lower_case(l->memory, name);
  int tries = base ? map_get(tried, base, strlen(base)) : 0;
  *fold = base;
  for(tries = tries<0 ? 0 : tries; *fold && f->column && taken(names, *fold); ){
    f->column = name_apart(l, name, ++tries);
    *fold = name_apart(l, base, tries);
  }
  return *fold && f->column && (tries==0 || map_put(tried, base, strlen(base), tries));
}

/* Names that differ only in the case of letters would be one to SQLite: the later ones get something more. */
static int names_unique(listing *l, ortto_table table){
  text_map names = { 0 }, tried = { 0 };
  int ok = reserve_fixed_names(&names, table), n;
  for(int group=BUILT_IN; ok && group<=OTHER; group++){
    ortto_field **sorted = group_sorted(l, (enum group)group, &n);
    ok = sorted!=NULL;
    for(int i=0; ok && i<n; i++){
      const char *fold;
      ok = name_separate(l, sorted[i], &names, &tried, &fold) && map_put(&names, fold, strlen(fold), i);
    }
    free(sorted);
  }
  map_free(&names);
  map_free(&tried);
  return ok;
}

/* Names are given to built-in fields first, then to custom ones, then to the rest, so that none depends on
** what comes later: they are the same whatever is selected, and whatever order the server lists fields in. */
static int names_give(listing *l, ortto_table table, int by_ids){
  text_map names = { 0 };
  int ok = reserve_fixed_names(&names, table);
  for(int i=0; ok && i<l->count; i++) l->field[i].column = l->field[i].id;
  for(int group=BUILT_IN; ok && !by_ids && group<=OTHER; group++){
    for(int i=0; ok && i<l->count; i++) if( l->group[i]==group ){
      l->field[i].column = name_first(l, &l->field[i], (enum group)group, &names);
      ok = l->field[i].column!=NULL;
    }
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
  for(int i=0; i<n; i++)
    if( group==CUSTOM || has_value(sorted[i]) ) chosen_add(c, (int)(sorted[i] - l->field));
  free(sorted);
  return sorted!=NULL;
}

static int unknown_field(context *ctx, const listing *l, ortto_table table, const char *id){
  buf b = { 0 };
  closest near = closest_to(id);
  chosen c = { calloc((size_t)l->count + 1, sizeof(int)), 0 };
  for(int i=0; i<l->count; i++){
    closest_offer(&near, l->field[i].id, l->field[i].id);
    closest_offer(&near, l->field[i].column, l->field[i].column);
  }
  if( c.at && choose_sorted(l, CUSTOM, &c) && choose_sorted(l, BUILT_IN, &c) )
    for(int i=0; i<c.count && b.n<600; i++) buf_printf(&b, "%s%s", i ? ", " : "", l->field[c.at[i]].id);
  set_error(ctx, "ortto: %s have no field '%.60s'; the closest is '%s'. The fields are %s%s "
            "(SELECT id FROM ortto_fields lists all)",
            ortto_table_name(table), id, near.found, b.p ? b.p : "", b.n>=600 ? ", ..." : "");
  buf_free(&b);
  free(c.at);
  return ORTTO_ERROR;
}

static const char selection_separators[] = " ,\t\r\n";

/* By its id, else by its column's name; -1: there is none. */
static int field_named(const listing *l, const char *text, size_t n){
  int at = map_get(&l->by_id, text, n);
  const char *name = at<0 ? arena_text(l->memory, text, n) : NULL;
  for(int i=0; name && at<0 && i<l->count; i++) if( same_word(l->field[i].column, name) ) at = i;
  return at;
}

/* It is always there, first. */
static int is_the_id(const char *text, size_t n){
  return n==2 && (text[0]=='i' || text[0]=='I') && (text[1]=='d' || text[1]=='D');
}

static int choose_named(context *ctx, const listing *l, ortto_table table, const char *selection, chosen *c){
  int rc = ORTTO_OK;
  char *seen = calloc((size_t)l->count + 1, 1);
  for(const char *p=selection; seen && rc==ORTTO_OK; ){
    p += strspn(p, selection_separators);
    size_t n = strcspn(p, selection_separators);
    if( n==0 ) break;
    int i = field_named(l, p, n);
    if( i<0 && !is_the_id(p, n) ){
      char id[80];
      snprintf(id, sizeof id, "%.*s", (int)(n<79 ? n : 79), p);
      rc = unknown_field(ctx, l, table, id);
    }else if( i>=0 && !seen[i] ){
      seen[i] = 1;
      chosen_add(c, i);
    }
    p += n;
  }
  if( seen==NULL ) rc = no_memory(ctx);
  free(seen);
  return rc;
}

enum selection { SELECT_STANDARD, SELECT_ALL, SELECT_EVERY, SELECT_NAMED };

const char fields_every[1] = "";

static enum selection selection_of(const char *text){
  if( text==fields_every ) return SELECT_EVERY;
  if( text==NULL || text[0]==0 || same_word(text, "standard") ) return SELECT_STANDARD;
  return same_word(text, "all") ? SELECT_ALL : SELECT_NAMED;
}

static int choose(context *ctx, const listing *l, ortto_table table, const char *text, chosen *c){
  enum selection what = selection_of(text);
  if( what==SELECT_NAMED ) return choose_named(ctx, l, table, text, c);
  for(int i=0; i<l->count; i++){
    int is_built_in = l->group[i]==BUILT_IN && (what==SELECT_ALL || !l->field[i].hidden);
    if( what==SELECT_EVERY || is_built_in ) chosen_add(c, i);
  }
  if( what!=SELECT_EVERY && !choose_sorted(l, CUSTOM, c) ) return no_memory(ctx);
  if( what==SELECT_ALL && !choose_sorted(l, OTHER, c) ) return no_memory(ctx);
  return ORTTO_OK;
}

/* The chosen fields, the id first, as a list that owns the listing's memory. NULL when out of memory. */
static ortto_field_list *list_of(const listing *l, const chosen *c){
  ortto_field_list *list = calloc(1, sizeof *list);
  ortto_field *field = calloc((size_t)c->count + 1, sizeof *field);
  if( list==NULL || field==NULL ){
    free(list);
    free(field);
    return NULL;
  }
  field[0] = (ortto_field){ "id", "Id", "id", "id", NULL, ORTTO_TEXT, 1, 0, 0, 1, 1 };
  for(int i=0; l->field && i<c->count; i++) field[i+1] = l->field[c->at[i]];
  *list = (ortto_field_list){ field, c->count + 1, l->memory };
  return list;
}

/* The listing becomes a list of columns. Takes the listing and its memory over. */
static int listing_finish(context *ctx, listing *l, ortto_table table, const char *selection, int by_ids,
                          ortto_field_list **out){
  chosen c = { calloc((size_t)l->count + 1, sizeof(int)), 0 };
  int ok = c.at && !l->failed && names_give(l, table, by_ids);
  int rc = ok ? choose(ctx, l, table, selection, &c) : no_memory(ctx);
  *out = ok && rc==ORTTO_OK ? list_of(l, &c) : NULL;
  if( rc==ORTTO_OK && *out==NULL ) rc = no_memory(ctx);
  free(c.at);
  free(l->field);
  free(l->group);
  map_free(&l->by_id);
  if( rc!=ORTTO_OK ){
    arena_free(l->memory);
    free(l->memory);
  }
  return rc;
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

/* The built-in fields' columns are known; any other name is taken for a custom field's. */
static int is_built_in_column(const listing *l, const char *name){
  for(int i=0; i<l->count; i++){
    const char *column = l->group[i]==BUILT_IN ? name_first(l, &l->field[i], BUILT_IN, NULL) : NULL;
    if( column && same_word(column, name) ) return 1;
  }
  return 0;
}

/* A field of which only its id is known, or its column. */
static void listing_guess(listing *l, ortto_table table, const char *name){
  const char *space = table==ORTTO_PEOPLE ? "cm" : "oc", *id = name;
  if( map_get(&l->by_id, name, strlen(name))>=0 || strcmp(name, "id")==0 ) return;
  if( is_built_in_column(l, name) ) return;
  if( strchr(name, ':')==NULL ) id = arena_printf(l->memory, "str:%s:%s", space, name);
  if( id==NULL ){
    l->failed = 1;
    return;
  }
  int custom = strstr(id, ":cm:") || strstr(id, ":oc:");
  ortto_field f = { .id = id, .name = id, .display_type = "", .type = type_of(id, ""), .custom = custom!=0 };
  listing_add(l, f, custom ? CUSTOM : OTHER);
}

int fields_guessed(context *ctx, ortto_table table, const char *selection, int by_ids,
                   ortto_field_list **out){
  listing l;
  int named = selection_of(selection)==SELECT_NAMED;
  *out = NULL;
  int rc = listing_begin(ctx, &l, table);
  if( rc!=ORTTO_OK ) return rc;
  for(const char *p=selection; named && *p && !l.failed; ){
    p += strspn(p, selection_separators);
    size_t n = strcspn(p, selection_separators);
    const char *name = arena_text(l.memory, p, n);
    if( name==NULL ) l.failed = 1;
    else if( n ) listing_guess(&l, table, name);
    p += n;
  }
  return listing_finish(ctx, &l, table, named ? selection : NULL, by_ids, out);
}

int fields_known(ortto_endpoint *e, ortto_table table, const char *selection, int by_ids,
                 ortto_field_list **out){
  const account *a = e->account;
  listing l;
  *out = NULL;
  int rc = listing_begin(e->context, &l, table);
  if( rc!=ORTTO_OK ) return rc;
  listing_definitions(&l, &a->custom[table]);
  if( selection_of(selection)!=SELECT_STANDARD ) listing_definitions(&l, &a->schema.listed[table]);
  return listing_finish(e->context, &l, table, selection, by_ids, out);
}

/* The parts of the account that say which fields those are. */
static int parts_for(ortto_table table, const char *selection){
  int parts = table==ORTTO_PEOPLE ? ACCOUNT_PEOPLE : ACCOUNT_ACCOUNTS;
  return selection_of(selection)==SELECT_STANDARD ? parts : parts | ACCOUNT_SCHEMA;
}

int ortto_fields_list(ortto_endpoint *e, ortto_table table, const char *selection, int by_ids, int64_t since,
                      ortto_field_list **out){
  *out = NULL;
  int rc = account_have(e, parts_for(table, selection), since);
  return rc==ORTTO_OK ? fields_known(e, table, selection, by_ids, out) : rc;
}

int ortto_fields_are_known(const ortto_endpoint *e, ortto_table table, const char *selection, int64_t since){
  int parts = parts_for(table, selection);
  for(int part=ACCOUNT_PEOPLE; part<=ACCOUNT_SCHEMA; part*=2)
    if( (parts & part) && !account_is_new(e->account, part, since) ) return 0;
  return 1;
}

int ortto_known_renew(ortto_endpoint *e, ortto_table table, int64_t since){
  if( table==ORTTO_ACTIVITY_TYPES ) return account_have(e, ACCOUNT_ACTIVITIES, since);
  if( table!=ORTTO_FIELDS ) return ORTTO_OK;
  return account_have(e, ACCOUNT_PEOPLE | ACCOUNT_ACCOUNTS | ACCOUNT_SCHEMA, since);
}
