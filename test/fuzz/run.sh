#!/usr/bin/env bash
# make fuzz: runs the fuzz targets, .build/fuzz/fuzz_*, each for FUZZ_TIME seconds (60), two side by side.
#
#   ONLY=pattern     of the targets' names
#
# They begin with answers of the sandbox, with what test/fuzz/found holds (inputs that once failed), and with
# whatever earlier runs found worth keeping (.build/fuzz/corpus). An input that fails is written to
# .build/fuzz/TARGET-crash-...; to run it again: .build/fuzz/TARGET FILE, with FUZZ_ANSWERS=.build/fuzz/answers.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
. test/lib.sh

B=${B:-.build/fuzz}
seconds=${FUZZ_TIME:-60}
corpus=$B/corpus
export FUZZ_ANSWERS=$B/answers

# ---- what they begin with ----------------------------------------------------------

answer() {   # answer NAME PATH BODY: what the sandbox answers, also under its path
  curl -s -H "X-Api-Key: $ORTTO_API_KEY" -d "$3" "$ORTTO_API_URL/$2" >"$B/seeds/$1"
}

seed() {   # seed TARGET NAME PREFIX FILE...: an input of a prefix, and of files with a separator between them
  local target=$1 name=$2 prefix=$3 first=1 file
  shift 3
  mkdir -p "$corpus/$target"
  {
    printf '%b' "$prefix"
    for file; do
      [ -n "$first" ] || printf '\x1e'
      first=
      cat "$file"
    done
  } >"$corpus/$target/seed-$name"
}

answers() {
  local ids='["0067ebd540d2d00000111b00"]' fields='["str::first","str::email","tags","dtz::b","phn::phone","geo::city"]'
  rm -rf "$B/seeds" "$FUZZ_ANSWERS"
  mkdir -p "$B/seeds" "$FUZZ_ANSWERS"
  start_sandbox --people 6 --accounts 3 --audiences 2 --tags 3 --custom 14 --account-custom 3 --no-archived --hostile || exit 1
  answer people v1/person/get "{\"fields\":$fields,\"limit\":3,\"offset\":0}"
  answer ids v1/person/get-by-ids "{\"contact_ids\":$ids,\"fields\":$fields}"
  answer accounts v1/accounts/get '{"fields":["str:o:name"],"limit":3,"offset":0}'
  answer audiences v1/audiences/get '{"limit":40,"offset":0}'
  answer tags v1/tags/get '{}'
  answer person_fields v1/person/custom-field/get '{}'
  answer account_fields v1/accounts/custom-field/get '{}'
  answer schema v1/instance-schema/get '{}'
  answer feed v1/person/get/activities "{\"person_id\":$ids,\"limit\":40,\"offset\":0}"
  answer merge v1/person/merge '{"people":[{"fields":{"str::email":"a@t.example"}}],"merge_by":["str::email"]}'
  answer refused v1/person/merge '{"people":[{"fields":{"str::nobody":"a"}}],"merge_by":["str::email"]}'
  answer activities v1/activities/create '{"activities":[{"activity_id":"act:cm:flight-booked","fields":{"str::email":"a@t.example"}}],"merge_by":["str::email"]}'
  stop_sandbox
  # What a path is answered where a target does not choose the answer.
  local pair
  for pair in people:v1_person_get ids:v1_person_get_by_ids accounts:v1_accounts_get audiences:v1_audiences_get \
    tags:v1_tags_get person_fields:v1_person_custom_field_get account_fields:v1_accounts_custom_field_get \
    schema:v1_instance_schema_get feed:v1_person_get_activities merge:v1_person_merge; do
    cp "$B/seeds/${pair%%:*}" "$FUZZ_ANSWERS/${pair#*:}"
  done
}

seeds() {
  local s=$B/seeds n
  # Two bytes: table, way.
  seed fuzz_answers people '\x00\x00' "$s/people" "$s/people"
  seed fuzz_answers count '\x00\x02' "$s/people"
  seed fuzz_answers ids '\x00\x01' "$s/ids"
  seed fuzz_answers members '\x00\x04' "$s/people" "$s/people"
  seed fuzz_answers accounts '\x01\x00' "$s/accounts" "$s/accounts"
  seed fuzz_answers audiences '\x02\x00' "$s/audiences"
  seed fuzz_answers tags '\x03\x00' "$s/tags"
  seed fuzz_answers person_fields '\x04\x00' "$s/person_fields"
  seed fuzz_answers account_fields '\x05\x00' "$s/account_fields"
  seed fuzz_answers feed '\x06\x00' "$s/feed"
  for n in 0 2 4 8 16 18; do
    seed fuzz_definitions "people$n" "\\x$(printf %02x "$n")" "$s/person_fields" "$s/schema"
    seed fuzz_definitions "accounts$n" "\\x$(printf %02x $((n + 1)))" "$s/account_fields" "$s/schema"
  done
  for n in 0 1 2 3 4 16; do
    seed fuzz_outcomes "merge$n" "\\x$(printf %02x "$n")" "$s/merge"
    seed fuzz_outcomes "refused$n" "\\x$(printf %02x "$n")400 " "$s/refused"
    seed fuzz_outcomes "activities$n" "\\x$(printf %02x "$n")" "$s/activities"
  done
  seed fuzz_outcomes segment '\x08{"errors":[{"index":0,"status":400,"message":"no"}]}'
  seed fuzz_outcomes archive '\x03{"archived_contacts":2}'
  seed fuzz_settings all 'region=eu\nkey=abc\n key=env:ORTTO_X\nrate=5\nconcurrency=auto\n api_url=https://[::1]:80/a\nwrite=off\nca_file=/x\nsegment_key="b"\ntimeout_ms=9\n region=Australia\nprogress=on\nmax_deletes=0'
  seed fuzz_records contact '\x00{}\n[{"user_id":"u1","traits":{"email":"a@t.example","firstName":"A","phone":"+61401234567","birthday":"1990-05-17"},"tags":["VIP"],"ip":"203.0.113.9","location":{"country":"Norway"}}]'
  seed fuzz_records account '\x02{"merge_strategy":"append"}\n{"fields":{"name":"A","website":"https://t.example"}}'
  seed fuzz_records event '\x01{"nulls":"skip"}\n{"user_id":"u1","event":"Flight Booked","properties":{"carrier":"X","Bags":2},"timestamp":"2025-09-01T10:00:00Z","message_id":"m"}'
  seed fuzz_records raw '\x00\n{"type":"identify","userId":"u1","anonymousId":"a","context":{"ip":"::1","traits":{"email":"a@t.example"}},"traits":{"x":null}}'
  seed fuzz_records archive '\x03\n[{"id":"0067ebd540d2d00000111b00"}]'
  seed fuzz_records segment '\x08{"batch":false}\n{"user_id":"u1","traits":{"a":1.50},"audience_name":"VIPs","audience_update_mode":"remove"}'
  seed fuzz_records create '\x01{"create":true}\n{"user_id":"u1","event":"New one","properties":{"a":1,"b":"x","c":{"d":[]}}}'
  n=0
  for value in '"Ann"' 42 12500 true '{"year":1990,"month":5,"day":17,"timezone":"UTC"}' '"2025-11-04T19:10:31.12Z"' \
    '{"id":1,"name":"Oslo"}' '{"c":"61","n":"401234567"}' '["a","b"]' '{"a":{"b":1}}' '"long \\\\u00e9"' '["VIP"]'; do
    seed fuzz_values "kind$n" "\\x$(printf %02x "$n")$value"
    n=$((n + 1))
  done
  seed fuzz_values times '\x052025-11-04T19:10:31Z|2025-11-04T19:10:31.5Z'
  n=0
  for file in test/sql/*.sql; do   # the statements of the SQL tests, without what is the shell's
    n=$((n + 1))
    mkdir -p "$corpus/fuzz_sql"
    grep -v '^\.' "$file" | head -c 4000 >"$corpus/fuzz_sql/seed-$(basename "$file")"
  done
}

# ---- running them -------------------------------------------------------------------

fuzz() {   # fuzz NAME: its last lines
  local name=$1 old=() status=0
  [ ! -d "test/fuzz/found/$name" ] || old=("test/fuzz/found/$name")
  ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1 \
    "$B/$name" -max_total_time="$seconds" -timeout=25 -rss_limit_mb=2048 -max_len=60000 -dict=test/fuzz/words \
    -artifact_prefix="$B/$name-" "$corpus/$name" "${old[@]}" >"$B/$name.log" 2>&1 || status=1
  if [ $status = 0 ]; then
    printf 'ok      %-20s %s\n' "$name" "$(grep -E '^(Done|#[0-9]+.DONE)' "$B/$name.log" | xargs)"
  else
    printf 'FAILED  %s\n' "$name"
    grep -vE '^#[0-9]+' "$B/$name.log" | tail -n 60 | sed 's/^/        /'
  fi
  return $status
}

answers
seeds
passed=0 failed=0 running=()
settle() {
  if wait "${running[0]}"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
  running=("${running[@]:1}")
}
for target in test/fuzz/fuzz_*.c; do
  name=$(basename "$target" .c)
  grep -qE -- "${ONLY:-.}" <<<"$name" || continue
  [ ${#running[@]} -lt "${JOBS:-2}" ] || settle
  fuzz "$name" &
  running+=($!)
done
while [ ${#running[@]} -gt 0 ]; do settle; done
echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed -gt 0 ]
