#!/usr/bin/env bash
# make lint: holds every #include of the extension against the ladder in src/rooms, whose head says
# what its lines mean, looks for functions that are declared elsewhere than in their room's door, and for types
# whose name another room has for something else: the amalgamation is one unit.
#
#   test/lint.sh [DIR]    the project's folder, if it is not this one
set -euo pipefail
cd "${1:-$(dirname "$0")/..}"

shopt -s nullglob
awk '
function say(text) { print text; bad = 1 }

# "src/client/../os.h" is src/os.h
function resolve(path) {
  while (sub(/[^\/.][^\/]*\/\.\.\//, "", path)) ;
  return path
}

function allow(who, words,    n, word, i) {
  n = split(words, word, " ")
  for (i = 1; i <= n; i++) allowed[who, word[i]] = 1
}

# ---- the list: a folder at the left, rooms under it, and more of the same further in
FILENAME == "src/rooms" {
  sub(/^#.*/, ""); sub(/(^|[ \t])--[ \t].*/, "")
  if ($1 == "") next
  if ($0 ~ /^[^ ]/) {
    who = folder = $1 == "./" ? "" : $1
    is_folder[who] = 1
    $1 = ""
  } else if ($0 ~ /^ ? ? ?[^ ]/) {
    name = $1
    who = folder name
    sub(/\.c$/, "", who)
    floor[who] = ++floors
    home[who] = folder
    if (name !~ /\.c$/) door[who ".h"] = who
    wanted[floors] = name ~ /\.c$/ ? folder name : who ".h"
    $1 = ""
  }
  allow(who, $0)
  next
}

FNR == 1 {
  room = FILENAME
  is_source = sub(/\.c$/, "", room)
  sub(/\.h$/, "", room)
  pending = ""
}

function type_named(name) {
  if (name in type_in) say(FILENAME ": has a type " name ", and so has " type_in[name])
  type_in[name] = FILENAME
}

function may(what) {
  return (room, what) in allowed || (home[room], what) in allowed || ("everywhere", what) in allowed ||
         is_source && (room, "c:" what) in allowed
}

/^[ \t]*#[ \t]*include/ && room in floor {
  match($0, /[<"][^>"]*[>"]/)
  given = substr($0, RSTART, RLENGTH)
  name = substr(given, 2, RLENGTH - 2)
  path = FILENAME
  sub(/[^\/]*$/, "", path)
  path = resolve(path name)
  if (given ~ /^</ || !(path in door)) {
    # What is in quotes and no door of a room: cJSON.h and sqlite3ext.h, or a mistake.
    if (!may("<" name ">")) say(FILENAME ": includes " given ", which src/rooms does not let it")
  } else if (door[path] == room || may(path)) {
  } else if (home[door[path]] == home[room]) {
    if (floor[door[path]] > floor[room]) say(FILENAME ": includes " path ", which stands above it")
  } else if (!may(home[door[path]])) {
    say(FILENAME ": includes " path ", which stands " \
        (floor[door[path]] > floor[room] ? "above it" : "behind another door"))
  }
}

# ---- the names of types, and what else has a name in a file
/^\}[ \t]*[A-Za-z_0-9]+;/ { name = $0; gsub(/[} \t]|;.*/, "", name); type_named(name) }
/^typedef [^{]*[ *][A-Za-z_0-9]+;/ { name = $0; sub(/;.*/, "", name); sub(/^.*[ *]/, "", name); type_named(name) }
/^static .*[ *][A-Za-z_0-9]+(\[[^\]]*\])* = / {
  name = $0
  sub(/(\[[^\]]*\])* = .*/, "", name); sub(/^.*[ *]/, "", name)
  has_value[++values] = name SUBSEP FILENAME
}

# ---- a function of another room, declared by hand in a source file
is_source && /^extern[ \t]/ { say(FILENAME ":" FNR ": declares outside a header what another room has") }
is_source && pending == "" && /^[A-Za-z_].*[ *]\**[A-Za-z_0-9]+\(/ &&
  !/^(static|typedef|extern|_Static_assert)/ { pending = FNR; text = "" }
is_source && pending != "" {
  text = text $0
  if (text ~ /\{/) pending = ""
  else if (text ~ /;/) {
    match(text, /[A-Za-z_0-9]+\(/)
    declared[FILENAME, substr(text, RSTART, RLENGTH - 1)] = pending
    where[++declarations] = FILENAME SUBSEP substr(text, RSTART, RLENGTH - 1)
    pending = ""
  }
}

END {
  for (i = 2; i < ARGC; i++) {
    there[ARGV[i]] = 1
    room = ARGV[i]
    sub(/\.[ch]$/, "", room)
    if (!(room in floor)) say(ARGV[i] ": is not in src/rooms")
  }
  for (i = 1; i <= floors; i++)
    if (!(wanted[i] in there)) say("src/rooms: " wanted[i] " is not there")
  for (i = 1; i <= declarations; i++) {
    split(where[i], part, SUBSEP)
    if (part[2] != "sqlite3_ortto_init")
      say(part[1] ":" declared[where[i]] ": declares " part[2] " outside a header")
  }
  for (i = 1; i <= values; i++) {
    split(has_value[i], part, SUBSEP)
    if (part[1] in type_in) say(part[2] ": has a value " part[1] ", which is a type in " type_in[part[1]])
  }
  exit bad
}
' src/rooms ortto_*.[ch] src/*.[ch] src/*/*.[ch]
