/*
** routes.h: from method and path to handler
**
** Which handler answers what, and how it holds the lock.
**
** It uses text, instance, call, reading, definitions, tags_audiences, feed, merge,
** archive, activities, custom_fields, subscriptions, segment, control, faults and keys.
*/
#ifndef SANDBOX_ROUTES_H
#define SANDBOX_ROUTES_H

#include "instance.h"
#include "call.h"

typedef struct Route {
  const char *method, *path;
  int (*run)(Call *c);
  Entity *en;
  int mode;
} Route;

const Route *api_route(const char *method, const char *path);
const Route *segment_route(const char *method, const char *path);
const Route *control_route(const char *method, const char *path);

/* A write is also a tick of the clock. It makes two versions, for the lists that it
** uses itself are out of date at its end. */
int run_route(Call *c, const Route *r);

#endif
