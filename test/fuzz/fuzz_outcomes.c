/*
** fuzz_outcomes.c - answers to what was sent, to outcomes: the first byte chooses verb and protocol, the rest
** are the answers. Each record has an outcome, and success is nothing but a 2xx.
*/
#include "network.h"

#include <string.h>

static const char contacts[] =
  "[{\"user_id\":\"u1\",\"traits\":{\"email\":\"a@t.example\"}},"
  "{\"user_id\":\"u2\",\"fields\":{\"city\":\"Oslo\"}},"
  "{\"user_id\":\"u3\"}]";
static const char events[] =
  "[{\"user_id\":\"u1\",\"event\":\"act:cm:flight-booked\"},"
  "{\"user_id\":\"u2\",\"event\":\"act:cm:flight-booked\"}]";
static const char accounts[] = "[{\"fields\":{\"name\":\"A\"}},{\"fields\":{\"name\":\"B\"}}]";
static const char people_ids[] =
  "[{\"id\":\"0067ebd540d2d00000111b00\"},{\"id\":\"00683c0880d2d00000111e00\"}]";

static void check(ortto_sending *sending){
  for(int i=0; i<ortto_sending_count(sending); i++){
    const ortto_outcome *o = ortto_sending_outcome(sending, i);
    fuzz_touch_text(o->message);
    fuzz_touch_text(o->body);
    fuzz_touch_text(o->person_id);
    fuzz_touch_text(o->request_id);
    fuzz_touch_text(o->result);
    fuzz_touch(o->sent, o->sent_length);
    FUZZ_MUST(o->status>=0 && o->status<=599);
    FUZZ_MUST((o->errortype==NULL) == (o->status>=200 && o->status<300));
    FUZZ_MUST(o->errortype==NULL || o->message!=NULL);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n){
  static const struct { ortto_verb verb; const char *json; } calls[] = {
    { ORTTO_UPSERT, contacts }, { ORTTO_TRACK, events }, { ORTTO_UPSERT_ACCOUNTS, accounts },
    { ORTTO_ARCHIVE, people_ids }, { ORTTO_ARCHIVE_ACCOUNTS, people_ids },
  };
  ortto_options *options = NULL;
  ortto_sending *sending = NULL;
  ortto_endpoint *e;
  if( n<1 ) return 0;
  ortto_protocol protocol = data[0] & 8 ? ORTTO_SEGMENT : ORTTO_API;
  int call = data[0] % (protocol==ORTTO_SEGMENT ? 2 : 5);
  fuzz_input(data, n);
  network_begin(data + 1, n - 1, protocol==ORTTO_API ? "/get" : NULL);
  ortto_client *client = fuzz_client(protocol, &e);
  const char *create = data[0] & 16 ? "{\"create\":true}" : "{}";
  const char *json = calls[call].json;
  if( ortto_options_read(client, create, strlen(create), &options)==ORTTO_OK
   && ortto_send(e, calls[call].verb, json, strlen(json), options, &sending)==ORTTO_OK )
    check(sending);
  ortto_sending_free(sending);
  ortto_options_free(options);
  fuzz_client_free(client, e);
  return 0;
}
