-- To a Segment data source: a contact is its key's value, however it is written; records of one contact are not sent side by side.
-- env: ORTTO_RATE=0 ORTTO_RETRIES=0 ORTTO_API_KEY= ORTTO_SEGMENT_KEY=psb-sandbox-segment-key ORTTO_CONCURRENCY=8
.once fault.json
SELECT '{"kind":"latency","path":"/v1/identify","ms":60,"times":-1}';
.shell curl -s -o /dev/null -d @fault.json $ORTTO_API_URL/sandbox/fault
SELECT group_concat(value->>'status') FROM json_each(ortto_upsert('[{"traits":{"email":"Ann@example.com"},"user_id":"1"},{"traits":{"email":"ann@EXAMPLE.com"},"user_id":"1"},{"traits":{"email":"\u0061nn@example.com"},"user_id":"\u0031"},
  {"user_id":"1","traits":{"\u0065mail":"ann@example.com"}},{"user_id":"1"}]', '{"batch":false}'));
SELECT group_concat(value->>'status') FROM json_each(ortto_upsert('[{"user_id":"2"},{"user_id":"3"},{"user_id":"4"}]', '{"batch":false}'));
.print -- In flight at once: one of the first five, several of the others.
.shell curl -s "$ORTTO_API_URL/sandbox/requests?full" | grep -o in_flight.:[0-9]* | head -5 | uniq -c
.shell curl -s "$ORTTO_API_URL/sandbox/requests?full" | grep -o in_flight.:[0-9]* | tail -3 | sort | tail -1
.print -- An empty id is none, and is not sent.
.shell $ROOT/test/sql/segment.sh >/dev/null
.shell curl -s -X POST "$ORTTO_API_URL/sandbox/clear" >/dev/null
SELECT ortto_upsert('{"user_id":"","anonymous_id":"a","traits":{"email":"x@example.com"}}')->>'status';
SELECT ortto_track('{"type":"track","userId":"","anonymousId":"a","event":"E"}')->>'status';
SELECT ortto_track('{"type":"track","user_id":"","userId":"u","event":"E"}')->>'status';
SELECT ortto_track('{"type":"track","userId":"","event":"E"}');
.shell $ROOT/test/sql/segment.sh
