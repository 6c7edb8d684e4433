/*
** sync_compare.h - a full refresh that compares as it reads: a row that stands in the target as it came is
** not staged.
**
** Each row of a page is looked up in the target by its key. What is the same there, byte for byte and type
** for type, is only noted, as 32 bytes in a row for each page of the table ortto_seen_TARGET: the id, and a
** hash of the values. Whatever is not is staged as ever, and compared again by the merge. Both are written
** with the page, in its transaction, so that a run goes on wherever it was killed.
**
** What was the same then need not be at the merge. Between its own transactions a run watches whether anybody
** else has written into the file, by SQLite's own version of it. If so, or if it was taken up, as nobody
** watched then, all that was noted is held against the target once more, by the hash; if a row differs, the
** run starts over without comparing, as its values are not kept. What is gone from Ortto is what
** neither was noted nor is staged: its ids are put into the same table, and the merge takes them from there.
**
** Only where all of that holds: not in a transaction of the user's (a savepoint may be rolled back unseen),
** not in a run of changes, for people and accounts, and for a target that has all the columns, a key of type
** text with an index that finds it exactly, and no trigger, foreign key or other unique index of its own.
**
** May use: sql, text, sync_target, the struct of a run. Must not know: Ortto's answers, or the state of runs.
** All runs in a transaction of the run's. Codes are SQLite's.
*/
#ifndef ORTTO_VTAB_SYNC_COMPARE_H
#define ORTTO_VTAB_SYNC_COMPARE_H

#include "sqlite.h"
#include "sync_run.h"

/* Decides whether the run compares, after target_check: s->compares. anew: it begins and has noted nothing;
** else it was taken up. */
int compare_begin(sync_run *s, int anew);

/* The number of rows that were noted, by this run or the one that it takes up. */
int compare_noted(const sync_run *s, sqlite3_int64 *rows);

/* A page: before its first row, for each row, after its last. compare_row: is it the same in the target? Then
** it is noted. Whatever happened, compare_page_end frees what the page took; rc is how it went so far. */
int compare_page_begin(sync_run *s);
int compare_row(sync_run *s, const ortto_value *v, int *same);
int compare_page_end(sync_run *s, int rc);

/* Does all that was noted still stand in the target so, each row once? In the merge's transaction, after
** target_check. Sets s->may_be_gone: otherwise nothing that is gone need be searched for. */
int compare_holds(sync_run *s, int *holds);

/* The condition that a row t of the target is gone from Ortto: neither staged nor noted. NULL when out of
** memory. By sqlite3_malloc. */
char *compare_gone(const sync_run *s, const char *match);

/* What was noted is of no use any more; the table goes too, unless a SELECT of the user's is in the way. */
int compare_forget(const sync_run *s);

#endif
