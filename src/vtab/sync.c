/*
** sync.c - see sync.h.
*/
#define _GNU_SOURCE
#include "sync.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../os.h"
#include "sql.h"
#include "arguments.h"
#include "table.h"
#include "sync_lock.h"
#include "sync_target.h"
#include "sync_state.h"
#include "sync_fetch.h"
#include "sync_merge.h"

/* A run that ends here is put on record as far as that is possible, and given free. */
static void sync_release(syncing *s, const char *state, const char *error){
  if( !s->claimed ) return;
  /* An interrupted connection runs no SQL until its statements are over: another one does. */
  if( !s->nested && conn_interrupted(s->conn) && side_open(s)==SQLITE_OK ) sqlite3_busy_timeout(s->side, 2000);
  int rc = s->side ? sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) : sync_begin(s);
  if( rc==SQLITE_OK ){
    rc = state_write(s, state, 1, error);
    if( rc==SQLITE_OK ) rc = s->side ? sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL) : sync_commit(s);
    if( rc!=SQLITE_OK ) sync_undo(s);
  }
  s->claimed = 0;
}

/* The line on a terminal, if one is wanted. */
static void sync_show(syncing *s){
  long wanted;
  if( ortto_config_number(s->conn->client, NULL, ORTTO_PROGRESS, &wanted)!=ORTTO_OK || !wanted || !isatty(2) ) return;
  double seconds = (double)(sync_elapsed(s)+1) / 1000, rate = (double)s->rows / seconds;
  char left[40] = "";
  int percent = s->total>0 ? (int)(100*s->rows/s->total) : 0;
  if( s->total>s->rows && rate>0 ) snprintf(left, sizeof left, ", %.0f s left", (double)(s->total - s->rows)/rate);
  fprintf(stderr, "\r%s: %d %%, %lld rows, %.0f rows/s%s   ", s->source, s->phase==SYNC_DONE ? 100 : percent, (long long)s->rows, rate, left);
  if( s->phase>=SYNC_DONE ) fprintf(stderr, "\n");
  fflush(stderr);
}

/* Goes on to the next row to be shown: a page that landed, or the end. */
static int sync_step(syncing *s, char **error){
  int rc = SQLITE_OK, landed = 0;
  if( s->phase==SYNC_BEGIN ){
    rc = sync_fields(s, error);
    if( rc==SQLITE_OK ) rc = sync_claim(s, error);
    if( rc==SQLITE_OK && s->phase==SYNC_MERGE && s->opening ){   /* all is fetched: a row that says so */
      s->state = s->opening;
      s->opening = NULL;
      return SQLITE_OK;
    }
  }
  while( rc==SQLITE_OK && s->phase==SYNC_FETCH && !landed ) rc = sync_fetch_step(s, &landed, error);
  if( rc==SQLITE_OK && !landed && s->phase==SYNC_MERGE ) rc = sync_merge_step(s, error);
  if( rc!=SQLITE_OK ){
    int merging = s->phase==SYNC_MERGE;
    s->phase = SYNC_FAILED;
    ortto_reader_close(s->reader);
    s->reader = NULL;
    sync_release(s, merging ? "fetched" : rc==SQLITE_INTERRUPT ? "interrupted" : "failed", *error);
    sync_lock_drop(s);
  }
  sync_show(s);
  return rc;
}

static void sync_free(syncing *s){
  if( s==NULL ) return;
  ortto_reader_close(s->reader);
  s->reader = NULL;
  sync_release(s, "interrupted", NULL);
  sync_lock_drop(s);
  for(syncing **at=&s->conn->syncs; *at; at=&(*at)->next) if( *at==s ){ *at = s->next; break; }
  sqlite3_close(s->side);
  ortto_endpoint_close(s->endpoint);
  ortto_fields_free(s->owned_fields);
  arguments_free(&s->args);
  sqlite3_free(s->field);
  sqlite3_free(s->source);
  sqlite3_free(s->schema);
  sqlite3_free(s->target);
  sqlite3_free(s->staging);
  conn_release(s->conn);
  sqlite3_free(s);
}

/* The table behind the source's name: one that exists without a CREATE (*created is NULL), or a created one. */
static int source_find(const conn *c, const char *source, ortto_table *kind, const table **created, char **error){
  int own = sqlite3_strnicmp(source, "ortto_", 6)==0 ? table_find(source) : -1;
  *created = own<0 ? table_connected(c, source) : NULL;
  if( own<0 && *created==NULL ){
    char *tables = table_list();
    return sync_error(error, "ortto: there is no table '%.60s' to sync from; the sources are ortto_ and one of %z, or a table made by CREATE VIRTUAL TABLE ... USING ortto",
                      source, tables);
  }
  if( own<0 && (*created)->refused ) return sync_error(error, "%s", (*created)->broken);
  *kind = own<0 ? (*created)->kind : (ortto_table)own;
  if( *kind!=ORTTO_ACTIVITIES ) return SQLITE_OK;
  return sync_error(error, "ortto: activities cannot be synced: the feed can only be read person by person. Use INSERT ... SELECT with person_id IN (...)");
}

static int sync_new(conn *c, const char *source, const char *target, int changes, syncing **out, char **error){
  syncing *s = sqlite3_malloc(sizeof *s);
  if( s==NULL ) return SQLITE_NOMEM;
  memset(s, 0, sizeof *s);
  s->conn = c;
  c->references++;
  s->next = c->syncs;
  c->syncs = s;
  s->db = c->db;
  s->lock = -1;
  s->nested = !sqlite3_get_autocommit(c->db);
  s->changes = changes;
  s->total = -1;
  s->started = (now_us()/1000);
  s->source = sqlite3_mprintf("%s", source);
  const table *created = NULL;
  int rc = s->source ? source_find(c, s->source, &s->kind, &created, error) : SQLITE_NOMEM;
  if( rc==SQLITE_OK && created && !arguments_copy(&s->args, &created->args) ) rc = SQLITE_NOMEM;
  if( rc==SQLITE_OK ){
    rc = target_parse(s, target);
    if( rc!=SQLITE_OK && rc!=SQLITE_NOMEM ) rc = sync_local(s, rc, error);
  }
  if( rc!=SQLITE_OK ) sync_free(s);
  else *out = s;
  return rc;
}

void sync_batch_free(sync_batch *batch){
  sync_free(batch->sync);
  for(int i=0; i<batch->jobs; i++){
    sqlite3_free(batch->job[i].source);
    sqlite3_free(batch->job[i].target);
  }
  sqlite3_free(batch->job);
  memset(batch, 0, sizeof *batch);
}

static int job_add(sync_batch *batch, const char *source, size_t n, const char *prefix){
  sync_job *grown = sqlite3_realloc64(batch->job, ((sqlite3_uint64)batch->jobs + 1) * sizeof *grown);
  if( grown==NULL ) return SQLITE_NOMEM;
  batch->job = grown;
  sync_job *job = &grown[batch->jobs];
  const char *bare = source;
  for(const char *p=source; p<source+n; p++) if( *p=='.' ) bare = p+1;   /* behind a schema */
  if( batch->list && sqlite3_strnicmp(bare, "ortto_", 6)==0 ) bare += 6;
  job->source = sqlite3_mprintf("%.*s", (int)n, source);
  job->target = batch->list ? sqlite3_mprintf("%s%.*s", prefix, (int)(source+n-bare), bare) : sqlite3_mprintf("%s", prefix);
  if( job->source==NULL || job->target==NULL ){
    sqlite3_free(job->source);
    sqlite3_free(job->target);
    return SQLITE_NOMEM;
  }
  batch->jobs++;
  return SQLITE_OK;
}

static int jobs_read(sync_batch *batch, const char *sources, const char *target, char **error){
  int rc = SQLITE_OK;
  size_t length = strlen(target);
  batch->list = strcmp(sources, "*")==0 || strchr(sources, ',')!=NULL;
  if( !batch->list && length && target[length-1]=='_' )
    return sync_error(error, "ortto: '%s' looks like a prefix, which belongs to '*' or a list of sources; for a single source give the local table's whole name", target);
  if( strcmp(sources, "*")==0 ){
    for(int i=0; rc==SQLITE_OK && i<ORTTO_TABLES; i++) if( i!=ORTTO_ACTIVITIES ){
      char name[64];
      sqlite3_snprintf(sizeof name, name, "ortto_%s", ortto_table_name((ortto_table)i));
      rc = job_add(batch, name, strlen(name), target);
    }
    return rc;
  }
  for(const char *p=sources; rc==SQLITE_OK; ){
    while( is_blank(*p) ) p++;
    size_t n = strcspn(p, ","), used = n;
    while( n && is_blank(p[n-1]) ) n--;
    if( n ) rc = job_add(batch, p, n, target);
    if( p[used]==0 ) break;
    p += used + 1;
  }
  if( rc==SQLITE_OK && batch->jobs==0 ) rc = sync_error(error, "ortto: ortto_sync needs a source, such as 'ortto_people', a list, or '*'");
  return rc;
}

/* A commit inside a statement that writes is impossible. */
static int refuse_in_write(const conn *c, char **error){
  return statement_writes(c) ? sync_error(error, "ortto: ortto_sync cannot run inside a statement that writes; call it in a SELECT of its own") : SQLITE_OK;
}

static int text_argument(sqlite3_value *v, const char *what, const char **text, char **error){
  *text = (const char *)sqlite3_value_text(v);
  if( *text && strlen(*text)==(size_t)sqlite3_value_bytes(v) ) return SQLITE_OK;
  return sync_error(error, "ortto: ortto_sync needs %s as text", what);
}

int sync_batch_begin(sync_batch *batch, conn *c, sqlite3_value *sources, sqlite3_value *target, sqlite3_value *mode, char **error){
  const char *from, *into, *how = "full";
  memset(batch, 0, sizeof *batch);
  batch->conn = c;
  batch->begun = now_us();
  long progress;
  int rc = refuse_in_write(c, error);
  if( rc==SQLITE_OK ) rc = to_sqlite(c, ortto_config_number(c->client, NULL, ORTTO_PROGRESS, &progress), error);   /* a bad one is told */
  if( rc==SQLITE_OK ) rc = text_argument(sources, "a source", &from, error);
  if( rc==SQLITE_OK ) rc = text_argument(target, "the local table's name, or a prefix,", &into, error);
  if( rc==SQLITE_OK && mode && sqlite3_value_type(mode)!=SQLITE_NULL ) rc = text_argument(mode, "its mode", &how, error);
  if( rc!=SQLITE_OK ) return rc;
  batch->changes = sqlite3_stricmp(how, "changes")==0;
  if( !batch->changes && sqlite3_stricmp(how, "full")!=0 )
    return sync_error(error, "ortto: the mode of ortto_sync cannot be '%.20s'; it takes 'changes', or nothing for a full refresh", how);
  rc = jobs_read(batch, from, into, error);
  for(int i=0; rc==SQLITE_OK && i<batch->jobs; i++){   /* a list with a mistake in it is refused before its first part is done */
    ortto_table kind;
    const table *created;
    rc = source_find(c, batch->job[i].source, &kind, &created, error);
  }
  return rc;
}

int sync_batch_step(sync_batch *batch, int *more, char **error){
  int rc = SQLITE_OK;
  if( batch->sync && batch->sync->phase==SYNC_DONE ){
    sync_free(batch->sync);
    batch->sync = NULL;
    batch->at++;
  }
  *more = batch->at<batch->jobs;
  if( !*more ) return SQLITE_OK;
  if( batch->sync==NULL ) rc = sync_new(batch->conn, batch->job[batch->at].source, batch->job[batch->at].target, batch->changes, &batch->sync, error);
  if( rc==SQLITE_OK ) batch->sync->reading = batch->reading;
  if( rc==SQLITE_OK ) batch->sync->known_since = batch->begun;
  return rc==SQLITE_OK ? sync_step(batch->sync, error) : rc;
}
