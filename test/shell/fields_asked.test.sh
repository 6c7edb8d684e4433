#!/usr/bin/env bash
# When the fields of a table are asked for: at a statement of the program's own, never on the word of a database file.
# And where they could not be had, a statement that lacks a column says why.
# sandbox: --people 30 --accounts 3 --custom 3 --account-custom 0
# env: ORTTO_RATE=0 ORTTO_RETRIES=0
set -u
check() { # name, what came, what is right
  if [ "$2" = "$3" ]; then echo "ok $1"; else
    printf 'expected:\n%s\ngot:\n%s\n' "$3" "$2"
    echo "not ok $1"
  fi
}
sql() { "$SQLITE3" -batch -cmd ".load $EXT" "$@" 2>&1; }
plain() { "$SQLITE3" -batch "$@"; }
requests() { curl -s "$ORTTO_API_URL/sandbox/count"; curl -s -o /dev/null -X POST "$ORTTO_API_URL/sandbox/forget"; }
fault() { curl -s -o /dev/null --data-binary "$1" "$ORTTO_API_URL/sandbox/fault"; }

# ---- on a file's word: nothing is sent ------------------------------------------------------

sql t.db "CREATE VIRTUAL TABLE p USING ortto(table=people)" "CREATE VIRTUAL TABLE \"a\"\"b\" USING ortto(table=people)" \
  "CREATE VIRTUAL TABLE own USING ortto(table=people, api_url='$ORTTO_API_URL', key='sandbox-key')" \
  "CREATE TABLE l(a)" "CREATE TABLE m(a)"
plain t.db <<'SQL'
CREATE VIEW v AS SELECT * FROM p;
CREATE VIEW v2 AS SELECT job_title FROM P;
CREATE VIEW v3 AS SELECT * FROM "a""b";
CREATE VIEW v4 AS SELECT * FROM "ORTTO_people";
CREATE VIEW v5 AS SELECT job_title FROM ortto_people;
CREATE VIEW v6 AS SELECT m.name FROM sqlite_schema m, pragma_table_info(m.name) i;
CREATE VIEW v7 AS SELECT * FROM pragma_table_info('ortto_'||'people');
CREATE VIEW v8 AS SELECT * FROM pragma_table_list;
CREATE TRIGGER r AFTER INSERT ON l BEGIN INSERT INTO m SELECT count(*) FROM pragma_table_xinfo('p'); END;
CREATE TRIGGER r2 AFTER DELETE ON l BEGIN INSERT INTO m SELECT email FROM ortto_people; END;
CREATE TABLE child(x REFERENCES ortto_people(id));
CREATE VIRTUAL TABLE f USING fts5(email, content='ortto_people', content_rowid='id');
SQL
requests >/dev/null
cp t.db file.db
asks() { # name, statement...: no request
  local name=$1 said
  shift
  said=$(sql t.db "$@")
  case $(requests) in
    0) echo "ok $name" ;;
    *) printf '%s\n' "$said"; echo "not ok $name" ;;
  esac
}
for v in v v2 v3 v4 v5 v6 v7 v8; do asks "a view sends nothing: $v" "SELECT * FROM $v"; done
asks "nor does a trigger that describes" "INSERT INTO l VALUES(1)"
asks "nor one that reads" "DELETE FROM l"
asks "nor a foreign key" "PRAGMA foreign_keys=ON; INSERT INTO child VALUES('x'); PRAGMA foreign_key_check"
asks "nor FTS" "SELECT * FROM f" "SELECT * FROM f WHERE f MATCH 'a'"
asks "nor PRAGMA table_list" "PRAGMA table_list"
asks "nor pragma_table_list" "SELECT * FROM pragma_table_list"
asks "nor PRAGMA integrity_check" "PRAGMA integrity_check" "PRAGMA quick_check" "SELECT * FROM pragma_integrity_check"
asks "nor ALTER TABLE" "ALTER TABLE m RENAME TO n" "ALTER TABLE m ADD COLUMN b" "ALTER TABLE m RENAME COLUMN a TO c"
asks "nor a table with an address of its own, described" "PRAGMA table_info(own)" "PRAGMA table_xinfo('own')"
asks "nor VACUUM, ANALYZE, REINDEX" "VACUUM" "ANALYZE" "REINDEX"
cp file.db t.db
sql -cmd "ATTACH 't.db' AS strange" :memory: "SELECT * FROM strange.v" "SELECT * FROM strange.v4" "SELECT * FROM pragma_table_list" >/dev/null
check "nor does an attached file" "$(requests)" 0

# In the same connection the program's own statements know the fields: at once, or after the first that runs.
got=$(sql t.db "SELECT * FROM v4; " "SELECT 1" | tail -1
  sql t.db <<'SQL' | sed 's/^[A-Z][a-z]* error near line [0-9]*: //; s/^Error[^:]*: //' | cut -c1-60
SELECT * FROM v;
SELECT count(job_title) > 0 FROM p;
SELECT count(email) > 0 FROM p;
SELECT count(job_title) > 0 FROM p;
SELECT count(id) > 0 FROM ortto_people;
SELECT count(job_title) > 0 FROM ortto_people;
SQL
)
check "the program's own statements ask" "$(printf '%s\n' "$got" | grep -v '^ \|unsafe')" "$(printf '%s\n' \
  'ortto: the fields of p are not known yet, and nothing is ask' 1 1 1 1)"

# Where no file names the table, the first statement knows them, while others run too; a description as well.
plain t.db "DROP VIEW v; DROP VIEW v2; DROP VIEW v4; DROP VIEW v5; DROP TRIGGER r; DROP TRIGGER r2; DROP TABLE child; DROP VIEW v7"
plain -cmd '.dbconfig defensive off' t.db "PRAGMA writable_schema=ON; DELETE FROM sqlite_schema WHERE name='f'"
got=$(sql t.db "SELECT count(job_title) > 0 FROM p"
  sql t.db "SELECT count(job_title) > 0 FROM ortto_people"
  sql t.db "SELECT count(job_title) > 0 FROM own"
  sql t.db "PRAGMA table_info(own)" "SELECT count(job_title) > 0 FROM own" | tail -1
  sql t.db "PRAGMA table_list" "INSERT INTO p(job_title) SELECT 1" | grep -c 'read-only\|write=on'
  sql t.db "SELECT count(*) FROM pragma_table_info('p') WHERE name = 'job_title'"
  sql t.db "PRAGMA table_info(p)" | grep -c job_title
  sql t.db "PRAGMA table_list" "PRAGMA table_info(p)" "CREATE TABLE c AS SELECT job_title FROM p" "SELECT count(*) > 0 FROM c" | tail -1)
check "without such a view the first statement knows them" "$(echo $got)" "1 1 1 1 1 1 1 1"
# Another program changes the file meanwhile: SQLite does not know that yet when the table is connected.
got=$(sql t.db <<SQL
SELECT count(*) > 0 FROM sqlite_schema LEFT JOIN l;
.shell sqlite3 t.db 'CREATE TABLE later(x); INSERT INTO later VALUES(1), (2)'
SELECT count(job_title) > 0, (SELECT count(*) FROM later) FROM ortto_people;
.shell sqlite3 t.db 'DROP TABLE later; VACUUM; CREATE TABLE later2(y); INSERT INTO later2 VALUES(7)'
SELECT count(job_title) > 0, (SELECT y FROM later2) FROM p;
SQL
)
check "nor does another program's change of the file matter" "$(echo $got)" "1 1|2 1|7"
requests >/dev/null

# ---- they could not be had ------------------------------------------------------------------

plain t.db "CREATE TABLE t(x); DROP VIEW v3; DROP VIEW v6; DROP VIEW v8"
why='listing the fields of people: .* answered 503'
fault '{"kind":"status","status":503,"times":-1}'
reason() { # name, statements: the last one says why
  local name=$1 got
  shift
  got=$(sql t.db "$@" | grep -c "$why")
  check "$name" "$got" 1
}
reason "a missing column: the reason" "SELECT job_title FROM p"
reason "of a condition, a subquery, a join with a temporary table" "CREATE TEMP TABLE o(x); SELECT (SELECT count(*) FROM p WHERE job_title = x) FROM o"
reason "of an INSERT" "INSERT INTO p(email, job_title) VALUES('a@example.com', 'x')"
reason "of an UPDATE" "UPDATE p SET job_title = 'x'"
reason "after it was described" "SELECT count(*) FROM pragma_table_info('p'); SELECT job_title FROM p"
reason "in a transaction" "BEGIN; CREATE TEMP TABLE o(x); SELECT job_title FROM p"
reason "no column is missing: the reason, too" "SELECT p.email FROM p JOIN t"
reason "with a temporary table" "CREATE TEMP TABLE o(x); INSERT INTO o VALUES(1); SELECT p.email FROM o JOIN p"
reason "where schemas are not to be written" ".dbconfig defensive on" "SELECT job_title FROM p"
got=$(sql t.db "PRAGMA table_list" "PRAGMA integrity_check" "CREATE TEMP TABLE o(x)" "SELECT count(*) FROM o" "SELECT count(*) > 10 FROM pragma_table_info('p')" | tail -2)
check "what does not read goes on" "$(echo $got)" "0 1"
cp t.db d.db
got=$(sql d.db 'DROP TABLE p' 'PRAGMA table_info(own)' 'DROP TABLE own' "SELECT group_concat(name) FROM sqlite_schema WHERE sql LIKE '%ortto%'")
check "and a table can be dropped" "$(printf '%s\n' "$got" | tail -1)" 'a"b'
curl -s -o /dev/null -X POST -d '' "$ORTTO_API_URL/sandbox/clear"
# They can be had a moment later, when rows are out: SQLite must not begin the statement anew, which would repeat them.
fault '{"kind":"status","status":503,"times":1}'
got=$(sql t.db "SELECT 'mine' UNION ALL SELECT * FROM (SELECT email FROM p LIMIT 2)" | sed -E 's/.*became known only now.*/an error/' | sort)
check "rows that were returned are not returned again" "$(echo $got)" "an error mine"
fault '{"kind":"status","status":503,"times":1}'
got=$(sql t.db "SELECT count(*) > 0 FROM p UNION ALL SELECT 'mine'")
check "where there are none yet it goes on" "$(echo $got)" "1 mine"
curl -s -o /dev/null -X POST -d '' "$ORTTO_API_URL/sandbox/clear"
fault '{"kind":"status","status":503,"times":2}'
got=$(sql t.db <<'SQL' | sed 's/.*503.*/503/; /^ /d'
SELECT job_title FROM p LIMIT 1;
SELECT count(job_title) > 0 FROM p;
SELECT count(*) FROM p WHERE nonsense = 1;
SELECT count(job_title) > 0 FROM p;
SQL
)
fault '{"kind":"status","status":503,"times":-1}'
more=$(sql t.db <<SQL | grep -v '^main\|^temp\|^$' | sed 's/.*503.*/503/'
CREATE TEMP TABLE o(x);
SELECT count(*) FROM pragma_table_info('p') WHERE name = 'job_title';
PRAGMA table_list;
SELECT count(id) FROM p;
.shell curl -s -o /dev/null -X POST $ORTTO_API_URL/sandbox/clear
SELECT count(job_title) > 0 FROM p;
SQL
)
check "and after a query that failed, whatever came before" "$(echo $more)" "0 503 1"
check "the next statement tries again" "$(printf '%s\n' "$got" | sed 's/.*no such column: nonsense.*/no such column/')" "$(printf '503\n1\nno such column\n1')"
