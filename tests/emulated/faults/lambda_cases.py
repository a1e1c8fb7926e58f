"""Faults of the functions: their processes, their time and memory, and the events that they get."""

import concurrent.futures

from aws import BUCKET
from fault_proxy import Fault, forwarded_then, silent
from fleet import SHORT, SMALL
from matrix import STOPS_IN_TIME, STUCK, WHOLE, Case
from s3_cases import READ_MANIFEST, READ_PART, WRITE_ASSETS, WRITE_DAY, killed
from staged_sets import StagedSet

TRANSFORM = "kubecost-lake-transform"


def near_its_timeout(fleet, case):
    """S3 takes the request for a part and does not respond: the function has no time to send another."""
    manifests = fleet.without_day(case.cluster)
    fleet.add("aws", Fault(READ_PART.replace("{cluster}", case.cluster), silent(60)))
    error = fleet.invoke(SHORT, manifests)
    assert error and "before the function's timeout" in error, error


def with_128_mb(fleet, case):
    error = fleet.invoke(SMALL, fleet.without_day(case.cluster))
    assert error is None, error


def at_once(fleet, case):
    """The same event eight times at once."""
    manifests = fleet.without_day(case.cluster)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        errors = list(pool.map(lambda _: fleet.invoke(TRANSFORM, manifests), range(8)))
    assert errors == [None] * 8, errors


def in_another_order(fleet, case):
    """Three sets of the day: their events come at once, then the newest first, each twice."""
    sets = [StagedSet(fleet, case.cluster) for _ in range(3)]
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda made: made.write(), reversed(sets)))
    manifests = [f"{made.prefix}manifest.json" for made in reversed(sets)]
    for key in manifests + manifests:
        assert fleet.invoke(TRANSFORM, [key]) is None
    found = fleet.run_of_the_day(case.cluster)
    assert found == max(made.run for made in sets), found


def of_objects_that_are_gone(fleet, case):
    """An event of a set that expired, after the day is in the lake."""
    manifests = fleet.staged(case.cluster)
    fleet.wait_for_day(case.cluster)
    for key in fleet.emulator.keys(manifests[0].rsplit("/", 1)[0]):
        fleet.emulator.s3.delete_object(Bucket=BUCKET, Key=key)
    assert fleet.invoke(TRANSFORM, manifests) is None


def with_others(fleet, case):
    """One event with a good object among others, which are gone, foreign, malformed or below keys with dots."""
    manifests = fleet.without_day(case.cluster)
    place = fleet.place(case.cluster)
    others = ["", "/", "staging/", f"staging/{place}/../x/manifest.json", f"staging/{place}/%2e%2e/manifest.json", "lake/x.parquet", "日本"]
    assert fleet.invoke(TRANSFORM, [*others, *manifests, *others]) is None
    assert "S3_BUCKET_NAME" in fleet.invoke(TRANSFORM, manifests, bucket="another-bucket")


CASES = [
    Case("function is killed while it reads the manifest", 35, WHOLE, aws=((READ_MANIFEST, killed, 1),)),
    Case("function is killed while it reads a part", 35, WHOLE, aws=((READ_PART, killed, 1),)),
    Case("function is killed while it writes assets", 47, WHOLE, aws=((WRITE_ASSETS, killed, 1),)),
    Case("function is killed while it writes the day", 35, WHOLE, aws=((WRITE_DAY, killed, 1),)),
    Case("function is killed after it wrote the day", 14, WHOLE, aws=((WRITE_DAY, forwarded_then(killed), 1),)),
    Case("function is killed at each attempt", 35, STUCK, aws=((READ_PART, killed),)),
    Case("backfill is killed while it makes a plan", 36, WHOLE, aws=(("PUT .*/{cluster}/plan.json", killed, 1),), settings={"PLAN_WAIT_SECONDS": "30"}),
    Case("function is near its timeout", STOPS_IN_TIME, STUCK, then=near_its_timeout),
    Case("function has 128 MB", 21, WHOLE, fat=True, then=with_128_mb),
    Case("event comes eight times at once", 14, WHOLE, then=at_once),
    Case("events come in another order", 14, WHOLE, then=in_another_order),
    Case("event of objects that are gone", 14, WHOLE, then=of_objects_that_are_gone),
    Case("event of many objects", 12, WHOLE, then=with_others),
]
