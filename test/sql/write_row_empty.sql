-- Empty texts, as every empty cell of a CSV is one; and which of many rows was refused.
-- sandbox: --people 20 --accounts 5 --no-archived
-- env: ORTTO_RATE=0 ORTTO_RETRIES=0
.nullvalue NULL
CREATE TEMP TABLE one AS SELECT id, email FROM ortto_people LIMIT 1;
INSERT INTO ortto_people(email, external_id, interests, city) VALUES('e@t.example', 'e1', '["Music"]', 'Oslo');
.shell $ROOT/test/sql/requests.sh >/dev/null

.print -- Refused for anything but text, in both forms.
INSERT INTO ortto_people(email, interests) VALUES('e@t.example', '');
INSERT INTO ortto_people(email, city) VALUES('e@t.example', '');
INSERT INTO ortto_people(email, seats) VALUES('e@t.example', '');
INSERT INTO ortto_people(email, is_vip) VALUES('e@t.example', '');
INSERT INTO ortto_people(email, phone_number) VALUES('e@t.example', '');
INSERT INTO ortto_people(email, preferences) VALUES('e@t.example', '');
INSERT INTO ortto_people(email, last_demo) VALUES('e@t.example', '');
INSERT INTO ortto_accounts(name, employees) VALUES('E', '');
UPDATE ortto_people SET city = '' WHERE email = 'e@t.example';
UPDATE ortto_people SET interests = '' WHERE email = 'e@t.example';
.print -- What the message advises.
INSERT INTO ortto_people(email, interests, city) VALUES('e@t.example', NULLIF('', ''), NULLIF('', ''));
SELECT interests, city FROM ortto_people WHERE email = 'e@t.example';

.print
.print -- A key: none given; an UPDATE clears it.
.shell $ROOT/test/sql/requests.sh >/dev/null
INSERT INTO ortto_people(id, email, external_id, first_name) VALUES('', 'f@t.example', '', 'Fay');
INSERT INTO ortto_people(id, email, external_id, first_name) VALUES('', '', 'g1', 'Gus');
INSERT INTO ortto_people(id, email) SELECT id, '' FROM one;
INSERT INTO ortto_people(id, email, external_id, first_name) VALUES('', '', '', 'Nobody');
INSERT INTO ortto_accounts(id, name, website) VALUES('', 'New', 'https://t.example');
INSERT INTO ortto_accounts(id, name, website) VALUES('', '', 'https://t.example');
.shell $ROOT/test/sql/requests.sh
SELECT (SELECT email FROM ortto_people WHERE id = one.id) = email FROM one;
UPDATE ortto_people SET external_id = '' WHERE email = 'e@t.example';
SELECT email, external_id FROM ortto_people WHERE email = 'e@t.example';
UPDATE ortto_people SET email = '' WHERE external_id = 'g1';
UPDATE ortto_accounts SET name = '' WHERE name = 'New';

.print
.print -- .import with an id for none.
.once new.csv
SELECT 'id,email,external_id,first_name' || char(10) || ',i1@t.example,,Ida' || char(10) || ',,i2,Ivo';
CREATE TABLE raw(id, email, external_id, first_name);
.import --csv --skip 1 new.csv raw
INSERT INTO ortto_people(id, email, external_id, first_name) SELECT * FROM raw;
SELECT email, external_id, first_name FROM ortto_people WHERE first_name IN ('Ida', 'Ivo') ORDER BY 3;
.once new.csv
SELECT 'id,email,external_id,first_name' || char(10) || ',i3@t.example,,Ada' || char(10) || ',,i4,Ava';
CREATE VIRTUAL TABLE temp.few USING ortto(table=people, fields='str::email str::ei str::first');
BEGIN;
.import --csv --skip 1 --schema temp new.csv few
COMMIT;
SELECT email, external_id, first_name FROM ortto_people WHERE first_name IN ('Ada', 'Ava') ORDER BY 3;

.print
.print -- The row is told, by what names it; a value is cut at a character's end, and not said twice.
CREATE TABLE leads(id, email, external_id, birthday, city);
INSERT INTO leads VALUES(NULL, 'l1@t.example', NULL, '1990-05-17', NULL), (NULL, NULL, 'l2', '17.05.1990', NULL), ((SELECT id FROM one), NULL, NULL, 'x', NULL), (NULL, NULL, NULL, NULL, 'Kiel');
INSERT INTO ortto_people(email, external_id, birthday) SELECT email, external_id, birthday FROM leads LIMIT 2;
INSERT INTO ortto_people(id, birthday) SELECT id, birthday FROM leads WHERE id IS NOT NULL;
INSERT INTO ortto_people(email, city) SELECT email, city FROM leads WHERE city IS NOT NULL;
UPDATE ortto_people SET birthday = 'x' WHERE id = (SELECT id FROM one);
INSERT INTO ortto_people(email, engagement) VALUES('l1@t.example', 'x' || replace(printf('%.60c', 'x'), 'x', '😀'));
INSERT INTO ortto_people(external_id, birthday) VALUES('x' || replace(printf('%.70c', 'x'), 'x', '😀'), 'x');
INSERT INTO ortto_people(id, city) VALUES('x' || replace(printf('%.60c', 'x'), 'x', '😀'), 'Oslo');
INSERT INTO ortto_people(email, is_vip) VALUES('l1@t.example', 'ja');
INSERT INTO ortto_people(email, interests) VALUES('l1@t.example', '["x' || replace(printf('%.60c', 'x'), 'x', '😀') || '",1]');
-- None of these was sent.
SELECT count(*) FROM ortto_people WHERE email = 'l1@t.example' OR external_id = 'l2';

.print
.print -- Tags of a person who is archived: the row fails, by name; the others arrive.
INSERT INTO ortto_people(email, external_id, tags) VALUES('t1@t.example', 't1', '["a","b"]'), ('t2@t.example', 't2', '["a","b"]'), ('t3@t.example', 't3', NULL);
CREATE TEMP TABLE who AS SELECT id, email FROM ortto_people WHERE email IN ('t1@t.example', 't2@t.example', 't3@t.example');
BEGIN;
UPDATE ortto_people SET tags = '["b","c"]' WHERE id IN (SELECT id FROM who);
DELETE FROM ortto_people WHERE id = (SELECT id FROM who WHERE email = 't1@t.example');
COMMIT;
SELECT email, tags FROM ortto_people WHERE id IN (SELECT id FROM who) ORDER BY email;
BEGIN;
UPDATE ortto_people SET city = 'Oslo' WHERE id = (SELECT id FROM who WHERE email = 't2@t.example');
UPDATE ortto_people SET tags = '["d"]', city = 'Rome' WHERE scope = 'archived' AND id = (SELECT id FROM who WHERE email = 't1@t.example');
UPDATE ortto_people SET tags = '["d"]' WHERE id = (SELECT id FROM who WHERE email = 't3@t.example');
COMMIT;
SELECT operation, id = (SELECT id FROM who WHERE email = 't1@t.example'), status, message FROM ortto_failures;
SELECT email, city, tags FROM ortto_people WHERE id IN (SELECT id FROM who) ORDER BY email;
SELECT email, tags FROM ortto_people WHERE scope = 'archived';
