-- How many requests the size of an answer costs: count(*), LIMIT, whole tables.
-- sandbox: --people 1200 --accounts 60 --audiences 45
-- env: ORTTO_RATE=0 ORTTO_CONCURRENCY=1
.bail on
SELECT name FROM pragma_table_info('ortto_people') WHERE cid = 0;
SELECT name FROM pragma_table_info('ortto_accounts') WHERE cid = 0;
.shell $ROOT/test/sql/requests.sh count
.echo on

-- the whole table: pages of 500 under one cursor
SELECT count(email) > 0 FROM ortto_people;
.shell $ROOT/test/sql/requests.sh

-- count(*) is one request
SELECT count(*) FROM ortto_people;
.shell $ROOT/test/sql/requests.sh counted
SELECT count(*) FROM ortto_accounts;
SELECT count(*) FROM ortto_people WHERE q = 'tom';
SELECT count(*) FROM ortto_people WHERE scope = 'archived';
SELECT count(*) FROM ortto_people WHERE filter = '{"$has_any_value":{"field_id":"str::email"}}';
.shell $ROOT/test/sql/requests.sh counted
SELECT count(1), sum(1) FROM ortto_people;
.shell $ROOT/test/sql/requests.sh counted
SELECT EXISTS (SELECT 1 FROM ortto_people);
.shell $ROOT/test/sql/requests.sh

-- with a condition for SQLite to check, rows are read
SELECT count(*) FROM ortto_people WHERE first_name = 'Anna';
.shell $ROOT/test/sql/requests.sh

-- LIMIT 10: one request of ten rows
SELECT count(*) FROM (SELECT email FROM ortto_people LIMIT 10);
SELECT count(*) FROM (SELECT name FROM ortto_accounts LIMIT 1);
.shell $ROOT/test/sql/requests.sh

-- with OFFSET, and across a page's end
SELECT count(*) FROM (SELECT email FROM ortto_people LIMIT 10 OFFSET 20);
SELECT count(*) FROM (SELECT email FROM ortto_people LIMIT 600);
SELECT count(*) FROM (SELECT email FROM ortto_people LIMIT 10 OFFSET 1175);
SELECT count(*) FROM (SELECT email FROM ortto_people LIMIT 10 OFFSET 5000);
.shell $ROOT/test/sql/requests.sh

-- no limit, and none at all
SELECT count(*) FROM (SELECT email FROM ortto_people LIMIT -1);
.shell $ROOT/test/sql/requests.sh
SELECT count(*) FROM (SELECT email FROM ortto_people LIMIT 0);
.shell $ROOT/test/sql/requests.sh

-- with a condition that SQLite checks the page is a whole one, and one is enough
SELECT count(*) FROM (SELECT email FROM ortto_people WHERE first_name LIKE 'T%' LIMIT 3);
SELECT count(*) FROM (SELECT email FROM ortto_people WHERE first_name = 'Anna' LIMIT 3);
.shell $ROOT/test/sql/requests.sh

-- an order needs them all
SELECT count(*) FROM (SELECT email FROM ortto_people ORDER BY email LIMIT 3);
SELECT count(*) FROM (SELECT DISTINCT country FROM ortto_people LIMIT 3);
.shell $ROOT/test/sql/requests.sh count

-- fewer columns are fewer bytes: three of them, of all
SELECT max(id), max(email), max(first_name) IS NOT NULL FROM (SELECT * FROM ortto_people LIMIT 500) WHERE 0;
SELECT count(*) FROM (SELECT id, email, first_name FROM ortto_people WHERE email IS NOT '' AND first_name IS NOT '');
CREATE TEMP TABLE whole AS SELECT * FROM ortto_people;
SELECT sum(received_bytes) FILTER (WHERE number > 3) / sum(received_bytes) FILTER (WHERE number <= 3) >= 6 AS fewer
  FROM (SELECT received_bytes, row_number() OVER (ORDER BY n) AS number
          FROM (SELECT received_bytes, row_number() OVER () AS n FROM ortto_log WHERE rows > 0 ORDER BY n DESC LIMIT 6));
.shell $ROOT/test/sql/requests.sh count

-- a long list of values: 100 a request
WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 150)
SELECT count(email) FROM ortto_people WHERE email IN (SELECT 'p' || i || '@example.com' FROM n);
.shell $ROOT/test/sql/requests.sh count

-- OR over two columns: a question for each arm, where that is less than reading everybody
SELECT count(email) FROM ortto_people WHERE email = 'nobody@example.com' OR email = 'none@example.com' OR external_id = 'ext-101001';
.shell $ROOT/test/sql/requests.sh

-- the other tables: one request each, audiences 40 at a time
SELECT count(*) FROM ortto_tags;
SELECT count(*) FROM ortto_person_custom_fields;
SELECT count(*) FROM ortto_account_custom_fields;
SELECT count(*) FROM ortto_audiences;
.shell $ROOT/test/sql/requests.sh

-- the activity feed: 40 at a time, of the people given; of nobody where there is none
SELECT count(*) FROM ortto_activities WHERE person_id = 'nobody';
SELECT count(*) FROM ortto_activities WHERE person_id IN (NULL, 5);
.shell $ROOT/test/sql/requests.sh
SELECT count(*) = count(DISTINCT id) FROM ortto_activities WHERE person_id = (SELECT min(id) FROM whole);
.shell $ROOT/test/sql/requests.sh
