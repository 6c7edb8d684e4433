#!/usr/bin/env bash
# make demo: a tour of the tables in the sqlite3 shell.
#
# Against a sandbox server that it starts, or, if ORTTO_API_KEY is set, against Ortto itself
# (ORTTO_REGION says where), reading only and little.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=test/lib.sh
. test/lib.sh

if [ -n "${ORTTO_API_KEY:-}" ]; then
  real=yes
  echo "ORTTO_API_KEY is set: this reads from Ortto (region ${ORTTO_REGION:-global}). Nothing is written there;"
  echo "at most 500 people are copied into a table in memory."
  copy="SELECT * FROM ortto_people LIMIT 500"
else
  real=no
  for name in $(compgen -e); do
    case $name in ORTTO_*) unset "$name" ;; esac
  done
  # --seed makes every run of the demo the same; so does leaving out the rate, which is for a real server.
  start_sandbox --seed 1 --people 1200
  export ORTTO_RATE=0
  echo "A sandbox server with 1,200 invented people answers at $ORTTO_API_URL."
  echo "With ORTTO_API_KEY set (and ORTTO_REGION, unless it is global) the same tour reads your own."
  copy="SELECT * FROM ortto_people"
fi

tour() {
  cat <<SQL
.mode box --wrap 60
.nullvalue NULL
.echo on

-- Load the extension, and ask with one cheap request whether host and key are right.
.load ./ortto
SELECT ortto_version(), ortto_check();

-- These are there now. Nothing was created, and nothing is written to the database file.
SELECT name AS "table" FROM pragma_module_list WHERE name GLOB 'ortto_*' ORDER BY 1;

-- What is known about a person. Custom fields are columns like any other.
SELECT name, type FROM pragma_table_info('ortto_people') LIMIT 24;

-- How many are there? Each count is one request.
SELECT (SELECT count(*) FROM ortto_people)   AS people,
       (SELECT count(*) FROM ortto_accounts) AS accounts;

-- The newest five people; LIMIT reaches the server.
SELECT first_name, last_name, email, city, country FROM ortto_people LIMIT 5;

-- What of a query does Ortto do, and what is left for SQLite? The plan says it.
EXPLAIN QUERY PLAN
SELECT email FROM ortto_people WHERE first_name = 'Tara' AND length(last_name) > 5;

-- A copy of people, as a table of SQLite's own.
CREATE TABLE local AS $copy;
SELECT count(*) AS copied FROM local;

-- From here on it is plain SQL: who is where, on the copy.
SELECT country, count(*) AS people, count(DISTINCT city) AS cities
  FROM local GROUP BY country ORDER BY people DESC, country LIMIT 5;

-- People with the account they belong to: a join of the copy and a table at Ortto.
SELECT p.first_name, p.last_name, a.name AS account
  FROM local AS p JOIN ortto_accounts AS a ON a.id = p.account_id
  ORDER BY a.name, p.id LIMIT 5;

-- Tags are JSON: json_each makes rows of them.
SELECT t.value AS tag, count(*) AS people
  FROM local, json_each(local.tags) AS t GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 5;

-- Audiences, and the members of one, whom Ortto picks.
SELECT name, members FROM ortto_audiences LIMIT 3;
SQL
  # What follows is named after the sandbox's data, or is more than one should ask of a real
  # account unasked.
  [ $real = yes ] || sandbox_tour
  cat <<SQL

-- The last requests that this took.
SELECT path, status, ms, received_bytes, "rows"
  FROM ortto_log LIMIT 8 OFFSET (SELECT count(*) FROM ortto_log) - 8;
SQL
}

sandbox_tour() {
  cat <<SQL

-- Custom fields, summed up: money is in the unit that people see.
SELECT plan, count(*) AS people, round(avg(plan_value), 2) AS average_value,
       sum(is_vip) AS vips
  FROM local GROUP BY plan ORDER BY people DESC, plan LIMIT 6;

-- Members of an audience: Ortto knows who they are.
SELECT count(*) AS members FROM ortto_people WHERE audience = 'Subscribers';

-- What keeps a copy up to date: ortto_sync makes the table, and at later calls writes what changed.
SELECT ortto_sync('ortto_people', 'people') AS report;

-- Is the first copy the same as the original?
SELECT CASE WHEN count(*) = 0 THEN 'yes' ELSE 'no' END AS same
  FROM (SELECT * FROM local EXCEPT SELECT * FROM ortto_people);
SQL
}

tour | sqlite3 -batch -bail -init /dev/null :memory:

next="your own account, where nothing is written:  ORTTO_API_KEY=... ORTTO_REGION=eu make demo"
[ $real = no ] || next="questions of your own:  sqlite3 crm.db, and there  .load ./ortto"
printf '\nNext: %s\n' "$next"
echo "      a copy:  ORTTO_EXTENSION=./ortto examples/nightly-copy.sh crm.db"
echo "      a picture of it:  examples/picture.sh crm.db > list.html; twelve jobs more:  examples/cookbook.sql"
