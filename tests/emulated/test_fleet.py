"""The sizes of policies for 1,000 clusters, whose roles the policies match by the pattern of their names."""

import fnmatch
import hashlib
import json

import pytest

from deployed import DEPLOYED

LAKE_ACCOUNT = "444455556666"
BUCKET_POLICY = DEPLOYED["aws_s3_bucket_policy.lake"]["policy"]
SECRET_POLICY = DEPLOYED['module.pipeline.aws_secretsmanager_secret_policy.private_ca["kubecost-lake/private-ca"]']["policy"]
# The limits of AWS in bytes.
BUCKET_POLICY_LIMIT, SECRET_POLICY_LIMIT = 20 * 1024, 20 * 1024


def parent_role(arn):
    """The name that infra/modules/cluster gives a cluster's parent role."""
    return f"arn:aws:iam::{LAKE_ACCOUNT}:role/kubecost-lake-{arn.split('/')[1][:32]}-{hashlib.sha1(arn.encode()).hexdigest()[:8]}-parent"


CLUSTERS = [f"arn:aws:eks:eu-central-1:{111122220000 + number // 5}:cluster/team-{number}" for number in range(1000)]
ROLES = [parent_role(arn) for arn in CLUSTERS]


def test_the_names_are_those_of_the_module():
    rendered = DEPLOYED["module.cluster_two.aws_iam_role.parent[0]"]["name"]
    assert parent_role("arn:aws:eks:eu-central-1:111122223333:cluster/cluster-one-blue").endswith(f"role/{rendered}")


@pytest.mark.parametrize("policy, limit", [(BUCKET_POLICY, BUCKET_POLICY_LIMIT), (SECRET_POLICY, SECRET_POLICY_LIMIT)], ids=["bucket", "secret"])
def test_a_policy_covers_1000_clusters_within_its_limit_and_names_none(policy, limit):
    text = json.dumps(policy, separators=(",", ":"))
    assert len(text) < limit / 4
    assert "cluster-one" not in text
    # A list of these roles would exceed the limit.
    assert len(json.dumps(ROLES)) > limit
    conditions = [statement.get("Condition", {}) for statement in policy["Statement"] if statement["Sid"] != "ReadersGetTheLake"]
    patterns = [patterns for condition in conditions for kind in ["ArnLike", "ArnNotLike"] if (patterns := condition.get(kind, {}).get("aws:PrincipalArn"))]
    own = [patterns for patterns in patterns if any("kubecost-lake-*" in pattern for pattern in patterns)]
    assert own
    for patterns in own:
        assert all(any(fnmatch.fnmatchcase(role, pattern) for pattern in patterns) for role in ROLES)
