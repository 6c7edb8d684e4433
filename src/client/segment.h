/*
** segment.h - from given members to an event of Segment's protocol, and raw events of Segment's.
*/
#ifndef ORTTO_CLIENT_SEGMENT_H
#define ORTTO_CLIENT_SEGMENT_H

#include "../../ortto_client.h"
#include "../json.h"
#include "record.h"

/* A raw event is mapped as Segment's presets do it; ids, event and address of its own are demanded here. */
int is_raw_event(js given);

/* The event as a record with our own names, in s->memory. 0: refused. */
int raw_map(ortto_sending *s, record *r);
int map_segment(ortto_sending *s, record *r);

#endif
