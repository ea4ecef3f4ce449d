#!/usr/bin/env bash
# Takes what diff.yml left behind to the pull request that it ran for. That run had
# a stranger's code in it, so nothing that it left is believed: the text is cut to a
# size and written as text, and which pull request it is for says GitHub.
# It needs GH_TOKEN, GITHUB_REPOSITORY, and from the event RUN_ID, HEAD_SHA, HEAD_OWNER
# and HEAD_BRANCH.
set -euo pipefail

here=$(dirname "${BASH_SOURCE[0]}")
[[ $RUN_ID =~ ^[0-9]+$ ]] || { echo "not a run: $RUN_ID" >&2; exit 1; }
[[ $HEAD_SHA =~ ^[0-9a-f]{40}$ ]] || { echo "not a commit: $HEAD_SHA" >&2; exit 1; }
# Bytes of the archive, and of the text in it that is read at all.
max_archive=2000000 max_text=200000

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The event of a run for a fork names no pull request. The branch does, and the
# commit tells whether the run was for what is there now.
gh api --method GET "repos/$GITHUB_REPOSITORY/pulls" -f state=open -f per_page=100 \
  -f head="$HEAD_OWNER:$HEAD_BRANCH" > "$work/pulls"
number=$(jq -r --arg sha "$HEAD_SHA" --arg repository "$GITHUB_REPOSITORY" '.[]
  | select(.head.sha == $sha and .base.repo.full_name == $repository) | .number' "$work/pulls" | head -n 1)
if [[ -z $number ]]; then
  echo "no open pull request is at $HEAD_SHA: it was closed, or has newer commits, whose run will say more"
  exit 0
fi

gh api "repos/$GITHUB_REPOSITORY/actions/runs/$RUN_ID/artifacts?per_page=100" > "$work/artifacts"
artifact=$(jq -c '[.artifacts[] | select(.name == "diff" and (.expired | not))][0] // empty' "$work/artifacts")
if [[ -z $artifact ]]; then
  echo "the run left no diff behind: it failed, and says why itself"
  exit 0
fi
if (($(jq '.size_in_bytes' <<< "$artifact") > max_archive)); then
  echo "the diff is too large to be one" >&2
  exit 1
fi
gh api "repos/$GITHUB_REPOSITORY/actions/artifacts/$(jq '.id' <<< "$artifact")/zip" > "$work/diff.zip"
# Only this one file, and to a pipe: a path in an archive can lead anywhere, and a
# small archive become a large file.
{ unzip -p "$work/diff.zip" diff.md || true; } | head -c "$max_text" > "$work/diff.md" || true
if [[ ! -s $work/diff.md ]]; then
  echo "the run left an empty diff behind" >&2
  exit 1
fi
# Its own hidden first line is not needed: the comment gets one here.
sed -i '1{/^<!--.*-->$/d}' "$work/diff.md"
"$here/comment.sh" "$number" diff "$work/diff.md"
