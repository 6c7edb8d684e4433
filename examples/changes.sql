-- What has changed in Ortto since the last time? The sync writes it down, and so can a trigger on the copy.
--
--   sqlite3 crm.db < examples/changes.sql
--
-- The first run makes the copy; from then on, whoever moves is written into the table moved, and whatever
-- changes into people_log.
.bail on
.load ./ortto
.mode column

SELECT ortto_sync('ortto_people', 'people') ->> 'state' AS sync;

-- Only for the sandbox: as if the copy had been made before Tara moved. Yours does without this line.
UPDATE people SET city = 'Atlantis' WHERE email = 'tara.okafor.1198@example.com';

CREATE TABLE IF NOT EXISTS moved(at TEXT DEFAULT CURRENT_TIMESTAMP, email TEXT, before TEXT, now TEXT);
CREATE TRIGGER IF NOT EXISTS people_moved AFTER UPDATE OF city ON people WHEN old.city IS NOT new.city
BEGIN
  INSERT INTO moved(email, before, now) VALUES (new.email, old.city, new.city);
END;

SELECT ortto_sync('ortto_people', 'people', '{"log":true}') ->> 'updated' AS updated;
SELECT email, before, now FROM moved;
SELECT action, column_name, before, after FROM people_log;

-- Against the sandbox server it prints:
--
--   sync
--   ----
--   done
--   updated
--   -------
--   1
--   email                         before    now
--   ----------------------------  --------  ------
--   tara.okafor.1198@example.com  Atlantis  Zürich
--   action   column_name  before    after
--   -------  -----------  --------  ------
--   updated  city         Atlantis  Zürich
