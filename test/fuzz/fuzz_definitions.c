/*
** fuzz_definitions.c - definitions of custom fields and the schema to columns: whatever the server says, the
** columns of a table have names, no two the same whatever the case of letters, and the id is the first.
*/
#include "network.h"

#include <string.h>
#include <strings.h>

static void check_fields(const ortto_field_list *list){
  FUZZ_MUST(list->count>0 && list->field[0].key);
  for(int i=0; i<list->count; i++){
    const ortto_field *f = &list->field[i];
    FUZZ_MUST(f->id && f->column && f->column[0] && f->display_type);
    fuzz_touch_text(f->id);
    fuzz_touch_text(f->name);
    fuzz_touch_text(f->choices);
    fuzz_touch_text(ortto_type_sql(f->type));
    for(int j=0; j<i; j++) FUZZ_MUST(strcasecmp(f->column, list->field[j].column)!=0);
  }
  ortto_fields_identity(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n){
  static const char *const selections[] = { NULL, "all", "str::email str:cm:plan", "email first_name" };
  ortto_field_list *list = NULL;
  ortto_endpoint *e;
  const ortto_value *v;
  ortto_reader *reader = NULL;
  if( n<1 ) return 0;
  fuzz_input(data, n);
  network_begin(data + 1, n - 1, NULL);
  ortto_client *client = fuzz_client(ORTTO_API, &e);
  ortto_table table = data[0] & 1 ? ORTTO_ACCOUNTS : ORTTO_PEOPLE;
  if( ortto_fields_list(e, table, selections[data[0]>>1 & 3], data[0]>>3 & 1, ORTTO_KNOWN, &list)==ORTTO_OK )
    check_fields(list);
  ortto_fields_free(list);
  const ortto_field *id = &ortto_table_fields(ORTTO_FIELDS)->field[0];
  ortto_query q = { .table = ORTTO_FIELDS, .fields = &id, .field_count = 1 };
  if( data[0]>>4 & 1 && ortto_known_renew(e, ORTTO_FIELDS, ORTTO_KNOWN)==ORTTO_OK
   && ortto_reader_open(e, &q, &reader)==ORTTO_OK )
    while( ortto_reader_next(reader, &v)==ORTTO_ROW ) fuzz_touch(v[0].text, v[0].length);
  ortto_reader_close(reader);
  fuzz_client_free(client, e);
  return 0;
}
