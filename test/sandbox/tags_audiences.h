/*
** tags_audiences.h: tags/get and audiences/get
**
** Sections 2.14 and 2.16 of the facts.
**
** It uses text, json, instance, records, values, call, lists and reading.
*/
#ifndef SANDBOX_TAGS_AUDIENCES_H
#define SANDBOX_TAGS_AUDIENCES_H

#include "call.h"

int api_tags(Call *c);
void forget_sizes(void);
int api_audiences(Call *c);

#endif
