-- INSERT and UPDATE: what arrives is what was written, for every type, and reading gives the value written.
-- sandbox: --people 20 --accounts 5 --no-archived
-- env: ORTTO_RATE=0 ORTTO_RETRIES=0
.nullvalue NULL
.shell $ROOT/test/sql/requests.sh count

.print
.print -- INSERT: one request, a NULL is not sent, a multi-select is set.
INSERT INTO ortto_people(email, external_id, first_name, last_name, phone_number, city, region, country, birthday, email_permission, sms_permission, gdpr, postal_code, language, tags,
                         seats, rating, plan_value, is_vip, renewal_date, last_demo, work_phone, interests, preferences, notes, plan)
  VALUES('all@t.example', 'all', 'Zoë', 'O''Neil "Z"', '+61401234567', 'São Paulo', NULL, 'Brazil', '1990-05-17', 1, 0, NULL, '0150', NULL, '["vip","new one"]',
         42, 12.5, 19.99, 1, '2026-02-28', '2025-11-04T19:10:31Z', '+47 22 22 55 55', '["Music","B"]', '{"a":[1,2.0,null],"b":{"c":"\u00e9"}}', 'line 1' || char(10) || 'line 2', 'free');
.shell $ROOT/test/sql/requests.sh
.mode line
SELECT email, external_id, first_name, last_name, phone_number, city, region, country, birthday, email_permission, sms_permission, gdpr, postal_code, language, tags,
       seats, rating, plan_value, is_vip, renewal_date, last_demo, work_phone, interests, preferences, notes, plan FROM ortto_people WHERE email = 'all@t.example';
.mode list
.shell $ROOT/test/sql/requests.sh count

.print
.print -- Limits: int64, three decimals up to 9,007,199,254,740.991, long texts, Unicode, a NUL, the empty text.
INSERT INTO ortto_people(email, seats, rating) VALUES('l1@t.example', 9223372036854775807, 9007199254740.991), ('l2@t.example', -9223372036854775808, -9007199254740.991),
  ('l3@t.example', 0, 0.0), ('l4@t.example', 9007199254740993, 0.001), ('l5@t.example', 12.0, -12), ('l6@t.example', '42', '1.5'), ('l7@t.example', NULL, 1e3);
SELECT email, seats, typeof(seats), printf('%.15g', rating), rating IN (9007199254740.991, -9007199254740.991), typeof(rating) FROM ortto_people WHERE email LIKE 'l_@t.example' ORDER BY email;
INSERT INTO ortto_people(email, first_name, notes) VALUES('t1@t.example', printf('%.255c', 'x'), printf('%.4000c', 'y')), ('t2@t.example', replace(printf('%.255c', 'x'), 'x', '€'), '😀'),
  ('t3@t.example', 'a' || char(0) || 'b', ''), ('t4@t.example', '\n"</script>' || char(9, 127, 8232), '{"not":"an object"}');
SELECT hex(first_name) FROM ortto_people WHERE email = 't3@t.example';
SELECT email, length(first_name), hex(substr(first_name, 1, 4)), length(notes), substr(notes, 1, 20) FROM ortto_people WHERE email LIKE 't_@t.example' ORDER BY email;
INSERT INTO ortto_people(email, birthday, last_demo, is_vip, interests, phone_number) VALUES('d1@t.example', '2024-02-29', '2025-11-04 19:10:31', 0, '[]', '+1 (650) 555-0100'),
  ('d2@t.example', '0001-01-01', '2025-11-04T19:10:31.123456Z', 'true', '["é \"x\""]', '+61401234567'), ('d3@t.example', '9999-12-31', '2025-11-04', 'false', 'Music', NULL);
SELECT email, birthday, last_demo, is_vip, interests, phone_number FROM ortto_people WHERE email LIKE 'd_@t.example' ORDER BY email;

.print
.print -- UPDATE: by id, only the columns that the statement sets; NULL clears.
.shell $ROOT/test/sql/requests.sh >/dev/null
UPDATE ortto_people SET first_name = 'Al', city = NULL, rating = rating * 2, interests = '["Art"]' WHERE email = 'all@t.example';
.shell $ROOT/test/sql/requests.sh | grep -v '/get {'
SELECT first_name, city, rating, interests, last_name, tags FROM ortto_people WHERE email = 'all@t.example';
UPDATE ortto_people SET phone_number = NULL, birthday = NULL, email_permission = NULL, seats = NULL, plan_value = NULL, is_vip = NULL, last_demo = NULL, work_phone = NULL, interests = NULL, preferences = NULL,
  notes = NULL, plan = NULL, country = NULL WHERE email = 'all@t.example';
SELECT phone_number, birthday, seats, plan_value, is_vip, last_demo, work_phone, interests, preferences, notes, plan, country FROM ortto_people WHERE email = 'all@t.example';
.print -- A value of its own: any expression, other columns, a subquery.
UPDATE ortto_people SET first_name = last_name, last_name = first_name, postal_code = (SELECT count(*) FROM ortto_accounts) WHERE email = 'all@t.example';
SELECT first_name, last_name, postal_code FROM ortto_people WHERE email = 'all@t.example';

.print
.print -- UPDATE and DELETE with WHERE on anything: a scan finds the rows.
CREATE TEMP TABLE was AS SELECT * FROM ortto_people;
.shell $ROOT/test/sql/requests.sh >/dev/null
UPDATE ortto_people SET city = 'Bergen' WHERE length(email) % 2 = 0 OR last_name > 'M';
.shell $ROOT/test/sql/requests.sh count
SELECT count(*) FROM was LEFT JOIN ortto_people p USING (id) WHERE p.city IS NOT CASE WHEN length(was.email) % 2 = 0 OR was.last_name > 'M' THEN 'Bergen' ELSE was.city END;
DELETE FROM ortto_people WHERE email LIKE '%@t.example' AND rating IS NULL;
SELECT email FROM was WHERE id NOT IN (SELECT id FROM ortto_people) ORDER BY email;
SELECT group_concat(email) FROM (SELECT email FROM ortto_people WHERE scope = 'archived' ORDER BY email);
.print -- Also with a column that steers the scan.
UPDATE ortto_people SET city = 'Rome' WHERE filter = '{"$str::is":{"field_id":"str::email","value":"l1@t.example"}}';
SELECT email FROM ortto_people WHERE city = 'Rome';
UPDATE ortto_people SET city = 'Kiel' WHERE q = 'l2@t.example';
SELECT email FROM ortto_people WHERE city = 'Kiel';

.print
.print -- Writing every column its own value changes nothing.
DROP TABLE was;
CREATE TEMP TABLE was AS SELECT * FROM ortto_people;
.once gen.sql
SELECT 'UPDATE ortto_people SET ' || group_concat('"' || column_name || '" = "' || column_name || '"') || ';' FROM ortto_fields
  WHERE entity = 'people' AND NOT read_only AND column_name IN (SELECT name FROM pragma_table_info('ortto_people'));
.read gen.sql
SELECT count(*) FROM ortto_failures;
.once gen.sql
SELECT 'SELECT ' || group_concat(replace('sum(p.COL IS NOT w.COL OR typeof(p.COL) <> typeof(w.COL))', 'COL', '"' || name || '"'), '+')
    || ' FROM ortto_people p JOIN was w USING (id);' FROM pragma_table_info('ortto_people') WHERE name NOT IN ('id', 'edited');
.read gen.sql
SELECT (SELECT count(*) FROM was) = (SELECT count(*) FROM ortto_people);
