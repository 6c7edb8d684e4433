/*
** network.c - see network.h.
*/
#include "network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/client/http.h"

#define REQUESTS_MOST 50
#define RUNNING_MOST 64
#define SEPARATOR 0x1e

struct http {
  http_transfer *running[RUNNING_MOST];
  int count;
};

static struct {
  const uint8_t *data;
  size_t n;
  const char *usual;
  int requests;
  void (*sent)(const char *, const char *, size_t);
} net;

static int64_t clock_offset;

int64_t __real_now_us(void);
int64_t __wrap_now_us(void);

int64_t __wrap_now_us(void){
  return __real_now_us() + clock_offset;
}

void network_begin(const uint8_t *data, size_t n, const char *usual){
  net.data = data;
  net.n = n;
  net.usual = usual;
  net.requests = 0;
  net.sent = NULL;
}

void network_watch(void (*sent)(const char *, const char *, size_t)){
  net.sent = sent;
}

int network_requests(void){
  return net.requests;
}

/* ---- answers ------------------------------------------------------------------------------------------- */

/* The file of a path has its name, with _ for what is no letter and no digit. */
static int answer_usual(const char *path, buf *out){
  char name[400], block[4096];
  const char *folder = getenv("FUZZ_ANSWERS");
  int n = snprintf(name, sizeof name, "%s/", folder ? folder : ".");
  for(int i=0; path[i] && n<(int)sizeof name - 1; i++){
    int plain = (path[i]>='a' && path[i]<='z') || (path[i]>='0' && path[i]<='9');
    name[n++] = plain ? path[i] : '_';
  }
  name[n] = 0;
  FILE *f = fopen(name, "rb");
  if( f==NULL ) return 0;
  for(size_t got; (got = fread(block, 1, sizeof block, f))>0;) buf_add(out, block, got);
  fclose(f);
  return 1;
}

static void answer_next(http_transfer *t){
  const uint8_t *end = net.n ? memchr(net.data, SEPARATOR, net.n) : NULL;
  size_t n = end ? (size_t)(end - net.data) : net.n;
  const char *text = (const char *)net.data;
  int digits = n>=4 && text[3]==' ' && strspn(text, "0123456789")==3;
  t->status = digits ? atoi(text) : 200;
  if( t->status<100 || t->status>599 ) t->status = 200;
  if( digits ) buf_add(&t->answer, text + 4, n - 4);
  else buf_add(&t->answer, n ? text : "", n);
  if( end ){
    net.data = end + 1;
    net.n -= n + 1;
  }
}

/* ---- the room http ------------------------------------------------------------------------------------- */

http *http_new(void){
  return calloc(1, sizeof(http));
}

void http_free(http *h){
  FUZZ_MUST(h==NULL || h->count==0);
  free(h);
}

int http_start(http *h, http_transfer *t, const http_ask *ask){
  const char *path = strstr(ask->url, "://");
  path = path ? strchr(path + 3, '/') : NULL;
  t->answer.n = 0;
  t->answer.failed = 0;
  t->status = t->timed_out = 0;
  t->too_large = t->reason = t->advice = NULL;
  t->retry_after = 0;
  strcpy(t->date, "2025-11-04T19:10:31Z");
  t->end = HTTP_ANSWERED;
  fuzz_touch_text(ask->authorization);
  fuzz_touch(ask->body, ask->body_n);
  if( net.sent && ask->body ) net.sent(path ? path : "", ask->body, ask->body_n);
  if( h->count==RUNNING_MOST ){
    t->end = HTTP_NOMEM;
    return 0;
  }
  h->running[h->count++] = t;
  if( net.usual && path && strstr(path, net.usual) && answer_usual(path + 1, &t->answer) ) t->status = 200;
  else if( ++net.requests<REQUESTS_MOST ) answer_next(t);
  else{
    t->end = HTTP_LOST;
    t->reason = "no more answers";
    t->advice = "Try again";
  }
  t->easy = t;
  return 1;
}

void http_cancel(http *h, http_transfer *t){
  if( t->easy==NULL ) return;
  t->easy = NULL;
  for(int i=0; i<h->count; i++) if( h->running[i]==t ){
    memmove(&h->running[i], &h->running[i+1], sizeof h->running[0] * (size_t)(h->count - i - 1));
    h->count--;
    return;
  }
}

void http_transfer_free(http_transfer *t){
  buf_free(&t->answer);
}

int http_perform(http *h){
  (void)h;
  return 0;
}

http_transfer *http_finished(http *h){
  http_transfer *t = h->count ? h->running[0] : NULL;
  if( t ) http_cancel(h, t);
  return t;
}

void http_wait(http *h, int ms){
  (void)h;
  clock_offset += (int64_t)ms*1000 + 1000;
}

int http_in_flight(const http *h){
  return h->count;
}

int64_t http_on_wire_after(const http_transfer *t){
  (void)t;
  return 1;
}

/* ---- for the targets ----------------------------------------------------------------------------------- */

static int input_has_key;

void fuzz_input(const uint8_t *data, size_t n){
  static const char key[] = "SECRET-KEY";
  input_has_key = 0;
  for(size_t i=0; i + sizeof key - 1<=n; i++) input_has_key |= memcmp(data + i, key, sizeof key - 1)==0;
}

ortto_client *fuzz_client(ortto_protocol protocol, ortto_endpoint **endpoint){
  ortto_client *client = ortto_client_new(NULL);
  FUZZ_MUST(client!=NULL);
  ortto_config_set(client, ORTTO_API_URL, "http://127.0.0.1:1");
  ortto_config_set(client, protocol==ORTTO_API ? ORTTO_KEY : ORTTO_SEGMENT_KEY,
      "psb-SECRET-KEY-that-must-not-show");
  ortto_config_set(client, ORTTO_RATE, "0");
  ortto_config_set(client, ORTTO_RETRIES, "0");
  FUZZ_MUST(ortto_endpoint_open(client, NULL, protocol, endpoint)==ORTTO_OK);
  return client;
}

void fuzz_client_free(ortto_client *client, ortto_endpoint *endpoint){
  fuzz_touch_text(ortto_error(client));
  FUZZ_MUST(input_has_key || strstr(ortto_error(client), "SECRET-KEY")==NULL);
  ortto_endpoint_close(endpoint);
  ortto_client_free(client);
}

static volatile unsigned touched;

void fuzz_touch(const void *p, size_t n){
  const unsigned char *bytes = p;
  for(size_t i=0; i<n; i++) touched += bytes[i];
}

void fuzz_touch_text(const char *text){
  if( text ) fuzz_touch(text, strlen(text) + 1);
}
