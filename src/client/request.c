/*
** request.c - see request.h.
*/
#define _GNU_SOURCE
#include "request.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <curl/curl.h>

#ifdef ORTTO_CJSON
#include "cJSON.h"
#else
#include <cjson/cJSON.h>
#endif

#include "../os.h"
#include "settings.h"
#include "log.h"

#define ANSWER_MAX (64u << 20)     /* an answer larger than this, decompressed, is refused */
#define RATE_MARGIN 10000          /* one second at the server may be a little shorter than ours */
#define REFUSED_FOR (15 * SECOND)  /* Ortto bans an address after 15 bad requests in 15 seconds [documented] */

void log_rows(const http_request *c, int64_t rows){
  ortto_log_entry *entry = log_entry(c->endpoint->client, c->log_number);
  if( entry ) entry->rows = rows;
}

static void log_error(const http_request *c, const char *error){
  ortto_log_entry *entry = log_entry(c->endpoint->client, c->log_number);
  if( entry ) snprintf(entry->error, sizeof entry->error, "%s", error);
}

/* One entry an attempt, when it is over. Without memory for the log there is no log. */
static void log_attempt(http_request *c, const char *request_id, const char *error){
  ortto_client *client = c->endpoint->client;
  if( client->log==NULL ) client->log = calloc(ORTTO_LOG_SIZE, sizeof *client->log);
  if( client->log==NULL ) return;
  ortto_log_entry *entry = &client->log[client->log_count++ % ORTTO_LOG_SIZE];
  memset(entry, 0, sizeof *entry);
  entry->number = c->log_number = client->log_count;
  entry->ms = (now_us() - c->started) / 1000;
  os_utc_text(os_wall_ms() - entry->ms, entry->at);
  snprintf(entry->method, sizeof entry->method, "%s", c->method);
  snprintf(entry->path, sizeof entry->path, "%s", c->path);
  entry->status = c->status;
  entry->attempt = c->attempt;
  entry->sent_bytes = (int64_t)c->body_n;
  entry->received_bytes = (int64_t)c->answer.n;
  entry->rows = -1;
  snprintf(entry->request_id, sizeof entry->request_id, "%s", request_id ? request_id : "");
  snprintf(entry->error, sizeof entry->error, "%s", error ? error : "");
  utf8_mend(entry->error);
}

/* -- making and dropping -- */

static void request_free(http_request *c){
  if( c==NULL ) return;
  ortto_endpoint_close(c->endpoint);
  free(c->url);
  free(c->body);
  free(c->error);
  buf_free(&c->answer);
  free(c);
}

static void request_unlink(ortto_client *client, http_request *c){
  for(http_request **at=&client->requests; *at; at=&(*at)->next) if( *at==c ){
    *at = c->next;
    if( client->requests_end==&c->next ) client->requests_end = at;
    c->next = NULL;
    return;
  }
}

static void easy_release(ortto_client *client, CURL *easy){
  if( client->idle_count < (int)(sizeof client->idle/sizeof *client->idle) ) client->idle[client->idle_count++] = easy;
  else curl_easy_cleanup(easy);
}

/* Takes the transfer off the wire, whatever its state. */
static void request_detach(http_request *c){
  ortto_client *client = c->endpoint->client;
  if( c->easy==NULL ) return;
  curl_multi_remove_handle(client->multi, c->easy);
  easy_release(client, c->easy);
  c->easy = NULL;
  client->in_flight--;
}

/* A request counts against the rate from the moment it is on the wire, not while its connection is being made. */
static void sent_stamp(http_request *c, int64_t now){
  key_limits *l = c->endpoint->limits;
  curl_off_t before = 0;
  if( c->sent_number<0 ) return;
  int64_t *slot = &l->sent[c->sent_number % (RATE_MAX+1)];
  if( *slot!=INT64_MAX || l->sent_count - c->sent_number > RATE_MAX ) return;
  if( c->easy ) curl_easy_getinfo(c->easy, CURLINFO_PRETRANSFER_TIME_T, &before);
  if( before>0 ) *slot = c->started + before;
  else if( c->state!=REQUEST_SENT ) *slot = now;
}

void request_drop(http_request *c){
  if( c==NULL ) return;
  if( c->state==REQUEST_SENT ){
    request_detach(c);
    c->state = REQUEST_DONE;
    sent_stamp(c, now_us());                     /* it counts against the rate, connected or not */
    log_attempt(c, NULL, "cancelled: its answer was no longer wanted");
  }
  request_unlink(c->endpoint->client, c);
  request_free(c);
}

void requests_drop_all(ortto_client *client){
  http_request *c;
  while( (c = client->requests)!=NULL ){
    client->requests = c->next;
    if( client->requests==NULL ) client->requests_end = &client->requests;
    c->next = NULL;
    request_drop(c);
  }
}

static uint64_t request_hash(const http_request *c){
  uint64_t h = hash_bytes(HASH_START ^ c->endpoint->identity, c->path, strlen(c->path));
  return hash_bytes(h, c->body ? c->body : "", c->body_n);
}

/* The sentence of an earlier refusal of the same reading request, if it is fresh. */
static const char *refused_read_find(ortto_client *client, uint64_t hash, int64_t now){
  for(size_t i=0; i<sizeof client->refused_reads/sizeof *client->refused_reads; i++)
    if( client->refused_reads[i].hash==hash && client->refused_reads[i].until>now && client->refused_reads[i].why ) return client->refused_reads[i].why;
  return NULL;
}

static void refused_read_remember(ortto_client *client, const http_request *c, int64_t now){
  refused_read *b = &client->refused_reads[client->refused_read_next++ % (sizeof client->refused_reads/sizeof *client->refused_reads)];
  free(b->why);
  b->hash = request_hash(c);
  b->until = now + REFUSED_FOR;
  b->why = text_copy(c->error);
}

__attribute__((format(printf, 2, 3)))
static void request_fail(http_request *c, const char *format, ...){
  buf b = { 0 };
  va_list args;
  va_start(args, format);
  buf_vprintf(&b, format, args);
  va_end(args);
  free(c->error);
  c->error = b.p;
  c->rc = b.failed ? ORTTO_NOMEM : ORTTO_ERROR;
  c->state = REQUEST_DONE;
}

http_request *request_new(ortto_endpoint *e, const char *method, const char *path, char *body, int flags, const char *doing){
  ortto_client *client = e->client;
  http_request *c = calloc(1, sizeof *c);
  buf url = { 0 };
  buf_printf(&url, "%s%s", e->base, path);
  if( c==NULL || url.failed || (body==NULL && strcmp(method, "GET")!=0) ){
    free(c);
    free(body);
    buf_free(&url);
    no_memory(client);
    return NULL;
  }
  c->endpoint = e;
  e->references++;
  c->method = method;
  c->path = path;
  c->doing = doing;
  c->url = url.p;
  c->body = body;
  c->body_n = body ? strlen(body) : 0;
  c->flags = flags;
  c->sent_number = -1;
  const char *why = flags & REQUEST_READ ? refused_read_find(client, request_hash(c), now_us()) : NULL;
  if( why ){
    request_fail(c, "%s (the same request was refused less than 15 seconds ago and was not sent again)", why);
    return c;
  }
  if( flags & REQUEST_URGENT ){
    c->next = client->requests;
    if( client->requests==NULL ) client->requests_end = &c->next;
    client->requests = c;
  }else{
    *client->requests_end = c;
    client->requests_end = &c->next;
  }
  return c;
}

/* -- what an answer means -- */

void words_add(buf *out, const char *words, const char *key){
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
  char *words;                     /* malloc, or NULL */
  char request_id[64];
  double try_in;                   /* seconds, -1 unsaid */
} answer_error;

static double seconds_of(const cJSON *item){
  if( cJSON_IsNumber(item) ) return item->valuedouble;
  if( cJSON_IsString(item) && isdigit((unsigned char)item->valuestring[0]) ) return strtod(item->valuestring, NULL);
  return -1;
}

/* `error` may be text or an object, `message` may stand in either place, and so may try-in-seconds. */
static void error_read(const http_request *c, answer_error *out){
  memset(out, 0, sizeof *out);
  out->try_in = -1;
  const char *key = c->endpoint->key;
  buf words = { 0 };
  cJSON *body = c->answer.n && c->answer.n<(1u<<20) ? cJSON_ParseWithLength(c->answer.p, c->answer.n) : NULL;
  if( cJSON_IsObject(body) ){
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(body, "error"), *inner = cJSON_IsObject(error) ? error : NULL;
    const cJSON *said[] = { error, cJSON_GetObjectItemCaseSensitive(inner, "message"),
                            cJSON_GetObjectItemCaseSensitive(body, "message"), cJSON_GetObjectItemCaseSensitive(inner, "code") };
    for(size_t i=0; i<sizeof said/sizeof *said && words.n==0; i++)
      if( cJSON_IsString(said[i]) && said[i]->valuestring[0] ) words_add(&words, said[i]->valuestring, key);
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(body, "request_id");
    if( cJSON_IsString(id) ) for(size_t i=0; i+1<sizeof out->request_id && isgraph((unsigned char)id->valuestring[i]); i++)
      out->request_id[i] = id->valuestring[i];
    if( strstr(out->request_id, key) ) out->request_id[0] = 0;
    out->try_in = seconds_of(cJSON_GetObjectItemCaseSensitive(inner, "try-in-seconds"));
    if( out->try_in<0 ) out->try_in = seconds_of(cJSON_GetObjectItemCaseSensitive(body, "try-in-seconds"));
  }else if( c->answer.n ){
    const char *text = blanks_skip(c->answer.p);
    if( text[0]=='<' ) buf_puts(&words, "a web page, not an answer of Ortto's: a proxy may stand in between");
    else words_add(&words, text, key);
  }
  cJSON_Delete(body);
  out->words = words.p;
}

static const char *advice(const http_request *c){
  const ortto_endpoint *e = c->endpoint;
  switch( c->status ){
    case 400: return "The request itself was refused; if it looks right, report it with the request_id";
    case 401: case 403:
      if( e->protocol==ORTTO_SEGMENT ) return "Check the segment_key, and that its data source is active in Ortto";
      return e->region[0] ? "Check the key, and that it belongs to this region: a key works only on the host of its account's region "
                            "(global, au or eu). No request is sent with it for 15 seconds"
                          : "Check that the key belongs to this api_url and its region. No request is sent with it for 15 seconds";
    case 404: case 405: return "Check api_url: it takes the address without /v1";
    case 408: case 500: case 502: case 503: case 504: return "Try again later, or raise the setting retries";
    case 413: return "Send less at a time";
    case 429: return "The account's rate limit is used up: lower the setting rate, or raise retries";
    case 507: return "The account's contact limit is reached: archive contacts or change the plan";
    default: return c->status>=300 && c->status<400 ? "Redirects are not followed: check api_url" : "Try again later";
  }
}

static void fail_by_status(http_request *c, const answer_error *why){
  const ortto_endpoint *e = c->endpoint;
  buf b = { 0 };
  buf_printf(&b, "ortto: %s: %s answered %d", c->doing, e->base, c->status);
  if( why->words && why->words[0] ) buf_printf(&b, ": %s", why->words);
  if( why->request_id[0] ) buf_printf(&b, " (request_id %s)", why->request_id);
  if( c->attempt>1 ) buf_printf(&b, ", after %d attempts", c->attempt);
  buf_printf(&b, ". %s%s%s", advice(c), e->region[0] && (c->status==401 || c->status==403) ? "; region is " : "",
             e->region[0] && (c->status==401 || c->status==403) ? e->region : "");
  if( b.failed ) c->rc = ORTTO_NOMEM;
  else request_fail(c, "%s", b.p);
  c->state = REQUEST_DONE;
  buf_free(&b);
}

static int transport_is_final(CURLcode code){
  switch( code ){
    case CURLE_UNSUPPORTED_PROTOCOL: case CURLE_URL_MALFORMAT: case CURLE_NOT_BUILT_IN: case CURLE_OUT_OF_MEMORY:
    case CURLE_PEER_FAILED_VERIFICATION: case CURLE_SSL_CERTPROBLEM: case CURLE_SSL_CACERT_BADFILE:
    case CURLE_BAD_CONTENT_ENCODING: case CURLE_BAD_FUNCTION_ARGUMENT: case CURLE_FAILED_INIT: case CURLE_WRITE_ERROR:
      return 1;
    default: return 0;
  }
}

static const char *transport_advice(CURLcode code){
  switch( code ){
    case CURLE_OPERATION_TIMEDOUT: return "Raise the setting timeout_ms, or try again later";
    case CURLE_PEER_FAILED_VERIFICATION: case CURLE_SSL_CACERT_BADFILE: return "The server's certificate was not accepted: check the machine's clock and certificates, and any proxy in between";
    case CURLE_COULDNT_RESOLVE_HOST: case CURLE_COULDNT_CONNECT: case CURLE_COULDNT_RESOLVE_PROXY: return "Check the network, and api_url if one is set";
    default: return "Try again";
  }
}

static void fail_by_transport(http_request *c, CURLcode code){
  const char *said = c->curl_error[0] ? c->curl_error : curl_easy_strerror(code);
  if( c->too_large ){
    request_fail(c, "ortto: %s: the answer of %s is larger than 64 MB. Ask for fewer columns, and report it if that does not help",
              c->doing, c->endpoint->base);
    return;
  }
  request_fail(c, "ortto: %s: no whole answer from %s: %s%s. %s", c->doing, c->endpoint->base, said,
            c->attempt>1 ? ", after several attempts" : "", transport_advice(code));
}

static int status_is_passing(int status){
  return status==408 || status==429 || (status>=500 && status!=501 && status!=507);
}

static int64_t backoff(ortto_client *client, int attempt){
  double base = 0.25;
  for(int i=1; i<attempt && base<30; i++) base *= 2;
  if( base>30 ) base = 30;
  return (int64_t)(base * (0.5 + 0.5*random_unit(client)) * (double)SECOND);
}

static void breaker_count(ortto_client *client, int64_t now){
  client->breaker_at[client->breaker_next++ % BREAKER_MAX] = now;
}

/* After ten bad answers in 15 seconds: when may the connection send again? */
static int64_t breaker_until(const ortto_client *client){
  if( client->breaker_next < BREAKER_MAX ) return 0;
  int64_t oldest = client->breaker_at[client->breaker_next % BREAKER_MAX];
  int64_t newest = client->breaker_at[(client->breaker_next - 1) % BREAKER_MAX];
  return newest - oldest < REFUSED_FOR ? oldest + REFUSED_FOR : 0;
}

/* An answer with a status other than 2xx, or a retry of it. */
static void request_refused(http_request *c, CURL *easy, int64_t now){
  ortto_client *client = c->endpoint->client;
  key_limits *l = c->endpoint->limits;
  answer_error why;
  curl_off_t after = 0;
  error_read(c, &why);
  curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &after);
  log_attempt(c, why.request_id, why.words && why.words[0] ? why.words : "refused");
  if( status_is_passing(c->status) && c->attempt<=c->endpoint->retries ){
    double wait = why.try_in>=0 ? why.try_in : after>0 ? (double)after : -1;
    if( wait>86400 ) wait = 86400;
    c->not_before = now + (wait>=0 ? (int64_t)(wait*(double)SECOND) : backoff(client, c->attempt));
    if( c->status==429 && l->hold_until<c->not_before ) l->hold_until = c->not_before;
    c->state = REQUEST_WAITING;
  }else fail_by_status(c, &why);
  if( c->status==400 || c->status==401 || c->status==403 ) breaker_count(client, now);
  if( c->status==400 && (c->flags & REQUEST_READ) ) refused_read_remember(client, c, now);
  if( c->status==401 || c->status==403 ){
    l->refused_until = now + REFUSED_FOR;
    l->refused_identity = c->endpoint->identity;
    free(l->refused_why);
    l->refused_why = text_copy(c->error);
  }
  free(why.words);
}

int status_ends(int status){
  return status==0 || status==401 || status==403 || status==408 || status==429 || status>=500;
}

/* libcurl is done with this attempt. */
static void request_arrived(http_request *c, CURLcode code){
  int64_t now = now_us();
  long status = 0;
  CURL *easy = c->easy;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  c->status = code==CURLE_OK ? (int)status : 0;
  if( code==CURLE_OK && status>=200 && status<300 ){
    log_attempt(c, NULL, NULL);
    c->rc = ORTTO_OK;
    c->state = REQUEST_DONE;
  }else if( code==CURLE_OK ) request_refused(c, easy, now);
  else{
    log_attempt(c, NULL, c->too_large ? "larger than 64 MB" : c->curl_error[0] ? c->curl_error : curl_easy_strerror(code));
    if( code==CURLE_OUT_OF_MEMORY || c->answer.failed ){
      c->rc = ORTTO_NOMEM;
      c->state = REQUEST_DONE;
    }else if( transport_is_final(code) || c->attempt>c->endpoint->retries ) fail_by_transport(c, code);
    else{
      c->state = REQUEST_WAITING;
      c->not_before = now + backoff(c->endpoint->client, c->attempt);
    }
  }
  if( c->stop && c->state==REQUEST_DONE && c->rc==ORTTO_ERROR && status_ends(c->status) ) *c->stop = 1;
  request_detach(c);
}

/* -- sending -- */

static size_t on_data(char *data, size_t size, size_t n, void *ctx){
  http_request *c = ctx;
  n *= size;
  if( c->answer.n + n > ANSWER_MAX ){
    c->too_large = 1;
    return 0;
  }
  buf_add(&c->answer, data, n);
  return c->answer.failed ? 0 : n;
}

static size_t on_header(char *line, size_t size, size_t n, void *ctx){
  http_request *c = ctx;
  char date[64];
  n *= size;
  if( n>5 && n<sizeof date && strncasecmp(line, "date:", 5)==0 ){
    memcpy(date, line + 5, n - 5);
    date[n-5] = 0;
    time_t t = curl_getdate(date, NULL);
    struct tm utc;
    if( t>0 && gmtime_r(&t, &utc) ) strftime(c->date, sizeof c->date, "%Y-%m-%dT%H:%M:%SZ", &utc);
  }
  return n;
}

static CURL *acquire_easy(ortto_client *client){
  if( client->idle_count==0 ) return curl_easy_init();
  CURL *easy = client->idle[--client->idle_count];
  curl_easy_reset(easy);
  return easy;
}

/* 0: one of those that matter could not be set. */
static int request_options(http_request *c){
  const ortto_endpoint *e = c->endpoint;
  CURL *easy = c->easy;
  int ok = curl_easy_setopt(easy, CURLOPT_URL, c->url)==CURLE_OK;
  curl_easy_setopt(easy, CURLOPT_PRIVATE, c);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  ok &= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, e->headers)==CURLE_OK;
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "ortto/" ORTTO_VERSION);
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
  curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, e->timeout_ms);
  ok &= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L)==CURLE_OK;
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, c->curl_error);
  ok &= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data)==CURLE_OK;
  ok &= curl_easy_setopt(easy, CURLOPT_WRITEDATA, c)==CURLE_OK;
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, c);
#if LIBCURL_VERSION_NUM >= 0x075500
  ok &= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https")==CURLE_OK;
#else
  ok &= curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP|CURLPROTO_HTTPS))==CURLE_OK;
#endif
  if( e->loopback ) ok &= curl_easy_setopt(easy, CURLOPT_NOPROXY, "*")==CURLE_OK;
  if( c->body ){
    ok &= curl_easy_setopt(easy, CURLOPT_POST, 1L)==CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_POSTFIELDS, c->body)==CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->body_n)==CURLE_OK;
  }
  if( strcmp(c->method, "POST")!=0 && strcmp(c->method, "GET")!=0 )
    ok &= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, c->method)==CURLE_OK;
  return ok;
}

static void request_send(http_request *c, int64_t now){
  ortto_client *client = c->endpoint->client;
  key_limits *l = c->endpoint->limits;
  c->easy = acquire_easy(client);
  if( c->easy==NULL ){
    c->rc = ORTTO_NOMEM;
    c->state = REQUEST_DONE;
    return;
  }
  c->answer.n = 0;
  c->too_large = 0;
  c->curl_error[0] = 0;
  c->attempt++;
  c->started = now;
  if( !request_options(c) || curl_multi_add_handle(client->multi, c->easy)!=CURLM_OK ){
    curl_easy_cleanup(c->easy);
    c->easy = NULL;
    c->rc = ORTTO_NOMEM;
    c->state = REQUEST_DONE;
    return;
  }
  client->in_flight++;
  c->state = REQUEST_SENT;
  c->sent_number = l->sent_count++;
  l->sent[c->sent_number % (RATE_MAX+1)] = INT64_MAX;
  if( c->flags & REQUEST_FEED ) l->feed_at = now;
}

/* When may this call be sent, as far as time is concerned? */
static int64_t request_due(const http_request *c, int64_t now){
  const key_limits *l = c->endpoint->limits;
  long rate = c->endpoint->rate;
  int64_t due = c->not_before, until = breaker_until(c->endpoint->client);
  if( due<l->hold_until ) due = l->hold_until;
  if( due<until ) due = until;
  if( rate>0 && l->sent_count>=rate ){
    int64_t earlier = l->sent[(l->sent_count - rate) % (RATE_MAX+1)];
    if( earlier==INT64_MAX ) earlier = now;
    if( due < earlier + SECOND + RATE_MARGIN ) due = earlier + SECOND + RATE_MARGIN;
  }
  if( (c->flags & REQUEST_FEED) && l->feed_at && due < l->feed_at + SECOND + RATE_MARGIN ) due = l->feed_at + SECOND + RATE_MARGIN;
  return due;
}

static int fail_if_refused(http_request *c, int64_t now){
  const key_limits *l = c->endpoint->limits;
  if( l->refused_until<=now || l->refused_identity!=c->endpoint->identity || l->refused_why==NULL ) return 0;
  request_fail(c, "%s", l->refused_why);
  return 1;
}

/* Sends what may be sent now; returns how long, in ms, until the next may. */
static int requests_send(ortto_client *client, int64_t now){
  int64_t next = now + POLL_MS*1000;
  for(http_request *c=client->requests; c; c=c->next) sent_stamp(c, now);
  for(http_request *c=client->requests; c; c=c->next){
    if( c->state!=REQUEST_WAITING || fail_if_refused(c, now) ) continue;
    if( c->stop && *c->stop && c->attempt==0 ){
      request_fail(c, "ortto: not sent, because an earlier request failed");
      continue;
    }
    int64_t due = request_due(c, now);
    if( due>now ){
      if( due<next ) next = due;
    }else if( client->in_flight < c->endpoint->concurrency ) request_send(c, now);
  }
  return (int)((next - now + 999) / 1000);
}

static void requests_collect(ortto_client *client){
  CURLMsg *message;
  int left;
  while( (message = curl_multi_info_read(client->multi, &left))!=NULL ){
    if( message->msg!=CURLMSG_DONE ) continue;
    CURLcode code = message->data.result;
    char *private = NULL;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
    http_request *c = (http_request *)(void *)private;
    request_arrived(c, code);
    sent_stamp(c, now_us());
    if( c->state==REQUEST_DONE ) request_unlink(client, c);
  }
}

void pump(ortto_client *client, int wait){
  int running;
  int ms = requests_send(client, now_us());
  curl_multi_perform(client->multi, &running);
  requests_collect(client);
  if( !wait ) return;
  if( running==0 && client->in_flight>0 ) return;
  curl_multi_poll(client->multi, NULL, 0, ms<POLL_MS ? ms : POLL_MS, NULL);
  curl_multi_perform(client->multi, &running);
  requests_collect(client);
}

int request_wait(http_request *c){
  ortto_client *client = c->endpoint->client;
  int first = 1;
  while( c->state!=REQUEST_DONE ){
    if( interrupted(client) ) return fail_interrupted(client);
    pump(client, !first);
    first = 0;
  }
  request_unlink(client, c);
  if( c->rc==ORTTO_ERROR ) set_error(client, "%s", c->error);
  if( c->rc==ORTTO_NOMEM ) no_memory(client);
  return c->rc;
}

void set_bad_answer(http_request *c, const char *format, ...){
  char what[256];
  va_list args;
  va_start(args, format);
  vsnprintf(what, sizeof what, format, args);
  va_end(args);
  utf8_mend(what);
  log_error(c, what);
  set_error(c->endpoint->client, "ortto: %s: the answer of %s %s. %s", c->doing, c->endpoint->base, what, c->flags & REQUEST_READ
            ? "Nothing was taken from it; try again, and report it if it stays so"
            : "Whether the records were taken is not known; contacts can be sent again without harm");
}

int answer_json(http_request *c, js *value){
  *value = (js){ NULL, 0 };
  if( c==NULL ) return ORTTO_NOMEM;
  if( c->answer.n==0 ) return bad_answer(c, "is empty");
  if( json_check(c->answer.p, c->answer.n, value) ) return ORTTO_OK;
  const char *text = blanks_skip(c->answer.p);
  if( text[0]=='<' ) return bad_answer(c, "is a web page, not JSON: a proxy may stand in between");
  return bad_answer(c, "is not JSON, or cut off");
}

int request_now(ortto_endpoint *e, const char *path, char *body, const char *doing, http_request **out, js *value){
  http_request *c = request_new(e, "POST", path, body, REQUEST_READ, doing);
  *out = c;
  if( c==NULL ) return ORTTO_NOMEM;
  int rc = request_wait(c);
  return rc==ORTTO_OK ? answer_json(c, value) : rc;
}
