-- ortto_sync_state: one row per run, with what ran when, how long, how many rows and requests, and why it failed.
-- sandbox: --people 1200 --no-archived --accounts 12 --custom 2 --account-custom 1 --tags 5 --audiences 3
-- env: ORTTO_RATE=0 ORTTO_RETRIES=0 ORTTO_CONCURRENCY=1
SELECT count(*) FROM ortto_sync('ortto_people', 'people');
.headers on
SELECT source, target, state, rows, total, error, inserted, updated, deleted, unchanged, requests, retries FROM ortto_sync_state;
.headers off
SELECT started GLOB '20??-??-??T??:??:??Z', finished GLOB '20??-??-??T??:??:??Z', finished >= started, elapsed_ms >= 0 FROM ortto_sync_state;

-- While it runs, the row is brought up to date with every page.
SELECT s.page, s.rows, (SELECT state || ' ' || rows || ' of ' || total || ', then ' || next_offset || ', cursor ' || (cursor_id GLOB '????????????????????????') FROM ortto_sync_state WHERE target = 'watched' AND s.page > 0)
  FROM ortto_sync('ortto_people', 'watched') AS s;

-- One row per run: a second run, a run of another source, one that is interrupted and taken up again.
SELECT count(*) FROM ortto_sync('ortto_people', 'people');
SELECT count(*) > 0 FROM ortto_sync('ortto_tags', 'tags');
SELECT state, page FROM ortto_sync('ortto_people', 'people') LIMIT 1;
SELECT source, target, state, rows, finished IS NOT NULL FROM ortto_sync_state ORDER BY run;
SELECT state, page, requests FROM ortto_sync('ortto_people', 'people');
SELECT source, target, state, rows, requests FROM ortto_sync_state ORDER BY run DESC LIMIT 1;
SELECT count(*) FROM ortto_sync_state;

-- The name of a source knows no case, and the pragmas on the names of columns do not matter.
PRAGMA full_column_names = 1;
PRAGMA short_column_names = 0;
SELECT ortto_sync('ortto_people', 'named') ->> 'state';
SELECT ortto_sync('Ortto_People', 'Named', 'changes') ->> 'message' IS NULL;
PRAGMA full_column_names = 0;
PRAGMA short_column_names = 1;

-- A run that failed says why, until it is taken up.
.shell curl -s -o /dev/null -d '{ \"kind\": \"replace\",\"body\": \"none\",\"path\": \"/v1/person/get\",\"after\": 1,\"times\": 1}' $ORTTO_API_URL/sandbox/fault
SELECT ortto_sync('ortto_people', 'people');
SELECT state, rows, error LIKE 'ortto: %JSON%', finished IS NOT NULL FROM ortto_sync_state ORDER BY run DESC LIMIT 1;
SELECT count(*) FROM people;
SELECT state, page FROM ortto_sync('ortto_people', 'people');
SELECT state, rows, error FROM ortto_sync_state ORDER BY run DESC LIMIT 1;

-- Staging is emptied at the end, and no key is kept.
SELECT count(*) FROM ortto_staging_people;
SELECT (SELECT group_concat(quote(source) || quote(cursor_id) || quote(error)) FROM ortto_sync_state) LIKE '%sandbox-key%';

-- A table of that name that is somebody else's, or lacks a column, is told, and how to go on; one of an earlier version
-- is understood.
ATTACH ':memory:' AS o;
CREATE TABLE o.ortto_sync_state(a);
SELECT ortto_sync('ortto_tags', 'o.tags');
DROP TABLE o.ortto_sync_state;
CREATE VIEW o.ortto_sync_state AS SELECT 1 AS run;
SELECT ortto_sync('ortto_tags', 'o.tags');
SELECT group_concat(name) FROM o.sqlite_schema;
DROP VIEW o.ortto_sync_state;
SELECT ortto_sync('ortto_tags', 'o.tags') ->> 'state';
ALTER TABLE o.ortto_sync_state DROP COLUMN filled;
SELECT ortto_sync('ortto_tags', 'o.tags') ->> 'unchanged';
ALTER TABLE o.ortto_sync_state RENAME COLUMN message TO note;
SELECT ortto_sync('ortto_tags', 'o.tags');
ALTER TABLE o.ortto_sync_state RENAME TO old;
SELECT ortto_sync('ortto_tags', 'o.tags') ->> 'unchanged', count(*) FROM o.old;
