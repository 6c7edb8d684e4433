-- What an answer of 200 says: success only where it says so, failure in whatever words, and the key is shown nowhere.
-- sandbox: --people 20 --no-archived
-- env: ORTTO_RATE=0 ORTTO_RETRIES=0 ORTTO_SEGMENT_KEY=psb-sandbox-segment-key
SELECT count(*) FROM ortto_people;

.print -- Segment's endpoint.
.once fault.sh
SELECT 'curl -s -o /dev/null -d ''{"kind":"replace","path":"/v1/identify","after":' || key || ',"body":' || json_quote(value) || '}'' $ORTTO_API_URL/sandbox/fault' FROM json_each('["{\"code\":500,\"error\":\"internal\"}","{\"success\":false}","{\"status\":429,\"message\":\"slow\\u0020down\"}","{\"error\":{\"message\":\"deep\"}}","{\"errors\":\"all\"}","{\"errors\":{\"0\":\"bad\"}}","{\"status\":\"503\"}","[]","null","{\"errors\":[{\"message\":\"which\"}]}","{\"error\":\"psb-sandbox-segment-key is no key\"}","","{\"errors\":[]}","{\"errors\":null,\"error\":null,\"code\":0,\"status\":\"ok\",\"success\":true}","{\"status\":200,\"error\":\"\"}"]');
.shell sh fault.sh
WITH RECURSIVE n(i) AS MATERIALIZED (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 15), r AS MATERIALIZED (SELECT i, ortto_upsert(json_array(json_object('user_id', 'u' || i)), '{"to":"segment"}')->0 AS o FROM n)
SELECT i, o->>'status', o->>'errortype', replace(coalesce(o->>'errormessage', o->>'body'), 'Whether the records were taken is not known; contacts can be sent again without harm', '...') FROM r;

.print -- The API: rows of people/merge.
.shell curl -s -X POST "$ORTTO_API_URL/sandbox/clear" >/dev/null
.once fault.sh
SELECT 'curl -s -o /dev/null -d ''{"kind":"replace","path":"/v1/person/merge","after":' || key || ',"body":' || json_quote('{"people":[' || value || ']}') || '}'' $ORTTO_API_URL/sandbox/fault' FROM json_each('["{\"status\":\"created\",\"person_id\":\"0069\"}","{\"status\":\"Merged\"}","{\"person_id\":\"0069\"}","{\"status\":\"rejected\",\"person_id\":\"0069\"}","{\"status\":\"postponed\",\"person_id\":\"0069\"}","{\"status\":\"created\",\"error\":{\"message\":\"no\"}}","{\"status\":\"created\",\"success\":false}","{\"status\":500}","{\"code\":422,\"message\":\"bad\"}","{}","{\"status\":\"invalid\",\"error\":\"sandbox-key leaks\"}","{\"status\":\"created\",\"person_id\":\"a\\u0062\\\"c\"}","{\"status\":\"created\",\"person_id\":\"sandbox-key\"}","{\"status\":\"skipped\"}"]');
.shell sh fault.sh
WITH RECURSIVE n(i) AS MATERIALIZED (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 14), r AS MATERIALIZED (SELECT i, ortto_upsert(json_array(json_object('user_id', 'u' || i)))->0 AS o FROM n)
SELECT i, o->>'status', o->>'errortype', o->>'person_id', coalesce(o->>'errormessage', o->>'body') FROM r;

.print -- The key, echoed as the request's id, whole or with escapes.
.once fault.sh
SELECT 'curl -s -o /dev/null -d ''{"kind":"status","status":400,"path":"/v1/person/merge","after":' || key || ',"body":' || json_quote(value) || '}'' $ORTTO_API_URL/sandbox/fault' FROM json_each('["{\"error\":\"bad\",\"request_id\":\"sandbox-key\",\"details\":[{\"status\":\"invalid\",\"error\":\"no\"}]}","{\"error\":\"bad\",\"request_id\":\"s\\u0061ndbox-key\"}"]');
.shell sh fault.sh
SELECT ortto_upsert('{"user_id":"k1"}');
SELECT ortto_upsert('{"user_id":"k2"}');
SELECT count(*) FROM ortto_log WHERE request_id LIKE '%ndbox-key%' OR error LIKE '%ndbox-key%';

.print -- An audience's id that is none; names in other letters are other audiences.
.once fault.json
SELECT '{"kind":"replace","path":"/v1/audiences/create","body":"{\"id\":\"a\\\"b\"}"}';
.shell curl -s -o /dev/null -d @fault.json $ORTTO_API_URL/sandbox/fault
SELECT value->>'status', value->>'errormessage' FROM json_each(ortto_upsert('[{"user_id":"k","audience_name":"VIPs"},{"user_id":"k","audience_name":"vips"},{"user_id":"k","audience_name":"VIPs"}]', '{"to":"segment"}'));

-- The words of a COMMIT that fails have Ortto's request_id, once.
.once fault.json
SELECT '{"kind":"status","status":400,"path":"/v1/person/merge","body":"{\"error\":\"bad\",\"request_id\":\"req-7\",\"details\":[{\"status\":\"invalid\",\"error\":\"no\"}]}"}';
.shell curl -s -o /dev/null -d @fault.json $ORTTO_API_URL/sandbox/fault
INSERT INTO ortto_people(email) VALUES('seven@t.example');
SELECT status, message FROM ortto_failures;
