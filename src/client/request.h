/*
** request.h - one request from queue to meaning: attempts, waits, what an answer means, what to advise.
**
** May use: http, pace, log, endpoint, json. Must not know: which request it is; its callers write the body
** and read the answer. Requests wait in the client's queue, in order of urgency, until pace lets them go;
** several are in flight: `concurrency` of them, or as many as the rate needs. Whoever asks ahead says how
** large the answers will be: no more than AHEAD_MAX bytes are asked for, or wait to be read, at any time.
**
** Blocks: request_wait and request_now; both ask whether to go on at least every 40 ms. requests_serve does
** not.
*/
#ifndef ORTTO_CLIENT_REQUEST_H
#define ORTTO_CLIENT_REQUEST_H

#include "../json.h"
#include "endpoint.h"
#include "http.h"
#include "log.h"
#include "pace.h"

#define AHEAD_MAX ((size_t)24 << 20)

typedef struct http_request http_request;

typedef struct request_queue {     /* of one client */
  context *context;
  http *http;
  buf spare;                       /* memory of an answer that is gone, for the next one */
  js_nodes spare_nodes;
  pace pace;
  request_log log;
  http_request *first, **end;      /* waiting and in flight, in order of urgency */
  int64_t settled;                 /* records of a delivery that have their outcome: for whoever watches it */
  int64_t served;                  /* when the network was, last */
  size_t ahead;                    /* bytes of answers, expected or there and not read yet */
  uint64_t process;                /* that made it: a process forked from it must not share its connections */
} request_queue;

/* What a request is for: it decides about the second limit and about remembering refusals. */
enum { REQUEST_READ = 1, REQUEST_FEED = 2, REQUEST_URGENT = 4 };

struct http_request {
  http_request *next;
  ortto_endpoint *endpoint;        /* a reference */
  const char *method, *path;       /* constants */
  const char *doing;               /* constant, for messages: "reading people" */
  const char *note;                /* constant, for the log where it succeeds; or NULL */
  char *url, *body;
  size_t body_n;
  size_t expected;                 /* bytes of its answer, as far as its owner knows */
  int flags;
  int *stop;                       /* set when this one fails for good: none like it is begun. Or NULL */
  int *answered;                   /* of one read or delivery: set at the first answer; from then on a lost
                                   ** connection is waited out for a minute (unless retries is 0). Or NULL */
  int64_t lost_at;                 /* when the connection was lost, 0: it is not; microseconds */
  enum { REQUEST_WAITING, REQUEST_SENT, REQUEST_DONE } state;
  int attempt;                     /* 1 is the first; 0: not begun */
  int64_t not_before, started;     /* microseconds */
  int64_t sent_number;             /* its place among those sent with its key, -1 none */
  int64_t log_number;
  http_transfer transfer;          /* .answer and .date of the last attempt */
  js_nodes nodes;                  /* of the answer, once it was read */
  int rc, status;                  /* when done; status 0: no answer */
  char *error;                     /* when done and rc is ORTTO_ERROR: the sentence */
};

/* 0 when out of memory, or where libcurl cannot start. */
int requests_open(request_queue *q, context *ctx);
void requests_close(request_queue *q);

/* Queues a request; NULL when out of memory (the error is set). Takes the body over, which is NULL for GET
** alone. path, method and doing must be constants. Give it back with request_drop. */
http_request *request_new(ortto_endpoint *e, const char *method, const char *path, char *body, int flags,
                          const char *doing);
/* Forgets it; what is in flight is cancelled. May be NULL. */
void request_drop(http_request *r);

/* How many of this endpoint's requests may be in flight now. */
int requests_window(const ortto_endpoint *e);

/* May somebody who has so many requests queued ask ahead for one more, with an answer of so many bytes? */
int requests_have_room(const ortto_endpoint *e, int queued, size_t bytes);

/* Its answer will have about so many bytes. */
void request_expect(http_request *r, size_t bytes);
/* Its answer is being read, and no longer ahead; returns its bytes. */
size_t request_read(http_request *r);

/* Waits until it is over: ORTTO_OK, or an error that is the client's error too. It stays to be dropped. */
int request_wait(http_request *r);

/* A POST that reads, and the wait: the answer is JSON in *value, whose bytes belong to *out, which is to
** be dropped whatever the result. */
int request_now(ortto_endpoint *e, const char *path, char *body, const char *doing, http_request **out,
                js *value);

/* The answer of a request that is over, as JSON. */
int answer_json(http_request *r, js *value);

/* As ortto_waits_for says (ortto_client.h). */
ortto_waiting requests_wait_for(const request_queue *q, int64_t *ms);

/* Serves the network while the caller does something else, if anything is asked for and this was not done a
** moment ago: to be called often. */
void requests_serve(request_queue *q);

/* A complete answer that is not what it must be: sets the error, notes it in the log. */
OS_PRINTF(2, 3)
void set_bad_answer(http_request *r, const char *format, ...);
#define bad_answer(...) (set_bad_answer(__VA_ARGS__), ORTTO_ERROR)

/* How many records the answer had, for the log. */
void log_rows(const http_request *r, int64_t rows);

/* Adds the server's own words: without the key, on one line, of bearable length. */
void add_words(buf *out, const char *words, const char *key);

/* Statuses after which further requests of the same kind would fail too. */
int status_ends(int status);

#endif
