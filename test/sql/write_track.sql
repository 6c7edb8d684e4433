-- ortto_track through Ortto's API: activities by name or id, attributes by name or id, identity, time and key.
-- env: ORTTO_RATE=0 ORTTO_RETRIES=0
SELECT count(*) FROM ortto_people;
.shell curl -s -X POST "$ORTTO_API_URL/sandbox/forget" >/dev/null

.print
.print -- Every member; attributes by name, in any spelling, or by id, each in the shape of its type.
SELECT json_remove(ortto_track('{"event":"Flight Booked","user_id":"p1","anonymous_id":"a1","timestamp":"2025-09-01T10:00:00Z","message_id":"m1",
  "ip":"203.0.113.9","location":{"city":"Oslo"},"traits":{"firstName":"Ann"},"fields":{"email":"ann@example.com"},
  "properties":{"carrier":"X","int:cm:bags":2,"Distance":1.005,"departure":"2025-10-01","Boarding":"2025-10-01 08:15","windowSeat":1,"extras":{"a":[1.0,2]},"value":15.3}}'), '$.person_id');
.shell $ROOT/test/sql/requests.sh

.print
.print -- The activity by its id, by its name, by its name in other letters; system activities too.
SELECT value->>'status', value->>'result', value->'sent'->>'activity_id' FROM json_each(ortto_track('[{"event":"act:cm:song-played","user_id":"p1"},
  {"event":"Song Played","user_id":"p1"},{"event":"song_played","user_id":"p1"},{"event":"act::ws","user_id":"p1"},{"event":"Website session","user_id":"p1"}]'));

.print
.print -- int::v is the conversion value of any activity; null attributes are left out.
SELECT ortto_track('{"event":"Song Played","user_id":"p1","properties":{"int::v":15.3,"title":null}}')->'sent'->'attributes';

.print
.print -- Identity. The id alone goes as person_id, without a merge; with fields it is a merge by the id.
.shell $ROOT/test/sql/requests.sh >/dev/null
CREATE TEMP TABLE p AS SELECT id FROM ortto_people WHERE external_id = 'p1';
SELECT json_remove(ortto_track(json_object('event', 'Song Played', 'fields', json_object('id', id), 'message_id', 'k', 'timestamp', '2025-09-01T10:00:00Z'))->'sent', '$.person_id') FROM p;
SELECT json_remove(ortto_track(json_object('event', 'Song Played', 'fields', json_object('id', id, 'first_name', 'Anna'), 'message_id', 'k2', 'timestamp', '2025-09-01T10:00:00Z'))->'sent', '$.fields."str::person_id"') FROM p;
.shell $ROOT/test/sql/requests.sh | grep activities
SELECT first_name FROM ortto_people WHERE external_id = 'p1';

.print
.print -- Without timestamp and message_id both are made, each record its own; with either, the other is made.
CREATE TEMP TABLE sent AS SELECT value->'sent' AS s FROM json_each(ortto_track('[{"event":"Song Played","user_id":"q1"},{"event":"Song Played","user_id":"q2"},
  {"event":"Song Played","user_id":"q3","message_id":"mine"},{"event":"Song Played","user_id":"q4","timestamp":"2025-09-01T10:00:00.250+02:00"},
  {"event":"Song Played","user_id":"q5","timestamp":null,"message_id":null},{"event":"Song Played","user_id":"q6","timestamp":"2025-09-01 10:00:00","message_id":""}]'));
SELECT iif(abs(julianday(s->>'created') - julianday('now')) < 0.1, 'now', s->>'created') AS created,
       iif(length(s->>'key') = 36, 'a uuid', s->>'key') AS key FROM sent;
SELECT count(DISTINCT s->>'key') FROM sent;

.print
.print -- What is refused here, while the rest goes.
SELECT value->>'index', value->>'status', coalesce(value->>'errortype', value->>'result'), iif(value->>'errortype' = 'REFUSED', 'there', value->>'errormessage') FROM json_each(ortto_track('[{"user_id":"r1"},{"event":"","user_id":"r1"},{"event":"  ","user_id":"r1"},{"event":7,"user_id":"r1"},
  {"event":"Flight Boked","user_id":"r1"},{"event":"act:cm:no-such","user_id":"r1"},{"event":"Flight Booked","user_id":"r1","properties":{"carier":"X"}},
  {"event":"Flight Booked","user_id":"r1","properties":{"bags":"two"}},{"event":"Flight Booked","user_id":"r1","properties":[1]},
  {"event":"Song Played","user_id":"r1","timestamp":"yesterday"},{"event":"Song Played","user_id":"r1","timestamp":5},{"event":"Song Played","user_id":"r1","message_id":5},
  {"event":"Song Played","anonymous_id":"a"},{"event":"Song Played"},{"event":"Song Played","user_id":"r1","tags":["x"]},{"event":"Song Played","user_id":"r1","context":{}},
  {"event":"Song Played","user_id":"r1","audience_name":"VIPs"},{"event":"Song Played","user_id":"r1"},{"event":"Contract Signed","user_id":"r1"},null]'));

.print
.print -- At most 15 attributes and 16 kB; as many as are allowed pass. What will be refused makes no definition.
.shell $ROOT/test/sql/requests.sh >/dev/null
SELECT ortto_track(json_object('event', 'Sixteen', 'user_id', 's1', 'properties', json((SELECT json_group_object('a' || value, value) FROM generate_series(1, 16)))), '{"create":true}');
.shell $ROOT/test/sql/requests.sh count | grep definitions
SELECT ortto_track(json_object('event', 'Fifteen', 'user_id', 's1', 'properties', json((SELECT json_group_object('a' || value, value) FROM generate_series(1, 15)))), '{"create":true}')->>'result';
CREATE TEMP TABLE big AS SELECT json_group_object('text ' || value, replace(hex(zeroblob(2000)), '0', 'x')) AS four FROM generate_series(1, 3);
SELECT ortto_track(json_object('event', 'Big', 'user_id', 's1', 'properties', json(four)), '{"create":true}')->>'result' FROM big;
SELECT ortto_track(json_object('event', 'Bigger', 'user_id', 's1', 'properties', json(json_insert(json_insert(four, '$.d', replace(hex(zeroblob(2000)), '0', 'x')), '$.e', 1))), '{"create":true}') FROM big;
SELECT ortto_track(json_object('event', 'Flight Booked', 'user_id', 's1', 'properties', json_object('carrier', replace(hex(zeroblob(128)), '0', 'x'))));
