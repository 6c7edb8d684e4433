/*
** faults.h: faults that control calls order
**
** Which kinds there are, which of them hit a call. Handlers ask fault(); what the kinds do
** is done where it happens (reading pages, request). Faults are counted references:
** match_faults() takes them for a call, release_faults() gives them back.
**
** Kinds of faults, with their own members
**   status (status, body, headers, content_type)      429 (seconds, shape: number text header top)
**   reset            no answer, the connection is reset
**   reset_after      the same after the request took effect
**   truncate (chunked)   half the body, then the end of the connection
**   cut_json         a whole answer with half the JSON
**   not_json         a page of HTML            empty          no body
**   hang             no answer until the client goes or faults are cleared
**   drip (ms, bytes)     so many bytes at a time   latency (ms)
**   short_page (rows)    fewer rows than asked
**   forget_cursor    all cursors are dropped   fresh_cursor   every page names a new one
**   zero_cursor      cursor_id is all zeros    stuck_offset   next_offset does not grow
**   same_page        the rows of the page before
**   change (add, remove, newest)     before the answer records come and go: so many new ones, so many
**                        from the middle of the list, or from its newest
**   lost_row         the last row of the page is left out, and nothing says so
**   repeat_id (shift)    the last row of the page before comes once more, in front;
**                        with shift in place of the page's last row, and next_offset says so
**   missing (member)     no_meta               a member of the answer is left out
**   replace (body)   that text, status 200     redirect (location)
**   splice (from, to, body)   that text in place of these bytes of the answer
**   huge (mb, gzip)  so many megabytes of white space inside the JSON
**
** It uses text, json and call.
*/
#ifndef SANDBOX_FAULTS_H
#define SANDBOX_FAULTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "json.h"
#include "call.h"

typedef enum {
  F_STATUS, F_429, F_RESET, F_RESET_AFTER, F_TRUNCATE, F_CUT_JSON, F_NOT_JSON, F_EMPTY, F_HANG, F_DRIP,
  F_SHORT_PAGE, F_FORGET_CURSOR, F_FRESH_CURSOR, F_SAME_PAGE, F_REPEAT_ID, F_STUCK_OFFSET, F_HUGE,
  F_LATENCY, F_MISSING, F_REPLACE, F_REDIRECT, F_ZERO_CURSOR, F_NO_META, F_LOST_ROW, F_SPLICE,
  F_CHANGE
} FaultKind;

struct Fault {
  Fault *next;
  atomic_int refs;
  FaultKind kind;
  char *path;         /* prefix, or NULL for every path */
  int64_t after;      /* matching requests to let through */
  int64_t times;      /* then how many to hit; -1 for ever */
  int64_t status, seconds, ms, bytes, rows, mb, from, to, add, remove;
  char *body;         /* or NULL */
  char *contentType, *shape, *member, *location;
  char **header;      /* name, value, name, value, ..., NULL */
  bool chunked, gzip, shift, newest;
};

const Fault *fault(const Call *c, FaultKind kind);
void match_faults(Call *c);

/* Gives back the faults of a call that is over. */
void release_faults(Call *c);

uint64_t fault_era(void);
void clear_faults(void);
bool add_fault(const Json *in);

#endif
