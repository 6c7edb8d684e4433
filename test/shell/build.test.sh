# What make builds and installs: the entry point and nothing else is visible, install puts the
# extension where it says, a program can compile the extension in, with the system's cJSON or one
# of its own, and a closed connection leaves nothing behind. (The library stays loaded, so a leak checker takes what its variables still point
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

make_apart() {   # make, without what the make that runs these tests was given, and into a folder of its own
  env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS -u CJSON make -s CC="${CC:-cc}" CFLAGS=-O0 \
    B="$TMPDIR/apart" EXT="$TMPDIR/apart/ortto.so" "$@"
}

# A folder for CJSON=DIR. Its cJSON.c hands all that the header declares on to the system's library,
# found when the program runs, so that nothing of it is linked.
write_cjson() {
  local header=$TMPDIR/system.h
  # shellcheck disable=SC2046
  echo '#include <cjson/cJSON.h>' | "${CC:-cc}" $(pkg-config --cflags libcjson 2>/dev/null) -E -x c - 2>/dev/null |
    sed -nE 's/^# [0-9]+ "(.*cJSON\.h)".*/\1/p' | head -n 1 >"$header"
  header=$(cat "$header")
  [ -f "$header" ] || return
  mkdir -p "$TMPDIR/cjson"
  cp "$header" "$TMPDIR/cjson/cJSON.h"
  {
    printf '%s\n' '#include "cJSON.h"' '#include <dlfcn.h>' '#include <stdlib.h>' \
      'static void *find(const char *name) {' \
      '  void *lib = dlopen("libcjson.so.1", RTLD_NOW | RTLD_LOCAL), *f = lib ? dlsym(lib, name) : 0;' \
      '  if (!f) abort();' '  return f;' '}'
    sed -nE 's/^CJSON_PUBLIC\(([^)]*)\) *(cJSON_[A-Za-z]+)\((.*)\);.*/\1|\2|\3/p' "$header" | awk -F'|' '{
      n = $3 == "void" ? 0 : split($3, part, ",")
      given = ""
      for (i = 1; i <= n; i++) {
        match(part[i], /[A-Za-z_0-9]+$/)
        given = given (i > 1 ? ", " : "") substr(part[i], RSTART)
      }
      printf "%s %s(%s) { %s((%s (*)(%s))find(\"%s\"))(%s); }\n", $1, $2, $3,
        $1 == "void" ? "" : "return ", $1, $3, $2, given
    }'
  } >"$TMPDIR/cjson/cJSON.c"
}

# Of what is linked, no more than is used; of SQLite nothing, for the host brings it; of cJSON
# nothing that all users of the library in a process share.
imports_only_what_it_needs() {
  local libs
  libs=$(readelf -d "$EXT" | sed -nE 's/.*\(NEEDED\).*\[(lib[a-z]+).*/\1/p')
  if grep -vxE 'lib(curl|cjson|m|c|pthread|asan|ubsan)' <<<"$libs"; then return 1; fi
  grep -qx libcjson <<<"$libs" || { echo "$libs"; return 1; }
  if symbols "$EXT" -D --undefined-only | grep -E '^sqlite3_|^cJSON_(GetErrorPtr|InitHooks)$'; then return 1; fi
  symbols "$EXT" -D --undefined-only | grep '^cJSON_'
}

takes_no_cjson_from_the_host() {
  local ext=$TMPDIR/apart/ortto.so seen
  make_apart CJSON="$TMPDIR/cjson" LDLIBS=-ldl || return
  seen=$(symbols "$ext" -D --defined-only)
  [ "$seen" = sqlite3_ortto_init ] || { echo "exported: $seen"; return 1; }
  if symbols "$ext" -D --undefined-only | grep -i cjson; then return 1; fi
  if readelf -d "$ext" | grep -i 'NEEDED.*cjson'; then return 1; fi
  nm "$ext" | grep ' t cJSON_PrintUnformatted$' >/dev/null || { echo "no cJSON is in it"; return 1; }
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

# A program with the extension in it, which opens and closes connections and says what they left.
write_host() {
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
#ifdef OWN_CJSON   /* one that is neither in the way nor used */
#define OWN(name) void cJSON_##name(void) { abort(); }
OWN(Parse) OWN(ParseWithLength) OWN(ParseWithLengthOpts) OWN(Delete) OWN(CreateObject) OWN(CreateArray)
OWN(AddStringToObject) OWN(AddItemToObject) OWN(AddItemToArray) OWN(PrintUnformatted) OWN(IsString)
#endif

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
}

visible_is_the_entry_point() {   # visible_is_the_entry_point LIBRARY
  local seen
  seen=$(symbols "$1" -g --defined-only | grep -vE '^$|:$')
  [ "$seen" = sqlite3_ortto_init ] || { echo "visible: $seen"; return 1; }
}

run_host() {   # run_host LIBRARY OPTION...
  local lib=$1
  shift
  # shellcheck disable=SC2046
  "${CC:-cc}" -D_GNU_SOURCE -o "$TMPDIR/host" "$TMPDIR/host.c" "$lib" "$@" -lsqlite3 \
    $(pkg-config --libs libcurl 2>/dev/null || echo -lcurl) -lm -pthread &&
    GLIBC_TUNABLES=glibc.malloc.tcache_count=0 "$TMPDIR/host" | tee "$TMPDIR/left"
}

can_be_compiled_in() {
  make -s static || return
  visible_is_the_entry_point "$B/libortto.a" || return
  # shellcheck disable=SC2046
  run_host "$B/libortto.a" $(pkg-config --libs libcjson 2>/dev/null || echo -lcjson)
}

can_be_compiled_in_with_cjson() {
  local lib=$TMPDIR/apart/libortto.a
  make_apart CJSON="$TMPDIR/cjson" static || return
  visible_is_the_entry_point "$lib" || return
  if symbols "$lib" --undefined-only | grep -i cjson; then return 1; fi
  run_host "$lib" -DOWN_CJSON -ldl
}

leaves_nothing_behind() {
  local heap sqlite
  read -r heap _ _ _ sqlite _ <"$TMPDIR/left" || return
  echo "eight connections later: $heap bytes more on the heap, $sqlite more in use by SQLite"
  # Less than one block of any kind for each connection; what malloc caches would count as used.
  [ "$heap" -lt 128 ] && [ "$sqlite" = 0 ]
}

says_where_the_sandbox_is() {
  local at
  at=$(make_apart sandbox) || { echo "$at"; return 1; }
  [ -x "$at" ] || { echo "said: $at"; return 1; }
}

# No make, no flags but the libraries.
is_built_by_one_command() {
  shopt -s nullglob
  "${CC:-cc}" -shared -fPIC -o "$TMPDIR/plain.so" ortto_*.c src/*.c src/*/*.c -lcurl -lcjson -lm &&
    $SQLITE3 -batch :memory: ".load $TMPDIR/plain sqlite3_ortto_init" 'SELECT ortto_version()'
}

# A header that cannot be included stands for one that is not there.
without() {   # without HEADER MAKE'S-WORD...: what make says of it
  local gone=$TMPDIR/gone/$1
  rm -rf "$TMPDIR/gone" "$TMPDIR/apart"
  mkdir -p "$(dirname "$gone")" "$TMPDIR/none"
  echo '#error not there' >"$gone"
  shift
  if PKG_CONFIG_PATH='' PKG_CONFIG_LIBDIR=$TMPDIR/none make_apart CPPFLAGS="-I$TMPDIR/gone" "$@" >"$TMPDIR/said" 2>&1; then
    echo "make has found it"
    return 1
  fi
  cat "$TMPDIR/said"
  # Said before anything is compiled, and once.
  [ "$(grep -c missing "$TMPDIR/said")" = 1 ] && [ "$(wc -l <"$TMPDIR/said")" -le 4 ] &&
    ! grep -q '#error' "$TMPDIR/said"
}

says_how_to_get() {   # says_how_to_get HEADER PACKAGE LIBRARY TARGET...
  local header=$1 package=$2 library=$3
  shift 3
  without "$header" "$@" &&
    grep -q "^missing: $header\$" "$TMPDIR/said" && grep -q 'make setup' "$TMPDIR/said" &&
    grep -q "apt-get install $package\$" "$TMPDIR/said" && grep -q "elsewhere.*: $library\$" "$TMPDIR/said"
}

wants_cjson_where_it_was_told() {
  mkdir -p "$TMPDIR/none"
  make_apart CJSON="$TMPDIR/none" >"$TMPDIR/said" 2>&1 && return 1
  cat "$TMPDIR/said"
  grep -qF "CJSON=$TMPDIR/none" "$TMPDIR/said" && [ "$(wc -l <"$TMPDIR/said")" -le 3 ]
}

# Where nothing says how to link them, the libraries' own names do.
needs_no_pkg_config() {
  make_apart -n PKG_CONFIG=false | grep -E -- '-shared .* -lcurl.* -lcjson -lm *$'
}

# Nothing is installed, says this system; whoever then calls apt-get is found.
installs_nothing() {
  local target
  mkdir -p "$TMPDIR/bin"
  printf '%s\n' '#!/bin/sh' "echo \"\$0 \$*\" >>'$TMPDIR/installed'" >"$TMPDIR/bin/apt-get"
  cp "$TMPDIR/bin/apt-get" "$TMPDIR/bin/sudo"
  printf '%s\n' '#!/bin/sh' >"$TMPDIR/bin/dpkg-query"
  chmod +x "$TMPDIR"/bin/*
  for target in sandbox bench check lint; do
    PATH=$TMPDIR/bin:$PATH without microhttpd.h "$target" >"$TMPDIR/out" 2>&1
    grep -q 'make setup' "$TMPDIR/said" || { echo "$target:"; cat "$TMPDIR/out"; return 1; }
  done
  for target in all sandbox bench check lint sanitize valgrind static install; do
    if make_apart -n "$target" 2>&1 | grep "^CJSON=.* test/setup.sh"; then echo "$target calls setup"; return 1; fi
  done
  [ ! -e "$TMPDIR/installed" ] || { cat "$TMPDIR/installed"; return 1; }
  make_apart -n test 2>&1 | grep "^CJSON=.* test/setup.sh" >/dev/null || { echo "this test sees nothing"; return 1; }
}

# A house of three rooms, first as it should be, and then with one wrong line at a time.
holds_the_ladder() {
  local at=$TMPDIR/house said line wrong
  mkdir -p "$at/src/up"
  cd "$at" || return
  printf '%s\n' 'everywhere <stdio.h>' 'src/' '  low' '  high c:<time.h> -- words' 'src/up/ src/' '  top' './' '  ortto_x.c src/up/' >src/rooms
  touch src/low.h src/high.h src/up/top.h src/up/top.c
  echo '#include "low.h"' >src/low.c
  printf '%s\n' '#include <time.h>' '#include "high.h"' '#include "low.h"' 'int high_walk(void){' '}' >src/high.c
  printf '%s\n' '#include "../low.h"' '#include <stdio.h>' >src/up/top.h
  echo '#include "src/up/top.h"' >ortto_x.c
  "$ROOT/test/lint.sh" "$at" || return
  while IFS='|' read -r file line wrong; do
    cp "$file" kept
    echo "$line" >>"$file"
    said=$("$ROOT/test/lint.sh" "$at") && { echo "not seen: $file $line"; return 1; }
    [ "$said" = "$file: $wrong" ] || { echo "$said"; return 1; }
    mv kept "$file"
  done <<'WRONG'
src/low.c|#include "high.h"|includes src/high.h, which stands above it
src/high.h| # include "up/top.h"|includes src/up/top.h, which stands above it
src/high.h|#include <time.h>|includes <time.h>, which src/rooms does not let it
src/up/top.c|#include <unistd.h>|includes <unistd.h>, which src/rooms does not let it
ortto_x.c|#include "src/low.h"|includes src/low.h, which stands behind another door
WRONG
  echo 'int high_walk(void);' >>src/up/top.c
  rm src/low.h
  touch src/attic.c
  said=$("$ROOT/test/lint.sh" "$at") && return 1
  for line in 'src/up/top.c:1: declares high_walk' 'src/rooms: src/low.h is not there' 'src/attic.c: is not in src/rooms'; do
    grep "^$line" <<<"$said" || { echo "$said"; return 1; }
  done
}

skip() { echo "ok $1 # skip $2"; }

[ "$(uname -s)" = Darwin ] ||
  check "exports only sqlite3_ortto_init" exports_only_the_entry_point
if [ "$(uname -s)" = Darwin ] || [ -n "${CJSON:-}" ]; then
  skip "imports only what it needs" "of what Linux builds with the system's cJSON"
else
  check "imports only what it needs" imports_only_what_it_needs
fi
check "loads by its path" loads_by_its_path
check "make install, make uninstall" installs_and_uninstalls
check "make sandbox says where it is" says_where_the_sandbox_is
if [ "$(uname -s)" = Darwin ] || ! grep -rq --include='*.[ch]' '<cjson/cJSON.h>' ortto_*.[ch] src; then
  skip "is built by one command" "the compiler finds this cJSON with pkg-config's help"
else
  check "is built by one command" is_built_by_one_command
fi
write_host
if [ -n "${CJSON:-}" ]; then
  skip "make static" "this cJSON is the system's"
  skip "a closed connection leaves nothing behind" "as above"
else
  check "make static" can_be_compiled_in
  check "a closed connection leaves nothing behind" leaves_nothing_behind
fi
if [ "$(uname -s)" != Darwin ] && write_cjson; then
  check "with CJSON=DIR, takes no cJSON from its host" takes_no_cjson_from_the_host
  check "make static CJSON=DIR" can_be_compiled_in_with_cjson
else
  skip "with CJSON=DIR, takes no cJSON from its host" "no cJSON here to make a folder of"
  skip "make static CJSON=DIR" "no cJSON here to make a folder of"
fi
check "without cJSON, make says what to do" says_how_to_get cjson/cJSON.h libcjson-dev cJSON
check "without libcurl too" says_how_to_get curl/curl.h libcurl4-openssl-dev libcurl
check "without SQLite too" says_how_to_get sqlite3ext.h libsqlite3-dev SQLite
check "without libmicrohttpd, make sandbox says what to do" says_how_to_get microhttpd.h libmicrohttpd-dev libmicrohttpd sandbox
check "with an empty CJSON=DIR too" wants_cjson_where_it_was_told
check "without pkg-config, libraries have their own names" needs_no_pkg_config
check "only setup installs" installs_nothing
check "make lint holds the ladder of the rooms" holds_the_ladder
