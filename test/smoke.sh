#!/usr/bin/env bash
# make smoke: installs each archive of make dist into an empty folder, in the ordinary way of its world, and reads and
# writes with it against a sandbox. What a machine lacks is skipped, and said.
#
#   test/smoke.sh DIST
set -uo pipefail
cd "$(dirname "$0")/.." || exit
dist=$(cd "$1" && pwd) || exit
ROOT=$PWD B=${B:-.build}
case $B in /*) ;; *) B=$ROOT/$B ;; esac
SANDBOX=$B/ortto_sandbox
export ROOT B SANDBOX
. test/lib.sh
tmp=$(mktemp -d)
trap 'stop_sandbox; rm -rf "$tmp"' EXIT
export TMPDIR=$tmp
start_sandbox --people 40 --accounts 3 || exit
export ORTTO_RATE=0
version=$(sed -n 's/^#define ORTTO_VERSION "\(.*\)"/\1/p' ortto_client.h)
passed=0 failed=0
query='SELECT count(*) > 30 FROM ortto_people WHERE email IS NOT NULL'
write() { echo "SELECT ortto_upsert('{\"fields\":{\"email\":\"$1@example.com\"}}') ->> 'status'"; }
works=$'1\n200'
skip() { echo "skipped $1: $2"; }
check() {   # check NAME GOT: what it printed
  if [ "$2" = "$works" ]; then passed=$((passed + 1)); echo "ok      $1"
  else failed=$((failed + 1)); echo "FAILED  $1"; sed 's/^/        /' <<<"$2"; fi
}
in_shell() { sqlite3 -batch -cmd ".load $1" :memory: "$query" "$(write "$2")" 2>&1; }

(cd "$dist" && sha256sum --quiet -c SHA256SUMS) && sums=$works || sums='the sums differ'
check SHA256SUMS "$sums"

# ---- the sources, by one command ----------------------------------------------------------------------------------
mkdir -p "$tmp/source"
tar -C "$tmp/source" -xzf "$dist/ortto-$version.tar.gz"
source=$tmp/source/ortto-$version
mkdir -p "$source/one"
# shellcheck disable=SC2046
said=$(cd "$source" && ${CC:-gcc} -O1 -shared -fPIC -o one/ortto.so ortto.c $(pkg-config --libs libcurl 2>/dev/null || echo -lcurl) -lm 2>&1)
check 'the amalgamation of the source archive' "${said:-$(in_shell "$source/one/ortto" one)}"
said=$(cd "$source" && make -s -j2 2>&1)
check 'make in the source archive' "${said:-$(in_shell "$source/ortto" two)}"

# ---- Linux -------------------------------------------------------------------------------------------------------
for file in "$dist/ortto-$version"-linux-*.tar.gz; do
  mkdir -p "$tmp/linux"
  tar -C "$tmp/linux" -xzf "$file"
  check "$(basename "$file")" "$(in_shell "$(echo "$tmp"/linux/*/)ortto" three)"
done

# ---- Debian: its own installer, into a root of its own ---------------------------------------------------------------
for file in "$dist"/libsqlite3-mod-ortto_*.deb; do
  [ -e "$file" ] || { skip 'the Debian package' 'make dist made none'; continue; }
  root=$tmp/debian
  mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates"
  : >"$root/var/lib/dpkg/status"
  # What it depends on is not in that root, but on this machine.
  dpkg --root="$root" --force-not-root --force-script-chrootless --force-depends --no-triggers --log="$tmp/dpkg.log" \
    -i "$file" >"$tmp/dpkg.out" 2>&1 || cat "$tmp/dpkg.out"
  check "$(basename "$file")" "$(in_shell "$(dirname "$(find "$root/usr/lib" -name ortto.so)")/ortto" four)"
  needs=$(dpkg-deb -f "$file" Depends)
  for package in libc6 libcurl4 libcjson1; do
    grep -q "$package" <<<"$needs" || { failed=$((failed + 1)); echo "FAILED  it does not depend on $package, only on $needs"; }
  done
done

# ---- Python ------------------------------------------------------------------------------------------------------
for file in "$dist"/sqlite_ortto-*.whl; do
  [ -e "$file" ] || { skip 'the wheel' 'make dist made none'; continue; }
  python=
  for candidate in python3 /usr/bin/python3; do
    "$candidate" -c 'import pip, sqlite3; sqlite3.connect("").enable_load_extension' 2>/dev/null && { python=$candidate; break; }
  done
  [ -n "$python" ] || { skip 'the wheel' 'no python3 with pip, whose sqlite3 loads extensions'; continue; }
  "$python" -m pip -q install --no-index --no-deps --disable-pip-version-check --root-user-action=ignore --target "$tmp/python" "$file" 2>&1
  check "$(basename "$file")" "$(PYTHONPATH=$tmp/python "$python" -c '
import sqlite3, sys, sqlite_ortto
db = sqlite3.connect(":memory:")
sqlite_ortto.load(db)
for sql in sys.argv[1:]: print(db.execute(sql).fetchone()[0])
' "$query" "$(write five)" 2>&1)"
  # The hosts themselves, where they are there; else that they would find their door, and what it does.
  for host in sqlite_utils datasette; do
    said=$(PYTHONPATH=$tmp/python "$python" - "$host" "$query" "$(write "$host")" 2>&1 <<'PYTHON'
import importlib.metadata, importlib.util, sqlite3, sys, types
host, statements = sys.argv[1], sys.argv[2:]
if importlib.util.find_spec(host) is None or not hasattr(importlib.import_module(host), "hookimpl"):
    stand_in = types.ModuleType(host)
    stand_in.hookimpl = lambda function: function
    sys.modules[host] = stand_in
    print(f"{host} is not here: its hook was called by hand")
groups = importlib.metadata.entry_points()
found = groups.select(group=host) if hasattr(groups, "select") else groups.get(host, [])
[door] = [entry for entry in found if entry.name == "ortto"]
db = sqlite3.connect(":memory:")
door.load().prepare_connection(db)
for sql in statements: print(db.execute(sql).fetchone()[0])
PYTHON
    )
    grep 'is not here' <<<"$said"
    check "its door for $host" "$(grep -v 'is not here' <<<"$said")"
  done
done

# ---- Node --------------------------------------------------------------------------------------------------------
for file in "$dist"/sqlite-ortto-*.tgz; do
  [ -e "$file" ] || { skip 'the npm archive' 'make dist made none'; continue; }
  mkdir -p "$tmp/node"
  cd "$tmp/node" || exit
  echo '{"private":true}' >package.json
  npm install --silent --no-audit --no-fund --offline "$file" >npm.log 2>&1 || cat npm.log
  cat >try.js <<'JS'
const { load } = require('sqlite-ortto');
let open;
try {
  const { DatabaseSync } = require('node:sqlite');
  open = () => new DatabaseSync(':memory:', { allowExtension: true });
} catch {
  const Database = require('better-sqlite3');
  open = () => new Database(':memory:');
}
const db = open();
load(db);
for (const sql of process.argv.slice(2)) console.log(Object.values(db.prepare(sql).get())[0]);
JS
  # Version 12 is the last for Node 20.
  if node -e 'require("node:sqlite")' 2>/dev/null || npm install --silent --no-audit --no-fund better-sqlite3@12 >npm.log 2>&1; then
    check "$(basename "$file")" "$(node --no-warnings try.js "$query" "$(write six)" 2>&1)"
  else
    skip "$(basename "$file")" 'neither node:sqlite nor better-sqlite3 is to be had'
  fi
  cd "$ROOT" || exit
done

echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed -gt 0 ]
