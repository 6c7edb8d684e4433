#!/usr/bin/env bash
# A created table without key or network: it is described and dropped within two seconds, keeps the columns that
# `fields` names, says what is wrong when it is asked, and tries again then.
# sandbox: --people 30 --accounts 3 --custom 3 --account-custom 0
# env: ORTTO_RATE=0
set -u
passed() { echo "ok $1"; }
failed() { echo "not ok $1"; }
check() { # name, what came, what is right
  if [ "$2" = "$3" ]; then passed "$1"; else printf 'expected:\n%s\ngot:\n%s\n' "$3" "$2"; failed "$1"; fi
}
sql() { "$SQLITE3" -batch -cmd ".load $EXT" "$1" 2>&1; }

sql t.db <<'SQL'
CREATE VIRTUAL TABLE f USING ortto(table=people, fields='email str:cm:job-title last_name');
CREATE VIRTUAL TABLE p USING ortto(write=on, table=people);
CREATE VIRTUAL TABLE gone USING ortto(table=people);
CREATE VIRTUAL TABLE broken USING ortto(table=tags);
SQL
url=$ORTTO_API_URL

# No network that answers: a hang for all who ask.
fault() { printf '%s' "$1" | curl -s -o /dev/null --data-binary @- "$url/sandbox/fault"; }
fault '{"kind":"hang","times":-1}'
began=$(date +%s%N)
got=$(sql t.db <<'SQL'
SELECT group_concat(name, ' ') FROM pragma_table_info('f');
SQL
)
took=$((($(date +%s%N) - began) / 1000000))
check "fields='...' are the columns without a network" "$got" "id email job_title last_name"
if [ $took -lt 2600 ]; then passed "described within two seconds"; else echo "$took ms"; failed "described within two seconds"; fi
began=$(date +%s%N)
got=$(sql t.db <<<'DROP TABLE gone; SELECT count(*) FROM sqlite_schema;')
took=$((($(date +%s%N) - began) / 1000000))
check "dropped without a network" "$got" 3
if [ $took -lt 2600 ]; then passed "dropped within two seconds"; else echo "$took ms"; failed "dropped within two seconds"; fi
curl -s -o /dev/null -X POST -d '' "$url/sandbox/clear"

# A 503 at the first use: the next query has everything, in the same connection, in a transaction too.
start=$(cat <<'SQL'
SELECT ortto_config('retries', 0) IS NULL;
SELECT count(*) FROM pragma_table_info('p') WHERE name = 'job_title';
SELECT ortto_config('retries', 5) IS NULL;
BEGIN;
SELECT count(email) > 0 FROM p;
SELECT count(*) FROM pragma_table_info('p') WHERE name = 'job_title';
SELECT count(job_title) >= 0 FROM p;
INSERT INTO p(email) VALUES ('x@example.com');
ROLLBACK;
SELECT count(*) FROM f;
SQL
)
fault '{"kind":"status","status":503,"times":1}'
got=$(sql t.db <<<"$start" | tr '\n' ' ')
check "a 503 at the first use is over at the next" "$got" "0 0 0 1 1 1 29 "

# No key: the same, until there is one.
got=$(ORTTO_API_KEY='' sql t.db <<'SQL' | sed 's/^[A-Z][a-z]* error near line [0-9]*: //; s/[.;:] .*//' | tr '\n' '|'
SELECT count(*) FROM pragma_table_info('f');
SELECT count(*) FROM f;
INSERT INTO f(email) VALUES ('x@example.com');
SELECT ortto_config('key', 'sandbox-key') IS NULL;
SELECT count(*) FROM f;
SQL
)
check "without a key it says so, with one it works" "$got" "4|ortto|ortto|0|29|"
