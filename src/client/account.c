/*
** account.c - see account.h.
*/
#include "account.h"

#include <stdlib.h>
#include <string.h>

#include "../os.h"
#include "context.h"
#include "request.h"
#include "schema.h"

enum { PEOPLE, ACCOUNTS, SCHEMA, PARTS };   /* the first two as in ortto_table */

/* Lists grow by so many at a time. */
#define GROWTH 128

/* The list with room for one more; NULL when out of memory, and then it is as it was. */
static void *grown(void *list, int count, size_t size){
  return count%GROWTH ? list : realloc(list, ((size_t)count + GROWTH) * size);
}

/* ---- fields ------------------------------------------------------------------------------------------- */

static void definitions_free(definitions *d){
  free(d->field);
  arena_free(&d->memory);
  *d = (definitions){ 0 };
}

/* The select's choices; 0 when out of memory. */
static int choices_read(arena *memory, js list, const char **choices){
  size_t n;
  *choices = NULL;
  if( js_type(list)!='[' ) return 1;
  const char *text = text_clean(memory, list.p, list.n, 0, &n);
  if( text ) *choices = arena_text(memory, text, n);
  return *choices!=NULL;
}

/* 0 when out of memory. */
static int definition_add(definitions *d, js definition, int custom){
  const char *choices;
  char *id = js_cstring(&d->memory, js_get(definition, "id"));
  char *name = js_cstring(&d->memory, js_get(definition, "name"));
  char *display_type = js_cstring(&d->memory, js_get(definition, "display_type"));
  if( id==NULL || name==NULL || display_type==NULL ) return 0;
  if( id[0]==0 || strcmp(id, "id")==0 ) return 1;
  if( !choices_read(&d->memory, js_get(definition, "dic_items"), &choices) ) return 0;
  ortto_field *list = grown(d->field, d->count, sizeof *list);
  if( list==NULL ) return 0;
  d->field = list;
  d->field[d->count++] = (ortto_field){
    .id = id, .name = name, .display_type = display_type, .choices = choices,
    .type = type_of(id, display_type),
    .read_only = js_true(js_get(definition, "read_only")) ? 1 : 0,
    .hidden = js_true(js_get(definition, "hidden")) ? 1 : 0,
    .custom = custom ? 1 : 0, .listed = 1,
  };
  return 1;
}

static int by_definition(const void *a, const void *b){
  const ortto_field *one = a, *other = b;
  int order = strcmp(one->id, other->id);
  if( order==0 ) order = strcmp(one->name, other->name);
  return order ? order : strcmp(one->display_type, other->display_type);
}

/* People's definitions are wrapped, accounts' are flat [recorded]; `fields` is null when there are none. They
** come in another order each time [recorded]: nothing that is shown may follow it. */
static int custom_read(definitions *d, http_request *r, js answer){
  js fields = js_get(answer, "fields"), item;
  if( js_type(fields)=='n' && fields.p ) return ORTTO_OK;
  if( js_type(fields)!='[' ) return bad_answer(r, "has no list \"fields\"");
  js_iter it = js_in(fields);
  while( js_next(&it, NULL, &item) ){
    js inner = js_get(item, "field");
    if( js_type(inner)=='{' ) item = inner;
    if( js_type(js_get(item, "id"))!='"' || js_get(item, "id").n<=2 )
      return bad_answer(r, "has a definition without an id");
    if( !definition_add(d, item, 1) ) return no_memory(r->endpoint->context);
  }
  if( d->count ) qsort(d->field, (size_t)d->count, sizeof *d->field, by_definition);
  return ORTTO_OK;
}

/* ---- the instance schema ------------------------------------------------------------------------------ */

static void types_free(activity_types *types){
  for(int i=0; i<types->count; i++) free(types->type[i].attribute);
  free(types->type);
}

static void schema_free(instance_schema *s){
  types_free(&s->activities);
  types_free(&s->of_accounts);
  for(int i=0; i<2; i++) definitions_free(&s->listed[i]);
  *s = (instance_schema){ 0 };
}

static int attributes_read(activity_type *t, js list, arena *memory){
  js item;
  if( js_type(list)!='[' ) return 1;
  t->attribute = calloc((size_t)count_elements(list) + 1, sizeof *t->attribute);
  if( t->attribute==NULL ) return 0;
  js_iter it = js_in(list);
  while( js_next(&it, NULL, &item) ){
    js id = js_get(item, "id");
    ortto_field *f = &t->attribute[t->attributes++];
    f->id = js_cstring(memory, id.p ? id : js_get(item, "field_id"));
    f->name = js_cstring(memory, js_get(item, "name"));
    f->display_type = js_cstring(memory, js_get(item, "display_type"));
    if( f->id==NULL || f->name==NULL || f->display_type==NULL ) return 0;
    f->column = folded(memory, f->name, strlen(f->name));
    f->type = type_of(f->id, f->display_type);
    if( f->column==NULL ) return 0;
  }
  return 1;
}

/* 0 when out of memory. */
static int activity_add(activity_types *types, js definition, const char *space, arena *memory){
  activity_type *list = grown(types->type, types->count, sizeof *list);
  if( list==NULL ) return 0;
  types->type = list;
  activity_type *t = &list[types->count++];
  memset(t, 0, sizeof *t);
  t->space = space;
  t->id = js_cstring(memory, js_get(definition, "id"));
  t->name = js_cstring(memory, js_get(definition, "name"));
  t->fold = t->name ? folded(memory, t->name, strlen(t->name)) : NULL;
  return t->id && t->fold && attributes_read(t, js_get(definition, "attributes"), memory);
}

static int is_activity(js definition){
  js id = js_get(definition, "id");
  return js_type(id)=='"' && id.n>5 && memcmp(id.p+1, "act:", 4)==0;
}

static int is_of_accounts(js id, js space){
  return js_is(id, "o") || js_is(id, "oc") || js_true(js_get(space, "org"));
}

/* One namespace: its activities and its fields. 0 when out of memory. */
static int namespace_read(instance_schema *s, js id, js space){
  js fields = js_get(space, "fields"), key, definition;
  if( js_type(fields)!='{' ) return 1;
  definitions *listed = &s->listed[is_of_accounts(id, space) ? ACCOUNTS : PEOPLE];
  arena *memory = &s->listed[PEOPLE].memory;
  int custom = js_is(id, "cm") || js_is(id, "oc"), sendable = !js_is(id, "o") && !js_is(id, "oc");
  size_t n;
  const char *plain = text_clean(memory, id.p, id.n, 1, &n);
  const char *name = plain ? arena_text(memory, plain, n) : NULL;
  int ok = name!=NULL;
  js_iter it = js_in(fields);
  while( ok && js_next(&it, &key, &definition) ){
    if( is_activity(definition) )
      ok = activity_add(sendable ? &s->activities : &s->of_accounts, definition, name, memory);
    else if( js_type(definition)=='{' ) ok = definition_add(listed, definition, custom);
  }
  return ok;
}

static int schema_read(instance_schema *s, http_request *r, js answer){
  js spaces = js_get(answer, "namespaces"), id, space;
  if( js_type(spaces)!='{' ) return bad_answer(r, "has no object \"namespaces\"");
  js_iter it = js_in(spaces);
  while( js_next(&it, &id, &space) )
    if( !namespace_read(s, id, space) ) return no_memory(r->endpoint->context);
  return ORTTO_OK;
}

/* ---- asking ------------------------------------------------------------------------------------------- */

/* The rule of renewal: see account.h. */
static int must_ask(const account *a, int part, int64_t since){
  return a->asked[part]==0 || a->asked[part]<since;
}

static http_request *part_ask(ortto_endpoint *e, int part, int parts){
  static const char schema_path[] = "/v1/instance-schema/get";
  if( part==PEOPLE || part==ACCOUNTS )
    return request_new(e, "POST", definitions_path((ortto_table)part), text_copy("{}"), REQUEST_READ,
                       part==PEOPLE ? "listing the fields of people" : "listing the fields of accounts");
  return request_new(e, "POST", schema_path, text_copy("{\"namespaces\":[]}"), REQUEST_READ,
                     parts & ACCOUNT_ACTIVITIES ? "reading the activities' definitions"
                                                : "reading the instance schema");
}

/* Waits for a part, and puts it into the place of what was known of it. */
static int part_take(account *a, int part, http_request *r, int64_t asked){
  js answer;
  definitions custom = { 0 };
  instance_schema schema = { 0 };
  int rc = request_wait(r);
  if( rc==ORTTO_OK ) rc = answer_json(r, &answer);
  if( rc==ORTTO_OK ) rc = part==SCHEMA ? schema_read(&schema, r, answer) : custom_read(&custom, r, answer);
  if( rc==ORTTO_OK && part==SCHEMA ){
    schema_free(&a->schema);
    a->schema = schema;
  }else if( rc==ORTTO_OK ){
    definitions_free(&a->custom[part]);
    a->custom[part] = custom;
  }else{
    schema_free(&schema);
    definitions_free(&custom);
  }
  if( rc==ORTTO_OK ) a->asked[part] = asked;
  if( rc==ORTTO_OK && part==SCHEMA ) a->schema_failed = 0;
  return rc;
}

int account_have(ortto_endpoint *e, int parts, int64_t since){
  account *a = e->account;
  http_request *asked[PARTS] = { NULL };
  int wanted[PARTS] = { parts & ACCOUNT_PEOPLE, parts & ACCOUNT_ACCOUNTS,
                        parts & (ACCOUNT_SCHEMA|ACCOUNT_ACTIVITIES) };
  int rc = ORTTO_OK;
  int64_t now = now_us();
  for(int i=0; rc==ORTTO_OK && i<PARTS; i++){
    if( !wanted[i] || !must_ask(a, i, since) ) continue;
    asked[i] = part_ask(e, i, parts);
    if( asked[i]==NULL ) rc = ORTTO_NOMEM;
  }
  for(int i=0; rc==ORTTO_OK && i<PARTS; i++) if( asked[i] ) rc = part_take(a, i, asked[i], now);
  for(int i=0; i<PARTS; i++) request_drop(asked[i]);
  return rc;
}

int account_is_new(const account *a, int part, int64_t since){
  if( part==ACCOUNT_PEOPLE ) return !must_ask(a, PEOPLE, since);
  return !must_ask(a, part==ACCOUNT_ACCOUNTS ? ACCOUNTS : SCHEMA, since);
}

static int is_built_in(const ortto_field *field, ortto_table table){
  int n;
  const built_in *b = schema_built_in(table, &n);
  for(int i=0; i<n; i++) if( strcmp(b[i].id, field->id)==0 ) return 1;
  return 0;
}

int ortto_field_is_listed(ortto_endpoint *e, const ortto_field *field, int *listed){
  account *a = e->account;
  *listed = field->listed;
  if( field->listed ) return ORTTO_OK;
  int table = is_built_in(field, ORTTO_PEOPLE) ? PEOPLE : ACCOUNTS;
  if( table==ACCOUNTS && !is_built_in(field, ORTTO_ACCOUNTS) ) return ORTTO_OK;
  int rc = a->schema_failed ? ORTTO_OK : account_have(e, ACCOUNT_SCHEMA, ORTTO_KNOWN);
  if( rc==ORTTO_ERROR ){                         /* then nothing counts as listed: conditions stay local */
    a->schema_failed = 1;
    rc = ORTTO_OK;
  }
  const definitions *known = &a->schema.listed[table];
  for(int i=0; rc==ORTTO_OK && i<known->count && !*listed; i++)
    *listed = strcmp(known->field[i].id, field->id)==0;
  return rc;
}

/* ---- activities, audiences ---------------------------------------------------------------------------- */

const char *closest_activity(const activity_types *types, const char *name){
  closest c = closest_to(name);
  for(int i=0; i<types->count; i++) closest_offer(&c, types->type[i].name, types->type[i].name);
  return c.found;
}

const char *audience_known(const account *a, const char *name){
  for(int i=0; i<a->audiences; i++) if( strcmp(a->audience[i].name, name)==0 ) return a->audience[i].id;
  return NULL;
}

void audience_remember(account *a, const char *name, const char *id){
  known_audience one = { text_copy(name), text_copy(id) };
  known_audience *list = grown(a->audience, a->audiences, sizeof *list);
  if( list ) a->audience = list;
  if( list && one.name && one.id ) list[a->audiences++] = one;
  else{
    free(one.name);
    free(one.id);
  }
}

const recent_call *recent_find(const account *a, uint64_t hash, int64_t now){
  for(int i=0; i<RECENT_CALLS; i++){
    const recent_call *c = &a->recent[i];
    if( c->at && c->hash==hash && now - c->at <= RECENT_FOR ) return c;
  }
  return NULL;
}

void recent_put(account *a, const recent_call *call){
  int place = 0;
  for(int i=0; i<RECENT_CALLS; i++){
    if( a->recent[i].hash==call->hash ){
      place = i;
      break;
    }
    if( a->recent[i].at<a->recent[place].at ) place = i;
  }
  a->recent[place] = *call;
}

/* ---- the records of a client -------------------------------------------------------------------------- */

static void account_free(account *a){
  for(int i=0; i<2; i++) definitions_free(&a->custom[i]);
  schema_free(&a->schema);
  for(int i=0; i<a->audiences; i++){
    free(a->audience[i].name);
    free(a->audience[i].id);
  }
  free(a->audience);
  free(a);
}

void accounts_free(accounts *all){
  while( all->first ){
    account *a = all->first;
    all->first = a->next;
    account_free(a);
  }
}

/* Those that were not used for the longest time go, but none that is held. */
static void accounts_limit(accounts *all){
  int kept = 0;
  for(account **at=&all->first; *at; ){
    account *a = *at;
    if( kept<ACCOUNTS_MAX || a->holders ){
      kept++;
      at = &a->next;
      continue;
    }
    *at = a->next;
    account_free(a);
  }
}

static void account_release(account *a){
  a->holders--;
}

int account_open(accounts *all, ortto_endpoint *e){
  account **at = &all->first;
  while( *at && (*at)->identity!=e->identity ) at = &(*at)->next;
  account *a = *at;
  if( a ) *at = a->next;
  else{
    a = calloc(1, sizeof *a);
    if( a==NULL ) return 0;
    a->identity = e->identity;
    a->activities = &a->schema.activities;
  }
  a->next = all->first;
  all->first = a;
  a->holders++;
  e->account = a;
  e->account_release = account_release;
  accounts_limit(all);
  return 1;
}
