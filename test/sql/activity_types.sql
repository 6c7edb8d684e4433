-- Every activity that the instance knows, with its attributes.
-- sandbox: --people 20 --accounts 5
-- env: ORTTO_RATE=0
PRAGMA table_info(ortto_activity_types);
SELECT count(*) > 50, count(DISTINCT id) = count(*) FROM ortto_activity_types;
.shell $ROOT/test/sql/requests.sh
SELECT namespace, count(*) > 0 FROM ortto_activity_types GROUP BY 1;
SELECT id, name, namespace, json_array_length(attributes) > 0 FROM ortto_activity_types WHERE namespace = 'cm' ORDER BY id;
SELECT DISTINCT (SELECT group_concat(key) FROM json_each(j.value)) FROM ortto_activity_types t, json_each(t.attributes) j;
SELECT t.id, j.value->>'id', j.value->>'name', j.value->>'display_type' FROM ortto_activity_types t, json_each(t.attributes) j WHERE t.namespace = 'cm' ORDER BY 1, 2;
SELECT id, name FROM ortto_activity_types WHERE id = 'act::o';
SELECT id, name FROM ortto_activity_types WHERE _rowid_ = 'act::o';
.print -- It is known by now; an activity made through us is asked for.
.shell $ROOT/test/sql/requests.sh count
SELECT ortto_track('{"user_id":"a","event":"Tested","properties":{"x":1}}', '{"create":true}')->>'status';
SELECT id, name, namespace, attributes FROM ortto_activity_types WHERE name = 'Tested';
CREATE VIRTUAL TABLE temp.types USING ortto(table=activity_types);
SELECT count(*) > 50 FROM types;
SELECT ortto_sync('ortto_activity_types', 'types_copy')->>'rows' = (SELECT count(*) FROM types);
SELECT count(*) FROM types_copy WHERE name = 'Tested';
SELECT sql FROM sqlite_schema WHERE name = 'types_copy';
