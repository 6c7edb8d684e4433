-- The hidden columns: what SQL has no words for is passed on in Ortto's.
-- sandbox: --people 300 --accounts 20 --audiences 45
-- env: ORTTO_RATE=0 ORTTO_CONCURRENCY=1
SELECT count(*) FROM ortto_people;
SELECT count(*) FROM ortto_accounts;
CREATE TEMP TABLE people AS SELECT * FROM ortto_people;
.shell $ROOT/test/sql/requests.sh count
.echo on

-- they are no part of *, and cannot be read where they are not given
SELECT count(*) FROM pragma_table_info('ortto_people') WHERE name IN ('filter', 'q', 'scope', 'sort', 'audience');
SELECT count(*) FROM ortto_people WHERE filter IS NULL AND q IS NULL AND scope IS NULL AND sort IS NULL AND audience IS NULL;
SELECT count(filter), count(q), count(scope), count(sort), count(audience) FROM ortto_people;
.shell $ROOT/test/sql/requests.sh counted

-- filter: an object of Ortto's own, joined by AND with what is pushed; it reads back as given
SELECT count(email) > 0, min(filter) FROM ortto_people WHERE filter = '{"$str::contains":{"field_id":"str::email","value":"an"}}';
.shell $ROOT/test/sql/requests.sh
SELECT count(*) = (SELECT count(*) FROM people WHERE email LIKE '%an%') FROM ortto_people WHERE filter = '{"$str::contains":{"field_id":"str::email","value":"an"}}';
.shell $ROOT/test/sql/requests.sh counted
SELECT count(email) FROM ortto_people WHERE first_name = 'Emma' AND filter = '{"$has_any_value":{"field_id":"str::email"}}';
SELECT count(name) > 0 FROM ortto_accounts WHERE filter = '{"$has_any_value":{"field_id":"str:o:name"}}';
.shell $ROOT/test/sql/requests.sh

-- what is not a JSON object is refused before anything is sent
SELECT count(email) FROM ortto_people WHERE filter = 'email = 1';
SELECT count(email) FROM ortto_people WHERE filter = '[]';
SELECT count(email) FROM ortto_people WHERE filter = '';
SELECT count(email) FROM ortto_people WHERE filter = '{"a":1} {}';
SELECT count(email) FROM ortto_people WHERE filter = 5;
.shell $ROOT/test/sql/requests.sh

-- q: Ortto's text search
SELECT count(email) > 0, min(q) FROM ortto_people WHERE q = 'tom';
.shell $ROOT/test/sql/requests.sh
SELECT count(*) > 0 FROM ortto_people WHERE q = 'tom';
.shell $ROOT/test/sql/requests.sh counted
SELECT count(name) FROM ortto_accounts WHERE q = 'nothing at all';
SELECT count(*) FROM ortto_people('{"$has_any_value":{"field_id":"str::email"}}', 'tom') WHERE email LIKE 'tom%';
.shell $ROOT/test/sql/requests.sh

-- scope: archived records only; then nothing else is pushed
SELECT count(*), min(scope) FROM ortto_people WHERE scope = 'archived';
.shell $ROOT/test/sql/requests.sh counted
SELECT count(archived) FROM ortto_people WHERE scope = 'archived';
SELECT count(*) FROM ortto_people WHERE scope = 'archived' AND email = 'emma.ivanova.290@example.com' AND first_name IS NOT NULL;
.shell $ROOT/test/sql/requests.sh
SELECT count(*) FROM ortto_people WHERE scope = 'archived' AND q = 'tom';
SELECT count(*) FROM ortto_accounts WHERE scope = 'archived';
.shell $ROOT/test/sql/requests.sh counted
SELECT count(*) FROM ortto_people WHERE scope = 'all';
SELECT count(*) FROM ortto_people WHERE scope = '';
SELECT count(*) FROM ortto_people WHERE scope = 'archived' AND filter = '{"$has_any_value":{"field_id":"str::email"}}';
SELECT count(*) FROM ortto_accounts WHERE filter = '{}' AND scope = 'archived';
.shell $ROOT/test/sql/requests.sh

-- sort: the server's own order, by a column's name
SELECT count(*), min(sort) FROM (SELECT email, sort FROM ortto_people WHERE sort = 'last_name');
.shell $ROOT/test/sql/requests.sh counted
SELECT count(email) > 0 FROM ortto_people WHERE sort = 'last_name desc';
SELECT count(email) > 0 FROM ortto_people WHERE sort = 'CREATED ASC';
SELECT count(name) > 0 FROM ortto_accounts WHERE sort = 'name';
.shell $ROOT/test/sql/requests.sh
SELECT count(*) FROM ortto_people WHERE sort = 'nothing';
SELECT count(*) FROM ortto_people WHERE sort = 'last_name down';
SELECT count(*) FROM ortto_people WHERE sort = 'str::last';
SELECT count(*) FROM ortto_people WHERE sort = '';
.shell $ROOT/test/sql/requests.sh

-- sort and LIMIT: the newest three by one small request
SELECT count(*) FROM (SELECT email FROM ortto_people WHERE sort = 'created desc' LIMIT 3);
.shell $ROOT/test/sql/requests.sh

-- audience: by name or id; the members are what they are
SELECT count(*) = (SELECT members FROM ortto_audiences WHERE name = 'Trial') FROM ortto_people WHERE audience = 'Trial';
.shell $ROOT/test/sql/requests.sh counted
SELECT count(*) = (SELECT members FROM ortto_audiences WHERE name = 'Trial') FROM ortto_people WHERE audience = (SELECT id FROM ortto_audiences WHERE name = 'Trial');
SELECT count(email) FROM ortto_people WHERE audience = 'No such audience';
SELECT count(email) FROM ortto_people WHERE audience = '';
SELECT name FROM ortto_accounts WHERE audience = 'Trial';
.shell $ROOT/test/sql/requests.sh count

-- all of them together, and conditions too
SELECT count(email) >= 0 FROM ortto_people WHERE filter = '{"$has_any_value":{"field_id":"str::email"}}' AND q = 'a' AND sort = 'email'
   AND audience = 'Trial' AND first_name = 'Emma';
.shell $ROOT/test/sql/requests.sh sorted

-- NULL is given: nothing equals it
SELECT count(*) FROM ortto_people WHERE q = NULL;
SELECT count(*) FROM ortto_people WHERE filter = NULL;
SELECT count(*) FROM ortto_people WHERE scope = NULL;
.shell $ROOT/test/sql/requests.sh

-- used in any other way they are an error, that says how they are used
SELECT count(*) FROM ortto_people WHERE q = 'tom' OR email = 'emma.ivanova.290@example.com';
SELECT count(*) FROM ortto_people WHERE q IN ('tom', 'ann');
SELECT count(*) FROM ortto_people WHERE q LIKE 'tom';
SELECT count(*) FROM ortto_people WHERE q <> 'tom';
SELECT count(*) FROM ortto_people WHERE scope > 'a';
SELECT count(*) FROM ortto_people WHERE +q = 'tom';
SELECT count(*) FROM ortto_people WHERE scope IS 'archived';
SELECT count(*) FROM ortto_people WHERE NOT (q = 'tom');
SELECT count(*) FROM ortto_people WHERE q = 'tom' AND q = 'ann';
.shell $ROOT/test/sql/requests.sh count

-- an id is not fetched by id then: who is found must be in the search
SELECT count(*) FROM ortto_people WHERE q = 'nothing at all' AND id IN (SELECT id FROM people LIMIT 3);
.shell $ROOT/test/sql/requests.sh

-- the value may come from another table, one search for each
SELECT count(*) > 0 FROM (SELECT 'tom' AS word UNION ALL SELECT 'ann') w JOIN ortto_people p ON p.q = w.word;
.shell $ROOT/test/sql/requests.sh counted sorted
