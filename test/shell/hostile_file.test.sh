# A database file from a stranger: wherever SQLite lets a file hold an expression, or a table whose content is another
# one's, nothing is sent, set or written with the user's key. Each place is tried with the schema read before and after
# .load, and attached, with trusted_schema on and off.
# sandbox: --people 30 --accounts 5
# env: ORTTO_RATE=0
# shellcheck shell=bash

evil="ortto_upsert('{\"fields\":{\"email\":\"evil@example.com\"}}')"
move="ortto_config('api_url','http://127.0.0.1:1')"
track="ortto_track('{\"email\":\"evil@example.com\",\"event\":\"x\"}')"
copy="ortto_sync('ortto_people','stolen')"
calls=("$evil" "$move" "$track" "$copy")

# How many requests came since the last time.
before=0
requests() {
  local now
  now=$(curl -s "$ORTTO_API_URL/sandbox/count")
  came=$((now - before)) before=$now
}
turn=0

# place NAME 'CREATE ... with CALL' 'statements that set it off'; CALL stands for one of the calls above, in turn,
# under trusted_schema or not, in turn (HOSTILE=all: each with each). The file is written without the extension,
# through writable_schema where SQLite would look the function up. It is opened as main, before .load and after, and
# attached. (What ortto_sync would leave behind takes requests, too.)
place() {
  local name=$1 make=$2 trigger=$3 call when trust file=$TMPDIR/evil.db bad='' open each
  each=$((turn++))
  for n in 0 1 2 3 4 5 6 7; do
    call=${calls[n / 2]}
    trust=$([ $((n % 2)) = 0 ] && echo ON || echo OFF)
    [ "${HOSTILE:-}" = all ] || [ $((each % 8)) = $n ] || continue
    rm -f "$file" "$file".*
    sqlite3 -batch "$file.new" >/dev/null 2>&1 <<SQL
.dbconfig defensive off
PRAGMA writable_schema=ON;
CREATE TABLE t(a, b);
INSERT INTO t VALUES(1, 2), (3, 4);
CREATE TABLE log(x);
${make//CALL/"${call//\'/\'\'}"}
SQL
    for when in before after attached; do
      cp "$file.new" "$file"
      open=$file
      [ $when != attached ] || open=:memory:
      sqlite3 -batch "$open" >"$TMPDIR/said" 2>&1 <<SQL
PRAGMA trusted_schema=$trust;
$([ $when != attached ] || echo "ATTACH '$file' AS aux;")
$([ $when = after ] || echo "SELECT count(*) FROM sqlite_schema; SELECT 1 FROM t LIMIT 0;")
.load ./ortto
SELECT ortto_check();
$trigger
SELECT 'address', ortto_config('api_url') = '$ORTTO_API_URL';
SQL
      # A schema that turned out malformed refuses queries: so the server is asked what came.
      requests
      [ $came = "${CHECKED:-1}" ] && grep -qxF 'address|1' "$TMPDIR/said" ||
        bad="$bad
$call $when trusted_schema=$trust: $came requests: $(cat "$TMPDIR/said")"
    done
  done
  if [ -z "$bad" ]; then echo "ok $name"; else printf '%s\n' "$bad"; echo "not ok $name"; fi
}

schema() { echo "UPDATE sqlite_schema SET sql = '$1' WHERE name = '${2:-t}';"; }
everything="SELECT *, 'ortto_config ortto_upsert', 'ortto_config', 'ortto_upsert', 'ortto_track', 'ortto_sync' FROM t; SELECT * FROM t; INSERT INTO t(a) VALUES(5); UPDATE t SET a = 6; DELETE FROM t WHERE a = 6; SELECT count(*) FROM t;
INSERT INTO t(a, b) VALUES(7, 8) RETURNING *; UPDATE t SET b = 9 WHERE a = 7 RETURNING a, b; INSERT OR REPLACE INTO t(a) VALUES(7); DELETE FROM t WHERE a = 7 RETURNING *;
SELECT * FROM t ORDER BY b, a; SELECT count(DISTINCT b) FROM t GROUP BY a; CREATE TEMP TABLE mine AS SELECT * FROM t; INSERT INTO t(a) SELECT a FROM mine;
REINDEX; ANALYZE; PRAGMA integrity_check; PRAGMA quick_check; PRAGMA foreign_key_check; PRAGMA optimize;
ALTER TABLE t ADD COLUMN added; ALTER TABLE t RENAME COLUMN added TO more; ALTER TABLE t DROP COLUMN more; VACUUM;"

# ---- expressions of a table, an index ---------------------------------------------------------------------------
place "a CHECK constraint" "$(schema "CREATE TABLE t(a, b CHECK(CALL IS NOT NULL))")" "$everything"
place "a CHECK of the table" "$(schema "CREATE TABLE t(a, b, CHECK(CALL IS NOT NULL))")" "$everything"
place "a CHECK of a STRICT table without rowid" "CREATE TABLE k(a TEXT PRIMARY KEY, b ANY) STRICT, WITHOUT ROWID; INSERT INTO k VALUES('x', 1);
  $(schema "CREATE TABLE k(a TEXT PRIMARY KEY, b ANY CHECK(CALL IS NOT NULL)) STRICT, WITHOUT ROWID" k)" \
  "SELECT * FROM k; INSERT INTO k VALUES('y', 2) ON CONFLICT DO UPDATE SET b = 3; UPDATE k SET b = 4; $everything"
place "a virtual generated column" "$(schema "CREATE TABLE t(a, b, g AS (CALL))")" "$everything"
place "a virtual generated column that must not be NULL" "$(schema "CREATE TABLE t(a, b, g NOT NULL AS (CALL))")" "$everything"
place "a stored generated column" "$(schema "CREATE TABLE t(a, b AS (CALL) STORED)")" "$everything"
place "a generated column in a generated column" "$(schema "CREATE TABLE t(a, b, g AS (h), h AS (CALL))")" "SELECT g FROM t; $everything"
place "an index on a generated column" "$(schema "CREATE TABLE t(a, b AS (CALL))") CREATE INDEX i ON t(b);" "$everything"
place "a DEFAULT" "$(schema "CREATE TABLE t(a, b DEFAULT (CALL))")" "INSERT INTO t DEFAULT VALUES; $everything"
place "an index on an expression" \
  "CREATE INDEX i ON t(a+1); $(schema "CREATE INDEX i ON t(CALL)" i)" "SELECT * FROM t INDEXED BY i; $everything"
place "a unique index on an expression, and UPSERT" "CREATE UNIQUE INDEX i ON t(a+1); $(schema "CREATE UNIQUE INDEX i ON t(CALL)" i)" \
  "INSERT INTO t VALUES(1, 2) ON CONFLICT DO UPDATE SET b = 3; INSERT INTO t VALUES(1, 2) ON CONFLICT DO NOTHING RETURNING *; $everything"
place "a partial index" \
  "CREATE INDEX i ON t(a) WHERE b > 1; $(schema "CREATE INDEX i ON t(a) WHERE CALL IS NOT NULL" i)" "$everything"
place "a table by the name of a function" "CREATE TABLE ortto_upsert(a, b); CREATE TABLE ortto_config(a, b);
  INSERT INTO ortto_upsert VALUES(1, 2); $(schema "CREATE TABLE ortto_config(a, b CHECK(CALL IS NOT NULL))" ortto_config)" \
  "SELECT * FROM t; INSERT INTO t VALUES(1, 2); PRAGMA integrity_check; $everything"
# Whatever the file calls its tables and columns, programs name them: only a call is the program's own. Here
# ortto_check tells of the table that hides ortto_sync, and sends nothing.
named=""
for function in ortto_upsert ortto_config ortto_track ortto_sync; do
  named="$named CREATE TABLE $function(a, b); $(schema "CREATE TABLE $function(a, b CHECK(CALL IS NOT NULL))" $function)"
done
CHECKED=0 HOSTILE=all place "tables and columns by the names of functions, which the program names" \
  "$named CREATE TABLE k(ortto_upsert, ortto_track, ortto_config, ortto_sync); $(schema "CREATE TABLE k(ortto_upsert CHECK(CALL IS NOT NULL), ortto_track, ortto_config, ortto_sync)" k)" \
  "$(for function in ortto_upsert ortto_config ortto_track ortto_sync; do
    echo "INSERT INTO $function VALUES(1, 2); INSERT INTO \"$function\"(a, b) VALUES(1, 2); INSERT INTO main.$function (a) SELECT 1; INSERT INTO aux.[$function](a) SELECT 1; REPLACE INTO /* ( */ $function -- (
      (a) VALUES(1); UPDATE $function SET a = (1); UPDATE $function SET (a, b) = (SELECT 1, 2); INSERT INTO $function(a) VALUES(1) RETURNING $function.a; CREATE INDEX ${function}_i ON $function(a); DROP INDEX ${function}_i;
      INSERT INTO $function AS x (a) VALUES(1); INSERT INTO k($function) VALUES(1); UPDATE k SET $function = (1); SELECT * FROM $function WHERE (a = 1);"
  done) $everything"

# ---- views and triggers -----------------------------------------------------------------------------------------
place "a view" "CREATE VIEW v AS SELECT CALL AS x FROM t;" "SELECT * FROM v; SELECT count(*) FROM v; SELECT x FROM v ORDER BY x LIMIT 1; $everything"
place "a view of a view, with WITH and windows" "CREATE VIEW u AS WITH c AS (SELECT CALL AS x) SELECT x FROM c UNION SELECT a FROM t;
  CREATE VIEW v AS SELECT x, row_number() OVER (ORDER BY CALL) AS n FROM u WHERE x IN (SELECT CALL) GROUP BY x HAVING CALL IS NOT NULL ORDER BY CALL LIMIT 3;" \
  "SELECT * FROM v; SELECT * FROM u JOIN v USING (x); SELECT (SELECT n FROM v); $everything"
place "a view in the place of one of ours" "CREATE VIEW ortto_pending AS SELECT CALL AS id; CREATE VIEW ortto_log AS SELECT CALL AS path;" \
  "SELECT * FROM ortto_pending; SELECT count(*) FROM ortto_log; SELECT count(*) FROM main.ortto_log; $everything"
place "a view over ortto_sync's table form" "CREATE VIEW v AS SELECT * FROM ortto_sync('ortto_people', 'stolen');" "SELECT * FROM v; $everything"
place "a trigger" "CREATE TRIGGER r AFTER INSERT ON t BEGIN INSERT INTO log VALUES(CALL); END;" "$everything"
place "triggers of every kind" "CREATE TRIGGER r1 BEFORE UPDATE OF b ON t BEGIN UPDATE log SET x = CALL; END; CREATE TRIGGER r2 AFTER UPDATE ON t BEGIN DELETE FROM log WHERE x = CALL; END;
  CREATE TRIGGER r3 AFTER DELETE ON t BEGIN SELECT CASE WHEN CALL IS NULL THEN RAISE(IGNORE) END; END; CREATE TRIGGER r4 BEFORE INSERT ON t BEGIN INSERT INTO log SELECT CALL FROM t; END;" "$everything"
place "a trigger's condition" \
  "CREATE TRIGGER r BEFORE DELETE ON t WHEN CALL IS NOT NULL BEGIN SELECT 1; END;" "$everything"
place "a trigger that a foreign key sets off" "CREATE TABLE p(id INTEGER PRIMARY KEY); INSERT INTO p VALUES(1); CREATE TABLE c(p REFERENCES p ON DELETE CASCADE ON UPDATE SET NULL);
  INSERT INTO c VALUES(1); CREATE TRIGGER r AFTER DELETE ON c BEGIN INSERT INTO log VALUES(CALL); END; CREATE TRIGGER r2 AFTER UPDATE ON c BEGIN INSERT INTO log VALUES(CALL); END;" \
  "PRAGMA foreign_keys = ON; UPDATE p SET id = 2; DELETE FROM p; $everything"
place "a trigger's UPSERT and RETURNING" "CREATE UNIQUE INDEX i ON log(x); INSERT INTO log VALUES(1);
  CREATE TRIGGER r AFTER INSERT ON t BEGIN INSERT INTO log VALUES(1) ON CONFLICT(x) DO UPDATE SET x = CALL WHERE CALL IS NOT NULL; END;" "$everything"
place "a view with INSTEAD OF" \
  "CREATE VIEW v AS SELECT a FROM t; CREATE TRIGGER r INSTEAD OF INSERT ON v BEGIN INSERT INTO log VALUES(CALL); END;
   CREATE TRIGGER r2 INSTEAD OF UPDATE ON v BEGIN INSERT INTO log VALUES(CALL); END; CREATE TRIGGER r3 INSTEAD OF DELETE ON v BEGIN INSERT INTO log VALUES(CALL); END;" \
  "INSERT INTO v VALUES(1); UPDATE v SET a = 2; DELETE FROM v; $everything"

# ---- virtual tables: what they run in statements of their own, and the tables behind them ------------------------
words='{\"fields\":{\"email\":\"evil@example.com\"}}'
for function in ortto_upsert ortto_config ortto_track ortto_sync; do
  place "FTS4 whose rows go through $function" "CREATE VIRTUAL TABLE f USING fts4(x); INSERT INTO f VALUES('${words//\\/}'), ('retries');
    $(schema "CREATE VIRTUAL TABLE f USING fts4(x, compress=$function, uncompress=$function)" f)" \
    "SELECT * FROM f; SELECT * FROM f WHERE f MATCH 'evil'; SELECT snippet(f), offsets(f) FROM f WHERE f MATCH 'evil'; INSERT INTO f VALUES('${words//\\/}'); UPDATE f SET x = 'retries'; DELETE FROM f; INSERT INTO f(f) VALUES('rebuild'); PRAGMA integrity_check; $everything"
done
behind() {   # behind 'CREATE VIRTUAL TABLE x USING ...; INSERT ...' SHADOW COLUMNS: with an expression in a table behind it
  echo "$1 $(schema "CREATE TABLE ''x_$2''($3, CHECK(CALL IS NOT NULL))" "x_$2") CREATE TRIGGER r AFTER INSERT ON x_$2 BEGIN INSERT INTO log VALUES(CALL); END;"
}
place "FTS5, an expression behind it" "$(behind "CREATE VIRTUAL TABLE x USING fts5(y); INSERT INTO x VALUES('evil');" content "id INTEGER PRIMARY KEY, c0")" \
  "SELECT * FROM x; SELECT * FROM x WHERE x MATCH 'evil'; INSERT INTO x VALUES('more'); INSERT INTO x(x) VALUES('rebuild'); INSERT INTO x(x) VALUES('integrity-check'); DELETE FROM x; $everything"
place "FTS4, an expression behind it" "$(behind "CREATE VIRTUAL TABLE x USING fts4(y); INSERT INTO x VALUES('evil');" content "docid INTEGER PRIMARY KEY, c0y")" \
  "SELECT * FROM x; SELECT * FROM x WHERE x MATCH 'evil'; INSERT INTO x VALUES('more'); INSERT INTO x(x) VALUES('rebuild'); DELETE FROM x; $everything"
place "R-Tree, an expression behind it" "$(behind "CREATE VIRTUAL TABLE x USING rtree(id, a, b, +c); INSERT INTO x VALUES(1, 2, 3, 4);" rowid "rowid INTEGER PRIMARY KEY, nodeno, a0")" \
  "SELECT * FROM x; SELECT * FROM x WHERE a > 1; INSERT INTO x VALUES(2, 3, 4, 5); UPDATE x SET c = 6; DELETE FROM x; SELECT rtreecheck('x'); $everything"
place "FTS5, a view behind it" "CREATE VIRTUAL TABLE x USING fts5(y); INSERT INTO x VALUES('evil'); ALTER TABLE x_content RENAME TO old;
  DELETE FROM sqlite_schema WHERE name = 'x_content'; CREATE VIEW x_content AS SELECT 1 AS id, CALL AS c0;" \
  "SELECT * FROM x; SELECT * FROM x WHERE x MATCH 'evil'; INSERT INTO x VALUES('more'); $everything"
place "FTS5's rank" "CREATE VIRTUAL TABLE x USING fts5(y); INSERT INTO x VALUES('evil'); INSERT INTO x(x, rank) VALUES('rank', 'bm25(1.0)');
  UPDATE x_config SET v = 'ortto_upsert(''evil'')' WHERE k = 'rank';" "SELECT * FROM x WHERE x MATCH 'evil' ORDER BY rank; SELECT rank FROM x('evil'); $everything"
place "views over what SQLite knows of our tables" "CREATE VIEW v AS SELECT * FROM pragma_function_list; CREATE VIEW u AS SELECT CALL FROM pragma_table_list; CREATE VIEW w AS SELECT * FROM pragma_module_list;" \
  "SELECT count(*) FROM v; SELECT * FROM u; SELECT count(*) FROM w; $everything"

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
SELECT "ortto_config" ('retries', 2), 1.*[ORTTO_config]/* ( */ -- x
  ('retries', 3), (SELECT 1 WHERE ortto_config('retries', 4) = 4);
SELECT count(*) FROM (SELECT 1) a JOIN (SELECT 1) b ON ortto_config('retries', 5) = 5;
SELECT count(*) FROM ortto_sync WHERE "from" = 'ortto_accounts' AND "into" = 'local' AND state = 'done';
WITH p AS (SELECT * FROM ortto_people) SELECT count(*) > 0 FROM p /* ortto_accounts */;
SQL
)
if [ "$said" = "$(printf '1|1|1\n1\n1\n1\n2|3.0|1\n1\n1\n1')" ]; then
  echo "ok the user's own statements work"
else
  printf '%s\n' "$said"
  echo "not ok the user's own statements work"
fi
