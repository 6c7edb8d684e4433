/*
** read_fields.c - see read_fields.h.
*/
#include "read_fields.h"

#include "../text.h"
#include "../json.h"
#include "field_names.h"
#include "read_list.h"

static cJSON *field_record(const ortto_field *f, ortto_table table){
  cJSON *o = cJSON_CreateObject();
  int ok = cJSON_AddStringToObject(o, "entity", ortto_table_name(table))
        && cJSON_AddStringToObject(o, "id", f->id) && cJSON_AddStringToObject(o, "name", f->name)
        && cJSON_AddStringToObject(o, "column_name", f->column)
        && cJSON_AddStringToObject(o, "display_type", f->display_type)
        && cJSON_AddStringToObject(o, "sql_type", ortto_type_sql(f->type))
        && cJSON_AddBoolToObject(o, "read_only", f->read_only)
        && cJSON_AddBoolToObject(o, "hidden", f->hidden) && cJSON_AddBoolToObject(o, "custom", f->custom)
        && (f->choices==NULL || cJSON_AddRawToObject(o, "choices", f->choices));
  if( ok ) return o;
  cJSON_Delete(o);
  return NULL;
}

static char *fields_text(const ortto_field_list *list, ortto_table table){
  cJSON *array = cJSON_CreateArray();
  int ok = array!=NULL;
  for(int i=1; ok && i<list->count; i++){        /* 0 is the id */
    cJSON *o = field_record(&list->field[i], table);
    ok = o && cJSON_AddItemToArray(array, o);
  }
  if( ok ) return json_print(array);
  cJSON_Delete(array);
  return NULL;
}

typedef struct fields_reading {
  int next;                        /* the table whose fields come next: people, accounts, none */
} fields_reading;

static int fields_open(ortto_reader *r, const ortto_query *q){
  (void)q;
  r->own = reader_alloc(r, sizeof(fields_reading));
  return r->own ? ORTTO_OK : ORTTO_NOMEM;
}

static int fields_load(ortto_reader *r, page **out){
  fields_reading *s = r->own;
  ortto_field_list *list;
  if( s->next>1 ) return ORTTO_DONE;
  ortto_table table = s->next++==0 ? ORTTO_PEOPLE : ORTTO_ACCOUNTS;
  /* All that both tables need, side by side. */
  int rc = ortto_known_renew(r->endpoint, r->table, ORTTO_KNOWN);
  if( rc==ORTTO_OK ) rc = fields_known(r->endpoint, table, fields_every, 0, &list);
  if( rc!=ORTTO_OK ) return rc;
  char *text = fields_text(list, table);
  ortto_fields_free(list);
  return list_made(r, text, out);
}

const way fields_way = { .open = fields_open, .load = fields_load };
