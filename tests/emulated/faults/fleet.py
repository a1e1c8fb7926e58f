"""Clusters on emulated AWS, each with a source, roles and an exporter of its own, whose connections faults can be put into."""

import contextlib
import dataclasses
import io
import json
import re
import subprocess
import threading

import pyarrow.parquet as pq

from aws import ACCOUNT, BINARIES, BUCKET, CLUSTER, LAKE_ACCOUNT, LAKE_REGION, REGION, Aws, lake_key, ministack, web_identity_token
from deployed import DEPLOYED, notifications
from fault_proxy import proxied
from lambda_runtime import arrived
from recorded_clusters import DAY, QUANTITIES, serving_clusters
from servers import wait_for

TEMPLATE = CLUSTER.rsplit("/", 1)[1]
# Functions like transform: one with a short timeout, and one with little memory.
SHORT, SMALL = "transform-short", "transform-small"
HANGS_AFTER = 150
RUN_ID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# A panic's words, in the log of any program.
PANIC = re.compile(r"panicked at|RUST_BACKTRACE|fatal runtime error|memory allocation of")


@dataclasses.dataclass
class Run:
    """How a program ended; no status if it hung."""

    status: int | None
    log: str

    @property
    def panicked(self):
        return self.status in (101, 134, -6) or bool(PANIC.search(self.log))


def run(command, environment, **options):
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace", timeout=HANGS_AFTER, **options)
    except subprocess.TimeoutExpired as expired:
        return Run(None, (expired.stderr or b"").decode(errors="replace"))
    return Run(done.returncode, done.stderr + done.stdout)


class Fleet:
    def __init__(self, directory, emulator, sources, aws, source):
        # Of the sources without a proxy.
        self.directory, self.sources_url = directory, sources
        self.aws_proxy, self.aws_url = aws
        self.source_proxy, self.source_url = source
        self.emulator = Aws(emulator)
        self.iam = {account: self.emulator.client("iam", account) for account in [ACCOUNT, LAKE_ACCOUNT]}
        self.lock, self.manifest = threading.Lock(), None

    def create_roles(self, cluster):
        """The roles of the example's second cluster, for another cluster."""
        for resource in ["child[0]", "parent[0]"]:
            role = self.of_cluster(f"aws_iam_role.{resource}", cluster)
            policy = self.of_cluster(f"aws_iam_role_policy.{resource}", cluster)
            iam = self.iam[role["arn"].split(":")[4]]
            iam.create_role(RoleName=role["name"], AssumeRolePolicyDocument=json.dumps(role["assume_role_policy"]))
            iam.put_role_policy(RoleName=role["name"], PolicyName=policy["name"], PolicyDocument=json.dumps(policy["policy"]))

    def of_cluster(self, address, cluster):
        return json.loads(json.dumps(DEPLOYED[f"module.cluster_two.{address}"]).replace(TEMPLATE, cluster))

    def export(self, cluster, **changed):
        """Runs the exporter of a cluster as its CronJob does, through both roles."""
        token = self.directory / f"token-{cluster}"
        token.write_text(web_identity_token("TWO"))
        settings = {
            "AWS_ENDPOINT_URL": self.aws_url,
            "AWS_REGION": REGION,
            "AWS_ROLE_ARN": self.of_cluster("aws_iam_role.child[0]", cluster)["arn"],
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
            "S3_BUCKET_NAME": BUCKET,
            "S3_BUCKET_REGION": LAKE_REGION,
            "S3_BUCKET_OWNER": LAKE_ACCOUNT,
            "CLUSTER_ID": CLUSTER.replace(TEMPLATE, cluster),
            "IRSA_PARENT_IAM_ROLE_ARN": self.of_cluster("aws_iam_role.parent[0]", cluster)["arn"],
            "KUBECOST_API_ENDPOINT": f"{self.source_url}/{cluster}",
            "PLAN_WAIT_SECONDS": "0",
            "RETRIES": "1",
            "LOG_FORMAT": "text",
            **{name: value.format(cluster=cluster) for name, value in changed.items()},
        }
        return run([BINARIES / "exporter"], settings)

    def token(self, cluster):
        """The token of the service account that the cluster's exporter had."""
        return (self.directory / f"token-{cluster}").read_text()

    def add(self, proxy, fault):
        """Puts a fault into the connections to `source` or `aws`."""
        {"source": self.source_proxy, "aws": self.aws_proxy}[proxy].add(fault)
        return fault

    def lift_faults(self):
        self.source_proxy.lift()
        self.aws_proxy.lift()

    def wait_until_idle(self):
        """Waits until no program has sent a request to AWS for longer than the emulator waits before it invokes a function again."""
        wait_for(lambda: self.aws_proxy.idle_seconds() > 3, seconds=HANGS_AFTER)

    def template(self):
        """The manifest of a set without faults, which an exporter wrote."""
        with self.lock:
            if not self.manifest:
                self.create_roles("template")
                run = self.export("template")
                assert run.status == 0, run
                self.manifest = json.loads(self.read(self.staged("template")[0]))
        return self.manifest

    def template_inventory(self):
        run = self.template()["run"]
        return json.loads(self.read(f"staging/{self.place('template')}/{run}/inventory.json"))

    def audit(self):
        """Runs the scheduled audit. Returns its findings by the cluster's name."""
        self.emulator.invoke("kubecost-lake-backfill", {"source": "aws.events", "detail-type": "Scheduled Event"})
        report = json.loads(self.read("reports/audit.json"))
        return {finding["cluster"].rsplit("/", 1)[1]: finding for finding in report["findings"]}

    def invoke(self, function, keys, bucket=BUCKET):
        """Invokes a function with an event of objects that arrived. Returns its error, or None."""
        response = self.emulator.functions.invoke(FunctionName=function, Payload=json.dumps(arrived(bucket, *keys)))
        return response["Payload"].read().decode() if "FunctionError" in response else None

    def without_day(self, cluster):
        """Waits until the day is in the lake, and deletes it there. Returns the keys of the cluster's manifests."""
        self.wait_for_day(cluster)
        self.emulator.s3.delete_object(Bucket=BUCKET, Key=lake_key(DAY, cluster=cluster))
        return self.staged(cluster)

    def wait_for_day(self, cluster):
        wait_for(lambda: self.day(cluster))

    def run_of_the_day(self, cluster):
        return self.emulator.s3.head_object(Bucket=BUCKET, Key=lake_key(DAY, cluster=cluster))["Metadata"]["run"]

    def read(self, key):
        return self.emulator.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()

    def day(self, cluster):
        """Rows and sums of the day in the lake; None if it has no such day."""
        try:
            file = self.read(lake_key(DAY, cluster=cluster))
        except self.emulator.s3.exceptions.NoSuchKey:
            return None
        table = pq.read_table(io.BytesIO(file), columns=[*QUANTITIES, "properties.cluster"])
        assert set(table.column("properties.cluster").to_pylist()) <= {cluster, ""}, f"rows of other clusters in the day of {cluster}"
        return table.num_rows, [sum(table.column(name).to_pylist()) for name in QUANTITIES]

    def staged(self, cluster):
        """The keys of the manifests of a cluster's sets."""
        is_of_a_set = re.compile(f"{RUN_ID}/{DAY}/manifest[.]json").fullmatch
        prefix = f"staging/{self.place(cluster)}/"
        return [key for key in self.emulator.keys(prefix) if is_of_a_set(key.removeprefix(prefix))]

    def quarantined(self, cluster):
        """Why sets of a cluster are in quarantine: the reasons and messages."""
        return [json.loads(self.read(key)) for key in self.emulator.keys(f"quarantine/{self.place(cluster)}/")]

    @staticmethod
    def place(cluster):
        return f"{ACCOUNT}/{REGION}/{cluster}"

    def log_of(self, function):
        """What a function has logged to CloudWatch."""
        events = self.emulator.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"]
        return "\n".join(event["message"] for event in events)

    def said_of(self, cluster):
        """What the functions' logs and documents in quarantine say of a cluster."""
        log = (self.directory / "ministack/log").read_text(errors="replace")
        lines = [line for line in log.splitlines() if f"/{cluster}/" in line or f"_{cluster}." in line]
        return "\n".join(lines + [document.get("message", "") for document in self.quarantined(cluster)])


@contextlib.contextmanager
def fleet(directory):
    """Emulated AWS and sources behind proxies, with the functions of the pipeline on S3's events."""
    with contextlib.ExitStack() as stack:
        emulator = stack.enter_context(ministack(directory / "ministack"))
        sources = stack.enter_context(serving_clusters())
        made = Fleet(directory, emulator, sources, stack.enter_context(proxied(emulator)), stack.enter_context(proxied(sources)))
        create_functions(made)
        yield made


def create_functions(made):
    emulator = made.emulator
    emulator.s3.create_bucket(Bucket=BUCKET)
    emulator.create_roles({})
    settings = {"AWS_ENDPOINT_URL": made.aws_url, "LOG_FORMAT": "text"}
    functions = {program: emulator.create_function(program, IN_FLIGHT_MINUTES="0", **settings) for program in ["transform", "backfill"]}
    # For tests that invoke them.
    emulator.create_function("transform", SHORT, timeout=6, **settings)
    emulator.create_function("transform", SMALL, data_limit=128, **settings)
    emulator.s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration=notifications(functions))
