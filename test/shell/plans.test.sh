#!/usr/bin/env bash
# EXPLAIN QUERY PLAN says in words what is pushed to the server, and planning asks nobody. The tables are ordered
# so that few requests are made: what SQLite can look up here is looked up here.
# sandbox: --people 700 --accounts 30
# env: ORTTO_RATE=0
set -u

# Each check: a statement, and below it one line for each table of its plan, in the order of the loops. Of a virtual
# table the words of the extension are shown, without the part in braces that it writes for itself.
checks=$(cat <<'E2'
-- columns: by name if they are few
SELECT email, first_name FROM ortto_people
  ortto_people: about 2 requests, columns: email, first_name
SELECT email FROM ortto_people WHERE city LIKE 'O%' ORDER BY created
  ortto_people: about 2 requests, columns: email, created, city
SELECT * FROM ortto_people
  ortto_people: about 2 requests, columns: 67 of 67
SELECT name FROM ortto_accounts
  ortto_accounts: about 1 request, columns: name

-- keys
SELECT email FROM ortto_people WHERE id = 'x'
  ortto_people: id by get-by-ids, columns: id, email
SELECT email FROM ortto_people WHERE id IN ('x', 'y')
  ortto_people: list of ids by get-by-ids, columns: id, email
SELECT email FROM ortto_people WHERE id = 'x' OR id = 'y'
  ortto_people: list of ids by get-by-ids, columns: id, email
SELECT email FROM ortto_people WHERE id = 'x' AND email = 'y' AND city IS NULL
  ortto_people: id by get-by-ids, columns: id, email, city
SELECT name FROM ortto_accounts WHERE id = 'x'
  ortto_accounts: id by get-by-ids, columns: id, name

-- filters
SELECT id FROM ortto_people WHERE email = 'x'
  ortto_people: filter: email = value, columns: id, email
SELECT id FROM ortto_people WHERE email IS 'x'
  ortto_people: filter: email = value, columns: id, email
SELECT id FROM ortto_people WHERE email IN ('x', 'y')
  ortto_people: filter: email IN list (if none is ''), columns: id, email
SELECT id FROM ortto_people WHERE email = 'x' OR email = 'y'
  ortto_people: filter: email IN list (if none is ''), columns: id, email
SELECT id FROM ortto_people WHERE first_name IS NULL AND last_name IS NOT NULL
  ortto_people: filter: first_name IS NULL, filter: last_name IS NOT NULL, columns: id, first_name, last_name
SELECT id FROM ortto_people WHERE first_name = 'x' AND last_name = 'y'
  ortto_people: filter: first_name = value, filter: last_name = value, columns: id, first_name, last_name
SELECT id FROM ortto_people WHERE first_name = 'x' OR last_name = 'y'
  ortto_people: filter: first_name = value, columns: id, first_name, last_name
  ortto_people: filter: last_name = value, columns: id, first_name, last_name

-- nothing is said where nothing is pushed
SELECT id FROM ortto_people WHERE email = 'x' COLLATE NOCASE
  ortto_people: read once, looked up by email, about 2 requests, columns: id, email
SELECT id FROM ortto_people WHERE email LIKE 'x%'
  ortto_people: about 2 requests, columns: id, email
SELECT id FROM ortto_people WHERE notes IS NULL
  ortto_people: about 2 requests, columns: 10 of 67
SELECT id FROM ortto_people WHERE city = 'Oslo'
  ortto_people: about 2 requests, columns: id, city
SELECT id FROM ortto_people WHERE seats > 5
  ortto_people: about 2 requests, columns: id, seats

-- hidden columns
SELECT id FROM ortto_people WHERE q = 'x'
  ortto_people: q given, columns: id
SELECT id FROM ortto_people WHERE filter = '{}' AND audience = 'x' AND sort = 'email' AND email = 'y'
  ortto_people: filter given, audience given, sort given, filter: email = value, columns: id, email
SELECT id FROM ortto_people WHERE scope = 'archived' AND email = 'y'
  ortto_people: scope given, columns: id, email
SELECT id FROM ortto_people WHERE q = 'x' AND id = 'y'
  ortto_people: q given, columns: id
SELECT id FROM ortto_people WHERE audience IN ('x', 'y') AND email = 'z'
  ortto_people: audience IN list, filter: email = value, columns: id, email
SELECT id FROM ortto_people WHERE audience = 'x' OR audience = 'y'
  ortto_people: audience IN list, columns: id
SELECT p.id FROM leads l JOIN ortto_people p ON p.audience = l.email
  l
  p: audience given, columns: id
SELECT p.id FROM ortto_people p JOIN leads l ON p.audience = l.email
  l
  p: audience given, columns: id
SELECT city FROM ortto_people WHERE "_rowid_" = 'x'
  ortto_people: id by get-by-ids, columns: 10 of 67

-- counting and LIMIT
SELECT count(*) FROM ortto_people
  ortto_people: no columns: counted in one request
SELECT count(*) FROM ortto_people WHERE email = 'x'
  ortto_people: filter: email = value, columns: email
SELECT email FROM ortto_people LIMIT 10
  ortto_people: page sized by LIMIT, columns: email
SELECT email FROM ortto_people LIMIT 10 OFFSET 20
  ortto_people: page sized by LIMIT, and OFFSET, columns: email
SELECT email FROM ortto_people WHERE email = 'x' LIMIT 10
  ortto_people: filter: email = value, columns: email
SELECT email FROM ortto_people ORDER BY email LIMIT 10
  ortto_people: about 2 requests, columns: email

-- the activity feed
SELECT text FROM ortto_activities WHERE person_id = 'x'
  ortto_activities: the person's feed, 40 a second, columns: person_id, text
SELECT text FROM ortto_activities WHERE person_id IN ('x', 'y')
  ortto_activities: a list of people, one feed after the other, columns: person_id, text

-- joins on the id: two calls are two lookups
SELECT p.email FROM calls c JOIN ortto_people p ON p.id = c.person_id
  c
  p: looked up by id, at most 5 requests, columns: id, email
SELECT p.email FROM ortto_people p JOIN calls c ON p.id = c.person_id
  c
  p: looked up by id, at most 5 requests, columns: id, email
SELECT p.email FROM calls c LEFT JOIN ortto_people p ON p.id = c.person_id
  c
  p: looked up by id, at most 5 requests, columns: id, email

-- joins on something else: the people are read once, and the leads are looked up here
SELECT p.email FROM leads l JOIN ortto_people p ON p.last_name = l.email
  p: about 2 requests, columns: email, last_name
  l
SELECT p.email FROM leads l JOIN ortto_people p ON p.city = l.city
  p: about 2 requests, columns: email, city
  l
SELECT p.email, l.city FROM ortto_people p LEFT JOIN leads l ON l.email = p.email
  p: about 2 requests, columns: email
  l

-- people, and the account of each by its id; not all people for each account
SELECT p.email, a.name FROM ortto_people p JOIN ortto_accounts a ON a.id = p.account_id
  p: about 2 requests, columns: email, account_id
  a: looked up by id, at most 3 requests, columns: id, name
SELECT p.email, a.name FROM ortto_accounts a JOIN ortto_people p ON a.id = p.account_id
  p: about 2 requests, columns: email, account_id
  a: looked up by id, at most 3 requests, columns: id, name
SELECT t.text FROM calls c JOIN ortto_people p ON p.id = c.person_id JOIN ortto_activities t ON t.person_id = p.id
  c
  p: looked up by id, at most 5 requests, columns: id
  t: the person's feed, 40 a second, columns: person_id, text
SELECT p.email FROM ortto_people p WHERE EXISTS (SELECT 1 FROM ortto_accounts a WHERE a.id = p.account_id)
  p: about 2 requests, columns: email, account_id
  a: looked up by id, at most 3 requests, columns: id
E2
)

cat >setup.sql <<'E2'
.load ./ortto
SELECT count(*) FROM ortto_people;
SELECT count(*) FROM ortto_accounts;
CREATE TEMP TABLE calls(person_id TEXT, note TEXT);
CREATE TEMP TABLE leads(email TEXT, city TEXT);
INSERT INTO calls VALUES('006800000000000000000100', 'a'), ('006800000000000000000200', 'b');
WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 200)
  INSERT INTO leads SELECT 'lead' || i || '@example.com', 'Oslo' FROM n;
ANALYZE temp;
.shell curl -s -X POST "$ORTTO_API_URL/sandbox/forget" >/dev/null
E2

# All plans in one run of the shell; the lines of each are brought into the form above.
statements() { grep -E '^SELECT ' <<<"$checks"; }
{ cat setup.sql
  statements | while IFS= read -r sql; do
    printf '.print plan of %s\nEXPLAIN QUERY PLAN %s;\n' "$(tr "'\"" '__' <<<"$sql")" "$sql"
  done
} >plans.sql
$SQLITE3 -batch :memory: <plans.sql 2>&1 |
  sed -E -n '/^plan of /p; /rror/p
    s/^[ |`-]*(SCAN|SEARCH|EXISTS|SCAN EXISTS) ([^ ]+) (EXISTS )?VIRTUAL TABLE INDEX [^:]*:(.*) \{[^}]*\}.*/  \2: \4/p
    s/^[ |`-]*(SCAN|SEARCH) ([^ ]+)( USING .*)?$/  \2/p' >got

# From 3.47 on SQLite announces the key as used whether it is read or not.
announces_key() { [ "$($SQLITE3 :memory: "SELECT sqlite_version() >= '3.47'")" = 1 ]; }
without_key() {
  sed -E 's/columns: id, /columns: /; s/no columns: counted in one request$/at most 2 requests, columns: id/
    s/no columns$/columns: id/; s/[0-9]+ of/N of/'
}
if announces_key; then plain=without_key; else plain='cat'; fi

number=0
while IFS= read -r sql; do
  number=$((number + 1))
  want=$(awk -v sql="$sql" '$0 == sql { on = 1; next } !/^  / { on = 0 } on' <<<"$checks" | $plain)
  have=$(awk -v n=$number '/^plan of / { i++; next } i == n' got | $plain)
  if [ "$want" = "$have" ]; then
    echo "ok plan: $sql"
  else
    printf 'expected:\n%s\ngot:\n%s\nnot ok plan: %s\n' "$want" "$have" "$sql"
  fi
done < <(statements)

asked=$(curl -s "$ORTTO_API_URL/sandbox/count" | tr -dc 0-9)
if [ "$asked" = 0 ]; then echo 'ok planning asks nobody'; else echo "not ok planning asks nobody ($asked requests)"; fi
