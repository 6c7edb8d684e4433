/*
** log.c - see log.h.
*/
#include "log.h"

#include <stdlib.h>
#include <string.h>

void log_free(request_log *log){
  free(log->ring);
  memset(log, 0, sizeof *log);
}

ortto_log_entry *log_add(request_log *log){
  if( log->ring==NULL ) log->ring = calloc(ORTTO_LOG_SIZE, sizeof *log->ring);
  if( log->ring==NULL ) return NULL;
  ortto_log_entry *entry = &log->ring[log->count++ % ORTTO_LOG_SIZE];
  memset(entry, 0, sizeof *entry);
  entry->number = log->count;
  return entry;
}

ortto_log_entry *log_entry(request_log *log, int64_t number){
  if( number<1 || number>log->count || number<=log->count-ORTTO_LOG_SIZE ) return NULL;
  return &log->ring[(number-1) % ORTTO_LOG_SIZE];
}

const ortto_log_entry *log_from(const request_log *log, int64_t number){
  int64_t oldest = log->count - ORTTO_LOG_SIZE + 1;
  if( number < oldest ) number = oldest;
  if( number < 1 ) number = 1;
  return number > log->count ? NULL : &log->ring[(number-1) % ORTTO_LOG_SIZE];
}
