/*
** request.h: one HTTP request from its headers to its answer
**
** Keys, limits of rate and size, faults that need the connection, compression. serve()
** blocks as long as the answer takes; each connection has a thread.
**
** It uses text, json, instance, call, faults, log, control and routes.
*/
#ifndef SANDBOX_REQUEST_H
#define SANDBOX_REQUEST_H

#include <stdbool.h>

#include <microhttpd.h>

#include "text.h"
#include "call.h"

#define MOST_API (2u << 20) /* 2 MB [documented] */
#define MOST_CONTROL (256u << 20)

typedef struct Request {
  Call call;
  char *uri;       /* as asked, with the query */
  Buf body;
  bool started, tooBig, control, left;
  Buf header;      /* name, 0, value, 0, ... to add to the answer */
  const char *contentType;
} Request;

/* Waits so long, or until the server is to end. */
void nap(int64_t ms);

void leave(Request *r);
enum MHD_Result serve(Request *r);

#endif
