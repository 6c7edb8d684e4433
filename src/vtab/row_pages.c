/*
** row_pages.c - see row_pages.h.
*/
#include "row_pages.h"

#include "sql.h"

int pages_result(row_pages *p, int rc){
  if( rc!=SQLITE_OK && rc!=SQLITE_ROW && rc!=SQLITE_DONE ) p->failed = rc;
  return rc;
}

/* One transaction for ever: nothing of it is to outlive the connection. */
int pages_open(row_pages *p){
  if( p->failed ) return p->failed;
  if( p->db ) return SQLITE_OK;
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  int rc = sqlite3_open_v2("", &p->db, flags, NULL);
  if( rc==SQLITE_OK )
    rc = sqlite3_exec(p->db, "PRAGMA page_size=16384; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; "
                      "PRAGMA locking_mode=EXCLUSIVE; PRAGMA cache_size=-16000; BEGIN; "
                      "CREATE TABLE page(number INTEGER PRIMARY KEY, bytes BLOB)", NULL, NULL, NULL);
  if( rc==SQLITE_OK ) rc = sql_prepare(p->db, &p->insert, "INSERT INTO page VALUES(?,?)");
  return pages_result(p, rc);
}

void pages_close(row_pages *p){
  sqlite3_finalize(p->insert);
  sqlite3_close(p->db);
  *p = (row_pages){ 0 };
}

const char *pages_error(const row_pages *p){
  return p->db ? sqlite3_errmsg(p->db) : sqlite3_errstr(p->failed);
}

int pages_put(row_pages *p, sqlite3_int64 number, const void *bytes, size_t n){
  int rc = pages_open(p);
  if( rc!=SQLITE_OK ) return rc;
  sqlite3_bind_int64(p->insert, 1, number);
  rc = sqlite3_bind_blob64(p->insert, 2, bytes, n, SQLITE_STATIC);
  if( rc==SQLITE_OK ){
    sqlite3_step(p->insert);
    rc = sqlite3_reset(p->insert);
  }
  return pages_result(p, rc);
}

sqlite3_int64 pages_new(row_pages *p){
  return --p->below;
}

int pages_delete(row_pages *p, sqlite3_int64 from, sqlite3_int64 to){
  if( p->failed || p->db==NULL ) return p->failed;
  return pages_result(p, sql_run(p->db, "DELETE FROM page WHERE number BETWEEN %lld AND %lld", from, to));
}

int page_read(page_reader *r, row_pages *p, sqlite3_int64 number){
  int rc = pages_open(p);
  r->bytes = NULL;
  if( rc==SQLITE_OK && r->stmt==NULL )
    rc = sql_prepare(p->db, &r->stmt, "SELECT number, bytes FROM page WHERE number<=? ORDER BY number DESC");
  if( rc!=SQLITE_OK ) return pages_result(p, rc);
  sqlite3_reset(r->stmt);
  sqlite3_bind_int64(r->stmt, 1, number);
  rc = sqlite3_step(r->stmt);
  if( rc==SQLITE_ROW ){
    r->number = sqlite3_column_int64(r->stmt, 0);
    r->bytes = sqlite3_column_blob(r->stmt, 1);
    r->n = (size_t)sqlite3_column_bytes(r->stmt, 1);
    rc = r->bytes ? SQLITE_OK : SQLITE_NOMEM;
  }
  return pages_result(p, rc==SQLITE_DONE ? SQLITE_OK : rc);
}

void page_leave(page_reader *r){
  sqlite3_finalize(r->stmt);
  *r = (page_reader){ 0 };
}
