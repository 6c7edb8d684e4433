-- The members of an audience, by its name or id. A name that two audiences have says nothing.
-- sandbox: --hostile --people 60 --accounts 5 --audiences 60
-- env: ORTTO_RATE=0 ORTTO_CONCURRENCY=1
SELECT count(*) FROM ortto_people;
.shell $ROOT/test/sql/requests.sh count
.echo on

-- two of them have one name: an error before anybody is read, and the id tells them apart
SELECT count(*) FROM ortto_people WHERE audience = 'Twins';
.shell $ROOT/test/sql/requests.sh count
SELECT a.members = (SELECT count(*) FROM ortto_people p WHERE p.audience = a.id) FROM ortto_audiences a WHERE a.name = 'Twins';

-- every audience has the members that it says it has
SELECT count(*) FROM ortto_audiences a WHERE a.members <> (SELECT count(*) FROM ortto_people p WHERE p.audience = a.id);

.shell curl -s -X POST "$ORTTO_API_URL/sandbox/forget" >/dev/null

-- names are compared exactly
SELECT count(*) >= 0 FROM ortto_people WHERE audience = 'café lovers';
SELECT count(*) FROM ortto_people WHERE audience = 'CAFÉ LOVERS';
SELECT count(*) FROM ortto_people WHERE audience = 'café';

.shell $ROOT/test/sql/requests.sh count

-- the members, and what is asked about them
SELECT count(*) <= (SELECT count(*) FROM ortto_people WHERE audience = 'café lovers') FROM ortto_people WHERE audience = 'café lovers' AND first_name IS NULL;
.shell $ROOT/test/sql/requests.sh counted

-- it is given back as it was given
SELECT DISTINCT audience FROM ortto_people WHERE audience = 'café lovers';
