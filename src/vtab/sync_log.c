/*
** sync_log.c - see sync_log.h.
*/
#include "sync_log.h"

#include <string.h>

#include "../os.h"
#include "../text.h"
#include "sql.h"
#include "sync_target.h"
#include "sync_compare.h"

#define COLUMNS_AT_ONCE 40         /* compared in one pass over the rows */

static const char *const own_columns[] = { "at", "action", "column_name", "before", "after" };

static char *log_name(const sync_run *s){
  return sqlite3_mprintf("%s_log", s->target);
}

static int key_count(const sync_run *s){
  int keys = 0;
  for(int i=0; i<s->columns; i++) keys += column_is_key(s, i);
  return keys;
}

/* Has that table exactly the columns of a log, and keeps it values as they are? */
static int is_log(const sync_run *s, const local_table *t){
  int same = t->count==COUNT(own_columns) + key_count(s);
  for(int i=0; same && i<COUNT(own_columns); i++){
    const local_column *there = local_table_column(t, own_columns[i]);
    same = there && !there->generated && (i<3 || there->type[0]==0);
  }
  for(int i=0; same && i<s->columns; i++)
    if( column_is_key(s, i) ) same = local_table_column(t, column_name(s, i))!=NULL;
  return same;
}

static int table_check(const sync_run *s, const char *name, char **error){
  local_table there = { 0 };
  sqlite3_int64 other = 0, exists = 0;
  int rc = name_is_other(s, name, &other);
  if( rc==SQLITE_OK && !other ) rc = table_exists(s, name, &exists);
  if( rc==SQLITE_OK && exists ) rc = local_table_read(s->db, s->schema, name, &there);
  if( rc==SQLITE_OK && exists ) other = !is_log(s, &there);
  local_table_free(&there);
  if( rc!=SQLITE_OK || !other ) return rc;
  return error_set(error, "ortto: syncing %s into %s: its log would be the table '%s', but what is called so "
    "is none: a log has the columns at, the key's, action, column_name, before and after, the last two "
    "without a type. Rename what is there, or sync without \"log\"", s->source, s->target, name);
}

int log_check(const sync_run *s, char **error){
  if( !s->log ) return SQLITE_OK;
  char *name = log_name(s);
  int rc = name ? SQLITE_OK : SQLITE_NOMEM;
  if( rc==SQLITE_OK && name_is_reserved(name) )
    rc = error_set(error, "ortto: the log of a sync into '%s' would be called '%s', and that name is taken "
                   "by ortto or SQLite. Sync into a table of another name, or without \"log\"",
                   s->target, name);
  else if( rc==SQLITE_OK ) rc = table_check(s, name, error);
  sqlite3_free(name);
  return rc;
}

/* ---- SQL ----------------------------------------------------------------------------- */

/* What the statements share. */
typedef struct log_texts {
  char at[25];
  char *name;
  char *keys;                      /* "id", behind each a comma */
  char *of_staging, *of_target;    /* the same of s, and of t */
  char *match;
} log_texts;

static int texts_make(const sync_run *s, log_texts *texts){
  memset(texts, 0, sizeof *texts);
  os_utc_text(os_wall_ms(), texts->at);
  memcpy(texts->at+19, "Z", 2);                  /* whole seconds, as the state table has them */
  texts->name = log_name(s);
  texts->keys = column_list(s, COLUMNS_KEY, "", QUOTED ",");
  texts->of_staging = column_list(s, COLUMNS_KEY, "", "s." QUOTED ",");
  texts->of_target = column_list(s, COLUMNS_KEY, "", "t." QUOTED ",");
  texts->match = column_list(s, COLUMNS_KEY, " AND ", MATCHED);
  int all = texts->name && texts->keys && texts->of_staging && texts->of_target && texts->match;
  return all ? SQLITE_OK : SQLITE_NOMEM;
}

static void texts_free(log_texts *texts){
  sqlite3_free(texts->name);
  sqlite3_free(texts->keys);
  sqlite3_free(texts->of_staging);
  sqlite3_free(texts->of_target);
  sqlite3_free(texts->match);
}

static int log_create(const sync_run *s, const log_texts *texts){
  sqlite3_str *keys = sqlite3_str_new(NULL);
  for(int i=0; i<s->columns; i++)
    if( column_is_key(s, i) ) sqlite3_str_appendf(keys, "\"%w\" %s, ", column_name(s, i), target_type(s, i));
  char *list = sqlite3_str_finish(keys);
  int rc = list ? sql_run(s->db, "CREATE TABLE IF NOT EXISTS \"%w\".\"%w\"(at TEXT, %saction TEXT, "
    "column_name TEXT, \"before\", \"after\")", s->schema, texts->name, list) : SQLITE_NOMEM;
  sqlite3_free(list);
  return rc;
}

static int log_deleted(const sync_run *s, const log_texts *texts){
  char *gone = compare_gone(s, texts->match);
  int rc = gone ? sql_run(s->db,
    "INSERT INTO \"%w\".\"%w\"(at,%saction) SELECT %Q,%s'deleted' FROM \"%w\".\"%w\" AS t WHERE %s",
    s->schema, texts->name, texts->keys, texts->at, texts->of_target, s->schema, s->target, gone)
    : SQLITE_NOMEM;
  sqlite3_free(gone);
  return rc;
}

static int log_inserted(const sync_run *s, const log_texts *texts){
  return sql_run(s->db,
    "INSERT INTO \"%w\".\"%w\"(at,%saction) SELECT %Q,%s'inserted' FROM \"%w\".\"%w\" AS s "
    "WHERE NOT EXISTS (SELECT 1 FROM \"%w\".\"%w\" AS t WHERE %s)",
    s->schema, texts->name, texts->keys, texts->at, texts->of_staging, s->schema, s->staging,
    s->schema, s->target, texts->match);
}

/* Is the column logged? It is no part of the key, and was there before. */
static int is_logged(const sync_run *s, int i){
  return !column_is_key(s, i) && local_table_column(&s->local, column_name(s, i))!=NULL;
}

/* Some columns, from *at on, as parts of a statement: each is found again by its number. */
typedef struct log_part {
  sqlite3_str *numbers, *before, *after, *any, *which;
  int columns;
} log_part;

static void part_add(const sync_run *s, log_part *part, int i){
  const char *name = column_name(s, i), *comma = part->columns ? "," : "";
  sqlite3_str_appendf(part->numbers, "%s(%d,%Q)", comma, i, name);
  sqlite3_str_appendf(part->before, " WHEN %d THEN t.\"%w\"", i, name);
  sqlite3_str_appendf(part->after, " WHEN %d THEN s.\"%w\"", i, name);
  if( part->columns ) sqlite3_str_appendall(part->any, " OR ");   /* nothing empty: debug builds mind */
  column_differs(s, part->any, i);
  sqlite3_str_appendf(part->which, " WHEN %d THEN ", i);
  column_differs(s, part->which, i);
  part->columns++;
}

/* Finishes a text of the part; it may be NULL. */
static char *part_text(sqlite3_str *text, int *rc){
  char *whole = sqlite3_str_finish(text);
  if( whole==NULL ) *rc = SQLITE_NOMEM;
  return whole;
}

static int part_run(const sync_run *s, const log_texts *texts, const log_part *part){
  int rc = SQLITE_OK;
  char *numbers = part_text(part->numbers, &rc), *before = part_text(part->before, &rc);
  char *after = part_text(part->after, &rc), *any = part_text(part->any, &rc);
  char *which = part_text(part->which, &rc);
  if( rc==SQLITE_OK )
    rc = sql_run(s->db,
      "INSERT INTO \"%w\".\"%w\"(at,%saction,column_name,\"before\",\"after\") "
      "SELECT %Q,%s'updated',n.column2,CASE n.column1%s END,CASE n.column1%s END "
      "FROM \"%w\".\"%w\" AS s JOIN \"%w\".\"%w\" AS t ON %s CROSS JOIN (VALUES%s) AS n "
      "WHERE (%s) AND CASE n.column1%s END",
      s->schema, texts->name, texts->keys,
      texts->at, texts->of_staging, before, after,
      s->schema, s->staging, s->schema, s->target, texts->match, numbers,
      any, which);
  sqlite3_free(numbers);
  sqlite3_free(before);
  sqlite3_free(after);
  sqlite3_free(any);
  sqlite3_free(which);
  return rc;
}

/* The columns from *at on, as many as go into one pass. */
static int log_columns(const sync_run *s, const log_texts *texts, int *at){
  log_part part = { sqlite3_str_new(NULL), sqlite3_str_new(NULL), sqlite3_str_new(NULL),
                    sqlite3_str_new(NULL), sqlite3_str_new(NULL), 0 };
  for(; *at<s->columns && part.columns<COLUMNS_AT_ONCE; ++*at)
    if( is_logged(s, *at) ) part_add(s, &part, *at);
  if( part.columns ) return part_run(s, texts, &part);
  sqlite3_free(sqlite3_str_finish(part.numbers));
  sqlite3_free(sqlite3_str_finish(part.before));
  sqlite3_free(sqlite3_str_finish(part.after));
  sqlite3_free(sqlite3_str_finish(part.any));
  sqlite3_free(sqlite3_str_finish(part.which));
  return SQLITE_OK;
}

/* A table that no sync has finished with, and that has no rows, gets its first copy. */
static int is_first_copy(const sync_run *s, sqlite3_int64 *first){
  *first = 1;
  if( s->local.count==0 ) return SQLITE_OK;
  return sql_integer(s->db, first,
    "SELECT NOT EXISTS (SELECT 1 FROM \"%w\"." STATE_TABLE " "
      "WHERE target=%Q COLLATE NOCASE AND state='done') "
    "AND NOT EXISTS (SELECT 1 FROM \"%w\".\"%w\")", s->schema, s->target, s->schema, s->target);
}

int log_write(const sync_run *s){
  log_texts texts;
  sqlite3_int64 first;
  if( !s->log ) return SQLITE_OK;
  int rc = texts_make(s, &texts);
  if( rc==SQLITE_OK ) rc = log_create(s, &texts);
  if( rc==SQLITE_OK ) rc = is_first_copy(s, &first);
  if( rc==SQLITE_OK && !first ){
    if( !s->changes && s->may_be_gone ) rc = log_deleted(s, &texts);
    for(int at=0; rc==SQLITE_OK && at<s->columns; ) rc = log_columns(s, &texts, &at);
    if( rc==SQLITE_OK ) rc = log_inserted(s, &texts);
  }
  texts_free(&texts);
  return rc;
}
