/*
** http.h - transfers over libcurl: one pool of connections, many requests in flight, driven by whoever waits.
**
** With url (libcurl's address parser) the only room that includes curl. May use: os, text. Must not know:
** Ortto, JSON, what an answer means. There are no threads: http_perform moves whatever can be moved, on the
** caller's thread, and does not block; http_wait alone does, for as long as it is told.
**
** A deadline of our own stands over each transfer: libcurl that has lost an allocation may never end one.
** Then the pool is made anew as soon as nothing is in flight.
**
** Promises: http and https alone, no redirects, certificates verified, no proxy where `direct`, no signals;
** an answer of more than ANSWER_MAX bytes (decompressed), or of more than HEADERS_MAX of headers and
** trailers, ends the transfer.
*/
#ifndef ORTTO_CLIENT_HTTP_H
#define ORTTO_CLIENT_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "../text.h"

#define ANSWER_MAX (64u << 20)
#define HEADERS_MAX (1u << 20)

typedef struct http http;

typedef struct http_ask {          /* everything lives as long as the transfer */
  const char *method, *url;
  const char *authorization;       /* a whole header line */
  const char *body;                /* NULL: none */
  size_t body_n;
  long timeout_ms;                 /* of the whole transfer */
  int direct;                      /* through no proxy */
  const char *ca_file, *ca_folder; /* authorities to trust instead of the system's; NULL: not named */
} http_ask;

typedef enum http_end {
  HTTP_ANSWERED,                   /* a whole answer, whatever its status */
  HTTP_LOST,                       /* none; another try may have one */
  HTTP_HOPELESS,                   /* none, and another try would have none either */
  HTTP_NOMEM
} http_end;

typedef struct http_transfer {     /* all zero before the first http_start; http_transfer_free at the end */
  void *owner;                     /* the caller's */
  buf answer;                      /* the body; a further start empties it and uses its memory again */
  char date[21];                   /* the server's clock: 2025-11-04T19:10:31Z; "" unsaid */
  http_end end;                    /* once http_finished gave it back */
  int status;                      /* of an answer, else 0 */
  int timed_out;                   /* HTTP_LOST, because timeout_ms was over */
  int64_t retry_after;             /* seconds, 0 unsaid */
  const char *too_large;           /* what was, in words for the log; NULL: nothing */
  size_t headers_n;
  int64_t deadline;                /* microseconds of the monotonic clock */
  const char *reason, *advice;     /* where there is no answer; they live until the next start */
  void *easy, *headers;            /* libcurl's, while it runs */
  char error[256];
} http_transfer;

/* NULL when out of memory, or where libcurl cannot start. */
http *http_new(void);
void http_free(http *h);           /* after all of its transfers are cancelled or finished */

/* Puts it on the wire. Else it has ended at once: 0, and .end says HTTP_NOMEM or HTTP_HOPELESS. */
int http_start(http *h, http_transfer *t, const http_ask *ask);
/* Takes it off the wire, whatever its state. */
void http_cancel(http *h, http_transfer *t);
void http_transfer_free(http_transfer *t);

/* Moves what can be moved. Returns how many still run. */
int http_perform(http *h);
/* The next that has ended, each once; NULL if there is none. */
http_transfer *http_finished(http *h);
/* Waits until something moves, at most so long. */
void http_wait(http *h, int ms);
int http_in_flight(const http *h);

/* Microseconds from http_start to the moment when the request was on the wire; 0 if it is not yet, or no
** more. */
int64_t http_on_wire_after(const http_transfer *t);

#endif
