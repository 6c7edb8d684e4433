/*
** subscriptions.h: audience/subscribe and person/subscriptions
**
** Sections 2.6 and 2.15 of the facts.
**
** It uses text, json, instance, records, values, fields, call and merge.
*/
#ifndef SANDBOX_SUBSCRIPTIONS_H
#define SANDBOX_SUBSCRIPTIONS_H

#include "call.h"

int api_subscribe(Call *c);
int api_subscriptions(Call *c);

#endif
