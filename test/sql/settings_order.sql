-- A setting is looked up in the table's arguments, then in ortto_config, then in the environment, then the default.
-- Shown by retries: a request that always fails is sent 1 + retries times.
-- sandbox: --people 3 --custom 0 --account-custom 0
-- env: ORTTO_RATE=0 ORTTO_RETRIES=1
CREATE VIRTUAL TABLE plain USING ortto(table=tags);
CREATE VIRTUAL TABLE own USING ortto(table=tags, retries=0);
.once '|curl -s -o /dev/null -d @- $ORTTO_API_URL/sandbox/fault'
SELECT '{"kind":"status","status":429,"body":"{\"error\":{\"message\":\"slow\",\"try-in-seconds\":0}}","path":"/v1/tags/get","times":-1}';

-- The environment's 1: two requests.
SELECT count(*) FROM plain;
SELECT count(*) FROM ortto_tags;
-- The argument's 0: one.
SELECT count(*) FROM own;
-- The configuration's 2: three; the argument still wins.
SELECT ortto_config('retries', 2);
SELECT count(*) FROM plain;
SELECT count(*) FROM ortto_tags;
SELECT count(*) FROM own;
-- Reset: the environment's again.
SELECT ortto_config('retries', NULL);
SELECT count(*) FROM plain;
SELECT group_concat(attempt, ' ') FROM ortto_log WHERE path = '/v1/tags/get' AND status = 429;
