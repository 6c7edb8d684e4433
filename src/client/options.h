/*
** options.h - what a call of the writing functions asks for.
**
** Read from JSON once and then only looked at; what names a field is looked up later (send), when the fields
** are known.
** May use: text, json, context. Must not know: fields, records, requests. Nothing here blocks.
*/
#ifndef ORTTO_CLIENT_OPTIONS_H
#define ORTTO_CLIENT_OPTIONS_H

#include "../../ortto_client.h"
#include "../text.h"
#include "context.h"

struct ortto_options {
  arena memory;                    /* of the texts below */
  char *text;                      /* the options' JSON */
  const char *via;                 /* the name of a table, or NULL */
  const char *to;                  /* "api", "segment", or NULL */
  int one_by_one, async, skip_non_existing, create, skip_nulls;
  int merge_strategy;              /* as the API counts: 1 append, 2 overwrite, 3 ignore */
  int find_strategy;               /* 0 any, 1 next_if_empty, 2 all; -1 not given */
  const char *suppression;         /* column or field id, or NULL */
  const char *merge_by[3];         /* columns or field ids */
  int merge_by_count;
  int *answered;                   /* to the next: a call with these options had an answer (one COMMIT makes
                                   ** several calls) */
  int answered_room;
  const char *api_only;            /* the first option given that only the API has, or NULL */
};

/* As ortto_options_read says. */
int options_read(context *ctx, const char *text, size_t length, ortto_options **out);

#endif
