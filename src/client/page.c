/*
** page.c - see page.h.
*/
#include "page.h"

#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "schema.h"

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

int seen_add(seen_ids *s, js id){
  id_key k = id_key_of(id);
  if( set_has(&s->now, k) || set_has(&s->before, k) ) return 0;
  if( s->now.used>=SEEN_MAX ){
    free(s->before.key);
    s->before = s->now;
    memset(&s->now, 0, sizeof s->now);
  }
  return set_put(&s->now, k) ? 1 : -1;
}

void seen_free(seen_ids *s){
  free(s->now.key);
  free(s->before.key);
}

ortto_cache *ortto_cache_new(void){
  return calloc(1, sizeof(ortto_cache));
}

void cache_clear(ortto_cache *c){
  arena_free(&c->memory);
  free(c->record);
  map_free(&c->by_id);
  memset(c, 0, sizeof *c);
}

void ortto_cache_free(ortto_cache *cache){
  if( cache==NULL ) return;
  cache_clear(cache);
  free(cache);
}

void cache_put(ortto_cache *c, const char *id, js fields){
  if( c->count==c->cap ){
    int cap = c->cap ? c->cap*2 : 64;
    cached *record = realloc(c->record, (size_t)cap * sizeof *record);
    if( record==NULL ) return;
    c->record = record;
    c->cap = cap;
  }
  char *key = arena_text(&c->memory, id, 24);
  char *text = fields.p ? arena_text(&c->memory, fields.p, fields.n) : NULL;
  if( key==NULL || (fields.p && text==NULL) || !map_put(&c->by_id, key, 24, c->count) ) return;
  c->record[c->count++] = (cached){ key, text, fields.n };
  c->bytes += 64 + fields.n;
}

const cached *cache_get(const ortto_cache *c, const char *id){
  int at = c ? map_get(&c->by_id, id, 24) : -1;
  return at<0 ? NULL : &c->record[at];
}

int is_contacts(const ortto_reader *r){
  return r->table==ORTTO_PEOPLE || r->table==ORTTO_ACCOUNTS;
}

static void count_request(const http_request *c, int64_t *requests, int64_t *retries){
  if( c==NULL ) return;
  *requests += c->attempt;
  if( c->attempt>1 ) *retries += c->attempt - 1;
}

void count_page_requests(const page *p, int64_t *requests, int64_t *retries){
  count_request(p->request, requests, retries);
  for(int i=0; i<p->extras; i++) count_request(p->extra[i], requests, retries);
}

void page_free(ortto_reader *r, page *p){
  if( p==NULL ) return;
  count_page_requests(p, &r->requests, &r->retries);
  request_drop(p->request);
  for(int i=0; i<p->extras; i++) request_drop(p->extra[i]);
  free(p->extra);
  buf_free(&p->text);
  free(p->id);
  free(p->part);
  free(p);
}

page *page_new(ortto_reader *r){
  page *p = calloc(1, sizeof *p);
  if( p==NULL ) return NULL;
  p->total = -1;
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

void pages_drop(ortto_reader *r){
  while( r->head ) page_free(r, page_pop(r));
}

int page_room(ortto_reader *r, page *p, int rows){
  p->id = calloc((size_t)rows + 1, sizeof *p->id);
  p->part = calloc(((size_t)rows + 1) * (size_t)r->parts, sizeof *p->part);
  return p->id && p->part ? ORTTO_OK : no_memory(r->endpoint->client);
}
