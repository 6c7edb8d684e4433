/*
** instance.h: the data of one instance: people, accounts, audiences, what writes brought
**
** Types, the one instance S, and its lock. Rooms above read S under the lock in the mode
** that their route asks for (routes.h); caches that readers fill have cacheLock. The same
** seed and sizes always give the same data: a value is computed from (seed, record, field)
** when it is asked for, so that a million people cost little memory; an Overlay holds what
** writes changed.
**
** It uses text.
*/
#ifndef SANDBOX_INSTANCE_H
#define SANDBOX_INSTANCE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "text.h"

#define BASE_TIME 1759276800 /* 2025-10-01T00:00:00Z: the newest time in fresh data */
#define SPREAD (2 * 365 * 86400) /* the oldest record is two years older */
#define ZERO_ID "000000000000000000000000"
typedef struct Field Field;
typedef struct Entity Entity;

/* Appends the JSON value of field f of record i, or returns false for none. */
typedef bool (*Gen)(Buf *b, const Entity *en, uint32_t i, uint64_t h, const Field *f);

enum { K_NONE, K_STR, K_TXT, K_INT, K_BOL, K_DTZ, K_TME, K_GEO, K_PHN, K_SST, K_OBJ, K_IDT, K_IDS, K_TAGS };

enum {
  RO = 1,     /* read_only */
  HID = 2,    /* hidden */
  STATE = 4,  /* derived from the record's state, also for records made by writes */
  FIXED = 8,  /* never missing by chance, never hurtful */
  NOAC = 16   /* no_autocomplete */
};

struct Field {
  char *id;
  char *name;
  char *display;   /* display_type */
  char *liquid;    /* liquid_name */
  char **items;    /* choices of a select field */
  int nItems;
  int kind;        /* K_..., from the id's prefix */
  int flags;       /* RO and the others */
  bool custom;
  bool tracked;    /* tracked_value */
  bool removed;
  bool phantom;    /* made by a raw value, in no list */
  uint64_t salt;   /* from the id, so that values do not depend on other fields */
  Gen gen;         /* NULL: no value but what was written */
  int miss;        /* per cent of records without a value */
  int aux;         /* of the generator */
};

typedef struct Entry {
  const Field *field;
  char *raw; /* NULL: cleared */
  size_t len;
} Entry;

/* What is known of a record beyond what its index gives. */
typedef struct Overlay {
  Entry *entry;
  int nEntry, capEntry;
  char *customId;      /* a given id, or NULL */
  int64_t created;     /* 0: by index */
  int64_t edited;
  int64_t archived;
  int64_t restored;
  uint32_t *tags;      /* ids, ascending; only if hasTags */
  int nTags;
  int account;         /* index or -1; only if hasAccount */
  bool generated;      /* unset fields have generated values */
  bool hasTags;
  bool hasAccount;
} Overlay;

typedef struct Tag {
  char *name;
  const char *source; /* NULL for none */
  int64_t created;
} Tag;

enum { DELETED = 1, ARCHIVED = 2, UNLINKED = 4 };

struct Entity {
  const char *word;     /* people, accounts */
  int type;             /* 0 people, 1 accounts */
  uint64_t seed;
  uint32_t n, cap, n0;  /* records, room, records at the start */
  uint8_t *status;      /* DELETED | ARCHIVED | UNLINKED */
  Overlay **ov;
  Field **field;
  int nField, capField;
  int *slot;            /* hash table of field numbers + 1 by id */
  int nSlot;
  Tag *tag;             /* ids are 1, 2, ... */
  int nTag, capTag;
  int nTag0;            /* tags at the start */
  uint32_t active, archived;
  Field *created, *tagIds, *account;
};

typedef struct Audience {
  char id[25];
  char *name;
  int64_t created;
  int share;      /* one of so many people is a member; 0 nobody */
  bool archived;
  uint64_t salt;
} Audience;

/* One opt-in that a write changed. */
typedef struct OptIn {
  uint32_t person;
  int audience;
  bool subscribed, sms;
} OptIn;

typedef struct Act {
  char *id;
  char *name;
  char *json;      /* attributes as in the schema, or NULL */
} Act;

typedef struct Event {
  bool ofAccount;
  uint32_t record;
  bool known;         /* record is set */
  char *activity;
  char *attributes;   /* raw JSON */
  char *created;      /* as in the answer */
  char *key;          /* NULL if none */
  char *raw;          /* the activity as sent */
  int64_t at;
} Event;

typedef struct Item {
  char *path;
  char *raw;
} Item;

typedef struct Instance {
  /* options */
  uint64_t seed;
  int port, people, accounts, audiences, tags, custom, accountCustom, sparse, jitter;
  bool hostile, untilEof, noArchived, gzip, feedLimit;
  const char *key, *segmentKey, *date;
  atomic_int latency, rate;
  atomic_bool regionError, stop;
  /* data, under lock */
  pthread_rwlock_t lock;
  Entity people_, accounts_;
  Audience *audience;
  int nAudience, capAudience;
  OptIn *optIn;
  int nOptIn, capOptIn;
  Act *act;
  int nAct, capAct;
  Event *event;
  int nEvent, capEvent;
  Item *item;
  int nItem, capItem;
  int64_t clock;          /* advances one second per write */
  uint64_t version;       /* changes with every write */
} Instance;

#define PEOPLE (&S.people_)
#define ACCOUNTS (&S.accounts_)

extern Instance S;

/* The people of all accounts, for ids:o:p: rebuilt after a write, under cacheLock. */
extern pthread_mutex_t cacheLock;

uint64_t draw(const Entity *en, uint32_t i, uint64_t salt);

#endif
