/*
** read_list.h - lists in one answer, or by offset: audiences, tags, definitions.
*/
#ifndef ORTTO_CLIENT_READ_LIST_H
#define ORTTO_CLIENT_READ_LIST_H

#include "../../ortto_client.h"
#include "../json.h"
#include "page.h"

/* A row's parts: a person's definition is wrapped, and tracked_value stands beside it. */
int list_rows(ortto_reader *r, page *p, js list);
int list_load(ortto_reader *r, page **out);

#endif
