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
};

_Static_assert(sizeof ((http_transfer *)0)->error >= CURL_ERROR_SIZE, "libcurl writes so much");

static void start_curl(void){
  curl_global_init(CURL_GLOBAL_DEFAULT);
}

http *http_new(void){
  os_once(start_curl);             /* curl_global_init is safe with threads only since 7.84 */
  http *h = calloc(1, sizeof *h);
  if( h==NULL ) return NULL;
  h->multi = curl_multi_init();
  if( h->multi==NULL ){
    free(h);
    return NULL;
  }
  curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long)POOL);
  curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
  return h;
}

void http_free(http *h){
  if( h==NULL ) return;
  for(int i=0; i<h->idle_count; i++) curl_easy_cleanup(h->idle[i]);
  curl_multi_cleanup(h->multi);
  free(h);
}

static size_t on_data(char *data, size_t size, size_t n, void *ctx){
  http_transfer *t = ctx;
  n *= size;
  if( t->answer.n + n > ANSWER_MAX ){
    t->too_large = 1;
    return 0;
  }
  buf_add(&t->answer, data, n);
  return t->answer.failed ? 0 : n;
}

static size_t on_header(char *line, size_t size, size_t n, void *ctx){
  http_transfer *t = ctx;
  char date[64], text[25];
  n *= size;
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

static int set_headers(http_transfer *t, const http_ask *ask){
  return add_header(t, ask->authorization) && add_header(t, "Content-Type: application/json")
      && add_header(t, "Accept: application/json") && add_header(t, "Expect:")
      && curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, (struct curl_slist *)t->headers)==CURLE_OK;
}

static int set_body(CURL *easy, const http_ask *ask){
  int ok = 1;
  if( ask->body ){
    ok &= curl_easy_setopt(easy, CURLOPT_POST, 1L)==CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_POSTFIELDS, ask->body)==CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)ask->body_n)==CURLE_OK;
  }
  if( strcmp(ask->method, "POST")!=0 && strcmp(ask->method, "GET")!=0 )
    ok &= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, ask->method)==CURLE_OK;
  return ok;
}

/* 0: one of those that matter could not be set. */
static int set_options(http_transfer *t, const http_ask *ask){
  CURL *easy = t->easy;
  int ok = curl_easy_setopt(easy, CURLOPT_URL, ask->url)==CURLE_OK;
  ok &= curl_easy_setopt(easy, CURLOPT_PRIVATE, t)==CURLE_OK;
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  ok &= set_headers(t, ask);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "ortto/" ORTTO_VERSION);
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
  curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, ask->timeout_ms);
  ok &= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L)==CURLE_OK;
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->error);
  ok &= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data)==CURLE_OK;
  ok &= curl_easy_setopt(easy, CURLOPT_WRITEDATA, t)==CURLE_OK;
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
#if LIBCURL_VERSION_NUM >= 0x075500
  ok &= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https")==CURLE_OK;
#else
  ok &= curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP|CURLPROTO_HTTPS))==CURLE_OK;
#endif
  if( ask->direct ) ok &= curl_easy_setopt(easy, CURLOPT_NOPROXY, "*")==CURLE_OK;
  return ok && set_body(easy, ask);
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
  t->too_large = t->status = 0;
  t->retry_after = 0;
  t->error[0] = t->date[0] = 0;
  t->reason = t->advice = NULL;
  t->easy = acquire_easy(h);
  if( t->easy==NULL ) return 0;
  if( set_options(t, ask) && curl_multi_add_handle(h->multi, t->easy)==CURLM_OK ){
    h->in_flight++;
    return 1;
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
  h->in_flight--;
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

static const char *advice_for(CURLcode code){
  switch( code ){
    case CURLE_OPERATION_TIMEDOUT: return "Raise the setting timeout_ms, or try again later";
    case CURLE_PEER_FAILED_VERIFICATION: case CURLE_SSL_CACERT_BADFILE:
      return "The server's certificate was not accepted: check the machine's clock and certificates, "
             "and any proxy in between";
    case CURLE_COULDNT_RESOLVE_HOST: case CURLE_COULDNT_CONNECT: case CURLE_COULDNT_RESOLVE_PROXY:
      return "Check the network, and api_url if one is set";
    default: return "Try again";
  }
}

static void ended(http_transfer *t, CURLcode code){
  long status = 0;
  curl_off_t after = 0;
  t->end = end_of(code, t);
  if( t->end==HTTP_ANSWERED ){
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &after);
    t->status = (int)status;
    t->retry_after = after;
  }else{
    t->reason = t->error[0] ? t->error : curl_easy_strerror(code);
    t->advice = advice_for(code);
  }
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
    return t;
  }
  return NULL;
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
