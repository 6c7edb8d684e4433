#!/bin/sh
# For SQL tests: prints what arrived by Segment's protocol since the last call, a line for each item as it was sent, and
# forgets it. Times of the extension's own making, message ids and audience ids are shown as TIME, UUID, ID.

url=$ORTTO_API_URL/sandbox/segment
curl -s "$url?lines" | sed -E 's/"20[2-9][0-9]-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z"([,}])/TIME\1/g
  s/"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"/UUID/g; s/"[0-9a-f]{24}"/ID/g; s/^/  -> /; s/\t/ /'
[ -n "$(curl -s "$url?lines")" ] || echo '  -> nothing'
curl -s -X POST "$url/forget" >/dev/null
