/*
** value.c - see value.h.
*/
#include "value.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGE_TEXT_MAX 4000        /* of a txt value [documented] */
#define OBJECT_MAX 15000           /* bytes of an obj value [documented] */

void value_text(ortto_value *out, ortto_kind kind, const char *text, size_t n){
  out->kind = kind;
  out->text = text;
  out->length = n;
}

static void value_integer(ortto_value *out, int64_t i){
  out->kind = ORTTO_VALUE_INTEGER;
  out->integer = i;
}

static void value_real(ortto_value *out, double r){
  out->kind = ORTTO_VALUE_REAL;
  out->real = r;
}

/* Whatever was sent, unchanged: a string as it is, an object or array as its JSON text, a number or boolean as itself.
** A number that neither int64 nor a double holds stays text, digit for digit. 0 when out of memory. */
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

/* Ortto's integer is the value times 1000. A number with a fraction cannot be that: it is left as it is [guess]. */
static int decode_real(arena *a, js v, ortto_value *out){
  if( js_type(v)!=0 ) return decode_any(a, v, out);
  if( !decode_integer(a, v, out) ) return 0;
  if( out->kind==ORTTO_VALUE_INTEGER ) value_real(out, (double)((long double)out->integer / 1000.0L));
  return 1;
}

static int days_in(int64_t year, int64_t month){
  static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
  int leap = (year%4==0 && year%100!=0) || year%400==0;
  return days[month-1] + (month==2 && leap);
}

/* A date that no calendar has stays the object that it is: so nothing is lost, and it can be written back. */
static int decode_date(arena *a, js v, ortto_value *out){
  int64_t year, month, day;
  if( js_type(v)!='{' || !js_integer(js_get(v, "year"), &year) || !js_integer(js_get(v, "month"), &month)
   || !js_integer(js_get(v, "day"), &day) || year<1 || year>9999 || month<1 || month>12
   || day<1 || day>days_in(year, month) ) return decode_any(a, v, out);
  char *text = arena_alloc(a, 16);
  if( text==NULL ) return 0;
  snprintf(text, 16, "%04u-%02u-%02u", (unsigned)year % 10000u, (unsigned)month % 100u, (unsigned)day % 100u);
  value_text(out, ORTTO_VALUE_TEXT, text, 10);
  return 1;
}

static int decode_place(arena *a, js v, ortto_value *out){
  js name = js_get(v, "name");
  return decode_any(a, js_type(name)=='"' ? name : v, out);
}

/* The digits of a string or integer; 0 if it is neither. */
static int digits_of(js v, js *out){
  int quoted = js_type(v)=='"';
  out->p = v.p + quoted;
  out->n = v.n - (quoted ? 2 : 0);
  if( quoted && out->n && out->p[0]=='+' ){ out->p++; out->n--; }
  if( v.n==0 || out->n==0 || out->n>20 ) return 0;
  for(size_t i=0; i<out->n; i++) if( out->p[i]<'0' || out->p[i]>'9' ) return 0;
  return 1;
}

static int decode_phone(arena *a, js v, ortto_value *out){
  js country, national;
  if( !digits_of(js_get(v, "c"), &country) || !digits_of(js_get(v, "n"), &national) ) return decode_any(a, v, out);
  char *text = arena_alloc(a, 48);
  if( text==NULL ) return 0;
  int n = snprintf(text, 48, "+%.*s%.*s", (int)country.n, country.p, (int)national.n, national.p);
  value_text(out, ORTTO_VALUE_TEXT, text, (size_t)n);
  return 1;
}

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

static int decode_tag_type(arena *a, js v, ortto_value *out){
  if( js_type(v)=='n' || (js_type(v)=='"' && v.n==2) ) value_text(out, ORTTO_VALUE_TEXT, "person", 6);
  else if( js_type(v)=='"' && (js_is((js){ v.p+1, v.n-2 }, "organization") || js_is((js){ v.p+1, v.n-2 }, "account")) )
    value_text(out, ORTTO_VALUE_TEXT, "account", 7);
  else return decode_any(a, v, out);
  return 1;
}

int decode(arena *a, ortto_type type, js v, ortto_value *out){
  switch( type ){
    case ORTTO_INTEGER: return decode_integer(a, v, out);
    case ORTTO_REAL: return decode_real(a, v, out);
    case ORTTO_DATE: return decode_date(a, v, out);
    case ORTTO_PLACE: return decode_place(a, v, out);
    case ORTTO_PHONE: return decode_phone(a, v, out);
    case ORTTO_RENDERED: return decode_rendered(a, v, out);
    case ORTTO_TAG_TYPE: return decode_tag_type(a, v, out);
    default: return decode_any(a, v, out);
  }
}

/* RFC 3339 in UTC, as Ortto writes it. */
int ortto_time_compare(const char *a, size_t a_length, const char *b, size_t b_length){
  size_t n = a_length<b_length ? a_length : b_length;
  for(size_t i=0; i<n; i++) if( a[i]!=b[i] ){
    if( i==19 ) return a[i]=='.' ? 1 : b[i]=='.' ? -1 : 0;      /* with a fraction: later */
    if( i>19 && (a[i]=='Z' || b[i]=='Z') ) return a[i]=='Z' ? -1 : 1;   /* the longer fraction: later */
    return a[i]<b[i] ? -1 : 1;
  }
  return 0;
}

__attribute__((format(printf, 2, 3)))
static int cannot(encoder *e, const char *format, ...){
  va_list args;
  va_start(args, format);
  vsnprintf(e->why, sizeof e->why, format, args);
  va_end(args);
  return 0;
}

static int encode_text(encoder *e, const ortto_field *f, js v){
  size_t n, most = strncmp(f->id, "txt:", 4)==0 || strcmp(f->display_type, "large_text")==0 ? LARGE_TEXT_MAX : TEXT_MAX;
  if( js_type(v)==0 && v.n>most ) return cannot(e, "is too long: %zu characters, where Ortto takes %zu", v.n, most);
  if( js_type(v)==0 ){                           /* digits are text too */
    buf_printf(e->out, "\"%.*s\"", (int)v.n, v.p);
    return 1;
  }
  if( js_type(v)!='"' ) return cannot(e, "takes text, not %s", js_kind(v));
  const char *text = js_text(e->memory, v, &n);
  if( text==NULL ){ e->out->failed = 1; return 0; }
  if( characters(text, n)>most ) return cannot(e, "is too long: %zu characters, where Ortto takes %zu", characters(text, n), most);
  buf_add(e->out, v.p, v.n);
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
    if( *stop || exponent>400 || exponent<-400 ) return 0;
    p = end;
  }
  *power += (int)exponent;
  return p==end;
}

/* The number times 10^shift as a whole number, rounded half away from zero. 0 if it is no number or too large;
** *exact says whether nothing was rounded. */
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

/* The characters of a number, or of a string that holds one. */
static int number_text(encoder *e, js v, const char **text, size_t *n){
  if( js_type(v)==0 ){ *text = v.p; *n = v.n; return 1; }
  if( js_type(v)!='"' ) return 0;
  *text = js_text(e->memory, v, n);
  return *text!=NULL && *n>0;
}

static int encode_number(encoder *e, const ortto_field *f, js v){
  const char *text;
  size_t n;
  int64_t i;
  int exact, scaled = f->type==ORTTO_REAL;
  if( !number_text(e, v, &text, &n) ) return cannot(e, "takes a number, not %s", js_kind(v));
  if( !decimal_whole(text, n, scaled ? 3 : 0, &i, &exact) ) return cannot(e, "cannot be '%.*s': %s", (int)(n<40 ? n : 40), text,
    number_check(text, text+n)==text+n ? "the number is too large" : "it takes a number");
  if( !scaled && !exact ) return cannot(e, "takes a whole number, not %.*s", (int)(n<40 ? n : 40), text);
  buf_printf(e->out, "%lld", (long long)i);
  return 1;
}

static int encode_boolean(encoder *e, js v){
  static const struct { const char *text; int value; } words[] = { { "true", 1 }, { "false", 0 }, { "1", 1 }, { "0", 0 }, { "1.0", 1 }, { "0.0", 0 } };
  js word = js_type(v)=='"' ? unquoted(v) : v;
  for(int i=0; i<COUNT(words); i++) if( js_type(v)!='{' && js_is(word, words[i].text) ){
    buf_puts(e->out, words[i].value ? "true" : "false");
    return 1;
  }
  return cannot(e, "takes true or false (1 or 0), not %.*s", (int)(v.n<40 ? v.n : 40), v.p);
}

js inner_json(encoder *e, js v, char kind){
  size_t n;
  js inner;
  const char *text = js_type(v)=='"' ? js_text(e->memory, v, &n) : NULL;
  return text && n && text[0]==kind && json_check(text, n, &inner) ? inner : v;
}

static int two_digits(const char *p){
  return p[0]>='0' && p[0]<='9' && p[1]>='0' && p[1]<='9' ? (p[0]-'0')*10 + p[1]-'0' : -1;
}

int date_read(const char *p, size_t n, int *year, int *month, int *day){
  if( n<10 || p[4]!='-' || p[7]!='-' || two_digits(p)<0 || two_digits(p+2)<0 ) return 0;
  *year = two_digits(p)*100 + two_digits(p+2);
  *month = two_digits(p+5);
  *day = two_digits(p+8);
  return *year>=1 && *month>=1 && *month<=12 && *day>=1 && *day<=days_in(*year, *month);
}

static int encode_date(encoder *e, js v){
  int year, month, day;
  size_t n;
  v = inner_json(e, v, '{');
  if( js_type(v)=='{' ){             /* Ortto's own shape goes back as it was read, whatever it says */
    buf_add(e->out, v.p, v.n);
    return 1;
  }
  if( js_type(v)!='"' ) return cannot(e, "takes a date as YYYY-MM-DD, not %s", js_kind(v));
  const char *text = js_text(e->memory, v, &n);
  if( text==NULL ){ e->out->failed = 1; return 0; }
  if( !date_read(text, n, &year, &month, &day) || (n>10 && text[10]!='T' && text[10]!=' ') )
    return cannot(e, "cannot be '%.*s': it takes a date that exists, as YYYY-MM-DD", (int)(n<40 ? n : 40), text);
  buf_printf(e->out, "{\"year\":%d,\"month\":%d,\"day\":%d,\"timezone\":\"UTC\"}", year, month, day);
  return 1;
}

const char *time_read(arena *a, const char *p, size_t n){
  int year, month, day, seconds = 0;
  size_t at = 16;
  if( !date_read(p, n, &year, &month, &day) ) return NULL;
  if( n==10 ) return arena_printf(a, "%.10sT00:00:00Z", p);
  if( n<16 || (p[10]!='T' && p[10]!='t' && p[10]!=' ') || p[13]!=':' || two_digits(p+11)<0 || two_digits(p+11)>23
   || two_digits(p+14)<0 || two_digits(p+14)>59 ) return NULL;
  if( n>=19 && p[16]==':' ){
    seconds = two_digits(p+17);
    if( seconds<0 || seconds>60 ) return NULL;
    at = 19;
  }
  size_t fraction = at;
  if( at==19 && at<n && p[at]=='.' ){
    const char *stop = digits(p+at+1, p+n);
    if( stop==p+at+1 ) return NULL;
    at = (size_t)(stop - p);
  }
  size_t zone = n - at;
  int good = zone==0 || (zone==1 && (p[at]=='Z' || p[at]=='z'))
          || (zone==6 && (p[at]=='+' || p[at]=='-') && p[at+3]==':' && two_digits(p+at+1)>=0 && two_digits(p+at+4)>=0);
  if( !good ) return NULL;
  return arena_printf(a, "%.10sT%.5s:%02d%.*s%.*s", p, p+11, seconds, (int)(at - fraction), p + fraction,
                      zone==6 ? 6 : 1, zone==6 ? p+at : "Z");
}

static int encode_time(encoder *e, js v){
  size_t n;
  if( js_type(v)!='"' ) return cannot(e, "takes a time such as 2025-11-04T19:10:31Z, not %s", js_kind(v));
  const char *text = js_text(e->memory, v, &n), *sent = text ? time_read(e->memory, text, n) : NULL;
  if( sent==NULL ) return cannot(e, "cannot be '%.*s': it takes a time such as 2025-11-04T19:10:31Z", (int)(n<40 ? n : 40), text ? text : "");
  buf_printf(e->out, "\"%s\"", sent);
  return 1;
}

static int encode_place(encoder *e, js v){
  v = inner_json(e, v, '{');
  js name = js_type(v)=='{' ? js_get(v, "name") : v;
  if( js_type(v)=='{' && js_type(name)!='"' ){   /* as it was read */
    buf_add(e->out, v.p, v.n);
    return 1;
  }
  if( name.p==NULL || js_type(name)!='"' ) return cannot(e, "takes the name of a place as text, not %s", js_kind(v));
  buf_printf(e->out, "{\"name\":%.*s}", (int)name.n, name.p);
  return 1;
}

/* With the country's code in front, and any of the usual marks between the digits. */
static int encode_phone(encoder *e, js v){
  char number[32];
  size_t n, used = 0;
  v = inner_json(e, v, '{');
  if( js_type(v)=='{' ){             /* as it was read */
    buf_add(e->out, v.p, v.n);
    return 1;
  }
  if( js_type(v)!='"' ) return cannot(e, "takes a phone number as text with + and the country code in front, not %s", js_kind(v));
  const char *text = js_text(e->memory, v, &n);
  if( text==NULL ){ e->out->failed = 1; return 0; }
  size_t i = strspn(text, " ");
  int plus = n>i && text[i]=='+';
  for(i += (size_t)plus; i<n && used<sizeof number-1; i++){
    if( text[i]>='0' && text[i]<='9' ) number[used++] = text[i];
    else if( strchr(" -./()", text[i])==NULL || text[i]==0 ) break;
  }
  number[used] = 0;
  if( !plus || i<n || used<5 || used>20 ) return cannot(e, "cannot be '%.*s': it takes a phone number with + and the country code in front, such as +61401234567",
                                               (int)(n<40 ? n : 40), text);
  buf_printf(e->out, "{\"phone\":\"%s\",\"parse_with_country_code\":true}", number);
  return 1;
}

static int encode_list(encoder *e, js v){
  js item;
  v = inner_json(e, v, '[');
  if( js_type(v)=='"' ){
    buf_printf(e->out, "[%.*s]", (int)v.n, v.p);
    return 1;
  }
  if( js_type(v)!='[' ) return cannot(e, "takes a list of texts, not %s", js_kind(v));
  js_iter it = js_in(v);
  while( js_next(&it, NULL, &item) ) if( js_type(item)!='"' ) return cannot(e, "takes a list of texts, but %s is in it", js_kind(item));
  buf_add(e->out, v.p, v.n);
  return 1;
}

static int encode_object(encoder *e, js v){
  v = inner_json(e, v, '{');
  if( js_type(v)!='{' ) return cannot(e, "takes a JSON object, not %s", js_kind(v));
  if( v.n>OBJECT_MAX ) return cannot(e, "is too long: %zu bytes, where Ortto takes %d", v.n, OBJECT_MAX);
  buf_add(e->out, v.p, v.n);
  return 1;
}

int encode(encoder *e, const ortto_field *f, js v){
  if( js_type(v)=='n' ){
    buf_puts(e->out, "null");
    return 1;
  }
  switch( f->type ){
    case ORTTO_INTEGER: case ORTTO_REAL: return encode_number(e, f, v);
    case ORTTO_BOOLEAN: return encode_boolean(e, v);
    case ORTTO_DATE: return encode_date(e, v);
    case ORTTO_TIME: return encode_time(e, v);
    case ORTTO_PLACE: return encode_place(e, v);
    case ORTTO_PHONE: return encode_phone(e, v);
    case ORTTO_JSON: return strncmp(f->id, "obj:", 4)==0 || strcmp(f->display_type, "object")==0 ? encode_object(e, v) : encode_list(e, v);
    default: return encode_text(e, f, v);
  }
}

int tags_check(encoder *e, js v){
  js tag;
  if( js_type(v)=='n' ) return 1;
  v = inner_json(e, v, '[');
  if( js_type(v)!='[' ) return cannot(e, "takes a JSON array of tag names, such as [\"VIP\"], not %.*s", (int)(v.n<40 ? v.n : 40), v.p);
  js_iter it = js_in(v);
  while( js_next(&it, NULL, &tag) )
    if( js_type(tag)!='"' || tag.n==2 ) return cannot(e, "takes a JSON array of tag names, but %s is in it", tag.n==2 ? "an empty one" : js_kind(tag));
  return 1;
}
