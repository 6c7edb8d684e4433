-- To a Segment (Actions) data source: what arrives is what was given, member by member, number by number; local refusals,
-- audiences, the loop guard, and outcomes at the place of their record.
-- env: ORTTO_RATE=0 ORTTO_RETRIES=0 ORTTO_API_KEY= ORTTO_SEGMENT_KEY=psb-sandbox-segment-key

.print -- With only a segment_key that is where records go; each call is one request.
SELECT ortto_upsert('{"user_id":"u1","traits":{"email":"a@example.com"}}');
SELECT ortto_track('{"user_id":"u1","event":"E","timestamp":"2025-09-01T10:00:00Z","message_id":"m1"}');
SELECT ortto_upsert('[{"user_id":"u1"},{"anonymous_id":"a1"}]', '{"to":"segment"}');
SELECT ortto_upsert('[]');
.shell curl -s "$ORTTO_API_URL/sandbox/requests?brief"
.shell $ROOT/test/sql/segment.sh
.shell curl -s -X POST "$ORTTO_API_URL/sandbox/forget" >/dev/null

.print
.print -- Every member of the table, unnamed members too, in the order given. Nothing is converted.
SELECT ortto_upsert('{"timestamp":"whenever","message_id":"m","user_id":"u","anonymous_id":"a","enable_batching":true,"batch_size":500,"ip":null,
  "location":{"country":"Norway","state":null,"city":"Oslo","post_code":"0150"},"traits":{"email":"a@example.com","n":1.0},"audience_update_mode":"whatever",
  "mine":{"b":1,"a":[2,1]},"event":"kept","namespace":"ortto.com","audience":{"id":"000000000000000000000000","mode":"add"}}');
.shell $ROOT/test/sql/segment.sh
.print
.print -- Numbers and strings exactly as written; members with an empty name leave all objects, but lists are left as they are.
SELECT ortto_upsert('{"user_id":"u","traits":{"a":1.0,"b":9007199254740993,"c":1E400,"d":-0,"e":1.50e+3,"f":123456789012345678901234567890,"s":"a\u0000b","t":"\ud83d\ude00\/é \u00e9","l":"\ud800","":1,
  "o":{"":{"x":1},"y":{"":null,"z":{}}},"list":[{"":1},[{"":2}],1.0],"blank":"","null":null,"no":[],"\u0000":0,"k\"":true}, "":"gone" , "batch_size":5.0}')->>'status';
.shell $ROOT/test/sql/segment.sh

.print
.print -- An activity without timestamp or message_id gets one; an upsert does not.
SELECT ortto_track('[{"user_id":"u","event":"E"},{"user_id":"u","event":"E","message_id":"m"},{"user_id":"u","event":"E","timestamp":"2025-09-01T10:00:00Z"},{"user_id":"u","event":"E","timestamp":null,"message_id":null}]')->>'$[3].status';
SELECT ortto_upsert('{"user_id":"u"}')->>'sent';
.shell $ROOT/test/sql/segment.sh

.print
.print -- Refused here with 400 while the others go: blank events, members of the API. Refused there: at the place of the record.
SELECT value->>'index', value->>'status', coalesce(value->>'errortype', ''), coalesce(value->>'errormessage', value->>'body')
  FROM json_each(ortto_track('[{"user_id":"u","event":""},{"event":"no identity"},{"user_id":"u"},{"user_id":"u","event":"  \t\n"},{"user_id":"u","event":"good"},{"user_id":"u","event":null},
    {"user_id":"u","event":"E","fields":{}},{"traits":{},"event":"no identity"},{"user_id":"u","event":"E","properties":{"fields":1,"tags":2}},17]'));
SELECT value->>'index', value->>'status', coalesce(value->>'errortype', ''), coalesce(value->>'errormessage', value->>'body')
  FROM json_each(ortto_upsert('[{"user_id":"u","fields":{"email":"x"}},{"traits":{"email":"a@example.com"}},{"user_id":"u","tags":["x"]},{"user_id":"u","traits":7},{"user_id":"u","unset_tags":[]},{"user_id":"last"}]'));
SELECT ortto_upsert('{"traits":{"email":"a@example.com"}}');
SELECT ortto_track('{"user_id":"u","event":" "}');
.shell $ROOT/test/sql/segment.sh

.print
.print -- What came from Ortto is not sent back.
SELECT ortto_track('{"user_id":"u","event":"Loop","namespace":"ortto.com"}');
SELECT value->>'status', value->>'body' FROM json_each(ortto_track('[{"user_id":"u","event":"A","namespace":"ortto.com"},{"user_id":"u","event":"B","namespace":"ortto.co"},{"user_id":"u","event":"","namespace":"ortto.com"}]'));
.shell $ROOT/test/sql/segment.sh

.print
.print -- Audiences: created or looked up once per name and connection, trimmed, names are case-sensitive; the name is not sent.
.shell curl -s -X POST "$ORTTO_API_URL/sandbox/forget" >/dev/null
SELECT group_concat(value->>'status') FROM json_each(ortto_upsert('[{"user_id":"u1","audience_name":"VIPs"},{"user_id":"u2","audience_name":" VIPs\t","audience_update_mode":"remove"},
  {"user_id":"u3","audience_name":"vips","audience_update_mode":"add"},{"user_id":"u4","audience_name":null,"audience_update_mode":"remove"},{"user_id":"u5","audience_name":"Sør \"x\"","audience_update_mode":null}]'));
SELECT ortto_track('[{"user_id":"u1","event":"E","audience_name":"VIPs"}]')->>'$[0].status';
SELECT group_concat(value->>'status') FROM json_each(ortto_upsert('[{"user_id":"u1","audience_name":"VIPs"},{"user_id":"u6","audience":{"id":"1","mode":"remove"},"audience_name":"VIPs"},{"user_id":"u7","audience":{"id":"1"},"audience_name":null}]'));
SELECT value->>'status', value->>'errortype', value->>'errormessage' FROM json_each(ortto_upsert('[{"user_id":"w1","audience_name":""},{"user_id":"w2","audience_name":"  "},{"user_id":"w3","audience_name":7},
  {"user_id":"w4","audience_name":"VIPs","audience_update_mode":"toggle"},{"user_id":"w5","audience_name":"VIPs","audience_update_mode":""},{"user_id":"w6","audience_update_mode":"toggle"}]'));
.shell $ROOT/test/sql/segment.sh
.shell $ROOT/test/sql/requests.sh | grep create

.print
.print -- The key: four characters before the rest, of which two are the region.
SELECT ortto_check('segment'), ortto_check();
SELECT ortto_config('segment_key', ' psb-sandbox-segment-key ');
SELECT ortto_check('segment');

.print
.print -- A malformed one raises before anything is sent, also where api_url says where to send.
.shell curl -s -X POST "$ORTTO_API_URL/sandbox/forget" >/dev/null
SELECT ortto_config('segment_key', 'psbx-other');
SELECT ortto_upsert('[{"user_id":"u"}]');
SELECT ortto_config('segment_key', 'ps-other');
SELECT ortto_upsert('[{"user_id":"u"}]');
SELECT ortto_config('segment_key', 'other');
SELECT ortto_check('segment');
SELECT ortto_config('segment_key', 'p u-other');
SELECT ortto_track('[{"user_id":"u","event":"e"}]');
.shell $ROOT/test/sql/requests.sh count
