/*
** feed.h: person/get/activities
**
** Section 2.5 of the facts: made-up events, and those that requests created.
**
** It uses text, json, instance, values, start and call.
*/
#ifndef SANDBOX_FEED_H
#define SANDBOX_FEED_H

#include "call.h"

int api_feed(Call *c);

#endif
