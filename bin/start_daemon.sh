#!/usr/bin/env bash
# Starts `ingat serve` in the background and says where it answers; options go to it. Installs into .venv on first use.
set -euo pipefail
here=${BASH_SOURCE[0]}
while [ -L "$here" ]; do # called through a symbolic link
    target=$(readlink "$here")
    case $target in /*) here=$target ;; *) here=$(dirname "$here")/$target ;; esac
done
exec "$(dirname "$here")/run" serve --detach "$@"
