/*
** log.c - see log.h.
*/
#include "log.h"

const ortto_log_entry *ortto_log_at(const ortto_client *client, int64_t number){
  int64_t oldest = client->log_count - ORTTO_LOG_SIZE + 1;
  if( number < oldest ) number = oldest;
  if( number < 1 ) number = 1;
  if( client->log==NULL || number > client->log_count ) return NULL;
  return &client->log[(number-1) % ORTTO_LOG_SIZE];
}

int64_t ortto_log_last(const ortto_client *client){
  return client->log ? client->log_count : 0;
}

ortto_log_entry *log_entry(ortto_client *client, int64_t number){
  return number<1 || number<=client->log_count-ORTTO_LOG_SIZE ? NULL : &client->log[(number-1) % ORTTO_LOG_SIZE];
}
