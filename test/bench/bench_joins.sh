#!/usr/bin/env bash
# Measures joins: how many requests a table costs that SQLite asks again for each row outside, and how long one takes that
# needs the whole list.
#
#   test/bench/bench_joins.sh [PEOPLE]     10,000 if not given, and 3,000 rows outside; a part of make bench
#
# Must hold: each shape gives what it gives on a local copy, within its bound: twice what somebody needs who knows the
# data before, and one request. Best is the lesser of one look-up for each different key and one read of the list (or of
# both lists), asked is what it takes to ask for every row outside as if nothing were remembered. BEFORE=FILE.so counts
# with another build of the extension too.
# And: a join of 3,000 rows with 200,000 people (BIG) on what Ortto cannot be asked for takes at most 1.3 times as long
# as a copy of the columns that it needs, in under 64 MB.
set -euo pipefail
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
people=${1:-10000}
BIG=${BIG:-200000}
SANDBOX=${SANDBOX:-$ROOT/.build/ortto_sandbox}
EXT=${EXT:-$ROOT/ortto.so}
case $EXT in /*) ;; *) EXT=$ROOT/$EXT ;; esac
# shellcheck source=test/lib.sh
. "$ROOT/test/lib.sh"
for name in $(compgen -e); do
  case $name in ORTTO_* | *_proxy | *_PROXY) unset "$name" ;; esac
done
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export ORTTO_RATE=0
failed=0

target() {   # target CONDITION TEXT
  if awk "BEGIN { exit !($1) }"; then echo "  reached      $2"; else echo "  NOT reached  $2"; failed=1; fi
}

# ---- twelve shapes ------------------------------------------------------------------------

# NAME, BEST, ASKED, STATEMENT. The outer table has a key of each kind; every tenth row has none that is there.
pages=$(((people + 499) / 500))
shapes=$(cat <<S
id|$pages|3000|SELECT count(p.id), min(p.email) FROM l LEFT JOIN ortto_people p ON p.id = l.person_id
email|$pages|3000|SELECT count(p.id), min(p.email) FROM l LEFT JOIN ortto_people p ON p.email = l.email
city|$pages|$((3000 * pages))|SELECT count(p.id), min(p.city) FROM l LEFT JOIN ortto_people p ON p.city = l.city
number|$pages|$((3000 * pages))|SELECT count(p.id), min(p.seats) FROM l LEFT JOIN ortto_people p ON p.seats = l.seats
LEFT|$pages|$((3000 * pages))|SELECT count(p.id), count(*) FROM l LEFT JOIN ortto_people p ON p.city = l.city AND p.first_name > l.first_name
correlated|$pages|3000|SELECT count((SELECT p.first_name FROM ortto_people p WHERE p.email = l.email)) FROM l
EXISTS|$pages|$((3000 * pages))|SELECT count(*) FROM l WHERE EXISTS (SELECT 1 FROM ortto_people p WHERE p.city = l.city)
self|$((2 * pages))|$((people + pages))|SELECT count(*) FROM ortto_people a JOIN ortto_people b ON b.email = a.email
three|$((pages + 1))|6000|SELECT count(p.id), count(a.name) FROM l LEFT JOIN ortto_people p ON p.id = l.person_id LEFT JOIN ortto_accounts a ON a.id = p.account_id
batched|3|300|SELECT count(p.id) FROM few l LEFT JOIN ortto_people p ON p.email = l.email AND p.email IN (SELECT email FROM few)
duplicates|10|3000|SELECT count(p.id) FROM many l LEFT JOIN ortto_people p ON p.email = l.email
misses|$pages|3000|SELECT count(p.id) FROM l LEFT JOIN ortto_people p ON p.email = 'no' || l.email
S
)

requests() {   # requests EXTENSION STATEMENT: the answer, and behind a tab how many requests it took
  sqlite3 -batch -separator , copy.db >answer 2>&1 <<S
.load $1
SELECT count(*) FROM ortto_people;
.shell curl -s -X POST "$ORTTO_API_URL/sandbox/forget" >/dev/null
$2;
S
  printf '%s\t%s' "$(tail -n 1 answer)" "$(curl -s "$ORTTO_API_URL/sandbox/count" | tr -dc 0-9)"
}

start_sandbox --people "$people" --accounts 300 --no-archived
sqlite3 -batch copy.db >/dev/null <<S
.load $EXT
CREATE TABLE local_people AS SELECT * FROM ortto_people;
CREATE TABLE local_accounts AS SELECT * FROM ortto_accounts;
CREATE INDEX by_id ON local_people(id);
CREATE INDEX by_email ON local_people(email);
CREATE INDEX by_city ON local_people(city);
CREATE TABLE l AS SELECT CASE WHEN n % 10 THEN id END AS person_id, iif(n % 10, email, 'nobody' || n || '@example.com') AS email,
    iif(n % 10, city, 'nowhere') AS city, seats, first_name
  FROM (SELECT row_number() OVER (ORDER BY substr(id, -6)) AS n, * FROM local_people) LIMIT 3000;
CREATE TABLE few AS SELECT email FROM l WHERE email IS NOT NULL LIMIT 300;
CREATE TABLE many AS SELECT x.email FROM (SELECT email FROM l WHERE email NOT LIKE 'nobody%' LIMIT 10) x, (SELECT 1 FROM l LIMIT 300);
S
echo "Requests of a join of 3,000 rows with $people people ($pages pages)"
printf '    %-12s %8s %8s %8s %8s%s\n' '' best bound ours asked "${BEFORE:+   before}"
while IFS='|' read -r name best asked sql; do
  got=$(requests "$EXT" "$sql")
  want=$(sqlite3 -batch -separator , copy.db "${sql//ortto_/local_}")
  ours=${got##*$'\t'}
  before=
  [ -z "${BEFORE:-}" ] || { before=$(requests "$BEFORE" "$sql"); before=${before##*$'\t'}; }
  printf '    %-12s %8d %8d %8d %8d%s\n' "$name" "$best" $((2 * best + 1)) "$ours" "$asked" "${before:+ $(printf %8d "$before")}"
  [ "$ours" -le $((2 * best + 1)) ] || { echo "  NOT reached  $name: its bound"; failed=1; }
  [ "${got%%$'\t'*}" = "$want" ] || { echo "  NOT reached  $name: $got is not $want"; failed=1; }
done <<<"$shapes"
[ $failed = 1 ] || echo "  reached      every shape within its bound"
stop_sandbox

# ---- time and memory -------------------------------------------------------------------------

timed() {   # timed STATEMENT: its seconds, and the most memory in kB
  cp big.db timed.db
  sqlite3 -batch timed.db <<S | sed -nE 's/^Run Time: real ([0-9.]+).*/\1/p; s/^VmHWM:[^0-9]*([0-9]+).*/\1/p' | tr '\n' ' '
.load $EXT
.output /dev/null
SELECT count(*) FROM ortto_people;
.output
.timer on
$1;
.timer off
.shell grep VmHWM /proc/\$PPID/status
S
}

start_sandbox --people "$BIG" --no-archived
sqlite3 -batch big.db >/dev/null <<S
.load $EXT
CREATE TABLE cities AS SELECT row_number() OVER () AS n, city FROM (SELECT DISTINCT city FROM ortto_people WHERE city IS NOT NULL LIMIT 30);
CREATE TABLE l AS WITH RECURSIVE c(n) AS (VALUES(1) UNION ALL SELECT n + 1 FROM c WHERE n < 3000)
  SELECT coalesce(t.city, 'somewhere' || c.n) AS city FROM c LEFT JOIN cities t ON t.n * 100 = c.n;
S
# NAME, STATEMENT, and a copy of the columns that it needs (the id comes with them); the best of five, by turns;
# with a latency one look.
timings=$(cat <<'S'
city|SELECT count(*) FROM l JOIN ortto_people p ON p.city = l.city|CREATE TABLE copy AS SELECT city FROM ortto_people
city, l outside|SELECT count(*) FROM l CROSS JOIN ortto_people p ON p.city = l.city|CREATE TABLE copy AS SELECT city FROM ortto_people
city, LEFT|CREATE TABLE copy AS SELECT l.city, p.email FROM l LEFT JOIN ortto_people p ON p.city = l.city|CREATE TABLE copy AS SELECT id, email, city FROM ortto_people
S
)
least() { awk -v a="$1" -v b="$2" 'BEGIN { print (a == "" || b < a ? b : a) }'; }
echo "A join of 3,000 rows with $BIG people; to reach: at most 1.3 times a copy of the columns, under 64 MB"
for latency in 0 50; do
  turns=5
  [ $latency = 0 ] || turns=1
  curl -s -X POST -d "{\"latency_ms\":$latency}" "$ORTTO_API_URL/sandbox/set" >/dev/null
  while IFS='|' read -r name join copy; do
    [ $latency = 0 ] || [ "$name" = 'city, LEFT' ] || continue
    best='' copied='' most=0
    for ((turn = 0; turn < turns; turn++)); do
      read -r s _ < <(timed "$copy") || true
      copied=$(least "$copied" "$s")
      read -r s kb < <(timed "$join") || true
      best=$(least "$best" "$s")
      [ "${kb:-0}" -le "$most" ] || most=$kb
    done
    target "$best <= 1.3 * $copied && $most < 65536" \
      "$(printf '%-16s %2d ms: %.2f s, a copy %.2f s: %.2f times; %d MB' "$name" $latency "$best" "$copied" "$(awk "BEGIN { print $best / $copied }")" $((most / 1024)))"
  done <<<"$timings"
done
stop_sandbox
exit $failed
