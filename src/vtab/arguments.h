/*
** arguments.h - the arguments of CREATE VIRTUAL TABLE.
*/
#ifndef ORTTO_VTAB_ARGUMENTS_H
#define ORTTO_VTAB_ARGUMENTS_H

#include "sqlite.h"
#include "../../ortto_client.h"
#include "connection.h"

typedef struct arguments {
  ortto_args settings;             /* value[i] by malloc, as the client keeps them */
  int kind;                        /* ortto_table, -1 not given */
  char *fields;
  int by_ids;
  unsigned given;                  /* bits: table, fields, columns */
} arguments;

void arguments_free(arguments *a);
int is_blank(char c);
int table_find(const char *name);
char *table_list(void);

/* Region, key and table may be given by position, everything by name. */
int arguments_read(conn *c, int argc, const char *const *argv, arguments *a, char **error);
int arguments_copy(arguments *to, const arguments *from);

#endif
