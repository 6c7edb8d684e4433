/*
** held.c - see held.h.
*/
#include "held.h"

#include <stdarg.h>
#include <string.h>

#include "convert.h"

/* kind: I insert, U update, T update that sets tags, D delete. */
static int hold_row(table *t, char kind, const char *id, const char *email, const char *record){
  conn *c = t->conn;
  char text[2] = { kind, 0 };
  int rc = spool_open(c);
  if( rc==SQLITE_OK && c->insert_held==NULL )
    rc = sqlite3_prepare_v3(c->spool, "INSERT INTO held(owner,kind,id,email,record,place) VALUES(?,?,?,?,?,?)", -1, SQLITE_PREPARE_PERSISTENT, &c->insert_held, NULL);
  if( (rc & 0xff)==SQLITE_NOMEM ) return SQLITE_NOMEM;
  if( rc!=SQLITE_OK ) return vt_error(t, "ortto: cannot hold the row back until COMMIT: %s", c->spool ? sqlite3_errmsg(c->spool) : "no temporary database");
  if( !c->spool_open ) sqlite3_exec(c->spool, "BEGIN", NULL, NULL, NULL);
  c->spool_open = 1;
  sqlite3_bind_int64(c->insert_held, 1, (sqlite3_int64)(intptr_t)t);
  sqlite3_bind_text(c->insert_held, 2, text, 1, SQLITE_STATIC);
  sqlite3_bind_text(c->insert_held, 3, id, -1, SQLITE_STATIC);
  sqlite3_bind_text(c->insert_held, 4, email, -1, SQLITE_STATIC);
  sqlite3_bind_text(c->insert_held, 5, record, -1, SQLITE_STATIC);
  sqlite3_bind_int64(c->insert_held, 6, ++c->place);
  sqlite3_step(c->insert_held);
  rc = sqlite3_reset(c->insert_held);
  sqlite3_clear_bindings(c->insert_held);
  if( (rc & 0xff)==SQLITE_NOMEM ) return SQLITE_NOMEM;
  if( rc!=SQLITE_OK ) return vt_error(t, "ortto: cannot hold the row back until COMMIT: %s", sqlite3_errmsg(c->spool));
  c->deletes += kind=='D';
  return SQLITE_OK;
}

static int refuse_row(table *t, const char *format, ...){
  va_list args;
  va_start(args, format);
  sqlite3_free(t->base.zErrMsg);
  t->base.zErrMsg = sqlite3_vmprintf(format, args);
  va_end(args);
  return SQLITE_CONSTRAINT;                      /* so that OR IGNORE passes over it */
}

/* One column into the record's fields; refused here if it cannot be right. */
static int column_write(table *t, int column, sqlite3_value *v, sqlite3_str *fields, int *any){
  int at = column_field(t, column);
  if( at<0 ) return refuse_row(t, "ortto: the column %s cannot be written; it %s", column>t->columns-2 && column>t->hidden_columns ? "more_fields" : ortto_hidden_column(t->kind, column-1),
                               column>t->hidden_columns ? "shows fields that found no column" : "steers a SELECT");
  const ortto_field *f = &t->fields->field[at];
  if( f->read_only ) return refuse_row(t, "ortto: the column %s is read-only: Ortto sets it; the value was '%.40s'", f->column, sqlite3_value_text(v));
  sqlite3_str *one = sqlite3_str_new(NULL);
  int fits = json_value(one, f, v);
  int n = sqlite3_str_length(one);
  char *json = sqlite3_str_finish(one);
  int rc = SQLITE_OK;
  if( !fits ) rc = refuse_row(t, "ortto: the column %s takes no BLOB and no infinite number", f->column);
  else if( json==NULL ) rc = SQLITE_NOMEM;
  else{
    int got = ortto_value_check(t->conn->client, f, json, (size_t)n);
    if( got==ORTTO_ERROR ) rc = refuse_row(t, "%s", ortto_error(t->conn->client));
    else rc = vt_fail(t, got);
  }
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

/* argv: by column. NULL is not sent: it cannot be told from a column that was not named. */
static int row_insert(table *t, sqlite3_value **argv){
  const char *keys[] = { t->kind==ORTTO_PEOPLE ? "str::email" : "str:o:name", t->kind==ORTTO_PEOPLE ? "str::ei" : "str:o:name" };
  const char *id = text_of(argv[0]), *email = NULL;
  int rc = SQLITE_OK, any = 0, named = id!=NULL;
  sqlite3_str *record = sqlite3_str_new(NULL);
  sqlite3_str_appendall(record, "{\"fields\":{");
  if( id && !ortto_is_id(id, strlen(id)) ) rc = refuse_row(t, "ortto: an id is 24 hexadecimal digits, not '%.40s'; leave it out for a new one", id);
  if( id ) sqlite3_str_appendf(record, "\"id\":\"%.24s\"", id), any = 1;
  for(int i=1; rc==SQLITE_OK && i<t->columns; i++){
    if( sqlite3_value_type(argv[i])==SQLITE_NULL ) continue;
    if( (column_is(t, i, keys[0]) || column_is(t, i, keys[1])) && sqlite3_value_bytes(argv[i])>0 ) named = 1;
    if( column_is(t, i, keys[0]) ) email = text_of(argv[i]);
    rc = column_write(t, i, argv[i], record, &any);
  }
  if( rc==SQLITE_OK && !named ) rc = refuse_row(t, t->kind==ORTTO_PEOPLE ? "ortto: nobody is named: a contact needs an email, an external_id or an id"
                                                                         : "ortto: an account needs its name or its id");
  sqlite3_str_appendall(record, "}}");
  char *text = sqlite3_str_finish(record);
  if( rc==SQLITE_OK ) rc = text ? hold_row(t, 'I', id, t->kind==ORTTO_PEOPLE ? email : NULL, text) : SQLITE_NOMEM;
  sqlite3_free(text);
  return rc;
}

/* Only what the statement sets. */
static int row_update(table *t, const char *id, sqlite3_value **argv){
  int rc = SQLITE_OK, any = 1, set = 0;
  char *tags = NULL;
  sqlite3_str *record = sqlite3_str_new(NULL);
  sqlite3_str_appendf(record, "{\"fields\":{\"id\":\"%.24s\"", id);
  for(int i=1; i<=t->hidden_columns; i++) if( !sqlite3_value_nochange(argv[i]) ) rc =
    vt_error(t, "ortto: UPDATE ... FROM is not possible here, since SQLite does not say which columns change (and hidden columns cannot be set). "
             "Write: UPDATE %s SET city = (SELECT ... ) WHERE id IN (SELECT ...)", t->name);
  for(int i=1+t->hidden_columns; rc==SQLITE_OK && i<t->columns; i++){
    if( sqlite3_value_nochange(argv[i]) ) continue;
    set = 1;
    if( !column_is(t, i, "tags") ){
      rc = column_write(t, i, argv[i], record, &any);
      continue;
    }
    sqlite3_str *checked = sqlite3_str_new(NULL);
    int dummy = 0;
    rc = column_write(t, i, argv[i], checked, &dummy);
    sqlite3_free(sqlite3_str_finish(checked));
    tags = sqlite3_mprintf("%s", sqlite3_value_type(argv[i])==SQLITE_NULL ? "[]" : (const char *)sqlite3_value_text(argv[i]));
    if( tags==NULL && rc==SQLITE_OK ) rc = SQLITE_NOMEM;
  }
  sqlite3_str_appendall(record, "}");
  if( tags ) sqlite3_str_appendf(record, ",\"tags\":%s", tags);
  sqlite3_str_appendall(record, "}");
  char *text = sqlite3_str_finish(record);
  if( rc==SQLITE_OK && set ) rc = text ? hold_row(t, tags ? 'T' : 'U', id, NULL, text) : SQLITE_NOMEM;
  sqlite3_free(text);
  sqlite3_free(tags);
  return rc;
}

static int row_delete(table *t, const char *id){
  long most;
  conn *c = t->conn;
  int rc = vt_fail(t, ortto_config_number(c->client, NULL, ORTTO_MAX_DELETES, &most));
  if( rc!=SQLITE_OK ) return rc;
  if( c->deletes>=most )
    return vt_error(t, "ortto: this transaction would archive more than %ld rows, which is what max_deletes allows. Nothing was sent. "
                    "If that is meant: SELECT ortto_config('max_deletes', ...)", most);
  char *record = sqlite3_mprintf("{\"id\":%Q}", id);
  for(char *p=record; p && *p; p++) if( *p=='\'' ) *p = '"';
  rc = record ? hold_row(t, 'D', id, NULL, record) : SQLITE_NOMEM;
  sqlite3_free(record);
  return rc;
}

int vt_update(sqlite3_vtab *base, int argc, sqlite3_value **argv, sqlite3_int64 *rowid){
  table *t = (table *)base;
  *rowid = 0;
  if( t->broken ) return vt_error(t, "%s", t->broken);
  if( !is_contact_table(t) ) return vt_error(t, "ortto: %s is read-only; people and accounts can be written", t->name);
  const char *old = text_of(argv[0]);
  if( old==NULL && sqlite3_value_type(argv[0])!=SQLITE_NULL ) return SQLITE_NOMEM;
  if( old && !ortto_is_id(old, strlen(old)) ) return vt_error(t, "ortto: the record cannot be written: '%.40s' is no id of Ortto's", old);
  if( argc==1 ) return old ? row_delete(t, old) : SQLITE_OK;
  if( old==NULL ) return row_insert(t, argv+2);
  const char *now = text_of(argv[1]);
  if( now==NULL || strcmp(old, now)!=0 )
    return vt_error(t, "ortto: the id of a record cannot be changed: Ortto gives it. To make another record, INSERT it; to remove this one, DELETE it");
  return row_update(t, old, argv+2);
}

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

void held_drop(table *t, sqlite3_int64 after){
  conn *c = t->conn;
  sqlite3_int64 left = 0;
  if( c->spool==NULL ) return;
  int rc = spool_run(c, "DELETE FROM held WHERE place>%lld AND owner=%lld", after, (sqlite3_int64)(intptr_t)t);
  if( rc==SQLITE_OK && c->deletes ) rc = spool_number(c, &c->deletes, "SELECT count(*) FROM held WHERE kind='D'");
  if( rc==SQLITE_OK && c->spool_open ) rc = spool_number(c, &left, "SELECT count(*) FROM (SELECT 1 FROM held LIMIT 1)");
  if( rc!=SQLITE_OK ) c->damaged = 1;
  else if( c->spool_open && left==0 ){
    sqlite3_exec(c->spool, "COMMIT", NULL, NULL, NULL);
    c->spool_open = c->damaged = 0;
  }
}

int held_any(const table *t, sqlite3_int64 *any){
  return spool_number(t->conn, any, "SELECT count(*) FROM (SELECT 1 FROM held WHERE owner=%lld LIMIT 1)", (sqlite3_int64)(intptr_t)t);
}

int vt_destroy(sqlite3_vtab *base){
  table *t = (table *)base;
  sqlite3_int64 any;
  int rc = held_any(t, &any);
  if( rc==SQLITE_OK && any ) rc = SQLITE_LOCKED;
  if( rc==SQLITE_OK ) table_free(t);
  return rc;
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
  w->savepoints[w->count++] = (savepoint){ number, t->conn->place };
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
  held_drop(t, place);
  return SQLITE_OK;
}

int vt_end(sqlite3_vtab *base){
  table *t = (table *)base;
  held_drop(t, 0);
  if( t->writes ) t->writes->open = t->writes->count = 0;
  return SQLITE_OK;
}
