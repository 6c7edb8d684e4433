#!/usr/bin/env bash
# Installs what building and testing need.
#
#   test/setup.sh        for make, make demo, make test
#   test/setup.sh ci     for make sanitize, make valgrind and make lint as well
#   test/setup.sh hosts  the programs that the extension and its copy are tried in
#
# Says nothing, and asks nobody on the network, when all of it is there.
# With CJSON=DIR, a folder with a cJSON.c and cJSON.h of your own, the system's is left alone.
set -euo pipefail
cd "$(dirname "$0")/.."

build=(
  gcc libc6-dev          # the compiler
  pkg-config             # says how to link libcurl and cJSON
  libsqlite3-dev         # sqlite3ext.h, and the library for the C tests
  libcurl4-openssl-dev   # the HTTP client, in its OpenSSL flavour
  sqlite3                # the shell that the demo and the SQL tests run in
  libmicrohttpd-dev      # the sandbox server's HTTP side
  zlib1g-dev             # the sandbox server's compressed answers
  libcmocka-dev          # the C tests
  locales                # a test speaks German
  curl jq                # the tests look at the sandbox with these
  ca-certificates        # for the real service
)
ci=(
  valgrind libc6-dbg                      # make valgrind
  clang clang-tidy libclang-rt-dev        # make lint, the second compiler, fuzzing
  cppcheck shellcheck                     # make lint
  dpkg-dev                                # sources, for the amalgamation and make matrix
  openssl nginx-light tinyproxy           # test/shell/servers.test.sh, which skips what it has not
  python3 php-cli php-sqlite3 libdbd-sqlite3-perl ruby-sqlite3 tcl libsqlite3-tcl   # test/shell/hosts.test.sh: some
  python3-tk xvfb xauth                   # test/shell/window.test.sh
)
hosts=(
  python3-pandas python3-sqlalchemy python3-apsw sqlite-utils
  php-cli php-sqlite3 libdbd-sqlite3-perl ruby-sqlite3 r-cran-rsqlite tcl libsqlite3-tcl
  default-jdk-headless libxerial-sqlite-jdbc-java golang-go golang-github-mattn-go-sqlite3-dev
  cargo librust-rusqlite-dev librust-cc-dev
  postgresql                              # test/shell/beyond.test.sh, and of npm: Litestream, DuckDB
  gdal-bin unixodbc libsqliteodbc lua5.4 lua-sql-sqlite3 sqlitebrowser python3-tk xvfb xauth
)
# A browser without a window looks at the page of examples/picture.sh; Debian has this one, others may not.
browser=chromium-headless-shell

[ -n "${CJSON:-}" ] || build+=(libcjson-dev)

fail() { printf 'setup: %s\n' "$@" >&2; exit 1; }

missing_packages() {
  local have
  have=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null |
         sed -n 's/^installed //p') || true
  local p
  for p; do
    grep -qxF "$p" <<<"$have" || printf '%s ' "$p"
  done
}

install_packages() {
  local missing root=()
  missing=$(missing_packages "$@")
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || fail "these packages are missing: $missing" \
      "install them as root: apt-get install $missing"
    root=(sudo)
  fi
  # Removing is refused: libcurl4-gnutls-dev and the OpenSSL flavour exclude each other,
  # and which of them may go is not for a script to say.
  echo "setup: installing $missing"
  # shellcheck disable=SC2086
  { "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o Acquire::Retries=3 update &&
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Acquire::Retries=3 \
      --no-install-recommends --no-remove install $missing
  } >.build/setup.log 2>&1 </dev/null || {
    cat .build/setup.log >&2
    fail "apt-get could not install: $missing" \
      "if it would have to remove libcurl4-gnutls-dev, remove that first: the OpenSSL flavour is needed"
  }
}

# Of npm: better-sqlite3, which takes minutes to build, and a Node that has node:sqlite, with its quarter of a
# gigabyte. Tests are skipped without them.
node_modules() {
  local it missing=()
  mkdir -p .build/node
  for it; do [ -e ".build/node/node_modules/${it%@*}" ] || missing+=("$it"); done
  [ ${#missing[@]} = 0 ] || npm install --silent --no-audit --no-fund --prefix .build/node "$@" >.build/setup.log 2>&1 ||
    echo "setup: npm could not install: ${missing[*]}" >&2
}

mkdir -p .build
if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then
  install_packages "${build[@]}"
  if [ "${1:-}" = ci ]; then
    install_packages "${ci[@]}"
    [ -z "$(apt-cache search --names-only "^$browser\$")" ] || install_packages "$browser"
    # cJSON's source, for the amalgamation: a test is skipped without it.
    [ -n "${CJSON:-}" ] || ls .build/cjson/cjson-*/cJSON.c >/dev/null 2>&1 ||
      test/debian_source.sh cjson .build/cjson 2>/dev/null || echo "setup: no source of cJSON" >&2
    ! command -v npm >/dev/null || node_modules node@22
  fi
  if [ "${1:-}" = hosts ]; then
    install_packages "${hosts[@]}"
    command -v npm >/dev/null || install_packages npm
    # Version 12 is the last for Node 20.
    node_modules better-sqlite3@12 node@22 @flydotio/litestream@latest @duckdb/node-api@latest
  fi
else
  for tool in cc pkg-config sqlite3 curl jq; do
    command -v "$tool" >/dev/null || fail "there is no apt-get here, and '$tool' is missing" \
      "needed: a C compiler, pkg-config, sqlite3, curl, jq, and the development files of" \
      "sqlite3, libcurl (OpenSSL), cJSON, libmicrohttpd, cmocka and zlib" \
      "macOS: brew install pkg-config sqlite curl cjson libmicrohttpd cmocka jq"
  done
fi
