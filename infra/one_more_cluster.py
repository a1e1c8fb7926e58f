"""Reads the output of `terraform test -json -verbose` of examples/many-clusters/account. Fails unless the plan with one cluster more, which is one line
more in the file of clusters, only creates resources of that cluster."""

import json
import pathlib
import sys

RUN = "adds_the_51st_cluster"
OUTPUTS = {"application_set", "role_arns"}

before, after = [set(pathlib.Path(f"testdata/clusters-{number}.yaml").read_text().splitlines()) for number in (50, 51)]
assert len(before) == 50 and before < after and len(after) == 51, "the files differ by one line"
[line] = after - before
cluster = line.partition(": ")[0]

messages = [json.loads(line) for line in sys.stdin]
plans = [message["test_plan"] for message in messages if message["type"] == "test_plan" and message["@testrun"] == RUN]
if len(plans) != 1:
    sys.exit(f"error: terraform test returned no plan of {RUN}:\n" + "\n".join(message["@message"] for message in messages))
changes = {change["address"]: change["change"]["actions"] for change in plans[0]["resource_changes"]}
changed = {address: actions for address, actions in changes.items() if actions != ["no-op"]}
others = {address: actions for address, actions in changed.items() if not address.startswith(f'module.cluster["{cluster}"].') or actions != ["create"]}
if others or len(changed) != 3:
    sys.exit(f"error: adding {cluster} changes {changed}")
outputs = {name for name, change in plans[0].get("output_changes", {}).items() if change["actions"] != ["no-op"]}
if outputs - OUTPUTS:
    sys.exit(f"error: adding {cluster} changes the outputs {outputs}")
unchanged = len(changes) - len(changed)
if unchanged != 150:
    sys.exit(f"error: expected 150 unchanged resources of 50 clusters, found {unchanged}")
print(f"{cluster}: creates {len(changed)} resources, {unchanged} of the other clusters are unchanged")
