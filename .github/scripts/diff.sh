#!/usr/bin/env bash
# Writes what a pull request changes, compared with the commit that it is merged into:
#   diff.sh FILE
# That is BASE, or else the first parent of the merge that GitHub checks out.
# A change is no failure, nor is one that takes something down: whether it is meant,
# people say who review it. It is marked in the job, so that nobody overlooks it.
set -euo pipefail

file=$1
base=${BASE:-$(git rev-parse --verify 'HEAD^1')}
errors=$(mktemp)
trap 'rm -f "$errors"' EXIT
status=0
LC_ALL=C make --silent --no-print-directory diff BASE="$base" 2>&1 > "$file" | tee "$errors" >&2 || status=${PIPESTATUS[0]}
if ((status != 0)); then
  # make has one status for all; it prints the command's: "make: *** [...] Error 3".
  status=$(sed -nE 's/^make.*\*\*\*.* Error ([0-9]+)$/\1/p' "$errors" | tail -n 1)
fi
case ${status:-1} in
  0 | 2) ;;
  3) echo "::warning title=Dangerous change::This pull request replaces or deletes something that serves requests or holds data. The summary has what." ;;
  *)
    echo "the comparison with $base failed" >&2
    exit 1
    ;;
esac
[[ -s $file ]] || { echo "the comparison with $base said nothing" >&2; exit 1; }
cat "$file" >> "${GITHUB_STEP_SUMMARY:-/dev/null}"
