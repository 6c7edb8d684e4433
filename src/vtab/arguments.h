/*
** arguments.h - the arguments of CREATE VIRTUAL TABLE ... USING ortto(...).
**
** May use: connection (for the client, which checks settings), text. Must not know: tables and their
** columns.
** A refusal is a whole sentence in *error, by sqlite3_malloc; a key that stands in the wrong place is never
** shown in it. Nothing in here blocks.
*/
#ifndef ORTTO_VTAB_ARGUMENTS_H
#define ORTTO_VTAB_ARGUMENTS_H

#include "sqlite.h"
#include "../../ortto_client.h"
#include "connection.h"

typedef struct arguments {         /* all zero but for kind: nothing given */
  ortto_args settings;             /* value[i] by malloc, as the client keeps them */
  int kind;                        /* ortto_table, -1 not given */
  char *fields;                    /* by sqlite3_malloc; NULL: the client's default */
  int by_ids;                      /* columns are named by field id */
  unsigned given;                  /* bits: table, fields, columns */
} arguments;

/* Region, key and table may be given by position, everything by name. What was read is to be freed, also
** after an error. */
int arguments_read(conn *c, int argc, const char *const *argv, arguments *a, char **error);

/* 0 when out of memory; *to is to be freed all the same. */
int arguments_copy(arguments *to, const arguments *from);
void arguments_free(arguments *a);

int is_blank(char c);

/* The table of that name, with ortto_ in front or without; -1 if there is none. */
int table_find(const char *name);

/* All tables, with commas between, by sqlite3_malloc; NULL when out of memory. */
char *table_list(void);

#endif
