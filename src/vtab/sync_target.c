/*
** sync_target.c - see sync_target.h.
*/
#include "sync_target.h"

#include <string.h>

#include "sql.h"

const char *column_name(const syncing *s, int i){
  return i<s->overflow ? s->fields->field[i].column : "more_fields";
}

const char *column_type(const syncing *s, int i){
  return i<s->overflow ? ortto_type_sql(s->fields->field[i].type) : "JSON";
}

int column_is_key(const syncing *s, int i){
  return i<s->overflow && s->fields->field[i].key;
}

int local_type(const syncing *s, const char *table, const char *column, char **type){
  sqlite3_stmt *stmt;
  *type = NULL;
  int rc = sql_prepare(s->db, &stmt, "SELECT CASE WHEN type='ANY' COLLATE NOCASE AND (SELECT strict FROM pragma_table_list(%Q) "
                       "WHERE schema=%Q COLLATE NOCASE) THEN '' ELSE type END FROM pragma_table_xinfo(%Q,%Q) WHERE name=%Q COLLATE NOCASE",
                       table, s->schema, table, s->schema, column);   /* ANY is no affinity, but only in a STRICT table */
  if( rc!=SQLITE_OK ) return rc;
  rc = sqlite3_step(stmt);
  if( rc==SQLITE_ROW && (*type = sqlite3_mprintf("%s", sqlite3_column_text(stmt, 0)))==NULL ) rc = SQLITE_NOMEM;
  int finished = sqlite3_finalize(stmt);
  return rc==SQLITE_NOMEM ? rc : finished;
}

int table_exists(const syncing *s, const char *name, sqlite3_int64 *exists){
  return sql_integer(s->db, exists, "SELECT count(*) FROM \"%w\".sqlite_schema WHERE type='table' AND name=%Q COLLATE NOCASE", s->schema, name);
}

char *name_list(const syncing *s, const char *before, int keys_only){
  sqlite3_str *list = sqlite3_str_new(NULL);
  for(int i=0; i<s->columns; i++) if( !keys_only || column_is_key(s, i) )
    sqlite3_str_appendf(list, "%s%s\"%w\"", sqlite3_str_length(list) ? "," : "", before, column_name(s, i));
  return sqlite3_str_finish(list);
}

char *key_match(const syncing *s){
  sqlite3_str *match = sqlite3_str_new(NULL);
  for(int i=0; i<s->columns; i++) if( column_is_key(s, i) )
    sqlite3_str_appendf(match, "%ss.\"%w\"=t.\"%w\"", sqlite3_str_length(match) ? " AND " : "", column_name(s, i), column_name(s, i));
  return sqlite3_str_finish(match);
}

/* ("a" TYPE, ..., PRIMARY KEY(...)) of the staging table: with the target's own column types, so that both store a value
** in the same way and can be compared. */
static int staging_body(const syncing *s, char **body){
  sqlite3_str *ddl = sqlite3_str_new(NULL);
  char *keys = name_list(s, "", 1);
  int rc = keys ? SQLITE_OK : SQLITE_NOMEM;
  for(int i=0; rc==SQLITE_OK && i<s->columns; i++){
    char *type;
    rc = local_type(s, s->target, column_name(s, i), &type);
    sqlite3_str_appendf(ddl, "%s\"%w\" %s%s", i ? ", " : "(", column_name(s, i), type ? type : column_type(s, i), column_is_key(s, i) ? " NOT NULL" : "");
    sqlite3_free(type);
  }
  sqlite3_str_appendf(ddl, ", PRIMARY KEY(%s))", keys ? keys : "");
  sqlite3_free(keys);
  *body = sqlite3_str_finish(ddl);
  return rc==SQLITE_OK && *body==NULL ? SQLITE_NOMEM : rc;
}

/* Is the staging table of this name absent, or exactly the one wanted? */
static int staging_fits(const syncing *s, const char *body, int *fits){
  sqlite3_stmt *stmt;
  int rc = sql_prepare(s->db, &stmt, "SELECT sql FROM \"%w\".sqlite_schema WHERE name=%Q COLLATE NOCASE", s->schema, s->staging);
  if( rc!=SQLITE_OK ) return rc;
  *fits = 1;
  if( sqlite3_step(stmt)==SQLITE_ROW ){
    const char *sql = (const char *)sqlite3_column_text(stmt, 0);
    size_t n = sql ? strlen(sql) : 0, m = strlen(body);
    *fits = n>m && strcmp(sql+n-m, body)==0;
  }
  return sqlite3_finalize(stmt);
}

int staging_create(syncing *s){
  char *body = NULL;
  int fits = 0;
  int rc = staging_body(s, &body);
  for(int i=1; rc==SQLITE_OK && !fits; i++){
    sqlite3_free(s->staging);
    s->staging = i==1 ? sqlite3_mprintf("ortto_staging_%s", s->target) : sqlite3_mprintf("ortto_staging_%s_%d", s->target, i);
    if( s->staging==NULL ) rc = SQLITE_NOMEM;
    else if( sql_run(s->db, "DROP TABLE IF EXISTS \"%w\".\"%w\"", s->schema, s->staging)==SQLITE_OK ) fits = 1;
    else rc = staging_fits(s, body, &fits);
  }
  if( rc==SQLITE_OK ) rc = sql_run(s->db, "CREATE TABLE IF NOT EXISTS \"%w\".\"%w\"%s", s->schema, s->staging, body);
  if( rc==SQLITE_OK ) rc = sql_run(s->db, "DELETE FROM \"%w\".\"%w\"", s->schema, s->staging);
  if( rc==SQLITE_OK ) rc = sql_run(s->db, "CREATE TRIGGER IF NOT EXISTS \"%w\".\"%w_touched\" AFTER UPDATE ON \"%w\" BEGIN "
    "UPDATE " STATE_TABLE " SET columns='touched' WHERE target=%Q AND state<>'done'; END", s->schema, s->staging, s->staging, s->target);
  sqlite3_free(body);
  return rc;
}

static int is_ortto_name(const char *name){
  if( sqlite3_strnicmp(name, "ortto_", 6)!=0 ) return 0;
  for(int i=0; i<ORTTO_TABLES; i++) if( sqlite3_stricmp(name+6, ortto_table_name((ortto_table)i))==0 ) return 1;
  return sqlite3_stricmp(name+6, "log")==0 || sqlite3_stricmp(name+6, "sync")==0 || sqlite3_stricmp(name+6, "sync_state")==0
      || sqlite3_stricmp(name+6, "failures")==0;
}

static int schema_is_known(const syncing *s, const char *name, size_t n, int *known){
  sqlite3_int64 count;
  int rc = sql_integer(s->db, &count, "SELECT count(*) FROM pragma_database_list WHERE name=%.*Q COLLATE NOCASE", (int)n, name);
  *known = count>0 || (n==4 && sqlite3_strnicmp(name, "temp", 4)==0);
  return rc;
}

int target_parse(syncing *s, const char *text){
  const char *dot = strchr(text, '.');
  int known = 0;
  int rc = dot ? schema_is_known(s, text, (size_t)(dot-text), &known) : SQLITE_OK;
  if( rc!=SQLITE_OK ) return rc;
  s->schema = known ? sqlite3_mprintf("%.*s", (int)(dot-text), text) : sqlite3_mprintf("main");
  s->target = sqlite3_mprintf("%s", known ? dot+1 : text);
  s->staging = s->target ? sqlite3_mprintf("ortto_staging_%s", s->target) : NULL;
  return s->schema && s->staging ? SQLITE_OK : SQLITE_NOMEM;
}

int target_check(const syncing *s, char **error){
  sqlite3_int64 other, exists, same = 0, unique = 0, keys = 0, generated = 0;
  if( s->target[0]==0 ) return sync_error(error, "ortto: a sync needs the name of a local table");
  if( is_ortto_name(s->target) || sqlite3_strnicmp(s->target, "ortto_staging_", 14)==0 || sqlite3_strnicmp(s->target, "sqlite_", 7)==0 )
    return sync_error(error, "ortto: a local table cannot be called '%s': that name is taken by ortto or SQLite; choose another", s->target);
  int rc = sql_integer(s->db, &other, "SELECT count(*) FROM \"%w\".sqlite_schema WHERE name=%Q COLLATE NOCASE AND (type='view' OR type='index' "
                       "OR sql LIKE 'CREATE VIRTUAL%%')", s->schema, s->target);
  if( rc==SQLITE_OK && other ) return sync_error(error, "ortto: '%s' is a view, an index or a virtual table; a sync writes into an ordinary table: choose another name", s->target);
  if( rc==SQLITE_OK ) rc = table_exists(s, s->target, &exists);
  if( rc!=SQLITE_OK || !exists ) return rc==SQLITE_OK ? rc : sync_local(s, rc, error);
  char *list = name_list(s, "", 1);
  for(int i=0; rc==SQLITE_OK && i<s->columns; i++) if( column_is_key(s, i) ){
    sqlite3_int64 in_key;
    keys++;
    rc = sql_integer(s->db, &in_key, "SELECT pk>0 FROM pragma_table_info(%Q,%Q) WHERE name=%Q COLLATE NOCASE", s->target, s->schema, column_name(s, i));
    same += in_key;
  }
  if( rc==SQLITE_OK ) rc = sql_integer(s->db, &other, "SELECT count(*) FROM pragma_table_info(%Q,%Q) WHERE pk>0", s->target, s->schema);
  if( rc==SQLITE_OK && !(same==keys && other==keys) ){
    sqlite3_str *names = sqlite3_str_new(NULL);
    for(int i=0; i<s->columns; i++) if( column_is_key(s, i) ) sqlite3_str_appendf(names, "%s%Q", sqlite3_str_length(names) ? "," : "", column_name(s, i));
    char *in = sqlite3_str_finish(names);
    rc = sql_integer(s->db, &unique, "SELECT count(*) FROM pragma_index_list(%Q,%Q) l WHERE l.\"unique\" AND NOT l.partial AND "
      "(SELECT count(*) FROM pragma_index_info(l.name,%Q))=%lld AND (SELECT count(*) FROM pragma_index_info(l.name,%Q) WHERE lower(name) IN (%s))=%lld",
      s->target, s->schema, s->schema, keys, s->schema, in ? in : "", keys);
    sqlite3_free(in);
    if( rc==SQLITE_OK && !unique )
      rc = sync_error(error, "ortto: the local table '%s' has not the key of %s: it needs PRIMARY KEY or a UNIQUE index on (%s). "
                      "Create it so, or let the sync create a table of another name", s->target, s->source, list ? list : "");
  }
  for(int i=0; rc==SQLITE_OK && i<s->columns && !generated; i++)
    rc = sql_integer(s->db, &generated, "SELECT hidden IN (2,3) FROM pragma_table_xinfo(%Q,%Q) WHERE name=%Q COLLATE NOCASE", s->target, s->schema, column_name(s, i));
  sqlite3_free(list);
  if( rc==SQLITE_OK && generated )
    rc = sync_error(error, "ortto: a column of the local table '%s' has the name of a column of %s, but is generated: rename it", s->target, s->source);
  return rc==SQLITE_OK || *error ? rc : sync_local(s, rc, error);
}
