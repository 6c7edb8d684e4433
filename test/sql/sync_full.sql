-- A database that is full: what is said of the rows that were fetched is so, and with room for them the next call goes on.
-- sandbox: --people 1500 --no-archived
-- env: ORTTO_RATE=0 ORTTO_RETRIES=0
PRAGMA max_page_count = 20;
SELECT ortto_sync('ortto_people', 'people') ->> 'state';
SELECT page, rows, state FROM ortto_sync_state;
PRAGMA max_page_count = 160;
SELECT ortto_sync('ortto_people', 'people') ->> 'state';
SELECT page > 0, rows > 0, state FROM ortto_sync_state ORDER BY run DESC LIMIT 1;
PRAGMA max_page_count = 100000;
SELECT ortto_sync('ortto_people', 'people') ->> 'rows';
SELECT state, count(*) FROM ortto_sync_state GROUP BY 1;
SELECT count(*), count(DISTINCT id) FROM people;
