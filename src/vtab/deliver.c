/*
** deliver.c - see deliver.h.
*/
#include "deliver.h"

#include <stdio.h>
#include <string.h>

#include "../text.h"
#include "held.h"

#define SEND_AT_ONCE 4000          /* records that are sent side by side: bounds the memory of a COMMIT */

typedef struct delivery {
  table *t;
  spool *spool;
  ortto_endpoint *endpoint;
  ortto_options *options;
  sqlite3_stmt *rows;              /* held back, in order */
  sqlite3_str *records;            /* JSON list of those gathered */
  sqlite3_int64 first;             /* place of the first gathered */
  sqlite3_int64 settled;           /* place of the last that has an outcome */
  int gathered;
  int archiving;                   /* those gathered are archived, not written */
  int stopped, interrupted;        /* nothing more is to be sent */
  int unlisted;                    /* SQLite's code: why not all failures could be put on record */
  sqlite3_int64 all;               /* rows of this table */
  sqlite3_int64 taken, refused;
  char *reason;                    /* of the first failure */
  char shown[48];                  /* its name for whoever waits */
} delivery;

/* -- outcomes -- */

static char *first_reason(const char *message, const char *request_id){
  if( request_id==NULL || request_id[0]==0 ) return sqlite3_mprintf("%s", message);
  return sqlite3_mprintf("%s (request_id %s)", message, request_id);
}

/* o is NULL, or the outcome of that row. 0: it could not be put on record. */
static int record_outcome(delivery *d, sqlite3_stmt *row, const ortto_outcome *o, const char *otherwise){
  d->settled = sqlite3_column_int64(row, SPOOL_PLACE);
  if( o && o->errortype==NULL ){
    d->taken++;
    return 1;
  }
  spool_failure failure = { .table = d->t->name, .operation = held_operation(row) };
  if( o ){
    failure.message = o->message;
    failure.status = o->status;
    failure.sent = o->sent;
    failure.sent_length = o->sent_length;
  }else{
    failure.message = otherwise;
    failure.sent = (const char *)sqlite3_column_text(row, SPOOL_RECORD);
    failure.sent_length = (size_t)sqlite3_column_bytes(row, SPOOL_RECORD);
  }
  d->refused++;
  if( d->reason==NULL ) d->reason = first_reason(failure.message, o ? o->request_id : NULL);
  int rc = spool_fail(d->spool, &failure, row);
  if( rc==SQLITE_OK ) return 1;
  d->unlisted = rc;
  d->stopped = 1;                  /* what fails from here on could not be named */
  return 0;
}

/* The rows that were gathered get the outcome at their place; without a sending, all from `first` on fail
** with those words. A writing that failed may end the reading: then it goes on with the next row. */
static int record_outcomes(delivery *d, ortto_sending *sending, const char *otherwise){
  sqlite3_int64 from = d->first;
  int rc, step, i = 0, listed = 1;
  do{
    sqlite3_stmt *row;
    rc = spool_rows(d->spool, &row, held_owner(d->t), from, sending ? d->gathered-i : -1);
    if( rc!=SQLITE_OK ) return rc;
    for(listed=1; listed; i++){
      step = sqlite3_step(row);
      if( step!=SQLITE_ROW ) break;
      listed = record_outcome(d, row, sending ? ortto_sending_outcome(sending, i) : NULL, otherwise);
      from = d->settled + 1;
    }
    rc = sqlite3_finalize(row);
  }while( !listed );
  return step==SQLITE_DONE ? SQLITE_OK : rc;
}

static int rest_fails(delivery *d, const char *why){
  d->first = d->settled + 1;
  return record_outcomes(d, NULL, why);
}

/* An outcome that cannot be put on record stops the sending too. */
static const char *why_stopped(const delivery *d){
  if( d->interrupted ) return "ortto: not sent: interrupted";
  if( d->unlisted ) return "ortto: not sent, because an earlier failure could not be put on record";
  return "ortto: not sent, because an earlier request failed";
}

/* -- sending -- */

static ortto_verb delivery_verb(const delivery *d){
  int people = d->t->kind==ORTTO_PEOPLE;
  if( d->archiving ) return people ? ORTTO_ARCHIVE : ORTTO_ARCHIVE_ACCOUNTS;
  return people ? ORTTO_UPSERT : ORTTO_UPSERT_ACCOUNTS;
}

/* Every record that was sent has an outcome. */
static int delivery_settle(delivery *d, ortto_sending *sending){
  int rc = record_outcomes(d, sending, NULL);
  if( rc!=SQLITE_OK ) return rc;
  return d->interrupted || d->stopped ? rest_fails(d, why_stopped(d)) : SQLITE_OK;
}

/* Nothing was sent at all. */
static int delivery_refused(delivery *d){
  char *why = sqlite3_mprintf("%s", ortto_error(d->t->conn->client));
  if( why==NULL ) return SQLITE_NOMEM;
  d->stopped = 1;
  int rc = record_outcomes(d, NULL, why);
  sqlite3_free(why);
  return rc;
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
  progress *line = &d->t->conn->line;
  progress_sending(line, d->t, d->shown, d->taken + d->refused, d->all);
  int got = ortto_send(d->endpoint, delivery_verb(d), json, (size_t)n, d->options, &sending);
  progress_sent(line);
  int rc = SQLITE_NOMEM;
  sqlite3_free(json);
  if( sending ){
    d->stopped = ortto_sending_stopped(sending);
    d->interrupted = got==ORTTO_INTERRUPT;
    rc = delivery_settle(d, sending);
    ortto_sending_free(sending);
  }else if( got!=ORTTO_NOMEM ) rc = delivery_refused(d);
  d->gathered = 0;
  return rc;
}

/* -- tags: what is gone is named too -- */

/* Asks for the tags that these people have now. */
static int tags_fetch(delivery *d, const char *const *ids, int n){
  ortto_field key = { .id = "id", .column = "id", .type = ORTTO_TEXT };
  ortto_field tags = { .id = "tags", .column = "tags", .display_type = "tags", .type = ORTTO_JSON };
  const ortto_field *fields[] = { &key, &tags };
  ortto_query q = { .table = d->t->kind, .fields = fields, .field_count = COUNT(fields), .by_ids = 1,
                    .ids = ids, .id_count = n };
  ortto_reader *reader = NULL;
  int rc = vt_fail(d->t, ortto_reader_open(d->endpoint, &q, &reader));
  while( rc==SQLITE_OK ){
    const ortto_value *v;
    int got = ortto_reader_next(reader, &v);
    if( got!=ORTTO_ROW ){
      rc = vt_fail(d->t, got);
      break;
    }
    int any = v[1].kind==ORTTO_VALUE_JSON;
    rc = spool_tags_set(d->spool, v[0].text, v[0].length, any ? v[1].text : "[]", any ? v[1].length : 2);
  }
  ortto_reader_close(reader);
  return rc;
}

/* The tags of the people of the next rows, for those whose tags are set. */
static int tags_read(delivery *d){
  sqlite3_stmt *ids;
  int rc = spool_tags_begin(d->spool, &ids, held_owner(d->t)), n = 0;
  if( rc!=SQLITE_OK ) return rc;
  char **list = sqlite3_malloc64(SPOOL_TAGS_MAX * sizeof *list);
  if( list==NULL ) rc = SQLITE_NOMEM;
  while( rc==SQLITE_OK && n<SPOOL_TAGS_MAX && sqlite3_step(ids)==SQLITE_ROW ){
    const char *id = (const char *)sqlite3_column_text(ids, 0);
    list[n] = id ? sqlite3_mprintf("%s", id) : NULL;
    if( list[n] ) n++;
    else rc = SQLITE_NOMEM;
  }
  int finished = sqlite3_finalize(ids);
  if( rc==SQLITE_OK ) rc = finished;
  if( rc==SQLITE_OK && n ) rc = tags_fetch(d, (const char *const *)list, n);
  for(int i=0; i<n; i++) sqlite3_free(list[i]);
  sqlite3_free(list);
  return rc;
}

/* Are the tags of this person known, if they must be? Who is not found has none that could be taken off. */
static int tags_ready(delivery *d, const char *id, int *known){
  int listed = 0;
  int rc = spool_tags_known(d->spool, id, &listed, known);
  if( rc!=SQLITE_OK || listed ) return rc;
  rc = tags_read(d);
  return rc==SQLITE_OK ? spool_tags_known(d->spool, id, &listed, known) : rc;
}

/* A record whose tags are set. A later UPDATE of the same person in this transaction starts from them. */
static int tags_complete(delivery *d, const char *id, const char *record){
  char *gone = NULL;
  int rc = spool_tags_replace(d->spool, id, record, &gone);
  if( rc==SQLITE_OK ){
    sqlite3_str_append(d->records, record, (int)strlen(record) - 1);
    sqlite3_str_appendf(d->records, ",\"unset_tags\":%s}", gone);
    rc = sqlite3_str_errcode(d->records);
  }
  sqlite3_free(gone);
  return rc;
}

/* -- the rows of one table -- */

/* The row that d->rows stands on cannot be sent; those before it can. */
static int delivery_pass(delivery *d, const char *why){
  int rc = delivery_send(d);
  if( rc!=SQLITE_OK || d->stopped || d->interrupted || record_outcome(d, d->rows, NULL, why) ) return rc;
  return rest_fails(d, why_stopped(d));
}

/* Adds the row that d->rows stands on. What was gathered goes out before a row of the other sort, or if it
** is enough. */
static int delivery_gather(delivery *d){
  const char *kind = (const char *)sqlite3_column_text(d->rows, SPOOL_KIND);
  const char *record = (const char *)sqlite3_column_text(d->rows, SPOOL_RECORD);
  const char *id = (const char *)sqlite3_column_text(d->rows, SPOOL_ID);
  if( kind==NULL || record==NULL ) return SQLITE_NOMEM;
  int archiving = kind[0]==SPOOL_DELETE, tags = kind[0]==SPOOL_UPDATE_TAGS, known = 1, rc = SQLITE_OK;
  if( d->gathered && (archiving!=d->archiving || d->gathered==SEND_AT_ONCE) ) rc = delivery_send(d);
  if( rc!=SQLITE_OK || d->stopped || d->interrupted ) return rc;
  if( tags ) rc = id ? tags_ready(d, id, &known) : SQLITE_NOMEM;
  if( rc==SQLITE_OK && !known )
    return delivery_pass(d, "ortto: not sent: this person is archived or not in Ortto any more, so that the "
                         "tags to be taken off are not known");
  if( rc!=SQLITE_OK ) return rc;
  if( d->gathered==0 ){
    d->records = sqlite3_str_new(NULL);
    d->first = sqlite3_column_int64(d->rows, SPOOL_PLACE);
    d->archiving = archiving;
  }
  sqlite3_str_appendall(d->records, d->gathered++ ? "," : "[");
  if( tags ) return tags_complete(d, id, record);
  sqlite3_str_appendall(d->records, record);
  return sqlite3_str_errcode(d->records);
}

static int delivery_run(delivery *d){
  table *t = d->t;
  int rc = vt_fail(t, endpoint_of(t, &d->endpoint));
  if( rc==SQLITE_OK ) rc = vt_fail(t, ortto_options_read(t->conn->client, NULL, 0, &d->options));
  if( rc==SQLITE_OK ) rc = spool_rows(d->spool, &d->rows, held_owner(t), 0, -1);
  if( rc==SQLITE_OK ) rc = spool_tags_clear(d->spool);
  while( rc==SQLITE_OK && !d->stopped && !d->interrupted ){
    int step = sqlite3_step(d->rows);
    if( step==SQLITE_DONE ) return delivery_send(d);
    if( step!=SQLITE_ROW ) return step;
    rc = delivery_gather(d);
  }
  return rc;
}

/* -- a COMMIT that fails -- */

/* Rows of the other tables that will not be sent any more. */
static int others_fail(delivery *d){
  table *own = d->t;
  int rc = SQLITE_OK;
  for(table *t=own->conn->tables; rc==SQLITE_OK && t; t=t->next){
    sqlite3_int64 rows = 0;
    if( t!=own ) rc = spool_count(d->spool, held_owner(t), &rows);
    if( rc!=SQLITE_OK || rows==0 ) continue;
    d->t = t;
    d->first = 1;
    rc = record_outcomes(d, NULL, "ortto: not sent, because the COMMIT failed at another table");
  }
  d->t = own;
  return rc;
}

/* What has no outcome yet is put on record, and the sentence gives the counts. */
static int delivery_failed(delivery *d, int rc){
  table *t = d->t;
  int listed = SQLITE_OK;
  if( rc!=SQLITE_OK ){
    if( t->base.zErrMsg==NULL ) vt_error(t, "ortto: %s", sqlite3_errstr(rc));
    d->interrupted |= rc==SQLITE_INTERRUPT;
    const char *said = t->base.zErrMsg ? t->base.zErrMsg : "out of memory";
    if( d->reason==NULL ) d->reason = sqlite3_mprintf("%s", said);
    listed = rest_fails(d, d->reason ? d->reason : "not sent");
  }
  d->refused = d->all - d->taken; /* whether or not they could be listed */
  int others = others_fail(d);
  if( listed==SQLITE_OK ) listed = others;
  if( listed==SQLITE_OK ) listed = d->unlisted;
  const char *reason = d->interrupted ? "ortto: interrupted" : d->reason;
  char *gap = listed==SQLITE_OK ? NULL : sqlite3_mprintf(" (but for some: %s)", sqlite3_errstr(listed));
  int said = vt_error(t, "ortto: COMMIT failed, because Ortto did not take all of %s: %lld %s taken, %lld "
           "%s not. The first reason: %s. "
           "SELECT * FROM ortto_failures lists what was not taken%s; the local transaction "
           "was rolled back", t->name, d->taken, d->taken==1 ? "record was" : "records were", d->refused,
           d->refused==1 ? "was" : "were", reason ? reason : "", gap ? gap : "");
  sqlite3_free(gap);
  return d->interrupted ? SQLITE_INTERRUPT : said;
}

/* -- what holds a COMMIT back -- */

static int brake(table *t, sqlite3_int64 rows, ortto_setting setting, const char *what){
  long most;
  int rc = vt_fail(t, ortto_config_number(t->conn->client, NULL, setting, &most));
  if( rc!=SQLITE_OK || rows<=most ) return rc;
  const char *name = ortto_setting_name(setting);
  return vt_error(t, "ortto: COMMIT failed before anything was sent: this transaction would %s %lld %s, "
                  "and %s allows %ld. It was rolled back. If that is meant: SELECT ortto_config('%s', %lld), "
                  "and do it again", what, rows, rows==1 ? "row" : "rows", name, most, name, rows);
}

/* Of all tables together; what stood in the way is no failure of Ortto's. */
static int brakes(table *t){
  long on;
  sqlite3_int64 updates, deletes;
  int rc = vt_fail(t, ortto_config_number(t->conn->client, NULL, ORTTO_WRITE, &on));
  if( rc==SQLITE_OK && !on )
    return vt_error(t, "ortto: COMMIT failed before anything was sent: the setting write is off (SELECT * "
                    "FROM ortto_settings says where). The transaction was rolled back");
  if( rc==SQLITE_OK ) rc = spool_changes(&t->conn->spool, &updates, &deletes);
  if( rc==SQLITE_OK ) rc = brake(t, deletes, ORTTO_MAX_DELETES, "archive");
  if( rc==SQLITE_OK ) rc = brake(t, updates, ORTTO_MAX_UPDATES, "change");
  return rc;
}

/* Is all that was held back there, and safe from what fails later? */
static int delivery_ready(table *t, sqlite3_int64 *rows){
  spool *s = &t->conn->spool;
  int rc = SQLITE_OK;
  if( spool_sound(s) ) rc = spool_count(s, held_owner(t), rows);
  if( rc==SQLITE_OK && *rows ) rc = brakes(t);
  if( rc==SQLITE_OK && *rows ) rc = spool_keep(s);
  if( !spool_sound(s) )
    return vt_error(t, "ortto: COMMIT failed before anything of %s was sent: rows that were held back are "
                    "lost (out of memory, or the disk is full), and ortto_failures cannot list them. The "
                    "transaction was rolled back: nothing of it is done", t->name);
  if( rc!=SQLITE_OK && t->base.zErrMsg==NULL )
    return vt_error(t, "ortto: COMMIT failed before anything of %s was sent: %s", t->name,
                    sqlite3_errstr(rc));
  return rc;
}

int vt_sync(sqlite3_vtab *base){
  table *t = (table *)base;
  delivery d = { .t = t, .spool = &t->conn->spool };
  int rc = delivery_ready(t, &d.all);
  if( rc!=SQLITE_OK || d.all==0 ) return rc;
  snprintf(d.shown, sizeof d.shown, "COMMIT to %s", t->name);
  progress_begin(&t->conn->line, &d, d.shown);
  rc = delivery_run(&d);
  progress_end(&t->conn->line, &d);
  if( rc!=SQLITE_OK || d.refused ) rc = delivery_failed(&d, rc);
  else spool_delete(d.spool, held_owner(t), 0);
  sqlite3_finalize(d.rows);
  sqlite3_free(sqlite3_str_finish(d.records));
  sqlite3_free(d.reason);
  ortto_options_free(d.options);
  ortto_endpoint_close(d.endpoint);
  return rc;
}
