/*
** local_table.c - see local_table.h.
*/
#include "local_table.h"

#include <stdlib.h>
#include <string.h>

#include "sql.h"

/* As statements, not as functions in a FROM: SQLite reads those under a lock on main, which may be another
** file. */
enum { INFO_NAME = 1, INFO_TYPE = 2, INFO_KEY = 5, INFO_HIDDEN = 6, LIST_STRICT = 5 };

static int is_strict(sqlite3 *db, const char *schema, const char *name, int *strict){
  sqlite3_stmt *stmt;
  int rc = sql_prepare(db, &stmt, "PRAGMA \"%w\".table_list(\"%w\")", schema, name);
  if( rc!=SQLITE_OK ) return rc;
  *strict = sqlite3_step(stmt)==SQLITE_ROW && sqlite3_column_int(stmt, LIST_STRICT);
  return sqlite3_finalize(stmt);
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
  c->name = text_kept(t, stmt, INFO_NAME);
  c->type = sqlite3_column_type(stmt, INFO_TYPE)==SQLITE_NULL ? "" : text_kept(t, stmt, INFO_TYPE);
  c->key = sqlite3_column_int(stmt, INFO_KEY)>0;
  c->generated = sqlite3_column_int(stmt, INFO_HIDDEN)>=2;
  if( c->name==NULL || c->type==NULL ) return SQLITE_NOMEM;
  if( t->strict && sqlite3_stricmp(c->type, "ANY")==0 ) c->type = "";
  t->count++;
  t->keys += c->key;
  return SQLITE_OK;
}

static int by_names(const void *a, const void *b){
  return sqlite3_stricmp(((const local_column *)a)->name, ((const local_column *)b)->name);
}

int local_table_read(sqlite3 *db, const char *schema, const char *name, local_table *t){
  sqlite3_stmt *stmt;
  local_table_free(t);
  int rc = is_strict(db, schema, name, &t->strict);
  if( rc==SQLITE_OK ) rc = sql_prepare(db, &stmt, "PRAGMA \"%w\".table_xinfo(\"%w\")", schema, name);
  if( rc!=SQLITE_OK ) return rc;
  while( rc==SQLITE_OK && sqlite3_step(stmt)==SQLITE_ROW ) rc = column_add(t, stmt);
  if( t->count ) qsort(t->column, (size_t)t->count, sizeof *t->column, by_names);
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
