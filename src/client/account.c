/*
** account.c - see account.h.
*/
#include "account.h"

#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "schema.h"

/* The field of that id in the list: new, or the one that is there. NULL when out of memory. The strings must live as
** long as the list. */
static ortto_field *listing_add(listing *l, const char *id, const char *name, const char *display_type, enum group group){
  int at = map_get(&l->by_id, id, strlen(id));
  if( at>=0 ) return &l->field[at];
  if( l->count==l->cap ){
    int cap = l->cap ? l->cap*2 : 128;
    ortto_field *field = realloc(l->field, (size_t)cap * sizeof *field);
    if( field ) l->field = field;
    unsigned char *groups = field ? realloc(l->group, (size_t)cap) : NULL;
    if( groups ) l->group = groups;
    if( groups==NULL ){ l->failed = 1; return NULL; }
    l->cap = cap;
  }
  if( !map_put(&l->by_id, id, strlen(id), l->count) ){ l->failed = 1; return NULL; }
  ortto_field *f = &l->field[l->count];
  memset(f, 0, sizeof *f);
  f->id = id;
  f->name = name;
  f->display_type = display_type;
  f->type = type_of(id, display_type);
  l->group[l->count++] = (unsigned char)group;
  return f;
}

static void listing_built_in(listing *l, ortto_table table){
  int n;
  const built_in *b = schema_built_in(table, &n);
  for(int i=-schema_leading_count(); i<n; i++){
    const built_in *at = NULL;
    if( i>=0 ) at = &b[i];
    else for(int k=0; k<n && at==NULL; k++) if( strcmp(b[k].id, schema_leading(i+schema_leading_count()))==0 ) at = &b[k];
    ortto_field *f = at ? listing_add(l, at->id, at->name, at->display_type, BUILT_IN) : NULL;
    if( f==NULL ) continue;
    f->read_only = at->read_only!=0;
    f->hidden = at->hidden!=0;
    if( schema_column(f->id) ) f->read_only = 1;    /* all three are */
    if( !has_value(f) ) l->group[f - l->field] = OTHER;
  }
  if( table==ORTTO_PEOPLE ) listing_add(l, "tags", "Tags", "tags", BUILT_IN);   /* names; not in the schema, but answered */
}

/* One definition, of a custom-field list or of the instance schema. */
static void listing_definition(listing *l, js definition, enum group group){
  char *id = js_cstring(l->memory, js_get(definition, "id"));
  char *name = js_cstring(l->memory, js_get(definition, "name"));
  char *display_type = js_cstring(l->memory, js_get(definition, "display_type"));
  if( id==NULL || name==NULL || display_type==NULL ){ l->failed = 1; return; }
  if( id[0]==0 || strcmp(id, "id")==0 ) return;
  int before = l->count;
  ortto_field *f = listing_add(l, id, name, display_type, group);
  if( f==NULL ) return;
  f->listed = 1;
  if( l->count==before ) return;                 /* known: what we know of it stands in the tables above */
  f->custom = group==CUSTOM;
  f->read_only = js_true(js_get(definition, "read_only"));
  f->hidden = js_true(js_get(definition, "hidden"));
  js choices = js_get(definition, "dic_items");
  if( js_type(choices)=='[' ){
    size_t n;
    const char *text = text_clean(l->memory, choices.p, choices.n, 0, &n);
    f->choices = text ? arena_text(l->memory, text, n) : NULL;
    if( f->choices==NULL ) l->failed = 1;
  }
}

int listing_custom(listing *l, http_request *c, js answer){
  js fields = js_get(answer, "fields"), item;
  if( js_type(fields)=='n' && fields.p ) return ORTTO_OK;
  if( js_type(fields)!='[' ) return bad_answer(c, "has no list \"fields\"");
  js_iter it = js_in(fields);
  while( js_next(&it, NULL, &item) ){
    js inner = js_get(item, "field");
    listing_definition(l, js_type(inner)=='{' ? inner : item, CUSTOM);
  }
  return ORTTO_OK;
}

static int namespace_is_of(js id, js space, ortto_table table){
  int account = js_is(id, "o") || js_is(id, "oc") || js_true(js_get(space, "org"));
  return account==(table==ORTTO_ACCOUNTS);
}

static int listing_schema(listing *l, http_request *c, js answer, ortto_table table){
  js spaces = js_get(answer, "namespaces"), id, space;
  if( js_type(spaces)!='{' ) return bad_answer(c, "has no object \"namespaces\"");
  js_iter it = js_in(spaces);
  while( js_next(&it, &id, &space) ){
    js fields = js_get(space, "fields"), field_id, field;
    if( !namespace_is_of(id, space, table) || js_type(fields)!='{' ) continue;
    enum group group = js_is(id, "cm") || js_is(id, "oc") ? CUSTOM : OTHER;
    js_iter in = js_in(fields);
    while( js_next(&in, &field_id, &field) ){
      js text = js_get(field, "id");
      int activity = js_type(text)=='"' && text.n>5 && memcmp(text.p+1, "act:", 4)==0;
      if( js_type(field)=='{' && !activity ) listing_definition(l, field, group);
    }
  }
  return ORTTO_OK;
}

void listing_free(listing *l){
  free(l->field);
  free(l->group);
  map_free(&l->by_id);
}

int listing_begin(ortto_client *client, listing *l, ortto_table table){
  memset(l, 0, sizeof *l);
  l->memory = calloc(1, sizeof *l->memory);
  if( l->memory==NULL ) return no_memory(client);
  listing_built_in(l, table);
  return ORTTO_OK;
}

static void schema_remember(ortto_endpoint *e, ortto_table table, const listing *l){
  ortto_client *client = e->client;
  schema_memory *m = NULL;
  for(int i=0; i<COUNT(client->schema); i++) if( client->schema[i].identity==e->identity ) m = &client->schema[i];
  if( m==NULL ){
    m = &client->schema[client->schema_next++ % COUNT(client->schema)];
    memset(m, 0, sizeof *m);
    m->identity = e->identity;
  }
  int n;
  const built_in *b = schema_built_in(table, &n);
  m->known[table] = 1;
  for(int i=0; i<n; i++){
    int at = map_get(&l->by_id, b[i].id, strlen(b[i].id));
    m->listed[table][i] = at>=0 && l->field[at].listed;
  }
}

int parse_schema(ortto_endpoint *e, ortto_table table, http_request *c, listing *l){
  js answer;
  int rc = request_wait(c);
  if( rc==ORTTO_OK ) rc = answer_json(c, &answer);
  if( rc==ORTTO_OK ) rc = listing_schema(l, c, answer, table);
  if( rc==ORTTO_OK && !l->failed ) schema_remember(e, table, l);
  return rc;
}

static int schema_ask(ortto_endpoint *e, ortto_table table){
  listing l;
  int rc = listing_begin(e->client, &l, table);
  if( rc!=ORTTO_OK ) return rc;
  const char *body = table==ORTTO_PEOPLE ? "{\"namespaces\":[\"\"]}" : "{\"namespaces\":[\"o\"]}";
  http_request *c = request_new(e, "POST", "/v1/instance-schema/get", text_copy(body), REQUEST_READ, "reading the instance schema");
  rc = c ? parse_schema(e, table, c, &l) : ORTTO_NOMEM;
  request_drop(c);
  if( rc==ORTTO_ERROR ){                         /* then nothing counts as listed: conditions stay local */
    for(int i=0; i<l.count; i++) l.field[i].listed = 0;
    schema_remember(e, table, &l);
    rc = ORTTO_OK;
  }
  listing_free(&l);
  arena_free(l.memory);
  free(l.memory);
  return rc;
}

int ortto_field_is_listed(ortto_endpoint *e, const ortto_field *field, int *listed){
  const ortto_client *client = e->client;
  int n[2];
  const built_in *b[] = { schema_built_in(ORTTO_PEOPLE, &n[0]), schema_built_in(ORTTO_ACCOUNTS, &n[1]) };
  *listed = field->listed;
  if( field->listed ) return ORTTO_OK;
  for(int table=ORTTO_PEOPLE; table<=ORTTO_ACCOUNTS; table++) for(int i=0; i<n[table]; i++){
    if( strcmp(b[table][i].id, field->id)!=0 ) continue;
    for(int round=0; round<2; round++){
      for(int k=0; k<COUNT(client->schema); k++) if( client->schema[k].identity==e->identity && client->schema[k].known[table] ){
        *listed = client->schema[k].listed[table][i];
        return ORTTO_OK;
      }
      int rc = round==0 ? schema_ask(e, (ortto_table)table) : ORTTO_OK;
      if( rc!=ORTTO_OK ) return rc;
    }
  }
  return ORTTO_OK;
}
