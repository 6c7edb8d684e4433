/*
** fuzz_records.c - records to what is sent: the first byte chooses verb and protocol, the first line the
** options, the rest are the records. Each body is JSON, none too large; each record has an outcome.
*/
#include "network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void sent(const char *path, const char *body, size_t n){
  char *object = malloc(n + 10);
  size_t at = (size_t)sprintf(object, "{\"a\":");
  memcpy(object + at, body, n);
  memcpy(object + at + n, "}", 2);
  FUZZ_MUST(path[0]=='/');
  FUZZ_MUST(ortto_json_is_object(object, at + n + 1));
  FUZZ_MUST(n<=2u << 20);
  free(object);
}

static void outcomes(ortto_sending *sending){
  for(int i=0; i<ortto_sending_count(sending); i++){
    const ortto_outcome *o = ortto_sending_outcome(sending, i);
    fuzz_touch_text(o->message);
    fuzz_touch_text(o->body);
    fuzz_touch(o->sent, o->sent_length);
    for(int k=0; k<o->reason_count; k++) fuzz_touch_text(o->reasons[k].message);
    FUZZ_MUST(o->status>=0 && (o->errortype==NULL) == (o->status>=200 && o->status<300));
    FUZZ_MUST(o->errortype==NULL || o->message!=NULL);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n){
  static const ortto_verb verbs[] = { ORTTO_UPSERT, ORTTO_TRACK, ORTTO_UPSERT_ACCOUNTS, ORTTO_ARCHIVE,
                                      ORTTO_ARCHIVE_ACCOUNTS };
  const uint8_t *line = n>1 ? memchr(data + 1, '\n', n - 1) : NULL;
  ortto_options *options = NULL;
  ortto_sending *sending = NULL;
  ortto_endpoint *e;
  if( line==NULL ) return 0;
  ortto_protocol protocol = data[0] & 8 ? ORTTO_SEGMENT : ORTTO_API;
  ortto_verb verb = verbs[data[0] % (protocol==ORTTO_SEGMENT ? 2 : 5)];
  fuzz_input(data, n);
  network_begin((const uint8_t *)"", 0, "/v1/");
  network_watch(sent);
  ortto_client *client = fuzz_client(protocol, &e);
  size_t options_n = (size_t)(line - data) - 1, records_n = n - (size_t)(line - data) - 1;
  if( ortto_options_read(client, options_n ? (const char *)data + 1 : NULL, options_n, &options)==ORTTO_OK
   && ortto_send(e, verb, (const char *)line + 1, records_n, options, &sending)==ORTTO_OK ) outcomes(sending);
  ortto_sending_free(sending);
  ortto_options_free(options);
  fuzz_client_free(client, e);
  return 0;
}
