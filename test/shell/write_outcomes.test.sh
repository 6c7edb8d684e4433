# Every record ends as delivered or as a reported failure, at its place, whatever the server does: refusals of single
# records and of batches, answers that tell nothing, conflicts, bodies that are too large, keys that are refused.
# sandbox: --people 20 --no-archived
# env: ORTTO_RATE=0 ORTTO_RETRIES=0 ORTTO_CONCURRENCY=1
# shellcheck shell=bash
api='{"to":"api"}'
export ORTTO_SEGMENT_KEY=psb-sandbox-segment-key

is() {   # is NAME GOT EXPECTED
  if [ "$2" = "$3" ]; then echo "ok $1"; else printf 'got:      %s\nexpected: %s\nnot ok %s\n' "$2" "$3" "$1"; fi
}
control() { curl -s -X POST -d "${2:-}" "$ORTTO_API_URL/sandbox/$1" >/dev/null; }
sent() { curl -s "$ORTTO_API_URL/sandbox/count?path=$1" | tr -dc 0-9; }
forget() { control forget; control clear; control segment/forget; }

# runs SQL after what makes records: upserts(FROM, TO) as JSON list of contacts
sql() {
  { echo ".load ./ortto"; printf '%s\n' "$@"; } | sqlite3 -batch -init /dev/null :memory: 2>&1
}
list() { echo "(SELECT json_group_array(json_object('user_id', 'u' || value)) FROM generate_series($1, $2))"; }
events() { echo "(SELECT json_group_array(json_object('user_id', 'u' || value, 'event', 'Song Played')) FROM generate_series($1, $2))"; }

# outcomes FUNCTION RECORDS [OPTIONS]: how often each outcome came, in the order of the records: 200x100 401:REFUSEDx100 ...
outcomes() {
  sql "SELECT value->>'status' || coalesce(':' || (value->>'errortype'), '') || iif(value->>'index' = key, '', ' WRONG INDEX') FROM json_each($1($2, '${3:-$api}'));" |
    uniq -c | awk '{ printf "%s%s", (NR > 1 ? " " : ""), $2 "x" $1 } END { print "" }'
}
segment='{"to":"segment"}'
to() { case $1 in api) echo "$api" ;; *) echo "$segment" ;; esac; }
path() { case $1 in api) echo /v1/person/merge ;; *) echo /v1/identify ;; esac; }
size() { case $1 in api) echo 100 ;; *) echo 500 ;; esac; }

for way in api segment; do
  n=$(size $way) p=$(path $way) o=$(to $way)

  # A batch is as large as the protocol allows.
  forget
  is "$way: as many requests as needed" "$(outcomes ortto_upsert "$(list 1 $((2 * n + 1)))" "$o") in $(sent "$p")" "200x$((2 * n + 1)) in 3"

  # After 401 and 403 no new request is begun; what came before is delivered, what comes behind is said to be not sent.
  for status in 401 403; do
    forget
    control fault "{\"kind\":\"status\",\"status\":$status,\"path\":\"$p\",\"after\":1}"
    is "$way: after $status nothing is sent" "$(outcomes ortto_upsert "$(list 1 $((3 * n)))" "$o") in $(sent "$p")" "200x$n $status:REFUSEDx$n 0:NOT_SENTx$n in 2"
  done
  # So it is after 429, 5xx and lost connections that outlast their retries.
  for status in 429 500 502 503 504 501 507; do
    forget
    control fault "{\"kind\":\"status\",\"status\":$status,\"path\":\"$p\",\"after\":1}"
    case $status in 429 | 501 | 507) word=REFUSED ;; *) word=UNKNOWN_OUTCOME ;; esac
    is "$way: after $status nothing is sent" "$(outcomes ortto_upsert "$(list 1 $((3 * n)))" "$o") in $(sent "$p")" "200x$n $status:${word}x$n 0:NOT_SENTx$n in 2"
  done
  for kind in reset truncate; do
    forget
    control fault "{\"kind\":\"$kind\",\"path\":\"$p\",\"after\":1,\"times\":2}"   # libcurl may try once more by itself
    is "$way: after a lost connection ($kind) nothing is sent" "$(outcomes ortto_upsert "$(list 1 $((3 * n)))" "$o")" "200x$n 0:UNKNOWN_OUTCOMEx$n 0:NOT_SENTx$n"
  done

  # A 400 fails its own batch, the others go on.
  forget
  control fault "{\"kind\":\"status\",\"status\":400,\"path\":\"$p\",\"after\":1,\"body\":\"{\\\"request_id\\\":\\\"r1\\\",\\\"code\\\":400,\\\"error\\\":\\\"no\\\"}\"}"
  is "$way: a 400 fails its own batch" "$(outcomes ortto_upsert "$(list 1 $((3 * n)))" "$o") in $(sent "$p")" "200x$n 400:REFUSEDx$n 200x$n in 3"
  for status in 404 422; do
    forget
    control fault "{\"kind\":\"status\",\"status\":$status,\"path\":\"$p\"}"
    is "$way: so does $status" "$(outcomes ortto_upsert "$(list 1 $((2 * n)))" "$o") in $(sent "$p")" "$status:REFUSEDx$n 200x$n in 2"
  done

  # 409 is tried once more.
  forget
  control fault "{\"kind\":\"status\",\"status\":409,\"path\":\"$p\"}"
  is "$way: a 409 is tried once more" "$(outcomes ortto_upsert "$(list 1 3)" "$o") in $(sent "$p")" "200x3 in 2"
  forget
  control fault "{\"kind\":\"status\",\"status\":409,\"path\":\"$p\",\"times\":2}"
  is "$way: a second 409 fails the batch" "$(outcomes ortto_upsert "$(list 1 "$n")" "$o") in $(sent "$p")" "409:REFUSEDx$n in 2"

  # 413 halves the batch, as often as it takes; a single record fails.
  forget
  control fault "{\"kind\":\"status\",\"status\":413,\"path\":\"$p\",\"times\":2}"
  is "$way: a 413 halves the batch" "$(outcomes ortto_upsert "$(list 1 8)" "$o") in $(sent "$p")" "200x8 in 5"
  forget
  control fault "{\"kind\":\"status\",\"status\":413,\"path\":\"$p\",\"times\":-1}"
  is "$way: a record that is too large alone fails alone" "$(outcomes ortto_upsert "$(list 1 3)" "$o") in $(sent "$p")" "413:REFUSEDx3 in 5"

  # Answers that do not say which records were taken.
  for body in '{"people":[{"person_id":"006900000000000000000100","status":"created"}]}' '{"people":[]}' '[]' '{"errors":[{"status":400,"message":"x"}]}' '{"errors":[{"status":400,"message":"x","index":3}]}' 'true' 'garbage' '{"people":'; do
    forget
    control fault "$(jq -n -c --arg p "$p" --arg body "$body" '{kind: "replace", path: $p, body: $body}')"
    case $way:$body in segment:'{"people":'*'}') continue ;; esac
    is "$way: unknown outcome from $body" "$(outcomes ortto_upsert "$(list 1 3)" "$o")" "0:UNKNOWN_OUTCOMEx3"
  done
  for kind in empty not_json cut_json; do
    forget
    control fault "{\"kind\":\"$kind\",\"path\":\"$p\"}"
    # Segment's endpoint may say nothing where it took all.
    case $way-$kind in segment-empty) expected=200x3 ;; *) expected=0:UNKNOWN_OUTCOMEx3 ;; esac
    is "$way: outcome of an answer that is $kind" "$(outcomes ortto_upsert "$(list 1 3)" "$o")" "$expected"
  done

  # A record over 2 MB is refused here, the others go; many large ones are sent in several requests.
  forget
  is "$way: a record of 3 MB" "$(outcomes ortto_upsert "json_array(json_object('user_id', 'a'), json_object('user_id', 'b', 'traits', json_object('first_name', printf('%.*c', 3000000, 'x'))), json_object('user_id', 'c'))" "$o") in $(sent "$p")" \
    "200x1 413:PAYLOAD_VALIDATION_FAILEDx1 200x1 in 1"

  # A single object raises with the server's words, in the words of the record for a list.
  forget
  control fault "{\"kind\":\"status\",\"status\":400,\"path\":\"$p\",\"body\":\"{\\\"code\\\":400,\\\"error\\\":\\\"server says no\\\"}\"}"
  got=$(sql "SELECT ortto_upsert('{\"user_id\":\"x\"}', '$o');")
  case $got in *'ortto: '*'server says no'*) echo "ok $way: a single object raises" ;; *) printf '%s\nnot ok %s\n' "$got" "$way: a single object raises" ;; esac
done

# ---- the API's own ---------------------------------------------------------------------

# Some fail, some pass; all fail, with details; the answer's rows stand where their records do, with refusals of our own between.
forget
mixed="json_array(json_object('user_id', 'mixed a'), json_object('fields', json_object('emale', 1)), json_object('user_id', 'mixed b', 'fields', json_object('email', 'bad')), json_object('user_id', 'mixed c', 'fields', json_object('email', 'c@suppressed.example.com')),
  7, json_object('user_id', 'mixed d', 'fields', json_object('email', 'd@example.com')))"
is 'refused here, refused there, suppressed and good, each at its place' "$(sql "SELECT value->>'index', value->>'status', coalesce(value->>'errortype', value->>'body'), coalesce(value->>'result', '') FROM json_each(ortto_upsert($mixed, '{\"suppression_list_field_id\":\"str::email\"}'));" | tr '\n' ' ')" \
  '0|200|Processed successfully|created 1|400|PAYLOAD_VALIDATION_FAILED| 2|400|REFUSED|invalid 3|400|REFUSED|suppressed 4|400|PAYLOAD_VALIDATION_FAILED| 5|200|Processed successfully|created '
forget
bad="json_array(json_object('fields', json_object('email', 'bad')), json_object('fields', json_object('email', 'x@suppressed.example.com')))"
is 'all of a batch fail: the details name each' "$(sql "SELECT value->>'status', value->>'errortype', value->>'errormessage', value->>'result' FROM json_each(ortto_upsert($bad, '{\"suppression_list_field_id\":\"email\"}'));" | tr '\n' ' ')" \
  '400|REFUSED|failed to validate field str::email in schema: str::email: Invalid value|invalid 400|REFUSED|Email is suppressed|suppressed '
forget
is 'queued' "$(sql "SELECT value->>'status', value->>'result', value->>'person_id' IS NULL FROM json_each(ortto_upsert($(list 1 2), '{\"to\":\"api\",\"async\":true}'));" | tr '\n' ' ')" '200|queued|1 200|queued|1 '
forget
control fault '{"kind":"replace","path":"/v1/activities","body":"{\"activities\":[{\"status\":\"ingested\",\"person_status\":\"merged\",\"person_id\":\"006900000000000000000100\",\"activity_id\":\"006900000000000000000200\"}]}"}'
is 'ingested is accepted' "$(sql "SELECT value->>'status', value->>'result', value->>'person_id' FROM json_each(ortto_track($(events 1 1), '$api'));")" '200|ingested|006900000000000000000100'
forget
is 'activities: 100 a request' "$(outcomes ortto_track "$(events 1 250)") in $(sent /v1/activities/create)" '200x250 in 3'
forget
control fault '{"kind":"status","status":403,"path":"/v1/activities/create","after":1}'
is 'activities: after 403 nothing is sent' "$(outcomes ortto_track "$(events 1 250)") in $(sent /v1/activities/create)" '200x100 403:REFUSEDx100 0:NOT_SENTx50 in 2'

# ---- before the records are sent ---------------------------------------------------------

# A list of fields or definitions that cannot be had is asked for once; no record is sent, none is lost in silence.
for path in /v1/person/custom-field/get /v1/instance-schema/get; do
  for status in 500 401; do
    forget
    control fault "{\"kind\":\"status\",\"status\":$status,\"path\":\"$path\",\"times\":-1}"
    is "$status from $path is an outcome of each record" "$(outcomes ortto_track "$(events 1 3)") in $(sent "$path"), $(sent /v1/activities/create)" '0:NOT_SENTx3 in 1, 0'
  done
done

# ---- Segment's own -----------------------------------------------------------------------

# errors[].index counts in the array as sent.
forget
is 'errors are mapped back over what was refused here' "$(sql "SELECT value->>'index', value->>'status', coalesce(value->>'errormessage', '') FROM json_each(ortto_track('[{\"user_id\":\"a\",\"event\":\"\"},{\"event\":\"x\"},{\"user_id\":\"a\",\"event\":\"y\",\"namespace\":\"ortto.com\"},{\"user_id\":\"a\",\"event\":\"ok\"},{\"event\":\"x\"},{\"user_id\":\"a\",\"event\":\"ok\"}]', '$segment'));" | tr '\n' ' ')" \
  '0|400|Missing event name 1|400|Either user_id or anonymous_id is required 2|200| 3|200| 4|400|Either user_id or anonymous_id is required 5|200| '
forget
control fault '{"kind":"replace","path":"/v1/track","body":"{\"errors\":[{\"status\":422,\"message\":\"too old\",\"index\":1}]}"}'
is 'with the status that the error has' "$(sql "SELECT value->>'status', value->>'errortype', value->>'errormessage' FROM json_each(ortto_track($(events 1 2), '$segment'));" | tr '\n' ' ')" '200|| 422|REFUSED|too old '
forget
large="(SELECT json_group_array(json_object('user_id', 'u' || value, 'traits', json_object('text', printf('%.*c', 100000, 'x')))) FROM generate_series(1, 45))"
is '4.5 MB go in three requests' "$(outcomes ortto_upsert "$large" "$segment") in $(sent /v1/identify)" '200x45 in 3'

# The audience cannot be made: those records fail, the others go; it is not tried again and again.
aud() { echo "(SELECT json_group_array(iif(value % 2, json_object('user_id', 'u' || value, 'audience_name', 'Broken'), json_object('user_id', 'u' || value))) FROM generate_series(1, 4))"; }
forget
control fault '{"kind":"status","status":400,"path":"/v1/audiences","times":-1}'
is 'an audience that is refused' "$(outcomes ortto_upsert "$(aud)" "$segment") in $(sent /v1/audiences/create)" '400:REFUSEDx1 200x1 400:REFUSEDx1 200x1 in 1'
forget
control fault '{"kind":"status","status":403,"path":"/v1/audiences","times":-1}'
is 'a key that is refused there ends it' "$(outcomes ortto_upsert "$(aud)" "$segment") in $(sent /v1/audiences/create), $(sent /v1/identify)" '403:REFUSEDx1 0:NOT_SENTx3 in 1, 0'
