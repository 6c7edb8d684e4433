-- Job titles from a CSV: looked at before they are sent, sent, and taken back.
--
--   sqlite3 crm.db < examples/titles.sql
--
-- This WRITES to Ortto at COMMIT. More than max_updates (1,000) people are refused then, unless you say so:
-- SELECT ortto_config('max_updates', 5000);
.bail on
.load ./ortto
.mode column

CREATE TEMP TABLE title(email TEXT PRIMARY KEY, title TEXT);
.import --csv --skip 1 examples/titles.csv title
DELETE FROM title WHERE title = '';   -- an empty cell; NULL would clear the field

-- The copy, for the values before, and so as to be equal to Ortto now.
SELECT ortto_sync('ortto_people', 'crm_people', 'changes') ->> 'state' AS copy;

BEGIN;
-- The list in the WHERE makes one request of each 100 addresses; the subquery finds the value for each.
UPDATE ortto_people SET job_title = (SELECT title FROM title AS t WHERE t.email = ortto_people.email)
 WHERE email IN (SELECT email FROM title);

-- The preview: nothing has been sent.
SELECT c.email, c.job_title AS before, p.changes ->> 'job_title' AS after
  FROM ortto_pending AS p JOIN crm_people AS c USING (id) ORDER BY c.email LIMIT 10;
SELECT email AS nobody_has FROM title EXCEPT SELECT c.email FROM ortto_pending JOIN crm_people AS c USING (id);

-- What it will take to undo this, whatever happens to the copy.
CREATE TABLE IF NOT EXISTS title_undo(id TEXT PRIMARY KEY, job_title TEXT);
DELETE FROM title_undo;
INSERT INTO title_undo SELECT id, c.job_title FROM ortto_pending JOIN crm_people AS c USING (id);
COMMIT;   -- or ROLLBACK, where the preview is not what was meant

SELECT count(*) AS not_taken FROM ortto_failures;
SELECT email, job_title FROM ortto_people WHERE id IN (SELECT id FROM title_undo) ORDER BY email;

-- And back again.
UPDATE ortto_people SET job_title = (SELECT job_title FROM title_undo AS u WHERE u.id = ortto_people.id)
 WHERE id IN (SELECT id FROM title_undo);
SELECT email, job_title FROM ortto_people WHERE id IN (SELECT id FROM title_undo) ORDER BY email;

-- Against the sandbox server it prints:
--
--   copy
--   ----
--   done
--   email                           before       after
--   ------------------------------  -----------  ---------------
--   isla.sorensen.1197@example.com  Window       Engineer
--   leila.ivanova.1199@example.com  seven paper  Director, Sales
--   tara.okafor.1198@example.com    blue         Head of Garden
--   nobody_has
--   ------------------
--   nobody@example.com
--   not_taken
--   ---------
--   0
--   email                           job_title
--   ------------------------------  ---------------
--   isla.sorensen.1197@example.com  Engineer
--   leila.ivanova.1199@example.com  Director, Sales
--   tara.okafor.1198@example.com    Head of Garden
--   email                           job_title
--   ------------------------------  -----------
--   isla.sorensen.1197@example.com  Window
--   leila.ivanova.1199@example.com  seven paper
--   tara.okafor.1198@example.com    blue
