/*
** custom_fields.h: custom-field/create and custom-field/update
**
** Section 2.7 of the facts.
**
** It uses text, json, instance, fields, call and store.
*/
#ifndef SANDBOX_CUSTOM_FIELDS_H
#define SANDBOX_CUSTOM_FIELDS_H

#include "json.h"
#include "instance.h"
#include "call.h"

void take_items(Field *f, const Json *list);
int api_create_field(Call *c);

/* Replace wins over add, add over remove. */
int api_update_field(Call *c);

#endif
