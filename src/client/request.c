/*
** request.c - see request.h.
*/
#include "request.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../os.h"
#include "../text.h"

#define LOST_FOR (60*SECOND)        /* how long a lost connection is waited out */
#define LOST_PAUSE (10*SECOND)     /* so that work goes on soon after its return */
#define SPARE_MAX (4u << 20)       /* bytes of an answer, or of its nodes, that are kept for the next one */

/* ---- the log ------------------------------------------------------------------------------------------- */

void log_rows(const http_request *r, int64_t rows){
  ortto_log_entry *entry = log_entry(&r->endpoint->queue->log, r->log_number);
  if( entry ) entry->rows = rows;
}

static void log_error(const http_request *r, const char *error){
  ortto_log_entry *entry = log_entry(&r->endpoint->queue->log, r->log_number);
  if( entry ) snprintf(entry->error, sizeof entry->error, "%s", error);
}

/* One entry an attempt, when it is over. */
static void log_attempt(http_request *r, const char *request_id, const char *error){
  ortto_log_entry *entry = log_add(&r->endpoint->queue->log);
  if( entry==NULL ) return;
  r->log_number = entry->number;
  entry->ms = (now_us() - r->started) / 1000;
  os_utc_text(os_wall_ms() - entry->ms, entry->at);
  snprintf(entry->method, sizeof entry->method, "%s", r->method);
  snprintf(entry->path, sizeof entry->path, "%s", r->path);
  entry->status = r->status;
  entry->attempt = r->attempt;
  entry->sent_bytes = (int64_t)r->body_n;
  entry->received_bytes = (int64_t)r->transfer.answer.n;
  entry->rows = -1;
  snprintf(entry->request_id, sizeof entry->request_id, "%s", request_id ? request_id : "");
  snprintf(entry->error, sizeof entry->error, "%s", error ? error : "");
  utf8_mend(entry->error);
}

/* ---- making and dropping ------------------------------------------------------------------------------- */

int requests_open(request_queue *q, context *ctx){
  memset(q, 0, sizeof *q);
  q->context = ctx;
  q->end = &q->first;
  q->process = os_process_id();
  q->http = http_new();
  return q->http!=NULL;
}

void requests_close(request_queue *q){
  while( q->first ){
    http_request *r = q->first;
    q->first = r->next;
    if( q->first==NULL ) q->end = &q->first;
    r->next = NULL;
    request_drop(r);
  }
  http_free(q->http);
  pace_free(&q->pace);
  log_free(&q->log);
  buf_free(&q->spare);
  js_nodes_free(&q->spare_nodes);
}

/* Pages are alike: new memory for each would cost more than reading it. */
static void memory_keep(http_request *r){
  request_queue *q = r->endpoint->queue;
  if( q->spare.p==NULL && r->transfer.answer.cap<=SPARE_MAX ){
    q->spare = r->transfer.answer;
    r->transfer.answer = (buf){ 0 };
  }
  if( q->spare_nodes.node==NULL && r->nodes.room*sizeof *r->nodes.node<=SPARE_MAX ){
    q->spare_nodes = r->nodes;
    r->nodes = (js_nodes){ 0 };
  }
}

static void request_free(http_request *r){
  memory_keep(r);
  js_nodes_free(&r->nodes);
  ortto_endpoint_close(r->endpoint);
  http_transfer_free(&r->transfer);
  free(r->url);
  free(r->body);
  free(r->error);
  free(r);
}

static void request_unlink(http_request *r){
  request_queue *q = r->endpoint->queue;
  for(http_request **at=&q->first; *at; at=&(*at)->next) if( *at==r ){
    *at = r->next;
    if( q->end==&r->next ) q->end = at;
    r->next = NULL;
    return;
  }
}

/* A request counts against the rate from the moment it is on the wire, not while its connection is being
** made. */
static void note_on_wire(http_request *r, int64_t now){
  key_limits *limits = r->endpoint->limits;
  if( !sent_awaits(limits, r->sent_number) ) return;
  int64_t after = http_on_wire_after(&r->transfer);
  if( after>0 ) sent_stamp(limits, r->sent_number, r->started + after);
  else if( r->state!=REQUEST_SENT ) sent_stamp(limits, r->sent_number, now);
}

void request_expect(http_request *r, size_t bytes){
  request_queue *q = r->endpoint->queue;
  q->ahead += bytes - r->expected;
  r->expected = bytes;
}

size_t request_read(http_request *r){
  request_expect(r, 0);
  return r->transfer.answer.n;
}

int requests_window(const ortto_endpoint *e){
  return e->concurrency ? (int)e->concurrency : pace_window(e->limits, e->rate, now_us());
}

int requests_have_room(const ortto_endpoint *e, int queued, size_t bytes){
  if( queued>=requests_window(e) ) return 0;
  return e->concurrency || queued==0 || e->queue->ahead + bytes<=AHEAD_MAX;
}

void request_drop(http_request *r){
  if( r==NULL ) return;
  if( r->state==REQUEST_SENT ){
    http_cancel(r->endpoint->queue->http, &r->transfer);
    r->state = REQUEST_DONE;
    note_on_wire(r, now_us());                   /* it counts against the rate, connected or not */
    log_attempt(r, NULL, "cancelled: its answer was no longer wanted");
  }
  request_unlink(r);
  request_expect(r, 0);
  request_free(r);
}

static uint64_t request_hash(const http_request *r){
  uint64_t h = hash_bytes(HASH_START ^ r->endpoint->identity, r->path, strlen(r->path));
  return hash_bytes(h, r->body ? r->body : "", r->body_n);
}

OS_PRINTF(2, 3)
static void request_fail(http_request *r, const char *format, ...){
  buf b = { 0 };
  va_list args;
  va_start(args, format);
  buf_vprintf(&b, format, args);
  va_end(args);
  free(r->error);
  r->error = b.p;
  r->rc = b.failed ? ORTTO_NOMEM : ORTTO_ERROR;
  r->state = REQUEST_DONE;
}

static void request_no_memory(http_request *r){
  r->rc = ORTTO_NOMEM;
  r->state = REQUEST_DONE;
}

static void enqueue(http_request *r){
  request_queue *q = r->endpoint->queue;
  q->served = 0;                                 /* it should not have to wait */
  if( r->flags & REQUEST_URGENT ){
    r->next = q->first;
    if( q->first==NULL ) q->end = &r->next;
    q->first = r;
  }else{
    *q->end = r;
    q->end = &r->next;
  }
}

http_request *request_new(ortto_endpoint *e, const char *method, const char *path, char *body, int flags,
                          const char *doing){
  http_request *r = calloc(1, sizeof *r);
  buf url = { 0 };
  buf_printf(&url, "%s%s", e->base, path);
  if( r==NULL || url.failed || (body==NULL && strcmp(method, "GET")!=0) ){
    free(r);
    free(body);
    buf_free(&url);
    no_memory(e->context);
    return NULL;
  }
  r->endpoint = endpoint_keep(e);
  r->method = method;
  r->path = path;
  r->doing = doing;
  r->url = url.p;
  r->body = body;
  r->body_n = body ? strlen(body) : 0;
  r->flags = flags;
  r->sent_number = -1;
  r->transfer.owner = r;
  const char *why = NULL;
  if( e->queue->process!=os_process_id() ){
    request_fail(r, "ortto: %s: this connection was opened in another process, from which this one was "
                 "forked; open a connection of its own here", doing);
    return r;
  }
  if( flags & REQUEST_READ ) why = refused_read_find(&e->queue->pace, request_hash(r), now_us());
  if( why )
    request_fail(r, "%s (the same request was refused less than 15 seconds ago and was not sent again)", why);
  else enqueue(r);
  return r;
}

/* ---- what an answer means ------------------------------------------------------------------------------ */

void add_words(buf *out, const char *words, const char *key){
  size_t key_n = strlen(key), budget = 300;
  while( *words && budget ){
    if( key_n>=4 && strncmp(words, key, key_n)==0 ){
      buf_puts(out, "****");
      words += key_n;
      budget = budget>4 ? budget-4 : 0;
      continue;
    }
    size_t n = utf8_length(words, words + strlen(words));
    if( n==0 || (unsigned char)*words<0x20 || *words==0x7F ){
      buf_puts(out, n==0 ? "?" : " ");
      n = 1;
    }else buf_add(out, words, n);
    words += n;
    budget = budget>n ? budget-n : 0;
  }
  if( *words ) buf_puts(out, "...");
}

typedef struct answer_error {      /* what an error's body says, as far as it says anything */
  int is_ortto;                    /* a JSON object */
  buf words;
  char request_id[64];
  double try_in;                   /* seconds, -1 unsaid */
} answer_error;

static double seconds_of(js v){
  double seconds;
  if( js_type(v)=='"' ) v = unquoted(v);
  return js_double(v, &seconds) ? seconds : -1;
}

static void read_request_id(answer_error *out, js id, const char *key){
  arena memory = { 0 };
  buf words = { 0 };
  const char *text = js_cstring(&memory, id);
  if( text ) add_words(&words, text, key);
  for(size_t i=0; i<words.n && i+1<sizeof out->request_id && words.p[i]>' ' && words.p[i]<0x7F; i++)
    out->request_id[i] = words.p[i];
  buf_free(&words);
  arena_free(&memory);
}

/* `error` may be text or an object, `message` may stand in either place, and so may try-in-seconds. */
static void read_error_object(answer_error *out, js body, const char *key){
  js error = js_get(body, "error");
  js said[] = { error, js_get(error, "message"), js_get(body, "message"), js_get(error, "code") };
  arena memory = { 0 };
  for(int i=0; i<COUNT(said) && out->words.n==0; i++){
    const char *text = js_cstring(&memory, said[i]);
    if( text && text[0] ) add_words(&out->words, text, key);
  }
  arena_free(&memory);
  read_request_id(out, js_get(body, "request_id"), key);
  out->try_in = seconds_of(js_get(error, "try-in-seconds"));
  if( out->try_in<0 ) out->try_in = seconds_of(js_get(body, "try-in-seconds"));
}

static void read_error(const http_request *r, answer_error *out){
  const buf *answer = &r->transfer.answer;
  js body;
  memset(out, 0, sizeof *out);
  out->try_in = -1;
  if( answer->n==0 ) return;
  if( answer->n<(1u<<20) && json_check(answer->p, answer->n, &body) && js_type(body)=='{' ){
    out->is_ortto = 1;
    read_error_object(out, body, r->endpoint->key);
    return;
  }
  const char *text = blanks_skip(answer->p);
  if( text[0]=='<' )
    buf_puts(&out->words, "a web page, not an answer of Ortto's: a proxy may stand in between");
  else add_words(&out->words, text, r->endpoint->key);
}

/* A 403 that is not Ortto's JSON comes from the load balancer or a wrong path [seen in clients]: the key
** is not to blame. */
static int refuses_key(int status, const answer_error *why){
  return status==401 || (status==403 && why->is_ortto);
}

static const char *advice(const http_request *r, const answer_error *why){
  const ortto_endpoint *e = r->endpoint;
  if( r->status==403 && !refuses_key(r->status, why) )
    return "This is no answer of Ortto's own, so the key is not to blame: check api_url, and any proxy or "
           "firewall in between";
  switch( r->status ){
    case 400: return "The request itself was refused; if it looks right, report it with the request_id";
    case 401: case 403:
      if( e->protocol==ORTTO_SEGMENT )
        return "Check the segment_key, and that its data source is active in Ortto";
      if( e->region[0]==0 )
        return "Check that the key belongs to this api_url and its region. No request is sent with it for 15 "
               "seconds";
      return "Check the key, and that it belongs to this region: a key works only on the host of its "
             "account's region (global, au or eu). No request is sent with it for 15 seconds";
    case 407: return "The proxy asks for a name and password: give them in its address, "
                     "https_proxy=http://NAME:PASSWORD@HOST:PORT";
    case 404: case 405: return "Check api_url: it takes the address without /v1";
    case 408: case 500: case 502: case 503: case 504: return "Try again later, or raise the setting retries";
    case 413: return "Send less at a time";
    case 429: return "The account's rate limit is used up: lower the setting rate, or raise retries";
    case 507: return "The account's contact limit is reached: archive contacts or change the plan";
    default: break;
  }
  return r->status>=300 && r->status<400 ? "Redirects are not followed: check api_url" : "Try again later";
}

static void fail_by_status(http_request *r, const answer_error *why){
  const ortto_endpoint *e = r->endpoint;
  buf b = { 0 };
  buf_printf(&b, "ortto: %s: %s answered %d", r->doing, e->base, r->status);
  if( why->words.n ) buf_printf(&b, ": %s", why->words.p);
  if( why->request_id[0] ) buf_printf(&b, " (request_id %s)", why->request_id);
  if( r->attempt>1 ) buf_printf(&b, ", after %d attempts", r->attempt);
  buf_printf(&b, ". %s", advice(r, why));
  if( e->region[0] && refuses_key(r->status, why) ) buf_printf(&b, "; region is %s", e->region);
  if( b.failed ) request_no_memory(r);
  else request_fail(r, "%s", b.p);
  buf_free(&b);
}

static void fail_by_transport(http_request *r){
  const http_transfer *t = &r->transfer;
  if( t->too_large ){
    if( r->transfer.headers_n>HEADERS_MAX )
      request_fail(r, "ortto: %s: the headers of the answer of %s are larger than 1 MB: this is not Ortto. "
                   "Check api_url, and any proxy in between", r->doing, r->endpoint->base);
    else
      request_fail(r, "ortto: %s: the answer of %s is larger than 64 MB. Ask for fewer columns, "
                   "and report it if that does not help", r->doing, r->endpoint->base);
    return;
  }
  request_fail(r, "ortto: %s: no whole answer from %s: %s%s. %s", r->doing, r->endpoint->base, t->reason,
               r->attempt>1 ? ", after several attempts" : "", t->advice);
}

static int status_is_passing(int status){
  return status==408 || status==429 || (status>=500 && status!=501 && status!=507);
}

int status_ends(int status){
  return status==0 || status==401 || status==403 || status==408 || status==429 || status>=500;
}

/* After what the server asks for, and at least after a back-off. */
static void try_again(http_request *r, int64_t asked, int64_t now){
  int64_t pause = backoff(r->attempt, random_unit(r->endpoint->context));
  r->not_before = now + (asked<pause ? pause : asked);
  r->state = REQUEST_WAITING;
}

/* A wait that is longer than timeout_ms is not waited: the caller may hold a lock meanwhile. */
static int wait_is_too_long(const http_request *r, int64_t wait){
  return wait > (int64_t)r->endpoint->timeout_ms*1000;
}

static void fail_by_wait(http_request *r, int64_t wait){
  long long seconds = (long long)((wait + SECOND - 1)/SECOND);
  request_fail(r, "ortto: %s: %s asks to wait %lld seconds, which is longer than timeout_ms (%ld). Try again "
               "after that, or raise timeout_ms",
                r->doing, r->endpoint->base, seconds, r->endpoint->timeout_ms);
}

/* What the server asks to wait; 0: it does not say. */
static int64_t wait_asked(const http_request *r, const answer_error *why){
  double seconds = why->try_in;
  if( seconds<0 && r->transfer.retry_after>0 ) seconds = (double)r->transfer.retry_after;
  if( seconds>86400 ) seconds = 86400;
  return seconds>0 ? (int64_t)(seconds * (double)SECOND) : 0;
}

/* An answer with a status other than 2xx, or a retry of it. */
static void request_refused(http_request *r, int64_t now){
  ortto_endpoint *e = r->endpoint;
  answer_error why;
  read_error(r, &why);
  log_attempt(r, why.request_id, why.words.n ? why.words.p : "refused");
  int again = status_is_passing(r->status) && r->attempt<=e->retries;
  int64_t asked = again ? wait_asked(r, &why) : 0;
  if( again ) try_again(r, asked, now);
  else fail_by_status(r, &why);
  if( r->status==429 )
    hold_key(e->limits, e->rate, r->started, now + asked, again ? r->not_before : now, now);
  if( wait_is_too_long(r, asked) ) fail_by_wait(r, asked);
  if( r->status==400 || r->status==401 || r->status==403 ) breaker_count(&e->queue->pace, now);
  if( r->status==400 && (r->flags & REQUEST_READ) )
    refused_read_remember(&e->queue->pace, request_hash(r), r->error, now);
  if( refuses_key(r->status, &why) ) refuse_key(e->limits, e->identity, r->error, now);
  buf_free(&why.words);
}

/* A laptop that wakes, a network that changes: what has had an answer before is worth a minute's wait. */
static int is_waited_out(http_request *r, int64_t now){
  int patient = r->answered && *r->answered && r->endpoint->retries>0 && !r->transfer.timed_out;
  if( r->lost_at==0 ) r->lost_at = now;
  return patient && now - r->lost_at < LOST_FOR;
}

static void request_lost(http_request *r, int64_t now){
  log_attempt(r, NULL, r->transfer.too_large ? r->transfer.too_large : r->transfer.reason);
  if( r->transfer.end==HTTP_NOMEM ) request_no_memory(r);
  else if( r->transfer.end==HTTP_HOPELESS ) fail_by_transport(r);
  else if( is_waited_out(r, now) ){
    try_again(r, 0, now);
    if( r->not_before>now + LOST_PAUSE ) r->not_before = now + LOST_PAUSE;
  }else if( r->attempt<=r->endpoint->retries ) try_again(r, 0, now);
  else fail_by_transport(r);
}

/* This attempt is over. */
static void request_arrived(http_request *r){
  int64_t now = now_us();
  int status = r->transfer.status;
  r->status = status;
  if( r->transfer.end==HTTP_ANSWERED ){
    r->lost_at = 0;
    if( r->answered ) *r->answered = 1;
  }
  if( r->transfer.end==HTTP_ANSWERED && status>=200 && status<300 ){
    log_attempt(r, NULL, r->note);
    latency_note(r->endpoint->limits, now - r->started);
    if( r->expected ) request_expect(r, r->transfer.answer.n);
    r->rc = ORTTO_OK;
    r->state = REQUEST_DONE;
  }else if( r->transfer.end==HTTP_ANSWERED ) request_refused(r, now);
  else request_lost(r, now);
  if( r->stop && r->state==REQUEST_DONE && r->rc==ORTTO_ERROR && status_ends(r->status) ) *r->stop = 1;
  note_on_wire(r, now_us());
  if( r->state==REQUEST_DONE ) request_unlink(r);
}

/* ---- sending ------------------------------------------------------------------------------------------- */

static void request_send(http_request *r, int64_t now){
  ortto_endpoint *e = r->endpoint;
  http_ask ask = { r->method, r->url, e->authorization, r->body, r->body_n, e->timeout_ms, e->loopback,
                   e->ca_file, e->ca_folder };
  r->attempt++;
  r->started = now;
  r->status = 0;
  if( r->transfer.answer.p==NULL ){
    r->transfer.answer = e->queue->spare;
    e->queue->spare = (buf){ 0 };
  }
  if( !http_start(e->queue->http, &r->transfer, &ask) ){
    if( r->transfer.end==HTTP_NOMEM ) request_no_memory(r);
    else fail_by_transport(r);
    return;
  }
  r->state = REQUEST_SENT;
  r->sent_number = reserve_sent(e->limits, (r->flags & REQUEST_FEED)!=0, now);
}

/* Sends it if it may be sent now; else *next is no later than when it may. */
static void request_try(http_request *r, int64_t now, int64_t *next){
  ortto_endpoint *e = r->endpoint;
  request_queue *q = e->queue;
  const char *refusal = key_refusal(e->limits, e->identity, now);
  if( refusal ){
    request_fail(r, "%s", refusal);
    return;
  }
  if( r->stop && *r->stop && r->attempt==0 ){
    request_fail(r, "ortto: not sent, because an earlier request failed");
    return;
  }
  if( wait_is_too_long(r, e->limits->asked_until - now) ){
    fail_by_wait(r, e->limits->asked_until - now);
    return;
  }
  int64_t due = sending_due(&q->pace, e->limits, e->rate, (r->flags & REQUEST_FEED)!=0, r->not_before, now);
  if( due>now ){
    if( due<*next ) *next = due;
  }else if( http_in_flight(q->http) < requests_window(e) ) request_send(r, now);
}

/* Sends what may be sent now; returns how long, in ms, until the next may. */
static int requests_send(request_queue *q, int64_t now){
  int64_t next = now + POLL_MS*1000;
  for(http_request *r=q->first; r; r=r->next) note_on_wire(r, now);
  for(http_request *r=q->first; r; r=r->next) if( r->state==REQUEST_WAITING ) request_try(r, now, &next);
  return (int)((next - now + 999) / 1000);
}

/* Returns how many came. */
static int requests_collect(request_queue *q){
  http_transfer *t;
  int came = 0;
  for(; (t = http_finished(q->http))!=NULL; came++) request_arrived(t->owner);
  return came;
}

/* Moves everything on. With wait, sleeps until something happens, 40 ms at most. */
static void pump(request_queue *q, int wait){
  q->served = now_us();
  int ms = requests_send(q, q->served);
  int running = http_perform(q->http);
  int came = requests_collect(q);
  if( !wait || came>0 || (running==0 && http_in_flight(q->http)>0) ) return;
  http_wait(q->http, ms<POLL_MS ? ms : POLL_MS);
  http_perform(q->http);
  requests_collect(q);
}

#define SERVE_US 1000

/* libcurl asks the system about each connection, ready or not: with sixteen these are as many calls. */
void requests_serve(request_queue *q){
  if( q->first==NULL ) return;
  int64_t ago = now_us() - q->served;
  if( ago<0 || ago>=SERVE_US ) pump(q, 0);
}

int request_wait(http_request *r){
  request_queue *q = r->endpoint->queue;
  int first = 1;
  while( r->state!=REQUEST_DONE ){
    if( interrupted(q->context) ) return fail_interrupted(q->context);
    pump(q, !first);
    first = 0;
  }
  request_unlink(r);
  if( r->rc==ORTTO_ERROR ) set_error(q->context, "%s", r->error);
  if( r->rc==ORTTO_NOMEM ) no_memory(q->context);
  return r->rc;
}

/* One request alone; *until is when its wait is over, 0 unknown. */
static ortto_waiting request_waits_for(const http_request *r, int64_t now, int64_t *until){
  const key_limits *limits = r->endpoint->limits;
  int feed = (r->flags & REQUEST_FEED)!=0;
  *until = 0;
  if( r->state!=REQUEST_WAITING ) return ORTTO_FOR_ANSWER;
  *until = limits->hold_until;
  if( *until>now ) return ORTTO_FOR_REFUSAL;
  *until = r->not_before;
  if( *until>now ) return ORTTO_FOR_RETRY;
  *until = sending_due(&r->endpoint->queue->pace, limits, r->endpoint->rate, feed, 0, now);
  if( *until>now ) return ORTTO_FOR_RATE;
  *until = 0;
  return ORTTO_FOR_ANSWER;
}

ortto_waiting requests_wait_for(const request_queue *q, int64_t *ms){
  ortto_waiting most = ORTTO_FOR_NOTHING;
  int64_t now = now_us(), until;
  *ms = 0;
  for(const http_request *r=q->first; r; r=r->next){
    ortto_waiting one = request_waits_for(r, now, &until);
    if( one<=most ) continue;
    most = one;
    *ms = until ? (until - now)/1000 : 0;
  }
  return most;
}

/* ---- answers ------------------------------------------------------------------------------------------- */

void set_bad_answer(http_request *r, const char *format, ...){
  char what[256];
  va_list args;
  va_start(args, format);
  vsnprintf(what, sizeof what, format, args);
  va_end(args);
  utf8_mend(what);
  log_error(r, what);
  const char *then = r->flags & REQUEST_READ
    ? "Nothing was taken from it; try again, and report it if it stays so"
    : "Whether the records were taken is not known; contacts can be sent again without harm";
  const ortto_endpoint *e = r->endpoint;
  set_error(e->context, "ortto: %s: the answer of %s %s. %s", r->doing, e->base, what, then);
}

/* A word of failure in an answer to reading, which may have all that it must have beside it. */
static int says_failed(http_request *r, js answer){
  js error = js_get(answer, "error"), errors = js_get(answer, "errors"), success = js_get(answer, "success");
  int failed = js_type(success)=='f' || js_is(success, "\"false\"");
  failed |= is_present(error) && js_type(error)!='f' && error.n>2;      /* more than "", [], {} */
  failed |= is_present(errors) && js_type(errors)!='f' && errors.n>2;
  if( !failed ) return 0;
  answer_error why = { 0 };
  read_error_object(&why, answer, r->endpoint->key);
  set_bad_answer(r, "says that it failed%s%s", why.words.n ? ": " : "", why.words.n ? why.words.p : "");
  buf_free(&why.words);
  return 1;
}

/* JSON, but what it says is not to be relied on: a member with two values may have either. */
static int contradicts_itself(http_request *r, js answer){
  js name;
  if( js_type(answer)!='{' ) return 0;
  if( !js_repeats(answer, &name) ) return (r->flags & REQUEST_READ) && says_failed(r, answer);
  set_bad_answer(r, "contradicts itself: it has a member twice");
  return 1;
}

int answer_json(http_request *r, js *value){
  *value = (js){ 0 };
  if( r==NULL ) return ORTTO_NOMEM;
  const buf *answer = &r->transfer.answer;
  if( answer->n==0 ) return bad_answer(r, "is empty");
  if( r->nodes.node==NULL ){
    r->nodes = r->endpoint->queue->spare_nodes;
    r->endpoint->queue->spare_nodes = (js_nodes){ 0 };
  }
  if( json_read(&r->nodes, answer->p, answer->n, value) )
    return contradicts_itself(r, *value) ? ORTTO_ERROR : ORTTO_OK;
  if( blanks_skip(answer->p)[0]=='<' )
    return bad_answer(r, "is a web page, not JSON: a proxy may stand in between");
  return bad_answer(r, "is not JSON, or cut off");
}

int request_now(ortto_endpoint *e, const char *path, char *body, const char *doing, http_request **out,
                js *value){
  http_request *r = request_new(e, "POST", path, body, REQUEST_READ, doing);
  *out = r;
  if( r==NULL ) return ORTTO_NOMEM;
  int rc = request_wait(r);
  return rc==ORTTO_OK ? answer_json(r, value) : rc;
}
