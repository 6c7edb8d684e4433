/*
** connection.h - what the tables and functions of one SQLite connection share.
*/
#ifndef ORTTO_VTAB_CONNECTION_H
#define ORTTO_VTAB_CONNECTION_H

#include "sqlite.h"
#include "../../ortto_client.h"

typedef struct conn conn;
typedef struct table table;
typedef struct syncing syncing;

typedef struct registration {      /* what a module is registered with */
  conn *conn;                      /* a reference */
  ortto_table kind;
} registration;

typedef struct running {           /* a statement in one of its runs */
  sqlite3_stmt *statement;
  int run;
} running;

struct conn {
  sqlite3 *db;
  int (*register_eponymous)(conn *c, ortto_table kind);   /* registers the module of ortto_KIND anew */
  ortto_client *client;
  int references;
  table *tables;                   /* connected now */
  syncing *syncs;                  /* at work now */
  int64_t total[2];                /* rows that people and accounts had when last seen, for plans; 0 unknown */
  char **key;                      /* rowids of tables with keys of two columns: place in this list */
  int keys, keys_cap;
  running *at_change;              /* statements that ran when the account was changed by ortto_config */
  int at_changes;
  sqlite3 *spool;                /* what is held back until COMMIT, and what failed: a database without a name */
  sqlite3_stmt *insert_held, *insert_failure;     /* its inserts */
  sqlite3_int64 place;             /* last place given in the list of what is held back: never used again */
  int spool_open;                     /* there is something in it */
  int damaged;                     /* it could not be kept in order */
  sqlite3_int64 deletes;           /* how much of it archives */
};

/* The private database, opened when first needed. */
int spool_open(conn *c);
int spool_run(conn *c, const char *format, ...);
int spool_number(const conn *c, sqlite3_int64 *number, const char *format, ...);
void conn_release(conn *c);

/* Before 3.41 SQLite has no call that tells. A statement says it: preparing and stepping one while another runs returns
** SQLITE_INTERRUPT. (While none runs, the flag would be cleared by that: see waiting_begin.) */
int conn_interrupted(void *ctx);

/* While a table is being connected no statement runs yet. One that does keeps sqlite3_interrupt() from being forgotten.
** Returns what waiting_end takes. */
sqlite3_stmt *waiting_begin(const conn *c);
void waiting_end(sqlite3_stmt *held);
conn *conn_new(sqlite3 *db);

/* Is a statement of this connection in progress that writes? */
int statement_writes(const conn *c);

/* Statements that are over must not be taken for new ones at the same address. */
void conn_prune(conn *c);

/* The client's code and sentence become SQLite's. */
int to_sqlite(const conn *c, int rc, char **message);

/* A rowid that stays the same for a key as long as the connection lives: OR-queries tell rows apart by it. */
int conn_rowid(conn *c, const char *key, sqlite3_int64 *guess, sqlite3_int64 *rowid);

#endif
