"""Emulated AWS, configured as Terraform does it, with the functions' programs and a source of recorded responses."""

import json
import os
import pathlib
import subprocess

import pytest

from aws import BINARIES, BUCKET, CLUSTER, LAKE_ACCOUNT, LAKE_REGION, REGION, Aws, ministack, web_identity_token
from deployed import create_tables, deployed, notifications, role_arn
from recorded_kubecost import SETTLE_HOURS, Kubecost
from servers import CERTIFICATES, served, serving

@pytest.fixture(scope="session")
def aws(tmp_path_factory):
    """Ministack, which runs the functions' programs on S3 events."""
    with ministack(tmp_path_factory.getbasetemp() / "ministack") as endpoint:
        yield Aws(endpoint)


@pytest.fixture(scope="session")
def glue(tmp_path_factory):
    """Moto, whose Glue supports all requests, and rejects the start of a crawler that is running."""
    command = ["moto_server", "-H", "127.0.0.1", "-p", "{port}"]
    with served(command, tmp_path_factory.getbasetemp() / "moto") as endpoint:
        client = Aws.client_of(endpoint, "glue")
        create_tables(client)
        yield endpoint, client


@pytest.fixture(scope="session")
def secrets(aws):
    """The example's secret of a private CA, and one that no exporter may read."""
    client = aws.client("secretsmanager")
    rendered = deployed("aws_secretsmanager_secret", "pipeline")[0]
    private_ca = client.create_secret(Name=rendered["name"], SecretString=(CERTIFICATES / "ca.pem").read_text())["ARN"]
    other = client.create_secret(Name="payroll", SecretString="secret")["ARN"]
    aws.create_roles({rendered["arn"]: private_ca})
    policy = json.dumps(deployed("aws_secretsmanager_secret_policy", "pipeline")[0]["policy"]).replace(rendered["arn"], private_ca)
    client.put_resource_policy(SecretId=private_ca, ResourcePolicy=policy)
    return private_ca, other


@pytest.fixture(scope="session")
def lake(aws, glue, secrets):
    """The bucket, the table and the functions, configured as Terraform does it. Glue is moto's, since ministack matches table ARNs wrongly."""
    aws.s3.create_bucket(Bucket=BUCKET)
    functions = {
        # The tests delete objects right after they are written.
        "backfill": aws.create_function("backfill", IN_FLIGHT_MINUTES="0"),
        "transform": aws.create_function("transform"),
        "crawler": aws.create_function("crawler", AWS_ENDPOINT_URL_GLUE=glue[0]),
    }
    triggers = functions | {"crawler-assets": functions["crawler"]}
    aws.s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration=notifications(triggers))
    return aws


@pytest.fixture(scope="session")
def kubecost():
    with serving(Kubecost) as url:
        yield url


@pytest.fixture(scope="session")
def kubecost_with_tls():
    """The same with TLS, with a certificate that the example's private CA signed."""
    with serving(Kubecost, CERTIFICATES) as url:
        yield url


@pytest.fixture(scope="session")
def go_programs():
    """The directory of the programs that tests/tools/go.sh builds."""
    directory = os.environ.get("KUBECOST_LAKE_GO_PROGRAMS")
    if not directory:
        pytest.skip("KUBECOST_LAKE_GO_PROGRAMS is not set to the directory that tests/tools/go.sh prints")
    return pathlib.Path(directory)


@pytest.fixture(scope="session")
def export(lake, kubecost, tmp_path_factory):
    """Runs the exporter as the CronJob does, through both roles with its service account's token or another identity. Returns its log."""
    token = tmp_path_factory.mktemp("token") / "token"

    def run(identity=None):
        token.write_text(web_identity_token("TWO"))
        identity = identity or {"AWS_ROLE_ARN": role_arn("child[0]", "cluster_two"), "AWS_WEB_IDENTITY_TOKEN_FILE": str(token)}
        settings = {
            "AWS_ENDPOINT_URL": lake.endpoint,
            "AWS_REGION": REGION,
            **identity,
            "S3_BUCKET_NAME": BUCKET,
            "S3_BUCKET_REGION": LAKE_REGION,
            "S3_BUCKET_OWNER": LAKE_ACCOUNT,
            "CLUSTER_ID": CLUSTER,
            "IRSA_PARENT_IAM_ROLE_ARN": role_arn("parent[0]", "cluster_two"),
            "KUBECOST_API_ENDPOINT": kubecost,
            "PLAN_WAIT_SECONDS": "60",
            "SETTLE_HOURS": str(SETTLE_HOURS),
        }
        # No other variables of this machine, so that the identity has the only credentials.
        done = subprocess.run([BINARIES / "exporter"], env=settings, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stderr.splitlines()]

    return run
