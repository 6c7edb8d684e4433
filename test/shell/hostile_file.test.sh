# A database file from a stranger: wherever SQLite lets a file hold an expression, or a table whose content is another
# one's, nothing is sent, set or written with the user's key. Each place is tried with the schema read before and after
# .load, with trusted_schema on and off.
# sandbox: --people 30 --accounts 5
# env: ORTTO_RATE=0
# shellcheck shell=bash

evil="ortto_upsert('{\"fields\":{\"email\":\"evil@example.com\"}}')"
move="ortto_config('api_url','http://127.0.0.1:1')"
track="ortto_track('{\"email\":\"evil@example.com\",\"event\":\"x\"}')"
copy="ortto_sync('ortto_people','stolen')"

# place NAME 'CREATE ... with CALL' 'statement that sets it off'; CALL stands for each of the calls above.
# The file is written without the extension, through writable_schema where SQLite would look the function up.
requests() { curl -s "$ORTTO_API_URL/sandbox/count"; curl -s -X POST "$ORTTO_API_URL/sandbox/forget" >/dev/null; }

place() {
  local name=$1 make=$2 trigger=$3 call n=0 when trust file bad=''
  for call in "$evil" "$move" "$track" "$copy"; do
    for when in before after; do
      for trust in ON OFF; do
        n=$((n + 1))
        file=$TMPDIR/evil$n.db
        rm -f "$file"
        sqlite3 -batch "$file" >/dev/null 2>&1 <<SQL
.dbconfig defensive off
PRAGMA writable_schema=ON;
CREATE TABLE t(a, b);
INSERT INTO t VALUES(1, 2), (3, 4);
CREATE TABLE log(x);
${make//CALL/"${call//\'/\'\'}"}
SQL
        sqlite3 -batch "$file" >"$TMPDIR/said" 2>&1 <<SQL
PRAGMA trusted_schema=$trust;
$([ $when = before ] && echo "SELECT count(*) FROM sqlite_schema; SELECT 1 FROM t LIMIT 0;")
.load ./ortto
SELECT ortto_check();
$trigger
SELECT 'address', ortto_config('api_url') = '$ORTTO_API_URL';
SQL
        # A schema that turned out malformed refuses queries: so the server is asked what came.
        [ "$(requests)" = 1 ] && grep -qxF 'address|1' "$TMPDIR/said" && ! sqlite3 "$file" .tables 2>/dev/null | grep -q stolen ||
          bad="$bad
$call $when trusted_schema=$trust: $(cat "$TMPDIR/said")"
      done
    done
  done
  if [ -z "$bad" ]; then echo "ok $name"; else printf '%s\n' "$bad"; echo "not ok $name"; fi
}

schema() { echo "UPDATE sqlite_schema SET sql = '$1' WHERE name = 't';"; }
everything="SELECT *, 'ortto_config ortto_upsert', 'ortto_config', 'ortto_upsert', 'ortto_track', 'ortto_sync' FROM t; SELECT * FROM t; INSERT INTO t(a) VALUES(5); UPDATE t SET a = 6; DELETE FROM t WHERE a = 6; SELECT count(*) FROM t;
REINDEX; ANALYZE; PRAGMA integrity_check; PRAGMA quick_check; VACUUM; PRAGMA foreign_key_check;"

place "a CHECK constraint" "$(schema "CREATE TABLE t(a, b CHECK(CALL IS NOT NULL))")" "$everything"
place "a CHECK of the table" "$(schema "CREATE TABLE t(a, b, CHECK(CALL IS NOT NULL))")" "$everything"
place "a virtual generated column" "$(schema "CREATE TABLE t(a, b, g AS (CALL))")" "$everything"
place "a stored generated column" "$(schema "CREATE TABLE t(a, b AS (CALL) STORED)")" "$everything"
place "a DEFAULT" "$(schema "CREATE TABLE t(a, b DEFAULT (CALL))")" "$everything"
place "an index on an expression" \
  "CREATE INDEX i ON t(a+1); UPDATE sqlite_schema SET sql = 'CREATE INDEX i ON t(CALL)' WHERE name = 'i';" "$everything"
place "a partial index" \
  "CREATE INDEX i ON t(a) WHERE b > 1; UPDATE sqlite_schema SET sql = 'CREATE INDEX i ON t(a) WHERE CALL IS NOT NULL' WHERE name = 'i';" "$everything"
place "a view" "CREATE VIEW v AS SELECT CALL AS x FROM t;" "SELECT * FROM v; $everything"
place "a trigger" "CREATE TRIGGER r AFTER INSERT ON t BEGIN INSERT INTO log VALUES(CALL); END;" "$everything"
place "a trigger's condition" \
  "CREATE TRIGGER r BEFORE DELETE ON t WHEN CALL IS NOT NULL BEGIN SELECT 1; END;" "$everything"
place "a view with INSTEAD OF" \
  "CREATE VIEW v AS SELECT a FROM t; CREATE TRIGGER r INSTEAD OF INSERT ON v BEGIN INSERT INTO log VALUES(CALL); END;" \
  "INSERT INTO v VALUES(1); $everything"

# Tables whose content is one of ours: nothing is read for them.
content() {   # content NAME 'CREATE ...' 'statements'
  local name=$1 file=$TMPDIR/content.db when bad=''
  for when in before after; do
    rm -f "$file"
    sqlite3 -batch "$file" "CREATE TABLE t(a); CREATE TABLE log(x); $2" >/dev/null 2>&1
    sqlite3 -batch "$file" >"$TMPDIR/said" 2>&1 <<SQL
$([ $when = before ] && echo "SELECT count(*) FROM sqlite_schema; SELECT 1 FROM t LIMIT 0;")
.load ./ortto
$3
.print CHECK
SELECT 'rows read', count(*) FROM ortto_log WHERE path LIKE '%/get' AND path NOT LIKE '%custom-field%';
SELECT 'stolen', count(*) FROM log;
SQL
    [ "$(sed -n '/^CHECK/,$p' "$TMPDIR/said" | tr '\n' ' ')" = "CHECK rows read|0 stolen|0 " ] ||
      bad="$bad $when: $(cat "$TMPDIR/said")"
  done
  if [ -z "$bad" ]; then echo "ok $name"; else printf '%s\n' "$bad"; echo "not ok $name"; fi
}

content "FTS5 over people" \
  "CREATE VIRTUAL TABLE f USING fts5(email, content='ortto_people', content_rowid='id');
   CREATE TRIGGER r AFTER INSERT ON t BEGIN INSERT INTO log SELECT email FROM f; END;" \
  "INSERT INTO t VALUES(1); INSERT INTO f(f) VALUES('rebuild'); INSERT INTO f(f) VALUES('integrity-check');
   SELECT * FROM f LIMIT 1; SELECT count(*) FROM f; SELECT * FROM f WHERE f MATCH 'a'; PRAGMA integrity_check;"
content "FTS4 over people" \
  "CREATE VIRTUAL TABLE f USING fts4(content='ortto_people', email);
   CREATE TRIGGER r AFTER INSERT ON t BEGIN INSERT INTO log SELECT email FROM f; END;" \
  "INSERT INTO t VALUES(1); INSERT INTO f(f) VALUES('rebuild'); SELECT * FROM f LIMIT 1; SELECT count(*) FROM f;"
content "a view over people" "CREATE VIEW v AS SELECT email FROM ortto_people;
   CREATE TRIGGER r AFTER INSERT ON t BEGIN INSERT INTO log SELECT email FROM v; END;" \
  "SELECT * FROM v; INSERT INTO t VALUES(1);"
content "FTS5 over a view over people" "CREATE VIEW v AS SELECT 1 AS id, email FROM ortto_people;
   CREATE VIRTUAL TABLE f USING fts5(email, content='v', content_rowid='id');
   CREATE TRIGGER r AFTER INSERT ON t BEGIN INSERT INTO log SELECT email FROM f; END;" \
  "INSERT INTO t VALUES(1); INSERT INTO f(f) VALUES('rebuild'); SELECT * FROM f LIMIT 1;"

# What the user asks for himself goes on working: in the statement, in TEMP views, and quoted in every way.
said=$(sqlite3 -batch :memory: 2>&1 <<'SQL'
.load ./ortto
CREATE TEMP VIEW v AS SELECT email FROM ortto_people;
CREATE TEMP VIEW W AS SELECT count(*) AS n FROM "V";
SELECT (SELECT n FROM w) > 0, (SELECT count(*) FROM "ortto_people") > 0, (SELECT count(*) FROM [ORTTO_people]) > 0;
SELECT count(*) > 0 FROM 'ortto_people';
CREATE VIRTUAL TABLE temp."it""s ours" USING ortto(table=people);
SELECT count(*) > 0 FROM "it""s ours";
CREATE TEMP VIEW c AS SELECT ortto_config('retries', 1) AS retries;
SELECT retries FROM c;
WITH p AS (SELECT * FROM ortto_people) SELECT count(*) > 0 FROM p /* ortto_accounts */;
SQL
)
if [ "$said" = "$(printf '1|1|1\n1\n1\n1\n1')" ]; then
  echo "ok the user's own statements work"
else
  printf '%s\n' "$said"
  echo "not ok the user's own statements work"
fi
