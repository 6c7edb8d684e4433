/*
** bench_reader.c: the reader of answers beside cJSON and, with -DYYJSON, yyjson, for bench.sh.
**
**   bench_reader PAGE.json...
**
** Each reads every page and steps over all values of all its records, by turns, with what it was given to
** remember kept for the next page (nodes; yyjson's allocator). Prints a line with the best seconds of the
** processor for all pages of each: reader, cJSON, yyjson (0: it is not there).
*/
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../src/json.h"
#ifdef YYJSON
#include <yyjson.h>
#endif

#define ROUNDS 20

static void die(const char *what) {
  fprintf(stderr, "bench_reader: %s\n", what);
  exit(1);
}

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);   /* others may want the processor too */
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* What each must find: the bytes of the names in "fields", and one for each text. */
static size_t by_reader(const char *text, size_t n) {
  static js_nodes nodes;
  js page, record, name, v;
  size_t sum = 0;
  if (!json_read(&nodes, text, n, &page)) die("a page is not JSON");
  js_iter records = js_in(js_get(page, "contacts"));
  while (js_next(&records, NULL, &record)) {
    js_iter it = js_in(js_get(record, "fields"));
    while (js_next(&it, &name, &v)) sum += name.n + (js_type(v) == '"');
  }
  return sum;
}

static size_t by_cjson(const char *text, size_t n) {
  cJSON *page = cJSON_ParseWithLength(text, n);
  const cJSON *list = cJSON_GetObjectItemCaseSensitive(page, "contacts");
  size_t sum = 0;
  for (const cJSON *record = list ? list->child : NULL; record; record = record->next) {
    const cJSON *fields = cJSON_GetObjectItemCaseSensitive(record, "fields");
    for (const cJSON *v = fields ? fields->child : NULL; v; v = v->next)
      sum += strlen(v->string) + (size_t)cJSON_IsString(v);
  }
  cJSON_Delete(page);
  return sum;
}

static size_t by_yyjson(const char *text, size_t n) {
  size_t sum = 0;
#ifdef YYJSON
  static yyjson_alc *memory;
  size_t i, count, k, members;
  yyjson_val *record, *name, *v;
  if (!memory) memory = yyjson_alc_dyn_new();
  yyjson_doc *page = yyjson_read_opts((char *)(size_t)text, n, 0, memory, NULL);
  yyjson_val *records = yyjson_obj_get(yyjson_doc_get_root(page), "contacts");
  yyjson_arr_foreach(records, i, count, record) {
    yyjson_val *fields = yyjson_obj_get(record, "fields");
    yyjson_obj_foreach(fields, k, members, name, v) sum += yyjson_get_len(name) + yyjson_is_str(v);
  }
  yyjson_doc_free(page);
#else
  (void)text;
  (void)n;
#endif
  return sum;
}

static buf read_file(const char *name) {
  buf b = {0};
  char part[65536];
  size_t n;
  FILE *f = fopen(name, "rb");
  if (!f) die(name);
  while ((n = fread(part, 1, sizeof part, f)) > 0) buf_add(&b, part, n);
  fclose(f);
  if (b.failed || !b.p) die(name);
  return b;
}

int main(int argc, char **argv) {
  size_t (*const by[])(const char *, size_t) = {by_reader, by_cjson, by_yyjson};
  double best[3] = {0, 0, 0};
  size_t found[3] = {0, 0, 0};
  if (argc < 2) die("bench_reader PAGE.json...");
  buf *page = calloc((size_t)argc, sizeof *page);
  if (!page) die("out of memory");
  for (int i = 1; i < argc; i++) page[i] = read_file(argv[i]);
  for (int round = 0; round < ROUNDS; round++)
    for (int k = 0; k < 3; k++) {
      double begin = seconds();
      found[k] = 0;
      for (int i = 1; i < argc; i++) found[k] += by[k](page[i].p, page[i].n);
      double took = seconds() - begin;
      if (round == 0 || took < best[k]) best[k] = took;
    }
  if (found[0] != found[1] || (found[2] && found[2] != found[0])) die("they do not find the same");
  printf("%.6f %.6f %.6f\n", best[0], best[1], found[2] ? best[2] : 0.0);
  for (int i = 1; i < argc; i++) buf_free(&page[i]);
  free(page);
  return 0;
}
