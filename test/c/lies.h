/*
** lies.h - for the C tests: an answer of the server with one thing in it changed.
**
** walk() finds the places of a JSON text: each value, its name, its path ("contacts/0/fields/str::email").
** lied() gives the text with one lie told at one place, byte by byte, or NULL where that lie is none there.
** answer_of() asks the sandbox server again what a request that it has logged was answered.
*/
#ifndef LIES_H
#define LIES_H

#include "harness.h"
#include <ctype.h>
#include <fnmatch.h>

#define COUNT(array) ((int)(sizeof(array)/sizeof(*(array))))
#define NODES 4000

/* ---- JSON, as places in a text ----------------------------------------------------------------------- */

typedef struct node {
  char path[200];                /* members and places, with '/' between them; "" for the whole */
  const char *from, *to;         /* the value */
  const char *key;               /* where its name begins; NULL: it has none */
  int parent;
} node;

typedef struct tree {
  node list[NODES];
  int count;
} tree;

static const char *blanks(const char *p){
  while( isspace((unsigned char)*p) ) p++;
  return p;
}

static const char *string_end(const char *p){
  for(p++; *p!='"'; p++) if( *p=='\\' ) p++;
  return p+1;
}

static const char *walk(tree *t, const char *p, const char *key, const char *path, int parent);

/* Members and elements; the further ones of a long list, or object, are passed over. */
static const char *walk_inside(tree *t, const char *p, const char *path, int self){
  char close = *p=='{' ? '}' : ']', below[200];
  tree *spare = NULL;
  p = blanks(p+1);
  for(int i=0; *p!=close; i++){
    const char *key = NULL;
    if( close=='}' ){
      const char *end = string_end(p);
      snprintf(below, sizeof below, "%.90s%s%.*s", path, *path ? "/" : "", (int)(end-p < 90 ? end-p-2 : 90),
          p+1);
      key = p;
      p = blanks(blanks(end)+1);
    }else snprintf(below, sizeof below, "%.90s%s%d", path, *path ? "/" : "", i);
    if( i>=(close==']' ? 3 : 12) ){   /* walked only to find its end */
      if( spare==NULL ) spare = calloc(1, sizeof *spare);
      spare->count = 0;
      p = walk(spare, p, key, below, 0);
    }else p = walk(t, p, key, below, self);
    p = blanks(p);
    if( *p==',' ) p = blanks(p+1);
  }
  free(spare);
  return p+1;
}

UNUSED static const char *walk(tree *t, const char *p, const char *key, const char *path, int parent){
  int self = t->count<NODES ? t->count++ : NODES-1;
  p = blanks(p);
  t->list[self] = (node){ .from = p, .key = key, .parent = parent };
  snprintf(t->list[self].path, sizeof t->list[self].path, "%s", path);
  if( *p=='{' || *p=='[' ) p = walk_inside(t, p, path, self);
  else if( *p=='"' ) p = string_end(p);
  else while( *p && strchr(",]} \n\r\t", *p)==NULL ) p++;
  t->list[self].to = p;
  return p;
}

/* ---- lies -------------------------------------------------------------------------------------------- */

typedef enum lie {
  MISSING, NIL, ZERO, MINUS, HUGE_NUMBER, FRACTION, MORE, FEWER, NO_TEXT, OTHER_TEXT, YES, NO, NO_LIST,
      NO_OBJECT,
  IN_LIST, IN_OBJECT, AS_TEXT, TWICE, TWICE_OTHER_FIRST, TWICE_OTHER_LAST, LONG_TEXT, DEEP, OTHER_ID, LIES
} lie;

static const char *const lie_names[LIES] = {
  "missing", "null", "0", "-1", "a huge number", "a fraction", "one more", "one fewer", "an empty text",
  "another text", "true", "false", "an empty list", "an empty object", "in a list", "in an object", "as text",
  "twice", "twice, another first", "twice, another last", "a long text", "deep", "another id",
};

static int is_number(const node *n){ return *n->from=='-' || isdigit((unsigned char)*n->from); }
static int is_id(const node *n){
  if( *n->from!='"' || n->to - n->from!=26 ) return 0;
  for(int i=1; i<25; i++) if( !isxdigit((unsigned char)n->from[i]) ) return 0;
  return 1;
}

static char *repeated(const char *head, const char *piece, int times, const char *tail){
  size_t n = strlen(piece);
  char *out = malloc(strlen(head) + n*(size_t)times + strlen(tail) + 1), *p = out + sprintf(out, "%s", head);
  for(int i=0; i<times; i++, p+=n) memcpy(p, piece, n);
  strcpy(p, tail);
  return out;
}

/* What stands in place of the value; NULL: this lie is none here. */
static char *lied_value(const node *n, lie what){
  static const char *const plain[LIES] = {
    [NIL] = "null", [ZERO] = "0", [MINUS] = "-1", [HUGE_NUMBER] = "99999999999999999999999",
        [FRACTION] = "1.5",
    [NO_TEXT] = "\"\"", [OTHER_TEXT] = "\"x\"", [YES] = "true", [NO] = "false", [NO_LIST] = "[]",
    [NO_OBJECT] = "{}", [OTHER_ID] = "\"0069aabbccddeeff00112200\"",
  };
  int length = (int)(n->to - n->from);
  char *out = NULL, *end, number[24];
  long long value = is_number(n) ? strtoll(n->from, NULL, 10) : 0;
  snprintf(number, sizeof number, "%lld", value + (what==MORE) - (what==FEWER));
  if( plain[what] ){
    if( what==OTHER_ID && !is_id(n) ) return NULL;
    if( strlen(plain[what])==(size_t)length && memcmp(plain[what], n->from, (size_t)length)==0 ) return NULL;
    return strdup(plain[what]);
  }
  switch( what ){
    case MORE: case FEWER: return is_number(n) ? strdup(number) : NULL;
    case IN_LIST: return asprintf(&out, "[%.*s]", length, n->from)<0 ? NULL : out;
    case IN_OBJECT: return asprintf(&out, "{\"a\":%.*s}", length, n->from)<0 ? NULL : out;
    case AS_TEXT:
      if( strchr("\"{[", *n->from) ) return NULL;
      return asprintf(&out, "\"%.*s\"", length, n->from)<0 ? NULL : out;
    case LONG_TEXT: return repeated("\"", "huge", 300000, "\"");
    case DEEP:
      end = repeated("", "]", 3000, "");
      out = repeated("", "[", 3000, end);
      free(end);
      return out;
    default: return NULL;
  }
}

static char *joined(const char *from, const char *a, const char *middle, const char *b){
  char *out = NULL;
  if( asprintf(&out, "%.*s%s%s", (int)(a-from), from, middle, b)<0 ) fail_msg("no memory");
  return out;
}

/* The member, or element, and a comma beside it are left out. */
static char *without(const char *text, const node *n){
  const char *a = n->key ? n->key : n->from, *b = blanks(n->to);
  if( n->parent<0 ) return strdup("");
  if( *b==',' ) return joined(text, a, "", b+1);
  while( isspace((unsigned char)a[-1]) ) a--;
  if( a[-1]==',' ) a--;
  return joined(text, a, "", b);
}

/* The same once more, in front or behind; a member's second value may be another one. */
static char *doubled(const char *text, const node *n, lie what){
  const char *a = n->key ? n->key : n->from;
  const char *other = *n->from=='"' ? "\"x\"" : *n->from=='t' ? "false" : *n->from=='f' ? "true"
                    : *n->from=='[' ? "[]" : *n->from=='{' ? "{}" : "7";
  char *piece = NULL, *out;
  int named = (int)(n->from - a);
  if( n->parent<0 || (what!=TWICE && n->key==NULL) ) return NULL;
  if( what==TWICE ) piece = strndup(a, (size_t)(n->to - a));
  else if( asprintf(&piece, "%.*s%s", named, a, other)<0 ) fail_msg("no memory");
  if( what==TWICE_OTHER_LAST ){
    char *with;
    if( asprintf(&with, ",%s", piece)<0 ) fail_msg("no memory");
    out = joined(text, n->to, with, n->to);
    free(with);
  }else{
    char *with;
    if( asprintf(&with, "%s,", piece)<0 ) fail_msg("no memory");
    out = joined(text, a, with, a);
    free(with);
  }
  free(piece);
  return out;
}

UNUSED static char *lied(const char *text, const node *n, lie what){
  if( what==MISSING ) return without(text, n);
  if( what==TWICE || what==TWICE_OTHER_FIRST || what==TWICE_OTHER_LAST ) return doubled(text, n, what);
  char *value = lied_value(n, what), *out = value ? joined(text, n->from, value, n->to) : NULL;
  free(value);
  return out;
}

/* ---- chance ------------------------------------------------------------------------------------------ */

static unsigned long chance = 20261127;

UNUSED static int below(int n){
  chance = chance*6364136223846793005u + 1442695040888963407u;
  return (int)((chance>>33) % (unsigned long)n);
}

/* LIES=all: every lie at every place; else about so many for each test. SEED: which. */
UNUSED static int is_chosen(const tree *t, int about){
  const char *which = getenv("LIES");
  return (which && strcmp(which, "all")==0) || below(t->count*LIES)<about;
}

UNUSED static void seed_take(void){
  const char *seed = getenv("SEED");
  if( seed ) chance = strtoul(seed, NULL, 10);
  printf("# SEED=%lu\n", chance);
}

/* A text with a place in its middle that was cut out, for the server's fault `splice`: equal in front and
** behind. */
UNUSED static void middle_of(const char *truth, const char *lie, size_t *head, size_t *tail){
  size_t n = strlen(truth), m = strlen(lie);
  *head = *tail = 0;
  while( *head<n && *head<m && truth[*head]==lie[*head] ) ++*head;
  while( *tail<n-*head && *tail<m-*head && truth[n-1-*tail]==lie[m-1-*tail] ) ++*tail;
}

/* ---- asking again ------------------------------------------------------------------------------------ */

/* The answer to the nth request for the path that was logged, made once more with its body. */
UNUSED static char *answer_of(const server *s, const char *path, int nth){
  char *log = server_ask(s, "/sandbox/requests?full", NULL), url[200];
  sqlite3 *db = NULL;
  sqlite3_stmt *stmt = NULL;
  sqlite3_open(":memory:", &db);
  sqlite3_prepare_v2(db, "SELECT value->>'method', json(value->'body') FROM json_each(?1) WHERE "
      "value->>'path' = ?2 "
      "LIMIT 1 OFFSET ?3", -1, &stmt, NULL);
  sqlite3_bind_text(stmt, 1, log, -1, SQLITE_STATIC);
  sqlite3_bind_text(stmt, 2, path, -1, SQLITE_STATIC);
  sqlite3_bind_int(stmt, 3, nth);
  if( sqlite3_step(stmt)!=SQLITE_ROW ) fail_msg("no request for %s", path);
  text answer = { calloc(1, 1), 0, 1 };
  CURL *easy = curl_easy_init();
  struct curl_slist *headers = curl_slist_append(NULL, "X-Api-Key: sandbox-key");
  headers = curl_slist_append(headers, "Expect:");
  snprintf(url, sizeof url, "%s%s", s->url, path);
  curl_easy_setopt(easy, CURLOPT_URL, url);
  curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, (const char *)sqlite3_column_text(stmt, 0));
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, (const char *)sqlite3_column_text(stmt, 1));
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, text_add);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &answer);
  if( curl_easy_perform(easy)!=CURLE_OK || answer.n==0 ) fail_msg("%s: no answer", path);
  curl_easy_cleanup(easy);
  curl_slist_free_all(headers);
  sqlite3_finalize(stmt);
  sqlite3_close(db);
  free(log);
  return answer.p;
}

#endif
