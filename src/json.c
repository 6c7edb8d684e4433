/*
** json.c - see json.h.
*/
#include "json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "os.h"

void buf_json(buf *b, const char *text){
  buf_puts(b, "\"");
  for(const char *p=text; *p; p++){
    if( *p=='"' || *p=='\\' ) buf_puts(b, "\\");
    if( (unsigned char)*p<0x20 ) buf_printf(b, "\\u%04x", *p);
    else buf_add(b, p, 1);
  }
  buf_puts(b, "\"");
}

js js_get(js object, const char *name){
  js found = { 0 };
  if( js_type(object)!='{' ) return found;
  size_t n = strlen(name);
  js_iter it = js_in(object);
  js key, value;
  while( js_next(&it, &key, &value) ) if( key.n==n && same_bytes(key.p, name, n) ) found = value;
  return found;
}

int js_true(js v){
  return v.n==4 && v.p[0]=='t';
}

int integer_read(const char *p, size_t n, int64_t *out){
  const char *end = p + n;
  int negative = *p=='-', is_long = n>18;
  uint64_t u = 0;
  for(p += negative; p<end; p++){
    unsigned d = (unsigned)*p - '0';
    if( d>9 ) return 0;
    if( is_long && u > (UINT64_MAX - d)/10 ) return 0;
    u = u*10 + d;
  }
  if( u > (uint64_t)INT64_MAX + (negative ? 1u : 0u) ) return 0;
  *out = negative ? (int64_t)(0 - u) : (int64_t)u;
  return 1;
}

int js_double(js v, double *out){
  char text[64], *end;
  js whole;
  if( v.n==0 || v.n>60 || js_type(v)!=0 ) return 0;
  memcpy(text, v.p, v.n);
  text[v.n] = 0;
  if( !json_check(text, v.n, &whole) ) return 0;
  double value = os_parse_double(text, &end);
  if( end!=text + v.n || !isfinite(value) ) return 0;
  *out = value;
  return 1;
}

static unsigned hex4(const char *p){
  unsigned u = 0;
  for(int i=0; i<4; i++){
    unsigned char c = (unsigned char)p[i];
    u = u<<4 | (unsigned)(c<='9' ? c-'0' : (c|0x20)-'a'+10);
  }
  return u;
}

/* The character of an escape at *p (behind the backslash); a lone surrogate is U+FFFD. */
static unsigned escape_read(const char **p, const char *end){
  char c = *(*p)++;
  switch( c ){
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'u': break;
    default: return (unsigned char)c;
  }
  unsigned u = hex4(*p);
  *p += 4;
  if( u>=0xD800 && u<0xDC00 && end-*p>=6 && (*p)[0]=='\\' && (*p)[1]=='u' ){
    unsigned low = hex4(*p + 2);
    if( low>=0xDC00 && low<0xE000 ){
      *p += 6;
      return 0x10000 + ((u - 0xD800)<<10) + (low - 0xDC00);
    }
  }
  return u>=0xD800 && u<0xE000 ? 0xFFFD : u;
}

/* As far as it is ASCII, and free of escapes (if so told): by eight bytes. */
static const char *plain_skip(const char *p, const char *end, int escapes){
  uint64_t other = EACH_BYTE(0x80), w;
  for(; end-p>=8; p += 8){
    w = eight_bytes(p);
    if( (w & other) || (escapes && bytes_equal(w, '\\')) ) break;
  }
  return p;
}

const char *text_clean(arena *a, const char *text, size_t n, int escapes, size_t *length){
  const char *end = text + n, *p = plain_skip(text, end, escapes);
  size_t step = 1;
  while( p<end && (*p!='\\' || !escapes) && (step = utf8_length(p, end))!=0 ) p += step;
  *length = n;
  if( p==end ) return text;
  char *out = arena_alloc(a, 3*n + 1);           /* a broken byte becomes three */
  if( out==NULL ) return NULL;
  size_t used = (size_t)(p - text);
  memcpy(out, text, used);
  while( p<end ){
    if( escapes && *p=='\\' ){
      p++;
      used += utf8_write(out + used, escape_read(&p, end));
    }else if( (step = utf8_length(p, end))!=0 ){
      memcpy(out + used, p, step);
      used += step;
      p += step;
    }else{
      used += utf8_write(out + used, 0xFFFD);
      p++;
    }
  }
  out[used] = 0;
  *length = used;
  return out;
}

const char *js_text(arena *a, js v, size_t *length){
  if( js_is_plain(v) ){
    *length = v.n - 2;
    return v.p + 1;
  }
  return text_clean(a, v.p + 1, v.n - 2, 1, length);
}

char *js_cstring(arena *a, js v){
  if( js_type(v)!='"' ) return arena_text(a, "", 0);
  size_t n;
  const char *text = js_text(a, v, &n);
  char *copy = text ? arena_text(a, text, n) : NULL;
  for(size_t i=0; copy && i<n; i++) if( copy[i]==0 ) copy[i] = '?';
  return copy;
}

int count_elements(js array){
  int n = 0;
  js item;
  js_iter it = js_in(array);
  while( js_next(&it, NULL, &item) ) n++;
  return n;
}

js unquoted(js string){
  return js_slice(string.p + 1, string.n - 2);
}

const char *js_kind(js v){
  switch( js_type(v) ){
    case '"': return "text";
    case '{': return "an object";
    case '[': return "a list";
    case 't': case 'f': return "a boolean";
    case 'n': return "null";
    default: return "a number";
  }
}

int is_present(js v){
  return v.p!=NULL && js_type(v)!='n';
}

int js_repeats(js object, js *name){
  js value, other;
  js_iter it = js_in(object);
  if( js_type(object)!='{' ) return 0;
  while( js_next(&it, name, &value) ){
    js again;
    for(js_iter rest=it; js_next(&rest, &again, &other); )
      if( again.n==name->n && memcmp(again.p, name->p, name->n)==0 ) return 1;
  }
  return 0;
}

js js_path(js v, const char *a, const char *b, const char *c){
  v = js_get(v, a);
  if( b && v.p ) v = js_get(v, b);
  if( c && v.p ) v = js_get(v, c);
  return v;
}

cJSON *json_integer(int64_t i){
  buf text = { 0 };
  buf_printf(&text, "%lld", (long long)i);
  cJSON *raw = text.failed ? NULL : cJSON_CreateRaw(text.p);
  buf_free(&text);
  return raw;
}

char *json_print(cJSON *tree){
  char *text = tree ? cJSON_PrintUnformatted(tree) : NULL;
  cJSON_Delete(tree);
  return text;                     /* cJSON's allocator is malloc: it is not ours to change */
}

cJSON *json_raw(js v){
  char few[240], *text = v.n<sizeof few ? few : malloc(v.n + 1);
  if( text==NULL ) return NULL;
  memcpy(text, v.p, v.n);
  text[v.n] = 0;
  cJSON *raw = cJSON_CreateRaw(text);
  if( text!=few ) free(text);
  return raw;
}

int json_add(cJSON *object, const char *name, cJSON *item){
  if( item && cJSON_AddItemToObjectCS(object, name, item) ) return 1;
  cJSON_Delete(item);
  return 0;
}

int json_append(cJSON *array, cJSON *item){
  if( item && cJSON_AddItemToArray(array, item) ) return 1;
  cJSON_Delete(item);
  return 0;
}
