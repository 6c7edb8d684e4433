# The examples for analysts do what they say at the server too: examples/guests.sql with examples/guests.csv,
# examples/titles.sql with 300 lines in place of examples/titles.csv, examples/cookbook.sql. (What they print
# readme.test.sh compares.) The traps that README.md warns of are there, and what it advises is right. make demo ends
# with what to do next.
# sandbox: --seed 1 --people 1200
# env: ORTTO_RATE=0
# shellcheck shell=bash

is() {   # is NAME GOT EXPECTED
  if [ "$2" = "$3" ]; then echo "ok $1"; else printf 'got:      %s\nexpected: %s\nnot ok %s\n' "$2" "$3" "$1"; fi
}
control() { curl -sS --noproxy '*' -o /dev/null -d "${2:-}" "$ORTTO_API_URL/sandbox/$1"; }
asked() { curl -sS --noproxy '*' "$ORTTO_API_URL/sandbox/count?path=$1"; }
person() { curl -sS --noproxy '*' "$ORTTO_API_URL/sandbox/person?email=$1" | jq -r "$2"; }
people() { curl -sS --noproxy '*' "$ORTTO_API_URL/sandbox/people/count" | jq .active; }
ask() { sqlite3 -batch -init /dev/null "$@" 2>&1; }
example() { ask crm.db <"$ROOT/examples/$1"; }

# ---- guests -----------------------------------------------------------------------

ln -s "$ROOT/examples" examples
is 'the file has its mess: mark, line ends, blanks, quotes' \
  "$(head -c 3 examples/guests.csv | od -An -tx1 | tr -d ' ') $(grep -c $'\r$' examples/guests.csv) $(wc -l <examples/guests.csv)" 'efbbbf 8 9'
before=$(people)
example guests.sql >guests.out
is 'two guests are made' "$(($(people) - before))" 2
is 'one is as cleaned, with the tag' "$(person ada.lind@example.com \
  '[.fields["str::first"], .fields["dtz::b"].day, .fields["dtz::b"].month, .fields["geo::city"].name, .tags[]] | map(tostring) | join("|")')" \
  'Ada|28|2|Bad Ragaz|Guest 2025'
is 'who was known is not touched' "$(person tara.okafor.1198@example.com '.tags | index("Guest 2025")')" null
is 'a line for each reason' "$(ask crm.db "SELECT row, coalesce(field, '-') FROM guest_refused ORDER BY row, field")" \
  '5|birthday
5|phone_number
6|-
8|-'
example guests.sql >guests.out
is 'again: nobody new, the same refused' "$(($(people) - before)) $(ask crm.db 'SELECT count(*) FROM guest_refused')" '2 4'

# ---- 300 titles -------------------------------------------------------------------

rm examples
mkdir examples
{ echo email,title
  ask crm.db "SELECT email || ',Title ' || row_number() OVER (ORDER BY email) FROM crm_people WHERE email <> '' ORDER BY email LIMIT 300"
} >examples/titles.csv
first=$(sed -n '2s/,.*//p' examples/titles.csv)
was=$(person "$first" '.fields["str:cm:job-title"]')
# Only until the COMMIT, and then the rest.
sed '/^-- And back again/,$d' "$ROOT/examples/titles.sql" >there.sql
sed -n '/^-- And back again/,$ p' "$ROOT/examples/titles.sql" | sed '1i .load ./ortto' >back.sql
control forget
ask crm.db <there.sql >there.out
is 'three requests write 300 titles' "$(asked /v1/person/merge)" 3
is 'and few read them' "$([ "$(asked /v1/person/get)" -le 8 ] && echo few)" few
is 'they are there' "$(person "$first" '.fields["str:cm:job-title"]')" 'Title 1'
is 'how to undo it is kept' "$(ask crm.db 'SELECT count(*) FROM title_undo')" 300
ask crm.db <back.sql >back.out
is 'and back again' "$(person "$first" '.fields["str:cm:job-title"]')" "$was"
ask crm.db ".load ./ortto" "SELECT ortto_sync('ortto_people', 'crm_people') IS NULL" >sync.out
is 'all of them' "$(ask crm.db 'SELECT count(*) FROM title_undo AS u JOIN crm_people AS p USING (id) WHERE u.job_title IS p.job_title')" 300

# ---- the list for a colleague -----------------------------------------------------

ask :memory: ".load ./ortto" "SELECT ortto_upsert('{\"fields\":{\"email\":\"evil@example.com\",\"name\":\"=1+1\",\"plan\":\"Pro\",\"email_permission\":true}}') ->> 'status'" >evil.out
example cookbook.sql >cookbook.out
is 'a byte order mark' "$(head -c 3 list.csv | od -An -tx1 | tr -d ' ')" efbbbf
is 'no formula' "$(grep -o 'evil@example.com,[^,]*' list.csv)" 'evil@example.com," =1+1"'
is 'no file is left behind' "$(ls fill.sql 2>/dev/null)" ''
is 'no error' "$(grep -i error cookbook.out)" ''

# ---- traps ------------------------------------------------------------------------

count() { ask crm.db "SELECT count(*) FROM crm_people WHERE $1"; }
differ() {   # differ NAME WRITTEN BETTER: they do not find the same people
  local written better
  written=$(count "$2") better=$(count "$3")
  if [ "$written" != "$better" ] && [ "$better" -gt 0 ]; then echo "ok $1"; else echo "$written, $better"; echo "not ok $1"; fi
}
differ 'a T comes after a blank' "edited > '2025-09-30 20:00'" "datetime(edited) > '2025-09-30 20:00:00'"
differ 'a day first' "edited > '30/09/2025'" "date(edited) > '2025-09-29'"
differ 'the last day' "created BETWEEN '2025-09-01' AND '2025-09-29'" "date(created) BETWEEN '2025-09-01' AND '2025-09-29'"
differ 'true' "email_permission = 'true'" 'email_permission'
differ 'those without a country' "country <> 'Norway'" "country IS NOT 'Norway'"
differ 'tags are a list' "tags = 'vip'" "EXISTS (SELECT 1 FROM json_each(tags) WHERE value = 'vip')"
is '.tables' "$(ask :memory: '.load ./ortto' .tables)" ''
is 'what shows them' "$(ask :memory: '.load ./ortto' "SELECT count(*) > 9 FROM pragma_module_list WHERE name GLOB 'ortto_*'")" 1

read_for() {   # how many records are read for a list of emails
  ask :memory: '.load ./ortto' 'CREATE TABLE leads(email TEXT)' \
    "INSERT INTO leads VALUES ('tara.okafor.1198@example.com'), ('')" \
    "SELECT count(*) FROM ortto_people WHERE email IN (SELECT email FROM leads $1)" \
    "SELECT sum(rows) FROM ortto_log WHERE path = '/v1/person/get'" | tail -n 1
}
is 'with an empty text all are read' "$(read_for)" "$(people)"
is 'without it, one' "$(read_for "WHERE email <> ''")" 1

tags_of() { person isla.sorensen.1197@example.com '.tags | sort | join(",")'; }
write() { ask :memory: '.load ./ortto' "$1" >write.out; }
write "INSERT INTO ortto_people(email, tags) VALUES ('isla.sorensen.1197@example.com', '[\"one\"]')"
write "INSERT INTO ortto_people(email, tags) VALUES ('isla.sorensen.1197@example.com', '[\"two\"]')"
is 'INSERT adds tags' "$(tags_of | grep -o 'one,two')" one,two
write "UPDATE ortto_people SET tags = '[\"vip\"]' WHERE email = 'isla.sorensen.1197@example.com'"
is 'UPDATE replaces them' "$(tags_of)" vip

# ---- make demo --------------------------------------------------------------------

if [ "$EXT" = "$ROOT/ortto.so" ] && [ -z "${PRELOAD:-}" ]; then
  ends() { tail -n 3 demo.out | sed -E 's/^(Next:)? +//; s/:.*//' | tr '\n' ';'; }
  (unset ORTTO_API_KEY && "$ROOT/test/demo.sh") >demo.out 2>&1
  is 'the demo ends with three lines on what is next' "$(ends)" \
    'your own account, where nothing is written;a copy;a picture of it;'
  "$ROOT/test/demo.sh" >demo.out 2>&1
  is 'so it does with a key' "$(ends)" 'questions of your own;a copy;a picture of it;'
else
  echo "ok the demo # skip it takes the extension from the project's folder"
fi
