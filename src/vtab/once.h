/*
** once.h - what a call gave in this run of its statement, since SQLite evaluates an expression as often as it
** likes.
**
** A subquery that is flattened, the inner side of a join, ORDER BY and GROUP BY evaluate a function again for
** what its user wrote once: an activity would be recorded three times. So within one run of a statement (each
** firing of a trigger is a run of its own) a call with the same arguments acts once, and its first result is
** given again.
**
** Rests on what SQLite's own json.c rests on: auxiliary data under a negative number is shared by all
** functions of a prepared statement and forgotten when its run ends. Tried on 3.40 and on 3.53.
**
** What is kept is a hash of 128 bits of the function and its arguments, and the result, in a database without
** a name, which spills into a temporary file. It is made before the first call acts: without memory for it
** none does, nor does any after one that could not be kept. A statement that SQLite begins anew in the
** middle, as a table has other columns than it was prepared with (another account), remembers what it did
** before that: the connection keeps it meanwhile.
** May use: sqlite, sql, connection, src/text. Must not know: Ortto. The functions' user data is a
** registration.
*/
#ifndef ORTTO_VTAB_ONCE_H
#define ORTTO_VTAB_ONCE_H

#include "sqlite.h"

/* Gives the remembered result of this function with these arguments as the function's result, if there is
** one: *found. SQLITE_OK or a code; then nothing may act, as it could not be remembered. */
int once_result(sqlite3_context *ctx, const char *function, int argc, sqlite3_value **argv, int *found);

/* Remembers it, a text of n bytes. */
void once_keep(sqlite3_context *ctx, const char *function, int argc, sqlite3_value **argv, const char *text,
               sqlite3_int64 n);

#endif
