-- Text that hurts: NUL, lone surrogates, control characters, bytes that are no UTF-8, 4,000 characters, empty strings.
-- sandbox: --people 0 --accounts 0 --tags 0 --audiences 0 --account-custom 0
-- env: ORTTO_RATE=0
CREATE TABLE given(n INTEGER PRIMARY KEY, what, field, raw);
INSERT INTO given(what, field, raw) VALUES
('all escapes', 'str::first', '"\/\b\f\n\r\t\\\""'),
('NUL inside', 'str::first', '"a\u0000b"'),
('NUL alone', 'str::first', '"\u0000"'),
('NUL in an object', 'obj:cm:preferences', '{"a":"x\u0000y"}'),
('NUL in a place', 'geo::city', '{"name":"X\u0000Y"}'),
('control characters', 'str::first', '"\u0001\u001f\u007f"'),
('high surrogate alone', 'str::first', '"x\ud800y"'),
('low surrogate alone', 'str::first', '"x\udc00y"'),
('surrogates in wrong order', 'str::first', '"\udc00\ud800"'),
('high surrogate at the end', 'str::first', '"\ud83d"'),
('high surrogate before a letter', 'str::first', '"\ud83d\u0041"'),
('surrogate pair', 'str::first', '"\ud83d\ude00"'),
('surrogate in a list', 'sst:cm:interests', '["\ud800"]'),
('capital hex', 'str::first', '"\u00E9\u00e9"'),
('no character', 'str::first', '"\uffff\ufffe"'),
('byte order mark', 'str::first', '"\ufeffx"'),
('right to left', 'str::first', '"\u202e abc"'),
('combining', 'str::first', '"e\u0301"'),
('empty', 'str::first', '""'),
('255 characters', 'str::first', '"' || replace(hex(zeroblob(127)), '0', 'é') || 'é"'),
('4,000 characters', 'txt:cm:notes', '"' || replace(hex(zeroblob(2000)), '0', 'x') || '"'),
('4,000 characters of four bytes', 'txt:cm:notes', '"' || replace(hex(zeroblob(2000)), '0', '😀') || '"'),
('a megabyte', 'txt:cm:notes', '"' || replace(hex(zeroblob(500000)), '0', 'x') || '"'),
('nested 300 deep', 'obj:cm:preferences', replace(hex(zeroblob(150)), '0', '[') || replace(hex(zeroblob(150)), '0', ']')),
('SQL', 'str::first', '"''; DROP TABLE got; --"');
.once '|while read -r line; do printf %s "$line" | curl -s -o /dev/null --data-binary @- $ORTTO_API_URL/sandbox/people; done'
SELECT printf('{"person":{"id":"%024x","fields":{"%s":%s}}}', n, field, raw) FROM given;

CREATE TABLE got AS SELECT id, coalesce(first_name, notes, preferences, interests, city) AS v FROM ortto_people;
-- length(CAST(v AS BLOB)) is the number of bytes, hex() shows them.
SELECT what, typeof(v), length(CAST(v AS BLOB)), CASE WHEN length(CAST(v AS BLOB)) < 30 THEN hex(v) END FROM given JOIN got ON got.id = printf('%024x', n) ORDER BY n;
SELECT what, v = replace(hex(zeroblob(2000)), '0', 'x') FROM given JOIN got ON got.id = printf('%024x', n) WHERE what = '4,000 characters';
-- JSON that was taken over is sound JSON still, whatever stood in it.
SELECT count(*) AS unsound FROM ortto_people WHERE (preferences IS NOT NULL AND NOT json_valid(preferences)) OR (interests IS NOT NULL AND NOT json_valid(interests));
-- (Before 3.42 SQLite's ->> ends at a NUL, so the JSON itself is looked at.)
SELECT what, preferences LIKE '%x_u0000y%' FROM given JOIN ortto_people p ON p.id = printf('%024x', n) WHERE what = 'NUL in an object';
-- A row with a NUL is found by that value, and only by that.
SELECT count(*) FROM ortto_people WHERE first_name = 'a' || char(0) || 'b';
SELECT count(*) FROM ortto_people WHERE first_name = 'a';
