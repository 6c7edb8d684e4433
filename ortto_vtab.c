/*
** ortto_vtab.c - Ortto's tables in SQLite: people, accounts, audiences, tags, custom fields, activities.
**
**     .load ./ortto
**     SELECT ortto_config('key', 'env:MY_ORTTO_KEY');
**     SELECT email, city FROM ortto_people WHERE city = 'Oslo';
**     CREATE TABLE local AS SELECT * FROM ortto_people;
**     SELECT ortto_sync('ortto_people', 'people');
**     SELECT ortto_upsert('{"fields":{"email":"ann@example.com","city":"Oslo"}}');
**     INSERT INTO ortto_people(email, city) VALUES('ann@example.com', 'Oslo');
**     CREATE VIRTUAL TABLE eu_people USING ortto(eu, 'PRIVATE-KEY', people);
**     CREATE VIRTUAL TABLE temp.t USING ortto(region=eu, key=env:ORTTO_EU_KEY, table=tags);
**
** Arguments of USING ortto(...): region, key, table (by position or name), then by name segment_key, api_url,
** timeout_ms, retries, rate, concurrency, fields (standard, all, or a list of field ids), columns (names or ids).
**
** Hidden columns of people and accounts, each for one `=`: filter (a filter object of Ortto's own), q (text search),
** scope ('archived'), sort ('column' or 'column desc'), audience (people: a name or id).
**
** This file knows SQLite and nothing of HTTP; what it wants of Ortto it asks through ortto_client.h.
**
** The law behind every read: a query returns what it would return had the table been copied first, or it fails. So
** every constraint that goes to the server is checked by SQLite again, LIMIT only sizes pages, and no order is claimed.
**
** Contents, in the order in which data flows:
**
**   1. Connection    what the tables and functions of one SQLite connection share
**   2. Arguments     CREATE VIRTUAL TABLE
**   3. Tables        columns, connecting
**   4. Plans         xBestIndex: what is pushed, in words and in code
**   5. Cursors       xFilter, xNext, xColumn
**   6. Log           ortto_log
**   7. Sync          ortto_sync: a local copy, resumable and atomic
**   8. Transactions  INSERT, UPDATE, DELETE, held back until COMMIT; ortto_failures
**   9. Functions     ortto_version, ortto_config, ortto_check, ortto_upsert, ortto_track
**  10. Loading       modules, entry point
*/
#define _GNU_SOURCE
#include "sqlite3ext.h"
SQLITE_EXTENSION_INIT1

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "ortto_client.h"

#define COUNT(array) ((int)(sizeof(array)/sizeof(*(array))))
#define STEERING_MAX 5

/* ==== 1. Connection =========================================================================================== */

typedef struct conn conn;
typedef struct table table;
typedef struct syncing syncing;

typedef struct registration {      /* what a module is registered with */
  conn *conn;                      /* a reference */
  ortto_table kind;
} registration;

typedef struct running {           /* a statement in one of its runs */
  sqlite3_stmt *statement;
  int run;
} running;

struct conn {
  sqlite3 *db;
  ortto_client *client;
  int references;
  table *tables;                   /* connected now */
  syncing *syncs;                  /* at work now */
  int64_t total[2];                /* rows that people and accounts had when last seen, for plans; 0 unknown */
  char **key;                      /* rowids of tables with keys of two columns: place in this list */
  int keys, keys_cap;
  running *at_change;              /* statements that ran when the account was changed by ortto_config */
  int at_changes;
  sqlite3 *private;                /* what is held back until COMMIT, and what failed: a database without a name */
  sqlite3_stmt *hold, *failed;     /* its inserts */
  sqlite3_int64 place;             /* last place given in the list of what is held back: never used again */
  int holding;                     /* there is something in it */
  int damaged;                     /* it could not be kept in order */
  sqlite3_int64 deletes;           /* how much of it archives */
};

static void private_close(conn *c);

static void conn_release(conn *c){
  if( c==NULL || --c->references>0 ) return;
  private_close(c);
  ortto_client_free(c->client);
  for(int i=0; i<c->keys; i++) sqlite3_free(c->key[i]);
  sqlite3_free(c->key);
  sqlite3_free(c->at_change);
  sqlite3_free(c);
}

/* Before 3.41 SQLite has no call that tells. A statement says it: preparing and stepping one while another runs returns
** SQLITE_INTERRUPT. (While none runs, the flag would be cleared by that: see waiting_begin.) */
static int conn_interrupted(void *ctx){
  const conn *c = ctx;
#if SQLITE_VERSION_NUMBER >= 3041000
  if( sqlite3_libversion_number()>=3041000 ) return sqlite3_is_interrupted(c->db);
#endif
  sqlite3_stmt *probe = NULL;
  int rc = sqlite3_prepare_v2(c->db, "SELECT 1", -1, &probe, NULL);
  if( rc==SQLITE_OK ) rc = sqlite3_step(probe);
  sqlite3_finalize(probe);
  return rc==SQLITE_INTERRUPT;
}

/* While a table is being connected no statement runs yet. One that does keeps sqlite3_interrupt() from being forgotten.
** Returns what waiting_end takes. */
static sqlite3_stmt *waiting_begin(const conn *c){
  sqlite3_stmt *held = NULL;
  if( sqlite3_prepare_v2(c->db, "SELECT 1 UNION ALL SELECT 2", -1, &held, NULL)==SQLITE_OK ) sqlite3_step(held);
  return held;
}

static void waiting_end(sqlite3_stmt *held){
  sqlite3_finalize(held);
}

static conn *conn_new(sqlite3 *db){
  conn *c = sqlite3_malloc(sizeof *c);
  if( c==NULL ) return NULL;
  memset(c, 0, sizeof *c);
  c->db = db;
  c->references = 1;
  ortto_host host = { conn_interrupted, c };
  c->client = ortto_client_new(&host);
  if( c->client ) return c;
  sqlite3_free(c);
  return NULL;
}

/* Is a statement of this connection in progress that writes? */
static int statement_writes(const conn *c){
  for(sqlite3_stmt *s=sqlite3_next_stmt(c->db, NULL); s; s=sqlite3_next_stmt(c->db, s))
    if( sqlite3_stmt_busy(s) && !sqlite3_stmt_readonly(s) ) return 1;
  return 0;
}

/* Statements that are over must not be taken for new ones at the same address. */
static void conn_prune(conn *c){
  int kept = 0;
  for(int i=0; i<c->at_changes; i++)
    for(sqlite3_stmt *s=sqlite3_next_stmt(c->db, NULL); s; s=sqlite3_next_stmt(c->db, s))
      if( s==c->at_change[i].statement && sqlite3_stmt_busy(s) && sqlite3_stmt_status(s, SQLITE_STMTSTATUS_RUN, 0)==c->at_change[i].run ){
        c->at_change[kept++] = c->at_change[i];
        break;
      }
  c->at_changes = kept;
}

/* The client's code and sentence become SQLite's. */
static int to_sqlite(const conn *c, int rc, char **message){
  switch( rc ){
    case ORTTO_OK: case ORTTO_ROW: case ORTTO_DONE: return SQLITE_OK;
    case ORTTO_NOMEM: return SQLITE_NOMEM;
    default: break;
  }
  sqlite3_free(*message);
  *message = sqlite3_mprintf("%s", ortto_error(c->client));
  return rc==ORTTO_INTERRUPT ? SQLITE_INTERRUPT : SQLITE_ERROR;
}

/* A rowid that stays the same for a key as long as the connection lives: OR-queries tell rows apart by it. */
static int conn_rowid(conn *c, const char *key, sqlite3_int64 *guess, sqlite3_int64 *rowid){
  sqlite3_int64 next = *guess + 1;
  if( next<c->keys && strcmp(c->key[next], key)==0 ) *rowid = next;
  else{
    for(next=0; next<c->keys && strcmp(c->key[next], key)!=0; next++);
    if( next==c->keys ){
      if( c->keys==c->keys_cap ){
        int cap = c->keys_cap ? c->keys_cap*2 : 64;
        char **grown = sqlite3_realloc64(c->key, (sqlite3_uint64)cap * sizeof *grown);
        if( grown==NULL ) return SQLITE_NOMEM;
        c->key = grown;
        c->keys_cap = cap;
      }
      if( (c->key[c->keys] = sqlite3_mprintf("%s", key))==NULL ) return SQLITE_NOMEM;
      c->keys++;
    }
    *rowid = next;
  }
  *guess = *rowid;
  return SQLITE_OK;
}

/* ==== 2. Arguments ============================================================================================ */

typedef struct arguments {
  ortto_args settings;             /* value[i] by malloc, as the client keeps them */
  int kind;                        /* ortto_table, -1 not given */
  char *fields;
  int by_ids;
  unsigned given;                  /* bits: table, fields, columns */
} arguments;

static void arguments_free(arguments *a){
  for(int i=0; i<ORTTO_SETTINGS; i++) free(a->settings.value[i]);
  sqlite3_free(a->fields);
}

static int is_blank(char c){
  return c==' ' || c=='\t' || c=='\n' || c=='\r' || c=='\f';
}

static int is_word(char c){
  return (c>='a' && c<='z') || (c>='A' && c<='Z') || (c>='0' && c<='9') || c=='_';
}

/* A copy without blanks around it and without its quotes. */
static char *unquote(const char *text){
  while( is_blank(*text) ) text++;
  size_t n = strlen(text);
  while( n && is_blank(text[n-1]) ) n--;
  char *out = sqlite3_malloc64(n + 1), *to = out;
  if( out==NULL ) return NULL;
  char quote = n>=2 && (text[0]=='\'' || text[0]=='"') && text[n-1]==text[0] ? text[0] : 0;
  for(size_t i=quote!=0; i<n-(quote!=0); i++){
    *to++ = text[i];
    if( quote && text[i]==quote && text[i+1]==quote ) i++;
  }
  *to = 0;
  return out;
}

/* The value behind `name =`, and the name in lower case; NULL if the argument is a bare value. */
static const char *named_value(const char *text, char *name, size_t size){
  size_t n = 0;
  while( is_blank(*text) ) text++;
  for(; is_word(text[n]); n++) if( n+1<size ) name[n] = (char)(text[n]>='A' && text[n]<='Z' ? text[n]+32 : text[n]);
  name[n+1<size ? n : size-1] = 0;
  const char *p = text + n;
  while( is_blank(*p) ) p++;
  return n && *p=='=' ? p+1 : NULL;
}

static int table_find(const char *name){
  if( sqlite3_strnicmp(name, "ortto_", 6)==0 ) name += 6;
  for(int i=0; i<ORTTO_TABLES; i++) if( sqlite3_stricmp(name, ortto_table_name((ortto_table)i))==0 ) return i;
  return -1;
}

static char *table_list(void){
  sqlite3_str *s = sqlite3_str_new(NULL);
  for(int i=0; i<ORTTO_TABLES; i++) sqlite3_str_appendf(s, "%s%s", i ? ", " : "", ortto_table_name((ortto_table)i));
  return sqlite3_str_finish(s);
}

static int bad_table(const char *value, char **error){
  char *tables = table_list();
  *error = sqlite3_mprintf("ortto: there is no table '%.40s'; the tables are %z", value, tables);
  return SQLITE_ERROR;
}

/* `table`, `fields` and `columns`; *known is 0 if the name is none of them. */
static int argument_own(arguments *a, const char *name, const char *value, int *known, char **error){
  static const char *const own[] = { "table", "fields", "columns" };
  int which = 0;
  while( which<3 && strcmp(name, own[which])!=0 ) which++;
  *known = which<3;
  if( which==3 ) return SQLITE_OK;
  if( a->given & 1u<<which ){
    *error = sqlite3_mprintf("ortto: %s is given twice", name);
    return SQLITE_ERROR;
  }
  a->given |= 1u<<which;
  if( which==0 ) return (a->kind = table_find(value))<0 ? bad_table(value, error) : SQLITE_OK;
  if( which==1 ) return (a->fields = sqlite3_mprintf("%s", value)) ? SQLITE_OK : SQLITE_NOMEM;
  a->by_ids = sqlite3_stricmp(value, "ids")==0;
  if( a->by_ids || sqlite3_stricmp(value, "names")==0 ) return SQLITE_OK;
  *error = sqlite3_mprintf("ortto: columns cannot be '%.40s'; it takes names or ids", value);
  return SQLITE_ERROR;
}

static int argument_set(conn *c, arguments *a, const char *name, const char *value, char **error){
  int known;
  int rc = argument_own(a, name, value, &known, error);
  if( known ) return rc;
  int setting = -1;
  for(int i=0; i<ORTTO_SETTINGS; i++) if( strcmp(name, ortto_setting_name((ortto_setting)i))==0 ) setting = i;
  if( setting<0 ){
    /* A key that holds = and was not quoted ends up here: so the name is shown only if it cannot be one. */
    *error = sqlite3_mprintf("ortto: there is no argument '%s'; the arguments are region, key, table, segment_key, api_url, "
                             "timeout_ms, retries, rate, concurrency, fields, columns (a value that holds = must be quoted)",
                             strlen(name)<=12 ? name : "...");
    return SQLITE_ERROR;
  }
  if( a->settings.value[setting] ){
    *error = sqlite3_mprintf("ortto: %s is given twice", name);
    return SQLITE_ERROR;
  }
  return to_sqlite(c, ortto_setting_check(c->client, (ortto_setting)setting, value, 1, &a->settings.value[setting]), error);
}

static int bad_position(int i, char **error){
  char *tables = table_list();
  sqlite3_free(*error);
  *error = i==0 ? sqlite3_mprintf("ortto: the first argument without a name is the region: global, au or eu")
                : sqlite3_mprintf("ortto: the third argument without a name is the table: %s", tables);
  sqlite3_free(tables);
  return SQLITE_ERROR;
}

/* Region, key and table may be given by position, everything by name. */
static int arguments_read(conn *c, int argc, const char *const *argv, arguments *a, char **error){
  static const char *const positions[] = { "region", "key", "table" };
  char name[32];
  int rc = SQLITE_OK;
  for(int i=0; rc==SQLITE_OK && i<argc; i++){
    const char *rest = named_value(argv[i], name, sizeof name);
    char *value = unquote(rest ? rest : argv[i]);
    if( value==NULL ) return SQLITE_NOMEM;
    if( rest ) rc = argument_set(c, a, name, value, error);
    else if( i<3 && argv[i][strspn(argv[i], " \t\r\n\f")]!=0 ){
      rc = argument_set(c, a, positions[i], value, error);
      if( rc==SQLITE_ERROR && i!=1 ) rc = bad_position(i, error);   /* not its value: it may be the key, in the wrong place */
    }
    else if( value[0] ){
      *error = sqlite3_mprintf("ortto: argument %d has no name; only region, key and table, in this order, may be given without one", i+1);
      rc = SQLITE_ERROR;
    }
    sqlite3_free(value);
  }
  if( rc==SQLITE_OK && a->kind<0 ){
    char *tables = table_list();
    *error = sqlite3_mprintf("ortto: which table? Write table=NAME or give it as the third argument; the tables are %z", tables);
    rc = SQLITE_ERROR;
  }
  if( rc==SQLITE_OK && a->kind>ORTTO_ACCOUNTS && a->given & 6u ){
    *error = sqlite3_mprintf("ortto: fields and columns are for people and accounts; %s have fixed columns", ortto_table_name((ortto_table)a->kind));
    rc = SQLITE_ERROR;
  }
  return rc;
}

/* ==== 3. Tables =============================================================================================== */

typedef struct mark {              /* a savepoint: what was held back when it was made */
  int number;
  sqlite3_int64 place;
} mark;

typedef struct writes {            /* of one table in a transaction */
  int open;                        /* between xBegin and xCommit or xRollback */
  mark *marks;
  int count, cap;
} writes;

struct table {
  sqlite3_vtab base;
  conn *conn;                      /* a reference */
  table *next;                     /* in conn->tables */
  char *schema, *name;
  ortto_table kind;
  arguments args;
  int created;                     /* by CREATE VIRTUAL TABLE */
  const ortto_field_list *fields;
  ortto_field_list *own_fields;    /* the same, if it is ours to free */
  int steering;                    /* number of hidden columns: columns 1..steering */
  int columns;                     /* SQL columns */
  int overflow;                    /* first field that has no column and goes to more_fields; fields->count if none */
  uint64_t identity;               /* of the endpoint that listed the fields */
  char *broken;                    /* why the fields could not be listed: what every query says */
  int refused;                     /* its arguments are not allowed: nothing may be sent on its behalf */
  writes *writes;                  /* savepoints of a transaction that writes; NULL before the first */
};

static int is_contacts(const table *t){
  return t->kind<=ORTTO_ACCOUNTS;
}

static int has_rowid(ortto_table kind){
  return kind==ORTTO_TAGS || kind==ORTTO_FIELDS;
}

/* The field shown by an SQL column, -1 for a hidden column and for more_fields. */
static int column_field(const table *t, int column){
  if( !is_contacts(t) || column==0 ) return column;
  int field = column - t->steering;
  return field>=1 && field<t->overflow ? field : -1;
}

static void table_free(table *t){
  if( t==NULL ) return;
  for(table **at=&t->conn->tables; *at; at=&(*at)->next) if( *at==t ){ *at = t->next; break; }
  ortto_fields_free(t->own_fields);
  arguments_free(&t->args);
  sqlite3_free(t->schema);
  sqlite3_free(t->name);
  sqlite3_free(t->broken);
  if( t->writes ) sqlite3_free(t->writes->marks);
  sqlite3_free(t->writes);
  conn_release(t->conn);
  sqlite3_free(t);
}

static void declare_column(sqlite3_str *s, const char *name, const char *type){
  sqlite3_str_appendf(s, ", \"%w\" %s", name, type);
}

/* How many fields find a column, if the hidden ones and perhaps more_fields have one too. */
static int columns_fit(sqlite3 *db, ortto_table kind, int fields){
  int most = sqlite3_limit(db, SQLITE_LIMIT_COLUMN, -1), hidden = 0;
  while( ortto_steering_column(kind, hidden) ) hidden++;
  if( hidden+fields<=most ) return fields;
  return most-hidden-1<1 ? 1 : most-hidden-1;
}

/* id, the hidden columns, the fields, and more_fields if they do not all fit. */
static char *declare_contacts(table *t){
  sqlite3_str *s = sqlite3_str_new(NULL);
  const char *hidden;
  sqlite3_str_appendall(s, "CREATE TABLE x(id TEXT PRIMARY KEY");
  for(t->steering=0; (hidden = ortto_steering_column(t->kind, t->steering))!=NULL; t->steering++)
    declare_column(s, hidden, "HIDDEN");
  t->overflow = columns_fit(t->conn->db, t->kind, t->fields->count);
  for(int i=1; i<t->overflow; i++) declare_column(s, t->fields->field[i].column, ortto_type_sql(t->fields->field[i].type));
  t->columns = t->steering + t->overflow;
  if( t->overflow<t->fields->count ){
    declare_column(s, "more_fields", "JSON");
    t->columns++;
  }
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
  sqlite3_str_appendall(s, has_rowid(t->kind) ? ")" : ") WITHOUT ROWID");
  return sqlite3_str_finish(s);
}

static int table_declare(table *t, char **error){
  sqlite3 *db = t->conn->db;
  char *sql = is_contacts(t) ? declare_contacts(t) : declare_plain(t);
  if( sql==NULL ) return SQLITE_NOMEM;
  int rc = sqlite3_declare_vtab(db, sql);
  sqlite3_free(sql);
  if( rc!=SQLITE_OK ) *error = sqlite3_mprintf("ortto: SQLite refuses the columns of this table: %s", sqlite3_errmsg(db));
  if( rc==SQLITE_OK ) rc = sqlite3_vtab_config(db, SQLITE_VTAB_DIRECTONLY);
  if( rc==SQLITE_OK ) rc = sqlite3_vtab_config(db, SQLITE_VTAB_CONSTRAINT_SUPPORT, 1);   /* OR IGNORE, OR FAIL */
  return rc;
}

static int endpoint_of(table *t, ortto_endpoint **endpoint){
  return ortto_endpoint_open(t->conn->client, &t->args.settings, ORTTO_API, endpoint);
}

/* Asks the server for the columns of people and accounts; at a CREATE proves the key for the others. */
static int table_fields(table *t, int creating){
  ortto_endpoint *e = NULL;
  sqlite3_stmt *held = waiting_begin(t->conn);
  int rc = ORTTO_OK;
  if( !is_contacts(t) ) t->fields = ortto_table_fields(t->kind);
  if( is_contacts(t) || creating ) rc = endpoint_of(t, &e);
  if( rc==ORTTO_OK && is_contacts(t) ){
    rc = ortto_fields_list(e, t->kind, t->args.fields, t->args.by_ids, &t->own_fields);
    if( rc==ORTTO_OK ) t->fields = t->own_fields;
    t->identity = ortto_endpoint_identity(e);
  }else if( rc==ORTTO_OK && creating ) rc = ortto_check(e);
  ortto_endpoint_close(e);
  waiting_end(held);
  return rc;
}

/* A table that exists can be described and dropped without key and network. */
static int table_break(table *t, const char *why){
  t->broken = sqlite3_mprintf("%s (this table could not be prepared when it was first used in this connection; open the "
                              "database anew once that is mended)", why);
  if( t->broken==NULL ) return ORTTO_NOMEM;
  if( !is_contacts(t) ){
    t->fields = ortto_table_fields(t->kind);
    return ORTTO_OK;
  }
  int rc = ortto_fields_builtin(t->conn->client, t->kind, t->args.by_ids, &t->own_fields);
  if( rc==ORTTO_OK ) t->fields = t->own_fields;
  return rc;
}

static int table_new(conn *c, const char *schema, const char *name, table **out){
  table *t = sqlite3_malloc(sizeof *t);
  if( t==NULL ) return SQLITE_NOMEM;
  memset(t, 0, sizeof *t);
  t->conn = c;
  c->references++;
  t->args.kind = -1;
  t->next = c->tables;
  c->tables = t;
  t->schema = sqlite3_mprintf("%s", schema);
  t->name = sqlite3_mprintf("%s", name);
  *out = t;
  return t->schema && t->name ? SQLITE_OK : SQLITE_NOMEM;
}

/* argv: module, schema, table, arguments. */
static int connect_created(void *aux, int argc, const char *const *argv, sqlite3_vtab **out, char **error, int creating){
  const registration *reg = aux;
  table *t = NULL;
  int rc = table_new(reg->conn, argv[1], argv[2], &t);
  if( rc==SQLITE_OK ) rc = arguments_read(reg->conn, argc-3, argv+3, &t->args, error);
  if( t ){
    t->created = 1;
    t->kind = t->args.kind>=0 ? (ortto_table)t->args.kind : ORTTO_TAGS;
  }
  if( rc==SQLITE_OK ){
    int got = table_fields(t, creating);
    if( got==ORTTO_ERROR && !creating ) got = table_break(t, ortto_error(reg->conn->client));
    rc = to_sqlite(reg->conn, got, error);
  }else if( rc==SQLITE_ERROR && !creating && *error ){
    rc = to_sqlite(reg->conn, table_break(t, *error), error);
    t->refused = 1;
    sqlite3_free(*error);
    *error = NULL;
  }
  if( rc==SQLITE_OK ) rc = table_declare(t, error);
  if( rc!=SQLITE_OK ) table_free(t);
  else *out = &t->base;
  return rc;
}

static int vt_create(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out, char **error){
  (void)db;
  return connect_created(aux, argc, argv, out, error, 1);
}

static int vt_connect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out, char **error){
  (void)db;
  return connect_created(aux, argc, argv, out, error, 0);
}

/* A table that exists without a CREATE. */
static int vt_connect_own(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out, char **error){
  const registration *reg = aux;
  table *t = NULL;
  (void)db;
  (void)argc;
  int rc = table_new(reg->conn, argv[1], argv[2], &t);
  if( rc==SQLITE_OK ){
    t->kind = reg->kind;
    rc = to_sqlite(reg->conn, table_fields(t, 0), error);
  }
  if( rc==SQLITE_OK ) rc = table_declare(t, error);
  if( rc!=SQLITE_OK ) table_free(t);
  else *out = &t->base;
  return rc;
}

static int vt_disconnect(sqlite3_vtab *base){
  table_free((table *)base);
  return SQLITE_OK;
}

/* ==== 4. Plans ================================================================================================

** idxStr is words for EXPLAIN QUERY PLAN, and behind them in braces the same for xFilter: the columns used, then one
** token for each argument that xFilter gets, in their order, and for the conditions that need none:
**
**     u<hex>    columns used, as SQLite counts them       z         no constraint is left for SQLite to check
**     h<col>    a hidden column is given                  l, o      LIMIT, OFFSET
**     k, K      the id, a list of ids                     p, P      the person's id, a list
**     e<col>    text equals     i<col>  text in a list    s<col>    text IS
**     n<col>    is null         v<col>  is not null       x<col>    equals: only to see that nothing can match
*/

typedef struct plan {
  sqlite3_index_info *info;
  table *t;
  sqlite3_str *words, *code;
  int args;
  int steered, scoped, keyed, pushed, left;   /* left: constraints that SQLite still has to check */
  double rows, cost;
} plan;

#define REQUEST_COST 10000.0       /* of one request; a local row costs about one */
#define LOOKUP_COST 200.0          /* of one id: less, as SQLite takes a local table without statistics for a million rows */
#define ROWS_GUESS 10000.0
#define PAGE_ROWS 500.0

static void plan_argument(plan *p, int constraint, int omit, char token, int column){
  p->info->aConstraintUsage[constraint].argvIndex = ++p->args;
  p->info->aConstraintUsage[constraint].omit = (unsigned char)omit;
  sqlite3_str_appendf(p->code, column>=0 ? " %c%d" : " %c", token, column);
}

static void plan_words(plan *p, const char *format, const char *column){
  if( sqlite3_str_length(p->words) ) sqlite3_str_appendall(p->words, ", ");
  sqlite3_str_appendf(p->words, format, column);
}

static int is_in(plan *p, int i){
  return p->info->aConstraint[i].op==SQLITE_INDEX_CONSTRAINT_EQ && sqlite3_vtab_in(p->info, i, -1);
}

static int is_limit(unsigned char op){
  return op==SQLITE_INDEX_CONSTRAINT_LIMIT || op==SQLITE_INDEX_CONSTRAINT_OFFSET;
}

/* Equality on hidden columns. 0: this plan must not be used, because a value would come too late. */
static int plan_steering(plan *p){
  unsigned seen = 0;
  for(int i=0; i<p->info->nConstraint; i++){
    const struct sqlite3_index_constraint *c = &p->info->aConstraint[i];
    if( is_limit(c->op) || c->iColumn<1 || c->iColumn>p->t->steering || c->op!=SQLITE_INDEX_CONSTRAINT_EQ || is_in(p, i) ) continue;
    if( !c->usable ) return 0;
    if( seen & 1u<<c->iColumn ) continue;
    seen |= 1u<<c->iColumn;
    const char *name = ortto_steering_column(p->t->kind, c->iColumn-1);
    plan_argument(p, i, 1, 'h', c->iColumn);
    plan_words(p, "%s given", name);
    p->steered = 1;
    if( strcmp(name, "scope")==0 ) p->scoped = 1;
  }
  return 1;
}

static int is_binary(plan *p, int i){
  return sqlite3_stricmp(sqlite3_vtab_collation(p->info, i), "BINARY")==0;
}

/* One column by its value or by a list: the id, or the feed's person. */
static int plan_key(plan *p, int column, const char *tokens, const char *one, const char *list){
  int best = -1;
  for(int i=0; i<p->info->nConstraint; i++){
    const struct sqlite3_index_constraint *c = &p->info->aConstraint[i];
    if( is_limit(c->op) || c->iColumn!=column || c->op!=SQLITE_INDEX_CONSTRAINT_EQ || !c->usable || !is_binary(p, i) ) continue;
    if( best<0 || !is_in(p, i) ) best = i;
  }
  if( best<0 ) return 0;
  int all_at_once = is_in(p, best) && sqlite3_vtab_in(p->info, best, 1);
  plan_argument(p, best, 0, tokens[all_at_once], -1);
  plan_words(p, all_at_once ? list : one, NULL);
  p->rows = all_at_once ? 25 : 1;
  p->cost = LOOKUP_COST + p->rows;
  if( !all_at_once && column==0 && !is_in(p, best) ) p->info->idxFlags |= SQLITE_INDEX_SCAN_UNIQUE;
  p->keyed = 1;
  return 1;
}

static const ortto_field *plan_field(const plan *p, int column){
  int i = column_field(p->t, column);
  return i>0 ? &p->t->fields->field[i] : NULL;
}

/* Text and email fields: there the server compares as SQLite does, or more loosely. */
static int can_equal(const ortto_field *f){
  return strncmp(f->id, "str:", 4)==0 && (strcmp(f->display_type, "text")==0 || strcmp(f->display_type, "email")==0);
}

/* Not large text, lists, sets, tags, objects. */
static int can_be_absent(const ortto_field *f){
  return f->type!=ORTTO_JSON && strncmp(f->id, "txt:", 4)!=0 && strcmp(f->display_type, "large_text")!=0;
}

static void plan_rows(plan *p, double factor, double least){
  double rows = p->rows * factor;
  p->rows = rows<least ? least : rows;
  p->pushed = 1;
}

/* What can be asked of the server about one column. Returns 1 if something was. */
static int plan_condition(plan *p, int i){
  const struct sqlite3_index_constraint *c = &p->info->aConstraint[i];
  const ortto_field *f = plan_field(p, c->iColumn);
  int equals = c->op==SQLITE_INDEX_CONSTRAINT_EQ || c->op==SQLITE_INDEX_CONSTRAINT_IS;
  if( f==NULL ) return 0;
  if( equals && can_equal(f) && is_binary(p, i) ){
    int in = is_in(p, i);
    if( in && !sqlite3_vtab_in(p->info, i, 1) ) return 0;
    plan_argument(p, i, 0, in ? 'i' : c->op==SQLITE_INDEX_CONSTRAINT_IS ? 's' : 'e', c->iColumn);
    plan_words(p, in ? "filter: %s IN list" : "filter: %s = value", f->column);
    plan_rows(p, strcmp(f->display_type, "email")==0 ? 0.0002 : 0.02, in ? 25 : 2);
    return 1;
  }
  if( c->op==SQLITE_INDEX_CONSTRAINT_ISNULL || c->op==SQLITE_INDEX_CONSTRAINT_ISNOTNULL ){
    int null = c->op==SQLITE_INDEX_CONSTRAINT_ISNULL;
    if( !can_be_absent(f) ) return 0;
    sqlite3_str_appendf(p->code, " %c%d", null ? 'n' : 'v', c->iColumn);
    plan_words(p, null ? "filter: %s IS NULL" : "filter: %s IS NOT NULL", f->column);
    plan_rows(p, 0.5, 2);
    return 1;
  }
  if( c->op==SQLITE_INDEX_CONSTRAINT_EQ && !is_in(p, i) ) plan_argument(p, i, 0, 'x', c->iColumn);
  return 0;
}

static void plan_conditions(plan *p){
  double all = p->rows;
  for(int i=0; i<p->info->nConstraint; i++){
    const struct sqlite3_index_constraint *c = &p->info->aConstraint[i];
    if( c->usable && !is_limit(c->op) && c->iColumn>p->t->steering ) plan_condition(p, i);
  }
  p->cost = REQUEST_COST * (1 + (double)(int64_t)(p->rows/PAGE_ROWS)) + p->rows;
  /* A steered plan must not look cheaper than the whole list: SQLite would use it for one arm of an OR. */
  if( p->steered ) p->cost = REQUEST_COST * (2 + all/PAGE_ROWS) + all;
}

/* LIMIT sizes the pages where every row that the server sends is one that SQLite will take. */
static void plan_limit(plan *p){
  if( p->left || p->info->nOrderBy ) return;
  for(int i=0; i<p->info->nConstraint; i++){
    const struct sqlite3_index_constraint *c = &p->info->aConstraint[i];
    if( !is_limit(c->op) || !c->usable ) continue;
    int limit = c->op==SQLITE_INDEX_CONSTRAINT_LIMIT;
    plan_argument(p, i, 0, limit ? 'l' : 'o', -1);
    plan_words(p, limit ? "page sized by LIMIT%s" : "and OFFSET%s", "");
  }
}

/* The columns used, in words: names if they are few. */
static void plan_columns(plan *p){
  int used = 0, names = 0;
  sqlite3_str *s = sqlite3_str_new(NULL);
  for(int i=0; i<p->t->columns; i++){
    if( !(p->info->colUsed >> (i<63 ? i : 63) & 1) || (i>=1 && i<=p->t->steering) ) continue;
    used++;
    int field = column_field(p->t, i);
    const char *name = field>=0 ? p->t->fields->field[field].column : "more_fields";
    if( ++names<=6 ) sqlite3_str_appendf(s, "%s%s", names>1 ? ", " : "", name);
  }
  char *list = sqlite3_str_finish(s);
  if( used==0 ) plan_words(p, p->left || p->keyed || p->pushed ? "no columns%s" : "no columns: counted in one request%s", "");
  else if( names<=6 ) plan_words(p, "columns: %s", list ? list : "");
  else{
    char count[40];
    sqlite3_snprintf(sizeof count, count, "%d of %d", used, p->t->columns - p->t->steering);
    plan_words(p, "columns: %s", count);
  }
  sqlite3_free(list);
}

/* Constraints that are not surely settled by us. */
static void plan_left(plan *p){
  for(int i=0; i<p->info->nConstraint; i++)
    if( !is_limit(p->info->aConstraint[i].op) && !p->info->aConstraintUsage[i].omit ) p->left = 1;
}

static int plan_finish(plan *p){
  if( !p->left ) sqlite3_str_appendall(p->code, " z");
  int failed = sqlite3_str_errcode(p->words) || sqlite3_str_errcode(p->code);
  char *words = sqlite3_str_finish(p->words), *code = sqlite3_str_finish(p->code);   /* NULL if empty */
  p->info->idxStr = failed ? NULL : sqlite3_mprintf("%s {u%llx%s}", words ? words : "", p->info->colUsed, code ? code : "");
  sqlite3_free(words);
  sqlite3_free(code);
  if( p->info->idxStr==NULL ) return SQLITE_NOMEM;
  p->info->needToFreeIdxStr = 1;
  p->info->estimatedCost = p->cost;
  p->info->estimatedRows = (sqlite3_int64)(p->rows<1 ? 1 : p->rows);
  return SQLITE_OK;
}

static void plan_contacts(plan *p){
  int64_t known = p->t->conn->total[p->t->kind];
  p->rows = known>0 ? (double)known : ROWS_GUESS;
  p->cost = REQUEST_COST * (1 + (double)(int64_t)(p->rows/PAGE_ROWS)) + p->rows;
  if( !p->steered && plan_key(p, 0, "kK", "id by get-by-ids", "list of ids by get-by-ids") ) return;
  if( p->scoped ) p->cost += REQUEST_COST;
  else plan_conditions(p);
}

/* Called several times for a statement; asks nobody. */
static int vt_best_index(sqlite3_vtab *base, sqlite3_index_info *info){
  plan p = { .info = info, .t = (table *)base, .rows = 100, .cost = REQUEST_COST };
  int possible = 1;
  p.words = sqlite3_str_new(NULL);
  p.code = sqlite3_str_new(NULL);
  conn_prune(p.t->conn);
  if( is_contacts(p.t) && (possible = plan_steering(&p))!=0 ) plan_contacts(&p);
  if( !possible ){
    sqlite3_free(sqlite3_str_finish(p.words));
    sqlite3_free(sqlite3_str_finish(p.code));
    return SQLITE_CONSTRAINT;
  }
  if( p.t->kind==ORTTO_ACTIVITIES
   && !plan_key(&p, 1, "pP", "the person's feed, 40 a second", "a list of people, one feed after the other") ) p.cost = 1e12;
  plan_left(&p);
  plan_limit(&p);
  plan_columns(&p);
  return plan_finish(&p);
}

/* ==== 5. Cursors ============================================================================================== */

typedef struct cursor {
  sqlite3_vtab_cursor base;
  ortto_reader *reader;
  const ortto_value *value;        /* the record, by place in field[] */
  const ortto_field **field;       /* asked of the reader */
  int fields;
  int *place;                      /* SQL column to place in field[], -1 not asked for */
  int more_from;                   /* first place of the fields of more_fields, -1 none */
  sqlite3_value *given[STEERING_MAX];
  sqlite3_int64 counted, passed;   /* of a count: rows left, rows passed. The reader has sent nothing yet */
  int counting, eof;
  sqlite3_int64 rowid;
  ortto_cache *cache;              /* of records by id, as long as the statement runs */
} cursor;

/* What a cursor is to do, read from idxStr and the arguments. */
typedef struct request {
  cursor *cur;
  table *t;
  ortto_endpoint *endpoint;
  ortto_query query;
  unsigned long long used;
  int exact;                       /* SQLite checks nothing more */
  int nothing;                     /* no row can match */
  char **list;                     /* texts by sqlite3_malloc: ids or values */
  int listed, list_cap;
  ortto_condition *condition;
  int conditions;
  int *condition_from;             /* place of a condition's values in list */
  char *audience, *sort;
  sqlite3_int64 limit, offset;
} request;

static int vt_fail(table *t, int rc){
  return to_sqlite(t->conn, rc, &t->base.zErrMsg);
}

static int vt_error(table *t, const char *format, ...){
  va_list args;
  va_start(args, format);
  sqlite3_free(t->base.zErrMsg);
  t->base.zErrMsg = sqlite3_vmprintf(format, args);
  va_end(args);
  return SQLITE_ERROR;
}

static int vt_open(sqlite3_vtab *base, sqlite3_vtab_cursor **out){
  (void)base;
  cursor *cur = sqlite3_malloc(sizeof *cur);
  if( cur==NULL ) return SQLITE_NOMEM;
  memset(cur, 0, sizeof *cur);
  cur->eof = 1;
  *out = &cur->base;
  return SQLITE_OK;
}

/* Ready for another xFilter: what was fetched by id stays. */
static void cursor_reset(cursor *cur){
  ortto_reader_close(cur->reader);
  cur->reader = NULL;
  cur->value = NULL;
  sqlite3_free(cur->field);
  cur->field = NULL;
  cur->fields = 0;
  sqlite3_free(cur->place);
  cur->place = NULL;
  for(int i=0; i<STEERING_MAX; i++){
    sqlite3_value_free(cur->given[i]);
    cur->given[i] = NULL;
  }
  cur->counting = 0;
  cur->eof = 1;
}

static int vt_close(sqlite3_vtab_cursor *base){
  cursor *cur = (cursor *)base;
  cursor_reset(cur);
  ortto_cache_free(cur->cache);
  sqlite3_free(cur);
  return SQLITE_OK;
}

/* -- arguments of xFilter -- */

static int list_add(request *q, const char *text){
  if( q->listed==q->list_cap ){
    int cap = q->list_cap ? q->list_cap*2 : 32;
    char **grown = sqlite3_realloc64(q->list, (sqlite3_uint64)cap * sizeof *grown);
    if( grown==NULL ) return SQLITE_NOMEM;
    q->list = grown;
    q->list_cap = cap;
  }
  if( (q->list[q->listed] = sqlite3_mprintf("%s", text))==NULL ) return SQLITE_NOMEM;
  q->listed++;
  return SQLITE_OK;
}

/* An id that is no text cannot be one: no row. */
static int id_add(request *q, sqlite3_value *v){
  if( sqlite3_value_type(v)!=SQLITE_TEXT ) return SQLITE_OK;
  const char *text = (const char *)sqlite3_value_text(v);
  if( text==NULL ) return SQLITE_NOMEM;
  return ortto_is_id(text, (size_t)sqlite3_value_bytes(v)) ? list_add(q, text) : SQLITE_OK;
}

static int ids_add(request *q, sqlite3_value *list){
  sqlite3_value *v;
  int rc = SQLITE_OK, step;
  for(step=sqlite3_vtab_in_first(list, &v); rc==SQLITE_OK && step==SQLITE_OK; step=sqlite3_vtab_in_next(list, &v)) rc = id_add(q, v);
  return rc!=SQLITE_OK || step==SQLITE_DONE ? rc : step;
}

static ortto_condition *condition_new(request *q, int column, ortto_test test){
  ortto_condition *c = &q->condition[q->conditions];
  memset(c, 0, sizeof *c);
  c->field = &q->t->fields->field[column_field(q->t, column)];
  c->test = test;
  q->condition_from[q->conditions++] = q->listed;
  return c;
}

/* IS NULL and IS NOT NULL, where the instance has the field. */
static int presence_add(request *q, int column, ortto_test test){
  int listed;
  const ortto_field *f = &q->t->fields->field[column_field(q->t, column)];
  int rc = ortto_field_is_listed(q->endpoint, f, &listed);
  if( rc!=ORTTO_OK ) return vt_fail(q->t, rc);
  if( listed ) condition_new(q, column, test);
  return SQLITE_OK;
}

static int is_exact_text(sqlite3_value *v){
  if( sqlite3_value_type(v)!=SQLITE_TEXT ) return 0;
  const char *text = (const char *)sqlite3_value_text(v);
  return text && ortto_text_is_exact(text, (size_t)sqlite3_value_bytes(v));
}

/* NULL equals nothing, and no column holds a BLOB. */
static int matches_nothing(sqlite3_value *v){
  return sqlite3_value_type(v)==SQLITE_NULL || sqlite3_value_type(v)==SQLITE_BLOB;
}

static int equals_add(request *q, int column, char token, sqlite3_value *v){
  if( token=='s' && sqlite3_value_type(v)==SQLITE_NULL ) return presence_add(q, column, ORTTO_HAS_NO_VALUE);
  if( matches_nothing(v) ) q->nothing = 1;
  else if( is_exact_text(v) ){
    condition_new(q, column, ORTTO_IS)->count = 1;
    return list_add(q, (const char *)sqlite3_value_text(v));
  }
  return SQLITE_OK;
}

#define LIST_MAX 2000              /* values of a condition; more are cheaper to find in the whole list */

/* A list of texts is pushed whole or not at all. */
static int values_add(request *q, int column, sqlite3_value *list){
  sqlite3_value *v;
  int rc = SQLITE_OK, step, from = q->listed, whole = 1;
  for(step=sqlite3_vtab_in_first(list, &v); rc==SQLITE_OK && step==SQLITE_OK; step=sqlite3_vtab_in_next(list, &v)){
    if( matches_nothing(v) || !whole ) continue;
    whole = is_exact_text(v) && q->listed-from<LIST_MAX;
    if( whole ) rc = list_add(q, (const char *)sqlite3_value_text(v));
  }
  if( rc!=SQLITE_OK ) return rc;
  if( step!=SQLITE_DONE ) return step;
  int count = q->listed - from;
  int64_t total = q->t->conn->total[q->t->kind];
  if( whole && count==0 ) q->nothing = 1;
  if( whole && count>0 && (count<=100 || total==0 || count/100 < total/500) ){
    condition_new(q, column, ORTTO_IS)->count = count;
    q->condition_from[q->conditions-1] = from;
  }
  return SQLITE_OK;
}

/* 'column', 'column asc' or 'column desc': the column wins where a name ends like that. */
static const ortto_field *sort_field(const table *t, const char *text, int *descending){
  static const char *const ends[] = { "", " asc", " desc" };
  size_t n = strlen(text);
  for(int k=0; k<3; k++){
    size_t end = strlen(ends[k]);
    if( n<end || sqlite3_strnicmp(text+n-end, ends[k], (int)end)!=0 ) continue;
    size_t left = n - end;
    while( left && is_blank(text[left-1]) ) left--;
    for(int i=1; i<t->fields->count; i++){
      const char *name = t->fields->field[i].column;
      if( strlen(name)==left && sqlite3_strnicmp(name, text, (int)left)==0 ){
        *descending = k==2;
        return &t->fields->field[i];
      }
    }
  }
  return NULL;
}

static int steer(request *q, int which, sqlite3_value *v){
  table *t = q->t;
  const char *name = ortto_steering_column(t->kind, which);
  q->cur->given[which] = sqlite3_value_dup(v);
  if( q->cur->given[which]==NULL ) return SQLITE_NOMEM;
  if( sqlite3_value_type(v)==SQLITE_NULL ){
    q->nothing = 1;
    return SQLITE_OK;
  }
  const char *text = (const char *)sqlite3_value_text(q->cur->given[which]);
  size_t n = (size_t)sqlite3_value_bytes(q->cur->given[which]);
  if( text==NULL ) return SQLITE_NOMEM;
  if( strlen(text)!=n ) return vt_error(t, "ortto: %s cannot hold a NUL character", name);
  if( strcmp(name, "filter")==0 ){
    if( !ortto_json_is_object(text, n) )
      return vt_error(t, "ortto: filter takes a JSON object of Ortto's, such as {\"$str::is\":{\"field_id\":\"str::first\",\"value\":\"Ann\"}}");
    q->query.filter = text;
  }else if( strcmp(name, "q")==0 ) q->query.q = text;
  else if( strcmp(name, "audience")==0 ) q->query.audience = text;
  else if( strcmp(name, "scope")==0 ){
    if( sqlite3_stricmp(text, "archived")!=0 ) return vt_error(t, "ortto: scope cannot be '%.40s'; it takes 'archived'", text);
    q->query.archived = 1;
  }else{
    q->query.sort = sort_field(t, text, &q->query.descending);
    if( q->query.sort==NULL )
      return vt_error(t, "ortto: sort cannot be '%.60s'; it takes a column of this table other than id, optionally with asc or desc behind it", text);
  }
  return SQLITE_OK;
}

/* One token of the plan; those of column 'h' and after take an argument. */
static int request_token(request *q, char token, int column, sqlite3_value **argv, int *arg){
  switch( token ){
    case 'z': q->exact = 1; return SQLITE_OK;
    case 'n': return presence_add(q, column, ORTTO_HAS_NO_VALUE);
    case 'v': return presence_add(q, column, ORTTO_HAS_VALUE);
    default: break;
  }
  sqlite3_value *v = argv[(*arg)++];
  switch( token ){
    case 'h': return steer(q, column-1, v);
    case 'k': case 'p': q->query.by_ids = 1; return id_add(q, v);
    case 'K': case 'P': q->query.by_ids = 1; return ids_add(q, v);
    case 'e': case 's': return equals_add(q, column, token, v);
    case 'i': return values_add(q, column, v);
    case 'x': if( matches_nothing(v) ) q->nothing = 1; return SQLITE_OK;
    case 'l': if( sqlite3_value_type(v)==SQLITE_INTEGER ) q->limit = sqlite3_value_int64(v); return SQLITE_OK;
    case 'o': if( sqlite3_value_type(v)==SQLITE_INTEGER ) q->offset = sqlite3_value_int64(v); return SQLITE_OK;
    default: return SQLITE_INTERNAL;
  }
}

static int request_read(request *q, const char *plan, int argc, sqlite3_value **argv){
  const char *p = strrchr(plan, '{');
  char *end;
  int arg = 0, rc = SQLITE_OK;
  if( p==NULL || p[1]!='u' ) return SQLITE_INTERNAL;
  q->used = strtoull(p+2, &end, 16);
  q->condition = sqlite3_malloc64((strlen(p) + 1) * sizeof *q->condition);   /* no more than tokens */
  q->condition_from = sqlite3_malloc64((strlen(p) + 1) * sizeof *q->condition_from);
  if( q->condition==NULL || q->condition_from==NULL ) return SQLITE_NOMEM;
  for(p=end; rc==SQLITE_OK && *p==' '; p=end){
    char token = p[1];
    long column = strtol(p+2, &end, 10);
    rc = request_token(q, token, (int)column, argv, &arg);
  }
  return rc==SQLITE_OK && arg!=argc ? SQLITE_INTERNAL : rc;
}

/* -- columns of the request -- */

static void want(request *q, int field, int column){
  cursor *cur = q->cur;
  cur->field[cur->fields] = &q->t->fields->field[field];
  if( column>=0 ) cur->place[column] = cur->fields;
  cur->fields++;
}

static int request_fields(request *q){
  cursor *cur = q->cur;
  const table *t = q->t;
  cur->field = sqlite3_malloc64(((sqlite3_uint64)t->fields->count + 1) * sizeof *cur->field);
  cur->place = sqlite3_malloc64(((sqlite3_uint64)t->columns + 1) * sizeof *cur->place);
  if( cur->field==NULL || cur->place==NULL ) return SQLITE_NOMEM;
  cur->more_from = -1;
  for(int i=0; i<t->columns; i++){
    cur->place[i] = -1;
    int field = column_field(t, i);
    int used = (int)(q->used >> (i<63 ? i : 63) & 1);
    if( field>=0 && (used || t->fields->field[field].key) ) want(q, field, i);
    if( field>=0 || !used || (i>=1 && i<=t->steering) ) continue;
    cur->more_from = cur->fields;
    for(int k=t->overflow; k<t->fields->count; k++) want(q, k, -1);
  }
  q->query.fields = cur->field;
  q->query.field_count = cur->fields;
  return SQLITE_OK;
}

/* Are no values wanted, so that the number of rows is enough? */
static int is_count(const request *q){
  unsigned long long steering = ((1ull << q->t->steering) - 1) << 1;
  return is_contacts(q->t) && q->exact && !q->query.by_ids && (q->used & ~steering)==0;
}

/* -- starting -- */

static int register_own(conn *c, ortto_table kind);

/* The account that this table's columns came from is not the one in the settings. Registering its module again makes
** SQLite ask for the columns anew, and SQLITE_SCHEMA makes it prepare the statement again: unless it runs since before
** the change, when it may have returned rows already. */
static int table_is_stale(table *t){
  conn *c = t->conn;
  for(sqlite3_stmt *s=sqlite3_next_stmt(c->db, NULL); s; s=sqlite3_next_stmt(c->db, s))
    for(int i=0; i<c->at_changes; i++)
      if( c->at_change[i].statement==s && sqlite3_stmt_busy(s) && sqlite3_stmt_status(s, SQLITE_STMTSTATUS_RUN, 0)==c->at_change[i].run )
        return vt_error(t, "ortto: the settings were changed to another account while this statement ran; run it again");
  int rc = register_own(c, t->kind);
  return rc==SQLITE_OK ? SQLITE_SCHEMA : rc;
}

static int request_begin(request *q){
  table *t = q->t;
  if( t->broken ) return vt_error(t, "%s", t->broken);
  int rc = vt_fail(t, endpoint_of(t, &q->endpoint));
  if( rc==SQLITE_OK && is_contacts(t) && !t->created && ortto_endpoint_identity(q->endpoint)!=t->identity ) rc = table_is_stale(t);
  return rc;
}

static int request_check(request *q){
  table *t = q->t;
  if( q->query.archived && (q->query.filter || q->query.audience) )
    return vt_error(t, "ortto: scope = 'archived' cannot be combined with %s: the server filters no archived records. Use a WHERE on the columns",
                    q->query.filter ? "filter" : "audience");
  if( t->kind==ORTTO_ACTIVITIES && !q->query.by_ids )
    return vt_error(t, "ortto: the activity feed belongs to a person: say WHERE person_id = '...' or person_id IN (...), joined by AND to the rest");
  if( q->query.audience==NULL || q->nothing ) return SQLITE_OK;
  int rc = vt_fail(t, ortto_audience_find(q->endpoint, q->query.audience, &q->audience));
  q->query.audience = q->audience;
  return rc;
}

static void request_lists(request *q){
  q->query.table = q->t->kind;
  q->query.conditions = q->condition;
  q->query.condition_count = q->conditions;
  for(int i=0; i<q->conditions; i++) q->condition[i].values = (const char *const *)q->list + q->condition_from[i];
  if( q->query.by_ids ){
    q->query.ids = (const char *const *)q->list;
    q->query.id_count = q->listed;
  }
  if( q->limit>0 && q->limit<1000000000 && q->offset<1000000000 ) q->query.limit = q->limit + (q->offset>0 ? q->offset : 0);
}

static void remember_total(const request *q, int64_t total){
  if( is_contacts(q->t) && total>=0 && q->conditions==0 && !q->query.by_ids && !q->query.filter && !q->query.q
   && !q->query.archived && !q->query.audience ) q->t->conn->total[q->t->kind] = total;
}

static int cursor_step(cursor *cur){
  table *t = (table *)cur->base.pVtab;
  int rc = ortto_reader_next(cur->reader, &cur->value);
  cur->eof = rc!=ORTTO_ROW;
  return vt_fail(t, rc);
}

static int request_count(request *q, int *known){
  cursor *cur = q->cur;
  int64_t count;
  int rc = vt_fail(q->t, ortto_reader_open(q->endpoint, &q->query, &cur->reader));
  if( rc==SQLITE_OK ) rc = vt_fail(q->t, ortto_reader_count(cur->reader, &count));
  if( rc!=SQLITE_OK ) return rc;
  *known = count>=0;
  cur->counting = *known;
  cur->counted = count;
  cur->passed = 0;
  cur->eof = count==0;
  if( *known ) remember_total(q, count);
  return SQLITE_OK;
}

static int request_run(request *q){
  cursor *cur = q->cur;
  int known = 0, rc = SQLITE_OK;
  request_lists(q);
  if( is_count(q) ) rc = request_count(q, &known);
  ortto_reader_close(cur->reader);
  cur->reader = NULL;
  if( rc!=SQLITE_OK ) return rc;
  if( known ) return vt_fail(q->t, ortto_reader_open(q->endpoint, &q->query, &cur->reader));
  if( q->query.by_ids && is_contacts(q->t) && cur->cache==NULL ) cur->cache = ortto_cache_new();
  q->query.cache = cur->cache;
  rc = vt_fail(q->t, ortto_reader_open(q->endpoint, &q->query, &cur->reader));
  if( rc==SQLITE_OK ) rc = cursor_step(cur);
  if( rc==SQLITE_OK ){
    ortto_progress progress;
    ortto_reader_progress(cur->reader, &progress);
    remember_total(q, progress.total);
  }
  return rc;
}

static void request_free(request *q){
  for(int i=0; i<q->listed; i++) sqlite3_free(q->list[i]);
  sqlite3_free(q->list);
  sqlite3_free(q->condition);
  sqlite3_free(q->condition_from);
  free(q->audience);
  ortto_endpoint_close(q->endpoint);
}

static int vt_filter(sqlite3_vtab_cursor *base, int number, const char *plan, int argc, sqlite3_value **argv){
  cursor *cur = (cursor *)base;
  request q = { .cur = cur, .t = (table *)base->pVtab };
  (void)number;
  cursor_reset(cur);
  cur->rowid = -1;
  int rc = request_begin(&q);
  if( rc==SQLITE_OK ) rc = request_read(&q, plan, argc, argv);
  if( rc==SQLITE_OK ) rc = request_check(&q);
  if( rc==SQLITE_OK && !q.nothing ) rc = request_fields(&q);
  if( rc==SQLITE_OK && !q.nothing ) rc = request_run(&q);
  request_free(&q);
  return rc;
}

/* -- rows -- */

static int vt_eof(sqlite3_vtab_cursor *base){
  return ((cursor *)base)->eof;
}

static int vt_next(sqlite3_vtab_cursor *base){
  cursor *cur = (cursor *)base;
  if( !cur->counting ) return cursor_step(cur);
  cur->passed++;
  cur->eof = --cur->counted<=0;
  return SQLITE_OK;
}

/* A DELETE without a WHERE announces no column, and asks for the id all the same: then the rows are needed. */
static int cursor_uncount(cursor *cur){
  int rc = SQLITE_OK;
  cur->counting = 0;
  for(sqlite3_int64 i=0; rc==SQLITE_OK && i<=cur->passed; i++) rc = cursor_step(cur);
  if( rc==SQLITE_OK && cur->eof ) rc = vt_error((table *)cur->base.pVtab, "ortto: the list became shorter while it was read; run the statement again");
  return rc;
}

static void json_string(sqlite3_str *s, const char *text, size_t n){
  sqlite3_str_appendchar(s, 1, '"');
  for(size_t i=0; i<n; i++){
    unsigned char c = (unsigned char)text[i];
    if( c=='"' || c=='\\' ) sqlite3_str_appendchar(s, 1, '\\');
    if( c<0x20 ) sqlite3_str_appendf(s, "\\u%04x", c);
    else sqlite3_str_appendchar(s, 1, (char)c);
  }
  sqlite3_str_appendchar(s, 1, '"');
}

/* The fields that found no column: an object from column name to value. By sqlite3_malloc, NULL when out of memory. */
static char *more_text(const ortto_field *const *field, const ortto_value *value, int from, int to){
  sqlite3_str *s = sqlite3_str_new(NULL);
  char separator = '{';
  for(int i=from; i<to; i++){
    const ortto_value *v = &value[i];
    if( v->kind==ORTTO_VALUE_NULL ) continue;
    sqlite3_str_appendchar(s, 1, separator);
    separator = ',';
    json_string(s, field[i]->column, strlen(field[i]->column));
    sqlite3_str_appendchar(s, 1, ':');
    switch( v->kind ){
      case ORTTO_VALUE_INTEGER: sqlite3_str_appendf(s, "%lld", (long long)v->integer); break;
      case ORTTO_VALUE_REAL: sqlite3_str_appendf(s, v->real<1e12 && v->real>-1e12 ? "%!.15g" : "%!.17g", v->real); break;
      case ORTTO_VALUE_JSON: sqlite3_str_append(s, v->text, (int)v->length); break;
      default: json_string(s, v->text, v->length);
    }
  }
  sqlite3_str_appendall(s, separator=='{' ? "{}" : "}");
  return sqlite3_str_finish(s);
}

static void result_more(sqlite3_context *ctx, const cursor *cur){
  char *text = more_text(cur->field, cur->value, cur->more_from, cur->fields);
  if( text ) sqlite3_result_text(ctx, text, -1, sqlite3_free);
  else sqlite3_result_error_nomem(ctx);
  sqlite3_result_subtype(ctx, 'J');
}

static void result_value(sqlite3_context *ctx, const ortto_value *v){
  switch( v->kind ){
    case ORTTO_VALUE_NULL: break;
    case ORTTO_VALUE_INTEGER: sqlite3_result_int64(ctx, v->integer); break;
    case ORTTO_VALUE_REAL: sqlite3_result_double(ctx, v->real); break;
    case ORTTO_VALUE_TEXT: sqlite3_result_text64(ctx, v->text, v->length, SQLITE_TRANSIENT, SQLITE_UTF8); break;
    case ORTTO_VALUE_JSON:
      sqlite3_result_text64(ctx, v->text, v->length, SQLITE_TRANSIENT, SQLITE_UTF8);
      sqlite3_result_subtype(ctx, 'J');             /* so that json_array() and its like nest it */
      break;
  }
}

static int vt_column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int column){
  cursor *cur = (cursor *)base;
  table *t = (table *)base->pVtab;
  if( column>0 && sqlite3_vtab_nochange(ctx) ) return SQLITE_OK;   /* an UPDATE that does not set this column */
  if( is_contacts(t) && column>=1 && column<=t->steering ){
    if( cur->given[column-1] ) sqlite3_result_value(ctx, cur->given[column-1]);
    return SQLITE_OK;
  }
  if( cur->counting && column==0 ){
    int rc = cursor_uncount(cur);
    if( rc!=SQLITE_OK ) return rc;
  }
  if( cur->counting || cur->place==NULL )
    return vt_error(t, "ortto: SQLite asks for a column that it did not announce; please report the statement");
  if( cur->place[column]>=0 ) result_value(ctx, &cur->value[cur->place[column]]);
  else if( column_field(t, column)<0 && cur->more_from>=0 ) result_more(ctx, cur);
  else return vt_error(t, "ortto: SQLite asks for the column %d that it did not announce; please report the statement", column);
  return SQLITE_OK;
}

/* Tags and fields only: their keys have two columns, which a table WITHOUT ROWID of a writable module cannot have. */
static int vt_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *rowid){
  cursor *cur = (cursor *)base;
  table *t = (table *)base->pVtab;
  const ortto_value *a = &cur->value[0], *b = &cur->value[1];   /* the key: its columns are always asked for, and first */
  char *key = b->kind==ORTTO_VALUE_INTEGER
    ? sqlite3_mprintf("%d %.*s %lld", t->kind, (int)a->length, a->text, (long long)b->integer)
    : sqlite3_mprintf("%d %.*s %.*s", t->kind, (int)a->length, a->text, b->kind==ORTTO_VALUE_TEXT ? (int)b->length : 0, b->text);
  if( key==NULL ) return SQLITE_NOMEM;
  int rc = conn_rowid(t->conn, key, &cur->rowid, rowid);
  sqlite3_free(key);
  return rc;
}

/* ==== 6. Log ================================================================================================== */

static const char log_columns[] =
  "CREATE TABLE x(at DATETIME, method TEXT, path TEXT, status INTEGER, attempt INTEGER, ms INTEGER, sent_bytes INTEGER, "
  "received_bytes INTEGER, rows INTEGER, request_id TEXT, error TEXT)";

typedef struct fixed_table {    /* of ortto_log and ortto_sync */
  sqlite3_vtab base;
  conn *conn;
} fixed_table;

typedef struct log_cursor {
  sqlite3_vtab_cursor base;
  ortto_log_entry entry;           /* a copy: the log moves on while it is read */
  int64_t last;                    /* where the log ended when the reading began */
  int eof;
} log_cursor;

/* A table of fixed columns that needs nothing but the connection. */
static int fixed_connect(sqlite3 *db, const registration *reg, sqlite3_vtab **out, const char *columns){
  int rc = sqlite3_declare_vtab(db, columns);
  if( rc==SQLITE_OK ) rc = sqlite3_vtab_config(db, SQLITE_VTAB_DIRECTONLY);
  fixed_table *t = rc==SQLITE_OK ? sqlite3_malloc(sizeof *t) : NULL;
  if( t==NULL ) return rc==SQLITE_OK ? SQLITE_NOMEM : rc;
  memset(t, 0, sizeof *t);
  t->conn = reg->conn;
  t->conn->references++;
  *out = &t->base;
  return SQLITE_OK;
}

static int log_connect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out, char **error){
  (void)argc; (void)argv; (void)error;
  return fixed_connect(db, aux, out, log_columns);
}

static int fixed_disconnect(sqlite3_vtab *base){
  conn_release(((fixed_table *)base)->conn);
  sqlite3_free(base);
  return SQLITE_OK;
}

static int log_best_index(sqlite3_vtab *base, sqlite3_index_info *info){
  (void)base;
  info->estimatedCost = 1000;
  info->estimatedRows = 1000;
  return SQLITE_OK;
}

static int log_open(sqlite3_vtab *base, sqlite3_vtab_cursor **out){
  (void)base;
  log_cursor *cur = sqlite3_malloc(sizeof *cur);
  if( cur==NULL ) return SQLITE_NOMEM;
  memset(cur, 0, sizeof *cur);
  *out = &cur->base;
  return SQLITE_OK;
}

static int log_close(sqlite3_vtab_cursor *base){
  sqlite3_free(base);
  return SQLITE_OK;
}

static int log_move(log_cursor *cur, int64_t number){
  const fixed_table *t = (const fixed_table *)cur->base.pVtab;
  const ortto_log_entry *entry = ortto_log_at(t->conn->client, number);
  cur->eof = entry==NULL || entry->number>cur->last;
  if( !cur->eof ) cur->entry = *entry;
  return SQLITE_OK;
}

static int log_filter(sqlite3_vtab_cursor *base, int number, const char *plan, int argc, sqlite3_value **argv){
  log_cursor *cur = (log_cursor *)base;
  const fixed_table *t = (const fixed_table *)base->pVtab;
  (void)number; (void)plan; (void)argc; (void)argv;
  cur->last = ortto_log_last(t->conn->client);
  return log_move(cur, 1);
}

static int log_next(sqlite3_vtab_cursor *base){
  log_cursor *cur = (log_cursor *)base;
  return log_move(cur, cur->entry.number + 1);
}

static int log_eof(sqlite3_vtab_cursor *base){
  return ((log_cursor *)base)->eof;
}

static void result_text_or_null(sqlite3_context *ctx, const char *text){
  if( text[0] ) sqlite3_result_text(ctx, text, -1, SQLITE_TRANSIENT);
}

static int log_column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int column){
  const ortto_log_entry *e = &((log_cursor *)base)->entry;
  switch( column ){
    case 0: result_text_or_null(ctx, e->at); break;
    case 1: result_text_or_null(ctx, e->method); break;
    case 2: result_text_or_null(ctx, e->path); break;
    case 3: if( e->status ) sqlite3_result_int(ctx, e->status); break;
    case 4: sqlite3_result_int(ctx, e->attempt); break;
    case 5: sqlite3_result_int64(ctx, e->ms); break;
    case 6: sqlite3_result_int64(ctx, e->sent_bytes); break;
    case 7: sqlite3_result_int64(ctx, e->received_bytes); break;
    case 8: if( e->rows>=0 ) sqlite3_result_int64(ctx, e->rows); break;
    case 9: result_text_or_null(ctx, e->request_id); break;
    default: result_text_or_null(ctx, e->error);
  }
  return SQLITE_OK;
}

static int log_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *rowid){
  *rowid = ((log_cursor *)base)->entry.number;
  return SQLITE_OK;
}

/* ==== 7. Sync =================================================================================================

** SELECT ortto_sync('ortto_people', 'people') keeps a local table equal to a table of Ortto's.
**
** Pages are fetched first and staged after: each in a transaction of its own, with the place where the next one begins,
** in a table beside the target. No lock is held while the network is waited for. When all are there, one transaction
** changes the target: delete, update, insert, only where rows differ. A run that ends early is taken up again from the
** last page under the same cursor, if it is still the same account, fields and target; else it starts over and says so.
**
** Writes go through the user's connection. While a SELECT of the user's runs (the table-valued form), that connection
** may stand on a snapshot that others have written past, where it can write no more: then a second connection to the
** same file takes over.
*/

#define STATE_TABLE "ortto_sync_state"
#define RESUME_SECONDS (24*3600)
#define READING_SECONDS 60         /* the same where a SELECT of our own may be what the others wait for */
#define LOCK_SECONDS 600           /* how long a database locked by others is waited for */
#define TAKEN_OVER 10001           /* no code of SQLite's: the run is not ours any more */
#define OWNER_SECONDS 1800         /* silence after which a run that cannot be asked about counts as dead */

struct syncing {
  conn *conn;
  struct syncing *next;               /* in conn->syncs */
  sqlite3 *db, *side;              /* where is written; side: our own connection */
  int nested;                      /* inside a transaction of the user's */
  int reading;                     /* inside a SELECT that reads: the table-valued form */
  char *source, *schema, *target, *staging;
  ortto_table kind;
  arguments args;
  int changes;                     /* only what was edited since the mark */
  ortto_endpoint *endpoint;
  ortto_field_list *own_fields;
  const ortto_field_list *fields;
  const ortto_field **field;       /* as the reader takes them */
  int overflow, columns;           /* columns: fields before overflow, and more_fields if there is one */
  int edited;                      /* field of the time of the last change, -1 none */
  ortto_reader *reader;
  enum { SYNC_BEGIN, SYNC_FETCH, SYNC_MERGE, SYNC_DONE, SYNC_FAILED } phase;
  const char *state;               /* of the row to show */
  const char *opening;             /* state of the first row: fetching, resumed or restarted */
  char message[400];
  sqlite3_int64 run, page, rows, total, inserted, updated, deleted, unchanged, requests, retries, elapsed_before;
  sqlite3_int64 requests_before, retries_before, started;
  char cursor[25], newest[40], mark[40], server_time[24], last[40];
  sqlite3_int64 next_offset;
  int claimed;                     /* the run is ours: its state row may be written */
  int lock;                        /* file descriptor, -1 none */
  char *lock_path;
};

static sqlite3_int64 now_ms(void){
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (sqlite3_int64)t.tv_sec*1000 + t.tv_nsec/1000000;
}

static sqlite3_int64 elapsed(const syncing *s){
  return s->elapsed_before + now_ms() - s->started;
}

static void say(syncing *s, const char *text){
  size_t n = strlen(s->message);
  snprintf(s->message + n, sizeof s->message - n, "%s%s", n ? "; " : "", text);
}

static int sync_error(char **error, const char *format, ...){
  va_list args;
  va_start(args, format);
  sqlite3_free(*error);
  *error = sqlite3_vmprintf(format, args);
  va_end(args);
  return *error ? SQLITE_ERROR : SQLITE_NOMEM;
}

/* SQLite's own words about what failed in the local database. */
static int sync_local(const syncing *s, int rc, char **error){
  if( rc==SQLITE_OK || rc==SQLITE_NOMEM ) return rc;
  if( rc==TAKEN_OVER ) return sync_error(error, "ortto: syncing %s into %s: another sync has taken this run over; it goes on there, and nothing was changed here", s->source, s->target);
  if( rc==SQLITE_INTERRUPT ){
    sync_error(error, "ortto: syncing %s into %s: interrupted; the next call goes on from here", s->source, s->target);
    return SQLITE_INTERRUPT;
  }
  sync_error(error, "ortto: syncing %s into %s: %s. %s", s->source, s->target, sqlite3_errmsg(s->db),
             s->claimed ? "The local table is unchanged; what was fetched is kept, and the next call goes on" : "Nothing was changed or fetched");
  return rc & 0xff;
}

static int sync_remote(const syncing *s, int rc, char **error){
  return to_sqlite(s->conn, rc, error);
}

/* -- SQL on the writing connection -- */

static int sql_vprepare(const syncing *s, sqlite3_stmt **out, const char *format, va_list args){
  *out = NULL;
  char *sql = sqlite3_vmprintf(format, args);
  if( sql==NULL ) return SQLITE_NOMEM;
  int rc = sqlite3_prepare_v2(s->db, sql, -1, out, NULL);
  sqlite3_free(sql);
  return rc;
}

static int sql_prepare(const syncing *s, sqlite3_stmt **out, const char *format, ...){
  va_list args;
  va_start(args, format);
  int rc = sql_vprepare(s, out, format, args);
  va_end(args);
  return rc;
}

static int sql_finish(sqlite3_stmt *stmt){
  int rc = sqlite3_step(stmt);
  int finished = sqlite3_finalize(stmt);
  return rc==SQLITE_DONE || rc==SQLITE_ROW ? SQLITE_OK : finished ? finished : rc;
}

/* Runs one statement. */
static int sql_run(const syncing *s, const char *format, ...){
  sqlite3_stmt *stmt;
  va_list args;
  va_start(args, format);
  int rc = sql_vprepare(s, &stmt, format, args);
  va_end(args);
  return rc==SQLITE_OK ? sql_finish(stmt) : rc;
}

static int sql_integer(const syncing *s, sqlite3_int64 *out, const char *format, ...){
  sqlite3_stmt *stmt;
  va_list args;
  va_start(args, format);
  int rc = sql_vprepare(s, &stmt, format, args);
  va_end(args);
  *out = 0;
  if( rc!=SQLITE_OK ) return rc;
  rc = sqlite3_step(stmt);
  if( rc==SQLITE_ROW ) *out = sqlite3_column_int64(stmt, 0);
  int finished = sqlite3_finalize(stmt);
  return rc==SQLITE_ROW || rc==SQLITE_DONE ? SQLITE_OK : finished;
}

/* -- transactions -- */

/* A connection of our own to the file that holds the target; none for databases in memory. */
static int side_open(syncing *s){
  const char *file = sqlite3_db_filename(s->conn->db, s->schema);
  sqlite3_int64 keys = 0, recursive = 0;
  char *vfs = NULL;
  if( s->side || file==NULL || file[0]==0 ) return SQLITE_BUSY;
  sqlite3_file_control(s->conn->db, s->schema, SQLITE_FCNTL_VFSNAME, &vfs);
  sql_integer(s, &keys, "PRAGMA foreign_keys");
  sql_integer(s, &recursive, "PRAGMA recursive_triggers");
  char *plain = vfs ? strrchr(vfs, '/') : NULL;    /* shims in front of the VFS are written before a slash */
  int rc = sqlite3_open_v2(file, &s->side, SQLITE_OPEN_READWRITE, plain ? plain+1 : vfs);
  sqlite3_free(vfs);
  if( rc!=SQLITE_OK ){
    sqlite3_close(s->side);
    s->side = NULL;
    return SQLITE_BUSY;
  }
  s->db = s->side;
  sqlite3_free(s->schema);
  s->schema = sqlite3_mprintf("main");
  sql_run(s, "PRAGMA foreign_keys=%d", (int)keys);
  sql_run(s, "PRAGMA recursive_triggers=%d", (int)recursive);
  return s->schema ? SQLITE_OK : SQLITE_NOMEM;
}

/* Others that write are waited for: they must not end a sync. */
static int wait_for_locks(syncing *s, const char *sql){
  sqlite3_int64 until = now_ms() + (s->reading ? READING_SECONDS : LOCK_SECONDS)*1000;
  for(;;){
    int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
    if( (rc & 0xff)!=SQLITE_BUSY && (rc & 0xff)!=SQLITE_LOCKED ) return rc;
    if( sqlite3_extended_errcode(s->db)==SQLITE_BUSY_SNAPSHOT && side_open(s)==SQLITE_OK ) continue;
    if( conn_interrupted(s->conn) ) return SQLITE_INTERRUPT;
    if( now_ms()>until ) return rc;
    sqlite3_sleep(20);
  }
}

/* SQLite's own waiting, where the user has set a busy timeout, would not notice an interrupt: ours stands in for it. */
static int run_patiently(syncing *s, const char *sql){
  sqlite3_int64 timeout = 0;
  sqlite3 *db = s->db;
  sql_integer(s, &timeout, "PRAGMA busy_timeout");
  if( timeout>0 ) sqlite3_busy_timeout(db, 0);
  int rc = wait_for_locks(s, sql);
  if( timeout>0 ) sqlite3_busy_timeout(db, (int)timeout);
  return rc;
}

static int begin(syncing *s){
  return s->nested ? sqlite3_exec(s->db, "SAVEPOINT ortto_sync", NULL, NULL, NULL) : run_patiently(s, "BEGIN IMMEDIATE");
}

static void undo(syncing *s){
  if( s->nested ) sqlite3_exec(s->db, "ROLLBACK TO ortto_sync; RELEASE ortto_sync", NULL, NULL, NULL);
  else if( !sqlite3_get_autocommit(s->db) ) sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

static int commit(syncing *s){
  return s->nested ? sqlite3_exec(s->db, "RELEASE ortto_sync", NULL, NULL, NULL) : run_patiently(s, "COMMIT");
}

/* Ends a transaction that began well: the error, if any, is told before it is undone. */
static int end(syncing *s, int rc, char **error){
  if( rc==SQLITE_OK ) rc = commit(s);
  if( rc!=SQLITE_OK ){
    if( *error==NULL ) rc = sync_local(s, rc, error);
    undo(s);
  }
  return rc;
}

/* -- columns -- */

static const char *column_name(const syncing *s, int i){
  return i<s->overflow ? s->fields->field[i].column : "more_fields";
}

static const char *column_type(const syncing *s, int i){
  return i<s->overflow ? ortto_type_sql(s->fields->field[i].type) : "JSON";
}

static int column_is_key(const syncing *s, int i){
  return i<s->overflow && s->fields->field[i].key;
}

/* Declared type of the target's column of that name, into *type; "" if it has none, NULL if there is no such column. */
static int local_type(const syncing *s, const char *table, const char *column, char **type){
  sqlite3_stmt *stmt;
  *type = NULL;
  int rc = sql_prepare(s, &stmt, "SELECT CASE WHEN type='ANY' COLLATE NOCASE AND (SELECT strict FROM pragma_table_list(%Q) "
                       "WHERE schema=%Q COLLATE NOCASE) THEN '' ELSE type END FROM pragma_table_xinfo(%Q,%Q) WHERE name=%Q COLLATE NOCASE",
                       table, s->schema, table, s->schema, column);   /* ANY is no affinity, but only in a STRICT table */
  if( rc!=SQLITE_OK ) return rc;
  rc = sqlite3_step(stmt);
  if( rc==SQLITE_ROW && (*type = sqlite3_mprintf("%s", sqlite3_column_text(stmt, 0)))==NULL ) rc = SQLITE_NOMEM;
  int finished = sqlite3_finalize(stmt);
  return rc==SQLITE_NOMEM ? rc : finished;
}

static int table_exists(const syncing *s, const char *name, sqlite3_int64 *exists){
  return sql_integer(s, exists, "SELECT count(*) FROM \"%w\".sqlite_schema WHERE type='table' AND name=%Q COLLATE NOCASE", s->schema, name);
}

/* "a","b",... of all columns, with something in front of each name. */
static char *name_list(const syncing *s, const char *before, int keys_only){
  sqlite3_str *list = sqlite3_str_new(NULL);
  for(int i=0; i<s->columns; i++) if( !keys_only || column_is_key(s, i) )
    sqlite3_str_appendf(list, "%s%s\"%w\"", sqlite3_str_length(list) ? "," : "", before, column_name(s, i));
  return sqlite3_str_finish(list);
}

/* The key of a staged row against that of a local one. */
static char *key_match(const syncing *s){
  sqlite3_str *match = sqlite3_str_new(NULL);
  for(int i=0; i<s->columns; i++) if( column_is_key(s, i) )
    sqlite3_str_appendf(match, "%ss.\"%w\"=t.\"%w\"", sqlite3_str_length(match) ? " AND " : "", column_name(s, i), column_name(s, i));
  return sqlite3_str_finish(match);
}

/* ("a" TYPE, ..., PRIMARY KEY(...)) of the staging table: with the target's own column types, so that both store a value
** in the same way and can be compared. */
static int staging_body(const syncing *s, char **body){
  sqlite3_str *ddl = sqlite3_str_new(NULL);
  char *keys = name_list(s, "", 1);
  int rc = keys ? SQLITE_OK : SQLITE_NOMEM;
  for(int i=0; rc==SQLITE_OK && i<s->columns; i++){
    char *type;
    rc = local_type(s, s->target, column_name(s, i), &type);
    sqlite3_str_appendf(ddl, "%s\"%w\" %s%s", i ? ", " : "(", column_name(s, i), type ? type : column_type(s, i), column_is_key(s, i) ? " NOT NULL" : "");
    sqlite3_free(type);
  }
  sqlite3_str_appendf(ddl, ", PRIMARY KEY(%s))", keys ? keys : "");
  sqlite3_free(keys);
  *body = sqlite3_str_finish(ddl);
  return rc==SQLITE_OK && *body==NULL ? SQLITE_NOMEM : rc;
}

/* Is the staging table of this name absent, or exactly the one wanted? */
static int staging_fits(const syncing *s, const char *body, int *fits){
  sqlite3_stmt *stmt;
  int rc = sql_prepare(s, &stmt, "SELECT sql FROM \"%w\".sqlite_schema WHERE name=%Q COLLATE NOCASE", s->schema, s->staging);
  if( rc!=SQLITE_OK ) return rc;
  *fits = 1;
  if( sqlite3_step(stmt)==SQLITE_ROW ){
    const char *sql = (const char *)sqlite3_column_text(stmt, 0);
    size_t n = sql ? strlen(sql) : 0, m = strlen(body);
    *fits = n>m && strcmp(sql+n-m, body)==0;
  }
  return sqlite3_finalize(stmt);
}

/* An empty staging table. One that is there from before is dropped; while a SELECT of the user's runs SQLite refuses that,
** and it is emptied if it is the same, or left for another name. The trigger tells the next run of changes by others. */
static int staging_create(syncing *s){
  char *body = NULL;
  int fits = 0;
  int rc = staging_body(s, &body);
  for(int i=1; rc==SQLITE_OK && !fits; i++){
    sqlite3_free(s->staging);
    s->staging = i==1 ? sqlite3_mprintf("ortto_staging_%s", s->target) : sqlite3_mprintf("ortto_staging_%s_%d", s->target, i);
    if( s->staging==NULL ) rc = SQLITE_NOMEM;
    else if( sql_run(s, "DROP TABLE IF EXISTS \"%w\".\"%w\"", s->schema, s->staging)==SQLITE_OK ) fits = 1;
    else rc = staging_fits(s, body, &fits);
  }
  if( rc==SQLITE_OK ) rc = sql_run(s, "CREATE TABLE IF NOT EXISTS \"%w\".\"%w\"%s", s->schema, s->staging, body);
  if( rc==SQLITE_OK ) rc = sql_run(s, "DELETE FROM \"%w\".\"%w\"", s->schema, s->staging);
  if( rc==SQLITE_OK ) rc = sql_run(s, "CREATE TRIGGER IF NOT EXISTS \"%w\".\"%w_touched\" AFTER UPDATE ON \"%w\" BEGIN "
    "UPDATE " STATE_TABLE " SET columns='touched' WHERE target=%Q AND state<>'done'; END", s->schema, s->staging, s->staging, s->target);
  sqlite3_free(body);
  return rc;
}

/* -- the target -- */

static int is_own_name(const char *name){
  if( sqlite3_strnicmp(name, "ortto_", 6)!=0 ) return 0;
  for(int i=0; i<ORTTO_TABLES; i++) if( sqlite3_stricmp(name+6, ortto_table_name((ortto_table)i))==0 ) return 1;
  return sqlite3_stricmp(name+6, "log")==0 || sqlite3_stricmp(name+6, "sync")==0 || sqlite3_stricmp(name+6, "sync_state")==0
      || sqlite3_stricmp(name+6, "failures")==0;
}

static int schema_is_known(const syncing *s, const char *name, size_t n, int *known){
  sqlite3_int64 count;
  int rc = sql_integer(s, &count, "SELECT count(*) FROM pragma_database_list WHERE name=%.*Q COLLATE NOCASE", (int)n, name);
  *known = count>0 || (n==4 && sqlite3_strnicmp(name, "temp", 4)==0);
  return rc;
}

/* schema.table, if such a schema is attached; else the whole text is the name. */
static int target_parse(syncing *s, const char *text){
  const char *dot = strchr(text, '.');
  int known = 0;
  int rc = dot ? schema_is_known(s, text, (size_t)(dot-text), &known) : SQLITE_OK;
  if( rc!=SQLITE_OK ) return rc;
  s->schema = known ? sqlite3_mprintf("%.*s", (int)(dot-text), text) : sqlite3_mprintf("main");
  s->target = sqlite3_mprintf("%s", known ? dot+1 : text);
  s->staging = s->target ? sqlite3_mprintf("ortto_staging_%s", s->target) : NULL;
  return s->schema && s->staging ? SQLITE_OK : SQLITE_NOMEM;
}

/* Is the target a table that can be written, with the key of the source? */
static int target_check(const syncing *s, char **error){
  sqlite3_int64 other, exists, same = 0, unique = 0, keys = 0, generated = 0;
  if( s->target[0]==0 ) return sync_error(error, "ortto: a sync needs the name of a local table");
  if( is_own_name(s->target) || sqlite3_strnicmp(s->target, "ortto_staging_", 14)==0 || sqlite3_strnicmp(s->target, "sqlite_", 7)==0 )
    return sync_error(error, "ortto: a local table cannot be called '%s': that name is taken by ortto or SQLite; choose another", s->target);
  int rc = sql_integer(s, &other, "SELECT count(*) FROM \"%w\".sqlite_schema WHERE name=%Q COLLATE NOCASE AND (type='view' OR type='index' "
                       "OR sql LIKE 'CREATE VIRTUAL%%')", s->schema, s->target);
  if( rc==SQLITE_OK && other ) return sync_error(error, "ortto: '%s' is a view, an index or a virtual table; a sync writes into an ordinary table: choose another name", s->target);
  if( rc==SQLITE_OK ) rc = table_exists(s, s->target, &exists);
  if( rc!=SQLITE_OK || !exists ) return rc==SQLITE_OK ? rc : sync_local(s, rc, error);
  char *list = name_list(s, "", 1);
  for(int i=0; rc==SQLITE_OK && i<s->columns; i++) if( column_is_key(s, i) ){
    sqlite3_int64 in_key;
    keys++;
    rc = sql_integer(s, &in_key, "SELECT pk>0 FROM pragma_table_info(%Q,%Q) WHERE name=%Q COLLATE NOCASE", s->target, s->schema, column_name(s, i));
    same += in_key;
  }
  if( rc==SQLITE_OK ) rc = sql_integer(s, &other, "SELECT count(*) FROM pragma_table_info(%Q,%Q) WHERE pk>0", s->target, s->schema);
  if( rc==SQLITE_OK && !(same==keys && other==keys) ){
    sqlite3_str *names = sqlite3_str_new(NULL);
    for(int i=0; i<s->columns; i++) if( column_is_key(s, i) ) sqlite3_str_appendf(names, "%s%Q", sqlite3_str_length(names) ? "," : "", column_name(s, i));
    char *in = sqlite3_str_finish(names);
    rc = sql_integer(s, &unique, "SELECT count(*) FROM pragma_index_list(%Q,%Q) l WHERE l.\"unique\" AND NOT l.partial AND "
      "(SELECT count(*) FROM pragma_index_info(l.name,%Q))=%lld AND (SELECT count(*) FROM pragma_index_info(l.name,%Q) WHERE lower(name) IN (%s))=%lld",
      s->target, s->schema, s->schema, keys, s->schema, in ? in : "", keys);
    sqlite3_free(in);
    if( rc==SQLITE_OK && !unique )
      rc = sync_error(error, "ortto: the local table '%s' has not the key of %s: it needs PRIMARY KEY or a UNIQUE index on (%s). "
                      "Create it so, or let the sync create a table of another name", s->target, s->source, list ? list : "");
  }
  for(int i=0; rc==SQLITE_OK && i<s->columns && !generated; i++)
    rc = sql_integer(s, &generated, "SELECT hidden IN (2,3) FROM pragma_table_xinfo(%Q,%Q) WHERE name=%Q COLLATE NOCASE", s->target, s->schema, column_name(s, i));
  sqlite3_free(list);
  if( rc==SQLITE_OK && generated )
    rc = sync_error(error, "ortto: a column of the local table '%s' has the name of a column of %s, but is generated: rename it", s->target, s->source);
  return rc==SQLITE_OK || *error ? rc : sync_local(s, rc, error);
}

/* -- who is at work -- */

/* A run at work holds the lock of a file of its own, whose name stands in its state as owner. The system takes the lock
** away when the process dies, however it does. */
static void lock_take(syncing *s){
  const char *folder = getenv("TMPDIR");
  char *path = sqlite3_mprintf("%s/ortto-sync-XXXXXX", folder && folder[0] ? folder : "/tmp");
  s->lock = path ? mkstemp(path) : -1;
  if( s->lock>=0 ){
    fcntl(s->lock, F_SETFD, FD_CLOEXEC);
    flock(s->lock, LOCK_EX|LOCK_NB);
    s->lock_path = path;
  }else sqlite3_free(path);
}

static void lock_drop(syncing *s){
  if( s->lock_path ) unlink(s->lock_path);
  if( s->lock>=0 ) close(s->lock);
  sqlite3_free(s->lock_path);
  s->lock_path = NULL;
  s->lock = -1;
}

static char *owner_text(const syncing *s){
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  return sqlite3_mprintf("%s %s", host, s->lock_path ? s->lock_path : "");
}

/* Is the run of that owner still going on? Of one on another machine only its silence tells. */
static int owner_lives(const char *owner, sqlite3_int64 silent_seconds){
  char here[256] = "";
  if( owner==NULL || owner[0]==0 ) return 0;
  gethostname(here, sizeof here - 1);
  const char *path = strchr(owner, ' '), *name = path ? strrchr(path, '/') : NULL;
  size_t n = strlen(here);
  int same = strncmp(owner, here, n)==0 && owner[n]==' ';
  if( !same || name==NULL || strncmp(name, "/ortto-sync-", 12)!=0 ) return silent_seconds<OWNER_SECONDS;
  int fd = open(path+1, O_RDONLY|O_NONBLOCK|O_NOFOLLOW|O_CLOEXEC);
  if( fd<0 ) return errno!=ENOENT && silent_seconds<OWNER_SECONDS;
  int free_now = flock(fd, LOCK_EX|LOCK_NB)==0;
  close(fd);
  if( free_now ) unlink(path+1);                 /* left by a process that was killed */
  return !free_now;
}

/* -- state -- */

static int state_create(const syncing *s){
  return sql_run(s, "CREATE TABLE IF NOT EXISTS \"%w\"." STATE_TABLE "(run INTEGER PRIMARY KEY, source TEXT, target TEXT, mode TEXT, "
    "started TEXT, finished TEXT, state TEXT, rows INTEGER, total INTEGER, page INTEGER, inserted INTEGER, updated INTEGER, deleted INTEGER, "
    "unchanged INTEGER, requests INTEGER, retries INTEGER, elapsed_ms INTEGER, cursor_id TEXT, next_offset INTEGER, error TEXT, message TEXT, "
    "newest TEXT, mark TEXT, server_time TEXT, identity TEXT, columns TEXT, staging TEXT, owner TEXT, beat INTEGER)", s->schema);
}

/* The row of this run. finished: the run is over, well or not. Once the run is ours, only as long as it is. */
static int state_write(const syncing *s, const char *state, int finished, const char *error){
  sqlite3_stmt *stmt;
  char *us = owner_text(s), *owner = finished ? NULL : us;
  if( us==NULL ) return SQLITE_NOMEM;
  int rc = sql_prepare(s, &stmt, "UPDATE \"%w\"." STATE_TABLE " SET state=%Q, mode=%Q, rows=%lld, total=?1, page=%lld, inserted=%lld, updated=%lld, "
    "deleted=%lld, unchanged=%lld, requests=%lld, retries=%lld, elapsed_ms=%lld, cursor_id=nullif(%Q,''), next_offset=%lld, error=%Q, message=nullif(%Q,''), "
    "newest=nullif(%Q,''), mark=nullif(%Q,''), server_time=nullif(%Q,''), owner=%Q, beat=strftime('%%s','now'), "
    "finished=%s WHERE run=%lld AND (%d OR owner=%Q)", s->schema, state, s->changes ? "changes" : "full", s->rows, s->page, s->inserted, s->updated, s->deleted, s->unchanged,
    s->requests, s->retries, elapsed(s), s->cursor, s->next_offset, error, s->message, s->newest, s->mark, s->server_time, owner,
    finished ? "strftime('%Y-%m-%dT%H:%M:%SZ','now')" : "NULL", s->run, !s->claimed, us);
  sqlite3_free(us);
  if( rc!=SQLITE_OK ) return rc;
  if( s->total>=0 ) sqlite3_bind_int64(stmt, 1, s->total);
  rc = sql_finish(stmt);
  return rc==SQLITE_OK && sqlite3_changes(s->db)==0 ? TAKEN_OVER : rc;
}

static void copy_text(char *to, size_t size, sqlite3_stmt *stmt, int column){
  const char *text = (const char *)sqlite3_column_text(stmt, column);
  snprintf(to, size, "%s", text ? text : "");
}

/* Why an unfinished run cannot be taken up; NULL if it can. The statement stands on its row. */
static const char *not_resumable(const syncing *s, sqlite3_stmt *last, const char *identity, const char *columns){
  char text[64];
  sqlite3_int64 staged, exists;
  const char *state = (const char *)sqlite3_column_text(last, 1);
  copy_text(text, sizeof text, last, 5);
  if( strcmp(text, identity)!=0 ) return "the earlier run was of another host or key";
  if( sqlite3_stricmp((const char *)sqlite3_column_text(last, 4), s->source)!=0 ) return "the earlier run was of another source";
  copy_text(text, sizeof text, last, 6);
  if( strcmp(text, "touched")==0 ) return "what the earlier run had fetched was touched";
  if( strcmp(text, columns)!=0 ) return "the fields have changed since the earlier run";
  copy_text(text, sizeof text, last, 7);
  if( (strcmp(text, "changes")==0)!=s->changes ) return "the earlier run was of another mode";
  if( sqlite3_column_int64(last, 8)>RESUME_SECONDS ) return "the earlier run is more than 24 hours old";
  if( table_exists(s, s->staging, &exists)!=SQLITE_OK || !exists ) return "what the earlier run had fetched is gone";
  if( sql_integer(s, &staged, "SELECT CASE WHEN count(*)=ifnull(max(rowid),0) THEN count(*) ELSE -1 END FROM \"%w\".\"%w\"", s->schema, s->staging)!=SQLITE_OK
   || staged!=sqlite3_column_int64(last, 11) ) return "what the earlier run had fetched was touched";
  if( state && strcmp(state, "fetched")==0 ) return NULL;
  if( s->kind>ORTTO_ACCOUNTS || sqlite3_column_text(last, 9)==NULL ) return sqlite3_column_int64(last, 11) ? "this list has no cursor to go on from" : "";
  return NULL;
}

static void take_up(syncing *s, sqlite3_stmt *last){
  s->run = sqlite3_column_int64(last, 0);
  copy_text(s->cursor, sizeof s->cursor, last, 9);
  s->next_offset = sqlite3_column_int64(last, 10);
  s->rows = sqlite3_column_int64(last, 11);
  s->total = sqlite3_column_type(last, 12)==SQLITE_NULL ? -1 : sqlite3_column_int64(last, 12);
  s->page = sqlite3_column_int64(last, 13);
  s->requests = s->requests_before = sqlite3_column_int64(last, 14);
  s->retries = s->retries_before = sqlite3_column_int64(last, 15);
  s->elapsed_before = sqlite3_column_int64(last, 16);
  copy_text(s->newest, sizeof s->newest, last, 17);
  copy_text(s->mark, sizeof s->mark, last, 18);
  copy_text(s->server_time, sizeof s->server_time, last, 19);
  const char *state = (const char *)sqlite3_column_text(last, 1);
  s->phase = state && strcmp(state, "fetched")==0 ? SYNC_MERGE : SYNC_FETCH;
  s->opening = "resumed";
}

static int run_new(syncing *s, const char *identity, const char *columns){
  int rc = staging_create(s);
  if( rc==SQLITE_OK ) rc = sql_run(s, "INSERT INTO \"%w\"." STATE_TABLE "(source,target,started,state,identity,columns,staging) "
    "VALUES(%Q,%Q,strftime('%%Y-%%m-%%dT%%H:%%M:%%SZ','now'),'fetching',%Q,%Q,%Q)", s->schema, s->source, s->target, identity, columns, s->staging);
  s->run = sqlite3_last_insert_rowid(s->db);
  s->phase = SYNC_FETCH;
  return rc;
}

/* The mark of the last finished run, if what it left can be built upon. */
static int mark_find(syncing *s, const char *identity, const char *columns){
  sqlite3_stmt *stmt;
  sqlite3_int64 exists;
  const char *why = NULL;
  int rc = table_exists(s, s->target, &exists);
  if( rc==SQLITE_OK ) rc = sql_prepare(s, &stmt, "SELECT mark, identity=%Q, columns=%Q, source=%Q FROM \"%w\"." STATE_TABLE
    " WHERE target=%Q COLLATE NOCASE AND state='done' ORDER BY run DESC LIMIT 1", identity, columns, s->source, s->schema, s->target);
  if( rc!=SQLITE_OK ) return rc;
  if( sqlite3_step(stmt)!=SQLITE_ROW || !exists ) why = "there is no finished sync to build upon: everything is fetched";
  else if( !sqlite3_column_int(stmt, 1) || !sqlite3_column_int(stmt, 3) ) why = "the last finished sync was of another source, host or key: everything is fetched";
  else if( !sqlite3_column_int(stmt, 2) ) why = "the fields have changed since the last finished sync: everything is fetched";
  else copy_text(s->mark, sizeof s->mark, stmt, 0);
  if( why==NULL && s->edited<0 ) why = "this source has no time of its last change: everything is fetched";
  else if( why==NULL && s->mark[0]==0 ) why = "the last finished sync saw no time of a change: everything is fetched";
  if( why ){
    s->changes = 0;
    s->mark[0] = 0;
    say(s, why);
  }
  return sqlite3_finalize(stmt);
}

static int at_work(const syncing *s, char **error){
  return sync_error(error, "ortto: another sync into '%s' is at work; wait for it (SELECT * FROM " STATE_TABLE " shows how far it is). If you "
    "are sure that there is none: UPDATE " STATE_TABLE " SET owner=NULL WHERE target='%s'", s->target, s->target);
}

/* Takes the target: a run that can be taken up, or a new one. In a transaction. */
static int claim_inside(syncing *s, char **error){
  char identity[20], columns[20];
  sqlite3_stmt *last = NULL;
  const char *why = NULL;
  int changes = s->changes, unfinished = 0;
  sqlite3_snprintf(sizeof identity, identity, "%016llx", (unsigned long long)ortto_endpoint_identity(s->endpoint));
  sqlite3_snprintf(sizeof columns, columns, "%016llx", (unsigned long long)ortto_fields_identity(s->fields));
  int rc = state_create(s);
  if( rc==SQLITE_OK && changes ) rc = mark_find(s, identity, columns);
  if( rc==SQLITE_OK ) rc = sql_prepare(s, &last, "SELECT run, state, owner, strftime('%%s','now')-beat, source, identity, columns, mode, "
    "strftime('%%s','now')-strftime('%%s',started), cursor_id, next_offset, rows, total, page, requests, retries, elapsed_ms, newest, mark, server_time, staging FROM \"%w\"."
    STATE_TABLE " WHERE target=%Q COLLATE NOCASE ORDER BY run DESC LIMIT 1", s->schema, s->target);
  if( rc!=SQLITE_OK ) return rc;
  rc = sqlite3_step(last);
  if( rc==SQLITE_ROW ){
    const char *state = (const char *)sqlite3_column_text(last, 1);
    unfinished = state && strcmp(state, "done")!=0 && strcmp(state, "abandoned")!=0;
    if( unfinished && sqlite3_column_text(last, 20) ){
      sqlite3_free(s->staging);
      s->staging = sqlite3_mprintf("%s", sqlite3_column_text(last, 20));
    }
    if( s->staging==NULL ){
      sqlite3_finalize(last);
      return SQLITE_NOMEM;
    }
    if( unfinished && owner_lives((const char *)sqlite3_column_text(last, 2), sqlite3_column_int64(last, 3)) ){
      sqlite3_finalize(last);
      return at_work(s, error);
    }
    if( unfinished ) why = not_resumable(s, last, identity, columns);
  }
  if( unfinished && why==NULL ){
    take_up(s, last);
    if( !changes ) s->mark[0] = 0;
  }
  sqlite3_int64 old = unfinished && why ? sqlite3_column_int64(last, 0) : 0;
  rc = sqlite3_finalize(last);
  if( rc==SQLITE_OK && old ){
    rc = sql_run(s, "UPDATE \"%w\"." STATE_TABLE " SET state='abandoned', owner=NULL, finished=coalesce(finished,strftime('%%Y-%%m-%%dT%%H:%%M:%%SZ','now')) WHERE run=%lld", s->schema, old);
    if( why[0] ){
      s->opening = "restarted";
      say(s, why);
    }
  }
  if( rc==SQLITE_OK && s->run==0 ) rc = run_new(s, identity, columns);
  if( rc==SQLITE_OK ) rc = state_write(s, s->phase==SYNC_MERGE ? "fetched" : "fetching", 0, NULL);
  return rc;
}

/* Is another run at work? Asked without a lock, as the other one may be waiting for the lock that our SELECT holds. */
static int claim_peek(const syncing *s, char **error){
  sqlite3_stmt *last;
  int lives = 0;
  if( sql_prepare(s, &last, "SELECT owner, strftime('%%s','now')-beat FROM \"%w\"." STATE_TABLE " WHERE target=%Q COLLATE NOCASE AND state NOT IN "
                  "('done','abandoned') ORDER BY run DESC LIMIT 1", s->schema, s->target)!=SQLITE_OK ) return SQLITE_OK;   /* no run yet */
  if( sqlite3_step(last)==SQLITE_ROW ) lives = owner_lives((const char *)sqlite3_column_text(last, 0), sqlite3_column_int64(last, 1));
  sqlite3_finalize(last);
  return lives ? at_work(s, error) : SQLITE_OK;
}

static int claim(syncing *s, char **error){
  int rc = claim_peek(s, error);
  if( rc==SQLITE_OK ) rc = begin(s);
  if( *error ) return rc;
  if( rc!=SQLITE_OK ) return sync_local(s, rc, error);
  lock_take(s);
  rc = target_check(s, error);
  if( rc==SQLITE_OK ) rc = claim_inside(s, error);
  rc = end(s, rc, error);
  s->claimed = rc==SQLITE_OK;
  return rc;
}

/* What was staged is of no use: the same run, from the beginning. */
static int start_over(syncing *s, const char *why, char **error){
  ortto_reader_close(s->reader);
  s->reader = NULL;
  say(s, why);
  s->opening = "restarted";
  s->rows = s->page = s->next_offset = 0;
  s->total = -1;
  s->cursor[0] = s->newest[0] = s->last[0] = s->server_time[0] = 0;
  int rc = begin(s);
  if( rc!=SQLITE_OK ) return sync_local(s, rc, error);
  rc = sql_run(s, "DELETE FROM \"%w\".\"%w\"", s->schema, s->staging);
  if( rc==SQLITE_OK ) rc = state_write(s, "fetching", 0, NULL);
  return end(s, rc, error);
}

/* -- fetching -- */

static int sync_fields(syncing *s, char **error){
  int rc = ortto_endpoint_open(s->conn->client, &s->args.settings, ORTTO_API, &s->endpoint);
  if( rc==ORTTO_OK && s->kind<=ORTTO_ACCOUNTS ){
    rc = ortto_fields_list(s->endpoint, s->kind, s->args.fields, s->args.by_ids, &s->own_fields);
    s->fields = s->own_fields;
  }else s->fields = ortto_table_fields(s->kind);
  if( rc!=ORTTO_OK ) return sync_remote(s, rc, error);
  s->overflow = columns_fit(s->conn->db, s->kind, s->fields->count);
  s->columns = s->overflow + (s->overflow<s->fields->count);
  s->edited = -1;
  s->field = sqlite3_malloc64((sqlite3_uint64)s->fields->count * sizeof *s->field);
  if( s->field==NULL ) return SQLITE_NOMEM;
  for(int i=0; i<s->fields->count; i++){
    s->field[i] = &s->fields->field[i];
    if( s->kind<=ORTTO_ACCOUNTS && strcmp(s->field[i]->id, s->kind==ORTTO_PEOPLE ? "e" : "oe")==0 ) s->edited = i;
  }
  return SQLITE_OK;
}

static int sync_read(syncing *s){
  ortto_query q = { .table = s->kind, .fields = s->field, .field_count = s->fields->count };
  if( s->cursor[0] ) q.cursor_id = s->cursor;
  q.offset = s->next_offset;
  if( s->changes ){
    q.sort = s->field[s->edited];
    q.descending = q.one_by_one = 1;
  }
  return ortto_reader_open(s->endpoint, &q, &s->reader);
}

static int bind_value(sqlite3_stmt *stmt, int at, const ortto_value *v){
  switch( v->kind ){
    case ORTTO_VALUE_NULL: return sqlite3_bind_null(stmt, at);
    case ORTTO_VALUE_INTEGER: return sqlite3_bind_int64(stmt, at, v->integer);
    case ORTTO_VALUE_REAL: return sqlite3_bind_double(stmt, at, v->real);
    default: return sqlite3_bind_text64(stmt, at, v->text, v->length, SQLITE_STATIC, SQLITE_UTF8);
  }
}

static int row_stage(syncing *s, sqlite3_stmt *insert, const ortto_value *v){
  int rc = SQLITE_OK;
  for(int i=0; rc==SQLITE_OK && i<s->overflow; i++) rc = bind_value(insert, i+1, &v[i]);
  if( rc==SQLITE_OK && s->columns>s->overflow ){
    char *more = more_text(s->field, v, s->overflow, s->fields->count);
    rc = more ? sqlite3_bind_text(insert, s->columns, more, -1, sqlite3_free) : SQLITE_NOMEM;
  }
  if( rc!=SQLITE_OK ) return rc;
  sqlite3_step(insert);
  rc = sqlite3_reset(insert);
  if( rc==SQLITE_OK ) s->rows += sqlite3_changes(s->db);
  return rc;
}

enum { EDIT_GOOD, EDIT_OLD, EDIT_BAD };

/* Keeps the newest time of a change; in a run of changes, says whether this row is behind the mark, or out of order. */
static int edit_check(syncing *s, const ortto_value *v){
  if( s->edited<0 ) return EDIT_GOOD;
  v = &v[s->edited];
  int good = v->kind==ORTTO_VALUE_TEXT && v->length>=20 && v->length<sizeof s->last;
  if( !good ) return s->changes ? EDIT_BAD : EDIT_GOOD;
  if( s->newest[0]==0 || ortto_time_compare(v->text, v->length, s->newest, strlen(s->newest))>0 )
    snprintf(s->newest, sizeof s->newest, "%.*s", (int)v->length, v->text);
  if( !s->changes ) return EDIT_GOOD;
  if( s->last[0] && ortto_time_compare(v->text, v->length, s->last, strlen(s->last))>0 ) return EDIT_BAD;
  snprintf(s->last, sizeof s->last, "%.*s", (int)v->length, v->text);
  return ortto_time_compare(v->text, v->length, s->mark, strlen(s->mark))<0 ? EDIT_OLD : EDIT_GOOD;
}

static void progress_take(syncing *s, ortto_progress *p){
  ortto_reader_progress(s->reader, p);
  s->requests = s->requests_before + p->requests;
  s->retries = s->retries_before + p->retries;
  s->total = p->total;
  s->next_offset = p->next_offset;
  snprintf(s->cursor, sizeof s->cursor, "%s", p->cursor_id ? p->cursor_id : "");
  if( s->server_time[0]==0 ) snprintf(s->server_time, sizeof s->server_time, "%s", p->server_time);
  if( p->fell_back && strstr(s->message, p->fell_back)==NULL ){
    say(s, "read one page at a time: ");
    snprintf(s->message + strlen(s->message), sizeof s->message - strlen(s->message), "%s", p->fell_back);
  }
}

/* The page whose first row is there, into the staging table. No waiting in here: the page has arrived whole. */
static int page_stage(syncing *s, const ortto_value *v, int *verdict){
  ortto_progress p;
  sqlite3_stmt *insert = NULL;
  char *names = name_list(s, "", 0), *keys = name_list(s, "", 1);
  sqlite3_str *marks = sqlite3_str_new(NULL);
  for(int i=0; i<s->columns; i++) sqlite3_str_appendall(marks, i ? ",?" : "?");
  char *values = sqlite3_str_finish(marks);
  int rc = names && values && keys ? sql_prepare(s, &insert, "INSERT INTO \"%w\".\"%w\"(%s) VALUES(%s) ON CONFLICT(%s) DO NOTHING", s->schema, s->staging, names, values, keys) : SQLITE_NOMEM;
  sqlite3_free(keys);
  sqlite3_free(names);
  sqlite3_free(values);
  *verdict = EDIT_GOOD;
  while( rc==SQLITE_OK ){                        /* behind the mark the order is checked on, to the page's end */
    int row = edit_check(s, v);
    if( row!=EDIT_GOOD ) *verdict = row;
    if( row==EDIT_BAD ) break;
    if( *verdict==EDIT_GOOD ) rc = row_stage(s, insert, v);
    ortto_reader_progress(s->reader, &p);
    if( rc!=SQLITE_OK || p.page_ends ) break;
    if( ortto_reader_next(s->reader, &v)!=ORTTO_ROW ) rc = SQLITE_NOMEM;   /* rows of a page that is here can fail only so */
  }
  sqlite3_finalize(insert);
  if( rc==SQLITE_OK && *verdict!=EDIT_BAD ){
    progress_take(s, &p);
    s->page++;
    rc = state_write(s, "fetching", 0, NULL);
  }
  return rc;
}

static int fetched(syncing *s, char **error){
  int rc = begin(s);
  if( rc!=SQLITE_OK ) return sync_local(s, rc, error);
  rc = end(s, state_write(s, "fetched", 0, NULL), error);
  ortto_reader_close(s->reader);
  s->reader = NULL;
  s->phase = SYNC_MERGE;
  return rc;
}

static void sync_show(syncing *s);

/* The list as it was when the run began, or another? Without a snapshot a changed total tells. */
static int is_other_list(const syncing *s, sqlite3_int64 total_before){
  ortto_progress p;
  ortto_reader_progress(s->reader, &p);
  return total_before>=0 && p.total>=0 && p.total!=total_before;
}

/* One page, or the end of them. *landed: there is a row to show. */
static int fetch_step(syncing *s, int *landed, char **error){
  const ortto_value *v;
  int verdict, taken_up = 0;
  sqlite3_int64 total_before = s->total;
  if( s->reader==NULL ){
    taken_up = s->cursor[0]!=0;
    int rc = sync_read(s);
    if( rc!=ORTTO_OK ) return sync_remote(s, rc, error);
  }
  int got = ortto_reader_next(s->reader, &v);
  ortto_progress p;
  ortto_reader_progress(s->reader, &p);
  if( got==ORTTO_ERROR && p.cursor_lost ) return start_over(s, "the server does not know the cursor of the earlier run any more", error);
  if( got==ORTTO_DONE ) return fetched(s, error);
  if( got!=ORTTO_ROW ) return sync_remote(s, got, error);
  if( taken_up && is_other_list(s, total_before) ) return start_over(s, "the list has another length than when the earlier run began", error);
  int rc = begin(s);
  if( rc!=SQLITE_OK ) return sync_local(s, rc, error);
  rc = end(s, page_stage(s, v, &verdict), error);
  if( rc!=SQLITE_OK ) return rc;
  if( verdict==EDIT_BAD ){
    s->changes = 0;
    s->mark[0] = 0;
    return start_over(s, "the server's order by time of change could not be relied upon: everything is fetched", error);
  }
  *landed = 1;
  s->state = s->opening ? s->opening : "fetching";
  s->opening = NULL;
  return verdict==EDIT_OLD ? fetched(s, error) : SQLITE_OK;
}

/* -- merging -- */

/* A target that does not exist yet: the staging table becomes it, where it has exactly the columns. */
static int target_by_renaming(const syncing *s, int *renamed){
  sqlite3_int64 columns;
  *renamed = 0;
  int rc = sql_integer(s, &columns, "SELECT count(*) FROM pragma_table_info(%Q,%Q)", s->staging, s->schema);
  if( rc!=SQLITE_OK || columns!=s->columns ) return rc;
  for(int i=0; rc==SQLITE_OK && i<s->columns; i++){
    char *type;
    rc = local_type(s, s->staging, column_name(s, i), &type);
    int same = type && strcmp(type, column_type(s, i))==0;
    sqlite3_free(type);
    if( !same ) return rc;
  }
  rc = sql_run(s, "SAVEPOINT ortto_rename");
  if( rc!=SQLITE_OK ) return rc;
  *renamed = sql_run(s, "DROP TRIGGER IF EXISTS \"%w\".\"%w_touched\"", s->schema, s->staging)==SQLITE_OK && sql_run(s, "ALTER TABLE \"%w\".\"%w\" RENAME TO \"%w\"", s->schema, s->staging, s->target)==SQLITE_OK;
  if( !*renamed ) sql_run(s, "ROLLBACK TO ortto_rename");
  return sql_run(s, "RELEASE ortto_rename");
}

static int target_create(const syncing *s){
  sqlite3_str *ddl = sqlite3_str_new(NULL);
  char *keys = name_list(s, "", 1);
  for(int i=0; i<s->columns; i++)
    sqlite3_str_appendf(ddl, "\"%w\" %s%s, ", column_name(s, i), column_type(s, i), column_is_key(s, i) ? " NOT NULL" : "");
  char *columns = sqlite3_str_finish(ddl);
  int rc = columns && keys ? sql_run(s, "CREATE TABLE \"%w\".\"%w\"(%sPRIMARY KEY(%s))", s->schema, s->target, columns, keys) : SQLITE_NOMEM;
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
      rc = sql_run(s, "ALTER TABLE \"%w\".\"%w\" ADD COLUMN \"%w\" %s", s->schema, s->target, column_name(s, i), column_type(s, i));
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
  if( sql_integer(s, &children, "SELECT count(*) FROM \"%w\".sqlite_schema m, pragma_foreign_key_list(m.name,%Q) f WHERE m.type='table' AND f.\"table\"=%Q COLLATE NOCASE",
                  s->schema, s->schema, s->target)!=SQLITE_OK || children ) return NULL;
  sqlite3_str *set = sqlite3_str_new(NULL);
  for(int i=0; i<s->columns; i++) if( !column_is_key(s, i) ){
    sqlite3_int64 in;
    if( sql_integer(s, &in, "SELECT count(*) FROM pragma_index_list(%Q,%Q) l, pragma_index_info(l.name,%Q) c WHERE l.\"unique\" AND c.name=%Q COLLATE NOCASE",
                    s->target, s->schema, s->schema, column_name(s, i))==SQLITE_OK && in )
      sqlite3_str_appendf(set, "%s\"%w\"=NULL", sqlite3_str_length(set) ? "," : "", column_name(s, i));
  }
  return sqlite3_str_finish(set);
}

/* Rows that differ get the staged values. Two rows that exchange a value of a unique index of the user's cannot be changed
** one after the other: then all that change give those values up first. */
static int merge_update(syncing *s, const char *set, const char *from, char **error){
  static const char text[] = "UPDATE OR ABORT \"%w\".\"%w\" AS t SET %s %s";
  int rc = sql_run(s, "SAVEPOINT ortto_update");
  if( rc!=SQLITE_OK ) return rc;
  rc = sql_run(s, text, s->schema, s->target, set, from);
  s->updated = rc==SQLITE_OK ? sqlite3_changes(s->db) : 0;
  if( (rc & 0xff)!=SQLITE_CONSTRAINT ) return rc==SQLITE_OK ? sql_run(s, "RELEASE ortto_update") : rc;
  rc = sync_local(s, rc, error);                 /* these words hold if the other way fails too */
  char *unique = unique_text(s);
  if( unique==NULL || sql_run(s, "ROLLBACK TO ortto_update")!=SQLITE_OK ) return rc;
  int again = sql_run(s, text, s->schema, s->target, unique, from);
  s->updated = again==SQLITE_OK ? sqlite3_changes(s->db) : 0;
  if( again==SQLITE_OK ) again = sql_run(s, text, s->schema, s->target, set, from);
  sqlite3_free(unique);
  if( again!=SQLITE_OK ) return rc;
  sqlite3_free(*error);
  *error = NULL;
  return sql_run(s, "RELEASE ortto_update");
}

static int merge_rows(syncing *s, char **error){
  char *match = key_match(s), *names = name_list(s, "", 0), *staged = name_list(s, "s.", 0), *set = NULL, *differs = NULL, *from = NULL;
  int rc = match && names && staged ? update_text(s, &set, &differs) : SQLITE_NOMEM;
  if( rc==SQLITE_OK && !s->changes ){
    rc = sql_run(s, "DELETE FROM \"%w\".\"%w\" AS t WHERE NOT EXISTS (SELECT 1 FROM \"%w\".\"%w\" AS s WHERE %s)",
                 s->schema, s->target, s->schema, s->staging, match);
    if( rc==SQLITE_OK ) s->deleted = sqlite3_changes(s->db);
  }
  if( rc==SQLITE_OK && set && (from = sqlite3_mprintf("FROM \"%w\".\"%w\" AS s WHERE %s AND (%s)", s->schema, s->staging, match, differs))==NULL ) rc = SQLITE_NOMEM;
  if( rc==SQLITE_OK && set ) rc = merge_update(s, set, from, error);
  if( rc==SQLITE_OK )
    rc = sql_run(s, "INSERT OR ABORT INTO \"%w\".\"%w\"(%s) SELECT %s FROM \"%w\".\"%w\" AS s WHERE NOT EXISTS (SELECT 1 FROM \"%w\".\"%w\" AS t WHERE %s)",
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
static void mark_set(syncing *s){
  const char *newest = s->newest;
  if( s->mark[0] && ortto_time_compare(s->mark, strlen(s->mark), newest, strlen(newest))>0 ) newest = s->mark;
  if( s->server_time[0] && newest[0] && ortto_time_compare(newest, strlen(newest), s->server_time, strlen(s->server_time))>0 ) newest = s->server_time;
  if( newest!=s->mark ) snprintf(s->mark, sizeof s->mark, "%s", newest);
}

static int merge_inside(syncing *s, char **error){
  sqlite3_int64 exists;
  int renamed = 0;
  sqlite3_int64 staged;
  int rc = state_write(s, "fetched", 0, NULL);   /* fails if the run is not ours any more */
  if( rc==SQLITE_OK ) rc = target_check(s, error);
  if( rc==SQLITE_OK ) rc = table_exists(s, s->target, &exists);
  if( rc==SQLITE_OK ) rc = sql_integer(s, &staged, "SELECT count(*) FROM \"%w\".\"%w\"", s->schema, s->staging);
  if( rc==SQLITE_OK && staged!=s->rows ) rc = sync_error(error, "ortto: syncing %s into %s: what was fetched was touched by somebody. Call ortto_sync again: it starts over", s->source, s->target);
  s->inserted = s->updated = s->deleted = 0;
  if( rc==SQLITE_OK && !exists ) rc = target_by_renaming(s, &renamed);
  if( rc==SQLITE_OK && !exists && !renamed ) rc = target_create(s);
  if( rc==SQLITE_OK && renamed ) s->inserted = s->rows;
  else{
    if( rc==SQLITE_OK ) rc = target_widen(s);
    if( rc==SQLITE_OK ) rc = merge_rows(s, error);
    if( rc==SQLITE_OK ) rc = sql_run(s, "DELETE FROM \"%w\".\"%w\"", s->schema, s->staging);
  }
  s->unchanged = s->rows - s->inserted - s->updated;
  mark_set(s);
  return rc==SQLITE_OK ? state_write(s, "done", 1, NULL) : rc;
}

static int merge_step(syncing *s, char **error){
  char mark[sizeof s->mark];
  memcpy(mark, s->mark, sizeof mark);
  int rc = begin(s);
  if( rc!=SQLITE_OK ) return sync_local(s, rc, error);
  rc = end(s, merge_inside(s, error), error);
  if( rc!=SQLITE_OK ){
    s->inserted = s->updated = s->deleted = s->unchanged = 0;
    memcpy(s->mark, mark, sizeof mark);
    return rc;
  }
  s->state = "done";
  s->phase = SYNC_DONE;
  s->claimed = 0;
  return SQLITE_OK;
}

/* -- one source -- */

/* A run that ends here is put on record as far as that is possible, and given free. */
static void sync_release(syncing *s, const char *state, const char *error){
  if( !s->claimed ) return;
  /* An interrupted connection runs no SQL until its statements are over: another one does. */
  if( !s->nested && conn_interrupted(s->conn) && side_open(s)==SQLITE_OK ) sqlite3_busy_timeout(s->side, 2000);
  int rc = s->side ? sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) : begin(s);
  if( rc==SQLITE_OK ){
    rc = state_write(s, state, 1, error);
    if( rc==SQLITE_OK ) rc = s->side ? sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL) : commit(s);
    if( rc!=SQLITE_OK ) undo(s);
  }
  s->claimed = 0;
}

/* Goes on to the next row to be shown: a page that landed, or the end. */
static int sync_step(syncing *s, char **error){
  int rc = SQLITE_OK, landed = 0;
  if( s->phase==SYNC_BEGIN ){
    rc = sync_fields(s, error);
    if( rc==SQLITE_OK ) rc = claim(s, error);
    if( rc==SQLITE_OK && s->phase==SYNC_MERGE && s->opening ){   /* all is fetched: a row that says so */
      s->state = s->opening;
      s->opening = NULL;
      return SQLITE_OK;
    }
  }
  while( rc==SQLITE_OK && s->phase==SYNC_FETCH && !landed ) rc = fetch_step(s, &landed, error);
  if( rc==SQLITE_OK && !landed && s->phase==SYNC_MERGE ) rc = merge_step(s, error);
  if( rc!=SQLITE_OK ){
    int merging = s->phase==SYNC_MERGE;
    s->phase = SYNC_FAILED;
    ortto_reader_close(s->reader);
    s->reader = NULL;
    sync_release(s, merging ? "fetched" : rc==SQLITE_INTERRUPT ? "interrupted" : "failed", *error);
    lock_drop(s);
  }
  sync_show(s);
  return rc;
}

/* The line on a terminal, if one is wanted. */
static void sync_show(syncing *s){
  long wanted;
  if( ortto_config_number(s->conn->client, NULL, ORTTO_PROGRESS, &wanted)!=ORTTO_OK || !wanted || !isatty(2) ) return;
  double seconds = (double)(elapsed(s)+1) / 1000, rate = (double)s->rows / seconds;
  char left[40] = "";
  int percent = s->total>0 ? (int)(100*s->rows/s->total) : 0;
  if( s->total>s->rows && rate>0 ) snprintf(left, sizeof left, ", %.0f s left", (double)(s->total - s->rows)/rate);
  fprintf(stderr, "\r%s: %d %%, %lld rows, %.0f rows/s%s   ", s->source, s->phase==SYNC_DONE ? 100 : percent, (long long)s->rows, rate, left);
  if( s->phase>=SYNC_DONE ) fprintf(stderr, "\n");
  fflush(stderr);
}

static void sync_free(syncing *s){
  if( s==NULL ) return;
  ortto_reader_close(s->reader);
  s->reader = NULL;
  sync_release(s, "interrupted", NULL);
  lock_drop(s);
  for(syncing **at=&s->conn->syncs; *at; at=&(*at)->next) if( *at==s ){ *at = s->next; break; }
  sqlite3_close(s->side);
  ortto_endpoint_close(s->endpoint);
  ortto_fields_free(s->own_fields);
  arguments_free(&s->args);
  sqlite3_free(s->field);
  sqlite3_free(s->source);
  sqlite3_free(s->schema);
  sqlite3_free(s->target);
  sqlite3_free(s->staging);
  conn_release(s->conn);
  sqlite3_free(s);
}

static int arguments_copy(arguments *to, const arguments *from){
  *to = *from;
  to->fields = from->fields ? sqlite3_mprintf("%s", from->fields) : NULL;
  int ok = from->fields==NULL || to->fields!=NULL;
  for(int i=0; i<ORTTO_SETTINGS; i++){
    to->settings.value[i] = from->settings.value[i] ? strdup(from->settings.value[i]) : NULL;
    if( from->settings.value[i] && to->settings.value[i]==NULL ) ok = 0;
  }
  return ok;
}

static table *table_connected(const conn *c, const char *name);

/* The table behind the source's name: one that exists without a CREATE (*created is NULL), or a created one. */
static int source_find(const conn *c, const char *source, ortto_table *kind, const table **created, char **error){
  int own = sqlite3_strnicmp(source, "ortto_", 6)==0 ? table_find(source) : -1;
  *created = own<0 ? table_connected(c, source) : NULL;
  if( own<0 && *created==NULL ){
    char *tables = table_list();
    return sync_error(error, "ortto: there is no table '%.60s' to sync from; the sources are ortto_ and one of %z, or a table made by CREATE VIRTUAL TABLE ... USING ortto",
                      source, tables);
  }
  if( own<0 && (*created)->refused ) return sync_error(error, "%s", (*created)->broken);
  *kind = own<0 ? (*created)->kind : (ortto_table)own;
  if( *kind!=ORTTO_ACTIVITIES ) return SQLITE_OK;
  return sync_error(error, "ortto: activities cannot be synced: the feed can only be read person by person. Use INSERT ... SELECT with person_id IN (...)");
}

static int sync_new(conn *c, const char *source, const char *target, int changes, syncing **out, char **error){
  syncing *s = sqlite3_malloc(sizeof *s);
  if( s==NULL ) return SQLITE_NOMEM;
  memset(s, 0, sizeof *s);
  s->conn = c;
  c->references++;
  s->next = c->syncs;
  c->syncs = s;
  s->db = c->db;
  s->lock = -1;
  s->nested = !sqlite3_get_autocommit(c->db);
  s->changes = changes;
  s->total = -1;
  s->started = now_ms();
  s->source = sqlite3_mprintf("%s", source);
  const table *created = NULL;
  int rc = s->source ? source_find(c, s->source, &s->kind, &created, error) : SQLITE_NOMEM;
  if( rc==SQLITE_OK && created && !arguments_copy(&s->args, &created->args) ) rc = SQLITE_NOMEM;
  if( rc==SQLITE_OK ){
    rc = target_parse(s, target);
    if( rc!=SQLITE_OK && rc!=SQLITE_NOMEM ) rc = sync_local(s, rc, error);
  }
  if( rc!=SQLITE_OK ) sync_free(s);
  else *out = s;
  return rc;
}

/* -- one call: one source, a list, or all -- */

typedef struct sync_job {
  char *source, *target;
} sync_job;

typedef struct sync_call {
  conn *conn;
  sync_job *job;
  int jobs, at, changes, list, reading;
  syncing *sync;                   /* of job[at] */
} sync_call;

static void call_free(sync_call *call){
  sync_free(call->sync);
  for(int i=0; i<call->jobs; i++){
    sqlite3_free(call->job[i].source);
    sqlite3_free(call->job[i].target);
  }
  sqlite3_free(call->job);
  memset(call, 0, sizeof *call);
}

static int job_add(sync_call *call, const char *source, size_t n, const char *prefix){
  sync_job *grown = sqlite3_realloc64(call->job, ((sqlite3_uint64)call->jobs + 1) * sizeof *grown);
  if( grown==NULL ) return SQLITE_NOMEM;
  call->job = grown;
  sync_job *job = &grown[call->jobs];
  const char *bare = source;
  for(const char *p=source; p<source+n; p++) if( *p=='.' ) bare = p+1;   /* behind a schema */
  if( call->list && sqlite3_strnicmp(bare, "ortto_", 6)==0 ) bare += 6;
  job->source = sqlite3_mprintf("%.*s", (int)n, source);
  job->target = call->list ? sqlite3_mprintf("%s%.*s", prefix, (int)(source+n-bare), bare) : sqlite3_mprintf("%s", prefix);
  if( job->source==NULL || job->target==NULL ){
    sqlite3_free(job->source);
    sqlite3_free(job->target);
    return SQLITE_NOMEM;
  }
  call->jobs++;
  return SQLITE_OK;
}

static int jobs_read(sync_call *call, const char *sources, const char *target, char **error){
  int rc = SQLITE_OK;
  size_t length = strlen(target);
  call->list = strcmp(sources, "*")==0 || strchr(sources, ',')!=NULL;
  if( !call->list && length && target[length-1]=='_' )
    return sync_error(error, "ortto: '%s' looks like a prefix, which belongs to '*' or a list of sources; for a single source give the local table's whole name", target);
  if( strcmp(sources, "*")==0 ){
    for(int i=0; rc==SQLITE_OK && i<ORTTO_TABLES; i++) if( i!=ORTTO_ACTIVITIES ){
      char name[64];
      sqlite3_snprintf(sizeof name, name, "ortto_%s", ortto_table_name((ortto_table)i));
      rc = job_add(call, name, strlen(name), target);
    }
    return rc;
  }
  for(const char *p=sources; rc==SQLITE_OK; ){
    while( is_blank(*p) ) p++;
    size_t n = strcspn(p, ","), used = n;
    while( n && is_blank(p[n-1]) ) n--;
    if( n ) rc = job_add(call, p, n, target);
    if( p[used]==0 ) break;
    p += used + 1;
  }
  if( rc==SQLITE_OK && call->jobs==0 ) rc = sync_error(error, "ortto: ortto_sync needs a source, such as 'ortto_people', a list, or '*'");
  return rc;
}

/* A commit inside a statement that writes is impossible. */
static int refuse_in_write(const conn *c, char **error){
  return statement_writes(c) ? sync_error(error, "ortto: ortto_sync cannot run inside a statement that writes; call it in a SELECT of its own") : SQLITE_OK;
}

static int text_argument(sqlite3_value *v, const char *what, const char **text, char **error){
  *text = (const char *)sqlite3_value_text(v);
  if( *text && strlen(*text)==(size_t)sqlite3_value_bytes(v) ) return SQLITE_OK;
  return sync_error(error, "ortto: ortto_sync needs %s as text", what);
}

static int call_begin(sync_call *call, conn *c, sqlite3_value *sources, sqlite3_value *target, sqlite3_value *mode, char **error){
  const char *from, *into, *how = "full";
  memset(call, 0, sizeof *call);
  call->conn = c;
  long progress;
  int rc = refuse_in_write(c, error);
  if( rc==SQLITE_OK ) rc = to_sqlite(c, ortto_config_number(c->client, NULL, ORTTO_PROGRESS, &progress), error);   /* a bad one is told */
  if( rc==SQLITE_OK ) rc = text_argument(sources, "a source", &from, error);
  if( rc==SQLITE_OK ) rc = text_argument(target, "the local table's name, or a prefix,", &into, error);
  if( rc==SQLITE_OK && mode && sqlite3_value_type(mode)!=SQLITE_NULL ) rc = text_argument(mode, "its mode", &how, error);
  if( rc!=SQLITE_OK ) return rc;
  call->changes = sqlite3_stricmp(how, "changes")==0;
  if( !call->changes && sqlite3_stricmp(how, "full")!=0 )
    return sync_error(error, "ortto: the mode of ortto_sync cannot be '%.20s'; it takes 'changes', or nothing for a full refresh", how);
  rc = jobs_read(call, from, into, error);
  for(int i=0; rc==SQLITE_OK && i<call->jobs; i++){   /* a list with a mistake in it is refused before its first part is done */
    ortto_table kind;
    const table *created;
    rc = source_find(c, call->job[i].source, &kind, &created, error);
  }
  return rc;
}

/* On to the next row. *more is 0 when all sources are done. */
static int call_step(sync_call *call, int *more, char **error){
  int rc = SQLITE_OK;
  if( call->sync && call->sync->phase==SYNC_DONE ){
    sync_free(call->sync);
    call->sync = NULL;
    call->at++;
  }
  *more = call->at<call->jobs;
  if( !*more ) return SQLITE_OK;
  if( call->sync==NULL ) rc = sync_new(call->conn, call->job[call->at].source, call->job[call->at].target, call->changes, &call->sync, error);
  if( rc==SQLITE_OK ) call->sync->reading = call->reading;
  return rc==SQLITE_OK ? sync_step(call->sync, error) : rc;
}

/* -- what is shown -- */

enum { SHOW_SOURCE, SHOW_TARGET, SHOW_STATE, SHOW_PAGE, SHOW_ROWS, SHOW_TOTAL, SHOW_INSERTED, SHOW_UPDATED, SHOW_DELETED,
       SHOW_UNCHANGED, SHOW_REQUESTS, SHOW_RETRIES, SHOW_ELAPSED, SHOW_MESSAGE, SHOW_COLUMNS };

static const char *const show_names[SHOW_COLUMNS] = { "source", "target", "state", "page", "rows", "total", "inserted", "updated", "deleted",
                                                      "unchanged", "requests", "retries", "elapsed_ms", "message" };

/* The text of a column, or NULL and the number; *null where there is neither. */
static const char *show(const sync_call *call, int column, sqlite3_int64 *number, int *null){
  const syncing *s = call->sync;
  *null = 0;
  *number = 0;
  switch( column ){
    case SHOW_SOURCE: return s->source;
    case SHOW_TARGET: return call->job[call->at].target;
    case SHOW_STATE: return s->state;
    case SHOW_PAGE: *number = s->page; break;
    case SHOW_ROWS: *number = s->rows; break;
    case SHOW_TOTAL: *number = s->total; *null = s->total<0; break;
    case SHOW_INSERTED: *number = s->inserted; break;
    case SHOW_UPDATED: *number = s->updated; break;
    case SHOW_DELETED: *number = s->deleted; break;
    case SHOW_UNCHANGED: *number = s->unchanged; break;
    case SHOW_REQUESTS: *number = s->requests; break;
    case SHOW_RETRIES: *number = s->retries; break;
    case SHOW_ELAPSED: *number = elapsed(s); break;
    default: *null = s->message[0]==0; return *null ? NULL : s->message;
  }
  return NULL;
}

static void show_json(const sync_call *call, sqlite3_str *out){
  for(int i=0; i<SHOW_COLUMNS; i++){
    sqlite3_int64 number;
    int null;
    const char *text = show(call, i, &number, &null);
    sqlite3_str_appendf(out, "%s\"%s\":", i ? "," : "{", show_names[i]);
    if( text ) json_string(out, text, strlen(text));
    else if( null ) sqlite3_str_appendall(out, "null");
    else sqlite3_str_appendf(out, "%lld", number);
  }
  sqlite3_str_appendall(out, "}");
}

static void result_code(sqlite3_context *ctx, int rc, char *message){
  if( rc==SQLITE_NOMEM ) sqlite3_result_error_nomem(ctx);
  else{
    if( message ) sqlite3_result_error(ctx, message, -1);
    sqlite3_result_error_code(ctx, rc);
  }
  sqlite3_free(message);
}

/* The everyday form: the `done` row of each source, as JSON. */
static void fn_sync(sqlite3_context *ctx, int argc, sqlite3_value **argv){
  conn *c = ((registration *)sqlite3_user_data(ctx))->conn;
  sync_call call;
  char *error = NULL;
  int more = 1;
  sqlite3_str *out = sqlite3_str_new(NULL);
  int rc = call_begin(&call, c, argv[0], argv[1], argc>2 ? argv[2] : NULL, &error);
  while( rc==SQLITE_OK && more ){
    rc = call_step(&call, &more, &error);
    if( rc!=SQLITE_OK || !more || call.sync->phase!=SYNC_DONE ) continue;
    sqlite3_str_appendall(out, call.at ? "," : call.list ? "[" : "");
    show_json(&call, out);
  }
  if( rc==SQLITE_OK && call.list ) sqlite3_str_appendall(out, "]");
  call_free(&call);
  char *text = sqlite3_str_finish(out);
  if( rc==SQLITE_OK && text ){
    sqlite3_result_text(ctx, text, -1, sqlite3_free);
    sqlite3_result_subtype(ctx, 'J');
    return;
  }
  sqlite3_free(text);
  result_code(ctx, rc==SQLITE_OK ? SQLITE_NOMEM : rc, error);
}

/* -- the table-valued form -- */

typedef struct sync_cursor {
  sqlite3_vtab_cursor base;
  sync_call call;
  sqlite3_value *argument[3];
  sqlite3_int64 row;
  int eof;
} sync_cursor;

static int sync_connect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out, char **error){
  (void)argc; (void)argv; (void)error;
  return fixed_connect(db, aux, out, "CREATE TABLE x(source TEXT, target TEXT, state TEXT, page INTEGER, rows INTEGER, total INTEGER, inserted INTEGER, "
    "updated INTEGER, deleted INTEGER, unchanged INTEGER, requests INTEGER, retries INTEGER, elapsed_ms INTEGER, message TEXT, "
    "\"from\" HIDDEN, \"into\" HIDDEN, mode HIDDEN)");
}

static int sync_best_index(sqlite3_vtab *base, sqlite3_index_info *info){
  int at[3] = { -1, -1, -1 }, args = 0;
  (void)base;
  for(int i=0; i<info->nConstraint; i++){
    const struct sqlite3_index_constraint *c = &info->aConstraint[i];
    int which = c->iColumn - SHOW_COLUMNS;
    if( is_limit(c->op) || c->op!=SQLITE_INDEX_CONSTRAINT_EQ || which<0 || which>2 ) continue;
    if( !c->usable ) return SQLITE_CONSTRAINT;
    if( at[which]<0 ) at[which] = i;
  }
  for(int k=0; k<3; k++) if( at[k]>=0 ){
    info->aConstraintUsage[at[k]].argvIndex = ++args;
    info->aConstraintUsage[at[k]].omit = 1;
    info->idxNum |= 1<<k;
  }
  info->estimatedCost = 1e6;
  info->estimatedRows = 100;
  return SQLITE_OK;
}

static int sync_open(sqlite3_vtab *base, sqlite3_vtab_cursor **out){
  (void)base;
  sync_cursor *cur = sqlite3_malloc(sizeof *cur);
  if( cur==NULL ) return SQLITE_NOMEM;
  memset(cur, 0, sizeof *cur);
  cur->eof = 1;
  *out = &cur->base;
  return SQLITE_OK;
}

static void sync_cursor_reset(sync_cursor *cur){
  call_free(&cur->call);
  for(int i=0; i<3; i++){
    sqlite3_value_free(cur->argument[i]);
    cur->argument[i] = NULL;
  }
  cur->eof = 1;
}

static int sync_close(sqlite3_vtab_cursor *base){
  sync_cursor_reset((sync_cursor *)base);
  sqlite3_free(base);
  return SQLITE_OK;
}

static int sync_next(sqlite3_vtab_cursor *base){
  sync_cursor *cur = (sync_cursor *)base;
  char *error = NULL;
  int more;
  int rc = call_step(&cur->call, &more, &error);
  cur->eof = rc!=SQLITE_OK || !more;
  cur->row++;
  if( error ){
    sqlite3_free(base->pVtab->zErrMsg);
    base->pVtab->zErrMsg = error;
  }
  return rc;
}

static int sync_filter(sqlite3_vtab_cursor *base, int given, const char *plan, int argc, sqlite3_value **argv){
  sync_cursor *cur = (sync_cursor *)base;
  const fixed_table *t = (const fixed_table *)base->pVtab;
  (void)plan; (void)argc;
  sync_cursor_reset(cur);
  for(int k=0, arg=0; k<3; k++) if( given & 1<<k ) if( (cur->argument[k] = sqlite3_value_dup(argv[arg++]))==NULL ) return SQLITE_NOMEM;
  char *error = NULL;
  int rc;
  if( (given & 3)!=3 ) rc = sync_error(&error, "ortto: ortto_sync needs a source and a local table: SELECT * FROM ortto_sync('ortto_people', 'people')");
  else rc = call_begin(&cur->call, t->conn, cur->argument[0], cur->argument[1], cur->argument[2], &error);
  cur->row = 0;
  cur->call.reading = 1;
  if( rc==SQLITE_OK ) return sync_next(base);
  sqlite3_free(base->pVtab->zErrMsg);
  base->pVtab->zErrMsg = error;
  return rc;
}

static int sync_eof(sqlite3_vtab_cursor *base){
  return ((sync_cursor *)base)->eof;
}

static int sync_column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int column){
  const sync_cursor *cur = (const sync_cursor *)base;
  if( column>=SHOW_COLUMNS ){
    if( cur->argument[column-SHOW_COLUMNS] ) sqlite3_result_value(ctx, cur->argument[column-SHOW_COLUMNS]);
    return SQLITE_OK;
  }
  sqlite3_int64 number;
  int null;
  const char *text = show(&cur->call, column, &number, &null);
  if( text ) sqlite3_result_text(ctx, text, -1, SQLITE_TRANSIENT);
  else if( !null ) sqlite3_result_int64(ctx, number);
  return SQLITE_OK;
}

static int sync_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *rowid){
  *rowid = ((sync_cursor *)base)->row;
  return SQLITE_OK;
}

/* ==== 8. Transactions =========================================================================================

** INSERT, UPDATE and DELETE on people and accounts are held back until COMMIT. xUpdate checks a row, so that what cannot
** be right fails at its statement, and puts it on a list as a record of the writing functions. xSync, which SQLite calls
** before anything local is committed, sends the list: if a record fails, so does the COMMIT, and the local transaction is
** rolled back. What Ortto did not take stands in ortto_failures.
**
** Both lists are kept in a private SQLite database without a name: it stays in memory while it is small, goes to a
** temporary file when it grows, and is gone with the connection.
*/

#define SEND_AT_ONCE 4000          /* records that are sent side by side: bounds the memory of a COMMIT */

/* The private database, opened when first needed. */
static int private_open(conn *c){
  if( c->private ) return SQLITE_OK;
  int rc = sqlite3_open_v2("", &c->private, SQLITE_OPEN_READWRITE|SQLITE_OPEN_CREATE, NULL);
  if( rc==SQLITE_OK ) rc = sqlite3_exec(c->private,
    "PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF; PRAGMA cache_size=-4000;"
    "CREATE TABLE held(place INTEGER PRIMARY KEY, owner INTEGER, kind TEXT, id TEXT, email TEXT, record TEXT);"
    "CREATE TABLE failures(number INTEGER PRIMARY KEY, at TEXT, table_name TEXT, operation TEXT, id TEXT, email TEXT, status INTEGER, message TEXT, sent TEXT);"
    "CREATE TABLE tags(id TEXT PRIMARY KEY, names TEXT);", NULL, NULL, NULL);
  if( rc!=SQLITE_OK ){
    sqlite3_close(c->private);
    c->private = NULL;
  }
  return rc;
}

static void private_close(conn *c){
  sqlite3_finalize(c->hold);
  sqlite3_finalize(c->failed);
  sqlite3_close(c->private);
}

static int private_run(conn *c, const char *format, ...){
  va_list args;
  va_start(args, format);
  char *sql = sqlite3_vmprintf(format, args);
  va_end(args);
  int rc = sql ? sqlite3_exec(c->private, sql, NULL, NULL, NULL) : SQLITE_NOMEM;
  sqlite3_free(sql);
  return rc;
}

static int private_number(const conn *c, sqlite3_int64 *number, const char *format, ...){
  va_list args;
  sqlite3_stmt *stmt = NULL;
  *number = 0;
  if( c->private==NULL ) return SQLITE_OK;
  va_start(args, format);
  char *sql = sqlite3_vmprintf(format, args);
  va_end(args);
  int rc = sql ? sqlite3_prepare_v2(c->private, sql, -1, &stmt, NULL) : SQLITE_NOMEM;
  sqlite3_free(sql);
  if( rc!=SQLITE_OK ) return rc;
  rc = sqlite3_step(stmt);
  if( rc==SQLITE_ROW ) *number = sqlite3_column_int64(stmt, 0);
  int finished = sqlite3_finalize(stmt);
  return rc==SQLITE_ROW ? SQLITE_OK : finished ? finished : SQLITE_CORRUPT;
}

/* kind: I insert, U update, T update that sets tags, D delete. */
static int hold(table *t, char kind, const char *id, const char *email, const char *record){
  conn *c = t->conn;
  char text[2] = { kind, 0 };
  int rc = private_open(c);
  if( rc==SQLITE_OK && c->hold==NULL )
    rc = sqlite3_prepare_v3(c->private, "INSERT INTO held(owner,kind,id,email,record,place) VALUES(?,?,?,?,?,?)", -1, SQLITE_PREPARE_PERSISTENT, &c->hold, NULL);
  if( (rc & 0xff)==SQLITE_NOMEM ) return SQLITE_NOMEM;
  if( rc!=SQLITE_OK ) return vt_error(t, "ortto: cannot hold the row back until COMMIT: %s", c->private ? sqlite3_errmsg(c->private) : "no temporary database");
  if( !c->holding ) sqlite3_exec(c->private, "BEGIN", NULL, NULL, NULL);
  c->holding = 1;
  sqlite3_bind_int64(c->hold, 1, (sqlite3_int64)(intptr_t)t);
  sqlite3_bind_text(c->hold, 2, text, 1, SQLITE_STATIC);
  sqlite3_bind_text(c->hold, 3, id, -1, SQLITE_STATIC);
  sqlite3_bind_text(c->hold, 4, email, -1, SQLITE_STATIC);
  sqlite3_bind_text(c->hold, 5, record, -1, SQLITE_STATIC);
  sqlite3_bind_int64(c->hold, 6, ++c->place);
  sqlite3_step(c->hold);
  rc = sqlite3_reset(c->hold);
  sqlite3_clear_bindings(c->hold);
  if( (rc & 0xff)==SQLITE_NOMEM ) return SQLITE_NOMEM;
  if( rc!=SQLITE_OK ) return vt_error(t, "ortto: cannot hold the row back until COMMIT: %s", sqlite3_errmsg(c->private));
  c->deletes += kind=='D';
  return SQLITE_OK;
}

/* -- from values to a record -- */

/* A number as JSON, with no more digits than it takes to mean the same double. */
static void json_real(sqlite3_str *s, double r){
  char text[40];
  for(int digits=15; digits<=17; digits++){
    sqlite3_snprintf(sizeof text, text, "%!.*g", digits, r);
    if( strtod(text, NULL)==r ) break;
  }
  sqlite3_str_appendall(s, text);
}

/* A value as JSON. 0: a BLOB, or infinite, which nothing in Ortto can hold. */
static int json_value(sqlite3_str *s, const ortto_field *f, sqlite3_value *v){
  const char *text = NULL;
  double r;
  switch( sqlite3_value_type(v) ){
    case SQLITE_NULL: sqlite3_str_appendall(s, "null"); return 1;
    case SQLITE_INTEGER: sqlite3_str_appendf(s, "%lld", sqlite3_value_int64(v)); return 1;
    case SQLITE_FLOAT:
      r = sqlite3_value_double(v);
      if( !isfinite(r) ) return 0;
      json_real(s, r);
      return 1;
    case SQLITE_TEXT: text = (const char *)sqlite3_value_text(v); break;
    default: return 0;
  }
  size_t n = (size_t)sqlite3_value_bytes(v);
  if( text==NULL ) return 0;
  /* The shapes that reading gives for values it could not make simpler are written back as they are. */
  if( f->type!=ORTTO_TEXT && text[0]=='{' && ortto_json_is_object(text, n) ) sqlite3_str_append(s, text, (int)n);
  else json_string(s, text, n);
  return 1;
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
  if( at<0 ) return refuse_row(t, "ortto: the column %s cannot be written; it %s", column>t->columns-2 && column>t->steering ? "more_fields" : ortto_steering_column(t->kind, column-1),
                               column>t->steering ? "shows fields that found no column" : "steers a SELECT");
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
  if( rc==SQLITE_OK ) rc = text ? hold(t, 'I', id, t->kind==ORTTO_PEOPLE ? email : NULL, text) : SQLITE_NOMEM;
  sqlite3_free(text);
  return rc;
}

/* Only what the statement sets. */
static int row_update(table *t, const char *id, sqlite3_value **argv){
  int rc = SQLITE_OK, any = 1, set = 0;
  char *tags = NULL;
  sqlite3_str *record = sqlite3_str_new(NULL);
  sqlite3_str_appendf(record, "{\"fields\":{\"id\":\"%.24s\"", id);
  for(int i=1; i<=t->steering; i++) if( !sqlite3_value_nochange(argv[i]) ) rc =
    vt_error(t, "ortto: UPDATE ... FROM is not possible here, since SQLite does not say which columns change (and hidden columns cannot be set). "
             "Write: UPDATE %s SET city = (SELECT ... ) WHERE id IN (SELECT ...)", t->name);
  for(int i=1+t->steering; rc==SQLITE_OK && i<t->columns; i++){
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
  if( rc==SQLITE_OK && set ) rc = text ? hold(t, tags ? 'T' : 'U', id, NULL, text) : SQLITE_NOMEM;
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
  rc = record ? hold(t, 'D', id, NULL, record) : SQLITE_NOMEM;
  sqlite3_free(record);
  return rc;
}

/* Which statement this is: DELETE has one argument, INSERT no old key. */
static int vt_update(sqlite3_vtab *base, int argc, sqlite3_value **argv, sqlite3_int64 *rowid){
  table *t = (table *)base;
  *rowid = 0;
  if( t->broken ) return vt_error(t, "%s", t->broken);
  if( !is_contacts(t) ) return vt_error(t, "ortto: %s is read-only; people and accounts can be written", t->name);
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

/* -- savepoints -- */

static int vt_begin(sqlite3_vtab *base){
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

/* What was held back after that place is no longer. If that cannot be done, the list is not to be trusted: no COMMIT may
** send from it. */
static void held_drop(table *t, sqlite3_int64 after){
  conn *c = t->conn;
  sqlite3_int64 left = 0;
  if( c->private==NULL ) return;
  int rc = private_run(c, "DELETE FROM held WHERE place>%lld AND owner=%lld", after, (sqlite3_int64)(intptr_t)t);
  if( rc==SQLITE_OK && c->deletes ) rc = private_number(c, &c->deletes, "SELECT count(*) FROM held WHERE kind='D'");
  if( rc==SQLITE_OK && c->holding ) rc = private_number(c, &left, "SELECT count(*) FROM (SELECT 1 FROM held LIMIT 1)");
  if( rc!=SQLITE_OK ) c->damaged = 1;
  else if( c->holding && left==0 ){
    sqlite3_exec(c->private, "COMMIT", NULL, NULL, NULL);
    c->holding = c->damaged = 0;
  }
}

static int held_any(const table *t, sqlite3_int64 *any){
  return private_number(t->conn, any, "SELECT count(*) FROM (SELECT 1 FROM held WHERE owner=%lld LIMIT 1)", (sqlite3_int64)(intptr_t)t);
}

/* DROP TABLE. Rows that wait for COMMIT must not vanish with the table. (SQLite takes no message from here.) */
static int vt_destroy(sqlite3_vtab *base){
  table *t = (table *)base;
  sqlite3_int64 any;
  int rc = held_any(t, &any);
  if( rc==SQLITE_OK && any ) rc = SQLITE_LOCKED;
  if( rc==SQLITE_OK ) table_free(t);
  return rc;
}

static int vt_savepoint(sqlite3_vtab *base, int number){
  table *t = (table *)base;
  writes *w = t->writes;
  if( w==NULL || !w->open ) return SQLITE_OK;
  while( w->count && w->marks[w->count-1].number>=number ) w->count--;
  if( w->count==w->cap ){
    int cap = w->cap ? w->cap*2 : 8;
    mark *grown = sqlite3_realloc64(w->marks, (sqlite3_uint64)cap * sizeof *grown);
    if( grown==NULL ) return SQLITE_NOMEM;
    w->marks = grown;
    w->cap = cap;
  }
  w->marks[w->count++] = (mark){ number, t->conn->place };
  return SQLITE_OK;
}

static int vt_release(sqlite3_vtab *base, int number){
  writes *w = ((table *)base)->writes;
  while( w && w->count && w->marks[w->count-1].number>=number ) w->count--;
  return SQLITE_OK;
}

/* A savepoint that was never announced is older than this table's first write: then nothing of it stays. -1 is the one
** that opened the transaction. */
static int vt_rollback_to(sqlite3_vtab *base, int number){
  table *t = (table *)base;
  writes *w = t->writes;
  sqlite3_int64 place = 0;
  if( w==NULL || !w->open ) return SQLITE_OK;
  while( w->count && w->marks[w->count-1].number>number ) w->count--;
  if( w->count && w->marks[w->count-1].number==number ) place = w->marks[w->count-1].place;
  held_drop(t, place);
  return SQLITE_OK;
}

static int vt_end(sqlite3_vtab *base){
  table *t = (table *)base;
  held_drop(t, 0);
  if( t->writes ) t->writes->open = t->writes->count = 0;
  return SQLITE_OK;
}

/* -- sending at COMMIT -- */

typedef struct delivery {
  table *t;
  ortto_endpoint *endpoint;
  ortto_options *options;
  sqlite3_stmt *rows;              /* held, in order */
  sqlite3_str *records;            /* JSON list of those gathered */
  sqlite3_int64 first;             /* place of the first gathered; 0 none */
  sqlite3_int64 settled;           /* place of the last that has an outcome */
  int gathered;
  char class;                      /* of those gathered: W written, D archived */
  int stopped, interrupted;
  sqlite3_int64 taken, failed;
  char *reason;                    /* of the first failure */
} delivery;

static const char *operation_name(const char *kind){
  return kind==NULL ? NULL : kind[0]=='I' ? "insert" : kind[0]=='D' ? "delete" : "update";
}

static int failure_add(delivery *d, sqlite3_stmt *row, int status, const char *message, const char *sent, size_t sent_n){
  conn *c = d->t->conn;
  int rc = SQLITE_OK;
  if( c->failed==NULL )
    rc = sqlite3_prepare_v3(c->private, "INSERT INTO failures(at,table_name,operation,id,email,status,message,sent) "
                            "VALUES(strftime('%Y-%m-%dT%H:%M:%fZ','now'),?,?,?,?,?,?,?)", -1, SQLITE_PREPARE_PERSISTENT, &c->failed, NULL);
  if( rc!=SQLITE_OK ) return rc;
  d->failed++;
  if( d->reason==NULL ) d->reason = sqlite3_mprintf("%s", message);
  sqlite3_bind_text(c->failed, 1, d->t->name, -1, SQLITE_STATIC);
  sqlite3_bind_text(c->failed, 2, operation_name((const char *)sqlite3_column_text(row, 1)), -1, SQLITE_STATIC);
  sqlite3_bind_value(c->failed, 3, sqlite3_column_value(row, 2));
  sqlite3_bind_value(c->failed, 4, sqlite3_column_value(row, 3));
  sqlite3_bind_int(c->failed, 5, status);
  sqlite3_bind_text(c->failed, 6, message, -1, SQLITE_STATIC);
  sqlite3_bind_text64(c->failed, 7, sent, sent_n, SQLITE_STATIC, SQLITE_UTF8);
  sqlite3_step(c->failed);
  rc = sqlite3_reset(c->failed);
  sqlite3_clear_bindings(c->failed);
  return rc;
}

/* Every held row from `first` on gets the outcome at its place; those behind the last outcome were not sent. */
static int outcomes_take(delivery *d, ortto_sending *sending, const char *otherwise){
  sqlite3_stmt *row = NULL;
  int rc = sqlite3_prepare_v2(d->t->conn->private, "SELECT place, kind, id, email, record FROM held WHERE owner=?1 AND place>=?2 ORDER BY place LIMIT ?3", -1, &row, NULL);
  if( rc!=SQLITE_OK ) return rc;
  sqlite3_bind_int64(row, 1, (sqlite3_int64)(intptr_t)d->t);
  sqlite3_bind_int64(row, 2, d->first);
  sqlite3_bind_int64(row, 3, sending ? d->gathered : -1);
  int step = SQLITE_DONE;
  for(int i=0; rc==SQLITE_OK && (step = sqlite3_step(row))==SQLITE_ROW; i++){
    const ortto_outcome *o = sending ? ortto_sending_outcome(sending, i) : NULL;
    if( o && o->errortype==NULL ) d->taken++;
    else if( o ) rc = failure_add(d, row, o->status, o->message, o->sent, o->sent_length);
    else rc = failure_add(d, row, 0, otherwise, (const char *)sqlite3_column_text(row, 4), (size_t)sqlite3_column_bytes(row, 4));
    d->settled = sqlite3_column_int64(row, 0);
  }
  int finished = sqlite3_finalize(row);
  return rc==SQLITE_OK && step!=SQLITE_DONE ? finished : rc;
}

static ortto_verb delivery_verb(const delivery *d){
  int people = d->t->kind==ORTTO_PEOPLE;
  if( d->class=='D' ) return people ? ORTTO_ARCHIVE : ORTTO_ARCHIVE_ACCOUNTS;
  return people ? ORTTO_UPSERT : ORTTO_UPSERT_ACCOUNTS;
}

/* Sends what was gathered. */
static int delivery_send(delivery *d){
  ortto_sending *sending = NULL;
  if( d->gathered==0 ) return SQLITE_OK;
  sqlite3_str_appendall(d->records, "]");
  int n = sqlite3_str_length(d->records);
  char *json = sqlite3_str_finish(d->records);
  d->records = NULL;
  if( json==NULL ) return SQLITE_NOMEM;
  int got = ortto_send(d->endpoint, delivery_verb(d), json, (size_t)n, d->options, &sending);
  sqlite3_free(json);
  int rc = SQLITE_OK;
  if( sending ){
    rc = outcomes_take(d, sending, NULL);
    d->stopped = ortto_sending_stopped(sending);
    d->interrupted = got==ORTTO_INTERRUPT;
    ortto_sending_free(sending);
    if( rc==SQLITE_OK && (d->stopped || d->interrupted) ){
      d->first = d->settled + 1;
      rc = outcomes_take(d, NULL, d->interrupted ? "ortto: not sent: interrupted" : "ortto: not sent, because an earlier request failed");
    }
  }else if( got==ORTTO_NOMEM ) rc = SQLITE_NOMEM;
  else{
    char why[1100];
    snprintf(why, sizeof why, "%s", ortto_error(d->t->conn->client));
    d->stopped = 1;
    rc = outcomes_take(d, NULL, why);
  }
  d->gathered = 0;
  return rc;
}

/* The tags that the people of the next rows have now, for those whose tags are set. */
static int tags_read(delivery *d){
  conn *c = d->t->conn;
  sqlite3_stmt *ids = NULL;
  ortto_field tags = { .id = "tags", .column = "tags", .display_type = "tags", .type = ORTTO_JSON }, key = { .id = "id", .column = "id", .type = ORTTO_TEXT };
  const ortto_field *fields[] = { &key, &tags };
  int rc = sqlite3_prepare_v2(c->private, "SELECT DISTINCT id FROM held WHERE owner=?1 AND kind='T' AND id NOT IN (SELECT id FROM tags) LIMIT 1000", -1, &ids, NULL);
  if( rc!=SQLITE_OK ) return rc;
  char **list = sqlite3_malloc64(1000 * sizeof *list);
  int n = 0, step = SQLITE_DONE;
  if( list==NULL ) rc = SQLITE_NOMEM;
  sqlite3_bind_int64(ids, 1, (sqlite3_int64)(intptr_t)d->t);
  while( rc==SQLITE_OK && n<1000 && (step = sqlite3_step(ids))==SQLITE_ROW ){
    if( (list[n] = sqlite3_mprintf("%s", sqlite3_column_text(ids, 0)))!=NULL ) n++;
    else rc = SQLITE_NOMEM;
  }
  sqlite3_finalize(ids);
  if( rc==SQLITE_OK && step!=SQLITE_DONE && step!=SQLITE_ROW ) rc = step;
  ortto_query q = { .table = d->t->kind, .fields = fields, .field_count = 2, .ids = (const char *const *)list, .id_count = n, .by_ids = 1 };
  ortto_reader *reader = NULL;
  const ortto_value *v;
  int got = n && rc==SQLITE_OK ? ortto_reader_open(d->endpoint, &q, &reader) : ORTTO_DONE;
  for(int i=0; rc==SQLITE_OK && i<n; i++) rc = private_run(c, "INSERT INTO tags VALUES(%Q,'[]')", list[i]);
  while( rc==SQLITE_OK && (got==ORTTO_OK || got==ORTTO_ROW) && (got = ortto_reader_next(reader, &v))==ORTTO_ROW )
    if( v[1].kind==ORTTO_VALUE_JSON ) rc = private_run(c, "UPDATE tags SET names=%.*Q WHERE id=%.*Q", (int)v[1].length, v[1].text, (int)v[0].length, v[0].text);
  ortto_reader_close(reader);
  for(int i=0; i<n; i++) sqlite3_free(list[i]);
  sqlite3_free(list);
  return rc==SQLITE_OK ? vt_fail(d->t, got) : rc;
}

/* A record whose tags are set: what is gone is named too. */
static int tags_complete(delivery *d, const char *id, const char *record){
  conn *c = d->t->conn;
  sqlite3_stmt *stmt = NULL;
  sqlite3_int64 known;
  int rc = id && record ? private_number(c, &known, "SELECT count(*) FROM tags WHERE id=%Q", id) : SQLITE_NOMEM;
  if( rc==SQLITE_OK && known==0 ) rc = tags_read(d);
  if( rc==SQLITE_OK ) rc = sqlite3_prepare_v2(c->private, "SELECT json_group_array(value) FROM json_each((SELECT names FROM tags WHERE id=?1)) "
    "WHERE value NOT IN (SELECT value FROM json_each(?2,'$.tags'))", -1, &stmt, NULL);
  if( rc!=SQLITE_OK ) return rc;
  sqlite3_bind_text(stmt, 1, id, -1, SQLITE_STATIC);
  sqlite3_bind_text(stmt, 2, record, -1, SQLITE_STATIC);
  rc = sqlite3_step(stmt)==SQLITE_ROW ? SQLITE_OK : SQLITE_NOMEM;
  const char *gone = rc==SQLITE_OK ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
  if( gone ){
    sqlite3_str_append(d->records, record, (int)strlen(record) - 1);
    sqlite3_str_appendf(d->records, ",\"unset_tags\":%s}", gone);
  }else rc = SQLITE_NOMEM;
  int finished = sqlite3_finalize(stmt);
  if( rc!=SQLITE_OK ) return finished ? finished : rc;
  /* A later UPDATE of the same person in this transaction starts from here. */
  return private_run(c, "UPDATE tags SET names=json_extract(%Q,'$.tags') WHERE id=%Q", record, id);
}

static int delivery_gather(delivery *d){
  const char *kind = (const char *)sqlite3_column_text(d->rows, 1), *record = (const char *)sqlite3_column_text(d->rows, 4);
  if( kind==NULL || record==NULL ) return SQLITE_NOMEM;
  char class = kind[0]=='D' ? 'D' : 'W';
  int rc = SQLITE_OK;
  if( d->gathered && (class!=d->class || d->gathered==SEND_AT_ONCE) ) rc = delivery_send(d);
  if( rc!=SQLITE_OK || d->stopped || d->interrupted ) return rc;
  if( d->gathered==0 ){
    d->records = sqlite3_str_new(NULL);
    d->first = sqlite3_column_int64(d->rows, 0);
    d->class = class;
  }
  sqlite3_str_appendall(d->records, d->gathered++ ? "," : "[");
  if( kind[0]=='T' ) return tags_complete(d, (const char *)sqlite3_column_text(d->rows, 2), record);
  sqlite3_str_appendall(d->records, record);
  return sqlite3_str_errcode(d->records);
}

static int delivery_run(delivery *d){
  table *t = d->t;
  int rc = vt_fail(t, endpoint_of(t, &d->endpoint));
  if( rc==SQLITE_OK ) rc = vt_fail(t, ortto_options_read(t->conn->client, NULL, 0, &d->options));
  if( rc==SQLITE_OK ) rc = sqlite3_prepare_v2(t->conn->private, "SELECT place, kind, id, email, record FROM held WHERE owner=?1 ORDER BY place", -1, &d->rows, NULL);
  if( rc!=SQLITE_OK ) return rc;
  private_run(t->conn, "DELETE FROM tags");
  sqlite3_bind_int64(d->rows, 1, (sqlite3_int64)(intptr_t)t);
  int step = SQLITE_DONE;
  while( rc==SQLITE_OK && !d->stopped && !d->interrupted && (step = sqlite3_step(d->rows))==SQLITE_ROW ) rc = delivery_gather(d);
  if( rc==SQLITE_OK && step!=SQLITE_DONE && step!=SQLITE_ROW ) rc = step;
  if( rc==SQLITE_OK && !d->stopped && !d->interrupted ) rc = delivery_send(d);
  return rc;
}

/* Rows of the other tables that will not be sent any more. */
static int others_fail(delivery *d){
  table *own = d->t;
  sqlite3_int64 any;
  int rc = SQLITE_OK;
  for(table *t=own->conn->tables; rc==SQLITE_OK && t; t=t->next){
    if( t==own || (rc = held_any(t, &any))!=SQLITE_OK || !any ) continue;
    d->t = t;
    d->first = 1;
    rc = outcomes_take(d, NULL, "ortto: not sent, because the COMMIT failed at another table");
  }
  d->t = own;
  return rc;
}

/* The COMMIT fails: what has no outcome yet is put on record, and the sentence gives the counts. */
static int delivery_failed(delivery *d, int rc){
  table *t = d->t;
  conn *c = t->conn;
  if( rc!=SQLITE_OK ){
    if( t->base.zErrMsg==NULL ) vt_error(t, "ortto: %s", rc==SQLITE_NOMEM ? "out of memory" : sqlite3_errmsg(c->private));
    d->interrupted |= rc==SQLITE_INTERRUPT;
    if( d->reason==NULL ) d->reason = sqlite3_mprintf("%s", t->base.zErrMsg ? t->base.zErrMsg : "out of memory");
    d->first = d->settled + 1;
    outcomes_take(d, NULL, d->reason ? d->reason : "not sent");
  }
  others_fail(d);
  vt_error(t, "ortto: COMMIT failed, because Ortto did not take all of %s: %lld records were taken, %lld were not. The first reason: %s. "
           "SELECT * FROM ortto_failures lists what was not taken; the local transaction was rolled back", t->name, d->taken, d->failed, d->reason ? d->reason : "");
  return d->interrupted ? SQLITE_INTERRUPT : SQLITE_ERROR;
}

/* SQLite is about to commit. What was delivered is no longer held back, so that a failure of the next table does not
** count it as not sent. */
static int vt_sync(sqlite3_vtab *base){
  table *t = (table *)base;
  conn *c = t->conn;
  delivery d = { .t = t };
  sqlite3_int64 any;
  if( c->damaged ) return vt_error(t, "ortto: what was held back for COMMIT could not be kept in order (out of memory, or the disk is full): nothing of %s was sent; ROLLBACK", t->name);
  int rc = held_any(t, &any);
  if( rc!=SQLITE_OK ) return vt_error(t, "ortto: COMMIT failed before anything of %s was sent: %s", t->name, sqlite3_errstr(rc));
  if( !any ) return SQLITE_OK;
  rc = delivery_run(&d);
  if( rc!=SQLITE_OK || d.failed ) rc = delivery_failed(&d, rc);
  else held_drop(t, 0);
  sqlite3_finalize(d.rows);
  sqlite3_free(sqlite3_str_finish(d.records));
  sqlite3_free(d.reason);
  ortto_options_free(d.options);
  ortto_endpoint_close(d.endpoint);
  return rc;
}

/* -- ortto_failures -- */

typedef struct failures_cursor {
  sqlite3_vtab_cursor base;
  sqlite3_stmt *rows;
  int eof;
} failures_cursor;

static int failures_connect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out, char **error){
  (void)argc; (void)argv; (void)error;
  return fixed_connect(db, aux, out, "CREATE TABLE x(at DATETIME, table_name TEXT, operation TEXT, id TEXT, email TEXT, status INTEGER, message TEXT, sent JSON)");
}

static int failures_open(sqlite3_vtab *base, sqlite3_vtab_cursor **out){
  (void)base;
  failures_cursor *cur = sqlite3_malloc(sizeof *cur);
  if( cur==NULL ) return SQLITE_NOMEM;
  memset(cur, 0, sizeof *cur);
  *out = &cur->base;
  return SQLITE_OK;
}

static int failures_close(sqlite3_vtab_cursor *base){
  sqlite3_finalize(((failures_cursor *)base)->rows);
  sqlite3_free(base);
  return SQLITE_OK;
}

static int failures_next(sqlite3_vtab_cursor *base){
  failures_cursor *cur = (failures_cursor *)base;
  int rc = sqlite3_step(cur->rows);
  cur->eof = rc!=SQLITE_ROW;
  return rc==SQLITE_ROW || rc==SQLITE_DONE ? SQLITE_OK : rc;
}

static int failures_filter(sqlite3_vtab_cursor *base, int number, const char *plan, int argc, sqlite3_value **argv){
  failures_cursor *cur = (failures_cursor *)base;
  conn *c = ((fixed_table *)base->pVtab)->conn;
  (void)number; (void)plan; (void)argc; (void)argv;
  sqlite3_finalize(cur->rows);
  cur->rows = NULL;
  cur->eof = 1;
  if( c->private==NULL ) return SQLITE_OK;
  int rc = sqlite3_prepare_v2(c->private, "SELECT number, at, table_name, operation, id, email, status, message, sent FROM failures ORDER BY number", -1, &cur->rows, NULL);
  return rc==SQLITE_OK ? failures_next(base) : rc;
}

static int failures_eof(sqlite3_vtab_cursor *base){
  return ((failures_cursor *)base)->eof;
}

static int failures_column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int column){
  sqlite3_result_value(ctx, sqlite3_column_value(((failures_cursor *)base)->rows, column+1));
  return SQLITE_OK;
}

static int failures_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *rowid){
  *rowid = sqlite3_column_int64(((failures_cursor *)base)->rows, 0);
  return SQLITE_OK;
}

/* Rows can be deleted, when they have been seen to. */
static int failures_update(sqlite3_vtab *base, int argc, sqlite3_value **argv, sqlite3_int64 *rowid){
  conn *c = ((fixed_table *)base)->conn;
  *rowid = 0;
  if( argc==1 ) return private_run(c, "DELETE FROM failures WHERE number=%lld", sqlite3_value_int64(argv[0]));
  sqlite3_free(base->zErrMsg);
  base->zErrMsg = sqlite3_mprintf("ortto: rows of ortto_failures can be deleted, not written");
  return SQLITE_ERROR;
}

/* ==== 9. Functions ============================================================================================ */

/* The client's error as the function's. */
static void result_failed(sqlite3_context *ctx, const conn *c, int rc){
  char *message = NULL;
  int code = to_sqlite(c, rc, &message);
  if( message && code==SQLITE_ERROR ){             /* keeps the sentence */
    sqlite3_result_error(ctx, message, -1);
    sqlite3_free(message);
  }else result_code(ctx, code, message);
}

static void fn_version(sqlite3_context *ctx, int argc, sqlite3_value **argv){
  (void)argc; (void)argv;
  sqlite3_result_text(ctx, ORTTO_VERSION, -1, SQLITE_STATIC);
}

/* Another account: the tables that exist without a CREATE list their fields anew at their next use. */
static int account_changed(conn *c){
  int n = 0;
  for(sqlite3_stmt *s=sqlite3_next_stmt(c->db, NULL); s; s=sqlite3_next_stmt(c->db, s)) n += sqlite3_stmt_busy(s)!=0;
  running *list = sqlite3_malloc64(((sqlite3_uint64)n + 1) * sizeof *list);
  if( list==NULL ) return SQLITE_NOMEM;
  n = 0;
  for(sqlite3_stmt *s=sqlite3_next_stmt(c->db, NULL); s; s=sqlite3_next_stmt(c->db, s))
    if( sqlite3_stmt_busy(s) ) list[n++] = (running){ s, sqlite3_stmt_status(s, SQLITE_STMTSTATUS_RUN, 0) };
  sqlite3_free(c->at_change);
  c->at_change = list;
  c->at_changes = n;
  c->total[0] = c->total[1] = 0;
  int rc = register_own(c, ORTTO_PEOPLE);
  return rc==SQLITE_OK ? register_own(c, ORTTO_ACCOUNTS) : rc;
}

static void fn_config(sqlite3_context *ctx, int argc, sqlite3_value **argv){
  conn *c = ((registration *)sqlite3_user_data(ctx))->conn;
  const char *name = (const char *)sqlite3_value_text(argv[0]);
  char *text = NULL;
  int which = ortto_setting_find(c->client, name ? name : "NULL");
  int rc = which<0 ? ORTTO_ERROR : ORTTO_OK;
  if( rc==ORTTO_OK && argc>1 ){
    const char *value = (const char *)sqlite3_value_text(argv[1]);
    int n = sqlite3_value_bytes(argv[1]);
    if( value==NULL && sqlite3_value_type(argv[1])!=SQLITE_NULL ){
      sqlite3_result_error_nomem(ctx);
      return;
    }
    if( value && strlen(value)!=(size_t)n ){
      sqlite3_result_error(ctx, "ortto: a setting cannot hold a NUL character", -1);
      return;
    }
    if( statement_writes(c) ){
      /* SQLite lets a CHECK constraint of a stranger's file call what is meant to be called directly only. */
      sqlite3_result_error(ctx, "ortto: ortto_config cannot set anything inside a statement that writes; call it in a SELECT of its own", -1);
      return;
    }
    if( c->holding && (which==ORTTO_KEY || which==ORTTO_REGION || which==ORTTO_API_URL) ){
      sqlite3_result_error(ctx, "ortto: rows written in this transaction wait for COMMIT, to the account of the present settings: COMMIT or ROLLBACK first", -1);
      return;
    }
    rc = ortto_config_set(c->client, (ortto_setting)which, value);
    if( rc==ORTTO_OK && (which==ORTTO_KEY || which==ORTTO_REGION || which==ORTTO_API_URL) && account_changed(c)!=SQLITE_OK ) rc = ORTTO_NOMEM;
  }
  if( rc==ORTTO_OK ) rc = ortto_config_get(c->client, (ortto_setting)which, &text);
  if( rc!=ORTTO_OK ){
    if( rc==ORTTO_NOMEM ) sqlite3_result_error_nomem(ctx);
    else result_failed(ctx, c, rc);
    return;
  }
  if( text && which>=ORTTO_TIMEOUT_MS && which<=ORTTO_MAX_DELETES ) sqlite3_result_int64(ctx, strtoll(text, NULL, 10));
  else if( text ) sqlite3_result_text(ctx, text, -1, SQLITE_TRANSIENT);
  free(text);
}

/* The connected table of that name, perhaps with a schema in front; NULL if there is none. */
static table *table_named(const conn *c, const char *name){
  for(table *t=c->tables; t; t=t->next){
    char *full = sqlite3_mprintf("%s.%s", t->schema, t->name);
    int same = full && (sqlite3_stricmp(name, t->name)==0 || sqlite3_stricmp(name, full)==0);
    sqlite3_free(full);
    if( same ) return t;
  }
  return NULL;
}

/* A created table that this connection has not used yet is connected by being named in a statement. */
static table *table_connected(const conn *c, const char *name){
  table *t = table_named(c, name);
  if( t ) return t;
  const char *dot = strchr(name, '.');
  sqlite3_stmt *s = NULL;
  char *sql = sqlite3_mprintf("SELECT 1 FROM \"%w\" LIMIT 0", name);
  if( sql && sqlite3_prepare_v2(c->db, sql, -1, &s, NULL)!=SQLITE_OK && dot ){
    sqlite3_free(sql);
    sql = sqlite3_mprintf("SELECT 1 FROM \"%.*w\".\"%w\" LIMIT 0", (int)(dot-name), name, dot+1);
    if( sql ) sqlite3_prepare_v2(c->db, sql, -1, &s, NULL);
  }
  sqlite3_free(sql);
  sqlite3_finalize(s);
  return table_named(c, name);
}

static void fn_check(sqlite3_context *ctx, int argc, sqlite3_value **argv){
  conn *c = ((registration *)sqlite3_user_data(ctx))->conn;
  const char *what = argc ? (const char *)sqlite3_value_text(argv[0]) : NULL;
  const ortto_args *args = NULL;
  ortto_protocol protocol = ORTTO_API;
  ortto_endpoint *e = NULL;
  if( argc && what==NULL ){
    sqlite3_result_error(ctx, "ortto: ortto_check takes nothing, 'segment', or the name of an ortto table", -1);
    return;
  }
  if( what && sqlite3_stricmp(what, "segment")==0 ) protocol = ORTTO_SEGMENT;
  else if( what ){
    const table *t = table_connected(c, what);
    if( t==NULL || t->refused ){
      const char *why = sqlite3_errmsg(c->db);   /* it may be there, and not have been connected */
      char *message = t ? sqlite3_mprintf("%s", t->broken) : strncmp(why, "ortto: ", 7)==0 ? sqlite3_mprintf("%s", why)
                        : sqlite3_mprintf("ortto: there is no ortto table '%.60s' in this connection", what);
      result_code(ctx, message ? SQLITE_ERROR : SQLITE_NOMEM, message);
      return;
    }
    args = &t->args.settings;
  }else if( !ortto_config_is_set(c->client, ORTTO_KEY) && ortto_config_is_set(c->client, ORTTO_SEGMENT_KEY) ) protocol = ORTTO_SEGMENT;
  int rc = ortto_endpoint_open(c->client, args, protocol, &e);
  if( rc==ORTTO_OK ) rc = ortto_check(e);
  ortto_endpoint_close(e);
  if( rc==ORTTO_OK ) sqlite3_result_text(ctx, "ok", -1, SQLITE_STATIC);
  else result_failed(ctx, c, rc);
}

/* -- ortto_upsert, ortto_track -- */

static void outcome_json(sqlite3_str *out, int index, const ortto_outcome *o){
  const struct { const char *name, *text; } texts[] = {
    { "body", o->errortype ? NULL : o->body }, { "errortype", o->errortype }, { "errormessage", o->errortype ? o->message : NULL },
    { "person_id", o->person_id }, { "result", o->result },
  };
  sqlite3_str_appendf(out, "{\"index\":%d,\"status\":%d", index, o->status);
  for(int i=0; i<COUNT(texts); i++) if( texts[i].text ){
    sqlite3_str_appendf(out, ",\"%s\":", texts[i].name);
    json_string(out, texts[i].text, strlen(texts[i].text));
  }
  sqlite3_str_appendall(out, ",\"sent\":");
  sqlite3_str_append(out, o->sent, (int)o->sent_length);
  sqlite3_str_appendall(out, "}");
}

static void result_outcomes(sqlite3_context *ctx, ortto_sending *sending){
  sqlite3_str *out = sqlite3_str_new(NULL);
  int list = ortto_sending_is_list(sending);
  if( list ) sqlite3_str_appendall(out, "[");
  for(int i=0; i<ortto_sending_count(sending); i++){
    if( i ) sqlite3_str_appendall(out, ",");
    outcome_json(out, i, ortto_sending_outcome(sending, i));
  }
  if( list ) sqlite3_str_appendall(out, "]");
  sqlite3_int64 n = sqlite3_str_length(out);
  char *text = sqlite3_str_finish(out);
  if( text==NULL ){
    sqlite3_result_error_nomem(ctx);
    return;
  }
  sqlite3_result_text64(ctx, text, (sqlite3_uint64)n, sqlite3_free, SQLITE_UTF8);
  sqlite3_result_subtype(ctx, 'J');
}

/* A single object that fails is an error of the statement. 1: it was. */
static int result_refusal(sqlite3_context *ctx, ortto_sending *sending){
  const ortto_outcome *o = ortto_sending_count(sending)==1 && !ortto_sending_is_list(sending) ? ortto_sending_outcome(sending, 0) : NULL;
  if( o==NULL || o->errortype==NULL ) return 0;
  int whole = strncmp(o->message, "ortto: ", 7)==0;
  char *message = whole ? sqlite3_mprintf("%s", o->message)
    : sqlite3_mprintf("ortto: the record was refused: %s%s%s%s. Mend it and send it again", o->message, o->request_id && o->request_id[0] ? " (request_id " : "",
                      o->request_id ? o->request_id : "", o->request_id && o->request_id[0] ? ")" : "");
  result_code(ctx, message ? SQLITE_ERROR : SQLITE_NOMEM, message);
  return 1;
}

/* The connection that a call goes through: a table's own with the option via; to the API unless only Segment's key is set. */
static int call_endpoint(conn *c, const ortto_options *options, ortto_endpoint **e, char **error){
  const char *via = ortto_options_via(options);
  const ortto_args *args = NULL;
  ortto_protocol protocol = ORTTO_API;
  if( via ){
    const table *t = table_connected(c, via);
    if( t==NULL && strncmp(sqlite3_errmsg(c->db), "ortto: ", 7)==0 ) return sync_error(error, "%s", sqlite3_errmsg(c->db));   /* it could not be connected */
    if( t==NULL ) return sync_error(error, "ortto: via names no ortto table of this connection: '%.60s'", via);
    if( t->refused ) return sync_error(error, "%s", t->broken);
    args = &t->args.settings;
  }
  if( !ortto_options_protocol(options, &protocol) ){
    int key = ortto_config_is_set(c->client, ORTTO_KEY) || (args && args->value[ORTTO_KEY]);
    int segment = ortto_config_is_set(c->client, ORTTO_SEGMENT_KEY) || (args && args->value[ORTTO_SEGMENT_KEY]);
    if( !key && segment ) protocol = ORTTO_SEGMENT;
  }
  return to_sqlite(c, ortto_endpoint_open(c->client, args, protocol, e), error);
}

static void write_call(sqlite3_context *ctx, int argc, sqlite3_value **argv, ortto_verb verb){
  conn *c = ((registration *)sqlite3_user_data(ctx))->conn;
  const char *json = (const char *)sqlite3_value_text(argv[0]), *given = argc>1 ? (const char *)sqlite3_value_text(argv[1]) : NULL;
  ortto_options *options = NULL;
  ortto_endpoint *e = NULL;
  ortto_sending *sending = NULL;
  char *error = NULL;
  if( json==NULL ){
    sqlite3_result_error(ctx, verb==ORTTO_TRACK ? "ortto: ortto_track needs a JSON object, or a list of them, not NULL"
                                                : "ortto: ortto_upsert needs a JSON object, or a list of them, not NULL", -1);
    return;
  }
  int rc = to_sqlite(c, ortto_options_read(c->client, given, given ? (size_t)sqlite3_value_bytes(argv[1]) : 0, &options), &error);
  if( rc==SQLITE_OK ) rc = call_endpoint(c, options, &e, &error);
  if( rc==SQLITE_OK ) rc = to_sqlite(c, ortto_send(e, verb, json, (size_t)sqlite3_value_bytes(argv[0]), options, &sending), &error);
  if( rc!=SQLITE_OK ) result_code(ctx, rc, error);
  else if( !result_refusal(ctx, sending) ) result_outcomes(ctx, sending);
  ortto_sending_free(sending);
  ortto_options_free(options);
  ortto_endpoint_close(e);
}

static void fn_upsert(sqlite3_context *ctx, int argc, sqlite3_value **argv){
  write_call(ctx, argc, argv, ORTTO_UPSERT);
}

static void fn_track(sqlite3_context *ctx, int argc, sqlite3_value **argv){
  write_call(ctx, argc, argv, ORTTO_TRACK);
}

/* ==== 10. Loading ============================================================================================== */

#define READING_METHODS \
  .iVersion = 2, \
  .xBestIndex = vt_best_index, \
  .xDisconnect = vt_disconnect, \
  .xOpen = vt_open, \
  .xClose = vt_close, \
  .xFilter = vt_filter, \
  .xNext = vt_next, \
  .xEof = vt_eof, \
  .xColumn = vt_column, \
  .xRowid = vt_rowid

#define WRITING_METHODS \
  .xUpdate = vt_update, \
  .xBegin = vt_begin, \
  .xSync = vt_sync, \
  .xCommit = vt_end, \
  .xRollback = vt_end, \
  .xSavepoint = vt_savepoint, \
  .xRelease = vt_release, \
  .xRollbackTo = vt_rollback_to

static const sqlite3_module created_module = {   /* USING ortto(...) */
  READING_METHODS,
  WRITING_METHODS,
  .xCreate = vt_create,
  .xConnect = vt_connect,
  .xDestroy = vt_destroy,
};

static const sqlite3_module own_module = {       /* ortto_tags and its like: there without a CREATE */
  READING_METHODS,
  .xConnect = vt_connect_own,
};

static const sqlite3_module own_writable_module = {   /* ortto_people, ortto_accounts */
  READING_METHODS,
  WRITING_METHODS,
  .xConnect = vt_connect_own,
};

static const sqlite3_module failures_module = {
  .iVersion = 1,
  .xConnect = failures_connect,
  .xBestIndex = log_best_index,
  .xDisconnect = fixed_disconnect,
  .xOpen = failures_open,
  .xClose = failures_close,
  .xFilter = failures_filter,
  .xNext = failures_next,
  .xEof = failures_eof,
  .xColumn = failures_column,
  .xRowid = failures_rowid,
  .xUpdate = failures_update,
};

static const sqlite3_module log_module = {
  .iVersion = 1,
  .xConnect = log_connect,
  .xBestIndex = log_best_index,
  .xDisconnect = fixed_disconnect,
  .xOpen = log_open,
  .xClose = log_close,
  .xFilter = log_filter,
  .xNext = log_next,
  .xEof = log_eof,
  .xColumn = log_column,
  .xRowid = log_rowid,
};

static const sqlite3_module sync_module = {
  .iVersion = 1,
  .xConnect = sync_connect,
  .xBestIndex = sync_best_index,
  .xDisconnect = fixed_disconnect,
  .xOpen = sync_open,
  .xClose = sync_close,
  .xFilter = sync_filter,
  .xNext = sync_next,
  .xEof = sync_eof,
  .xColumn = sync_column,
  .xRowid = sync_rowid,
};

static registration *registration_new(conn *c, ortto_table kind){
  registration *reg = sqlite3_malloc(sizeof *reg);
  if( reg==NULL ) return NULL;
  reg->conn = c;
  reg->kind = kind;
  c->references++;
  return reg;
}

static void registration_free(void *p){
  registration *reg = p;
  conn_release(reg->conn);
  sqlite3_free(reg);
}

/* SQLite calls registration_free itself where it refuses. */
static int register_module(conn *c, const char *name, const sqlite3_module *module, ortto_table kind){
  registration *reg = registration_new(c, kind);
  return reg ? sqlite3_create_module_v2(c->db, name, module, reg, registration_free) : SQLITE_NOMEM;
}

static int register_own(conn *c, ortto_table kind){
  char name[64];
  sqlite3_snprintf(sizeof name, name, "ortto_%s", ortto_table_name(kind));
  return register_module(c, name, kind<=ORTTO_ACCOUNTS ? &own_writable_module : &own_module, kind);
}

static int register_function(conn *c, const char *name, int args, int flags, void (*fn)(sqlite3_context *, int, sqlite3_value **)){
  registration *reg = registration_new(c, ORTTO_PEOPLE);
  return reg ? sqlite3_create_function_v2(c->db, name, args, SQLITE_UTF8|flags, reg, fn, NULL, NULL, registration_free) : SQLITE_NOMEM;
}

static int register_all(conn *c){
  int rc = register_module(c, "ortto", &created_module, ORTTO_PEOPLE);
  for(int i=0; rc==SQLITE_OK && i<ORTTO_TABLES; i++) rc = register_own(c, (ortto_table)i);
  if( rc==SQLITE_OK ) rc = register_module(c, "ortto_log", &log_module, ORTTO_PEOPLE);
  if( rc==SQLITE_OK ) rc = register_module(c, "ortto_sync", &sync_module, ORTTO_PEOPLE);
  if( rc==SQLITE_OK ) rc = register_module(c, "ortto_failures", &failures_module, ORTTO_PEOPLE);
  if( rc==SQLITE_OK ) rc = register_function(c, "ortto_sync", 2, SQLITE_DIRECTONLY, fn_sync);
  if( rc==SQLITE_OK ) rc = register_function(c, "ortto_sync", 3, SQLITE_DIRECTONLY, fn_sync);
  if( rc==SQLITE_OK ) rc = register_function(c, "ortto_version", 0, SQLITE_DETERMINISTIC|SQLITE_INNOCUOUS, fn_version);
  if( rc==SQLITE_OK ) rc = register_function(c, "ortto_config", 1, SQLITE_DIRECTONLY, fn_config);
  if( rc==SQLITE_OK ) rc = register_function(c, "ortto_config", 2, SQLITE_DIRECTONLY, fn_config);
  if( rc==SQLITE_OK ) rc = register_function(c, "ortto_check", 0, SQLITE_DIRECTONLY, fn_check);
  if( rc==SQLITE_OK ) rc = register_function(c, "ortto_check", 1, SQLITE_DIRECTONLY, fn_check);
  for(int args=1; rc==SQLITE_OK && args<=2; args++){
    rc = register_function(c, "ortto_upsert", args, SQLITE_DIRECTONLY, fn_upsert);
    if( rc==SQLITE_OK ) rc = register_function(c, "ortto_track", args, SQLITE_DIRECTONLY, fn_track);
  }
  return rc;
}

#ifdef _WIN32
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

EXPORT int sqlite3_ortto_init(sqlite3 *db, char **error, const sqlite3_api_routines *api);

int sqlite3_ortto_init(sqlite3 *db, char **error, const sqlite3_api_routines *api){
  SQLITE_EXTENSION_INIT2(api);
  (void)api;
  if( sqlite3_libversion_number()<3038000 ){
    if( error ) *error = sqlite3_mprintf("ortto: this is SQLite %s; ortto needs 3.38 or newer", sqlite3_libversion());
    return SQLITE_ERROR;
  }
  conn *c = conn_new(db);
  if( c==NULL ) return SQLITE_NOMEM;
  int rc = register_all(c);
  conn_release(c);
#ifdef SQLITE_CORE
  return rc;
#else
  return rc==SQLITE_OK ? SQLITE_OK_LOAD_PERMANENTLY : rc;
#endif
}
