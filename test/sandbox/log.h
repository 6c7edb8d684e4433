/*
** log.h: the log of requests
**
** What arrived, how it was answered, how many at once and in a second. It has a lock of
** its own, and blocks nobody for long.
**
** It uses text and json.
*/
#ifndef SANDBOX_LOG_H
#define SANDBOX_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "text.h"

/* A second in nanoseconds, less what a busy machine may deliver late: what limits of rate are measured by. */
#define RATE_WINDOW 950000000

uint64_t log_arrival(const char *method, const char *path, const char *query);
void log_body(uint64_t n, const char *body, size_t size);
void log_answer(uint64_t n, int status, size_t size);
void log_leave(void);
void log_forget(void);
void log_open(void);
void log_close(void);

/* How many requests, or with a path how many of those that are kept. */
uint64_t log_count(const char *path);

void put_stats(Buf *b);
void put_log(Buf *b, bool brief, bool full);

#endif
