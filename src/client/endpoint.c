/*
** endpoint.c - see endpoint.h.
*/
#include "endpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../os.h"
#include "../text.h"
#include "url.h"

const char *region_host(const char *region){
  if( strcmp(region, "au")==0 ) return "https://api.au.ap3api.com";
  if( strcmp(region, "eu")==0 ) return "https://api.eu.ap3api.com";
  return "https://api.ap3api.com";
}

static int is_host_letter(char c){              /* whatever the locale */
  return (c>='a' && c<='z') || (c>='A' && c<='Z') || (c>='0' && c<='9');
}

/* The region stands in the key: a hyphen is its fourth character, the two before it are the region [seen in
** Segment's client]. They become part of a host's name, hence letters and digits only. */
static int segment_host(context *ctx, const char *key, char **host){
  int good = strlen(key)>=5 && key[3]=='-' && memchr(key, '-', 3)==NULL;
  if( !good || !is_host_letter(key[1]) || !is_host_letter(key[2]) )
    return fail(ctx, "ortto: segment_key is no key of a Segment (Actions) data source: Invalid API key. "
                "Such a key begins like 'pau-'; copy it from Ortto's data source page");
  if( host==NULL ) return ORTTO_OK;
  buf b = { 0 };
  buf_printf(&b, "https://segment-action-api-%c%c.ortto%s.app", key[1], key[2], key[0]=='s' ? "-stg" : "");
  *host = b.p;
  return b.failed ? no_memory(ctx) : ORTTO_OK;
}

static int endpoint_key(ortto_endpoint *e, const settings *own, const ortto_args *args, enum origin *from,
                        int *literal){
  context *ctx = e->context;
  ortto_setting s = e->protocol==ORTTO_API ? ORTTO_KEY : ORTTO_SEGMENT_KEY;
  char *value;
  int rc = setting_value(ctx, own, args, s, &value, from);
  if( rc!=ORTTO_OK ) return rc;
  if( value==NULL ){
    if( s==ORTTO_KEY )
      return fail(ctx, "ortto: there is no API key. Set ORTTO_API_KEY in the environment, or "
                  "SELECT ortto_config('key', '...'), or write key=env:ORTTO_... in the table's arguments. "
                  "Ortto makes keys under Settings, Integrations, Custom API");
    return fail(ctx, "ortto: there is no segment_key. Set ORTTO_SEGMENT_KEY in the environment, or SELECT "
                "ortto_config('segment_key', '...'), with the key of a Segment (Actions) data source");
  }
  *literal = strncmp(value, "env:", 4)!=0 && strncmp(value, "file:", 5)!=0;
  rc = key_resolve(ctx, s, value, *from, &e->key);
  free(value);
  return rc;
}

/* The address, and whether this key may go there. */
static int endpoint_base(ortto_endpoint *e, const settings *own, const ortto_args *args, const char *region,
                         enum origin key_from, int key_literal){
  context *ctx = e->context;
  enum origin from;
  int rc = e->protocol==ORTTO_SEGMENT ? segment_host(ctx, e->key, NULL) : ORTTO_OK;
  if( rc==ORTTO_OK ) rc = setting_value(ctx, own, args, ORTTO_API_URL, &e->base, &from);
  if( rc!=ORTTO_OK ) return rc;
  if( e->base ){
    if( from==FROM_ARGS && !(key_from==FROM_ARGS && key_literal) )
      return fail(ctx, "ortto: the api_url in this table's arguments gets only a key that is written "
                  "literally in the same arguments, because a database file from somebody else could carry "
                  "it; write key='...' there, or set the address with SELECT ortto_config('api_url', '...') "
                  "or ORTTO_API_URL");
    int good = url_is_good(e->base, &e->loopback);
    if( good<0 ) return no_memory(ctx);
    return good ? ORTTO_OK : bad_setting(ctx, ORTTO_API_URL, e->base);
  }
  if( e->protocol==ORTTO_SEGMENT ) return segment_host(ctx, e->key, &e->base);
  snprintf(e->region, sizeof e->region, "%s", region);
  e->base = text_copy(region_host(e->region));
  return e->base ? ORTTO_OK : no_memory(ctx);
}

/* A bad region is told, also where an address replaces it. */
static int endpoint_address(ortto_endpoint *e, const settings *own, const ortto_args *args,
                            enum origin key_from, int key_literal){
  enum origin from;
  char *region = NULL;
  int rc = setting_value(e->context, own, args, ORTTO_REGION, &region, &from);
  if( rc==ORTTO_OK ) rc = endpoint_base(e, own, args, region ? region : "global", key_from, key_literal);
  free(region);
  return rc;
}

static int endpoint_authorization(ortto_endpoint *e){
  buf b = { 0 };
  buf_printf(&b, "%s%s", e->protocol==ORTTO_API ? "X-Api-Key: " : "Authorization: Bearer ", e->key);
  e->authorization = b.p;
  return b.failed ? no_memory(e->context) : ORTTO_OK;
}

static int endpoint_numbers(ortto_endpoint *e, const settings *own, const ortto_args *args){
  const struct { ortto_setting setting; long *number; } wanted[] = {
    { ORTTO_TIMEOUT_MS, &e->timeout_ms }, { ORTTO_RETRIES, &e->retries },
    { ORTTO_RATE, &e->rate }, { ORTTO_CONCURRENCY, &e->concurrency },
  };
  int rc = ORTTO_OK;
  for(size_t i=0; rc==ORTTO_OK && i<sizeof wanted/sizeof *wanted; i++)
    rc = settings_number(e->context, own, args, wanted[i].setting, wanted[i].number);
  return rc;
}

/* The variable, NULL where it is not set or empty. */
static int from_environment(context *ctx, char **to, const char *variable){
  int failed = 0;
  *to = os_environment(variable, &failed);
  if( *to && (*to)[0]==0 ){
    free(*to);
    *to = NULL;
  }
  return failed ? no_memory(ctx) : ORTTO_OK;
}

/* The setting, else what counts for curl: CURL_CA_BUNDLE alone, or SSL_CERT_FILE and SSL_CERT_DIR. */
static int endpoint_authorities(ortto_endpoint *e, const settings *own){
  enum origin from;
  int rc = setting_value(e->context, own, NULL, ORTTO_CA_FILE, &e->ca_file, &from);
  if( rc!=ORTTO_OK || e->ca_file ) return rc;
  rc = from_environment(e->context, &e->ca_file, "CURL_CA_BUNDLE");
  if( rc!=ORTTO_OK || e->ca_file ) return rc;
  rc = from_environment(e->context, &e->ca_file, "SSL_CERT_FILE");
  return rc==ORTTO_OK ? from_environment(e->context, &e->ca_folder, "SSL_CERT_DIR") : rc;
}

int endpoint_open(context *ctx, const settings *own, const ortto_args *args, ortto_protocol protocol,
                  ortto_endpoint **out){
  enum origin key_from = FROM_NOWHERE;
  int literal = 0;
  ortto_endpoint *e = calloc(1, sizeof *e);
  *out = NULL;
  if( e==NULL ) return no_memory(ctx);
  e->context = ctx;
  e->references = 1;
  e->protocol = protocol;
  int rc = endpoint_key(e, own, args, &key_from, &literal);
  if( rc==ORTTO_OK ) rc = endpoint_address(e, own, args, key_from, literal);
  if( rc==ORTTO_OK ) rc = endpoint_numbers(e, own, args);
  if( rc==ORTTO_OK ) rc = endpoint_authorization(e);
  if( rc==ORTTO_OK ) rc = endpoint_authorities(e, own);
  if( rc!=ORTTO_OK ){
    ortto_endpoint_close(e);
    return rc;
  }
  e->identity = hash_bytes(hash_bytes(HASH_START, e->base, strlen(e->base)+1), e->key, strlen(e->key));
  *out = e;
  return ORTTO_OK;
}

ortto_endpoint *endpoint_keep(ortto_endpoint *e){
  e->references++;
  return e;
}

void ortto_endpoint_close(ortto_endpoint *e){
  if( e==NULL || --e->references>0 ) return;
  if( e->account ) e->account_release(e->account);
  free(e->authorization);
  free(e->ca_file);
  free(e->ca_folder);
  free(e->base);
  free(e->key);
  free(e);
}

uint64_t ortto_endpoint_identity(const ortto_endpoint *e){
  return e->identity;
}
