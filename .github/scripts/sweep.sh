#!/usr/bin/env bash
# Destroys the stacks pr-NUMBER whose pull request is closed, or no longer has the
# label. A stack whose pull request can't be asked for stays: an error of GitHub's
# must not destroy anything. What fails does not keep the rest.
# It needs GH_TOKEN, GITHUB_REPOSITORY and a login to Pulumi and AWS.
set -euo pipefail

label=${ENVIRONMENT_LABEL:-environment}
failed=0
stacks=$(pulumi stack ls --json | jq -r '.[].name | split("/") | last | select(test("^pr-[1-9][0-9]*$"))')
for stack in $stacks; do
  number=${stack#pr-}
  if ! pull=$(gh api "repos/$GITHUB_REPOSITORY/pulls/$number"); then
    echo "$stack stays: GitHub does not tell what became of pull request $number" >&2
    failed=1
    continue
  fi
  wanted=$(jq -r --arg name "$label" --argjson number "$number" '
    if .number != $number then "unknown"
    elif .state == "closed" then false
    elif .state == "open" then any(.labels[]; .name == $name)
    else "unknown" end' <<< "$pull") || wanted=unknown
  case $wanted in
    true)
      echo "$stack stays: its pull request is open and has the label"
      continue
      ;;
    false) ;;
    *)
      echo "$stack stays: GitHub's answer about pull request $number makes no sense" >&2
      failed=1
      continue
      ;;
  esac
  echo "$stack goes"
  # The config is in the pull request's branch, if anywhere.
  cp Pulumi.dev.yaml "Pulumi.$stack.yaml"
  if pulumi destroy --yes --skip-preview --non-interactive --stack "$stack" &&
    pulumi stack rm --yes --non-interactive --stack "$stack"; then
    note=$(mktemp)
    echo "The stack \`$stack\` is destroyed." > "$note"
    "$(dirname "${BASH_SOURCE[0]}")/comment.sh" "$number" environment "$note" || failed=1
  else
    echo "$stack could not be destroyed, and costs money until it is" >&2
    failed=1
  fi
done
exit "$failed"
