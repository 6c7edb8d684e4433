-- ortto_sync: a local table keeps the user's columns, indexes, triggers and foreign keys; it gains columns and loses none.
-- sandbox: --people 30 --no-archived --accounts 5 --custom 2 --account-custom 1 --tags 5 --audiences 3
-- env: ORTTO_RATE=0
CREATE VIRTUAL TABLE temp.source USING ortto(table=people, fields='str::email str::first');

-- A table made by the user: key, columns of the source in another order, columns of its own, constraints, WITHOUT ROWID.
CREATE TABLE people(note TEXT DEFAULT 'none', email TEXT COLLATE NOCASE, id TEXT PRIMARY KEY, score INTEGER AS (length(email)) STORED, first_name) WITHOUT ROWID;
CREATE INDEX by_email ON people(email) WHERE email IS NOT NULL;
CREATE TABLE orders(n INTEGER PRIMARY KEY, person TEXT REFERENCES people(id) ON DELETE SET NULL ON UPDATE CASCADE);
CREATE TABLE seen(what, id);
CREATE TRIGGER seen_insert AFTER INSERT ON people BEGIN INSERT INTO seen VALUES('insert', NEW.id); END;
CREATE TRIGGER seen_update AFTER UPDATE ON people BEGIN INSERT INTO seen VALUES('update', NEW.id); END;
CREATE TRIGGER seen_delete AFTER DELETE ON people BEGIN INSERT INTO seen VALUES('delete', OLD.id); END;
CREATE TEMP TABLE before AS SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'ortto%';
INSERT INTO people(id, email, first_name) VALUES('gone', 'Gone@example.com', 'Gone');
DELETE FROM seen;
SELECT json_remove(ortto_sync('source', 'people'), '$.elapsed_ms');
SELECT what, count(*) FROM seen GROUP BY 1;
SELECT (SELECT count(*) FROM (SELECT id, email, first_name FROM people EXCEPT SELECT * FROM source)), (SELECT count(*) FROM (SELECT * FROM source EXCEPT SELECT id, email, first_name FROM people));
SELECT DISTINCT note, score IS length(email) FROM people;
-- The schema is what it was.
SELECT count(*) FROM (SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'ortto%' EXCEPT SELECT * FROM before);

-- What the user keeps in columns of its own survives.
UPDATE people SET note = 'mine' WHERE id IN (SELECT id FROM people ORDER BY id LIMIT 3);
INSERT INTO orders SELECT rank() OVER (ORDER BY id), id FROM people;
PRAGMA foreign_keys = on;
.shell curl -s -o /dev/null -d '{ \"edit\": 30}' $ORTTO_API_URL/sandbox/people
.shell curl -s -o /dev/null -d '{ \"remove\": 2}' $ORTTO_API_URL/sandbox/people
SELECT state, inserted, updated <= 28, deleted FROM ortto_sync('source', 'people') WHERE state = 'done';
SELECT (SELECT count(*) FROM people WHERE note = 'mine') BETWEEN 1 AND 3, (SELECT count(*) FROM orders WHERE person IS NULL), (SELECT count(*) FROM pragma_foreign_key_check);

-- A unique index will do for a key, beside a primary key of the user's.
CREATE TABLE numbered(number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, email TEXT);
SELECT state, inserted FROM ortto_sync('source', 'numbered') WHERE state = 'done';
SELECT count(*), max(number) FROM numbered;
SELECT state, unchanged FROM ortto_sync('source', 'numbered') WHERE state = 'done';

-- Columns that the source has gained are added, filled for all rows; a changed list of fields is no error.
DROP VIEW IF EXISTS v;
CREATE VIEW v AS SELECT id, email FROM people;
CREATE VIRTUAL TABLE temp.wider USING ortto(table=people, fields='str::email str::first str::last dtz::b int::v');
SELECT state, inserted, updated, deleted FROM ortto_sync('wider', 'people') WHERE state = 'done';
SELECT group_concat(name || ' ' || type, ', ') FROM pragma_table_xinfo('people');
SELECT (SELECT count(*) FROM (SELECT * FROM wider EXCEPT SELECT id, email, first_name, last_name, birthday, total_spent FROM people));

-- A field that the server gains and loses.
.shell curl -s -o /dev/null -d '{ \"entity\": \"person\",\"id\": \"int:cm:level\",\"name\": \"Level\",\"display_type\": \"integer\"}' $ORTTO_API_URL/sandbox/field
.shell curl -s -o /dev/null -d '{ \"person\": { \"nth\": 0,\"fields\": { \"int:cm:level\": 7}}}' $ORTTO_API_URL/sandbox/people
SELECT state FROM ortto_sync('ortto_people', 'all_of_them') WHERE state = 'done';
SELECT type, (SELECT group_concat(level) FROM all_of_them) FROM pragma_table_info('all_of_them') WHERE name = 'level';
.shell curl -s -o /dev/null -d '{ \"entity\": \"person\",\"remove\": \"int:cm:level\"}' $ORTTO_API_URL/sandbox/field
-- The column of a field that has vanished stays, with what it held.
SELECT state, unchanged FROM ortto_sync('ortto_people', 'all_of_them') WHERE state = 'done';
SELECT group_concat(level) FROM all_of_them;
-- It comes back with another type: the column stays as it was declared, and SQLite's rules say what is stored.
.shell curl -s -o /dev/null -d '{ \"entity\": \"person\",\"id\": \"str:cm:level\",\"name\": \"Level\",\"display_type\": \"text\"}' $ORTTO_API_URL/sandbox/field
.shell curl -s -o /dev/null -d '{ \"person\": { \"nth\": 0,\"fields\": { \"str:cm:level\": \"08\"}}}' $ORTTO_API_URL/sandbox/people
.shell curl -s -o /dev/null -d '{ \"person\": { \"nth\": 1,\"fields\": { \"str:cm:level\": \"high\"}}}' $ORTTO_API_URL/sandbox/people
SELECT state, updated FROM ortto_sync('ortto_people', 'all_of_them') WHERE state = 'done';
SELECT typeof(level), level FROM all_of_them WHERE level IS NOT NULL ORDER BY 1;
SELECT state, updated, unchanged FROM ortto_sync('ortto_people', 'all_of_them') WHERE state = 'done';
