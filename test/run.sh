#!/usr/bin/env bash
# Runs the tests; make test builds what they need and calls this.
#
#   test/c/test_*.c        C tests: cmocka programs, built as .build/test_*
#   test/sql/*.sql         SQL tests: go through the sqlite3 shell, and what it prints must equal
#                          the .out file beside them
#   test/shell/*.test.sh   shell tests: print a line 'ok NAME' or 'not ok NAME' per check
#
# A test's name is test_clock, sql/people.sql, readme.test.sh.
#
# Each test gets a fresh folder to work in (ortto.so is in it; $TMPDIR is it), an environment
# without the caller's ORTTO_ and proxy settings, and, if it asks, a sandbox server
# ($ORTTO_API_URL) of its own. It asks in its first ten lines, in its own kind of comment:
#
#   -- sandbox: --people 1200 --hostile     options of the server; for SQL tests one runs anyway
#   -- env: ORTTO_RATE=0 ORTTO_RETRIES=1    settings
#
# SQL tests find the extension loaded, unless they have a .load of their own. In their output
# the server's port becomes PORT, the folder's name DIR, and every error 'Error near line N'.
#
# Shell tests find in the environment ROOT (the project), EXT (the extension), SANDBOX (the
# server) and SQLITE3 (the shell to use; plain sqlite3 is the same one).
#
# Set from outside: ONLY='sql/people|readme' (regular expression: run these), SKIP (leave these),
# UPDATE=1 (write the .out files), JOBS (2), TIMEOUT (120 seconds each), JITTER (milliseconds that requests may
# come late at the sandbox, each as it happens: finds what relies on the order of those in flight), B and EXT (what to
# test), PRELOAD (a sanitizer's library), VALGRIND (words to put before sqlite3), RUNNER (before a C test).
set -uo pipefail
ROOT=$(cd "$(dirname "$0")/.." && pwd)
cd "$ROOT" || exit 1
# shellcheck source=test/lib.sh
. test/lib.sh

B=${B:-.build}
EXT=${EXT:-ortto.so}
JOBS=${JOBS:-2}
TIMEOUT=${TIMEOUT:-120}
case $B in /*) ;; *) B=$ROOT/$B ;; esac
case $EXT in /*) ;; *) EXT=$ROOT/$EXT ;; esac
SANDBOX=$B/ortto_sandbox
for name in $(compgen -e); do
  case $name in ORTTO_* | *_proxy | *_PROXY) unset "$name" ;; esac
done
export ROOT B EXT SANDBOX LC_ALL=C TZ=UTC

# The sqlite3 that the tests find first is a script that starts the real one line-buffered,
# for otherwise errors overtake results in a pipe, and with whatever is to watch it.
make_shell() {
  local run='' real
  real=$(command -v sqlite3) || { echo "sqlite3 is missing: make setup" >&2; return 1; }
  mkdir -p "$WORK/bin"
  if [ -n "${PRELOAD:-}" ]; then
    # What the shell itself starts must not be preloaded: curl hangs then.
    echo '#include <stdlib.h>
      __attribute__((constructor)) static void once(void) { unsetenv("LD_PRELOAD"); }' |
      "${CC:-cc}" -shared -fPIC -o "$WORK/once.so" -x c - || return
    run="env LD_PRELOAD='$PRELOAD $WORK/once.so '\"\$LD_PRELOAD\" "
  fi
  run="exec $run${VALGRIND:+$VALGRIND }$real \"\$@\""
  if command -v stdbuf >/dev/null; then
    printf '%s\n' '#!/bin/sh' "$run" >"$WORK/bin/watched"
    run="exec stdbuf -oL '$WORK/bin/watched' \"\$@\""
  fi
  printf '%s\n' '#!/bin/sh' "$run" >"$WORK/bin/sqlite3"
  chmod +x "$WORK"/bin/*
}

WORK=$(mktemp -d)
make_shell || exit
if [ -n "${JITTER:-}" ]; then
  printf '%s\n' '#!/bin/sh' "exec '$SANDBOX' \"\$@\" --jitter '$JITTER'" >"$WORK/bin/ortto_sandbox"
  chmod +x "$WORK/bin/ortto_sandbox"
  SANDBOX=$WORK/bin/ortto_sandbox
fi
export PATH=$WORK/bin:$PATH SQLITE3=sqlite3
SANITIZER_LOG=$WORK/report
# A report goes to a file, so that it is found whatever the test does with its output.
export ASAN_OPTIONS="detect_leaks=1:exitcode=86:log_path=$SANITIZER_LOG${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
export UBSAN_OPTIONS="print_stacktrace=1:log_path=$SANITIZER_LOG${UBSAN_OPTIONS:+:$UBSAN_OPTIONS}"

passed=0 failed=0 skipped=0 running=()

finish() {
  local pids
  pids=$(jobs -p)
  # shellcheck disable=SC2086
  [ -z "$pids" ] || kill $pids 2>/dev/null
  wait
  rm -rf "$WORK"
}
trap finish EXIT
trap 'exit 130' INT TERM

# ---- running one test -------------------------------------------------------------

header() {   # header sandbox FILE: what the comment '-- sandbox: ...' says
  sed -nE "1,10s#^(--|/?\\*+|//|\\#) $1: *##p" "$2" | sed 's# *\*/$##' | head -n 1
}

limited() {   # runs a command for at most TIMEOUT seconds, and not longer than this test
  local pid status
  if command -v timeout >/dev/null; then set -- timeout -k 5 "$TIMEOUT" "$@"; fi
  "$@" &
  pid=$!
  trap 'kill $pid 2>/dev/null; exit 143' TERM INT
  wait "$pid"
  status=$?
  trap - TERM INT
  case $status in
    124 | 137) echo "timeout: not finished after $TIMEOUT s" ;;
    86) echo "a sanitizer or valgrind has reported an error" ;;
    12[5-9] | 13? | 14? | 15?) echo "ended with status $status" ;;
  esac
  return $status
}

prepare() {   # prepare DIR SOURCE: environment, folder and server of one test
  local dir=$1 source=$2 options settings
  mkdir -p "$dir"
  cd "$dir" || return
  export TMPDIR=$dir HOME=$dir
  SANITIZER_LOG=$dir.report
  ASAN_OPTIONS=${ASAN_OPTIONS/"$WORK/report"/"$SANITIZER_LOG"}
  UBSAN_OPTIONS=${UBSAN_OPTIONS/"$WORK/report"/"$SANITIZER_LOG"}
  ln -s "$EXT" .
  options=$(header sandbox "$source")
  case $options:$source in
    ?*:* | *.sql) eval "start_sandbox $options" || return ;;
  esac
  settings=$(header env "$source")
  [ -z "$settings" ] || eval "export $settings"
}

# Each kind leaves ok / not ok lines in $result, and what a person wants to see of a failure.

run_c() {
  local name=$1 result=$2 status
  # shellcheck disable=SC2086
  CMOCKA_MESSAGE_OUTPUT=tap limited ${RUNNER:-} "$B/$name" >"$result" 2>&1
  status=$?
  # A skipped test is 'not ok' in cmocka's words.
  sed -i.bak -E 's/^not ok [0-9]+ # SKIP (.*)/ok \1 # skip/; s/^(not )?ok [0-9]+ - /\1ok /' "$result"
  if [ "$status" != 0 ] && ! grep -q '^not ok ' "$result"; then
    echo "not ok $name (status $status)" >>"$result"
  fi
}

run_sh() {
  local name=$1 result=$2 status
  limited bash "$ROOT/test/shell/$name" >"$result" 2>&1
  status=$?
  if [ "$status" != 0 ] && ! grep -q '^not ok ' "$result"; then
    echo "not ok $name (status $status)" >>"$result"
  fi
}

run_sql() {
  local name=$1 result=$2 script=$ROOT/test/$1 expected load=() port status
  expected=${script%.sql}.out
  grep -q '^\.load' "$script" || load=(-cmd ".load ./ortto")
  limited "$SQLITE3" -batch "${load[@]}" :memory: <"$script" >"$result.raw" 2>&1
  status=$?
  port=${ORTTO_API_URL##*:}
  # Shells differ in how they begin an error.
  sed -E "s#:$port#:PORT#g; s#$PWD#DIR#g; s/^(Runtime|Parse) error near line/Error near line/" "$result.raw" >"$result.out"
  if [ $status -gt 1 ]; then
    { cat "$result.out"; echo "not ok $name (status $status)"; } >"$result"
  elif [ -n "${UPDATE:-}" ]; then
    cp "$result.out" "$expected" && echo "ok $name (written)" >"$result"
  elif [ ! -f "$expected" ]; then
    { cat "$result.out"; echo "not ok $name (no ${expected#"$ROOT"/}: UPDATE=1 writes it)"; } >"$result"
  elif diff -u "$expected" "$result.out" >"$result.diff"; then
    echo "ok $name" >"$result"
  else
    { cat "$result.diff"; echo "not ok $name"; } >"$result"
  fi
}

run_one() {
  local name=$1 result=$WORK/$2 source kind begin=$SECONDS
  case $name in
    test_*) kind=run_c source=$ROOT/test/c/$name.c ;;
    *.sql) kind=run_sql source=$ROOT/test/$name ;;
    *) kind=run_sh source=$ROOT/test/shell/$name ;;
  esac
  if prepare "$result.dir" "$source" 2>"$result.err"; then
    $kind "$name" "$result"
  else
    { cat "$result.err"; echo "not ok $name (not started)"; } >"$result"
  fi
  [ -z "${sandbox_pid:-}" ] || stop_sandbox
  if cat "$SANITIZER_LOG"* >"$result.san" 2>/dev/null && [ -s "$result.san" ]; then
    cat "$result.san" >>"$result"
    grep -q '^not ok ' "$result" || echo "not ok $name (reports above)" >>"$result"
  fi
  grep -qE '^(not )?ok ' "$result" || echo "not ok $name (no test in it)" >>"$result"
  echo $((SECONDS - begin)) >"$result.time"
}

# ---- all of them ------------------------------------------------------------------

# Those that take longest begin first, so that none is left alone at the end.
LONG='^(test_(differential|programs|sync|sync_meet|oom|write)|(sync_kill|commit_kill|readme|progress|build|amalgamation)\.test\.sh)$'
list_tests() {
  all_tests | grep -E "$LONG"
  all_tests | grep -vE "$LONG"
}
all_tests() {
  local source
  for source in test/c/test_*.c; do
    [ -f "$source" ] && basename "$source" .c
  done
  for source in test/sql/*.sql; do
    [ -f "$source" ] && echo "${source#test/}"
  done
  for source in test/shell/*.test.sh; do
    [ -f "$source" ] && basename "$source"
  done
}

report() {   # report NAME NUMBER: prints and counts one result
  local result=$WORK/$2 good bad left
  good=$(grep -cE '^ok ' "$result")
  bad=$(grep -cE '^not ok ' "$result")
  left=$(grep -ciE '^ok .*# *skip' "$result")
  good=$((good - left))
  passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + left))
  grep -iE '^ok .*# *skip' "$result" | sed -E "s|^ok |skipped: $1: |; s| *# *skip *| (|I; s|\$|)|; s| \\(\\)\$||" >>"$WORK/skips"
  if [ "$bad" = 0 ]; then
    printf 'ok      %-36s %4d passed  %3d s\n' "$1" "$good" "$(cat "$result.time")"
  else
    printf 'FAILED  %-36s %4d passed, %d failed\n' "$1" "$good" "$bad"
    sed 's/^/        /' "$result"
  fi
  rm -rf "$result.dir"
}

report_finished() {   # prints, in order, those that are done; with 'all' waits for the rest
  while [ "$next" -lt "${#running[@]}" ]; do
    if [ "${1:-}" = all ]; then
      wait "${running[$next]}"
    elif kill -0 "${running[$next]}" 2>/dev/null; then
      return
    fi
    report "${names[$next]}" "$next"
    next=$((next + 1))
  done
}

mapfile -t names < <(list_tests | grep -E -- "${ONLY:-.}" | grep -vE -- "${SKIP:-^$}")
next=0
mkfifo "$WORK/slots"
exec {slots}<>"$WORK/slots"
for ((i = 0; i < JOBS; i++)); do echo >&"$slots"; done
for ((i = 0; i < ${#names[@]}; i++)); do
  read -r -u "$slots" _
  report_finished
  (
    trap 'echo >&"$slots"' EXIT
    run_one "${names[$i]}" "$i"
  ) </dev/null &
  running+=($!)
done
report_finished all

[ "$skipped" = 0 ] || { cat "$WORK/skips"; echo "$skipped skipped"; }
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
