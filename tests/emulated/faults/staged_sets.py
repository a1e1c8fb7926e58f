"""Staged sets that the tests write themselves, as an exporter does, and with faults."""

import copy
import hashlib
import json
import random
import time
import uuid

import pyarrow as pa

import recorded_kubecost
from aws import BUCKET
from recorded_clusters import DAY, of_cluster

TEMPLATE = "template"


def run_id():
    """A UUIDv7 of now."""
    value = int(time.time() * 1000) << 80 | 7 << 76 | random.getrandbits(12) << 64 | 2 << 62 | random.getrandbits(62)
    return str(uuid.UUID(int=value))


def compressed(text):
    return pa.Codec("zstd").compress(text, asbytes=True)


class StagedSet:
    """The documents of a set, before they are written: a manifest and its parts by their keys."""

    def __init__(self, fleet, cluster):
        self.fleet, self.cluster, self.run = fleet, cluster, run_id()
        self.prefix = f"staging/{fleet.place(cluster)}/{self.run}/{DAY}/"
        template = copy.deepcopy(fleet.template())
        self.manifest = json.loads(json.dumps(template).replace(template["run"], self.run).replace(TEMPLATE, cluster))
        self.texts = [
            of_cluster(cluster, recorded_kubecost.moved("kubecost_allocation_1day.json", DAY)),
            of_cluster(cluster, recorded_kubecost.moved("kubecost_assets_1day_nodes.json", DAY), assets=True),
        ]
        self.objects = {}
        for part, text in zip(self.manifest["parts"], self.texts):
            self.replace(part, compressed(text), len(text))

    def replace(self, part, content, raw_bytes):
        """Writes other bytes into a part, and says so in the manifest."""
        self.objects[part["key"]] = content
        part |= {"bytes": len(content), "raw_bytes": raw_bytes, "sha256": hashlib.sha256(content).hexdigest()}

    def write(self, manifest=None, key=None):
        for name, content in self.objects.items():
            self.put(name, content)
        text = json.dumps(self.manifest).encode() if manifest is None else manifest
        self.put(key or f"{self.prefix}manifest.json", text)

    def put(self, key, content):
        self.fleet.emulator.s3.put_object(Bucket=BUCKET, Key=key, Body=content)


def stage_inventory(change=lambda _: None, text=None):
    """Stages the inventory of a run that then stages nothing, with its document changed or as another text."""

    def run(fleet, case):
        template, run = fleet.template_inventory(), run_id()
        document = json.loads(json.dumps(template).replace(template["run"], run).replace(TEMPLATE, case.cluster))
        change(document)
        content = json.dumps(document).encode() if text is None else text
        fleet.emulator.s3.put_object(Bucket=BUCKET, Key=f"staging/{fleet.place(case.cluster)}/{run}/inventory.json", Body=content)

    return run


def stage(change=lambda _: None, text=None):
    """Stages a set whose documents were changed, and whose manifest is another text."""

    def run(fleet, case):
        made = StagedSet(fleet, case.cluster)
        change(made)
        made.write(manifest=text(made) if text else None)

    return run


def stage_well(fleet, cluster):
    StagedSet(fleet, cluster).write()
