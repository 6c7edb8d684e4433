/*
** fuzz_settings.c - settings: lines NAME=VALUE, set one after the other, as arguments of a table where the
** line begins with a blank. A key is never shown, and a value that was accepted can be given again.
*/
#define _POSIX_C_SOURCE 200809L
#include "network.h"

#include <stdlib.h>
#include <string.h>

static void as_argument(ortto_client *client, int s, char *value){
  char *normal = NULL, *again = NULL;
  ortto_endpoint *e = NULL;
  long number;
  ortto_args args = { { NULL } };
  if( ortto_setting_check(client, (ortto_setting)s, value, 1, &normal)==ORTTO_OK && normal ){
    FUZZ_MUST(ortto_setting_check(client, (ortto_setting)s, normal, 1, &again)==ORTTO_OK);
    FUZZ_MUST(again && strcmp(again, normal)==0);
    args.value[s] = normal;
    ortto_config_number(client, &args, ORTTO_TIMEOUT_MS, &number);
    if( ortto_endpoint_open(client, &args, ORTTO_API, &e)==ORTTO_OK ) ortto_endpoint_identity(e);
    ortto_endpoint_close(e);
  }
  free(normal);
  free(again);
}

static void as_setting(ortto_client *client, int s, const char *value){
  char *text = NULL;
  int rc = ortto_config_set(client, (ortto_setting)s, value);
  if( ortto_config_get(client, (ortto_setting)s, &text)==ORTTO_OK ) fuzz_touch_text(text);
  int secret = s==ORTTO_KEY || s==ORTTO_SEGMENT_KEY;
  if( rc==ORTTO_OK && secret && text ) FUZZ_MUST(strncmp(text, "****", 4)==0 && strlen(text)<=4+4*4);
  if( rc==ORTTO_OK && !secret && text ) FUZZ_MUST(ortto_config_set(client, (ortto_setting)s, text)==ORTTO_OK);
  free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n){
  ortto_endpoint *e;
  char *text = strndup((const char *)data, n), *rest;
  fuzz_input(data, n);
  network_begin(NULL, 0, "/v1/");
  ortto_client *client = fuzz_client(ORTTO_API, &e);
  for(char *line=strtok_r(text, "\n", &rest); line; line=strtok_r(NULL, "\n", &rest)){
    int argument = line[0]==' ';
    char *value = strchr(line, '=');
    if( value ) *value++ = 0;
    int s = ortto_setting_find(client, line + argument);
    if( s<0 || value==NULL || strncmp(value, "file:", 5)==0 ) continue;
    if( argument ) as_argument(client, s, value);
    else as_setting(client, s, value);
  }
  ortto_check(e);
  free(text);
  fuzz_client_free(client, e);
  return 0;
}
