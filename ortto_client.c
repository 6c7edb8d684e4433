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
      rc = bad_answer(r, "has no \"contacts\": is this Ortto?");
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

int ortto_fields_builtin(ortto_client *client, ortto_table table, int by_ids, ortto_field_list **out){
  return fields_builtin(&client->context, table, by_ids, out);
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

/* Only what does not fit without being shown already is shown behind the reason. */
static int value_refuse(context *ctx, const ortto_field *field, const char *why, js v){
  if( why[0]==0 ) return no_memory(ctx);
  char shown[40];
  snprintf(shown, sizeof shown, "%.*s", up_to(30, v.n), v.p);
  if( strstr(why, "cannot be") || strstr(why, "too long") || strstr(why, shown) )
    return fail(ctx, "ortto: the column %.80s %s", field->column, why);
  return fail(ctx, "ortto: the column %.80s %s: %.*s", field->column, why, up_to(60, v.n), v.p);
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

static int audience_match(context *ctx, ortto_reader *r, const char *wanted, char **id){
  const ortto_value *v = NULL;
  size_t n = strlen(wanted);
  int rc, by_name = 0, by_id = 0;
  while( (rc = ortto_reader_next(r, &v))==ORTTO_ROW && v ){
    int is_id = v[0].length==n && memcmp(v[0].text, wanted, n)==0;
    int is_name = v[1].kind==ORTTO_VALUE_TEXT && v[1].length==n && memcmp(v[1].text, wanted, n)==0;
    by_name += is_name;
    if( (!is_id && !is_name) || v[0].kind!=ORTTO_VALUE_TEXT || by_id ) continue;
    by_id = is_id;
    free(*id);
    if( (*id = text_copy_n(v[0].text, v[0].length))==NULL ) return no_memory(ctx);
  }
  if( rc!=ORTTO_DONE ) return rc;
  if( *id==NULL ) return fail(ctx, "ortto: there is no audience '%.80s'; SELECT id, name FROM ortto_audiences lists them", wanted);
  if( !by_id && by_name>1 )
    return fail(ctx, "ortto: %d audiences are called '%.80s'; give the id of one of them (SELECT id, name FROM ortto_audiences)", by_name, wanted);
  return ORTTO_OK;
}

int ortto_audience_find(ortto_endpoint *e, const char *name_or_id, char **id){
  const ortto_field *members = ortto_table_fields(ORTTO_AUDIENCES)->field;
  const ortto_field *fields[] = { &members[0], &members[1] };   /* id and name */
  ortto_query q = { .table = ORTTO_AUDIENCES, .fields = fields, .field_count = 2 };
  ortto_reader *r;
  *id = NULL;
  int rc = ortto_reader_open(e, &q, &r);
  if( rc==ORTTO_OK ) rc = audience_match(e->context, r, name_or_id, id);
  ortto_reader_close(r);
  if( rc!=ORTTO_OK ){
    free(*id);
    *id = NULL;
  }
  return rc;
}
