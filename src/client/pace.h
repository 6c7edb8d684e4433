/*
** pace.h - when may the next request with a key be sent: rate, 429, refusals, the ban avoided.
**
** May use: os, text. Must not know: curl, JSON, what a request says.
*/
#ifndef ORTTO_CLIENT_PACE_H
#define ORTTO_CLIENT_PACE_H

#include <stdint.h>

#include "../../ortto_client.h"
#include "client.h"
#include "settings.h"

struct key_limits {                      /* what all requests with one key share */
  key_limits *next;
  char *key;
  int64_t sent[RATE_MAX+1];        /* ring: when the last requests were sent; INT64_MAX: not on the wire yet */
  int64_t sent_count;
  int64_t feed_at;                 /* the last request to the activity feed */
  int64_t hold_until;              /* the server said 429 */
  int64_t refused_until;           /* the server refused the key ... */
  uint64_t refused_identity;       /* ... on this host ... */
  char *refused_why;               /* ... with these words */
};

void key_limits_free(key_limits *l);
key_limits *key_limits_of(ortto_client *client, const char *key);

#endif
