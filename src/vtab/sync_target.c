/*
** sync_target.c - see sync_target.h.
*/
#include "sync_target.h"

#include <string.h>

#include "sql.h"
#include "table_names.h"

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

static int has_no_affinity(const char *type){
  return type[0]==0 || sqlite3_strlike("%blob%", type, 0)==0;
}

void column_differs(const sync_run *s, sqlite3_str *out, int i){
  const char *name = column_name(s, i);
  sqlite3_str_appendf(out, "s.\"%w\" IS NOT t.\"%w\"", name, name);
  if( has_no_affinity(target_type(s, i)) )
    sqlite3_str_appendf(out, " OR typeof(s.\"%w\")<>typeof(t.\"%w\")", name, name);
}

int type_is_text(const char *type){
  if( sqlite3_strlike("%int%", type, 0)==0 ) return 0;   /* SQLite looks for that first */
  return sqlite3_strlike("%char%", type, 0)==0 || sqlite3_strlike("%clob%", type, 0)==0
    || sqlite3_strlike("%text%", type, 0)==0;
}

int target_has_rules(const sync_run *s, sqlite3_int64 *rules){
  sqlite3_stmt *keys;
  int rc = sql_integer(s->db, rules,
    "SELECT count(*) FROM (SELECT type, tbl_name FROM \"%w\".sqlite_schema "
      "UNION ALL SELECT type, tbl_name FROM temp.sqlite_schema) "
    "WHERE type='trigger' AND tbl_name=%Q COLLATE NOCASE",
    s->schema, s->target);
  if( rc==SQLITE_OK )
    rc = sql_prepare(s->db, &keys, "PRAGMA \"%w\".foreign_key_list(\"%w\")", s->schema, s->target);
  if( rc!=SQLITE_OK ) return rc;
  while( sqlite3_step(keys)==SQLITE_ROW ){
    const char *parent = (const char *)sqlite3_column_text(keys, 2);
    *rules += parent==NULL || sqlite3_stricmp(parent, s->target)==0;
  }
  return sqlite3_finalize(keys);
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

const char *rowid_name(const sync_run *s){
  static const char *const names[] = { "rowid", "_rowid_", "oid" };
  for(int i=0; i<COUNT(names); i++){
    int taken = 0;
    for(int k=0; k<s->columns; k++) taken |= sqlite3_stricmp(column_name(s, k), names[i])==0;
    if( !taken ) return names[i];
  }
  return NULL;
}

/* CREATE TABLE ... as SQLite keeps it. */
static char *staging_text(const sync_run *s){
  char *body = staging_body(s);
  if( body==NULL ) return NULL;
  char *text = sqlite3_mprintf("CREATE TABLE \"%w\"%s", s->staging, body);
  sqlite3_free(body);
  return text;
}

/* The trigger behind its name, which is the staging table's and _touched. */
static char *trigger_text(const sync_run *s){
  return sqlite3_mprintf("AFTER UPDATE ON \"%w\" BEGIN UPDATE " STATE_TABLE " SET columns='touched' "
                         "WHERE target=%Q AND state<>'done'; END", s->staging, s->target);
}

int staging_is_ours(const sync_run *s, int *ours){
  char *table = staging_text(s), *trigger = trigger_text(s);
  sqlite3_int64 same = 0, alone = 0;
  int rc = table && trigger ? SQLITE_OK : SQLITE_NOMEM;
  if( rc==SQLITE_OK )
    rc = sql_integer(s->db, &same, "SELECT count(*) FROM \"%w\".sqlite_schema WHERE type='table' "
                     "AND name=%Q COLLATE NOCASE AND sql=%Q", s->schema, s->staging, table);
  if( rc==SQLITE_OK )
    rc = sql_integer(s->db, &alone, "SELECT count(*)=1 AND "
      "max(sql='CREATE TRIGGER \"'||replace(%Q,'\"','\"\"')||'_touched\" '||%Q COLLATE NOCASE) "
      "FROM (SELECT type, name, tbl_name, sql FROM \"%w\".sqlite_schema "
        "UNION SELECT type, name, tbl_name, sql FROM temp.sqlite_schema) "
      "WHERE type='trigger' AND tbl_name=%Q COLLATE NOCASE", s->staging, trigger, s->schema, s->staging);
  *ours = same && alone;
  sqlite3_free(table);
  sqlite3_free(trigger);
  return rc;
}

/* Is there nothing of this name, or exactly what is wanted? */
static int staging_fits(const sync_run *s, int *fits){
  sqlite3_int64 there;
  int rc = sql_integer(s->db, &there,
    "SELECT count(*) FROM \"%w\".sqlite_schema WHERE name=%Q COLLATE NOCASE", s->schema, s->staging);
  *fits = !there;
  return rc==SQLITE_OK && there ? staging_is_ours(s, fits) : rc;
}

/* The first of the names for a staging table that is free, or can be used again. */
static int staging_choose(sync_run *s){
  int rc = SQLITE_OK, fits = 0;
  for(int i=1; rc==SQLITE_OK && !fits; i++){
    sqlite3_free(s->staging);
    s->staging = sqlite3_mprintf(i==1 ? "ortto_staging_%s" : "ortto_staging_%s_%d", s->target, i);
    if( s->staging==NULL ) return SQLITE_NOMEM;
    rc = SQLITE_LOCKED;
    if( s->may_drop ) rc = sql_run(s->db, "DROP TABLE IF EXISTS \"%w\".\"%w\"", s->schema, s->staging);
    fits = rc==SQLITE_OK;
    if( !fits && !sqlite3_get_autocommit(s->db) ) rc = staging_fits(s, &fits);   /* not all is taken back */
  }
  return rc;
}

int staging_create(sync_run *s){
  int rc = staging_choose(s);
  char *body = staging_body(s), *trigger = trigger_text(s);
  if( body==NULL || trigger==NULL ) rc = SQLITE_NOMEM;
  if( rc==SQLITE_OK )
    rc = sql_run(s->db, "CREATE TABLE IF NOT EXISTS \"%w\".\"%w\"%s", s->schema, s->staging, body);
  if( rc==SQLITE_OK ) rc = sql_run(s->db, "DELETE FROM \"%w\".\"%w\"", s->schema, s->staging);
  if( rc==SQLITE_OK )
    rc = sql_run(s->db, "CREATE TRIGGER IF NOT EXISTS \"%w\".\"%w_touched\" %s",
                 s->schema, s->staging, trigger);
  sqlite3_free(body);
  sqlite3_free(trigger);
  return rc;
}

int table_drop(const sync_run *s, const char *name){
  int rc = SQLITE_LOCKED;
  if( s->may_drop ) rc = sql_run(s->db, "DROP TABLE \"%w\".\"%w\"", s->schema, name);
  if( rc==SQLITE_OK || sqlite3_get_autocommit(s->db) ) return rc;   /* done, or all is taken back */
  if( rc==SQLITE_INTERRUPT ) return rc;          /* SQLite may say so of a statement that is done */
  return sql_run(s->db, "DELETE FROM \"%w\".\"%w\"", s->schema, name);
}

static int schema_is_known(sqlite3 *db, const char *name, size_t n, int *known){
  sqlite3_stmt *list;
  *known = n==4 && sqlite3_strnicmp(name, "temp", 4)==0;
  int rc = sql_prepare(db, &list, "PRAGMA database_list");
  if( rc!=SQLITE_OK ) return rc;
  while( sqlite3_step(list)==SQLITE_ROW ){
    const char *schema = (const char *)sqlite3_column_text(list, 1);
    *known |= schema && strlen(schema)==n && sqlite3_strnicmp(schema, name, (int)n)==0;
  }
  return sqlite3_finalize(list);
}

int target_text_check(sqlite3 *db, const char *text, char **error){
  const char *dot = strchr(text, '.');
  int known = 1;
  int rc = dot ? schema_is_known(db, text, (size_t)(dot-text), &known) : SQLITE_OK;
  if( rc!=SQLITE_OK || known ) return rc;
  return error_set(error, "ortto: there is no schema '%.*s' to sync into: it is not attached. "
                    "If '%.100s' is the name of a table, give its schema too: 'main.%.100s'",
                    (int)(dot-text), text, text, text);
}

/* A copy may be called as the table of ortto's in temp that it is made from: scripts make that one anew each
** time, and nothing could be written there. */
static int is_source_in_temp(const sync_run *s, const char *name){
  const char *bare;
  return s->schema && sqlite3_stricmp(s->schema, "temp")==0 && table_created(s->conn, name, &bare)!=NULL;
}

int target_parse(sync_run *s, const char *text){
  const char *dot = strchr(text, '.');
  int rc = dot ? SQLITE_OK : table_schema(s->conn, text, &s->schema);
  if( rc!=SQLITE_OK ) return rc;
  if( !dot && is_source_in_temp(s, text) ){
    sqlite3_free(s->schema);
    s->schema = NULL;
  }
  if( dot ) s->schema = sqlite3_mprintf("%.*s", (int)(dot-text), text);
  else if( s->schema==NULL ) s->schema = sqlite3_mprintf("main");
  s->target = sqlite3_mprintf("%s", dot ? dot+1 : text);
  s->staging = s->target ? sqlite3_mprintf("ortto_staging_%s", s->target) : NULL;
  return s->schema && s->staging ? SQLITE_OK : SQLITE_NOMEM;
}

static int begins_with(const char *name, const char *start){
  return sqlite3_strnicmp(name, start, (int)strlen(start))==0;
}

static int is_ortto_name(const char *name){
  static const char *const other[] = { "sync_state", "doctor", "push", "push_rows", "push_state" };
  if( !begins_with(name, "ortto_") ) return 0;
  name += 6;
  for(int i=0; table_own_name(i); i++) if( sqlite3_stricmp(name, table_own_name(i))==0 ) return 1;
  for(int i=0; i<COUNT(other); i++) if( sqlite3_stricmp(name, other[i])==0 ) return 1;
  return 0;
}

int name_is_reserved(const char *name){
  return is_ortto_name(name) || begins_with(name, "ortto_staging_") || begins_with(name, "ortto_seen_")
    || begins_with(name, "sqlite_");
}

int name_is_other(const sync_run *s, const char *name, sqlite3_int64 *other){
  return sql_integer(s->db, other,
    "SELECT count(*) FROM \"%w\".sqlite_schema WHERE name=%Q COLLATE NOCASE "
    "AND (type='view' OR type='index' OR sql LIKE 'CREATE VIRTUAL%%')", s->schema, name);
}

static int name_check(const sync_run *s, char **error){
  if( s->target[0]==0 ) return error_set(error, "ortto: a sync needs the name of a local table");
  if( name_is_reserved(s->target) )
    return error_set(error, "ortto: a local table cannot be called '%s': that name is taken by ortto "
                      "or SQLite; choose another", s->target);
  sqlite3_int64 other;
  int rc = name_is_other(s, s->target, &other);
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

/* Can a STRICT column of this type hold the values of a field with that type? */
static int strict_holds(const char *type, const char *field){
  int number = sqlite3_stricmp(field, "INTEGER")==0 || sqlite3_stricmp(field, "BOOLEAN")==0;
  if( type[0]==0 || sqlite3_stricmp(type, "TEXT")==0 ) return 1;
  if( sqlite3_stricmp(type, "REAL")==0 ) return number || sqlite3_stricmp(field, "REAL")==0;
  return number && sqlite3_stricmp(type, "BLOB")!=0;
}

static int strict_knows(const char *type){
  static const char *const names[] = { "TEXT", "INTEGER", "REAL" };   /* of those that fields have */
  for(int i=0; i<COUNT(names); i++) if( sqlite3_stricmp(type, names[i])==0 ) return 1;
  return 0;
}

/* Whatever would refuse the rows, or a new column, only when all has been fetched. */
static int column_check(const sync_run *s, int i, char **error){
  const char *name = column_name(s, i), *type = column_type(s, i);
  const local_column *there = local_table_column(&s->local, name);
  if( there==NULL && s->local.strict && !strict_knows(type) )
    return error_set(error, "ortto: the local table '%s' is STRICT, and such tables have no type %s for "
      "the new column \"%w\". Add it yourself: ALTER TABLE \"%w\".\"%w\" ADD COLUMN \"%w\" TEXT (or ANY); or "
      "let the sync create a table of another name", s->target, type, name, s->schema, s->target, name);
  int narrow = there && s->local.strict && !strict_holds(there->type, type);
  int rowid = there && there->key && s->local.keys==1 && sqlite3_stricmp(there->type, "INTEGER")==0;
  if( !narrow && !(rowid && sqlite3_stricmp(type, "INTEGER")!=0) ) return SQLITE_OK;
  return error_set(error, "ortto: the column \"%w\" of the local table '%s' is %s%s and cannot hold what "
                    "%s has there, which is %s. Give it another type, or let the sync create a table of "
                    "another name",
                    name, s->target, there->type, narrow ? " (STRICT)" : " PRIMARY KEY", s->source, type);
}

static int columns_check(const sync_run *s, char **error){
  int rc = SQLITE_OK, added = 0, most = sqlite3_limit(s->db, SQLITE_LIMIT_COLUMN, -1);
  for(int i=0; rc==SQLITE_OK && i<s->columns; i++){
    rc = column_check(s, i, error);
    added += local_table_column(&s->local, column_name(s, i))==NULL;
  }
  if( rc!=SQLITE_OK || s->local.count + added<=most ) return rc;
  return error_set(error, "ortto: the local table '%s' has %d columns, %s would add %d, and SQLite allows "
                    "%d here: let the sync create a table of another name",
                    s->target, s->local.count, s->source, added, most);
}

int target_check(sync_run *s, char **error){
  sqlite3_int64 exists = 0;
  local_table_free(&s->local);
  int rc = name_check(s, error);
  if( rc==SQLITE_OK ) rc = table_exists(s, s->target, &exists);   /* the pragma would show json_each too */
  if( rc==SQLITE_OK && exists ) rc = local_table_read(s->db, s->schema, s->target, &s->local);
  if( rc==SQLITE_OK && s->local.count ) rc = key_check(s, error);
  if( rc==SQLITE_OK && s->local.count ) rc = generated_check(s, error);
  if( rc==SQLITE_OK && s->local.count ) rc = columns_check(s, error);
  return rc==SQLITE_OK || *error ? rc : sync_local(s, rc, error);
}
