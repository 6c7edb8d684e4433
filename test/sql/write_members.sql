-- ortto_upsert and ortto_track through Ortto's API: every member of a record, and what it becomes in the request.
-- env: ORTTO_RATE=0 ORTTO_RETRIES=0
CREATE TEMP TABLE got(json);
CREATE TEMP VIEW outcome AS
  SELECT value->>'index' AS i, value->>'status' AS status, coalesce(value->>'result', value->>'errortype') AS result,
         coalesce(value->>'errormessage', value->>'body') AS text FROM got, json_each(got.json);
.mode list
SELECT count(*) FROM ortto_people;
.shell curl -s -X POST "$ORTTO_API_URL/sandbox/forget" >/dev/null

.print
.print -- An object gives an object, a list gives a list in its order; person_id and result are Ortto's.
SELECT json_remove(o, '$.person_id'), length(o->>'person_id') FROM (SELECT ortto_upsert('{"fields":{"email":"one@example.com"}}') AS o);
SELECT json_remove(o, '$[0].person_id', '$[1].person_id') FROM (SELECT ortto_upsert('[{"user_id":"u2"},{"fields":{"email":"one@example.com"}}]') AS o);
SELECT ortto_upsert('[]');
SELECT json_type(ortto_upsert('{"fields":{"email":"one@example.com"}}')), json_type(json_object('a', ortto_upsert('{"user_id":"u2"}')), '$.a');
.shell $ROOT/test/sql/requests.sh sorted

.print
.print -- Identity: user_id is the external id; email, external id and id in fields or traits; merge_by follows from what is there.
INSERT INTO got SELECT ortto_upsert('[{"user_id":"u3"},{"user_id":4},{"traits":{"email":"t@example.com"}},{"fields":{"external_id":"u5"}},
  {"user_id":"u6","traits":{"email":"six@example.com"}},{"user_id":"u7","anonymous_id":"a7"}]', '{"batch":false}');
SELECT i, status, result, text FROM outcome;
.shell $ROOT/test/sql/requests.sh sorted
SELECT ortto_upsert(json_object('fields', json_object('id', (SELECT id FROM ortto_people WHERE email = 'one@example.com'), 'first_name', 'One', 'email', 'uno@example.com')))->>'result';
SELECT first_name, email FROM ortto_people WHERE external_id IS NULL AND email IN ('one@example.com', 'uno@example.com');
.shell $ROOT/test/sql/requests.sh | grep merge

.print
.print -- traits take field ids, column names, names as shown and the usual names of events; fields only column names and field ids.
DELETE FROM got;
INSERT INTO got SELECT ortto_upsert('[{"user_id":"n1","traits":{"firstName":"A","last_name":"B","phone":"+61401234567","birthday":"1990-05-17",
  "address":{"city":"Oslo","country":"Norway","state":"Viken","postal_code":"0150"},"str:cm:job-title":"Cook","Is VIP":true,"planValue":12.5,"name":"A B"}},
  {"user_id":"n2","fields":{"first_name":"A","phn::phone":"+61401234567","dtz::b":"1990-05-17","geo::city":"Oslo","job_title":"Cook"}},
  {"user_id":"n3","fields":{"firstName":"A"}},{"user_id":"n4","fields":{"str::frist":"A"}},{"user_id":"n5","traits":{"jobtitel":"A"}},{"user_id":"n6","traits":{"address":{"planet":"Mars"}}},
  {"user_id":"n7","traits":{"first_name":"from traits","city":"Oslo"},"fields":{"first_name":"from fields"}},{"user_id":"n8","traits":{"city":"Oslo"},"fields":{"first_name":"from fields"}}]');
SELECT i, status, result, text FROM outcome;
.shell $ROOT/test/sql/requests.sh | grep merge
SELECT first_name, last_name, phone_number, birthday, city, region, country, postal_code, job_title, is_vip, plan_value, name FROM ortto_people WHERE external_id = 'n1';

.print
.print -- tags are added, unset_tags removed, both by name.
SELECT ortto_upsert('{"user_id":"tag","tags":["new one","vip"]}')->>'result';
SELECT tags FROM ortto_people WHERE external_id = 'tag';
SELECT ortto_upsert('{"user_id":"tag","tags":["third"],"unset_tags":["vip","never there"]}')->>'result';
SELECT tags FROM ortto_people WHERE external_id = 'tag';
SELECT ortto_upsert(json_object('user_id', 'tag', 'tags', '["as text"]'))->'sent'->'tags';

.print
.print -- location wins over ip and goes as custom; ip alone as source_ip; a location without any part is none.
.shell $ROOT/test/sql/requests.sh >/dev/null
SELECT value->>'status', value->'sent'->'location' FROM json_each(ortto_upsert('[
  {"user_id":"l1","ip":"203.0.113.9","location":{"country":"Norway","state":"Viken","city":"Oslo","post_code":"0150"}},
  {"user_id":"l2","ip":"203.0.113.9"},{"user_id":"l3","ip":"2001:db8::1"},{"user_id":"l4","ip":null,"location":null},
  {"user_id":"l5","ip":"203.0.113.9","location":{"city":null}},{"user_id":"l6","location":{"city":"Oslo"}}]'));
SELECT value->>'status', value->>'errormessage' FROM json_each(ortto_upsert('[{"user_id":"l7","ip":"300.1.1.1"},{"user_id":"l8","ip":7},
  {"user_id":"l9","location":"Oslo"},{"user_id":"l10","location":{"town":"Oslo"}},{"user_id":"l11","location":{"city":1}}]'));
.shell curl -s "$ORTTO_API_URL/sandbox/person?ei=l1" | grep -o geo::ll[^}]*}

.print
.print -- Without effect on an upsert: timestamp and message_id; on both: enable_batching, batch_size, namespace.
SELECT ortto_upsert('{"user_id":"m1","timestamp":"2025-01-02T03:04:05Z","message_id":"m","enable_batching":true,"batch_size":500,"namespace":"x"}')->'sent';

.print
.print -- Any other member fails the record, and the rest goes.
SELECT value->>'status', value->>'errortype', value->>'errormessage' FROM json_each(ortto_upsert('[{"user_id":"o1","email":"a@example.com"},
  {"user_id":"o2","event":"Song Played"},{"user_id":"o3","properties":{}},{"user_id":"o4"},{"anonymous_id":"a5"},{"traits":{"first_name":"Nobody"}},
  {"user_id":"o7","audience_name":"VIPs"},{"user_id":"o8","traits":[1]},{"user_id":"o9","fields":"x"},{"user_id":"o10","tags":"x"},{"user_id":"o11","tags":["a",1]},
  {"user_id":"o12","fields":{"id":"no-id"}},{"user_id":"o13","fields":{"created":"2025-01-01T00:00:00Z"}},7,null,"text",[],{}]'));

.print
.print -- A member twice: the one would hide the other.
SELECT value->>'status', value->'errors' FROM json_each(ortto_upsert('[{"user_id":"w1","fields":{"city":"Oslo"},"fields":{"email":"w@example.com"}},
  {"user_id":"w1","user_id":"w2"},{"user_id":"w1","tags":["a"],"tags":["b"],"traits":{"created":1}}]'));
SELECT ortto_track('{"user_id":"w1","event":"Song Played","event":"Song Stopped"}');

.print
.print -- Names like address.city, with a dot, are the parts of the address.
SELECT ortto_upsert('{"user_id":"a1","traits":{"address.city":"Bergen"}}')->'sent'->'fields'->'geo::city';
