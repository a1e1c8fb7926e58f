#!/usr/bin/env bash
# Runs all tests. Installs Python packages into target/tools, and larger tools, which all clones share, into ~/.cache/kubecost-lake
# (KUBECOST_LAKE_TOOLS_CACHE). Changes nothing else on the machine.
# Tests whose tools are missing are skipped and listed at the end. With --strict, a skipped test is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

missing() { echo "error: $1" >&2; exit 2; }
command -v cargo >/dev/null || missing "cargo is not installed: install Rust from https://rustup.rs (rust-toolchain.toml has the version)"
command -v python3 >/dev/null || missing "python3 is not installed: the tests need it to read the lake with pyarrow and DuckDB"

tools=target/tools
logs=target/test-logs
mkdir -p "$logs"
rm -f "$logs"/*
touch "$logs/skipped"
failed=0

# Installs Python packages into a separate environment for each list of requirements.
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

# Runs an installation script of tests/tools and prints the directory. If it fails, prints nothing and records the tests as skipped.
installed() {
    local log=$logs/$1.log
    bash "tests/tools/$1.sh" 2>"$log" || echo "SKIPPED: tests that need tests/tools/$1.sh: $(tail -n 1 "$log")" >>"$logs/skipped"
}
# Downloads need no CPU: they run while Rust compiles.
installed trino >"$logs/trino" &
installed chromium >"$logs/chromium" &

cargo nextest run --workspace --locked --color never 2>&1 | tee "$logs/rust" || failed=1
# The programs that the following tests start. --tests selects the same features as above, so that the AWS clients are not compiled twice.
cargo build --quiet --locked --workspace --bins --tests

KUBECOST_LAKE_GO_PROGRAMS=$(installed go)
wait
KUBECOST_LAKE_TRINO=$(cat "$logs/trino")
KUBECOST_LAKE_CHROMIUM=$(cat "$logs/chromium")
export KUBECOST_LAKE_GO_PROGRAMS KUBECOST_LAKE_TRINO KUBECOST_LAKE_CHROMIUM
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
