"""The SQL questions in DuckDB, and the program's own results, on the same lakes."""

import datetime
import json
import math
import os
import pathlib
import re
import shutil
import subprocess

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "target" / os.environ.get("KUBECOST_LAKE_PROFILE", "debug") / "kubecost-lake"
SQL = sorted(path.stem for path in (ROOT / "infra/sql").glob("*.sql") if path.stem != "costs")
# Only as SQL.
ONLY_SQL = {"rightsizing", "bill", "bill_by_node"}
CUR = """CREATE TEMP TABLE cur2 AS SELECT * FROM (VALUES
    (TIMESTAMP '2026-11-20 05:00:00', 'i-00000000000000001', 'AmazonEC2', 1.5, 'USD'),
    (TIMESTAMP '2026-11-20 06:00:00', 'i-00000000000000001', 'AmazonEC2', 0.5, 'USD'),
    (TIMESTAMP '2026-11-20 06:00:00', 'i-00000000000000001', 'AmazonS3', 9.0, 'USD')
) AS t(line_item_usage_start_date, line_item_resource_id, line_item_product_code, line_item_unblended_cost, line_item_currency_code)"""
LABEL = "team"
FIRST = datetime.date(2026, 10, 20)


def run(*arguments, status=0):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=300)
    assert done.returncode == status, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    directory = tmp_path_factory.mktemp("demo")
    run("demo", "--lake", directory)
    return directory


def row(name, namespace, cost, labels=None, **values):
    """A row as an older table has it, without the columns that came later."""
    numbers = dict.fromkeys(
        ["minutes", "cpuCoreHours", "cpuCoreRequestAverage", "cpuCoreUsageAverage", "ramByteHours", "ramByteRequestAverage"]
        + ["ramByteUsageAverage", "gpuHours", "pvByteHours", "networkTransferBytes", "sharedCost", "externalCost"]
        + [part + suffix for part in ["cpu", "ram", "gpu", "pv", "network", "loadBalancer"] for suffix in ["Cost", "CostAdjustment"]],
        0.0,
    )
    texts = dict.fromkeys(
        ["controllerKind", "controller", "pod", "container", "node", "providerID", "node_instance_type", "node_availability_zone"]
        + ["node_nodegroup", "node_capacity_type"],
        "",
    )
    texts = {f"properties.{text}": value for text, value in texts.items()}
    return {"name": name, "properties.namespace": namespace, **texts, **numbers, "totalCost": cost, "labels": list((labels or {}).items()), **values}


def write(directory, account, cluster, day, rows, newer=None):
    for one in rows:
        one |= {"properties.eksClusterName": cluster, **(newer or {})}
    table = pa.Table.from_pylist(rows)
    index = table.column_names.index("labels")
    labels = pa.array([one["labels"] for one in rows], pa.map_(pa.string(), pa.string()))
    table = table.set_column(index, "labels", labels)
    for offset, name in enumerate(["window.start", "window.end"]):
        moment = datetime.datetime.combine(day + datetime.timedelta(days=offset), datetime.time(), datetime.UTC)
        table = table.append_column(name, pa.array([moment] * len(rows), pa.timestamp("ms", tz="UTC")))
    file = directory / f"lake/account_id={account}/region=eu-west-1/year={day:%Y}/month={day:%m}/{day}_{cluster}.snappy.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, file, compression="snappy")


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Two clusters of one name, two currencies, files with and without newer columns and label columns, credits, gaps, an anomaly, GPUs."""
    directory = tmp_path_factory.mktemp("mixed")
    for number in range(25):
        day = FIRST + datetime.timedelta(days=number)
        if number == 5:
            continue
        usage = {
            "minutes": 1440.0,
            "cpuCoreHours": 48.0,
            "cpuCoreRequestAverage": 2.0,
            "cpuCoreUsageAverage": 0.1 * number,
            "ramByteHours": 24.0 * 2**30,
            "ramByteRequestAverage": 2.0**30,
            "ramByteUsageAverage": 2.0**29,
            "cpuCost": 3.0 + number % 3,
            "cpuCostAdjustment": -0.25,
            "ramCost": 1.0,
            "properties.node_instance_type": "m6i.large",
            "properties.node_nodegroup": "workers",
        }
        capacity = "SPOT" if number % 2 else "on-demand"
        surge = 80.0 if number == 23 else 0.0
        rows = [
            row("c/n/shop/p/web", "shop", 4.0 + number % 3 + surge, {"team": "a", "x_y": "1"}, **usage)
            | {"properties.controllerKind": "deployment", "properties.controller": "web", "properties.node_capacity_type": capacity},
            row("c/n/search/p/x", "search", 2.5, {"app": "x"}, **usage) | {"properties.controller": "search", "loadBalancerCost": 0.5},
            row("c/n/__idle__", "", -1.5 if number == 3 else 2.0, cpuCost=2.0) | {"properties.node_capacity_type": "ON_DEMAND"},
            row("c/__unmounted__", "__unmounted__", 0.3, pvCost=0.3, pvByteHours=2.0**30),
            row("__unallocated__", "__unallocated__", -0.2, minutes=0.0),
        ]
        rows += [row(f"c/n/</script>{i}/p/x", f"</script>{i}", 0.01 * i, {"team": f"t{i % 7}"}) for i in range(20)]
        write(directory, "111122223333", "one", day, rows, {"properties.labels.team": None} if number < 0 else None)
        if number >= 10:
            gpu = row("c/n/ml/p/train", "ml", 9.0, {"team": "b"}, gpuHours=24.0, gpuCost=8.0) | {"gpuUsageAverage": 0.5, "gpuModel": "T4"}
            newer = {"currency": "EUR", "rowKind": "workload", "capacityType": "spot", "cpuCoreUsageMax": 1.5, "ramByteUsageMax": 2.0**30}
            write(directory, "012345678901", "one", day, [gpu], newer | {"properties.labels.team": "b"})
    return directory


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    return tmp_path_factory.mktemp("empty")


def result_of_duckdb(lake, question):
    database = duckdb.connect()
    database.execute("SET TimeZone = 'Asia/Tokyo'")
    if question == "bill_by_node":
        database.execute(CUR)
    *views, select = [part for part in run("questions", question, "--engine", "duckdb", "--lake", lake).split(";\n") if part.strip()]
    for view in views:
        database.execute(view)
    result = database.execute(select)
    names = [column[0] for column in result.description]
    return [dict(zip(names, values)) for values in result.fetchall()]


def keyed(rows):
    """Rows by their texts; numbers apart."""
    found = {}
    for one in rows:
        texts = {name: str(value) for name, value in one.items() if isinstance(value, (str, datetime.date))}
        key = tuple(sorted(texts.items()))
        assert key not in found
        found[key] = {name: value for name, value in one.items() if name not in texts}
    return found


@pytest.mark.parametrize("lake", ["demo", "mixed", "empty"])
@pytest.mark.parametrize("question", SQL)
def test_the_program_gives_what_the_sql_files_give(request, lake, question):
    directory = request.getfixturevalue(lake)
    expected = result_of_duckdb(directory, question)
    if question in ONLY_SQL:
        return
    results = json.loads(run("query", question, "--lake", directory, "--format", "json"))
    assert (expected == []) == (results == [])
    if lake != "empty" and question not in ("gpu", "anomalies"):
        assert expected, "the lake has no such costs"
    found, expected = keyed(results), keyed(expected)
    assert found.keys() == expected.keys()
    for key, numbers in expected.items():
        assert found[key] == {name: value if value is None else pytest.approx(float(value), rel=1e-9, abs=1e-9) for name, value in numbers.items()}, key


def test_the_questions_find_what_is_in_the_lake(mixed):
    query = lambda name, *more: json.loads(run("query", name, "--lake", mixed, "--format", "json", *more))
    surges = query("anomalies")
    assert [(one["namespace"], one["day"]) for one in surges] == [("shop", str(FIRST + datetime.timedelta(days=23)))]
    assert [one["missing_days"] for one in query("data_quality")] == [0, 1]
    assert {one["currency"] for one in query("cost_by_team")} == {"EUR", "USD"}
    assert query("gpu")[0] | {"usage": 0.5, "gpu_model": "T4", "gpu_hours": 15 * 24} == query("gpu")[0]
    assert query("volumes")[0]["row_kind"] == "unmounted"
    assert {one["team"] for one in query("cost_by_team", "--label", "x.y")} >= {"1"}
    spot = {(one["currency"], one["capacity_type"]): one["saved"] for one in query("spot_savings")}
    assert spot["USD", "spot"] is not None and spot["USD", "on-demand"] is None and spot["EUR", "spot"] is None


def test_teams_add_up_to_the_total_in_cents(mixed):
    total = {}
    for one in result_of_duckdb(mixed, "cost_per_day"):
        total[one["currency"]] = total.get(one["currency"], 0) + one["cost"]
    for rules in ["idle=proportional", "idle=even", "idle=none,namespaces=__unmounted__:even,search:proportional"]:
        teams = json.loads(run("query", "cost_by_team", "--lake", mixed, "--format", "json", "--share", rules))
        for currency, cost in total.items():
            cents = sum(round(one["cost"] * 100) for one in teams if one["currency"] == currency)
            assert abs(cents - cost * 100) < 0.51, rules
    assert not any(one["namespace"] == "search" for one in teams if "namespace" in one)
    run("query", "cost_by_team", "--lake", mixed, "--share", "idle=x", status=2)


def test_days_can_be_selected(mixed):
    day = FIRST + datetime.timedelta(days=12)
    rows = json.loads(run("query", "cost_per_day", "--lake", mixed, "--format", "json", "--from", day, "--to", day))
    assert rows and {one["day"] for one in rows} == {str(day)}


def test_status_names_what_is_missing(mixed, demo, empty):
    document = json.loads(run("status", "--lake", mixed, "--output", "json", status=3))
    assert [(one["day"], one["finding"]) for one in document["findings"]] == [(str(FIRST + datetime.timedelta(days=5)), "missing")]
    assert [one["days"] for one in document["clusters"]] == [15, 24]
    assert "has no days" in run("status", "--lake", empty, status=3)
    table = run("status", "--lake", demo)
    assert re.search(r"111122223333/eu-west-1/shop-production .* 46,830 +USD", table), table
    foreign = mixed / "lake/account_id=111122223333/notes.txt"
    foreign.write_text("x")
    assert "foreign file" in run("status", "--lake", mixed, status=3)
    foreign.unlink()
    run("status", "--lake", mixed / "absent", status=1)


def test_assets_that_do_not_say_what_no_allocation_contains_are_refused(mixed, tmp_path):
    shutil.copytree(mixed / "lake", tmp_path / "lake")
    day = next((tmp_path / "lake").rglob("*.parquet")).relative_to(tmp_path / "lake")
    assets = tmp_path / "assets" / day
    assets.parent.mkdir(parents=True)
    for metadata in [{}, {"uncovered_cost": "much"}]:
        pq.write_table(pa.table({"totalCost": [1.0]}).replace_schema_metadata(metadata), assets)
        done = subprocess.run([PROGRAM, "status", "--lake", tmp_path], capture_output=True, text=True, timeout=300)
        assert done.returncode == 1 and "the footer's 'uncovered_cost' is missing or no number" in done.stderr
    pq.write_table(pa.table({"totalCost": [1.0]}).replace_schema_metadata({"uncovered_cost": "0.25"}), assets)
    document = json.loads(run("status", "--lake", tmp_path, "--format", "json", status=3))
    assert sorted(one["uncovered_cost"] for one in document["clusters"])[-1] == 0.25


def test_status_agrees_with_the_files(demo):
    document = json.loads(run("status", "--lake", demo, "--format", "json"))
    assert document["complete"] is True and document["findings"] == []
    files = f"read_parquet('{demo}/lake/**/*.parquet', union_by_name = true)"
    rows, cost = duckdb.sql(f'SELECT count(*), sum("totalCost") FROM {files}').fetchall()[0]
    assert sum(one["rows"] for one in document["clusters"]) == rows
    assert math.isclose(sum(one["cost"] for one in document["clusters"]), cost, rel_tol=1e-9)


def test_each_question_is_listed_and_csv_has_its_columns(demo):
    heading, *listed = run("questions").splitlines()
    assert heading.split() == ["question", "what"] and {line.split()[0] for line in listed} == set(SQL)
    assert {row["question"] for row in json.loads(run("questions", "--format", "json"))} == set(SQL)
    assert run("query", "cost_by_namespace", "--lake", demo, "--format", "csv").splitlines()[0] == "currency,cluster_id,namespace,cost,share"


def test_the_schema_is_the_tables(demo):
    columns = json.loads(run("schema", "--labels", "team", "--format", "json"))
    for table, folder in [("allocations", "lake"), ("assets", "assets")]:
        names = [column["column"] for column in columns if (column["table"], column["place"]) == (table, "file")]
        file = next(demo.glob(f"{folder}/**/*.parquet"))
        assert [name for name in names if name != "properties.labels.team"] == pq.read_schema(file).names
    assert {column["table"] for column in json.loads(run("schema", "--table", "assets", "--format", "json"))} == {"assets"}
    allocations, assets = run("schema", "--format", "ddl").split("\n\n")
    assert allocations.startswith("CREATE EXTERNAL TABLE kubecost_table (") and "`window.start` timestamp" in allocations
    assert "EXTERNAL TABLE kubecost_table_assets (" in assets and "LOCATION 's3://BUCKET/assets/'" in assets
    assert "LOCATION 's3://finops/costs/'" in run("schema", "--format", "ddl", "--table", "allocations", "--location", "s3://finops/costs/")


def test_the_bill_is_the_allocations_and_what_no_allocation_contains(demo, mixed):
    bills = result_of_duckdb(demo, "bill")
    for bill in bills:
        assert math.isclose(bill["bill"], bill["allocations"] + bill["cluster_fee"] + bill["disks"] + bill["others"], rel_tol=1e-12)
        assert bill["assets"] == "all"
    # The recorded OpenCost has two nodes, each with a disk of its own.
    disks = {bill["cluster_id"].split("/")[-1]: bill["disks"] for bill in bills}
    assert sorted(disks.values()) == [0, pytest.approx(0.211932, abs=1e-6)], disks
    files = f"read_parquet('{demo}/assets/**/*.parquet')"
    uncovered = duckdb.sql(f'SELECT sum("totalCost") FROM {files} WHERE NOT covered').fetchall()[0][0]
    assert math.isclose(sum(bill["bill"] - bill["allocations"] for bill in bills), uncovered, rel_tol=1e-9)
    # A lake from before the table of assets.
    assert {(bill["assets"], bill["bill"] - bill["allocations"]) for bill in result_of_duckdb(mixed, "bill")} == {("none", 0)}
