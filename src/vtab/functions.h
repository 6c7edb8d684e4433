/*
** functions.h - the scalar functions.
*/
#ifndef ORTTO_VTAB_FUNCTIONS_H
#define ORTTO_VTAB_FUNCTIONS_H

#include "sqlite.h"

void fn_version(sqlite3_context *ctx, int argc, sqlite3_value **argv);
void fn_config(sqlite3_context *ctx, int argc, sqlite3_value **argv);
void fn_check(sqlite3_context *ctx, int argc, sqlite3_value **argv);
void fn_upsert(sqlite3_context *ctx, int argc, sqlite3_value **argv);
void fn_track(sqlite3_context *ctx, int argc, sqlite3_value **argv);

#endif
