-- The option create: activity definitions and custom fields that do not exist are made once, typed from the values; what
-- exists already is looked up; attributes cannot be added to an activity that exists.
-- env: ORTTO_RATE=0 ORTTO_RETRIES=0
SELECT count(*) FROM ortto_people;
.shell curl -s -X POST "$ORTTO_API_URL/sandbox/forget" >/dev/null

.print -- A definition with its attributes, for all records of the call, whatever the letters.
SELECT value->>'status', value->>'errormessage', value->'sent'->>'activity_id', value->'sent'->'attributes' FROM json_each(ortto_track('[
  {"event":"Course Taken","user_id":"a","timestamp":"2025-10-01","message_id":"1","properties":{"Title":"SQL","hours":3,"price":12.5,"passed":true,"on":"2025-10-01","at":"2025-10-01T09:00:00Z","words":["x","y"],"more":{"a":1},"nothing":null}},
  {"event":"course taken","user_id":"b","timestamp":"2025-10-01","message_id":"2","properties":{"title":"C","hours":4,"Price":12}},
  {"event":"Course Taken","user_id":"c","timestamp":"2025-10-01","message_id":"3","properties":{"room":"7"}}]', '{"create":true}'));
.shell $ROOT/test/sql/requests.sh | grep -v custom-field/get

.print
.print -- Attributes cannot be added to it in a later call.
SELECT ortto_track('{"event":"Course Taken","user_id":"c","properties":{"rooom":"7"}}', '{"create":true}');

.print
.print -- Without create, and with create: false, a missing one fails its record.
SELECT ortto_track('[{"event":"Never Made","user_id":"a"}]')->>'$[0].status', ortto_track('[{"event":"Never Made","user_id":"a"}]', '{"create":false}')->>'$[0].status';

.print
.print -- Somebody else made it meanwhile: it is looked up.
.once body.json
SELECT '{"name":"Made Elsewhere"}';
.shell curl -s -H X-Api-Key:sandbox-key -d @body.json $ORTTO_API_URL/v1/definitions/activity/create >/dev/null
SELECT ortto_track('{"event":"Made Elsewhere","user_id":"a"}', '{"create":true}')->>'result';
.once body.json
SELECT '{"name":"Made Too"}';
.shell curl -s -H X-Api-Key:sandbox-key -d @body.json $ORTTO_API_URL/v1/definitions/activity/create >/dev/null
SELECT ortto_track('{"event":"Made Too","user_id":"a"}')->>'result';
.shell $ROOT/test/sql/requests.sh count | grep definitions

.print
.print -- Custom fields, out of traits and fields, of every type that a value tells.
SELECT value->>'status', value->>'errormessage', value->'sent'->'fields' FROM json_each(ortto_upsert('[
  {"user_id":"f1","traits":{"Shoe Size":43,"height":1.82,"member":true,"joined":"2025-10-01","seen":"2025-10-01 09:00:00","motto":"carpe diem","langs":["no","en"],"prefs":{"a":1.0}}},
  {"user_id":"f2","fields":{"shoe_size":44}},{"user_id":"f3","traits":{"shoeSize":45}},
  {"user_id":"f4","traits":{"nobody knows":null}},{"user_id":"f5","fields":{"str:cm:made-up":"x"}},{"user_id":"f6","traits":{"shoe size":"large"}}]', '{"create":true}'));
.shell $ROOT/test/sql/requests.sh | grep -v custom-field/get
SELECT column_name, id, display_type, choices FROM ortto_fields WHERE entity = 'people' AND name IN ('Shoe Size', 'height', 'member', 'joined', 'seen', 'motto', 'langs', 'prefs') ORDER BY 1;

.print
.print -- A long text makes a large one; attributes of activities and fields of their contact may be made in one call.
SELECT json_extract(ortto_upsert(json_object('user_id', 'f7', 'traits', json_object('story', printf('%.*c', 300, 'x'))), '{"create":true}'), '$.result');
SELECT id FROM ortto_fields WHERE entity = 'people' AND name = 'story';
SELECT ortto_track('{"event":"Both New","user_id":"f8","traits":{"brand_new":1},"properties":{"x":1}}', '{"create":true}')->>'result';

.print
.print -- All values of the call have their say: whole numbers and others are decimals, null says nothing.
SELECT value->>'status', value->>'errormessage' FROM json_each(ortto_upsert('[{"user_id":"t1","traits":{"weight":null}},{"user_id":"t2","traits":{"weight":80}},{"user_id":"t3","traits":{"weight":80.5}}]', '{"create":true}'));
SELECT id, display_type FROM ortto_fields WHERE entity = 'people' AND name = 'weight';

.print
.print -- Nothing is made for a record that is refused for another reason: nobody is named, one name twice, a bad time.
.shell $ROOT/test/sql/requests.sh >/dev/null
SELECT value->>'errormessage' FROM json_each(ortto_upsert('[{"fields":{"first_name":"c"},"traits":{"Unmade 1":1}}, {"anonymous_id":"x","traits":{"Unmade 2":2}},
  {"fields":{"id":"zz","Unmade 3":3}}, {"user_id":"u","traits":{"Unmade 4":4,"unmade_4":5}}, {"user_id":"u","traits":{"Unmade 5":4,"external_id":"v"}}]', '{"create":true}'));
SELECT value->>'errormessage', value->'errors'->1 FROM json_each(ortto_track('[{"user_id":"u","event":"Unmade 1","timestamp":"yesterday"}, {"user_id":"u","event":"Unmade 2","ip":"here","message_id":3},
  {"user_id":"u","event":"Unmade 3","location":[]}, {"user_id":"u","event":"Both New","ip":"here","properties":{"nix":1}}]', '{"create":true}'));
.shell $ROOT/test/sql/requests.sh | grep create; true

.print -- Nor for what is wrong beside names and values: tags, places, the event, attributes; an attribute without a name or given twice.
.shell $ROOT/test/sql/requests.sh >/dev/null
SELECT value->>'errormessage' FROM json_each(ortto_upsert('[{"user_id":"u","traits":{"Unmade 6":1},"tags":6}, {"user_id":"u","traits":{"Unmade 6":1},"unset_tags":[6]}, {"user_id":"u","traits":{"Unmade 6":1},"ip":6},
  {"user_id":"u","traits":{"Unmade 6":1},"location":{"town":"x"}}, {"user_id":"u","traits":{"":1}}, {"user_id":"u","traits":{"Unmade 6":1},"tags":["a"],"fields":{"tags":["b"]}}]', '{"create":true}'));
SELECT value->>'errormessage' FROM json_each(ortto_track('[{"user_id":"u","traits":{"Unmade 7":1},"event":" "}, {"user_id":"u","traits":{"Unmade 7":1},"event":"Unmade 8","properties":7}, {"user_id":"u","traits":{"Unmade 7":1},"event":"Both New","timestamp":"x"},
  {"user_id":"u","traits":{"Unmade 7":1},"event":"Both New","properties":{"nix":1}}, {"user_id":"u","event":"Unmade 9","properties":{"a":1,"A":2}}, {"user_id":"u","event":"Unmade 9","properties":{"":1}},
  {"user_id":"u","event":"Unmade 9","properties":{"int::v":"x"}}]', '{"create":true}'));
.shell $ROOT/test/sql/requests.sh | grep create; true
.print -- An empty list makes a list of texts of an attribute; of a field it could not be said of what.
SELECT ortto_track('{"user_id":"u","event":"Lists","properties":{"none":[],"":null}}', '{"create":true}')->>'status', ortto_track('{"user_id":"u","event":"Lists","properties":{"none":["one"]}}')->>'$.sent.attributes';
SELECT attributes FROM ortto_activity_types WHERE name = 'Lists';

.print
.print -- What the server refuses is an outcome of the record, and it is not asked again for the next one.
.once body.json
SELECT '{"kind":"status","status":400,"path":"/v1/person/custom-field/create","times":-1}';
.shell curl -s -H X-Api-Key:sandbox-key -d @body.json $ORTTO_API_URL/sandbox/fault >/dev/null
.shell $ROOT/test/sql/requests.sh >/dev/null
SELECT value->>'status', value->>'errortype' FROM json_each(ortto_upsert('[{"user_id":"g1","traits":{"refused field":1}},{"user_id":"g2"},{"user_id":"g3","traits":{"refused field":2}}]', '{"create":true}'));
.shell $ROOT/test/sql/requests.sh count | grep create
.shell curl -s -X POST $ORTTO_API_URL/sandbox/clear >/dev/null
.print -- A key that is refused there ends it: no new request is begun.
.once body.json
SELECT '{"kind":"status","status":403,"path":"/v1/definitions","times":-1}';
.shell curl -s -H X-Api-Key:sandbox-key -d @body.json $ORTTO_API_URL/sandbox/fault >/dev/null
SELECT value->>'status', value->>'errortype' FROM json_each(ortto_track('[{"event":"Song Played","user_id":"h1"},{"event":"Refused One","user_id":"h1"},{"event":"Refused Two","user_id":"h2"}]', '{"create":true}'));
.shell $ROOT/test/sql/requests.sh count | grep -v get
