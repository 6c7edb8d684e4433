/*
** account.h - what is known of one account.
*/
#ifndef ORTTO_CLIENT_ACCOUNT_H
#define ORTTO_CLIENT_ACCOUNT_H

#include "../../ortto_client.h"
#include "../text.h"
#include "../json.h"
#include "client.h"
#include "endpoint.h"
#include "request.h"

enum group { BUILT_IN, CUSTOM, OTHER };   /* the order in which column names are given away */

typedef struct listing {
  ortto_field *field;
  unsigned char *group;
  int count, cap, failed;
  arena *memory;
  text_map by_id;
} listing;

/* People's definitions are wrapped, accounts' are flat [recorded]; `fields` is null when there are none. */
int listing_custom(listing *l, http_request *c, js answer);
void listing_free(listing *l);
int listing_begin(ortto_client *client, listing *l, ortto_table table);
int parse_schema(ortto_endpoint *e, ortto_table table, http_request *c, listing *l);

#endif
