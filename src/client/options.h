/*
** options.h - what a call of the writing functions asks for.
*/
#ifndef ORTTO_CLIENT_OPTIONS_H
#define ORTTO_CLIENT_OPTIONS_H

#include "../../ortto_client.h"
#include "../text.h"

struct ortto_options {
  arena memory;
  char *text;                      /* the options' JSON: the slices below point into it */
  const char *via, *to;
  int one_by_one, async, skip_non_existing, create;
  int merge_strategy;              /* as the API counts: 1 append, 2 overwrite, 3 ignore */
  int find_strategy;               /* 0 any, 1 next_if_empty, 2 all; -1 not given */
  const char *suppression;
  const char *merge_by[3];
  int merge_by_count;
  const char *api_only;            /* the first option that only the API has, or NULL */
};

#endif
