-- OFFSET passes over rows without asking anything of them, as count(*) does from SQLite 3.47 on: they are counted, and read once one is asked.
-- sandbox: --people 1200 --accounts 20 --custom 0
-- env: ORTTO_RATE=0 ORTTO_CONCURRENCY=1
CREATE TABLE people AS SELECT id, email FROM ortto_people;
.shell $ROOT/test/sql/requests.sh count
SELECT id = (SELECT id FROM people LIMIT 1 OFFSET 1000) FROM ortto_people LIMIT 1 OFFSET 1000;
SELECT group_concat(id) = (SELECT group_concat(id) FROM (SELECT id FROM people LIMIT -1 OFFSET 700)) FROM (SELECT id FROM ortto_people LIMIT -1 OFFSET 700);
SELECT count(*) = (SELECT count(*) FROM people) - 700 FROM (SELECT id FROM ortto_people LIMIT -1 OFFSET 700);
SELECT count(*) = (SELECT count(*) FROM people), count(DISTINCT id) = count(*) FROM ortto_people;
SELECT count(*) FROM (SELECT id FROM ortto_people LIMIT 5 OFFSET 5000);
SELECT count(*) = 2 * (SELECT count(*) FROM people) FROM (SELECT 1 UNION ALL SELECT 2), ortto_people;
