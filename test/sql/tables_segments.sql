-- A segment as a table: audience= and filter= as arguments, which count as those constraints in all that follows.
-- sandbox: --people 1200 --accounts 40 --custom 3 --audiences 4
-- env: ORTTO_RATE=0
CREATE VIRTUAL TABLE temp.s USING ortto(table=people, audience='Subscribers');
CREATE VIRTUAL TABLE temp.f USING ortto(table=people, filter='{"$has_any_value":{"field_id":"str::email"}}');
CREATE VIRTUAL TABLE temp.both USING ortto(table=people, audience="Engaged", filter='{"$has_any_value":{"field_id":"str::email"}}');
CREATE VIRTUAL TABLE temp.a USING ortto(table=accounts, filter='{"$has_any_value":{"field_id":"str:o:name"}}');
CREATE TABLE all_people AS SELECT id, email, city FROM ortto_people;
CREATE TABLE members AS SELECT id FROM ortto_people WHERE audience = 'Subscribers';
CREATE TABLE engaged AS SELECT id FROM ortto_people WHERE audience = 'Engaged';

.print -- What is in it
SELECT count(*) = (SELECT count(*) FROM members) FROM s;
SELECT count(*) FROM (SELECT id FROM s EXCEPT SELECT id FROM members);
SELECT count(*) = (SELECT count(email) FROM all_people) FROM f;
SELECT count(*) = (SELECT count(email) FROM all_people JOIN engaged USING(id)) FROM both;
SELECT count(*) > 0 FROM a;
SELECT DISTINCT audience FROM s;
SELECT DISTINCT audience, filter FROM both;

.print -- Conditions beside it; a person outside is no row, by id neither
SELECT count(*) = (SELECT count(*) FROM members JOIN all_people USING(id) WHERE city = 'Oslo') FROM s WHERE city = 'Oslo';
SELECT count(*) = (SELECT count(*) FROM members JOIN all_people USING(id) WHERE email IS NULL) FROM s WHERE email IS NULL;
SELECT count(*) FROM s WHERE id = (SELECT id FROM all_people EXCEPT SELECT id FROM members LIMIT 1);
SELECT count(*) FROM s WHERE id = (SELECT id FROM members LIMIT 1);
SELECT count(*) = (SELECT count(*) FROM members) FROM s WHERE id IN (SELECT id FROM all_people);
SELECT count(*) FROM s WHERE id = 'x' OR email = (SELECT email FROM members JOIN all_people USING(id) WHERE email IS NOT NULL LIMIT 1);
SELECT count(*) FROM (SELECT * FROM s ORDER BY created LIMIT 7);
SELECT count(*) = (SELECT count(email) FROM all_people JOIN members USING(id)) FROM s WHERE filter = '{"$has_any_value":{"field_id":"str::email"}}';
SELECT count(*) = (SELECT count(*) FROM members JOIN engaged USING(id)) FROM s JOIN engaged USING(id);
EXPLAIN QUERY PLAN SELECT email FROM both WHERE id = 'x';
.shell $ROOT/test/sql/requests.sh count
SELECT count(*) FROM (SELECT email FROM both LIMIT 5);
.shell $ROOT/test/sql/requests.sh

.print -- A second one
SELECT count(*) FROM s WHERE audience = 'Engaged';
SELECT count(*) FROM s WHERE audience IN ('Engaged', 'Subscribers');
SELECT count(*) FROM s WHERE audience = 'Subscribers';
SELECT count(*) FROM f WHERE filter = '{}';
SELECT count(*) FROM f WHERE audience = 'Subscribers' AND filter LIKE '{%';
SELECT count(*) FROM s WHERE scope = 'archived';

.print -- Writing
INSERT INTO s(email) VALUES('new@example.com');
INSERT OR IGNORE INTO f(email) VALUES('new@example.com');
DELETE FROM s WHERE id = (SELECT id FROM members LIMIT 1);
DELETE FROM f;
UPDATE s SET city = 'Rome' WHERE id = (SELECT id FROM members LIMIT 1);
UPDATE s SET city = 'Rome' WHERE id = (SELECT id FROM all_people EXCEPT SELECT id FROM members LIMIT 1);
SELECT count(*) FROM ortto_people WHERE city = 'Rome' AND id IN (SELECT id FROM members LIMIT 1);

.print -- As the source of a sync
SELECT ortto_sync('s', 'seg')->>'state';
SELECT count(*) = (SELECT count(*) FROM members) FROM seg;
SELECT count(*) FROM (SELECT id FROM seg EXCEPT SELECT id FROM members);
SELECT ortto_sync('s', 'seg', 'changes');
SELECT ortto_sync('f', 'seg')->>'inserted' > 0;
SELECT ortto_sync('s', 'seg')->>'deleted' > 0;
DROP TABLE s;
CREATE VIRTUAL TABLE temp.s USING ortto(table=people);
SELECT ortto_sync('s', 'seg', 'changes')->>'inserted' > 0;
SELECT count(*) = (SELECT count(*) FROM all_people) FROM seg;

.print -- What is refused
CREATE VIRTUAL TABLE temp.x USING ortto(table=people, audience='Subscriber');
CREATE VIRTUAL TABLE temp.x USING ortto(table=people, audience='Twins');
CREATE VIRTUAL TABLE temp.x USING ortto(table=people, audience='');
CREATE VIRTUAL TABLE temp.x USING ortto(table=people, filter='[{}]');
CREATE VIRTUAL TABLE temp.x USING ortto(table=people, filter='{');
CREATE VIRTUAL TABLE temp.x USING ortto(table=accounts, audience='Subscribers');
CREATE VIRTUAL TABLE temp.x USING ortto(table=tags, audience='Subscribers');
CREATE VIRTUAL TABLE temp.x USING ortto(table=audience_members, filter='{}');
CREATE VIRTUAL TABLE temp.x USING ortto(table=people, audience=a, audience=b);
SELECT count(*) FROM temp.sqlite_schema WHERE name = 'x';
