"""The fault matrix: programs of the pipeline as processes and as functions on emulated AWS, with faults in between."""

import concurrent.futures
import re

import pytest

import document_cases
import lambda_cases
import local_cases
import local_host
import plan_cases
import s3_cases
import source_cases
import sts_cases
from fleet import PANIC
from matrix import Matrix, table
from servers import ROOT

KINDS = {
    "source": source_cases.CASES,
    "S3": s3_cases.CASES,
    "credentials": sts_cases.CASES,
    "functions": lambda_cases.CASES,
    "inventories and plans": plan_cases.CASES,
    "manifests and parts": document_cases.CASES,
    "local host": local_cases.CASES,
}
CASES = {case.name: (kind, case) for kind, cases in KINDS.items() for case in cases}


@pytest.fixture(scope="module")
def results(request, clusters, tmp_path_factory):
    """The results of the cases that were selected."""
    names = {item.callspec.params["name"] for item in request.session.items if "name" in getattr(getattr(item, "callspec", None), "params", {})}
    cases = [case for name, (_, case) in CASES.items() if name in names]
    of_the_local_host = [case for case in cases if case.local]
    others = Matrix(clusters, [case for case in cases if not case.local])
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        local = pool.submit(local_host.run_cases, of_the_local_host, tmp_path_factory.mktemp("local"), clusters.sources_url)
        found = others.run() | local.result()
    return {name: found[name] for name in CASES if name in found}


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_lost_and_what_is_missing_is_seen(results, name):
    result = results[name]
    assert result.survived, f"{name}: {result.complaints}\n{result.log[-3000:]}"


def test_no_function_has_panicked(results, clusters):
    log = (clusters.directory / "ministack/log").read_text(errors="replace")
    assert "Lambda" in log and PANIC.findall(log) == []


def test_the_table_is_that_of_the_document(results):
    if len(results) < len(CASES):
        pytest.skip("not all cases were selected")
    found = table([(CASES[name][0], result) for name, result in results.items()])
    print(found)
    assert found in (ROOT / "SEMANTICS.md").read_text()


def test_each_case_has_a_name_of_its_own_and_a_promise():
    assert len({case.cluster for _, case in CASES.values()}) == sum(map(len, KINDS.values()))
    promises = {int(number) for number in re.findall(r"^\| (\d+) \|", (ROOT / "SEMANTICS.md").read_text(), re.MULTILINE)}
    assert {case.promise for _, case in CASES.values()} <= promises
