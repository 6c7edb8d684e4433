# A disk that is full, for the database and for temporary files; few file descriptors; files that may not grow; a
# folder that cannot be written; a clock that jumps. Each time: a clear error, the database whole, nothing lost in
# silence, nothing sent that is not said, and once the limit is gone the next call goes on.
# sandbox: --people 1500 --accounts 20 --custom 4 --account-custom 2
# env: ORTTO_RATE=0 ORTTO_RETRIES=0
# Conditions are quoted, for eval in verdict().
# shellcheck shell=bash disable=SC2016,SC2034
server=$ORTTO_API_URL
PATH=$PATH:/usr/sbin:/sbin

# sql FILE TEXT: what it says, errors too. Two files are on the disk in question: the database, and what is temporary.
sql() { $SQLITE3 -batch -cmd '.load ./ortto' "$1" "$2" 2>&1; }
says() { grep -qiF -- "$1" <<<"$said"; }
verdict() {   # verdict NAME CONDITION: ok or not ok, with what was said
  if eval "$2"; then
    echo "ok $1"
  else
    printf '%s\n' "$said" | cut -c 1-600
    echo "not ok $1"
  fi
}
skip() { echo "ok $1 # skip: $2"; }
count() { curl -s "$server/sandbox/count?path=$1"; }
forget() { curl -s -X POST -o /dev/null "$server/sandbox/forget"; }
people() { curl -s "$server/sandbox/people/count" | jq .active; }
whole() { [ "$(sql "$1" 'PRAGMA integrity_check')" = ok ]; }
all=$(people)

# ---- a disk of its own ----------------------------------------------------------------------------------------
mounted=
unmount() { [ -z "$mounted" ] || umount "$mounted" 2>/dev/null || umount -l "$mounted" 2>/dev/null; mounted=; }
trap unmount EXIT
disk() {   # disk SIZE: an empty one at ./disk, or it stays a folder and this fails
  unmount
  mkdir -p disk
  [ "$(id -u)" = 0 ] && mount -t tmpfs -o "size=$1" tmpfs "$PWD/disk" 2>/dev/null && mounted=$PWD/disk
}
grow() { mount -o "remount,size=$1" "$mounted"; }

if disk 260k; then
  for journal in delete wal; do
    disk 260k
    file=$PWD/disk/a.db
    said=$(sql "$file" "PRAGMA journal_mode = $journal; CREATE TABLE people(id TEXT PRIMARY KEY, email); INSERT INTO people VALUES('mine', 'x')")
    said=$(sql "$file" "SELECT ortto_sync('ortto_people', 'people')")
    verdict "a sync onto a full disk fails ($journal)" 'says "ortto: syncing ortto_people" && says full'
    verdict "and the database is whole ($journal)" 'whole "$file"'
    said=$(sql "$file" "SELECT count(*), min(id) FROM people")
    verdict "the local table is as it was ($journal)" '[ "$said" = "1|mine" ]'
    grow 64m
    said=$(sql "$file" "SELECT ortto_sync('ortto_people', 'people')->>'state'; SELECT count(*) FROM people; SELECT count(*) FROM people WHERE id = 'mine'")
    verdict "with room again the next call goes on ($journal)" '[ "$said" = "$(printf "done\n%s\n0" "$all")" ]'
    said=$(sql "$file" "BEGIN; INSERT INTO ortto_people(email) VALUES('disk-$journal@example.com'); CREATE TABLE big(x); INSERT INTO big VALUES(zeroblob(100000000)); COMMIT" )
    verdict "a transaction that does not fit sends nothing ($journal)" 'says full && [ "$(people)" = "$all" ]'
    verdict "and leaves the database whole ($journal)" 'whole "$file"'
  done

  # Temporary files: what is held until COMMIT, and what a join keeps.
  disk 1m
  rows="WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 9000) INSERT INTO ortto_people(email, first_name, last_name)
    SELECT 'held' || i || '@example.com', printf('%.250c', 'x'), printf('%.250c', 'y') FROM n"
  before=$(people)
  forget
  said=$(SQLITE_TMPDIR=$PWD/disk TMPDIR=$PWD/disk sql temp.db "PRAGMA temp_store_directory; BEGIN; CREATE TABLE kept(x); $rows; COMMIT")
  verdict "rows held back that do not fit fail at their statement or at COMMIT" 'says "ortto: " || says full'
  verdict "nothing of them was sent" '[ "$(people)" = "$before" ] && [ "$(count /v1/person/merge)" = 0 ]'
  printf '%s\n' "BEGIN; INSERT INTO ortto_people(email) VALUES('first@example.com');" "$rows;" "SELECT 'pending', count(*) FROM ortto_pending;" \
    "COMMIT;" "SELECT 'after', count(*) FROM ortto_people WHERE email = 'first@example.com';" "ROLLBACK;" \
    "INSERT INTO ortto_people(email) VALUES('next@example.com');" \
    "SELECT 'next', count(*) FROM ortto_people WHERE email = 'next@example.com';" >held.sql
  said=$(SQLITE_TMPDIR=$PWD/disk TMPDIR=$PWD/disk $SQLITE3 -batch -cmd '.load ./ortto' :memory: <held.sql 2>&1)
  verdict "the transaction goes on or is over, and says which; the next one works" 'grep -qx "next|1" <<<"$said" && (says "ortto: " || says full)'
  [ "$(grep -c "held1@" <(curl -s "$server/sandbox/person?email=held1@example.com"))" = 0 ] && echo "ok not half a statement was sent" ||
    echo "not ok not half a statement was sent"
  disk 64k
  said=$(SQLITE_TMPDIR=$PWD/disk TMPDIR=$PWD/disk sql :memory: "CREATE TABLE l AS SELECT value AS city FROM json_each('[\"Oslo\",\"Sydney\",\"Nairobi\",\"none\"]');
    SELECT count(*) FROM l JOIN ortto_people p ON p.city = l.city ORDER BY 1" )
  right=$(sql :memory: "CREATE TABLE l AS SELECT value AS city FROM json_each('[\"Oslo\",\"Sydney\",\"Nairobi\",\"none\"]');
    SELECT count(*) FROM l JOIN ortto_people p ON p.city = l.city ORDER BY 1")
  verdict "a join whose rows do not fit is right, or an error" '[ "$said" = "$right" ] || says full || says "ortto: "'
  unmount
else
  skip "a full disk" "mounting one takes root"
fi

# ---- files that may not grow -------------------------------------------------------------------------------------
# (The signal that comes with it is the program's to ignore.)
said=$( (trap '' XFSZ; ulimit -f 200; sql small.db "SELECT ortto_sync('ortto_people', 'people')") )
verdict "a file that may not grow: the sync fails" 'says "ortto: syncing ortto_people" && (says full || says "disk I/O")'
verdict "and the database is whole" 'whole small.db'
said=$(sql small.db "SELECT ortto_sync('ortto_people', 'people')->>'state'; SELECT count(*) FROM people")
verdict "without the limit the next call goes on" '[ "$said" = "$(printf "done\n%s" "$(people)")" ]'

# ---- few file descriptors ----------------------------------------------------------------------------------------
right=$(sql files.db "SELECT count(id), count(email) FROM (SELECT id, email FROM ortto_people)")
bad='' worked=0
# Not the script that starts it elsewhere, which needs more of them.
plain=$(type -aP sqlite3 | sed -n 2p)
[ -n "$plain" ] && [ -z "${PRELOAD:-}${VALGRIND:-}" ] || plain=$SQLITE3
for n in 5 6 7 8 9 10 11 12 13 14 16 20 24 32; do
  rm -f few.db*
  said=$( (ulimit -n $n; "$plain" -batch -cmd '.load ./ortto' few.db 2>&1 "SELECT count(id), count(email) FROM (SELECT id, email FROM ortto_people);
    SELECT 'upserted', ortto_upsert('{\"fields\":{\"email\":\"few$n@example.com\"}}')->>'status';
    SELECT 'synced', ortto_sync('ortto_people', 'people')->>'state'") )
  there=$(curl -s "$server/sandbox/person?email=few$n@example.com")
  first=$(head -n 1 <<<"$said")
  case $first in
    "$right") worked=$((worked + 1)) ;;
    /bin/sh:*) [ -n "${PRELOAD:-}" ] || bad="$bad
$n: $said" ;;   # the script that puts the sanitizer's library first could not begin
    *ortto:* | *"unable to open"* | *rror* | *"open shared object"* | *"Too many"*) ;;
    *) bad="$bad
$n: $said" ;;
  esac
  if grep -qx 'upserted|200' <<<"$said" && [ "$there" = null ]; then bad="$bad
$n: upserted, and not there"; fi
  if grep -qx 'synced|done' <<<"$said" && [ "$(sql few.db 'SELECT count(*) FROM people')" != "$(people)" ]; then bad="$bad
$n: synced, and not all"; fi
  [ ! -s few.db ] || whole few.db || bad="$bad
$n: the database is damaged"
  right=$(sql files.db "SELECT count(id), count(email) FROM (SELECT id, email FROM ortto_people)")
done
said="$bad"
verdict "few file descriptors: right, or an error ($worked worked)" '[ -z "$bad" ] && [ $worked -gt 0 ]'

# ---- a folder that cannot be written -------------------------------------------------------------------------------
if disk 2m; then
  said=$(sql disk/a.db "CREATE TABLE people(id TEXT PRIMARY KEY); INSERT INTO people VALUES('mine')")
  mount -o remount,ro "$mounted"
elif [ "$(id -u)" != 0 ]; then
  mkdir -p disk && sql disk/a.db "CREATE TABLE people(id TEXT PRIMARY KEY); INSERT INTO people VALUES('mine')"
  chmod 555 disk && chmod 444 disk/a.db
fi
if [ ! -w disk ] || ! touch disk/x 2>/dev/null; then
  said=$(sql disk/a.db "SELECT ortto_sync('ortto_people', 'people')")
  verdict "a folder that cannot be written: the sync says so" 'says "ortto: " && (says "read" || says "write")'
  said=$(sql disk/a.db "SELECT count(*), min(id) FROM people; SELECT count(*) = $(people) FROM ortto_people")
  verdict "and reading goes on" '[ "$said" = "$(printf "1|mine\n1")" ]'
  said=$(TMPDIR=$PWD/disk SQLITE_TMPDIR=$PWD/disk sql :memory: "INSERT INTO ortto_people(email) VALUES('ro@example.com'); SELECT count(*) FROM ortto_people WHERE email = 'ro@example.com'")
  verdict "temporary files that cannot be made: delivered, or an error" '[ "$said" = 1 ] || { (says "ortto: " || says "unable to open") && [ "$(curl -s "$server/sandbox/person?email=ro@example.com")" = null ]; }'
  chmod 755 disk 2>/dev/null
else
  skip "a folder that cannot be written" "every folder can be"
fi
unmount

# ---- a clock that jumps --------------------------------------------------------------------------------------------
# In its place: a library that says a day less or more at every look at the calendar's clock.
cat >jump.c <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/time.h>
#include <time.h>
static int looks;
static long jump(void){ return (long)(__sync_fetch_and_add(&looks, 1) % 5 - 2) * 86400; }
int clock_gettime(clockid_t which, struct timespec *t){
  static int (*real)(clockid_t, struct timespec *);
  if( real==0 ) *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
  int rc = real(which, t);
  if( which==CLOCK_REALTIME ) t->tv_sec += jump();
  return rc;
}
int gettimeofday(struct timeval *restrict t, void *restrict zone){
  struct timespec now;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &now);
  t->tv_sec = now.tv_sec;
  t->tv_usec = now.tv_nsec/1000;
  return 0;
}
time_t time(time_t *t){
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if( t ) *t = now.tv_sec;
  return now.tv_sec;
}
C
if [ -z "${PRELOAD:-}${VALGRIND:-}" ] && ${CC:-cc} -shared -fPIC -o jump.so jump.c -ldl 2>jump.err; then
  jumping() { LD_PRELOAD=$PWD/jump.so sql "$@"; }
  now=$(people)
  said=$(jumping jump.db "SELECT count(id) FROM (SELECT id, city FROM ortto_people); SELECT ortto_sync('ortto_people', 'people')->>'state';
    SELECT count(*) FROM people; SELECT ortto_upsert('{\"fields\":{\"email\":\"jump@example.com\"}}')->>'status';
    SELECT ortto_sync('ortto_people', 'people', 'changes')->>'inserted'; SELECT count(*) FROM people")
  verdict "a clock that jumps: reading, syncing, writing, changes" '[ "$said" = "$(printf "%s\ndone\n%s\n200\n1\n%s" "$now" "$now" $((now + 1)))" ]'
  curl -s -o /dev/null -d '{"kind":"429","seconds":1,"times":2}' "$server/sandbox/fault"
  began=$(date +%s)
  said=$(ORTTO_RETRIES=5 jumping :memory: "SELECT ortto_check()")
  verdict "a wait that the server asks for is not a day" '[ "$said" = ok ] && [ $(($(date +%s) - began)) -lt 20 ]'
  curl -s -o /dev/null -d '{"kind":"latency","ms":400,"path":"/v1/person/get","after":1,"times":-1}' "$server/sandbox/fault"
  rm -f jump.db*
  # The process that is killed is the shell itself.
  LD_PRELOAD=$PWD/jump.so $SQLITE3 -batch -cmd '.load ./ortto' jump.db "SELECT ortto_sync('ortto_people', 'people')" >half.out 2>&1 &
  half=$!
  sleep 0.8
  kill -9 $half; wait $half 2>/dev/null
  curl -s -o /dev/null -X POST "$server/sandbox/clear"
  said=$(jumping jump.db "SELECT ortto_sync('ortto_people', 'people')->>'state'; SELECT count(*) FROM people")
  verdict "a killed sync goes on under another date" '[ "$said" = "$(printf "done\n%s" "$(people)")" ]'
else
  skip "a clock that jumps" "no library can be put in front here"
fi
