/*
** sync_fetch.h - pages from Ortto into the staging table, each in a transaction of its own.
**
** A row that stands in the target as it came is only noted: sync_compare.h. Pages with little else, which are
** here already, are written in one transaction: it ends where the next page would have to be waited for, and
** after some 50 ms. Not where each page is shown.
** May use: the client's reader, convert, sync_target, sync_compare, sync_state, the struct of a run. Must not
** know: merging. Both wait for Ortto, and between pages no lock is held; a page is written when it is here
** whole.
*/
#ifndef ORTTO_VTAB_SYNC_FETCH_H
#define ORTTO_VTAB_SYNC_FETCH_H

#include "sqlite.h"
#include "sync_run.h"

/* Opens the endpoint, and finds out what is read: the fields of people and accounts are asked for, at every
** run. */
int sync_fields(sync_run *s, char **error);

/* A page, or several, or the end of them: phase is SYNC_MERGE then. *landed: there is a row to show. In a run
** of changes the end is where the watermark is passed. What cannot go on from where it was starts over, and
** says so. */
int sync_fetch_step(sync_run *s, int *landed, char **error);

#endif
