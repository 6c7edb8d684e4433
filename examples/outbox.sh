#!/bin/sh
# The outbox pattern: an application writes contacts into a local table, in the same transaction as its
# own data; this script delivers them to Ortto. Made for cron, every minute: silent when all went well,
# one reason on standard error and a status other than 0 when not.
#
#   ORTTO_API_KEY=... outbox.sh shop.db        (and ORTTO_REGION=au or eu)
#
# The application fills the table outbox, which is made here if it is not there:
#
#   INSERT INTO outbox(email, first_name, last_name, city) VALUES('zoe@example.com', 'Zoe', 'Berg', 'Oslo');
#
# Rows are sent and deleted in one transaction. Nothing is sent before COMMIT, and if Ortto does not take
# all, COMMIT fails and the rows stay. So whatever happens (a crash, kill -9, no network), no row is lost;
# a row may be delivered twice, which a merge makes harmless. COMMIT holds the write lock of the database
# while it sends: hence not more than 1,000 rows at a time.
#
# Rows that Ortto itself refused go to outbox_refused with its reason, so that they do not stand in the
# way of the others. A value that cannot be right (a text that is too long, say) stops the script with a
# message that names it, before anything is sent.
#
# ORTTO_EXTENSION names the extension if it is not where 'make install' puts it.
set -eu

fail() { echo "outbox: $*" >&2; exit 1; }

[ $# = 1 ] || fail "usage: outbox.sh DATABASE"
[ -n "${ORTTO_API_KEY:-}" ] || fail "ORTTO_API_KEY is not set (a key, or file:PATH of a file that holds one)"
command -v sqlite3 >/dev/null || fail "sqlite3 is not installed"
extension=${ORTTO_EXTENSION:-/usr/local/lib/sqlite3/ortto}
case $extension in *"'"*) fail "ORTTO_EXTENSION must not hold a quote" ;; esac

# Sends the oldest rows and prints how many are left.
deliver() {
  sqlite3 -batch -init /dev/null "$1" <<SQL
.bail on
.timeout 30000
.load '$extension'
CREATE TABLE IF NOT EXISTS outbox(
  id INTEGER PRIMARY KEY, email TEXT NOT NULL, first_name TEXT, last_name TEXT, city TEXT);
CREATE TABLE IF NOT EXISTS outbox_refused(
  id INTEGER, email TEXT, first_name TEXT, last_name TEXT, city TEXT, at TEXT, reason TEXT);
CREATE TEMP TABLE batch AS SELECT id FROM outbox ORDER BY id LIMIT 1000;
BEGIN IMMEDIATE;
INSERT INTO ortto_people(email, first_name, last_name, city)
  SELECT email, first_name, last_name, city FROM outbox WHERE id IN (SELECT id FROM batch) ORDER BY id;
DELETE FROM outbox WHERE id IN (SELECT id FROM batch);
.bail off
COMMIT;
-- If that failed, all rows are in the outbox again, and ortto_failures says which Ortto refused.
BEGIN IMMEDIATE;
INSERT INTO outbox_refused
  SELECT o.*, max(f.at), f.message FROM outbox o JOIN ortto_failures f ON f.email = o.email
   WHERE f.status = 400 AND o.id IN (SELECT id FROM batch) GROUP BY o.id;
DELETE FROM outbox WHERE id IN (SELECT id FROM outbox_refused);
COMMIT;
SELECT count(*) FROM outbox;
SQL
}

left=1
while [ "$left" -gt 0 ]; do
  left=$(deliver "$1") || exit 1
done
