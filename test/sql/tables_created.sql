-- CREATE VIRTUAL TABLE ... USING ortto(...): arguments by position, by name, quoted, in temp; dropping and describing.
-- sandbox: --people 5 --accounts 4 --custom 2 --account-custom 1 --tags 3 --audiences 2
-- env: ORTTO_EU_KEY=sandbox-key ORTTO_RATE=0

-- By position: region, key, table. (A key of the table's own goes to the address of the environment.)
CREATE VIRTUAL TABLE eu_people USING ortto(eu, 'sandbox-key', people);
SELECT count(*) FROM eu_people;
-- By name, in any order, with blanks, any case of the name, and with the prefix ortto_.
CREATE VIRTUAL TABLE temp.t USING ortto(region=eu, key=env:ORTTO_EU_KEY, table=tags);
SELECT count(*) FROM temp.t;
CREATE VIRTUAL TABLE a1 USING ortto( Table = "accounts" , REGION = 'Australia' );
SELECT count(*) FROM a1;
CREATE VIRTUAL TABLE a2 USING ortto(table=ortto_accounts);
SELECT count(*) FROM a2;
-- Two by position, the third by name.
CREATE VIRTUAL TABLE a3 USING ortto(global, 'sandbox-key', table=audiences);
SELECT count(*) FROM a3;
-- Every table can be created.
CREATE VIRTUAL TABLE b1 USING ortto(table=person_custom_fields);
CREATE VIRTUAL TABLE b2 USING ortto(table=account_custom_fields);
CREATE VIRTUAL TABLE b3 USING ortto(table=activities);
CREATE VIRTUAL TABLE b4 USING ortto(table=fields);
SELECT (SELECT count(*) FROM b1), (SELECT count(*) FROM b2), (SELECT count(*) > 50 FROM b4);
SELECT count(*) <= 1 FROM (SELECT 1 FROM b3 WHERE person_id = (SELECT id FROM eu_people LIMIT 1) LIMIT 1);
-- Every setting but progress and max_deletes is an argument.
CREATE VIRTUAL TABLE c1 USING ortto(table=people, timeout_ms=5000, retries=0, rate=0, concurrency=2, segment_key='psb-x');
SELECT count(*) FROM c1;

-- columns=ids: the columns bear their field ids, in the same order.
CREATE VIRTUAL TABLE ids USING ortto(table=people, columns=ids);
SELECT group_concat(name, ' ') FROM pragma_table_info('ids');
SELECT ids."str::email" IS p.email AND ids."idt::o" IS p.account_id AS same FROM ids JOIN ortto_people p USING (id);
CREATE VIRTUAL TABLE names USING ortto(table=people, columns='names');
SELECT (SELECT group_concat(name) FROM pragma_table_info('names')) = (SELECT group_concat(name) FROM pragma_table_info('ortto_people')) AS same;

-- fields='list', separated by blanks or commas; id comes first, and once.
CREATE VIRTUAL TABLE f1 USING ortto(table=people, fields='str::email int::v,  str:cm:job-title, str::email id');
SELECT group_concat(name, ' ') FROM pragma_table_info('f1');
SELECT count(*), count(DISTINCT id) FROM f1;
CREATE VIRTUAL TABLE f1_case USING ortto(table=people, fields='ID EMAIL');
SELECT group_concat(name, ' ') FROM pragma_table_info('f1_case');
CREATE VIRTUAL TABLE f2 USING ortto(table=accounts, fields="str:o:name", columns=ids);
SELECT group_concat(name, ' ') FROM pragma_table_info('f2');
-- Hidden and activity-derived fields may be listed, and tags.
CREATE VIRTUAL TABLE f3 USING ortto(table=people, fields='bol::hb tags tme::o!f');
SELECT group_concat(name, ' ') FROM pragma_table_info('f3');
-- The standard list, said in words.
CREATE VIRTUAL TABLE f4 USING ortto(table=people, fields=standard);
SELECT (SELECT group_concat(name) FROM pragma_table_info('f4')) = (SELECT group_concat(name) FROM pragma_table_info('ortto_people')) AS same;

-- fields=all: the standard columns under the same names, then more: nothing hidden for filters, no proximity, no current time.
CREATE VIRTUAL TABLE f5 USING ortto(table=people, fields=all);
SELECT count(*) AS lost FROM (SELECT name FROM pragma_table_info('f4') EXCEPT SELECT name FROM pragma_table_info('f5'));
SELECT (SELECT count(*) FROM pragma_table_info('f5')) > (SELECT count(*) FROM pragma_table_info('f4')) + 10 AS more;
CREATE VIRTUAL TABLE f6 USING ortto(table=people, fields=all, columns=ids);
SELECT name FROM pragma_table_info('f6') WHERE name LIKE 'tme::o!_' ORDER BY 1;
SELECT count(*) AS useless FROM pragma_table_info('f6') WHERE name IN ('tme::ct', 'proximity::loc', 'idt::pe_') OR name LIKE '%\_' ESCAPE '\' OR name LIKE 'act:%';
SELECT count(*) FROM f5;

-- A table is dropped and gone.
DROP TABLE f5;
SELECT count(*) FROM f5;
-- What is in the schema is what the user wrote.
SELECT sql FROM sqlite_schema WHERE name = 'eu_people';
-- A created table cannot be used in a view either.
CREATE VIEW v AS SELECT * FROM eu_people;
SELECT count(*) FROM v;
