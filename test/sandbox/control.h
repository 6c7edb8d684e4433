/*
** control.h: control calls: /sandbox/...
**
** What tests change and ask behind the client's back. They need no key.
**
**   GET  /sandbox/requests[?brief][?full]   the log: JSON, or METHOD PATH STATUS lines
**   GET  /sandbox/count[?path=P]            number of requests since the last forget
**   POST /sandbox/forget                    empties the log
**   GET  /sandbox/stats                     requests, max_in_flight, max_per_second, bytes_out
**   POST /sandbox/fault                     {"kind":K, "path":prefix, "after":N, "times":M, ...};
**                                           -1: for ever
**   POST /sandbox/clear                     removes all faults
**   POST /sandbox/set                       {"latency_ms", "rate", "region_error", "snapshot"},
**                                           {"guess":{NAME:READING, ...}}
**   GET  /sandbox/guesses                   what can be guessed, and how it is (guesses.h)
**   POST /sandbox/people, /sandbox/accounts {"add":n} {"remove":n,"from":"newest"}
**                                           {"edit":n,"step":k}
**                                           {"person"|"account":{"id"|"nth", "fields":{raw JSON}}}
**   POST /sandbox/field                     {"entity","id","name","display_type","values"}
**                                           {"entity","remove":id}
**   GET  /sandbox/person?id=|email=|ei=     one person, whole; null if there is none
**   GET  /sandbox/account?id=|name=         one account
**   GET  /sandbox/people/count, /sandbox/accounts/count
**   GET  /sandbox/activities                activities created by requests
**   GET  /sandbox/segment[?lines]           items received by Segment's protocol, as sent
**   POST /sandbox/segment/forget            drops them
**   POST /sandbox/reset                     back to the start, log and faults too
**
** It uses text, json, guesses, instance, records, values, fields, start, call, faults,
** lists, query, keys, custom_fields and log.
*/
#ifndef SANDBOX_CONTROL_H
#define SANDBOX_CONTROL_H

#include "call.h"

int refuse(Call *c, const char *why);

/* So many new records, and so many less, from the middle of the list or from its newest. */
void change_records(Entity *en, int64_t add, int64_t remove, bool newest);

int control_requests(Call *c);
int control_count(Call *c);
int control_forget(Call *c);
int control_stats(Call *c);
int control_fault(Call *c);
int control_clear(Call *c);
int control_set(Call *c);
int control_guesses(Call *c);
int control_reset(Call *c);
int control_records(Call *c);
int control_field(Call *c);
int control_record(Call *c);
int control_population(Call *c);
int control_activities(Call *c);
int control_segment(Call *c);
int control_forget_segment(Call *c);

#endif
