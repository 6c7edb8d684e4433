-- ortto_sync of more fields than SQLite allows columns: the rest is in more_fields, as in the table itself.
-- sandbox: --people 40 --no-archived --custom 6
-- env: ORTTO_RATE=0
.limit column 50
CREATE VIRTUAL TABLE temp.narrow USING ortto(table=people);
SELECT json_extract(ortto_sync('narrow', 'people'), '$.inserted');
SELECT max(name = 'more_fields'), count(*) = (SELECT count(*) FROM pragma_table_info('narrow')) FROM pragma_table_info('people');
SELECT count(*) FROM (SELECT * FROM people EXCEPT SELECT * FROM narrow);
SELECT json_type(more_fields), count(*) FROM people GROUP BY 1;
-- The same again writes nothing; a change inside of it writes one row.
SELECT json_extract(ortto_sync('narrow', 'people'), '$.unchanged');
UPDATE people SET more_fields = json_set(more_fields, '$.x', 1) WHERE id = (SELECT min(id) FROM people);
SELECT json_extract(ortto_sync('narrow', 'people'), '$.updated');
-- The table without a CREATE likewise.
SELECT json_extract(ortto_sync('ortto_people', 'people'), '$.unchanged');
