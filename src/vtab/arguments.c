/*
** arguments.c - see arguments.h.
*/
#include "arguments.h"

#include <stdlib.h>
#include <string.h>

#include "../text.h"
#include "sql.h"

int is_blank(char c){
  return c==' ' || c=='\t' || c=='\n' || c=='\r' || c=='\f';
}

static int is_word(char c){
  return (c>='a' && c<='z') || (c>='A' && c<='Z') || (c>='0' && c<='9') || c=='_';
}

/* A copy without blanks around it and without its quotes. */
static char *unquote(const char *text){
  while( is_blank(*text) ) text++;
  size_t n = strlen(text);
  while( n && is_blank(text[n-1]) ) n--;
  char *out = sqlite3_malloc64(n + 1), *to = out;
  if( out==NULL ) return NULL;
  char quote = n>=2 && (text[0]=='\'' || text[0]=='"') && text[n-1]==text[0] ? text[0] : 0;
  for(size_t i=quote!=0; i<n-(quote!=0); i++){
    *to++ = text[i];
    if( quote && text[i]==quote && text[i+1]==quote ) i++;
  }
  *to = 0;
  return out;
}

/* The value behind `name =`, and the name in lower case; NULL if the argument is a bare value. */
static const char *named_value(const char *text, char *name, size_t size){
  size_t n = 0;
  while( is_blank(*text) ) text++;
  for(; is_word(text[n]); n++){
    char c = text[n];
    if( n+1<size ) name[n] = (char)(c>='A' && c<='Z' ? c+32 : c);
  }
  name[n+1<size ? n : size-1] = 0;
  const char *p = text + n;
  while( is_blank(*p) ) p++;
  return n && *p=='=' ? p+1 : NULL;
}

int table_find(const char *name){
  if( sqlite3_strnicmp(name, "ortto_", 6)==0 ) name += 6;
  for(int i=0; i<ORTTO_TABLES; i++)
    if( sqlite3_stricmp(name, ortto_table_name((ortto_table)i))==0 ) return i;
  return -1;
}

char *table_list(void){
  sqlite3_str *s = sqlite3_str_new(NULL);
  for(int i=0; i<ORTTO_TABLES; i++)
    sqlite3_str_appendf(s, "%s%s", i ? ", " : "", ortto_table_name((ortto_table)i));
  return sqlite3_str_finish(s);
}

static int bad_table(const char *value, char **error){
  return error_set(error, "ortto: there is no table '%.40s'; the tables are %z", value, table_list());
}

static int text_keep(char **to, const char *value){
  *to = sqlite3_mprintf("%s", value);
  return *to ? SQLITE_OK : SQLITE_NOMEM;
}

/* `table`, `fields`, `columns`, `audience` and `filter`; *known is 0 if the name is none of them. */
static int argument_of_table(arguments *a, const char *name, const char *value, int *known, char **error){
  static const char *const names[] = { "table", "fields", "columns", "audience", "filter" };
  int which = 0;
  while( which<COUNT(names) && strcmp(name, names[which])!=0 ) which++;
  *known = which<COUNT(names);
  if( !*known ) return SQLITE_OK;
  if( a->given & 1u<<which ) return error_set(error, "ortto: %s is given twice", name);
  a->given |= 1u<<which;
  if( which==0 ){
    a->kind = table_find(value);
    return a->kind<0 ? bad_table(value, error) : SQLITE_OK;
  }
  if( which==1 ) return text_keep(&a->fields, value);
  if( which==3 && value[0]==0 )
    return error_set(error, "ortto: audience takes the name or id of an audience");
  if( which==3 ) return text_keep(&a->audience, value);
  if( which==4 && !ortto_json_is_object(value, strlen(value)) )
    return error_set(error, "ortto: filter takes a JSON object of Ortto's, in quotes, such as "
                     "filter='{\"$has_any_value\":{\"field_id\":\"str::email\"}}'");
  if( which==4 ) return text_keep(&a->filter, value);
  a->by_ids = sqlite3_stricmp(value, "ids")==0;
  if( a->by_ids || sqlite3_stricmp(value, "names")==0 ) return SQLITE_OK;
  return error_set(error, "ortto: columns cannot be '%.40s'; it takes names or ids", value);
}

static int argument_set(conn *c, arguments *a, const char *name, const char *value, char **error){
  int known;
  int rc = argument_of_table(a, name, value, &known, error);
  if( known ) return rc;
  int i = 0;
  while( i<ORTTO_SETTINGS && strcmp(name, ortto_setting_name((ortto_setting)i))!=0 ) i++;
  /* A key that holds = and was not quoted ends up here: so the name is shown only if it cannot be one. */
  if( i==ORTTO_SETTINGS )
    return error_set(error, "ortto: there is no argument '%s'; the arguments are region, key, table, "
                     "segment_key, api_url, timeout_ms, retries, rate, concurrency, write, fields, columns, "
                     "audience, filter (a value that holds = must be quoted)",
                     strlen(name)<=12 ? name : "...");
  if( a->settings.value[i] ) return error_set(error, "ortto: %s is given twice", name);
  int checked = ortto_setting_check(c->client, (ortto_setting)i, value, 1, &a->settings.value[i]);
  return to_sqlite(c, checked, error);
}

/* One without a name. A value that is not the region or the table may be the key, in the wrong place: it is
** not shown. */
static int argument_at(conn *c, arguments *a, int i, const char *value, char **error){
  static const char *const names[] = { "region", "key", "table" };
  int rc = argument_set(c, a, names[i], value, error);
  if( rc!=SQLITE_ERROR || i==1 ) return rc;
  if( i==0 && table_find(value)>=0 )
    return error_set(error, "ortto: the first argument without a name is the region: global, au or eu. "
                     "For the table write table=%s", value);
  if( i==0 )
    return error_set(error, "ortto: the first argument without a name is the region: global, au or eu");
  return error_set(error, "ortto: the third argument without a name is the table: %z", table_list());
}

static int argument_read(conn *c, arguments *a, int i, const char *text, char **error){
  char name[32];
  int rc = SQLITE_OK;
  const char *rest = named_value(text, name, sizeof name);
  char *value = unquote(rest ? rest : text);
  if( value==NULL ) return SQLITE_NOMEM;
  if( rest ) rc = argument_set(c, a, name, value, error);
  else if( i<3 && text[strspn(text, " \t\r\n\f")]!=0 ) rc = argument_at(c, a, i, value, error);
  else if( value[0] )
    rc = error_set(error, "ortto: argument %d has no name; only region, key and table, in this order, may be "
                   "given without one", i+1);
  sqlite3_free(value);
  return rc;
}

int arguments_read(conn *c, int argc, const char *const *argv, arguments *a, char **error){
  int rc = SQLITE_OK;
  for(int i=0; rc==SQLITE_OK && i<argc; i++) rc = argument_read(c, a, i, argv[i], error);
  if( rc!=SQLITE_OK ) return rc;
  if( a->kind<0 )
    return error_set(error, "ortto: which table? Write table=NAME or give it as the third argument; "
                     "the tables are %z", table_list());
  if( a->kind>ORTTO_ACCOUNTS && a->given & 6u )
    return error_set(error, "ortto: fields and columns are for people and accounts; %s have fixed columns",
                     ortto_table_name((ortto_table)a->kind));
  if( a->audience && a->kind!=ORTTO_PEOPLE )
    return error_set(error, "ortto: audience is for people; %s have none",
                     ortto_table_name((ortto_table)a->kind));
  if( a->filter && a->kind>ORTTO_ACCOUNTS )
    return error_set(error, "ortto: filter is for people and accounts; %s cannot be filtered by Ortto",
                     ortto_table_name((ortto_table)a->kind));
  return SQLITE_OK;
}

const char *arguments_steer(const arguments *a, const char *hidden){
  if( strcmp(hidden, "audience")==0 ) return a->audience;
  return strcmp(hidden, "filter")==0 ? a->filter : NULL;
}

int arguments_narrow(const arguments *a){
  return a->audience || a->filter;
}

/* 0 when out of memory. */
static int text_again(char **to, const char *from){
  *to = from ? sqlite3_mprintf("%s", from) : NULL;
  return from==NULL || *to!=NULL;
}

int arguments_copy(arguments *to, const arguments *from){
  *to = *from;
  int ok = text_again(&to->fields, from->fields);
  ok &= text_again(&to->audience, from->audience);
  ok &= text_again(&to->filter, from->filter);
  for(int i=0; i<ORTTO_SETTINGS; i++){
    to->settings.value[i] = from->settings.value[i] ? text_copy(from->settings.value[i]) : NULL;
    if( from->settings.value[i] && to->settings.value[i]==NULL ) ok = 0;
  }
  return ok;
}

void arguments_free(arguments *a){
  for(int i=0; i<ORTTO_SETTINGS; i++) free(a->settings.value[i]);
  sqlite3_free(a->fields);
  sqlite3_free(a->audience);
  sqlite3_free(a->filter);
}
