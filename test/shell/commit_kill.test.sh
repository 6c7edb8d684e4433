#!/usr/bin/env bash
# A process that dies while COMMIT sends: the outbox is as it was, every row is delivered at least once, and running again is
# harmless. Also examples/outbox.sh, and the memory that a large transaction takes.
# sandbox: --people 20 --no-archived
# env: ORTTO_RATE=0 ORTTO_RETRIES=0
set -u

rows=600     # 6 requests
load=(-batch -bail -cmd ".timeout 10000" -cmd ".load ./ortto")
transaction="BEGIN IMMEDIATE; INSERT INTO ortto_people(email, first_name) SELECT email, first_name FROM outbox ORDER BY email;
             DELETE FROM outbox; INSERT INTO done VALUES('run'); COMMIT;"

control() { curl -sf --noproxy '*' ${2:+-d "$2"} "$ORTTO_API_URL/sandbox/$1" || echo "control call $1 failed"; }
merges() { control 'count?path=/v1/person/merge' | tr -dc 0-9; }
local_sql() { sqlite3 -batch -cmd '.timeout 10000' work.db "$1" 2>&1; }
arrived() { sqlite3 "${load[@]}" :memory: "SELECT count(*) || ' ' || count(DISTINCT email) FROM ortto_people WHERE email LIKE '%@t.example'" 2>&1; }

check() {   # check NAME EXPECTED GOT
  if [ "$2" = "$3" ]; then
    echo "ok $1"
  else
    printf 'not ok %s\n# expected: %s\n# got:      %s\n' "$1" "$2" "$3"
  fi
}

fresh() {   # a new outbox, and a server as at the start
  rm -f work.db*
  control reset '{}' >control.out
  local_sql "CREATE TABLE outbox(email PRIMARY KEY, first_name); CREATE TABLE done(t); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT $rows)
    INSERT INTO outbox SELECT printf('k%05d@t.example', i), 'Kay' FROM n;"
}

background() {
  sqlite3 "${load[@]}" work.db "$transaction" >background.out 2>&1 &
  pid=$!
}
murder() { kill -9 "$pid" 2>/dev/null; { wait "$pid"; } 2>/dev/null; }

intact() { local_sql "SELECT (SELECT count(*) FROM outbox) || ' ' || (SELECT count(*) FROM done) || ' ' || (SELECT integrity_check FROM pragma_integrity_check)"; }

# ---- kill -9 while the answer to request K is waited for --------------------------------
bad=''
for concurrency in 1 4; do
  export ORTTO_CONCURRENCY=$concurrency
  for k in 0 1 2 3 4 5; do
    fresh
    control fault "{\"kind\":\"hang\",\"path\":\"/v1/person/merge\",\"after\":$k,\"times\":-1}" >control.out
    background
    for ((i = 0; i < 500; i++)); do [ "$(merges)" -gt "$k" ] && break; sleep 0.01; done
    murder
    control clear '{}' >control.out
    [ "$(intact)" = "$rows 0 ok" ] || bad+="killed at request $k: $(intact); "
    sqlite3 "${load[@]}" work.db "$transaction" >again.out 2>&1 || bad+="request $k, again: $(cat again.out); "
    [ "$(intact)" = '0 1 ok' ] || bad+="request $k, afterwards: $(intact); "
    [ "$(arrived)" = "$rows $rows" ] || bad+="request $k: $(arrived) arrived; "
  done
done
check 'killed at each request of a COMMIT, nothing is lost and nothing doubled' '' "$bad"

# ---- kill -9 at any moment ----------------------------------------------------------------
bad=''
for mode in delete wal; do
  fresh
  local_sql "PRAGMA journal_mode = $mode" >mode.out
  control set '{"latency_ms":40}' >control.out
  for n in 1 2 3 4 5 6 7 8; do
    background
    sleep "0.$((n * 3 / 10))$((n * 3 % 10))"
    murder
    case $(intact) in
      "$rows 0 ok") ;;
      '0 1 ok') [ "$(arrived)" = "$rows $rows" ] || bad+="$mode: committed, but $(arrived) arrived; "; break ;;
      *) bad+="$mode: $(intact); " ;;
    esac
  done
  control set '{"latency_ms":0}' >control.out
  [ "$(local_sql 'SELECT count(*) FROM outbox')" = 0 ] || sqlite3 "${load[@]}" work.db "$transaction" >again.out 2>&1 || bad+="$mode, again: $(cat again.out); "
  [ "$(arrived)" = "$rows $rows" ] || bad+="$mode: $(arrived) arrived; "
done
check 'killed at any moment, either all or nothing is committed, and what is committed arrived' '' "$bad"
unset ORTTO_CONCURRENCY

# ---- examples/outbox.sh ---------------------------------------------------------------------
example() { ORTTO_EXTENSION=$PWD/ortto sh "$ROOT/examples/outbox.sh" work.db 2>&1; }
fill() {   # fill FROM TO
  local_sql "WITH RECURSIVE n(i) AS (SELECT $1 UNION ALL SELECT i + 1 FROM n WHERE i < $2)
    INSERT INTO outbox(email, first_name, city) SELECT printf('k%05d@t.example', i), 'Kay', 'Oslo' FROM n;"
}
rm -f work.db*
control reset '{}' >control.out
check 'the outbox example makes its table and is silent' '' "$(example)"
fill 1 2500
check 'it delivers what is there' '' "$(example)"
check 'all of it' '0|2500 2500' "$(local_sql 'SELECT count(*) FROM outbox')|$(arrived)"
# A crash in the middle of the second thousand.
control reset '{}' >control.out
fill 1 2500
control fault '{"kind":"hang","path":"/v1/person/merge","after":13,"times":-1}' >control.out
setsid sh -c "echo \$\$ >group.pid; ORTTO_EXTENSION=$PWD/ortto exec sh '$ROOT/examples/outbox.sh' work.db" >background.out 2>&1 &
pid=$!
for ((i = 0; i < 500; i++)); do [ "$(merges)" -gt 13 ] && break; sleep 0.01; done
kill -9 -- "-$(cat group.pid)"
{ wait "$pid"; } 2>/dev/null
control clear '{}' >control.out
check 'after a crash in the second thousand, the rest is still there' 1500 "$(local_sql 'SELECT count(*) FROM outbox')"
check 'and the next run delivers it' '' "$(example)"
check 'nothing is lost, nothing is doubled' '0|2500 2500' "$(local_sql 'SELECT count(*) FROM outbox')|$(arrived)"
# A network that fails is said in one message; everything stays.
control reset '{}' >control.out
fill 1 10
control fault '{"kind":"status","status":503,"path":"/v1/person/merge","times":-1}' >control.out
got=$(example) && echo 'not ok it fails while the server does'
check 'while the server fails, the rows stay' 10 "$(local_sql 'SELECT count(*) FROM outbox')"
check 'and one line says why' '1 503' "$(wc -l <<<"$got" | tr -d ' ') $(grep -o 503 <<<"$got" | head -n 1)"
# What Ortto itself refuses does not stand in the way of the rest.
control clear '{}' >control.out
control fault '{"kind":"replace","path":"/v1/person/merge","times":1,"body":"{\"people\":[{\"status\":\"invalid\",\"error\":\"no such person\"},{\"person_id\":\"00690000000000000000ab00\",\"status\":\"created\"},{\"person_id\":\"00690000000000000000ac00\",\"status\":\"created\"}]}"}' >control.out
local_sql "DELETE FROM outbox WHERE email > 'k00004'"
got=$(example) && echo 'not ok a refused row makes it fail'
check 'a refused row is put aside with its reason' 'k00001@t.example|no such person|2' "$(local_sql "SELECT email, reason, (SELECT count(*) FROM outbox) FROM outbox_refused")"
check 'and the others go out with the next run' '|0' "$(example)|$(local_sql 'SELECT count(*) FROM outbox')"
local_sql "INSERT INTO outbox(email, first_name) VALUES('k1@t.example', printf('%.300c', 'x')), ('k2@t.example', 'Kay')"
got=$(example) && echo 'not ok an impossible value makes it fail'
case $got in
  *'the column first_name is too long'*) echo 'ok an impossible value is named, before anything is sent' ;;
  *) printf 'not ok an impossible value is named\n# %s\n' "$got" ;;
esac
check 'and the rows stay' 2 "$(local_sql 'SELECT count(*) FROM outbox')"
# Who stands twice among the refused is put aside row by row; who was not among those that were sent stays.
local_sql "DELETE FROM outbox; DELETE FROM outbox_refused; INSERT INTO outbox(email) VALUES('bad'), ('bad')"
fill 1 998
local_sql "INSERT INTO outbox(email) VALUES('bad')"
got=$(example) && echo 'not ok a refused row makes it fail'
check 'each refused row is put aside once' '2|999' "$(local_sql 'SELECT (SELECT count(*) FROM outbox_refused), count(*) FROM outbox')"

# ---- memory -----------------------------------------------------------------------------------
peak() {   # peak SQL: the most memory, in kB, that the shell needed for it
  { echo ".load ./ortto"; echo "$1"; echo '.shell grep VmHWM /proc/$PPID/status'; } | sqlite3 -batch -bail :memory: 2>&1 | tee peak.out | sed -nE 's/^VmHWM:[^0-9]*([0-9]+).*/\1/p'
}
series="WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT"
if [ -n "${PRELOAD:-}${VALGRIND:-}${WINDOWS:-}" ] || [ ! -r /proc/self/status ]; then
  echo 'ok the memory of large transactions # skip (watched, or no /proc)'
else
  control reset '{}' >control.out
  kb=$(peak "BEGIN; INSERT INTO ortto_people(email, first_name, city) $series 1000000) SELECT 'm' || i || '@t.example', 'Em', 'Oslo' FROM n; ROLLBACK;")
  check 'a million rows held back take less than 64 MB' 1 "$((${kb:-99999} < 65536))"
  check 'and none of them is sent' '0 0' "$(arrived)"
  kb2=$(peak "INSERT INTO ortto_people(email, first_name, city) $series 40000) SELECT 'm' || i || '@t.example', 'Em', 'Oslo' FROM n;")
  check 'a COMMIT of 40,000 rows takes less than 64 MB' 1 "$((${kb2:-99999} < 65536))"
  check 'and all of them arrive' '40000 40000' "$(arrived)"
  control fault '{"kind":"status","status":503,"path":"/v1/person/merge","after":3,"times":-1}' >control.out
  kb3=$(peak ".bail off
INSERT INTO ortto_people(email, first_name, city) $series 200000) SELECT 'm' || i || '@t.example', 'Em', 'Oslo' FROM n;
SELECT count(*) FROM ortto_failures;")
  check '200,000 failures take less than 64 MB' 1 "$((${kb3:-99999} < 65536))"
  check 'and all of them are listed' 199700 "$(grep -x '[0-9]*' peak.out | head -n 1)"
  echo "# kB: $kb $kb2 $kb3"
fi
