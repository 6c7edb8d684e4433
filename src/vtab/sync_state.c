/*
** sync_state.c - see sync_state.h.
*/
#include "sync_state.h"

#include <stdio.h>
#include <string.h>

#include "../text.h"
#include "sql.h"
#include "sync_lock.h"
#include "sync_target.h"
#include "sync_filled.h"
#include "sync_log.h"
#include "sync_compare.h"

#define RESUME_SECONDS (24*3600)   /* a run that began before that is not taken up */
#define UTC_NOW "strftime('%%Y-%%m-%%dT%%H:%%M:%%SZ','now')"   /* in a format */
#define SECONDS_NOW "strftime('%%s','now')"

/* One that somebody else made, or a version that is not known here, is told so. */
static int state_check(const sync_run *s, char **error){
  sqlite3_int64 other;
  int rc = name_is_other(s, STATE_TABLE, &other);
  if( rc==SQLITE_OK && !other )
    rc = sql_integer(s->db, &other,
      "SELECT 1 FROM (SELECT run, source, target, mode, started, finished, state, rows, total, page, "
      "inserted, updated, deleted, unchanged, requests, retries, elapsed_ms, cursor_id, next_offset, error, "
      "message, newest, mark, server_time, identity, columns, staging, owner, beat "
      "FROM \"%w\"." STATE_TABLE ") LIMIT 0", s->schema);
  if( (rc & 0xff)!=SQLITE_ERROR && !other ) return rc;
  return error_set(error,
    "ortto: %s." STATE_TABLE " is no table of syncs that this version can go on with (%s). "
    "Rename or drop it: then the next sync makes one, and fetches everything",
    s->schema, other ? "it is a view or a virtual table" : sqlite3_errmsg(s->db));
}

/* A table of before has no column `filled`. */
static int state_widen(const sync_run *s){
  sqlite3_int64 none;
  int rc = sql_integer(s->db, &none, "SELECT filled FROM \"%w\"." STATE_TABLE " LIMIT 0", s->schema);
  if( (rc & 0xff)!=SQLITE_ERROR ) return rc;
  return sql_run(s->db, "ALTER TABLE \"%w\"." STATE_TABLE " ADD COLUMN filled TEXT", s->schema);
}

static int state_prepare(const sync_run *s, sqlite3_stmt **stmt, const char *state, int finished,
                         const char *error){
  return sql_prepare(s->db, stmt,
    "UPDATE \"%w\"." STATE_TABLE " SET state=%Q, mode=%Q, rows=%lld, total=?1, page=%lld, "
    "inserted=%lld, updated=%lld, deleted=%lld, unchanged=%lld, "
    "requests=%lld, retries=%lld, elapsed_ms=%lld, "
    "cursor_id=nullif(%Q,''), next_offset=%lld, error=%Q, message=nullif(%Q,''), "
    "newest=nullif(%Q,''), mark=nullif(%Q,''), server_time=nullif(%Q,''), "
    "owner=%Q, beat=" SECONDS_NOW ", finished=CASE WHEN %d THEN " UTC_NOW " END "
    "WHERE run=%lld AND (%d OR owner=%Q)",
    s->schema, state, s->changes ? "changes" : "full", s->rows, s->page,
    s->inserted, s->updated, s->deleted, s->unchanged,
    s->requests, s->retries, sync_elapsed(s),
    s->cursor, s->next_offset, error, s->message,
    s->newest, s->watermark, s->server_time,
    finished ? NULL : s->owner, finished,
    s->run, !s->claimed, s->owner);
}

int state_write(const sync_run *s, const char *state, int finished, const char *error){
  sqlite3_stmt *stmt;
  int rc = state_prepare(s, &stmt, state, finished, error);
  if( rc!=SQLITE_OK ) return rc;
  if( s->total>=0 ) sqlite3_bind_int64(stmt, 1, s->total);
  rc = sql_finish(stmt);
  return rc==SQLITE_OK && sqlite3_changes(s->db)==0 ? TAKEN_OVER : rc;
}

/* What two runs must have in common for one to go on where the other stopped. */
typedef struct likeness {
  char identity[20];               /* of host and key */
  char columns[20];                /* of the fields, and of the segment */
} likeness;

static likeness likeness_of(const sync_run *s){
  likeness like;
  unsigned long long identity = ortto_endpoint_identity(s->endpoint);
  unsigned long long columns = ortto_fields_identity(s->fields);
  if( s->args.audience ) columns = hash_bytes(columns, s->args.audience, strlen(s->args.audience) + 1);
  if( s->args.filter ) columns = hash_bytes(~columns, s->args.filter, strlen(s->args.filter) + 1);
  sqlite3_snprintf(sizeof like.identity, like.identity, "%016llx", identity);
  sqlite3_snprintf(sizeof like.columns, like.columns, "%016llx", columns);
  return like;
}

/* ---- the last run into the same target ----------------------------------------- */

/* Columns of last_run_find's statement. */
enum { LAST_RUN, LAST_STATE, LAST_OWNER, LAST_SILENT, LAST_STAGING,
       LAST_SOURCE, LAST_IDENTITY, LAST_COLUMNS, LAST_MODE, LAST_AGE,
       LAST_CURSOR, LAST_OFFSET, LAST_ROWS, LAST_TOTAL, LAST_PAGE,
       LAST_REQUESTS, LAST_RETRIES, LAST_ELAPSED, LAST_NEWEST, LAST_WATERMARK, LAST_SERVER_TIME };

static int last_run_find(const sync_run *s, sqlite3_stmt **last){
  return sql_prepare(s->db, last,
    "SELECT run, state, owner, " SECONDS_NOW "-beat, staging, "
    "source, identity, columns, mode, " SECONDS_NOW "-strftime('%%s',started), "
    "cursor_id, next_offset, rows, total, page, "
    "requests, retries, elapsed_ms, newest, mark, server_time "
    "FROM \"%w\"." STATE_TABLE " WHERE target=%Q COLLATE NOCASE ORDER BY run DESC LIMIT 1",
    s->schema, s->target);
}

static const char *last_text(sqlite3_stmt *last, int column){
  const char *text = (const char *)sqlite3_column_text(last, column);
  return text ? text : "";
}

static int last_is(sqlite3_stmt *last, int column, const char *text){
  return strcmp(last_text(last, column), text)==0;
}

static int last_is_unfinished(sqlite3_stmt *last){
  const char *state = last_text(last, LAST_STATE);
  return state[0] && strcmp(state, "done")!=0 && strcmp(state, "abandoned")!=0;
}

static void last_copy(char *to, size_t size, sqlite3_stmt *last, int column){
  snprintf(to, size, "%s", last_text(last, column));
}

/* Does the staging table hold the rows that the run counted and has not noted, as they came? What was deleted
** leaves gaps in the rowids. */
static int staging_is_whole(const sync_run *s, sqlite3_int64 rows, int *whole){
  sqlite3_int64 staged, noted = 0;
  const char *rowid = rowid_name(s);
  int ours;
  *whole = 0;
  int rc = staging_is_ours(s, &ours);
  if( rc!=SQLITE_OK || !ours ) return rc;
  rc = sql_integer(s->db, &staged,
    "SELECT CASE WHEN %d OR count(*)=ifnull(max(%s),0) THEN count(*) ELSE -1 END FROM \"%w\".\"%w\"",
    rowid==NULL, rowid ? rowid : "NULL", s->schema, s->staging);
  if( rc==SQLITE_OK ) rc = compare_noted(s, &noted);
  *whole = rc==SQLITE_OK && staged>=0 && staged+noted==rows;
  return rc;
}

static const char touched[] = "what the earlier run had fetched was touched";

/* In what an unfinished run is not like this one; NULL: in nothing. */
static const char *not_alike(const sync_run *s, sqlite3_stmt *last, const likeness *like){
  sqlite3_int64 age = sqlite3_column_int64(last, LAST_AGE);
  const char *source = last_text(last, LAST_SOURCE);
  if( !last_is(last, LAST_IDENTITY, like->identity) ) return "the earlier run was of another host or key";
  if( sqlite3_stricmp(source, s->source)!=0 ) return "the earlier run was of another source";
  if( last_is(last, LAST_COLUMNS, "touched") ) return touched;
  if( !last_is(last, LAST_COLUMNS, like->columns) ) return "the fields have changed since the earlier run";
  if( last_is(last, LAST_MODE, "changes")!=s->changes ) return "the earlier run was of another mode";
  return age>RESUME_SECONDS ? "the earlier run is more than 24 hours old" : NULL;
}

/* Did it get fewer rows than there are before its place in the list? A reader tells at the list's end, but of
** what it has read itself. Of changes those before the watermark are no rows. */
static int has_passed_over(sqlite3_stmt *last){
  return !last_is(last, LAST_STATE, "fetched") && !last_is(last, LAST_MODE, "changes")
      && sqlite3_column_int64(last, LAST_ROWS)<sqlite3_column_int64(last, LAST_OFFSET);
}

/* Why an unfinished run cannot be taken up: *why is "" if there is nothing in it worth a word, and NULL if it
** can. */
static int not_resumable(const sync_run *s, sqlite3_stmt *last, const likeness *like, const char **why){
  sqlite3_int64 rows = sqlite3_column_int64(last, LAST_ROWS), exists = 0;
  int whole = 0;
  *why = not_alike(s, last, like);
  if( *why ) return SQLITE_OK;
  int rc = table_exists(s, s->staging, &exists);
  if( rc==SQLITE_OK && exists ) rc = staging_is_whole(s, rows, &whole);
  int has_cursor = s->kind<=ORTTO_ACCOUNTS && sqlite3_column_text(last, LAST_CURSOR);
  if( !exists ) *why = "what the earlier run had fetched is gone";
  else if( !whole ) *why = touched;
  else if( !has_cursor && !last_is(last, LAST_STATE, "fetched") )
    *why = rows ? "this list has no cursor to go on from" : "";
  else if( has_passed_over(last) ) *why = "the earlier run had got fewer rows than it should have by then";
  return rc;
}

static void run_resume(sync_run *s, sqlite3_stmt *last){
  s->run = sqlite3_column_int64(last, LAST_RUN);
  last_copy(s->cursor, sizeof s->cursor, last, LAST_CURSOR);
  s->next_offset = sqlite3_column_int64(last, LAST_OFFSET);
  s->rows = sqlite3_column_int64(last, LAST_ROWS);
  s->total = -1;
  if( sqlite3_column_type(last, LAST_TOTAL)!=SQLITE_NULL ) s->total = sqlite3_column_int64(last, LAST_TOTAL);
  s->page = sqlite3_column_int64(last, LAST_PAGE);
  s->requests = s->requests_before = sqlite3_column_int64(last, LAST_REQUESTS);
  s->retries = s->retries_before = sqlite3_column_int64(last, LAST_RETRIES);
  s->elapsed_before = sqlite3_column_int64(last, LAST_ELAPSED);
  last_copy(s->newest, sizeof s->newest, last, LAST_NEWEST);
  last_copy(s->watermark, sizeof s->watermark, last, LAST_WATERMARK);
  last_copy(s->server_time, sizeof s->server_time, last, LAST_SERVER_TIME);
  s->phase = last_is(last, LAST_STATE, "fetched") ? SYNC_MERGE : SYNC_FETCH;
  s->opening = "resumed";
}

static int run_abandon(sync_run *s, sqlite3_int64 run, const char *why){
  int rc = sql_run(s->db,
    "UPDATE \"%w\"." STATE_TABLE " SET state='abandoned', owner=NULL, "
    "finished=coalesce(finished," UTC_NOW ") WHERE run=%lld", s->schema, run);
  if( why[0]==0 ) return rc;
  s->opening = "restarted";
  sync_note(s, why);
  return rc;
}

static int at_work(const sync_run *s, char **error){
  return error_set(error,
    "ortto: another sync into '%s' is at work; wait for it "
    "(SELECT * FROM \"%w\"." STATE_TABLE " shows how far it is). If you are sure that there is none: "
    "UPDATE \"%w\"." STATE_TABLE " SET owner=NULL WHERE target=%Q",
    s->target, s->schema, s->schema, s->target);
}

/* Its staging table is the one to go on with. A name that is none of ours is not taken from there. */
static int staging_adopt(sync_run *s, sqlite3_stmt *last){
  if( sqlite3_strnicmp(last_text(last, LAST_STAGING), "ortto_staging_", 14)!=0 ) return SQLITE_OK;
  sqlite3_free(s->staging);
  s->staging = sqlite3_mprintf("%s", last_text(last, LAST_STAGING));
  return s->staging ? SQLITE_OK : SQLITE_NOMEM;
}

/* An unfinished run is taken up, or given up; a living one is an error. */
static int last_run_judge(sync_run *s, const likeness *like, char **error){
  sqlite3_stmt *last;
  const char *why = NULL;
  int rc = last_run_find(s, &last);
  if( rc!=SQLITE_OK ) return rc;
  if( sqlite3_step(last)!=SQLITE_ROW || !last_is_unfinished(last) ) return sqlite3_finalize(last);
  sqlite3_int64 run = sqlite3_column_int64(last, LAST_RUN);
  rc = staging_adopt(s, last);
  int lives = owner_lives(s, last_text(last, LAST_OWNER), sqlite3_column_int64(last, LAST_SILENT));
  if( rc==SQLITE_OK && lives ) rc = at_work(s, error);
  if( rc==SQLITE_OK ) rc = not_resumable(s, last, like, &why);
  if( rc==SQLITE_OK && why==NULL ) run_resume(s, last);
  if( rc==SQLITE_OK && why==NULL ) rc = compare_begin(s, 0);
  int finished = sqlite3_finalize(last);
  if( rc==SQLITE_OK ) rc = finished;
  return rc==SQLITE_OK && why ? run_abandon(s, run, why) : rc;
}

/* ---- a new run ------------------------------------------------------------------- */

static int run_new(sync_run *s, const likeness *like){
  int rc = staging_create(s);
  if( rc==SQLITE_OK ) rc = compare_begin(s, 1);
  if( rc==SQLITE_OK )
    rc = sql_run(s->db,
      "INSERT INTO \"%w\"." STATE_TABLE "(source,target,started,state,identity,columns,staging) "
      "VALUES(%Q,%Q," UTC_NOW ",'fetching',%Q,%Q,%Q)",
      s->schema, s->source, s->target, like->identity, like->columns, s->staging);
  s->run = sqlite3_last_insert_rowid(s->db);
  s->phase = SYNC_FETCH;
  return rc;
}

/* Why the last finished run cannot be built upon; NULL if it can. The statement is watermark_find's. */
static const char *no_watermark(const sync_run *s, sqlite3_stmt *done, int found){
  if( !found ) return "there is no finished sync to build upon: everything is fetched";
  if( !sqlite3_column_int(done, 1) )
    return "the last finished sync was of another source, host or key: everything is fetched";
  if( !sqlite3_column_int(done, 2) )
    return "the fields have changed since the last finished sync: everything is fetched";
  if( s->edited<0 ) return "this source has no time of its last change: everything is fetched";
  if( last_is(done, 0, "") ) return "the last finished sync saw no time of a change: everything is fetched";
  return NULL;
}

/* The watermark of the last finished run, if what it left can be built upon; else a full refresh. */
static int watermark_find(sync_run *s, const likeness *like){
  sqlite3_stmt *done;
  int rc = sql_prepare(s->db, &done,
    "SELECT mark, identity=%Q AND source=%Q COLLATE NOCASE, columns=%Q FROM \"%w\"." STATE_TABLE
    " WHERE target=%Q COLLATE NOCASE AND state='done' ORDER BY run DESC LIMIT 1",
    like->identity, s->source, like->columns, s->schema, s->target);
  if( rc!=SQLITE_OK ) return rc;
  int found = sqlite3_step(done)==SQLITE_ROW && s->local.count>0;
  const char *why = no_watermark(s, done, found);
  if( why ){
    s->changes = 0;
    sync_note(s, why);
  }else last_copy(s->watermark, sizeof s->watermark, done, 0);
  return sqlite3_finalize(done);
}

/* ---- from outside ------------------------------------------------------------------ */

/* As it was before it was tried to claim the target; the name of a staging table stays. */
static void claim_forget(sync_run *s, const sync_run *asked){
  s->changes = asked->changes;
  s->run = 0;
  s->phase = asked->phase;
  s->opening = NULL;
  s->rows = s->page = s->next_offset = s->alike = 0;
  s->requests = s->requests_before = s->retries = s->retries_before = s->elapsed_before = 0;
  s->total = -1;
  s->cursor[0] = s->newest[0] = s->watermark[0] = s->server_time[0] = 0;
  memcpy(s->message, asked->message, sizeof s->message);
}

/* Takes the target, in a transaction: a run that can be taken up, or a new one. */
static int claim_inside(sync_run *s, void *asked, char **error){
  claim_forget(s, asked);
  int changes = s->changes;                      /* as asked for, whatever there is to build upon */
  likeness like = likeness_of(s);
  int rc = target_check(s, error);
  if( rc==SQLITE_OK ) rc = state_check(s, error);
  if( rc==SQLITE_OK ) rc = state_widen(s);
  if( rc==SQLITE_OK ) rc = filled_check(s, error);
  if( rc==SQLITE_OK ) rc = log_check(s, error);
  if( rc==SQLITE_OK && changes ) rc = watermark_find(s, &like);
  if( rc==SQLITE_OK ) rc = last_run_judge(s, &like, error);
  if( rc==SQLITE_OK && !changes ) s->watermark[0] = 0;
  if( rc==SQLITE_OK && s->run==0 ) rc = run_new(s, &like);
  const char *state = s->phase==SYNC_MERGE ? "fetched" : "fetching";
  return rc==SQLITE_OK ? state_write(s, state, 0, NULL) : rc;
}

/* What the state says of another run: nothing, that it lives, or that somebody has taken its mark away. */
typedef enum { OTHERS_NONE, OTHERS_LIVE, OTHERS_UNMARKED } others_state;

static others_state others_find(const sync_run *s){
  sqlite3_stmt *last;
  sqlite3_int64 there = 0;
  others_state found = OTHERS_NONE;
  /* SQLite looks for a table that is not there in all attached files, and waits for their locks. */
  int rc = sql_integer(s->db, &there,
    "SELECT count(*) FROM \"%w\".sqlite_schema WHERE name='" STATE_TABLE "'", s->schema);
  if( rc!=SQLITE_OK || there==0 ) return OTHERS_NONE;
  rc = sql_prepare(s->db, &last,
    "SELECT owner, " SECONDS_NOW "-beat, finished FROM \"%w\"." STATE_TABLE " WHERE target=%Q COLLATE NOCASE "
    "AND state NOT IN ('done','abandoned') ORDER BY run DESC LIMIT 1", s->schema, s->target);
  if( rc!=SQLITE_OK ) return OTHERS_NONE;
  if( sqlite3_step(last)==SQLITE_ROW ){
    const char *owner = last_text(last, 0);
    if( owner_lives(s, owner, sqlite3_column_int64(last, 1)) ) found = OTHERS_LIVE;
    else if( owner[0]==0 && last_is(last, 2, "") ) found = OTHERS_UNMARKED;
  }
  sqlite3_finalize(last);
  return found;
}

/* Without a lock in the way nothing is read in a transaction of the user's: there it would stay locked, or be
** outdated when it is to be written. */
int sync_others_check(sync_run *s, char **error){
  if( s->nested && !s->lock_is_held ) return SQLITE_OK;
  sync_waits_begin(s);
  others_state others = others_find(s);
  sync_waits_end(s);
  int alone = s->lock_is_held ? others==OTHERS_UNMARKED : others!=OTHERS_LIVE;
  return alone ? SQLITE_OK : at_work(s, error);
}

int sync_claim(sync_run *s, char **error){
  sync_run asked = *s;
  int rc = sync_transact(s, claim_inside, &asked, error);
  s->claimed = rc==SQLITE_OK;
  return rc;
}

static int start_over_inside(sync_run *s, void *unused, char **error){
  (void)unused;
  (void)error;
  int rc = sql_run(s->db, "DELETE FROM \"%w\".\"%w\"", s->schema, s->staging);
  if( rc==SQLITE_OK ) rc = compare_forget(s);
  return rc==SQLITE_OK ? state_write(s, "fetching", 0, NULL) : rc;
}

int sync_start_over(sync_run *s, const char *why, char **error){
  ortto_reader_close(s->reader);
  s->reader = NULL;
  sync_note(s, why);
  s->opening = "restarted";
  s->phase = SYNC_FETCH;
  s->compares = 0;                               /* once is enough: this time all is staged */
  s->requests_before = s->requests;
  s->retries_before = s->retries;
  s->rows = s->page = s->next_offset = s->alike = 0;
  s->total = -1;
  s->cursor[0] = s->newest[0] = s->last[0] = s->server_time[0] = 0;
  return sync_transact(s, start_over_inside, NULL, error);
}
