# The security rules: where a key may go, what is refused before anything is sent, what a database file from a stranger
# cannot do, and that no key is ever shown.
# sandbox: --people 5 --accounts 2 --custom 0 --account-custom 0
# env: ORTTO_RATE=0 ORTTO_RETRIES=0
# shellcheck shell=bash
# Conditions are quoted, for eval in verdict().
# shellcheck disable=SC2016
# shellcheck source=test/lib.sh
. "$ROOT/test/lib.sh"
KEY=sandbox-key
server=$ORTTO_API_URL

# A second server, which stands for somebody else's: nothing may come there.
own_url=$ORTTO_API_URL
start_sandbox --people 1 --custom 0 --account-custom 0
evil=$ORTTO_API_URL
export ORTTO_API_URL=$own_url

sql() {   # runs the SQL of standard input; errors are part of what is printed
  $SQLITE3 -batch -cmd '.load ./ortto' "${DB:-:memory:}" 2>&1
}

control() {   # control PATH [JSON]
  curl -s -X POST -d "${2:-}" "$server/sandbox/$1" >/dev/null
}

sent() { curl -s "${1:-$server}/sandbox/count"; }   # requests since the last forget

fresh() { control clear; control forget; curl -s -X POST "$evil/sandbox/forget" >/dev/null; said=; }

verdict() {   # verdict NAME CONDITION...: ok or not ok, with what was said
  local name=$1
  shift
  if "$@"; then
    echo "ok $name"
  else
    printf '%s\n' "$said"
    echo "not ok $name"
  fi
}

says() { grep -qiF -- "$1" <<<"$said"; }
refused() { says 'ortto: ' && ! says "$KEY"; }
nothing_sent() { [ "$(sent)" = 0 ] && [ "$(sent "$evil")" = 0 ]; }
refused_unsent() { refused && nothing_sent; }
only_good() { [ "$said" = "$1" ] && [ "$(sent "$evil")" = 0 ]; }

# refuses NAME WORD <SQL: the SQL is refused with an error that has the word in it, and nothing is sent anywhere
refuses() {
  fresh
  said=$(sql)
  verdict "$1" eval "refused_unsent && says '$2'"
}

# ---- a key goes only where it may ------------------------------------------------------

refuses "a key of the environment does not go to an api_url in arguments" 'written literally' <<SQL
CREATE VIRTUAL TABLE x USING ortto(table=people, api_url='$evil');
SQL
refuses "a key named by env: in the arguments does not either" 'written literally' <<SQL
CREATE VIRTUAL TABLE x USING ortto(table=people, api_url='$evil', key='env:ORTTO_API_KEY');
SQL
refuses "whatever stands around env:" 'written literally' <<SQL
CREATE VIRTUAL TABLE x USING ortto(table=people, api_url='$evil', key=' "env:ORTTO_API_KEY" ');
SQL
for key in ' env:HOME' '"env:HOME"' ' "file:/etc/hostname" ' '" file:/etc/hostname"'; do
  refuses "what a table's arguments cannot name, whatever stands around it: $key" 'arguments' <<SQL
CREATE VIRTUAL TABLE x USING ortto(table=people, key='$key');
SQL
done
refuses "nor does a key of ortto_config" 'written literally' <<SQL
.output /dev/null
SELECT ortto_config('key', 'another-key-1234');
.output
CREATE VIRTUAL TABLE x USING ortto(table=tags, api_url='$evil');
SQL
refuses "not even to the api_url that is in force" 'written literally' <<SQL
CREATE VIRTUAL TABLE x USING ortto(table=people, api_url='$server');
SQL

fresh
said=$(sql <<SQL
CREATE VIRTUAL TABLE x USING ortto(table=tags, api_url='$server', key='$KEY');
SELECT count(*) > 0 FROM x;
SQL
)
verdict "a key written literally beside the api_url does" only_good 1

# Writing through a table with an address of its own: the segment_key of the environment stays here.
fresh
said=$(ORTTO_SEGMENT_KEY=psb-sandbox-segment-key sql <<SQL
CREATE VIRTUAL TABLE x USING ortto(table=tags, api_url='$server', key='$KEY');
.shell curl -s -X POST -o /dev/null $server/sandbox/forget
SELECT ortto_upsert('{"user_id":"u"}', '{"via":"x","to":"segment"}');
SELECT ortto_track('{"user_id":"u","event":"e"}', '{"via":"x","to":"segment"}');
SQL
)
verdict "a segment_key of the environment does not go to an api_url in arguments" eval '[ "$(grep -c "written literally" <<<"$said")" = 2 ] && nothing_sent'

# A database file from a stranger: the schema is there before the extension is.
fresh
DB=$TMPDIR/stranger.db
$SQLITE3 -batch "$DB" <<SQL
CREATE TABLE a(b);
.dbconfig defensive off
PRAGMA writable_schema = on;
CREATE TEMP TABLE evil(n INTEGER PRIMARY KEY, arguments);
INSERT INTO evil(arguments) VALUES
  ('api_url=''$evil'', table=people'),
  ('api_url=''$evil'', key=''env:ORTTO_API_KEY'', table=people'),
  ('key=''file:/etc/hostname'', table=people'),
  ('key=''env:HOME'', table=people'),
  ('key=''file:/etc/hostname'', api_url=''$evil'', table=tags');
INSERT INTO sqlite_schema
  SELECT 'table', 'evil' || n, 'evil' || n, 0, 'CREATE VIRTUAL TABLE evil' || n || ' USING ortto(' || arguments || ')' FROM evil;
SQL
said=$(for n in 1 2 3 4 5; do printf '%s\n' "SELECT * FROM evil$n;" "SELECT ortto_check('evil$n');" \
  "SELECT ortto_upsert('{\"user_id\":\"u\"}', '{\"via\":\"evil$n\"}');" "SELECT ortto_sync('evil$n', 'copied');"; done | sql)
verdict "a stranger's file sends nobody's key and reads no file" eval 'refused_unsent && [ "$(grep -c "ortto: " <<<"$said")" = 20 ]'
fresh
said=$(for n in 1 2 3 4 5; do printf '%s\n' "SELECT count(*) > 0 FROM pragma_table_info('evil$n');" "DROP TABLE evil$n;" "SELECT count(*) FROM sqlite_schema WHERE name = 'evil$n';"; done | sql)
verdict "its tables can be described and dropped" eval '[ "$said" = "$(printf "1\n0\n%.0s" 1 2 3 4 5)" ] && nothing_sent'
unset DB

refuses "file: is refused in arguments" 'file:' <<<"CREATE VIRTUAL TABLE x USING ortto(table=people, key='file:/etc/hostname');"
refuses "env: takes only ORTTO_ names in arguments" 'ORTTO_' <<<"CREATE VIRTUAL TABLE x USING ortto(table=people, key=env:HOME);"
refuses "the same for segment_key" 'ORTTO_' <<<"CREATE VIRTUAL TABLE x USING ortto(table=people, segment_key=env:HOME);"

# Without an api_url a key goes to Ortto's own hosts. (A proxy that does not exist keeps this test off the network.)
for region in global:api.ap3api.com au:api.au.ap3api.com eu:api.eu.ap3api.com; do
  fresh
  said=$(ORTTO_API_URL='' https_proxy=http://127.0.0.1:1 HTTPS_PROXY=http://127.0.0.1:1 ORTTO_REGION=${region%%:*} sql <<<'SELECT ortto_check();')
  verdict "the host of region ${region%%:*}" eval 'refused_unsent && says "https://${region#*:}:" '
done
fresh
said=$(http_proxy=$evil HTTP_PROXY=$evil all_proxy=$evil ALL_PROXY=$evil sql <<<'SELECT ortto_check();')
verdict "no proxy stands before a loopback address" only_good ok

# ---- addresses -------------------------------------------------------------------------

for url in http://example.com http://127.0.0.1.example.com http://localhost.example.com http://127.0.0.1@example.com \
  'http://[::ffff:192.0.2.1]' http://0.0.0.0 http://192.168.0.1 http://128.0.0.1 http:///x HTTP://EXAMPLE.COM; do
  fresh
  said=$(ORTTO_API_URL=$url sql <<<'SELECT ortto_check();')
  verdict "refused from the environment: $url" eval 'refused_unsent && says api_url'
done
for url in file:///etc/hostname ftp://127.0.0.1/ gopher://127.0.0.1/ 127.0.0.1 //127.0.0.1 'http://127.0.0.1:1 http://x' "$(printf 'http://127.0.0.1\r\nX: y')" \
  http://127.0.0.1:99999 'https://' https://user@example.com https://user:pw@example.com 'https://example.com?x' 'https://example.com#x'; do
  fresh
  said=$(ORTTO_API_URL=$url sql <<<'SELECT ortto_check();')
  verdict "refused: $(tr '\r\n' '  ' <<<"$url")" eval 'refused_unsent && says api_url'
done
said=$(sql <<<"SELECT ortto_config('api_url', 'https://me:secret-word@example.com');")
verdict "a password in an address is refused and not repeated" eval 'refused && ! says secret-word'
fresh
said=$(sql <<<"SELECT ortto_config('api_url', 'http://localhost:${server##*:}/') IS NOT NULL; SELECT ortto_check();")
verdict "localhost is loopback" only_good $'1\nok'

# Redirects: an error, and nothing arrives where they point.
for location in "$evil/v1/tags/get" file:///etc/hostname "$server/v1/tags/get"; do
  fresh
  control fault "{\"kind\":\"redirect\",\"path\":\"/v1/tags/get\",\"location\":\"$location\"}"
  said=$(sql <<<'SELECT count(*) FROM ortto_tags;')
  verdict "a redirect is not followed: ${location%%:*} ${location##*/}" eval 'refused && says redirect && [ "$(sent)" = 1 ] && [ "$(sent "$evil")" = 0 ]'
done

# A certificate that nobody vouches for: no request gets through.
if command -v openssl >/dev/null; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost -days 2 \
    -keyout "$TMPDIR/tls.key" -out "$TMPDIR/tls.crt" 2>/dev/null
  openssl s_server -accept 127.0.0.1:0 -key "$TMPDIR/tls.key" -cert "$TMPDIR/tls.crt" -WWW </dev/null >"$TMPDIR/tls.out" 2>&1 &
  tls=$!
  for _ in $(seq 50); do grep -q '^ACCEPT .*:[0-9]' "$TMPDIR/tls.out" && break; sleep 0.05; done
  port=$(sed -nE 's/^ACCEPT .*:([0-9]+)$/\1/p' "$TMPDIR/tls.out" | head -n 1)
  if [ -n "$port" ]; then
    said=$(ORTTO_API_URL=https://localhost:$port ORTTO_TIMEOUT_MS=3000 sql <<<'SELECT ortto_check();')
    verdict "certificates are verified" eval 'refused && says certificate'
  else
    echo "ok certificates are verified # skip: openssl s_server did not start"
  fi
  kill "$tls" 2>/dev/null
  wait "$tls" 2>/dev/null
else
  echo "ok certificates are verified # skip: no openssl"
fi

# ---- keys that are none ----------------------------------------------------------------

for bad in $'line\nX-Evil: 1' $'return\rX' $'tab\tx' $'esc\033x' $'del\177x'; do
  fresh
  said=$(ORTTO_API_KEY=$bad sql <<<'SELECT ortto_check();')
  verdict "a key with a control character is refused: $(printf %q "$bad")" eval 'refused_unsent && says control && ! says X-Evil'
  fresh
  said=$(ORTTO_OTHER=$bad sql <<<"CREATE VIRTUAL TABLE x USING ortto(table=tags, key=env:ORTTO_OTHER);")
  verdict "the same through env: $(printf %q "$bad")" eval 'refused_unsent && says control && ! says X-Evil'
done
fresh
said=$(ORTTO_API_KEY='' sql <<<'SELECT ortto_check();')
verdict "no key: the message says how to give one" eval 'refused_unsent && says ORTTO_API_KEY && says ortto_config'

# ---- the forms of a key ----------------------------------------------------------------

printf '  %s  \nnot this line\n' $KEY >key.txt
printf '%s\r\n' $KEY >crlf.txt
printf '%s' $KEY >bare.txt
for form in env:ORTTO_MINE env:ANY_NAME file:key.txt file:crlf.txt file:bare.txt "file:$PWD/key.txt" $KEY; do
  fresh
  said=$(ORTTO_API_KEY=wrong-key ORTTO_MINE=$KEY ANY_NAME=$KEY sql <<<"SELECT ortto_config('key', '$form'); SELECT ortto_check();")
  verdict "the key as ${form%%"$PWD"*}" only_good $'****-key\nok'
  said=$(ORTTO_API_KEY=$form ORTTO_MINE=$KEY ANY_NAME=$KEY sql <<<"SELECT ortto_config('key'); SELECT ortto_check();")
  verdict "the same in the environment: ${form%%"$PWD"*}" only_good $'****-key\nok'
done
for form in file:not-there file:. env:NOT_THERE; do
  fresh
  said=$(ORTTO_API_KEY=$form sql <<<'SELECT ortto_check();')
  verdict "a key that is not there: $form" eval 'refused_unsent && says "${form#*:}"'
done

# ---- no key is ever shown --------------------------------------------------------------

fresh
control fault "{\"kind\":\"status\",\"status\":500,\"path\":\"/v1/tags\",\"times\":-1,\"body\":\"{\\\"error\\\":\\\"bad X-Api-Key: $KEY at $KEY$KEY\\\",\\\"request_id\\\":\\\"$KEY\\\"}\"}"
control fault "{\"kind\":\"status\",\"status\":502,\"path\":\"/v1/audiences\",\"times\":-1,\"body\":\"plain text $KEY, $(printf 'x%.0s' $(seq 240))$KEY\"}"
control fault "{\"kind\":\"status\",\"status\":500,\"path\":\"/v1/accounts/get\",\"times\":-1,\"body\":\"{\\\"error\\\":{\\\"message\\\":\\\"\\\\u0073andbox-key\\\"}}\"}"
control fault "{\"kind\":\"not_json\",\"path\":\"/v1/instance-schema\",\"times\":-1}"
for path in /v1/person/merge /v1/activities; do
  control fault "{\"kind\":\"status\",\"status\":400,\"path\":\"$path\",\"times\":-1,\"body\":\"{\\\"error\\\":\\\"key $KEY\\\",\\\"details\\\":[{\\\"status\\\":\\\"invalid\\\",\\\"error\\\":\\\"key $KEY\\\"}]}\"}"
done
control fault "{\"kind\":\"replace\",\"path\":\"/v1/identify\",\"times\":-1,\"body\":\"{\\\"errors\\\":[{\\\"status\\\":400,\\\"message\\\":\\\"bad psb-sandbox-segment-key\\\",\\\"index\\\":0}]}\"}"
all=$(ORTTO_SEGMENT_KEY=psb-sandbox-segment-key sql <<SQL
SELECT count(*) FROM ortto_tags;
SELECT count(*) FROM ortto_audiences;
SELECT name FROM ortto_accounts;
SELECT count(*) FROM ortto_fields;
CREATE VIRTUAL TABLE mine USING ortto(table=people, key=env:ORTTO_API_KEY);
SELECT ortto_upsert('[{"user_id":"u"}]');
SELECT ortto_upsert('{"user_id":"u"}');
SELECT ortto_track('[{"user_id":"u","event":"e"}]');
SELECT ortto_upsert('[{"user_id":"u"}]', '{"to":"segment"}');
SELECT ortto_sync('ortto_tags', 'local');
SELECT * FROM ortto_sync_state;
SELECT ortto_config('key');
SELECT * FROM ortto_log;
EXPLAIN QUERY PLAN SELECT * FROM mine WHERE email = 'a';
EXPLAIN SELECT * FROM ortto_people WHERE id = 'a';
SELECT sql FROM sqlite_schema;
SELECT * FROM pragma_table_xinfo('mine');
.schema
SQL
)
said=$(grep -E "$KEY|andbox-key|andbox-segment-key" <<<"$all")
verdict "a key that the server repeats is not shown" eval '[ -z "$said" ] && [ "$(grep -c "answered 50[02]" <<<"$all")" -ge 4 ]'
control clear
said=$(sql <<<"SELECT ortto_config('key', 'long-secret-value-7890'); SELECT ortto_check(); SELECT * FROM ortto_log;")
verdict "nor is one that is refused" eval 'says "****7890" && says 401 && ! says long-secret'

# ---- what a view, trigger, index or default cannot do -------------------------------------

fresh
said=$(sql <<SQL
CREATE TABLE t(a);
CREATE VIEW v1 AS SELECT * FROM ortto_people;
SELECT * FROM v1;
CREATE VIEW v2 AS SELECT * FROM ortto_log;
SELECT * FROM v2;
CREATE VIEW v3 AS SELECT ortto_check();
SELECT * FROM v3;
CREATE VIEW v4 AS SELECT ortto_config('key', 'x');
SELECT * FROM v4;
CREATE TRIGGER tr1 AFTER INSERT ON t BEGIN SELECT ortto_check(); END;
INSERT INTO t VALUES(1);
DROP TRIGGER IF EXISTS tr1;
CREATE TRIGGER tr2 AFTER INSERT ON t BEGIN SELECT ortto_config('api_url', '$evil'); END;
INSERT INTO t VALUES(1);
DROP TRIGGER IF EXISTS tr2;
CREATE TRIGGER tr3 AFTER INSERT ON t BEGIN INSERT INTO t SELECT id FROM ortto_people; END;
INSERT INTO t VALUES(1);
DROP TRIGGER IF EXISTS tr3;
CREATE VIEW v5 AS SELECT ortto_upsert('{"user_id":"u"}'), ortto_track('{"user_id":"u","event":"e"}');
SELECT * FROM v5;
CREATE TRIGGER tr4 AFTER INSERT ON t BEGIN SELECT ortto_upsert('{"user_id":"u"}'); END;
INSERT INTO t VALUES(1);
DROP TRIGGER IF EXISTS tr4;
CREATE TRIGGER tr5 AFTER INSERT ON t BEGIN SELECT ortto_track('{"user_id":"u","event":"e"}'); END;
INSERT INTO t VALUES(1);
DROP TRIGGER IF EXISTS tr5;
CREATE TRIGGER tr6 AFTER INSERT ON t BEGIN SELECT ortto_sync('ortto_tags', 'local'); END;
INSERT INTO t VALUES(1);
DROP TRIGGER IF EXISTS tr6;
CREATE INDEX i ON t(ortto_check());
CREATE TABLE g(a, b AS (ortto_check()));
SELECT * FROM g;
CREATE TABLE d(a DEFAULT (ortto_check()));
INSERT INTO d DEFAULT VALUES;
SQL
)
# A view over ortto_people lists its columns before SQLite looks at what is allowed: one request, to the user's own server.
verdict "views, triggers, indexes and defaults spend no key" eval '[ "$(sent)" -le 1 ] && [ "$(sent "$evil")" = 0 ] && [ "$(grep -cE "unsafe use|prohibited|non-deterministic" <<<"$said")" -ge 14 ]'

# CHECK constraints are the gap that SQLite 3.40 leaves: settings cannot be changed from one.
fresh
said=$(sql <<SQL
CREATE TABLE c(a CHECK(ortto_config('api_url', '$evil') IS NOT NULL));
INSERT INTO c VALUES(1);
UPDATE c SET a = 2;
CREATE TABLE k(a CHECK(ortto_config('key', NULL) IS NOT NULL), b CHECK(ortto_config('region', 'eu') = 'eu'));
INSERT INTO k VALUES(1, 2);
SELECT ortto_config('region'), ortto_check();
SQL
)
verdict "a CHECK constraint cannot change settings" eval '[ "$(tail -n 1 <<<"$said")" = "global|ok" ] && [ "$(sent "$evil")" = 0 ] && [ "$(sent)" = 1 ]'

# ---- the server is not asked again in vain ------------------------------------------------

for status in 401 403; do
  fresh
  control fault "{\"kind\":\"status\",\"status\":$status,\"times\":-1}"
  said=$(for _ in $(seq 30); do printf '%s\n' 'SELECT count(*) FROM ortto_tags;' 'SELECT ortto_check();' 'SELECT count(*) FROM ortto_people;'; done | sql)
  verdict "after $status no more requests with this key" eval 'refused && [ "$(sent)" = 1 ] && [ "$(grep -c "ortto: " <<<"$said")" = 90 ]'
done
fresh
said=$(sql <<SQL
SELECT ortto_config('key', 'not-the-key');
SELECT count(*) FROM ortto_tags;
SELECT count(*) FROM ortto_tags;
SELECT ortto_config('key', NULL);
SELECT count(*) > 0 FROM ortto_tags;
SQL
)
verdict "another key is tried at once" eval '[ "$(tail -n 1 <<<"$said")" = 1 ] && [ "$(sent)" = 2 ]'

fresh
control fault '{"kind":"status","status":400,"path":"/v1/person/get","times":1}'
said=$(ORTTO_RETRIES=5 sql <<SQL
SELECT count(*) FROM ortto_person_custom_fields;
SELECT email FROM ortto_people WHERE q = 'bad';
SELECT email FROM ortto_people WHERE q = 'bad';
SELECT email FROM ortto_people WHERE q = 'bad';
SELECT count(*) FROM ortto_people WHERE q = 'another';
SQL
)
verdict "a reading request answered 400 is not sent again" eval 'refused && [ "$(grep -c "answered 400" <<<"$said")" = 3 ] &&
  [ "$(curl -s "$server/sandbox/count?path=/v1/person/get")" = 2 ]'

fresh
control fault '{"kind":"status","status":400,"path":"/v1/person/get","times":-1}'
for n in $(seq 14); do echo "SELECT email FROM ortto_people WHERE q = 'bad $n';"; done >bad.sql
# shellcheck disable=SC2086
$SQLITE3 -batch -cmd '.load ./ortto' :memory: <bad.sql >waiting.txt 2>&1 &
job=$!
asked() { curl -s "$server/sandbox/count?path=/v1/person/get"; }
for _ in $(seq 100); do [ "$(asked)" -lt 10 ] || break; sleep 0.1; done
sleep 0.7
said=$(cat waiting.txt)
verdict "after ten bad answers the connection waits" eval '[ "$(asked)" = 10 ] && [ "$(grep -c "answered 400" <<<"$said")" = 10 ] && kill -0 $job'
kill $job
wait $job 2>/dev/null || true
