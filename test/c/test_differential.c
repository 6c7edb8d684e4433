/*
** test_differential.c: a query gives the same rows on an ortto table and on a local copy of it.
**
** Each scenario starts a sandbox server with data of its own, copies every ortto table once into a local
** table with the same columns and declared types, and then runs random statements twice: as they are
** (ortto_people ...), and with every ortto_ replaced by local_. Each value's type and bytes must be equal;
** so must the order, where the ORDER BY is total, and otherwise the rows as a multiset.
**
** A column whose declared type changes one of its values on the way into the local copy (a text '12' in an
** INTEGER column: Ortto sent something unexpected there) is copied without a type and used as +column, so
** that no affinity gets in between; in a scenario of its own it keeps its type and is only compared. Sums
** of reals are not used: their last digit depends on the order of the rows.
**
** Settings, from the environment:
**   SEED=n      what the statements and the data are made from (printed at the start; default: a fixed one)
**   COUNT=n     statements for each scenario, in place of its own number
**   FIRST=n     begin with statement n (with COUNT=1: only this one), as printed on a failure
**   VERBOSE=1   print every statement
** SANDBOX is the server to start and EXT the extension to load.
*/
#define _GNU_SOURCE
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))
#define MOST_COLUMNS 800
#define MOST_TABLES 12
#define SAMPLES 24

/* ===== text ================================================================ */

typedef struct Text {
  char *p;
  size_t n, cap;
} Text;

static void *grown(void *p, size_t n) {
  void *q = realloc(p, n ? n : 1);
  if (!q) abort();
  return q;
}

static void add_bytes(Text *t, const char *s, size_t n) {
  if (t->n + n + 1 > t->cap) {
    t->cap = (t->n + n + 1) * 2;
    t->p = grown(t->p, t->cap);
  }
  if (n) memcpy(t->p + t->n, s, n);
  t->n += n;
  t->p[t->n] = 0;
}

static void add(Text *t, const char *format, ...) {
  va_list args;
  va_start(args, format);
  char *s = sqlite3_vmprintf(format, args);   /* for %Q and %w */
  va_end(args);
  if (!s) abort();
  add_bytes(t, s, strlen(s));
  sqlite3_free(s);
}

static void cut(Text *t, size_t n) {
  t->n = n;
  if (t->p) t->p[n] = 0;
}

/* The statement for the local copies. */
static char *localized(const char *sql) {
  char *out = sqlite3_mprintf("%s", sql);
  for (char *p = out; (p = strstr(p, "ortto_")) != NULL; p += 6) memcpy(p, "local_", 6);
  return out;
}

/* ===== chance ============================================================== */

static uint64_t chance_state;

static uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

static int below(int n) {
  chance_state += UINT64_C(0x9e3779b97f4a7c15);
  return n > 0 ? (int)(mix(chance_state) % (uint64_t)n) : 0;
}

static bool percent(int p) { return below(100) < p; }

static const char *pick(const char *const *list, int n) { return list[below(n)]; }
#define PICK(list) pick((list), COUNT(list))

static long setting(const char *name, long otherwise) {
  const char *text = getenv(name);
  return text && *text ? strtol(text, NULL, 10) : otherwise;
}

/* ===== server and connection =============================================== */

typedef struct Column {
  char *name, *type;
  bool untyped;             /* a value would change under the declared type */
  char *sample[SAMPLES];    /* SQL literals of values that are there */
  int samples;
} Column;

typedef struct Table {
  char name[40];            /* ortto_people; the copy is local_people */
  Column *column;
  int columns, rows;
  int often;                /* columns that are worth more: the first ones */
} Table;

typedef struct Scenario {
  const char *name, *options, *setup;
  int count;                /* statements */
  bool joins;               /* small tables: each row may cost a request */
  bool feed;                /* the activity feed too */
  bool typed;               /* columns keep their types even where that changes a value */
  bool again;               /* only statements that ask a table again for each row outside */
  const char *const *tables;
} Scenario;

static const Scenario *scenario;
static sqlite3 *db;
static pid_t server;
static int server_stdin = -1;
static Table tables[MOST_TABLES];
static int table_count;
static long seed;

static void start_server(const char *options) {
  int in[2], out[2];
  char url[200] = "", command[600];
  const char *program = getenv("SANDBOX");
  snprintf(command, sizeof command, "exec '%s' --until-eof --port 0 --seed %ld %s",
      program ? program : ".build/ortto_sandbox",
           seed % 1000 + 1, options);
  assert_int_equal(pipe(in), 0);
  assert_int_equal(pipe(out), 0);
  server = fork();
  if (server == 0) {
    dup2(in[0], 0);
    dup2(out[1], 1);
    close(in[1]);
    close(out[0]);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  server_stdin = in[1];
  ssize_t got = read(out[0], url, sizeof url - 1);   /* one line, written at once */
  close(out[0]);
  if (got <= 0) fail_msg("the sandbox did not start: %s", command);
  url[strcspn(url, "\n")] = 0;
  setenv("ORTTO_API_URL", url, 1);
  setenv("ORTTO_API_KEY", "sandbox-key", 1);
  setenv("ORTTO_RATE", "0", 1);
  setenv("ORTTO_RETRIES", "0", 1);
}

static void run(const char *sql) {
  char *error = NULL;
  if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK) fail_msg("%s\n%s", error, sql);
}

static void connect_database(void) {
  char *error = NULL;
  const char *extension = getenv("EXT");
  sqlite3_close(db);
  assert_int_equal(sqlite3_open("local.db", &db), SQLITE_OK);
  sqlite3_enable_load_extension(db, 1);
  if (sqlite3_load_extension(db, extension ? extension : "./ortto", NULL, &error) != SQLITE_OK)
    fail_msg("%s", error);
  run("PRAGMA journal_mode = off; PRAGMA synchronous = off; PRAGMA temp_store = memory");
}

static char *text_of(const char *sql) {
  sqlite3_stmt *s;
  if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK) fail_msg("%s\n%s", sqlite3_errmsg(db), sql);
  char *text = sqlite3_step(s) == SQLITE_ROW && sqlite3_column_text(s, 0)
      ? strdup((const char *)sqlite3_column_text(s, 0)) : NULL;
  sqlite3_finalize(s);
  return text;
}

/* ===== local copies ======================================================== */

static void read_columns(Table *t) {
  sqlite3_stmt *s;
  char *sql = sqlite3_mprintf("SELECT name, type FROM pragma_table_xinfo(%Q) WHERE hidden = 0", t->name);
  assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
  t->column = calloc(MOST_COLUMNS, sizeof *t->column);
  for (t->columns = 0; sqlite3_step(s) == SQLITE_ROW && t->columns < MOST_COLUMNS; t->columns++) {
    t->column[t->columns].name = strdup((const char *)sqlite3_column_text(s, 0));
    t->column[t->columns].type = strdup((const char *)sqlite3_column_text(s, 1));
  }
  sqlite3_finalize(s);
  sqlite3_free(sql);
  assert_true(t->columns > 0);
}

/* The first column is the key of all tables but tags and fields. */
static bool has_simple_key(const Table *t) { return strcmp(t->name, "ortto_tags") != 0
    && strcmp(t->name, "ortto_fields") != 0; }

static void create_copy(const Table *t, const char *prefix, bool typed) {
  Text sql = {0};
  add(&sql, "DROP TABLE IF EXISTS %s%s; CREATE TABLE %s%s(", prefix, t->name + 6, prefix, t->name + 6);
  for (int i = 0; i < t->columns; i++) {
    const Column *c = &t->column[i];
    add(&sql, "%s\"%w\" %s", i ? ", " : "", c->name, typed && !c->untyped ? c->type : "");
    if (i == 0 && has_simple_key(t)) add(&sql, " PRIMARY KEY");
  }
  add(&sql, has_simple_key(t) ? ") WITHOUT ROWID" : ")");
  run(sql.p);
  free(sql.p);
}

/* Columns in which the declared type changes a value that came from the server. */
static int find_untyped(Table *t) {
  int found = 0;
  for (int i = 0; i < t->columns; i++) {
    Column *c = &t->column[i];
    char *sql = sqlite3_mprintf(
        "SELECT count(*) FROM raw_%s r JOIN local_%s l ON %s WHERE typeof(r.\"%w\") <> typeof(l.\"%w\") OR "
            "r.\"%w\" IS NOT l.\"%w\"",
        t->name + 6, t->name + 6, has_simple_key(t) ? "r.id = l.id" : "r.rowid = l.rowid", c->name, c->name,
            c->name, c->name);
    char *changed = text_of(sql);
    c->untyped = strcmp(changed, "0") != 0;
    found += c->untyped;
    free(changed);
    sqlite3_free(sql);
  }
  return found;
}

static void read_samples(Table *t) {
  for (int i = 0; i < t->columns; i++) {
    sqlite3_stmt *s;
    Column *c = &t->column[i];
    char *sql = sqlite3_mprintf(
        "SELECT DISTINCT quote(\"%w\") FROM local_%s WHERE \"%w\" IS NOT NULL AND length(\"%w\") < 300 "
                                "AND instr(\"%w\", char(0)) = 0 ORDER BY substr(hex(\"%w\"), -%d), 1 LIMIT "
                                    "%d",
                                c->name, t->name + 6, c->name, c->name, c->name, c->name, 3 + below(9),
                                    SAMPLES);
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK) fail_msg("%s\n%s", sqlite3_errmsg(db), sql);
    while (sqlite3_step(s) == SQLITE_ROW)
      c->sample[c->samples++] = strdup((const char *)sqlite3_column_text(s, 0));
    sqlite3_finalize(s);
    sqlite3_free(sql);
  }
}

static void copy_table(const char *name, const char *where) {
  Table *t = &tables[table_count++];
  char sql[600];
  memset(t, 0, sizeof *t);
  snprintf(t->name, sizeof t->name, "ortto_%s", name);
  read_columns(t);
  create_copy(t, "raw_", false);
  snprintf(sql, sizeof sql, "INSERT INTO raw_%s SELECT * FROM ortto_%s %s", name, name, where);
  run(sql);
  t->rows = sqlite3_changes(db);
  create_copy(t, "local_", true);
  snprintf(sql, sizeof sql, "INSERT INTO local_%s SELECT * FROM raw_%s", name, name);
  run(sql);
  if (find_untyped(t) && !scenario->typed) {
    create_copy(t, "local_", true);
    run(sql);
    if (!strstr(scenario->options, "--hostile")) fail_msg("%s: a value is not of its column's type", t->name);
  }
  read_samples(t);
  t->often = t->columns < 14 ? t->columns : 14;
}

/* Tables of the user's own, of which both runs use the same. */
static void create_plain(void) {
  run("CREATE TABLE plain(k INTEGER PRIMARY KEY, person_id TEXT, account_id TEXT, word TEXT COLLATE NOCASE, "
      "num REAL)");
  run("CREATE TABLE wanted(n INTEGER PRIMARY KEY, v TEXT)");
  if (strcmp(tables[0].name, "ortto_people") == 0)
    run("INSERT INTO wanted(v) SELECT email FROM local_people WHERE email IS NOT NULL ORDER BY substr(id, "
        "-8) LIMIT 250");
  if (!scenario->joins) return;
  run("INSERT INTO plain(person_id, account_id, word, num)"
      " SELECT id, account_id, CASE k % 3 WHEN 0 THEN upper(email) WHEN 1 THEN first_name ELSE last_name "
          "END, k / 2.0"
      "  FROM (SELECT row_number() OVER (ORDER BY id) AS k, * FROM local_people) WHERE k % 9 = 0;"
      "INSERT INTO plain(person_id, account_id, word, num) VALUES(NULL, NULL, NULL, NULL), ('nobody', '5', "
          "'', 0),"
      " (7, 8.5, 'x', 'y'), (x'30', upper('0068ab'), 'Tom', -1), ('0000000000000000000000ff', "
          "'1000000000000000000000ff', 'a b', 1e9)");
}

/* ===== making statements =================================================== */

typedef struct Ref {
  const Table *table;       /* NULL: plain */
  char alias;
} Ref;

static Ref refs[4];
static int ref_count;
static int subqueries;      /* in the statement at hand: each may cost a request for each row around it */

static const char *const odd_values[] = {
    "NULL", "nullif(1, 1)", "(SELECT NULL)", "''", "' '", "0", "1", "-1", "2", "5", "'5'", "1.5", "'1.5'",
        "10.0", "x''", "x'41'", "x'3132'", "'a'", "'A'", "'no such value'",
    "9223372036854775807", "-9223372036854775808", "1e300", "'1e1'", "'2025-06-01'", "'2025-06-01T00:00:00Z'",
        "'[]'", "'{}'", "'+'", "'%'",
    "'nobody'", "'0000000000000000000000ff'", "'000000000000000000000000'", "'O''Brien'", "'\"'", "'\\'",
        "'\xc3\xa9'", "'e\xcc\x81'", "'\xf0\x9f\x99\x82'"};

static const Ref *any_ref(void) { return &refs[below(ref_count)]; }

static int any_column(const Table *t) {
  if (percent(12)) return 0;
  return percent(60) ? below(t->often) : below(t->columns);
}

static const char *const plain_columns[] = {"k", "person_id", "account_id", "word", "num"};

/* A column; *sampled is where its values can be had, or NULL. */
static void column_of(Text *out, const Ref *r, const Column **sampled) {
  *sampled = NULL;
  if (!r->table) {
    add(out, "%c.%s", r->alias, PICK(plain_columns));
    return;
  }
  const Column *c = &r->table->column[any_column(r->table)];
  if (c->untyped && scenario->typed) c = r->table->column;
  add(out, "%s%c.\"%w\"", c->untyped ? "+" : "", r->alias, c->name);
  *sampled = c;
}

/* A column that is only compared: its type may have changed its values. (Not TEXT: a number that Ortto sent
** for a text is not found by its server under that text.) */
static void compared_column(Text *out, const Ref *r, const Column **sampled) {
  if (!r->table || !scenario->typed) {
    column_of(out, r, sampled);
    return;
  }
  const Column *c = &r->table->column[any_column(r->table)];
  if (c->untyped && strcmp(c->type, "TEXT") == 0) c = r->table->column;
  add(out, "%c.\"%w\"", r->alias, c->name);
  *sampled = c;
}

/* A value: one that the column has, one like it, or an odd one. */
static void value_for(Text *out, const Column *c) {
  if (!c || !c->samples || percent(14)) {
    add(out, "%s", PICK(odd_values));
    return;
  }
  const char *v = c->sample[below(c->samples)];
  /* CAST has an affinity of its own, which would keep the column's from being used. */
  switch (below(scenario->typed ? 22 : 24)) {
    case 22: add(out, "CAST(%s AS TEXT)", v); break;
    case 23: add(out, "CAST(%s AS BLOB)", v); break;
    case 0: add(out, "upper(%s)", v); break;
    case 1: add(out, "lower(%s)", v); break;
    case 2: add(out, "%s || ' '", v); break;
    case 3: add(out, "' ' || %s", v); break;
    case 4: add(out, "%s + 0", v); break;
    case 5: add(out, "substr(%s, 1, 3)", v); break;
    default: add(out, "%s", v);
  }
}

static const char *const collations[] = {"NOCASE", "RTRIM", "BINARY"};

static void collate(Text *out) {
  if (percent(12)) add(out, " COLLATE %s", PICK(collations));
}

static void condition(Text *out, int depth);

/* A value that is the same only by the collation. */
static void loosely_equal(Text *out) {
  static const char *const forms[] = {"upper(%s) COLLATE NOCASE", "lower(%s) COLLATE NOCASE",
      "%s || '  ' COLLATE RTRIM", "rtrim(%s) COLLATE RTRIM"};
  const Column *c;
  compared_column(out, any_ref(), &c);
  add(out, " %s ", percent(80) ? "=" : "IS");
  if (!c || !c->samples) value_for(out, c);
  else add(out, PICK(forms), c->sample[below(c->samples)]);
}

/* More values than one request takes. */
static void long_list(Text *out) {
  const Column *c;
  const Ref *r = any_ref();
  if (r->table && strcmp(r->table->name, "ortto_people") == 0 && percent(80)) add(out, "%c.email", r->alias);
  else compared_column(out, r, &c);
  add(out, " IN (SELECT v FROM wanted WHERE n <= %d)", below(260));
}

static void compare(Text *out) {
  static const char *const op[] = {"=", "=", "=", "=", "==", "<>", "<", ">", "<=", ">=", "IS", "IS NOT",
      "!="};
  const Column *c;
  Text column = {0}, value = {0};
  compared_column(&column, any_ref(), &c);
  collate(&column);
  value_for(&value, c);
  collate(&value);
  if (percent(15)) add(out, "%s %s %s", value.p, PICK(op), column.p);
  else add(out, "%s %s %s", column.p, PICK(op), value.p);
  free(column.p);
  free(value.p);
}

static void in_list(Text *out) {
  const Column *c;
  compared_column(out, any_ref(), &c);
  collate(out);
  add(out, percent(25) ? " NOT IN (" : " IN (");
  int n = below(6);
  for (int i = 0; i < n; i++) {
    if (i) add(out, ", ");
    value_for(out, c);
  }
  add(out, ")");
}

static void like(Text *out) {
  const Column *c;
  column_of(out, any_ref(), &c);
  bool glob = percent(30);
  add(out, "%s %s ", percent(20) ? " NOT" : "", glob ? "GLOB" : "LIKE");
  const char *many = glob ? "'*'" : "'%'", *single = glob ? "'?'" : "'_'";
  Text v = {0};
  value_for(&v, c);
  switch (below(5)) {
    case 0: add(out, "%s", v.p); break;
    case 1: add(out, "substr(%s, 1, 4) || %s", v.p, many); break;
    case 2: add(out, "%s || substr(%s, 2, 2) || %s", many, v.p, many); break;
    case 3: add(out, "%s || substr(%s, 2)", single, v.p); break;
    default: add(out, percent(50) ? (glob ? "'T*'" : "'t%%'") : (glob ? "'*[a-f]'" : "'%%@%%'"));
  }
  free(v.p);
}

static void between(Text *out) {
  const Column *c;
  compared_column(out, any_ref(), &c);
  add(out, percent(20) ? " NOT BETWEEN " : " BETWEEN ");
  value_for(out, c);
  add(out, " AND ");
  value_for(out, c);
}

static void two_columns(Text *out) {
  static const char *const op[] = {"=", "<>", "<", ">=", "IS", "IS NOT"};
  const Column *c;
  column_of(out, any_ref(), &c);
  collate(out);
  add(out, " %s ", PICK(op));
  column_of(out, any_ref(), &c);
}

static void expression(Text *out) {
  const Column *c;
  Text x = {0}, v = {0};
  column_of(&x, any_ref(), &c);
  value_for(&v, c);
  switch (below(11)) {
    case 0: add(out, "lower(%s) = lower(%s)", x.p, v.p); break;
    case 1: add(out, "length(%s) > %d", x.p, below(20)); break;
    case 2: add(out, "%s || 'x' = %s || 'x'", x.p, v.p); break;
    case 3: add(out, "+%s = %s", x.p, v.p); break;
    case 4: add(out, "coalesce(%s, %s) = %s", x.p, v.p, v.p); break;
    case 5: add(out, "CAST(%s AS TEXT) = %s", x.p, v.p); break;
    case 6: add(out, "typeof(%s) = 'text'", x.p); break;
    case 7: add(out, "%s + 1 > %s", x.p, v.p); break;
    case 8: add(out, "(%s IS NULL) = %d", x.p, below(2)); break;
    case 9: add(out, "CASE WHEN %s = %s THEN 1 ELSE 0 END", x.p, v.p); break;
    default: add(out, "%s", x.p);   /* as a truth value */
  }
  free(x.p);
  free(v.p);
}

/* People and accounts, which come first, have more to them than the others. */
static const Table *any_table(void) { return &tables[below(percent(55) ? 2 : table_count)]; }

/* A subquery over one more table; its conditions may refer to the tables around it. */
static void subquery(Text *out) {
  const Column *c, *inner;
  if (subqueries >= 2 || ref_count == COUNT(refs)) {
    compare(out);
    return;
  }
  subqueries++;
  int kind = scenario->joins ? below(4) : 1 + below(3), at = ref_count;
  Text column = {0};
  column_of(&column, any_ref(), &c);
  refs[at] = (Ref){percent(20) ? NULL : any_table(), (char)('s' + subqueries)};
  const Ref *r = &refs[at];
  Text mine = {0}, from = {0};
  column_of(&mine, r, &inner);
  add(&from, "FROM %s %c", r->table ? r->table->name : "plain", r->alias);
  if (kind == 0)
    add(out, "%sEXISTS (SELECT 1 %s WHERE %s = %s AND ", percent(25) ? "NOT " : "", from.p, mine.p, column.p);
  else if (kind == 1)
    add(out, "%s = (SELECT %s(%s) %s WHERE ", column.p, percent(50) ? "max" : "min", mine.p, from.p);
  else add(out, "%s %sIN (SELECT %s %s WHERE ", column.p, percent(20) ? "NOT " : "", mine.p, from.p);
  ref_count++;
  /* otherwise conditions see the tables around: a correlated subquery */
  if (!scenario->joins || percent(85)) {
    Ref saved[COUNT(refs)];
    int count = ref_count;
    memcpy(saved, refs, sizeof refs);
    refs[0] = saved[at];
    ref_count = 1;
    condition(out, 1);
    memcpy(refs, saved, sizeof refs);
    ref_count = count;
  } else condition(out, 1);
  ref_count = at;
  add(out, ")");
  free(column.p);
  free(mine.p);
  free(from.p);
}

static void junction(Text *out, int depth) {
  int n = 2 + below(2);
  bool all = percent(60);
  add(out, "(");
  for (int i = 0; i < n; i++) {
    if (i) add(out, all ? " AND " : " OR ");
    condition(out, depth - 1);
  }
  add(out, ")");
}

/* The OR over one column that becomes an IN. */
static void same_column(Text *out) {
  const Column *c;
  Text column = {0};
  compared_column(&column, any_ref(), &c);
  int n = 2 + below(3);
  add(out, "(");
  for (int i = 0; i < n; i++) {
    add(out, "%s%s = ", i ? " OR " : "", column.p);
    value_for(out, c);
  }
  add(out, ")");
  free(column.p);
}

static void condition(Text *out, int depth) {
  const Column *c;
  if (depth > 0 && percent(45)) {
    junction(out, depth);
    return;
  }
  switch (below(22)) {
    case 20: loosely_equal(out); break;
    case 21: long_list(out); break;
    case 0: case 1: case 2: case 3: case 4: case 5: compare(out); break;
    case 6: case 7: case 8: in_list(out); break;
    case 9: case 10: case 11:
      compared_column(out, any_ref(), &c);
      add(out, percent(50) ? " IS NULL" : " IS NOT NULL");
      break;
    case 12: case 13: like(out); break;
    case 14: between(out); break;
    case 15: two_columns(out); break;
    case 16: expression(out); break;
    case 17: same_column(out); break;
    case 18: subquery(out); break;
    default:
      add(out, "NOT (");
      condition(out, depth - 1);
      add(out, ")");
  }
}

static void where(Text *out, int depth) {
  if (percent(12)) return;
  add(out, " WHERE ");
  condition(out, depth);
}

/* The whole key of what is in FROM: with it any ORDER BY is total. */
static void key(Text *out) {
  for (int i = 0; i < ref_count; i++) {
    char a = refs[i].alias;
    if (!refs[i].table) add(out, "%s%c.k", i ? ", " : "", a);
    else if (has_simple_key(refs[i].table)) add(out, "%s%c.id", i ? ", " : "", a);
    else add(out, "%s%c.\"%w\", %c.id", i ? ", " : "", a, refs[i].table->column[0].name, a);
  }
}

static void order_by(Text *out) {
  static const char *const direction[] = {"", "", " DESC", " ASC NULLS LAST", " DESC NULLS FIRST"};
  const Column *c;
  add(out, " ORDER BY ");
  int n = below(3);
  for (int i = 0; i < n; i++) {
    column_of(out, any_ref(), &c);
    collate(out);
    add(out, "%s, ", PICK(direction));
  }
  key(out);
}

static void limit(Text *out) {
  static const int sizes[] = {0, 1, 2, 3, 7, 10, 50, 499, 500, 501, 1000, -1};
  add(out, " LIMIT %d", sizes[below(COUNT(sizes))]);
  if (percent(40)) add(out, " OFFSET %d", percent(80) ? below(30) : 300 + below(900));
}

/* A * would give the columns of a subquery their types again. */
static void all_columns(Text *out, const Table *t) {
  int untyped = 0;
  for (int i = 0; i < t->columns; i++) untyped += t->column[i].untyped;
  for (int i = 0; untyped && i < t->columns; i++) add(out, "%s+a.\"%w\"", i ? ", " : "", t->column[i].name);
  if (!untyped) add(out, "*");
}

static void columns(Text *out) {
  const Column *c;
  if (percent(4) && ref_count == 1 && refs[0].table && !scenario->typed) {
    all_columns(out, refs[0].table);
    return;
  }
  int n = 1 + below(5);
  for (int i = 0; i < n; i++) {
    if (i) add(out, ", ");
    column_of(out, any_ref(), &c);
  }
}

/* Pairs of columns that belong together, for joins that find something. */
static void join_condition(Text *out, const Ref *a, const Ref *b) {
  static const char *const pairs[][4] = {
      {"ortto_people", "account_id", "ortto_accounts", "id"}, {"ortto_people", "id", "ortto_people", "id"},
      {"ortto_people", "id", "plain", "person_id"},
                {"ortto_people", "account_id", "plain", "account_id"},
      {"ortto_people", "email", "plain", "word"},             {"ortto_people", "first_name", "plain", "word"},
      {"ortto_accounts", "id", "plain", "account_id"},
             {"ortto_people", "email", "ortto_people", "email"},
      {"ortto_people", "last_name", "ortto_people", "first_name"}};
  const char *an = a->table ? a->table->name : "plain", *bn = b->table ? b->table->name : "plain";
  int start = below(COUNT(pairs));
  for (int i = 0; percent(85) && i < COUNT(pairs); i++) {
    const char *const *p = pairs[(start + i) % COUNT(pairs)];
    if (strcmp(p[0], an) == 0 && strcmp(p[2], bn) == 0)
      add(out, "%c.%s = %c.%s", a->alias, p[1], b->alias, p[3]);
    else if (strcmp(p[0], bn) == 0 && strcmp(p[2], an) == 0)
      add(out, "%c.%s = %c.%s", b->alias, p[1], a->alias, p[3]);
    else continue;
    return;
  }
  const Column *c;
  column_of(out, a, &c);
  collate(out);
  add(out, " = ");
  column_of(out, b, &c);
}

static void from(Text *out, int most) {
  static const char *const words[] = {"JOIN", "JOIN", "LEFT JOIN", "LEFT JOIN", "CROSS JOIN", "RIGHT JOIN",
      "FULL JOIN"};
  int n = 1;
  if (scenario->joins && most > 1 && percent(55)) n = 2 + (percent(20) && most > 2);
  ref_count = 0;
  for (int i = 0; i < n; i++) {
    refs[i] = (Ref){n > 1 && percent(35) ? NULL : any_table(), (char)('a' + i)};
    const char *name = refs[i].table ? refs[i].table->name : "plain";
    if (i == 0) add(out, " FROM %s %c", name, refs[i].alias);
    else {
      add(out, " %s %s %c ON ", words[below(sqlite3_libversion_number() >= 3039000 ? COUNT(words) : 5)], name,
          refs[i].alias);
      join_condition(out, &refs[below(i)], &refs[i]);
    }
    ref_count++;
  }
}

/* ---- shapes of statements: they return whether the order of the rows is total */

static bool plain_select(Text *out) {
  Text tail = {0};
  from(&tail, 3);
  add(out, "SELECT ");
  columns(out);
  add(out, "%s", tail.p);
  free(tail.p);
  where(out, 2);
  if (percent(55)) return false;
  order_by(out);
  if (percent(60)) limit(out);
  return true;
}

static bool distinct_select(Text *out) {
  Text tail = {0}, list = {0};
  from(&tail, 2);
  columns(&list);
  add(out, "SELECT DISTINCT %s%s", list.p, tail.p);
  where(out, 2);
  free(tail.p);
  free(list.p);
  return false;
}

static bool aggregate(Text *out) {
  static const char *const f[] = {"count", "min", "max", "count(DISTINCT", "typeof(max"};
  const Column *c;
  Text tail = {0}, group = {0};
  from(&tail, 2);
  bool grouped = percent(55);
  column_of(&group, any_ref(), &c);
  add(out, "SELECT count(*)");
  if (grouped) add(out, ", %s", group.p);
  for (int i = below(3); i > 0; i--) {
    int k = below(COUNT(f));
    add(out, ", %s%s", f[k], k < 3 ? "(" : k == 3 ? " " : "(");
    column_of(out, any_ref(), &c);
    add(out, k == 4 ? "))" : ")");
  }
  add(out, "%s", tail.p);
  where(out, 2);
  if (grouped) {
    add(out, " GROUP BY %s", group.p);
    if (percent(30)) add(out, " HAVING count(*) > %d", below(4));
  }
  free(tail.p);
  free(group.p);
  return false;
}

static bool count_only(Text *out) {
  add(out, "SELECT count(*)");
  from(out, 1);
  if (percent(50)) where(out, 1);
  return true;
}

/* One arm of a compound: columns of the given types, so that 5 and 5.0 do not meet. */
static void arm(Text *out, const char *const *types, int n) {
  Text tail = {0};
  from(&tail, 1);
  const Table *t = refs[0].table;
  add(out, "SELECT ");
  for (int i = 0; i < n; i++) {
    int at = below(t->columns), tries = 0;
    while (tries++ < t->columns && (strcmp(t->column[at].type, types[i]) != 0 || t->column[at].untyped))
      at = (at + 1) % t->columns;
    if (tries > t->columns) at = 0;
    add(out, "%sa.\"%w\"", i ? ", " : "", t->column[at].name);
  }
  add(out, "%s", tail.p);
  where(out, 1);
  free(tail.p);
}

static bool compound(Text *out) {
  static const char *const ops[] = {"UNION", "UNION ALL", "INTERSECT", "EXCEPT"};
  static const char *const types[] = {"TEXT", "TEXT", "TEXT", "DATETIME", "JSON"};
  const char *chosen[3];
  int n = 1 + below(3), arms = 2 + percent(25);
  for (int i = 0; i < n; i++) chosen[i] = PICK(types);
  for (int i = 0; i < arms; i++) {
    if (i) add(out, " %s ", PICK(ops));
    arm(out, chosen, n);
  }
  if (percent(50)) return false;
  add(out, " ORDER BY 1");
  for (int i = 2; i <= n; i++) add(out, ", %d", i);
  if (percent(50)) limit(out);
  return true;
}

/* A subquery in FROM, a CTE, a window. */
static bool nested(Text *out) {
  Text in = {0}, list = {0}, order = {0};
  from(&in, 2);
  columns(&list);
  order_by(&order);
  where(&in, 1);
  int shape = below(4);
  /* a window gives +column its type again */
  if (shape == 2 && strstr(scenario->options, "--hostile")) shape = 3;
  switch (shape) {
    case 0: add(out, "SELECT count(*) FROM (SELECT %s%s%s LIMIT %d)", list.p, in.p, order.p, below(40));
    break;
    case 1: add(out, "WITH w AS (SELECT %s%s) SELECT * FROM w UNION ALL SELECT * FROM w", list.p, in.p);
    break;
    case 2: add(out, "SELECT row_number() OVER (%s), %s%s", order.p + 1, list.p, in.p); break;
    default: add(out, "SELECT * FROM (SELECT %s%s%s LIMIT 25 OFFSET %d)", list.p, in.p, order.p, below(10));
  }
  free(in.p);
  free(list.p);
  free(order.p);
  return false;
}

/* A long list alone, so that each of its values counts. */
static bool listed(Text *out) {
  ref_count = 1;
  refs[0] = (Ref){&tables[0], 'a'};
  add(out, "SELECT ");
  columns(out);
  add(out, " FROM %s a WHERE ", tables[0].name);
  long_list(out);
  return false;
}

/* ===== tables that are asked again ========================================= */

/* Values of every column, and what equals them under one affinity or collation and not under another, in
** columns of every kind: see again(). */
static void create_odd(const Table *t) {
  static const char *const forms[] = {"v", "upper(v)", "upper(v)", "lower(v)", "v || '  '",
      "' ' || v || ' '", "v || '.0'", "v || 'e0'", "CAST(v AS TEXT)", "CAST(v AS NUMERIC)", "CAST(v AS REAL)",
      "CAST(v AS BLOB)", "v || char(0)", "NULL", "''", "'nobody ' || v"};
  run("CREATE TABLE odd(k INTEGER PRIMARY KEY, t TEXT, n NUMERIC, i INTEGER, r REAL, x, nc TEXT COLLATE "
      "NOCASE, rt TEXT COLLATE RTRIM)");
  for (int i = 0; i < t->columns; i++) {
    const char *c = t->column[i].name;
    for (int k = 0; k < 4; k++) {
      const char *f = k < 1 ? "v" : forms[below(COUNT(forms))];
      char *sql = sqlite3_mprintf(
          "INSERT INTO odd(t, n, i, r, x, nc, rt) SELECT %s, %s, %s, %s, %s, %s, %s FROM (SELECT \"%w\" AS v "
          "FROM local_%s WHERE length(\"%w\") < 200 ORDER BY substr(id, -%d) LIMIT 1)",
          f, f, f, f, f, f, f, c, t->name + 6, c, 3 + k);
      run(sql);
      sqlite3_free(sql);
    }
  }
}

static const char *const odd_columns[] = {"t", "n", "i", "r", "x", "nc", "nc", "rt"};

/* b.column = o.column and its like. */
static void again_on(Text *out, const Table *t) {
  static const char *const ops[] = {"=", "=", "=", "=", "=", "=", "IS", "==", ">", "<>"};
  int n = 1 + (percent(25) ? 1 : 0);
  for (int i = 0; i < n; i++) {
    const Column *c = &t->column[any_column(t)];
    if (percent(25)) c = &t->column[percent(50) ? 0 : 1 + below(4)];
    if (i) add(out, " AND ");
    bool turned = percent(40);
    if (turned) add(out, "o.%s ", PICK(odd_columns));
    else add(out, "%sb.\"%w\" ", c->untyped ? "+" : "", c->name);
    if (percent(30)) add(out, " COLLATE %s", PICK(collations));
    add(out, " %s ", PICK(ops));
    if (turned) add(out, "%sb.\"%w\"", c->untyped ? "+" : "", c->name);
    else add(out, percent(90) ? "o.%s" : "lower(o.%s)", PICK(odd_columns));
    if (!turned && percent(30))
      add(out, " AND %sb.\"%w\" IN (SELECT %s FROM odd WHERE k %% %d = 0)", c->untyped ? "+" : "", c->name,
          PICK(odd_columns), 1 + below(5));
  }
  if (percent(15)) {
    add(out, " AND ");
    Ref saved = refs[0];
    refs[0] = (Ref){t, 'b'};
    ref_count = 1;
    condition(out, 0);
    refs[0] = saved;
  }
}

static void again_from(Text *out, int divisor) {
  add(out, "(SELECT * FROM odd WHERE k %% %d = %d%s) o", divisor, below(divisor),
      percent(20) ? " UNION ALL SELECT * FROM odd WHERE k < 9" : "");
}

/* Shapes in which SQLite asks b again for each row of o. */
static bool again(Text *out) {
  static const int divisors[] = {1, 3, 20, 60};
  const Table *t = &tables[percent(60) ? 0 : below(table_count)];
  const Column *shown = &t->column[any_column(t)];
  while (shown->untyped) shown = &t->column[any_column(t)];
  const char *c = shown->name, *name = t->name;
  Text on = {0}, o = {0};
  subqueries = 2;
  again_on(&on, t);
  again_from(&o, divisors[below(COUNT(divisors))]);
  switch (below(9)) {
    case 0: case 1: add(out, "SELECT o.k, b.\"%w\" FROM %s LEFT JOIN %s b ON %s", c, o.p, name, on.p); break;
    case 2: add(out, "SELECT o.k, b.\"%w\" FROM %s JOIN %s b ON %s", c, o.p, name, on.p); break;
    case 3: add(out, "SELECT o.k, b.\"%w\" FROM %s CROSS JOIN %s b WHERE %s", c, o.p, name, on.p); break;
    case 4:
      add(out, "SELECT o.k, (SELECT max(b.\"%w\") FROM %s b WHERE %s) FROM %s", c, name, on.p, o.p);
      break;
    case 5:
      add(out, "SELECT o.k FROM %s WHERE %sEXISTS (SELECT 1 FROM %s b WHERE %s)", o.p,
          percent(40) ? "NOT " : "", name, on.p);
      break;
    case 6:
      add(out, "SELECT o.k, (SELECT count(*) FROM %s b WHERE %s OR b.\"%w\" = o.x) FROM %s", name, on.p, c,
          o.p);
      break;
    case 7:
      add(out, "SELECT o.k, a.\"%w\", b.\"%w\" FROM %s LEFT JOIN %s b ON %s LEFT JOIN %s a ON a.\"%w\" = "
          "b.\"%w\"", c, c, o.p, name, on.p, name, t->column[0].name, t->column[0].name);
      break;
    default:
      add(out, "SELECT count(*), count(b.\"%w\"), count(a.\"%w\") FROM %s a JOIN %s b ON b.\"%w\" = "
          "a.\"%w\"", c, c, name, name, c, c);
  }
  free(on.p);
  free(o.p);
  return false;
}

static bool statement(Text *out) {
  subqueries = 0;
  cut(out, 0);
  if (scenario->again) return again(out);
  switch (below(20)) {
    case 0: return count_only(out);
    case 1: case 2: return distinct_select(out);
    case 3: case 4: case 5: return aggregate(out);
    case 6: case 7: return compound(out);
    case 8: case 9: return nested(out);
    case 10: return listed(out);
    default: return plain_select(out);
  }
}

/* ===== comparing =========================================================== */

typedef struct Rows {
  char **row;               /* each value as type, length, bytes */
  size_t *size;
  int count, cap;
  int rc;
  char *error;
} Rows;

static void add_value(Text *t, sqlite3_stmt *s, int i) {
  char number[64];
  switch (sqlite3_column_type(s, i)) {
    case SQLITE_NULL: add_bytes(t, "null ", 5); break;
    case SQLITE_INTEGER:
      snprintf(number, sizeof number, "integer %lld ", (long long)sqlite3_column_int64(s, i));
      add_bytes(t, number, strlen(number));
      break;
    case SQLITE_FLOAT:
      snprintf(number, sizeof number, "real %.17g ", sqlite3_column_double(s, i));
      add_bytes(t, number, strlen(number));
      break;
    default: {
      bool text = sqlite3_column_type(s, i) == SQLITE_TEXT;
      const void *p = text ? (const void *)sqlite3_column_text(s, i) : sqlite3_column_blob(s, i);
      int n = sqlite3_column_bytes(s, i);
      snprintf(number, sizeof number, "%s(%d) ", text ? "text" : "blob", n);
      add_bytes(t, number, strlen(number));
      add_bytes(t, p, (size_t)n);
      add_bytes(t, " ", 1);
    }
  }
}

static void rows_free(Rows *r) {
  for (int i = 0; i < r->count; i++) free(r->row[i]);
  free(r->row);
  free(r->size);
  free(r->error);
}

static Rows rows_of(const char *sql) {
  Rows r = {0};
  sqlite3_stmt *s = NULL;
  r.rc = sqlite3_prepare_v2(db, sql, -1, &s, NULL);
  while (r.rc == SQLITE_OK || r.rc == SQLITE_ROW) {
    if ((r.rc = sqlite3_step(s)) != SQLITE_ROW) break;
    Text t = {0};
    add_bytes(&t, "", 0);
    for (int i = 0; i < sqlite3_column_count(s); i++) add_value(&t, s, i);
    if (r.count == r.cap) {
      r.cap = r.cap ? r.cap * 2 : 64;
      r.row = grown(r.row, (size_t)r.cap * sizeof *r.row);
      r.size = grown(r.size, (size_t)r.cap * sizeof *r.size);
    }
    r.size[r.count] = t.n;
    r.row[r.count++] = t.p;
  }
  if (r.rc != SQLITE_DONE) r.error = strdup(sqlite3_errmsg(db));
  sqlite3_finalize(s);
  return r;
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Values with NUL characters are told apart by their length alone, which is part of the text. */
static void sort_rows(Rows *r) {
  if (r->count) qsort(r->row, (size_t)r->count, sizeof *r->row, by_text);
}

/* The first difference, in words; NULL if there is none. */
static char *difference(const Rows *virtual, const Rows *local) {
  if (virtual->rc != local->rc || (virtual->error && strcmp(virtual->error, local->error) != 0))
    return sqlite3_mprintf("ortto: %s\nlocal: %s", virtual->error ? virtual->error : "no error",
        local->error ? local->error : "no error");
  if (virtual->error) return NULL;
  for (int i = 0; i < virtual->count || i < local->count; i++) {
    const char *v = i < virtual->count ? virtual->row[i] : "(no row)", *l = i < local->count ? local->row[i]
        : "(no row)";
    if (strcmp(v, l) != 0)
      return sqlite3_mprintf("row %d of %d (ortto) and %d (local)\nortto: %.1000s\nlocal: %.1000s", i + 1,
          virtual->count, local->count, v, l);
  }
  return NULL;
}

static int failures, empty, failing_alike;

static void check(const char *sql, bool ordered, int number) {
  char *local_sql = localized(sql);
  Rows virtual = rows_of(sql), local = rows_of(local_sql);
  if (!ordered) {
    sort_rows(&virtual);
    sort_rows(&local);
  }
  char *found = difference(&virtual, &local);
  if (found) {
    print_message("\n%s: SEED=%ld FIRST=%d COUNT=1\n%s;\n%s\n", scenario->name, seed, number, sql, found);
    failures++;
  }
  empty += local.count == 0;
  failing_alike += local.error != NULL;
  sqlite3_free(found);
  sqlite3_free(local_sql);
  rows_free(&virtual);
  rows_free(&local);
}

/* LIMIT without an order: as many rows as the copy gives, and each of them one that is there without
** LIMIT. */
static void check_limit(int number) {
  Text all = {0}, some = {0};
  from(&all, 1);
  Text list = {0};
  columns(&list);
  where(&all, 1);
  Text body = {0};
  add(&body, "SELECT %s%s", list.p, all.p);
  add(&some, "%s", body.p);
  limit(&some);
  Text count = {0};
  add(&count, "SELECT count(*) FROM (%s)", some.p);
  check(count.p, true, number);
  char *local_sql = localized(body.p);
  Rows few = rows_of(some.p), every = rows_of(local_sql);
  sort_rows(&few);
  sort_rows(&every);
  for (int i = 0, k = 0; i < few.count; i++, k++) {
    while (k < every.count && strcmp(every.row[k], few.row[i]) != 0) k++;
    if (k < every.count) continue;
    print_message(
        "\n%s: SEED=%ld FIRST=%d COUNT=1\n%s;\na row that is not there, or there too often: %.600s\n",
        scenario->name, seed, number,
                  some.p, few.row[i]);
    failures++;
    break;
  }
  sqlite3_free(local_sql);
  rows_free(&few);
  rows_free(&every);
  free(all.p);
  free(list.p);
  free(body.p);
  free(some.p);
  free(count.p);
}

/* ===== scenarios =========================================================== */

static void set_chance(int number) {
  const char *p = scenario->name;
  chance_state = (uint64_t)seed * 1000003u + (uint64_t)number;
  while (*p) chance_state = mix(chance_state + (uint64_t)(unsigned char)*p++);
}

static void statements(int first, int count) {
  Text sql = {0};
  for (int number = first; number < first + count && failures < 5; number++) {
    set_chance(number);
    subqueries = 0;
    if (percent(8) && !scenario->again) {
      check_limit(number);
      continue;
    }
    bool ordered = statement(&sql);
    if (getenv("VERBOSE")) print_message("%d: %s;\n", number, sql.p);
    check(sql.p, ordered, number);
  }
  free(sql.p);
}

/* The feed gives one answer a second to a connection: so each of its statements has a connection of its
** own. */
static void copy_feed(char **people, int n) {
  copy_table("activities", "WHERE 0");
  Table *t = &tables[table_count - 1];
  for (int i = 0; i < n; i++) {
    char *sql = sqlite3_mprintf(
        "INSERT INTO raw_activities SELECT * FROM ortto_activities WHERE person_id = %Q", people[i]);
    connect_database();
    run(sql);
    sqlite3_free(sql);
  }
  run("INSERT INTO local_activities SELECT * FROM raw_activities");
  assert_int_equal(find_untyped(t), 0);
  read_samples(t);
}

static bool feed_statement(Text *out, char *const *people, int n) {
  Text list = {0};
  int shape = below(4);
  ref_count = 1;
  refs[0] = (Ref){&tables[table_count - 1], 'a'};
  columns(&list);
  if (shape == 0) add(out, "SELECT count(*), min(a.created_at), max(a.id) FROM ortto_activities a");
  else if (shape == 1)
    add(out, "SELECT %s FROM plain p JOIN ortto_activities a ON a.person_id = p.person_id", list.p);
  else add(out, "SELECT %s%s FROM ortto_activities a", shape == 2 ? "DISTINCT " : "", list.p);
  add(out, percent(70) ? " WHERE a.person_id = %Q" : " WHERE a.person_id IN (%Q, 'nobody', NULL)",
      people[below(n)]);
  free(list.p);
  if (percent(70)) {
    add(out, " AND ");
    condition(out, 1);
  }
  if (shape != 3 || percent(40)) return false;
  order_by(out);
  if (percent(60)) limit(out);
  return true;
}

static void feed_statements(int count) {
  char *people[5];
  int n = COUNT(people);
  char sql[200];
  for (int i = 0; i < n; i++) {
    snprintf(sql, sizeof sql, "SELECT id FROM local_people ORDER BY id LIMIT 1 OFFSET %d", i * 7);
    people[i] = text_of(sql);
    assert_non_null(people[i]);
  }
  copy_feed(people, n);
  for (int number = 1000000; number < 1000000 + count && failures < 5; number++) {
    Text text = {0};
    connect_database();
    set_chance(number);
    subqueries = 2;   /* none: each could cost a second for each row */
    bool ordered = feed_statement(&text, people, n);
    if (getenv("VERBOSE")) print_message("%d: %s;\n", number, text.p);
    check(text.p, ordered, number);
    free(text.p);
  }
  for (int i = 0; i < n; i++) free(people[i]);
}

static void scenario_begin(void) {
  failures = empty = failing_alike = 0;
  unlink("local.db");
  start_server(scenario->options);
  connect_database();
  if (scenario->setup) run(scenario->setup);
  set_chance(-1);
  for (int i = 0; scenario->tables[i]; i++) copy_table(scenario->tables[i], "");
  create_plain();
  if (scenario->again) create_odd(&tables[0]);
}

/* Also after a failure: the next scenario begins with nothing. */
static int scenario_end(void **state) {
  (void)state;
  for (int i = 0; i < table_count; i++) {
    for (int k = 0; k < tables[i].columns; k++) {
      Column *c = &tables[i].column[k];
      for (int j = 0; j < c->samples; j++) free(c->sample[j]);
      free(c->name);
      free(c->type);
    }
    free(tables[i].column);
  }
  table_count = 0;
  sqlite3_close(db);
  db = NULL;
  if (server > 0) {
    close(server_stdin);
    kill(server, SIGTERM);
    waitpid(server, NULL, 0);
    server = 0;
  }
  return 0;
}

static void run_scenario(const Scenario *s) {
  scenario = s;
  scenario_begin();
  int count = (int)setting("COUNT", s->count);
  statements((int)setting("FIRST", 0), count);
  if (s->feed) feed_statements(40);
  print_message("%s: SEED=%ld, %d statements (%d without rows, %d that fail on both)\n", s->name, seed, count,
      empty, failing_alike);
  assert_int_equal(failures, 0);
}

static const char *const usual[] = {"people", "accounts", "audiences", "tags", "person_custom_fields",
    "account_custom_fields", "fields", NULL};
static const char *const contacts[] = {"people", "accounts", NULL};
static const char *const everyone[] = {"everyone", "accounts", NULL};

/* All tables, a page each, so that joins may cost a request for each row. */
static void test_ordinary(void **state) {
  (void)state;
  static const Scenario s = {"ordinary", "--people 110 --accounts 24 --audiences 12 --tags 12", NULL, 1500,
      true, true, false, false, usual};
  run_scenario(&s);
}

/* Names and values that hurt; more than 63 columns. */
static void test_hostile(void **state) {
  (void)state;
  static const Scenario s = {"hostile", "--hostile --people 110 --accounts 24 --audiences 12 --tags 12", NULL,
      1200, true, false, false, false, usual};
  run_scenario(&s);
}

/* The same, where what is unexpected takes the type of its column. */
static void test_hostile_typed(void **state) {
  (void)state;
  static const Scenario s = {"hostile typed", "--hostile --people 110 --accounts 24", NULL, 1000, false,
      false, true, false, contacts};
  run_scenario(&s);
}

/* More than 150 fields: several requests for a page; under both kinds of names. */
static void test_many_fields(void **state) {
  (void)state;
  static const Scenario s = {"many fields", "--custom 230 --people 70 --accounts 12",
                             "CREATE VIRTUAL TABLE ortto_everyone USING ortto(table=people, fields=all, "
                                 "columns=ids)", 400, false, false, false, false, everyone};
  run_scenario(&s);
}

/* Several pages at once, many values missing. */
static void test_pages(void **state) {
  (void)state;
  static const Scenario s = {"pages", "--people 1700 --accounts 600 --sparse 40", NULL, 300, false, false,
      false, false, contacts};
  run_scenario(&s);
}

/* Joins, subqueries and the like: keys looked up, then the list read once and found in by any comparison. */
static void test_asked_again(void **state) {
  (void)state;
  static const Scenario s = {"asked again", "--people 560 --accounts 30 --audiences 12 --tags 12", NULL, 260,
      false, false, false, true, usual};
  run_scenario(&s);
}

static void test_asked_again_hostile(void **state) {
  (void)state;
  static const Scenario s = {"asked again, hostile", "--hostile --people 520 --accounts 30 --sparse 30", NULL,
      180,
      false, false, false, true, contacts};
  run_scenario(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(test_ordinary, scenario_end),
      cmocka_unit_test_teardown(test_hostile, scenario_end),
      cmocka_unit_test_teardown(test_hostile_typed, scenario_end),
      cmocka_unit_test_teardown(test_many_fields, scenario_end),
      cmocka_unit_test_teardown(test_pages, scenario_end),
      cmocka_unit_test_teardown(test_asked_again, scenario_end),
      cmocka_unit_test_teardown(test_asked_again_hostile, scenario_end),
  };
  seed = setting("SEED", 20251104);
  signal(SIGPIPE, SIG_IGN);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
