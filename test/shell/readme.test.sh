# The README keeps its word: its SQL, shell and Python run, and print what it shows; its links lead
# somewhere. So do the programs in examples/, and there is none that no test runs.
# sandbox: --seed 1 --people 1200
# env: ORTTO_RATE=0 ORTTO_EU_KEY=sandbox-key
#
# A ```text block right behind another is what that prints, folded at 115 columns; a block without one
# must not fail. All ```sql is one session, until one that is marked new. ```sh begins in the project's
# folder; what calls make or cc, in a copy of it. A block marked norun (it installs, or runs these tests)
# is looked at for its syntax alone. ```output FILE is what that example says that it prints, which is compared
# with what it does. Ports read PORT and request ids UUID.
# shellcheck shell=bash
README=${README:-$ROOT/README.md}
HERE=$PWD
BLOCKS=$HERE/blocks

ok() { echo "ok $1"; }
not_ok() { echo "not ok $1"; }
skip() { echo "ok $1 # skip $2"; }

# ---- blocks -----------------------------------------------------------------------

# Writes NUMBER.kind (such as 07.sql), NUMBER.text if output is shown, and a list: NUMBER kind
# option line.
take_blocks() {
  mkdir -p "$BLOCKS"
  awk -v dir="$BLOCKS" '
    !inside && /^```[a-z]/ {
      kind = substr($1, 4)
      if (kind == "text") { if (!joined) { print "a text block behind nothing, line " NR; exit 1 } }
      else {
        number = sprintf("%02d", ++count)
        print number, kind, ($2 == "" ? "-" : $2), NR > (dir "/list")
      }
      file = dir "/" number "." kind
      printf "" > file
      inside = 1
      next
    }
    inside && /^```/ { inside = 0; joined = kind != "text"; close(file); next }
    inside { print > file; next }
    { joined = 0 }
    END { if (inside) { print "a block without an end"; exit 1 } }
  ' "$README" && [ -s "$BLOCKS/list" ]
}

blocks_of() { awk -v kind="$1" '$2 == kind { print $1, $3, $4 }' "$BLOCKS/list"; }

normal() {   # without what differs from run to run, and blanks at the ends of lines, where columns are padded
  sed -E -e 's/ near line [0-9]+:/:/' -e 's/(127\.0\.0\.1):[0-9]+/\1:PORT/g' \
    -e 's/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/UUID/g' -e 's/[[:blank:]]+$//' "$@" |
    fold -s -w 115 | sed -E 's/[[:blank:]]+$//'
}

# judge NUMBER NAME STATUS FILE: FILE is what the block printed.
judge() {
  local shown=$BLOCKS/$1.text
  normal "$4" >"$4.normal"
  if [ -f "$shown" ]; then
    if normal "$shown" | diff -u - "$4.normal" && [ "$3" = 0 ]; then ok "$2"; else not_ok "$2"; fi
  elif [ "$3" != 0 ] || grep -qE '^(Runtime|Parse) error|^Error' "$4.normal"; then
    cat "$4.normal"
    not_ok "$2"
  else
    ok "$2"
  fi
}

# ---- SQL --------------------------------------------------------------------------

run_sql_blocks() {
  local number option line session=0
  while read -r number option line; do
    [ "$option" != new ] || session=$((session + 1))
    { echo ".print @@ $number"; cat "$BLOCKS/$number.sql"; } >>"session.$session"
  done < <(blocks_of sql)
  for session in session.*; do
    sqlite3 -batch -init /dev/null :memory: <"$session" 2>&1
  done >printed
  awk '$1 == "@@" { file = "sql." $2; printf "" > file; next } { print > file }' printed
  while read -r number _ line; do
    [ -f "sql.$number" ] || { not_ok "sql at line $line (the shell ended before it)"; continue; }
    judge "$number" "sql at line $line" 0 "sql.$number"
  done < <(blocks_of sql)
}

# ---- shell, C, Python -------------------------------------------------------------

make_copy() {   # the sources
  mkdir copy
  cp -R "$ROOT"/Makefile "$ROOT"/LICENSE "$ROOT"/*.[ch] "$ROOT"/src "$ROOT"/test "$ROOT"/examples copy/
}

# in_copy COMMAND...: without what make has told these tests, so that the copy is built as anybody
# builds it; but with the cJSON that these tests were told to take.
in_copy() {
  local own=${CJSON:-}
  case $own in '' | /*) ;; *) own=$ROOT/$own ;; esac
  (cd copy && env -i PATH="$PATH" HOME="$HERE" TMPDIR="$HERE" ${own:+"CJSON=$own"} "$@")
}

run_sh_blocks() {
  local number option line name status
  while read -r number option line; do
    name="sh at line $line"
    if [ "$option" = norun ]; then
      if bash -n "$BLOCKS/$number.sh"; then ok "$name (syntax)"; else not_ok "$name (syntax)"; fi
    elif ! grep -qE '^(make|cc) ' "$BLOCKS/$number.sh"; then
      bash -e "$BLOCKS/$number.sh" >"sh.$number" 2>&1
      judge "$number" "$name" $? "sh.$number"
    elif [ -n "${PRELOAD:-}" ]; then
      skip "$name" "builds are not for sanitizers"
    else
      in_copy bash -e "$BLOCKS/$number.sh" >"sh.$number" 2>&1
      status=$?
      # The output of a build is not shown; the program that is run last is.
      [ -f "$BLOCKS/$number.text" ] && tail -n "$(wc -l <"$BLOCKS/$number.text")" "sh.$number" >"sh.$number.end" &&
        mv "sh.$number.end" "sh.$number"
      judge "$number" "$name" $status "sh.$number"
    fi
  done < <(blocks_of sh)
}

write_c_blocks() {
  local number
  while read -r number _; do cp "$BLOCKS/$number.c" copy/host.c; done < <(blocks_of c)
}

# A Python whose sqlite3 loads extensions, if there is one.
python_that_loads() {
  local python
  for python in python3 /usr/bin/python3; do
    if "$python" -c 'import sqlite3, sys
ok = hasattr(sqlite3.Connection, "enable_load_extension") and sqlite3.sqlite_version_info >= (3, 38)
sys.exit(not ok)' 2>/dev/null; then
      command -v "$python"
      return
    fi
  done
  return 1
}

# Python itself leaves memory behind when it ends, which is not what is looked for here.
python=()   # the words that start it
set_python() {
  local path
  path=$(python_that_loads) || return
  python=(env "ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0" ${PRELOAD:+"LD_PRELOAD=$PRELOAD"} "$path")
}

run_python_blocks() {
  local number line
  while read -r number _ line; do
    if [ ${#python[@]} = 0 ]; then
      skip "python at line $line" "no Python that loads extensions"
    else
      "${python[@]}" "$BLOCKS/$number.python" >"python.$number" 2>&1
      judge "$number" "python at line $line" $? "python.$number"
    fi
  done < <(blocks_of python)
}

# ---- examples ---------------------------------------------------------------------

control() { curl -sS -o /dev/null --noproxy '*' -d "${2:-}" "$ORTTO_API_URL/sandbox/$1"; }
nightly() { ORTTO_EXTENSION=$HERE/ortto "$ROOT/examples/nightly-copy.sh" "$@"; }
ask() { sqlite3 -batch -init /dev/null "$@"; }

check() {   # check NAME COMMAND...: its words are shown if it fails
  local name=$1
  shift
  if "$@" >check.out 2>&1; then ok "$name"; else cat check.out; not_ok "$name"; fi
}

counts() { ask crm.db "SELECT count(*) FROM crm_people UNION ALL SELECT count(*) FROM crm_accounts
                       UNION ALL SELECT count(*) FROM crm_tags UNION ALL SELECT count(*) FROM crm_audiences" | tr '\n' ' '; }

nightly_copies() {   # silently, a second time too, and the database has what the server says
  local said
  ask crm.db "CREATE TABLE mine(a)" || return
  for _ in 1 2; do
    said=$(nightly crm.db 2>&1) || return
    [ -z "$said" ] || { echo "$said"; return 1; }
  done
  counts | tee counts.good
  [ "$(cat counts.good)" = "1180 58 40 45 " ]
}

nightly_fails_whole() {   # a read in the middle is refused: its table stays; the next run is whole again
  local said status
  control people '{"add":7}'
  control fault '{"kind":"status","status":403,"path":"/v1/tags/get"}'
  said=$(nightly crm.db 2>&1)
  status=$?
  control clear
  echo "$status: $said, $(counts)"
  [ $status != 0 ] && [ "$(wc -l <<<"$said")" = 1 ] && grep -q 'ortto: reading tags: .*403' <<<"$said" && [ "$(counts)" = "1187 58 40 45 " ] || return
  nightly crm.db
}

# nightly_starts PATH: one that waits for the server's answer to its request to that path; its number is in $pid.
nightly_starts() {
  local tries=0
  control forget
  control fault "{\"kind\":\"hang\",\"path\":\"$1\"}"
  nightly crm.db &
  pid=$!
  until [ "$(curl -sS --noproxy '*' "$ORTTO_API_URL/sandbox/count?path=$1")" != 0 ] || [ $((tries += 1)) -gt 400 ]; do
    sleep 0.05
  done
}

nightly_lets_neighbours_write() {   # while it waits for the server in the middle of a read
  local pid status
  nightly_starts /v1/accounts/get
  ask crm.db "INSERT INTO mine VALUES (1)"
  status=$?
  control clear
  wait "$pid" && [ $status = 0 ] && [ "$(counts)" = "1187 58 40 45 " ]
}

nightly_is_alone() {   # a second one says so, and does not disturb the first
  local pid said
  nightly_starts /v1/person/get
  said=$(nightly crm.db 2>&1)
  control clear
  echo "$said"
  wait "$pid" && grep -q "another sync into 'crm_people' is at work" <<<"$said"
}

nightly_says_what_is_wrong() {
  local said
  said=$(ORTTO_API_KEY='' nightly crm.db 2>&1) && return 1
  [ "$said" = "nightly-copy: ORTTO_API_KEY is not set (a key, or file:PATH of a file that holds one)" ] || { echo "$said"; return 1; }
  said=$(nightly 2>&1) && return 1
  [ "$said" = "nightly-copy: usage: nightly-copy.sh DATABASE" ] || { echo "$said"; return 1; }
}

people_py_counts() {
  ORTTO_EXTENSION=$HERE/ortto "${python[@]}" "$ROOT/examples/people.py" py.db && [ "$(ask py.db 'SELECT count(*) FROM people')" = 1187 ]
}

people_py_is_interrupted() {   # Ctrl-C ends a fetch at once, not when its request is over
  local pid status tries=0
  control forget
  control fault '{"kind":"hang","path":"/v1/person/get","after":1}'
  # A shell without job control starts what runs in its background with Ctrl-C ignored; Python
  # takes it back.
  ORTTO_EXTENSION=$HERE/ortto "${python[@]}" -c 'import runpy, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")' "$ROOT/examples/people.py" &
  pid=$!
  until [ "$(curl -sS --noproxy '*' "$ORTTO_API_URL/sandbox/count?path=/v1/person/get")" -ge 2 ] || [ $((tries += 1)) -gt 400 ]; do
    sleep 0.05
  done
  kill -INT $pid
  wait $pid
  status=$?
  control clear
  [ $status = 1 ]
}

host_c_is_built_as_it_says() {   # its first comment has the commands; the last of them asks for a count
  sed -n 's/^\*\*   //p' "$ROOT/examples/host.c" >host.sh
  in_copy "ORTTO_API_URL=$ORTTO_API_URL" "ORTTO_API_KEY=$ORTTO_API_KEY" bash -e "$HERE/host.sh" >host.out 2>&1
  tail -n 1 host.out
  [ "$(tail -n 1 host.out)" = 'count(*): 1180' ]
}

prints_what_it_says() {   # prints_what_it_says FILE: its last comment is what it prints, on a fresh server
  local file=$1
  control reset
  if ! grep -q '^-- Against the sandbox server it prints:$' "$file"; then
    echo "${file##*/} does not say what it prints"
    return 1
  fi
  sed -n '/^-- Against the sandbox server it prints:$/,$ s/^--   //p' "$file" | normal >said
  ORTTO_SEGMENT_KEY=psb-sandbox-segment-key ask :memory: <"$file" 2>&1 | normal | diff -u said -
}

outputs_are_those_of_the_examples() {
  local file n=0
  while read -r file; do
    n=$((n + 1))
    awk -v file="$file" '$0 == "```output " file { on = 1; next } /^```/ { on = 0 } on' "$README" >shown
    sed -n '/^-- Against the sandbox server it prints:$/,$ s/^--   //p' "$ROOT/$file" | diff -u - shown || return
  done < <(sed -n 's/^```output //p' "$README")
  [ $n -gt 0 ]
}

is_for_the_shell() { [[ $1 = *.sql ]] && grep -q '^\.load' "$1"; }   # not one that programs run

# Those for the shell are run here, whatever they are called; the others by a test that knows what they do.
every_example_is_run() {
  local file missing=0
  for file in "$ROOT"/examples/*; do
    file=examples/${file##*/}
    is_for_the_shell "$ROOT/$file" || grep -rqE --include='*.test.sh' "^[^#]*$file" "$ROOT/test" ||
      { echo "no test runs $file"; missing=1; }
    grep -q "]($file)" "$README" || { echo "README.md does not name $file"; missing=1; }
  done
  return $missing
}

# ---- the text ---------------------------------------------------------------------

headings() {   # as they are called in links
  awk '/^```/ { inside = !inside } !inside && /^#+ / { sub(/^#+ /, ""); print tolower($0) }' "$README" |
    sed -e 's/[^a-z0-9 _-]//g' -e 's/ /-/g'
}

links_lead_somewhere() {
  local link missing=0
  headings >headings
  for link in $(grep -oE '\]\([^)]*\)' "$README" | sed 's/^](//; s/)$//' | sort -u); do
    case $link in
      https://*) continue ;;
      '#'*) grep -qxF -e "${link#'#'}" headings && continue ;;
      *) [ -e "$ROOT/$link" ] && continue ;;
    esac
    echo "nothing is at $link"
    missing=1
  done
  return $missing
}

fits_into_115_columns() {   # characters, not bytes
  ! tr -d '\200-\277' <"$README" | awk 'length > 115 { print NR ": " $0 }' | grep .
}

# -----------------------------------------------------------------------------------

if ! take_blocks; then
  not_ok "the blocks of README.md"
  exit 1
fi
ln -s "$ROOT/examples" examples
make_copy
set_python
run_sql_blocks
write_c_blocks
run_sh_blocks
run_python_blocks
check "README.md's links lead somewhere" links_lead_somewhere
check "README.md fits into 115 columns" fits_into_115_columns
check "what README.md says that examples print is what they print" outputs_are_those_of_the_examples
check "every example is run by a test, and named by README.md" every_example_is_run
for file in "$ROOT"/examples/*.sql; do
  is_for_the_shell "$file" || continue
  check "${file##*/} prints what it says" prints_what_it_says "$file"
done
control reset
if [ -n "${PRELOAD:-}" ]; then
  skip "host.c" "builds are not for sanitizers"
else
  check "host.c is built as it says" host_c_is_built_as_it_says
fi
check "nightly-copy.sh copies, silently and again" nightly_copies
check "nightly-copy.sh leaves no table half done on a bad night" nightly_fails_whole
check "nightly-copy.sh lets others write meanwhile" nightly_lets_neighbours_write
check "nightly-copy.sh is alone" nightly_is_alone
check "nightly-copy.sh says what is wrong" nightly_says_what_is_wrong
if [ ${#python[@]} = 0 ]; then
  skip "people.py" "no Python that loads extensions"
else
  check "people.py copies and counts" people_py_counts
  check "people.py can be interrupted" people_py_is_interrupted
fi
