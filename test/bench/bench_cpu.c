/*
** bench_cpu.c: the least that a copy of people costs without a network, for bench.sh.
**
**   bench_cpu DATABASE FIELD,FIELD,... PAGE.json...
**
** Reads the pages into memory; then, timed, parses each once with cJSON and inserts its rows with one
** prepared statement in one transaction. Prints the processor's seconds and the rows.
*/
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>
#include <sqlite3.h>

#define MOST_FIELDS 200

static void die(const char *what) {
  fprintf(stderr, "bench_cpu: %s\n", what);
  exit(1);
}

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);   /* others may want the processor too */
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static char *read_file(const char *name) {
  FILE *f = fopen(name, "rb");
  if (!f || fseek(f, 0, SEEK_END)) die(name);
  long n = ftell(f);
  char *text = n >= 0 ? malloc((size_t)n + 1) : NULL;
  if (!text || fseek(f, 0, SEEK_SET) || fread(text, 1, (size_t)n, f) != (size_t)n) die(name);
  text[n] = 0;
  fclose(f);
  return text;
}

static int split(char *list, char **out) {
  int n = 0;
  for (char *p = strtok(list, ","); p && n < MOST_FIELDS; p = strtok(NULL, ",")) out[n++] = p;
  return n;
}

static void bind(sqlite3_stmt *s, int i, const cJSON *v) {
  if (cJSON_IsString(v)) sqlite3_bind_text(s, i, v->valuestring, -1, SQLITE_STATIC);
  else if (cJSON_IsNumber(v)) sqlite3_bind_double(s, i, v->valuedouble);
  else if (cJSON_IsBool(v)) sqlite3_bind_int(s, i, cJSON_IsTrue(v));
  else if (cJSON_IsObject(v) || cJSON_IsArray(v))
    sqlite3_bind_text(s, i, cJSON_PrintUnformatted(v), -1, free);
  else sqlite3_bind_null(s, i);
}

/* Which of the fields this is; the one behind the last found is looked at first. */
static int place(char **field, int fields, const char *name, int guess) {
  for (int k = 0; k < fields; k++) {
    int i = guess + k < fields ? guess + k : guess + k - fields;
    if (strcmp(field[i], name) == 0) return i;
  }
  return -1;
}

static void bind_record(sqlite3_stmt *s, char **field, int fields, const cJSON *record) {
  const cJSON *v;
  int at = -1;
  sqlite3_clear_bindings(s);
  bind(s, 1, cJSON_GetObjectItemCaseSensitive(record, "id"));
  cJSON_ArrayForEach(v, cJSON_GetObjectItemCaseSensitive(record, "fields")) {
    int i = place(field, fields, v->string, at + 1);
    if (i < 0) continue;
    bind(s, i + 2, v);
    at = i;
  }
}

static long insert_page(sqlite3_stmt *s, char **field, int fields, const char *text) {
  long rows = 0;
  cJSON *page = cJSON_Parse(text);
  const cJSON *record;
  if (!page) die("a page is not JSON");
  cJSON_ArrayForEach(record, cJSON_GetObjectItemCaseSensitive(page, "contacts")) {
    bind_record(s, field, fields, record);
    if (sqlite3_step(s) != SQLITE_DONE) die("INSERT failed");
    sqlite3_reset(s);
    rows++;
  }
  cJSON_Delete(page);
  return rows;
}

static sqlite3_stmt *prepare(sqlite3 *db, int fields) {
  sqlite3_str *create = sqlite3_str_new(db), *insert = sqlite3_str_new(db);
  sqlite3_stmt *s = NULL;
  sqlite3_str_appendall(create, "CREATE TABLE copy(id");
  sqlite3_str_appendall(insert, "INSERT INTO copy VALUES(?");
  for (int i = 0; i < fields; i++) {
    sqlite3_str_appendf(create, ", c%d", i);
    sqlite3_str_appendall(insert, ", ?");
  }
  sqlite3_str_appendall(create, ")");
  sqlite3_str_appendall(insert, ")");
  char *c = sqlite3_str_finish(create), *i = sqlite3_str_finish(insert);
  if (sqlite3_exec(db, c, NULL, NULL, NULL) || sqlite3_prepare_v2(db, i, -1, &s, NULL))
    die(sqlite3_errmsg(db));
  sqlite3_free(c);
  sqlite3_free(i);
  return s;
}

int main(int argc, char **argv) {
  char *field[MOST_FIELDS];
  long rows = 0;
  sqlite3 *db;
  if (argc < 4) die("bench_cpu DATABASE FIELD,FIELD,... PAGE.json...");
  int fields = split(argv[2], field);
  char **page = calloc((size_t)argc, sizeof *page);
  if (!page) die("out of memory");
  for (int i = 3; i < argc; i++) page[i] = read_file(argv[i]);
  if (sqlite3_open(argv[1], &db)) die("the database cannot be opened");
  sqlite3_stmt *s = prepare(db, fields);
  double begin = seconds();
  sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
  for (int i = 3; i < argc; i++) rows += insert_page(s, field, fields, page[i]);
  if (sqlite3_exec(db, "COMMIT", NULL, NULL, NULL)) die(sqlite3_errmsg(db));
  printf("%.3f %ld\n", seconds() - begin, rows);
  sqlite3_finalize(s);
  sqlite3_close(db);
  for (int i = 3; i < argc; i++) free(page[i]);
  free(page);
  return 0;
}
