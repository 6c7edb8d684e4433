/*
** record.h - a record on its way out, what it is refused for, fields by name.
**
** An ortto_sending is one call of ortto_send: its records, its options, and the fields by the names that they
** may have in a record. The list of fields is its own, made of what the account knows; texts that outcomes
** show live in its arena.
**
** May use: account, field_names, options, value, request. Must not know: how a record is written and sent.
** Errors: of a record are its outcome: refuse ends it, blame goes on to find what else is wrong with it;
** others are the client's error.
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

/* errortype of an outcome */
extern const char *const REFUSED_HERE, *const REFUSED, *const NOT_SENT, *const UNKNOWN;

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
  const char *apart;               /* an id that the server may not know: it goes with such alone. "" none */
  ortto_reason *reason;            /* what it is refused for, in the arena */
  int reasons;
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
  uint64_t seed[2];                /* of this call's ids */
  char when[25];                   /* the time of its activities that have none */
  uint64_t call;                   /* its hash, 0: it makes no ids */
  int repeated;                    /* it is a call that was just made, letter for letter */
  int interrupted;
  int64_t begun;                   /* now_us of the first look at the fields */
  ortto_field_list *fields;        /* of people (or accounts): the standard ones, or every one */
  int every_field;                 /* the latter */
  int fields_fresh;                /* every one, as they are since then */
  text_map by_id;                  /* ids and columns */
  text_map by_name, by_fold;       /* names as Ortto shows them; these and columns, folded. -2: of several */
  text_map refused;                /* what could not be made: name to the record that tried */
  struct making *making;           /* what is to be made: its type (create.h) */
  int makings;
  text_map making_by_name;
  arena names;                     /* folded names */
  int activities_fresh;            /* they are known as they are since then */
  int activities_rc;               /* not ORTTO_OK: they could not be had when they were asked for ... */
  const char *activities_why;      /* ... beside the fields, and why */
  encoder encoder;
  buf scratch;
};

/* A copy that lives as long as the sending; without memory, words that say so. */
const char *keep(ortto_sending *s, const char *text);

/* The record ends here, for this reason besides those that it has already. Gives 0. */
OS_PRINTF(4, 5)
int refuse(ortto_sending *s, record *r, int status, const char *format, ...);

/* One reason, which lies in what is given under that name (any text of JSON's, escapes as they are). The
** record is looked at further, so that all its reasons come out: gives 1, or 0 when out of memory. */
OS_PRINTF(4, 5)
int blame(ortto_sending *s, record *r, js name, const char *format, ...);

/* The record is not sent, for want of memory. Gives 0. */
int refuse_memory(ortto_sending *s, record *r);

/* Was it refused, or is there another reason not to send it? */
int is_refused(const record *r);

/* Its reasons are forgotten: it is read anew. */
void refusals_clear(record *r);

/* The outcome's message, of all reasons. */
void refusals_close(ortto_sending *s, record *r);

/* A name of ours, for blame. */
js named(const char *name);

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
/* By id or column name. NULL: none. */
const ortto_field *field_named(const ortto_sending *s, const char *name, size_t n);

/* By id, by column name, by the usual name of a trait (as_trait), as Ortto shows it, then folded. 0: out of
** memory. 1: *out is it, NULL if there is none; then *several is NULL, or the ids of those that the name fits
** alike. */
int field_meant(ortto_sending *s, const char *name, size_t n, int as_trait, const ortto_field **out,
                const char **several);

/* One id more in such a list; 0 when out of memory. */
int ids_add(ortto_sending *s, const char **ids, const char *id);

/* A column name or an id. */
const char *closest_field(const ortto_sending *s, const char *name);

/* A time (s->when) and an id make a delivery that is repeated the same event. This is a UUID that follows
** from the record's place and the call's seed; NULL when out of memory. */
const char *generated_id(ortto_sending *s, const record *r);

#endif
