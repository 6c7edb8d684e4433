/*
** match_key.c - see match_key.h.
*/
#include "match_key.h"

#include <string.h>

#include "../text.h"
#include "convert.h"
#include "sql.h"

#define FIFTEEN_DIGITS 1e15        /* below it a whole number has no more */

static uint64_t whole_key(double r){
  return mix64((uint64_t)(int64_t)r);
}

static int is_whole(double r){
  return r>-FIFTEEN_DIGITS && r<FIFTEEN_DIGITS && r==(double)(int64_t)r;
}

/* What 15 digits make whole is the whole number. */
static uint64_t number_key(double r){
  char digits[40], *end;
  if( is_whole(r) ) return whole_key(r);           /* -0.0 too */
  sqlite3_snprintf(sizeof digits, digits, "%.14e", r);
  double rounded = os_parse_double(digits, &end);
  if( is_whole(rounded) ) return whole_key(rounded);
  return mix64(hash_bytes(HASH_START, digits, strlen(digits)));
}

/* A byte in front keeps texts apart from numbers. */
static uint64_t text_key(const char *text, size_t n){
  uint64_t h = hash_bytes(HASH_START, "t", 1);
  const char *nul = n ? memchr(text, 0, n) : NULL;
  if( nul ) n = (size_t)(nul - text);
  while( n && text[n-1]==' ' ) n--;
  while( n ){
    char part[64];
    size_t size = n<sizeof part ? n : sizeof part;
    for(size_t i=0; i<size; i++)
      part[i] = text[i]>='A' && text[i]<='Z' ? (char)(text[i] + ('a'-'A')) : text[i];
    h = hash_bytes(h, part, size);
    text += size;
    n -= size;
  }
  return mix64(h);
}

/* No text with any other character is one, in any version; most show it soon. Newer versions read up to a
** NUL. */
static int may_be_number(const char *text, size_t n){
  for(size_t i=0; i<n && text[i]; i++)
    if( strchr("0123456789+-.eE \t\n\v\f\r", text[i])==NULL ) return 0;
  return n>0;
}

static void match_key(sqlite3_context *ctx, int argc, sqlite3_value **argv){
  sqlite3_value *v = argv[0];
  uint64_t key = 0;
  (void)argc;
  switch( sqlite3_value_numeric_type(v) ){
    case SQLITE_NULL: break;
    case SQLITE_INTEGER: case SQLITE_FLOAT: key = number_key(sqlite3_value_double(v)); break;
    default: {
      const char *text = (const char *)sqlite3_value_text(v);
      if( text==NULL ){
        sqlite3_result_error_nomem(ctx);
        return;
      }
      key = text_key(text, (size_t)sqlite3_value_bytes(v));
    }
  }
  sqlite3_result_int64(ctx, (sqlite3_int64)key);
}

int match_key_prepare(sqlite3 *db, sqlite3_stmt **out){
  int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
  int rc = sqlite3_create_function_v2(db, "match_key", 1, flags, NULL, match_key, NULL, NULL, NULL);
  *out = NULL;
  return rc==SQLITE_OK ? sql_prepare(db, out, "SELECT match_key(?1)") : rc;
}

static int key_read(sqlite3_stmt *reads, int bound, uint64_t *key){
  if( bound==SQLITE_OK && sqlite3_step(reads)==SQLITE_ROW ) *key = (uint64_t)sqlite3_column_int64(reads, 0);
  int rc = sqlite3_reset(reads);
  sqlite3_clear_bindings(reads);
  return bound==SQLITE_OK ? rc : bound;
}

int match_key_sqlite(sqlite3_stmt *reads, sqlite3_value *v, uint64_t *key){
  return key_read(reads, sqlite3_bind_value(reads, 1, v), key);
}

int match_key_ortto(sqlite3_stmt *reads, const ortto_value *v, uint64_t *key){
  switch( v->kind ){
    case ORTTO_VALUE_NULL: *key = 0; return SQLITE_OK;
    case ORTTO_VALUE_INTEGER: *key = number_key((double)v->integer); return SQLITE_OK;
    case ORTTO_VALUE_REAL: *key = number_key(v->real); return SQLITE_OK;
    default: break;
  }
  if( may_be_number(v->text, v->length) ) return key_read(reads, bind_value(reads, 1, v), key);
  *key = text_key(v->text, v->length);
  return SQLITE_OK;
}
