/*
** text.c - see text.h.
*/
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct block {
  block *next;
  size_t used, cap;
  char data[];
};

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

void buf_add(buf *b, const char *text, size_t n){
  if( !buf_reserve(b, n) ) return;
  if( n ) memcpy(b->p + b->n, text, n);
  b->n += n;
  b->p[b->n] = 0;
}

void buf_puts(buf *b, const char *text){
  buf_add(b, text, strlen(text));
}

void buf_vprintf(buf *b, const char *format, va_list args){
  va_list again;
  va_copy(again, args);
  int n = vsnprintf(NULL, 0, format, args);
  if( n<0 ) b->failed = 1;
  else if( buf_reserve(b, (size_t)n) ) b->n += (size_t)vsnprintf(b->p + b->n, (size_t)n + 1, format, again);
  va_end(again);
}

void buf_printf(buf *b, const char *format, ...){
  va_list args;
  va_start(args, format);
  buf_vprintf(b, format, args);
  va_end(args);
}

void buf_free(buf *b){
  free(b->p);
  memset(b, 0, sizeof *b);
}

void *arena_alloc(arena *a, size_t n){
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

char *arena_text(arena *a, const char *text, size_t n){
  char *p = arena_alloc(a, n + 1);
  if( p ){
    if( n ) memcpy(p, text, n);
    p[n] = 0;
  }
  return p;
}

void arena_free(arena *a){
  while( a->first ){
    block *b = a->first;
    a->first = b->next;
    free(b);
  }
}

void arena_reset(arena *a){
  if( a->first==NULL ) return;
  block *rest = a->first->next;
  a->first->next = NULL;
  a->first->used = 0;
  arena old = { rest };
  arena_free(&old);
}

char *text_copy(const char *text){
  return text ? text_copy_n(text, strlen(text)) : NULL;
}

int same_word(const char *a, const char *b){
  for(; *a && *b; a++, b++){
    char x = *a>='A' && *a<='Z' ? (char)(*a + 32) : *a, y = *b>='A' && *b<='Z' ? (char)(*b + 32) : *b;
    if( x!=y ) return 0;
  }
  return *a==*b;
}

uint64_t hash_bytes(uint64_t h, const void *data, size_t n){   /* FNV-1a */
  const unsigned char *p = data;
  for(size_t i=0; i<n; i++) h = (h ^ p[i]) * 1099511628211u;
  return h;
}

uint64_t mix64(uint64_t x){
  x = (x ^ x>>30) * 0xBF58476D1CE4E5B9u;
  x = (x ^ x>>27) * 0x94D049BB133111EBu;
  return x ^ x>>31;
}

void utf8_mend(char *text){
  const char *end = text + strlen(text);
  for(char *p=text; p<end; ){
    size_t n = utf8_length(p, end);
    if( n==0 ) *p = '?';
    p += n ? n : 1;
  }
}

size_t utf8_length(const char *text, const char *end){
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

size_t utf8_write(char *out, unsigned c){
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

int utf8_is_sound(const char *p, size_t n){
  const char *end = p + n;
  size_t step = 1;
  while( p<end && (step = utf8_length(p, end))!=0 ) p += step;
  return p==end;
}

int has_controls(const char *text){
  for(; *text; text++) if( (unsigned char)*text<0x20 || *text==0x7F ) return 1;
  return 0;
}

static map_entry *map_at(const text_map *m, const char *key, size_t n){
  size_t at = hash_bytes(HASH_START, key, n) & (m->size - 1);
  while( m->entry[at].key && (m->entry[at].n!=n || memcmp(m->entry[at].key, key, n)!=0) )
    at = (at + 1) & (m->size - 1);
  return &m->entry[at];
}

int map_get(const text_map *m, const char *key, size_t n){
  if( m->size==0 ) return -1;
  const map_entry *e = map_at(m, key, n);
  return e->key ? e->value : -1;
}

static int map_grow(text_map *m){
  text_map bigger = { NULL, m->size ? m->size*2 : 64, m->used };
  bigger.entry = calloc(bigger.size, sizeof *bigger.entry);
  if( bigger.entry==NULL ) return 0;
  for(size_t i=0; i<m->size; i++){
    const map_entry *e = &m->entry[i];
    if( e->key ) *map_at(&bigger, e->key, e->n) = *e;
  }
  free(m->entry);
  *m = bigger;
  return 1;
}

int map_put(text_map *m, const char *key, size_t n, int value){
  if( m->used*2 >= m->size && !map_grow(m) ) return 0;
  map_entry *e = map_at(m, key, n);
  if( e->key==NULL ) m->used++;
  *e = (map_entry){ key, n, value };
  return 1;
}

void map_free(text_map *m){
  free(m->entry);
  memset(m, 0, sizeof *m);
}

char *arena_printf(arena *a, const char *format, ...){
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

size_t edit_distance(const char *a, const char *b){
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

size_t characters(const char *text, size_t n){
  size_t count = 0;
  for(size_t i=0; i<n; i++) count += ((unsigned char)text[i] & 0xC0)!=0x80;
  return count;
}

char *folded(arena *a, const char *text, size_t n){
  char *out = arena_alloc(a, 2*n + 1);
  size_t used = 0;
  int may_turn = 0;                /* a capital here begins a word: it is behind a small letter or a digit */
  for(size_t i=0; out && i<n; i++){
    char c = text[i];
    int capital = c>='A' && c<='Z';
    if( c==' ' || c=='\t' || c=='_' || c=='-' ){
      if( used==0 || out[used-1]!='_' ) out[used++] = '_';
      may_turn = 0;
      continue;
    }
    if( capital && may_turn ) out[used++] = '_';
    may_turn = (c>='a' && c<='z') || (c>='0' && c<='9') || (unsigned char)c>=0x80;
    out[used++] = capital ? (char)(c + 32) : c;
  }
  if( out ) out[used] = 0;
  return out;
}

char *text_copy_n(const char *text, size_t n){
  char *copy = malloc(n + 1);
  if( copy==NULL ) return NULL;
  memcpy(copy, text, n);
  copy[n] = 0;
  return copy;
}

int same_start(const char *text, const char *word, size_t n){
  for(size_t i=0; i<n; i++){
    char x = text[i]>='A' && text[i]<='Z' ? (char)(text[i] + 32) : text[i];
    if( x!=word[i] ) return 0;
  }
  return 1;
}

closest closest_to(const char *wanted){
  return (closest){ wanted, "", CLOSEST_MAX + 1 };
}

void closest_offer(closest *c, const char *name, const char *shown){
  size_t d = edit_distance(c->wanted, name);
  if( d>=c->distance ) return;
  c->distance = d;
  c->found = shown;
}

int up_to(int most, size_t n){
  return n<(size_t)most ? (int)n : most;
}

int cut_to(int most, const char *text, size_t n){
  int keep = up_to(most, n);
  while( keep>0 && (size_t)keep<n && ((unsigned char)text[keep] & 0xC0)==0x80 ) keep--;
  return keep;
}
