/*
** ortto_client.c - what stands behind ortto_client.h and belongs to no room: the client's life, ortto_check, small calls.
*/
#define _GNU_SOURCE
#include "ortto_client.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <curl/curl.h>

#include "src/os.h"
#include "src/text.h"
#include "src/json.h"
#include "src/client/client.h"
#include "src/client/context.h"
#include "src/client/settings.h"
#include "src/client/endpoint.h"
#include "src/client/pace.h"
#include "src/client/request.h"
#include "src/client/value.h"
#include "src/client/page.h"
#include "src/client/create.h"

const char *ortto_error(const ortto_client *client){
  return client->error;
}

static void start_curl(void){
  curl_global_init(CURL_GLOBAL_DEFAULT);
}

ortto_client *ortto_client_new(const ortto_host *host){
  static pthread_once_t once = PTHREAD_ONCE_INIT;   /* curl_global_init is safe with threads only since 7.84 */
  pthread_once(&once, start_curl);
  ortto_client *client = calloc(1, sizeof *client);
  if( client==NULL ) return NULL;
  if( host ) client->host = *host;
  client->multi = curl_multi_init();
  if( client->multi==NULL ){
    free(client);
    return NULL;
  }
  curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, 64L);
  curl_multi_setopt(client->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
  client->requests_end = &client->requests;
  client->random = mix64((uint64_t)now_us() ^ (uint64_t)getpid()<<40 ^ mix64((uint64_t)(uintptr_t)client));
  return client;
}

void ortto_client_free(ortto_client *client){
  if( client==NULL ) return;
  requests_drop_all(client);
  for(int i=0; i<client->idle_count; i++) curl_easy_cleanup(client->idle[i]);
  curl_multi_cleanup(client->multi);
  key_limits_free(client->limits);
  for(int i=0; i<ORTTO_SETTINGS; i++) free(client->config[i]);
  for(size_t i=0; i<sizeof client->refused_reads/sizeof *client->refused_reads; i++) free(client->refused_reads[i].why);
  for(int i=0; i<2; i++) ortto_fields_free(client->fields[i].list);
  activities_free(client->activities);
  for(int i=0; i<client->audience_count; i++){
    free(client->audience[i].name);
    free(client->audience[i].id);
  }
  free(client->audience);
  free(client->log);
  free(client);
}

int ortto_json_is_object(const char *text, size_t length){
  js v;
  return json_check(text, length, &v) && js_type(v)=='{';
}

int ortto_endpoint_open(ortto_client *client, const ortto_args *args, ortto_protocol protocol, ortto_endpoint **out){
  enum origin key_from = FROM_NOWHERE;
  int literal = 0;
  ortto_endpoint *e = calloc(1, sizeof *e);
  *out = NULL;
  if( e==NULL ) return no_memory(client);
  e->client = client;
  e->references = 1;
  e->protocol = protocol;
  int rc = endpoint_key(client, args, protocol==ORTTO_API ? ORTTO_KEY : ORTTO_SEGMENT_KEY, &key_from, &literal, &e->key);
  if( rc==ORTTO_OK ) rc = endpoint_base(e, args, key_from, literal);
  if( rc==ORTTO_OK ) rc = endpoint_numbers(e, args);
  if( rc==ORTTO_OK ) rc = endpoint_headers(e);
  if( rc==ORTTO_OK && (e->limits = key_limits_of(client, e->key))==NULL ) rc = no_memory(client);
  if( rc!=ORTTO_OK ){
    ortto_endpoint_close(e);
    return rc;
  }
  e->identity = hash_bytes(hash_bytes(HASH_START, e->base, strlen(e->base)+1), e->key, strlen(e->key));
  *out = e;
  return ORTTO_OK;
}

int ortto_value_check(ortto_client *client, const ortto_field *field, const char *json, size_t length){
  arena memory = { 0 };
  buf out = { 0 };
  encoder e = { &memory, &out, "" };
  js v;
  int rc = ORTTO_OK;
  char *text = text_copy_n(json, length);
  if( text==NULL || !json_check(text, length, &v) ) rc = no_memory(client);
  else if( !utf8_is_sound(text, length) ) rc = fail(client, "ortto: the column %.80s takes text in UTF-8, and this is none", field->column);
  else if( strcmp(field->id, "tags")==0 ? !tags_check(&e, v) : !encode(&e, field, v) )
    rc = out.failed ? no_memory(client)
       : strstr(e.why, "cannot be") || strstr(e.why, "too long") ? fail(client, "ortto: the column %.80s %s", field->column, e.why)
       : fail(client, "ortto: the column %.80s %s: %.*s", field->column, e.why, (int)(v.n<60 ? v.n : 60), v.p);
  if( rc==ORTTO_OK && out.failed ) rc = no_memory(client);
  buf_free(&out);
  arena_free(&memory);
  free(text);
  return rc;
}

int ortto_check(ortto_endpoint *e){
  js answer;
  http_request *c;
  int rc;
  if( e->protocol==ORTTO_API ){
    rc = request_now(e, "/v1/person/get", text_copy("{\"fields\":[\"str::email\"],\"limit\":1}"), "checking the key", &c, &answer);
    if( rc==ORTTO_OK && js_get(answer, "contacts").p==NULL ) rc = bad_answer(c, "has no \"contacts\": is this Ortto?");
  }else{
    c = request_new(e, "GET", "/v1/me", NULL, 0, "checking the segment_key");
    rc = c ? request_wait(c) : ORTTO_NOMEM;
  }
  request_drop(c);
  return rc;
}

static int audience_match(ortto_client *client, ortto_reader *r, const char *wanted, char **id){
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
    if( (*id = text_copy_n(v[0].text, v[0].length))==NULL ) return no_memory(client);
  }
  if( rc!=ORTTO_DONE ) return rc;
  if( *id==NULL ) return fail(client, "ortto: there is no audience '%.80s'; SELECT id, name FROM ortto_audiences lists them", wanted);
  if( !by_id && by_name>1 )
    return fail(client, "ortto: %d audiences are called '%.80s'; give the id of one of them (SELECT id, name FROM ortto_audiences)", by_name, wanted);
  return ORTTO_OK;
}

int ortto_audience_find(ortto_endpoint *e, const char *name_or_id, char **id){
  const ortto_field *fields[] = { &ortto_table_fields(ORTTO_AUDIENCES)->field[0], &ortto_table_fields(ORTTO_AUDIENCES)->field[1] };
  ortto_query q = { .table = ORTTO_AUDIENCES, .fields = fields, .field_count = 2 };
  ortto_reader *r;
  *id = NULL;
  int rc = ortto_reader_open(e, &q, &r);
  if( rc==ORTTO_OK ) rc = audience_match(e->client, r, name_or_id, id);
  ortto_reader_close(r);
  if( rc!=ORTTO_OK ){
    free(*id);
    *id = NULL;
  }
  return rc;
}
