-- ortto_settings: what is in force, and where it comes from. A key is never shown.
-- env: ORTTO_RATE=7 ORTTO_RETRIES=many ORTTO_SEGMENT_KEY=short ORTTO_WRITE=off
SELECT name, value, origin FROM ortto_settings WHERE name <> 'ca_file';
SELECT meaning FROM ortto_settings WHERE name = 'retries';
SELECT count(*) FROM ortto_settings WHERE meaning IS NULL OR meaning = '';
SELECT ortto_config('rate', 9), ortto_config('write', 'on'), ortto_config('region', 'Europe'), ortto_config('key', 'PRIVATE-KEY-12345'), ortto_config('retries', 1);
SELECT name, value, origin FROM ortto_settings WHERE name IN ('rate', 'write', 'region', 'key', 'retries', 'api_url');
SELECT ortto_config('rate', NULL), ortto_config('region', NULL), ortto_config('timeout_ms', 5000);
SELECT name, value, origin FROM ortto_settings s WHERE name IN ('rate', 'region', 'timeout_ms');
SELECT count(*) FROM ortto_settings a, ortto_settings b WHERE a.name = b.name;
INSERT INTO ortto_settings(name, value) VALUES('rate', 1);
DELETE FROM ortto_settings;
SELECT count(*) FROM ortto_settings WHERE value LIKE '%PRIVATE%' OR value LIKE '%short%';
