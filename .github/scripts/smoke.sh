#!/usr/bin/env bash
# Waits until a page has a text:
#   smoke.sh URL TEXT [SECONDS]
# After a deployment both versions answer for some seconds, so an old page is no
# failure until the time is over. Nor is an error: a new load balancer takes a minute
# or two until its name is known.
set -euo pipefail

url=$1 text=$2 seconds=${3:-180}
[[ -n $text ]] || { echo "no text to look for: any page would do" >&2; exit 1; }
deadline=$((SECONDS + seconds)) seen=nothing
while :; do
  if page=$(curl --silent --show-error --fail --location --max-time 10 --max-filesize 1000000 "$url" 2>&1); then
    if grep -qF -- "$text" <<< "$page"; then
      echo "$url has: $text"
      exit 0
    fi
    seen="a page without it"
  else
    seen=$page
  fi
  ((SECONDS < deadline)) || break
  sleep "${SMOKE_PAUSE:-5}"
done
echo "$url does not have \"$text\" after $seconds s; the last try saw: $seen" >&2
exit 1
