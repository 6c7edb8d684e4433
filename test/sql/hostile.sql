-- An instance of names and values that hurt: everything is read, nothing is lost, no name occurs twice.
-- sandbox: --people 700 --accounts 80 --hostile
-- env: ORTTO_RATE=0
CREATE TABLE p AS SELECT * FROM ortto_people;
CREATE TABLE a AS SELECT * FROM ortto_accounts;
SELECT count(*) = (SELECT count(*) FROM ortto_people) AS complete, count(*) = count(DISTINCT id) AS distinct_ids FROM p;
SELECT count(*) = (SELECT count(*) FROM ortto_accounts) AS complete, count(*) = count(DISTINCT id) AS distinct_ids FROM a;
SELECT count(*) - count(DISTINCT lower(name)) AS twice FROM pragma_table_xinfo('ortto_people');
SELECT count(*) - count(DISTINCT lower(name)) AS twice FROM pragma_table_xinfo('ortto_accounts');
SELECT id, column_name FROM ortto_fields WHERE custom AND entity = 'people' AND id NOT IN (SELECT id FROM ortto_fields WHERE column_name GLOB '[a-z]*' AND column_name NOT GLOB '*[^a-z0-9_]*' AND column_name NOT LIKE 'custom%') ORDER BY id;
SELECT id, column_name FROM ortto_fields WHERE custom AND entity = 'accounts' AND column_name LIKE 'custom%' ORDER BY id;
-- The second reading gives the same.
SELECT count(*) AS differences FROM (SELECT id, first_name, email, birthday, phone_number, city, total_spent FROM p EXCEPT SELECT id, first_name, email, birthday, phone_number, city, total_spent FROM ortto_people);
-- Typed columns hold their type, or what was sent.
SELECT typeof(birthday), count(*) > 0 FROM p GROUP BY 1 ORDER BY 1;
SELECT count(*) AS wrong FROM p WHERE typeof(total_spent) NOT IN ('real', 'null', 'text', 'integer');
SELECT count(*) > 0 AS some, sum(json_valid(preferences)) = count(*) AS valid FROM p WHERE typeof(preferences) = 'text' AND substr(preferences, 1, 1) IN ('{', '[');
SELECT count(*) > 0 AS nul_bytes FROM p WHERE instr(first_name, char(0)) OR instr(last_name, char(0)) OR instr(email, char(0));
SELECT max(length(CAST(first_name AS BLOB))) AS longest FROM p;
-- Tags and audiences with names that hurt.
SELECT count(*) = count(DISTINCT type || id) FROM ortto_tags;
SELECT count(*) = count(DISTINCT id) FROM ortto_audiences;
