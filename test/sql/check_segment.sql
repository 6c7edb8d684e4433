-- ortto_check() where there is no key but a segment_key, where there is none at all, and where a key is no good.
-- sandbox: --people 3 --custom 0 --account-custom 0
-- env: ORTTO_RATE=0 ORTTO_RETRIES=0 ORTTO_API_KEY=
SELECT ortto_check();
SELECT ortto_check('segment');
SELECT count(*) FROM ortto_tags;
CREATE VIRTUAL TABLE t USING ortto(table=tags);
SELECT ortto_config('segment_key', 'psb-sandbox-segment-key');
SELECT ortto_check(), ortto_check('segment');
SELECT method, path, status FROM ortto_log;
