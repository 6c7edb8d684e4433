-- Bad arguments of CREATE VIRTUAL TABLE: each is an error that says what would be right, and nothing is created.
-- sandbox: --people 2 --accounts 2 --custom 1 --account-custom 1
-- env: ORTTO_RATE=0
CREATE VIRTUAL TABLE x USING ortto;
CREATE VIRTUAL TABLE x USING ortto();
CREATE VIRTUAL TABLE x USING ortto(eu, 'sandbox-key');
CREATE VIRTUAL TABLE x USING ortto(table=persons);
CREATE VIRTUAL TABLE x USING ortto(eu, 'sandbox-key', contacts);
CREATE VIRTUAL TABLE x USING ortto(region=us, table=people);
CREATE VIRTUAL TABLE x USING ortto(mars, 'sandbox-key', people);
CREATE VIRTUAL TABLE x USING ortto(tabel=people);
CREATE VIRTUAL TABLE x USING ortto(table=people, table=tags);
CREATE VIRTUAL TABLE x USING ortto(eu, 'sandbox-key', people, region=eu);
CREATE VIRTUAL TABLE x USING ortto(eu, 'sandbox-key', people, all);
CREATE VIRTUAL TABLE x USING ortto(table=people, columns=letters);
CREATE VIRTUAL TABLE x USING ortto(table=tags, columns=ids);
CREATE VIRTUAL TABLE x USING ortto(table=tags, fields=all);
-- An unknown field names the closest and lists the rest.
CREATE VIRTUAL TABLE x USING ortto(table=people, fields='str::emial');
CREATE VIRTUAL TABLE x USING ortto(table=people, fields='emial');
CREATE VIRTUAL TABLE x USING ortto(table=accounts, fields='str::email');
CREATE VIRTUAL TABLE x USING ortto(table=people, fields='*');
-- Settings that are bad, and those that are no arguments.
CREATE VIRTUAL TABLE x USING ortto(table=people, timeout_ms=0);
CREATE VIRTUAL TABLE x USING ortto(table=people, retries=-1);
CREATE VIRTUAL TABLE x USING ortto(table=people, rate=fast);
CREATE VIRTUAL TABLE x USING ortto(table=people, rate=1.5);
CREATE VIRTUAL TABLE x USING ortto(table=people, concurrency=0);
CREATE VIRTUAL TABLE x USING ortto(table=people, concurrency=99999999999999999999);
CREATE VIRTUAL TABLE x USING ortto(table=people, max_deletes=5);
CREATE VIRTUAL TABLE x USING ortto(table=people, progress=on);
CREATE VIRTUAL TABLE x USING ortto(table=people, api_url='ftp://127.0.0.1/', key='k');
CREATE VIRTUAL TABLE x USING ortto(table=people, key='');
CREATE VIRTUAL TABLE x USING ortto(table=people, key=file:secret.txt);
CREATE VIRTUAL TABLE x USING ortto(table=people, key=env:HOME);
CREATE VIRTUAL TABLE x USING ortto(table=people, key=env:ORTTO_NOT_SET);
-- A key with an equals sign that was not quoted is not shown.
CREATE VIRTUAL TABLE x USING ortto(eu, abcdefghijklmnopqrstuvwx==, people);
-- A key in a wrong place is not shown either.
CREATE VIRTUAL TABLE x USING ortto('PRIVATE-KEY', eu, people);
CREATE VIRTUAL TABLE x USING ortto(eu, people, 'PRIVATE-KEY');
CREATE VIRTUAL TABLE x USING ortto(eu, 'k', people, 'PRIVATE-KEY');
SELECT count(*) AS created FROM sqlite_schema;
