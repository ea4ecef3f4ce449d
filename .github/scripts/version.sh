#!/usr/bin/env bash
# Sets the version that the next update of this checkout deploys:
#   version.sh STACK [TAG]
# Without TAG it stays the one that the stack's file says. A parameter, which
# imageTagParameter names there, would come before TAG, so it is left out.
set -euo pipefail

stack=$1 tag=${2:-}
[[ -n $tag ]] || exit 0
pulumi config rm --stack "$stack" imageTagParameter
pulumi config set --stack "$stack" --plaintext -- imageTag "$tag"
