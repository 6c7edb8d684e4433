#!/usr/bin/env bash
# The pace of a key against a server: two processes that share an account, waits that Ortto asks for, listings side
# by side. (What is sent when, to the millisecond, is in test/c/test_pace.c.)
# sandbox: --people 20000 --accounts 20 --no-archived
# env: ORTTO_RETRIES=5
set -u

control() { curl -s -X POST -d "$2" "$ORTTO_API_URL/sandbox/$1" >/dev/null; }
stats() { curl -s "$ORTTO_API_URL/sandbox/stats" | jq "$1"; }
sql() { $SQLITE3 -batch -cmd '.load ./ortto' :memory: "$@" 2>&1; }
is() {   # is NAME GOT EXPECTED
  if [ "$2" = "$3" ]; then echo "ok $1"; else printf 'got      %s\nexpected %s\nnot ok %s\n' "$2" "$3" "$1"; fi
}

# ---- side by side ------------------------------------------------------------------------
control set '{"latency_ms":100}'
control forget ''
is 'the fields of both tables are listed' "$(sql 'SELECT count(*) > 0 FROM ortto_fields')" 1
is 'side by side, without a first answer to wait for' "$(stats '.max_in_flight == .requests and .requests >= 3')" true
control set '{"latency_ms":0}'

# ---- one account, two processes ----------------------------------------------------------
# At the full rate both: half of what they send would be refused for as long as they work.
control set '{"rate":10}'
control forget ''
copy() { sql 'SELECT count(*) || '"' '"' || count(DISTINCT id) FROM ortto_people' \
             'SELECT count(*) FROM ortto_log WHERE status = 429' | xargs; }
copy >first &
copy >second &
wait
read -r a1 a2 refused1 <first
read -r b1 b2 refused2 <second
is 'two processes with one account both finish' "$a1 $a2 $b1 $b2" '20000 20000 20000 20000'
echo "refused: $refused1 and $refused2"
is 'with few refusals: a burst at the beginning, one now and then' "$((refused1 + refused2 <= 12))" 1
sleep 1.1
control set '{"rate":0}'

# ---- a wait that is too long --------------------------------------------------------------
control fault '{"kind":"429","seconds":300,"path":"/v1/person/merge","times":-1}'
got=$(sql <<<"BEGIN; INSERT INTO ortto_people(email) VALUES ('late@t.example');
COMMIT;
SELECT status, message FROM ortto_failures;")
case $got in
  *'asks to wait 300 seconds, which is longer than timeout_ms (60000)'*) echo 'ok a COMMIT does not wait for five minutes, but says that it would have to' ;;
  *) printf 'got: %s\nnot ok a COMMIT does not wait for five minutes\n' "$got" ;;
esac
case $got in
  *'429|'*) echo 'ok and what it held is among the failures' ;;
  *) printf 'got: %s\nnot ok and what it held is among the failures\n' "$got" ;;
esac
