# Real servers in front of the sandbox: nginx with certificates of a private authority (good, expired, not yet good,
# of another name, self-signed), over HTTP/2 and 1.1, IPv4 and IPv6, with compression; tinyproxy as a proxy; a name
# server that takes its time. What is not installed is skipped, and said.
# sandbox: --people 600 --accounts 3 --custom 2 --account-custom 1
# env: ORTTO_RATE=0 ORTTO_RETRIES=0 ORTTO_TIMEOUT_MS=15000
# Conditions are quoted, for eval in verdict().
# shellcheck shell=bash disable=SC2016,SC2034
server=$ORTTO_API_URL
unset CURL_CA_BUNDLE SSL_CERT_FILE SSL_CERT_DIR
PATH=$PATH:/usr/sbin:/sbin

ask() { $SQLITE3 -batch -cmd '.load ./ortto' :memory: "${1:-SELECT ortto_check()}" 2>&1; }
says() { grep -qiF -- "$1" <<<"$said"; }
verdict() {   # verdict NAME CONDITION: ok or not ok, with what was said
  if eval "$2"; then
    echo "ok $1"
  else
    printf '%s\n' "$said"
    echo "not ok $1"
  fi
}
count() { curl -s "$server/sandbox/count"; }
forget() { curl -s -X POST -o /dev/null "$server/sandbox/forget"; }
skip() { echo "ok $1 # skip: $2"; }
pids=()
end_all() { [ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2>/dev/null; wait; }
trap end_all EXIT

# ---- certificates -------------------------------------------------------------------------------------------
if ! command -v openssl >/dev/null || ! command -v nginx >/dev/null; then
  skip "certificates, HTTP/2, IPv6, compression" "openssl or nginx is not installed (nginx-light)"
  exit
fi
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 20 -subj "/CN=A private authority" 2>/dev/null
openssl req -x509 -newkey rsa:2048 -nodes -keyout other.key -out other.pem -days 20 -subj "/CN=Another authority" 2>/dev/null
names=subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1,DNS:slow.example,DNS:ortto.example
certificate() {   # certificate NAME ALTNAME FROM TO: signed by the authority, times as YYMMDDHHMMSSZ
  openssl req -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$1" 2>/dev/null
  rm -rf ca.db && mkdir ca.db && : >ca.db/index && echo 01 >ca.db/serial
  printf '%s\n' '[ca]' default_ca=d '[d]' dir=ca.db database=ca.db/index new_certs_dir=ca.db serial=ca.db/serial \
    default_md=sha256 policy=p certificate=ca.pem private_key=ca.key x509_extensions=x '[p]' commonName=supplied '[x]' "$2" >ca.cnf
  openssl ca -batch -config ca.cnf -in "$1.csr" -out "$1.pem" -startdate "$3" -enddate "$4" -notext 2>ca.err ||
    { cat ca.err; echo "not ok a certificate could be made: $1"; }
}
year=$(date +%y)
certificate good "$names" "$(printf '%02d' $((year - 1)))0101000000Z" "$(printf '%02d' $((year + 2)))0101000000Z"
certificate expired "$names" "$(printf '%02d' $((year - 2)))0101000000Z" "$(printf '%02d' $((year - 1)))0101000000Z"
certificate early "$names" "$(printf '%02d' $((year + 2)))0101000000Z" "$(printf '%02d' $((year + 3)))0101000000Z"
certificate wrong subjectAltName=DNS:somebody.else.example "$(printf '%02d' $((year - 1)))0101000000Z" "$(printf '%02d' $((year + 2)))0101000000Z"
openssl req -x509 -newkey rsa:2048 -nodes -keyout selfsigned.key -out selfsigned.pem -days 20 -subj /CN=localhost -addext "$names" 2>/dev/null

# nginx takes no port 0: so it is tried until it finds some that are free.
has_ipv6() { [ -s /proc/net/if_inet6 ] && grep -q ' lo$' /proc/net/if_inet6; }
host() {   # host PORT NAME [LINE...]: a server with this certificate
  local port=$1 name=$2
  shift 2
  printf '%s\n' "server { listen 127.0.0.1:$port ssl http2;" "$@" "ssl_certificate $PWD/$name.pem; ssl_certificate_key $PWD/$name.key;" \
    "location / { proxy_pass $server; proxy_set_header Accept-Encoding ''; } }"
}
start_nginx() {
  local base tries
  for tries in $(seq 20); do
    base=$((20000 + (RANDOM % 4000) * 10))
    good=$((base + 1)) expired=$((base + 2)) early=$((base + 3)) wrong=$((base + 4)) selfsigned=$((base + 5)) old=$((base + 6))
    {
      [ "$(id -u)" != 0 ] || echo "user root;"
      printf '%s\n' "daemon off; master_process off; pid nginx.pid; error_log nginx.err;" "events { worker_connections 200; }" \
        "http { log_format said '\$server_protocol \$request_uri \$status \$bytes_sent'; access_log nginx.log said;" \
        "client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s; client_max_body_size 20m;"
      host $good good "gzip on; gzip_types application/json; gzip_proxied any; gzip_min_length 1;" "$(has_ipv6 && echo "listen [::1]:$good ssl http2;")"
      for name in expired early wrong selfsigned; do host "${!name}" $name; done
      host $old good "ssl_protocols TLSv1.2;" | sed 's/ http2//'
      echo "}"
    } >nginx.conf
    nginx -p "$PWD" -c nginx.conf -e nginx.err >nginx.out 2>&1 &
    nginx=$!
    for _ in $(seq 60); do
      kill -0 $nginx 2>/dev/null || break
      curl -s -o /dev/null --cacert ca.pem "https://localhost:$old/sandbox/count" && pids+=("$nginx") && return 0
      sleep 0.05
    done
    kill $nginx 2>/dev/null
    wait $nginx 2>/dev/null
  done
  return 1
}
if ! start_nginx; then
  cat nginx.out nginx.err 2>/dev/null
  echo "not ok nginx starts"
  exit
fi

# What is asked of a good server: all of it, and that it came through.
at() { export ORTTO_API_URL=https://${2:-localhost}:$1; }
all="SELECT ortto_check(); SELECT count(*), count(DISTINCT id), sum(length(email)) > 100 FROM (SELECT id, email FROM ortto_people)"
whole=$(ORTTO_API_URL=$server ask "$all")
good_answer='[ "$said" = "$whole" ]'
not_on_windows() { [ -n "${WINDOWS:-}" ] && skip "$1" "$2"; }
refused() {   # refused NAME WORDS: a certificate that is not accepted; nothing came through
  [ -z "${WINDOWS:-}" ] || set -- "$1" schannel
  forget
  said=$(ask "$all")
  verdict "$1" 'says "certificate was not accepted" && says "'"$2"'" && ! grep -qx ok <<<"$said" && [ "$(count)" = 0 ]'
}
at $good
not_on_windows "an authority that nobody named" "wine trusts any" ||
  refused "an authority that nobody named" "unable to get local issuer"
said=$(ORTTO_CA_FILE=$PWD/ca.pem ask "$all")
verdict "ORTTO_CA_FILE" "$good_answer"
said=$(ask "SELECT ortto_config('ca_file', '$PWD/ca.pem') IS NULL; $all" | tail -n +2)
verdict "ortto_config('ca_file')" "$good_answer"
for variable in SSL_CERT_FILE CURL_CA_BUNDLE; do
  said=$(export "$variable=$PWD/ca.pem"; ask "$all")
  verdict "$variable" "$good_answer"
done
mkdir authorities
cp ca.pem "authorities/$(openssl x509 -hash -noout -in ca.pem).0"
said=$(SSL_CERT_DIR=$PWD/authorities ask "$all")
not_on_windows SSL_CERT_DIR "there is none" || verdict "SSL_CERT_DIR" "$good_answer"
ORTTO_CA_FILE=$PWD/other.pem refused "another authority" "unable to get local issuer"
said=$(SSL_CERT_FILE=$PWD/other.pem ORTTO_CA_FILE=$PWD/ca.pem ask "$all")
verdict "the setting goes before the variable" "$good_answer"
export ORTTO_CA_FILE=$PWD/ca.pem
at $expired; refused "a certificate that has expired" "expired"
at $early; refused "a certificate that is not good yet" "not yet valid"
at $wrong; refused "a certificate of another name" "localhost"
at $selfsigned; refused "a certificate that signs itself" "self"
at $selfsigned
said=$(ORTTO_CA_FILE=$PWD/selfsigned.pem ask "$all")
verdict "one that signs itself is named" "$good_answer"
at $good 127.0.0.1
said=$(ask "$all")
not_on_windows "an address in place of a name" "libcurl compares names alone there" ||
  verdict "an address in place of a name" "$good_answer"
at $wrong 127.0.0.1; refused "an address that the certificate has not" "127.0.0.1"

# ---- HTTP/2 and 1.1, IPv6, compression -----------------------------------------------------------------------
at $good
: >nginx.log
said=$(ORTTO_CONCURRENCY=8 ask "$all")
not_on_windows "HTTP/2" "not in that libcurl" || verdict "HTTP/2" "$good_answer"' && grep -q "^HTTP/2.0 /v1/person/get 200" nginx.log && ! grep -q "^HTTP/1" nginx.log'
said=$(ask "INSERT INTO ortto_people(email) VALUES('h2@example.com'); SELECT count(*) FROM ortto_people WHERE email = 'h2@example.com'")
verdict "writing over HTTP/2" '[ "$said" = 1 ]'
whole=$(ORTTO_API_URL=$server ask "$all")
bytes=$(sleep 0.1; awk '$2 == "/v1/person/get" { n += $4 } END { print n + 0 }' nginx.log)
plain=$(ORTTO_API_URL=$server ask "SELECT sum(length(email)) FROM ortto_people; SELECT sum(received_bytes) FROM ortto_log" | tail -n 1)
said="$bytes bytes of $plain"
verdict "compressed on the way" '[ "$bytes" -gt 0 ] && [ "$bytes" -lt $((plain / 2)) ]'
at $old
: >nginx.log
said=$(ask "$all")
verdict "HTTP/1.1 over TLS 1.2" "$good_answer"' && grep -q "^HTTP/1.1 /v1/person/get 200" nginx.log'
if has_ipv6; then
  at $good '[::1]'
  said=$(ask "$all")
  verdict "IPv6" "$good_answer"
  said=$(ORTTO_API_URL="http://[::1]:$old" ask)
  verdict "http to ::1 is loopback, and nobody there is told" 'says "[::1]" && ! says "refused: " && ! grep -qx ok <<<"$said"'
else
  skip "IPv6" "this machine has none"
fi
at $good
said=$(ORTTO_API_URL=http://localhost:$good ask)
verdict "http to a server that speaks TLS" 'says "ortto: " && says 400 && ! says sandbox-key'

# ---- a name server that takes its time ---------------------------------------------------------------------
# In its place: the system's look-up, three seconds late, of a name that is this machine; and of one that is in time.
cat >slow.c <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <time.h>
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **out){
  int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
  struct timespec three = { 3, 0 };
  *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
  int slow = node && strcmp(node, "slow.example")==0;
  if( slow ) nanosleep(&three, NULL);
  if( slow || (node && strcmp(node, "ortto.example")==0) ) node = "127.0.0.1";
  return real(node, service, hints, out);
}
C
if ${CC:-cc} -shared -fPIC -o slow.so slow.c -ldl 2>slow.err && [ -z "${PRELOAD:-}${VALGRIND:-}" ]; then
  at $good slow.example
  late() { LD_PRELOAD=$PWD/slow.so ask "$@"; }
  said=$(ORTTO_TIMEOUT_MS=700 late)
  verdict "a slow name server: timeout_ms holds" 'says timeout_ms && ! grep -qx ok <<<"$said"'
  printf '%s\n' "CREATE TEMP TABLE t AS SELECT julianday('now') AS began;" "SELECT ortto_check();" \
    "SELECT (julianday('now') - began) * 86400 < 1.5 FROM t;" >late.sql
  said=$(ORTTO_TIMEOUT_MS=700 LD_PRELOAD=$PWD/slow.so $SQLITE3 -batch -cmd '.load ./ortto' :memory: <late.sql 2>&1)
  verdict "a slow name server: the error is in time, and the next statement goes on" '[ "$(tail -n 1 <<<"$said")" = 1 ]'
  said=$(late "$all")
  verdict "a slow name server is waited for" "$good_answer"
  at $good
else
  skip "a slow name server" "no library can be put in front here"
fi

# nginx goes away in the middle of a scan, and comes back.
curl -s -o /dev/null -d '{"kind":"latency","ms":600,"path":"/v1/person/get","after":1,"times":-1}' "$server/sandbox/fault"
ORTTO_CONCURRENCY=1 ORTTO_RETRIES=5 ask "$all" >gone.out &
reader=$!
sleep 0.5
kill $nginx; wait $nginx 2>/dev/null
sleep 0.3
nginx -p "$PWD" -c nginx.conf -e nginx.err >nginx.out 2>&1 &
nginx=$!
pids+=("$nginx")
wait $reader
said=$(cat gone.out)
verdict "a server that is started anew during a scan" "$good_answer"
curl -s -o /dev/null -X POST "$server/sandbox/clear"

# The sandbox is gone: nginx says so in HTML.
said=$(ORTTO_API_URL=https://localhost:$good/nothing/here ask)
verdict "a path that is not Ortto's" 'says 404 && ! grep -qx ok <<<"$said"'

# ---- a proxy ------------------------------------------------------------------------------------------------
# None stands before a loopback address: so the server has a name here that only the proxy can look up.
if ! command -v tinyproxy >/dev/null || ! [ -f slow.so ]; then
  skip "a proxy" "tinyproxy is not installed, or no library can be put in front"
  exit
fi
start_proxy() {   # start_proxy [LINE...]
  local tries
  for tries in $(seq 20); do
    port=$((20000 + (RANDOM % 4000) * 10 + 7))
    printf '%s\n' "Port $port" "Listen 127.0.0.1" "Timeout 20" "Allow 127.0.0.1" "LogFile \"$PWD/proxy.log\"" "LogLevel Connect" "$@" >proxy.conf
    LD_PRELOAD=$PWD/slow.so tinyproxy -d -c proxy.conf >proxy.out 2>&1 &
    proxy=$!
    for _ in $(seq 60); do
      kill -0 $proxy 2>/dev/null || break
      (exec 3<>/dev/tcp/127.0.0.1/$port) 2>/dev/null && pids+=("$proxy") && return 0
      sleep 0.05
    done
    kill $proxy 2>/dev/null
    wait $proxy 2>/dev/null
  done
  return 1
}
if ! start_proxy; then
  skip "a proxy" "tinyproxy does not start: $(head -n 1 proxy.out)"
  exit
fi
export https_proxy=http://127.0.0.1:$port
at $good ortto.example
said=$(ask "$all")
verdict "through a proxy" "$good_answer"' && grep -q "CONNECT ortto.example" proxy.log'
export ORTTO_CA_FILE=$PWD/other.pem
refused "a proxy does not make a certificate good" "unable to get local issuer"
export ORTTO_CA_FILE=$PWD/ca.pem
: >proxy.log
said=$(no_proxy=ortto.example LD_PRELOAD=$PWD/slow.so ask "$all")
verdict "no_proxy" "$good_answer"' && ! grep -q "CONNECT ortto" proxy.log'
said=$(at $good; ask "$all")
verdict "no proxy before a loopback address" "$good_answer"' && ! grep -q "CONNECT local" proxy.log'
kill $proxy; wait $proxy 2>/dev/null
said=$(ask "$all")
verdict "a proxy that is not there" 'says "127.0.0.1" && says "check the network" && ! grep -qx ok <<<"$said"'
if start_proxy 'ConnectPort 1'; then
  export https_proxy=http://127.0.0.1:$port
  said=$(ask)
  verdict "a proxy that does not let it through" 'says "does not let this through" && ! grep -qx ok <<<"$said"'
fi
if start_proxy 'BasicAuth somebody secret-word'; then
  export https_proxy=http://127.0.0.1:$port
  said=$(ask)
  verdict "a proxy that wants a password" 'says "https_proxy=http://NAME:PASSWORD@HOST:PORT" && ! grep -qx ok <<<"$said"'
  export https_proxy=http://somebody:wrong-word@127.0.0.1:$port
  said=$(ask)
  verdict "a proxy's password that is wrong is not repeated" 'says NAME:PASSWORD && ! says wrong-word && ! grep -qx ok <<<"$said"'
  export https_proxy=http://somebody:secret-word@127.0.0.1:$port
  said=$(ask "$all")
  verdict "a proxy's password" "$good_answer"
fi
