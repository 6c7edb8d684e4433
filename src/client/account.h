/*
** account.h - what is known of one account, asked once, with its age and its rule of renewal.
**
** A client has one record for each account that it speaks to (for each endpoint identity: host and key), and
** everybody finds it through the endpoint: tables, the writing functions, COMMIT, ortto_sync, ortto_fields.
** Its parts are the definitions of people's custom fields, those of accounts', and the instance schema, which
** says what else the instance lists and which activities it knows; each with the time when it was asked.
** Beside them stand the audiences that Segment's endpoint has named, and the last calls that made ids.
**
** The rule of renewal. What was asked stays good for the client's life, until
**   1. the endpoint's identity changes: another account is another record;
**   2. a name is looked for that it does not know: at most once in a call of ortto_send;
**   3. something was made through us, a field or an activity: that part is asked anew;
**   4. a sync begins: what was asked before the call of ortto_sync does not count, what was asked since does;
**   5. a table is created, which must prove the key;
**   6. a table is connected because key, region or address were set: what was asked before does not count.
** So what somebody else changes in Ortto meanwhile, a field's type or its choices, is seen by the next sync
** and by the next connection. The rule stands in one place, account_have: a part is asked if it is not known,
** or was asked before `since`, which is how 2 to 6 say what does not count. A part that cannot be renewed
** stays as it is, with its age.
**
** May use: request, schema, json, text. Must not know: column names, records that are sent.
** Ownership: the records belong to the client. The last ACCOUNTS_MAX are kept; one that an endpoint holds is
** never let go. What a record holds is valid until the next account_have.
**
** Blocks: account_have and ortto_field_is_listed, while they ask.
*/
#ifndef ORTTO_CLIENT_ACCOUNT_H
#define ORTTO_CLIENT_ACCOUNT_H

#include "../../ortto_client.h"
#include "../json.h"
#include "../text.h"
#include "endpoint.h"

#define ACCOUNTS_MAX 8             /* records kept although no endpoint holds them */

/* Parts of an account, as bits. */
enum {
  ACCOUNT_PEOPLE = 1,              /* the definitions of people's custom fields */
  ACCOUNT_ACCOUNTS = 2,            /* those of accounts' */
  ACCOUNT_SCHEMA = 4,              /* the instance schema */
  ACCOUNT_ACTIVITIES = 8           /* the schema again: an error then says that activities were asked for */
};

/* Fields as the server lists them; they have no column yet. custom: of the user's making. */
typedef struct definitions {
  ortto_field *field;
  int count;
  arena memory;
} definitions;

typedef struct activity_type {     /* the column of an attribute is its folded name */
  const char *id, *name, *fold, *space;   /* the namespace: "" Ortto's own, "cm" custom, ... */
  ortto_field *attribute;
  int attributes;
} activity_type;

typedef struct activity_types {
  activity_type *type;
  int count;
} activity_types;

typedef struct instance_schema {
  definitions listed[2];           /* fields of people, of accounts */
  activity_types activities;
  activity_types of_accounts;      /* those that cannot be sent */
} instance_schema;

typedef struct known_audience {
  char *name, *id;
} known_audience;

/* A call that made ids and a time for its activities, and when it was over. */
typedef struct recent_call {
  uint64_t hash, seed[2];
  char when[25];
  int64_t at;                      /* microseconds, 0: none */
} recent_call;
#define RECENT_CALLS 16
#define RECENT_FOR 2000000         /* so long it counts */

typedef struct account {
  struct account *next;
  uint64_t identity;
  int holders;                     /* endpoints */
  int64_t asked[3];                /* people, accounts, schema: when it was asked (now_us), 0: not known */
  definitions custom[2];           /* people, accounts */
  instance_schema schema;
  int schema_failed;               /* it could not be had: for ortto_field_is_listed that is an answer */
  const activity_types *activities;   /* of the schema; empty until it is known */
  known_audience *audience;
  int audiences;
  recent_call recent[RECENT_CALLS];
} account;

typedef struct accounts {          /* of one client, the last used first */
  account *first;
} accounts;

/* The account of the endpoint becomes e->account, until the endpoint is closed. 0 when out of memory. */
int account_open(accounts *all, ortto_endpoint *e);
void accounts_free(accounts *all);

/* Sees to it that these parts are known and were not asked before `since` (ORTTO_KNOWN, ORTTO_ANEW, or a
** time); what must be asked is asked side by side. */
int account_have(ortto_endpoint *e, int parts, int64_t since);

/* Was that one part asked at `since` or later? */
int account_is_new(const account *a, int part, int64_t since);

const char *closest_activity(const activity_types *types, const char *name);

/* The id of an audience that was named before, or NULL. */
const char *audience_known(const account *a, const char *name);

/* The call with that hash, if it is recent; NULL: none. */
const recent_call *recent_find(const account *a, uint64_t hash, int64_t now);

/* In place of the same call, or of the oldest. */
void recent_put(account *a, const recent_call *call);

/* Without memory it is forgotten, and asked again. */
void audience_remember(account *a, const char *name, const char *id);

#endif
