# examples/nightly-send.sh sends what waits in outbox: silently if all goes well; what is refused is kept with its reason,
# what was not sent waits for the next night.
# sandbox: --people 20 --no-archived
# env: ORTTO_RATE=0 ORTTO_RETRIES=0 ORTTO_CONCURRENCY=1
# shellcheck shell=bash

is() {   # is NAME GOT EXPECTED
  if [ "$2" = "$3" ]; then echo "ok $1"; else printf 'got:      %s\nexpected: %s\nnot ok %s\n' "$2" "$3" "$1"; fi
}
control() { curl -s -X POST -d "${2:-}" "$ORTTO_API_URL/sandbox/$1" >/dev/null; }
sql() { sqlite3 -batch -init /dev/null crm.db "$@"; }
night() { ORTTO_EXTENSION=$PWD/ortto "$ROOT/examples/nightly-send.sh" crm.db 2>&1; echo "status $?"; }
tables() { sql "SELECT (SELECT count(*) FROM outbox) || ' waiting, ' || (SELECT count(*) FROM outbox_failed) || ' failed'"; }
people() { curl -s "$ORTTO_API_URL/sandbox/people/count" | jq .active; }

is 'an empty outbox: nothing to do, nothing to say' "$(night)" 'status 0'
sql "INSERT INTO outbox(email, city) SELECT 'n' || value || '@example.com', 'Oslo' FROM generate_series(1, 250)"
is 'all are taken, silently' "$(night)" 'status 0'
is 'and gone from outbox' "$(tables), $(people) people" '0 waiting, 0 failed, 270 people'

sql "INSERT INTO outbox(email, first_name) VALUES ('n1@example.com', 'Ann'), ('no address', 'Bob'), (NULL, 'Nobody'), ('n2@example.com', printf('%.*c', 300, 'x'))" \
  "INSERT INTO outbox(first_name) VALUES (printf('%.*c', 256, 'y'))"
is 'refusals are told' "$(night)" 'nightly-send: 1 of 5 contacts were taken, 4 refused (see outbox_failed), 0 wait in outbox: failed to validate field str::email in schema: str::email: Invalid value
status 1'
is 'and kept with their reasons' "$(sql "SELECT status, message, json_extract(record, '\$.fields.email') FROM outbox_failed ORDER BY rowid")" \
  '400|failed to validate field str::email in schema: str::email: Invalid value|no address
400|ortto: nobody is named: give an email, a user_id (external id) or an id|
400|ortto: the field first_name is too long: 300 characters, where Ortto takes 255|n2@example.com
400|ortto: nobody is named: give an email, a user_id (external id) or an id; ortto: the field first_name is too long: 256 characters, where Ortto takes 255|'
is 'the good one arrived' "$(tables), $(curl -s "$ORTTO_API_URL/sandbox/person?email=n1@example.com" | jq -r '.fields["str::first"]')" '0 waiting, 4 failed, Ann'

# A bad night: the second of three requests fails.
sql "DELETE FROM outbox_failed" "INSERT INTO outbox(email) SELECT 'b' || value || '@example.com' FROM generate_series(1, 250)"
control fault '{"kind":"status","status":503,"path":"/v1/person/merge","after":1}'
is 'a bad night is told' "$(night | sed 's/: ortto: .*503.*/: 503/; s/: ortto: not sent.*/: not sent/')" 'nightly-send: 100 of 250 contacts were taken, 0 refused (see outbox_failed), 150 wait in outbox: 503
status 1'
is 'what was not taken waits' "$(tables)" '150 waiting, 0 failed'
is 'the next night sends it' "$(night) $(tables)" 'status 0 0 waiting, 0 failed'

# A key that is refused loses nothing.
sql "INSERT INTO outbox(email) VALUES ('k@example.com')"
is 'a refused key' "$(ORTTO_API_KEY=wrong night | sed 's/: ortto.*//')" 'nightly-send: 0 of 1 contacts were taken, 0 refused (see outbox_failed), 1 wait in outbox
status 1'
is 'the contact waits' "$(tables)" '1 waiting, 0 failed'

# While it sends others may write, also to the rows that are being sent: a changed row stays for the next night.
control fault '{"kind":"latency","ms":1000,"path":"/v1/person/merge"}'
control forget
night >said &
for _ in $(seq 200); do [ "$(curl -s "$ORTTO_API_URL/sandbox/count?path=/v1/person/merge" | tr -dc 0-9)" = 0 ] || break; sleep 0.02; done
is 'others may write meanwhile' "$(sql "UPDATE outbox SET city = 'Bergen'; INSERT INTO outbox(email) VALUES ('late@example.com'); SELECT changes();" 2>&1)" 1
is 'a second run is refused meanwhile' "$(command -v flock >/dev/null && night || printf 'nightly-send: another run for crm.db is still sending\nstatus 1\n')" 'nightly-send: another run for crm.db is still sending
status 1'
wait
is 'what changed meanwhile waits' "$(cat said) $(sql 'SELECT email, city FROM outbox' | xargs)" 'status 0 k@example.com|Bergen late@example.com|'
is 'until the next night' "$(night) $(tables)" 'status 0 0 waiting, 0 failed'

is 'without a key' "$(ORTTO_API_KEY='' night)" 'nightly-send: ORTTO_API_KEY is not set (a key, or file:PATH of a file that holds one)
status 1'
