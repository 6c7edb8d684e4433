/*
** sync_fetch.h - pages from Ortto into the staging table, each in a transaction of its own.
*/
#ifndef ORTTO_VTAB_SYNC_FETCH_H
#define ORTTO_VTAB_SYNC_FETCH_H

#include "sqlite.h"
#include "connection.h"
#include "sync_run.h"

int sync_fields(syncing *s, char **error);

/* One page, or the end of them. *landed: there is a row to show. */
int sync_fetch_step(syncing *s, int *landed, char **error);

#endif
