-- Ids as servers may give them: another record under the id that was asked for, escapes, broken bytes; and a list that ends too early.
-- sandbox: --people 1200 --accounts 3 --custom 1 --account-custom 0
-- env: ORTTO_RATE=0 ORTTO_RETRIES=0 ORTTO_CONCURRENCY=1
CREATE TABLE people AS SELECT id, email FROM ortto_people;
-- A contact that was merged away: what comes under its id is another one's record, and no row.
.once '|curl -s -o /dev/null --data-binary @- $ORTTO_API_URL/sandbox/fault'
SELECT json_object('kind', 'replace', 'path', '/v1/person/get-by-ids', 'body', '{"contacts":{"00690646665c94874b98c100":{"id":"00690646665c94874b98c200","fields":{"str::email":"other"}},"00690646665c94874b98c300":{"id":"00690646665c94874b98c300","fields":{"str::email":"own"}}}}');
SELECT id, email FROM ortto_people WHERE id IN ('00690646665c94874b98c100', '00690646665c94874b98c300');
.once '|curl -s -o /dev/null --data-binary @- $ORTTO_API_URL/sandbox/fault'
SELECT json_object('kind', 'replace', 'path', '/v1/person/get-by-ids', 'body', '{"contacts":{"00690646665c94874b98c100":{"id":"00690646665c94874b98c200","fields":{}}}}');
BEGIN;
DELETE FROM ortto_people WHERE id = '00690646665c94874b98c100';
SELECT changes();
COMMIT;
.once '|curl -s -o /dev/null --data-binary @- $ORTTO_API_URL/sandbox/fault'
SELECT json_object('kind', 'replace', 'path', '/v1/accounts/get-by-ids', 'body', '{"accounts":{"00690646665c94874b98c100":{"id":"00690646665c94874b98c200","fields":{}}}}');
SELECT id, name FROM ortto_accounts WHERE id = '00690646665c94874b98c100';
-- Escapes in an id are no part of it.
.once '|curl -s -o /dev/null --data-binary @- $ORTTO_API_URL/sandbox/fault'
SELECT json_object('kind', 'replace', 'path', '/v1/person/get-by-ids', 'body', '{"contacts":{"00690646665c94874b98c10\u0030":{"id":"0069\u0030646665c94874b98c100","fields":{"str::email":"found"}}}}');
SELECT id, email FROM ortto_people WHERE id = '00690646665c94874b98c100';
.once '|curl -s -o /dev/null --data-binary @- $ORTTO_API_URL/sandbox/fault'
SELECT json_object('kind', 'replace', 'path', '/v1/person/get', 'body', '{"contacts":[{"id":"a\u0062\"c","fields":{"str::email":"x"}},{"id":"ab\"c"},{"id":"\ud800d"}],"next_offset":3,"has_more":false}');
SELECT id, email, _rowid_ = id FROM ortto_people;
.once '|curl -s -o /dev/null --data-binary @- $ORTTO_API_URL/sandbox/fault'
SELECT json_object('kind', 'replace', 'path', '/v1/audiences/get', 'body', '[{"id":"a\u0062\"c","name":"\u0054wo"}]');
SELECT id, name FROM ortto_audiences;
-- A last page that is a row short of what the list said it has: read again; the same again is an error.
.once '|curl -s -o /dev/null --data-binary @- $ORTTO_API_URL/sandbox/fault'
SELECT json_object('kind', 'lost_row', 'path', '/v1/person/get', 'after', 2);
SELECT sum(length(id)) = (SELECT sum(length(id)) FROM people) FROM ortto_people;
.once '|curl -s -o /dev/null --data-binary @- $ORTTO_API_URL/sandbox/fault'
SELECT json_object('kind', 'lost_row', 'path', '/v1/person/get', 'after', 2, 'times', 4);
SELECT count(email) > 0 FROM ortto_people;
