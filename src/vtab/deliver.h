/*
** deliver.h - COMMIT: what is held back is sent; what Ortto did not take stands in ortto_failures.
**
** May use: held, table, connection and its spool, the client for sending. Must not know: how rows got into
** the spool.
** Codes are SQLite's; what failed stands in the table's zErrMsg.
*/
#ifndef ORTTO_VTAB_DELIVER_H
#define ORTTO_VTAB_DELIVER_H

#include "sqlite.h"
#include "connection.h"
#include "table.h"

/* SQLite is about to commit: sends, and blocks. What was delivered is no longer held back, so that a failure
** of the next table does not count it as not sent. */
int vt_sync(sqlite3_vtab *base);

#endif
