"""An emulator of AWS that runs the functions' own bootstraps on S3's events, enforces the policies that Terraform renders, and a Kubecost
with recorded answers."""

import base64
import contextlib
import datetime
import http.server
import io
import json
import os
import pathlib
import shutil
import socket
import subprocess
import threading
import time
import urllib.parse
import zipfile

import boto3
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
ANSWERS = ROOT / "tests/answers/kubecost"
BINARIES = ROOT / "target/debug"
# What the example of two accounts makes: see infra/render.sh.
DEPLOYED = json.loads((ROOT / "tests/deployed.json").read_text())
BUCKET = "finops-lake"
LAKE_ACCOUNT = "444455556666"
ACCOUNT = "111122223333"
CLUSTER = f"arn:aws:eks:us-east-1:{ACCOUNT}:cluster/cluster-one-blue"
TABLE = {"GLUE_DATABASE_NAME": "kubecost_db", "GLUE_TABLE_NAME": "kubecost_table"}
RECORDED_DAY = datetime.date(2026, 11, 20)


def wait_for(what, seconds=60):
    """What a function gives as soon as it gives anything."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"nothing within {seconds} s: {what}")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def deployed(kind, module):
    """The resources of one kind in one module of the example."""
    return [values for address, values in DEPLOYED.items() if address.startswith(f"module.{module}.{kind}.")]


def role_arn(resource, module):
    return DEPLOYED[f"module.{module}.aws_iam_role.{resource}"]["arn"]


class Aws:
    """The emulator. A client is an account's root user, unless it has a session's credentials."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.s3 = self.client("s3")
        self.functions = self.client("lambda")

    def client(self, service, account=LAKE_ACCOUNT, session=None):
        return self.client_of(self.endpoint, service, account, session)

    @staticmethod
    def client_of(endpoint, service, account=LAKE_ACCOUNT, session=None):
        session = session or {"AccessKeyId": account, "SecretAccessKey": "secret"}
        keys = {"aws_access_key_id": session["AccessKeyId"], "aws_secret_access_key": session["SecretAccessKey"]}
        return boto3.client(
            service, endpoint_url=endpoint, region_name="us-east-1", aws_session_token=session.get("SessionToken"), **keys
        )

    def create_roles(self, secret_arns):
        """The example's roles with their policies, each in its account."""
        for address, values in DEPLOYED.items():
            account = values["arn"].split(":")[4] if ".aws_iam_role." in address else None
            if account:
                self.client("iam", account).create_role(
                    RoleName=values["name"], AssumeRolePolicyDocument=json.dumps(values["assume_role_policy"])
                )
        for address, values in DEPLOYED.items():
            if ".aws_iam_role_policy." not in address:
                continue
            module, _, resource = address.removeprefix("module.").split(".", 2)
            name = resource.removeprefix("aws_iam_role_policy.").replace("work", "function").replace("runtime", "function")
            role = DEPLOYED[f"module.{module}.aws_iam_role.{name}"]
            policy = json.dumps(values["policy"])
            for rendered, arn in secret_arns.items():
                policy = policy.replace(rendered, arn)
            self.client("iam", role["arn"].split(":")[4]).put_role_policy(
                RoleName=role["name"], PolicyName=values["name"], PolicyDocument=policy
            )

    def create_function(self, name, program, **settings):
        stripped = io.BytesIO()
        with zipfile.ZipFile(stripped, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package:
            entry = zipfile.ZipInfo("bootstrap")
            entry.external_attr = 0o755 << 16
            package.writestr(entry, without_debug_information(BINARIES / program))
        variables = {"AWS_ENDPOINT_URL": self.endpoint, "S3_BUCKET_NAME": BUCKET, **settings}
        return self.functions.create_function(
            FunctionName=name,
            Runtime="provided.al2023",
            Handler="bootstrap",
            Role=role_arn(f'function["{program}"]', "pipeline"),
            Code={"ZipFile": stripped.getvalue()},
            Timeout=60,
            MemorySize=512,
            Environment={"Variables": variables},
        )["FunctionArn"]

    def invoke(self, name, event):
        answer = self.functions.invoke(FunctionName=name, Payload=json.dumps(event))
        assert "FunctionError" not in answer, answer["Payload"].read()
        return json.loads(answer["Payload"].read())

    def keys(self, prefix):
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


def without_debug_information(program):
    if not shutil.which("strip"):
        return program.read_bytes()
    stripped = program.with_suffix(".stripped")
    subprocess.run(["strip", "-o", stripped, program], check=True)
    return stripped.read_bytes()


@contextlib.contextmanager
def served(command, directory, environment=None):
    """A server on a port of its own, which the command is told last."""
    port = free_port()
    directory.mkdir()
    with open(directory / "log", "w") as log:
        environment = {**os.environ, **{name: value.format(port=port) for name, value in (environment or {}).items()}}
        command = [part.format(port=port) for part in command]
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=directory)
        try:

            def reachable():
                with socket.socket() as probe:
                    return probe.connect_ex(("127.0.0.1", port)) == 0

            wait_for(reachable)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(timeout=30)


@pytest.fixture(scope="session")
def aws(tmp_path_factory):
    """Ministack: it runs the functions' programs on S3's events."""
    environment = {"BIND_HOST": "127.0.0.1", "MINISTACK_HOST": "127.0.0.1", "GATEWAY_PORT": "{port}", "AUTH": "true"}
    with served(["ministack"], tmp_path_factory.getbasetemp() / "ministack", environment) as endpoint:
        yield Aws(endpoint)


@pytest.fixture(scope="session")
def glue(tmp_path_factory):
    """Moto: its Glue knows all calls, and that a crawler runs already."""
    command = ["moto_server", "-H", "127.0.0.1", "-p", "{port}"]
    with served(command, tmp_path_factory.getbasetemp() / "moto") as endpoint:
        client = Aws.client_of(endpoint, "glue")
        create_table(client)
        yield endpoint, client


def create_table(glue):
    """The example's table, as Terraform's resource hands it to Glue."""
    table = DEPLOYED["module.pipeline.aws_glue_catalog_table.this"]
    storage = table["storage_descriptor"][0]
    columns = [{"Name": column["name"], "Type": column["type"]} for column in storage["columns"]]
    glue.create_database(DatabaseInput={"Name": TABLE["GLUE_DATABASE_NAME"]})
    glue.create_table(
        DatabaseName=TABLE["GLUE_DATABASE_NAME"],
        TableInput={
            "Name": table["name"],
            "TableType": table["table_type"],
            "Owner": table["owner"],
            "Parameters": table["parameters"],
            "PartitionKeys": [{"Name": key["name"], "Type": key["type"]} for key in table["partition_keys"]],
            "StorageDescriptor": {
                "Columns": columns,
                "Location": storage["location"],
                "InputFormat": storage["input_format"],
                "OutputFormat": storage["output_format"],
                "SerdeInfo": {
                    "SerializationLibrary": storage["ser_de_info"][0]["serialization_library"],
                    "Parameters": storage["ser_de_info"][0]["parameters"],
                },
            },
        },
    )


def partitions(glue):
    pages = glue.get_paginator("get_partitions").paginate(DatabaseName=TABLE["GLUE_DATABASE_NAME"], TableName=TABLE["GLUE_TABLE_NAME"])
    return [partition for page in pages for partition in page["Partitions"]]


@pytest.fixture(scope="session")
def secrets(aws):
    """The example's secret of a private CA, and one that is nobody's business."""
    client = aws.client("secretsmanager")
    rendered = deployed("aws_secretsmanager_secret", "pipeline")[0]
    private_ca = client.create_secret(Name=rendered["name"], SecretString="certificate")["ARN"]
    other = client.create_secret(Name="payroll", SecretString="secret")["ARN"]
    aws.create_roles({rendered["arn"]: private_ca})
    policy = json.dumps(deployed("aws_secretsmanager_secret_policy", "pipeline")[0]["policy"]).replace(rendered["arn"], private_ca)
    client.put_resource_policy(SecretId=private_ca, ResourcePolicy=policy)
    return private_ca, other


@pytest.fixture(scope="session")
def lake(aws, glue, secrets):
    """The bucket, the table and the functions, wired as Terraform does it. Glue is moto's: the other matches ARNs of tables wrongly."""
    aws.s3.create_bucket(Bucket=BUCKET)
    # The table has the example's labels and annotations.
    keys = {"LABELS": "team,app.kubernetes.io/name", "ANNOTATIONS": "example.com/owner"}
    arns = {
        # The tests delete objects right after they were written.
        "backfill": aws.create_function("backfill", "backfill", IN_FLIGHT_MINUTES="0"),
        "transform": aws.create_function("transform", "transform", **keys),
        "crawler": aws.create_function("crawler", "crawler", AWS_ENDPOINT_URL_GLUE=glue[0], CATALOG_MODE="register", **TABLE),
    }

    def notify(function, prefix, suffix):
        rules = [{"Name": "prefix", "Value": prefix}, {"Name": "suffix", "Value": suffix}]
        return {"LambdaFunctionArn": arns[function], "Events": ["s3:ObjectCreated:*"], "Filter": {"Key": {"FilterRules": rules}}}

    rules = [
        notify("backfill", "staging/", "inventory.json"),
        notify("transform", "staging/", "manifest.json"),
        notify("crawler", "lake/", ".snappy.parquet"),
    ]
    aws.s3.put_bucket_notification_configuration(
        Bucket=BUCKET, NotificationConfiguration={"LambdaFunctionConfigurations": rules}
    )
    return aws


def settled_days():
    """The days of the default backfill period: complete three hours after their end."""
    newest = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=3)).date() - datetime.timedelta(days=1)
    return [newest - datetime.timedelta(days=age) for age in range(15)]


class Kubecost(http.server.BaseHTTPRequestHandler):
    """Answers each day with the recorded one, moved to it."""

    def do_GET(self):
        url = urllib.parse.urlparse(self.path)
        parameters = urllib.parse.parse_qs(url.query)
        if "window" not in parameters:
            return self.answer(400, b"Missing required query parameter: 'window'\n")
        start, end = [datetime.date.fromisoformat(moment[:10]) for moment in parameters["window"][0].split(",")]
        days = [start + datetime.timedelta(days=age) for age in range((end - start).days)]
        if url.path == "/model/assets":
            return self.answer(200, moved("kubecost_assets_1day_nodes.json", days[0]))
        if url.path != "/model/allocation":
            return self.answer(404, b"404 page not found\n")
        name = "kubecost_allocation_1day.json"
        if parameters.get("aggregate") == ["cluster"]:
            name = "kubecost_days_available.json"
        sets = [json.loads(moved(name, day))["data"][0] for day in days]
        self.answer(200, json.dumps({"code": 200, "data": sets}).encode())

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def moved(name, day):
    text = (ANSWERS / name).read_text()
    after = RECORDED_DAY + datetime.timedelta(days=1)
    text = text.replace(f"{after}T", "END").replace(f"{RECORDED_DAY}T", "START")
    return text.replace("END", f"{day + datetime.timedelta(days=1)}T").replace("START", f"{day}T").encode()


@pytest.fixture(scope="session")
def kubecost():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Kubecost)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def web_identity_token(provider, **claims):
    """A service account's token, as the cluster's issuer would sign it."""
    claims = {
        "iss": f"https://oidc.eks.us-east-1.amazonaws.com/id/{provider}",
        "sub": "system:serviceaccount:kubecost-lake:kubecost-lake-exporter",
        "aud": "sts.amazonaws.com",
        "iat": int(time.time()),
        "exp": int(time.time()) + 3600,
        **claims,
    }

    def encoded(document):
        return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()

    return f"{encoded({'alg': 'RS256', 'kid': 'any'})}.{encoded(claims)}.c2lnbmF0dXJl"


@pytest.fixture(scope="session")
def export(lake, kubecost, tmp_path_factory):
    """Runs the exporter's program as the CronJob does, by its service account's token through both roles; gives its log."""
    token = tmp_path_factory.mktemp("token") / "token"

    def run():
        token.write_text(web_identity_token("TWO"))
        settings = {
            "AWS_ENDPOINT_URL": lake.endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_ROLE_ARN": role_arn("child", "cluster_two"),
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
            "S3_BUCKET_NAME": BUCKET,
            "S3_BUCKET_OWNER": LAKE_ACCOUNT,
            "CLUSTER_ID": CLUSTER,
            "IRSA_PARENT_IAM_ROLE_ARN": role_arn("parent[0]", "cluster_two"),
            "KUBECOST_API_ENDPOINT": kubecost,
            "PLAN_WAIT_SECONDS": "60",
        }
        # Nothing else of this machine's: no credentials but the token's.
        done = subprocess.run([BINARIES / "exporter"], env=settings, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stderr.splitlines()]

    return run
