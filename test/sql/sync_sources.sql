-- ortto_sync: created tables as sources, with their own key, fields and column names; in temp and in other schemas.
-- sandbox: --people 40 --no-archived --accounts 12 --custom 6 --account-custom 1 --tags 5 --audiences 3
-- env: ORTTO_RATE=0
CREATE VIRTUAL TABLE ids USING ortto(table=people, columns=ids, fields='str::email str::first dtz::b');
SELECT json_remove(ortto_sync('ids', 'by_id'), '$.elapsed_ms');
SELECT group_concat(name || ' ' || type, ', ') FROM pragma_table_info('by_id');
SELECT count(*) FROM (SELECT * FROM by_id EXCEPT SELECT * FROM ids);
SELECT json_extract(ortto_sync('ids', 'by_id'), '$.unchanged');

-- With a key of its own where the connection has none.
CREATE VIRTUAL TABLE temp.keyed USING ortto(table=accounts, key='sandbox-key');
SELECT ortto_config('key', 'wrong-key') IS NOT NULL;
SELECT json_extract(ortto_sync('keyed', 'accounts'), '$.inserted');
SELECT ortto_config('key', NULL) IS NOT NULL;

-- With a schema in front of the source, in any case, and with a name that needs quotes.
ATTACH ':memory:' AS aux;
CREATE VIRTUAL TABLE aux.tags2 USING ortto(table=tags);
CREATE VIRTUAL TABLE "my people" USING ortto(table=people, fields='str::email');
SELECT json_extract(ortto_sync('aux.tags2', 'tags'), '$.state'), json_extract(ortto_sync('TEMP.Keyed', 'accounts'), '$.unchanged');
SELECT json_extract(ortto_sync('my people', 'few'), '$.inserted');
SELECT json_extract(ortto_sync('ORTTO_Tags', 'tags'), '$.source');
-- In a list the prefix stands before the name without its ortto_.
SELECT value->>'target' FROM json_each(ortto_sync('ids,aux.tags2,ortto_tags', 'p_'));

-- Every definition of a created table is obeyed: fields=all.
CREATE VIRTUAL TABLE temp.everything USING ortto(table=people, fields=all);
SELECT json_extract(ortto_sync('everything', 'everything_local'), '$.inserted');
SELECT (SELECT count(*) FROM pragma_table_info('everything_local')) = (SELECT count(*) FROM pragma_table_info('everything'));
-- A created table of activities is refused, too.
CREATE VIRTUAL TABLE temp.feed USING ortto(table=activities);
SELECT ortto_sync('feed', 'feed_local');

-- The field list is read at every run: no new connection is needed for a new field.
SELECT json_extract(ortto_sync('ortto_people', 'people'), '$.inserted');
.shell curl -s -o /dev/null -d '{ \"entity\": \"person\",\"id\": \"str:cm:nickname\",\"name\": \"Nickname\",\"display_type\": \"text\"}' $ORTTO_API_URL/sandbox/field
.shell curl -s -o /dev/null -d '{ \"person\": { \"nth\": 0,\"fields\": { \"str:cm:nickname\": \"Zed\"}}}' $ORTTO_API_URL/sandbox/people
SELECT json_extract(ortto_sync('ortto_people', 'people'), '$.updated');
SELECT group_concat(nickname) FROM people;

-- Without ortto_, where no created table has that name; an ordinary one does not count.
CREATE TABLE audiences(x);
SELECT value->>'source', value->>'target', value->>'state' FROM json_each(ortto_sync('tags,Accounts', 'short_'));
SELECT ortto_sync('audiences', 'short_audiences') ->> 'source';
CREATE VIRTUAL TABLE temp.tags USING ortto(table=accounts);
SELECT ortto_sync('tags', 'short_made') ->> 'source';
SELECT count(*) = (SELECT count(*) FROM ortto_accounts) FROM short_made;

-- A name means what it means to SQLite. A created table comes before the one that is there without a CREATE, also where
-- ortto_ was left out and in '*'; that one has the name of any schema; ordinary tables and views do not count.
SELECT ortto_sync('main.ortto_accounts', 'of_main') ->> 'source', ortto_check('main.ortto_accounts');
CREATE VIRTUAL TABLE temp.ortto_accounts USING ortto(table=tags);
SELECT ortto_sync('ortto_accounts', 'of_temp') ->> 'rows' = (SELECT count(*) FROM ortto_tags);
SELECT ortto_sync('accounts', 'of_temp') ->> 'unchanged' = (SELECT count(*) FROM ortto_tags);
SELECT value->>'rows' = (SELECT count(*) FROM ortto_tags) FROM json_each(ortto_sync('*', 'hidden_')) WHERE value->>'source' = 'ortto_accounts';
ATTACH '' AS other;
CREATE TABLE other.ortto_fields(x);
SELECT ortto_sync('ortto_fields', 'of_other') ->> 'state';
SELECT ortto_sync('fields', 'of_other') ->> 'state';
SELECT ortto_sync('other.ortto_fields', 'of_other') ->> 'state';
SELECT ortto_sync('main.ortto_fields', 'of_other') ->> 'state';
CREATE TEMP VIEW ortto_activity_types AS SELECT 1 AS x;
SELECT ortto_sync('ortto_activity_types', 'of_view') ->> 'state';
