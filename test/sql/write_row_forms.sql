-- The forms of writing: merging by what is given, OR ..., RETURNING, tags, accounts, created tables.
-- sandbox: --people 10 --accounts 5 --no-archived
-- env: ORTTO_RATE=0 ORTTO_RETRIES=0
.nullvalue NULL
.print -- INSERT merges: by email, external id or both, by the id alone where it is given.
INSERT INTO ortto_people(email, external_id, city) VALUES('m@t.example', 'm1', 'Oslo');
CREATE TEMP TABLE m AS SELECT id FROM ortto_people WHERE email = 'm@t.example';
INSERT INTO ortto_people(email, first_name) VALUES('m@t.example', 'By email');
INSERT INTO ortto_people(external_id, last_name) VALUES('m1', 'By external id');
INSERT INTO ortto_people(id, postal_code) SELECT id, 'by id' FROM m;
INSERT OR REPLACE INTO ortto_people(email, language) VALUES('m@t.example', 'no');
SELECT p.id = m.id, email, external_id, first_name, last_name, postal_code, city, language FROM ortto_people p, m WHERE email = 'm@t.example' OR external_id = 'm1';
.shell $ROOT/test/sql/requests.sh | grep -oE merge_by.*find
.print -- REPLACE is the same.
REPLACE INTO ortto_people(email, city) VALUES('m@t.example', 'Rome');
SELECT city, first_name FROM ortto_people WHERE email = 'm@t.example';

.print
.print -- RETURNING gives the values given.
INSERT INTO ortto_people(email, city, seats) VALUES('r1@t.example', 'Oslo', 1.0), ('r2@t.example', NULL, 2) RETURNING id, email, city, seats, created, first_name;

.print
.print -- tags: INSERT adds; UPDATE adds what is new and removes what is gone, against those read before delivery.
INSERT INTO ortto_people(email, tags) VALUES('g@t.example', '["a","b"]');
INSERT INTO ortto_people(email, tags) VALUES('g@t.example', '["c"]');
INSERT INTO ortto_people(email, tags) VALUES('g@t.example', '[]');
INSERT INTO ortto_people(email, tags) VALUES('g@t.example', NULL);
SELECT tags FROM ortto_people WHERE email = 'g@t.example';
.shell $ROOT/test/sql/requests.sh >/dev/null
UPDATE ortto_people SET tags = '["b","d"]', city = 'Oslo' WHERE email = 'g@t.example';
.shell $ROOT/test/sql/requests.sh | grep -v '/get {'
SELECT tags, city FROM ortto_people WHERE email = 'g@t.example';
.print -- Twice in one transaction; with the row's own tags; odd names; none.
BEGIN;
UPDATE ortto_people SET tags = '["e"]' WHERE email = 'g@t.example';
UPDATE ortto_people SET tags = '["f", "it''s \"x\"", "é"]' WHERE email = 'g@t.example';
COMMIT;
SELECT tags FROM ortto_people WHERE email = 'g@t.example';
UPDATE ortto_people SET tags = json_insert(tags, '$[#]', 'g') WHERE email = 'g@t.example';
SELECT tags FROM ortto_people WHERE email = 'g@t.example';
UPDATE ortto_people SET tags = tags WHERE email = 'g@t.example';
SELECT tags FROM ortto_people WHERE email = 'g@t.example';
UPDATE ortto_people SET tags = NULL WHERE email = 'g@t.example';
SELECT tags FROM ortto_people WHERE email = 'g@t.example';
UPDATE ortto_people SET tags = '["h"]' WHERE email = 'g@t.example';
UPDATE ortto_people SET tags = '[ ]' WHERE email = 'g@t.example';
SELECT tags FROM ortto_people WHERE email = 'g@t.example';
.print -- What an INSERT of the same transaction adds is not among the tags read before delivery: it stays.
BEGIN;
INSERT INTO ortto_people(email, tags) VALUES('g@t.example', '["i","j"]');
UPDATE ortto_people SET tags = '["j","k"]' WHERE email = 'g@t.example';
COMMIT;
SELECT tags FROM ortto_people WHERE email = 'g@t.example';

.print
.print -- Accounts: INSERT merges by name, UPDATE by id, DELETE archives.
INSERT INTO ortto_accounts(name, website, employees) VALUES('T Corp', 'https://t.example', 7);
INSERT INTO ortto_accounts(name, city) VALUES('T Corp', 'Oslo'), ('U Corp', 'Rome');
.shell $ROOT/test/sql/requests.sh >/dev/null
UPDATE ortto_accounts SET name = 'V Corp', employees = NULL WHERE name = 'T Corp';
SELECT name, website, employees, city FROM ortto_accounts WHERE name GLOB '[TUV] Corp' ORDER BY name;
DELETE FROM ortto_accounts WHERE name = 'U Corp';
SELECT name FROM ortto_accounts WHERE name GLOB '[TUV] Corp';
.shell $ROOT/test/sql/requests.sh | grep -v '/get {'

.print
.print -- Created tables: under field ids, with some fields only, in another schema, with their own settings.
CREATE VIRTUAL TABLE p USING ortto(table=people, columns=ids, write=on);
INSERT INTO p("str::email", "geo::city", "int:cm:rating", tags) VALUES('c@t.example', 'Oslo', 1.5, '["x"]');
UPDATE p SET "str::first" = 'Cy', "str::last" = NULL WHERE "str::email" = 'c@t.example';
SELECT "str::email", "geo::city", "int:cm:rating", "str::first", tags FROM p WHERE "str::email" = 'c@t.example';
CREATE VIRTUAL TABLE temp.few USING ortto(table=people, fields='str::first str::ei');
INSERT INTO few(external_id, first_name) VALUES('few', 'Fay');
UPDATE few SET first_name = 'May' WHERE external_id = 'few';
INSERT INTO few(first_name) VALUES('Nobody');
SELECT * FROM few WHERE external_id = 'few';
CREATE VIRTUAL TABLE everything USING ortto(table=people, fields=all, write=on);
UPDATE everything SET first_name = 'June' WHERE external_id = 'few';
SELECT first_name FROM ortto_people WHERE external_id = 'few';
CREATE VIRTUAL TABLE wrong USING ortto(table=people, concurrency=1, retries=0, write=on);
INSERT INTO wrong(email) VALUES('w@t.example');
DELETE FROM wrong WHERE email IN ('w@t.example', 'c@t.example');
SELECT count(*) FROM p WHERE "str::email" IN ('w@t.example', 'c@t.example');
SELECT count(*) FROM ortto_failures;
