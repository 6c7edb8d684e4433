/*
** test_programs.c - random programs: what people do, in any order, on several connections, against a model.
**
** A program is a sequence of steps on three connections (each with a database file of its own): statements
** are read half and left open, rows written, transactions and savepoints begun and ended, whole tables
** synced, settings changed, databases attached, tables created, renamed and dropped, the extension loaded
** again, a child forked, a child killed in the middle of its work, a statement interrupted from another
** thread, two threads at once, and a server that stumbles. The model is a SQLite database of what the
** account must hold by then: a transaction's rows count from its COMMIT on, those of a ROLLBACK never. Read
** through any connection, and synced, the account must equal it.
**
** Settings, from the environment:
**   SEED=n       of the first program; the next has the next number. Printed, and again where one fails
**   PROGRAMS=n   how many; else as many as begin within PROGRAM_SECONDS (15)
**   STEPS=n      of each program (60): fewer, to shrink one that fails
**   VERBOSE=1    print every step
*/
#define _GNU_SOURCE
#include "harness.h"
#include <pthread.h>

#define COUNT(array) ((int)(sizeof(array)/sizeof(*(array))))
#define CONNECTIONS 3
#define OPEN 3                     /* statements left open on a connection */
#define MOST_HELD 400

typedef struct change {            /* of the model, when it is delivered */
  char *sql;
} change;

typedef struct connection {
  sqlite3 *db;
  char file[40];
  sqlite3_stmt *open[OPEN];
  int depth;                       /* of the transaction: 0 none; 1 BEGIN or the first SAVEPOINT; and so on */
  int mark[20];                    /* how many changes there were at each depth's beginning */
  int begun_plain;                 /* by BEGIN */
  change held[MOST_HELD];
  int n_held, notes, committed_notes, note_mark[20];
  int write_off, attached, created;
  int half_synced;                 /* a child was killed at it: the next sync goes on with what it had read */
} connection;

static sqlite3 *model;
static connection connections[CONNECTIONS];
static unsigned long program;      /* its seed */
static uint64_t chance;
static int names;                  /* used up so far */
static char history[64][300];
static int steps;

static int below(int n){
  chance += UINT64_C(0x9e3779b97f4a7c15);
  uint64_t z = chance;
  z = (z ^ (z>>30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z>>27)) * UINT64_C(0x94d049bb133111eb);
  return (int)((z ^ (z>>31)) % (uint64_t)n);
}

static long setting(const char *name, long otherwise){
  const char *text = getenv(name);
  return text && *text ? strtol(text, NULL, 10) : otherwise;
}

__attribute__((format(printf, 1, 2)))
static void note(const char *format, ...){
  char *line = history[steps%64];
  va_list args;
  va_start(args, format);
  vsnprintf(line, sizeof history[0], format, args);
  va_end(args);
  if( getenv("VERBOSE") ) printf("# %3d %s\n", steps, line);
  steps++;
}

__attribute__((format(printf, 1, 2)))
static void failed(const char *format, ...){
  char what[1500];
  va_list args;
  va_start(args, format);
  vsnprintf(what, sizeof what, format, args);
  va_end(args);
  for(int i=steps>40 ? steps-40 : 0; i<steps; i++) printf("# %3d %s\n", i, history[i%64]);
  printf("# SEED=%lu PROGRAMS=1\n", program);
  fail_msg("program %lu, step %d: %s", program, steps, what);
}

/* ---- the model --------------------------------------------------------------------------------------- */

static void model_do(const char *sql){
  if( sqlite3_exec(model, sql, NULL, NULL, NULL)!=SQLITE_OK ) failed("model: %s: %s", sqlite3_errmsg(model),
      sql);
}

static char *model_text(const char *sql){
  char *text = sql_text(model, sql);
  if( strncmp(text, "error ", 6)==0 ) failed("model: %s: %s", text, sql);
  return text;
}

/* An email that is there, or "" where nobody is. Freed by sqlite3_free. */
static char *anybody(void){
  char *sql = sqlite3_mprintf("SELECT email FROM people WHERE email IS NOT NULL ORDER BY email LIMIT 1 "
      "OFFSET "
      "%d %% (SELECT count(email) FROM people)", below(1000)), *email = model_text(sql);
  sqlite3_free(sql);
  return email;
}

/* What a statement changes: at once, or at COMMIT. Takes sql over. */
static void delivered_later(connection *c, char *sql){
  if( c->depth==0 ){
    model_do(sql);
    sqlite3_free(sql);
  }else if( c->n_held<MOST_HELD ) c->held[c->n_held++].sql = sql;
  else failed("too much held");
}

static void held_cut(connection *c, int n){
  while( c->n_held>n ) sqlite3_free(c->held[--c->n_held].sql);
}

static void held_deliver(connection *c){
  for(int i=0; i<c->n_held; i++) model_do(c->held[i].sql);
  held_cut(c, 0);
}

#define ALL(from) "SELECT json_group_array(json_array(email, first_name, last_name)) FROM " \
  "(SELECT email, first_name, last_name FROM " from " ORDER BY 1, 2, 3)"

static void must_equal(sqlite3 *db, const char *sql, const char *what){
  char *got = sql_text(db, sql), *expected = model_text(ALL("people"));
  if( strcmp(got, expected)!=0 ){
    size_t i = 0;
    while( got[i] && got[i]==expected[i] ) i++;
    i = i>60 ? i-60 : 0;
    failed("%s is not what the account must hold, from ...\n  %.300s\n  %.300s", what, got+i, expected+i);
  }
  sqlite3_free(got);
  sqlite3_free(expected);
}

/* ---- connections ------------------------------------------------------------------------------------- */

static sqlite3 *open_file(const char *file){
  sqlite3 *db = NULL;
  char *why = NULL;
  const char *ext = getenv("EXT");
  if( sqlite3_open(file, &db)!=SQLITE_OK ) failed("open: %s", sqlite3_errmsg(db));
  sqlite3_enable_load_extension(db, 1);
  if( sqlite3_load_extension(db, ext ? ext : "./ortto.so", NULL, &why)!=SQLITE_OK ) failed("load: %s", why);
  char *sql = sqlite3_mprintf("SELECT ortto_config('api_url', %Q), ortto_config('key', 'sandbox-key'), "
      "ortto_config('rate', 0), ortto_config('retries', 2)", sandbox.url);
  if( sql_run(db, sql)!=SQLITE_OK ) failed("config: %s", sqlite3_errmsg(db));
  sqlite3_free(sql);
  sqlite3_busy_timeout(db, 2000);
  return db;
}

static void must(connection *c, const char *sql){
  if( sql_run(c->db, sql)!=SQLITE_OK ) failed("%s: %s", sql, sqlite3_errmsg(c->db));
}

/* Runs it; where writing is off for this connection it must be an error, and nothing comes of it. */
static int write_row(connection *c, char *sql){
  note("%d %s", (int)(c-connections), sql);
  int rc = sql_run(c->db, sql);
  if( c->write_off==0 && rc!=SQLITE_OK ) failed("%s: %s", sql, sqlite3_errmsg(c->db));
  if( c->write_off && rc==SQLITE_OK ) failed("%s: no error, with write=off", sql);
  sqlite3_free(sql);
  return rc==SQLITE_OK;
}

/* ---- steps ------------------------------------------------------------------------------------------- */

static void step_read(connection *c){
  note("%d reads all", (int)(c-connections));
  must_equal(c->db, ALL("ortto_people"), "ortto_people");
}

static void step_count(connection *c){
  note("%d counts", (int)(c-connections));
  char *n = sql_text(c->db, "SELECT count(*) FROM ortto_people"),
      *m = model_text("SELECT count(*) FROM people");
  if( strcmp(n, m)!=0 ) failed("count(*) is %s, not %s", n, m);
  sqlite3_free(n);
  sqlite3_free(m);
}

static void step_find(connection *c){
  char *email = anybody(), *sql = sqlite3_mprintf("SELECT first_name FROM ortto_people WHERE email = %Q",
      email);
  char *of_model = sqlite3_mprintf("SELECT first_name FROM people WHERE email = %Q", email);
  note("%d %s", (int)(c-connections), sql);
  char *got = sql_text(c->db, sql), *expected = model_text(of_model);
  if( strcmp(got, expected)!=0 ) failed("%s: %s, not %s", sql, got, expected);
  sqlite3_free(got);
  sqlite3_free(expected);
  sqlite3_free(sql);
  sqlite3_free(of_model);
  sqlite3_free(email);
}

static int is_expected_end(int rc){
  return rc==SQLITE_ROW || rc==SQLITE_DONE || rc==SQLITE_ABORT || rc==SQLITE_ABORT_ROLLBACK
      || rc==SQLITE_INTERRUPT
      || rc==SQLITE_SCHEMA;
}

/* Opens a statement, or reads on in one, or lets one go. */
static void step_half(connection *c){
  static const char *const sql[] = {
    "SELECT id, email FROM ortto_people", "SELECT * FROM ortto_accounts", "SELECT * FROM ortto_fields",
    "SELECT p.id, a.name FROM ortto_people p LEFT JOIN ortto_accounts a ON a.id = p.account_id",
        "SELECT * FROM ortto_log",
    "SELECT * FROM ortto_pending", "SELECT * FROM ortto_tags",
        "SELECT * FROM ortto_sync('ortto_tags', 'half_tags')",
  };
  int i = below(OPEN), kind = below(COUNT(sql)), rows = 1 + below(6), rc = SQLITE_ROW;
  if( c->open[i]==NULL ){
    if( kind==7 && (c->depth>0) ) kind = 0;
    note("%d opens [%d] %s", (int)(c-connections), i, sql[kind]);
    if( sqlite3_prepare_v2(c->db, sql[kind], -1, &c->open[i], NULL)!=SQLITE_OK )
      failed("%s: %s", sql[kind], sqlite3_errmsg(c->db));
  }else if( below(3)==0 ){
    note("%d lets [%d] go", (int)(c-connections), i);
    sqlite3_finalize(c->open[i]);
    c->open[i] = NULL;
    return;
  }else note("%d reads on [%d] %d", (int)(c-connections), i, rows);
  while( rows-->0 && rc==SQLITE_ROW ) rc = sqlite3_step(c->open[i]);
  /* A sync is half read, and meanwhile a transaction was begun; or a second one into the same table. */
  const char *said = rc==SQLITE_ERROR ? sqlite3_errmsg(c->db) : "";
  if( strstr(said, "while the sync was half read") || strstr(said,
      "another sync into 'half_tags'") ) rc = SQLITE_DONE;
  if( !is_expected_end(rc) ) failed("reading on: %d %s", rc, sqlite3_errmsg(c->db));
  if( rc!=SQLITE_ROW ){
    sqlite3_finalize(c->open[i]);
    c->open[i] = NULL;
  }
}

static void close_statements(connection *c){
  for(int i=0; i<OPEN; i++){
    sqlite3_finalize(c->open[i]);
    c->open[i] = NULL;
  }
}

#define MERGED(email, first, last) sqlite3_mprintf("INSERT INTO people VALUES(%Q, %Q, %Q) ON " \
    "CONFLICT(email) DO " \
  "UPDATE SET first_name = coalesce(excluded.first_name, first_name), last_name = " \
      "coalesce(excluded.last_name, last_name)", \
  email, first, last)

static void step_insert(connection *c){
  char *email = below(3) ? sqlite3_mprintf("new%d@example.com", ++names) : anybody(), first[20], last[20];
  snprintf(first, sizeof first, "First%d", ++names);
  snprintf(last, sizeof last, "Last%d", names);
  const char *given = below(2) ? last : NULL;
  if( write_row(c, sqlite3_mprintf("INSERT INTO ortto_people(email, first_name, last_name) VALUES(%Q, %Q, "
      "%Q)", email,
                                   first, given)) )
    delivered_later(c, MERGED(email, first, given));
  sqlite3_free(email);
}

static void step_update(connection *c){
  char *email = anybody(), first[20];
  snprintf(first, sizeof first, "Changed%d", ++names);
  const char *value = below(6) ? first : NULL;
  if( write_row(c, sqlite3_mprintf("UPDATE ortto_people SET first_name = %Q WHERE email = %Q", value,
      email)) )
    delivered_later(c, sqlite3_mprintf("UPDATE people SET first_name = %Q WHERE email = %Q", value, email));
  sqlite3_free(email);
}

/* Whoever is archived is nobody's any more: the others' held rows must not bring him back. */
static void step_delete(connection *c){
  char *email = anybody();
  for(int i=0; i<CONNECTIONS; i++) if( connections[i].n_held ){
    sqlite3_free(email);
    return;
  }
  if( c->depth==0 && write_row(c, sqlite3_mprintf("DELETE FROM ortto_people WHERE email = %Q", email)) )
    delivered_later(c, sqlite3_mprintf("DELETE FROM people WHERE email = %Q", email));
  sqlite3_free(email);
}

/* Counts at once, whatever becomes of the transaction. */
static void step_upsert(connection *c){
  char *email = below(2) ? sqlite3_mprintf("up%d@example.com", ++names) : anybody(), first[20];
  snprintf(first, sizeof first, "Upserted%d", ++names);
  if( write_row(c, sqlite3_mprintf("SELECT ortto_upsert(json_object('fields', json_object('email', %Q, "
      "'first_name', "
                                   "%Q)))", email, first)) ){
    char *sql = MERGED(email, first, NULL);
    model_do(sql);
    sqlite3_free(sql);
  }
  sqlite3_free(email);
}

static void step_note(connection *c){
  char *sql = sqlite3_mprintf("INSERT INTO notes VALUES(%d)", ++names);
  note("%d %s", (int)(c-connections), sql);
  must(c, sql);
  sqlite3_free(sql);
  c->notes++;
  if( c->depth==0 ) c->committed_notes = c->notes;
}

static void step_begin(connection *c){
  char sql[40];
  int savepoint = c->depth>0 || below(2);
  if( c->depth>=18 ) return;
  if( savepoint ) snprintf(sql, sizeof sql, "SAVEPOINT s%d", c->depth);
  else snprintf(sql, sizeof sql, "BEGIN%s", below(2) ? " IMMEDIATE" : "");
  note("%d %s", (int)(c-connections), sql);
  must(c, sql);
  if( c->depth==0 ) c->begun_plain = !savepoint;
  c->mark[c->depth] = c->n_held;
  c->note_mark[c->depth++] = c->notes;
}

static void transaction_over(connection *c, int kept){
  if( kept ){
    held_deliver(c);
    c->committed_notes = c->notes;
  }else{
    held_cut(c, 0);
    c->notes = c->committed_notes;
  }
  c->depth = 0;
}

static void step_commit(connection *c){
  if( c->depth==0 ) return;
  note("%d COMMIT", (int)(c-connections));
  int held = c->n_held, rc = sql_run(c->db, "COMMIT");
  if( rc==SQLITE_BUSY ) return;    /* by a statement that writes and is half read */
  if( c->write_off && held>0 ){
    if( rc==SQLITE_OK ) failed("a COMMIT with write=off was no error");
    transaction_over(c, 0);
    if( sqlite3_get_autocommit(c->db)==0 ) must(c, "ROLLBACK");
    return;
  }
  if( rc!=SQLITE_OK ) failed("COMMIT: %d %s", rc, sqlite3_errmsg(c->db));
  transaction_over(c, 1);
}

static void step_rollback(connection *c){
  if( c->depth==0 ) return;
  note("%d ROLLBACK", (int)(c-connections));
  must(c, "ROLLBACK");
  transaction_over(c, 0);
}

/* A savepoint is gone back to, or released. The outermost one, released, is a COMMIT. */
static void step_savepoint(connection *c){
  int at = c->depth>1 ? c->begun_plain + below(c->depth - c->begun_plain) : 0, back = below(2);
  char sql[60];
  if( c->depth==0 || (c->begun_plain && c->depth==1) ) return;
  if( at==0 && !back ) return;     /* as a COMMIT, which is a step of its own */
  snprintf(sql, sizeof sql, back ? "ROLLBACK TO s%d" : "RELEASE s%d", at);
  note("%d %s", (int)(c-connections), sql);
  must(c, sql);
  if( back ){
    held_cut(c, c->mark[at]);
    c->notes = c->note_mark[at];
  }
  c->depth = back ? at+1 : at;
}

static void step_sync(connection *c){
  const char *sql = below(2) ? "SELECT ortto_sync('ortto_people', 'people')"
                             : "SELECT ortto_sync('ortto_people', 'people', 'changes')";
  note("%d %s", (int)(c-connections), sql);
  int rc = sql_run(c->db, sql);
  if( rc!=SQLITE_OK ) failed("%s: %d %s", sql, rc, sqlite3_errmsg(c->db));
  if( strstr(sql, "changes")==NULL && !c->half_synced ) must_equal(c->db, ALL("people"), "the synced table");
  if( c->depth==0 ) c->half_synced = 0;
}

static void step_setting(connection *c){
  static const char *const sql[] = {
    "SELECT ortto_config('concurrency', 1)", "SELECT ortto_config('concurrency', NULL)",
    "SELECT ortto_config('timeout_ms', 20000)", "SELECT ortto_config('timeout_ms', NULL)",
    "SELECT ortto_config('retries', 3)", "SELECT ortto_config('rate', 50)", "SELECT ortto_config('rate', 0)",
    "SELECT ortto_config('write', 'off')", "SELECT ortto_config('write', NULL)",
        "SELECT ortto_config('write', NULL)",
    "SELECT ortto_config('key', 'sandbox-key')", "SELECT ortto_config('concurrency', 'many')",
  };
  int kind = below(COUNT(sql)), rc;
  if( strstr(sql[kind], "'key'") ){
    if( c->n_held ) return;        /* it is refused while rows wait for the account of the present one */
    close_statements(c);
  }
  note("%d %s", (int)(c-connections), sql[kind]);
  rc = sql_run(c->db, sql[kind]);
  if( (rc==SQLITE_OK)==(strstr(sql[kind], "many")!=NULL) ) failed("%s: %d %s", sql[kind], rc,
      sqlite3_errmsg(c->db));
  if( strstr(sql[kind], "'write'") ) c->write_off = strstr(sql[kind], "off")!=NULL;
}

/* A key that is refused: every reading fails, says so, and with the right one all is as before. */
static void step_wrong_key(connection *c){
  if( c->depth>0 ) return;
  close_statements(c);
  note("%d has a wrong key", (int)(c-connections));
  must(c, "SELECT ortto_config('key', 'no-such-key-at-all')");
  char *said = sql_text(c->db, "SELECT count(id) FROM (SELECT id FROM ortto_people)");
  if( strncmp(said, "error 1: ortto: ", 16)!=0 || strstr(said,
      "no-such-key-at-all") ) failed("a wrong key: %s", said);
  sqlite3_free(said);
  must(c, "SELECT ortto_config('key', 'sandbox-key')");
}

static void step_table(connection *c){
  if( c->depth>0 ) return;
  close_statements(c);
  if( !c->created ){
    note("%d creates a table", (int)(c-connections));
    must(c, "CREATE VIRTUAL TABLE mine USING ortto(table=people, write=on)");
    must_equal(c->db, ALL("mine"), "a table of our own");
  }else if( below(2) ){
    note("%d renames it", (int)(c-connections));
    must(c, "ALTER TABLE mine RENAME TO other; ALTER TABLE other RENAME TO mine");
    must_equal(c->db, ALL("mine"), "a table that was renamed");
  }else{
    note("%d drops it", (int)(c-connections));
    must(c, "DROP TABLE mine");
  }
  char *there = sql_text(c->db, "SELECT count(*) FROM sqlite_schema WHERE name = 'mine'");
  c->created = atoi(there);
  sqlite3_free(there);
}

static void step_attach(connection *c){
  if( c->depth>0 ) return;
  close_statements(c);
  char *sql = c->attached ? sqlite3_mprintf("DETACH aux") : sqlite3_mprintf("ATTACH '%s.aux' AS aux",
      c->file);
  note("%d %s", (int)(c-connections), sql);
  must(c, sql);
  sqlite3_free(sql);
  c->attached = !c->attached;
  if( !c->attached ) return;
  must(c, "SELECT ortto_sync('ortto_people', 'aux.people')");
  must_equal(c->db, ALL("aux.people"), "the synced table of another file");
}

static void step_load(connection *c){
  const char *ext = getenv("EXT");
  char *why = NULL;
  note("%d loads again", (int)(c-connections));
  if( sqlite3_load_extension(c->db, ext ? ext : "./ortto.so", NULL,
      &why)!=SQLITE_OK ) failed("load again: %s", why);
}

/* A connection from before a fork sends nothing in the child, and says so. */
static void step_fork(connection *c){
  note("%d forks", (int)(c-connections));
  fflush(NULL);
  pid_t pid = fork();
  if( pid==0 ){
    char *said = sql_text(c->db, "SELECT ortto_check()");
    _exit(strncmp(said, "error ", 6)==0 ? 0 : 1);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  if( status!=0 ) failed("a child's use of the connection: status %x", status);
}

/* A child works on this connection's file and dies at it. What it sent is known to the server alone. */
static void step_kill(connection *c){
  if( c->depth>0 ) return;
  close_statements(c);
  int number = ++names, sync = below(2);
  note("%d's file: a child is killed at %s", (int)(c-connections), sync ? "a sync" : "a COMMIT");
  fflush(NULL);
  pid_t pid = fork();
  if( pid==0 ){
    sqlite3 *db = open_file(c->file);
    char *sql = sqlite3_mprintf("BEGIN; INSERT INTO notes VALUES(-%d); INSERT INTO ortto_people(email, "
        "first_name) VALUES("
        "'killed%d@example.com', 'Killed'); COMMIT", number, number);
    sql_run(db, sync ? "SELECT ortto_sync('ortto_people', 'people')" : sql);
    _exit(0);
  }
  sleep_ms(below(60));
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  sleep_ms(60);                    /* what is on the way takes effect */
  char path[100], *sql = sqlite3_mprintf("SELECT count(*) FROM notes WHERE n = -%d", number);
  snprintf(path, sizeof path, "/sandbox/person?email=killed%d@example.com", number);
  char *there = server_ask(&sandbox, path, NULL), *noted = sql_text(c->db, sql);
  c->half_synced |= sync;
  int sent = strstr(there, "null")!=there;
  if( atoi(noted) && !sent ) failed("committed, and not delivered");
  if( atoi(noted) ) c->notes++, c->committed_notes++;
  if( sent ){
    char *merged = sqlite3_mprintf("INSERT INTO people VALUES('killed%d@example.com', 'Killed', NULL)",
        number);
    model_do(merged);
    sqlite3_free(merged);
  }
  sqlite3_free(noted);
  sqlite3_free(sql);
  free(there);
}

typedef struct worker { connection *c; int ms, number, rc; } worker;

static void *interrupt_soon(void *ctx){
  worker *w = ctx;
  sleep_ms(w->ms);
  sqlite3_interrupt(w->c->db);
  return NULL;
}

static void step_interrupt(connection *c){
  worker w = { c, below(30), 0, 0 };
  pthread_t thread;
  if( c->depth>0 ) return;
  close_statements(c);
  note("%d is interrupted after %d ms", (int)(c-connections), w.ms);
  pthread_create(&thread, NULL, interrupt_soon, &w);
  char *got = sql_text(c->db, ALL("ortto_people")), *expected = model_text(ALL("people"));
  pthread_join(thread, NULL);
  /* While a statement is compiled SQLite 3.40 has one code for all that a table says. */
  int ended = strncmp(got, "error 9: ", 9)==0 || strcmp(got, "error 1: ortto: interrupted")==0;
  if( strcmp(got, expected)!=0 && !ended ) failed("interrupted: %.300s", got);
  sqlite3_free(got);
  sqlite3_free(expected);
}

static void *upsert_many(void *ctx){
  worker *w = ctx;
  char *sql = sqlite3_mprintf("SELECT ortto_upsert(json_object('fields', json_object('email', "
      "'thread%d@example.com', "
      "'first_name', 'Thread')))", w->number);
  for(int i=0; i<3 && w->rc==SQLITE_OK; i++){
    w->rc = sql_run(w->c->db, sql);
    if( w->rc==SQLITE_OK ) w->rc = sql_run(w->c->db, "SELECT count(id) FROM (SELECT id FROM ortto_people)");
  }
  sqlite3_free(sql);
  return NULL;
}

static void step_threads(connection *c){
  (void)c;
  worker w[2] = { { &connections[0], 0, names + 1, 0 }, { &connections[1], 0, names + 2, 0 } };
  pthread_t thread[2];
  names += 2;
  if( connections[0].write_off || connections[1].write_off ) return;
  note("0 and 1 at once");
  for(int i=0; i<2; i++) pthread_create(&thread[i], NULL, upsert_many, &w[i]);
  for(int i=0; i<2; i++) pthread_join(thread[i], NULL);
  for(int i=0; i<2; i++){
    if( w[i].rc!=SQLITE_OK ) failed("a thread: %s", sqlite3_errmsg(w[i].c->db));
    char *sql = sqlite3_mprintf("INSERT INTO people VALUES('thread%d@example.com', 'Thread', NULL)",
        w[i].number);
    model_do(sql);
    sqlite3_free(sql);
  }
}

/* The next answer is one that a retry mends. */
static void step_stumble(connection *c){
  static const char *const faults[] = {
    "{\"kind\":\"reset\"}", "{\"kind\":\"reset_after\"}", "{\"kind\":\"status\",\"status\":503}",
        "{\"kind\":\"truncate\"}",
    "{\"kind\":\"latency\",\"ms\":60,\"times\":5}", "{\"kind\":\"drip\",\"ms\":1,\"bytes\":400,\"times\":2}",
    "{\"kind\":\"short_page\",\"rows\":7,\"path\":\"/v1/person/get\",\"times\":3}",
    "{\"kind\":\"repeat_id\",\"path\":\"/v1/person/get\"}",
        "{\"kind\":\"fresh_cursor\",\"path\":\"/v1/person/get\",\"times\":3}",
  };
  int kind = below(COUNT(faults));
  (void)c;
  note("the server stumbles: %s", faults[kind]);
  server_do(&sandbox, "/sandbox/fault", faults[kind]);
}

static void step_notes(connection *c){
  char *n = sql_text(c->db, "SELECT count(*) FROM notes");
  note("%d counts its notes", (int)(c-connections));
  if( atoi(n)!=c->notes ) failed("%s notes, not %d", n, c->notes);
  sqlite3_free(n);
}

/* What COMMIT would send, by ortto_pending. */
static void step_pending(connection *c){
  char *n = sql_text(c->db, "SELECT count(*) FROM ortto_pending");
  note("%d looks at ortto_pending", (int)(c-connections));
  if( (atoi(n)>0)!=(c->n_held>0) ) failed("%s rows are pending, %d were written", n, c->n_held);
  sqlite3_free(n);
}

static const struct { void (*run)(connection *); int weight; } kinds[] = {
  { step_read, 6 }, { step_count, 3 }, { step_find, 6 }, { step_half, 14 }, { step_insert, 10 },
      { step_update, 9 },
  { step_delete, 3 }, { step_upsert, 5 }, { step_note, 6 }, { step_begin, 9 }, { step_commit, 5 },
      { step_rollback, 3 },
  { step_savepoint, 6 }, { step_sync, 5 }, { step_setting, 5 }, { step_wrong_key, 1 }, { step_table, 3 },
  { step_attach, 2 }, { step_load, 1 }, { step_fork, 1 }, { step_kill, 2 }, { step_interrupt, 2 },
      { step_threads, 1 },
  { step_stumble, 3 }, { step_notes, 2 }, { step_pending, 3 },
};

static void one_step(void){
  int all = 0, at;
  for(int i=0; i<COUNT(kinds); i++) all += kinds[i].weight;
  at = below(all);
  int i = 0;
  while( at>=kinds[i].weight ) at -= kinds[i++].weight;
  connection *c = &connections[below(CONNECTIONS)];
  kinds[i].run(c);
  if( (sqlite3_get_autocommit(c->db)==0)!=(c->depth>0) )
    failed("connection %d is %sin a transaction", (int)(c-connections), c->depth ? "not " : "");
}

/* ---- programs ---------------------------------------------------------------------------------------- */

static void program_begin(void){
  static const char *const guesses[] = { "{\"guess\":{\"cursor\":\"snapshot\"}}",
      "{\"guess\":{\"cursor\":\"live\"}}" };
  steps = names = 0;
  chance = program;
  server_do(&sandbox, "/sandbox/reset", NULL);
  server_do(&sandbox, "/sandbox/set", guesses[below(2)]);
  if( sqlite3_open(":memory:", &model)!=SQLITE_OK ) failed("no model");
  model_do("CREATE TABLE people(email UNIQUE, first_name, last_name)");
  for(int i=0; i<CONNECTIONS; i++){
    connection *c = &connections[i];
    memset(c, 0, sizeof *c);
    snprintf(c->file, sizeof c->file, "program%d.db", i);
    unlink(c->file);
    char aux[60];
    snprintf(aux, sizeof aux, "%s.aux", c->file);
    unlink(aux);
    c->db = open_file(c->file);
    must(c, below(2) ? "PRAGMA journal_mode = wal" : "PRAGMA journal_mode = delete");
    must(c, "PRAGMA synchronous = off; CREATE TABLE notes(n)");
  }
  char *there = sql_text(connections[0].db, ALL("ortto_people"));
  char *sql = sqlite3_mprintf("INSERT INTO people SELECT value->>0, value->>1, value->>2 FROM "
      "json_each(%Q)", there);
  model_do(sql);
  sqlite3_free(sql);
  sqlite3_free(there);
}

static void program_end(void){
  server_do(&sandbox, "/sandbox/clear", NULL);
  for(int i=0; i<CONNECTIONS; i++){
    connection *c = &connections[i];
    close_statements(c);
    must(c, "SELECT ortto_config('write', NULL)");
    c->write_off = 0;
    if( below(2) ) step_commit(c);
    if( c->depth ) step_rollback(c);
  }
  for(int i=0; i<CONNECTIONS; i++){
    connection *c = &connections[i];
    step_read(c);
    step_notes(c);
    if( c->half_synced ) must(c, "SELECT ortto_sync('ortto_people', 'people')");
    must(c, "SELECT ortto_sync('ortto_people', 'people')");
    must_equal(c->db, ALL("people"), "the table synced last");
    char *said = sql_text(c->db, "SELECT group_concat(integrity_check) FROM pragma_integrity_check WHERE "
        "integrity_check "
        "NOT LIKE '%ortto%'");
    if( strcmp(said, "ok")!=0 ) failed("integrity_check: %s", said);
    sqlite3_free(said);
    char *kept = sql_text(c->db, "SELECT count(*) FROM ortto_failures");
    if( sqlite3_close(c->db)!=SQLITE_OK ) failed("close: %s", sqlite3_errmsg(c->db));
    sqlite3_free(kept);
  }
  sqlite3_close(model);
}

static void test_programs(void **state){
  (void)state;
  long most = setting("PROGRAMS", 0), length = setting("STEPS", 60), ran = 0;
  double until = now_ms() + 1000.0*(double)setting("PROGRAM_SECONDS", 15);
  program = (unsigned long)setting("SEED", 20261127);
  printf("# SEED=%lu\n", program);
  for(; most ? ran<most : now_ms()<until; ran++, program++){
    program_begin();
    for(long i=0; i<length; i++) one_step();
    program_end();
  }
  printf("# %ld programs of %ld steps\n", ran, length);
}

static int set_up(void **state){
  (void)state;
  server_start(&sandbox, "--people 40 --accounts 5 --custom 3 --account-custom 2 --audiences 3 --tags 4 "
      "--no-archived");
  return 0;
}

int main(void){
  const struct CMUnitTest tests[] = { cmocka_unit_test(test_programs) };
  curl_global_init(CURL_GLOBAL_DEFAULT);
  return cmocka_run_group_tests_name("programs", tests, set_up, sandbox_stop);
}
