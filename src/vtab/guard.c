/*
** guard.c - see guard.h.
*/
#include "guard.h"

#include <string.h>

#include "sql.h"

/* One identifier of an SQL text, as a slice of it without its quotes. */
typedef struct token {
  const char *p;
  size_t n;
  char quote;                      /* the closing one, 0 none: a doubled one inside stands for itself */
} token;

static int is_name_character(char c){
  if( (c>='a' && c<='z') || (c>='A' && c<='Z') || (c>='0' && c<='9') ) return 1;
  return c=='_' || c=='$' || (unsigned char)c>=0x80;
}

/* Behind a comment that begins at p; p itself if none does. */
static const char *comment_end(const char *p){
  if( p[0]=='-' && p[1]=='-' ) return p + strcspn(p, "\n");
  if( p[0]!='/' || p[1]!='*' ) return p;
  const char *end = strstr(p+2, "*/");
  return end ? end + 2 : p + strlen(p);
}

/* Behind the closing quote; a doubled one stands for itself. */
static const char *quoted_end(const char *p, char close){
  for(p++; *p; p++){
    if( *p!=close ) continue;
    if( p[1]!=close || close==']' ) return p + 1;
    p++;
  }
  return p;
}

/* The next identifier behind *at; 0 at the end. texts: 'text' counts as one. */
static int next_token(const char **at, int texts, token *t){
  const char *p = *at;
  for(;;){
    const char *behind = comment_end(p);
    if( *p==0 ) return 0;
    if( behind!=p ){
      p = behind;
      continue;
    }
    if( is_name_character(*p) ){
      t->p = p;
      while( is_name_character(*p) ) p++;
      t->n = (size_t)(p - t->p);
      t->quote = 0;
      break;
    }
    char close = *p=='[' ? ']' : *p;
    if( close!='"' && close!='`' && close!=']' && close!='\'' ){
      p++;
      continue;
    }
    const char *end = quoted_end(p, close);
    t->p = p + 1;
    t->n = end>p+1 ? (size_t)(end - p) - 2 : 0;
    t->quote = close;
    p = end;
    if( close!='\'' || texts ) break;
  }
  *at = p;
  return 1;
}

/* Equal but for the case of ASCII letters, as SQLite compares names. */
static int token_is(token t, const char *name){
  size_t i = 0;
  for(; i<t.n && *name; i++, name++){
    if( sqlite3_strnicmp(t.p+i, name, 1)!=0 ) return 0;
    if( t.p[i]==t.quote ) i++;
  }
  return i==t.n && *name==0;
}

static int text_names(const char *sql, int texts, const char *name){
  token t;
  while( next_token(&sql, texts, &t) ) if( token_is(t, name) ) return 1;
  return 0;
}

#define DEPTH_MAX 8                /* TEMP views over TEMP views */

static int names_through(sqlite3 *db, const char *sql, int texts, const char *name, int depth);

/* A TEMP view of that name, or a trigger on it, whose text names it? */
static int temp_object_names(sqlite3 *db, token t, int texts, const char *name, int depth){
  sqlite3_stmt *stmt;
  int found = 0;
  int rc = sql_prepare(db, &stmt, "SELECT sql FROM temp.sqlite_schema WHERE %.*Q COLLATE NOCASE IN "
    "(CASE type WHEN 'view' THEN name WHEN 'trigger' THEN tbl_name END)", (int)t.n, t.p);
  while( rc==SQLITE_OK && !found && sqlite3_step(stmt)==SQLITE_ROW ){
    const char *sql = (const char *)sqlite3_column_text(stmt, 0);
    found = sql && names_through(db, sql, texts, name, depth + 1);
  }
  sqlite3_finalize(stmt);
  return found;
}

static int has_temp_objects(sqlite3 *db){
  sqlite3_int64 any;
  sql_integer(db, &any, "SELECT count(*) FROM temp.sqlite_schema WHERE type IN ('view','trigger')");
  return any>0;
}

static int names_through(sqlite3 *db, const char *sql, int texts, const char *name, int depth){
  token t;
  if( text_names(sql, texts, name) ) return 1;
  if( depth>=DEPTH_MAX || !has_temp_objects(db) ) return 0;
  while( next_token(&sql, texts, &t) ) if( temp_object_names(db, t, texts, name, depth) ) return 1;
  return 0;
}

int statement_names(sqlite3 *db, sqlite3_stmt *s, const char *name, int texts){
  const char *sql = sqlite3_sql(s);
  return sql && names_through(db, sql, texts, name, 0);
}

static int running_names(sqlite3 *db, const char *name, int texts){
  for(sqlite3_stmt *s=sqlite3_next_stmt(db, NULL); s; s=sqlite3_next_stmt(db, s))
    if( sqlite3_stmt_busy(s) && statement_names(db, s, name, texts) ) return 1;
  return 0;
}

int guard_names_table(sqlite3 *db, const char *name){
  int busy = 0;
  for(sqlite3_stmt *s=sqlite3_next_stmt(db, NULL); s; s=sqlite3_next_stmt(db, s))
    busy += sqlite3_stmt_busy(s)!=0;
  return running_names(db, name, busy==1);
}

int guard_names_function(sqlite3 *db, const char *name){
  return running_names(db, name, 0);
}

/* ---- UPDATE ... FROM ---- */

/* The next identifier outside of parentheses; 0 at the end. *dot: a dot stands in front of it. */
static int next_outer_token(const char **at, token *t, int *dot){
  const char *p = *at;
  int depth = 0;
  *dot = 0;
  while( *p ){
    const char *behind = comment_end(p);
    if( behind==p && *p=='\'' ) behind = quoted_end(p, '\'');
    if( behind==p && !is_name_character(*p) && *p!='"' && *p!='`' && *p!='[' ){
      depth += (*p=='(') - (*p==')');
      *dot |= *p=='.';
      behind = p + 1;
    }
    if( behind!=p ){
      p = behind;
      continue;
    }
    next_token(&p, 0, t);
    if( depth>0 ) continue;
    *at = p;
    return 1;
  }
  return 0;
}

static int is_word(token t, const char *word){
  return t.quote==0 && token_is(t, word);
}

static char *name_of(token schema, token name){
  if( schema.n==0 ) return sqlite3_mprintf("%.*s", (int)name.n, name.p);
  return sqlite3_mprintf("%.*s.%.*s", (int)schema.n, schema.p, (int)name.n, name.p);
}

/* A FROM outside of parentheses is the clause, unless it belongs to IS DISTINCT FROM. */
static int has_from(const char *sql){
  token t = { 0 }, before;
  int dot;
  for(before=t; next_outer_token(&sql, &t, &dot); before=t)
    if( is_word(t, "FROM") && !is_word(before, "DISTINCT") ) return 1;
  return 0;
}

char *statement_updates_from(sqlite3_stmt *s){
  const char *sql = sqlite3_sql(s);
  token t = { 0 }, schema = { 0 };
  int dot;
  if( sql==NULL ) return NULL;
  while( next_outer_token(&sql, &t, &dot) && !is_word(t, "UPDATE") ) {}
  if( !is_word(t, "UPDATE") || !next_outer_token(&sql, &t, &dot) ) return NULL;
  if( is_word(t, "OR") ) for(int i=0; i<2; i++) next_outer_token(&sql, &t, &dot);
  const char *behind = sql;
  token next;
  if( next_outer_token(&behind, &next, &dot) && dot ){
    schema = t;
    t = next;
    sql = behind;
  }
  return has_from(sql) ? name_of(schema, t) : NULL;
}
