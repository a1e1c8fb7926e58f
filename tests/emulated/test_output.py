"""Every program, with an output that cannot be written: closed, as behind `| head`, or on a full disk. None of them may end by that."""

import contextlib
import os
import subprocess

import pytest

from aws import BINARIES
from lambda_runtime import Runtime, start
from servers import local_bucket, serving

CLUSTER = "arn:aws:eks:us-east-1:111122223333:cluster/cluster-one"
SCHEDULE = {"source": "aws.events", "detail-type": "Scheduled Event"}


@contextlib.contextmanager
def full():
    with open("/dev/full", "w") as output:
        yield output


@contextlib.contextmanager
def closed():
    """A pipe that nobody reads any more."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as output:
        yield output


OUTPUTS = {"full": full, "closed": closed}


def status(command, stdout, stderr, **environment):
    with OUTPUTS[stdout]() as out, OUTPUTS[stderr]() as errors:
        done = subprocess.run([BINARIES / command[0], *command[1:]], env=environment, stdout=out, stderr=errors, timeout=120)
    return done.returncode


@pytest.fixture(scope="module")
def bucket(tmp_path_factory):
    with local_bucket(BINARIES, tmp_path_factory.mktemp("bucket")) as served:
        yield {
            "AWS_ENDPOINT_URL": served["endpoint"],
            "AWS_ACCESS_KEY_ID": served["access_key"],
            "AWS_SECRET_ACCESS_KEY": served["secret_key"],
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "S3_BUCKET_NAME": served["bucket"],
        }


COMMANDS = [
    (["kubecost-lake", "--help"], 0),
    (["kubecost-lake", "help", "collect"], 0),
    (["kubecost-lake", "schema"], 0),
    (["kubecost-lake", "questions"], 0),
    (["kubecost-lake", "status", "--lake", "/"], 3),
    (["kubecost-lake", "status", "--lake", "/absent"], 1),
    (["kubecost-lake", "collect"], 2),
    (["kubecost-lake", "collect", "--verbose", "--cluster", CLUSTER, "--source", "http://127.0.0.1:9", "--lake", "{lake}", "--retries", "0"], 1),
    (["exporter", "--help"], 0),
    (["exporter"], 2),
]


@pytest.mark.parametrize("stdout", OUTPUTS)
@pytest.mark.parametrize("stderr", OUTPUTS)
@pytest.mark.parametrize(("command", "expected"), COMMANDS, ids=lambda value: " ".join(value[:3]) if isinstance(value, list) else None)
def test_commands_end_as_they_do_with_outputs_that_can_be_written(command, expected, stdout, stderr, tmp_path):
    command = [part.replace("{lake}", str(tmp_path / "lake")) for part in command]
    plain = subprocess.run([BINARIES / command[0], *command[1:]], env={}, capture_output=True, text=True, timeout=120)
    assert plain.returncode == expected, plain
    assert status(command, stdout, stderr) == expected


@pytest.mark.parametrize("output", OUTPUTS)
def test_an_exporter_whose_log_is_lost_collects_all_the_same(output, bucket):
    settings = {**bucket, "CLUSTER_ID": CLUSTER, "KUBECOST_API_ENDPOINT": "http://127.0.0.1:9", "RETRIES": "0", "LOG_LEVEL": "trace"}
    # Nobody listens there: the run fails, and says so to nobody.
    assert status(["exporter"], output, output, **settings) == 1


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("function", ["transform", "backfill", "crawler"])
def test_a_function_whose_outputs_are_lost_handles_each_event(function, output, bucket):
    glue = {"CATALOG_MODE": "none"} if function == "crawler" else {}
    # The schedule writes metrics to standard output; the unknown event is an error in the log.
    events = [SCHEDULE, {"what": "is this"}, SCHEDULE]
    runtime = Runtime(events)
    with serving(runtime.handler) as url, OUTPUTS[output]() as lost:
        process = start(BINARIES / function, url, {**bucket, **glue, "LOG_LEVEL": "trace"}, stdout=lost, stderr=lost)
        try:
            assert runtime.wait(60), f"exit status {process.poll()}, {runtime.results}"
            assert runtime.results == {0: "response", 1: "error", 2: "response"}
            assert process.poll() is None
        finally:
            process.kill()
            process.wait()
            runtime.closing.set()
