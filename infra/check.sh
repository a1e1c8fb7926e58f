#!/usr/bin/env bash
# Checks what is deployed: Terraform's format, each module's and example's validity and tests, the chart's schema and templates.
# What a machine lacks is skipped, and said so.
set -euo pipefail
cd "$(dirname "$0")"
skipped=()

if command -v terraform >/dev/null; then
    terraform fmt -check -recursive
    for directory in modules/pipeline modules/cluster examples/*/; do
        echo "== $directory"
        if ! terraform -chdir="$directory" init -backend=false -input=false >/dev/null 2>&1; then
            skipped+=("$directory: its providers cannot be had here")
            continue
        fi
        terraform -chdir="$directory" test
    done
else
    skipped+=("terraform is not there")
fi

if command -v helm >/dev/null; then
    chart=../helm/kubecost-lake-exporter
    for values in "$chart"/ci/*.yaml; do
        echo "== $values"
        helm lint --strict --quiet --kube-version 1.33.0 "$chart" --values "$values"
        helm template release "$chart" --kube-version 1.33.0 --values "$values" >/dev/null
    done
else
    skipped+=("helm is not there")
fi

for reason in "${skipped[@]}"; do
    echo "SKIPPED: $reason"
done
