-- Names of columns: lower snake case, stable whatever the order and the selection, and what happens where they collide.
-- sandbox: --people 2 --accounts 2 --custom 0 --account-custom 0
-- env: ORTTO_RATE=0
-- Each line makes one custom field: id, display type.
CREATE TABLE field(id, display_type, entity DEFAULT 'people');
INSERT INTO field(id, display_type) VALUES
('str:cm:job-title', 'text'),            -- the last part of the id
('str:cm:Job Title 2!', 'text'),         -- runs of other characters become one _
('str:cm:3rd-party', 'text'),
('str:cm:-edge-', 'text'),
('str:cm:select', 'text'),               -- words of SQL
('str:cm:email', 'text'),                -- custom_: collides with a built-in column
('str:cm:created', 'text'),
('bol:cm:tags', 'bool'),
('str:cm:id', 'text'),                   -- custom_: collides with the key
('str:cm:filter', 'text'),               -- custom_: collides with hidden columns
('str:cm:q', 'text'), ('str:cm:scope', 'text'), ('str:cm:sort', 'text'), ('str:cm:audience', 'text'),
('int:cm:score', 'integer'), ('str:cm:score', 'text'),          -- _type: collide with each other
('int:cm:birthday', 'integer'), ('dtz:cm:birthday', 'date'),    -- both: with a built-in and each other
('str:cm:a-b', 'text'), ('str:cm:a_b', 'text'),                 -- field ids: still the same with the type
('str:cm:---', 'text'),                  -- only _: a name like any other
('str:cm:', 'text'),                     -- empty: field id
('str:cm:город', 'text'), ('str:cm:🙂', 'text'), ('int:cm:имя', 'integer'),  -- nothing of a-z or 0-9: _ for all three
('str:cm:it''s "x" [y]', 'text'),
('str:cm:edited', 'text'), ('str:cm:custom-edited', 'text'),   -- what another one is renamed to: ids for both
('int:cm:rank', 'integer'), ('str:cm:rank', 'text'), ('str:cm:rank-int', 'text');
INSERT INTO field VALUES ('str:oc:name', 'text', 'accounts'), ('str:oc:email', 'text', 'accounts'), ('str:oc:tags', 'text', 'accounts'), ('str:oc:audience', 'text', 'accounts');
.once '|while read -r line; do printf %s "$line" | curl -s -o /dev/null --data-binary @- $ORTTO_API_URL/sandbox/field; done'
SELECT json_object('entity', entity, 'id', id, 'name', 'Name of ' || id, 'display_type', display_type) FROM field;
.once '|curl -s -o /dev/null --data-binary @- $ORTTO_API_URL/sandbox/people'
SELECT json_object('person', json_object('nth', 0, 'fields', json((SELECT json_group_object(id, 'value of ' || id) FROM field WHERE entity = 'people'))));

-- The names, by field id.
CREATE TABLE first AS SELECT entity, id, column_name FROM ortto_fields WHERE custom;
SELECT id, column_name FROM first WHERE entity = 'people' ORDER BY id;
SELECT id, column_name FROM first WHERE entity = 'accounts' ORDER BY id;
-- ortto_fields and the table agree.
SELECT count(*) AS missing FROM (SELECT column_name FROM first WHERE entity = 'people' EXCEPT SELECT name FROM pragma_table_info('ortto_people'));
SELECT count(*) AS missing FROM (SELECT column_name FROM first WHERE entity = 'accounts' EXCEPT SELECT name FROM pragma_table_info('ortto_accounts'));

-- Each column holds the value of its own field.
SELECT job_title, job_title_2_, "3rd_party", _edge_, "select" FROM ortto_people LIMIT 1;
SELECT custom_email, custom_created, custom_tags, custom_id, custom_filter, custom_q, custom_scope, custom_sort, custom_audience FROM ortto_people LIMIT 1;
SELECT score_int, score_str, custom_birthday_int, custom_birthday_dtz FROM ortto_people LIMIT 1;
SELECT "str:cm:edited", "str:cm:custom-edited", "int:cm:rank", rank_str, "str:cm:rank-int" FROM ortto_people LIMIT 1;
SELECT "str:cm:a-b", "str:cm:a_b" FROM ortto_people LIMIT 1;
SELECT it_s_x_y_ FROM ortto_people LIMIT 1;

-- The server lists fields in another order each time (the sandbox does): the names and their order stay.
CREATE VIRTUAL TABLE one USING ortto(table=people);
CREATE VIRTUAL TABLE two USING ortto(table=people);
SELECT (SELECT group_concat(name) FROM pragma_table_info('one')) = (SELECT group_concat(name) FROM pragma_table_info('two')) AS same;
-- The same names under fields=all, and under a list of some.
CREATE VIRTUAL TABLE every USING ortto(table=people, fields=all);
SELECT count(*) AS missing FROM (SELECT name FROM pragma_table_info('one') EXCEPT SELECT name FROM pragma_table_info('every'));
CREATE VIRTUAL TABLE some USING ortto(table=people, fields='int:cm:score, dtz:cm:birthday, str:cm:email, str:cm:a_b');
SELECT group_concat(name, ' ') FROM pragma_table_info('some');
-- columns=ids: the field ids, whatever they look like.
CREATE VIRTUAL TABLE ids USING ortto(table=people, columns=ids);
SELECT count(*) AS missing FROM (SELECT id FROM field WHERE entity = 'people' EXCEPT SELECT name FROM pragma_table_info('ids'));
SELECT "str:cm:it's ""x"" [y]", "str:cm:🙂" FROM ids LIMIT 1;

-- A field that comes later changes only names that it collides with; these tables keep theirs while the connection lasts.
.once '|curl -s -o /dev/null --data-binary @- $ORTTO_API_URL/sandbox/field'
SELECT json_object('entity', 'people', 'id', 'int:cm:job-title', 'name', 'x', 'display_type', 'integer');
SELECT job_title IS NOT NULL FROM one LIMIT 1;
CREATE VIRTUAL TABLE later USING ortto(table=people);
SELECT name FROM pragma_table_info('later') EXCEPT SELECT name FROM pragma_table_info('one') ORDER BY 1;
SELECT name FROM pragma_table_info('one') EXCEPT SELECT name FROM pragma_table_info('later') ORDER BY 1;

-- Ids that differ only in case are two columns, whose names do not depend on the selection or its order either.
.once '|while read -r line; do printf %s "$line" | curl -s -o /dev/null --data-binary @- $ORTTO_API_URL/sandbox/field; done'
SELECT json_object('entity', 'people', 'id', value, 'name', 'x', 'display_type', 'text') FROM json_each('["str:cm:case", "str:cm:Case"]');
CREATE VIRTUAL TABLE cases USING ortto(table=people);
CREATE VIRTUAL TABLE turned USING ortto(table=people, fields='str:cm:case str:cm:Case');
CREATE VIRTUAL TABLE lower USING ortto(table=people, fields='str:cm:case');
CREATE VIRTUAL TABLE upper USING ortto(table=people, fields='str:cm:Case');
SELECT name AS differs FROM pragma_table_info('turned') EXCEPT SELECT name FROM pragma_table_info('cases');
SELECT name AS differs FROM pragma_table_info('lower') EXCEPT SELECT name FROM pragma_table_info('cases');
SELECT (SELECT name FROM pragma_table_info('lower') WHERE cid = 1) <> (SELECT name FROM pragma_table_info('upper') WHERE cid = 1) AS two;
SELECT count(*) FROM turned;
