/* routes.c: see routes.h. */
#define _GNU_SOURCE
#include "routes.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "instance.h"
#include "call.h"
#include "reading.h"
#include "definitions.h"
#include "tags_audiences.h"
#include "feed.h"
#include "merge.h"
#include "archive.h"
#include "activities.h"
#include "custom_fields.h"
#include "subscriptions.h"
#include "segment.h"
#include "control.h"
#include "faults.h"
#include "keys.h"

enum { READS, WRITES, CHANGES, ALONE }; /* ALONE: takes no lock on the data */

/* What the API answers, with X-Api-Key; PATH/organizations stands for PATH/accounts. */
static const Route API[] = {
    {"POST", "/v1/person/get", api_get, PEOPLE, READS},
    {"POST", "/v1/person/get-by-ids", api_get_by_ids, PEOPLE, READS},
    {"POST", "/v1/person/get/activities", api_feed, PEOPLE, READS},
    {"POST", "/v1/person/custom-field/get", api_custom_fields, PEOPLE, READS},
    {"POST", "/v1/accounts/get", api_get, ACCOUNTS, READS},
    {"POST", "/v1/accounts/get-by-ids", api_get_by_ids, ACCOUNTS, READS},
    {"POST", "/v1/accounts/custom-field/get", api_custom_fields, ACCOUNTS, READS},
    {"POST", "/v1/instance-schema/get", api_schema, PEOPLE, READS},
    {"POST", "/v1/tags/get", api_tags, PEOPLE, READS},
    {"POST", "/v1/audiences/get", api_audiences, PEOPLE, READS},
    {"POST", "/v1/person/merge", api_merge, PEOPLE, WRITES},
    {"PUT", "/v1/person/archive", api_archive, PEOPLE, WRITES},
    {"PUT", "/v1/person/restore", api_restore, PEOPLE, WRITES},
    {"DELETE", "/v1/person/delete", api_delete, PEOPLE, WRITES},
    {"POST", "/v1/person/subscriptions", api_subscriptions, PEOPLE, CHANGES},
    {"POST", "/v1/person/custom-field/create", api_create_field, PEOPLE, WRITES},
    {"PUT", "/v1/person/custom-field/update", api_update_field, PEOPLE, WRITES},
    {"POST", "/v1/accounts/merge", api_merge, ACCOUNTS, WRITES},
    {"PUT", "/v1/accounts/archive", api_archive, ACCOUNTS, WRITES},
    {"PUT", "/v1/accounts/restore", api_restore, ACCOUNTS, WRITES},
    {"DELETE", "/v1/accounts/delete", api_delete, ACCOUNTS, WRITES},
    {"PUT", "/v1/accounts/contacts/add", api_link, ACCOUNTS, WRITES},
    {"PUT", "/v1/accounts/contacts/remove", api_unlink, ACCOUNTS, WRITES},
    {"POST", "/v1/accounts/custom-field/create", api_create_field, ACCOUNTS, WRITES},
    {"PUT", "/v1/accounts/custom-field/update", api_update_field, ACCOUNTS, WRITES},
    {"POST", "/v1/activities/create", api_activities, PEOPLE, WRITES},
    {"POST", "/v1/accounts/activities/create", api_activities, ACCOUNTS, WRITES},
    {"POST", "/v1/definitions/activity/create", api_define_activity, PEOPLE, WRITES},
    {"PUT", "/v1/audience/subscribe", api_subscribe, PEOPLE, WRITES}};

/* The same address with a Bearer key: the destination that Segment writes to. */
static const Route SEGMENT[] = {
    {"GET", "/v1/me", segment_me, NULL, READS},
    {"POST", "/v1/identify", segment_items, NULL, WRITES},
    {"POST", "/v1/track", segment_items, NULL, WRITES},
    {"PUT", "/v1/audiences/members", segment_items, NULL, WRITES},
    {"POST", "/v1/audiences/create", segment_create, NULL, WRITES},
    {"POST", "/v1/audiences/get", segment_get, NULL, READS}};

static const Route CONTROL[] = {
    {"GET", "/sandbox/requests", control_requests, NULL, ALONE},
    {"GET", "/sandbox/count", control_count, NULL, ALONE},
    {"POST", "/sandbox/forget", control_forget, NULL, ALONE},
    {"GET", "/sandbox/stats", control_stats, NULL, ALONE},
    {"POST", "/sandbox/fault", control_fault, NULL, ALONE},
    {"POST", "/sandbox/clear", control_clear, NULL, ALONE},
    {"POST", "/sandbox/set", control_set, NULL, ALONE},
    {"GET", "/sandbox/guesses", control_guesses, NULL, ALONE},
    {"POST", "/sandbox/reset", control_reset, NULL, CHANGES},
    {"POST", "/sandbox/people", control_records, PEOPLE, WRITES},
    {"POST", "/sandbox/accounts", control_records, ACCOUNTS, WRITES},
    {"POST", "/sandbox/field", control_field, NULL, WRITES},
    {"GET", "/sandbox/person", control_record, PEOPLE, READS},
    {"GET", "/sandbox/account", control_record, ACCOUNTS, READS},
    {"GET", "/sandbox/people/count", control_population, PEOPLE, READS},
    {"GET", "/sandbox/accounts/count", control_population, ACCOUNTS, READS},
    {"GET", "/sandbox/activities", control_activities, NULL, READS},
    {"GET", "/sandbox/segment", control_segment, NULL, READS},
    {"POST", "/sandbox/segment/forget", control_forget_segment, NULL, CHANGES}};

static const Route *route(const Route *table, size_t n, const char *method, const char *path) {
  for (size_t k = 0; k < n; k++)
    if (!strcmp(table[k].path, path) && !strcmp(table[k].method, method)) return &table[k];
  return NULL;
}

const Route *api_route(const char *method, const char *path) { return route(API, COUNT(API), method, path); }
const Route *segment_route(const char *method, const char *path) {
  return route(SEGMENT, COUNT(SEGMENT), method, path);
}
const Route *control_route(const char *method, const char *path) {
  return route(CONTROL, COUNT(CONTROL), method, path);
}

static void change_before(const Call *c) {
  const Fault *f = fault(c, F_CHANGE);
  if (!f || !c->en) return;
  pthread_rwlock_wrlock(&S.lock);
  if (c->era == fault_era()) { /* else they were cleared while it waited, and somebody counts on that */
    S.version++;
    change_records(c->en, f->add, f->remove, f->newest);
    forget_keys();
    S.version++;
  }
  pthread_rwlock_unlock(&S.lock);
}

int run_route(Call *c, const Route *r) {
  c->en = r->en;
  change_before(c);
  if (r->mode == ALONE) return r->run(c);
  if (r->mode == READS) {
    pthread_rwlock_rdlock(&S.lock);
  } else {
    pthread_rwlock_wrlock(&S.lock);
    S.version++;
    S.clock += r->mode == WRITES;
  }
  int status = r->run(c);
  if (r->mode != READS) S.version++;
  pthread_rwlock_unlock(&S.lock);
  return status;
}
