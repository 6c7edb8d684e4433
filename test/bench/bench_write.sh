#!/usr/bin/env bash
# Measures ortto_upsert from a table: 10,000 contacts at 200 ms latency and rate 10, to Ortto's API and to a Segment data
# source, against what ten requests a second allow.
#
#   test/bench/bench_write.sh [CONTACTS]     10,000 if not given
#
# Must hold: at least 90 % of what that allows, 1,000 records a second to the API (100 a request) and 5,000 to Segment's
# endpoint (500 a request), in as few requests as can be.
set -euo pipefail
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
contacts=${1:-10000}
SANDBOX=${SANDBOX:-$ROOT/.build/ortto_sandbox}
EXT=${EXT:-$ROOT/ortto.so}
# shellcheck source=test/lib.sh
. "$ROOT/test/lib.sh"
for name in $(compgen -e); do
  case $name in ORTTO_* | *_proxy | *_PROXY) unset "$name" ;; esac
done

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
start_sandbox --people 1000 --latency 200 --rate 10
export ORTTO_RATE=10 ORTTO_SEGMENT_KEY=psb-sandbox-segment-key
failed=0

sqlite3 -batch contacts.db "CREATE TABLE contacts(email, first_name, last_name, city, plan_value, birthday);
  INSERT INTO contacts SELECT 'contact' || value || '@example.org', 'First' || value, 'Last' || value, 'Oslo', value / 8.0, date('1970-01-01', value || ' days')
    FROM generate_series(1, $contacts)"

# run LABEL JSON OPTIONS PATH PER_REQUEST AT_LEAST: AT_LEAST in records per second, 0 for none
run() {
  local said ms requests needed
  curl -s -X POST "$ORTTO_API_URL/sandbox/forget" >/dev/null
  said=$(sqlite3 -batch -init /dev/null contacts.db 2>&1 <<SQL
.load $EXT
SELECT count(*) FROM ortto_tags;
.shell sleep 1.1
CREATE TEMP TABLE t AS SELECT julianday('now') AS at;
CREATE TEMP TABLE o AS SELECT value->>'status' AS status FROM json_each(ortto_upsert((SELECT json_group_array($2) FROM contacts), '$3'));
SELECT CAST((julianday('now') - at) * 86400000 AS INTEGER) || ' ' || (SELECT count(*) FROM o WHERE status = 200) FROM t;
SQL
  )
  said=$(tail -n 1 <<<"$said")
  ms=${said% *}
  requests=$(curl -s "$ORTTO_API_URL/sandbox/requests?brief" | grep -c "$4" || true)
  needed=$(((contacts + $5 - 1) / $5))
  printf '%-10s %6d records %8d ms %7d records/s %5d requests (%d needed)\n' "$1" "$contacts" "$ms" "$((contacts * 1000 / ms))" "$requests" "$needed"
  [ "${said#* }" = "$contacts" ] || { echo "    only ${said#* } were taken"; failed=1; }
  [ "$requests" = "$needed" ] || { echo "    NOT as few requests as needed"; failed=1; }
  [ "$((contacts * 1000 / ms))" -ge "$6" ] || { echo "    NOT $6 records a second"; failed=1; }
}

echo "latency 200 ms, rate 10 a second"
run API "json_object('fields', json_object('email', email, 'first_name', first_name, 'last_name', last_name, 'city', city, 'plan_value', plan_value, 'birthday', birthday))" \
  '{"to":"api"}' 'POST /v1/person/merge 200' 100 900
run Segment "json_object('user_id', email, 'traits', json_object('email', email, 'first_name', first_name, 'last_name', last_name, 'city', city, 'plan_value', plan_value, 'birthday', birthday))" \
  '{"to":"segment"}' 'POST /v1/identify 200' 500 4500
exit $failed
