#!/usr/bin/env bash
# make amalgamation: the whole extension but libcurl as one ortto.c, as SQLite itself is given away.
#
#   src/amalgamation.sh CJSON OUT    CJSON: a folder with cJSON.c and cJSON.h; OUT: the file to write
#
# The rooms stand in it in the order of src/rooms, each header where it is first wanted. What rooms show one
# another is static here, and a static name that two of them use is told apart by the room's name. Which names
# there are says gcc (or CC).
set -euo pipefail
cjson=$1 out=$2
cd "$(dirname "$0")/.."
if [ ! -f "$cjson/cJSON.c" ] || [ ! -f "$cjson/cJSON.h" ]; then
  echo "amalgamation: no cJSON.c and cJSON.h in $cjson" >&2
  exit 1
fi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

mapfile -t rooms < <(awk '
  { sub(/^#.*/, ""); sub(/(^|[ \t])--[ \t].*/, "") }
  $1 == "" || $1 == "everywhere" { next }
  /^[^ ]/ { folder = $1 == "./" ? "" : $1; next }
  /^ ? ? ?[^ ]/ { name = $1; sub(/\.c$/, "", name); print folder name ".c" }' src/rooms)

for room in "${rooms[@]}"; do
  [ -f "$room" ] || continue
  # shellcheck disable=SC2086
  ${CC:-gcc} -w -O0 -fkeep-static-functions -std=c11 -DSQLITE_CORE -DORTTO_CJSON -I"$cjson" ${CPPFLAGS:-} \
    -c -o "$tmp/room.o" "$room"
  nm --defined-only "$tmp/room.o" | awk -v room="$room" '
    $3 ~ /^[A-Za-z][A-Za-z_0-9]*$/ && $3 != "sqlite3_ortto_init" {
      print $3, ($2 ~ /[A-Z]/ ? "visible" : "static"), room }'
done | sort -u >"$tmp/names"
# What headers define is the same in every room.
sed -n -E 's/^static .*[ *]([a-z_0-9]+)\(.*/\1/p' src/*.h src/*/*.h ortto_client.h >"$tmp/inlined"

awk -v cjson="$cjson" -v version="$(sed -n 's/^#define ORTTO_VERSION "\(.*\)"/\1/p' ortto_client.h)" '
function resolve(path) {
  while (sub(/[^\/.][^\/]*\/\.\.\//, "", path)) ;
  return path
}

# System headers stand at the top, but for those under an #if; a header of ours where it is wanted first.
function include(file, line,    name, folder) {
  name = line
  sub(/^[^"<]*["<]/, "", name); sub(/[">].*/, "", name)
  if (line ~ /</) { if (depth > 0) text[++lines] = line; else print "#include <" name ">" | top; return }
  folder = file
  sub(/[^\/]*$/, "", folder)
  if (name != "cJSON.h") take(resolve(folder name))
}

# A declaration or definition, at the left margin, of what other rooms see.
function hide(line,    rest, name) {
  if (line !~ /^[A-Za-z]/ || line ~ /^(static|typedef|return|EXPORT)[^a-z_]/) return line
  rest = line
  sub(/[(;=\[].*/, "", rest); sub(/[ \t]+$/, "", rest)
  name = rest
  sub(/^.*[ *]/, "", name)
  if (!(name in visible) || name == rest) return line
  sub(/^extern /, "", line)
  return "static " line
}

function tell_apart(how, room,    n, name, i, mark) {
  mark = room
  gsub(/^.*\/|\.c$/, "", mark)
  n = split(statics[room], name, " ")
  for (i = 1; i <= n; i++)
    if (uses[name[i]] > 1 && !(name[i] in inlined))
      text[++lines] = how " " name[i] (how == "#define" ? " " name[i] "_of_" mark : "")
}

function take(file,    line, guarded, outer, begun) {
  if (file in taken) return
  taken[file]
  outer = depth
  depth = 0
  text[++lines] = "\n/************** " file " **************/"
  begun = file ~ /\.h$/
  while ((getline line < file) > 0) {
    if (line ~ /^#define _GNU_SOURCE/) continue
    if (!guarded && line ~ /^#ifndef ORTTO_[A-Z_]*_H$/) { guarded = 1; getline line < file; continue }
    if (line ~ /^[ \t]*#[ \t]*if/) depth++
    if (line ~ /^[ \t]*#[ \t]*endif/ && --depth < 0) continue
    if (line ~ /^[ \t]*#[ \t]*include/) include(file, line)
    else {
      if (!begun && line ~ /^[a-z]|^#define/) { begun = 1; tell_apart("#define", file) }
      text[++lines] = hide(line)
    }
  }
  if (file ~ /\.c$/) tell_apart("#undef", file)
  close(file)
  depth = outer
}

function take_cjson(name,    line) {
  while ((getline line < (cjson "/" name)) > 0) {
    if (line ~ /#define CJSON_PUBLIC\(type\)/) line = "#define CJSON_PUBLIC(type) static type"
    if (line !~ /^#include "cJSON.h"|#pragma GCC visibility/) print line
  }
}

BEGIN {
  top = "sort -u"
  print "/*"
  print "** ortto.c - ortto " version ", a loadable extension for SQLite, in one file: all but libcurl is in it."
  print "**"
  print "**     cc -shared -fPIC -o ortto.so ortto.c -lcurl -lm"
  print "**"
  print "** or beside sqlite3.c with -DSQLITE_CORE; then sqlite3_auto_extension() takes sqlite3_ortto_init. Made from"
  print "** the sources of the project, which are the place to read and to change. cJSON bears its licence below."
  print "*/"
  print "#ifndef _GNU_SOURCE\n#define _GNU_SOURCE\n#endif\n#define ORTTO_CJSON\n#define ENABLE_LOCALES\n"
}
FILENAME ~ /names$/ {
  uses[$1]++
  if ($2 == "visible") visible[$1]; else statics[$3] = statics[$3] " " $1
  next
}
FILENAME ~ /inlined$/ { inlined[$1]; next }
{ take($1) }
END {
  close(top)
  print "\n#ifdef __GNUC__\n#pragma GCC diagnostic push"
  print "#pragma GCC diagnostic ignored \"-Wunused-function\"\n#endif"
  take_cjson("cJSON.h")
  take_cjson("cJSON.c")
  print "#undef true\n#undef false\n#undef near\n#ifdef __GNUC__\n#pragma GCC diagnostic pop\n#endif"
  for (i = 1; i <= lines; i++) print text[i]
}' "$tmp/names" "$tmp/inlined" <(printf '%s\n' "${rooms[@]}") >"$out.new"
mv "$out.new" "$out"
