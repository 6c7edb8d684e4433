/*
** table.c - see table.h.
*/
#include "table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../text.h"
#include "sql.h"
#include "guard.h"

int is_contact_table(const table *t){
  return t->kind<=ORTTO_ACCOUNTS;
}

static int has_rowid(ortto_table kind){
  return kind==ORTTO_TAGS || kind==ORTTO_FIELDS || kind==ORTTO_AUDIENCE_MEMBERS;
}

int column_field(const table *t, int column){
  if( !is_contact_table(t) ) return column<t->fields->count ? column : -1;
  if( column==0 ) return 0;
  int field = column - t->hidden_columns;
  return field>=1 && field<t->overflow ? field : -1;
}

void table_free(table *t){
  if( t==NULL ) return;
  table **at = &t->conn->tables;
  while( *at && *at!=t ) at = &(*at)->next;
  if( *at ) *at = t->next;
  ortto_fields_free(t->owned_fields);
  arguments_free(&t->args);
  sqlite3_free(t->schema);
  sqlite3_free(t->name);
  sqlite3_free(t->broken);
  if( t->writes ){
    writes_end(t->writes, &t->conn->spool);
    sqlite3_free(t->writes->savepoints);
    sqlite3_free(t->writes);
  }
  conn_release(t->conn);
  sqlite3_free(t);
}

static void declare_column(sqlite3_str *s, const char *name, const char *type){
  sqlite3_str_appendf(s, ", \"%w\" %s", name, type);
}

static int hidden_count(ortto_table kind){
  int n = 0;
  while( ortto_hidden_column(kind, n) ) n++;
  return n;
}

int columns_fit(sqlite3 *db, ortto_table kind, int fields){
  int most = sqlite3_limit(db, SQLITE_LIMIT_COLUMN, -1) - hidden_count(kind) - 1;   /* _rowid_ */
  if( fields<=most ) return fields;
  return most-1<1 ? 1 : most-1;                     /* one is more_fields */
}

/* Programs with a grid for editing put "_rowid_" into their WHERE whatever the table is. Without a column of
** that name it is a text to SQLite, and every row has it. */
static void declare_rowid(sqlite3_str *s){
  declare_column(s, ROWID_COLUMN, "TEXT HIDDEN");
}

/* id, the hidden columns, the fields, more_fields if they do not all fit, and _rowid_. It stands last, for of
** the columns past the 63rd SQLite does not say which are used, and it should push none there. */
static char *declare_contacts(table *t){
  sqlite3_str *s = sqlite3_str_new(NULL);
  const ortto_field *field = t->fields->field;
  sqlite3_str_appendall(s, "CREATE TABLE x(id TEXT PRIMARY KEY");
  t->hidden_columns = hidden_count(t->kind);
  for(int i=0; i<t->hidden_columns; i++) declare_column(s, ortto_hidden_column(t->kind, i), "HIDDEN");
  t->overflow = columns_fit(t->conn->db, t->kind, t->fields->count);
  for(int i=1; i<t->overflow; i++) declare_column(s, field[i].column, ortto_type_sql(field[i].type));
  t->columns = t->hidden_columns + t->overflow;
  if( t->overflow<t->fields->count ){
    declare_column(s, "more_fields", "JSON");
    t->columns++;
  }
  t->rowid_column = t->columns++;
  declare_rowid(s);
  sqlite3_str_appendall(s, ") WITHOUT ROWID");
  return sqlite3_str_finish(s);
}

static char *declare_plain(table *t){
  sqlite3_str *s = sqlite3_str_new(NULL);
  for(int i=0; i<t->fields->count; i++){
    const ortto_field *f = &t->fields->field[i];
    sqlite3_str_appendf(s, "%s\"%w\" %s%s", i ? ", " : "CREATE TABLE x(", f->column, ortto_type_sql(f->type),
                        f->key && !has_rowid(t->kind) ? " PRIMARY KEY" : "");
  }
  t->columns = t->overflow = t->fields->count;
  if( !has_rowid(t->kind) ){
    t->rowid_column = t->columns++;
    declare_rowid(s);
  }
  sqlite3_str_appendall(s, has_rowid(t->kind) ? ")" : ") WITHOUT ROWID");
  return sqlite3_str_finish(s);
}

static int table_declare(table *t, char **error){
  sqlite3 *db = t->conn->db;
  char *sql = is_contact_table(t) ? declare_contacts(t) : declare_plain(t);
  if( sql==NULL ) return SQLITE_NOMEM;
  int rc = sqlite3_declare_vtab(db, sql);
  sqlite3_free(sql);
  if( rc!=SQLITE_OK )
    error_set(error, "ortto: SQLite refuses the columns of this table: %s", sqlite3_errmsg(db));
  if( rc==SQLITE_OK ) rc = sqlite3_vtab_config(db, SQLITE_VTAB_DIRECTONLY);
  /* For OR IGNORE and OR FAIL. */
  if( rc==SQLITE_OK ) rc = sqlite3_vtab_config(db, SQLITE_VTAB_CONSTRAINT_SUPPORT, 1);
  return rc;
}

int endpoint_of(table *t, ortto_endpoint **endpoint){
  return ortto_endpoint_open(t->conn->client, &t->args.settings, ORTTO_API, endpoint);
}

/* Whoever only wants the columns of a table that exists, or to drop it, waits no longer than this. */
#define DESCRIBE_MS 1800

#define NOT_ASKED (-1)             /* beside the client's codes */

static int endpoint_in_haste(table *t, ortto_endpoint **endpoint){
  long ms;
  ortto_args hasty = t->args.settings;             /* its texts stay the table's */
  char limit[24], none[] = "0";
  int rc = ortto_config_number(t->conn->client, &t->args.settings, ORTTO_TIMEOUT_MS, &ms);
  if( rc!=ORTTO_OK ) return rc;
  sqlite3_snprintf(sizeof limit, limit, "%ld", ms>DESCRIBE_MS ? DESCRIBE_MS : ms);
  hasty.value[ORTTO_TIMEOUT_MS] = limit;
  hasty.value[ORTTO_RETRIES] = none;
  return ortto_endpoint_open(t->conn->client, &hasty, ORTTO_API, endpoint);
}

/* The fields of people or accounts, from what the account knows since then, or from the server. */
static int contact_fields(table *t, ortto_endpoint *e, int64_t since, ortto_field_list **fields){
  t->identity = ortto_endpoint_identity(e);
  return ortto_fields_list(e, t->kind, t->args.fields, t->args.by_ids, since, fields);
}

/* Is there such an audience, and does Ortto understand the filter? */
static int segment_prove(const table *t, ortto_endpoint *e){
  const ortto_field *fields[] = { &t->owned_fields->field[0] };
  const char *name = t->args.audience;
  char *audience = NULL;
  ortto_reader *reader = NULL;
  int64_t count;
  ortto_query q = { .table = t->kind, .fields = fields, .field_count = 1, .filter = t->args.filter };
  int rc = name ? ortto_audiences_find(e, &name, 1, &audience, NULL) : ORTTO_OK;
  q.audiences = (const char *const *)&audience;
  q.audience_count = audience!=NULL;
  if( rc==ORTTO_OK && q.filter ) rc = ortto_reader_open(e, &q, &reader);
  if( rc==ORTTO_OK && q.filter ) rc = ortto_reader_count(reader, &count);
  ortto_reader_close(reader);
  free(audience);
  return rc;
}

/* Who has the table connected. */
enum asker {
  CREATING,                        /* a CREATE: it must be possible to ask */
  QUERYING,                        /* a statement that lacked a column of it */
  CONNECTING,                      /* who knows; the program, though */
  A_FILE                           /* perhaps: nothing is sent on its word */
};

/* Asks the server for the columns of people and accounts; at a CREATE proves the key for the others.
** NOT_ASKED: it would have to be asked. */
static int table_list_fields(table *t, enum asker who){
  ortto_endpoint *e = NULL;
  sqlite3_stmt *held = waiting_begin(t->conn);
  int rc = ORTTO_OK, hasty = t->created && who==CONNECTING;
  int64_t since = t->created || who==A_FILE ? ORTTO_KNOWN : ortto_config_changed(t->conn->client);
  if( !is_contact_table(t) ) t->fields = ortto_table_fields(t->kind);
  if( is_contact_table(t) || who==CREATING ) rc = hasty ? endpoint_in_haste(t, &e) : endpoint_of(t, &e);
  if( rc==ORTTO_OK && is_contact_table(t) ){
    int may = who!=A_FILE || ortto_fields_are_known(e, t->kind, t->args.fields, since);
    t->identity = ortto_endpoint_identity(e);
    rc = may ? contact_fields(t, e, who==CREATING ? ORTTO_ANEW : since, &t->owned_fields) : NOT_ASKED;
    if( rc==ORTTO_OK ) t->fields = t->owned_fields;
    if( rc==ORTTO_OK && who==CREATING ) rc = segment_prove(t, e);
  }else if( rc==ORTTO_OK && who==CREATING ) rc = ortto_check(e);
  ortto_endpoint_close(e);
  waiting_end(held);
  return rc;
}

/* A table that exists can be described and dropped without key and network. */
static int table_break(table *t, const char *why){
  t->broken = sqlite3_mprintf("%s", why);
  if( t->broken==NULL ) return ORTTO_NOMEM;
  if( !is_contact_table(t) ){
    t->fields = ortto_table_fields(t->kind);
    return ORTTO_OK;
  }
  int rc = ortto_fields_guessed(t->conn->client, t->kind, t->args.fields, t->args.by_ids, &t->owned_fields);
  if( rc==ORTTO_OK ) t->fields = t->owned_fields;
  return rc;
}

/* Makes SQLite connect all tables of the schema anew, in a transaction too. */
static int schema_reset(sqlite3 *db){
  int writable = 0;
  sqlite3_db_config(db, SQLITE_DBCONFIG_WRITABLE_SCHEMA, -1, &writable);
  int rc = sql_run(db, "PRAGMA writable_schema=RESET");
  if( writable ) sqlite3_db_config(db, SQLITE_DBCONFIG_WRITABLE_SCHEMA, 1, NULL);
  return rc;
}

int table_anew(table *t){
  conn *c = t->conn;
  int may = conn_has_no_rows_yet(c);
  int rc = t->created ? schema_reset(c->db) : c->register_eponymous(c, t->kind);
  if( rc==SQLITE_OK && may ) return conn_begin_anew(c);
  if( rc==SQLITE_OK && !t->created ) rc = schema_reset(c->db);   /* the next run is prepared anew */
  if( rc!=SQLITE_OK ) return rc;
  return vt_error(t, "ortto: the columns of %s became known only now, when this statement may have returned "
                  "rows: run it again", t->name);
}

int table_ready(table *t){
  ortto_endpoint *e = NULL;
  ortto_field_list *fields = NULL;
  if( t->broken==NULL ) return SQLITE_OK;
  if( t->refused || !is_contact_table(t) ) return vt_error(t, "%s", t->broken);
  int rc = endpoint_of(t, &e);
  if( rc==ORTTO_OK ) rc = contact_fields(t, e, ORTTO_KNOWN, &fields);
  ortto_endpoint_close(e);
  if( rc!=ORTTO_OK ){
    if( t->created ) schema_reset(t->conn->db);    /* so that the next statement connects it anew */
    return vt_fail(t, rc);
  }
  if( ortto_fields_identity(fields)!=ortto_fields_identity(t->fields) ){
    ortto_fields_free(fields);
    return table_anew(t);
  }
  ortto_fields_free(t->owned_fields);              /* no cursor has rows under them */
  t->fields = t->owned_fields = fields;
  sqlite3_free(t->broken);
  t->broken = NULL;
  return SQLITE_OK;
}

static int table_new(conn *c, const char *schema, const char *name, table **out){
  table *t = sqlite3_malloc(sizeof *t);
  if( t==NULL ) return SQLITE_NOMEM;
  memset(t, 0, sizeof *t);
  t->conn = c;
  c->references++;
  t->args.kind = t->rowid_column = -1;
  t->next = c->tables;
  c->tables = t;
  t->schema = sqlite3_mprintf("%s", schema);
  t->name = sqlite3_mprintf("%s", name);
  *out = t;
  return t->schema && t->name ? SQLITE_OK : SQLITE_NOMEM;
}

/* The table is there once its columns are declared; else nothing of it stays. */
static int table_finish(table *t, int rc, sqlite3_vtab **out, char **error){
  if( rc==SQLITE_OK ) rc = table_declare(t, error);
  if( rc!=SQLITE_OK ) table_free(t);
  else *out = &t->base;
  return rc;
}

/* ---- who has it connected ---- */

/* SQLite is to look for missing columns once more: see table.h. The version of the schema temp grows, and
** SQLite takes its own knowledge for old; all schemas are read anew then, as this one asks for it now. If any
** of it fails, a missing column is one. */
static void schema_make_old(sqlite3 *db){
  sqlite3_int64 version;
  int defensive = 0;
  schema_reset(db);                                /* put off by SQLite until it finds that out */
  if( sql_integer(db, &version, "PRAGMA temp.schema_version")!=SQLITE_OK ) return;
  sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, -1, &defensive);
  if( defensive ) sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
  sql_run(db, "PRAGMA temp.schema_version = %d", (int)((version + 1) & 0x7FFFFFFF));
  if( defensive ) sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
}

/* The table goes. SQLite says for a moment why: a statement misses a column, or is prepared again. */
static void gone_keep(const table *t){
  const char *why = sqlite3_errmsg(t->conn->db);
  if( t->broken==NULL || !t->created ) return;
  int column = strncmp(why, "no such column", 14)==0 || strstr(why, "has no column named")!=NULL;
  if( column || strcmp(why, "database schema has changed")==0 )
    conn_gone(t->conn, t->schema, t->name, column);
}

/* A statement that is prepared again holds the table that it had. */
static int still_held(const conn *c, const char *schema, const char *name){
  for(const table *t=c->tables; t; t=t->next)
    if( t->broken && strcmp(t->name, name)==0 && strcmp(t->schema, schema)==0 ) return 1;
  return 0;
}

/* A file's own address is not even spoken to for a description of the table. */
static int who_connects(const table *t, int missing, enum asker *who, char **error){
  sqlite3 *db = t->conn->db;
  int in_file = t->created && sqlite3_stricmp(t->schema, "temp")!=0, rc = SQLITE_OK;
  *who = CONNECTING;
  if( !is_contact_table(t) ) return SQLITE_OK;
  int file = in_file && t->args.settings.value[ORTTO_API_URL] && guard_pragma(db);
  if( !file ) rc = guard_file_connects(db, t->name, &file);
  if( rc==SQLITE_INTERRUPT ) error_set(error, "ortto: interrupted");   /* SQLite has no words for it here */
  if( missing ) *who = QUERYING;
  if( file ) *who = A_FILE;
  return rc;
}

/* Its fields are not known. Gives it the columns that are known without asking or, where a query lacks one of
** them, fails. old: the schema of temp is to look old, as this statement was not prepared again for that. */
static int fields_unknown(table *t, int got, int missing, int old, char **error){
  conn *c = t->conn;
  char *why = got==NOT_ASKED ? sqlite3_mprintf("ortto: the fields of %s are not known yet, and nothing is "
    "asked of the server on a database file's word: a view, trigger, virtual table or foreign key in an open "
    "file names %s. Ask for a column that it has by all means first: SELECT id FROM %s LIMIT 1",
    t->name, t->name, t->name) : sqlite3_mprintf("%s", ortto_error(c->client));
  if( why==NULL ) return SQLITE_NOMEM;
  int rc = missing ? error_set(error, "%s", why) : to_sqlite(c, table_break(t, why), error);
  sqlite3_free(why);
  if( rc==SQLITE_OK && old && is_contact_table(t) ) schema_make_old(c->db);
  return rc;
}

/* argv: module, schema, table, arguments. */
static int connect_created(conn *c, int argc, const char *const *argv, sqlite3_vtab **out, char **error,
                           int creating){
  gone *before = conn_gone_take(c, argv[1], argv[2]);
  int again = before || still_held(c, argv[1], argv[2]), missing = before && before->for_column;
  sqlite3_free(before);
  table *t = NULL;
  int rc = table_new(c, argv[1], argv[2], &t);
  if( rc==SQLITE_OK ) rc = arguments_read(c, argc-3, argv+3, &t->args, error);
  if( t ){
    t->created = 1;
    t->kind = t->args.kind>=0 ? (ortto_table)t->args.kind : ORTTO_TAGS;
  }
  enum asker who = CREATING;
  if( rc==SQLITE_OK && !creating ) rc = who_connects(t, missing, &who, error);
  if( rc==SQLITE_OK ){
    int got = table_list_fields(t, who);
    if( !creating && (got==ORTTO_ERROR || got==NOT_ASKED) )
      rc = fields_unknown(t, got, missing, !again, error);
    else rc = to_sqlite(c, got, error);
  }else if( rc==SQLITE_ERROR && !creating && *error ){
    rc = to_sqlite(c, table_break(t, *error), error);
    t->refused = 1;
    sqlite3_free(*error);
    *error = NULL;
  }
  return table_finish(t, rc, out, error);
}

int table_take_part(table *t){
  if( t->writes==NULL ){
    t->writes = sqlite3_malloc(sizeof *t->writes);
    if( t->writes==NULL ) return SQLITE_NOMEM;
    memset(t->writes, 0, sizeof *t->writes);
  }
  return writes_begin(t->writes, &t->conn->spool);
}

/* From here on it takes part in the transaction: SQLite does not call xBegin for a table that it makes. */
int vt_create(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out, char **error){
  (void)db;
  int rc = connect_created(((const registration *)aux)->conn, argc, argv, out, error, 1);
  if( rc!=SQLITE_OK ) return rc;
  table *t = (table *)*out;
  rc = table_take_part(t);
  if( rc==SQLITE_OK ) return rc;
  table_free(t);
  *out = NULL;
  return rc;
}

int vt_connect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out, char **error){
  (void)db;
  return connect_created(((const registration *)aux)->conn, argc, argv, out, error, 0);
}

int vt_connect_eponymous(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out,
                         char **error){
  const registration *reg = aux;
  table *t = NULL;
  (void)db;
  (void)argc;
  int rc = table_new(reg->conn, argv[1], argv[2], &t);
  if( rc==SQLITE_OK ){
    enum asker who;
    t->kind = reg->kind;
    rc = who_connects(t, 0, &who, error);
    int got = rc==SQLITE_OK ? table_list_fields(t, who) : ORTTO_OK;
    if( got==NOT_ASKED ) rc = fields_unknown(t, got, 0, 0, error);
    else if( got!=ORTTO_OK ) rc = to_sqlite(reg->conn, got, error);
  }
  return table_finish(t, rc, out, error);
}

int vt_disconnect(sqlite3_vtab *base){
  gone_keep((table *)base);
  table_free((table *)base);
  return SQLITE_OK;
}

int vt_fail(table *t, int rc){
  return to_sqlite(t->conn, rc, &t->base.zErrMsg);
}

int vt_error(table *t, const char *format, ...){
  va_list args;
  va_start(args, format);
  int rc = error_vset(&t->base.zErrMsg, format, args);
  va_end(args);
  return rc;
}

/* How a hidden column is given. */
static const char *hidden_example(const char *name){
  static const char *const examples[][2] = {
    { "filter", "filter = '{\"$has_any_value\":{\"field_id\":\"str::email\"}}'" }, { "q", "q = 'ann'" },
    { "scope", "scope = 'archived'" }, { "sort", "sort = 'created desc'" },
    { "audience", "audience = 'NAME' or audience IN ('NAME', 'NAME')" },
  };
  int i = 0;
  while( i<COUNT(examples)-1 && strcmp(examples[i][0], name)!=0 ) i++;
  return examples[i][1];
}

const char *table_steered(const table *t, int column){
  const char *name = ortto_hidden_column(t->kind, column-1);
  return name ? arguments_steer(&t->args, name) : NULL;
}

int steered_twice(table *t, int column){
  const char *name = ortto_hidden_column(t->kind, column-1);
  return vt_error(t, "ortto: %s was made with %s = '%!.60s', and a second %s cannot be given. Ask ortto_%s, "
                  "or a table made without", t->name, name, table_steered(t, column), name,
                  ortto_table_name(t->kind));
}

int hidden_misused(table *t, int column){
  const char *name = ortto_hidden_column(t->kind, column-1);
  return vt_error(t, "ortto: the hidden column %s is no value of a row, it steers what is read, and cannot "
                  "be used in this way. Say %s, joined by AND to the rest of the WHERE (of the ON, in a LEFT "
                  "JOIN)", name, hidden_example(name));
}

int hidden_twice(table *t, int column){
  const char *name = ortto_hidden_column(t->kind, column-1);
  return vt_error(t, "ortto: the hidden column %s is given twice. Say it once: %s", name,
                  hidden_example(name));
}

int update_from_refused(table *t){
  return vt_error(t, "ortto: UPDATE ... FROM is not possible here, since SQLite does not say which columns "
                  "change (and hidden columns cannot be set). Write: UPDATE %s SET city = (SELECT ... ) "
                  "WHERE id IN (SELECT ...)", t->name);
}

int table_may_act(table *t){
  conn_gone_forget(t->conn);
  int found, rc = guard_names_table(t->conn->db, t->name, &found);
  if( rc!=SQLITE_OK || found ) return rc;
  return vt_error(t, "ortto: something in the database file (a table whose content this is, a trigger, a "
                  "constraint) asks for %s, and no statement of the program's own names it: nothing of it "
                  "was read or written", t->name);
}
