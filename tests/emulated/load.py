"""Loads that are too large for the gate, each by its name: prints what was sent, what is in the lake, time and memory.

    KUBECOST_LAKE_BINARIES=target/release python tests/emulated/load.py [clusters] [1-gib] [10-gib] [nodes] [row] [pages] [parts]

A lake that lacks rows or costs ends the program with an error. Programs are those of the directory KUBECOST_LAKE_BINARIES.
"""

import contextlib
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import duckdb

from aws import BINARIES
from load_clusters import clusters, peak_of
from load_source import Load, source_of
from recorded_clusters import DAY
from servers import serving

CLUSTER = "arn:aws:eks:us-east-1:111122223333:cluster/cluster-one"
MEMORY_IS_FLAT_BELOW = 256


def measured(command):
    """Runs a command. Returns its exit status, its output and figures."""
    began, peak = time.monotonic(), 0
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, env={}, stdout=output, stderr=subprocess.STDOUT, text=True)
        while not os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            peak = max(peak, peak_of(process))
            time.sleep(0.05)
        _, status, usage = os.wait4(process.pid, 0)
        output.seek(0)
        figures = {"seconds": round(time.monotonic() - began), "CPU seconds": round(usage.ru_utime + usage.ru_stime), "peak MB": peak}
        return os.waitstatus_to_exitcode(status), output.read(), figures


@contextlib.contextmanager
def lake():
    with tempfile.TemporaryDirectory(dir=os.environ.get("KUBECOST_LAKE_LOAD_DIRECTORY")) as directory:
        yield pathlib.Path(directory) / "lake"


def collect(load, directory, *flags):
    with serving(source_of(load)) as url:
        command = [BINARIES / "kubecost-lake", "collect", "--source", url, "--cluster", CLUSTER, "--lake", directory]
        return measured([*command, "--from", str(DAY), "--to", str(DAY), "--retries", "0", *flags])


def show(name, figures):
    print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in figures.items()), flush=True)
    assert figures["peak MB"] < MEMORY_IS_FLAT_BELOW


def compare(directory, load):
    """That the lake has each row and each cent."""
    files = f"{directory}/lake/**/*.parquet"
    [(rows, names, cost)] = duckdb.sql(f'SELECT count(*), approx_count_distinct(name), sum("totalCost") FROM read_parquet(\'{files}\')').fetchall()
    assert rows == load.rows, f"{rows} rows in the lake, {load.rows} sent"
    assert names > load.rows * 0.9, f"{names} names in {rows} rows"
    assert math.isclose(cost, load.cost, rel_tol=1e-9), f"cost {cost} in the lake, {load.cost} sent"
    if load.nodes:
        [(found,)] = duckdb.sql(f"SELECT count(DISTINCT key) FROM read_parquet('{directory}/assets/**/*.parquet')").fetchall()
        assert found == load.nodes, f"{found} assets in the lake, {load.nodes} sent"
    return rows, round(cost, 2)


def whole(name, load, *flags):
    """A day that is stored whole, in bounded memory."""
    with lake() as directory:
        status, output, figures = collect(load, directory, *flags)
        assert status == 0, output[-2000:]
        rows, cost = compare(directory, load)
        show(name, {"GiB sent": round(load.bytes / 2**30, 2), "rows": rows, "cost": cost, **figures})


def line_with(words, output):
    return next(line for line in output.splitlines() if words in line)[:200]


def refused(name, load, words, *flags):
    """A day that is refused with words, in bounded memory."""
    with lake() as directory:
        status, output, figures = collect(load, directory, *flags)
        assert status == 1 and words in output, output[-2000:]
        assert not list(directory.glob("lake/**/*.parquet"))
        show(name, {"refused": f"'{line_with(words, output)}'", **figures})


def nodes():
    """A million nodes among the assets: more than the index of nodes holds."""
    whole("a million nodes", Load(nodes=1_000_000))


def parts():
    """A manifest of 100,000 parts: larger than a document may be."""
    with lake() as directory:
        assert collect(Load(), directory)[0] == 0
        manifest = next(directory.rglob("manifest.json"))
        document = json.loads(manifest.read_text())
        document["parts"] = [document["parts"][0] | {"key": document["parts"][0]["key"].replace("0001", f"{number:06}")} for number in range(100_000)]
        manifest.write_text(json.dumps(document))
        next(directory.glob("lake/**/*.parquet")).unlink()
        status, output, figures = measured([BINARIES / "kubecost-lake", "replay", "--lake", directory, "--cluster", CLUSTER])
        words = "is larger than 4194304 bytes"
        assert status == 1 and words in output, output
        show("100,000 parts", {"refused": f"'{line_with(words, output)}'", **figures})


LOADS = {
    "clusters": lambda: show("1,000 clusters", clusters(1_000)),
    "1-gib": lambda: whole("a day of 1 GiB", Load(1 << 30)),
    "10-gib": lambda: whole("a day of 10 GiB", Load(10 << 30)),
    "nodes": nodes,
    "row": lambda: refused("a row of 16 MiB", Load(annotation=16 << 20), "row"),
    "pages": lambda: whole("pages of one row", Load(200 << 20), "--page-size", "1"),
    "parts": parts,
}

if __name__ == "__main__":
    for chosen in sys.argv[1:] or LOADS:
        LOADS[chosen]()
