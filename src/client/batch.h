/*
** batch.h - items into requests, in an order that keeps what names the same contact in its own.
*/
#ifndef ORTTO_CLIENT_BATCH_H
#define ORTTO_CLIENT_BATCH_H

#include "../../ortto_client.h"
#include "client.h"
#include "request.h"
#include "record.h"

typedef struct batch {
  int *member, count;              /* places in record[] */
  size_t bytes;
  int wave, conflicts;            /* conflicts: answers of 409 so far */
  http_request *request;
} batch;

typedef struct batches {
  batch *list;
  int count, cap;
} batches;

batch *batch_new(batches *all, int wave);
int batch_add(batch *b, int place, size_t bytes);
void batches_free(batches *all);

/* The API: no contact twice in a request, so that nothing hangs on the order inside it; records with the same merge_by
** and wave go together. */
int batches_api(ortto_sending *s, batches *all);

/* Segment's endpoint takes events in their order: requests are filled in it, and one that may be about a contact of an
** earlier one waits for that. */
int batches_segment(ortto_sending *s, batches *all);
int is_archive(const ortto_sending *s);
const char *items_member(const ortto_sending *s);
int batch_send(ortto_sending *s, batch *b);

#endif
