"""Trino over tables of a bucket on this machine, and what it spends on questions about them."""

import contextlib
import copy
import math
import os
import pathlib
import time

from aws import BINARIES, Aws
from deployed import TABLE, table_input
from servers import local_bucket, served
from trino import CATALOG, USER, started

# As a server that runs for long: with both compilers. One collector thread, so that measured threads are those of the queries.
JAVA = ["-Xmx2g", "-XX:+UseSerialGC"]
# What Glue accepts in one request.
PARTITIONS_AT_ONCE = 100
TOLERANCE = 1e-9
# At idle priority a start takes as long as other processes have work.
START_SECONDS = 1800
# Where Trino counts its requests to S3.
REQUESTS = f"io.trino.filesystem.s3:type=S3FileSystemStats,name={CATALOG}"


class Lake:
    """A bucket with tables, and the engine that reads them."""

    def __init__(self, directory, bucket, glue, trino):
        self.directory, self.bucket, self.glue, self.trino = directory, bucket, glue, trino

    def create_table(self, name):
        """The lake's table under another name, with its objects below that name."""
        descriptor = copy.deepcopy(table_input('this["allocations"]'))
        descriptor["Name"] = name
        descriptor["StorageDescriptor"]["Location"] = f"s3://{self.bucket}/{name}/"
        self.glue.create_table(DatabaseName=TABLE["GLUE_DATABASE_NAME"], TableInput=descriptor)

    def register(self, name):
        """Registers the partitions of a table as crawler does. They are the folders of its objects."""
        names = {"DatabaseName": TABLE["GLUE_DATABASE_NAME"], "TableName": name}
        descriptor = self.glue.get_table(DatabaseName=names["DatabaseName"], Name=name)["Table"]["StorageDescriptor"]
        folders = sorted({path.parent for path in (self.directory / name).rglob("*.parquet")})
        inputs = []
        for folder in folders:
            key = folder.relative_to(self.directory)
            values = [part.split("=")[1] for part in key.parts[1:]]
            inputs.append({"Values": values, "StorageDescriptor": descriptor | {"Location": f"s3://{self.bucket}/{key}/"}})
        for first in range(0, len(inputs), PARTITIONS_AT_ONCE):
            done = self.glue.batch_create_partition(**names, PartitionInputList=inputs[first : first + PARTITIONS_AT_ONCE])
            assert not done.get("Errors"), done["Errors"]


@contextlib.contextmanager
def lake(directory):
    """Starts bucket, catalog and engine. The bucket's objects are files, which may be put there before and meanwhile."""
    with contextlib.ExitStack() as stack:
        root = directory / "bucket"
        root.mkdir()
        bucket = stack.enter_context(local_bucket(BINARIES, root))
        glue = stack.enter_context(served(["moto_server", "-H", "127.0.0.1", "-p", "{port}"], directory / "moto"))
        keys = bucket["access_key"], bucket["secret_key"]
        (directory / "trino").mkdir()
        trino = stack.enter_context(started(directory / "trino", glue, bucket["endpoint"], keys, JAVA))
        client = Aws.client_of(glue, "glue")
        client.create_database(DatabaseInput={"Name": TABLE["GLUE_DATABASE_NAME"]})
        trino.wait_until_started(START_SECONDS)
        yield Lake(root, bucket["bucket"], client, trino)


def seconds(text):
    """A duration as Trino writes it."""
    units = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}
    number = text.rstrip("nsumh")
    return float(number) * units[text[len(number) :]]


def size(text):
    """A number of bytes as Trino writes it."""
    assert text.endswith("B"), text
    return int(text[:-1])


def once(lake, sql):
    """The rows of a question, and what Trino took for them."""
    before, began, used = requests(lake.trino), time.monotonic(), cpu_of(lake.trino.process)
    rows, query = lake.trino.measured(sql)
    wall, used = time.monotonic() - began, cpu_of(lake.trino.process) - used
    stats = query["queryStats"]
    scans = [operator for operator in stats["operatorSummaries"] if "Scan" in operator["operatorType"]]
    return rows, {
        "rows": stats["physicalInputPositions"],
        "MB read": size(stats["physicalInputDataSize"]) / 1e6,
        "requests": requests(lake.trino) - before,
        "splits": sum(operator["totalDrivers"] for operator in scans),
        "CPU s": seconds(stats["totalCpuTime"]),
        "process CPU s": used,
        "wall s": wall,
    }


def cpu_of(process):
    """The CPU seconds of a process so far: those of its client of S3, too, which Trino counts for no query."""
    text = pathlib.Path(f"/proc/{process.pid}/stat").read_text()
    user, system = text.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def requests(trino):
    """The requests that Trino has sent to S3 so far."""
    bean = trino.request(f"/v1/jmx/mbean/{REQUESTS}", headers={"X-Trino-User": USER})
    return next(attribute["value"] for attribute in bean["attributes"] if attribute["name"] == "Total.Calls.TotalCount")


def assert_same(found, expected):
    """Rows are the same, but for the order in which numbers were added."""
    found, expected = by_texts(found), by_texts(expected)
    assert found.keys() == expected.keys()
    for texts, numbers in expected.items():
        same = [math.isclose(*pair, rel_tol=TOLERANCE, abs_tol=TOLERANCE) for pair in zip(found[texts], numbers, strict=True)]
        assert all(same), f"{texts}: {found[texts]}, and not {numbers}"


def by_texts(rows):
    """The numbers of rows by their texts, which differ."""
    found = {tuple(value for value in row if isinstance(value, str)): [value for value in row if not isinstance(value, str)] for row in rows}
    assert len(found) == len(rows)
    return found


def header(names):
    print("| " + " | ".join(names) + " |")
    print("|" + "---|" * len(names), flush=True)


def line(cells):
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)
