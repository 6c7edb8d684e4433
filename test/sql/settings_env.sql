-- A bad value in the environment is an error that names the variable; what is set nearer is not touched by it.
-- sandbox: --people 3 --no-archived --custom 0 --account-custom 0
-- env: ORTTO_RATE=fast ORTTO_REGION=mars ORTTO_TIMEOUT_MS=0 ORTTO_RETRIES=-1 ORTTO_CONCURRENCY=999 ORTTO_PROGRESS=perhaps ORTTO_MAX_DELETES=many
SELECT ortto_config('rate');
SELECT ortto_config('region');
SELECT ortto_config('timeout_ms');
SELECT ortto_config('retries');
SELECT ortto_config('concurrency');
SELECT ortto_config('progress');
SELECT ortto_config('max_deletes');
-- A query says it too, and nothing is sent.
SELECT count(*) FROM ortto_people;
SELECT ortto_check();
.shell curl -s $ORTTO_API_URL/sandbox/count
-- The configuration wins. The region is told too, although an address is given that replaces it.
SELECT ortto_config('rate', 0), ortto_config('timeout_ms', 5000), ortto_config('retries', 0), ortto_config('concurrency', 2);
SELECT count(*) FROM ortto_people;
SELECT ortto_config('region', 'Europe');
SELECT count(*) FROM ortto_people;
-- progress draws nothing where stderr is no terminal.
SELECT ortto_config('progress', 'on');
SELECT count(email) FROM ortto_people;
