# A batch whose answer was lost is sent again, and nothing is there twice: merges are harmless, activities carry the same
# message id and time in both deliveries.
# sandbox: --people 20 --no-archived
# env: ORTTO_RATE=0 ORTTO_RETRIES=2 ORTTO_SEGMENT_KEY=psb-sandbox-segment-key
# shellcheck shell=bash

is() {   # is NAME GOT EXPECTED
  if [ "$2" = "$3" ]; then echo "ok $1"; else printf 'got:      %s\nexpected: %s\nnot ok %s\n' "$2" "$3" "$1"; fi
}
control() { curl -s -X POST -d "${2:-}" "$ORTTO_API_URL/sandbox/$1" >/dev/null; }
sent() { curl -s "$ORTTO_API_URL/sandbox/count?path=$1" | tr -dc 0-9; }
sql() { { echo ".load ./ortto"; printf '%s\n' "$@"; } | sqlite3 -batch -init /dev/null :memory: 2>&1; }
statuses() { sql "SELECT count(*) || 'x' || (value->>'status') FROM json_each($1) GROUP BY value->>'status';" | xargs; }
lose() { control clear; control forget; control fault "{\"kind\":\"${2:-reset_after}\",\"path\":\"$1\",\"times\":${3:-1}}"; }
items() { curl -s "$ORTTO_API_URL/sandbox/segment?lines" | cut -f 2; }
activities() { curl -s "$ORTTO_API_URL/sandbox/activities"; }

for kind in reset_after truncate cut_json; do
  control reset
  lose /v1/person/merge $kind
  got=$(statuses "ortto_upsert('[{\"user_id\":\"a\",\"fields\":{\"interests\":[\"Music\"]},\"tags\":[\"vip\"]},{\"user_id\":\"b\"}]')")
  case $kind in
    cut_json) expected='2x0 in 1' ;;          # an answer that came whole, and tells nothing
    *) expected='2x200 in 2' ;;
  esac
  is "upsert, $kind" "$got in $(sent /v1/person/merge)" "$expected"
  is "upsert, $kind: nobody is there twice" "$(curl -s "$ORTTO_API_URL/sandbox/people/count" | jq .active)" 22
done

for kind in reset_after truncate; do
  # Without message_id and timestamp of the caller's, with one of them, with both.
  records='[{"event":"Song Played","user_id":"a"},{"event":"Song Played","user_id":"a"},{"event":"Song Played","user_id":"b","message_id":"mine"},{"event":"Song Played","user_id":"b","timestamp":"2025-09-01T10:00:00Z"},{"event":"Song Played","user_id":"b","timestamp":null,"message_id":null}]'
  control reset
  lose /v1/activities/create $kind
  is "track, $kind" "$(statuses "ortto_track('$records')")" '5x200'
  is "track, $kind: five activities" "$(activities | jq length)" 5
  is "track, $kind: one request was made again, the same" "$(curl -s "$ORTTO_API_URL/sandbox/requests?full" | jq -c '[.[] | select(.path == "/v1/activities/create") | .body] | length - (unique | length)')" 1

  control reset
  lose /v1/identify $kind
  is "segment upsert, $kind" "$(statuses "ortto_upsert('[{\"user_id\":\"a\"},{\"user_id\":\"b\"}]', '{\"to\":\"segment\"}')") in $(sent /v1/identify)" '2x200 in 2'

  control reset
  lose /v1/track $kind
  is "segment track, $kind" "$(statuses "ortto_track('$records', '{\"to\":\"segment\"}')") in $(sent /v1/track)" '5x200 in 2'
  is "segment track, $kind: five events, each twice under one id and time" "$(items | jq -s -c 'length, (map([.message_id, .timestamp]) | unique | length), (map(select(.message_id == null or .timestamp == null)) | length)' | xargs)" '10 5 0'
done

# Past its retries the outcome is unknown, and a second call by the user with the same ids doubles nothing.
control reset
lose /v1/activities/create reset_after -1
records='[{"event":"Song Played","user_id":"a","message_id":"m","timestamp":"2025-09-01T10:00:00Z"}]'
is 'past its retries' "$(ORTTO_RETRIES=0 sql "SELECT value->>'status', value->>'errortype' FROM json_each(ortto_track('$records'));")" '0|UNKNOWN_OUTCOME'
control clear
is 'sent again by the user' "$(statuses "ortto_track('$records')") $(activities | jq length)" '1x200 1'
# What the answer calls sent can be sent again as it is.
control reset
is 'many, with latency and a lost answer in the middle' "$(control fault '{"kind":"reset_after","path":"/v1/activities/create","after":3}'; control set '{"latency_ms":10}'
  statuses "ortto_track((SELECT json_group_array(json_object('event', 'Song Played', 'user_id', 'u' || value)) FROM generate_series(1, 1000)))") $(activities | jq length)" '1000x200 1000'
control set '{"latency_ms":0}'

# What is missing is made once, also where the answer of its making was lost, and looked up where it exists already.
control reset
lose /v1/definitions/activity/create
is 'a definition whose answer was lost' "$(statuses "ortto_track('[{\"event\":\"Brand New\",\"user_id\":\"a\",\"properties\":{\"size\":1}},{\"event\":\"Brand New\",\"user_id\":\"b\",\"properties\":{\"size\":2}}]', '{\"create\":true}')") $(activities | jq length)" '2x200 2'
control reset
lose /v1/person/custom-field/create
is 'a field whose answer was lost' "$(statuses "ortto_upsert('[{\"user_id\":\"a\",\"traits\":{\"Shoe size\":43}},{\"user_id\":\"b\",\"traits\":{\"shoe_size\":44}}]', '{\"create\":true}')") $(sql "SELECT sum(shoe_size) FROM ortto_people;")" '2x200 87'
control reset
lose /v1/audiences/create
is 'an audience whose answer was lost' "$(statuses "ortto_upsert('[{\"user_id\":\"a\",\"audience_name\":\"Lost\"}]', '{\"to\":\"segment\"}')") $(sql "SELECT count(*) FROM ortto_audiences WHERE name = 'Lost';")" '1x200 1'
control clear
