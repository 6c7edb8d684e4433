-- The hidden column _rowid_ is the id: programs with a grid for editing write WHERE "_rowid_"='...', whatever the table.
-- sandbox: --people 300 --accounts 20 --audiences 3 --custom 0
-- env: ORTTO_RATE=0 ORTTO_CONCURRENCY=1
.once '|while read -r line; do printf %s "$line" | curl -s -o /dev/null --data-binary @- $ORTTO_API_URL/sandbox/field; done'
SELECT json_object('entity', 'people', 'id', column1, 'name', column1, 'display_type', 'text')
  FROM (VALUES ('str:cm:rowid'), ('str:cm:oid'), ('str:cm:-rowid-'));
CREATE TABLE people AS SELECT * FROM ortto_people;
CREATE TABLE one AS SELECT id FROM people LIMIT 1;
.shell $ROOT/test/sql/requests.sh count
-- It is no part of *, and no custom field is taken for it.
SELECT name, hidden FROM pragma_table_xinfo('ortto_people') WHERE name LIKE '%rowid%' OR name LIKE '%oid';
SELECT count(*), sum(_rowid_ = id), count(rowid), count(oid), count(custom__rowid_) FROM ortto_people;
-- It finds one row, by its id, and none where it is no id.
SELECT count(*), min(id) = (SELECT id FROM one) FROM ortto_people WHERE "_rowid_" = (SELECT id FROM one);
SELECT count(*) FROM ortto_people WHERE "_rowid_" = '_rowid_';
SELECT count(*) FROM ortto_people WHERE _rowid_ IN (SELECT id FROM people LIMIT 5);
SELECT count(*) FROM ortto_people WHERE _rowid_ = (SELECT id FROM one) AND id = _rowid_;
.shell $ROOT/test/sql/requests.sh count
-- A cell edited in a grid, and a row deleted there, are one record each.
CREATE VIRTUAL TABLE temp.vt USING ortto(table=people, fields='geo::city str::email');
BEGIN;
UPDATE vt SET city = 'Oslo' WHERE "_rowid_" = (SELECT id FROM one);
UPDATE vt SET city = 'Rome' WHERE "_rowid_" = '_rowid_';
DELETE FROM vt WHERE "_rowid_" = '_rowid_';
COMMIT;
SELECT sum(l.city IS NOT p.city), (SELECT city FROM ortto_people WHERE id = (SELECT id FROM one)) FROM vt l JOIN people p USING (id);
DELETE FROM ortto_accounts WHERE "_rowid_" IN (SELECT id FROM ortto_accounts LIMIT 1);
SELECT count(*) FROM ortto_accounts;
-- It cannot be written.
UPDATE vt SET _rowid_ = 'x' WHERE id = (SELECT id FROM one);
INSERT INTO vt(_rowid_, email) VALUES ('x', 'x@example.com');
-- Every other table with a key of one column has it.
SELECT count(*), sum(_rowid_ = id) FROM ortto_accounts;
SELECT count(*), sum(_rowid_ = id), count(CASE WHEN _rowid_ = 'x' THEN 1 END) FROM ortto_audiences;
SELECT count(*), sum(_rowid_ = id) FROM ortto_person_custom_fields;
SELECT count(*) >= 0, ifnull(sum(_rowid_ <> id), 0) FROM ortto_activities WHERE person_id = (SELECT id FROM one);
SELECT m.name FROM sqlite_schema m, pragma_table_xinfo(m.name) WHERE 0;
