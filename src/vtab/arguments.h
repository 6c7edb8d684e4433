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
  char *audience, *filter;         /* the table is a segment; by sqlite3_malloc, or NULL */
  unsigned given;                  /* bits: table, fields, columns, audience, filter */
} arguments;

/* Region, key and table may be given by position, everything by name. What was read is to be freed, also
** after an error. */
int arguments_read(conn *c, int argc, const char *const *argv, arguments *a, char **error);

/* 0 when out of memory; *to is to be freed all the same. */
int arguments_copy(arguments *to, const arguments *from);
void arguments_free(arguments *a);

/* What the arguments say for the hidden column of that name; NULL: nothing. */
const char *arguments_steer(const arguments *a, const char *hidden);

/* Are they those of a segment? */
int arguments_narrow(const arguments *a);

int is_blank(char c);

/* The table of that name, with ortto_ in front or without; -1 if there is none. */
int table_find(const char *name);

/* All tables, with commas between, by sqlite3_malloc; NULL when out of memory. */
char *table_list(void);

#endif
