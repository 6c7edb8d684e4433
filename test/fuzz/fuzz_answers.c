/*
** fuzz_answers.c - answers of each kind to rows: the first byte chooses the table and the way of reading, the
** rest are the answers. A read ends, with DONE or an error; rows have a value for each field, of sound texts.
*/
#include "network.h"

#include <string.h>

enum { BY_IDS = 1, COUNT = 2, AUDIENCE = 4, SORT = 8 };

static const char *const ids[] = { "0067ebd540d2d00000111b00", "00683c0880d2d00000111e00",
                                   "00688c3bc0d2d00000112100" };

static const ortto_field_list *fields_of(ortto_endpoint *e, ortto_table table, ortto_field_list **own){
  if( table!=ORTTO_PEOPLE && table!=ORTTO_ACCOUNTS ) return ortto_table_fields(table);
  return ortto_fields_list(e, table, NULL, 0, ORTTO_KNOWN, own)==ORTTO_OK ? *own : NULL;
}

static void rows(ortto_reader *reader, int fields){
  const ortto_value *v;
  for(int n=0; n<3000 && ortto_reader_next(reader, &v)==ORTTO_ROW; n++) for(int i=0; i<fields; i++){
    int text = v[i].kind==ORTTO_VALUE_TEXT || v[i].kind==ORTTO_VALUE_JSON;
    if( text ) fuzz_touch(v[i].text, v[i].length);
    if( v[i].kind==ORTTO_VALUE_JSON ) FUZZ_MUST(v[i].length>0);
  }
  ortto_progress progress;
  ortto_reader_progress(reader, &progress);
  fuzz_touch_text(progress.cursor_id);
  fuzz_touch_text(progress.fell_back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n){
  const ortto_field *wanted[400];
  ortto_field_list *own = NULL;
  ortto_endpoint *e;
  ortto_reader *reader = NULL;
  if( n<2 ) return 0;
  ortto_table table = (ortto_table)(data[0] % ORTTO_TABLES);
  int way = data[1] & 15;
  fuzz_input(data, n);
  network_begin(NULL, 0, "/v1/");
  ortto_client *client = fuzz_client(ORTTO_API, &e);
  const ortto_field_list *list = fields_of(e, table, &own);
  network_begin(data + 2, n - 2, NULL);
  int count = list ? list->count : 0;
  if( count>400 ) count = 400;
  for(int i=0; i<count; i++) wanted[i] = &list->field[i];
  ortto_query q = { .table = table, .fields = wanted, .field_count = count };
  int contacts = table==ORTTO_PEOPLE || table==ORTTO_ACCOUNTS;
  if( (way & BY_IDS && contacts) || table==ORTTO_ACTIVITIES ){
    q.ids = ids;
    q.id_count = 3;
    q.by_ids = contacts;
  }else if( way & AUDIENCE && table==ORTTO_PEOPLE ){
    q.audiences = ids;
    q.audience_count = 2;
  }else if( way & SORT && contacts && count>3 ) q.sort = wanted[3];
  int64_t total;
  if( count && ortto_reader_open(e, &q, &reader)==ORTTO_OK ){
    if( way & COUNT && contacts ) ortto_reader_count(reader, &total);
    else rows(reader, count);
  }
  ortto_reader_close(reader);
  ortto_fields_free(own);
  fuzz_client_free(client, e);
  return 0;
}
