/*
** filters.h: filters: decoding and deciding
**
** Operators with a body that a source shows (section 5.2); everything else is refused as
** recorded.
**
** It uses text, json, guesses, instance, records, fields and lists.
*/
#ifndef SANDBOX_FILTERS_H
#define SANDBOX_FILTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "text.h"
#include "json.h"
#include "instance.h"
#include "lists.h"

typedef struct Filter Filter;

void filter_free(Filter *f);
bool decode_filter(const Entity *en, const Json *v, Filter **out, Buf *why);
bool passes(const Filter *f, const Entity *en, uint32_t i, Cell *c);

#endif
