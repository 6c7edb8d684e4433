/*
** page.h - one answer with rows, and the ids that were seen.
*/
#ifndef ORTTO_CLIENT_PAGE_H
#define ORTTO_CLIENT_PAGE_H

#include "../../ortto_client.h"
#include "../text.h"
#include "../json.h"
#include "client.h"
#include "endpoint.h"
#include "request.h"

#define PAGE_MAX 500               /* a larger limit is treated as 50 by the server [documented] */
#define IDS_MAX 100                /* ids in one get-by-ids; the server's own limit is unknown [guess] */
#define FIELDS_MAX 150             /* field ids in one request [documented for get-by-ids] */
#define LIST_PAGE 40               /* audiences, activity feed: default and largest limit [documented] */

/* The ids of a scan: exact for the last half a million of them and more, in at most 32 MB. */
#define SEEN_MAX (1u << 19)

typedef struct id_key { unsigned char byte[12]; } id_key;
typedef struct id_set {            /* open addressing; an all-zero key is an empty place */
  id_key *key;
  size_t size, used;
} id_set;
typedef struct seen_ids {
  id_set now, before;
} seen_ids;

typedef struct cached {
  const char *id;
  const char *fields;              /* JSON text, NULL: there is no such record */
  size_t n;
} cached;

struct ortto_cache {
  arena memory;
  size_t bytes;
  cached *record;
  int count, cap;
  text_map by_id;
};

#define CACHE_MAX (8u << 20)

typedef struct page {
  struct page *next;
  http_request *request;                      /* NULL: made here */
  http_request **extra;                    /* further fields of the same rows, by id */
  int extras;
  buf text;                        /* rows made here */
  char *const *ids;                /* by ids: the ones asked for */
  int id_count;
  int64_t offset, limit;           /* as asked */
  js *id, *part;                   /* a row's id (no quotes) and the objects that hold its values */
  int rows, at;
  int has_more;                    /* the server's words about what follows */
  int64_t next_offset, total;
  char cursor[25];                 /* "" none */
} page;

struct ortto_reader {
  ortto_endpoint *endpoint;
  ortto_table table;
  const char *doing;
  int (*load)(ortto_reader *, page **);
  const ortto_field **field;       /* as asked, then those needed here */
  int fields;
  text_map by_id;                 /* field id to place in field[] and value[] */
  int *next_slot, expected_slot;               /* the server tends to keep its order: which place came behind which */
  int id_at, archived_at, restored_at, person_at, tag_type_at;   /* places, -1 none */
  ortto_value *value;
  arena scratch;                   /* what the present record needs */
  char **chunk;                    /* JSON arrays of field ids, FIELDS_MAX each */
  int chunks, parts;
  arena memory;                    /* ids, filters */
  char **ids;
  int id_count, id_next;
  char **filter;                   /* one after the other: more than OR_MAX values need several */
  int filters, filter_next;
  char *common;                    /* members of every page's request but filter and position */
  int64_t limit;
  int with_filter;                 /* audiences */
  ortto_cache *cache;
  int64_t next_offset, ask_offset, total;
  char cursor[25];
  int begun, done, parallel, step_backs, one_by_one;
  int resumed, cursor_lost;        /* was to go on under a cursor; could not */
  char server_time[21];
  int64_t overlap;                 /* rows that may come a second time after a step back */
  const char *fell_back;
  page *head, **tail, *current;
  int queued;
  seen_ids seen;
  int64_t pages, requests, retries;
};

/* 1: new, 0: seen before, -1: out of memory. */
int seen_add(seen_ids *s, js id);
void seen_free(seen_ids *s);
void cache_clear(ortto_cache *c);

/* A cache that cannot grow forgets nothing that matters: failures are ignored. */
void cache_put(ortto_cache *c, const char *id, js fields);
const cached *cache_get(const ortto_cache *c, const char *id);
int is_contacts(const ortto_reader *r);
void count_page_requests(const page *p, int64_t *requests, int64_t *retries);
void page_free(ortto_reader *r, page *p);
page *page_new(ortto_reader *r);
page *page_pop(ortto_reader *r);
void pages_drop(ortto_reader *r);
int page_room(ortto_reader *r, page *p, int rows);

#endif
