/*
** definitions.h: custom-field/get and instance-schema/get
**
** Sections 2.7 and 2.17 of the facts.
**
** It uses text, json, instance, fields and call.
*/
#ifndef SANDBOX_DEFINITIONS_H
#define SANDBOX_DEFINITIONS_H

#include "call.h"

/* People's wrapped, accounts' flat [recorded]; null where there are none [client]. In another order each
** time: the server promises none. */
int api_custom_fields(Call *c);

int api_schema(Call *c);

#endif
