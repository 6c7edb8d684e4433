-- The option create: what was made although its answer was lost is looked up; types that take every value of the call, or nothing is made.
-- env: ORTTO_RATE=0 ORTTO_RETRIES=0
SELECT count(*) FROM ortto_people;

.print
.print -- A field whose making had no answer, or one that is lost on the way, is looked up; an activity too.
.once fault.sh
SELECT group_concat('curl -s -o /dev/null -d ''{"kind":"reset_after","path":"' || value || '"}'' $ORTTO_API_URL/sandbox/fault', char(10)) FROM json_each('["/v1/person/custom-field/create","/v1/definitions/activity/create"]');
.shell sh fault.sh
SELECT ortto_upsert('{"user_id":"x1","traits":{"lost one":1}}', '{"create":true}')->'sent'->'fields';
SELECT ortto_track('{"user_id":"x1","event":"Lost Two"}', '{"create":true}')->'sent'->'activity_id';
SELECT ortto_config('retries', 2);
.shell sh fault.sh
SELECT ortto_upsert('{"user_id":"x1","traits":{"lost three":1}}', '{"create":true}')->'sent'->'fields';
SELECT ortto_track('{"user_id":"x1","event":"Lost Four"}', '{"create":true}')->'sent'->'activity_id';
.once fault.sh
SELECT 'curl -s -o /dev/null -d ''{"kind":"reset_after","path":"/v1/person/custom-field/create"}'' $ORTTO_API_URL/sandbox/fault;
curl -s -o /dev/null -d ''{"kind":"status","after":1,"status":400,"path":"/v1/person/custom-field/create","body":"{\"error\":\"Duplicate field name\"}"}'' $ORTTO_API_URL/sandbox/fault';
.shell sh fault.sh
SELECT ortto_upsert('{"user_id":"x1","traits":{"lost five":1}}', '{"create":true}')->'sent'->'fields';
SELECT ortto_config('retries', NULL);
.once fault.sh
SELECT 'curl -s -o /dev/null -d ''{"kind":"status","status":400,"path":"/v1/person/custom-field/create","body":"{\"error\":\"Duplicate field name\"}"}'' $ORTTO_API_URL/sandbox/fault';
.shell sh fault.sh
SELECT ortto_upsert('{"user_id":"x1","traits":{"not there":1}}', '{"create":true}');

.print
.print -- What no type takes makes nothing: a list of others than texts, an object in a list, true beside a word; names are one however they are written.
.shell $ROOT/test/sql/requests.sh >/dev/null
SELECT value->>'status', value->>'errormessage' FROM json_each(ortto_upsert('[{"user_id":"y1","traits":{"products":[{"sku":"a"}]}},{"user_id":"y2","traits":{"Sizes":[1,2]}},{"user_id":"y3","traits":{"Active":true}},
  {"user_id":"y4","fields":{"active":"yes"}},{"user_id":"y5","traits":{"fine":1,"empty":[]}},{"user_id":"y6"}]', '{"create":true}'));
SELECT value->>'status', value->>'errormessage' FROM json_each(ortto_track('[{"user_id":"y","event":"Odd","properties":{"a":[[1]]}},{"user_id":"y","event":"odd","properties":{"a":1}},
  {"user_id":"y","event":"Mixed","properties":{"b":true}},{"user_id":"y","event":"mixed","properties":{"B":5}}]', '{"create":true}'));
.shell $ROOT/test/sql/requests.sh count | grep create

.print
.print -- More attributes in all than an activity takes.
SELECT value->>'errormessage' FROM json_each(ortto_track((SELECT json_group_array(json_object('user_id', 'y', 'event', 'Wide', 'properties', json_object('p' || value, 1))) FROM generate_series(1, 16)), '{"create":true}')) LIMIT 1;

.print
.print -- A type that takes all: true and its text, a date and a time, a list and one text, a number and a text, an object and its text.
SELECT value->>'status', value->>'errormessage' FROM json_each(ortto_upsert('[{"user_id":"z1","traits":{"t bool":true,"t time":"2025-10-01","t list":["a"],"t text":5,"t object":{"a":1},"t large":"x"}},
  {"user_id":"z2","traits":{"t bool":"true","t time":"2025-10-01T10:00:00Z","t list":"b","t text":"x","t object":"{\"b\":1}"}}]', '{"create":true}'));
SELECT name, display_type, choices FROM ortto_fields WHERE entity = 'people' AND name LIKE 't %' ORDER BY 1;

.print
.print -- Properties given as the text of an object are properties all the same.
SELECT ortto_track('{"event":"Thing Made","user_id":"z1","properties":"{\"size\":4}"}', '{"create":true}')->'$.sent'->'attributes';
