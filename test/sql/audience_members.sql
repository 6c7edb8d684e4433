-- Who is in which audience: of those that are named, else of all; the id alone is asked for, 500 a request.
-- sandbox: --people 1200 --accounts 5 --audiences 50
-- env: ORTTO_RATE=0
CREATE TABLE a AS SELECT id, name, members FROM ortto_audiences;
CREATE TABLE m AS SELECT * FROM ortto_audience_members;
PRAGMA table_info(ortto_audience_members);
SELECT count(*) = (SELECT sum(members) FROM a), count(DISTINCT audience_id) = (SELECT count(*) FROM a WHERE members > 0) FROM m;
SELECT count(*) FROM (SELECT audience_id FROM m GROUP BY audience_id, person_id HAVING count(*) > 1);
SELECT count(*) FROM (SELECT person_id FROM m WHERE audience_name = 'Subscribers' EXCEPT SELECT id FROM ortto_people WHERE audience = 'Subscribers');
.shell $ROOT/test/sql/requests.sh count

.print -- One audience, by name and by id
SELECT count(*) > 500 FROM ortto_audience_members WHERE audience_name = 'Subscribers';
.shell $ROOT/test/sql/requests.sh
SELECT count(*) > 500 FROM ortto_audience_members WHERE audience_id = (SELECT id FROM a WHERE name = 'Subscribers');
.shell $ROOT/test/sql/requests.sh count
SELECT count(*) FROM (SELECT * FROM ortto_audience_members WHERE audience_name = 'Subscribers' LIMIT 3);
SELECT count(*) FROM (SELECT * FROM ortto_audience_members LIMIT 3);
.shell $ROOT/test/sql/requests.sh
EXPLAIN QUERY PLAN SELECT person_id FROM ortto_audience_members WHERE audience_id = 'x';
EXPLAIN QUERY PLAN SELECT person_id FROM ortto_audience_members WHERE audience_name IN ('x', 'y');

.print -- Lists, ORs, joins
SELECT audience_name, count(*) = (SELECT sum(members) FROM a WHERE name = audience_name) FROM ortto_audience_members WHERE audience_name IN ('Subscribers', 'Engaged', 'Twins', 'none', NULL) GROUP BY 1;
SELECT count(*) = (SELECT sum(members) FROM a WHERE name IN ('Engaged', 'Twins')) FROM ortto_audience_members WHERE audience_id IN (SELECT id FROM a WHERE name IN ('Engaged', 'Twins'));
SELECT count(*) = (SELECT count(*) FROM m WHERE audience_name = 'Engaged' OR person_id > '8') FROM ortto_audience_members WHERE audience_name = 'Engaged' OR person_id > '8';
SELECT count(*) = (SELECT count(*) FROM m WHERE audience_name = 'Engaged' OR audience_id = (SELECT min(id) FROM a)) FROM ortto_audience_members WHERE audience_name = 'Engaged' OR audience_id = (SELECT min(id) FROM a);
SELECT count(*) = (SELECT count(*) FROM m WHERE audience_name = 'Engaged') FROM ortto_audience_members x JOIN a ON a.id = x.audience_id AND a.name = 'Engaged';
SELECT count(*) FROM ortto_audience_members WHERE audience_name = 'Engaged' AND audience_id = (SELECT id FROM a WHERE name = 'Subscribers');
SELECT count(*) = (SELECT count(*) FROM m WHERE audience_name = 'Engaged' COLLATE NOCASE) FROM ortto_audience_members WHERE audience_name = 'ENGAGED' COLLATE NOCASE;

.print -- Unknown ones have no rows
.shell $ROOT/test/sql/requests.sh count
SELECT count(*) FROM ortto_audience_members WHERE audience_name = 'nope';
.shell $ROOT/test/sql/requests.sh count
SELECT count(*) FROM ortto_audience_members WHERE audience_name = NULL;
SELECT count(*) FROM ortto_audience_members WHERE audience_id IN ();
SELECT count(*) FROM ortto_audience_members WHERE audience_id IN ('x', 7);
SELECT count(*) FROM ortto_audience_members WHERE audience_id = x'00';
.shell $ROOT/test/sql/requests.sh count
SELECT count(*) FROM ortto_audience_members WHERE audience_id = '0123456789abcdef01234567';
.shell $ROOT/test/sql/requests.sh count

.print -- A table of one's own, a copy
CREATE VIRTUAL TABLE temp.mine USING ortto(table=ortto_audience_members);
SELECT count(*) = (SELECT count(*) FROM m) FROM mine;
INSERT INTO mine VALUES('a', 'b', 'c');
SELECT ortto_sync('audience_members', 'copy')->>'inserted' > 0;
SELECT ortto_sync('ortto_audience_members', 'copy')->>'unchanged' > 0;
SELECT count(*) = (SELECT count(*) FROM m) FROM copy;
SELECT count(*) FROM (SELECT * FROM copy EXCEPT SELECT * FROM m);
SELECT group_concat(name) FROM (SELECT name FROM pragma_table_info('copy') WHERE pk > 0 ORDER BY pk);
SELECT group_concat(value->>'target', ' ') FROM json_each(ortto_sync('*', 'all_'));
SELECT ortto_sync('ortto_tags', 'ortto_settings');
