-- Loading: the entry point, what is there afterwards, and that nothing of it is in the database.
-- sandbox: --people 3 --custom 0 --account-custom 0
-- env: ORTTO_RATE=0
.load ./ortto
SELECT ortto_version() GLOB '[0-9]*.[0-9]*.[0-9]*', typeof(ortto_version());

-- Loading again into the same connection does no harm.
.load ./ortto
SELECT count(*) FROM ortto_people;

-- The tables are there, and the log; the database file has no trace of them.
SELECT name FROM pragma_module_list WHERE name LIKE 'ortto%' AND name NOT IN ('ortto_sync', 'ortto_failures') ORDER BY 1;
SELECT count(*) AS traces FROM sqlite_schema;
SELECT DISTINCT name, narg FROM pragma_function_list WHERE name IN ('ortto_version', 'ortto_config', 'ortto_check') ORDER BY 1, 2;

-- The functions with side effects do not work in a view (SQLITE_DIRECTONLY), ortto_version() does.
CREATE VIEW v1 AS SELECT ortto_config('rate', 1);
SELECT * FROM v1;
CREATE VIEW v2 AS SELECT ortto_check();
SELECT * FROM v2;
CREATE VIEW v3 AS SELECT typeof(ortto_version());
SELECT * FROM v3;

-- Nor do the tables; a TEMP view may use them.
CREATE VIEW v4 AS SELECT id FROM ortto_people;
SELECT count(*) FROM v4;
CREATE TEMP VIEW v5 AS SELECT count(*) AS n FROM ortto_people;
SELECT n FROM v5;

-- Describing a table with fixed columns takes no request; people and accounts ask for their fields.
.shell curl -s -X POST -o /dev/null $ORTTO_API_URL/sandbox/forget
SELECT count(*) FROM pragma_table_info('ortto_tags');
SELECT count(*) FROM pragma_table_info('ortto_audiences');
SELECT count(*) FROM pragma_table_info('ortto_activities');
SELECT count(*) FROM pragma_table_info('ortto_person_custom_fields');
SELECT count(*) FROM pragma_table_info('ortto_account_custom_fields');
SELECT count(*) FROM pragma_table_info('ortto_fields');
SELECT count(*) FROM pragma_table_info('ortto_log');
.shell curl -s $ORTTO_API_URL/sandbox/count
