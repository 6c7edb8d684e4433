-- Two thousand custom fields that differ only in the case of letters: each has a column, soon.
-- sandbox: --people 1 --accounts 1 --custom 0 --account-custom 0
-- env: ORTTO_RATE=0
.once '|curl -s -o /dev/null --data-binary @- $ORTTO_API_URL/sandbox/fault'
WITH n(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n WHERE i<1999),
     bits(i, b, id) AS (SELECT i, 0, '' FROM n UNION ALL
                        SELECT i, b+1, id || CASE WHEN i >> b & 1 THEN upper(substr('abcdefghijk', b+1, 1)) ELSE substr('abcdefghijk', b+1, 1) END FROM bits WHERE b<11)
SELECT json_object('kind', 'replace', 'path', '/v1/person/custom-field/get', 'body',
                   json_object('fields', json_group_array(json_object('field', json_object('id', 'str:cm:' || id, 'name', id, 'display_type', 'text'))))) FROM bits WHERE b=11;
SELECT count(*), count(DISTINCT lower(name)), max(length(name)) < 40 FROM pragma_table_info('ortto_people') WHERE name LIKE 'str:cm:%' OR name = 'more_fields';
SELECT count(*) FROM ortto_people;
SELECT max(ms) < 3000 FROM ortto_log;
