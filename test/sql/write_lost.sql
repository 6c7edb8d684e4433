-- A connection that is lost after the first answer of a delivery is waited out, whatever retries says; before it retries alone counts.
-- env: ORTTO_RATE=0 ORTTO_RETRIES=1
SELECT count(*) FROM ortto_people;
.once fault.sh
SELECT 'curl -s -o /dev/null -d ''{"kind":"reset","path":"/v1/person/merge","after":1,"times":4}'' $ORTTO_API_URL/sandbox/fault';
.shell sh fault.sh
SELECT group_concat(value->>'status') FROM json_each(ortto_upsert('[{"user_id":"a"},{"user_id":"a","fields":{"city":"Oslo"}}]', '{"batch":false}'));
.shell curl -s -X POST $ORTTO_API_URL/sandbox/clear >/dev/null
.once fault.sh
SELECT 'curl -s -o /dev/null -d ''{"kind":"reset","path":"/v1/person/merge","times":4}'' $ORTTO_API_URL/sandbox/fault';
.shell sh fault.sh
SELECT group_concat(value->>'status') FROM json_each(ortto_upsert('[{"user_id":"a"},{"user_id":"a","fields":{"city":"Oslo"}}]', '{"batch":false}'));
.shell curl -s -X POST $ORTTO_API_URL/sandbox/clear >/dev/null

.print -- A value is said once, and no character of it is cut.
.once emoji.sql
SELECT printf('INSERT INTO ortto_people(external_id, birthday) VALUES (''x'', ''x%s'');', replace(hex(zeroblob(15)), '0', '🙂'));
.read emoji.sql
INSERT INTO ortto_people(external_id, is_vip) VALUES ('x', 'yes');
