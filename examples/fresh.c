/* A program with the extension compiled in as one file, with nothing to load and nothing to take along but
** SQLite and libcurl. It keeps a local copy of Ortto's people fresh, shows how far it is, and says what has
** changed. Ctrl-C ends it within 0.1 s; the next run goes on from there.
**
**   make amalgamation
**   cc -DSQLITE_CORE -o fresh examples/fresh.c .build/ortto.c -lsqlite3 -lcurl -lm -pthread
**   ./fresh crm.db
**
** Key and region are in the environment: ORTTO_API_KEY, ORTTO_REGION.
*/
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

int sqlite3_ortto_init(sqlite3 *, char **, const void *);

static sqlite3 *db;

/* SQLite permits this of a signal handler, as long as the connection is open. */
static void interrupt(int number) {
  (void)number;
  sqlite3_interrupt(db);
}

static void fail(const char *what) {
  fprintf(stderr, "\nfresh: %s\n", what);
  exit(1);
}

static sqlite3_stmt *prepare(const char *sql) {
  sqlite3_stmt *statement;
  if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK) fail(sqlite3_errmsg(db));
  return statement;
}

static int step(sqlite3_stmt *statement) {
  int rc = sqlite3_step(statement);
  if (rc == SQLITE_ROW) return 1;
  if (rc != SQLITE_DONE) fail(sqlite3_errmsg(db));
  sqlite3_finalize(statement);
  return 0;
}

static void copy(void) {
  /* As a table, a sync gives a row for each page, and one at its end. */
  sqlite3_stmt *sync = prepare("SELECT state, rows, total, inserted, updated, deleted, unchanged"
                               "  FROM ortto_sync('ortto_people', 'people')");
  sqlite3_int64 did[4] = {0};
  while (step(sync)) {
    printf("\r%s: %lld of %lld people", sqlite3_column_text(sync, 0), sqlite3_column_int64(sync, 1),
           sqlite3_column_int64(sync, 2));
    fflush(stdout);
    for (int i = 0; i < 4; i++) did[i] = sqlite3_column_int64(sync, 3 + i);
  }
  printf("\n%lld new, %lld changed, %lld gone, %lld as before\n", did[0], did[1], did[2], did[3]);
}

static void countries(void) {
  sqlite3_stmt *count = prepare("SELECT coalesce(country, '(unknown)'), count(*) FROM people"
                                " GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 5");
  while (step(count))
    printf("%6lld %s\n", sqlite3_column_int64(count, 1), sqlite3_column_text(count, 0));
}

int main(int argc, char **argv) {
  /* For every connection from now on. */
  if (sqlite3_auto_extension((void (*)(void))sqlite3_ortto_init) != SQLITE_OK) return 1;
  if (sqlite3_open(argc > 1 ? argv[1] : "crm.db", &db) != SQLITE_OK) fail(sqlite3_errmsg(db));
  signal(SIGINT, interrupt);
  sqlite3_busy_timeout(db, 10000);
  /* In this mode others can read and write while the sync waits for the network. */
  sqlite3_exec(db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
  copy();
  countries();
  signal(SIGINT, SIG_DFL);
  return sqlite3_close(db) != SQLITE_OK;
}
