/*
** schema.h - facts about Ortto's records as tables: built-in fields, members of the other tables, types, prefixes.
**
** Each with its source: ortto-api.md's recorded instance schema for built-in fields, its documented records for members.
** May use: text. Asks nobody, allocates nothing.
*/
#ifndef ORTTO_CLIENT_SCHEMA_H
#define ORTTO_CLIENT_SCHEMA_H

#include "../../ortto_client.h"

typedef struct built_in {
  const char *id, *name, *display_type;
  int read_only, hidden;
} built_in;

int has_value(const ortto_field *f);
ortto_type type_of(const char *id, const char *display_type);
const char *definitions_path(ortto_table table);
int hex_digit(char c);
int is_zero_id(const char *id);
const built_in *schema_built_in(ortto_table table, int *count);
int schema_leading_count(void);
const char *schema_leading(int i);

/* The column's name that the contract fixes for this field, or NULL. */
const char *schema_column(const char *id);

#endif
