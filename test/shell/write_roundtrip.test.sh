# What was read and is written again is the same afterwards: every field of every person that can be written. With hostile
# names and values each record still has an outcome of its own.
# sandbox: --seed 3 --people 150 --no-archived --custom 28
# env: ORTTO_RATE=0 ORTTO_RETRIES=0
# shellcheck shell=bash
# shellcheck source=test/lib.sh
. "$ROOT/test/lib.sh"

is() {   # is NAME GOT EXPECTED
  if [ "$2" = "$3" ]; then echo "ok $1"; else printf 'got:      %s\nexpected: %s\nnot ok %s\n' "$2" "$3" "$1"; fi
}
sql() { { echo ".load ./ortto"; printf '%s\n' "$@"; } | sqlite3 -batch -init /dev/null people.db 2>&1; }
# json_object takes 127 arguments: half of the fields go as fields by name, half as traits by id.
pairs() { sql "SELECT group_concat('''' || replace($1, '''', '''''') || ''', \"' || replace(name, '\"', '\"\"') || '\"', ', ') FROM f WHERE n % 2 = $2;"; }

write_all() {   # write_all [CONDITION]: reads all people into the table before, and writes those fields by their ids; what was said is in o
  rm -f people.db
  sql "CREATE TABLE f AS SELECT row_number() OVER () AS n, id, column_name AS name FROM ortto_fields WHERE entity = 'people' AND NOT read_only AND NOT hidden
         AND display_type NOT IN ('tags', 'proximity') AND column_name IN (SELECT name FROM pragma_table_info('ortto_people')) AND ${1:-1};"
  columns=$(sql "SELECT group_concat('\"' || replace(name, '\"', '\"\"') || '\"', ', ') FROM f;")
  # SQLite's JSON functions write an infinite number as Inf, which is no JSON: such people are left out.
  sql "CREATE TABLE before AS SELECT id, $columns FROM ortto_people;" "DELETE FROM before WHERE NOT json_valid(json_array($columns));"
  sql "CREATE TABLE o AS SELECT key, value FROM json_each(ortto_upsert((SELECT json_group_array(json_object('fields', json_object('id', id, $(pairs name 0)), 'traits', json_object($(pairs id 1)))) FROM before)));"
}

write_all
is 'there is something to write' "$(sql 'SELECT count(*) > 40 FROM f; SELECT count(*) FROM before;' | xargs)" '1 150'
is 'every value fits its field' "$(sql "SELECT count(*), value->>'status', coalesce(value->>'errormessage', '') FROM o GROUP BY 2, 3;")" '150|200|'
sql "CREATE TABLE after AS SELECT id, $columns FROM ortto_people;"
is 'all are there' "$(sql 'SELECT count(*) FROM after;')" 150
while IFS= read -r name; do   # values are compared exactly, type and all
  q="\"${name//\"/\"\"}\""
  sql "SELECT '$name: ' || quote(b.$q) || ' became ' || quote(a.$q) FROM before b JOIN after a USING (id) WHERE b.$q IS NOT a.$q OR typeof(b.$q) <> typeof(a.$q) LIMIT 1;"
done < <(sql 'SELECT name FROM f;') >different.txt
is 'nothing is different afterwards' "$(cat different.txt)" ''
is 'there were values in every one of them' "$(sql "SELECT count(*) FROM f WHERE name IN ('rating', 'is_vip', 'birthday', 'last_demo', 'phone_number', 'city', 'interests', 'preferences', 'notes');")" 9

start_sandbox --seed 3 --people 150 --no-archived --custom 28 --hostile
write_all
is 'hostile names and values: an outcome for each' "$(sql 'SELECT (SELECT count(*) FROM o) = (SELECT count(*) FROM before), (SELECT count(*) > 140 FROM before);')" '1|1'
is 'and nothing but values of the wrong kind is refused' "$(sql "SELECT value->>'errormessage' FROM o WHERE value->>'status' <> 200 AND value->>'errormessage' NOT LIKE 'ortto: the field % takes %' AND value->>'errormessage' NOT LIKE '%: the number is too large%' AND value->>'errormessage' NOT LIKE 'failed to validate field %: Invalid value' LIMIT 3;")" ''
write_all "display_type IN ('text', 'email', 'url', 'link', 'single_select', 'large_text') AND id <> 'str::email'"
sql "CREATE TABLE after AS SELECT id, $columns FROM ortto_people;"
is 'hostile names of text fields: all are taken but what is too long' "$(sql "SELECT count(*) FROM f WHERE instr(id, char(34));" "SELECT value->>'errormessage' FROM o WHERE value->>'status' <> 200 AND value->>'errormessage' NOT LIKE '% is too long: %' AND value->>'errormessage' NOT LIKE '% takes text, not %';")" 1
is 'and nothing is different afterwards' "$(sql "SELECT count(*) > 100, count(*) - (SELECT count(*) FROM (SELECT * FROM before INTERSECT SELECT * FROM after)) FROM before;")" '1|0'
