#!/usr/bin/env bash
# make dist-windows: .build/dist/ortto-VERSION-windows-x64.zip, made on Linux by mingw-w64: ortto.dll with libcurl
# (Schannel for TLS), cJSON and zlib in it, their licences, and a README. The same sources give the same bytes.
#
#   src/dist/windows.sh ORTTO.C CJSON    the amalgamation, and the folder with cJSON's licence
#
# libcurl's source is Debian's source package, zlib a package of Debian's. Ends with 75 and a line 'skipped: ...' where
# they cannot be had.
set -euo pipefail
amalgamation=$1 cjson=$2
cd "$(dirname "$0")/../.."
top=.build/windows
mkdir -p $top/include $top/curl .build/dist

skipped() { echo "skipped: make dist-windows: $*"; exit 75; }
fail() { echo "dist-windows: $*" >&2; exit 1; }
cc=x86_64-w64-mingw32-gcc
command -v $cc >/dev/null || skipped "$cc is missing (apt-get install gcc-mingw-w64-x86-64-win32)"
command -v zip >/dev/null || skipped "zip is missing (apt-get install zip)"
zlib=$(echo '#include <zlib.h>' | $cc -M -x c - 2>/dev/null | tr ' ' '\n' | grep 'zlib\.h$') ||
  skipped "zlib is missing (apt-get install libz-mingw-w64-dev)"
ls -d $top/curl-*/lib >/dev/null 2>&1 || test/debian_source.sh curl $top 2>/dev/null ||
  skipped "no source of libcurl from apt-get"
curl=$(ls -d $top/curl-*/)
curl=${curl%/}

# Windows 7 and later; printf as the C standard has it.
flags=(-O2 -ffunction-sections -fdata-sections -D_WIN32_WINNT=0x0601 -D__USE_MINGW_ANSI_STDIO=1 -DCURL_STATICLIB)

# HTTP alone, with curl's own settings for Windows in place of what configure would find out.
if [ ! -s $top/libcurl.a ]; then
  curl_flags=("${flags[@]}" -w -DUNICODE -D_UNICODE -DBUILDING_LIBCURL -DHTTP_ONLY -DUSE_SCHANNEL -DUSE_WINDOWS_SSPI
    -DHAVE_LIBZ -DHAVE_ZLIB_H -DUSE_IPV6 -DENABLE_IPV6 -I"$curl/include" -I"$curl/lib")
  for source in "$curl"/lib/*.c "$curl"/lib/v{auth,tls,quic}/*.c; do
    name=${source#"$curl/lib/"}
    printf '%s\0%s\0' "$top/curl/${name//\//_}.o" "$source"
  done | xargs -0 -n 2 -P "$(nproc)" $cc "${curl_flags[@]}" -c -o
  rm -f $top/libcurl.a.new
  x86_64-w64-mingw32-ar rcs $top/libcurl.a.new $top/curl/*.o
  mv $top/libcurl.a.new $top/libcurl.a
fi

# SQLite's headers are the same for every system.
for header in sqlite3 sqlite3ext; do
  file=$(echo "#include <$header.h>" | ${CC:-cc} ${CPPFLAGS:-} -M -x c - | tr ' ' '\n' | grep "/$header\.h$" | head -n 1)
  cp "$file" $top/include/
done
$cc -std=c11 -Wall -Wextra -Wpedantic ${WERROR:-} "${flags[@]}" -I$top/include -I"$curl/include" -s -shared -static \
  -static-libgcc -Wl,--exclude-all-symbols,--gc-sections,--no-insert-timestamp -o $top/ortto.dll "$amalgamation" \
  $top/libcurl.a -lz -lws2_32 -lcrypt32 -lbcrypt -ladvapi32

# One entry point, and nothing that Windows does not have.
parts=$(x86_64-w64-mingw32-objdump -p $top/ortto.dll)
exports=$(awk '/^\[Ordinal\/Name Pointer\] Table/ { on = 1; next } on && NF == 0 { exit } on { printf "%s ", $NF }' <<<"$parts")
[ "$exports" = "sqlite3_ortto_init " ] || fail "ortto.dll must export sqlite3_ortto_init alone, but exports: $exports"
others=$(sed -n 's/^.*DLL Name: //p' <<<"$parts" | grep -viE '^(advapi32|bcrypt|crypt32|kernel32|msvcrt|ws2_32)\.dll$') ||
  others=
[ -z "$others" ] || fail "ortto.dll needs what not every Windows has: $others"

version=$(sed -n 's/^#define ORTTO_VERSION "\(.*\)"/\1/p' ortto_client.h)
name=ortto-$version-windows-x64
libcurl=$(sed -n 's/^#define LIBCURL_VERSION "\(.*\)"/\1/p' "$curl/include/curl/curlver.h")
debian=$(sed -n '1s/^.*(\(.*\)).*/\1/p' "$curl/debian/changelog")
at=$top/$name
rm -rf "$at" ".build/dist/$name.zip"
mkdir -p "$at/licences"
cp $top/ortto.dll "$at/"
cp LICENSE "$at/licences/ortto.txt"
cp "$curl/COPYING" "$at/licences/libcurl.txt"
cp "$cjson/LICENSE" "$at/licences/cJSON.txt"
awk '{ print } /\*\// { exit }' "$zlib" >"$at/licences/zlib.txt"
cp /usr/share/doc/mingw-w64-x86-64-dev/copyright "$at/licences/mingw-w64.txt" 2>/dev/null || true
sed 's/$/\r/' >"$at/README.txt" <<README
ortto $version for Windows, x86-64

A loadable extension for SQLite 3.40 or newer: it shows the people, accounts, audiences, tags and activities of an
Ortto account as SQL tables, and writes back. Put ortto.dll where you like; it needs no other file, but a program
of 64 bits that loads extensions: the sqlite3 shell, Python, Node, DB Browser for SQLite.

    set ORTTO_API_KEY=...
    sqlite3
    sqlite> .load C:/where/it/is/ortto
    sqlite> SELECT email, country FROM ortto_people LIMIT 5;

    >>> db.enable_load_extension(True); db.load_extension(r"C:\\where\\it\\is\\ortto")

Certificates are checked by Windows, against the authorities that Windows trusts; the setting ca_file names a file
with others (PEM) to trust instead. SSL_CERT_DIR is not used. A proxy is taken from the variable https_proxy, not
from Windows' own settings. A key file: SELECT ortto_config('key', 'file:C:/Users/me/ortto.key').

In it: libcurl $libcurl (Debian's $debian), cJSON, zlib; see the folder licences. When libcurl
has a security fix, a new ortto.dll is needed.

This was built on Linux and tested under Wine, whose own check of certificates lets false ones through: that Windows
refuses them, where no ca_file is named, was not tried. It has never run on Windows itself.

The whole manual is the project's README.md.
README
find "$at" -exec touch -d '2020-01-01 00:00:00 UTC' {} +
(cd $top && find "$name" | LC_ALL=C sort | TZ=UTC zip -q -X -D "../dist/$name.zip" -@)
echo ".build/dist/$name.zip"
