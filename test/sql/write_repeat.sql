-- The same call within two seconds, letter for letter, is the same activity to the server, and says so.
-- env: ORTTO_RATE=0 ORTTO_RETRIES=0 ORTTO_SEGMENT_KEY=psb-sandbox-segment-key
CREATE TEMP TABLE got(n, o);
SELECT count(*) FROM ortto_people;
INSERT INTO got SELECT 1, ortto_track('[{"user_id":"a","event":"Song Played"},{"user_id":"a","event":"Song Played"}]');
INSERT INTO got SELECT 2, ortto_track('[{"user_id":"a","event":"Song Played"},{"user_id":"a","event":"Song Played"}]');
INSERT INTO got SELECT 3, ortto_track('[{"user_id":"a","event":"Song Played"}, {"user_id":"a","event":"Song Played"}]');
INSERT INTO got SELECT 4, ortto_track('[{"user_id":"a","event":"Song Played"},{"user_id":"a","event":"Song Played"}]', '{"batch":true}');
SELECT n, value->>'status', value->>'repeated' FROM got, json_each(o);
SELECT count(DISTINCT value->'sent'->>'key') FROM got, json_each(o);
SELECT count(*) FROM (SELECT value->'sent' AS s FROM got, json_each(o) WHERE n = 1 INTERSECT SELECT value->'sent' FROM got, json_each(o) WHERE n = 2);
.print -- Through a Segment data source too. What makes no id, is not repeated: an upsert.
SELECT ortto_track('{"user_id":"a","event":"E"}', '{"to":"segment"}')->>'repeated';
SELECT ortto_track('{"user_id":"a","event":"E"}', '{"to":"segment"}')->>'repeated';
.shell curl -s "$ORTTO_API_URL/sandbox/segment?lines" | sort -u | wc -l | tr -d ' '
SELECT ortto_upsert('{"user_id":"a"}')->>'repeated';
SELECT ortto_upsert('{"user_id":"a"}')->>'repeated';
.print -- After that time it is another one; another connection does not count.
.shell sleep 2.2
SELECT ortto_track('{"user_id":"a","event":"E"}', '{"to":"segment"}')->>'repeated';
