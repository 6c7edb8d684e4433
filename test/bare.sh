#!/usr/bin/env bash
# make bare: proves 'git clone; make demo' and 'make test' on a Debian that has nothing but git,
# make and gcc, once as root and once as a user with sudo.
#
#   test/bare.sh [RELEASE...]   12, 13, or their names bookworm and trixie; without any: this system's
#   AS='root user'              both, or one of them
#   TIMEOUT                     as for make test; 300 here
#
# Needs root, debootstrap and a Debian with working apt sources: the bare system takes its packages
# from where this one does. The work tree is tested as it is, committed or not. BARE=DIR keeps the
# systems there (about 1 GB); KEEP=1 does not delete them. What cannot be run here is said: 'not run: ...'.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { echo "bare: $*" >&2; exit 1; }
not_run() { fail "not run: $*"; }

[ "$(id -u)" = 0 ] || not_run "needs root"
command -v debootstrap >/dev/null || not_run "needs debootstrap (apt-get install debootstrap)"
unshare --mount --pid --fork true 2>/dev/null || not_run "this system does not let root unshare"
# shellcheck source=/dev/null
own=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
source_of() {   # source_of RELEASE: where this system takes that release from
  apt-get indextargets --format "\$(RELEASE) \$(REPO_URI)" 'Created-By: Packages' | sed -n "s/^$1 //p" | head -n 1
}
mirror=$(source_of "$own") security=$(source_of "$own-security")
[ -n "$mirror" ] || not_run "no apt source here for the release '$own'"

top=${BARE:-$(mktemp -d)}
mkdir -p "$top"
# Nothing of this machine is mounted in there; --one-file-system is for the day that changes.
[ -n "${KEEP:-}" ] || trap 'rm -rf --one-file-system "$top"' EXIT

bundle_work_tree() {
  local src=$top/src
  rm -rf "$src"
  mkdir -p "$src"
  git ls-files -co --exclude-standard -z |
    tar --null --ignore-failed-read -T - -cf - 2>/dev/null | tar -C "$src" -xf -
  git -C "$src" init -q -b main
  git -C "$src" add -A
  git -C "$src" -c user.name=bare -c user.email=bare@localhost commit -q -m 'work tree'
  git -C "$src" bundle create -q "$top/ortto.bundle" HEAD main
}

bare_system() {   # bare_system DIR PACKAGES: of the release $suite
  rm -rf --one-file-system "$1"
  debootstrap --variant=minbase --include="$2" "$suite" "$1" "$mirror" >"$top/debootstrap.log" 2>&1 ||
    { tail -n 20 "$top/debootstrap.log" >&2; not_run "debootstrap failed for $suite"; }
  rm -rf "$1/etc/apt"
  cp -a /etc/apt "$1/etc/apt"
  if [ "$suite" != "$own" ]; then
    rm -rf "$1"/etc/apt/sources.list*
    printf 'deb %s main\n' "$mirror $suite" "$mirror $suite-updates" ${security:+"$security $suite-security"} \
      >"$1/etc/apt/sources.list"
  fi
  cp -a /usr/share/keyrings/. "$1/usr/share/keyrings/"
  cp /etc/resolv.conf /etc/hosts "$1/etc/"
  cp "$top/ortto.bundle" "$1/ortto.bundle"
}

inside() {   # inside DIR USER COMMAND: its mounts and processes end with it
  # shellcheck disable=SC2016
  unshare --mount --pid --fork --kill-child env -i TERM="${TERM:-dumb}" LANG=C.UTF-8 \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
    sh -c 'mount -t proc proc "$1/proc" && exec chroot "$1" su - "$2" -c "$3"' \
    sh "$1" "$2" "$3" </dev/null
}

failed=
bundle_work_tree
steps="git clone -q /ortto.bundle ortto && cd ortto && make demo && make test TIMEOUT=${TIMEOUT:-300}"

try() {   # try root|user
  bare_system "$top/$1" "git,make,gcc,libc6-dev$([ "$1" = root ] || echo ,sudo)"
  if [ "$1" = root ]; then
    echo "== as root, on a bare $suite"
    inside "$top/root" root "$steps"
  else
    echo "== as a user with sudo, on a bare $suite"
    chroot "$top/user" useradd -m -s /bin/bash dev
    echo 'dev ALL=(ALL) NOPASSWD: ALL' >"$top/user/etc/sudoers.d/dev"
    inside "$top/user" dev "$steps"
  fi
}

[ $# -gt 0 ] || set -- "$own"
for suite; do
  case $suite in
    12) suite=bookworm ;;
    13) suite=trixie ;;
  esac
  for as in ${AS:-root user}; do
    try "$as" || failed="$failed $suite as $as"
    [ -n "${KEEP:-}" ] || rm -rf --one-file-system "${top:?}/$as"
  done
done

[ -z "$failed" ] || fail "failed:$failed"
echo "passed"
