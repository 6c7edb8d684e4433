/*
** match_key.h - a number for a value, the same for any two values that some comparison in SQLite calls equal.
**
** The rows of a store are looked up by it, and SQLite compares again: so two values may share a number by
** chance, but none that could be equal may have two. Equal are, under one or another affinity and collation:
** '5', 5, 5.0 and ' 5 '; 'abc', 'ABC' and 'abc  '; and under NOCASE, which ends at a NUL, all that follows
** one. So what is a number to SQLite, by its own reading of a text, is taken by 15 digits, the most that its
** texts have kept in every version; of any other text the letters A to Z are folded, blanks at its end and
** what follows a NUL left out. NULL has a number of its own, for IS.
**
** Not covered, and so not to be looked up here: collations other than BINARY, NOCASE and RTRIM; a real number
** beside a column of type TEXT, whose text has as many digits as the user's connection says.
** May use: sqlite, sql, src/text, src/os, convert. Must not know: tables, Ortto.
*/
#ifndef ORTTO_VTAB_MATCH_KEY_H
#define ORTTO_VTAB_MATCH_KEY_H

#include <stdint.h>

#include "sqlite.h"
#include "../../ortto_client.h"

/* A statement on a connection of our own, through which SQLite says how it reads a text: the caller's to
** finalize. */
int match_key_prepare(sqlite3 *db, sqlite3_stmt **out);

/* Of a value of SQLite's, which stays as it is (asking SQLite for its numeric type would change it), and of
** one of Ortto's, where it is rarely asked. Codes are SQLite's. */
int match_key_sqlite(sqlite3_stmt *reads, sqlite3_value *v, uint64_t *key);
int match_key_ortto(sqlite3_stmt *reads, const ortto_value *v, uint64_t *key);

#endif
