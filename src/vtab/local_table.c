/*
** local_table.c - see local_table.h.
*/
#include "local_table.h"

#include <stdlib.h>
#include <string.h>

#include "sql.h"

/* In NOCASE's order, so that a name is found as SQLite finds it. */
static int columns_ask(sqlite3 *db, const char *schema, const char *name, sqlite3_stmt **stmt){
  return sql_prepare(db, stmt,
    "SELECT name, pk>0, hidden IN (2,3), "
    "CASE WHEN is_strict AND type='ANY' COLLATE NOCASE THEN '' ELSE ifnull(type,'') END, is_strict "
    "FROM (SELECT max(strict) AS is_strict FROM pragma_table_list(%Q) WHERE schema=%Q COLLATE NOCASE), "
    "pragma_table_xinfo(%Q,%Q) ORDER BY name COLLATE NOCASE", name, schema, name, schema);
}

static const char *text_kept(local_table *t, sqlite3_stmt *stmt, int column){
  const char *text = (const char *)sqlite3_column_text(stmt, column);
  return text ? arena_text(&t->memory, text, (size_t)sqlite3_column_bytes(stmt, column)) : NULL;
}

static int column_add(local_table *t, sqlite3_stmt *stmt){
  if( t->count==t->cap ){
    int cap = t->cap ? t->cap*2 : 32;
    local_column *grown = sqlite3_realloc64(t->column, (sqlite3_uint64)cap * sizeof *grown);
    if( grown==NULL ) return SQLITE_NOMEM;
    t->column = grown;
    t->cap = cap;
  }
  local_column *c = &t->column[t->count];
  c->name = text_kept(t, stmt, 0);
  c->type = text_kept(t, stmt, 3);
  c->key = sqlite3_column_int(stmt, 1);
  c->generated = sqlite3_column_int(stmt, 2);
  if( c->name==NULL || c->type==NULL ) return SQLITE_NOMEM;
  t->count++;
  t->keys += c->key;
  t->strict = sqlite3_column_int(stmt, 4);
  return SQLITE_OK;
}

int local_table_read(sqlite3 *db, const char *schema, const char *name, local_table *t){
  sqlite3_stmt *stmt;
  local_table_free(t);
  int rc = columns_ask(db, schema, name, &stmt);
  if( rc!=SQLITE_OK ) return rc;
  while( rc==SQLITE_OK && sqlite3_step(stmt)==SQLITE_ROW ) rc = column_add(t, stmt);
  int finished = sqlite3_finalize(stmt);
  return rc==SQLITE_OK ? finished : rc;
}

void local_table_free(local_table *t){
  arena_free(&t->memory);
  sqlite3_free(t->column);
  memset(t, 0, sizeof *t);
}

static int by_name(const void *name, const void *column){
  return sqlite3_stricmp(name, ((const local_column *)column)->name);
}

const local_column *local_table_column(const local_table *t, const char *name){
  if( t->count==0 ) return NULL;
  return bsearch(name, t->column, (size_t)t->count, sizeof *t->column, by_name);
}
