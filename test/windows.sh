#!/usr/bin/env bash
# make test-windows: the SQL scripts, and the shell tests that make sense there, with ortto.dll in a sqlite3.exe under
# wine. The sandbox and what the tests use beside it stay programs of this machine.
#
#   ONLY, SKIP, JOBS, TIMEOUT   as for make test
#
# SQLite's source is that of make matrix (npm, apt-get). Ends with 75 and a line 'skipped: ...' where something cannot
# be had, and with 1 where a test failed.
set -euo pipefail
cd "$(dirname "$0")/.."
top=$PWD/.build/windows

skipped() { echo "skipped: make test-windows: $*"; exit 75; }
wine=$(PATH=/usr/lib/wine:$PATH command -v wine64) || skipped "wine64 is missing (apt-get install wine wine64)"
[ -s "$top/ortto.dll" ] || skipped "there is no ortto.dll (make dist-windows)"

if [ ! -x "$top/sqlite3.exe" ] || [ test/windows_shell.c -nt "$top/sqlite3.exe" ]; then
  sources=$(test/matrix.sh sources) || skipped "no source of SQLite: $sources"
  x86_64-w64-mingw32-gcc -O1 -w -municode -static -D_WIN32_WINNT=0x0601 -D__USE_MINGW_ANSI_STDIO=1 \
    -DSQLITE_SHELL_IS_UTF8=0 -DSQLITE_DQS=0 -DSQLITE_ENABLE_FTS5 -DSQLITE_ENABLE_RTREE -DSQLITE_ENABLE_COLUMN_METADATA \
    -DSQLITE_ENABLE_DBSTAT_VTAB -DSQLITE_ENABLE_STMTVTAB -DSQLITE_ENABLE_MATH_FUNCTIONS \
    -I"$sources" -I.build/sqlite -o "$top/sqlite3.exe" test/windows_shell.c "$sources/sqlite3.c"
fi

# One server of wine's for all tests: it is what knows who has a file open. Without TMPDIR each test would have its own.
mkdir -p "$top/bin" "$top/tmp" "$top/wine"
cat >"$top/bin/in_wine" <<WINE
#!/bin/sh
export WINEPREFIX='$top/wine' WINEDEBUG=-all LC_ALL=C.UTF-8 TMPDIR='$top/tmp'
exec "\$@"
WINE
cat >"$top/bin/sqlite3" <<SQLITE3
#!/bin/sh
exec '$top/bin/in_wine' '$wine' '$top/sqlite3.exe' "\$@"
SQLITE3
chmod +x "$top"/bin/*
"$top/bin/in_wine" wineserver -p
trap '"$top/bin/in_wine" wineserver -k >/dev/null 2>&1' EXIT
"$top/bin/sqlite3" :memory: 'SELECT 1' >"$top/wine.log" 2>&1 || { cat "$top/wine.log" >&2; skipped "wine does not start"; }

# Left out: those that build, run other programs with the extension in them, put a library in front of the shell or
# limit it as Linux does; and what wine draws on a terminal is more than what was written there.
WINDOWS=1 PATH=$top/bin:$PATH EXT=$top/ortto.dll TIMEOUT=${TIMEOUT:-600} ONLY=${ONLY:-'^sql/|\.test\.sh$'} \
  SKIP=${SKIP:-'^(amalgamation|build|readme|old_libcurl|picture|limits|progress|hosts.*|window|page|beyond|fresh)\.test'} test/run.sh
