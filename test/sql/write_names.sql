-- Names of fields, traits, activities and attributes: an exact one before a folded one, and one that may be several is refused.
-- sandbox: --people 3 --custom 0 --no-archived
-- env: ORTTO_RATE=0 ORTTO_RETRIES=0
.once '|while read -r line; do printf %s "$line" | curl -s -o /dev/null --data-binary @- $ORTTO_API_URL/sandbox/field; done'
SELECT json_object('entity', 'people', 'id', column1, 'name', column2, 'display_type', 'text') FROM (VALUES
  ('str:cm:accountid--c', 'AccountId__c'), ('str:cm:account-id--c', 'Account_Id__c'), ('str:cm:score', 'Score'), ('str:cm:score-2', 'Score'),
  ('str:cm:amount-p', 'amount %'), ('str:cm:amount-d', 'amount $'), ('str:cm:lead-source', 'Lead source'));
.once '|while read -r line; do printf %s "$line" | curl -s -H X-Api-Key:sandbox-key --data-binary @- $ORTTO_API_URL/v1/definitions/activity/create >/dev/null; done'
SELECT json_object('name', value, 'icon_id', 'x', 'attributes', json('[]')) FROM json_each('["Reached level 12","Reached level 1-2","C++ read","Placed order","placed_order"]')
  UNION ALL SELECT '{"name":"Two sizes","icon_id":"x","attributes":[{"name":"Size","display_type":"text"},{"name":"size!","display_type":"text"},{"name":"size","display_type":"integer"}]}';
SELECT count(*) FROM ortto_people;

.print -- Fields that fold alike: each is found by its exact name, none by another spelling.
SELECT value->>'status', coalesce(value->>'errormessage', value->'sent'->>'fields') FROM json_each(ortto_upsert('[
  {"user_id":"a1","traits":{"AccountId__c":"1","Account_Id__c":"2"}}, {"user_id":"a2","traits":{"account id c":"3"}},
  {"user_id":"a3","traits":{"Score":"4"}}, {"user_id":"a4","traits":{"score":"5","score_2":"6"}},
  {"user_id":"a5","traits":{"amount %":"7","amount $":"8"}}, {"user_id":"a6","traits":{"amount":"9"}},
  {"user_id":"a7","traits":{"leadSource":"x"}}, {"user_id":"a8","traits":{"LEAD-SOURCE":"x"}}, {"user_id":"a9","traits":{"leadsource":"x"}}]'));

.print -- Two members for one field, in one object or in two, through an address or an escape; also where one is null.
SELECT value->>'status', coalesce(value->>'errormessage', value->'sent'->>'fields') FROM json_each(ortto_upsert('[
  {"user_id":"b1","traits":{"firstName":"A","first_name":"B"}}, {"user_id":"b2","traits":{"email":"a@example.com"},"fields":{"str::email":"b@example.com"}},
  {"user_id":"b3","traits":{"city":"Oslo","address":{"city":"Bergen"}}}, {"user_id":"b4","traits":{"city":null,"address.city":"Bergen"}},
  {"user_id":"b5","traits":{"lead\u0020source":"x","lead_source":"x"}}, {"user_id":"b6","fields":{"first_name":"x","first_name":"y"}},
  {"user_id":"b7","tags":["x"],"traits":{"tags":["y"]}}, {"user_id":"b8","traits":{"userId":"b9"}}]'));

.print -- Activities and their attributes.
SELECT value->>'status', coalesce(value->>'errormessage', value->'sent'->>'activity_id' || ' ' || (value->'sent'->>'attributes')) FROM json_each(ortto_track('[
  {"user_id":"c","event":"Reached level 12"}, {"user_id":"c","event":"Reached level 1-2"}, {"user_id":"c","event":"reachedLevel 12"}, {"user_id":"c","event":"C# read"},
  {"user_id":"c","event":"Placed order"}, {"user_id":"c","event":"placed_order"}, {"user_id":"c","event":"PLACED ORDER"},
  {"user_id":"c","event":"Two sizes","properties":{"size!":"a"}}, {"user_id":"c","event":"Two sizes","properties":{"Size":"a","size":1}},
  {"user_id":"c","event":"Two sizes","properties":{"SIZE":1}}, {"user_id":"c","event":"Two sizes","properties":{"size":1,"int:cm:size":2}}]'));

.print -- Made by one name, found by another; the memory of what was refused tells names and kinds apart.
SELECT value->>'status', coalesce(value->>'errormessage', value->'sent'->>'fields') FROM json_each(ortto_upsert('[
  {"user_id":"d1","traits":{"Shirt_Size":"M"}}, {"user_id":"d2","traits":{"shirtSize":"L"}}, {"user_id":"d3","traits":{"shirtsize":"S"}}]', '{"create":true}'));
.shell $ROOT/test/sql/requests.sh >/dev/null
SELECT value->>'status', value->>'errortype' FROM json_each(ortto_track('[{"user_id":"e1","event":"Placed order","traits":{"C# seen":1}},{"user_id":"e2","event":"Placed order","traits":{"C++ seen":2}},
  {"user_id":"e3","event":"Placed order","traits":{"c# Seen":3}},{"user_id":"e4","event":"C# seen"}]', '{"create":true}'));
.shell $ROOT/test/sql/requests.sh | grep -oE '/create .{0,90}'

.print -- traits.tags are the record's tags; an activity has none.
SELECT ortto_upsert('{"user_id":"t1","traits":{"tags":["VIP"]}}')->'sent';
SELECT ortto_upsert('{"user_id":"t1","traits":{"tags":"[\"Two\"]"}}')->'sent';
SELECT ortto_upsert('{"user_id":"t1","traits":{"Tags":["Three"]}}')->'sent';
SELECT ortto_upsert('{"user_id":"t1","traits":{"TAGS":"four, five"}}');
SELECT ortto_upsert('{"user_id":"t1","tags":["six"],"traits":{"Tags":["seven"]}}');
SELECT ortto_track('{"user_id":"t1","event":"C++ read","traits":{"Tags":["VIP"]}}');
SELECT ortto_track('{"user_id":"t1","event":"C++ read","traits":{"tags":["VIP"]}}');

.print -- An activity that the instance does not list goes as it is, its attributes by their ids; alone, so that it takes no other with it.
.shell $ROOT/test/sql/requests.sh >/dev/null
SELECT value->>'status', coalesce(value->>'errormessage', value->'sent'->>'attributes') FROM json_each(ortto_track('[
  {"user_id":"u","event":"act::zz","message_id":"1","timestamp":"2025-10-01","properties":{"str::title":"T","int::n":2,"int::v":1.5,"tme::at":"2025-10-01 08:00:00"}},
  {"user_id":"v","event":"act::zz","message_id":"2","timestamp":"2025-10-01","properties":{"title":"T"}},
  {"user_id":"w","event":"C++ read","message_id":"3","timestamp":"2025-10-01"}]'));
SELECT value->>'status', value->>'errortype' FROM json_each(ortto_track('[{"user_id":"u","event":"act:cm:no-such"},{"user_id":"w","event":"C++ read"}]'));
.shell $ROOT/test/sql/requests.sh count | grep activities

.print -- Empty ids are none.
SELECT value->>'status', coalesce(value->>'errormessage', value->'sent'->>'fields') FROM json_each(ortto_upsert('[{"user_id":"","fields":{"email":"e@example.com"}},{"user_id":""},{"user_id":"","anonymous_id":"a"},{"anonymous_id":""}]'));
SELECT ortto_track('{"user_id":"","event":"C++ read","traits":{"email":"e@example.com"}}')->'sent'->'fields';
SELECT ortto_track('{"type":"track","userId":"","anonymousId":"","event":"C++ read"}');
