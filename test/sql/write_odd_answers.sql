-- Answers to writing that say less, or something else, than they must: no record is taken for delivered that may not be.
-- sandbox: --people 60 --accounts 3
-- env: ORTTO_RATE=0 ORTTO_RETRIES=0
SELECT count(*) FROM ortto_people;

.print -- A 400 whose details have a row for each record, but no reason, and even an id: none was taken.
.once fault.json
SELECT '{"kind":"status","status":400,"path":"/v1/person/merge","body":"{\"error\":\"bad\",\"details\":[{\"person_id\":\"0068dad460d2d00000180500\"},{\"status\":\"created\"}]}"}';
.shell curl -s -d @fault.json $ORTTO_API_URL/sandbox/fault >/dev/null
SELECT value->>'status', value->>'errortype' FROM json_each(ortto_upsert('[{"user_id":"a"},{"user_id":"b"}]'));

.print -- Rows that say nothing.
.once fault.json
SELECT '{"kind":"replace","path":"/v1/person/merge","body":"{\"people\":[{},null]}"}';
.shell curl -s -d @fault.json $ORTTO_API_URL/sandbox/fault >/dev/null
SELECT value->>'status', value->>'errortype', value->>'errormessage' FROM json_each(ortto_upsert('[{"user_id":"a"},{"user_id":"b"}]'));

.print -- An archive that does not say how many.
.once fault.json
SELECT '{"kind":"replace","path":"/v1/person/archive","body":"{\"error\":\"x\"}"}';
.shell curl -s -d @fault.json $ORTTO_API_URL/sandbox/fault >/dev/null
DELETE FROM ortto_people WHERE id = (SELECT id FROM ortto_people LIMIT 1);
SELECT operation, status FROM ortto_failures;
DELETE FROM ortto_failures;

.print -- A field that is made under a name that is no column's, also with an escape in it: once, and the call ends.
SELECT json_extract(ortto_upsert('{"user_id":"u","fields":{"plain two":1.5,"na\u00efve":true}}', '{"create":true}'), '$.sent.fields');

.print -- The same thing said twice, and not alike.
SELECT ortto_upsert('{"user_id":"u1","fields":{"external_id":"u2"}}');
SELECT ortto_track('{"user_id":"u1","event":"Flight Booked","properties":{"Bags":1,"bags":2}}');

.print -- A total that cannot be one: count(*) counts rows instead.
.once fault.json
SELECT '{"kind":"replace","path":"/v1/accounts/get","body":"{\"accounts\":[{\"id\":\"1068ac50407f9e000011ab00\",\"fields\":{}}],\"meta\":{\"total_matches\":9223372036854775807},\"offset\":0,\"next_offset\":1,\"cursor_id\":\"000000000000000000000000\",\"has_more\":true}"}';
.shell curl -s -d @fault.json $ORTTO_API_URL/sandbox/fault >/dev/null
SELECT count(*) > 1 FROM ortto_accounts;

.print -- A table of one column is synced twice.
CREATE VIRTUAL TABLE temp.only_ids USING ortto(table=accounts, fields=id);
SELECT json_extract(ortto_sync('only_ids', 'ids'), '$.inserted') > 0;
SELECT json_extract(ortto_sync('only_ids', 'ids'), '$.inserted');
