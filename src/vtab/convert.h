/*
** convert.h - one value between Ortto and SQLite, both ways.
**
** May use: SQLite, ortto_client.h for what a value and a field are, os for numbers in text. Must not know:
** tables, where a value comes from, where it goes. JSON is made here as Ortto reads it, whatever the
** process's locale.
*/
#ifndef ORTTO_VTAB_CONVERT_H
#define ORTTO_VTAB_CONVERT_H

#include "sqlite.h"
#include "../../ortto_client.h"

/* ---- from Ortto ---- */

/* The text is copied. JSON is text: a local copy has no subtype either. */
void result_value(sqlite3_context *ctx, const ortto_value *v);

/* The text is not copied: it must stay until the statement has run. */
int bind_value(sqlite3_stmt *stmt, int at, const ortto_value *v);

/* The fields that found no column, from..to-1: an object from column name to value, those that have one. By
** sqlite3_malloc; NULL when out of memory. */
char *more_text(const ortto_field *const *field, const ortto_value *value, int from, int to);

/* ---- to Ortto ---- */

/* A JSON string; the text may hold any byte. */
void json_string(sqlite3_str *s, const char *text, size_t n);

/* A value of Ortto's, as JSON. */
void json_of_value(sqlite3_str *s, const ortto_value *v);

/* A value for the field, as JSON. 0: a BLOB, or infinite, which nothing in Ortto can hold. */
int json_value(sqlite3_str *s, const ortto_field *f, sqlite3_value *v);

#endif
