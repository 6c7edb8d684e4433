/*
** pace.h - when may the next request be sent, and how many at once: the rate of a key, the server's 429,
** latency, refusals remembered, the ban avoided.
**
** May use: os, text. Must not know: curl, JSON, what a request says. Sends nothing and does not block: it
** only says when. All times are microseconds of the monotonic clock.
**
** Limits are kept by key; whether Ortto counts by key or by account is not known. Others may use up what is
** counted: after a 429 the pace of a key, its requests a second, falls to half, once for all those that were
** on their way together, and rises again by one every ten seconds. What keeps an address from being banned
** belongs to the whole connection: 15 bad requests in 15 seconds and Ortto bans the address [documented]; at
** ten it waits.
*/
#ifndef ORTTO_CLIENT_PACE_H
#define ORTTO_CLIENT_PACE_H

#include <stdint.h>

#include "../os.h"

#define RATE_MAX 1000              /* requests a second, the largest setting */
#define REFUSED_FOR (15 * SECOND)
#define BREAKER_MAX 10             /* bad answers within REFUSED_FOR after which the connection waits */
#define REFUSED_READS 16
#define WINDOW_MAX 64              /* requests in flight, the largest setting */
#define WINDOW_FREE 16             /* where no rate limits them */

typedef struct key_limits key_limits;
struct key_limits {                /* what all requests with one key share */
  key_limits *next;
  char *key;
  int64_t sent[RATE_MAX+1];        /* ring: when the last were sent; INT64_MAX: not on the wire yet */
  int64_t sent_count;
  int64_t begun_at;                /* the last of them */
  int64_t feed_at;                 /* the last request to the activity feed */
  int64_t hold_until;              /* the server said 429 */
  int64_t asked_until;             /* and so long it asked to wait: hold_until may be later */
  long slowed;                     /* the pace after the last 429, 0: there was none */
  int64_t slowed_from;             /* when it began to rise again */
  int64_t latency;                 /* of its requests: rises at once, falls slowly. 0: not measured */
  int64_t refused_until;           /* the server refused the key ... */
  uint64_t refused_identity;       /* ... on this host ... */
  char *refused_why;               /* ... with these words */
};

typedef struct refused_read {      /* a reading request that the server called bad */
  uint64_t hash;
  int64_t until;
  char *why;
} refused_read;

typedef struct pace {
  key_limits *keys;
  int64_t breaker_at[BREAKER_MAX]; /* when the last answers of 400, 401, 403 came */
  int breaker_next;
  refused_read refused_reads[REFUSED_READS];
  int refused_read_next;
} pace;

void pace_free(pace *p);

/* The limits of that key, which live as long as the pace; NULL when out of memory. */
key_limits *key_limits_of(pace *p, const char *key);

/* A place among those sent with this key, for a request that begins now; sent_stamp says when it was on
** the wire. */
int64_t reserve_sent(key_limits *limits, int feed, int64_t now);
/* Does that request still await its stamp? */
int sent_awaits(const key_limits *limits, int64_t number);
void sent_stamp(key_limits *limits, int64_t number, int64_t when);

/* When may a request with these limits be sent that must not be sent before not_before? rate 0: unlimited. */
int64_t sending_due(const pace *p, const key_limits *limits, long rate, int feed, int64_t not_before,
                    int64_t now);

/* The pace: requests a second that may be sent now where the setting is `rate`. 0: unlimited. */
long pace_now(const key_limits *limits, long rate, int64_t now);

/* So many requests in flight use the whole pace. */
int pace_window(const key_limits *limits, long rate, int64_t now);

/* An answer took so long. */
void latency_note(key_limits *limits, int64_t took);

/* A pause before attempt + 1: doubled each time, up to 30 seconds, the upper half of it by chance (0 to
** 1). */
int64_t backoff(int attempt, double chance);

/* The server said 429 to a request that was sent at `sent`: the next with this key is sent at `until`. The
** server itself asked to wait until `asked`; 0: it did not say. */
void hold_key(key_limits *limits, long rate, int64_t sent, int64_t asked, int64_t until, int64_t now);
void refuse_key(key_limits *limits, uint64_t identity, const char *why, int64_t now);
/* The sentence with which the server refused this key on this host lately, or NULL. */
const char *key_refusal(const key_limits *limits, uint64_t identity, int64_t now);

void breaker_count(pace *p, int64_t now);

/* The sentence of an earlier refusal of the same reading request, if it is fresh. */
const char *refused_read_find(const pace *p, uint64_t hash, int64_t now);
void refused_read_remember(pace *p, uint64_t hash, const char *why, int64_t now);

#endif
