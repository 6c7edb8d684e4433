-- ortto_sync inside a transaction of the user's works without committing: a rollback leaves nothing of it.
-- sandbox: --people 600 --no-archived --accounts 12 --custom 2 --account-custom 1 --tags 5 --audiences 3
-- env: ORTTO_RATE=0
CREATE TABLE mine(x);
BEGIN;
INSERT INTO mine VALUES('before');
SELECT json_extract(ortto_sync('ortto_people', 'people'), '$.state');
SELECT state, page FROM ortto_sync('ortto_tags', 'tags');
SELECT (SELECT count(*) FROM people), (SELECT count(*) FROM tags) > 0;
INSERT INTO mine VALUES('after');
ROLLBACK;
SELECT count(*) FROM mine;
SELECT group_concat(name) FROM (SELECT name FROM sqlite_schema ORDER BY name);

-- Committed, all of it is there.
BEGIN IMMEDIATE;
INSERT INTO mine VALUES('before');
SELECT json_extract(ortto_sync('ortto_people', 'people'), '$.state');
COMMIT;
SELECT (SELECT count(*) FROM mine), (SELECT count(*) FROM people), (SELECT group_concat(state) FROM ortto_sync_state);

-- In a savepoint.
SAVEPOINT s;
.shell curl -s -o /dev/null -d '{ \"remove\": 100}' $ORTTO_API_URL/sandbox/people
SELECT json_extract(ortto_sync('ortto_people', 'people'), '$.deleted');
SELECT count(*) FROM people;
ROLLBACK TO s;
SELECT count(*) FROM people;
RELEASE s;
SELECT (SELECT count(*) FROM people), (SELECT count(*) FROM ortto_sync_state);

-- One that fails leaves the transaction and what was done before in it.
BEGIN;
INSERT INTO mine VALUES('kept');
CREATE TRIGGER no BEFORE DELETE ON people BEGIN SELECT RAISE(ABORT, 'no'); END;
SELECT ortto_sync('ortto_people', 'people');
SELECT ortto_sync('ortto_nothing', 'people');
DROP TRIGGER no;
SELECT json_extract(ortto_sync('ortto_people', 'people'), '$.deleted');
COMMIT;
SELECT group_concat(x) FROM mine;
SELECT count(*) FROM people;
-- One that is left early, in a transaction: nothing of it in the target; the transaction goes on.
BEGIN;
SELECT state FROM ortto_sync('ortto_people', 'other') LIMIT 1;
INSERT INTO mine VALUES('too');
COMMIT;
SELECT count(*) FROM sqlite_schema WHERE name = 'other';
SELECT state FROM ortto_sync('ortto_people', 'other');
