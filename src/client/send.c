/*
** send.c - see send.h.
*/
#include "send.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../text.h"
#include "../json.h"
#include "client.h"
#include "context.h"
#include "endpoint.h"
#include "request.h"
#include "value.h"
#include "options.h"
#include "record.h"
#include "contact.h"
#include "activity.h"
#include "segment.h"
#include "batch.h"

static int contact_write(ortto_sending *s, contact *c){
  record *r = c->r;
  buf *out = &s->scratch, clear = { 0 };
  int ok;
  out->n = 0;
  out->failed = 0;
  if( s->verb==ORTTO_TRACK ) return activity_write(s, c, out);
  buf_puts(out, "{\"fields\":");
  ok = fields_write(s, c, out, &clear)
    && location_write(s, r, out)
    && tags_write(s, r, out, "tags", is_present(js_get(r->given, "tags")) ? inner_json(&s->encoder, js_get(r->given, "tags"), '[') : c->tags)
    && tags_write(s, r, out, "unset_tags", inner_json(&s->encoder, js_get(r->given, "unset_tags"), '['));
  if( ok && clear.n ) buf_printf(out, ",\"clear_fields\":{%s}", clear.p);
  if( clear.failed ) out->failed = 1;
  buf_free(&clear);
  buf_puts(out, "}");
  return ok && (r->merge_by = merge_by_of(s, r))!=NULL && item_keep(s, r, out);
}

#define READINGS_MAX 300              /* more fields than an account can have are not made for one record */

/* The item of the API, or a refusal. ORTTO_OK in both cases. */
static int map_api(ortto_sending *s, record *r){
  contact c = { .r = r };
  int rc = fields_have(s, 0), ok, rounds = 0;
  if( rc!=ORTTO_OK ) return rc;
  if( is_raw_event(r->given) && !raw_map(s, r) ) return ORTTO_OK;
  do{
    r->keys_given = 0;
    c.person_id = c.tags = (js){ NULL, 0 };
    if( !contact_room(s, &c) ) rc = no_memory(s->endpoint->client);
    ok = rc==ORTTO_OK && members_known(s, r);
    if( ok ) ok = contact_object(s, &c, js_get(r->given, "traits"), 1, "trait");
    if( ok>0 ) ok = contact_object(s, &c, js_get(r->given, "fields"), 0, "field");
    if( ok<0 && ++rounds>READINGS_MAX ) ok = refuse(s, r, 400, "ortto: the fields that were made are not in the server's list; try again");
  }while( ok<0 );
  if( ok && contact_keys(s, &c) ) contact_write(s, &c);
  free(c.value);
  free(c.order);
  return rc;
}

static void batch_fail(ortto_sending *s, const batch *b, int status, const char *errortype, const char *message){
  const char *kept = keep(s, message);
  for(int i=0; i<b->count; i++) outcome_set(&s->record[b->member[i]], status, errortype, kept);
}

static void record_done(record *r, const char *result, const char *person_id){
  outcome_set(r, 200, NULL, NULL);
  r->outcome.body = "Processed successfully";
  r->outcome.result = result;
  r->outcome.person_id = person_id;
}

/* The server's words about a record, fit to be shown. NULL when out of memory. */
static const char *words_of(ortto_sending *s, js v){
  const char *said = js_cstring(&s->memory, v);
  buf words = { 0 };
  if( said ) words_add(&words, said, s->endpoint->key);
  const char *shown = said==NULL || words.failed ? NULL : keep(s, words.p ? words.p : "");
  buf_free(&words);
  return shown;
}

/* One row of the API's answer, which answers the record at the same place [guess: the rows do not echo the key]. */
static void parse_outcome(ortto_sending *s, record *r, js row){
  static const char *const ids[] = { "person_id", "account_id", "accounts_id", "organization_id", "id" };
  const char *result = words_of(s, js_get(row, "status")), *error = words_of(s, js_get(row, "error")), *id = NULL;
  for(int i=0; i<COUNT(ids) && id==NULL; i++){
    js v = js_get(row, ids[i]);
    if( js_type(v)=='"' && v.n>2 ) id = js_cstring(&s->memory, v);
  }
  if( result==NULL || error==NULL ) outcome_set(r, 0, UNKNOWN, "out of memory");
  else if( result[0]==0 && error[0]==0 && id==NULL ) outcome_set(r, 0, UNKNOWN, "ortto: the answer does not say whether this record was taken");
  else if( error[0] || strcmp(result, "invalid")==0 || strcmp(result, "suppressed")==0 || strcmp(result, "error")==0 || strcmp(result, "failed")==0 ){
    outcome_set(r, 400, REFUSED, error[0] ? error : result);
    r->outcome.result = result;
  }else record_done(r, result[0] ? result : NULL, id);
}

static void parse_outcomes(ortto_sending *s, batch *b, js rows){
  js row;
  int i = 0;
  js_iter it = js_in(rows);
  while( js_next(&it, NULL, &row) ) parse_outcome(s, &s->record[b->member[i++]], row);
}

static void parse_api_answer(ortto_sending *s, batch *b){
  js answer, rows;
  if( answer_json(b->request, &answer)!=ORTTO_OK ){
    batch_fail(s, b, 0, UNKNOWN, ortto_error(s->endpoint->client));
    return;
  }
  static const char *const counts[] = { "archived_contacts", "archived_organizations", "archived_accounts", "scheduled_contacts",
                                        "scheduled_organizations", "scheduled_accounts" };
  int64_t number;
  int counted = 0;
  for(int i=0; is_archive(s) && i<COUNT(counts); i++) counted |= js_integer(js_get(answer, counts[i]), &number);
  if( is_archive(s) && !counted ){
    set_bad_answer(b->request, "does not say how many were archived");
    batch_fail(s, b, 0, UNKNOWN, ortto_error(s->endpoint->client));
    return;
  }
  if( is_archive(s) ){             /* counts only; those that are archived already are not counted [recorded] */
    for(int i=0; i<b->count; i++) record_done(&s->record[b->member[i]], "archived", NULL);
    return;
  }
  rows = js_get(answer, items_member(s));
  if( rows.p==NULL && s->verb==ORTTO_UPSERT_ACCOUNTS ) rows = js_get(answer, "organizations");
  int count = js_type(rows)=='[' ? count_elements(rows) : -1;
  log_rows(b->request, count);
  if( count==b->count ) parse_outcomes(s, b, rows);
  else{
    set_bad_answer(b->request, "has %d outcomes for %d records, so that it does not say which were taken", count<0 ? 0 : count, b->count);
    batch_fail(s, b, 0, UNKNOWN, ortto_error(s->endpoint->client));
  }
}

/* {} or {"errors":[{"status","message","index"}]}, where index counts in the array as sent. */
static void parse_segment_answer(ortto_sending *s, batch *b){
  js answer, error;
  int64_t index, status;
  if( answer_json(b->request, &answer)!=ORTTO_OK || js_type(answer)!='{' ){
    if( ortto_error(s->endpoint->client)[0]==0 || b->request->answer.n ) set_bad_answer(b->request, "is no object");
    batch_fail(s, b, 0, UNKNOWN, ortto_error(s->endpoint->client));
    return;
  }
  for(int i=0; i<b->count; i++) record_done(&s->record[b->member[i]], NULL, NULL);
  js errors = js_get(answer, "errors");
  if( is_present(errors) && js_type(errors)!='[' ){
    set_bad_answer(b->request, "has \"errors\" that is no list");
    batch_fail(s, b, 0, UNKNOWN, ortto_error(s->endpoint->client));
  }
  if( js_type(errors)!='[' ) return;
  js_iter it = js_in(errors);
  while( js_next(&it, NULL, &error) ){
    if( !js_integer(js_get(error, "index"), &index) || index<0 || index>=b->count ){
      set_bad_answer(b->request, "names an error without saying of which record");
      batch_fail(s, b, 0, UNKNOWN, ortto_error(s->endpoint->client));
      return;
    }
    record *r = &s->record[b->member[index]];
    const char *message = words_of(s, js_get(error, "message"));
    if( !js_integer(js_get(error, "status"), &status) || status<400 || status>599 ) status = 400;
    r->outcome.body = NULL;
    outcome_set(r, (int)status, REFUSED, message && message[0] ? message : "refused");
  }
}

/* A 400 whose details answer each record; else it is the batch's own. */
static void parse_refusal(ortto_sending *s, batch *b){
  js answer;
  const http_request *c = b->request;
  if( c->status==400 && s->endpoint->protocol==ORTTO_API && c->answer.n && json_check(c->answer.p, c->answer.n, &answer) ){
    js details = js_get(answer, "details");
    if( js_type(details)=='[' && count_elements(details)==b->count ){
      parse_outcomes(s, b, details);
      for(int i=0; i<b->count; i++){             /* 400: none was taken, whatever the words */
        record *r = &s->record[b->member[i]];
        r->outcome.request_id = js_cstring(&s->memory, js_get(answer, "request_id"));
        if( r->outcome.errortype==NULL ) outcome_set(r, 400, REFUSED, r->outcome.result ? r->outcome.result : keep(s, c->error));
      }
      return;
    }
  }
  int taken = c->status==0 || c->status>=500;    /* perhaps */
  if( c->attempt==0 ) batch_fail(s, b, 0, NOT_SENT, c->error ? c->error : "not sent");
  else batch_fail(s, b, c->status, taken && c->status!=501 && c->status!=507 ? UNKNOWN : REFUSED, c->error ? c->error : "refused");
  if( c->attempt==0 || status_ends(c->status) ) s->stopped = 1;
}

static int batch_settle(ortto_sending *s, batches *all, int at);

/* Some records of a batch once more, by themselves and at once: what they were in order with, they stay in order with. */
static int batch_again(ortto_sending *s, batches *all, int at, int from, int to, int conflicts){
  batch *b = batch_new(all, 0);
  int ok = b!=NULL;
  if( ok ) b->conflicts = conflicts;
  for(int i=from; ok && i<to; i++) ok = batch_add(b, all->list[at].member[i], 0);
  if( !ok ) return no_memory(s->endpoint->client);
  if( s->stopped ) return ORTTO_OK;
  int rc = batch_send(s, b);
  return rc==ORTTO_OK ? batch_settle(s, all, (int)(b - all->list)) : rc;
}

/* The answer of a batch. */
static int batch_settle(ortto_sending *s, batches *all, int at){
  batch *b = &all->list[at];
  http_request *c = b->request;
  int count = b->count, rc = request_wait(c);
  if( rc==ORTTO_INTERRUPT || rc==ORTTO_NOMEM ) return rc;
  int halve = rc!=ORTTO_OK && c->status==413 && count>1, again = rc!=ORTTO_OK && c->status==409 && b->conflicts==0;
  if( rc==ORTTO_OK && s->endpoint->protocol==ORTTO_API ) parse_api_answer(s, b);
  else if( rc==ORTTO_OK ) parse_segment_answer(s, b);
  else if( !halve && !again ) parse_refusal(s, b);
  request_drop(c);
  b->request = NULL;
  if( again ) return batch_again(s, all, at, 0, count, 1);
  rc = halve ? batch_again(s, all, at, 0, count/2, 0) : ORTTO_OK;
  return halve && rc==ORTTO_OK ? batch_again(s, all, at, count/2, count, 0) : rc;
}

/* All batches of a round, several in flight; batches that are added on the way belong to it too. */
static int wave_send(ortto_sending *s, batches *all, int round){
  int rc = ORTTO_OK, next = 0, waiting = 0;
  for(;;){
    int flying = 0;
    for(int i=waiting; i<next; i++) flying += all->list[i].request!=NULL;
    while( rc==ORTTO_OK && !s->stopped && flying<=s->endpoint->concurrency && next<all->count ){
      if( all->list[next].wave==round ){
        rc = batch_send(s, &all->list[next]);
        flying++;
      }
      next++;
    }
    while( waiting<next && all->list[waiting].request==NULL ) waiting++;
    if( rc!=ORTTO_OK || waiting>=next ){
      if( rc==ORTTO_OK && !s->stopped && next<all->count ) continue;
      return rc;
    }
    rc = batch_settle(s, all, waiting);
    if( rc!=ORTTO_OK ) return rc;
  }
}

static void leftovers(ortto_sending *s, const batches *all){
  for(int i=0; i<all->count; i++) if( all->list[i].request && all->list[i].request->attempt>0 )   /* on the wire when the user interrupted */
    for(int k=0; k<all->list[i].count; k++){
      record *r = &s->record[all->list[i].member[k]];
      if( r->outcome.status<0 ) outcome_set(r, 0, UNKNOWN, "ortto: given up before the answer came");
    }
  for(int i=0; i<s->count; i++) if( s->record[i].outcome.status<0 )
    outcome_set(&s->record[i], 0, NOT_SENT, s->stopped ? "ortto: not sent, because an earlier request failed" : "ortto: not sent");
}

static int interrupted_error(ortto_sending *s){
  int delivered = 0, first = -1;
  for(int i=0; i<s->count; i++){
    if( s->record[i].outcome.status>=200 && s->record[i].outcome.status<300 ) delivered++;
    else if( first<0 ) first = i;
  }
  set_error(s->endpoint->client, "ortto: interrupted: %d of %d records were delivered; the first that was not is number %d (counted from 0)", delivered, s->count, first<0 ? 0 : first);
  return ORTTO_INTERRUPT;
}

static int sending_run(ortto_sending *s){
  batches all = { 0 };
  int rounds = 0, ok = s->endpoint->protocol==ORTTO_SEGMENT ? batches_segment(s, &all) : batches_api(s, &all);
  int rc = ok ? ORTTO_OK : no_memory(s->endpoint->client);
  for(int i=0; i<all.count; i++) if( all.list[i].wave>rounds ) rounds = all.list[i].wave;
  for(int round=1; rc==ORTTO_OK && !s->stopped && round<=rounds; round++) rc = wave_send(s, &all, round);
  int begun = 0;                                 /* out of memory after something went out: the outcomes say so, record by record */
  for(int i=0; i<s->count; i++) begun |= s->record[i].item!=NULL && s->record[i].outcome.status>=0;
  for(int i=0; i<all.count; i++) begun |= all.list[i].request!=NULL && all.list[i].request->attempt>0;
  if( rc==ORTTO_NOMEM && begun ){
    s->stopped = 1;
    rc = ORTTO_OK;
  }
  leftovers(s, &all);
  batches_free(&all);
  return rc==ORTTO_INTERRUPT ? interrupted_error(s) : rc;
}

/* {"id":"..."} */
static int map_archive(ortto_sending *s, record *r){
  js id = js_get(r->given, "id");
  if( js_type(id)!='"' || !ortto_is_id(id.p+1, id.n-2) ){
    refuse(s, r, 400, "ortto: an id is 24 hexadecimal digits, not %.*s", (int)(id.n<40 ? id.n : 40), id.p ? id.p : "");
    return ORTTO_OK;
  }
  r->keys_given = r->lookup_keys = KEY_ID;
  r->key[0] = arena_text(&s->memory, id.p+1, id.n-2);
  r->merge_by = "";
  r->item = id.p;
  r->item_n = id.n;
  return r->key[0] ? ORTTO_OK : no_memory(s->endpoint->client);
}

/* Options that name fields: known before anything is sent. */
static int options_resolve(ortto_sending *s){
  ortto_client *client = s->endpoint->client;
  const ortto_options *o = s->options;
  if( s->endpoint->protocol==ORTTO_SEGMENT )
    return o->api_only ? fail(client, "ortto: the option %s belongs to Ortto's API: it has no effect on what is sent to a Segment data source", o->api_only) : ORTTO_OK;
  int rc = is_archive(s) ? ORTTO_OK : fields_have(s, 0);
  if( rc==ORTTO_ERROR ){                         /* no field can be named: each record says so */
    const char *why = keep(s, ortto_error(client));
    for(int i=0; i<s->count; i++) outcome_set(&s->record[i], 0, NOT_SENT, why);
    s->stopped = 1;
    return ORTTO_OK;
  }
  for(int i=0; rc==ORTTO_OK && i<=o->merge_by_count; i++){
    const char *name = i<o->merge_by_count ? o->merge_by[i] : o->suppression;
    if( name==NULL || strcmp(name, "id")==0 || strcmp(name, "str::person_id")==0 || strcmp(name, "str:o:account_id")==0 ) continue;
    const ortto_field *f = field_named(s, name, strlen(name), 0);
    if( f && i==o->merge_by_count && (s->suppression = arena_text(&s->memory, f->id, strlen(f->id)))==NULL ) rc = no_memory(client);
    if( f==NULL )
      rc = fail(client, "ortto: the option %s names no field: there is no '%.60s'; the closest is '%s'", i<o->merge_by_count ? "merge_by" : "suppression_list_field_id",
                name, closest_field(s, name));
  }
  return rc;
}

static int records_read(ortto_sending *s, const char *json, size_t length){
  ortto_client *client = s->endpoint->client;
  js all, item;
  s->text = malloc(length + 1);
  if( s->text==NULL ) return no_memory(client);
  memcpy(s->text, json, length);
  s->text[length] = 0;
  if( !json_check(s->text, length, &all) || (js_type(all)!='{' && js_type(all)!='[') )
    return fail(client, "ortto: %s takes a JSON object, or a list of them, and this is %s", s->verb==ORTTO_TRACK ? "ortto_track" : "ortto_upsert",
                json_check(s->text, length, &all) ? "neither" : "not JSON");
  s->single = js_type(all)=='{';
  int count = s->single ? 1 : count_elements(all);
  s->record = calloc((size_t)count + 1, sizeof *s->record);
  if( s->record==NULL ) return no_memory(client);
  if( s->single ) s->record[s->count++].given = all;
  js_iter it = js_in(all);
  while( !s->single && js_next(&it, NULL, &item) ) s->record[s->count++].given = item;
  for(int i=0; i<s->count; i++) s->record[i].outcome.status = -1;
  return ORTTO_OK;
}

static int records_map(ortto_sending *s){
  int rc = ORTTO_OK;
  for(int i=0; rc==ORTTO_OK && i<s->count && !s->interrupted; i++){
    record *r = &s->record[i];
    js given = r->given;
    if( s->stopped ) break;
    if( js_type(given)!='{' ) refuse(s, r, 400, "ortto: a record must be an object, not %s", js_kind(given));
    else if( given.n>BODY_MAX ) refuse(s, r, 413, "ortto: the record is larger than 2 MB");
    else if( !utf8_is_sound(given.p, given.n) ) refuse(s, r, 400, "ortto: the record holds text that is no UTF-8");
    else if( is_archive(s) ) rc = map_archive(s, r);
    else rc = s->endpoint->protocol==ORTTO_SEGMENT ? map_segment(s, r) : map_api(s, r);
    if( i%500==499 && interrupted(s->endpoint->client) ) s->interrupted = 1;
  }
  return rc==ORTTO_OK && s->interrupted ? interrupted_error(s) : rc;
}

int ortto_send(ortto_endpoint *e, ortto_verb verb, const char *json, size_t length, const ortto_options *options, ortto_sending **out){
  ortto_sending *s = calloc(1, sizeof *s);
  *out = NULL;
  if( s==NULL ) return no_memory(e->client);
  s->endpoint = e;
  e->references++;
  s->verb = verb;
  s->options = options;
  s->doing = verb==ORTTO_TRACK ? "sending activities" : verb==ORTTO_UPSERT ? "sending contacts" : verb==ORTTO_UPSERT_ACCOUNTS ? "sending accounts" : "archiving";
  s->encoder.memory = &s->memory;
  int rc = records_read(s, json, length);
  if( rc==ORTTO_OK ) rc = options_resolve(s);
  if( rc==ORTTO_OK ) rc = records_map(s);
  if( rc==ORTTO_OK ) rc = sending_run(s);
  if( rc==ORTTO_INTERRUPT ) for(int i=0; i<s->count; i++) if( s->record[i].outcome.status<0 )
    outcome_set(&s->record[i], 0, NOT_SENT, "ortto: not sent: interrupted");
  if( rc==ORTTO_OK || (rc==ORTTO_INTERRUPT && s->record) ) *out = s;
  else ortto_sending_free(s);
  return rc;
}

void ortto_sending_free(ortto_sending *s){
  if( s==NULL ) return;
  fields_forget(s);
  map_free(&s->refused);
  arena_free(&s->memory);
  buf_free(&s->scratch);
  free(s->record);
  free(s->text);
  ortto_endpoint_close(s->endpoint);
  free(s);
}

int ortto_sending_stopped(const ortto_sending *s){
  return s->stopped;
}

int ortto_sending_count(const ortto_sending *s){
  return s->count;
}

int ortto_sending_is_list(const ortto_sending *s){
  return !s->single;
}

const ortto_outcome *ortto_sending_outcome(ortto_sending *s, int i){
  record *r = &s->record[i];
  r->outcome.sent = r->item ? r->item : r->given.p;
  r->outcome.sent_length = r->item ? r->item_n : r->given.n;
  return &r->outcome;
}
