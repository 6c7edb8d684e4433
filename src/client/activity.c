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
#include "schema.h"

/* int::v is the conversion value, which any activity may have [documented]. */
static const ortto_field conversion = {
  .id = "int::v", .name = "Conversion value", .column = "conversion_value", .display_type = "currency",
  .type = ORTTO_REAL, .listed = 1,
};

static const char *attribute_at(const ortto_field *f, int step){
  return step==0 ? f->id : step==1 ? f->name : f->column;   /* the last is the folded name */
}

/* By id, as Ortto shows it, then folded. 0: out of memory. 1: as field_meant says. */
static int attribute_meant(ortto_sending *s, const activity_type *t, js name, const ortto_field **out,
                           const char **several){
  const char *fold = folded(&s->memory, name.p, name.n);
  *out = NULL;
  *several = NULL;
  if( fold==NULL ) return 0;
  for(int step=0; step<3 && *out==NULL; step++) for(int i=0; i<t->attributes; i++){
    const ortto_field *f = &t->attribute[i];
    js wanted = step==2 ? named(fold) : name;
    if( wanted.n==0 || !js_is(wanted, attribute_at(f, step)) ) continue;
    if( *out && *several==NULL && !ids_add(s, several, (*out)->id) ) return 0;
    if( *out && !ids_add(s, several, f->id) ) return 0;
    if( *out==NULL ) *out = f;
  }
  if( *several ) *out = NULL;
  else if( *out==NULL && js_is(name, conversion.id) ) *out = &conversion;
  return 1;
}

/* Of an activity that the instance does not list: what is named is the attribute's id, whose beginning tells
** its type. Lives as long as the sending. 0: out of memory. */
static int attribute_by_id(ortto_sending *s, js name, const ortto_field **out){
  *out = NULL;
  if( name.n<5 || name.p[3]!=':' ) return 1;
  ortto_field *f = arena_alloc(&s->memory, sizeof *f);
  const char *id = arena_text(&s->memory, name.p, name.n);
  if( f==NULL || id==NULL ) return 0;
  *f = (ortto_field){ .id = id, .name = id, .column = id, .display_type = "", .type = type_of(id, "") };
  *out = strcmp(id, conversion.id)==0 ? &conversion : f;
  return 1;
}

/* An activity that the instance does not list goes as it is, and in requests of such alone, since the server
** may refuse a request for it. NULL: out of memory. */
static const activity_type *unlisted(ortto_sending *s, record *r, const char *id){
  activity_type *t = arena_alloc(&s->memory, sizeof *t);
  if( t==NULL ){
    refuse_memory(s, r);
    return NULL;
  }
  *t = (activity_type){ .id = id, .name = id, .fold = id };
  r->apart = id;
  return t;
}

static const activity_type *activity_unknown(ortto_sending *s, record *r, const char *name){
  blame(s, r, named("event"), "ortto: there is no activity '%.60s'; the closest is '%s'. Make it in Ortto, "
        "or with the option \"create\":true", name, closest_activity(s->endpoint->account->activities, name));
  return NULL;
}

/* A value that does not fit. 0: out of memory. */
static int attribute_blame(ortto_sending *s, record *r, const ortto_field *f, js label){
  if( s->encoder.why[0]==0 ) return refuse_memory(s, r);
  return blame(s, r, label, "ortto: the attribute '%s' %s", f->name, s->encoder.why);
}

static int attribute_twice(ortto_sending *s, record *r, js label, js name){
  return blame(s, r, label, "ortto: the attribute '%.*s' is given twice", cut_to(60, name.p, name.n), name.p);
}

/* One of an activity that is to be made; `seen` has the folded names of those before. 0: the record is
** over. */
static int property_check(ortto_sending *s, record *r, text_map *seen, js label, js v){
  js name;
  name.p = text_clean(&s->memory, label.p, label.n, 1, &name.n);
  const char *fold = name.p ? folded(&s->memory, name.p, name.n) : NULL;
  size_t n = fold ? strlen(fold) : 0;
  if( fold==NULL ) return refuse_memory(s, r);
  if( name.n==0 ) return js_type(v)=='n' || blame(s, r, label, "ortto: an attribute needs a name");
  if( n && map_get(seen, fold, n)>=0 ) return attribute_twice(s, r, label, name);
  if( n && !map_put(seen, fold, n, 1) ) return refuse_memory(s, r);
  if( !js_is(name, conversion.id) ) return 1;
  cJSON *value = encode(&s->encoder, &conversion, v);
  int ok = value || attribute_blame(s, r, &conversion, label);
  cJSON_Delete(value);
  return ok;
}

/* What would refuse the record when its activity has been made. 0: it is refused. */
static int properties_check(ortto_sending *s, record *r, js properties){
  text_map seen = { 0 };
  js label, v;
  int ok = 1;
  js_iter it = js_in(properties);
  while( ok && is_present(properties) && js_next(&it, &label, &v) )
    ok = property_check(s, r, &seen, label, v);
  map_free(&seen);
  return ok && !is_refused(r);
}

/* NULL: refused. */
static const char *event_name(ortto_sending *s, record *r){
  js event = js_get(r->given, "event");
  if( !is_present(event) || js_type(event)!='"' ){
    blame(s, r, named("event"), "ortto: a record needs \"event\": the activity's name or its act: id");
    return NULL;
  }
  const char *name = js_cstring(&s->memory, event);
  if( name==NULL ) refuse_memory(s, r);
  else if( name[strspn(name, " \t\r\n")]==0 ) blame(s, r, named("event"), "Missing event name");
  else return name;
  return NULL;
}

/* The definition of a record's event. NULL: refused; or to be made, where it is not to be yet. */
static const activity_type *activity_of(ortto_sending *s, record *r, js properties, int make){
  const activity_type *t;
  const char *several, *name = event_name(s, r);
  if( name==NULL ) return NULL;
  for(int attempt=0; attempt<3; attempt++){
    int rc = activities_have(s, attempt==1);
    if( rc==ORTTO_OK && !activity_meant(s, name, &t, &several) ) rc = ORTTO_NOMEM;
    if( rc==ORTTO_NOMEM ) refuse_memory(s, r);
    else if( rc!=ORTTO_OK ) refuse_by_call(s, r, NULL, rc);
    if( rc!=ORTTO_OK ) return NULL;
    if( several )
      blame(s, r, named("event"), "ortto: the activity '%.60s' may be any of these: %.200s. Name it by its "
            "id", name, several);
    if( t || several ) return t;
    if( attempt==0 && s->activities_fresh ) attempt = 1;
    if( attempt<1 ) continue;
    if( strncmp(name, "act:", 4)==0 ) return unlisted(s, r, name);
    if( attempt==2 || !s->options->create ) return activity_unknown(s, r, name);
    if( is_refused(r) || !properties_check(s, r, properties) ) return NULL;
    if( !make || !activity_create(s, r, name, properties) ) return NULL;
  }
  return NULL;
}

static int attribute_missing(ortto_sending *s, record *r, const activity_type *t, js label, js name){
  char key[80];
  if( r->apart[0] )
    return blame(s, r, label, "ortto: the instance does not list the activity '%s': name its attributes by "
                 "their ids (such as str:cm:title), not '%.*s'", t->id, cut_to(60, name.p, name.n), name.p);
  snprintf(key, sizeof key, "%.*s", cut_to(79, name.p, name.n), name.p);
  utf8_mend(key);
  closest c = closest_to(key);
  for(int i=0; i<t->attributes; i++) closest_offer(&c, t->attribute[i].name, t->attribute[i].name);
  int any = t->attributes>0;
  return blame(s, r, label, "ortto: the activity '%s' has no attribute '%s'%s%s%s; attributes cannot be "
               "added to an activity that exists", t->name, key, any ? "; the closest is '" : "", c.found,
               any ? "'" : "");
}

typedef struct attributes {        /* of one record */
  cJSON *object;
  const ortto_field *given[2*ATTRIBUTES_MAX];
  int count, nulls;
  int over;                        /* there are too many, which has been said */
} attributes;

/* One property. 0: the record is over. */
static int attribute_put(ortto_sending *s, record *r, attributes *all, const ortto_field *f, js label, js v){
  for(int i=0; i<all->count; i++) if( strcmp(all->given[i]->id, f->id)==0 )
    return attribute_twice(s, r, label, named(f->name));
  if( all->count - all->nulls==ATTRIBUTES_MAX && js_type(v)!='n' )
    return all->over++ || blame(s, r, named("properties"), "ortto: an activity takes at most %d attributes",
                                ATTRIBUTES_MAX);
  if( all->count==COUNT(all->given) ) return 1;  /* more nulls than that: none of them is sent */
  all->given[all->count++] = f;
  if( js_type(v)=='n' ){
    all->nulls++;
    return 1;
  }
  cJSON *value = encode(&s->encoder, f, v);
  return value ? member_add(s, r, all->object, f->id, value) : attribute_blame(s, r, f, label);
}

static int attributes_add(ortto_sending *s, record *r, const activity_type *t, js properties, cJSON *item){
  attributes all = { .object = cJSON_CreateObject() };
  js label, name, v;
  int ok = member_add(s, r, item, "attributes", all.object);
  js_iter it = js_in(properties);
  while( ok && is_present(properties) && js_next(&it, &label, &v) ){
    const ortto_field *f = NULL;
    const char *several = NULL;
    name.p = text_clean(&s->memory, label.p, label.n, 1, &name.n);
    ok = name.p && (r->apart[0] ? attribute_by_id(s, name, &f) : attribute_meant(s, t, name, &f, &several));
    if( !ok ) return refuse_memory(s, r);
    if( f==NULL && several==NULL && s->options->create && js_type(v)=='n' ) continue;   /* told no type */
    if( several )
      ok = blame(s, r, label, "ortto: the attribute '%.*s' may be any of these: %.200s. Name it by its id",
                 cut_to(60, name.p, name.n), name.p, several);
    else if( f==NULL ) ok = attribute_missing(s, r, t, label, name);
    else ok = attribute_put(s, r, &all, f, label, v);
  }
  return ok;
}

/* When it was, and the key that makes a repeated delivery the same event. */
static int when_add(ortto_sending *s, record *r, cJSON *item){
  js timestamp = js_get(r->given, "timestamp"), id = js_get(r->given, "message_id");
  const char *when = s->when, *text = NULL;
  size_t n = 0;
  int good = 1;
  if( is_present(timestamp) ){
    if( js_type(timestamp)=='"' ) text = js_text(&s->memory, timestamp, &n);
    if( text==NULL && js_type(timestamp)=='"' ) return refuse_memory(s, r);
    good = text && time_read(&s->memory, text, n, &when);
    if( good && when==NULL ) return refuse_memory(s, r);
  }
  if( !good && !blame(s, r, named("timestamp"), "ortto: timestamp must be a time such as "
                      "2025-11-04T19:10:31Z, not %.*s", cut_to(50, timestamp.p, timestamp.n),
                      timestamp.p) ) return 0;
  if( is_present(id) && js_type(id)!='"' )
    return blame(s, r, named("message_id"), "ortto: message_id must be text, not %s", js_kind(id));
  if( good && !member_add(s, r, item, "created", cJSON_CreateString(when)) ) return 0;
  if( is_present(id) && id.n>2 ) return member_add(s, r, item, "key", json_raw(id));
  const char *key = generated_id(s, r);
  return member_add(s, r, item, "key", key ? cJSON_CreateString(key) : NULL);
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
  return (r->merge_by!=NULL || refuse_memory(s, r)) && fields_add(s, c, item);
}

/* Whose activity it is, when and where. 0: the record is over. */
static int rest_add(ortto_sending *s, contact *c, cJSON *item){
  return person_add(s, c, item) && when_add(s, c->r, item) && location_add(s, c->r, item);
}

/* An activity that is made stays for ever: first, is all else of the record good? 0: the record is over. */
static int rest_check(ortto_sending *s, contact *c){
  cJSON *trial = cJSON_CreateObject();
  int ok = trial ? rest_add(s, c, trial) : refuse_memory(s, c->r);
  cJSON_Delete(trial);
  return ok;
}

/* The record's properties, none where they are no object; an activity sets no tags. 0: the record is over. */
static int properties_of(ortto_sending *s, const contact *c, js *properties){
  record *r = c->r;
  js given = js_get(r->given, "properties");
  *properties = (js){ 0 };
  int ok = !is_present(given) || inner_of(s, r, given, '{', &given);
  if( ok && is_present(given) && js_type(given)!='{' )
    ok = blame(s, r, named("properties"), "ortto: properties must be an object, not %s", js_kind(given));
  else if( ok && is_present(given) ) *properties = given;
  if( ok && is_present(c->tags) )
    ok = blame(s, r, c->tags_name, "ortto: tags are set by ortto_upsert: an activity sets none");
  return ok;
}

/* The activity and its attributes. 0: the record is over. */
static int event_check(ortto_sending *s, record *r, js properties){
  const activity_type *t = activity_of(s, r, properties, 0);
  if( t==NULL ) return !is_refused(r) || r->reasons>0;
  cJSON *trial = cJSON_CreateObject();
  int ok = trial ? attributes_add(s, r, t, properties, trial) : refuse_memory(s, r);
  cJSON_Delete(trial);
  return ok;
}

int activity_check(ortto_sending *s, contact *c){
  js properties;
  return properties_of(s, c, &properties) && rest_check(s, c) && event_check(s, c->r, properties);
}

int activity_item(ortto_sending *s, contact *c){
  record *r = c->r;
  js properties;
  cJSON *item = cJSON_CreateObject();
  if( item==NULL ) return refuse_memory(s, r);
  int ok = properties_of(s, c, &properties), before = r->reasons;
  if( ok && s->options->create ) ok = rest_check(s, c);
  int told = r->reasons>before;                  /* what is wrong with the rest has been said */
  const activity_type *t = ok ? activity_of(s, r, properties, 1) : NULL;
  ok = ok && (t ? member_add(s, r, item, "activity_id", cJSON_CreateString(t->id)) : r->reasons>0);
  if( ok && t ) ok = attributes_add(s, r, t, properties, item);
  if( !told ) ok = ok && rest_add(s, c, item);
  char *text = json_print(item);
  size_t n = text ? strlen(text) : 0;
  if( ok && !is_refused(r) && n>ACTIVITY_MAX )
    ok = refuse(s, r, 400, "ortto: the activity has %zu bytes, where Ortto takes %d", n, ACTIVITY_MAX);
  ok = ok && item_keep(s, r, text, n);
  free(text);
  return ok;
}
