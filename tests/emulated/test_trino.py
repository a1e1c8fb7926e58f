"""Trino, the engine behind Athena, reads what the programs wrote and registered, through Terraform's table and view."""

import calendar
import csv
import dataclasses
import datetime
import io
import json
import math
import os
import re
import subprocess

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aws import BINARIES, BUCKET, PLACE, lake_key, lake_prefix
from deployed import ASSETS_TABLE, DEPLOYED, TABLE, partitions
from recorded_kubecost import RECORDINGS, Kubecost, settled_days
from servers import ROOT, serving, wait_for
from trino import QueryFailed, started

pytestmark = pytest.mark.skipif(
    not os.environ.get("KUBECOST_LAKE_TRINO"), reason="KUBECOST_LAKE_TRINO is not set to the directory that tests/tools/trino.sh prints"
)

# The cluster of the other tests, with the pipeline's functions, and one whose account begins with a zero, which a number would lose.
FIRST = PLACE
SECOND = ("012345678901", "eu-west-1")
SECOND_CLUSTER = f"arn:aws:eks:{SECOND[1]}:{SECOND[0]}:cluster/shop"
CONFIGURED = ["--labels", "team,app.kubernetes.io/name", "--annotations", "example.com/owner"]
# The default of the module's view_months.
VIEW_MONTHS = 6
# Sums differ only by the order of their terms.
TOLERANCE = 1e-9

SOURCE_ROWS = list(json.loads((RECORDINGS / "kubecost_allocation_1day.json").read_text())["data"][0].values())
TYPES = {"string": "varchar", "double": "double", "timestamp": "timestamp(3)"}
BASE_COLUMNS = [
    (column["glue_column"], TYPES[column["glue_type"]]) for column in csv.DictReader(open(ROOT / "shared/table/tests/table-columns.csv"))
]


class OwnedKubecost(Kubecost):
    """Adds the annotation that the table has a column for."""

    def respond(self, status, body):
        super().respond(status, body.replace(b'"kubernetes_io_psp"', b'"example_com_owner"'))


def months_before(day, months):
    """Subtracts months as SQL does: to the last day of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return datetime.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def partition_of(place, day):
    return *place, f"{day:%Y}", f"{day:%m}"


def days_of(lake, place):
    """The days that have an object in the bucket."""
    return sorted(datetime.date.fromisoformat(key.split("/")[-1][:10]) for key in lake.keys(f"lake/account_id={place[0]}/"))


@pytest.fixture(scope="session")
def trino(aws, glue, tmp_path_factory):
    """A server that starts while the lake is filled."""
    with started(tmp_path_factory.getbasetemp() / "trino", glue[0], aws.endpoint) as server:
        yield server


@dataclasses.dataclass
class Costs:
    """The lake of two accounts. In the second, only the newest day's file has the columns of labels and annotations."""

    query: callable
    days: dict
    before_the_view: datetime.date

    def columns(self, table):
        """Names and types, as Trino reports them."""
        return [row[:2] for row in self.query(f"SHOW COLUMNS FROM {table}")]


@pytest.fixture(scope="module")
def costs(trino, lake, glue, export, tmp_path_factory):
    settled = settled_days()
    newest, second_newest = settled[:2]
    border = months_before(datetime.datetime.now(datetime.timezone.utc).date(), VIEW_MONTHS)
    # One day before and after the border, since midnight may pass.
    before, after = border - datetime.timedelta(days=1), border + datetime.timedelta(days=1)
    export()
    directory = tmp_path_factory.mktemp("second")
    with serving(OwnedKubecost) as source:
        for day, options in [(before, []), (after, []), (second_newest, []), (newest, CONFIGURED)]:
            command = [BINARIES / "kubecost-lake", "collect", "--source", source, "--cluster", SECOND_CLUSTER, "--lake", directory]
            done = subprocess.run([*command, "--from", str(day), "--to", str(day), *options], capture_output=True, text=True, timeout=300)
            assert done.returncode == 0, done.stderr
    for file in [*directory.glob("lake/**/*.parquet"), *directory.glob("assets/**/*.parquet")]:
        lake.s3.upload_file(str(file), BUCKET, str(file.relative_to(directory)))
    wait_for(lambda: set(settled) <= set(days_of(lake, FIRST)))
    days = {FIRST: days_of(lake, FIRST), SECOND: [before, after, second_newest, newest]}
    assert days_of(lake, SECOND) == days[SECOND]
    expected = {partition_of(place, day) for place in days for day in days[place]}
    for table in [TABLE["GLUE_TABLE_NAME"], ASSETS_TABLE]:
        wait_for(lambda: {tuple(partition["Values"]) for partition in partitions(glue[1], table)} == expected)
    trino.wait_until_started()
    return Costs(trino.query, days, before)


def counts(days):
    return sorted((*place, str(day), len(SOURCE_ROWS)) for place in days for day in days[place])


COUNTS = 'SELECT account_id, region, CAST(date("window.start") AS varchar), count(*) FROM {} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3'


def test_each_day_of_each_account_has_all_its_rows(costs):
    # A partition with a wrong location has no rows, and causes no error.
    assert costs.query(COUNTS.format("kubecost_table")) == counts(costs.days)


def test_partitions_are_texts_of_the_keys_that_their_rows_lie_below(costs):
    expected = sorted({partition_of(place, day) for place in costs.days for day in costs.days[place]})
    assert costs.query('SELECT * FROM "kubecost_table$partitions" ORDER BY account_id, region, year, month') == expected
    assert costs.columns("kubecost_table")[-4:] == [(name, "varchar") for name in ["account_id", "region", "year", "month"]]
    rows = costs.query('SELECT DISTINCT account_id, region, date("window.start"), "$path" FROM kubecost_table')
    assert rows
    for account, region, day, path in rows:
        assert path.startswith(f"s3://{BUCKET}/{lake_prefix(datetime.date.fromisoformat(day), (account, region))}{day}_")


def test_sums_of_all_numbers_are_the_sources(costs):
    numbers = [name for name, kind in costs.columns("kubecost_table") if kind == "double"]
    source = [{field.lower(): value for field, value in row.items()} for row in SOURCE_ROWS]
    for row in source:
        # Maxima and averages of GPUs stand in objects of their own.
        for nested in [row.get("rawallocationonly") or {}, row.get("gpuallocation") or {}]:
            row.update({field.lower(): value for field, value in nested.items() if value is not None})

    expected = {}
    for number in numbers:
        values = [row[number] for row in source if number in row]
        # A missing value of a newer number is null, not zero.
        known = values or (number, "double") in BASE_COLUMNS
        expected[number] = pytest.approx(math.fsum(values), rel=TOLERANCE) if known else None
    sums = ", ".join(f'sum("{number}")' for number in numbers)
    found = costs.query(f'SELECT {sums} FROM kubecost_table GROUP BY account_id, "window.start"')
    assert len(found) == sum(map(len, costs.days.values()))
    for row in found:
        assert dict(zip(numbers, row)) == expected


def test_every_column_has_the_values_that_were_written(lake, costs):
    day = costs.days[SECOND][-1]
    key = lake_key(day, SECOND, "shop")
    rows = costs.query(f"""SELECT * FROM kubecost_table WHERE "$path" = 's3://{BUCKET}/{key}' ORDER BY name""")
    file = pq.read_table(io.BytesIO(lake.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())).sort_by("name")
    written = {name.lower(): file[name].to_pylist() for name in file.column_names}
    for name in ["window.start", "window.end", "observed.start", "observed.end"]:
        written[name] = [f"{moment:%Y-%m-%d %H:%M:%S}.000" for moment in written[name]]
    for name in ["labels", "annotations", "namespacelabels", "namespaceannotations"]:
        written[name] = [dict(pairs) for pairs in written[name]]
    # Trino's rows are lists of their fields.
    for name in ["pvs", "lballocations"]:
        written[name] = [[list(item.values()) for item in items] for items in written[name]]
    for name, value in zip(["account_id", "region", "year", "month"], partition_of(SECOND, day)):
        written[name] = [value] * file.num_rows
    names = [name for name, _ in costs.columns("kubecost_table")]
    assert sorted(names) == sorted(written)
    for name, values in zip(names, zip(*rows)):
        assert list(values) == written[name], name


def test_labels_and_annotations_are_in_columns_younger_than_some_files(costs):
    found = costs.query(
        """SELECT CAST(date("window.start") AS varchar), count("properties.labels.team"),
            count("properties.labels.app.kubernetes.io/name"), count("properties.annotations.example.com/owner")
        FROM kubecost_table WHERE account_id = '012345678901' GROUP BY 1 ORDER BY 1"""
    )
    *older, newest = costs.days[SECOND]
    rows = len(SOURCE_ROWS)
    assert found == [*((str(day), 0, 0, 0) for day in older), (str(newest), rows, rows, rows)]
    # In files with the column, a row without the label has an empty text.
    different = costs.query(
        f"""SELECT name FROM kubecost_table
        WHERE (account_id = '{FIRST[0]}' OR "window.start" = TIMESTAMP '{newest} 00:00:00')
            AND ("properties.labels.team" IS DISTINCT FROM coalesce(element_at(labels, 'team'), '')
            OR "properties.labels.app.kubernetes.io/name" IS DISTINCT FROM coalesce(element_at(labels, 'app_kubernetes_io_name'), '')
            OR "properties.annotations.example.com/owner" IS DISTINCT FROM coalesce(element_at(annotations, 'example_com_owner'), ''))"""
    )
    assert different == []


def test_maps_have_all_labels_of_all_days(costs):
    teams = {row["name"]: (row["properties"].get("labels") or {}).get("team") for row in SOURCE_ROWS}
    found = costs.query("SELECT name, element_at(labels, 'team'), count(*) FROM kubecost_table GROUP BY 1, 2")
    files = sum(map(len, costs.days.values()))
    assert sorted(found, key=str) == sorted(((name, team, files) for name, team in teams.items()), key=str)
    assert len(set(teams.values())) > 2


def test_the_view_has_the_tables_columns_without_maps_and_lists(costs):
    table, view = costs.columns("kubecost_table"), costs.columns("kubecost_view")
    nested = [column for column in table if column not in view]
    names = ["labels", "annotations", "services", "pvs", "lballocations", "namespacelabels", "namespaceannotations"]
    assert [name for name, _ in nested] == names
    assert all(kind.startswith(("map(", "array(")) for _, kind in nested)
    assert view == [column for column in table if column not in nested]
    assert view[: len(BASE_COLUMNS)] == BASE_COLUMNS


def test_the_view_shows_the_last_months_as_the_table_has_them(costs):
    assert costs.before_the_view in costs.days[SECOND]
    shown = {place: [day for day in days if day != costs.before_the_view] for place, days in costs.days.items()}
    assert costs.query(COUNTS.format("kubecost_view")) == counts(shown)
    names = ", ".join(f'"{name}"' for name, _ in costs.columns("kubecost_view"))
    assert costs.query(f"SELECT {names} FROM kubecost_view EXCEPT SELECT {names} FROM kubecost_table") == []


def test_the_statements_in_the_documents_run_unchanged(costs):
    documents = "\n".join(path.read_text() for path in sorted((ROOT / "infra/docs").glob("*.md")))
    blocks = re.findall(r"<<'SQL'\n(.*?)^SQL$", documents, re.MULTILINE | re.DOTALL)
    statements = [statement for block in blocks for statement in block.split(";") if statement.strip()]
    assert statements
    for statement in statements:
        assert costs.query(statement), statement


def test_partitions_registered_before_an_upgrade_have_the_columns_of_newer_files(glue, costs):
    """The list of columns of such a partition ends before the newer ones; its files of after the upgrade have them."""
    day = costs.days[SECOND][-1]
    names = {"DatabaseName": TABLE["GLUE_DATABASE_NAME"], "TableName": TABLE["GLUE_TABLE_NAME"]}
    values = list(partition_of(SECOND, day))
    descriptor = glue[1].get_partition(**names, PartitionValues=values)["Partition"]["StorageDescriptor"]
    newer = [column["Name"] for column in descriptor["Columns"]].index("cpucoreusagemax")
    older = {**descriptor, "Columns": descriptor["Columns"][:newer]}
    select = f"""SELECT name, rowkind, "observed.start", pvs, namespacelabels, "totalcost" FROM kubecost_table
        WHERE account_id = '{SECOND[0]}' AND "window.start" = TIMESTAMP '{day} 00:00:00' ORDER BY name"""
    expected = costs.query(select)
    assert len(expected) == len(SOURCE_ROWS) and all(row[1] for row in expected)
    glue[1].update_partition(**names, PartitionValueList=values, PartitionInput={"Values": values, "StorageDescriptor": older})
    try:
        columns = glue[1].get_partition(**names, PartitionValues=values)["Partition"]["StorageDescriptor"]["Columns"]
        assert len(columns) == newer
        assert costs.query(select) == expected
    finally:
        glue[1].update_partition(**names, PartitionValueList=values, PartitionInput={"Values": values, "StorageDescriptor": descriptor})


QUESTIONS = sorted(path.stem for path in (ROOT / "infra/sql").glob("*.sql") if path.stem != "costs")
# A Cost and Usage Report without lines.
CUR = """CREATE VIEW cur2 AS SELECT * FROM (VALUES
    (TIMESTAMP '2000-01-01 00:00:00', 'i-0', 'AmazonEC2', 1.5e0, 'USD')
) AS t(line_item_usage_start_date, line_item_resource_id, line_item_product_code, line_item_unblended_cost, line_item_currency_code)"""


def printed(*arguments):
    command = [BINARIES / "kubecost-lake", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout


@pytest.fixture(scope="module")
def questions(lake, costs, tmp_path_factory):
    """The view of the questions in Trino, and the same lake as a directory."""
    directory = tmp_path_factory.mktemp("questions")
    for key in [*lake.keys("lake/account_id="), *lake.keys("assets/account_id=")]:
        file = directory / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(lake.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    costs.query(f"CREATE VIEW costs AS {printed('questions', 'costs')}")
    costs.query(CUR)
    return directory


def keyed(names, rows):
    """The numbers of rows by their texts."""
    found = {}
    for row in rows:
        named = dict(zip(names, row))
        texts = {name: value for name, value in named.items() if isinstance(value, str)}
        found[tuple(sorted(texts.items()))] = {name: value for name, value in named.items() if name not in texts}
    assert len(found) == len(rows)
    return found


def assert_agree(names, found, expected):
    """Sums depend on the order in which an engine adds, and so does the order of rows that are equal but for that."""
    found, expected = keyed(names, found), keyed(names, expected)
    assert found.keys() == expected.keys()
    for key, numbers in expected.items():
        approximate = {name: value if value is None else pytest.approx(value, rel=TOLERANCE, abs=TOLERANCE) for name, value in numbers.items()}
        assert found[key] == approximate, key


@pytest.mark.parametrize("question", QUESTIONS)
def test_questions_give_the_same_in_trino_and_duckdb(costs, questions, question):
    database = duckdb.connect()
    if question == "bill_by_node":
        database.execute(CUR.replace("VIEW", "TEMP VIEW"))
    *views, select = printed("questions", question, "--engine", "duckdb", "--lake", questions).split(";\n")
    for view in views:
        database.execute(view)
    result = database.execute(select)
    names = [column[0] for column in result.description]
    other = [[str(value) if isinstance(value, datetime.date) else value for value in row] for row in result.fetchall()]
    assert_agree(names, costs.query(printed("questions", question)), other)


@pytest.mark.parametrize("question", QUESTIONS)
def test_saved_queries_give_the_same_without_the_view(costs, questions, question):
    saved = DEPLOYED[f'module.pipeline.aws_athena_named_query.question["{question}"]']
    assert saved["database"] == TABLE["GLUE_DATABASE_NAME"] and len(saved["query"]) <= 262144 and len(saved["name"]) <= 128
    # Not the view, but the query's own expression of its name.
    query = saved["query"].replace("WITH costs AS (", "WITH own_costs AS (").replace("FROM costs", "FROM own_costs")
    assert "WITH own_costs AS" in query
    rows = costs.query(query)
    names = range(len(rows[0]) if rows else 0)
    assert_agree(names, rows, costs.query(printed("questions", question)))


@pytest.fixture(scope="module")
def broken(lake, glue, costs):
    """An object that is not Parquet, in a month before those of the view: queries that open it fail."""
    day = months_before(costs.before_the_view, 1)
    key = lake_key(day, SECOND, "broken")
    before = len(partitions(glue[1]))
    lake.s3.put_object(Bucket=BUCKET, Key=key, Body=b"not Parquet")
    wait_for(lambda: len(partitions(glue[1])) == before + 1)
    with pytest.raises(QueryFailed, match="broken.snappy.parquet"):
        costs.query("SELECT count(*) FROM kubecost_table")
    yield
    lake.s3.delete_object(Bucket=BUCKET, Key=key)
    names = {"DatabaseName": TABLE["GLUE_DATABASE_NAME"], "TableName": TABLE["GLUE_TABLE_NAME"]}
    glue[1].delete_partition(**names, PartitionValues=partition_of(SECOND, day))


FILTERS = {
    "an account": ("kubecost_table WHERE account_id = '111122223333'", lambda place, day, costs: place == FIRST),
    "a region": ("kubecost_table WHERE region = 'eu-central-1'", lambda place, day, costs: place == FIRST),
    "a year and month of an account": (
        "kubecost_table WHERE account_id = '012345678901' AND year = '{day:%Y}' AND month = '{day:%m}'",
        lambda place, day, costs: place == SECOND and f"{day:%Y%m}" == f"{costs.days[SECOND][-1]:%Y%m}",
    ),
    "the view": ("kubecost_view", lambda place, day, costs: day != costs.before_the_view),
}


@pytest.mark.parametrize(("filtered", "expected"), FILTERS.values(), ids=FILTERS.keys())
def test_no_object_of_another_partition_is_opened_for(costs, broken, filtered, expected):
    found = costs.query(f"SELECT count(*) FROM {filtered.format(day=costs.days[SECOND][-1])}")
    days = [day for place in costs.days for day in costs.days[place] if expected(place, day, costs)]
    assert found == [(len(days) * len(SOURCE_ROWS),)]


PREDECESSOR = ("210987654321", "eu-west-1")


def as_the_predecessor_writes_it(table):
    """The first columns as pandas writes them, with timestamps in nanoseconds without a time zone."""
    old = table.select(range(len(BASE_COLUMNS)))
    for index, name in enumerate(["window.start", "window.end"], old.column_names.index("window.start")):
        old = old.set_column(index, name, old[name].cast(pa.timestamp("ns", tz="UTC")).cast(pa.timestamp("ns")))
    file = io.BytesIO()
    pq.write_table(old, file)
    return file.getvalue()


def test_copied_and_registered_files_of_the_predecessor_have_the_same_rows(lake, glue, costs):
    day = costs.days[SECOND][-1]
    new = lake_key(day, SECOND, "shop")
    table = pq.read_table(io.BytesIO(lake.s3.get_object(Bucket=BUCKET, Key=new)["Body"].read()))
    original = lake_key(day, PREDECESSOR, "old").removeprefix("lake/")
    lake.s3.put_object(Bucket=BUCKET, Key=original, Body=as_the_predecessor_writes_it(table))
    partition = partition_of(PREDECESSOR, day)
    document = (ROOT / "infra/docs/UPGRADE.md").read_text()
    # As in the document, the copy happens before there are functions that new objects start.
    notifications = lake.notifications()
    lake.s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={})
    lake.s3.copy_object(Bucket=BUCKET, Key=f"lake/{original}", CopySource={"Bucket": BUCKET, "Key": original})
    lake.s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration=notifications)
    assert partition not in [tuple(known["Values"]) for known in partitions(glue[1])]
    lake.invoke(re.search(r"--function-name (\S+)", document)[1], json.loads(re.search(r"--payload '(.*)'", document)[1]))
    assert partition in [tuple(known["Values"]) for known in partitions(glue[1])]

    names = ", ".join(f'"{name}"' for name, _ in BASE_COLUMNS)
    where = f"year = '{day:%Y}' AND month = '{day:%m}' AND \"window.start\" = TIMESTAMP '{day} 00:00:00'"
    for source in ["kubecost_table", "kubecost_view"]:
        select = f"SELECT {names} FROM {source} WHERE {where} AND account_id = '{{}}' ORDER BY name"
        old, new = costs.query(select.format(PREDECESSOR[0])), costs.query(select.format(SECOND[0]))
        assert len(old) == len(SOURCE_ROWS) and old == new
