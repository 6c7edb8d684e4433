-- ortto_config: reading, setting and resetting; masked keys; values that are refused and what is said then.
-- sandbox: --people 3 --custom 0 --account-custom 0
-- env: ORTTO_RETRIES=7 ORTTO_SEGMENT_KEY=psb-segment-1234 ORTTO_TEST_KEY=from-environment-5678 ORTTO_EMPTY=
.nullvalue NULL

-- What is in force at the start: the environment, else the defaults.
SELECT ortto_config('region'), ortto_config('timeout_ms'), ortto_config('retries'), ortto_config('rate'),
       ortto_config('concurrency'), ortto_config('max_deletes'), ortto_config('progress');
-- Keys are never readable: four stars and the last four characters; four stars alone below eight characters.
SELECT ortto_config('key'), ortto_config('segment_key');
SELECT ortto_config('key', '1234567');
SELECT ortto_config('key', '12345678');
SELECT ortto_config('key', 'x');
-- env: and file: are followed for the mask.
SELECT ortto_config('key', 'env:ORTTO_TEST_KEY');
.shell printf '%s\n%s\n' "  key-from-file-9876  " "second line" > key.txt
SELECT ortto_config('key', 'file:key.txt');
SELECT ortto_config('key');
-- Reset goes back to the environment, not to the value before.
SELECT ortto_config('key', NULL);

-- Setting returns what is now in force, and it is in force.
SELECT ortto_config('retries', 3), ortto_config('retries');
SELECT ortto_config('retries', '4'), typeof(ortto_config('retries'));
SELECT ortto_config('retries', NULL);
SELECT ortto_config('rate', 0), ortto_config('timeout_ms', 1), ortto_config('concurrency', 64), ortto_config('max_deletes', 0);
SELECT ortto_config('rate', NULL), ortto_config('timeout_ms', NULL), ortto_config('concurrency', NULL), ortto_config('max_deletes', NULL);
SELECT ortto_config('progress', 'on'), ortto_config('progress', 'OFF');
-- The name of a setting in any case.
SELECT ortto_config('RETRIES');

-- Regions and their other names, in any case, come back in the short form.
SELECT ortto_config('region', 'global'), ortto_config('region', 'Global'), ortto_config('region', 'GLOBAL');
SELECT ortto_config('region', 'au'), ortto_config('region', 'Australia'), ortto_config('region', 'AUSTRALIA');
SELECT ortto_config('region', 'eu'), ortto_config('region', 'Europe'), ortto_config('region', 'EU');
SELECT ortto_config('region', NULL);

-- A name that is none lists those that are.
SELECT ortto_config('regoin');
SELECT ortto_config('');
SELECT ortto_config(NULL);
SELECT ortto_config('apikey', 'secret-value');
-- Bad values list the good ones, and change nothing.
SELECT ortto_config('region', 'us');
SELECT ortto_config('region', '');
SELECT ortto_config('timeout_ms', 0);
SELECT ortto_config('timeout_ms', 'soon');
SELECT ortto_config('retries', -1);
SELECT ortto_config('retries', 1.5);
SELECT ortto_config('retries', '3 ');
SELECT ortto_config('retries', ' 3');
SELECT ortto_config('retries', x'00');
SELECT ortto_config('rate', -1);
SELECT ortto_config('rate', 9223372036854775807);
SELECT ortto_config('concurrency', 0);
SELECT ortto_config('concurrency', 65);
SELECT ortto_config('max_deletes', -1);
SELECT ortto_config('progress', 'maybe');
SELECT ortto_config('progress', 1);
SELECT ortto_config('key', '');
SELECT ortto_config('key', 'tab' || char(9) || 'inside');
SELECT ortto_config('key', 'line' || char(10) || 'X-Other: header');
SELECT ortto_config('key', 'nul' || char(0) || 'inside');
SELECT ortto_config('key', 'del' || char(127));
SELECT ortto_config('key', 'env:ORTTO_NOT_THERE');
SELECT ortto_config('key', 'env:ORTTO_EMPTY');
SELECT ortto_config('key', 'env:');
SELECT ortto_config('key', 'file:not-there.txt');
SELECT ortto_config('key', 'file:.');
.shell : > empty.txt
SELECT ortto_config('key', 'file:empty.txt');
.shell printf '\nsecond line only\n' > second.txt
SELECT ortto_config('key', 'file:second.txt');
.shell printf 'with \tcontrol\n' > control.txt
SELECT ortto_config('key', 'file:control.txt');
.shell printf 'nul \0inside\n' > zero.txt
SELECT ortto_config('key', 'file:zero.txt');
SELECT ortto_config('api_url', 'http://example.com');
SELECT ortto_config('api_url', 'ftp://127.0.0.1');
SELECT ortto_config('api_url', '127.0.0.1:80');
SELECT ortto_config('api_url', 'file:///etc/hostname');
SELECT ortto_config('api_url', 'https://user:password@example.com');
SELECT ortto_config('api_url', 'https://user@example.com');
SELECT ortto_config('api_url', 'https://example.com/?a=b');
SELECT ortto_config('api_url', 'https://example.com/#x');
SELECT ortto_config('api_url', 'https://');
SELECT ortto_config('api_url', '');
SELECT ortto_config('region'), ortto_config('timeout_ms'), ortto_config('retries'), ortto_config('rate'),
       ortto_config('concurrency'), ortto_config('max_deletes'), ortto_config('progress'), ortto_config('key');

-- Addresses that are good; a slash at the end does not matter.
SELECT ortto_config('api_url', 'https://proxy.example.com:8443/ortto/');
SELECT ortto_config('api_url', 'http://localhost:1'), ortto_config('api_url', 'http://127.9.9.9:1'), ortto_config('api_url', 'http://[::1]:1');
SELECT ortto_config('api_url', NULL) LIKE 'http://127.0.0.1:%';
-- What people paste around a reference is no part of it, in whatever order it comes.
SELECT ortto_config('key', '  ' || char(65279) || ' "env:ORTTO_TEST_KEY"' || char(10));
