#!/usr/bin/env bash
# Stops the servers of the store that were started here, and no other process; options go to `ingat stop`.
set -euo pipefail
here=${BASH_SOURCE[0]}
while [ -L "$here" ]; do # called through a symbolic link
    target=$(readlink "$here")
    case $target in /*) here=$target ;; *) here=$(dirname "$here")/$target ;; esac
done
exec "$(dirname "$here")/run" stop "$@"
