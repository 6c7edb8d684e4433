/*
** contact.c - see contact.h.
*/
#include "contact.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "value.h"
#include "options.h"
#include "create.h"

static const struct { const char *name, *id; } address_names[] = {
  { "city", "geo::city" }, { "country", "geo::country" }, { "state", "geo::region" }, { "region", "geo::region" },
  { "postal_code", "str::postal" }, { "postalCode", "str::postal" }, { "postcode", "str::postal" }, { "post_code", "str::postal" }, { "zip", "str::postal" },
};

static int contact_put(ortto_sending *s, contact *c, const ortto_field *f, js v){
  int at = (int)(f - s->fields->field);
  if( c->value[at].p==NULL ) c->order[c->ordered++] = at;
  c->value[at] = v;
  return 1;
}

/* One member of `fields` or `traits`. 0: refused. */
static int contact_member(ortto_sending *s, contact *c, js name, js v, int as_trait, const char *where){
  size_t n;
  const char *text = text_clean(&s->memory, name.p, name.n, 1, &n);
  if( text==NULL ) return refuse(s, c->r, 0, "out of memory");
  if( (n==2 && memcmp(text, "id", 2)==0 && !as_trait) || (n==14 && memcmp(text, "str::person_id", 14)==0)
   || (s->verb==ORTTO_UPSERT_ACCOUNTS && n==16 && memcmp(text, "str:o:account_id", 16)==0) ){
    c->person_id = v;
    return 1;
  }
  if( !as_trait && n==4 && memcmp(text, "tags", 4)==0 ){
    c->tags = inner_json(&s->encoder, v, '[');
    return 1;
  }
  const ortto_field *f = field_named(s, text, n, as_trait || s->options->create);   /* a field just made is found by its name */
  for(int i=0; f==NULL && as_trait && n>8 && memcmp(text, "address.", 8)==0 && i<COUNT(address_names); i++)
    if( strlen(address_names[i].name)==n-8 && memcmp(address_names[i].name, text+8, n-8)==0 ) f = field_named(s, address_names[i].id, strlen(address_names[i].id), 0);
  if( f==NULL && !s->fields_fresh ){             /* it may have been made since the list was read */
    int rc = fields_have(s, 1);
    if( rc!=ORTTO_OK ) return refuse_by_call(s, c->r, NULL, rc);
    return -1;                                   /* places have moved: the record is read again */
  }
  if( f==NULL && s->options->create && !field_create(s, c->r, text, n, v, &f) ) return 0;
  if( f==NULL && s->options->create ) return -1;
  if( f==NULL ){
    char key[80];
    snprintf(key, sizeof key, "%.*s", (int)(n<79 ? n : 79), text);
    return refuse(s, c->r, 400, "ortto: there is no %s '%s'; the closest is '%s' (SELECT column_name, id FROM ortto_fields lists all)",
                  where, key, closest_field(s, key));
  }
  if( f->read_only ) return refuse(s, c->r, 400, "ortto: %s '%s' is read-only", where, f->column);
  return contact_put(s, c, f, v);
}

static int contact_address(ortto_sending *s, contact *c, js address){
  js name, v;
  js_iter it = js_in(address);
  while( js_next(&it, &name, &v) ){
    int i = 0;
    while( i<COUNT(address_names) && !js_is(name, address_names[i].name) ) i++;
    if( i==COUNT(address_names) )
      return refuse(s, c->r, 400, "ortto: there is no trait 'address.%.*s'; an address has city, state, country and postal_code", (int)(name.n<40 ? name.n : 40), name.p);
    int at = map_get(&s->by_id, address_names[i].id, strlen(address_names[i].id));
    if( at>=0 && c->value[at].p==NULL ) contact_put(s, c, &s->fields->field[at], v);
  }
  return 1;
}

int contact_object(ortto_sending *s, contact *c, js object, int as_trait, const char *where){
  js name, v;
  if( !is_present(object) ) return 1;
  object = inner_json(&s->encoder, object, '{');
  if( js_type(object)!='{' ) return refuse(s, c->r, 400, "ortto: %s must be an object, not %s", as_trait ? "traits" : "fields", js_kind(object));
  js_iter it = js_in(object);
  while( js_next(&it, &name, &v) ){
    int ok = as_trait && js_is(name, "address") && js_type(v)=='{' ? contact_address(s, c, v) : contact_member(s, c, name, v, as_trait, where);
    if( ok<=0 ) return ok;
  }
  return 1;
}

static const char *const upsert_members[] = { "user_id", "anonymous_id", "traits", "fields", "tags", "unset_tags", "ip", "location", "timestamp",
  "message_id", "enable_batching", "batch_size", "namespace", "audience_name", "audience_update_mode" };
static const char *const track_members[] = { "user_id", "anonymous_id", "traits", "fields", "ip", "location", "timestamp", "message_id", "event",
  "properties", "enable_batching", "batch_size", "namespace", "audience_name", "audience_update_mode" };

int members_known(ortto_sending *s, record *r){
  const char *const *known = s->verb==ORTTO_TRACK ? track_members : upsert_members;
  int count = s->verb==ORTTO_TRACK ? COUNT(track_members) : COUNT(upsert_members);
  js name, v;
  js_iter it = js_in(r->given);
  while( js_next(&it, &name, &v) ){
    int i = 0;
    while( i<count && !js_is(name, known[i]) ) i++;
    if( i<count ) continue;
    return refuse(s, r, 400, "ortto: a record has no member '%.*s' here; contact fields belong into \"fields\" or \"traits\"%s",
                  (int)(name.n<40 ? name.n : 40), name.p, s->verb==ORTTO_TRACK ? ", attributes into \"properties\"" : "");
  }
  if( is_present(js_get(r->given, "audience_name")) )
    return refuse(s, r, 400, "ortto: Ortto's API cannot put a contact into an audience: members follow the audience's filter. Set a field or tag "
                  "that the filter asks for, or send to a Segment data source (\"to\":\"segment\")");
  return 1;
}

int contact_keys(ortto_sending *s, contact *c){
  record *r = c->r;
  const char *ids[] = { "str::email", "str::ei" };
  const int bits[] = { KEY_EMAIL, KEY_EXTERNAL };
  js user = js_get(r->given, "user_id");
  int external = map_get(&s->by_id, "str::ei", 7);
  if( is_present(user) && external>=0 && is_present(c->value[external]) && (c->value[external].n!=user.n || memcmp(c->value[external].p, user.p, user.n)!=0) )
    return refuse(s, r, 400, "ortto: user_id %.*s and external_id %.*s are the same field, and differ", (int)(user.n<60 ? user.n : 60), user.p,
                  (int)(c->value[external].n<60 ? c->value[external].n : 60), c->value[external].p);
  if( is_present(user) && external>=0 && c->value[external].p==NULL ) contact_put(s, c, &s->fields->field[external], user);
  if( is_present(c->person_id) ){
    js id = js_type(c->person_id)=='"' ? unquoted(c->person_id) : c->person_id;
    if( js_type(c->person_id)!='"' || !ortto_is_id(id.p, id.n) )
      return refuse(s, r, 400, "ortto: a%s id is 24 hexadecimal digits, not %.*s", s->verb==ORTTO_UPSERT_ACCOUNTS ? "n account's" : " person's",
                    (int)(c->person_id.n<40 ? c->person_id.n : 40), c->person_id.p);
    r->keys_given |= KEY_ID;
    if( (r->key[0] = arena_text(&s->memory, id.p, id.n))==NULL ) return refuse(s, r, 0, "out of memory");
  }
  for(int i=0; i<2; i++){
    int at = map_get(&s->by_id, s->verb==ORTTO_UPSERT_ACCOUNTS ? "str:o:name" : ids[i], s->verb==ORTTO_UPSERT_ACCOUNTS ? 10 : strlen(ids[i]));
    if( at<0 || !is_present(c->value[at]) || (i==1 && s->verb==ORTTO_UPSERT_ACCOUNTS) ) continue;
    js v = c->value[at];
    size_t n = v.n;
    const char *text = js_type(v)=='"' ? js_text(&s->memory, v, &n) : v.p;
    if( text==NULL ) return refuse(s, r, 0, "out of memory");
    if( n==0 ) continue;
    r->keys_given |= bits[i];
    char *copy = arena_text(&s->memory, text, n);
    if( copy==NULL ) return refuse(s, r, 0, "out of memory");
    if( i==0 ) for(char *p=copy; *p; p++) if( *p>='A' && *p<='Z' ) *p = (char)(*p + 32);   /* a server may not tell them apart */
    r->key[i+1] = copy;
  }
  buf other = { 0 };
  for(int i=0; i<s->options->merge_by_count; i++){
    const ortto_field *f = field_named(s, s->options->merge_by[i], strlen(s->options->merge_by[i]), 0);
    int at = f ? (int)(f - s->fields->field) : 0;
    if( f && strcmp(f->id, "str::email")!=0 && strcmp(f->id, "str::ei")!=0 && c->value[at].p ) buf_printf(&other, "%.*s ", (int)c->value[at].n, c->value[at].p);
  }
  int failed = other.failed;
  if( r->keys_given && other.n ){
    r->key[3] = arena_text(&s->memory, other.p, other.n);
    r->keys_given |= KEY_OTHER;
    failed |= r->key[3]==NULL;
  }
  buf_free(&other);
  if( failed ) return refuse(s, r, 0, "out of memory");
  r->lookup_keys = r->keys_given & KEY_ID && s->options->merge_by_count==0 ? KEY_ID : r->keys_given;
  if( r->keys_given ) return 1;
  return refuse(s, r, 400, is_present(js_get(r->given, "anonymous_id")) ? "ortto: an anonymous_id alone names nobody at Ortto's API: give an email, a user_id (external id) or an id"
                : s->verb==ORTTO_UPSERT_ACCOUNTS ? "ortto: an account needs its name or its id"
                : "ortto: nobody is named: give an email, a user_id (external id) or an id");
}

int tags_write(ortto_sending *s, record *r, buf *out, const char *name, js tags){
  js tag;
  if( !is_present(tags) ) return 1;
  if( js_type(tags)!='[' ) return refuse(s, r, 400, "ortto: %s must be a list of names, not %s", name, js_kind(tags));
  js_iter it = js_in(tags);
  while( js_next(&it, NULL, &tag) )
    if( js_type(tag)!='"' || tag.n==2 ) return refuse(s, r, 400, "ortto: %s must be a list of names, but %s is in it", name, tag.n==2 ? "an empty one" : js_kind(tag));
  if( js_next(&(js_iter){ tags.p+1 }, NULL, &tag) ) buf_printf(out, ",\"%s\":%.*s", name, (int)tags.n, tags.p);
  return 1;
}

int location_write(ortto_sending *s, record *r, buf *out){
  static const char *const given[] = { "country", "state", "city", "post_code" }, *const sent[] = { "country", "region", "city", "postal_code" };
  js location = js_get(r->given, "location"), ip = js_get(r->given, "ip"), name, v;
  if( is_present(location) ){
    if( js_type(location)!='{' ) return refuse(s, r, 400, "ortto: location must be an object with country, state, city, post_code, not %s", js_kind(location));
    int any = 0;
    js_iter it = js_in(location);
    size_t before = out->n;
    buf_puts(out, ",\"location\":{\"custom\":{");
    while( js_next(&it, &name, &v) ){
      int i = 0;
      while( i<4 && !js_is(name, given[i]) ) i++;
      if( i==4 ) return refuse(s, r, 400, "ortto: location has no member '%.*s'; it has country, state, city and post_code", (int)(name.n<40 ? name.n : 40), name.p);
      if( !is_present(v) ) continue;
      if( js_type(v)!='"' ) return refuse(s, r, 400, "ortto: location.%s must be text, not %s", given[i], js_kind(v));
      buf_printf(out, "%s\"%s\":%.*s", any++ ? "," : "", sent[i], (int)v.n, v.p);
    }
    buf_puts(out, "}}");
    if( any ) return 1;
    if( out->p ) out->p[out->n = before] = 0;
  }
  if( is_present(ip) ){
    char text[64];
    struct in6_addr address;
    snprintf(text, sizeof text, "%.*s", (int)(ip.n<60 && ip.n>2 ? ip.n-2 : 0), ip.p+1);
    if( js_type(ip)!='"' || (inet_pton(AF_INET, text, &address)!=1 && inet_pton(AF_INET6, text, &address)!=1) )
      return refuse(s, r, 400, "ortto: ip must be an address such as 203.0.113.9, not %.*s", (int)(ip.n<60 ? ip.n : 60), ip.p);
    buf_printf(out, ",\"location\":{\"source_ip\":\"%s\"}", text);
  }
  return 1;
}

int fields_write(ortto_sending *s, contact *c, buf *out, buf *clear){
  int any = 0, merge_id = (c->r->keys_given & KEY_ID)!=0;
  buf_puts(out, "{");
  if( merge_id ){
    buf_printf(out, "\"%s\":\"%s\"", s->verb==ORTTO_UPSERT_ACCOUNTS ? "str:o:account_id" : "str::person_id", c->r->key[0]);
    any = 1;
  }
  for(int i=0; i<c->ordered; i++){
    const ortto_field *f = &s->fields->field[c->order[i]];
    js v = c->value[c->order[i]];
    if( any++ ) buf_puts(out, ",");
    buf_json(out, f->id);
    buf_puts(out, ":");
    s->encoder.why[0] = 0;
    s->encoder.out = out;
    if( !encode(&s->encoder, f, v) ) return refuse(s, c->r, 400, "ortto: the field %s %s", f->column, s->encoder.why);
    if( strncmp(f->id, "sst:", 4)==0 && s->options->merge_strategy==2 && js_type(v)!='n' ){
      if( clear->n ) buf_puts(clear, ",");
      buf_json(clear, f->id);
      buf_puts(clear, ":true");
    }
  }
  buf_puts(out, "}");
  return 1;
}

const char *merge_by_of(ortto_sending *s, const record *r){
  const ortto_options *o = s->options;
  if( o->merge_by_count ){
    buf b = { 0 };
    for(int i=0; i<o->merge_by_count; i++){
      const char *name = o->merge_by[i];
      const ortto_field *f = field_named(s, name, strlen(name), 0);
      int is_id = strcmp(name, "id")==0 || strcmp(name, "str::person_id")==0;
      if( i ) buf_puts(&b, ",");
      buf_json(&b, is_id ? "str::person_id" : f ? f->id : name);
    }
    const char *kept = b.failed ? NULL : arena_text(&s->memory, b.p, b.n);
    buf_free(&b);
    return kept;
  }
  if( s->verb==ORTTO_UPSERT_ACCOUNTS ) return r->keys_given & KEY_ID ? "\"str:o:account_id\"" : "\"str:o:name\"";
  if( r->keys_given & KEY_ID ) return "\"str::person_id\"";
  if( (r->keys_given & (KEY_EMAIL|KEY_EXTERNAL))==(KEY_EMAIL|KEY_EXTERNAL) ) return "\"str::email\",\"str::ei\"";
  return r->keys_given & KEY_EMAIL ? "\"str::email\"" : "\"str::ei\"";
}

int item_keep(ortto_sending *s, record *r, buf *out){
  if( out->failed ) return refuse(s, r, 0, "out of memory");
  if( out->n>BODY_MAX-1000 ) return refuse(s, r, 413, "ortto: the record is larger than 2 MB");
  r->item = arena_text(&s->memory, out->p, out->n);
  r->item_n = out->n;
  return r->item!=NULL || refuse(s, r, 0, "out of memory");
}

int contact_room(ortto_sending *s, contact *c){
  free(c->value);
  free(c->order);
  c->ordered = 0;
  c->value = calloc((size_t)s->fields->count + 1, sizeof *c->value);
  c->order = calloc((size_t)s->fields->count + 1, sizeof *c->order);
  return c->value && c->order;
}
