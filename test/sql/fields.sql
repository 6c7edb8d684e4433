-- ortto_fields: every field that people and accounts can have, from three sources.
-- sandbox: --people 2 --accounts 2 --custom 14 --account-custom 5
-- env: ORTTO_RATE=0
.nullvalue NULL
SELECT entity, count(*) = count(DISTINCT id), count(*) = count(DISTINCT column_name) FROM ortto_fields GROUP BY 1;
-- Built-in ones, also hidden ones and helpers; types and flags.
SELECT id, name, column_name, display_type, sql_type, read_only, hidden, custom, choices FROM ortto_fields WHERE entity = 'people'
   AND id IN ('str::email', 'str::first', 'int::v', 'int::e', 'bol::p', 'bol::hb', 'dtz::b', 'phn::phone', 'geo::city', 'idt::o', 'a', 'c', 'tags', 'u4s::t', 'proximity::loc', 'tme::ct', 'tme::m_', 'str::person_id') ORDER BY id;
SELECT id, name, column_name, display_type, sql_type, read_only, hidden, custom FROM ortto_fields WHERE entity = 'accounts'
   AND id IN ('str:o:name', 'int:o:employees', 'oc', 'oe', 'ids:o:p', 'str:o:as', 'u4s:o:t', 'str:o:website') ORDER BY id;
-- Custom ones, with their choices.
SELECT id, name, column_name, display_type, sql_type, read_only, hidden, choices FROM ortto_fields WHERE custom AND entity = 'people' ORDER BY id;
SELECT id, column_name, sql_type FROM ortto_fields WHERE custom AND entity = 'accounts' ORDER BY id;
-- What only the instance schema lists: activity-derived fields and integrations. Activities themselves are no fields.
SELECT id, column_name, sql_type FROM ortto_fields WHERE id IN ('tme::o!f', 'bol:sh:accepts', 'int:sh:total') ORDER BY id;
SELECT count(*) FROM ortto_fields WHERE id LIKE 'act:%';
-- Every column of the tables is in it, but for id and the hidden ones.
SELECT name FROM pragma_table_info('ortto_people') EXCEPT SELECT column_name FROM ortto_fields WHERE entity = 'people';
SELECT name FROM pragma_table_info('ortto_accounts') EXCEPT SELECT column_name FROM ortto_fields WHERE entity = 'accounts';
SELECT count(*) AS wrong_types FROM pragma_table_info('ortto_people') c JOIN ortto_fields f ON f.entity = 'people' AND f.column_name = c.name WHERE c.type <> f.sql_type;
-- Ortto lists custom fields in another order each time; neither the rows nor what an error proposes follows it.
WITH shown AS (SELECT entity, id, lag(id) OVER (PARTITION BY entity) AS before FROM ortto_fields WHERE custom)
SELECT entity, count(*), count(*) FILTER (WHERE before > id) AS out_of_order FROM shown GROUP BY 1;
