#!/usr/bin/env bash
# The sandbox serves both readings of what nobody knows: each reading of each guess changes some answer of the API, by
# --guess and by /sandbox/set alike, and --help lists them. (What the extension makes of them is in test_guesses.c.)
# sandbox: --people 60 --accounts 6 --custom 14
set -u
is() {   # is NAME GOT EXPECTED
  if [ "$2" = "$3" ]; then echo "ok $1"; else printf 'got:      %s\nexpected: %s\nnot ok %s\n' "$2" "$3" "$1"; fi
}
control() { curl -s -X POST -d "${2:-}" "$ORTTO_API_URL/sandbox/$1"; }
api() { curl -s -X POST -H 'X-Api-Key: sandbox-key' -d "$2" "$ORTTO_API_URL/v1/$1"; echo; }

people=$(api person/get '{"limit":500}' | jq -c '[.contacts[].id]')
gone=$(api person/get '{"limit":1,"type":"archived"}' | jq -r '.contacts[0].id')
shout=$(api person/get '{"limit":500,"fields":["str::email"]}' | jq -r '[.contacts[].fields["str::email"] // empty][0] | ascii_upcase')
account=$(api accounts/get '{"limit":1}' | jq -r '.accounts[0].id')
fields='["str::first","dtz::b","phn::phone","geo::city","bol::p","int::v"]'
many=$(curl -s -X POST -H 'X-Api-Key: sandbox-key' -d '{"namespaces":[""]}' "$ORTTO_API_URL/v1/instance-schema/get" |
  jq -c '[.namespaces[""].fields | keys[] | select(startswith("str:"))][:25]')

# What is asked, in one connection; every reading must change one of the answers. The sandbox begins anew each time.
asks() {   # lines PATH BODY
  cat <<LINES
person/get {"limit":500,"sort_by_field_id":"geo::city","sort_order":"asc"}
person/get {"limit":500,"sort_by_field_id":"e"}
person/get {"filter":{"\$str::is":{"field_id":"str::email","value":"$shout"}}}
person/get {"limit":1,"fields":$many}
person/get-by-ids {"contact_ids":$(jq -c '.[:30]' <<<"$people")}
person/get-by-ids {"contact_ids":["$gone"]}
person/get-by-ids {"contact_ids":["00690000000000000000ff00"]}
nothing {}
person/merge {"people":[{"fields":{"str::email":"a@t.example"}},{"fields":{"str::email":"b"}}]}
person/merge {"people":[{"fields":{"str::email":"a@t.example"}}],"async":true}
accounts/merge {"accounts":[{"fields":{"str:o:account_id":"$account"}}],"merge_by":["str:o:account_id"]}
accounts/merge {"accounts":[{"fields":{"str:o:organization_id":"$account"}}],"merge_by":["str:o:organization_id"]}
activities/create {"activities":[{"activity_id":"act:cm:song-played","fields":{"str::email":"a@t.example"}}],"merge_by":["str::email"]}
LINES
}
args=()
while read -r path body; do
  args+=(--next -s -X POST -H 'X-Api-Key: sandbox-key' -w '\n' -d "$body" "$ORTTO_API_URL/v1/$path")
done < <(asks)
answers() {
  local page
  page=$(api person/get "{\"limit\":40,\"fields\":$fields}")
  control people '{"add":1}' >/dev/null
  echo "$page"
  curl -s -X POST -H 'X-Api-Key: sandbox-key' -w '\n' "$ORTTO_API_URL/v1/person/get" \
    -d "{\"limit\":40,\"offset\":40,\"cursor_id\":\"$(jq -r .cursor_id <<<"$page")\"}" "${args[@]}"
}
# Cursors and request ids differ by themselves.
plain() { sed -E 's/"request_id":"[^"]*"/"request_id":""/g; s/"cursor_id":"[0-9a-f]{8}[0-9a-f]*[1-9a-f][0-9a-f]*"/"cursor_id":"..."/g'; }
asked() { control reset >/dev/null; answers | plain; }

first=$(asked)
is 'the same answers twice' "$(asked)" "$first"
guesses=$(curl -s "$ORTTO_API_URL/sandbox/guesses")
idle=
while read -r name reading usual; do
  control set "{\"guess\":{\"$name\":\"$reading\"}}" >/dev/null
  [ "$(asked)" != "$first" ] || idle="$idle $name=$reading"
  control set "{\"guess\":{\"$name\":\"$usual\"}}" >/dev/null
done < <(jq -r '.[] | .name as $n | .readings[0] as $u | .readings[1:][] | "\($n) \(.) \($u)"' <<<"$guesses")
is 'every reading changes an answer' "$idle" ''
is 'and can be taken back' "$(asked)" "$first"
is 'eight guesses and more' "$(jq 'length >= 8 and all(.section | test("^[0-9.]+$"))' <<<"$guesses")" true

is 'an unknown reading is refused' "$(control set '{"guess":{"cursor":"other"}}' | jq -r .error)" \
  'no such guess or reading: GET /sandbox/guesses lists them'
is '--guess too' "$("$SANDBOX" --guess cursor 2>&1; echo $?)" \
  'ortto_sandbox: there is no such guess: cursor (--help lists them)
2'
is '--help names every guess and reading' \
  "$("$SANDBOX" --help | sed -nE 's/^  ([a-z-]+=[^ ]+)$/\1/p')" \
  "$(jq -r '.[] | "\(.name)=\(.readings | join("|"))"' <<<"$guesses")"
"$SANDBOX" --help >/dev/null
is '--help is no error' $? 0
"$SANDBOX" --guess cursor=live --guess matches=absent --help >/dev/null
is 'guesses given on the command line' $? 0
