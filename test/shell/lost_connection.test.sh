#!/usr/bin/env bash
# A read whose connection is lost in its middle is waited out, whatever `retries` says but 0; before the first
# answer `retries` alone counts.
# sandbox: --people 1200 --accounts 3 --custom 0 --account-custom 0
# env: ORTTO_RATE=0 ORTTO_CONCURRENCY=1 ORTTO_RETRIES=1
set -u

control() { curl -s -X POST -d "$2" "$ORTTO_API_URL/sandbox/$1" >/dev/null; }
sql() { $SQLITE3 -batch -cmd '.load ./ortto' :memory: "$@" 2>&1; }
is() {   # is NAME GOT EXPECTED
  if [ "$2" = "$3" ]; then echo "ok $1"; else printf 'got      %s\nexpected %s\nnot ok %s\n' "$2" "$3" "$1"; fi
}
whole="SELECT sum(length(id)) > 24000 FROM ortto_people"

control fault '{"kind":"reset","path":"/v1/person/get","after":1,"times":4}'
is 'a scan goes on' "$(sql "$whole")" 1
control clear ''
ids="SELECT sum(length(id))/24 FROM (SELECT id, email FROM ortto_people WHERE id IN (SELECT id FROM p))"
control fault '{"kind":"reset","path":"/v1/person/get-by-ids","after":1,"times":3}'
is 'so does a read by ids' "$(sql "CREATE TABLE p AS SELECT id FROM ortto_people LIMIT 150" "$ids")" 150
control clear ''
control fault '{"kind":"reset","path":"/v1/person/get","after":1,"times":2}'
is 'not where retries is 0' "$(ORTTO_RETRIES=0 sql "$whole" | grep -c 'no whole answer')" 1
control clear ''
control fault '{"kind":"reset","path":"/v1/person/get","times":-1}'
began=$(date +%s)
is 'before the first answer retries counts' "$(sql "$whole" | grep -c 'no whole answer')" 1
is 'and that is told at once' "$(($(date +%s) - began < 10))" 1
control clear ''
