# examples/beyond.md: a replica by Litestream, restored, is the copy; PostgreSQL, DuckDB and Parquet have every value.
# sandbox: --seed 1 --people 1200
# env: ORTTO_RATE=0
# shellcheck shell=bash
# shellcheck source=test/shell/hosts.sh
. "$ROOT/test/shell/hosts.sh"
page=$ROOT/examples/beyond.md
HOSTS=$page
PATH=$PATH:$NODE_MODULES/.bin
nightly() { ORTTO_EXTENSION=$PWD/ortto "$ROOT/examples/nightly-copy.sh" crm.db; }
ask() { sqlite3 -batch -init /dev/null "$@"; }
whole() { ask "$1" .dump | grep -vE '_litestream_|^PRAGMA'; }

# ---- Litestream -----------------------------------------------------------------------

replicated() {   # what was written while it ran, and a second sync, which changes a little
  local pid tries=0
  # Of npm it is a script that starts another program, which would outlive it: hence a group.
  setsid bash -c "$(block replicate)" >replicate.out 2>&1 &
  pid=$!
  trap 'kill -- -'$pid' 2>/dev/null' EXIT
  nightly || { not_ok 'a copy beside Litestream'; return; }
  ask -cmd '.load ./ortto' :memory: "UPDATE ortto_people SET city = 'Bern' WHERE id IN (SELECT id FROM ortto_people LIMIT 20)"
  nightly || { not_ok 'a second copy beside Litestream'; return; }
  block restore >restore.sh
  until [ $((tries += 1)) -gt 40 ]; do
    sleep 0.5
    rm -f restored.db
    bash -e restore.sh >restore.out 2>&1 && cmp -s <(whole crm.db) <(whole restored.db) && break
  done
  kill -- -$pid
  wait $pid 2>/dev/null
  [ $tries -le 40 ] || cat replicate.out restore.out
  is 'Litestream: what is restored is the copy' "$(whole restored.db | cksum)" "$(whole crm.db | cksum)"
  is 'Litestream: with the second sync in it' \
    "$(ask restored.db "SELECT count(*) >= 20 FROM crm_people WHERE city = 'Bern'")" 1
  cp restored.db again.db
  is 'Litestream: a sync goes on with what is restored' "$(ask -cmd '.load ./ortto' again.db \
    "SELECT ortto_sync('ortto_people', 'crm_people') ->> '\$.unchanged' = (SELECT count(*) FROM crm_people)")" 1
}
if here litestream; then replicated; else skip Litestream 'it is not here'; nightly; fi

# An empty text is not the same as none.
ask crm.db "UPDATE crm_people SET city = '', notes = 'two
lines, \"quoted\"' WHERE rowid % 100 = 0"

# ---- PostgreSQL -----------------------------------------------------------------------

block columns.sql >columns.sql
block postgresql >postgresql.sh
# Every value, as one text for each person.
ask crm.db "SELECT format('SELECT id || %s FROM people ORDER BY id', group_concat(format('''|'' || coalesce(%s, ''-'')',
  CASE type WHEN 'BOOLEAN' THEN format('CASE WHEN \"%w\" THEN ''1'' WHEN NOT \"%w\" THEN ''0'' END', name, name)
  WHEN 'REAL' THEN format('CAST(round(CAST(\"%w\" * 1000 AS numeric)) AS text)', name)
  ELSE format('CAST(\"%w\" AS text)', name) END), ' || ')) FROM pragma_table_info('crm_people')" >values.sql
has_all() {   # has_all NAME FILE: the same values as the copy has
  ask crm.db "$(sed -e 's/FROM people/FROM crm_people/' -e 's/CAST(round(CAST(\("[^"]*"\) \* 1000 AS numeric)) AS text)/CAST(CAST(round(\1 * 1000) AS INTEGER) AS text)/g' values.sql)" |
    LC_ALL=C sort >expected.values
  LC_ALL=C sort "$2" >got.values
  if cmp -s expected.values got.values && [ -s got.values ]; then ok "$1"
  else diff expected.values got.values | head -n 4; not_ok "$1"; fi
}
postgresql() {
  local bin=$1 at as=()
  at=$(mktemp -d /tmp/ortto-pg.XXXXXX)
  [ "$(id -u)" != 0 ] || { chown nobody "$at"; as=(setpriv --reuid nobody --clear-groups); }
  (cd "$at" && "${as[@]}" "$bin/initdb" -D data -U postgres -A trust -E UTF8 >log 2>&1 &&
    "${as[@]}" "$bin/pg_ctl" -D data -w -o "-c listen_addresses='' -k $at" -l server.log start >/dev/null) || cat "$at"/*log
  export PGHOST=$at PGUSER=postgres PGCLIENTENCODING=UTF8
  bash -e postgresql.sh 2>&1
  psql -qAt -f values.sql >postgresql.values
  (cd "$at" && "${as[@]}" "$bin/pg_ctl" -D data -w -m immediate stop >/dev/null)
  rm -rf "$at"
  has_all 'PostgreSQL has every value' postgresql.values
}
bin=$(find /usr/lib/postgresql -path '*/bin/initdb' -printf '%h\n' 2>/dev/null | tail -n 1)
if [ -n "$bin" ] && here psql; then postgresql "$bin"; else skip PostgreSQL 'it is not here'; fi

# ---- DuckDB ---------------------------------------------------------------------------

block duckdb >duckdb.sql
block people.csv | bash -e
cat >duckdb.js <<'JS'
const { DuckDBInstance } = require('@duckdb/node-api'), fs = require('fs');
const read = (file) => fs.readFileSync(file, 'utf8');
(async () => {
  const con = await (await DuckDBInstance.create(':memory:')).connect();
  for (const sql of (read('people.sql') + read('duckdb.sql')).split(';\n')) if (sql.trim()) await con.run(sql);
  const [, , from] = process.argv;
  const rows = await con.runAndReadAll(read('values.sql').replace('FROM people', 'FROM ' + from));
  process.stdout.write(rows.getRows().map(([text]) => text + '\n').join(''));
})().catch((error) => { console.error(String(error)); process.exit(1); });
JS
if node -e "require('@duckdb/node-api')" 2>/dev/null; then
  node duckdb.js people >duckdb.values
  has_all 'DuckDB has every value' duckdb.values
  node duckdb.js "'people.parquet'" >parquet.values
  has_all 'Parquet has every value' parquet.values
else
  skip DuckDB 'it is not here'
fi

is 'examples/beyond.md fits into 115 columns' "$(tr -d '\200-\277' <"$page" | awk 'length > 115 { print NR }')" ''
