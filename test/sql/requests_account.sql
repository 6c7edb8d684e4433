-- What is known of an account is asked once in a connection, whoever needs it: people's definitions, accounts', and the
-- instance schema. Only what must be new is asked anew.
-- sandbox: --people 30 --accounts 5 --no-archived
-- env: ORTTO_RATE=0 ORTTO_RETRIES=0
.load ./ortto
.shell $ROOT/test/sql/requests.sh count

.print
.print -- a first SELECT asks for the definitions, and for nothing else
SELECT count(*) FROM ortto_people WHERE email <> '';
.shell $ROOT/test/sql/requests.sh count | grep -e custom-field -e schema

.print
.print -- COMMIT and ortto_upsert know them
INSERT INTO ortto_people(email, first_name) VALUES('one@t.example', 'One');
SELECT ortto_upsert('{"user_id":"one","fields":{"first_name":"One"}}')->>'result';
.shell $ROOT/test/sql/requests.sh count

.print
.print -- accounts have definitions of their own
INSERT INTO ortto_accounts(name) VALUES('One');
.shell $ROOT/test/sql/requests.sh count

.print
.print -- the schema is asked for the first activity, and serves all that follows
SELECT ortto_track('[{"event":"Song Played","user_id":"one"},{"event":"Flight Booked","user_id":"one"}]')->>'$[1].result';
SELECT count(*) FROM ortto_people WHERE first_name IS NULL;
SELECT count(*) FROM ortto_accounts WHERE industry IS NOT NULL AND name IS NOT NULL;
SELECT count(*) > 100 FROM ortto_fields;
SELECT ortto_track('{"event":"Song Played","user_id":"one"}')->>'result';
.shell $ROOT/test/sql/requests.sh count | grep -e custom-field -e schema

.print
.print -- a name that is not known: once in a call, however many records have it
SELECT count(value->>'errormessage') FROM json_each(ortto_upsert('[{"user_id":"a","traits":{"nowhere":1}},{"user_id":"b","traits":{"nowhere":1,"nor_here":2}}]'));
.shell $ROOT/test/sql/requests.sh count
SELECT count(value->>'errormessage') FROM json_each(ortto_track('[{"user_id":"a","event":"Never Was"},{"user_id":"b","event":"Nor Was This"}]'));
.shell $ROOT/test/sql/requests.sh count
SELECT count(value->>'errormessage') FROM json_each(ortto_track('[{"user_id":"a","event":"Never Was","traits":{"nowhere":1}},{"user_id":"b","event":"Never Was"}]'));
.shell $ROOT/test/sql/requests.sh count

.print
.print -- what only the schema lists is found in what is known; where that does not have it either, it is asked
SELECT ortto_upsert('[{"user_id":"a","fields":{"bol::hb":true}}]')->>'$[0].errormessage';
.shell $ROOT/test/sql/requests.sh count
.once body.json
SELECT '{"entity":"people","id":"str:cm:came-later","name":"Came later","display_type":"text"}';
.shell curl -s -o /dev/null -d @body.json $ORTTO_API_URL/sandbox/field
SELECT ortto_upsert('{"user_id":"a","fields":{"came_later":"x"}}')->>'result';
SELECT ortto_upsert('{"user_id":"a","fields":{"came_later":"y"}}')->>'result';
SELECT count(*) FROM ortto_fields WHERE id = 'str:cm:came-later';
.shell $ROOT/test/sql/requests.sh count

.print
.print -- what is made through us: that part alone, after it was asked whether somebody else had made it
SELECT ortto_upsert('{"user_id":"a","traits":{"made now":1}}', '{"create":true}')->>'result';
.shell $ROOT/test/sql/requests.sh count
SELECT ortto_track('{"event":"Made Now","user_id":"a"}', '{"create":true}')->>'result';
.shell $ROOT/test/sql/requests.sh count
SELECT ortto_track('{"event":"Made Now","user_id":"a","traits":{"made now":2}}')->>'result';
.shell $ROOT/test/sql/requests.sh count

.print
.print -- a sync asks anew, once in a call; what it has asked serves the rest
SELECT ortto_sync('ortto_people', 'people')->>'state';
.shell $ROOT/test/sql/requests.sh count
SELECT json_array_length(ortto_sync('ortto_people,ortto_fields,ortto_accounts', 'crm_'));
.shell $ROOT/test/sql/requests.sh count
SELECT count(*) FROM crm_fields WHERE id = 'str:cm:came-later';
SELECT ortto_upsert('{"user_id":"a","fields":{"first_name":"A"}}')->>'result';
.shell $ROOT/test/sql/requests.sh count

.print
.print -- CREATE VIRTUAL TABLE proves the key; a table that is connected anew asks nothing
.open file.db
.load ./ortto
CREATE VIRTUAL TABLE p USING ortto(table=people);
.shell $ROOT/test/sql/requests.sh count
CREATE VIRTUAL TABLE everything USING ortto(table=people, fields=all);
.shell $ROOT/test/sql/requests.sh count
SELECT count(*) FROM p WHERE email <> '';
SELECT count(*) FROM ortto_people WHERE email <> '';
.shell sqlite3 -batch file.db "CREATE TABLE meanwhile(x)"
SELECT count(*) FROM p WHERE email <> '';
SELECT count(*) FROM everything WHERE email <> '';
.shell $ROOT/test/sql/requests.sh count

.print
.print -- key, region or address set: the tables that exist without a CREATE list anew, a created one need not
SELECT ortto_config('region', 'eu');
SELECT count(*) FROM ortto_people WHERE email <> '';
SELECT count(*) FROM p WHERE email <> '';
.shell $ROOT/test/sql/requests.sh count

.print
.print -- a first ortto_track asks for both side by side, and not for activities where none is named
.open
.load ./ortto
SELECT ortto_track('[{"user_id":"a"}]')->>'$[0].status';
.shell $ROOT/test/sql/requests.sh count
SELECT ortto_track('{"event":"Song Played","user_id":"a"}')->>'result';
.shell $ROOT/test/sql/requests.sh count
.open
.load ./ortto
SELECT ortto_track('{"event":"Song Played","user_id":"a"}')->>'result';
.shell $ROOT/test/sql/requests.sh count

.print
.print -- a schema that cannot be had is asked once for conditions; who needs it says so
.open
.load ./ortto
.once body.json
SELECT '{"kind":"replace","path":"/v1/instance-schema/get","body":"{}","times":-1}';
.shell curl -s -o /dev/null -d @body.json $ORTTO_API_URL/sandbox/fault
SELECT count(*) FROM ortto_people WHERE first_name IS NULL;
SELECT count(*) FROM ortto_people WHERE last_name IS NULL;
.shell $ROOT/test/sql/requests.sh count | grep -e custom-field -e schema
SELECT ortto_track('{"event":"Song Played","user_id":"a"}');
SELECT count(*) FROM ortto_fields;
CREATE VIRTUAL TABLE temp.everything USING ortto(table=people, fields=all);
.shell $ROOT/test/sql/requests.sh count | grep -e custom-field -e schema
.shell curl -s -X POST $ORTTO_API_URL/sandbox/clear >/dev/null
SELECT ortto_track('{"event":"Song Played","user_id":"a"}')->>'result';
.shell $ROOT/test/sql/requests.sh count | grep -e custom-field -e schema
