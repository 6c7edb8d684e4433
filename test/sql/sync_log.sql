-- ortto_sync with "log": what it changed stands in TARGET_log, written with the change; refused where that is another table.
-- sandbox: --people 600 --no-archived --accounts 12 --custom 2 --account-custom 1 --tags 5 --audiences 3
-- env: ORTTO_RATE=0
CREATE VIRTUAL TABLE temp.source USING ortto(table=people, fields='str::email str::first str::last geo::city bol::gdpr dtz::b');

-- A first copy is not logged; the table is there.
SELECT ortto_sync('source', 'people', '{"mode":"full","log":true}') ->> 'inserted';
SELECT count(*) FROM people_log;
SELECT name, type FROM pragma_table_info('people_log');
SELECT ortto_sync('source', 'people', '{"log":true}') ->> 'unchanged', (SELECT count(*) FROM people_log);

-- One row for each column of an update, one for a row that came or went; values as the columns hold them.
CREATE TEMP TABLE picked AS SELECT row_number() OVER (ORDER BY id) AS n, * FROM people WHERE first_name IS NOT NULL AND last_name IS NOT NULL LIMIT 4;
UPDATE people SET first_name = 'Other', last_name = NULL WHERE id = (SELECT id FROM picked WHERE n = 1);
UPDATE people SET gdpr = 'x' WHERE id = (SELECT id FROM picked WHERE n = 2);
DELETE FROM people WHERE id = (SELECT id FROM picked WHERE n = 3);
INSERT INTO people(id, first_name) VALUES('somebody', 'Else');
SELECT ortto_sync('source', 'people', '{"log":true}') ->> '$.inserted' AS inserted;
SELECT coalesce(n, l.id), action, column_name, l.before, typeof(l.before), after = CASE column_name WHEN 'first_name' THEN first_name WHEN 'last_name' THEN last_name ELSE gdpr END AS as_now, typeof(after)
  FROM people_log l LEFT JOIN picked p ON p.id = l.id ORDER BY 1, 2, 3;
SELECT count(DISTINCT at), min(at) GLOB '20??-??-??T??:??:??Z' FROM people_log;

-- Without it nothing is written; NULL and false are without it.
UPDATE people SET first_name = 'Other' WHERE id = (SELECT id FROM picked WHERE n = 1);
SELECT ortto_sync('source', 'people', '{"log":false}') ->> 'updated', ortto_sync('source', 'people', '{"log":null,"mode":null}') ->> 'updated', ortto_sync('source', 'people', '{}') ->> 'updated';
SELECT count(*) FROM people_log;

-- The table form; changes alone; what changed in Ortto, replayed on the copy of before, makes the copy of now.
DELETE FROM people_log;
CREATE TEMP TABLE old AS SELECT * FROM people;
.shell curl -s -o /dev/null -d '{ \"edit\": 50, \"step\": 3}' $ORTTO_API_URL/sandbox/people
.shell curl -s -o /dev/null -d '{ \"add\": 7}' $ORTTO_API_URL/sandbox/people
.shell curl -s -o /dev/null -d '{ \"remove\": 4}' $ORTTO_API_URL/sandbox/people
SELECT state, inserted, updated > 40, deleted FROM ortto_sync('source', 'people', '{"log":true}') WHERE state = 'done';
SELECT action, count(DISTINCT id), count(*) = count(DISTINCT id || coalesce(column_name, '')) FROM people_log GROUP BY 1 ORDER BY 1;
DELETE FROM old WHERE id IN (SELECT id FROM people_log WHERE action = 'deleted');
INSERT INTO old SELECT * FROM people WHERE id IN (SELECT id FROM people_log WHERE action = 'inserted');
UPDATE old SET first_name = l.after FROM people_log l WHERE l.id = old.id AND column_name = 'first_name';
UPDATE old SET last_name = l.after FROM people_log l WHERE l.id = old.id AND column_name = 'last_name';
UPDATE old SET city = l.after FROM people_log l WHERE l.id = old.id AND column_name = 'city';
UPDATE old SET email = l.after FROM people_log l WHERE l.id = old.id AND column_name = 'email';
SELECT (SELECT count(*) FROM (SELECT * FROM old EXCEPT SELECT * FROM people)), (SELECT count(*) FROM (SELECT * FROM people EXCEPT SELECT * FROM old));
SELECT ortto_sync('ortto_accounts', 'firms', '{"log":true}') ->> 'rows';
UPDATE firms SET name = 'Other' WHERE id = (SELECT min(id) FROM firms);
.shell curl -s -o /dev/null -d '{ \"edit\": 3}' $ORTTO_API_URL/sandbox/accounts
SELECT r ->> 'updated' > 0 FROM (SELECT ortto_sync('ortto_accounts', 'firms', '{"mode":"changes","log":true}') AS r);
SELECT count(*) > 0, count(DISTINCT id) <= 4, group_concat(DISTINCT action) FROM firms_log;

-- The filling of a new column is not logged, what changes beside it is.
DELETE FROM people_log;
ALTER TABLE people DROP COLUMN last_name;
UPDATE people SET first_name = 'Other' WHERE id = (SELECT id FROM picked WHERE n = 1);
SELECT ortto_sync('source', 'people', '{"log":true}') ->> 'updated' > 500;
SELECT action, column_name, before FROM people_log;

-- In a transaction of the user's.
DELETE FROM people_log;
BEGIN;
UPDATE people SET first_name = 'Other' WHERE id = (SELECT id FROM picked WHERE n = 1);
SELECT ortto_sync('source', 'people', '{"log":true}') ->> 'updated';
SELECT action, column_name, before FROM people_log;
ROLLBACK;
SELECT count(*) FROM people_log;

-- Refused by a trigger of the user's: neither the change nor its log.
CREATE TRIGGER no BEFORE DELETE ON people BEGIN SELECT RAISE(ABORT, 'no'); END;
INSERT INTO people(id) VALUES('somebody');
SELECT ortto_sync('source', 'people', '{"log":true}');
SELECT count(*) FROM people_log;
DROP TRIGGER no;
SELECT ortto_sync('source', 'people', '{"log":true}') ->> 'deleted';
SELECT id, action, column_name FROM people_log;

-- Keys of two columns; a list, each with its own.
SELECT count(*) FROM json_each(ortto_sync('ortto_tags,ortto_audiences', 'crm_', '{"log":true}'));
UPDATE crm_tags SET name = 'Other' WHERE rowid = 1;
SELECT count(*) FROM json_each(ortto_sync('ortto_tags,ortto_audiences', 'crm_', '{"log":true}'));
SELECT type, id IS NOT NULL, action, column_name, before FROM crm_tags_log;
SELECT count(*) FROM crm_audiences_log;

-- An empty table that a sync has filled is no first copy; one that it has not is.
DELETE FROM crm_tags_log;
DELETE FROM crm_tags;
SELECT ortto_sync('ortto_tags', 'crm_tags', '{"log":true}') ->> 'deleted';
SELECT count(*) = (SELECT count(*) FROM crm_tags), group_concat(DISTINCT action) FROM crm_tags_log;
CREATE TABLE mine_too(type, id, PRIMARY KEY(type, id));
SELECT ortto_sync('ortto_tags', 'mine_too', '{"log":true}') ->> 'inserted' > 0;
SELECT count(*) FROM mine_too_log;

-- More columns than are compared in one pass.
SELECT ortto_sync('ortto_people', 'wide', '{"log":true}') ->> 'inserted';
SELECT count(*) > 45 FROM pragma_table_info('wide');
UPDATE wide SET first_name = 'Other', external_id = 'Other' WHERE rowid = 7;
SELECT ortto_sync('ortto_people', 'wide', '{"log":true}') ->> 'updated';
SELECT column_name, before FROM wide_log ORDER BY 1;

-- What is called so and is no log; and what would hide one of ortto's. Nothing is fetched.
CREATE TABLE a_log(at, id, action, column_name, before TEXT, after);
SELECT ortto_sync('source', 'a', '{"log":true}');
CREATE VIEW b_log AS SELECT 1;
SELECT ortto_sync('source', 'b', '{"log":true}');
CREATE TABLE c_log(at, id, action, column_name, before, after, more);
SELECT count(*) FROM ortto_sync('source', 'c', '{"log":true}');
SELECT ortto_sync('source', 'ortto', '{"log":true}');
SELECT name FROM sqlite_schema WHERE name IN ('a', 'b', 'c', 'ortto');
SELECT ortto_sync('source', 'a') ->> 'state';
CREATE TABLE e_log(id TEXT, at TEXT, action TEXT, column_name TEXT, before ANY, after ANY) STRICT;
SELECT ortto_sync('source', 'e', '{"log":true}') ->> 'state';

-- The third argument.
SELECT ortto_sync('source', 'people', '{"Log":true}');
SELECT ortto_sync('source', 'people', '{"log":1}');
SELECT ortto_sync('source', 'people', '{"mode":"all"}');
SELECT ortto_sync('source', 'people', '{"mode":true}');
SELECT ortto_sync('source', 'people', '{"mode":"full"');
SELECT ortto_sync('source', 'people', 'all');
SELECT ortto_sync('source', 'people', 'FULL') ->> 'state';
SELECT ortto_sync('people', 'e') ->> 'source';
