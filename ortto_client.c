/*
** ortto_client.c - Ortto's API over libcurl and cJSON. See ortto_client.h for what it does; this file is how.
**
** Contents, in the order in which data flows:
**
**   1. Memory        growing text, arenas
**   2. Errors        the client, its last error
**   3. JSON          a strict reader over the answer's own bytes
**   4. Settings      look-up, forms of a key, addresses
**   5. Endpoints     a host with a key, and the lane that all requests with this key share
**   6. Requests      rate limit, retries, breaker, log: libcurl's multi interface, driven without threads
**   7. Values        from JSON to typed values
**   8. Fields        built-in fields, discovery, column names
**   9. Reading       pages, windows, ids, lists
**  10. Writing       records to items, items to batches, answers to outcomes
**  11. Small calls   check, audience names
**
** Why a JSON reader of our own: cJSON keeps every number as a double, ends strings at \u0000, refuses lone surrogates
** and accepts what is not JSON. Answers are therefore checked and sliced in place, with no tree and no copy, which
** is also what makes a page cheap. cJSON builds the requests, reads error bodies, and converts numbers with a
** fraction or an exponent.
*/
#define _GNU_SOURCE
#include "ortto_client.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>
#include "cJSON.h"

#define ANSWER_MAX (64u << 20)     /* an answer larger than this, decompressed, is refused */
#define PAGE_MAX 500               /* a larger limit is treated as 50 by the server [documented] */
#define IDS_MAX 100                /* ids in one get-by-ids; the server's own limit is unknown [guess] */
#define FIELDS_MAX 150             /* field ids in one request [documented for get-by-ids] */
#define OR_MAX 100                 /* $str::is in one $or [seen in a client] */
#define LIST_PAGE 40               /* audiences, activity feed: default and largest limit [documented] */
#define SECOND ((int64_t)1000000)  /* times inside are microseconds of the monotonic clock */
#define RATE_MARGIN 10000          /* one second at the server may be a little shorter than ours */
#define RATE_MAX 1000
#define REFUSED_FOR (15 * SECOND)  /* Ortto bans an address after 15 bad requests in 15 seconds [documented] */
#define BAD_MAX 10
#define POLL_MS 40
#define TOTAL_MAX 1000000000000    /* a total above this is no total */
#define SCHEMA_FIELDS 128          /* room for the built-in fields of one entity */

/* ==== 1. Memory =============================================================================================== */

typedef struct buf {               /* growing text; terminated whenever p is set */
  char *p;
  size_t n, cap;
  int failed;                      /* an allocation failed: all that follows is ignored */
} buf;

static int buf_reserve(buf *b, size_t more){
  if( b->failed ) return 0;
  if( more > SIZE_MAX/2 - b->n - 1 ){ b->failed = 1; return 0; }
  if( b->n + more + 1 > b->cap ){
    size_t cap = b->cap + b->cap/2;
    if( cap < b->n + more + 1 ) cap = b->n + more + 1;
    if( cap < 256 ) cap = 256;
    char *p = realloc(b->p, cap);
    if( p==NULL ){ b->failed = 1; return 0; }
    b->p = p;
    b->cap = cap;
  }
  return 1;
}

static void buf_add(buf *b, const char *text, size_t n){
  if( !buf_reserve(b, n) ) return;
  if( n ) memcpy(b->p + b->n, text, n);
  b->n += n;
  b->p[b->n] = 0;
}

static void buf_puts(buf *b, const char *text){
  buf_add(b, text, strlen(text));
}

static void buf_vprintf(buf *b, const char *format, va_list args){
  va_list again;
  va_copy(again, args);
  int n = vsnprintf(NULL, 0, format, args);
  if( n<0 ) b->failed = 1;
  else if( buf_reserve(b, (size_t)n) ) b->n += (size_t)vsnprintf(b->p + b->n, (size_t)n + 1, format, again);
  va_end(again);
}

__attribute__((format(printf, 2, 3)))
static void buf_printf(buf *b, const char *format, ...){
  va_list args;
  va_start(args, format);
  buf_vprintf(b, format, args);
  va_end(args);
}

/* A JSON string. */
static void buf_json(buf *b, const char *text){
  buf_puts(b, "\"");
  for(const char *p=text; *p; p++){
    if( *p=='"' || *p=='\\' ) buf_puts(b, "\\");
    if( (unsigned char)*p<0x20 ) buf_printf(b, "\\u%04x", *p);
    else buf_add(b, p, 1);
  }
  buf_puts(b, "\"");
}

static void buf_free(buf *b){
  free(b->p);
  memset(b, 0, sizeof *b);
}

typedef struct block {
  struct block *next;
  size_t used, cap;
  char data[];
} block;

typedef struct arena {             /* memory that is freed together */
  block *first;
} arena;

static void *arena_alloc(arena *a, size_t n){
  n = (n + 7) & ~(size_t)7;
  block *b = a->first;
  if( b==NULL || b->cap - b->used < n ){
    size_t cap = n > 4000 ? n : 4000;
    b = malloc(sizeof *b + cap);
    if( b==NULL ) return NULL;
    b->next = a->first;
    b->used = 0;
    b->cap = cap;
    a->first = b;
  }
  void *p = b->data + b->used;
  b->used += n;
  return p;
}

static char *arena_text(arena *a, const char *text, size_t n){
  char *p = arena_alloc(a, n + 1);
  if( p ){
    if( n ) memcpy(p, text, n);
    p[n] = 0;
  }
  return p;
}

static void arena_free(arena *a){
  while( a->first ){
    block *b = a->first;
    a->first = b->next;
    free(b);
  }
}

/* Ready for the next record: one block stays. */
static void arena_reset(arena *a){
  if( a->first==NULL ) return;
  block *rest = a->first->next;
  a->first->next = NULL;
  a->first->used = 0;
  arena old = { rest };
  arena_free(&old);
}

static char *text_copy(const char *text){
  return text ? strdup(text) : NULL;
}

/* Equal but for the case of ASCII letters, whatever the locale. */
static int same_word(const char *a, const char *b){
  for(; *a && *b; a++, b++){
    char x = *a>='A' && *a<='Z' ? (char)(*a + 32) : *a, y = *b>='A' && *b<='Z' ? (char)(*b + 32) : *b;
    if( x!=y ) return 0;
  }
  return *a==*b;
}

static uint64_t hash_bytes(uint64_t h, const void *data, size_t n){   /* FNV-1a */
  const unsigned char *p = data;
  for(size_t i=0; i<n; i++) h = (h ^ p[i]) * 1099511628211u;
  return h;
}
#define HASH_START 14695981039346656037u

/* Spreads every bit of x over all bits of the result (the finalizer of splitmix64). */
static uint64_t mix64(uint64_t x){
  x = (x ^ x>>30) * 0xBF58476D1CE4E5B9u;
  x = (x ^ x>>27) * 0x94D049BB133111EBu;
  return x ^ x>>31;
}

static int64_t now_us(void){
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * SECOND + t.tv_nsec / 1000;
}

static size_t utf8_length(const char *text, const char *end);

/* A text that was cut may end in the middle of a character. */
static void utf8_mend(char *text){
  const char *end = text + strlen(text);
  for(char *p=text; p<end; ){
    size_t n = utf8_length(p, end);
    if( n==0 ) *p = '?';
    p += n ? n : 1;
  }
}

/* ==== 2. Errors =============================================================================================== */

typedef struct lane lane;
typedef struct call call;

typedef struct bad_read {          /* a reading request that the server called bad */
  uint64_t hash;
  int64_t until;
  char *why;
} bad_read;

typedef struct schema_memory {     /* which built-in fields an instance lists */
  uint64_t identity;
  unsigned char known[2];          /* people, accounts */
  unsigned char listed[2][SCHEMA_FIELDS];
} schema_memory;

typedef struct field_memory {      /* fields listed lately, for writing */
  uint64_t identity;
  int64_t at;
  ortto_field_list *list;
} field_memory;

typedef struct audience_memory {   /* audiences of Segment's endpoint: "identity name" to id */
  char *name, *id;
} audience_memory;

struct activity_memory;
static void activities_free(struct activity_memory *m);

struct ortto_client {
  ortto_host host;
  char *config[ORTTO_SETTINGS];    /* set by ortto_config_set */
  char error[1024];
  CURLM *multi;
  CURL *idle[64];                  /* handles to be used again */
  int idle_count;
  lane *lanes;
  call *calls, **calls_end;        /* waiting and in flight, in order of urgency */
  int in_flight;
  int64_t bad_at[BAD_MAX];         /* when the last answers of 400, 401, 403 came */
  int bad_next;
  bad_read bad[16];
  int bad_read_next;
  int64_t asked_host;              /* when host.interrupted was asked last */
  uint64_t random;
  schema_memory schema[8];
  int schema_next;
  field_memory fields[2];          /* people, accounts */
  struct activity_memory *activities;
  audience_memory *audience;
  int audience_count;
  ortto_log_entry *log;            /* ring of ORTTO_LOG_SIZE, made at the first request */
  int64_t log_count;
};

const char *ortto_error(const ortto_client *client){
  return client->error;
}

__attribute__((format(printf, 2, 3)))
static void set_error(ortto_client *client, const char *format, ...){
  va_list args;
  va_start(args, format);
  vsnprintf(client->error, sizeof client->error, format, args);
  va_end(args);
  utf8_mend(client->error);
}
#define fail(...) (set_error(__VA_ARGS__), ORTTO_ERROR)

static int no_memory(ortto_client *client){
  set_error(client, "ortto: out of memory");
  return ORTTO_NOMEM;
}

static int stopped(ortto_client *client){
  set_error(client, "ortto: interrupted");
  return ORTTO_INTERRUPT;
}

static void start_curl(void){
  curl_global_init(CURL_GLOBAL_DEFAULT);
}

ortto_client *ortto_client_new(const ortto_host *host){
  static pthread_once_t once = PTHREAD_ONCE_INIT;   /* curl_global_init is safe with threads only since 7.84 */
  pthread_once(&once, start_curl);
  ortto_client *client = calloc(1, sizeof *client);
  if( client==NULL ) return NULL;
  if( host ) client->host = *host;
  client->multi = curl_multi_init();
  if( client->multi==NULL ){
    free(client);
    return NULL;
  }
  curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, 64L);
  curl_multi_setopt(client->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
  client->calls_end = &client->calls;
  client->random = mix64((uint64_t)now_us() ^ (uint64_t)getpid()<<40 ^ mix64((uint64_t)(uintptr_t)client));
  return client;
}

static void lanes_free(lane *l);
static void calls_drop_all(ortto_client *client);

void ortto_client_free(ortto_client *client){
  if( client==NULL ) return;
  calls_drop_all(client);
  for(int i=0; i<client->idle_count; i++) curl_easy_cleanup(client->idle[i]);
  curl_multi_cleanup(client->multi);
  lanes_free(client->lanes);
  for(int i=0; i<ORTTO_SETTINGS; i++) free(client->config[i]);
  for(size_t i=0; i<sizeof client->bad/sizeof *client->bad; i++) free(client->bad[i].why);
  for(int i=0; i<2; i++) ortto_fields_free(client->fields[i].list);
  activities_free(client->activities);
  for(int i=0; i<client->audience_count; i++){
    free(client->audience[i].name);
    free(client->audience[i].id);
  }
  free(client->audience);
  free(client->log);
  free(client);
}

/* ==== 3. JSON ================================================================================================= */

/* A value inside a text that json_check has accepted, as the bytes of the answer itself. */
typedef struct js {
  const char *p;
  size_t n;
} js;

typedef struct js_iter {           /* stands before the next member or element */
  const char *p;
} js_iter;

#define JSON_DEPTH 1000

static const char *blanks(const char *p, const char *end){
  while( p<end && (*p==' ' || *p=='\n' || *p=='\r' || *p=='\t') ) p++;
  return p;
}

/* From behind the opening quote to behind the closing one; NULL if this is no JSON string. */
static const char *string_check(const char *p, const char *end){
  for(;;){
    while( p<end && (unsigned char)*p>=0x20 && *p!='"' && *p!='\\' ) p++;
    if( p>=end || (unsigned char)*p<0x20 ) return NULL;
    if( *p++=='"' ) return p;
    if( p>=end ) return NULL;
    if( *p=='u' ){
      if( end-p<5 ) return NULL;
      for(int i=1; i<5; i++) if( !isxdigit((unsigned char)p[i]) ) return NULL;
      p += 5;
    }else{
      if( *p==0 || strchr("\"\\/bfnrt", *p)==NULL ) return NULL;
      p++;
    }
  }
}

static const char *digits(const char *p, const char *end){
  while( p<end && *p>='0' && *p<='9' ) p++;
  return p;
}

static const char *number_check(const char *p, const char *end){
  if( p<end && *p=='-' ) p++;
  const char *whole = p;
  p = digits(p, end);
  if( p==whole || (*whole=='0' && p-whole>1) ) return NULL;
  if( p<end && *p=='.' ){
    const char *fraction = ++p;
    p = digits(p, end);
    if( p==fraction ) return NULL;
  }
  if( p<end && (*p=='e' || *p=='E') ){
    p++;
    if( p<end && (*p=='+' || *p=='-') ) p++;
    const char *exponent = p;
    p = digits(p, end);
    if( p==exponent ) return NULL;
  }
  return p;
}

static const char *scalar_check(const char *p, const char *end){
  if( *p=='"' ) return string_check(p+1, end);
  if( end-p>=4 && (memcmp(p, "true", 4)==0 || memcmp(p, "null", 4)==0) ) return p + 4;
  if( end-p>=5 && memcmp(p, "false", 5)==0 ) return p + 5;
  return number_check(p, end);
}

/* A member's name and its colon. */
static const char *name_check(const char *p, const char *end){
  p = blanks(p, end);
  if( p>=end || *p!='"' ) return NULL;
  p = string_check(p+1, end);
  if( p==NULL ) return NULL;
  p = blanks(p, end);
  return p<end && *p==':' ? p+1 : NULL;
}

/* Strict (RFC 8259): returns where the value ends, or NULL if there is none. */
static const char *value_check(const char *p, const char *end){
  char closing[JSON_DEPTH];
  int depth = 0;
  for(;;){
    p = blanks(p, end);
    if( p>=end ) return NULL;
    if( *p=='{' || *p=='[' ){
      char close = *p=='{' ? '}' : ']';
      p = blanks(p+1, end);
      if( p<end && *p==close ) p++;
      else{
        if( depth==JSON_DEPTH ) return NULL;
        closing[depth++] = close;
        if( close=='}' && (p = name_check(p, end))==NULL ) return NULL;
        continue;
      }
    }else if( (p = scalar_check(p, end))==NULL ) return NULL;
    for(;;){                       /* behind a value: what it is part of may end too */
      if( depth==0 ) return p;
      p = blanks(p, end);
      if( p>=end ) return NULL;
      if( *p==closing[depth-1] ){ depth--; p++; continue; }
      if( *p++!=',' ) return NULL;
      if( closing[depth-1]=='}' && (p = name_check(p, end))==NULL ) return NULL;
      break;
    }
  }
}

/* The one value of a text; 0 if the text is not JSON. */
static int json_check(const char *text, size_t n, js *value){
  const char *end = text + n;
  const char *p = blanks(text, end);
  const char *q = value_check(p, end);
  if( q==NULL || blanks(q, end)!=end ) return 0;
  value->p = p;
  value->n = (size_t)(q - p);
  return 1;
}

static const char *string_skip(const char *p){   /* from behind the opening quote, in a checked text */
  for(;;){
    while( *p!='"' && *p!='\\' ) p++;
    if( *p=='"' ) return p + 1;
    p += 2;
  }
}

static const char *value_skip(const char *p){
  if( *p=='"' ) return string_skip(p+1);
  if( *p!='{' && *p!='[' ){
    while( *p && *p!=',' && *p!='}' && *p!=']' && (unsigned char)*p>' ' ) p++;
    return p;
  }
  int depth = 0;
  for(;;){
    switch( *p ){
      case '"': p = string_skip(p+1); continue;
      case '{': case '[': depth++; break;
      case '}': case ']': if( --depth==0 ) return p + 1; break;
      default: break;
    }
    p++;
  }
}

static const char *blanks_skip(const char *p){
  while( *p==' ' || *p=='\n' || *p=='\r' || *p=='\t' ) p++;
  return p;
}

static char js_type(js v){         /* { [ " t f n, or 0 for a number */
  char c = v.n && v.p ? *v.p : 'n';
  return c=='-' || (c>='0' && c<='9') ? 0 : c;
}

static js_iter js_in(js container){
  js_iter it = { container.p ? container.p + 1 : "]" };
  return it;
}

/* The next element of an array, or member of an object (then name is not NULL). The name is without its quotes. */
static int js_next(js_iter *it, js *name, js *value){
  const char *p = blanks_skip(it->p);
  if( *p==',' ) p = blanks_skip(p+1);
  if( *p=='}' || *p==']' ) return 0;
  if( name ){
    const char *q = string_skip(p+1);
    name->p = p + 1;
    name->n = (size_t)(q - p) - 2;
    p = blanks_skip(blanks_skip(q) + 1);
  }
  const char *q = value_skip(p);
  value->p = p;
  value->n = (size_t)(q - p);
  it->p = q;
  return 1;
}

static int js_is(js name, const char *text){
  size_t n = strlen(text);
  return name.n==n && memcmp(name.p, text, n)==0;
}

/* The member of that name; {NULL,0} if there is none or the container is no object. */
static js js_get(js object, const char *name){
  js found = { NULL, 0 };
  if( js_type(object)!='{' ) return found;
  js_iter it = js_in(object);
  js key, value;
  while( js_next(&it, &key, &value) ) if( js_is(key, name) ) found = value;
  return found;
}

static int js_true(js v){
  return v.n==4 && v.p[0]=='t';
}

/* 1 if this is an integer that int64 holds. */
static int js_integer(js v, int64_t *out){
  if( v.n==0 || js_type(v)!=0 ) return 0;
  const char *p = v.p, *end = v.p + v.n;
  int negative = *p=='-';
  uint64_t u = 0;
  for(p += negative; p<end; p++){
    if( *p<'0' || *p>'9' ) return 0;
    unsigned d = (unsigned)(*p - '0');
    if( u > (UINT64_MAX - d)/10 ) return 0;
    u = u*10 + d;
  }
  if( u > (uint64_t)INT64_MAX + (negative ? 1u : 0u) ) return 0;
  *out = negative ? (int64_t)(0 - u) : (int64_t)u;
  return 1;
}

/* 1 if this is a number that a double can show. cJSON converts, whatever the locale's decimal point. */
static int js_double(js v, double *out){
  if( v.n==0 || v.n>60 || js_type(v)!=0 ) return 0;
  const char *end = NULL;
  cJSON *number = cJSON_ParseWithLengthOpts(v.p, v.n, &end, 0);
  int ok = number!=NULL && end==v.p+v.n && cJSON_IsNumber(number) && isfinite(number->valuedouble);
  if( ok ) *out = number->valuedouble;
  cJSON_Delete(number);
  return ok;
}

/* Length of the UTF-8 character at p, 0 if it is none. */
static size_t utf8_length(const char *text, const char *end){
  const unsigned char *p = (const unsigned char *)text;
  size_t left = (size_t)(end - text);
  if( p[0]<0x80 ) return 1;
  if( p[0]<0xC2 ) return 0;
  if( p[0]<0xE0 ) return left>=2 && (p[1]&0xC0)==0x80 ? 2 : 0;
  if( p[0]<0xF0 ){
    if( left<3 || (p[1]&0xC0)!=0x80 || (p[2]&0xC0)!=0x80 ) return 0;
    if( p[0]==0xE0 && p[1]<0xA0 ) return 0;
    return p[0]==0xED && p[1]>=0xA0 ? 0 : 3;     /* no surrogates */
  }
  if( left<4 || (p[1]&0xC0)!=0x80 || (p[2]&0xC0)!=0x80 || (p[3]&0xC0)!=0x80 ) return 0;
  if( p[0]==0xF0 ) return p[1]>=0x90 ? 4 : 0;
  if( p[0]==0xF4 ) return p[1]<0x90 ? 4 : 0;
  return p[0]<0xF4 ? 4 : 0;
}

static size_t utf8_write(char *out, unsigned c){
  if( c<0x80 ){ out[0] = (char)c; return 1; }
  if( c<0x800 ){ out[0] = (char)(0xC0|c>>6); out[1] = (char)(0x80|(c&0x3F)); return 2; }
  if( c<0x10000 ){
    out[0] = (char)(0xE0|c>>12); out[1] = (char)(0x80|(c>>6&0x3F)); out[2] = (char)(0x80|(c&0x3F));
    return 3;
  }
  out[0] = (char)(0xF0|c>>18); out[1] = (char)(0x80|(c>>12&0x3F));
  out[2] = (char)(0x80|(c>>6&0x3F)); out[3] = (char)(0x80|(c&0x3F));
  return 4;
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

static int utf8_is_sound(const char *p, size_t n){
  const char *end = p + n;
  size_t step = 1;
  while( p<end && (step = utf8_length(p, end))!=0 ) p += step;
  return p==end;
}

/* Sound UTF-8 from text that may have escapes (if so told) and broken bytes. NULL when out of memory; the text
** itself where nothing is to be changed. */
static const char *text_clean(arena *a, const char *text, size_t n, int escapes, size_t *length){
  const char *p = text, *end = text + n;
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

/* The text of a JSON string. */
static const char *js_text(arena *a, js v, size_t *length){
  return text_clean(a, v.p + 1, v.n - 2, 1, length);
}

/* A string as a C string that lives as long as the arena: "" if it is no string, NULL when out of memory. A NUL in it,
** which no id or name of Ortto's has, becomes a question mark. */
static char *js_cstring(arena *a, js v){
  if( js_type(v)!='"' ) return arena_text(a, "", 0);
  size_t n;
  const char *text = js_text(a, v, &n);
  char *copy = text ? arena_text(a, text, n) : NULL;
  for(size_t i=0; copy && i<n; i++) if( copy[i]==0 ) copy[i] = '?';
  return copy;
}

int ortto_json_is_object(const char *text, size_t length){
  js v;
  return json_check(text, length, &v) && js_type(v)=='{';
}

/* ==== 4. Settings ============================================================================================= */

typedef struct setting_info {
  const char *name, *variable, *fallback;
  long least, most;                /* numbers */
  const char *good;                /* what would be right */
} setting_info;

static const setting_info settings[ORTTO_SETTINGS] = {
  [ORTTO_REGION]      = { "region", "ORTTO_REGION", "global", 0, 0, "global, au or eu" },
  [ORTTO_KEY]         = { "key", "ORTTO_API_KEY", NULL, 0, 0, "the key itself, env:NAME or file:PATH" },
  [ORTTO_SEGMENT_KEY] = { "segment_key", "ORTTO_SEGMENT_KEY", NULL, 0, 0, "the key itself, env:NAME or file:PATH" },
  [ORTTO_API_URL]     = { "api_url", "ORTTO_API_URL", NULL, 0, 0, "https://HOST[:PORT], or http:// on 127.0.0.1, [::1] or localhost" },
  [ORTTO_TIMEOUT_MS]  = { "timeout_ms", "ORTTO_TIMEOUT_MS", "60000", 1, 86400000, "a whole number of milliseconds from 1 to 86400000" },
  [ORTTO_RETRIES]     = { "retries", "ORTTO_RETRIES", "5", 0, 100, "a whole number from 0 to 100" },
  [ORTTO_RATE]        = { "rate", "ORTTO_RATE", "10", 0, RATE_MAX, "a whole number of requests per second from 0 (unlimited) to 1000" },
  [ORTTO_CONCURRENCY] = { "concurrency", "ORTTO_CONCURRENCY", "8", 1, 64, "a whole number from 1 to 64" },
  [ORTTO_MAX_DELETES] = { "max_deletes", "ORTTO_MAX_DELETES", "100", 0, 1000000000, "a whole number from 0 to 1000000000" },
  [ORTTO_PROGRESS]    = { "progress", "ORTTO_PROGRESS", "off", 0, 0, "on or off" },
};

static const struct { const char *name, *region; } region_names[] = {
  { "global", "global" }, { "au", "au" }, { "australia", "au" }, { "eu", "eu" }, { "europe", "eu" },
};

enum origin { FROM_NOWHERE, FROM_DEFAULT, FROM_ENVIRONMENT, FROM_CONFIG, FROM_ARGS };

const char *ortto_setting_name(ortto_setting setting){
  return settings[setting].name;
}

int ortto_setting_find(ortto_client *client, const char *name){
  buf names = { 0 };
  for(int i=0; i<ORTTO_SETTINGS; i++) if( same_word(settings[i].name, name) ) return i;
  for(int i=0; i<ORTTO_SETTINGS; i++) buf_printf(&names, "%s%s", i ? ", " : "", settings[i].name);
  set_error(client, "ortto: there is no setting '%.40s'; the settings are %s", name, names.p ? names.p : "");
  buf_free(&names);
  return -1;
}

static int is_secret(ortto_setting s){
  return s==ORTTO_KEY || s==ORTTO_SEGMENT_KEY;
}

static int bad_setting(ortto_client *client, ortto_setting s, const char *value){
  if( strchr(value, '@') ) value = "...";        /* a password may stand in front of it */
  return fail(client, "ortto: %s cannot be '%.60s'; it takes %s", settings[s].name, value, settings[s].good);
}

static int has_controls(const char *text){
  for(; *text; text++) if( (unsigned char)*text<0x20 || *text==0x7F ) return 1;
  return 0;
}

static int is_loopback(const char *host){
  struct in_addr four;
  struct in6_addr six;
  if( same_word(host, "localhost") ) return 1;
  if( inet_pton(AF_INET, host, &four)==1 ) return ntohl(four.s_addr)>>24==127;
  return inet_pton(AF_INET6, host, &six)==1 && IN6_IS_ADDR_LOOPBACK(&six);
}

/* A copy by malloc, NULL if absent; *failed if that cannot be told. */
static char *url_part(CURLU *url, CURLUPart part, int *failed){
  char *got = NULL, *copy = NULL;
  CURLUcode code = curl_url_get(url, part, &got, 0);
  if( code==CURLUE_OK && got && (copy = strdup(got))==NULL ) *failed = 1;
  if( code==CURLUE_OUT_OF_MEMORY ) *failed = 1;
  curl_free(got);
  return copy;
}

/* Is this a base address that a key may travel to? Not, if there is no memory to look at it. */
static int url_is_good(const char *value, int *loopback){
  CURLU *url = curl_url();
  int good = 0, failed = 0;
  if( url==NULL ) return 0;
  if( !has_controls(value) && curl_url_set(url, CURLUPART_URL, value, 0)==CURLUE_OK ){
    char *scheme = url_part(url, CURLUPART_SCHEME, &failed), *host = url_part(url, CURLUPART_HOST, &failed);
    char *user = url_part(url, CURLUPART_USER, &failed), *password = url_part(url, CURLUPART_PASSWORD, &failed);
    char *query = url_part(url, CURLUPART_QUERY, &failed), *fragment = url_part(url, CURLUPART_FRAGMENT, &failed);
    if( !failed && scheme && host && host[0] && !user && !password && !query && !fragment ){
      size_t n = strlen(host);
      if( host[0]=='[' && host[n-1]==']' ){      /* curl keeps the brackets of an IPv6 address */
        memmove(host, host+1, n-2);
        host[n-2] = 0;
      }
      *loopback = is_loopback(host);
      good = strcmp(scheme, "https")==0 || (strcmp(scheme, "http")==0 && *loopback);
    }
    free(scheme); free(host); free(user); free(password); free(query); free(fragment);
  }
  curl_url_cleanup(url);
  return good;
}

static int number_parse(ortto_setting s, const char *value, long *number){
  char *end;
  errno = 0;
  long n = strtol(value, &end, 10);
  if( errno || end==value || *end || !isdigit((unsigned char)value[value[0]=='-']) ) return 0;
  *number = n;
  return n>=settings[s].least && n<=settings[s].most;
}

static const char *region_parse(const char *value){
  for(size_t i=0; i<sizeof region_names/sizeof *region_names; i++)
    if( same_word(value, region_names[i].name) ) return region_names[i].region;
  return NULL;
}

static int key_form_check(ortto_client *client, ortto_setting s, const char *value, int in_args){
  if( !in_args ) return ORTTO_OK;
  if( strncmp(value, "file:", 5)==0 )
    return fail(client, "ortto: a table's arguments cannot take %s=file:..., because a database file from somebody else "
                "could name any file; use SELECT ortto_config('%s', 'file:...'), or %s=env:ORTTO_...",
                settings[s].name, settings[s].name, settings[s].name);
  if( strncmp(value, "env:", 4)==0 && strncmp(value+4, "ORTTO_", 6)!=0 )
    return fail(client, "ortto: in a table's arguments %s=env:NAME takes only names that begin with ORTTO_, not '%.40s'",
                settings[s].name, value+4);
  return ORTTO_OK;
}

/* The value as we keep it, in *normal (malloc). */
static int setting_normal(ortto_client *client, ortto_setting s, const char *value, int in_args, char **normal){
  const char *kept = value;
  char *trimmed = NULL;
  long number;
  int loopback, rc = ORTTO_OK;
  switch( s ){
    case ORTTO_REGION:
      kept = region_parse(value);
      break;
    case ORTTO_KEY: case ORTTO_SEGMENT_KEY:
      if( value[0]==0 || has_controls(value) )
        return fail(client, "ortto: %s is %s; it takes %s", settings[s].name,
                    value[0] ? "not a key (it has control characters in it)" : "empty", settings[s].good);
      rc = key_form_check(client, s, value, in_args);
      break;
    case ORTTO_API_URL:
      if( !url_is_good(value, &loopback) ) kept = NULL;
      else{
        size_t n = strlen(value);
        while( n && value[n-1]=='/' ) n--;
        kept = trimmed = strndup(value, n);
        if( kept==NULL ) return no_memory(client);
      }
      break;
    case ORTTO_PROGRESS:
      kept = same_word(value, "on") ? "on" : same_word(value, "off") ? "off" : NULL;
      break;
    default:
      if( !number_parse(s, value, &number) ) kept = NULL;
  }
  if( rc==ORTTO_OK && kept==NULL ) rc = bad_setting(client, s, value);
  if( rc==ORTTO_OK && normal && (*normal = strdup(kept))==NULL ) rc = no_memory(client);
  free(trimmed);
  return rc;
}

int ortto_setting_check(ortto_client *client, ortto_setting setting, const char *value, int in_args, char **normal){
  if( in_args && (setting==ORTTO_MAX_DELETES || setting==ORTTO_PROGRESS) )
    return fail(client, "ortto: %s is no argument of a table; use SELECT ortto_config('%s', ...)",
                settings[setting].name, settings[setting].name);
  return setting_normal(client, setting, value, in_args, normal);
}

/* The value in force, as it was written, and where it stands. */
static const char *setting_raw(const ortto_client *client, const ortto_args *args, ortto_setting s, enum origin *from){
  const char *value;
  *from = FROM_ARGS;
  if( args && args->value[s] ) return args->value[s];
  *from = FROM_CONFIG;
  if( client->config[s] ) return client->config[s];
  *from = FROM_ENVIRONMENT;
  if( (value = getenv(settings[s].variable))!=NULL && value[0] ) return value;
  *from = settings[s].fallback ? FROM_DEFAULT : FROM_NOWHERE;
  return settings[s].fallback;
}

/* The value in force, checked and as we keep it; *value is NULL where there is none. */
static int setting_value(ortto_client *client, const ortto_args *args, ortto_setting s, char **value, enum origin *from){
  const char *raw = setting_raw(client, args, s, from);
  *value = NULL;
  if( raw==NULL ) return ORTTO_OK;
  int rc = setting_normal(client, s, raw, *from==FROM_ARGS, value);
  if( rc==ORTTO_ERROR && *from==FROM_ENVIRONMENT ){
    char why[sizeof client->error];
    snprintf(why, sizeof why, "%s", client->error);
    set_error(client, "%.900s (from the environment variable %s)", why, settings[s].variable);
  }
  return rc;
}

/* First line of a file, without blanks at its ends. */
static int key_from_file(ortto_client *client, ortto_setting s, const char *path, char **key){
  char line[4096];
  FILE *file = fopen(path, "r");
  if( file==NULL )
    return fail(client, "ortto: cannot read %s from the file '%.200s': %s", settings[s].name, path, strerror(errno));
  size_t n = fread(line, 1, sizeof line - 1, file);
  int broken = ferror(file) ? errno : 0;
  fclose(file);
  if( broken ) return fail(client, "ortto: cannot read %s from the file '%.200s': %s", settings[s].name, path, strerror(broken));
  line[n] = 0;
  if( strlen(line)!=n ) return fail(client, "ortto: the file '%.200s' is no text file with a key", path);
  line[strcspn(line, "\r\n")] = 0;
  char *start = line + strspn(line, " \t");
  for(n = strlen(start); n && (start[n-1]==' ' || start[n-1]=='\t'); n--) start[n-1] = 0;
  *key = strdup(start);
  return *key ? ORTTO_OK : no_memory(client);
}

/* A key in one of its three forms becomes the key. */
static int key_resolve(ortto_client *client, ortto_setting s, const char *value, char **key){
  int rc = ORTTO_OK;
  if( strncmp(value, "file:", 5)==0 ) rc = key_from_file(client, s, value+5, key);
  else if( strncmp(value, "env:", 4)==0 ){
    const char *got = getenv(value+4);
    if( got==NULL || got[0]==0 )
      return fail(client, "ortto: %s is to come from the environment variable %.60s, which is not set; set it before the "
                  "program starts, or give the key with SELECT ortto_config('%s', '...')",
                  settings[s].name, value+4, settings[s].name);
    *key = strdup(got);
  }else *key = strdup(value);
  if( rc!=ORTTO_OK ) return rc;
  if( *key==NULL ) return no_memory(client);
  size_t n = strlen(*key), blank = strspn(*key, " ");
  while( n>blank && (*key)[n-1]==' ' ) n--;
  memmove(*key, *key + blank, n - blank);        /* blanks around a key are no part of it */
  (*key)[n-blank] = 0;
  if( (*key)[0] && !has_controls(*key) ) return ORTTO_OK;
  set_error(client, "ortto: %s, read from %s, is %s; nothing was sent", settings[s].name,
       strncmp(value, "env:", 4)==0 || strncmp(value, "file:", 5)==0 ? value : "the settings",
       (*key)[0] ? "not a key (it has control characters in it)" : "empty");
  free(*key);
  *key = NULL;
  return ORTTO_ERROR;
}

int ortto_config_set(ortto_client *client, ortto_setting setting, const char *value){
  char *normal = NULL;
  if( value ){
    int rc = setting_normal(client, setting, value, 0, &normal);
    if( rc==ORTTO_OK && is_secret(setting) ){    /* a name or path that leads nowhere is better known now */
      char *key = NULL;
      rc = key_resolve(client, setting, normal, &key);
      free(key);
    }
    if( rc!=ORTTO_OK ){
      free(normal);
      return rc;
    }
  }
  free(client->config[setting]);
  client->config[setting] = normal;
  return ORTTO_OK;
}

static char *masked(const char *key){
  size_t n = strlen(key);
  char shown[16];
  snprintf(shown, sizeof shown, "****%s", n<8 ? "" : key + n - 4);
  for(char *p=shown; *p; p++) if( (unsigned char)*p>=0x80 ) *p = '*';
  return strdup(shown);
}

int ortto_config_get(ortto_client *client, ortto_setting setting, char **text){
  enum origin from;
  char *value, *key = NULL;
  int rc = setting_value(client, NULL, setting, &value, &from);
  *text = value;
  if( rc!=ORTTO_OK || value==NULL || !is_secret(setting) ) return rc;
  rc = key_resolve(client, setting, value, &key);
  free(value);
  *text = rc==ORTTO_OK ? masked(key) : NULL;
  free(key);
  return rc==ORTTO_OK && *text==NULL ? no_memory(client) : rc;
}

int ortto_config_is_set(const ortto_client *client, ortto_setting setting){
  enum origin from;
  return setting_raw(client, NULL, setting, &from)!=NULL;
}

int ortto_config_number(ortto_client *client, const ortto_args *args, ortto_setting setting, long *number){
  enum origin from;
  char *value;
  int rc = setting_value(client, args, setting, &value, &from);
  if( rc!=ORTTO_OK ) return rc;
  *number = 0;
  if( setting==ORTTO_PROGRESS ) *number = value && strcmp(value, "on")==0;
  else if( value ) number_parse(setting, value, number);
  free(value);
  return ORTTO_OK;
}

/* ==== 5. Endpoints ============================================================================================ */

struct lane {                      /* what all requests with one key share */
  lane *next;
  char *key;
  int64_t sent[RATE_MAX+1];        /* ring: when the last requests were sent; INT64_MAX: not on the wire yet */
  int64_t sent_count;
  int64_t feed_at;                 /* the last request to the activity feed */
  int64_t hold_until;              /* the server said 429 */
  int64_t refused_until;           /* the server refused the key ... */
  uint64_t refused_identity;       /* ... on this host ... */
  char *refused_why;               /* ... with these words */
};

struct ortto_endpoint {
  ortto_client *client;
  int references;
  char *base;                      /* scheme://host[:port][/path], no slash at its end */
  char *key;
  char region[8];                  /* "" where the address was given */
  ortto_protocol protocol;
  int loopback;
  long timeout_ms, retries, rate, concurrency;
  uint64_t identity;
  struct curl_slist *headers;
  lane *lane;
};

static void lanes_free(lane *l){
  while( l ){
    lane *next = l->next;
    free(l->key);
    free(l->refused_why);
    free(l);
    l = next;
  }
}

static lane *lane_of(ortto_client *client, const char *key){
  for(lane *l=client->lanes; l; l=l->next) if( strcmp(l->key, key)==0 ) return l;
  lane *l = calloc(1, sizeof *l);
  if( l==NULL || (l->key = strdup(key))==NULL ){
    free(l);
    return NULL;
  }
  l->next = client->lanes;
  client->lanes = l;
  return l;
}

static const char *api_host(const char *region){
  if( strcmp(region, "au")==0 ) return "https://api.au.ap3api.com";
  if( strcmp(region, "eu")==0 ) return "https://api.eu.ap3api.com";
  return "https://api.ap3api.com";
}

static int is_host_letter(char c){              /* whatever the locale */
  return (c>='a' && c<='z') || (c>='A' && c<='Z') || (c>='0' && c<='9');
}

/* The region stands in the key: a hyphen is its fourth character, the two before it are the region [seen in
** Segment's client]. They become part of a host's name, hence letters and digits only. */
static int segment_host(ortto_client *client, const char *key, char **host){   /* host NULL: only the key is checked */
  if( strlen(key)<5 || key[3]!='-' || memchr(key, '-', 3) || !is_host_letter(key[1]) || !is_host_letter(key[2]) )
    return fail(client, "ortto: segment_key is no key of a Segment (Actions) data source: Invalid API key. Such a key begins "
                "like 'pau-'; copy it from Ortto's data source page");
  if( host==NULL ) return ORTTO_OK;
  buf b = { 0 };
  buf_printf(&b, "https://segment-action-api-%c%c.ortto%s.app", key[1], key[2], key[0]=='s' ? "-stg" : "");
  *host = b.p;
  return b.failed ? no_memory(client) : ORTTO_OK;
}

static int endpoint_key(ortto_client *client, const ortto_args *args, ortto_setting s, enum origin *from, int *literal, char **key){
  char *value;
  int rc = setting_value(client, args, s, &value, from);
  if( rc!=ORTTO_OK ) return rc;
  if( value==NULL ){
    if( s==ORTTO_KEY )
      return fail(client, "ortto: there is no API key. Set ORTTO_API_KEY in the environment, or SELECT ortto_config('key', '...'), "
                  "or write key=env:ORTTO_... in the table's arguments. Ortto makes keys under Settings, Integrations, Custom API");
    return fail(client, "ortto: there is no segment_key. Set ORTTO_SEGMENT_KEY in the environment, or SELECT "
                "ortto_config('segment_key', '...'), with the key of a Segment (Actions) data source");
  }
  *literal = strncmp(value, "env:", 4)!=0 && strncmp(value, "file:", 5)!=0;
  rc = key_resolve(client, s, value, key);
  free(value);
  return rc;
}

/* The address, and whether this key may go there. */
static int endpoint_base(ortto_endpoint *e, const ortto_args *args, enum origin key_from, int key_literal){
  ortto_client *client = e->client;
  enum origin from;
  char *region = NULL;
  int rc = e->protocol==ORTTO_SEGMENT ? segment_host(client, e->key, NULL) : ORTTO_OK;
  if( rc==ORTTO_OK ) rc = setting_value(client, args, ORTTO_API_URL, &e->base, &from);
  if( rc!=ORTTO_OK ) return rc;
  if( e->base ){
    if( from==FROM_ARGS && !(key_from==FROM_ARGS && key_literal) )
      return fail(client, "ortto: the api_url in this table's arguments gets only a key that is written literally in the same "
                  "arguments, because a database file from somebody else could carry it; write key='...' there, or set the "
                  "address with SELECT ortto_config('api_url', '...') or ORTTO_API_URL");
    return url_is_good(e->base, &e->loopback) ? ORTTO_OK : bad_setting(client, ORTTO_API_URL, e->base);
  }
  if( e->protocol==ORTTO_SEGMENT ) return segment_host(client, e->key, &e->base);
  rc = setting_value(client, args, ORTTO_REGION, &region, &from);
  if( rc!=ORTTO_OK ) return rc;
  snprintf(e->region, sizeof e->region, "%s", region ? region : "global");
  free(region);
  e->base = strdup(api_host(e->region));
  return e->base ? ORTTO_OK : no_memory(client);
}

static int header_add(ortto_endpoint *e, const char *header){
  struct curl_slist *list = curl_slist_append(e->headers, header);
  if( list==NULL ) return 0;
  e->headers = list;
  return 1;
}

static int endpoint_headers(ortto_endpoint *e){
  buf b = { 0 };
  buf_printf(&b, "%s%s", e->protocol==ORTTO_API ? "X-Api-Key: " : "Authorization: Bearer ", e->key);
  int ok = !b.failed && header_add(e, b.p) && header_add(e, "Content-Type: application/json")
        && header_add(e, "Accept: application/json") && header_add(e, "Expect:");
  buf_free(&b);
  return ok ? ORTTO_OK : no_memory(e->client);
}

static int endpoint_numbers(ortto_endpoint *e, const ortto_args *args){
  const struct { ortto_setting setting; long *number; } wanted[] = {
    { ORTTO_TIMEOUT_MS, &e->timeout_ms }, { ORTTO_RETRIES, &e->retries },
    { ORTTO_RATE, &e->rate }, { ORTTO_CONCURRENCY, &e->concurrency },
  };
  int rc = ORTTO_OK;
  for(size_t i=0; rc==ORTTO_OK && i<sizeof wanted/sizeof *wanted; i++)
    rc = ortto_config_number(e->client, args, wanted[i].setting, wanted[i].number);
  return rc;
}

int ortto_endpoint_open(ortto_client *client, const ortto_args *args, ortto_protocol protocol, ortto_endpoint **out){
  enum origin key_from = FROM_NOWHERE;
  int literal = 0;
  ortto_endpoint *e = calloc(1, sizeof *e);
  *out = NULL;
  if( e==NULL ) return no_memory(client);
  e->client = client;
  e->references = 1;
  e->protocol = protocol;
  int rc = endpoint_key(client, args, protocol==ORTTO_API ? ORTTO_KEY : ORTTO_SEGMENT_KEY, &key_from, &literal, &e->key);
  if( rc==ORTTO_OK ) rc = endpoint_base(e, args, key_from, literal);
  if( rc==ORTTO_OK ) rc = endpoint_numbers(e, args);
  if( rc==ORTTO_OK ) rc = endpoint_headers(e);
  if( rc==ORTTO_OK && (e->lane = lane_of(client, e->key))==NULL ) rc = no_memory(client);
  if( rc!=ORTTO_OK ){
    ortto_endpoint_close(e);
    return rc;
  }
  e->identity = hash_bytes(hash_bytes(HASH_START, e->base, strlen(e->base)+1), e->key, strlen(e->key));
  *out = e;
  return ORTTO_OK;
}

void ortto_endpoint_close(ortto_endpoint *e){
  if( e==NULL || --e->references>0 ) return;
  curl_slist_free_all(e->headers);
  free(e->base);
  free(e->key);
  free(e);
}

uint64_t ortto_endpoint_identity(const ortto_endpoint *e){
  return e->identity;
}

/* ==== 6. Requests ============================================================================================= */

/* What a request is for: it decides about the second limit and about remembering refusals. */
enum { CALL_READ = 1, CALL_FEED = 2, CALL_URGENT = 4 };

struct call {
  call *next;
  ortto_endpoint *endpoint;        /* a reference */
  const char *method, *path;       /* constants */
  const char *doing;               /* constant, for messages: "reading people" */
  char *url, *body;
  size_t body_n;
  int flags;
  int *stop;                       /* set when this call fails for good, and then none like it is begun; or NULL */
  enum { CALL_WAITING, CALL_SENT, CALL_DONE } state;
  int attempt;                     /* 1 is the first; 0: not begun */
  int64_t not_before, started;
  int64_t sent_number;             /* its place in lane->sent, -1 none */
  int64_t log_number;
  CURL *easy;
  char curl_error[CURL_ERROR_SIZE];
  buf answer;
  char date[21];                   /* the server's clock, as RFC 3339; "" unsaid */
  int too_large;
  int rc, status;                  /* when done; status 0: no answer */
  char *error;                     /* when done and rc is ORTTO_ERROR: the sentence */
};

/* -- log -- */

const ortto_log_entry *ortto_log_at(const ortto_client *client, int64_t number){
  int64_t oldest = client->log_count - ORTTO_LOG_SIZE + 1;
  if( number < oldest ) number = oldest;
  if( number < 1 ) number = 1;
  if( client->log==NULL || number > client->log_count ) return NULL;
  return &client->log[(number-1) % ORTTO_LOG_SIZE];
}

int64_t ortto_log_last(const ortto_client *client){
  return client->log ? client->log_count : 0;
}

static ortto_log_entry *log_entry(ortto_client *client, int64_t number){
  return number<1 || number<=client->log_count-ORTTO_LOG_SIZE ? NULL : &client->log[(number-1) % ORTTO_LOG_SIZE];
}

static void log_rows(const call *c, int64_t rows){
  ortto_log_entry *entry = log_entry(c->endpoint->client, c->log_number);
  if( entry ) entry->rows = rows;
}

static void log_error(const call *c, const char *error){
  ortto_log_entry *entry = log_entry(c->endpoint->client, c->log_number);
  if( entry ) snprintf(entry->error, sizeof entry->error, "%s", error);
}

/* One entry an attempt, when it is over. Without memory for the log there is no log. */
static void log_attempt(call *c, const char *request_id, const char *error){
  ortto_client *client = c->endpoint->client;
  if( client->log==NULL ) client->log = calloc(ORTTO_LOG_SIZE, sizeof *client->log);
  if( client->log==NULL ) return;
  ortto_log_entry *entry = &client->log[client->log_count++ % ORTTO_LOG_SIZE];
  memset(entry, 0, sizeof *entry);
  entry->number = c->log_number = client->log_count;
  entry->ms = (now_us() - c->started) / 1000;
  struct timespec t;
  struct tm utc;
  char at[40];
  clock_gettime(CLOCK_REALTIME, &t);
  int64_t ms = (int64_t)t.tv_sec*1000 + t.tv_nsec/1000000 - entry->ms;
  time_t seconds = (time_t)(ms / 1000);
  gmtime_r(&seconds, &utc);
  size_t n = strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%S", &utc);
  snprintf(at + n, sizeof at - n, ".%03dZ", (int)(ms % 1000));
  snprintf(entry->at, sizeof entry->at, "%.24s", at);
  snprintf(entry->method, sizeof entry->method, "%s", c->method);
  snprintf(entry->path, sizeof entry->path, "%s", c->path);
  entry->status = c->status;
  entry->attempt = c->attempt;
  entry->sent_bytes = (int64_t)c->body_n;
  entry->received_bytes = (int64_t)c->answer.n;
  entry->rows = -1;
  snprintf(entry->request_id, sizeof entry->request_id, "%s", request_id ? request_id : "");
  snprintf(entry->error, sizeof entry->error, "%s", error ? error : "");
  utf8_mend(entry->error);
}

/* -- making and dropping -- */

static void call_free(call *c){
  if( c==NULL ) return;
  ortto_endpoint_close(c->endpoint);
  free(c->url);
  free(c->body);
  free(c->error);
  buf_free(&c->answer);
  free(c);
}

static void call_unlink(ortto_client *client, call *c){
  for(call **at=&client->calls; *at; at=&(*at)->next) if( *at==c ){
    *at = c->next;
    if( client->calls_end==&c->next ) client->calls_end = at;
    c->next = NULL;
    return;
  }
}

static void easy_release(ortto_client *client, CURL *easy){
  if( client->idle_count < (int)(sizeof client->idle/sizeof *client->idle) ) client->idle[client->idle_count++] = easy;
  else curl_easy_cleanup(easy);
}

/* Takes the transfer off the wire, whatever its state. */
static void call_detach(call *c){
  ortto_client *client = c->endpoint->client;
  if( c->easy==NULL ) return;
  curl_multi_remove_handle(client->multi, c->easy);
  easy_release(client, c->easy);
  c->easy = NULL;
  client->in_flight--;
}

static void sent_stamp(call *c, int64_t now);

/* Forget this call; what is in flight is cancelled. */
static void call_drop(call *c){
  if( c==NULL ) return;
  if( c->state==CALL_SENT ){
    call_detach(c);
    c->state = CALL_DONE;
    sent_stamp(c, now_us());                     /* it counts against the rate, connected or not */
    log_attempt(c, NULL, "cancelled: its answer was no longer wanted");
  }
  call_unlink(c->endpoint->client, c);
  call_free(c);
}

static void calls_drop_all(ortto_client *client){
  call *c;
  while( (c = client->calls)!=NULL ){
    client->calls = c->next;
    if( client->calls==NULL ) client->calls_end = &client->calls;
    c->next = NULL;
    call_drop(c);
  }
}

static uint64_t call_hash(const call *c){
  uint64_t h = hash_bytes(HASH_START ^ c->endpoint->identity, c->path, strlen(c->path));
  return hash_bytes(h, c->body ? c->body : "", c->body_n);
}

/* The sentence of an earlier refusal of the same reading request, if it is fresh. */
static const char *bad_read_find(ortto_client *client, uint64_t hash, int64_t now){
  for(size_t i=0; i<sizeof client->bad/sizeof *client->bad; i++)
    if( client->bad[i].hash==hash && client->bad[i].until>now && client->bad[i].why ) return client->bad[i].why;
  return NULL;
}

static void bad_read_remember(ortto_client *client, const call *c, int64_t now){
  bad_read *b = &client->bad[client->bad_read_next++ % (sizeof client->bad/sizeof *client->bad)];
  free(b->why);
  b->hash = call_hash(c);
  b->until = now + REFUSED_FOR;
  b->why = text_copy(c->error);
}

__attribute__((format(printf, 2, 3)))
static void call_fail(call *c, const char *format, ...){
  buf b = { 0 };
  va_list args;
  va_start(args, format);
  buf_vprintf(&b, format, args);
  va_end(args);
  free(c->error);
  c->error = b.p;
  c->rc = b.failed ? ORTTO_NOMEM : ORTTO_ERROR;
  c->state = CALL_DONE;
}

/* Queues a request; NULL when out of memory. Takes the body over. path, method and doing must be constants. */
static call *call_new(ortto_endpoint *e, const char *method, const char *path, char *body, int flags, const char *doing){
  ortto_client *client = e->client;
  call *c = calloc(1, sizeof *c);
  buf url = { 0 };
  buf_printf(&url, "%s%s", e->base, path);
  if( c==NULL || url.failed || (body==NULL && strcmp(method, "GET")!=0) ){
    free(c);
    free(body);
    buf_free(&url);
    no_memory(client);
    return NULL;
  }
  c->endpoint = e;
  e->references++;
  c->method = method;
  c->path = path;
  c->doing = doing;
  c->url = url.p;
  c->body = body;
  c->body_n = body ? strlen(body) : 0;
  c->flags = flags;
  c->sent_number = -1;
  const char *why = flags & CALL_READ ? bad_read_find(client, call_hash(c), now_us()) : NULL;
  if( why ){
    call_fail(c, "%s (the same request was refused less than 15 seconds ago and was not sent again)", why);
    return c;
  }
  if( flags & CALL_URGENT ){
    c->next = client->calls;
    if( client->calls==NULL ) client->calls_end = &c->next;
    client->calls = c;
  }else{
    *client->calls_end = c;
    client->calls_end = &c->next;
  }
  return c;
}

/* -- what an answer means -- */

/* The server's own words, without the key, on one line, of bearable length. */
static void words_add(buf *out, const char *words, const char *key){
  size_t key_n = strlen(key), budget = 300;
  while( *words && budget ){
    if( key_n>=4 && strncmp(words, key, key_n)==0 ){
      buf_puts(out, "****");
      words += key_n;
      budget = budget>4 ? budget-4 : 0;
      continue;
    }
    size_t n = utf8_length(words, words + strlen(words));
    if( n==0 || (unsigned char)*words<0x20 || *words==0x7F ){
      buf_puts(out, n==0 ? "?" : " ");
      n = 1;
    }else buf_add(out, words, n);
    words += n;
    budget = budget>n ? budget-n : 0;
  }
  if( *words ) buf_puts(out, "...");
}

typedef struct answer_error {      /* what an error's body says, as far as it says anything */
  char *words;                     /* malloc, or NULL */
  char request_id[64];
  double try_in;                   /* seconds, -1 unsaid */
} answer_error;

static double seconds_of(const cJSON *item){
  if( cJSON_IsNumber(item) ) return item->valuedouble;
  if( cJSON_IsString(item) && isdigit((unsigned char)item->valuestring[0]) ) return strtod(item->valuestring, NULL);
  return -1;
}

/* `error` may be text or an object, `message` may stand in either place, and so may try-in-seconds. */
static void error_read(const call *c, answer_error *out){
  memset(out, 0, sizeof *out);
  out->try_in = -1;
  const char *key = c->endpoint->key;
  buf words = { 0 };
  cJSON *body = c->answer.n && c->answer.n<(1u<<20) ? cJSON_ParseWithLength(c->answer.p, c->answer.n) : NULL;
  if( cJSON_IsObject(body) ){
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(body, "error"), *inner = cJSON_IsObject(error) ? error : NULL;
    const cJSON *said[] = { error, cJSON_GetObjectItemCaseSensitive(inner, "message"),
                            cJSON_GetObjectItemCaseSensitive(body, "message"), cJSON_GetObjectItemCaseSensitive(inner, "code") };
    for(size_t i=0; i<sizeof said/sizeof *said && words.n==0; i++)
      if( cJSON_IsString(said[i]) && said[i]->valuestring[0] ) words_add(&words, said[i]->valuestring, key);
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(body, "request_id");
    if( cJSON_IsString(id) ) for(size_t i=0; i+1<sizeof out->request_id && isgraph((unsigned char)id->valuestring[i]); i++)
      out->request_id[i] = id->valuestring[i];
    if( strstr(out->request_id, key) ) out->request_id[0] = 0;
    out->try_in = seconds_of(cJSON_GetObjectItemCaseSensitive(inner, "try-in-seconds"));
    if( out->try_in<0 ) out->try_in = seconds_of(cJSON_GetObjectItemCaseSensitive(body, "try-in-seconds"));
  }else if( c->answer.n ){
    const char *text = blanks_skip(c->answer.p);
    if( text[0]=='<' ) buf_puts(&words, "a web page, not an answer of Ortto's: a proxy may stand in between");
    else words_add(&words, text, key);
  }
  cJSON_Delete(body);
  out->words = words.p;
}

static const char *advice(const call *c){
  const ortto_endpoint *e = c->endpoint;
  switch( c->status ){
    case 400: return "The request itself was refused; if it looks right, report it with the request_id";
    case 401: case 403:
      if( e->protocol==ORTTO_SEGMENT ) return "Check the segment_key, and that its data source is active in Ortto";
      return e->region[0] ? "Check the key, and that it belongs to this region: a key works only on the host of its account's region "
                            "(global, au or eu). No request is sent with it for 15 seconds"
                          : "Check that the key belongs to this api_url and its region. No request is sent with it for 15 seconds";
    case 404: case 405: return "Check api_url: it takes the address without /v1";
    case 408: case 500: case 502: case 503: case 504: return "Try again later, or raise the setting retries";
    case 413: return "Send less at a time";
    case 429: return "The account's rate limit is used up: lower the setting rate, or raise retries";
    case 507: return "The account's contact limit is reached: archive contacts or change the plan";
    default: return c->status>=300 && c->status<400 ? "Redirects are not followed: check api_url" : "Try again later";
  }
}

static void fail_by_status(call *c, const answer_error *why){
  const ortto_endpoint *e = c->endpoint;
  buf b = { 0 };
  buf_printf(&b, "ortto: %s: %s answered %d", c->doing, e->base, c->status);
  if( why->words && why->words[0] ) buf_printf(&b, ": %s", why->words);
  if( why->request_id[0] ) buf_printf(&b, " (request_id %s)", why->request_id);
  if( c->attempt>1 ) buf_printf(&b, ", after %d attempts", c->attempt);
  buf_printf(&b, ". %s%s%s", advice(c), e->region[0] && (c->status==401 || c->status==403) ? "; region is " : "",
             e->region[0] && (c->status==401 || c->status==403) ? e->region : "");
  if( b.failed ) c->rc = ORTTO_NOMEM;
  else call_fail(c, "%s", b.p);
  c->state = CALL_DONE;
  buf_free(&b);
}

static int transport_is_final(CURLcode code){
  switch( code ){
    case CURLE_UNSUPPORTED_PROTOCOL: case CURLE_URL_MALFORMAT: case CURLE_NOT_BUILT_IN: case CURLE_OUT_OF_MEMORY:
    case CURLE_PEER_FAILED_VERIFICATION: case CURLE_SSL_CERTPROBLEM: case CURLE_SSL_CACERT_BADFILE:
    case CURLE_BAD_CONTENT_ENCODING: case CURLE_BAD_FUNCTION_ARGUMENT: case CURLE_FAILED_INIT: case CURLE_WRITE_ERROR:
      return 1;
    default: return 0;
  }
}

static const char *transport_advice(CURLcode code){
  switch( code ){
    case CURLE_OPERATION_TIMEDOUT: return "Raise the setting timeout_ms, or try again later";
    case CURLE_PEER_FAILED_VERIFICATION: case CURLE_SSL_CACERT_BADFILE: return "The server's certificate was not accepted: check the machine's clock and certificates, and any proxy in between";
    case CURLE_COULDNT_RESOLVE_HOST: case CURLE_COULDNT_CONNECT: case CURLE_COULDNT_RESOLVE_PROXY: return "Check the network, and api_url if one is set";
    default: return "Try again";
  }
}

static void fail_by_transport(call *c, CURLcode code){
  const char *said = c->curl_error[0] ? c->curl_error : curl_easy_strerror(code);
  if( c->too_large ){
    call_fail(c, "ortto: %s: the answer of %s is larger than 64 MB. Ask for fewer columns, and report it if that does not help",
              c->doing, c->endpoint->base);
    return;
  }
  call_fail(c, "ortto: %s: no whole answer from %s: %s%s. %s", c->doing, c->endpoint->base, said,
            c->attempt>1 ? ", after several attempts" : "", transport_advice(code));
}

static int status_is_passing(int status){
  return status==408 || status==429 || (status>=500 && status!=501 && status!=507);
}

static double random_unit(ortto_client *client){   /* only spreads retries */
  client->random += 0x9E3779B97F4A7C15u;
  return (double)(mix64(client->random)>>11) / 9007199254740992.0;
}

static int64_t backoff(ortto_client *client, int attempt){
  double base = 0.25;
  for(int i=1; i<attempt && base<30; i++) base *= 2;
  if( base>30 ) base = 30;
  return (int64_t)(base * (0.5 + 0.5*random_unit(client)) * (double)SECOND);
}

static void bad_count(ortto_client *client, int64_t now){
  client->bad_at[client->bad_next++ % BAD_MAX] = now;
}

/* After ten bad answers in 15 seconds: when may the connection send again? */
static int64_t bad_until(const ortto_client *client){
  if( client->bad_next < BAD_MAX ) return 0;
  int64_t oldest = client->bad_at[client->bad_next % BAD_MAX];
  int64_t newest = client->bad_at[(client->bad_next - 1) % BAD_MAX];
  return newest - oldest < REFUSED_FOR ? oldest + REFUSED_FOR : 0;
}

/* An answer with a status other than 2xx, or a retry of it. */
static void call_refused(call *c, CURL *easy, int64_t now){
  ortto_client *client = c->endpoint->client;
  lane *l = c->endpoint->lane;
  answer_error why;
  curl_off_t after = 0;
  error_read(c, &why);
  curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &after);
  log_attempt(c, why.request_id, why.words && why.words[0] ? why.words : "refused");
  if( status_is_passing(c->status) && c->attempt<=c->endpoint->retries ){
    double wait = why.try_in>=0 ? why.try_in : after>0 ? (double)after : -1;
    if( wait>86400 ) wait = 86400;
    c->not_before = now + (wait>=0 ? (int64_t)(wait*(double)SECOND) : backoff(client, c->attempt));
    if( c->status==429 && l->hold_until<c->not_before ) l->hold_until = c->not_before;
    c->state = CALL_WAITING;
  }else fail_by_status(c, &why);
  if( c->status==400 || c->status==401 || c->status==403 ) bad_count(client, now);
  if( c->status==400 && (c->flags & CALL_READ) ) bad_read_remember(client, c, now);
  if( c->status==401 || c->status==403 ){
    l->refused_until = now + REFUSED_FOR;
    l->refused_identity = c->endpoint->identity;
    free(l->refused_why);
    l->refused_why = text_copy(c->error);
  }
  free(why.words);
}

/* Failures after which further requests of the same kind would fail too. */
static int status_ends(int status){
  return status==0 || status==401 || status==403 || status==408 || status==429 || status>=500;
}

/* libcurl is done with this attempt. */
static void call_arrived(call *c, CURLcode code){
  int64_t now = now_us();
  long status = 0;
  CURL *easy = c->easy;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  c->status = code==CURLE_OK ? (int)status : 0;
  if( code==CURLE_OK && status>=200 && status<300 ){
    log_attempt(c, NULL, NULL);
    c->rc = ORTTO_OK;
    c->state = CALL_DONE;
  }else if( code==CURLE_OK ) call_refused(c, easy, now);
  else{
    log_attempt(c, NULL, c->too_large ? "larger than 64 MB" : c->curl_error[0] ? c->curl_error : curl_easy_strerror(code));
    if( code==CURLE_OUT_OF_MEMORY || c->answer.failed ){
      c->rc = ORTTO_NOMEM;
      c->state = CALL_DONE;
    }else if( transport_is_final(code) || c->attempt>c->endpoint->retries ) fail_by_transport(c, code);
    else{
      c->state = CALL_WAITING;
      c->not_before = now + backoff(c->endpoint->client, c->attempt);
    }
  }
  if( c->stop && c->state==CALL_DONE && c->rc==ORTTO_ERROR && status_ends(c->status) ) *c->stop = 1;
  call_detach(c);
}

/* -- sending -- */

static size_t on_data(char *data, size_t size, size_t n, void *ctx){
  call *c = ctx;
  n *= size;
  if( c->answer.n + n > ANSWER_MAX ){
    c->too_large = 1;
    return 0;
  }
  buf_add(&c->answer, data, n);
  return c->answer.failed ? 0 : n;
}

static size_t on_header(char *line, size_t size, size_t n, void *ctx){
  call *c = ctx;
  char date[64];
  n *= size;
  if( n>5 && n<sizeof date && strncasecmp(line, "date:", 5)==0 ){
    memcpy(date, line + 5, n - 5);
    date[n-5] = 0;
    time_t t = curl_getdate(date, NULL);
    struct tm utc;
    if( t>0 && gmtime_r(&t, &utc) ) strftime(c->date, sizeof c->date, "%Y-%m-%dT%H:%M:%SZ", &utc);
  }
  return n;
}

static CURL *easy_take(ortto_client *client){
  if( client->idle_count==0 ) return curl_easy_init();
  CURL *easy = client->idle[--client->idle_count];
  curl_easy_reset(easy);
  return easy;
}

/* 0: one of those that matter could not be set. */
static int call_options(call *c){
  const ortto_endpoint *e = c->endpoint;
  CURL *easy = c->easy;
  int ok = curl_easy_setopt(easy, CURLOPT_URL, c->url)==CURLE_OK;
  curl_easy_setopt(easy, CURLOPT_PRIVATE, c);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  ok &= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, e->headers)==CURLE_OK;
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "ortto/" ORTTO_VERSION);
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
  curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, e->timeout_ms);
  ok &= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L)==CURLE_OK;
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, c->curl_error);
  ok &= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data)==CURLE_OK;
  ok &= curl_easy_setopt(easy, CURLOPT_WRITEDATA, c)==CURLE_OK;
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, c);
#if LIBCURL_VERSION_NUM >= 0x075500
  ok &= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https")==CURLE_OK;
#else
  ok &= curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP|CURLPROTO_HTTPS))==CURLE_OK;
#endif
  if( e->loopback ) ok &= curl_easy_setopt(easy, CURLOPT_NOPROXY, "*")==CURLE_OK;
  if( c->body ){
    ok &= curl_easy_setopt(easy, CURLOPT_POST, 1L)==CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_POSTFIELDS, c->body)==CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->body_n)==CURLE_OK;
  }
  if( strcmp(c->method, "POST")!=0 && strcmp(c->method, "GET")!=0 )
    ok &= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, c->method)==CURLE_OK;
  return ok;
}

/* A request counts against the rate from the moment it is on the wire, not while its connection is being made. */
static void sent_stamp(call *c, int64_t now){
  lane *l = c->endpoint->lane;
  curl_off_t before = 0;
  if( c->sent_number<0 ) return;
  int64_t *slot = &l->sent[c->sent_number % (RATE_MAX+1)];
  if( *slot!=INT64_MAX || l->sent_count - c->sent_number > RATE_MAX ) return;
  if( c->easy ) curl_easy_getinfo(c->easy, CURLINFO_PRETRANSFER_TIME_T, &before);
  if( before>0 ) *slot = c->started + before;
  else if( c->state!=CALL_SENT ) *slot = now;
}

static void call_send(call *c, int64_t now){
  ortto_client *client = c->endpoint->client;
  lane *l = c->endpoint->lane;
  c->easy = easy_take(client);
  if( c->easy==NULL ){
    c->rc = ORTTO_NOMEM;
    c->state = CALL_DONE;
    return;
  }
  c->answer.n = 0;
  c->too_large = 0;
  c->curl_error[0] = 0;
  c->attempt++;
  c->started = now;
  if( !call_options(c) || curl_multi_add_handle(client->multi, c->easy)!=CURLM_OK ){
    curl_easy_cleanup(c->easy);
    c->easy = NULL;
    c->rc = ORTTO_NOMEM;
    c->state = CALL_DONE;
    return;
  }
  client->in_flight++;
  c->state = CALL_SENT;
  c->sent_number = l->sent_count++;
  l->sent[c->sent_number % (RATE_MAX+1)] = INT64_MAX;
  if( c->flags & CALL_FEED ) l->feed_at = now;
}

/* When may this call be sent, as far as time is concerned? */
static int64_t call_due(const call *c, int64_t now){
  const lane *l = c->endpoint->lane;
  long rate = c->endpoint->rate;
  int64_t due = c->not_before, until = bad_until(c->endpoint->client);
  if( due<l->hold_until ) due = l->hold_until;
  if( due<until ) due = until;
  if( rate>0 && l->sent_count>=rate ){
    int64_t earlier = l->sent[(l->sent_count - rate) % (RATE_MAX+1)];
    if( earlier==INT64_MAX ) earlier = now;
    if( due < earlier + SECOND + RATE_MARGIN ) due = earlier + SECOND + RATE_MARGIN;
  }
  if( (c->flags & CALL_FEED) && l->feed_at && due < l->feed_at + SECOND + RATE_MARGIN ) due = l->feed_at + SECOND + RATE_MARGIN;
  return due;
}

static int fail_if_refused(call *c, int64_t now){
  const lane *l = c->endpoint->lane;
  if( l->refused_until<=now || l->refused_identity!=c->endpoint->identity || l->refused_why==NULL ) return 0;
  call_fail(c, "%s", l->refused_why);
  return 1;
}

/* Sends what may be sent now; returns how long, in ms, until the next may. */
static int calls_send(ortto_client *client, int64_t now){
  int64_t next = now + POLL_MS*1000;
  for(call *c=client->calls; c; c=c->next) sent_stamp(c, now);
  for(call *c=client->calls; c; c=c->next){
    if( c->state!=CALL_WAITING || fail_if_refused(c, now) ) continue;
    if( c->stop && *c->stop && c->attempt==0 ){
      call_fail(c, "ortto: not sent, because an earlier request failed");
      continue;
    }
    int64_t due = call_due(c, now);
    if( due>now ){
      if( due<next ) next = due;
    }else if( client->in_flight < c->endpoint->concurrency ) call_send(c, now);
  }
  return (int)((next - now + 999) / 1000);
}

static void calls_collect(ortto_client *client){
  CURLMsg *message;
  int left;
  while( (message = curl_multi_info_read(client->multi, &left))!=NULL ){
    if( message->msg!=CURLMSG_DONE ) continue;
    CURLcode code = message->data.result;
    char *private = NULL;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
    call *c = (call *)(void *)private;
    call_arrived(c, code);
    sent_stamp(c, now_us());
    if( c->state==CALL_DONE ) call_unlink(client, c);
  }
}

/* Moves everything on. With wait, sleeps until something happens, 40 ms at most. */
static void pump(ortto_client *client, int wait){
  int running;
  int ms = calls_send(client, now_us());
  curl_multi_perform(client->multi, &running);
  calls_collect(client);
  if( !wait ) return;
  if( running==0 && client->in_flight>0 ) return;
  curl_multi_poll(client->multi, NULL, 0, ms<POLL_MS ? ms : POLL_MS, NULL);
  curl_multi_perform(client->multi, &running);
  calls_collect(client);
}

static int interrupted(ortto_client *client){
  int64_t now = now_us();
  if( client->host.interrupted==NULL || now - client->asked_host < POLL_MS*500 ) return 0;
  client->asked_host = now;
  return client->host.interrupted(client->host.ctx);
}

/* Waits until this call is over. On an error the sentence is the client's error; the call stays to be dropped. */
static int call_wait(call *c){
  ortto_client *client = c->endpoint->client;
  int first = 1;
  while( c->state!=CALL_DONE ){
    if( interrupted(client) ) return stopped(client);
    pump(client, !first);
    first = 0;
  }
  call_unlink(client, c);
  if( c->rc==ORTTO_ERROR ) set_error(client, "%s", c->error);
  if( c->rc==ORTTO_NOMEM ) no_memory(client);
  return c->rc;
}

/* A complete answer that is not what it must be. */
__attribute__((format(printf, 2, 3)))
static void set_bad_answer(call *c, const char *format, ...){
  char what[256];
  va_list args;
  va_start(args, format);
  vsnprintf(what, sizeof what, format, args);
  va_end(args);
  utf8_mend(what);
  log_error(c, what);
  set_error(c->endpoint->client, "ortto: %s: the answer of %s %s. %s", c->doing, c->endpoint->base, what, c->flags & CALL_READ
            ? "Nothing was taken from it; try again, and report it if it stays so"
            : "Whether the records were taken is not known; contacts can be sent again without harm");
}
#define bad_answer(...) (set_bad_answer(__VA_ARGS__), ORTTO_ERROR)

/* The answer as JSON. */
static int answer_json(call *c, js *value){
  *value = (js){ NULL, 0 };
  if( c==NULL ) return ORTTO_NOMEM;
  if( c->answer.n==0 ) return bad_answer(c, "is empty");
  if( json_check(c->answer.p, c->answer.n, value) ) return ORTTO_OK;
  const char *text = blanks_skip(c->answer.p);
  if( text[0]=='<' ) return bad_answer(c, "is a web page, not JSON: a proxy may stand in between");
  return bad_answer(c, "is not JSON, or cut off");
}

/* Sends a request that reads, and waits: the answer is JSON in *value, whose bytes belong to *out. */
static int call_now(ortto_endpoint *e, const char *path, char *body, const char *doing, call **out, js *value){
  call *c = call_new(e, "POST", path, body, CALL_READ, doing);
  *out = c;
  if( c==NULL ) return ORTTO_NOMEM;
  int rc = call_wait(c);
  return rc==ORTTO_OK ? answer_json(c, value) : rc;
}

/* ==== 7. Values =============================================================================================== */

static void value_text(ortto_value *out, ortto_kind kind, const char *text, size_t n){
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

/* One value; 0 when out of memory. Shapes are as documented or guessed, and never trusted. */
static int decode(arena *a, ortto_type type, js v, ortto_value *out){
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

/* ==== 8. Fields =============================================================================================== */

typedef struct built_in {
  const char *id, *name, *display_type;
  int read_only, hidden;
} built_in;

/* Built-in fields that are not derived from activities, as a recorded instance schema lists them. */
static const built_in person_fields[] = {
  { "a",                "Archived",                       "time",                1, 0 },
  { "bol::gdpr",        "GDPR",                           "bool",                0, 0 },
  { "bol::hb",          "Hard bounced",                   "bool",                1, 1 },
  { "bol::p",           "Email permission",               "bool",                0, 0 },
  { "bol::sp",          "SMS permission",                 "bool",                0, 0 },
  { "c",                "Created",                        "time",                1, 0 },
  { "dtz::b",           "Birthday",                       "date",                0, 0 },
  { "e",                "Edited",                         "time",                1, 0 },
  { "f",                "First seen",                     "time",                1, 0 },
  { "geo::city",        "City",                           "geo",                 0, 0 },
  { "geo::country",     "Country",                        "geo",                 0, 0 },
  { "geo::ll",          "Last location",                  "geo",                 1, 0 },
  { "geo::ll-cnt",      "Last country",                   "geo",                 1, 0 },
  { "geo::ll-cty",      "Last city",                      "geo",                 1, 0 },
  { "geo::ll-r",        "Last region",                    "geo",                 1, 0 },
  { "geo::region",      "Region",                         "geo",                 0, 0 },
  { "idt::o",           "Account",                        "id",                  1, 0 },
  { "idt::pe_",         "Last sticky field",              "id",                  1, 1 },
  { "int::e",           "Engagement",                     "engagement",          1, 0 },
  { "int::ta",          "Total attributed",               "currency",            1, 0 },
  { "int::v",           "Total spent",                    "currency",            1, 0 },
  { "l",                "Last seen",                      "time",                1, 0 },
  { "o",                "SMS subscribe date",             "time",                1, 0 },
  { "phn::phone",       "Phone number",                   "phone",               0, 0 },
  { "proximity::loc",   "Proximity",                      "proximity",           1, 0 },
  { "r",                "Restored",                       "time",                1, 0 },
  { "s",                "Email subscribe date",           "time",                1, 0 },
  { "str::as",          "Archive source",                 "text",                1, 0 },
  { "str::ei",          "External ID",                    "text",                0, 0 },
  { "str::email",       "Email",                          "email",               0, 0 },
  { "str::first",       "First name",                     "text",                0, 0 },
  { "str::is",          "Initial source",                 "text",                1, 0 },
  { "str::iu",          "Initial URL",                    "text",                1, 0 },
  { "str::iuc",         "Initial UTM campaign content",   "text",                0, 0 },
  { "str::ium",         "Initial UTM campaign medium",    "text",                0, 0 },
  { "str::iun",         "Initial UTM campaign name",      "text",                0, 0 },
  { "str::ius",         "Initial UTM campaign source",    "text",                0, 0 },
  { "str::iut",         "Initial UTM campaign term",      "text",                0, 0 },
  { "str::language",    "Language",                       "single_select",       0, 0 },
  { "str::last",        "Last name",                      "text",                0, 0 },
  { "str::lb",          "Last browser",                   "text",                1, 0 },
  { "str::lt",          "Last timezone",                  "single_select",       0, 0 },
  { "str::name",        "Name",                           "text",                0, 0 },
  { "str::postal",      "Postal code",                    "text",                0, 0 },
  { "str::s-ctx",       "Email subscribe context",        "text",                0, 0 },
  { "str::soi-ctx",     "SMS subscribe context",          "text",                0, 0 },
  { "str::soo-ctx",     "SMS unsubscribe context",        "text",                1, 0 },
  { "str::su",          "Subscribed via URL",             "url",                 1, 0 },
  { "str::u-ctx",       "Email unsubscribe context",      "text",                1, 0 },
  { "tme::c_",          "Is in campaign",                 "campaign_member",     0, 1 },
  { "tme::ct",          "Current time",                   "text",                1, 0 },
  { "tme::ds_",         "Data source",                    "text_dictionary",     0, 1 },
  { "tme::hnlc_",       "Has not left campaign",          "campaign_member",     0, 1 },
  { "tme::hnsc_",       "Has not started campaign",       "campaign_member",     0, 1 },
  { "tme::l_",          "Left audience",                  "audience_member",     0, 1 },
  { "tme::lj_",         "Last journey",                   "campaign_member",     0, 1 },
  { "tme::llc_",        "Has left campaign",              "campaign_member",     0, 1 },
  { "tme::lp_",         "Last playbook",                  "campaign_member",     0, 1 },
  { "tme::m_",          "Member of audience",             "audience_member",     0, 1 },
  { "tme::oo_",         "Subscriber of SMS audience",     "audience_member",     0, 1 },
  { "tme::s_",          "Subscriber of audience",         "audience_subscriber", 0, 1 },
  { "tme::sa",          "Suppressed at",                  "time",                1, 0 },
  { "tme::sc_",         "Has started campaign",           "campaign_member",     0, 1 },
  { "tme::soo",         "SMS unsubscribe date",           "time",                1, 0 },
  { "tme::u_",          "Unsubscriber of audiences",      "audience_subscriber", 0, 1 },
  { "tme::ua",          "Unsuppressed at",                "time",                1, 0 },
  { "u",                "Email unsubscribe date",         "time",                1, 0 },
  { "u4s::t",           "Tag",                            "tags",                1, 0 },
};

static const built_in account_fields[] = {
  { "geo:o:city",       "City",                           "geo",                 0, 0 },
  { "geo:o:country",    "Country",                        "geo",                 0, 0 },
  { "geo:o:ll",         "Last location",                  "geo",                 1, 0 },
  { "geo:o:ll-cnt",     "Last country",                   "geo",                 1, 0 },
  { "geo:o:ll-cty",     "Last city",                      "geo",                 1, 0 },
  { "geo:o:ll-r",       "Last region",                    "geo",                 1, 0 },
  { "geo:o:region",     "Region",                         "geo",                 0, 0 },
  { "ids:o:p",          "People",                         "people",              1, 0 },
  { "int:o:e",          "Engagement",                     "engagement",          1, 0 },
  { "int:o:employees",  "Employees",                      "integer",             0, 0 },
  { "oc",               "Created",                        "time",                1, 0 },
  { "oe",               "Edited",                         "time",                1, 0 },
  { "of",               "First seen",                     "time",                1, 0 },
  { "ol",               "Last seen",                      "time",                1, 0 },
  { "str:o:address",    "Address",                        "text",                0, 0 },
  { "str:o:as",         "Archive source",                 "text",                0, 1 },
  { "str:o:industry",   "Industry",                       "text",                0, 0 },
  { "str:o:lt",         "Last timezone",                  "single_select",       0, 0 },
  { "str:o:name",       "Name",                           "text",                0, 0 },
  { "str:o:owner",      "Owner",                          "text",                0, 0 },
  { "str:o:postal",     "Postal code",                    "text",                0, 0 },
  { "str:o:source",     "Initial source",                 "text",                0, 0 },
  { "str:o:website",    "Website",                        "link",                0, 0 },
  { "tme:o:ds_",        "Datasource prefix",              "time",                0, 1 },
  { "u4s:o:t",          "Tag",                            "tags",                0, 0 },
};

#define COUNT(array) ((int)(sizeof(array)/sizeof(*(array))))
_Static_assert(COUNT(person_fields)<=SCHEMA_FIELDS && COUNT(account_fields)<=SCHEMA_FIELDS, "schema_memory.listed is too small");

/* What people look for first stands first; the rest in the order above. */
static const char *const leading[] = { "str::email", "str::first", "str::last", "str::name", "phn::phone", "str::ei", "idt::o",
                                       "str:o:name", "str:o:website", "str:o:industry" };

/* Names that the contract fixes and that do not follow from the field's name. */
static const struct { const char *id, *column; int read_only; } named[] = {
  { "u4s::t", "tag_ids", 1 }, { "u4s:o:t", "tag_ids", 1 }, { "idt::o", "account_id", 1 },
};

static const struct { const char *display_type; ortto_type type; } display_types[] = {
  { "text", ORTTO_TEXT }, { "email", ORTTO_TEXT }, { "url", ORTTO_TEXT }, { "link", ORTTO_TEXT },
  { "single_select", ORTTO_TEXT }, { "large_text", ORTTO_TEXT }, { "id", ORTTO_TEXT },
  { "integer", ORTTO_INTEGER }, { "engagement", ORTTO_INTEGER },
  { "decimal", ORTTO_REAL }, { "currency", ORTTO_REAL },
  { "bool", ORTTO_BOOLEAN }, { "date", ORTTO_DATE }, { "time", ORTTO_TIME },
  { "geo", ORTTO_PLACE }, { "phone", ORTTO_PHONE },
  { "multi_select", ORTTO_JSON }, { "text_list", ORTTO_JSON }, { "object", ORTTO_JSON }, { "tags", ORTTO_JSON },
  { "people", ORTTO_JSON },
};

static const struct { const char *prefix; ortto_type type; } prefixes[] = {
  { "str", ORTTO_TEXT }, { "txt", ORTTO_TEXT }, { "strc", ORTTO_TEXT }, { "idt", ORTTO_TEXT }, { "int", ORTTO_INTEGER },
  { "bol", ORTTO_BOOLEAN }, { "dtz", ORTTO_DATE }, { "tme", ORTTO_TIME }, { "phn", ORTTO_PHONE }, { "geo", ORTTO_PLACE },
};

/* Fields of these kinds exist for filters, or are no values of a contact. */
static const char *const valueless[] = { "activity", "activity_template", "campaign_member", "audience_member",
                                         "audience_subscriber", "proximity" };

static const char *const type_names[] = {
  [ORTTO_TEXT] = "TEXT", [ORTTO_INTEGER] = "INTEGER", [ORTTO_REAL] = "REAL", [ORTTO_BOOLEAN] = "BOOLEAN",
  [ORTTO_DATE] = "DATE", [ORTTO_TIME] = "DATETIME", [ORTTO_PLACE] = "TEXT", [ORTTO_PHONE] = "TEXT",
  [ORTTO_JSON] = "JSON", [ORTTO_TAG_TYPE] = "TEXT", [ORTTO_RENDERED] = "TEXT",
};

static const char *const table_names[ORTTO_TABLES] = {
  "people", "accounts", "audiences", "tags", "person_custom_fields", "account_custom_fields", "activities", "fields",
};

/* Members of the API's records, under the API's names. */
#define MEMBER(name, type) { name, name, name, "", NULL, type, 1, 0, 0, 1, 0 }
#define KEY(name, type)    { name, name, name, "", NULL, type, 1, 0, 0, 1, 1 }
#define AS(column, member, type) { member, column, column, "", NULL, type, 1, 0, 0, 1, 0 }

static const ortto_field audience_members[] = {
  KEY("id", ORTTO_TEXT), MEMBER("name", ORTTO_TEXT), MEMBER("instance_id", ORTTO_TEXT), MEMBER("folder_id", ORTTO_TEXT),
  MEMBER("data_source_id", ORTTO_TEXT), MEMBER("icon_id", ORTTO_TEXT), MEMBER("type", ORTTO_TEXT),
  MEMBER("building", ORTTO_BOOLEAN), MEMBER("ready", ORTTO_BOOLEAN), MEMBER("is_public", ORTTO_BOOLEAN),
  MEMBER("sms_is_public", ORTTO_BOOLEAN), MEMBER("sms_public_name", ORTTO_TEXT), MEMBER("sms_public_description", ORTTO_TEXT),
  MEMBER("filter", ORTTO_JSON), MEMBER("filter_sha", ORTTO_TEXT), MEMBER("last_built_at", ORTTO_TIME),
  MEMBER("new_filter", ORTTO_JSON), MEMBER("new_filter_sha", ORTTO_TEXT), MEMBER("last_used", ORTTO_TIME),
  MEMBER("created", ORTTO_TIME), MEMBER("created_by_id", ORTTO_TEXT), MEMBER("created_by_name", ORTTO_TEXT),
  MEMBER("edited_at", ORTTO_TIME), MEMBER("archived_at", ORTTO_TIME), MEMBER("public_name", ORTTO_TEXT),
  MEMBER("public_description", ORTTO_TEXT), MEMBER("template_id", ORTTO_TEXT), MEMBER("exit_selection", ORTTO_TEXT),
  MEMBER("new_exit_criteria_filter", ORTTO_JSON), MEMBER("ds_destinations", ORTTO_JSON),
  MEMBER("sms_opted_in", ORTTO_INTEGER), MEMBER("subscribers", ORTTO_INTEGER), MEMBER("members", ORTTO_INTEGER),
  MEMBER("added_last_30_days", ORTTO_INTEGER), MEMBER("engagement", ORTTO_INTEGER), MEMBER("revenue", ORTTO_INTEGER),
  MEMBER("is_cold", ORTTO_BOOLEAN),
};
static const ortto_field tag_members[] = {
  KEY("type", ORTTO_TAG_TYPE), KEY("id", ORTTO_INTEGER), MEMBER("name", ORTTO_TEXT), MEMBER("instance_id", ORTTO_TEXT),
  MEMBER("source", ORTTO_TEXT), MEMBER("created_by_id", ORTTO_TEXT), MEMBER("created_by_name", ORTTO_TEXT),
  MEMBER("created_by_email", ORTTO_TEXT), MEMBER("created_at", ORTTO_TIME), MEMBER("last_used", ORTTO_TIME),
  MEMBER("count", ORTTO_INTEGER), MEMBER("sms_opted_in", ORTTO_INTEGER), MEMBER("subscribers", ORTTO_INTEGER),
};
static const ortto_field person_definition[] = {
  KEY("id", ORTTO_TEXT), MEMBER("name", ORTTO_TEXT), MEMBER("display_type", ORTTO_TEXT), MEMBER("liquid_name", ORTTO_TEXT),
  MEMBER("dic_items", ORTTO_JSON), MEMBER("tracked_value", ORTTO_BOOLEAN),
};
static const ortto_field account_definition[] = {
  KEY("id", ORTTO_TEXT), MEMBER("name", ORTTO_TEXT), MEMBER("display_type", ORTTO_TEXT), MEMBER("liquid_name", ORTTO_TEXT),
  MEMBER("dic_items", ORTTO_JSON),
};
static const ortto_field activity_members[] = {
  KEY("id", ORTTO_TEXT), MEMBER("person_id", ORTTO_TEXT), AS("activity_id", "field_id", ORTTO_TEXT),
  MEMBER("created_at", ORTTO_TIME), AS("attributes", "attr", ORTTO_JSON), AS("text", "render_cmds", ORTTO_RENDERED),
};
static const ortto_field field_members[] = {
  KEY("entity", ORTTO_TEXT), KEY("id", ORTTO_TEXT), MEMBER("name", ORTTO_TEXT), MEMBER("column_name", ORTTO_TEXT),
  MEMBER("display_type", ORTTO_TEXT), MEMBER("sql_type", ORTTO_TEXT), MEMBER("read_only", ORTTO_BOOLEAN),
  MEMBER("hidden", ORTTO_BOOLEAN), MEMBER("custom", ORTTO_BOOLEAN), MEMBER("choices", ORTTO_JSON),
};
#define LIST(members) { members, COUNT(members), NULL }
static const ortto_field_list table_fields[ORTTO_TABLES] = {
  [ORTTO_AUDIENCES] = LIST(audience_members), [ORTTO_TAGS] = LIST(tag_members),
  [ORTTO_PERSON_CUSTOM_FIELDS] = LIST(person_definition), [ORTTO_ACCOUNT_CUSTOM_FIELDS] = LIST(account_definition),
  [ORTTO_ACTIVITIES] = LIST(activity_members), [ORTTO_FIELDS] = LIST(field_members),
};

const char *ortto_table_name(ortto_table table){
  return table_names[table];
}

const char *ortto_type_sql(ortto_type type){
  return type_names[type];
}

const ortto_field_list *ortto_table_fields(ortto_table table){
  return &table_fields[table];
}

const char *ortto_steering_column(ortto_table table, int i){
  static const char *const columns[] = { "filter", "q", "scope", "sort", "audience" };
  int count = table==ORTTO_PEOPLE ? 5 : table==ORTTO_ACCOUNTS ? 4 : 0;
  return i<count ? columns[i] : NULL;
}

/* -- text to number, for field ids and column names -- */

typedef struct index_entry {
  const char *key;
  size_t n;
  int value;
} index_entry;

typedef struct index {             /* open addressing; the keys belong to somebody else. Letters' case counts */
  index_entry *entry;
  size_t size, used;               /* size is a power of two */
} index_map;

static index_entry *index_at(const index_map *m, const char *key, size_t n){
  size_t at = hash_bytes(HASH_START, key, n) & (m->size - 1);
  while( m->entry[at].key && (m->entry[at].n!=n || memcmp(m->entry[at].key, key, n)!=0) ) at = (at + 1) & (m->size - 1);
  return &m->entry[at];
}

static int index_get(const index_map *m, const char *key, size_t n){
  if( m->size==0 ) return -1;
  const index_entry *e = index_at(m, key, n);
  return e->key ? e->value : -1;
}

static int index_grow(index_map *m){
  index_map bigger = { NULL, m->size ? m->size*2 : 64, m->used };
  bigger.entry = calloc(bigger.size, sizeof *bigger.entry);
  if( bigger.entry==NULL ) return 0;
  for(size_t i=0; i<m->size; i++) if( m->entry[i].key ) *index_at(&bigger, m->entry[i].key, m->entry[i].n) = m->entry[i];
  free(m->entry);
  *m = bigger;
  return 1;
}

/* 0 when out of memory. An entry that is there gets the new value. */
static int index_put(index_map *m, const char *key, size_t n, int value){
  if( m->used*2 >= m->size && !index_grow(m) ) return 0;
  index_entry *e = index_at(m, key, n);
  if( e->key==NULL ) m->used++;
  *e = (index_entry){ key, n, value };
  return 1;
}

static void index_free(index_map *m){
  free(m->entry);
  memset(m, 0, sizeof *m);
}

/* -- a list being made -- */

enum group { BUILT_IN, CUSTOM, OTHER };   /* the order in which column names are given away */

typedef struct listing {
  ortto_field *field;
  unsigned char *group;
  int count, cap, failed;
  arena *memory;
  index_map by_id;
} listing;

static int has_value(const ortto_field *f){
  size_t n = strlen(f->id);
  if( n==0 || f->id[n-1]=='_' || strncmp(f->id, "act:", 4)==0 || strcmp(f->id, "tme::ct")==0 ) return 0;
  for(int i=0; i<COUNT(valueless); i++) if( strcmp(f->display_type, valueless[i])==0 ) return 0;
  return 1;
}

static ortto_type type_of(const char *id, const char *display_type){
  const char *colon = strchr(id, ':');
  for(int i=0; i<COUNT(display_types); i++) if( strcmp(display_type, display_types[i].display_type)==0 ) return display_types[i].type;
  if( colon==NULL ) return ORTTO_TIME;           /* ids without colons are the built-in times */
  for(int i=0; i<COUNT(prefixes); i++)
    if( strlen(prefixes[i].prefix)==(size_t)(colon-id) && strncmp(id, prefixes[i].prefix, (size_t)(colon-id))==0 ) return prefixes[i].type;
  return ORTTO_JSON;
}

/* The field of that id in the list: new, or the one that is there. NULL when out of memory. The strings must live as
** long as the list. */
static ortto_field *listing_add(listing *l, const char *id, const char *name, const char *display_type, enum group group){
  int at = index_get(&l->by_id, id, strlen(id));
  if( at>=0 ) return &l->field[at];
  if( l->count==l->cap ){
    int cap = l->cap ? l->cap*2 : 128;
    ortto_field *field = realloc(l->field, (size_t)cap * sizeof *field);
    if( field ) l->field = field;
    unsigned char *groups = field ? realloc(l->group, (size_t)cap) : NULL;
    if( groups ) l->group = groups;
    if( groups==NULL ){ l->failed = 1; return NULL; }
    l->cap = cap;
  }
  if( !index_put(&l->by_id, id, strlen(id), l->count) ){ l->failed = 1; return NULL; }
  ortto_field *f = &l->field[l->count];
  memset(f, 0, sizeof *f);
  f->id = id;
  f->name = name;
  f->display_type = display_type;
  f->type = type_of(id, display_type);
  l->group[l->count++] = (unsigned char)group;
  return f;
}

static void listing_built_in(listing *l, ortto_table table){
  const built_in *b = table==ORTTO_PEOPLE ? person_fields : account_fields;
  int n = table==ORTTO_PEOPLE ? COUNT(person_fields) : COUNT(account_fields);
  for(int i=-COUNT(leading); i<n; i++){
    const built_in *at = NULL;
    if( i>=0 ) at = &b[i];
    else for(int k=0; k<n && at==NULL; k++) if( strcmp(b[k].id, leading[i+COUNT(leading)])==0 ) at = &b[k];
    ortto_field *f = at ? listing_add(l, at->id, at->name, at->display_type, BUILT_IN) : NULL;
    if( f==NULL ) continue;
    f->read_only = at->read_only!=0;
    f->hidden = at->hidden!=0;
    for(int k=0; k<COUNT(named); k++) if( strcmp(named[k].id, f->id)==0 ) f->read_only = named[k].read_only!=0;
    if( !has_value(f) ) l->group[f - l->field] = OTHER;
  }
  if( table==ORTTO_PEOPLE ) listing_add(l, "tags", "Tags", "tags", BUILT_IN);   /* names; not in the schema, but answered */
}

/* One definition, of a custom-field list or of the instance schema. */
static void listing_definition(listing *l, js definition, enum group group){
  char *id = js_cstring(l->memory, js_get(definition, "id"));
  char *name = js_cstring(l->memory, js_get(definition, "name"));
  char *display_type = js_cstring(l->memory, js_get(definition, "display_type"));
  if( id==NULL || name==NULL || display_type==NULL ){ l->failed = 1; return; }
  if( id[0]==0 || strcmp(id, "id")==0 ) return;
  int before = l->count;
  ortto_field *f = listing_add(l, id, name, display_type, group);
  if( f==NULL ) return;
  f->listed = 1;
  if( l->count==before ) return;                 /* known: what we know of it stands in the tables above */
  f->custom = group==CUSTOM;
  f->read_only = js_true(js_get(definition, "read_only"));
  f->hidden = js_true(js_get(definition, "hidden"));
  js choices = js_get(definition, "dic_items");
  if( js_type(choices)=='[' ){
    size_t n;
    const char *text = text_clean(l->memory, choices.p, choices.n, 0, &n);
    f->choices = text ? arena_text(l->memory, text, n) : NULL;
    if( f->choices==NULL ) l->failed = 1;
  }
}

/* People's definitions are wrapped, accounts' are flat [recorded]; `fields` is null when there are none. */
static int listing_custom(listing *l, call *c, js answer){
  js fields = js_get(answer, "fields"), item;
  if( js_type(fields)=='n' && fields.p ) return ORTTO_OK;
  if( js_type(fields)!='[' ) return bad_answer(c, "has no list \"fields\"");
  js_iter it = js_in(fields);
  while( js_next(&it, NULL, &item) ){
    js inner = js_get(item, "field");
    listing_definition(l, js_type(inner)=='{' ? inner : item, CUSTOM);
  }
  return ORTTO_OK;
}

static int namespace_is_of(js id, js space, ortto_table table){
  int account = js_is(id, "o") || js_is(id, "oc") || js_true(js_get(space, "org"));
  return account==(table==ORTTO_ACCOUNTS);
}

static int listing_schema(listing *l, call *c, js answer, ortto_table table){
  js spaces = js_get(answer, "namespaces"), id, space;
  if( js_type(spaces)!='{' ) return bad_answer(c, "has no object \"namespaces\"");
  js_iter it = js_in(spaces);
  while( js_next(&it, &id, &space) ){
    js fields = js_get(space, "fields"), field_id, field;
    if( !namespace_is_of(id, space, table) || js_type(fields)!='{' ) continue;
    enum group group = js_is(id, "cm") || js_is(id, "oc") ? CUSTOM : OTHER;
    js_iter in = js_in(fields);
    while( js_next(&in, &field_id, &field) ){
      js text = js_get(field, "id");
      int activity = js_type(text)=='"' && text.n>5 && memcmp(text.p+1, "act:", 4)==0;
      if( js_type(field)=='{' && !activity ) listing_definition(l, field, group);
    }
  }
  return ORTTO_OK;
}

/* -- column names -- */

/* Lower-cased, every run of what is neither a-z nor 0-9 one underscore. */
static char *snake(arena *a, const char *text){
  char *out = arena_text(a, text, strlen(text));
  size_t n = 0;
  for(const char *p=text; out && *p; p++){
    char c = *p>='A' && *p<='Z' ? (char)(*p + 32) : *p;
    if( (c>='a' && c<='z') || (c>='0' && c<='9') ) out[n++] = c;
    else if( n==0 || out[n-1]!='_' ) out[n++] = '_';
  }
  if( out ) out[n] = 0;
  return out;
}

__attribute__((format(printf, 2, 3)))
static char *arena_printf(arena *a, const char *format, ...){
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  int n = vsnprintf(NULL, 0, format, args);
  char *out = n<0 ? NULL : arena_alloc(a, (size_t)n + 1);
  if( out ) vsnprintf(out, (size_t)n + 1, format, again);
  va_end(again);
  va_end(args);
  return out;
}

static int taken(const index_map *names, const char *name){
  return index_get(names, name, strlen(name))!=-1;   /* -2: a name that is reserved */
}

/* How many fields of this group bear each name: in *counts, name to number. */
static int names_count(const listing *l, enum group group, index_map *counts){
  for(int i=0; i<l->count; i++) if( l->group[i]==group && l->field[i].column ){
    const char *name = l->field[i].column;
    int before = index_get(counts, name, strlen(name));
    if( !index_put(counts, name, strlen(name), before<0 ? 1 : before+1) ) return 0;
  }
  return 1;
}

static int is_shared(const index_map *taken_names, const index_map *counts, const char *name){
  return taken(taken_names, name) || index_get(counts, name, strlen(name))>1;
}

/* Those of the group whose names are shared or empty: type added (custom fields), else the id. */
static int names_part(listing *l, enum group group, const index_map *taken_names, int by_type){
  index_map counts = { 0 };
  int ok = names_count(l, group, &counts);
  for(int i=0; ok && i<l->count; i++){
    ortto_field *f = &l->field[i];
    if( l->group[i]!=group || !(is_shared(taken_names, &counts, f->column) || (!by_type && f->column[0]==0)) ) continue;
    size_t type = strcspn(f->id, ":");
    f->column = by_type ? arena_printf(l->memory, "%s_%.*s", f->column, (int)type, f->id) : f->id;
    if( f->column==NULL ) ok = 0;
  }
  index_free(&counts);
  return ok;
}

static int names_take(const listing *l, enum group group, index_map *taken_names){
  int ok = 1;
  for(int i=0; ok && i<l->count; i++)
    if( l->group[i]==group ) ok = index_put(taken_names, l->field[i].column, strlen(l->field[i].column), i);
  return ok;
}

static const char *name_first(listing *l, const ortto_field *f, enum group group, const index_map *taken_names){
  if( group!=CUSTOM ){
    for(int i=0; i<COUNT(named); i++) if( strcmp(named[i].id, f->id)==0 ) return named[i].column;
    return snake(l->memory, f->name);
  }
  const char *last = strrchr(f->id, ':');
  char *name = snake(l->memory, last ? last+1 : f->id);
  return name && taken(taken_names, name) ? arena_printf(l->memory, "custom_%s", name) : name;
}

static int by_field_id(const void *a, const void *b){
  return strcmp((*(ortto_field *const *)a)->id, (*(ortto_field *const *)b)->id);
}

/* The fields of a group, sorted by id: pointers into the listing, to be freed. NULL when out of memory. */
static ortto_field **group_sorted(const listing *l, enum group group, int *count){
  ortto_field **sorted = malloc(((size_t)l->count + 1) * sizeof *sorted);
  *count = 0;
  if( sorted==NULL ) return NULL;
  for(int i=0; i<l->count; i++) if( l->group[i]==group ) sorted[(*count)++] = &l->field[i];
  qsort(sorted, (size_t)*count, sizeof *sorted, by_field_id);
  return sorted;
}

/* Names that no field's column may have. */
static int names_reserve(index_map *names, ortto_table table){
  int ok = index_put(names, "id", 2, -2) && index_put(names, "more_fields", 11, -2);
  const char *steering;
  for(int i=0; ok && (steering = ortto_steering_column(table, i))!=NULL; i++) ok = index_put(names, steering, strlen(steering), -2);
  return ok;
}

/* Names that differ only in the case of letters would be one to SQLite: the later one gets underscores. */
static int names_unique(listing *l, ortto_table table){
  index_map names = { 0 };
  int ok = names_reserve(&names, table), n;
  for(int group=BUILT_IN; ok && group<=OTHER; group++){
    ortto_field **sorted = group_sorted(l, (enum group)group, &n);
    ok = sorted!=NULL;
    for(int i=0; ok && i<n; i++){
      ortto_field *f = sorted[i];
      char *fold = arena_text(l->memory, f->column, strlen(f->column));
      for(char *p=fold; p && *p; p++) if( *p>='A' && *p<='Z' ) *p = (char)(*p + 32);
      while( fold && f->column && taken(&names, fold) ){
        f->column = arena_printf(l->memory, "%s_", f->column);
        fold = arena_printf(l->memory, "%s_", fold);
      }
      ok = fold && f->column && index_put(&names, fold, strlen(fold), i);
    }
    free(sorted);
  }
  index_free(&names);
  return ok;
}

/* Names are given to built-in fields first, then to custom ones, then to the rest, so that none depends on what comes
** later: they are the same whatever is selected, and whatever order the server lists fields in. */
static int names_give(listing *l, ortto_table table, int by_ids){
  index_map names = { 0 };
  int ok = names_reserve(&names, table);
  for(int i=0; ok && i<l->count; i++) l->field[i].column = l->field[i].id;
  for(int group=BUILT_IN; ok && !by_ids && group<=OTHER; group++){
    for(int i=0; ok && i<l->count; i++) if( l->group[i]==group )
      ok = (l->field[i].column = name_first(l, &l->field[i], (enum group)group, &names))!=NULL;
    if( ok && group==CUSTOM ) ok = names_part(l, CUSTOM, &names, 1);
    if( ok && group!=BUILT_IN ) ok = names_part(l, (enum group)group, &names, 0);
    if( ok ) ok = names_take(l, (enum group)group, &names);
  }
  index_free(&names);
  return ok && names_unique(l, table);
}

/* -- choosing -- */

typedef struct chosen {            /* indexes into a listing, in the order of the columns */
  int *at;
  int count;
} chosen;

static void chosen_add(chosen *c, int i){
  c->at[c->count++] = i;
}

/* The fields of a group that satisfy, sorted by id. 0 when out of memory. */
static int choose_sorted(const listing *l, enum group group, chosen *c){
  int n;
  ortto_field **sorted = group_sorted(l, group, &n);
  for(int i=0; i<n; i++) if( group==CUSTOM || has_value(sorted[i]) ) chosen_add(c, (int)(sorted[i] - l->field));
  free(sorted);
  return sorted!=NULL;
}

static size_t edit_distance(const char *a, const char *b){
  size_t n = strlen(a), m = strlen(b), row[65];
  if( n>64 || m>64 ) return 65;
  for(size_t j=0; j<=m; j++) row[j] = j;
  for(size_t i=1; i<=n; i++){
    size_t corner = row[0];
    row[0] = i;
    for(size_t j=1; j<=m; j++){
      size_t best = corner + (a[i-1]!=b[j-1]);
      if( row[j]+1<best ) best = row[j]+1;
      if( row[j-1]+1<best ) best = row[j-1]+1;
      corner = row[j];
      row[j] = best;
    }
  }
  return row[m];
}

static int unknown_field(ortto_client *client, const listing *l, ortto_table table, const char *id){
  buf b = { 0 };
  size_t best = 65;
  const char *closest = "";
  chosen c = { calloc((size_t)l->count + 1, sizeof(int)), 0 };
  for(int i=0; i<l->count; i++){
    size_t d = edit_distance(id, l->field[i].id);
    if( strcmp(id, l->field[i].column)==0 ) d = 0;
    if( d<best ){ best = d; closest = l->field[i].id; }
  }
  if( c.at && choose_sorted(l, CUSTOM, &c) && choose_sorted(l, BUILT_IN, &c) )
    for(int i=0; i<c.count && b.n<600; i++) buf_printf(&b, "%s%s", i ? ", " : "", l->field[c.at[i]].id);
  set_error(client, "ortto: %s have no field '%.60s'; the closest is '%s'. The fields are %s%s (SELECT id FROM ortto_fields lists all)",
       table_names[table], id, closest, b.p ? b.p : "", b.n>=600 ? ", ..." : "");
  buf_free(&b);
  free(c.at);
  return ORTTO_ERROR;
}

static int choose_named(ortto_client *client, const listing *l, ortto_table table, const char *selection, chosen *c){
  static const char separators[] = " ,\t\r\n";
  int rc = ORTTO_OK;
  char *seen = calloc((size_t)l->count + 1, 1);
  for(const char *p=selection; seen && rc==ORTTO_OK; ){
    p += strspn(p, separators);
    size_t n = strcspn(p, separators);
    if( n==0 ) break;
    int i = index_get(&l->by_id, p, n);
    if( i<0 && !(n==2 && memcmp(p, "id", 2)==0) ){
      char id[80];
      snprintf(id, sizeof id, "%.*s", (int)(n<79 ? n : 79), p);
      rc = unknown_field(client, l, table, id);
    }else if( i>=0 && !seen[i] ){
      seen[i] = 1;
      chosen_add(c, i);
    }
    p += n;
  }
  if( seen==NULL ) rc = no_memory(client);
  free(seen);
  return rc;
}

enum selection { SELECT_STANDARD, SELECT_ALL, SELECT_EVERY, SELECT_NAMED };

static enum selection selection_of(const char *text){
  if( text==NULL || text[0]==0 || same_word(text, "standard") ) return SELECT_STANDARD;
  if( same_word(text, "all") ) return SELECT_ALL;
  return strcmp(text, "*")==0 ? SELECT_EVERY : SELECT_NAMED;   /* "*": what the table of fields shows */
}

static int choose(ortto_client *client, const listing *l, ortto_table table, const char *text, chosen *c){
  enum selection what = selection_of(text);
  if( what==SELECT_NAMED ) return choose_named(client, l, table, text, c);
  for(int i=0; i<l->count; i++) if( what==SELECT_EVERY || (l->group[i]==BUILT_IN && (what==SELECT_ALL || !l->field[i].hidden)) )
    chosen_add(c, i);
  if( what!=SELECT_EVERY && !choose_sorted(l, CUSTOM, c) ) return no_memory(client);
  if( what==SELECT_ALL && !choose_sorted(l, OTHER, c) ) return no_memory(client);
  return ORTTO_OK;
}

static void listing_free(listing *l){
  free(l->field);
  free(l->group);
  index_free(&l->by_id);
}

/* The listing becomes a list of columns, the id first. Takes the listing and its memory over. */
static int listing_finish(ortto_client *client, listing *l, ortto_table table, const char *selection, int by_ids,
                          ortto_field_list **out){
  int rc = ORTTO_OK;
  ortto_field_list *list = calloc(1, sizeof *list);
  ortto_field *field = calloc((size_t)l->count + 1, sizeof *field);
  chosen c = { calloc((size_t)l->count + 1, sizeof(int)), 0 };
  if( list==NULL || field==NULL || c.at==NULL || l->failed || !names_give(l, table, by_ids) ) rc = no_memory(client);
  if( rc==ORTTO_OK ) rc = choose(client, l, table, selection, &c);
  if( rc==ORTTO_OK ){
    field[0] = (ortto_field){ "id", "Id", "id", "id", NULL, ORTTO_TEXT, 1, 0, 0, 1, 1 };
    for(int i=0; i<c.count; i++) field[i+1] = l->field[c.at[i]];
  }
  free(c.at);
  listing_free(l);
  if( rc!=ORTTO_OK ){
    arena_free(l->memory);
    free(l->memory);
    free(field);
    free(list);
    return rc;
  }
  list->field = field;
  list->count = c.count + 1;
  list->memory = l->memory;
  *out = list;
  return ORTTO_OK;
}

static int listing_begin(ortto_client *client, listing *l, ortto_table table){
  memset(l, 0, sizeof *l);
  l->memory = calloc(1, sizeof *l->memory);
  if( l->memory==NULL ) return no_memory(client);
  listing_built_in(l, table);
  return ORTTO_OK;
}

void ortto_fields_free(ortto_field_list *list){
  if( list==NULL ) return;
  arena_free(list->memory);
  free(list->memory);
  free((void *)list->field);
  free(list);
}

uint64_t ortto_fields_identity(const ortto_field_list *list){
  uint64_t h = HASH_START;
  for(int i=0; i<list->count; i++){
    const ortto_field *f = &list->field[i];
    h = hash_bytes(h, f->id, strlen(f->id) + 1);
    h = hash_bytes(h, f->column, strlen(f->column) + 1);
    h = hash_bytes(h, type_names[f->type], strlen(type_names[f->type]) + 1);
  }
  return h;
}

int ortto_fields_builtin(ortto_client *client, ortto_table table, int by_ids, ortto_field_list **out){
  listing l;
  int rc = listing_begin(client, &l, table);
  return rc==ORTTO_OK ? listing_finish(client, &l, table, NULL, by_ids, out) : rc;
}

/* -- asking -- */

static const char *definitions_path(ortto_table table){
  return table==ORTTO_PEOPLE || table==ORTTO_PERSON_CUSTOM_FIELDS ? "/v1/person/custom-field/get" : "/v1/accounts/custom-field/get";
}

static void schema_remember(ortto_endpoint *e, ortto_table table, const listing *l){
  ortto_client *client = e->client;
  schema_memory *m = NULL;
  for(int i=0; i<COUNT(client->schema); i++) if( client->schema[i].identity==e->identity ) m = &client->schema[i];
  if( m==NULL ){
    m = &client->schema[client->schema_next++ % COUNT(client->schema)];
    memset(m, 0, sizeof *m);
    m->identity = e->identity;
  }
  const built_in *b = table==ORTTO_PEOPLE ? person_fields : account_fields;
  int n = table==ORTTO_PEOPLE ? COUNT(person_fields) : COUNT(account_fields);
  m->known[table] = 1;
  for(int i=0; i<n; i++){
    int at = index_get(&l->by_id, b[i].id, strlen(b[i].id));
    m->listed[table][i] = at>=0 && l->field[at].listed;
  }
}

static int schema_take(ortto_endpoint *e, ortto_table table, call *c, listing *l){
  js answer;
  int rc = call_wait(c);
  if( rc==ORTTO_OK ) rc = answer_json(c, &answer);
  if( rc==ORTTO_OK ) rc = listing_schema(l, c, answer, table);
  if( rc==ORTTO_OK && !l->failed ) schema_remember(e, table, l);
  return rc;
}

int ortto_fields_list(ortto_endpoint *e, ortto_table table, const char *selection, int by_ids, ortto_field_list **out){
  listing l;
  js answer;
  call *schema = NULL;
  *out = NULL;
  int rc = listing_begin(e->client, &l, table);
  if( rc!=ORTTO_OK ) return rc;
  call *custom = call_new(e, "POST", definitions_path(table), strdup("{}"), CALL_READ,
                          table==ORTTO_PEOPLE ? "listing the fields of people" : "listing the fields of accounts");
  if( selection_of(selection)!=SELECT_STANDARD )
    schema = call_new(e, "POST", "/v1/instance-schema/get", strdup("{\"namespaces\":[]}"), CALL_READ, "reading the instance schema");
  if( custom==NULL || (schema==NULL && selection_of(selection)!=SELECT_STANDARD) ) rc = ORTTO_NOMEM;
  if( rc==ORTTO_OK ) rc = call_wait(custom);
  if( rc==ORTTO_OK ) rc = answer_json(custom, &answer);
  if( rc==ORTTO_OK ) rc = listing_custom(&l, custom, answer);
  if( rc==ORTTO_OK && schema ) rc = schema_take(e, table, schema, &l);
  call_drop(custom);
  call_drop(schema);
  if( rc==ORTTO_OK ) return listing_finish(e->client, &l, table, selection, by_ids, out);
  listing_free(&l);
  arena_free(l.memory);
  free(l.memory);
  return rc;
}

static int schema_ask(ortto_endpoint *e, ortto_table table){
  listing l;
  int rc = listing_begin(e->client, &l, table);
  if( rc!=ORTTO_OK ) return rc;
  const char *body = table==ORTTO_PEOPLE ? "{\"namespaces\":[\"\"]}" : "{\"namespaces\":[\"o\"]}";
  call *c = call_new(e, "POST", "/v1/instance-schema/get", strdup(body), CALL_READ, "reading the instance schema");
  rc = c ? schema_take(e, table, c, &l) : ORTTO_NOMEM;
  call_drop(c);
  if( rc==ORTTO_ERROR ){                         /* then nothing counts as listed: conditions stay local */
    for(int i=0; i<l.count; i++) l.field[i].listed = 0;
    schema_remember(e, table, &l);
    rc = ORTTO_OK;
  }
  listing_free(&l);
  arena_free(l.memory);
  free(l.memory);
  return rc;
}

int ortto_field_is_listed(ortto_endpoint *e, const ortto_field *field, int *listed){
  const ortto_client *client = e->client;
  const built_in *b[] = { person_fields, account_fields };
  const int n[] = { COUNT(person_fields), COUNT(account_fields) };
  *listed = field->listed;
  if( field->listed ) return ORTTO_OK;
  for(int table=ORTTO_PEOPLE; table<=ORTTO_ACCOUNTS; table++) for(int i=0; i<n[table]; i++){
    if( strcmp(b[table][i].id, field->id)!=0 ) continue;
    for(int round=0; round<2; round++){
      for(int k=0; k<COUNT(client->schema); k++) if( client->schema[k].identity==e->identity && client->schema[k].known[table] ){
        *listed = client->schema[k].listed[table][i];
        return ORTTO_OK;
      }
      int rc = round==0 ? schema_ask(e, (ortto_table)table) : ORTTO_OK;
      if( rc!=ORTTO_OK ) return rc;
    }
  }
  return ORTTO_OK;
}

/* ==== 9. Reading ============================================================================================== */

/* The ids of a scan: exact for the last half a million of them and more, in at most 32 MB. */
#define SEEN_MAX (1u << 19)

typedef struct id_key { unsigned char byte[12]; } id_key;
typedef struct id_set {            /* open addressing; an all-zero key is an empty place */
  id_key *key;
  size_t size, used;
} id_set;
typedef struct seen_ids {
  id_set now, before;
} seen_ids;

static int hex_digit(char c){
  if( c>='0' && c<='9' ) return c - '0';
  return c>='a' && c<='f' ? c - 'a' + 10 : -1;
}

int ortto_is_id(const char *text, size_t length){
  if( length!=24 ) return 0;
  for(size_t i=0; i<24; i++) if( hex_digit(text[i])<0 ) return 0;
  return 1;
}

/* 12 bytes, as the id itself says; what is no id gets a hash of that size. */
static id_key id_key_of(js id){
  id_key k;
  if( ortto_is_id(id.p, id.n) ){
    for(int i=0; i<12; i++) k.byte[i] = (unsigned char)((unsigned)hex_digit(id.p[2*i])<<4 | (unsigned)hex_digit(id.p[2*i+1]));
  }else{
    uint64_t a = hash_bytes(HASH_START, id.p, id.n), b = hash_bytes(a, id.p, id.n);
    memcpy(k.byte, &a, 8);
    memcpy(k.byte + 8, &b, 4);
  }
  static const id_key none = { { 0 } };
  if( memcmp(&k, &none, sizeof k)==0 ) k.byte[0] = 0xFF;   /* all zero would be an empty place */
  return k;
}

static id_key *set_at(const id_set *s, id_key k){
  static const id_key none = { { 0 } };
  uint64_t high, h;
  uint32_t low;
  memcpy(&high, k.byte, 8);
  memcpy(&low, k.byte + 8, 4);
  h = (high ^ (uint64_t)low<<21) * 0x9E3779B97F4A7C15u;
  size_t at = (size_t)(h>>20) & (s->size - 1);
  while( memcmp(&s->key[at], &none, sizeof none)!=0 && memcmp(&s->key[at], &k, sizeof k)!=0 ) at = (at + 1) & (s->size - 1);
  return &s->key[at];
}

static int set_has(const id_set *s, id_key k){
  return s->size && memcmp(set_at(s, k), &k, sizeof k)==0;
}

static int set_put(id_set *s, id_key k){
  if( s->used*5 >= s->size*4 ){
    id_set bigger = { NULL, s->size ? s->size*2 : 1024, s->used };
    bigger.key = calloc(bigger.size, sizeof *bigger.key);
    if( bigger.key==NULL ) return 0;
    for(size_t i=0; i<s->size; i++) *set_at(&bigger, s->key[i]) = s->key[i];
    free(s->key);
    *s = bigger;
  }
  *set_at(s, k) = k;
  s->used++;
  return 1;
}

/* 1: new, 0: seen before, -1: out of memory. */
static int seen_add(seen_ids *s, js id){
  id_key k = id_key_of(id);
  if( set_has(&s->now, k) || set_has(&s->before, k) ) return 0;
  if( s->now.used>=SEEN_MAX ){
    free(s->before.key);
    s->before = s->now;
    memset(&s->now, 0, sizeof s->now);
  }
  return set_put(&s->now, k) ? 1 : -1;
}

static void seen_free(seen_ids *s){
  free(s->now.key);
  free(s->before.key);
}

/* -- what was fetched by id before -- */

typedef struct cached {
  const char *id;
  const char *fields;              /* JSON text, NULL: there is no such record */
  size_t n;
} cached;

struct ortto_cache {
  arena memory;
  size_t bytes;
  cached *record;
  int count, cap;
  index_map by_id;
};

#define CACHE_MAX (8u << 20)

ortto_cache *ortto_cache_new(void){
  return calloc(1, sizeof(ortto_cache));
}

static void cache_clear(ortto_cache *c){
  arena_free(&c->memory);
  free(c->record);
  index_free(&c->by_id);
  memset(c, 0, sizeof *c);
}

void ortto_cache_free(ortto_cache *cache){
  if( cache==NULL ) return;
  cache_clear(cache);
  free(cache);
}

/* A cache that cannot grow forgets nothing that matters: failures are ignored. */
static void cache_put(ortto_cache *c, const char *id, js fields){
  if( c->count==c->cap ){
    int cap = c->cap ? c->cap*2 : 64;
    cached *record = realloc(c->record, (size_t)cap * sizeof *record);
    if( record==NULL ) return;
    c->record = record;
    c->cap = cap;
  }
  char *key = arena_text(&c->memory, id, 24);
  char *text = fields.p ? arena_text(&c->memory, fields.p, fields.n) : NULL;
  if( key==NULL || (fields.p && text==NULL) || !index_put(&c->by_id, key, 24, c->count) ) return;
  c->record[c->count++] = (cached){ key, text, fields.n };
  c->bytes += 64 + fields.n;
}

static const cached *cache_get(const ortto_cache *c, const char *id){
  int at = c ? index_get(&c->by_id, id, 24) : -1;
  return at<0 ? NULL : &c->record[at];
}

/* -- reader -- */

typedef struct page {
  struct page *next;
  call *call;                      /* NULL: made here */
  call **extra;                    /* further fields of the same rows, by id */
  int extras;
  buf text;                        /* rows made here */
  char *const *ids;                /* by ids: the ones asked for */
  int id_count;
  int64_t offset, limit;           /* as asked */
  js *id, *part;                   /* a row's id (no quotes) and the objects that hold its values */
  int rows, at;
  int has_more;                    /* the server's words about what follows */
  int64_t next_offset, total;
  char cursor[25];                 /* "" none */
} page;

struct ortto_reader {
  ortto_endpoint *endpoint;
  ortto_table table;
  const char *doing;
  int (*load)(ortto_reader *, page **);
  const ortto_field **field;       /* as asked, then those needed here */
  int fields;
  index_map by_id;                 /* field id to place in field[] and value[] */
  int *after, guess;               /* the server tends to keep its order: which place came behind which */
  int id_at, archived_at, restored_at, person_at, tag_type_at;   /* places, -1 none */
  ortto_value *value;
  arena scratch;                   /* what the present record needs */
  char **chunk;                    /* JSON arrays of field ids, FIELDS_MAX each */
  int chunks, parts;
  arena memory;                    /* ids, filters */
  char **ids;
  int id_count, id_next;
  char **filter;                   /* one after the other: more than OR_MAX values need several */
  int filters, filter_next;
  char *common;                    /* members of every page's request but filter and position */
  int64_t limit;
  int with_filter;                 /* audiences */
  ortto_cache *cache;
  int64_t next_offset, ask_offset, total;
  char cursor[25];
  int begun, done, parallel, step_backs, one_by_one;
  int resumed, cursor_lost;        /* was to go on under a cursor; could not */
  char server_time[21];
  int64_t overlap;                 /* rows that may come a second time after a step back */
  const char *fell_back;
  page *head, **tail, *current;
  int queued;
  seen_ids seen;
  int64_t pages, requests, retries;
};

static const char *const reading[ORTTO_TABLES] = {
  "reading people", "reading accounts", "reading audiences", "reading tags", "reading person custom fields",
  "reading account custom fields", "reading activities", "reading fields",
};

static int is_contacts(const ortto_reader *r){
  return r->table==ORTTO_PEOPLE || r->table==ORTTO_ACCOUNTS;
}

static void call_account(const call *c, int64_t *requests, int64_t *retries){
  if( c==NULL ) return;
  *requests += c->attempt;
  if( c->attempt>1 ) *retries += c->attempt - 1;
}

static void page_account(const page *p, int64_t *requests, int64_t *retries){
  call_account(p->call, requests, retries);
  for(int i=0; i<p->extras; i++) call_account(p->extra[i], requests, retries);
}

static void page_free(ortto_reader *r, page *p){
  if( p==NULL ) return;
  page_account(p, &r->requests, &r->retries);
  call_drop(p->call);
  for(int i=0; i<p->extras; i++) call_drop(p->extra[i]);
  free(p->extra);
  buf_free(&p->text);
  free(p->id);
  free(p->part);
  free(p);
}

static page *page_new(ortto_reader *r){
  page *p = calloc(1, sizeof *p);
  if( p==NULL ) return NULL;
  p->total = -1;
  *r->tail = p;
  r->tail = &p->next;
  r->queued++;
  return p;
}

static page *page_pop(ortto_reader *r){
  page *p = r->head;
  r->head = p->next;
  if( r->head==NULL ) r->tail = &r->head;
  p->next = NULL;
  r->queued--;
  return p;
}

static void pages_drop(ortto_reader *r){
  while( r->head ) page_free(r, page_pop(r));
}

static int page_room(ortto_reader *r, page *p, int rows){
  p->id = calloc((size_t)rows + 1, sizeof *p->id);
  p->part = calloc(((size_t)rows + 1) * (size_t)r->parts, sizeof *p->part);
  return p->id && p->part ? ORTTO_OK : no_memory(r->endpoint->client);
}

static int count_elements(js array){
  int n = 0;
  js item;
  js_iter it = js_in(array);
  while( js_next(&it, NULL, &item) ) n++;
  return n;
}

static js unquoted(js string){
  return (js){ string.p + 1, string.n - 2 };
}

/* -- decoding a row -- */

static int field_place(ortto_reader *r, js name){
  int at = r->guess;
  if( at>=0 && strncmp(r->field[at]->id, name.p, name.n)==0 && r->field[at]->id[name.n]==0 ) return at;
  at = index_get(&r->by_id, name.p, name.n);
  if( at<0 && memchr(name.p, '\\', name.n) ){
    size_t n;
    const char *text = text_clean(&r->scratch, name.p, name.n, 1, &n);
    if( text ) at = index_get(&r->by_id, text, n);
  }
  return at;
}

static int part_decode(ortto_reader *r, js object){
  if( js_type(object)!='{' ) return ORTTO_OK;
  js_iter it = js_in(object);
  js name, v;
  int last = -1;
  r->guess = r->fields ? r->after[r->fields] : -1;
  while( js_next(&it, &name, &v) ){
    int at = field_place(r, name);
    if( at<0 ) continue;
    r->after[last<0 ? r->fields : last] = at;
    last = at;
    r->guess = r->after[at];
    if( !decode(&r->scratch, r->field[at]->type, v, &r->value[at]) ) return no_memory(r->endpoint->client);
  }
  return ORTTO_OK;
}

static int row_decode(ortto_reader *r, const page *p, int i){
  int rc = ORTTO_OK;
  arena_reset(&r->scratch);
  for(int k=0; k<r->fields; k++) r->value[k] = (ortto_value){ 0 };
  for(int k=0; rc==ORTTO_OK && k<r->parts; k++) rc = part_decode(r, p->part[(size_t)i*(size_t)r->parts + (size_t)k]);
  if( r->id_at>=0 && p->id[i].p ) value_text(&r->value[r->id_at], ORTTO_VALUE_TEXT, p->id[i].p, p->id[i].n);
  if( r->person_at>=0 ) value_text(&r->value[r->person_at], ORTTO_VALUE_TEXT, p->ids[0], strlen(p->ids[0]));
  if( r->tag_type_at>=0 && r->value[r->tag_type_at].kind==ORTTO_VALUE_NULL )
    value_text(&r->value[r->tag_type_at], ORTTO_VALUE_TEXT, "person", 6);
  return rc;
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

static int is_unset_time(const ortto_value *v){
  return v->kind!=ORTTO_VALUE_TEXT || (v->length>=4 && memcmp(v->text, "0001", 4)==0);
}

/* get-by-ids also finds archived people, which a scan does not. */
static int is_archived(const ortto_reader *r){
  if( r->archived_at<0 ) return 0;
  const ortto_value *a = &r->value[r->archived_at], *b = &r->value[r->restored_at];
  if( is_unset_time(a) ) return 0;
  return is_unset_time(b) || ortto_time_compare(a->text, a->length, b->text, b->length)>0;
}

/* -- more than FIELDS_MAX fields: the further ones by id -- */

static const char *by_ids_path(ortto_table table){
  return table==ORTTO_PEOPLE ? "/v1/person/get-by-ids" : "/v1/accounts/get-by-ids";
}

static const char *record_member(ortto_table table){
  return table==ORTTO_PEOPLE ? "contacts" : "accounts";
}

static char *by_ids_body(const ortto_reader *r, const js *ids, int count, const char *fields){
  buf b = { 0 };
  buf_printf(&b, "{\"%s\":[", r->table==ORTTO_PEOPLE ? "contact_ids" : "account_ids");
  for(int i=0; i<count; i++) buf_printf(&b, "%s\"%.*s\"", i ? "," : "", (int)ids[i].n, ids[i].p);
  buf_printf(&b, "],\"fields\":%s}", fields);
  if( b.failed ) buf_free(&b);
  return b.p;
}

/* The object of records, keyed by id; *records.p is NULL where there are none. */
static int by_ids_records(ortto_reader *r, call *c, js *records){
  js answer;
  int rc = answer_json(c, &answer);
  if( rc!=ORTTO_OK ) return rc;
  *records = js_get(answer, record_member(r->table));
  if( records->p==NULL && r->table==ORTTO_ACCOUNTS ) *records = js_get(answer, "organizations");
  if( records->p==NULL ) return bad_answer(c, "has no \"%s\"", record_member(r->table));
  if( js_type(*records)=='n' || (js_type(*records)=='[' && count_elements(*records)==0) ){
    records->p = NULL;
    return ORTTO_OK;
  }
  if( js_type(*records)!='{' ) return bad_answer(c, "has a \"%s\" that is no object", record_member(r->table));
  return ORTTO_OK;
}

static int row_of(const page *p, int first, int count, js id, int guess){
  if( guess<first+count && p->id[guess].n==id.n && memcmp(p->id[guess].p, id.p, id.n)==0 ) return guess;
  for(int i=first; i<first+count; i++) if( p->id[i].n==id.n && memcmp(p->id[i].p, id.p, id.n)==0 ) return i;
  return -1;
}

/* One answer with chunk `part` of the rows first..first+count-1. */
static int extra_take(ortto_reader *r, page *p, call *c, int part, int first, int count){
  js records, id, record;
  int rc = call_wait(c);
  if( rc==ORTTO_OK ) rc = by_ids_records(r, c, &records);
  if( rc!=ORTTO_OK ) return rc;
  int found = 0, guess = first;
  js_iter it = js_in(records);
  while( records.p && js_next(&it, &id, &record) ){
    int i = row_of(p, first, count, id, guess);
    if( i<0 ) continue;
    js *at = &p->part[(size_t)i*(size_t)r->parts + (size_t)part];
    if( at->p==NULL ) found++;
    *at = js_get(record, "fields");
    if( at->p==NULL ) *at = (js){ "{}", 2 };
    guess = i + 1;
  }
  log_rows(c, found);
  if( found<count )
    return fail(r->endpoint->client, "ortto: %s: %d of %d records vanished between two requests, so that their further fields could "
                "not be read. Run the statement again", r->doing, count - found, count);
  return ORTTO_OK;
}

static int page_extras(ortto_reader *r, page *p){
  int batches = (p->rows + IDS_MAX - 1) / IDS_MAX, rc = ORTTO_OK;
  if( r->chunks<2 || p->rows==0 ) return ORTTO_OK;
  p->extra = calloc((size_t)batches * (size_t)(r->chunks - 1), sizeof *p->extra);
  if( p->extra==NULL ) return no_memory(r->endpoint->client);
  for(int part=1; part<r->chunks; part++) for(int b=0; b<batches; b++){
    int first = b*IDS_MAX, count = p->rows-first<IDS_MAX ? p->rows-first : IDS_MAX;
    call *c = call_new(r->endpoint, "POST", by_ids_path(r->table), by_ids_body(r, p->id + first, count, r->chunk[part]),
                       CALL_READ|CALL_URGENT, r->doing);
    if( c==NULL ) return ORTTO_NOMEM;
    p->extra[p->extras++] = c;
  }
  for(int i=0; rc==ORTTO_OK && i<p->extras; i++){
    int first = (i % batches)*IDS_MAX, count = p->rows-first<IDS_MAX ? p->rows-first : IDS_MAX;
    rc = extra_take(r, p, p->extra[i], 1 + i/batches, first, count);
  }
  return rc;
}

/* -- by ids -- */

static int ids_request(ortto_reader *r){
  page *p = page_new(r);
  js ids[IDS_MAX];
  if( p==NULL ) return no_memory(r->endpoint->client);
  p->ids = r->ids + r->id_next;
  for(; p->id_count<IDS_MAX && r->id_next<r->id_count; r->id_next++)
    ids[p->id_count++] = (js){ r->ids[r->id_next], 24 };
  p->call = call_new(r->endpoint, "POST", by_ids_path(r->table), by_ids_body(r, ids, p->id_count, r->chunk[0]), CALL_READ, r->doing);
  return p->call ? ORTTO_OK : ORTTO_NOMEM;
}

static int is_wanted(const page *p, js id){
  for(int i=0; i<p->id_count; i++) if( id.n==24 && memcmp(p->ids[i], id.p, 24)==0 ) return 1;
  return 0;
}

static void page_cache(ortto_reader *r, const page *p){
  if( r->cache==NULL || r->chunks>1 ) return;
  for(int i=0; i<p->id_count; i++){
    int row = row_of(p, 0, p->rows, (js){ p->ids[i], 24 }, i<p->rows ? i : 0);
    cache_put(r->cache, p->ids[i], row<0 ? (js){ NULL, 0 } : p->part[(size_t)row*(size_t)r->parts]);
  }
}

static int ids_take(ortto_reader *r, page *p){
  js records, id, record;
  int rc = call_wait(p->call);
  if( rc==ORTTO_OK ) rc = by_ids_records(r, p->call, &records);
  if( rc==ORTTO_OK ) rc = page_room(r, p, p->id_count);
  if( rc!=ORTTO_OK ) return rc;
  js_iter it = js_in(records);
  while( records.p && js_next(&it, &id, &record) ){
    if( p->rows==p->id_count || !is_wanted(p, id) || row_of(p, 0, p->rows, id, 0)>=0 ) continue;
    p->id[p->rows] = id;
    js fields = js_get(record, "fields");
    if( js_type(record)!='{' ) return bad_answer(p->call, "has a record that is no object");
    p->part[(size_t)p->rows++*(size_t)r->parts] = fields.p ? fields : (js){ "{}", 2 };
  }
  log_rows(p->call, p->rows);
  page_cache(r, p);
  return page_extras(r, p);
}

/* Those that were fetched before: the first page of a read, without a request. Removes them from the ids. */
static int cached_page(ortto_reader *r, page **out){
  int left = 0, found = 0;
  page *p = page_new(r);
  if( p==NULL || page_room(r, p, r->id_count)!=ORTTO_OK ) return no_memory(r->endpoint->client);
  for(int i=0; i<r->id_count; i++){
    const cached *c = cache_get(r->cache, r->ids[i]);
    if( c==NULL ) r->ids[left++] = r->ids[i];
    else if( ++found && c->fields ){
      p->id[p->rows] = (js){ c->id, 24 };
      p->part[(size_t)p->rows++*(size_t)r->parts] = (js){ c->fields, c->n };
    }
  }
  r->id_count = left;
  *out = page_pop(r);
  if( (*out)->rows ) return ORTTO_OK;
  page_free(r, *out);
  *out = NULL;
  return ORTTO_OK;
}

static int ids_load(ortto_reader *r, page **out){
  int rc = ORTTO_OK;
  *out = NULL;
  if( !r->begun && r->cache && r->chunks<2 ){
    r->begun = 1;
    rc = cached_page(r, out);
    if( rc!=ORTTO_OK || *out ) return rc;
  }
  int window = r->pages ? (int)r->endpoint->concurrency : 1;
  while( rc==ORTTO_OK && r->queued<window && r->id_next<r->id_count ) rc = ids_request(r);
  if( rc!=ORTTO_OK ) return rc;
  if( r->head==NULL ) return ORTTO_DONE;
  rc = ids_take(r, r->head);
  if( rc==ORTTO_OK ) *out = page_pop(r);
  return rc;
}

/* -- scans of people and accounts -- */

static const char *scan_path(ortto_table table){
  return table==ORTTO_PEOPLE ? "/v1/person/get" : "/v1/accounts/get";
}

static char *scan_body(const ortto_reader *r, int64_t limit, int64_t offset, const char *cursor, const char *fields){
  buf b = { 0 };
  buf_printf(&b, "{\"fields\":%s,\"limit\":%lld,\"offset\":%lld%s", fields, (long long)limit, (long long)offset, r->common);
  if( cursor[0] ) buf_printf(&b, ",\"cursor_id\":\"%s\"", cursor);
  if( r->filter[r->filter_next] ) buf_printf(&b, ",\"filter\":%s", r->filter[r->filter_next]);
  buf_puts(&b, "}");
  if( b.failed ) buf_free(&b);
  return b.p;
}

/* As few pages of one size as hold the rows that will be read. */
static int64_t page_limit(const ortto_reader *r, int64_t offset){
  if( r->limit<=0 || offset>=r->limit ) return PAGE_MAX;
  int64_t pages = (r->limit + PAGE_MAX - 1) / PAGE_MAX;
  return (r->limit + pages - 1) / pages;
}

static int scan_request(ortto_reader *r, int64_t offset){
  page *p = page_new(r);
  if( p==NULL ) return no_memory(r->endpoint->client);
  p->offset = offset;
  p->limit = page_limit(r, offset);
  p->call = call_new(r->endpoint, "POST", scan_path(r->table), scan_body(r, p->limit, offset, r->cursor, r->chunk[0]), CALL_READ, r->doing);
  r->ask_offset = offset + p->limit;
  return p->call ? ORTTO_OK : ORTTO_NOMEM;
}

/* Ask ahead under the cursor. The total only plans; has_more decides. */
static int scan_widen(ortto_reader *r){
  int rc = ORTTO_OK;
  while( rc==ORTTO_OK && r->parallel && r->queued<r->endpoint->concurrency && r->ask_offset<r->total
      && (r->limit<=0 || r->ask_offset<r->limit) ) rc = scan_request(r, r->ask_offset);
  return rc;
}

static int is_zero_id(const char *id){
  return id[strspn(id, "0")]==0;
}

/* The members of a page's answer. */
static int page_members(ortto_reader *r, page *p, js *records){
  call *c = p->call;
  js answer, name, v;
  int rc = answer_json(c, &answer);
  int64_t i;
  int says_more = 0;
  if( rc!=ORTTO_OK ) return rc;
  if( js_type(answer)!='{' ) return bad_answer(c, "is no object");
  records->p = NULL;
  p->next_offset = -1;
  js_iter it = js_in(answer);
  while( js_next(&it, &name, &v) ){
    if( js_is(name, record_member(r->table)) || (r->table==ORTTO_ACCOUNTS && js_is(name, "organizations")) ) *records = v;
    else if( js_is(name, "has_more") && (js_type(v)=='t' || js_type(v)=='f') ){ says_more = 1; p->has_more = js_true(v); }
    else if( js_is(name, "next_offset") && js_integer(v, &i) && i>=0 && i<=INT64_MAX/2 ) p->next_offset = i;
    else if( js_is(name, "cursor_id") && js_type(v)=='"' && ortto_is_id(v.p+1, v.n-2) ){
      memcpy(p->cursor, v.p+1, 24);
      p->cursor[24] = 0;
      if( is_zero_id(p->cursor) ) p->cursor[0] = 0;
    }else if( js_is(name, "meta") && js_integer(js_get(v, "total_matches"), &i) && i>=0 && i<=TOTAL_MAX ) p->total = i;
  }
  if( records->p==NULL ) return bad_answer(c, "has no \"%s\"", record_member(r->table));
  if( js_type(*records)!='[' && js_type(*records)!='n' ) return bad_answer(c, "has a \"%s\" that is no list", record_member(r->table));
  if( !says_more ) return bad_answer(c, "does not say whether more rows follow (\"has_more\")");
  return ORTTO_OK;
}

static int page_rows(ortto_reader *r, page *p, js records){
  js record, name, v;
  int rc = page_room(r, p, js_type(records)=='[' ? count_elements(records) : 0);
  if( rc!=ORTTO_OK || js_type(records)!='[' ) return rc;
  js_iter it = js_in(records);
  while( js_next(&it, NULL, &record) ){
    if( js_type(record)!='{' ) return bad_answer(p->call, "has a record that is no object");
    js *id = &p->id[p->rows], *part = &p->part[(size_t)p->rows*(size_t)r->parts];
    js_iter in = js_in(record);
    while( js_next(&in, &name, &v) ){
      if( js_is(name, "id") && js_type(v)=='"' ) *id = unquoted(v);
      else if( js_is(name, "fields") ) *part = v;
    }
    if( id->p==NULL || id->n==0 ) return bad_answer(p->call, "has a record without an id");
    p->rows++;
  }
  return ORTTO_OK;
}

/* Drops the rows that came before; *fresh is how many did not. */
static int page_unseen(ortto_reader *r, page *p, int *fresh){
  int kept = 0;
  for(int i=0; i<p->rows; i++){
    int is_new = seen_add(&r->seen, p->id[i]);
    if( is_new<0 ) return no_memory(r->endpoint->client);
    if( !is_new ) continue;
    p->id[kept] = p->id[i];
    p->part[(size_t)kept*(size_t)r->parts] = p->part[(size_t)i*(size_t)r->parts];
    kept++;
  }
  *fresh = kept;
  p->rows = kept;
  return ORTTO_OK;
}

/* From here on one page at a time, each from where the server says the last one ended. */
static void fall_back(ortto_reader *r, const char *why){
  if( r->parallel || r->fell_back==NULL ) r->fell_back = why;
  r->parallel = 0;
  pages_drop(r);
}

/* Rows left the list before our place in it, so that some unread ones may have moved in front of that place (a cursor
** that is a snapshot prevents this; whether it is one is not documented). Read again from that much earlier. */
static int step_back(ortto_reader *r, const page *p, int64_t by){
  if( ++r->step_backs>20 )
    return fail(r->endpoint->client, "ortto: %s: the list shrinks faster than it can be read. Try again later, or ask for less at a time",
                r->doing);
  r->next_offset = p->offset>by ? p->offset - by : 0;
  r->overlap = p->offset - r->next_offset;
  fall_back(r, "rows were removed during the read");
  return ORTTO_OK;
}

/* What the page says about those that follow. The page's rows are sound. */
static int scan_follow(ortto_reader *r, page *p, int received){
  int64_t limit = p->limit;
  if( !r->begun ){
    r->begun = 1;
    memcpy(r->cursor, p->cursor, sizeof r->cursor);
    r->parallel = !r->one_by_one && p->has_more && p->cursor[0] && received==limit && p->next_offset==p->offset+limit && p->total>=0;
  }else if( strcmp(r->cursor, p->cursor)!=0 && p->has_more ){
    memcpy(r->cursor, p->cursor, sizeof r->cursor);
    fall_back(r, "the server changed the cursor");
  }
  if( r->parallel && p->has_more && p->next_offset!=p->offset+limit ) fall_back(r, "a page was shorter than asked");
  if( r->total>=0 && p->total>r->total ) fall_back(r, "rows were added during the read");
  if( p->total>=0 ) r->total = p->total;
  if( !p->has_more ){
    r->done = 1;
    pages_drop(r);
    return ORTTO_OK;
  }
  if( received==0 ) return bad_answer(p->call, "has no rows, but says that more follow");
  if( p->next_offset<=p->offset ) return bad_answer(p->call, "says that more rows follow, but next_offset does not grow");
  r->next_offset = p->next_offset;
  return ORTTO_OK;
}

/* Takes the oldest page, whose answer is there. *discarded: it was not safe to use, and is gone. */
static int scan_take(ortto_reader *r, page *p, int *discarded){
  js records;
  int fresh = 0;
  int rc = page_members(r, p, &records);
  if( rc==ORTTO_OK ) rc = page_rows(r, p, records);
  if( rc!=ORTTO_OK ) return rc;
  int received = p->rows;
  log_rows(p->call, received);
  if( r->server_time[0]==0 ) memcpy(r->server_time, p->call->date, sizeof r->server_time);
  if( !r->begun && r->resumed && p->cursor[0] && strcmp(p->cursor, r->cursor)!=0 ){
    r->cursor_lost = 1;            /* another list than the one that was begun */
    return bad_answer(p->call, "is under another cursor than the one asked for");
  }
  *discarded = 1;
  if( r->begun && r->pages>0 && received==0 && !p->has_more && p->offset>0 && p->offset>r->overlap )
    return step_back(r, p, p->limit + r->overlap);
  if( r->begun && r->total>=0 && p->total>=0 && p->total<r->total ){
    int64_t by = r->total - p->total;
    r->total = p->total;
    return step_back(r, p, by);
  }
  *discarded = 0;
  rc = page_unseen(r, p, &fresh);
  if( rc!=ORTTO_OK ) return rc;
  if( received>0 && fresh==0 && r->filters==1 && r->overlap<=0 ) return bad_answer(p->call, "has only rows that came before");
  r->overlap -= received;
  return scan_follow(r, p, received);
}

/* A cursor that is refused in the middle cannot be replaced: a new one would be another list. */
static int scan_refused(ortto_reader *r, const page *p, int rc){
  if( rc!=ORTTO_ERROR || r->cursor[0]==0 || p->call->status<400 || p->call->status>499 ) return rc;
  if( p->call->status!=400 && p->call->status!=404 && p->call->status!=410 ) return rc;
  if( !r->begun && r->resumed ){
    r->cursor_lost = 1;
    return rc;
  }
  char said[sizeof r->endpoint->client->error];
  memcpy(said, r->endpoint->client->error, sizeof said);
  return fail(r->endpoint->client, "%.700s. This was not the first page, so the server may have forgotten the cursor under which the scan began; "
              "run the statement again", said);
}

static void scan_restart(ortto_reader *r){       /* under the next filter */
  r->begun = r->done = r->parallel = 0;
  r->next_offset = r->ask_offset = 0;
  r->cursor[0] = 0;
  r->total = -1;
  r->overlap = 0;
}

static int scan_load(ortto_reader *r, page **out){
  for(;;){
    int rc = ORTTO_OK, discarded = 0;
    if( r->done && r->head==NULL ){
      if( r->filter_next+1>=r->filters ) return ORTTO_DONE;
      r->filter_next++;
      scan_restart(r);
    }
    if( r->head==NULL ) rc = scan_request(r, r->next_offset);
    if( rc==ORTTO_OK ) rc = scan_widen(r);
    if( rc!=ORTTO_OK || r->head==NULL ) return rc;
    rc = call_wait(r->head->call);
    if( rc!=ORTTO_OK ) return scan_refused(r, r->head, rc);
    page *p = page_pop(r);
    int first = !r->begun;
    rc = scan_take(r, p, &discarded);
    if( rc==ORTTO_OK && !discarded ) rc = page_extras(r, p);
    if( rc==ORTTO_OK && !discarded && !first ) rc = scan_widen(r);
    if( rc!=ORTTO_OK || discarded || p->rows==0 ){
      page_free(r, p);
      if( rc!=ORTTO_OK ) return rc;
      continue;
    }
    *out = p;
    return ORTTO_OK;
  }
}

/* -- lists in one answer, or by offset -- */

static const char *list_path(ortto_table table){
  switch( table ){
    case ORTTO_AUDIENCES: return "/v1/audiences/get";
    case ORTTO_TAGS: return "/v1/tags/get";
    default: return definitions_path(table);
  }
}

static char *list_body(const ortto_reader *r){
  buf b = { 0 };
  if( r->table!=ORTTO_AUDIENCES ) buf_puts(&b, "{}");
  else buf_printf(&b, "{\"limit\":%d,\"offset\":%lld%s}", LIST_PAGE, (long long)r->next_offset, r->with_filter ? ",\"with_filter\":true" : "");
  if( b.failed ) buf_free(&b);
  return b.p;
}

/* A row's parts: a person's definition is wrapped, and tracked_value stands beside it. */
static int list_rows(ortto_reader *r, page *p, js list){
  js record;
  int rc = page_room(r, p, js_type(list)=='[' ? count_elements(list) : 0);
  if( rc!=ORTTO_OK || js_type(list)!='[' ) return rc;
  js_iter it = js_in(list);
  while( js_next(&it, NULL, &record) ){
    if( js_type(record)!='{' ) return bad_answer(p->call, "has a record that is no object");
    js *part = &p->part[(size_t)p->rows*(size_t)r->parts];
    js archived = r->table==ORTTO_AUDIENCES ? js_get(record, "archived_at") : (js){ NULL, 0 };
    if( js_type(archived)=='"' && archived.n>5 && memcmp(archived.p+1, "0001", 4)!=0 ) continue;
    part[0] = record;
    if( r->parts>1 ) part[1] = js_get(record, "field");
    js id = js_get(record, "id");
    if( js_type(id)=='"' ) p->id[p->rows] = unquoted(id);
    else if( r->table==ORTTO_AUDIENCES || r->table==ORTTO_ACTIVITIES ) return bad_answer(p->call, "has a record without an id");
    p->rows++;
  }
  return ORTTO_OK;
}

static int list_load(ortto_reader *r, page **out){
  js answer;
  if( r->done ) return ORTTO_DONE;
  page *p = page_new(r);
  if( p==NULL ) return no_memory(r->endpoint->client);
  p->call = call_new(r->endpoint, "POST", list_path(r->table), list_body(r), CALL_READ, r->doing);
  int rc = p->call ? call_wait(p->call) : ORTTO_NOMEM;
  if( rc==ORTTO_OK ) rc = answer_json(p->call, &answer);
  if( rc!=ORTTO_OK ) return rc;
  int wrapped = r->table==ORTTO_PERSON_CUSTOM_FIELDS || r->table==ORTTO_ACCOUNT_CUSTOM_FIELDS;
  js list = wrapped ? js_get(answer, "fields") : answer;
  if( list.p==NULL || (js_type(list)!='[' && js_type(list)!='n') ) return bad_answer(p->call, wrapped ? "has no list \"fields\"" : "is no list");
  int received = js_type(list)=='[' ? count_elements(list) : 0, fresh = 0;
  rc = list_rows(r, p, list);
  log_rows(p->call, received);
  r->done = r->table!=ORTTO_AUDIENCES || received<LIST_PAGE;   /* audiences: a short page ends [recorded] */
  r->next_offset += received;
  if( rc==ORTTO_OK && r->table==ORTTO_AUDIENCES && p->rows ){
    rc = page_unseen(r, p, &fresh);
    if( rc==ORTTO_OK && fresh==0 ) rc = bad_answer(p->call, "has only rows that came before");
  }
  if( rc==ORTTO_OK ) *out = page_pop(r);
  return rc;
}

/* -- the activity feed: one person after the other -- */

static char *feed_body(const ortto_reader *r){
  buf b = { 0 };
  buf_printf(&b, "{\"person_id\":\"%s\",\"limit\":%d,\"offset\":%lld}", r->ids[r->id_next], LIST_PAGE, (long long)r->next_offset);
  if( b.failed ) buf_free(&b);
  return b.p;
}

/* meta.has_more says whether more follow here [recorded]. */
static int feed_follow(ortto_reader *r, page *p, js answer){
  js more = js_get(js_get(answer, "meta"), "has_more"), next = js_get(answer, "next_offset");
  int64_t offset;
  if( js_type(more)!='t' && js_type(more)!='f' ) return bad_answer(p->call, "does not say whether more rows follow (\"meta.has_more\")");
  if( js_true(more) ){
    if( !js_integer(next, &offset) || offset<=r->next_offset ) return bad_answer(p->call, "says that more rows follow, but next_offset does not grow");
    if( p->rows==0 ) return bad_answer(p->call, "has no rows, but says that more follow");
    r->next_offset = offset;
  }else{
    r->id_next++;
    r->next_offset = 0;
  }
  return ORTTO_OK;
}

static int feed_load(ortto_reader *r, page **out){
  js answer;
  int fresh = 0;
  if( r->id_next>=r->id_count ) return ORTTO_DONE;
  page *p = page_new(r);
  if( p==NULL ) return no_memory(r->endpoint->client);
  p->ids = r->ids + r->id_next;
  p->call = call_new(r->endpoint, "POST", "/v1/person/get/activities", feed_body(r), CALL_READ|CALL_FEED, r->doing);
  int rc = p->call ? call_wait(p->call) : ORTTO_NOMEM;
  if( rc==ORTTO_OK ) rc = answer_json(p->call, &answer);
  if( rc!=ORTTO_OK ) return rc;
  js list = js_get(answer, "activities");
  if( list.p==NULL || (js_type(list)!='[' && js_type(list)!='n') ) return bad_answer(p->call, "has no list \"activities\"");
  rc = list_rows(r, p, list);
  log_rows(p->call, p->rows);
  if( rc==ORTTO_OK ) rc = feed_follow(r, p, answer);
  if( rc==ORTTO_OK && p->rows ){
    rc = page_unseen(r, p, &fresh);
    if( rc==ORTTO_OK && fresh==0 ) rc = bad_answer(p->call, "has only rows that came before");
  }
  if( rc==ORTTO_OK ) *out = page_pop(r);
  return rc;
}

/* -- the table of fields: our own listing, as rows -- */

static cJSON *field_record(const ortto_field *f, ortto_table table){
  cJSON *o = cJSON_CreateObject();
  int ok = cJSON_AddStringToObject(o, "entity", table_names[table]) && cJSON_AddStringToObject(o, "id", f->id)
        && cJSON_AddStringToObject(o, "name", f->name) && cJSON_AddStringToObject(o, "column_name", f->column)
        && cJSON_AddStringToObject(o, "display_type", f->display_type) && cJSON_AddStringToObject(o, "sql_type", type_names[f->type])
        && cJSON_AddBoolToObject(o, "read_only", f->read_only) && cJSON_AddBoolToObject(o, "hidden", f->hidden)
        && cJSON_AddBoolToObject(o, "custom", f->custom)
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
  char *text = ok ? cJSON_PrintUnformatted(array) : NULL;
  cJSON_Delete(array);
  return text;
}

static int fields_load(ortto_reader *r, page **out){
  ortto_field_list *list;
  js array;
  if( r->id_next>1 ) return ORTTO_DONE;
  ortto_table table = r->id_next++==0 ? ORTTO_PEOPLE : ORTTO_ACCOUNTS;
  int rc = ortto_fields_list(r->endpoint, table, "*", 0, &list);
  if( rc!=ORTTO_OK ) return rc;
  page *p = page_new(r);
  char *text = fields_text(list, table);
  ortto_fields_free(list);
  if( p==NULL || text==NULL ){
    cJSON_free(text);
    return no_memory(r->endpoint->client);
  }
  buf_puts(&p->text, text);
  cJSON_free(text);
  if( p->text.failed || !json_check(p->text.p, p->text.n, &array) ) return no_memory(r->endpoint->client);
  rc = list_rows(r, p, array);
  if( rc==ORTTO_OK ) *out = page_pop(r);
  return rc;
}

/* -- opening -- */

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

/* The conditions, of which `split` (-1: none) takes only the values from..from+OR_MAX-1, and the user's own filter,
** joined by $and. *text is NULL where there is nothing to ask. 0 when out of memory. */
static int filter_text(const ortto_query *q, int split, int from, char **text){
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

static int reader_filters(ortto_reader *r, const ortto_query *q){
  int split = -1, total = 0;
  for(int i=0; i<q->condition_count; i++)
    if( q->conditions[i].test==ORTTO_IS && q->conditions[i].count>OR_MAX && split<0 ) split = i;
  if( split>=0 ) total = q->conditions[split].count;
  r->filters = total>0 ? (total + OR_MAX - 1)/OR_MAX : 1;
  r->filter = calloc((size_t)r->filters, sizeof *r->filter);
  int ok = r->filter!=NULL;
  for(int i=0; ok && i<r->filters; i++){
    char *text;
    ok = filter_text(q, split, i*OR_MAX, &text);
    if( ok && text ) ok = (r->filter[i] = arena_text(&r->memory, text, strlen(text)))!=NULL;
    cJSON_free(text);
  }
  return ok ? ORTTO_OK : no_memory(r->endpoint->client);
}

/* Everything of a page's request that stays the same from page to page: ,"member":value ... */
static int reader_common(ortto_reader *r, const ortto_query *q){
  cJSON *o = cJSON_CreateObject();
  int ok = o!=NULL;
  if( ok && q->q ) ok = cJSON_AddStringToObject(o, "q", q->q)!=NULL;
  if( ok && q->archived )                        /* accounts: documented, never recorded */
    ok = cJSON_AddStringToObject(o, "type", r->table==ORTTO_PEOPLE ? "archived" : "archived_organization")!=NULL;
  if( ok && q->audience ) ok = cJSON_AddStringToObject(o, "audience_id", q->audience)!=NULL;
  if( ok && q->sort ) ok = cJSON_AddStringToObject(o, "sort_by_field_id", q->sort->id)
                        && cJSON_AddStringToObject(o, "sort_order", q->descending ? "desc" : "asc");
  char *text = ok ? cJSON_PrintUnformatted(o) : NULL;
  cJSON_Delete(o);
  if( text==NULL ) return no_memory(r->endpoint->client);
  size_t n = strlen(text);
  r->common = calloc(n + 1, 1);
  if( r->common && n>2 ){
    memcpy(r->common, text, n - 1);              /* without the closing brace; the opening one becomes a comma */
    r->common[0] = ',';
  }
  cJSON_free(text);
  return r->common ? ORTTO_OK : no_memory(r->endpoint->client);
}

/* The field ids in requests of FIELDS_MAX each. With no field at all one small one is asked for: what the server does
** with an empty list is not known. */
static int reader_chunks(ortto_reader *r){
  int wanted = 0, at = 0;
  for(int i=0; i<r->fields; i++) wanted += i!=r->id_at;
  r->chunks = wanted ? (wanted + FIELDS_MAX - 1)/FIELDS_MAX : 1;
  r->chunk = calloc((size_t)r->chunks, sizeof *r->chunk);
  if( r->chunk==NULL ) return no_memory(r->endpoint->client);
  for(int k=0; k<r->chunks; k++){
    cJSON *array = cJSON_CreateArray();
    int ok = array!=NULL;
    for(int n=0; ok && n<FIELDS_MAX && at<r->fields; at++) if( at!=r->id_at ){
      cJSON *id = cJSON_CreateString(r->field[at]->id);
      ok = id && cJSON_AddItemToArray(array, id);
      n++;
    }
    if( ok && wanted==0 ) ok = cJSON_AddItemToArray(array, cJSON_CreateString(r->table==ORTTO_PEOPLE ? "str::email" : "str:o:name"));
    char *text = ok ? cJSON_PrintUnformatted(array) : NULL;
    if( text ) r->chunk[k] = arena_text(&r->memory, text, strlen(text));
    cJSON_free(text);
    cJSON_Delete(array);
    if( r->chunk[k]==NULL ) return no_memory(r->endpoint->client);
  }
  return ORTTO_OK;
}

/* Archived and Restored decide whether a person found by id is a row. */
static const ortto_field archived_field = { "a", "Archived", "archived", "time", NULL, ORTTO_TIME, 1, 0, 0, 1, 0 };
static const ortto_field restored_field = { "r", "Restored", "restored", "time", NULL, ORTTO_TIME, 1, 0, 0, 1, 0 };

static int reader_fields(ortto_reader *r, const ortto_query *q){
  r->fields = q->field_count;
  r->field = calloc((size_t)q->field_count + 3, sizeof *r->field);
  r->value = calloc((size_t)q->field_count + 3, sizeof *r->value);
  r->after = malloc(((size_t)q->field_count + 3) * sizeof *r->after);
  if( r->field==NULL || r->value==NULL || r->after==NULL ) return no_memory(r->endpoint->client);
  r->id_at = r->archived_at = r->restored_at = r->person_at = r->tag_type_at = -1;
  if( q->field_count ) memcpy(r->field, q->fields, (size_t)q->field_count * sizeof *r->field);
  if( r->table==ORTTO_PEOPLE && q->by_ids ){
    for(int i=0; i<q->field_count; i++){
      if( strcmp(r->field[i]->id, "a")==0 ) r->archived_at = i;
      if( strcmp(r->field[i]->id, "r")==0 ) r->restored_at = i;
    }
    if( r->archived_at<0 ){ r->archived_at = r->fields; r->field[r->fields++] = &archived_field; }
    if( r->restored_at<0 ){ r->restored_at = r->fields; r->field[r->fields++] = &restored_field; }
  }
  for(int i=0; i<r->fields; i++){
    const char *id = r->field[i]->id;
    if( is_contacts(r) && strcmp(id, "id")==0 ) r->id_at = i;
    else if( !index_put(&r->by_id, id, strlen(id), i) ) return no_memory(r->endpoint->client);
    if( r->table==ORTTO_ACTIVITIES && strcmp(id, "person_id")==0 ) r->person_at = i;
    if( r->table==ORTTO_TAGS && strcmp(id, "type")==0 ) r->tag_type_at = i;
    if( r->table==ORTTO_AUDIENCES && strcmp(id, "filter")==0 ) r->with_filter = 1;
  }
  for(int i=0; i<=r->fields; i++) r->after[i] = -1;
  return ORTTO_OK;
}

/* What is no id cannot be found, and the server calls it a bad request: left out here. */
static int reader_ids(ortto_reader *r, const ortto_query *q){
  index_map once = { 0 };
  int ok = 1;
  r->ids = calloc((size_t)q->id_count + 1, sizeof *r->ids);
  ok = r->ids!=NULL;
  for(int i=0; ok && i<q->id_count; i++){
    size_t n = strlen(q->ids[i]);
    if( !ortto_is_id(q->ids[i], n) || is_zero_id(q->ids[i]) || index_get(&once, q->ids[i], n)>=0 ) continue;
    char *id = arena_text(&r->memory, q->ids[i], n);
    ok = id && index_put(&once, id, n, i);
    if( ok ) r->ids[r->id_count++] = id;
  }
  index_free(&once);
  return ok ? ORTTO_OK : no_memory(r->endpoint->client);
}

static void reader_kind(ortto_reader *r, const ortto_query *q){
  r->parts = 1;
  if( r->table==ORTTO_ACTIVITIES ) r->load = feed_load;
  else if( r->table==ORTTO_FIELDS ) r->load = fields_load;
  else if( !is_contacts(r) ){
    r->load = list_load;
    if( r->table==ORTTO_PERSON_CUSTOM_FIELDS ) r->parts = 2;
  }else r->load = q->by_ids ? ids_load : scan_load;
}

int ortto_reader_open(ortto_endpoint *e, const ortto_query *q, ortto_reader **out){
  ortto_reader *r = calloc(1, sizeof *r);
  *out = NULL;
  if( r==NULL ) return no_memory(e->client);
  r->endpoint = e;
  e->references++;
  r->table = q->table;
  r->doing = reading[q->table];
  r->tail = &r->head;
  r->limit = q->limit;
  r->total = -1;
  r->next_offset = q->offset>0 && q->offset<=INT64_MAX/2 ? q->offset : 0;
  r->one_by_one = q->one_by_one;
  if( q->cursor_id && ortto_is_id(q->cursor_id, strlen(q->cursor_id)) ){
    memcpy(r->cursor, q->cursor_id, 25);
    r->resumed = 1;
  }
  r->cache = q->cache;
  if( r->cache && r->cache->bytes>CACHE_MAX ) cache_clear(r->cache);
  reader_kind(r, q);
  int rc = reader_fields(r, q);
  if( rc==ORTTO_OK ) rc = reader_ids(r, q);
  if( rc==ORTTO_OK && is_contacts(r) ) rc = reader_chunks(r);
  if( rc==ORTTO_OK && is_contacts(r) ) r->parts = r->chunks;
  if( rc==ORTTO_OK && r->load==scan_load ) rc = reader_filters(r, q);
  if( rc==ORTTO_OK && r->load==scan_load ) rc = reader_common(r, q);
  if( rc!=ORTTO_OK ){
    ortto_reader_close(r);
    return rc;
  }
  *out = r;
  return ORTTO_OK;
}

void ortto_reader_close(ortto_reader *r){
  if( r==NULL ) return;
  pages_drop(r);
  page_free(r, r->current);
  seen_free(&r->seen);
  index_free(&r->by_id);
  arena_free(&r->scratch);
  arena_free(&r->memory);
  free(r->field);
  free(r->value);
  free(r->after);
  free(r->chunk);
  free(r->ids);
  free(r->filter);
  free(r->common);
  ortto_endpoint_close(r->endpoint);
  free(r);
}

/* -- row by row -- */

#define ROWS_BETWEEN_PUMPS 32      /* the network is served while the caller works */

int ortto_reader_next(ortto_reader *r, const ortto_value **values){
  for(;;){
    page *p = r->current;
    if( p==NULL || p->at==p->rows ){
      page_free(r, p);
      r->current = NULL;
      int rc = r->load(r, &r->current);
      if( rc!=ORTTO_OK ) return rc;
      r->pages++;
      continue;
    }
    if( r->endpoint->client->in_flight && p->at%ROWS_BETWEEN_PUMPS==0 ) pump(r->endpoint->client, 0);
    int rc = row_decode(r, p, p->at++);
    if( rc!=ORTTO_OK ) return rc;
    if( is_archived(r) ) continue;
    *values = r->value;
    return ORTTO_ROW;
  }
}

void ortto_reader_progress(const ortto_reader *reader, ortto_progress *progress){
  const ortto_reader *r = reader;
  ortto_progress *out = progress;
  const page *p = r->current;
  memset(out, 0, sizeof *out);
  out->page = r->pages;
  out->page_ends = p==NULL || p->at==p->rows;
  out->total = r->total;
  out->cursor_id = r->cursor[0] ? r->cursor : NULL;
  out->next_offset = p && p->has_more ? p->next_offset : r->next_offset;
  out->requests = r->requests;
  out->retries = r->retries;
  if( p ) page_account(p, &out->requests, &out->retries);
  out->fell_back = r->fell_back;
  out->cursor_lost = r->cursor_lost;
  out->server_time = r->server_time;
}

int ortto_reader_count(ortto_reader *r, int64_t *count){
  js records;
  *count = -1;
  if( r->load!=scan_load || r->filters!=1 ) return ORTTO_OK;
  page *p = page_new(r);
  if( p==NULL ) return no_memory(r->endpoint->client);
  p->limit = 1;
  p->call = call_new(r->endpoint, "POST", scan_path(r->table), scan_body(r, 1, 0, "", r->chunk[0]), CALL_READ, r->doing);
  int rc = p->call ? call_wait(p->call) : ORTTO_NOMEM;
  if( rc==ORTTO_OK ) rc = page_members(r, p, &records);
  if( rc==ORTTO_OK ){
    int rows = js_type(records)=='[' ? count_elements(records) : 0;
    log_rows(p->call, rows);
    if( !p->has_more ) *count = rows;
    else if( p->total>rows ) *count = p->total;
  }
  page_free(r, page_pop(r));
  return rc;
}

/* ==== 10. Writing ============================================================================================

** Records arrive as JSON and leave as JSON: what they hold is carried as the bytes that were given, since neither a
** double nor a C string could. Each record goes through three steps: it is mapped to an item of the protocol or refused
** here; items go into batches; the answer of a batch gives each of its records an outcome.
**
** Order. Records that name the same contact must take effect in the order given, though batches are in flight side by
** side. So each record gets a round: one more than any earlier record that may be the same contact. Rounds are sent one
** after the other; inside a round no contact occurs twice.
*/

#define BATCH_API 100              /* people, accounts or activities in a request [documented] */
#define BATCH_SEGMENT 500          /* [seen in Segment's client] */
#define BODY_MAX 2000000           /* 2 MB [documented]: taken as the smaller reading of it */
#define TEXT_MAX 255               /* characters of a str value [documented] */
#define LARGE_TEXT_MAX 4000        /* of a txt value [documented] */
#define OBJECT_MAX 15000           /* bytes of an obj value [documented] */
#define ACTIVITY_MAX 16000         /* bytes of an activity [documented as 16 kB] */
#define ATTRIBUTES_MAX 15          /* of an activity [documented] */

/* -- values for Ortto -- */

typedef struct encoder {
  arena *memory;
  buf *out;
  char why[200];                   /* what is wrong, if something is */
} encoder;

__attribute__((format(printf, 2, 3)))
static int cannot(encoder *e, const char *format, ...){
  va_list args;
  va_start(args, format);
  vsnprintf(e->why, sizeof e->why, format, args);
  va_end(args);
  return 0;
}

static const char *js_kind(js v){
  switch( js_type(v) ){
    case '"': return "text";
    case '{': return "an object";
    case '[': return "a list";
    case 't': case 'f': return "a boolean";
    case 'n': return "null";
    default: return "a number";
  }
}

static size_t characters(const char *text, size_t n){
  size_t count = 0;
  for(size_t i=0; i<n; i++) count += ((unsigned char)text[i] & 0xC0)!=0x80;
  return count;
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

/* A text that holds JSON: what a JSON column of SQL gives when it was not marked as JSON. */
static js inner_json(encoder *e, js v, char kind){
  size_t n;
  js inner;
  const char *text = js_type(v)=='"' ? js_text(e->memory, v, &n) : NULL;
  return text && n && text[0]==kind && json_check(text, n, &inner) ? inner : v;
}

static int two_digits(const char *p){
  return p[0]>='0' && p[0]<='9' && p[1]>='0' && p[1]<='9' ? (p[0]-'0')*10 + p[1]-'0' : -1;
}

/* YYYY-MM-DD at the beginning of a text. */
static int date_read(const char *p, size_t n, int *year, int *month, int *day){
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

/* RFC 3339, or what SQLite writes (a blank for the T, no zone: UTC), or a date alone. The text to send, NULL if it is none. */
static const char *time_read(arena *a, const char *p, size_t n){
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

/* The value in Ortto's shape. 0: it does not fit, and e->why says so; or e->out->failed. */
static int encode(encoder *e, const ortto_field *f, js v){
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

/* -- what a call asks for -- */

static const char *const option_names[] = { "via", "to", "batch", "merge_by", "merge_strategy", "find_strategy", "async", "skip_non_existing",
                                            "suppression_list_field_id", "create" };
enum { OPTION_VIA, OPTION_TO, OPTION_BATCH, OPTION_MERGE_BY, OPTION_MERGE_STRATEGY, OPTION_FIND_STRATEGY, OPTION_ASYNC, OPTION_SKIP,
       OPTION_SUPPRESSION, OPTION_CREATE };

struct ortto_options {
  arena memory;
  char *text;                      /* the options' JSON: the slices below point into it */
  const char *via, *to;
  int one_by_one, async, skip_non_existing, create;
  int merge_strategy;              /* as the API counts: 1 append, 2 overwrite, 3 ignore */
  int find_strategy;               /* 0 any, 1 next_if_empty, 2 all; -1 not given */
  const char *suppression;
  const char *merge_by[3];
  int merge_by_count;
  const char *api_only;            /* the first option that only the API has, or NULL */
};

static int bad_option(ortto_client *client, const char *name, const char *good){
  return fail(client, "ortto: the option %s takes %s", name, good);
}

/* One of the words; its place, or -1. */
static int word_of(js v, const char *const *words, int count){
  if( js_type(v)=='"' ) for(int i=0; i<count; i++) if( js_is(unquoted(v), words[i]) ) return i;
  return -1;
}

static int option_text(ortto_client *client, ortto_options *o, const char *name, js v, const char **out){
  if( js_type(v)!='"' || v.n==2 ) return bad_option(client, name, "a text");
  return (*out = js_cstring(&o->memory, v)) ? ORTTO_OK : no_memory(client);
}

static int option_flag(ortto_client *client, const char *name, js v, int *out){
  if( js_type(v)=='t' || js_is(v, "1") ) *out = 1;
  else if( js_type(v)=='f' || js_is(v, "0") ) *out = 0;
  else return bad_option(client, name, "true or false");
  return ORTTO_OK;
}

static int option_merge_by(ortto_client *client, ortto_options *o, js v){
  js item;
  int rc = ORTTO_OK;
  o->merge_by_count = 0;                         /* of a member that is given twice the last one counts */
  if( js_type(v)=='"' ) rc = option_text(client, o, "merge_by", v, &o->merge_by[o->merge_by_count++]);
  else if( js_type(v)=='[' ){
    js_iter it = js_in(v);
    while( rc==ORTTO_OK && js_next(&it, NULL, &item) ){
      if( o->merge_by_count==COUNT(o->merge_by) ) return bad_option(client, "merge_by", "at most three columns or field ids");
      rc = option_text(client, o, "merge_by", item, &o->merge_by[o->merge_by_count++]);
    }
  }
  if( rc==ORTTO_OK && o->merge_by_count==0 ) rc = bad_option(client, "merge_by", "a list of columns or field ids, such as [\"email\"]");
  return rc;
}

static int option_read(ortto_client *client, ortto_options *o, int which, js v){
  static const char *const targets[] = { "api", "segment" }, *const merging[] = { "append", "overwrite", "ignore" },
                    *const finding[] = { "any", "next_if_empty", "all" };
  const char *name = option_names[which];
  int word, flag = 1, rc = ORTTO_OK;
  if( js_type(v)=='n' ) return ORTTO_OK;         /* as if it were not there */
  if( which>=OPTION_MERGE_BY && o->api_only==NULL ) o->api_only = name;
  switch( which ){
    case OPTION_VIA: return option_text(client, o, name, v, &o->via);
    case OPTION_SUPPRESSION: return option_text(client, o, name, v, &o->suppression);
    case OPTION_MERGE_BY: return option_merge_by(client, o, v);
    case OPTION_TO:
      if( (word = word_of(v, targets, 2))<0 ) return bad_option(client, name, "'api' or 'segment'");
      o->to = targets[word];
      return ORTTO_OK;
    case OPTION_MERGE_STRATEGY:
      if( (word = word_of(v, merging, 3))<0 ) return bad_option(client, name, "'append', 'overwrite' or 'ignore'");
      o->merge_strategy = word + 1;
      return ORTTO_OK;
    case OPTION_FIND_STRATEGY:
      if( (word = word_of(v, finding, 3))<0 ) return bad_option(client, name, "'any', 'next_if_empty' or 'all'");
      o->find_strategy = word;
      return ORTTO_OK;
    case OPTION_BATCH:
      rc = option_flag(client, name, v, &flag);
      o->one_by_one = !flag;
      return rc;
    case OPTION_ASYNC: return option_flag(client, name, v, &o->async);
    case OPTION_SKIP: return option_flag(client, name, v, &o->skip_non_existing);
    default: return option_flag(client, name, v, &o->create);
  }
}

static int options_fill(ortto_client *client, ortto_options *o, const char *text, size_t length){
  js all, name, v;
  int rc = ORTTO_OK;
  if( !json_check(text, length, &all) || js_type(all)!='{' ) return fail(client, "ortto: the options must be a JSON object, such as {\"to\":\"api\"}");
  js_iter it = js_in(all);
  while( rc==ORTTO_OK && js_next(&it, &name, &v) ){
    int which = 0;
    while( which<COUNT(option_names) && !js_is(name, option_names[which]) ) which++;
    if( which<COUNT(option_names) ) rc = option_read(client, o, which, v);
    else{
      buf names = { 0 };
      for(int i=0; i<COUNT(option_names); i++) buf_printf(&names, "%s%s", i ? ", " : "", option_names[i]);
      rc = fail(client, "ortto: there is no option '%.*s'; the options are %s", (int)(name.n<40 ? name.n : 40), name.p, names.p ? names.p : "");
      buf_free(&names);
    }
  }
  return rc;
}

int ortto_options_read(ortto_client *client, const char *text, size_t length, ortto_options **out){
  ortto_options *o = calloc(1, sizeof *o);
  *out = NULL;
  if( o==NULL ) return no_memory(client);
  o->merge_strategy = 2;
  o->find_strategy = -1;
  if( text && (o->text = malloc(length + 1))==NULL ){
    free(o);
    return no_memory(client);
  }
  if( text ){
    memcpy(o->text, text, length);
    o->text[length] = 0;
  }
  int rc = text ? options_fill(client, o, o->text, length) : ORTTO_OK;
  if( rc==ORTTO_OK && o->to && strcmp(o->to, "segment")==0 && o->api_only )
    rc = fail(client, "ortto: the option %s belongs to Ortto's API: it has no effect on what is sent to a Segment data source. Leave it out, or say \"to\":\"api\"", o->api_only);
  if( rc!=ORTTO_OK ) ortto_options_free(o);
  else *out = o;
  return rc;
}

void ortto_options_free(ortto_options *o){
  if( o==NULL ) return;
  arena_free(&o->memory);
  free(o->text);
  free(o);
}

const char *ortto_options_via(const ortto_options *o){
  return o->via;
}

int ortto_options_protocol(const ortto_options *o, ortto_protocol *protocol){
  if( o->to==NULL ) return 0;
  *protocol = strcmp(o->to, "api")==0 ? ORTTO_API : ORTTO_SEGMENT;
  return 1;
}

/* -- records -- */

/* What names a contact. The last is Segment's anonymous id, or the values of a merge_by that names other fields. */
enum { KEY_ID = 1, KEY_EMAIL = 2, KEY_EXTERNAL = 4, KEY_OTHER = 8 };

typedef struct record {
  js given;                        /* as it came */
  const char *item;                /* as it is sent; NULL: refused here, or done without sending */
  size_t item_n;
  int keys;                        /* bits: what names a contact in it */
  int kinds;                       /* of these: what it is found by. An email beside an id is only set */
  const char *key[4];              /* the keys' texts, by bit */
  int round;
  int unordered;                   /* an activity that changes no field: it carries its own time */
  const char *merge_by;            /* JSON array, "" none: records of one request have the same */
  ortto_outcome outcome;
} record;

struct ortto_sending {
  ortto_endpoint *endpoint;
  ortto_verb verb;
  const ortto_options *options;
  const char *suppression;         /* field id, or NULL */
  const char *doing;
  char *text;                      /* the records' JSON */
  arena memory;
  int single;                      /* one object was given, not a list */
  record *record;
  int count;
  int stopped;                     /* no new request is begun */
  int interrupted;
  ortto_field_list *fields;        /* of people (or accounts), every one */
  int fields_fresh;                /* all were listed during this call */
  index_map by_id, by_name;
  index_map refused;               /* what could not be made: name to the record that tried */
  arena names;                     /* folded names */
  int activities_fresh;
  encoder encoder;
  buf scratch;
};

static const char REFUSED_HERE[] = "PAYLOAD_VALIDATION_FAILED", REFUSED[] = "REFUSED", NOT_SENT[] = "NOT_SENT", UNKNOWN[] = "UNKNOWN_OUTCOME";

static const char *keep_n(ortto_sending *s, const char *text, size_t n){
  char *copy = arena_text(&s->memory, text, n);
  return copy ? copy : "out of memory";
}

static const char *keep(ortto_sending *s, const char *text){
  return text ? keep_n(s, text, strlen(text)) : "out of memory";
}

/* The record ends here. */
__attribute__((format(printf, 4, 5)))
static int refuse(ortto_sending *s, record *r, int status, const char *format, ...){
  char text[500];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  utf8_mend(text);
  r->item = NULL;
  r->outcome.status = status;
  r->outcome.errortype = REFUSED_HERE;
  r->outcome.message = keep(s, text);
  return 0;
}

/* A request that a record depends on failed: its status is the record's, and what would fail likewise is not begun. */
static int refuse_by_call(ortto_sending *s, record *r, const call *c, int rc){
  int status = c ? c->status : 0;
  if( rc==ORTTO_INTERRUPT ) s->interrupted = 1;
  r->item = NULL;
  r->outcome.status = status;
  r->outcome.errortype = status==0 ? NOT_SENT : REFUSED;
  r->outcome.message = keep(s, ortto_error(s->endpoint->client));
  if( status_ends(status) ) s->stopped = 1;
  return 0;
}

static int is_open(const record *r){
  return r->item!=NULL && r->outcome.status<0;
}

static void outcome_set(record *r, int status, const char *errortype, const char *message){
  r->outcome.status = status;
  r->outcome.errortype = errortype;
  r->outcome.message = message;
}

static int is_present(js v){
  return v.p!=NULL && js_type(v)!='n';
}

/* -- fields by name -- */

/* Names as they are used in events, besides column names and field ids. */
static const struct { const char *name, *id; } trait_names[] = {
  { "firstname", "str::first" }, { "lastname", "str::last" }, { "fullname", "str::name" }, { "phone", "phn::phone" },
  { "birthdate", "dtz::b" }, { "dateofbirth", "dtz::b" }, { "postcode", "str::postal" }, { "zip", "str::postal" }, { "zipcode", "str::postal" },
  { "postalcode", "str::postal" }, { "state", "geo::region" }, { "userid", "str::ei" }, { "externalid", "str::ei" },
  { "emailpermission", "bol::p" }, { "smspermission", "bol::sp" },
};
static const struct { const char *name, *id; } address_names[] = {
  { "city", "geo::city" }, { "country", "geo::country" }, { "state", "geo::region" }, { "region", "geo::region" },
  { "postal_code", "str::postal" }, { "postalCode", "str::postal" }, { "postcode", "str::postal" }, { "post_code", "str::postal" }, { "zip", "str::postal" },
};

/* Letters and digits only, in lower case: firstName, first_name and "First name" are one. */
static char *folded(arena *a, const char *text, size_t n){
  char *out = arena_text(a, text, n);
  size_t used = 0;
  for(size_t i=0; out && i<n; i++){
    char c = text[i]>='A' && text[i]<='Z' ? (char)(text[i]+32) : text[i];
    if( (c>='a' && c<='z') || (c>='0' && c<='9') || (unsigned char)c>=0x80 ) out[used++] = c;
  }
  if( out ) out[used] = 0;
  return out;
}

static int names_index(ortto_sending *s){
  int ok = 1;
  for(int i=0; ok && i<s->fields->count; i++){
    const ortto_field *f = &s->fields->field[i];
    const char *names[] = { f->name, f->column };
    ok = index_put(&s->by_id, f->id, strlen(f->id), i) && index_put(&s->by_id, f->column, strlen(f->column), i);
    for(int k=0; ok && k<2; k++){                /* the column's name wins over another field's shown name */
      char *name = folded(&s->names, names[k], strlen(names[k]));
      if( name==NULL ) ok = 0;
      else if( name[0] && (k==1 || index_get(&s->by_name, name, strlen(name))<0) ) ok = index_put(&s->by_name, name, strlen(name), i);
    }
  }
  return ok ? ORTTO_OK : no_memory(s->endpoint->client);
}

static void fields_forget(ortto_sending *s){
  index_free(&s->by_id);
  index_free(&s->by_name);
  arena_free(&s->names);
  s->fields = NULL;
}

/* The fields of people, listed once a minute and client at most: the usual ones, and where one is missing anew and all. */
static int fields_have(ortto_sending *s, int anew){
  ortto_client *client = s->endpoint->client;
  field_memory *m = &client->fields[s->verb==ORTTO_UPSERT_ACCOUNTS];
  if( s->fields && !anew ) return ORTTO_OK;
  fields_forget(s);
  if( anew || m->list==NULL || m->identity!=s->endpoint->identity || now_us()-m->at>60*SECOND ){
    ortto_field_list *list;
    int rc = ortto_fields_list(s->endpoint, s->verb==ORTTO_UPSERT_ACCOUNTS ? ORTTO_ACCOUNTS : ORTTO_PEOPLE, anew ? "*" : NULL, 0, &list);
    if( rc!=ORTTO_OK ) return rc;
    ortto_fields_free(m->list);
    *m = (field_memory){ s->endpoint->identity, now_us(), list };
    s->fields_fresh |= anew;
  }
  s->fields = m->list;
  int rc = names_index(s);
  if( rc!=ORTTO_OK ) fields_forget(s);
  return rc;
}

static const ortto_field *field_named(ortto_sending *s, const char *name, size_t n, int as_trait){
  int at = index_get(&s->by_id, name, n);
  if( at<0 && as_trait ){
    char *fold = folded(&s->memory, name, n);
    if( fold==NULL ) return NULL;
    at = index_get(&s->by_name, fold, strlen(fold));
    for(int i=0; at<0 && i<COUNT(trait_names); i++)
      if( strcmp(trait_names[i].name, fold)==0 ) at = index_get(&s->by_id, trait_names[i].id, strlen(trait_names[i].id));
  }
  return at<0 || s->fields==NULL ? NULL : &s->fields->field[at];
}

static const char *closest_field(const ortto_sending *s, const char *name){
  size_t best = 65;
  const char *closest = "email";
  const ortto_field *field = s->fields ? s->fields->field : NULL;
  for(int i=1; field && i<s->fields->count; i++){
    size_t d = edit_distance(name, field[i].column), e = edit_distance(name, field[i].id);
    if( d<best ){ best = d; closest = field[i].column; }
    if( e<best ){ best = e; closest = field[i].id; }
  }
  return closest;
}

/* -- contacts for the API -- */

typedef struct contact {           /* a record on its way to an item */
  record *r;
  js *value;                       /* by place in the list of fields; .p NULL: not given */
  int *order, ordered;             /* the places that have a value */
  js tags, unset_tags, ip, location, person_id;
  js external;                     /* user_id */
} contact;

static int contact_put(ortto_sending *s, contact *c, const ortto_field *f, js v){
  int at = (int)(f - s->fields->field);
  if( c->value[at].p==NULL ) c->order[c->ordered++] = at;
  c->value[at] = v;
  return 1;
}

static int field_create(ortto_sending *s, record *r, const char *name, size_t n, js v, const ortto_field **out);

/* One member of `fields` or `traits`. 0: refused. */
static int contact_member(ortto_sending *s, contact *c, js name, js v, int as_trait, const char *where){
  size_t n;
  const char *text = text_clean(&s->memory, name.p, name.n, 1, &n);
  if( text==NULL ) return refuse(s, c->r, 0, "out of memory");
  if( (n==2 && memcmp(text, "id", 2)==0 && !as_trait) || (n==14 && memcmp(text, "str::person_id", 14)==0)
   || (s->verb==ORTTO_UPSERT_ACCOUNTS && n==16 && memcmp(text, "str:o:account_id", 16)==0) ){
    c->person_id = v;
    return 1;
  }
  if( !as_trait && n==4 && memcmp(text, "tags", 4)==0 ){
    c->tags = inner_json(&s->encoder, v, '[');
    return 1;
  }
  const ortto_field *f = field_named(s, text, n, as_trait || s->options->create);   /* a field just made is found by its name */
  for(int i=0; f==NULL && as_trait && n>8 && memcmp(text, "address.", 8)==0 && i<COUNT(address_names); i++)
    if( strlen(address_names[i].name)==n-8 && memcmp(address_names[i].name, text+8, n-8)==0 ) f = field_named(s, address_names[i].id, strlen(address_names[i].id), 0);
  if( f==NULL && !s->fields_fresh ){             /* it may have been made since the list was read */
    int rc = fields_have(s, 1);
    if( rc!=ORTTO_OK ) return refuse_by_call(s, c->r, NULL, rc);
    return -1;                                   /* places have moved: the record is read again */
  }
  if( f==NULL && s->options->create && !field_create(s, c->r, text, n, v, &f) ) return 0;
  if( f==NULL && s->options->create ) return -1;
  if( f==NULL ){
    char key[80];
    snprintf(key, sizeof key, "%.*s", (int)(n<79 ? n : 79), text);
    return refuse(s, c->r, 400, "ortto: there is no %s '%s'; the closest is '%s' (SELECT column_name, id FROM ortto_fields lists all)",
                  where, key, closest_field(s, key));
  }
  if( f->read_only ) return refuse(s, c->r, 400, "ortto: %s '%s' is read-only", where, f->column);
  return contact_put(s, c, f, v);
}

static int contact_address(ortto_sending *s, contact *c, js address){
  js name, v;
  js_iter it = js_in(address);
  while( js_next(&it, &name, &v) ){
    int i = 0;
    while( i<COUNT(address_names) && !js_is(name, address_names[i].name) ) i++;
    if( i==COUNT(address_names) )
      return refuse(s, c->r, 400, "ortto: there is no trait 'address.%.*s'; an address has city, state, country and postal_code", (int)(name.n<40 ? name.n : 40), name.p);
    int at = index_get(&s->by_id, address_names[i].id, strlen(address_names[i].id));
    if( at>=0 && c->value[at].p==NULL ) contact_put(s, c, &s->fields->field[at], v);
  }
  return 1;
}

static int contact_object(ortto_sending *s, contact *c, js object, int as_trait, const char *where){
  js name, v;
  if( !is_present(object) ) return 1;
  object = inner_json(&s->encoder, object, '{');
  if( js_type(object)!='{' ) return refuse(s, c->r, 400, "ortto: %s must be an object, not %s", as_trait ? "traits" : "fields", js_kind(object));
  js_iter it = js_in(object);
  while( js_next(&it, &name, &v) ){
    int ok = as_trait && js_is(name, "address") && js_type(v)=='{' ? contact_address(s, c, v) : contact_member(s, c, name, v, as_trait, where);
    if( ok<=0 ) return ok;
  }
  return 1;
}

static const char *const upsert_members[] = { "user_id", "anonymous_id", "traits", "fields", "tags", "unset_tags", "ip", "location", "timestamp",
  "message_id", "enable_batching", "batch_size", "namespace", "audience_name", "audience_update_mode" };
static const char *const track_members[] = { "user_id", "anonymous_id", "traits", "fields", "ip", "location", "timestamp", "message_id", "event",
  "properties", "enable_batching", "batch_size", "namespace", "audience_name", "audience_update_mode" };

static int members_known(ortto_sending *s, record *r){
  const char *const *known = s->verb==ORTTO_TRACK ? track_members : upsert_members;
  int count = s->verb==ORTTO_TRACK ? COUNT(track_members) : COUNT(upsert_members);
  js name, v;
  js_iter it = js_in(r->given);
  while( js_next(&it, &name, &v) ){
    int i = 0;
    while( i<count && !js_is(name, known[i]) ) i++;
    if( i<count ) continue;
    return refuse(s, r, 400, "ortto: a record has no member '%.*s' here; contact fields belong into \"fields\" or \"traits\"%s",
                  (int)(name.n<40 ? name.n : 40), name.p, s->verb==ORTTO_TRACK ? ", attributes into \"properties\"" : "");
  }
  if( is_present(js_get(r->given, "audience_name")) )
    return refuse(s, r, 400, "ortto: Ortto's API cannot put a contact into an audience: members follow the audience's filter. Set a field or tag "
                  "that the filter asks for, or send to a Segment data source (\"to\":\"segment\")");
  return 1;
}

/* The person's id, email and external id, as text; what is given must be good. */
static int contact_keys(ortto_sending *s, contact *c){
  record *r = c->r;
  const char *ids[] = { "str::email", "str::ei" };
  const int bits[] = { KEY_EMAIL, KEY_EXTERNAL };
  js user = js_get(r->given, "user_id");
  int external = index_get(&s->by_id, "str::ei", 7);
  if( is_present(user) && external>=0 && is_present(c->value[external]) && (c->value[external].n!=user.n || memcmp(c->value[external].p, user.p, user.n)!=0) )
    return refuse(s, r, 400, "ortto: user_id %.*s and external_id %.*s are the same field, and differ", (int)(user.n<60 ? user.n : 60), user.p,
                  (int)(c->value[external].n<60 ? c->value[external].n : 60), c->value[external].p);
  if( is_present(user) && external>=0 && c->value[external].p==NULL ) contact_put(s, c, &s->fields->field[external], user);
  if( is_present(c->person_id) ){
    js id = js_type(c->person_id)=='"' ? unquoted(c->person_id) : c->person_id;
    if( js_type(c->person_id)!='"' || !ortto_is_id(id.p, id.n) )
      return refuse(s, r, 400, "ortto: a%s id is 24 hexadecimal digits, not %.*s", s->verb==ORTTO_UPSERT_ACCOUNTS ? "n account's" : " person's",
                    (int)(c->person_id.n<40 ? c->person_id.n : 40), c->person_id.p);
    r->keys |= KEY_ID;
    if( (r->key[0] = arena_text(&s->memory, id.p, id.n))==NULL ) return refuse(s, r, 0, "out of memory");
  }
  for(int i=0; i<2; i++){
    int at = index_get(&s->by_id, s->verb==ORTTO_UPSERT_ACCOUNTS ? "str:o:name" : ids[i], s->verb==ORTTO_UPSERT_ACCOUNTS ? 10 : strlen(ids[i]));
    if( at<0 || !is_present(c->value[at]) || (i==1 && s->verb==ORTTO_UPSERT_ACCOUNTS) ) continue;
    js v = c->value[at];
    size_t n = v.n;
    const char *text = js_type(v)=='"' ? js_text(&s->memory, v, &n) : v.p;
    if( text==NULL ) return refuse(s, r, 0, "out of memory");
    if( n==0 ) continue;
    r->keys |= bits[i];
    char *copy = arena_text(&s->memory, text, n);
    if( copy==NULL ) return refuse(s, r, 0, "out of memory");
    if( i==0 ) for(char *p=copy; *p; p++) if( *p>='A' && *p<='Z' ) *p = (char)(*p + 32);   /* a server may not tell them apart */
    r->key[i+1] = copy;
  }
  buf other = { 0 };
  for(int i=0; i<s->options->merge_by_count; i++){
    const ortto_field *f = field_named(s, s->options->merge_by[i], strlen(s->options->merge_by[i]), 0);
    int at = f ? (int)(f - s->fields->field) : 0;
    if( f && strcmp(f->id, "str::email")!=0 && strcmp(f->id, "str::ei")!=0 && c->value[at].p ) buf_printf(&other, "%.*s ", (int)c->value[at].n, c->value[at].p);
  }
  int failed = other.failed;
  if( r->keys && other.n ){
    r->key[3] = arena_text(&s->memory, other.p, other.n);
    r->keys |= KEY_OTHER;
    failed |= r->key[3]==NULL;
  }
  buf_free(&other);
  if( failed ) return refuse(s, r, 0, "out of memory");
  r->kinds = r->keys & KEY_ID && s->options->merge_by_count==0 ? KEY_ID : r->keys;
  if( r->keys ) return 1;
  return refuse(s, r, 400, is_present(js_get(r->given, "anonymous_id")) ? "ortto: an anonymous_id alone names nobody at Ortto's API: give an email, a user_id (external id) or an id"
                : s->verb==ORTTO_UPSERT_ACCOUNTS ? "ortto: an account needs its name or its id"
                : "ortto: nobody is named: give an email, a user_id (external id) or an id");
}

static int tags_write(ortto_sending *s, record *r, buf *out, const char *name, js tags){
  js tag;
  if( !is_present(tags) ) return 1;
  if( js_type(tags)!='[' ) return refuse(s, r, 400, "ortto: %s must be a list of names, not %s", name, js_kind(tags));
  js_iter it = js_in(tags);
  while( js_next(&it, NULL, &tag) )
    if( js_type(tag)!='"' || tag.n==2 ) return refuse(s, r, 400, "ortto: %s must be a list of names, but %s is in it", name, tag.n==2 ? "an empty one" : js_kind(tag));
  if( js_next(&(js_iter){ tags.p+1 }, NULL, &tag) ) buf_printf(out, ",\"%s\":%.*s", name, (int)tags.n, tags.p);
  return 1;
}

/* location wins over ip; the API takes it as `custom` [documented]. */
static int location_write(ortto_sending *s, record *r, buf *out){
  static const char *const given[] = { "country", "state", "city", "post_code" }, *const sent[] = { "country", "region", "city", "postal_code" };
  js location = js_get(r->given, "location"), ip = js_get(r->given, "ip"), name, v;
  if( is_present(location) ){
    if( js_type(location)!='{' ) return refuse(s, r, 400, "ortto: location must be an object with country, state, city, post_code, not %s", js_kind(location));
    int any = 0;
    js_iter it = js_in(location);
    size_t before = out->n;
    buf_puts(out, ",\"location\":{\"custom\":{");
    while( js_next(&it, &name, &v) ){
      int i = 0;
      while( i<4 && !js_is(name, given[i]) ) i++;
      if( i==4 ) return refuse(s, r, 400, "ortto: location has no member '%.*s'; it has country, state, city and post_code", (int)(name.n<40 ? name.n : 40), name.p);
      if( !is_present(v) ) continue;
      if( js_type(v)!='"' ) return refuse(s, r, 400, "ortto: location.%s must be text, not %s", given[i], js_kind(v));
      buf_printf(out, "%s\"%s\":%.*s", any++ ? "," : "", sent[i], (int)v.n, v.p);
    }
    buf_puts(out, "}}");
    if( any ) return 1;
    if( out->p ) out->p[out->n = before] = 0;
  }
  if( is_present(ip) ){
    char text[64];
    struct in6_addr address;
    snprintf(text, sizeof text, "%.*s", (int)(ip.n<60 && ip.n>2 ? ip.n-2 : 0), ip.p+1);
    if( js_type(ip)!='"' || (inet_pton(AF_INET, text, &address)!=1 && inet_pton(AF_INET6, text, &address)!=1) )
      return refuse(s, r, 400, "ortto: ip must be an address such as 203.0.113.9, not %.*s", (int)(ip.n<60 ? ip.n : 60), ip.p);
    buf_printf(out, ",\"location\":{\"source_ip\":\"%s\"}", text);
  }
  return 1;
}

/* {"field id":value,...}; *clear gets the multi-selects that are to be set and not added to. */
static int fields_write(ortto_sending *s, contact *c, buf *out, buf *clear){
  int any = 0, merge_id = (c->r->keys & KEY_ID)!=0;
  buf_puts(out, "{");
  if( merge_id ){
    buf_printf(out, "\"%s\":\"%s\"", s->verb==ORTTO_UPSERT_ACCOUNTS ? "str:o:account_id" : "str::person_id", c->r->key[0]);
    any = 1;
  }
  for(int i=0; i<c->ordered; i++){
    const ortto_field *f = &s->fields->field[c->order[i]];
    js v = c->value[c->order[i]];
    if( any++ ) buf_puts(out, ",");
    buf_json(out, f->id);
    buf_puts(out, ":");
    s->encoder.why[0] = 0;
    s->encoder.out = out;
    if( !encode(&s->encoder, f, v) ) return refuse(s, c->r, 400, "ortto: the field %s %s", f->column, s->encoder.why);
    if( strncmp(f->id, "sst:", 4)==0 && s->options->merge_strategy==2 && js_type(v)!='n' ){
      if( clear->n ) buf_puts(clear, ",");
      buf_json(clear, f->id);
      buf_puts(clear, ":true");
    }
  }
  buf_puts(out, "}");
  return 1;
}

/* "str::email","str::ei": given, or by what the record has. An id stands alone. */
static const char *merge_by_of(ortto_sending *s, const record *r){
  const ortto_options *o = s->options;
  if( o->merge_by_count ){
    buf b = { 0 };
    for(int i=0; i<o->merge_by_count; i++){
      const char *name = o->merge_by[i];
      const ortto_field *f = field_named(s, name, strlen(name), 0);
      int is_id = strcmp(name, "id")==0 || strcmp(name, "str::person_id")==0;
      if( i ) buf_puts(&b, ",");
      buf_json(&b, is_id ? "str::person_id" : f ? f->id : name);
    }
    const char *kept = b.failed ? NULL : arena_text(&s->memory, b.p, b.n);
    buf_free(&b);
    return kept;
  }
  if( s->verb==ORTTO_UPSERT_ACCOUNTS ) return r->keys & KEY_ID ? "\"str:o:account_id\"" : "\"str:o:name\"";
  if( r->keys & KEY_ID ) return "\"str::person_id\"";
  if( (r->keys & (KEY_EMAIL|KEY_EXTERNAL))==(KEY_EMAIL|KEY_EXTERNAL) ) return "\"str::email\",\"str::ei\"";
  return r->keys & KEY_EMAIL ? "\"str::email\"" : "\"str::ei\"";
}

static int item_keep(ortto_sending *s, record *r, buf *out){
  if( out->failed ) return refuse(s, r, 0, "out of memory");
  if( out->n>BODY_MAX-1000 ) return refuse(s, r, 413, "ortto: the record is larger than 2 MB");
  r->item = arena_text(&s->memory, out->p, out->n);
  r->item_n = out->n;
  return r->item!=NULL || refuse(s, r, 0, "out of memory");
}

static int activity_write(ortto_sending *s, contact *c, buf *out);

static int contact_write(ortto_sending *s, contact *c){
  record *r = c->r;
  buf *out = &s->scratch, clear = { 0 };
  int ok;
  out->n = 0;
  out->failed = 0;
  if( s->verb==ORTTO_TRACK ) return activity_write(s, c, out);
  buf_puts(out, "{\"fields\":");
  ok = fields_write(s, c, out, &clear)
    && location_write(s, r, out)
    && tags_write(s, r, out, "tags", is_present(js_get(r->given, "tags")) ? inner_json(&s->encoder, js_get(r->given, "tags"), '[') : c->tags)
    && tags_write(s, r, out, "unset_tags", inner_json(&s->encoder, js_get(r->given, "unset_tags"), '['));
  if( ok && clear.n ) buf_printf(out, ",\"clear_fields\":{%s}", clear.p);
  if( clear.failed ) out->failed = 1;
  buf_free(&clear);
  buf_puts(out, "}");
  return ok && (r->merge_by = merge_by_of(s, r))!=NULL && item_keep(s, r, out);
}

static int contact_room(ortto_sending *s, contact *c){
  free(c->value);
  free(c->order);
  c->ordered = 0;
  c->value = calloc((size_t)s->fields->count + 1, sizeof *c->value);
  c->order = calloc((size_t)s->fields->count + 1, sizeof *c->order);
  return c->value && c->order;
}

#define ROUNDS_MAX 300              /* more fields than an account can have are not made for one record */

static int is_raw_event(js given);
static int segment_member_is_refused(js name);
static int raw_map(ortto_sending *s, record *r);

/* The item of the API, or a refusal. ORTTO_OK in both cases. */
static int map_api(ortto_sending *s, record *r){
  contact c = { .r = r };
  int rc = fields_have(s, 0), ok, rounds = 0;
  if( rc!=ORTTO_OK ) return rc;
  if( is_raw_event(r->given) && !raw_map(s, r) ) return ORTTO_OK;
  do{
    r->keys = 0;
    c.person_id = c.tags = (js){ NULL, 0 };
    if( !contact_room(s, &c) ) rc = no_memory(s->endpoint->client);
    ok = rc==ORTTO_OK && members_known(s, r);
    if( ok ) ok = contact_object(s, &c, js_get(r->given, "traits"), 1, "trait");
    if( ok>0 ) ok = contact_object(s, &c, js_get(r->given, "fields"), 0, "field");
    if( ok<0 && ++rounds>ROUNDS_MAX ) ok = refuse(s, r, 400, "ortto: the fields that were made are not in the server's list; try again");
  }while( ok<0 );
  if( ok && contact_keys(s, &c) ) contact_write(s, &c);
  free(c.value);
  free(c.order);
  return rc;
}

/* -- activities for the API -- */

typedef struct activity_type {     /* a definition, from the instance schema */
  const char *id, *name, *fold;    /* fold: the name's letters and digits. An attribute's stand in its column */
  ortto_field *attribute;
  int attributes;
} activity_type;

struct activity_memory {           /* of one account */
  uint64_t identity;
  int64_t at;
  arena memory;
  activity_type *type;
  int count, cap;
};

static void activities_free(struct activity_memory *m){
  if( m==NULL ) return;
  for(int i=0; i<m->count; i++) free(m->type[i].attribute);
  free(m->type);
  arena_free(&m->memory);
  free(m);
}

static int attributes_read(struct activity_memory *m, activity_type *t, js list){
  js item;
  if( js_type(list)!='[' ) return 1;
  t->attribute = calloc((size_t)count_elements(list) + 1, sizeof *t->attribute);
  if( t->attribute==NULL ) return 0;
  js_iter it = js_in(list);
  while( js_next(&it, NULL, &item) ){
    js id = js_get(item, "id");
    ortto_field *f = &t->attribute[t->attributes++];
    f->id = js_cstring(&m->memory, id.p ? id : js_get(item, "field_id"));
    f->name = js_cstring(&m->memory, js_get(item, "name"));
    f->display_type = js_cstring(&m->memory, js_get(item, "display_type"));
    if( f->id==NULL || f->name==NULL || f->display_type==NULL ) return 0;
    f->column = folded(&m->memory, f->name, strlen(f->name));
    f->type = type_of(f->id, f->display_type);
    if( f->column==NULL ) return 0;
  }
  return 1;
}

static int activity_add(struct activity_memory *m, js id, js name, js attributes){
  if( m->count==m->cap ){
    int cap = m->cap ? m->cap*2 : 128;
    activity_type *grown = realloc(m->type, (size_t)cap * sizeof *grown);
    if( grown==NULL ) return 0;
    m->type = grown;
    m->cap = cap;
  }
  activity_type *t = &m->type[m->count++];
  memset(t, 0, sizeof *t);
  t->id = js_cstring(&m->memory, id);
  t->name = js_cstring(&m->memory, name);
  t->fold = t->name ? folded(&m->memory, t->name, strlen(t->name)) : NULL;
  return t->id && t->fold && attributes_read(m, t, attributes);
}

static int activities_schema(struct activity_memory *m, call *c, js answer){
  js spaces = js_get(answer, "namespaces"), space_id, space;
  if( js_type(spaces)!='{' ) return bad_answer(c, "has no object \"namespaces\"");
  js_iter it = js_in(spaces);
  while( js_next(&it, &space_id, &space) ){
    js fields = js_get(space, "fields"), key, field;
    if( js_type(fields)!='{' || js_is(space_id, "oc") || js_is(space_id, "o") ) continue;
    js_iter in = js_in(fields);
    while( js_next(&in, &key, &field) ){
      js id = js_get(field, "id");
      if( js_type(id)!='"' || id.n<7 || memcmp(id.p+1, "act:", 4)!=0 ) continue;
      if( !activity_add(m, id, js_get(field, "name"), js_get(field, "attributes")) ) return no_memory(c->endpoint->client);
    }
  }
  return ORTTO_OK;
}

/* The definitions, read once a minute and client at most. */
static int activities_have(ortto_sending *s, int anew){
  ortto_client *client = s->endpoint->client;
  struct activity_memory *m = client->activities;
  if( m && !anew && m->identity==s->endpoint->identity && now_us()-m->at<60*SECOND ) return ORTTO_OK;
  js answer;
  call *c;
  int rc = call_now(s->endpoint, "/v1/instance-schema/get", strdup("{\"namespaces\":[]}"), "reading the activities' definitions", &c, &answer);
  if( rc==ORTTO_OK && (m = calloc(1, sizeof *m))==NULL ) rc = no_memory(client);
  if( rc==ORTTO_OK ){
    m->identity = s->endpoint->identity;
    m->at = now_us();
    rc = activities_schema(m, c, answer);
    if( rc!=ORTTO_OK ) activities_free(m);
    else{
      activities_free(client->activities);
      client->activities = m;
      s->activities_fresh = 1;
    }
  }
  call_drop(c);
  return rc;
}

static activity_type *activity_named(const struct activity_memory *m, arena *a, const char *name){
  for(int i=0; i<m->count; i++) if( strcmp(m->type[i].id, name)==0 ) return &m->type[i];
  for(int i=0; i<m->count; i++) if( strcmp(m->type[i].name, name)==0 ) return &m->type[i];
  char *fold = folded(a, name, strlen(name));
  for(int i=0; fold && fold[0] && i<m->count; i++) if( strcmp(m->type[i].fold, fold)==0 ) return &m->type[i];
  return NULL;
}

static const char *closest_activity(const struct activity_memory *m, const char *name){
  size_t best = 65;
  const char *closest = "";
  for(int i=0; i<m->count; i++){
    size_t d = edit_distance(name, m->type[i].name);
    if( d<best ){ best = d; closest = m->type[i].name; }
  }
  return closest;
}

/* By id, by name, by name however it is written. int::v is the conversion value, which any activity may have [documented]. */
static const ortto_field *attribute_named(ortto_sending *s, const activity_type *t, const char *name, size_t n){
  static const ortto_field conversion = { "int::v", "Conversion value", "conversion_value", "currency", NULL, ORTTO_REAL, 0, 0, 0, 1, 0 };
  char *fold = folded(&s->memory, name, n);
  for(int i=0; i<t->attributes; i++) if( strlen(t->attribute[i].id)==n && memcmp(t->attribute[i].id, name, n)==0 ) return &t->attribute[i];
  for(int i=0; i<t->attributes; i++) if( strlen(t->attribute[i].name)==n && memcmp(t->attribute[i].name, name, n)==0 ) return &t->attribute[i];
  for(int i=0; fold && fold[0] && i<t->attributes; i++) if( strcmp(t->attribute[i].column, fold)==0 ) return &t->attribute[i];
  return n==6 && memcmp(name, "int::v", 6)==0 ? &conversion : NULL;
}

static const char *closest_attribute(const activity_type *t, const char *name){
  size_t best = 65;
  const char *closest = "";
  for(int i=0; i<t->attributes; i++){
    size_t d = edit_distance(name, t->attribute[i].name);
    if( d<best ){ best = d; closest = t->attribute[i].name; }
  }
  return closest;
}

static int activity_create(ortto_sending *s, record *r, const char *name, js properties);

/* The definition of a record's event. NULL: refused, or *rc. */
static const activity_type *activity_of(ortto_sending *s, record *r, js properties){
  ortto_client *client = s->endpoint->client;
  js event = js_get(r->given, "event");
  if( !is_present(event) || js_type(event)!='"' ){
    refuse(s, r, 400, "ortto: a record needs \"event\": the activity's name or its act: id");
    return NULL;
  }
  const char *name = js_cstring(&s->memory, event);
  if( name==NULL || name[strspn(name, " \t\r\n")]==0 ){
    refuse(s, r, 400, "Missing event name");
    return NULL;
  }
  for(int round=0; round<3; round++){
    int rc = activities_have(s, round==1);
    if( rc!=ORTTO_OK ){
      refuse_by_call(s, r, NULL, rc);
      return NULL;
    }
    activity_type *t = activity_named(client->activities, &s->memory, name);
    if( t ) return t;
    if( round==0 && s->activities_fresh ) round = 1;
    if( round==1 && (!s->options->create || !activity_create(s, r, name, properties)) ) break;
  }
  if( r->outcome.status<0 && strncmp(name, "act:", 4)==0 )
    refuse(s, r, 400, "ortto: there is no activity with the id '%.60s'; ids stand in Ortto beside the activity, or give its name", name);
  else if( r->outcome.status<0 )
    refuse(s, r, 400, "ortto: there is no activity '%.60s'; the closest is '%s'. Make it in Ortto, or with the option \"create\":true", name, closest_activity(client->activities, name));
  return NULL;
}

static int attributes_write(ortto_sending *s, record *r, const activity_type *t, js properties, buf *out){
  const ortto_field *given[ATTRIBUTES_MAX];
  js name, v;
  int count = 0;
  buf_puts(out, "{");
  js_iter it = js_in(properties);
  while( is_present(properties) && js_next(&it, &name, &v) ){
    size_t n;
    const char *text = text_clean(&s->memory, name.p, name.n, 1, &n);
    const ortto_field *f = text ? attribute_named(s, t, text, n) : NULL;
    if( f==NULL && s->options->create && js_type(v)=='n' ) continue;   /* null did not tell of which type to make it */
    if( f==NULL ){
      char key[80];
      snprintf(key, sizeof key, "%.*s", (int)(n<79 ? n : 79), text ? text : "");
      return refuse(s, r, 400, "ortto: the activity '%s' has no attribute '%s'%s%s%s; attributes cannot be added to an activity that exists", t->name, key,
                    t->attributes ? "; the closest is '" : "", closest_attribute(t, key), t->attributes ? "'" : "");
    }
    if( js_type(v)=='n' ) continue;
    for(int i=0; i<count && i<ATTRIBUTES_MAX; i++) if( given[i]==f ) return refuse(s, r, 400, "ortto: the attribute '%s' is given twice", f->name);
    if( count<ATTRIBUTES_MAX ) given[count] = f;
    if( ++count>ATTRIBUTES_MAX ) return refuse(s, r, 400, "ortto: an activity takes at most %d attributes", ATTRIBUTES_MAX);
    if( count>1 ) buf_puts(out, ",");
    buf_json(out, f->id);
    buf_puts(out, ":");
    s->encoder.out = out;
    if( !encode(&s->encoder, f, v) ) return refuse(s, r, 400, "ortto: the attribute '%s' %s", f->name, s->encoder.why);
  }
  buf_puts(out, "}");
  return 1;
}

/* A time and an id make a delivery that is repeated the same event. */
static const char *own_time(arena *a){
  struct timespec t;
  struct tm utc;
  char text[40];
  clock_gettime(CLOCK_REALTIME, &t);
  gmtime_r(&t.tv_sec, &utc);
  strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  return arena_printf(a, "%s.%03dZ", text, (int)(t.tv_nsec/1000000));
}

static const char *own_id(ortto_sending *s){
  unsigned char b[16];
  if( getentropy(b, sizeof b)!=0 )
    for(int i=0; i<16; i++) b[i] = (unsigned char)(random_unit(s->endpoint->client) * 256);
  b[6] = (unsigned char)((b[6] & 0x0F) | 0x40);
  b[8] = (unsigned char)((b[8] & 0x3F) | 0x80);
  return arena_printf(&s->memory, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7],
                      b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

static int activity_when(ortto_sending *s, record *r, buf *out){
  js timestamp = js_get(r->given, "timestamp"), id = js_get(r->given, "message_id");
  const char *when = own_time(&s->memory);
  size_t n;
  if( is_present(timestamp) ){
    const char *text = js_type(timestamp)=='"' ? js_text(&s->memory, timestamp, &n) : NULL;
    when = text ? time_read(&s->memory, text, n) : NULL;
    if( when==NULL ) return refuse(s, r, 400, "ortto: timestamp must be a time such as 2025-11-04T19:10:31Z, not %.*s", (int)(timestamp.n<50 ? timestamp.n : 50), timestamp.p);
  }
  if( is_present(id) && js_type(id)!='"' ) return refuse(s, r, 400, "ortto: message_id must be text, not %s", js_kind(id));
  buf_printf(out, ",\"created\":\"%s\"", when ? when : "");
  if( is_present(id) && id.n>2 ) buf_printf(out, ",\"key\":%.*s", (int)id.n, id.p);
  else{
    const char *key = own_id(s);
    if( key==NULL || when==NULL ) return refuse(s, r, 0, "out of memory");
    buf_printf(out, ",\"key\":\"%s\"", key);
  }
  return 1;
}

/* With the person's id alone no merge is needed; the id with further fields is a merge by the id, since fields beside a
** person_id are ignored [documented]. */
static int activity_write(ortto_sending *s, contact *c, buf *out){
  record *r = c->r;
  js properties = js_get(r->given, "properties");
  if( is_present(properties) ) properties = inner_json(&s->encoder, properties, '{');
  if( is_present(properties) && js_type(properties)!='{' ) return refuse(s, r, 400, "ortto: properties must be an object, not %s", js_kind(properties));
  const activity_type *t = activity_of(s, r, properties);
  if( t==NULL ) return 0;
  buf clear = { 0 };
  buf_puts(out, "{\"activity_id\":");
  buf_json(out, t->id);
  buf_puts(out, ",\"attributes\":");
  if( !attributes_write(s, r, t, properties, out) ) return 0;
  if( r->keys==KEY_ID && c->ordered==0 && s->options->merge_by_count==0 ){
    buf_printf(out, ",\"person_id\":\"%s\"", r->key[0]);
    r->merge_by = "";
  }else{
    buf_puts(out, ",\"fields\":");
    int ok = fields_write(s, c, out, &clear);
    buf_free(&clear);
    if( !ok ) return 0;
    r->merge_by = merge_by_of(s, r);
  }
  r->unordered = 1;
  for(int i=0; i<c->ordered; i++){
    const char *id = s->fields->field[c->order[i]].id;
    if( strcmp(id, "str::email")!=0 && strcmp(id, "str::ei")!=0 ) r->unordered = 0;
  }
  if( !activity_when(s, r, out) || !location_write(s, r, out) ) return 0;
  buf_puts(out, "}");
  if( out->n>ACTIVITY_MAX ) return refuse(s, r, 400, "ortto: the activity has %zu bytes, where Ortto takes %d", out->n, ACTIVITY_MAX);
  return item_keep(s, r, out);
}

/* -- making what is missing -- */

/* Ortto's type for a value; NULL if it tells none. */
static const char *type_for(ortto_sending *s, js v){
  size_t n;
  int64_t i;
  int year, month, day;
  const char *text;
  switch( js_type(v) ){
    case 0: return js_integer(v, &i) ? "integer" : "decimal";
    case 't': case 'f': return "bool";
    case '{': return "object";
    case '"':
      if( (text = js_text(&s->memory, v, &n))==NULL ) return NULL;
      if( n==10 && date_read(text, n, &year, &month, &day) ) return "date";
      if( n>10 && (text[10]=='T' || text[10]==' ') && time_read(&s->memory, text, n) ) return "time";
      return characters(text, n)>TEXT_MAX ? "large_text" : "text";
    case '[': return "multi_select";
    default: return NULL;
  }
}

/* A refusal that says that it exists already is as good as success: it is looked up. */
static int create_send(ortto_sending *s, record *r, const char *path, char *body, const char *doing){
  call *c = call_new(s->endpoint, "POST", path, body, 0, doing);
  int rc = c ? call_wait(c) : ORTTO_NOMEM;
  int there = c && (c->status==409 || c->status==423 || (c->status==400 && c->error && strstr(c->error, "exist")));
  int ok = rc==ORTTO_OK || there || refuse_by_call(s, r, c, rc);
  call_drop(c);
  return ok;
}

static char *folded(arena *a, const char *text, size_t n);

/* What could not be made is not asked for again in the same call. 1: it was refused before, and so is this record. */
static int refused_before(ortto_sending *s, record *r, const char *what){
  const char *key = folded(&s->memory, what, strlen(what));
  int at = key ? index_get(&s->refused, key, strlen(key)) : -1;
  if( at<0 ) return 0;
  r->item = NULL;
  outcome_set(r, s->record[at].outcome.status, s->record[at].outcome.errortype, s->record[at].outcome.message);
  return 1;
}

static int refused_remember(ortto_sending *s, const record *r, const char *what){
  const char *key = folded(&s->memory, what, strlen(what));
  if( key ) index_put(&s->refused, key, strlen(key), (int)(r - s->record));
  return 0;
}

/* Both types in one: what takes the values of either. NULL says nothing. */
static const char *type_both(const char *a, const char *b){
  static const char *const numbers[] = { "integer", "decimal" }, *const texts[] = { "text", "large_text" };
  if( a==NULL || b==NULL ) return a ? a : b;
  if( strcmp(a, b)==0 ) return a;
  int number = 0, text = 0;
  for(int i=0; i<2; i++){
    number += (strcmp(a, numbers[i])==0) + (strcmp(b, numbers[i])==0);
    text += strcmp(a, texts[i])==0 ? i : 0;
    text += strcmp(b, texts[i])==0 ? i : 0;
  }
  return number==2 ? "decimal" : text ? "large_text" : "text";
}

/* The type of all values that the records of this call have under that name; for lists their choices, each once. */
static const char *type_of_all(ortto_sending *s, const char *name, size_t n, cJSON *choices){
  static const char *const places[] = { "traits", "fields" };
  const char *type = NULL;
  js key, v, item;
  for(int i=0; i<s->count; i++) for(int k=0; k<2; k++){
    js object = inner_json(&s->encoder, js_get(s->record[i].given, places[k]), '{');
    if( js_type(object)!='{' ) continue;
    for(js_iter it = js_in(object); js_next(&it, &key, &v); ){
      size_t m = key.n;
      const char *text = memchr(key.p, '\\', key.n) ? text_clean(&s->memory, key.p, key.n, 1, &m) : key.p;
      if( text==NULL || m!=n || memcmp(text, name, n)!=0 ) continue;
      type = type_both(type, type_for(s, v));
      if( js_type(v)!='[' ) continue;
      for(js_iter in = js_in(v); js_next(&in, NULL, &item); ){
        const char *choice = js_type(item)=='"' ? js_cstring(&s->memory, item) : NULL;
        int there = choice==NULL;
        for(const cJSON *c=choices->child; c && !there; c=c->next) there = strcmp(c->valuestring, choice)==0;
        if( !there && !cJSON_AddItemToArray(choices, cJSON_CreateString(choice)) ) return NULL;
      }
    }
  }
  return type;
}

static int field_create(ortto_sending *s, record *r, const char *name, size_t n, js v, const ortto_field **out){
  char key[256];
  *out = NULL;
  if( n>=sizeof key ) return refuse(s, r, 400, "ortto: the name of a field is too long to make one of it");
  snprintf(key, sizeof key, "%.*s", (int)n, name);
  if( memchr(name, ':', n) ) return refuse(s, r, 400, "ortto: there is no field '%s', and only a field's name can be made a new one, not an id", key);
  if( refused_before(s, r, key) ) return 0;
  cJSON *o = cJSON_CreateObject(), *choices = cJSON_CreateArray();
  const char *type = choices ? type_both(type_of_all(s, name, n, choices), type_for(s, v)) : NULL;
  if( type==NULL ){
    cJSON_Delete(o);
    cJSON_Delete(choices);
    return refuse(s, r, 400, "ortto: there is no field '%s', and null does not tell of which type to make it", key);
  }
  int ok = o && cJSON_AddStringToObject(o, "type", type) && cJSON_AddStringToObject(o, "name", key);
  if( ok && strcmp(type, "multi_select")==0 && (ok = cJSON_AddItemToObject(o, "values", choices)) ) choices = NULL;
  char *text = ok ? cJSON_PrintUnformatted(o) : NULL, *body = text_copy(text);
  cJSON_free(text);
  cJSON_Delete(o);
  cJSON_Delete(choices);
  const char *path = s->verb==ORTTO_UPSERT_ACCOUNTS ? "/v1/accounts/custom-field/create" : "/v1/person/custom-field/create";
  if( !create_send(s, r, path, body, "making a custom field") ) return refused_remember(s, r, key);
  int rc = fields_have(s, 1);
  if( rc!=ORTTO_OK ) return refuse_by_call(s, r, NULL, rc);
  if( field_named(s, name, n, 1) ) return 1;
  return refuse(s, r, 400, "ortto: a custom field '%s' was made, but is not in the server's list; try again", key);
}

/* One name, however it is written? */
static int same_name(arena *a, const char *x, const char *y){
  const char *p = folded(a, x, strlen(x)), *q = folded(a, y, strlen(y));
  return p && q && (strcmp(x, y)==0 || (p[0] && strcmp(p, q)==0));
}

/* The attributes that the records of this call give to that activity: name to type, in the order they come. */
static int attributes_of_all(ortto_sending *s, const char *name, cJSON *list){
  js key, v;
  for(int i=0; i<s->count; i++){
    const char *event = js_cstring(&s->memory, js_get(s->record[i].given, "event"));
    js properties = js_get(s->record[i].given, "properties");
    if( event==NULL || !same_name(&s->memory, event, name) || js_type(properties)!='{' ) continue;
    for(js_iter it = js_in(properties); js_next(&it, &key, &v); ){
      const char *label = js_cstring(&s->memory, (js){ key.p-1, key.n+2 }), *type = js_type(v)=='[' ? "text_list" : type_for(s, v);
      if( label==NULL ) return 0;
      if( type==NULL || label[0]==0 || strcmp(label, "int::v")==0 ) continue;
      cJSON *there = list->child;
      while( there && !same_name(&s->memory, cJSON_GetObjectItemCaseSensitive(there, "name")->valuestring, label) ) there = there->next;
      if( there ){
        const char *both = type_both(cJSON_GetObjectItemCaseSensitive(there, "display_type")->valuestring, type);
        if( !cJSON_ReplaceItemInObjectCaseSensitive(there, "display_type", cJSON_CreateString(both)) ) return 0;
        continue;
      }
      cJSON *one = cJSON_CreateObject();
      if( !one || !cJSON_AddStringToObject(one, "name", label) || !cJSON_AddStringToObject(one, "display_type", type)
       || !cJSON_AddStringToObject(one, "field_id", "do-not-map") || !cJSON_AddItemToArray(list, one) ){
        cJSON_Delete(one);
        return 0;
      }
    }
  }
  return 1;
}

static int activity_create(ortto_sending *s, record *r, const char *name, js properties){
  cJSON *o = cJSON_CreateObject(), *list = o ? cJSON_AddArrayToObject(o, "attributes") : NULL;
  js key, v;
  int attributes = 0;
  for(js_iter count = js_in(properties); is_present(properties) && js_next(&count, &key, &v); ) attributes += js_type(v)!='n';
  if( strncmp(name, "act:", 4)==0 || attributes>ATTRIBUTES_MAX || properties.n>ACTIVITY_MAX ){
    cJSON_Delete(o);
    if( strncmp(name, "act:", 4)==0 ) return 0;
    return attributes>ATTRIBUTES_MAX ? refuse(s, r, 400, "ortto: an activity takes at most %d attributes", ATTRIBUTES_MAX)
                                     : refuse(s, r, 400, "ortto: the activity has more than %d bytes, which is what Ortto takes", ACTIVITY_MAX);
  }
  int ok = list && cJSON_AddStringToObject(o, "name", name) && cJSON_AddStringToObject(o, "icon_id", "moneys-illustration-icon")
        && cJSON_AddBoolToObject(o, "track_conversion_value", 0) && cJSON_AddBoolToObject(o, "touch", 1)
        && cJSON_AddBoolToObject(o, "filterable", 1) && cJSON_AddBoolToObject(o, "visible_in_feeds", 1);
  cJSON *style = ok ? cJSON_AddObjectToObject(o, "display_style") : NULL;
  ok = style && cJSON_AddStringToObject(style, "type", "activity");
  ok = ok && attributes_of_all(s, name, list) && cJSON_GetArraySize(list)<=ATTRIBUTES_MAX;
  char *text = ok ? cJSON_PrintUnformatted(o) : NULL, *body = text_copy(text);
  cJSON_free(text);
  cJSON_Delete(o);
  if( refused_before(s, r, name) ){
    free(body);
    return 0;
  }
  if( !create_send(s, r, "/v1/definitions/activity/create", body, "making an activity definition") ) return refused_remember(s, r, name);
  int rc = activities_have(s, 1);
  return rc==ORTTO_OK || refuse_by_call(s, r, NULL, rc);
}

/* -- items for a Segment data source -- */

/* A copy without the members whose name is empty, in all objects but those in lists [seen in Segment's client]. */
static void clean_write(buf *out, js v){
  js name, member;
  int any = 0;
  if( js_type(v)!='{' ){
    buf_add(out, v.p, v.n);
    return;
  }
  buf_puts(out, "{");
  js_iter it = js_in(v);
  while( js_next(&it, &name, &member) ){
    if( name.n==0 ) continue;
    buf_printf(out, "%s\"%.*s\":", any++ ? "," : "", (int)name.n, name.p);
    clean_write(out, member);
  }
  buf_puts(out, "}");
}

static void member_write(buf *out, const char *name, js v){
  if( v.p==NULL ) return;
  buf_printf(out, "%s\"%s\":", out->n>1 ? "," : "", name);
  clean_write(out, v);
}

static int is_blank_text(ortto_sending *s, js v){
  const char *text = js_type(v)=='"' ? js_cstring(&s->memory, v) : NULL;
  return text && text[strspn(text, " \t\n\v\f\r")]==0;
}

/* A raw event is mapped as Segment's presets do it; ids, event and address of its own are demanded here. */
static int is_raw_event(js given){
  js type = js_get(given, "type");
  return js_type(type)=='"' && (js_is(unquoted(type), "identify") || js_is(unquoted(type), "track"))
      && js_get(given, "user_id").p==NULL && js_get(given, "anonymous_id").p==NULL;
}

static js js_path(js v, const char *a, const char *b, const char *c){
  v = js_get(v, a);
  if( b && v.p ) v = js_get(v, b);
  if( c && v.p ) v = js_get(v, c);
  return v;
}

static int raw_ip(ortto_sending *s, record *r, js ip){
  char text[64];
  struct in_addr address;
  if( !is_present(ip) ) return 1;
  snprintf(text, sizeof text, "%.*s", (int)(ip.n>2 && ip.n<40 ? ip.n-2 : 0), ip.p+1);
  return (js_type(ip)=='"' && inet_pton(AF_INET, text, &address)==1) || refuse(s, r, 400, "ortto: context.ip is no IPv4 address: %.*s", (int)(ip.n<50 ? ip.n : 50), ip.p);
}

/* The event as a record with our own names, in s->memory. 0: refused. */
static int raw_map(ortto_sending *s, record *r){
  static const char *const from[] = { "country", "state", "city", "postal_code" }, *const to[] = { "country", "state", "city", "post_code" };
  js g = r->given, ip = js_path(g, "context", "ip", NULL), traits = js_get(g, "traits"), mode = js_get(g, "audience_update_mode");
  int track = js_is(unquoted(js_get(g, "type")), "track");
  buf *out = &s->scratch, place = { 0 };
  js name, v;
  for(js_iter it = js_in(g); js_next(&it, &name, &v); ) if( segment_member_is_refused(name) )
    return refuse(s, r, 400, "ortto: an event of Segment's has no member \"%.*s\": put it into \"traits\", or write a record of ortto_upsert's own form", (int)name.n, name.p);
  if( track!=(s->verb==ORTTO_TRACK) ) return refuse(s, r, 400, "ortto: this is %s event: use %s", track ? "a track" : "an identify", track ? "ortto_track" : "ortto_upsert");
  if( !is_present(js_get(g, "userId")) && !is_present(js_get(g, "anonymousId")) ) return refuse(s, r, 400, "ortto: the event has neither userId nor anonymousId");
  if( track && !is_present(js_get(g, "event")) ) return refuse(s, r, 400, "Missing event name");
  if( !raw_ip(s, r, ip) ) return 0;
  out->n = 0;
  out->failed = 0;
  buf_puts(out, "{");
  member_write(out, "timestamp", js_get(g, "timestamp"));
  member_write(out, "message_id", js_get(g, "messageId"));
  member_write(out, "user_id", js_get(g, "userId"));
  member_write(out, "anonymous_id", js_get(g, "anonymousId"));
  member_write(out, "enable_batching", (js){ "true", 4 });
  member_write(out, "ip", ip);
  buf_puts(&place, "{");
  for(int i=0; i<4; i++){
    js part = js_path(g, "traits", "address", from[i]);
    if( !is_present(part) ) part = js_path(js_get(g, "context"), "traits", "address", from[i]);
    member_write(&place, to[i], part);
  }
  buf_puts(&place, "}");
  if( !place.failed ) member_write(out, "location", (js){ place.p, place.n });
  member_write(out, "traits", is_present(traits) ? traits : js_path(g, "context", "traits", NULL));
  if( track ){
    member_write(out, "event", js_get(g, "event"));
    member_write(out, "namespace", js_path(g, "context", "app", "namespace"));
    member_write(out, "properties", js_get(g, "properties"));
  }
  member_write(out, "audience_name", js_get(g, "audience_name"));
  member_write(out, "audience_update_mode", mode.p ? mode : (js){ "\"add\"", 5 });
  member_write(out, "batch_size", (js){ "500", 3 });
  buf_puts(out, "}");
  int ok = !out->failed && !place.failed;
  buf_free(&place);
  char *text = ok ? arena_text(&s->memory, out->p, out->n) : NULL;
  if( text==NULL || !json_check(text, out->n, &r->given) ) return refuse(s, r, 0, "out of memory");
  return 1;
}

/* The audience of that name, looked up or made once per client. NULL: refused. */
static const char *audience_of(ortto_sending *s, record *r, js name){
  ortto_client *client = s->endpoint->client;
  const char *text = js_cstring(&s->memory, name);
  if( text ) text += strspn(text, " \t\r\n");
  size_t n = text ? strlen(text) : 0;
  while( n && strchr(" \t\r\n", text[n-1]) ) n--;
  if( n==0 ){
    refuse(s, r, 400, "ortto: audience_name must not be empty");
    return NULL;
  }
  char *key = arena_printf(&s->memory, "%016llx %.*s", (unsigned long long)s->endpoint->identity, (int)n, text);
  for(int i=0; key && i<client->audience_count; i++) if( strcmp(client->audience[i].name, key)==0 ) return client->audience[i].id;
  if( key && refused_before(s, r, key) ) return NULL;
  cJSON *o = cJSON_CreateObject();
  int ok = key && o && cJSON_AddStringToObject(o, "name", key+17);
  char *printed = ok ? cJSON_PrintUnformatted(o) : NULL, *body = text_copy(printed);
  cJSON_free(printed);
  cJSON_Delete(o);
  js answer;
  call *c = call_new(s->endpoint, "POST", "/v1/audiences/create", body, 0, "looking up the audience");
  int rc = c ? call_wait(c) : ORTTO_NOMEM;
  if( rc==ORTTO_OK ) rc = answer_json(c, &answer);
  char *id = rc==ORTTO_OK ? js_cstring(&s->memory, js_get(answer, "id")) : NULL;
  if( rc==ORTTO_OK && (id==NULL || id[0]==0) ) rc = bad_answer(c, "has no id of the audience");
  if( rc!=ORTTO_OK ){
    refuse_by_call(s, r, c, rc);
    refused_remember(s, r, key ? key : "");
  }
  call_drop(c);
  if( rc!=ORTTO_OK ) return NULL;
  audience_memory *grown = realloc(client->audience, ((size_t)client->audience_count + 1) * sizeof *grown);
  if( grown ) client->audience = grown;
  if( grown && key && id ){
    audience_memory *m = &grown[client->audience_count];
    m->name = strdup(key);
    m->id = strdup(id);
    if( m->name && m->id ) client->audience_count++;
    else{ free(m->name); free(m->id); }
  }
  return id;
}

static int segment_audience(ortto_sending *s, record *r, buf *out){
  js name = js_get(r->given, "audience_name"), mode = js_get(r->given, "audience_update_mode");
  if( !is_present(name) ) return 1;
  if( js_type(name)!='"' ) return refuse(s, r, 400, "ortto: audience_name must be text, not %s", js_kind(name));
  if( is_present(mode) && !(js_type(mode)=='"' && (js_is(unquoted(mode), "add") || js_is(unquoted(mode), "remove"))) )
    return refuse(s, r, 400, "ortto: audience_update_mode must be 'add' or 'remove', not %.*s", (int)(mode.n<40 ? mode.n : 40), mode.p);
  const char *id = audience_of(s, r, name);
  if( id==NULL ) return 0;
  buf_printf(out, "%s\"audience\":{\"mode\":%s,\"id\":\"%s\"}", out->n>1 ? "," : "", is_present(mode) && js_is(mode, "\"remove\"") ? "\"remove\"" : "\"add\"", id);
  return 1;
}

static int segment_event(ortto_sending *s, record *r, int *ignored){
  js event = js_get(r->given, "event"), space = js_get(r->given, "namespace");
  *ignored = 0;
  if( s->verb!=ORTTO_TRACK ) return 1;
  if( !is_present(event) || is_blank_text(s, event) ) return refuse(s, r, 400, "Missing event name");
  if( js_type(space)=='"' && js_is(unquoted(space), "ortto.com") ){   /* it came from Ortto: a loop */
    const char *name = js_cstring(&s->memory, event);
    char text[300];
    snprintf(text, sizeof text, "%.200s was originated from ortto.com (Ignored)", name ? name : "");
    r->item = NULL;
    r->outcome.status = 200;
    r->outcome.body = keep(s, text);
    *ignored = 1;
  }
  return 1;
}

static int segment_member_is_refused(js name){
  return js_is(name, "fields") || js_is(name, "tags") || js_is(name, "unset_tags");
}

/* What names the contact, for the order of batches. */
static void segment_keys(ortto_sending *s, record *r){
  const struct { int bit; js v; } keys[] = { { KEY_EXTERNAL, js_get(r->given, "user_id") }, { KEY_OTHER, js_get(r->given, "anonymous_id") },
                                             { KEY_EMAIL, js_path(r->given, "traits", "email", NULL) } };
  for(int i=0; i<3; i++) if( is_present(keys[i].v) ){
    int at = keys[i].bit==KEY_EMAIL ? 1 : keys[i].bit==KEY_EXTERNAL ? 2 : 3;
    r->key[at] = arena_text(&s->memory, keys[i].v.p, keys[i].v.n);
    if( r->key[at] ) r->keys |= keys[i].bit;
  }
  r->kinds = r->keys;
}

static int map_segment(ortto_sending *s, record *r){
  js name, v;
  int ignored;
  buf *out = &s->scratch;
  if( is_raw_event(r->given) && !raw_map(s, r) ) return ORTTO_OK;
  js_iter it = js_in(r->given);
  while( js_next(&it, &name, &v) ) if( segment_member_is_refused(name) ){
    refuse(s, r, 400, "ortto: \"%.*s\" belongs to Ortto's API; a Segment data source takes \"traits\". Leave it out, or say \"to\":\"api\"", (int)name.n, name.p);
    return ORTTO_OK;
  }
  if( !segment_event(s, r, &ignored) || ignored ) return ORTTO_OK;
  out->n = 0;
  out->failed = 0;
  buf_puts(out, "{");
  it = js_in(r->given);
  while( js_next(&it, &name, &v) ){
    if( name.n==0 || js_is(name, "audience_name") ) continue;
    if( s->verb==ORTTO_TRACK && js_type(v)=='n' && (js_is(name, "timestamp") || js_is(name, "message_id")) ) continue;   /* ours comes below */
    buf_printf(out, "%s\"%.*s\":", out->n>1 ? "," : "", (int)name.n, name.p);
    clean_write(out, v);
  }
  if( s->verb==ORTTO_TRACK && !is_present(js_get(r->given, "timestamp")) )
    buf_printf(out, "%s\"timestamp\":\"%s\"", out->n>1 ? "," : "", own_time(&s->memory));
  if( s->verb==ORTTO_TRACK && !is_present(js_get(r->given, "message_id")) )
    buf_printf(out, "%s\"message_id\":\"%s\"", out->n>1 ? "," : "", own_id(s));
  if( !segment_audience(s, r, out) ) return ORTTO_OK;
  buf_puts(out, "}");
  segment_keys(s, r);
  r->merge_by = "";
  item_keep(s, r, out);
  return ORTTO_OK;
}

/* -- batches -- */

typedef struct batch {
  int *member, count;              /* places in record[] */
  size_t bytes;
  int round, conflicts;            /* conflicts: answers of 409 so far */
  call *call;
} batch;

typedef struct batches {
  batch *list;
  int count, cap;
} batches;

static batch *batch_new(batches *all, int round){
  if( all->count==all->cap ){
    int cap = all->cap ? all->cap*2 : 64;
    batch *grown = realloc(all->list, (size_t)cap * sizeof *grown);
    if( grown==NULL ) return NULL;
    all->list = grown;
    all->cap = cap;
  }
  batch *b = &all->list[all->count++];
  memset(b, 0, sizeof *b);
  b->round = round;
  return b;
}

static int batch_add(batch *b, int place, size_t bytes){
  if( (b->count & (b->count - 1))==0 ){          /* room doubles */
    int *grown = realloc(b->member, (size_t)(b->count ? b->count*2 : 1) * sizeof *grown);
    if( grown==NULL ) return 0;
    b->member = grown;
  }
  b->member[b->count++] = place;
  b->bytes += bytes + 1;
  return 1;
}

static void batches_free(batches *all){
  for(int i=0; i<all->count; i++){
    call_drop(all->list[i].call);
    free(all->list[i].member);
  }
  free(all->list);
}

/* When was this contact, or one that may be it, written last? Keys of one kind tell contacts apart; records that have no
** kind of key in common may be the same contact. */
typedef struct contacts_seen {
  index_map by_key;                /* "bit text" to round */
  int last[16];                    /* by the kinds of keys */
  arena memory;
} contacts_seen;

static int round_after(contacts_seen *seen, const record *r){
  int after = 0;
  char bit[2] = "0";
  for(int i=0; i<4; i++) if( r->key[i] ){
    bit[0] = (char)('0' + i);
    char *key = arena_printf(&seen->memory, "%s%s", bit, r->key[i]);
    int round = key ? index_get(&seen->by_key, key, strlen(key)) : 0;
    if( round>after ) after = round;
  }
  for(int kinds=1; kinds<16; kinds++) if( (kinds & r->kinds)==0 && seen->last[kinds]>after ) after = seen->last[kinds];
  return after;
}

static int round_put(contacts_seen *seen, const record *r, int round){
  for(int i=0; i<4; i++) if( r->key[i] ){
    char *key = arena_printf(&seen->memory, "%c%s", '0' + i, r->key[i]);
    if( key==NULL || !index_put(&seen->by_key, key, strlen(key), round) ) return 0;
  }
  if( r->kinds && seen->last[r->kinds]<round ) seen->last[r->kinds] = round;
  return 1;
}

static int most_of(const ortto_sending *s){
  if( s->options->one_by_one ) return 1;
  return s->endpoint->protocol==ORTTO_SEGMENT ? BATCH_SEGMENT : BATCH_API;
}

/* The API: no contact twice in a request, so that nothing hangs on the order inside it; records with the same merge_by
** and round go together. */
static int batches_api(ortto_sending *s, batches *all){
  contacts_seen seen = { 0 };
  index_map open = { 0 };                        /* "round merge_by" to the batch being filled */
  int ok = 1, most = most_of(s);
  for(int i=0; ok && i<s->count; i++){
    record *r = &s->record[i];
    if( !is_open(r) ) continue;
    r->round = r->unordered ? 1 : round_after(&seen, r) + 1;
    char *key = arena_printf(&s->memory, "%d %s", r->round, r->merge_by);
    int at = key ? index_get(&open, key, strlen(key)) : -1;
    batch *b = at<0 ? NULL : &all->list[at];
    if( b==NULL || b->count>=most || b->bytes+r->item_n>BODY_MAX-1000 ){
      ok = key && (b = batch_new(all, r->round))!=NULL && index_put(&open, key, strlen(key), all->count-1);
    }
    ok = ok && batch_add(b, i, r->item_n) && (r->unordered || round_put(&seen, r, r->round));
  }
  index_free(&open);
  index_free(&seen.by_key);
  arena_free(&seen.memory);
  return ok;
}

/* Segment's endpoint takes events in their order: requests are filled in it, and one that may be about a contact of an
** earlier one waits for that. */
static int batches_segment(ortto_sending *s, batches *all){
  contacts_seen seen = { 0 };
  int ok = 1, most = most_of(s), first = -1;
  for(int i=0; ok && i<=s->count; i++){
    const record *r = i<s->count ? &s->record[i] : NULL;
    if( r && !is_open(r) ) continue;
    batch *b = first<0 ? NULL : &all->list[first];
    if( b && (r==NULL || b->count>=most || b->bytes+r->item_n>BODY_MAX-1000) ){
      int round = 0;
      for(int k=0; k<b->count; k++){
        int after = round_after(&seen, &s->record[b->member[k]]);
        if( after>round ) round = after;
      }
      b->round = round + 1;
      for(int k=0; ok && k<b->count; k++) ok = round_put(&seen, &s->record[b->member[k]], b->round);
      b = NULL;
    }
    if( r==NULL ) break;
    if( b==NULL ){
      ok = ok && (b = batch_new(all, 1))!=NULL;
      first = all->count - 1;
    }
    ok = ok && batch_add(b, i, r->item_n);
  }
  index_free(&seen.by_key);
  arena_free(&seen.memory);
  return ok;
}

static const char *write_path(const ortto_sending *s){
  if( s->endpoint->protocol==ORTTO_SEGMENT ) return s->verb==ORTTO_TRACK ? "/v1/track" : "/v1/identify";
  switch( s->verb ){
    case ORTTO_TRACK: return "/v1/activities/create";
    case ORTTO_UPSERT_ACCOUNTS: return "/v1/accounts/merge";
    case ORTTO_ARCHIVE: return "/v1/person/archive";
    case ORTTO_ARCHIVE_ACCOUNTS: return "/v1/accounts/archive";
    default: return "/v1/person/merge";
  }
}

static int is_archive(const ortto_sending *s){
  return s->verb==ORTTO_ARCHIVE || s->verb==ORTTO_ARCHIVE_ACCOUNTS;
}

static const char *items_member(const ortto_sending *s){
  if( is_archive(s) ) return "inclusion_ids";
  return s->verb==ORTTO_TRACK ? "activities" : s->verb==ORTTO_UPSERT_ACCOUNTS ? "accounts" : "people";
}

static void body_options(const ortto_sending *s, const record *r, buf *b){
  const ortto_options *o = s->options;
  if( r->merge_by[0] ) buf_printf(b, ",\"merge_by\":[%s]", r->merge_by);
  if( r->merge_by[0] || s->verb!=ORTTO_TRACK ) buf_printf(b, ",\"merge_strategy\":%d", o->merge_strategy);
  if( s->verb!=ORTTO_TRACK || o->find_strategy>=0 ) buf_printf(b, ",\"find_strategy\":%d", o->find_strategy<0 ? 0 : o->find_strategy);
  buf_printf(b, ",\"async\":%s", o->async ? "true" : "false");
  if( o->skip_non_existing ) buf_puts(b, ",\"skip_non_existing\":true");
  if( s->suppression ){
    buf_puts(b, ",\"suppression_list_field_id\":");
    buf_json(b, s->suppression);
  }
}

static char *batch_body(const ortto_sending *s, const batch *b){
  buf body = { 0 };
  int segment = s->endpoint->protocol==ORTTO_SEGMENT;
  if( segment ) buf_puts(&body, "[");
  else buf_printf(&body, "{\"%s\":[", items_member(s));
  for(int i=0; i<b->count; i++){
    if( i ) buf_puts(&body, ",");
    buf_add(&body, s->record[b->member[i]].item, s->record[b->member[i]].item_n);
  }
  buf_puts(&body, "]");
  if( !segment && !is_archive(s) ) body_options(s, &s->record[b->member[0]], &body);
  if( !segment ) buf_puts(&body, "}");
  if( body.failed ) buf_free(&body);
  return body.p;
}

static int batch_send(ortto_sending *s, batch *b){
  b->call = call_new(s->endpoint, is_archive(s) ? "PUT" : "POST", write_path(s), batch_body(s, b), 0, s->doing);
  if( b->call ) b->call->stop = &s->stopped;
  return b->call ? ORTTO_OK : ORTTO_NOMEM;
}

static void batch_fail(ortto_sending *s, const batch *b, int status, const char *errortype, const char *message){
  const char *kept = keep(s, message);
  for(int i=0; i<b->count; i++) outcome_set(&s->record[b->member[i]], status, errortype, kept);
}

static void record_done(record *r, const char *result, const char *person_id){
  outcome_set(r, 200, NULL, NULL);
  r->outcome.body = "Processed successfully";
  r->outcome.result = result;
  r->outcome.person_id = person_id;
}

/* The server's words about a record, fit to be shown. NULL when out of memory. */
static const char *words_of(ortto_sending *s, js v){
  const char *said = js_cstring(&s->memory, v);
  buf words = { 0 };
  if( said ) words_add(&words, said, s->endpoint->key);
  const char *shown = said==NULL || words.failed ? NULL : keep(s, words.p ? words.p : "");
  buf_free(&words);
  return shown;
}

/* One row of the API's answer, which answers the record at the same place [guess: the rows do not echo the key]. */
static void row_take(ortto_sending *s, record *r, js row){
  static const char *const ids[] = { "person_id", "account_id", "accounts_id", "organization_id", "id" };
  const char *result = words_of(s, js_get(row, "status")), *error = words_of(s, js_get(row, "error")), *id = NULL;
  for(int i=0; i<COUNT(ids) && id==NULL; i++){
    js v = js_get(row, ids[i]);
    if( js_type(v)=='"' && v.n>2 ) id = js_cstring(&s->memory, v);
  }
  if( result==NULL || error==NULL ) outcome_set(r, 0, UNKNOWN, "out of memory");
  else if( result[0]==0 && error[0]==0 && id==NULL ) outcome_set(r, 0, UNKNOWN, "ortto: the answer does not say whether this record was taken");
  else if( error[0] || strcmp(result, "invalid")==0 || strcmp(result, "suppressed")==0 || strcmp(result, "error")==0 || strcmp(result, "failed")==0 ){
    outcome_set(r, 400, REFUSED, error[0] ? error : result);
    r->outcome.result = result;
  }else record_done(r, result[0] ? result : NULL, id);
}

static void rows_take(ortto_sending *s, batch *b, js rows){
  js row;
  int i = 0;
  js_iter it = js_in(rows);
  while( js_next(&it, NULL, &row) ) row_take(s, &s->record[b->member[i++]], row);
}

static void api_take(ortto_sending *s, batch *b){
  js answer, rows;
  if( answer_json(b->call, &answer)!=ORTTO_OK ){
    batch_fail(s, b, 0, UNKNOWN, ortto_error(s->endpoint->client));
    return;
  }
  static const char *const counts[] = { "archived_contacts", "archived_organizations", "archived_accounts", "scheduled_contacts",
                                        "scheduled_organizations", "scheduled_accounts" };
  int64_t number;
  int counted = 0;
  for(int i=0; is_archive(s) && i<COUNT(counts); i++) counted |= js_integer(js_get(answer, counts[i]), &number);
  if( is_archive(s) && !counted ){
    set_bad_answer(b->call, "does not say how many were archived");
    batch_fail(s, b, 0, UNKNOWN, ortto_error(s->endpoint->client));
    return;
  }
  if( is_archive(s) ){             /* counts only; those that are archived already are not counted [recorded] */
    for(int i=0; i<b->count; i++) record_done(&s->record[b->member[i]], "archived", NULL);
    return;
  }
  rows = js_get(answer, items_member(s));
  if( rows.p==NULL && s->verb==ORTTO_UPSERT_ACCOUNTS ) rows = js_get(answer, "organizations");
  int count = js_type(rows)=='[' ? count_elements(rows) : -1;
  log_rows(b->call, count);
  if( count==b->count ) rows_take(s, b, rows);
  else{
    set_bad_answer(b->call, "has %d outcomes for %d records, so that it does not say which were taken", count<0 ? 0 : count, b->count);
    batch_fail(s, b, 0, UNKNOWN, ortto_error(s->endpoint->client));
  }
}

/* {} or {"errors":[{"status","message","index"}]}, where index counts in the array as sent. */
static void segment_take(ortto_sending *s, batch *b){
  js answer, error;
  int64_t index, status;
  if( answer_json(b->call, &answer)!=ORTTO_OK || js_type(answer)!='{' ){
    if( ortto_error(s->endpoint->client)[0]==0 || b->call->answer.n ) set_bad_answer(b->call, "is no object");
    batch_fail(s, b, 0, UNKNOWN, ortto_error(s->endpoint->client));
    return;
  }
  for(int i=0; i<b->count; i++) record_done(&s->record[b->member[i]], NULL, NULL);
  js errors = js_get(answer, "errors");
  if( is_present(errors) && js_type(errors)!='[' ){
    set_bad_answer(b->call, "has \"errors\" that is no list");
    batch_fail(s, b, 0, UNKNOWN, ortto_error(s->endpoint->client));
  }
  if( js_type(errors)!='[' ) return;
  js_iter it = js_in(errors);
  while( js_next(&it, NULL, &error) ){
    if( !js_integer(js_get(error, "index"), &index) || index<0 || index>=b->count ){
      set_bad_answer(b->call, "names an error without saying of which record");
      batch_fail(s, b, 0, UNKNOWN, ortto_error(s->endpoint->client));
      return;
    }
    record *r = &s->record[b->member[index]];
    const char *message = words_of(s, js_get(error, "message"));
    if( !js_integer(js_get(error, "status"), &status) || status<400 || status>599 ) status = 400;
    r->outcome.body = NULL;
    outcome_set(r, (int)status, REFUSED, message && message[0] ? message : "refused");
  }
}

/* A 400 whose details answer each record; else it is the batch's own. */
static void refused_take(ortto_sending *s, batch *b){
  js answer;
  const call *c = b->call;
  if( c->status==400 && s->endpoint->protocol==ORTTO_API && c->answer.n && json_check(c->answer.p, c->answer.n, &answer) ){
    js details = js_get(answer, "details");
    if( js_type(details)=='[' && count_elements(details)==b->count ){
      rows_take(s, b, details);
      for(int i=0; i<b->count; i++){             /* 400: none was taken, whatever the words */
        record *r = &s->record[b->member[i]];
        r->outcome.request_id = js_cstring(&s->memory, js_get(answer, "request_id"));
        if( r->outcome.errortype==NULL ) outcome_set(r, 400, REFUSED, r->outcome.result ? r->outcome.result : keep(s, c->error));
      }
      return;
    }
  }
  int taken = c->status==0 || c->status>=500;    /* perhaps */
  if( c->attempt==0 ) batch_fail(s, b, 0, NOT_SENT, c->error ? c->error : "not sent");
  else batch_fail(s, b, c->status, taken && c->status!=501 && c->status!=507 ? UNKNOWN : REFUSED, c->error ? c->error : "refused");
  if( c->attempt==0 || status_ends(c->status) ) s->stopped = 1;
}

static int batch_take(ortto_sending *s, batches *all, int at);

/* Some records of a batch once more, by themselves and at once: what they were in order with, they stay in order with. */
static int batch_again(ortto_sending *s, batches *all, int at, int from, int to, int conflicts){
  batch *b = batch_new(all, 0);
  int ok = b!=NULL;
  if( ok ) b->conflicts = conflicts;
  for(int i=from; ok && i<to; i++) ok = batch_add(b, all->list[at].member[i], 0);
  if( !ok ) return no_memory(s->endpoint->client);
  if( s->stopped ) return ORTTO_OK;
  int rc = batch_send(s, b);
  return rc==ORTTO_OK ? batch_take(s, all, (int)(b - all->list)) : rc;
}

/* The answer of a batch. */
static int batch_take(ortto_sending *s, batches *all, int at){
  batch *b = &all->list[at];
  call *c = b->call;
  int count = b->count, rc = call_wait(c);
  if( rc==ORTTO_INTERRUPT || rc==ORTTO_NOMEM ) return rc;
  int halve = rc!=ORTTO_OK && c->status==413 && count>1, again = rc!=ORTTO_OK && c->status==409 && b->conflicts==0;
  if( rc==ORTTO_OK && s->endpoint->protocol==ORTTO_API ) api_take(s, b);
  else if( rc==ORTTO_OK ) segment_take(s, b);
  else if( !halve && !again ) refused_take(s, b);
  call_drop(c);
  b->call = NULL;
  if( again ) return batch_again(s, all, at, 0, count, 1);
  rc = halve ? batch_again(s, all, at, 0, count/2, 0) : ORTTO_OK;
  return halve && rc==ORTTO_OK ? batch_again(s, all, at, count/2, count, 0) : rc;
}

/* All batches of a round, several in flight; batches that are added on the way belong to it too. */
static int round_send(ortto_sending *s, batches *all, int round){
  int rc = ORTTO_OK, next = 0, waiting = 0;
  for(;;){
    int flying = 0;
    for(int i=waiting; i<next; i++) flying += all->list[i].call!=NULL;
    while( rc==ORTTO_OK && !s->stopped && flying<=s->endpoint->concurrency && next<all->count ){
      if( all->list[next].round==round ){
        rc = batch_send(s, &all->list[next]);
        flying++;
      }
      next++;
    }
    while( waiting<next && all->list[waiting].call==NULL ) waiting++;
    if( rc!=ORTTO_OK || waiting>=next ){
      if( rc==ORTTO_OK && !s->stopped && next<all->count ) continue;
      return rc;
    }
    rc = batch_take(s, all, waiting);
    if( rc!=ORTTO_OK ) return rc;
  }
}

static void leftovers(ortto_sending *s, const batches *all){
  for(int i=0; i<all->count; i++) if( all->list[i].call && all->list[i].call->attempt>0 )   /* on the wire when the user interrupted */
    for(int k=0; k<all->list[i].count; k++){
      record *r = &s->record[all->list[i].member[k]];
      if( r->outcome.status<0 ) outcome_set(r, 0, UNKNOWN, "ortto: given up before the answer came");
    }
  for(int i=0; i<s->count; i++) if( s->record[i].outcome.status<0 )
    outcome_set(&s->record[i], 0, NOT_SENT, s->stopped ? "ortto: not sent, because an earlier request failed" : "ortto: not sent");
}

static int interrupted_error(ortto_sending *s){
  int delivered = 0, first = -1;
  for(int i=0; i<s->count; i++){
    if( s->record[i].outcome.status>=200 && s->record[i].outcome.status<300 ) delivered++;
    else if( first<0 ) first = i;
  }
  set_error(s->endpoint->client, "ortto: interrupted: %d of %d records were delivered; the first that was not is number %d (counted from 0)", delivered, s->count, first<0 ? 0 : first);
  return ORTTO_INTERRUPT;
}

static int sending_run(ortto_sending *s){
  batches all = { 0 };
  int rounds = 0, ok = s->endpoint->protocol==ORTTO_SEGMENT ? batches_segment(s, &all) : batches_api(s, &all);
  int rc = ok ? ORTTO_OK : no_memory(s->endpoint->client);
  for(int i=0; i<all.count; i++) if( all.list[i].round>rounds ) rounds = all.list[i].round;
  for(int round=1; rc==ORTTO_OK && !s->stopped && round<=rounds; round++) rc = round_send(s, &all, round);
  int begun = 0;                                 /* out of memory after something went out: the outcomes say so, record by record */
  for(int i=0; i<s->count; i++) begun |= s->record[i].item!=NULL && s->record[i].outcome.status>=0;
  for(int i=0; i<all.count; i++) begun |= all.list[i].call!=NULL && all.list[i].call->attempt>0;
  if( rc==ORTTO_NOMEM && begun ){
    s->stopped = 1;
    rc = ORTTO_OK;
  }
  leftovers(s, &all);
  batches_free(&all);
  return rc==ORTTO_INTERRUPT ? interrupted_error(s) : rc;
}

/* -- the whole -- */

/* {"id":"..."} */
static int map_archive(ortto_sending *s, record *r){
  js id = js_get(r->given, "id");
  if( js_type(id)!='"' || !ortto_is_id(id.p+1, id.n-2) ){
    refuse(s, r, 400, "ortto: an id is 24 hexadecimal digits, not %.*s", (int)(id.n<40 ? id.n : 40), id.p ? id.p : "");
    return ORTTO_OK;
  }
  r->keys = r->kinds = KEY_ID;
  r->key[0] = arena_text(&s->memory, id.p+1, id.n-2);
  r->merge_by = "";
  r->item = id.p;
  r->item_n = id.n;
  return r->key[0] ? ORTTO_OK : no_memory(s->endpoint->client);
}

/* Options that name fields: known before anything is sent. */
static int options_resolve(ortto_sending *s){
  ortto_client *client = s->endpoint->client;
  const ortto_options *o = s->options;
  if( s->endpoint->protocol==ORTTO_SEGMENT )
    return o->api_only ? fail(client, "ortto: the option %s belongs to Ortto's API: it has no effect on what is sent to a Segment data source", o->api_only) : ORTTO_OK;
  int rc = is_archive(s) ? ORTTO_OK : fields_have(s, 0);
  if( rc==ORTTO_ERROR ){                         /* no field can be named: each record says so */
    const char *why = keep(s, ortto_error(client));
    for(int i=0; i<s->count; i++) outcome_set(&s->record[i], 0, NOT_SENT, why);
    s->stopped = 1;
    return ORTTO_OK;
  }
  for(int i=0; rc==ORTTO_OK && i<=o->merge_by_count; i++){
    const char *name = i<o->merge_by_count ? o->merge_by[i] : o->suppression;
    if( name==NULL || strcmp(name, "id")==0 || strcmp(name, "str::person_id")==0 || strcmp(name, "str:o:account_id")==0 ) continue;
    const ortto_field *f = field_named(s, name, strlen(name), 0);
    if( f && i==o->merge_by_count && (s->suppression = arena_text(&s->memory, f->id, strlen(f->id)))==NULL ) rc = no_memory(client);
    if( f==NULL )
      rc = fail(client, "ortto: the option %s names no field: there is no '%.60s'; the closest is '%s'", i<o->merge_by_count ? "merge_by" : "suppression_list_field_id",
                name, closest_field(s, name));
  }
  return rc;
}

static int records_read(ortto_sending *s, const char *json, size_t length){
  ortto_client *client = s->endpoint->client;
  js all, item;
  s->text = malloc(length + 1);
  if( s->text==NULL ) return no_memory(client);
  memcpy(s->text, json, length);
  s->text[length] = 0;
  if( !json_check(s->text, length, &all) || (js_type(all)!='{' && js_type(all)!='[') )
    return fail(client, "ortto: %s takes a JSON object, or a list of them, and this is %s", s->verb==ORTTO_TRACK ? "ortto_track" : "ortto_upsert",
                json_check(s->text, length, &all) ? "neither" : "not JSON");
  s->single = js_type(all)=='{';
  int count = s->single ? 1 : count_elements(all);
  s->record = calloc((size_t)count + 1, sizeof *s->record);
  if( s->record==NULL ) return no_memory(client);
  if( s->single ) s->record[s->count++].given = all;
  js_iter it = js_in(all);
  while( !s->single && js_next(&it, NULL, &item) ) s->record[s->count++].given = item;
  for(int i=0; i<s->count; i++) s->record[i].outcome.status = -1;
  return ORTTO_OK;
}

static int records_map(ortto_sending *s){
  int rc = ORTTO_OK;
  for(int i=0; rc==ORTTO_OK && i<s->count && !s->interrupted; i++){
    record *r = &s->record[i];
    js given = r->given;
    if( s->stopped ) break;
    if( js_type(given)!='{' ) refuse(s, r, 400, "ortto: a record must be an object, not %s", js_kind(given));
    else if( given.n>BODY_MAX ) refuse(s, r, 413, "ortto: the record is larger than 2 MB");
    else if( !utf8_is_sound(given.p, given.n) ) refuse(s, r, 400, "ortto: the record holds text that is no UTF-8");
    else if( is_archive(s) ) rc = map_archive(s, r);
    else rc = s->endpoint->protocol==ORTTO_SEGMENT ? map_segment(s, r) : map_api(s, r);
    if( i%500==499 && interrupted(s->endpoint->client) ) s->interrupted = 1;
  }
  return rc==ORTTO_OK && s->interrupted ? interrupted_error(s) : rc;
}

int ortto_send(ortto_endpoint *e, ortto_verb verb, const char *json, size_t length, const ortto_options *options, ortto_sending **out){
  ortto_sending *s = calloc(1, sizeof *s);
  *out = NULL;
  if( s==NULL ) return no_memory(e->client);
  s->endpoint = e;
  e->references++;
  s->verb = verb;
  s->options = options;
  s->doing = verb==ORTTO_TRACK ? "sending activities" : verb==ORTTO_UPSERT ? "sending contacts" : verb==ORTTO_UPSERT_ACCOUNTS ? "sending accounts" : "archiving";
  s->encoder.memory = &s->memory;
  int rc = records_read(s, json, length);
  if( rc==ORTTO_OK ) rc = options_resolve(s);
  if( rc==ORTTO_OK ) rc = records_map(s);
  if( rc==ORTTO_OK ) rc = sending_run(s);
  if( rc==ORTTO_INTERRUPT ) for(int i=0; i<s->count; i++) if( s->record[i].outcome.status<0 )
    outcome_set(&s->record[i], 0, NOT_SENT, "ortto: not sent: interrupted");
  if( rc==ORTTO_OK || (rc==ORTTO_INTERRUPT && s->record) ) *out = s;
  else ortto_sending_free(s);
  return rc;
}

void ortto_sending_free(ortto_sending *s){
  if( s==NULL ) return;
  fields_forget(s);
  index_free(&s->refused);
  arena_free(&s->memory);
  buf_free(&s->scratch);
  free(s->record);
  free(s->text);
  ortto_endpoint_close(s->endpoint);
  free(s);
}

static int tags_check(encoder *e, js v){
  js tag;
  if( js_type(v)=='n' ) return 1;
  v = inner_json(e, v, '[');
  if( js_type(v)!='[' ) return cannot(e, "takes a JSON array of tag names, such as [\"VIP\"], not %.*s", (int)(v.n<40 ? v.n : 40), v.p);
  js_iter it = js_in(v);
  while( js_next(&it, NULL, &tag) )
    if( js_type(tag)!='"' || tag.n==2 ) return cannot(e, "takes a JSON array of tag names, but %s is in it", tag.n==2 ? "an empty one" : js_kind(tag));
  return 1;
}

int ortto_value_check(ortto_client *client, const ortto_field *field, const char *json, size_t length){
  arena memory = { 0 };
  buf out = { 0 };
  encoder e = { &memory, &out, "" };
  js v;
  int rc = ORTTO_OK;
  char *text = strndup(json, length);
  if( text==NULL || !json_check(text, length, &v) ) rc = no_memory(client);
  else if( !utf8_is_sound(text, length) ) rc = fail(client, "ortto: the column %.80s takes text in UTF-8, and this is none", field->column);
  else if( strcmp(field->id, "tags")==0 ? !tags_check(&e, v) : !encode(&e, field, v) )
    rc = out.failed ? no_memory(client)
       : strstr(e.why, "cannot be") || strstr(e.why, "too long") ? fail(client, "ortto: the column %.80s %s", field->column, e.why)
       : fail(client, "ortto: the column %.80s %s: %.*s", field->column, e.why, (int)(v.n<60 ? v.n : 60), v.p);
  if( rc==ORTTO_OK && out.failed ) rc = no_memory(client);
  buf_free(&out);
  arena_free(&memory);
  free(text);
  return rc;
}

int ortto_sending_stopped(const ortto_sending *s){
  return s->stopped;
}

int ortto_sending_count(const ortto_sending *s){
  return s->count;
}

int ortto_sending_is_list(const ortto_sending *s){
  return !s->single;
}

const ortto_outcome *ortto_sending_outcome(ortto_sending *s, int i){
  record *r = &s->record[i];
  r->outcome.sent = r->item ? r->item : r->given.p;
  r->outcome.sent_length = r->item ? r->item_n : r->given.n;
  return &r->outcome;
}

/* ==== 11. Small calls ========================================================================================= */

int ortto_check(ortto_endpoint *e){
  js answer;
  call *c;
  int rc;
  if( e->protocol==ORTTO_API ){
    rc = call_now(e, "/v1/person/get", strdup("{\"fields\":[\"str::email\"],\"limit\":1}"), "checking the key", &c, &answer);
    if( rc==ORTTO_OK && js_get(answer, "contacts").p==NULL ) rc = bad_answer(c, "has no \"contacts\": is this Ortto?");
  }else{
    c = call_new(e, "GET", "/v1/me", NULL, 0, "checking the segment_key");
    rc = c ? call_wait(c) : ORTTO_NOMEM;
  }
  call_drop(c);
  return rc;
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

static int audience_match(ortto_client *client, ortto_reader *r, const char *wanted, char **id){
  const ortto_value *v = NULL;
  size_t n = strlen(wanted);
  int rc, by_name = 0, by_id = 0;
  while( (rc = ortto_reader_next(r, &v))==ORTTO_ROW && v ){
    int is_id = v[0].length==n && memcmp(v[0].text, wanted, n)==0;
    int is_name = v[1].kind==ORTTO_VALUE_TEXT && v[1].length==n && memcmp(v[1].text, wanted, n)==0;
    by_name += is_name;
    if( (!is_id && !is_name) || v[0].kind!=ORTTO_VALUE_TEXT || by_id ) continue;
    by_id = is_id;
    free(*id);
    if( (*id = strndup(v[0].text, v[0].length))==NULL ) return no_memory(client);
  }
  if( rc!=ORTTO_DONE ) return rc;
  if( *id==NULL ) return fail(client, "ortto: there is no audience '%.80s'; SELECT id, name FROM ortto_audiences lists them", wanted);
  if( !by_id && by_name>1 )
    return fail(client, "ortto: %d audiences are called '%.80s'; give the id of one of them (SELECT id, name FROM ortto_audiences)", by_name, wanted);
  return ORTTO_OK;
}

int ortto_audience_find(ortto_endpoint *e, const char *name_or_id, char **id){
  const ortto_field *fields[] = { &audience_members[0], &audience_members[1] };
  ortto_query q = { .table = ORTTO_AUDIENCES, .fields = fields, .field_count = 2 };
  ortto_reader *r;
  *id = NULL;
  int rc = ortto_reader_open(e, &q, &r);
  if( rc==ORTTO_OK ) rc = audience_match(e->client, r, name_or_id, id);
  ortto_reader_close(r);
  if( rc!=ORTTO_OK ){
    free(*id);
    *id = NULL;
  }
  return rc;
}
