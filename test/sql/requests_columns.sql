-- A request names the columns that the statement uses, and no other.
-- sandbox: --people 40 --accounts 10 --custom 14
-- env: ORTTO_RATE=0 ORTTO_CONCURRENCY=1
.bail on
SELECT count(*) FROM ortto_people;
SELECT count(*) FROM ortto_accounts;
.shell $ROOT/test/sql/requests.sh count
.echo on

-- columns of the result, the WHERE, the ORDER BY, the GROUP BY, and the join
SELECT max(length(email)) > 5 FROM ortto_people;
SELECT count(last_name) FROM ortto_people WHERE city LIKE 'O%';
SELECT 1 FROM ortto_people ORDER BY birthday LIMIT 1;
SELECT count(*) > 0 FROM (SELECT 1 FROM ortto_people GROUP BY country);
SELECT count(*) FROM ortto_people p JOIN ortto_accounts a ON a.name = p.last_name;
.shell $ROOT/test/sql/requests.sh

-- the id comes with every record and is not asked for
SELECT count(id) FROM ortto_people;
SELECT count(DISTINCT id) FROM ortto_people;
SELECT count(DISTINCT id) FROM ortto_accounts;
.shell $ROOT/test/sql/requests.sh

-- SQLite tells columns past the 63rd only together
SELECT sum(seats IS NOT NULL) > 0 FROM ortto_people;
.shell $ROOT/test/sql/requests.sh
SELECT sum(notes IS NOT NULL) > 0 FROM ortto_people;
.shell $ROOT/test/sql/requests.sh

-- a table of some fields has them near the front
CREATE VIRTUAL TABLE temp.few USING ortto(table=people, fields='str::email txt:cm:notes int:cm:seats');
.shell $ROOT/test/sql/requests.sh
SELECT sum(notes IS NOT NULL) > 0 FROM few;
.shell $ROOT/test/sql/requests.sh

-- columns beyond what SQLite allows are in more_fields, which is asked for only when it is used
.limit column 20
CREATE VIRTUAL TABLE temp.narrow USING ortto(table=accounts);
.shell $ROOT/test/sql/requests.sh
SELECT count(name) FROM narrow;
.shell $ROOT/test/sql/requests.sh
SELECT count(*) FROM narrow, json_each(more_fields) WHERE json_each.key = 'notes';
.shell $ROOT/test/sql/requests.sh

.limit column 2000
-- an audience's filter is large: it is asked for when it is used
SELECT count(name) > 0 FROM ortto_audiences;
.shell $ROOT/test/sql/requests.sh
SELECT count(filter) > 0 FROM ortto_audiences;
.shell $ROOT/test/sql/requests.sh

-- both arms of a UNION, and a subquery, ask for their own
SELECT count(*) FROM (SELECT email FROM ortto_people UNION SELECT last_name FROM ortto_people);
SELECT (SELECT max(email) FROM ortto_people) IS NOT NULL, (SELECT max(created) FROM ortto_people) IS NOT NULL;
.shell $ROOT/test/sql/requests.sh

-- a view or a CTE in between changes nothing
CREATE TEMP VIEW v AS SELECT email, city, last_name FROM ortto_people;
SELECT count(city) > 0 FROM v;
WITH c AS (SELECT * FROM ortto_people) SELECT count(city) > 0 FROM c;
.shell $ROOT/test/sql/requests.sh
