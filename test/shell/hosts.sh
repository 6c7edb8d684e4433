# For hosts*.test.sh (source it): the blocks of examples/hosts.md, ```KIND NAME, and the programs that they are for.
# The folder gets a crm.db, and of ortto.so a copy. What is not here is skipped: make setup-hosts installs it.
# shellcheck shell=bash
HOSTS=$ROOT/examples/hosts.md
NODE_MODULES=$ROOT/.build/node/node_modules   # make setup-hosts
export NODE_PATH=$NODE_MODULES${NODE_PATH:+:$NODE_PATH}

ok() { echo "ok $1"; }
not_ok() { echo "not ok $1"; }
skip() { echo "ok $1 # skip $2"; }
is() {   # is NAME GOT EXPECTED
  if [ "$2" = "$3" ]; then ok "$1"; else printf 'got:      %s\nexpected: %s\n' "$2" "$3"; not_ok "$1"; fi
}
has() {   # has NAME TEXT PART
  if grep -qF -e "$3" <<<"$2"; then ok "$1"; else printf 'not in it: %s\n%s\n' "$3" "$2"; not_ok "$1"; fi
}
control() { curl -sS -o /dev/null --noproxy '*' -d "${2:-}" "$ORTTO_API_URL/sandbox/$1"; }
requests() { curl -sS --noproxy '*' "$ORTTO_API_URL/sandbox/count?path=$1"; }

block_names() { sed -nE 's/^```[a-z]+ (.+)$/\1/p' "$HOSTS"; }
block() {   # block NAME: what it says
  awk -v name="$1" '/^```[a-z]+ / && $2 == name { on = 1; next } /^```/ { on = 0 } on' "$HOSTS"
}

people() {   # people NAME COMMAND...: ends well, and prints how many people there are
  local name=$1 said status
  shift
  said=$("$@" 2>&1)
  status=$?
  if [ $status = 0 ] && grep -qw 1180 <<<"$said"; then ok "$name"; return; fi
  printf 'status %s:\n%s\n' $status "$said"
  not_ok "$name"
  return 1
}

here() { command -v "$1" >/dev/null; }

python_with() {   # python_with MODULE: a Python that has it, and whose sqlite3 loads extensions
  local python
  for python in python3 /usr/bin/python3; do
    if "$python" -c "import $1, sqlite3; sqlite3.Connection.enable_load_extension" 2>/dev/null; then
      echo "$python"
      return
    fi
  done
  return 1
}

node_with() {   # node_with MODULE: a Node in which it is, and loads extensions
  local node
  for node in node "$NODE_MODULES/node/bin/node"; do
    if "$node" -e "const m = require('$1'); (m.DatabaseSync || m).prototype.loadExtension.call" 2>/dev/null; then
      echo "$node"
      return
    fi
  done
  return 1
}

[ -z "${PRELOAD:-}" ] || { skip "${0##*/}" "the programs are not for sanitizers"; exit; }
cp --remove-destination "$EXT" ortto.so
ln -s "$ROOT/examples" examples
sqlite3 -batch -init /dev/null crm.db 'CREATE TABLE mine(a)'
