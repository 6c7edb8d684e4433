-- ortto_sync: what is refused, each with a message that says what would be right. Nothing is half done.
-- sandbox: --people 20 --no-archived --accounts 7 --custom 2 --account-custom 1 --tags 5 --audiences 3
-- env: ORTTO_RATE=0 ORTTO_RETRIES=0
CREATE TABLE plain(id TEXT PRIMARY KEY);
CREATE VIEW a_view AS SELECT * FROM plain;
CREATE VIRTUAL TABLE a_virtual USING ortto(table=tags);
CREATE INDEX an_index ON plain(id);

-- Targets that are a view, a virtual table, an index, or bear a name of ortto's own.
SELECT ortto_sync('ortto_accounts', 'a_view');
SELECT ortto_sync('ortto_accounts', 'A_VIEW');
SELECT ortto_sync('ortto_accounts', 'main.a_view');
SELECT ortto_sync('ortto_accounts', 'a_virtual');
SELECT ortto_sync('ortto_accounts', 'an_index');
SELECT ortto_sync('ortto_accounts', 'ortto_accounts');
SELECT ortto_sync('ortto_accounts', 'ORTTO_People');
SELECT ortto_sync('ortto_accounts', 'temp.ortto_accounts');
SELECT ortto_sync('ortto_accounts', 'ortto_log');
SELECT ortto_sync('ortto_accounts', 'ortto_sync_state');
SELECT ortto_sync('ortto_accounts', 'ortto_failures');
SELECT ortto_sync('ortto_accounts', 'ortto_sync');
SELECT ortto_sync('*', 'ortto_');
SELECT ortto_sync('ortto_accounts', 'sqlite_schema');
SELECT ortto_sync('ortto_accounts', 'sqlite_mine');

-- A local table without the key.
CREATE TABLE no_key(id TEXT, name TEXT);
CREATE TABLE other_key(number INTEGER PRIMARY KEY, id TEXT);
CREATE TABLE no_id(name TEXT);
CREATE TABLE half_key(type TEXT PRIMARY KEY, id INTEGER);
SELECT ortto_sync('ortto_accounts', 'no_key');
SELECT ortto_sync('ortto_accounts', 'other_key');
SELECT ortto_sync('ortto_accounts', 'no_id');
SELECT ortto_sync('ortto_tags', 'half_key');
SELECT (SELECT count(*) FROM pragma_table_info('no_key')), (SELECT count(*) FROM pragma_table_info('no_id'));
-- A column that has the name of a field, but is generated.
CREATE TABLE generated(id TEXT PRIMARY KEY, x TEXT, name TEXT AS (upper(x)));
SELECT ortto_sync('ortto_accounts', 'generated');

-- A prefix belongs to '*' and lists.
SELECT ortto_sync('ortto_accounts', 'crm_');
SELECT ortto_sync('ortto_accounts', 'aux.crm_');

-- Sources that are none.
SELECT ortto_sync('ortto_activities', 'activities');
SELECT ortto_sync('ortto_peple', 'people');
SELECT ortto_sync('plain', 'people');
SELECT ortto_sync('activities', 'people');
SELECT ortto_sync('ortto_log', 'log');
SELECT ortto_sync('', 'people');
SELECT ortto_sync(',', 'people');
SELECT ortto_sync(NULL, 'people');
SELECT ortto_sync('ortto_people', NULL);
SELECT ortto_sync('ortto_people', '');
SELECT ortto_sync('ortto_people');
SELECT * FROM ortto_sync('ortto_people');
SELECT * FROM ortto_sync;
-- One that is unknown in a list: nothing else was begun.
SELECT ortto_sync('ortto_tags,ortto_peple', 'crm_');

-- Modes.
SELECT ortto_sync('ortto_people', 'people', 'change');
SELECT state, message FROM ortto_sync('ortto_accounts', 'modes', NULL);
SELECT state, message FROM ortto_sync('ortto_accounts', 'modes', 'CHANGES') WHERE state = 'done';

-- Inside a statement that writes.
CREATE TABLE results(x);
INSERT INTO results SELECT ortto_sync('ortto_accounts', 'accounts');
INSERT INTO results SELECT state FROM ortto_sync('ortto_accounts', 'accounts');
INSERT INTO results VALUES(1);
UPDATE results SET x = ortto_sync('ortto_accounts', 'accounts');
INSERT INTO results VALUES(ortto_sync('ortto_accounts', 'accounts'));
CREATE TABLE created AS SELECT ortto_sync('ortto_accounts', 'accounts') AS x;
SELECT * FROM results;
-- In views and triggers of a database file: the call is for the user alone to make.
CREATE VIEW hidden_call AS SELECT ortto_sync('ortto_accounts', 'accounts');
SELECT * FROM hidden_call;
CREATE TRIGGER hidden_call2 BEFORE DELETE ON plain BEGIN SELECT ortto_sync('ortto_accounts', 'accounts'); END;
INSERT INTO plain VALUES('x');
DELETE FROM plain;

-- Nothing of all this has left a table behind.
SELECT name FROM sqlite_schema WHERE name IN ('accounts', 'people', 'crm_', 'crm_tags', 'activities', 'log', 'created') OR name LIKE 'ortto_staging%' AND type = 'table';

-- A database that is read-only, and one that may only be queried.
ATTACH 'ro.db' AS ro;
CREATE TABLE ro.t(x);
DETACH ro;
ATTACH 'file:ro.db?mode=ro' AS ro;
SELECT ortto_sync('ortto_accounts', 'ro.accounts');
DETACH ro;
PRAGMA query_only = on;
SELECT ortto_sync('ortto_accounts', 'accounts');
PRAGMA query_only = off;
SELECT state, rows FROM ortto_sync('ortto_accounts', 'accounts');
