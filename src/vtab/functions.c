/*
** functions.c - see functions.h.
*/
#include "functions.h"

#include <stdlib.h>
#include <string.h>

#include "../text.h"
#include "sql.h"
#include "convert.h"
#include "connection.h"
#include "table.h"

/* The client's error as the function's. */
static void result_failed(sqlite3_context *ctx, const conn *c, int rc){
  char *message = NULL;
  int code = to_sqlite(c, rc, &message);
  if( message && code==SQLITE_ERROR ){             /* keeps the sentence */
    sqlite3_result_error(ctx, message, -1);
    sqlite3_free(message);
  }else result_code(ctx, code, message);
}

void fn_version(sqlite3_context *ctx, int argc, sqlite3_value **argv){
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
  int rc = c->register_eponymous(c, ORTTO_PEOPLE);
  return rc==SQLITE_OK ? c->register_eponymous(c, ORTTO_ACCOUNTS) : rc;
}

void fn_config(sqlite3_context *ctx, int argc, sqlite3_value **argv){
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
    if( c->spool_open && (which==ORTTO_KEY || which==ORTTO_REGION || which==ORTTO_API_URL) ){
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

void fn_check(sqlite3_context *ctx, int argc, sqlite3_value **argv){
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

void fn_upsert(sqlite3_context *ctx, int argc, sqlite3_value **argv){
  write_call(ctx, argc, argv, ORTTO_UPSERT);
}

void fn_track(sqlite3_context *ctx, int argc, sqlite3_value **argv){
  write_call(ctx, argc, argv, ORTTO_TRACK);
}
