-- The activity feed: of the people given by person_id, which is required; more than one page; the text as it is rendered.
-- sandbox: --people 40 --accounts 0 --custom 0 --account-custom 0 --feed-limit
-- env: ORTTO_RATE=0 ORTTO_RETRIES=0
-- Without person_id = or IN there is an error that says so, and no request.
SELECT count(*) FROM ortto_activities;
SELECT * FROM ortto_activities WHERE activity_id = 'act::o';
SELECT count(*) FROM ortto_activities WHERE person_id > '0';
SELECT count(*) FROM ortto_activities WHERE person_id = 'a' OR activity_id = 'act::o';
SELECT count(*) FROM ortto_log;
-- Ids that no person can have are no requests, nor is NULL.
SELECT count(*) FROM ortto_activities WHERE person_id = 'not an id';
SELECT count(*) FROM ortto_activities WHERE person_id = NULL;
SELECT count(*) FROM ortto_activities WHERE person_id IN ('', 7, x'00', NULL, '0068AC');
SELECT count(*) FROM ortto_log;
-- A list: in one statement, the rows of all of them. The first person's feed is three pages of 40.
CREATE TABLE p AS SELECT id FROM ortto_people;
CREATE TABLE busy AS SELECT * FROM ortto_activities WHERE person_id IN (SELECT id FROM p LIMIT 1) OR person_id IN ('000000000000000000000001');
.shell curl -s "$ORTTO_API_URL/sandbox/requests?brief" | grep activities
SELECT person_id = (SELECT id FROM p LIMIT 1) AS own, count(*), count(DISTINCT id) FROM busy GROUP BY 1;
SELECT typeof(id), length(id), typeof(created_at), json_type(attributes), typeof(text), activity_id LIKE 'act:%' FROM busy GROUP BY 1, 2, 3, 4, 5, 6;
-- The text is what a person sees: the contents of the render commands, joined.
SELECT activity_id, text FROM busy GROUP BY 1 ORDER BY 1 LIMIT 5;
SELECT activity_id, attributes FROM busy GROUP BY 1 ORDER BY 1 LIMIT 3;
-- A join by person_id.
CREATE TABLE some AS SELECT id FROM p LIMIT 1 OFFSET 7;
SELECT count(*) FROM some JOIN ortto_activities a ON a.person_id = some.id;
