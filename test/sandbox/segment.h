/*
** segment.h: the protocol of Segment's Ortto destination
**
** Section 8 of the facts: items are kept as they came, and become no people.
**
** It uses text, json, instance, records, start and call.
*/
#ifndef SANDBOX_SEGMENT_H
#define SANDBOX_SEGMENT_H

#include "call.h"

int segment_me(Call *c);

/* Every item is kept as it came, also a refused one; the answer is 200 all the same, with a list of errors
** [client]. */
int segment_items(Call *c);

int segment_create(Call *c);
int segment_get(Call *c);

#endif
