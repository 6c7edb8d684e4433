/*
** sync_state.c - see sync_state.h.
*/
#include "sync_state.h"

#include <stdio.h>
#include <string.h>

#include "sql.h"
#include "sync_lock.h"
#include "sync_target.h"

static int state_create(const syncing *s){
  return sql_run(s->db, "CREATE TABLE IF NOT EXISTS \"%w\"." STATE_TABLE "(run INTEGER PRIMARY KEY, source TEXT, target TEXT, mode TEXT, "
    "started TEXT, finished TEXT, state TEXT, rows INTEGER, total INTEGER, page INTEGER, inserted INTEGER, updated INTEGER, deleted INTEGER, "
    "unchanged INTEGER, requests INTEGER, retries INTEGER, elapsed_ms INTEGER, cursor_id TEXT, next_offset INTEGER, error TEXT, message TEXT, "
    "newest TEXT, mark TEXT, server_time TEXT, identity TEXT, columns TEXT, staging TEXT, owner TEXT, beat INTEGER)", s->schema);
}

int state_write(const syncing *s, const char *state, int finished, const char *error){
  sqlite3_stmt *stmt;
  char *us = owner_text(s), *owner = finished ? NULL : us;
  if( us==NULL ) return SQLITE_NOMEM;
  int rc = sql_prepare(s->db, &stmt, "UPDATE \"%w\"." STATE_TABLE " SET state=%Q, mode=%Q, rows=%lld, total=?1, page=%lld, inserted=%lld, updated=%lld, "
    "deleted=%lld, unchanged=%lld, requests=%lld, retries=%lld, elapsed_ms=%lld, cursor_id=nullif(%Q,''), next_offset=%lld, error=%Q, message=nullif(%Q,''), "
    "newest=nullif(%Q,''), mark=nullif(%Q,''), server_time=nullif(%Q,''), owner=%Q, beat=strftime('%%s','now'), "
    "finished=%s WHERE run=%lld AND (%d OR owner=%Q)", s->schema, state, s->changes ? "changes" : "full", s->rows, s->page, s->inserted, s->updated, s->deleted, s->unchanged,
    s->requests, s->retries, sync_elapsed(s), s->cursor, s->next_offset, error, s->message, s->newest, s->watermark, s->server_time, owner,
    finished ? "strftime('%Y-%m-%dT%H:%M:%SZ','now')" : "NULL", s->run, !s->claimed, us);
  sqlite3_free(us);
  if( rc!=SQLITE_OK ) return rc;
  if( s->total>=0 ) sqlite3_bind_int64(stmt, 1, s->total);
  rc = sql_finish(stmt);
  return rc==SQLITE_OK && sqlite3_changes(s->db)==0 ? TAKEN_OVER : rc;
}

static void copy_text(char *to, size_t size, sqlite3_stmt *stmt, int column){
  const char *text = (const char *)sqlite3_column_text(stmt, column);
  snprintf(to, size, "%s", text ? text : "");
}

/* Why an unfinished run cannot be taken up; NULL if it can. The statement stands on its row. */
static const char *not_resumable(const syncing *s, sqlite3_stmt *last, const char *identity, const char *columns){
  char text[64];
  sqlite3_int64 staged, exists;
  const char *state = (const char *)sqlite3_column_text(last, 1);
  copy_text(text, sizeof text, last, 5);
  if( strcmp(text, identity)!=0 ) return "the earlier run was of another host or key";
  if( sqlite3_stricmp((const char *)sqlite3_column_text(last, 4), s->source)!=0 ) return "the earlier run was of another source";
  copy_text(text, sizeof text, last, 6);
  if( strcmp(text, "touched")==0 ) return "what the earlier run had fetched was touched";
  if( strcmp(text, columns)!=0 ) return "the fields have changed since the earlier run";
  copy_text(text, sizeof text, last, 7);
  if( (strcmp(text, "changes")==0)!=s->changes ) return "the earlier run was of another mode";
  if( sqlite3_column_int64(last, 8)>RESUME_SECONDS ) return "the earlier run is more than 24 hours old";
  if( table_exists(s, s->staging, &exists)!=SQLITE_OK || !exists ) return "what the earlier run had fetched is gone";
  if( sql_integer(s->db, &staged, "SELECT CASE WHEN count(*)=ifnull(max(rowid),0) THEN count(*) ELSE -1 END FROM \"%w\".\"%w\"", s->schema, s->staging)!=SQLITE_OK
   || staged!=sqlite3_column_int64(last, 11) ) return "what the earlier run had fetched was touched";
  if( state && strcmp(state, "fetched")==0 ) return NULL;
  if( s->kind>ORTTO_ACCOUNTS || sqlite3_column_text(last, 9)==NULL ) return sqlite3_column_int64(last, 11) ? "this list has no cursor to go on from" : "";
  return NULL;
}

static void sync_resume(syncing *s, sqlite3_stmt *last){
  s->run = sqlite3_column_int64(last, 0);
  copy_text(s->cursor, sizeof s->cursor, last, 9);
  s->next_offset = sqlite3_column_int64(last, 10);
  s->rows = sqlite3_column_int64(last, 11);
  s->total = sqlite3_column_type(last, 12)==SQLITE_NULL ? -1 : sqlite3_column_int64(last, 12);
  s->page = sqlite3_column_int64(last, 13);
  s->requests = s->requests_before = sqlite3_column_int64(last, 14);
  s->retries = s->retries_before = sqlite3_column_int64(last, 15);
  s->elapsed_before = sqlite3_column_int64(last, 16);
  copy_text(s->newest, sizeof s->newest, last, 17);
  copy_text(s->watermark, sizeof s->watermark, last, 18);
  copy_text(s->server_time, sizeof s->server_time, last, 19);
  const char *state = (const char *)sqlite3_column_text(last, 1);
  s->phase = state && strcmp(state, "fetched")==0 ? SYNC_MERGE : SYNC_FETCH;
  s->opening = "resumed";
}

static int run_new(syncing *s, const char *identity, const char *columns){
  int rc = staging_create(s);
  if( rc==SQLITE_OK ) rc = sql_run(s->db, "INSERT INTO \"%w\"." STATE_TABLE "(source,target,started,state,identity,columns,staging) "
    "VALUES(%Q,%Q,strftime('%%Y-%%m-%%dT%%H:%%M:%%SZ','now'),'fetching',%Q,%Q,%Q)", s->schema, s->source, s->target, identity, columns, s->staging);
  s->run = sqlite3_last_insert_rowid(s->db);
  s->phase = SYNC_FETCH;
  return rc;
}

/* The mark of the last finished run, if what it left can be built upon. */
static int watermark_find(syncing *s, const char *identity, const char *columns){
  sqlite3_stmt *stmt;
  sqlite3_int64 exists;
  const char *why = NULL;
  int rc = table_exists(s, s->target, &exists);
  if( rc==SQLITE_OK ) rc = sql_prepare(s->db, &stmt, "SELECT mark, identity=%Q, columns=%Q, source=%Q FROM \"%w\"." STATE_TABLE
    " WHERE target=%Q COLLATE NOCASE AND state='done' ORDER BY run DESC LIMIT 1", identity, columns, s->source, s->schema, s->target);
  if( rc!=SQLITE_OK ) return rc;
  if( sqlite3_step(stmt)!=SQLITE_ROW || !exists ) why = "there is no finished sync to build upon: everything is fetched";
  else if( !sqlite3_column_int(stmt, 1) || !sqlite3_column_int(stmt, 3) ) why = "the last finished sync was of another source, host or key: everything is fetched";
  else if( !sqlite3_column_int(stmt, 2) ) why = "the fields have changed since the last finished sync: everything is fetched";
  else copy_text(s->watermark, sizeof s->watermark, stmt, 0);
  if( why==NULL && s->edited<0 ) why = "this source has no time of its last change: everything is fetched";
  else if( why==NULL && s->watermark[0]==0 ) why = "the last finished sync saw no time of a change: everything is fetched";
  if( why ){
    s->changes = 0;
    s->watermark[0] = 0;
    sync_note(s, why);
  }
  return sqlite3_finalize(stmt);
}

static int at_work(const syncing *s, char **error){
  return sync_error(error, "ortto: another sync into '%s' is at work; wait for it (SELECT * FROM " STATE_TABLE " shows how far it is). If you "
    "are sure that there is none: UPDATE " STATE_TABLE " SET owner=NULL WHERE target='%s'", s->target, s->target);
}

/* Takes the target: a run that can be taken up, or a new one. In a transaction. */
static int sync_claim_inside(syncing *s, char **error){
  char identity[20], columns[20];
  sqlite3_stmt *last = NULL;
  const char *why = NULL;
  int changes = s->changes, unfinished = 0;
  sqlite3_snprintf(sizeof identity, identity, "%016llx", (unsigned long long)ortto_endpoint_identity(s->endpoint));
  sqlite3_snprintf(sizeof columns, columns, "%016llx", (unsigned long long)ortto_fields_identity(s->fields));
  int rc = state_create(s);
  if( rc==SQLITE_OK && changes ) rc = watermark_find(s, identity, columns);
  if( rc==SQLITE_OK ) rc = sql_prepare(s->db, &last, "SELECT run, state, owner, strftime('%%s','now')-beat, source, identity, columns, mode, "
    "strftime('%%s','now')-strftime('%%s',started), cursor_id, next_offset, rows, total, page, requests, retries, elapsed_ms, newest, mark, server_time, staging FROM \"%w\"."
    STATE_TABLE " WHERE target=%Q COLLATE NOCASE ORDER BY run DESC LIMIT 1", s->schema, s->target);
  if( rc!=SQLITE_OK ) return rc;
  rc = sqlite3_step(last);
  if( rc==SQLITE_ROW ){
    const char *state = (const char *)sqlite3_column_text(last, 1);
    unfinished = state && strcmp(state, "done")!=0 && strcmp(state, "abandoned")!=0;
    if( unfinished && sqlite3_column_text(last, 20) ){
      sqlite3_free(s->staging);
      s->staging = sqlite3_mprintf("%s", sqlite3_column_text(last, 20));
    }
    if( s->staging==NULL ){
      sqlite3_finalize(last);
      return SQLITE_NOMEM;
    }
    if( unfinished && owner_lives((const char *)sqlite3_column_text(last, 2), sqlite3_column_int64(last, 3)) ){
      sqlite3_finalize(last);
      return at_work(s, error);
    }
    if( unfinished ) why = not_resumable(s, last, identity, columns);
  }
  if( unfinished && why==NULL ){
    sync_resume(s, last);
    if( !changes ) s->watermark[0] = 0;
  }
  sqlite3_int64 old = unfinished && why ? sqlite3_column_int64(last, 0) : 0;
  rc = sqlite3_finalize(last);
  if( rc==SQLITE_OK && old ){
    rc = sql_run(s->db, "UPDATE \"%w\"." STATE_TABLE " SET state='abandoned', owner=NULL, finished=coalesce(finished,strftime('%%Y-%%m-%%dT%%H:%%M:%%SZ','now')) WHERE run=%lld", s->schema, old);
    if( why[0] ){
      s->opening = "restarted";
      sync_note(s, why);
    }
  }
  if( rc==SQLITE_OK && s->run==0 ) rc = run_new(s, identity, columns);
  if( rc==SQLITE_OK ) rc = state_write(s, s->phase==SYNC_MERGE ? "fetched" : "fetching", 0, NULL);
  return rc;
}

/* Is another run at work? Asked without a lock, as the other one may be waiting for the lock that our SELECT holds. */
static int sync_claim_peek(const syncing *s, char **error){
  sqlite3_stmt *last;
  int lives = 0;
  if( sql_prepare(s->db, &last, "SELECT owner, strftime('%%s','now')-beat FROM \"%w\"." STATE_TABLE " WHERE target=%Q COLLATE NOCASE AND state NOT IN "
                  "('done','abandoned') ORDER BY run DESC LIMIT 1", s->schema, s->target)!=SQLITE_OK ) return SQLITE_OK;   /* no run yet */
  if( sqlite3_step(last)==SQLITE_ROW ) lives = owner_lives((const char *)sqlite3_column_text(last, 0), sqlite3_column_int64(last, 1));
  sqlite3_finalize(last);
  return lives ? at_work(s, error) : SQLITE_OK;
}

int sync_claim(syncing *s, char **error){
  int rc = sync_claim_peek(s, error);
  if( rc==SQLITE_OK ) rc = sync_begin(s);
  if( *error ) return rc;
  if( rc!=SQLITE_OK ) return sync_local(s, rc, error);
  sync_lock_acquire(s);
  rc = target_check(s, error);
  if( rc==SQLITE_OK ) rc = sync_claim_inside(s, error);
  rc = sync_end(s, rc, error);
  s->claimed = rc==SQLITE_OK;
  return rc;
}

int sync_start_over(syncing *s, const char *why, char **error){
  ortto_reader_close(s->reader);
  s->reader = NULL;
  sync_note(s, why);
  s->opening = "restarted";
  s->rows = s->page = s->next_offset = 0;
  s->total = -1;
  s->cursor[0] = s->newest[0] = s->last[0] = s->server_time[0] = 0;
  int rc = sync_begin(s);
  if( rc!=SQLITE_OK ) return sync_local(s, rc, error);
  rc = sql_run(s->db, "DELETE FROM \"%w\".\"%w\"", s->schema, s->staging);
  if( rc==SQLITE_OK ) rc = state_write(s, "fetching", 0, NULL);
  return sync_end(s, rc, error);
}
