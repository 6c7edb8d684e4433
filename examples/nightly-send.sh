#!/bin/sh
# Sends the contacts that wait in a local table to Ortto, and keeps what failed. Made for cron: silent
# when all went well, one line on standard error and a status other than 0 when not.
#
#   ORTTO_API_KEY=... nightly-send.sh crm.db        (and ORTTO_REGION=au or eu)
#   30 2 * * *  ORTTO_API_KEY=file:/etc/ortto.key /opt/ortto/nightly-send.sh /srv/crm.db
#
# The contacts stand in the table outbox, which is made if it is missing. Change the columns here and in
# "record" to yours. A NULL is not sent; without the option nulls it would clear the field in Ortto. Afterwards
#   - what Ortto took is gone from outbox,
#   - what was refused (a bad email, a text that is too long) is in outbox_failed, with all reasons,
#   - what was not sent, or may not have arrived, is still in outbox for the next night: sending a contact
#     twice is harmless.
# A row that somebody changes while it is being sent stays in outbox, too.
#
# Long lists. Ortto's API takes 100 records a request, a Segment data source 500, and no request is larger
# than 2 MB. 10,000 contacts of six fields, from a table, at a latency of 200 ms and a rate of 10:
#
#             requests    time      records a second
#   API         100      10.3 s         967   (97 % of what ten requests of 100 a second allow)
#   Segment      20       1.5 s       6,700
#
# 100,000 contacts in one call needed 73 MB beyond SQLite's own copy of the list.
#
# Order. Records that may be the same contact take effect in the order given: those that share an id, an
# email or an external id, and those that have no kind of these in common, since the one may be the other
# under another key. The later waits for the request of the earlier; the others go side by side. So a long
# list in which emails and external ids alternate is slow: sort it by kind, or give every record both. An
# external id that a record changes beside an email does not hold up a later record that names somebody by
# the old one alone.
#
# ORTTO_EXTENSION names the extension if it is not where 'make install' puts it.
set -eu

record="json_object('fields', json_object(
  'email', email, 'first_name', first_name, 'last_name', last_name, 'city', city))"

fail() { echo "nightly-send: $*" >&2; exit 1; }

[ $# = 1 ] || fail "usage: nightly-send.sh DATABASE"
db=$1
case $db in *"'"*) fail "the database's name must not hold a quote" ;; esac
[ -n "${ORTTO_API_KEY:-}" ] || fail "ORTTO_API_KEY is not set (a key, or file:PATH of a file that holds one)"
command -v sqlite3 >/dev/null || fail "sqlite3 is not installed"
extension=${ORTTO_EXTENSION:-/usr/local/lib/sqlite3/ortto}
case $extension in *"'"*) fail "ORTTO_EXTENSION must not hold a quote" ;; esac

# A run that takes longer than a night must not meet the next one.
if command -v flock >/dev/null; then
  exec 9>"$db.send.lock"
  flock -n 9 || fail "another run for $db is still sending"
fi

# The main database is one without a file (""): while contacts are being sent, nothing of DATABASE is locked.
said=$(sqlite3 -batch -bail -init /dev/null "" <<SQL
.load '$extension'
.timeout 60000
ATTACH '$db' AS crm;
CREATE TABLE IF NOT EXISTS crm.outbox(
  id INTEGER PRIMARY KEY, email TEXT, first_name TEXT, last_name TEXT, city TEXT);
CREATE TABLE IF NOT EXISTS crm.outbox_failed(at TEXT, status INTEGER, message TEXT, id INTEGER, record TEXT);

CREATE TABLE sending AS
  SELECT row_number() OVER (ORDER BY id) - 1 AS i, id, $record AS record FROM crm.outbox;
CREATE TABLE outcome AS
  SELECT key AS i, value->>'status' AS status,
         coalesce((SELECT group_concat(value->>'message', '; ') FROM json_each(o.value, '\$.errors')),
                  value->>'errormessage') AS message,
         CASE WHEN value->>'status' = 200 THEN 'taken'
              WHEN value->>'status' IN (0, 401, 403, 408, 409, 429) OR value->>'status' >= 500 THEN 'waiting'
              ELSE 'refused' END AS fate
    FROM json_each(ortto_upsert((
           SELECT json_group_array(json(record)) FROM (SELECT record FROM sending ORDER BY i)), '{"nulls":"skip"}')) AS o;

BEGIN IMMEDIATE;
INSERT INTO crm.outbox_failed
  SELECT datetime(), status, message, id, record FROM sending JOIN outcome USING (i) WHERE fate = 'refused';
DELETE FROM crm.outbox
 WHERE (id, $record) IN (SELECT id, record FROM sending JOIN outcome USING (i) WHERE fate <> 'waiting');
COMMIT;

SELECT printf('%d of %d contacts were taken, %d refused (see outbox_failed), %d wait in outbox: ',
              sum(fate = 'taken'), count(*), sum(fate = 'refused'), sum(fate = 'waiting'))
       || (SELECT message FROM outcome WHERE fate <> 'taken' ORDER BY fate = 'refused', i LIMIT 1)
  FROM outcome HAVING sum(fate <> 'taken') > 0;
SQL
) || exit 1
[ -z "$said" ] || fail "$said"
