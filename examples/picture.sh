#!/bin/sh
# A picture of the list: one HTML page, made of a local copy. It stands alone, asks nobody for anything, can be
# read on a phone, and names no contact, so it may be sent to a colleague.
#
#   ORTTO_API_KEY=... nightly-copy.sh crm.db       (or SELECT ortto_sync('*', 'crm_'))
#   picture.sh crm.db > list.html
#
# The charts are SVG that SQL writes: a row of the table bar is a bar. For one of your own insert some rows more.
# Neither key nor network nor the extension is needed.
set -eu

fail() { echo "picture: $*" >&2; exit 1; }

[ $# = 1 ] || fail "usage: picture.sh DATABASE > PAGE.html"
command -v sqlite3 >/dev/null || fail "sqlite3 is not installed"
[ -f "$1" ] || fail "there is no file $1"
ask() { sqlite3 -batch -bail -readonly -init /dev/null -list -noheader "$1"; }

# How full is each field? This writes ('Plan', (SELECT count(...) FROM crm_people)), ... for the query below.
fields=$(ask "$1" <<'SQL'
SELECT group_concat(printf('(%Q, (SELECT count(NULLIF("%w", '''')) FROM crm_people))', f.name, f.column_name))
  FROM crm_fields AS f JOIN pragma_table_info('crm_people') AS c ON c.name = f.column_name
 WHERE f.entity = 'people' AND (f.custom OR f.column_name IN
       ('email', 'phone_number', 'first_name', 'last_name', 'city', 'country', 'birthday', 'external_id'));
SQL
) || fail "$1 has no copy: nightly-copy.sh makes one"
[ -n "$fields" ] || fail "$1 has an empty copy"

charts=$(ask "$1" <<SQL
-- n of all people is the figure; the bar is n of whole, where that is NULL n of the largest n of its chart.
CREATE TEMP TABLE bar(chart TEXT, label TEXT, n INTEGER, whole INTEGER);
CREATE TEMP TABLE list AS SELECT count(*) AS people FROM crm_people;

INSERT INTO bar SELECT 'Consent', 'agreed to emails', count(*), people FROM crm_people, list
 WHERE email <> '' AND email_permission;
INSERT INTO bar SELECT 'Consent', 'have not agreed to emails', count(*), people FROM crm_people, list
 WHERE email <> '' AND email_permission IS NOT 1;
INSERT INTO bar SELECT 'Consent', 'have no email', count(*), people FROM crm_people, list
 WHERE coalesce(email, '') = '';
INSERT INTO bar SELECT 'Consent', 'agreed to text messages', count(*), people FROM crm_people, list
 WHERE phone_number <> '' AND sms_permission;
INSERT INTO bar SELECT 'How full the fields are', column1, column2, people FROM (VALUES $fields), list
 ORDER BY column2 DESC, column1 LIMIT 40;
INSERT INTO bar SELECT 'Audiences: members', name, members, NULL FROM crm_audiences
 ORDER BY members DESC, name LIMIT 12;
INSERT INTO bar SELECT 'Tags', value, count(*), NULL FROM crm_people, json_each(tags)
 GROUP BY value ORDER BY 3 DESC, value LIMIT 12;
INSERT INTO bar SELECT 'Accounts: people', a.name, count(*), NULL FROM crm_people AS p
  JOIN crm_accounts AS a ON a.id = p.account_id GROUP BY a.id ORDER BY 3 DESC, a.name LIMIT 12;

-- The last 24 months, those without anybody too.
CREATE TEMP TABLE came AS
  SELECT strftime('%Y-%m', created) AS month, count(*) AS n, sum(email_permission) AS agreed FROM crm_people
   GROUP BY 1;
CREATE TEMP TABLE month AS
  WITH RECURSIVE last(place, day) AS (
    SELECT 23, (SELECT max(month) || '-01' FROM came)
    UNION ALL SELECT place - 1, date(day, '-1 month') FROM last WHERE place > 0)
  SELECT place, substr(day, 1, 7) AS month, coalesce(n, 0) AS n, coalesce(agreed, 0) AS agreed
    FROM last LEFT JOIN came ON came.month = substr(day, 1, 7) ORDER BY place;

SELECT printf('<p>A copy of Ortto as of %s UTC.</p>', replace(substr(max(finished), 1, 16), 'T', ' '))
  FROM ortto_sync_state WHERE state = 'done';
SELECT printf('<div class="tiles"><div><b>%,d</b>people</div><div><b>%,d</b>agreed to emails</div>'
              || '<div><b>%,d</b>came in %s</div><div><b>%,d</b>accounts</div></div><main>',
              people, bar.n, month.n, month, (SELECT count(*) FROM crm_accounts))
  FROM list, bar, month WHERE bar.rowid = 1 AND place = 23;

SELECT '<section><h2>Came by month; the lower part agreed to emails</h2>'
       || '<svg viewBox="0 0 360 190" role="img" aria-label="New people by month">'
       || printf('<text class="number" x="360" y="12">most: %,d</text>', max(n))
       || group_concat(
         printf('<g><title>%s: %d people, %d agreed</title>', month, n, agreed)
         || printf('<rect class="more" x="%d" y="%.1f" width="11" height="%.1f"/>', x, 170 - n * unit, n * unit)
         || printf('<rect class="bar" x="%d" y="%.1f" width="11" height="%.1f"/></g>', x, 170 - agreed * unit,
                   agreed * unit)
         || iif(place % 6 = 2, printf('<text class="middle" x="%d" y="187">%s</text>', x + 6, month), ''), '')
       || '</svg></section>'
  FROM (SELECT *, place * 15 + 2 AS x, 150.0 / max(1, max(n) OVER ()) AS unit FROM month);

-- All text passes here: what HTML would read as its own is escaped.
WITH placed AS (
  SELECT chart, bar.rowid AS i, 38 * (row_number() OVER (PARTITION BY chart ORDER BY bar.rowid) - 1) AS y, n,
         100.0 * n / max(1, people) AS share,
         360.0 * n / max(1, n, coalesce(whole, max(n) OVER (PARTITION BY chart))) AS width,
         replace(replace(replace(label, '&', '&amp;'), '<', '&lt;'), '>', '&gt;') AS label,
         replace(replace(replace(iif(length(label) > 34, substr(label, 1, 33) || '…', label),
                 '&', '&amp;'), '<', '&lt;'), '>', '&gt;') AS short
    FROM bar, list)
SELECT printf('<section><h2>%s</h2><svg viewBox="0 0 360 %d" role="img" aria-label="%s">', chart, max(y) + 30,
              chart)
       || group_concat(
         printf('<g transform="translate(0 %d)"><title>%s: %,d</title><text y="13">%s</text>', y, label, n, short)
         || printf('<text class="number" x="360" y="13">%,d · %d %%</text>', n, round(share))
         || '<rect class="track" y="20" width="360" height="8" rx="4"/>'
         || printf('<rect class="bar" y="20" width="%.1f" height="8" rx="4"/></g>', width), '')
       || '</svg></section>'
  FROM placed GROUP BY chart ORDER BY min(i);
SELECT '</main></html>';
SQL
) || exit 1

cat <<'HTML'
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,">
<title>The list</title>
<style>
  :root { --page: #f6f6f4; --card: #fff; --text: #1d1d1f; --quiet: #6b6b70;
          --track: #e9e9e6; --bar: #2f6fde; --more: #a9c4f5 }
  @media (prefers-color-scheme: dark) {
    :root { --page: #141416; --card: #1f1f23; --text: #f0f0f2; --quiet: #a0a0a8;
            --track: #33333a; --bar: #6d9df2; --more: #3b558c }
  }
  * { box-sizing: border-box }
  body { margin: 0 auto; padding: 16px; max-width: 1180px; background: var(--page); color: var(--text);
         font: 15px/1.4 system-ui, sans-serif }
  h1 { margin: 8px 0 0; font-size: 26px } h2 { margin: 0 0 12px; font-size: 16px }
  p { margin: 0; color: var(--quiet) } b { display: block; font-size: 26px }
  .tiles { display: grid; gap: 16px; margin: 16px 0; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)) }
  main { columns: 330px; column-gap: 16px }
  section, .tiles div { padding: 16px; background: var(--card); border-radius: 12px }
  section { margin: 0 0 16px; break-inside: avoid }
  .tiles div { color: var(--quiet) } .tiles b { color: var(--text) }
  svg { display: block; width: 100%; height: auto } text { fill: var(--text); font: 13px system-ui, sans-serif }
  .number { text-anchor: end; fill: var(--quiet) } .middle { text-anchor: middle; fill: var(--quiet) }
  .track { fill: var(--track) } .bar { fill: var(--bar) } .more { fill: var(--more) }
</style>
<h1>The list</h1>
HTML
printf '%s\n' "$charts"
