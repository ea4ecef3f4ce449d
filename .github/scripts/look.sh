#!/usr/bin/env bash
# Looks whether what is deployed is still what the stack's state says:
#   look.sh STACK FILE
# FILE gets what differs, as Markdown, and the job's output "state" is found or gone.
# Where the look itself fails, nothing is known, and the script fails.
set -euo pipefail

stack=$1 file=$2
text=$(mktemp)
trap 'rm -f "$text"' EXIT
status=0
pulumi refresh --preview-only --expect-no-changes --diff --non-interactive --color never --stack "$stack" > "$text" 2>&1 || status=$?
state=gone
if ((status != 0)); then
  # Pulumi has one status for drift and for what is wrong with itself.
  if ! grep -q 'no changes were expected' "$text"; then
    cat "$text" >&2
    exit 1
  fi
  state=found
fi
"$(dirname "${BASH_SOURCE[0]}")/report.sh" "Drift of the stack $stack: $state" "$text" > "$file"
cat "$file" >> "${GITHUB_STEP_SUMMARY:-/dev/null}"
echo "state=$state" >> "${GITHUB_OUTPUT:-/dev/stdout}"
