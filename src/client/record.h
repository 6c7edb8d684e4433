/*
** record.h - a record on its way out, what it is refused for, fields by name.
**
** An ortto_sending is one call of ortto_send: its records, its options, and the fields by the names that they
** may have in a record. The list of fields is its own, made of what the account knows; texts that outcomes
** show live in its arena.
**
** May use: account, field_names, options, value, request. Must not know: how a record is written and sent.
** Errors: of a record are its outcome (refuse), which ends it; others are the client's error.
**
** Blocks: fields_have and fields_made, while the account is asked.
*/
#ifndef ORTTO_CLIENT_RECORD_H
#define ORTTO_CLIENT_RECORD_H

#include "../../ortto_client.h"
#include "../text.h"
#include "../json.h"
#include "context.h"
#include "endpoint.h"
#include "request.h"
#include "value.h"
#include "options.h"

#define BODY_MAX 2000000           /* 2 MB [documented]: taken as the smaller reading of it */
#define ACTIVITY_MAX 16000         /* bytes of an activity [documented as 16 kB] */
#define ATTRIBUTES_MAX 15          /* of an activity [documented] */

extern const char REFUSED_HERE[], REFUSED[], NOT_SENT[], UNKNOWN[];   /* errortype of an outcome */

/* What names a contact. The last is Segment's anonymous id, or the values of a merge_by of other fields. */
enum { KEY_ID = 1, KEY_EMAIL = 2, KEY_EXTERNAL = 4, KEY_OTHER = 8 };

typedef struct record {
  js given;                        /* as it came */
  const char *item;                /* as it is sent; NULL: refused here, or done without sending */
  size_t item_n;
  int keys_given;                  /* bits: what names a contact in it */
  int lookup_keys;                 /* of these: what it is found by. An email beside an id is only set */
  const char *key[4];              /* the keys' texts, by bit */
  int wave;
  int unordered;                   /* an activity that changes no field: it carries its own time */
  const char *merge_by;            /* JSON array, "" none: records of one request have the same */
  ortto_outcome outcome;
} record;

struct ortto_sending {
  ortto_endpoint *endpoint;
  ortto_verb verb;
  const ortto_options *options;
  const char *suppression;         /* field id, or NULL */
  const char *doing;
  char *text;                      /* the records' JSON */
  arena memory;
  int single;                      /* one object was given, not a list */
  record *record;
  int count;
  int stopped;                     /* no new request is begun */
  int interrupted;
  int64_t begun;                   /* now_us of the first look at the fields */
  ortto_field_list *fields;        /* of people (or accounts): the standard ones, or every one */
  int every_field;                 /* the latter */
  int fields_fresh;                /* every one, as they are since then */
  text_map by_id, by_name;
  text_map refused;                /* what could not be made: name to the record that tried */
  arena names;                     /* folded names */
  int activities_fresh;            /* they are known as they are since then */
  int activities_rc;               /* not ORTTO_OK: they could not be had when they were asked for ... */
  const char *activities_why;      /* ... beside the fields, and why */
  encoder encoder;
  buf scratch;
};

/* A copy that lives as long as the sending; without memory, words that say so. */
const char *keep(ortto_sending *s, const char *text);

/* The record ends here. Gives 0. */
__attribute__((format(printf, 4, 5)))
int refuse(ortto_sending *s, record *r, int status, const char *format, ...);

/* A request that a record depends on failed: its status is the record's, and what would fail likewise is not
** begun. Gives 0. */
int refuse_by_call(ortto_sending *s, record *r, const http_request *c, int rc);

/* Is it to be sent, and was not yet? */
int is_open(const record *r);

/* The texts must live as long as the sending. */
void outcome_set(record *r, int status, const char *errortype, const char *message);

void fields_forget(ortto_sending *s);

/* The fields of people (or accounts). more: a name was not among them, so there are to be more of them: every
** field that the account knows of, and then every one as they are since this call began (fields_fresh). */
int fields_have(ortto_sending *s, int more);

/* A custom field was made: they are listed anew. */
int fields_made(ortto_sending *s);
/* By id or column name; as_trait: also by what events call it, however it is written. NULL: none. */
const ortto_field *field_named(ortto_sending *s, const char *name, size_t n, int as_trait);

/* A column name or an id. */
const char *closest_field(const ortto_sending *s, const char *name);

/* A time and an id make a delivery that is repeated the same event. */
const char *generated_time(arena *a);
const char *generated_id(ortto_sending *s);   /* a random UUID */

#endif
