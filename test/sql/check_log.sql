-- ortto_check in its forms, and ortto_log: the requests of this connection, newest last.
-- sandbox: --people 3 --accounts 2 --custom 0 --account-custom 0
-- env: ORTTO_RATE=0 ORTTO_RETRIES=1 ORTTO_SEGMENT_KEY=psb-sandbox-segment-key
.nullvalue NULL
-- One cheap request each.
SELECT ortto_check();
SELECT ortto_check('segment');
CREATE VIRTUAL TABLE mine USING ortto(table=tags, key='sandbox-key');
SELECT ortto_check('mine'), ortto_check('main.mine'), ortto_check('MINE');
CREATE VIRTUAL TABLE temp.other USING ortto(table=tags, key='sandbox-key');
SELECT ortto_check('temp.other');
SELECT ortto_check('ortto_people');
SELECT ortto_check('no_such_table');
SELECT ortto_check(NULL);
SELECT ortto_check('sqlite_schema');
.shell curl -s "$ORTTO_API_URL/sandbox/requests?brief"
-- The log has one row for each of those, as the server saw them.
SELECT method, path, status, attempt, typeof(ms), sent_bytes > 0 AS sent, received_bytes > 0 AS received, error FROM ortto_log;
SELECT at GLOB '20[0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9].[0-9][0-9][0-9]Z' FROM ortto_log GROUP BY 1;
SELECT count(*) FROM (SELECT at, lag(at) OVER () AS before FROM ortto_log) WHERE at < before;
-- Rows of an answer are counted; a failed attempt has its error and request_id, and the retry is attempt 2.
.once '|curl -s -o /dev/null -d @- $ORTTO_API_URL/sandbox/fault'
SELECT '{"kind":"status","status":503,"body":"{\"request_id\":\"abc-123\",\"error\":\"try later\"}","path":"/v1/tags/get","times":1}';
SELECT count(*) > 0 FROM ortto_tags;
SELECT path, status, attempt, rows > 0, request_id, error FROM ortto_log LIMIT 2 OFFSET (SELECT count(*) - 2 FROM ortto_log);
-- A connection that is lost has no status, and says so. (Two faults: libcurl itself resends once on an old connection.)
.once '|curl -s -o /dev/null -d @- $ORTTO_API_URL/sandbox/fault'
SELECT '{"kind":"reset","path":"/v1/tags/get","times":2}';
SELECT count(*) > 0 FROM ortto_tags;
SELECT path, status, attempt, received_bytes > 0, error IS NOT NULL FROM ortto_log LIMIT 2 OFFSET (SELECT count(*) - 2 FROM ortto_log);
-- An answer that is no use is logged with what was wrong.
.once '|curl -s -o /dev/null -d @- $ORTTO_API_URL/sandbox/fault'
SELECT '{"kind":"cut_json","path":"/v1/tags/get","times":1}';
SELECT count(*) > 0 FROM ortto_tags;
SELECT path, status, error FROM ortto_log LIMIT 1 OFFSET (SELECT count(*) - 1 FROM ortto_log);
-- Reading the log sends nothing; it cannot be written; a TEMP VIEW may use it.
SELECT count(*) = (SELECT count(*) FROM ortto_log) FROM ortto_log;
DELETE FROM ortto_log;
CREATE TEMP VIEW slow AS SELECT path, ms FROM ortto_log ORDER BY ms DESC LIMIT 3;
SELECT count(*) FROM slow;
-- It keeps the last 1,000.
CREATE TABLE ids AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1100) SELECT printf('%024x', i) AS id FROM n;
SELECT count(*) FROM ids JOIN ortto_people p ON p.q = ids.id;
SELECT count(*), count(DISTINCT path) FROM ortto_log;
