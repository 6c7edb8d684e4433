/*
** create.c - see create.h.
*/
#include "create.h"

#include <stdio.h>
#include <string.h>

#include "context.h"
#include "schema.h"
#include "value.h"
#include "account.h"

int activities_have(ortto_sending *s, int anew){
  if( s->activities_rc!=ORTTO_OK ){
    set_error(s->endpoint->context, "%s", s->activities_why);
    return s->activities_rc;
  }
  int rc = account_have(s->endpoint, ACCOUNT_ACTIVITIES, anew ? s->begun : ORTTO_KNOWN);
  if( rc==ORTTO_OK ) s->activities_fresh = account_is_new(s->endpoint->account, ACCOUNT_ACTIVITIES, s->begun);
  return rc;
}

/* Ortto's type for a value; NULL if it tells none. */
static const char *type_for(ortto_sending *s, js v){
  size_t n;
  int64_t i;
  int year, month, day;
  const char *text;
  switch( js_type(v) ){
    case 0: return js_integer(v, &i) ? "integer" : "decimal";
    case 't': case 'f': return "bool";
    case '{': return "object";
    case '"':
      text = js_text(&s->memory, v, &n);
      if( text==NULL ) return NULL;
      if( n==10 && date_read(text, n, &year, &month, &day) ) return "date";
      if( n>10 && (text[10]=='T' || text[10]==' ') && time_read(&s->memory, text, n) ) return "time";
      return characters(text, n)>TEXT_MAX ? "large_text" : "text";
    case '[': return "multi_select";
    default: return NULL;
  }
}

/* A refusal that says that it exists already is as good as success: it is looked up. */
static int create_send(ortto_sending *s, record *r, const char *path, char *body, const char *doing){
  http_request *c = request_new(s->endpoint, "POST", path, body, 0, doing);
  int rc = c ? request_wait(c) : ORTTO_NOMEM;
  int there = c && (c->status==409 || c->status==423);
  if( c && c->status==400 && c->error && strstr(c->error, "exist") ) there = 1;
  int ok = rc==ORTTO_OK || there || refuse_by_call(s, r, c, rc);
  request_drop(c);
  return ok;
}

int refused_before(ortto_sending *s, record *r, const char *what){
  const char *key = folded(&s->memory, what, strlen(what));
  int at = key ? map_get(&s->refused, key, strlen(key)) : -1;
  if( at<0 ) return 0;
  const ortto_outcome *before = &s->record[at].outcome;
  r->item = NULL;
  outcome_set(r, before->status, before->errortype, before->message);
  return 1;
}

int refused_remember(ortto_sending *s, const record *r, const char *what){
  const char *key = folded(&s->memory, what, strlen(what));
  if( key ) map_put(&s->refused, key, strlen(key), (int)(r - s->record));
  return 0;
}

/* Both types in one: what takes the values of either. NULL says nothing. */
static const char *type_both(const char *a, const char *b){
  static const char *const numbers[] = { "integer", "decimal" }, *const texts[] = { "text", "large_text" };
  if( a==NULL || b==NULL ) return a ? a : b;
  if( strcmp(a, b)==0 ) return a;
  int number = 0, text = 0;
  for(int i=0; i<2; i++){
    number += (strcmp(a, numbers[i])==0) + (strcmp(b, numbers[i])==0);
    text += strcmp(a, texts[i])==0 ? i : 0;
    text += strcmp(b, texts[i])==0 ? i : 0;
  }
  return number==2 ? "decimal" : text ? "large_text" : "text";
}

/* Adds what is not there yet of a list's texts to the choices; 0 when out of memory. */
static int choices_add(ortto_sending *s, cJSON *choices, js list){
  js item;
  js_iter it = js_in(list);
  while( js_next(&it, NULL, &item) ){
    const char *choice = js_type(item)=='"' ? js_cstring(&s->memory, item) : NULL;
    int there = choice==NULL;
    for(const cJSON *c=choices->child; c && !there; c=c->next) there = strcmp(c->valuestring, choice)==0;
    if( !there && !cJSON_AddItemToArray(choices, cJSON_CreateString(choice)) ) return 0;
  }
  return 1;
}

/* Takes the values under that name in one object into *type, and lists' texts into the choices. 0 when out of
** memory. */
static int type_of_object(ortto_sending *s, js object, const char *name, size_t n, const char **type,
                          cJSON *choices){
  js key, v;
  if( js_type(object)!='{' ) return 1;
  js_iter it = js_in(object);
  while( js_next(&it, &key, &v) ){
    size_t m = key.n;
    const char *text = memchr(key.p, '\\', key.n) ? text_clean(&s->memory, key.p, key.n, 1, &m) : key.p;
    if( text==NULL || m!=n || memcmp(text, name, n)!=0 ) continue;
    *type = type_both(*type, type_for(s, v));
    if( js_type(v)=='[' && !choices_add(s, choices, v) ) return 0;
  }
  return 1;
}

/* The type that takes all values under that name in the records of this call. NULL: they tell none. */
static const char *type_of_all(ortto_sending *s, const char *name, size_t n, cJSON *choices){
  static const char *const places[] = { "traits", "fields" };
  const char *type = NULL;
  for(int i=0; i<s->count; i++) for(int k=0; k<2; k++){
    js object = inner_json(&s->encoder, js_get(s->record[i].given, places[k]), '{');
    if( !type_of_object(s, object, name, n, &type, choices) ) return NULL;
  }
  return type;
}

/* The request's body, which takes the choices over; NULL when out of memory. */
static char *field_body(const char *name, const char *type, cJSON *choices){
  cJSON *o = cJSON_CreateObject();
  int wanted = strcmp(type, "multi_select")==0;
  int ok = o && cJSON_AddStringToObject(o, "type", type) && cJSON_AddStringToObject(o, "name", name);
  int taken = ok && wanted && cJSON_AddItemToObject(o, "values", choices);
  if( !taken ) cJSON_Delete(choices);
  if( ok && taken==wanted ) return json_print(o);
  cJSON_Delete(o);
  return NULL;
}

int field_create(ortto_sending *s, record *r, const char *name, size_t n, js v, const ortto_field **out){
  static const char *const paths[] = { "/v1/person/custom-field/create", "/v1/accounts/custom-field/create" };
  char key[256];
  *out = NULL;
  if( n>=sizeof key ) return refuse(s, r, 400, "ortto: the name of a field is too long to make one of it");
  snprintf(key, sizeof key, "%.*s", (int)n, name);
  if( memchr(name, ':', n) )
    return refuse(s, r, 400, "ortto: there is no field '%s', and only a field's name can be made a new one, "
                  "not an id", key);
  if( refused_before(s, r, key) ) return 0;
  cJSON *choices = cJSON_CreateArray();
  const char *type = choices ? type_both(type_of_all(s, name, n, choices), type_for(s, v)) : NULL;
  if( type==NULL ){
    cJSON_Delete(choices);
    return refuse(s, r, 400, "ortto: there is no field '%s', and null does not tell of which type to make it",
                  key);
  }
  const char *path = paths[s->verb==ORTTO_UPSERT_ACCOUNTS];
  if( !create_send(s, r, path, field_body(key, type, choices), "making a custom field") )
    return refused_remember(s, r, key);
  int rc = fields_made(s);
  if( rc!=ORTTO_OK ) return refuse_by_call(s, r, NULL, rc);
  if( field_named(s, name, n, 1) ) return 1;
  return refuse(s, r, 400, "ortto: a custom field '%s' was made, but is not in the server's list; try again",
                key);
}

/* One name, however it is written? */
static int same_name(arena *a, const char *x, const char *y){
  const char *p = folded(a, x, strlen(x)), *q = folded(a, y, strlen(y));
  return p && q && (strcmp(x, y)==0 || (p[0] && strcmp(p, q)==0));
}

static const char *text_of(const cJSON *object, const char *member){
  return cJSON_GetObjectItemCaseSensitive(object, member)->valuestring;
}

/* One attribute more for the definition, or one type more for one that is in it. 0 when out of memory. */
static int attribute_add(ortto_sending *s, cJSON *list, const char *name, const char *type){
  cJSON *there = list->child;
  while( there && !same_name(&s->memory, text_of(there, "name"), name) ) there = there->next;
  if( there ){
    const char *both = type_both(text_of(there, "display_type"), type);
    return cJSON_ReplaceItemInObjectCaseSensitive(there, "display_type", cJSON_CreateString(both));
  }
  cJSON *one = cJSON_CreateObject();
  if( one && cJSON_AddStringToObject(one, "name", name) && cJSON_AddStringToObject(one, "display_type", type)
   && cJSON_AddStringToObject(one, "field_id", "do-not-map") && cJSON_AddItemToArray(list, one) ) return 1;
  cJSON_Delete(one);
  return 0;
}

/* The attributes that the records of this call give to that activity, in the order they come. 0 when out of
** memory. */
static int attributes_of_all(ortto_sending *s, const char *name, cJSON *list){
  js key, v;
  for(int i=0; i<s->count; i++){
    const char *event = js_cstring(&s->memory, js_get(s->record[i].given, "event"));
    js properties = js_get(s->record[i].given, "properties");
    if( event==NULL || !same_name(&s->memory, event, name) || js_type(properties)!='{' ) continue;
    js_iter it = js_in(properties);
    while( js_next(&it, &key, &v) ){
      const char *label = js_cstring(&s->memory, (js){ key.p-1, key.n+2 });
      const char *type = js_type(v)=='[' ? "text_list" : type_for(s, v);
      if( label==NULL ) return 0;
      if( type==NULL || label[0]==0 || strcmp(label, "int::v")==0 ) continue;
      if( !attribute_add(s, list, label, type) ) return 0;
    }
  }
  return 1;
}

static int attributes_given(js properties){
  js key, v;
  int count = 0;
  if( !is_present(properties) ) return 0;
  js_iter it = js_in(properties);
  while( js_next(&it, &key, &v) ) count += js_type(v)!='n';
  return count;
}

/* NULL when out of memory, or with more attributes than an activity takes. */
static char *activity_body(ortto_sending *s, const char *name){
  cJSON *o = cJSON_CreateObject(), *list = o ? cJSON_AddArrayToObject(o, "attributes") : NULL;
  int ok = list && cJSON_AddStringToObject(o, "name", name)
        && cJSON_AddStringToObject(o, "icon_id", "moneys-illustration-icon")
        && cJSON_AddBoolToObject(o, "track_conversion_value", 0) && cJSON_AddBoolToObject(o, "touch", 1)
        && cJSON_AddBoolToObject(o, "filterable", 1) && cJSON_AddBoolToObject(o, "visible_in_feeds", 1);
  cJSON *style = ok ? cJSON_AddObjectToObject(o, "display_style") : NULL;
  ok = style && cJSON_AddStringToObject(style, "type", "activity");
  ok = ok && attributes_of_all(s, name, list) && cJSON_GetArraySize(list)<=ATTRIBUTES_MAX;
  if( ok ) return json_print(o);
  cJSON_Delete(o);
  return NULL;
}

int activity_create(ortto_sending *s, record *r, const char *name, js properties){
  if( strncmp(name, "act:", 4)==0 ) return 0;
  if( attributes_given(properties)>ATTRIBUTES_MAX )
    return refuse(s, r, 400, "ortto: an activity takes at most %d attributes", ATTRIBUTES_MAX);
  if( properties.n>ACTIVITY_MAX )
    return refuse(s, r, 400, "ortto: the activity has more than %d bytes, which is what Ortto takes",
                  ACTIVITY_MAX);
  if( refused_before(s, r, name) ) return 0;
  char *body = activity_body(s, name);
  if( !create_send(s, r, "/v1/definitions/activity/create", body, "making an activity definition") )
    return refused_remember(s, r, name);
  int rc = account_have(s->endpoint, ACCOUNT_ACTIVITIES, ORTTO_ANEW);
  return rc==ORTTO_OK || refuse_by_call(s, r, NULL, rc);
}
