/*
** bench_hash.c: the least that a sync costs which finds nothing changed: every row read and hashed, nothing
** written. For bench.sh.
**
**   bench_hash EXTENSION FIELDS
**
** Reads all people through the extension and hashes each row's values. Prints the seconds, those of
** the processor, and the rows.
*/
#define _POSIX_C_SOURCE 200809L
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sqlite3.h>

static void die(const char *what) {
  fprintf(stderr, "bench_hash: %s\n", what);
  exit(1);
}

static double seconds(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t hash(uint64_t h, const unsigned char *p, size_t n) {
  for (; n >= 8; n -= 8, p += 8) {
    uint64_t word;
    memcpy(&word, p, 8);
    h = (h ^ word) * 0x9E3779B97F4A7C15u;
    h ^= h >> 29;
  }
  while (n--) h = (h ^ *p++) * 0x100000001B3u;
  return h;
}

static uint64_t hash_row(sqlite3_stmt *s, int columns) {
  uint64_t h = 0;
  for (int i = 0; i < columns; i++) {
    const void *bytes = sqlite3_column_blob(s, i);
    if (bytes) h = hash(h, bytes, (size_t)sqlite3_column_bytes(s, i));
    h = h * 31 + (uint64_t)sqlite3_column_type(s, i);
  }
  return h;
}

static void open_table(sqlite3 *db, const char *extension, const char *fields) {
  char *why = NULL;
  char *sql = sqlite3_mprintf(
      "CREATE VIRTUAL TABLE temp.people USING ortto(table=people, fields=%Q)", fields);
  sqlite3_enable_load_extension(db, 1);
  if (sqlite3_load_extension(db, extension, NULL, &why)) die(why ? why : extension);
  if (!sql || sqlite3_exec(db, sql, NULL, NULL, &why)) die(why ? why : "out of memory");
  sqlite3_free(sql);
}

int main(int argc, char **argv) {
  sqlite3 *db;
  sqlite3_stmt *s;
  uint64_t sum = 0;
  long rows = 0;
  if (argc != 3) die("bench_hash EXTENSION FIELDS");
  if (sqlite3_open(":memory:", &db)) die("no database");
  open_table(db, argv[1], argv[2]);
  double begin = seconds(CLOCK_MONOTONIC), used = seconds(CLOCK_PROCESS_CPUTIME_ID);
  if (sqlite3_prepare_v2(db, "SELECT * FROM temp.people", -1, &s, NULL)) die(sqlite3_errmsg(db));
  for (; sqlite3_step(s) == SQLITE_ROW; rows++) sum ^= hash_row(s, sqlite3_column_count(s));
  if (sqlite3_finalize(s)) die(sqlite3_errmsg(db));
  begin = seconds(CLOCK_MONOTONIC) - begin, used = seconds(CLOCK_PROCESS_CPUTIME_ID) - used;
  if (!sum) die("the rows add up to nothing");   /* so that the hash is not left out */
  printf("%.3f %.3f %ld\n", begin, used, rows);
  sqlite3_close(db);
  return 0;
}
