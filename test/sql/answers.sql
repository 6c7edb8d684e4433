-- Answers of unusual shape that are good all the same: members that Ortto may add one day, null instead of [], another order.
-- sandbox: --people 2 --accounts 2 --custom 1 --account-custom 0
-- env: ORTTO_RATE=0 ORTTO_RETRIES=0
.nullvalue NULL
SELECT count(*) FROM ortto_people;
-- Members that are not known are ignored, at every level; a field that comes twice counts once.
.once '|curl -s -o /dev/null --data-binary @- $ORTTO_API_URL/sandbox/fault'
SELECT json_object('kind', 'replace', 'path', '/v1/person/get', 'body', '{"new":[{"contacts":[]}],"contacts":[{"x":{"id":"y"},"fields":{"str::none":1,"str::email":"a@example.com","new::":{}},"id":"00690646665c94874b98c100","fields2":{}}],
 "meta":{"total_contacts":1,"total_matches":1,"new":null},"offset":0,"next_offset":1,"cursor_id":"0069064b928ab27366dec8c7","has_more":false,"contacts_extra":null}');
SELECT id, email, first_name FROM ortto_people;
-- The order of members does not matter, nor do blanks and line ends.
.once '|curl -s -o /dev/null --data-binary @- $ORTTO_API_URL/sandbox/fault'
SELECT json_object('kind', 'replace', 'path', '/v1/person/get', 'body', char(10) || ' {"has_more" : false , "next_offset":1,
  "contacts" : [ { "fields" : { "str::first" : "B" } , "id" : "00690646665c94874b98c100" } ] , "offset":0 }  ' || char(13, 10, 9));
SELECT id, email, first_name FROM ortto_people;
-- contacts null, and [], are no rows.
.once '|curl -s -o /dev/null --data-binary @- $ORTTO_API_URL/sandbox/fault'
SELECT json_object('kind', 'replace', 'path', '/v1/person/get', 'body', '{"contacts":null,"meta":{"total_contacts":0},"offset":0,"next_offset":0,"cursor_id":"000000000000000000000000","has_more":false}');
SELECT id, email FROM ortto_people;
.once '|curl -s -o /dev/null --data-binary @- $ORTTO_API_URL/sandbox/fault'
SELECT json_object('kind', 'replace', 'path', '/v1/person/get', 'body', '{"contacts":[],"offset":0,"next_offset":0,"cursor_id":"","has_more":false}');
SELECT id, email FROM ortto_people;
-- A record without fields has none; `total_accounts` is read where `total_organizations` is documented.
.once '|curl -s -o /dev/null --data-binary @- $ORTTO_API_URL/sandbox/fault'
SELECT json_object('kind', 'replace', 'path', '/v1/person/get', 'body', '{"contacts":[{"id":"00690646665c94874b98c100"},{"id":"00690646665c94874b98c200","fields":null},{"id":"00690646665c94874b98c300","fields":{}}],"offset":0,"next_offset":3,"has_more":false}');
SELECT id, email FROM ortto_people;
-- Ids are told apart by each of their characters, whatever those are; the same one with escapes is the same, and comes once.
.once '|curl -s -o /dev/null --data-binary @- $ORTTO_API_URL/sandbox/fault'
WITH place(n) AS (VALUES(1), (8), (9), (24)), sign(c) AS (SELECT char(value) FROM generate_series(33, 126) WHERE value NOT IN (34, 92) UNION ALL SELECT 'é'),
  ids(id) AS (SELECT substr('00690646665c94874b98c100', 1, n - 1) || c || substr('00690646665c94874b98c100', n + 1) FROM place, sign UNION SELECT '00690646665c94874b98c100')
SELECT json_object('kind', 'replace', 'path', '/v1/person/get', 'body', '{"contacts":[{"id":"\u003000690646665c94874b98c10"},' || group_concat('{"id":"' || id || '"}') ||
  ',{"id":"00690646665c94874b98\u006310\u0030"}],"offset":0,"next_offset":500,"has_more":false}') FROM ids;
SELECT count(*), count(DISTINCT id), sum(id = '00690646665c94874b98c100') FROM (SELECT id, email FROM ortto_people);
-- What looks like an escape once it is read is none.
.once '|curl -s -o /dev/null --data-binary @- $ORTTO_API_URL/sandbox/fault'
SELECT json_object('kind', 'replace', 'path', '/v1/person/get', 'body', '{"contacts":[{"id":"A"},{"id":"\\u0041"},{"id":"\\u"}],"offset":0,"next_offset":3,"has_more":false}');
SELECT id, email FROM ortto_people;
-- get-by-ids: ids that were not asked for are no rows, those that are missing neither, contacts null is nobody.
.once '|curl -s -o /dev/null --data-binary @- $ORTTO_API_URL/sandbox/fault'
SELECT json_object('kind', 'replace', 'path', '/v1/person/get-by-ids', 'body', '{"contacts":{"00690646665c94874b98c100":{"id":"00690646665c94874b98c100","fields":{"str::email":"a"}},"00690646665c94874b98c999":{"id":"00690646665c94874b98c999","fields":{}}}}');
SELECT id, email FROM ortto_people WHERE id IN ('00690646665c94874b98c100', '00690646665c94874b98c200');
.once '|curl -s -o /dev/null --data-binary @- $ORTTO_API_URL/sandbox/fault'
SELECT json_object('kind', 'replace', 'path', '/v1/person/get-by-ids', 'body', '{"contacts":null}');
SELECT id, email FROM ortto_people WHERE id = '00690646665c94874b98c100';
-- Lists: no custom fields at all is null; tags and audiences may be null.
.once '|curl -s -o /dev/null --data-binary @- $ORTTO_API_URL/sandbox/fault'
SELECT json_object('kind', 'replace', 'path', '/v1/person/custom-field/get', 'body', '{"fields":null}');
SELECT count(*) FROM ortto_person_custom_fields;
.once '|curl -s -o /dev/null --data-binary @- $ORTTO_API_URL/sandbox/fault'
SELECT json_object('kind', 'replace', 'path', '/v1/tags/get', 'body', 'null');
SELECT count(*) FROM ortto_tags;
.once '|curl -s -o /dev/null --data-binary @- $ORTTO_API_URL/sandbox/fault'
SELECT json_object('kind', 'replace', 'path', '/v1/audiences/get', 'body', 'null');
SELECT count(*) FROM ortto_audiences;
-- A tag of a type that is not known yet keeps it; numbers come as they are.
.once '|curl -s -o /dev/null --data-binary @- $ORTTO_API_URL/sandbox/fault'
SELECT json_object('kind', 'replace', 'path', '/v1/tags/get', 'body', '[{"id":1,"name":"a","type":""},{"id":9007199254740993,"name":null,"type":"organization"},{"id":3,"type":"deal","count":"many","new":{}}]');
SELECT type, id, name, count FROM ortto_tags;
