# examples/fresh.c is built as it says, without a warning; it copies, says what has changed, and Ctrl-C ends it at once,
# with nothing lost.
# sandbox: --seed 1 --people 1200
# env: ORTTO_RATE=0 ORTTO_CONCURRENCY=1
# shellcheck shell=bash
# shellcheck source=test/shell/hosts.sh
. "$ROOT/test/shell/hosts.sh"
cjson=${CJSON:-$(find "$ROOT/.build/cjson" -maxdepth 2 -name cJSON.c -printf '%h\n' 2>/dev/null | head -n 1)}
[ -n "$cjson" ] || { skip 'examples/fresh.c' 'no cJSON.c (CJSON=DIR, or test/setup.sh ci)'; exit; }

# Its first comment has the commands; make amalgamation calls this script.
mkdir .build
CC='' "$ROOT/src/amalgamation.sh" "$cjson" "$PWD/.build/ortto.c"
build=$(sed -n 's/^\*\*   cc /-Wall -Wextra -Wpedantic -std=c11 /p' examples/fresh.c)
# shellcheck disable=SC2046,SC2086
said=$(${CC:-cc} $(pkg-config --cflags --libs libcurl 2>/dev/null) $build 2>&1)
is 'built as it says' "$said" ''
seen() { ./fresh copy.db 2>&1 | tr '\r' '\n'; }
counts() { sed -n 's/ new,.*//p; s/^done: //p' | tr '\n' ' '; }

# Ctrl-C while it waits for the second page
control fault '{"kind":"hang","path":"/v1/person/get","after":1}'
./fresh copy.db >interrupted.out 2>&1 &
pid=$! tries=0
until [ "$(requests /v1/person/get)" -ge 2 ] || [ $((tries += 1)) -gt 400 ]; do sleep 0.05; done
begin=$(date +%s%N)
kill -INT $pid
wait $pid
is 'Ctrl-C ends it, with a word' "$? $(tr '\r' '\n' <interrupted.out | tail -n 1)" '1 fresh: ortto: interrupted'
took=$((($(date +%s%N) - begin) / 1000000))
if [ $took -lt 1000 ]; then ok 'at once'; else not_ok "after $took ms"; fi
control clear
control forget
is 'the next run goes on from there' "$(seen | counts)$(requests /v1/person/get)" '1180 of 1180 people 1180 2'

sqlite3 -batch -init /dev/null -cmd '.load ./ortto' :memory: "UPDATE ortto_people SET city = 'Bern'
  WHERE email = 'tara.okafor.1198@example.com'" "INSERT INTO ortto_people(email) VALUES ('new@example.com')" \
  "DELETE FROM ortto_people WHERE email = 'isla.sorensen.1197@example.com'"
seen >second.out
is 'it says what has changed' "$(grep new, second.out)" '1 new, 1 changed, 1 gone, 1178 as before'
is 'and counts' "$(tail -n 5 second.out | wc -l) $(tail -n 5 second.out | head -n 1)" '5    219 Australia'
