/*
** held.c - see held.h.
*/
#include "held.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../text.h"
#include "sql.h"
#include "convert.h"

sqlite3_int64 held_owner(const table *t){
  return (sqlite3_int64)(intptr_t)t;
}

const char *held_operation(sqlite3_stmt *row){
  const char *kind = (const char *)sqlite3_column_text(row, SPOOL_KIND);
  switch( kind ? kind[0] : 0 ){
    case 0: return NULL;
    case SPOOL_INSERT: return "insert";
    case SPOOL_DELETE: return "delete";
    default: return "update";
  }
}

const table *held_table(const conn *c, sqlite3_stmt *row){
  const table *t = c->tables;
  while( t && held_owner(t)!=sqlite3_column_int64(row, SPOOL_OWNER) ) t = t->next;
  return t;
}

static const ortto_field *field_of(const table *t, const char *id){
  for(int i=1; i<t->fields->count; i++)
    if( strcmp(t->fields->field[i].id, id)==0 ) return &t->fields->field[i];
  return NULL;                     /* the record's own id */
}

/* As it will be read, not as it was given: rounded, a list, a day. */
static int change_show(sqlite3_str *s, const table *t, sqlite3_stmt *member){
  const char *id = (const char *)sqlite3_column_text(member, 0);
  const char *json = (const char *)sqlite3_column_text(member, 1);
  if( id==NULL || json==NULL ) return SQLITE_NOMEM;
  const ortto_field *f = field_of(t, id);
  ortto_value v;
  char *text;
  if( f==NULL ) return SQLITE_OK;
  int rc = ortto_value_becomes(f, json, (size_t)sqlite3_column_bytes(member, 1), &v, &text);
  if( rc!=ORTTO_OK ) return SQLITE_NOMEM;
  if( sqlite3_str_length(s)>1 ) sqlite3_str_appendchar(s, 1, ',');
  json_string(s, f->column, strlen(f->column));
  sqlite3_str_appendchar(s, 1, ':');
  json_of_value(s, &v);
  free(text);
  return SQLITE_OK;
}

int held_changes(const table *t, sqlite3_stmt *row, char **changes){
  sqlite3_stmt *member;
  *changes = NULL;
  int rc = spool_members(&t->conn->spool, &member, sqlite3_column_value(row, SPOOL_RECORD));
  sqlite3_str *s = sqlite3_str_new(NULL);
  sqlite3_str_appendchar(s, 1, '{');
  while( rc==SQLITE_OK && sqlite3_step(member)==SQLITE_ROW ) rc = change_show(s, t, member);
  int finished = sqlite3_finalize(member);
  sqlite3_str_appendchar(s, 1, '}');
  *changes = sqlite3_str_finish(s);
  if( rc==SQLITE_OK ) rc = finished;
  return rc==SQLITE_OK && *changes==NULL ? SQLITE_NOMEM : rc;
}

static int hold_row(table *t, char kind, const char *id, const char *email, const char *record){
  spool *s = &t->conn->spool;
  int rc = spool_insert(s, held_owner(t), kind, id, email, record);
  if( rc==SQLITE_OK || (rc & 0xff)==SQLITE_NOMEM ) return rc & 0xff;
  if( rc==SQLITE_ABORT )
    return vt_error(t, "ortto: rows that were held back in this transaction are lost (out of memory, or the "
                    "disk is full): it cannot COMMIT. ROLLBACK, and begin anew");
  return vt_error(t, "ortto: cannot hold the row back until COMMIT, in a temporary file: %s. Make room, or "
                  "say in SQLITE_TMPDIR where there is some", sqlite3_errstr(rc));
}

/* Where a file of somebody's may have brought the table along, or programs edit whatever they see. */
static int needs_write_on(const table *t){
  return t->created && sqlite3_stricmp(t->schema, "temp")!=0;
}

/* May rows be written at all? */
static int write_check(table *t){
  long on;
  const char *own = t->args.settings.value[ORTTO_WRITE];
  int rc = vt_fail(t, ortto_config_number(t->conn->client, NULL, ORTTO_WRITE, &on));
  if( rc!=SQLITE_OK ) return rc;
  if( !on )
    return vt_error(t, "ortto: nothing can be written to %s: the setting write is off (SELECT * FROM "
                    "ortto_settings says where)", t->name);
  if( own && strcmp(own, "on")!=0 )
    return vt_error(t, "ortto: nothing can be written to %s: it was made with write=off", t->name);
  if( own || !needs_write_on(t) ) return SQLITE_OK;
  return vt_error(t, "ortto: %s takes no INSERT, UPDATE and DELETE: outside the schema temp a table is for "
                  "reading, unless it is made with write=on. DROP it and CREATE VIRTUAL TABLE %s USING "
                  "ortto(..., write=on), or use ortto_%s", t->name, t->name, ortto_table_name(t->kind));
}

/* Nobody comes into a segment by an INSERT, and DELETE archives. */
static int segment_check(table *t, int deletes){
  if( !arguments_narrow(&t->args) ) return SQLITE_OK;
  if( deletes )
    return vt_error(t, "ortto: %s is a segment, and takes no DELETE: that would archive people, not take "
                    "them out of it. To archive them, delete them from ortto_%s", t->name,
                    ortto_table_name(t->kind));
  return vt_error(t, "ortto: %s is a segment, and takes no INSERT: who is in it is for Ortto to say. Insert "
                  "into ortto_%s", t->name, ortto_table_name(t->kind));
}

/* SQLITE_CONSTRAINT, so that OR IGNORE passes over the row. */
static int refuse_row(table *t, const char *format, ...){
  va_list args;
  va_start(args, format);
  int rc = error_vset(&t->base.zErrMsg, format, args);
  va_end(args);
  return rc==SQLITE_ERROR ? SQLITE_CONSTRAINT : rc;
}

static const char *text_of(sqlite3_value *v){
  return sqlite3_value_type(v)==SQLITE_NULL ? NULL : (const char *)sqlite3_value_text(v);
}

/* Was there no memory for the text? (It is made where the database has another encoding.) */
static int text_failed(sqlite3_value *v){
  return sqlite3_value_type(v)==SQLITE_TEXT && sqlite3_value_text(v)==NULL;
}

static int is_sound_text(sqlite3_value *v){
  const char *text = text_of(v);
  return text && utf8_is_sound(text, (size_t)sqlite3_value_bytes(v));
}

static int is_empty_text(sqlite3_value *v){
  return sqlite3_value_type(v)==SQLITE_TEXT && sqlite3_value_bytes(v)==0;
}

/* A value in a sentence: its beginning. By sqlite3_malloc. */
static char *value_shown(sqlite3_value *v){
  int type = sqlite3_value_type(v);              /* a BLOB that was asked for its text is one no more */
  if( type==SQLITE_NULL ) return sqlite3_mprintf("NULL");
  if( type!=SQLITE_BLOB && is_sound_text(v) ) return sqlite3_mprintf("'%!.40s'", text_of(v));
  int n = sqlite3_value_bytes(v);
  const unsigned char *bytes = sqlite3_value_blob(v);
  sqlite3_str *s = sqlite3_str_new(NULL);
  sqlite3_str_appendall(s, "x'");
  for(int i=0; bytes && i<n && i<20; i++) sqlite3_str_appendf(s, "%02x", bytes[i]);
  sqlite3_str_appendall(s, n>20 ? "...'" : "'");
  return sqlite3_str_finish(s);
}

/* -- one column -- */

/* One that shows no field. */
static int refuse_column(table *t, int column){
  if( column==t->rowid_column )
    return refuse_row(t, "ortto: the column " ROWID_COLUMN " cannot be written; it is the id, which Ortto "
                      "gives");
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
  if( text_failed(v) ) return SQLITE_NOMEM;
  if( f->read_only )
    return refuse_row(t, "ortto: the column %s is read-only: Ortto sets it; the value was %z", f->column,
                      value_shown(v));
  if( f->type!=ORTTO_TEXT && is_empty_text(v) )
    return refuse_row(t, "ortto: the column %s takes no empty text; for no value give NULL, as "
                      "NULLIF(..., '') does", f->column);
  if( sqlite3_value_type(v)==SQLITE_TEXT && !is_sound_text(v) )
    return refuse_row(t, "ortto: the column %s takes text in UTF-8, and this is none: %z", f->column,
                      value_shown(v));
  sqlite3_str *one = sqlite3_str_new(NULL);
  int fits = json_value(one, f, v);
  int n = sqlite3_str_length(one);
  char *json = sqlite3_str_finish(one);
  int rc = fits ? value_check(t, f, json, (size_t)n)
                : refuse_row(t, "ortto: the column %s takes no BLOB and no infinite number: %z", f->column,
                             value_shown(v));
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

/* Columns that name whom a row means. */
static int column_is_key(const table *t, int column){
  if( t->kind!=ORTTO_PEOPLE ) return column_is(t, column, "str:o:name");
  return column_is(t, column, "str::email") || column_is(t, column, "str::ei");
}

/* -- one row -- */

/* Which of many rows was it? By what names it, else by the first value that it has. */
static int insert_told(table *t, sqlite3_value **argv, int rc){
  int best = -1;
  if( rc!=SQLITE_CONSTRAINT || t->base.zErrMsg==NULL ) return rc;
  for(int i=t->columns-1; i>=0; i--){
    int at = column_field(t, i);
    if( at<0 || sqlite3_value_type(argv[i])==SQLITE_NULL || is_empty_text(argv[i]) ) continue;
    int named = i==0 || column_is_key(t, i);
    if( best<0 || named || !column_is_key(t, best) ) best = i;
  }
  if( best<0 ) return rc;
  char *told = value_shown(argv[best]);
  const char *column = t->fields->field[column_field(t, best)].column;
  int said = told ? strstr(t->base.zErrMsg, told)!=NULL : 0;
  int made = said ? SQLITE_ERROR : vt_error(t, "%s (in the row with %s %s)", t->base.zErrMsg, column, told);
  sqlite3_free(told);
  return made==SQLITE_ERROR ? rc : made;
}

/* argv: by column. NULL is not sent: it cannot be told from a column that was not named. An empty key is
** none. */
static int row_insert(table *t, sqlite3_value **argv){
  int people = t->kind==ORTTO_PEOPLE;
  const char *id = is_empty_text(argv[0]) ? NULL : text_of(argv[0]), *email = NULL;
  int rc = text_failed(argv[0]) ? SQLITE_NOMEM : SQLITE_OK, any = 0, named = id!=NULL;
  sqlite3_str *record = sqlite3_str_new(NULL);
  sqlite3_str_appendall(record, "{\"fields\":{");
  if( id ){
    if( !ortto_is_id(id, strlen(id)) )
      rc = refuse_row(t, "ortto: an id is 24 hexadecimal digits, not %z; leave it out for a new one",
                      value_shown(argv[0]));
    sqlite3_str_appendf(record, "\"id\":\"%.24s\"", id);
    any = 1;
  }
  for(int i=1; rc==SQLITE_OK && i<t->columns; i++){
    int key = column_is_key(t, i);
    if( sqlite3_value_type(argv[i])==SQLITE_NULL || (key && is_empty_text(argv[i])) ) continue;
    named |= key;
    if( people && column_is(t, i, "str::email") ) email = text_of(argv[i]);
    rc = column_write(t, i, argv[i], record, &any);
  }
  if( rc==SQLITE_OK && !named )
    rc = refuse_row(t, people ? "ortto: nobody is named: a contact needs an email, an external_id or an id"
                              : "ortto: an account needs its name or its id");
  sqlite3_str_appendall(record, "}}");
  char *text = sqlite3_str_finish(record);
  if( rc==SQLITE_OK ) rc = text ? hold_row(t, SPOOL_INSERT, id, email, text) : SQLITE_NOMEM;
  sqlite3_free(text);
  return insert_told(t, argv, rc);
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

/* One column of an UPDATE. An empty email or external_id clears it. */
static int update_column(table *t, int column, sqlite3_value *v, sqlite3_str *record, char **tags){
  int any = 1;
  if( column_is(t, column, "tags") ) return tags_write(t, column, v, tags);
  if( !is_empty_text(v) || !column_is_key(t, column) ) return column_write(t, column, v, record, &any);
  const char *id = t->fields->field[column_field(t, column)].id;
  if( t->kind!=ORTTO_PEOPLE ) return refuse_row(t, "ortto: the name of an account cannot be empty");
  sqlite3_str_appendf(record, ",\"%s\":null", id);
  return SQLITE_OK;
}

/* Only what the statement sets. */
static int row_update(table *t, const char *id, sqlite3_value **argv){
  int rc = SQLITE_OK, set = 0;
  char *tags = NULL;
  const char *email = NULL;
  for(int i=1; i<=t->hidden_columns; i++)
    if( !sqlite3_value_nochange(argv[i]) )
      return update_from_refused(t);
  sqlite3_str *record = sqlite3_str_new(NULL);
  sqlite3_str_appendf(record, "{\"fields\":{\"id\":\"%.24s\"", id);
  for(int i=1+t->hidden_columns; rc==SQLITE_OK && i<t->columns; i++){
    if( sqlite3_value_nochange(argv[i]) ) continue;
    set = 1;
    if( column_is(t, i, "str::email") && !is_empty_text(argv[i]) ) email = text_of(argv[i]);
    rc = update_column(t, i, argv[i], record, &tags);
  }
  sqlite3_str_appendall(record, "}");
  if( tags ) sqlite3_str_appendf(record, ",\"tags\":%s", tags);
  sqlite3_str_appendall(record, "}");
  char *text = sqlite3_str_finish(record);
  char kind = tags ? SPOOL_UPDATE_TAGS : SPOOL_UPDATE;
  if( rc==SQLITE_OK && set ) rc = text ? hold_row(t, kind, id, email, text) : SQLITE_NOMEM;
  sqlite3_free(text);
  sqlite3_free(tags);
  if( rc!=SQLITE_CONSTRAINT || t->base.zErrMsg==NULL ) return rc;
  int told = vt_error(t, "%s (in the row with id '%s')", t->base.zErrMsg, id);
  return told==SQLITE_ERROR ? rc : told;
}

static int row_delete(table *t, const char *id){
  char *record = sqlite3_mprintf("{\"id\":\"%s\"}", id);   /* hexadecimal digits */
  int rc = record ? hold_row(t, SPOOL_DELETE, id, NULL, record) : SQLITE_NOMEM;
  sqlite3_free(record);
  return rc;
}

int vt_update(sqlite3_vtab *base, int argc, sqlite3_value **argv, sqlite3_int64 *rowid){
  table *t = (table *)base;
  *rowid = sqlite3_last_insert_rowid(t->conn->db);   /* stays what it is, as for a table without rowids */
  int rc = table_may_act(t);
  if( rc==SQLITE_OK ) rc = table_ready(t);
  if( rc!=SQLITE_OK ) return rc;
  if( !is_contact_table(t) )
    return vt_error(t, "ortto: %s is read-only; people and accounts can be written", t->name);
  int allowed = write_check(t);
  if( allowed==SQLITE_OK && (argc==1 || sqlite3_value_type(argv[0])==SQLITE_NULL) )
    allowed = segment_check(t, argc==1);
  if( allowed!=SQLITE_OK ) return allowed;
  const char *old = text_of(argv[0]);
  if( old==NULL && sqlite3_value_type(argv[0])!=SQLITE_NULL ) return SQLITE_NOMEM;
  if( old && !ortto_is_id(old, strlen(old)) )
    return vt_error(t, "ortto: the record cannot be written: '%!.40s' is no id of Ortto's", old);
  if( argc==1 ) return old ? row_delete(t, old) : SQLITE_OK;
  if( old==NULL ) return row_insert(t, argv+2);
  if( text_failed(argv[1]) ) return SQLITE_NOMEM;
  const char *now = text_of(argv[1]);
  if( now==NULL || strcmp(old, now)!=0 )
    return vt_error(t, "ortto: the id of a record cannot be changed: Ortto gives it. To make another record, "
                    "INSERT it; to remove this one, DELETE it");
  return row_update(t, old, argv+2);
}

int vt_destroy(sqlite3_vtab *base){
  table *t = (table *)base;
  sqlite3_int64 rows;
  int rc = spool_count(&t->conn->spool, held_owner(t), &rows);
  if( rc!=SQLITE_OK ) return rc;
  if( rows || !spool_sound(&t->conn->spool) ) return SQLITE_LOCKED;     /* its COMMIT is to fail */
  table_free(t);
  return SQLITE_OK;
}

/* -- transactions -- */

int vt_begin(sqlite3_vtab *base){
  return table_take_part((table *)base);
}

int vt_savepoint(sqlite3_vtab *base, int number){
  table *t = (table *)base;
  return t->writes ? writes_savepoint(t->writes, &t->conn->spool, number) : SQLITE_OK;
}

int vt_release(sqlite3_vtab *base, int number){
  table *t = (table *)base;
  if( t->writes ) writes_release(t->writes, number);
  return SQLITE_OK;
}

int vt_rollback_to(sqlite3_vtab *base, int number){
  table *t = (table *)base;
  if( t->writes && t->writes->open )
    spool_delete(&t->conn->spool, held_owner(t), writes_rollback(t->writes, number));
  return SQLITE_OK;
}

int vt_end(sqlite3_vtab *base){
  table *t = (table *)base;
  spool_delete(&t->conn->spool, held_owner(t), 0);
  if( t->writes ) writes_end(t->writes, &t->conn->spool);
  return SQLITE_OK;
}
