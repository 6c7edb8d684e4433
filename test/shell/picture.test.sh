# examples/picture.sh makes a page of a copy: the numbers are in it, as a browser without a window sees it; it fits a
# phone; it asks nobody for anything; what contacts, tags, fields, accounts and audiences are called is text.
# sandbox: --seed 1 --people 300 --no-archived
# env: ORTTO_RATE=0 ORTTO_SEGMENT_KEY=psb-sandbox-segment-key
# shellcheck shell=bash

is() {   # is NAME GOT EXPECTED
  if [ "$2" = "$3" ]; then echo "ok $1"; else printf 'got:      %s\nexpected: %s\nnot ok %s\n' "$2" "$3" "$1"; fi
}
has() {   # has NAME FILE TEXT
  if grep -qF -e "$3" "$2"; then echo "ok $1"; else echo "not in $2: $3"; echo "not ok $1"; fi
}
ask() { sqlite3 -batch -init /dev/null "$@" 2>&1; }
picture() { "$ROOT/examples/picture.sh" "$@"; }

# ---- what is wrong ----------------------------------------------------------------

is 'without a file' "$(picture 2>&1)" 'picture: usage: picture.sh DATABASE > PAGE.html'
is 'a file that is not there' "$(picture none.db 2>&1; ls none.db 2>/dev/null)" 'picture: there is no file none.db'
ask empty.db 'CREATE TABLE t(a)'
is 'a file without a copy' "$(picture empty.db 2>/dev/null)$(picture empty.db 2>&1 | tail -n 1)" \
  'picture: empty.db has no copy: nightly-copy.sh makes one'

# ---- a copy with names that hurt --------------------------------------------------

curl -sS --noproxy '*' -o /dev/null -d '{"id":"str:cm:evil","name":"<svg onload=field()> '"'"'$HOME` &lt;","display_type":"text"}' \
  "$ORTTO_API_URL/sandbox/field"
cat >names.sql <<'SQL'
.load ./ortto
SELECT ortto_upsert('{"fields":{"email":"evil@example.com","first_name":"<script>contact()</script>","evil":"x"},
  "tags":["<script>document.title=\"tag\"</script>"]}') ->> 'status';
INSERT INTO ortto_people(email, tags) SELECT 't' || value || '@example.com', '["<script>document.title=\"tag\"</script>"]'
  FROM generate_series(1, 99);
INSERT INTO ortto_accounts(name) VALUES ('</svg></text><b>account & sons');
SELECT ortto_upsert('{"user_id":"e1","audience_name":"<img src=x onerror=audience()>"}', '{"to":"segment"}') ->> 'status';
SELECT ortto_sync('*', 'crm_') IS NULL;
-- In the sandbox nobody enters it.
UPDATE crm_audiences SET members = 99 WHERE name LIKE '<img%';
UPDATE crm_people SET account_id = (SELECT id FROM crm_accounts WHERE name LIKE '</svg>%') WHERE email LIKE 't_@example.com';
SQL
ask crm.db <names.sql >names.out
picture crm.db >page.html 2>picture.err
is 'made, without a word' "$?$(cat picture.err)" 0
is 'no element but its own' \
  "$(grep -oE '<[a-z]+' page.html | sort -u | tr -d '<' | tr '\n' ' ')" \
  'b div g h html link main meta p rect section style svg text title '
is 'it names no contact' "$(grep -ciE 'example\.com|contact\(' page.html)" 0
is 'it asks nobody' "$(grep -ciE 'https?:|<[^>]* src=|url\(|@import|<script' page.html)" 0
is 'the copy is as it was, and no key is needed' "$(ORTTO_API_KEY='' picture crm.db | cmp - page.html)" ''
ask crm.db 'DELETE FROM crm_people' 'DELETE FROM crm_tags' 'DELETE FROM crm_audiences' >none.out
picture crm.db >none.html 2>picture.err
is 'nobody at all' "$?$(cat picture.err)$(grep -o '<b>0</b>people' none.html)" '0<b>0</b>people'

# ---- in a browser -----------------------------------------------------------------

browser=
for name in chromium-headless-shell chromium chromium-browser google-chrome; do
  command -v $name >/dev/null && { browser=$name; break; }
done
if [ -z "$browser" ]; then
  echo 'ok the page in a browser # skip there is no chromium (make setup-ci installs one)'
  exit
fi
look() {   # look FILE: the document as the browser has it, with a window as wide as a phone's
  timeout 100 "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars \
    --user-data-dir="$PWD/profile" --window-size=390,844 --virtual-time-budget=2000 --dump-dom "file://$PWD/$1" 2>browser.err
}
# The copy that is looked at has a script of ours, which measures.
sed '/Content-Security-Policy/d' page.html >measured.html
cat >>measured.html <<'HTML'
<script>
  const texts = [...document.querySelectorAll('text')], box = e => e.getBoundingClientRect()
  document.body.dataset.found = JSON.stringify({
    title: document.title,
    tooWide: document.documentElement.scrollWidth > innerWidth,
    outside: texts.filter(e => box(e).right > innerWidth || box(e).left < 0).length,
    small: texts.filter(e => box(e).height < 11).length,
    charts: document.querySelectorAll('svg').length,
    requests: performance.getEntriesByType('resource').length,
  })
  document.body.dataset.rows = JSON.stringify([...document.querySelectorAll('g')].map(g => [...g.querySelectorAll('text')].map(t => t.textContent).join(': ')))
  document.body.dataset.tiles = JSON.stringify([...document.querySelectorAll('.tiles div')].map(d => d.textContent))
</script>
HTML
look page.html >plain.html
look measured.html >dom.html
body() { sed -nE "s/.*data-$1=\"([^\"]*)\".*/\1/p" dom.html | sed 's/&quot;/"/g; s/&lt;/</g; s/&gt;/>/g; s/&amp;/\&/g'; }
[ -s dom.html ] || cat browser.err
has 'it can be seen under its own policy' plain.html '<b>400</b>people'
is 'it fits a phone, is large enough, asks for nothing, and runs nothing' "$(body found)" \
  '{"title":"The list","tooWide":false,"outside":0,"small":0,"charts":6,"requests":0}'
body rows >rows
is 'numbers: people' "$(body tiles | jq -r '.[0]')" 400people
is 'numbers: accounts' "$(body tiles | jq -r '.[3]')" "$(ask crm.db 'SELECT count(*) FROM crm_accounts')accounts"
is 'numbers: a tag' "$(jq -r '.[] | select(startswith("<script>"))' rows)" '<script>document.title="tag"</scr…: 100 · 25 %'
is 'numbers: a field' "$(jq -r '.[] | select(startswith("<svg"))' rows)" "<svg onload=field()> '\$HOME\` &lt;: 1 · 0 %"
is 'numbers: an account' "$(jq -r '.[] | select(startswith("</svg"))' rows)" '</svg></text><b>account & sons: 9 · 2 %'
is 'numbers: an audience' "$(jq -r '.[] | select(startswith("<img"))' rows)" '<img src=x onerror=audience()>: 99 · 25 %'
