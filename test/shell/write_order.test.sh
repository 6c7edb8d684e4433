# Records that name the same contact take effect in the order given, though batches are in flight side by side and the
# first of them is the slowest; the others are not held up.
# sandbox: --people 400 --no-archived
# env: ORTTO_RATE=0 ORTTO_RETRIES=1 ORTTO_SEGMENT_KEY=psb-sandbox-segment-key
# shellcheck shell=bash

is() {   # is NAME GOT EXPECTED
  if [ "$2" = "$3" ]; then echo "ok $1"; else printf 'got:      %s\nexpected: %s\nnot ok %s\n' "$2" "$3" "$1"; fi
}
control() { curl -s -X POST -d "${2:-}" "$ORTTO_API_URL/sandbox/$1" >/dev/null; }
sent() { curl -s "$ORTTO_API_URL/sandbox/count?path=$1" | tr -dc 0-9; }
sql() { { echo ".load ./ortto"; printf '%s\n' "$@"; } | sqlite3 -batch -init /dev/null :memory: 2>&1; }
person() { curl -s "$ORTTO_API_URL/sandbox/person?$1" | jq -r ".fields[\"${2:-str::first}\"]"; }
all='SELECT group_concat(n || status, '\'' '\'') FROM (SELECT count(*) || '\''x'\'' AS n, value->>'\''status'\'' AS status FROM json_each'

# slow PATH: the first request there takes longer than all the others
slow() { control clear; control forget; control fault "{\"kind\":\"latency\",\"ms\":250,\"path\":\"$1\"}"; }

# forget MS: from now on every request takes so long; together: how many were in flight at once since then
forget() { control clear; control forget; control fault "{\"kind\":\"latency\",\"ms\":$1,\"path\":\"/v1/\",\"times\":-1}"; }
together() { curl -s "$ORTTO_API_URL/sandbox/stats" | jq .max_in_flight; }

# ---- the API -----------------------------------------------------------------------------

slow /v1/person/merge
got=$(sql "$all(ortto_upsert((SELECT json_group_array(json_object('fields', json_object('email', iif(value % 50 = 1, 'same@example.com', 'e' || value || '@example.com'), 'first_name', 'n' || value))) FROM generate_series(1, 451)))) GROUP BY 2);")
is 'one email many times' "$got $(person email=same@example.com)" '451x200 n451'

# Letters may not matter to the server.
slow /v1/person/merge
got=$(sql "$all(ortto_upsert((SELECT json_group_array(json_object('fields', json_object('email', iif(value % 60 = 1, iif(value % 120 = 1, 'Case@Example.com', 'case@example.com'), 'f' || value || '@example.com'), 'first_name', 'n' || value))) FROM generate_series(1, 361)))) GROUP BY 2);")
is 'one email in other letters' "$got $(person email=Case@Example.com)" '361x200 n361'

# One contact by its id, by email, by external id, and by both.
sql "SELECT ortto_upsert('{\"user_id\":\"mixed\",\"fields\":{\"email\":\"mixed@example.com\"}}');" >id.json
id=$(jq -r .person_id id.json)
slow /v1/person/merge
got=$(sql "$all(ortto_upsert('[{\"fields\":{\"email\":\"mixed@example.com\",\"first_name\":\"1\"}},{\"fields\":{\"id\":\"$id\",\"first_name\":\"2\"}},{\"user_id\":\"mixed\",\"fields\":{\"first_name\":\"3\"}},
  {\"fields\":{\"email\":\"mixed@example.com\",\"first_name\":\"4\"}},{\"fields\":{\"id\":\"$id\",\"first_name\":\"5\"}},{\"user_id\":\"mixed\",\"fields\":{\"email\":\"mixed@example.com\",\"first_name\":\"6\"}},
  {\"user_id\":\"mixed\",\"fields\":{\"first_name\":\"7\"}},{\"fields\":{\"email\":\"mixed@example.com\",\"first_name\":\"8\"}}]')) GROUP BY 2);")
is 'one contact under its id, email and external id' "$got $(person email=mixed@example.com)" '8x200 8'
slow /v1/person/merge
got=$(sql "$all(ortto_upsert('[{\"fields\":{\"email\":\"mixed@example.com\",\"first_name\":\"1\"}},{\"user_id\":\"mixed\",\"fields\":{\"first_name\":\"2\"}}]')) GROUP BY 2);")
is 'two records under different keys' "$got $(person email=mixed@example.com)" '2x200 2'

# Where merge_by names another field, that tells contacts apart, and not the email: the two requests are not in flight together.
forget 50
got=$(sql "$all(ortto_upsert((SELECT json_group_array(json_object('fields', json_object('email', 'p' || value || '@example.com', 'phone_number', iif(value IN (1, 101), '+4740000000', '+47' || (50000000 + value)), 'first_name', 'n' || value))) FROM generate_series(1, 101)), '{\"merge_by\":\"phone_number\"}')) GROUP BY 2);")
is 'merge_by phone' "$got $(person email=p101@example.com), $(together) in flight" '101x200 n101, 1 in flight'

# The retry of a batch is not overtaken.
control clear; control forget
control fault '{"kind":"status","status":503,"path":"/v1/person/merge"}'
got=$(sql "$all(ortto_upsert((SELECT json_group_array(json_object('user_id', iif(value IN (1, 101, 201), 'retried', 'r' || value), 'fields', json_object('first_name', 'n' || value))) FROM generate_series(1, 201)))) GROUP BY 2);")
is 'a batch that is sent again' "$got $(person ei=retried)" '201x200 n201'

# Activities that carry fields of their contact.
slow /v1/activities/create
got=$(sql "$all(ortto_track((SELECT json_group_array(json_object('event', 'Song Played', 'user_id', iif(value IN (1, 101, 201), 'tracked', 't' || value), 'fields', json_object('first_name', 'n' || value))) FROM generate_series(1, 201)))) GROUP BY 2);")
is 'activities with fields' "$got $(person ei=tracked)" '201x200 n201'

# The halves of a batch that was too large.
forget 50
control fault '{"kind":"status","status":413,"path":"/v1/person/merge"}'
got=$(sql "$all(ortto_upsert((SELECT json_group_array(json_object('user_id', iif(value IN (1, 99), 'halved', 'h' || value), 'fields', json_object('first_name', 'n' || value))) FROM generate_series(1, 100)))) GROUP BY 2);")
is 'halves of a batch' "$got $(person ei=halved)" '100x200 n99'

# Different contacts are not held up by each other: ten requests of 200 ms are in flight at once, as there is no rate.
control clear; control forget
control set '{"latency_ms":200}'
begin=$(date +%s%3N)
got=$(sql "$all(ortto_upsert((SELECT json_group_array(json_object('user_id', 'par' || value)) FROM generate_series(1, 1000)))) GROUP BY 2);")
ms=$(($(date +%s%3N) - begin))
control set '{"latency_ms":0}'
is 'all batches in flight' "$got in $(sent /v1/person/merge), $(curl -s "$ORTTO_API_URL/sandbox/stats" | jq .max_in_flight) in flight, $([ $ms -lt 1500 ] && echo quick || echo "$ms ms")" '1000x200 in 10, 10 in flight, quick'

# Records of different merge_by go in different requests, as full as their order permits.
control forget
got=$(sql "$all(ortto_upsert((SELECT json_group_array(iif(value <= 100, json_object('user_id', 'k' || value), json_object('fields', json_object('email', 'k' || value || '@example.com')))) FROM generate_series(1, 200)))) GROUP BY 2);")
is 'two kinds of keys, one after the other' "$got in $(sent /v1/person/merge)" '200x200 in 2'

# Activities that carry nothing but who it was have their own time: those of one contact fill their requests.
control clear; control forget
got=$(sql "$all(ortto_track((SELECT json_group_array(json_object('event', 'Song Played', 'user_id', 'fan')) FROM generate_series(1, 300)))) GROUP BY 2);")
is 'many activities of one contact' "$got in $(sent /v1/activities/create)" '300x200 in 3'

# ---- Segment -----------------------------------------------------------------------------

# order USER: the numbers that arrived for this user, in the order of their arrival
order() { curl -s "$ORTTO_API_URL/sandbox/segment?lines" | cut -f 2 | jq -r --arg u "$1" 'select(.user_id == $u) | .n' | xargs; }

slow /v1/identify
got=$(sql "$all(ortto_upsert((SELECT json_group_array(json_object('user_id', iif(value IN (1, 2, 501, 1001), 'same', 's' || value), 'n', value)) FROM generate_series(1, 1001)), '{\"to\":\"segment\"}')) GROUP BY 2);")
is 'segment: one user in three batches' "$got $(order same)" '1001x200 1 2 501 1001'

slow /v1/identify
got=$(sql "$all(ortto_upsert((SELECT json_group_array(json_patch(json_object('n', value, 'anonymous_id', iif(value IN (1, 1001), 'anon', NULL), 'traits', iif(value = 501, json('{\"email\":\"x@example.com\"}'), NULL)), json_object('user_id', iif(value IN (1, 501), 'two', iif(value = 1001, NULL, 'b' || value))))) FROM generate_series(1, 1001)), '{\"to\":\"segment\"}')) GROUP BY 2);")
is 'segment: one contact under two names' "$got $(curl -s "$ORTTO_API_URL/sandbox/segment?lines" | cut -f 2 | jq -r 'select(.user_id == "two" or .anonymous_id == "anon") | .n' | xargs)" '1001x200 1 501 1001'

forget 50
control fault '{"kind":"status","status":413,"path":"/v1/identify"}'
got=$(sql "$all(ortto_upsert((SELECT json_group_array(json_object('user_id', iif(value IN (1, 99), 'halved', 'h' || value), 'n', value)) FROM generate_series(1, 100)), '{\"to\":\"segment\"}')) GROUP BY 2);")
is 'segment: halves of a batch' "$got $(order halved), $(together) in flight" '100x200 1 99, 1 in flight'
