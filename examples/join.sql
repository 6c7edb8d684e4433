-- Who bought, which account do they belong to, and how are they tagged? A list of your own joined
-- with Ortto's people, accounts and tags.
--
--   sqlite3 :memory: < examples/join.sql
--
-- The orders stand here so that the script runs as it is, against the sandbox server. Yours may
-- come from a table, or from a file: .import --csv orders.csv orders
.bail on
.load ./ortto
.mode column

CREATE TEMP TABLE orders(email TEXT, amount REAL);
INSERT INTO orders VALUES
  ('tara.okafor.1198@example.com',   120.00),
  ('isla.sorensen.1197@example.com',  80.00),
  ('isla.sorensen.1197@example.com',  35.50),
  ('sam.jones.1195@example.com',     210.00),
  ('nobody@example.com',              15.00);

-- Fetch only the people that matter, once: a list of emails goes to Ortto as one filter.
CREATE TEMP TABLE buyer AS
  SELECT id, email, name, account_id, tags FROM ortto_people
   WHERE email IN (SELECT email FROM orders);

-- The same with their accounts: a list of ids is one request for each hundred.
CREATE TEMP TABLE account AS
  SELECT id, name, industry FROM ortto_accounts
   WHERE id IN (SELECT account_id FROM buyer);

-- Orders by buyer. A LEFT JOIN keeps the order of somebody whom Ortto does not know.
SELECT o.email, sum(o.amount) AS amount, b.name, a.name AS account
  FROM orders AS o
  LEFT JOIN buyer AS b ON b.email = o.email
  LEFT JOIN account AS a ON a.id = b.account_id
 GROUP BY o.email
 ORDER BY amount DESC;

-- Orders by tag: tags are a JSON array, of which json_each makes rows. ortto_tags is small, one
-- request, and is read once.
CREATE TEMP TABLE tag AS SELECT name, count AS people FROM ortto_tags WHERE type = 'person';
SELECT t.value AS tag, sum(o.amount) AS amount, tag.people AS people_with_it
  FROM orders AS o
  JOIN buyer AS b ON b.email = o.email, json_each(b.tags) AS t
  JOIN tag ON tag.name = t.value
 GROUP BY t.value
 ORDER BY amount DESC, tag;

-- Against the sandbox server it prints:
--
--   email                           amount  name           account
--   ------------------------------  ------  -------------  ---------------
--   sam.jones.1195@example.com      210.0   Sam Jones      light Ltd 49
--   tara.okafor.1198@example.com    120.0   Tara Okafor    stone & Sons 34
--   isla.sorensen.1197@example.com  115.5   Isla Sørensen  quick GmbH 20
--   nobody@example.com              15.0
--   tag           amount  people_with_it
--   ------------  ------  --------------
--   Event 2025    210.0   60
--   Event 2025 2  210.0   67
--   churn risk 5  210.0   58
--   churn risk 4  115.5   57
--   vip 2         115.5   67
