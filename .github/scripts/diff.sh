#!/usr/bin/env bash
# Writes what a pull request changes, compared with the commit that it is merged into:
#   diff.sh FILE
# That is BASE, or else the first parent of the merge that GitHub checks out.
# A change is no failure, nor is one that takes something down: whether it is meant,
# people say who review it. It is marked in the job, so that nobody overlooks it.
set -euo pipefail

file=$1
base=${BASE:-$(git rev-parse --verify 'HEAD^1')}
# Built and then run by itself: make would not hand its status on.
make --silent .local/diff
status=0
.local/diff -base "$base" > "$file" || status=$?
# Also where it failed: it says why, such as a config that is refused.
cat "$file" >> "${GITHUB_STEP_SUMMARY:-/dev/null}"
case $status in
  0 | 2) ;;
  3) echo "::warning title=Dangerous change::This pull request replaces or deletes something that serves requests or holds data. The summary has what." ;;
  *)
    echo "the comparison with $base failed" >&2
    exit 1
    ;;
esac
[[ -s $file ]] || { echo "the comparison with $base said nothing" >&2; exit 1; }
