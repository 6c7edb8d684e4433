/*
** json_check.h - is this text JSON, and where in it does each value stand? One pass answers both.
**
** json_check says yes or no. json_read also writes a node of 16 bytes for each value, in the order of the
** text, so that stepping over a value goes on at the node behind it, whatever is inside. Where there are no
** nodes (json_check; more than NODES_MAX of them; no memory) the same functions walk over the text, and what
** they give is the same.
** May use: text. Must not know: SQLite, Ortto, what a value means.
**
** A js points into the text it was read from, and into its nodes if it has any: it lives as long as those.
** Only json_check and json_read take text that was not checked yet; all the others want slices of a text that
** was accepted, which is terminated.
*/
#ifndef ORTTO_JSON_CHECK_H
#define ORTTO_JSON_CHECK_H

#include <stddef.h>
#include <stdint.h>

#define NODES_MAX (1u << 19)       /* 8 MB: a hostile answer has 32 million values, a page has 100,000 */

typedef struct js_node {
  uint32_t at, n;                  /* the value in the text */
  uint32_t skip;                   /* it, and the nodes inside it; and NODE_PLAIN */
  uint16_t back, name_n;           /* of a member: its name begins so far in front of it, and is so long */
} js_node;

#define NODE_PLAIN 0x80000000u     /* a string in ASCII without escapes, which has no nodes inside */

typedef struct js_nodes {          /* all zero at first; used again for the next text */
  js_node *node;
  uint32_t count, room;
} js_nodes;

typedef struct js {                /* {NULL, 0}: no value */
  const char *p;
  size_t n;
  const js_node *node;             /* NULL: walk */
} js;

typedef struct js_iter {           /* stands before the next member or element */
  const char *p;                   /* without nodes the place, with them the whole text */
  const js_node *node, *end;
} js_iter;

/* The one value of a text; 0 if the text is not JSON (RFC 8259, up to 1,000 levels). */
int json_check(const char *text, size_t n, js *value);

/* The same with nodes, which belong to the caller: they must live as long as the values. */
int json_read(js_nodes *nodes, const char *text, size_t n, js *value);
void js_nodes_free(js_nodes *nodes);

/* A slice of an accepted text, or a text that needs no check. */
static inline js js_slice(const char *p, size_t n){
  return (js){ p, n, NULL };
}

/* Is it known to be a string in ASCII without escapes? */
static inline int js_is_plain(js v){
  return v.node && (v.node->skip & NODE_PLAIN);
}

/* For js_next, where there are no nodes. */
int js_walk(js_iter *it, js *name, js *value);

static inline js_iter js_in(js container){
  if( container.node==NULL ) return (js_iter){ container.p ? container.p + 1 : "]", NULL, NULL };
  const js_node *node = container.node;
  return (js_iter){ container.p - node->at, node + 1, node + (node->skip & ~NODE_PLAIN) };
}

/* The next element of an array, or member of an object (then name is not NULL). The name is without
** quotes. */
static inline int js_next(js_iter *it, js *name, js *value){
  const js_node *node = it->node;
  if( node==NULL ){                /* copies: what is pointed to cannot stay in registers */
    js_iter walk = *it;
    js n, v;
    if( !js_walk(&walk, name ? &n : NULL, &v) ) return 0;
    *it = walk;
    *value = v;
    if( name ) *name = n;
    return 1;
  }
  if( node==it->end ) return 0;
  *value = (js){ it->p + node->at, node->n, node };
  if( name ) *name = (js){ value->p - node->back, node->name_n, NULL };
  it->node = node + (node->skip & ~NODE_PLAIN);
  return 1;
}

/* The next one will be looked at soon. For a long list of long values, which the processor cannot foresee. */
static inline void js_prefetch(js_iter it){
  if( it.node!=it.end ) __builtin_prefetch(it.p + it.node->at);
}

/* Behind the digits, a number, blanks; number_check: NULL if there is no number as JSON writes it. */
const char *digits(const char *p, const char *end);
const char *number_check(const char *p, const char *end);
const char *blanks_skip(const char *p);

#endif
