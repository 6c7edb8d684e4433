/*
** ortto_vtab.c - Ortto's tables in SQLite: people, accounts, audiences, tags, custom fields, activities.
**
**     .load ./ortto
**     SELECT ortto_config('key', 'env:MY_ORTTO_KEY');
**     SELECT email, city FROM ortto_people WHERE city = 'Oslo';
**     CREATE TABLE local AS SELECT * FROM ortto_people;
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
**   7. Functions     ortto_version, ortto_config, ortto_check
**   8. Loading       modules, entry point
*/
#include "sqlite3ext.h"
SQLITE_EXTENSION_INIT1

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ortto_client.h"

#define COUNT(array) ((int)(sizeof(array)/sizeof(*(array))))
#define STEERING_MAX 5

/* ==== 1. Connection =========================================================================================== */

typedef struct conn conn;
typedef struct table table;

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
  int64_t total[2];                /* rows that people and accounts had when last seen, for plans; 0 unknown */
  char **key;                      /* rowids of tables with keys of two columns: place in this list */
  int keys, keys_cap;
  running *at_change;              /* statements that ran when the account was changed by ortto_config */
  int at_changes;
};

static void conn_release(conn *c){
  if( c==NULL || --c->references>0 ) return;
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
    else if( i<3 && argv[i][strspn(argv[i], " \t\r\n\f")]!=0 ) rc = argument_set(c, a, positions[i], value, error);
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
  conn_release(t->conn);
  sqlite3_free(t);
}

static void declare_column(sqlite3_str *s, const char *name, const char *type){
  sqlite3_str_appendf(s, ", \"%w\" %s", name, type);
}

/* id, the hidden columns, the fields, and more_fields if they do not all fit. */
static char *declare_contacts(table *t, int most){
  sqlite3_str *s = sqlite3_str_new(NULL);
  const char *hidden;
  sqlite3_str_appendall(s, "CREATE TABLE x(id TEXT PRIMARY KEY");
  for(t->steering=0; (hidden = ortto_steering_column(t->kind, t->steering))!=NULL; t->steering++)
    declare_column(s, hidden, "HIDDEN");
  t->overflow = t->fields->count;
  if( t->steering + t->fields->count > most ) t->overflow = most - t->steering - 1;
  if( t->overflow<1 ) t->overflow = 1;
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
  char *sql = is_contacts(t) ? declare_contacts(t, sqlite3_limit(db, SQLITE_LIMIT_COLUMN, -1)) : declare_plain(t);
  if( sql==NULL ) return SQLITE_NOMEM;
  int rc = sqlite3_declare_vtab(db, sql);
  sqlite3_free(sql);
  if( rc!=SQLITE_OK ) *error = sqlite3_mprintf("ortto: SQLite refuses the columns of this table: %s", sqlite3_errmsg(db));
  if( rc==SQLITE_OK ) rc = sqlite3_vtab_config(db, SQLITE_VTAB_DIRECTONLY);
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
static int table_break(table *t){
  t->broken = sqlite3_mprintf("%s (this table's fields could not be listed when it was first used in this connection; open the "
                              "database anew once that is mended)", ortto_error(t->conn->client));
  if( t->broken==NULL ) return ORTTO_NOMEM;
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
  if( rc==SQLITE_OK ){
    t->created = 1;
    t->kind = (ortto_table)t->args.kind;
    int got = table_fields(t, creating);
    if( got==ORTTO_ERROR && !creating ) got = table_break(t);
    rc = to_sqlite(reg->conn, got, error);
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
  if( is_contacts(p.t) && (possible = plan_steering(&p))!=0 ) plan_contacts(&p);
  if( p.t->kind==ORTTO_ACTIVITIES
   && !plan_key(&p, 1, "pP", "the person's feed, 40 a second", "a list of people, one feed after the other") ) p.cost = 1e12;
  plan_left(&p);
  plan_limit(&p);
  plan_columns(&p);
  int rc = plan_finish(&p);
  return rc==SQLITE_OK && !possible ? SQLITE_CONSTRAINT : rc;
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
  sqlite3_int64 counted;           /* rows left of a count; then there is no reader */
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
  q->query.count_only = 1;
  int rc = vt_fail(q->t, ortto_reader_open(q->endpoint, &q->query, &cur->reader));
  if( rc==SQLITE_OK ) rc = vt_fail(q->t, ortto_reader_count(cur->reader, &count));
  q->query.count_only = 0;
  if( rc!=SQLITE_OK ) return rc;
  *known = count>=0;
  cur->counting = *known;
  cur->counted = count;
  cur->eof = count==0;
  if( *known ) remember_total(q, count);
  return SQLITE_OK;
}

static int request_run(request *q){
  cursor *cur = q->cur;
  int known = 0, rc = SQLITE_OK;
  request_lists(q);
  if( is_count(q) ) rc = request_count(q, &known);
  if( rc!=SQLITE_OK || known ) return rc;
  ortto_reader_close(cur->reader);
  cur->reader = NULL;
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
  cur->eof = --cur->counted<=0;
  return SQLITE_OK;
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

/* The fields that found no column: an object from column name to value. */
static void result_more(sqlite3_context *ctx, const cursor *cur){
  sqlite3_str *s = sqlite3_str_new(NULL);
  char separator = '{';
  for(int i=cur->more_from; i<cur->fields; i++){
    const ortto_value *v = &cur->value[i];
    if( v->kind==ORTTO_VALUE_NULL ) continue;
    sqlite3_str_appendchar(s, 1, separator);
    separator = ',';
    json_string(s, cur->field[i]->column, strlen(cur->field[i]->column));
    sqlite3_str_appendchar(s, 1, ':');
    switch( v->kind ){
      case ORTTO_VALUE_INTEGER: sqlite3_str_appendf(s, "%lld", (long long)v->integer); break;
      case ORTTO_VALUE_REAL: sqlite3_str_appendf(s, v->real<1e12 && v->real>-1e12 ? "%!.15g" : "%!.17g", v->real); break;
      case ORTTO_VALUE_JSON: sqlite3_str_append(s, v->text, (int)v->length); break;
      default: json_string(s, v->text, v->length);
    }
  }
  sqlite3_str_appendall(s, separator=='{' ? "{}" : "}");
  char *text = sqlite3_str_finish(s);
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
  if( is_contacts(t) && column>=1 && column<=t->steering ){
    if( cur->given[column-1] ) sqlite3_result_value(ctx, cur->given[column-1]);
    return SQLITE_OK;
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

typedef struct log_table {
  sqlite3_vtab base;
  conn *conn;
} log_table;

typedef struct log_cursor {
  sqlite3_vtab_cursor base;
  ortto_log_entry entry;           /* a copy: the log moves on while it is read */
  int64_t last;                    /* where the log ended when the reading began */
  int eof;
} log_cursor;

static int log_connect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out, char **error){
  const registration *reg = aux;
  (void)argc; (void)argv; (void)error;
  int rc = sqlite3_declare_vtab(db, log_columns);
  if( rc==SQLITE_OK ) rc = sqlite3_vtab_config(db, SQLITE_VTAB_DIRECTONLY);
  log_table *t = rc==SQLITE_OK ? sqlite3_malloc(sizeof *t) : NULL;
  if( t==NULL ) return rc==SQLITE_OK ? SQLITE_NOMEM : rc;
  memset(t, 0, sizeof *t);
  t->conn = reg->conn;
  t->conn->references++;
  *out = &t->base;
  return SQLITE_OK;
}

static int log_disconnect(sqlite3_vtab *base){
  conn_release(((log_table *)base)->conn);
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
  const log_table *t = (const log_table *)cur->base.pVtab;
  const ortto_log_entry *entry = ortto_log_at(t->conn->client, number);
  cur->eof = entry==NULL || entry->number>cur->last;
  if( !cur->eof ) cur->entry = *entry;
  return SQLITE_OK;
}

static int log_filter(sqlite3_vtab_cursor *base, int number, const char *plan, int argc, sqlite3_value **argv){
  log_cursor *cur = (log_cursor *)base;
  const log_table *t = (const log_table *)base->pVtab;
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

/* ==== 7. Functions ============================================================================================ */

static void result_code(sqlite3_context *ctx, int rc, char *message){
  if( rc==SQLITE_NOMEM ) sqlite3_result_error_nomem(ctx);
  else{
    if( message ) sqlite3_result_error(ctx, message, -1);
    sqlite3_result_error_code(ctx, rc);
  }
  sqlite3_free(message);
}

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
    if( same && (t->created || t->kind<=ORTTO_FIELDS) ) return t;
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
    if( t==NULL ){
      char *message = sqlite3_mprintf("ortto: there is no ortto table '%.60s' in this connection", what);
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

/* ==== 8. Loading ============================================================================================== */

#define READING_METHODS \
  .iVersion = 1, \
  .xBestIndex = vt_best_index, \
  .xDisconnect = vt_disconnect, \
  .xOpen = vt_open, \
  .xClose = vt_close, \
  .xFilter = vt_filter, \
  .xNext = vt_next, \
  .xEof = vt_eof, \
  .xColumn = vt_column, \
  .xRowid = vt_rowid

static const sqlite3_module created_module = {   /* USING ortto(...) */
  READING_METHODS,
  .xCreate = vt_create,
  .xConnect = vt_connect,
  .xDestroy = vt_disconnect,
};

static const sqlite3_module own_module = {       /* ortto_people and its like: there without a CREATE */
  READING_METHODS,
  .xConnect = vt_connect_own,
};

static const sqlite3_module log_module = {
  .iVersion = 1,
  .xConnect = log_connect,
  .xBestIndex = log_best_index,
  .xDisconnect = log_disconnect,
  .xOpen = log_open,
  .xClose = log_close,
  .xFilter = log_filter,
  .xNext = log_next,
  .xEof = log_eof,
  .xColumn = log_column,
  .xRowid = log_rowid,
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
  return register_module(c, name, &own_module, kind);
}

static int register_function(conn *c, const char *name, int args, int flags, void (*fn)(sqlite3_context *, int, sqlite3_value **)){
  registration *reg = registration_new(c, ORTTO_PEOPLE);
  return reg ? sqlite3_create_function_v2(c->db, name, args, SQLITE_UTF8|flags, reg, fn, NULL, NULL, registration_free) : SQLITE_NOMEM;
}

static int register_all(conn *c){
  int rc = register_module(c, "ortto", &created_module, ORTTO_PEOPLE);
  for(int i=0; rc==SQLITE_OK && i<ORTTO_TABLES; i++) rc = register_own(c, (ortto_table)i);
  if( rc==SQLITE_OK ) rc = register_module(c, "ortto_log", &log_module, ORTTO_PEOPLE);
  if( rc==SQLITE_OK ) rc = register_function(c, "ortto_version", 0, SQLITE_DETERMINISTIC|SQLITE_INNOCUOUS, fn_version);
  if( rc==SQLITE_OK ) rc = register_function(c, "ortto_config", 1, SQLITE_DIRECTONLY, fn_config);
  if( rc==SQLITE_OK ) rc = register_function(c, "ortto_config", 2, SQLITE_DIRECTONLY, fn_config);
  if( rc==SQLITE_OK ) rc = register_function(c, "ortto_check", 0, SQLITE_DIRECTONLY, fn_check);
  if( rc==SQLITE_OK ) rc = register_function(c, "ortto_check", 1, SQLITE_DIRECTONLY, fn_check);
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
