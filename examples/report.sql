-- Questions over a local copy: plain SQL, with SQLite's own speed, and no request but those of the copy.
--
--   sqlite3 crm.db < examples/report.sql
.bail on
.load ./ortto
.mode column

-- The first time this reads all; later the newest edits. Let a full sync run every night beside it.
SELECT ortto_sync('ortto_people', 'people', 'changes') ->> 'state' AS sync;
CREATE INDEX IF NOT EXISTS people_email ON people(email);

-- New contacts by month, and how many of them may be written to.
SELECT strftime('%Y-%m', created) AS month, count(*) AS people, sum(email_permission) AS subscribed
  FROM people GROUP BY month ORDER BY month DESC LIMIT 4;

-- Who has which custom fields filled? Money is in the unit that people see.
SELECT plan, count(*) AS people, round(avg(plan_value), 2) AS average_value, sum(is_vip) AS vips
  FROM people WHERE plan IS NOT NULL GROUP BY plan ORDER BY people DESC, plan LIMIT 4;

-- Tags are a JSON array, of which json_each makes rows. Who has two tags at once?
SELECT a.value AS tag, b.value AS together_with, count(*) AS people
  FROM people, json_each(people.tags) AS a, json_each(people.tags) AS b
 WHERE a.value < b.value GROUP BY 1, 2 ORDER BY people DESC, 1, 2 LIMIT 3;

-- Doubles: the same name in the same city.
SELECT trim(name) AS name, city, count(*) AS times FROM people
 WHERE trim(name) <> '' AND city IS NOT NULL
 GROUP BY 1, city HAVING count(*) > 1 ORDER BY times DESC, 1, city LIMIT 3;

-- Against the sandbox server it prints:
--
--   sync
--   ----
--   done
--   month    people  subscribed
--   -------  ------  ----------
--   2025-09  49      40
--   2025-08  50      41
--   2025-07  50      37
--   2025-06  48      37
--   plan   people  average_value  vips
--   -----  ------  -------------  ----
--   Café   228     16471.2        93
--   Pro    207     16968.34       84
--   Basic  199     18389.82       92
--   Free   193     18661.67       86
--   tag         together_with  people
--   ----------  -------------  ------
--   Event 2025  customer 3     8
--   My team     My team 4      8
--   Event 2025  churn risk 5   7
--   name          city       times
--   ------------  ---------  -----
--   Bjørn Haugen  Sydney     2
--   Chloé Taylor  Melbourne  2
--   Fatima Lee    Brisbane   2
