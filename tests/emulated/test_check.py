"""`exporter check` with the emulated roles: what it says where all works, and where something is missing."""

import subprocess

import pytest

from aws import ACCOUNT, BINARIES, BUCKET, CLUSTER, LAKE_ACCOUNT, LAKE_REGION, REGION, web_identity_token
from deployed import role_arn
from recorded_kubecost import SETTLE_HOURS

KEY = f"staging/{ACCOUNT}/{REGION}/cluster-one-blue/check.json"


@pytest.fixture
def check(lake, kubecost_with_tls, secrets, tmp_path):
    """Runs the check as its Job does, with some settings changed. Returns its exit status, and its lines by their parts."""
    token = tmp_path / "token"
    token.write_text(web_identity_token("TWO"))

    def run(**changed):
        settings = {
            "AWS_ENDPOINT_URL": lake.endpoint,
            "AWS_REGION": REGION,
            "AWS_ROLE_ARN": role_arn("child[0]", "cluster_two"),
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
            "S3_BUCKET_NAME": BUCKET,
            "S3_BUCKET_REGION": LAKE_REGION,
            "S3_BUCKET_OWNER": LAKE_ACCOUNT,
            "CLUSTER_ID": CLUSTER,
            "IRSA_PARENT_IAM_ROLE_ARN": role_arn("parent[0]", "cluster_two"),
            "KUBECOST_API_ENDPOINT": kubecost_with_tls,
            "KUBECOST_CA_CERTIFICATE_SECRET_NAME": secrets[0],
            "KUBECOST_CA_CERTIFICATE_SECRET_REGION": LAKE_REGION,
            "SETTLE_HOURS": str(SETTLE_HOURS),
            "RETRIES": "0",
            **changed,
        }
        done = subprocess.run([BINARIES / "exporter", "check"], env=settings, capture_output=True, text=True, timeout=300)
        lines = {}
        for line in done.stdout.splitlines():
            word, part = line[:8].strip(), line[8:].split(":")[0]
            lines[part] = (word, line[8:])
        return done.returncode, lines

    return run


def test_both_roles_the_bucket_and_a_source_with_tls_are_checked(lake, check):
    lake.empty()
    status, lines = check()
    words = {part: word for part, (word, _) in lines.items()}
    # Without a run there is no plan, and S3 returns the same for one that may not be read.
    assert words.pop("plan") in ("ok", "unknown")
    # The recorded rows by cluster have no idle costs.
    assert words.pop("idle") == "unknown"
    expected = ["settings", "identity", "parent role", "write", "dns", "tls", "source", "currency", "days", "clusters", "assets"]
    assert (status, words) == (0, dict.fromkeys(expected, "ok")), lines
    assert f":{ACCOUNT}:" in lines["identity"][1] and f":{LAKE_ACCOUNT}:" in lines["parent role"][1]
    assert "private CA" in lines["tls"][1] and "15 of 15 days" in lines["days"][1] and "USD, assumed" in lines["currency"][1]
    # No function is interested in what it leaves.
    assert lake.keys("") == [KEY]
    assert check()[0] == 0


def test_another_clusters_prefix_is_denied_and_named(lake, check):
    status, lines = check(CLUSTER_ID=CLUSTER.replace("cluster-one-blue", "cluster-one"))
    assert status == 1 and lines["write"][0] == "failed" and "check the role's policy" in lines["write"][1], lines


def test_a_role_that_does_not_trust_the_pod_is_named(check):
    status, lines = check(IRSA_PARENT_IAM_ROLE_ARN=role_arn("parent[0]", "cluster_two").replace("role/", "role/other-"))
    assert status == 1 and lines["parent role"][0] == "failed" and lines["write"][0] == "unknown", lines
    # The certificate of the source is read with that role.
    assert lines["certificate"][0] == "failed", lines
