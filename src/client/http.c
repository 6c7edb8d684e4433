/*
** http.c - see http.h.
*/
#include "http.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "../../ortto_client.h"
#include "../os.h"

#define POOL 64                    /* connections, and handles to be used again */

struct http {
  CURLM *multi;
  CURL *idle[POOL];
  int idle_count;
  int in_flight;
  http_transfer *running[POOL];    /* those in flight, so that one past its deadline is found */
  int suspect;                     /* libcurl lost an allocation: the pool is not to be trusted */
};

#define HEADER_LINE_MAX (1u << 18)        /* more than libcurl takes for a line */
#define GRACE (SECOND/2)           /* past its time libcurl itself ends a transfer; this much later we do */

#define PROXY_ADVICE "The proxy asks for a name and password: give them in its address, "\
  "https_proxy=http://NAME:PASSWORD@HOST:PORT"

_Static_assert(sizeof ((http_transfer *)0)->error >= CURL_ERROR_SIZE, "libcurl writes so much");

static void start_curl(void){
  curl_global_init(CURL_GLOBAL_DEFAULT);
}

static int pool_open(http *h){
  h->multi = curl_multi_init();
  if( h->multi==NULL ) return 0;
  curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long)POOL);
  curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
  return 1;
}

static void pool_close(http *h){
  for(int i=0; i<h->idle_count; i++) curl_easy_cleanup(h->idle[i]);
  h->idle_count = 0;
  curl_multi_cleanup(h->multi);
  h->multi = NULL;
}

/* 0 when out of memory. */
static int pool_renew(http *h){
  if( h->multi && (!h->suspect || h->in_flight>0) ) return 1;
  if( h->multi ) pool_close(h);
  h->suspect = 0;
  return pool_open(h);
}

http *http_new(void){
  os_once(start_curl);             /* curl_global_init is safe with threads only since 7.84 */
  http *h = calloc(1, sizeof *h);
  if( h && pool_open(h) ) return h;
  free(h);
  return NULL;
}

void http_free(http *h){
  if( h==NULL ) return;
  pool_close(h);
  free(h);
}

static size_t on_data(char *data, size_t size, size_t n, void *ctx){
  http_transfer *t = ctx;
  n *= size;
  if( t->answer.n + n > ANSWER_MAX ){
    t->too_large = "larger than 64 MB";
    return 0;
  }
  buf_add(&t->answer, data, n);
  return t->answer.failed ? 0 : n;
}

static size_t on_header(char *line, size_t size, size_t n, void *ctx){
  http_transfer *t = ctx;
  char date[64], text[25];
  n *= size;
  t->headers_n += n;
  if( t->headers_n>HEADERS_MAX ){                /* trailers come here too */
    t->too_large = "headers larger than 1 MB";
    return 0;
  }
  if( n<=5 || n>=sizeof date || !same_start(line, "date:", 5) ) return n;
  memcpy(date, line + 5, n - 5);
  date[n-5] = 0;
  time_t seconds = curl_getdate(date, NULL);
  if( seconds<=0 ) return n;
  os_utc_text((int64_t)seconds*1000, text);
  memcpy(t->date, text, 19);
  memcpy(t->date + 19, "Z", 2);
  return n;
}

static CURL *acquire_easy(http *h){
  if( h->idle_count==0 ) return curl_easy_init();
  CURL *easy = h->idle[--h->idle_count];
  curl_easy_reset(easy);
  return easy;
}

static int add_header(http_transfer *t, const char *header){
  struct curl_slist *list = curl_slist_append(t->headers, header);
  if( list ) t->headers = list;
  return list!=NULL;
}

#define SET(option, value) if( code==CURLE_OK ) code = curl_easy_setopt(easy, option, value)

static CURLcode set_headers(http_transfer *t, const http_ask *ask){
  CURL *easy = t->easy;
  CURLcode code = CURLE_OUT_OF_MEMORY;
  if( add_header(t, ask->authorization) && add_header(t, "Content-Type: application/json")
   && add_header(t, "Accept: application/json") && add_header(t, "Expect:") ) code = CURLE_OK;
  SET(CURLOPT_HTTPHEADER, (struct curl_slist *)t->headers);
  return code;
}

static CURLcode set_request(CURL *easy, const http_ask *ask){
  CURLcode code = CURLE_OK;
  SET(CURLOPT_URL, ask->url);
  if( ask->body ){
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_POSTFIELDS, ask->body);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)ask->body_n);
  }
  int usual = strcmp(ask->method, "POST")==0 || strcmp(ask->method, "GET")==0;
  if( !usual ) SET(CURLOPT_CUSTOMREQUEST, ask->method);
  return code;
}

#if LIBCURL_VERSION_NUM >= 0x075500
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#endif
/* The library at run time may be older than its header here. */
static CURLcode only_http(CURL *easy){
  CURLcode code = CURLE_UNKNOWN_OPTION;
#if LIBCURL_VERSION_NUM >= 0x075500
  code = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#endif
  if( code!=CURLE_UNKNOWN_OPTION ) return code;
  return curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP|CURLPROTO_HTTPS));
}
#if LIBCURL_VERSION_NUM >= 0x075500
#pragma GCC diagnostic pop
#endif

/* Schannel knows no folders of authorities: then its own store counts. */
static CURLcode set_folder(CURL *easy, const char *folder){
  CURLcode code = folder ? curl_easy_setopt(easy, CURLOPT_CAPATH, folder) : CURLE_OK;
  return code==CURLE_NOT_BUILT_IN ? CURLE_OK : code;
}

/* What is promised, and what the rest rests on. */
static CURLcode set_promises(http_transfer *t, const http_ask *ask){
  CURL *easy = t->easy;
  CURLcode code = only_http(easy);
  SET(CURLOPT_FOLLOWLOCATION, 0L);
  if( ask->direct ) SET(CURLOPT_NOPROXY, "*");
  if( ask->ca_file ) SET(CURLOPT_CAINFO, ask->ca_file);
  if( code==CURLE_OK ) code = set_folder(easy, ask->ca_folder);
  SET(CURLOPT_PRIVATE, t);
  SET(CURLOPT_WRITEFUNCTION, on_data);
  SET(CURLOPT_WRITEDATA, t);
  SET(CURLOPT_HEADERFUNCTION, on_header);
  SET(CURLOPT_HEADERDATA, t);
  SET(CURLOPT_TIMEOUT_MS, ask->timeout_ms);
  return code;
}

static CURLcode set_options(http_transfer *t, const http_ask *ask){
  CURL *easy = t->easy;
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "ortto/" ORTTO_VERSION);
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
  /* Worth it where connections may be shared, as a TLS handshake tells. Without it the second request would
  ** wait for the first one's answer. */
  curl_easy_setopt(easy, CURLOPT_PIPEWAIT, same_start(ask->url, "https:", 6) ? 1L : 0L);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->error);
#if LIBCURL_VERSION_NUM >= 0x075700
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);      /* a name server that is slow holds nobody up */
#endif
  CURLcode code = set_promises(t, ask);
  if( code==CURLE_OK ) code = set_request(easy, ask);
  return code==CURLE_OK ? set_headers(t, ask) : code;
}

static void forget_running(http *h, const http_transfer *t){
  for(int i=0; i<h->in_flight; i++) if( h->running[i]==t ){
    h->running[i] = h->running[--h->in_flight];
    return;
  }
}

static void release(http *h, http_transfer *t){
  /* The handle outlives this transfer: it must not write into it any more. */
  curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, NULL);
  if( h->idle_count<POOL ) h->idle[h->idle_count++] = t->easy;
  else curl_easy_cleanup(t->easy);
  curl_slist_free_all(t->headers);
  t->easy = t->headers = NULL;
}

int http_start(http *h, http_transfer *t, const http_ask *ask){
  t->answer.n = 0;
  t->answer.failed = 0;
  t->too_large = NULL;
  t->status = t->timed_out = 0;
  t->headers_n = 0;
  t->retry_after = 0;
  t->end = HTTP_NOMEM;
  t->error[0] = t->date[0] = 0;
  t->reason = t->advice = NULL;
  if( !pool_renew(h) || h->in_flight==POOL ) return 0;
  t->easy = acquire_easy(h);
  if( t->easy==NULL ) return 0;
  CURLcode code = set_options(t, ask);
  if( code==CURLE_OK && curl_multi_add_handle(h->multi, t->easy)!=CURLM_OK ) code = CURLE_OUT_OF_MEMORY;
  if( code==CURLE_OK ){
    t->deadline = now_us() + (int64_t)ask->timeout_ms*1000 + GRACE;
    h->running[h->in_flight++] = t;
    return 1;
  }
  if( code==CURLE_OUT_OF_MEMORY ) h->suspect = 1;
  else{
    t->end = HTTP_HOPELESS;
    t->reason = curl_easy_strerror(code);
    t->advice = "libcurl refuses an option: it needs version 7.64 or newer, with TLS";
  }
  curl_easy_cleanup(t->easy);
  curl_slist_free_all(t->headers);
  t->easy = t->headers = NULL;
  return 0;
}

void http_cancel(http *h, http_transfer *t){
  if( t->easy==NULL ) return;
  curl_multi_remove_handle(h->multi, t->easy);
  release(h, t);
  forget_running(h, t);
}

void http_transfer_free(http_transfer *t){
  buf_free(&t->answer);
}

int http_perform(http *h){
  int running = 0;
  curl_multi_perform(h->multi, &running);
  return running;
}

static http_end end_of(CURLcode code, const http_transfer *t){
  switch( code ){
    case CURLE_OK: return HTTP_ANSWERED;
    case CURLE_OUT_OF_MEMORY: return HTTP_NOMEM;
    case CURLE_UNSUPPORTED_PROTOCOL: case CURLE_URL_MALFORMAT: case CURLE_NOT_BUILT_IN:
    case CURLE_PEER_FAILED_VERIFICATION: case CURLE_SSL_CERTPROBLEM: case CURLE_SSL_CACERT_BADFILE:
    case CURLE_BAD_CONTENT_ENCODING: case CURLE_BAD_FUNCTION_ARGUMENT: case CURLE_FAILED_INIT:
      return t->answer.failed ? HTTP_NOMEM : HTTP_HOPELESS;
    case CURLE_WRITE_ERROR: return t->answer.failed ? HTTP_NOMEM : HTTP_HOPELESS;
    default: return t->answer.failed ? HTTP_NOMEM : HTTP_LOST;
  }
}

static const char *advice_for(CURLcode code, long proxy_said){
  if( proxy_said==407 || proxy_said==401 ) return PROXY_ADVICE;
  if( proxy_said==403 ) return "The proxy does not let this through: check api_url, and the proxy's rules";
  switch( code ){
    case CURLE_OPERATION_TIMEDOUT: return "Raise the setting timeout_ms, or try again later";
    case CURLE_SSL_CACERT_BADFILE:
      return "The authorities' certificates could not be read: check the setting ca_file, or the variables "
             "CURL_CA_BUNDLE, SSL_CERT_FILE and SSL_CERT_DIR";
    case CURLE_PEER_FAILED_VERIFICATION:
      return "The server's certificate was not accepted: check the machine's clock and certificates, "
             "and any proxy in between; a private authority is named with the setting ca_file";
    case CURLE_COULDNT_RESOLVE_HOST: case CURLE_COULDNT_CONNECT: case CURLE_COULDNT_RESOLVE_PROXY:
      return "Check the network, and api_url if one is set";
    default: return "Try again";
  }
}

#define TOO_LARGE ((CURLcode)100)   /* CURLE_TOO_LARGE, since libcurl 8.6 */

/* Of a line of the headers that is longer than it takes libcurl says so; before 8.6 it calls that a want of
** memory. */
static int is_long_line(const http_transfer *t, CURLcode code){
  curl_off_t begun = 0;
  if( code==TOO_LARGE ) return 1;
  if( code!=CURLE_OUT_OF_MEMORY || t->answer.failed ) return 0;
  curl_easy_getinfo(t->easy, CURLINFO_STARTTRANSFER_TIME_T, &begun);
  void *more = begun>0 ? malloc(HEADER_LINE_MAX) : NULL;
  free(more);
  return more!=NULL;
}

static void ended(http_transfer *t, CURLcode code){
  long status = 0;
  curl_off_t after = 0;
  long proxy_said = 0;
  t->end = end_of(code, t);
  if( t->end==HTTP_ANSWERED ){
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &after);
    t->status = (int)status;
    t->retry_after = after;
  }else{
    curl_easy_getinfo(t->easy, CURLINFO_HTTP_CONNECTCODE, &proxy_said);
    t->reason = t->error[0] ? t->error : curl_easy_strerror(code);
    t->advice = advice_for(code, proxy_said);
    if( is_long_line(t, code) ){
      t->end = HTTP_LOST;
      t->reason = "a line of the answer's headers is too long";
    }
    t->timed_out = code==CURLE_OPERATION_TIMEDOUT;
    if( t->end==HTTP_LOST && (proxy_said==401 || proxy_said==403 || proxy_said==407) ) t->end = HTTP_HOPELESS;
  }
}

/* One that libcurl should have ended long ago. */
static http_transfer *overdue(http *h){
  int64_t now = h->in_flight ? now_us() : 0;
  for(int i=0; i<h->in_flight; i++) if( h->running[i]->deadline<now ){
    http_transfer *t = h->running[i];
    http_cancel(h, t);
    h->suspect = 1;
    t->end = HTTP_LOST;
    t->timed_out = 1;
    t->reason = "no end within timeout_ms";
    t->advice = advice_for(CURLE_OPERATION_TIMEDOUT, 0);
    return t;
  }
  return NULL;
}

http_transfer *http_finished(http *h){
  CURLMsg *message;
  int left;
  while( (message = curl_multi_info_read(h->multi, &left))!=NULL ){
    if( message->msg!=CURLMSG_DONE ) continue;
    CURLcode code = message->data.result;
    char *private = NULL;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
    http_transfer *t = (http_transfer *)(void *)private;
    ended(t, code);
    http_cancel(h, t);
    /* A connection that is half made may stay in the pool, and the next request would wait for it. */
    if( t->end==HTTP_NOMEM ) h->suspect = 1;
    return t;
  }
  return overdue(h);
}

void http_wait(http *h, int ms){
  curl_multi_poll(h->multi, NULL, 0, ms, NULL);
}

int http_in_flight(const http *h){
  return h->in_flight;
}

int64_t http_on_wire_after(const http_transfer *t){
  curl_off_t before = 0;
  if( t->easy ) curl_easy_getinfo(t->easy, CURLINFO_PRETRANSFER_TIME_T, &before);
  return before;
}
