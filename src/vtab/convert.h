/*
** convert.h - one value between Ortto and SQLite, both ways.
*/
#ifndef ORTTO_VTAB_CONVERT_H
#define ORTTO_VTAB_CONVERT_H

#include "sqlite.h"
#include "../../ortto_client.h"

void json_string(sqlite3_str *s, const char *text, size_t n);

/* The fields that found no column: an object from column name to value. By sqlite3_malloc, NULL when out of memory. */
char *more_text(const ortto_field *const *field, const ortto_value *value, int from, int to);
void result_value(sqlite3_context *ctx, const ortto_value *v);
int bind_value(sqlite3_stmt *stmt, int at, const ortto_value *v);
void result_code(sqlite3_context *ctx, int rc, char *message);

/* A value as JSON. 0: a BLOB, or infinite, which nothing in Ortto can hold. */
int json_value(sqlite3_str *s, const ortto_field *f, sqlite3_value *v);

#endif
