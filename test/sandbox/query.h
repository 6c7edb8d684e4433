/*
** query.h: which records a request means, and cursors
**
** A Query is what a request asks for, run_query() makes its list. A cursor names such a
** list, so that later pages come from the same one.
**
** It uses text, json, guesses, instance, records, fields, lists and filters.
*/
#ifndef SANDBOX_QUERY_H
#define SANDBOX_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include "json.h"
#include "instance.h"
#include "lists.h"
#include "filters.h"

typedef struct Query {
  bool archived;
  Filter *filter;
  char *q;
  int audience;            /* or -1 */
  char *audienceFilter;
  const Field *sort;
  bool descending;
  const Json *include, *exclude; /* arrays of ids, or NULL */
  bool narrowed;           /* anything but the whole list */
} Query;

typedef struct Snapshot {
  char id[25];      /* empty: free */
  uint64_t used;
  const Entity *en;
  List *list;
  bool whole;       /* no filter, q or audience: past its end means null */
  bool archived;
  uint32_t total;   /* of the list it was taken from */
} Snapshot;

void query_free(Query *q);
bool listed(const Entity *en, uint32_t i, const Json *ids);
List *run_query(const Query *q, const Entity *en);
void new_cursor(const Entity *en, char id[25]);
void keep_snapshot(const Snapshot *s);

/* Fills s with a reference to the list that the cursor names. */
bool find_snapshot(const Entity *en, const char *id, Snapshot *s);

void forget_snapshots(void);

#endif
