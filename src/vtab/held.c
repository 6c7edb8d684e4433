/*
** held.c - see held.h.
*/
#include "held.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "sql.h"
#include "convert.h"

sqlite3_int64 held_owner(const table *t){
  return (sqlite3_int64)(intptr_t)t;
}

static int hold_row(table *t, char kind, const char *id, const char *email, const char *record){
  spool *s = &t->conn->spool;
  int rc = spool_insert(s, held_owner(t), kind, id, email, record);
  if( rc==SQLITE_OK || (rc & 0xff)==SQLITE_NOMEM ) return rc & 0xff;
  return vt_error(t, "ortto: cannot hold the row back until COMMIT: %s", spool_error(s));
}

/* SQLITE_CONSTRAINT, so that OR IGNORE passes over the row. */
static int refuse_row(table *t, const char *format, ...){
  va_list args;
  va_start(args, format);
  int rc = error_vset(&t->base.zErrMsg, format, args);
  va_end(args);
  return rc==SQLITE_ERROR ? SQLITE_CONSTRAINT : rc;
}

/* -- one column -- */

/* One that shows no field. */
static int refuse_column(table *t, int column){
  if( column>t->hidden_columns )
    return refuse_row(t, "ortto: the column more_fields cannot be written; it shows fields that found no "
                      "column");
  return refuse_row(t, "ortto: the column %s cannot be written; it steers a SELECT",
                    ortto_hidden_column(t->kind, column-1));
}

/* What json_value made of a value, NULL when out of memory: can the field hold it? */
static int value_check(table *t, const ortto_field *f, const char *json, size_t n){
  if( json==NULL ) return SQLITE_NOMEM;
  int rc = ortto_value_check(t->conn->client, f, json, n);
  return rc==ORTTO_ERROR ? refuse_row(t, "%s", ortto_error(t->conn->client)) : vt_fail(t, rc);
}

/* One column into the record's fields; refused here if it cannot be right. */
static int column_write(table *t, int column, sqlite3_value *v, sqlite3_str *fields, int *any){
  int at = column_field(t, column);
  if( at<0 ) return refuse_column(t, column);
  const ortto_field *f = &t->fields->field[at];
  if( f->read_only )
    return refuse_row(t, "ortto: the column %s is read-only: Ortto sets it; the value was '%.40s'", f->column,
                      sqlite3_value_text(v));
  sqlite3_str *one = sqlite3_str_new(NULL);
  int fits = json_value(one, f, v);
  int n = sqlite3_str_length(one);
  char *json = sqlite3_str_finish(one);
  int rc = fits ? value_check(t, f, json, (size_t)n)
                : refuse_row(t, "ortto: the column %s takes no BLOB and no infinite number", f->column);
  if( rc==SQLITE_OK ){
    if( (*any)++ ) sqlite3_str_appendchar(fields, 1, ',');
    json_string(fields, f->id, strlen(f->id));
    sqlite3_str_appendchar(fields, 1, ':');
    sqlite3_str_append(fields, json, n);
  }
  sqlite3_free(json);
  return rc;
}

static int column_is(const table *t, int column, const char *id){
  int at = column_field(t, column);
  return at>0 && strcmp(t->fields->field[at].id, id)==0;
}

static const char *text_of(sqlite3_value *v){
  return sqlite3_value_type(v)==SQLITE_NULL ? NULL : (const char *)sqlite3_value_text(v);
}

/* -- one row -- */

/* argv: by column. NULL is not sent: it cannot be told from a column that was not named. */
static int row_insert(table *t, sqlite3_value **argv){
  int people = t->kind==ORTTO_PEOPLE;
  const char *key = people ? "str::email" : "str:o:name", *other_key = people ? "str::ei" : key;
  const char *id = text_of(argv[0]), *email = NULL;
  int rc = SQLITE_OK, any = 0, named = id!=NULL;
  sqlite3_str *record = sqlite3_str_new(NULL);
  sqlite3_str_appendall(record, "{\"fields\":{");
  if( id ){
    if( !ortto_is_id(id, strlen(id)) )
      rc = refuse_row(t, "ortto: an id is 24 hexadecimal digits, not '%.40s'; leave it out for a new one",
                      id);
    sqlite3_str_appendf(record, "\"id\":\"%.24s\"", id);
    any = 1;
  }
  for(int i=1; rc==SQLITE_OK && i<t->columns; i++){
    if( sqlite3_value_type(argv[i])==SQLITE_NULL ) continue;
    int is_key = column_is(t, i, key);
    if( (is_key || column_is(t, i, other_key)) && sqlite3_value_bytes(argv[i])>0 ) named = 1;
    if( is_key && people ) email = text_of(argv[i]);
    rc = column_write(t, i, argv[i], record, &any);
  }
  if( rc==SQLITE_OK && !named )
    rc = refuse_row(t, people ? "ortto: nobody is named: a contact needs an email, an external_id or an id"
                              : "ortto: an account needs its name or its id");
  sqlite3_str_appendall(record, "}}");
  char *text = sqlite3_str_finish(record);
  if( rc==SQLITE_OK ) rc = text ? hold_row(t, SPOOL_INSERT, id, email, text) : SQLITE_NOMEM;
  sqlite3_free(text);
  return rc;
}

/* Tags are a member of their own beside the fields: checked as a column, and handed over as they are. */
static int tags_write(table *t, int column, sqlite3_value *v, char **tags){
  sqlite3_str *checked = sqlite3_str_new(NULL);
  int any = 0;
  int rc = column_write(t, column, v, checked, &any);
  sqlite3_free(sqlite3_str_finish(checked));
  if( rc!=SQLITE_OK ) return rc;
  const char *text = text_of(v);
  sqlite3_free(*tags);
  *tags = sqlite3_mprintf("%s", text ? text : "[]");
  return *tags ? SQLITE_OK : SQLITE_NOMEM;
}

/* Only what the statement sets. */
static int row_update(table *t, const char *id, sqlite3_value **argv){
  int rc = SQLITE_OK, any = 1, set = 0;
  char *tags = NULL;
  for(int i=1; i<=t->hidden_columns; i++)
    if( !sqlite3_value_nochange(argv[i]) )
      return vt_error(t, "ortto: UPDATE ... FROM is not possible here, since SQLite does not say which "
                      "columns change (and hidden columns cannot be set). Write: UPDATE %s SET city = "
                      "(SELECT ... ) WHERE id IN (SELECT ...)", t->name);
  sqlite3_str *record = sqlite3_str_new(NULL);
  sqlite3_str_appendf(record, "{\"fields\":{\"id\":\"%.24s\"", id);
  for(int i=1+t->hidden_columns; rc==SQLITE_OK && i<t->columns; i++){
    if( sqlite3_value_nochange(argv[i]) ) continue;
    set = 1;
    if( column_is(t, i, "tags") ) rc = tags_write(t, i, argv[i], &tags);
    else rc = column_write(t, i, argv[i], record, &any);
  }
  sqlite3_str_appendall(record, "}");
  if( tags ) sqlite3_str_appendf(record, ",\"tags\":%s", tags);
  sqlite3_str_appendall(record, "}");
  char *text = sqlite3_str_finish(record);
  char kind = tags ? SPOOL_UPDATE_TAGS : SPOOL_UPDATE;
  if( rc==SQLITE_OK && set ) rc = text ? hold_row(t, kind, id, NULL, text) : SQLITE_NOMEM;
  sqlite3_free(text);
  sqlite3_free(tags);
  return rc;
}

static int row_delete(table *t, const char *id){
  long most;
  conn *c = t->conn;
  int rc = vt_fail(t, ortto_config_number(c->client, NULL, ORTTO_MAX_DELETES, &most));
  if( rc!=SQLITE_OK ) return rc;
  if( c->spool.deletes>=most )
    return vt_error(t, "ortto: this transaction would archive more than %ld rows, which is what max_deletes "
                    "allows. Nothing was sent. If that is meant: SELECT ortto_config('max_deletes', ...)",
                    most);
  char *record = sqlite3_mprintf("{\"id\":\"%s\"}", id);   /* hexadecimal digits */
  rc = record ? hold_row(t, SPOOL_DELETE, id, NULL, record) : SQLITE_NOMEM;
  sqlite3_free(record);
  return rc;
}

int vt_update(sqlite3_vtab *base, int argc, sqlite3_value **argv, sqlite3_int64 *rowid){
  table *t = (table *)base;
  *rowid = 0;
  if( t->broken ) return vt_error(t, "%s", t->broken);
  int rc = table_may_act(t);
  if( rc!=SQLITE_OK ) return rc;
  if( !is_contact_table(t) )
    return vt_error(t, "ortto: %s is read-only; people and accounts can be written", t->name);
  const char *old = text_of(argv[0]);
  if( old==NULL && sqlite3_value_type(argv[0])!=SQLITE_NULL ) return SQLITE_NOMEM;
  if( old && !ortto_is_id(old, strlen(old)) )
    return vt_error(t, "ortto: the record cannot be written: '%.40s' is no id of Ortto's", old);
  if( argc==1 ) return old ? row_delete(t, old) : SQLITE_OK;
  if( old==NULL ) return row_insert(t, argv+2);
  const char *now = text_of(argv[1]);
  if( now==NULL || strcmp(old, now)!=0 )
    return vt_error(t, "ortto: the id of a record cannot be changed: Ortto gives it. To make another record, "
                    "INSERT it; to remove this one, DELETE it");
  return row_update(t, old, argv+2);
}

int vt_destroy(sqlite3_vtab *base){
  table *t = (table *)base;
  int any;
  int rc = spool_any(&t->conn->spool, held_owner(t), &any);
  if( rc!=SQLITE_OK ) return rc;
  if( any ) return SQLITE_LOCKED;
  table_free(t);
  return SQLITE_OK;
}

/* -- transactions -- */

int vt_begin(sqlite3_vtab *base){
  table *t = (table *)base;
  if( t->writes==NULL ){
    t->writes = sqlite3_malloc(sizeof *t->writes);
    if( t->writes==NULL ) return SQLITE_NOMEM;
    memset(t->writes, 0, sizeof *t->writes);
  }
  t->writes->open = 1;
  t->writes->count = 0;
  return SQLITE_OK;
}

int vt_savepoint(sqlite3_vtab *base, int number){
  table *t = (table *)base;
  writes *w = t->writes;
  if( w==NULL || !w->open ) return SQLITE_OK;
  while( w->count && w->savepoints[w->count-1].number>=number ) w->count--;
  if( w->count==w->cap ){
    int cap = w->cap ? w->cap*2 : 8;
    savepoint *grown = sqlite3_realloc64(w->savepoints, (sqlite3_uint64)cap * sizeof *grown);
    if( grown==NULL ) return SQLITE_NOMEM;
    w->savepoints = grown;
    w->cap = cap;
  }
  w->savepoints[w->count++] = (savepoint){ number, t->conn->spool.place };
  return SQLITE_OK;
}

int vt_release(sqlite3_vtab *base, int number){
  writes *w = ((table *)base)->writes;
  while( w && w->count && w->savepoints[w->count-1].number>=number ) w->count--;
  return SQLITE_OK;
}

int vt_rollback_to(sqlite3_vtab *base, int number){
  table *t = (table *)base;
  writes *w = t->writes;
  sqlite3_int64 place = 0;
  if( w==NULL || !w->open ) return SQLITE_OK;
  while( w->count && w->savepoints[w->count-1].number>number ) w->count--;
  if( w->count && w->savepoints[w->count-1].number==number ) place = w->savepoints[w->count-1].place;
  spool_delete(&t->conn->spool, held_owner(t), place);
  return SQLITE_OK;
}

int vt_end(sqlite3_vtab *base){
  table *t = (table *)base;
  spool_delete(&t->conn->spool, held_owner(t), 0);
  if( t->writes ) t->writes->open = t->writes->count = 0;
  return SQLITE_OK;
}
