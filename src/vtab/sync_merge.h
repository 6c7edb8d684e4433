/*
** sync_merge.h - the staged rows become the target, in one transaction.
**
** May use: sql, sync_target, sync_compare, sync_state, the struct of a run. Must not know: Ortto's answers;
** all rows are staged by now, or noted as those that the target has. Rows that did not change are not
** written.
*/
#ifndef ORTTO_VTAB_SYNC_MERGE_H
#define ORTTO_VTAB_SYNC_MERGE_H

#include "sqlite.h"
#include "sync_run.h"

/* Afterwards the run is done and not ours any more, and its counts of changes stand; or it has started over
** (phase is SYNC_FETCH), as somebody has changed the target after rows were compared with it. After an error
** the target and the watermark are as before, and the next run merges without fetching again. Waits for the
** file's lock, and holds it. */
int sync_merge_step(sync_run *s, char **error);

#endif
