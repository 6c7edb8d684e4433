#!/usr/bin/env bash
# The whole extension in one file: it compiles without a warning, loads, is compiled in, beside SQLite and in one
# unit with it, and works the same.
# sandbox: --people 60 --accounts 5
# env: ORTTO_RATE=0
# shellcheck shell=bash
set -o pipefail
passed() { echo "ok $1"; }
failed() { echo "not ok $1"; }
check() { # name, what came, what is right
  if [ "$2" = "$3" ]; then passed "$1"; else printf 'expected:\n%s\ngot:\n%s\n' "$3" "$2"; failed "$1"; fi
}
cd "$ROOT" || exit 1
cjson=${CJSON:-$(find .build/cjson -maxdepth 2 -name cJSON.c -printf '%h\n' 2>/dev/null | head -n 1)}
[ -n "$cjson" ] || { echo "ok the amalgamation # skip no cJSON.c (CJSON=DIR, or test/setup.sh ci)"; exit 0; }
# shellcheck disable=SC2046
libs=$(pkg-config --libs libcurl 2>/dev/null || echo -lcurl)
at=$TMPDIR/one
mkdir -p "$at"
CC='' src/amalgamation.sh "$cjson" "$at/ortto.c" || { failed "made from the rooms"; exit 1; }
passed "made from the rooms"

ask='SELECT count(*) || '"' '"' || count(email) FROM ortto_people'
write='SELECT ortto_upsert('"'"'{"fields":{"email":"one@example.com"}}'"'"')->>'"'status'"
right=$("$SQLITE3" -batch -cmd ".load $EXT" :memory: "$ask")
# shellcheck disable=SC2086
said=$(gcc -std=c11 -O0 -Wall -Wextra -Wpedantic -shared -fPIC -o "$at/ortto.so" "$at/ortto.c" $libs -lm 2>&1)
check "gcc takes it without a warning" "$said" ""
check "only the entry point is visible" "$(nm -D --defined-only "$at/ortto.so" | awk '{ print $NF }')" sqlite3_ortto_init
check "loaded, it reads" "$("$SQLITE3" -batch -cmd ".load $at/ortto.so" :memory: "$ask" 2>&1)" "$right"
if command -v clang >/dev/null; then
  check "clang takes it without a warning" \
    "$(clang -std=c11 -fsyntax-only -Wall -Wextra -Wpedantic "$at/ortto.c" 2>&1)" ""
else
  echo "ok clang takes it # skip there is no clang"
fi

cat >"$at/host.c" <<'C'
#ifdef ONE_UNIT
#include "sqlite3.c"
#include "ortto.c"
#else
#include <sqlite3.h>
int sqlite3_ortto_init(sqlite3 *db, char **error, const void *api);
#endif
#include <stdio.h>
int main(int argc, char **argv){
  sqlite3 *db;
  sqlite3_stmt *s;
  sqlite3_auto_extension((void (*)(void))sqlite3_ortto_init);
  if( argc<2 || sqlite3_open(":memory:", &db) ) return 1;
  if( sqlite3_prepare_v2(db, argv[1], -1, &s, NULL) ){ puts(sqlite3_errmsg(db)); return 1; }
  while( sqlite3_step(s)==SQLITE_ROW ) puts((const char *)sqlite3_column_text(s, 0));
  sqlite3_finalize(s);
  return sqlite3_close(db);
}
C
ask="SELECT * FROM ($ask)"
# shellcheck disable=SC2086
said=$(gcc -O0 -Wall -Wextra -Wno-cast-function-type -DSQLITE_CORE -o "$at/beside" "$at/host.c" "$at/ortto.c" \
       -lsqlite3 $libs -lm -lpthread 2>&1)
check "compiled in beside SQLite without a warning" "$said" ""
check "compiled in, it reads" "$("$at/beside" "$ask" 2>&1)" "$right"

unit=$(find .build/sqlite -name sqlite3.c 2>/dev/null | sort | tail -n 1)
if [ -n "$unit" ]; then
  # shellcheck disable=SC2086
  said=$(gcc -O0 -DONE_UNIT -DSQLITE_CORE -I"$(dirname "$unit")" -I"$at" -o "$at/unit" "$at/host.c" \
         $libs -lm -lpthread -ldl 2>&1)
  check "in one unit with sqlite3.c without a warning" "$said" ""
  check "in one unit, it reads" "$("$at/unit" "$ask" 2>&1)" "$right"
else
  echo "ok in one unit with sqlite3.c # skip there is no sqlite3.c (make matrix fetches it)"
fi
check "loaded, it writes" "$("$SQLITE3" -batch -cmd ".load $at/ortto.so" :memory: "$write" 2>&1)" 200
