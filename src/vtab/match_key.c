/*
** match_key.c - see match_key.h.
*/
#include "match_key.h"

#include <string.h>

#include "../text.h"

static uint64_t number_key(double r){
  char digits[40];
  if( r==0 ) r = 0;                                /* -0.0 equals 0 */
  sqlite3_snprintf(sizeof digits, digits, "%.14e", r);
  return mix64(hash_bytes(HASH_START, digits, strlen(digits)));
}

/* A byte in front keeps texts apart from numbers. */
static uint64_t text_key(const unsigned char *text, size_t n){
  uint64_t h = hash_bytes(HASH_START, "t", 1);
  const unsigned char *nul = memchr(text, 0, n);
  if( nul ) n = (size_t)(nul - text);
  while( n && text[n-1]==' ' ) n--;
  while( n ){
    unsigned char part[64];
    size_t size = n<sizeof part ? n : sizeof part;
    for(size_t i=0; i<size; i++)
      part[i] = text[i]>='A' && text[i]<='Z' ? (unsigned char)(text[i] + ('a'-'A')) : text[i];
    h = hash_bytes(h, part, size);
    text += size;
    n -= size;
  }
  return mix64(h);
}

/* Most texts show by their first byte that they are no number. */
static int may_be_number(sqlite3_value *v){
  if( sqlite3_value_type(v)!=SQLITE_TEXT ) return 1;
  const unsigned char *text = sqlite3_value_text(v);
  return text && text[0]<='9';
}

static void match_key(sqlite3_context *ctx, int argc, sqlite3_value **argv){
  sqlite3_value *v = argv[0];
  uint64_t key = 0;
  (void)argc;
  switch( may_be_number(v) ? sqlite3_value_numeric_type(v) : SQLITE_TEXT ){
    case SQLITE_NULL: break;
    case SQLITE_INTEGER: case SQLITE_FLOAT: key = number_key(sqlite3_value_double(v)); break;
    default: {
      const unsigned char *text = sqlite3_value_text(v);
      if( text==NULL ){
        sqlite3_result_error_nomem(ctx);
        return;
      }
      key = text_key(text, (size_t)sqlite3_value_bytes(v));
    }
  }
  sqlite3_result_int64(ctx, (sqlite3_int64)key);
}

/* Innocuous, for an index of ours is on it, whatever the library trusts. */
int match_key_register(sqlite3 *db){
  int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
  return sqlite3_create_function_v2(db, "match_key", 1, flags, NULL, match_key, NULL, NULL, NULL);
}
