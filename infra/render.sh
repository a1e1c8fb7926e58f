#!/usr/bin/env bash
# Renders the example of two accounts with Terraform into tests/deployed.json (its roles, policies, table and view) and
# tests/quicksight.yaml (its QuickSight definition), and that of one source of many clusters into tests/deployed-many.json.
# The tests load them into emulators of AWS and into cid-cmd. With --check it writes
# nothing, and fails if a file differs from what Terraform renders.
#
#   bash infra/render.sh [--check]
set -euo pipefail
cd "$(dirname "$0")"
source ./providers.sh
program='
import json, pathlib, sys

# Only configured attributes: the mocks generate new values for the others on each run.
KEPT = {
    "aws_iam_role": ["name", "arn", "assume_role_policy"],
    "aws_iam_role_policy": ["name", "policy"],
    "aws_iam_policy": ["name", "policy"],
    "aws_s3_bucket_policy": ["policy"],
    "aws_secretsmanager_secret": ["name", "arn"],
    "aws_secretsmanager_secret_policy": ["policy"],
    "aws_glue_catalog_database": ["name"],
    "helm_release": ["name", "namespace", "values"],
    "aws_lambda_function": ["function_name", "runtime", "handler", "timeout", "memory_size", "environment"],
    "aws_cloudwatch_metric_alarm": ["namespace", "metric_name", "dimensions"],
    "aws_cloudwatch_event_rule": ["name", "event_pattern", "schedule_expression"],
    "aws_athena_named_query": ["name", "description", "workgroup", "database", "query"],
    "aws_glue_catalog_table": ["name", "table_type", "owner", "parameters", "partition_keys", "storage_descriptor", "view_original_text", "view_expanded_text"],
}
# Policies are text in Terraform. As JSON, their changes are readable in a diff.
DOCUMENTS = ["policy", "assume_role_policy", "event_pattern"]

def resources(module):
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from resources(child)

def kept(resource):
    return {name: parsed(name, resource["values"][name]) for name in KEPT[resource["type"]]}

def parsed(name, value):
    return json.loads(value) if value and name in DOCUMENTS else value

messages = [json.loads(line) for line in sys.stdin]
states = [message["test_state"] for message in messages if message["type"] == "test_state"]
if not states:
    sys.exit("error: terraform test returned no state:\n" + "\n".join(message["@message"] for message in messages))
state = states[0] if "root_module" in states[0] else states[0]["values"]
root = state["root_module"]
found = {resource["address"]: kept(resource) for resource in resources(root) if resource["type"] in KEPT and resource["mode"] == "managed"}
files = {sys.argv[1]: json.dumps(found, indent=1, sort_keys=True) + "\n"}
if "quicksight_definition" in state["outputs"]:
    files["quicksight.yaml"] = state["outputs"]["quicksight_definition"]["value"]
for name, text in files.items():
    path = pathlib.Path("../tests", name)
    if sys.argv[2:] != ["--check"]:
        path.write_text(text)
    elif not path.exists() or path.read_text() != text:
        sys.exit(f"error: tests/{name} differs from what Terraform renders: run `bash infra/render.sh`")
'

# Writes the resources of an example to a file.
render() {
    example=$1 file=$2
    shift 2
    terraform -chdir="$example" init -backend=false -input=false >/dev/null
    terraform -chdir="$example" test -filter=tests/deployed.tftest.hcl -json -verbose | python3 -c "$program" "$file" "$@"
}

render examples/two-accounts-two-clusters deployed.json "$@"
render examples/one-source-many-clusters deployed-many.json "$@"
