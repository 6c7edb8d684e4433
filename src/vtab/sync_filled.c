/*
** sync_filled.c - see sync_filled.h.
*/
#include "sync_filled.h"

#include <string.h>

#include "../text.h"
#include "../json.h"
#include "sql.h"
#include "convert.h"
#include "sync_target.h"

/* What the last run that tells of it has kept. */
typedef struct filled {
  arena memory;
  const char **type;               /* of column i of this run; NULL: no sync has filled it */
  int known;                       /* there is such a run */
  sqlite3_str *others;             /* members for columns that this run does not write, each behind a comma */
} filled;

static int column_find(const sync_run *s, const char *name){
  for(int i=0; i<s->columns; i++) if( sqlite3_stricmp(column_name(s, i), name)==0 ) return i;
  return -1;
}

static void member_add(sqlite3_str *out, const char *name, const char *type){
  sqlite3_str_appendall(out, sqlite3_str_length(out) ? "," : "{");
  json_string(out, name, strlen(name));
  sqlite3_str_appendall(out, ":");
  json_string(out, type, strlen(type));
}

static int filled_take(const sync_run *s, filled *f, const char *name, const char *type){
  int i = column_find(s, name);
  f->known = 1;
  if( i>=0 ) f->type[i] = arena_text(&f->memory, type, strlen(type));
  else if( local_table_column(&s->local, name) ) member_add(f->others, name, type);
  return i>=0 && f->type[i]==NULL ? SQLITE_NOMEM : SQLITE_OK;
}

/* json_each() would not do: SQLite reads it under a lock on main, which may be another file. */
static int filled_parse(const sync_run *s, filled *f, sqlite3_stmt *stmt){
  const char *text = (const char *)sqlite3_column_text(stmt, 0);
  js object, name, value;
  int rc = SQLITE_OK;
  if( text==NULL || !json_check(text, strlen(text), &object) || js_type(object)!='{' ) return SQLITE_OK;
  js_iter it = js_in(object);
  while( rc==SQLITE_OK && js_next(&it, &name, &value) ){
    size_t n;
    const char *clean = text_clean(&f->memory, name.p, name.n, 1, &n), *type = js_cstring(&f->memory, value);
    const char *column = clean ? arena_text(&f->memory, clean, n) : NULL;
    rc = column && type ? filled_take(s, f, column, type) : SQLITE_NOMEM;
  }
  return rc;
}

static int filled_read(const sync_run *s, filled *f){
  sqlite3_stmt *stmt;
  memset(f, 0, sizeof *f);
  f->others = sqlite3_str_new(NULL);
  f->type = sqlite3_malloc64(((sqlite3_uint64)s->columns + 1) * sizeof *f->type);
  if( f->type==NULL ) return SQLITE_NOMEM;
  memset(f->type, 0, (size_t)s->columns * sizeof *f->type);
  int rc = sql_prepare(s->db, &stmt,
    "SELECT filled FROM \"%w\"." STATE_TABLE " WHERE target=%Q COLLATE NOCASE AND state='done' "
    "AND filled IS NOT NULL ORDER BY run DESC LIMIT 1", s->schema, s->target);
  if( rc!=SQLITE_OK ) return rc;
  if( sqlite3_step(stmt)==SQLITE_ROW ) rc = filled_parse(s, f, stmt);
  int finished = sqlite3_finalize(stmt);
  return rc==SQLITE_OK ? finished : rc;
}

static void filled_free(filled *f){
  arena_free(&f->memory);
  sqlite3_free(f->type);
  sqlite3_free(sqlite3_str_finish(f->others));
}

static int own_column(const sync_run *s, int i, char **error){
  const char *name = column_name(s, i), *id = i<s->overflow ? s->fields->field[i].id : name;
  return error_set(error, "ortto: syncing %s into %s: the field %s is new in Ortto, and would take the "
    "local table's column \"%w\", which no sync has filled: it is your own. Nothing was changed. "
    "Give yours another name: ALTER TABLE \"%w\".\"%w\" RENAME COLUMN \"%w\" TO \"my_%w\"",
    s->source, s->target, id, name, s->schema, s->target, name, name);
}

int filled_check(const sync_run *s, char **error){
  filled f;
  sqlite3_int64 rows = 0;
  if( s->local.count==0 ) return SQLITE_OK;
  int rc = sql_integer(s->db, &rows, "SELECT EXISTS (SELECT 1 FROM \"%w\".\"%w\")", s->schema, s->target);
  if( rc!=SQLITE_OK || !rows ) return rc;        /* an empty table has nothing to lose */
  rc = filled_read(s, &f);
  for(int i=0; rc==SQLITE_OK && f.known && i<s->columns; i++)
    if( f.type[i]==NULL && local_table_column(&s->local, column_name(s, i)) ) rc = own_column(s, i, error);
  filled_free(&f);
  return rc;
}

static int is_like(const char *type, const char *other){
  return type_is_text(type)==type_is_text(other);
}

/* Is the column still as it was made for a field of another type? was: as what it was filled; NULL:
** unknown. */
static int is_outdated(const sync_run *s, int i, const char *was){
  const local_column *there = local_table_column(&s->local, column_name(s, i));
  if( there==NULL || there->type[0]==0 || is_like(there->type, column_type(s, i)) ) return 0;
  return was!=NULL && !is_like(was, column_type(s, i));
}

static int done_before(const sync_run *s, sqlite3_int64 *done){
  return sql_integer(s->db, done, "SELECT count(*) FROM \"%w\"." STATE_TABLE
                     " WHERE target=%Q COLLATE NOCASE AND state='done'", s->schema, s->target);
}

static void note_outdated(sync_run *s, int i){
  const char *name = column_name(s, i), *was = local_table_column(&s->local, name)->type;
  char *note = sqlite3_mprintf("column \"%w\" is %.30s here, but its field is %s in Ortto by now, which "
    "compares in another way: ALTER TABLE \"%w\".\"%w\" DROP COLUMN \"%w\", and the next full sync fills it "
    "anew", name, was, column_type(s, i), s->schema, s->target, name);
  if( note ) sync_note(s, note);
  sqlite3_free(note);
}

int filled_renew(sync_run *s, char **filled_text){
  filled f;
  sqlite3_int64 done = 0;
  sqlite3_str *out = sqlite3_str_new(NULL);
  int rc = filled_read(s, &f);
  if( rc==SQLITE_OK && !f.known ) rc = done_before(s, &done);
  for(int i=0; rc==SQLITE_OK && i<s->columns; i++){
    const char *was = f.type[i], *name = column_name(s, i);
    const local_column *there = local_table_column(&s->local, name);
    if( was==NULL && done && there ) was = there->type;   /* a run of before `filled` has made it so */
    int outdated = is_outdated(s, i, was);
    if( outdated ) note_outdated(s, i);
    member_add(out, name, outdated ? was : column_type(s, i));
  }
  char *others = sqlite3_str_value(f.others);
  if( others ) sqlite3_str_appendf(out, ",%s", others+1);
  sqlite3_str_appendall(out, "}");
  filled_free(&f);
  *filled_text = sqlite3_str_finish(out);
  return rc==SQLITE_OK && *filled_text==NULL ? SQLITE_NOMEM : rc;
}
