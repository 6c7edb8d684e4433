-- A refused record is told all that is wrong with it, each with the name that it is given under.
-- env: ORTTO_RATE=0 ORTTO_RETRIES=0 ORTTO_SEGMENT_KEY=psb-sandbox-segment-key
CREATE TEMP TABLE got AS SELECT ortto_upsert('[{"user_id":"a","traits":{"birthday":"1990-02-30","emial":"x","Is VIP":"perhaps"},"fields":{"phone_number":"0401"},"ip":"nowhere","mine":1},
  {"user_id":"b","fields":{"first_name":"B"}},{"fields":{"planValue":1}},{"user_id":"d","fields":{"created":"2025-01-01T00:00:00Z","b\u0069rthday":"x"},"tags":7}]') AS json;
SELECT value->>'status', value->>'errormessage' FROM got, json_each(got.json);
SELECT o.value->>'index', e.value->>'field', e.value->>'message' FROM got, json_each(got.json) o, json_each(o.value, '$.errors') e;
SELECT json_type(o.value, '$.errors') FROM got, json_each(got.json) o WHERE o.value->>'status' = 200;

.print -- Activities: the contact's and their own.
SELECT e.value->>'field', e.value->>'message' FROM json_each(ortto_track('[{"event":"Flight Booked","traits":{"frist_name":"A"},"properties":{"bags":"two","carier":"X"},"timestamp":"yesterday","message_id":7},
  {"event":"Flight Boked","user_id":"x","properties":[]}]')) o, json_each(o.value, '$.errors') e;

.print -- To a Segment data source.
SELECT e.value->>'field', e.value->>'message' FROM json_each(ortto_track('[{"user_id":"u","event":"","fields":{},"tags":[]}]', '{"to":"segment"}')) o, json_each(o.value, '$.errors') e;

.print -- A single object says the first and the number of the others; of what the server refused there are none.
SELECT ortto_upsert('{"user_id":"a","fields":{"birthday":"x","phone_number":"y","is_vip":"z"}}');
SELECT value->>'status', value->>'errors' FROM json_each(ortto_upsert('[{"fields":{"email":"x@suppressed.example.com"}}]', '{"suppression_list_field_id":"email"}'));

.print -- With create, a field is made only for a record that has nothing else against it.
.shell $ROOT/test/sql/requests.sh >/dev/null
SELECT value->>'errormessage' FROM json_each(ortto_upsert('[{"user_id":"m1","traits":{"never made":1,"birthday":"x"}}]', '{"create":true}'));
.shell $ROOT/test/sql/requests.sh count | grep create

.print
.print -- All of them too where one part has several, and of events.
CREATE TEMP VIEW many AS SELECT 'u' AS user_id, json_group_object('a' || value, value) AS properties FROM json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]');
SELECT e.value->>'field', e.value->>'message' FROM json_each(ortto_upsert('[{"user_id":"a","location":{"zip":"1","city":5,"country":"Norway","town":"x"},"fields":{"seats":"x"}}]')) o, json_each(o.value, '$.errors') e;
SELECT ortto_track((SELECT json_object('user_id', user_id, 'event', 'Full', 'properties', json_remove(properties, '$.a16', '$.a17')) FROM many), '{"create":true}')->>'status';
SELECT e.value->>'field', e.value->>'message' FROM many, json_each(ortto_track('[{"user_id":"a","event":"Full","timestamp":"x","properties":' || json_set(properties, '$.int::v', 'x') || '}]')) o, json_each(o.value, '$.errors') e;
.shell $ROOT/test/sql/requests.sh >/dev/null
SELECT o.key, e.value->>'field', e.value->>'message' FROM json_each(ortto_upsert('[{"user_id":"u","fields":{},"tags":[],"audience_name":7,"audience_update_mode":"toggle"},{"user_id":"u","audience_name":" ","audience_update_mode":"ADD"},
  {"type":"track","fields":{},"context":{"ip":"::1"}},{"type":"identify","tags":[],"unset_tags":[],"audience_name":"","audience_update_mode":7}]', '{"to":"segment"}')) o, json_each(o.value, '$.errors') e;
SELECT e.value->>'field', e.value->>'message' FROM json_each(ortto_track('[{"type":"identify","context":{"ip":7}}]')) o, json_each(o.value, '$.errors') e;
.shell $ROOT/test/sql/requests.sh count
