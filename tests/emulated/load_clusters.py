"""Many clusters whose exporters run within some minutes, with the functions as processes on the events of a local bucket."""

import concurrent.futures
import contextlib
import io
import json
import math
import pathlib
import re
import subprocess
import tempfile
import time

import pyarrow.parquet as pq

from aws import ACCOUNT, BINARIES, REGION, Aws, lake_key
from fault_proxy import Fault, proxied
from lambda_runtime import Runtime, arrived, start
from recorded_clusters import DAY, expected, serving_clusters
from servers import local_bucket, serving

# How many exporters run at once, and how many processes of each function there are.
EXPORTERS, FUNCTIONS = 8, {"backfill": 2, "transform": 3}
LATEST = 600
SCHEDULE = {"source": "aws.events", "detail-type": "Scheduled Event"}


def clusters(count):
    """Runs an exporter for each cluster once, and then the audit. Returns figures."""
    names = [f"cluster-{number:04}" for number in range(count)]
    with contextlib.ExitStack() as stack:
        directory = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        served = stack.enter_context(local_bucket(BINARIES, directory / "bucket"))
        proxy, url = stack.enter_context(proxied(served["endpoint"]))
        source = stack.enter_context(serving_clusters())
        environment = {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": served["access_key"],
            "AWS_SECRET_ACCESS_KEY": served["secret_key"],
            "AWS_REGION": "us-east-1",
            "S3_BUCKET_NAME": served["bucket"],
        }
        runtimes, processes = functions(stack, environment, directory)
        proxy.add(Fault("PUT .*/inventory.json", delivering(runtimes["backfill"], served["bucket"])))
        proxy.add(Fault("PUT .*/manifest.json", delivering(runtimes["transform"], served["bucket"])))
        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(EXPORTERS) as pool:
            runs = list(pool.map(lambda name: export(name, source, environment), names))
        exported = time.monotonic() - began
        assert set(runs) == {0}, runs
        assert runtimes["transform"].wait(LATEST)
        seconds = time.monotonic() - began
        runtimes["backfill"].put(SCHEDULE)
        assert runtimes["backfill"].wait(LATEST)
        assert {result for runtime in runtimes.values() for result in runtime.results.values()} == {"response"}
        lake = Lake(served)
        rows = sum(lake.compare(name) for name in names)
        report = json.loads(lake.read("reports/audit.json"))
        found = {name: report[name] for name in ["gap_days", "stuck_sets", "quarantined_sets", "refused_documents", "silent_clusters"]}
        assert report["clusters"] == count and set(found.values()) == {0}, report
        peaks = {program: max(map(peak_of, found)) for program, found in processes.items()}
    assert seconds < LATEST
    return {
        "rows": rows,
        "seconds of all exporters": round(exported),
        "seconds until all days are in the lake": round(seconds),
        "peak MB of a transform": peaks["transform"],
        "peak MB": max(peaks.values()),
    }


def functions(stack, environment, directory):
    """Starts the functions' processes. Returns their runtimes and the processes by their programs."""
    runtimes, processes = {}, {}
    for program, number in FUNCTIONS.items():
        runtime = runtimes[program] = Runtime()
        url = stack.enter_context(serving(runtime.handler))
        log = stack.enter_context(open(directory / f"{program}.log", "w"))
        processes[program] = [start(BINARIES / program, url, environment, stdout=log, stderr=log) for _ in range(number)]
        for process in processes[program]:
            stack.callback(process.wait)
            stack.callback(process.kill)
        stack.callback(runtime.closing.set)
    return runtimes, processes


def delivering(runtime, bucket):
    """Puts the event of an object as soon as it is written."""

    def effect(exchange, _):
        found = exchange.forward()
        if found.status == 200:
            key = re.match(r"PUT /[^/]+/([^?]+)", exchange.line).group(1)
            runtime.put(arrived(bucket, key))
        exchange.send(found)

    return effect


def export(name, source, environment):
    """Runs the exporter of a cluster. Returns its exit status."""
    cluster = {"CLUSTER_ID": f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/{name}", "KUBECOST_API_ENDPOINT": f"{source}/{name}"}
    return subprocess.run([BINARIES / "exporter"], env={**environment, **cluster}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode


def peak_of(process):
    """The most memory that a process had so far, in MB; 0 if it has ended."""
    try:
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return 0
    peak = re.search(r"VmHWM:\s+(\d+)", status)
    return round(int(peak.group(1)) / 1024) if peak else 0


class Lake:
    def __init__(self, served):
        session = {"AccessKeyId": served["access_key"], "SecretAccessKey": served["secret_key"]}
        self.s3, self.bucket = Aws.client_of(served["endpoint"], "s3", session=session), served["bucket"]

    def read(self, key):
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def compare(self, name):
        """That the day of a cluster is what its source sent. Returns its rows."""
        table = pq.read_table(io.BytesIO(self.read(lake_key(DAY, cluster=name))), columns=["totalCost", "properties.cluster"])
        rows, (cost, *_) = expected(name)
        assert table.num_rows == rows and set(table.column("properties.cluster").to_pylist()) <= {name, ""}
        assert math.isclose(sum(table.column("totalCost").to_pylist()), cost, rel_tol=1e-9)
        return rows
