#!/usr/bin/env bash
# Updates a stack, says in the summary what it did, and gives the job's outputs "url" and
# "tag", the version that was deployed:
#   up.sh STACK
set -euo pipefail

stack=$1
text=$(mktemp)
trap 'rm -f "$text"' EXIT
status=0
pulumi up --yes --skip-preview --diff --non-interactive --color never --stack "$stack" 2>&1 | tee "$text" || status=${PIPESTATUS[0]}
title="Update of the stack $stack"
((status == 0)) || title="The update of the stack $stack failed"
"$(dirname "${BASH_SOURCE[0]}")/report.sh" "$title" "$text" >> "${GITHUB_STEP_SUMMARY:-/dev/null}"
((status == 0)) || exit "$status"
for output in url=url tag=imageTag; do
  value=$(pulumi stack output "${output#*=}" --non-interactive --stack "$stack")
  echo "${output%=*}=$value" >> "${GITHUB_OUTPUT:-/dev/stdout}"
done
