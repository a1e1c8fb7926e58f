"""Faults of the documents between exporter and backfill: the inventory of a run, and the plan for it."""

import json

from document_cases import TOO_LONG, having, without
from fault_proxy import Response, rewritten
from matrix import GAP, REFUSED, WHOLE, Case
from s3_cases import PLAN
from staged_sets import stage_inventory

# Without them there is no plan.
OF_INVENTORIES = ["version", "run", "cluster", "created_at", "source", "days"]
OF_PLANS = ["version", "run", "created_at", "days"]
SOON = {"PLAN_WAIT_SECONDS": "6"}
ANOTHER_RUN = "019aaaaa-0000-7000-8000-000000000001"
NO_PLAN = "no plan received: collecting only"


def inventories():
    for name in OF_INVENTORIES:
        yield Case(f"inventory without {name}", 34, REFUSED, stage=stage_inventory(without(name)))
        yield Case(f"inventory with {name} of another type", 34, REFUSED, stage=stage_inventory(having(**{name: {"no": "such"}})))
        yield Case(f"inventory with {name} null", 34, REFUSED, stage=stage_inventory(having(**{name: None})))
        yield Case(f"inventory with {name} too long", 34, REFUSED, stage=stage_inventory(having(**{name: TOO_LONG})))
    for name in ["observed", "producer"]:
        yield Case(f"inventory without {name}", 34, GAP, stage=stage_inventory(without(name)))
        yield Case(f"inventory with {name} of another type", 34, REFUSED, stage=stage_inventory(having(**{name: {"no": "such"}})))
    for name, document in {
        "of another version": {"version": 2},
        "of another cluster": {"cluster": "arn:aws:eks:eu-central-1:111122223333:cluster/other"},
        "of another run": {"run": ANOTHER_RUN},
        "with a day that does not exist": {"days": ["2026-02-30"]},
    }.items():
        yield Case(f"inventory {name}", 34, REFUSED, stage=stage_inventory(having(**document)))
    for name, text in {"empty": b"", "of garbage": b"\x00garbage", "nested without end": b"[" * 1_000_000}.items():
        yield Case(f"inventory {name}", 34, REFUSED, stage=stage_inventory(text=text))


def plan(change):
    """Changes the plan that the exporter reads."""

    def changed(response):
        if response.status != 200:
            return response
        document = json.loads(response.body)
        change(document)
        # The checksums are those of the plan as it was written.
        headers = [(name, value) for name, value in response.headers if not name.lower().startswith("x-amz-checksum")]
        return Response(200, headers, json.dumps(document).encode())

    return ((PLAN, rewritten(changed)),)


def plans():
    for name in OF_PLANS:
        yield Case(f"plan without {name}", 36, WHOLE, aws=plan(without(name)), settings=SOON, says=NO_PLAN)
        yield Case(f"plan with {name} of another type", 36, WHOLE, aws=plan(having(**{name: {"no": "such"}})), settings=SOON, says=NO_PLAN)
    for name, document in {
        "of another version": {"version": 2},
        "of another run": {"run": ANOTHER_RUN},
        "with an unknown reason": {"days": [{"date": "2026-11-20", "reason": "why not"}]},
        "too long": {"colour": TOO_LONG},
    }.items():
        yield Case(f"plan {name}", 36, WHOLE, aws=plan(having(**document)), settings=SOON, says=NO_PLAN)
    yield Case("plan without days of the inventory", 34, GAP, aws=plan(having(days=[{"date": "2026-01-01", "reason": "missing"}])), settings=SOON, says="ignored planned days")
    yield Case("plan of no days", 34, GAP, aws=plan(having(days=[])), settings=SOON)
    yield Case("plan with a day many times", 36, WHOLE, aws=plan(lambda document: document.update(days=document["days"] * 1000)), settings=SOON)


CASES = [*inventories(), *plans()]
