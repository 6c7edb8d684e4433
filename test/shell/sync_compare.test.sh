#!/usr/bin/env bash
# A refresh that compares as it reads goes on after kill -9, at every page, at any moment and in the merge: it ends in a
# copy of the source, with the right counts and a complete log, also where somebody edits the local table in between.
# sandbox: --people 5000 --no-archived
# env: ORTTO_RATE=0 ORTTO_RETRIES=0
set -u
# shellcheck source=test/shell/sync_kill.sh
. "$ROOT/test/shell/sync_kill.sh"

pages=10
source_sql="PRAGMA foreign_keys=ON; CREATE VIRTUAL TABLE temp.source USING ortto(table=people, fields='str::email str::first e');"
sync="SELECT ortto_sync('source', 'people', '{\"log\":true}')"
rows="SELECT state, page, rows, coalesce(message, '') FROM ortto_sync('source', 'people', '{\"log\":true}')"

# What is wrong with work.db: rows that differ from a clean copy, the counts of its last run and the log against what
# has changed since base.db, tables that were left. "" if nothing is.
wrong() {
  sqlite3 -batch work.db "ATTACH 'clean.db' AS clean; ATTACH 'base.db' AS base;
    WITH change(id, action, name) AS (
      SELECT id, 'deleted', NULL FROM base.people WHERE id NOT IN (SELECT id FROM clean.people) UNION ALL
      SELECT id, 'inserted', NULL FROM clean.people WHERE id NOT IN (SELECT id FROM base.people) UNION ALL
      SELECT c.id, 'updated', 'email' FROM clean.people c JOIN base.people b USING(id) WHERE c.email IS NOT b.email UNION ALL
      SELECT c.id, 'updated', 'first_name' FROM clean.people c JOIN base.people b USING(id) WHERE c.first_name IS NOT b.first_name UNION ALL
      SELECT c.id, 'updated', 'edited' FROM clean.people c JOIN base.people b USING(id) WHERE c.edited IS NOT b.edited),
    logged(id, action, name) AS (SELECT id, action, column_name FROM people_log),
    problem(is_so, what) AS (VALUES
      ((SELECT count(*) FROM change) < 500, 'too little has changed'),
      (EXISTS (SELECT * FROM people EXCEPT SELECT * FROM clean.people), 'rows that the source has not'),
      (EXISTS (SELECT * FROM clean.people EXCEPT SELECT * FROM people), 'rows missing'),
      ((SELECT count(*) FROM change) <> (SELECT count(*) FROM logged), 'the log has another length'),
      (EXISTS (SELECT * FROM change EXCEPT SELECT * FROM logged), 'the log is not complete'),
      ((SELECT inserted || ' ' || updated || ' ' || deleted || ' ' || (rows - unchanged) || ' ' || rows FROM ortto_sync_state
          ORDER BY run DESC LIMIT 1) IS NOT
        (SELECT (SELECT count(*) FROM change WHERE action = 'inserted') || ' ' ||
          (SELECT count(DISTINCT id) FROM change WHERE action = 'updated') || ' ' ||
          (SELECT count(*) FROM change WHERE action = 'deleted') || ' ' ||
          (SELECT count(DISTINCT id) FROM change WHERE action <> 'deleted') || ' ' || (SELECT count(*) FROM clean.people)),
        'the counts are wrong'),
      ((SELECT state FROM ortto_sync_state ORDER BY run DESC LIMIT 1) <> 'done', 'not done'))
    SELECT what FROM problem WHERE is_so; PRAGMA main.integrity_check" 2>&1 | grep -v '^ok$'
}

fresh() { rm -f work.db*; cp base.db work.db; }

# A copy, then changes on both sides.
run base.db "$sync" >base.out
sqlite3 -batch base.db "UPDATE people SET first_name = 'mine' WHERE rowid % 41 = 3; DELETE FROM people WHERE rowid % 97 = 5;
  INSERT INTO people(id, email) VALUES ('nobody', 'nobody')"
control people '{"edit":300,"step":7}'
control people '{"remove":40}'
control people '{"add":30}'
run clean.db "$sync" >clean.out
fresh
run work.db "$sync" >work.out
check 'not killed, it is right' '' "$(wrong)"
check 'of the changes alone there are rows in staging, and nothing is left of it' '' \
  "$(sqlite3 -batch work.db "SELECT name FROM sqlite_schema WHERE name LIKE 'ortto_s%' AND name <> 'ortto_sync_state'")"

# ---- kill -9 with page K there and page K+1 on its way --------------------------------
export ORTTO_CONCURRENCY=1
bad='' noted=0
for ((k = 0; k < pages; k++)); do
  fresh
  control forget '{}'
  control fault "{\"kind\":\"hang\",\"path\":\"/v1/person/get\",\"after\":$k,\"times\":-1}"
  background work.db "$sync"
  wait_until work.db "page = $k AND state = 'fetching'"
  for ((i = 0; i < 300; i++)); do [ "$(offsets | wc -l)" -gt $k ] && break; sleep 0.01; done
  murder
  control clear '{}'
  noted=$((noted + $(sqlite3 -batch work.db 'SELECT count(*) FROM ortto_seen_people')))
  got=$(run work.db "$rows")
  if [ $k -gt 0 ]; then
    [ "$(head -n 1 <<<"$got" | cut -d '|' -f 1-3)" = "resumed|$((k + 1))|$(((k + 1) * 500 > 4990 ? 4990 : (k + 1) * 500))" ] || bad+="page $k: first row: $(head -n 1 <<<"$got")"$'\n'
  fi
  [ "$(tail -n 1 <<<"$got")" = 'done|10|4990|' ] || bad+="page $k: last row: $(tail -n 1 <<<"$got")"$'\n'
  expected=$(for ((i = 0; i < pages; i++)); do echo "$((i * 500)) $((i == k ? 2 : 1))"; done)
  [ "$(offsets)" = "$expected" ] || bad+="page $k: offsets $(offsets | tr '\n' ',')"$'\n'
  bad+=$(wrong)
done
check 'killed at each page, it goes on there and ends in a clean copy' '' "$bad"
check 'each page had its notes' 45 "$noted"

# ---- edits behind a killed run -----------------------------------------------------------
bad=''
for edit in "UPDATE people SET email = 'x' WHERE rowid = 11" "DELETE FROM people WHERE rowid = 11" \
  "UPDATE people SET id = 'x' WHERE rowid = 11" "DELETE FROM people" \
  "UPDATE ortto_seen_people SET notes = zeroblob(length(notes)) WHERE page = 2"; do
  fresh
  control fault "{\"kind\":\"hang\",\"path\":\"/v1/person/get\",\"after\":6,\"times\":-1}"
  background work.db "$sync"
  wait_until work.db "page = 6"
  murder
  control clear '{}'
  sqlite3 -batch work.db "$edit"
  got=$(run work.db "$rows")
  [[ $(tail -n 1 <<<"$got") == 'done|10|4990|'?* ]] || bad+="$edit: $(tail -n 1 <<<"$got")"$'\n'
  bad+=$(wrong | grep -v -e 'the log' -e 'the counts')
done
check 'edited behind a killed run, it compares anew and says so' '' "$bad"

# ---- kill -9 at any moment -----------------------------------------------------------------
export ORTTO_CONCURRENCY=4
bad=''
for mode in delete wal; do
  for ((round = 0; round < 4; round++)); do
    fresh
    sqlite3 -batch work.db "PRAGMA journal_mode=$mode" >mode.out
    control set '{"latency_ms":8}'
    for ((n = 0; n < 30; n++)); do
      background work.db "$sync"
      sleep "0.0$((3 + (n * 7 + round * 3) % 7))"
      kill -0 "$pid" 2>/dev/null || break
      murder
      [ "$(state work.db "state = 'done'")" != 1 ] || break
    done
    control set '{"latency_ms":0}'
    [ "$(state work.db "state = 'done' AND run > 1")" = 1 ] || run work.db "$sync" >again.out
    bad+=$(wrong)
  done
done
check 'killed at any moment, it ends in a clean copy' '' "$bad"
unset ORTTO_CONCURRENCY

# ---- kill -9 in the merge --------------------------------------------------------------------
# A foreign key keeps rows from going: all is fetched by then.
fresh
sqlite3 -batch work.db 'CREATE TABLE child(p REFERENCES people(id)); INSERT INTO child SELECT id FROM people'
check_like 'a foreign key refuses the change' '*FOREIGN KEY*' "$(run work.db "$sync")"
check 'all is fetched, and kept' 'fetched|4990' "$(state work.db 'state, rows')"
sqlite3 -batch work.db 'DROP TABLE child; PRAGMA wal_checkpoint(TRUNCATE)' >drop.out
cp work.db refused.db
control forget '{}'
bad=''
for ((n = 0; n < 40; n++)); do
  rm -f work.db*
  cp refused.db work.db
  background work.db "$sync"
  sleep "0.0$((10 + n))"
  murder
  for table in base clean; do
    same=$(sqlite3 -batch work.db "ATTACH '$table.db' AS other; SELECT count(*) = (SELECT count(*) FROM other.people)
      AND NOT EXISTS (SELECT * FROM people EXCEPT SELECT * FROM other.people) FROM people")
    [ "$same" = 1 ] && break
  done
  [ "$same" = 1 ] || bad+="killed, the table is neither old nor new"$'\n'
  [ "$(state work.db "state = 'done'")" = 1 ] || run work.db "$sync" >again.out
  bad+=$(wrong)
done
check 'killed in the merge, the table is the old one or the new one' '' "$bad"
check 'and nothing is fetched again' '' "$(offsets)"
