#!/usr/bin/env bash
# Writes the output of a command as Markdown:
#   report.sh TITLE FILE
# The block of code is fenced with more backticks than the output has anywhere, so
# that nothing in the output ends it.
set -euo pipefail

title=$1 file=$2
longest=$(grep -o '`*' "$file" | awk '{ if (length > longest) longest = length } END { print longest + 0 }' || true)
fence=$(printf '`%.0s' $(seq 1 $((longest < 3 ? 3 : longest + 1))))
printf '### %s\n\n%sdiff\n' "$title" "$fence"
# Where a block of code is a diff, GitHub colours lines by their first character.
# Pulumi's are indented, and its headings such as --outputs:-- are no change.
sed -E '/^ *--/!s/^( *)(\+-|[-+~])/\2\1/; s/^~/!/' "$file"
printf '\n%s\n' "$fence"
