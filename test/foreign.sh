#!/usr/bin/env bash
# make foreign: the tests on processors that are unlike this one, by Debian's cross compilers and qemu: i386 (32 bits)
# and s390x (the bytes of a number the other way round).
#
#   test/foreign.sh [ARCH...]   i386 s390x
#   ONLY, SKIP, TIMEOUT         as for make test; without them the SQL tests and a few in C
#
# Libraries come from Debian's packages for that processor, unpacked in .build/ARCH/root; nothing is installed. The
# sandbox stays a program of this machine. What cannot be run here is said: 'not run: ...'.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { echo "foreign: $*" >&2; exit 1; }
not_run() { fail "not run: $*"; }
packages=(libc6-dev libsqlite3-dev libcurl4-openssl-dev libcjson-dev libcmocka-dev zlib1g-dev
          sqlite3 coreutils)   # for stdbuf

unpack() {   # unpack ARCH: .build/ARCH/root
  local at=$PWD/.build/$1 deb
  [ ! -e "$at/root/complete" ] || return 0
  rm -rf "$at/root" "$at/apt"
  mkdir -p "$at/root" "$at/apt/lists/partial" "$at/apt/cache/archives/partial"
  : >"$at/apt/status"
  local apt=(apt-get -q -y -o APT::Sandbox::User=root -o APT::Architecture="$1" -o APT::Architectures="$1"
    -o Dir::State="$at/apt" -o Dir::State::Lists="$at/apt/lists" -o Dir::State::status="$at/apt/status"
    -o Dir::Cache="$at/apt/cache" -o Debug::NoLocking=1)
  # One list that cannot be had (of updates, say) leaves the others.
  { { "${apt[@]}" update || true; } &&
    "${apt[@]}" --no-install-recommends --download-only install "${packages[@]}"; } >"$at/apt/log" 2>&1 ||
    { tail -n 5 "$at/apt/log" >&2; not_run "no packages for $1"; }
  for deb in "$at"/apt/cache/archives/*.deb; do dpkg-deb -x "$deb" "$at/root"; done
  touch "$at/root/complete"
}

against() {   # against ARCH
  local at=$PWD/.build/$1 triple=$1-linux-gnu compiler qemu=qemu-$1-static
  compiler=$triple-gcc
  [ "$1" != i386 ] || compiler=i686-linux-gnu-gcc
  command -v "$compiler" >/dev/null || not_run "$compiler is missing (apt-get install gcc-${compiler%-gcc})"
  command -v "$qemu" >/dev/null || not_run "$qemu is missing (apt-get install qemu-user-static)"
  unpack "$1"
  export PKG_CONFIG_SYSROOT_DIR=$at/root
  export PKG_CONFIG_LIBDIR=$at/root/usr/lib/$triple/pkgconfig:$at/root/usr/share/pkgconfig
  local words=(B=".build/$1" EXT=".build/$1/ortto.so" CC="$compiler --sysroot=$at/root"
               LOCALIZE="${compiler%gcc}objcopy --localize-hidden"
               LDFLAGS="-Wl,-rpath-link,$at/root/usr/lib/$triple:$at/root/lib/$triple") tests=() test
  for test in test/c/test_*.c; do tests+=(".build/$1/$(basename "$test" .c)"); done
  make -s "${words[@]}" ".build/$1/ortto.so" ".build/$1/libortto.a" "${tests[@]}"
  # shellcheck disable=SC2046
  echo 'int sqlite3_ortto_init(void *, char **, const void *); int k; int main(void) { return k || !sqlite3_ortto_init; }' |
    $compiler "--sysroot=$at/root" -fPIC -o "$at/compiled_in" -x c - -x none "$at/libortto.a" \
      -Wl,-rpath-link,"$at/root/usr/lib/$triple:$at/root/lib/$triple" -lsqlite3 $(pkg-config --libs libcurl libcjson) -lm
  cp .build/ortto_sandbox "$at/ortto_sandbox"
  mkdir -p "$at/bin"
  printf '#!/bin/sh\nexec %s -L %s "$@"\n' "$qemu" "$at/root" >"$at/bin/foreign"
  printf '#!/bin/sh\nexec %s/bin/foreign %s/root/usr/bin/sqlite3 "$@"\n' "$at" "$at" >"$at/bin/sqlite3"
  chmod +x "$at"/bin/*
  echo "== $1"
  PATH=$at/bin:$PATH B=.build/$1 EXT=.build/$1/ortto.so RUNNER=$at/bin/foreign TIMEOUT=${TIMEOUT:-600} \
    ONLY=${ONLY:-'^sql/|^test_(clock|answers|held|recordings|threads)$'} SKIP=${SKIP:-build|readme} test/run.sh
}

[ $# -gt 0 ] || set -- i386 s390x
failed=
for arch; do
  set +e
  (set -e; against "$arch")
  [ $? = 0 ] || failed="$failed $arch"
  set -e
done
[ -z "$failed" ] || fail "failed:$failed"
