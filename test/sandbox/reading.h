/*
** reading.h: person/get, accounts/get and get-by-ids
**
** Sections 2.1, 2.2, 2.8, 2.9 and 3 of the facts.
**
** It uses text, json, guesses, instance, records, values, fields, call, faults, lists, filters and
** query.
*/
#ifndef SANDBOX_READING_H
#define SANDBOX_READING_H

#include <stdint.h>

#include "call.h"

/* Active people with email permission; counted once per state. */
uint32_t subscribers(void);

int api_get(Call *c);

/* Archived records come back too; unknown ids do not. */
int api_get_by_ids(Call *c);

#endif
