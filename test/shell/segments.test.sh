# A segment as a table of a file: what Ortto refuses is told at CREATE, what has vanished since at the query; an unfinished
# sync of it is not taken up for another segment.
# sandbox: --people 1600 --accounts 3 --custom 2 --audiences 20
# env: ORTTO_RATE=0 ORTTO_RETRIES=0
# shellcheck shell=bash
# shellcheck source=test/lib.sh
. "$ROOT/test/lib.sh"
check() { # name, what came, what is right
  if [ "$2" = "$3" ]; then echo "ok $1"; else printf 'expected:\n%s\ngot:\n%s\n' "$3" "$2"; echo "not ok $1"; fi
}
sql() { "$SQLITE3" -batch -cmd ".load $EXT" "$@" 2>&1; }

got=$(sql t.db "CREATE VIRTUAL TABLE x USING ortto(table=people, filter='{\"\$nope\":{\"field_id\":\"str::email\"}}')")
check "a filter that Ortto refuses is an error at CREATE" "$(grep -c 'answered 400.*nope' <<<"$got") $(sql t.db 'SELECT count(*) FROM sqlite_schema')" "1 0"

last=$(sql :memory: "SELECT name FROM ortto_audiences WHERE members > 3 GROUP BY name HAVING count(*) = 1 AND name NOT IN ('Engaged', 'Subscribers') ORDER BY name DESC LIMIT 1")
sql t.db "CREATE VIRTUAL TABLE v USING ortto(table=people, write=on, audience='$last')" "CREATE VIRTUAL TABLE s USING ortto(table=people, audience='Subscribers')"
check "in a later connection, too, it is the segment" "$(sql t.db 'SELECT count(*) > 3 FROM v' 'SELECT DISTINCT audience FROM v')" "1
$last"
big=$ORTTO_API_URL
start_sandbox --people 60 --accounts 3 --custom 2 --audiences 3
check "what has vanished is an error of the query" "$(sql t.db 'SELECT count(*) FROM v' | grep -c "no audience '$last'")" 1
check "and of a sync" "$(sql t.db "SELECT ortto_sync('v', 'copy')" | grep -c "no audience '$last'")" 1
check "it can be described and dropped all the same" "$(sql t.db "SELECT count(*) > 5 FROM pragma_table_info('v')" 'DROP TABLE v' 'SELECT count(*) FROM s')" \
  "1
$(sql :memory: "SELECT count(*) FROM ortto_people WHERE audience = 'Subscribers'")"
export ORTTO_API_URL=$big

# The third page fails: the run waits to be taken up. Under another segment of the same name it is not.
curl -s -o /dev/null --data-binary '{"kind":"status","status":503,"times":1,"after":1,"path":"/v1/person/get"}' "$big/sandbox/fault"
sql t.db "SELECT ortto_sync('s', 'copy')" >/dev/null
check "an interrupted sync of a segment" "$(sql t.db "SELECT state, rows > 0 FROM ortto_sync_state WHERE target = 'copy' ORDER BY run DESC LIMIT 1")" "failed|1"
sql t.db "DROP TABLE s" "CREATE VIRTUAL TABLE s USING ortto(table=people, audience='Engaged')"
got=$(sql t.db "SELECT ortto_sync('s', 'copy')->>'state'" "SELECT count(*) = (SELECT count(*) FROM s) FROM copy" "SELECT count(*) FROM (SELECT id FROM copy EXCEPT SELECT id FROM s)")
check "is not taken up for another one" "$got" "done
1
0"
sql t.db "CREATE VIRTUAL TABLE w USING ortto(table=people, audience='Subscribers', write=on)"
id=$(sql t.db "SELECT id FROM w LIMIT 1")
got=$(sql t.db "UPDATE w SET city = 'Turku' WHERE id = '$id'" "DELETE FROM w WHERE id = '$id'" "INSERT INTO w(email) VALUES('a@example.com')" | grep -c 'is a segment')
check "UPDATE reaches the member, INSERT and DELETE nobody" "$(sql t.db "SELECT city FROM ortto_people WHERE id = '$id'") $(sql t.db "SELECT count(*) FROM ortto_people WHERE email = 'a@example.com'")" "Turku 0"
