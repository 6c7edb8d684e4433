/*
** schema.h - facts about Ortto's records as tables: built-in fields, members of the others, types, prefixes.
**
** Each with its source: built-in fields are as an instance schema lists them [recorded], members of the other
** tables as the API's records are documented [documented], types as seen in both.
**
** May use: text. Must not know: what an instance has of its own. Asks nobody, allocates nothing: all that it
** gives are constants.
*/
#ifndef ORTTO_CLIENT_SCHEMA_H
#define ORTTO_CLIENT_SCHEMA_H

#include "../../ortto_client.h"

typedef struct built_in {          /* a field that every instance has */
  const char *id, *name, *display_type;
  int read_only, hidden;
} built_in;

/* Do contacts have a value of it? Some fields are there for filters alone. */
int has_value(const ortto_field *f);

/* By Ortto's word for what it means, else by the id's prefix; JSON where neither is known. */
ortto_type type_of(const char *id, const char *display_type);

/* Where the definitions of custom fields are asked for, by the table that has them as columns or as rows. */
const char *definitions_path(ortto_table table);

/* Lower-case hexadecimal; -1 for any other character. */
static inline int hex_digit(char c){
  if( c>='0' && c<='9' ) return c - '0';
  return c>='a' && c<='f' ? c - 'a' + 10 : -1;
}

/* Only zeros: Ortto's way to say that there is none. */
int is_zero_id(const char *id);

/* The built-in fields of people or accounts. */
const built_in *schema_built_in(ortto_table table, int *count);

/* Ids of the fields, of people and accounts, that people look for first. */
int schema_leading_count(void);
const char *schema_leading(int i);

/* The column's name that the contract fixes for this field, or NULL. */
const char *schema_column(const char *id);

#endif
