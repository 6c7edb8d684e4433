/*
** pace.c - see pace.h.
*/
#include "pace.h"

#include <stdlib.h>
#include <string.h>

#include "../text.h"

#define RATE_MARGIN 15000          /* one second at the server may be a little shorter than ours */
#define RATE_UNKNOWN 10            /* the least that counts as the pace where no rate is set */
#define RISES_EVERY (10*SECOND)

void pace_free(pace *p){
  while( p->keys ){
    key_limits *l = p->keys;
    p->keys = l->next;
    free(l->key);
    free(l->refused_why);
    free(l);
  }
  for(int i=0; i<REFUSED_READS; i++) free(p->refused_reads[i].why);
}

key_limits *key_limits_of(pace *p, const char *key){
  for(key_limits *l=p->keys; l; l=l->next) if( strcmp(l->key, key)==0 ) return l;
  key_limits *l = calloc(1, sizeof *l);
  if( l==NULL ) return NULL;
  l->key = text_copy(key);
  if( l->key==NULL ){
    free(l);
    return NULL;
  }
  l->next = p->keys;
  p->keys = l;
  return l;
}

int64_t reserve_sent(key_limits *limits, int feed, int64_t now){
  int64_t number = limits->sent_count++;
  limits->sent[number % (RATE_MAX+1)] = INT64_MAX;
  limits->begun_at = now;
  if( feed ) limits->feed_at = now;
  return number;
}

int sent_awaits(const key_limits *limits, int64_t number){
  int kept = number>=0 && limits->sent_count - number <= RATE_MAX;
  return kept && limits->sent[number % (RATE_MAX+1)]==INT64_MAX;
}

void sent_stamp(key_limits *limits, int64_t number, int64_t when){
  if( sent_awaits(limits, number) ) limits->sent[number % (RATE_MAX+1)] = when;
}

/* After ten bad answers in 15 seconds: when may the connection send again? */
static int64_t breaker_until(const pace *p){
  if( p->breaker_next < BREAKER_MAX ) return 0;
  int64_t oldest = p->breaker_at[p->breaker_next % BREAKER_MAX];
  int64_t newest = p->breaker_at[(p->breaker_next - 1) % BREAKER_MAX];
  return newest - oldest < REFUSED_FOR ? oldest + REFUSED_FOR : 0;
}

static int64_t later(int64_t a, int64_t b){
  return a<b ? b : a;
}

long pace_now(const key_limits *limits, long rate, int64_t now){
  if( limits->slowed==0 ) return rate;
  int64_t risen = limits->slowed + (now>limits->slowed_from ? (now - limits->slowed_from)/RISES_EVERY : 0);
  if( risen>=(rate>0 ? rate : RATE_MAX) ) return rate;
  return (long)risen;
}

/* Requests in the second before now. */
static long sent_lately(const key_limits *limits, int64_t now){
  long n = 0;
  while( n<RATE_MAX && n<limits->sent_count
      && limits->sent[(limits->sent_count - 1 - n) % (RATE_MAX+1)]>now - SECOND ) n++;
  return n;
}

/* Those that were sent together with one that was refused before belong to the same burst. */
static void slow_down(key_limits *limits, long rate, int64_t sent, int64_t until, int64_t now){
  if( limits->slowed==0 || sent>=limits->slowed_from ){
    long pace = pace_now(limits, rate, now);
    if( pace==0 ) pace = (long)later(sent_lately(limits, now), RATE_UNKNOWN);
    limits->slowed = pace>1 ? pace/2 : 1;
  }
  limits->slowed_from = later(limits->slowed_from, until);
}

int pace_window(const key_limits *limits, long rate, int64_t now){
  long pace = pace_now(limits, rate, now);
  if( pace==0 ) return WINDOW_FREE;
  int64_t needed = pace * (limits->latency ? limits->latency : SECOND) / SECOND;
  needed += needed/2 + 4;                        /* not all of them take the same time */
  return needed<WINDOW_MAX ? (int)needed : WINDOW_MAX;
}

void latency_note(key_limits *limits, int64_t took){
  limits->latency = later(took, limits->latency - (limits->latency - took)/8);
}

int64_t sending_due(const pace *p, const key_limits *limits, long rate, int feed, int64_t not_before,
                    int64_t now){
  long pace = pace_now(limits, rate, now);
  int64_t due = later(later(not_before, limits->hold_until), breaker_until(p));
  if( pace>0 && limits->sent_count>=pace ){
    int64_t earlier = limits->sent[(limits->sent_count - pace) % (RATE_MAX+1)];
    if( earlier==INT64_MAX ) earlier = now;
    due = later(due, earlier + SECOND + RATE_MARGIN);
    int busy = due < earlier + 2*SECOND;         /* then they do not all go at the beginning of a second */
    if( busy ) due = later(due, limits->begun_at + SECOND/2/pace);
  }
  if( feed && limits->feed_at ) due = later(due, limits->feed_at + SECOND + RATE_MARGIN);
  return due;
}

int64_t backoff(int attempt, double chance){
  double base = 0.25;
  for(int i=1; i<attempt && base<30; i++) base *= 2;
  if( base>30 ) base = 30;
  return (int64_t)(base * (0.5 + 0.5*chance) * (double)SECOND);
}

void hold_key(key_limits *limits, long rate, int64_t sent, int64_t asked, int64_t until, int64_t now){
  slow_down(limits, rate, sent, until, now);
  limits->asked_until = later(limits->asked_until, asked);
  limits->hold_until = later(limits->hold_until, until);
}

void refuse_key(key_limits *limits, uint64_t identity, const char *why, int64_t now){
  limits->refused_until = now + REFUSED_FOR;
  limits->refused_identity = identity;
  free(limits->refused_why);
  limits->refused_why = text_copy(why);
}

const char *key_refusal(const key_limits *limits, uint64_t identity, int64_t now){
  return limits->refused_until>now && limits->refused_identity==identity ? limits->refused_why : NULL;
}

void breaker_count(pace *p, int64_t now){
  p->breaker_at[p->breaker_next++ % BREAKER_MAX] = now;
}

const char *refused_read_find(const pace *p, uint64_t hash, int64_t now){
  for(int i=0; i<REFUSED_READS; i++){
    const refused_read *r = &p->refused_reads[i];
    if( r->hash==hash && r->until>now && r->why ) return r->why;
  }
  return NULL;
}

void refused_read_remember(pace *p, uint64_t hash, const char *why, int64_t now){
  refused_read *r = &p->refused_reads[p->refused_read_next++ % REFUSED_READS];
  free(r->why);
  r->hash = hash;
  r->until = now + REFUSED_FOR;
  r->why = text_copy(why);
}
