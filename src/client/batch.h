/*
** batch.h - items into requests, in an order that keeps what names the same contact in its own.
**
** Requests go out in waves: all of a wave may be in flight at once, and none before the wave ahead of it is
** answered. So what may be about one contact is in different waves, or in one request whose order the server
** keeps.
** May use: record, options, request. Must not know: how an item is made, what an answer says.
** Functions that give an int give 0 when out of memory, unless they say otherwise. Nothing here blocks:
** batch_send only puts a request into the queue.
*/
#ifndef ORTTO_CLIENT_BATCH_H
#define ORTTO_CLIENT_BATCH_H

#include "../../ortto_client.h"
#include "request.h"
#include "record.h"

typedef struct batch {
  int *member, count;              /* places in the sending's record[] */
  size_t bytes;                    /* of their items, with commas */
  int wave;                        /* from 1; 0: by itself */
  int conflicts;                   /* answers of 409 so far */
  http_request *request;           /* while it is under way */
} batch;

typedef struct batches {
  batch *list;                     /* moves when it grows */
  int count, cap;
} batches;

/* One more, empty; NULL when out of memory. */
batch *batch_new(batches *all, int wave);
int batch_add(batch *b, int place, size_t bytes);
void batches_free(batches *all);

/* The API: no contact twice in a request, so that nothing hangs on the order inside it; records with the same
** merge_by and wave go together. */
int batches_api(ortto_sending *s, batches *all);

/* Segment's endpoint takes events in their order: requests are filled in it, and one that may be about a
** contact of an earlier one waits for that. */
int batches_segment(ortto_sending *s, batches *all);

int is_archive(const ortto_sending *s);

/* The member of a request to the API, and of its answer, that holds the records. */
const char *items_member(const ortto_sending *s);

/* The request of a batch, begun; ORTTO_OK or ORTTO_NOMEM. */
int batch_send(ortto_sending *s, batch *b);

#endif
