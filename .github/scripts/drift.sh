#!/usr/bin/env bash
# Keeps one issue about drift: opened when there is some, written anew while there
# is, closed when it is gone.
#   drift.sh found|gone FILE
# FILE says in Markdown what was found. It needs GH_TOKEN, GITHUB_REPOSITORY and
# RUN_URL.
set -euo pipefail

state=$1 file=$2
marker='<!-- ecs-sample-app: drift -->'
# GitHub takes 65,536 characters.
limit=60000
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

gh api --paginate "repos/$GITHUB_REPOSITORY/issues?state=open&per_page=100" > "$work/issues"
number=$(jq -r --arg marker "$marker" '.[]
  | select(.pull_request == null and .user.login == "github-actions[bot]")
  | select((.body // "") | startswith($marker)) | .number' "$work/issues" | head -n 1)

case $state in
  found)
    {
      printf '%s\n' "$marker"
      head -c "$limit" "$file"
      printf '\n\nSomebody changed this behind the program. "pulumi up --refresh" takes it back; to keep it, change the program. Seen by %s; this issue is closed when it is gone.\n' "$RUN_URL"
    } > "$work/body"
    jq -n --rawfile body "$work/body" '{title: "What is deployed is not what the program made", body: $body}' > "$work/request"
    if [[ -n $number ]]; then
      gh api --method PATCH "repos/$GITHUB_REPOSITORY/issues/$number" --input "$work/request" > "$work/answer"
    else
      gh api --method POST "repos/$GITHUB_REPOSITORY/issues" --input "$work/request" > "$work/answer"
    fi
    jq -r '"issue: " + .html_url' "$work/answer"
    ;;
  gone)
    [[ -n $number ]] || { echo "no drift, no issue"; exit 0; }
    jq -n --arg run "$RUN_URL" '{body: ("It is gone: " + $run)}' > "$work/request"
    gh api --method POST "repos/$GITHUB_REPOSITORY/issues/$number/comments" --input "$work/request" > "$work/answer"
    gh api --method PATCH "repos/$GITHUB_REPOSITORY/issues/$number" -f state=closed > "$work/answer"
    echo "issue $number is closed"
    ;;
  *)
    echo "neither found nor gone: $state" >&2
    exit 1
    ;;
esac
