# For sync_kill.test.sh and sync_compare.test.sh (source it): a sync in the background, killed, and what came of it.
# They set source_sql, which makes the table temp.source.
# shellcheck shell=bash
load=(-batch -cmd ".timeout 10000" -cmd ".load ./ortto")

control() { curl -sf --noproxy '*' ${2:+-d "$2"} "$ORTTO_API_URL/sandbox/$1" >control.out || echo "control call $1 failed"; }
# shellcheck disable=SC2154   # source_sql is theirs
run() { sqlite3 "${load[@]}" "$1" "$source_sql $2" 2>&1; }
state() { sqlite3 -batch -cmd '.timeout 10000' "$1" "SELECT $2 FROM ortto_sync_state ORDER BY run DESC LIMIT 1" 2>/dev/null; }

check() {   # check NAME EXPECTED GOT
  if [ "$2" = "$3" ]; then
    echo "ok $1"
  else
    printf 'not ok %s\n# expected: %s\n# got:      %s\n' "$1" "$2" "$3"
  fi
}
check_like() {   # check_like NAME PATTERN GOT: a shell pattern
  # shellcheck disable=SC2053
  if [[ $3 == $2 ]]; then
    echo "ok $1"
  else
    printf 'not ok %s\n# expected: %s\n# got:      %s\n' "$1" "$2" "$3"
  fi
}

# How often each offset was asked for, of the pages that were answered or hung: "offset times" lines.
offsets() {
  curl -sf --noproxy '*' "$ORTTO_API_URL/sandbox/requests?full" | grep '"path":"/v1/person/get"' |
    sed -n 's/.*"offset":\([0-9]*\).*/\1/p' | sort -n | uniq -c | awk '{ print $2, $1 }'
}

wait_until() {   # wait_until FILE CONDITION: until the newest run is so, half a minute at most
  local i
  for ((i = 0; i < 3000; i++)); do
    [ "$(state "$1" "$2")" = 1 ] && return
    sleep 0.01
  done
  echo "not ok waiting for $2 ($(state "$1" "state, page, rows"))"
}

# shellcheck disable=SC2154
background() {   # background FILE SQL: $pid
  sqlite3 "${load[@]}" "$1" "$source_sql $2" >background.out 2>&1 &
  pid=$!
}
murder() { kill -9 "$pid"; { wait "$pid"; } 2>/dev/null; }
