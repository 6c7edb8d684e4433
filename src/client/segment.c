/*
** segment.c - see segment.h.
*/
#include "segment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../os.h"
#include "../text.h"
#include "request.h"
#include "create.h"
#include "contact.h"
#include "account.h"

/* ---- what was given, cleaned --------------------------------------------------------------------- */

static void name_copy(buf *out, js name, int first){
  if( !first ) buf_puts(out, ",");
  buf_add(out, name.p - 1, name.n + 2);          /* with its quotes */
  buf_puts(out, ":");
}

/* A copy without the members whose name is empty, in all objects but those in lists [seen in
** Segment's client]. */
static void clean_copy(buf *out, js v){
  js name, member;
  int first = 1;
  if( js_type(v)!='{' ){
    buf_add(out, v.p, v.n);
    return;
  }
  buf_puts(out, "{");
  js_iter it = js_in(v);
  while( js_next(&it, &name, &member) ){
    if( name.n==0 ) continue;
    name_copy(out, name, first);
    clean_copy(out, member);
    first = 0;
  }
  buf_puts(out, "}");
}

/* The value, cleaned, as a member; nothing if it is not given. 0 when out of memory. */
static int clean_add(ortto_sending *s, cJSON *object, const char *name, js v){
  buf *text = &s->scratch;
  if( v.p==NULL ) return 1;
  text->n = 0;
  text->failed = 0;
  clean_copy(text, v);
  return !text->failed && json_add(object, name, cJSON_CreateRaw(text->p));
}

/* ---- raw events ---------------------------------------------------------------------------------- */

int is_raw_event(js given){
  js type = js_get(given, "type");
  return js_type(type)=='"' && (js_is(unquoted(type), "identify") || js_is(unquoted(type), "track"))
      && !is_given(js_get(given, "user_id")) && !is_given(js_get(given, "anonymous_id"));
}

static int raw_ip(ortto_sending *s, record *r, js ip){
  char text[64];
  unsigned char address[16];
  if( !is_present(ip) ) return 1;
  snprintf(text, sizeof text, "%.*s", ip.n>2 && ip.n<40 ? (int)ip.n-2 : 0, ip.p+1);
  if( js_type(ip)=='"' && os_ip_parse(text, address)==4 ) return 1;
  return blame(s, r, named("context.ip"), "ortto: context.ip is no IPv4 address: %.*s",
               cut_to(50, ip.p, ip.n), ip.p);
}

/* What belongs to the API's contacts, and not to events. */
static int is_api_member(js name){
  return js_is(name, "fields") || js_is(name, "tags") || js_is(name, "unset_tags");
}

/* Is it an event, and of this call's type? 0: refused. */
static int raw_check(ortto_sending *s, record *r, int track){
  js name, v, g = r->given;
  for(js_iter it = js_in(g); js_next(&it, &name, &v); ) if( is_api_member(name) )
    blame(s, r, name, "ortto: an event of Segment's has no member \"%.*s\": put it into \"traits\", "
          "or write a record of ortto_upsert's own form", (int)name.n, name.p);
  if( track && s->verb!=ORTTO_TRACK )
    blame(s, r, named("type"), "ortto: this is a track event: use ortto_track");
  if( !track && s->verb==ORTTO_TRACK )
    blame(s, r, named("type"), "ortto: this is an identify event: use ortto_upsert");
  if( !is_given(js_get(g, "userId")) && !is_given(js_get(g, "anonymousId")) )
    refuse(s, r, 400, "ortto: the event has neither userId nor anonymousId");
  if( track && !is_present(js_get(g, "event")) ) blame(s, r, named("event"), "Missing event name");
  raw_ip(s, r, js_path(g, "context", "ip", NULL));
  return !is_refused(r);
}

/* An address of the traits, or else of the context's. */
static int raw_location(ortto_sending *s, js g, cJSON *location){
  static const struct { const char *from, *to; } parts[] = {
    { "country", "country" }, { "state", "state" }, { "city", "city" }, { "postal_code", "post_code" },
  };
  int ok = 1;
  for(int i=0; ok && i<COUNT(parts); i++){
    js part = js_path(g, "traits", "address", parts[i].from);
    if( !is_present(part) ) part = js_path(js_get(g, "context"), "traits", "address", parts[i].from);
    ok = clean_add(s, location, parts[i].to, part);
  }
  return ok;
}

/* An empty one is none. */
static js id_of(js g, const char *name){
  js id = js_get(g, name);
  return js_type(id)=='"' && id.n==2 ? js_slice(NULL, 0) : id;
}

static int raw_members(ortto_sending *s, js g, int track, cJSON *o){
  js traits = js_get(g, "traits"), mode = js_get(g, "audience_update_mode");
  cJSON *location = cJSON_CreateObject();
  if( !is_present(traits) ) traits = js_path(g, "context", "traits", NULL);
  if( mode.p==NULL ) mode = js_slice("\"add\"", 5);
  int ok = clean_add(s, o, "timestamp", js_get(g, "timestamp"))
        && clean_add(s, o, "message_id", js_get(g, "messageId"))
        && clean_add(s, o, "user_id", id_of(g, "userId"))
        && clean_add(s, o, "anonymous_id", id_of(g, "anonymousId"))
        && json_add(o, "enable_batching", cJSON_CreateTrue())
        && clean_add(s, o, "ip", js_path(g, "context", "ip", NULL));
  if( !ok ) cJSON_Delete(location);
  ok = ok && json_add(o, "location", location) && raw_location(s, g, location)
    && clean_add(s, o, "traits", traits);
  if( track ) ok = ok && clean_add(s, o, "event", js_get(g, "event"))
                && clean_add(s, o, "namespace", js_path(g, "context", "app", "namespace"))
                && clean_add(s, o, "properties", js_get(g, "properties"));
  return ok && clean_add(s, o, "audience_name", js_get(g, "audience_name"))
      && clean_add(s, o, "audience_update_mode", mode)
      && json_add(o, "batch_size", json_integer(500));
}

int raw_map(ortto_sending *s, record *r){
  int track = js_is(unquoted(js_get(r->given, "type")), "track");
  if( !raw_check(s, r, track) ) return 0;
  cJSON *o = cJSON_CreateObject();
  int ok = o && raw_members(s, r->given, track, o);
  char *printed = json_print(o), *text = NULL;
  if( ok && printed ) text = arena_text(&s->memory, printed, strlen(printed));
  free(printed);
  return (text && json_check(text, strlen(text), &r->given)) || refuse_memory(s, r);
}

/* ---- audiences ----------------------------------------------------------------------------------- */

/* 0: out of memory. */
static int is_blank_text(ortto_sending *s, js v, int *blank){
  const char *text = js_type(v)=='"' ? js_cstring(&s->memory, v) : "x";
  *blank = text && text[strspn(text, " \t\n\v\f\r")]==0;
  return text!=NULL;
}

/* Letters, digits and the like, and not the key echoed: it goes into what is sent and shown. */
static int is_plain_id(const char *id, const char *key){
  for(const char *p=id; *p; p++) if( *p<=' ' || *p>=0x7F || *p=='"' || *p=='\\' ) return 0;
  return id[0] && !(strlen(key)>=4 && strstr(id, key));
}

/* The audience of that name, looked up or made once per client. NULL: refused. */
static const char *audience_of(ortto_sending *s, record *r, js name){
  const char *text = js_cstring(&s->memory, name);
  if( text==NULL ) refuse_memory(s, r);
  if( text==NULL ) return NULL;
  text += strspn(text, " \t\r\n");
  size_t n = strlen(text);
  while( n && strchr(" \t\r\n", text[n-1]) ) n--;
  char *key = arena_text(&s->memory, text, n);
  if( key==NULL ) refuse_memory(s, r);
  if( key==NULL ) return NULL;
  const char *known = audience_known(s->endpoint->account, key);
  if( known || refused_before(s, r, MAKE_AUDIENCE, key) ) return known;
  cJSON *o = cJSON_CreateObject();
  int ok = o && json_add(o, "name", cJSON_CreateString(key));
  char *body = json_print(o);
  if( !ok ){
    free(body);
    body = NULL;
  }
  js answer;
  const char *path = "/v1/audiences/create";
  http_request *c = request_new(s->endpoint, "POST", path, body, 0, "looking up the audience");
  if( c ) c->answered = s->options->answered;
  int rc = c ? request_wait(c) : ORTTO_NOMEM;
  if( rc==ORTTO_OK ) rc = answer_json(c, &answer);
  char *id = rc==ORTTO_OK ? js_cstring(&s->memory, js_get(answer, "id")) : NULL;
  if( rc==ORTTO_OK && id==NULL ) rc = ORTTO_NOMEM;
  if( rc==ORTTO_OK && !is_plain_id(id, s->endpoint->key) ) rc = bad_answer(c, "has no id of the audience");
  if( rc==ORTTO_NOMEM ) refuse_memory(s, r);
  else if( rc!=ORTTO_OK ){
    refuse_by_call(s, r, c, rc);
    refused_remember(s, r, MAKE_AUDIENCE, key);
  }
  request_drop(c);
  if( rc!=ORTTO_OK ) return NULL;
  audience_remember(s->endpoint->account, key, id);
  return id;
}

static int removes(js mode){
  return js_type(mode)=='"' && js_is(unquoted(mode), "remove");
}

/* What is said of it, before anything is looked up. 0: out of memory. */
static int audience_check(ortto_sending *s, record *r){
  js name = js_get(r->given, "audience_name"), mode = js_get(r->given, "audience_update_mode");
  int blank;
  if( !is_present(name) ) return 1;
  if( !is_blank_text(s, name, &blank) ) return refuse_memory(s, r);
  if( js_type(name)!='"' )
    blame(s, r, named("audience_name"), "ortto: audience_name must be text, not %s", js_kind(name));
  else if( blank ) blame(s, r, named("audience_name"), "ortto: audience_name must not be empty");
  if( is_present(mode) && !removes(mode) && !js_is(mode, "\"add\"") )
    blame(s, r, named("audience_update_mode"), "ortto: audience_update_mode must be 'add' or "
          "'remove', not %.*s", cut_to(40, mode.p, mode.n), mode.p);
  return 1;
}

static int audience_add(ortto_sending *s, record *r, cJSON *added){
  js name = js_get(r->given, "audience_name"), mode = js_get(r->given, "audience_update_mode");
  if( !is_present(name) ) return 1;
  const char *id = audience_of(s, r, name);
  if( id==NULL ) return 0;
  cJSON *audience = cJSON_CreateObject();
  return member_add(s, r, added, "audience", audience)
      && member_add(s, r, audience, "mode", cJSON_CreateString(removes(mode) ? "remove" : "add"))
      && member_add(s, r, audience, "id", cJSON_CreateString(id));
}

/* ---- the item ------------------------------------------------------------------------------------ */

/* An event that came from Ortto is not sent back, and counts as done. */
static void ignore(ortto_sending *s, record *r){
  const char *name = js_cstring(&s->memory, js_get(r->given, "event"));
  char text[300];
  snprintf(text, sizeof text, "%.200s was originated from ortto.com (Ignored)", name ? name : "");
  r->item = NULL;
  outcome_set(r, 200, NULL, NULL);
  r->outcome.body = keep(s, text);
}

/* May it be sent? 0: refused, or done. */
static int event_check(ortto_sending *s, record *r){
  js name, v, event = js_get(r->given, "event"), space = js_get(r->given, "namespace");
  int blank;
  for(js_iter it = js_in(r->given); js_next(&it, &name, &v); ) if( is_api_member(name) )
    blame(s, r, name, "ortto: \"%.*s\" belongs to Ortto's API; a Segment data source takes \"traits\". Leave "
          "it out, or say \"to\":\"api\"", (int)name.n, name.p);
  if( !audience_check(s, r) ) return 0;
  if( s->verb!=ORTTO_TRACK ) return !is_refused(r);
  if( !is_blank_text(s, event, &blank) ) return refuse_memory(s, r);
  if( !is_present(event) || blank ) blame(s, r, named("event"), "Missing event name");
  if( is_refused(r) ) return 0;
  if( js_type(space)!='"' || !js_is(unquoted(space), "ortto.com") ) return 1;
  ignore(s, r);
  return 0;
}

/* The members as given, in an object that is left open. */
static void event_copy(buf *out, js given, int track){
  js name, v;
  int first = 1, audience = is_present(js_get(given, "audience_name"));
  buf_puts(out, "{");
  for(js_iter it = js_in(given); js_next(&it, &name, &v); ){
    if( name.n==0 || js_is(name, "audience_name") ) continue;
    if( audience && js_is(name, "audience") ) continue;                /* the one that was named is added */
    if( js_type(v)=='"' && v.n==2 && (js_is(name, "user_id") || js_is(name, "anonymous_id")) ) continue;
    if( track && js_type(v)=='n' && (js_is(name, "timestamp") || js_is(name, "message_id")) )
      continue;                                  /* ours is added */
    name_copy(out, name, first);
    clean_copy(out, v);
    first = 0;
  }
}

/* A time and an id, which an activity needs, and the audience. */
static int members_added(ortto_sending *s, record *r, cJSON *added){
  int ok = added!=NULL || refuse_memory(s, r), track = s->verb==ORTTO_TRACK;
  if( ok && track && !is_present(js_get(r->given, "timestamp")) )
    ok = member_add(s, r, added, "timestamp", cJSON_CreateString(s->when));
  if( ok && track && !is_present(js_get(r->given, "message_id")) ){
    const char *id = generated_id(s, r);
    ok = member_add(s, r, added, "message_id", id ? cJSON_CreateString(id) : NULL);
  }
  return ok && audience_add(s, r, added) && !is_refused(r);
}

/* The last member of that name, whatever escapes it is written with. 0: out of memory. */
static int member_of(ortto_sending *s, js object, const char *wanted, js *out){
  js name, v;
  *out = (js){ 0 };
  if( js_type(object)!='{' ) return 1;
  for(js_iter it = js_in(object); js_next(&it, &name, &v); ){
    name.p = text_clean(&s->memory, name.p, name.n, 1, &name.n);
    if( name.p==NULL ) return 0;
    if( js_is(name, wanted) ) *out = v;
  }
  return 1;
}

/* The value as the record's key: its text without escapes; an email in small letters. 0: out of memory. */
static int event_key(ortto_sending *s, record *r, int place, js v){
  if( !is_given(v) ) return 1;
  size_t n = v.n;
  const char *text = js_type(v)=='"' ? js_text(&s->memory, v, &n) : v.p;
  char *key = text ? arena_text(&s->memory, text, n) : NULL;
  for(char *p=key; place==1 && p && *p; p++) if( *p>='A' && *p<='Z' ) *p = (char)(*p + 32);
  r->key[place] = key;
  r->keys_given |= 1<<place;
  return key!=NULL;
}

/* What names the contact, for the order of batches. */
static int event_keys(ortto_sending *s, record *r){
  js traits, email, user, anonymous;
  int ok = member_of(s, r->given, "traits", &traits) && member_of(s, traits, "email", &email)
        && member_of(s, r->given, "user_id", &user) && member_of(s, r->given, "anonymous_id", &anonymous)
        && event_key(s, r, 1, email) && event_key(s, r, 2, user) && event_key(s, r, 3, anonymous);
  r->lookup_keys = r->keys_given;
  return ok || refuse_memory(s, r);
}

void segment_item(ortto_sending *s, record *r){
  buf *out = &s->scratch;
  if( is_raw_event(r->given) && !raw_map(s, r) ){
    audience_check(s, r);                        /* the one thing that an event has beside its own */
    return;
  }
  if( !event_check(s, r) ) return;
  cJSON *added = cJSON_CreateObject();
  int ok = members_added(s, r, added);
  char *text = json_print(added);                /* {...}: what stands in it goes behind the members given */
  out->n = 0;
  out->failed = 0;
  event_copy(out, r->given, s->verb==ORTTO_TRACK);
  if( out->n>1 && text && text[1]!='}' ) buf_puts(out, ",");
  buf_puts(out, text ? text+1 : "");
  ok = ok && event_keys(s, r);
  r->merge_by = "";
  if( ok ) item_keep(s, r, text && !out->failed ? out->p : NULL, out->n);
  free(text);
}
