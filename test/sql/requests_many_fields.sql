-- More than 150 fields are read in several requests and joined by id; none is left out.
-- sandbox: --people 250 --accounts 5 --custom 300
-- env: ORTTO_RATE=0 ORTTO_CONCURRENCY=1
.bail on
SELECT count(*) > 300 FROM pragma_table_info('ortto_people');
.shell $ROOT/test/sql/requests.sh count
.echo on

-- three chunks: the pages with the first 150 fields, then two times 100 ids (and the rest) for each of the others
CREATE TEMP TABLE everything AS SELECT * FROM ortto_people;
.shell $ROOT/test/sql/requests.sh count
SELECT count(*), count(DISTINCT id) FROM everything;

-- few of them: one chunk
SELECT count(email) > 0 FROM ortto_people;
.shell $ROOT/test/sql/requests.sh

-- by id: one request for each chunk
CREATE TEMP TABLE one AS SELECT * FROM ortto_people WHERE id = (SELECT max(id) FROM everything);
.shell $ROOT/test/sql/requests.sh count
SELECT count(*) FROM (SELECT * FROM one INTERSECT SELECT * FROM everything);

-- each value is where it belongs: field by field the same as when asked for alone
CREATE VIRTUAL TABLE temp.some USING ortto(table=people, fields='str::email');
SELECT count(*) FROM everything e JOIN some s USING (id) WHERE e.email IS NOT s.email;
.shell $ROOT/test/sql/requests.sh count
