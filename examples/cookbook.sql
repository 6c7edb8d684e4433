-- Twelve jobs of somebody who looks after a list, over a local copy. Each stands alone: copy what you need.
--
--   sqlite3 crm.db < examples/cookbook.sql
--
-- It reads from Ortto and writes to crm.db alone. What changes Ortto is in titles.sql and guests.sql. The
-- audiences, the tag and the custom fields plan and plan_value are the sandbox's: put yours. "Now" is the newest
-- edit in the copy; write date('now') where you mean today.
.bail on
.load ./ortto
.mode column

-- The copy: crm_people, crm_accounts, crm_tags, crm_audiences, crm_fields and more.
SELECT min(value ->> 'state' = 'done') AS all_copied FROM json_each(ortto_sync('*', 'crm_'));
.bail off

-- Only for the sandbox, where nobody is there twice: as if two people were. Yours does without these lines.
UPDATE crm_people SET email = 'Sam.Jones.1195@example.com' WHERE email = 'isla.sorensen.1197@example.com';
UPDATE crm_people SET phone_number = '+41552665753'
 WHERE email IN ('tom.dubois.1200@example.com', 'tara.okafor.1198@example.com');

.print "1. Who is there twice, by email?"
SELECT lower(trim(email)) AS address, count(*) AS times, group_concat(id, ' ') AS ids
  FROM crm_people WHERE email <> ''
 GROUP BY address HAVING count(*) > 1 ORDER BY times DESC, address LIMIT 10;

.print "2. And by phone?"
SELECT phone_number, count(*) AS times, group_concat(name, ', ') AS names, max(edited) AS newest
  FROM (SELECT * FROM crm_people ORDER BY edited) WHERE phone_number <> ''
 GROUP BY phone_number HAVING count(*) > 1 ORDER BY times DESC, phone_number LIMIT 10;

.print "3. How many of an audience have not agreed to emails?"
SELECT count(*) AS members, sum(email_permission IS NOT 1) AS without_consent,
       sum(email IS NULL) AS without_email
  FROM ortto_audience_members AS m JOIN crm_people AS p ON p.id = m.person_id
 WHERE m.audience_name = 'Subscribers';

.print "4. How does the list grow?"
WITH month AS (
  SELECT strftime('%Y-%m', created) AS month, count(*) AS people, sum(email_permission) AS subscribed
    FROM crm_people GROUP BY 1)
SELECT month, people, subscribed, sum(people) OVER (ORDER BY month) AS total,
       substr('########################################', 1, people * 40 / max(people) OVER ()) AS chart
  FROM month ORDER BY month DESC LIMIT 6;

.print "5. How full is each custom field?"
-- The names come from crm_fields: this query writes SQL into a file, which is then run.
.mode list
.headers off
.once fill.sql
SELECT 'CREATE TEMP TABLE fill(field, filled); INSERT INTO fill VALUES '
       || group_concat(printf('(%Q, (SELECT count("%w") FROM crm_people))', name, column_name), ', ') || ';'
  FROM crm_fields WHERE entity = 'people' AND custom;
.read fill.sql
.shell rm fill.sql
.headers on
.mode column
SELECT field, filled, printf('%3d %%', round(100.0 * filled / (SELECT count(*) FROM crm_people))) AS share
  FROM fill ORDER BY filled DESC, field LIMIT 5;

.print "6. What is untidy, and who, for one?"
SELECT problem, count(*) AS people, max(id) AS such_as FROM (
  SELECT id, 'no email' AS problem FROM crm_people WHERE coalesce(email, '') = ''
  UNION ALL SELECT id, 'no first name' FROM crm_people WHERE coalesce(first_name, '') = ''
  UNION ALL SELECT id, 'blanks around a name' FROM crm_people
             WHERE first_name <> trim(first_name) OR last_name <> trim(last_name)
  UNION ALL SELECT id, 'last name in capitals' FROM crm_people WHERE last_name GLOB '[A-Z][A-Z]*'
  UNION ALL SELECT id, 'a city, but no country' FROM crm_people WHERE city <> '' AND coalesce(country, '') = ''
  UNION ALL SELECT id, 'suppressed, yet subscribed' FROM crm_people
             WHERE suppressed_at IS NOT NULL AND email_permission
  UNION ALL SELECT id, 'not seen for a year' FROM crm_people
             WHERE date(last_seen) < (SELECT date(max(edited), '-1 year') FROM crm_people))
 GROUP BY problem ORDER BY people DESC;

.print "7. Which accounts have most people?"
SELECT a.name AS account, count(*) AS people, sum(p.email_permission) AS subscribed,
       round(sum(p.total_spent)) AS spent
  FROM crm_people AS p JOIN crm_accounts AS a ON a.id = p.account_id
 GROUP BY a.id ORDER BY people DESC, account LIMIT 5;

.print "8. Of those who came in a quarter, how many percent were seen 1, 6, 12 months later or after that?"
WITH person AS (
  SELECT date(created) AS came, coalesce(date(last_seen), '') AS seen,
         (SELECT date(max(edited)) FROM crm_people) AS now
    FROM crm_people)
SELECT strftime('%Y', came) || ' Q' || ((strftime('%m', came) + 2) / 3) AS quarter, count(*) AS people,
       round(avg(seen >= date(came, '+1 month')) FILTER (WHERE date(came, '+1 month') <= now) * 100) AS m1,
       round(avg(seen >= date(came, '+6 months')) FILTER (WHERE date(came, '+6 months') <= now) * 100) AS m6,
       round(avg(seen >= date(came, '+12 months')) FILTER (WHERE date(came, '+12 months') <= now) * 100) AS m12
  FROM person GROUP BY quarter ORDER BY quarter;

.print "9. Who is tagged vip, but is not in the audience VIP & friends?"
SELECT p.email, p.name, p.tags FROM crm_people AS p
 WHERE EXISTS (SELECT 1 FROM json_each(p.tags) WHERE value = 'vip')
   AND p.email <> '' AND p.id NOT IN (SELECT person_id FROM ortto_audience_members
                                      WHERE audience_name = 'VIP & friends')
 ORDER BY p.email LIMIT 5;

-- The rest is for every night: the copy is renewed, and what that changes stands in crm_people_log.
-- Only for the sandbox, where nothing happens by night: as if the copy were older than it is.
UPDATE crm_people SET email_permission = NOT email_permission, city = 'Atlantis'
 WHERE email GLOB 'tom.*[27]@example.com';
DELETE FROM crm_people WHERE email GLOB 'sam.jones.*@example.com';
INSERT INTO crm_people(id, email) VALUES ('gone', 'gone@example.com');

.print "10. What has changed since yesterday?"
SELECT ortto_sync('ortto_people', 'crm_people', '{"log":true}') ->> 'state' AS copy;
SELECT action, column_name, count(*) AS times FROM crm_people_log
 WHERE at >= strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-1 day') GROUP BY action, column_name ORDER BY 1, 2;

.print "11. And who has changed their mind about emails?"
SELECT p.email, l.before, l.after, (SELECT c.after FROM crm_people_log AS c
          WHERE c.id = l.id AND c.at = l.at AND c.column_name = 'city') AS moved_to
  FROM crm_people_log AS l JOIN crm_people AS p USING (id)
 WHERE l.column_name = 'email_permission' ORDER BY p.email LIMIT 3;

.print "12. A list for a colleague is in list.csv."
-- With --bom a spreadsheet sees that the file is UTF-8; .excel in place of .once opens it there at once. A
-- spreadsheet takes a text that begins with = + - or @ for a formula, whoever wrote it: a blank stops that.
.mode csv
.headers on
.once --bom list.csv
SELECT email, iif(name GLOB '[-=+@]*', ' ' || name, name) AS name, country, plan_value
  FROM crm_people WHERE email_permission AND plan = 'Pro' ORDER BY email;

-- Against the sandbox server it prints:
--
--   all_copied
--   ----------
--   1
--   1. Who is there twice, by email?
--   address                     times  ids
--   --------------------------  -----  -------------------------------------------------
--   sam.jones.1195@example.com  2      0068d939c0d2d000001f0400 0068d79f20d2d000001efe00
--   2. And by phone?
--   phone_number  times  names                     newest
--   ------------  -----  ------------------------  --------------------
--   +41552665753  2      Tara Okafor,  Tom DUBOIS  2025-09-30T18:33:40Z
--   3. How many of an audience have not agreed to emails?
--   members  without_consent  without_email
--   -------  ---------------  -------------
--   582      116              17
--   4. How does the list grow?
--   month    people  subscribed  total  chart
--   -------  ------  ----------  -----  ----------------------------------------
--   2025-09  49      40          1180   #######################################
--   2025-08  50      41          1131   ########################################
--   2025-07  50      37          1081   ########################################
--   2025-06  48      37          1031   ######################################
--   2025-05  50      40          983    ########################################
--   2025-04  49      40          933    #######################################
--   5. How full is each custom field?
--   field       filled  share
--   ----------  ------  -----
--   Rating      1029     87 %
--   Seats       1021     87 %
--   Work Phone  1019     86 %
--   Plan        1018     86 %
--   Interests   1017     86 %
--   6. What is untidy, and who, for one?
--   problem                     people  such_as
--   --------------------------  ------  ------------------------
--   not seen for a year         185     0066cf1f50d2d00000176300
--   a city, but no country      117     0068d939c0d2d000001f0400
--   no first name               97      0068dba1b0d2d000001f0d00
--   blanks around a name        76      0068d53730d2d000001ef500
--   suppressed, yet subscribed  42      0068d86c70d2d000001f0100
--   no email                    34      0068a78060d2d000001e4a00
--   last name in capitals       34      0068dba1b0d2d000001f0d00
--   7. Which accounts have most people?
--   account          people  subscribed  spent
--   ---------------  ------  ----------  --------
--   summer AS 53     23      19          221738.0
--   OK & Sons 58     22      20          319397.0
--   OK Ltd 47        20      15          412434.0
--   stone & Sons 30  19      16          296224.0
--   paper GmbH 36    18      16          237313.0
--   8. Of those who came in a quarter, how many percent were seen 1, 6, 12 months later or after that?
--   quarter  people  m1    m6    m12
--   -------  ------  ----  ----  ----
--   2023 Q4  147     84.0  67.0  41.0
--   2024 Q1  147     84.0  52.0  28.0
--   2024 Q2  147     93.0  61.0  24.0
--   2024 Q3  149     85.0  52.0  7.0
--   2024 Q4  149     89.0  39.0
--   2025 Q1  145     83.0  15.0
--   2025 Q2  147     69.0
--   2025 Q3  149     42.0
--   9. Who is tagged vip, but is not in the audience VIP & friends?
--   email                           name            tags
--   ------------------------------  --------------  -----------------------------------
--   Mateo.murphy.227@example.com    Mateo Murphy    ["Newsletter","vip"]
--   Wendy.okafor.582@example.com    Wendy Okafor    ["vip","churn risk","My team 3"]
--   ana-maria.singh.36@example.com                  ["vip","Event 2025","Newsletter 4"]
--   anna-k.evans.661@example.com    Анна Evans      ["vip","customer 5","vip 5"]
--   anna.lindstrom.953@example.com  Anna Lindström  ["vip","My team 4"]
--   10. What has changed since yesterday?
--   copy
--   ----
--   done
--   action    column_name       times
--   --------  ----------------  -----
--   deleted                     1
--   inserted                    2
--   updated   city              9
--   updated   email             1
--   updated   email_permission  9
--   updated   phone_number      2
--   11. And who has changed their mind about emails?
--   email                       before  after  moved_to
--   --------------------------  ------  -----  --------
--   tom.dubois.132@example.com  1       0      Lisbon
--   tom.dubois.872@example.com  0       1      Tokyo
--   tom.evans.1032@example.com  0       1      Oslo
--   12. A list for a colleague is in list.csv.
