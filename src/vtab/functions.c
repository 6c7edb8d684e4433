/*
** functions.c - see functions.h.
*/
#include "functions.h"

#include <stdlib.h>
#include <string.h>

#include "../text.h"
#include "sql.h"
#include "convert.h"
#include "once.h"
#include "connection.h"
#include "table.h"
#include "table_names.h"

static conn *conn_of(sqlite3_context *ctx){
  return ((registration *)sqlite3_user_data(ctx))->conn;
}

void fn_version(sqlite3_context *ctx, int argc, sqlite3_value **argv){
  (void)argc; (void)argv;
  sqlite3_result_text(ctx, ORTTO_VERSION, -1, SQLITE_STATIC);
}

/* -- ortto_config -- */

static int config_set(conn *c, ortto_setting which, sqlite3_value *v, char **error){
  int account = which==ORTTO_KEY || which==ORTTO_REGION || which==ORTTO_API_URL;
  const char *value = (const char *)sqlite3_value_text(v);
  int n = sqlite3_value_bytes(v);
  if( value==NULL && sqlite3_value_type(v)!=SQLITE_NULL ) return SQLITE_NOMEM;
  if( value && strlen(value)!=(size_t)n )
    return error_set(error, "ortto: a setting cannot hold a NUL character");
  /* SQLite lets a CHECK constraint of a stranger's file call what is meant to be called directly only. */
  if( statement_writes(c) )
    return error_set(error, "ortto: ortto_config cannot set anything inside a statement that writes; call it "
                     "in a SELECT of its own");
  if( account && c->spool.waiting )
    return error_set(error, "ortto: rows written in this transaction wait for COMMIT, to the account of the "
                     "present settings: COMMIT or ROLLBACK first");
  int rc = to_sqlite(c, ortto_config_set(c->client, which, value), error);
  if( rc==SQLITE_OK && account && conn_account_changed(c)!=SQLITE_OK ) rc = SQLITE_NOMEM;
  return rc;
}

void fn_config(sqlite3_context *ctx, int argc, sqlite3_value **argv){
  conn *c = conn_of(ctx);
  const char *name = (const char *)sqlite3_value_text(argv[0]);
  char *text = NULL, *error = NULL;
  int which = ortto_setting_find(c->client, name ? name : "NULL");
  int rc = to_sqlite(c, which<0 ? ORTTO_ERROR : ORTTO_OK, &error);
  if( rc==SQLITE_OK && argc>1 ) rc = function_may_act(c, "ortto_config", &error);
  if( rc==SQLITE_OK && argc>1 ) rc = config_set(c, (ortto_setting)which, argv[1], &error);
  if( rc==SQLITE_OK ) rc = to_sqlite(c, ortto_config_get(c->client, (ortto_setting)which, &text), &error);
  int number = which>=ORTTO_TIMEOUT_MS && which<=ORTTO_MAX_UPDATES && text && strcmp(text, "auto")!=0;
  if( rc!=SQLITE_OK ) result_code(ctx, rc, error);
  else if( number ) sqlite3_result_int64(ctx, strtoll(text, NULL, 10));
  else if( text ) sqlite3_result_text(ctx, text, -1, SQLITE_TRANSIENT);
  free(text);
}

/* -- where a call goes -- */

/* Did connecting a table fail just now, in a sentence of ours? NULL: no. */
static const char *connect_error(const conn *c){
  const char *why = sqlite3_errmsg(c->db);
  return strncmp(why, "ortto: ", 7)==0 ? why : NULL;
}

/* Only Segment's key is set, by the arguments or at all. */
static int is_segment_only(const conn *c, const ortto_args *args){
  int key = ortto_config_is_set(c->client, ORTTO_KEY) || (args && args->value[ORTTO_KEY]);
  int segment = ortto_config_is_set(c->client, ORTTO_SEGMENT_KEY) || (args && args->value[ORTTO_SEGMENT_KEY]);
  return !key && segment;
}

/* -- ortto_check -- */

/* The settings of the table of that name. */
static int check_table(const conn *c, const char *name, const ortto_args **args, char **error){
  const table *t = table_connected(c, name);
  if( t && !t->refused ){
    *args = &t->args.settings;
    return SQLITE_OK;
  }
  const char *why = t ? t->broken : connect_error(c);   /* it may be there, and not have been connected */
  if( why ) return error_set(error, "%s", why);
  return error_set(error, "ortto: there is no ortto table '%.60s' in this connection", name);
}

/* Who asks a table of that name asks a local one. */
static int check_names(const conn *c, char **error){
  char *hides = table_that_hides(c);
  if( hides==NULL ) return SQLITE_OK;
  int rc = error_set(error, "ortto: the local table or view %s hides the table of Ortto's that has this "
                     "name: what is read and written there is local. Rename it", hides);
  sqlite3_free(hides);
  return rc;
}

void fn_check(sqlite3_context *ctx, int argc, sqlite3_value **argv){
  conn *c = conn_of(ctx);
  const char *what = argc ? (const char *)sqlite3_value_text(argv[0]) : NULL;
  int segment = what && sqlite3_stricmp(what, "segment")==0;
  const ortto_args *args = NULL;
  ortto_endpoint *e = NULL;
  char *error = NULL;
  int rc = function_may_act(c, "ortto_check", &error);
  if( rc!=SQLITE_OK ){
    result_code(ctx, rc, error);
    return;
  }
  if( argc && what==NULL )
    rc = error_set(&error, "ortto: ortto_check takes nothing, 'segment', or the name of an ortto table");
  else if( what && !segment ) rc = check_table(c, what, &args, &error);
  else if( !what ){
    rc = check_names(c, &error);
    segment = is_segment_only(c, NULL);
  }
  if( rc==SQLITE_OK )
    rc = to_sqlite(c, ortto_endpoint_open(c->client, args, segment ? ORTTO_SEGMENT : ORTTO_API, &e), &error);
  if( rc==SQLITE_OK ) rc = to_sqlite(c, ortto_check(e), &error);
  ortto_endpoint_close(e);
  if( rc==SQLITE_OK ) sqlite3_result_text(ctx, "ok", -1, SQLITE_STATIC);
  else result_code(ctx, rc, error);
}

/* -- ortto_upsert, ortto_track -- */

static void outcome_reasons(sqlite3_str *out, const ortto_outcome *o){
  for(int i=0; i<o->reason_count; i++){
    const ortto_reason *r = &o->reasons[i];
    sqlite3_str_appendall(out, i ? ",{\"field\":" : ",\"errors\":[{\"field\":");
    if( r->field ) json_string(out, r->field, strlen(r->field));
    else sqlite3_str_appendall(out, "null");
    sqlite3_str_appendall(out, ",\"message\":");
    json_string(out, r->message, strlen(r->message));
    sqlite3_str_appendall(out, "}");
  }
  sqlite3_str_appendall(out, "]");
}

static void outcome_json(sqlite3_str *out, int index, const ortto_outcome *o){
  const struct { const char *name, *text; } texts[] = {
    { "body", o->errortype ? NULL : o->body },
    { "errortype", o->errortype },
    { "errormessage", o->errortype ? o->message : NULL },
    { "person_id", o->person_id },
    { "result", o->result },
  };
  sqlite3_str_appendf(out, "{\"index\":%d,\"status\":%d", index, o->status);
  for(int i=0; i<COUNT(texts); i++){
    if( texts[i].text==NULL ) continue;
    sqlite3_str_appendf(out, ",\"%s\":", texts[i].name);
    json_string(out, texts[i].text, strlen(texts[i].text));
  }
  if( o->reason_count ) outcome_reasons(out, o);
  if( o->repeated ) sqlite3_str_appendall(out, ",\"repeated\":true");
  sqlite3_str_appendall(out, ",\"sent\":");
  sqlite3_str_append(out, o->sent, (int)o->sent_length);
  sqlite3_str_appendall(out, "}");
}

/* The outcomes as JSON; NULL when out of memory. */
static char *outcomes_text(ortto_sending *sending, sqlite3_int64 *n){
  sqlite3_str *out = sqlite3_str_new(NULL);
  int list = ortto_sending_is_list(sending);
  if( list ) sqlite3_str_appendall(out, "[");
  for(int i=0; i<ortto_sending_count(sending); i++){
    if( i ) sqlite3_str_appendall(out, ",");
    outcome_json(out, i, ortto_sending_outcome(sending, i));
  }
  if( list ) sqlite3_str_appendall(out, "]");
  *n = sqlite3_str_length(out);
  return sqlite3_str_finish(out);
}

/* A single object that fails is an error of the statement. 1: it was. */
static int result_refusal(sqlite3_context *ctx, ortto_sending *sending){
  if( ortto_sending_is_list(sending) || ortto_sending_count(sending)!=1 ) return 0;
  const ortto_outcome *o = ortto_sending_outcome(sending, 0);
  if( o->errortype==NULL ) return 0;
  char *error = NULL;
  int rc;
  if( strncmp(o->message, "ortto: ", 7)==0 ) rc = error_set(&error, "%s", o->message);
  else if( o->request_id && o->request_id[0] )
    rc = error_set(&error, "ortto: the record was refused: %s (request_id %s). Mend it and send it again",
                   o->message, o->request_id);
  else rc = error_set(&error, "ortto: the record was refused: %s. Mend it and send it again", o->message);
  result_code(ctx, rc, error);
  return 1;
}

/* The settings of the table that the option via names. */
static int via_table(const conn *c, const char *via, const ortto_args **args, char **error){
  const table *t = table_connected(c, via);
  const char *why = t ? NULL : connect_error(c);
  if( why ) return error_set(error, "%s", why);
  if( t==NULL ) return error_set(error, "ortto: via names no ortto table of this connection: '%.60s'", via);
  if( t->refused ) return error_set(error, "%s", t->broken);
  *args = &t->args.settings;
  const char *write = (*args)->value[ORTTO_WRITE];
  if( write && strcmp(write, "on")!=0 )
    return error_set(error, "ortto: nothing is sent via %s: it was made with write=off", t->name);
  return SQLITE_OK;
}

/* Where a call goes: through a table's own connection with the option via; to the API unless only Segment's
** key is set. */
static int call_endpoint(const conn *c, const ortto_options *options, ortto_endpoint **e, char **error){
  const char *via = ortto_options_via(options);
  const ortto_args *args = NULL;
  ortto_protocol protocol = ORTTO_API;
  int rc = via ? via_table(c, via, &args, error) : SQLITE_OK;
  if( rc!=SQLITE_OK ) return rc;
  if( !ortto_options_protocol(options, &protocol) && is_segment_only(c, args) ) protocol = ORTTO_SEGMENT;
  return to_sqlite(c, ortto_endpoint_open(c->client, args, protocol, e), error);
}

/* Not where the setting write is off. */
static int write_allowed(const conn *c, const char *function, char **error){
  long on;
  int rc = to_sqlite(c, ortto_config_number(c->client, NULL, ORTTO_WRITE, &on), error);
  if( rc!=SQLITE_OK || on ) return rc;
  return error_set(error, "ortto: %s sends nothing: the setting write is off (SELECT * FROM "
                   "ortto_settings says where)", function);
}

static void result_json(sqlite3_context *ctx, char *text, sqlite3_int64 n){
  if( text==NULL ) sqlite3_result_error_nomem(ctx);
  else sqlite3_result_text64(ctx, text, (sqlite3_uint64)n, sqlite3_free, SQLITE_UTF8);
  sqlite3_result_subtype(ctx, 'J');
}

static void write_call(sqlite3_context *ctx, int argc, sqlite3_value **argv, ortto_verb verb){
  conn *c = conn_of(ctx);
  const char *function = verb==ORTTO_TRACK ? "ortto_track" : "ortto_upsert";
  const char *json = (const char *)sqlite3_value_text(argv[0]);
  const char *given = argc>1 ? (const char *)sqlite3_value_text(argv[1]) : NULL;
  size_t given_n = given ? (size_t)sqlite3_value_bytes(argv[1]) : 0;
  ortto_options *options = NULL;
  ortto_endpoint *e = NULL;
  ortto_sending *sending = NULL;
  char *error = NULL;
  int found = 0, rc = function_may_act(c, function, &error);
  if( rc==SQLITE_OK ) rc = once_result(ctx, function, argc, argv, &found);
  if( found ){
    sqlite3_result_subtype(ctx, 'J');
    return;
  }
  if( rc==SQLITE_OK ) rc = write_allowed(c, function, &error);
  for(int i=0; i<argc; i++)        /* out of memory: not a NULL that was given */
    if( rc==SQLITE_OK && sqlite3_value_type(argv[i])!=SQLITE_NULL && (i ? given : json)==NULL )
      rc = SQLITE_NOMEM;
  if( rc==SQLITE_OK && json==NULL )
    rc = error_set(&error, "ortto: %s needs a JSON object, or a list of them, not NULL", function);
  if( rc==SQLITE_OK ) rc = to_sqlite(c, ortto_options_read(c->client, given, given_n, &options), &error);
  if( rc==SQLITE_OK ) rc = call_endpoint(c, options, &e, &error);
  if( rc==SQLITE_OK ){
    size_t n = (size_t)sqlite3_value_bytes(argv[0]);
    progress_begin(&c->line, ctx, function);
    progress_sending(&c->line, ctx, function, 0, -1);
    rc = to_sqlite(c, ortto_send(e, verb, json, n, options, &sending), &error);
    progress_sent(&c->line);
    progress_end(&c->line, ctx);
  }
  if( rc!=SQLITE_OK ) result_code(ctx, rc, error);
  else if( !result_refusal(ctx, sending) ){
    sqlite3_int64 n;
    char *text = outcomes_text(sending, &n);
    if( text ) once_keep(ctx, function, argc, argv, text, n);
    result_json(ctx, text, n);
  }
  ortto_sending_free(sending);
  ortto_options_free(options);
  ortto_endpoint_close(e);
}

void fn_upsert(sqlite3_context *ctx, int argc, sqlite3_value **argv){
  write_call(ctx, argc, argv, ORTTO_UPSERT);
}

void fn_track(sqlite3_context *ctx, int argc, sqlite3_value **argv){
  write_call(ctx, argc, argv, ORTTO_TRACK);
}
