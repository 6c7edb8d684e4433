-- Values of every type, with every JSON shape that may come: decoded exactly, or kept as they are, and never lost.
-- sandbox: --people 0 --accounts 0 --tags 0 --audiences 0 --account-custom 0
-- env: ORTTO_RATE=0
-- Each row of `given` becomes a person with that one field, written into the server's answer just as it stands here.
CREATE TABLE given(n INTEGER PRIMARY KEY, field, raw);
INSERT INTO given(field, raw) VALUES
-- integer: exact over the whole int64 range
('int:cm:seats', '0'), ('int:cm:seats', '-0'), ('int:cm:seats', '42'), ('int:cm:seats', '-1'),
('int:cm:seats', '9007199254740993'), ('int:cm:seats', '-9007199254740993'),
('int:cm:seats', '9223372036854775807'), ('int:cm:seats', '-9223372036854775808'),
-- beyond int64: nothing is lost
('int:cm:seats', '9223372036854775808'), ('int:cm:seats', '18446744073709551616'), ('int:cm:seats', '-9223372036854775809'),
('int:cm:seats', '123456789012345678901234567890'),
-- with fraction or exponent
('int:cm:seats', '12.5'), ('int:cm:seats', '12.0'), ('int:cm:seats', '1e3'), ('int:cm:seats', '1E400'),
-- other shapes
('int:cm:seats', '"12"'), ('int:cm:seats', '"0012"'), ('int:cm:seats', '""'), ('int:cm:seats', '"abc"'), ('int:cm:seats', 'true'),
('int:cm:seats', 'false'), ('int:cm:seats', 'null'), ('int:cm:seats', '[]'), ('int:cm:seats', '[1,2]'), ('int:cm:seats', '{}'),
('int:cm:seats', '{"value":5}'),
-- engagement: not scaled
('int::e', '20'), ('int::e', '"20"'),
-- decimal and currency: the API's integer divided by 1000, exact up to 9,007,199,254,740.991
('int:cm:rating', '12500'), ('int:cm:rating', '1'), ('int:cm:rating', '-1'), ('int:cm:rating', '0'), ('int:cm:rating', '1005'),
('int:cm:rating', '9007199254740991'), ('int:cm:rating', '-9007199254740991'),
('int::v', '15300'), ('int::ta', '99999'), ('int:cm:plan-value', '333'),
-- a string is kept as it is and not scaled, the rest is itself
('int:cm:rating', '12.5'), ('int:cm:rating', '"12500"'), ('int:cm:rating', '"12.5"'), ('int:cm:rating', 'true'), ('int:cm:rating', '[12500]'), ('int:cm:rating', '{"a":1}'),
('int:cm:rating', 'null'), ('int:cm:rating', '""'),
-- boolean
('bol:cm:is-vip', 'true'), ('bol:cm:is-vip', 'false'), ('bol:cm:is-vip', '1'), ('bol:cm:is-vip', '0'), ('bol:cm:is-vip', '2'),
('bol:cm:is-vip', '"true"'), ('bol:cm:is-vip', '"yes"'), ('bol:cm:is-vip', '""'), ('bol:cm:is-vip', '{}'), ('bol:cm:is-vip', '[true]'),
('bol:cm:is-vip', 'null'), ('bol:cm:is-vip', '0.5'),
-- date: YYYY-MM-DD, the time zone dropped
('dtz::b', '{"year":1990,"month":5,"day":17,"timezone":"UTC"}'), ('dtz::b', '{"day":1,"month":1,"year":1,"timezone":"Asia/Tokyo"}'),
('dtz::b', '{"year":9999,"month":12,"day":31}'), ('dtz::b', '{"year":2024,"month":2,"day":29,"timezone":null}'),
('dtz:cm:renewal-date', '{"year":2025,"month":11,"day":4,"timezone":"Europe/Oslo","extra":[1]}'),
-- dates that no calendar has, and other shapes
('dtz::b', '{"year":2025,"month":2,"day":29}'), ('dtz::b', '{"year":2025,"month":13,"day":1}'), ('dtz::b', '{"year":2025,"month":0,"day":1}'),
('dtz::b', '{"year":99999,"month":1,"day":1}'), ('dtz::b', '{"year":-5,"month":1,"day":1}'), ('dtz::b', '{"year":0,"month":0,"day":0}'),
('dtz::b', '{"year":1990,"month":5}'), ('dtz::b', '{"year":1990.5,"month":5,"day":17}'), ('dtz::b', '{"year":9223372036854775807,"month":1,"day":1}'),
('dtz::b', '"1990-05-17"'), ('dtz::b', '""'), ('dtz::b', '19900517'), ('dtz::b', '[1990,5,17]'), ('dtz::b', '{}'), ('dtz::b', 'null'), ('dtz::b', 'false'),
-- time: as sent
('tme:cm:last-demo', '"2025-11-04T19:10:31Z"'), ('tme:cm:last-demo', '"2025-11-04T19:10:31.123Z"'), ('tme:cm:last-demo', '"2025-11-04T19:10:31.123456789Z"'),
('tme:cm:last-demo', '"2025-11-04T19:10:31+02:00"'), ('tme:cm:last-demo', '"0001-01-01T00:00:00Z"'), ('tme:cm:last-demo', '"not a time"'),
('tme:cm:last-demo', '1762283431'), ('tme:cm:last-demo', '{}'), ('tme:cm:last-demo', '""'), ('tme:cm:last-demo', 'null'), ('l', '"2025-11-04T19:10:31Z"'),
-- place: its name
('geo::city', '{"id":5,"name":"Melbourne"}'), ('geo::city', '{"name":"Tromsø","lat":69.6,"id":"x"}'), ('geo::country', '{"id":9007199254740993,"name":""}'),
('geo::city', '"Melbourne"'), ('geo::city', '{"id":7}'), ('geo::city', '{"id":7,"name":null}'), ('geo::city', '{"name":7}'), ('geo::city', '5'),
('geo::city', '[]'), ('geo::city', '{}'), ('geo::city', 'null'),
-- phone: + country code and number
('phn::phone', '{"c":"61","n":"401234567"}'), ('phn::phone', '{"n":"401234567","c":"+61","iso":"AU"}'), ('phn::phone', '{"c":61,"n":401234567}'),
('phn:cm:work-phone', '{"c":"1","n":"2025550123"}'),
('phn::phone', '"+61401234567"'), ('phn::phone', '61401234567'), ('phn::phone', '{"n":"401234567"}'), ('phn::phone', '{"c":"61"}'),
('phn::phone', '{"c":"","n":""}'), ('phn::phone', '{"c":"61","n":"0401 234 567"}'), ('phn::phone', '{"c":"61","n":null}'), ('phn::phone', '{}'),
('phn::phone', '[]'), ('phn::phone', '""'), ('phn::phone', 'null'),
-- lists, sets, objects, tags: JSON as sent
('sst:cm:interests', '["a","b"]'), ('sst:cm:interests', '[]'), ('sst:cm:interests', '["a,b","c\"d","é"]'), ('sst:cm:interests', '"one"'),
('sst:cm:interests', '7'), ('sst:cm:interests', 'null'), ('sst:cm:interests', '{"a":1}'), ('sst:cm:interests', '[["nested",null,1.5,true]]'),
('obj:cm:preferences', '{"b":1,"a":{"deep":[[[]]]}}'), ('obj:cm:preferences', '{"k":1,"k":2}'), ('obj:cm:preferences', '{"":1}'),
('obj:cm:preferences', '12345678901234567890'), ('obj:cm:preferences', '{"n":12345678901234567890}'), ('obj:cm:preferences', '"text"'),
('obj:cm:preferences', 'true'), ('obj:cm:preferences', '{ "blank" : [ 1 , 2 ] }'),
-- text
('str::first', '"plain"'), ('str::first', '""'), ('str::first', '" blanks "'), ('str::first', '"''quotes'' \"double\""'), ('str::first', '"\u00e9 é \ud83d\ude00 😀"'),
('str::first', '"null"'), ('str::first', '"12"'), ('str::first', '12'), ('str::first', '1.50'), ('str::first', 'true'), ('str::first', 'null'),
('str::first', '["x"]'), ('str::first', '{"k":"v"}'), ('txt:cm:notes', '"large"'), ('str:cm:plan', '"Pro"'),
('str:cm:profile-page', '"https://example.com/?a=b&c=d"'), ('idt::o', '"1069000000000000000000ab"'), ('str::ei', '123');

.once '|while read -r line; do printf %s "$line" | curl -s -o /dev/null --data-binary @- $ORTTO_API_URL/sandbox/people; done'
SELECT printf('{"person":{"id":"%024x","fields":{"%s":%s}}}', n, field, raw) FROM given;

-- One column per field, in the order of the list; the id tells which person.
CREATE VIRTUAL TABLE p USING ortto(table=people, fields=all);
CREATE TABLE got AS SELECT * FROM p;
SELECT count(*) = (SELECT count(*) FROM given) AS complete FROM got;
CREATE TABLE shown(n INTEGER PRIMARY KEY, type, value);
INSERT INTO shown
  SELECT n, typeof(v), iif(typeof(v) = 'real', printf('%!.15g', v), quote(v)) FROM (SELECT n, CASE field
    WHEN 'int:cm:seats' THEN seats WHEN 'int::e' THEN engagement WHEN 'int:cm:rating' THEN rating WHEN 'int::v' THEN total_spent
    WHEN 'int::ta' THEN total_attributed WHEN 'int:cm:plan-value' THEN plan_value WHEN 'bol:cm:is-vip' THEN is_vip WHEN 'dtz::b' THEN birthday
    WHEN 'dtz:cm:renewal-date' THEN renewal_date WHEN 'tme:cm:last-demo' THEN last_demo WHEN 'l' THEN last_seen WHEN 'geo::city' THEN city
    WHEN 'geo::country' THEN country WHEN 'phn::phone' THEN phone_number WHEN 'phn:cm:work-phone' THEN work_phone
    WHEN 'sst:cm:interests' THEN interests WHEN 'obj:cm:preferences' THEN preferences WHEN 'str::first' THEN first_name
    WHEN 'txt:cm:notes' THEN notes WHEN 'str:cm:plan' THEN plan WHEN 'str:cm:profile-page' THEN profile_page WHEN 'idt::o' THEN account_id
    WHEN 'str::ei' THEN external_id ELSE 'no such case' END AS v
    FROM given JOIN p ON p.id = printf('%024x', n));
SELECT field, raw, type, value FROM given JOIN shown USING (n) ORDER BY n;

-- What was copied from a scan equals what came by id, and the JSON that was taken over is sound.
SELECT count(*) AS differences FROM given JOIN got ON got.id = printf('%024x', n) JOIN p ON p.id = got.id
 WHERE (got.seats, got.rating, got.birthday, got.city, got.phone_number, got.interests, got.preferences, got.first_name)
  IS NOT (p.seats, p.rating, p.birthday, p.city, p.phone_number, p.interests, p.preferences, p.first_name);
SELECT value FROM p, json_each(p.interests) WHERE p.id = (SELECT printf('%024x', n) FROM given WHERE raw = '["a,b","c\"d","é"]');
SELECT preferences->'a'->>'deep' FROM p WHERE p.id = (SELECT printf('%024x', n) FROM given WHERE raw = '{"b":1,"a":{"deep":[[[]]]}}');
SELECT strftime('%Y/%m/%d %H:%M:%S', last_seen) FROM p WHERE last_seen IS NOT NULL;
-- JSON nests in JSON functions.
SELECT json_array(interests) FROM p WHERE id = (SELECT printf('%024x', n) FROM given WHERE raw = '["a","b"]');
