/*
** value.c - see value.h. One type after the other, reading beside writing; the table at the end joins them.
*/
#include "value.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGE_TEXT_MAX 4000        /* of a txt value [documented] */
#define OBJECT_MAX 15000           /* bytes of an obj value [documented] */

static void value_integer(ortto_value *out, int64_t i){
  out->kind = ORTTO_VALUE_INTEGER;
  out->integer = i;
}

static void value_real(ortto_value *out, double r){
  out->kind = ORTTO_VALUE_REAL;
  out->real = r;
}

OS_PRINTF(2, 3)
static cJSON *cannot(encoder *e, const char *format, ...){
  va_list args;
  va_start(args, format);
  vsnprintf(e->why, sizeof e->why, format, args);
  va_end(args);
  return NULL;
}

/* The first character that is no blank, 0: none. */
static char blanks_behind(const char *text, size_t n){
  size_t i = 0;
  while( i<n && (text[i]==' ' || text[i]=='\t' || text[i]=='\r' || text[i]=='\n') ) i++;
  return i<n ? text[i] : 0;
}

/* A text that begins as JSON of that kind does, and is none. */
static int is_broken_json(encoder *e, js v, char kind){
  size_t n;
  if( js_type(v)!='"' ) return 0;
  const char *text = js_text(e->memory, v, &n);
  if( text==NULL ) e->no_memory = 1;
  return text && blanks_behind(text, n)==kind;
}

js inner_json(encoder *e, js v, char kind){
  size_t n;
  js inner;
  if( js_type(v)!='"' ) return v;
  const char *text = js_text(e->memory, v, &n);
  if( text==NULL ) e->no_memory = 1;             /* what is in it is not known: nothing may be sent of it */
  if( text==NULL || blanks_behind(text, n)!=kind ) return v;
  return json_check(text, n, &inner) ? inner : v;
}

/* ---- text; and anything, as far as it is read ---------------------------------------------------- */

/* Whatever was sent, unchanged: a string as it is, an object or array as its JSON text, a number or boolean
** as itself. A number that neither int64 nor a double holds stays text, digit for digit. 0 when out of
** memory. */
static int decode_any(arena *a, js v, ortto_value *out){
  size_t n;
  const char *text;
  int64_t i;
  double r;
  switch( js_type(v) ){
    case 'n': out->kind = ORTTO_VALUE_NULL; return 1;
    case 't': value_integer(out, 1); return 1;
    case 'f': value_integer(out, 0); return 1;
    case '"':
      text = js_text(a, v, &n);
      value_text(out, ORTTO_VALUE_TEXT, text, n);
      return text!=NULL;
    case '{': case '[':
      text = text_clean(a, v.p, v.n, 0, &n);
      value_text(out, ORTTO_VALUE_JSON, text, n);
      return text!=NULL;
    default: break;
  }
  if( js_integer(v, &i) ) value_integer(out, i);
  else if( memchr(v.p, '.', v.n)==NULL && memchr(v.p, 'e', v.n)==NULL && memchr(v.p, 'E', v.n)==NULL )
    value_text(out, ORTTO_VALUE_TEXT, v.p, v.n);
  else if( js_double(v, &r) ) value_real(out, r);
  else value_text(out, ORTTO_VALUE_TEXT, v.p, v.n);
  return 1;
}

static cJSON *encode_text(encoder *e, const ortto_field *f, js v){
  int large = strncmp(f->id, "txt:", 4)==0 || strcmp(f->display_type, "large_text")==0;
  size_t n, most = large ? LARGE_TEXT_MAX : TEXT_MAX, length = v.n;
  if( js_type(v)=='"' ){
    const char *text = js_text(e->memory, v, &n);
    if( text==NULL ) return NULL;
    length = characters(text, n);
  }else if( js_type(v)!=0 ) return cannot(e, "takes text, not %s", js_kind(v));
  if( length>most ) return cannot(e, "is too long: %zu characters, where Ortto takes %zu", length, most);
  if( js_type(v)=='"' ) return json_raw(v);
  char *text = arena_text(e->memory, v.p, v.n);  /* digits are text too */
  return text ? cJSON_CreateString(text) : NULL;
}

/* ---- integer, real ------------------------------------------------------------------------------- */

/* A number with a fraction or exponent that is whole all the same (12.0, 1.2e1). */
static int whole_double(js v, double *out){
  return js_type(v)==0 && js_double(v, out) && fabs(*out)<9007199254740992.0 && *out==floor(*out);
}

static int decode_integer(arena *a, js v, ortto_value *out){
  double r;
  if( !decode_any(a, v, out) ) return 0;
  if( out->kind==ORTTO_VALUE_REAL && whole_double(v, &r) ) value_integer(out, (int64_t)r);
  return 1;
}

#define EXACT ((int64_t)1 << 53)   /* up to here a double holds every integer */

static void value_thousandths(ortto_value *out, int64_t i){
  int exact = i>=-EXACT && i<=EXACT;
  value_real(out, exact ? (double)i / 1000.0 : (double)((long double)i / 1000.0L));
}

/* Ortto's integer is the value times 1000. A number with a fraction cannot be that: it stays as it is
** [guess]. */
static int decode_real(arena *a, js v, ortto_value *out){
  if( js_type(v)!=0 ) return decode_any(a, v, out);
  if( !decode_integer(a, v, out) ) return 0;
  if( out->kind==ORTTO_VALUE_INTEGER ) value_thousandths(out, out->integer);
  return 1;
}

#define DIGITS_MAX 400

/* A number as digits and a power of ten: -12.50e1 is -, "1250", -1. 0 if it is none. */
static int decimal_read(const char *p, size_t n, int *negative, char *digit, int *digits_n, int *power){
  const char *end = p + n;
  long exponent = 0;
  int point = 0, seen = 0;
  *digits_n = *power = 0;
  *negative = p<end && *p=='-';
  if( p<end && (*p=='-' || *p=='+') ) p++;
  for(; p<end && ((*p>='0' && *p<='9') || (*p=='.' && !point)); p++){
    if( *p=='.' ){ point = 1; continue; }
    seen = 1;
    if( *digits_n==0 && *p=='0' ){ *power -= point; continue; }
    if( *digits_n==DIGITS_MAX ) return 0;
    digit[(*digits_n)++] = *p;
    *power -= point;
  }
  if( !seen ) return 0;
  if( p<end && (*p=='e' || *p=='E') ){
    char *stop, text[16];
    if( end-p>=(long)sizeof text || end-p<2 ) return 0;
    memcpy(text, p+1, (size_t)(end-p-1));
    text[end-p-1] = 0;
    exponent = strtol(text, &stop, 10);
    if( *stop || strchr("+-0123456789", text[0])==NULL || exponent>400 || exponent<-400 ) return 0;
    p = end;
  }
  *power += (int)exponent;
  return p==end;
}

/* The number times 10^shift as a whole number, rounded half away from zero. 0 if it is no number or too
** large; *exact says whether nothing was rounded. */
static int decimal_whole(const char *p, size_t n, int shift, int64_t *out, int *exact){
  char digit[DIGITS_MAX];
  int negative, count, power;
  uint64_t u = 0;
  if( !decimal_read(p, n, &negative, digit, &count, &power) ) return 0;
  power += shift;
  int kept = count + (power<0 ? power : 0);
  *exact = 1;
  for(int i=kept<0 ? 0 : kept; i<count; i++) if( digit[i]!='0' ) *exact = 0;
  for(int i=0; i<kept + (power>0 && count ? power : 0); i++){
    unsigned d = i<count ? (unsigned)(digit[i]-'0') : 0;
    if( u > (UINT64_MAX - d)/10 ) return 0;
    u = u*10 + d;
  }
  if( kept>=0 && kept<count && digit[kept]>='5' ){
    if( u==UINT64_MAX ) return 0;
    u++;
  }
  if( u > (uint64_t)INT64_MAX + (negative ? 1u : 0u) ) return 0;
  *out = negative ? (int64_t)(0 - u) : (int64_t)u;
  return 1;
}

static cJSON *encode_number(encoder *e, const ortto_field *f, js v){
  const char *text = v.p;
  size_t n = v.n;
  int64_t i;
  int exact, scaled = f->type==ORTTO_REAL, quoted = js_type(v)=='"';
  if( quoted ) text = js_text(e->memory, v, &n);
  if( text==NULL ) return NULL;
  if( n==0 || (!quoted && js_type(v)!=0) ) return cannot(e, "takes a number, not %s", js_kind(v));
  if( !decimal_whole(text, n, scaled ? 3 : 0, &i, &exact) ){
    const char *why = number_check(text, text+n)==text+n ? "the number is too large" : "it takes a number";
    return cannot(e, "cannot be '%.*s': %s", cut_to(40, text, n), text, why);
  }
  if( !scaled && !exact ) return cannot(e, "takes a whole number, not %.*s", cut_to(40, text, n), text);
  return json_integer(i);
}

/* ---- boolean: read as anything ------------------------------------------------------------------- */

static cJSON *encode_boolean(encoder *e, const ortto_field *f, js v){
  static const char *const yes[] = { "true", "1", "1.0" }, *const no[] = { "false", "0", "0.0" };
  js word = js_type(v)=='"' ? unquoted(v) : v;
  (void)f;
  for(int i=0; i<COUNT(yes); i++) if( js_is(word, yes[i]) || js_is(word, no[i]) )
    return cJSON_CreateBool(js_is(word, yes[i]));
  return cannot(e, "takes true or false (1 or 0), not %.*s", cut_to(40, v.p, v.n), v.p);
}

/* ---- date ---------------------------------------------------------------------------------------- */

/* A number in that many digits; where it ends. */
static char *digits_put(char *out, int64_t number, int count){
  for(int i=count-1; i>=0; i--, number /= 10) out[i] = (char)('0' + number%10);
  return out + count;
}

/* {"year":2025,"month":11,"day":4}. A date that no calendar has stays the object that it is. */
static int decode_date(arena *a, js v, ortto_value *out){
  int64_t part[3] = { 0, 0, 0 };
  js name, number;
  js_iter it = js_in(v);
  while( js_type(v)=='{' && js_next(&it, &name, &number) ){
    int i = js_is(name, "year") ? 0 : js_is(name, "month") ? 1 : js_is(name, "day") ? 2 : 3;
    if( i<3 && !js_integer(number, &part[i]) ) part[i] = 0;
  }
  if( part[0]<1 || part[0]>9999 || part[1]<1 || part[1]>12 || part[2]<1 || part[2]>days_in(part[0], part[1]) )
    return decode_any(a, v, out);
  char *text = arena_alloc(a, 11);
  if( text==NULL ) return 0;
  char *p = digits_put(text, part[0], 4);
  *p++ = '-';
  p = digits_put(p, part[1], 2);
  *p++ = '-';
  *digits_put(p, part[2], 2) = 0;
  value_text(out, ORTTO_VALUE_TEXT, text, 10);
  return 1;
}

static cJSON *encode_date(encoder *e, const ortto_field *f, js v){
  int year, month, day;
  size_t n;
  (void)f;
  v = inner_json(e, v, '{');
  if( js_type(v)=='{' ) return json_raw(v);      /* as it was read, whatever it says */
  if( js_type(v)!='"' ) return cannot(e, "takes a date as YYYY-MM-DD, not %s", js_kind(v));
  const char *text = js_text(e->memory, v, &n);
  if( text==NULL ) return NULL;
  if( yearless_date(text, n) ) return json_raw(v);   /* a birthday, as it was read */
  const char *time;
  if( !date_read(text, n, &year, &month, &day) || !time_read(e->memory, text, n, &time) )
    return cannot(e, "cannot be '%.*s': it takes a date that exists, as YYYY-MM-DD", cut_to(40, text, n),
                  text);
  cJSON *date = cJSON_CreateObject();
  if( date && json_add(date, "year", json_integer(year))
   && json_add(date, "month", json_integer(month))
   && json_add(date, "day", json_integer(day))
   && json_add(date, "timezone", cJSON_CreateString("UTC")) ) return date;
  cJSON_Delete(date);
  return NULL;
}

/* ---- time: read as anything ---------------------------------------------------------------------- */

static cJSON *encode_time(encoder *e, const ortto_field *f, js v){
  size_t n;
  (void)f;
  v = inner_json(e, v, '{');
  if( js_type(v)=='{' ) return json_raw(v);      /* as it was read, whatever it says */
  if( js_type(v)!='"' ) return cannot(e, "takes a time such as 2025-11-04T19:10:31Z, not %s", js_kind(v));
  const char *text = js_text(e->memory, v, &n);
  if( text==NULL ) return NULL;
  const char *sent;
  if( time_read(e->memory, text, n, &sent) ) return sent ? cJSON_CreateString(sent) : NULL;
  return cannot(e, "cannot be '%.*s': it takes a time such as 2025-11-04T19:10:31Z", cut_to(40, text, n),
                text);
}

/* ---- place: {"id":...,"name":"Oslo"} ------------------------------------------------------------- */

static int decode_place(arena *a, js v, ortto_value *out){
  js name, value, found = { 0 };
  js_iter it = js_in(v);
  while( js_type(v)=='{' && js_next(&it, &name, &value) ) if( js_is(name, "name") ) found = value;
  return js_type(found)=='"' ? decode(a, ORTTO_TEXT, found, out) : decode_any(a, v, out);
}

static cJSON *encode_place(encoder *e, const ortto_field *f, js v){
  (void)f;
  v = inner_json(e, v, '{');
  js name = js_type(v)=='{' ? js_get(v, "name") : v;
  if( js_type(v)=='{' && js_type(name)!='"' ) return json_raw(v);    /* as it was read */
  if( js_type(name)!='"' ) return cannot(e, "takes the name of a place as text, not %s", js_kind(v));
  if( name.n==2 ) return cannot(e, "takes the name of a place, not an empty text");
  if( is_broken_json(e, name, '{') )
    return cannot(e, "cannot be %.*s: this is no place's name, and no JSON", cut_to(40, v.p, v.n), v.p);
  cJSON *place = cJSON_CreateObject();
  if( place && json_add(place, "name", json_raw(name)) ) return place;
  cJSON_Delete(place);
  return NULL;
}

/* ---- phone: {"c":"61","n":"401234567"} ----------------------------------------------------------- */

/* The digits of a string or integer; 0 if it is neither. */
static int digits_of(js v, js *out){
  int quoted = js_type(v)=='"';
  if( v.n==0 ) return 0;
  out->p = v.p + quoted;
  out->n = v.n - (quoted ? 2 : 0);
  if( quoted && out->n && out->p[0]=='+' ){ out->p++; out->n--; }
  if( out->n==0 || out->n>20 ) return 0;
  for(size_t i=0; i<out->n; i++) if( out->p[i]<'0' || out->p[i]>'9' ) return 0;
  return 1;
}

static int decode_phone(arena *a, js v, ortto_value *out){
  js name, value, country = { 0 }, national = { 0 };
  js_iter it = js_in(v);
  while( js_type(v)=='{' && js_next(&it, &name, &value) ){
    if( js_is(name, "c") ) country = value;
    else if( js_is(name, "n") ) national = value;
  }
  if( !digits_of(country, &country) || !digits_of(national, &national) ) return decode_any(a, v, out);
  char *text = arena_alloc(a, 1 + country.n + national.n + 1);
  if( text==NULL ) return 0;
  text[0] = '+';
  memcpy(text + 1, country.p, country.n);
  memcpy(text + 1 + country.n, national.p, national.n);
  text[1 + country.n + national.n] = 0;
  value_text(out, ORTTO_VALUE_TEXT, text, 1 + country.n + national.n);
  return 1;
}

/* With + and the country's code in front, and any of the usual marks between the digits, which are
** number's. */
static int phone_read(const char *text, size_t n, char number[21]){
  size_t used = 0, i = 0;
  while( i<n && text[i]==' ' ) i++;
  if( i>=n || text[i++]!='+' ) return 0;
  for(; i<n; i++){
    if( text[i]>='0' && text[i]<='9' && used<20 ) number[used++] = text[i];
    else if( text[i]==0 || strchr(" -./()", text[i])==NULL ) return 0;
  }
  number[used] = 0;
  return used>=5;
}

/* (0), which most countries leave out behind their code, and some do not: it is not ours to decide. */
static int has_trunk_zero(const char *text, size_t n){
  for(size_t i=0; i<n; i++) if( text[i]=='(' ){
    size_t k = i + 1;
    while( k<n && text[k]==' ' ) k++;
    if( k>=n || text[k++]!='0' ) continue;
    while( k<n && text[k]==' ' ) k++;
    if( k<n && text[k]==')' ) return 1;
  }
  return 0;
}

static cJSON *encode_phone(encoder *e, const ortto_field *f, js v){
  char number[21];
  size_t n;
  (void)f;
  v = inner_json(e, v, '{');
  if( js_type(v)=='{' ) return json_raw(v);      /* as it was read */
  if( js_type(v)!='"' )
    return cannot(e, "takes a phone number as text with + and the country code in front, not %s", js_kind(v));
  const char *text = js_text(e->memory, v, &n);
  if( text==NULL ) return NULL;
  if( has_trunk_zero(text, n) )
    return cannot(e, "cannot be '%.*s': the (0) is dialled inside the country only: leave it out",
                  cut_to(40, text, n), text);
  if( !phone_read(text, n, number) )
    return cannot(e, "cannot be '%.*s': it takes a phone number with + and the country code in front, "
                  "such as +61401234567", cut_to(40, text, n), text);
  cJSON *phone = cJSON_CreateObject();
  if( phone && json_add(phone, "phone", cJSON_CreateString(number))
   && json_add(phone, "parse_with_country_code", cJSON_CreateTrue()) ) return phone;
  cJSON_Delete(phone);
  return NULL;
}

/* ---- JSON: a list of texts, or an object; read as anything --------------------------------------- */

const char *list_stranger(js list, int may_be_empty){
  js item;
  js_iter it = js_in(list);
  while( js_next(&it, NULL, &item) ){
    if( js_type(item)!='"' ) return js_kind(item);
    if( item.n==2 && !may_be_empty ) return "an empty one";
  }
  return NULL;
}

static cJSON *encode_list(encoder *e, js v){
  v = inner_json(e, v, '[');
  if( js_type(v)=='"' && v.n==2 ) return cannot(e, "takes a list of texts, not an empty text");
  if( is_broken_json(e, v, '[') )
    return cannot(e, "cannot be %.*s: this is no JSON list", cut_to(40, v.p, v.n), v.p);
  if( js_type(v)=='"' ){
    cJSON *list = cJSON_CreateArray();
    if( list && json_append(list, json_raw(v)) ) return list;
    cJSON_Delete(list);
    return NULL;
  }
  if( js_type(v)!='[' ) return cannot(e, "takes a list of texts, not %s", js_kind(v));
  const char *stranger = list_stranger(v, 1);
  return stranger ? cannot(e, "takes a list of texts, but %s is in it", stranger) : json_raw(v);
}

static cJSON *encode_object(encoder *e, js v){
  v = inner_json(e, v, '{');
  if( js_type(v)!='{' ) return cannot(e, "takes a JSON object, not %s", js_kind(v));
  if( v.n>OBJECT_MAX ) return cannot(e, "is too long: %zu bytes, where Ortto takes %d", v.n, OBJECT_MAX);
  return json_raw(v);
}

static cJSON *encode_json(encoder *e, const ortto_field *f, js v){
  int object = strncmp(f->id, "obj:", 4)==0 || strcmp(f->display_type, "object")==0;
  return object ? encode_object(e, v) : encode_list(e, v);
}

int tags_check(encoder *e, js v){
  e->why[0] = 0;
  e->no_memory = 0;
  if( js_type(v)=='n' ) return 1;
  v = inner_json(e, v, '[');
  const char *stranger = js_type(v)=='[' ? list_stranger(v, 0) : NULL;
  if( js_type(v)!='[' )
    cannot(e, "takes a JSON array of tag names, such as [\"VIP\"], not %.*s", cut_to(40, v.p, v.n), v.p);
  else if( stranger ) cannot(e, "takes a JSON array of tag names, but %s is in it", stranger);
  if( e->no_memory ) e->why[0] = 0;
  return e->why[0]==0 && !e->no_memory;
}

/* ---- what is only read --------------------------------------------------------------------------- */

/* What a person sees of an activity: the contents of its render commands, one behind the other. */
static int decode_rendered(arena *a, js v, ortto_value *out){
  if( js_type(v)!='[' ) return decode_any(a, v, out);
  char *text = arena_alloc(a, 3*v.n + 1);
  if( text==NULL ) return 0;
  size_t used = 0;
  js_iter it = js_in(v);
  js command;
  while( js_next(&it, NULL, &command) ){
    js content = js_get(command, "content");
    if( js_type(content)!='"' ) continue;
    size_t n;
    const char *part = js_text(a, content, &n);
    if( part==NULL ) return 0;
    memcpy(text + used, part, n);
    used += n;
  }
  value_text(out, ORTTO_VALUE_TEXT, text, used);
  return 1;
}

/* Of people unless it says otherwise [recorded]. */
static int decode_tag_type(arena *a, js v, ortto_value *out){
  js word = js_type(v)=='"' ? unquoted(v) : js_slice("", 0);
  if( js_type(v)!='"' && js_type(v)!='n' ) return decode_any(a, v, out);
  if( word.n==0 ) value_text(out, ORTTO_VALUE_TEXT, "person", 6);
  else if( js_is(word, "organization") || js_is(word, "account") )
    value_text(out, ORTTO_VALUE_TEXT, "account", 7);
  else return decode_any(a, v, out);
  return 1;
}

/* ---- all of them --------------------------------------------------------------------------------- */

static const struct {
  int (*decode)(arena *a, js v, ortto_value *out);
  cJSON *(*encode)(encoder *e, const ortto_field *f, js v);
} types[] = {
  [ORTTO_TEXT]     = { decode_any,      encode_text },
  [ORTTO_INTEGER]  = { decode_integer,  encode_number },
  [ORTTO_REAL]     = { decode_real,     encode_number },
  [ORTTO_BOOLEAN]  = { decode_any,      encode_boolean },
  [ORTTO_DATE]     = { decode_date,     encode_date },
  [ORTTO_TIME]     = { decode_any,      encode_time },
  [ORTTO_PLACE]    = { decode_place,    encode_place },
  [ORTTO_PHONE]    = { decode_phone,    encode_phone },
  [ORTTO_JSON]     = { decode_any,      encode_json },
  [ORTTO_TAG_TYPE] = { decode_tag_type, encode_text },
  [ORTTO_RENDERED] = { decode_rendered, encode_text },
};

int decode_by_type(arena *a, ortto_type type, const char *p, size_t n, const js_node *node, ortto_value *out){
  int64_t i;
  if( js_integer(js_slice(p, n), &i) ){          /* the same by each of them */
    if( type==ORTTO_REAL ) value_thousandths(out, i);
    else value_integer(out, i);
    return 1;
  }
  return types[type].decode(a, (js){ p, n, node }, out);
}

cJSON *encode(encoder *e, const ortto_field *f, js v){
  e->why[0] = 0;
  e->no_memory = 0;
  cJSON *value = js_type(v)=='n' ? cJSON_CreateNull() : types[f->type].encode(e, f, v);
  if( !e->no_memory ) return value;
  e->why[0] = 0;
  cJSON_Delete(value);
  return NULL;
}
