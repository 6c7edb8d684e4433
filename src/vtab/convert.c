/*
** convert.c - see convert.h.
*/
#include "convert.h"

#include <math.h>
#include <string.h>

#include "../os.h"

void json_string(sqlite3_str *s, const char *text, size_t n){
  sqlite3_str_appendchar(s, 1, '"');
  for(size_t i=0; i<n; i++){
    unsigned char c = (unsigned char)text[i];
    if( c=='"' || c=='\\' ) sqlite3_str_appendchar(s, 1, '\\');
    if( c<0x20 ) sqlite3_str_appendf(s, "\\u%04x", c);
    else sqlite3_str_appendchar(s, 1, (char)c);
  }
  sqlite3_str_appendchar(s, 1, '"');
}

static void more_value(sqlite3_str *s, const ortto_value *v){
  switch( v->kind ){
    case ORTTO_VALUE_INTEGER: sqlite3_str_appendf(s, "%lld", (long long)v->integer); break;
    case ORTTO_VALUE_REAL:
      sqlite3_str_appendf(s, v->real<1e12 && v->real>-1e12 ? "%!.15g" : "%!.17g", v->real);
      break;
    case ORTTO_VALUE_JSON: sqlite3_str_append(s, v->text, (int)v->length); break;
    default: json_string(s, v->text, v->length);
  }
}

char *more_text(const ortto_field *const *field, const ortto_value *value, int from, int to){
  sqlite3_str *s = sqlite3_str_new(NULL);
  char separator = '{';
  for(int i=from; i<to; i++){
    if( value[i].kind==ORTTO_VALUE_NULL ) continue;
    sqlite3_str_appendchar(s, 1, separator);
    separator = ',';
    json_string(s, field[i]->column, strlen(field[i]->column));
    sqlite3_str_appendchar(s, 1, ':');
    more_value(s, &value[i]);
  }
  sqlite3_str_appendall(s, separator=='{' ? "{}" : "}");
  return sqlite3_str_finish(s);
}

void result_value(sqlite3_context *ctx, const ortto_value *v){
  switch( v->kind ){
    case ORTTO_VALUE_NULL: break;
    case ORTTO_VALUE_INTEGER: sqlite3_result_int64(ctx, v->integer); break;
    case ORTTO_VALUE_REAL: sqlite3_result_double(ctx, v->real); break;
    case ORTTO_VALUE_TEXT: case ORTTO_VALUE_JSON:   /* without SQLite's subtype: a local copy has none */
      sqlite3_result_text64(ctx, v->text, v->length, SQLITE_TRANSIENT, SQLITE_UTF8);
      break;
  }
}

int bind_value(sqlite3_stmt *stmt, int at, const ortto_value *v){
  switch( v->kind ){
    case ORTTO_VALUE_NULL: return sqlite3_bind_null(stmt, at);
    case ORTTO_VALUE_INTEGER: return sqlite3_bind_int64(stmt, at, v->integer);
    case ORTTO_VALUE_REAL: return sqlite3_bind_double(stmt, at, v->real);
    default: return sqlite3_bind_text64(stmt, at, v->text, v->length, SQLITE_STATIC, SQLITE_UTF8);
  }
}

/* A number as JSON, with no more digits than it takes to mean the same double. */
static void json_real(sqlite3_str *s, double r){
  char text[40], *end;
  for(int digits=15; digits<=17; digits++){
    sqlite3_snprintf(sizeof text, text, "%!.*g", digits, r);
    if( os_parse_double(text, &end)==r ) break;
  }
  sqlite3_str_appendall(s, text);
}

void json_of_value(sqlite3_str *s, const ortto_value *v){
  switch( v->kind ){
    case ORTTO_VALUE_NULL: sqlite3_str_appendall(s, "null"); break;
    case ORTTO_VALUE_REAL: json_real(s, v->real); break;
    default: more_value(s, v);
  }
}

int json_value(sqlite3_str *s, const ortto_field *f, sqlite3_value *v){
  const char *text = NULL;
  double r;
  switch( sqlite3_value_type(v) ){
    case SQLITE_NULL: sqlite3_str_appendall(s, "null"); return 1;
    case SQLITE_INTEGER: sqlite3_str_appendf(s, "%lld", sqlite3_value_int64(v)); return 1;
    case SQLITE_FLOAT:
      r = sqlite3_value_double(v);
      if( !isfinite(r) ) return 0;
      json_real(s, r);
      return 1;
    case SQLITE_TEXT: text = (const char *)sqlite3_value_text(v); break;
    default: return 0;
  }
  size_t n = (size_t)sqlite3_value_bytes(v);
  if( text==NULL ) return 0;
  /* The shapes that reading gives for values it could not make simpler are written back as they are. */
  int shape = f->type!=ORTTO_TEXT && text[0]=='{' && ortto_json_is_object(text, n);
  if( shape ) sqlite3_str_append(s, text, (int)n);
  else json_string(s, text, n);
  return 1;
}
