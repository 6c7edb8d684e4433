/*
** guesses.h: what nobody knows about Ortto, and how it may be
**
** A guess is a rule of the sandbox that neither the documentation nor a recording settles.
** Each has two readings or more; the first is what the sandbox takes for true. A test that
** holds a client against the others learns whether the client rests on a guess. The one
** table of them is in guesses.c; the code that follows one says [guess: NAME] beside it.
** Other rules say [documented], [recorded], [client] (seen in somebody's client),
** [inferred] or, where the other reading is not served, [guessed]; the facts' sections are
** in the rooms' headers. What says nothing is the sandbox's own.
**
** Chosen by --guess NAME=READING, or while it runs by
** POST /sandbox/set {"guess":{"NAME":"READING"}}; GET /sandbox/guesses lists them.
** A change counts for answers that begin after it; it is no write.
**
** It uses text.
*/
#ifndef SANDBOX_GUESSES_H
#define SANDBOX_GUESSES_H

#include <stdbool.h>
#include <stdio.h>

#include "text.h"

/* In the order of the table. */
typedef enum {
  G_CURSOR, G_LAST_CURSOR, G_LAST_OFFSET, G_LAST_MORE, G_ROW_ORDER, G_MISSING_SORTS, G_TIME_SORT, G_STR_IS,
  G_MATCHES, G_TOTAL_NAME, G_FIELDS_MOST, G_IDS_MOST, G_ARCHIVED_IDS, G_UNKNOWN_IDS, G_NO_VALUE, G_NUMBERS,
  G_BOOLEANS, G_SHAPES, G_ERROR_BODY, G_MERGE_ROWS, G_QUEUED_ID, G_ACCOUNT_ANSWER, G_ACCOUNT_KEY,
  G_ACTIVITY_ANSWER,
  GUESSES
} Guess;

/* The number of the reading in force: 0 is the first. */
int guess(Guess g);

/* False: there is no such guess or reading. */
bool guess_set(const char *name, const char *reading);

/* All of them as a JSON array of {"name","section","what","readings","reading"}. */
void put_guesses(Buf *b);

/* All of them for a person. */
void print_guesses(FILE *to);

#endif
