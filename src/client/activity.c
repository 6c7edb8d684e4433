/*
** activity.c - see activity.h.
*/
#include "activity.h"

#include <stdio.h>
#include <string.h>

#include "../json.h"
#include "value.h"
#include "create.h"
#include "account.h"

/* By id, by name, by name however it is written. int::v is the conversion value, which any activity may have [documented]. */
static const ortto_field *attribute_named(ortto_sending *s, const activity_type *t, const char *name, size_t n){
  static const ortto_field conversion = { "int::v", "Conversion value", "conversion_value", "currency", NULL, ORTTO_REAL, 0, 0, 0, 1, 0 };
  char *fold = folded(&s->memory, name, n);
  for(int i=0; i<t->attributes; i++) if( strlen(t->attribute[i].id)==n && memcmp(t->attribute[i].id, name, n)==0 ) return &t->attribute[i];
  for(int i=0; i<t->attributes; i++) if( strlen(t->attribute[i].name)==n && memcmp(t->attribute[i].name, name, n)==0 ) return &t->attribute[i];
  for(int i=0; fold && fold[0] && i<t->attributes; i++) if( strcmp(t->attribute[i].column, fold)==0 ) return &t->attribute[i];
  return n==6 && memcmp(name, "int::v", 6)==0 ? &conversion : NULL;
}

static const char *closest_attribute(const activity_type *t, const char *name){
  size_t best = 65;
  const char *closest = "";
  for(int i=0; i<t->attributes; i++){
    size_t d = edit_distance(name, t->attribute[i].name);
    if( d<best ){ best = d; closest = t->attribute[i].name; }
  }
  return closest;
}

/* The definition of a record's event. NULL: refused, or *rc. */
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
  for(int round=0; round<3; round++){
    int rc = activities_have(s, round==1);
    if( rc!=ORTTO_OK ){
      refuse_by_call(s, r, NULL, rc);
      return NULL;
    }
    activity_type *t = activity_named(memory->activities, &s->memory, name);
    if( t ) return t;
    if( round==0 && s->activities_fresh ) round = 1;
    if( round==1 && (!s->options->create || !activity_create(s, r, name, properties)) ) break;
  }
  if( r->outcome.status<0 && strncmp(name, "act:", 4)==0 )
    refuse(s, r, 400, "ortto: there is no activity with the id '%.60s'; ids stand in Ortto beside the activity, or give its name", name);
  else if( r->outcome.status<0 )
    refuse(s, r, 400, "ortto: there is no activity '%.60s'; the closest is '%s'. Make it in Ortto, or with the option \"create\":true", name, closest_activity(memory->activities, name));
  return NULL;
}

static int attributes_write(ortto_sending *s, record *r, const activity_type *t, js properties, buf *out){
  const ortto_field *given[ATTRIBUTES_MAX];
  js name, v;
  int count = 0;
  buf_puts(out, "{");
  js_iter it = js_in(properties);
  while( is_present(properties) && js_next(&it, &name, &v) ){
    size_t n;
    const char *text = text_clean(&s->memory, name.p, name.n, 1, &n);
    const ortto_field *f = text ? attribute_named(s, t, text, n) : NULL;
    if( f==NULL && s->options->create && js_type(v)=='n' ) continue;   /* null did not tell of which type to make it */
    if( f==NULL ){
      char key[80];
      snprintf(key, sizeof key, "%.*s", (int)(n<79 ? n : 79), text ? text : "");
      return refuse(s, r, 400, "ortto: the activity '%s' has no attribute '%s'%s%s%s; attributes cannot be added to an activity that exists", t->name, key,
                    t->attributes ? "; the closest is '" : "", closest_attribute(t, key), t->attributes ? "'" : "");
    }
    if( js_type(v)=='n' ) continue;
    for(int i=0; i<count && i<ATTRIBUTES_MAX; i++) if( given[i]==f ) return refuse(s, r, 400, "ortto: the attribute '%s' is given twice", f->name);
    if( count<ATTRIBUTES_MAX ) given[count] = f;
    if( ++count>ATTRIBUTES_MAX ) return refuse(s, r, 400, "ortto: an activity takes at most %d attributes", ATTRIBUTES_MAX);
    if( count>1 ) buf_puts(out, ",");
    buf_json(out, f->id);
    buf_puts(out, ":");
    s->encoder.out = out;
    if( !encode(&s->encoder, f, v) ) return refuse(s, r, 400, "ortto: the attribute '%s' %s", f->name, s->encoder.why);
  }
  buf_puts(out, "}");
  return 1;
}

static int activity_when(ortto_sending *s, record *r, buf *out){
  js timestamp = js_get(r->given, "timestamp"), id = js_get(r->given, "message_id");
  const char *when = generated_time(&s->memory);
  size_t n;
  if( is_present(timestamp) ){
    const char *text = js_type(timestamp)=='"' ? js_text(&s->memory, timestamp, &n) : NULL;
    when = text ? time_read(&s->memory, text, n) : NULL;
    if( when==NULL ) return refuse(s, r, 400, "ortto: timestamp must be a time such as 2025-11-04T19:10:31Z, not %.*s", (int)(timestamp.n<50 ? timestamp.n : 50), timestamp.p);
  }
  if( is_present(id) && js_type(id)!='"' ) return refuse(s, r, 400, "ortto: message_id must be text, not %s", js_kind(id));
  buf_printf(out, ",\"created\":\"%s\"", when ? when : "");
  if( is_present(id) && id.n>2 ) buf_printf(out, ",\"key\":%.*s", (int)id.n, id.p);
  else{
    const char *key = generated_id(s);
    if( key==NULL || when==NULL ) return refuse(s, r, 0, "out of memory");
    buf_printf(out, ",\"key\":\"%s\"", key);
  }
  return 1;
}

int activity_write(ortto_sending *s, contact *c, buf *out){
  record *r = c->r;
  js properties = js_get(r->given, "properties");
  if( is_present(properties) ) properties = inner_json(&s->encoder, properties, '{');
  if( is_present(properties) && js_type(properties)!='{' ) return refuse(s, r, 400, "ortto: properties must be an object, not %s", js_kind(properties));
  const activity_type *t = activity_of(s, r, properties);
  if( t==NULL ) return 0;
  buf clear = { 0 };
  buf_puts(out, "{\"activity_id\":");
  buf_json(out, t->id);
  buf_puts(out, ",\"attributes\":");
  if( !attributes_write(s, r, t, properties, out) ) return 0;
  if( r->keys_given==KEY_ID && c->ordered==0 && s->options->merge_by_count==0 ){
    buf_printf(out, ",\"person_id\":\"%s\"", r->key[0]);
    r->merge_by = "";
  }else{
    buf_puts(out, ",\"fields\":");
    int ok = fields_write(s, c, out, &clear);
    buf_free(&clear);
    if( !ok ) return 0;
    r->merge_by = merge_by_of(s, r);
  }
  r->unordered = 1;
  for(int i=0; i<c->ordered; i++){
    const char *id = s->fields->field[c->order[i]].id;
    if( strcmp(id, "str::email")!=0 && strcmp(id, "str::ei")!=0 ) r->unordered = 0;
  }
  if( !activity_when(s, r, out) || !location_write(s, r, out) ) return 0;
  buf_puts(out, "}");
  if( out->n>ACTIVITY_MAX ) return refuse(s, r, 400, "ortto: the activity has %zu bytes, where Ortto takes %d", out->n, ACTIVITY_MAX);
  return item_keep(s, r, out);
}
