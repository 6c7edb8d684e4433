-- ortto_pending: what COMMIT would send.
-- sandbox: --people 20 --accounts 5 --no-archived
-- env: ORTTO_RATE=0 ORTTO_RETRIES=0
.nullvalue NULL
SELECT count(*) FROM ortto_pending;
CREATE TEMP TABLE one AS SELECT id FROM ortto_people LIMIT 1;
CREATE VIRTUAL TABLE temp.ids USING ortto(table=people, columns=ids);
.mode line
BEGIN;
INSERT INTO ortto_people(email, first_name, city, seats, rating, is_vip, interests, preferences, tags) VALUES('p@t.example', 'Zoë "Z"', 'Oslo', 9223372036854775807, 12.5, 1, '["Music"]', '{"a":[1,2.0]}', '["vip"]');
INSERT INTO ortto_accounts(name, website) VALUES('T', NULL);
UPDATE ortto_people SET city = NULL, first_name = 'Al' WHERE id = (SELECT id FROM one);
UPDATE ortto_people SET tags = '["a", "b"]', email = 'new@t.example', external_id = '' WHERE id = (SELECT id FROM one);
INSERT INTO ids("str::email", "geo::city") VALUES('i@t.example', 'Rome');
DELETE FROM ortto_people WHERE id = (SELECT id FROM one);
SELECT * FROM ortto_pending;
.mode list
SELECT json_valid(changes), count(*) FROM ortto_pending GROUP BY 1;
.print -- Less what is taken back.
SAVEPOINT s;
INSERT INTO ortto_people(email) VALUES('q@t.example');
SELECT count(*), sum(email = 'q@t.example') FROM ortto_pending;
ROLLBACK TO s;
SELECT count(*), sum(email = 'q@t.example') FROM ortto_pending;
INSERT INTO ortto_people(email, birthday) VALUES('q@t.example', NULL), ('r@t.example', 'never');
SELECT count(*) FROM ortto_pending;
ROLLBACK;
SELECT count(*) FROM ortto_pending;
SELECT count(*) FROM ortto_log WHERE path LIKE '%merge' OR path LIKE '%archive';
.print -- It can only be read; after COMMIT it is empty, after one that fails too.
INSERT INTO ortto_pending(id) VALUES('x');
DELETE FROM ortto_pending;
BEGIN;
INSERT INTO ortto_people(email) VALUES('q@t.example');
SELECT operation, email, changes FROM ortto_pending;
COMMIT;
SELECT count(*) FROM ortto_pending;
SELECT ortto_config('max_updates', 0);
BEGIN;
UPDATE ortto_people SET city = 'Oslo' WHERE id = (SELECT id FROM one);
SELECT changes FROM ortto_pending;
COMMIT;
SELECT count(*) FROM ortto_pending;
BEGIN;
INSERT INTO ortto_people(email) VALUES('r@t.example');
SELECT email FROM ortto_pending;
ROLLBACK;

.print
.print -- What a value becomes is what will be read, not what was given.
SELECT ortto_config('max_updates', NULL);
CREATE TEMP TABLE shown(row, name, becomes);
BEGIN;
INSERT INTO ortto_people(email, rating, plan_value, seats, is_vip, birthday, last_demo, work_phone, interests, city, preferences, notes, postal_code, tags)
  VALUES('one@t.example', 1.0005, '19.9999', '42', 'false', '2000-01-01 12:00', '2025-01-01', '+47 22 22 55 55', 'Music', '{"name":"Oslo","id":7}', ' {"a": 1.50} ', '{"not":"shown"}', 150, '[ "a" , "é" ]'),
        ('two@t.example', -0.0004, 9007199254740.991, 12.0, 1.0, '2024-02-29', '2025-11-04 19:10:31.5+0200', '{"c":"61","n":"401234567"}', '["x", "\u0000"]', 'São "P"', NULL, 'a' || char(10) || 'b', NULL, NULL);
UPDATE ortto_people SET phone_number = '+61.401/234.567', gdpr = 'true', total_spent = total_spent WHERE 0;
UPDATE ortto_people SET phone_number = '+61.401/234.567', gdpr = 'true', rating = 1e-9, city = NULL WHERE id = (SELECT id FROM one);
SELECT email, changes FROM ortto_pending;
INSERT INTO shown SELECT email, key, ortto_pending.changes -> fullkey FROM ortto_pending, json_each(changes) WHERE email IS NOT NULL;
COMMIT;
.once same.sql
SELECT 'SELECT ' || quote(row) || ', ' || quote(name) || ', becomes, "' || name || '" FROM shown, ortto_people WHERE row = ' || quote(row) || ' AND shown.name = ' || quote(name) || ' AND email = row AND iif(json_type(becomes) IN (''array'', ''object''), json("' || name || '") <> json(becomes), "' || name || '" IS NOT becomes ->> ''$'');' FROM shown;
.print -- None differs from what is read:
.read same.sql
