"""Faults of the disk and of the process of the local host."""

from local_host import full_disk, foreign, killed_when, linked, overwritten, read_only, removed, small_files, two_at_once
from matrix import FAILED, WHOLE, WHOLE_OR_NOT_AT_ALL, Case


def nothing(_):
    return b""


def half(content):
    return content[: len(content) // 2]


def garbage(_):
    return b"\x00garbage"


# What is damaged, and how.
DAMAGED = {
    "metadata of objects": (".bucket/metadata/**/*.json", ["empty", "cut", "of garbage"]),
    "file of the day": ("lake/**/*.parquet", ["empty", "cut", "of garbage"]),
    "catalog": ("catalog.json", ["empty", "of garbage"]),
    "state of the audit": ("state.json", ["empty", "of garbage"]),
    "manifest that was converted": ("staging/**/manifest.json", ["empty", "of garbage"]),
}
DAMAGES = {"empty": nothing, "cut": half, "of garbage": garbage}
KILLED_BEFORE_THE_DAY = {"the lock": "lock", "a part": "allocation-*.zst", "the manifest": "manifest.json"}
# Without them there is no lake, and no part of it.
LINKS_THAT_FAIL = ["lake", "assets", "staging", ".bucket", "lake/account_id=111122223333", "staging/111122223333", "{lake_key}"]


def disks():
    for kilobytes in [8, 32, 64]:
        yield Case(f"disk of {kilobytes} KiB", WHOLE_OR_NOT_AT_ALL, FAILED, local=full_disk(kilobytes), says="(?i)no space left|too large|full")
    yield Case("disk of 4 MiB", WHOLE_OR_NOT_AT_ALL, WHOLE, local=full_disk(4096))
    for size in [0, 300, 3000, 20_000]:
        yield Case(f"files of at most {size} bytes", WHOLE_OR_NOT_AT_ALL, FAILED, local=small_files(size), says="(?i)too large|no space")
    yield Case("lake is read-only", WHOLE_OR_NOT_AT_ALL, FAILED, local=read_only, says="(?i)read-only|permission")


def links():
    for path in LINKS_THAT_FAIL:
        yield Case(f"link at {path}", 60, FAILED, local=linked(path))
    for path in ["catalog.json", "catalog.json.unfinished"]:
        yield Case(f"link at {path}", 60, WHOLE, local=linked(path))
    yield Case("link at reports/audit.json", 60, WHOLE, local=linked("reports/audit.json"), status=1, says="is a link")


def processes():
    yield Case("two processes on one lake", WHOLE_OR_NOT_AT_ALL, WHOLE, local=two_at_once, status=1, says="is in use by another process")
    for name, pattern in KILLED_BEFORE_THE_DAY.items():
        yield Case(f"killed when {name} is there", WHOLE_OR_NOT_AT_ALL, FAILED, local=killed_when(pattern), status=-9)
    yield Case("killed when the day is there", WHOLE_OR_NOT_AT_ALL, WHOLE, local=killed_when("lake/**/*.parquet"), status=-9)


def states():
    for what, (pattern, damages) in DAMAGED.items():
        for damage in damages:
            yield Case(f"{what} {damage}", WHOLE_OR_NOT_AT_ALL, WHOLE, local=overwritten(pattern, DAMAGES[damage]))
    yield Case("event of garbage", WHOLE_OR_NOT_AT_ALL, WHOLE, local=foreign(".bucket/events/00000000000000000001.json", b"garbage"))
    yield Case("foreign files in the lake", 58, WHOLE, local=foreign("lake/account_id=111122223333/readme.txt", b"hello"))
    yield Case("metadata of all objects removed", WHOLE_OR_NOT_AT_ALL, WHOLE, local=removed(".bucket/metadata"))


CASES = [*disks(), *links(), *processes(), *states()]
