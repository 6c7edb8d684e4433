#!/usr/bin/env bash
# test/debian_source.sh PACKAGE FOLDER: the source package as Debian has it, unpacked in FOLDER.
# The system's lists seldom have deb-src entries: copies of them do, in a folder of our own. apt checks the
# signatures.
set -euo pipefail
package=$1 folder=$2
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
tmp=$(mktemp -d "$folder/apt.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp/parts" "$tmp/lists/partial" "$tmp/cache/archives/partial"
: >"$tmp/sources.list"
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
  [ -f "$file" ] || continue
  sed -E 's/^deb([[:space:]])/deb-src\1/; s/^Types:.*/Types: deb-src/' "$file" >"$tmp/parts/$(basename "$file")"
done
apt=(apt-get -q -o APT::Sandbox::User=root
     -o Dir::Etc::SourceList="$tmp/sources.list" -o Dir::Etc::SourceParts="$tmp/parts"
     -o Dir::State::Lists="$tmp/lists" -o Dir::Cache="$tmp/cache")
cd "$folder"
{ "${apt[@]}" update || true; } >"$folder/fetch.log" 2>&1
"${apt[@]}" source "$package" >>"$folder/fetch.log" 2>&1 || { cat "$folder/fetch.log" >&2; exit 1; }
