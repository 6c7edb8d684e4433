/*
** filter.c - see filter.h.
*/
#include "filter.h"

#ifdef ORTTO_CJSON
#include "cJSON.h"
#else
#include <cjson/cJSON.h>
#endif

#include "../text.h"

static cJSON *condition_is(const char *id, const char *value){
  cJSON *o = cJSON_CreateObject(), *body = o ? cJSON_AddObjectToObject(o, "$str::is") : NULL;
  if( body && cJSON_AddStringToObject(body, "field_id", id) && cJSON_AddStringToObject(body, "value", value) ) return o;
  cJSON_Delete(o);
  return NULL;
}

static cJSON *condition_any(const ortto_condition *c, int from, int count){
  if( count==1 ) return condition_is(c->field->id, c->values[from]);
  cJSON *o = cJSON_CreateObject(), *any = o ? cJSON_AddArrayToObject(o, "$or") : NULL;
  int ok = any!=NULL;
  for(int i=0; ok && i<count; i++){
    cJSON *is = condition_is(c->field->id, c->values[from+i]);
    ok = is && cJSON_AddItemToArray(any, is);
  }
  if( ok ) return o;
  cJSON_Delete(o);
  return NULL;
}

static cJSON *condition_presence(const ortto_condition *c){
  cJSON *o = cJSON_CreateObject();
  cJSON *body = o ? cJSON_AddObjectToObject(o, c->test==ORTTO_HAS_VALUE ? "$has_any_value" : "$has_no_value") : NULL;
  if( body && cJSON_AddStringToObject(body, "field_id", c->field->id) ) return o;
  cJSON_Delete(o);
  return NULL;
}

int filter_text(const ortto_query *q, int split, int from, char **text){
  cJSON *all = cJSON_CreateArray(), *o = NULL;
  int ok = all!=NULL;
  if( ok && q->filter ) ok = (o = cJSON_CreateRaw(q->filter))!=NULL && cJSON_AddItemToArray(all, o);
  for(int i=0; ok && i<q->condition_count; i++){
    const ortto_condition *c = &q->conditions[i];
    if( c->test==ORTTO_IS && i!=split && c->count>OR_MAX ) continue;   /* stays with the caller, who checks every row */
    int left = c->count - from;
    if( c->test!=ORTTO_IS ) o = condition_presence(c);
    else o = i==split ? condition_any(c, from, left<OR_MAX ? left : OR_MAX) : condition_any(c, 0, c->count);
    ok = o && cJSON_AddItemToArray(all, o);
  }
  *text = NULL;
  if( ok && cJSON_GetArraySize(all)==1 ) ok = (*text = cJSON_PrintUnformatted(cJSON_GetArrayItem(all, 0)))!=NULL;
  else if( ok && cJSON_GetArraySize(all)>1 ){
    o = cJSON_CreateObject();
    ok = o && cJSON_AddItemToObject(o, "$and", all);
    if( ok ) all = NULL;
    if( ok ) ok = (*text = cJSON_PrintUnformatted(o))!=NULL;
    cJSON_Delete(o);
  }
  cJSON_Delete(all);
  return ok;
}

/* Characters that a server may trim, fold or normalize: marks that combine, blanks of all kinds, and beyond. */
static int is_delicate(unsigned c){
  static const struct { unsigned from, to; } ranges[] = {
    { 0x00, 0x1F }, { 0x7F, 0xA0 }, { 0xAD, 0xAD }, { 0x300, 0x36F }, { 0x1100, 0x11FF }, { 0x1680, 0x1680 }, { 0x180B, 0x180F },
    { 0x1AB0, 0x1AFF }, { 0x1DC0, 0x1DFF }, { 0x2000, 0x206F }, { 0x20D0, 0x20FF }, { 0x2126, 0x212B }, { 0x2329, 0x232A },
    { 0x3000, 0x3000 }, { 0x3099, 0x309A }, { 0xD7B0, 0xD7FF }, { 0xE000, 0xFAFF }, { 0xFB1D, 0xFB4F }, { 0xFE00, 0xFE2F },
    { 0xFEFF, 0xFEFF }, { 0xFFF0, 0xFFFF }, { 0x1D100, 0x1D1FF }, { 0x2F800, 0x2FA1F }, { 0xE0000, 0x10FFFF },
  };
  for(int i=0; i<COUNT(ranges); i++) if( c>=ranges[i].from && c<=ranges[i].to ) return 1;
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
