"""Faults of documents and of staged parts: what an exporter of another kind, a person or a stranger may have written."""

import json
import struct

from matrix import IGNORED, QUARANTINED, WHOLE, Case
from staged_sets import StagedSet, compressed, stage

TOO_LONG = "x" * (5 << 20)
# Fields of the manifest without which a set cannot be converted.
REQUIRED = ["version", "run", "cluster", "date", "window", "created_at", "source", "query", "rows", "total_cost", "parts"]
# Fields that older exporters do not write, and of which a wrong one is no reason to guess.
OPTIONAL = ["question", "quantities", "coverage", "assets", "asset_set", "observed", "currency", "computed_totals", "producer"]
OF_PARTS = ["kind", "key", "bytes", "raw_bytes", "sha256", "rows"]


def manifest(change):
    """Changes the manifest."""
    return stage(lambda made: change(made.manifest))


def part(change, index=0):
    return stage(lambda made: change(made.manifest["parts"][index]))


def without(name):
    return lambda document: document.pop(name)


def having(**fields):
    return lambda document: document.update(fields)


def backwards(document):
    window = document["window"]
    document["window"] = {"start": window["end"], "end": window["start"]}


def costing(factor):
    return lambda document: document.update(total_cost=document["total_cost"] * factor)


def of_another_run(document):
    """A part that points to another run."""
    part = document["parts"][0]
    part["key"] = part["key"].replace(document["run"], "019aaaaa-0000-7000-8000-000000000001")


def with_spaces(made):
    """16 MiB of spaces after the response."""
    spaces = frame([(b" ", 128 * 1024)] * 128)
    made.replace(made.manifest["parts"][0], compressed(made.texts[0]) + spaces, len(made.texts[0]) + (16 << 20))


def content(change, index=0, raw_bytes=None):
    """Writes other bytes into a part, which the manifest names."""

    def changed(made):
        text = made.texts[index]
        made.replace(made.manifest["parts"][index], change(text), len(text) if raw_bytes is None else raw_bytes)

    return stage(changed)


def fields():
    for name in REQUIRED:
        yield Case(f"manifest without {name}", 12, QUARANTINED, stage=manifest(without(name)), says=name)
        yield Case(f"manifest with {name} of another type", 12, QUARANTINED, stage=manifest(having(**{name: {"no": "such"}})))
        yield Case(f"manifest with {name} null", 12, QUARANTINED, stage=manifest(having(**{name: None})))
        yield Case(f"manifest with {name} too long", 12, QUARANTINED, stage=manifest(having(**{name: TOO_LONG})))
    for name in OPTIONAL:
        yield Case(f"manifest without {name}", 12, WHOLE, stage=manifest(lambda document, name=name: document.pop(name, None)))
        yield Case(f"manifest with {name} of another type", 12, QUARANTINED, stage=manifest(having(**{name: [["no"]]})))
    for name in OF_PARTS:
        yield Case(f"part without {name}", 12, QUARANTINED, stage=part(without(name)), says=name)
        yield Case(f"part with {name} of another type", 12, QUARANTINED, stage=part(having(**{name: [1]})))


TEXTS = [
    Case("manifest is empty", 12, QUARANTINED, stage=stage(text=lambda _: b"")),
    Case("manifest is a page", 12, QUARANTINED, stage=stage(text=lambda _: b"<html>")),
    Case("manifest is cut short", 12, QUARANTINED, stage=stage(text=lambda made: json.dumps(made.manifest).encode()[:-40])),
    Case("manifest is nested without end", 12, QUARANTINED, stage=stage(text=lambda _: b"[" * 1_000_000)),
    Case("manifest is not UTF-8", 12, QUARANTINED, stage=stage(text=lambda made: json.dumps(made.manifest).encode().replace(b"Z", b"\xff"))),
    Case("manifest has fields that are not known", 12, WHOLE, stage=manifest(having(colour="blue"))),
]

IDENTITY = [
    *[Case(f"manifest of version {version!r}", 12, QUARANTINED, stage=manifest(having(version=version))) for version in (0, 2, "1", 1.5, -1)],
    Case("manifest of another cluster", 12, QUARANTINED, stage=manifest(having(cluster="arn:aws:eks:eu-central-1:111122223333:cluster/other")), says="cluster"),
    Case("manifest of another account", 12, QUARANTINED, stage=manifest(lambda document: document.update(cluster=document["cluster"].replace("1111", "2222")))),
    Case("manifest of another day", 12, QUARANTINED, stage=manifest(having(date="2026-01-01")), says="date"),
    Case("manifest of no day", 12, QUARANTINED, stage=manifest(having(date="2026-02-30"))),
    Case("manifest of another run", 12, QUARANTINED, stage=manifest(having(run="019aaaaa-0000-7000-8000-000000000001")), says="run"),
    Case("manifest with the window of another day", 12, QUARANTINED, stage=manifest(having(window={"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"}))),
    Case("manifest with a window that ends before it begins", 12, QUARANTINED, stage=manifest(backwards)),
]

CLAIMS = [
    *[Case(f"manifest counts {more:+} rows", 12, QUARANTINED, stage=manifest(lambda document, more=more: document.update(rows=document["rows"] + more))) for more in (1, -1, 2**40)],
    Case("manifest counts a negative number of rows", 12, QUARANTINED, stage=manifest(having(rows=-1))),
    Case("manifest counts no rows though there are some", 12, QUARANTINED, stage=manifest(having(rows=0))),
    *[Case(f"manifest has {factor} of the total cost", 12, QUARANTINED, stage=manifest(costing(factor))) for factor in (0, -1, 1.0001, 1e300)],
    Case("manifest says more quantities than there are", 16, WHOLE, stage=manifest(lambda document: document["quantities"].update(minutes=1e12))),
    Case("manifest counts other assets", 46, QUARANTINED, stage=manifest(lambda document: document["asset_set"].update(rows=99)), says="assets"),
    Case("manifest has another cost of assets", 46, QUARANTINED, stage=manifest(lambda document: document["asset_set"].update(total_cost=1e6)), says="assets"),
    Case("part has another size", 12, QUARANTINED, stage=part(having(bytes=7)), says="bytes"),
    Case("part has another size before compression", 12, QUARANTINED, stage=part(having(raw_bytes=7))),
    Case("part has another hash", 12, QUARANTINED, stage=part(having(sha256="0" * 64)), says="(?i)sha"),
    Case("part has no hash of that length", 12, QUARANTINED, stage=part(having(sha256="abc"))),
    Case("part has another number of rows", 12, QUARANTINED, stage=part(having(rows=1))),
    Case("part has a set that the response lacks", 12, QUARANTINED, stage=part(having(set=7))),
    Case("part of allocations is said to hold assets", 12, QUARANTINED, stage=part(having(kind="assets"))),
    Case("part of assets is said to hold allocations", 12, QUARANTINED, stage=part(having(kind="allocation"), 1)),
]

POINTERS = [
    Case("part is named twice", 2, QUARANTINED, stage=manifest(lambda document: document["parts"].append(document["parts"][0]))),
    Case("all parts are missing in the manifest", 12, QUARANTINED, stage=manifest(having(parts=[]))),
    Case("part points to another cluster", 12, QUARANTINED, stage=part(lambda found: found.update(key=found["key"].replace("/case-", "/other-")))),
    Case("part points to another run", 12, QUARANTINED, stage=manifest(of_another_run)),
    Case("part points into the lake", 12, QUARANTINED, stage=part(having(key="lake/account_id=1/x.snappy.parquet"))),
    Case("part points upwards", 12, QUARANTINED, stage=part(lambda found: found.update(key=found["key"].replace("allocation-", "../allocation-")))),
    Case("part points upwards in an encoding", 12, QUARANTINED, stage=part(lambda found: found.update(key=found["key"].replace("allocation-", "%2e%2e%2fallocation-")))),
    Case("part points to the manifest", 12, QUARANTINED, stage=part(lambda found: found.update(key=found["key"].rsplit("/", 1)[0] + "/manifest.json"))),
    Case("part points nowhere", 12, QUARANTINED, stage=part(having(key=""))),
    Case("part has a key of 2000 letters", 12, QUARANTINED, stage=part(lambda found: found.update(key=found["key"].rsplit("/", 1)[0] + "/" + "a" * 2000))),
    Case("part points to one that does not exist", 12, QUARANTINED, stage=part(lambda found: found.update(key=found["key"].replace("0001", "0009"))), says="missing"),
]


def frame(blocks, window_log=17):
    """A frame of zstd that was made by hand: blocks that repeat one byte, and a window."""
    head = struct.pack("<IBB", 0xFD2FB528, 0, (window_log - 10) << 3)
    body = b""
    for index, (byte, size) in enumerate(blocks):
        last = index == len(blocks) - 1
        body += struct.pack("<I", last | 1 << 1 | size << 3)[:3] + byte
    return head + body


def skippable(size):
    return struct.pack("<II", 0x184D2A50, size) + b"s" * size


BOMB = frame([(b" ", 128 * 1024)] * 256)

COMPRESSION = [
    Case("part is a bomb of zstd", 12, QUARANTINED, stage=content(lambda _: BOMB)),
    Case("part is a bomb that the manifest admits", 12, QUARANTINED, stage=content(lambda _: BOMB, raw_bytes=32 << 20)),
    Case("part ends with many spaces", 21, WHOLE, stage=stage(with_spaces)),
    Case("part has a window of 1 GiB", 21, QUARANTINED, stage=content(lambda _: frame([(b" ", 1000)], window_log=30))),
    Case("part has a window of 2 GiB", 21, QUARANTINED, stage=content(lambda _: frame([(b" ", 1000)], window_log=31))),
    Case("part is made of two frames", 10, WHOLE, stage=content(lambda text: compressed(text[:1000]) + compressed(text[1000:]))),
    Case("part begins with a skippable frame", 10, WHOLE, stage=content(lambda text: skippable(100) + compressed(text))),
    Case("part has skippable frames within", 10, WHOLE, stage=content(lambda text: compressed(text[:1000]) + skippable(70_000) + compressed(text[1000:]) + skippable(0))),
    Case("part is nothing but a skippable frame", 12, QUARANTINED, stage=content(lambda _: skippable(100))),
    Case("part is cut within a frame", 12, QUARANTINED, stage=content(lambda text: compressed(text)[:-100])),
    Case("part is cut within its second frame", 12, QUARANTINED, stage=content(lambda text: compressed(text[:1000]) + compressed(text[1000:])[:-3])),
    Case("part has bytes after its frame", 12, QUARANTINED, stage=content(lambda text: compressed(text) + b"and more")),
    Case("part is not compressed", 12, QUARANTINED, stage=content(lambda text: text)),
    Case("part is empty", 12, QUARANTINED, stage=content(lambda _: b"")),
    Case("part holds rows of another day", 1, QUARANTINED, stage=content(lambda text: compressed(text.replace(b"T00:00:00Z", b"T05:00:00Z")))),
    Case("part holds rows of another cluster", 6, QUARANTINED, stage=content(lambda text: compressed(text.replace(b'"cluster": "case-', b'"cluster": "other-', 1)))),
    Case("part holds a total that is not finite", 7, QUARANTINED, stage=content(lambda text: compressed(text.replace(b'"totalCost": ', b'"totalCost": 1e308, "x": ')))),
]


def at(key):
    """Writes the manifest of a good set under another key."""

    def run(fleet, case):
        made = StagedSet(fleet, case.cluster)
        made.write(key=key(made))

    return run


KEYS = [
    Case("manifest below a key with dots", 12, IGNORED, stage=at(lambda made: f"{made.prefix}../manifest.json")),
    Case("manifest below a key with two slashes", 12, IGNORED, stage=at(lambda made: f"{made.prefix}/manifest.json")),
    Case("manifest below a day that does not exist", 12, IGNORED, stage=at(lambda made: made.prefix.replace("-11-", "-13-") + "manifest.json")),
    Case("manifest below a run that is none", 12, IGNORED, stage=at(lambda made: made.prefix.replace(made.run, "latest") + "manifest.json")),
    Case("manifest below an encoded key", 12, IGNORED, stage=at(lambda made: made.prefix.replace(made.run, f"%2e%2e/{made.run}") + "manifest.json")),
    Case("manifest below a key with letters of all kinds", 12, IGNORED, stage=at(lambda made: made.prefix.replace(made.run, "日本 +&=?#") + "manifest.json")),
    Case("manifest with a run of the future", 19, QUARANTINED, stage=at(lambda made: made.prefix.replace(made.run, "1" + made.run[1:]) + "manifest.json")),
    Case("manifest below a cluster with another spelling", 12, IGNORED, stage=at(lambda made: made.prefix.replace("/case-", "/CASE-") + "manifest.json")),
]

CASES = [*fields(), *TEXTS, *IDENTITY, *CLAIMS, *POINTERS, *COMPRESSION, *KEYS]
