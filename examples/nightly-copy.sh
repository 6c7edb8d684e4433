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
SELECT ortto_sync('*', 'crm_');
SQL
