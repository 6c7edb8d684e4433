/*
** main.c: a server on this machine that imitates Ortto, for tests
**
**   ortto_sandbox [options]      prints http://127.0.0.1:PORT and serves until SIGTERM,
**                                SIGINT or, with --until-eof, the end of its input
**   ortto_sandbox --help         says what the options are
**
** It speaks Ortto's HTTP API (header X-Api-Key) and the protocol of Segment's Ortto
** destination (header Authorization: Bearer) over one instance of made-up people and
** accounts. The same seed and sizes always give the same data. It knows nothing of SQLite
** and needs libmicrohttpd, zlib and threads.
**
** The instance's clock starts at 2025-10-01T00:00:00Z and advances one second with every
** write request; no real time gets into the data. Cursors and request ids alone differ
** from run to run.
**
** Tests talk to it by control calls (control.h), order faults (faults.h), and choose how
** it takes what nobody knows about Ortto (guesses.h).
**
** The rooms; each may use those before it: text, json, guesses, instance, records, values,
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
#include "guesses.h"
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
  int *number;        /* what it sets: one of these three */
  const char **text;
  bool *flag;
  const char *value;  /* for --help: its value, or NULL */
  const char *help;
} Option;

static int latencyOption, rateOption;
static bool regionOption, helpOption;
static const char *seedOption, *guessOption;

static const Option OPTIONS[] = {
    {"--port", &S.port, NULL, NULL, "N", "listen there (0: on any free port)"},
    {"--seed", NULL, &seedOption, NULL, "N", "what the data are made from (1)"},
    {"--people", &S.people, NULL, NULL, "N", "people (1200)"},
    {"--accounts", &S.accounts, NULL, NULL, "N", "accounts (60)"},
    {"--audiences", &S.audiences, NULL, NULL, "N", "audiences (45)"},
    {"--tags", &S.tags, NULL, NULL, "N", "tags (30), and a third of that for accounts"},
    {"--custom", &S.custom, NULL, NULL, "N",
     "custom fields of people (14): one of every type, then around again"},
    {"--account-custom", &S.accountCustom, NULL, NULL, "N", "custom fields of accounts (5)"},
    {"--sparse", &S.sparse, NULL, NULL, "PERCENT",
     "missing values of every field (a share of its own for each)"},
    {"--hostile", NULL, NULL, &S.hostile, NULL, "names and values that hurt"},
    {"--no-archived", NULL, NULL, &S.noArchived, NULL, "nobody is archived at the start"},
    {"--key", NULL, &S.key, NULL, "KEY", "the API's key (sandbox-key)"},
    {"--segment-key", NULL, &S.segmentKey, NULL, "KEY",
     "the key of Segment's protocol (psb-sandbox-segment-key)"},
    {"--latency", &latencyOption, NULL, NULL, "MS", "pause before every answer (0)"},
    {"--jitter", &S.jitter, NULL, NULL, "MS",
     "up to so long before a request is looked at, so that those in flight come in any order (0)"},
    {"--rate", &rateOption, NULL, NULL, "N", "429 beyond N requests in one second, at most 1000 (0: never)"},
    {"--feed-limit", NULL, NULL, &S.feedLimit, NULL,
     "429 beyond one request a second to person/get/activities"},
    {"--region-error", NULL, NULL, &regionOption, NULL, "401 for everything, as in the wrong region"},
    {"--gzip", NULL, NULL, &S.gzip, NULL, "compress answers for clients that accept it"},
    {"--date", NULL, &S.date, NULL, "TEXT", "the Date header; the word fake makes it the instance's clock"},
    {"--guess", NULL, &guessOption, NULL, "NAME=READING", "take a guess so (below; may be given again)"},
    {"--until-eof", NULL, NULL, &S.untilEof, NULL, "end with the standard input"},
    {"--help", NULL, NULL, &helpOption, NULL, "say this"}};

static void usage(void) {
  puts("ortto_sandbox [options]\n\n"
       "Imitates Ortto on this machine, with made-up people: prints its address, http://127.0.0.1:PORT,\n"
       "and serves until it is told to stop. Options, with what holds without them:\n");
  for (size_t k = 0; k < COUNT(OPTIONS); k++) {
    const Option *o = &OPTIONS[k];
    int n = printf("  %s %s", o->name, o->value ? o->value : "");
    printf("%*s%s\n", n < 24 ? 24 - n : 1, "", o->help);
  }
  puts("\nGuesses: what is not known about Ortto, and the readings; the first holds without --guess.");
  print_guesses(stdout);
}

/* NAME=READING */
static void take_guess(const char *text) {
  const char *equals = strchr(text, '=');
  char *name = copy_n(text, equals ? (size_t)(equals - text) : strlen(text));
  bool known = equals && guess_set(name, equals + 1);
  free(name);
  if (!known) die("there is no such guess: %s (--help lists them)", text);
}

static int number_of(const Option *o, const char *text) {
  char *rest;
  long v = strtol(text, &rest, 10);
  if (*rest || rest == text || v < 0 || v > 100000000) die("%s wants a number, not %s", o->name, text);
  return (int)v;
}

static const Option *option_by(const char *name) {
  for (size_t k = 0; k < COUNT(OPTIONS); k++)
    if (!strcmp(name, OPTIONS[k].name)) return &OPTIONS[k];
  die("unknown option %s (--help lists them)", name);
}

static void read_options(int argc, char **argv) {
  for (int k = 1; k < argc; k++) {
    const Option *o = option_by(argv[k]);
    if (o->flag) {
      *o->flag = true;
      continue;
    }
    if (++k == argc) die("%s wants a value", o->name);
    if (o->text) *o->text = argv[k];
    else *o->number = number_of(o, argv[k]);
    if (o->text == &guessOption) take_guess(guessOption);
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
  if (helpOption) {
    usage();
    return 0;
  }
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
