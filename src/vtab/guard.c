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

static int is_word(token t, const char *word){
  return t.quote==0 && token_is(t, word);
}

/* The last character between two places that is no blank and in no comment; 0: none. */
static char last_between(const char *p, const char *end){
  char last = 0;
  while( p<end ){
    const char *behind = comment_end(p);
    if( behind==p && strchr(" \t\r\n\f", *p)==NULL ) last = *p;
    p = behind==p ? p+1 : behind;
  }
  return last;
}

static const char *token_end(token t){
  return t.p + t.n + (t.quote!=0);
}

/* Is a function called by that name, and no table meant, whose name a file may have chosen? */
static int is_call(const char *sql, token before, token t){
  const char *behind = token_end(t), *start = t.p - (t.quote!=0);
  while( *behind==' ' || (*behind>='\t' && *behind<='\r') || comment_end(behind)!=behind )
    behind = comment_end(behind)!=behind ? comment_end(behind) : behind+1;
  if( *behind!='(' || is_word(before, "INTO") ) return 0;
  return last_between(before.n ? token_end(before) : sql, start)!='.';
}

/* CREATE INDEX evaluates what a file holds, and calls no function of ours. */
static int creates_index(const char *sql){
  token t;
  if( !next_token(&sql, 0, &t) || !is_word(t, "CREATE") || !next_token(&sql, 0, &t) ) return 0;
  return is_word(t, "INDEX") || is_word(t, "UNIQUE");
}

typedef enum { AS_CALL, AS_NAME, AS_NAME_OR_TEXT } naming;

static int text_names(const char *sql, naming how, const char *name){
  const char *at = sql;
  token t, before = { 0 };
  if( how==AS_CALL && creates_index(sql) ) return 0;
  for(; next_token(&at, how==AS_NAME_OR_TEXT, &t); before=t)
    if( token_is(t, name) && (how!=AS_CALL || is_call(sql, before, t)) ) return 1;
  return 0;
}

#define DEPTH_MAX 8                /* TEMP views over TEMP views */

static int names_through(sqlite3 *db, const char *sql, naming how, const char *name, int depth, int *found);

/* A TEMP view of that name, or a trigger on it, whose text names it? */
static int temp_object_names(sqlite3 *db, token t, naming how, const char *name, int depth, int *found){
  sqlite3_stmt *stmt;
  int rc = sql_prepare(db, &stmt, "SELECT sql FROM temp.sqlite_schema WHERE %.*Q COLLATE NOCASE IN "
    "(CASE type WHEN 'view' THEN name WHEN 'trigger' THEN tbl_name END)", (int)t.n, t.p);
  if( rc==SQLITE_OK ) rc = SQLITE_ROW;
  while( rc==SQLITE_ROW && !*found && (rc = sqlite3_step(stmt))==SQLITE_ROW ){
    const char *sql = (const char *)sqlite3_column_text(stmt, 0);
    int read = sql ? names_through(db, sql, how, name, depth + 1, found) : SQLITE_NOMEM;
    if( read!=SQLITE_OK ) rc = read;
  }
  sqlite3_finalize(stmt);
  return *found || rc==SQLITE_DONE ? SQLITE_OK : rc;
}

static int has_temp_objects(sqlite3 *db, sqlite3_int64 *any){
  return sql_integer(db, any, "SELECT count(*) FROM temp.sqlite_schema WHERE type IN ('view','trigger')");
}

static int names_through(sqlite3 *db, const char *sql, naming how, const char *name, int depth, int *found){
  token t;
  sqlite3_int64 any = 0;
  *found = text_names(sql, how, name);
  int rc = *found || depth>=DEPTH_MAX ? SQLITE_OK : has_temp_objects(db, &any);
  while( rc==SQLITE_OK && any && !*found && next_token(&sql, how==AS_NAME_OR_TEXT, &t) )
    rc = temp_object_names(db, t, how, name, depth, found);
  return rc;
}

/* A schema in '': so FTS writes it, in statements of its own, which call the functions that a file's CREATE
** VIRTUAL TABLE names (FTS4's compress and uncompress). */
static int is_made_by_fts(const char *sql){
  token t;
  while( next_token(&sql, 1, &t) ) if( t.quote=='\'' && *sql=='.' ) return 1;
  return 0;
}

static int statement_has(sqlite3 *db, sqlite3_stmt *s, naming how, const char *name, int *found){
  const char *sql = sqlite3_sql(s);
  *found = 0;
  if( sql==NULL || (how!=AS_NAME_OR_TEXT && is_made_by_fts(sql)) ) return SQLITE_OK;
  return names_through(db, sql, how, name, 0, found);
}

int statement_names(sqlite3 *db, sqlite3_stmt *s, const char *name, int *found){
  return statement_has(db, s, AS_NAME_OR_TEXT, name, found);
}

static int running_names(sqlite3 *db, naming how, const char *name, int *found){
  int failed = SQLITE_OK;
  *found = 0;
  for(sqlite3_stmt *s=sqlite3_next_stmt(db, NULL); s && !*found; s=sqlite3_next_stmt(db, s)){
    int rc = sqlite3_stmt_busy(s) ? statement_has(db, s, how, name, found) : SQLITE_OK;
    if( rc!=SQLITE_OK ) failed = rc;
  }
  return *found ? SQLITE_OK : failed;
}

static int running_count(sqlite3 *db){
  int busy = 0;
  for(sqlite3_stmt *s=sqlite3_next_stmt(db, NULL); s; s=sqlite3_next_stmt(db, s))
    busy += sqlite3_stmt_busy(s)!=0;
  return busy;
}

int guard_names_table(sqlite3 *db, const char *name, int *found){
  return running_names(db, running_count(db)==1 ? AS_NAME_OR_TEXT : AS_NAME, name, found);
}

int guard_calls(sqlite3 *db, const char *function, int *found){
  return running_names(db, AS_CALL, function, found);
}

int guard_names_table_form(sqlite3 *db, const char *function, int *found){
  return running_names(db, AS_NAME, function, found);
}

/* ---- who has a table connected? ---- */

/* Does the text hold this word, wherever? */
static int holds_word(const char *text, const char *word){
  size_t n = strlen(word);
  for(const char *p=text; *p; p++){
    if( p>text && is_name_character(p[-1]) ) continue;
    if( sqlite3_strnicmp(p, word, (int)n)==0 && !is_name_character(p[n]) ) return 1;
  }
  return 0;
}

/* CREATE VIRTUAL TABLE ... USING ortto: connecting that one connects no other. */
static int is_ours(const char *sql){
  token t;
  int using = 0;
  while( next_token(&sql, 0, &t) ){
    if( using ) return token_is(t, "ortto");
    using = t.quote==0 && token_is(t, "using");
  }
  return 0;
}

/* Can the object that this CREATE makes be the reason to connect a table of that name? */
static int object_connects(const char *sql, const char *name){
  const char *at = sql;
  token kind;
  int hidden = strpbrk(name, "\"'`]")!=NULL;         /* a text would double these */
  if( (!hidden && !holds_word(sql, name)) || !next_token(&at, 0, &kind) || !next_token(&at, 0, &kind) )
    return 0;
  if( token_is(kind, "table") ) return holds_word(sql, "references");
  if( token_is(kind, "index") || token_is(kind, "unique") ) return 0;
  return !token_is(kind, "virtual") || !is_ours(sql);
}

/* The version of a schema as SQLite knows it: what a statement that reads it would be held against. */
static int version_known(sqlite3 *db, const char *schema, sqlite3_int64 *version){
  sqlite3_stmt *ops;
  int found = 0;
  int rc = sql_prepare(db, &ops, "EXPLAIN SELECT 1 FROM \"%w\".sqlite_schema", schema);
  if( rc==SQLITE_OK ) rc = SQLITE_ROW;
  while( rc==SQLITE_ROW && !found && (rc = sqlite3_step(ops))==SQLITE_ROW ){
    const char *op = (const char *)sqlite3_column_text(ops, 1);
    if( op==NULL ) rc = SQLITE_NOMEM;
    found = op && strcmp(op, "Transaction")==0;
    if( found ) *version = sqlite3_column_int64(ops, 4);
  }
  sqlite3_finalize(ops);
  return found ? SQLITE_OK : rc;
}

static int objects_connect(sqlite3 *db, const char *schema, const char *name, int *found){
  sqlite3_stmt *list;
  int rc = sql_prepare(db, &list, "SELECT CAST(sql AS TEXT) FROM \"%w\".sqlite_schema WHERE sql IS NOT NULL",
                       schema);
  if( rc==SQLITE_OK ) rc = SQLITE_ROW;
  while( rc==SQLITE_ROW && !*found && (rc = sqlite3_step(list))==SQLITE_ROW ){
    const char *sql = (const char *)sqlite3_column_text(list, 0);
    if( sql==NULL ) rc = SQLITE_NOMEM;
    else *found = object_connects(sql, name);
  }
  sqlite3_finalize(list);
  return *found || rc==SQLITE_DONE ? SQLITE_OK : rc;
}

/* Another program may have changed the schema, and SQLite not know it yet. It would read it anew under the
** statement that is being prepared now, which has taken some tables from the old one: so then the schema is
** not read. Nor can it be changed while it is read here. */
static int schema_connects(sqlite3 *db, const char *schema, const char *name, int *found){
  sqlite3_stmt *held;
  sqlite3_int64 known = 0;
  int rc = sql_prepare(db, &held, "PRAGMA \"%w\".schema_version", schema);
  if( rc==SQLITE_OK ) rc = sqlite3_step(held);
  int locked = rc==SQLITE_BUSY || rc==SQLITE_LOCKED;
  if( rc==SQLITE_ROW ) rc = version_known(db, schema, &known);
  int current = rc==SQLITE_OK && (int)sqlite3_column_int64(held, 0)==(int)known;
  if( current ) rc = objects_connect(db, schema, name, found);
  sqlite3_finalize(held);
  return locked ? SQLITE_OK : rc;
}

/* What cannot be read counts as found, unless memory runs out or somebody ends the statement. */
static int files_connect(sqlite3 *db, const char *name, int *found){
  sqlite3_stmt *list;
  int rc = sql_prepare(db, &list, "PRAGMA database_list"), step = SQLITE_ROW;
  while( rc==SQLITE_OK && !*found && (step = sqlite3_step(list))==SQLITE_ROW ){
    const char *schema = (const char *)sqlite3_column_text(list, 1);
    if( schema==NULL ) rc = SQLITE_NOMEM;
    else if( sqlite3_stricmp(schema, "temp")!=0 ) rc = schema_connects(db, schema, name, found);
  }
  sqlite3_finalize(list);
  if( rc==SQLITE_OK && step!=SQLITE_ROW && step!=SQLITE_DONE ) rc = step;
  if( rc==SQLITE_NOMEM || rc==SQLITE_INTERRUPT ) return rc;
  *found |= rc!=SQLITE_OK;
  return SQLITE_OK;
}

static sqlite3_stmt *pragma_prepared(sqlite3 *db){
  sqlite3_stmt *s = sqlite3_next_stmt(db, NULL);
  while( s && (sqlite3_sql(s) || sqlite3_column_count(s)==0) ) s = sqlite3_next_stmt(db, s);
  return s;
}

int guard_pragma(sqlite3 *db){
  return pragma_prepared(db)!=NULL;
}

/* PRAGMA table_list and integrity_check connect whatever a file holds; table_info and table_xinfo, whose
** first column is cid, one table: the program's own unless a running statement that does not name it calls
** them. */
static int pragma_connects(sqlite3 *db, const char *name, int *found){
  sqlite3_stmt *pragma = pragma_prepared(db);
  const char *first = pragma ? sqlite3_column_name(pragma, 0) : NULL;
  int named = 1, rc = SQLITE_OK;
  *found = pragma && (first==NULL || strcmp(first, "cid")!=0);
  if( pragma && !*found && running_count(db)>0 ) rc = running_names(db, AS_NAME_OR_TEXT, name, &named);
  *found |= !named;
  return rc;
}

int guard_file_connects(sqlite3 *db, const char *name, int *file){
  int rc = pragma_connects(db, name, file);
  return rc!=SQLITE_OK || *file ? rc : files_connect(db, name, file);
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
