#!/usr/bin/env bash
# Requests that depend on what happened before, or on how many are in flight. (What each shape of a statement costs
# is in test/sql/requests_*.sql.)
# sandbox: --people 6000 --accounts 20
# env: ORTTO_RATE=0 ORTTO_RETRIES=0
# shellcheck disable=SC2016  # $str and its like are Ortto's
set -u

control() { curl -s -X POST -d "$2" "$ORTTO_API_URL/sandbox/$1" >/dev/null; }
api() { curl -s -X "$1" -H "X-Api-Key: $ORTTO_API_KEY" -d "$3" "$ORTTO_API_URL/v1/$2"; }
sent() { curl -s "$ORTTO_API_URL/sandbox/count${1:+?path=$1}" | tr -dc 0-9; }
bodies() { curl -s "$ORTTO_API_URL/sandbox/requests?full" | jq -c ".[] | select(.path == \"$1\") | .body"; }
sql() { $SQLITE3 -batch -cmd '.load ./ortto' :memory: "$@" 2>&1; }
forget() { control forget ''; }
is() {   # is NAME GOT EXPECTED
  if [ "$2" = "$3" ]; then echo "ok $1"; else printf 'got      %s\nexpected %s\nnot ok %s\n' "$2" "$3" "$1"; fi
}

# ---- archived and restored -----------------------------------------------------------
# get-by-ids gives archived people too. Who was archived last is no row; who was restored last is one.
archived=$(api POST person/get '{"type":"archived","limit":1,"fields":["a"]}' | jq -r '.contacts[0].id')
by_id="SELECT count(*) FROM ortto_people WHERE id = '$archived'"
scan="SELECT count(*) FROM ortto_people WHERE +id = '$archived'"
is 'an archived person is not found by id, as not by a scan' "$(sql "$by_id" "$scan" | xargs)" '0 0'
api PUT person/restore "{\"inclusion_ids\":[\"$archived\"]}" >/dev/null
is 'a restored person is found by id, as by a scan' "$(sql "$by_id" "$scan" | xargs)" '1 1'
api PUT person/archive "{\"inclusion_ids\":[\"$archived\"]}" >/dev/null
is 'a person archived again is not' "$(sql "$by_id" "$scan" | xargs)" '0 0'
is "and is among the archived" "$(sql "SELECT count(*) FROM ortto_people WHERE scope = 'archived' AND id = '$archived'")" 1

# ---- fields that the instance does not list -------------------------------------------
# Whether the server finds everything or nothing without a value of a field that it does not know, nobody can say.
control field '{"entity":"people","remove":"str::iut"}'
forget
got=$(sql "SELECT count(*) = 5900 FROM ortto_people WHERE initial_utm_campaign_term IS NULL")
is 'IS NULL on a built-in field that the instance lacks finds everybody' "$got" 1
is 'and is not asked of the server' "$(bodies /v1/person/get | jq -s 'map(select(has("filter"))) | length')" 0
is 'IS NOT NULL finds nobody' "$(sql "SELECT count(*) FROM ortto_people WHERE initial_utm_campaign_term IS NOT NULL")" 0
forget
got=$(sql "SELECT count(*) > 0 FROM ortto_people WHERE first_name IS NULL" "SELECT count(*) > 0 FROM ortto_people WHERE last_name IS NULL")
is 'IS NULL on fields that it has' "$(xargs <<<"$got")" '1 1'
is 'the list of fields is asked for once in a connection' "$(sent /v1/instance-schema/get)" 1
control fault '{"kind":"status","status":500,"path":"/v1/instance-schema/get","times":-1}'
forget
is 'without the list the answer is the same' "$(sql "SELECT count(*) > 0 FROM ortto_people WHERE first_name IS NULL")" 1
is 'and nothing is asked of the server' "$(bodies /v1/person/get | jq -s 'map(select(has("filter"))) | length')" 0
control clear ''

# ---- a filter that Ortto refuses ---------------------------------------------------------
forget
got=$(sql "SELECT email FROM ortto_people WHERE filter = '{\"\$int::gt\":{\"field_id\":\"int::e\",\"value\":1}}'")
case $got in
  *'ortto: reading people: '*' answered 400: '*'Unknown operation $int::gt'*'(request_id '*) echo 'ok a refused filter fails in the words of the server' ;;
  *) printf 'got: %s\nnot ok a refused filter fails in the words of the server\n' "$got" ;;
esac
is 'and is sent as it was given' "$(bodies /v1/person/get)" '{"fields":["str::email"],"limit":500,"offset":0,"filter":{"$int::gt":{"field_id":"int::e","value":1}}}'

# ---- pages in flight ------------------------------------------------------------------
control set '{"latency_ms":20}'
forget
is 'a scan delivers in order what was fetched out of order' \
  "$(sql "SELECT count(*), count(DISTINCT id), sum(ok) FROM (SELECT id, id < lag(id, 1, 'z') OVER () AS ok FROM ortto_people)")" '5900|5900|5900'
is 'twelve pages are twelve requests' "$(sent /v1/person/get)" 12
is 'more than eight of them at a time, as there is no rate' "$(curl -s "$ORTTO_API_URL/sandbox/stats" | jq '.max_in_flight > 8')" true
forget
is 'as many rows with fewer in flight' "$(ORTTO_CONCURRENCY=2 sql 'SELECT count(email) > 0 FROM ortto_people')" 1
is 'two at a time' "$(curl -s "$ORTTO_API_URL/sandbox/stats" | jq .max_in_flight)" 2
is 'all pages but the first under one cursor' \
  "$(bodies /v1/person/get | jq -s 'map(.cursor_id) | "\(map(select(. == null)) | length) without, \(unique | map(select(. != null)) | length) cursor"')" \
  '"1 without, 1 cursor"'
forget
is 'a statement that ends in the first page' "$(sql "SELECT count(*) FROM (SELECT 1 FROM ortto_people WHERE first_name LIKE '%' LIMIT 5)")" 5
is 'asks for no second one' "$(sent /v1/person/get)" 1
forget
is 'ids are fetched several requests at a time' \
  "$(sql "SELECT count(*) FROM ortto_people WHERE id IN (SELECT id FROM ortto_people LIMIT 1000)")" 1000
is 'with 100 ids each' "$(bodies /v1/person/get-by-ids | jq -s -c 'map(.contact_ids | length) | unique, length' | xargs)" '[100] 10'
control set '{"latency_ms":0}'

# ---- a memory of one statement ---------------------------------------------------------
# What a join fetched by id is forgotten at its end: the next statement sees what changed.
account=$(api POST accounts/get '{"limit":1,"fields":["str:o:name"]}' | jq -r '.accounts[0].id')
printf '{"account":{"id":"%s","fields":{"str:o:name":"Renamed"}}}' "$account" >rename.json
got=$(sql "CREATE TABLE pick AS SELECT '$account' AS id; ANALYZE" \
  "SELECT a.name = 'Renamed' FROM pick CROSS JOIN ortto_accounts a ON a.id = pick.id" \
  ".shell curl -s -X POST -d @rename.json $ORTTO_API_URL/sandbox/accounts >/dev/null" \
  "SELECT a.name = 'Renamed' FROM pick CROSS JOIN ortto_accounts a ON a.id = pick.id" | xargs)
is 'a statement does not see what an earlier one fetched' "$got" '0 1'

# ---- many ids ------------------------------------------------------------------------
# More ids than the whole list has pages: one request for its length, then the list.
$SQLITE3 -batch -cmd '.load ./ortto' ids.db "CREATE TABLE ids AS SELECT id FROM ortto_people LIMIT 5000" 2>&1
forget
many="SELECT count(*), count(email) > 0 FROM ortto_people WHERE id IN (SELECT id FROM ids)"
is '5,000 ids are found' "$($SQLITE3 -batch -cmd '.load ./ortto' ids.db "$many" 2>&1)" '5000|1'
is 'in no more requests than the list takes' "$(sent /v1/person/get-by-ids) $(($(sent /v1/person/get) <= 13))" '0 1'
forget
few="SELECT count(*) FROM ortto_people WHERE id IN (SELECT id FROM ids LIMIT 250)"
is '250 ids are fetched by id' "$($SQLITE3 -batch -cmd '.load ./ortto' ids.db "$few" 2>&1) $(sent /v1/person/get-by-ids)" '250 3'
