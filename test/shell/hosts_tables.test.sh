# What examples/hosts.md says of who lists the tables, after examples/tables.sql and without it.
# sandbox: --seed 1 --people 1200
# env: ORTTO_RATE=0
# shellcheck shell=bash
# shellcheck source=test/shell/hosts.sh
. "$ROOT/test/shell/hosts.sh"
export CLASSPATH=/usr/share/java/sqlite-jdbc.jar:/usr/share/java/slf4j-api.jar
wanted='ortto_account_custom_fields ortto_accounts ortto_activities ortto_activity_types ortto_audience_members'
wanted="$wanted ortto_audiences ortto_fields ortto_people ortto_person_custom_fields ortto_tags"
in_shell() { sqlite3 -batch -init /dev/null -cmd '.load ./ortto' "$@" 2>&1; }
lists() {   # lists NAME COMMAND...: names all of them, among others
  local name=$1 said
  shift
  said=$("$@" 2>&1)
  is "$name" "$(grep -oE 'ortto_[a-z_]+' <<<"$said" | sort -u | tr '\n' ' ' | sed 's/ $//')" "$wanted"
}

# ---- what tables.sql does -----------------------------------------------------------

in_shell crm.db '.read examples/tables.sql' .tables >seen.out
lists 'sqlite3: .tables' cat seen.out
is 'each is one that can be made' "$wanted" \
  "$(in_shell :memory: "CREATE VIRTUAL TABLE temp.t USING ortto(table=none)" | sed 's/.*the tables are //' | tr -d ' ' |
     tr , '\n' | sed 's/^/ortto_/' | sort | tr '\n' ' ' | sed 's/ $//')"
is 'a second time it changes nothing' "$(in_shell crm.db '.read examples/tables.sql' '.read examples/tables.sql')" ''
is 'nothing is in the file' "$(sqlite3 -batch -init /dev/null crm.db 'SELECT group_concat(name) FROM sqlite_schema')" mine
is 'ortto_check() has nothing against them' "$(in_shell crm.db '.read examples/tables.sql' 'SELECT ortto_check()')" ok
control forget
in_shell crm.db '.read examples/tables.sql' >made.out
requests=$(requests '')
if [ "$requests" -le 10 ]; then ok 'it costs ten requests or fewer'; else not_ok "it costs $requests requests"; fi
is 'read and written as ever' "$(in_shell crm.db '.read examples/tables.sql' \
  "UPDATE ortto_people SET city = 'Bern' WHERE email = 'tara.okafor.1198@example.com'" \
  "SELECT city FROM ortto_people WHERE email = 'tara.okafor.1198@example.com'")" Bern
sed 's/ temp\./ /' examples/tables.sql | in_shell ortto.db >file.out
is 'a file with them has no key' "$(grep -c "$ORTTO_API_KEY" ortto.db)" 0
has 'and takes no UPDATE' "$(in_shell ortto.db "UPDATE ortto_people SET city = 'Bern'")" write=on
is 'and opens without key and network' \
  "$(ORTTO_API_KEY='' ORTTO_API_URL=http://127.0.0.1:1 in_shell ortto.db 'SELECT count(*) FROM sqlite_schema')" 10

# ---- who shows them -----------------------------------------------------------------

cat >seen.py <<'PYTHON'
from sqlalchemy import create_engine, event, inspect
engine = create_engine("sqlite:///crm.db")
@event.listens_for(engine, "connect")
def load(con, _):
    con.enable_load_extension(True); con.load_extension("./ortto")
    con.executescript(open("examples/tables.sql").read())
with engine.connect() as connection:
    assert inspect(connection).get_columns("ortto_people")[1]["name"] == "email"
    print(inspect(connection).get_temp_table_names())
PYTHON
if python=$(python_with sqlalchemy); then lists SQLAlchemy "$python" seen.py; else skip SQLAlchemy 'it is not here'; fi

{ block perl | grep -v print; echo '$db->do($_) for split /;\n/, `cat examples/tables.sql`; print $db->tables'; } >seen.pl
if perl -MDBD::SQLite -e 1 2>/dev/null; then lists Perl perl seen.pl
else skip Perl 'no DBD::SQLite'; fi

{ block r | grep -v print; cat <<'R'; } >seen.R
for (sql in strsplit(paste(readLines("examples/tables.sql"), collapse = "\n"), ";\n?")[[1]]) DBI::dbExecute(con, sql)
stopifnot("email" %in% DBI::dbListFields(con, "ortto_people"))
print(DBI::dbListTables(con))
R
if Rscript -e 'library(RSQLite)' >/dev/null 2>&1; then lists R Rscript seen.R; else skip R 'no R with RSQLite'; fi

cat >Seen.java <<'JAVA'
import java.nio.file.*;
import java.sql.*;
class Seen { public static void main(String[] arguments) throws Exception {
  Connection con = DriverManager.getConnection("jdbc:sqlite:crm.db?enable_load_extension=true");
  con.createStatement().execute("SELECT load_extension('./ortto')");
  for (String sql : new String(Files.readAllBytes(Paths.get("examples/tables.sql"))).split(";\n"))
    con.createStatement().executeUpdate(sql);
  ResultSet tables = con.getMetaData().getTables(null, null, "%", null);
  while (tables.next())
    if (tables.getString("TABLE_TYPE").equals("GLOBAL TEMPORARY")) System.out.println(tables.getString("TABLE_NAME"));
} }
JAVA
if here java && [ -e "${CLASSPATH%%:*}" ]; then lists Java java -XX:TieredStopAtLevel=1 Seen.java
else skip Java 'no java with a driver for SQLite'; fi

# ---- who looks at the file alone ----------------------------------------------------

if here sqlite-utils; then lists 'sqlite-utils: a file' sqlite-utils tables ortto.db --load-extension ./ortto
else skip sqlite-utils 'it is not here'; fi
if here ogrinfo; then
  lists 'GDAL: a file' env OGR_SQLITE_LOAD_EXTENSIONS="$PWD/ortto.so" ogrinfo -q ortto.db
else
  skip GDAL 'no ogrinfo'
fi
block odbc >odbc.ini
if here isql && odbcinst -q -d 2>/dev/null | grep -qF '[SQLite3]'; then
  lists 'ODBC: a file' env ODBCINI="$PWD/odbc.ini" isql -b ortto <<<help
else
  skip ODBC 'no isql with a driver for SQLite3'
fi
