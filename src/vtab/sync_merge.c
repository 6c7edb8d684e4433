/*
** sync_merge.c - see sync_merge.h.
*/
#include "sync_merge.h"

#include <stdio.h>
#include <string.h>

#include "sql.h"
#include "table.h"
#include "sync_target.h"
#include "sync_state.h"

/* A target that does not exist yet: the staging table becomes it, where it has exactly the columns. */
static int target_by_renaming(const syncing *s, int *renamed){
  sqlite3_int64 columns;
  *renamed = 0;
  int rc = sql_integer(s->db, &columns, "SELECT count(*) FROM pragma_table_info(%Q,%Q)", s->staging, s->schema);
  if( rc!=SQLITE_OK || columns!=s->columns ) return rc;
  for(int i=0; rc==SQLITE_OK && i<s->columns; i++){
    char *type;
    rc = local_type(s, s->staging, column_name(s, i), &type);
    int same = type && strcmp(type, column_type(s, i))==0;
    sqlite3_free(type);
    if( !same ) return rc;
  }
  rc = sql_run(s->db, "SAVEPOINT ortto_rename");
  if( rc!=SQLITE_OK ) return rc;
  *renamed = sql_run(s->db, "DROP TRIGGER IF EXISTS \"%w\".\"%w_touched\"", s->schema, s->staging)==SQLITE_OK && sql_run(s->db, "ALTER TABLE \"%w\".\"%w\" RENAME TO \"%w\"", s->schema, s->staging, s->target)==SQLITE_OK;
  if( !*renamed ) sql_run(s->db, "ROLLBACK TO ortto_rename");
  return sql_run(s->db, "RELEASE ortto_rename");
}

static int target_create(const syncing *s){
  sqlite3_str *ddl = sqlite3_str_new(NULL);
  char *keys = name_list(s, "", 1);
  for(int i=0; i<s->columns; i++)
    sqlite3_str_appendf(ddl, "\"%w\" %s%s, ", column_name(s, i), column_type(s, i), column_is_key(s, i) ? " NOT NULL" : "");
  char *columns = sqlite3_str_finish(ddl);
  int rc = columns && keys ? sql_run(s->db, "CREATE TABLE \"%w\".\"%w\"(%sPRIMARY KEY(%s))", s->schema, s->target, columns, keys) : SQLITE_NOMEM;
  sqlite3_free(columns);
  sqlite3_free(keys);
  return rc;
}

/* Columns that the source has gained. */
static int target_widen(const syncing *s){
  int rc = SQLITE_OK;
  for(int i=0; rc==SQLITE_OK && i<s->columns; i++){
    char *type;
    rc = local_type(s, s->target, column_name(s, i), &type);
    if( rc==SQLITE_OK && type==NULL )
      rc = sql_run(s->db, "ALTER TABLE \"%w\".\"%w\" ADD COLUMN \"%w\" %s", s->schema, s->target, column_name(s, i), column_type(s, i));
    sqlite3_free(type);
  }
  return rc;
}

static int has_no_affinity(const char *type){
  return type==NULL || type[0]==0 || sqlite3_strlike("%blob%", type, 0)==0;
}

#define TERMS_IN_GROUP 50          /* SQLite limits the depth of an expression: a chain of ORs counts one for each */

/* SET list and condition of the update: only rows that differ, compared exactly (the staged column stands on the left:
** it has no collation of its own). */
static int update_text(const syncing *s, char **set, char **differs){
  sqlite3_str *a = sqlite3_str_new(NULL), *b = sqlite3_str_new(NULL);
  int rc = SQLITE_OK, terms = 0;
  for(int i=0; rc==SQLITE_OK && i<s->columns; i++) if( !column_is_key(s, i) ){
    const char *name = column_name(s, i);
    char *type;
    rc = local_type(s, s->target, name, &type);
    sqlite3_str_appendf(a, "%s\"%w\"=s.\"%w\"", terms ? "," : "", name, name);
    sqlite3_str_appendall(b, terms==0 ? "(" : terms%TERMS_IN_GROUP==0 ? ") OR (" : " OR ");
    sqlite3_str_appendf(b, "s.\"%w\" IS NOT t.\"%w\"", name, name);
    if( has_no_affinity(type) ) sqlite3_str_appendf(b, " OR typeof(s.\"%w\")<>typeof(t.\"%w\")", name, name);
    sqlite3_free(type);
    terms++;
  }
  if( terms ) sqlite3_str_appendall(b, ")");
  *set = sqlite3_str_finish(a);                  /* both NULL where there is nothing but the key */
  *differs = sqlite3_str_finish(b);
  return rc==SQLITE_OK && terms && (*set==NULL || *differs==NULL) ? SQLITE_NOMEM : rc;
}

/* Columns of the target's unique indexes, other than its key, that the sync writes: "a"=NULL,"b"=NULL. NULL if none. */
static char *unique_text(const syncing *s){
  sqlite3_int64 children;
  /* Rows of the user's that refer to such a value would lose it on the way. */
  if( sql_integer(s->db, &children, "SELECT count(*) FROM \"%w\".sqlite_schema m, pragma_foreign_key_list(m.name,%Q) f WHERE m.type='table' AND f.\"table\"=%Q COLLATE NOCASE",
                  s->schema, s->schema, s->target)!=SQLITE_OK || children ) return NULL;
  sqlite3_str *set = sqlite3_str_new(NULL);
  for(int i=0; i<s->columns; i++) if( !column_is_key(s, i) ){
    sqlite3_int64 in;
    if( sql_integer(s->db, &in, "SELECT count(*) FROM pragma_index_list(%Q,%Q) l, pragma_index_info(l.name,%Q) c WHERE l.\"unique\" AND c.name=%Q COLLATE NOCASE",
                    s->target, s->schema, s->schema, column_name(s, i))==SQLITE_OK && in )
      sqlite3_str_appendf(set, "%s\"%w\"=NULL", sqlite3_str_length(set) ? "," : "", column_name(s, i));
  }
  return sqlite3_str_finish(set);
}

/* Rows that differ get the staged values. Two rows that exchange a value of a unique index of the user's cannot be changed
** one after the other: then all that change give those values up first. */
static int merge_update(syncing *s, const char *set, const char *from, char **error){
  static const char text[] = "UPDATE OR ABORT \"%w\".\"%w\" AS t SET %s %s";
  int rc = sql_run(s->db, "SAVEPOINT ortto_update");
  if( rc!=SQLITE_OK ) return rc;
  rc = sql_run(s->db, text, s->schema, s->target, set, from);
  s->updated = rc==SQLITE_OK ? sqlite3_changes(s->db) : 0;
  if( (rc & 0xff)!=SQLITE_CONSTRAINT ) return rc==SQLITE_OK ? sql_run(s->db, "RELEASE ortto_update") : rc;
  rc = sync_local(s, rc, error);                 /* these words hold if the other way fails too */
  char *unique = unique_text(s);
  if( unique==NULL || sql_run(s->db, "ROLLBACK TO ortto_update")!=SQLITE_OK ) return rc;
  int again = sql_run(s->db, text, s->schema, s->target, unique, from);
  s->updated = again==SQLITE_OK ? sqlite3_changes(s->db) : 0;
  if( again==SQLITE_OK ) again = sql_run(s->db, text, s->schema, s->target, set, from);
  sqlite3_free(unique);
  if( again!=SQLITE_OK ) return rc;
  sqlite3_free(*error);
  *error = NULL;
  return sql_run(s->db, "RELEASE ortto_update");
}

static int merge_rows(syncing *s, char **error){
  char *match = key_match(s), *names = name_list(s, "", 0), *staged = name_list(s, "s.", 0), *set = NULL, *differs = NULL, *from = NULL;
  int rc = match && names && staged ? update_text(s, &set, &differs) : SQLITE_NOMEM;
  if( rc==SQLITE_OK && !s->changes ){
    rc = sql_run(s->db, "DELETE FROM \"%w\".\"%w\" AS t WHERE NOT EXISTS (SELECT 1 FROM \"%w\".\"%w\" AS s WHERE %s)",
                 s->schema, s->target, s->schema, s->staging, match);
    if( rc==SQLITE_OK ) s->deleted = sqlite3_changes(s->db);
  }
  if( rc==SQLITE_OK && set && (from = sqlite3_mprintf("FROM \"%w\".\"%w\" AS s WHERE %s AND (%s)", s->schema, s->staging, match, differs))==NULL ) rc = SQLITE_NOMEM;
  if( rc==SQLITE_OK && set ) rc = merge_update(s, set, from, error);
  if( rc==SQLITE_OK )
    rc = sql_run(s->db, "INSERT OR ABORT INTO \"%w\".\"%w\"(%s) SELECT %s FROM \"%w\".\"%w\" AS s WHERE NOT EXISTS (SELECT 1 FROM \"%w\".\"%w\" AS t WHERE %s)",
                 s->schema, s->target, names, staged, s->schema, s->staging, s->schema, s->target, match);
  if( rc==SQLITE_OK ) s->inserted = sqlite3_changes(s->db);
  sqlite3_free(match);
  sqlite3_free(names);
  sqlite3_free(staged);
  sqlite3_free(set);
  sqlite3_free(differs);
  sqlite3_free(from);
  return rc;
}

/* The mark for the next run of changes: no later than the server's clock at the beginning, since what was edited during
** the run may have been missed. */
static void watermark_set(syncing *s){
  const char *newest = s->newest;
  if( s->watermark[0] && ortto_time_compare(s->watermark, strlen(s->watermark), newest, strlen(newest))>0 ) newest = s->watermark;
  if( s->server_time[0] && newest[0] && ortto_time_compare(newest, strlen(newest), s->server_time, strlen(s->server_time))>0 ) newest = s->server_time;
  if( newest!=s->watermark ) snprintf(s->watermark, sizeof s->watermark, "%s", newest);
}

static int merge_inside(syncing *s, char **error){
  sqlite3_int64 exists;
  int renamed = 0;
  sqlite3_int64 staged;
  int rc = state_write(s, "fetched", 0, NULL);   /* fails if the run is not ours any more */
  if( rc==SQLITE_OK ) rc = target_check(s, error);
  if( rc==SQLITE_OK ) rc = table_exists(s, s->target, &exists);
  if( rc==SQLITE_OK ) rc = sql_integer(s->db, &staged, "SELECT count(*) FROM \"%w\".\"%w\"", s->schema, s->staging);
  if( rc==SQLITE_OK && staged!=s->rows ) rc = sync_error(error, "ortto: syncing %s into %s: what was fetched was touched by somebody. Call ortto_sync again: it starts over", s->source, s->target);
  s->inserted = s->updated = s->deleted = 0;
  if( rc==SQLITE_OK && !exists ) rc = target_by_renaming(s, &renamed);
  if( rc==SQLITE_OK && !exists && !renamed ) rc = target_create(s);
  if( rc==SQLITE_OK && renamed ) s->inserted = s->rows;
  else{
    if( rc==SQLITE_OK ) rc = target_widen(s);
    if( rc==SQLITE_OK ) rc = merge_rows(s, error);
    if( rc==SQLITE_OK ) rc = sql_run(s->db, "DELETE FROM \"%w\".\"%w\"", s->schema, s->staging);
  }
  s->unchanged = s->rows - s->inserted - s->updated;
  watermark_set(s);
  return rc==SQLITE_OK ? state_write(s, "done", 1, NULL) : rc;
}

int sync_merge_step(syncing *s, char **error){
  char watermark[sizeof s->watermark];
  memcpy(watermark, s->watermark, sizeof watermark);
  int rc = sync_begin(s);
  if( rc!=SQLITE_OK ) return sync_local(s, rc, error);
  rc = sync_end(s, merge_inside(s, error), error);
  if( rc!=SQLITE_OK ){
    s->inserted = s->updated = s->deleted = s->unchanged = 0;
    memcpy(s->watermark, watermark, sizeof watermark);
    return rc;
  }
  s->state = "done";
  s->phase = SYNC_DONE;
  s->claimed = 0;
  return SQLITE_OK;
}
