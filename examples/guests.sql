-- The guests of an event, from somebody's spreadsheet: cleaned, held against the list, the missing ones made in
-- Ortto with a tag, and what was refused kept in a table, one line for each reason.
--
--   sqlite3 crm.db < examples/guests.sql
--
-- guests.csv has what such files have: a byte order mark, semicolons, a line end inside quotes, capitals anyhow,
-- "(0)" in phones, days before months, somebody twice. This WRITES to Ortto, and ROLLBACK does not undo it.
.bail on
.load ./ortto
.mode column

-- 1. As it is. The columns get names of one's own, so the first line is skipped, and the byte order mark with it.
CREATE TEMP TABLE guest_file(first TEXT, last TEXT, email TEXT, phone TEXT, born TEXT, city TEXT);
.mode csv
.separator ";" "\n"
.import --skip 1 examples/guests.csv guest_file
.mode column

-- 2. Cleaned. An empty cell is '' after .import: NULLIF makes NULL of it. row is the row in the spreadsheet.
CREATE TEMP TABLE guest AS
  WITH bare AS (
    SELECT *, rowid + 1 AS row, lower(trim(email)) AS address, replace(city, char(10), ' ') AS town,
           replace(replace(replace(replace(phone, '(0)', ''), ' ', ''), '-', ''), '.', '') AS number
      FROM guest_file)
  SELECT row, NULLIF(address, '') AS email,
         iif(first IN (upper(first), lower(first)), upper(substr(first, 1, 1)) || lower(substr(first, 2)),
             first) AS first_name,
         iif(last IN (upper(last), lower(last)), upper(substr(last, 1, 1)) || lower(substr(last, 2)),
             last) AS last_name,
         CASE WHEN number GLOB '00*' THEN '+' || substr(number, 3)
              WHEN number GLOB '0*' THEN '+41' || substr(number, 2)
              ELSE NULLIF(number, '') END AS phone_number,
         iif(born GLOB '??/??/????', substr(born, 7) || '-' || substr(born, 4, 2) || '-' || substr(born, 1, 2),
             NULLIF(born, '')) AS birthday,
         NULLIF(town, '') AS city,
         min(row) OVER (PARTITION BY coalesce(NULLIF(address, ''), row)) AS first_row
    FROM bare;
SELECT row, email, first_name, last_name, phone_number, birthday, city FROM guest ORDER BY row;

-- 3. Held against the list. Letter case does not matter here, so the copy is asked and not Ortto.
SELECT ortto_sync('ortto_people', 'crm_people', 'changes') ->> 'state' AS copy;
CREATE TEMP TABLE known AS
  SELECT guest.row FROM guest JOIN crm_people AS p ON lower(trim(p.email)) = guest.email;
SELECT count(*) AS rows, sum(row <> first_row) AS there_twice,
       sum(row IN (SELECT row FROM known)) AS known FROM guest;

-- 4. Sent. With nulls = skip a NULL stays what it is in Ortto; without, it would clear the field.
CREATE TEMP TABLE sending AS
  SELECT row_number() OVER (ORDER BY row) - 1 AS place, row, email,
         json_object('tags', json_array('Guest 2025'), 'fields', json_object(
           'email', email, 'first_name', NULLIF(first_name, ''), 'last_name', NULLIF(last_name, ''),
           'phone_number', phone_number, 'birthday', birthday, 'city', city)) AS record
    FROM guest WHERE row = first_row AND row NOT IN (SELECT row FROM known);
CREATE TEMP TABLE outcome AS
  SELECT key AS place, value ->> 'status' AS status, value ->> 'errormessage' AS message,
         value -> 'errors' AS errors
    FROM json_each(ortto_upsert((
           SELECT json_group_array(json(record)) FROM (SELECT record FROM sending ORDER BY place)),
           '{"nulls":"skip"}'));

-- 5. What was refused. "errors" has every reason of a record that was refused before it was sent; of one that
-- Ortto refused there is the message alone.
CREATE TABLE IF NOT EXISTS guest_refused(row INTEGER, email TEXT, status INTEGER, field TEXT, message TEXT);
DELETE FROM guest_refused;
INSERT INTO guest_refused
  SELECT row, email, status, e.value ->> 'field', coalesce(e.value ->> 'message', message)
    FROM sending JOIN outcome USING (place) LEFT JOIN json_each(errors) AS e WHERE status <> 200;
SELECT row, email, field, substr(message, 1, 60) AS message FROM guest_refused;
SELECT email, first_name, last_name, birthday, city, tags FROM ortto_people
 WHERE email IN (SELECT email FROM sending) ORDER BY email;

-- Against the sandbox server it prints:
--
--   row  email                         first_name  last_name  phone_number  birthday    city
--   ---  ----------------------------  ----------  ---------  ------------  ----------  -------------
--   2    tara.okafor.1198@example.com  Tara        Okafor     +41785241107  1988-09-03  Chur
--   3    ada.lind@example.com          Ada         Lind       +41445550123  1990-02-28  Bad Ragaz
--   4    oyvind@example.com            Øyvind      Dahl       +41795550124              Stavanger; NO
--   5    noe@example.com               Noé         Rey        12            1991-02-31
--   6    not an address
--   7    ada.lind@example.com          Ada         Lind
--   8                                  Li          Wu         +41445550125  1979-12-01  Basel
--   copy
--   ----
--   done
--   rows  there_twice  known
--   ----  -----------  -----
--   7     1            1
--   row  email            field         message
--   ---  ---------------  ------------  ------------------------------------------------------------
--   5    noe@example.com  phone_number  ortto: the field phone_number cannot be '12': it takes a pho
--   5    noe@example.com  birthday      ortto: the field birthday cannot be '1991-02-31': it takes a
--   6    not an address                 failed to validate field str::email in schema: str::email: I
--   8                                   ortto: nobody is named: give an email, a user_id (external i
--   email                 first_name  last_name  birthday    city           tags
--   --------------------  ----------  ---------  ----------  -------------  --------------
--   ada.lind@example.com  Ada         Lind       1990-02-28  Bad Ragaz      ["Guest 2025"]
--   oyvind@example.com    Øyvind      Dahl                   Stavanger; NO  ["Guest 2025"]
