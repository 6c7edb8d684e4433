/*
** request.h - one request from queue to meaning: attempts, waits, what an answer means, what to advise.
*/
#ifndef ORTTO_CLIENT_REQUEST_H
#define ORTTO_CLIENT_REQUEST_H

#include <curl/curl.h>

#include "../../ortto_client.h"
#include "../text.h"
#include "../json.h"
#include "client.h"
#include "context.h"
#include "endpoint.h"
#include "pace.h"

/* What a request is for: it decides about the second limit and about remembering refusals. */
enum { REQUEST_READ = 1, REQUEST_FEED = 2, REQUEST_URGENT = 4 };

struct http_request {
  http_request *next;
  ortto_endpoint *endpoint;        /* a reference */
  const char *method, *path;       /* constants */
  const char *doing;               /* constant, for messages: "reading people" */
  char *url, *body;
  size_t body_n;
  int flags;
  int *stop;                       /* set when this call fails for good, and then none like it is begun; or NULL */
  enum { REQUEST_WAITING, REQUEST_SENT, REQUEST_DONE } state;
  int attempt;                     /* 1 is the first; 0: not begun */
  int64_t not_before, started;
  int64_t sent_number;             /* its place in key_limits->sent, -1 none */
  int64_t log_number;
  CURL *easy;
  char curl_error[CURL_ERROR_SIZE];
  buf answer;
  char date[21];                   /* the server's clock, as RFC 3339; "" unsaid */
  int too_large;
  int rc, status;                  /* when done; status 0: no answer */
  char *error;                     /* when done and rc is ORTTO_ERROR: the sentence */
};

#define bad_answer(...) (set_bad_answer(__VA_ARGS__), ORTTO_ERROR)

void log_rows(const http_request *c, int64_t rows);

/* Forget this call; what is in flight is cancelled. */
void request_drop(http_request *c);
void requests_drop_all(ortto_client *client);

/* Queues a request; NULL when out of memory. Takes the body over. path, method and doing must be constants. */
http_request *request_new(ortto_endpoint *e, const char *method, const char *path, char *body, int flags, const char *doing);

/* The server's own words, without the key, on one line, of bearable length. */
void words_add(buf *out, const char *words, const char *key);

/* Failures after which further requests of the same kind would fail too. */
int status_ends(int status);

/* Moves everything on. With wait, sleeps until something happens, 40 ms at most. */
void pump(ortto_client *client, int wait);

/* Waits until this call is over. On an error the sentence is the client's error; the call stays to be dropped. */
int request_wait(http_request *c);

/* A complete answer that is not what it must be. */
__attribute__((format(printf, 2, 3)))
void set_bad_answer(http_request *c, const char *format, ...);

/* The answer as JSON. */
int answer_json(http_request *c, js *value);

/* Sends a request that reads, and waits: the answer is JSON in *value, whose bytes belong to *out. */
int request_now(ortto_endpoint *e, const char *path, char *body, const char *doing, http_request **out, js *value);

#endif
