#!/usr/bin/env bash
# Runs all tests. Installs what they need below target/tools: nothing else of the machine is changed.
set -euo pipefail
cd "$(dirname "$0")/.."

missing() { echo "error: $1" >&2; exit 2; }
command -v cargo >/dev/null || missing "cargo is not there: install Rust from https://rustup.rs (rust-toolchain.toml says which)"
command -v python3 >/dev/null || missing "python3 is not there: the tests read the lake with pyarrow and DuckDB"

tools=target/tools
if ! cmp -s tests/requirements.txt "$tools/requirements.txt"; then
    echo "installing the tests' tools into $tools"
    python3 -m venv "$tools" || missing "python3 has no venv: install python3-venv"
    "$tools/bin/pip" install --quiet --disable-pip-version-check -r tests/requirements.txt
    cp tests/requirements.txt "$tools/requirements.txt"
fi
export PATH="$PWD/$tools/bin:$PATH"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=0

cargo nextest run --workspace --locked --color never 2>&1 | tee "$log" || failed=1
rust=$(sed -n 's/^ *Summary .* \([0-9][0-9]*\) passed.*/\1/p' "$log" | tail -n 1)

# The programs that the following tests start.
cargo build --quiet --locked --workspace --bins
python -m pytest -q -p no:cacheprovider tests/readers tests/emulated 2>&1 | tee "$log" || failed=1
python=$(sed -n 's/.*\b\([0-9][0-9]*\) passed.*/\1/p' "$log" | tail -n 1)

rust=${rust:-0} python=${python:-0}
echo "tests passed: $((rust + python)) ($rust in Rust, $python with other readers and an emulated AWS)"
exit "$failed"
