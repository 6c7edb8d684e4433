/*
** context.c - see context.h.
*/
#include "context.h"

#include <stdarg.h>
#include <stdio.h>

#include "../os.h"
#include "../text.h"

void set_error(ortto_client *client, const char *format, ...){
  va_list args;
  va_start(args, format);
  vsnprintf(client->error, sizeof client->error, format, args);
  va_end(args);
  utf8_mend(client->error);
}

int no_memory(ortto_client *client){
  set_error(client, "ortto: out of memory");
  return ORTTO_NOMEM;
}

int fail_interrupted(ortto_client *client){
  set_error(client, "ortto: interrupted");
  return ORTTO_INTERRUPT;
}

double random_unit(ortto_client *client){   /* only spreads retries */
  client->random += 0x9E3779B97F4A7C15u;
  return (double)(mix64(client->random)>>11) / 9007199254740992.0;
}

int interrupted(ortto_client *client){
  int64_t now = now_us();
  if( client->host.interrupted==NULL || now - client->asked_host < POLL_MS*500 ) return 0;
  client->asked_host = now;
  return client->host.interrupted(client->host.ctx);
}
