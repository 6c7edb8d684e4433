-- What is asked of the server about a column, and what is not because SQLite might see it differently.
-- sandbox: --people 300 --accounts 20
-- env: ORTTO_RATE=0 ORTTO_CONCURRENCY=1
.bail on
SELECT count(*) FROM ortto_people;
SELECT count(*) FROM ortto_accounts;
CREATE TEMP TABLE wanted(email TEXT, odd);
INSERT INTO wanted VALUES('emma.ivanova.290@example.com', 1), ('yusuf.novak.292@example.com', NULL);
.shell $ROOT/test/sql/requests.sh count
.echo on

-- = and IS on text and email fields
SELECT count(email) FROM ortto_people WHERE email = 'emma.ivanova.290@example.com';
SELECT count(email) FROM ortto_people WHERE 'emma.ivanova.290@example.com' = email;
SELECT count(email) FROM ortto_people WHERE email IS 'emma.ivanova.290@example.com';
SELECT count(email) FROM ortto_people WHERE first_name = 'Zoë';
SELECT count(email) FROM ortto_people WHERE job_title = 'quote " back \ slash';
SELECT count(name) FROM ortto_accounts WHERE industry = 'Retail';
.shell $ROOT/test/sql/requests.sh

-- AND
SELECT count(email) FROM ortto_people WHERE first_name = 'Yusuf' AND last_name = 'Novak' AND city = 'Oslo';
.shell $ROOT/test/sql/requests.sh

-- IN: a list, a subquery, an OR on one column
SELECT count(email) FROM ortto_people WHERE email IN ('emma.ivanova.290@example.com', 'yusuf.novak.292@example.com', 'emma.ivanova.290@example.com');
SELECT count(email) FROM ortto_people WHERE email IN (SELECT email FROM wanted);
SELECT count(email) FROM ortto_people WHERE email = 'emma.ivanova.290@example.com' OR email = 'yusuf.novak.292@example.com';
SELECT count(email) FROM ortto_people WHERE email IN ('emma.ivanova.290@example.com') AND first_name IN ('Emma', 'Yusuf');
.shell $ROOT/test/sql/requests.sh

-- a NULL in the list equals nothing; with nothing else in it there is nothing to ask for
SELECT count(email) FROM ortto_people WHERE email IN ('emma.ivanova.290@example.com', NULL);
.shell $ROOT/test/sql/requests.sh
SELECT count(email) FROM ortto_people WHERE email IN (NULL, NULL);
SELECT count(email) FROM ortto_people WHERE email IN (SELECT email FROM wanted WHERE 0);
.shell $ROOT/test/sql/requests.sh

-- a long list costs a request for each 100 values; where reading everything is cheaper, that is done
WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 150)
SELECT count(email) FROM ortto_people WHERE email IN (SELECT 'p' || i || '@example.com' FROM n);
.shell $ROOT/test/sql/requests.sh

-- OR over two columns: where everybody is one page, that page (see requests_pages.sql for more)
SELECT count(email) FROM ortto_people WHERE email = 'emma.ivanova.290@example.com' OR first_name = 'Emma';
.shell $ROOT/test/sql/requests.sh

-- no row can match: no request
SELECT count(*) FROM ortto_people WHERE email = NULL;
SELECT count(*) FROM ortto_people WHERE email = x'616e6e';
SELECT count(*) FROM ortto_people WHERE city = NULL;
SELECT count(*) FROM ortto_people WHERE created = x'00';
SELECT count(*) FROM ortto_people WHERE 0;
.shell $ROOT/test/sql/requests.sh

-- IS NULL and IS NOT NULL, on every type but large text, lists, sets, tags and objects
SELECT count(*) FROM ortto_people WHERE first_name IS NULL;
SELECT count(*) FROM ortto_people WHERE first_name IS NOT NULL;
SELECT count(*) FROM ortto_people WHERE first_name NOTNULL AND last_name ISNULL;
SELECT count(*) FROM ortto_people WHERE first_name IS (SELECT odd FROM wanted WHERE odd IS NULL);
SELECT count(*) FROM ortto_people WHERE birthday IS NULL AND city IS NULL AND phone_number IS NOT NULL AND email_permission IS NOT NULL;
SELECT count(*) FROM ortto_people WHERE total_spent IS NULL AND seats IS NOT NULL AND plan IS NULL AND last_demo IS NULL;
SELECT count(*) FROM ortto_accounts WHERE employees IS NOT NULL;
.shell $ROOT/test/sql/requests.sh
SELECT count(*) FROM ortto_people WHERE notes IS NULL;
SELECT count(*) FROM ortto_people WHERE interests IS NOT NULL;
SELECT count(*) FROM ortto_people WHERE preferences IS NULL;
SELECT count(*) FROM ortto_people WHERE tags IS NULL;
SELECT count(*) FROM ortto_people WHERE tag_ids IS NOT NULL;
.shell $ROOT/test/sql/requests.sh

-- what compares otherwise than the server stays here: the request asks for every row
SELECT count(email) FROM ortto_people WHERE email = 'Emma.Ivanova.290@EXAMPLE.com' COLLATE NOCASE;
SELECT count(email) FROM ortto_people WHERE email = 'emma.ivanova.290@example.com' COLLATE RTRIM;
SELECT count(email) FROM ortto_people WHERE email COLLATE NOCASE IN ('Emma.Ivanova.290@EXAMPLE.com');
SELECT count(email) FROM ortto_people WHERE email <> 'emma.ivanova.290@example.com';
SELECT count(email) FROM ortto_people WHERE email IS NOT 'emma.ivanova.290@example.com';
SELECT count(email) FROM ortto_people WHERE email NOT IN ('emma.ivanova.290@example.com');
SELECT count(email) FROM ortto_people WHERE NOT email = 'emma.ivanova.290@example.com';
SELECT count(email) FROM ortto_people WHERE email LIKE 'emma.%';
SELECT count(email) FROM ortto_people WHERE email LIKE 'emma.ivanova.290@example.com';
SELECT count(email) FROM ortto_people WHERE email GLOB 'emma.*';
SELECT count(email) FROM ortto_people WHERE email > 'emma' AND email < 'george';
SELECT count(email) FROM ortto_people WHERE email BETWEEN 'emma' AND 'george';
SELECT count(email) FROM ortto_people WHERE lower(email) = 'emma.ivanova.290@example.com';
SELECT count(email) FROM ortto_people WHERE +email = 'emma.ivanova.290@example.com';
SELECT count(email) FROM ortto_people WHERE email = 5;
SELECT count(email) FROM ortto_people WHERE email = '';
SELECT count(email) FROM ortto_people WHERE email = ' emma.ivanova.290@example.com';
SELECT count(email) FROM ortto_people WHERE email = 'emma.ivanova.290@example.com' || char(10);
SELECT count(email) FROM ortto_people WHERE first_name = 'Zoe' || char(776);
SELECT count(email) FROM ortto_people WHERE first_name = printf('%.256c', 'x');
SELECT count(email) FROM ortto_people WHERE email IN ('emma.ivanova.290@example.com', 5);
SELECT count(email) FROM ortto_people WHERE email = 'emma.ivanova.290@example.com' OR email LIKE 'yusuf%';
.shell $ROOT/test/sql/requests.sh count
SELECT count(email) FROM ortto_people WHERE email LIKE 'emma.%';
.shell $ROOT/test/sql/requests.sh

-- nor are places, selects, links, numbers, dates, times, phones and booleans compared there
SELECT count(email) FROM ortto_people WHERE city = 'Oslo';
SELECT count(email) FROM ortto_people WHERE plan = 'Pro' AND seats = 5 AND birthday = '1990-05-17';
SELECT count(email) FROM ortto_people WHERE phone_number = '+61401234567' AND email_permission = 1 AND created > '2025-01-01';
SELECT count(email) FROM ortto_people WHERE notes = 'x' AND profile_page = 'https://example.com';
.shell $ROOT/test/sql/requests.sh
