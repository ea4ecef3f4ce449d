#!/usr/bin/env bash
# Looks whether what is deployed is still what the stack's state says:
#   look.sh STACK FILE
# FILE gets what differs, as Markdown, and the job's output "state" is found or gone.
# Where the look itself fails, nothing is known, and the script fails. Images are not
# looked at: Docker's provider asks the registry with the login that it was pushed with,
# which is good for twelve hours, and then takes the image for gone. Nor are the stack's own
# outputs, which a program that builds an image reads.
set -euo pipefail

stack=$1 file=$2
text=$(mktemp)
trap 'rm -f "$text"' EXIT
status=0
pulumi refresh --preview-only --expect-no-changes --diff --non-interactive --color never --stack "$stack" \
  --exclude 'urn:pulumi:**docker-build:index:Image::**' --exclude 'urn:pulumi:**pulumi:pulumi:StackReference::**' > "$text" 2>&1 || status=$?
# 7 is Pulumi's status for changes where none were expected
# (sdk/go/common/util/cmdutil/exit.go).
case $status in
  0) state=gone ;;
  7) state=found ;;
  *)
    cat "$text" >&2
    exit "$status"
    ;;
esac
"$(dirname "${BASH_SOURCE[0]}")/report.sh" "Drift of the stack $stack: $state" "$text" > "$file"
cat "$file" >> "${GITHUB_STEP_SUMMARY:-/dev/null}"
echo "state=$state" >> "${GITHUB_OUTPUT:-/dev/stdout}"
