-- What a write leaves alone: last_insert_rowid(), an external id that an empty cell does not name; and a table's word in the wrong place.
-- env: ORTTO_RATE=0 ORTTO_RETRIES=0
CREATE TABLE own(a INTEGER PRIMARY KEY);
INSERT INTO own VALUES(701);
BEGIN;
INSERT INTO ortto_people(email) VALUES('lr@t.example');
SELECT last_insert_rowid();
UPDATE ortto_people SET city = 'Oslo' WHERE email = 'lr@t.example';
SELECT last_insert_rowid();
ROLLBACK;
.print -- An empty external id or email is none: nothing of it is sent, and what was there stays. NULL takes it away.
SELECT ortto_upsert('{"fields":{"email":"ei@t.example","external_id":"e1"}}') ->> 'status';
SELECT ortto_upsert('{"fields":{"email":"ei@t.example","external_id":"","city":"Oslo"}}') -> 'sent';
SELECT ortto_upsert('{"traits":{"email":"ei@t.example","external_id":""}}') -> 'sent';
SELECT ortto_upsert('{"traits":{"email":"","user_id":"e1","city":"Bern"}}') -> 'sent';
SELECT ortto_upsert('{"fields":{"email":"","external_id":""}}') ->> 'errormessage';
SELECT external_id, city FROM ortto_people WHERE email = 'ei@t.example';
SELECT ortto_upsert('{"fields":{"email":"ei@t.example","external_id":null}}') ->> 'status';
SELECT count(external_id) FROM ortto_people WHERE email = 'ei@t.example';
.print -- The table without its name.
CREATE VIRTUAL TABLE temp.p USING ortto(people);
.print -- A form of a key with nothing behind it; a scope in other letters.
SELECT ortto_config('key', 'env:');
SELECT ortto_config('key', 'file:');
SELECT count(*) FROM ortto_people WHERE scope = 'Archived';
