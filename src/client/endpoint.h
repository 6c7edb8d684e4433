/*
** endpoint.h - a host with a key, and to whom a key may go.
**
** An endpoint is counted: whoever keeps one holds a reference (endpoint_keep) and gives it back with
** ortto_endpoint_close. May use: settings, url, context, text. Must not know: how a request is made; it only
** carries the pointers by which the rooms above find what they share. Sends nothing, does not block.
**
** The rule about keys: one from the environment, a file or ortto_config goes to Ortto's own hosts, or to an
** api_url from there; an api_url in a table's arguments gets only a key written literally in the same
** arguments.
*/
#ifndef ORTTO_CLIENT_ENDPOINT_H
#define ORTTO_CLIENT_ENDPOINT_H

#include <stdint.h>

#include "context.h"
#include "settings.h"

struct ortto_endpoint {
  context *context;
  struct request_queue *queue;     /* of the client: through it the requests go (request.h) */
  struct key_limits *limits;       /* of the key (pace.h) */
  struct account *account;         /* what is known of it (account.h): a reference */
  void (*account_release)(struct account *);
  int references;
  char *base;                      /* scheme://host[:port][/path], no slash at its end */
  char *key;
  char *authorization;             /* the header that carries the key */
  char *ca_file, *ca_folder;       /* of authorities to trust instead of the system's; NULL: not named */
  char region[8];                  /* "" where the address was given */
  ortto_protocol protocol;
  int loopback;
  long timeout_ms, retries, rate;
  long concurrency;                /* 0: as many as the rate needs */
  uint64_t identity;               /* a hash of host and key */
};

/* Puts host, key and limits together; args may be NULL. The pointers of the rooms above stay NULL. */
int endpoint_open(context *ctx, const settings *own, const ortto_args *args, ortto_protocol protocol,
                  ortto_endpoint **out);

/* The address of a region's API; constant. */
const char *region_host(const char *region);

/* One reference more. */
ortto_endpoint *endpoint_keep(ortto_endpoint *e);

#endif
