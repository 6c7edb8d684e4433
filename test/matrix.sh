#!/usr/bin/env bash
# make matrix: the tests against other versions of SQLite than the system's, each built with the flags that current
# shells are built with (strict subtypes, no strings in double quotes, no trusted schema).
#
#   test/matrix.sh [WHICH...]   oldest (3.40, the oldest that is accepted), middle (3.45, which began to check
#                               subtypes), newest (the newest that there is), debug (the newest with SQLite's own
#                               assertions, which catch misuse of its API), or a version of npm's better-sqlite3;
#                               without any: these four
#   ONLY, SKIP, TIMEOUT         as for make test
#
# The amalgamations come from npm, whose better-sqlite3 carries them, the shell's source from Debian's source package
# (it may be older than the library: it uses the public interface alone). Both are kept in .build/sqlite.
# Ends with 75 and a line 'skipped: ...' where they cannot be had, and with 1 where a test failed.
set -euo pipefail
cd "$(dirname "$0")/.."

oldest=8.0.0    # SQLite 3.40.0
middle=9.3.0    # SQLite 3.45.0
newest=13.2.0   # SQLite 3.54.1, where npm cannot say what is the newest now

# build.test.sh builds and readme.test.sh shows what only the system's own SQLite gives.
SKIP=${SKIP:-build|readme}
flags=(-DSQLITE_STRICT_SUBTYPE=1 -DSQLITE_DQS=0 -DSQLITE_TRUSTED_SCHEMA=0 -DSQLITE_THREADSAFE=1 -DSQLITE_ENABLE_FTS5
  -DSQLITE_ENABLE_FTS4 -DSQLITE_ENABLE_FTS3_PARENTHESIS -DSQLITE_ENABLE_RTREE -DSQLITE_ENABLE_COLUMN_METADATA
  -DSQLITE_ENABLE_DBSTAT_VTAB -DSQLITE_ENABLE_STMTVTAB -DSQLITE_ENABLE_MATH_FUNCTIONS)
top=$PWD/.build/sqlite
mkdir -p "$top"
tmp=$(mktemp -d "$top/src.XXXXXX")
trap 'rm -rf "$tmp"' EXIT

skipped() { echo "skipped: make matrix: $*"; exit 75; }
for tool in npm gcc apt-get; do command -v $tool >/dev/null || skipped "$tool is missing"; done

# apt checks the signatures. The system's lists seldom have deb-src entries: copies of them do, in a folder of our own.
shell_source() {
  [ ! -s "$top/shell.c" ] || return 0
  test/debian_source.sh sqlite3 "$tmp" 2>"$top/fetch.log" ||
    { tail -n 3 "$top/fetch.log" >&2; skipped "no source of SQLite's shell from apt-get"; }
  # What the shell takes in stands in it as lines INCLUDE file.
  (cd "$tmp"/sqlite3-*/src && awk '
    /^INCLUDE / { while ((getline line < $2) > 0) if (line !~ /^# *include "(sqlite3|test_windirent|windirent)/) print line
                  close($2); next }
    { print }' shell.c.in) >"$top/shell.c.new"
  mv "$top/shell.c.new" "$top/shell.c"
}

amalgamation() {   # amalgamation VERSION: its folder is .build/sqlite/VERSION.src
  local at=$top/$1.src
  [ ! -f "$at/sqlite3.c" ] || return 0
  rm -rf "${tmp:?}/$1"
  mkdir "$tmp/$1"
  (cd "$tmp/$1" && npm pack --silent "better-sqlite3@$1" && tar xzf ./*.tgz) >"$top/fetch.log" 2>&1 ||
    { tail -n 3 "$top/fetch.log" >&2; skipped "no better-sqlite3 $1 from npm"; }
  mv "$tmp/$1/package/deps/sqlite3" "$at"
}

build() {   # build VERSION FOLDER [FLAG]: a libsqlite3.so.0, and a shell that uses it
  [ ! -x "$2/sqlite3" ] || return 0
  mkdir -p "$2"
  gcc -O1 -w -shared -fPIC -Wl,-soname,libsqlite3.so.0 "${flags[@]}" ${3:+"$3"} -o "$2/libsqlite3.so.0" \
    "$top/$1.src/sqlite3.c" -lm -lpthread -ldl
  gcc -O1 -w -I"$top/$1.src" "${flags[@]}" -o "$2/sqlite3" "$top/shell.c" -L"$2" -l:libsqlite3.so.0 -lm -Wl,-rpath,"$2"
}

against() {   # against WHICH: the tests
  local version=$1 at debug=
  case $1 in
    oldest) version=$oldest ;;
    middle) version=$middle ;;
    newest | debug) version=$(timeout 60 npm view better-sqlite3 version 2>/dev/null) || version=$newest ;;
  esac
  [ "$1" != debug ] || debug=-DSQLITE_DEBUG
  at=$top/$version${debug:+-debug}
  amalgamation "$version"
  build "$version" "$at" $debug
  echo "== SQLite $("$at/sqlite3" :memory: 'SELECT sqlite_version()')${debug:+, with its assertions}"
  PATH=$at:$PATH LD_LIBRARY_PATH=$at SKIP=$SKIP make -s check
}

shell_source
if [ "${1:-}" = sources ]; then   # only those: .build/sqlite/shell.c, and the folder of SQLite's that is said
  amalgamation $oldest
  echo "$top/$oldest.src"
  exit
fi
[ $# -gt 0 ] || set -- oldest middle newest debug
failed=
for which; do
  # Not behind ||, where errexit would not reach into the function.
  set +e
  (set -e; against "$which")
  status=$?
  set -e
  case $status in
    0) ;;
    75) [ -n "$failed" ] || exit 75; break ;;   # what failed before has failed
    *) failed="$failed $which" ;;
  esac
done
[ -z "$failed" ] || { echo "make matrix: failed with:$failed" >&2; exit 1; }
