#!/usr/bin/env bash
# Built with a newer libcurl's headers, run with an older library: it does not know every option. What can be done
# in an older way is; what cannot be promised then fails, and names the version that it needs.
# sandbox: --people 30 --accounts 3
# env: ORTTO_RATE=0 ORTTO_RETRIES=0
set -u
passed() { echo "ok $1"; }
failed() { echo "not ok $1"; }
check() { # name, what came, what is right
  if [ "$2" = "$3" ]; then passed "$1"; else printf 'expected:\n%s\ngot:\n%s\n' "$3" "$2"; failed "$1"; fi
}
if ldd "$EXT" | grep -q asan; then
  echo "ok an older libcurl # skip the sanitizer wants to be loaded first"
  exit 0
fi

# A libcurl that refuses the options named in OLD, by number, as an older one would.
cat >old.c <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int curl_easy_setopt(void *easy, int option, ...){
  int (*next)(void *, int, ...) = (int (*)(void *, int, ...))dlsym(RTLD_NEXT, "curl_easy_setopt");
  char name[16];
  va_list args;
  va_start(args, option);
  void *value = va_arg(args, void *);
  va_end(args);
  snprintf(name, sizeof name, " %d ", option);
  return strstr(getenv("OLD"), name) ? 48 : next(easy, option, value);
}
C
gcc -shared -fPIC -o old.so old.c -ldl || { echo "not ok the shim"; exit 1; }
sql() { OLD=" $1 " LD_PRELOAD=$PWD/old.so "$SQLITE3" -batch -cmd ".load $EXT" :memory: "$2" 2>&1; }

check "without CURLOPT_PROTOCOLS_STR (7.85)" "$(sql 10318 'SELECT count(*) FROM ortto_people')" 29
check "without CURLOPT_QUICK_EXIT (7.87)" "$(sql 322 'SELECT count(*) FROM ortto_people')" 29
check "without any way to name the protocols" \
  "$(sql '10318 181' 'SELECT count(*) FROM ortto_people' | grep -o 'it needs version [0-9.]* or newer')" \
  "it needs version 7.64 or newer"
