/*
** contact.c - see contact.h.
*/
#include "contact.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "value.h"
#include "options.h"
#include "create.h"

/* ---- the record's fields ------------------------------------------------------------------------- */

/* The members of a trait `address`, as events name them [seen in clients]. */
static const struct { const char *name, *id; } address_names[] = {
  { "city", "geo::city" }, { "country", "geo::country" }, { "state", "geo::region" },
  { "region", "geo::region" }, { "postal_code", "str::postal" }, { "postalCode", "str::postal" },
  { "postcode", "str::postal" }, { "post_code", "str::postal" }, { "zip", "str::postal" },
};

static const char *address_field(js name){
  for(int i=0; i<COUNT(address_names); i++)
    if( js_is(name, address_names[i].name) ) return address_names[i].id;
  return NULL;
}

static int of_account(const ortto_sending *s){
  return s->verb==ORTTO_UPSERT_ACCOUNTS;
}

int inner_of(ortto_sending *s, record *r, js v, char kind, js *out){
  s->encoder.no_memory = 0;
  *out = inner_json(&s->encoder, v, kind);
  return !s->encoder.no_memory || refuse_memory(s, r);
}

int is_given(js id){
  return is_present(id) && !(js_type(id)=='"' && id.n==2);
}

static int given_twice(ortto_sending *s, contact *c, js name, js before, const char *id){
  return blame(s, c->r, name, "ortto: '%.*s' and '%.*s' are the same field (%s): give it once",
               cut_to(60, before.p, before.n), before.p, cut_to(60, name.p, name.n), name.p, id);
}

/* Fields of which an empty text is none: it would take away what finds the contact. */
static int names_contact(const char *id){
  return strcmp(id, "str::email")==0 || strcmp(id, "str::ei")==0;
}

static int value_put(ortto_sending *s, contact *c, int at, js name, js v){
  if( c->name[at].p ) return given_twice(s, c, name, c->name[at], s->fields->field[at].id);
  c->name[at] = name;
  if( js_type(v)=='n' && s->options->skip_nulls ) return 1;
  if( names_contact(s->fields->field[at].id) && !is_given(v) && js_type(v)!='n' ) return 1;
  c->order[c->ordered++] = at;
  c->value[at] = v;
  return 1;
}

/* Tags and the record's id, which are given among the fields. */
static int other_put(ortto_sending *s, contact *c, js *place, js *place_name, js name, js v, const char *id){
  if( place_name->p ) return given_twice(s, c, name, *place_name, id);
  *place_name = name;
  *place = v;
  return 1;
}

/* As field_meant says; also the parts of an address as address.city. */
static int contact_field(ortto_sending *s, js name, int as_trait, const ortto_field **out,
                         const char **several){
  *several = NULL;
  if( as_trait || s->options->create ){          /* a field that was just made is found by its name */
    if( !field_meant(s, name.p, name.n, as_trait, out, several) ) return 0;
  }else *out = field_named(s, name.p, name.n);
  if( *out || *several || !as_trait || name.n<=8 || memcmp(name.p, "address.", 8)!=0 ) return 1;
  const char *id = address_field(js_slice(name.p + 8, name.n - 8));
  if( id ) *out = field_named(s, id, strlen(id));
  return 1;
}

/* Will both be one field? -1: out of memory. */
static int names_same(ortto_sending *s, js a, js b){
  const char *one = folded(&s->memory, a.p, a.n), *other = folded(&s->memory, b.p, b.n);
  return one && other ? strcmp(one, other)==0 : -1;
}

/* No field of that name. 0: refused. -1: fields were listed anew, so that places have moved: the record is
** read again. */
static int field_missing(ortto_sending *s, contact *c, js name, js v, const char *where){
  char key[80];
  if( !s->fields_fresh ){                        /* it may have been made since the list was read */
    int rc = fields_have(s, 1);
    return rc==ORTTO_OK ? -1 : refuse_by_call(s, c->r, NULL, rc);
  }
  if( s->options->create ){
    int same = c->missing.p ? names_same(s, c->missing, name) : 0;
    if( same<0 ) return refuse_memory(s, c->r);
    if( same ) return given_twice(s, c, name, c->missing, "to be made");
    if( c->missing.p==NULL && !(js_type(v)=='n' && s->options->skip_nulls) ){
      c->missing = name;
      c->missing_value = v;
    }
    return js_type(v)=='n' && s->options->skip_nulls ? 1 : field_makable(s, c->r, name);
  }
  snprintf(key, sizeof key, "%.*s", cut_to(79, name.p, name.n), name.p);
  utf8_mend(key);
  return blame(s, c->r, name, "ortto: there is no %s '%s'; the closest is '%s' (SELECT column_name, id FROM "
               "ortto_fields lists all)", where, key, closest_field(s, key));
}

static int tags_put(ortto_sending *s, contact *c, js given, js v){
  js tags;
  return inner_of(s, c->r, v, '[', &tags) && other_put(s, c, &c->tags, &c->tags_name, given, tags, "tags");
}

/* One member of `fields` or `traits`; `where` is what one is called. 0: refused, -1: read the record
** again. */
static int contact_member(ortto_sending *s, contact *c, js given, js v, int as_trait){
  const char *where = as_trait ? "trait" : "field", *several;
  const ortto_field *f;
  js name;
  name.p = text_clean(&s->memory, given.p, given.n, 1, &name.n);
  if( name.p==NULL ) return refuse_memory(s, c->r);
  if( (js_is(name, "id") && !as_trait) || js_is(name, "str::person_id")
   || (of_account(s) && js_is(name, "str:o:account_id")) )
    return other_put(s, c, &c->person_id, &c->person_id_name, given, v, "id");
  if( js_is(name, "tags") && (!as_trait || !of_account(s)) ) return tags_put(s, c, given, v);
  if( !contact_field(s, name, as_trait, &f, &several) ) return refuse_memory(s, c->r);
  if( several )
    return blame(s, c->r, given, "ortto: the %s '%.*s' may be any of these: %.200s. Name it by its id", where,
                 cut_to(60, name.p, name.n), name.p, several);
  if( f==NULL ) return field_missing(s, c, name, v, where);
  if( f->read_only ) return blame(s, c->r, given, "ortto: %s '%s' is read-only", where, f->column);
  if( strcmp(f->id, "tags")==0 ) return tags_put(s, c, given, v);      /* by another name: Tags */
  return value_put(s, c, (int)(f - s->fields->field), given, v);
}

/* A trait `address`. */
static int contact_address(ortto_sending *s, contact *c, js address){
  js name, v;
  int ok = 1;
  js_iter it = js_in(address);
  while( ok && js_next(&it, &name, &v) ){
    const char *id = address_field(name);
    int at = id ? map_get(&s->by_id, id, strlen(id)) : -1;
    if( id==NULL )
      ok = blame(s, c->r, name, "ortto: there is no trait 'address.%.*s'; an address has city, state, "
                 "country and postal_code", cut_to(40, name.p, name.n), name.p);
    else if( at>=0 ) ok = value_put(s, c, at, name, v);
  }
  return ok;
}

static int contact_object(ortto_sending *s, contact *c, const char *member, int as_trait){
  js name, v, object = js_get(c->r->given, member);
  int ok = 1;
  if( !is_present(object) ) return 1;
  if( !inner_of(s, c->r, object, '{', &object) ) return 0;
  if( js_type(object)!='{' )
    return blame(s, c->r, named(member), "ortto: %s must be an object, not %s", member, js_kind(object));
  js_iter it = js_in(object);
  while( ok>0 && js_next(&it, &name, &v) ){
    if( as_trait && js_is(name, "address") && js_type(v)=='{' ) ok = contact_address(s, c, v);
    else ok = contact_member(s, c, name, v, as_trait);
  }
  return ok;
}

/* ---- the record's members ------------------------------------------------------------------------ */

static const char *const upsert_members[] = {
  "user_id", "anonymous_id", "traits", "fields", "tags", "unset_tags", "ip", "location", "timestamp",
  "message_id",
  "enable_batching", "batch_size", "namespace", "audience_name", "audience_update_mode",
};
static const char *const track_members[] = {
  "user_id", "anonymous_id", "traits", "fields", "ip", "location", "timestamp", "message_id", "event",
  "properties",
  "enable_batching", "batch_size", "namespace", "audience_name", "audience_update_mode",
};

static int members_known(ortto_sending *s, record *r){
  int track = s->verb==ORTTO_TRACK;
  const char *const *known = track ? track_members : upsert_members;
  int count = track ? COUNT(track_members) : COUNT(upsert_members);
  unsigned given = 0;
  js name, v;
  int ok = 1;
  js_iter it = js_in(r->given);
  while( ok && js_next(&it, &name, &v) ){
    int i = 0;
    while( i<count && !js_is(name, known[i]) ) i++;
    if( i<count && given & 1u<<i )               /* the one would hide what the other says */
      ok = blame(s, r, name, "ortto: the record has \"%s\" twice", known[i]);
    else if( i<count ) given |= 1u<<i;
    else
      ok = blame(s, r, name, "ortto: a record has no member '%.*s' here; contact fields belong into "
                 "\"fields\" or \"traits\"%s", cut_to(40, name.p, name.n), name.p,
                 track ? ", attributes into \"properties\"" : "");
  }
  if( ok && is_present(js_get(r->given, "audience_name")) )
    return blame(s, r, named("audience_name"), "ortto: Ortto's API cannot put a contact into an audience: "
                 "members follow the audience's filter. Set a field or tag that the filter asks for, or send "
                 "to a Segment data source (\"to\":\"segment\")");
  return ok;
}

static int contact_room(ortto_sending *s, contact *c){
  size_t places = (size_t)s->fields->count + 1;
  contact_free(c);
  c->person_id = c->tags = c->person_id_name = c->tags_name = c->missing = (js){ 0 };
  c->ordered = 0;
  c->value = calloc(places, sizeof *c->value);
  c->name = calloc(places, sizeof *c->name);
  c->order = calloc(places, sizeof *c->order);
  return (c->value && c->name && c->order) || refuse_memory(s, c->r);
}

void contact_free(contact *c){
  free(c->value);
  free(c->name);
  free(c->order);
  c->value = c->name = NULL;
  c->order = NULL;
}

/* What is wrong with the value at that place has just been found. 0: out of memory. */
static int value_blame(ortto_sending *s, contact *c, int at){
  if( s->encoder.why[0]==0 ) return refuse_memory(s, c->r);
  return blame(s, c->r, c->name[at], "ortto: the field %s %s", s->fields->field[at].column, s->encoder.why);
}

#define READINGS_MAX 300           /* more fields than an account can have are not made for one record */

/* The values fit their fields, as far as there are any: known before one is made. 0: out of memory. */
static int values_check(ortto_sending *s, contact *c){
  int ok = 1;
  for(int i=0; ok && i<c->ordered; i++){
    const ortto_field *f = &s->fields->field[c->order[i]];
    cJSON *value = encode(&s->encoder, f, c->value[c->order[i]]);
    if( value==NULL ) ok = value_blame(s, c, c->order[i]);
    cJSON_Delete(value);
  }
  return ok;
}

int contact_read(ortto_sending *s, contact *c, record_check *check){
  for(int readings=0; readings<=READINGS_MAX; readings++){
    c->r->keys_given = 0;
    refusals_clear(c->r);
    if( !contact_room(s, c) || !members_known(s, c->r) ) return 0;
    int ok = contact_object(s, c, "traits", 1);
    if( ok>0 ) ok = contact_object(s, c, "fields", 0);
    if( ok>=0 && (ok==0 || c->missing.p==NULL || is_refused(c->r)) ) return ok;
    if( ok<0 ) continue;
    if( !values_check(s, c) ) return 0;
    if( is_refused(c->r) ){
      c->ordered = 0;                            /* said once is enough */
      return 1;
    }
    if( !contact_keys(s, c) || !check(s, c) ) return 0;
    if( is_refused(c->r) ){                      /* by what the caller will find again */
      refusals_clear(c->r);
      return 1;
    }
    if( !field_create(s, c->r, c->missing.p, c->missing.n) ) return 0;
  }
  return refuse(s, c->r, 400, "ortto: the fields that were made are not in the server's list; try again");
}

/* ---- what names the contact ---------------------------------------------------------------------- */

/* user_id is the external id. */
static int user_id_put(ortto_sending *s, contact *c){
  js user = js_get(c->r->given, "user_id");
  int at = map_get(&s->by_id, "str::ei", 7);
  if( at<0 || !is_given(user) ) return 1;
  js external = c->value[at];
  if( external.p==NULL ){
    c->name[at] = (js){ 0 };               /* a null that was skipped, or '' */
    return value_put(s, c, at, named("user_id"), user);
  }
  if( external.n==user.n && memcmp(external.p, user.p, user.n)==0 ) return 1;
  return blame(s, c->r, named("user_id"), "ortto: user_id %.*s and external_id %.*s are the same field, and "
               "differ",
                cut_to(60, user.p, user.n), user.p, cut_to(60, external.p, external.n), external.p);
}

static int id_key_put(ortto_sending *s, contact *c){
  js given = c->person_id;
  if( !is_given(given) ) return 1;
  js id = js_type(given)=='"' ? unquoted(given) : js_slice("", 0);
  if( !ortto_is_id(id.p, id.n) )
    return blame(s, c->r, c->person_id_name, "ortto: a%s id is 24 hexadecimal digits, not %.*s",
                 of_account(s) ? "n account's" : " person's", cut_to(40, given.p, given.n), given.p);
  c->r->keys_given |= KEY_ID;
  c->r->key[0] = arena_text(&s->memory, id.p, id.n);
  return c->r->key[0]!=NULL || refuse_memory(s, c->r);
}

/* The value of that field as the record's key at that place, if it has one. */
static int field_key(ortto_sending *s, contact *c, const char *id, int place){
  int at = map_get(&s->by_id, id, strlen(id));
  if( at<0 || !is_present(c->value[at]) ) return 1;
  js v = c->value[at];
  size_t n = v.n;
  const char *text = js_type(v)=='"' ? js_text(&s->memory, v, &n) : v.p;
  char *copy = text ? arena_text(&s->memory, text, n) : NULL;
  if( copy==NULL ) return refuse_memory(s, c->r);
  if( n==0 ) return 1;
  if( place==1 )                                 /* a server may not tell them apart */
    for(char *p=copy; *p; p++) if( *p>='A' && *p<='Z' ) *p = (char)(*p + 32);
  c->r->keys_given |= 1<<place;
  c->r->key[place] = copy;
  return 1;
}

/* A value as one of a key: the same for all ways to write it. 0: out of memory. */
static int key_value(ortto_sending *s, const ortto_field *f, js v, buf *out){
  size_t n;
  js plain;
  cJSON *value = encode(&s->encoder, f, v);
  if( value==NULL ) return s->encoder.why[0]!=0;  /* it does not fit, which is said when it is written */
  char *text = json_print(value);
  int ok = text && json_check(text, strlen(text), &plain);
  const char *shown = ok && js_type(plain)=='"' ? js_text(&s->memory, plain, &n) : text;
  if( shown==text && text ) n = strlen(text);
  if( shown ) buf_add(out, shown, n);
  buf_puts(out, " ");
  free(text);
  return ok && shown;
}

/* The values of what merge_by names besides. */
static int other_key(ortto_sending *s, contact *c){
  const ortto_options *o = s->options;
  record *r = c->r;
  buf other = { 0 };
  int ok = 1;
  for(int i=0; ok && i<o->merge_by_count; i++){
    const ortto_field *f = field_named(s, o->merge_by[i], strlen(o->merge_by[i]));
    if( f==NULL || strcmp(f->id, "str::email")==0 || strcmp(f->id, "str::ei")==0 ) continue;
    js v = c->value[f - s->fields->field];
    if( is_present(v) ) ok = key_value(s, f, v, &other);
  }
  ok = ok && !other.failed;
  if( ok && r->keys_given && other.n ){
    r->key[3] = arena_text(&s->memory, other.p, other.n);
    r->keys_given |= KEY_OTHER;
    ok = r->key[3]!=NULL;
  }
  buf_free(&other);
  return ok || refuse_memory(s, r);
}

int contact_keys(ortto_sending *s, contact *c){
  record *r = c->r;
  int ok = user_id_put(s, c) && id_key_put(s, c);
  if( of_account(s) ) ok = ok && field_key(s, c, "str:o:name", 1);
  else ok = ok && field_key(s, c, "str::email", 1) && field_key(s, c, "str::ei", 2);
  if( !ok || !other_key(s, c) ) return 0;
  r->lookup_keys = r->keys_given;                /* an email beside an id is only set */
  if( r->keys_given & KEY_ID && s->options->merge_by_count==0 ) r->lookup_keys = KEY_ID;
  if( r->keys_given || is_given(c->person_id) ) return 1;   /* an id that is none has been told */
  if( is_given(js_get(r->given, "anonymous_id")) )
    refuse(s, r, 400, "ortto: an anonymous_id alone names nobody at Ortto's API: give an email, a user_id "
           "(external id) or an id");
  else if( of_account(s) ) refuse(s, r, 400, "ortto: an account needs its name or its id");
  else refuse(s, r, 400, "ortto: nobody is named: give an email, a user_id (external id) or an id");
  return r->reasons>0;
}

const char *merge_by_of(ortto_sending *s, const record *r){
  const ortto_options *o = s->options;
  if( o->merge_by_count==0 && of_account(s) )
    return r->keys_given & KEY_ID ? "[\"str:o:account_id\"]" : "[\"str:o:name\"]";
  if( o->merge_by_count==0 ){
    if( r->keys_given & KEY_ID ) return "[\"str::person_id\"]";   /* alone [documented] */
    if( (r->keys_given & KEY_EMAIL)==0 ) return "[\"str::ei\"]";
    return r->keys_given & KEY_EXTERNAL ? "[\"str::email\",\"str::ei\"]" : "[\"str::email\"]";
  }
  cJSON *ids = cJSON_CreateArray();
  int ok = ids!=NULL;
  for(int i=0; ok && i<o->merge_by_count; i++){
    const char *id = o->merge_by[i];
    const ortto_field *f = field_named(s, id, strlen(id));
    if( f ) id = f->id;
    if( strcmp(o->merge_by[i], "id")==0 || strcmp(o->merge_by[i], "str::person_id")==0 )
      id = "str::person_id";
    ok = json_append(ids, cJSON_CreateString(id));
  }
  char *text = json_print(ids);
  const char *kept = ok && text ? arena_text(&s->memory, text, strlen(text)) : NULL;
  free(text);
  return kept;
}

/* ---- the item ------------------------------------------------------------------------------------ */

int member_add(ortto_sending *s, record *r, cJSON *object, const char *name, cJSON *value){
  return json_add(object, name, value) || refuse_memory(s, r);
}

int fields_add(ortto_sending *s, contact *c, cJSON *item){
  cJSON *fields = cJSON_CreateObject();
  const char *id = of_account(s) ? "str:o:account_id" : "str::person_id";
  int ok = member_add(s, c->r, item, "fields", fields);
  if( ok && c->r->keys_given & KEY_ID )
    ok = member_add(s, c->r, fields, id, cJSON_CreateString(c->r->key[0]));
  for(int i=0; ok && i<c->ordered; i++){
    const ortto_field *f = &s->fields->field[c->order[i]];
    cJSON *value = encode(&s->encoder, f, c->value[c->order[i]]);
    if( value==NULL ) ok = value_blame(s, c, c->order[i]);
    else ok = member_add(s, c->r, fields, f->id, value);
  }
  return ok;
}

/* "clear_fields": the multi-selects that are to be set, and not added to [documented]. */
static int clear_add(ortto_sending *s, contact *c, cJSON *item){
  cJSON *clear = NULL;
  int ok = 1;
  for(int i=0; ok && s->options->merge_strategy==2 && i<c->ordered; i++){
    const char *id = s->fields->field[c->order[i]].id;
    if( strncmp(id, "sst:", 4)!=0 || js_type(c->value[c->order[i]])=='n' ) continue;
    if( clear==NULL ){
      clear = cJSON_CreateObject();
      ok = member_add(s, c->r, item, "clear_fields", clear);
    }
    ok = ok && member_add(s, c->r, clear, id, cJSON_CreateTrue());
  }
  return ok;
}

static int tags_add(ortto_sending *s, record *r, cJSON *item, const char *name, js tags){
  if( !is_present(tags) ) return 1;
  if( !inner_of(s, r, tags, '[', &tags) ) return 0;
  if( js_type(tags)!='[' )
    return blame(s, r, named(name), "ortto: %s must be a list of names, not %s", name, js_kind(tags));
  const char *stranger = list_stranger(tags, 0);
  if( stranger )
    return blame(s, r, named(name), "ortto: %s must be a list of names, but %s is in it", name, stranger);
  return count_elements(tags)==0 || member_add(s, r, item, name, json_raw(tags));
}

/* One member of a location, under the API's name. 0: out of memory. */
static int place_add(ortto_sending *s, record *r, cJSON *custom, js name, js v){
  static const struct { const char *given, *sent; } parts[] = {
    { "country", "country" }, { "state", "region" }, { "city", "city" }, { "post_code", "postal_code" },
  };
  int i = 0;
  while( i<COUNT(parts) && !js_is(name, parts[i].given) ) i++;
  if( i==COUNT(parts) )
    return blame(s, r, named("location"), "ortto: location has no member '%.*s'; it has country, state, "
                 "city and post_code", cut_to(40, name.p, name.n), name.p);
  if( !is_present(v) ) return 1;
  if( js_type(v)!='"' )
    return blame(s, r, named("location"), "ortto: location.%s must be text, not %s", parts[i].given,
                 js_kind(v));
  return member_add(s, r, custom, parts[i].sent, json_raw(v));
}

static int places_add(ortto_sending *s, record *r, cJSON *custom, js location){
  js name, v;
  int ok = 1;
  js_iter it = js_in(location);
  while( ok && js_next(&it, &name, &v) ) ok = place_add(s, r, custom, name, v);
  return ok;
}

static int ip_add(ortto_sending *s, record *r, cJSON *place, js ip){
  char text[64];
  unsigned char address[16];
  snprintf(text, sizeof text, "%.*s", ip.n<60 && ip.n>2 ? (int)ip.n-2 : 0, ip.p+1);
  if( js_type(ip)!='"' || os_ip_parse(text, address)==0 )
    return blame(s, r, named("ip"), "ortto: ip must be an address such as 203.0.113.9, not %.*s",
                 cut_to(60, ip.p, ip.n), ip.p);
  return member_add(s, r, place, "source_ip", cJSON_CreateString(text));
}

/* location wins over ip; the API takes it as `custom` [documented]. */
int location_add(ortto_sending *s, record *r, cJSON *item){
  js location = js_get(r->given, "location"), ip = js_get(r->given, "ip");
  if( !is_present(location) && !is_present(ip) ) return 1;
  if( is_present(location) && js_type(location)!='{' )
    return blame(s, r, named("location"), "ortto: location must be an object with country, state, city, "
                 "post_code, not %s", js_kind(location));
  cJSON *place = cJSON_CreateObject(), *custom = cJSON_CreateObject();
  int ok = place && custom;
  if( !ok ) refuse_memory(s, r);
  if( ok && is_present(location) ) ok = places_add(s, r, custom, location);
  if( ok && custom->child ){
    ok = member_add(s, r, place, "custom", custom);
    custom = NULL;
  }else if( ok && is_present(ip) ) ok = ip_add(s, r, place, ip);
  if( ok && place->child ){
    ok = member_add(s, r, item, "location", place);
    place = NULL;
  }
  cJSON_Delete(place);
  cJSON_Delete(custom);
  return ok;
}

int item_keep(ortto_sending *s, record *r, const char *text, size_t n){
  if( is_refused(r) ) return 0;
  if( text==NULL ) return refuse_memory(s, r);
  if( n>BODY_MAX-1000 ) return refuse(s, r, 413, "ortto: the record is larger than 2 MB");
  r->item = arena_text(&s->memory, text, n);
  r->item_n = n;
  return r->item!=NULL || refuse_memory(s, r);
}

/* The record's tags: its own member, or given among the fields. */
static int tags_given(ortto_sending *s, contact *c, js *tags){
  *tags = js_get(c->r->given, "tags");
  if( !is_present(*tags) ) *tags = c->tags;
  else if( is_present(c->tags) ) return given_twice(s, c, named("tags"), c->tags_name, "tags");
  return 1;
}

/* What a contact has besides its fields. */
static int rest_add(ortto_sending *s, contact *c, cJSON *item){
  js tags, unset = js_get(c->r->given, "unset_tags");
  return tags_given(s, c, &tags) && location_add(s, c->r, item) && tags_add(s, c->r, item, "tags", tags)
      && tags_add(s, c->r, item, "unset_tags", unset);
}

int contact_check(ortto_sending *s, contact *c){
  cJSON *trial = cJSON_CreateObject();
  int ok = trial ? rest_add(s, c, trial) : refuse_memory(s, c->r);
  cJSON_Delete(trial);
  return ok;
}

int contact_item(ortto_sending *s, contact *c){
  record *r = c->r;
  cJSON *item = cJSON_CreateObject();
  int ok = item!=NULL || refuse_memory(s, r);
  ok = ok && fields_add(s, c, item) && rest_add(s, c, item) && clear_add(s, c, item);
  char *text = json_print(item);
  ok = ok && item_keep(s, r, text, text ? strlen(text) : 0);
  free(text);
  if( ok ) r->merge_by = merge_by_of(s, r);
  return ok && (r->merge_by!=NULL || refuse_memory(s, r));
}
