/*
** activity.c - see activity.h.
*/
#include "activity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../json.h"
#include "../text.h"
#include "value.h"
#include "create.h"
#include "account.h"

/* By id, by name, by name however it is written. int::v is the conversion value, which any activity may have
** [documented]. */
static const ortto_field *attribute_named(ortto_sending *s, const activity_type *t, js name){
  static const ortto_field conversion = {
    .id = "int::v", .name = "Conversion value", .column = "conversion_value", .display_type = "currency",
    .type = ORTTO_REAL, .listed = 1,
  };
  const char *fold = folded(&s->memory, name.p, name.n);
  for(int i=0; i<t->attributes; i++) if( js_is(name, t->attribute[i].id) ) return &t->attribute[i];
  for(int i=0; i<t->attributes; i++) if( js_is(name, t->attribute[i].name) ) return &t->attribute[i];
  for(int i=0; fold && fold[0] && i<t->attributes; i++)
    if( strcmp(t->attribute[i].column, fold)==0 ) return &t->attribute[i];
  return js_is(name, conversion.id) ? &conversion : NULL;
}

/* The definition of a record's event. NULL: refused. */
static const activity_type *activity_of(ortto_sending *s, record *r, js properties){
  const account *memory = s->endpoint->account;
  js event = js_get(r->given, "event");
  if( !is_present(event) || js_type(event)!='"' ){
    refuse(s, r, 400, "ortto: a record needs \"event\": the activity's name or its act: id");
    return NULL;
  }
  const char *name = js_cstring(&s->memory, event);
  if( name==NULL || name[strspn(name, " \t\r\n")]==0 ){
    refuse(s, r, 400, "Missing event name");
    return NULL;
  }
  for(int attempt=0; attempt<3; attempt++){
    int rc = activities_have(s, attempt==1);
    if( rc!=ORTTO_OK ){
      refuse_by_call(s, r, NULL, rc);
      return NULL;
    }
    activity_type *t = activity_named(memory->activities, &s->memory, name);
    if( t ) return t;
    if( attempt==0 && s->activities_fresh ) attempt = 1;
    if( attempt==1 && (!s->options->create || !activity_create(s, r, name, properties)) ) break;
  }
  if( r->outcome.status<0 && strncmp(name, "act:", 4)==0 )
    refuse(s, r, 400, "ortto: there is no activity with the id '%.60s'; ids stand in Ortto beside the "
           "activity, or give its name", name);
  else if( r->outcome.status<0 )
    refuse(s, r, 400, "ortto: there is no activity '%.60s'; the closest is '%s'. Make it in Ortto, or with "
           "the option \"create\":true", name, closest_activity(memory->activities, name));
  return NULL;
}

static int attribute_missing(ortto_sending *s, record *r, const activity_type *t, js name){
  char key[80];
  snprintf(key, sizeof key, "%.*s", up_to(79, name.n), name.p);
  closest c = closest_to(key);
  for(int i=0; i<t->attributes; i++) closest_offer(&c, t->attribute[i].name, t->attribute[i].name);
  int any = t->attributes>0;
  return refuse(s, r, 400, "ortto: the activity '%s' has no attribute '%s'%s%s%s; attributes cannot be added "
                "to an activity that exists", t->name, key, any ? "; the closest is '" : "", c.found,
                any ? "'" : "");
}

static int attributes_add(ortto_sending *s, record *r, const activity_type *t, js properties, cJSON *item){
  const ortto_field *given[ATTRIBUTES_MAX];
  cJSON *attributes = cJSON_CreateObject();
  js label, name, v;
  int count = 0, ok = member_add(s, r, item, "attributes", attributes);
  js_iter it = js_in(properties);
  while( ok && is_present(properties) && js_next(&it, &label, &v) ){
    name.p = text_clean(&s->memory, label.p, label.n, 1, &name.n);
    if( name.p==NULL ) return refuse(s, r, 0, "out of memory");
    const ortto_field *f = attribute_named(s, t, name);
    if( f==NULL && s->options->create && js_type(v)=='n' ) continue;   /* null did not tell of which type */
    if( f==NULL ) return attribute_missing(s, r, t, name);
    if( js_type(v)=='n' ) continue;
    for(int i=0; i<count; i++)
      if( given[i]==f ) return refuse(s, r, 400, "ortto: the attribute '%s' is given twice", f->name);
    if( count==ATTRIBUTES_MAX )
      return refuse(s, r, 400, "ortto: an activity takes at most %d attributes", ATTRIBUTES_MAX);
    given[count++] = f;
    cJSON *value = encode(&s->encoder, f, v);
    if( value==NULL && s->encoder.why[0] )
      return refuse(s, r, 400, "ortto: the attribute '%s' %s", f->name, s->encoder.why);
    ok = member_add(s, r, attributes, f->id, value);
  }
  return ok;
}

/* When it was, and the key that makes a repeated delivery the same event. */
static int when_add(ortto_sending *s, record *r, cJSON *item){
  js timestamp = js_get(r->given, "timestamp"), id = js_get(r->given, "message_id");
  const char *when = is_present(timestamp) ? NULL : generated_time(&s->memory);
  size_t n;
  if( is_present(timestamp) ){
    const char *text = js_type(timestamp)=='"' ? js_text(&s->memory, timestamp, &n) : NULL;
    when = text ? time_read(&s->memory, text, n) : NULL;
    if( when==NULL )
      return refuse(s, r, 400, "ortto: timestamp must be a time such as 2025-11-04T19:10:31Z, not %.*s",
                    up_to(50, timestamp.n), timestamp.p);
  }
  if( is_present(id) && js_type(id)!='"' )
    return refuse(s, r, 400, "ortto: message_id must be text, not %s", js_kind(id));
  int ok = when!=NULL || refuse(s, r, 0, "out of memory");
  ok = ok && member_add(s, r, item, "created", cJSON_CreateString(when));
  if( is_present(id) && id.n>2 ) return ok && member_add(s, r, item, "key", json_raw(id));
  const char *key = generated_id(s);
  return ok && member_add(s, r, item, "key", key ? cJSON_CreateString(key) : NULL);
}

/* An activity that changes no field needs no order: it carries its own time. */
static int sets_fields(const ortto_sending *s, const contact *c){
  for(int i=0; i<c->ordered; i++){
    const char *id = s->fields->field[c->order[i]].id;
    if( strcmp(id, "str::email")!=0 && strcmp(id, "str::ei")!=0 ) return 1;
  }
  return 0;
}

static int person_add(ortto_sending *s, contact *c, cJSON *item){
  record *r = c->r;
  r->unordered = !sets_fields(s, c);
  if( r->keys_given==KEY_ID && c->ordered==0 && s->options->merge_by_count==0 ){
    r->merge_by = "";
    return member_add(s, r, item, "person_id", cJSON_CreateString(r->key[0]));
  }
  r->merge_by = merge_by_of(s, r);
  return (r->merge_by!=NULL || refuse(s, r, 0, "out of memory")) && fields_add(s, c, item);
}

int activity_item(ortto_sending *s, contact *c){
  record *r = c->r;
  js properties = js_get(r->given, "properties");
  if( is_present(properties) ) properties = inner_json(&s->encoder, properties, '{');
  if( is_present(properties) && js_type(properties)!='{' )
    return refuse(s, r, 400, "ortto: properties must be an object, not %s", js_kind(properties));
  const activity_type *t = activity_of(s, r, properties);
  if( t==NULL ) return 0;
  cJSON *item = cJSON_CreateObject();
  int ok = item!=NULL || refuse(s, r, 0, "out of memory");
  ok = ok && member_add(s, r, item, "activity_id", cJSON_CreateString(t->id))
    && attributes_add(s, r, t, properties, item) && person_add(s, c, item)
    && when_add(s, r, item) && location_add(s, r, item);
  char *text = json_print(item);
  size_t n = text ? strlen(text) : 0;
  if( ok && n>ACTIVITY_MAX )
    ok = refuse(s, r, 400, "ortto: the activity has %zu bytes, where Ortto takes %d", n, ACTIVITY_MAX);
  ok = ok && item_keep(s, r, text, n);
  free(text);
  return ok;
}
