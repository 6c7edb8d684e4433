-- Orders of your own become activities in Ortto. It may run again: an activity with the same
-- message_id and timestamp is merged, not doubled.
--
--   sqlite3 :memory: < examples/activities.sql
--
-- "create" makes the activity's definition where Ortto does not have it, with attributes of the types
-- that the values show.
.bail on
.load ./ortto
.mode column

CREATE TEMP TABLE orders(number INTEGER PRIMARY KEY, email TEXT, at TEXT, carrier TEXT, amount REAL);
INSERT INTO orders VALUES
  (5001, 'tara.okafor.1198@example.com',   '2025-09-29 08:15:00', 'DHL', 129.5),
  (5002, 'isla.sorensen.1197@example.com', '2025-09-29 09:40:00', 'UPS', 80),
  (5003, 'no address',                     '2025-09-30 17:05:00', 'UPS', 15);

-- The outcomes go into a table first: in a join SQLite might call the function once for each row.
CREATE TEMP TABLE outcome AS
  SELECT key AS place, value->>'status' AS status, value->>'errormessage' AS message
    FROM json_each(ortto_track((
           SELECT json_group_array(json_object(
                    'event', 'Order shipped',
                    'fields', json_object('email', email),
                    'properties', json_object('carrier', carrier, 'amount', amount),
                    'timestamp', at,
                    'message_id', 'order-' || number))
             FROM (SELECT * FROM orders ORDER BY number)), '{"create":true}'));

-- They come in the order of the records: place 0 is the first order.
SELECT o.number, o.email, status, substr(message, 1, 40) AS message
  FROM outcome
  JOIN (SELECT *, row_number() OVER (ORDER BY number) - 1 AS place FROM orders) AS o USING (place)
 ORDER BY place;

-- Against the sandbox server it prints:
--
--   number  email                           status  message
--   ------  ------------------------------  ------  ----------------------------------------
--   5001    tara.okafor.1198@example.com    200
--   5002    isla.sorensen.1197@example.com  200
--   5003    no address                      400     failed to validate field str::email in s
