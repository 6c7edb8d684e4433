#!/usr/bin/env bash
# ortto_sync goes on after any end: kill -9 at every page, in the merge, at any moment; Ctrl-C; lost connections; from
# another process. And it starts over, saying so, when what was staged is of no use any more.
# sandbox: --people 15000 --no-archived
# env: ORTTO_RATE=0 ORTTO_RETRIES=0
set -u
# shellcheck source=test/shell/sync_kill.sh
. "$ROOT/test/shell/sync_kill.sh"

pages=30
source_sql="CREATE VIRTUAL TABLE temp.source USING ortto(table=people, fields='str::email str::first e');"
sync="SELECT ortto_sync('source', 'people')"
rows="SELECT state, page, rows, requests, coalesce(message, '') FROM ortto_sync('source', 'people')"

# The local table against a clean copy: rows that differ, both ways.
difference() {
  sqlite3 -batch "$1" "ATTACH 'clean.db' AS clean;
    SELECT (SELECT count(*) FROM (SELECT * FROM people EXCEPT SELECT * FROM clean.people))
        || ' ' || (SELECT count(*) FROM (SELECT * FROM clean.people EXCEPT SELECT * FROM people))
        || ' ' || (SELECT count(*) - count(DISTINCT id) FROM people)"
}

run clean.db "$sync" >clean.out
check 'a clean sync reads 30 pages' "$pages" "$(state clean.db page)"

# ---- kill -9 with page K there and page K+1 on its way --------------------------------
# One request at a time, and the server does not answer the one after page K. The table there before must not change.
export ORTTO_CONCURRENCY=1
bad=''
for ((k = 0; k < pages; k++)); do
  rm -f work.db*
  sqlite3 -batch work.db "CREATE TABLE people(id TEXT PRIMARY KEY, email); INSERT INTO people VALUES('old', 'row')"
  control forget '{}'
  control fault "{\"kind\":\"hang\",\"path\":\"/v1/person/get\",\"after\":$k,\"times\":-1}"
  background work.db "$sync"
  wait_until work.db "page = $k AND state = 'fetching'"
  # Page K+1 has been asked for.
  for ((i = 0; i < 300; i++)); do [ "$(offsets | wc -l)" -gt $k ] && break; sleep 0.01; done
  murder
  control clear '{}'
  was=$(sqlite3 -batch work.db "SELECT group_concat(id || email) FROM people")
  got=$(run work.db "$rows")
  [ "$was" = oldrow ] || bad+="page $k: the local table changed: ${was:0:80}"$'\n'
  if [ $k -gt 0 ]; then
    [ "$(head -n 1 <<<"$got" | cut -d '|' -f 1-3)" = "resumed|$((k + 1))|$(((k + 1) * 500))" ] || bad+="page $k: first row: $(head -n 1 <<<"$got")"$'\n'
  fi
  [ "$(tail -n 1 <<<"$got" | cut -d '|' -f 1-3)" = 'done|30|15000' ] || bad+="page $k: last row: $(tail -n 1 <<<"$got")"$'\n'
  # Every offset once; the one in flight twice.
  expected=$(for ((i = 0; i < pages; i++)); do echo "$((i * 500)) $((i == k ? 2 : 1))"; done)
  [ "$(offsets)" = "$expected" ] || bad+="page $k: offsets $(offsets | tr '\n' ',')"$'\n'
  [ "$(difference work.db)" = '0 0 0' ] || bad+="page $k: difference from a clean copy: $(difference work.db)"$'\n'
  [ "$(sqlite3 -batch work.db 'PRAGMA integrity_check')" = ok ] || bad+="page $k: integrity"$'\n'
done
check 'killed at each of 30 pages, it goes on there and ends in a clean copy' '' "$bad"

# ---- kill -9 at any moment, with several requests in flight ---------------------------
# One sync, killed again and again: no page that was committed is asked for a second time.
export ORTTO_CONCURRENCY=4
for mode in delete wal; do
  rm -f work.db*
  sqlite3 -batch work.db "PRAGMA journal_mode=$mode" >mode.out
  control set '{"latency_ms":15}'
  control forget '{}'
  bad='' kills=0
  for ((n = 0; n < 60; n++)); do
    before=$(state work.db 'next_offset')
    background work.db "$sync"
    sleep "0.0$((4 + n * 7 % 6))"
    if ! kill -0 "$pid" 2>/dev/null; then break; fi
    murder
    kills=$((kills + 1))
    after=$(state work.db 'next_offset')
    [ "${after:-0}" -ge "${before:-0}" ] || bad+="went back from $before to $after"$'\n'
    [ "$(state work.db "state = 'done'")" != 1 ] || break
  done
  control set '{"latency_ms":0}'
  run work.db "$sync" >again.out
  [ "$(difference work.db)" = '0 0 0' ] || bad+="difference $(difference work.db)"$'\n'
  check "killed at any moment ($mode), it ends in a clean copy" '' "$bad"
done

# A page that was committed when the process died is not fetched again, though four were in flight.
rm -f work.db*
control forget '{}'
control fault '{"kind":"hang","path":"/v1/person/get","after":11,"times":-1}'
background work.db "$sync"
wait_until work.db "page >= 8"
sleep 0.2
murder
control clear '{}'
at=$(state work.db next_offset)
run work.db "$sync" >again.out
check 'of the pages in flight only those are fetched twice' '' "$(offsets | awk -v at="$at" '$2 > 2 || ($2 > 1 && ($1 < at || $1 >= at + 4 * 500))')"
check 'and none is left out' "$pages" "$(offsets | wc -l)"
check 'the copy is clean' '0 0 0' "$(difference work.db)"
unset ORTTO_CONCURRENCY

# ---- kill -9 in the merge --------------------------------------------------------------
# A trigger of the user's that takes long keeps the merge from ending.
rm -f work.db*
sqlite3 -batch work.db "CREATE TABLE people(id TEXT PRIMARY KEY, email); INSERT INTO people VALUES('old', 'row');
  CREATE TRIGGER slow AFTER INSERT ON people WHEN NEW.id = (SELECT max(id) FROM people) BEGIN
    SELECT max(x) FROM (WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 1000000000) SELECT x FROM n); END"
background work.db "$sync"
wait_until work.db "state = 'fetched'"
sleep 0.2
murder
check 'killed in the merge, the local table is unchanged' 'old|row' "$(sqlite3 -batch work.db 'SELECT * FROM people')"
sqlite3 -batch work.db 'DROP TRIGGER slow'
control forget '{}'
got=$(run work.db "$rows")
check 'and the next call says that it goes on' 'resumed' "$(head -n 1 <<<"$got" | cut -d '|' -f 1)"
check 'merges without fetching a page' '' "$(offsets)"
check 'and ends in a clean copy' '0 0 0' "$(difference work.db)"

# ---- Ctrl-C -----------------------------------------------------------------------------
# The shell stays open after it; meanwhile another process goes on with the sync. Few at a time, so that those that
# hang are not of the first pages.
rm -f work.db*
control fault '{"kind":"hang","path":"/v1/person/get","after":12,"times":-1}'
mkfifo typed
ORTTO_CONCURRENCY=4 sqlite3 -interactive -cmd ".load ./ortto" work.db <typed >background.out 2>&1 &
pid=$!
exec 5>typed
printf '%s\n' "$source_sql" "$sync;" >&5
wait_until work.db "page >= 3"
sleep 0.1
kill -INT "$pid"
wait_until work.db "state = 'interrupted'"
check_like 'Ctrl-C ends the statement with a message' '*ortto: *interrupted*' "$(cat background.out)"
check 'the state says so, with the time of its end' 'interrupted|1' "$(state work.db 'state, finished IS NOT NULL')"
control clear '{}'
control forget '{}'
got=$(run work.db "$rows")
check 'another process goes on while that shell stays open' 'resumed' "$(head -n 1 <<<"$got" | cut -d '|' -f 1)"
check 'not from the beginning' '' "$(offsets | grep '^0 ')"
check 'to a clean copy' '0 0 0' "$(difference work.db)"
printf '%s\n' "SELECT 'alive', count(*) FROM people;" >&5
exec 5>&-
wait "$pid"
check "the interrupted shell can be used on" "alive|15000" "$(grep -o "alive|.*" background.out)"

# ---- the server fails -------------------------------------------------------------------
rm -f work.db*
for fault in '{"kind":"reset"' '{"kind":"truncate"' '{"kind":"not_json"' '{"kind":"status","status":500'; do
  control fault "$fault,\"path\":\"/v1/person/get\",\"after\":5,\"times\":-1}"
  got=$(run work.db "$sync")
  check_like "an error ends it: ${fault#*:}" '*ortto: *' "$got"
  check "the state keeps the error: ${fault#*:}" '1' "$(state work.db "error LIKE 'ortto: %' AND finished IS NOT NULL AND state <> 'done'")"
  control clear '{}'
done
check 'no local table has appeared' '0' "$(sqlite3 -batch work.db "SELECT count(*) FROM sqlite_schema WHERE name = 'people'")"
got=$(run work.db "$rows")
check 'the next call goes on' 'resumed' "$(head -n 1 <<<"$got" | cut -d '|' -f 1)"
check 'to a clean copy' '0 0 0' "$(difference work.db)"
check 'the error is gone from the finished run' 'done|1' "$(state work.db 'state, error IS NULL')"

# With attempts left, nothing is seen of it but the number of retries.
rm -f work.db*
control fault '{"kind":"status","status":503,"path":"/v1/person/get","after":9,"times":1}'
control fault '{"kind":"reset","path":"/v1/person/get","after":15,"times":1}'
got=$(ORTTO_RETRIES=2 run work.db "$sync")
check_like 'an error that passes is got over' '*"state":"done","page":30,"rows":15000,*"retries":[12],*' "$got"
check 'and leads to a clean copy' '0 0 0' "$(difference work.db)"

# ---- starting over, with the reason -----------------------------------------------------

interrupted() {   # a run that was ended after five pages
  rm -f work.db*
  control clear '{}'
  run work.db "$rows LIMIT 5" >interrupted.out
  check 'a statement not read to its end leaves no local table' '5|0' \
    "$(state work.db "page, (SELECT count(*) FROM sqlite_schema WHERE name = 'people')")"
  control forget '{}'
}
starts_over() {   # starts_over WHY ROWS
  check_like "$1: starts over and says so" 'restarted|1|500|*|?*' "$(head -n 1 <<<"$2")"
  check_like "$1: fetches everything" 'done|30|15000|*' "$(tail -n 1 <<<"$2")"
  check "$1: each page once" "$pages" "$(offsets | awk '$2 == 1' | wc -l)"
  check "$1: a clean copy" '0 0 0' "$(difference work.db)"
}

interrupted
run work.db "$rows LIMIT 1" >again.out
check_like 'nothing has changed: resumed' 'resumed|6|3000|*|' "$(cat again.out)"

interrupted
control fault '{"kind":"forget_cursor","path":"/v1/person/get","times":1}'
got=$(run work.db "$rows")
check_like 'the server forgot the cursor: starts over and says so' 'restarted|1|500|*|?*' "$(head -n 1 <<<"$got")"
check_like 'the server forgot the cursor: fetches everything' 'done|30|15000|*' "$(tail -n 1 <<<"$got")"
check 'the server forgot the cursor: a clean copy' '0 0 0' "$(difference work.db)"

interrupted
other=${ORTTO_API_URL/127.0.0.1/localhost}
starts_over 'another host' "$(ORTTO_API_URL=$other run work.db "$rows")"

interrupted
sqlite3 -batch work.db "UPDATE ortto_sync_state SET started = strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-25 hours')"
starts_over 'more than 24 hours later' "$(run work.db "$rows")"

staging=$(sqlite3 -batch work.db "SELECT name FROM sqlite_schema WHERE name LIKE 'ortto_staging%' AND type = 'table' LIMIT 1")
[ -n "$staging" ] || staging=ortto_staging_people
for touch in "DELETE FROM \"$staging\" WHERE rowid = 7" \
  "UPDATE \"$staging\" SET email = 'touched' WHERE rowid = 7" \
  "DELETE FROM \"$staging\" WHERE rowid = 7; INSERT INTO \"$staging\"(id, email) VALUES ('touched', 'touched')" \
  "DROP TABLE \"$staging\""; do
  interrupted
  sqlite3 -batch work.db "$touch" || echo "not ok touching: $touch"
  starts_over "${touch%% \"*} in what was staged" "$(run work.db "$rows")"
done

# Another list of fields, and fields that the server has gained.
interrupted
got=$(sqlite3 "${load[@]}" work.db "CREATE VIRTUAL TABLE temp.source USING ortto(table=people, fields='str::email str::last'); $rows" 2>&1)
check_like 'another list of fields: starts over' 'restarted|1|500|*|?*' "$(head -n 1 <<<"$got")"
check_like 'another list of fields: fetches everything' 'done|30|15000|*' "$(tail -n 1 <<<"$got")"
check 'another list of fields: has its columns' 'id,email,last_name' "$(sqlite3 -batch work.db "SELECT group_concat(name) FROM pragma_table_info('people')")"

# Another source into the same target, also where the staging table cannot be dropped: in the table-valued form.
interrupted
got=$(run work.db "SELECT state, rows = (SELECT count(*) FROM ortto_tags) FROM ortto_sync('ortto_tags', 'people')")
check 'another source: starts over, with all rows' $'restarted|1\ndone|1' "$got"
check 'another source: none lost' 1 "$(run work.db "SELECT (SELECT count(*) FROM people) = (SELECT count(*) FROM ortto_tags)")"
check 'another source: nothing of the first' 0 "$(sqlite3 -batch work.db "SELECT count(*) FROM pragma_table_info('people') WHERE name = 'email'")"

# ---- two at once ------------------------------------------------------------------------
rm -f work.db*
control fault '{"kind":"hang","path":"/v1/person/get","after":12,"times":-1}'
ORTTO_CONCURRENCY=4 background work.db "$sync"
wait_until work.db "page >= 3"
got=$(run work.db "$sync")
check_like 'a second sync into the same target fails' "*ortto: another sync into 'people' is at work*" "$got"
check_like 'also in the table-valued form' "*ortto: another sync into 'people' is at work*" "$(run work.db "$rows")"
check 'the first is not disturbed' 'fetching' "$(state work.db state)"
control clear '{}'
check_like 'another target goes well meanwhile' '*"target":"others","state":"done"*"rows":15000*' "$(run work.db "SELECT ortto_sync('source', 'others')")"
wait "$pid"
grep -q '"done"' background.out || run work.db "$sync" >background.out
check_like 'the first ends well or can be taken up' '*"state":"done"*' "$(cat background.out)"
check 'to a clean copy' '0 0 0' "$(difference work.db)"

# A run that stands still, is taken for dead, and comes back when another one has finished its work: it must not
# merge what it has left.
rm -f work.db*
sqlite3 -batch work.db "CREATE TABLE people(id TEXT PRIMARY KEY, email)"
control forget '{}'
control fault '{"kind":"hang","path":"/v1/person/get","after":12,"times":-1}'
ORTTO_CONCURRENCY=1 background work.db "$sync"
wait_until work.db "page = 12"
for ((i = 0; i < 300; i++)); do [ "$(offsets | wc -l)" -gt 12 ] && break; sleep 0.01; done
kill -STOP "$pid"
control clear '{}'
sqlite3 -batch work.db "UPDATE ortto_sync_state SET owner = NULL"
check_like 'a run taken for dead is taken up by another' '*"state":"done"*"inserted":15000*' "$(run work.db "$sync")"
kill -CONT "$pid"
wait "$pid"
check_like 'a run that was taken over ends with an error' '*ortto: *' "$(cat background.out)"
check 'and leaves the local table alone' '0 0 0' "$(difference work.db)"
check_like 'which the next call finds unchanged' '*"inserted":0,"updated":0,"deleted":0,"unchanged":15000*' "$(run work.db "$sync")"

# ---- another key ------------------------------------------------------------------------
# The same address with a server that knows another key.
# shellcheck source=test/lib.sh
. "$ROOT/test/lib.sh"
start_sandbox --people 15000 --no-archived
port=${ORTTO_API_URL##*:}
interrupted
stop_sandbox
start_sandbox --people 15000 --no-archived --port "$port" --key another-key
export ORTTO_API_KEY=another-key
starts_over 'another key' "$(run work.db "$rows")"
check 'no key is kept as it is' 0 "$(grep -c -e another-key -e sandbox-key work.db)"
