/*
** sync_compare.c - see sync_compare.h.
*/
#include "sync_compare.h"

#include <string.h>

#include "sql.h"
#include "sync_target.h"

#define ID_BYTES 24                /* of every id of people and accounts; a row with another is staged */
#define NOTE_BYTES 32              /* the id, and the hash of the row */
#define IDS_AT_ONCE (1<<20)        /* in 16 MB, when what is gone is looked for */

static char *seen_name(const sync_run *s){
  return sqlite3_mprintf("ortto_seen_%s", s->target);
}

/* ---- may it? ------------------------------------------------------------------------- */

static int key_column(const sync_run *s){
  int key = -1, keys = 0;
  for(int i=0; i<s->columns; i++) if( column_is_key(s, i) ){
    key = i;
    keys++;
  }
  return keys==1 && type_is_text(target_type(s, key)) ? key : -1;
}

static int has_all_columns(const sync_run *s){
  for(int i=0; i<s->columns; i++) if( local_table_column(&s->local, column_name(s, i))==NULL ) return 0;
  return s->columns==s->overflow;
}

/* Is this unique index that of the key, exact, and of all rows? */
static int is_key_index(const sync_run *s, sqlite3_stmt *index, int *is){
  sqlite3_stmt *columns;
  int keys = 0;
  *is = !sqlite3_column_int(index, 4);           /* partial */
  int rc = sql_prepare(s->db, &columns, "PRAGMA \"%w\".index_xinfo(\"%w\")", s->schema,
                       (const char *)sqlite3_column_text(index, 1));
  if( rc!=SQLITE_OK ) return rc;
  while( sqlite3_step(columns)==SQLITE_ROW ) if( sqlite3_column_int(columns, 5) ){
    const char *name = (const char *)sqlite3_column_text(columns, 2);
    const char *order = (const char *)sqlite3_column_text(columns, 4);
    keys++;
    *is = *is && name && order && sqlite3_stricmp(name, column_name(s, key_column(s)))==0
      && sqlite3_stricmp(order, "BINARY")==0;
  }
  *is = *is && keys==1;
  return sqlite3_finalize(columns);
}

/* Rows can be found by their key, and no other unique index can refuse one. */
static int indexes_allow(const sync_run *s, int *allow){
  sqlite3_stmt *indexes;
  int rc = sql_prepare(s->db, &indexes, "PRAGMA \"%w\".index_list(\"%w\")", s->schema, s->target);
  int found = 0, other = 0;
  while( rc==SQLITE_OK && sqlite3_step(indexes)==SQLITE_ROW ) if( sqlite3_column_int(indexes, 2) ){
    int is_key = 0;
    rc = is_key_index(s, indexes, &is_key);
    found |= is_key;
    other |= !is_key;
  }
  *allow = found && !other;
  int finished = sqlite3_finalize(indexes);
  return rc==SQLITE_OK ? finished : rc;
}

static int foreign_keys_count(const sync_run *s, int *keys){
  sqlite3_stmt *list;
  int rc = sql_prepare(s->db, &list, "PRAGMA \"%w\".foreign_key_list(\"%w\")", s->schema, s->target);
  if( rc!=SQLITE_OK ) return rc;
  for(*keys=0; sqlite3_step(list)==SQLITE_ROW; ++*keys){}
  return sqlite3_finalize(list);
}

/* What is noted are bytes of UTF-8. */
static int is_utf8(const sync_run *s, int *utf8){
  sqlite3_stmt *encoding;
  *utf8 = 0;
  int rc = sql_prepare(s->db, &encoding, "PRAGMA encoding");
  if( rc!=SQLITE_OK ) return rc;
  if( sqlite3_step(encoding)==SQLITE_ROW ){
    const char *name = (const char *)sqlite3_column_text(encoding, 0);
    *utf8 = name && strcmp(name, "UTF-8")==0;
  }
  return sqlite3_finalize(encoding);
}

/* A rule of the user's may refuse a change, and what then mends it is often an edit of the target: there all
** is staged, so that nothing has to be fetched again. */
static int target_allows(const sync_run *s, int *may){
  sqlite3_int64 rules = 0;
  int utf8 = 0, indexes = 0, references = 0;
  *may = 0;
  if( s->local.count==0 || !has_all_columns(s) || key_column(s)<0 ) return SQLITE_OK;
  int rc = target_has_rules(s, &rules);
  if( rc==SQLITE_OK ) rc = foreign_keys_count(s, &references);
  if( rc==SQLITE_OK ) rc = indexes_allow(s, &indexes);
  if( rc==SQLITE_OK ) rc = is_utf8(s, &utf8);
  *may = rc==SQLITE_OK && rules==0 && references==0 && indexes && utf8;
  return rc;
}

/* *ours: the table as it must be, and nothing of anybody else's on it; *free: nothing has its name. */
static int seen_find(const sync_run *s, const char *name, int *ours, int *is_free){
  sqlite3_int64 there = 0, same = 0;
  int rc = sql_integer(s->db, &there,
    "SELECT count(*) FROM \"%w\".sqlite_schema WHERE name=%Q COLLATE NOCASE", s->schema, name);
  if( rc==SQLITE_OK )
    rc = sql_integer(s->db, &same, "SELECT "
      "(SELECT count(*) FROM \"%w\".sqlite_schema WHERE type='table' AND name=%Q COLLATE NOCASE AND "
        "sql='CREATE TABLE \"'||replace(%Q,'\"','\"\"')||'\"(page INTEGER PRIMARY KEY, notes BLOB)' "
        "COLLATE NOCASE)=1 "
      "AND NOT EXISTS (SELECT 1 FROM (SELECT type, tbl_name FROM \"%w\".sqlite_schema UNION ALL "
        "SELECT type, tbl_name FROM temp.sqlite_schema) WHERE type='trigger' AND tbl_name=%Q COLLATE NOCASE)",
      s->schema, name, name, s->schema, name);
  *is_free = rc==SQLITE_OK && !there;
  *ours = rc==SQLITE_OK && there && same;
  return rc;
}

static int seen_create(sync_run *s){
  int ours = 0, is_free = 0;
  char *name = seen_name(s);
  int rc = name ? seen_find(s, name, &ours, &is_free) : SQLITE_NOMEM;
  if( rc==SQLITE_OK && is_free )
    rc = sql_run(s->db, "CREATE TABLE \"%w\".\"%w\"(page INTEGER PRIMARY KEY, notes BLOB)", s->schema, name);
  if( rc==SQLITE_OK && ours ) rc = sql_run(s->db, "DELETE FROM \"%w\".\"%w\"", s->schema, name);
  s->compares = rc==SQLITE_OK && (ours || is_free);
  sqlite3_free(name);
  return rc;
}

/* *ours: the table is there, as it must be; *rows: how many are noted in it. */
static int notes_count(const sync_run *s, int *ours, sqlite3_int64 *rows){
  int is_free;
  char *name = seen_name(s);
  *rows = *ours = 0;
  int rc = name ? seen_find(s, name, ours, &is_free) : SQLITE_NOMEM;
  if( rc==SQLITE_OK && *ours )
    rc = sql_integer(s->db, rows, "SELECT ifnull(sum(length(notes)),0)/%d FROM \"%w\".\"%w\"",
                     NOTE_BYTES, s->schema, name);
  sqlite3_free(name);
  return rc;
}

int compare_begin(sync_run *s, int anew){
  int may = !s->changes && !s->nested && s->kind<=ORTTO_ACCOUNTS, ours;
  int rc = may ? target_allows(s, &may) : SQLITE_OK;
  if( rc!=SQLITE_OK ) return rc;
  if( anew ) return may ? seen_create(s) : compare_forget(s);
  s->doubt = 1;
  rc = notes_count(s, &ours, &s->alike);
  s->compares = may && ours;
  return rc;
}

int compare_noted(const sync_run *s, sqlite3_int64 *rows){
  int ours;
  return notes_count(s, &ours, rows);
}

/* ---- a page ------------------------------------------------------------------------------ */

static uint64_t hash_words(uint64_t h, const void *data, size_t n){
  const unsigned char *p = data;
  uint64_t word;
  for(; n>=8; n-=8, p+=8){
    memcpy(&word, p, 8);
    h = (h ^ word) * 0x9E3779B97F4A7C15u;
    h ^= h>>29;
  }
  word = (uint64_t)n<<56;
  if( n ) memcpy(&word, p, n);
  return mix64(h ^ word ^ (uint64_t)n<<59);
}

/* A column of a row that stands in the target. */
typedef struct stored {
  int type;
  size_t n;
  const void *bytes;               /* of a text or blob; else of the number */
  sqlite3_int64 integer;
  double real;
} stored;

/* One visit to SQLite for a column, not three, each of which would enter the connection's mutex: the caller
** has. */
static void stored_read(stored *at, sqlite3_stmt *row, int i){
  sqlite3_value *v = sqlite3_column_value(row, i);
  at->type = sqlite3_value_type(v);
  at->n = 8;
  switch( at->type ){
    case SQLITE_NULL: at->n = 0; break;
    case SQLITE_INTEGER:
      at->integer = sqlite3_value_int64(v);
      at->bytes = &at->integer;
      break;
    case SQLITE_FLOAT:
      at->real = sqlite3_value_double(v);
      at->bytes = &at->real;
      break;
    default:
      at->bytes = sqlite3_value_blob(v);
      at->n = at->bytes ? (size_t)sqlite3_value_bytes(v) : 0;
  }
}

static uint64_t hash_stored(uint64_t h, const stored *at){
  h = h*31 + (uint64_t)at->type;
  return at->type==SQLITE_NULL ? h : hash_words(h, at->bytes, at->n);
}

static uint64_t hash_row(const sync_run *s, sqlite3_stmt *row){
  uint64_t h = HASH_START;
  stored at;
  sqlite3_mutex_enter(sqlite3_db_mutex(s->db));
  for(int i=0; i<s->columns; i++){
    stored_read(&at, row, i);
    h = hash_stored(h, &at);
  }
  sqlite3_mutex_leave(sqlite3_db_mutex(s->db));
  return h;
}

static int is_same(const stored *at, const ortto_value *v){
  switch( v->kind ){
    case ORTTO_VALUE_NULL: return at->type==SQLITE_NULL;
    case ORTTO_VALUE_INTEGER: return at->type==SQLITE_INTEGER && at->integer==v->integer;
    case ORTTO_VALUE_REAL: return at->type==SQLITE_FLOAT && at->real==v->real;
    default: break;
  }
  if( at->type!=SQLITE_TEXT || at->n!=v->length ) return 0;
  return at->n==0 || memcmp(at->bytes, v->text, at->n)==0;
}

/* Is the row as it came? *hash becomes its hash, if it is. */
static int row_is_same(const sync_run *s, sqlite3_stmt *row, const ortto_value *v, uint64_t *hash){
  stored at;
  int same = 1;
  *hash = HASH_START;
  sqlite3_mutex_enter(sqlite3_db_mutex(s->db));
  for(int i=0; same && i<s->columns; i++){
    stored_read(&at, row, i);
    same = is_same(&at, &v[i]);
    *hash = hash_stored(*hash, &at);
  }
  sqlite3_mutex_leave(sqlite3_db_mutex(s->db));
  return same;
}

/* Finds a row of the target by its id, with the columns that the sync writes. */
static int find_prepare(const sync_run *s, sqlite3_stmt **find){
  char *names = column_list(s, COLUMNS_ALL, ",", QUOTED);
  char *match = column_list(s, COLUMNS_KEY, "", QUOTED "=?1 COLLATE BINARY");
  int rc = SQLITE_NOMEM;
  if( names && match )
    rc = sql_prepare(s->db, find, "SELECT %s FROM \"%w\".\"%w\" WHERE %s",
                     names, s->schema, s->target, match);
  sqlite3_free(names);
  sqlite3_free(match);
  return rc;
}

int compare_page_begin(sync_run *s){
  s->notes.n = 0;
  if( !s->compares ) return SQLITE_OK;
  int rc = find_prepare(s, &s->find);
  if( rc!=SQLITE_ERROR ) return rc;
  s->doubt = 1;                                  /* somebody has altered the target: all is staged, and the */
  return SQLITE_OK;                              /* merge will say what is the matter */
}

static void note(sync_run *s, const char *id, uint64_t hash){
  buf_add(&s->notes, id, ID_BYTES);
  buf_add(&s->notes, (const char *)&hash, sizeof hash);
}

int compare_row(sync_run *s, const ortto_value *v, int *same){
  *same = 0;
  if( s->find==NULL ) return SQLITE_OK;
  const ortto_value *id = &v[key_column(s)];
  if( id->kind!=ORTTO_VALUE_TEXT || id->length!=ID_BYTES ) return SQLITE_OK;
  sqlite3_bind_text(s->find, 1, id->text, ID_BYTES, SQLITE_STATIC);
  uint64_t hash;
  *same = sqlite3_step(s->find)==SQLITE_ROW && row_is_same(s, s->find, v, &hash);
  if( *same ) note(s, id->text, hash);
  int rc = sqlite3_reset(s->find);
  return rc==SQLITE_OK && s->notes.failed ? SQLITE_NOMEM : rc;
}

static int notes_write(sync_run *s){
  sqlite3_stmt *stmt;
  if( s->notes.n==0 ) return SQLITE_OK;
  int rc = sql_prepare(s->db, &stmt, "INSERT INTO \"%w\".\"ortto_seen_%w\"(notes) VALUES(?1)",
                       s->schema, s->target);
  if( rc!=SQLITE_OK ) return rc;
  sqlite3_bind_blob64(stmt, 1, s->notes.p, s->notes.n, SQLITE_STATIC);
  s->alike += (sqlite3_int64)(s->notes.n/NOTE_BYTES);
  return sql_finish(stmt);
}

int compare_page_end(sync_run *s, int rc){
  if( rc==SQLITE_OK ) rc = notes_write(s);
  sqlite3_finalize(s->find);
  s->find = NULL;
  s->notes.n = 0;
  return rc;
}

/* ---- the merge ---------------------------------------------------------------------------- */

/* One page's notes. */
static int notes_hold(const sync_run *s, sqlite3_stmt *find, const char *notes, int bytes, int *holds){
  int rc = SQLITE_OK;
  for(int at=0; rc==SQLITE_OK && *holds && at+NOTE_BYTES<=bytes; at+=NOTE_BYTES){
    uint64_t hash;
    memcpy(&hash, notes+at+ID_BYTES, sizeof hash);
    sqlite3_bind_text(find, 1, notes+at, ID_BYTES, SQLITE_STATIC);
    *holds = sqlite3_step(find)==SQLITE_ROW && hash_row(s, find)==hash;
    rc = sqlite3_reset(find);
  }
  return rc;
}

static int all_notes_hold(const sync_run *s, int *holds){
  sqlite3_stmt *pages = NULL, *find = NULL;
  int rc = find_prepare(s, &find);
  if( rc==SQLITE_OK )
    rc = sql_prepare(s->db, &pages, "SELECT notes FROM \"%w\".\"ortto_seen_%w\"", s->schema, s->target);
  while( rc==SQLITE_OK && *holds && sqlite3_step(pages)==SQLITE_ROW ){
    const char *notes = sqlite3_column_blob(pages, 0);
    if( notes ) rc = notes_hold(s, find, notes, sqlite3_column_bytes(pages, 0), holds);
  }
  sqlite3_finalize(find);
  int finished = sqlite3_finalize(pages);
  return rc==SQLITE_OK ? finished : rc;
}

/* Hashes of the ids that have come, as many as are looked at in one pass: a part of all, by the hash. */
typedef struct came_set {
  uint64_t *hash;                  /* open addressing; 0 is an empty place */
  size_t size;                     /* a power of two, twice as many as fit */
  size_t used;
  uint64_t parts, part;
} came_set;

/* *at becomes the place of that id, or where it would be put. Is it of this part? */
static int set_find(const came_set *set, const void *id, size_t n, uint64_t *hash, size_t *at){
  *hash = hash_words(HASH_START, id, n) | 1;
  for(*at = (size_t)(*hash>>8) & (set->size-1); set->hash[*at] && set->hash[*at]!=*hash; )
    *at = (*at+1) & (set->size-1);
  return (*hash>>1)%set->parts==set->part;
}

/* Puts it in. 0: it is there already, or there is no room. */
static int set_add(came_set *set, const void *id, size_t n){
  uint64_t hash;
  size_t at;
  if( !set_find(set, id, n, &hash, &at) ) return 1;
  if( set->hash[at] || set->used>=set->size/4*3 ) return 0;
  set->hash[at] = hash;
  set->used++;
  return 1;
}

static int add_noted(const sync_run *s, came_set *set, int *once){
  sqlite3_stmt *pages;
  int rc = sql_prepare(s->db, &pages, "SELECT notes FROM \"%w\".\"ortto_seen_%w\" WHERE typeof(notes)='blob'",
                       s->schema, s->target);
  if( rc!=SQLITE_OK ) return rc;
  while( *once && sqlite3_step(pages)==SQLITE_ROW ){
    const char *notes = sqlite3_column_blob(pages, 0);
    int bytes = notes ? sqlite3_column_bytes(pages, 0) : 0;
    for(int at=0; *once && at+NOTE_BYTES<=bytes; at+=NOTE_BYTES) *once = set_add(set, notes+at, ID_BYTES);
  }
  return sqlite3_finalize(pages);
}

static int ids_prepare(const sync_run *s, const char *of, sqlite3_stmt **ids){
  const char *key = column_name(s, key_column(s));
  return sql_prepare(s->db, ids, "SELECT \"%w\" FROM \"%w\".\"%w\"", key, s->schema, of);
}

static int add_staged(const sync_run *s, came_set *set, int *once){
  sqlite3_stmt *ids;
  int rc = ids_prepare(s, s->staging, &ids);
  if( rc!=SQLITE_OK ) return rc;
  while( *once && sqlite3_step(ids)==SQLITE_ROW ){
    const char *id = (const char *)sqlite3_column_text(ids, 0);
    *once = id && set_add(set, id, (size_t)sqlite3_column_bytes(ids, 0));
  }
  return sqlite3_finalize(ids);
}

/* Has that row of the target come? An id that is no text has not. */
static int has_come(const came_set *set, sqlite3_stmt *row){
  uint64_t hash;
  size_t at;
  const void *id = sqlite3_column_blob(row, 0);
  if( sqlite3_column_type(row, 0)!=SQLITE_TEXT ) return 0;
  size_t n = id ? (size_t)sqlite3_column_bytes(row, 0) : 0;
  return !set_find(set, id ? id : "", n, &hash, &at) || set->hash[at]!=0;
}

/* The target's ids of this part that have not come, into the table of the notes, as texts. */
static int list_gone(sync_run *s, const came_set *set){
  sqlite3_stmt *ids = NULL, *insert = NULL;
  int rc = ids_prepare(s, s->target, &ids);
  if( rc==SQLITE_OK )
    rc = sql_prepare(s->db, &insert, "INSERT INTO \"%w\".\"ortto_seen_%w\"(notes) VALUES(?1)",
                     s->schema, s->target);
  while( rc==SQLITE_OK && sqlite3_step(ids)==SQLITE_ROW ) if( !has_come(set, ids) ){
    s->may_be_gone = 1;
    sqlite3_bind_value(insert, 1, sqlite3_column_value(ids, 0));
    sqlite3_step(insert);
    rc = sqlite3_reset(insert);
  }
  sqlite3_finalize(insert);
  int finished = sqlite3_finalize(ids);
  return rc==SQLITE_OK ? finished : rc;
}

/* Finds what is gone. *once: has each row come once? After an interruption one might come again. */
static int gone_find(sync_run *s, int *once){
  came_set set = { .size = 1024, .parts = (uint64_t)s->rows/IDS_AT_ONCE + 1 };
  while( set.size<IDS_AT_ONCE*2 && set.size/2<(size_t)s->rows ) set.size *= 2;
  int rc = SQLITE_OK;
  set.hash = sqlite3_malloc64(set.size * sizeof *set.hash);
  if( set.hash==NULL ) return SQLITE_NOMEM;
  for(; rc==SQLITE_OK && *once && set.part<set.parts; set.part++){
    memset(set.hash, 0, set.size * sizeof *set.hash);
    set.used = 0;
    rc = add_noted(s, &set, once);
    if( rc==SQLITE_OK && *once ) rc = add_staged(s, &set, once);
    if( rc==SQLITE_OK && *once ) rc = list_gone(s, &set);
  }
  sqlite3_free(set.hash);
  return rc;
}

int compare_holds(sync_run *s, int *holds){
  sqlite3_int64 noted = 0;
  *holds = 1;
  s->may_be_gone = 1;
  if( s->alike==0 ) return SQLITE_OK;
  int rc = target_allows(s, holds);
  if( rc==SQLITE_OK ) rc = compare_noted(s, &noted);
  *holds = *holds && noted==s->alike;
  if( rc==SQLITE_OK && *holds && (s->doubt || s->nested) ) rc = all_notes_hold(s, holds);
  if( rc!=SQLITE_OK || !*holds ) return rc;
  s->may_be_gone = 0;
  return gone_find(s, holds);
}

char *compare_gone(const sync_run *s, const char *match){
  if( s->alike==0 )
    return sqlite3_mprintf("NOT EXISTS (SELECT 1 FROM \"%w\".\"%w\" AS s WHERE %s)",
                           s->schema, s->staging, match);
  const char *key = column_name(s, key_column(s));
  return sqlite3_mprintf("typeof(t.\"%w\")<>'text' OR t.\"%w\" COLLATE BINARY IN "
    "(SELECT notes FROM \"%w\".\"ortto_seen_%w\" WHERE typeof(notes)='text')",
    key, key, s->schema, s->target);
}

int compare_forget(const sync_run *s){
  int ours = 0, is_free;
  char *name = seen_name(s);
  int rc = name ? seen_find(s, name, &ours, &is_free) : SQLITE_NOMEM;
  if( rc==SQLITE_OK && ours ) rc = table_drop(s, name);
  sqlite3_free(name);
  return rc;
}
