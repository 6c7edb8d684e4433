-- Puts people into an audience, and takes others out. Ortto's own API cannot do that; the way in is a
-- Segment data source, whose key ORTTO_SEGMENT_KEY holds. The audience is looked up or made once per
-- connection.
--
--   sqlite3 :memory: < examples/audience.sql
.bail on
.load ./ortto
.mode column

CREATE TEMP TABLE customers(id TEXT PRIMARY KEY, email TEXT, is_vip BOOLEAN);
INSERT INTO customers VALUES
  ('c-1', 'tara.okafor.1198@example.com', 1),
  ('c-2', 'isla.sorensen.1197@example.com', 1),
  ('c-3', 'sam.jones.1195@example.com', 0);

CREATE TEMP TABLE outcome AS
  SELECT key AS place, value->>'status' AS status, value->>'body' AS body, value->>'errormessage' AS message
    FROM json_each(ortto_upsert((
           SELECT json_group_array(json_object(
                    'user_id', id,
                    'traits', json_object('email', email),
                    'audience_name', 'VIP customers',
                    'audience_update_mode', iif(is_vip, 'add', 'remove')))
             FROM (SELECT * FROM customers ORDER BY id)), '{"to":"segment"}'));

SELECT id, status, body, message
  FROM outcome JOIN (SELECT *, row_number() OVER (ORDER BY id) - 1 AS place FROM customers) USING (place)
 ORDER BY place;

-- Against the sandbox server it prints:
--
--   id   status  body                    message
--   ---  ------  ----------------------  -------
--   c-1  200     Processed successfully
--   c-2  200     Processed successfully
--   c-3  200     Processed successfully
