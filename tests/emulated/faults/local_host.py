"""The local host, `kubecost-lake collect` on a directory, and what can be done to its disk and its process."""

import concurrent.futures
import functools
import resource
import shutil
import signal
import subprocess
import threading
import time
import urllib.request

import pyarrow.parquet as pq

from aws import ACCOUNT, BINARIES, REGION, lake_key
from fleet import HANGS_AFTER, Run, run
from matrix import FAILED, UNSEEN, WHOLE, Result
from recorded_clusters import DAY, QUANTITIES
from servers import Handler, serving


class LocalHost:
    """A lake in a directory, for one case."""

    def __init__(self, directory, source, cluster):
        self.directory, self.cluster = directory / cluster, cluster
        self.lake, self.outside = self.directory / "lake", self.directory / "outside"
        self.source = f"{source}/{cluster}"
        self.directory.mkdir()

    def command(self, lake=None, cluster=None, source=None):
        return [
            BINARIES / "kubecost-lake",
            "collect",
            "--source",
            source or self.source,
            "--cluster",
            f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/{cluster or self.cluster}",
            "--lake",
            lake or self.lake,
            "--from",
            str(DAY),
            "--to",
            str(DAY),
            "--retries",
            "0",
        ]

    def collect(self, **options):
        return run(self.command(), {}, **options)

    def day(self):
        """Rows and sums of the day in the lake; None if it has no such day."""
        file = self.lake / lake_key(DAY, cluster=self.cluster)
        if not file.is_file() or file.is_symlink():
            return None
        table = pq.read_table(file, columns=QUANTITIES, partitioning=None)
        return table.num_rows, [sum(table.column(name).to_pylist()) for name in QUANTITIES]


@functools.cache
def can_mount():
    return subprocess.run(["unshare", "--user", "--map-root-user", "--mount", "true"], capture_output=True).returncode == 0


def mounted(script, command, **variables):
    """Runs a command by a script that mounts file systems, which nobody else sees."""
    environment = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", **{name: str(value) for name, value in variables.items()}}
    return run(["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", *command], environment)


def limited(size):
    """No file may grow beyond a size. The signal of that is ignored, so that writing fails as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def full_disk(kilobytes):
    """A file system of some kilobytes, of which a copy stays; a limit of files where none can be mounted."""

    def fault(host):
        if not can_mount():
            return host.collect(preexec_fn=lambda: limited(kilobytes * 100), restore_signals=False)
        small = host.directory / "small"
        small.mkdir()
        host.lake.mkdir()
        script = 'mount -t tmpfs -o size=$SIZE none "$SMALL"; "$@"; status=$?; cp -a "$SMALL/." "$COPY"; exit $status'
        return mounted(script, host.command(small), SIZE=f"{kilobytes}k", SMALL=small, COPY=host.lake)

    return fault


def small_files(size):
    return lambda host: host.collect(preexec_fn=lambda: limited(size), restore_signals=False)


def after(change):
    """Collects, changes the files, and collects again."""

    def fault(host):
        first = host.collect()
        assert first.status == 0, first
        change(host)
        return host.collect()

    return fault


def linked(path):
    """A link in the lake, which leads outside."""

    def fault(host):
        host.outside.mkdir()
        (host.outside / "precious").write_text("precious")
        link = host.lake / path.format(cluster=host.cluster, day=DAY, lake_key=lake_key(DAY, cluster=host.cluster))
        link.parent.mkdir(parents=True)
        link.symlink_to(host.outside if "." not in link.name.removeprefix(".") else host.outside / "precious")
        ran = host.collect()
        assert [file.name for file in host.outside.iterdir()] == ["precious"], "something was written through a link"
        assert (host.outside / "precious").read_text() == "precious", "a file was changed through a link"
        link.unlink(missing_ok=True)
        return ran

    return fault


def read_only(host):
    """A lake that may not be written to."""
    host.lake.mkdir()
    if not can_mount():
        host.lake.chmod(0o555)
        ran = host.collect()
        host.lake.chmod(0o755)
        return ran
    script = 'mount --bind "$LAKE" "$LAKE" && mount -o remount,bind,ro "$LAKE" && exec "$@"'
    return mounted(script, host.command(), LAKE=host.lake)


class AnyStatus(urllib.request.HTTPErrorProcessor):
    def http_response(self, request, response):
        return response


def two_at_once(host):
    """A second process while the first one waits for its source. Returns how the second one ended."""
    asked, released = threading.Event(), threading.Event()

    class Waiting(Handler):
        def do_GET(self):
            asked.set()
            released.wait()
            # Sources are distinguished by what they do not know: errors are responses, too.
            with urllib.request.build_opener(AnyStatus).open(host.source + self.path) as response:
                self.respond(response.status, response.read())

    with serving(Waiting) as source:
        first = subprocess.Popen(host.command(source=source), env={}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert asked.wait(HANGS_AFTER)
        second = host.collect()
        released.set()
        assert first.wait(HANGS_AFTER) == 0
    return second


def killed_when(pattern):
    """Kills the process as soon as a file is there. Where other work on the machine lets it end before, once more."""

    def fault(host):
        for _ in range(10):
            killed = kill(host)
            if killed.status == -signal.SIGKILL:
                break
            shutil.rmtree(host.lake)
        return killed

    def kill(host):
        process = subprocess.Popen(host.command(), env={}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        end = time.monotonic() + HANGS_AFTER
        while process.poll() is None and time.monotonic() < end:
            if host.lake.exists() and next(host.lake.rglob(pattern), None):
                break
        process.kill()
        log, _ = process.communicate()
        return Run(process.returncode, log)

    return fault


def overwritten(pattern, content):
    """Replaces what is in some files of the lake."""

    def change(host):
        files = list(host.lake.rglob(pattern))
        assert files, f"no file is {pattern}"
        for file in files:
            file.write_bytes(content(file.read_bytes()))

    return after(change)


def foreign(path, content):
    """Adds a file that the product does not write."""

    def change(host):
        file = host.lake / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    return after(change)


def removed(path):
    return after(lambda host: shutil.rmtree(host.lake / path))


def run_cases(cases, directory, source, workers=4):
    """Runs cases at once, each with a lake of its own: with the fault, and again without it."""

    def run_case(case):
        result, host = Result(case), LocalHost(directory, source, case.cluster)
        began = time.monotonic()
        with result.complaining():
            result.take(case.local(host))
        result.seconds = time.monotonic() - began
        result.expect_status()
        result.expect_words(str)
        found = host.day()
        result.seen = WHOLE if found else FAILED if result.status else UNSEEN
        result.compare(found)
        result.expect_place()
        if result.take(host.collect()) != 0:
            result.complaints.append(f"the run without the fault ended with {result.status}")
        result.compare_at_the_end(host.day())
        return result

    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        return {result.case.name: result for result in pool.map(run_case, cases)}
