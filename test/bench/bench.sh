#!/usr/bin/env bash
# make bench: how many requests and bytes a query costs, and how fast a copy is, against what is possible.
#
#   make bench           less than four minutes
#   make bench FULL=1    memory at 1,000,000 people too
#
# Compared with the extension:
#   sequential   what one writes first: curl | jq | sqlite3, a page at a time
#   network      the same pages by curl --parallel, thrown away: no client can be faster with as many in flight; it
#                has no disk, so beside a copy into a file stands one into memory
#   cpu          the same pages, in memory already, parsed by cJSON and inserted by one prepared statement
#   hash         a sync that finds nothing changed: every row read by the extension and hashed, nothing written
# The reader of answers alone is compared with cJSON and yyjson (libyyjson-dev, or YYJSON=DIR with its yyjson.h
# and yyjson.c).
# All against a sandbox server on this machine, which needs a share of its processors.
# PEOPLE and FIELDS change the size of the copy.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=test/lib.sh
. test/lib.sh

PEOPLE=${PEOPLE:-50000}
FIELDS=${FIELDS:-40}
B=${B:-.build}
EXT=${EXT:-ortto.so}
[ -e "$EXT" ] || EXT=ortto.dylib
case $EXT in /*) ;; *) EXT=$PWD/$EXT ;; esac
export SANDBOX=$B/ortto_sandbox LC_ALL=C
for name in $(compgen -e); do
  case $name in ORTTO_* | *_proxy | *_PROXY) unset "$name" ;; esac
done
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
missed=0

${CC:-cc} -O2 -w -o "$WORK/bench_cpu" test/bench/bench_cpu.c -lcjson -lsqlite3 -lm ||
  { echo "the comparison with cJSON needs its development files: apt-get install libcjson-dev" >&2; exit 1; }
${CC:-cc} -O2 -w -o "$WORK/bench_hash" test/bench/bench_hash.c -lsqlite3

read -ra cjson_flags <<<"${CJSON_FLAGS:--lcjson}"
bench_reader() { ${CC:-cc} -O2 -w -pthread -o "$WORK/bench_reader" test/bench/bench_reader.c src/json.c src/json_check.c src/text.c src/os.c "$@" "${cjson_flags[@]}" -lm; }
if [ -n "${YYJSON:-}" ]; then bench_reader -DYYJSON -I"$YYJSON" "$YYJSON/yyjson.c"
else bench_reader -DYYJSON -lyyjson 2>/dev/null || bench_reader; fi

control() { curl -s -X POST -d "$2" "$ORTTO_API_URL/sandbox/$1" >/dev/null; }
now() { echo "$EPOCHREALTIME"; }
least() { if [ -z "$1" ]; then echo "$2"; else awk "BEGIN { print ($2 < $1 ? $2 : $1) }"; fi; }
calc() { awk "BEGIN { printf \"%.6f\", $1 }"; }
thousands() { printf '%.0f' "$1" | sed -E ':a; s/^([0-9]+)([0-9]{3})/\1,\2/; ta'; }
target() {   # target CONDITION TEXT
  if awk "BEGIN { exit !($1) }"; then echo "  reached      $2"; else echo "  NOT reached  $2"; missed=$((missed + 1)); fi
}

# ---- the extension ---------------------------------------------------------------------

begin_sql() {   # what every run of the shell begins with: the created table has FIELDS columns and the id
  echo ".load $EXT"
  echo "CREATE VIRTUAL TABLE temp.people USING ortto(table=people, fields='$fields');"
}

sql() { { begin_sql; cat; } | sqlite3 -batch "$@"; }

copy() {   # copy FILE: seconds that a copy of the whole table takes; with a rate, the second before is for the requests of CREATE not to count
  rm -f "$WORK/ours.db"
  sql "$1" <<S | sed -nE 's/^Run Time: real ([0-9.]+).*/\1/p'
.shell [ "\$ORTTO_RATE" = 0 ] || sleep 1
.timer on
CREATE TABLE copy AS SELECT * FROM temp.people;
S
}

cost() {   # requests, bytes and seconds of a statement, after what SETUP does
  sql :memory: <<S | tail -n 1
${2:-SELECT 1;}
CREATE TEMP TABLE before AS SELECT count(*) AS n FROM ortto_log;
CREATE TEMP TABLE result AS $1;
SELECT count(*), coalesce(sum(received_bytes), 0), coalesce(sum(ms), 0) / 1000.0 FROM (SELECT * FROM ortto_log LIMIT -1 OFFSET (SELECT n FROM before));
S
}

synced() {   # seconds that a sync of the whole table into synced.db takes, and those of the processor
  sql "$WORK/synced.db" <<'S' | awk '/^Run Time:/ { print $4, $6 + $8 }'
.timer on
SELECT ortto_sync('people', 'people');
S
}

memory() {   # the most memory, in kB, that the shell needed for a copy
  rm -f "$WORK/ours.db"
  ORTTO_RATE=0 sql "$WORK/ours.db" <<'S' | sed -nE 's/^VmHWM:[^0-9]*([0-9]+).*/\1/p'
CREATE TABLE copy AS SELECT * FROM temp.people;
.shell grep VmHWM /proc/$PPID/status
S
}

# ---- what it is compared with ------------------------------------------------------------

page_body() {   # page_body OFFSET CURSOR
  printf '{"fields":%s,"limit":500,"offset":%s%s}' "$fields_json" "$1" "${2:+,\"cursor_id\":\"$2\"}"
}

ask() { curl -s -H "X-Api-Key: $ORTTO_API_KEY" -H 'Content-Type: application/json' -d @- "$ORTTO_API_URL/v1/person/get"; }

sequential() {   # sequential PAGES: rows per second over so many pages
  local offset=0 cursor='' more=true begin pages=$1
  rm -f "$WORK/seq.db"
  sqlite3 "$WORK/seq.db" "CREATE TABLE copy($(seq -s , -f 'c%g' 0 "$FIELDS"))"
  begin=$(now)
  while [ "$pages" -gt 0 ] && [ "$more" = true ]; do
    page_body "$offset" "$cursor" | ask >"$WORK/page.json"
    jq -r --argjson f "$fields_json" '.contacts[] | . as $c | [.id] + [$f[] | $c.fields[.]] |
      map(if type == "object" or type == "array" then tojson else . end) | @csv' "$WORK/page.json" |
      sqlite3 "$WORK/seq.db" '.mode csv' '.import /dev/stdin copy'
    read -r offset cursor more < <(jq -r '"\(.next_offset) \(.cursor_id) \(.has_more)"' "$WORK/page.json")
    pages=$((pages - 1))
  done
  calc "$(sqlite3 "$WORK/seq.db" 'SELECT count(*) FROM copy') / ($(now) - $begin)"
}

# curl's own options for the pages FIRST to LAST (the first page is number 0).
pages_config() {   # pages_config FIRST LAST CURSOR DIRECTORY: files of it are written there, or to /dev/null
  local i out
  for ((i = $1; i <= $2; i++)); do
    out=/dev/null
    [ -z "$4" ] || out=$4/$(printf '%06d' "$i").json
    [ "$i" = "$1" ] || echo next
    printf 'url = "%s/v1/person/get"\nheader = "X-Api-Key: %s"\nheader = "Content-Type: application/json"\ndata = "%s"\noutput = "%s"\nsilent\n' \
      "$ORTTO_API_URL" "$ORTTO_API_KEY" "$(page_body $((i * 500)) "$3" | sed 's/"/\\"/g')" "$out"
  done
}

# The pages in parallel; with a rate, so many are begun each second. Prints the seconds.
network() {   # network RATE CONCURRENCY [DIRECTORY]
  local begin cursor first=1 last k=0 pages=$(((total + 499) / 500)) dir=${3:-}
  local each=$1
  [ "$1" -gt 0 ] || each=$pages
  cursor=$(page_body 0 '' | ask | jq -r .cursor_id)
  while [ $first -lt "$pages" ]; do   # written before the clock starts
    last=$((first + each - 1))
    [ $k -gt 0 ] || [ "$1" = 0 ] || last=$((last - 1))
    [ $last -lt "$pages" ] || last=$((pages - 1))
    pages_config $first $last "$cursor" "$dir" >"$WORK/config$k"
    first=$((last + 1)) k=$((k + 1))
  done
  begin=$(now)
  page_body 0 '' | ask >"${dir:-$WORK}/000000.json"
  local i running=()
  for ((i = 0; i < k; i++)); do
    [ $i -eq 0 ] || sleep "$(calc "$begin + $i - $(now)" | sed 's/^-.*/0/')"
    curl --parallel --parallel-immediate --parallel-max "$2" -K "$WORK/config$i" >/dev/null 2>&1 &
    running+=($!)
  done
  wait "${running[@]}"
  calc "$(now) - $begin"
}

# ---- a full copy ---------------------------------------------------------------------------

start_sandbox --people 10
fields=$(sqlite3 -batch -cmd ".load $EXT" :memory: "SELECT group_concat(id, ' ') FROM (SELECT f.id
  FROM pragma_table_info('ortto_people') t JOIN ortto_fields f ON f.entity = 'people' AND f.column_name = t.name
  ORDER BY t.cid LIMIT $FIELDS)")
stop_sandbox
fields_json=$(jq -cR 'split(" ")' <<<"$fields")

start_sandbox --people "$PEOPLE" --no-archived
export ORTTO_RATE=0
total=$(sql :memory: <<<'SELECT count(*) FROM temp.people;')
pages=$(((total + 499) / 500))

echo "(a) A full copy of $(thousands "$total") people, $FIELDS columns and the id, in $pages requests."
echo "    Rows per second; 'sequential' is measured on 6 pages, and where the rate allows less, taken as that."
echo "    'in flight' is what the network gets, and where it is 8, ours too; else ours is as by default (auto). Without a"
echo "    rate the best of three, by turns; at 200 ms one look."
echo
printf '    %8s %5s %9s | %9s %9s %9s %10s | %10s %9s %12s\n' latency rate 'in flight' ours 'in memory' network sequential 'of network' 'in memory' 'x sequential'
declare -A time of_floor
for latency in 0 50 200; do
  control set "{\"latency_ms\":$latency}"
  sequential=$(sequential 6)
  ways=('0,8' '0,16' '30,16')
  [ $latency != 200 ] || ways+=('10,16')         # 10 seconds each, and the same at any latency: see (b)
  for each in "${ways[@]}"; do
    rate=${each%,*} flight=${each#*,} concurrency=auto
    [ "$flight" = 16 ] || concurrency=$flight
    floor='' ours='' memory=''
    for turn in 1 2 3; do
      floor=$(least "$floor" "$(network "$rate" "$flight")")
      ours=$(least "$ours" "$(ORTTO_RATE=$rate ORTTO_CONCURRENCY=$concurrency copy "$WORK/ours.db")")
      [ "$rate" = 0 ] || break
      memory=$(least "$memory" "$(ORTTO_RATE=$rate ORTTO_CONCURRENCY=$concurrency copy :memory:)")
      [ "$latency" != 200 ] || break
    done
    : "$turn"
    time[$latency,$rate]=$ours
    time[network,$latency,$rate]=$floor
    slow=$(awk -v s="$sequential" -v r="$rate" 'BEGIN { print (r > 0 && s > r * 500 ? r * 500 : s) }')
    time[sequential,$latency,$rate]=$slow
    of_floor[$latency,$each]=$(calc "$floor / ${memory:-$ours}")
    printf '    %5d ms %5d %9d | %9s %9s %9s %10s | %9.0f%% %9s %12.1f\n' "$latency" "$rate" "$flight" "$(thousands "$(calc "$total / $ours")")" \
      "${memory:+$(thousands "$(calc "$total / $memory")")}" "$(thousands "$(calc "$total / $floor")")" "$(thousands "$slow")" \
      "$(calc "100 * $floor / $ours")" "${memory:+$(printf '%.0f%%' "$(calc "100 * $floor / $memory")")}" "$(calc "$total / $ours / $slow")"
  done
done
control set '{"latency_ms":0}'
mkdir "$WORK/pages"
network 0 8 "$WORK/pages" >/dev/null
read -r cpu rows < <("$WORK/bench_cpu" "$WORK/cpu.db" "${fields// /,}" "$WORK"/pages/*.json)
read -r reader cjson yyjson < <("$WORK/bench_reader" "$WORK"/pages/00000*.json)
rm -rf "$WORK/pages"
[ "$rows" = "$total" ] || echo "    (the floors read $rows rows)"
echo
floors=$(calc "${time[network,0,0]} + $cpu")
printf '    Without latency and limit: ours %.2f s; network %.2f s, then cpu %.2f s, together %.2f s.\n' "${time[0,0]}" "${time[network,0,0]}" "$cpu" "$floors"
printf '    Reading alone, ten pages: ours %.2f ms, cJSON %.2f ms, yyjson %.2f ms.\n' "$(calc "1000 * $reader")" "$(calc "1000 * $cjson")" "$(calc "1000 * $yyjson")"
target "$reader * 3 <= $cjson" "$(printf 'reading takes %.2f of what cJSON takes; to reach: a third' "$(calc "$reader / $cjson")")"
if awk "BEGIN { exit !($yyjson > 0) }"; then target "$reader <= 1.8 * $yyjson" "$(printf 'reading takes %.2f of what yyjson takes; to reach: 1.8' "$(calc "$reader / $yyjson")")"
else echo "  (yyjson is not there: libyyjson-dev, or YYJSON=DIR)"; fi
for rate in 30 10; do
  speed=$(calc "$total / ${time[200,$rate]}")
  share=$(calc "100 * $speed / ($rate * 500)")
  target "$share >= 95" "$(printf '200 ms, rate %d: %.1f %% of %s rows/s; to reach: 95 %%' $rate "$share" "$(thousands $((rate * 500)))")"
done
for latency in 50 200; do
  for flight in 8 16; do
    share=${of_floor[$latency,0,$flight]}
    target "$share >= 0.97" "$(printf '%d ms, no limit, %d in flight: into memory %.2f of the network; to reach: 0.97' $latency $flight "$share")"
  done
done
share=$(calc "100 * $floors / ${time[0,0]}")
target "$share >= 70" "$(printf 'no latency, no limit: %.0f %% of what the two floors one after the other allow; to reach: 70 %%' "$share")"
share=$(calc "$total / ${time[0,0]} / ${time[sequential,0,0]}")
target "$share >= 15" "$(printf 'no latency, no limit: %.1f times curl | jq | sqlite3; to reach: 15' "$share")"

# ---- the rate, with default settings -------------------------------------------------------
# A read of rows with few columns, so that neither side's processor is in the way. The share is that of the time
# between the first request after the first page and one that is a multiple of the rate later.

share_of() {   # share_of RATE PAGES
  sql :memory: <<S | tail -n 1
CREATE TABLE result AS SELECT id, email, first_name, last_name FROM temp.people LIMIT $(($2 * 500));
CREATE TABLE sent AS SELECT row_number() OVER (ORDER BY at) - 1 AS n, julianday(at) * 86400 AS at FROM ortto_log WHERE path = '/v1/person/get';
SELECT m * 100.0 / $1 / ((SELECT at FROM sent WHERE n = 1 + m) - (SELECT at FROM sent WHERE n = 1)), (SELECT max(ms) FROM ortto_log WHERE rows = 500)
  FROM (SELECT (max(n) - 1) / $1 * $1 AS m FROM sent);
S
}

echo
echo "(b) The rate, with the default concurrency (auto); to reach: 95 % of it after start-up"
for rate in 10 30; do
  for latency in 50 200 1000 2000; do
    control set "{\"latency_ms\":$latency}"
    IFS='|' read -r share slowest < <(ORTTO_RATE=$rate share_of $rate $((rate * 3 + 2)))
    target "$share >= 95" "$(printf 'rate %d, %4d ms (the slowest answer %d): %.1f %%' $rate $latency "$slowest" "$share")"
  done
done
control set '{"latency_ms":200}'
many() { sql :memory: <<<'.timer on
CREATE TABLE result AS SELECT id, email, first_name, last_name FROM temp.people LIMIT 20000;' | sed -nE 's/^Run Time: real ([0-9.]+).*/\1/p'; }
one=$(ORTTO_RATE=0 ORTTO_CONCURRENCY=1 many)
many=$(ORTTO_RATE=0 many)
control set '{"latency_ms":0}'
times=$(calc "$one / $many")
target "$times >= 8" "$(printf 'no rate, 200 ms, 20,000 rows: %.2f s, one by one %.2f s: %.1f times as fast; to reach: 8' "$many" "$one" "$times")"

# ---- single statements -----------------------------------------------------------------------

echo
echo "(c) SELECT email FROM people WHERE id IN (1,000 ids)"
read -r requests bytes took < <(cost 'SELECT email FROM temp.people WHERE id IN (SELECT id FROM some)' \
  'CREATE TEMP TABLE some AS SELECT id FROM temp.people LIMIT 1000;' | tr '|' ' ')
target "$requests == 10" "$requests requests, $(thousands "$bytes") bytes; to reach: 10 requests"

echo "(d) Three of $FIELDS columns"
read -r requests few took < <(cost 'SELECT id, email, first_name FROM temp.people' | tr '|' ' ')
read -r requests all took < <(cost 'SELECT * FROM temp.people' | tr '|' ' ')
target "$few * 6 <= $all" "$(thousands "$few") bytes of $(thousands "$all"): 1/$(printf '%.1f' "$(calc "$all / $few")"); to reach: a sixth"

echo "(e) SELECT count(*) FROM people"
read -r requests bytes took < <(cost 'SELECT count(*) FROM temp.people' | tr '|' ' ')
target "$requests == 1" "$requests request, $(thousands "$bytes") bytes; to reach: 1 request"

echo "(f) SELECT * FROM people LIMIT 10"
read -r requests bytes took < <(cost 'SELECT * FROM temp.people LIMIT 10' | tr '|' ' ')
target "$requests == 1" "$requests request, $(thousands "$bytes") bytes; to reach: 1 request"
: "$took"
stop_sandbox

# ---- a sync ------------------------------------------------------------------------------------

echo
echo "(g) A sync of 100,000 people that finds nothing changed; the best of two, by turns"
start_sandbox --people 100000
declare -A best=()
keep() { best[$1]+="$2 " best[cpu $1]+="$3 "; }   # keep WHAT SECONDS SECONDS-OF-THE-PROCESSOR
for _ in 1 2; do
  rm -f "$WORK/synced.db"
  read -r real cpu < <(synced); keep first "$real" "$cpu"
  read -r real cpu < <(synced); keep second "$real" "$cpu"
  read -r real cpu rows < <("$WORK/bench_hash" "$EXT" "$fields"); keep hash "$real" "$cpu"
done
stop_sandbox
for what in "${!best[@]}"; do
  best[$what]=$(tr ' ' '\n' <<<"${best[$what]}" | grep . | sort -g | head -n 1)
done
first=${best[first]} second=${best[second]} hashed=${best[hash]}
printf '    first %.2f s, unchanged %.2f s, fetch and hash of %s rows %.2f s\n' "$first" "$second" "$(thousands "$rows")" "$hashed"
printf '    of the processor alone: %.2f s, %.2f s, %.2f s\n' "${best[cpu first]}" "${best[cpu second]}" "${best[cpu hash]}"
target "$second <= 1.1 * $first" "$(printf '%.2f times the first; to reach: 1.1' "$(calc "$second / $first")")"
target "$second <= 1.8 * $hashed" "$(printf '%.2f times fetch and hash; to reach: 1.8' "$(calc "$second / $hashed")")"

# ---- memory ------------------------------------------------------------------------------------

echo
echo "Peak memory (VmHWM of the sqlite3 process) of a full copy into a file"
if [ -r /proc/self/status ]; then
  sizes=(10000 100000)
  [ -z "${FULL:-}" ] || sizes+=(1000000)
  for size in "${sizes[@]}"; do
    start_sandbox --people "$size"
    kb=$(memory)
    target "$kb < 65536" "$(thousands "$size") people: $(printf '%.1f' "$(calc "$kb / 1024")") MB; to reach: under 64 MB at any size"
    stop_sandbox
  done
  [ -n "${FULL:-}" ] || echo "  (make bench FULL=1: 1,000,000 people too)"
else
  echo "  (not measured: there is no /proc here)"
fi
echo
if [ $missed = 0 ]; then echo "All targets reached."; else echo "$missed targets not reached."; fi
