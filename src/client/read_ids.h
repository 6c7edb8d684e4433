/*
** read_ids.h - records by id, 100 a request; further fields of rows that a scan found; the cache of records.
**
** An id that is not in the answer is no row. An account fetched by id does not say whether it is archived, so
** it is a row; a person says it, and is left out. That the limit of 150 fields holds for lists too is
** assumed. May use: page. Must not know: how a scan finds its rows. The cache (ortto_cache) belongs to the
** caller of the reader, who may give it to one reader after the other, all with the same fields. A cache that
** cannot grow forgets nothing that matters: its failures are ignored. Blocks: page_extras, and the way's
** load, until the answers are there.
*/
#ifndef ORTTO_CLIENT_READ_IDS_H
#define ORTTO_CLIENT_READ_IDS_H

#include "../../ortto_client.h"
#include "page.h"

extern const way ids_way;

/* Ids as they were given, each once. What is no id cannot be found, and the server calls it a bad request:
** such are left out. */
typedef struct id_list {
  char **id;
  int count, next;                 /* next: the first that was not asked for yet */
} id_list;

int ids_given(ortto_reader *r, const ortto_query *q, id_list *out);

/* The ids of the fields wanted, as JSON arrays: a request takes no more than one of them. */
typedef struct field_chunks {
  char **json;
  int count;                       /* 1 and more */
} field_chunks;

/* Once all fields are known. Sets r->parts: a row has a part for each chunk. */
int fields_split(ortto_reader *r, field_chunks *out);

/* The parts of a page's rows that its own request did not have. */
int page_extras(ortto_reader *r, page *p, const field_chunks *fields);

/* The member of an answer that holds the records: "contacts" or "accounts". */
const char *record_member(ortto_table table);

/* A record: its id, as it is sent, and its fields, {NULL, 0} or null where it has no values. ORTTO_OK, or an
** error: one without an id, or with another kind of fields, or two of either, is none. */
int record_read(http_request *c, js record, js *id, js *fields);

#endif
