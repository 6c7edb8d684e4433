-- ortto_sync writes only the rows that changed, compared exactly, whatever a column's collation or type.
-- sandbox: --people 1000 --no-archived --accounts 12 --custom 9 --account-custom 1 --tags 5 --audiences 3
-- env: ORTTO_RATE=0
SELECT state, inserted FROM ortto_sync('ortto_people', 'people') WHERE state = 'done';
CREATE TABLE writes(what, id);
CREATE TRIGGER w1 AFTER INSERT ON people BEGIN INSERT INTO writes VALUES('insert', NEW.id); END;
CREATE TRIGGER w2 AFTER UPDATE ON people BEGIN INSERT INTO writes VALUES('update', NEW.id); END;
CREATE TRIGGER w3 AFTER DELETE ON people BEGIN INSERT INTO writes VALUES('delete', OLD.id); END;

-- An unchanged source writes nothing.
SELECT inserted, updated, deleted, unchanged FROM ortto_sync('ortto_people', 'people') WHERE state = 'done';
SELECT count(*) FROM writes;
-- 1 % changed writes 1 %.
.shell curl -s -o /dev/null -d '{ \"edit\": 10,\"step\": 90}' $ORTTO_API_URL/sandbox/people
SELECT inserted, updated, deleted, unchanged FROM ortto_sync('ortto_people', 'people') WHERE state = 'done';
SELECT what, count(*), count(DISTINCT id) FROM writes GROUP BY 1;
DELETE FROM writes;
-- Gone and new ones.
.shell curl -s -o /dev/null -d '{ \"remove\": 4}' $ORTTO_API_URL/sandbox/people
.shell curl -s -o /dev/null -d '{ \"add\": 3}' $ORTTO_API_URL/sandbox/people
SELECT inserted, updated, deleted, unchanged FROM ortto_sync('ortto_people', 'people') WHERE state = 'done';
SELECT what, count(*) FROM writes GROUP BY 1;
DELETE FROM writes;
-- What the user changed in the copy is put right, and only that.
UPDATE people SET first_name = 'Someone else' WHERE id IN (SELECT id FROM people ORDER BY id LIMIT 2);
DELETE FROM people WHERE id = (SELECT max(id) FROM people);
INSERT INTO people(id) VALUES('mine');
DELETE FROM writes;
SELECT inserted, updated, deleted, unchanged FROM ortto_sync('ortto_people', 'people') WHERE state = 'done';
SELECT what, count(*) FROM writes GROUP BY 1;
SELECT count(*) FROM (SELECT * FROM people EXCEPT SELECT * FROM ortto_people);

-- Compared exactly: columns that SQLite would call equal, in case, blanks at the end, type, or NULL.
CREATE VIRTUAL TABLE temp.source USING ortto(table=people, fields='str::email str::first str::last int::v');
CREATE TABLE loose(id TEXT PRIMARY KEY COLLATE NOCASE, email TEXT COLLATE NOCASE, first_name TEXT COLLATE RTRIM, last_name, total_sessions);
SELECT inserted FROM ortto_sync('source', 'loose') WHERE state = 'done';
SELECT unchanged FROM ortto_sync('source', 'loose') WHERE state = 'done';
CREATE TEMP TABLE four AS SELECT id FROM loose WHERE email IS NOT NULL AND first_name IS NOT NULL AND last_name IS NOT NULL ORDER BY id LIMIT 4;
UPDATE loose SET email = upper(email) WHERE id = (SELECT id FROM four LIMIT 1);
UPDATE loose SET first_name = first_name || '  ' WHERE id = (SELECT id FROM four LIMIT 1 OFFSET 1);
UPDATE loose SET last_name = CAST(last_name AS BLOB) WHERE id = (SELECT id FROM four LIMIT 1 OFFSET 2);
UPDATE loose SET last_name = NULL WHERE id = (SELECT id FROM four LIMIT 1 OFFSET 3);
SELECT updated FROM ortto_sync('source', 'loose') WHERE state = 'done';
SELECT count(*) FROM (SELECT id, hex(email), hex(first_name), typeof(last_name), last_name FROM loose
  EXCEPT SELECT id, hex(email), hex(first_name), typeof(last_name), last_name FROM source);
-- Integer and real are two values where a column has no type.
CREATE VIRTUAL TABLE temp.numbers USING ortto(table=people, fields='str::email int:cm:seats');
CREATE TABLE typeless(id TEXT PRIMARY KEY, email, seats);
SELECT inserted > 0 FROM ortto_sync('numbers', 'typeless') WHERE state = 'done';
UPDATE typeless SET seats = CAST(seats AS REAL) WHERE id = (SELECT id FROM typeless WHERE seats IS NOT NULL LIMIT 1);
SELECT updated FROM ortto_sync('numbers', 'typeless') WHERE state = 'done';
SELECT DISTINCT typeof(seats) FROM typeless ORDER BY 1;
