/*
** log.h - the ring of the last requests, for ortto_log.
**
** May use: nothing but the door's types. Holds no key and no host. Without memory for it there is no log, and
** nothing else fails. Nothing in here blocks.
*/
#ifndef ORTTO_CLIENT_LOG_H
#define ORTTO_CLIENT_LOG_H

#include "../../ortto_client.h"

typedef struct request_log {
  ortto_log_entry *ring;           /* ORTTO_LOG_SIZE entries, made at the first request */
  int64_t count;                   /* entries made so far; the number of the newest */
} request_log;

void log_free(request_log *log);

/* A new entry, empty but for its number; NULL without memory. */
ortto_log_entry *log_add(request_log *log);

/* Entry `number`, to be completed; NULL if it is gone. */
ortto_log_entry *log_entry(request_log *log, int64_t number);

/* Entry `number`, or the oldest one kept that comes after it; NULL if there is none. */
const ortto_log_entry *log_from(const request_log *log, int64_t number);

#endif
