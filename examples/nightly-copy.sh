#!/bin/sh
# Copies Ortto's people, accounts, tags and audiences into a local SQLite database. Made for cron:
# silent when all went well, one reason on standard error and a status other than 0 when not.
#
#   ORTTO_API_KEY=... nightly-copy.sh crm.db        (and ORTTO_REGION=au or eu)
#   15 3 * * *  ORTTO_API_KEY=file:/etc/ortto.key /opt/ortto/nightly-copy.sh /srv/crm.db
#
# The tables are people, accounts, tags and audiences. All four change in one transaction: whoever
# reads meanwhile sees last night's copy, and a night that fails leaves that copy as it was.
# Each night takes everything anew.
#
# ORTTO_EXTENSION names the extension if it is not where 'make install' puts it.
set -eu

fail() { echo "nightly-copy: $*" >&2; exit 1; }

[ $# = 1 ] || fail "usage: nightly-copy.sh DATABASE"
db=$1
case $db in *"'"*) fail "the database's name must not hold a quote" ;; esac
[ -n "${ORTTO_API_KEY:-}" ] || fail "ORTTO_API_KEY is not set (a key, or file:PATH of a file that holds one)"
command -v sqlite3 >/dev/null || fail "sqlite3 is not installed"
extension=${ORTTO_EXTENSION:-/usr/local/lib/sqlite3/ortto}
case $extension in *"'"*) fail "ORTTO_EXTENSION must not hold a quote" ;; esac

# A run that takes longer than a night must not meet the next one.
if command -v flock >/dev/null; then
  exec 9>"$db.lock"
  flock -n 9 || fail "another copy into $db is still running"
fi

# A query over ortto tables keeps a read lock on the main database while it runs, which can make
# writers wait. So the main database is one without a file (""), which also holds the rows until
# all are there; DATABASE is locked only while the finished rows are written.
sqlite3 -batch -bail -init /dev/null "" <<SQL
.load '$extension'
.timeout 60000
ATTACH '$db' AS copy;
CREATE TABLE new_people    AS SELECT * FROM ortto_people;
CREATE TABLE new_accounts  AS SELECT * FROM ortto_accounts;
CREATE TABLE new_tags      AS SELECT * FROM ortto_tags;
CREATE TABLE new_audiences AS SELECT * FROM ortto_audiences;

BEGIN IMMEDIATE;
DROP TABLE IF EXISTS copy.people;
DROP TABLE IF EXISTS copy.accounts;
DROP TABLE IF EXISTS copy.tags;
DROP TABLE IF EXISTS copy.audiences;
CREATE TABLE copy.people    AS SELECT * FROM new_people;
CREATE TABLE copy.accounts  AS SELECT * FROM new_accounts;
CREATE TABLE copy.tags      AS SELECT * FROM new_tags;
CREATE TABLE copy.audiences AS SELECT * FROM new_audiences;
CREATE UNIQUE INDEX copy.people_id    ON people(id);
CREATE INDEX copy.people_email        ON people(email);
CREATE UNIQUE INDEX copy.accounts_id  ON accounts(id);
CREATE UNIQUE INDEX copy.tags_type_id ON tags(type, id);
COMMIT;
SQL
