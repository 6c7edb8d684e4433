#!/usr/bin/env bash
# Measures COMMIT: contacts inserted from a local table in one transaction, at 200 ms latency and 10 requests a second.
#
#   test/bench/bench_commit.sh [ROWS]     10,000 if not given
#
# Must hold: at least 90 % of the 1,000 rows a second that the limit allows, in no more requests than it takes.
set -euo pipefail
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
rows=${1:-10000}
SANDBOX=${SANDBOX:-$ROOT/.build/ortto_sandbox}
EXT=${EXT:-$ROOT/ortto.so}
# shellcheck source=test/lib.sh
. "$ROOT/test/lib.sh"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
start_sandbox --people 20 --latency 200
export ORTTO_RATE=10
failed=0

# run LABEL STATEMENT LEAST: rows per second of the COMMIT, with the requests that it makes before the first row too
run() {
  sqlite3 -batch -bail bench.db >out 2>&1 <<SQL || { cat out; exit 1; }
.load $EXT
CREATE TABLE IF NOT EXISTS leads AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT $rows)
  SELECT 'k' || i || '@t.example' AS email, 'Kay ' || i AS first_name, 'Oslo' AS city, i AS seats FROM n;
SELECT count(*) FROM leads;
SELECT email FROM ortto_people LIMIT 1;
.shell sleep 1; curl -s -X POST $ORTTO_API_URL/sandbox/forget >/dev/null
BEGIN;
$2;
.timer on
COMMIT;
.timer off
.shell curl -s "$ORTTO_API_URL/sandbox/count"
SQL
  local seconds requests
  seconds=$(sed -nE 's/^Run Time: real ([0-9.]+).*/\1/p' out | tail -n 1)
  requests=$(tail -n 1 out | tr -dc 0-9)
  if awk -v rows="$rows" -v s="$seconds" -v label="$1" -v requests="$requests" -v least="$3" 'BEGIN {
    printf "%-34s %6.2f s %6d rows/s %4d requests\n", label, s, rows / s, requests; exit rows / s < least }'; then return; fi
  echo "  NOT reached: $3 rows/s"
  failed=1
}

run "INSERT of $rows contacts" 'INSERT INTO ortto_people(email, first_name, city, seats) SELECT * FROM leads' 900
run "INSERT of the same once more" 'INSERT INTO ortto_people(email, first_name, city, seats) SELECT * FROM leads' 900
run "DELETE of as many" "SELECT ortto_config('max_deletes', $rows); DELETE FROM ortto_people WHERE email LIKE '%@t.example'" 900
exit $failed
