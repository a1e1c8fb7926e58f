#!/usr/bin/env bash
# Runs all tests. Installs what they need: Python's packages below target/tools, the rest, which is large and the same for each clone, below
# ~/.cache/kubecost-lake (KUBECOST_LAKE_TOOLS_CACHE). Nothing else of the machine is changed.
# What a machine lacks is told at the end: tests that need it are skipped. With --strict that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

missing() { echo "error: $1" >&2; exit 2; }
command -v cargo >/dev/null || missing "cargo is not there: install Rust from https://rustup.rs (rust-toolchain.toml says which)"
command -v python3 >/dev/null || missing "python3 is not there: the tests read the lake with pyarrow and DuckDB"

tools=target/tools
logs=target/test-logs
mkdir -p "$logs"
rm -f "$logs"/*
touch "$logs/skipped"
failed=0

# Python's packages, in an environment of their own for each list of requirements.
install() {
    local requirements=$1 environment=$2
    cmp -s "$requirements" "$environment/requirements.txt" && return
    echo "installing $requirements into $environment"
    python3 -m venv --clear "$environment" || missing "python3 has no venv: install python3-venv"
    "$environment/bin/pip" install --quiet --disable-pip-version-check -r "$requirements"
    cp "$requirements" "$environment/requirements.txt"
}
install tests/requirements.txt "$tools"
install infra/requirements-checks.txt target/checks
export PATH="$PWD/$tools/bin:$PATH"

# Where a script of tests/tools installed what it is for. Nothing, with a reason among what was skipped, where it could not.
installed() {
    local log=$logs/$1.log
    bash "tests/tools/$1.sh" 2>"$log" || echo "SKIPPED: tests that need tests/tools/$1.sh: $(tail -n 1 "$log")" >>"$logs/skipped"
}
# A download, which takes no processor: while Rust compiles.
installed trino >"$logs/trino" &

cargo nextest run --workspace --locked --color never 2>&1 | tee "$logs/rust" || failed=1
# The programs that the following tests start: with the features of the tests' build, lest the clients of AWS are compiled twice.
cargo build --quiet --locked --workspace --bins --tests

KUBECOST_LAKE_GO_PROGRAMS=$(installed go)
wait
KUBECOST_LAKE_TRINO=$(cat "$logs/trino")
export KUBECOST_LAKE_GO_PROGRAMS KUBECOST_LAKE_TRINO
python -m pytest -q -p no:cacheprovider tests/readers tests/emulated 2>&1 | tee "$logs/python" || failed=1

export PATH="$PATH${KUBECOST_LAKE_GO_PROGRAMS:+:$KUBECOST_LAKE_GO_PROGRAMS}:$PWD/target/checks/bin"
bash infra/check.sh 2>&1 | tee "$logs/infra" || failed=1

passed() { local number; number=$(sed -n "$2" "$logs/$1" | tail -n 1); echo "${number:-0}"; }
rust=$(passed rust 's/^ *Summary .* \([0-9][0-9]*\) passed.*/\1/p')
python=$(passed python 's/.*\b\([0-9][0-9]*\) passed.*/\1/p')
infra=$(passed infra "s/^Terraform's tests passed: //p")

grep '^SKIPPED' "$logs/infra" >>"$logs/skipped" || true
cat "$logs/skipped"
if [ "${1:-}" = --strict ] && [ -s "$logs/skipped" ]; then
    echo "error: tests were skipped" >&2
    failed=1
fi
echo "tests passed: $((rust + python + infra)) ($rust in Rust, $python with other readers, engines and emulators, $infra of Terraform's)"
exit "$failed"
