/*
** context.h - what every room of the client may use: say what failed, ask whether to go on.
**
** May use: os, text. Must not know: settings, hosts, requests. A context belongs to one client, and so to one
** thread at a time; rooms get it instead of the client. The last error has one owner, this room.
**
** Blocks: interrupted() calls the host's function, which does not wait.
*/
#ifndef ORTTO_CLIENT_CONTEXT_H
#define ORTTO_CLIENT_CONTEXT_H

#include <stdint.h>

#include "../../ortto_client.h"
#include "../os.h"

#define POLL_MS 40                 /* how long anything waits before it asks whether to go on */

typedef struct context {
  ortto_host host;
  char error[1024];                /* the last error, a whole sentence; "" if there was none */
  int64_t asked_host;              /* when host.interrupted was asked last, microseconds */
  uint64_t random;                 /* state of random_unit */
} context;

/* host may be NULL: then nothing interrupts. */
void context_init(context *c, const ortto_host *host);

/* Sets the last error: a sentence that begins with "ortto: " and holds no key. It is cut at a character's
** end. */
OS_PRINTF(2, 3)
void set_error(context *c, const char *format, ...);

/* The same, and gives ORTTO_ERROR. */
#define fail(...) (set_error(__VA_ARGS__), ORTTO_ERROR)

int no_memory(context *c);         /* sets the error, gives ORTTO_NOMEM */
int fail_interrupted(context *c);  /* sets the error, gives ORTTO_INTERRUPT */

/* Does the host want this to end? Asks it at most every 20 ms, so that it may be called as often as one
** likes. */
int interrupted(context *c);

/* From 0 to below 1. Only spreads retries: nothing that must not be guessed may be made of it. */
double random_unit(context *c);

#endif
