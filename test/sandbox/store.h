/*
** store.h: what is written: checked, and in the form in which it is read
**
** store() appends the JSON that reading gives back, or refuses the value (section 4.3 of
** the facts).
**
** It uses text, json, instance and values.
*/
#ifndef SANDBOX_STORE_H
#define SANDBOX_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "text.h"
#include "json.h"
#include "instance.h"

/* RFC 3339 to seconds since 1970. */
bool read_time(const char *s, int64_t *t);

bool is_text_list(const Json *v);

/* Appends the value as the server keeps it; false if it does not suit the field. */
bool store(const Field *f, const Json *v, Buf *out);

#endif
