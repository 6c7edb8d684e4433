-- What the functions with side effects may not do, and how they count: never out of a view, trigger, index or the like;
-- once for each row; a ROLLBACK does not undo them; a key is needed.
-- env: ORTTO_RATE=0 ORTTO_RETRIES=0 ORTTO_API_KEY=
SELECT ortto_upsert('{"user_id":"a"}');
SELECT ortto_track('[{"user_id":"a","event":"e"}]');
SELECT ortto_upsert('[{"user_id":"a"}]', '{"to":"segment"}');
SELECT ortto_config('key', 'sandbox-key');

CREATE VIEW bad AS SELECT ortto_upsert('{"user_id":"view"}');
SELECT * FROM bad;
CREATE VIEW worse AS SELECT ortto_track('{"user_id":"view","event":"Song Played"}');
SELECT * FROM worse;
CREATE TABLE t(a);
CREATE TRIGGER tr AFTER INSERT ON t BEGIN SELECT ortto_upsert('{"user_id":"trigger"}'); END;
INSERT INTO t VALUES (1);
DROP TRIGGER tr;
.shell $ROOT/test/sql/requests.sh count

-- A call acts once in a run of its statement with the same arguments, and once for each row with others.
INSERT INTO t VALUES (2), (3), (4);
SELECT ortto_upsert('{"user_id":"row"}')->>'result' FROM t;
.shell $ROOT/test/sql/requests.sh count
SELECT ortto_upsert(json_object('user_id', 'row ' || a))->>'result' FROM t;
.shell $ROOT/test/sql/requests.sh count
-- However often SQLite evaluates it: flattened, in a join, in an order.
WITH s AS (SELECT ortto_upsert(json_object('user_id', 'flat ' || a)) AS r FROM t)
  SELECT r->>'status', r->>'result', length(r->>'person_id') FROM s ORDER BY r->>'person_id';
SELECT count(*) FROM t LEFT JOIN json_each(ortto_upsert('[{"user_id":"joined 1"},{"user_id":"joined 2"}]'));
.shell $ROOT/test/sql/requests.sh count

-- They send at once.
BEGIN;
SELECT ortto_upsert('{"user_id":"rolled back"}')->>'result';
ROLLBACK;
SELECT count(*) FROM ortto_people WHERE external_id = 'rolled back';
-- In a TEMP view, and from within a writing statement, they may be used.
CREATE TEMP VIEW good AS SELECT ortto_upsert('{"user_id":"temp view"}')->>'result' AS result;
SELECT result FROM good;
INSERT INTO t SELECT ortto_upsert('{"user_id":"insert"}')->>'result';
SELECT a FROM t WHERE typeof(a) = 'text';

-- From a table, a row per outcome, as the README shows it.
CREATE TABLE leads(email, city);
INSERT INTO leads VALUES ('a@example.com', 'Oslo'), ('b@example.com', NULL), ('no address', 'Bergen'), (NULL, 'Bergen');
SELECT value->>'status', value->>'errormessage', value->'sent'
  FROM json_each(ortto_upsert((SELECT json_group_array(json_object('fields', json_object('email', email, 'city', city))) FROM leads)));

-- The log has the requests, with the number of records that were answered.
SELECT method, path, status, rows FROM ortto_log WHERE path LIKE '%merge' ORDER BY rowid DESC LIMIT 1;
