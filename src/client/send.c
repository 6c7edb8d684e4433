/*
** send.c - see send.h.
*/
#include "send.h"

#include <stdlib.h>
#include <string.h>

#include "../os.h"
#include "../text.h"
#include "../json.h"
#include "context.h"
#include "endpoint.h"
#include "account.h"
#include "request.h"
#include "value.h"
#include "options.h"
#include "record.h"
#include "contact.h"
#include "create.h"
#include "activity.h"
#include "segment.h"
#include "batch.h"

/* ---- answers to outcomes ------------------------------------------------------------------------- */

static void batch_fail(ortto_sending *s, const batch *b, int status, const char *errortype,
                       const char *message){
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
static const char *words_shown(ortto_sending *s, const char *said){
  buf words = { 0 };
  if( said ) add_words(&words, said, s->endpoint->key);
  const char *text = words.p ? words.p : "";
  const char *shown = said==NULL || words.failed ? NULL : arena_text(&s->memory, text, strlen(text));
  buf_free(&words);
  return shown;
}

static const char *words_of(ortto_sending *s, js v){
  return words_shown(s, js_cstring(&s->memory, v));
}

/* The same of JSON that is no text. */
static const char *raw_words_of(ortto_sending *s, js v){
  return words_shown(s, arena_text(&s->memory, v.p, v.n));
}

/* A word of failure in an answer that has the status of success: `errors` or `error` with something in it, a
** `code` or `status` of 400 or more, `success` false. but_errors: `errors` is read elsewhere. 1: there is
** one, and *words is what it says ("": nothing; NULL: out of memory). */
static int failure_in(ortto_sending *s, js o, int but_errors, const char **words){
  static const char *const texts[] = { "error", "errors", "message" }, *const codes[] = { "code", "status" };
  int failed = 0;
  *words = "";
  for(int i=0; i<(but_errors ? 1 : 2); i++){
    js v = js_get(o, texts[i]);
    failed |= is_present(v) && js_type(v)!='f' && v.n>2;   /* more than "", [], {} */
  }
  for(int i=0; i<COUNT(codes); i++){
    js v = js_get(o, codes[i]);
    double number;
    if( js_type(v)=='"' ) v = unquoted(v);
    failed |= js_double(v, &number) && number>=400;
  }
  js success = js_get(o, "success");
  failed |= js_type(success)=='f' || js_is(success, "\"false\"") || js_is(success, "0");
  for(int i=0; failed && i<COUNT(texts) && *words && (*words)[0]==0; i++){
    js v = js_get(o, texts[i]);
    if( js_type(v)=='{' && js_get(v, "message").p ) v = js_get(v, "message");
    if( js_type(v)=='"' ) *words = words_of(s, v);
    else if( js_type(v)=='{' || js_type(v)=='[' ) *words = raw_words_of(s, v);
  }
  return failed;
}

/* The words with which the API says that it took a record. [recorded]: created, merged, queued, ingested,
** by-id; the others are a [guess]. */
static int is_taken(const char *result){
  static const char *const words[] = {
    "created", "merged", "queued", "ingested", "by-id", "updated", "ok", "success", "unchanged", "accepted",
  };
  for(int i=0; i<COUNT(words); i++) if( same_word(result, words[i]) ) return 1;
  return 0;
}

/* Two are [recorded], the others a [guess]. */
static int is_refusal(const char *result){
  static const char *const words[] = {
    "invalid", "suppressed", "error", "failed", "rejected", "refused",
  };
  for(int i=0; i<COUNT(words); i++) if( same_word(result, words[i]) ) return 1;
  return 0;
}

/* The word for a record that the options told to leave alone [guess]. */
static int is_passed_over(const ortto_sending *s, const char *result){
  const ortto_options *o = s->options;
  return (o->skip_non_existing || o->merge_strategy==3)
      && (same_word(result, "skipped") || same_word(result, "ignored"));
}

/* An id as the server gives it, fit to be shown. NULL: there is none, or no memory for it. */
static const char *id_of_row(ortto_sending *s, js row){
  static const char *const ids[] = { "person_id", "account_id", "accounts_id", "organization_id", "id" };
  for(int i=0; i<COUNT(ids); i++){
    js v = js_get(row, ids[i]);
    if( js_type(v)=='"' && v.n>2 ) return words_of(s, v);
  }
  return NULL;
}

/* One row of the API's answer, which answers the record at the same place [guess: the rows do not echo the
** key]. Only what says that the record was taken is success. */
static void parse_outcome(ortto_sending *s, record *r, js row){
  js status = js_get(row, "status"), twice;
  int silent = status.p==NULL, odd = js_repeats(row, &twice) || (!silent && js_type(status)!='"');
  const char *result = words_of(s, status), *error, *id = id_of_row(s, row);
  int failed = failure_in(s, row, 0, &error);
  if( result==NULL || error==NULL ) outcome_set(r, 0, UNKNOWN, "out of memory");
  else if( failed || is_refusal(result) ){
    const char *why = result[0] && !is_taken(result) ? result : "refused, without a reason";
    outcome_set(r, 400, REFUSED, error[0] ? error : why);
    r->outcome.result = result;
  }else if( !odd && (is_taken(result) || is_passed_over(s, result) || (silent && id)) )
    record_done(r, result[0] ? result : NULL, id);
  else if( odd || result[0]==0 )
    outcome_set(r, 0, UNKNOWN, "ortto: the answer does not say whether this record was taken");
  else{
    const char *why = arena_printf(&s->memory, "ortto: the answer says '%.60s', which does not tell whether "
                                   "this record was taken", result);
    outcome_set(r, 0, UNKNOWN, why ? why : "out of memory");
    r->outcome.result = result;
  }
}

static void parse_outcomes(ortto_sending *s, batch *b, js rows){
  js row;
  int i = 0;
  js_iter it = js_in(rows);
  while( js_next(&it, NULL, &row) ) parse_outcome(s, &s->record[b->member[i++]], row);
}

/* What has just been said of the last answer is the outcome of all records of the batch. */
static void batch_unknown(ortto_sending *s, const batch *b){
  batch_fail(s, b, 0, UNKNOWN, s->endpoint->context->error);
}

/* Counts only; those that are archived already are not counted [recorded]. */
static void parse_archived(ortto_sending *s, batch *b, js answer){
  static const char *const counts[] = {
    "archived_contacts", "archived_organizations", "archived_accounts", "scheduled_contacts",
    "scheduled_organizations", "scheduled_accounts",
  };
  int64_t number;
  int counted = 0;
  const char *words;
  for(int i=0; i<COUNT(counts); i++) counted |= js_integer(js_get(answer, counts[i]), &number);
  if( failure_in(s, answer, 0, &words) ) counted = 0;
  for(int i=0; counted && i<b->count; i++) record_done(&s->record[b->member[i]], "archived", NULL);
  if( counted ) return;
  set_bad_answer(b->request, "does not say how many were archived");
  batch_unknown(s, b);
}

static void parse_api_answer(ortto_sending *s, batch *b){
  js answer;
  if( answer_json(b->request, &answer)!=ORTTO_OK ){
    batch_unknown(s, b);
    return;
  }
  if( is_archive(s) ){
    parse_archived(s, b, answer);
    return;
  }
  js rows = js_get(answer, items_member(s));
  if( rows.p==NULL && s->verb==ORTTO_UPSERT_ACCOUNTS ) rows = js_get(answer, "organizations");
  int count = js_type(rows)=='[' ? count_elements(rows) : -1;
  log_rows(b->request, count);
  const char *words;
  if( failure_in(s, answer, 0, &words) ){
    set_bad_answer(b->request, "says that it failed: %s", words==NULL || words[0]==0 ? "no reason" : words);
    batch_unknown(s, b);
  }else if( count==b->count ) parse_outcomes(s, b, rows);
  else{
    set_bad_answer(b->request, "has %d outcomes for %d records, so that it does not say which were taken",
                   count<0 ? 0 : count, b->count);
    batch_unknown(s, b);
  }
}

/* An element of "errors": {"status","message","index"}, where index counts in the array as sent. 0: it does
** not say of which record. */
static int segment_error(ortto_sending *s, batch *b, js error){
  int64_t index, status;
  if( !js_integer(js_get(error, "index"), &index) || index<0 || index>=b->count ) return 0;
  record *r = &s->record[b->member[index]];
  const char *message = words_of(s, js_get(error, "message"));
  if( !js_integer(js_get(error, "status"), &status) || status<400 || status>599 ) status = 400;
  r->outcome.body = NULL;
  outcome_set(r, (int)status, REFUSED, message && message[0] ? message : "refused");
  return 1;
}

/* Success is an empty body, or an object without a word of failure but for a list of errors that names each
** record. */
static void parse_segment_answer(ortto_sending *s, batch *b){
  js answer = js_slice("{}", 2), error;
  const char *words;
  if( b->request->transfer.answer.n && answer_json(b->request, &answer)!=ORTTO_OK ){
    batch_unknown(s, b);
    return;
  }
  js errors = js_get(answer, "errors");
  int listed = js_type(errors)=='[', failed = 0;
  if( js_type(answer)!='{' ) set_bad_answer(b->request, "is no object");
  else failed = failure_in(s, answer, listed, &words);
  if( failed )
    set_bad_answer(b->request, "says that it failed: %s", words==NULL || words[0]==0 ? "no reason" : words);
  if( failed || js_type(answer)!='{' ){
    batch_unknown(s, b);
    return;
  }
  for(int i=0; i<b->count; i++) record_done(&s->record[b->member[i]], NULL, NULL);
  js_iter it = js_in(errors);
  while( listed && js_next(&it, NULL, &error) ) if( !segment_error(s, b, error) ){
    set_bad_answer(b->request, "names an error without saying of which record");
    batch_unknown(s, b);
    return;
  }
}

/* A 400 whose details answer each record, of which none was taken, whatever the words. 0: it is none. */
static int parse_details(ortto_sending *s, batch *b){
  const http_request *c = b->request;
  const buf *text = &c->transfer.answer;
  js answer;
  if( c->status!=400 || s->endpoint->protocol!=ORTTO_API || text->n==0 ) return 0;
  if( !json_check(text->p, text->n, &answer) ) return 0;
  js details = js_get(answer, "details");
  if( js_type(details)!='[' || count_elements(details)!=b->count ) return 0;
  parse_outcomes(s, b, details);
  for(int i=0; i<b->count; i++){
    record *r = &s->record[b->member[i]];
    r->outcome.request_id = words_of(s, js_get(answer, "request_id"));
    if( r->outcome.errortype==REFUSED ) continue;
    r->outcome.body = NULL;
    outcome_set(r, 400, REFUSED, r->outcome.result ? r->outcome.result : keep(s, c->error));
  }
  return 1;
}

static void parse_refusal(ortto_sending *s, batch *b){
  const http_request *c = b->request;
  if( parse_details(s, b) ) return;
  int maybe_taken = c->status==0 || (c->status>=500 && c->status!=501 && c->status!=507);
  if( c->attempt==0 ) batch_fail(s, b, 0, NOT_SENT, c->error ? c->error : "not sent");
  else batch_fail(s, b, c->status, maybe_taken ? UNKNOWN : REFUSED, c->error ? c->error : "refused");
  if( c->attempt==0 || status_ends(c->status) ) s->stopped = 1;
}

/* ---- waves of requests --------------------------------------------------------------------------- */

static int batch_settle(ortto_sending *s, batches *all, int at);

/* Some records of a batch once more, by themselves and at once: what they were in order with, they stay in
** order with. */
static int batch_again(ortto_sending *s, batches *all, int at, int from, int to, int conflicts){
  batch *b = batch_new(all, 0);
  int ok = b!=NULL;
  if( ok ) b->conflicts = conflicts;
  for(int i=from; ok && i<to; i++) ok = batch_add(b, all->list[at].member[i], 0);
  if( !ok ) return no_memory(s->endpoint->context);
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
  int halve = rc!=ORTTO_OK && c->status==413 && count>1;
  int again = rc!=ORTTO_OK && c->status==409 && b->conflicts==0;
  if( rc==ORTTO_OK && s->endpoint->protocol==ORTTO_API ) parse_api_answer(s, b);
  else if( rc==ORTTO_OK ) parse_segment_answer(s, b);
  else if( !halve && !again ) parse_refusal(s, b);
  request_drop(c);
  b->request = NULL;
  if( again ) return batch_again(s, all, at, 0, count, 1);
  if( !halve ) s->endpoint->queue->settled += count;
  rc = halve ? batch_again(s, all, at, 0, count/2, 0) : ORTTO_OK;
  return halve && rc==ORTTO_OK ? batch_again(s, all, at, count/2, count, 0) : rc;
}

/* All batches of a wave, several in flight; batches that are added on the way are settled where they are
** added. */
static int wave_send(ortto_sending *s, batches *all, int wave){
  int rc = ORTTO_OK, next = 0, waiting = 0;
  for(;;){
    int flying = 0;
    for(int i=waiting; i<next; i++) flying += all->list[i].request!=NULL;
    while( rc==ORTTO_OK && !s->stopped && flying<=requests_window(s->endpoint) && next<all->count ){
      if( all->list[next].wave==wave ){
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

/* Records that have no outcome yet; rc: what ended the sending. */
static void leftovers(ortto_sending *s, const batches *all, int rc){
  const char *why = "ortto: not sent: interrupted", *open = "ortto: interrupted before the answer came";
  if( rc==ORTTO_NOMEM ){
    why = "ortto: not sent: out of memory";
    open = "ortto: out of memory before the answer came";
  }else if( s->stopped ){
    why = "ortto: not sent, because an earlier request failed";
    open = "ortto: given up before the answer came";
  }
  for(int i=0; i<all->count; i++){
    const batch *b = &all->list[i];
    if( b->request==NULL || b->request->attempt==0 ) continue;
    for(int k=0; k<b->count; k++){               /* on the wire when the user interrupted */
      record *r = &s->record[b->member[k]];
      if( r->outcome.status<0 ) outcome_set(r, 0, UNKNOWN, open);
    }
  }
  for(int i=0; i<s->count; i++)
    if( s->record[i].outcome.status<0 ) outcome_set(&s->record[i], 0, NOT_SENT, why);
}

static int interrupted_error(ortto_sending *s){
  int delivered = 0, first = -1;
  for(int i=0; i<s->count; i++){
    if( s->record[i].outcome.status>=200 && s->record[i].outcome.status<300 ) delivered++;
    else if( first<0 ) first = i;
  }
  set_error(s->endpoint->context, "ortto: interrupted: %d of %d records were delivered; the first that was "
            "not is number %d (counted from 0)", delivered, s->count, first<0 ? 0 : first);
  return ORTTO_INTERRUPT;
}

/* Did anything go out? */
static int is_begun(const ortto_sending *s, const batches *all){
  for(int i=0; i<s->count; i++) if( s->record[i].item!=NULL && s->record[i].outcome.status>=0 ) return 1;
  for(int i=0; i<all->count; i++)
    if( all->list[i].request!=NULL && all->list[i].request->attempt>0 ) return 1;
  return 0;
}

static int sending_run(ortto_sending *s){
  batches all = { 0 };
  int waves = 0, ok = s->endpoint->protocol==ORTTO_SEGMENT ? batches_segment(s, &all) : batches_api(s, &all);
  int rc = ok ? ORTTO_OK : no_memory(s->endpoint->context);
  for(int i=0; i<all.count; i++) if( all.list[i].wave>waves ) waves = all.list[i].wave;
  for(int wave=1; rc==ORTTO_OK && !s->stopped && wave<=waves; wave++) rc = wave_send(s, &all, wave);
  int begun = is_begun(s, &all);
  leftovers(s, &all, rc);
  if( rc==ORTTO_NOMEM && begun ){                /* the outcomes say so, record by record */
    s->stopped = 1;
    rc = ORTTO_OK;
  }
  batches_free(&all);
  return rc==ORTTO_INTERRUPT ? interrupted_error(s) : rc;
}

/* ---- records to items ---------------------------------------------------------------------------- */

/* The item of the API, or a refusal. ORTTO_OK in both cases. */
static int map_api(ortto_sending *s, record *r){
  contact c = { .r = r };
  int rc = fields_have(s, 0);
  if( rc!=ORTTO_OK ) return rc;
  if( is_raw_event(r->given) && !raw_map(s, r) ) return ORTTO_OK;
  int track = s->verb==ORTTO_TRACK;
  if( contact_read(s, &c, track ? activity_check : contact_check) && contact_keys(s, &c) ){
    if( track ) activity_item(s, &c);
    else contact_item(s, &c);
  }
  contact_free(&c);
  return ORTTO_OK;
}

/* {"id":"..."} */
static int map_archive(ortto_sending *s, record *r){
  js id = js_get(r->given, "id");
  if( js_type(id)!='"' || !ortto_is_id(id.p+1, id.n-2) ){
    blame(s, r, named("id"), "ortto: an id is 24 hexadecimal digits, not %.*s", cut_to(40, id.p, id.n),
          id.p ? id.p : "");
    return ORTTO_OK;
  }
  r->keys_given = r->lookup_keys = KEY_ID;
  r->key[0] = arena_text(&s->memory, id.p+1, id.n-2);
  r->merge_by = "";
  r->item = arena_text(&s->memory, id.p, id.n);
  r->item_n = id.n;
  return r->key[0] && r->item ? ORTTO_OK : no_memory(s->endpoint->context);
}

static int is_id_name(const char *name){
  return strcmp(name, "id")==0 || strcmp(name, "str::person_id")==0 || strcmp(name, "str:o:account_id")==0;
}

/* The field that an option names; *id, if asked for, gets its id. */
static int option_field(ortto_sending *s, const char *option, const char *name, const char **id){
  context *ctx = s->endpoint->context;
  if( name==NULL || is_id_name(name) ) return ORTTO_OK;
  const ortto_field *f = field_named(s, name, strlen(name));
  if( f==NULL )
    return fail(ctx, "ortto: the option %s names no field: there is no '%.60s'; the closest is '%s'", option,
                name, closest_field(s, name));
  if( id==NULL ) return ORTTO_OK;
  *id = arena_text(&s->memory, f->id, strlen(f->id));
  return *id ? ORTTO_OK : no_memory(ctx);
}

/* Options that name fields: known before anything is sent. */
static int options_resolve(ortto_sending *s){
  context *ctx = s->endpoint->context;
  const ortto_options *o = s->options;
  if( s->endpoint->protocol==ORTTO_SEGMENT ){
    if( o->api_only==NULL ) return ORTTO_OK;
    return fail(ctx, "ortto: the option %s belongs to Ortto's API: it has no effect on what is sent to a "
                "Segment data source", o->api_only);
  }
  int rc = is_archive(s) ? ORTTO_OK : fields_have(s, 0);
  if( rc==ORTTO_ERROR ){                         /* no field can be named: each record says so */
    const char *why = keep(s, ctx->error);
    for(int i=0; i<s->count; i++) outcome_set(&s->record[i], 0, NOT_SENT, why);
    s->stopped = 1;
    return ORTTO_OK;
  }
  for(int i=0; rc==ORTTO_OK && i<o->merge_by_count; i++)
    rc = option_field(s, "merge_by", o->merge_by[i], NULL);
  return rc==ORTTO_OK ? option_field(s, "suppression_list_field_id", o->suppression, &s->suppression) : rc;
}

static int records_read(ortto_sending *s, const char *json, size_t length){
  context *ctx = s->endpoint->context;
  js all, item;
  s->text = malloc(length + 1);
  if( s->text==NULL ) return no_memory(ctx);
  memcpy(s->text, json, length);
  s->text[length] = 0;
  int good = json_check(s->text, length, &all);
  if( !good || (js_type(all)!='{' && js_type(all)!='[') )
    return fail(ctx, "ortto: %s takes a JSON object, or a list of them, and this is %s",
                s->verb==ORTTO_TRACK ? "ortto_track" : "ortto_upsert", good ? "neither" : "not JSON");
  s->single = js_type(all)=='{';
  int count = s->single ? 1 : count_elements(all);
  s->record = calloc((size_t)count + 1, sizeof *s->record);
  if( s->record==NULL ) return no_memory(ctx);
  if( s->single ) s->record[s->count++].given = all;
  js_iter it = js_in(all);
  while( !s->single && js_next(&it, NULL, &item) ) s->record[s->count++].given = item;
  for(int i=0; i<s->count; i++){
    s->record[i].outcome.status = -1;
    s->record[i].apart = "";
  }
  return ORTTO_OK;
}

static int record_map(ortto_sending *s, record *r){
  js given = r->given;
  if( js_type(given)!='{' ) refuse(s, r, 400, "ortto: a record must be an object, not %s", js_kind(given));
  else if( given.n>BODY_MAX ) refuse(s, r, 413, "ortto: the record is larger than 2 MB");
  else if( !utf8_is_sound(given.p, given.n) )
    refuse(s, r, 400, "ortto: the record holds text that is no UTF-8");
  else if( is_archive(s) ) return map_archive(s, r);
  else if( s->endpoint->protocol==ORTTO_API ) return map_api(s, r);
  else segment_item(s, r);
  return ORTTO_OK;
}

static int records_map(ortto_sending *s){
  int rc = ORTTO_OK;
  for(int i=0; rc==ORTTO_OK && i<s->count && !s->interrupted && !s->stopped; i++){
    rc = record_map(s, &s->record[i]);
    refusals_close(s, &s->record[i]);
    if( i%500==499 && interrupted(s->endpoint->context) ) s->interrupted = 1;
  }
  return rc==ORTTO_OK && s->interrupted ? interrupted_error(s) : rc;
}

/* ---- a call that is made twice ---------------------------------------------------------------------- */

/* Some programs run a SELECT more than once: then its activities are the same to the server. */
static void call_recognize(ortto_sending *s){
  context *ctx = s->endpoint->context;
  uint64_t h = hash_bytes(HASH_START ^ s->endpoint->identity, s->text, strlen(s->text));
  const char *options = s->options->text ? s->options->text : "";
  h = hash_bytes(mix64(h ^ (uint64_t)s->verb), options, strlen(options));
  s->call = mix64(h);
  const recent_call *before = recent_find(s->endpoint->account, s->call, now_us());
  s->repeated = before!=NULL;
  if( before ){
    memcpy(s->seed, before->seed, sizeof s->seed);
    memcpy(s->when, before->when, sizeof s->when);
    return;
  }
  os_utc_text(os_wall_ms(), s->when);
  if( os_random(s->seed, sizeof s->seed) ) return;
  for(int i=0; i<2; i++) s->seed[i] = mix64((uint64_t)(random_unit(ctx) * 9007199254740992.0));
}

/* It is over: from now on a like one is a repetition. */
static void call_remember(ortto_sending *s){
  recent_call call = { .hash = s->call, .at = now_us() };
  memcpy(call.seed, s->seed, sizeof call.seed);
  memcpy(call.when, s->when, sizeof call.when);
  recent_put(s->endpoint->account, &call);
}

/* ---- the call ------------------------------------------------------------------------------------ */

int ortto_send(ortto_endpoint *e, ortto_verb verb, const char *json, size_t length,
               const ortto_options *options, ortto_sending **out){
  static const char *const doing[] = {
    [ORTTO_UPSERT] = "sending contacts", [ORTTO_TRACK] = "sending activities",
    [ORTTO_UPSERT_ACCOUNTS] = "sending accounts", [ORTTO_ARCHIVE] = "archiving",
    [ORTTO_ARCHIVE_ACCOUNTS] = "archiving",
  };
  ortto_sending *s = calloc(1, sizeof *s);
  *out = NULL;
  if( s==NULL ) return no_memory(e->context);
  s->endpoint = e;
  endpoint_keep(e);
  s->verb = verb;
  s->options = options;
  s->doing = doing[verb];
  s->encoder.memory = &s->memory;
  e->queue->settled = 0;
  int rc = records_read(s, json, length);
  if( rc==ORTTO_OK && verb==ORTTO_TRACK ) call_recognize(s);
  if( rc==ORTTO_OK ) rc = options_resolve(s);
  if( rc==ORTTO_OK ) rc = records_map(s);
  if( rc==ORTTO_OK ) rc = sending_run(s);
  if( verb==ORTTO_TRACK && s->call ) call_remember(s);
  for(int i=0; rc==ORTTO_INTERRUPT && i<s->count; i++)
    if( s->record[i].outcome.status<0 )
      outcome_set(&s->record[i], 0, NOT_SENT, "ortto: not sent: interrupted");
  if( rc==ORTTO_OK || (rc==ORTTO_INTERRUPT && s->record) ) *out = s;
  else ortto_sending_free(s);
  return rc;
}

void ortto_sending_free(ortto_sending *s){
  if( s==NULL ) return;
  fields_forget(s);
  makings_free(s);
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
  r->outcome.repeated = s->repeated;
  r->outcome.sent_length = r->item ? r->item_n : r->given.n;
  return &r->outcome;
}
