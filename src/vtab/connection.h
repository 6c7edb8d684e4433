/*
** connection.h - what the tables and functions of one SQLite connection share.
**
** May use: SQLite, sql, spool, progress, the client. Must not know: how a table looks, what a plan or a sync
** is; it only keeps the lists of those at work.
** Counted: every table, module and function holds a reference; the last one to go frees the client and the
** spool. One thread at a time, as SQLite sees to it for its connection. Nothing in here blocks.
*/
#ifndef ORTTO_VTAB_CONNECTION_H
#define ORTTO_VTAB_CONNECTION_H

#include "sqlite.h"
#include "../../ortto_client.h"
#include "../text.h"
#include "progress.h"
#include "spool.h"

typedef struct conn conn;
typedef struct table table;
typedef struct syncing syncing;

typedef struct registration {      /* what a module or a function is registered with */
  conn *conn;                      /* a reference */
  ortto_table kind;                /* of a module: its table */
} registration;

typedef struct running {           /* a statement in one of its runs */
  sqlite3_stmt *statement;
  int run, prepared;               /* how often it was begun, and prepared again */
  int steps;                       /* of SQLite's, in all its runs */
} running;

typedef struct gone {
  struct gone *next;
  int for_column;                  /* a statement missed a column of it; else its schema was old */
  char name[];                     /* schema.name */
} gone;

struct conn {
  sqlite3 *db;
  int (*register_eponymous)(conn *c, ortto_table kind);   /* registers the module of ortto_KIND anew */
  ortto_client *client;
  int references;
  table *tables;                   /* connected now */
  syncing *syncs;                  /* at work now */
  unsigned owner_number;           /* by which a sync knows a run of this connection again; 0: not yet */
  int64_t total[2];                /* rows of people and accounts when last seen, for plans; 0 unknown */
  char **key;                      /* rowids of tables with keys of two columns: place in this list ... */
  int keys, keys_cap;
  text_map key_places;             /* ... which this finds */
  running *at_change;              /* statements that ran when the account was changed by ortto_config */
  int at_changes;
  int changes;                     /* of the account, so far */
  running *idle;                   /* those that did not run at a change, or when one was prepared ... */
  int idles;                       /* ... and had run before */
  running *anew;                   /* statements of which SQLite is to begin one anew */
  int anews;
  void *kept;                      /* what that one remembers (once.c) */
  void (*kept_free)(void *kept);
  gone *gone;                      /* tables without their fields that SQLite let go just now */
  progress line;                   /* on the terminal, while this connection waits */
  spool spool;                     /* what is held back until COMMIT, and what failed */
};

/* With one reference; NULL when out of memory. */
conn *conn_new(sqlite3 *db);
void conn_release(conn *c);

/* The client's code becomes SQLite's; its sentence, if it has one for it, becomes *message. */
int to_sqlite(const conn *c, int rc, char **message);

/* ---- what runs ---- */

/* Has sqlite3_interrupt() been called? ctx is a conn. Before SQLite 3.41 no call tells; a statement does:
** preparing and stepping one while another runs returns SQLITE_INTERRUPT. (While none runs that clears the
** flag: waiting_begin.) One of so many steps that a program's progress handler is asked too, which counts
** them: in a wait there are no others. Whoever waits asks, so the progress line is drawn here. */
int conn_interrupted(void *ctx);

/* While a table is being connected no statement runs yet. One that does keeps sqlite3_interrupt() from being
** forgotten. Returns what waiting_end takes. */
sqlite3_stmt *waiting_begin(const conn *c);
void waiting_end(sqlite3_stmt *waiting);

/* Is a statement of this connection in progress that writes? */
int statement_writes(const conn *c);

/* What sends, sets or writes does so only where the program's own statement calls it (guard.h), or names its
** table form. SQLITE_OK, or an error that says what is the matter. */
int function_may_act(const conn *c, const char *function, char **error);
int table_form_may_act(const conn *c, const char *function, char **error);

/* ---- another account ---- */

/* ortto_config changed it: tables that exist without a CREATE list their fields anew at their next use. */
int conn_account_changed(conn *c);

/* *runs: does a statement that names this table still run since before that change? It may have returned rows
** already. SQLITE_OK, or why it cannot be seen. */
int conn_runs_since_change(const conn *c, const char *table, int *runs);

/* Statements that are over must not be taken for new ones at the same address, and what one is at rest tells
** later whether it has returned rows: to be called when one is prepared, or begins to act. */
void conn_prune(conn *c);

/* ---- a statement that SQLite begins anew ---- */

/* For a table that has other columns than the running statement was prepared with: SQLITE_SCHEMA, and SQLite
** prepares it again and begins it anew, in the same call; or SQLITE_NOMEM. Rows that it has returned it would
** return a second time: so it must be sure that there are none. */
int conn_begin_anew(conn *c);
int conn_has_no_rows_yet(const conn *c);

/* Was that the last thing that happened, so that what ends now may be wanted again? Then it is kept instead
** of `p` being freed: 1. */
int conn_keep(conn *c, void *p, void (*free)(void *p));

/* The statement that calls a function: is it the one that was begun anew? Then what was kept, the caller's
** from now on; else NULL, and it is gone. */
void *conn_kept_take(conn *c);

/* A table without its fields went; is this one of those that did? It is asked once: 0, or a pointer to be
** freed. Whoever sees a statement run, forgets them. */
void conn_gone(conn *c, const char *schema, const char *name, int for_column);
gone *conn_gone_take(conn *c, const char *schema, const char *name);
void conn_gone_forget(conn *c);

/* ---- rowids ---- */

/* A rowid that stays the same for a key as long as the connection lives: OR-queries tell rows apart by it.
** *guess is the caller's, -1 at first: keys asked for in their order are found at once. */
int conn_rowid(conn *c, const char *key, sqlite3_int64 *guess, sqlite3_int64 *rowid);

#endif
