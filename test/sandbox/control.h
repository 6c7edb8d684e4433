/*
** control.h: control calls: /sandbox/...
**
** What tests change and ask behind the client's back. main.c lists the calls.
**
** It uses text, json, instance, records, values, fields, start, call, faults, lists,
** query, keys, custom_fields and log.
*/
#ifndef SANDBOX_CONTROL_H
#define SANDBOX_CONTROL_H

#include "call.h"

int refuse(Call *c, const char *why);
int control_requests(Call *c);
int control_count(Call *c);
int control_forget(Call *c);
int control_stats(Call *c);
int control_fault(Call *c);
int control_clear(Call *c);
int control_set(Call *c);
int control_reset(Call *c);
int control_records(Call *c);
int control_field(Call *c);
int control_record(Call *c);
int control_population(Call *c);
int control_activities(Call *c);
int control_segment(Call *c);
int control_forget_segment(Call *c);

#endif
