/*
** segment.c - see segment.h.
*/
#include "segment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../text.h"
#include "request.h"
#include "create.h"
#include "contact.h"
#include "account.h"

static int segment_member_is_refused(js name){
  return js_is(name, "fields") || js_is(name, "tags") || js_is(name, "unset_tags");
}

/* A copy without the members whose name is empty, in all objects but those in lists [seen in Segment's client]. */
static void clean_write(buf *out, js v){
  js name, member;
  int any = 0;
  if( js_type(v)!='{' ){
    buf_add(out, v.p, v.n);
    return;
  }
  buf_puts(out, "{");
  js_iter it = js_in(v);
  while( js_next(&it, &name, &member) ){
    if( name.n==0 ) continue;
    buf_printf(out, "%s\"%.*s\":", any++ ? "," : "", (int)name.n, name.p);
    clean_write(out, member);
  }
  buf_puts(out, "}");
}

static void member_write(buf *out, const char *name, js v){
  if( v.p==NULL ) return;
  buf_printf(out, "%s\"%s\":", out->n>1 ? "," : "", name);
  clean_write(out, v);
}

static int is_blank_text(ortto_sending *s, js v){
  const char *text = js_type(v)=='"' ? js_cstring(&s->memory, v) : NULL;
  return text && text[strspn(text, " \t\n\v\f\r")]==0;
}

int is_raw_event(js given){
  js type = js_get(given, "type");
  return js_type(type)=='"' && (js_is(unquoted(type), "identify") || js_is(unquoted(type), "track"))
      && js_get(given, "user_id").p==NULL && js_get(given, "anonymous_id").p==NULL;
}

static int raw_ip(ortto_sending *s, record *r, js ip){
  char text[64];
  unsigned char address[16];
  if( !is_present(ip) ) return 1;
  snprintf(text, sizeof text, "%.*s", (int)(ip.n>2 && ip.n<40 ? ip.n-2 : 0), ip.p+1);
  return (js_type(ip)=='"' && os_ip_parse(text, address)==4) || refuse(s, r, 400, "ortto: context.ip is no IPv4 address: %.*s", (int)(ip.n<50 ? ip.n : 50), ip.p);
}

int raw_map(ortto_sending *s, record *r){
  static const char *const from[] = { "country", "state", "city", "postal_code" }, *const to[] = { "country", "state", "city", "post_code" };
  js g = r->given, ip = js_path(g, "context", "ip", NULL), traits = js_get(g, "traits"), mode = js_get(g, "audience_update_mode");
  int track = js_is(unquoted(js_get(g, "type")), "track");
  buf *out = &s->scratch, place = { 0 };
  js name, v;
  for(js_iter it = js_in(g); js_next(&it, &name, &v); ) if( segment_member_is_refused(name) )
    return refuse(s, r, 400, "ortto: an event of Segment's has no member \"%.*s\": put it into \"traits\", or write a record of ortto_upsert's own form", (int)name.n, name.p);
  if( track!=(s->verb==ORTTO_TRACK) ) return refuse(s, r, 400, "ortto: this is %s event: use %s", track ? "a track" : "an identify", track ? "ortto_track" : "ortto_upsert");
  if( !is_present(js_get(g, "userId")) && !is_present(js_get(g, "anonymousId")) ) return refuse(s, r, 400, "ortto: the event has neither userId nor anonymousId");
  if( track && !is_present(js_get(g, "event")) ) return refuse(s, r, 400, "Missing event name");
  if( !raw_ip(s, r, ip) ) return 0;
  out->n = 0;
  out->failed = 0;
  buf_puts(out, "{");
  member_write(out, "timestamp", js_get(g, "timestamp"));
  member_write(out, "message_id", js_get(g, "messageId"));
  member_write(out, "user_id", js_get(g, "userId"));
  member_write(out, "anonymous_id", js_get(g, "anonymousId"));
  member_write(out, "enable_batching", (js){ "true", 4 });
  member_write(out, "ip", ip);
  buf_puts(&place, "{");
  for(int i=0; i<4; i++){
    js part = js_path(g, "traits", "address", from[i]);
    if( !is_present(part) ) part = js_path(js_get(g, "context"), "traits", "address", from[i]);
    member_write(&place, to[i], part);
  }
  buf_puts(&place, "}");
  if( !place.failed ) member_write(out, "location", (js){ place.p, place.n });
  member_write(out, "traits", is_present(traits) ? traits : js_path(g, "context", "traits", NULL));
  if( track ){
    member_write(out, "event", js_get(g, "event"));
    member_write(out, "namespace", js_path(g, "context", "app", "namespace"));
    member_write(out, "properties", js_get(g, "properties"));
  }
  member_write(out, "audience_name", js_get(g, "audience_name"));
  member_write(out, "audience_update_mode", mode.p ? mode : (js){ "\"add\"", 5 });
  member_write(out, "batch_size", (js){ "500", 3 });
  buf_puts(out, "}");
  int ok = !out->failed && !place.failed;
  buf_free(&place);
  char *text = ok ? arena_text(&s->memory, out->p, out->n) : NULL;
  if( text==NULL || !json_check(text, out->n, &r->given) ) return refuse(s, r, 0, "out of memory");
  return 1;
}

/* The audience of that name, looked up or made once per client. NULL: refused. */
static const char *audience_of(ortto_sending *s, record *r, js name){
  const char *text = js_cstring(&s->memory, name);
  if( text ) text += strspn(text, " \t\r\n");
  size_t n = text ? strlen(text) : 0;
  while( n && strchr(" \t\r\n", text[n-1]) ) n--;
  if( n==0 ){
    refuse(s, r, 400, "ortto: audience_name must not be empty");
    return NULL;
  }
  char *key = arena_text(&s->memory, text, n);
  const char *known = key ? audience_known(s->endpoint->account, key) : NULL;
  if( known ) return known;
  if( key && refused_before(s, r, key) ) return NULL;
  cJSON *o = cJSON_CreateObject();
  int ok = key && o && cJSON_AddStringToObject(o, "name", key);
  char *printed = ok ? cJSON_PrintUnformatted(o) : NULL, *body = text_copy(printed);
  cJSON_free(printed);
  cJSON_Delete(o);
  js answer;
  http_request *c = request_new(s->endpoint, "POST", "/v1/audiences/create", body, 0, "looking up the audience");
  int rc = c ? request_wait(c) : ORTTO_NOMEM;
  if( rc==ORTTO_OK ) rc = answer_json(c, &answer);
  char *id = rc==ORTTO_OK ? js_cstring(&s->memory, js_get(answer, "id")) : NULL;
  if( rc==ORTTO_OK && (id==NULL || id[0]==0) ) rc = bad_answer(c, "has no id of the audience");
  if( rc!=ORTTO_OK ){
    refuse_by_call(s, r, c, rc);
    refused_remember(s, r, key ? key : "");
  }
  request_drop(c);
  if( rc!=ORTTO_OK ) return NULL;
  if( key && id ) audience_remember(s->endpoint->account, key, id);
  return id;
}

static int segment_audience(ortto_sending *s, record *r, buf *out){
  js name = js_get(r->given, "audience_name"), mode = js_get(r->given, "audience_update_mode");
  if( !is_present(name) ) return 1;
  if( js_type(name)!='"' ) return refuse(s, r, 400, "ortto: audience_name must be text, not %s", js_kind(name));
  if( is_present(mode) && !(js_type(mode)=='"' && (js_is(unquoted(mode), "add") || js_is(unquoted(mode), "remove"))) )
    return refuse(s, r, 400, "ortto: audience_update_mode must be 'add' or 'remove', not %.*s", (int)(mode.n<40 ? mode.n : 40), mode.p);
  const char *id = audience_of(s, r, name);
  if( id==NULL ) return 0;
  buf_printf(out, "%s\"audience\":{\"mode\":%s,\"id\":\"%s\"}", out->n>1 ? "," : "", is_present(mode) && js_is(mode, "\"remove\"") ? "\"remove\"" : "\"add\"", id);
  return 1;
}

static int segment_event(ortto_sending *s, record *r, int *ignored){
  js event = js_get(r->given, "event"), space = js_get(r->given, "namespace");
  *ignored = 0;
  if( s->verb!=ORTTO_TRACK ) return 1;
  if( !is_present(event) || is_blank_text(s, event) ) return refuse(s, r, 400, "Missing event name");
  if( js_type(space)=='"' && js_is(unquoted(space), "ortto.com") ){   /* it came from Ortto: a loop */
    const char *name = js_cstring(&s->memory, event);
    char text[300];
    snprintf(text, sizeof text, "%.200s was originated from ortto.com (Ignored)", name ? name : "");
    r->item = NULL;
    r->outcome.status = 200;
    r->outcome.body = keep(s, text);
    *ignored = 1;
  }
  return 1;
}

/* What names the contact, for the order of batches. */
static void segment_keys(ortto_sending *s, record *r){
  const struct { int bit; js v; } keys[] = { { KEY_EXTERNAL, js_get(r->given, "user_id") }, { KEY_OTHER, js_get(r->given, "anonymous_id") },
                                             { KEY_EMAIL, js_path(r->given, "traits", "email", NULL) } };
  for(int i=0; i<3; i++) if( is_present(keys[i].v) ){
    int at = keys[i].bit==KEY_EMAIL ? 1 : keys[i].bit==KEY_EXTERNAL ? 2 : 3;
    r->key[at] = arena_text(&s->memory, keys[i].v.p, keys[i].v.n);
    if( r->key[at] ) r->keys_given |= keys[i].bit;
  }
  r->lookup_keys = r->keys_given;
}

int map_segment(ortto_sending *s, record *r){
  js name, v;
  int ignored;
  buf *out = &s->scratch;
  if( is_raw_event(r->given) && !raw_map(s, r) ) return ORTTO_OK;
  js_iter it = js_in(r->given);
  while( js_next(&it, &name, &v) ) if( segment_member_is_refused(name) ){
    refuse(s, r, 400, "ortto: \"%.*s\" belongs to Ortto's API; a Segment data source takes \"traits\". Leave it out, or say \"to\":\"api\"", (int)name.n, name.p);
    return ORTTO_OK;
  }
  if( !segment_event(s, r, &ignored) || ignored ) return ORTTO_OK;
  out->n = 0;
  out->failed = 0;
  buf_puts(out, "{");
  it = js_in(r->given);
  while( js_next(&it, &name, &v) ){
    if( name.n==0 || js_is(name, "audience_name") ) continue;
    if( s->verb==ORTTO_TRACK && js_type(v)=='n' && (js_is(name, "timestamp") || js_is(name, "message_id")) ) continue;   /* ours comes below */
    buf_printf(out, "%s\"%.*s\":", out->n>1 ? "," : "", (int)name.n, name.p);
    clean_write(out, v);
  }
  if( s->verb==ORTTO_TRACK && !is_present(js_get(r->given, "timestamp")) )
    buf_printf(out, "%s\"timestamp\":\"%s\"", out->n>1 ? "," : "", generated_time(&s->memory));
  if( s->verb==ORTTO_TRACK && !is_present(js_get(r->given, "message_id")) )
    buf_printf(out, "%s\"message_id\":\"%s\"", out->n>1 ? "," : "", generated_id(s));
  if( !segment_audience(s, r, out) ) return ORTTO_OK;
  buf_puts(out, "}");
  segment_keys(s, r);
  r->merge_by = "";
  item_keep(s, r, out);
  return ORTTO_OK;
}
