/*
** spool.c - see spool.h.
*/
#include "spool.h"

#include "sql.h"

static const char schema[] =
  "PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF; PRAGMA cache_size=-4000;"
  "CREATE TABLE held(place INTEGER PRIMARY KEY, owner INTEGER, kind TEXT, id TEXT, email TEXT, record TEXT);"
  "CREATE TABLE failures(number INTEGER PRIMARY KEY, at TEXT, table_name TEXT, operation TEXT, id TEXT, "
  "email TEXT, status INTEGER, message TEXT, sent TEXT, gone INTEGER);"
  "CREATE TABLE tags(id TEXT PRIMARY KEY, names TEXT);";

static int spool_open(spool *s){
  if( s->db ) return SQLITE_OK;
  int rc = sqlite3_open_v2("", &s->db, SQLITE_OPEN_READWRITE|SQLITE_OPEN_CREATE, NULL);
  if( rc==SQLITE_OK ) rc = sqlite3_exec(s->db, schema, NULL, NULL, NULL);
  if( rc!=SQLITE_OK ){
    sqlite3_close(s->db);
    s->db = NULL;
  }
  return rc;
}

void spool_close(spool *s){
  sqlite3_finalize(s->insert_row);
  sqlite3_finalize(s->insert_failure);
  sqlite3_close(s->db);
}

/* -- the user's transaction -- */

/* Without it every row would be a transaction. One that could not be ended for want of memory is used on: its
** rows are of transactions that are over. */
static int spool_hold(spool *s){
  if( s->damaged ) return SQLITE_ABORT;
  if( s->open ) return SQLITE_OK;
  int rc = sqlite3_get_autocommit(s->db) ? sql_run(s->db, "BEGIN") : SQLITE_OK;
  s->open = rc==SQLITE_OK;
  return rc;
}

int spool_sound(spool *s){
  if( s->open && sqlite3_get_autocommit(s->db) ){
    s->open = 0;
    s->damaged = 1;
  }
  return !s->damaged;
}

int spool_keep(spool *s){
  if( !spool_sound(s) ) return SQLITE_ABORT;
  if( !s->open ) return SQLITE_OK;
  int rc = sql_run(s->db, "COMMIT");
  if( rc==SQLITE_OK ) s->open = 0;
  else s->damaged = 1;
  return rc;
}

/* Rows that cannot be deleted are of a transaction that is over: nobody asks for them. */
static void spool_end(spool *s){
  s->since = s->place;
  if( s->db==NULL ) return;
  if( s->waiting || s->damaged ) sql_run(s->db, "DELETE FROM held");
  if( !sqlite3_get_autocommit(s->db) && sql_run(s->db, "COMMIT")!=SQLITE_OK ) sql_run(s->db, "ROLLBACK");
  s->open = s->waiting = s->damaged = 0;
}

/* Room for one more. */
static int savepoints_room(writes *w){
  if( w->count<w->cap ) return SQLITE_OK;
  int cap = w->cap ? w->cap*2 : 8;
  savepoint *grown = sqlite3_realloc64(w->savepoints, (sqlite3_uint64)cap * sizeof *grown);
  if( grown==NULL ) return SQLITE_NOMEM;
  w->savepoints = grown;
  w->cap = cap;
  return SQLITE_OK;
}

int writes_begin(writes *w, spool *s){
  w->count = 0;
  int rc = savepoints_room(w);
  if( rc!=SQLITE_OK ) return rc;
  s->users += !w->open;
  w->open = 1;
  return SQLITE_OK;
}

void writes_end(writes *w, spool *s){
  if( !w->open ) return;
  w->open = w->count = 0;
  if( --s->users==0 ) spool_end(s);
}

void writes_release(writes *w, int number){
  while( w->count && w->savepoints[w->count-1].number>=number ) w->count--;
}

/* There always is room for one more than there are: SQLite rolls back to the one that could not be made, and
** without its place all rows would go. */
int writes_savepoint(writes *w, const spool *s, int number){
  if( !w->open ) return SQLITE_OK;
  writes_release(w, number);
  int rc = savepoints_room(w);
  if( rc!=SQLITE_OK ) return rc;
  w->savepoints[w->count++] = (savepoint){ number, s->place };
  return savepoints_room(w);
}

sqlite3_int64 writes_rollback(writes *w, int number){
  while( w->count && w->savepoints[w->count-1].number>number ) w->count--;
  int found = w->count && w->savepoints[w->count-1].number==number;
  return found ? w->savepoints[w->count-1].place : 0;
}

/* An insert that is kept prepared. */
static int insert_prepare(spool *s, sqlite3_stmt **insert, const char *sql){
  if( *insert ) return SQLITE_OK;
  return sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, insert, NULL);
}

static int insert_run(sqlite3_stmt *insert){
  sqlite3_step(insert);
  int rc = sqlite3_reset(insert);
  sqlite3_clear_bindings(insert);
  return rc;
}

/* -- rows held back -- */

int spool_insert(spool *s, sqlite3_int64 owner, char kind, const char *id, const char *email,
                 const char *record){
  int rc = spool_open(s);
  if( rc==SQLITE_OK ) rc = insert_prepare(s, &s->insert_row,
    "INSERT INTO held(place,owner,kind,id,email,record) VALUES(?,?,?,?,?,?)");
  if( rc==SQLITE_OK ) rc = spool_hold(s);
  if( rc!=SQLITE_OK ) return rc;
  s->waiting = 1;
  sqlite3_bind_int64(s->insert_row, 1, ++s->place);
  sqlite3_bind_int64(s->insert_row, 2, owner);
  sqlite3_bind_text(s->insert_row, 3, &kind, 1, SQLITE_STATIC);
  sqlite3_bind_text(s->insert_row, 4, id, -1, SQLITE_STATIC);
  sqlite3_bind_text(s->insert_row, 5, email, -1, SQLITE_STATIC);
  sqlite3_bind_text(s->insert_row, 6, record, -1, SQLITE_STATIC);
  rc = insert_run(s->insert_row);
  spool_sound(s);
  return rc;
}

void spool_delete(spool *s, sqlite3_int64 owner, sqlite3_int64 after){
  sqlite3_int64 left = 0;
  if( s->db==NULL || !s->waiting ) return;
  int rc = sql_run(s->db, "DELETE FROM held WHERE place>%lld AND owner=%lld", after, owner);
  if( rc==SQLITE_OK )
    rc = sql_integer(s->db, &left, "SELECT EXISTS (SELECT 1 FROM held WHERE place>%lld)", s->since);
  if( rc!=SQLITE_OK ) s->damaged = 1;
  else s->waiting = left!=0;
  spool_sound(s);
}

int spool_count(const spool *s, sqlite3_int64 owner, sqlite3_int64 *rows){
  *rows = 0;
  if( s->db==NULL ) return SQLITE_OK;
  return sql_integer(s->db, rows, "SELECT count(*) FROM held WHERE owner=%lld AND place>%lld", owner,
                     s->since);
}

/* A record that is changed twice counts once. */
int spool_changes(const spool *s, sqlite3_int64 *updates, sqlite3_int64 *deletes){
  static const char count[] =
    "SELECT count(*) FROM (SELECT DISTINCT owner, id FROM held WHERE place>%lld AND instr('%c%c', kind))";
  int rc = sql_integer(s->db, updates, count, s->since, SPOOL_UPDATE, SPOOL_UPDATE_TAGS);
  return rc==SQLITE_OK ? sql_integer(s->db, deletes, count, s->since, SPOOL_DELETE, SPOOL_DELETE) : rc;
}

int spool_rows(const spool *s, sqlite3_stmt **rows, sqlite3_int64 owner, sqlite3_int64 from, int limit){
  return sql_prepare(s->db, rows, "SELECT place, kind, id, email, record, owner FROM held WHERE owner=%lld "
                     "AND place>=%lld ORDER BY place LIMIT %d", owner, from>s->since ? from : s->since + 1,
                     limit);
}

int spool_pending(const spool *s, sqlite3_stmt **rows){
  *rows = NULL;
  if( s->db==NULL ) return SQLITE_OK;
  return sql_prepare(s->db, rows, "SELECT place, kind, id, email, record, owner FROM held WHERE place>%lld "
                     "ORDER BY place", s->since);
}

/* The tags of an UPDATE stand beside the fields. */
int spool_members(const spool *s, sqlite3_stmt **members, sqlite3_value *record){
  int rc = sql_prepare(s->db, members,
    "SELECT key, ?1 -> fullkey FROM json_each(?1,'$.fields') UNION ALL "
    "SELECT 'tags', ?1 -> '$.tags' WHERE json_type(?1,'$.tags') IS NOT NULL");
  return rc==SQLITE_OK ? sqlite3_bind_value(*members, 1, record) : rc;
}

/* -- rows that could not be delivered -- */

int spool_fail(spool *s, const spool_failure *failure, sqlite3_stmt *row){
  int rc = insert_prepare(s, &s->insert_failure,
    "INSERT INTO failures(at,table_name,operation,id,email,status,message,sent) "
    "VALUES(strftime('%Y-%m-%dT%H:%M:%fZ','now'),?,?,?,?,?,?,?)");
  if( rc!=SQLITE_OK ) return rc;
  sqlite3_bind_text(s->insert_failure, 1, failure->table, -1, SQLITE_STATIC);
  sqlite3_bind_text(s->insert_failure, 2, failure->operation, -1, SQLITE_STATIC);
  sqlite3_bind_value(s->insert_failure, 3, sqlite3_column_value(row, SPOOL_ID));
  sqlite3_bind_value(s->insert_failure, 4, sqlite3_column_value(row, SPOOL_EMAIL));
  sqlite3_bind_int(s->insert_failure, 5, failure->status);
  sqlite3_bind_text(s->insert_failure, 6, failure->message, -1, SQLITE_STATIC);
  sqlite3_bind_text64(s->insert_failure, 7, failure->sent, failure->sent_length, SQLITE_STATIC, SQLITE_UTF8);
  return insert_run(s->insert_failure);
}

/* A mark of a transaction that is over did not become a deletion: it counts no more. */
int spool_failures(const spool *s, sqlite3_stmt **rows){
  *rows = NULL;
  if( s->db==NULL ) return SQLITE_OK;
  return sql_prepare(s->db, rows, "SELECT number, at, table_name, operation, id, email, status, message, "
                     "sent FROM failures WHERE gone IS NULL OR gone<=%lld ORDER BY number", s->since);
}

int spool_failure_delete(spool *s, sqlite3_int64 number){
  int rc = spool_hold(s);
  if( rc==SQLITE_OK )
    rc = sql_run(s->db, "UPDATE failures SET gone=%lld WHERE number=%lld", ++s->place, number);
  spool_sound(s);
  return rc;
}

void spool_failures_restore(spool *s, sqlite3_int64 after){
  if( s->db==NULL || after>=s->place ) return;
  if( sql_run(s->db, "UPDATE failures SET gone=NULL WHERE gone>%lld", after)!=SQLITE_OK ) s->damaged = 1;
  spool_sound(s);
}

void spool_failures_commit(spool *s){
  if( s->db ) sql_run(s->db, "DELETE FROM failures WHERE gone>%lld", s->since);
}

/* -- tags before a delivery -- */

int spool_tags_clear(spool *s){
  return sql_run(s->db, "DELETE FROM tags");
}

int spool_tags_begin(spool *s, sqlite3_stmt **ids, sqlite3_int64 owner){
  return sql_prepare(s->db, ids, "INSERT INTO tags SELECT DISTINCT id, NULL FROM held WHERE owner=%lld AND "
                     "place>%lld AND kind='%c' AND id NOT IN (SELECT id FROM tags) LIMIT %d RETURNING id",
                     owner, s->since, SPOOL_UPDATE_TAGS, SPOOL_TAGS_MAX);
}

int spool_tags_set(spool *s, const char *id, size_t id_n, const char *tags, size_t n){
  return sql_run(s->db, "UPDATE tags SET names=%.*Q WHERE id=%.*Q", (int)n, tags, (int)id_n, id);
}

int spool_tags_known(const spool *s, const char *id, int *listed, int *known){
  sqlite3_int64 found;                          /* of the id, and of its tags */
  int rc = sql_integer(s->db, &found, "SELECT count(*) + count(names) FROM tags WHERE id=%Q", id);
  *listed = found>0;
  *known = found>1;
  return rc;
}

int spool_tags_replace(spool *s, const char *id, const char *record, char **gone){
  sqlite3_stmt *stmt;
  *gone = NULL;
  int rc = sql_prepare(s->db, &stmt,
    "SELECT json_group_array(value) FROM json_each((SELECT names FROM tags WHERE id=?1)) "
    "WHERE value NOT IN (SELECT value FROM json_each(?2,'$.tags'))");
  if( rc!=SQLITE_OK ) return rc;
  sqlite3_bind_text(stmt, 1, id, -1, SQLITE_STATIC);
  sqlite3_bind_text(stmt, 2, record, -1, SQLITE_STATIC);
  const char *list = sqlite3_step(stmt)==SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
  if( list ) *gone = sqlite3_mprintf("%s", list);   /* NULL: no memory for it */
  rc = sqlite3_finalize(stmt);
  if( *gone==NULL ) return rc!=SQLITE_OK ? rc : SQLITE_NOMEM;
  return sql_run(s->db, "UPDATE tags SET names=json_extract(%Q,'$.tags') WHERE id=%Q", record, id);
}
