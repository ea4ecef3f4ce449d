#!/usr/bin/env bash
# Writes a comment on a pull request, or writes it anew where there is one:
#   comment.sh NUMBER KIND FILE
# The comment is found again by a hidden line with KIND, among those that GitHub
# Actions itself wrote: the same line in somebody else's comment is theirs.
# It needs GH_TOKEN and GITHUB_REPOSITORY.
set -euo pipefail

number=$1 kind=$2 file=$3
[[ $number =~ ^[1-9][0-9]*$ ]] || { echo "not the number of a pull request: $number" >&2; exit 1; }
[[ $kind =~ ^[a-z-]+$ ]] || { echo "not a kind of comment: $kind" >&2; exit 1; }
marker="<!-- ecs-sample-app: $kind -->"
# GitHub takes 65,536 characters.
limit=60000

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
{
  printf '%s\n' "$marker"
  # Control characters, which GitHub refuses, are left out.
  head -c "$limit" "$file" | tr -d '\000-\010\013\014\016-\037'
  printf '\n'
} > "$work/body"
if (($(wc -c < "$file") > limit)); then
  # What is cut off inside a block of code would take the note into it.
  if (($(grep -c '^ *```' "$work/body" || true) % 2)); then
    printf '```\n' >> "$work/body"
  fi
  printf '\nCut off here; the summary of the job has it all.\n' >> "$work/body"
fi
jq -n --rawfile body "$work/body" '{body: $body}' > "$work/request"

# A list of several pages is several documents.
gh api --paginate "repos/$GITHUB_REPOSITORY/issues/$number/comments?per_page=100" > "$work/comments"
id=$(jq -r --arg marker "$marker" '.[]
  | select(.user.login == "github-actions[bot]" and .user.type == "Bot")
  | select(.body | startswith($marker)) | .id' "$work/comments" | head -n 1)
if [[ -n $id ]]; then
  gh api --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$id" --input "$work/request" > "$work/answer"
else
  gh api --method POST "repos/$GITHUB_REPOSITORY/issues/$number/comments" --input "$work/request" > "$work/answer"
fi
jq -r '"comment: " + .html_url' "$work/answer"
