# What make builds and installs: the entry point and nothing else is visible, install puts the
# extension where it says, a program can compile the extension in, and a closed connection leaves
# nothing behind. (The library stays loaded, so a leak checker takes what its variables still point
# to for used; here memory may not grow from one connection to the next.)
# sandbox: --people 600
# env: ORTTO_RATE=0
# shellcheck shell=bash
set -o pipefail
cd "$ROOT" || exit 1

check() {   # check NAME COMMAND...: one line of the result, with the command's words if it fails
  local name=$1 said
  shift
  if said=$("$@" 2>&1); then
    echo "ok $name"
  else
    printf '%s\n' "$said"
    echo "not ok $name"
  fi
}

symbols() {   # symbols FILE OPTION...: names, without the underscore of macOS
  local file=$1
  shift
  nm "$@" "$file" | awk '{ sub(/^_/, "", $NF); print $NF }'
}

exports_only_the_entry_point() {
  local seen
  seen=$(symbols "$EXT" -D --defined-only)
  [ "$seen" = sqlite3_ortto_init ] || { echo "exported: $seen"; return 1; }
}

takes_no_cjson_from_the_host() {
  ! symbols "$EXT" -D --undefined-only | grep -i cjson
}

loads_by_its_path() {
  $SQLITE3 -batch :memory: ".load ${EXT%.*}" 'SELECT ortto_version()' | grep -E '^[0-9]+\.[0-9]+'
}

installs_and_uninstalls() {
  local at=$TMPDIR/root file
  make -s install DESTDIR="$at" PREFIX=/opt/x || return
  file=$at/opt/x/lib/sqlite3/$(basename "$EXT")
  [ -f "$file" ] || { find "$at"; return 1; }
  $SQLITE3 -batch :memory: ".load ${file%.*}" 'SELECT ortto_version()' || return
  make -s uninstall DESTDIR="$at" PREFIX=/opt/x || return
  [ ! -e "$file" ]
}

# The program has a cJSON of its own, which must be neither in the way nor used.
can_be_compiled_in() {
  local lib=$B/libortto.a seen
  make -s static || return
  seen=$(symbols "$lib" -g --defined-only | grep -vE '^$|:$')
  [ "$seen" = sqlite3_ortto_init ] || { echo "visible: $seen"; return 1; }
  cat >"$TMPDIR/host.c" <<'C'
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
static long heap(void) { return (long)mallinfo2().uordblks; }
#else
static long heap(void) { return 0; }
#endif

int sqlite3_ortto_init(sqlite3 *, char **, const void *);
void *cJSON_Parse(const char *text) { (void)text; abort(); }
void cJSON_Delete(void *item) { (void)item; abort(); }

static int visit(void) {
  sqlite3 *db;
  if (sqlite3_open(":memory:", &db) != SQLITE_OK) return 1;
  int rc = sqlite3_exec(db, "SELECT ortto_version(), ortto_check();"
                            "CREATE TABLE copy AS SELECT * FROM ortto_people;"
                            "SELECT name FROM ortto_audiences LIMIT 1;", 0, 0, 0);
  if (rc != SQLITE_OK) puts(sqlite3_errmsg(db));
  sqlite3_exec(db, "SELECT nothing FROM ortto_people; SELECT ortto_config('nothing');", 0, 0, 0);
  return sqlite3_close(db) != SQLITE_OK || rc != SQLITE_OK;
}

int main(void) {
  long heap_before = 0;
  sqlite3_int64 sqlite_before = 0;
  sqlite3_auto_extension((void (*)(void))sqlite3_ortto_init);
  for (int i = 0; i < 12; i++) {
    if (visit()) return 1;
    if (i == 3) heap_before = heap(), sqlite_before = sqlite3_memory_used();
  }
  printf("%ld bytes of heap, %lld of SQLite's\n", heap() - heap_before,
         (long long)(sqlite3_memory_used() - sqlite_before));
  return 0;
}
C
  # shellcheck disable=SC2046
  "${CC:-cc}" -D_GNU_SOURCE -o "$TMPDIR/host" "$TMPDIR/host.c" "$lib" -lsqlite3 \
    $(pkg-config --libs libcurl 2>/dev/null || echo -lcurl) -lm -pthread &&
    GLIBC_TUNABLES=glibc.malloc.tcache_count=0 "$TMPDIR/host" | tee "$TMPDIR/left"
}

leaves_nothing_behind() {
  local heap sqlite
  read -r heap _ _ _ sqlite _ <"$TMPDIR/left" || return
  echo "eight connections later: $heap bytes more on the heap, $sqlite more in use by SQLite"
  # Less than one block of any kind for each connection; what malloc caches would count as used.
  [ "$heap" -lt 128 ] && [ "$sqlite" = 0 ]
}

says_how_to_get_cjson() {
  make -s CJSON="$TMPDIR" B="$TMPDIR/b" EXT="$TMPDIR/x.so" >"$TMPDIR/said" 2>&1 && return 1
  cat "$TMPDIR/said"
  grep -q 'make setup' "$TMPDIR/said"
}

[ "$(uname -s)" = Darwin ] ||
  check "exports only sqlite3_ortto_init" exports_only_the_entry_point
[ "$(uname -s)" = Darwin ] ||
  check "takes no cJSON from its host" takes_no_cjson_from_the_host
check "loads by its path" loads_by_its_path
check "make install, make uninstall" installs_and_uninstalls
check "make static" can_be_compiled_in
check "a closed connection leaves nothing behind" leaves_nothing_behind
check "without cJSON, make says what to do" says_how_to_get_cjson
