-- What names a table in a text (via, ortto_check, ortto_sync) means what SQLite takes it for.
-- sandbox: --people 20 --accounts 5 --no-archived
-- env: ORTTO_RATE=0 ORTTO_RETRIES=0
ATTACH ':memory:' AS other;
.print -- A table that is there without a CREATE is so in every schema.
SELECT count(*) = (SELECT count(*) FROM temp.ortto_accounts), count(*) = (SELECT count(*) FROM other.ortto_accounts) FROM main.ortto_accounts;
SELECT ortto_check('main.ortto_people'), ortto_check('TEMP.Ortto_People'), ortto_check('other.ortto_people');
SELECT ortto_upsert('{"user_id":"a"}', '{"via":"main.ortto_people"}')->>'status', ortto_upsert('{"user_id":"b"}', '{"via":"temp.ortto_accounts"}')->>'status';
SELECT ortto_sync('main.ortto_accounts', 'local')->>'source', ortto_sync('other.ortto_accounts', 'local')->>'unchanged';
SELECT value->>'source', value->>'target' FROM json_each(ortto_sync('temp.ortto_accounts, ORTTO_people', 'crm_'));
SELECT ortto_check('nowhere.ortto_people');
SELECT ortto_upsert('{"user_id":"a"}', '{"via":"nowhere.ortto_people"}');
SELECT ortto_sync('main.accounts', 'local');
SELECT ortto_sync('nowhere.ortto_accounts', 'local');

.print
.print -- A created one hides it, in its own schema and where no schema is said; so does a local one.
CREATE VIRTUAL TABLE temp.ortto_people USING ortto(table=people, columns=ids, fields='str::email');
SELECT ortto_sync('ortto_people', 'p1')->>'source', ortto_sync('temp.ortto_people', 'p2')->>'source', ortto_sync('main.ortto_people', 'p3')->>'source';
SELECT m.name, group_concat(i.name) LIKE 'id,str::email', count(*) = 2 FROM sqlite_schema m, pragma_table_info(m.name) i WHERE m.name GLOB 'p[123]' GROUP BY m.name;
CREATE TABLE ortto_tags(a);
SELECT ortto_check('other.ortto_tags');
SELECT ortto_check('main.ortto_tags');
SELECT ortto_check('ortto_tags');
.print -- A dot in a name.
CREATE VIRTUAL TABLE temp."main.x" USING ortto(table=accounts);
SELECT ortto_check('main.x'), ortto_check('temp.main.x'), ortto_sync('main.x', 'x')->>'source';
