#!/bin/sh
# Keeps a local SQLite database equal to an Ortto account. Made for cron: silent when all went well,
# one reason on standard error and a status other than 0 when not.
#
#   ORTTO_API_KEY=... nightly-copy.sh crm.db        (and ORTTO_REGION=au or eu)
#   15 3 * * *  ORTTO_API_KEY=file:/etc/ortto.key /opt/ortto/nightly-copy.sh /srv/crm.db
#
# The tables are crm_people, crm_accounts, crm_tags and so on. Each changes in one transaction, one
# after the other: whoever reads sees the old copy or the new one, and a table whose turn did not
# come stays as it was. A run that was interrupted goes on where it stopped when this is called
# again; one that is still at work makes a second one fail. ortto_sync_state tells how each run went.
#
# The requests are those of a full read: 200 seconds for a million people at 10 a second. Others can write
# meanwhile; they wait while a page is stored and while the table changes, so give them a busy timeout. Who holds the
# database longer than a minute ends this run, which says so; the next call goes on.
# Measured with 40 columns on two cores, in WAL mode, against the sandbox without a rate limit:
#
#                                              100,000 people   1,000,000 people
#   CREATE TABLE ... AS SELECT, to compare          1.2 s             10.7 s
#   first sync                                      1.2 s             13.0 s
#   sync with nothing changed                       1.2 s             13.6 s
#   of this, others cannot write (first: none)      0.25 s             2.5 s
#   memory of the whole process                     22 MB              55 MB
#
# With other work on the machine the largest took up to 1.7 times the plain copy, and its lock 5.8 s.
#
# ORTTO_EXTENSION names the extension if it is not where 'make install' puts it.
set -eu

fail() { echo "nightly-copy: $*" >&2; exit 1; }

[ $# = 1 ] || fail "usage: nightly-copy.sh DATABASE"
[ -n "${ORTTO_API_KEY:-}" ] || fail "ORTTO_API_KEY is not set (a key, or file:PATH of a file that holds one)"
command -v sqlite3 >/dev/null || fail "sqlite3 is not installed"
extension=${ORTTO_EXTENSION:-/usr/local/lib/sqlite3/ortto}
case $extension in *"'"*) fail "ORTTO_EXTENSION must not hold a quote" ;; esac

exec sqlite3 -batch -bail -init /dev/null "$1" >/dev/null <<SQL
.load '$extension'
.timeout 60000
SELECT ortto_sync('*', 'crm_');
SQL
