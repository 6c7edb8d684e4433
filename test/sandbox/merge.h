/*
** merge.h: person/merge and accounts/merge
**
** Finding, creating and changing records; activities use it for whom they are about.
** Sections 2.3 and 2.10 of the facts. Only under the lock for writing.
**
** It uses text, json, guesses, instance, records, values, fields, start, call, keys and store.
*/
#ifndef SANDBOX_MERGE_H
#define SANDBOX_MERGE_H

#include <stdbool.h>
#include <stdint.h>

#include "text.h"
#include "json.h"
#include "instance.h"
#include "call.h"

typedef struct Change {
  const Field *field;
  Buf raw;
  bool clear; /* null was given */
} Change;

typedef struct Outcome {
  const char *status;
  char id[25];   /* empty for none */
  char *error;   /* of a failure, or NULL */
} Outcome;

typedef struct Merge {
  Entity *en;
  const Field *key[3];
  int nKey;
  bool byId;
  const char *idName[2]; /* pseudo fields that hold the record's id */
  int64_t strategy, find;
  bool async, skip;
  const Field *suppression;
  const Json *alternatives; /* merge_by_alt_fields */
} Merge;

/* One record on its way: its checked fields. */
typedef struct Entrant {
  const Json *json;
  Change *change;
  int n, cap;
  const Json *id; /* value of the pseudo field */
} Entrant;

PRINTF_LIKE(3, 4) bool reject(Outcome *o, const char *status, const char *format, ...);
int64_t find_by(const Merge *m, const Entrant *e, int k, const Field *f, const Buf *text);
bool merge_one(const Merge *m, const Json *json, Outcome *o, uint32_t *i);
int read_merge(Call *c, Merge *m);

/* The 400 for a request of which nothing could be done. */
int fail_all(Call *c, const char *what, const Outcome *o, size_t n);

int api_merge(Call *c);

#endif
