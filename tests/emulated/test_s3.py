"""The same cases of S3 on the local bucket, on the emulator that the other tests use, and on S3 itself.

S3 itself is tested if KUBECOST_LAKE_S3_BUCKET names a bucket that the environment's credentials may read, write and list.
s3_differences.md lists what a server does differently. A difference that is gone fails its test.
"""

import os
import pathlib
import re
import uuid

import pytest

from aws import BINARIES
import s3_listings
import s3_objects
from s3_client import Keys, Server
from servers import local_bucket

BUCKET = "conformance"
CASES = {
    name.removeprefix("case_"): case
    for module in [s3_objects, s3_listings]
    for name, case in vars(module).items()
    if name.startswith("case_")
}
DIFFERENCES = {
    (server, case): what
    for case, server, what in re.findall(r"^\| `(\w+)` \| (\w+) \| (.+) \|$", pathlib.Path(__file__).with_name("s3_differences.md").read_text(), re.M)
}


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    with local_bucket(BINARIES, tmp_path_factory.mktemp("bucket")) as served:
        yield Server(served["bucket"], served["endpoint"], served["access_key"], served["secret_key"])


@pytest.fixture(scope="module")
def ministack(aws):
    aws.s3.create_bucket(Bucket=BUCKET)
    return Server(BUCKET, aws.endpoint, "444455556666", "secret")


@pytest.fixture(scope="module")
def s3():
    return Server(os.environ["KUBECOST_LAKE_S3_BUCKET"], region=os.environ.get("AWS_REGION", "us-east-1"))


SERVERS = ["local", "ministack", *(["s3"] if os.environ.get("KUBECOST_LAKE_S3_BUCKET") else [])]


def asked():
    for server in SERVERS:
        for case in CASES:
            what = DIFFERENCES.get((server, case))
            marks = [pytest.mark.xfail(reason=what, strict=True)] if what else []
            yield pytest.param(server, case, marks=marks, id=f"{server}-{case}")


@pytest.mark.parametrize(("server", "case"), list(asked()))
def test_case(request, server, case):
    keys = Keys(request.getfixturevalue(server), f"conformance/{uuid.uuid4()}/")
    try:
        CASES[case](keys)
    finally:
        if server == "s3":
            for page in keys.client.get_paginator("list_objects_v2").paginate(Bucket=keys.bucket, Prefix=keys.prefix):
                for found in page.get("Contents", []):
                    keys.client.delete_object(Bucket=keys.bucket, Key=found["Key"])


def test_there_are_enough_cases_and_each_difference_is_of_one():
    assert len(CASES) >= 60
    assert {case for _, case in DIFFERENCES} <= set(CASES)
    assert {server for server, _ in DIFFERENCES} <= {"local", "ministack", "s3"}
