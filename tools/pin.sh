#!/usr/bin/env bash
# Writes constraints/*.txt anew from pyproject.toml, for every Python and platform at once. Needs uv.
# Versions stay as they are where they still fit; `tools/pin.sh --upgrade` takes the newest ones.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

compile() {
    uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate \
        --no-emit-index-url --no-emit-find-links "$@"
}

compile --generate-hashes "$@" pyproject.toml --output-file constraints/run.txt
compile --generate-hashes "$@" pyproject.toml --group test --constraints constraints/run.txt --output-file constraints/test.txt
compile --generate-hashes "$@" pyproject.toml --group bench --constraints constraints/run.txt --output-file constraints/bench.txt
# What builds the package: pip passes these to its build environment, which takes no hashes.
printf '%s\n' 'cryptography>=44' | compile --generate-hashes "$@" - --constraints constraints/test.txt \
    --output-file constraints/encryption.txt
printf '%s\n' 'psycopg[binary]>=3.2' | compile --generate-hashes "$@" - --constraints constraints/test.txt \
    --output-file constraints/postgres.txt
printf '%s\n' hatchling editables | compile "$@" - --output-file constraints/build.txt
