-- The setting write, created tables that are for reading, and the brakes of a COMMIT.
-- sandbox: --people 20 --accounts 5 --no-archived
-- env: ORTTO_RATE=0 ORTTO_RETRIES=0
SELECT ortto_config('write'), ortto_config('max_updates'), typeof(ortto_config('max_updates')), ortto_config('max_deletes');
SELECT ortto_config('write', 'OFF'), ortto_config('write', NULL), ortto_config('max_updates', 7), ortto_config('max_updates', NULL);
SELECT ortto_config('write', 'no');
SELECT ortto_config('max_updates', -1);
CREATE VIRTUAL TABLE x USING ortto(table=people, max_updates=5);
CREATE VIRTUAL TABLE x USING ortto(table=people, write=maybe);

.print
.print -- A created table takes no writes outside temp, not even in memory, unless it says write=on.
ATTACH ':memory:' AS other;
CREATE VIRTUAL TABLE p USING ortto(table=people);
CREATE VIRTUAL TABLE other.q USING ortto(table=people);
CREATE VIRTUAL TABLE a USING ortto(table=accounts);
CREATE VIRTUAL TABLE temp.t USING ortto(table=people);
CREATE VIRTUAL TABLE temp.off USING ortto(table=people, write=off);
CREATE VIRTUAL TABLE on_ USING ortto(table=people, write=On);
.shell $ROOT/test/sql/requests.sh >/dev/null
INSERT INTO p(email, city) VALUES('p@t.example', 'Oslo');
INSERT OR IGNORE INTO p(email, city) VALUES('p@t.example', 'Oslo');
UPDATE p SET city = 'Oslo' WHERE id = (SELECT min(id) FROM ortto_people);
DELETE FROM p WHERE id = (SELECT min(id) FROM ortto_people);
INSERT INTO other.q(email) VALUES('q@t.example');
INSERT INTO a(name) VALUES('T');
INSERT INTO off(email) VALUES('off@t.example');
-- A grid editor's statement: whatever it compares, nobody is overwritten.
UPDATE "main"."p" SET "city" = 'Oslo' WHERE "id" = "id";
SELECT count(*) FROM ortto_log WHERE path LIKE '%merge' OR path LIKE '%archive';
INSERT INTO t(email) VALUES('t@t.example');
INSERT INTO on_(email) VALUES('on@t.example');
INSERT INTO ortto_people(email) VALUES('always@t.example');
SELECT email FROM ortto_people WHERE email LIKE '%@t.example' ORDER BY 1;

.print -- Nor does a function write through a table made with write=off; without that argument it does.
.shell $ROOT/test/sql/requests.sh >/dev/null
SELECT ortto_upsert('[{"user_id":"via"}]', '{"via":"off"}');
SELECT ortto_track('[{"user_id":"via","event":"Flight Booked"}]', '{"via":"temp.off"}');
.shell $ROOT/test/sql/requests.sh
SELECT ortto_upsert('{"user_id":"via"}', '{"via":"p"}')->>'status', ortto_upsert('{"user_id":"via2"}', '{"via":"on_"}')->>'status';

.print
.print -- A restored dump writes nothing.
BEGIN;
INSERT INTO p SELECT * FROM ortto_people LIMIT 3;
COMMIT;
SELECT count(*) FROM ortto_log WHERE path LIKE '%archive';

.print
.print -- write=off: nothing is sent, and rows that are held fail at COMMIT.
.shell $ROOT/test/sql/requests.sh >/dev/null
SELECT ortto_config('write', 'off');
INSERT INTO ortto_people(email) VALUES('x@t.example');
UPDATE on_ SET city = 'Oslo';
DELETE FROM ortto_accounts;
INSERT INTO t(email) VALUES('x@t.example');
SELECT ortto_upsert('{"fields":{"email":"x@t.example"}}');
SELECT ortto_upsert('[]');
SELECT ortto_track('{"activity":"act:cm:x","fields":{"email":"x@t.example"}}');
SELECT ortto_config('write', 'on');
CREATE TABLE local(a);
BEGIN;
INSERT INTO local VALUES(1);
INSERT INTO ortto_people(email) VALUES('x@t.example');
SELECT ortto_config('write', 'off');
COMMIT;
SELECT count(*) FROM local;
SELECT count(*) FROM ortto_failures;
SELECT ortto_sync('ortto_accounts', 'accounts') ->> 'state';
DELETE FROM ortto_failures;
SELECT count(*) FROM ortto_log WHERE path LIKE '%archive';
SELECT ortto_config('write', NULL);
SELECT ortto_upsert('{"fields":{"email":"x@t.example"}}') ->> 'status';

.print
.print -- Brakes: the default, and across statements.
SELECT ortto_config('max_updates', 2), ortto_config('max_deletes', 1);
BEGIN;
UPDATE ortto_people SET city = 'Oslo' WHERE id IN (SELECT id FROM ortto_people ORDER BY id LIMIT 2);
UPDATE t SET city = 'Oslo' WHERE id IN (SELECT id FROM ortto_people ORDER BY id LIMIT 1);
COMMIT;
BEGIN;
DELETE FROM ortto_people WHERE id IN (SELECT id FROM ortto_people ORDER BY id LIMIT 1);
DELETE FROM ortto_accounts WHERE id IN (SELECT id FROM ortto_accounts ORDER BY id LIMIT 1);
COMMIT;
SELECT count(*) FROM ortto_failures;
SELECT count(*) FROM ortto_log WHERE path LIKE '%archive';
