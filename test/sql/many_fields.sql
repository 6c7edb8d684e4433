-- 200 custom fields, and more fields than SQLite allows columns: the rest is in one JSON column.
-- sandbox: --people 30 --accounts 3 --custom 200 --account-custom 25
-- env: ORTTO_RATE=0
SELECT count(*) FROM ortto_person_custom_fields;
SELECT count(*) >= 250 AS columns, count(DISTINCT lower(name)) = count(*) AS distinct_names, sum(name = 'more_fields') AS more FROM pragma_table_info('ortto_people');
CREATE TABLE whole AS SELECT * FROM ortto_people;
SELECT count(*), count(DISTINCT id) FROM whole;
-- The custom fields have the same values as when asked for one by one.
CREATE VIRTUAL TABLE few USING ortto(table=people, fields='str:cm:job-title-9 int:cm:seats-5 tags');
SELECT count(*) AS differences FROM whole JOIN few USING (id) WHERE whole.job_title_9 IS NOT few.job_title_9 OR whole.seats_5 IS NOT few.seats_5 OR whole.tags IS NOT few.tags;
SELECT count(job_title_9) > 0 AND count(seats_5) > 0 AS filled FROM few;

-- With 40 columns allowed: id, hidden ones and fields up to the 39th, then more_fields.
.limit column 40
CREATE VIRTUAL TABLE narrow USING ortto(table=people);
SELECT count(*), sum(hidden) FROM pragma_table_xinfo('narrow');
SELECT name, type FROM pragma_table_xinfo('narrow') WHERE cid IN (0, 38, 39);
SELECT count(*), sum(json_valid(more_fields)), sum(json_type(more_fields) = 'object') FROM narrow;
-- Nothing is lost: every value that has no column of its own stands in the object, under its column name. (NULLs may be left out.)
.limit column 2000
CREATE TABLE rest AS SELECT n.id, j.key, j.value, j.type FROM narrow n, json_each(n.more_fields) j;
SELECT count(*) AS wrong FROM rest JOIN whole USING (id) WHERE (key = 'job_title_9' AND value IS NOT job_title_9) OR (key = 'seats_5' AND value IS NOT seats_5)
    OR (key = 'rating_2' AND value IS NOT rating_2) OR (key = 'tags' AND json(value) IS NOT json(tags)) OR (key = 'is_vip' AND value IS NOT is_vip)
    OR (key = 'preferences' AND json(value) IS NOT json(preferences)) OR (key = 'work_phone' AND value IS NOT work_phone);
SELECT (SELECT count(*) FROM whole WHERE job_title_9 IS NOT NULL) = (SELECT count(*) FROM rest WHERE key = 'job_title_9' AND type <> 'null') AS titles,
       (SELECT count(*) FROM whole WHERE tags IS NOT NULL) = (SELECT count(*) FROM rest WHERE key = 'tags' AND type = 'array') AS tags,
       (SELECT count(*) FROM whole WHERE seats_5 IS NOT NULL) = (SELECT count(*) FROM rest WHERE key = 'seats_5' AND type = 'integer') AS seats;
-- JSON inside is not quoted a second time, a decimal is a number.
SELECT DISTINCT key, type FROM rest WHERE key IN ('tags', 'preferences', 'rating_2', 'seats_5', 'job_title_9', 'work_phone') AND type <> 'null' ORDER BY 1, 2;
-- A single value can be taken out.
SELECT count(more_fields->>'job_title_9') = (SELECT count(job_title_9) FROM whole) AS same FROM narrow;
