/*
** main.c: a server on this machine that imitates Ortto, for tests.
**
**   ortto_sandbox [options]      prints http://127.0.0.1:PORT and serves until
**                                SIGTERM, SIGINT or, with --until-eof, the end
**                                of its standard input
**
** It speaks Ortto's HTTP API (header X-Api-Key) and the protocol of Segment's
** Ortto destination (header Authorization: Bearer) over one instance of made-up
** people and accounts. The same seed and sizes always give the same data: a
** value is computed from (seed, record, field) when it is asked for, so that a
** million people cost little memory; only what writes change is kept.
** It knows nothing of SQLite and needs libmicrohttpd, zlib and threads.
**
** Options
**   --port N             (0: any)       --seed N            (1)
**   --people N           (1200)         --accounts N        (60)
**   --audiences N        (45)           --tags N            (30; a third for accounts)
**   --custom N           (14)           custom fields of people: one of every
**                                       type first, then around again
**   --account-custom N   (5)            --sparse PCT        share of missing values
**   --hostile            names and values that hurt
**   --no-archived        nobody is archived at the start
**   --key K              (sandbox-key)  --segment-key K     (psb-sandbox-segment-key)
**   --latency MS         (0)            pause before every answer
**   --rate N             (0: off)       429 beyond N requests in one second, at most 1000
**   --feed-limit         429 beyond one request a second to person/get/activities
**   --region-error       401 for everything, as in the wrong region
**   --gzip               compresses answers for clients that accept it
**   --date TEXT          the Date header; the word fake makes it the instance's clock
**   --until-eof          ends with the standard input
**
** The instance's clock starts at 2025-10-01T00:00:00Z and advances one second
** with every write request; no real time gets into the data. Cursors and request
** ids alone differ from run to run.
**
** Control calls (no key)
**   GET  /sandbox/requests[?brief][?full]   the log: JSON, or METHOD PATH STATUS lines
**   GET  /sandbox/count[?path=P]            number of requests since the last forget
**   POST /sandbox/forget                    empties the log
**   GET  /sandbox/stats                     requests, max_in_flight, max_per_second, bytes_out
**   POST /sandbox/fault                     {"kind":K, "path":prefix, "after":N, "times":M, ...};
**                                           -1: for ever
**   POST /sandbox/clear                     removes all faults
**   POST /sandbox/set                       {"latency_ms", "rate", "region_error", "snapshot"}
**   POST /sandbox/people, /sandbox/accounts {"add":n} {"remove":n,"from":"newest"}
**                                           {"edit":n,"step":k}
**                                           {"person"|"account":{"id"|"nth", "fields":{raw JSON}}}
**   POST /sandbox/field                     {"entity","id","name","display_type","values"}
**                                           {"entity","remove":id}
**   GET  /sandbox/person?id=|email=|ei=     one person, whole; null if there is none
**   GET  /sandbox/account?id=|name=         one account
**   GET  /sandbox/people/count, /sandbox/accounts/count
**   GET  /sandbox/activities                activities created by requests
**   GET  /sandbox/segment[?lines]           items received by Segment's protocol, as sent
**   POST /sandbox/segment/forget            drops them
**   POST /sandbox/reset                     back to the start, log and faults too
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
**   repeat_id (shift)    the last row of the page before comes once more, in front;
**                        with shift in place of the page's last row, and next_offset says so
**   missing (member)     no_meta               a member of the answer is left out
**   replace (body)   that text, status 200     redirect (location)
**   huge (mb, gzip)  so many megabytes of white space inside the JSON
**
** The rooms, each may use those before it: text, json, instance, records, values,
** fields, start, call, faults, lists, filters, query, reading, definitions,
** tags_audiences, feed, keys, store, merge, archive, activities, custom_fields,
** subscriptions, segment, log, control, routes, request, server, main. Each header says
** what its room is. "The facts" are the notes on Ortto's API that the project keeps.
*/
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <microhttpd.h>

#include "text.h"
#include "instance.h"
#include "values.h"
#include "start.h"
#include "faults.h"
#include "lists.h"
#include "query.h"
#include "tags_audiences.h"
#include "keys.h"
#include "log.h"
#include "server.h"

typedef struct Option {
  const char *name;
  int *number;
  const char **text;
  bool *flag;
} Option;

static int latencyOption, rateOption;
static bool regionOption;
static const char *seedOption;

static const Option OPTIONS[] = {
    {"--port", &S.port, NULL, NULL},
    {"--seed", NULL, &seedOption, NULL},
    {"--people", &S.people, NULL, NULL},
    {"--accounts", &S.accounts, NULL, NULL},
    {"--audiences", &S.audiences, NULL, NULL},
    {"--tags", &S.tags, NULL, NULL},
    {"--custom", &S.custom, NULL, NULL},
    {"--account-custom", &S.accountCustom, NULL, NULL},
    {"--sparse", &S.sparse, NULL, NULL},
    {"--latency", &latencyOption, NULL, NULL},
    {"--rate", &rateOption, NULL, NULL},
    {"--key", NULL, &S.key, NULL},
    {"--segment-key", NULL, &S.segmentKey, NULL},
    {"--date", NULL, &S.date, NULL},
    {"--hostile", NULL, NULL, &S.hostile},
    {"--until-eof", NULL, NULL, &S.untilEof},
    {"--no-archived", NULL, NULL, &S.noArchived},
    {"--gzip", NULL, NULL, &S.gzip},
    {"--feed-limit", NULL, NULL, &S.feedLimit},
    {"--region-error", NULL, NULL, &regionOption}};

static void read_options(int argc, char **argv) {
  for (int k = 1; k < argc; k++) {
    const Option *o = NULL;
    for (size_t m = 0; m < COUNT(OPTIONS); m++)
      if (!strcmp(argv[k], OPTIONS[m].name)) o = &OPTIONS[m];
    if (!o) die("unknown option %s", argv[k]);
    if (o->flag) {
      *o->flag = true;
      continue;
    }
    if (++k == argc) die("%s wants a value", o->name);
    if (o->text) {
      *o->text = argv[k];
      continue;
    }
    char *rest;
    long v = strtol(argv[k], &rest, 10);
    if (*rest || rest == argv[k] || v < 0 || v > 100000000)
      die("%s wants a number, not %s", o->name, argv[k]);
    *o->number = (int)v;
  }
  if (seedOption) S.seed = strtoull(seedOption, NULL, 10);
  S.latency = latencyOption;
  S.rate = rateOption;
  S.regionError = regionOption;
}

static void free_all(void) {
  end_state();
  forget_snapshots();
  clear_faults();
  log_close();
  forget_keys();
  forget_lists();
  forget_links();
  forget_sizes();
}

int main(int argc, char **argv) {
  read_options(argc, argv);
  log_open();
  watch_signals();
  fill_state();
  struct MHD_Daemon *daemon_ = start_server();
  if (!daemon_) die("cannot listen on 127.0.0.1 port %d", S.port);
  const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_BIND_PORT);
  printf("http://127.0.0.1:%u\n", info ? (unsigned)info->port : 0u);
  fflush(stdout);
  wait_for_end();
  S.stop = true;
  MHD_stop_daemon(daemon_);
  free_all();
  return 0;
}
