/*
** ortto_client.c - what stands behind ortto_client.h and belongs to no room: the client's life, what it is
** made of, and small calls. What takes an endpoint, a reader or a sending is in the room that it concerns.
*/
#include "ortto_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/json.h"
#include "src/os.h"
#include "src/text.h"
#include "src/client/account.h"
#include "src/client/context.h"
#include "src/client/endpoint.h"
#include "src/client/field_names.h"
#include "src/client/options.h"
#include "src/client/request.h"
#include "src/client/settings.h"
#include "src/client/value.h"

struct ortto_client {
  context context;
  settings settings;
  request_queue queue;
  accounts accounts;
  int64_t changed;                 /* when key, region or api_url were set last, 0 never */
};

ortto_client *ortto_client_new(const ortto_host *host){
  ortto_client *client = calloc(1, sizeof *client);
  if( client==NULL ) return NULL;
  context_init(&client->context, host);
  if( requests_open(&client->queue, &client->context) ) return client;
  free(client);
  return NULL;
}

void ortto_client_free(ortto_client *client){
  if( client==NULL ) return;
  requests_close(&client->queue);
  settings_free(&client->settings);
  accounts_free(&client->accounts);
  free(client);
}

const char *ortto_error(const ortto_client *client){
  return client->context.error;
}

/* ---- settings ------------------------------------------------------------------------------------------ */

int ortto_setting_find(ortto_client *client, const char *name){
  return settings_find(&client->context, name);
}

int ortto_setting_check(ortto_client *client, ortto_setting setting, const char *value, int in_args,
                        char **normal){
  return settings_check(&client->context, setting, value, in_args, normal);
}

int ortto_config_set(ortto_client *client, ortto_setting setting, const char *value){
  int rc = settings_set(&client->context, &client->settings, setting, value);
  int account = setting==ORTTO_KEY || setting==ORTTO_REGION || setting==ORTTO_API_URL;
  if( rc==ORTTO_OK && account ) client->changed = now_us();
  return rc;
}

int64_t ortto_config_changed(const ortto_client *client){
  return client->changed;
}

/* Where no address is set, the region's is in force. */
static int region_address(ortto_client *client, char **text){
  char *region;
  int rc = settings_show(&client->context, &client->settings, ORTTO_REGION, &region);
  if( rc!=ORTTO_OK ) return rc;
  *text = text_copy(region_host(region ? region : "global"));
  free(region);
  return *text ? ORTTO_OK : no_memory(&client->context);
}

int ortto_config_get(ortto_client *client, ortto_setting setting, char **text){
  int rc = settings_show(&client->context, &client->settings, setting, text);
  return rc==ORTTO_OK && setting==ORTTO_API_URL && *text==NULL ? region_address(client, text) : rc;
}

const char *ortto_config_origin(const ortto_client *client, ortto_setting setting){
  return settings_origin(&client->settings, setting);
}

int ortto_config_is_set(const ortto_client *client, ortto_setting setting){
  return settings_is_set(&client->settings, setting);
}

int ortto_config_number(ortto_client *client, const ortto_args *args, ortto_setting setting, long *number){
  return settings_number(&client->context, &client->settings, args, setting, number);
}

/* ---- endpoints ----------------------------------------------------------------------------------------- */

int ortto_endpoint_open(ortto_client *client, const ortto_args *args, ortto_protocol protocol,
                        ortto_endpoint **out){
  ortto_endpoint *e;
  int rc = endpoint_open(&client->context, &client->settings, args, protocol, &e);
  *out = NULL;
  if( rc!=ORTTO_OK ) return rc;
  e->queue = &client->queue;
  e->limits = key_limits_of(&client->queue.pace, e->key);
  if( e->limits==NULL || !account_open(&client->accounts, e) ){
    ortto_endpoint_close(e);
    return no_memory(&client->context);
  }
  *out = e;
  return ORTTO_OK;
}

int ortto_check(ortto_endpoint *e){
  js answer;
  http_request *r;
  int rc;
  if( e->protocol==ORTTO_API ){
    char *body = text_copy("{\"fields\":[\"str::email\"],\"limit\":1}");
    rc = request_now(e, "/v1/person/get", body, "checking the key", &r, &answer);
    if( rc==ORTTO_OK && js_get(answer, "contacts").p==NULL )
      rc = bad_answer(r, "has no \"contacts\", so it may not be Ortto's");
  }else{
    r = request_new(e, "GET", "/v1/me", NULL, 0, "checking the segment_key");
    rc = r ? request_wait(r) : ORTTO_NOMEM;
  }
  request_drop(r);
  return rc;
}

/* ---- small calls --------------------------------------------------------------------------------------- */

int ortto_json_is_object(const char *text, size_t length){
  js v;
  return json_check(text, length, &v) && js_type(v)=='{';
}

int ortto_fields_guessed(ortto_client *client, ortto_table table, const char *selection, int by_ids,
                         ortto_field_list **out){
  return fields_guessed(&client->context, table, selection, by_ids, out);
}

int ortto_options_read(ortto_client *client, const char *text, size_t length, ortto_options **out){
  return options_read(&client->context, text, length, out);
}

const ortto_log_entry *ortto_log_at(const ortto_client *client, int64_t number){
  return log_from(&client->queue.log, number);
}

int64_t ortto_log_last(const ortto_client *client){
  return client->queue.log.count;
}

ortto_waiting ortto_waits_for(const ortto_client *client, int64_t *ms){
  return requests_wait_for(&client->queue, ms);
}

int64_t ortto_records_settled(const ortto_client *client){
  return client->queue.settled;
}

/* A value is shown behind the reason, cut at a character's end, unless the reason shows it. */
static int value_refuse(context *ctx, const ortto_field *field, const char *why, js v){
  char shown[61], begin[29];
  size_t n = v.n<sizeof shown ? v.n : sizeof shown - 1;
  while( n<v.n && n && (v.p[n] & 0xC0)==0x80 ) n--;
  memcpy(shown, v.p, n);
  shown[n] = 0;
  snprintf(begin, sizeof begin, "not %.24s", shown);
  if( why[0]==0 ) return no_memory(ctx);
  if( strncmp(why, "is too long", 11)==0 )
    return fail(ctx, "ortto: the column %.80s %s; it begins with %.*s", field->column, why,
                cut_to(40, v.p, v.n), v.p);
  if( strncmp(why, "cannot be", 9)==0 || strstr(why, begin) )
    return fail(ctx, "ortto: the column %.80s %s", field->column, why);
  return fail(ctx, "ortto: the column %.80s %s: %s", field->column, why, shown);
}

int ortto_value_check(ortto_client *client, const ortto_field *field, const char *json, size_t length){
  context *ctx = &client->context;
  arena memory = { 0 };
  encoder e = { .memory = &memory };
  js v;
  char *text = text_copy_n(json, length);
  int rc = ORTTO_OK;
  if( text==NULL || !json_check(text, length, &v) ) rc = no_memory(ctx);
  else if( !utf8_is_sound(text, length) )
    rc = fail(ctx, "ortto: the column %.80s takes text in UTF-8, and this is none", field->column);
  else{
    int tags = strcmp(field->id, "tags")==0;
    cJSON *value = tags ? NULL : encode(&e, field, v);
    int good = tags ? tags_check(&e, v) : value!=NULL;
    cJSON_Delete(value);
    if( !good ) rc = value_refuse(ctx, field, e.why, v);
  }
  arena_free(&memory);
  free(text);
  return rc;
}

/* A phone number is sent in another form than it is read in. */
static int decode_sent(arena *memory, const ortto_field *field, js sent, ortto_value *out){
  js phone = field->type==ORTTO_PHONE ? js_get(sent, "phone") : (js){ 0 };
  if( js_type(phone)!='"' ) return decode(memory, field->type, sent, out);
  js digits = unquoted(phone);
  out->kind = ORTTO_VALUE_TEXT;
  out->text = arena_printf(memory, "+%.*s", (int)digits.n, digits.p);
  out->length = digits.n + 1;
  return out->text!=NULL;
}

int ortto_value_becomes(const ortto_field *field, const char *json, size_t length, ortto_value *out,
                        char **text){
  arena memory = { 0 };
  encoder e = { .memory = &memory };
  js given, sent;
  *out = (ortto_value){ .kind = ORTTO_VALUE_NULL };
  *text = NULL;
  const char *copy = arena_text(&memory, json, length);
  char *printed = copy && json_check(copy, length, &given) ? json_print(encode(&e, field, given)) : NULL;
  int ok = printed && json_check(printed, strlen(printed), &sent) && decode_sent(&memory, field, sent, out);
  int has_text = ok && (out->kind==ORTTO_VALUE_TEXT || out->kind==ORTTO_VALUE_JSON);
  if( has_text ) out->text = *text = text_copy_n(out->text, out->length);
  free(printed);
  arena_free(&memory);
  return ok && (!has_text || *text) ? ORTTO_OK : ORTTO_NOMEM;
}

typedef struct audience_search {   /* for one name or id */
  const char *wanted;
  char *id;
  int by_name, by_id;              /* how many fit */
  closest near;
} audience_search;

/* One audience: its id and its name. 0 when out of memory. */
static int audience_offer(audience_search *s, const ortto_value *id, const ortto_value *name,
                          const char *text){
  size_t n = strlen(s->wanted);
  int is_id = id->length==n && memcmp(id->text, s->wanted, n)==0;
  int is_name = name->kind==ORTTO_VALUE_TEXT && name->length==n && memcmp(name->text, s->wanted, n)==0;
  if( same_word(text, s->wanted) ){
    s->near.found = text;
    s->near.distance = 0;
  }else closest_offer(&s->near, text, text);
  s->by_name += is_name;
  if( (!is_id && !is_name) || s->by_id ) return 1;
  s->by_id = is_id;
  free(s->id);
  s->id = text_copy_n(id->text, id->length);
  return s->id!=NULL;
}

static int audience_result(context *ctx, const audience_search *s){
  int is_near = s->near.found[0] && s->near.distance*2<=strlen(s->wanted);
  if( s->id==NULL && is_near )
    return fail(ctx, "ortto: there is no audience '%.80s'; the closest is '%.80s' (SELECT id, name FROM "
                "ortto_audiences lists them)", s->wanted, s->near.found);
  if( s->id==NULL )
    return fail(ctx, "ortto: there is no audience '%.80s'; SELECT id, name FROM ortto_audiences lists them",
                s->wanted);
  if( !s->by_id && s->by_name>1 )
    return fail(ctx, "ortto: %d audiences are called '%.80s'; give the id of one of them (SELECT id, name "
                "FROM ortto_audiences)", s->by_name, s->wanted);
  return ORTTO_OK;
}

typedef struct audience_named {
  ortto_value id, name;
  char *text;                      /* the name, "" where there is none */
} audience_named;

struct ortto_audiences {
  audience_named *audience;
  int count, room;
  arena memory;
};

void ortto_audiences_free(ortto_audiences *all){
  if( all==NULL ) return;
  arena_free(&all->memory);
  free(all->audience);
  free(all);
}

/* 0 when out of memory. */
static int audience_keep(ortto_audiences *all, const ortto_value *id, const ortto_value *name){
  if( all->count==all->room ){
    int room = all->room ? all->room*2 : 64;
    audience_named *grown = realloc(all->audience, (size_t)room * sizeof *grown);
    if( grown==NULL ) return 0;
    all->audience = grown;
    all->room = room;
  }
  int named = name->kind==ORTTO_VALUE_TEXT;
  audience_named *a = &all->audience[all->count++];
  *a = (audience_named){ .id = *id, .name = *name };
  a->text = arena_text(&all->memory, named ? name->text : "", named ? name->length : 0);
  a->id.text = arena_text(&all->memory, id->text, id->length);
  if( named ) a->name.text = a->text;
  return a->text && a->id.text;
}

static int audiences_read(ortto_endpoint *e, ortto_audiences *all){
  const ortto_field *field = ortto_table_fields(ORTTO_AUDIENCES)->field, *fields[] = { &field[0], &field[1] };
  ortto_query q = { .table = ORTTO_AUDIENCES, .fields = fields, .field_count = 2 };
  ortto_reader *r = NULL;
  const ortto_value *v = NULL;
  int rc = ortto_reader_open(e, &q, &r), ok = 1;
  if( rc==ORTTO_OK ) rc = ortto_reader_next(r, &v);
  for(; ok && v && rc==ORTTO_ROW; rc=ok ? ortto_reader_next(r, &v) : rc)
    if( v[0].kind==ORTTO_VALUE_TEXT ) ok = audience_keep(all, &v[0], &v[1]);
  ortto_reader_close(r);
  if( !ok ) return no_memory(e->context);
  return rc==ORTTO_DONE ? ORTTO_OK : rc;
}

/* They are read whole, or not at all. */
static int audiences_have(ortto_endpoint *e, ortto_audiences **all){
  if( *all ) return ORTTO_OK;
  ortto_audiences *made = calloc(1, sizeof *made);
  if( made==NULL ) return no_memory(e->context);
  int rc = audiences_read(e, made);
  if( rc==ORTTO_OK ) *all = made;
  else ortto_audiences_free(made);
  return rc;
}

static int audience_find(context *ctx, const ortto_audiences *all, const char *wanted, char **id){
  audience_search s = { .wanted = wanted, .near = closest_to(wanted) };
  int ok = 1;
  for(int i=0; ok && i<all->count; i++){
    const audience_named *a = &all->audience[i];
    ok = audience_offer(&s, &a->id, &a->name, a->text);
  }
  *id = s.id;
  return ok ? audience_result(ctx, &s) : no_memory(ctx);
}

int ortto_audiences_find(ortto_endpoint *e, const char *const *names, int count, char **ids,
                         ortto_audiences **known){
  ortto_audiences *here = NULL, **all = known ? known : &here;
  int rc = audiences_have(e, all);
  for(int i=0; rc==ORTTO_OK && *all && i<count; i++) rc = audience_find(e->context, *all, names[i], &ids[i]);
  ortto_audiences_free(here);
  return rc;
}
