/*
** account.h - what is known of one account.
*/
#ifndef ORTTO_CLIENT_ACCOUNT_H
#define ORTTO_CLIENT_ACCOUNT_H

#include "../../ortto_client.h"
#include "../text.h"
#include "../json.h"
#include "endpoint.h"
#include "request.h"

#define SCHEMA_FIELDS 128          /* room for the built-in fields of one entity */

typedef struct schema_memory {     /* which built-in fields an instance lists */
  uint64_t identity;
  unsigned char known[2];          /* people, accounts */
  unsigned char listed[2][SCHEMA_FIELDS];
} schema_memory;

typedef struct field_memory {      /* fields listed lately, for writing */
  uint64_t identity;
  int64_t at;
  ortto_field_list *list;
} field_memory;

typedef struct audience_memory {   /* audiences of Segment's endpoint: "identity name" to id */
  char *name, *id;
} audience_memory;

typedef struct client_memory {     /* what is known of accounts, of one client */
  schema_memory schema[8];
  int schema_next;
  field_memory fields[2];          /* people, accounts */
  struct activity_memory *activities;
  audience_memory *audience;
  int audience_count;
} client_memory;

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
int listing_begin(context *ctx, listing *l, ortto_table table);
int parse_schema(ortto_endpoint *e, ortto_table table, http_request *c, listing *l);

#endif
