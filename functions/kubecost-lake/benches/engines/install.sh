#!/usr/bin/env bash
# Installs the engines into target/engines, and prints the Python that has them.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
environment=$here/../../../../target/engines
if ! cmp -s "$here/requirements.txt" "$environment/requirements.txt"; then
    python3 -m venv --clear "$environment"
    "$environment/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt" >&2
    cp "$here/requirements.txt" "$environment/requirements.txt"
fi
echo "$(cd "$environment" && pwd)/bin/python"
