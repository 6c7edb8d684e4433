-- Joins: what was fetched by id is remembered within the statement, and a large ortto table is read once.
-- sandbox: --people 700 --accounts 30
-- env: ORTTO_RATE=0 ORTTO_CONCURRENCY=1
.bail on
CREATE TEMP TABLE people AS SELECT * FROM ortto_people;
CREATE TEMP TABLE accounts AS SELECT * FROM ortto_accounts;
CREATE TEMP TABLE calls(n INTEGER PRIMARY KEY, person_id TEXT, note TEXT);
INSERT INTO calls(person_id, note) SELECT p.id, 'call ' || c.n FROM (SELECT 1 AS n UNION ALL SELECT 2 UNION ALL SELECT 3) c,
  (SELECT id FROM people ORDER BY id LIMIT 4) p;
INSERT INTO calls(person_id, note) VALUES('nobody', 'wrong number'), (NULL, 'no number'), ('0000000000000000000000ff', 'gone');
ANALYZE temp;
.shell $ROOT/test/sql/requests.sh count
.echo on

-- 15 calls to four people and one unknown: each id is asked for once in the statement
SELECT count(*), count(DISTINCT p.id) FROM calls c JOIN ortto_people p ON p.id = c.person_id;
.shell $ROOT/test/sql/requests.sh
SELECT count(*), count(p.id), count(p.email) > 0 FROM calls c LEFT JOIN ortto_people p ON p.id = c.person_id;
.shell $ROOT/test/sql/requests.sh count

-- the next statement sees what the server has then
SELECT count(*) FROM calls c JOIN ortto_people p ON p.id = c.person_id;
.shell $ROOT/test/sql/requests.sh count

-- people and their accounts: 700 people in two pages, and each account once
SELECT count(*) = (SELECT count(*) FROM people p JOIN accounts a ON a.id = p.account_id)
  FROM ortto_people p JOIN ortto_accounts a ON a.id = p.account_id;
.shell $ROOT/test/sql/requests.sh count

-- a local table of which SQLite knows nothing is taken for a large one: then the people are read once
CREATE TEMP TABLE unknown AS SELECT person_id FROM calls;
SELECT count(*) FROM unknown u JOIN ortto_people p ON p.id = u.person_id;
.shell $ROOT/test/sql/requests.sh count

-- joined on something else with a local table, the ortto table is read once and SQLite looks up the rest
CREATE TEMP TABLE leads AS SELECT email, 'lead' AS kind FROM people WHERE email IS NOT NULL ORDER BY id LIMIT 200;
ANALYZE temp;
SELECT count(*) FROM leads l JOIN ortto_people p ON p.last_name = l.email;
.shell $ROOT/test/sql/requests.sh count
SELECT count(*) FROM leads l JOIN ortto_people p ON p.city = l.kind;
.shell $ROOT/test/sql/requests.sh count
SELECT count(*) FROM ortto_people p LEFT JOIN leads l ON l.email = p.email;
.shell $ROOT/test/sql/requests.sh count

-- an IN over a local table is one question
SELECT count(*) FROM ortto_people WHERE id IN (SELECT person_id FROM calls);
.shell $ROOT/test/sql/requests.sh
SELECT count(*) = (SELECT count(DISTINCT p.id) FROM people p WHERE email IN (SELECT email FROM leads)) FROM ortto_people WHERE email IN (SELECT email FROM leads);
.shell $ROOT/test/sql/requests.sh count
