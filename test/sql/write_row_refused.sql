-- What cannot be right is refused at the statement, with the column and the value; nothing is sent.
-- sandbox: --people 10 --accounts 3 --no-archived
-- env: ORTTO_RATE=0 ORTTO_RETRIES=0
CREATE TEMP TABLE one AS SELECT id FROM ortto_people LIMIT 1;
.shell $ROOT/test/sql/requests.sh >/dev/null
.print -- Text, dates, times, numbers, booleans, phones, places, lists, objects.
INSERT INTO ortto_people(email, first_name) VALUES('a@t.example', printf('%.256c', 'x'));
INSERT INTO ortto_people(email, notes) VALUES('a@t.example', printf('%.4001c', 'x'));
INSERT INTO ortto_people(email, first_name) VALUES('a@t.example', replace(printf('%.256c', 'x'), 'x', '€'));
INSERT INTO ortto_people(email, first_name) VALUES('a@t.example', CAST(x'ff41' AS TEXT));
INSERT INTO ortto_people(email, first_name) VALUES('a@t.example', x'61');
INSERT INTO ortto_people(email, birthday) VALUES('a@t.example', '2023-02-29');
INSERT INTO ortto_people(email, birthday) VALUES('a@t.example', '17.05.1990');
INSERT INTO ortto_people(email, birthday) VALUES('a@t.example', 1990);
INSERT INTO ortto_people(email, birthday) VALUES('a@t.example', '');
INSERT INTO ortto_people(email, last_demo) VALUES('a@t.example', '2025-11-04T25:00:00Z');
INSERT INTO ortto_people(email, seats) VALUES('a@t.example', 'many');
INSERT INTO ortto_people(email, seats) VALUES('a@t.example', 1.5);
INSERT INTO ortto_people(email, seats) VALUES('a@t.example', 9.3e18);
INSERT INTO ortto_people(email, rating) VALUES('a@t.example', 'good');
INSERT INTO ortto_people(email, rating) VALUES('a@t.example', 1e17);
INSERT INTO ortto_people(email, rating) VALUES('a@t.example', 9e999);
INSERT INTO ortto_people(email, is_vip) VALUES('a@t.example', 2);
INSERT INTO ortto_people(email, is_vip) VALUES('a@t.example', 'yes');
INSERT INTO ortto_people(email, phone_number) VALUES('a@t.example', '0401234567');
INSERT INTO ortto_people(email, city) VALUES('a@t.example', 7);
INSERT INTO ortto_people(email, interests) VALUES('a@t.example', '["a",1]');
INSERT INTO ortto_people(email, interests) VALUES('a@t.example', 7);
INSERT INTO ortto_people(email, preferences) VALUES('a@t.example', '[1]');
INSERT INTO ortto_people(email, preferences) VALUES('a@t.example', json_object('a', printf('%.15000c', 'x')));
INSERT INTO ortto_people(email, tags) VALUES('a@t.example', 'vip');
INSERT INTO ortto_people(email, tags) VALUES('a@t.example', '[""]');
INSERT INTO ortto_people(email, tags) VALUES('a@t.example', '{"a":1}');
.print -- The same by UPDATE.
UPDATE ortto_people SET first_name = printf('%.256c', 'x') WHERE id = (SELECT id FROM one);
UPDATE ortto_people SET birthday = '2023-02-29' WHERE id = (SELECT id FROM one);
UPDATE ortto_people SET seats = 'many' WHERE id = (SELECT id FROM one);
UPDATE ortto_people SET tags = 'vip' WHERE id = (SELECT id FROM one);
UPDATE ortto_people SET tags = '' WHERE id = (SELECT id FROM one);

.print
.print -- Read-only columns: refused, unless an INSERT gives NULL.
INSERT INTO ortto_people(email, created) VALUES('a@t.example', '2020-01-01T00:00:00Z');
INSERT INTO ortto_people(email, tag_ids) VALUES('a@t.example', '[1]');
INSERT INTO ortto_people(email, account_id) VALUES('a@t.example', '00');
INSERT INTO ortto_people(email, q) VALUES('a@t.example', 'text');
UPDATE ortto_people SET created = NULL WHERE id = (SELECT id FROM one);
UPDATE ortto_people SET engagement = 5 WHERE id = (SELECT id FROM one);
UPDATE ortto_people SET scope = 'archived' WHERE id = (SELECT id FROM one);
INSERT INTO ortto_accounts(name, tag_ids) VALUES('t', '[1]');
INSERT INTO ortto_audiences(name) VALUES('t');
UPDATE ortto_tags SET name = 't';
DELETE FROM ortto_fields;

.print
.print -- Who is meant: an email, an external id or an id; an account by name or id.
INSERT INTO ortto_people(first_name) VALUES('Nobody');
INSERT INTO ortto_people(email, external_id) VALUES('', '');
INSERT INTO ortto_people(id, first_name) VALUES('12', 'x');
INSERT INTO ortto_accounts(website) VALUES('https://t.example');
INSERT INTO ortto_people DEFAULT VALUES;

.print
.print -- The key does not change.
UPDATE ortto_people SET id = '00690000000000000000ab00' WHERE id = (SELECT id FROM one);
UPDATE ortto_people SET id = NULL WHERE id = (SELECT id FROM one);

.print
.print -- What SQLite does not offer for virtual tables, or cannot tell us.
INSERT INTO ortto_people(email) VALUES('a@t.example') ON CONFLICT DO NOTHING;
INSERT INTO ortto_people(email, city) VALUES('a@t.example', 'Oslo') ON CONFLICT(id) DO UPDATE SET city = excluded.city;
UPDATE ortto_people SET city = 'Oslo' WHERE id = (SELECT id FROM one) RETURNING id;
DELETE FROM ortto_people WHERE id = (SELECT id FROM one) RETURNING id;
CREATE TABLE moves(id, city);
INSERT INTO moves SELECT id, 'Oslo' FROM one;
CREATE TEMP TRIGGER forward AFTER INSERT ON moves BEGIN INSERT INTO ortto_people(id, city) VALUES(new.id, new.city); END;
INSERT INTO moves VALUES('x', 'y');
DROP TRIGGER temp.forward;

.print
.print -- Nothing of all that was sent, or noted as a failure.
SELECT count(*) FROM ortto_log WHERE path LIKE '%merge' OR path LIKE '%archive';
SELECT count(*) FROM ortto_failures;
.print -- What the messages advise works.
UPDATE ortto_people SET city = (SELECT city FROM moves WHERE moves.id = ortto_people.id) WHERE id IN (SELECT id FROM moves);
SELECT city FROM ortto_people WHERE id = (SELECT id FROM one);
INSERT INTO ortto_people(email, created, city) VALUES('a@t.example', NULL, 'Oslo');
SELECT email, city FROM ortto_people WHERE email = 'a@t.example';

.print
.print -- The value is named too, its beginning, whatever it is; what is no text, in hexadecimal digits.
INSERT INTO ortto_people(email, notes) VALUES('a@t.example', '{"' || replace(printf('%.4001c', 'x'), 'x', '€'));
INSERT INTO ortto_people(email, first_name) VALUES('a@t.example', zeroblob(30));
INSERT INTO ortto_people(email, created) VALUES('a@t.example', x'ff00');
INSERT INTO ortto_people(email, created) VALUES(CAST(x'ff41' AS TEXT), 'x');
INSERT INTO ortto_people(id, first_name) VALUES(x'fe', 'x');
INSERT INTO ortto_people(id, first_name) VALUES(CAST(x'fe' AS TEXT), 'x');

.print
.print -- A value is named too that looks like a part of the reason.
INSERT INTO ortto_people(email, last_demo) VALUES('a@t.example', 2025);
INSERT INTO ortto_people(email, last_demo) VALUES('a@t.example', 0);
INSERT INTO ortto_people(email, is_vip) VALUES('a@t.example', 'too long');
