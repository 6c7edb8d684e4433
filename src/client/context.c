/*
** context.c - see context.h.
*/
#include "context.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "../os.h"
#include "../text.h"

void context_init(context *c, const ortto_host *host){
  memset(c, 0, sizeof *c);
  if( host ) c->host = *host;
  c->random = mix64((uint64_t)now_us() ^ os_process_id()<<40 ^ mix64((uint64_t)(uintptr_t)c));
}

void set_error(context *c, const char *format, ...){
  va_list args;
  va_start(args, format);
  vsnprintf(c->error, sizeof c->error, format, args);
  va_end(args);
  utf8_mend(c->error);
}

int no_memory(context *c){
  set_error(c, "ortto: out of memory");
  return ORTTO_NOMEM;
}

int fail_interrupted(context *c){
  set_error(c, "ortto: interrupted");
  return ORTTO_INTERRUPT;
}

int interrupted(context *c){
  int64_t now = now_us();
  if( c->host.interrupted==NULL || now - c->asked_host < POLL_MS*500 ) return 0;
  c->asked_host = now;
  return c->host.interrupted(c->host.ctx);
}

double random_unit(context *c){
  c->random += 0x9E3779B97F4A7C15u;
  return (double)(mix64(c->random)>>11) / 9007199254740992.0;
}
