-- What an id costs: get-by-ids, 100 ids a request, and never an id that the server would call bad.
-- sandbox: --people 1200 --accounts 60
-- env: ORTTO_RATE=0 ORTTO_CONCURRENCY=1
.bail on
CREATE TEMP TABLE everybody AS SELECT row_number() OVER (ORDER BY id) AS n, id, email FROM ortto_people;
CREATE TEMP TABLE companies AS SELECT row_number() OVER (ORDER BY id) AS n, id, name FROM ortto_accounts;
CREATE TEMP TABLE gone AS SELECT row_number() OVER (ORDER BY id) AS n, id FROM ortto_people WHERE scope = 'archived';
.shell $ROOT/test/sql/requests.sh count
.echo on

-- one id: one request, which asks for the wanted field and for what tells whether the person is archived
SELECT count(email) FROM ortto_people WHERE id = (SELECT id FROM everybody WHERE n = 5);
.shell $ROOT/test/sql/requests.sh

-- accounts have ids too
SELECT name = (SELECT name FROM companies WHERE n = 5) FROM ortto_accounts WHERE id = (SELECT id FROM companies WHERE n = 5);
.shell $ROOT/test/sql/requests.sh

-- a list of ids in one request, each once
SELECT count(*), count(email) FROM ortto_people WHERE id IN
  ((SELECT id FROM everybody WHERE n = 1), (SELECT id FROM everybody WHERE n = 2), (SELECT id FROM everybody WHERE n = 1));
.shell $ROOT/test/sql/requests.sh

-- OR on the id is a list as well
SELECT count(*) FROM ortto_people WHERE id = (SELECT id FROM everybody WHERE n = 1) OR id = (SELECT id FROM everybody WHERE n = 2);
.shell $ROOT/test/sql/requests.sh

-- 1,000 ids are ten requests
SELECT count(email), sum(email = (SELECT email FROM everybody e WHERE e.id = p.id)) FROM ortto_people p
 WHERE id IN (SELECT id FROM everybody WHERE n <= 1000);
.shell $ROOT/test/sql/requests.sh
SELECT count(*) FROM ortto_people WHERE id IN (SELECT id FROM everybody WHERE n <= 101);
.shell $ROOT/test/sql/requests.sh

-- other conditions on the same rows are left to SQLite
SELECT count(*) FROM ortto_people WHERE id IN (SELECT id FROM everybody WHERE n <= 10) AND email = (SELECT email FROM everybody WHERE n = 3);
.shell $ROOT/test/sql/requests.sh

-- an id that nobody has is no row
SELECT count(*) FROM ortto_people WHERE id = '0000000000000000000000ff';
.shell $ROOT/test/sql/requests.sh

-- what cannot be an id is not sent: no request that the server would call bad
SELECT count(*) FROM ortto_people WHERE id = 'nobody';
SELECT count(*) FROM ortto_people WHERE id = '';
SELECT count(*) FROM ortto_people WHERE id = NULL;
SELECT count(*) FROM ortto_people WHERE id IS NULL;
SELECT count(*) FROM ortto_people WHERE id = 17;
SELECT count(*) FROM ortto_people WHERE id = 1.5;
SELECT count(*) FROM ortto_people WHERE id = x'303036386462613162306432643030303030316630643030';
SELECT count(*) FROM ortto_people WHERE id = '8c0d1a52-4f4b-4c1e-9d6b-0b7d6b2f9a10';
SELECT count(*) FROM ortto_people WHERE id = (SELECT upper(id) FROM everybody WHERE n = 1) || '0';
SELECT count(*) FROM ortto_people WHERE id IN (1, 'two', NULL, x'33');
SELECT count(*) FROM ortto_people WHERE id IN ();
SELECT count(*) FROM ortto_people WHERE id IN (SELECT id FROM everybody WHERE n < 0);
SELECT count(*) FROM ortto_people WHERE id = '000000000000000000000000';
.shell $ROOT/test/sql/requests.sh

-- among good ones it is left out
SELECT count(*) FROM ortto_people WHERE id IN (SELECT id FROM everybody WHERE n <= 5 UNION ALL SELECT 'not an id' UNION ALL SELECT NULL UNION ALL SELECT 5);
.shell $ROOT/test/sql/requests.sh

-- comparing without regard to case finds what a scan finds
SELECT count(*) FROM ortto_people WHERE id = (SELECT upper(id) FROM everybody WHERE n = 1) COLLATE NOCASE;
SELECT count(*) FROM ortto_people WHERE id = (SELECT id || '  ' FROM everybody WHERE n = 1) COLLATE RTRIM;
SELECT count(*) FROM ortto_people WHERE id COLLATE NOCASE IN (SELECT upper(id) FROM everybody WHERE n <= 3);
.shell $ROOT/test/sql/requests.sh count

-- an archived person is not a row, also when asked for by id; scope = 'archived' does not fetch by id
SELECT count(*) FROM gone;
SELECT count(*) FROM ortto_people WHERE id IN (SELECT id FROM gone);
.shell $ROOT/test/sql/requests.sh
SELECT count(*) FROM ortto_people WHERE scope = 'archived' AND id IN (SELECT id FROM gone WHERE n <= 2);
.shell $ROOT/test/sql/requests.sh

-- other tables are small: their one list is read, and SQLite looks for the id
SELECT count(*) FROM ortto_tags WHERE id = 1;
.shell $ROOT/test/sql/requests.sh
SELECT count(*) FROM ortto_person_custom_fields WHERE id = 'str:cm:job-title';
.shell $ROOT/test/sql/requests.sh
SELECT count(*) FROM ortto_audiences WHERE id = 'none';
.shell $ROOT/test/sql/requests.sh
