/*
** deliver.c - see deliver.h.
*/
#include "deliver.h"

#include <stdio.h>
#include <string.h>

#include "held.h"

#define SEND_AT_ONCE 4000          /* records that are sent side by side: bounds the memory of a COMMIT */

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
  sqlite3_int64 taken, refused;
  char *reason;                    /* of the first failure */
} delivery;

static const char *operation_name(const char *kind){
  return kind==NULL ? NULL : kind[0]=='I' ? "insert" : kind[0]=='D' ? "delete" : "update";
}

static int failure_add(delivery *d, sqlite3_stmt *row, int status, const char *message, const char *sent, size_t sent_n){
  conn *c = d->t->conn;
  int rc = SQLITE_OK;
  if( c->insert_failure==NULL )
    rc = sqlite3_prepare_v3(c->spool, "INSERT INTO failures(at,table_name,operation,id,email,status,message,sent) "
                            "VALUES(strftime('%Y-%m-%dT%H:%M:%fZ','now'),?,?,?,?,?,?,?)", -1, SQLITE_PREPARE_PERSISTENT, &c->insert_failure, NULL);
  if( rc!=SQLITE_OK ) return rc;
  d->refused++;
  if( d->reason==NULL ) d->reason = sqlite3_mprintf("%s", message);
  sqlite3_bind_text(c->insert_failure, 1, d->t->name, -1, SQLITE_STATIC);
  sqlite3_bind_text(c->insert_failure, 2, operation_name((const char *)sqlite3_column_text(row, 1)), -1, SQLITE_STATIC);
  sqlite3_bind_value(c->insert_failure, 3, sqlite3_column_value(row, 2));
  sqlite3_bind_value(c->insert_failure, 4, sqlite3_column_value(row, 3));
  sqlite3_bind_int(c->insert_failure, 5, status);
  sqlite3_bind_text(c->insert_failure, 6, message, -1, SQLITE_STATIC);
  sqlite3_bind_text64(c->insert_failure, 7, sent, sent_n, SQLITE_STATIC, SQLITE_UTF8);
  sqlite3_step(c->insert_failure);
  rc = sqlite3_reset(c->insert_failure);
  sqlite3_clear_bindings(c->insert_failure);
  return rc;
}

/* Every held row from `first` on gets the outcome at its place; those behind the last outcome were not sent. */
static int record_outcomes(delivery *d, ortto_sending *sending, const char *otherwise){
  sqlite3_stmt *row = NULL;
  int rc = sqlite3_prepare_v2(d->t->conn->spool, "SELECT place, kind, id, email, record FROM held WHERE owner=?1 AND place>=?2 ORDER BY place LIMIT ?3", -1, &row, NULL);
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
    rc = record_outcomes(d, sending, NULL);
    d->stopped = ortto_sending_stopped(sending);
    d->interrupted = got==ORTTO_INTERRUPT;
    ortto_sending_free(sending);
    if( rc==SQLITE_OK && (d->stopped || d->interrupted) ){
      d->first = d->settled + 1;
      rc = record_outcomes(d, NULL, d->interrupted ? "ortto: not sent: interrupted" : "ortto: not sent, because an earlier request failed");
    }
  }else if( got==ORTTO_NOMEM ) rc = SQLITE_NOMEM;
  else{
    char why[1100];
    snprintf(why, sizeof why, "%s", ortto_error(d->t->conn->client));
    d->stopped = 1;
    rc = record_outcomes(d, NULL, why);
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
  int rc = sqlite3_prepare_v2(c->spool, "SELECT DISTINCT id FROM held WHERE owner=?1 AND kind='T' AND id NOT IN (SELECT id FROM tags) LIMIT 1000", -1, &ids, NULL);
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
  for(int i=0; rc==SQLITE_OK && i<n; i++) rc = spool_run(c, "INSERT INTO tags VALUES(%Q,'[]')", list[i]);
  while( rc==SQLITE_OK && (got==ORTTO_OK || got==ORTTO_ROW) && (got = ortto_reader_next(reader, &v))==ORTTO_ROW )
    if( v[1].kind==ORTTO_VALUE_JSON ) rc = spool_run(c, "UPDATE tags SET names=%.*Q WHERE id=%.*Q", (int)v[1].length, v[1].text, (int)v[0].length, v[0].text);
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
  int rc = id && record ? spool_number(c, &known, "SELECT count(*) FROM tags WHERE id=%Q", id) : SQLITE_NOMEM;
  if( rc==SQLITE_OK && known==0 ) rc = tags_read(d);
  if( rc==SQLITE_OK ) rc = sqlite3_prepare_v2(c->spool, "SELECT json_group_array(value) FROM json_each((SELECT names FROM tags WHERE id=?1)) "
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
  return spool_run(c, "UPDATE tags SET names=json_extract(%Q,'$.tags') WHERE id=%Q", record, id);
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
  if( rc==SQLITE_OK ) rc = sqlite3_prepare_v2(t->conn->spool, "SELECT place, kind, id, email, record FROM held WHERE owner=?1 ORDER BY place", -1, &d->rows, NULL);
  if( rc!=SQLITE_OK ) return rc;
  spool_run(t->conn, "DELETE FROM tags");
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
    rc = record_outcomes(d, NULL, "ortto: not sent, because the COMMIT failed at another table");
  }
  d->t = own;
  return rc;
}

/* The COMMIT fails: what has no outcome yet is put on record, and the sentence gives the counts. */
static int delivery_failed(delivery *d, int rc){
  table *t = d->t;
  conn *c = t->conn;
  if( rc!=SQLITE_OK ){
    if( t->base.zErrMsg==NULL ) vt_error(t, "ortto: %s", rc==SQLITE_NOMEM ? "out of memory" : sqlite3_errmsg(c->spool));
    d->interrupted |= rc==SQLITE_INTERRUPT;
    if( d->reason==NULL ) d->reason = sqlite3_mprintf("%s", t->base.zErrMsg ? t->base.zErrMsg : "out of memory");
    d->first = d->settled + 1;
    record_outcomes(d, NULL, d->reason ? d->reason : "not sent");
  }
  others_fail(d);
  vt_error(t, "ortto: COMMIT failed, because Ortto did not take all of %s: %lld records were taken, %lld were not. The first reason: %s. "
           "SELECT * FROM ortto_failures lists what was not taken; the local transaction was rolled back", t->name, d->taken, d->refused, d->reason ? d->reason : "");
  return d->interrupted ? SQLITE_INTERRUPT : SQLITE_ERROR;
}

int vt_sync(sqlite3_vtab *base){
  table *t = (table *)base;
  conn *c = t->conn;
  delivery d = { .t = t };
  sqlite3_int64 any;
  if( c->damaged ) return vt_error(t, "ortto: what was held back for COMMIT could not be kept in order (out of memory, or the disk is full): nothing of %s was sent; ROLLBACK", t->name);
  int rc = held_any(t, &any);
  if( rc!=SQLITE_OK ) return vt_error(t, "ortto: COMMIT failed before anything of %s was sent: %s", t->name, sqlite3_errstr(rc));
  if( !any ) return SQLITE_OK;
  rc = delivery_run(&d);
  if( rc!=SQLITE_OK || d.refused ) rc = delivery_failed(&d, rc);
  else held_drop(t, 0);
  sqlite3_finalize(d.rows);
  sqlite3_free(sqlite3_str_finish(d.records));
  sqlite3_free(d.reason);
  ortto_options_free(d.options);
  ortto_endpoint_close(d.endpoint);
  return rc;
}
