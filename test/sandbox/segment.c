/* segment.c: see segment.h. */
#define _GNU_SOURCE
#include "segment.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "json.h"
#include "instance.h"
#include "records.h"
#include "start.h"
#include "call.h"

int segment_me(Call *c) {
  LIT(&c->out, "{}");
  return 200;
}

static bool is_filled(const Json *v) { return v && v->type == J_STRING && v->len > 2; }

/* Why an item is refused, or NULL. */
/* Which items are refused: [client] for what it checks itself; the texts [guessed]. */
static const char *item_fault(const char *path, const Json *v) {
  const Json *traits = given(v, "traits"), *audience = given(v, "audience"), *id = given(audience, "id");
  if (v->type != J_OBJECT) return "The item is not an object";
  if (!is_filled(given(v, "user_id")) && !is_filled(given(v, "anonymous_id")))
    return "Either user_id or anonymous_id is required";
  if (traits && traits->type != J_OBJECT) return "traits must be an object";
  if (strstr(path, "track") && !is_filled(given(v, "event"))) return "Missing event name";
  if (strstr(path, "members") && !is_filled(id)) return "Missing audience Id";
  if (!audience) return NULL;
  char *text = text_of(id);
  bool known = audience_by(text) >= 0;
  free(text);
  if (!known) return "Audience not found";
  return text_is(given(audience, "mode"), "add") || text_is(given(audience, "mode"), "remove")
             ? NULL
             : "Unknown audience mode";
}

int segment_items(Call *c) {
  bool any = false;
  int index = 0;
  if (!c->in || c->in->type != J_ARRAY || count_of(c->in) > 500)
    return fail(c, 400, "an array of at most 500 items is expected");
  putc_to(&c->out, '{');
  for (const Json *v = c->in->child; v; v = v->next, index++) {
    GROW(S.item, S.nItem, S.capItem);
    S.item[S.nItem++] = (Item){copy(c->path), copy_n(v->raw, v->len)};
    const char *why = item_fault(c->path, v);
    if (!why) continue;
    put_format(&c->out, "%s{\"status\":400,\"message\":\"%s\",\"index\":%d}", any ? "," : "\"errors\":[", why,
               index);
    any = true;
  }
  puts_to(&c->out, any ? "]}" : "}");
  return 200;
}

static void put_segment_audience(Buf *b, int k) {
  put_format(b, "{\"id\":\"%s\",\"name\":", S.audience[k].id);
  put_text(b, S.audience[k].name);
  putc_to(b, '}');
}

/* The name is trimmed, one that is there already gives that audience [client]. */
int segment_create(Call *c) {
  char *name = text_of(given(c->in, "name")), *s = name;
  while (*s == ' ' || *s == '\t' || *s == '\n') s++;
  for (size_t n = strlen(s); n && strchr(" \t\n", s[n - 1]); n--) s[n - 1] = 0;
  int k = 0;
  while (k < S.nAudience && (S.audience[k].archived || strcmp(S.audience[k].name, s))) k++;
  if (*s && k == S.nAudience) k = add_audience(s, S.clock, 0, false);
  int status = *s ? 200 : fail(c, 400, "the audience needs a name");
  if (status == 200) put_segment_audience(&c->out, k);
  free(name);
  return status;
}

int segment_get(Call *c) {
  char *id = text_of(given(c->in, "id"));
  int k = audience_by(id);
  free(id);
  if (k < 0) return fail(c, 404, "Audience not found");
  put_segment_audience(&c->out, k);
  return 200;
}
