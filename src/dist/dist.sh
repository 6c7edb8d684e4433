#!/usr/bin/env bash
# make dist: what can be taken along, in the folder OUT, each made with the ordinary tools of its world.
#
#   src/dist/dist.sh OUT EXT AMALGAMATION [KIND...]     KIND: source linux deb wheel npm; without any: all
#
#   ortto-VERSION.tar.gz                        the sources, with the amalgamation ortto.c
#   ortto-VERSION-linux-CPU.tar.gz              ortto.so, which needs libcurl, and examples
#   libsqlite3-mod-ortto_VERSION_ARCH.deb       for Debian: ortto.so where .load ortto finds it
#   sqlite_ortto-VERSION-py3-none-linux_CPU.whl for Python (python/)
#   sqlite-ortto-VERSION.tgz                    for Node (npm/)
#   SHA256SUMS
#
# EXT is the extension as make builds it, for Debian's package, which depends on Debian's cJSON; the others take one
# that is compiled from the amalgamation, and so needs libcurl alone. The version stands in ortto_client.h. A tool
# that is missing is named, and what needs it is left out; then this ends with 75.
set -euo pipefail
out=$1 ext=$2 one=$3
shift 3
cd "$(dirname "$0")/../.."
[ $# -gt 0 ] || set -- source linux deb wheel npm
version=$(sed -n 's/^#define ORTTO_VERSION "\(.*\)"/\1/p' ortto_client.h)
cc=${CC:-gcc}
triple=$($cc -dumpmachine)
cpu=${triple%%-*}
mkdir -p "$out"
out=$(cd "$out" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
# The same input gives the same archive.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
archive() { tar -C "$tmp" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner -czf "$out/$1" "$2"; }
missing=0
have() {   # have TOOL PACKAGE FILE: or FILE is not made
  if command -v "$1" >/dev/null; then return 0; fi
  echo "dist: no $3: $1 is missing (apt-get install $2)" >&2
  missing=1
  return 1
}

alone() {   # $tmp/ortto.so: of the amalgamation
  [ ! -f "$tmp/ortto.so" ] || return 0
  # shellcheck disable=SC2046,SC2086
  $cc -std=c11 -O2 ${CPPFLAGS:-} -shared -fPIC -fvisibility=hidden -Wl,-z,relro,-z,now -s -o "$tmp/ortto.so" "$one" \
    ${LDFLAGS:-} $(pkg-config --libs libcurl 2>/dev/null || echo -lcurl) -lm
}

make_source() {
  local at=$tmp/ortto-$version
  mkdir -p "$at"
  tar -cf - --exclude=__pycache__ Makefile README.md LICENSE ortto_vtab.c ortto_client.c ortto_client.h src test examples |
    tar -C "$at" -xf -
  cp "$one" "$at/ortto.c"
  archive "ortto-$version.tar.gz" "ortto-$version"
}

make_linux() {
  local name=ortto-$version-linux-$cpu
  mkdir -p "$tmp/$name"
  alone
  cp -r "$tmp/ortto.so" README.md LICENSE examples "$tmp/$name"
  archive "$name.tar.gz" "$name"
}

make_deb() {
  have dpkg-shlibdeps dpkg-dev libsqlite3-mod-ortto || return 0
  local root=$tmp/deb arch doc
  arch=$(dpkg --print-architecture)
  triple=$(dpkg-architecture -qDEB_HOST_MULTIARCH)
  doc=$root/usr/share/doc/libsqlite3-mod-ortto
  mkdir -p "$root/DEBIAN" "$root/usr/lib/$triple" "$doc" "$tmp/deps/debian"
  cp "$ext" "$root/usr/lib/$triple/ortto.so"
  strip --strip-unneeded "$root/usr/lib/$triple/ortto.so"
  cp README.md "$doc"
  cp -r examples "$doc"
  cp LICENSE "$doc/copyright"
  printf 'Source: ortto\nPackage: libsqlite3-mod-ortto\nArchitecture: any\n' >"$tmp/deps/debian/control"
  local depends
  depends=$(cd "$tmp/deps" && dpkg-shlibdeps -O "$root/usr/lib/$triple/ortto.so" 2>"$tmp/deps/said" |
            sed -n 's/^shlibs:Depends=//p')
  cat >"$root/DEBIAN/control" <<CONTROL
Package: libsqlite3-mod-ortto
Version: $version
Architecture: $arch
Multi-Arch: same
Maintainer: the ortto authors <ortto@localhost>
Depends: $depends
Recommends: ca-certificates
Suggests: sqlite3
Section: database
Priority: optional
Description: contacts, accounts, audiences and more of Ortto as tables of SQLite
 A loadable extension: .load ortto in the sqlite3 shell, load_extension('ortto') elsewhere. It reads, keeps local
 copies fresh, and writes contacts and activities back.
CONTROL
  echo 'activate-noawait ldconfig' >"$root/DEBIAN/triggers"   # .load ortto asks the linker's cache
  (cd "$root" && find usr -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
  chmod -R u=rwX,go=rX "$root"
  dpkg-deb --root-owner-group -Zxz --build "$root" "$out/libsqlite3-mod-ortto_${version}_$arch.deb" >"$tmp/deb.log"
}

make_wheel() {
  local python at=$tmp/wheel
  for python in python3 /usr/bin/python3 ''; do
    [ -z "$python" ] || ! "$python" -c 'import setuptools, wheel' 2>/dev/null || break
  done
  if [ -z "$python" ]; then
    echo "dist: no wheel: Python's setuptools or wheel is missing (apt-get install python3-setuptools python3-wheel)" >&2
    missing=1
    return 0
  fi
  alone
  cp -r src/dist/python "$at"
  cp "$tmp/ortto.so" "$at/sqlite_ortto/ortto.so"
  cp LICENSE "$at"
  (cd "$at" && ORTTO_VERSION=$version "$python" setup.py -q bdist_wheel --dist-dir "$out") >"$tmp/wheel.log" 2>&1 ||
    { cat "$tmp/wheel.log" >&2; return 1; }
}

make_npm() {
  have npm npm sqlite-ortto.tgz || return 0
  local at=$tmp/npm
  alone
  cp -r src/dist/npm "$at"
  cp "$tmp/ortto.so" LICENSE "$at"
  case $cpu in x86_64) cpu=x64 ;; aarch64) cpu=arm64 ;; esac
  sed -i "s/VERSION/$version/; s/\"CPU\"/\"$cpu\"/" "$at/package.json"
  (cd "$at" && npm pack --silent --pack-destination "$out") >"$tmp/npm.log" 2>&1 || { cat "$tmp/npm.log" >&2; return 1; }
}

for kind; do "make_$kind"; done
cd "$out"
rm -f SHA256SUMS
sha256sum -- *"$version"* >SHA256SUMS
cat SHA256SUMS
[ $missing = 0 ] || exit 75
