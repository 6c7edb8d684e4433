-- Tags, audiences and definitions of custom fields: one column per member, ids that repeat across types, two pages.
-- sandbox: --people 40 --accounts 5 --tags 30 --audiences 60
-- env: ORTTO_RATE=0
-- Tags: ids are unique only within a type.
SELECT type, count(*), count(DISTINCT id), min(id) FROM ortto_tags GROUP BY type;
SELECT count(*) AS repeated FROM (SELECT id FROM ortto_tags GROUP BY id HAVING count(*) = 2);
SELECT count(*) FROM ortto_tags WHERE id = 1;
SELECT type, id, name, instance_id GLOB replace(hex(zeroblob(12)), '0', '[0-9a-f]') AS instance, source, created_at GLOB '????-??-??T*Z' AS created, typeof(count), typeof(subscribers)
  FROM ortto_tags WHERE id = 1 ORDER BY type;
-- OR over both types gives each row once.
SELECT count(*) FROM ortto_tags WHERE type = 'person' OR id >= 1;
SELECT count(*) = (SELECT sum(count) FROM ortto_tags WHERE type = 'person') AS tagged FROM ortto_people, json_each(tag_ids);
SELECT count(*) AS wrong FROM ortto_people p, json_each(p.tag_ids) j LEFT JOIN ortto_tags t ON t.type = 'person' AND t.id = j.value
 WHERE t.name IS NULL OR t.name NOT IN (SELECT value FROM json_each(p.tags));

-- Audiences: archived ones are not rows, two pages are read, and the filter is asked for only when it is used.
.shell curl -s -X POST -o /dev/null $ORTTO_API_URL/sandbox/forget
CREATE TABLE a AS SELECT id, name, type, members, created, edited_at, archived_at, is_public FROM ortto_audiences;
.shell curl -s "$ORTTO_API_URL/sandbox/requests?brief"
SELECT count(*) > 40, count(DISTINCT id) = count(*), count(archived_at) FROM a;
.shell curl -s $ORTTO_API_URL/sandbox/requests | grep -c with_filter
SELECT count(*) > 40, count(filter) > 0, sum(json_valid(filter)) = count(filter) FROM ortto_audiences;
.shell curl -s $ORTTO_API_URL/sandbox/requests | grep -c with_filter
SELECT typeof(members), typeof(is_public), typeof(created), type FROM ortto_audiences WHERE name = 'Subscribers';
SELECT count(*) FROM ortto_audiences WHERE id = (SELECT id FROM a LIMIT 1);

-- Definitions of custom fields: a person's wrapper is flattened, choices are JSON.
SELECT id, name, display_type, liquid_name, dic_items, tracked_value FROM ortto_person_custom_fields ORDER BY id;
SELECT id, name, display_type, liquid_name, dic_items FROM ortto_account_custom_fields ORDER BY id;
SELECT j.value FROM ortto_person_custom_fields, json_each(dic_items) j WHERE ortto_person_custom_fields.id = 'str:cm:plan';
