-- Members of several audiences, each once; and whatever a hidden column cannot be used for is an error, whatever the order of a join.
-- sandbox: --people 1200 --audiences 45
-- env: ORTTO_RATE=0 ORTTO_CONCURRENCY=1
CREATE TABLE a(name);
INSERT INTO a VALUES ('Trial'), ('Engaged');
CREATE TABLE trial AS SELECT id, email, city FROM ortto_people WHERE audience = 'Trial';
CREATE TABLE engaged AS SELECT id, email, city FROM ortto_people WHERE audience = 'Engaged';
CREATE TABLE both AS SELECT * FROM trial UNION SELECT * FROM engaged;
SELECT (SELECT count(*) FROM trial) + (SELECT count(*) FROM engaged) > count(*) AS shared FROM both;
.shell $ROOT/test/sql/requests.sh count
-- A list, an OR, a subquery: the members of any of them, each once, from one list of the audiences.
SELECT count(*) = (SELECT count(*) FROM both), count(*) = count(DISTINCT id) FROM ortto_people WHERE audience IN ('Trial', 'Engaged');
.shell $ROOT/test/sql/requests.sh
SELECT count(*) = (SELECT count(*) FROM both), count(*) = count(DISTINCT id) FROM ortto_people WHERE audience = 'Trial' OR audience = 'Engaged';
SELECT count(*) = (SELECT count(*) FROM both), count(*) = count(DISTINCT id) FROM ortto_people WHERE audience IN (SELECT name FROM a);
SELECT count(*) = (SELECT count(*) FROM both) FROM ortto_people WHERE audience IN (SELECT name FROM a);
-- By id or by name, and one named twice; NULL is none of them.
SELECT count(*) = (SELECT count(*) FROM trial) FROM ortto_people WHERE audience IN ('Trial', (SELECT id FROM ortto_audiences WHERE name = 'Trial'), NULL);
SELECT count(*) FROM ortto_people WHERE audience IN (NULL);
SELECT count(*) FROM ortto_people WHERE audience IN (SELECT name FROM a WHERE 0);
-- It reads as the first that fits.
SELECT audience, count(*) = (SELECT count(*) FROM engaged) OR audience = 'Trial' FROM ortto_people WHERE audience IN (SELECT name FROM a) GROUP BY 1;
-- The rest of the WHERE holds, and conditions go on being pushed.
SELECT count(*) = (SELECT count(*) FROM both WHERE city = 'Oslo') FROM ortto_people WHERE audience IN (SELECT name FROM a) AND city = 'Oslo';
.shell $ROOT/test/sql/requests.sh count
SELECT count(*) = (SELECT count(*) FROM both WHERE email IS NOT NULL) FROM ortto_people WHERE audience IN ('Trial', 'Engaged') AND email IS NOT NULL;
SELECT count(*) FROM ortto_people WHERE audience IN ('Trial', 'Engaged') AND email IN (SELECT email FROM both LIMIT 3);
.shell $ROOT/test/sql/requests.sh
-- One that is not there is an error.
SELECT count(*) FROM ortto_people WHERE audience IN ('Trial', 'engaged');
SELECT count(*) FROM ortto_people WHERE audience = 'TRIAL';
SELECT count(*) FROM ortto_people WHERE audience = 'Trail';
SELECT count(*) FROM ortto_people WHERE audience = 'Something else';
-- The order of a join does not matter.
SELECT t.name, count(*) = (SELECT count(*) FROM trial) OR t.name = 'Engaged' FROM a t JOIN ortto_people p ON p.audience = t.name GROUP BY 1;
SELECT t.name, count(*) = (SELECT count(*) FROM trial) OR t.name = 'Engaged' FROM ortto_people p JOIN a t ON p.audience = t.name GROUP BY 1;
SELECT t.name, count(*) FROM ortto_people p, a t, (SELECT 1) WHERE p.audience = t.name AND p.email IS NULL GROUP BY 1 HAVING 0;
SELECT t.name, count(p.id) > 100 FROM a t LEFT JOIN ortto_people p ON p.audience = t.name GROUP BY 1;
SELECT count(*) = (SELECT count(*) FROM a) FROM a WHERE EXISTS (SELECT 1 FROM ortto_people p WHERE p.audience = a.name);
SELECT count(*) FROM ortto_people p CROSS JOIN a t ON p.audience = t.name;
-- What is no equality is an error, and so is a second one, and a column that is read without.
.shell $ROOT/test/sql/requests.sh count
SELECT count(*) FROM ortto_people WHERE audience <> 'Trial';
SELECT count(*) FROM ortto_people WHERE audience LIKE 'T%';
SELECT count(*) FROM ortto_people WHERE audience > 'T';
SELECT count(*) FROM ortto_people WHERE audience BETWEEN 'A' AND 'Z';
SELECT count(*) FROM ortto_people WHERE audience IS NOT NULL;
SELECT count(*) FROM ortto_people WHERE audience IS 'Trial';
SELECT count(*) FROM ortto_people WHERE lower(audience) = 'trial';
SELECT count(*) FROM ortto_people WHERE NOT audience = 'Trial';
SELECT count(*) FROM ortto_people WHERE audience = 'Trial' OR city = 'Oslo';
SELECT count(*) FROM ortto_people WHERE audience = 'Trial' AND audience = 'Engaged';
SELECT count(*) FROM ortto_people WHERE audience = 'Trial' AND audience IN ('Trial', 'Engaged');
SELECT count(*) FROM ortto_people WHERE sort IN ('email', 'city');
SELECT audience FROM ortto_people LIMIT 1;
SELECT count(*) FROM ortto_people GROUP BY scope;
SELECT count(*) FROM a t LEFT JOIN ortto_people p WHERE lower(p.audience) = 'trial';
