/*
** rows.h - for the C tests: what a statement gave, to be held against what it should have given.
**
** rows_of() steps a statement of one column to its end, or to its error, and sorts what came; rows_free()
** takes it.
*/
#ifndef ROWS_H
#define ROWS_H

#include "harness.h"

typedef struct rows {
  char **row;
  int n;
  int rc;                        /* of the last sqlite3_step */
  char message[2048];            /* "" where all is well */
} rows;

static int by_text(const void *a, const void *b){
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* After `pause` rows it calls back; act may be NULL. */
static rows rows_of(sqlite3 *db, const char *sql, int pause, void (*act)(void)){
  rows r = { .rc = SQLITE_OK };
  sqlite3_stmt *stmt = NULL;
  r.rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
  if( r.rc==SQLITE_OK ) while( (r.rc = sqlite3_step(stmt))==SQLITE_ROW ){
    const char *value = (const char *)sqlite3_column_text(stmt, 0);
    if( r.n%1024==0 ) r.row = realloc(r.row, (size_t)(r.n + 1024) * sizeof *r.row);
    r.row[r.n++] = strdup(value ? value : "NULL");
    if( act && r.n==pause ) act();
  }
  if( r.rc!=SQLITE_DONE ) snprintf(r.message, sizeof r.message, "%s", sqlite3_errmsg(db));
  sqlite3_finalize(stmt);
  if( r.n ) qsort(r.row, (size_t)r.n, sizeof *r.row, by_text);
  return r;
}

static void rows_free(rows *r){
  for(int i=0; i<r->n; i++) free(r->row[i]);
  free(r->row);
  memset(r, 0, sizeof *r);
}

#endif
