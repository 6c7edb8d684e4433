/*
** fuzz_values.c - conversions: the first byte chooses a field, the rest is a JSON value. It is read as that
** field's in an answer, and what was read is looked at as a value to be written: neither crashes, and times
** compare the same way round.
*/
#include "network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct { const char *id, *display; ortto_type type; } kinds[] = {
  { "str::first", "text", ORTTO_TEXT },
  { "int:cm:seats", "integer", ORTTO_INTEGER },
  { "int:cm:rating", "decimal", ORTTO_REAL },
  { "bol:cm:is-vip", "bool", ORTTO_BOOLEAN },
  { "dtz::b", "date", ORTTO_DATE },
  { "tme::ed", "time", ORTTO_TIME },
  { "geo::city", "city", ORTTO_PLACE },
  { "phn::phone", "phone", ORTTO_PHONE },
  { "sst:cm:interests", "multi_select", ORTTO_JSON },
  { "obj:cm:preferences", "object", ORTTO_JSON },
  { "txt:cm:notes", "large_text", ORTTO_TEXT },
  { "tags", "tags", ORTTO_JSON },
};

static void read_value(const ortto_field *field, const uint8_t *data, size_t n){
  static const char before[] = "{\"contacts\":[{\"id\":\"0067ebd540d2d00000111b00\",\"fields\":{\"";
  static const char after[] = "}}],\"meta\":{\"total_contacts\":1,\"total_matches\":1},"
                              "\"offset\":0,\"next_offset\":1,"
                              "\"cursor_id\":\"68dc24800a02d5ba6ac36110\",\"has_more\":false}";
  ortto_endpoint *e;
  ortto_reader *reader = NULL;
  const ortto_value *v;
  char *answer = malloc(sizeof before + sizeof after + n + 100);
  size_t at = (size_t)sprintf(answer, "%s%s\":", before, field->id);
  memcpy(answer + at, data, n);
  memcpy(answer + at + n, after, sizeof after);
  network_begin((uint8_t *)answer, at + n + sizeof after - 1, NULL);
  ortto_client *client = fuzz_client(ORTTO_API, &e);
  ortto_query q = { .table = ORTTO_PEOPLE, .fields = &field, .field_count = 1 };
  if( ortto_reader_open(e, &q, &reader)==ORTTO_OK )
    while( ortto_reader_next(reader, &v)==ORTTO_ROW )
      if( v->kind==ORTTO_VALUE_TEXT || v->kind==ORTTO_VALUE_JSON ) fuzz_touch(v->text, v->length);
  ortto_reader_close(reader);
  fuzz_client_free(client, e);
  free(answer);
}

static void check_value(const ortto_field *field, const char *json, size_t n){
  ortto_endpoint *e;
  ortto_client *client = fuzz_client(ORTTO_API, &e);
  ortto_value_check(client, field, json, n);
  fuzz_client_free(client, e);
}

static void compare_times(const char *text, size_t n){
  const char *middle = n ? memchr(text, '|', n) : NULL;
  if( middle==NULL ) return;
  size_t a = (size_t)(middle - text), b = n - a - 1;
  int one = ortto_time_compare(text, a, middle + 1, b), other = ortto_time_compare(middle + 1, b, text, a);
  FUZZ_MUST((one<0)==(other>0) && (one==0)==(other==0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n){
  if( n<1 ) return 0;
  int k = data[0] % (int)(sizeof kinds/sizeof kinds[0]);
  ortto_field field = { .id = kinds[k].id, .name = "x", .column = "x", .display_type = kinds[k].display,
                        .type = kinds[k].type };
  char *text = malloc(n);
  memcpy(text, data + 1, n - 1);
  text[n-1] = 0;
  fuzz_input(data, n);
  read_value(&field, data + 1, n - 1);
  if( ortto_json_is_object(text, n - 1) ) FUZZ_MUST(memchr(text, '{', n - 1)!=NULL);
  check_value(&field, text, n - 1);
  ortto_text_is_exact(text, n - 1);
  ortto_is_id(text, n - 1);
  compare_times(text, n - 1);
  free(text);
  return 0;
}
