"""An emulator of AWS that runs the functions' own bootstraps on S3's events, and a Kubecost with recorded answers."""

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
BUCKET = "finops-lake"
ACCOUNT = "111122223333"
CLUSTER = f"arn:aws:eks:us-east-1:{ACCOUNT}:cluster/cluster-one"
COLUMNS = json.loads((ROOT / "infra/modules/pipeline/columns.json").read_text())["columns"]
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


class Aws:
    """The emulator."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        for service in ["s3", "lambda", "glue", "iam"]:
            setattr(self, service.replace("lambda", "functions"), self.client(service))
        self.role = self.iam.create_role(RoleName="any", AssumeRolePolicyDocument="{}")["Role"]["Arn"]

    def client(self, service):
        return self.client_of(self.endpoint, service)

    @staticmethod
    def client_of(endpoint, service):
        keys = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "secret"}
        return boto3.client(service, endpoint_url=endpoint, region_name="us-east-1", **keys)

    def environment(self):
        keys = {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}
        return {"AWS_ENDPOINT_URL": self.endpoint, "S3_BUCKET_NAME": BUCKET, **keys}

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
            Role=self.role,
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
    environment = {"BIND_HOST": "127.0.0.1", "MINISTACK_HOST": "127.0.0.1", "GATEWAY_PORT": "{port}"}
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
    glue.create_database(DatabaseInput={"Name": "costs"})
    columns = [{"Name": column["name"], "Type": column["type"]} for column in COLUMNS]
    keys = [{"Name": name, "Type": "string"} for name in ["account_id", "region", "year", "month"]]
    storage = {
        "Columns": columns,
        "Location": f"s3://{BUCKET}/lake/",
        "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
        "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
        "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
    }
    glue.create_table(
        DatabaseName="costs",
        TableInput={"Name": "lake", "TableType": "EXTERNAL_TABLE", "StorageDescriptor": storage, "PartitionKeys": keys},
    )


def partitions(glue):
    pages = glue.get_paginator("get_partitions").paginate(DatabaseName="costs", TableName="lake")
    return [partition for page in pages for partition in page["Partitions"]]


@pytest.fixture(scope="session")
def lake(aws):
    """The bucket, the table and the functions, wired as Terraform does it."""
    aws.s3.create_bucket(Bucket=BUCKET)
    create_table(aws.glue)
    arns = {
        # The tests delete objects right after they were written.
        "backfill": aws.create_function("backfill", "backfill", IN_FLIGHT_MINUTES="0"),
        "transform": aws.create_function("transform", "transform", LABELS="team"),
        "crawler": aws.create_function("crawler", "crawler", CATALOG_MODE="register", GLUE_DATABASE_NAME="costs", GLUE_TABLE_NAME="lake"),
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


@pytest.fixture(scope="session")
def export(lake, kubecost):
    """Runs the exporter's program as the CronJob does, through both roles; gives its log."""
    parent = lake.iam.create_role(RoleName="parent", AssumeRolePolicyDocument="{}")["Role"]["Arn"]

    def run():
        settings = {
            "CLUSTER_ID": CLUSTER,
            "IRSA_PARENT_IAM_ROLE_ARN": parent,
            "KUBECOST_API_ENDPOINT": kubecost,
            "PLAN_WAIT_SECONDS": "60",
        }
        environment = {**lake.environment(), **settings}
        done = subprocess.run([BINARIES / "exporter"], env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stderr.splitlines()]

    return run
