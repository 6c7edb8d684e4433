/*
** account_check.h - is the account that the settings name still the one whose columns a table shows?
**
** May use: table, connection, the client. Must not know: plans, rows. Codes are SQLite's; what failed stands
** in the table's zErrMsg. account_connect may ask which fields the account has, and then blocks.
*/
#ifndef ORTTO_VTAB_ACCOUNT_CHECK_H
#define ORTTO_VTAB_ACCOUNT_CHECK_H

#include "sqlite.h"
#include "../../ortto_client.h"
#include "table.h"

/* Host and key for a read. SQLITE_SCHEMA: SQLite is to prepare the statement anew, with other columns. */
int account_connect(table *t, ortto_endpoint **endpoint);

/* What a statement is told that began before a change. Returns SQLITE_ERROR, or SQLITE_NOMEM. */
int account_changed_meanwhile(table *t);

#endif
