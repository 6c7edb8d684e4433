/*
** endpoint.c - see endpoint.h.
*/
#include "endpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../text.h"
#include "context.h"
#include "url.h"

static const char *api_host(const char *region){
  if( strcmp(region, "au")==0 ) return "https://api.au.ap3api.com";
  if( strcmp(region, "eu")==0 ) return "https://api.eu.ap3api.com";
  return "https://api.ap3api.com";
}

static int is_host_letter(char c){              /* whatever the locale */
  return (c>='a' && c<='z') || (c>='A' && c<='Z') || (c>='0' && c<='9');
}

/* The region stands in the key: a hyphen is its fourth character, the two before it are the region [seen in
** Segment's client]. They become part of a host's name, hence letters and digits only. */
static int segment_host(ortto_client *client, const char *key, char **host){   /* host NULL: only the key is checked */
  if( strlen(key)<5 || key[3]!='-' || memchr(key, '-', 3) || !is_host_letter(key[1]) || !is_host_letter(key[2]) )
    return fail(client, "ortto: segment_key is no key of a Segment (Actions) data source: Invalid API key. Such a key begins "
                "like 'pau-'; copy it from Ortto's data source page");
  if( host==NULL ) return ORTTO_OK;
  buf b = { 0 };
  buf_printf(&b, "https://segment-action-api-%c%c.ortto%s.app", key[1], key[2], key[0]=='s' ? "-stg" : "");
  *host = b.p;
  return b.failed ? no_memory(client) : ORTTO_OK;
}

int endpoint_key(ortto_client *client, const ortto_args *args, ortto_setting s, enum origin *from, int *literal, char **key){
  char *value;
  int rc = setting_value(client, args, s, &value, from);
  if( rc!=ORTTO_OK ) return rc;
  if( value==NULL ){
    if( s==ORTTO_KEY )
      return fail(client, "ortto: there is no API key. Set ORTTO_API_KEY in the environment, or SELECT ortto_config('key', '...'), "
                  "or write key=env:ORTTO_... in the table's arguments. Ortto makes keys under Settings, Integrations, Custom API");
    return fail(client, "ortto: there is no segment_key. Set ORTTO_SEGMENT_KEY in the environment, or SELECT "
                "ortto_config('segment_key', '...'), with the key of a Segment (Actions) data source");
  }
  *literal = strncmp(value, "env:", 4)!=0 && strncmp(value, "file:", 5)!=0;
  rc = key_resolve(client, s, value, key);
  free(value);
  return rc;
}

int endpoint_base(ortto_endpoint *e, const ortto_args *args, enum origin key_from, int key_literal){
  ortto_client *client = e->client;
  enum origin from;
  char *region = NULL;
  int rc = e->protocol==ORTTO_SEGMENT ? segment_host(client, e->key, NULL) : ORTTO_OK;
  if( rc==ORTTO_OK ) rc = setting_value(client, args, ORTTO_API_URL, &e->base, &from);
  if( rc!=ORTTO_OK ) return rc;
  if( e->base ){
    if( from==FROM_ARGS && !(key_from==FROM_ARGS && key_literal) )
      return fail(client, "ortto: the api_url in this table's arguments gets only a key that is written literally in the same "
                  "arguments, because a database file from somebody else could carry it; write key='...' there, or set the "
                  "address with SELECT ortto_config('api_url', '...') or ORTTO_API_URL");
    return url_is_good(e->base, &e->loopback) ? ORTTO_OK : bad_setting(client, ORTTO_API_URL, e->base);
  }
  if( e->protocol==ORTTO_SEGMENT ) return segment_host(client, e->key, &e->base);
  rc = setting_value(client, args, ORTTO_REGION, &region, &from);
  if( rc!=ORTTO_OK ) return rc;
  snprintf(e->region, sizeof e->region, "%s", region ? region : "global");
  free(region);
  e->base = text_copy(api_host(e->region));
  return e->base ? ORTTO_OK : no_memory(client);
}

static int header_add(ortto_endpoint *e, const char *header){
  struct curl_slist *list = curl_slist_append(e->headers, header);
  if( list==NULL ) return 0;
  e->headers = list;
  return 1;
}

int endpoint_headers(ortto_endpoint *e){
  buf b = { 0 };
  buf_printf(&b, "%s%s", e->protocol==ORTTO_API ? "X-Api-Key: " : "Authorization: Bearer ", e->key);
  int ok = !b.failed && header_add(e, b.p) && header_add(e, "Content-Type: application/json")
        && header_add(e, "Accept: application/json") && header_add(e, "Expect:");
  buf_free(&b);
  return ok ? ORTTO_OK : no_memory(e->client);
}

int endpoint_numbers(ortto_endpoint *e, const ortto_args *args){
  const struct { ortto_setting setting; long *number; } wanted[] = {
    { ORTTO_TIMEOUT_MS, &e->timeout_ms }, { ORTTO_RETRIES, &e->retries },
    { ORTTO_RATE, &e->rate }, { ORTTO_CONCURRENCY, &e->concurrency },
  };
  int rc = ORTTO_OK;
  for(size_t i=0; rc==ORTTO_OK && i<sizeof wanted/sizeof *wanted; i++)
    rc = ortto_config_number(e->client, args, wanted[i].setting, wanted[i].number);
  return rc;
}

void ortto_endpoint_close(ortto_endpoint *e){
  if( e==NULL || --e->references>0 ) return;
  curl_slist_free_all(e->headers);
  free(e->base);
  free(e->key);
  free(e);
}

uint64_t ortto_endpoint_identity(const ortto_endpoint *e){
  return e->identity;
}
