/*
** filter.c - see filter.h.
*/
#include "filter.h"

#include "../json.h"
#include "../text.h"

/* {"$test":{"field_id":id,"value":value}}; no value where that is NULL. NULL when out of memory. */
static cJSON *condition(const char *test, const char *id, const char *value){
  cJSON *o = cJSON_CreateObject(), *body = o ? cJSON_AddObjectToObject(o, test) : NULL;
  int ok = body && json_add(body, "field_id", cJSON_CreateString(id));
  if( ok && value ) ok = json_add(body, "value", cJSON_CreateString(value));
  if( ok ) return o;
  cJSON_Delete(o);
  return NULL;
}

static cJSON *condition_any(const ortto_condition *c, int from, int count){
  if( count==1 ) return condition("$str::is", c->field->id, c->values[from]);
  cJSON *o = cJSON_CreateObject(), *any = o ? cJSON_AddArrayToObject(o, "$or") : NULL;
  int ok = any!=NULL;
  for(int i=0; ok && i<count; i++)
    ok = json_append(any, condition("$str::is", c->field->id, c->values[from+i]));
  if( ok ) return o;
  cJSON_Delete(o);
  return NULL;
}

static cJSON *condition_of(const ortto_condition *c, int is_split, int from){
  if( c->test==ORTTO_HAS_VALUE ) return condition("$has_any_value", c->field->id, NULL);
  if( c->test==ORTTO_HAS_NO_VALUE ) return condition("$has_no_value", c->field->id, NULL);
  if( !is_split ) return condition_any(c, 0, c->count);
  return condition_any(c, from, c->count-from<OR_MAX ? c->count-from : OR_MAX);
}

int filter_text(const ortto_query *q, int split, int from, char **text){
  cJSON *all = cJSON_CreateArray(), *o = NULL;
  int ok = all!=NULL;
  *text = NULL;
  if( ok && q->filter ) ok = json_append(all, cJSON_CreateRaw(q->filter));
  for(int i=0; ok && i<q->condition_count; i++){
    const ortto_condition *c = &q->conditions[i];
    if( c->test==ORTTO_IS && i!=split && c->count>OR_MAX ) continue;   /* the caller checks every row */
    ok = json_append(all, condition_of(c, i==split, from));
  }
  int count = ok ? cJSON_GetArraySize(all) : 0;
  if( count==1 ) o = cJSON_DetachItemFromArray(all, 0);
  if( count<=1 ) cJSON_Delete(all);
  else{
    o = cJSON_CreateObject();
    ok = json_add(o, "$and", all);
  }
  if( !ok ){
    cJSON_Delete(o);
    return 0;
  }
  *text = json_print(o);
  return count==0 || *text!=NULL;
}

/* Characters that a server may trim, fold or normalize: combining marks, blanks of all kinds, and more. */
static int is_delicate(unsigned c){
  static const struct { unsigned from, to; } ranges[] = {
    { 0x00, 0x1F }, { 0x7F, 0xA0 }, { 0xAD, 0xAD }, { 0x300, 0x36F }, { 0x1100, 0x11FF },
    { 0x1680, 0x1680 }, { 0x180B, 0x180F }, { 0x1AB0, 0x1AFF }, { 0x1DC0, 0x1DFF }, { 0x2000, 0x206F },
    { 0x20D0, 0x20FF }, { 0x2126, 0x212B }, { 0x2329, 0x232A }, { 0x3000, 0x3000 }, { 0x3099, 0x309A },
    { 0xD7B0, 0xD7FF }, { 0xE000, 0xFAFF }, { 0xFB1D, 0xFB4F }, { 0xFE00, 0xFE2F }, { 0xFEFF, 0xFEFF },
    { 0xFFF0, 0xFFFF }, { 0x1D100, 0x1D1FF }, { 0x2F800, 0x2FA1F }, { 0xE0000, 0x10FFFF },
  };
  for(int i=0; i<COUNT(ranges); i++)
    if( c>=ranges[i].from && c<=ranges[i].to ) return 1;
  return 0;
}

int ortto_text_is_exact(const char *text, size_t length){
  const char *p = text, *end = text + length;
  int characters = 0;
  if( length==0 || text[0]==' ' || end[-1]==' ' ) return 0;
  while( p<end ){
    size_t n = utf8_length(p, end);
    unsigned c = (unsigned char)*p;
    if( n==0 || ++characters>255 ) return 0;
    if( n>1 ) c &= 0xFFu >> (n+1);
    for(size_t i=1; i<n; i++) c = c<<6 | ((unsigned char)p[i] & 0x3Fu);
    if( is_delicate(c) ) return 0;
    p += n;
  }
  return 1;
}
