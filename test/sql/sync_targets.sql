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

-- Without a known schema in front the whole text is the name.
SELECT state, target, rows FROM ortto_sync('ortto_accounts', 'nowhere.accounts');
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
SELECT value->>'target', value->>'rows' FROM json_each(ortto_sync('ortto_accounts,ortto_people', 'x'));
SELECT value->>'target', value->>'rows' FROM json_each(ortto_sync('ortto_accounts,ortto_people', 'aux.'));
SELECT count(*) FROM aux.people;

DETACH "my disk";
