/*
** call.h: one call of the API, and how it fails
**
** What a handler gets: the request's JSON, its records, room for the answer. A handler
** returns the HTTP status. fail() writes Ortto's body of an error and returns the status,
** so that "return fail(...)" ends a handler; the checks return 0 or such a status.
**
** It uses text, json, guesses, instance and records.
*/
#ifndef SANDBOX_CALL_H
#define SANDBOX_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include <microhttpd.h>

#include "text.h"
#include "json.h"
#include "instance.h"

typedef struct Fault Fault;

typedef struct Call {
  const char *method;
  const char *path;
  struct MHD_Connection *connection;
  Json *in;          /* the request's body, or NULL */
  Reader reader;
  char *body;        /* as sent */
  size_t nBody;
  Entity *en;        /* of the route */
  bool old;          /* /v1/organizations/ spelling */
  Buf out;           /* the answer's body */
  int status;
  int retryAfter;    /* seconds for the header, or 0 */
  Fault *fault[16];  /* those that hit this call */
  int nFault;
  uint64_t era;      /* of the faults, when they did */
  uint64_t n;        /* number in the log */
} Call;

/* Ends the call with Ortto's body for an error; returns the status. */
PRINTF_LIKE(3, 4) int fail(Call *c, int status, const char *format, ...);

int invalid(Call *c);

/* 0, or the 400 that an ill-formed id gets. */
int check_id(Call *c, const Json *v);

/* The record of a checked id, or -1. */
int64_t record_of(const Entity *en, const Json *v);

/* Members of the wrong JSON type fail to parse, as in any typed server. */
int check_type(Call *c, const char *name, int type);

int check_types(Call *c, const char *const *names, const int *types, int n);
int read_id_list(Call *c, const char *name, const Json **list);

#endif
