/* A program with the extension compiled in, for where loading is not possible.
**
**   make static
**   cc -o host examples/host.c .build/libortto.a -lsqlite3 -lcurl -lcjson -lm -pthread
**   ./host 'SELECT count(*) FROM ortto_people'
*/
#include <sqlite3.h>
#include <stdio.h>

int sqlite3_ortto_init(sqlite3 *, char **, const void *);

static int print(void *unused, int n, char **value, char **name) {
  (void)unused;
  for (int i = 0; i < n; i++) printf("%s: %s\n", name[i], value[i] ? value[i] : "NULL");
  return 0;
}

int main(int argc, char **argv) {
  const char *sql = argc > 1 ? argv[1] : "SELECT ortto_version()";
  char *message = NULL;
  sqlite3 *db;
  /* For every connection from now on. */
  int rc = sqlite3_auto_extension((void (*)(void))sqlite3_ortto_init);
  if (rc == SQLITE_OK) rc = sqlite3_open(":memory:", &db);
  if (rc != SQLITE_OK) return 1;
  rc = sqlite3_exec(db, sql, print, NULL, &message);
  if (rc != SQLITE_OK) fprintf(stderr, "host: %s\n", message ? message : sqlite3_errstr(rc));
  sqlite3_free(message);
  sqlite3_close(db);
  return rc != SQLITE_OK;
}
