"""The role of an exporter that collects 50 clusters: the policies that Terraform renders allow their prefixes and plans, and no other."""

import json

import pytest
from botocore.exceptions import ClientError

from aws import BUCKET, LAKE_ACCOUNT, web_identity_token
from servers import ROOT

DEPLOYED = json.loads((ROOT / "tests/deployed-many.json").read_text())
PLACES = [f"1111222233{number:02}/ap-southeast-1/{number:02}{'x' * 98}" for number in range(51)]


@pytest.fixture(scope="module")
def exporter(aws):
    """A client with the permissions of the role."""
    # No function is needed, only the bucket.
    aws.s3.create_bucket(Bucket=BUCKET)
    iam = aws.client("iam", LAKE_ACCOUNT)
    role = DEPLOYED["module.exporter.aws_iam_role.child[0]"]
    iam.create_role(RoleName=role["name"], AssumeRolePolicyDocument=json.dumps(role["assume_role_policy"]))
    policies = [policy for address, policy in DEPLOYED.items() if ".aws_iam_policy." in address]
    assert 1 < len(policies) <= 10
    for policy in policies:
        document = json.dumps(policy["policy"], separators=(",", ":"))
        assert len(document) <= 6144
        arn = iam.create_policy(PolicyName=policy["name"], PolicyDocument=document)["Policy"]["Arn"]
        iam.attach_role_policy(RoleName=role["name"], PolicyArn=arn)
    session = aws.client("sts").assume_role_with_web_identity(
        RoleArn=role["arn"], RoleSessionName="exporter", WebIdentityToken=web_identity_token("ONE")
    )
    for place in PLACES:
        aws.s3.put_object(Bucket=BUCKET, Key=f"plans/{place}/plan.json", Body=b"{}")
    return aws.client("s3", session=session["Credentials"])


def test_each_prefix_and_plan_of_the_list_is_allowed_and_a_51st_is_denied(exporter):
    for place in PLACES[:50]:
        exporter.put_object(Bucket=BUCKET, Key=f"staging/{place}/check.json", Body=b"{}")
        exporter.get_object(Bucket=BUCKET, Key=f"plans/{place}/plan.json")
    denied = PLACES[50]
    for call in [
        lambda: exporter.put_object(Bucket=BUCKET, Key=f"staging/{denied}/check.json", Body=b"{}"),
        lambda: exporter.get_object(Bucket=BUCKET, Key=f"plans/{denied}/plan.json"),
        lambda: exporter.get_object(Bucket=BUCKET, Key=f"staging/{PLACES[0]}/check.json"),
        lambda: exporter.put_object(Bucket=BUCKET, Key=f"plans/{PLACES[0]}/plan.json", Body=b"{}"),
    ]:
        with pytest.raises(ClientError) as refusal:
            call()
        assert refusal.value.response["Error"]["Code"] == "AccessDenied"
