/*
** client.h - what the rooms of the client share.
*/
#ifndef ORTTO_CLIENT_CLIENT_H
#define ORTTO_CLIENT_CLIENT_H

#include <curl/curl.h>
#include <stdint.h>

#include "../../ortto_client.h"

#define SCHEMA_FIELDS 128          /* room for the built-in fields of one entity */
#define BREAKER_MAX 10

typedef struct key_limits key_limits;
typedef struct http_request http_request;

typedef struct refused_read {          /* a reading request that the server called bad */
  uint64_t hash;
  int64_t until;
  char *why;
} refused_read;

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

struct activity_memory;

struct ortto_client {
  ortto_host host;
  char *config[ORTTO_SETTINGS];    /* set by ortto_config_set */
  char error[1024];
  CURLM *multi;
  CURL *idle[64];                  /* handles to be used again */
  int idle_count;
  key_limits *limits;
  http_request *requests, **requests_end;        /* waiting and in flight, in order of urgency */
  int in_flight;
  int64_t breaker_at[BREAKER_MAX];         /* when the last answers of 400, 401, 403 came */
  int breaker_next;
  refused_read refused_reads[16];
  int refused_read_next;
  int64_t asked_host;              /* when host.interrupted was asked last */
  uint64_t random;
  schema_memory schema[8];
  int schema_next;
  field_memory fields[2];          /* people, accounts */
  struct activity_memory *activities;
  audience_memory *audience;
  int audience_count;
  ortto_log_entry *log;            /* ring of ORTTO_LOG_SIZE, made at the first request */
  int64_t log_count;
};

#endif
