"""What a function needs from its start to its first request at Lambda's runtime API, on directory KUBECOST_LAKE_BINARIES:

    KUBECOST_LAKE_BINARIES=target/release python tests/emulated/start.py
"""

import os
import pathlib
import statistics
import subprocess
import threading
import time

from aws import BINARIES
from lambda_runtime import start
from servers import Handler, serving

RUNS = 15
FUNCTIONS = {
    "transform": {},
    "backfill": {},
    "crawler": {"GLUE_DATABASE_NAME": "finops", "GLUE_TABLE_NAME": "kubecost", "GLUE_ASSETS_TABLE_NAME": "assets", "CATALOG_MODE": "register"},
}
SETTINGS = {"S3_BUCKET_NAME": "finops-lake", "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}


def used(process):
    """CPU time in milliseconds, by the scheduler's own count, and memory in MiB."""
    of_process = pathlib.Path("/proc") / str(process.pid)
    threads = [int((task / "schedstat").read_text().split()[0]) for task in (of_process / "task").iterdir()]
    memory = next(line for line in (of_process / "status").read_text().splitlines() if line.startswith("VmHWM"))
    return sum(threads) / 1e6, int(memory.split()[1]) / 1024


class Starts:
    """Starts processes of a function, one after the other, and looks at each when it requests its first event."""

    def __init__(self, function):
        self.function, self.asked, self.looked_at = function, threading.Event(), threading.Event()
        starts = self

        class Api(Handler):
            def do_GET(self):
                starts.asked.set()
                # A function that gets no response ends.
                starts.looked_at.wait()

        self.handler = Api

    def one(self, url):
        """CPU milliseconds, MiB and milliseconds until the first request of one process."""
        self.asked.clear()
        self.looked_at.clear()
        began = time.monotonic()
        process = start(BINARIES / self.function, url, {**SETTINGS, **FUNCTIONS[self.function]}, stdout=subprocess.DEVNULL)
        try:
            assert self.asked.wait(30), f"{self.function} asked for no event"
            ended = time.monotonic()
            return *used(process), (ended - began) * 1e3
        finally:
            self.looked_at.set()
            process.kill()
            process.wait()


def figures(function):
    """The least CPU time and memory of some starts, and the median time: what else runs makes a start slower, never faster."""
    starts = Starts(function)
    with serving(starts.handler) as url:
        cpu, memory, wall = zip(*(starts.one(url) for _ in range(RUNS)), strict=True)
    return {"CPU ms": min(cpu), "MiB": min(memory), "ms": statistics.median(wall)}


def refused(function):
    """The least CPU milliseconds of a function that finds no settings, and ends."""

    def one():
        process = subprocess.Popen([BINARIES / function], env={}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        assert os.waitstatus_to_exitcode(status) == 1
        return (usage.ru_utime + usage.ru_stime) * 1e3

    return min(one() for _ in range(RUNS))


if __name__ == "__main__":
    for name in FUNCTIONS:
        print(f"{name}: " + ", ".join(f"{what} {figure:.1f}" for what, figure in figures(name).items()))
