/*
** endpoint.h - a host with a key, and to whom a key may go.
**
** An endpoint is counted: whoever keeps one holds a reference and gives it back with ortto_endpoint_close.
** May use: settings, url, context. Must not know: how a request is made.
*/
#ifndef ORTTO_CLIENT_ENDPOINT_H
#define ORTTO_CLIENT_ENDPOINT_H

#include <curl/curl.h>
#include <stdint.h>

#include "../../ortto_client.h"
#include "client.h"
#include "settings.h"



struct ortto_endpoint {
  ortto_client *client;
  int references;
  char *base;                      /* scheme://host[:port][/path], no slash at its end */
  char *key;
  char region[8];                  /* "" where the address was given */
  ortto_protocol protocol;
  int loopback;
  long timeout_ms, retries, rate, concurrency;
  uint64_t identity;
  struct curl_slist *headers;
  key_limits *limits;
};

int endpoint_key(ortto_client *client, const ortto_args *args, ortto_setting s, enum origin *from, int *literal, char **key);

/* The address, and whether this key may go there. */
int endpoint_base(ortto_endpoint *e, const ortto_args *args, enum origin key_from, int key_literal);
int endpoint_headers(ortto_endpoint *e);
int endpoint_numbers(ortto_endpoint *e, const ortto_args *args);

#endif
