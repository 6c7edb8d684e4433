#!/usr/bin/env bash
# make matrix: the tests against other versions of SQLite than the system's, each built with the flags that current
# shells are built with (strict subtypes, no strings in double quotes, no trusted schema).
#
#   test/matrix.sh [VERSION...]     versions of npm's better-sqlite3, which carries SQLite's amalgamation;
#                                   newest and oldest if none is given
#   ONLY, SKIP, TIMEOUT             as for make test; DEBUG=1 builds SQLite with its assertions
#
# The amalgamations come from npm, the shell's source from Debian's source package (it may be older than the library:
# it uses the public interface alone). Both are kept in .build/sqlite.
set -euo pipefail
cd "$(dirname "$0")/.."

newest=13.2.0   # SQLite 3.54.1
oldest=8.0.0    # SQLite 3.40.0
fail() { echo "matrix: $*" >&2; exit 1; }
for tool in npm gcc apt-get; do command -v $tool >/dev/null || fail "$tool is missing"; done
top=$PWD/.build/sqlite
mkdir -p "$top"

# apt checks the signatures. The system's lists seldom have deb-src entries: copies of them do, in a folder of our own.
shell_source() {
  [ ! -s "$top/shell.c" ] || return 0
  local tmp file
  tmp=$(mktemp -d "$top/src.XXXXXX")
  mkdir -p "$tmp/parts" "$tmp/lists/partial" "$tmp/cache/archives/partial"
  : >"$tmp/sources.list"
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
    [ -f "$file" ] || continue
    sed -E 's/^deb([[:space:]])/deb-src\1/; s/^Types:.*/Types: deb-src/' "$file" >"$tmp/parts/$(basename "$file")"
  done
  apt=(apt-get -q -o APT::Sandbox::User=root -o Dir::Etc::SourceList="$tmp/sources.list" -o Dir::Etc::SourceParts="$tmp/parts"
       -o Dir::State::Lists="$tmp/lists" -o Dir::Cache="$tmp/cache")
  (cd "$tmp" && { "${apt[@]}" update || true; } && "${apt[@]}" source sqlite3) >"$top/fetch.log" 2>&1 ||
    { cat "$top/fetch.log" >&2; fail "no source of the shell"; }
  # What the shell takes in stands in it as lines INCLUDE file.
  (cd "$tmp"/sqlite3-*/src && awk '
    /^INCLUDE / { while ((getline line < $2) > 0) if (line !~ /^# *include "(sqlite3|test_windirent|windirent)/) print line
                  close($2); next }
    { print }' shell.c.in) >"$top/shell.c.new"
  mv "$top/shell.c.new" "$top/shell.c"
  rm -rf "$tmp"
}

# build VERSION: a folder with libsqlite3.so.0 and a shell that uses it
build() {
  local at=$top/$1${DEBUG:+-debug} from=$top/$1.src
  local flags=(-DSQLITE_STRICT_SUBTYPE=1 -DSQLITE_DQS=0 -DSQLITE_TRUSTED_SCHEMA=0 -DSQLITE_THREADSAFE=1 -DSQLITE_ENABLE_FTS5
    -DSQLITE_ENABLE_FTS4 -DSQLITE_ENABLE_FTS3_PARENTHESIS -DSQLITE_ENABLE_RTREE -DSQLITE_ENABLE_COLUMN_METADATA
    -DSQLITE_ENABLE_DBSTAT_VTAB -DSQLITE_ENABLE_STMTVTAB -DSQLITE_ENABLE_MATH_FUNCTIONS ${DEBUG:+-DSQLITE_DEBUG})
  if [ ! -x "$at/sqlite3" ]; then
    mkdir -p "$at" "$from"
    (cd "$from" && npm pack --silent "better-sqlite3@$1" >/dev/null && tar xzf ./*.tgz) || fail "npm has no better-sqlite3 $1"
    local c=$from/package/deps/sqlite3
    # Older releases carry an archive.
    [ -f "$c/sqlite3.c" ] || { mkdir -p "$c" && tar xzf "$from/package/deps/sqlite3.tar.gz" -C "$c"; }
    c=$(dirname "$(find "$from" -name sqlite3.c | head -n 1)")
    gcc -O1 -w -shared -fPIC -Wl,-soname,libsqlite3.so.0 "${flags[@]}" -o "$at/libsqlite3.so.0" "$c/sqlite3.c" -lm -lpthread -ldl
    gcc -O1 -w -I"$c" "${flags[@]}" -o "$at/sqlite3" "$top/shell.c" -L"$at" -l:libsqlite3.so.0 -lm -Wl,-rpath,"$at"
  fi
  echo "== SQLite $("$at/sqlite3" :memory: 'SELECT sqlite_version()')${DEBUG:+, with assertions}"
  PATH=$at:$PATH LD_LIBRARY_PATH=$at make -s check SKIP="${SKIP:-build|readme|bare|nightly|test_write|commit_kill}"
}

shell_source
[ $# -gt 0 ] || set -- $newest $oldest
failed=
for version; do build "$version" || failed="$failed $version"; done
[ -z "$failed" ] || fail "failed with$failed"
