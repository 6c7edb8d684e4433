/* call.c: see call.h. */
#define _GNU_SOURCE
#include "call.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "json.h"
#include "guesses.h"
#include "instance.h"
#include "records.h"

static atomic_uint_fast64_t serial;

static void put_request_id(Buf *b) {
  uint64_t a = mix((uint64_t)now_ns() ^ mix(serial++)), c = mix(a);
  put_format(b, "{\"request_id\":\"%08x-%04x-4%03x-a%03x-%012" PRIx64 "\"", (unsigned)(a >> 32),
             (unsigned)(a >> 16 & 0xffff), (unsigned)(a & 0xfff), (unsigned)(c >> 52),
             c & UINT64_C(0xffffffffffff));
}

/* [guess: error-body] */
static void put_other_error(Buf *b, int status, const Buf *text) {
  int k = guess(G_ERROR_BODY);
  if (k == 1) put_format(b, "{\"error\":{\"code\":\"%d\",\"message\":", status);
  else if (k == 2) LIT(b, "{\"message\":");
  else if (k == 3) put_format(b, "<html><body><h1>%d ", status);
  if (k == 1 || k == 2) put_string(b, text->p, text->n);
  else if (k == 3) put(b, text->p, text->n);
  if (k == 1) LIT(b, "}}\n");
  else if (k == 2) LIT(b, "}\n");
  else if (k == 3) LIT(b, "</h1></body></html>\n");
}

int fail(Call *c, int status, const char *format, ...) {
  Buf text = {0};
  va_list ap;
  va_start(ap, format);
  put_format_v(&text, format, ap);
  va_end(ap);
  c->out.n = 0;
  if (status != 400 && guess(G_ERROR_BODY)) {
    put_other_error(&c->out, status, &text);
    drop(&text);
    return status;
  }
  put_request_id(&c->out);
  put_format(&c->out, ",\"code\":%d,\"error\":", status);
  put_string(&c->out, text.p, text.n);
  LIT(&c->out, "}\n");
  drop(&text);
  return status;
}

/* [recorded] */
int invalid(Call *c) { return fail(c, 400, "One or more attributes is invalid"); }

/* The text for a wrong length [recorded]; for what is no hex [guessed]. */
int check_id(Call *c, const Json *v) {
  if (v->type != J_STRING)
    return fail(c, 400, "sandbox: Failed to parse request cannot unmarshal into an ID: Object not found");
  char *id = text_of(v);
  size_t n = strlen(id);
  bool hex = true;
  for (size_t k = 0; k < n; k++) hex = hex && hex_digit(id[k]) >= 0;
  free(id);
  if (n != 12 && n != 24)
    return fail(c, 400,
                "sandbox: Failed to parse request cannot unmarshal into an ID, the length must be 12 or 24 + "
                "2 for hex but it is %zu: "
                "Object not found",
                n + 2);
  if (n == 24 && !hex)
    return fail(c, 400, "sandbox: Failed to parse request encoding/hex: invalid byte: Object not found");
  return 0;
}

int64_t record_of(const Entity *en, const Json *v) {
  char *id = text_of(v);
  int64_t i = strlen(id) == 24 ? find_id(en, id) : -1;
  free(id);
  return i;
}

/* [guessed]; members that are not known are ignored [recorded]. */
int check_type(Call *c, const char *name, int type) {
  const Json *v = given(c->in, name);
  if (!v || v->type == type) return 0;
  return fail(c, 400,
              "sandbox: Failed to parse request json: cannot unmarshal value into member %s: Invalid value",
              name);
}

int check_types(Call *c, const char *const *names, const int *types, int n) {
  for (int k = 0; k < n; k++) {
    int bad = check_type(c, names[k], types[k]);
    if (bad) return bad;
  }
  return 0;
}

int read_id_list(Call *c, const char *name, const Json **list) {
  *list = given(c->in, name);
  for (const Json *v = *list ? (*list)->child : NULL; v; v = v->next) {
    int bad = check_id(c, v);
    if (bad) return bad;
  }
  return 0;
}
