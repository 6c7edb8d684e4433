# The blocks of examples/hosts.md in Java, Go and Rust, compiled and run.
# sandbox: --seed 1 --people 1200
# env: ORTTO_RATE=0
# shellcheck shell=bash
# shellcheck source=test/shell/hosts.sh
. "$ROOT/test/shell/hosts.sh"
export CLASSPATH=/usr/share/java/sqlite-jdbc.jar:/usr/share/java/slf4j-api.jar

block java >Host.java
if here java && [ -e "${CLASSPATH%%:*}" ]; then people Java java -XX:TieredStopAtLevel=1 Host.java
else skip Java 'no java with a driver for SQLite'; fi

# The amalgamation, as make amalgamation writes it; without a cJSON.c it is not to be had.
amalgamation() {
  local cjson
  cjson=${CJSON:-$(find "$ROOT/.build/cjson" -maxdepth 2 -name cJSON.c -printf '%h\n' 2>/dev/null | head -n 1)}
  [ -n "$cjson" ] && CC='' "$ROOT/src/amalgamation.sh" "$cjson" "$PWD/ortto.c"
}
one_file=
! amalgamation || one_file=yes

# Debian has the sources of its Go and Rust packages in folders.
go=/usr/share/gocode/src/github.com/mattn/go-sqlite3
export GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$B/go-cache GOFLAGS=-tags=libsqlite3 CGO_CFLAGS=-O0 CARGO_TARGET_DIR=$B/cargo
block go >host.go
if here go && [ -d $go ]; then
  people Go go run host.go
  if [ -n "$one_file" ]; then
    mkdir go
    block go-amalgamation >go/main.go
    cp ortto.c go/
    people 'Go, compiled in' go run ./go
  else
    skip 'Go, compiled in' 'no cJSON.c (CJSON=DIR, or test/setup.sh ci)'
  fi
else
  skip Go 'no go with go-sqlite3'
fi

crates=/usr/share/cargo/registry
if [ -z "$one_file" ]; then
  skip Rust 'no cJSON.c (CJSON=DIR, or test/setup.sh ci)'
elif here cargo && rusqlite=$(find $crates -maxdepth 1 -name 'rusqlite-*' 2>/dev/null | grep .); then
  mkdir -p rust/src rust/.cargo
  block build.rs >rust/build.rs
  block main.rs >rust/src/main.rs
  cp ortto.c rust/
  cat >rust/Cargo.toml <<TOML
[package]
name = "host"
version = "0.0.0"
edition = "2021"
[dependencies]
rusqlite = "${rusqlite##*/rusqlite-}"
[build-dependencies]
cc = "1"
TOML
  printf '[source.crates-io]\nreplace-with = "debian"\n[source.debian]\ndirectory = "%s"\n' $crates >rust/.cargo/config.toml
  people Rust env HOME="$(getent passwd "$(id -u)" | cut -d: -f6)" \
    cargo -q run --offline --manifest-path rust/Cargo.toml --config rust/.cargo/config.toml
else
  skip Rust 'no cargo with rusqlite'
fi
