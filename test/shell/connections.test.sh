# What lasts how long: columns of tables with and without a CREATE, other accounts in one connection, and tables in a file
# that is opened without a key, without a network, or without the extension.
# sandbox: --people 7 --no-archived --accounts 2 --custom 0 --account-custom 0
# env: ORTTO_RATE=0 ORTTO_RETRIES=0
# Conditions are quoted, for eval in verdict().
# shellcheck shell=bash disable=SC2016,SC2034
# shellcheck source=test/lib.sh
. "$ROOT/test/lib.sh"
a=$ORTTO_API_URL
start_sandbox --people 3 --no-archived --accounts 1 --custom 0 --account-custom 0 --key key-of-account-b
b=$ORTTO_API_URL
export ORTTO_API_URL=$a ORTTO_API_KEY=sandbox-key

sql() {   # runs the SQL of standard input; errors are part of what is printed
  $SQLITE3 -batch -cmd '.load ./ortto' "${DB:-:memory:}" 2>&1
}
field() {   # field SERVER ID: makes a custom field of people
  curl -s -d "{\"entity\":\"people\",\"id\":\"$2\",\"name\":\"x\",\"display_type\":\"text\"}" "$1/sandbox/field" >/dev/null
}
says() { grep -qF -- "$1" <<<"$said"; }
verdict() {   # verdict NAME CONDITION: ok or not ok, with what was said
  if eval "$2"; then
    echo "ok $1"
  else
    printf '%s\n' "$said"
    echo "not ok $1"
  fi
}
prints() {   # prints NAME TEXT <SQL: the SQL prints exactly this
  said=$(sql)
  want=$2
  verdict "$1" '[ "$said" = "$want" ]'
}
field "$a" str:cm:only-a
field "$b" str:cm:only-b

# ---- another account in the same connection ---------------------------------------------

prints "tables without a CREATE follow api_url and key" "$(printf '1|7\n1|3\n1|7')" <<SQL
SELECT count(only_a) = 0, count(*) FROM ortto_people;
.output /dev/null
SELECT ortto_config('api_url', '$b'), ortto_config('key', 'key-of-account-b');
.output
SELECT count(only_b) = 0, count(*) FROM ortto_people;
.output /dev/null
SELECT ortto_config('api_url', NULL), ortto_config('key', NULL);
.output
SELECT count(only_a) = 0, count(*) FROM ortto_people;
SQL

said=$(sql <<SQL
SELECT count(*) FROM ortto_people;
.output /dev/null
SELECT ortto_config('api_url', '$b'), ortto_config('key', 'key-of-account-b');
.output
SELECT count(only_a) FROM ortto_people;
SQL
)
verdict "the first account's fields are gone then" 'says "no such column: only_a"'

curl -s -X POST "$a/sandbox/forget" >/dev/null
prints "fields are listed once, and anew when region, key or api_url change" 4 <<SQL
.output /dev/null
SELECT count(*) FROM ortto_people;
SELECT email FROM ortto_people;
SELECT ortto_config('region', 'eu');
SELECT email FROM ortto_people;
SELECT ortto_config('key', 'sandbox-key');
SELECT email FROM ortto_people;
SELECT ortto_config('rate', 0), ortto_config('retries', 1), ortto_config('concurrency', 2), ortto_config('timeout_ms', 1000);
SELECT email FROM ortto_people;
SELECT ortto_config('api_url', '$a');
SELECT email FROM ortto_people;
.output
SELECT count(*) FROM ortto_log WHERE path = '/v1/person/custom-field/get';
SQL

said=$(sql <<SQL
SELECT count(*), count(DISTINCT id), count(DISTINCT x) FROM
  (SELECT id, email, iif(n = 3, ortto_config('api_url', '$b') || ortto_config('key', 'key-of-account-b'), NULL) AS x
     FROM (SELECT id, email, row_number() OVER () AS n FROM ortto_people));
SELECT count(*) FROM ortto_people;
SQL
)
verdict "a statement that reads on while the account changes fails, and the next one reads the new account" \
  'says "changed to another account" && [ "$(tail -n 1 <<<"$said")" = 3 ]'

said=$(sql <<SQL
CREATE TABLE urls(url, key);
INSERT INTO urls VALUES('$a','sandbox-key'),('$b','key-of-account-b');
SELECT group_concat(ortto_config('api_url', url) || ortto_config('key', key) || ' '), count(*) FROM urls WHERE url = '$b';
SELECT count(*) FROM ortto_people;
CREATE TABLE ortto_people(email);
SELECT ortto_check();
DROP TABLE ortto_people;
SELECT ortto_check();
SQL
)
verdict "ortto_check names a local table that hides Ortto's" 'says "main.ortto_people hides" && [ "$(tail -n 1 <<<"$said")" = ok ]'

said=$(sql <<SQL
CREATE TABLE ortto_failures(x);
SELECT ortto_check();
DROP TABLE ortto_failures;
CREATE TEMP VIEW Ortto_Log AS SELECT 1 AS x;
SELECT ortto_check();
DROP VIEW ortto_log;
ATTACH '' AS other;
CREATE TABLE other.ortto_pending(x);
SELECT ortto_check();
DROP TABLE other.ortto_pending;
CREATE VIRTUAL TABLE ortto_settings USING ortto(table=tags);
CREATE TABLE ortto_sync(x);
SELECT ortto_check();
DROP TABLE ortto_sync;
SELECT ortto_check();
SQL
)
verdict "one that hides what is of the connection, too" \
  'says "main.ortto_failures hides" && says "temp.ortto_log hides" && says "other.ortto_pending hides" && says "main.ortto_sync hides" && [ "$(tail -n 1 <<<"$said")" = ok ]'

# ---- created tables -----------------------------------------------------------------------

said=$(sql <<SQL
CREATE VIRTUAL TABLE p USING ortto(table=people);
SELECT count(*) FROM pragma_table_info('p') WHERE name = 'came_later';
.shell curl -s -o /dev/null -d '{"entity":"people","id":"str:cm:came-later","name":"x","display_type":"text"}' $a/sandbox/field
SELECT count(*) FROM p;
CREATE TABLE local(x);
SELECT count(*) FROM p JOIN local;
SELECT count(*) FROM pragma_table_info('p') WHERE name = 'came_later';
SQL
)
field "$a" str:cm:came-later
verdict "a created table keeps its columns while the connection lasts" '[ "$said" = "$(printf "0\n7\n0\n0")" ]'

DB=$TMPDIR/file.db
sql <<<"CREATE VIRTUAL TABLE p USING ortto(table=people); CREATE VIRTUAL TABLE t USING ortto(table=tags); CREATE TABLE l(a);" >/dev/null
field "$a" str:cm:still-later
prints "opened anew it has what is there now" 1 <<<"SELECT count(*) FROM pragma_table_info('p') WHERE name = 'still_later';"

# ---- without key, network, extension --------------------------------------------------------

for lack in key network; do
  case $lack in
    key) export ORTTO_API_KEY='' ;;
    network) export ORTTO_API_KEY=sandbox-key ORTTO_API_URL=http://127.0.0.1:1 ;;
  esac
  said=$(sql <<SQL
SELECT count(*) > 10 FROM pragma_table_info('p');
SELECT count(*) FROM pragma_table_list WHERE name IN ('p', 't', 'l');
PRAGMA integrity_check;
SELECT count(*) FROM l;
SQL
)
  verdict "without $lack it can be described" '[ "$said" = "$(printf "1\n3\nok\n0")" ]'
  said=$(sql <<SQL
SELECT count(*) FROM p;
SELECT email FROM p WHERE id = 'a';
SELECT * FROM t;
SQL
)
  verdict "without $lack every query says what is wrong" '[ "$(grep -c "ortto: " <<<"$said")" = 3 ]'
  cp "$DB" copy.db
  said=$($SQLITE3 -batch -cmd '.load ./ortto' copy.db 2>&1 <<SQL
DROP TABLE p;
DROP TABLE t;
SELECT group_concat(name) FROM sqlite_schema;
SQL
)
  verdict "without $lack it can be dropped" '[ "$said" = l ]'
  export ORTTO_API_URL=$a ORTTO_API_KEY=sandbox-key
done

said=$(ORTTO_API_KEY='' sql <<SQL
SELECT count(*) FROM p;
.output /dev/null
SELECT ortto_config('key', 'sandbox-key');
.output
SELECT count(*) FROM p;
SQL
)
verdict "it says so, and tries again at the next query" '[ "$(grep -c "ortto: " <<<"$said")" = 1 ] && says 7'
prints "then it works" 7 <<<"SELECT count(*) FROM p;"

said=$($SQLITE3 -batch "$DB" 2>&1 <<SQL
SELECT count(*) FROM l;
SELECT count(*) FROM p;
SQL
)
verdict "without the extension the rest of the file can be used" 'says "no such module: ortto" && [ "$(head -n 1 <<<"$said")" = 0 ]'
unset DB

said=$(ORTTO_API_URL=http://127.0.0.1:1 sql <<SQL
CREATE VIRTUAL TABLE p USING ortto(table=people);
SELECT count(*) FROM sqlite_schema;
SQL
)
verdict "a CREATE without network is an error and creates nothing" 'says "ortto: " && [ "$(tail -n 1 <<<"$said")" = 0 ]'

# ---- a key that the server rejects ------------------------------------------------------------

said=$(sql <<SQL
CREATE VIRTUAL TABLE p USING ortto(table=people, key='not-this-one-1');
CREATE VIRTUAL TABLE t USING ortto(table=tags, key='not-this-one-2');
SELECT count(*) FROM sqlite_schema;
SQL
)
verdict "a rejected key: check that it belongs to the region" '[ "$(grep -c "belongs to this" <<<"$said")" = 2 ] && says region && [ "$(tail -n 1 <<<"$said")" = 0 ]'
