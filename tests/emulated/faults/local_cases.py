"""Faults of the disk and of the process of the local host."""

from local_host import full_disk, foreign, killed_when, linked, overwritten, read_only, removed, small_files, two_at_once
from matrix import FAILED, WHOLE, WHOLE_OR_NOT_AT_ALL, Case


def nothing(_):
    return b""


def half(content):
    return content[: len(content) // 2]


def garbage(_):
    return b"\x00garbage"


DISK = [
    *[Case(f"disk of {kilobytes} KiB", WHOLE_OR_NOT_AT_ALL, FAILED, local=full_disk(kilobytes), says="(?i)no space left|too large|full") for kilobytes in (8, 32, 64)],
    Case("disk of 4 MiB", WHOLE_OR_NOT_AT_ALL, WHOLE, local=full_disk(4096)),
    *[Case(f"files of at most {size} bytes", WHOLE_OR_NOT_AT_ALL, FAILED, local=small_files(size), says="(?i)too large|no space") for size in (0, 300, 3000, 20_000)],
    Case("lake is read-only", WHOLE_OR_NOT_AT_ALL, FAILED, local=read_only, says="(?i)read-only|permission"),
]

LINKS = [
    Case(f"link at {path}", 60, FAILED, local=linked(path))
    for path in ["lake", "assets", "staging", ".bucket", "lake/account_id=111122223333", "staging/111122223333", "{lake_key}"]
] + [
    Case(f"link at {path}", 60, WHOLE, local=linked(path)) for path in ["catalog.json", "catalog.json.unfinished"]
] + [
    Case("link at reports/audit.json", 60, WHOLE, local=linked("reports/audit.json"), status=1, says="is a link"),
]

PROCESSES = [
    Case("two processes on one lake", WHOLE_OR_NOT_AT_ALL, WHOLE, local=two_at_once, status=1, says="is in use by another process"),
    *[Case(f"killed when {name} is there", 35, FAILED, local=killed_when(pattern), status=-9) for name, pattern in {"the lock": "lock", "a part": "allocation-*.zst", "the manifest": "manifest.json"}.items()],
    Case("killed when the day is there", 35, WHOLE, local=killed_when("lake/**/*.parquet"), status=-9),
]

STATES = [
    *[Case(f"metadata of objects {name}", WHOLE_OR_NOT_AT_ALL, WHOLE, local=overwritten(".bucket/metadata/**/*.json", content)) for name, content in {"empty": nothing, "cut": half, "of garbage": garbage}.items()],
    *[Case(f"file of the day {name}", WHOLE_OR_NOT_AT_ALL, WHOLE, local=overwritten("lake/**/*.parquet", content)) for name, content in {"empty": nothing, "cut": half, "of garbage": garbage}.items()],
    *[Case(f"catalog {name}", WHOLE_OR_NOT_AT_ALL, WHOLE, local=overwritten("catalog.json", content)) for name, content in {"empty": nothing, "of garbage": garbage}.items()],
    *[Case(f"state of the audit {name}", WHOLE_OR_NOT_AT_ALL, WHOLE, local=overwritten("state.json", content)) for name, content in {"empty": nothing, "of garbage": garbage}.items()],
    *[Case(f"manifest {name} after its conversion", WHOLE_OR_NOT_AT_ALL, WHOLE, local=overwritten("staging/**/manifest.json", content)) for name, content in {"empty": nothing, "of garbage": garbage}.items()],
    Case("event of garbage", WHOLE_OR_NOT_AT_ALL, WHOLE, local=foreign(".bucket/events/00000000000000000001.json", b"garbage")),
    Case("foreign files in the lake", 58, WHOLE, local=foreign("lake/account_id=111122223333/readme.txt", b"hello")),
    Case("metadata of all objects removed", WHOLE_OR_NOT_AT_ALL, WHOLE, local=removed(".bucket/metadata")),
]

CASES = [*DISK, *LINKS, *PROCESSES, *STATES]
