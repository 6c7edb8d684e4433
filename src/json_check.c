/*
** json_check.c - see json_check.h.
*/
#include "json_check.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

#define JSON_DEPTH 1000
#define NODES_FIRST 1024

static inline const char *blanks(const char *p, const char *end){
  while( p<end && (unsigned char)*p<=' ' && (*p==' ' || *p=='\n' || *p=='\r' || *p=='\t') ) p++;
  return p;
}

const char *blanks_skip(const char *p){
  while( *p==' ' || *p=='\n' || *p=='\r' || *p=='\t' ) p++;
  return p;
}

/* ---- scalars ------------------------------------------------------------------------------------------- */

/* The first byte that a string cannot have as it is: its end, an escape, a control character. Adds to *seen
** all bits of those before it. */
static inline const char *ordinary_skip(const char *p, const char *end, uint64_t *seen){
  while( end-p>=8 ){
    /* A change of one bit puts the quote in front of the blank, where the control characters are. Both are
    ** searches as bytes_below has them; neither says anything of a byte that is not ASCII. */
    uint64_t w = eight_bytes(p);
    uint64_t below = (w ^ EACH_BYTE(2)) - EACH_BYTE(0x21), escape = (w ^ EACH_BYTE('\\')) - EACH_BYTE(1);
    uint64_t marks = (below | escape) & ~w & EACH_BYTE(0x80);
    if( marks ){
      *seen |= w & ((marks & (0 - marks)) - 1);
      return p + first_marked(marks);
    }
    *seen |= w;
    p += 8;
  }
  for(; p<end && (unsigned char)*p>=0x20 && *p!='"' && *p!='\\'; p++) *seen |= (unsigned char)*p;
  return p;
}

static int is_hex(char c){
  return (c>='0' && c<='9') || (c>='a' && c<='f') || (c>='A' && c<='F');
}

/* From behind the backslash to behind the escape; NULL if it is none. */
static const char *escape_check(const char *p, const char *end){
  if( p>=end ) return NULL;
  if( *p!='u' ) return *p!=0 && strchr("\"\\/bfnrt", *p) ? p + 1 : NULL;
  if( end-p<5 ) return NULL;
  for(int i=1; i<5; i++) if( !is_hex(p[i]) ) return NULL;
  return p + 5;
}

/* From behind the opening quote to behind the closing one; NULL if this is no JSON string. Most are so short
** that a call would cost as much as they do. */
__attribute__((always_inline))
static inline const char *string_check(const char *p, const char *end, uint32_t *plain){
  uint64_t seen = 0;
  for(;;){
    p = ordinary_skip(p, end, &seen);
    if( p>=end ) return NULL;
    if( *p=='"' ) break;
    if( *p!='\\' || (p = escape_check(p+1, end))==NULL ) return NULL;
    seen |= 0x80;
  }
  *plain = seen & EACH_BYTE(0x80) ? 0 : NODE_PLAIN;
  return p + 1;
}

const char *digits(const char *p, const char *end){
  while( p<end && *p>='0' && *p<='9' ) p++;
  return p;
}

const char *number_check(const char *p, const char *end){
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

static int has_rest(const char *p, const char *end, const char *rest, int n){
  int same = end-p>n;
  for(int i=0; i<n && same; i++) same = p[1+i]==rest[i];
  return same;
}

/* A number, true, false or null. */
static const char *word_check(const char *p, const char *end){
  switch( *p ){
    case 't': return has_rest(p, end, "rue", 3) ? p + 4 : NULL;
    case 'n': return has_rest(p, end, "ull", 3) ? p + 4 : NULL;
    case 'f': return has_rest(p, end, "alse", 4) ? p + 5 : NULL;
    default: return number_check(p, end);
  }
}

/* ---- nodes --------------------------------------------------------------------------------------------- */

typedef struct checking {
  const char *text, *end;
  js_nodes *nodes;                 /* NULL: none, or no more: values will be walked */
  const char *name;                /* of the member that comes next; NULL: it is an element */
  size_t name_n;
  int depth;                       /* of the containers that are open and hold something */
  char closing[JSON_DEPTH];        /* what ends them */
  uint32_t open[JSON_DEPTH];       /* their nodes */
} checking;

void js_nodes_free(js_nodes *nodes){
  free(nodes->node);
  *nodes = (js_nodes){ 0 };
}

static void nodes_give_up(checking *c){
  js_nodes_free(c->nodes);
  c->nodes = NULL;
}

static int nodes_grow(checking *c){
  js_nodes *l = c->nodes;
  uint32_t room = l->room ? 2*l->room : NODES_FIRST;
  js_node *node = room<=NODES_MAX ? realloc(l->node, room * sizeof *node) : NULL;
  if( node==NULL ){
    nodes_give_up(c);
    return 0;
  }
  l->node = node;
  l->room = room;
  return 1;
}

static inline void node_add(checking *c, const char *from, const char *to, uint32_t plain){
  js_nodes *l = c->nodes;
  if( l==NULL || (l->count==l->room && !nodes_grow(c)) ) return;
  size_t back = (size_t)(from - c->name);
  if( back>UINT16_MAX ){
    nodes_give_up(c);
    return;
  }
  js_node *node = &l->node[l->count++];
  node->at = (uint32_t)(from - c->text);
  node->n = (uint32_t)(to - from);
  node->skip = 1 | plain;
  node->back = (uint16_t)back;
  node->name_n = (uint16_t)c->name_n;
}

/* ---- one pass ------------------------------------------------------------------------------------------ */

/* From '{' or '[' to behind it, where the first value is to come; for one that is empty behind its end. */
static inline const char *container_open(checking *c, const char *p, int *empty){
  const char *from = p, *end = c->end;
  char close = *p=='{' ? '}' : ']';
  p = blanks(p+1, end);
  *empty = p<end && *p==close;
  if( *empty ){
    node_add(c, from, p+1, 0);
    return p + 1;
  }
  if( c->depth==JSON_DEPTH ) return NULL;
  c->open[c->depth] = c->nodes ? c->nodes->count : 0;
  c->closing[c->depth++] = close;
  node_add(c, from, from, 0);
  return p;
}

static inline void container_close(checking *c, const char *behind){
  js_nodes *l = c->nodes;
  uint32_t first = c->open[--c->depth];
  if( l==NULL ) return;
  js_node *node = &l->node[first];
  node->n = (uint32_t)(behind - c->text) - node->at;
  node->skip = l->count - first;
}

/* A member's name and its colon; nothing in a list. */
static inline const char *name_check(checking *c, const char *p){
  const char *end = c->end;
  uint32_t plain;
  if( c->closing[c->depth-1]==']' ){
    c->name = p;
    c->name_n = 0;
    return p;
  }
  p = blanks(p, end);
  if( p>=end || *p!='"' ) return NULL;
  c->name = p + 1;
  p = string_check(p+1, end, &plain);
  if( p==NULL ) return NULL;
  c->name_n = (size_t)(p - c->name) - 1;
  p = blanks(p, end);
  return p<end && *p==':' ? p+1 : NULL;
}

static inline const char *scalar_check(checking *c, const char *p){
  uint32_t plain = 0;
  const char *behind = *p=='"' ? string_check(p+1, c->end, &plain) : word_check(p, c->end);
  if( behind ) node_add(c, p, behind, plain);
  return behind;
}

/* Strict (RFC 8259): returns where the value ends, or NULL if there is none. */
static const char *value_check(checking *c, const char *p){
  const char *end = c->end;
  for(;;){
    int empty = 1;
    p = blanks(p, end);
    if( p>=end ) return NULL;
    p = *p=='{' || *p=='[' ? container_open(c, p, &empty) : scalar_check(c, p);
    if( p==NULL ) return NULL;
    while( empty ){                /* behind a value: what it is part of may end too */
      if( c->depth==0 ) return p;
      p = blanks(p, end);
      if( p>=end ) return NULL;
      if( *p==c->closing[c->depth-1] ) container_close(c, ++p);
      else if( *p++!=',' ) return NULL;
      else break;
    }
    p = name_check(c, p);
    if( p==NULL ) return NULL;
  }
}

int json_read(js_nodes *nodes, const char *text, size_t n, js *value){
  checking c;
  c.text = text;
  c.end = text + n;
  c.nodes = n<=UINT32_MAX ? nodes : NULL;
  c.name = text;
  c.name_n = 0;
  c.depth = 0;
  if( nodes ) nodes->count = 0;
  const char *p = blanks(text, c.end);
  const char *q = value_check(&c, p);
  if( q==NULL || blanks(q, c.end)!=c.end ) return 0;
  *value = (js){ p, (size_t)(q - p), c.nodes ? c.nodes->node : NULL };
  return 1;
}

int json_check(const char *text, size_t n, js *value){
  return json_read(NULL, text, n, value);
}

/* ---- walking over a text that was accepted ------------------------------------------------------------- */

static const char *string_skip(const char *p){   /* from behind the opening quote */
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

int js_walk(js_iter *it, js *name, js *value){
  const char *p = blanks_skip(it->p);
  if( *p==',' ) p = blanks_skip(p+1);
  if( *p=='}' || *p==']' ) return 0;
  if( name ){
    const char *q = string_skip(p+1);
    *name = js_slice(p + 1, (size_t)(q - p) - 2);
    p = blanks_skip(blanks_skip(q) + 1);
  }
  const char *q = value_skip(p);
  *value = js_slice(p, (size_t)(q - p));
  it->p = q;
  return 1;
}
