/*
** create.h - activities that the account knows, and making what is missing.
*/
#ifndef ORTTO_CLIENT_CREATE_H
#define ORTTO_CLIENT_CREATE_H

#include "../../ortto_client.h"
#include "../text.h"
#include "../json.h"
#include "client.h"
#include "request.h"
#include "record.h"

typedef struct activity_type {     /* a definition, from the instance schema */
  const char *id, *name, *fold;    /* fold: the name's letters and digits. An attribute's stand in its column */
  ortto_field *attribute;
  int attributes;
} activity_type;

struct activity_memory {           /* of one account */
  uint64_t identity;
  int64_t at;
  arena memory;
  activity_type *type;
  int count, cap;
};

void activities_free(struct activity_memory *m);

/* The definitions, read once a minute and client at most. */
int activities_have(ortto_sending *s, int anew);
activity_type *activity_named(const struct activity_memory *m, arena *a, const char *name);
const char *closest_activity(const struct activity_memory *m, const char *name);

/* What could not be made is not asked for again in the same call. 1: it was refused before, and so is this record. */
int refused_before(ortto_sending *s, record *r, const char *what);
int refused_remember(ortto_sending *s, const record *r, const char *what);
int field_create(ortto_sending *s, record *r, const char *name, size_t n, js v, const ortto_field **out);
int activity_create(ortto_sending *s, record *r, const char *name, js properties);

#endif
