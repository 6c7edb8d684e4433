# examples/hosts.md keeps its word: each block whose program is here runs, and prints how many people there are; what
# it says of a program's traps is so. (What is compiled: hosts_compiled.test.sh; lists: hosts_tables.test.sh.)
# sandbox: --seed 1 --people 1200
# env: ORTTO_RATE=0
# shellcheck shell=bash
# shellcheck source=test/shell/hosts.sh
. "$ROOT/test/shell/hosts.sh"

# ---- the shell ----------------------------------------------------------------------

block sqlite3rc >.sqliterc
people "sqlite3's ~/.sqliterc" sqlite3 -batch -init .sqliterc crm.db .tables 'SELECT count(*) FROM ortto_people'
block tables >tables.sh
people 'sqlite3, the tables in one line' bash -e tables.sh
block file >file.sh
people 'sqlite3, a file with the tables' bash -e file.sh

# ---- Python, Node -------------------------------------------------------------------

for host in sqlite3 pandas sqlalchemy apsw; do
  block $host >$host.block
  if python=$(python_with $host); then people "Python: $host" "$python" $host.block
  else skip "Python: $host" "no Python with it whose sqlite3 loads extensions"; fi
done
block sqlite-utils >utils.sh
if here sqlite-utils; then people sqlite-utils bash -e utils.sh; else skip sqlite-utils 'it is not here'; fi

for host in node:sqlite better-sqlite3; do
  block $host >$host.js
  if node=$(node_with $host); then people $host "$node" --no-warnings ./$host.js
  else skip $host 'no Node with it'; fi
done

# ---- PHP, Perl, Ruby, R, Tcl --------------------------------------------------------

php_is_as_it_says() {
  php=(php -d "sqlite3.extension_dir=$PWD")
  people PHP "${php[@]}" host.php
  { sed '/querySingle/d' host.php; cat <<'PHP'; } >twice.php
$result = $db->query("SELECT id FROM ortto_people WHERE email = 'tara.okafor.1198@example.com'");
while ($result->fetchArray()) ;
PHP
  control forget
  "${php[@]}" twice.php
  is 'PHP: query() runs a SELECT twice' "$(requests /v1/person/get)" 2
  mkdir linked
  ln -s "$PWD/ortto.so" linked/
  has 'PHP: a link out of extension_dir is refused' "$(php -d "sqlite3.extension_dir=$PWD/linked" host.php 2>&1)" \
    'outside the defined directory'
}
block php >host.php
if php -r 'exit(class_exists("SQLite3") ? 0 : 1);' 2>/dev/null; then php_is_as_it_says
else skip PHP 'no php with SQLite3'; fi

block perl >host.pl
if perl -MDBD::SQLite -e 1 2>/dev/null; then people Perl perl host.pl; else skip Perl 'no DBD::SQLite'; fi
block ruby >host.rb
if ruby -rsqlite3 -e 1 2>/dev/null; then people Ruby ruby host.rb; else skip Ruby 'no ruby with sqlite3'; fi
block r >host.R
if Rscript -e 'library(RSQLite)' >/dev/null 2>&1; then people R Rscript host.R; else skip R 'no R with RSQLite'; fi
block tcl >host.tcl
if [ "$(echo 'package require sqlite3; puts here' | tclsh 2>/dev/null)" = here ]; then people Tcl tclsh host.tcl
else skip Tcl 'no tclsh with sqlite3'; fi

# ---- GDAL, ODBC, Lua, DB Browser ----------------------------------------------------

block gdal >gdal.sh
if here ogr2ogr; then
  control forget
  people GDAL bash -e gdal.sh
  is 'GDAL: the file has all of them' "$(($(wc -l <people.csv) - 1))" 1180
else
  skip GDAL 'no ogr2ogr'
fi

block odbc >odbc.ini
if here isql && odbcinst -q -d 2>/dev/null | grep -qF '[SQLite3]'; then
  people ODBC env ODBCINI="$PWD/odbc.ini" isql -b ortto <<<'SELECT count(*) FROM ortto_people'
else
  skip ODBC 'no isql with a driver for SQLite3'
fi

lua="print(require'luasql.sqlite3'.sqlite3():connect('crm.db'):execute([[SELECT load_extension('./ortto')]]))"
if lua5.4 -e 'require"luasql.sqlite3"' 2>/dev/null; then
  has 'LuaSQL cannot load it' "$(lua5.4 -e "$lua" 2>&1)" 'not authorized'
else
  skip 'LuaSQL cannot load it' 'no lua5.4 with luasql.sqlite3'
fi

# Its settings are what pressing the page's buttons leaves; the script that it runs tells the server what it has.
browser_has_the_tables() {
  local pid tries=0 found=
  mkdir -p .config/sqlitebrowser
  printf '[extensions]\nlist=%s\n[db]\ndefaultsqltext="%s"\n[checkversion]\nenabled=false\n' "$PWD/ortto.so" \
    "$(grep -v '^--' examples/tables.sql | tr '\n' ' ')" >.config/sqlitebrowser/sqlitebrowser.conf
  echo "SELECT ortto_upsert(json_object('fields', json_object('email', count(*) || '@listed.example.com')))
          FROM sqlite_temp_schema;" >browser.sql
  HOME=$PWD xvfb-run -a bash -c 'sqlitebrowser -s browser.sql crm.db & pid=$!
    until [ -e browser.done ] || ! kill -0 $pid 2>/dev/null; do sleep 0.1; done; kill $pid' >browser.out 2>&1 &
  pid=$!
  until [ -n "$found" ] || [ $((tries += 1)) -gt 120 ]; do
    sleep 0.25
    found=$(sqlite3 -batch -init /dev/null -cmd '.load ./ortto' :memory: \
      "SELECT email FROM ortto_people WHERE email LIKE '%@listed.example.com'")
  done
  touch browser.done
  wait $pid 2>/dev/null
  [ -n "$found" ] || cat browser.out
  is 'DB Browser for SQLite loads it, and has the tables' "$found" 10@listed.example.com
}
if here sqlitebrowser && here xvfb-run; then browser_has_the_tables
else skip 'DB Browser for SQLite' 'no sqlitebrowser, or no xvfb-run'; fi

# ---- the page -----------------------------------------------------------------------

unused_blocks() {   # those that no test names
  local name
  block_names | while read -r name; do
    grep -qE "block $name( |\))|^for host in.* ${name}[ ;]" "$ROOT"/test/shell/hosts*.test.sh || echo "$name"
  done
}
links_to_nowhere() {
  local link headings
  headings=$(sed -nE 's/^#+ //p' "$HOSTS" | tr '[:upper:] ' '[:lower:]-')
  for link in $(grep -oE '\]\([^)]*\)' "$HOSTS" | sed 's/^](//; s/)$//' | sort -u); do
    case $link in
      '#'*) grep -qxF -e "${link#'#'}" <<<"$headings" || echo "$link" ;;
      *) [ -e "$ROOT/examples/${link%%#*}" ] || echo "$link" ;;
    esac
  done
}
is 'each block is run by a test' "$(unused_blocks)" ''
is 'examples/hosts.md: its links lead somewhere' "$(links_to_nowhere)" ''
is 'examples/hosts.md fits into 115 columns' "$(tr -d '\200-\277' <"$HOSTS" | awk 'length > 115 { print NR }')" ''
