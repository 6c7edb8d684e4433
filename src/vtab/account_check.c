/*
** account_check.c - see account_check.h.
*/
#include "account_check.h"

#include "connection.h"

int account_changed_meanwhile(table *t){
  return vt_error(t, "ortto: the settings were changed to another account while this statement, or another "
                  "one that reads %s, ran; end that one, and run it again", t->name);
}

/* The account that this table's columns came from is not the one in the settings. Registering its module
** again makes SQLite ask for the columns anew, and SQLITE_SCHEMA makes it prepare the statement again:
** unless it runs since before the change, when it may have returned rows already. */
static int table_is_stale(table *t){
  int runs, rc = conn_runs_since_change(t->conn, t->name, &runs);
  if( rc!=SQLITE_OK ) return rc;
  return runs ? account_changed_meanwhile(t) : table_anew(t);
}

int account_connect(table *t, ortto_endpoint **endpoint){
  int rc = *endpoint ? SQLITE_OK : table_ready(t);
  if( rc==SQLITE_OK && *endpoint==NULL ) rc = vt_fail(t, endpoint_of(t, endpoint));
  if( rc!=SQLITE_OK || t->created || !is_contact_table(t) ) return rc;
  return ortto_endpoint_identity(*endpoint)==t->identity ? SQLITE_OK : table_is_stale(t);
}
