/*
** read_types.c - see read_types.h.
*/
#include "read_types.h"

#include "../text.h"
#include "../json.h"
#include "account.h"
#include "read_list.h"

static void member_text(buf *b, const char *before, const char *text){
  buf_puts(b, before);
  buf_json(b, text);
}

static void type_text(buf *b, const activity_type *t){
  member_text(b, b->n>1 ? ",{\"id\":" : "{\"id\":", t->id);
  member_text(b, ",\"name\":", t->name);
  member_text(b, ",\"namespace\":", t->space);
  buf_puts(b, ",\"attributes\":[");
  for(int i=0; i<t->attributes; i++){
    const ortto_field *f = &t->attribute[i];
    member_text(b, i ? ",{\"id\":" : "{\"id\":", f->id);
    member_text(b, ",\"name\":", f->name);
    member_text(b, ",\"display_type\":", f->display_type);
    buf_puts(b, "}");
  }
  buf_puts(b, "]}");
}

typedef struct types_reading {
  int done;
} types_reading;

static int types_open(ortto_reader *r, const ortto_query *q){
  (void)q;
  r->own = reader_alloc(r, sizeof(types_reading));
  return r->own ? ORTTO_OK : ORTTO_NOMEM;
}

static int types_load(ortto_reader *r, page **out){
  types_reading *s = r->own;
  buf b = { 0 };
  if( s->done ) return ORTTO_DONE;
  int rc = ortto_known_renew(r->endpoint, r->table, ORTTO_KNOWN);
  if( rc!=ORTTO_OK ) return rc;
  const instance_schema *schema = &r->endpoint->account->schema;
  s->done = 1;
  buf_puts(&b, "[");
  for(int i=0; i<schema->activities.count; i++) type_text(&b, &schema->activities.type[i]);
  for(int i=0; i<schema->of_accounts.count; i++) type_text(&b, &schema->of_accounts.type[i]);
  buf_puts(&b, "]");
  if( b.failed ) buf_free(&b);
  return list_made(r, b.p, out);
}

const way types_way = { .open = types_open, .load = types_load };
