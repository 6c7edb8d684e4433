-- ortto_sync and what is the user's own: columns that a new field would take, fields made anew with another type,
-- triggers that drop or change rows, columns called rowid, tables that cannot hold what comes.
-- sandbox: --people 30 --no-archived --accounts 5 --custom 2 --account-custom 1 --tags 5 --audiences 3
-- env: ORTTO_RATE=0 ORTTO_RETRIES=0

-- A column of the user's own, and then a field of that name: an error that names both, and nothing is written.
SELECT ortto_sync('ortto_people', 'people') ->> 'inserted';
ALTER TABLE people ADD COLUMN Region_Mine TEXT;
UPDATE people SET region_mine = 'mine';
SELECT ortto_sync('ortto_people', 'people') ->> 'unchanged';
.shell curl -s -o /dev/null -d '{ \"entity\": \"person\",\"id\": \"str:cm:region-mine\",\"name\": \"Region mine\",\"display_type\": \"text\"}' $ORTTO_API_URL/sandbox/field
.shell curl -s -o /dev/null -d '{ \"edit\": 30}' $ORTTO_API_URL/sandbox/people
SELECT ortto_sync('ortto_people', 'people');
SELECT ortto_sync('ortto_people', 'people', 'changes');
SELECT state FROM ortto_sync('ortto_people', 'main.PEOPLE');
SELECT count(*), group_concat(DISTINCT region_mine) FROM people;
ALTER TABLE people RENAME COLUMN region_mine TO my_region;
SELECT ortto_sync('ortto_people', 'people') ->> 'updated' > 0;
SELECT count(*), group_concat(DISTINCT my_region), count(region_mine) FROM people;
-- The column of a field that goes and comes back is the sync's.
.shell curl -s -o /dev/null -d '{ \"entity\": \"person\",\"remove\": \"str:cm:region-mine\"}' $ORTTO_API_URL/sandbox/field
SELECT ortto_sync('ortto_people', 'people') ->> 'state';
.shell curl -s -o /dev/null -d '{ \"entity\": \"person\",\"id\": \"str:cm:region-mine\",\"name\": \"Region mine\",\"display_type\": \"text\"}' $ORTTO_API_URL/sandbox/field
SELECT ortto_sync('ortto_people', 'people') ->> 'state';
-- Columns that a table has before its first sync are filled, as ever.
CREATE TABLE before(id TEXT PRIMARY KEY, region_mine TEXT, note TEXT);
SELECT ortto_sync('ortto_people', 'before') ->> 'state';
-- A list of fields that grows is the same to a table.
CREATE VIRTUAL TABLE temp.narrow USING ortto(table=people, fields='str::email');
SELECT ortto_sync('narrow', 'grown') ->> 'state';
ALTER TABLE grown ADD COLUMN city;
UPDATE grown SET city = 'mine';
CREATE VIRTUAL TABLE temp.wider USING ortto(table=people, fields='str::email geo::city');
SELECT ortto_sync('wider', 'grown');
SELECT count(*), group_concat(DISTINCT city) FROM grown;

-- A field made anew with another type: the column keeps the old one, and a message says so until it is mended.
.shell curl -s -o /dev/null -d '{ \"entity\": \"person\",\"id\": \"int:cm:plan\",\"name\": \"Plan\",\"display_type\": \"integer\"}' $ORTTO_API_URL/sandbox/field
SELECT ortto_sync('ortto_people', 'people') ->> 'message';
.shell curl -s -o /dev/null -d '{ \"entity\": \"person\",\"remove\": \"int:cm:plan\"}' $ORTTO_API_URL/sandbox/field
.shell curl -s -o /dev/null -d '{ \"entity\": \"person\",\"id\": \"str:cm:plan\",\"name\": \"Plan\",\"display_type\": \"text\"}' $ORTTO_API_URL/sandbox/field
.shell curl -s -o /dev/null -d '{ \"person\": { \"nth\": 0,\"fields\": { \"str:cm:plan\": \"007\"}}}' $ORTTO_API_URL/sandbox/people
SELECT ortto_sync('ortto_people', 'people') ->> 'message';
SELECT ortto_sync('ortto_people', 'people') ->> 'message';
ALTER TABLE people DROP COLUMN plan;
SELECT ortto_sync('ortto_people', 'people') ->> 'message';
SELECT group_concat(plan) FROM people;
-- A type that the user has chosen is none of our business.
CREATE TABLE chosen(id TEXT PRIMARY KEY, city INTEGER, created TEXT);
SELECT ortto_sync('ortto_people', 'chosen') ->> 'message';
SELECT ortto_sync('ortto_people', 'chosen') ->> 'message';

-- Triggers that ignore, delete or change rows: what was merged is counted and compared.
SELECT ortto_sync('wider', 'ruled') ->> 'inserted';
UPDATE ruled SET city = 'old';
CREATE TRIGGER ignoring BEFORE UPDATE ON ruled BEGIN SELECT RAISE(IGNORE); END;
SELECT ortto_sync('wider', 'ruled');
DROP TRIGGER ignoring;
DELETE FROM ruled WHERE rowid % 2;
CREATE TRIGGER ignoring BEFORE INSERT ON ruled BEGIN SELECT RAISE(IGNORE); END;
SELECT ortto_sync('wider', 'ruled');
DROP TRIGGER ignoring;
CREATE TRIGGER deleting AFTER INSERT ON ruled BEGIN DELETE FROM ruled; END;
SELECT ortto_sync('wider', 'ruled');
DROP TRIGGER deleting;
CREATE TEMP TRIGGER changing AFTER UPDATE ON main.ruled BEGIN UPDATE ruled SET city = 'X' WHERE id = NEW.id; END;
SELECT ortto_sync('wider', 'ruled');
DROP TRIGGER changing;
SELECT count(*), group_concat(DISTINCT city) FROM ruled;
SELECT ortto_sync('wider', 'ruled') ->> 'state', (SELECT count(*) FROM (SELECT * FROM ruled EXCEPT SELECT * FROM wider));
-- Also of the staging table, when a run is taken up, or its table used again.
CREATE TRIGGER harmless AFTER UPDATE ON ruled BEGIN SELECT 1; END;
CREATE TABLE failing(id TEXT PRIMARY KEY, email TEXT CHECK (email IS NULL));
SELECT ortto_sync('wider', 'failing') IS NULL;
CREATE TRIGGER hostile BEFORE INSERT ON ortto_staging_failing BEGIN SELECT RAISE(IGNORE); END;
SELECT state, message FROM ortto_sync('wider', 'failing');
SELECT state FROM ortto_sync_state ORDER BY run DESC LIMIT 1;
-- The trigger that tells of changes is missing; or the same target in other letters, where all is well.
DROP TRIGGER ortto_staging_failing_2_touched;
SELECT state, message FROM ortto_sync('wider', 'failing');
SELECT state, message FROM ortto_sync('wider', 'Failing');
-- A state that names another table as its staging table: that is left alone.
CREATE TABLE precious(x);
INSERT INTO precious VALUES(1);
UPDATE ortto_sync_state SET staging = 'precious', state = 'fetching';
SELECT state, message FROM ortto_sync('wider', 'failing');
SELECT count(*) FROM precious;

-- Columns called rowid, oid and _rowid_: a sync that was interrupted goes on all the same.
.shell curl -s -o /dev/null -d '{ \"entity\": \"person\",\"id\": \"int:cm:rowid\",\"name\": \"rowid\",\"display_type\": \"integer\"}' $ORTTO_API_URL/sandbox/field
.shell curl -s -o /dev/null -d '{ \"person\": { \"nth\": 1,\"fields\": { \"int:cm:rowid\": 70000}}}' $ORTTO_API_URL/sandbox/people
.shell curl -s -o /dev/null -d '{ \"entity\": \"person\",\"id\": \"int:cm:oid\",\"name\": \"oid\",\"display_type\": \"integer\"}' $ORTTO_API_URL/sandbox/field
.shell curl -s -o /dev/null -d '{ \"person\": { \"nth\": 1,\"fields\": { \"int:cm:oid\": 70000}}}' $ORTTO_API_URL/sandbox/people
.shell curl -s -o /dev/null -d '{ \"entity\": \"person\",\"id\": \"int:cm:_rowid_\",\"name\": \"_rowid_\",\"display_type\": \"integer\"}' $ORTTO_API_URL/sandbox/field
.shell curl -s -o /dev/null -d '{ \"person\": { \"nth\": 1,\"fields\": { \"int:cm:_rowid_\": 70000}}}' $ORTTO_API_URL/sandbox/people
CREATE VIRTUAL TABLE temp.one USING ortto(table=people, fields='int:cm:rowid');
CREATE VIRTUAL TABLE temp.three USING ortto(table=people, fields='int:cm:rowid int:cm:oid int:cm:_rowid_');
SELECT group_concat(name) FROM pragma_table_info('three');
SELECT state FROM ortto_sync('one', 'one_copy') LIMIT 1;
SELECT state, message FROM ortto_sync('one', 'one_copy');
SELECT state FROM ortto_sync('three', 'three_copy') LIMIT 1;
SELECT state, message FROM ortto_sync('three', 'three_copy');
SELECT count(*), max("rowid") FROM three_copy;

-- Tables that cannot take what comes are refused before anything is fetched.
.shell curl -s -o /dev/null -d '{}' $ORTTO_API_URL/sandbox/forget
CREATE TABLE strict_birthday(id TEXT PRIMARY KEY) STRICT;
CREATE TABLE strict_number(id TEXT PRIMARY KEY, email REAL) STRICT;
CREATE TABLE strict_blob(id TEXT PRIMARY KEY, email BLOB) STRICT;
CREATE TABLE numbered(id INTEGER PRIMARY KEY, email TEXT);
SELECT ortto_sync('ortto_people', 'strict_birthday');
SELECT ortto_sync('wider', 'strict_number');
SELECT ortto_sync('wider', 'strict_blob');
SELECT ortto_sync('wider', 'numbered');
.limit column 12
CREATE TABLE full(id TEXT PRIMARY KEY, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10);
SELECT ortto_sync('wider', 'full');
.limit column 2000
.shell curl -s "$ORTTO_API_URL/sandbox/count?path=/v1/person/get"; echo

-- In a transaction of the user's the result says that it stands only once that is committed; stepped twice, too, and
-- rolled back with its savepoint.
SAVEPOINT grid;
SELECT ortto_sync('wider', 'unsaved') ->> 'message';
SELECT ortto_sync('wider', 'unsaved') ->> 'message';
ROLLBACK TO grid;
RELEASE grid;
SELECT count(*) FROM sqlite_schema WHERE name = 'unsaved';
SELECT ortto_sync('wider', 'unsaved') ->> 'message';

-- Empty staging tables are dropped when a run is done; by the table form SQLite keeps one until the next.
SELECT ortto_sync('*', 'all_') IS NOT NULL;
SELECT group_concat(name) FROM sqlite_schema WHERE name LIKE 'ortto\_staging\_all%' ESCAPE '\' OR name = 'ortto_staging_unsaved';
SELECT count(*) > 0 FROM ortto_sync('wider', 'last');
SELECT (SELECT count(*) FROM sqlite_schema WHERE name = 'ortto_staging_last'), (SELECT count(*) FROM last);
SELECT ortto_sync('wider', 'last') ->> 'unchanged';
SELECT count(*) FROM sqlite_schema WHERE name = 'ortto_staging_last';

-- What a message says to do names the schema, and quotes the names.
ATTACH 'o.db' AS o;
SELECT ortto_sync('ortto_people', 'o.o''k') ->> 'state';
UPDATE o.ortto_sync_state SET state = 'fetching', owner = 'of another version', beat = strftime('%s') + 60;
SELECT ortto_sync('ortto_people', 'o.o''k');
UPDATE "o".ortto_sync_state SET owner=NULL WHERE target='o''k';
SELECT ortto_sync('ortto_people', 'o.o''k') ->> 'unchanged';
CREATE TABLE o.strict(id TEXT PRIMARY KEY) STRICT;
SELECT ortto_sync('ortto_people', 'o.strict');
