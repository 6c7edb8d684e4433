# The progress line, on a terminal of its own (script makes one): a read, a sync, a COMMIT and a call, what each waits
# for; gone at the end but for a sync's; none where it is not asked for, nothing lasts, or no terminal looks.
# sandbox: --people 4000 --custom 2
# env: ORTTO_RATE=2 ORTTO_PROGRESS=on ORTTO_RETRIES=3
# shellcheck shell=bash
command -v script >/dev/null || { echo "ok the progress line # skip there is no program script, which makes a terminal"; exit 0; }
script -qec true /dev/null </dev/null >/dev/null 2>&1 || { echo "ok the progress line # skip this system makes no terminal"; exit 0; }
control() { curl -s -X POST -o /dev/null -d "$2" "$ORTTO_API_URL/sandbox/$1"; }

# on_terminal SQL [MORE]: what a terminal of 120 columns saw, a line for each time that one was drawn
on_terminal() {
  printf '%s\n' "$1" >statements.sql
  script -qec "stty cols 120; $SQLITE3 -batch -cmd '.load ./ortto' :memory: '.read statements.sql' ${2:-}" /dev/null </dev/null 2>&1 |
    tr '\r' '\n'
}
verdict() {   # verdict NAME: as the last command ended
  if [ $? = 0 ]; then echo "ok $1"; else printf '%s\n' "$seen" | tail -n 20; echo "not ok $1"; fi
}
has() { grep -qE -- "$1" <<<"$seen"; }
has_not() { ! has "$1"; }

seen=$(on_terminal 'SELECT count(DISTINCT city) > 3 FROM ortto_people;')
has '^ortto_people: [1-9][0-9]{2,} of [0-9]{4} rows, [0-9]+ rows/s, [1-9] s left, waiting for the (rate|server)'
verdict 'a read: rows of how many, rows a second, time left, what is waited for'
[ "$(grep -v '^ *$' <<<"$seen" | tail -n 1)" = 1 ] && has '^ {60,}$'
verdict 'its line is gone before the result'

seen=$(on_terminal 'SELECT count(*) FROM ortto_people WHERE city IS NOT NULL;' '>result')
has '^ortto_people: .*waiting' && [ "$(wc -l <result)" = 1 ]
verdict 'results in a file: the line alone is on the terminal'

seen=$(on_terminal "CREATE TEMP TABLE leads AS SELECT column1 AS city FROM (VALUES ('Oslo'), ('Bergen'));
  SELECT count(*) > 0 FROM ortto_people p JOIN ortto_accounts a ON a.id = p.account_id;")
has '^ortto_people: [0-9]+ .*ortto_accounts: [0-9]+ .*rows'
verdict 'a join: both tables'

seen=$(on_terminal "SELECT ortto_sync('ortto_people', 'local')->>'state';")
has '^ortto_people: [0-9]+ of [0-9]+ rows, .* s left, waiting for the rate' && has '^ortto_people: [0-9]{4} rows in [0-9.]+ s'
verdict 'a sync: its last line stays'
[ "$(grep -v '^ *$' <<<"$seen" | tail -n 1)" = "done" ]
verdict 'and the result stands below it'

seen=$(on_terminal "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 600)
  INSERT INTO ortto_people(email) SELECT 'new' || i || '@example.com' FROM n; SELECT 'over';")
has '^COMMIT to ortto_people: [1-5]00 of 600 rows, .* s left, waiting for the' && has '^over$'
verdict 'a COMMIT'

seen=$(on_terminal "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 600)
  SELECT json_array_length(ortto_upsert(json_group_array(json_object('fields', json_object('email', 'x' || i || '@example.com'))))) FROM n;")
has '^ortto_upsert: [1-5]00 rows, .*waiting for the' && has '^600$'
verdict 'a call'

control fault '{"kind":"429","seconds":4,"path":"/v1/person/get","times":1}'
seen=$(on_terminal 'SELECT count(*) > 0 FROM ortto_people WHERE city IS NOT NULL;')
has 'goes on in [1-4] s: the server said 429'
verdict 'a refusal that is waited out'
control forget '{}'

seen=$(on_terminal 'SELECT count(city) > 0 FROM (SELECT city FROM ortto_people LIMIT 400);')
has_not 'waiting|rows/s'
verdict 'what is over within two seconds shows nothing'
seen=$(on_terminal "SELECT ortto_config('progress', 'off'); SELECT count(city) > 0 FROM ortto_people;")
has_not 'waiting|rows/s'
verdict 'off: nothing'
seen=$(on_terminal 'SELECT count(city) > 0 FROM ortto_people;' '2>said')
has_not 'waiting|rows/s' && [ ! -s said ]
verdict 'no terminal: nothing'
