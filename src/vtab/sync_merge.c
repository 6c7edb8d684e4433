/*
** sync_merge.c - see sync_merge.h.
*/
#include "sync_merge.h"

#include <stdio.h>
#include <string.h>

#include "sql.h"
#include "sync_target.h"
#include "sync_filled.h"
#include "sync_state.h"
#include "sync_log.h"
#include "sync_compare.h"

/* ---- a target that does not exist yet ------------------------------------------ */

/* Has the staging table exactly the columns that the target is to have? */
static int staging_is_the_target(const sync_run *s, int *same){
  local_table staging = { 0 };
  int rc = local_table_read(s->db, s->schema, s->staging, &staging);
  *same = staging.count==s->columns;
  for(int i=0; *same && i<s->columns; i++){
    const local_column *there = local_table_column(&staging, column_name(s, i));
    *same = there && strcmp(there->type, column_type(s, i))==0;
  }
  local_table_free(&staging);
  return rc;
}

static int staging_rename(const sync_run *s){
  int rc = sql_run(s->db, "DROP TRIGGER IF EXISTS \"%w\".\"%w_touched\"", s->schema, s->staging);
  if( rc!=SQLITE_OK ) return rc;
  return sql_run(s->db, "ALTER TABLE \"%w\".\"%w\" RENAME TO \"%w\"", s->schema, s->staging, s->target);
}

/* The staging table becomes the target, if it can; SQLite may refuse while a SELECT of the user's runs. */
static int target_by_renaming(const sync_run *s, int *renamed){
  int same;
  *renamed = 0;
  int rc = staging_is_the_target(s, &same);
  if( rc!=SQLITE_OK || !same ) return rc;
  rc = sql_run(s->db, "SAVEPOINT ortto_rename");
  if( rc!=SQLITE_OK ) return rc;
  rc = staging_rename(s);
  *renamed = rc==SQLITE_OK;
  if( rc!=SQLITE_OK && sqlite3_get_autocommit(s->db) ) return rc;  /* all is taken back, for this reason */
  if( !*renamed ) sql_run(s->db, "ROLLBACK TO ortto_rename");
  return sql_run(s->db, "RELEASE ortto_rename");
}

static int target_create(const sync_run *s){
  char *keys = column_list(s, COLUMNS_KEY, ",", QUOTED);
  if( keys==NULL ) return SQLITE_NOMEM;
  sqlite3_str *ddl = sqlite3_str_new(NULL);
  for(int i=0; i<s->columns; i++)
    sqlite3_str_appendf(ddl, "\"%w\" %s%s, ", column_name(s, i), column_type(s, i),
                        column_is_key(s, i) ? " NOT NULL" : "");
  sqlite3_str_appendf(ddl, "PRIMARY KEY(%s)", keys);
  sqlite3_free(keys);
  char *body = sqlite3_str_finish(ddl);
  int rc = body ? sql_run(s->db, "CREATE TABLE \"%w\".\"%w\"(%s)", s->schema, s->target, body) : SQLITE_NOMEM;
  sqlite3_free(body);
  return rc;
}

/* ---- rows ------------------------------------------------------------------------ */

/* Columns that the source has gained. */
static int target_widen(const sync_run *s){
  int rc = SQLITE_OK;
  for(int i=0; rc==SQLITE_OK && i<s->columns; i++)
    if( local_table_column(&s->local, column_name(s, i))==NULL )
      rc = sql_run(s->db, "ALTER TABLE \"%w\".\"%w\" ADD COLUMN \"%w\" %s",
                   s->schema, s->target, column_name(s, i), column_type(s, i));
  return rc;
}

#define TERMS_IN_GROUP 50          /* SQLite limits an expression's depth, and each OR of a chain counts */

/* Condition of the update: only rows that differ. NULL where there is nothing but the key. */
static char *differs_text(const sync_run *s){
  sqlite3_str *text = sqlite3_str_new(NULL);
  int terms = 0;
  for(int i=0; i<s->columns; i++) if( !column_is_key(s, i) ){
    const char *joint = " OR ";
    if( terms%TERMS_IN_GROUP==0 ) joint = terms ? ") OR (" : "(";
    sqlite3_str_appendall(text, joint);
    column_differs(s, text, i);
    terms++;
  }
  if( terms ) sqlite3_str_appendall(text, ")");
  return sqlite3_str_finish(text);
}

/* Which of the columns that the sync writes has this name? -1 none. */
static int column_find(const sync_run *s, const char *name){
  for(int i=0; i<s->columns; i++) if( sqlite3_stricmp(column_name(s, i), name)==0 ) return i;
  return -1;
}

static void give_up(const sync_run *s, sqlite3_str *set, int i){
  if( column_is_key(s, i) ) return;
  sqlite3_str_appendf(set, "%s\"%w\"=NULL", sqlite3_str_length(set) ? "," : "", column_name(s, i));
}

/* Columns of the target's unique indexes, other than its key, that the sync writes: "a"=NULL,"b"=NULL. All of
** them where an index is on an expression, which may use any. */
static int unique_columns(const sync_run *s, sqlite3_str *set){
  sqlite3_stmt *indexed;
  int expressions = 0;
  int rc = sql_prepare(s->db, &indexed,
    "SELECT c.name FROM pragma_index_list(%Q,%Q) l, pragma_index_info(l.name,%Q) c "
    "WHERE l.\"unique\" GROUP BY c.name COLLATE NOCASE", s->target, s->schema, s->schema);
  if( rc!=SQLITE_OK ) return rc;
  while( !expressions && sqlite3_step(indexed)==SQLITE_ROW ){   /* an expression has no name: it is first */
    const char *name = (const char *)sqlite3_column_text(indexed, 0);
    int i = name ? column_find(s, name) : -1;
    expressions = name==NULL;
    if( i>=0 ) give_up(s, set, i);
  }
  rc = sqlite3_finalize(indexed);
  for(int i=0; expressions && i<s->columns; i++) give_up(s, set, i);
  return rc==SQLITE_OK ? sqlite3_str_errcode(set) : rc;
}

/* Those, by sqlite3_malloc; SQLITE_CONSTRAINT if there are none, or rows refer to such a value and would lose
** it. */
static int unique_text(const sync_run *s, char **text){
  sqlite3_int64 children;
  *text = NULL;
  int rc = sql_integer(s->db, &children,
    "SELECT count(*) FROM \"%w\".sqlite_schema m, pragma_foreign_key_list(m.name,%Q) f "
    "WHERE m.type='table' AND f.\"table\"=%Q COLLATE NOCASE", s->schema, s->schema, s->target);
  if( rc!=SQLITE_OK || children ) return rc==SQLITE_OK ? SQLITE_CONSTRAINT : rc;
  sqlite3_str *set = sqlite3_str_new(NULL);
  rc = unique_columns(s, set);
  *text = sqlite3_str_finish(set);
  return rc==SQLITE_OK && *text==NULL ? SQLITE_CONSTRAINT : rc;
}

/* SQL that the three changes share, each by sqlite3_malloc. */
typedef struct merge_texts {
  char *match;                     /* a staged row s and a local one t have the same key */
  char *set, *differs;             /* of the update; both NULL where there is nothing but the key */
  char *names, *staged;            /* the columns, plain and of s */
} merge_texts;

static int texts_make(const sync_run *s, merge_texts *texts){
  texts->match = column_list(s, COLUMNS_KEY, " AND ", MATCHED);
  texts->names = column_list(s, COLUMNS_ALL, ",", QUOTED);
  texts->staged = column_list(s, COLUMNS_ALL, ",", "s.\"%w\"");
  texts->set = column_list(s, COLUMNS_OTHER, ",", "\"%w\"=s.\"%w\"");
  texts->differs = differs_text(s);
  int other = 0;
  for(int i=0; i<s->columns; i++) other |= !column_is_key(s, i);
  if( other && (texts->set==NULL || texts->differs==NULL) ) return SQLITE_NOMEM;
  return texts->match && texts->names && texts->staged ? SQLITE_OK : SQLITE_NOMEM;
}

static void texts_free(merge_texts *texts){
  sqlite3_free(texts->match);
  sqlite3_free(texts->set);
  sqlite3_free(texts->differs);
  sqlite3_free(texts->names);
  sqlite3_free(texts->staged);
}

static int rows_delete(sync_run *s, const merge_texts *texts){
  if( !s->may_be_gone ) return SQLITE_OK;
  char *gone = compare_gone(s, texts->match);
  int rc = gone ? sql_run(s->db, "DELETE FROM \"%w\".\"%w\" AS t WHERE %s", s->schema, s->target, gone)
            : SQLITE_NOMEM;
  sqlite3_free(gone);
  if( rc==SQLITE_OK ) s->deleted = sqlite3_changes(s->db);
  return rc;
}

static int rows_set(const sync_run *s, const merge_texts *texts, const char *set){
  return sql_run(s->db,
    "UPDATE OR ABORT \"%w\".\"%w\" AS t SET %s FROM \"%w\".\"%w\" AS s WHERE %s AND (%s)",
    s->schema, s->target, set, s->schema, s->staging, texts->match, texts->differs);
}

/* Two rows that exchange a value of a unique index of the user's cannot be changed one after the other: all
** that change give those values up first. */
static int rows_exchange(sync_run *s, const merge_texts *texts){
  char *unique;
  int rc = unique_text(s, &unique);
  if( rc==SQLITE_OK ) rc = sql_run(s->db, "ROLLBACK TO ortto_update");
  if( rc==SQLITE_OK ) rc = rows_set(s, texts, unique);
  s->updated = rc==SQLITE_OK ? sqlite3_changes(s->db) : 0;
  if( rc==SQLITE_OK ) rc = rows_set(s, texts, texts->set);
  sqlite3_free(unique);
  return rc;
}

/* Rows that differ get the staged values. */
static int rows_update(sync_run *s, const merge_texts *texts, char **error){
  int rc = sql_run(s->db, "SAVEPOINT ortto_update");
  if( rc!=SQLITE_OK ) return rc;
  rc = rows_set(s, texts, texts->set);
  s->updated = rc==SQLITE_OK ? sqlite3_changes(s->db) : 0;
  if( rc==SQLITE_OK ) return sql_run(s->db, "RELEASE ortto_update");
  if( (rc & 0xff)!=SQLITE_CONSTRAINT ) return rc;
  rc = sync_local(s, rc, error);                 /* these words hold if the other way is refused too */
  int again = rows_exchange(s, texts), code = again & 0xff;
  if( code==SQLITE_CONSTRAINT || code==SQLITE_ERROR ) return rc;
  sqlite3_free(*error);
  *error = NULL;
  return again==SQLITE_OK ? sql_run(s->db, "RELEASE ortto_update") : again;
}

static int rows_insert(sync_run *s, const merge_texts *texts){
  int rc = sql_run(s->db,
    "INSERT OR ABORT INTO \"%w\".\"%w\"(%s) SELECT %s FROM \"%w\".\"%w\" AS s "
    "WHERE NOT EXISTS (SELECT 1 FROM \"%w\".\"%w\" AS t WHERE %s)",
    s->schema, s->target, texts->names, texts->staged, s->schema, s->staging,
    s->schema, s->target, texts->match);
  if( rc==SQLITE_OK ) s->inserted = sqlite3_changes(s->db);
  return rc;
}

/* Staged rows that stand in the target as they were fetched. */
static int rows_alike(const sync_run *s, const merge_texts *texts, sqlite3_int64 *alike){
  return sql_integer(s->db, alike,
    "SELECT count(*) FROM \"%w\".\"%w\" AS s JOIN \"%w\".\"%w\" AS t ON %s WHERE NOT (%s)",
    s->schema, s->staging, s->schema, s->target, texts->match, texts->differs ? texts->differs : "0");
}

/* What was merged is counted, and compared where a rule of the user's may have had its way with it. */
static int merge_check(const sync_run *s, const merge_texts *texts, char **error){
  sqlite3_int64 there = s->rows, alike = s->rows, rules;
  int rc = target_has_rules(s, &rules);
  if( rc==SQLITE_OK && !s->changes )
    rc = sql_integer(s->db, &there, "SELECT count(*) FROM \"%w\".\"%w\"", s->schema, s->target);
  if( rc==SQLITE_OK && rules ) rc = rows_alike(s, texts, &alike);
  if( rc!=SQLITE_OK || (there==s->rows && alike==s->rows) ) return rc;
  return error_set(error, "ortto: syncing %s into %s: of %lld rows %lld would stand there as they were "
    "fetched, among %lld: a trigger of the local table changes, ignores or deletes rows. The local table is "
    "unchanged; what was fetched is kept, and the next call goes on",
    s->source, s->target, s->rows, alike, there);
}

static int merge_rows(sync_run *s, char **error){
  merge_texts texts = { 0 };
  int rc = texts_make(s, &texts);
  if( rc==SQLITE_OK && !s->changes ) rc = rows_delete(s, &texts);
  if( rc==SQLITE_OK && texts.set ) rc = rows_update(s, &texts, error);
  if( rc==SQLITE_OK ) rc = rows_insert(s, &texts);
  if( rc==SQLITE_OK ) rc = merge_check(s, &texts, error);
  texts_free(&texts);
  return rc;
}

/* ---- the end of a run --------------------------------------------------------------- */

static int time_compare(const char *a, const char *b){
  return ortto_time_compare(a, strlen(a), b, strlen(b));
}

/* For the next run of changes: no later than the server's clock at the beginning, since what was edited
** during the run may have been missed. */
static void watermark_set(sync_run *s){
  const char *newest = s->newest;
  if( s->watermark[0] && time_compare(s->watermark, newest)>0 ) newest = s->watermark;
  if( s->server_time[0] && newest[0] && time_compare(newest, s->server_time)>0 ) newest = s->server_time;
  if( newest!=s->watermark ) snprintf(s->watermark, sizeof s->watermark, "%s", newest);
}

static int staging_check(const sync_run *s, char **error){
  sqlite3_int64 staged = 0;
  int ours;
  int rc = staging_is_ours(s, &ours);
  if( rc==SQLITE_OK )
    rc = sql_integer(s->db, &staged, "SELECT count(*) FROM \"%w\".\"%w\"", s->schema, s->staging);
  if( rc!=SQLITE_OK || (ours && staged+s->alike==s->rows) ) return rc;
  return error_set(error, "ortto: syncing %s into %s: what was fetched was touched by somebody. "
                    "Call ortto_sync again: it starts over", s->source, s->target);
}

/* The target's rows become the staged ones; *renamed: the staging table itself has become the target. */
static int merge_into_target(sync_run *s, int *renamed, char **error){
  int exists = s->local.count>0;
  *renamed = 0;
  int rc = log_write(s);
  if( rc==SQLITE_OK ) rc = exists ? target_widen(s) : target_by_renaming(s, renamed);
  if( rc!=SQLITE_OK || *renamed ) return rc;
  if( !exists ) rc = target_create(s);
  if( rc==SQLITE_OK ) rc = merge_rows(s, error);
  if( rc==SQLITE_OK ) rc = compare_forget(s);
  return rc==SQLITE_OK ? table_drop(s, s->staging) : rc;
}

/* The run's last word, with what the next one is to know. */
static int done_write(const sync_run *s, const char *filled){
  int rc = state_write(s, "done", 1, NULL);
  if( rc!=SQLITE_OK ) return rc;
  return sql_run(s->db, "UPDATE \"%w\"." STATE_TABLE " SET filled=%Q WHERE run=%lld",
                 s->schema, filled, s->run);
}

/* *outdated: what was noted while the pages came does not hold any more, and nothing was done. */
static int merge_inside(sync_run *s, void *outdated, char **error){
  int renamed = 0, holds = 1;
  char *filled = NULL;
  int rc = state_write(s, "fetched", 0, NULL);   /* fails if the run is not ours any more */
  if( rc==SQLITE_OK ) rc = target_check(s, error);
  if( rc==SQLITE_OK ) rc = filled_check(s, error);
  if( rc==SQLITE_OK ) rc = log_check(s, error);
  if( rc==SQLITE_OK ) rc = staging_check(s, error);
  if( rc==SQLITE_OK ) rc = compare_holds(s, &holds);
  *(int *)outdated = !holds;
  if( rc!=SQLITE_OK || !holds ) return rc;
  if( rc==SQLITE_OK ) rc = filled_renew(s, &filled);
  s->inserted = s->updated = s->deleted = 0;
  if( rc==SQLITE_OK ) rc = merge_into_target(s, &renamed, error);
  if( renamed ) s->inserted = s->rows;
  s->unchanged = s->rows - s->inserted - s->updated;
  watermark_set(s);
  if( s->nested ) sync_note(s, "in your transaction: it stands once that is committed");
  if( rc==SQLITE_OK ) rc = done_write(s, filled);
  sqlite3_free(filled);
  return rc;
}

int sync_merge_step(sync_run *s, char **error){
  char watermark[sizeof s->watermark], message[sizeof s->message];
  memcpy(watermark, s->watermark, sizeof watermark);
  memcpy(message, s->message, sizeof message);
  int outdated = 0;
  int rc = sync_transact(s, merge_inside, &outdated, error);
  if( rc==SQLITE_OK && outdated )
    return sync_start_over(s, "the local table was changed after it was compared: everything is fetched anew",
                           error);
  if( rc!=SQLITE_OK ){
    s->inserted = s->updated = s->deleted = s->unchanged = 0;
    memcpy(s->watermark, watermark, sizeof watermark);
    memcpy(s->message, message, sizeof message);
    return rc;
  }
  s->state = "done";
  s->phase = SYNC_DONE;
  s->claimed = 0;
  return SQLITE_OK;
}
