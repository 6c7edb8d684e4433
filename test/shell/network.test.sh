# What stands between here and Ortto: certificates of a private authority, proxies, pages of a firewall, and a
# key that came with more than itself.
# sandbox: --people 3 --no-archived --accounts 0 --custom 0 --account-custom 0
# env: ORTTO_RATE=0 ORTTO_RETRIES=0 ORTTO_TIMEOUT_MS=1500
# Conditions are quoted, for eval in verdict().
# shellcheck shell=bash disable=SC2016,SC2034
url=$ORTTO_API_URL
unset CURL_CA_BUNDLE SSL_CERT_FILE SSL_CERT_DIR

ask() { $SQLITE3 -batch -cmd '.load ./ortto' :memory: "${1:-SELECT ortto_check()}" 2>&1; }
fault() { curl -s -o /dev/null --data-binary "$1" "$url/sandbox/fault"; }
clear_faults() { curl -s -o /dev/null -X DELETE "$url/sandbox/fault"; }
says() { grep -qF -- "$1" <<<"$said"; }
verdict() {   # verdict NAME CONDITION: ok or not ok, with what was said
  if eval "$2"; then
    echo "ok $1"
  else
    printf '%s\n' "$said"
    echo "not ok $1"
  fi
}

# ---- a key with more than itself ----------------------------------------------------------
taken() {   # taken NAME KEY
  said=$(ORTTO_API_KEY=$2 ask)
  verdict "$1" '[ "$said" = ok ]'
}
printf '\357\273\277sandbox-key\r\n' >bom.key
printf '"sandbox-key"\n' >quoted.key
taken "a key file with a byte order mark" "file:$PWD/bom.key"
taken "a key file with quotes" "file:$PWD/quoted.key"
taken "quotes inside the variable" '"sandbox-key"'
taken "apostrophes and blanks around the key" " 'sandbox-key' "
taken "blanks, a line end and quotes around a reference to the file" " 'file:$PWD/bom.key' 
"
MINE=sandbox-key taken "quotes and a byte order mark around a reference to the environment" $'\xef\xbb\xbf" env:MINE"'
taken "blanks around a byte order mark, and quotes behind it" $'  \xef\xbb\xbf " sandbox-key"\n'
said=$(ORTTO_API_KEY=$PWD/bom.key ask)
verdict "a forgotten file: is told" 'says "file:" && ! says sandbox-key'
# shellcheck disable=SC2088
for path in '~/nobody.key' ./not-there.key ../not-there.key; do
  said=$(ORTTO_API_KEY=$path ask)
  verdict "a forgotten file: is told, where $path leads nowhere" 'says "write file: in front"'
done
# A database file may name any path there: it is sent as it stands, and neither opened nor looked for.
mkfifo pipe.key
for path in "$PWD/pipe.key" "$PWD/bom.key" ./bom.key; do
  said=$(timeout 20 "$SQLITE3" -batch -cmd '.load ./ortto' :memory: \
    "CREATE VIRTUAL TABLE t USING ortto(table=people, key='$path', api_url='$ORTTO_API_URL')" 2>&1)
  verdict "a path as the key in a table's arguments" 'says "answered 401" && ! says "path of a file"'
done

# ---- pages that are not Ortto's ------------------------------------------------------------
fault '{"kind":"status","status":403,"times":1,"content_type":"text/html","body":"<html>Blocked by policy</html>"}'
said=$($SQLITE3 -batch :memory: 2>&1 <<'SQL'
.load ./ortto
SELECT ortto_check();
SELECT count(*) FROM ortto_people;
SQL
)
verdict "a 403 with a page is not called a bad key, and the key goes on" \
  'says 403 && ! says "Check the key" && [ "$(tail -n 1 <<<"$said")" = 3 ]'
fault '{"kind":"status","status":407,"times":1,"body":""}'
said=$(ask)
verdict "a proxy that wants a password" 'says "https_proxy=http://NAME:PASSWORD@HOST:PORT"'

# ---- certificates ---------------------------------------------------------------------------
said=$(ORTTO_CA_FILE=$PWD/none.pem ORTTO_API_URL=https://localhost:1 ask)
verdict "a ca_file that is not there is told by name" 'says none.pem'
if ! command -v openssl >/dev/null; then
  echo "ok certificates # skip: no openssl"
  exit
fi
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out ca.pem -days 2 -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost >/dev/null 2>&1
openssl s_server -www -accept 0 -cert ca.pem -key key.pem </dev/null >s_server.out 2>&1 &
server=$!
trap 'kill $server 2>/dev/null' EXIT
port=
for _ in $(seq 100); do
  port=$(sed -n 's/^ACCEPT.*:\([0-9]*\)$/\1/p' s_server.out)
  [ -z "$port" ] || break
  sleep 0.05
done
export ORTTO_API_URL=https://localhost:$port
untrusted='says "certificate was not accepted" && says ca_file'
trusted='[ -n "$said" ] && ! says certificate && ! grep -qx ok <<<"$said"'   # the server speaks no HTTP of Ortto's
said=$(ask)
if [ -n "${WINDOWS:-}" ]; then echo "ok a private authority is not trusted # skip: wine trusts any"
else verdict "a private authority is not trusted" "$untrusted"; fi
said=$(ORTTO_CA_FILE=$PWD/ca.pem ask)
verdict "the setting ca_file" "$trusted"
said=$(ask "SELECT ortto_config('ca_file', '$PWD/ca.pem') IS NULL; SELECT ortto_check();")
verdict "ca_file by ortto_config" "$trusted"
for variable in SSL_CERT_FILE CURL_CA_BUNDLE; do
  said=$(export "$variable=$PWD/ca.pem"; ask)
  verdict "$variable" "$trusted"
done
mkdir authorities
cp ca.pem "authorities/$(openssl x509 -hash -noout -in ca.pem).0"
said=$(SSL_CERT_DIR=$PWD/authorities ask)
verdict SSL_CERT_DIR "$trusted"
said=$(CURL_CA_BUNDLE=$PWD/none.pem ask)
verdict "a bundle that cannot be read is not called the server's fault" 'says CURL_CA_BUNDLE && ! says "was not accepted"'
printf 'not a certificate\n' >broken.pem
said=$(ORTTO_CA_FILE=$PWD/broken.pem ask)
verdict "a ca_file without certificates fails, and says which setting" 'says ca_file && ! grep -qx ok <<<"$said"'
