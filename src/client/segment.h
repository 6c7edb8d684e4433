/*
** segment.h - from given members to an event of Segment's protocol, and raw events of Segment's to our
** members.
**
** An event goes out as it was given, byte for byte, but for members that the protocol has no use for; so its
** text is copied and not built, and only what we add to it is built.
** May use: record, create (what was refused before), account (audiences), contact (keeping an item). Must not
** know: fields and columns, batches. Blocks where an audience is named that was not met before.
*/
#ifndef ORTTO_CLIENT_SEGMENT_H
#define ORTTO_CLIENT_SEGMENT_H

#include "../../ortto_client.h"
#include "../json.h"
#include "record.h"

/* Is this an event as Segment's own libraries write it (userId, context, ...), and not a record of ours? */
int is_raw_event(js given);

/* Such an event as a record with our own names, as Segment's presets map it [seen in Segment's client]; ids,
** event and address are demanded here. It lives in s->memory and becomes r->given. 0: refused. */
int raw_map(ortto_sending *s, record *r);

/* The record's item for the endpoints of a Segment data source, or its outcome: refused, or done without
** sending. */
void segment_item(ortto_sending *s, record *r);

#endif
