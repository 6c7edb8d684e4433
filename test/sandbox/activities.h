/*
** activities.h: activities/create and definitions/activity/create
**
** Sections 2.12 and 2.13 of the facts.
**
** It uses text, json, guesses, instance, records, fields, start, call, store and merge.
*/
#ifndef SANDBOX_ACTIVITIES_H
#define SANDBOX_ACTIVITIES_H

#include "call.h"

int api_activities(Call *c);
int api_define_activity(Call *c);

#endif
