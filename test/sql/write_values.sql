-- Values on their way to Ortto's API: good ones arrive and read back as they were written, bad ones are refused with column and value.
-- env: ORTTO_RATE=0 ORTTO_RETRIES=0
CREATE TEMP TABLE v(n INTEGER PRIMARY KEY, field, given);      -- given: JSON
CREATE TEMP VIEW written AS
  WITH o AS MATERIALIZED (SELECT key, value FROM json_each(ortto_upsert(
    (SELECT json_group_array(json_object('user_id', 'v' || n, 'fields', json_object(field, json(given)))) FROM (SELECT * FROM v ORDER BY n)))))
  SELECT n, field, given, o.value->>'status' AS status,
         coalesce(o.value->>'errormessage', replace(replace(o.value->'sent', ',"str::ei":"v' || n || '"', ''), '"fields":', '')) AS sent
    FROM v JOIN o ON o.key = v.n - 1 ORDER BY v.n;

.print -- Decimals and currency: times 1000, rounded half away from zero, in decimal arithmetic.
INSERT INTO v(field, given) VALUES ('rating', '1.005'), ('rating', '"1.005"'), ('rating', '12'), ('rating', '-12.5'), ('rating', '0.0005'), ('rating', '0.00049999'),
  ('rating', '-0.0005'), ('rating', '-0.0004'), ('rating', '1e3'), ('rating', '1.5E-3'), ('rating', '15e-4'), ('rating', '1e-400'), ('rating', '0'), ('rating', '-0.0'), ('plan_value', '19.99'), ('plan_value', '2.675'),
  ('rating', '9223372036854775.807'), ('rating', '9223372036854775.8074'), ('rating', '-9223372036854775.808'), ('rating', '0.1'), ('rating', '1.000000000000000000000000000000000000000000000000000000000000000000000');
SELECT given, status, sent FROM written;
SELECT group_concat(rating, ' ') FROM (SELECT rating FROM ortto_people WHERE external_id IN ('v1','v4','v5','v6','v7','v9') ORDER BY CAST(substr(external_id, 2) AS INTEGER));
DELETE FROM v;
INSERT INTO v(field, given) VALUES ('rating', '9223372036854775.808'), ('rating', '1e300'), ('rating', '1E400'), ('rating', '"twelve"'), ('rating', '""'), ('rating', 'true'), ('rating', '[1]'), ('rating', '"1,5"'), ('rating', '"0x10"'), ('rating', '" 1"');
SELECT given, status, sent FROM written;
DELETE FROM v;

.print
.print -- Integers: exact over int64, whole numbers only.
INSERT INTO v(field, given) VALUES ('seats', '9223372036854775807'), ('seats', '-9223372036854775808'), ('seats', '9007199254740993'), ('seats', '12.0'), ('seats', '1.2e1'), ('seats', '"42"'), ('seats', '0'),
  ('seats', '12.5'), ('seats', '9223372036854775808'), ('seats', '-9223372036854775809'), ('seats', '1e19'), ('seats', '"many"'), ('seats', 'false'), ('seats', '{}');
SELECT given, status, sent FROM written;
SELECT seats FROM ortto_people WHERE external_id IN ('v1', 'v2', 'v3') ORDER BY external_id;
DELETE FROM v;

.print
.print -- Booleans: JSON's, and SQL's 0 and 1.
INSERT INTO v(field, given) VALUES ('is_vip', 'true'), ('is_vip', 'false'), ('is_vip', '1'), ('is_vip', '0'), ('is_vip', '"true"'), ('is_vip', '2'), ('is_vip', '"yes"'), ('is_vip', '""'), ('is_vip', '[]');
SELECT given, status, sent FROM written;
DELETE FROM v;

.print
.print -- Dates: those that exist; the day of a time.
INSERT INTO v(field, given) VALUES ('birthday', '"1990-05-17"'), ('birthday', '"2024-02-29"'), ('birthday', '"1990-05-17T10:00:00Z"'), ('birthday', '"1990-05-17 10:00:00"'), ('birthday', '{"year":1990,"month":5,"day":17,"timezone":"Europe/Oslo"}'),
  ('birthday', '"2023-02-29"'), ('birthday', '"1990-13-01"'), ('birthday', '"17.05.1990"'), ('birthday', '"1990-5-7"'), ('birthday', '""'), ('birthday', '19900517'), ('birthday', '{"year":1990}'), ('birthday', '"1990-05-17x"');
SELECT given, status, sent FROM written;
SELECT group_concat(birthday, ' ') FROM (SELECT birthday FROM ortto_people WHERE external_id IN ('v1','v2','v3','v4','v5') ORDER BY external_id);
DELETE FROM v;

.print
.print -- Times: RFC 3339, what SQLite writes (taken as UTC), or a day; a zone as databases and languages write it too.
INSERT INTO v(field, given) VALUES ('last_demo', '"2025-11-04T19:10:31Z"'), ('last_demo', '"2025-11-04T19:10:31.123456Z"'), ('last_demo', '"2025-11-04T19:10:31+02:00"'), ('last_demo', '"2025-11-04 19:10:31"'), ('last_demo', '"2025-11-04 19:10"'), ('last_demo', '"2025-11-04"'),
  ('last_demo', '"2025-11-04t19:10:31z"'), ('last_demo', '"2025-11-04 19:10:31.5-05:30"'),
  ('last_demo', '"2025-11-04T25:00:00Z"'), ('last_demo', '"2025-11-04T19:60:00Z"'), ('last_demo', '"2025-02-30T19:10:31Z"'), ('last_demo', '"now"'), ('last_demo', '1762283431'), ('last_demo', '"2025-11-04T19:10:31 Z"'), ('last_demo', '""'),
  ('last_demo', '"2025-11-04T19:10:31+0200"'), ('last_demo', '"2025-11-04 19:10:31.5-03"'), ('last_demo', '"2025-11-04T19:10+0530"'), ('last_demo', '"2025-11-04T19:10:31+02:0"'), ('last_demo', '"2025-11-04T19:10:31+2"'), ('last_demo', '"2025-11-04T19:10:31+2400"'), ('last_demo', '"2025-11-04T19:10:31+02x0"');
SELECT given, status, sent FROM written;
SELECT group_concat(last_demo, ' ') FROM (SELECT last_demo FROM ortto_people WHERE external_id IN ('v1','v2','v3','v4','v5','v6') ORDER BY external_id);
DELETE FROM v;

.print
.print -- Phones: with + and the country code, in the usual spellings, or in Ortto's own shapes.
INSERT INTO v(field, given) VALUES ('work_phone', '"+61401234567"'), ('work_phone', '" +61 (401) 234-567"'), ('work_phone', '"+61.401/234.567"'), ('work_phone', '{"c":"61","n":"401234567"}'), ('work_phone', '{"phone":"61401234567","parse_with_country_code":true}'),
  ('work_phone', '"0401234567"'), ('work_phone', '"+61 401 call"'), ('work_phone', '"+"'), ('work_phone', '""'), ('work_phone', '61401234567'), ('work_phone', '{}'), ('work_phone', '"+614012345678901234567890"');
SELECT given, status, sent FROM written;
SELECT group_concat(work_phone, ' ') FROM (SELECT work_phone FROM ortto_people WHERE external_id IN ('v1','v2','v3','v4','v5') ORDER BY external_id);
DELETE FROM v;

.print
.print -- Places: the name.
INSERT INTO v(field, given) VALUES ('city', '"Oslo"'), ('city', '{"id":7,"name":"Oslo"}'), ('city', '{"name":"S\u00f8r \"x\""}'), ('city', '7'), ('city', '{}'), ('city', '["Oslo"]');
SELECT given, status, sent FROM written;
SELECT group_concat(city, ' ') FROM (SELECT city FROM ortto_people WHERE external_id IN ('v1','v2','v3') ORDER BY external_id);
DELETE FROM v;

.print
.print -- Multi-selects and objects: JSON, also where it comes as text; they are sent as they were written.
INSERT INTO v(field, given) VALUES ('interests', '["Music","B"]'), ('interests', '"[\"Music\"]"'), ('interests', '"Music"'), ('interests', '[]'), ('interests', '["a",1]'), ('interests', '7'), ('interests', '{"a":1}'),
  ('preferences', '{"n":1.0,"big":9007199254740993,"e":1E400,"z":"a\u0000b","":{"":[{"":1}]}}'), ('preferences', '"{\"a\":1.50}"'), ('preferences', '[1]'), ('preferences', '"x"'), ('preferences', '7');
SELECT given, status, sent FROM written;
SELECT interests, preferences FROM ortto_people WHERE external_id IN ('v1', 'v2', 'v3', 'v4', 'v8', 'v9') ORDER BY external_id;
DELETE FROM v;

.print
.print -- A multi-select is set, not added to, unless merge_strategy is append.
SELECT ortto_upsert('{"user_id":"v1","fields":{"interests":["Art"]}}')->'sent';
SELECT interests FROM ortto_people WHERE external_id = 'v1';
SELECT ortto_upsert('{"user_id":"v1","fields":{"interests":["Music"]}}', '{"merge_strategy":"append"}')->'sent';
SELECT interests FROM ortto_people WHERE external_id = 'v1';
SELECT ortto_upsert('{"user_id":"v1","fields":{"interests":null}}')->>'result';
SELECT interests IS NULL FROM ortto_people WHERE external_id = 'v1';

.print
.print -- null clears, of any type.
SELECT ortto_upsert('{"user_id":"c","fields":{"rating":1,"seats":1,"is_vip":1,"birthday":"1990-05-17","last_demo":"2025-11-04","work_phone":"+61401234567","city":"Oslo","preferences":{},"notes":"n","plan":"Pro"}}')->>'result';
SELECT ortto_upsert('{"user_id":"c","fields":{"rating":null,"seats":null,"is_vip":null,"birthday":null,"last_demo":null,"work_phone":null,"city":null,"preferences":null,"notes":null,"plan":null}}')->>'result';
SELECT coalesce(rating, seats, is_vip, birthday, last_demo, work_phone, city, preferences, notes, plan) IS NULL FROM ortto_people WHERE external_id = 'c';

.print
.print -- Texts: 255 characters, 4,000 in a large text, 15,000 bytes in an object; characters are counted, not bytes, and escapes once.
INSERT INTO v(field, given) SELECT column1, json_quote(printf('%.*c', column2, column3)) FROM (VALUES ('job_title', 255, 'x'), ('job_title', 256, 'x'),
  ('job_title', 255, 'ø'), ('job_title', 255, '😀'), ('job_title', 256, 'ø'), ('job_title', 255, '"'), ('notes', 4000, '€'), ('notes', 4001, 'x'), ('plan', 256, 'x'));
INSERT INTO v(field, given) VALUES ('job_title', '7'), ('job_title', '-1.50'), ('job_title', printf('%.*c', 256, '7')), ('job_title', 'true'), ('job_title', '["x"]'), ('job_title', '{}'),
  ('preferences', json_object('a', printf('%.*c', 14992, 'x'))), ('preferences', json_object('a', printf('%.*c', 14993, 'x'))), ('email', '"no address"');
SELECT field, length(given), status, iif(status = 200, length(sent), sent) FROM written;
SELECT length(job_title), length(notes), length(preferences) FROM ortto_people WHERE external_id IN ('v3', 'v4', 'v7', 'v16') ORDER BY external_id;
DELETE FROM v;

.print
.print -- Strings travel as they were written, escapes and NUL included, and read back the same.
SELECT ortto_upsert('{"user_id":"s","fields":{"notes":"a\u0000b\/\ud83d\ude00 é\n"}}')->'sent';
SELECT hex(notes) FROM ortto_people WHERE external_id = 's';

.print
.print -- What follows a date is a time; a zone is one.
SELECT value->>'status', value->>'errormessage' FROM json_each(ortto_upsert('[{"user_id":"d1","fields":{"birthday":"1990-05-17 (est.)"}},{"user_id":"d2","fields":{"birthday":"1985-12-01Tuesday"}},{"user_id":"d3","fields":{"birthday":"1990-05-17T99:99"}},
  {"user_id":"d4","fields":{"birthday":"1990-05-17 "}},{"user_id":"d5","fields":{"birthday":"1990-05-17T10:00:00+99:00"}},{"user_id":"d6","fields":{"birthday":"1990-05-17 10:00"}},{"user_id":"d7","fields":{"birthday":"1990-05-17T10:00:00.5+02:00"}}]'));

.print
.print -- A birthday that was read as text or as an object goes back as it came: no year, the year 0, 1 or 1604.
SELECT value->'sent'->'fields'->'dtz::b' FROM json_each(ortto_upsert((SELECT json_group_array(json_object('user_id', 'e', 'fields', json_object('birthday', value)))
  FROM json_each('["05-17","--05-17","0000-05-17","0001-05-17","1604-02-29","{\"month\":5,\"day\":17}","{\"year\":0,\"month\":5,\"day\":17,\"timezone\":\"UTC\"}"]'))));
SELECT ortto_upsert('{"user_id":"e","fields":{"birthday":"02-30"}}');
SELECT value->'sent'->'fields' FROM json_each(ortto_upsert('[{"user_id":"e","fields":{"last_demo":"0000-05-17T00:00:00Z"}},{"user_id":"e","fields":{"last_demo":"{\"at\":1}"}}]'));

.print
.print -- Broken JSON is no choice and no place; an empty text is no list and no place.
SELECT value->>'errormessage' FROM json_each(ortto_upsert('[{"user_id":"j1","fields":{"interests":"[\"Option A\""}},{"user_id":"j2","fields":{"interests":" [x]"}},{"user_id":"j3","fields":{"city":"{\"name\":\"Oslo\""}},
  {"user_id":"j4","fields":{"interests":""}},{"user_id":"j5","fields":{"city":""}},{"user_id":"j6","tags":"[\"x\""}]'));

.print
.print -- The zero in brackets is dialled inside the country only; blanks do not make a number.
SELECT value->>'errormessage' FROM json_each(ortto_upsert('[{"user_id":"p1","fields":{"phone_number":"+49 (0) 209 123456"}},{"user_id":"p2","fields":{"phone_number":"+49(0)209123456"}},{"user_id":"p3","fields":{"plan_value":"2e 1"}}]'));
SELECT ortto_upsert('{"user_id":"p4","fields":{"phone_number":"+1 (020) 123456"}}')->'sent'->'fields'->'phn::phone'->>'phone';
