/*
** test_recordings.c - answers that were recorded from the live API, read by the real extension.
**
** The recordings are files {"request":..., "status":N, "body":...} in the folder $ORTTO_RECORDED, or
** ../shared/recorded; where there is none the tests are skipped. A sandbox server sends the recorded body
** in place of its own. What is expected is taken from the recording by SQLite's JSON functions, which share
** no code with the extension.
*/
#define _GNU_SOURCE
#include "harness.h"
#include <glob.h>

static char folder[512];

static int set_up(void **state){
  const char *given = getenv("ORTTO_RECORDED"), *root = getenv("ROOT");
  char file[600];
  (void)state;
  if( given ) snprintf(folder, sizeof folder, "%s", given);
  else snprintf(folder, sizeof folder, "%s/../shared/recorded", root ? root : ".");
  snprintf(file, sizeof file, "%s/person/get_people_basic.json", folder);
  if( access(file, R_OK)!=0 ) folder[0] = 0;
  else server_start(&sandbox, "--people 20 --accounts 3 --custom 0 --account-custom 0");
  return 0;
}

static int tear_down(void **state){
  (void)state;
  if( folder[0] ) server_stop(&sandbox);
  return 0;
}

static char *file_text(const char *path){
  FILE *f = fopen(path, "rb");
  if( f==NULL ) fail_msg("cannot open %s", path);
  fseek(f, 0, SEEK_END);
  long n = ftell(f);
  rewind(f);
  char *p = malloc((size_t)n + 1);
  if( p==NULL || fread(p, 1, (size_t)n, f)!=(size_t)n ) fail_msg("cannot read %s", path);
  p[n] = 0;
  fclose(f);
  return p;
}

/* A connection with a table rec(body, status, path) that holds one recording, which the server gives from
** now on. */
static sqlite3 *replay_file(const char *path, const char *served_at){
  sqlite3_stmt *stmt = NULL;
  char *text = file_text(path);
  sqlite3 *db = db_open(&sandbox);
  server_do(&sandbox, "/sandbox/reset", NULL);
  sql_must(db, "SELECT ortto_config('retries', 0); CREATE TABLE rec(body, status, path, error, request_id)");
  assert_int_equal(sqlite3_prepare_v2(db,
      "INSERT INTO rec SELECT json_extract(?1, '$.body'), json_extract(?1, '$.status'), "
    "coalesce(?2, json_extract(?1, '$.request.path')), json_extract(?1, '$.body.error'), json_extract(?1, "
        "'$.body.request_id')", -1, &stmt, NULL), SQLITE_OK);
  sqlite3_bind_text(stmt, 1, text, -1, SQLITE_TRANSIENT);
  if( served_at ) sqlite3_bind_text(stmt, 2, served_at, -1, SQLITE_TRANSIENT);
  if( sqlite3_step(stmt)!=SQLITE_DONE ) fail_msg("%s: %s", path, sqlite3_errmsg(db));
  sqlite3_finalize(stmt);
  free(text);
  char *fault = sql_text(db,
      "SELECT json_object('kind', CASE status WHEN 200 THEN 'replace' ELSE 'status' END, 'status', status, "
                             "'path', path, 'times', -1, 'body', coalesce(body, 'null')) FROM rec");
  server_do(&sandbox, "/sandbox/fault", fault);
  sqlite3_free(fault);
  return db;
}

static sqlite3 *replay(const char *name){
  char path[700];
  if( folder[0]==0 ) skip();
  snprintf(path, sizeof path, "%s/%s.json", folder, name);
  return replay_file(path, NULL);
}

/* Two queries give the same, and not nothing: what the extension reads, and what SQLite takes from the
** recording. */
static void must_equal(sqlite3 *db, const char *name, const char *ours, const char *recorded){
  char *a = sql_text(db, ours), *b = sql_text(db, recorded);
  if( strcmp(a, b)!=0 ) fail_msg("%s\n  read     %s\n  recorded %s", name, a, b);
  if( strcmp(b, "[]")==0 && strstr(name, "empty")==NULL ) fail_msg("%s: nothing recorded", name);
  sqlite3_free(a);
  sqlite3_free(b);
}

/* ---- people and accounts --------------------------------------------------- */

static void test_people(void **state){
  static const char *const names[] = { "person/get_people_basic", "person/get_people_with_fields",
      "person/get_people_with_filter",
                                       "person/get_people_with_limit_and_sort" };
  (void)state;
  for(size_t i=0; i<sizeof names/sizeof *names; i++){
    sqlite3 *db = replay(names[i]);
    sql_must(db, "CREATE TABLE n AS SELECT count(*) AS n FROM rec, json_each(body, '$.contacts')");
    /* LIMIT, since some recordings are a first page and the server has no other. */
    must_equal(db, names[i],
      "SELECT json_group_array(json_array(id, email, first_name, last_name, account_id, city)) FROM "
      "(SELECT * FROM ortto_people LIMIT (SELECT n FROM n))",
      "SELECT json_group_array(json_array(value->>'$.id', value->>'$.fields.\"str::email\"', "
          "value->>'$.fields.\"str::first\"', "
      "value->>'$.fields.\"str::last\"', value->>'$.fields.\"idt::o\"', NULL)) FROM rec, json_each(body, "
          "'$.contacts')");
    db_close(db);
  }
}

/* count(*) is total_matches of the recorded meta. */
static void test_count(void **state){
  (void)state;
  sqlite3 *db = replay("person/get_people_basic");
  must_equal(db, "count of people", "SELECT count(*) FROM ortto_people",
      "SELECT body->>'$.meta.total_matches' FROM rec");
  db_close(db);
  db = replay("accounts/get_accounts_basic");
  must_equal(db, "count of accounts", "SELECT count(*) FROM ortto_accounts",
      "SELECT body->>'$.meta.total_matches' FROM rec");
  db_close(db);
}

static void test_people_by_id(void **state){
  (void)state;
  sqlite3 *db = replay("person/get_people_by_ids_single");
  must_equal(db, "get-by-ids",
    "SELECT json_group_array(json_array(id, email, first_name, last_name)) FROM ortto_people WHERE id IN "
        "(SELECT key FROM rec, json_each(body, '$.contacts'))",
    "SELECT json_group_array(json_array(key, value->>'$.fields.\"str::email\"', "
        "value->>'$.fields.\"str::first\"', value->>'$.fields.\"str::last\"')) "
    "FROM rec, json_each(body, '$.contacts')");
  db_close(db);
}

static void test_accounts(void **state){
  static const char *const names[] = { "accounts/get_accounts_basic", "accounts/get_accounts_with_filter" };
  (void)state;
  for(size_t i=0; i<sizeof names/sizeof *names; i++){
    sqlite3 *db = replay(names[i]);
    must_equal(db, i==1 ? "empty filter result" : names[i],
        "SELECT json_group_array(json_array(id, name)) FROM ortto_accounts",
      "SELECT json_group_array(json_array(value->>'$.id', value->>'$.fields.\"str:o:name\"')) FROM rec, "
          "json_each(body, '$.accounts')");
    db_close(db);
  }
}

/* Past the end the array is null, the cursor zero, the total that of all: as the first page of a list that
** contradicts itself. (Behind the first page a scan steps back: see test_faults.) */
static void test_past_the_end(void **state){
  (void)state;
  sqlite3 *db = replay("accounts/get_accounts_with_offset");
  char *said = sql_text(db, "SELECT count(id) FROM (SELECT id FROM ortto_accounts)");
  if( strstr(said, "ends the list at row 0 of the 2 that it says it has")==NULL ) fail_msg("%s", said);
  sqlite3_free(said);
  db_close(db);
}

static void test_accounts_by_id(void **state){
  static const char *const names[] = { "accounts/get_accounts_by_ids_single",
      "accounts/get_accounts_by_ids_specific_fields" };
  (void)state;
  for(size_t i=0; i<sizeof names/sizeof *names; i++){
    sqlite3 *db = replay(names[i]);
    must_equal(db, names[i],
      "SELECT json_group_array(json_array(id, name)) FROM ortto_accounts WHERE id IN (SELECT key FROM rec, "
          "json_each(body, '$.accounts'))",
      "SELECT json_group_array(json_array(key, value->>'$.fields.\"str:o:name\"')) FROM rec, json_each(body, "
          "'$.accounts')");
    db_close(db);
  }
}

/* ---- definitions ------------------------------------------------------------ */

static void test_custom_fields(void **state){
  (void)state;
  sqlite3 *db = replay("person/custom-field/get");
  must_equal(db, "person definitions",
    "SELECT json_group_array(json_array(id, name, display_type, liquid_name, json(dic_items), "
        "tracked_value)) FROM ortto_person_custom_fields",
    "SELECT json_group_array(json_array(value->>'$.field.id', value->>'$.field.name', "
        "value->>'$.field.display_type', value->>'$.field.liquid_name', "
    "json(value->'$.field.dic_items'), value->>'$.tracked_value')) FROM rec, json_each(body, '$.fields')");
  /* They are columns of people, each under a name of its own. */
  assert_sql(db,
      "SELECT count(*) FROM (SELECT value->>'$.field.id' AS id FROM rec, json_each(body, '$.fields')) r "
                 "LEFT JOIN ortto_fields f ON f.id = r.id AND f.entity = 'people' AND f.custom "
                 "WHERE f.column_name IS NULL OR f.column_name NOT IN (SELECT name FROM "
                     "pragma_table_info('ortto_people'))", "0");
  db_close(db);
  db = replay("accounts/custom-field/get");
  must_equal(db, "account definitions",
    "SELECT json_group_array(json_array(id, name, display_type, liquid_name)) FROM "
        "ortto_account_custom_fields",
    "SELECT json_group_array(json_array(value->>'$.id', value->>'$.name', value->>'$.display_type', "
        "value->>'$.liquid_name')) FROM rec, json_each(body, '$.fields')");
  db_close(db);
}

static void test_tags(void **state){
  (void)state;
  sqlite3 *db = replay("tag/get_tags_all");
  must_equal(db, "tags",
    "SELECT json_group_array(json_array(type, id, name, instance_id, source, created_by_id, created_by_name, "
        "created_by_email, created_at, last_used, "
    "count, sms_opted_in, subscribers)) FROM ortto_tags",
    "SELECT json_group_array(json_array(CASE value->>'type' WHEN '' THEN 'person' ELSE 'account' END, "
        "value->>'id', value->>'name', value->>'instance_id', "
    "value->>'source', value->>'created_by_id', value->>'created_by_name', value->>'created_by_email', "
        "value->>'created_at', value->>'last_used', "
    "value->>'count', value->>'sms_opted_in', value->>'subscribers')) FROM rec, json_each(body)");
  db_close(db);
}

/* Every member of the recorded audiences is a column, with that value. */
static void test_audiences(void **state){
  static const char *const names[] = { "audience/get_audiences_all", "audience/get_audiences_paginated",
      "audience/get_audiences_with_filter",
                                       "audience/subscribe_test_get_audiences" };
  (void)state;
  for(size_t i=0; i<sizeof names/sizeof *names; i++){
    sqlite3 *db = replay(names[i]);
    assert_sql(db, "SELECT group_concat(DISTINCT m.key) FROM rec, json_each(body) a, json_each(a.value) m "
                   "WHERE m.key NOT IN (SELECT name FROM pragma_table_info('ortto_audiences'))", "NULL");
    /* One query over all columns, made from their names; JSON compared as JSON. */
    char *query = sql_text(db,
      "SELECT 'SELECT json_group_array(json_array(' || group_concat(iif(type = 'JSON', 'json(' || name || "
          "')', name)) || ')) FROM (SELECT * FROM ortto_audiences ORDER BY id)' "
      "FROM pragma_table_info('ortto_audiences')");
    char *recorded = sql_text(db,
      "SELECT 'SELECT json_group_array(json_array(' || group_concat(iif(type = 'JSON', 'json(value->''' || "
          "name || ''')', 'value->>''' || name || '''')) "
      "|| ')) FROM (SELECT value FROM rec, json_each(body) WHERE value->>''archived_at'' IS NULL ORDER BY "
          "value->>''id'')' FROM pragma_table_info('ortto_audiences')");
    must_equal(db, names[i], query, recorded);
    sqlite3_free(query);
    sqlite3_free(recorded);
    db_close(db);
  }
  /* The bare null that stands for no audience. */
  sqlite3 *db = replay("audience/get_audiences_retention");
  assert_sql(db, "SELECT count(*) FROM ortto_audiences", "0");
  db_close(db);
}

/* ---- the feed --------------------------------------------------------------- */

static void test_activities(void **state){
  static const char *const names[] = { "person/get_activities_basic",
      "person/get_activities_with_timeframe_string" };
  (void)state;
  for(size_t i=0; i<sizeof names/sizeof *names; i++){
    sqlite3 *db = replay(names[i]);
    must_equal(db, i==1 ? "empty or not: timeframe" : names[i],
      "SELECT json_group_array(json_array(id, person_id, activity_id, created_at, json(attributes), text)) "
          "FROM ortto_activities "
      "WHERE person_id = '0069061b5bda4060a5765300'",
      "SELECT json_group_array(json_array(value->>'id', '0069061b5bda4060a5765300', value->>'field_id', "
          "value->>'created_at', json(value->'attr'), "
      "(SELECT group_concat(c.value->>'content', '') FROM json_each(a.value, '$.render_cmds') c))) FROM rec, "
          "json_each(body, '$.activities') a");
    db_close(db);
  }
}

/* ---- the instance schema ----------------------------------------------------- */

static void test_schema(void **state){
  (void)state;
  sqlite3 *db = replay("account/get_account_schema_all_namespaces");
  sql_must(db,
    "CREATE TABLE recorded AS SELECT iif(ns.key IN ('o', 'oc') OR ns.value->>'org', 'accounts', 'people') AS "
        "entity, f.value->>'id' AS id, f.value->>'name' AS name, "
    "f.value->>'display_type' AS display_type, coalesce(f.value->>'read_only', 0) AS read_only, "
        "coalesce(f.value->>'hidden', 0) AS hidden "
    "FROM rec, json_each(body, '$.namespaces') ns, json_each(ns.value, '$.fields') f WHERE f.value->>'id' "
        "NOT LIKE 'act:%'");
  sql_must(db, "CREATE TABLE ours AS SELECT * FROM ortto_fields");
  assert_sql(db, "SELECT count(*)>100 FROM recorded", "1");
  /* Nothing that the schema lists is missing. */
  assert_sql(db,
      "SELECT group_concat(id, ' ') FROM (SELECT entity, id FROM recorded EXCEPT SELECT entity, id FROM "
      "ours)", "NULL");
  /* What the extension knows by heart agrees with the schema: names, meanings, flags. (Tags of accounts
  ** are read-only to us.) */
  assert_sql(db,
      "SELECT group_concat(r.id || ': ' || r.name || '/' || o.name || ' ' || r.display_type || '/' || "
      "o.display_type || ' ' || r.read_only || o.read_only || r.hidden || o.hidden, ', ') "
                 "FROM recorded r JOIN ours o USING (entity, id) WHERE (r.name, r.display_type, r.hidden) IS "
                     "NOT (o.name, o.display_type, o.hidden) "
                 "OR (r.read_only <> o.read_only AND r.id <> 'u4s:o:t')", "NULL");
  /* Every field has a column of its own. */
  assert_sql(db,
      "SELECT count(*) FROM (SELECT entity, lower(column_name) FROM ours GROUP BY 1, 2 HAVING count(*) > 1)",
      "0");
  sql_must(db, "CREATE VIRTUAL TABLE every_p USING ortto(table=people, fields=all)");
  sql_must(db, "CREATE VIRTUAL TABLE every_a USING ortto(table=accounts, fields=all)");
  assert_sql(db, "SELECT count(*)>150 FROM pragma_table_info('every_p')", "1");
  assert_sql(db,
      "SELECT group_concat(name, ' ') FROM (SELECT name FROM pragma_table_info('ortto_people') EXCEPT SELECT "
      "name FROM pragma_table_info('every_p'))", "NULL");
  db_close(db);
}

/* ---- errors ------------------------------------------------------------------ */

/* Whatever request they answered: the message has the server's words and its request_id. */
static void test_errors(void **state){
  (void)state;
  if( folder[0]==0 ) skip();
  static const char *const patterns[] = { "%s/*/*.json", "%s/*/*/*.json" };
  int seen = 0;
  for(int k=0; k<2; k++){
    char pattern[600];
    glob_t found;
    snprintf(pattern, sizeof pattern, patterns[k], folder);
    if( glob(pattern, 0, NULL, &found)!=0 ) continue;
    for(size_t i=0; i<found.gl_pathc; i++){
      char *text = file_text(found.gl_pathv[i]);
      int is_error = strstr(text, "\"request_id\"")!=NULL;
      free(text);
      if( !is_error ) continue;
      sqlite3 *db = replay_file(found.gl_pathv[i], "/v1/tags/get");
      char *got = sql_text(db, "SELECT count(*) FROM ortto_tags");
      char *words = sql_text(db, "SELECT substr(error, 1, 200) FROM rec"),
          *id = sql_text(db, "SELECT request_id FROM rec");
      char *status = sql_text(db, "SELECT 'answered ' || status FROM rec");
      if( strncmp(got, "error 1: ortto: ", 16)!=0 || !strstr(got, words) || !strstr(got, id)
          || !strstr(got, status) )
        fail_msg("%s\n  gave     %s\n  expected %s, request_id %s, %s", found.gl_pathv[i], got, words, id,
            status);
      assert_sql(db,
          "SELECT (SELECT error LIKE substr(r.error, 1, 50) || '%' AND request_id = r.request_id FROM "
          "ortto_log) FROM rec r", "1");
      sqlite3_free(got);
      sqlite3_free(words);
      sqlite3_free(id);
      sqlite3_free(status);
      db_close(db);
      seen++;
    }
    globfree(&found);
  }
  if( seen<2 ) fail_msg("only %d recordings of errors", seen);
  print_message("# %d recordings of errors\n", seen);
}

int main(void){
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_people), cmocka_unit_test(test_count), cmocka_unit_test(test_people_by_id),
        cmocka_unit_test(test_accounts),
    cmocka_unit_test(test_past_the_end), cmocka_unit_test(test_accounts_by_id),
        cmocka_unit_test(test_custom_fields), cmocka_unit_test(test_tags),
    cmocka_unit_test(test_audiences), cmocka_unit_test(test_activities), cmocka_unit_test(test_schema),
        cmocka_unit_test(test_errors),
  };
  curl_global_init(CURL_GLOBAL_DEFAULT);
  return cmocka_run_group_tests_name("recordings", tests, set_up, tear_down);
}
