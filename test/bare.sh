#!/usr/bin/env bash
# make bare: proves 'git clone; make demo' and 'make test' on a Debian that has nothing but git,
# make and gcc, once as root and once as a user with sudo.
#
# Needs root, debootstrap and a Debian with working apt sources: the bare system has this one's
# release and takes its packages from where this one does. The work tree is tested as it is,
# committed or not. BARE=DIR keeps the systems there (about 1 GB); KEEP=1 does not delete them.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { echo "bare: $*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || fail "needs root"
command -v debootstrap >/dev/null || fail "needs debootstrap (apt-get install debootstrap)"
# shellcheck source=/dev/null
suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
mirror=$(apt-get indextargets --format "\$(RELEASE) \$(REPO_URI)" 'Created-By: Packages' |
         sed -n "s/^$suite //p" | head -n 1)
[ -n "$mirror" ] || fail "no apt source here for the release '$suite'"

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

bare_system() {   # bare_system DIR PACKAGES
  rm -rf --one-file-system "$1"
  debootstrap --variant=minbase --include="$2" "$suite" "$1" "$mirror" >"$top/debootstrap.log" 2>&1 ||
    { tail -n 20 "$top/debootstrap.log" >&2; fail "debootstrap failed"; }
  rm -rf "$1/etc/apt"
  cp -a /etc/apt "$1/etc/apt"
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

echo "== as root, on a bare $suite"
bare_system "$top/root" git,make,gcc,libc6-dev
inside "$top/root" root 'git clone -q /ortto.bundle ortto && cd ortto && make demo && make test' || failed="as root"

echo "== as a user with sudo, on a bare $suite"
bare_system "$top/user" git,make,gcc,libc6-dev,sudo
chroot "$top/user" useradd -m -s /bin/bash dev
echo 'dev ALL=(ALL) NOPASSWD: ALL' >"$top/user/etc/sudoers.d/dev"
inside "$top/user" dev 'git clone -q /ortto.bundle ortto && cd ortto && make demo && make test' || failed="${failed:+$failed and }with sudo"

[ -z "$failed" ] || fail "failed $failed"
echo "both passed"
