-- The options of ortto_upsert and ortto_track: what each does to the request, and what bad ones say. Bad arguments and
-- options raise before anything is sent, also for a list.
-- env: ORTTO_RATE=0 ORTTO_RETRIES=0
SELECT count(*) FROM ortto_people;
SELECT ortto_upsert('[]');
.shell curl -s -X POST "$ORTTO_API_URL/sandbox/forget" >/dev/null

.print -- Bad arguments.
SELECT ortto_upsert(NULL);
SELECT ortto_track(NULL);
SELECT ortto_upsert('');
SELECT ortto_upsert('{"user_id":"a"');
SELECT ortto_upsert('{"user_id":"a"} x');
SELECT ortto_upsert('[{"user_id":"a"},]');
SELECT ortto_upsert('{"user_id":01}');
SELECT ortto_upsert('"text"'), 1;
SELECT ortto_upsert(5);
SELECT ortto_track('null');
SELECT ortto_upsert();
SELECT ortto_upsert('{}', '{}', '{}');

.print
.print -- Bad options.
SELECT ortto_upsert('[{"user_id":"a"}]', 'x');
SELECT ortto_upsert('[{"user_id":"a"}]', '[]');
SELECT ortto_upsert('[{"user_id":"a"}]', '{"too":"api"}');
SELECT ortto_upsert('[{"user_id":"a"}]', '{"to":"mars"}');
SELECT ortto_upsert('[{"user_id":"a"}]', '{"to":1}');
SELECT ortto_upsert('[{"user_id":"a"}]', '{"batch":"no"}');
SELECT ortto_upsert('[{"user_id":"a"}]', '{"merge_by":"emial"}');
SELECT ortto_upsert('[{"user_id":"a"}]', '{"merge_by":["email","str::xyz"]}');
SELECT ortto_upsert('[{"user_id":"a"}]', '{"merge_by":[]}');
SELECT ortto_upsert('[{"user_id":"a"}]', '{"merge_by":[1]}');
SELECT ortto_upsert('[{"user_id":"a"}]', '{"merge_by":["email","external_id","phone_number","postal_code"]}');
SELECT ortto_upsert('[{"user_id":"a"}]', '{"merge_strategy":"replace"}');
SELECT ortto_upsert('[{"user_id":"a"}]', '{"merge_strategy":2}');
SELECT ortto_upsert('[{"user_id":"a"}]', '{"find_strategy":"some"}');
SELECT ortto_upsert('[{"user_id":"a"}]', '{"async":"yes"}');
SELECT ortto_upsert('[{"user_id":"a"}]', '{"skip_non_existing":2}');
SELECT ortto_upsert('[{"user_id":"a"}]', '{"suppression_list_field_id":"mail"}');
SELECT ortto_upsert('[{"user_id":"a"}]', '{"suppression_list_field_id":7}');
SELECT ortto_upsert('[{"user_id":"a"}]', '{"create":"x"}');
SELECT ortto_upsert('[{"user_id":"a"}]', '{"via":"nowhere"}');
SELECT ortto_upsert('[{"user_id":"a"}]', '{"via":5}');
SELECT ortto_upsert('[{"user_id":"a"}]', '{"to":"segment"}');
.shell $ROOT/test/sql/requests.sh count

.print
.print -- Options of the API raise where the target is Segment, whichever.
SELECT ortto_config('segment_key', 'psb-sandbox-segment-key');
SELECT ortto_upsert('[{"user_id":"a"}]', '{"to":"segment","merge_by":"email"}');
SELECT ortto_upsert('[{"user_id":"a"}]', '{"to":"segment","merge_strategy":"append"}');
SELECT ortto_upsert('[{"user_id":"a"}]', '{"find_strategy":"any","to":"segment"}');
SELECT ortto_upsert('[{"user_id":"a"}]', '{"to":"segment","async":true}');
SELECT ortto_upsert('[{"user_id":"a"}]', '{"to":"segment","skip_non_existing":true}');
SELECT ortto_upsert('[{"user_id":"a"}]', '{"to":"segment","suppression_list_field_id":"email"}');
SELECT ortto_track('[{"user_id":"a","event":"e"}]', '{"to":"segment","create":true}');
.shell $ROOT/test/sql/requests.sh count
SELECT ortto_config('segment_key', NULL);

.print
.print -- What is absent, NULL or null is not given.
SELECT ortto_upsert('{"user_id":"n"}', NULL)->>'result', ortto_upsert('{"user_id":"n"}', '{}')->>'result', ortto_upsert('{"user_id":"n"}', '{"merge_by":null,"to":null,"async":null}')->>'result';
.shell $ROOT/test/sql/requests.sh

.print
.print -- merge_by: column names or field ids, one or up to three; given, it wins over what the record has.
SELECT ortto_upsert('{"user_id":"m1","fields":{"email":"m1@example.com"}}', '{"merge_by":"email"}')->>'result';
SELECT ortto_upsert('{"user_id":"m2","fields":{"email":"m1@example.com","phone_number":"+61401234567"}}', '{"merge_by":["str::email","phone_number","external_id"]}')->>'result';
SELECT external_id FROM ortto_people WHERE email = 'm1@example.com';
SELECT ortto_track('{"user_id":"m2","event":"Song Played","timestamp":"2025-09-01T10:00:00Z","message_id":"k"}', '{"merge_by":["external_id"]}')->>'result';
.shell $ROOT/test/sql/requests.sh | grep -v person/get

.print
.print -- merge_strategy: append keeps what is there, overwrite (the default) does not, ignore leaves existing people alone.
SELECT ortto_upsert('{"user_id":"s","fields":{"first_name":"One"}}')->>'result';
SELECT ortto_upsert('{"user_id":"s","fields":{"first_name":"Two","last_name":"Two"}}', '{"merge_strategy":"append"}')->>'result';
SELECT first_name, last_name FROM ortto_people WHERE external_id = 's';
SELECT ortto_upsert('{"user_id":"s","fields":{"first_name":"Three"}}', '{"merge_strategy":"ignore"}')->>'result';
SELECT first_name, last_name FROM ortto_people WHERE external_id = 's';
SELECT ortto_upsert('{"user_id":"s","fields":{"first_name":"Four"}}', '{"merge_strategy":"overwrite"}')->>'result';
SELECT first_name, last_name FROM ortto_people WHERE external_id = 's';
.shell $ROOT/test/sql/requests.sh | grep -o merge_strategy.:[0-9]

.print
.print -- find_strategy, async, skip_non_existing, suppression_list_field_id.
SELECT ortto_upsert('{"user_id":"s"}', '{"find_strategy":"any"}')->>'result', ortto_upsert('{"user_id":"s"}', '{"find_strategy":"next_if_empty"}')->>'result', ortto_upsert('{"user_id":"s"}', '{"find_strategy":"all"}')->>'result';
.shell $ROOT/test/sql/requests.sh | grep -o find_strategy.:[0-9]
SELECT ortto_upsert('{"user_id":"a1"}', '{"async":true}');
.shell $ROOT/test/sql/requests.sh
SELECT ortto_upsert('{"user_id":"nobody yet"}', '{"skip_non_existing":true}');
.shell $ROOT/test/sql/requests.sh
SELECT count(*) FROM ortto_people WHERE external_id = 'nobody yet';
SELECT value->>'status', value->>'result', value->>'errortype', value->>'errormessage' FROM json_each(ortto_upsert('[{"fields":{"email":"x@suppressed.example.com"}},{"fields":{"email":"y@example.com"}}]', '{"suppression_list_field_id":"email"}'));
.shell $ROOT/test/sql/requests.sh | grep merge
SELECT ortto_upsert('[{"fields":{"email":"x@suppressed.example.com"}}]', '{"suppression_list_field_id":"str::email"}')->>'$[0].errormessage';

.print
.print -- batch: false is one request for each record.
.shell $ROOT/test/sql/requests.sh >/dev/null
SELECT json_array_length(ortto_upsert('[{"user_id":"b1"},{"user_id":"b2"},{"user_id":"b3"}]', '{"batch":false}')), json_array_length(ortto_track('[{"user_id":"b1","event":"Song Played"},{"user_id":"b2","event":"Song Played"}]', '{"batch":0}'));
.shell $ROOT/test/sql/requests.sh count

.print
.print -- via: the connection of a table, whichever table that is.
.once mine.sql
SELECT 'CREATE VIRTUAL TABLE temp.mine USING ortto(key=''sandbox-key'', segment_key=''psb-sandbox-segment-key'', api_url=''' || ortto_config('api_url') || ''', table=tags);';
.read mine.sql
.shell $ROOT/test/sql/requests.sh >/dev/null
SELECT ortto_config('key', 'wrong');
SELECT ortto_upsert('{"user_id":"via"}', '{"via":"mine"}')->>'result';
SELECT ortto_upsert('{"user_id":"via"}', '{"via":"MINE"}')->>'result';
SELECT ortto_upsert('{"user_id":"via"}', '{"via":"mine","to":"segment"}')->>'status';
SELECT ortto_config('key', NULL);
SELECT ortto_upsert('{"user_id":"via"}', '{"via":"ortto_people"}')->>'result';
.shell curl -s "$ORTTO_API_URL/sandbox/requests?brief"

.print
.print -- nulls: a null clears the field, or is not sent; a name is looked for all the same.
.shell $ROOT/test/sql/requests.sh >/dev/null
SELECT ortto_upsert('{"user_id":"null1","fields":{"first_name":"N","last_name":null}}', '{"nulls":"clear"}')->'sent'->'fields';
SELECT ortto_upsert('{"user_id":"null1","fields":{"first_name":null,"last_name":"L"},"traits":{"city":null}}', '{"nulls":"skip"}')->'sent'->'fields';
SELECT ortto_upsert('{"user_id":"null1","fields":{"external_id":null,"is_vip":null}}', '{"nulls":"skip"}')->'sent'->'fields';
SELECT ortto_track('{"user_id":"null1","event":"Song Played","traits":{"first_name":null}}', '{"nulls":"skip"}')->'sent'->'fields';
SELECT ortto_upsert('{"user_id":"null1","fields":{"fist_name":null}}', '{"nulls":"skip"}');
SELECT ortto_upsert('{"user_id":"null1","traits":{"never made":null}}', '{"nulls":"skip","create":true}')->'sent'->'fields';
SELECT ortto_upsert('{"user_id":"null1"}', '{"nulls":"keep"}');
SELECT ortto_upsert('{"user_id":"null1"}', '{"nulls":"skip","to":"segment"}');
