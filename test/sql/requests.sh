#!/bin/sh
# For SQL tests: prints the requests that the sandbox got since the last call, and forgets them.
#
#   .shell $ROOT/test/sql/requests.sh          a line for each: path, body; status if it is not 200
#   .shell $ROOT/test/sql/requests.sh count    how many for each path
#   .shell $ROOT/test/sql/requests.sh sorted   lines in the order of their text (requests in flight at the
#                                          same time arrive in any order)
#   .shell $ROOT/test/sql/requests.sh counted [sorted]
#                                          of statements that count: SQLite from 3.47 on announces the key for
#                                          count(*) too, so the request that counts is for a page of ids, shown as
#                                          the request for one row that it is with an older SQLite
#
# Ids and cursors are shown as ID; of a list with more than three of them the number is shown.

url=$ORTTO_API_URL/sandbox
bodies() {
  curl -s "$url/requests?full" |
    sed -nE 's/.*"method":"([A-Z]+)","path":"([^"]*)","status":([0-9]+),.*"body":(.*)\}\]?,?$/\1 \2 \3 \4/p' |
    sed -E 's/^[A-Z]+ //; s/^([^ ]+) 200 /\1 /; s/"[0-9a-f]{24}"/ID/g' |
    awk '{ out = ""
           while (match($0, /\[ID(,ID)*\]/)) {
             n = (RLENGTH - 2 + 1) / 3
             out = out substr($0, 1, RSTART - 1) (n > 3 ? "[" n " ids]" : substr($0, RSTART, RLENGTH))
             $0 = substr($0, RSTART + RLENGTH)
           }
           print "  -> " out $0 }'
}
counted() {
  if printf '%s\n' 3.47 "$(${SQLITE3:-sqlite3} :memory: 'SELECT sqlite_version()')" | sort -VC
  then bodies | sed -E 's/(\["str:(:email|o:name)"\],"limit":)500,"offset":0/\11,"offset":0/'
  else bodies; fi
}
case ${1:-} in
  '') bodies ;;
  sorted) bodies | sort ;;
  counted) counted | if [ "${2:-}" = sorted ]; then sort; else cat; fi ;;
  count) curl -s "$url/requests?brief" | awk '{ print $2 }' | sort | uniq -c | awk '{ print "  -> " $2 " x" $1 }' ;;
esac
[ "$(curl -s "$url/count" | tr -dc 0-9)" != 0 ] || echo '  -> no request'
curl -s -X POST "$url/forget" >/dev/null
