/*
** row_pages.c - see row_pages.h.
*/
#include "row_pages.h"

#include <string.h>

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
                      "PRAGMA locking_mode=EXCLUSIVE; PRAGMA cache_size=-2000; BEGIN; "
                      "CREATE TABLE page(number INTEGER PRIMARY KEY, bytes BLOB)", NULL, NULL, NULL);
  if( rc==SQLITE_OK ) rc = sql_prepare(p->db, &p->insert, "INSERT INTO page VALUES(?,?)");
  return pages_result(p, rc);
}

void pages_close(row_pages *p){
  for(size_t i=0; i<p->count; i++) sqlite3_free(p->held[i].bytes);
  sqlite3_free(p->held);
  sqlite3_finalize(p->insert);
  sqlite3_close(p->db);
  *p = (row_pages){ .most = p->most };
}

const char *pages_error(const row_pages *p){
  return p->db ? sqlite3_errmsg(p->db) : sqlite3_errstr(p->failed);
}

/* ---- in memory ---- */

/* The first that begins behind that number: most are added behind all others. */
static size_t held_behind(const row_pages *p, sqlite3_int64 number){
  size_t low = 0, high = p->count;
  if( high && p->held[high-1].first<=number ) return high;
  while( low<high ){
    size_t middle = low + (high - low)/2;
    if( p->held[middle].first<=number ) low = middle + 1;
    else high = middle;
  }
  return low;
}

static int held_grow(row_pages *p){
  size_t room = p->room ? p->room*2 : 16;
  held_page *grown = sqlite3_realloc64(p->held, room*sizeof *grown);
  if( grown==NULL ) return SQLITE_NOMEM;
  p->held = grown;
  p->room = room;
  return SQLITE_OK;
}

static int held_put(row_pages *p, sqlite3_int64 first, sqlite3_int64 last, const void *bytes, size_t n){
  int rc = p->count==p->room ? held_grow(p) : SQLITE_OK;
  unsigned char *copy = rc==SQLITE_OK ? sqlite3_malloc64(n) : NULL;
  if( copy==NULL ) return SQLITE_NOMEM;
  memcpy(copy, bytes, n);
  size_t at = held_behind(p, first);
  memmove(p->held + at + 1, p->held + at, (p->count - at)*sizeof *p->held);
  p->held[at] = (held_page){ first, last, copy, n };
  p->count++;
  p->bytes += n + sizeof *p->held;
  return SQLITE_OK;
}

static void held_delete(row_pages *p, sqlite3_int64 from, sqlite3_int64 to){
  size_t kept = 0;
  for(size_t i=0; i<p->count; i++){
    held_page *page = &p->held[i];
    if( page->first<from || page->first>to ) p->held[kept++] = *page;
    else{
      p->bytes -= page->n + sizeof *page;
      sqlite3_free(page->bytes);
    }
  }
  p->count = kept;
}

/* ---- all pages ---- */

static int spill(row_pages *p, sqlite3_int64 first, const void *bytes, size_t n){
  p->spilled = 1;
  sqlite3_bind_int64(p->insert, 1, first);
  int rc = sqlite3_bind_blob64(p->insert, 2, bytes, n, SQLITE_STATIC);
  if( rc!=SQLITE_OK ) return rc;
  sqlite3_step(p->insert);
  return sqlite3_reset(p->insert);
}

int pages_put(row_pages *p, sqlite3_int64 first, sqlite3_int64 last, const void *bytes, size_t n){
  int rc = pages_open(p);
  if( rc!=SQLITE_OK ) return rc;
  if( p->bytes + n>p->most ) return pages_result(p, spill(p, first, bytes, n));
  return pages_result(p, held_put(p, first, last, bytes, n));
}

sqlite3_int64 pages_new(row_pages *p){
  return --p->below;
}

int pages_delete(row_pages *p, sqlite3_int64 from, sqlite3_int64 to){
  held_delete(p, from, to);
  if( p->failed || !p->spilled ) return p->failed;
  return pages_result(p, sql_run(p->db, "DELETE FROM page WHERE number BETWEEN %lld AND %lld", from, to));
}

static int spilled_read(page_reader *r, row_pages *p, sqlite3_int64 number){
  int rc = SQLITE_OK;
  if( r->stmt==NULL )
    rc = sql_prepare(p->db, &r->stmt, "SELECT number, bytes FROM page WHERE number<=? ORDER BY number DESC");
  if( rc!=SQLITE_OK ) return rc;
  sqlite3_reset(r->stmt);
  sqlite3_bind_int64(r->stmt, 1, number);
  rc = sqlite3_step(r->stmt);
  if( rc!=SQLITE_ROW ) return rc==SQLITE_DONE ? SQLITE_OK : rc;
  r->first = sqlite3_column_int64(r->stmt, 0);
  r->bytes = sqlite3_column_blob(r->stmt, 1);
  r->n = (size_t)sqlite3_column_bytes(r->stmt, 1);
  return r->bytes ? SQLITE_OK : SQLITE_NOMEM;
}

int page_read(page_reader *r, row_pages *p, sqlite3_int64 number){
  size_t behind = held_behind(p, number);
  r->bytes = NULL;
  if( p->failed ) return p->failed;
  if( behind && p->held[behind-1].last>=number ){
    const held_page *page = &p->held[behind-1];
    r->bytes = page->bytes;
    r->n = page->n;
    r->first = page->first;
    return SQLITE_OK;
  }
  return p->spilled ? pages_result(p, spilled_read(r, p, number)) : SQLITE_OK;
}

void page_leave(page_reader *r){
  sqlite3_finalize(r->stmt);
  *r = (page_reader){ 0 };
}
