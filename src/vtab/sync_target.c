/*
** sync_target.c - see sync_target.h.
*/
#include "sync_target.h"

#include <string.h>

#include "sql.h"

const char *column_name(const sync_run *s, int i){
  return i<s->overflow ? s->fields->field[i].column : "more_fields";
}

const char *column_type(const sync_run *s, int i){
  return i<s->overflow ? ortto_type_sql(s->fields->field[i].type) : "JSON";
}

int column_is_key(const sync_run *s, int i){
  return i<s->overflow && s->fields->field[i].key;
}

const char *target_type(const sync_run *s, int i){
  const local_column *there = local_table_column(&s->local, column_name(s, i));
  return there ? there->type : column_type(s, i);
}

char *column_list(const sync_run *s, column_set which, const char *between, const char *format){
  sqlite3_str *list = sqlite3_str_new(NULL);
  for(int i=0; i<s->columns; i++){
    if( which!=COLUMNS_ALL && column_is_key(s, i)!=(which==COLUMNS_KEY) ) continue;
    if( sqlite3_str_length(list) ) sqlite3_str_appendall(list, between);
    sqlite3_str_appendf(list, format, column_name(s, i), column_name(s, i));
  }
  return sqlite3_str_finish(list);
}

int table_exists(const sync_run *s, const char *name, sqlite3_int64 *exists){
  return sql_integer(s->db, exists,
    "SELECT count(*) FROM \"%w\".sqlite_schema WHERE type='table' AND name=%Q COLLATE NOCASE",
    s->schema, name);
}

/* ("a" TYPE, ..., PRIMARY KEY(...)) of the staging table: with the target's own column types, so that both
** store a value in the same way and can be compared. */
static char *staging_body(const sync_run *s){
  char *keys = column_list(s, COLUMNS_KEY, ",", QUOTED);
  if( keys==NULL ) return NULL;
  sqlite3_str *body = sqlite3_str_new(NULL);
  for(int i=0; i<s->columns; i++)
    sqlite3_str_appendf(body, "%s\"%w\" %s%s", i ? ", " : "(", column_name(s, i), target_type(s, i),
                        column_is_key(s, i) ? " NOT NULL" : "");
  sqlite3_str_appendf(body, ", PRIMARY KEY(%s))", keys);
  sqlite3_free(keys);
  return sqlite3_str_finish(body);
}

/* Is the staging table of this name absent, or exactly the one wanted? */
static int staging_fits(const sync_run *s, const char *body, int *fits){
  sqlite3_stmt *stmt;
  int rc = sql_prepare(s->db, &stmt, "SELECT sql FROM \"%w\".sqlite_schema WHERE name=%Q COLLATE NOCASE",
                       s->schema, s->staging);
  if( rc!=SQLITE_OK ) return rc;
  *fits = 1;
  if( sqlite3_step(stmt)==SQLITE_ROW ){
    const char *sql = (const char *)sqlite3_column_text(stmt, 0);
    size_t n = sql ? strlen(sql) : 0, m = strlen(body);
    *fits = n>m && strcmp(sql+n-m, body)==0;
  }
  return sqlite3_finalize(stmt);
}

/* The first of the names for a staging table that is free, or can be used again. */
static int staging_choose(sync_run *s, const char *body){
  int rc = SQLITE_OK, fits = 0;
  for(int i=1; rc==SQLITE_OK && !fits; i++){
    sqlite3_free(s->staging);
    s->staging = sqlite3_mprintf(i==1 ? "ortto_staging_%s" : "ortto_staging_%s_%d", s->target, i);
    if( s->staging==NULL ) return SQLITE_NOMEM;
    if( sql_run(s->db, "DROP TABLE IF EXISTS \"%w\".\"%w\"", s->schema, s->staging)==SQLITE_OK ) fits = 1;
    else rc = staging_fits(s, body, &fits);
  }
  return rc;
}

int staging_create(sync_run *s){
  char *body = staging_body(s);
  int rc = body ? staging_choose(s, body) : SQLITE_NOMEM;
  if( rc==SQLITE_OK )
    rc = sql_run(s->db, "CREATE TABLE IF NOT EXISTS \"%w\".\"%w\"%s", s->schema, s->staging, body);
  if( rc==SQLITE_OK ) rc = sql_run(s->db, "DELETE FROM \"%w\".\"%w\"", s->schema, s->staging);
  if( rc==SQLITE_OK )
    rc = sql_run(s->db,
      "CREATE TRIGGER IF NOT EXISTS \"%w\".\"%w_touched\" AFTER UPDATE ON \"%w\" BEGIN "
      "UPDATE " STATE_TABLE " SET columns='touched' WHERE target=%Q AND state<>'done'; END",
      s->schema, s->staging, s->staging, s->target);
  sqlite3_free(body);
  return rc;
}

static int schema_is_known(const sync_run *s, const char *name, size_t n, int *known){
  sqlite3_int64 count;
  int rc = sql_integer(s->db, &count,
    "SELECT count(*) FROM pragma_database_list WHERE name=%.*Q COLLATE NOCASE", (int)n, name);
  *known = count>0 || (n==4 && sqlite3_strnicmp(name, "temp", 4)==0);
  return rc;
}

int target_parse(sync_run *s, const char *text){
  const char *dot = strchr(text, '.');
  int known = 0;
  int rc = dot ? schema_is_known(s, text, (size_t)(dot-text), &known) : SQLITE_OK;
  if( rc!=SQLITE_OK ) return rc;
  s->schema = known ? sqlite3_mprintf("%.*s", (int)(dot-text), text) : sqlite3_mprintf("main");
  s->target = sqlite3_mprintf("%s", known ? dot+1 : text);
  s->staging = s->target ? sqlite3_mprintf("ortto_staging_%s", s->target) : NULL;
  return s->schema && s->staging ? SQLITE_OK : SQLITE_NOMEM;
}

static int begins_with(const char *name, const char *start){
  return sqlite3_strnicmp(name, start, (int)strlen(start))==0;
}

static int is_ortto_name(const char *name){
  static const char *const other[] = { "log", "sync", "sync_state", "failures" };
  if( !begins_with(name, "ortto_") ) return 0;
  name += 6;
  for(int i=0; i<ORTTO_TABLES; i++)
    if( sqlite3_stricmp(name, ortto_table_name((ortto_table)i))==0 ) return 1;
  for(int i=0; i<COUNT(other); i++) if( sqlite3_stricmp(name, other[i])==0 ) return 1;
  return 0;
}

static int name_check(const sync_run *s, char **error){
  if( s->target[0]==0 ) return error_set(error, "ortto: a sync needs the name of a local table");
  const char *name = s->target;
  if( is_ortto_name(name) || begins_with(name, "ortto_staging_") || begins_with(name, "sqlite_") )
    return error_set(error, "ortto: a local table cannot be called '%s': that name is taken by ortto "
                      "or SQLite; choose another", s->target);
  sqlite3_int64 other;
  int rc = sql_integer(s->db, &other,
    "SELECT count(*) FROM \"%w\".sqlite_schema WHERE name=%Q COLLATE NOCASE "
    "AND (type='view' OR type='index' OR sql LIKE 'CREATE VIRTUAL%%')", s->schema, s->target);
  if( rc!=SQLITE_OK || !other ) return rc;
  return error_set(error, "ortto: '%s' is a view, an index or a virtual table; "
                    "a sync writes into an ordinary table: choose another name", s->target);
}

/* Do these columns have a unique index of their own? */
static int has_unique_index(const sync_run *s, int columns, sqlite3_int64 *found){
  char *names = column_list(s, COLUMNS_KEY, ",", "%Q");
  int rc = names ? sql_integer(s->db, found,
    "SELECT count(*) FROM pragma_index_list(%Q,%Q) l WHERE l.\"unique\" AND NOT l.partial "
    "AND (SELECT count(*) FROM pragma_index_info(l.name,%Q))=%d "
    "AND (SELECT count(*) FROM pragma_index_info(l.name,%Q) WHERE lower(name) IN (%s))=%d",
    s->target, s->schema, s->schema, columns, s->schema, names, columns) : SQLITE_NOMEM;
  sqlite3_free(names);
  return rc;
}

static int key_check(const sync_run *s, char **error){
  int keys = 0, same = 0;
  sqlite3_int64 unique;
  for(int i=0; i<s->columns; i++) if( column_is_key(s, i) ){
    const local_column *there = local_table_column(&s->local, column_name(s, i));
    keys++;
    same += there && there->key;
  }
  if( same==keys && s->local.keys==keys ) return SQLITE_OK;
  int rc = has_unique_index(s, keys, &unique);
  if( rc!=SQLITE_OK || unique ) return rc;
  char *list = column_list(s, COLUMNS_KEY, ",", QUOTED);
  rc = error_set(error,
    "ortto: the local table '%s' has not the key of %s: it needs PRIMARY KEY or a UNIQUE index on (%s). "
    "Create it so, or let the sync create a table of another name", s->target, s->source, list ? list : "");
  sqlite3_free(list);
  return rc;
}

static int generated_check(const sync_run *s, char **error){
  for(int i=0; i<s->columns; i++){
    const local_column *there = local_table_column(&s->local, column_name(s, i));
    if( there && there->generated )
      return error_set(error, "ortto: a column of the local table '%s' has the name of a column of %s, "
                        "but is generated: rename it", s->target, s->source);
  }
  return SQLITE_OK;
}

int target_check(sync_run *s, char **error){
  sqlite3_int64 exists = 0;
  local_table_free(&s->local);
  int rc = name_check(s, error);
  if( rc==SQLITE_OK ) rc = table_exists(s, s->target, &exists);   /* the pragma would show json_each too */
  if( rc==SQLITE_OK && exists ) rc = local_table_read(s->db, s->schema, s->target, &s->local);
  if( rc==SQLITE_OK && s->local.count ) rc = key_check(s, error);
  if( rc==SQLITE_OK && s->local.count ) rc = generated_check(s, error);
  return rc==SQLITE_OK || *error ? rc : sync_local(s, rc, error);
}
