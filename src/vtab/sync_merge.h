/*
** sync_merge.h - the staged rows become the target, in one transaction.
*/
#ifndef ORTTO_VTAB_SYNC_MERGE_H
#define ORTTO_VTAB_SYNC_MERGE_H

#include "sqlite.h"
#include "connection.h"
#include "sync_run.h"

int sync_merge_step(syncing *s, char **error);

#endif
