/*
** sqlite.h - SQLite as an extension sees it: through the table of functions that its host hands over,
** or linked in (SQLITE_CORE).
**
** No other room includes SQLite's own headers.
*/
#ifndef ORTTO_VTAB_SQLITE_H
#define ORTTO_VTAB_SQLITE_H

#include <sqlite3ext.h>

#include "../os.h"

#ifndef SQLITE_CORE
/* Set once, at loading (ortto_vtab.c); hidden, as every extension has one of that name. */
extern const sqlite3_api_routines *sqlite3_api OS_HIDDEN;
#endif

#endif
