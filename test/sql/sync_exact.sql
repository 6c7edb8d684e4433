-- ortto_sync into tables that could change values or drop rows behind one's back: STRICT tables, columns without a type,
-- constraints with a conflict clause of their own. The copy holds what the source holds, or the sync fails.
-- sandbox: --people 300 --no-archived --accounts 5 --custom 2
-- env: ORTTO_RATE=0
CREATE VIRTUAL TABLE temp.source USING ortto(table=people, fields='str::postal phn::phone str::ei geo::country');

-- Digits with a zero in front, and a plus sign, are text; a column of type ANY in a STRICT table keeps them so.
CREATE TABLE strict_any(id TEXT PRIMARY KEY, postal_code ANY, phone_number ANY, external_id ANY, country ANY) STRICT;
SELECT json_extract(ortto_sync('source', 'strict_any'), '$.inserted');
SELECT count(*) FROM (SELECT * FROM strict_any EXCEPT SELECT * FROM source);
SELECT DISTINCT typeof(postal_code), typeof(phone_number) FROM strict_any WHERE postal_code || phone_number IS NOT NULL;
SELECT json_extract(ortto_sync('source', 'strict_any'), '$.unchanged');
CREATE TABLE strict_text(id TEXT PRIMARY KEY, postal_code TEXT, phone_number TEXT) STRICT, WITHOUT ROWID;
SELECT json_extract(ortto_sync('source', 'strict_text'), '$.inserted');
SELECT count(*) FROM (SELECT * FROM strict_text EXCEPT SELECT * FROM source);

-- Columns without a type, and of type BLOB, keep everything too.
CREATE TABLE untyped(id PRIMARY KEY, postal_code, phone_number BLOB);
SELECT json_extract(ortto_sync('source', 'untyped'), '$.inserted');
SELECT count(*) FROM (SELECT id, postal_code, phone_number FROM untyped EXCEPT SELECT id, postal_code, phone_number FROM source);

-- What a STRICT column cannot hold is an error, and the table is unchanged.
CREATE TABLE strict_int(id TEXT PRIMARY KEY, country INT) STRICT;
INSERT INTO strict_int VALUES('old', 1);
SELECT ortto_sync('source', 'strict_int');
SELECT * FROM strict_int;
CREATE TABLE checked(id TEXT PRIMARY KEY, country TEXT CHECK (country <> 'Norway' AND length(country) < 2));
SELECT ortto_sync('source', 'checked');
SELECT count(*) FROM checked;
CREATE TABLE number_key(id INTEGER PRIMARY KEY, country TEXT);
SELECT ortto_sync('source', 'number_key');
CREATE TABLE needs_more(id TEXT PRIMARY KEY, mine TEXT NOT NULL);
SELECT ortto_sync('source', 'needs_more');

-- A unique constraint that would replace or ignore rows refuses the change like any other: no row is lost in silence.
CREATE TABLE replacing(id TEXT PRIMARY KEY, country TEXT UNIQUE ON CONFLICT REPLACE);
SELECT ortto_sync('source', 'replacing');
SELECT count(*) FROM replacing;
CREATE TABLE ignoring(id TEXT PRIMARY KEY, country TEXT UNIQUE ON CONFLICT IGNORE);
SELECT ortto_sync('source', 'ignoring');
SELECT count(*) FROM ignoring;
CREATE TABLE not_null(id TEXT PRIMARY KEY, postal_code TEXT NOT NULL ON CONFLICT IGNORE);
SELECT ortto_sync('source', 'not_null');
SELECT count(*) FROM not_null;

-- A view and a foreign key that name the target before it exists do not stand in the way.
CREATE VIEW v AS SELECT id FROM later;
CREATE TABLE child(person REFERENCES later(id));
SELECT json_extract(ortto_sync('source', 'later'), '$.inserted');
SELECT count(*) FROM v;
SELECT sql FROM sqlite_schema WHERE name IN ('v', 'child');

-- The table-valued form in a join: one sync for each row of a list of one's own.
WITH list(source, target) AS (VALUES ('ortto_tags', 'joined_tags'), ('ortto_accounts', 'joined_accounts'))
SELECT s.target, s.state FROM list, ortto_sync(list.source, list.target) AS s;
