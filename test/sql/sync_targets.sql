-- ortto_sync: targets with names that need quotes, in attached schemas and in temp; a prefix with a schema in front.
-- sandbox: --people 20 --no-archived --accounts 7 --custom 2 --account-custom 1 --tags 5 --audiences 3
-- env: ORTTO_RATE=0
ATTACH ':memory:' AS aux;
ATTACH 'disk.db' AS "my disk";

SELECT json_remove(ortto_sync('ortto_accounts', 'aux.accounts'), '$.elapsed_ms');
SELECT count(*) FROM aux.accounts;
SELECT state, rows FROM ortto_sync('ortto_accounts', 'temp.accounts');
SELECT count(*) FROM temp.accounts;
SELECT state, rows FROM ortto_sync('ortto_accounts', 'main.accounts');
SELECT count(*) FROM main.accounts;
SELECT state, rows FROM ortto_sync('ortto_accounts', 'my disk.accounts');
SELECT count(*) FROM "my disk".accounts;
-- State and history are in the schema of the target.
SELECT 'main', target FROM main.ortto_sync_state UNION ALL SELECT 'temp', target FROM temp.ortto_sync_state
UNION ALL SELECT 'aux', target FROM aux.ortto_sync_state UNION ALL SELECT 'my disk', target FROM "my disk".ortto_sync_state;

-- Any case of the schema's name.
SELECT state, unchanged FROM ortto_sync('ortto_accounts', 'AUX.Accounts');
SELECT count(*) FROM aux.sqlite_schema WHERE name LIKE 'accounts';

-- A dot without a known schema before it is an error, in a prefix too, before anything is done; a name with a dot is
-- given with its schema.
SELECT state, target, rows FROM ortto_sync('ortto_accounts', 'nowhere.accounts');
SELECT ortto_sync('ortto_tags,ortto_accounts', 'nowhere.crm_');
SELECT ortto_sync('*', 'nowhere.');
SELECT count(*) FROM sqlite_schema WHERE name LIKE '%nowhere%';
SELECT state, target, rows FROM ortto_sync('ortto_accounts', 'main.nowhere.accounts');
SELECT count(*) FROM "nowhere.accounts";
SELECT state, target, rows FROM ortto_sync('ortto_accounts', 'aux.a.b');
SELECT count(*) FROM aux."a.b";

-- Names that need quotes; each twice, so that what was there is compared too. (In one statement it would be done once.)
SELECT json_extract(ortto_sync('ortto_accounts', 'it''s "my" [table]; `x`'), '$.inserted');
SELECT json_extract(ortto_sync('ortto_accounts', 'it''s "my" [table]; `x`'), '$.unchanged');
SELECT count(*) FROM "it's ""my"" [table]; `x`";
SELECT json_extract(ortto_sync('ortto_accounts', 'select'), '$.inserted');
SELECT json_extract(ortto_sync('ortto_accounts', 'select'), '$.unchanged');
SELECT json_extract(ortto_sync('ortto_accounts', 'Käufer 顧客 🙂'), '$.inserted');
SELECT json_extract(ortto_sync('ortto_accounts', 'Käufer 顧客 🙂'), '$.unchanged');
SELECT count(*) FROM "Käufer 顧客 🙂";
SELECT json_extract(ortto_sync('ortto_accounts', '%s%d%n'), '$.inserted');
SELECT json_extract(ortto_sync('ortto_accounts', '%s%d%n'), '$.unchanged');
SELECT json_extract(ortto_sync('ortto_accounts', ' '), '$.inserted');
SELECT json_extract(ortto_sync('ortto_accounts', ' '), '$.unchanged');

-- A prefix may have a schema in front.
SELECT value->>'target', value->>'rows' FROM json_each(ortto_sync('ortto_accounts,ortto_tags', 'aux.crm_'));
SELECT (SELECT count(*) FROM aux.crm_accounts), (SELECT count(*) FROM aux.crm_tags) > 0;
SELECT count(*) FROM ortto_sync('*', 'my disk.it''s_') WHERE state = 'done';
SELECT count(*) FROM "my disk".sqlite_schema WHERE name LIKE 'it''s\_%' ESCAPE '\' AND type = 'table';
-- Nor need it end in an underscore, nor be anything but the schema.
SELECT value->>'target', value->>'rows', value->>'message' FROM json_each(ortto_sync('ortto_accounts,ortto_people', 'x'));
SELECT value->>'target', value->>'rows' FROM json_each(ortto_sync('ortto_accounts,ortto_people', 'aux.'));
SELECT count(*) FROM aux.people;

DETACH "my disk";

-- A bare name means what it means to SQLite: temp, main, then the attached files; a new table stands in main.
ATTACH ':memory:' AS late;
SELECT ortto_sync('ortto_tags', 'late.bare')->>'rows', ortto_sync('ortto_tags', 'late.both')->>'rows';
CREATE TABLE both(type TEXT, id TEXT, PRIMARY KEY(type, id));
CREATE TEMP TABLE near(type TEXT, id TEXT, PRIMARY KEY(type, id));
CREATE TABLE near(x);
SELECT target, state, inserted, unchanged FROM ortto_sync('ortto_tags', 'bare') WHERE state = 'done';
SELECT target, state, inserted, unchanged FROM ortto_sync('ortto_tags', 'BOTH') WHERE state = 'done';
SELECT target, state, inserted, unchanged FROM ortto_sync('ortto_tags', 'near') WHERE state = 'done';
SELECT target, state, inserted, unchanged FROM ortto_sync('ortto_tags', 'brand new') WHERE state = 'done';
SELECT (SELECT count(*) FROM bare) = (SELECT count(*) FROM both), (SELECT count(*) FROM temp.near) = (SELECT count(*) FROM both),
  (SELECT count(*) FROM main.near), (SELECT count(*) FROM main."brand new") = (SELECT count(*) FROM both);
SELECT count(*) FROM main.sqlite_schema WHERE name = 'bare';
-- A TEMP view hides a table of that name from every SELECT: it is refused, and main.near2 is not.
CREATE TEMP VIEW near2 AS SELECT 1;
SELECT ortto_sync('ortto_tags', 'near2');
SELECT ortto_sync('ortto_tags', 'main.near2')->>'state';
-- But a copy may have the name of the table in temp that it is made from; it stands in main.
CREATE VIRTUAL TABLE temp.same USING ortto(table=tags);
SELECT value->>'target', value->>'state' FROM json_each(json_array(json(ortto_sync('same', 'same'))));
SELECT value->>'target', value->>'unchanged' > 0 FROM json_each(json_array(json(ortto_sync('temp.same', 'same'))));
SELECT (SELECT count(*) FROM main.same) = (SELECT count(*) FROM both);
