-- Raw Segment events (an object with type identify or track, and neither user_id nor anonymous_id) are mapped as Segment's presets do it.
-- env: ORTTO_RATE=0 ORTTO_RETRIES=0 ORTTO_SEGMENT_KEY=psb-sandbox-segment-key
CREATE TEMP TABLE e(type, json);
INSERT INTO e VALUES ('identify', '{"type":"identify","timestamp":"2025-09-01T10:00:00.5Z","messageId":"m1","userId":"u1","anonymousId":"a1","context":{"ip":"203.0.113.9","traits":{"x":1}},
  "traits":{"email":"a@example.com","n":1.0,"address":{"country":"Norway","state":"Viken","city":"Oslo","postal_code":"0150"}},"integrations":{"All":true},"channel":"server"}'),
 ('track', '{"type":"track","timestamp":"2025-09-01T10:00:01.5Z","messageId":"m2","userId":"u1","event":"Bought","properties":{"":1,"price":1.50},"context":{"ip":null,"app":{"namespace":"com.example"},
  "traits":{"plan":"Pro","address":{"city":"Bergen","state":null}}}}'),
 ('identify', '{"type":"identify","anonymousId":"a2"}'),
 ('identify', '{"type":"identify","userId":"u3","traits":null,"context":{"traits":{"email":"c@example.com","address":{"country":"Norway"}}}}'),
 ('identify', '{"type":"identify","userId":"u4","traits":{"address":{"city":"Oslo"}},"context":{"traits":{"address":{"city":"Bergen","country":"Norway"}}},"audience_name":"VIPs","audience_update_mode":"remove"}'),
 ('identify', '{"type":"identify","userId":"u5","audience_name":"VIPs"}'),
 ('identify', '{"type":"identify","userId":"u6","timestamp":null,"traits":{"address":{"city":{"a":1}}}}');
SELECT group_concat(value->>'status') FROM json_each(ortto_upsert((SELECT json_group_array(json(json)) FROM e WHERE type = 'identify'), '{"to":"segment"}'));
SELECT group_concat(value->>'status') FROM json_each(ortto_track((SELECT json_group_array(json(json)) FROM e WHERE type = 'track'), '{"to":"segment"}'));
.shell $ROOT/test/sql/segment.sh

.print
.print -- Refused here, not sent: neither id, no event, a bad ip, an event of the other type. A loop is not sent either.
SELECT value->>'status', coalesce(value->>'errortype', ''), coalesce(value->>'errormessage', value->>'body') FROM json_each(ortto_upsert('[{"type":"identify"},{"type":"identify","userId":null,"anonymousId":null},
  {"type":"track","userId":"u","event":"e"},{"type":"identify","userId":"u","context":{"ip":"2001:db8::1"}},{"type":"identify","userId":"u","context":{"ip":"somewhere"}},{"type":"identify","userId":"u","context":{"ip":7}}]', '{"to":"segment"}'));
SELECT value->>'status', coalesce(value->>'errortype', ''), coalesce(value->>'errormessage', value->>'body') FROM json_each(ortto_track('[{"type":"track","userId":"u"},{"type":"track","userId":"u","event":" "},{"type":"track","event":"e"},
  {"type":"identify","userId":"u","event":"e"},{"type":"track","userId":"u","event":"Loop","context":{"app":{"namespace":"ortto.com"}}}]', '{"to":"segment"}'));
.shell $ROOT/test/sql/segment.sh

.print
.print -- With user_id or anonymous_id it is a record like any other, whose members are sent on.
SELECT ortto_upsert('{"type":"identify","user_id":"u7","context":{"x":1}}', '{"to":"segment"}')->'sent';
SELECT ortto_upsert('{"type":"page","userId":"u8","user_id":"u8"}', '{"to":"segment"}')->'sent';

.print
.print -- The same events through the API: mapped too, the parts of the address being the location.
SELECT json_remove(ortto_upsert((SELECT json_remove(json, '$.traits.n') FROM e LIMIT 1)), '$.person_id');
SELECT json_remove(ortto_upsert('{"type":"identify","userId":"r1","traits":{"email":"r1@example.com","firstName":"R"},"context":{"ip":"203.0.113.9"}}'), '$.person_id');
SELECT ortto_track('{"type":"track","userId":"r1","event":"Song Played","properties":{"title":"T"},"timestamp":"2025-09-01T10:00:00.5Z","messageId":"m9"}')->'sent';
SELECT value->>'status', value->>'errormessage' FROM json_each(ortto_upsert('[{"type":"identify"},{"type":"track","userId":"u","event":"e"},{"type":"identify","anonymousId":"a"}]'));
