/*
** page.h - one answer with rows, the ids that were seen, and what every way of reading shares.
**
** A reader reads in one of seven ways: by id, as a scan, a list, a feed, our own listings of fields and of
** activity types, the members of audiences. Each is a
** room (read_*) that shows a table of functions (struct way) and keeps its own struct behind r->own, which no
** other room looks into.
** May use: request, endpoint, context, text, json. Must not know: which way it is, what its requests ask for.
**
** Ownership: a page owns its requests, and so the bytes of the answers that its rows point into; all end with
** page_free. What a way needs as long as the reader lives comes from reader_alloc and ends with the reader.
** Errors: as everywhere, a code, and the sentence is the context's error. Nothing here blocks.
*/
#ifndef ORTTO_CLIENT_PAGE_H
#define ORTTO_CLIENT_PAGE_H

#include "../../ortto_client.h"
#include "../text.h"
#include "../json.h"
#include "endpoint.h"
#include "request.h"

#define FIELDS_MORE 2              /* fields that a way may add to those that were asked for */

typedef struct id_key { unsigned char byte[12]; } id_key;

typedef struct id_set {            /* open addressing; an all-zero key is an empty place */
  id_key *key;
  size_t size, used;
} id_set;

/* Exact for the last half a million ids and more, in at most 32 MB; or for all of them. All zero: none. */
typedef struct seen_ids {
  id_set now, before;
  int keep_all;                    /* several lists are read, and a record may be in any two of them */
  int forgot;                      /* some are not known any more */
} seen_ids;

typedef struct page {
  struct page *next;
  http_request *request;           /* NULL: made here */
  http_request **extra;            /* further fields of the same rows, by id */
  int extras;
  char *text;                      /* rows made here, by malloc */
  char *const *ids;                /* the ones asked for, which belong to the reader */
  int id_count;
  int64_t offset, limit;           /* as asked */
  int list;                        /* of several that are read: which one */
  js *id, *part;                   /* a row's id, plain, and the r->parts objects that hold its values */
  int room, rows, at;              /* rows that fit, that are there, that were given away */
} page;

/* A way of reading. Those that are NULL have nothing to do. *out is NULL before load. */
typedef struct way {
  int (*open)(ortto_reader *r, const ortto_query *q);       /* sets r->own, r->parts; sends nothing */
  int (*load)(ortto_reader *r, page **out);                 /* the next page, or ORTTO_DONE. Blocks */
  int (*arrived)(ortto_reader *r, page **out);              /* the one whose request is over; *out stays NULL
                                                            ** if it needs another. Does not block */
  int (*row)(ortto_reader *r, const page *p);               /* completes r->value; 0: the record is no row */
  int (*count)(ortto_reader *r, int64_t *count);            /* instead of reading; *count is -1. Blocks */
  void (*progress)(const ortto_reader *r, ortto_progress *out);
  void (*close)(ortto_reader *r);                           /* what is not from reader_alloc */
} way;

/* The server tends to keep its order, and leaves out what has no value: behind a field comes the next one of
** this list, or one further on. */
typedef struct place {
  const char *id;                  /* the field's, and its length and type: what each value asks for */
  size_t id_n;
  ortto_type type;
  int next;                        /* -1 unknown */
} place;

struct ortto_reader {
  ortto_endpoint *endpoint;        /* a reference */
  ortto_table table;
  const char *doing;               /* constant, for messages: "reading people" */
  const char *note;                /* as the query's */
  const way *way;
  void *own;                       /* the way's struct; NULL: it is not open */
  const ortto_field **field;       /* as asked, then those that the way needs; room for FIELDS_MORE */
  int fields;
  text_map by_id;                  /* field id to place in field[] and value[] */
  place *place;                    /* of field[], the same order */
  int first_place;                 /* which came first in the last record, -1 unknown */
  int id_at;                       /* place of the row's id, which stands outside its parts; -1 none */
  ortto_value *value;              /* the present record */
  arena scratch;                   /* what the present record needs */
  int parts;                       /* objects that hold the values of a row */
  arena memory;                    /* as long as the reader */
  page *head, **tail, *current;    /* asked for, oldest first; current is out of the queue */
  int queued;
  int64_t pages, requests, retries;
  size_t answer_bytes;             /* of the last page that was read; 0: none was */
  int answered;                    /* a request was: from then on a lost connection is waited out */
  int broken;                      /* what ortto_reader_next is to give: a page was entered that is bad */
  char *why;                       /* and its error; NULL where out of memory */
};

/* Zeroed memory that lives as long as the reader; NULL when out of memory (the error is set). */
void *reader_alloc(ortto_reader *r, size_t n);

/* A text that lives as long; NULL stays NULL. 0 when out of memory (the error is set). */
int reader_text(ortto_reader *r, const char *text, char **copy);

/* A field's place in r->value, -1 if it was not asked for. */
int field_place(const ortto_reader *r, const char *id);

/* The same, and from now on it is asked for: FIELDS_MORE of them at most, when opening. -1 when out of memory
** (the error is set). */
int field_want(ortto_reader *r, const ortto_field *f);

/* A POST that reads, with flags beside REQUEST_READ. Takes the body over, which ok = 0 calls half built. NULL
** when out of memory (the error is set). */
http_request *reader_request(ortto_reader *r, const char *path, cJSON *body, int ok, int flags);

/* A page at the end of the queue; NULL when out of memory (the error is set). */
page *page_new(ortto_reader *r);

/* The oldest page, which is the caller's from now on. The queue must not be empty. */
page *page_pop(ortto_reader *r);

/* Cancels what is in flight, adds its requests to the reader's. p may be NULL. */
void page_free(ortto_reader *r, page *p);
void pages_drop(ortto_reader *r);              /* all that are queued */

/* Room for so many rows in all; new ones are zeroed. */
int page_room(ortto_reader *r, page *p, int rows);

/* A row's parts, r->parts of them. */
static inline js *page_part(const ortto_reader *r, const page *p, int row){
  return &p->part[(size_t)row*(size_t)r->parts];
}

/* Drops the rows that came before; *fresh is how many did not. Before page_extras. */
int page_unseen(ortto_reader *r, seen_ids *seen, page *p, int *fresh);
void seen_free(seen_ids *s);                   /* it is empty, and can be used again */

/* An id as it is meant: without escapes, and sound. *out is the slice itself where it is plain, else it lives
** in that arena of the reader's. 0 when out of memory (the error is set). */
int id_plain(const ortto_reader *r, arena *memory, js slice, js *out);

/* Adds the requests of one page, which is not freed yet. */
void page_requests(const page *p, int64_t *requests, int64_t *retries);

#endif
