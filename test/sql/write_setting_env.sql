-- write=off in the environment has the last word.
-- sandbox: --people 5
-- env: ORTTO_RATE=0 ORTTO_RETRIES=0 ORTTO_WRITE=off ORTTO_MAX_UPDATES=3
SELECT ortto_config('write'), ortto_config('max_updates');
SELECT ortto_config('write', 'on');
INSERT INTO ortto_people(email) VALUES('x@t.example');
SELECT ortto_upsert('{"fields":{"email":"x@t.example"}}');
CREATE VIRTUAL TABLE temp.p USING ortto(table=people, write=on);
INSERT INTO p(email) VALUES('x@t.example');
SELECT count(*) FROM ortto_people WHERE email = 'x@t.example';
