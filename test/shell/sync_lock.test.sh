#!/usr/bin/env bash
# The lock of a sync lies beside the database file: another folder for temporary files does not hide it, nor does one that
# cannot be written; what stands in the database removes no file; what a killed run leaves stands in nobody's way.
# sandbox: --people 2000 --no-archived
# env: ORTTO_RATE=0 ORTTO_RETRIES=0
set -u

sync="SELECT ortto_sync('source', 'people') ->> 'state'"
control() { curl -sf --noproxy '*' ${2:+-d "$2"} "$ORTTO_API_URL/sandbox/$1" >control.out || echo "control call $1 failed"; }
run() {
  sqlite3 -batch -cmd '.load ./ortto' "$1" \
    "CREATE VIRTUAL TABLE temp.source USING ortto(table=people, fields='str::email e'); ${2:-$sync}" 2>&1
}
state() { sqlite3 -batch -cmd '.timeout 10000' work.db "SELECT $1 FROM ortto_sync_state ORDER BY run DESC LIMIT 1" 2>/dev/null; }
check_like() {   # check_like NAME PATTERN GOT: a shell pattern
  # shellcheck disable=SC2053
  if [[ $3 == $2 ]]; then
    echo "ok $1"
  else
    printf 'not ok %s\n# expected: %s\n# got:      %s\n' "$1" "$2" "$3"
  fi
}
locks() { find . -maxdepth 1 -name 'work.db-ortto-sync-*' | wc -l | tr -d ' '; }

begin() {   # one that stands still after two pages: $pid
  rm -f work.db*
  control clear '{}'
  control fault '{"kind":"hang","path":"/v1/person/get","after":2,"times":-1}'
  ORTTO_CONCURRENCY=1 sqlite3 -batch -cmd '.load ./ortto' work.db \
    "CREATE VIRTUAL TABLE temp.source USING ortto(table=people, fields='str::email e'); $sync" >background.out 2>&1 &
  pid=$!
  for ((i = 0; i < 1000; i++)); do
    [ "$(state 'page = 2')" = 1 ] && return
    sleep 0.01
  done
  echo "not ok waiting for two pages ($(state 'page, state'))"
}
murder() { kill -9 "$pid"; { wait "$pid"; } 2>/dev/null; }

# ---- who is at work ---------------------------------------------------------------------
begin
mkdir elsewhere
check_like 'the lock lies beside the database' 1 "$(locks)"
check_like 'a second sync from another /tmp is refused' '*another sync into *people* is at work*' "$(TMPDIR=$PWD/elsewhere run work.db)"
check_like 'from a /tmp that cannot be written, too' '*another sync into *people* is at work*' "$(TMPDIR=/nowhere/at/all run work.db)"
sqlite3 -batch work.db "UPDATE ortto_sync_state SET beat = 0"
check_like 'however long the first has been silent' '*another sync into *people* is at work*' "$(run work.db)"
check_like 'the same target in other letters is the same' '*another sync into *PEOPLE* is at work*' \
  "$(run work.db "SELECT ortto_sync('source', 'PEOPLE')")"
if [ -n "${WINDOWS:-}" ]; then
  echo 'ok the same file by a link is the same # skip: SQLite follows no links on Windows'
else
  ln -s work.db by_link.db
  check_like 'the same file by a link is the same' '*another sync into *people* is at work*' "$(run by_link.db)"
fi
murder
control clear '{}'
check_like 'killed, it leaves its file' 1 "$(locks)"
check_like 'which keeps nobody out, from another /tmp either' 'done' "$(TMPDIR=/nowhere/at/all run work.db)"
check_like 'and is gone afterwards' 0 "$(locks)"

# A beat from the future, and an owner on another machine that held the lock once.
begin
murder
control clear '{}'
sqlite3 -batch work.db "UPDATE ortto_sync_state SET beat = strftime('%s', 'now') + 86400, owner = 'other' || substr(owner, instr(owner, ' '))"
check_like 'a beat in the future keeps nobody out' 'done' "$(run work.db)"
begin
murder
control clear '{}'
sqlite3 -batch work.db "UPDATE ortto_sync_state SET beat = strftime('%s', 'now') + 86400, owner = 'elsewhere none 0123456789abcdef'"
check_like 'nor that of one without a lock' 'done' "$(run work.db)"

# ---- what a database says removes nothing ------------------------------------------------
begin
murder
control clear '{}'
: >ortto-sync-precious
sqlite3 -batch work.db "UPDATE ortto_sync_state SET beat = 0, owner = '$(uname -n) $PWD/ortto-sync-precious'"
check_like 'a path in the database is not followed' 'done' "$(run work.db)"
check_like 'nor removed' 'ortto-sync-precious' "$(ls ortto-sync-precious 2>&1)"

# ---- what stands in the lock's place ------------------------------------------------------
begin
name=$(find . -maxdepth 1 -name 'work.db-ortto-sync-*')
murder
control clear '{}'
rm -f "$name"
echo 'not ours' >precious
ln -s precious "$name"
sqlite3 -batch work.db "UPDATE ortto_sync_state SET beat = 0"
check_like 'a symbolic link there is not followed' 'done' "$(run work.db)"
check_like 'nor what it leads to changed' 'not ours' "$(cat precious)"
check_like 'nor removed' "$name" "$(find . -maxdepth 1 -name 'work.db-ortto-sync-*' -type l)"
rm -f "$name"
echo 'not ours' >"$name"
check_like 'a file with something in it does not hinder' 'done' "$(run work.db)"
check_like 'and stays' 'not ours' "$(cat "$name")"
rm -f "$name"
mkfifo "$name"
check_like 'a pipe neither' 'done' "$(run work.db)"
rm -f "$name"

check_like 'a database in memory needs none' 'done' "$(run :memory:)"
check_like 'nor does temp' 'done' "$(run work.db "SELECT ortto_sync('source', 'temp.people') ->> 'state'")"
check_like 'and leaves none' 0 "$(locks)"
got=$(run :memory: "SELECT a.state || (SELECT b.state FROM ortto_sync('source', 'people') b) FROM ortto_sync('source', 'people') a")
check_like 'two at once in memory are seen, too' '*another sync into *people* is at work*' "$got"
