#!/usr/bin/env bash
# Previews a stack and writes what would change, or why that can't be told, as Markdown:
#   preview.sh STACK FILE
# The job's output "status" is the preview's: a comment comes first, and then the job
# fails.
set -euo pipefail

stack=$1 file=$2
text=$(mktemp)
trap 'rm -f "$text"' EXIT
status=0
pulumi preview --diff --non-interactive --color never --stack "$stack" 2>&1 | tee "$text" || status=${PIPESTATUS[0]}
title="Preview of the stack $stack"
((status == 0)) || title="The preview of the stack $stack failed"
"$(dirname "${BASH_SOURCE[0]}")/report.sh" "$title" "$text" > "$file"
cat "$file" >> "${GITHUB_STEP_SUMMARY:-/dev/null}"
echo "status=$status" >> "${GITHUB_OUTPUT:-/dev/stdout}"
