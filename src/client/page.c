/*
** page.c - see page.h.
*/
#include "page.h"

#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "schema.h"

#define SEEN_MAX (1u << 19)        /* ids in the younger of two sets */
#define SET_FIRST (1u << 10)       /* places of a new one */
#define TOGETHER 16                /* ids whose places are fetched before the first is looked at */

/* ---- ids that were seen ---------------------------------------------------------------------- */

static int is_empty(const id_key *k){
  static const id_key none = { { 0 } };
  return memcmp(k, &none, sizeof none)==0;
}

/* Eight lower-case hexadecimal digits as 4 bytes, all at once; 0 if they are not that. */
static int eight_digits(const char *text, unsigned char *out){
  uint64_t w = eight_bytes(text), letters = (w>>6) & EACH_BYTE(1);
  uint64_t v = (w & EACH_BYTE(0x0F)) + letters*9;
  uint64_t strange = ((v + EACH_BYTE(6)) ^ letters<<4) | v;   /* from 16 on: letters are 10 to 15 */
  if( (strange & EACH_BYTE(0xF0)) || v + EACH_BYTE('0') + letters*('a' - 10 - '0')!=w ) return 0;
  v = (v<<4 | v>>8) & 0x00FF00FF00FF00FFu;
  v = (v | v>>8) & 0x0000FFFF0000FFFFu;
  uint32_t packed = (uint32_t)(v | v>>16);
  memcpy(out, &packed, 4);
  return 1;
}

/* 12 bytes, as the id itself says. 0: it is none. */
static int id_digits(js id, id_key *k){
  int said = id.n==24;
  for(int i=0; i<3 && said; i++) said = eight_digits(id.p + 8*i, k->byte + 4*i);
  return said;
}

/* What is no id gets a hash of that size. */
static void id_key_of(js id, id_key *k){
  if( !id_digits(id, k) ){
    uint64_t a = hash_bytes(HASH_START, id.p, id.n), b = hash_bytes(a, id.p, id.n);
    memcpy(k->byte, &a, 8);
    memcpy(k->byte + 8, &b, 4);
  }
  if( is_empty(k) ) k->byte[0] = 0xFF;           /* it would be an empty place */
}

static size_t set_home(const id_set *s, const id_key *k){
  uint64_t high, h;
  uint32_t low;
  memcpy(&high, k->byte, 8);
  memcpy(&low, k->byte + 8, 4);
  h = (high ^ (uint64_t)low<<21) * 0x9E3779B97F4A7C15u;
  h = (h ^ h>>32) * 0x9E3779B97F4A7C15u;         /* ids may be counted up: their last byte must tell too */
  return (size_t)(h>>32) & (s->size - 1);
}

/* Its place: there it is, or it is empty. */
static id_key *set_at(const id_set *s, id_key k){
  size_t at = set_home(s, &k);
  while( !is_empty(&s->key[at]) && memcmp(&s->key[at], &k, sizeof k)!=0 ) at = (at + 1) & (s->size - 1);
  return &s->key[at];
}

static int set_has(const id_set *s, id_key k){
  return s->size && !is_empty(set_at(s, k));
}

static int set_grow(id_set *s){
  size_t times = s->size<SEEN_MAX ? 4 : 2;       /* what it holds is put in anew each time */
  id_set bigger = { NULL, s->size ? s->size*times : SET_FIRST, s->used };
  bigger.key = calloc(bigger.size, sizeof *bigger.key);
  if( bigger.key==NULL ) return 0;
  for(size_t i=0; i<s->size; i++) if( !is_empty(&s->key[i]) ) *set_at(&bigger, s->key[i]) = s->key[i];
  free(s->key);
  *s = bigger;
  return 1;
}

/* 1: new, 0: it was there, -1: out of memory. */
static int set_put(id_set *s, id_key k){
  if( s->used*5 >= s->size*4 && !set_grow(s) ) return -1;
  id_key *at = set_at(s, k);
  if( !is_empty(at) ) return 0;
  *at = k;
  s->used++;
  return 1;
}

/* The same, of all that were seen. */
static int seen_add(seen_ids *s, id_key k){
  if( set_has(&s->before, k) ) return 0;
  if( s->now.used>=SEEN_MAX && !s->keep_all && !set_has(&s->now, k) ){
    s->forgot |= s->before.used>0;
    free(s->before.key);
    s->before = s->now;
    memset(&s->now, 0, sizeof s->now);
  }
  return set_put(&s->now, k);
}

void seen_free(seen_ids *s){
  free(s->now.key);
  free(s->before.key);
  memset(s, 0, sizeof *s);
}

static void keys_of(const seen_ids *seen, const page *p, int from, id_key key[TOGETHER]){
  for(int i=0; i<TOGETHER && from+i<p->rows; i++){
    id_key_of(p->id[from+i], &key[i]);
    if( seen->now.size ) __builtin_prefetch(&seen->now.key[set_home(&seen->now, &key[i])]);
  }
}

int page_unseen(ortto_reader *r, seen_ids *seen, page *p, int *fresh){
  id_key key[TOGETHER];
  int kept = 0;
  for(int i=0; i<p->rows; i++){
    if( i%TOGETHER==0 ) keys_of(seen, p, i, key);
    int is_new = seen_add(seen, key[i%TOGETHER]);
    if( is_new<0 ) return no_memory(r->endpoint->context);
    if( !is_new ) continue;
    p->id[kept] = p->id[i];
    memmove(page_part(r, p, kept), page_part(r, p, i), (size_t)r->parts * sizeof *p->part);
    kept++;
  }
  *fresh = kept;
  p->rows = kept;
  return ORTTO_OK;
}

/* ---- what every way of reading shares -------------------------------------------------------- */

int id_plain(const ortto_reader *r, arena *memory, js slice, js *out){
  *out = slice;
  out->p = text_clean(memory, slice.p, slice.n, 1, &out->n);
  if( out->p==NULL ) no_memory(r->endpoint->context);
  return out->p!=NULL;
}

void *reader_alloc(ortto_reader *r, size_t n){
  void *p = arena_alloc(&r->memory, n);
  if( p ) memset(p, 0, n);
  else no_memory(r->endpoint->context);
  return p;
}

int reader_text(ortto_reader *r, const char *text, char **copy){
  *copy = text ? arena_text(&r->memory, text, strlen(text)) : NULL;
  if( text && *copy==NULL ) no_memory(r->endpoint->context);
  return text==NULL || *copy!=NULL;
}

int field_place(const ortto_reader *r, const char *id){
  return map_get(&r->by_id, id, strlen(id));
}

int field_want(ortto_reader *r, const ortto_field *f){
  int at = field_place(r, f->id);
  if( at>=0 ) return at;
  if( !map_put(&r->by_id, f->id, strlen(f->id), r->fields) ){
    no_memory(r->endpoint->context);
    return -1;
  }
  r->field[r->fields] = f;
  r->place[r->fields] = (place){ f->id, strlen(f->id), f->type, -1 };
  return r->fields++;
}

http_request *reader_request(ortto_reader *r, const char *path, cJSON *body, int ok, int flags){
  if( !ok ){
    cJSON_Delete(body);
    body = NULL;
  }
  http_request *c = request_new(r->endpoint, "POST", path, json_print(body), REQUEST_READ|flags, r->doing);
  if( c==NULL ) return NULL;
  c->answered = &r->answered;
  c->note = r->note;
  return c;
}

/* ---- pages ----------------------------------------------------------------------------------- */

page *page_new(ortto_reader *r){
  page *p = calloc(1, sizeof *p);
  if( p==NULL ){
    no_memory(r->endpoint->context);
    return NULL;
  }
  *r->tail = p;
  r->tail = &p->next;
  r->queued++;
  return p;
}

page *page_pop(ortto_reader *r){
  page *p = r->head;
  r->head = p->next;
  if( r->head==NULL ) r->tail = &r->head;
  p->next = NULL;
  r->queued--;
  return p;
}

static void add_requests(const http_request *c, int64_t *requests, int64_t *retries){
  if( c==NULL ) return;
  *requests += c->attempt;
  if( c->attempt>1 ) *retries += c->attempt - 1;
}

void page_requests(const page *p, int64_t *requests, int64_t *retries){
  add_requests(p->request, requests, retries);
  for(int i=0; i<p->extras; i++) add_requests(p->extra[i], requests, retries);
}

void page_free(ortto_reader *r, page *p){
  if( p==NULL ) return;
  page_requests(p, &r->requests, &r->retries);
  request_drop(p->request);
  for(int i=0; i<p->extras; i++) request_drop(p->extra[i]);
  free(p->extra);
  free(p->text);
  free(p->id);
  free(p->part);
  free(p);
}

void pages_drop(ortto_reader *r){
  while( r->head ) page_free(r, page_pop(r));
}

int page_room(ortto_reader *r, page *p, int rows){
  if( rows<=p->room ) return ORTTO_OK;
  int room = p->room ? p->room*2 : 64;
  if( room<rows ) room = rows;
  js *id = realloc(p->id, (size_t)room * sizeof *id);
  if( id ) p->id = id;
  js *part = realloc(p->part, (size_t)room * (size_t)r->parts * sizeof *part);
  if( part ) p->part = part;
  if( id==NULL || part==NULL ) return no_memory(r->endpoint->context);
  memset(id + p->room, 0, (size_t)(room - p->room) * sizeof *id);
  memset(page_part(r, p, p->room), 0, (size_t)(room - p->room) * (size_t)r->parts * sizeof *part);
  p->room = room;
  return ORTTO_OK;
}
