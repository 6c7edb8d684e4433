-- ortto_sync: the scalar form returns the done row of each source as JSON, the table-valued form a row per page.
-- sandbox: --people 1200 --no-archived --accounts 30 --custom 2 --account-custom 1 --tags 5 --audiences 3
-- env: ORTTO_RATE=0

-- The scalar form: one object for one source, with these members in this order.
SELECT json_remove(ortto_sync('ortto_people', 'people'), '$.elapsed_ms') AS result;
SELECT group_concat(key) FROM json_each(ortto_sync('ortto_people', 'people'));
SELECT json_type(ortto_sync('ortto_people', 'people'), '$.elapsed_ms');
-- It is JSON for the functions of SQLite: an object in an array stays one.
SELECT json_type(json_array(ortto_sync('ortto_people', 'people')), '$[0]');
-- The local table equals the source, with its names, types and key.
SELECT count(*) FROM people;
SELECT count(*) FROM (SELECT * FROM people EXCEPT SELECT * FROM ortto_people);
SELECT count(*) FROM (SELECT * FROM ortto_people EXCEPT SELECT * FROM people);
SELECT count(*) FROM (SELECT name, type FROM pragma_table_info('people') EXCEPT SELECT name, type FROM pragma_table_info('ortto_people'));
SELECT group_concat(name) FROM pragma_table_info('people') WHERE pk;

-- The table-valued form: a row for each page as it lands, then the end. Counts of changes are 0 until done.
.headers on
SELECT source, target, state, page, rows, total, inserted, updated, deleted, unchanged, retries, message FROM ortto_sync('ortto_people', 'copy');
SELECT source, target, state, page, rows, total, inserted, updated, deleted, unchanged, retries, message FROM ortto_sync('ortto_people', 'copy');
.headers off
SELECT state, requests, typeof(elapsed_ms), elapsed_ms >= 0 FROM ortto_sync('ortto_people', 'copy') WHERE state = 'done';
SELECT group_concat(name) FROM pragma_table_info('ortto_sync');
-- In the order of time.
SELECT count(*) FROM (SELECT elapsed_ms < lag(elapsed_ms) OVER () AS back, rows < lag(rows) OVER () AS less FROM ortto_sync('ortto_people', 'copy')) WHERE back OR less;

-- A list with a prefix: an array, in the order of the list; blanks do not matter.
SELECT value->>'source', value->>'target', value->>'state', value->>'rows' FROM json_each(ortto_sync('ortto_tags, ortto_accounts', 'crm_'));
SELECT source, target, state, rows FROM ortto_sync('ortto_accounts,ortto_tags', 'crm_');
SELECT group_concat(name) FROM pragma_table_info('crm_tags') WHERE pk;
-- A list of one is a list.
SELECT json_type(ortto_sync('ortto_tags,', 'one_'));
SELECT (SELECT count(*) FROM one_tags) = (SELECT count(*) FROM ortto_tags);

-- All eight less activities.
SELECT value->>'source', value->>'target', value->>'state', value->>'rows' = value->>'inserted', value->>'message' FROM json_each(ortto_sync('*', 'all_'));
SELECT group_concat(name) FROM (SELECT name FROM sqlite_schema WHERE name LIKE 'all\_%' ESCAPE '\' AND type = 'table' ORDER BY 1);
SELECT (SELECT count(*) FROM all_fields) = (SELECT count(*) FROM ortto_fields), (SELECT count(*) FROM all_audiences) = (SELECT count(*) FROM ortto_audiences);
SELECT count(*), sum(deleted + inserted + updated) FROM ortto_sync('*', 'all_') WHERE state = 'done';

-- A source that is empty makes an empty table, and empties one.
.shell curl -s -o /dev/null -d '{ \"remove\": 30}' $ORTTO_API_URL/sandbox/accounts
SELECT state, rows, deleted FROM ortto_sync('ortto_accounts', 'crm_accounts');
SELECT state, rows, inserted FROM ortto_sync('ortto_accounts', 'empty');
SELECT (SELECT count(*) FROM crm_accounts), (SELECT count(*) FROM empty);
