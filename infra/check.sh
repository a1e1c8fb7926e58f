#!/usr/bin/env bash
# Checks Terraform's format; validity and tests of each module and example; that a new cluster changes only its own resources; that tests/deployed.json and tests/quicksight.yaml are what
# Terraform renders; tflint; checkov; and the GitHub workflows.
# Needs terraform, tflint, actionlint and checkov in PATH. Prints the number of tests that passed, and "SKIPPED: …" for each check whose tool
# is missing, or if Terraform's providers cannot be installed.
set -euo pipefail
cd "$(dirname "$0")"

skip() { echo "SKIPPED: $1"; }

command -v terraform >/dev/null || { skip "Terraform's tests: terraform is not installed"; exit 0; }

source ./providers.sh
terraform fmt -check -recursive
if ! result=$(terraform -chdir=modules/pipeline init -backend=false -input=false -no-color 2>&1); then
    grep -q "Failed to query available provider packages" <<<"$result" || { echo "$result"; exit 1; }
    skip "Terraform's tests: the provider registry cannot be reached; infra/providers.sh says how to use a mirror"
    exit 0
fi
passed=0
for directory in modules/pipeline modules/cluster $(find examples -name versions.tf -printf '%h\n' | sort); do
    echo "== $directory"
    terraform -chdir="$directory" init -backend=false -input=false >/dev/null
    # A module whose caller passes the providers can only be validated within its caller: the examples.
    grep -q configuration_aliases "$directory/versions.tf" || terraform -chdir="$directory" validate -no-color
    result=$(terraform -chdir="$directory" test -no-color) || { echo "$result"; exit 1; }
    count=$(sed -n 's/^Success! \([0-9]*\) passed.*/\1/p' <<<"$result")
    echo "${count:?terraform test counted nothing} tests passed"
    passed=$((passed + count))
done

echo "== one more cluster by one line"
terraform -chdir=examples/many-clusters/account test -filter=tests/fleet.tftest.hcl -json -verbose | python3 one_more_cluster.py
passed=$((passed + 1))

echo "== rendered"
bash render.sh --check

if command -v tflint >/dev/null; then
    echo "== tflint"
    tflint --recursive --config "$PWD/.tflint.hcl" --minimum-failure-severity=notice
else
    skip "tflint is not installed"
fi

if command -v actionlint >/dev/null; then
    echo "== workflows"
    actionlint ../.github/workflows/*.yml
else
    skip "actionlint is not installed"
fi

if command -v checkov >/dev/null; then
    echo "== checkov"
    checkov --directory . --framework terraform --quiet --compact --skip-download
    # The rendered chart. It has no CPU limit, which would only slow down a job that is idle most of the day. Digest and pull policy are
    # values; the defaults are IfNotPresent and the tag of a version, which never changes.
    checkov --directory ../tests/emulated/__snapshots__ --framework kubernetes --quiet --compact --skip-download \
        --skip-check CKV_K8S_11,CKV_K8S_15,CKV_K8S_43
else
    skip "checkov is not installed"
fi

echo "Terraform's tests passed: $passed"
