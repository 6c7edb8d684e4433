/*
** sync.c - see sync.h.
*/
#include "sync.h"

#include <string.h>

#include "../os.h"
#include "../json.h"
#include "sql.h"
#include "arguments.h"
#include "table.h"
#include "table_names.h"
#include "sync_lock.h"
#include "sync_target.h"
#include "sync_state.h"
#include "sync_fetch.h"
#include "sync_merge.h"

#define RELEASE_MS 1000            /* how long a run that ends waits for a lock to put that on record */
#define RELEASE_NOW_MS 20          /* the same where it was interrupted, or waited for that lock already */

/* ---- one run --------------------------------------------------------------------- */

/* A run that ends here is put on record as far as that is possible, and given free. */
static void run_release(sync_run *s, const char *state, const char *error){
  char *unsaid = NULL;
  if( !s->claimed ) return;
  s->ending = 1;
  /* An interrupted connection runs no SQL until its statements are over: another one does. */
  int cut = conn_interrupted(s->conn);
  if( cut && !s->nested ) side_open(s);
  s->patience = (cut || s->locked ? RELEASE_NOW_MS : RELEASE_MS) * 1000;
  if( cut && s->reading ) s->patience = 0;       /* what holds the lock may be the user's own SELECT */
  int gone = s->nested && sqlite3_get_autocommit(s->db);   /* rolled back, with all that we wrote */
  int rc = gone ? SQLITE_ERROR : sync_begin(s, &unsaid);
  if( rc==SQLITE_OK ) sync_end(s, state_write(s, state, 1, error), &unsaid);
  sqlite3_free(unsaid);
  s->claimed = 0;
}

/* Nothing is read and nobody is kept out any more. state: what the record is to say, if the run was ours. */
static void run_end(sync_run *s, const char *state, const char *error){
  ortto_reader_close(s->reader);
  s->reader = NULL;
  run_release(s, state, error);
  sync_lock_release(s);
}

static int run_begin(sync_run *s, char **error){
  int rc = sync_lock_acquire(s);
  if( rc==SQLITE_OK ) rc = sync_others_check(s, error);
  if( rc==SQLITE_OK ) rc = sync_fields(s, error);
  return rc==SQLITE_OK ? sync_claim(s, error) : rc;
}

/* All was fetched by an earlier call: the row to show says so, before the merge. */
static int opens_with_merge(sync_run *s){
  if( s->phase!=SYNC_MERGE || s->opening==NULL ) return 0;
  s->state = s->opening;
  s->opening = NULL;
  return 1;
}

/* The line of its connection: how far it is, and at the end what it did. */
static void run_shown(sync_run *s){
  progress *line = &s->conn->line;
  if( !s->shows_line ) return;
  progress_rows(line, s, s->source, s->rows, s->total);
  if( s->phase==SYNC_DONE ) progress_stay(line, s);
  if( s->phase>SYNC_DONE ) progress_end(line, s);
}

/* Goes on to the next row to be shown: a page that landed, or the end. */
static int run_step(sync_run *s, char **error){
  int landed = 0;
  if( s->shows_line ) progress_begin(&s->conn->line, s, s->source);
  int rc = s->phase==SYNC_BEGIN ? run_begin(s, error) : SQLITE_OK;
  progress_part *part = s->phase==SYNC_FETCH ? progress_part_of(&s->conn->line, s, s->source) : NULL;
  if( part && part->rows==0 ) part->from = part->rows = s->rows;   /* of a run that goes on */
  if( rc==SQLITE_OK && opens_with_merge(s) ) return SQLITE_OK;
  while( rc==SQLITE_OK && s->phase!=SYNC_DONE && !landed )   /* a merge may begin all over */
    rc = s->phase==SYNC_FETCH ? sync_fetch_step(s, &landed, error) : sync_merge_step(s, error);
  if( rc!=SQLITE_OK ){
    const char *state = rc==SQLITE_INTERRUPT ? "interrupted" : "failed";
    if( s->phase==SYNC_MERGE ) state = "fetched";
    s->phase = SYNC_FAILED;
    run_end(s, state, *error);
  }
  if( s->phase==SYNC_DONE ) run_end(s, NULL, NULL);   /* whoever still looks at it: the next may begin */
  run_shown(s);
  return rc;
}

static void run_free(sync_run *s){
  if( s==NULL ) return;
  progress_end(&s->conn->line, s);
  run_end(s, "interrupted", NULL);
  sqlite3_close(s->side);
  ortto_endpoint_close(s->endpoint);
  ortto_fields_free(s->owned_fields);
  arguments_free(&s->args);
  sqlite3_free(s->field);
  sqlite3_free(s->source);
  sqlite3_free(s->schema);
  sqlite3_free(s->target);
  sqlite3_free(s->staging);
  buf_free(&s->notes);
  conn_release(s->conn);
  sqlite3_free(s);
}

static int can_be_synced(ortto_table kind){
  return kind!=ORTTO_ACTIVITIES;
}

static int source_unknown(const char *source, char **error){
  sqlite3_str *names = sqlite3_str_new(NULL);
  for(int i=0; i<ORTTO_TABLES; i++) if( can_be_synced((ortto_table)i) ){
    const char *comma = sqlite3_str_length(names) ? ", " : "";
    sqlite3_str_appendf(names, "%s%s", comma, ortto_table_name((ortto_table)i));
  }
  return error_set(error,
    "ortto: there is no table '%.60s' to sync from; the sources are ortto_ and one of %z, "
    "or a table made by CREATE VIRTUAL TABLE ... USING ortto", source, sqlite3_str_finish(names));
}

static int is_full_name(const char *name){
  return sqlite3_strnicmp(name, "ortto_", 6)==0;
}

/* The table behind a source's name: a created one, or one that is there without a CREATE (*created is NULL).
** ortto_ may have been left out where no created one is called so; ordinary tables do not count. *name, by
** sqlite3_malloc, is the name in full: of one without a CREATE without its schema. */
static int source_find(const conn *c, const char *source, ortto_table *kind, const table **created,
                       char **name, char **error){
  const char *bare;
  *created = table_created(c, source, &bare);
  int is_short = *created==NULL && bare==source && !is_full_name(source);
  *name = sqlite3_mprintf("%s%s", is_short ? "ortto_" : "", *created ? source : bare);
  if( *name==NULL ) return SQLITE_NOMEM;
  if( is_short ) *created = table_created(c, *name, &bare);
  int own = is_full_name(bare) ? table_find(bare) : -1;
  if( *created ) own = (int)(*created)->kind;
  *kind = (ortto_table)own;
  if( *created && (*created)->refused ) return error_set(error, "%s", (*created)->broken);
  if( own<0 ) return source_unknown(source, error);
  if( can_be_synced(*kind) ) return SQLITE_OK;
  return error_set(error, "ortto: activities cannot be synced: the feed can only be read person by person. "
                    "Use INSERT ... SELECT with person_id IN (...)");
}

static int source_take(sync_run *s, const char *source, char **error){
  const table *created;
  int rc = source_find(s->conn, source, &s->kind, &created, &s->source, error);
  if( rc!=SQLITE_OK || created==NULL ) return rc;
  return arguments_copy(&s->args, &created->args) ? SQLITE_OK : SQLITE_NOMEM;
}

static int run_new(const sync_batch *batch, sync_run **out, char **error){
  const sync_job *job = &batch->job[batch->at];
  sync_run *s = sqlite3_malloc(sizeof *s);
  if( s==NULL ) return SQLITE_NOMEM;
  memset(s, 0, sizeof *s);
  s->conn = batch->conn;
  s->conn->references++;
  s->db = s->conn->db;
  s->nested = !sqlite3_get_autocommit(s->db);
  sync_patience(s);
  s->reading = batch->reading;
  s->changes = batch->changes;
  s->log = batch->log;
  s->shows_line = batch->shows_line;
  s->known_since = batch->begun;
  s->total = -1;
  s->started = now_us()/1000;
  int rc = source_take(s, job->source, error);
  if( rc==SQLITE_OK && s->changes && arguments_narrow(&s->args) )
    rc = error_set(error, "ortto: %s is a segment, which people enter and leave without being edited: the "
                   "mode 'changes' cannot see that. Sync it in full", s->source);
  if( rc==SQLITE_OK ) rc = sync_local(s, target_parse(s, job->target), error);
  if( batch->joined ) sync_note(s, "the prefix does not end in _, and was put in front as it is");
  if( rc!=SQLITE_OK ) run_free(s);
  else *out = s;
  return rc;
}

/* ---- a call ----------------------------------------------------------------------- */

static void job_free(sync_job *job){
  sqlite3_free(job->source);
  sqlite3_free(job->target);
}

/* In a list the target is a prefix, and the table is called as its source: without a schema and ortto_. */
static char *job_target(const char *source, size_t n, const char *prefix){
  const char *bare = source;
  for(const char *p=source; p<source+n; p++) if( *p=='.' ) bare = p+1;
  if( sqlite3_strnicmp(bare, "ortto_", 6)==0 ) bare += 6;
  return sqlite3_mprintf("%s%.*s", prefix, (int)(source+n-bare), bare);
}

static int job_add(sync_batch *batch, const char *source, size_t n, const char *target){
  sync_job *grown = sqlite3_realloc64(batch->job, ((sqlite3_uint64)batch->jobs + 1) * sizeof *grown);
  if( grown==NULL ) return SQLITE_NOMEM;
  batch->job = grown;
  sync_job job;
  job.source = sqlite3_mprintf("%.*s", (int)n, source);
  job.target = batch->list ? job_target(source, n, target) : sqlite3_mprintf("%s", target);
  if( job.source==NULL || job.target==NULL ){
    job_free(&job);
    return SQLITE_NOMEM;
  }
  batch->job[batch->jobs++] = job;
  return SQLITE_OK;
}

static int jobs_of_all(sync_batch *batch, const char *prefix){
  int rc = SQLITE_OK;
  for(int i=0; rc==SQLITE_OK && i<ORTTO_TABLES; i++){
    if( !can_be_synced((ortto_table)i) || i==ORTTO_AUDIENCE_MEMBERS ) continue;   /* they take long */
    char name[64];
    sqlite3_snprintf(sizeof name, name, "ortto_%s", ortto_table_name((ortto_table)i));
    rc = job_add(batch, name, strlen(name), prefix);
  }
  return rc;
}

/* Names between commas, blanks around them. */
static int jobs_of_list(sync_batch *batch, const char *sources, const char *target){
  int rc = SQLITE_OK;
  for(const char *p=sources; rc==SQLITE_OK; p++){
    while( is_blank(*p) ) p++;
    size_t used = strcspn(p, ","), n = used;
    while( n && is_blank(p[n-1]) ) n--;
    if( n ) rc = job_add(batch, p, n, target);
    p += used;
    if( *p==0 ) break;
  }
  return rc;
}

static int jobs_read(sync_batch *batch, const char *sources, const char *target, char **error){
  size_t length = strlen(target);
  int all = strcmp(sources, "*")==0;
  batch->list = all || strchr(sources, ',')!=NULL;
  batch->joined = batch->list && length && target[length-1]!='_' && target[length-1]!='.';
  if( !batch->list && length && target[length-1]=='_' )
    return error_set(error, "ortto: '%s' looks like a prefix, which belongs to '*' or a list of sources; "
                      "for a single source give the local table's whole name", target);
  int rc = all ? jobs_of_all(batch, target) : jobs_of_list(batch, sources, target);
  if( rc!=SQLITE_OK || batch->jobs ) return rc;
  return error_set(error, "ortto: ortto_sync needs a source, such as 'ortto_people', a list, or '*'");
}

/* A list with a mistake in it is refused before its first part is done. */
static int jobs_check(const sync_batch *batch, char **error){
  int rc = SQLITE_OK;
  for(int i=0; rc==SQLITE_OK && i<batch->jobs; i++){
    ortto_table kind;
    const table *created;
    char *name;
    rc = source_find(batch->conn, batch->job[i].source, &kind, &created, &name, error);
    sqlite3_free(name);
    if( rc==SQLITE_OK ) rc = target_text_check(batch->conn->db, batch->job[i].target, error);
  }
  return rc;
}

/* May a sync begin here at all? A commit inside a statement that writes is impossible. */
static int call_check(const conn *c, char **error){
  long progress;
  if( statement_writes(c) )
    return error_set(error, "ortto: ortto_sync cannot run inside a statement that writes; "
                      "call it in a SELECT of its own");
  int rc = ortto_config_number(c->client, NULL, ORTTO_PROGRESS, &progress);   /* a bad one is told */
  return to_sqlite(c, rc, error);
}

static int text_argument(sqlite3_value *v, const char *what, const char **text, char **error){
  *text = (const char *)sqlite3_value_text(v);
  if( *text && strlen(*text)==(size_t)sqlite3_value_bytes(v) ) return SQLITE_OK;
  return error_set(error, "ortto: ortto_sync needs %s as text", what);
}

static int word_is(const char *text, size_t n, const char *word){
  return strlen(word)==n && sqlite3_strnicmp(text, word, (int)n)==0;
}

static int mode_read(sync_batch *batch, const char *how, size_t n, char **error){
  batch->changes = word_is(how, n, "changes");
  if( batch->changes || word_is(how, n, "full") ) return SQLITE_OK;
  return error_set(error, "ortto: the mode of ortto_sync cannot be '%.*s'; it takes 'full' "
                    "(as without one) or 'changes'", n<20 ? (int)n : 20, how);
}

static int option_read(sync_batch *batch, js name, js value, char **error){
  char type = js_type(value);
  int is_mode = js_is(name, "mode"), is_log = js_is(name, "log") && (type=='t' || type=='f' || type=='n');
  if( is_mode && type=='"' ) return mode_read(batch, unquoted(value).p, unquoted(value).n, error);
  if( is_log ) batch->log = type=='t';
  if( is_log || (is_mode && type=='n') ) return SQLITE_OK;
  return error_set(error, "ortto: ortto_sync does not understand \"%.*s\" in its third argument, or not that "
                    "value of it: it takes {\"mode\":\"full\" or \"changes\", \"log\":true or false}",
                    name.n<40 ? (int)name.n : 40, name.p);
}

/* The third argument: a mode, or a JSON object. */
static int options_read(sync_batch *batch, sqlite3_value *options, char **error){
  const char *text;
  js object, name, value;
  if( options==NULL || sqlite3_value_type(options)==SQLITE_NULL ) return SQLITE_OK;
  int rc = text_argument(options, "its mode", &text, error);
  if( rc!=SQLITE_OK ) return rc;
  if( text[strspn(text, " \t\r\n")]!='{' ) return mode_read(batch, text, strlen(text), error);
  if( !json_check(text, strlen(text), &object) )
    return error_set(error, "ortto: the third argument of ortto_sync is no JSON object: %.60s", text);
  js_iter it = js_in(object);
  while( rc==SQLITE_OK && js_next(&it, &name, &value) ) rc = option_read(batch, name, value, error);
  return rc;
}

int sync_batch_begin(sync_batch *batch, conn *c, sqlite3_value *sources, sqlite3_value *target,
                     sqlite3_value *options, char **error){
  const char *from, *into;
  memset(batch, 0, sizeof *batch);
  batch->conn = c;
  batch->begun = now_us();
  int rc = call_check(c, error);
  if( rc==SQLITE_OK ) rc = text_argument(sources, "a source", &from, error);
  if( rc==SQLITE_OK ) rc = text_argument(target, "the local table's name, or a prefix,", &into, error);
  if( rc==SQLITE_OK ) rc = options_read(batch, options, error);
  if( rc==SQLITE_OK ) rc = jobs_read(batch, from, into, error);
  return rc==SQLITE_OK ? jobs_check(batch, error) : rc;
}

int sync_batch_step(sync_batch *batch, int *more, char **error){
  if( batch->run && batch->run->phase==SYNC_DONE ){
    run_free(batch->run);
    batch->run = NULL;
    batch->at++;
  }
  *more = batch->at<batch->jobs;
  if( !*more ) return SQLITE_OK;
  int rc = batch->run ? SQLITE_OK : run_new(batch, &batch->run, error);
  return rc==SQLITE_OK ? run_step(batch->run, error) : rc;
}

void sync_batch_free(sync_batch *batch){
  run_free(batch->run);
  for(int i=0; i<batch->jobs; i++) job_free(&batch->job[i]);
  sqlite3_free(batch->job);
  memset(batch, 0, sizeof *batch);
}
